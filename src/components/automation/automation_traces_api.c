// automation_traces_api.c - what ran, step by step, and what would run.

#include "components/automation/automation_api.h"
#include "components/automation/dry_run.h"

#include <stdio.h>
#include <string.h>

#define DRY_MAX_BYTES NH_KIB(128)

// ---- traces -------------------------------------------------------------------------------------

static const char *kind_of(const struct nh_trace_record *r)
{
    static const char *const kinds[] = {"begin", "step",    "wait",   "on_stop",
                                        "end",   "ignored", "resumed"};
    return kinds[r->kind];
}

static const char *result_of(const struct nh_trace_record *r)
{
    static const char *const ends[] = {"done", "failed", "cancelled"};
    switch (r->kind) {
    case NH_TRACE_BEGIN:
        return nh_origin__name(r->result);
    case NH_TRACE_WAIT:
        return nh_wait__name((enum nh_wait)r->result);
    case NH_TRACE_END:
        return ends[r->result];
    case NH_TRACE_IGNORED:
        return nh_automation_api__refusal(r->result);
    default:
        return r->result < 0 ? nh_err_name(r->result) : "ok";
    }
}

static void write_record(nh_json_writer_t *w, const struct nh_trace_record *r)
{
    char path[160] = "";
    size_t len = 0;
    for (unsigned d = 0; d < r->depth && len < sizeof path; d++)
        len =
            nh_automation_api__add_place(path, sizeof path, len, r->path[d].list, r->path[d].index);
    nh_json_kv_string(w, "kind", kind_of(r));
    if (r->depth) {
        nh_json_kv_string(w, "step", nh_step__name(r->step));
        nh_json_kv_string(w, "path", path);
    }
    nh_json_kv_string(w, "result", result_of(r));
    if (r->text.len)
        nh_automation_api__kv_span(w, "text", r->text);
}

static bool next_record(struct nh_automation_list *l, nh_json_writer_t *w)
{
    struct nh_trace_record r;
    uint32_t at = (uint32_t)l->cursor;
    if (!nh_trace__next(l->bytes, l->len, &at, &r))
        return false;
    l->cursor = at;
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "run", r.run);
    nh_json_kv_int(w, "unix_ms", l->base_ms + (int64_t)r.time_ms);
    write_record(w, &r);
    nh_json_object_end(w);
    return true;
}

static bool next_traced(struct nh_automation_list *l, nh_json_writer_t *w)
{
    const nh_automation_t *a = l->a;
    while (l->cursor < a->plan.scenario_count) {
        const struct nh_scenario *s = a->plan.scenarios[l->cursor++];
        if (!s->trace && !s->ignored)
            continue;
        nh_json_object_begin(w);
        nh_automation_api__kv_span(w, "device", nh_scenario__device(s));
        nh_automation_api__kv_span(w, "scenario", nh_scenario__id(s));
        nh_json_kv_uint(w, "done", s->done);
        nh_json_kv_uint(w, "failed", s->failed);
        nh_json_kv_uint(w, "cancelled", s->cancelled);
        nh_json_kv_uint(w, "ignored", s->ignored);
        nh_json_kv_uint(w, "failed_run", s->trace ? s->trace->failed_run : 0);
        nh_json_object_end(w);
        return true;
    }
    return false;
}

// A copy, since the trace goes on while it is sent. `failed`: the last run that failed.
static int copy_trace(struct nh_automation_list *l, const struct nh_trace *t, bool is_failed)
{
    const uint8_t *bytes = is_failed ? t->failed : t->bytes;
    l->len = is_failed ? t->failed_len : t->used;
    l->base_ms = l->a->wall_ms;
    if (l->len == 0)
        return NH_OK;
    l->bytes = nh_mem_alloc(l->a->mem, l->len, NH_MEM_BULK);
    if (!l->bytes)
        return NH_ERR_NOMEM;
    memcpy(l->bytes, bytes, l->len);
    return NH_OK;
}

int nh_automation_api__get_traces(nh_request_t *req)
{
    const char *device = nh_request_param(req, "device");
    const char *scenario = nh_request_param(req, "scenario");
    const char *failed = nh_request_param(req, "failed");
    struct nh_automation_list *l =
        nh_automation_api__list(req, device || scenario ? next_record : next_traced);
    if (!l)
        return NH_ERR_NOMEM;
    if (device || scenario) {
        nh_span_t of = nh_span_of(device ? device : ""), id = nh_span_of(scenario ? scenario : "");
        const struct nh_scenario *s = nh_scenario__find(l->a, of, id);
        if (!s)
            return nh_automation_api__refused_scenario(req, NH_ERR_NOT_FOUND, of, id);
        int err = s->trace ? copy_trace(l, s->trace, failed && strcmp(failed, "true") == 0) : NH_OK;
        if (err < 0)
            return err;
    }
    return nh_automation_api__send(req);
}

// ---- dry runs -----------------------------------------------------------------------------------

struct dry {
    nh_mem_t *mem;
    uint8_t *bytes; // DRY_MAX_BYTES
    struct nh_json_buf b;
    bool is_cut;
};

static void keep_line(void *ctx, const struct nh_dry_line *line)
{
    struct dry *d = ctx;
    size_t len = d->b.len;
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &d->b);
    if (len > 0)
        nh_automation_api__put(&d->b, ",");
    nh_json_object_begin(&w);
    nh_json_kv_uint(&w, "at_ms", line->at_ms);
    nh_automation_api__kv_span(&w, "device", line->device);
    nh_automation_api__kv_span(&w, "scenario", line->scenario);
    write_record(&w, line->record);
    nh_json_object_end(&w);
    if (nh_json_writer_end(&w) == 0 && d->b.len < d->b.cap)
        return;
    d->b.len = len;
    d->is_cut = true;
}

static int produce_dry(nh_request_t *req, char *out, size_t cap)
{
    struct nh_automation_list *l = req->state;
    size_t len = l->len - l->cursor < cap ? l->len - l->cursor : cap;
    memcpy(out, l->bytes + l->cursor, len);
    l->cursor += len;
    return (int)len;
}

static int run_dry(nh_automation_t *a, const struct nh_automation_run *r, struct dry *d)
{
    struct nh_dry dry;
    int err = nh_dry__begin(a, r, keep_line, d, &dry);
    if (err < 0)
        return err;
    while (!d->is_cut && nh_dry__next(&dry))
        ;
    d->is_cut = d->is_cut || dry.is_cut || dry.engine->info.instance_count > 0;
    nh_dry__end(&dry);
    return NH_OK;
}

int nh_automation_api__post_dry_run(nh_request_t *req)
{
    static const char head[] = "{\"lines\":[";
    nh_automation_t *a = nh_automation_api__of(req);
    struct nh_automation_body b;
    struct nh_automation_list *l = nh_automation_api__list(req, NULL);
    int rc;
    if (!l || !nh_automation_api__body(req, &b, &rc))
        return l ? rc : NH_ERR_NOMEM;
    if (b.scenario.len == 0)
        return nh_reply_error(req, 400, "invalid",
                              "\"device\" and \"scenario\" are needed in the body.");
    l->bytes = nh_mem_alloc(a->mem, DRY_MAX_BYTES, NH_MEM_BULK);
    if (!l->bytes)
        return NH_ERR_NOMEM;
    size_t begin = sizeof head - 1;
    memcpy(l->bytes, head, begin);
    struct dry d = {.b = {.ptr = (char *)l->bytes + begin, .cap = DRY_MAX_BYTES - begin - 32}};
    const struct nh_automation_run run = {.device = b.device,
                                          .scenario = b.scenario,
                                          .parameters = b.parameters,
                                          .parameter_count = b.parameter_count,
                                          .origin = NH_ORIGIN_HTTP};
    int err = run_dry(a, &run, &d);
    if (err < 0)
        return nh_automation_api__refused_scenario(req, err, b.device, b.scenario);
    l->len = (uint32_t)(begin + d.b.len);
    l->len += (uint32_t)snprintf((char *)l->bytes + l->len, 32, "],\"is_cut\":%s}\n",
                                 d.is_cut ? "true" : "false");
    return nh_reply_stream(req, 200, "application/json", produce_dry);
}
