// remote_news.h - what a gateway tells beside telemetry: events of its system and alerts. Sans-IO.
// docs/battery-remote.md, sections "Events" and "Alerts".

#ifndef NH_BATTERY_REMOTE_NEWS_H
#define NH_BATTERY_REMOTE_NEWS_H

#include "core/json/json.h"

enum nh_remote_severity {
    NH_REMOTE_UNKNOWN,
    NH_REMOTE_INFO,
    NH_REMOTE_WARNING,
    NH_REMOTE_ERROR,
    NH_REMOTE_CRITICAL,
};
struct nh_remote_event {
    uint32_t id; // 0x1303 ...; 0: not given
    bool is_active, has_error;
    char type[16], key[40]; // cut at a whole character; control characters are '?', as below
};
// NH_ERR_SYNTAX, NH_ERR_TYPE, NH_ERR_TOO_DEEP: nothing was read.
NH_MUST_USE int nh_remote_event_read(const char *text, size_t len, struct nh_remote_event *out);

struct nh_remote_alert {
    uint64_t id, time_ms; // time: of the gateway's clock, since 1970; all 64 bits
    uint32_t code;        // its type, or the event's id
    uint8_t severity;     // enum nh_remote_severity
    bool is_acknowledged, is_over;
    char message[72], source[24];
};
// A single alert, an object. Errors as above.
NH_MUST_USE int nh_remote_alert_read(const char *text, size_t len, struct nh_remote_alert *out);
// Reads an array of alerts, or an object that has them in "active", "history" or "alerts"; gives
// the first `max` to `out`, those of "active" first where they stand first. Returns how many. A
// text that ends in the middle gives what was whole before, if there was any. Errors as above.
NH_MUST_USE int nh_remote_alerts_read(const char *text, size_t len, struct nh_remote_alert *out,
                                      size_t max);

const char *nh_remote_severity_name(uint8_t severity);

#endif
