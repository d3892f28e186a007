// remote_points.h - points that others send to this hub, each counted once: a sender that did not
// hear our answer sends a point again, and it is known by boot id and sequence number. Sans-IO.
// docs/battery-remote.md, section "Points of others".

#ifndef NH_BATTERY_REMOTE_POINTS_H
#define NH_BATTERY_REMOTE_POINTS_H

#include "core/json/json.h"

#define NH_REMOTE_SENDER_MAX_COUNT 8
#define NH_REMOTE_POINT_TEXT_MAX_BYTES 400
#define NH_REMOTE_WINDOW 64 // how far behind the newest number a missing one is still taken

struct nh_remote_sender {
    char device[64];
    uint32_t boot, seq;      // the newest
    uint64_t window;         // bit n: seq - n has come
    uint64_t count, used_at; // points taken; used: order, for the table
    uint64_t last_ms;        // of the newest point's own time; 0: not given
};

// Embedded by its user; zeroed: nothing has come.
struct nh_remote_points {
    struct nh_remote_sender sender[NH_REMOTE_SENDER_MAX_COUNT];
    uint64_t taken, doubles, late, unnumbered, bad, forgotten; // forgotten: senders, of the oldest
    uint64_t missing;                          // numbers left out and not come since
    char last[NH_REMOTE_POINT_TEXT_MAX_BYTES]; // the newest point as it came, "" before
};

struct nh_remote_points_result {
    uint32_t taken, doubles;
};
// Takes a point, or an array of them. Returns NH_OK also for doubles. NH_ERR_SYNTAX, NH_ERR_TYPE:
// no point, or one without any value; those of an array before it count. A whole array is at most
// what the caller lets in.
NH_MUST_USE int nh_remote_points_take(struct nh_remote_points *p, const char *text, size_t len,
                                      struct nh_remote_points_result *out);

#endif
