// turns.c - a branch goes from step to step: its frames, its turn, its end.

#include "components/automation/automation_state.h"

#include <string.h>

// ---- frames -------------------------------------------------------------------------------------

struct nh_frame *nh_turn__frame(const struct nh_branch *b, unsigned depth)
{
    const struct nh_frame *f =
        depth < NH_FRAME_INLINE_COUNT ? &b->frames[depth] : &b->more[depth - NH_FRAME_INLINE_COUNT];
    return (struct nh_frame *)(uintptr_t)f;
}

struct nh_frame *nh_turn__top(const struct nh_branch *b)
{
    return nh_turn__frame(b, b->depth - 1u);
}

nh_rec_t nh_turn__step(const struct nh_branch *b)
{
    return nh_rec_at(b->run->set, nh_turn__top(b)->step);
}

// A few levels at most, so one at a time: what waits is to be small.
static bool grow(nh_automation_t *a, struct nh_branch *b)
{
    struct nh_frame *more =
        nh_mem_realloc(a->mem, b->more, (b->more_count + 1u) * sizeof *more, NH_MEM_BULK);
    if (!more) {
        a->info.no_memory++;
        return false;
    }
    b->more = more;
    b->more_count++;
    return true;
}

int nh_turn__push(nh_automation_t *a, struct nh_branch *b, nh_rec_t owner, enum nh_field field,
                  unsigned list)
{
    if (b->depth >= NH_FRAME_MAX_COUNT)
        return NH_ERR_TOO_DEEP;
    if (b->depth >= NH_FRAME_INLINE_COUNT + b->more_count && !grow(a, b))
        return NH_ERR_NOMEM;
    uint32_t first = nh_rec_place(nh_rec_first(owner, field));
    *nh_turn__frame(b, b->depth++) = (struct nh_frame){
        .first = first,
        .step = first,
        .count = (uint16_t)nh_rec_count(owner, field),
        .list = list & 0xFFu,
    };
    return NH_OK;
}

void nh_turn__free_frames(nh_automation_t *a, struct nh_branch *b)
{
    nh_mem_free(a->mem, b->more);
    b->more = NULL;
    b->more_count = 0;
    b->depth = 0;
}

void nh_turn__advance(struct nh_branch *b)
{
    struct nh_frame *f = nh_turn__top(b);
    b->flags &= (uint8_t)~NH_BRANCH_DELAYED;
    if (++f->index < f->count)
        f->step = nh_rec_place(nh_rec_next(nh_rec_at(b->run->set, f->step)));
}

void nh_turn__jump(struct nh_branch *b, uint32_t index)
{
    struct nh_frame *f = nh_turn__top(b);
    b->flags &= (uint8_t)~NH_BRANCH_DELAYED;
    f->step = f->first;
    f->index = 0;
    while (f->index < index && f->index < f->count)
        nh_turn__advance(b);
}

// ---- branches of `parallel` ---------------------------------------------------------------------

struct nh_child *nh_turn__child(const struct nh_branch *b)
{
    return (struct nh_child *)(uintptr_t)b; // `branch` is its first member
}

struct nh_branch *nh_turn__parent(const struct nh_branch *b)
{
    return b == &b->run->main ? NULL : nh_turn__child(b)->parent;
}

int nh_turn__fork(nh_automation_t *a, struct nh_branch *parent, nh_rec_t branch, unsigned which)
{
    struct nh_run *r = parent->run;
    struct nh_child *c = nh_mem_alloc_zero(a->mem, sizeof *c, NH_MEM_BULK);
    if (!c || nh_wake__reserve(nh_run__wake(a, r)) < 0) {
        a->info.no_memory++;
        nh_mem_free(a->mem, c);
        return NH_ERR_NOMEM;
    }
    c->branch.run = r;
    c->branch.timer.kind = NH_TIMER_BRANCH;
    c->parent = parent;
    nh_list_init(&c->branch.link);
    c->next = r->children;
    r->children = c;
    NH_IGNORE(
        nh_turn__push(a, &c->branch, branch, NH_FIELD_STEPS, NH_LIST_BRANCH + which)); // first
    nh_turn__ready(a, &c->branch);
    return NH_OK;
}

static void free_child(nh_automation_t *a, struct nh_child *c)
{
    struct nh_child **at = &c->branch.run->children;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    nh_wait__leave(a, &c->branch);
    nh_local__free_own(a, &c->branch);
    nh_turn__free_frames(a, &c->branch);
    nh_wake__release(nh_run__wake(a, c->branch.run));
    nh_mem_free(a->mem, c);
}

void nh_turn__free_children(nh_automation_t *a, struct nh_branch *parent)
{
    for (struct nh_child *c = parent->run->children, *next; c; c = next) {
        next = c->next;
        if (c->parent != parent)
            continue;
        free_child(a, c); // which frees its own children: the list is not the same any more
        next = parent->run->children;
    }
}

// ---- the ready ----------------------------------------------------------------------------------

static bool is_held(const nh_automation_t *a, const struct nh_run *r)
{
    return a->game.is_paused && r->state != NH_RUN_STOPPING && !(r->flags & NH_RUN_UNFROZEN);
}

void nh_turn__ready(nh_automation_t *a, struct nh_branch *b)
{
    nh_list_remove(&b->link);
    if (b->run->state == NH_RUN_STOPPING)
        nh_list_push_back(&a->stopping, &b->link);
    else
        nh_list_push_back(is_held(a, b->run) ? &a->held : &a->ready, &b->link);
}

// ---- a turn -------------------------------------------------------------------------------------

static nh_span_t note_of(const nh_automation_t *a)
{
    return nh_span_of(a->why);
}

static int stop_current(nh_automation_t *a, struct nh_branch *b, enum nh_run_end end,
                        const char *why)
{
    a->current = NULL;
    nh_run__stop(a, b->run, end, why);
    return NH_OUTCOME_ENDED;
}

static int branch_ended(nh_automation_t *a, struct nh_branch *b)
{
    struct nh_branch *parent = nh_turn__parent(b);
    a->current = NULL;
    if (!parent) {
        nh_run__finish(a, b->run);
        return NH_OUTCOME_ENDED;
    }
    nh_local__hand_up(a, b);
    free_child(a, nh_turn__child(b));
    if (--parent->on.child_count == 0)
        nh_wait__wake(a, parent, NH_WOKEN_MET);
    return NH_OUTCOME_ENDED;
}

static int pop(struct nh_branch *b)
{
    b->depth--;
    nh_turn__advance(b);
    return NH_OUTCOME_MOVED;
}

static int list_ended(nh_automation_t *a, struct nh_branch *b)
{
    struct nh_frame *body = nh_turn__top(b);
    a->why[0] = '\0';
    if (b->depth == 1)
        return branch_ended(a, b);
    nh_rec_t step = nh_rec_at(b->run->set, nh_turn__frame(b, b->depth - 2u)->step);
    int type = nh_rec_enum(step, NH_FIELD_TYPE, 0);
    if (type == NH_STEP_REPEAT) {
        uint32_t next = body->iteration < NH_ITERATION_MAX ? body->iteration + 1u : body->iteration;
        if (nh_step__repeats(a, b, step, next)) {
            body->iteration = next & NH_ITERATION_MAX;
            nh_turn__jump(b, 0);
            return NH_OUTCOME_MOVED;
        }
        NH_NOTE(a, "%u times", (unsigned)next);
        b->depth--;
        nh_trace__step(a, b, NH_TRACE_STEP, 0, note_of(a));
        b->depth++;
    } else if (type == NH_STEP_PARALLEL) { // in `on_stop`: one after the other
        unsigned next = body->list - NH_LIST_BRANCH + 1u;
        if (next < nh_rec_count(step, NH_FIELD_BRANCHES)) {
            b->depth--;
            return nh_turn__push(a, b, nh_rec_element(step, NH_FIELD_BRANCHES, next),
                                 NH_FIELD_STEPS, NH_LIST_BRANCH + next) < 0
                       ? pop(b)
                       : NH_OUTCOME_MOVED;
        }
    }
    return pop(b);
}

// What becomes of the branch, now that its step came to `outcome`.
static int step_ended(nh_automation_t *a, struct nh_branch *b, int outcome)
{
    if (outcome == NH_OUTCOME_ENDED)
        return outcome;
    if (b->run->flags & NH_RUN_DOOMED) {
        b->run->flags &= (uint8_t)~NH_RUN_DOOMED;
        return stop_current(a, b, (enum nh_run_end)b->run->end, "by a step of its own");
    }
    if (outcome == NH_OUTCOME_WAITS || outcome == NH_OUTCOME_MOVED)
        return outcome;
    if (outcome < 0 && a->why[0] == '\0')
        NH_NOTE(a, "%s", nh_err_text(outcome));
    nh_trace__step(a, b, NH_TRACE_STEP, outcome, note_of(a));
    bool goes_on = outcome >= 0 || b->run->state == NH_RUN_STOPPING ||
                   nh_rec_bool(nh_turn__step(b), NH_FIELD_CONTINUE_ON_ERROR, false);
    if (!goes_on)
        return stop_current(a, b, NH_RUN_FAILED, a->why);
    nh_turn__advance(b);
    return NH_OUTCOME_MOVED;
}

static bool is_over_budget(nh_automation_t *a, struct nh_run *r)
{
    if (r->state != NH_RUN_STOPPING || r->stop_steps++ < a->limits.on_stop_max_steps)
        return false;
    a->info.on_stop_cut++;
    return true;
}

static int next_step(nh_automation_t *a, struct nh_branch *b)
{
    struct nh_frame *f = nh_turn__top(b);
    if (is_over_budget(a, b->run)) {
        a->current = NULL;
        nh_run__finish(a, b->run);
        return NH_OUTCOME_ENDED;
    }
    if (b->woken != NH_WOKEN_NOT)
        return step_ended(a, b, nh_wait__over(a, b));
    if (f->index >= f->count)
        return list_ended(a, b);
    nh_rec_t step = nh_turn__step(b);
    if (!nh_rec_bool(step, NH_FIELD_ENABLED, true)) {
        nh_turn__advance(b);
        return NH_OUTCOME_MOVED;
    }
    uint64_t delay_ms = (uint64_t)nh_rec_int(step, NH_FIELD_DELAY_MS, 0);
    a->why[0] = '\0';
    if (delay_ms && !(b->flags & NH_BRANCH_DELAYED) &&
        nh_rec_enum(step, NH_FIELD_TYPE, 0) != NH_STEP_DELAY) {
        int outcome = nh_wait__begin(a, b, NH_WAIT_BEFORE, delay_ms);
        if (outcome != NH_OUTCOME_DONE)
            return outcome;
    }
    a->info.steps++;
    return step_ended(a, b, nh_step__do(a, b, step));
}

void nh_turn__take(nh_automation_t *a, struct nh_branch *b)
{
    nh_list_remove(&b->link);
    if (is_held(a, b->run)) {
        nh_list_push_back(&a->held, &b->link);
        return;
    }
    for (uint32_t i = 0; i < a->limits.turn_max_steps; i++) {
        a->current = b;
        int outcome = next_step(a, b);
        a->current = NULL;
        if (outcome == NH_OUTCOME_WAITS || outcome == NH_OUTCOME_ENDED)
            return;
    }
    a->info.yields++;
    if (nh_list_is_empty(&a->yielded))
        a->yielded_ms = a->now_ms;
    // What stops does not go behind safe_off; how long it may take is limited.
    nh_list_push_back(b->run->state == NH_RUN_STOPPING ? &a->stopping : &a->yielded, &b->link);
}
