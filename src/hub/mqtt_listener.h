// mqtt_listener.h - joins the sockets of the platform to the broker engine; all on the loop's task.

#ifndef NH_HUB_MQTT_LISTENER_H
#define NH_HUB_MQTT_LISTENER_H

#include "hub/bridges.h"
#include "mqtt/broker.h"
#include "platform/platform.h"

typedef struct nh_mqtt_listener { // embedded by the hub; private
    nh_mqtt_broker_t *broker;
    nh_stream_set_t *set;
    nh_listener_t *listener;
    nh_loop_t *loop;
    nh_bridges_t *bridges; // outgoing connections of the set are theirs; NULL: none
} nh_mqtt_listener_t;

// The broker's `dirty` callback: `user` of a connection is its nh_stream_t, or a bridge's own.
void nh_mqtt_listener_dirty(void *ctx, nh_mqtt_conn_t *c, void *user);
// The broker's `pause` callback.
void nh_mqtt_listener_pause(void *ctx, nh_mqtt_conn_t *c, void *user, bool paused);

// Listens and adds the broker's deadlines to the loop. The broker must have been created with
// these two. Errors as of nh_stream_listen().
NH_MUST_USE int nh_mqtt_listener_start(nh_mqtt_listener_t *l, nh_mqtt_broker_t *broker,
                                       nh_loop_t *loop, struct nh_mem *mem, const char *host,
                                       uint16_t port, uint32_t conn_max_count);
void nh_mqtt_listener_stop(nh_mqtt_listener_t *l); // closes every connection

#endif
