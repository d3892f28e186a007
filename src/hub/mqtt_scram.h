// mqtt_scram.h - sign-ins by SCRAM-SHA-256 that are under way: one exchange a connection, between
// its AUTH packets. See mqtt/scram.h for what is said.

#ifndef NH_HUB_MQTT_SCRAM_H
#define NH_HUB_MQTT_SCRAM_H

#include "hub/users.h"

struct nh_mqtt_scram { // embedded by its owner; private
    nh_mem_t *mem;
    struct nh_mqtt_scram_exchange *first;
    uint32_t count, count_max;
    uint8_t key[NH_KEYED_HASH_BYTES]; // of challenges to strangers
    char last[NH_SCRAM_FINAL_MAX_BYTES], user[NH_SCRAM_USER_MAX_BYTES]; // what a step gives
};

enum nh_mqtt_scram_result {
    NH_MQTT_SCRAM_GOES_ON, // `data` goes to the client
    NH_MQTT_SCRAM_PROVED,  // it is `user`, whose stored password had `stamp`; `data` goes along
    NH_MQTT_SCRAM_WRONG,   // it does not know the password, or is not known
    NH_MQTT_SCRAM_FAULT,   // not SCRAM, or more than this one can do
    NH_MQTT_SCRAM_FULL,    // too many under way, or no memory
};
struct nh_mqtt_scram_step {
    nh_span_t data, user; // borrowed until the next call
    uint32_t stamp;
};

void nh_mqtt_scram_init(struct nh_mqtt_scram *s, nh_mem_t *mem, uint32_t count_max);
void nh_mqtt_scram_deinit(struct nh_mqtt_scram *s);
// Takes what a client says. Anything but GOES_ON ends its exchange.
enum nh_mqtt_scram_result nh_mqtt_scram_take(struct nh_mqtt_scram *s, const nh_mqtt_conn_t *c,
                                             const nh_users_t *users, nh_span_t data,
                                             struct nh_mqtt_scram_step *out);
// The exchange of `c`, if there is one, is over.
void nh_mqtt_scram_cancel(struct nh_mqtt_scram *s, const nh_mqtt_conn_t *c);

#endif
