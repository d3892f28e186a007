// The routes of the history: samples as JSON or CSV, hours and days. Thin, no state.

#include "components/battery/battery_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINTS_DEFAULT 512
#define POINTS_MAX 4096
#define POINTS_LIMIT "1 to 4096"
#define LINE_MAX_BYTES 512
#define PIECE_MAX_BYTES NH_PRODUCE_MIN_BYTES

struct range {
    const char *name;
    int64_t span_ms;
};
static const struct range ranges[] = {
    {"1h", 3600000}, {"24h", 86400000}, {"7d", INT64_C(7) * 86400000}};

struct view {
    nh_json_writer_t w;
    struct nh_json_buf b;
    const struct range *range;
    struct nh_battery__walk walk;
    bool has_begun, is_over;
    size_t at; // of hours or days
    const char *period;
};

static struct view *view_new(nh_request_t *req)
{
    struct view *v = nh_arena_alloc(req->arena, sizeof *v);
    if (!v)
        return NULL;
    memset(v, 0, sizeof *v);
    nh_json_writer_init(&v->w, nh_json_buf_sink, &v->b);
    req->state = v;
    return v;
}

static const nh_battery__history_t *history_of(nh_request_t *req)
{
    return &nh_battery__pack_of(req->ctx)->history;
}

static size_t room(const struct view *v)
{
    return v->b.cap - v->b.len;
}

static void text(struct view *v, const char *line)
{
    NH_IGNORE(nh_json_buf_sink(&v->b, line, strlen(line))); // its room was looked at before
}

static void kv(nh_json_writer_t *w, const char *key, bool is_known, double value)
{
    if (is_known)
        nh_json_kv_double(w, key, value);
    else
        nh_json_kv_null(w, key);
}

// ---- samples -----------------------------------------------------------------------------------

static void write_sample(nh_json_writer_t *w, const struct nh_battery_sample *s)
{
    nh_json_object_begin(w);
    nh_json_kv_int(w, "timestamp_ms", s->unix_ms);
    kv(w, "voltage", s->voltage_mv != INT32_MIN, s->voltage_mv / 1000.0);
    kv(w, "current", s->current_ma != INT32_MIN, s->current_ma / 1000.0);
    kv(w, "temperature", s->temperature_mc != INT32_MIN, s->temperature_mc / 1000.0);
    kv(w, "soc", s->soc_mpct != INT32_MIN, s->soc_mpct / 1000.0);
    kv(w, "cell_min_mv", s->cell_min_dmv, s->cell_min_dmv / 10.0);
    kv(w, "cell_max_mv", s->cell_max_dmv, s->cell_max_dmv / 10.0);
    nh_json_object_end(w);
}

static int produce_json(nh_request_t *req, char *buf, size_t cap)
{
    struct view *v = req->state;
    struct nh_battery_sample s;
    v->b = (struct nh_json_buf){.ptr = buf, .cap = cap};
    if (!v->has_begun) {
        nh_json_object_begin(&v->w);
        nh_json_kv_string(&v->w, "range", v->range->name);
        nh_json_key(&v->w, "samples");
        nh_json_array_begin(&v->w);
        v->has_begun = true;
    }
    while (!v->is_over && room(v) >= LINE_MAX_BYTES) {
        if (nh_battery__history_next(history_of(req), &v->walk, &s)) {
            write_sample(&v->w, &s);
            continue;
        }
        nh_json_array_end(&v->w);
        nh_json_object_end(&v->w);
        v->is_over = true;
    }
    return v->w.err < 0 ? v->w.err : (int)v->b.len;
}

// A value with three decimals; what is not known is empty.
static void csv_milli(struct view *v, int32_t milli)
{
    char field[24];
    int64_t size = milli < 0 ? -(int64_t)milli : milli;
    if (milli == INT32_MIN)
        text(v, ",");
    else {
        snprintf(field, sizeof field, ",%s%ld.%03ld", milli < 0 ? "-" : "", (long)(size / 1000),
                 (long)(size % 1000));
        text(v, field);
    }
}

// A cell in mV, as the JSON has it; what is not known is empty.
static void csv_cell(struct view *v, uint16_t dmv)
{
    char field[16] = ",";
    if (dmv)
        snprintf(field, sizeof field, ",%u.%u", dmv / 10u, dmv % 10u);
    text(v, field);
}

static int produce_csv(nh_request_t *req, char *buf, size_t cap)
{
    struct view *v = req->state;
    struct nh_battery_sample s;
    char stamp[24];
    v->b = (struct nh_json_buf){.ptr = buf, .cap = cap};
    if (!v->has_begun)
        text(v, "timestamp_ms,voltage,current,temperature,soc,cell_min_mv,cell_max_mv\r\n");
    v->has_begun = true;
    while (room(v) >= LINE_MAX_BYTES && nh_battery__history_next(history_of(req), &v->walk, &s)) {
        snprintf(stamp, sizeof stamp, "%lld", (long long)s.unix_ms);
        text(v, stamp);
        csv_milli(v, s.voltage_mv);
        csv_milli(v, s.current_ma);
        csv_milli(v, s.temperature_mc);
        csv_milli(v, s.soc_mpct);
        csv_cell(v, s.cell_min_dmv);
        csv_cell(v, s.cell_max_dmv);
        text(v, "\r\n");
    }
    return (int)v->b.len;
}

static const struct range *range_of(nh_request_t *req)
{
    const char *name = nh_request_param(req, "range");
    for (size_t i = 0; i < NH_ARRAY_LEN(ranges); i++)
        if (!name || strcmp(ranges[i].name, name) == 0)
            return &ranges[i];
    return NULL;
}

// How many samples at most; 0: not a number of them.
static size_t points_of(nh_request_t *req)
{
    const char *points = nh_request_param(req, "points");
    char *end;
    if (!points)
        return POINTS_DEFAULT;
    unsigned long n = strtoul(points, &end, 10);
    return points[0] >= '0' && points[0] <= '9' && !*end && n <= POINTS_MAX ? n : 0;
}

static bool wants_csv(nh_request_t *req)
{
    const char *format = nh_request_param(req, "format");
    return format && strcmp(format, "csv") == 0;
}

static int reply_wrong(nh_request_t *req, const char *name, const char *limit)
{
    struct nh_finding f = {.code = NH_ERR_RANGE};
    snprintf(f.pointer, sizeof f.pointer, "/%s", name);
    snprintf(f.value, sizeof f.value, "%s", nh_request_param(req, name));
    snprintf(f.limit, sizeof f.limit, "%s", limit);
    snprintf(f.text, sizeof f.text, "it is none that can be asked for");
    return nh_reply_findings(req, &f, 1, "Nothing was read.");
}

int nh_battery__api_history(nh_request_t *req)
{
    const struct range *range = range_of(req);
    size_t points = points_of(req);
    int64_t now_unix_ms = nh_clock_unix_ms();
    if (!range)
        return reply_wrong(req, "range", "one of 1h, 24h, 7d");
    if (points == 0)
        return reply_wrong(req, "points", POINTS_LIMIT);
    struct view *v = view_new(req);
    if (!v)
        return NH_ERR_NOMEM;
    v->range = range;
    nh_battery__history_walk(history_of(req), now_unix_ms - range->span_ms, now_unix_ms + 1,
                             nh_clock_ms(), now_unix_ms, points, &v->walk);
    return wants_csv(req) ? nh_reply_stream(req, 200, "text/csv; charset=utf-8", produce_csv)
                          : nh_reply_stream(req, 200, "application/json", produce_json);
}

// ---- hours and days ----------------------------------------------------------------------------

static const struct {
    const char *key;
    double divisor;
} quantities[NH_BATTERY_Q_COUNT] = {
    [NH_BATTERY_Q_VOLTAGE_MV] = {"voltage_v", 1e3},
    [NH_BATTERY_Q_CURRENT_MA] = {"current_a", 1e3},
    [NH_BATTERY_Q_TEMPERATURE_MC] = {"temperature_c", 1e3},
    [NH_BATTERY_Q_SOC_MPCT] = {"soc_pct", 1e3},
    [NH_BATTERY_Q_CELL_MIN_DMV] = {"cell_min_mv", 10},
    [NH_BATTERY_Q_CELL_MAX_DMV] = {"cell_max_mv", 10},
    [NH_BATTERY_Q_CELL_DELTA_DMV] = {"cell_delta_mv", 10},
};

static void write_aggregate(nh_json_writer_t *w, const struct nh_battery_aggregate *a)
{
    nh_json_object_begin(w);
    nh_json_kv_int(w, "start_ms", a->start_unix_ms);
    nh_json_kv_int(w, "end_ms", a->end_unix_ms);
    for (size_t q = 0; q < NH_BATTERY_Q_COUNT; q++) {
        nh_json_key(w, quantities[q].key);
        nh_json_object_begin(w);
        kv(w, "min", a->count[q], a->min[q] / quantities[q].divisor);
        kv(w, "max", a->count[q], a->max[q] / quantities[q].divisor);
        kv(w, "avg", a->count[q], a->avg[q] / quantities[q].divisor);
        nh_json_object_end(w);
    }
    nh_json_kv_double(w, "cycles", a->cycles_milli / 1000.0);
    nh_json_kv_uint(w, "balancing_events", a->balancing_events);
    nh_json_kv_uint(w, "comm_errors", a->comm_errors);
    nh_json_object_end(w);
}

static bool aggregate_at(nh_request_t *req, const struct view *v, struct nh_battery_aggregate *out)
{
    return strcmp(v->period, "hour") == 0 ? nh_battery__history_hour_at(history_of(req), v->at, out)
                                          : nh_battery__history_day_at(history_of(req), v->at, out);
}

static int produce_aggregates(nh_request_t *req, char *buf, size_t cap)
{
    struct view *v = req->state;
    struct nh_battery_aggregate a;
    v->b = (struct nh_json_buf){.ptr = buf, .cap = cap};
    if (!v->has_begun) {
        nh_json_object_begin(&v->w);
        nh_json_kv_string(&v->w, "period", v->period);
        nh_json_key(&v->w, "periods");
        nh_json_array_begin(&v->w);
        v->has_begun = true;
    }
    while (!v->is_over && room(v) >= PIECE_MAX_BYTES / 2) {
        v->is_over = !aggregate_at(req, v, &a);
        v->at++;
        if (!v->is_over) {
            write_aggregate(&v->w, &a);
            continue;
        }
        nh_json_array_end(&v->w);
        nh_json_object_end(&v->w);
    }
    return v->w.err < 0 ? v->w.err : (int)v->b.len;
}

static void csv_three(struct view *v, const struct nh_battery_aggregate *a, unsigned q)
{
    csv_milli(v, a->count[q] ? a->min[q] : INT32_MIN);
    csv_milli(v, a->count[q] ? a->max[q] : INT32_MIN);
    csv_milli(v, a->count[q] ? a->avg[q] : INT32_MIN);
}

static int produce_aggregates_csv(nh_request_t *req, char *buf, size_t cap)
{
    struct view *v = req->state;
    struct nh_battery_snapshot s;
    struct nh_battery_aggregate a;
    char line[96];
    nh_battery_read(req->ctx, &s);
    v->b = (struct nh_json_buf){.ptr = buf, .cap = cap};
    if (!v->has_begun)
        text(v, "period,start_ms,end_ms,v_min,v_max,v_avg,t_min,t_max,t_avg,cycles,balancing,"
                "comm_errors,fw\r\n");
    v->has_begun = true;
    while (!v->is_over && room(v) >= LINE_MAX_BYTES) {
        v->is_over = !aggregate_at(req, v, &a);
        v->at++;
        if (v->is_over)
            break;
        snprintf(line, sizeof line, "%s,%lld,%lld", v->period, (long long)a.start_unix_ms,
                 (long long)a.end_unix_ms);
        text(v, line);
        csv_three(v, &a, NH_BATTERY_Q_VOLTAGE_MV);
        csv_three(v, &a, NH_BATTERY_Q_TEMPERATURE_MC);
        csv_milli(v, (int32_t)a.cycles_milli);
        snprintf(line, sizeof line, ",%u,%u,%u\r\n", (unsigned)a.balancing_events,
                 (unsigned)a.comm_errors, s.v.firmware);
        text(v, line);
    }
    return (int)v->b.len;
}

static int reply_aggregates(nh_request_t *req, const char *period)
{
    struct view *v = view_new(req);
    if (!v)
        return NH_ERR_NOMEM;
    v->period = period;
    return wants_csv(req)
               ? nh_reply_stream(req, 200, "text/csv; charset=utf-8", produce_aggregates_csv)
               : nh_reply_stream(req, 200, "application/json", produce_aggregates);
}

int nh_battery__api_hours(nh_request_t *req)
{
    return reply_aggregates(req, "hour");
}

int nh_battery__api_days(nh_request_t *req)
{
    return reply_aggregates(req, "day");
}
