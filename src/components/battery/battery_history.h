// battery_history.h - what the pack was like: samples at three paces in one ring memory, and
// minima, maxima and means of hours and days. Sans-IO; the memory is the caller's.
//
// Three rings share the samples: half of them for an hour, three eighths for a day, an eighth for a
// week. A sample is the mean over its period (of the cells, the extremes). Times are kept on the
// monotonic clock and told by the wall clock of the moment, so a clock that is set later corrects
// all of them.

#ifndef NH_BATTERY_HISTORY_H
#define NH_BATTERY_HISTORY_H

#include "components/battery/battery.h"

#define NH_BATTERY__PACE_COUNT 3
#define NH_BATTERY__HISTORY_MIN_COUNT 64

struct nh_battery__point { // 20 bytes
    uint32_t time_ds;      // tenths of a second of the monotonic clock
    int32_t voltage_mv, current_ma;
    int16_t temperature_cc;              // hundredths of a degree; INT16_MIN: not known
    uint16_t soc_cpct;                   // hundredths of a percent; UINT16_MAX: not known
    uint16_t cell_min_dmv, cell_max_dmv; // 0: not known
};

struct nh_battery__sum {
    int64_t sum;
    int32_t min, max;
    uint32_t count;
};
struct nh_battery__ring {
    struct nh_battery__point *points;
    uint32_t size, count, first; // first: the oldest
    uint64_t period_ms, slot;    // slot: of the period under way
    uint64_t total;              // points ever made: the newest has number total - 1
    struct nh_battery__sum sum[NH_BATTERY_Q_COUNT];
};
struct nh_battery__period {
    int64_t start_unix_ms; // 0: none
    struct nh_battery__sum sum[NH_BATTERY_Q_COUNT];
    uint32_t cycles_first, cycles_last;
    bool has_cycles;
    uint32_t balancing_events, comm_errors;
};

typedef struct nh_battery__history {
    struct nh_battery__ring ring[NH_BATTERY__PACE_COUNT];
    struct nh_battery__period hour[NH_BATTERY_HOURS_COUNT], day[NH_BATTERY_DAYS_COUNT];
    bool was_balancing, was_stale;
} nh_battery__history_t;

// `count` points at `points`, at least NH_BATTERY__HISTORY_MIN_COUNT; borrowed.
void nh_battery__history_init(nh_battery__history_t *h, struct nh_battery__point *points,
                              uint32_t count);
// `unix_ms` 0: no clock, then hours and days wait for one. Stale values are left out.
void nh_battery__history_add(nh_battery__history_t *h, const struct nh_battery_snapshot *s,
                             uint64_t now_ms, int64_t unix_ms);
// As nh_battery_history(), given the clocks of now. The finest ring that reaches back to `from`.
size_t nh_battery__history_read(const nh_battery__history_t *h, int64_t from_unix_ms,
                                int64_t to_unix_ms, uint64_t now_ms, int64_t unix_ms,
                                struct nh_battery_sample *out, size_t max);
// The same one by one, while points go on to come: begin, then next until it says false. Points
// that were overwritten on the way are passed over.
struct nh_battery__walk {
    uint8_t ring;
    uint64_t first, end; // numbers of points
    uint64_t count, at;  // samples to be told
    int64_t offset_ms;   // from the monotonic clock to the wall's
};
void nh_battery__history_walk(const nh_battery__history_t *h, int64_t from_unix_ms,
                              int64_t to_unix_ms, uint64_t now_ms, int64_t unix_ms, size_t max,
                              struct nh_battery__walk *out);
bool nh_battery__history_next(const nh_battery__history_t *h, struct nh_battery__walk *w,
                              struct nh_battery_sample *out);
size_t nh_battery__history_hours(const nh_battery__history_t *h, struct nh_battery_aggregate *out,
                                 size_t max);
// The one at place `at`, from the oldest; false: there are not so many.
bool nh_battery__history_hour_at(const nh_battery__history_t *h, size_t at,
                                 struct nh_battery_aggregate *out);
bool nh_battery__history_day_at(const nh_battery__history_t *h, size_t at,
                                struct nh_battery_aggregate *out);
size_t nh_battery__history_days(const nh_battery__history_t *h, struct nh_battery_aggregate *out,
                                size_t max);

#endif
