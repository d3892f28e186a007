#include "platform/http_client.h"

#include "core/base/list.h"
#include "core/http/url.h"
#include "core/mem/mem.h"
#include "platform/linux/http/h1_reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define REQUESTS_DEFAULT_COUNT 4
#define HEAD_DEFAULT_BYTES 4096
#define READ_DEFAULT_BYTES 4096
#define TOTAL_DEFAULT_MS 30000
#define TIME_MAX_MS 600000
#define INTERIM_MAX_COUNT 8 // heads with 1xx before the reply

struct nh_http_client {
    struct nh_http_client_config cfg;
    nh_stream_set_t *set;
    nh_list_t requests;
    uint32_t request_count;
    struct nh_loop_deadline deadline;
};

struct nh_http_request {
    nh_list_t link; // of the client, from start to closed()
    nh_http_client_t *client;
    nh_stream_t *stream;
    struct nh_http_request_handler on;
    char *out;                    // our head, out_bytes of it, then `body`
    size_t out_bytes, sent_bytes; // sent: of both
    const uint8_t *body;
    size_t body_bytes;
    char *in; // the reply's head while it comes; NULL before and after
    size_t in_bytes, scanned;
    const struct nh_h1_answer *answer; // within on_head() only
    struct nh_h1_body framing;         // has_head
    uint64_t end_ms, body_max_bytes, got_bytes;
    uint32_t total_ms;
    int interim_count;
    bool is_head_request, no_reply, has_head;
    bool is_over;   // nothing more is read; `err` says how it ends
    bool is_silent; // cancelled: no callback
    int err;
    char reason[80]; // "": what the stream says
};

static uint32_t or_default(uint32_t value, uint32_t written)
{
    return value ? value : written;
}

static void finish(nh_http_request_t *r, int err, const char *fmt, ...) NH_PRINTF(3, 4);

// Ends it; on_end() comes with the stream's end. NULL `fmt`: the text of `err`.
static void finish(nh_http_request_t *r, int err, const char *fmt, ...)
{
    if (r->is_over)
        return;
    r->is_over = true;
    r->err = err;
    snprintf(r->reason, sizeof r->reason, "%s", nh_err_text(err));
    if (fmt) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(r->reason, sizeof r->reason, fmt, args);
        va_end(args);
    }
    nh_stream_close(r->stream, err == NH_OK && r->no_reply);
}

// ---- out ---------------------------------------------------------------------------------------

static int on_open(void *ctx, nh_stream_t *s)
{
    (void)ctx;
    nh_stream_dirty(s);
    return 0;
}

static size_t on_output(void *ctx, nh_stream_t *s, struct nh_iov *iov, size_t max)
{
    (void)ctx;
    nh_http_request_t *r = nh_stream_user(s);
    size_t n = 0, body_at = r->sent_bytes > r->out_bytes ? r->sent_bytes - r->out_bytes : 0;
    if (r->is_over)
        return 0;
    if (r->sent_bytes < r->out_bytes)
        iov[n++] = (struct nh_iov){r->out + r->sent_bytes, r->out_bytes - r->sent_bytes};
    if (n < max && body_at < r->body_bytes)
        iov[n++] = (struct nh_iov){r->body + body_at, r->body_bytes - body_at};
    return n;
}

static void on_sent(void *ctx, nh_stream_t *s, size_t bytes)
{
    (void)ctx;
    nh_http_request_t *r = nh_stream_user(s);
    r->sent_bytes += bytes;
    if (r->no_reply && r->sent_bytes == r->out_bytes + r->body_bytes)
        finish(r, NH_OK, NULL);
}

static void on_turn_end(void *ctx)
{
    (void)ctx;
}

// ---- in ----------------------------------------------------------------------------------------

// What a callback returned; whether it goes on.
static bool goes_on(nh_http_request_t *r, int rc)
{
    if (rc != 0)
        finish(r, rc > 0 ? NH_OK : rc, NULL);
    return rc == 0 && !r->is_over;
}

static bool is_too_long(nh_http_request_t *r, uint64_t bytes)
{
    if (r->body_max_bytes == 0 || bytes <= r->body_max_bytes)
        return false;
    finish(r, NH_ERR_TOO_LONG, "the reply has more than %llu bytes",
           (unsigned long long)r->body_max_bytes);
    return true;
}

static void take_head(nh_http_request_t *r, size_t len)
{
    struct nh_h1_answer answer;
    int err = nh_h1_answer_parse(r->in, len, &answer);
    r->in_bytes = r->scanned = 0;
    if (err || answer.status == 101) {
        finish(r, err ? err : NH_ERR_PROTO, "not a reply of HTTP/1.1");
        return;
    }
    if (answer.status < 200) {
        if (++r->interim_count > INTERIM_MAX_COUNT)
            finish(r, NH_ERR_PROTO, "no reply after %d interim ones", INTERIM_MAX_COUNT);
        return;
    }
    r->has_head = true;
    nh_h1_body_begin(&r->framing, &answer, r->is_head_request);
    if (r->framing.framing == NH_H1_LENGTH && is_too_long(r, r->framing.left))
        return;
    const struct nh_http_reply_head head = {.status = answer.status,
                                            .content_length = answer.content_length};
    r->answer = &answer;
    int rc = r->on.on_head ? r->on.on_head(r->on.ctx, r, &head) : 0;
    r->answer = NULL;
    goes_on(r, rc);
}

// Gathers the head; returns how many of the bytes were its.
static size_t gather_head(nh_http_request_t *r, const uint8_t *bytes, size_t len)
{
    const uint32_t cap = r->client->cfg.head_max_bytes;
    if (!r->in && !(r->in = nh_mem_alloc(r->client->cfg.mem, cap, NH_MEM_BULK))) {
        finish(r, NH_ERR_NOMEM, NULL);
        return len;
    }
    const size_t before = r->in_bytes;
    const size_t n = len < cap - before ? len : cap - before;
    memcpy(r->in + before, bytes, n);
    r->in_bytes += n;
    int end = nh_h1_find_end(r->in, r->in_bytes, &r->scanned);
    if (end < 0)
        finish(r, end, "not a reply of HTTP/1.1");
    else if (end == 0 && r->in_bytes == cap)
        finish(r, NH_ERR_TOO_LONG, "the reply's head has more than %u bytes", (unsigned)cap);
    if (end <= 0)
        return n;
    take_head(r, (size_t)end);
    return (size_t)end - before;
}

static size_t take_body(nh_http_request_t *r, const uint8_t *bytes, size_t len)
{
    nh_span_t run;
    int n = nh_h1_body_take(&r->framing, bytes, len, &run);
    if (n < 0) {
        finish(r, n, "a chunk of the reply is malformed");
        return len;
    }
    r->got_bytes += run.len;
    if (run.len == 0 || is_too_long(r, r->got_bytes))
        return (size_t)n;
    goes_on(r, r->on.on_body ? r->on.on_body(r->on.ctx, r, run.ptr, run.len) : 0);
    return (size_t)n;
}

static int on_input(void *ctx, nh_stream_t *s, const uint8_t *bytes, size_t len)
{
    (void)ctx;
    nh_http_request_t *r = nh_stream_user(s);
    while (len > 0 && !r->is_over) {
        size_t n = r->has_head ? take_body(r, bytes, len) : gather_head(r, bytes, len);
        bytes += n;
        len -= n;
        if (r->has_head && r->framing.is_whole)
            finish(r, NH_OK, NULL); // what comes behind it is nobody's
    }
    return 0;
}

// ---- the end -----------------------------------------------------------------------------------

static void request_free(nh_http_request_t *r)
{
    nh_mem_t *mem = r->client->cfg.mem;
    nh_mem_free(mem, r->out);
    nh_mem_free(mem, r->in);
    nh_mem_free(mem, r);
}

// How it ended when it was the stream that ended it.
static void judge(nh_http_request_t *r, nh_stream_t *s, int err)
{
    if (err == NH_ERR_CLOSED && r->has_head && nh_h1_body_end(&r->framing) == NH_OK)
        err = NH_OK;
    r->err = err;
    snprintf(r->reason, sizeof r->reason, "%s",
             err == NH_ERR_CLOSED && r->has_head ? "the reply ended before its end"
             : err == NH_ERR_CLOSED              ? "closed without a reply"
                                                 : nh_stream_reason(s));
}

static void on_closed(void *ctx, nh_stream_t *s, int err)
{
    (void)ctx;
    nh_http_request_t *r = nh_stream_user(s);
    if (!r->is_over)
        judge(r, s, err);
    nh_list_remove(&r->link);
    r->client->request_count--;
    r->is_over = true;
    if (!r->is_silent && r->on.on_end)
        r->on.on_end(r->on.ctx, r, r->err);
    request_free(r);
}

void nh_http_request_cancel(nh_http_request_t *r)
{
    r->is_silent = true;
    r->no_reply = false;
    finish(r, NH_ERR_CANCELLED, NULL);
}

void nh_http_request_pause(nh_http_request_t *r, bool paused)
{
    if (!r->is_over)
        nh_stream_pause(r->stream, paused);
}

const char *nh_http_reply_header(const nh_http_request_t *r, const char *name)
{
    return r->answer ? nh_h1_answer_header(r->answer, name) : NULL;
}

const struct nh_http_header *nh_http_reply_headers(const nh_http_request_t *r, size_t *count)
{
    *count = r->answer ? r->answer->header_count : 0;
    return r->answer ? r->answer->header : NULL;
}

const char *nh_http_request_reason(const nh_http_request_t *r)
{
    return r->reason;
}

// ---- begin -------------------------------------------------------------------------------------

static bool is_clean(const char *text, bool is_word)
{
    if (!text || (is_word && !*text))
        return false;
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f || (is_word && (*p == ' ' || *p == ':')))
            return false;
    return true;
}

static bool has_header(const struct nh_http_request_config *cfg, const char *name)
{
    for (size_t i = 0; i < cfg->header_count; i++)
        if (strcasecmp(cfg->headers[i].name, name) == 0)
            return true;
    return false;
}

static int add(char *buf, size_t cap, size_t *len, const char *fmt, ...) NH_PRINTF(4, 5);

// With `buf` NULL it only counts.
static int add(char *buf, size_t cap, size_t *len, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(buf ? buf + *len : NULL, buf ? cap - *len : 0, fmt, args);
    va_end(args);
    *len += n < 0 ? 0 : (size_t)n;
    return n;
}

static size_t write_head(char *buf, size_t cap, const struct nh_http_request_config *cfg,
                         const struct nh_http_url *url)
{
    const char *method = cfg->method ? cfg->method : "GET";
    const bool has_length = cfg->body || strcmp(method, "POST") == 0 ||
                            strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
    size_t len = 0;
    add(buf, cap, &len, "%s %s%.*s HTTP/1.1\r\nHost: %s%s%s", method,
        url->target.len && url->target.ptr[0] == '/' ? "" : "/", (int)url->target.len,
        (const char *)url->target.ptr, url->is_v6 ? "[" : "", url->host, url->is_v6 ? "]" : "");
    if (!url->is_default_port)
        add(buf, cap, &len, ":%u", (unsigned)url->port);
    add(buf, cap, &len, "\r\nConnection: close\r\n");
    if (!has_header(cfg, "User-Agent"))
        add(buf, cap, &len, "User-Agent: nuthatch/" NH_VERSION "\r\n");
    if (!has_header(cfg, "Accept-Encoding"))
        add(buf, cap, &len, "Accept-Encoding: identity\r\n");
    for (size_t i = 0; i < cfg->header_count; i++)
        add(buf, cap, &len, "%s: %s\r\n", cfg->headers[i].name, cfg->headers[i].value);
    if (has_length)
        add(buf, cap, &len, "Content-Length: %zu\r\n", cfg->body ? cfg->body_bytes : 0);
    add(buf, cap, &len, "\r\n");
    return len;
}

static int config_check(const nh_http_client_t *c, const struct nh_http_request_config *cfg,
                        struct nh_http_url *url)
{
    int err = nh_http_url_parse(cfg->url, url);
    if (err)
        return err;
    if (cfg->method && !is_clean(cfg->method, true))
        return NH_ERR_INVAL;
    for (size_t i = 0; i < cfg->header_count; i++)
        if (!is_clean(cfg->headers[i].name, true) || !is_clean(cfg->headers[i].value, false))
            return NH_ERR_INVAL;
    if (cfg->connect_ms > TIME_MAX_MS || cfg->total_ms > TIME_MAX_MS)
        return NH_ERR_RANGE;
    if (url->is_tls && !c->cfg.tls)
        return NH_ERR_UNSUPPORTED;
    return c->request_count >= c->cfg.request_max_count ? NH_ERR_FULL : NH_OK;
}

static int request_make(nh_http_client_t *c, const struct nh_http_request_config *cfg,
                        const struct nh_http_url *url, nh_http_request_t **out)
{
    size_t cap = write_head(NULL, 0, cfg, url) + 1;
    nh_http_request_t *r = *out = nh_mem_alloc_zero(c->cfg.mem, sizeof *r, NH_MEM_BULK);
    if (!r)
        return NH_ERR_NOMEM;
    r->client = c;
    r->out = nh_mem_alloc(c->cfg.mem, cap, NH_MEM_BULK);
    if (!r->out)
        return NH_ERR_NOMEM;
    r->out_bytes = write_head(r->out, cap, cfg, url);
    r->on = cfg->handler;
    r->body = cfg->body;
    r->body_bytes = cfg->body ? cfg->body_bytes : 0;
    r->is_head_request = cfg->method && strcmp(cfg->method, "HEAD") == 0;
    r->no_reply = cfg->no_reply;
    r->body_max_bytes = cfg->body_max_bytes;
    r->total_ms = or_default(cfg->total_ms, TOTAL_DEFAULT_MS);
    r->end_ms = nh_ms_after(nh_clock_ms(), r->total_ms);
    return NH_OK;
}

int nh_http_request_start(nh_http_client_t *c, const struct nh_http_request_config *cfg,
                          nh_http_request_t **out)
{
    struct nh_http_url url;
    nh_http_request_t *r = *out = NULL;
    int err = config_check(c, cfg, &url);
    if (err)
        return err;
    err = request_make(c, cfg, &url, &r);
    const struct nh_stream_connect_config dial = {.host = url.host,
                                                  .port = url.port,
                                                  .timeout_ms = cfg->connect_ms,
                                                  .tls = url.is_tls ? c->cfg.tls : NULL,
                                                  .user = r};
    if (!err)
        err = nh_stream_connect(c->set, &dial, &r->stream);
    if (err) {
        if (r)
            request_free(r);
        return err;
    }
    nh_list_push_back(&c->requests, &r->link);
    c->request_count++;
    *out = r;
    return NH_OK;
}

// ---- the client --------------------------------------------------------------------------------

static uint64_t deadline_next(void *ctx)
{
    nh_http_client_t *c = ctx;
    uint64_t next = NH_NEVER;
    NH_LIST_EACH(&c->requests, node)
    {
        const nh_http_request_t *r = NH_CONTAINER_OF(node, nh_http_request_t, link);
        if (!r->is_over && r->end_ms < next)
            next = r->end_ms;
    }
    return next;
}

static void deadline_fire(void *ctx, uint64_t now_ms)
{
    nh_http_client_t *c = ctx;
    NH_LIST_EACH(&c->requests, node)
    {
        nh_http_request_t *r = NH_CONTAINER_OF(node, nh_http_request_t, link);
        if (!r->is_over && now_ms >= r->end_ms)
            finish(r, NH_ERR_TIMEOUT, "no whole reply in %u ms", (unsigned)r->total_ms);
    }
}

static int client_begin(nh_http_client_t *c)
{
    const struct nh_stream_set_config set = {
        .loop = c->cfg.loop,
        .mem = c->cfg.mem,
        .read_buffer_bytes = c->cfg.read_buffer_bytes,
        .handler = {c, on_open, on_input, on_output, on_sent, on_turn_end, on_closed}};
    int err = nh_stream_set_create(&set, &c->set);
    if (err)
        return err;
    err = nh_loop_deadline_add(c->cfg.loop, &c->deadline);
    if (err)
        nh_stream_set_destroy(c->set);
    return err;
}

int nh_http_client_create(const struct nh_http_client_config *cfg, nh_http_client_t **out)
{
    *out = NULL;
    nh_http_client_t *c = nh_mem_alloc_zero(cfg->mem, sizeof *c, NH_MEM_BULK);
    if (!c)
        return NH_ERR_NOMEM;
    c->cfg = *cfg;
    c->cfg.request_max_count = or_default(cfg->request_max_count, REQUESTS_DEFAULT_COUNT);
    c->cfg.head_max_bytes = or_default(cfg->head_max_bytes, HEAD_DEFAULT_BYTES);
    c->cfg.read_buffer_bytes = or_default(cfg->read_buffer_bytes, READ_DEFAULT_BYTES);
    c->deadline = (struct nh_loop_deadline){deadline_next, deadline_fire, c};
    nh_list_init(&c->requests);
    int err = client_begin(c);
    if (err) {
        nh_mem_free(cfg->mem, c);
        return err;
    }
    *out = c;
    return NH_OK;
}

void nh_http_client_destroy(nh_http_client_t *c)
{
    if (!c)
        return;
    nh_loop_deadline_remove(c->cfg.loop, &c->deadline);
    nh_stream_set_destroy(c->set); // closed() of each request
    nh_mem_free(c->cfg.mem, c);
}
