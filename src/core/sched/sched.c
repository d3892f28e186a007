#include "core/sched/sched.h"

// A binary heap of pointers, the earliest on top. During a run what is due is moved to `due` first
// and called from there, so that `fire` may change the heap at will. Both lists have space for all
// timers; together they never hold more than `max`.
struct nh_sched {
    nh_mem_t *mem;
    void (*late)(void *ctx, const nh_timer_t *t, uint64_t late_ms);
    void *ctx;
    uint32_t late_ms, max;
    uint32_t count;     // timers in the heap
    uint32_t due_count; // places used in `due`; those fired or cancelled are NULL
    uint32_t due_left;  // timers still in `due`
    bool running;
    uint64_t next_order;
    struct nh_sched_info info;
    nh_timer_t **heap, **due;
};

int nh_sched_create(const struct nh_sched_config *cfg, nh_sched_t **out)
{
    *out = NULL;
    uint32_t max = cfg->timer_max_count ? cfg->timer_max_count : 64;
    if (max > NH_SCHED_TIMER_MAX_COUNT)
        return NH_ERR_RANGE;
    size_t bytes = sizeof(nh_sched_t) + 2 * max * sizeof(nh_timer_t *);
    nh_sched_t *s = nh_mem_alloc_zero(cfg->mem, bytes, NH_MEM_HOT);
    if (!s)
        return NH_ERR_NOMEM;
    s->mem = cfg->mem;
    s->late = cfg->late;
    s->ctx = cfg->ctx;
    s->late_ms = cfg->late_ms ? cfg->late_ms : 1000;
    s->max = max;
    s->heap = (nh_timer_t **)(s + 1);
    s->due = s->heap + max;
    *out = s;
    return NH_OK;
}

void nh_sched_destroy(nh_sched_t *s)
{
    if (!s)
        return;
    NH_ASSERT(!s->running);
    for (uint32_t i = 0; i < s->count; i++)
        s->heap[i]->slot = 0;
    nh_mem_free(s->mem, s);
}

// ---- the heap ----------------------------------------------------------------------------------

static bool is_before(const nh_timer_t *a, const nh_timer_t *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void place(nh_sched_t *s, uint32_t i, nh_timer_t *t)
{
    s->heap[i] = t;
    t->slot = i + 1;
}

static void sift_up(nh_sched_t *s, uint32_t i, nh_timer_t *t)
{
    for (; i > 0 && is_before(t, s->heap[(i - 1) / 2]); i = (i - 1) / 2)
        place(s, i, s->heap[(i - 1) / 2]);
    place(s, i, t);
}

static void sift_down(nh_sched_t *s, uint32_t i, nh_timer_t *t)
{
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child + 1 < s->count && is_before(s->heap[child + 1], s->heap[child]))
            child++;
        if (child >= s->count || !is_before(s->heap[child], t))
            break;
        place(s, i, s->heap[child]);
        i = child;
    }
    place(s, i, t);
}

static void heap_add(nh_sched_t *s, nh_timer_t *t)
{
    t->order = s->next_order++;
    sift_up(s, s->count++, t);
}

static void heap_remove(nh_sched_t *s, nh_timer_t *t)
{
    uint32_t i = t->slot - 1;
    nh_timer_t *last = s->heap[--s->count];
    t->slot = 0;
    if (last == t)
        return;
    if (i > 0 && is_before(last, s->heap[(i - 1) / 2]))
        sift_up(s, i, last);
    else
        sift_down(s, i, last);
}

// ---- timers ------------------------------------------------------------------------------------

bool nh_timer_is_armed(const nh_timer_t *t)
{
    return t->slot != 0;
}

void nh_timer_cancel(nh_sched_t *s, nh_timer_t *t)
{
    if (t->slot > s->max) {
        s->due[t->slot - s->max - 1] = NULL;
        s->due_left--;
        t->slot = 0;
    } else if (t->slot) {
        heap_remove(s, t);
    }
}

int nh_timer_arm(nh_sched_t *s, nh_timer_t *t, uint64_t due_ms, uint32_t period_ms)
{
    if (!t->fire)
        return NH_ERR_INVAL;
    nh_timer_cancel(s, t);
    if (s->count + s->due_left >= s->max) {
        s->info.full++;
        return NH_ERR_FULL;
    }
    t->due_ms = due_ms;
    t->period_ms = period_ms;
    heap_add(s, t);
    uint32_t armed = s->count + s->due_left;
    if (armed > s->info.armed_max)
        s->info.armed_max = armed;
    return NH_OK;
}

static uint64_t add_capped(uint64_t a, uint64_t b)
{
    return a > NH_NEVER - b ? NH_NEVER : a + b;
}

int nh_timer_arm_aligned(nh_sched_t *s, nh_timer_t *t, uint64_t now_ms, uint32_t period_ms,
                         uint32_t phase_ms)
{
    if (!period_ms || phase_ms >= period_ms)
        return NH_ERR_RANGE;
    uint32_t at = (uint32_t)(now_ms % period_ms); // how far into its period now is
    uint32_t wait = phase_ms > at ? phase_ms - at : period_ms - (at - phase_ms);
    return nh_timer_arm(s, t, add_capped(now_ms, wait), period_ms);
}

// ---- running -----------------------------------------------------------------------------------

uint64_t nh_sched_next_deadline(const nh_sched_t *s)
{
    return s->count ? s->heap[0]->due_ms : NH_NEVER;
}

static void collect_due(nh_sched_t *s, uint64_t now_ms)
{
    while (s->count && s->heap[0]->due_ms <= now_ms && s->heap[0]->due_ms != NH_NEVER) {
        nh_timer_t *t = s->heap[0];
        heap_remove(s, t);
        s->due[s->due_count++] = t;
        t->slot = s->max + s->due_count;
    }
    s->due_left = s->due_count;
}

static void watch_lateness(nh_sched_t *s, nh_timer_t *t, uint64_t late_ms)
{
    uint32_t late32 = late_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)late_ms;
    if (late32 > t->late_max_ms)
        t->late_max_ms = late32;
    if (late_ms > s->info.late_max_ms)
        s->info.late_max_ms = late_ms;
    if (late_ms <= s->late_ms)
        return;
    s->info.late++;
    if (s->late)
        s->late(s->ctx, t, late_ms);
}

// Arms a periodic timer at the first beat after `now_ms`. There is space: it just left `due`.
static void rearm(nh_sched_t *s, nh_timer_t *t, uint64_t late_ms, uint64_t now_ms)
{
    uint64_t missed = late_ms / t->period_ms;
    uint64_t wait = t->period_ms - late_ms % t->period_ms;
    s->info.missed += missed;
    t->missed_count =
        missed > UINT32_MAX - t->missed_count ? UINT32_MAX : t->missed_count + (uint32_t)missed;
    t->due_ms = add_capped(now_ms, wait);
    heap_add(s, t);
}

static void fire(nh_sched_t *s, nh_timer_t *t, uint64_t now_ms)
{
    uint64_t late_ms = now_ms - t->due_ms;
    t->slot = 0;
    s->due_left--;
    watch_lateness(s, t, late_ms);
    if (t->period_ms)
        rearm(s, t, late_ms, now_ms);
    s->info.fired++;
    t->fire(t->ctx, t, now_ms);
}

size_t nh_sched_run(nh_sched_t *s, uint64_t now_ms)
{
    if (s->running)
        return 0;
    s->running = true;
    size_t fired = 0;
    collect_due(s, now_ms);
    for (uint32_t i = 0; i < s->due_count; i++) {
        nh_timer_t *t = s->due[i];
        if (!t)
            continue; // cancelled by one that fired before it
        s->due[i] = NULL;
        fire(s, t, now_ms);
        fired++;
    }
    s->due_count = 0;
    s->running = false;
    return fired;
}

void nh_sched_info(const nh_sched_t *s, struct nh_sched_info *out)
{
    *out = s->info;
    out->armed_count = s->count + s->due_left;
    out->timer_max_count = s->max;
}

int nh_sched_check(const nh_sched_t *s)
{
    if (s->count + s->due_left > s->max)
        return NH_ERR_CORRUPT;
    for (uint32_t i = 0; i < s->count; i++) {
        const nh_timer_t *t = s->heap[i];
        if (t->slot != i + 1 || (i > 0 && is_before(t, s->heap[(i - 1) / 2])))
            return NH_ERR_CORRUPT;
    }
    uint32_t left = 0;
    for (uint32_t i = 0; i < s->due_count; i++) {
        left += s->due[i] != NULL;
        if (s->due[i] && s->due[i]->slot != s->max + i + 1)
            return NH_ERR_CORRUPT;
    }
    return left == s->due_left ? NH_OK : NH_ERR_CORRUPT;
}
