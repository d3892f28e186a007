// What of the pack outlives a restart, as two documents of the store, each with its own
// write-behind:
//
//   battery {"version":1,"in_uj":..,"out_uj":..,"out_mams":..,"mode":..,"mode_configured":..}
//   battery_alarms  {"version":1,"next_id":..,"seen_known":true,"seen":[..],"alarms":[{..}]}
//
// Two, since meters are written all day and alarms seldom. Every byte: docs/battery-alarms.md.

#include "components/battery/battery_pack_state.h"

#include "core/base/log.h"
#include "core/json/decode.h"
#include "core/store/store_document.h"

#include <string.h>

#define VERSION 1
#define CHUNK_BYTES 256
#define TEXT_BYTES 96

// ---- tables ------------------------------------------------------------------------------------

struct kept_energy {
    uint32_t version;
    struct nh_battery__meters meters;
    uint32_t mode;            // as somebody set it ...
    uint32_t mode_configured; // ... while this stood in the configuration; another one there goes
};

#define FIELD(type_, member_, name_, ...)                                                          \
    {                                                                                              \
        .name = (name_), .type = NH_JSON_T_INT, NH_JSON_AT(type_, member_), __VA_ARGS__            \
    }
static const nh_json_field_t energy_fields[] = {
    FIELD(struct kept_energy, version, "version", .required = true),
    FIELD(struct kept_energy, meters.in_uj, "in_uj", .required = true),
    FIELD(struct kept_energy, meters.out_uj, "out_uj", .required = true),
    FIELD(struct kept_energy, meters.out_mams, "out_mams", .required = true),
    FIELD(struct kept_energy, mode, "mode", .max = NH_BATTERY_AUTO),
    FIELD(struct kept_energy, mode_configured, "mode_configured", .max = NH_BATTERY_AUTO),
    NH_JSON_FIELDS_END,
};

#define ALARM(member_, ...) FIELD(struct nh_battery_alarm, member_, #member_, __VA_ARGS__)
static const nh_json_field_t alarm_fields[] = {
    ALARM(id, .required = true),
    ALARM(code, .required = true),
    ALARM(severity, .max = NH_BATTERY_CRITICAL),
    ALARM(state, .max = NH_BATTERY_CLEARED),
    ALARM(source, .max = NH_BATTERY_FROM_STORE),
    ALARM(raised_unix_ms, .is_signed = true),
    ALARM(cleared_unix_ms, .is_signed = true),
    ALARM(value, .is_signed = true),
    ALARM(threshold, .is_signed = true),
    {.name = "message", .type = NH_JSON_T_STRING, NH_JSON_AT(struct nh_battery_alarm, message)},
    NH_JSON_FIELDS_END,
};
static const nh_json_field_t alarm_element = {
    .type = NH_JSON_T_OBJECT, .fields = alarm_fields, .size = sizeof(struct nh_battery_alarm)};
static const nh_json_field_t seen_element = {.type = NH_JSON_T_INT, .size = sizeof(uint32_t)};

static const nh_json_field_t alarms_fields[] = {
    FIELD(nh_battery__alarms_t, version, "version", .required = true),
    FIELD(nh_battery__alarms_t, next_id, "next_id", .required = true),
    {.name = "seen_known", .type = NH_JSON_T_BOOL, NH_JSON_AT(nh_battery__alarms_t, has_seen)},
    {.name = "seen",
     .type = NH_JSON_T_ARRAY,
     .element = &seen_element,
     .offset = offsetof(nh_battery__alarms_t, seen),
     .count_offset = offsetof(nh_battery__alarms_t, seen_count),
     .count_max = NH_TINYBMS_EVENT_MAX_COUNT},
    {.name = "alarms",
     .type = NH_JSON_T_ARRAY,
     .element = &alarm_element,
     .offset = offsetof(nh_battery__alarms_t, entry),
     .count_offset = offsetof(nh_battery__alarms_t, count),
     .count_max = NH_BATTERY_ALARM_HISTORY_COUNT},
    NH_JSON_FIELDS_END,
};

// ---- documents ---------------------------------------------------------------------------------

static int read_document(nh_store_t *store, const char *name, const nh_json_field_t *fields,
                         void *to)
{
    char chunk[CHUNK_BYTES], text[TEXT_BYTES];
    struct nh_store_doc_info info;
    nh_json_reader_t r;
    nh_decoder_t d;
    uint64_t at = 0;
    int err = nh_store_stat(store, name, &info);
    if (err < 0)
        return err;
    nh_json_reader_init(&r, &(struct nh_json_reader_config){
                                .text = text, .text_max_bytes = sizeof text, .cut_long = true});
    nh_decoder_init(&d, fields, to, NULL, NULL, 0);
    do {
        int n = nh_store_read(store, name, info.generation, at, chunk, sizeof chunk);
        if (n < 0)
            return n;
        at += (uint64_t)n;
        nh_json_feed(&r, chunk, (size_t)n, n == 0 || at >= info.size_bytes);
        err = nh_decoder_pull(&d, &r);
    } while (err == NH_ERR_AGAIN);
    return err;
}

static int flush_energy(void *ctx)
{
    nh_battery__pack_t *p = ctx;
    const struct kept_energy k = {.version = VERSION,
                                  .meters = *nh_battery__model_meters(p->model),
                                  .mode = nh_battery__model_newest(p->model)->mode,
                                  .mode_configured = p->cfg->mode};
    int err = nh_store_document_write(p->cfg->store, NH_BATTERY__ENERGY_DOC, energy_fields, &k);
    if (err < 0)
        NH_LOG_E("battery", "the meters cannot be kept: %s", nh_err_text(err));
    return err < 0 ? err : 0;
}

static int flush_alarms(void *ctx)
{
    nh_battery__pack_t *p = ctx;
    p->alarms.version = VERSION;
    int err =
        nh_store_document_write(p->cfg->store, NH_BATTERY__ALARMS_DOC, alarms_fields, &p->alarms);
    if (err < 0)
        NH_LOG_E("battery", "the alarms cannot be kept: %s", nh_err_text(err));
    return err < 0 ? err : 0;
}

// Nothing is kept: changes need no write.
static int flush_nowhere(void *ctx)
{
    (void)ctx;
    return 0;
}

// ---- life --------------------------------------------------------------------------------------

int nh_battery__keep_init(nh_battery__pack_t *p)
{
    bool is_kept = p->cfg->store;
    int err = nh_write_behind_init(
        &p->energy_keep, &(struct nh_write_behind_config){
                             .delay_ms = NH_BATTERY__ENERGY_DELAY_MS,
                             .deadline_ms = NH_BATTERY__ENERGY_DEADLINE_MS,
                             .delta = {NH_BATTERY__ENERGY_DELTA_MWH, NH_BATTERY__ENERGY_DELTA_MWH},
                             .flush = is_kept ? flush_energy : flush_nowhere,
                             .ctx = p});
    const struct nh_write_behind_config mode = {.delay_ms = NH_BATTERY__ALARMS_DELAY_MS,
                                                .deadline_ms = NH_BATTERY__ALARMS_DEADLINE_MS,
                                                .flush = is_kept ? flush_energy : flush_nowhere,
                                                .ctx = p};
    if (err == 0)
        err = nh_write_behind_init(&p->mode_keep, &mode);
    if (err < 0)
        return err;
    return nh_write_behind_init(
        &p->alarms_keep,
        &(struct nh_write_behind_config){.delay_ms = NH_BATTERY__ALARMS_DELAY_MS,
                                         .deadline_ms = NH_BATTERY__ALARMS_DEADLINE_MS,
                                         .flush = is_kept ? flush_alarms : flush_nowhere,
                                         .ctx = p});
}

static bool is_usable(const char *name, uint32_t version, int err)
{
    if (err == 0 && version != VERSION)
        err = NH_ERR_UNSUPPORTED;
    if (err < 0 && err != NH_ERR_NOT_FOUND)
        NH_LOG_E("battery", "the document %s: %s; it begins anew", name, nh_err_text(err));
    return err == 0;
}

static void load_energy(nh_battery__pack_t *p)
{
    struct kept_energy k = {.mode = p->cfg->mode, .mode_configured = p->cfg->mode};
    int err = read_document(p->cfg->store, NH_BATTERY__ENERGY_DOC, energy_fields, &k);
    if (!is_usable(NH_BATTERY__ENERGY_DOC, k.version, err))
        return;
    nh_battery__model_meters_set(p->model, &k.meters);
    if (k.mode_configured == p->cfg->mode)
        nh_battery__model_mode_restore(p->model, (enum nh_battery_mode)k.mode);
}

void nh_battery__keep_load(nh_battery__pack_t *p)
{
    if (p->cfg->store) {
        load_energy(p);
        int err = read_document(p->cfg->store, NH_BATTERY__ALARMS_DOC, alarms_fields, &p->alarms);
        if (!is_usable(NH_BATTERY__ALARMS_DOC, p->alarms.version, err)) {
            const struct nh_battery__alarms_config cfg = p->alarms.cfg;
            nh_battery__alarms_init(&p->alarms, &cfg);
        }
    }
    nh_battery__alarms_loaded(&p->alarms);
    nh_write_behind_loaded(&p->mode_keep, 0, nh_battery__model_newest(p->model)->mode);
    nh_write_behind_loaded(&p->energy_keep, 0, nh_battery__model_energy_mwh(p->model, 0));
    nh_write_behind_loaded(&p->energy_keep, 1, nh_battery__model_energy_mwh(p->model, 1));
}

void nh_battery__keep_note_energy(nh_battery__pack_t *p, uint64_t now_ms)
{
    for (size_t i = 0; i < 2; i++)
        nh_write_behind_value(&p->energy_keep, i, nh_battery__model_energy_mwh(p->model, i),
                              now_ms);
}

uint64_t nh_battery__keep_deadline(const nh_battery__pack_t *p)
{
    uint64_t energy = nh_write_behind_next_deadline(&p->energy_keep);
    uint64_t alarms = nh_write_behind_next_deadline(&p->alarms_keep);
    uint64_t mode = nh_write_behind_next_deadline(&p->mode_keep);
    uint64_t due = energy < alarms ? energy : alarms;
    return mode < due ? mode : due;
}

void nh_battery__keep_tick(nh_battery__pack_t *p, uint64_t now_ms)
{
    (void)nh_write_behind_tick(&p->energy_keep, now_ms); // logged, and tried again
    (void)nh_write_behind_tick(&p->mode_keep, now_ms);
    (void)nh_write_behind_tick(&p->alarms_keep, now_ms);
}

void nh_battery__keep_stop(nh_battery__pack_t *p, uint64_t now_ms)
{
    NH_IGNORE(nh_write_behind_stop(&p->energy_keep, now_ms)); // logged
    NH_IGNORE(nh_write_behind_stop(&p->mode_keep, now_ms));
    NH_IGNORE(nh_write_behind_stop(&p->alarms_keep, now_ms));
}
