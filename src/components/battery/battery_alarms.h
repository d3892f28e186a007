// battery_alarms.h - what is wrong with the pack, and what was: rules over snapshots, the board's
// own events, acknowledgement, history. Sans-IO, no memory of its own: the struct is the caller's.
//
// There is one alarm of a code at a time. While it is on, its value and severity follow; when its
// cause has gone for long enough it is cleared and stays as history. Acknowledging it does not
// clear it. Types, thresholds, times: docs/battery-alarms.md.

#ifndef NH_BATTERY_ALARMS_H
#define NH_BATTERY_ALARMS_H

#include "components/battery/battery_model.h"
#include "components/battery/tinybms.h"

enum nh_battery__code {
    NH_BATTERY__HOT = 1,
    NH_BATTERY__COLD,
    NH_BATTERY__CELL_HIGH,
    NH_BATTERY__CELL_LOW,
    NH_BATTERY__PACK_HIGH,
    NH_BATTERY__PACK_LOW,
    NH_BATTERY__DISCHARGE,
    NH_BATTERY__CHARGE,
    NH_BATTERY__SOC_LOW,
    NH_BATTERY__SOC_HIGH, // no rule of ours: for a gateway's
    NH_BATTERY__IMBALANCE,
    NH_BATTERY__SILENCE,
    NH_BATTERY__CELL_ODD,
    NH_BATTERY__IS_CHARGING = 20,
    NH_BATTERY__IS_FULL = 21,
    NH_BATTERY__IS_FAULTY = 25,
    NH_BATTERY__EVENT = 100, // and the board's number
};
#define NH_BATTERY__RULE_COUNT 13

struct nh_battery__rule_state {
    uint8_t wish;     // what the values ask for: 0 nothing, else severity
    uint64_t wish_ms; // since when
    uint8_t on;       // what was acted upon last
};

struct nh_battery__alarms_config {
    void *ctx;
    // Raised, another severity, acknowledged, cleared. Within the call that caused it; must not
    // call back. NULL: nobody.
    void (*told)(void *ctx, const struct nh_battery_alarm *a);
};
// Public fields are what outlives a restart (battery_keep.c).
typedef struct nh_battery__alarms {
    struct nh_battery__alarms_config cfg;
    uint32_t version; // of the document
    uint32_t next_id;
    uint32_t count; // of entries, oldest first; those that are not cleared are the active ones
    struct nh_battery_alarm entry[NH_BATTERY_ALARM_HISTORY_COUNT];
    uint32_t seen_count; // events of the board's log at its last reading: time of its clock, id
    uint32_t seen[NH_TINYBMS_EVENT_MAX_COUNT];
    bool has_seen;     // a log was read before
    uint64_t overflow; // alarms that were not raised: NH_BATTERY_ALARM_MAX_COUNT are active
    struct nh_battery__rule_state rule[NH_BATTERY__RULE_COUNT];
    uint32_t generation; // of the snapshot before
    uint16_t status;     // of the board, when it last held; 0: none yet
    uint16_t new_status;
    uint64_t new_status_ms, well_ms; // well: since when the status is known and no fault; NH_NEVER
} nh_battery__alarms_t;

void nh_battery__alarms_init(nh_battery__alarms_t *a, const struct nh_battery__alarms_config *cfg);
// After entries were put back: what was active still is, until its rule says otherwise.
void nh_battery__alarms_loaded(nh_battery__alarms_t *a);
// Judges a snapshot. Values that are stale neither raise nor clear. Of another generation: what was
// active because of values of the older one is cleared.
void nh_battery__alarms_judge(nh_battery__alarms_t *a, const struct nh_battery_snapshot *s,
                              uint64_t now_ms, int64_t unix_ms);
// When to judge again though nothing came: a duration is over. NH_NEVER: none runs.
uint64_t nh_battery__alarms_deadline(const nh_battery__alarms_t *a);
// The board's log as it is now. Faults and warnings that are new become alarms until the board says
// that it recovered; the rest becomes entries. The first log ever is only taken note of. Returns
// whether it is another one than before.
bool nh_battery__alarms_log(nh_battery__alarms_t *a, const struct nh_tinybms_event *e, size_t count,
                            int64_t unix_ms);
// 0: all. NH_ERR_NOT_FOUND: no active alarm has that id. Acknowledged already: nothing.
NH_MUST_USE int nh_battery__alarms_acknowledge(nh_battery__alarms_t *a, uint32_t id);

struct nh_battery__alarms_sum {
    uint8_t active, worst;
    uint16_t unacknowledged;
};
struct nh_battery__alarms_sum nh_battery__alarms_sum(const nh_battery__alarms_t *a);
size_t nh_battery__alarms_active(const nh_battery__alarms_t *a, struct nh_battery_alarm *out,
                                 size_t max); // worst first, then newest
// The one at place `at` of that order; false: there are not so many.
bool nh_battery__alarms_active_at(const nh_battery__alarms_t *a, size_t at,
                                  struct nh_battery_alarm *out);
size_t nh_battery__alarms_history(const nh_battery__alarms_t *a, size_t skip,
                                  struct nh_battery_alarm *out, size_t max); // newest first

// ---- battery_rules.c: what the values ask for

struct nh_battery__finding {
    int32_t value, threshold; // thousandths of the unit
};
struct nh_battery__rule {
    uint8_t code;
    uint8_t severities; // 1: warning alone; 2: warning and critical
    uint32_t raise_ms, clear_ms;
    uint32_t needs;     // fields that must be valid and not stale
    const char *format; // of the message: value and threshold, each with its decimals
    const char *unit;
    uint8_t decimals;
    // Severity asked for, given the one that is on now (0: none; for hysteresis).
    uint8_t (*judge)(const struct nh_battery_snapshot *s, uint8_t on,
                     struct nh_battery__finding *out);
};
extern const struct nh_battery__rule nh_battery__rules[NH_BATTERY__RULE_COUNT];
void nh_battery__rule_message(const struct nh_battery__rule *r, const struct nh_battery__finding *f,
                              const struct nh_battery_snapshot *s, char *out, size_t cap);

#endif
