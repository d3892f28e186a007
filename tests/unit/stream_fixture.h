// stream_fixture.h - one set of connections with an echo server, and the client that dials it.

#ifndef NH_TEST_STREAM_FIXTURE_H
#define NH_TEST_STREAM_FIXTURE_H

#include "linux_fixture.h"

struct echo_client {
    nh_stream_t *s;
    int opened, closed, err, open_rc;
    char reason[128];
    const uint8_t *out; // to send: echo_pattern() from its start
    size_t out_len, got;
    bool is_wrong; // something else came back
};

struct echo_server {
    nh_stream_t *s;
    uint8_t *pending;
    size_t at, len; // pending[at .. at + len) waits
};

struct echo {
    struct linux_fixture fx;
    nh_loop_t *loop;
    nh_stream_set_t *set;
    struct nh_stream_set_config cfg; // its limits may be set before echo_start()
    struct echo_server *last;        // of those that are open
    int served, gone, last_err;      // connections of the server: begun, ended
    size_t flood_bytes;              // the server sends that much when something comes, no echo
    bool is_paused;                  // the client reads nothing
};

static inline uint8_t echo_pattern(size_t at)
{
    return (uint8_t)(at * 7 + (at >> 8));
}

static inline struct echo_client *echo__client(nh_stream_t *s)
{
    return nh_stream_listener(s) ? NULL : nh_stream_user(s);
}

static int echo__open(void *ctx, nh_stream_t *s)
{
    struct echo *e = ctx;
    struct echo_client *c = echo__client(s);
    if (c) {
        assert_ptr_equal(c->s, s);
        c->opened++;
        nh_stream_pause(s, e->is_paused);
        nh_stream_dirty(s);
        return c->open_rc;
    }
    struct echo_server *v = calloc(1, sizeof *v);
    v->s = s;
    e->last = v;
    e->served++;
    nh_stream_user_set(s, v);
    return 0;
}

static void echo__append(struct echo_server *v, const uint8_t *bytes, size_t len)
{
    if (v->len == 0)
        v->at = 0;
    v->pending = realloc(v->pending, v->at + v->len + len);
    for (size_t i = 0; i < len; i++)
        v->pending[v->at + v->len + i] = bytes ? bytes[i] : echo_pattern(i);
    v->len += len;
    nh_stream_dirty(v->s);
}

static int echo__input(void *ctx, nh_stream_t *s, const uint8_t *bytes, size_t len)
{
    struct echo *e = ctx;
    struct echo_client *c = echo__client(s);
    if (!c) {
        echo__append(nh_stream_user(s), e->flood_bytes ? NULL : bytes,
                     e->flood_bytes ? e->flood_bytes : len);
        return 0;
    }
    for (size_t i = 0; i < len; i++)
        c->is_wrong |= bytes[i] != echo_pattern(c->got + i);
    c->got += len;
    return 0;
}

static size_t echo__output(void *ctx, nh_stream_t *s, struct nh_iov *iov, size_t max)
{
    (void)ctx;
    struct echo_client *c = echo__client(s);
    struct echo_server *v = c ? NULL : nh_stream_user(s);
    const uint8_t *bytes = c ? c->out : v->pending + v->at;
    size_t len = c ? c->out_len : v->len, n = 0;
    // Spans of all sizes, to see them gathered.
    for (size_t step = 1; len && n < max; n++, step = step * 3 % 5003) {
        iov[n] = (struct nh_iov){bytes, len < step ? len : step};
        bytes += iov[n].len;
        len -= iov[n].len;
    }
    return n;
}

static void echo__sent(void *ctx, nh_stream_t *s, size_t bytes)
{
    (void)ctx;
    struct echo_client *c = echo__client(s);
    if (c) {
        assert_true(bytes <= c->out_len);
        c->out += bytes;
        c->out_len -= bytes;
        return;
    }
    struct echo_server *v = nh_stream_user(s);
    assert_true(bytes <= v->len);
    v->at += bytes;
    v->len -= bytes;
}

static void echo__turn_end(void *ctx)
{
    (void)ctx;
}

static void echo__closed(void *ctx, nh_stream_t *s, int err)
{
    struct echo *e = ctx;
    struct echo_client *c = echo__client(s);
    if (c) {
        c->closed++;
        c->err = err;
        snprintf(c->reason, sizeof c->reason, "%s", nh_stream_reason(s));
        return;
    }
    struct echo_server *v = nh_stream_user(s);
    e->gone++;
    e->last_err = err;
    if (e->last == v)
        e->last = NULL;
    free(v->pending);
    free(v);
}

static inline int echo_start(struct echo *e)
{
    e->cfg.loop = e->loop;
    e->cfg.mem = e->fx.mem;
    e->cfg.handler = (struct nh_stream_handler){.ctx = e,
                                                .open = echo__open,
                                                .input = echo__input,
                                                .output = echo__output,
                                                .sent = echo__sent,
                                                .turn_end = echo__turn_end,
                                                .closed = echo__closed};
    return nh_stream_set_create(&e->cfg, &e->set);
}

static inline void echo_init(struct echo *e)
{
    memset(e, 0, sizeof *e);
    fixture_start(&e->fx);
    assert_int_equal(nh_loop_create(e->fx.mem, &e->loop), NH_OK);
    assert_int_equal(echo_start(e), NH_OK);
}

// With other limits.
static inline void echo_restart(struct echo *e)
{
    nh_stream_set_destroy(e->set);
    assert_int_equal(echo_start(e), NH_OK);
}

static inline void echo_deinit(struct echo *e)
{
    nh_stream_set_destroy(e->set);
    assert_int_equal(e->served, e->gone);
    nh_loop_destroy(e->loop);
    fixture_stop(&e->fx);
}

static inline nh_listener_t *echo_listen(struct echo *e, const struct nh_listener_config *cfg)
{
    nh_listener_t *l;
    assert_int_equal(nh_stream_listen(e->set, cfg, &l), NH_OK);
    return l;
}

static inline int echo_dial(struct echo *e, struct echo_client *c,
                            const struct nh_stream_connect_config *cfg)
{
    struct nh_stream_connect_config with_user = *cfg;
    *c = (struct echo_client){.out = c->out, .out_len = c->out_len, .open_rc = c->open_rc};
    with_user.user = c;
    return nh_stream_connect(e->set, &with_user, &c->s);
}

static inline uint8_t *echo_bytes_make(size_t len)
{
    uint8_t *bytes = malloc(len);
    for (size_t i = 0; i < len; i++)
        bytes[i] = echo_pattern(i);
    return bytes;
}

// Sends `len` bytes there and back.
static inline void echo_round(struct echo *e, struct echo_client *c, size_t len)
{
    uint8_t *bytes = echo_bytes_make(c->got + len);
    size_t want = c->got + len;
    c->out = bytes + c->got;
    c->out_len = len;
    if (c->opened)
        nh_stream_dirty(c->s);
    PUMP_UNTIL(e->loop, c->got >= want || c->closed);
    free(bytes);
    if (c->got != want || c->is_wrong)
        fail_msg("%zu of %zu came back%s; %s", c->got, want, c->is_wrong ? ", wrong" : "",
                 c->reason);
}

// Ends the client's side; both ends are gone when it returns.
static inline void echo_hang_up(struct echo *e, struct echo_client *c)
{
    nh_stream_close(c->s, true);
    PUMP_UNTIL(e->loop, c->closed && e->served == e->gone);
}

#endif
