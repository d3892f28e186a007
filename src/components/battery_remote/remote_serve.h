// remote_serve.h - this hub as the gateway of others: three WebSockets and what they are told.
// Shared in this folder only; the loop's task. Frames go out each frame_ms while somebody listens;
// each client is one flag, so a slow one gets fewer and newer frames.

#ifndef NH_BATTERY_REMOTE_SERVE_H
#define NH_BATTERY_REMOTE_SERVE_H

#include "components/battery_remote/battery_remote.h"
#include "components/battery_remote/remote_link.h"

#define NH_REMOTE_CLIENT_MAX_COUNT 8 // of all three sockets together

typedef struct nh_remote_serve nh_remote_serve_t;
struct nh_remote_serve_config {
    nh_mem_t *mem;
    nh_sched_t *sched;
    const nh_battery_t *battery;
    uint32_t frame_ms; // 0: 500
};
NH_MUST_USE int nh_remote_serve_create(const struct nh_remote_serve_config *cfg,
                                       nh_remote_serve_t **out);
void nh_remote_serve_destroy(nh_remote_serve_t *s); // the portal has gone before. NULL: nothing
struct nh_ws_guest nh_remote_serve_guest(nh_remote_serve_t *s, enum nh_remote_socket socket);
// Alarms, or whether the board is there, may be others: who listens is told if they are.
void nh_remote_serve_changed(nh_remote_serve_t *s, const struct nh_battery_snapshot *now);

struct nh_remote_serve_info {
    uint64_t clients, frames, messages, refused;
};
void nh_remote_serve_info(const nh_remote_serve_t *s, struct nh_remote_serve_info *out);

// An alarm as its clients read it.
void nh_remote_alarm_write(nh_json_writer_t *w, const struct nh_battery_alarm *a);

#endif
