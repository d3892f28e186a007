// mqtt_api.h - the broker's routes and its parts of the feed: clients, retained, publish, messages.

#ifndef NH_PORTAL_MQTT_API_H
#define NH_PORTAL_MQTT_API_H

#include "core/http/http.h"
#include "core/sched/sched.h"
#include "mqtt/broker.h"
#include "platform/platform.h"

typedef struct nh_mqtt_api nh_mqtt_api_t;

#define NH_MQTT_API_FEED_COUNT 3 // "mqtt", "clients", "messages"

// Where a connection came in.
struct nh_mqtt_api_way {
    int listener;         // its place in `mqtt_listeners` of /api/info; -1: none of these
    const char *protocol; // "mqtt", "websocket"; static
    bool has_tls;
};

struct nh_mqtt_api_config {
    nh_mem_t *mem; // borrowed, like all pointers here
    nh_mqtt_broker_t *broker;
    nh_sched_t *sched;
    struct nh_mqtt_broker_config limits; // as the broker was made with, defaults filled in
    const char *listen;                  // "127.0.0.1:1883"
    uint32_t message_count;              // 0: 32, the newest messages kept while watched
    void *ctx;
    uint64_t (*clock_ms)(void);
    int64_t (*clock_unix_ms)(void);
    // The peer of a connection ("127.0.0.1:5000") by the `user` of its broker connection.
    void (*peer)(void *ctx, const void *user, char *text, size_t cap);
    // Where it came in. NULL: nothing is told of that.
    void (*way)(void *ctx, const void *user, struct nh_mqtt_api_way *out);
    // The size of the store. NULL: there is none.
    void (*store)(void *ctx, struct nh_records_info *out);
    // What lies below the broker: connections, handshakes. NULL: nothing is told of them.
    void (*streams)(void *ctx, struct nh_stream_set_info *out);
};
NH_MUST_USE int nh_mqtt_api_create(const struct nh_mqtt_api_config *cfg, nh_mqtt_api_t **out);
void nh_mqtt_api_destroy(nh_mqtt_api_t *a);

// Something changed in the list of clients: the feed tells the pages to ask again.
void nh_mqtt_api_clients_changed(nh_mqtt_api_t *a);

struct nh_route_table nh_mqtt_api_routes(nh_mqtt_api_t *a);
void nh_mqtt_api_feed_parts(nh_mqtt_api_t *a, nh_feed_part_t out[NH_MQTT_API_FEED_COUNT]);

#endif
