// battery_remote_private.h - the owner's state, for its own files.

#ifndef NH_BATTERY_REMOTE_PRIVATE_H
#define NH_BATTERY_REMOTE_PRIVATE_H

#include "components/battery_remote/battery_remote.h"
#include "components/battery_remote/remote_cache.h"
#include "components/battery_remote/remote_link.h"
#include "components/battery_remote/remote_points.h"
#include "components/battery_remote/remote_serve.h"

#define NH_REMOTE_SETTINGS_DOC "battery_remote"

struct nh_battery_remote {
    struct nh_battery_remote_config cfg;
    nh_remote_link_t *link;   // NULL: no gateway is asked
    nh_remote_serve_t *serve; // NULL: this hub is none
    nh_remote_cache_t cache;
    nh_write_behind_t settings; // of the gateway's configuration: 2 s after the last change
    nh_timer_t timer;           // of both
    bool is_started;
    struct nh_battery_snapshot snapshot; // scratch: too large for a stack of the chip
    struct nh_battery_candidate candidate;
    struct nh_remote_points points;
    struct nh_remote_alert raised[NH_REMOTE_ALERT_COUNT]; // by others, newest first
    uint64_t raised_count;
    struct nh_battery_alarm alarm[NH_BATTERY_ALARM_MAX_COUNT]; // scratch of replies
    char buf[NH_REMOTE_CACHE_BUF_BYTES];
};

// The timer follows what waits to be written.
void nh_battery_remote__arm(nh_battery_remote_t *r);

#endif
