// device_config.h - the settings of the older firmware's configuration page, kept as a document of
// the store: the name that devices and Home Assistant see, a remote broker; and what a host has no
// use for (Wi-Fi, fixed addresses), which is kept for the clients that ask for it again.
// docs/compat.md has each field.
//
// The loop's task owns it. Passwords stand in the document as they are: the hub has to send them.

#ifndef NH_HUB_DEVICE_CONFIG_H
#define NH_HUB_DEVICE_CONFIG_H

#include "core/json/decode.h"
#include "core/store/store.h"

#define NH_DEVICE_DOC "device"
#define NH_DEVICE_BODY_MAX_BYTES 4096
#define NH_DEVICE_NAME_MAX_BYTES 32 // with the NUL, like the sizes below

struct nh_device_config {
    char wifi_ssid[32], wifi_password[64];
    char device_name[NH_DEVICE_NAME_MAX_BYTES];
    char fixed_ip[16], subnet_mask[16], gateway[16], dns1[16], dns2[16];
    char dummy_setting[64];
    char mqtt_host[64], mqtt_username[32], mqtt_password[64]; // host "": no remote broker by this
    uint16_t mqtt_port;                                       // 0: 1883
    uint16_t mqtt_interval_seconds;                           // 0: health is published once only
    // The rest is not kept here. Of the accounts:
    bool basic_auth_enabled;
    char basic_auth_username[33], basic_auth_password[64];
    // Of the hub's settings, /display:
    uint8_t backlight_brightness; // percent
    bool screen_saver_enabled, screen_saver_wake_on_touch;
    uint16_t screen_saver_timeout_seconds, screen_saver_fade_out_ms, screen_saver_fade_in_ms;
};

typedef struct nh_device nh_device_t;

// Reads the document; `name` stands for a device_name that was never set. `store` NULL: nothing is
// kept. A document that cannot be read is told in the log, the defaults hold. NH_ERR_NOMEM.
NH_MUST_USE int nh_device_create(nh_mem_t *mem, nh_store_t *store, const char *name,
                                 nh_device_t **out);
void nh_device_destroy(nh_device_t *d); // overwrites the passwords

// What is in force. Borrowed until the next nh_device_set() or nh_device_reset().
const struct nh_device_config *nh_device_get(const nh_device_t *d);

// Lays a JSON object over `*c`: a field that is absent, null, or a password or device_name that is
// empty stays; numbers also as decimal strings; booleans also as 1, "1", "true", "on" and their
// opposites; other fields are ignored. NH_ERR_SYNTAX: no JSON object. NH_ERR_INVAL, NH_ERR_RANGE,
// NH_ERR_TOO_LONG: `*fault` names the first field that is at fault. `*c` is then to be thrown away.
NH_MUST_USE int nh_device_read(const char *text, size_t len, struct nh_device_config *c,
                               struct nh_finding *fault);

// Keeps `c`, then puts it in force. An error of the store: all is as before.
NH_MUST_USE int nh_device_set(nh_device_t *d, const struct nh_device_config *c);
// Forgets the document: the defaults are in force. An error of the store: all is as before.
NH_MUST_USE int nh_device_reset(nh_device_t *d);

// Writes all fields as members of the object that `w` is in, passwords as "".
void nh_device_write(nh_json_writer_t *w, const struct nh_device_config *c);

// The name as hosts, topics and client ids have it: a to z, 0 to 9; blanks, '_' and '-' become one
// '-', never first or last; everything else is left out. "" if nothing is left.
void nh_device_name_sanitize(const char *name, char out[NH_DEVICE_NAME_MAX_BYTES]);

#endif
