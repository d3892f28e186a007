// mqtt_api_private.h - shared by mqtt_api.c and mqtt_*_api.c.

#ifndef NH_PORTAL_MQTT_API_PRIVATE_H
#define NH_PORTAL_MQTT_API_PRIVATE_H

#include "portal/mqtt_api.h"

#define NH_MQTT_API_PAGE_MAX_COUNT 200
#define NH_MQTT_API_PAYLOAD_MAX_BYTES 2048 // that a person publishes

const struct nh_mqtt_api_config *nh_mqtt_api__config(const nh_mqtt_api_t *a);

// How much of `len` bytes to tell when `max` are the most: no character is cut in two. What is no
// text is cut anywhere.
size_t nh_mqtt_api__told_len(const void *bytes, size_t len, size_t max);
// A payload for people, as members of an object: "payload", its first 128 bytes when they are text;
// else null, and "hex".
void nh_mqtt_api__payload(nh_json_writer_t *w, const uint8_t *bytes, size_t len);
// "has_properties", when it has some of 5.0: published again from here it would lose them.
void nh_mqtt_api__kv_more(nh_json_writer_t *w, const struct nh_mqtt_message *m);
// A number of the query; without one `*out` stays. NH_ERR_RANGE: the reply says so.
NH_MUST_USE int nh_mqtt_api__number(nh_request_t *req, const char *name, uint32_t max, size_t *out);

int nh_mqtt_api__reply_ok(nh_request_t *req); // {"ok":true}

int nh_mqtt_api__get_clients(nh_request_t *req);
int nh_mqtt_api__post_disconnect(nh_request_t *req);
int nh_mqtt_api__post_forget(nh_request_t *req);
int nh_mqtt_api__post_publish(nh_request_t *req);
int nh_mqtt_api__get_retained(nh_request_t *req);
int nh_mqtt_api__get_topics(nh_request_t *req);
int nh_mqtt_api__get_subscriptions(nh_request_t *req);

#endif
