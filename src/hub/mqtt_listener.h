// mqtt_listener.h - joins the sockets of the platform to the broker engine; all on the loop's task.

#ifndef NH_HUB_MQTT_LISTENER_H
#define NH_HUB_MQTT_LISTENER_H

#include "hub/bridges.h"
#include "mqtt/broker.h"
#include "platform/http_server.h"
#include "platform/tls.h"

typedef struct nh_mqtt_listener { // embedded by the hub; private
    nh_mqtt_broker_t *broker;
    nh_stream_set_t *set; // one for all listeners: what comes in by one goes out by all uncopied
    nh_loop_t *loop;
    nh_bridges_t *bridges; // outgoing connections of the set are theirs; NULL: none
} nh_mqtt_listener_t;

struct nh_mqtt_listener_config {
    nh_mqtt_broker_t *broker; // created with the two callbacks below
    nh_loop_t *loop;
    struct nh_mem *mem;
    // As nh_stream_set_config.
    uint32_t conn_max_count, handshake_max_count, handshake_timeout_ms, read_buffer_bytes;
};

// The broker's `dirty` callback. `user` of a connection is its stream, a WebSocket of the
// portal's server, or a bridge's own: the calls below know which.
void nh_mqtt_listener_dirty(void *ctx, nh_mqtt_conn_t *c, void *user);
// The broker's `pause` callback.
void nh_mqtt_listener_pause(void *ctx, nh_mqtt_conn_t *c, void *user, bool paused);

// Adds the broker's deadlines to the loop. NH_ERR_NOMEM, NH_ERR_FULL: nothing was made.
NH_MUST_USE int nh_mqtt_listener_start(nh_mqtt_listener_t *l,
                                       const struct nh_mqtt_listener_config *cfg);
// One more address. Lifetimes and errors as of nh_stream_listen().
NH_MUST_USE int nh_mqtt_listener_add(nh_mqtt_listener_t *l, const struct nh_listener_config *cfg,
                                     nh_listener_t **out);
void nh_mqtt_listener_stop(nh_mqtt_listener_t *l); // closes every connection

// The broker behind the portal's server, at `path`. For the life of the broker.
struct nh_http_stream nh_mqtt_listener_http(nh_mqtt_listener_t *l, const char *path,
                                            uint32_t frame_max_bytes);

// Of a connection by the broker's `user`: its address; that of the proxy that speaks for it, as
// nh_stream_proxy(); who its certificate says it is, as
// nh_stream_identity(); nh_listener_user() of its listener, NULL: the portal's.
void nh_mqtt_user_peer(const void *user, char *text, size_t cap);
bool nh_mqtt_user_is_local(const void *user); // see nh_stream_is_local()
bool nh_mqtt_user_proxy(const void *user, char *text, size_t cap);
NH_MUST_USE int nh_mqtt_user_identity(const void *user, enum nh_identity kind, char *text,
                                      size_t cap);
void *nh_mqtt_user_listener(const void *user);
// Whether it came by the portal's server, and then whether by its TLS port.
bool nh_mqtt_user_is_http(const void *user, bool *has_tls);

#endif
