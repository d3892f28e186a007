// battery_pack.h - the owner's side that is about the pack: model, energy, alarms, history, and
// what of them outlives a restart. Shared in this folder only.
//
// battery.c makes one and hands it what the line brings; the loop's task makes every call but
// nh_battery__pack_read(). The clock is an argument, so tests turn it.

#ifndef NH_BATTERY_PACK_H
#define NH_BATTERY_PACK_H

#include "components/battery/battery.h"

typedef struct nh_battery__pack nh_battery__pack_t;

struct nh_battery__time {
    uint64_t now_ms; // nh_clock_ms()
    int64_t unix_ms; // nh_clock_unix_ms()
};

// `cfg` is borrowed and outlives the pack (the copy in struct nh_battery, defaults filled in).
// Reads the document "battery". NH_ERR_NOMEM: nothing was made.
NH_MUST_USE int nh_battery__pack_create(const struct nh_battery_config *cfg,
                                        struct nh_battery__time t, nh_battery__pack_t **out);
// Arms its timer on cfg->sched: from then on publications, events and writes come by themselves.
NH_MUST_USE int nh_battery__pack_start(nh_battery__pack_t *p, struct nh_battery__time t);
void nh_battery__pack_stop(nh_battery__pack_t *p,
                           struct nh_battery__time t); // saves; NULL: nothing
void nh_battery__pack_destroy(nh_battery__pack_t *p);

// As nh_battery_model_offer(), _link(), _generation(), _mode_set(); also feeds energy, alarms and
// history. LINK events are posted here.
NH_MUST_USE int nh_battery__pack_offer(nh_battery__pack_t *p, const struct nh_battery_candidate *c,
                                       struct nh_battery__time t);
void nh_battery__pack_link(nh_battery__pack_t *p, enum nh_battery_source source, bool is_up,
                           struct nh_battery__time t);
uint32_t nh_battery__pack_generation(const nh_battery__pack_t *p);
NH_MUST_USE int nh_battery__pack_mode_set(nh_battery__pack_t *p, enum nh_battery_mode mode,
                                          struct nh_battery__time t);
// NH_ERR_NOT_FOUND. `id` 0: all.
NH_MUST_USE int nh_battery__pack_acknowledge(nh_battery__pack_t *p, uint32_t id,
                                             struct nh_battery__time t);
// The board's log as registers 200 to 297, read while its clock stood at `clock_s` (registers 32,
// 33): what is new becomes alarms and entries of the history. Read it when registers 105 to 109
// rose or the status changed, and every minute or so. Keeps a copy for /api/battery/events.
void nh_battery__pack_board_log(nh_battery__pack_t *p,
                                const uint16_t words[NH_TINYBMS_EVENTS_COUNT], uint32_t clock_s,
                                struct nh_battery__time t);

void nh_battery__pack_read(const nh_battery__pack_t *p,
                           struct nh_battery_snapshot *out); // any task

// battery.c has this: the pack of an owner, for battery_pack_calls.c, which implements
// nh_battery_read(), _offer(), _remote_link(), _mode_set(), _alarms(), _alarm_history(),
// _acknowledge(), _history(), _hours() and _days() by it.
nh_battery__pack_t *nh_battery__pack_of(const nh_battery_t *b);

#endif
