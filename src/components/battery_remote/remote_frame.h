// remote_frame.h - telemetry as a gateway sends it: {"battery":{...}} or the same keys at the top.
// Sans-IO; no allocation. Every key: docs/battery-remote.md, section "Telemetry".

#ifndef NH_BATTERY_REMOTE_FRAME_H
#define NH_BATTERY_REMOTE_FRAME_H

#include "components/battery/battery.h"
#include "core/json/json.h"

struct nh_remote_frame {
    uint32_t mask; // bits of enum nh_battery_field that `values` has; others are 0
    struct nh_battery_values values;
    uint64_t timestamp_ms; // of the gateway's clock, since 1970; 0: not given
    uint64_t age_ms;       // of the newest measurement when it was sent; 0: not given
    uint32_t bad_count;    // values of a wrong type or out of range: left out, as if not known
};

// Reads a whole message; also one without anything known: mask 0. NH_ERR_SYNTAX, NH_ERR_TOO_DEEP,
// NH_ERR_TOO_LONG (a key), NH_ERR_TYPE (no object): nothing of it may be used.
NH_MUST_USE int nh_remote_frame_read(const char *text, size_t len, struct nh_remote_frame *out);

// Writes {"battery":{...}} with what of `s` is valid and not stale; what a snapshot has only from
// before the start is stale. At most NH_REMOTE_FRAME_MAX_BYTES. `unix_ms` 0: no timestamp.
#define NH_REMOTE_FRAME_MAX_BYTES 3900
void nh_remote_frame_write(nh_json_writer_t *w, const struct nh_battery_snapshot *s,
                           uint64_t now_ms, int64_t unix_ms);

#endif
