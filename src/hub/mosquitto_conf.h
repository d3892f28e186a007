// mosquitto_conf.h - the part of mosquitto.conf that this broker understands, for `nuthatch mqtt`.
// docs/mosquitto-conf.md lists every option with what becomes of it.

#ifndef NH_HUB_MOSQUITTO_CONF_H
#define NH_HUB_MOSQUITTO_CONF_H

#include "core/base/log.h"
#include "mqtt/broker.h"

#define NH_MOSQUITTO_LISTENER_MAX_COUNT 8
#define NH_MOSQUITTO_PATH_MAX_BYTES 256 // with the NUL

struct nh_mosquitto_listener {
    char address[64]; // "": every one of this machine
    uint16_t port;
    uint32_t line; // where it begins
    char ca_file[NH_MOSQUITTO_PATH_MAX_BYTES], cert_file[NH_MOSQUITTO_PATH_MAX_BYTES],
        key_file[NH_MOSQUITTO_PATH_MAX_BYTES]; // "": none
    bool wants_certificate, takes_identity;    // of its clients; their name is the user
};

struct nh_mosquitto_conf {
    struct nh_mosquitto_listener listeners[NH_MOSQUITTO_LISTENER_MAX_COUNT];
    uint32_t listener_count; // at least 1
    bool allow_anonymous;
    char password_file[NH_MOSQUITTO_PATH_MAX_BYTES], acl_file[NH_MOSQUITTO_PATH_MAX_BYTES];
    struct nh_mqtt_broker_config limits; // its numbers alone
    enum nh_log_level log_level;
};

// What is wrong with a line, or what becomes of it; `option` and `text` are borrowed.
typedef void (*nh_mosquitto_told_fn)(void *ctx, uint32_t line, bool is_warning, const char *option,
                                     const char *text);

// Reads the file; everything that is to be told of it is told, in the order of the lines. Options
// left out have Mosquitto's defaults. NH_ERR_INVAL: there was an error. NH_ERR_NOT_FOUND,
// NH_ERR_DENIED, NH_ERR_IO: the file.
NH_MUST_USE int nh_mosquitto_conf_read(const char *path, struct nh_mosquitto_conf *out,
                                       nh_mosquitto_told_fn told, void *ctx);

#endif
