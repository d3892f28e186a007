// lamp_mqtt_private.h - what the parts of nh_lamp_mqtt_t share.

#ifndef NH_LAMP_MQTT_PRIVATE_H
#define NH_LAMP_MQTT_PRIVATE_H

#include "components/lamp_mqtt/lamp_mqtt.h"

#define NH_LAMP_MQTT__TOPIC_MAX_BYTES 64
#define NH_LAMP_MQTT__FILTER_COUNT 7
#define NH_LAMP_MQTT__PAYLOAD_MAX_BYTES 1024
#define NH_LAMP_MQTT__BRIGHTNESS_DEFAULT 102 // when no other than 0 was seen

// States of the part: what each of them tells.
enum { NH_LAMP_MQTT__STATE, NH_LAMP_MQTT__FIGURES, NH_LAMP_MQTT__STATE_COUNT };

struct nh_lamp_mqtt {
    struct nh_lamp_mqtt_config cfg;
    struct nh_lamp_mqtt_info info;
    bool is_online, has_said;
    uint32_t said_seq;
    uint8_t lit; // the last brightness that was not 0
    char filter[NH_LAMP_MQTT__FILTER_COUNT][NH_LAMP_MQTT__TOPIC_MAX_BYTES];
    const char *filters[NH_LAMP_MQTT__FILTER_COUNT + 1];
    char payload[NH_LAMP_MQTT__PAYLOAD_MAX_BYTES];
};

// Posts a command of `who`; counts what is refused.
void nh_lamp_mqtt__post(nh_lamp_mqtt_t *m, struct nh_lamp_command *c, const char *who);
void nh_lamp_mqtt__refuse(nh_lamp_mqtt_t *m, const char *topic, const char *why);

// lamp_light.c: a command of Home Assistant's light, its JSON or ON and OFF. NH_ERR_SYNTAX,
// NH_ERR_NOT_FOUND (an effect): `*c` is undefined.
NH_MUST_USE int nh_lamp_mqtt__light_read(nh_span_t payload, const struct nh_lamp_state *now,
                                         uint8_t lit, struct nh_lamp_command *c);

// lamp_discovery.c: the entities, their documents and states.
extern const size_t nh_lamp_mqtt__entity_count;
void nh_lamp_mqtt__entity(void *ctx, size_t at, struct nh_homeassistant_entity *out);
void nh_lamp_mqtt__entity_write(void *ctx, size_t at, nh_json_writer_t *w);
const char *nh_lamp_mqtt__state_write(void *ctx, size_t at, nh_json_writer_t *w);

#endif
