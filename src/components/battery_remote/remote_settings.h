// remote_settings.h - the gateway's configuration as its clients see and change it. Sans-IO.
// Keys, flat and nested: docs/battery-remote.md, section "Configuration".

#ifndef NH_BATTERY_REMOTE_SETTINGS_H
#define NH_BATTERY_REMOTE_SETTINGS_H

#include "core/json/json.h"

enum nh_remote_setting {
    NH_REMOTE_WIFI_SSID,
    NH_REMOTE_WIFI_PASSWORD,
    NH_REMOTE_STATIC_IP,
    NH_REMOTE_CAN_BITRATE,
    NH_REMOTE_UART_BAUDRATE,
    NH_REMOTE_UART_PARITY,
    NH_REMOTE_MQTT_BROKER,
    NH_REMOTE_MQTT_TOPIC_PUB,
    NH_REMOTE_MQTT_TOPIC_SUB,
    NH_REMOTE_SETTING_COUNT,
};
// Those of /api/mqtt/config; the others are of /api/config.
#define NH_REMOTE_MQTT_SETTINGS                                                                    \
    (1u << NH_REMOTE_MQTT_BROKER | 1u << NH_REMOTE_MQTT_TOPIC_PUB | 1u << NH_REMOTE_MQTT_TOPIC_SUB)

struct nh_remote_settings {
    uint32_t known; // bits of enum nh_remote_setting
    uint32_t can_bitrate, uart_baudrate;
    char wifi_ssid[33], wifi_password[65], static_ip[46], uart_parity[2];
    char mqtt_broker[96], mqtt_topic_pub[96], mqtt_topic_sub[96];
};

// Lays what a text has over `s`; both forms are read, others are passed over. Gives in `*seen`
// which came. NH_ERR_SYNTAX, NH_ERR_TYPE: `s` is as before. NH_ERR_TOO_LONG, NH_ERR_RANGE: a value
// does not fit, or has a control character; `*seen` has its bit alone, and `s` is as before.
NH_MUST_USE int nh_remote_settings_read(const char *text, size_t len, struct nh_remote_settings *s,
                                        uint32_t *seen);
// What is wrong with a change, as `_read` finds it.
struct nh_remote_settings_fault {
    char field[64], value[48]; // of the first that is wrong; value "": hidden, or none to show
    char limit[64];
    bool is_unknown;    // the field is none of these; NH_ERR_NOT_FOUND
    uint32_t key_count; // of all keys; 0: an empty object
};
// The same for what people ask for: a key that is none of these is NH_ERR_NOT_FOUND, a value of
// another type NH_ERR_TYPE, and `*fault` (zeroed) says what came first.
NH_MUST_USE int nh_remote_settings_take(const char *text, size_t len, struct nh_remote_settings *s,
                                        uint32_t *seen, struct nh_remote_settings_fault *fault);
// Lays those of `mask` that `from` knows over `to`.
void nh_remote_settings_merge(struct nh_remote_settings *to, const struct nh_remote_settings *from,
                              uint32_t mask);
// Whether those of `mask` are known to both, or to neither, and the same.
bool nh_remote_settings_are_same(const struct nh_remote_settings *a,
                                 const struct nh_remote_settings *b, uint32_t mask);
// Writes those of `mask` that are known as members, flat, of the object that `w` is in.
void nh_remote_settings_write(nh_json_writer_t *w, const struct nh_remote_settings *s,
                              uint32_t mask);
const char *nh_remote_setting_key(enum nh_remote_setting setting);

#endif
