// The memory routes, streamed: each step of a reply writes one piece that surely fits.

#include "components/health/health_state.h"

#include <stdio.h>
#include <string.h>

const char *const nh_health__tier_name[NH_MEM_TIER_COUNT] = {"internal", "psram"};

void nh_health__kv_known(nh_json_writer_t *w, const char *key, int64_t value)
{
    if (value < 0)
        nh_json_kv_null(w, key);
    else
        nh_json_kv_int(w, key, value);
}

struct nh_health__stream *nh_health__stream_new(nh_request_t *req)
{
    struct nh_health__stream *st = nh_arena_alloc(req->arena, sizeof *st);
    if (st)
        memset(st, 0, sizeof *st);
    req->state = st;
    return st;
}

// ---- /api/memory: streamed piece by piece
// --------------------------------------------------------

void nh_health__write_tier(nh_json_writer_t *w, enum nh_mem_tier tier,
                           const struct nh_mem_tier_info *t)
{
    nh_json_object_begin(w);
    nh_json_kv_string(w, "name", nh_health__tier_name[tier]);
    nh_json_kv_uint(w, "size_bytes", t->size_bytes);
    nh_json_kv_uint(w, "free_bytes", t->free_bytes);
    nh_json_kv_uint(w, "min_free_bytes", t->min_free_bytes);
    nh_json_kv_uint(w, "largest_free_bytes", t->largest_free_bytes);
    nh_json_kv_uint(w, "used_blocks", t->used_blocks);
    nh_json_kv_uint(w, "frag_pct", t->frag_pct);
    nh_json_object_end(w);
}

static void write_owner(nh_json_writer_t *w, const struct nh_mem_owner_info *o)
{
    nh_json_object_begin(w);
    nh_json_kv_string(w, "name", o->name);
    nh_json_key(w, "tiers");
    nh_json_array_begin(w);
    for (int t = 0; t < NH_MEM_TIER_COUNT; t++) {
        nh_json_object_begin(w);
        nh_json_kv_uint(w, "current_bytes", o->tier[t].current_bytes);
        nh_json_kv_uint(w, "peak_bytes", o->tier[t].peak_bytes);
        nh_json_kv_uint(w, "budget_bytes", o->tier[t].budget_bytes);
        nh_json_kv_uint(w, "current_blocks", o->tier[t].current_blocks);
        nh_json_kv_uint(w, "alloc_count", o->tier[t].alloc_count);
        nh_json_kv_uint(w, "failed_count", o->tier[t].failed_count);
        nh_json_kv_uint(w, "charged_bytes", o->tier[t].charged_bytes);
        nh_json_object_end(w);
    }
    nh_json_array_end(w);
    nh_json_object_end(w);
}

static void write_task(nh_json_writer_t *w, const struct nh_mem_task_info *t)
{
    nh_json_object_begin(w);
    nh_json_kv_string(w, "name", t->name);
    nh_json_kv_int(w, "priority", t->priority);
    nh_json_kv_int(w, "core", t->core);
    nh_json_kv_uint(w, "stack_bytes", t->stack_bytes);
    nh_json_kv_uint(w, "chip_stack_bytes", t->chip_stack_bytes);
    nh_json_kv_uint(w, "margin_bytes", t->stack_margin_bytes);
    nh_json_object_end(w);
}

static void write_host(nh_health_t *h, nh_json_writer_t *w)
{
    struct nh_health_facts f;
    nh_health__facts(h, &f);
    nh_json_object_begin(w);
    nh_health__kv_known(w, "rss_bytes", f.rss_bytes);
    nh_health__kv_known(w, "private_bytes", f.private_bytes);
    nh_health__kv_known(w, "host_libc_bytes", f.host_libc_bytes);
    nh_health__kv_known(w, "host_tls_bytes", f.host_tls_bytes);
    nh_health__kv_known(w, "cpu_usage_pct", f.cpu_usage_pct);
    nh_health__kv_known(w, "cpu_temperature_c", f.cpu_temperature_c);
    nh_json_kv_uint(w, "console_dropped_lines", f.console_dropped);
    nh_json_object_end(w);
}

// The head without its closing brace: lists follow as further pieces.
static void write_memory_head(nh_health_t *h, nh_json_writer_t *w)
{
    struct nh_mem_snapshot s;
    char tag[NH_MEM_TAG_MAX_BYTES];
    bool tripped = nh_health__tripped(h, tag);
    nh_mem_figures(h->sys, &s);
    nh_json_object_begin(w);
    nh_json_kv_int(w, "unix_ms", h->cfg.clock_unix_ms());
    nh_json_kv_string(w, "board", h->cfg.board->name);
    nh_json_key(w, "limits");
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "internal_min_bytes", h->cfg.internal_min_limit_bytes);
    nh_json_kv_uint(w, "frag_max_pct", h->cfg.frag_limit_pct);
    nh_json_object_end(w);
    nh_json_kv_uint(w, "reserve_bytes", nh_mem_reserve_bytes(h->sys));
    nh_json_key(w, "tripwire");
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "bytes", h->cfg.tripwire_bytes);
    nh_json_kv_bool(w, "fired", tripped);
    nh_json_kv_string(w, "tag", tripped ? tag : NULL);
    nh_json_object_end(w);
    nh_json_kv_uint(w, "failed_count", s.failed_count);
    nh_json_key(w, "tiers");
    nh_json_array_begin(w);
    for (int t = 0; t < NH_MEM_TIER_COUNT; t++)
        nh_health__write_tier(w, (enum nh_mem_tier)t, &s.tier[t]);
    nh_json_array_end(w);
    nh_json_key(w, "host");
    write_host(h, w);
}

enum { MEMORY_HEAD, MEMORY_OWNERS, MEMORY_TASKS, MEMORY_END };

static void memory_owners_step(nh_health_t *h, struct nh_health__stream *st, struct nh_json_buf *b)
{
    struct nh_mem_owner_info o;
    nh_json_writer_t w;
    if (nh_mem_owner_info(h->sys, (size_t)st->next, &o) == 0) {
        if (st->next++ > 0)
            (void)nh_json_buf_sink(b, ",", 1);
        nh_json_writer_init(&w, nh_json_buf_sink, b);
        write_owner(&w, &o);
        return;
    }
    (void)nh_json_buf_sink(b, "],\"tasks\":[", 11);
    st->step = MEMORY_TASKS;
    st->next = 0;
}

static void memory_tasks_step(nh_health_t *h, struct nh_health__stream *st, struct nh_json_buf *b)
{
    struct nh_mem_task_info tasks[NH_MEM_TASK_MAX_COUNT];
    size_t count = nh_mem_task_list(h->sys, tasks, NH_ARRAY_LEN(tasks));
    nh_json_writer_t w;
    if (st->next < count) {
        if (st->next > 0)
            (void)nh_json_buf_sink(b, ",", 1);
        nh_json_writer_init(&w, nh_json_buf_sink, b);
        write_task(&w, &tasks[st->next++]);
        return;
    }
    (void)nh_json_buf_sink(b, "]}", 2);
    st->step = MEMORY_END;
}

static int produce_memory(nh_request_t *req, char *out, size_t cap)
{
    nh_health_t *h = req->ctx;
    struct nh_health__stream *st = req->state;
    struct nh_json_buf b = {.ptr = out, .cap = cap};
    while (st->step != MEMORY_END && b.cap - b.len >= NH_HEALTH__PIECE_MAX_BYTES * 2) {
        if (st->step == MEMORY_HEAD) {
            nh_json_writer_t w;
            nh_json_writer_init(&w, nh_json_buf_sink, &b);
            write_memory_head(h, &w);
            (void)nh_json_buf_sink(&b, ",\"owners\":[", 11);
            st->step = MEMORY_OWNERS;
        } else if (st->step == MEMORY_OWNERS) {
            memory_owners_step(h, st, &b);
        } else {
            memory_tasks_step(h, st, &b);
        }
    }
    return (int)b.len;
}

int nh_health__get_memory(nh_request_t *req)
{
    if (!nh_health__stream_new(req))
        return NH_ERR_NOMEM;
    return nh_reply_stream(req, 200, "application/json", produce_memory);
}

// ---- /api/memory/map
// -----------------------------------------------------------------------------

struct map_walk {
    struct nh_health__stream *st;
    struct nh_json_buf *b;
    size_t region_bytes;
};

// The walk begins anew for each part of the reply, at the offset where the last part ended; blocks
// may have changed in between, so offsets always rise and a block that moved is not told twice.
static bool map_visit(void *ctx, size_t offset, size_t bytes, int owner)
{
    struct map_walk *m = ctx;
    char row[64];
    if (offset < m->st->next)
        return true;
    int n = snprintf(row, sizeof row, "%s[%zu,%zu,%d]", m->st->has_item ? "," : "", offset, bytes,
                     owner);
    if (nh_json_buf_sink(m->b, row, (size_t)n) != 0)
        return false;
    m->st->has_item = true;
    m->st->next = offset + bytes;
    return true;
}

static void map_head(nh_health_t *h, struct nh_health__stream *st, struct nh_json_buf *b)
{
    struct nh_mem_owner_info o;
    struct nh_mem_snapshot s;
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, b);
    nh_mem_figures(h->sys, &s);
    nh_json_object_begin(&w);
    nh_json_kv_string(&w, "tier", nh_health__tier_name[st->tier]);
    nh_json_kv_uint(&w, "size_bytes", s.tier[st->tier].size_bytes);
    nh_json_kv_int(&w, "unix_ms", h->cfg.clock_unix_ms());
    nh_json_key(&w, "owners");
    nh_json_array_begin(&w);
    for (size_t i = 0; nh_mem_owner_info(h->sys, i, &o) == 0; i++)
        nh_json_string(&w, o.name);
    nh_json_array_end(&w);
    (void)nh_json_buf_sink(b, ",\"blocks\":[", 11);
}

enum { MAP_HEAD, MAP_BLOCKS, MAP_END };

static int produce_map(nh_request_t *req, char *out, size_t cap)
{
    nh_health_t *h = req->ctx;
    struct nh_health__stream *st = req->state;
    struct nh_json_buf b = {.ptr = out, .cap = cap};
    if (st->step == MAP_HEAD) {
        map_head(h, st, &b);
        st->step = MAP_BLOCKS;
    }
    if (st->step == MAP_BLOCKS) {
        uint64_t before = st->next;
        struct map_walk m = {.st = st, .b = &b};
        nh_mem_walk(h->sys, st->tier, map_visit, &m);
        bool is_whole = b.cap - b.len >= 64 || st->next == before;
        if (is_whole && nh_json_buf_sink(&b, "]}", 2) == 0)
            st->step = MAP_END;
    }
    return (int)b.len;
}

int nh_health__get_map(nh_request_t *req)
{
    const char *tier = nh_request_param(req, "tier");
    if (tier && strcmp(tier, "internal") != 0 && strcmp(tier, "psram") != 0)
        return nh_reply_error(req, 400, "bad_value",
                              "tier is \"%.32s\"; it can be internal or psram.", tier);
    struct nh_health__stream *st = nh_health__stream_new(req);
    if (!st)
        return NH_ERR_NOMEM;
    st->tier = tier && strcmp(tier, "psram") == 0 ? NH_MEM_PSRAM : NH_MEM_INTERNAL;
    return nh_reply_stream(req, 200, "application/json", produce_map);
}
