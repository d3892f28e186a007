// battery_remote.h - telemetry over the network, both ends: a hub takes the pack from a gateway,
// and is the gateway of another hub. Formats: docs/battery-remote.md. The loop's task.
//
// The frame's handler calls no storage: what came is copied to RAM, and a write-behind keeps it.

#ifndef NH_BATTERY_REMOTE_H
#define NH_BATTERY_REMOTE_H

#include "components/battery/battery.h"
#include "platform/http_client.h"
#include "platform/ws_client.h"

typedef struct nh_battery_remote nh_battery_remote_t;

struct nh_battery_remote_config {
    nh_mem_t *mem;
    nh_loop_t *loop;
    nh_sched_t *sched;
    nh_store_t *store; // documents "battery_cache", "battery_remote"
    nh_battery_t *battery;
    nh_http_client_t *http;               // NULL: no client
    struct nh_tls *tls;                   // a client's, for https; NULL: plain addresses only
    const char *gateway;                  // "http://192.168.4.1:80"; NULL, "": this hub asks nobody
    const char *user, *password;          // there; NULL, "": none is sent. Copied
    bool is_gateway;                      // serves the sockets and routes of the format
    uint32_t uart_baudrate;               // told by /api/config; 0: there is no local board
    const char *mqtt_broker, *mqtt_topic; // told by /api/mqtt/config; borrowed; NULL: ""
    uint32_t frame_ms;                    // between frames it sends; 0: 500
    uint32_t save_delay_ms, save_deadline_ms, delta_mv; // 0: 5000, 60000, 200
    uint32_t backoff_max_ms;                            // 0: 30000
};
// NH_ERR_SYNTAX, NH_ERR_TOO_LONG, NH_ERR_UNSUPPORTED (https without tls): the gateway's address.
// NH_ERR_RANGE: save_deadline_ms below save_delay_ms. NH_ERR_NOMEM, NH_ERR_FULL: nothing was made.
// What was kept is offered to the battery as of FROM_STORE.
NH_MUST_USE int nh_battery_remote_create(const struct nh_battery_remote_config *cfg,
                                         nh_battery_remote_t **out);
NH_MUST_USE int nh_battery_remote_start(nh_battery_remote_t *r);
void nh_battery_remote_stop(nh_battery_remote_t *r); // saves what is dirty
void nh_battery_remote_destroy(nh_battery_remote_t *r);
// For cfg.changed of the battery: copies and decides, calls no storage.
void nh_battery_remote_changed(nh_battery_remote_t *r, uint32_t dirty,
                               const struct nh_battery_snapshot *s);

struct nh_battery_remote_info {
    bool is_connected;
    uint64_t frames_in, frames_bad, frames_out, reconnects, clients;
    uint64_t last_frame_ms; // 0: none
    uint64_t values_bad;    // of frames: of a wrong type or out of range, left out
    // Of the last known values; dirty_age_ms: how old what is not yet on flash is, 0: nothing
    // waits.
    uint64_t flushes, flush_errors, writes_avoided, last_flush_ms, dirty_age_ms;
    uint64_t settings_flushes, settings_flush_errors;
};
void nh_battery_remote_info(const nh_battery_remote_t *r, struct nh_battery_remote_info *out);
struct nh_route_table nh_battery_remote_routes(nh_battery_remote_t *r);
// As the gateway of others, a hub that is none has no rows and no places.
struct nh_route_table nh_battery_gateway_routes(nh_battery_remote_t *r);
#define NH_BATTERY_GATEWAY_PLACE_COUNT 3
struct nh_battery_gateway_place {
    const char *path; // "/ws/telemetry"; static
    struct nh_ws_guest guest;
};
size_t
nh_battery_gateway_places(nh_battery_remote_t *r,
                          struct nh_battery_gateway_place out[NH_BATTERY_GATEWAY_PLACE_COUNT]);
// Members of /api/config for clients of the gateway's format: uart_baudrate, uart_parity. `r` NULL
// or no gateway: none.
void nh_battery_gateway_config_write(const nh_battery_remote_t *r, nh_json_writer_t *w);

#endif
