// battery_derive.h - what follows from the pack over time: energy, cycles, time to full and empty,
// how fast the spread of the cells grows. Sans-IO, integers only, no memory of its own.

#ifndef NH_BATTERY_DERIVE_H
#define NH_BATTERY_DERIVE_H

#include "core/base/base.h"

#define NH_BATTERY__TREND_COUNT 60 // minutes
#define NH_BATTERY__TREND_MIN_COUNT 10
#define NH_BATTERY__TREND_UNKNOWN INT32_MIN
#define NH_BATTERY__GAP_MS 10000 // a longer silence between two samples is not bridged

// Meters only rise. 2^64 uJ are 5 million kWh.
struct nh_battery__meters {
    uint64_t in_uj, out_uj; // by trapezoid over voltage times current
    uint64_t out_mams;      // discharged charge, milliampere times millisecond
};

typedef struct nh_battery__derive {
    struct nh_battery__meters meters;
    bool has_last, has_meter, has_smooth, is_foreign;
    uint64_t last_ms;
    int64_t last_mw, last_ma;
    uint64_t meter_in_mwh, meter_out_mwh; // of a gateway, as it gave them last
    int64_t smooth_ua;                    // the current, smoothed over a minute
    uint64_t smooth_ms;
    uint64_t minute, minute_sum; // of the spread
    uint32_t minute_count;
    uint32_t trend_count;
    uint16_t trend[NH_BATTERY__TREND_COUNT]; // mean spread of each minute, oldest first, 0.1 mV
} nh_battery__derive_t;

// Another source or nothing to be bridged: the next sample begins anew. Meters stay.
void nh_battery__derive_restart(nh_battery__derive_t *d);

// A measurement of voltage and current. Energy and charge since the one before are added, split
// where the current changes its sign. Not from an older time.
void nh_battery__derive_sample(nh_battery__derive_t *d, uint64_t time_ms, int32_t voltage_mv,
                               int32_t current_ma);
// The meters of a gateway: what they rose by since the last time is added, and from then on the
// energy of samples is not, until restart. The first time after a restart of meters that are 0 all
// of it is taken over. A meter that went back begins anew.
void nh_battery__derive_meter(nh_battery__derive_t *d, uint64_t in_mwh, uint64_t out_mwh);
// The spread of the cells, for the trend.
void nh_battery__derive_spread(nh_battery__derive_t *d, uint64_t time_ms, uint16_t delta_dmv);

uint64_t nh_battery__derive_in_mwh(const nh_battery__derive_t *d);
uint64_t nh_battery__derive_out_mwh(const nh_battery__derive_t *d);
// Full cycles of discharged charge, in thousandths. 0 without a capacity.
uint32_t nh_battery__derive_cycles_milli(const nh_battery__derive_t *d, int32_t capacity_mah);
// Seconds by the smoothed current; NH_NEVER: it does not flow that way (0.1 A, or a thousandth of
// the capacity in an hour, counts as rest), or it would take over 30 days.
uint64_t nh_battery__derive_full_s(const nh_battery__derive_t *d, int32_t soc_mpct,
                                   int32_t capacity_mah);
uint64_t nh_battery__derive_empty_s(const nh_battery__derive_t *d, int32_t soc_mpct,
                                    int32_t capacity_mah);
// By least squares over up to an hour, 0.1 mV an hour; NH_BATTERY__TREND_UNKNOWN before
// NH_BATTERY__TREND_MIN_COUNT minutes.
int32_t nh_battery__derive_trend(const nh_battery__derive_t *d);

#endif
