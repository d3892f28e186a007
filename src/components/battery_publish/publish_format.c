#include "components/battery_publish/publish_format.h"

#include "core/http/url.h"
#include "core/json/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BIT(field) (1u << (field))
#define MILLI_PER_DMV 100 // tenths of a millivolt, in thousandths of one

const char *nh_publish_number(int64_t value, unsigned decimals,
                              char out[NH_PUBLISH_NUMBER_MAX_BYTES])
{
    static const uint32_t divisors[] = {1000, 100, 10, 1}, scales[] = {1, 10, 100, 1000};
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    uint32_t divisor = divisors[decimals], scale = scales[decimals];
    size = (size + divisor / 2) / divisor;
    const char *sign = value < 0 && size ? "-" : "";
    uint64_t whole = size / scale;
    char rest[8];
    snprintf(rest, sizeof rest, ".%03u", (unsigned)(size % scale * divisor % 1000));
    rest[decimals ? decimals + 1 : 0] = 0;
    snprintf(out, NH_PUBLISH_NUMBER_MAX_BYTES, "%s%" PRIu64 "%s", sign, whole, rest);
    return out;
}

// ---- a point ------------------------------------------------------------------------------------

bool nh_publish_point_from(const struct nh_battery_snapshot *s, struct nh_battery_point *out)
{
    const uint32_t kept = BIT(NH_BATTERY_SOC) | BIT(NH_BATTERY_SOH) | BIT(NH_BATTERY_VOLTAGE) |
                          BIT(NH_BATTERY_CURRENT) | BIT(NH_BATTERY_POWER) |
                          BIT(NH_BATTERY_TEMPERATURE) | BIT(NH_BATTERY_CELLS);
    out->valid = s->valid & ~s->stale & kept;
    if (s->v.temperature_mc == NH_BATTERY_TEMPERATURE_NONE)
        out->valid &= ~BIT(NH_BATTERY_TEMPERATURE);
    out->voltage_mv = s->v.voltage_mv;
    out->current_ma = s->v.current_ma;
    out->power_mw = s->v.power_mw;
    out->soc_mpct = s->v.soc_mpct;
    out->soh_mpct = s->v.soh_mpct;
    out->temperature_mc = s->v.temperature_mc;
    out->cell_min_dmv = s->cell_min_dmv;
    out->cell_max_dmv = s->cell_max_dmv;
    out->cell_delta_dmv = s->cell_delta_dmv;
    return out->valid != 0;
}

// What a point has, in the order of the formats.
struct value {
    uint8_t field, decimals;
    const char *json, *text; // text NULL: not in that form
    int64_t milli;
};
#define VALUE_COUNT 9

static void values_of(const struct nh_battery_point *p, struct value out[VALUE_COUNT])
{
    const struct value all[VALUE_COUNT] = {
        {NH_BATTERY_SOC, 2, "soc", "soc", p->soc_mpct},
        {NH_BATTERY_SOH, 2, "soh", NULL, p->soh_mpct},
        {NH_BATTERY_VOLTAGE, 3, "voltage_v", "voltage_v", p->voltage_mv},
        {NH_BATTERY_CURRENT, 3, "current_a", "current_a", p->current_ma},
        {NH_BATTERY_POWER, 3, "power_w", "power_w", p->power_mw},
        {NH_BATTERY_TEMPERATURE, 2, "temperature_c", "temp_c", p->temperature_mc},
        {NH_BATTERY_CELLS, 1, "cell_min_mv", NULL, (int64_t)p->cell_min_dmv * MILLI_PER_DMV},
        {NH_BATTERY_CELLS, 1, "cell_max_mv", NULL, (int64_t)p->cell_max_dmv * MILLI_PER_DMV},
        {NH_BATTERY_CELLS, 1, "cell_delta_mv", NULL, (int64_t)p->cell_delta_dmv * MILLI_PER_DMV},
    };
    memcpy(out, all, sizeof all);
}

static bool has(const struct nh_battery_point *p, const struct value *v)
{
    return (p->valid & BIT(v->field)) != 0;
}

// ---- forms --------------------------------------------------------------------------------------

int nh_publish_json(const struct nh_battery_point *p, const char *device, char *out, size_t cap)
{
    struct nh_json_buf buf = {out, cap, 0};
    struct value values[VALUE_COUNT];
    char number[NH_PUBLISH_NUMBER_MAX_BYTES];
    nh_json_writer_t w;
    values_of(p, values);
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_json_object_begin(&w);
    if (p->unix_ms)
        nh_json_kv_int(&w, "ts_ms", p->unix_ms);
    else
        nh_json_kv_null(&w, "ts_ms");
    for (size_t i = 0; i < VALUE_COUNT; i++) {
        nh_json_key(&w, values[i].json);
        if (!has(p, &values[i])) {
            nh_json_null(&w);
            continue;
        }
        nh_publish_number(values[i].milli, values[i].decimals, number);
        nh_json_raw(&w, number, strlen(number));
    }
    nh_json_kv_string(&w, "device", device);
    nh_json_kv_uint(&w, "boot", p->boot);
    nh_json_kv_uint(&w, "seq", p->seq);
    nh_json_kv_uint(&w, "uptime_ms", p->time_ms);
    nh_json_object_end(&w);
    int err = nh_json_writer_end(&w);
    return err < 0 ? err : (int)buf.len;
}

// Text that grows at the end of a buffer; what does not fit is remembered.
struct text {
    char *ptr;
    size_t cap, len;
    bool is_full;
};

static void add(struct text *t, const char *bytes, size_t len)
{
    if (len > t->cap - t->len) {
        t->is_full = true;
        return;
    }
    memcpy(t->ptr + t->len, bytes, len);
    t->len += len;
}

static void add_text(struct text *t, const char *s)
{
    add(t, s, strlen(s));
}

static void add_int(struct text *t, const char *before, int64_t value)
{
    char number[24];
    snprintf(number, sizeof number, "%" PRId64, value);
    add_text(t, before);
    add_text(t, number);
}

static void add_milli(struct text *t, const char *name, const struct value *v, unsigned decimals)
{
    char number[NH_PUBLISH_NUMBER_MAX_BYTES];
    add_text(t, name);
    add_text(t, "=");
    add_text(t, nh_publish_number(v->milli, decimals, number));
}

static int length(const struct text *t)
{
    return t->is_full ? NH_ERR_FULL : (int)t->len;
}

int nh_publish_text(const struct nh_battery_point *p, char *out, size_t cap)
{
    struct text t = {out, cap, 0, false};
    struct value values[VALUE_COUNT];
    values_of(p, values);
    if (p->unix_ms)
        add_int(&t, "ts_ms=", p->unix_ms);
    for (size_t i = 0; i < VALUE_COUNT; i++) {
        if (!values[i].text || !has(p, &values[i]))
            continue;
        add_text(&t, t.len ? " " : "");
        add_milli(&t, values[i].text, &values[i], values[i].decimals);
    }
    add_int(&t, t.len ? " boot=" : "boot=", p->boot);
    add_int(&t, " seq=", p->seq);
    return length(&t);
}

// A tag's value: comma, equals sign and blank take a backslash. There is no way to write a line end
// (it becomes a blank), nor a backslash before what would be taken for an escape: it becomes "/".
static void add_tag(struct text *t, const char *s)
{
    for (; *s; s++) {
        bool is_line_end = *s == '\n' || *s == '\r';
        char c = *s;
        if (is_line_end)
            c = ' ';
        else if (c == '\\')
            c = '/';
        if (c == ',' || c == '=' || c == ' ')
            add(t, "\\", 1);
        add(t, &c, 1);
    }
}

int nh_publish_line(const struct nh_battery_point *p, const char *device, char *out, size_t cap)
{
    struct text t = {out, cap, 0, false};
    struct value values[VALUE_COUNT];
    values_of(p, values);
    if (!p->valid || !p->unix_ms)
        return 0;
    add_text(&t, "battery,device=");
    add_tag(&t, device[0] ? device : "nuthatch"); // a tag may not be empty
    add_text(&t, " ");
    for (size_t i = 0; i < VALUE_COUNT; i++) {
        if (!has(p, &values[i]))
            continue;
        add_milli(&t, values[i].json, &values[i], 3);
        add_text(&t, ",");
    }
    add_int(&t, "boot=", p->boot);
    add_int(&t, "i,seq=", p->seq);
    add_int(&t, "i ", p->unix_ms);
    add_text(&t, "\n");
    return length(&t);
}

// ---- addresses ----------------------------------------------------------------------------------

int nh_publish_url(const char *url, const char *path, const char *query, char *out, size_t cap)
{
    struct nh_http_url u;
    struct text t = {out, cap - 1, 0, false};
    int err = nh_http_url_parse(url, &u);
    if (err < 0)
        return err;
    const char *target = (const char *)u.target.ptr;
    size_t len = u.target.len;
    const char *mark = len ? memchr(target, '?', len) : NULL;
    size_t path_len = mark ? (size_t)(mark - target) : len;
    add(&t, url, (size_t)(target - url));
    if (path_len > 1 || !path[0])
        add(&t, target, path_len);
    else
        add_text(&t, path);
    if (mark)
        add(&t, mark, len - path_len);
    if (query[0]) {
        add_text(&t, mark ? "&" : "?");
        add_text(&t, query);
    }
    out[t.len] = '\0';
    return t.is_full ? NH_ERR_TOO_LONG : NH_OK;
}

// Of InfluxDB's addresses. Others may be a password.
static bool is_open_name(const char *name, size_t len)
{
    static const char *const names[] = {"org", "bucket", "db", "rp", "precision"};
    for (size_t i = 0; i < NH_ARRAY_LEN(names); i++)
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
            return true;
    return false;
}

void nh_publish_url_shown(const char *url, char *out, size_t cap)
{
    struct text t = {out, cap - 1, 0, false};
    size_t len = strcspn(url, "?");
    add(&t, url, len);
    for (const char *at = url + len; *at; at += len) {
        add(&t, at++, 1); // "?", "&"
        len = strcspn(at, "&");
        const char *value = memchr(at, '=', len);
        size_t name = value ? (size_t)(value - at) : 0;
        if (len == 0 || is_open_name(at, name)) {
            add(&t, at, len);
            continue;
        }
        add(&t, at, name ? name + 1 : 0);
        add_text(&t, "***"); // also of a word alone
    }
    out[t.len] = '\0';
}
