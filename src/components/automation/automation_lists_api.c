// automation_lists_api.c - lists of what runs and of what the room knows, row by row.

#include "components/automation/automation_api.h"
#include "components/automation/templates_use.h"

#include "core/base/utf8.h"

#include <stdio.h>
#include <string.h>

#define ROW_MAX_BYTES 1500u // of a row; a longer one is written without its details
#define TEXT_MAX_BYTES 160u // of a text in a row

void nh_automation_api__kv_span(nh_json_writer_t *w, const char *key, nh_span_t text)
{
    nh_json_key(w, key);
    nh_json_string_n(w, (const char *)text.ptr, text.len);
}

static nh_span_t cut(nh_span_t text)
{
    if (text.len > TEXT_MAX_BYTES)
        text.len = nh_utf8_valid_len((const char *)text.ptr, TEXT_MAX_BYTES, false);
    return text;
}

// ---- a list, piece by piece ---------------------------------------------------------------------

void nh_automation_api__put(struct nh_json_buf *b, const char *text)
{
    NH_IGNORE(nh_json_buf_sink(b, text, strlen(text))); // its callers leave room
}

// A row is written whole, or comes with the next piece.
static bool put_row(struct nh_automation_list *l, struct nh_json_buf *b)
{
    struct nh_automation_list before = *l;
    size_t len = b->len;
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, b);
    if (l->has_row)
        nh_automation_api__put(b, ",");
    size_t begin = b->len;
    bool has_more = l->next(l, &w);
    if (b->len == begin)
        b->len = len;
    else if (nh_json_writer_end(&w) < 0) {
        b->len = len;
        *l = before;
        return false;
    } else
        l->has_row = true;
    if (!has_more)
        l->state = 2;
    return has_more;
}

static int produce(nh_request_t *req, char *out, size_t cap)
{
    struct nh_automation_list *l = req->state;
    struct nh_json_buf b = {.ptr = out, .cap = cap - 2};
    if (l->state == 0) {
        if (l->head)
            l->head(l, &b);
        else
            nh_automation_api__put(&b, "[");
        l->state = 1;
    }
    while (l->state == 1 && b.cap - b.len > ROW_MAX_BYTES && put_row(l, &b))
        ;
    if (l->state == 2 && b.cap - b.len > 16) {
        nh_automation_api__put(&b, l->tail);
        l->state = 3;
    }
    return (int)b.len;
}

static void end_list(nh_request_t *req)
{
    struct nh_automation_list *l = req->state;
    nh_mem_free(l->a->mem, l->bytes);
}

struct nh_automation_list *nh_automation_api__list(nh_request_t *req,
                                                   bool (*next)(struct nh_automation_list *l,
                                                                nh_json_writer_t *w))
{
    struct nh_automation_list *l = nh_arena_alloc(req->arena, sizeof *l);
    if (!l)
        return NULL;
    *l = (struct nh_automation_list){.a = req->ctx, .next = next, .tail = "]\n"};
    req->state = l;
    req->cleanup = end_list;
    return l;
}

int nh_automation_api__send(nh_request_t *req)
{
    return nh_reply_stream(req, 200, "application/json", produce);
}

// The next of a table in the order of their names: the table may change between two pieces.
static const struct nh_name *next_name(struct nh_automation_list *l, const struct nh_names *names)
{
    const struct nh_name *best = NULL;
    NH_NAMES_EACH(names, e)
    if ((!l->has_last || strcmp(e->text, l->last) > 0) &&
        (!best || strcmp(e->text, best->text) < 0))
        best = e;
    if (best)
        snprintf(l->last, sizeof l->last, "%s", best->text);
    l->has_last = true;
    return best;
}

// ---- flags and variables ------------------------------------------------------------------------

static bool next_flag(struct nh_automation_list *l, nh_json_writer_t *w)
{
    const struct nh_flag *f = (const struct nh_flag *)next_name(l, &l->a->flags);
    if (!f)
        return false;
    nh_json_object_begin(w);
    nh_automation_api__kv_span(w, "name", nh_name__span(&f->name));
    nh_json_kv_bool(w, "value", f->value);
    nh_json_object_end(w);
    return true;
}

static void write_value(nh_json_writer_t *w, const struct nh_value *v)
{
    nh_span_t text = cut(v->text);
    if (v->kind == NH_VALUE_BOOL)
        nh_json_bool(w, v->truth);
    else if (v->kind == NH_VALUE_NUMBER)
        nh_json_double_value(w, v->number);
    else if (v->kind == NH_VALUE_TEXT)
        nh_json_string_n(w, (const char *)text.ptr, text.len);
    else
        nh_json_null(w);
}

static bool next_variable(struct nh_automation_list *l, nh_json_writer_t *w)
{
    const struct nh_variable *v = (const struct nh_variable *)next_name(l, &l->a->variables);
    if (!v)
        return false;
    struct nh_value value = nh_variable__value(v);
    nh_json_object_begin(w);
    nh_automation_api__kv_span(w, "name", nh_name__span(&v->name));
    nh_json_key(w, "value");
    write_value(w, &value);
    nh_json_kv_bool(w, "persist", v->is_kept);
    if (cut(value.text).len < value.text.len)
        nh_json_kv_bool(w, "is_cut", true);
    nh_json_object_end(w);
    return true;
}

int nh_automation_api__get_flags(nh_request_t *req)
{
    return nh_automation_api__list(req, next_flag) ? nh_automation_api__send(req) : NH_ERR_NOMEM;
}

int nh_automation_api__get_variables(nh_request_t *req)
{
    return nh_automation_api__list(req, next_variable) ? nh_automation_api__send(req)
                                                       : NH_ERR_NOMEM;
}

// ---- monitors -----------------------------------------------------------------------------------

static void write_device(const nh_automation_t *a, uint32_t device, nh_json_writer_t *w,
                         bool is_whole)
{
    static const char *const status[] = {"unknown", "online", "offline"};
    static const char *const types[] = {"uid_validator", "signal_hold",  "on_mqtt_event",
                                        "on_flag",       "if_condition", "interval_task",
                                        "sequence_lock"};
    nh_rec_t rec = nh_device_set_device(a->plan.set, device);
    const struct nh_template_use *u = a->plan.uses[device];
    nh_span_t name = nh_rec_text(rec, NH_FIELD_DISPLAY_NAME);
    nh_json_object_begin(w);
    nh_automation_api__kv_span(w, "id", nh_rec_text(rec, NH_FIELD_ID));
    nh_automation_api__kv_span(w, "name", name.len ? name : nh_rec_text(rec, NH_FIELD_ID));
    nh_json_kv_string(w, "status",
                      a->plan.status[device] ? status[a->plan.devices[device]->status] : NULL);
    nh_json_kv_string(w, "template", u ? types[nh_template_type(u->template)] : NULL);
    if (u && is_whole)
        nh_template_monitor_write(u->template, w, nh_automation__room_ms(a));
    else if (u)
        nh_json_kv_bool(w, "is_cut", true);
    nh_json_object_end(w);
}

bool nh_automation_api__write_monitor(const nh_automation_t *a, uint32_t device,
                                      nh_json_writer_t *w)
{
    char buf[ROW_MAX_BYTES];
    struct nh_json_buf b = {.ptr = buf, .cap = sizeof buf};
    nh_json_writer_t row;
    if (!a->plan.uses[device] && !a->plan.status[device])
        return false;
    nh_json_writer_init(&row, nh_json_buf_sink, &b);
    write_device(a, device, &row, true);
    if (nh_json_writer_end(&row) == 0)
        nh_json_raw(w, buf, b.len);
    else
        write_device(a, device, w, false);
    return true;
}

uint32_t nh_automation_device_count(const nh_automation_t *a)
{
    return a->plan.device_count;
}

bool nh_automation_monitor_write(const nh_automation_t *a, uint32_t device, int type, bool is_whole,
                                 nh_json_writer_t *w)
{
    const struct nh_template_use *u = device < a->plan.device_count ? a->plan.uses[device] : NULL;
    if (!u || (int)nh_template_type(u->template) != type)
        return false;
    write_device(a, device, w, is_whole);
    return true;
}

static bool next_monitor(struct nh_automation_list *l, nh_json_writer_t *w)
{
    const nh_automation_t *a = l->a;
    while (l->cursor < a->plan.device_count)
        if (nh_automation_api__write_monitor(a, (uint32_t)l->cursor++, w))
            return true;
    return false;
}

int nh_automation_api__get_monitors(nh_request_t *req)
{
    return nh_automation_api__list(req, next_monitor) ? nh_automation_api__send(req) : NH_ERR_NOMEM;
}

// ---- instances ----------------------------------------------------------------------------------

const struct nh_run *nh_automation_api__run_after(const nh_automation_t *a, uint64_t id)
{
    const struct nh_run *best = NULL;
    NH_NAMES_EACH(&a->scenarios, e)
    NH_LIST_EACH(&((const struct nh_scenario *)e)->runs, l)
    {
        const struct nh_run *r = NH_CONTAINER_OF(l, struct nh_run, link);
        if (r->id > id && (!best || r->id < best->id))
            best = r;
    }
    return best;
}

static const char *state_of(const struct nh_run *r)
{
    if (r->state == NH_RUN_QUEUED)
        return "queued";
    if (r->state == NH_RUN_STOPPING)
        return "stopping";
    return r->main.wait != NH_WAIT_NONE && r->main.woken == NH_WOKEN_NOT ? "waiting" : "running";
}

// Adds one part of a place in the configuration, such as "/steps/3". Returns the new length.
size_t nh_automation_api__add_place(char *out, size_t cap, size_t len, unsigned list,
                                    unsigned index)
{
    static const char *const lists[] = {"steps", "on_stop", "then", "else", "default"};
    int n = 0;
    if (list < NH_ARRAY_LEN(lists))
        n = snprintf(out + len, cap - len, "/%s/%u", lists[list], index);
    else if (list >= NH_LIST_BRANCH)
        n = snprintf(out + len, cap - len, "/branches/%u/steps/%u", list - NH_LIST_BRANCH, index);
    return len + (size_t)n;
}

// Where a branch stands, as in the configuration: "/steps/3/then/0".
static void path_of(const struct nh_branch *b, char *out, size_t cap)
{
    size_t len = 0;
    out[0] = '\0';
    for (unsigned d = 0; d < b->depth && len < cap; d++) {
        const struct nh_frame *f = nh_turn__frame(b, d);
        len = nh_automation_api__add_place(out, cap, len, f->list, f->index);
    }
}

static void write_wait(const nh_automation_t *a, const struct nh_run *r, nh_json_writer_t *w)
{
    const struct nh_branch *b = nh_wait__of_run((struct nh_run *)(uintptr_t)r);
    char path[160];
    if (!b)
        return;
    uint64_t now_ms = nh_run__now(a, r);
    nh_rec_t step = nh_turn__step(b);
    path_of(b, path, sizeof path);
    nh_json_kv_string(w, "wait", nh_wait__name((enum nh_wait)b->wait));
    nh_json_kv_string(w, "step", path);
    nh_automation_api__kv_span(w, "step_name", cut(nh_rec_text(step, NH_FIELD_NAME)));
    nh_json_kv_uint(w, "waited_ms", (uint32_t)now_ms - b->waits_since_ms);
    if (b->timer.slot && b->wait != NH_WAIT_AUDIO)
        nh_json_kv_uint(w, "left_ms", b->timer.due_ms > now_ms ? b->timer.due_ms - now_ms : 0);
    if (b->wait == NH_WAIT_OPERATOR) {
        struct nh_context c = nh_texts__of((nh_automation_t *)(uintptr_t)a, b);
        nh_span_t text = nh_rec_text(step, NH_FIELD_TEXT);
        if (nh_texts__fill(&c, text, 0, &text) < 0)
            text = nh_rec_text(step, NH_FIELD_TEXT);
        nh_automation_api__kv_span(w, "text", cut(text));
    }
}

void nh_automation_api__write_instance(const nh_automation_t *a, const struct nh_run *r,
                                       nh_json_writer_t *w)
{
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "id", r->id);
    nh_automation_api__kv_span(w, "device", nh_scenario__device(r->scenario));
    nh_automation_api__kv_span(w, "scenario", nh_scenario__id(r->scenario));
    nh_json_kv_string(w, "state", state_of(r));
    nh_json_kv_string(w, "origin", nh_origin__name(r->origin));
    nh_json_kv_int(w, "started_unix_ms", a->wall_ms + (int64_t)r->started_ms);
    if (r->caller)
        nh_json_kv_uint(w, "caller", r->caller->run->id);
    if (r->flags & NH_RUN_OLD)
        nh_json_kv_bool(w, "is_old", true);
    write_wait(a, r, w);
    nh_json_object_end(w);
}

// clang-format off
#define COUNTERS(X)                                                                                \
    X(instance_count)                                                                              \
    X(instance_peak)                                                                               \
    X(running_count)                                                                               \
    X(waiting_count)                                                                               \
    X(queued_count)                                                                                \
    X(flag_count)                                                                                  \
    X(variable_count)                                                                              \
    X(filter_count)                                                                                \
    X(trigger_count)                                                                               \
    X(suspended_count) X(trace_bytes) X(inbox_bytes) X(outbox_bytes)                               \
    X(started) X(done) X(failed) X(cancelled)                                                      \
    X(triggered) X(messages) X(steps) X(published) X(ignored) X(refused)                           \
    X(instances_full) X(flags_full) X(variables_full) X(filters_full)                              \
    X(values_too_long) X(texts_too_long) X(locals_full)                                            \
    X(suspensions) X(flooded) X(yields) X(calls_cut) X(publish_delayed)                            \
    X(on_stop_cut) X(depth_refused) X(inbox_dropped) X(outbox_dropped)                             \
    X(traces_cut) X(traces_missing) X(log_forgotten)                                               \
    X(sets_refused) X(no_memory) X(store_failed) X(cut_short) X(resumed)        \
    X(store_retry_ms) X(journal_count) X(journal_dirty) X(journal_full)
// clang-format on

static void write_counters(const nh_automation_t *a, nh_json_writer_t *w)
{
    struct nh_automation_info info;
    nh_automation_info(a, &info);
    nh_json_object_begin(w);
#define COUNTER(name) nh_json_kv_uint(w, #name, info.name);
    COUNTERS(COUNTER)
#undef COUNTER
    nh_json_object_end(w);
}

static void head_of_automation(struct nh_automation_list *l, struct nh_json_buf *b)
{
    const nh_automation_t *a = l->a;
    nh_json_writer_t w;
    nh_automation_api__put(b, a->info.is_enabled ? "{\"enabled\":true,\"counters\":"
                                                 : "{\"enabled\":false,\"counters\":");
    nh_json_writer_init(&w, nh_json_buf_sink, b);
    write_counters(a, &w);
    nh_automation_api__put(b, ",\"list\":[");
}

static bool write_suspended(const nh_automation_t *a, uint32_t i, nh_json_writer_t *w)
{
    const struct nh_scenario *s = a->plan.scenarios[i];
    if (s->suspended_until_ms <= a->now_ms)
        return false;
    nh_json_object_begin(w);
    nh_automation_api__kv_span(w, "device", nh_scenario__device(s));
    nh_automation_api__kv_span(w, "scenario", nh_scenario__id(s));
    nh_json_kv_string(w, "state", "suspended");
    nh_json_kv_uint(w, "left_ms", s->suspended_until_ms - a->now_ms);
    nh_json_kv_uint(w, "max_count", a->limits.flood_max_count); // over it in this time
    nh_json_kv_uint(w, "window_ms", a->limits.flood_window_ms);
    nh_json_object_end(w);
    return true;
}

static bool write_cut_short(const nh_automation_t *a, uint32_t i, nh_json_writer_t *w)
{
    const struct nh_cut_short *c = &a->cut_short[i];
    const char *slash = strchr(c->scenario, '/');
    if (!slash)
        return false;
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "id", c->id);
    nh_automation_api__kv_span(
        w, "device", (nh_span_t){(const uint8_t *)c->scenario, (size_t)(slash - c->scenario)});
    nh_automation_api__kv_span(w, "scenario", nh_span_of(slash + 1));
    nh_json_kv_string(w, "state", c->why ? "cut_short" : "resumed");
    if (c->why)
        nh_json_kv_string(w, "reason", c->why);
    nh_json_object_end(w);
    return true;
}

// Instances by their number; then, counted on from there, what is suspended and what a restart cut
// short.
static bool next_instance(struct nh_automation_list *l, nh_json_writer_t *w)
{
    const nh_automation_t *a = l->a;
    const uint64_t suspended = 1ull << 32, cut_short = 2ull << 32;
    const struct nh_run *r =
        l->cursor < suspended ? nh_automation_api__run_after(a, l->cursor) : NULL;
    if (r) {
        l->cursor = r->id;
        nh_automation_api__write_instance(a, r, w);
        return true;
    }
    if (l->cursor < suspended)
        l->cursor = suspended;
    while (l->cursor < cut_short) {
        uint64_t i = l->cursor - suspended;
        l->cursor = i < a->plan.scenario_count ? l->cursor + 1 : cut_short;
        if (i < a->plan.scenario_count && write_suspended(a, (uint32_t)i, w))
            return true;
    }
    while (l->cursor < cut_short + NH_CUT_SHORT_MAX_COUNT)
        if (write_cut_short(a, (uint32_t)(l->cursor++ - cut_short), w))
            return true;
    return false;
}

int nh_automation_api__get_automation(nh_request_t *req)
{
    struct nh_automation_list *l = nh_automation_api__list(req, next_instance);
    if (!l)
        return NH_ERR_NOMEM;
    l->head = head_of_automation;
    l->tail = "]}\n";
    return nh_automation_api__send(req);
}

#define RUNNING_MAX_BYTES 1024u
#define RUNNING_ROW_BYTES 200u // ids and numbers

void nh_automation_write_running(nh_automation_t *a, nh_json_writer_t *w)
{
    uint64_t begin = w->written_bytes;
    const struct nh_run *r = nh_automation_api__run_after(a, 0);
    nh_json_array_begin(w);
    for (; r && w->written_bytes - begin < RUNNING_MAX_BYTES - RUNNING_ROW_BYTES;
         r = nh_automation_api__run_after(a, r->id)) {
        if (!(r->flags & NH_RUN_OLD))
            continue;
        nh_json_object_begin(w);
        nh_json_kv_uint(w, "id", r->id);
        nh_automation_api__kv_span(w, "device", nh_scenario__device(r->scenario));
        nh_automation_api__kv_span(w, "scenario", nh_scenario__id(r->scenario));
        nh_json_object_end(w);
    }
    nh_json_array_end(w);
}
