// loop.c - the event loop of one task, on libuv. It sleeps until a file, a post or a deadline.

#include "core/base/log.h"
#include "core/mem/mem.h"
#include "platform/linux/port.h"
#include "platform/linux/uv_memory.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <uv.h>

#define DEADLINE_MAX_COUNT 32

struct nh_loop {
    uv_loop_t uv;
    uv_async_t wake;    // from any task: posts wait, or stop was asked
    uv_prepare_t sleep; // before each sleep: arms the timer
    uv_timer_t timer;   // one for all deadline sources
    uv_poll_t signal_poll;
    int signal_fd; // -1: listens to no signals
    nh_mem_t *mem;

    struct nh_loop_deadline deadline[DEADLINE_MAX_COUNT]; // `next` NULL: free
    uint64_t armed_ms;                                    // what `timer` stands for; NH_NEVER: off

    pthread_mutex_t lock; // guards the queue of posts
    nh_loop_post_t *post_head, *post_tail;
    size_t post_depth;
    atomic_bool stopping;

    void (*on_stop)(void *ctx);
    void (*on_reload)(void *ctx);
    void *signal_ctx;
    atomic_uint_fast64_t turn_count, post_count;
};

// ---- posts -------------------------------------------------------------------------------------

static nh_loop_post_t *post_take(nh_loop_t *l)
{
    pthread_mutex_lock(&l->lock);
    nh_loop_post_t *p = l->post_head;
    if (p) {
        l->post_head = p->next;
        if (!l->post_head)
            l->post_tail = NULL;
        l->post_depth--;
        p->queued = false;
    }
    pthread_mutex_unlock(&l->lock);
    return p;
}

// Runs what was queued when it began: a post that posts again runs in the next turn, after files.
static void posts_run(nh_loop_t *l)
{
    pthread_mutex_lock(&l->lock);
    size_t due = l->post_depth;
    pthread_mutex_unlock(&l->lock);
    for (; due > 0; due--) {
        nh_loop_post_t *p = post_take(l);
        if (!p) // cancelled in between
            return;
        atomic_fetch_add_explicit(&l->post_count, 1, memory_order_relaxed);
        p->fn(p->ctx);
    }
}

static void on_wake(uv_async_t *wake)
{
    nh_loop_t *l = wake->data;
    posts_run(l);
    if (atomic_load(&l->stopping))
        uv_stop(&l->uv);
}

void nh_loop_post(nh_loop_t *l, nh_loop_post_t *post)
{
    pthread_mutex_lock(&l->lock);
    bool fresh = !post->queued;
    if (fresh) {
        post->queued = true;
        post->next = NULL;
        if (l->post_tail)
            l->post_tail->next = post;
        else
            l->post_head = post;
        l->post_tail = post;
        l->post_depth++;
    }
    pthread_mutex_unlock(&l->lock);
    if (fresh)
        uv_async_send(&l->wake);
}

void nh_loop_post_cancel(nh_loop_t *l, nh_loop_post_t *post)
{
    pthread_mutex_lock(&l->lock);
    nh_loop_post_t *before = NULL;
    nh_loop_post_t *p = post->queued ? l->post_head : NULL;
    while (p && p != post) {
        before = p;
        p = p->next;
    }
    if (p) {
        *(before ? &before->next : &l->post_head) = p->next;
        if (l->post_tail == p)
            l->post_tail = before;
        l->post_depth--;
        p->queued = false;
    }
    pthread_mutex_unlock(&l->lock);
}

// ---- deadlines ---------------------------------------------------------------------------------

static void on_timer(uv_timer_t *timer)
{
    nh_loop_t *l = timer->data;
    uint64_t now = nh_clock_ms();
    l->armed_ms = NH_NEVER;
    for (size_t i = 0; i < DEADLINE_MAX_COUNT; i++) {
        struct nh_loop_deadline *d = &l->deadline[i];
        if (d->next && d->next(d->ctx) <= now)
            d->fire(d->ctx, now);
    }
}

static void on_sleep(uv_prepare_t *prepare)
{
    nh_loop_t *l = prepare->data;
    uint64_t next = NH_NEVER;
    atomic_fetch_add_explicit(&l->turn_count, 1, memory_order_relaxed);
    for (size_t i = 0; i < DEADLINE_MAX_COUNT; i++) {
        struct nh_loop_deadline *d = &l->deadline[i];
        uint64_t due = d->next ? d->next(d->ctx) : NH_NEVER;
        if (due < next)
            next = due;
    }
    if (next == l->armed_ms)
        return;
    l->armed_ms = next;
    if (next == NH_NEVER) {
        uv_timer_stop(&l->timer);
        return;
    }
    uint64_t now = nh_clock_ms();
    // libuv counts from the start of its turn; the sleep that follows counts from now, and the
    // difference cancels out: the timer is never early, and late by the sleep alone.
    uv_timer_start(&l->timer, on_timer, next > now ? next - now : 0, 0);
}

int nh_loop_deadline_add(nh_loop_t *l, const struct nh_loop_deadline *d)
{
    for (size_t i = 0; i < DEADLINE_MAX_COUNT; i++) {
        if (l->deadline[i].next)
            continue;
        l->deadline[i] = *d;
        return NH_OK;
    }
    return NH_ERR_FULL;
}

void nh_loop_deadline_remove(nh_loop_t *l, const struct nh_loop_deadline *d)
{
    for (size_t i = 0; i < DEADLINE_MAX_COUNT; i++)
        if (l->deadline[i].fire == d->fire && l->deadline[i].ctx == d->ctx)
            l->deadline[i] = (struct nh_loop_deadline){0};
}

// ---- signals -----------------------------------------------------------------------------------

// Signals are read as files are, never handled where they strike: no code of ours or of a library
// runs in a handler, and none is lost between two lives of the hub.

static void signal_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
}

static void on_signal(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    nh_loop_t *l = poll->data;
    struct signalfd_siginfo info;
    while (read(l->signal_fd, &info, sizeof info) == sizeof info) {
        void (*fn)(void *) = info.ssi_signo == SIGHUP ? l->on_reload : l->on_stop;
        if (fn)
            fn(l->signal_ctx);
    }
}

int nh_loop_signals(nh_loop_t *l, void (*stop)(void *ctx), void (*reload)(void *ctx), void *ctx)
{
    sigset_t set;
    NH_ASSERT(l->signal_fd < 0);
    nh_loop_signals_hold();
    signal_set(&set);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return nh_linux__err(errno);
    int rc = uv_poll_init(&l->uv, &l->signal_poll, fd);
    if (rc < 0) {
        close(fd);
        return nh_linux__err(rc);
    }
    l->on_stop = stop;
    l->on_reload = reload;
    l->signal_ctx = ctx;
    l->signal_fd = fd;
    l->signal_poll.data = l;
    rc = uv_poll_start(&l->signal_poll, UV_READABLE, on_signal); // cannot fail for a fresh handle
    NH_ASSERT(rc == 0);
    uv_unref((uv_handle_t *)&l->signal_poll);
    return NH_OK;
}

void nh_loop_signals_hold(void)
{
    sigset_t set;
    signal_set(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

// ---- life --------------------------------------------------------------------------------------

static int handles_init(nh_loop_t *l)
{
    int rc = uv_async_init(&l->uv, &l->wake, on_wake);
    if (rc < 0)
        return nh_linux__err(rc);
    l->wake.data = l;
    uv_timer_init(&l->uv, &l->timer);
    l->timer.data = l;
    uv_prepare_init(&l->uv, &l->sleep);
    l->sleep.data = l;
    uv_prepare_start(&l->sleep, on_sleep);
    return NH_OK;
}

static void close_own(uv_handle_t *handle, void *ctx)
{
    nh_loop_t *l = ctx;
    if (handle->data == l && !uv_is_closing(handle))
        uv_close(handle, NULL);
}

// Closes our own handles and lets the ones that others are closing finish their callbacks.
static bool uv_finish(nh_loop_t *l)
{
    uv_walk(&l->uv, close_own, l);
    for (int i = 0; i < 8 && uv_run(&l->uv, UV_RUN_NOWAIT) != 0; i++)
        continue;
    if (uv_loop_close(&l->uv) == 0)
        return true;
    NH_LOG_E("loop", "destroyed while objects on it are open: its memory stays with them");
    return false;
}

int nh_loop_create(struct nh_mem *mem, nh_loop_t **out)
{
    *out = NULL;
    nh_loop_t *l = nh_mem_alloc_zero(mem, sizeof *l, NH_MEM_HOT);
    if (!l)
        return NH_ERR_NOMEM;
    int rc = nh_uv__memory_use(mem);
    if (rc < 0)
        goto fail_use;
    rc = nh_linux__err(uv_loop_init(&l->uv));
    if (rc < 0)
        goto fail_init;
    l->mem = mem;
    l->armed_ms = NH_NEVER;
    l->signal_fd = -1;
    pthread_mutex_init(&l->lock, NULL);
    signal(SIGPIPE, SIG_IGN); // a peer that is gone is an error value, not a signal
    signal(SIGXFSZ, SIG_IGN); // so is a file that may not grow
    rc = handles_init(l);
    if (rc < 0)
        goto fail_handles;
    *out = l;
    return NH_OK;

fail_handles:
    uv_finish(l);
    pthread_mutex_destroy(&l->lock);
fail_init:
    nh_uv__memory_release();
fail_use:
    nh_mem_free(mem, l);
    return rc;
}

void nh_loop_destroy(nh_loop_t *l)
{
    if (!l)
        return;
    if (!uv_finish(l))
        return;
    if (l->signal_fd >= 0)
        close(l->signal_fd);
    nh_uv__memory_release();
    pthread_mutex_destroy(&l->lock);
    nh_mem_free(l->mem, l);
}

void nh_loop_run(nh_loop_t *l)
{
    uv_run(&l->uv, UV_RUN_DEFAULT);
    atomic_store(&l->stopping, false);
}

void nh_loop_stop(nh_loop_t *l)
{
    atomic_store(&l->stopping, true);
    uv_async_send(&l->wake);
}

void *nh_loop_native(nh_loop_t *l)
{
    return &l->uv;
}

void nh_loop_info(nh_loop_t *l, struct nh_loop_info *out)
{
    *out = (struct nh_loop_info){
        .turn_count = atomic_load_explicit(&l->turn_count, memory_order_relaxed),
        .post_count = atomic_load_explicit(&l->post_count, memory_order_relaxed),
        .spilled_count = nh_uv__memory_spilled_count(),
    };
}
