// publish_mqtt.h - a sink that is a topic: of the hub's own broker, or of one elsewhere, to which
// it makes a connection of its own. The loop's task.

#ifndef NH_PUBLISH_MQTT_H
#define NH_PUBLISH_MQTT_H

#include "components/battery_publish/battery_publish.h"
#include "components/battery_publish/publish_engine.h"

typedef struct nh_publish_mqtt nh_publish_mqtt_t;

struct nh_publish_mqtt_config {
    nh_mem_t *mem; // borrowed as all below
    nh_loop_t *loop;
    nh_mqtt_broker_t *broker; // the own one; used where remote.host is NULL
    struct nh_battery_publish_broker remote;
    const char *topic, *client_id; // copied
    uint32_t backoff_max_ms, seed;
    uint64_t (*clock_ms)(void);
    // None of these comes from inside of a call but tick().
    void *ctx;
    void (*done)(void *ctx, uint32_t ticket); // the broker has it
    void (*link)(void *ctx, bool is_up);      // of a connection to another broker
    void (*busy)(void *ctx);                  // next_deadline() is another
};
// NH_ERR_TOO_LONG: a text; NH_ERR_NOMEM, an error of the streams: nothing was made.
NH_MUST_USE int nh_publish_mqtt_create(const struct nh_publish_mqtt_config *cfg,
                                       nh_publish_mqtt_t **out);
// Says good-bye, sends what it still has to. NULL: nothing.
void nh_publish_mqtt_destroy(nh_publish_mqtt_t *m);

// One message at QoS 1: enum nh_publish_sent, or an error.
NH_MUST_USE int nh_publish_mqtt_send(nh_publish_mqtt_t *m, const char *text, size_t len,
                                     uint32_t ticket);
void nh_publish_mqtt_cancel(nh_publish_mqtt_t *m); // no answer to it is wanted any more
// One message at QoS 0 below the topic: `what` is "status". NH_ERR_CLOSED, NH_ERR_FULL ...
NH_MUST_USE int nh_publish_mqtt_tell(nh_publish_mqtt_t *m, const char *what, const char *text,
                                     size_t len);

uint64_t nh_publish_mqtt_next_deadline(const nh_publish_mqtt_t *m);
void nh_publish_mqtt_tick(nh_publish_mqtt_t *m, uint64_t now_ms);

const char *nh_publish_mqtt_state(const nh_publish_mqtt_t *m); // for people: "connected"

#endif
