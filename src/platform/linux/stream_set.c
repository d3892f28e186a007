// stream_set.c - the epoll instance of a set of connections, its turns, its time and its life.

#include "core/base/log.h"
#include "platform/linux/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#define CONN_DEFAULT_COUNT 1000
#define BUFFER_DEFAULT_BYTES NH_KIB(64)
#define BUFFER_MIN_BYTES 256
#define DRAIN_DEFAULT_MS 5000
#define EVENT_MAX_COUNT 128
#define HANDSHAKE_DEFAULT_COUNT 256
#define HANDSHAKE_DEFAULT_MS 10000

static void turn(nh_stream_set_t *set, bool with_events);

// ---- turns of the loop -------------------------------------------------------------------------

static void events_take(nh_stream_set_t *set)
{
    struct epoll_event event[EVENT_MAX_COUNT];
    int n = epoll_wait(set->epoll_fd, event, EVENT_MAX_COUNT, 0);
    for (int i = 0; i < n; i++) {
        uintptr_t ptr = (uintptr_t)event[i].data.ptr;
        if (ptr & 1u)
            set->accepting = ((nh_listener_t *)(ptr - 1u))->accepting = true;
        else
            nh_stream__event(event[i].data.ptr, event[i].events);
    }
}

static void accept_all(nh_stream_set_t *set)
{
    set->accepting = false;
    for (nh_listener_t *l = set->listeners; l; l = l->next) {
        nh_listener__accept_some(l);
        set->accepting |= l->accepting;
    }
}

static void on_more(uv_idle_t *idle)
{
    turn(idle->data, false);
}

void nh_stream_set__schedule(nh_stream_set_t *set)
{
    if (set->in_turn || set->is_idling)
        return;
    set->is_idling = true;
    uv_idle_start(&set->more, on_more);
}

static void turn(nh_stream_set_t *set, bool with_events)
{
    set->in_turn = true;
    if (with_events)
        events_take(set);
    if (set->accepting)
        accept_all(set);
    nh_stream__work(set);
    set->in_turn = false;
    if (set->work_head || set->accepting) {
        nh_stream_set__schedule(set);
    } else if (set->is_idling) {
        set->is_idling = false;
        uv_idle_stop(&set->more);
    }
}

static void on_events(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    turn(poll->data, true);
}

// ---- time --------------------------------------------------------------------------------------

static void time_is_up(nh_listener_t *l, nh_stream_t *s)
{
    if (nh_layer__is_dialing(s)) {
        nh_dial__timeout(s);
        return;
    }
    if (nh_layer__is_early(s) && !(s->flags & NH_STREAM_DRAINING)) {
        nh_layer__of(s)->reason = "no handshake in time";
        l->set->info.handshake_timeouts += l != &l->set->dial;
    }
    nh_stream__finish(s, NH_ERR_TIMEOUT);
}

// Looks at the timed connections of a listener; what is left of the earliest, or INT32_MAX.
static int32_t timed_check(nh_listener_t *l, uint32_t now)
{
    int32_t next = INT32_MAX;
    for (nh_stream_t *s = nh_stream__next(l, NULL); s && l->set->timed_count;
         s = nh_stream__next(l, s)) {
        if (!(s->flags & NH_STREAM_TIMED) || (s->flags & NH_STREAM_DYING))
            continue;
        int32_t left = (int32_t)(s->cut_ms - now);
        if (left <= 0)
            time_is_up(l, s);
        else if (left < next)
            next = left;
    }
    return next;
}

static void accept_again(nh_stream_set_t *set)
{
    set->retry_accept = false;
    for (nh_listener_t *l = set->listeners; l; l = l->next) {
        l->accepting |= l->retry_accept;
        l->retry_accept = false;
    }
    set->accepting = true;
    nh_stream_set__schedule(set);
}

static void on_timer(uv_timer_t *timer)
{
    nh_stream_set_t *set = timer->data;
    uint32_t now = (uint32_t)nh_clock_ms();
    int32_t next = INT32_MAX;
    for (nh_listener_t *l = set->listeners; l; l = l->next) {
        int32_t left = timed_check(l, now);
        next = left < next ? left : next;
    }
    if (next != INT32_MAX)
        nh_stream_set__timer_arm(set, (uint64_t)next);
    if (set->retry_accept)
        accept_again(set);
}

// One timer stands for both uses; the earlier wins, and each firing looks at everything.
void nh_stream_set__timer_arm(nh_stream_set_t *set, uint64_t delay_ms)
{
    if (uv_is_active((uv_handle_t *)&set->timer) && uv_timer_get_due_in(&set->timer) <= delay_ms)
        return;
    uv_timer_start(&set->timer, on_timer, delay_ms, 0);
}

void nh_stream__time(nh_stream_t *s, uint32_t delay_ms)
{
    nh_stream_set_t *set = nh_stream__set(s);
    if (!(s->flags & NH_STREAM_TIMED))
        set->timed_count++;
    s->flags |= NH_STREAM_TIMED;
    s->cut_ms = (uint32_t)nh_clock_ms() + delay_ms;
    nh_stream_set__timer_arm(set, delay_ms);
}

void nh_stream__untime(nh_stream_t *s)
{
    if (s->flags & NH_STREAM_TIMED)
        nh_stream__set(s)->timed_count--;
    s->flags &= (uint16_t)~NH_STREAM_TIMED;
}

// ---- life --------------------------------------------------------------------------------------

static int epoll_open(nh_stream_set_t *set)
{
    set->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (set->epoll_fd < 0)
        return nh_linux__err(errno);
    set->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return NH_OK;
}

int nh_stream_set__watch(nh_stream_set_t *set, int fd, void *ptr, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = ptr};
    return epoll_ctl(set->epoll_fd, EPOLL_CTL_ADD, fd, &e) == 0 ? NH_OK : nh_linux__err(errno);
}

int nh_stream_set__scratch_make(nh_stream_set_t *set)
{
    if (!set->scratch)
        set->scratch = nh_mem_alloc(set->mem, NH_LAYER_SCRATCH_BYTES, NH_MEM_BULK);
    return set->scratch ? NH_OK : NH_ERR_NOMEM;
}

static int uv_open(nh_stream_set_t *set, uv_loop_t *uv)
{
    int rc = uv_poll_init(uv, &set->poll, set->epoll_fd);
    if (rc < 0)
        return nh_linux__err(rc);
    uv_idle_init(uv, &set->more);
    uv_timer_init(uv, &set->timer);
    set->poll.data = set->more.data = set->timer.data = set;
    set->open_handles = 3;
    rc = uv_poll_start(&set->poll, UV_READABLE, on_events); // cannot fail for a fresh handle
    NH_ASSERT(rc == 0);
    return NH_OK;
}

static void free_set(nh_stream_set_t *set)
{
    const int fd[] = {set->epoll_fd, set->spare_fd};
    for (size_t i = 0; i < NH_ARRAY_LEN(fd); i++)
        if (fd[i] >= 0)
            close(fd[i]);
    nh_mem_free(set->mem, set->buffer);
    nh_mem_free(set->mem, set->scratch);
    nh_mem_free(set->mem, set);
}

static void on_handle_closed(uv_handle_t *handle)
{
    nh_stream_set_t *set = handle->data;
    if (--set->open_handles == 0)
        free_set(set);
}

int nh_stream_set_create(const struct nh_stream_set_config *cfg, nh_stream_set_t **out)
{
    *out = NULL;
    uint32_t buffer_bytes = cfg->read_buffer_bytes ? cfg->read_buffer_bytes : BUFFER_DEFAULT_BYTES;
    if (buffer_bytes < BUFFER_MIN_BYTES || buffer_bytes > NH_MIB(16))
        return NH_ERR_RANGE;
    nh_stream_set_t *set = nh_mem_alloc_zero(cfg->mem, sizeof *set, NH_MEM_HOT);
    if (!set)
        return NH_ERR_NOMEM;
    set->mem = cfg->mem;
    set->loop = cfg->loop;
    set->on = cfg->handler;
    set->epoll_fd = set->spare_fd = -1;
    set->dial = (nh_listener_t){.set = set, .fd = -1};
    set->listeners = &set->dial;
    set->buffer_bytes = buffer_bytes;
    set->drain_ms = cfg->drain_ms ? cfg->drain_ms : DRAIN_DEFAULT_MS;
    set->handshake_max =
        cfg->handshake_max_count ? cfg->handshake_max_count : HANDSHAKE_DEFAULT_COUNT;
    set->handshake_ms =
        cfg->handshake_timeout_ms ? cfg->handshake_timeout_ms : HANDSHAKE_DEFAULT_MS;
    set->info.conn_max = cfg->conn_max_count ? cfg->conn_max_count : CONN_DEFAULT_COUNT;
    set->buffer = nh_mem_alloc(cfg->mem, buffer_bytes, NH_MEM_BULK);
    int rc = set->buffer ? epoll_open(set) : NH_ERR_NOMEM;
    if (rc == NH_OK)
        rc = uv_open(set, nh_loop_native(cfg->loop));
    if (rc < 0) {
        free_set(set);
        return rc;
    }
    *out = set;
    return NH_OK;
}

// Each connection gets a last chance to say what its output() has, as far as its socket takes it.
static void last_words(nh_stream_set_t *set, nh_listener_t *l)
{
    for (nh_stream_t *s = nh_stream__next(l, NULL); s; s = nh_stream__next(l, s)) {
        s->flags |= NH_STREAM_QUEUED; // there is no work list any more to be put in
        if ((s->flags & (NH_STREAM_DYING | NH_STREAM_TOLD)) || nh_layer__is_early(s))
            continue;
        s->flags |= NH_STREAM_DIRTY;
        nh_stream__flush(set, s);
        if (!(s->flags & NH_STREAM_LAYERED))
            continue;
        nh_layer__of(s)->ws_code = 1001; // going away
        nh_layer__say_end(s);
    }
}

static void conns_end(nh_stream_set_t *set, nh_listener_t *l)
{
    for (nh_stream_t *s = nh_stream__next(l, NULL); s; s = nh_stream__next(l, NULL)) {
        if (!(s->flags & NH_STREAM_DYING))
            nh_stream__finish(s, NH_ERR_CANCELLED);
        nh_stream__reap(set, s);
    }
    nh_mem_free(set->mem, l->chunk_head); // the empty one that the slab keeps
}

void nh_stream_set_destroy(nh_stream_set_t *set)
{
    if (!set)
        return;
    NH_ASSERT(!set->in_turn);
    set->in_turn = true; // nothing is scheduled any more
    for (nh_listener_t *l = set->listeners; l; l = l->next)
        last_words(set, l);
    set->on.turn_end(set->on.ctx);
    for (nh_listener_t *l = set->listeners; l; l = l->next)
        conns_end(set, l);
    nh_listener__end_all(set);
    uv_handle_t *const handle[] = {(uv_handle_t *)&set->poll, (uv_handle_t *)&set->more,
                                   (uv_handle_t *)&set->timer};
    for (size_t i = 0; i < NH_ARRAY_LEN(handle); i++)
        uv_close(handle[i], on_handle_closed);
}

void nh_stream_set_info(const nh_stream_set_t *set, struct nh_stream_set_info *out)
{
    *out = set->info;
}
