#include "components/battery_remote/remote_cache.h"

#include "core/base/log.h"

#include <string.h>

#define RECORD_VERSION 1

enum { VALUE_SOC, VALUE_PACK, VALUE_TEMPERATURE, VALUE_OTHER }; // of the write-behind

// ---- the record --------------------------------------------------------------------------------

// Returns its length.
static int write_record(const nh_remote_cache_t *c)
{
    const int64_t unix_ms = c->cfg.clock_unix_ms ? c->cfg.clock_unix_ms() : 0;
    struct nh_battery_snapshot s = {.valid = c->mask, .v = c->values};
    struct nh_json_buf out = {c->cfg.buf, NH_REMOTE_CACHE_BUF_BYTES, 0};
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &out);
    nh_json_object_begin(&w);
    nh_json_kv_uint(&w, "version", RECORD_VERSION);
    nh_json_kv_uint(&w, "sequence", c->sequence + 1);
    nh_json_key(&w, "telemetry");
    nh_remote_frame_write(&w, &s, 0, unix_ms);
    nh_json_object_end(&w);
    int err = nh_json_writer_end(&w);
    return err < 0 ? err : (int)out.len;
}

static int flush(void *ctx)
{
    nh_remote_cache_t *c = ctx;
    int n = write_record(c);
    if (n >= 0)
        n = nh_store_put(c->cfg.store, NH_REMOTE_CACHE_DOC, c->cfg.buf, (size_t)n);
    if (n < 0)
        return n;
    c->written = c->values;
    c->written_mask = c->mask;
    c->sequence++;
    c->is_worth = false;
    c->last_flush_ms = c->now_ms;
    c->dirty_since_ms = NH_NEVER;
    return NH_OK;
}

struct head {
    uint64_t version, sequence;
    size_t begin, end; // of the telemetry
};

// The record's own members; the telemetry is read by who reads it from the network.
static int read_head(const char *text, size_t len, struct head *out)
{
    char buf[16];
    bool is_telemetry = false;
    uint64_t *to = NULL;
    nh_json_reader_t r;
    memset(out, 0, sizeof *out);
    nh_json_reader_init(&r,
                        &(struct nh_json_reader_config){.text = buf, .text_max_bytes = sizeof buf});
    nh_json_feed(&r, text, len, true);
    for (;;) {
        int event = nh_json_next(&r);
        if (event < 0 || event == NH_JSON_DONE)
            return event < 0 ? event : out->end > out->begin ? NH_OK : NH_ERR_SYNTAX;
        if (event == NH_JSON_KEY) {
            const char *key = nh_json_text(&r, NULL);
            is_telemetry = strcmp(key, "telemetry") == 0;
            to = strcmp(key, "version") == 0    ? &out->version
                 : strcmp(key, "sequence") == 0 ? &out->sequence
                                                : NULL;
        } else if (event == NH_JSON_NUMBER && to && nh_json_uint64(&r, to) < 0) {
            return NH_ERR_SYNTAX;
        } else if (event == NH_JSON_OBJECT_BEGIN && nh_json_depth(&r) == 2) {
            size_t begin = (size_t)nh_json_value_begin(&r);
            int err = nh_json_skip(&r);
            if (err < 0)
                return err;
            if (is_telemetry) {
                out->begin = begin;
                out->end = (size_t)nh_json_value_end(&r);
            }
        }
    }
}

static int take_record(nh_remote_cache_t *c, const char *text, size_t len)
{
    struct nh_remote_frame f;
    struct head h;
    int err = read_head(text, len, &h);
    if (err < 0)
        return err;
    if (h.version != RECORD_VERSION)
        return NH_ERR_UNSUPPORTED;
    err = nh_remote_frame_read(text + h.begin, h.end - h.begin, &f);
    if (err < 0)
        return err;
    c->values = c->written = f.values;
    c->mask = c->written_mask = f.mask;
    c->saved_unix_ms = (int64_t)f.timestamp_ms;
    c->sequence = (uint32_t)h.sequence;
    nh_write_behind_loaded(&c->behind, VALUE_SOC, f.values.soc_mpct);
    nh_write_behind_loaded(&c->behind, VALUE_PACK, f.values.voltage_mv);
    nh_write_behind_loaded(&c->behind, VALUE_TEMPERATURE, f.values.temperature_mc);
    return NH_OK;
}

int nh_remote_cache_load(nh_remote_cache_t *c)
{
    if (!c->cfg.store)
        return NH_ERR_NOT_FOUND;
    int n = nh_store_read(c->cfg.store, NH_REMOTE_CACHE_DOC, 0, 0, c->cfg.buf,
                          NH_REMOTE_CACHE_BUF_BYTES);
    if (n < 0)
        return n;
    return n == NH_REMOTE_CACHE_BUF_BYTES ? NH_ERR_TOO_LONG : take_record(c, c->cfg.buf, (size_t)n);
}

// ---- noting ------------------------------------------------------------------------------------

#define BIT(f) (1u << NH_BATTERY_##f)

static bool counters_differ(const struct nh_battery_counters *a,
                            const struct nh_battery_counters *b)
{
    // Up to the padding before the last member.
    const size_t len = offsetof(struct nh_battery_counters, last_wakeup) + 1;
    return memcmp((const uint8_t *)a, (const uint8_t *)b, len) != 0 ||
           a->cleared_at_s != b->cleared_at_s;
}

// Copies what is known of `v` into the image. True: something differs.
static bool merge(struct nh_battery_values *to, const struct nh_battery_values *v, uint32_t known)
{
    bool differs = false;
#define TAKE(field, member)                                                                        \
    if (known & BIT(field)) {                                                                      \
        differs = differs || to->member != v->member;                                              \
        to->member = v->member;                                                                    \
    }
#define TAKE_BYTES(field, member)                                                                  \
    if (known & BIT(field)) {                                                                      \
        differs = differs || memcmp(&to->member, &v->member, sizeof v->member) != 0;               \
        memcpy(&to->member, &v->member, sizeof v->member);                                         \
    }
    TAKE(SOC, soc_mpct)
    TAKE(SOH, soh_mpct)
    TAKE(VOLTAGE, voltage_mv)
    TAKE(CURRENT, current_ma)
    TAKE(POWER, power_mw)
    TAKE(TEMPERATURE, temperature_mc)
    TAKE(TEMP_EXT1, temp_ext1_mc)
    TAKE(TEMP_EXT2, temp_ext2_mc)
    TAKE(TEMP_BMS, temp_bms_mc)
    TAKE(STATUS, status)
    TAKE(CELLS, cell_count)
    TAKE_BYTES(CELLS, cell_dmv)
    TAKE(BALANCING, balancing)
    TAKE(BALANCING, balance_wanted)
    TAKE(TIME_LEFT, time_left_s)
    TAKE(LIFETIME, lifetime_s)
    TAKE(CAPACITY, capacity_mah)
    TAKE(CYCLES, cycles_milli)
    TAKE_BYTES(LIMITS, limits)
    TAKE(ENERGY, energy_in_mwh)
    TAKE(ENERGY, energy_out_mwh)
    TAKE(VERSION_INFO, hardware)
    TAKE(VERSION_INFO, hardware_changes)
    TAKE(VERSION_INFO, firmware)
    TAKE(VERSION_INFO, bootloader)
    TAKE(VERSION_INFO, firmware_internal)
    TAKE_BYTES(VERSION_INFO, serial)
#undef TAKE
#undef TAKE_BYTES
    if (known & BIT(COUNTERS)) {
        differs = differs || counters_differ(&to->counters, &v->counters);
        to->counters = v->counters;
    }
    return differs;
}

static uint32_t far(uint32_t a, uint32_t b)
{
    return a > b ? a - b : b - a;
}

// Cells, and what is no number: the write-behind has no delta for them.
static bool is_other_worth(const nh_remote_cache_t *c)
{
    const struct nh_battery_values *a = &c->values, *b = &c->written;
    bool is = c->mask != c->written_mask || a->status != b->status ||
              a->balancing != b->balancing || a->cell_count != b->cell_count;
    for (size_t i = 0; i < a->cell_count; i++)
        is = is || far(a->cell_dmv[i], b->cell_dmv[i]) >= NH_REMOTE_CACHE_CELL_DMV;
    return is;
}

static void judge(nh_remote_cache_t *c, uint64_t now_ms)
{
    nh_write_behind_t *b = &c->behind;
    if (c->mask & BIT(SOC))
        nh_write_behind_value(b, VALUE_SOC, c->values.soc_mpct, now_ms);
    if (c->mask & BIT(VOLTAGE))
        nh_write_behind_value(b, VALUE_PACK, c->values.voltage_mv, now_ms);
    if (c->mask & BIT(TEMPERATURE))
        nh_write_behind_value(b, VALUE_TEMPERATURE, c->values.temperature_mc, now_ms);
    // Whatever else differs waits for the deadline: no distance is worth a write.
    nh_write_behind_value(b, VALUE_OTHER, (int64_t)++c->change_count, now_ms);
    if (!c->is_worth && is_other_worth(c)) { // told once: telling again would put the write off
        c->is_worth = true;
        nh_write_behind_changed(b, now_ms);
    }
}

void nh_remote_cache_note(nh_remote_cache_t *c, const struct nh_battery_snapshot *s,
                          uint64_t now_ms)
{
    const uint32_t known = s->valid & ~s->stale;
    const uint32_t mask = c->mask;
    c->now_ms = now_ms;
    if (!c->cfg.store || !known || s->source == NH_BATTERY_FROM_STORE)
        return;
    if (s->generation != c->generation) { // of another mode, or of before the start
        memset(&c->values, 0, sizeof c->values);
        c->mask = 0;
        c->generation = s->generation;
    }
    const bool differs = merge(&c->values, &s->v, known);
    c->mask |= known;
    if (c->mask == mask && !differs)
        return;
    if (c->dirty_since_ms == NH_NEVER)
        c->dirty_since_ms = now_ms;
    judge(c, now_ms);
}

// ---- time --------------------------------------------------------------------------------------

int nh_remote_cache_init(nh_remote_cache_t *c, const struct nh_remote_cache_config *cfg)
{
    *c = (nh_remote_cache_t){.cfg = *cfg, .dirty_since_ms = NH_NEVER};
    const struct nh_write_behind_config behind = {
        .delay_ms = cfg->delay_ms ? cfg->delay_ms : 5000,
        .deadline_ms = cfg->deadline_ms ? cfg->deadline_ms : 60000,
        .delta = {[VALUE_SOC] = NH_REMOTE_CACHE_SOC_MPCT,
                  [VALUE_PACK] = cfg->delta_mv ? cfg->delta_mv : NH_REMOTE_CACHE_PACK_MV,
                  [VALUE_TEMPERATURE] = NH_REMOTE_CACHE_TEMPERATURE_MC,
                  [VALUE_OTHER] = UINT64_MAX},
        .flush = flush,
        .ctx = c};
    int err = nh_write_behind_init(&c->behind, &behind);
    if (err == NH_OK)
        nh_write_behind_loaded(&c->behind, VALUE_OTHER, 0);
    return err;
}

uint64_t nh_remote_cache_next(const nh_remote_cache_t *c)
{
    return nh_write_behind_next_deadline(&c->behind);
}

static int told(int err)
{
    if (err < 0)
        NH_LOG_W("battery", "the last known values cannot be kept: %s", nh_err_text(err));
    return err;
}

void nh_remote_cache_tick(nh_remote_cache_t *c, uint64_t now_ms)
{
    c->now_ms = now_ms;
    NH_IGNORE(told(nh_write_behind_tick(&c->behind, now_ms))); // tried again, and counted
}

int nh_remote_cache_flush(nh_remote_cache_t *c, uint64_t now_ms)
{
    c->now_ms = now_ms;
    return told(nh_write_behind_stop(&c->behind, now_ms));
}

void nh_remote_cache_info(const nh_remote_cache_t *c, struct nh_remote_cache_info *out)
{
    struct nh_write_behind_info i;
    nh_write_behind_info(&c->behind, &i);
    *out = (struct nh_remote_cache_info){.noted = c->change_count,
                                         .flushes = i.made,
                                         .flush_errors = i.failed,
                                         .last_flush_ms = c->last_flush_ms,
                                         .dirty_since_ms = c->dirty_since_ms};
    out->writes_avoided = out->noted > i.made ? out->noted - i.made : 0;
}
