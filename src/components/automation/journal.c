// journal.c - what outlives a restart: runs that wait, variables, and how often a start crashed.
//
//   boot        1 byte: starts in a row that have not lasted a minute
//   var/NAME    1 kind | 8 number, or the text
//   run/ID      1 version | 1 flags | 1 wait | 1 frames | 8 deadline | 8 started | 1 origin
//               | 1 device | 1 scenario | 8 digest of the scenario | 2 locals | names | frames
//               | locals
//   a frame     1 list | 2 index | 3 iteration | 2 steps in the list | 1 type of the step
//   a local     1 kind | 1 name | 2 text | 8 number | name | text
//   a counter   1 kind 255 | 1 frame | 2 step | 4 count
//
// Numbers as the machine has them: the store does not leave it. A run is written when it waits and
// removed when it ends, so what is there at a start was cut short. It goes on, under the same key,
// if its scenario wants that and is the very same in the set that is in force then. When and how
// keys are written is in journal_set.c.

#include "components/automation/automation_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 2
#define CRASH_MAX_COUNT 3
#define KIND_COUNTER 255
#define RESUMABLE 1
#define HAS_DEADLINE 2

// ---- bytes --------------------------------------------------------------------------------------

struct bytes {
    uint8_t *at, *end;
    bool is_short; // does not fit, or ends too early
};

static void put_bytes(struct bytes *b, const void *from, size_t len)
{
    if ((size_t)(b->end - b->at) < len) {
        b->is_short = true;
        return;
    }
    if (len)
        memcpy(b->at, from, len);
    b->at += len;
}

static void take_bytes(struct bytes *b, void *to, size_t len)
{
    if ((size_t)(b->end - b->at) < len) {
        b->is_short = true;
        memset(to, 0, len);
        return;
    }
    memcpy(to, b->at, len);
    b->at += len;
}

static void put_u8(struct bytes *b, unsigned v)
{
    uint8_t byte = (uint8_t)v;
    put_bytes(b, &byte, 1);
}

static void put_u16(struct bytes *b, unsigned v)
{
    uint16_t word = (uint16_t)v;
    put_bytes(b, &word, 2);
}

static uint8_t take_u8(struct bytes *b)
{
    uint8_t v;
    take_bytes(b, &v, 1);
    return v;
}

static uint16_t take_u16(struct bytes *b)
{
    uint16_t v;
    take_bytes(b, &v, 2);
    return v;
}

static nh_span_t take_span(struct bytes *b, size_t len)
{
    nh_span_t s = {b->at, len};
    if ((size_t)(b->end - b->at) < len) {
        b->is_short = true;
        return (nh_span_t){b->at, 0};
    }
    b->at += len;
    return s;
}

// ---- a run, written -----------------------------------------------------------------------------

static uint8_t step_type(const struct nh_run *r, uint32_t place)
{
    return (uint8_t)nh_rec_enum(nh_rec_at(r->set, place), NH_FIELD_TYPE, 0);
}

static void put_frames(struct bytes *b, const struct nh_run *r)
{
    for (unsigned d = 0; d < r->main.depth; d++) {
        const struct nh_frame *f = nh_turn__frame(&r->main, d);
        uint32_t iteration = f->iteration;
        put_u8(b, f->list);
        put_u16(b, f->index);
        put_bytes(b, &iteration, 3);
        put_u16(b, f->count);
        put_u8(b, step_type(r, f->step));
    }
}

// Where the step of a counter stands; false: in a list that the run is not in any more.
static bool find_counter(const struct nh_run *r, uint32_t place, unsigned *frame, unsigned *index)
{
    for (unsigned d = 0; d < r->main.depth; d++) {
        const struct nh_frame *f = nh_turn__frame(&r->main, d);
        nh_rec_t step = nh_rec_at(r->set, f->first);
        for (unsigned i = 0; i < f->count; i++) {
            if (nh_rec_place(step) == place) {
                *frame = d;
                *index = i;
                return true;
            }
            step = i + 1u < f->count ? nh_rec_next(step) : step;
        }
    }
    return false;
}

static unsigned put_locals(struct bytes *b, const struct nh_run *r)
{
    unsigned count = 0, frame, index;
    for (const struct nh_local *l = r->locals; l; l = l->next) {
        if (l->place && !find_counter(r, l->place, &frame, &index))
            continue;
        count++;
        if (l->place) {
            put_u8(b, KIND_COUNTER);
            put_u8(b, frame);
            put_u16(b, index);
            put_bytes(b, &l->count, 4);
            continue;
        }
        put_u8(b, l->kind);
        put_u8(b, l->name_len);
        put_u16(b, l->count);
        put_bytes(b, &l->number, 8);
        put_bytes(b, l->bytes, l->name_len + (size_t)l->count);
    }
    return count;
}

// A scenario is read through once for a run, not for each of its waits.
static uint64_t digest_of(const struct nh_run *r)
{
    if (!r->kept->digest)
        r->kept->digest = nh_rec_digest(nh_rec_at(r->set, r->place));
    return r->kept->digest;
}

static void put_head(nh_automation_t *a, struct bytes *b, const struct nh_run *r, unsigned flags)
{
    int64_t started_ms = nh_automation__unix_ms(a) - (int64_t)(a->now_ms - r->started_ms);
    int64_t deadline_ms =
        nh_automation__unix_ms(a) + (int64_t)(r->main.timer.due_ms - nh_run__now(a, r));
    uint64_t digest = digest_of(r);
    put_u8(b, VERSION);
    put_u8(b, flags);
    put_u8(b, r->main.wait);
    put_u8(b, r->main.depth);
    put_bytes(b, &deadline_ms, 8);
    put_bytes(b, &started_ms, 8);
    put_u8(b, r->origin);
    put_u8(b, r->scenario->device_len);
    put_u8(b, (unsigned)nh_scenario__id(r->scenario).len);
    put_bytes(b, &digest, 8);
}

static int write_run(nh_automation_t *a, const struct nh_run *r, bool goes_on, uint8_t *out,
                     size_t cap)
{
    struct bytes b = {out, out + cap, false};
    nh_span_t device = nh_scenario__device(r->scenario), id = nh_scenario__id(r->scenario);
    put_head(a, &b, r, (goes_on ? RESUMABLE : 0u) | (r->main.timer.slot ? HAS_DEADLINE : 0u));
    uint8_t *count_at = b.at;
    put_u16(&b, 0);
    put_bytes(&b, device.ptr, device.len);
    put_bytes(&b, id.ptr, id.len);
    if (goes_on) {
        put_frames(&b, r);
        uint16_t count = (uint16_t)put_locals(&b, r);
        if (!b.is_short)
            memcpy(count_at, &count, 2);
    }
    return b.is_short ? NH_ERR_TOO_LONG : (int)(b.at - out);
}

int nh_journal__write_run(nh_automation_t *a, const struct nh_run *r, void *out, size_t cap)
{
    bool goes_on = (r->flags & NH_RUN_PERSIST) && r->main.wait != NH_WAIT_BRANCHES;
    int len = write_run(a, r, goes_on, out, cap);
    if (len >= 0 || !goes_on || cap < a->limits.text_max_bytes)
        return len;
    a->info.journal_full++; // too large for any batch: it can still be said that it was cut short
    return write_run(a, r, false, out, cap);
}

int nh_journal__write_variable(const struct nh_variable *v, void *out, size_t cap)
{
    struct bytes b = {out, (uint8_t *)out + cap, false};
    if (!v->is_kept || v->kind == NH_VALUE_NONE)
        return 0;
    put_u8(&b, v->kind);
    if (v->kind == NH_VALUE_TEXT)
        put_bytes(&b, v->text, v->len);
    else
        put_bytes(&b, &v->number, 8);
    return b.is_short ? NH_ERR_TOO_LONG : (int)(b.at - (uint8_t *)out);
}

// ---- reading ------------------------------------------------------------------------------------

static void read_variable(void *ctx, const char *key, const void *value, size_t len)
{
    nh_automation_t *a = ctx;
    struct bytes b = {(uint8_t *)(uintptr_t)value, (uint8_t *)(uintptr_t)value + len, false};
    struct nh_value v = {.kind = (enum nh_value_kind)take_u8(&b)};
    if (v.kind == NH_VALUE_TEXT)
        v.text = take_span(&b, len - 1);
    else
        take_bytes(&b, &v.number, 8);
    v.truth = v.number != 0;
    if (b.is_short || v.kind == NH_VALUE_NONE || v.kind > NH_VALUE_TEXT)
        return; // not ours, or of another version
    nh_span_t name = nh_span_of(key + strlen("var/"));
    if (nh_variable__set(a, name, &v) < 0)
        return; // counted; it stays in the store
    struct nh_variable *variable = (struct nh_variable *)nh_names__find(&a->variables, name);
    variable->kept = nh_journal__found(a, key, NH_KEPT_VARIABLE);
    if (variable->kept)
        variable->kept->of.variable = variable;
}

static void read_boot(void *ctx, const char *key, const void *value, size_t len)
{
    (void)key;
    nh_automation_t *a = ctx;
    a->journal.boot->may_exist = true;
    if (len == 1)
        a->journal.crashes = *(const uint8_t *)value;
}

static void read_id(void *ctx, const char *key, const void *value, size_t len)
{
    nh_automation_t *a = ctx;
    unsigned long id = strtoul(key + strlen("run/"), NULL, 10);
    (void)value;
    (void)len;
    if (id > a->next_id && id <= INT32_MAX)
        a->next_id = (uint32_t)id;
}

int nh_journal__read(nh_automation_t *a)
{
    const struct nh_automation_store *s = a->out.store;
    int err = nh_journal__init(a);
    if (err < 0 || !s)
        return err;
    NH_IGNORE(s->each(a->out.ctx, "boot", read_boot, a)); // what cannot be read is not there
    NH_IGNORE(s->each(a->out.ctx, "var/", read_variable, a));
    NH_IGNORE(s->each(a->out.ctx, "run/", read_id, a));
    uint8_t crashes = a->journal.crashes;
    if (crashes >= CRASH_MAX_COUNT) {
        a->info.is_enabled = false;
        nh_log__add(a, NH_ORIGIN_BOOT, "disabled", "%u starts in a row ended within a minute",
                    (unsigned)crashes);
    }
    nh_journal__boot(a, crashes < UINT8_MAX ? crashes + 1 : crashes);
    nh_journal__flush(a);
    return NH_OK;
}

void nh_journal__boot_ok(nh_automation_t *a)
{
    if (!a->is_boot_ok)
        nh_journal__boot(a, 0);
    a->is_boot_ok = true;
}

// ---- going on -----------------------------------------------------------------------------------

struct found {
    struct found *next;
    struct nh_kept *kept;
    uint32_t id;
    size_t len;
    uint8_t bytes[];
};

struct collect {
    nh_automation_t *a;
    struct found *first;
};

// The store may not be written while it is read. What there is no room for stays for another start.
static void collect(void *ctx, const char *key, const void *value, size_t len)
{
    struct collect *c = ctx;
    struct found *f = nh_mem_alloc(c->a->mem, sizeof *f + len, NH_MEM_BULK);
    struct nh_kept *kept = f ? nh_journal__found(c->a, key, NH_KEPT_RUN) : NULL;
    if (!kept) {
        c->a->info.no_memory += f == NULL;
        nh_mem_free(c->a->mem, f);
        return;
    }
    *f = (struct found){.next = c->first,
                        .kept = kept,
                        .id = (uint32_t)strtoul(key + strlen("run/"), NULL, 10),
                        .len = len};
    if (len)
        memcpy(f->bytes, value, len);
    c->first = f;
}

struct head {
    unsigned version, flags, wait, depth, local_count;
    int64_t deadline_ms, started_ms;
    uint8_t origin;
    nh_span_t device, scenario;
    uint64_t digest; // of the scenario as it ran
};

static bool take_head(struct bytes *b, struct head *h)
{
    h->version = take_u8(b);
    h->flags = take_u8(b);
    h->wait = take_u8(b);
    h->depth = take_u8(b);
    take_bytes(b, &h->deadline_ms, 8);
    take_bytes(b, &h->started_ms, 8);
    h->origin = take_u8(b);
    size_t device_len = take_u8(b), scenario_len = take_u8(b);
    take_bytes(b, &h->digest, 8);
    h->local_count = take_u16(b);
    h->device = take_span(b, device_len);
    h->scenario = take_span(b, scenario_len);
    return !b->is_short && h->version == VERSION && h->wait < NH_WAIT_KIND_COUNT &&
           h->depth <= NH_FRAME_MAX_COUNT;
}

// The list of a step that a frame was in; `at` NULL with count 0: it has none.
static bool list_of(nh_rec_t step, unsigned list, nh_rec_t *owner, enum nh_field *field)
{
    static const enum nh_field fields[] = {[NH_LIST_STEPS] = NH_FIELD_STEPS,
                                           [NH_LIST_ON_STOP] = NH_FIELD_ON_STOP,
                                           [NH_LIST_THEN] = NH_FIELD_THEN,
                                           [NH_LIST_ELSE] = NH_FIELD_ELSE,
                                           [NH_LIST_DEFAULT] = NH_FIELD_DEFAULT};
    *owner = step;
    if (list >= NH_LIST_BRANCH) {
        *owner = nh_rec_element(step, NH_FIELD_BRANCHES, list - NH_LIST_BRANCH);
        *field = NH_FIELD_STEPS;
        return owner->at != NULL;
    }
    if (list >= NH_ARRAY_LEN(fields))
        return false;
    *field = fields[list];
    return true;
}

// Whether the scenario still has this list and, at this place, a step of this type.
static bool take_frame(nh_automation_t *a, struct bytes *b, struct nh_run *r)
{
    nh_rec_t owner = r->main.depth ? nh_turn__step(&r->main) : nh_rec_at(r->set, r->place);
    enum nh_field field;
    uint32_t iteration = 0;
    unsigned list = take_u8(b), index = take_u16(b);
    take_bytes(b, &iteration, 3);
    unsigned count = take_u16(b), type = take_u8(b);
    if (b->is_short || !list_of(owner, list, &owner, &field) || list == NH_LIST_ON_STOP ||
        nh_rec_count(owner, field) != count || index >= count ||
        nh_turn__push(a, &r->main, owner, field, list) < 0)
        return false;
    nh_turn__jump(&r->main, index);
    nh_turn__top(&r->main)->iteration = iteration & NH_ITERATION_MAX;
    return step_type(r, nh_turn__top(&r->main)->step) == type;
}

static bool take_local(nh_automation_t *a, struct bytes *b, struct nh_run *r)
{
    struct nh_value v = {.kind = (enum nh_value_kind)take_u8(b)};
    if ((unsigned)v.kind == KIND_COUNTER) {
        unsigned frame = take_u8(b), index = take_u16(b);
        uint32_t count;
        take_bytes(b, &count, 4);
        if (b->is_short || frame >= r->main.depth)
            return false;
        const struct nh_frame *f = nh_turn__frame(&r->main, frame);
        nh_rec_t step = nh_rec_at(r->set, f->first);
        for (unsigned i = 0; i < index && i + 1u < f->count; i++)
            step = nh_rec_next(step);
        struct nh_local *l = nh_local__loop(a, r, nh_rec_place(step));
        if (l)
            l->count = count;
        return l != NULL;
    }
    size_t name_len = take_u8(b), text_len = take_u16(b);
    take_bytes(b, &v.number, 8);
    v.truth = v.number != 0;
    nh_span_t name = take_span(b, name_len);
    v.text = take_span(b, text_len);
    return !b->is_short && v.kind <= NH_VALUE_TEXT && nh_local__set(a, r, name, &v) == NH_OK;
}

// What can still come is waited for, as long as is left; the rest did not come.
static int wait_again(nh_automation_t *a, struct nh_run *r, const struct head *h)
{
    struct nh_branch *b = &r->main;
    nh_rec_t step = nh_turn__step(b), wait = nh_rec_object(step, NH_FIELD_WAIT);
    int64_t left_ms = h->deadline_ms - nh_automation__unix_ms(a);
    uint64_t ms = !(h->flags & HAS_DEADLINE) ? 0 : left_ms > 0 ? (uint64_t)left_ms : 1;
    int outcome = NH_OUTCOME_WAITS;
    switch (h->wait) {
    case NH_WAIT_FLAGS:
        outcome = nh_wait__flags_for(a, b, wait, ms);
        break;
    case NH_WAIT_EVENT: {
        struct nh_context c = nh_texts__of(a, b);
        nh_span_t filter;
        outcome = nh_texts__fill(&c, nh_rec_text(step, NH_FIELD_TOPIC), 0, &filter);
        if (outcome == 0)
            outcome = nh_wait__topic(a, b, NH_WAIT_EVENT, filter, ms);
        break;
    }
    case NH_WAIT_COMMAND:
        outcome = nh_wait__topic(a, b, NH_WAIT_COMMAND,
                                 nh_rec_text(nh_step__command(r, step), NH_FIELD_RESULT_TOPIC), ms);
        break;
    case NH_WAIT_BEFORE:
    case NH_WAIT_DELAY:
    case NH_WAIT_OPERATOR:
    case NH_WAIT_RATE:
        outcome = nh_wait__begin(a, b, (enum nh_wait)h->wait, ms);
        break;
    default:
        b->wait = h->wait & 15u;
        nh_wait__wake(a, b, NH_WOKEN_SKIPPED);
        break;
    }
    if (outcome == NH_OUTCOME_DONE) { // the flags are as it wants them
        nh_turn__advance(b);
        nh_turn__ready(a, b);
    }
    return outcome;
}

static bool rebuild(nh_automation_t *a, struct bytes *b, struct nh_run *r, const struct head *h)
{
    for (unsigned i = 0; i < h->depth; i++)
        if (!take_frame(a, b, r))
            return false;
    for (unsigned i = 0; i < h->local_count; i++)
        if (!take_local(a, b, r))
            return false;
    return r->main.depth > 0;
}

// NULL, and the scenario; or why there is nothing to go on with.
static const char *find_same(nh_automation_t *a, const struct head *h, struct nh_scenario **out)
{
    struct nh_scenario *s = nh_scenario__find(a, h->device, h->scenario);
    *out = s;
    if (!a->info.is_enabled)
        return "automation is off";
    if (!(h->flags & RESUMABLE))
        return h->wait == NH_WAIT_BRANCHES ? "it was in parallel" : "it does not persist";
    if (!s)
        return "its scenario has gone";
    if (nh_rec_digest(nh_device_set_scenario(a->plan.set, s->index)) != h->digest)
        return "its scenario has changed";
    return a->info.instance_count < a->limits.instance_max_count ? NULL : "too many run";
}

// NULL, or why it does not go on.
static const char *resume(nh_automation_t *a, const struct found *f, struct bytes *b,
                          const struct head *h)
{
    struct nh_scenario *s;
    struct nh_run *r;
    const char *why = find_same(a, h, &s);
    if (why)
        return why;
    if (nh_run__make(a, s, false, &r) < 0)
        return "no memory";
    a->next_id--; // it keeps the id that it had
    r->id = f->id;
    r->place = nh_rec_place(nh_device_set_scenario(a->plan.set, s->index));
    r->origin = h->origin < NH_ORIGIN_COUNT ? h->origin : NH_ORIGIN_BOOT;
    r->flags |= NH_RUN_PERSIST;
    r->state = NH_RUN_ACTIVE;
    if (!rebuild(a, b, r, h)) {
        nh_run__drop(a, r);
        return "its place is not found";
    }
    s->active_count++;
    r->kept = f->kept;
    r->kept->of.run = r;
    r->kept->digest = h->digest;
    nh_trace__run(a, r, NH_TRACE_RESUMED, 0, (nh_span_t){NULL, 0});
    if (wait_again(a, r, h) < 0)
        nh_run__stop(a, r, NH_RUN_FAILED, "it could not go on after a restart");
    return NULL;
}

static void tell(nh_automation_t *a, const struct found *f, const struct head *h, const char *why)
{
    uint32_t at = a->info.cut_short + a->info.resumed;
    nh_log__add(a, NH_ORIGIN_BOOT, why ? "cut_short" : "resumed", "%.*s/%.*s%s%s",
                NH_TEXT(h->device), NH_TEXT(h->scenario), why ? ": " : "", why ? why : "");
    if (at < NH_CUT_SHORT_MAX_COUNT) {
        struct nh_cut_short *c = &a->cut_short[at];
        snprintf(c->scenario, sizeof c->scenario, "%.*s/%.*s", NH_TEXT(h->device),
                 NH_TEXT(h->scenario));
        c->id = f->id;
        c->why = why;
    }
    if (why)
        a->info.cut_short++;
    else
        a->info.resumed++;
}

static void look_at(nh_automation_t *a, struct found *f)
{
    struct bytes b = {f->bytes, f->bytes + f->len, false};
    struct head h = {0};
    bool is_known = take_head(&b, &h);
    const char *why = is_known ? resume(a, f, &b, &h) : "not known";
    if (is_known)
        tell(a, f, &h, why);
    if (why)
        nh_journal__drop(a, f->kept);
}

// Of an empty configuration nothing can be learned: it may be that the card is missing.
static void drop_variables(nh_automation_t *a)
{
    if (a->plan.device_count == 0)
        return;
    NH_NAMES_EACH(&a->variables, e)
    if (!((struct nh_variable *)e)->is_kept)
        nh_journal__variable(a, (struct nh_variable *)e);
}

void nh_journal__resume(nh_automation_t *a)
{
    const struct nh_automation_store *s = a->out.store;
    struct collect c = {.a = a};
    if (!s)
        return;
    drop_variables(a);
    NH_IGNORE(s->each(a->out.ctx, "run/", collect, &c)); // what cannot be read is not there
    while (c.first) {
        struct found *f = c.first;
        c.first = f->next;
        look_at(a, f);
        nh_mem_free(a->mem, f);
    }
}
