// waits.c - what a branch waits for, and how it goes on.

#include "components/automation/automation_state.h"
#include "components/automation/dry_run.h"

#include <string.h>

#define AUDIO_GRACE_MS 5000

const char *nh_wait__name(enum nh_wait wait)
{
    static const char *const names[NH_WAIT_KIND_COUNT] = {
        "none",  "delay", "delay",   "flags",    "event",       "operator",
        "audio", "run",   "command", "branches", "publish_rate"};
    return names[wait];
}

// ---- beginning ----------------------------------------------------------------------------------

static void set_result(struct nh_branch *b, bool is_completed)
{
    b->flags |= NH_BRANCH_HAS_RESULT;
    b->flags &= (uint8_t)~NH_BRANCH_COMPLETED;
    if (is_completed)
        b->flags |= NH_BRANCH_COMPLETED;
}

int nh_wait__begin(nh_automation_t *a, struct nh_branch *b, enum nh_wait wait, uint64_t ms)
{
    struct nh_run *r = b->run;
    if (r->state == NH_RUN_STOPPING) // the checks of a set see to it that none is there
        return NH_OUTCOME_DONE;
    uint64_t now_ms = nh_run__now(a, r);
    b->wait = (uint8_t)wait & 15u;
    b->waits_since_ms = (uint32_t)now_ms;
    if (ms)
        nh_wake__arm(nh_run__wake(a, r), &b->timer, nh_ms_after(now_ms, ms));
    if (wait != NH_WAIT_BRANCHES)
        nh_trace__step(a, b, NH_TRACE_WAIT, (int)wait, (nh_span_t){NULL, 0});
    if (a->dry && nh_dry__assumes(a, b, wait)) {
        nh_wait__wake(a, b, NH_WOKEN_MET);
        return NH_OUTCOME_WAITS;
    }
    nh_journal__wait(a, r);
    nh_automation__changed(a, NH_AUTOMATION_INSTANCES);
    return NH_OUTCOME_WAITS;
}

static bool is_asked_before(const nh_automation_t *a, nh_rec_t wait, uint32_t count,
                            const struct nh_flag *f)
{
    for (uint32_t i = 0; i < count; i++) {
        nh_rec_t r = nh_rec_element(wait, NH_FIELD_REQUIREMENTS, i);
        if (nh_names__find(&a->flags, nh_rec_text(r, NH_FIELD_FLAG)) == &f->name)
            return true;
    }
    return false;
}

static int watch(nh_automation_t *a, struct nh_branch *b, struct nh_flag *f)
{
    struct nh_watch *w = nh_mem_alloc(a->mem, sizeof *w, NH_MEM_BULK);
    if (!w) {
        a->info.no_memory++;
        return NH_ERR_NOMEM;
    }
    *w = (struct nh_watch){.branch = b, .next = b->on.watches};
    nh_list_init(&w->link);
    nh_list_push_back(&f->watches, &w->link);
    b->on.watches = w;
    return NH_OK;
}

static void drop_watches(nh_automation_t *a, struct nh_branch *b)
{
    while (b->on.watches) {
        struct nh_watch *w = b->on.watches;
        b->on.watches = w->next;
        nh_list_remove(&w->link);
        nh_mem_free(a->mem, w);
    }
}

// The branch itself stands in the list of the first flag, a watch in that of each other.
static int watch_flags(nh_automation_t *a, struct nh_branch *b, nh_rec_t wait)
{
    uint32_t count = nh_rec_count(wait, NH_FIELD_REQUIREMENTS);
    b->on.watches = NULL;
    for (uint32_t i = 0; i < count; i++) {
        nh_rec_t r = nh_rec_element(wait, NH_FIELD_REQUIREMENTS, i);
        struct nh_flag *f;
        int err = nh_flag__get(a, nh_rec_text(r, NH_FIELD_FLAG), &f);
        if (err == NH_OK && i == 0)
            nh_list_push_back(&f->waiters, &b->link);
        else if (err == NH_OK && !is_asked_before(a, wait, i, f))
            err = watch(a, b, f);
        if (err < 0) {
            nh_list_remove(&b->link);
            drop_watches(a, b);
            return err;
        }
    }
    return NH_OK;
}

int nh_wait__flags(nh_automation_t *a, struct nh_branch *b, nh_rec_t wait)
{
    return nh_wait__flags_for(a, b, wait, (uint64_t)nh_rec_int(wait, NH_FIELD_TIMEOUT_MS, 0));
}

int nh_wait__flags_for(nh_automation_t *a, struct nh_branch *b, nh_rec_t wait, uint64_t ms)
{
    if (nh_condition__requirements(a, wait)) {
        set_result(b, true);
        return NH_OUTCOME_DONE;
    }
    int err = b->run->state == NH_RUN_STOPPING ? NH_OK : watch_flags(a, b, wait);
    if (err < 0)
        return err;
    return nh_wait__begin(a, b, NH_WAIT_FLAGS, ms);
}

int nh_wait__topic(nh_automation_t *a, struct nh_branch *b, enum nh_wait wait, nh_span_t filter,
                   uint64_t ms)
{
    struct nh_topic *t;
    if (b->run->state == NH_RUN_STOPPING)
        return NH_OUTCOME_DONE;
    int err = nh_topic__get(a, filter, &t);
    if (err < 0)
        return err;
    b->on.topic = t;
    nh_list_push_back(&t->waiters, &b->link);
    return nh_wait__begin(a, b, wait, ms);
}

// ---- ending -------------------------------------------------------------------------------------

void nh_wait__leave(nh_automation_t *a, struct nh_branch *b)
{
    nh_wake__cancel(nh_run__wake(a, b->run), &b->timer);
    nh_list_remove(&b->link);
    if (b->woken != NH_WOKEN_NOT) // it has left what it waited for
        return;
    if (b->wait == NH_WAIT_FLAGS)
        drop_watches(a, b);
    else if ((b->wait == NH_WAIT_EVENT || b->wait == NH_WAIT_COMMAND) && b->on.topic)
        nh_topic__put(a, b->on.topic);
    else if (b->wait == NH_WAIT_RUN && b->on.callee)
        b->on.callee->caller = NULL;
    else if (b->wait == NH_WAIT_BRANCHES)
        nh_turn__free_children(a, b);
    b->on.watches = NULL;
}

void nh_wait__wake(nh_automation_t *a, struct nh_branch *b, enum nh_woken how)
{
    if (b->wait == NH_WAIT_NONE || b->woken != NH_WOKEN_NOT)
        return;
    nh_wait__leave(a, b);
    b->woken = (uint8_t)how & 15u;
    nh_turn__ready(a, b);
    nh_automation__changed(a, NH_AUTOMATION_INSTANCES);
}

// A blocking track may take as long as is left of it and a little more. It is asked again when that
// has passed, since a pause or a seek makes it longer; one that gets no further is given up.
static bool plays_on(nh_automation_t *a, struct nh_branch *b)
{
    int left_ms = a->out.audio_left_ms ? a->out.audio_left_ms(a->out.ctx, b->on.audio.instance)
                                       : NH_ERR_UNSUPPORTED;
    if (left_ms < 0 && left_ms != NH_ERR_AGAIN)
        return false;
    bool has_moved = left_ms >= 0 && (uint32_t)left_ms < b->on.audio.left_ms;
    if (left_ms >= 0)
        b->on.audio.left_ms = (uint32_t)left_ms;
    if (left_ms != NH_ERR_AGAIN && !has_moved)
        return false;
    uint64_t ms = AUDIO_GRACE_MS + (left_ms > 0 ? (uint64_t)left_ms : 0);
    nh_wake__arm(nh_run__wake(a, b->run), &b->timer, nh_run__now(a, b->run) + ms);
    return true;
}

void nh_wait__time(nh_automation_t *a, struct nh_branch *b)
{
    if (b->wait != NH_WAIT_AUDIO || !plays_on(a, b))
        nh_wait__wake(a, b, NH_WOKEN_TIME);
}

static int timed_out(nh_automation_t *a, struct nh_branch *b, nh_rec_t step, enum nh_wait wait)
{
    nh_rec_t r = wait == NH_WAIT_FLAGS ? nh_rec_object(step, NH_FIELD_WAIT) : step;
    int standard = wait == NH_WAIT_COMMAND ? NH_TIMEOUT_FAIL : NH_TIMEOUT_CONTINUE;
    switch (nh_rec_enum(r, NH_FIELD_ON_TIMEOUT, standard)) {
    case NH_TIMEOUT_FAIL:
        return nh_automation__fail(a, NH_ERR_TIMEOUT, "waited in vain for %s", nh_wait__name(wait));
    case NH_TIMEOUT_GOTO:
        nh_trace__step(a, b, NH_TRACE_STEP, NH_ERR_TIMEOUT, nh_span_of("goto"));
        nh_turn__jump(b, (uint32_t)nh_rec_int(r, NH_FIELD_TARGET_STEP, 0));
        return NH_OUTCOME_MOVED;
    default:
        return NH_OUTCOME_DONE;
    }
}

int nh_wait__over(nh_automation_t *a, struct nh_branch *b)
{
    enum nh_wait wait = (enum nh_wait)b->wait;
    enum nh_woken how = (enum nh_woken)b->woken;
    static const char *const words[] = {
        [NH_WOKEN_NOT] = "",          [NH_WOKEN_TIME] = "time is up",
        [NH_WOKEN_MET] = "it came",   [NH_WOKEN_SKIPPED] = "skipped",
        [NH_WOKEN_FORCED] = "forced", [NH_WOKEN_FAILED] = "failed"};
    b->wait = NH_WAIT_NONE;
    b->woken = NH_WOKEN_NOT;
    NH_NOTE(a, "%s", words[how]);
    if (wait == NH_WAIT_BEFORE || wait == NH_WAIT_RATE) {
        b->flags |= NH_BRANCH_DELAYED;
        return NH_OUTCOME_MOVED;
    }
    if (wait == NH_WAIT_DELAY)
        return NH_OUTCOME_DONE;
    if (wait != NH_WAIT_BRANCHES)
        set_result(b, how == NH_WOKEN_MET || how == NH_WOKEN_FORCED);
    if (how == NH_WOKEN_FAILED)
        return nh_automation__fail(a, NH_ERR_IO, "%s failed",
                                   wait == NH_WAIT_AUDIO   ? "the track"
                                   : wait == NH_WAIT_RUN   ? "the scenario that it ran"
                                   : wait == NH_WAIT_EVENT ? "keeping the message"
                                                           : "the command");
    return how == NH_WOKEN_TIME && wait != NH_WAIT_AUDIO ? timed_out(a, b, nh_turn__step(b), wait)
                                                         : NH_OUTCOME_DONE;
}

struct nh_branch *nh_wait__of_run(struct nh_run *r)
{
    if (r->state != NH_RUN_ACTIVE || r->main.wait == NH_WAIT_NONE || r->main.woken)
        return NULL;
    if (r->main.wait != NH_WAIT_BRANCHES)
        return &r->main;
    for (struct nh_child *c = r->children; c; c = c->next)
        if (c->branch.wait != NH_WAIT_NONE && c->branch.wait != NH_WAIT_BRANCHES &&
            !c->branch.woken)
            return &c->branch;
    return NULL;
}

// ---- what comes ---------------------------------------------------------------------------------

static struct nh_branch *branch_of(nh_list_t *link)
{
    return NH_CONTAINER_OF(link, struct nh_branch, link);
}

static void look(nh_automation_t *a, struct nh_branch *b)
{
    if (nh_condition__requirements(a, nh_rec_object(nh_turn__step(b), NH_FIELD_WAIT)))
        nh_wait__wake(a, b, NH_WOKEN_MET);
}

// A branch that wakes leaves the list, and nothing else does: it watches a flag once.
void nh_wait__flag(nh_automation_t *a, struct nh_flag *f)
{
    for (nh_list_t *l = f->waiters.next, *next; l != &f->waiters; l = next) {
        next = l->next;
        look(a, branch_of(l));
    }
    for (nh_list_t *l = f->watches.next, *next; l != &f->watches; l = next) {
        next = l->next;
        look(a, NH_CONTAINER_OF(l, struct nh_watch, link)->branch);
    }
}

static bool is_answer(nh_automation_t *a, struct nh_branch *b, nh_rec_t command, enum nh_field f,
                      nh_span_t payload)
{
    struct nh_context c = nh_texts__of(a, b);
    nh_span_t want;
    return nh_rec_has(command, f) && nh_texts__fill(&c, nh_rec_text(command, f), 2, &want) == 0 &&
           nh_span__equal(want, payload);
}

// What a message says about a command: NOT: nothing.
static enum nh_woken answer(nh_automation_t *a, struct nh_branch *b, nh_span_t payload)
{
    nh_rec_t command = nh_step__command(b->run, nh_turn__step(b));
    if (is_answer(a, b, command, NH_FIELD_FAILED_PAYLOAD, payload))
        return NH_WOKEN_FAILED;
    if (!nh_rec_has(command, NH_FIELD_DONE_PAYLOAD) ||
        is_answer(a, b, command, NH_FIELD_DONE_PAYLOAD, payload))
        return NH_WOKEN_MET;
    return NH_WOKEN_NOT;
}

// What cannot be kept takes the place of what came before: who uses it then fails, see lost() in
// texts.c. False: there was no room even for that.
static bool keep_text(nh_automation_t *a, struct nh_branch *b, const char *name, nh_span_t text)
{
    static const struct nh_value none = {.kind = NH_VALUE_NONE};
    struct nh_value v = nh_value_of_text(text);
    if (nh_local__set_own(a, b, nh_span_of(name), &v) == NH_OK)
        return true;
    return nh_local__set_own(a, b, nh_span_of(name), &none) == NH_OK;
}

static enum nh_woken keep_event(nh_automation_t *a, struct nh_branch *b, nh_span_t topic,
                                nh_span_t payload)
{
    bool is_kept = keep_text(a, b, "wait.topic", topic);
    return keep_text(a, b, "wait.payload", payload) && is_kept ? NH_WOKEN_MET : NH_WOKEN_FAILED;
}

// An answer is for one command: the oldest that it fits.
void nh_wait__message(nh_automation_t *a, struct nh_topic *t, nh_span_t topic, nh_span_t payload)
{
    bool is_taken = false;
    for (nh_list_t *l = t->waiters.next, *next; l != &t->waiters; l = next) {
        struct nh_branch *b = branch_of(l);
        next = l->next;
        if (b->wait == NH_WAIT_EVENT) {
            if (!nh_match_payload(nh_rec_object(nh_turn__step(b), NH_FIELD_MATCH), payload))
                continue;
            nh_wait__wake(a, b, keep_event(a, b, topic, payload));
        } else if (!is_taken) {
            enum nh_woken how = answer(a, b, payload);
            is_taken = how != NH_WOKEN_NOT;
            if (is_taken)
                nh_wait__wake(a, b, how);
        }
    }
}

void nh_wait__audio(nh_automation_t *a, uint32_t instance, bool is_error)
{
    for (nh_list_t *l = a->audio_waiters.next, *next; l != &a->audio_waiters; l = next) {
        next = l->next;
        if (branch_of(l)->on.audio.instance == instance)
            nh_wait__wake(a, branch_of(l), is_error ? NH_WOKEN_FAILED : NH_WOKEN_MET);
    }
}
