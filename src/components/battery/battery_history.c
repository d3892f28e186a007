#include "components/battery/battery_history.h"

#include "components/battery/battery_image.h"

#include <string.h>

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
#define TENTH_MS 100

static const uint32_t span_s[NH_BATTERY__PACE_COUNT] = {3600, 86400, 7 * 86400};
static const uint8_t eighths[NH_BATTERY__PACE_COUNT] = {4, 3, 1};

void nh_battery__history_init(nh_battery__history_t *h, struct nh_battery__point *points,
                              uint32_t count)
{
    memset(h, 0, sizeof *h);
    for (size_t i = 0; i < NH_BATTERY__PACE_COUNT; i++) {
        struct nh_battery__ring *r = &h->ring[i];
        r->size = count / 8 * eighths[i];
        r->points = points;
        r->period_ms = (uint64_t)span_s[i] * 1000 / (r->size - 1) + 1;
        points += r->size;
    }
}

// ---- sums --------------------------------------------------------------------------------------

static void sum_add(struct nh_battery__sum *s, int32_t v)
{
    s->min = s->count == 0 || v < s->min ? v : s->min;
    s->max = s->count == 0 || v > s->max ? v : s->max;
    s->sum += v;
    s->count++;
}

static int32_t mean(const struct nh_battery__sum *s)
{
    int64_t half = s->sum < 0 ? -(int64_t)(s->count / 2) : s->count / 2;
    return s->count ? (int32_t)((s->sum + half) / s->count) : 0;
}

struct reading {
    bool is_known;
    int32_t value;
};

static void read_all(const struct nh_battery_snapshot *s, struct reading out[NH_BATTERY_Q_COUNT])
{
    uint32_t good = s->valid & ~s->stale;
    bool cells = good & NH_BATTERY__BIT(NH_BATTERY_CELLS);
    out[NH_BATTERY_Q_VOLTAGE_MV] =
        (struct reading){good & NH_BATTERY__BIT(NH_BATTERY_VOLTAGE), s->v.voltage_mv};
    out[NH_BATTERY_Q_CURRENT_MA] =
        (struct reading){good & NH_BATTERY__BIT(NH_BATTERY_CURRENT), s->v.current_ma};
    out[NH_BATTERY_Q_TEMPERATURE_MC] =
        (struct reading){good & NH_BATTERY__BIT(NH_BATTERY_TEMPERATURE), s->v.temperature_mc};
    out[NH_BATTERY_Q_SOC_MPCT] =
        (struct reading){good & NH_BATTERY__BIT(NH_BATTERY_SOC), s->v.soc_mpct};
    out[NH_BATTERY_Q_CELL_MIN_DMV] = (struct reading){cells, s->cell_min_dmv};
    out[NH_BATTERY_Q_CELL_MAX_DMV] = (struct reading){cells, s->cell_max_dmv};
    out[NH_BATTERY_Q_CELL_DELTA_DMV] = (struct reading){cells, s->cell_delta_dmv};
}

static void sums_add(struct nh_battery__sum sum[NH_BATTERY_Q_COUNT],
                     const struct reading in[NH_BATTERY_Q_COUNT])
{
    for (size_t q = 0; q < NH_BATTERY_Q_COUNT; q++)
        if (in[q].is_known)
            sum_add(&sum[q], in[q].value);
}

// ---- rings -------------------------------------------------------------------------------------

static void close_point(struct nh_battery__ring *r)
{
    const struct nh_battery__sum *s = r->sum;
    uint32_t at = (r->first + r->count) % r->size;
    const struct nh_battery__sum *t = &s[NH_BATTERY_Q_TEMPERATURE_MC],
                                 *c = &s[NH_BATTERY_Q_SOC_MPCT];
    const struct nh_battery__sum *v = &s[NH_BATTERY_Q_VOLTAGE_MV], *i = &s[NH_BATTERY_Q_CURRENT_MA];
    r->points[at] = (struct nh_battery__point){
        .time_ds = (uint32_t)((r->slot + 1) * r->period_ms / TENTH_MS),
        .voltage_mv = v->count ? mean(v) : INT32_MIN,
        .current_ma = i->count ? mean(i) : INT32_MIN,
        .temperature_cc = t->count ? (int16_t)(mean(t) / 10) : INT16_MIN,
        .soc_cpct = c->count ? (uint16_t)(mean(c) / 10) : UINT16_MAX,
        .cell_min_dmv = (uint16_t)s[NH_BATTERY_Q_CELL_MIN_DMV].min,
        .cell_max_dmv = (uint16_t)s[NH_BATTERY_Q_CELL_MAX_DMV].max,
    };
    if (r->count < r->size)
        r->count++;
    else
        r->first = (r->first + 1) % r->size;
    r->total++;
    memset(r->sum, 0, sizeof r->sum);
}

static bool is_anything_known(const struct nh_battery__sum sum[NH_BATTERY_Q_COUNT])
{
    for (size_t q = 0; q < NH_BATTERY_Q_COUNT; q++)
        if (sum[q].count)
            return true;
    return false;
}

static void ring_add(struct nh_battery__ring *r, const struct reading in[NH_BATTERY_Q_COUNT],
                     uint64_t now_ms)
{
    uint64_t slot = now_ms / r->period_ms;
    if (slot != r->slot && is_anything_known(r->sum))
        close_point(r);
    r->slot = slot;
    sums_add(r->sum, in);
}

// ---- hours and days ----------------------------------------------------------------------------

static void period_open(struct nh_battery__period *p, size_t count, int64_t start_unix_ms)
{
    struct nh_battery__period *last = &p[count - 1];
    if (last->start_unix_ms == start_unix_ms)
        return;
    // A clock that was set back: what was filed for later times is as good as wrong.
    while (last->start_unix_ms > start_unix_ms) {
        memmove(p + 1, p, (count - 1) * sizeof *p);
        memset(p, 0, sizeof *p);
    }
    if (last->start_unix_ms == start_unix_ms)
        return;
    memmove(p, p + 1, (count - 1) * sizeof *p);
    memset(last, 0, sizeof *last);
    last->start_unix_ms = start_unix_ms;
}

static void period_add(struct nh_battery__period *p, const struct nh_battery_snapshot *s,
                       const struct reading in[NH_BATTERY_Q_COUNT], bool balancing_began,
                       bool became_stale)
{
    sums_add(p->sum, in);
    p->balancing_events += balancing_began;
    p->comm_errors += became_stale;
    if (!(s->valid & NH_BATTERY__BIT(NH_BATTERY_CYCLES)))
        return;
    if (!p->has_cycles)
        p->cycles_first = s->v.cycles_milli;
    p->has_cycles = true;
    p->cycles_last = s->v.cycles_milli;
}

void nh_battery__history_add(nh_battery__history_t *h, const struct nh_battery_snapshot *s,
                             uint64_t now_ms, int64_t unix_ms)
{
    struct reading in[NH_BATTERY_Q_COUNT];
    bool is_balancing = s->valid & NH_BATTERY__BIT(NH_BATTERY_BALANCING) && s->v.balancing;
    bool is_stale = s->stale & NH_BATTERY__BIT(NH_BATTERY_VOLTAGE);
    bool balancing_began = is_balancing && !h->was_balancing;
    bool became_stale = is_stale && !h->was_stale;
    h->was_balancing = is_balancing;
    h->was_stale = is_stale;
    read_all(s, in);
    for (size_t i = 0; i < NH_BATTERY__PACE_COUNT; i++)
        ring_add(&h->ring[i], in, now_ms);
    if (unix_ms <= 0)
        return;
    period_open(h->hour, NH_BATTERY_HOURS_COUNT, unix_ms / HOUR_MS * HOUR_MS);
    period_open(h->day, NH_BATTERY_DAYS_COUNT, unix_ms / DAY_MS * DAY_MS);
    period_add(&h->hour[NH_BATTERY_HOURS_COUNT - 1], s, in, balancing_began, became_stale);
    period_add(&h->day[NH_BATTERY_DAYS_COUNT - 1], s, in, balancing_began, became_stale);
}

// ---- reading -----------------------------------------------------------------------------------

static const struct nh_battery__point *point_at(const struct nh_battery__ring *r, uint32_t i)
{
    return &r->points[(r->first + i) % r->size];
}

static void to_sample(const struct nh_battery__point *p, int64_t offset_ms,
                      struct nh_battery_sample *out)
{
    *out = (struct nh_battery_sample){
        .unix_ms = (int64_t)p->time_ds * TENTH_MS + offset_ms,
        .voltage_mv = p->voltage_mv,
        .current_ma = p->current_ma,
        .temperature_mc = p->temperature_cc == INT16_MIN ? INT32_MIN : p->temperature_cc * 10,
        .soc_mpct = p->soc_cpct == UINT16_MAX ? INT32_MIN : p->soc_cpct * 10,
        .cell_min_dmv = p->cell_min_dmv,
        .cell_max_dmv = p->cell_max_dmv,
    };
}

// The finest one that was not overwritten so far back, or the coarsest.
static uint8_t ring_for(const nh_battery__history_t *h, int64_t from_ms)
{
    uint8_t i = 0;
    for (; i < NH_BATTERY__PACE_COUNT - 1; i++) {
        const struct nh_battery__ring *r = &h->ring[i];
        if (r->count < r->size || (int64_t)point_at(r, 0)->time_ds * TENTH_MS <= from_ms)
            break;
    }
    return i;
}

// How many points are older than `ms` of the monotonic clock.
static uint32_t count_before(const struct nh_battery__ring *r, int64_t ms)
{
    uint32_t low = 0, high = r->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if ((int64_t)point_at(r, mid)->time_ds * TENTH_MS < ms)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void nh_battery__history_walk(const nh_battery__history_t *h, int64_t from_unix_ms,
                              int64_t to_unix_ms, uint64_t now_ms, int64_t unix_ms, size_t max,
                              struct nh_battery__walk *out)
{
    int64_t offset_ms = unix_ms - (int64_t)now_ms;
    uint8_t at = ring_for(h, from_unix_ms - offset_ms);
    const struct nh_battery__ring *r = &h->ring[at];
    uint32_t first = count_before(r, from_unix_ms - offset_ms);
    uint32_t end = count_before(r, to_unix_ms - offset_ms);
    uint64_t oldest = r->total - r->count, have = end > first ? end - first : 0;
    *out = (struct nh_battery__walk){.ring = at,
                                     .first = oldest + first,
                                     .end = oldest + end,
                                     .count = have < max ? have : max,
                                     .offset_ms = offset_ms};
}

bool nh_battery__history_next(const nh_battery__history_t *h, struct nh_battery__walk *w,
                              struct nh_battery_sample *out)
{
    const struct nh_battery__ring *r = &h->ring[w->ring];
    while (w->at < w->count) { // evenly, the newest among them
        uint64_t back = (w->count - 1 - w->at++) * (w->end - w->first) / w->count;
        uint64_t number = w->end - 1 - back;
        if (number < r->total - r->count)
            continue;
        to_sample(point_at(r, (uint32_t)(number - (r->total - r->count))), w->offset_ms, out);
        return true;
    }
    return false;
}

size_t nh_battery__history_read(const nh_battery__history_t *h, int64_t from_unix_ms,
                                int64_t to_unix_ms, uint64_t now_ms, int64_t unix_ms,
                                struct nh_battery_sample *out, size_t max)
{
    struct nh_battery__walk w;
    size_t n = 0;
    nh_battery__history_walk(h, from_unix_ms, to_unix_ms, now_ms, unix_ms, max, &w);
    while (n < max && nh_battery__history_next(h, &w, &out[n]))
        n++;
    return n;
}

static void to_aggregate(const struct nh_battery__period *p, int64_t span_ms,
                         struct nh_battery_aggregate *out)
{
    *out = (struct nh_battery_aggregate){.start_unix_ms = p->start_unix_ms,
                                         .end_unix_ms = p->start_unix_ms + span_ms,
                                         .balancing_events = p->balancing_events,
                                         .comm_errors = p->comm_errors};
    if (p->has_cycles && p->cycles_last > p->cycles_first)
        out->cycles_milli = p->cycles_last - p->cycles_first;
    for (size_t q = 0; q < NH_BATTERY_Q_COUNT; q++) {
        out->count[q] = p->sum[q].count;
        out->min[q] = p->sum[q].min;
        out->max[q] = p->sum[q].max;
        out->avg[q] = mean(&p->sum[q]);
    }
}

static bool aggregate_at(const struct nh_battery__period *p, size_t count, int64_t span_ms,
                         size_t at, struct nh_battery_aggregate *out)
{
    for (size_t i = 0; i < count; i++)
        if (p[i].start_unix_ms && at-- == 0) {
            to_aggregate(&p[i], span_ms, out);
            return true;
        }
    return false;
}

bool nh_battery__history_hour_at(const nh_battery__history_t *h, size_t at,
                                 struct nh_battery_aggregate *out)
{
    return aggregate_at(h->hour, NH_BATTERY_HOURS_COUNT, HOUR_MS, at, out);
}

bool nh_battery__history_day_at(const nh_battery__history_t *h, size_t at,
                                struct nh_battery_aggregate *out)
{
    return aggregate_at(h->day, NH_BATTERY_DAYS_COUNT, DAY_MS, at, out);
}

size_t nh_battery__history_hours(const nh_battery__history_t *h, struct nh_battery_aggregate *out,
                                 size_t max)
{
    size_t n = 0;
    while (n < max && nh_battery__history_hour_at(h, n, &out[n]))
        n++;
    return n;
}

size_t nh_battery__history_days(const nh_battery__history_t *h, struct nh_battery_aggregate *out,
                                size_t max)
{
    size_t n = 0;
    while (n < max && nh_battery__history_day_at(h, n, &out[n]))
        n++;
    return n;
}
