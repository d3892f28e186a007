#include "components/battery_remote/battery_remote.h"

#include "components/battery_remote/battery_remote_private.h"
#include "core/base/log.h"

#include <string.h>

#define SETTINGS_DELAY_MS 2000
#define SETTINGS_DEADLINE_MS 10000

// ---- telemetry in ------------------------------------------------------------------------------

// Called for each frame: copies, and lets the battery decide. No storage is near.
static void on_frame(void *ctx, const struct nh_remote_frame *f)
{
    nh_battery_remote_t *r = ctx;
    struct nh_battery_candidate *c = &r->candidate;
    const uint64_t now_ms = nh_clock_ms();
    if (f->mask == 0)
        return; // a gateway whose board is silent
    nh_battery_read(r->cfg.battery, &r->snapshot);
    c->source = NH_BATTERY_FROM_REMOTE;
    c->generation = r->snapshot.generation;
    // Measured then, wherever it went since: two hubs that ask each other do not keep it alive.
    c->time_ms = f->age_ms < now_ms ? now_ms - f->age_ms : 0;
    c->mask = f->mask;
    c->values = f->values;
    nh_battery_offer(r->cfg.battery, c);
}

static void on_up(void *ctx, bool is_up)
{
    nh_battery_remote_t *r = ctx;
    nh_battery_remote_link(r->cfg.battery, is_up);
}

// ---- what is kept ------------------------------------------------------------------------------

static void offer_kept(nh_battery_remote_t *r)
{
    struct nh_battery_candidate *c = &r->candidate;
    int err = nh_remote_cache_load(&r->cache);
    if (err < 0) {
        if (err != NH_ERR_NOT_FOUND)
            NH_LOG_W("battery", "the last known values cannot be read: %s", nh_err_text(err));
        return;
    }
    nh_battery_read(r->cfg.battery, &r->snapshot);
    *c = (struct nh_battery_candidate){.source = NH_BATTERY_FROM_STORE,
                                       .generation = r->snapshot.generation,
                                       .time_ms = nh_clock_ms(),
                                       .stored_unix_ms = r->cache.saved_unix_ms,
                                       .mask = r->cache.mask,
                                       .values = r->cache.values};
    r->cache.generation = r->snapshot.generation;
    nh_battery_offer(r->cfg.battery, c);
}

// The bytes of member `key` of the object in `text`, which is an object too; false: it has none.
static bool member(const char *text, size_t len, const char *key, nh_span_t *out)
{
    char name[16];
    nh_json_reader_t j;
    bool is_it = false;
    nh_json_reader_init(&j, &(struct nh_json_reader_config){
                                .text = name, .text_max_bytes = sizeof name, .cut_long = true});
    nh_json_feed(&j, text, len, true);
    for (;;) {
        int event = nh_json_next(&j);
        if (event < 0 || event == NH_JSON_DONE)
            return false;
        if (event == NH_JSON_KEY)
            is_it = strcmp(nh_json_text(&j, NULL), key) == 0;
        if (event != NH_JSON_OBJECT_BEGIN || nh_json_depth(&j) != 2)
            continue;
        size_t begin = (size_t)nh_json_value_begin(&j);
        if (nh_json_skip(&j) < 0)
            return false;
        *out = (nh_span_t){(const uint8_t *)text + begin, (size_t)nh_json_value_end(&j) - begin};
        if (is_it)
            return true;
    }
}

static void load_settings(nh_battery_remote_t *r)
{
    struct nh_remote_settings known = {0}, pending = {0};
    uint32_t seen;
    nh_span_t part;
    int n = r->cfg.store
                ? nh_store_read(r->cfg.store, NH_REMOTE_SETTINGS_DOC, 0, 0, r->buf, sizeof r->buf)
                : NH_ERR_NOT_FOUND;
    if (n < 0) {
        if (n != NH_ERR_NOT_FOUND)
            NH_LOG_W("battery", "the gateway's configuration cannot be read: %s", nh_err_text(n));
        return;
    }
    if (member(r->buf, (size_t)n, "known", &part))
        NH_IGNORE(nh_remote_settings_read((const char *)part.ptr, part.len, &known, &seen));
    if (member(r->buf, (size_t)n, "pending", &part))
        NH_IGNORE(nh_remote_settings_read((const char *)part.ptr, part.len, &pending, &seen));
    nh_remote_link_load(r->link, &known, &pending);
    memset(r->buf, 0, sizeof r->buf);
}

static int save_settings(void *ctx)
{
    nh_battery_remote_t *r = ctx;
    struct nh_json_buf buf = {r->buf, sizeof r->buf, 0};
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_json_object_begin(&w);
    nh_json_key(&w, "known");
    nh_json_object_begin(&w);
    nh_remote_settings_write(&w, nh_remote_link_settings(r->link), UINT32_MAX);
    nh_json_object_end(&w);
    nh_json_key(&w, "pending");
    nh_json_object_begin(&w);
    nh_remote_settings_write(&w, nh_remote_link_pending(r->link), UINT32_MAX);
    nh_json_object_end(&w);
    nh_json_object_end(&w);
    int err = nh_json_writer_end(&w);
    if (err == NH_OK && r->cfg.store)
        err = nh_store_put(r->cfg.store, NH_REMOTE_SETTINGS_DOC, buf.ptr, buf.len);
    memset(r->buf, 0, sizeof r->buf); // a password may be in it
    if (err < 0)
        NH_LOG_W("battery", "the gateway's configuration cannot be kept: %s", nh_err_text(err));
    return err < 0 ? err : NH_OK;
}

static void on_settings(void *ctx)
{
    nh_battery_remote_t *r = ctx;
    nh_write_behind_changed(&r->settings, nh_clock_ms());
    nh_battery_remote__arm(r);
}

void nh_battery_remote__arm(nh_battery_remote_t *r)
{
    uint64_t due_ms = nh_remote_cache_next(&r->cache);
    uint64_t other_ms = nh_write_behind_next_deadline(&r->settings);
    due_ms = due_ms < other_ms ? due_ms : other_ms;
    if (due_ms == NH_NEVER)
        nh_timer_cancel(r->cfg.sched, &r->timer);
    else if (nh_timer_is_armed(&r->timer) && r->timer.due_ms == due_ms)
        return;
    else
        NH_IGNORE(nh_timer_arm(r->cfg.sched, &r->timer, due_ms, 0)); // full: with the next change
}

static void on_timer(void *ctx, nh_timer_t *t, uint64_t now_ms)
{
    nh_battery_remote_t *r = ctx;
    (void)t;
    nh_remote_cache_tick(&r->cache, now_ms);
    NH_IGNORE(nh_write_behind_tick(&r->settings, now_ms)); // told, and tried again
    nh_battery_remote__arm(r);
}

void nh_battery_remote_changed(nh_battery_remote_t *r, uint32_t dirty,
                               const struct nh_battery_snapshot *s)
{
    (void)dirty; // a field that became stale is dirty too; the cache looks at what is known
    nh_remote_cache_note(&r->cache, s, nh_clock_ms());
    if (r->serve)
        nh_remote_serve_changed(r->serve, s);
    nh_battery_remote__arm(r);
}

// ---- life --------------------------------------------------------------------------------------

static int make_link(nh_battery_remote_t *r)
{
    const struct nh_battery_remote_config *cfg = &r->cfg;
    const struct nh_remote_link_config link = {.mem = cfg->mem,
                                               .loop = cfg->loop,
                                               .sched = cfg->sched,
                                               .http = cfg->http,
                                               .tls = cfg->tls,
                                               .gateway = cfg->gateway,
                                               .user = cfg->user,
                                               .password = cfg->password,
                                               .backoff_max_ms = cfg->backoff_max_ms,
                                               .ctx = r,
                                               .frame = on_frame,
                                               .up = on_up,
                                               .settings = on_settings};
    if (!cfg->http || !cfg->gateway || !cfg->gateway[0])
        return NH_OK;
    int err = nh_remote_link_create(&link, &r->link);
    r->cfg.user = r->cfg.password = NULL; // it has copies
    return err;
}

static int make_parts(nh_battery_remote_t *r)
{
    const struct nh_remote_cache_config cache = {.store = r->cfg.store,
                                                 .delay_ms = r->cfg.save_delay_ms,
                                                 .deadline_ms = r->cfg.save_deadline_ms,
                                                 .delta_mv = r->cfg.delta_mv,
                                                 .buf = r->buf,
                                                 .clock_unix_ms = nh_clock_unix_ms};
    const struct nh_write_behind_config settings = {.delay_ms = SETTINGS_DELAY_MS,
                                                    .deadline_ms = SETTINGS_DEADLINE_MS,
                                                    .flush = save_settings,
                                                    .ctx = r};
    const struct nh_remote_serve_config serve = {.mem = r->cfg.mem,
                                                 .sched = r->cfg.sched,
                                                 .battery = r->cfg.battery,
                                                 .frame_ms = r->cfg.frame_ms};
    int err = nh_remote_cache_init(&r->cache, &cache);
    if (err == NH_OK)
        err = nh_write_behind_init(&r->settings, &settings);
    if (err == NH_OK)
        err = make_link(r);
    if (err == NH_OK && r->cfg.is_gateway)
        err = nh_remote_serve_create(&serve, &r->serve);
    return err;
}

int nh_battery_remote_create(const struct nh_battery_remote_config *cfg, nh_battery_remote_t **out)
{
    *out = NULL;
    nh_battery_remote_t *r = nh_mem_alloc_zero(cfg->mem, sizeof *r, NH_MEM_BULK);
    if (!r)
        return NH_ERR_NOMEM;
    r->cfg = *cfg;
    r->timer = (nh_timer_t){.fire = on_timer, .ctx = r, .name = "battery write-behind"};
    int err = make_parts(r);
    if (err < 0) {
        nh_battery_remote_destroy(r);
        return err;
    }
    offer_kept(r);
    if (r->link)
        load_settings(r);
    *out = r;
    return NH_OK;
}

int nh_battery_remote_start(nh_battery_remote_t *r)
{
    if (r->link)
        nh_remote_link_start(r->link);
    r->is_started = true;
    return NH_OK;
}

void nh_battery_remote_stop(nh_battery_remote_t *r)
{
    if (!r || !r->is_started)
        return;
    r->is_started = false;
    if (r->link)
        nh_remote_link_stop(r->link);
    NH_IGNORE(nh_remote_cache_flush(&r->cache, nh_clock_ms())); // told
    NH_IGNORE(nh_write_behind_stop(&r->settings, nh_clock_ms()));
    nh_timer_cancel(r->cfg.sched, &r->timer);
}

void nh_battery_remote_destroy(nh_battery_remote_t *r)
{
    if (!r)
        return;
    nh_battery_remote_stop(r);
    nh_timer_cancel(r->cfg.sched, &r->timer);
    nh_remote_link_destroy(r->link);
    nh_remote_serve_destroy(r->serve);
    nh_mem_free(r->cfg.mem, r);
}

void nh_battery_remote_info(const nh_battery_remote_t *r, struct nh_battery_remote_info *out)
{
    struct nh_remote_cache_info c;
    struct nh_write_behind_info settings;
    struct nh_remote_link_info l = {0};
    struct nh_remote_serve_info s = {0};
    const uint64_t now_ms = nh_clock_ms();
    nh_remote_cache_info(&r->cache, &c);
    nh_write_behind_info(&r->settings, &settings);
    if (r->link)
        nh_remote_link_info(r->link, &l);
    if (r->serve)
        nh_remote_serve_info(r->serve, &s);
    *out = (struct nh_battery_remote_info){
        .is_connected = l.is_up,
        .frames_in = l.frames,
        .frames_bad = l.bad_frames,
        .values_bad = l.bad_values,
        .last_frame_ms = l.last_frame_ms,
        .frames_out = s.frames,
        .reconnects = l.reconnects,
        .clients = s.clients,
        .flushes = c.flushes,
        .flush_errors = c.flush_errors,
        .writes_avoided = c.writes_avoided,
        .last_flush_ms = c.last_flush_ms,
        .dirty_age_ms = c.dirty_since_ms == NH_NEVER ? 0 : now_ms - c.dirty_since_ms,
        .settings_flushes = settings.made,
        .settings_flush_errors = settings.failed,
    };
}
