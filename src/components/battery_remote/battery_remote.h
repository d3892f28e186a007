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
    nh_http_client_t *http; // NULL: no client
    const char *gateway;    // "http://192.168.4.1:80"; "": this hub asks nobody
    bool is_gateway;        // serves the sockets and routes of the format
    uint32_t frame_ms;      // between frames it sends; 0: 500
    uint32_t save_delay_ms, save_deadline_ms, delta_mv; // 0: 5000, 60000, 200
    uint32_t backoff_max_ms;                            // 0: 30000
};
NH_MUST_USE int nh_battery_remote_create(const struct nh_battery_remote_config *cfg,
                                         nh_battery_remote_t **out);
NH_MUST_USE int nh_battery_remote_start(nh_battery_remote_t *r);
void nh_battery_remote_stop(nh_battery_remote_t *r); // saves what is dirty
void nh_battery_remote_destroy(nh_battery_remote_t *r);
void nh_battery_remote_changed(nh_battery_remote_t *r, uint32_t dirty,
                               const struct nh_battery_snapshot *s);

struct nh_battery_remote_info {
    bool is_connected;
    uint64_t frames_in, frames_bad, frames_out, reconnects, clients;
    uint64_t flushes, flush_errors, writes_avoided, last_flush_ms, dirty_age_ms;
};
void nh_battery_remote_info(const nh_battery_remote_t *r, struct nh_battery_remote_info *out);
struct nh_route_table nh_battery_remote_routes(nh_battery_remote_t *r);

#endif
