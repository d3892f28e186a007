#include "components/devices/devices_state.h"

#include "core/base/log.h"
#include "core/bus/events.h"
#include "core/json/decode.h"

#include <stdio.h>
#include <string.h>

#define FIRST_PROFILE "default"
static const char empty_document[] =
    "{\"schema\":2,\"generation\":1,\"name\":\"Default\",\"devices\":[]}";

// ---- what the store remembers -------------------------------------------------------------------

static const nh_json_field_t kept_fields[] = {
    {"profile", NH_JSON_T_STRING, NH_JSON_AT(struct nh_devices_kept, profile)},
    {"generation", NH_JSON_T_INT, NH_JSON_AT(struct nh_devices_kept, generation)},
    {"crc", NH_JSON_T_INT, NH_JSON_AT(struct nh_devices_kept, crc)},
    {"confirm_back", NH_JSON_T_INT, NH_JSON_AT(struct nh_devices_kept, confirm_back)},
    NH_JSON_FIELDS_END,
};

static void read_state(nh_devices_t *d)
{
    char text[256];
    struct nh_devices_kept k = {.profile = FIRST_PROFILE};
    int n = nh_store_read(d->cfg.store, NH_DEVICES_STATE, 0, 0, text, sizeof text);
    if (n > 0 && nh_json_decode(text, (size_t)n, kept_fields, &k, NULL, NULL, 0) == 0 &&
        nh_devices__id_is_valid(k.profile))
        d->kept = k;
    else
        d->kept = (struct nh_devices_kept){.profile = FIRST_PROFILE};
}

int nh_devices__keep_state(nh_devices_t *d)
{
    char text[256];
    struct nh_json_buf b = {.ptr = text, .cap = sizeof text};
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &b);
    nh_json_encode_struct(&w, kept_fields, &d->kept, 0);
    int err = nh_json_writer_end(&w);
    if (err == 0)
        err = nh_store_put(d->cfg.store, NH_DEVICES_STATE, text, b.len);
    return err < 0 ? err : NH_OK;
}

// ---- the set in force
// ----------------------------------------------------------------------------

struct nh_device_compiler_config nh_devices__compiler(const nh_devices_t *d,
                                                      nh_device_finding_fn finding, void *ctx)
{
    return (struct nh_device_compiler_config){.mem = d->cfg.mem,
                                              .limits = &d->cfg.limits,
                                              .expression = d->cfg.expression,
                                              .lamp = d->cfg.lamp,
                                              .finding = finding,
                                              .ctx = ctx};
}

int nh_devices__card(nh_devices_t *d, struct nh_fs *out)
{
    int err = d->cfg.card(d->cfg.ctx, out);
    d->info.has_card = err == 0;
    return err;
}

void nh_devices__log_finding(void *ctx, const struct nh_device_finding *f)
{
    (void)ctx;
    NH_LOG_W("devices", "not put in force: %s%s%s", f->pointer, f->pointer[0] ? ": " : "", f->text);
}

// From the hub's answers the error of a broker that is full, or a filter that is none, is the same
// as a limit: the set cannot be put in force as it is.
int nh_devices__prepare(nh_devices_t *d, nh_device_set_t *set, nh_device_finding_fn finding,
                        void *ctx)
{
    if (!d->cfg.prepare)
        return NH_OK;
    int err = d->cfg.prepare(d->cfg.ctx, set, finding ? finding : nh_devices__log_finding, ctx);
    d->info.reject_count += err < 0;
    return err < 0 && err != NH_ERR_NOMEM ? NH_ERR_FULL : err;
}

void nh_devices__drop(nh_devices_t *d)
{
    if (d->cfg.drop)
        d->cfg.drop(d->cfg.ctx);
}

void nh_devices__put_in_force(nh_devices_t *d, nh_device_set_t *set, uint32_t generation,
                              bool cancel, uint32_t more_mask)
{
    nh_device_set_t *before = d->set;
    const struct nh_event_devices_changed data = {
        .generation = generation,
        .mask = more_mask | (before ? nh_devices__difference(before, set) : 0)};
    struct nh_event e = {.id = NH_EVENT_DEVICES_CHANGED,
                         .critical = true,
                         .time_ms = d->cfg.clock_ms(),
                         .data_len = sizeof data};
    d->set = set;
    d->generation = generation;
    d->version++;
    d->info.changed_by[0] = '\0';
    d->info.changed_unix_ms = d->cfg.clock_unix_ms();
    if (d->cfg.in_force && !d->info.is_idle)
        d->cfg.in_force(d->cfg.ctx, set, cancel);
    memcpy(e.data, &data, sizeof data);
    nh_bus_post(d->cfg.bus, &e);
    nh_device_set_unref(before);
}

// ---- start --------------------------------------------------------------------------------------

static int make_empty(nh_devices_t *d, nh_device_set_t **out)
{
    const struct nh_device_compiler_config cfg = nh_devices__compiler(d, NULL, NULL);
    nh_device_compiler_t *c;
    int err = nh_device_compiler_create(&cfg, &c);
    if (err == 0)
        err = nh_device_compiler_json(c, empty_document, sizeof empty_document - 1, true);
    if (err == 0)
        err = nh_device_compiler_end(c, out);
    nh_device_compiler_destroy(c);
    return err;
}

// One candidate more: the higher generation wins.
static void take_better(struct nh_devices_loaded *best, enum nh_devices_source *from,
                        const struct nh_devices_loaded *other, enum nh_devices_source source)
{
    if (best->set && best->generation >= other->generation) {
        nh_device_set_unref(other->set);
        return;
    }
    nh_device_set_unref(best->set);
    *best = *other;
    *from = source;
}

// The newest backup that can be read.
static int load_backup(nh_devices_t *d, const struct nh_fs *fs, struct nh_devices_loaded *out)
{
    struct nh_devices_backup b[NH_DEVICES_BACKUP_MAX_COUNT];
    char path[NH_DEVICES_PATH_MAX_BYTES];
    size_t count = nh_devices__list_backups(fs, d->profile, b, NH_ARRAY_LEN(b));
    int err = NH_ERR_NOT_FOUND;
    for (size_t i = 0; i < count && err < 0; i++) {
        nh_devices__path(d->profile, NH_DEVICES_FILE_BACKUP, b[i].generation, path);
        err = nh_devices__load(d, fs, path, out);
        if (err == NH_ERR_NOMEM)
            return err;
    }
    return err;
}

// Without the main file: what a save that was cut short left, the backups, the store's copy.
static int find_other(nh_devices_t *d, const struct nh_fs *fs, bool main_is_gone,
                      struct nh_devices_loaded *best, enum nh_devices_source *from)
{
    char path[NH_DEVICES_PATH_MAX_BYTES];
    struct nh_devices_loaded other;
    int err = NH_ERR_NOT_FOUND;
    nh_devices__path(d->profile, NH_DEVICES_FILE_STAGED, 0, path);
    if (fs && main_is_gone)
        err = nh_devices__load(d, fs, path, &other);
    if (err == 0)
        take_better(best, from, &other, NH_DEVICES_FROM_STAGED);
    if (fs && err != NH_ERR_NOMEM && (err = load_backup(d, fs, &other)) == 0)
        take_better(best, from, &other, NH_DEVICES_FROM_BACKUP);
    if (err != NH_ERR_NOMEM && (err = nh_devices__load_copy(d, &other)) == 0)
        take_better(best, from, &other, NH_DEVICES_FROM_COPY);
    return err == NH_ERR_NOMEM ? err : NH_OK;
}

static const char *const degraded_texts[] = {
    [NH_DEVICES_FROM_CARD] = NULL,
    [NH_DEVICES_FROM_STAGED] = "A save was cut short; its file was whole and is in force.",
    [NH_DEVICES_FROM_BACKUP] = "The configuration could not be read; the newest good backup is in "
                               "force.",
    [NH_DEVICES_FROM_COPY] =
        "The configuration could not be read from the card; the last good copy "
        "is in force.",
    [NH_DEVICES_EMPTY] = "No configuration could be read; there are no devices.",
};

// The card's main file, or what stands in for it. *first: there is nothing at all, as on a new hub.
static int find(nh_devices_t *d, const struct nh_fs *fs, struct nh_devices_loaded *best,
                enum nh_devices_source *from, bool *first)
{
    char path[NH_DEVICES_PATH_MAX_BYTES];
    int err = NH_ERR_NOT_FOUND;
    nh_devices__path(d->profile, NH_DEVICES_FILE_MAIN, 0, path);
    *from = NH_DEVICES_FROM_CARD;
    if (fs)
        err = nh_devices__load(d, fs, path, best);
    if (err == 0 || err == NH_ERR_NOMEM)
        return err;
    if (fs && err == NH_ERR_CORRUPT)
        nh_devices__set_aside(fs, path);
    *first = err == NH_ERR_NOT_FOUND;
    *from = NH_DEVICES_EMPTY;
    err = find_other(d, fs, err == NH_ERR_NOT_FOUND, best, from);
    if (err < 0 || best->set)
        return err;
    best->generation = 1;
    return make_empty(d, &best->set);
}

// What stands in for the main file becomes it, so that the next start finds it at once.
static void save_found(nh_devices_t *d, const struct nh_fs *fs, bool is_main)
{
    uint32_t crc = d->kept.crc;
    d->info.is_saved = is_main;
    if (!is_main && fs)
        d->info.is_saved = nh_devices__save(d, fs, d->profile, d->set, d->generation, &crc) == 0;
    struct nh_devices_kept kept = d->kept;
    kept.generation = d->generation;
    kept.crc = crc;
    bool is_new = memcmp(&kept, &d->kept, sizeof kept) != 0;
    d->kept = kept;
    if (is_new &&
        (nh_devices__save_copy(d, d->set, d->generation) < 0 || nh_devices__keep_state(d) < 0))
        NH_LOG_W("devices", "the store cannot keep a copy of the configuration");
}

static int arm_card(nh_devices_t *d)
{
    return nh_timer_arm(d->cfg.sched, &d->card_timer, d->cfg.clock_ms() + d->cfg.card_poll_ms,
                        d->cfg.card_poll_ms);
}

int nh_devices_start(nh_devices_t *d)
{
    struct nh_devices_loaded found = {0};
    enum nh_devices_source from;
    struct nh_fs fs;
    bool first = false;
    read_state(d);
    snprintf(d->profile, sizeof d->profile, "%s", d->kept.profile);
    bool has_card = d->had_card = nh_devices__card(d, &fs) == 0;
    int err = find(d, has_card ? &fs : NULL, &found, &from, &first);
    if (err < 0)
        return err;
    if (from == NH_DEVICES_FROM_CARD)
        d->kept.crc = found.crc; // it may have been edited elsewhere
    d->info.source = from;
    d->info.degraded = from == NH_DEVICES_EMPTY && first ? NULL : degraded_texts[from];
    if (!has_card && from != NH_DEVICES_EMPTY)
        d->info.degraded = "There is no card; the last good copy is in force.";
    if (d->info.degraded)
        NH_LOG_W("devices", "%s", d->info.degraded);
    if (nh_devices__undo_trial(d, &found)) {
        nh_device_set_unref(found.set);
        return arm_card(d);
    }
    err = nh_devices__prepare(d, found.set, NULL, NULL);
    if (err == NH_ERR_NOMEM) {
        nh_device_set_unref(found.set);
        return err;
    }
    d->info.is_idle = err < 0;
    if (err < 0)
        d->info.degraded =
            "The configuration needs more than the limits allow; nothing of it runs. "
            "The log says what.";
    nh_devices__put_in_force(d, found.set, found.generation, false, UINT32_MAX);
    save_found(d, has_card ? &fs : NULL, from == NH_DEVICES_FROM_CARD);
    return arm_card(d);
}

void nh_devices_stop(nh_devices_t *d)
{
    nh_timer_cancel(d->cfg.sched, &d->card_timer);
    nh_timer_cancel(d->cfg.sched, &d->confirm_timer);
}

nh_device_set_t *nh_devices_set(const nh_devices_t *d)
{
    return d->set;
}

// ---- life and figures
// ----------------------------------------------------------------------------

int nh_devices_create(const struct nh_devices_config *cfg, nh_devices_t **out)
{
    *out = NULL;
    if (cfg->backup_count > NH_DEVICES_BACKUP_MAX_COUNT ||
        cfg->profile_max_count > NH_DEVICES_PROFILE_MAX_COUNT ||
        cfg->limits.depth_max > NH_DEVICE_DEPTH_MAX ||
        cfg->limits.payload_max_bytes > NH_DEVICE_TEXT_MAX_BYTES)
        return NH_ERR_RANGE;
    nh_devices_t *d = nh_mem_alloc_zero(cfg->mem, sizeof *d, NH_MEM_BULK);
    if (!d)
        return NH_ERR_NOMEM;
    d->cfg = *cfg;
    if (!cfg->backup_count)
        d->cfg.backup_count = 5;
    if (!cfg->profile_max_count)
        d->cfg.profile_max_count = NH_DEVICES_PROFILE_MAX_COUNT;
    if (!cfg->compile_max_count)
        d->cfg.compile_max_count = 2;
    if (!cfg->card_poll_ms)
        d->cfg.card_poll_ms = 5000;
    d->card_timer = (nh_timer_t){.fire = nh_devices__card_tick, .ctx = d, .name = "devices card"};
    d->confirm_timer =
        (nh_timer_t){.fire = nh_devices__confirm_over, .ctx = d, .name = "devices confirm"};
    *out = d;
    return NH_OK;
}

void nh_devices_destroy(nh_devices_t *d)
{
    if (!d)
        return;
    nh_devices_stop(d);
    nh_device_set_unref(d->set);
    nh_mem_free(d->cfg.mem, d);
}

void nh_devices_changed_by(nh_devices_t *d, const char *who)
{
    snprintf(d->info.changed_by, sizeof d->info.changed_by, "%s", who);
    d->version++;
}

void nh_devices_info(const nh_devices_t *d, struct nh_devices_info *out)
{
    struct nh_device_set_info set = {0};
    uint64_t now_ms = d->cfg.clock_ms();
    *out = d->info;
    memcpy(out->profile, d->profile, sizeof out->profile);
    out->generation = d->generation;
    out->confirm_back = d->kept.confirm_back;
    if (d->set)
        nh_device_set_info(d->set, &set);
    out->set_bytes = set.bytes;
    if (d->confirm_due_ms)
        out->confirm_ms = d->confirm_due_ms > now_ms ? (uint32_t)(d->confirm_due_ms - now_ms) : 1;
}

size_t nh_devices_backups(nh_devices_t *d, struct nh_devices_backup *out, size_t max)
{
    struct nh_fs fs;
    if (nh_devices__card(d, &fs) < 0)
        return 0;
    return nh_devices__list_backups(&fs, d->profile, out, max);
}
