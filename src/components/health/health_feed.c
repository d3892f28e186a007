// The component's parts of the feed: figures that changed, new snapshots, new log lines.

#include "components/health/health_state.h"

#include <string.h>

static bool differs(struct nh_health__seen *seen, const size_t figure[8], uint64_t version)
{
    if (seen->version != 0 && memcmp(seen->figure, figure, sizeof seen->figure) == 0)
        return false;
    memcpy(seen->figure, figure, sizeof seen->figure);
    seen->version = version;
    return true;
}

static bool tiers_changed(nh_health_t *h, uint64_t version)
{
    struct nh_mem_snapshot s;
    nh_mem_figures(h->sys, &s);
    const struct nh_mem_tier_info *i = &s.tier[NH_MEM_INTERNAL], *p = &s.tier[NH_MEM_PSRAM];
    size_t figure[8] = {
        i->free_bytes, i->min_free_bytes, i->largest_free_bytes, s.failed_count,
        p->free_bytes, p->min_free_bytes, p->largest_free_bytes, nh_health__tripped(h, NULL)};
    return differs(&h->tier_seen, figure, version);
}

static bool owners_changed(nh_health_t *h, uint64_t version)
{
    struct nh_mem_owner_info o;
    bool changed = false;
    for (size_t k = 0; nh_mem_owner_info(h->sys, k, &o) == 0; k++) {
        size_t figure[8];
        for (int t = 0; t < NH_MEM_TIER_COUNT; t++) {
            figure[t * 4 + 0] = o.tier[t].current_bytes;
            figure[t * 4 + 1] = o.tier[t].peak_bytes;
            figure[t * 4 + 2] = (size_t)o.tier[t].failed_count;
            figure[t * 4 + 3] = o.tier[t].current_blocks;
        }
        changed |= differs(&h->owner_seen[k], figure, version);
    }
    return changed;
}

static bool tasks_changed(nh_health_t *h, uint64_t version)
{
    struct nh_mem_task_info tasks[NH_MEM_TASK_MAX_COUNT];
    size_t count = nh_mem_task_list(h->sys, tasks, NH_ARRAY_LEN(tasks));
    bool changed = false;
    for (size_t k = 0; k < count; k++) {
        size_t figure[8] = {tasks[k].stack_margin_bytes, count};
        changed |= differs(&h->task_seen[k], figure, version);
    }
    return changed;
}

static uint64_t mem_version(void *ctx)
{
    nh_health_t *h = ctx;
    uint64_t next = h->mem_version + 1;
    // All three are asked, so that each remembers what it has now.
    bool changed = tiers_changed(h, next);
    changed |= owners_changed(h, next);
    changed |= tasks_changed(h, next);
    if (changed)
        h->mem_version = next;
    return h->mem_version;
}

static void write_tiers(nh_health_t *h, nh_json_writer_t *w)
{
    struct nh_mem_snapshot s;
    nh_mem_figures(h->sys, &s);
    nh_json_kv_int(w, "unix_ms", h->cfg.clock_unix_ms());
    nh_json_key(w, "tiers");
    nh_json_array_begin(w);
    for (int t = 0; t < NH_MEM_TIER_COUNT; t++) {
        nh_json_object_begin(w);
        nh_json_kv_uint(w, "free_bytes", s.tier[t].free_bytes);
        nh_json_kv_uint(w, "min_free_bytes", s.tier[t].min_free_bytes);
        nh_json_kv_uint(w, "largest_free_bytes", s.tier[t].largest_free_bytes);
        nh_json_kv_uint(w, "frag_pct", s.tier[t].frag_pct);
        nh_json_kv_uint(w, "used_blocks", s.tier[t].used_blocks);
        nh_json_object_end(w);
    }
    nh_json_array_end(w);
    nh_json_kv_uint(w, "failed_count", s.failed_count);
    nh_json_kv_bool(w, "tripped", nh_health__tripped(h, NULL));
}

static void write_owner(nh_json_writer_t *w, const char *name, const size_t f[8])
{
    static const uint8_t order[8] = {0, 1, 2, 4, 5, 6, 3, 7}; // as the API page lists them
    nh_json_array_begin(w);
    nh_json_string(w, name);
    for (size_t i = 0; i < NH_ARRAY_LEN(order); i++)
        nh_json_uint(w, f[order[i]]);
    nh_json_array_end(w);
}

static uint64_t mem_write(void *ctx, nh_json_writer_t *w, uint64_t since)
{
    nh_health_t *h = ctx;
    struct nh_mem_owner_info o;
    struct nh_mem_task_info tasks[NH_MEM_TASK_MAX_COUNT];
    nh_json_object_begin(w);
    write_tiers(h, w);
    nh_json_key(w, "owners");
    nh_json_array_begin(w);
    for (size_t k = 0; nh_mem_owner_info(h->sys, k, &o) == 0; k++)
        if (since == 0 || h->owner_seen[k].version > since)
            write_owner(w, o.name, h->owner_seen[k].figure);
    nh_json_array_end(w);
    nh_json_key(w, "tasks");
    nh_json_array_begin(w);
    size_t count = nh_mem_task_list(h->sys, tasks, NH_ARRAY_LEN(tasks));
    for (size_t k = 0; k < count; k++) {
        if (since != 0 && h->task_seen[k].version <= since)
            continue;
        nh_json_array_begin(w);
        nh_json_string(w, tasks[k].name);
        nh_json_uint(w, tasks[k].stack_margin_bytes);
        nh_json_array_end(w);
    }
    nh_json_array_end(w);
    nh_json_object_end(w);
    return h->mem_version;
}

// ---- snapshots and log lines: numbered, so the version is the newest number
// ----------------------

static uint64_t newest(nh_health_t *h, const struct nh_health__ring *r)
{
    nh_lock_acquire(&h->cfg.lock);
    uint64_t seq = r->seq;
    nh_lock_release(&h->cfg.lock);
    return seq;
}

#define SNAP_ROWS_MAX 12 // of at most 230 bytes each

static uint64_t snap_version(void *ctx)
{
    nh_health_t *h = ctx;
    return newest(h, &h->history);
}

static uint64_t snap_write(void *ctx, nh_json_writer_t *w, uint64_t since)
{
    nh_health_t *h = ctx;
    struct nh_health__row row;
    uint64_t seq = newest(h, &h->history), next = since + 1, written = since, missed = 0;
    // A new socket gets only the newest: the page has read the rest by its route.
    if (since == 0 && seq > SNAP_ROWS_MAX)
        next = seq - SNAP_ROWS_MAX + 1;
    nh_json_object_begin(w);
    nh_json_key(w, "rows");
    nh_json_array_begin(w);
    // The rest comes with the next message: the version told is the last row written.
    for (int i = 0; i < SNAP_ROWS_MAX && nh_health__copy(h, &h->history, &next, &row); i++) {
        nh_health__write_row(w, &row);
        missed += written > 0 ? next - written - 1 : 0;
        written = next++;
    }
    nh_json_array_end(w);
    nh_json_kv_uint(w, "missed", missed);
    nh_json_object_end(w);
    return written;
}

static uint64_t log_version(void *ctx)
{
    nh_health_t *h = ctx;
    return newest(h, &h->log);
}

static uint64_t log_write(void *ctx, nh_json_writer_t *w, uint64_t since)
{
    nh_health_t *h = ctx;
    struct nh_health__log_line l;
    uint64_t next = since + 1, written = since, missed = 0;
    uint64_t start = w->written_bytes;
    nh_json_object_begin(w);
    nh_json_key(w, "lines");
    nh_json_array_begin(w);
    // The rest comes with the next message: the version told is the last line written.
    while (w->written_bytes - start < 3072 - 1200 && nh_health__copy(h, &h->log, &next, &l)) {
        nh_health__write_log_line(w, &l);
        // What a new socket finds gone was there before it; what goes later it has missed.
        missed += written > 0 ? next - written - 1 : 0;
        written = next++;
    }
    nh_json_array_end(w);
    nh_json_kv_uint(w, "missed", missed);
    nh_json_object_end(w);
    return written;
}

void nh_health_feed_parts(nh_health_t *h, nh_feed_part_t out[NH_HEALTH_FEED_COUNT])
{
    out[0] = (nh_feed_part_t){"mem", 500, mem_version, mem_write, h, true};
    out[1] = (nh_feed_part_t){"snap", 250, snap_version, snap_write, h, true};
    out[2] = (nh_feed_part_t){"log", 100, log_version, log_write, h, false};
}
