#include "components/health/health_lines.h"
#include "components/health/health_state.h"
#include "core/base/utf8.h"
#include "core/bus/events.h"

#include <string.h>

static size_t or_default(uint32_t value, size_t standard)
{
    return value ? value : standard;
}

static bool heartbeat_is_valid(uint32_t ms)
{
    return ms >= 1000 && ms <= 3600000;
}

static void heartbeat(void *ctx, struct nh_timer *t, uint64_t now_ms);

int nh_health_create(const struct nh_health_config *cfg, nh_health_t **out)
{
    *out = NULL;
    nh_health_t *h = nh_mem_alloc_zero(cfg->mem, sizeof *h, NH_MEM_BULK);
    if (!h)
        return NH_ERR_NOMEM;
    bool has_psram = cfg->board->psram_bytes > 0;
    h->cfg = *cfg;
    h->sys = nh_mem_system(cfg->mem);
    h->cfg.heartbeat_ms = (uint32_t)or_default(cfg->heartbeat_ms, 60000);
    h->cfg.internal_min_limit_bytes =
        (uint32_t)or_default(cfg->internal_min_limit_bytes, NH_KIB(100));
    h->cfg.frag_limit_pct = (uint32_t)or_default(cfg->frag_limit_pct, 40);
    h->started_ms = cfg->clock_ms();
    h->heartbeat.fire = heartbeat;
    h->heartbeat.ctx = h;
    h->heartbeat.name = "heartbeat";
    int err = heartbeat_is_valid(h->cfg.heartbeat_ms) ? 0 : NH_ERR_RANGE;
    if (!err)
        err = nh_health__ring_init(&h->history, cfg->mem, sizeof(struct nh_health__row),
                                   or_default(cfg->history_max_count, has_psram ? 1000 : 64));
    if (!err)
        err = nh_health__ring_init(&h->log, cfg->mem, sizeof(struct nh_health__log_line),
                                   or_default(cfg->log_max_count, has_psram ? 200 : 32));
    if (err) {
        nh_health_destroy(h);
        return err;
    }
    nh_mem_tripwire_set(h->sys, h->cfg.tripwire_bytes);
    *out = h;
    return 0;
}

void nh_health_destroy(nh_health_t *h)
{
    if (!h)
        return;
    nh_health_stop(h);
    nh_health__ring_deinit(&h->history, h->cfg.mem);
    nh_health__ring_deinit(&h->log, h->cfg.mem);
    nh_mem_free(h->cfg.mem, h);
}

int nh_health_start(nh_health_t *h)
{
    return nh_timer_arm(h->cfg.sched, &h->heartbeat, h->cfg.clock_ms() + h->cfg.heartbeat_ms,
                        h->cfg.heartbeat_ms);
}

void nh_health_stop(nh_health_t *h)
{
    if (nh_timer_is_armed(&h->heartbeat))
        nh_timer_cancel(h->cfg.sched, &h->heartbeat);
}

int nh_health_heartbeat_set(nh_health_t *h, uint32_t heartbeat_ms)
{
    if (!heartbeat_is_valid(heartbeat_ms))
        return NH_ERR_RANGE;
    h->cfg.heartbeat_ms = heartbeat_ms;
    return nh_timer_is_armed(&h->heartbeat) ? nh_health_start(h) : 0;
}

static void line(nh_health_t *h, const char *text)
{
    if (h->cfg.line)
        h->cfg.line(h->cfg.ctx, text);
}

static uint32_t clamp_u32(size_t bytes)
{
    return bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes;
}

static void remember(nh_health_t *h, const struct nh_mem_snapshot *s)
{
    nh_lock_acquire(&h->cfg.lock);
    struct nh_health__row *row = nh_health__ring_push(&h->history);
    row->seq = h->history.seq;
    row->unix_ms = h->cfg.clock_unix_ms();
    memcpy(row->tag, s->tag, sizeof row->tag);
    for (int t = 0; t < NH_MEM_TIER_COUNT; t++) {
        row->tier[t].free_bytes = clamp_u32(s->tier[t].free_bytes);
        row->tier[t].min_bytes = clamp_u32(s->tier[t].min_free_bytes);
        row->tier[t].largest_bytes = clamp_u32(s->tier[t].largest_free_bytes);
        row->tier[t].frag_pct = (uint8_t)s->tier[t].frag_pct;
    }
    if (s->tripped) {
        h->tripped = true;
        memcpy(h->tripped_tag, s->tag, sizeof h->tripped_tag);
    }
    nh_lock_release(&h->cfg.lock);
}

bool nh_health__tripped(const nh_health_t *h, char tag[NH_MEM_TAG_MAX_BYTES])
{
    nh_lock_acquire(&h->cfg.lock);
    bool tripped = h->tripped;
    if (tag)
        memcpy(tag, h->tripped_tag, sizeof h->tripped_tag);
    nh_lock_release(&h->cfg.lock);
    return tripped;
}

static void dump_tasks(nh_health_t *h, const char *tag)
{
    struct nh_mem_task_info tasks[NH_MEM_TASK_MAX_COUNT];
    char text[NH_HEALTH_LINE_MAX_BYTES];
    size_t count = nh_mem_task_list(h->sys, tasks, NH_ARRAY_LEN(tasks));
    nh_health__line_dump(text, sizeof text, count, tag);
    line(h, text);
    for (size_t i = 0; i < count; i++) {
        nh_health__line_task(text, sizeof text, &tasks[i]);
        line(h, text);
    }
}

static void post(nh_health_t *h, nh_event_id_t id, const void *data, size_t len, uint64_t now_ms)
{
    struct nh_event e = {.id = id,
                         .origin = NH_ORIGIN_SCHED,
                         .data_len = (uint16_t)len,
                         .critical = id == NH_EVENT_MEM_TRIPWIRE,
                         .time_ms = now_ms};
    memcpy(e.data, data, len);
    // Full queues are counted by the bus; telemetry has nothing to add.
    if (h->cfg.bus)
        (void)nh_bus_post(h->cfg.bus, &e);
}

// Any task: the loop may set another one meanwhile.
static uint32_t tripwire_bytes(nh_health_t *h)
{
    nh_lock_acquire(&h->cfg.lock);
    uint32_t bytes = h->cfg.tripwire_bytes;
    nh_lock_release(&h->cfg.lock);
    return bytes;
}

static void post_snapshot(nh_health_t *h, const struct nh_mem_snapshot *s)
{
    const struct nh_mem_tier_info *i = &s->tier[NH_MEM_INTERNAL], *p = &s->tier[NH_MEM_PSRAM];
    struct nh_event_mem_snapshot data = {
        .internal_free_bytes = clamp_u32(i->free_bytes),
        .internal_min_bytes = clamp_u32(i->min_free_bytes),
        .internal_largest_bytes = clamp_u32(i->largest_free_bytes),
        .psram_free_bytes = clamp_u32(p->free_bytes),
        .psram_min_bytes = clamp_u32(p->min_free_bytes),
        .psram_largest_bytes = clamp_u32(p->largest_free_bytes),
        .internal_frag_pct = (uint16_t)i->frag_pct,
        .psram_frag_pct = (uint16_t)p->frag_pct,
        .failed_count = s->failed_count,
    };
    memcpy(data.tag, s->tag, sizeof data.tag);
    post(h, NH_EVENT_MEM_SNAPSHOT, &data, sizeof data, s->time_ms);
    if (!s->tripped)
        return;
    struct nh_event_mem_tripwire trip = {
        .internal_min_bytes = clamp_u32(i->min_free_bytes),
        .tripwire_bytes = tripwire_bytes(h),
    };
    memcpy(trip.tag, s->tag, sizeof trip.tag);
    post(h, NH_EVENT_MEM_TRIPWIRE, &trip, sizeof trip, s->time_ms);
}

// Sends a snapshot that was taken everywhere.
static void emit(nh_health_t *h, const struct nh_mem_snapshot *snap)
{
    char text[NH_HEALTH_LINE_MAX_BYTES];
    remember(h, snap);
    nh_health__line_mem(text, sizeof text, snap);
    line(h, text);
    if (snap->tripped) {
        nh_health__line_tripwire(text, sizeof text, snap, tripwire_bytes(h));
        line(h, text);
        dump_tasks(h, snap->tag);
    }
    post_snapshot(h, snap);
}

void nh_health_snapshot(nh_health_t *h, const char *tag, struct nh_mem_snapshot *out)
{
    struct nh_mem_snapshot snap;
    char token[NH_MEM_TAG_MAX_BYTES];
    nh_health__tag(token, tag);
    nh_mem_snapshot_take(h->sys, token, h->cfg.clock_ms(), &snap);
    emit(h, &snap);
    if (out)
        *out = snap;
}

void nh_health_hotspot_tags_set(nh_health_t *h, bool on)
{
    nh_lock_acquire(&h->cfg.lock);
    h->cfg.hotspot_tags = on;
    nh_lock_release(&h->cfg.lock);
}

void nh_health_hotspot(nh_health_t *h, const char *tag)
{
    if (!h)
        return;
    nh_lock_acquire(&h->cfg.lock);
    bool is_on = h->cfg.hotspot_tags;
    nh_lock_release(&h->cfg.lock);
    if (is_on)
        nh_health_snapshot(h, tag, NULL);
}

// Under the lock. True: it was not told before, and now is taken for told.
static bool is_first(nh_health_t *h, const char *tag)
{
    for (uint32_t i = 0; i < h->once_count; i++)
        if (strncmp(h->once[i], tag, NH_MEM_TAG_MAX_BYTES - 1) == 0)
            return false;
    if (h->once_count == NH_HEALTH_ONCE_MAX_COUNT)
        return false;
    nh_health__tag(h->once[h->once_count++], tag);
    return true;
}

void nh_health_hotspot_once(nh_health_t *h, const char *tag)
{
    char token[NH_MEM_TAG_MAX_BYTES];
    if (!h)
        return;
    nh_health__tag(token, tag);
    nh_lock_acquire(&h->cfg.lock);
    bool is_due = h->cfg.hotspot_tags && is_first(h, token);
    nh_lock_release(&h->cfg.lock);
    if (is_due)
        nh_health_snapshot(h, token, NULL);
}

void nh_health_server_watermark(nh_health_t *h, const char *task)
{
    struct nh_mem_task_info tasks[NH_MEM_TASK_MAX_COUNT];
    char text[NH_HEALTH_LINE_MAX_BYTES];
    if (h->has_watermark)
        return;
    size_t count = nh_mem_task_list(h->sys, tasks, NH_ARRAY_LEN(tasks));
    for (size_t i = 0; i < count && !h->has_watermark; i++) {
        if (strcmp(tasks[i].name, task) != 0)
            continue;
        nh_health__line_watermark(text, sizeof text, &tasks[i]);
        line(h, text);
        h->has_watermark = true;
    }
}

void nh_health_tripwire_set(nh_health_t *h, uint32_t bytes)
{
    nh_lock_acquire(&h->cfg.lock);
    h->cfg.tripwire_bytes = bytes;
    nh_lock_release(&h->cfg.lock);
    nh_mem_tripwire_set(h->sys, bytes);
}

// Copies what fits, and no half of a character.
static void keep_text(char *out, size_t cap, const char *text)
{
    size_t len = strnlen(text, cap);
    if (len == cap)
        len = nh_utf8_valid_len(text, cap - 1, true);
    memcpy(out, text, len);
    out[len] = 0;
}

void nh_health_log(nh_health_t *h, enum nh_log_level level, const char *module, const char *text)
{
    char console[NH_HEALTH_LINE_MAX_BYTES];
    nh_lock_acquire(&h->cfg.lock);
    struct nh_health__log_line *l = nh_health__ring_push(&h->log);
    l->seq = h->log.seq;
    l->unix_ms = h->cfg.clock_unix_ms();
    l->level = level;
    keep_text(l->module, sizeof l->module, module);
    keep_text(l->text, sizeof l->text, text);
    nh_lock_release(&h->cfg.lock);
    nh_health__line_log(console, sizeof console, level, module, text);
    line(h, console);
}

bool nh_health__copy(nh_health_t *h, const struct nh_health__ring *r, uint64_t *next, void *out)
{
    nh_lock_acquire(&h->cfg.lock);
    if (*next < nh_health__ring_first(r))
        *next = nh_health__ring_first(r);
    const void *at = nh_health__ring_at(r, *next);
    if (at)
        memcpy(out, at, r->item_bytes);
    nh_lock_release(&h->cfg.lock);
    return at != NULL;
}

void nh_health__facts(nh_health_t *h, struct nh_health_facts *out)
{
    *out = (struct nh_health_facts){.fs_used_bytes = -1,
                                    .fs_total_bytes = -1,
                                    .program_bytes = -1,
                                    .rss_bytes = -1,
                                    .private_bytes = -1,
                                    .host_libc_bytes = -1,
                                    .host_tls_bytes = -1,
                                    .cpu_usage_pct = -1,
                                    .cpu_temperature_c = -1,
                                    .cpu_freq_mhz = -1,
                                    .display_fps = -1,
                                    .display_pass_us = -1,
                                    .display_present_us = -1,
                                    .lamp_fps = -1,
                                    .lamp_ma = -1,
                                    .lamp_late_count = -1,
                                    .lamp_refused_count = -1,
                                    .lamp_show_failures = -1,
                                    .reset_reason = "Unknown",
                                    .hostname = ""};
    if (h->cfg.facts)
        h->cfg.facts(h->cfg.ctx, out);
}

static void publish(nh_health_t *h, uint64_t now_ms)
{
    if (!h->cfg.publish)
        return;
    char json[1600]; // the flat object has about 45 fields of at most 30 bytes
    struct nh_json_buf buf = {.ptr = json, .cap = sizeof json};
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_health__write_health(h, &w);
    if (nh_json_writer_end(&w) != 0)
        return;
    if (h->cfg.publish(h->cfg.ctx, "health", buf.ptr, buf.len))
        h->published_ms = now_ms;
}

static void heartbeat(void *ctx, struct nh_timer *t, uint64_t now_ms)
{
    nh_health_t *h = ctx;
    struct nh_health_facts facts;
    struct nh_mem_snapshot snap;
    char text[NH_HEALTH_LINE_MAX_BYTES];
    (void)t;
    nh_health__facts(h, &facts);
    nh_mem_snapshot_take(h->sys, "hb", now_ms, &snap);
    nh_health__line_heartbeat(text, sizeof text, now_ms - h->started_ms,
                              snap.tier[NH_MEM_INTERNAL].free_bytes, facts.address, facts.hostname);
    line(h, text);
    emit(h, &snap);
    for (int tier = 0; tier < NH_MEM_TIER_COUNT; tier++)
        nh_mem_window_get(h->sys, (enum nh_mem_tier)tier, true, &h->window[tier]);
    h->has_window = true;
    publish(h, now_ms);
}
