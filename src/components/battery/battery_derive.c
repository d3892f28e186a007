#include "components/battery/battery_derive.h"

#include <string.h>

#define UJ_PER_MWH 3600000u
#define MS_PER_HOUR 3600000
#define SMOOTH_MS 60000
#define MINUTE_MS 60000
#define REST_MA 100
#define FOREVER_S (30 * 86400)

void nh_battery__derive_restart(nh_battery__derive_t *d)
{
    struct nh_battery__meters kept = d->meters;
    memset(d, 0, sizeof *d);
    d->meters = kept;
}

// ---- meters ------------------------------------------------------------------------------------

// Adds the area under the line from a to b over dt: what is above 0 to `up`, what is below to
// `down`.
static void trapezoid(int64_t a, int64_t b, uint64_t dt, uint64_t *up, uint64_t *down)
{
    uint64_t size_a = (uint64_t)(a < 0 ? -a : a), size_b = (uint64_t)(b < 0 ? -b : b);
    if ((a < 0) == (b < 0) || a == 0 || b == 0) {
        *(a < 0 || b < 0 ? down : up) += (size_a + size_b) * dt / 2;
        return;
    }
    uint64_t first = dt * size_a / (size_a + size_b); // until it crosses 0
    *(a < 0 ? down : up) += size_a * first / 2;
    *(b < 0 ? down : up) += size_b * (dt - first) / 2;
}

static void smooth(nh_battery__derive_t *d, uint64_t time_ms, int64_t current_ma)
{
    uint64_t dt = time_ms - d->smooth_ms;
    int64_t now_ua = current_ma * 1000;
    if (!d->has_smooth || dt >= SMOOTH_MS)
        d->smooth_ua = now_ua;
    else
        d->smooth_ua += (now_ua - d->smooth_ua) * (int64_t)dt / SMOOTH_MS;
    d->has_smooth = true;
    d->smooth_ms = time_ms;
}

void nh_battery__derive_sample(nh_battery__derive_t *d, uint64_t time_ms, int32_t voltage_mv,
                               int32_t current_ma)
{
    int64_t mw = (int64_t)voltage_mv * current_ma / 1000;
    uint64_t charged_mams = 0, *unused = &charged_mams;
    if (d->has_last && time_ms <= d->last_ms)
        return;
    if (d->has_last && time_ms - d->last_ms <= NH_BATTERY__GAP_MS) {
        uint64_t dt = time_ms - d->last_ms;
        if (!d->is_foreign)
            trapezoid(d->last_mw, mw, dt, &d->meters.in_uj, &d->meters.out_uj);
        trapezoid(d->last_ma, current_ma, dt, unused, &d->meters.out_mams);
    }
    smooth(d, time_ms, current_ma);
    d->has_last = true;
    d->last_ms = time_ms;
    d->last_mw = mw;
    d->last_ma = current_ma;
}

static uint64_t rise(uint64_t before, uint64_t now)
{
    return now >= before ? now - before : 0;
}

void nh_battery__derive_meter(nh_battery__derive_t *d, uint64_t in_mwh, uint64_t out_mwh)
{
    struct nh_battery__meters *m = &d->meters;
    bool is_new = m->in_uj == 0 && m->out_uj == 0;
    if (d->has_meter || is_new) {
        m->in_uj += rise(d->has_meter ? d->meter_in_mwh : 0, in_mwh) * UJ_PER_MWH;
        m->out_uj += rise(d->has_meter ? d->meter_out_mwh : 0, out_mwh) * UJ_PER_MWH;
    }
    d->has_meter = d->is_foreign = true;
    d->meter_in_mwh = in_mwh;
    d->meter_out_mwh = out_mwh;
}

uint64_t nh_battery__derive_in_mwh(const nh_battery__derive_t *d)
{
    return d->meters.in_uj / UJ_PER_MWH;
}

uint64_t nh_battery__derive_out_mwh(const nh_battery__derive_t *d)
{
    return d->meters.out_uj / UJ_PER_MWH;
}

uint32_t nh_battery__derive_cycles_milli(const nh_battery__derive_t *d, int32_t capacity_mah)
{
    if (capacity_mah <= 0)
        return 0;
    uint64_t cycles = d->meters.out_mams / MS_PER_HOUR * 1000 / (uint64_t)capacity_mah;
    return cycles < UINT32_MAX ? (uint32_t)cycles : UINT32_MAX;
}

// ---- how long ----------------------------------------------------------------------------------

// Seconds for `share_mpct` of the capacity at `current_ma`.
static uint64_t seconds(int64_t share_mpct, int64_t capacity_mah, int64_t current_ma)
{
    if (capacity_mah <= 0 || current_ma < REST_MA || current_ma * 1000 < capacity_mah)
        return NH_NEVER;
    uint64_t s = (uint64_t)(share_mpct * capacity_mah / 100 * 3600 / 1000 / current_ma);
    return s <= FOREVER_S ? s : NH_NEVER;
}

uint64_t nh_battery__derive_full_s(const nh_battery__derive_t *d, int32_t soc_mpct,
                                   int32_t capacity_mah)
{
    return seconds(100000 - soc_mpct, capacity_mah, d->smooth_ua / 1000);
}

uint64_t nh_battery__derive_empty_s(const nh_battery__derive_t *d, int32_t soc_mpct,
                                    int32_t capacity_mah)
{
    return seconds(soc_mpct, capacity_mah, -d->smooth_ua / 1000);
}

// ---- trend -------------------------------------------------------------------------------------

static void trend_add(nh_battery__derive_t *d, uint16_t mean)
{
    if (d->trend_count == NH_BATTERY__TREND_COUNT) {
        memmove(d->trend, d->trend + 1, sizeof d->trend - sizeof d->trend[0]);
        d->trend_count--;
    }
    d->trend[d->trend_count++] = mean;
}

void nh_battery__derive_spread(nh_battery__derive_t *d, uint64_t time_ms, uint16_t delta_dmv)
{
    uint64_t minute = time_ms / MINUTE_MS;
    if (d->minute_count > 0 && minute > d->minute) {
        trend_add(d, (uint16_t)(d->minute_sum / d->minute_count));
        if (minute - d->minute > 1) // a hole: points are a minute from each other
            d->trend_count = 0;
        d->minute_count = 0;
        d->minute_sum = 0;
    }
    d->minute = minute;
    d->minute_sum += delta_dmv;
    d->minute_count++;
}

int32_t nh_battery__derive_trend(const nh_battery__derive_t *d)
{
    int64_t n = d->trend_count, sx = 0, sy = 0, sxx = 0, sxy = 0;
    if (n < NH_BATTERY__TREND_MIN_COUNT)
        return NH_BATTERY__TREND_UNKNOWN;
    for (int64_t x = 0; x < n; x++) {
        sx += x;
        sxx += x * x;
        sy += d->trend[x];
        sxy += x * d->trend[x];
    }
    return (int32_t)((n * sxy - sx * sy) * 60 / (n * sxx - sx * sx));
}
