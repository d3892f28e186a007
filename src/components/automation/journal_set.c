// journal_set.c - which keys of the store differ from what they should hold, and how they come to
// be the same.
//
//            mark()                  flush()                 stored(0)
//   clean ----------> dirty (list) ----------> flying (list) ----------> clean, or freed
//                        ^                         |     changed meanwhile: dirty
//                        `------ stored(err) ------'
//
// A key without an owner is a tombstone: it is dirty, or flies, until the store is without it. It
// was taken when its owner began to be kept, so forgetting an owner cannot fail.

#include "components/automation/automation_state.h"

#include <stdio.h>
#include <string.h>

#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 60000

// ---- keys ---------------------------------------------------------------------------------------

static uint32_t longer(uint32_t ms)
{
    return !ms ? RETRY_MIN_MS : ms < RETRY_MAX_MS / 2 ? ms * 2 : RETRY_MAX_MS;
}

static void wake_in(nh_automation_t *a, uint32_t ms)
{
    nh_wake__arm(&a->second, &a->journal.timer, nh_ms_after(a->now_ms, ms));
}

static struct nh_kept *make(nh_automation_t *a, const char *key, enum nh_kept_kind kind)
{
    struct nh_journal *j = &a->journal;
    size_t len = strlen(key);
    if (len >= NH_AUTOMATION_KEY_MAX_BYTES || j->count >= a->limits.journal_max_count) {
        a->info.journal_full++;
        return NULL;
    }
    struct nh_kept *k = nh_mem_alloc_zero(a->mem, sizeof *k + len + 1, NH_MEM_BULK);
    if (!k) {
        a->info.no_memory++;
        return NULL;
    }
    k->kind = (uint8_t)kind;
    memcpy(k->key, key, len + 1);
    nh_list_init(&k->link);
    j->count++;
    return k;
}

// A variable may be there again before it was removed from the store; the id of a run is new.
static struct nh_kept *find_tombstone(const nh_automation_t *a, const char *key)
{
    const nh_list_t *lists[] = {&a->journal.dirty, &a->journal.flying};
    for (size_t i = 0; i < NH_ARRAY_LEN(lists); i++)
        NH_LIST_EACH(lists[i], l)
    if (strcmp(NH_CONTAINER_OF(l, struct nh_kept, link)->key, key) == 0)
        return NH_CONTAINER_OF(l, struct nh_kept, link);
    return NULL;
}

// One for `owner`; it is tried again later when there is none now.
static struct nh_kept *make_for(nh_automation_t *a, const char *key, enum nh_kept_kind kind,
                                void *owner)
{
    struct nh_journal *j = &a->journal;
    struct nh_kept *k = kind == NH_KEPT_VARIABLE ? find_tombstone(a, key) : NULL;
    k = k ? k : make(a, key, kind);
    if (k) {
        k->of.owner = owner;
        return k;
    }
    j->has_gaps = true;
    if (!j->timer.slot)
        wake_in(a, j->gap_ms = longer(j->gap_ms));
    return NULL;
}

void nh_journal__forget(nh_automation_t *a, struct nh_kept *k)
{
    if (!k)
        return;
    nh_list_remove(&k->link);
    a->journal.count--;
    nh_mem_free(a->mem, k);
}

static void mark(nh_automation_t *a, struct nh_kept *k)
{
    if (k->is_flying)
        k->is_changed = true;
    else if (!nh_list_is_linked(&k->link))
        nh_list_push_back(&a->journal.dirty, &k->link);
}

struct nh_kept *nh_journal__found(nh_automation_t *a, const char *key, enum nh_kept_kind kind)
{
    struct nh_kept *k = make(a, key, kind);
    if (k)
        k->may_exist = true;
    return k;
}

void nh_journal__drop(nh_automation_t *a, struct nh_kept *k)
{
    if (!k)
        return;
    k->of.owner = NULL;
    if (k->may_exist && !a->journal.is_closed)
        mark(a, k);
    else
        nh_journal__forget(a, k);
}

// ---- what changes -------------------------------------------------------------------------------

static bool is_off(const nh_automation_t *a)
{
    return !a->out.store || a->journal.is_closed;
}

static bool waits(const struct nh_run *r)
{
    return r->main.wait != NH_WAIT_NONE && r->main.woken == NH_WOKEN_NOT;
}

// What a restart can do about a run that may not go on does not change, nor does it while the run
// is inside `parallel`.
static bool says_all(const struct nh_run *r)
{
    const struct nh_kept *k = r->kept;
    if (!k->may_exist)
        return false;
    return !(r->flags & NH_RUN_PERSIST) || (k->is_branches && r->main.wait == NH_WAIT_BRANCHES);
}

void nh_journal__wait(nh_automation_t *a, struct nh_run *r)
{
    char key[NH_AUTOMATION_KEY_MAX_BYTES];
    if (is_off(a))
        return;
    if (!r->kept) {
        snprintf(key, sizeof key, "run/%u", (unsigned)r->id);
        r->kept = make_for(a, key, NH_KEPT_RUN, r);
    }
    if (r->kept && !says_all(r))
        mark(a, r->kept);
}

void nh_journal__end(nh_automation_t *a, struct nh_run *r)
{
    struct nh_kept *k = r->kept;
    r->kept = NULL;
    nh_journal__drop(a, k);
}

void nh_journal__variable(nh_automation_t *a, struct nh_variable *v)
{
    char key[sizeof "var/" + NH_AUTOMATION_KEY_MAX_BYTES];
    if (is_off(a) || (!v->is_kept && !v->kept))
        return;
    if (!v->kept) {
        snprintf(key, sizeof key, "var/%s", v->name.text); // make() refuses one that is cut
        v->kept = make_for(a, key, NH_KEPT_VARIABLE, v);
    }
    v->is_missed = !v->kept;
    if (v->kept)
        mark(a, v->kept);
}

void nh_journal__boot(nh_automation_t *a, uint8_t crashes)
{
    if (is_off(a))
        return;
    a->journal.crashes = crashes;
    mark(a, a->journal.boot);
}

// ---- writing ------------------------------------------------------------------------------------

static int write_value(nh_automation_t *a, const struct nh_kept *k, void *out, size_t cap)
{
    if (k->kind == NH_KEPT_BOOT) {
        if (cap < 1)
            return NH_ERR_TOO_LONG;
        *(uint8_t *)out = a->journal.crashes;
        return a->journal.crashes ? 1 : 0;
    }
    if (!k->of.owner)
        return 0;
    return k->kind == NH_KEPT_RUN ? nh_journal__write_run(a, k->of.run, out, cap)
                                  : nh_journal__write_variable(k->of.variable, out, cap);
}

struct batch {
    struct nh_automation_write writes[NH_AUTOMATION_BATCH_MAX_COUNT];
    size_t count, used;
};

// Puts what should stand under the key into the batch. False: the batch has no room for it.
static bool put_key(nh_automation_t *a, struct batch *b, struct nh_kept *k)
{
    char *out = a->scratch + b->used;
    int len = write_value(a, k, out, a->limits.text_max_bytes - b->used);
    if (len == NH_ERR_TOO_LONG && b->used)
        return false;
    if (len < 0) { // a store that keeps an older value would go on with that
        a->info.journal_full++;
        len = 0;
    }
    k->is_removal = len == 0;
    k->is_branches =
        k->kind == NH_KEPT_RUN && k->of.run && k->of.run->main.wait == NH_WAIT_BRANCHES;
    if (k->is_removal && !k->may_exist)
        return true; // it never was there
    b->writes[b->count++] = (struct nh_automation_write){k->key, len ? out : NULL, (size_t)len};
    b->used += (size_t)len;
    k->may_exist = true;
    k->is_changed = false;
    k->is_flying = true;
    return true;
}

// A run that does not wait just now is left out: what is there stays until it waits again, or ends.
static bool is_due(const struct nh_kept *k)
{
    return k->kind != NH_KEPT_RUN || !k->of.run || waits(k->of.run);
}

static void fill(nh_automation_t *a, struct batch *b)
{
    struct nh_journal *j = &a->journal;
    nh_list_t *first;
    while (b->count < NH_AUTOMATION_BATCH_MAX_COUNT && (first = nh_list_first(&j->dirty))) {
        struct nh_kept *k = NH_CONTAINER_OF(first, struct nh_kept, link);
        if (is_due(k) && !put_key(a, b, k))
            return;
        nh_list_remove(first);
        if (k->is_flying)
            nh_list_push_back(&j->flying, first);
        else if (!k->of.owner && k->kind != NH_KEPT_BOOT)
            nh_journal__forget(a, k);
    }
}

static void took(nh_automation_t *a, struct nh_kept *k)
{
    k->is_flying = false;
    if (k->is_removal)
        k->may_exist = false;
    if (k->is_changed)
        mark(a, k);
    else if (k->is_removal && !k->of.owner && k->kind != NH_KEPT_BOOT)
        nh_journal__forget(a, k);
}

static void refused(nh_automation_t *a)
{
    struct nh_journal *j = &a->journal;
    NH_LIST_EACH(&j->flying, l)
    NH_CONTAINER_OF(l, struct nh_kept, link)->is_flying = false;
    nh_list_splice(&j->flying, &j->dirty); // they were first
    nh_list_splice(&j->dirty, &j->flying);
    a->info.store_failed++;
    j->retry_ms = longer(j->retry_ms);
    wake_in(a, j->retry_ms);
}

static void end_batch(nh_automation_t *a, int err)
{
    struct nh_journal *j = &a->journal;
    nh_list_t *l;
    if (err < 0) {
        refused(a);
        return;
    }
    if (j->retry_ms && !j->has_gaps)
        nh_wake__cancel(&a->second, &j->timer);
    j->retry_ms = 0;
    while ((l = nh_list_pop_front(&j->flying)))
        took(a, NH_CONTAINER_OF(l, struct nh_kept, link));
}

static bool is_waiting_for_store(const nh_automation_t *a)
{
    return !nh_list_is_empty(&a->journal.flying);
}

static void commit(nh_automation_t *a)
{
    struct batch b = {.count = 0};
    fill(a, &b);
    if (b.count == 0)
        return;
    int err = a->out.store->commit(a->out.ctx, b.writes, b.count);
    if (err <= 0)
        end_batch(a, err);
}

void nh_journal__flush(nh_automation_t *a)
{
    struct nh_journal *j = &a->journal;
    if (is_off(a))
        return;
    // A store that refuses is left alone until its time has come.
    while (!nh_list_is_empty(&j->dirty) && !is_waiting_for_store(a) &&
           !(j->retry_ms && j->timer.slot))
        commit(a);
}

void nh_automation_stored(nh_automation_t *a, int err, uint64_t now_ms)
{
    if (!nh_automation__enter(a, now_ms))
        return; // within commit(): not as agreed
    end_batch(a, err);
    nh_automation__leave(a);
}

// ---- trying again -------------------------------------------------------------------------------

static void mend_gaps(nh_automation_t *a)
{
    a->journal.has_gaps = false;
    NH_NAMES_EACH(&a->scenarios, e)
    NH_LIST_EACH(&((struct nh_scenario *)e)->runs, l)
    {
        struct nh_run *r = NH_CONTAINER_OF(l, struct nh_run, link);
        if (!r->kept && waits(r))
            nh_journal__wait(a, r);
    }
    NH_NAMES_EACH(&a->variables, n)
    {
        struct nh_variable *v = (struct nh_variable *)n;
        if (v->is_missed)
            nh_journal__variable(a, v);
    }
}

void nh_journal__retry(nh_automation_t *a)
{
    if (a->journal.has_gaps)
        mend_gaps(a);
    if (!a->journal.has_gaps)
        a->journal.gap_ms = 0;
    if (nh_list_is_empty(&a->journal.dirty)) // what was refused need not be written any more
        a->journal.retry_ms = 0;
}

// ---- life ---------------------------------------------------------------------------------------

int nh_journal__init(nh_automation_t *a)
{
    struct nh_journal *j = &a->journal;
    j->timer.kind = NH_TIMER_JOURNAL;
    if (!a->out.store)
        return NH_OK;
    j->boot = make(a, "boot", NH_KEPT_BOOT);
    return j->boot ? nh_wake__reserve(&a->second) : NH_ERR_NOMEM;
}

void nh_journal__close(nh_automation_t *a)
{
    struct nh_journal *j = &a->journal;
    const struct nh_automation_store *s = a->out.store;
    nh_list_t *l;
    for (int err = 0; s && j->boot && err >= 0;) {
        if (is_waiting_for_store(a)) {
            err = s->wait ? s->wait(a->out.ctx) : NH_ERR_IO;
            end_batch(a, err);
        } else if (nh_list_is_empty(&j->dirty)) {
            break;
        } else {
            uint64_t failed = a->info.store_failed;
            commit(a);
            err = a->info.store_failed == failed ? 0 : NH_ERR_IO;
        }
    }
    j->is_closed = true;
    nh_wake__cancel(&a->second, &j->timer);
    while ((l = nh_list_pop_front(&j->dirty))) {
        struct nh_kept *k = NH_CONTAINER_OF(l, struct nh_kept, link);
        if (!k->of.owner && k->kind != NH_KEPT_BOOT)
            nh_journal__forget(a, k);
    }
    nh_journal__forget(a, j->boot);
    j->boot = NULL;
}

// ---- figures ------------------------------------------------------------------------------------

static uint32_t count_of(const nh_list_t *list)
{
    uint32_t count = 0;
    NH_LIST_EACH(list, l)
    count++;
    return count;
}

void nh_journal__info(const nh_automation_t *a, struct nh_automation_info *out)
{
    const struct nh_journal *j = &a->journal;
    out->journal_count = j->count;
    out->journal_dirty = count_of(&j->dirty) + count_of(&j->flying);
    out->store_retry_ms = j->retry_ms;
}

static bool check_list(const nh_list_t *list, bool is_flying, uint32_t *tombstones)
{
    NH_LIST_EACH(list, l)
    {
        const struct nh_kept *k = NH_CONTAINER_OF(l, struct nh_kept, link);
        bool is_tombstone = k->kind != NH_KEPT_BOOT && !k->of.owner;
        *tombstones += is_tombstone;
        if (k->is_flying != is_flying || (is_tombstone && !k->may_exist))
            return false;
    }
    return true;
}

// Each key has its owner or is on its way out; a store that waits for its time has a timer.
bool nh_journal__check(const nh_automation_t *a)
{
    const struct nh_journal *j = &a->journal;
    uint32_t count = j->boot != NULL;
    if (!check_list(&j->dirty, false, &count) || !check_list(&j->flying, true, &count))
        return false;
    NH_NAMES_EACH(&a->scenarios, e)
    NH_LIST_EACH(&((const struct nh_scenario *)e)->runs, l)
    {
        const struct nh_run *r = NH_CONTAINER_OF(l, struct nh_run, link);
        count += r->kept != NULL;
        if (r->kept && r->kept->of.run != r)
            return false;
    }
    NH_NAMES_EACH(&a->variables, n)
    {
        const struct nh_variable *v = (const struct nh_variable *)n;
        count += v->kept != NULL;
        if (v->kept && v->kept->of.variable != v)
            return false;
    }
    return count == j->count && (j->timer.slot || is_waiting_for_store(a) ||
                                 (!j->has_gaps && (!j->retry_ms || nh_list_is_empty(&j->dirty))));
}
