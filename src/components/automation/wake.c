#include "components/automation/wake.h"

#define CAP_MIN 16u

int nh_wake__reserve(struct nh_wake *w)
{
    if (w->reserved == w->cap) {
        uint32_t cap = w->cap ? w->cap * 2 : CAP_MIN;
        void *heap =
            nh_mem_realloc(w->mem, w->heap, cap * sizeof(struct nh_wake_timer *), NH_MEM_BULK);
        if (!heap)
            return NH_ERR_NOMEM;
        w->heap = heap;
        w->cap = cap;
    }
    w->reserved++;
    return NH_OK;
}

void nh_wake__release(struct nh_wake *w)
{
    NH_ASSERT(w->reserved > w->count);
    w->reserved--;
}

void nh_wake__deinit(struct nh_wake *w)
{
    nh_mem_free(w->mem, w->heap);
    *w = (struct nh_wake){.mem = w->mem};
}

static bool is_before(const struct nh_wake_timer *a, const struct nh_wake_timer *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : (int32_t)(a->order - b->order) < 0;
}

static void place(struct nh_wake *w, uint32_t i, struct nh_wake_timer *t)
{
    w->heap[i] = t;
    t->slot = (i + 1) & 0xFFFFFFFu;
}

static void sift_up(struct nh_wake *w, uint32_t i, struct nh_wake_timer *t)
{
    for (; i > 0 && is_before(t, w->heap[(i - 1) / 2]); i = (i - 1) / 2)
        place(w, i, w->heap[(i - 1) / 2]);
    place(w, i, t);
}

static void sift_down(struct nh_wake *w, uint32_t i, struct nh_wake_timer *t)
{
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child + 1 < w->count && is_before(w->heap[child + 1], w->heap[child]))
            child++;
        if (child >= w->count || !is_before(w->heap[child], t))
            break;
        place(w, i, w->heap[child]);
        i = child;
    }
    place(w, i, t);
}

void nh_wake__cancel(struct nh_wake *w, struct nh_wake_timer *t)
{
    if (t->slot == 0)
        return;
    uint32_t i = t->slot - 1u;
    struct nh_wake_timer *last = w->heap[--w->count];
    t->slot = 0;
    if (last == t)
        return;
    if (i > 0 && is_before(last, w->heap[(i - 1) / 2]))
        sift_up(w, i, last);
    else
        sift_down(w, i, last);
}

void nh_wake__arm(struct nh_wake *w, struct nh_wake_timer *t, uint64_t due_ms)
{
    nh_wake__cancel(w, t);
    NH_ASSERT(w->count < w->reserved);
    t->due_ms = due_ms;
    t->order = w->next_order++;
    sift_up(w, w->count++, t);
}

uint64_t nh_wake__next(const struct nh_wake *w)
{
    return w->count ? w->heap[0]->due_ms : NH_NEVER;
}

struct nh_wake_timer *nh_wake__take(struct nh_wake *w, uint64_t now_ms)
{
    if (w->count == 0 || w->heap[0]->due_ms > now_ms)
        return NULL;
    struct nh_wake_timer *t = w->heap[0];
    nh_wake__cancel(w, t);
    return t;
}

bool nh_wake__check(const struct nh_wake *w)
{
    if (w->count > w->reserved || w->reserved > w->cap)
        return false;
    for (uint32_t i = 0; i < w->count; i++)
        if (w->heap[i]->slot != i + 1 || (i > 0 && is_before(w->heap[i], w->heap[(i - 1) / 2])))
            return false;
    return true;
}
