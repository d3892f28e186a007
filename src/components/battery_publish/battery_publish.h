// battery_publish.h - points of the pack to HTTP, MQTT and InfluxDB at a period, through a ring
// that outlives an outage. The loop's task owns it; the figures are read from any task, whole.
//
// One ring, one cursor a sink: a point goes away when every sink has confirmed it, or when the ring
// is full and the oldest is overwritten (counted for each sink that had not had it). Every point
// carries boot id and sequence number, so a receiver drops doubles. Formats, and the receiver's
// rule: docs/battery-publish.md.

#ifndef NH_BATTERY_PUBLISH_H
#define NH_BATTERY_PUBLISH_H

#include "components/battery/battery.h"
#include "components/battery_publish/publish_point.h"
#include "mqtt/broker.h"
#include "platform/http_client.h"

typedef struct nh_battery_publish nh_battery_publish_t;

// A broker elsewhere; all borrowed for the component's life.
struct nh_battery_publish_broker {
    const char *host; // NULL: the hub's own
    uint16_t port;
    const char *user, *password; // NULL or "": none
    const char *address;         // for people: "10.0.0.7:1883"
    struct nh_tls *tls;          // NULL: plain
};

struct nh_battery_publish_config {
    nh_mem_t *mem; // borrowed as all below; the owner "battery_publish"
    nh_loop_t *loop;
    nh_sched_t *sched;
    nh_lock_t lock;     // of the figures
    const char *device; // name of this hub, in what is sent
    uint32_t period_ms, ring_count, flush_per_s, backoff_max_ms; // 0: 5000, 512, 10, 60000
    nh_http_client_t *http;                                      // NULL: neither HTTP nor InfluxDB
    // "http://host:port/path"; NULL or "": off. Without a path: /api/telemetry/local. The token
    // goes out as "Authorization: Bearer"; with a user as the password of "Basic"; "": none.
    const char *http_url, *http_user, *http_token;
    const char *mqtt_topic; // NULL or "": off
    nh_mqtt_broker_t *broker;
    struct nh_battery_publish_broker remote;
    uint32_t status_ms; // between reports at mqtt_topic/status; 0: none
    // "http://host:port?org=..&bucket=.."; NULL or "": off. Without a path: /api/v2/write.
    const char *influx_url, *influx_token;
    nh_store_t *store;              // of waiting points; NULL: they die with the program
    uint32_t flash_count, flash_ms; // 0: 1024 points, at most ring_count; 0: 60000 between writes
    void *ctx;
    void (*read)(void *ctx, struct nh_battery_snapshot *out); // what is known now
    uint64_t (*clock_ms)(void);
    int64_t (*clock_unix_ms)(void);
    uint32_t (*random_u32)(void);
};

// NH_ERR_INVAL: no sink. NH_ERR_SYNTAX, NH_ERR_TOO_LONG: an address. NH_ERR_RANGE: flush_per_s is
// below two points a period. NH_ERR_NOMEM, an error of the streams: nothing was made.
NH_MUST_USE int nh_battery_publish_create(const struct nh_battery_publish_config *cfg,
                                          nh_battery_publish_t **out);
// The first point is made in the loop's next turn. An error of the scheduler.
NH_MUST_USE int nh_battery_publish_start(nh_battery_publish_t *p);
// Keeps what waits where there is a store, ends what is under way, frees. NULL: nothing.
void nh_battery_publish_destroy(nh_battery_publish_t *p);

// The figures of one moment, whole. Any task.
void nh_battery_publish_metrics(nh_battery_publish_t *p, struct nh_battery_publish_metrics *out);

struct nh_route_table nh_battery_publish_routes(nh_battery_publish_t *p); // /api/battery/publish

#endif
