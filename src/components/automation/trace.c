// trace.c - what each scenario did: one buffer a scenario, so that a noisy one pushes out its own
// records alone, and a copy of the last run that failed.
//
//   2 bytes | 1 kind | 1 step | 4 run | 8 time | 2 result | 1 depth | 1 text | path | text
//
// all numbers as the machine has them, each step of the path a list (1) and an index (2). When a
// record does not fit, the older half goes.

#include "components/automation/automation_state.h"
#include "components/automation/dry_run.h"

#include "core/base/utf8.h"

#include <string.h>

#define HEAD_BYTES 20
#define PATH_BYTES 3

// ---- records ------------------------------------------------------------------------------------

static uint32_t bytes_of(const struct nh_trace_record *r)
{
    return (uint32_t)(HEAD_BYTES + r->depth * PATH_BYTES + r->text.len);
}

static void put_record(uint8_t *out, const struct nh_trace_record *r)
{
    uint16_t bytes = (uint16_t)bytes_of(r);
    memcpy(out, &bytes, 2);
    out[2] = r->kind;
    out[3] = r->step;
    memcpy(out + 4, &r->run, 4);
    memcpy(out + 8, &r->time_ms, 8);
    memcpy(out + 16, &r->result, 2);
    out[18] = r->depth;
    out[19] = (uint8_t)r->text.len;
    out += HEAD_BYTES;
    for (unsigned i = 0; i < r->depth; i++, out += PATH_BYTES) {
        out[0] = r->path[i].list;
        memcpy(out + 1, &r->path[i].index, 2);
    }
    if (r->text.len)
        memcpy(out, r->text.ptr, r->text.len);
}

bool nh_trace__next(const uint8_t *bytes, uint32_t len, uint32_t *at, struct nh_trace_record *out)
{
    uint16_t size;
    if (*at >= len)
        return false;
    const uint8_t *p = bytes + *at;
    memcpy(&size, p, 2);
    *at += size;
    *out = (struct nh_trace_record){.kind = p[2], .step = p[3], .depth = p[18], .text.len = p[19]};
    memcpy(&out->run, p + 4, 4);
    memcpy(&out->time_ms, p + 8, 8);
    memcpy(&out->result, p + 16, 2);
    p += HEAD_BYTES;
    for (unsigned i = 0; i < out->depth; i++, p += PATH_BYTES) {
        out->path[i].list = p[0];
        memcpy(&out->path[i].index, p + 1, 2);
    }
    out->text.ptr = p;
    return true;
}

// ---- the buffer ---------------------------------------------------------------------------------

static struct nh_trace *trace_of(nh_automation_t *a, struct nh_scenario *s)
{
    uint32_t cap = a->limits.trace_bytes;
    if (s->trace)
        return s->trace;
    if (a->info.trace_bytes + cap > a->limits.trace_total_bytes) {
        a->info.traces_missing++;
        return NULL;
    }
    s->trace = nh_mem_alloc(a->mem, sizeof(struct nh_trace) + cap, NH_MEM_BULK);
    if (!s->trace) {
        a->info.no_memory++;
        return NULL;
    }
    *s->trace = (struct nh_trace){.cap = cap};
    a->info.trace_bytes += cap;
    return s->trace;
}

static void make_room(nh_automation_t *a, struct nh_trace *t, uint32_t bytes)
{
    uint32_t at = 0;
    struct nh_trace_record r;
    if (t->used + bytes <= t->cap)
        return;
    a->info.traces_cut++;
    while (at < t->used && (at < t->used / 2 || t->used - at + bytes > t->cap))
        (void)nh_trace__next(t->bytes, t->used, &at, &r);
    memmove(t->bytes, t->bytes + at, t->used - at);
    t->used -= at;
}

void nh_trace__add(nh_automation_t *a, struct nh_scenario *s, struct nh_trace_record *r)
{
    r->time_ms = a->now_ms;
    if (r->text.len > NH_TRACE_TEXT_MAX_BYTES)
        r->text.len = nh_utf8_valid_len((const char *)r->text.ptr, NH_TRACE_TEXT_MAX_BYTES, false);
    if (a->dry) {
        nh_dry__tell(a, s, r);
        return;
    }
    struct nh_trace *t = trace_of(a, s);
    if (!t || bytes_of(r) > t->cap)
        return;
    make_room(a, t, bytes_of(r));
    put_record(t->bytes + t->used, r);
    t->used += bytes_of(r);
}

void nh_trace__run(nh_automation_t *a, const struct nh_run *run, enum nh_trace_kind kind,
                   int result, nh_span_t text)
{
    struct nh_trace_record r = {
        .kind = (uint8_t)kind, .run = run->id, .result = (int16_t)result, .text = text};
    nh_trace__add(a, run->scenario, &r);
}

static void put_path(struct nh_trace_record *r, const struct nh_branch *b)
{
    const struct nh_branch *parent = nh_turn__parent(b);
    if (parent)
        put_path(r, parent); // as deep as `parallel` is nested
    for (unsigned d = 0; d < b->depth && r->depth < NH_FRAME_MAX_COUNT; d++, r->depth++) {
        const struct nh_frame *f = nh_turn__frame(b, d);
        r->path[r->depth].list = f->list & 0xFFu;
        r->path[r->depth].index = f->index;
    }
}

void nh_trace__step(nh_automation_t *a, const struct nh_branch *b, enum nh_trace_kind kind,
                    int result, nh_span_t text)
{
    struct nh_trace_record r = {
        .kind = (uint8_t)kind,
        .step = (uint8_t)nh_rec_enum(nh_turn__step(b), NH_FIELD_TYPE, 0),
        .run = b->run->id,
        .result = (int16_t)result,
        .text = text,
    };
    put_path(&r, b);
    nh_trace__add(a, b->run->scenario, &r);
}

// ---- the last one that failed -------------------------------------------------------------------

static uint32_t copy_run(const struct nh_trace *t, uint32_t run, uint8_t *out)
{
    uint32_t at = 0, len = 0, from = 0;
    struct nh_trace_record r;
    for (; nh_trace__next(t->bytes, t->used, &at, &r); from = at) {
        if (r.run != run)
            continue;
        if (out)
            memcpy(out + len, t->bytes + from, at - from);
        len += at - from;
    }
    return len;
}

void nh_trace__keep_failed(nh_automation_t *a, struct nh_scenario *s, uint32_t run)
{
    struct nh_trace *t = s->trace;
    uint32_t len = t ? copy_run(t, run, NULL) : 0;
    uint8_t *copy = len ? nh_mem_alloc(a->mem, len, NH_MEM_BULK) : NULL;
    if (!copy) {
        a->info.no_memory += len > 0; // the one before stays
        return;
    }
    (void)copy_run(t, run, copy);
    nh_mem_free(a->mem, t->failed);
    t->failed = copy;
    t->failed_len = len;
    t->failed_run = run;
}

void nh_trace__free(nh_automation_t *a, struct nh_scenario *s)
{
    if (!s->trace)
        return;
    a->info.trace_bytes -= s->trace->cap;
    nh_mem_free(a->mem, s->trace->failed);
    nh_mem_free(a->mem, s->trace);
    s->trace = NULL;
}

void nh_trace__each(const struct nh_trace *t,
                    bool (*visit)(void *ctx, const struct nh_trace_record *r), void *ctx)
{
    uint32_t at = 0;
    struct nh_trace_record r;
    while (nh_trace__next(t->bytes, t->used, &at, &r) && visit(ctx, &r))
        ;
}
