// fake_http.h - an HTTP server without sockets, a clock that is a variable, and the one deadline of
// a loop: what the portal needs from the platform. For one test program; include it once.
//
// fake_ask() sends a request and reads the whole reply; fake_ws_...() plays a WebSocket.

#ifndef NH_TEST_FAKE_HTTP_H
#define NH_TEST_FAKE_HTTP_H

#include <string.h>

#include "platform/http_server.h"

#define FAKE_CAP 600 // the buffer of a reply
#define FAKE_REPLY_MAX 16384

static uint64_t fake_now_ms = 1000;

struct nh_http_conn {
    void *user;
    const struct nh_http_header *request_headers; // ends with a zeroed row
    bool in_request, started, woken, closed;
    int status;
    const struct nh_http_header *headers;
    size_t header_count;
    int64_t content_length;
};

struct nh_http_server {
    struct nh_http_handler handler;
};

static struct nh_http_server fake_server;
static struct nh_loop_deadline fake_deadline;

// ---- the platform's side -----------------------------------------------------------------------

uint64_t nh_clock_ms(void)
{
    return fake_now_ms;
}

void nh_random_bytes(void *out, size_t len)
{
    static uint32_t next = 1;
    for (size_t i = 0; i < len; i++) {
        next = next * 1664525u + 1013904223u;
        ((uint8_t *)out)[i] = (uint8_t)(next >> 24);
    }
}

int nh_loop_deadline_add(nh_loop_t *l, const struct nh_loop_deadline *d)
{
    (void)l;
    fake_deadline = *d;
    return 0;
}

void nh_loop_deadline_remove(nh_loop_t *l, const struct nh_loop_deadline *d)
{
    (void)l;
    (void)d;
    memset(&fake_deadline, 0, sizeof fake_deadline);
}

int nh_http_server_create(const struct nh_http_server_config *cfg, nh_http_server_t **out)
{
    fake_server.handler = cfg->handler;
    *out = &fake_server;
    return 0;
}

void nh_http_server_destroy(nh_http_server_t *s)
{
    memset(s, 0, sizeof *s);
}

uint16_t nh_http_server_port(const nh_http_server_t *s)
{
    (void)s;
    return 80;
}

uint16_t nh_http_server_tls_port(const nh_http_server_t *s)
{
    (void)s;
    return 0;
}

void nh_http_server_info(const nh_http_server_t *s, struct nh_http_server_info *out)
{
    (void)s;
    memset(out, 0, sizeof *out);
}

const char *nh_http_header(nh_http_conn_t *c, const char *name)
{
    if (!c->in_request)
        return NULL;
    for (const struct nh_http_header *h = c->request_headers; h && h->name; h++)
        if (strcmp(h->name, name) == 0)
            return h->value;
    return NULL;
}

void nh_http_user_set(nh_http_conn_t *c, void *user)
{
    c->user = user;
}

void *nh_http_user(const nh_http_conn_t *c)
{
    return c->user;
}

int nh_http_reply_start(nh_http_conn_t *c, int status, const struct nh_http_header *headers,
                        size_t count, int64_t content_length)
{
    if (c->started)
        return NH_ERR_INVAL;
    c->started = true;
    c->status = status;
    c->headers = headers;
    c->header_count = count;
    c->content_length = content_length;
    return 0;
}

void nh_http_wake(nh_http_conn_t *c)
{
    c->woken = true;
}

void nh_http_close(nh_http_conn_t *c)
{
    c->closed = true;
}

// ---- the client's side -------------------------------------------------------------------------

struct fake_request {
    const char *method, *path, *query, *body;
    const struct nh_http_header *headers; // NULL: a Host of 127.0.0.1
    bool is_chunked, no_length;
    const char *peer;
};

struct fake_reply {
    int status; // 0: none yet
    size_t len;
    bool cut;
    char body[FAKE_REPLY_MAX];
    char headers[2048]; // "name: value\n"
};

static const struct nh_http_header fake_headers[] = {{"host", "127.0.0.1"}, {NULL, NULL}};

static void fake_head(const struct fake_request *q, struct nh_http_head *head)
{
    memset(head, 0, sizeof *head);
    head->method = q->method ? q->method : "GET";
    head->path = q->path;
    head->query = q->query ? q->query : "";
    head->content_length =
        q->body && !q->no_length && !q->is_chunked ? (int64_t)strlen(q->body) : -1;
    head->is_chunked = q->is_chunked;
    strcpy(head->peer, q->peer ? q->peer : "10.0.0.1:5000");
}

// Sends head and body; the reply may be outstanding (see fake_finish).
static void fake_send(nh_http_conn_t *c, const struct fake_request *q)
{
    struct nh_http_handler *h = &fake_server.handler;
    struct nh_http_head head;
    fake_head(q, &head);
    memset(c, 0, sizeof *c);
    c->request_headers = q->headers ? q->headers : fake_headers;
    c->in_request = true;
    assert_int_equal(h->request(h->ctx, c, &head), 0);
    c->in_request = false;
    size_t len = q->body ? strlen(q->body) : 0;
    for (size_t at = 0; at < len && !c->started; at += 7) { // in pieces
        size_t n = len - at < 7 ? len - at : 7;
        assert_int_equal(h->body(h->ctx, c, (const uint8_t *)q->body + at, n, at + n == len), 0);
    }
    if (!len && !c->started)
        assert_int_equal(h->body(h->ctx, c, NULL, 0, true), 0);
}

static void fake_copy_headers(const nh_http_conn_t *c, struct fake_reply *out)
{
    for (size_t i = 0; i < c->header_count; i++) {
        strcat(out->headers, c->headers[i].name);
        strcat(out->headers, ": ");
        strcat(out->headers, c->headers[i].value);
        strcat(out->headers, "\n");
    }
}

// Reads the reply to its end (or to a pause: status is set, `len` is what there is) and closes.
static void fake_finish(nh_http_conn_t *c, struct fake_reply *out)
{
    struct nh_http_handler *h = &fake_server.handler;
    memset(out, 0, sizeof *out);
    out->status = c->status;
    fake_copy_headers(c, out);
    bool last = !c->started || c->content_length == 0;
    while (!last) {
        int n = h->output(h->ctx, c, out->body + out->len, FAKE_CAP, &last);
        assert_true(n <= FAKE_CAP);
        out->cut = n < 0;
        if (n < 0 || (n == 0 && !last))
            break;
        out->len += (size_t)n;
        assert_true(out->len + FAKE_CAP < sizeof out->body);
    }
    if (c->content_length >= 0 && !out->cut)
        assert_int_equal(out->len, c->content_length);
    h->closed(h->ctx, c);
}

static NH_UNUSED void fake_ask(const struct fake_request *q, struct fake_reply *out)
{
    nh_http_conn_t c;
    fake_send(&c, q);
    fake_finish(&c, out);
}

// Moves the clock and fires the deadline when its time has come.
static NH_UNUSED void fake_wait(uint64_t ms)
{
    fake_now_ms += ms;
    if (fake_deadline.next && fake_deadline.next(fake_deadline.ctx) <= fake_now_ms)
        fake_deadline.fire(fake_deadline.ctx, fake_now_ms);
}

static NH_UNUSED int fake_ws_open_at(nh_http_conn_t *c, const char *path,
                                     const struct nh_http_header *headers)
{
    struct nh_http_handler *h = &fake_server.handler;
    struct nh_http_head head;
    fake_head(&(struct fake_request){.path = path}, &head);
    memset(c, 0, sizeof *c);
    c->request_headers = headers ? headers : fake_headers;
    c->in_request = true;
    int status = h->ws_open(h->ctx, c, &head);
    c->in_request = false;
    return status;
}

static NH_UNUSED int fake_ws_open(nh_http_conn_t *c, const struct nh_http_header *headers)
{
    return fake_ws_open_at(c, "/ws", headers);
}

static NH_UNUSED void fake_ws_say(nh_http_conn_t *c, const char *text)
{
    struct nh_http_handler *h = &fake_server.handler;
    assert_int_equal(h->ws_message(h->ctx, c, text, strlen(text), true), 0);
}

// The next message if the socket was woken; "" if there is none.
static NH_UNUSED const char *fake_ws_hear(nh_http_conn_t *c)
{
    static char buf[4096 + 1];
    struct nh_http_handler *h = &fake_server.handler;
    bool is_text = false;
    int n = c->woken ? h->ws_output(h->ctx, c, buf, sizeof buf - 1, &is_text) : 0;
    assert_true(n >= 0);
    buf[n] = '\0';
    c->woken = n > 0; // the server asks again after each message
    return buf;
}

static NH_UNUSED void fake_ws_close(nh_http_conn_t *c)
{
    fake_server.handler.ws_closed(fake_server.handler.ctx, c);
}

#endif
