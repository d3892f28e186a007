#include "core/http/exchange.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/http/text.h"

#define PIECE_BYTES 512

struct nh_reply_piece {
    struct nh_reply_piece *next;
    size_t len;
    char bytes[PIECE_BYTES];
};

const char nh_exchange_no_memory[] =
    "{\"error\":{\"code\":\"busy\",\"message\":\"Out of memory. Nothing was changed. Try again "
    "later.\",\"details\":[]}}\n";

static nh_exchange_t *exchange(nh_request_t *req)
{
    return (nh_exchange_t *)req;
}

void nh_exchange_init(nh_exchange_t *x)
{
    x->req.arena = &x->arena;
    x->req.query = x->req.rest = "";
}

// ---- the body as pieces in the arena -----------------------------------------------------------

static int piece_sink(void *ctx, const char *bytes, size_t len)
{
    nh_exchange_t *x = ctx;
    if (x->pieces_len + len > NH_REPLY_JSON_MAX_BYTES)
        return NH_ERR_FULL;
    while (len) {
        if (!x->last || x->last->len == PIECE_BYTES) {
            struct nh_reply_piece *p = nh_arena_alloc(&x->arena, sizeof *p);
            if (!p)
                return NH_ERR_NOMEM;
            p->next = NULL;
            p->len = 0;
            *(x->last ? &x->last->next : &x->first) = p;
            x->last = p;
        }
        size_t n = PIECE_BYTES - x->last->len;
        if (n > len)
            n = len;
        memcpy(x->last->bytes + x->last->len, bytes, n);
        x->last->len += n;
        x->pieces_len += n;
        bytes += n;
        len -= n;
    }
    return 0;
}

// The last reply counts: a handler may start one and end in an error.
static void reset(nh_exchange_t *x, int status, const char *content_type)
{
    x->status = status;
    x->content_type = content_type;
    x->produce = NULL;
    x->spare_len = x->spare_sent = 0;
    x->bytes = NULL;
    x->bytes_len = x->bytes_sent = 0;
    x->first = x->last = x->reading = NULL;
    x->pieces_len = 0;
}

nh_json_writer_t *nh_reply_json(nh_request_t *req, int status)
{
    nh_exchange_t *x = exchange(req);
    reset(x, status, "application/json");
    nh_json_writer_init(&x->writer, piece_sink, x);
    return &x->writer;
}

static void set_no_memory(nh_exchange_t *x)
{
    reset(x, 503, "application/json");
    x->bytes = nh_exchange_no_memory;
    x->bytes_len = strlen(nh_exchange_no_memory);
}

int nh_reply_json_end(nh_request_t *req)
{
    nh_exchange_t *x = exchange(req);
    int err = nh_json_writer_end(&x->writer);
    if (!err)
        err = piece_sink(x, "\n", 1);
    if (err)
        set_no_memory(x);
    x->reading = x->first;
    return err;
}

// ---- other replies -----------------------------------------------------------------------------

int nh_reply_stream(nh_request_t *req, int status, const char *content_type, nh_produce_fn produce)
{
    nh_exchange_t *x = exchange(req);
    reset(x, status, content_type);
    x->produce = produce;
    return 0;
}

int nh_reply_bytes(nh_request_t *req, int status, const char *content_type, const void *bytes,
                   size_t len)
{
    nh_exchange_t *x = exchange(req);
    reset(x, status, content_type);
    x->bytes = bytes;
    x->bytes_len = len;
    return 0;
}

int nh_reply_empty(nh_request_t *req, int status)
{
    reset(exchange(req), status, NULL);
    return 0;
}

int nh_reply_header(nh_request_t *req, const char *name, const char *value)
{
    nh_exchange_t *x = exchange(req);
    if (x->header_count == NH_REPLY_HEADER_MAX_COUNT)
        return NH_ERR_FULL;
    x->headers[x->header_count++] = (struct nh_http_header){name, value};
    return 0;
}

void nh_request_wake(nh_request_t *req)
{
    nh_exchange_t *x = exchange(req);
    if (x->wake)
        x->wake(x);
}

void nh_request_later(nh_request_t *req)
{
    exchange(req)->is_later = true;
}

void nh_request_done(nh_request_t *req, int err)
{
    nh_exchange_t *x = exchange(req);
    x->is_later = false;
    x->done(x, err);
}

// ---- errors ------------------------------------------------------------------------------------

int nh_http_status_of(int err)
{
    switch (err) {
    case NH_ERR_NOT_FOUND:
        return 404;
    case NH_ERR_INVAL:
    case NH_ERR_SYNTAX:
    case NH_ERR_RANGE:
    case NH_ERR_TYPE:
    case NH_ERR_TOO_LONG:
    case NH_ERR_TOO_DEEP:
        return 400;
    case NH_ERR_DENIED:
        return 403;
    case NH_ERR_CONFLICT:
    case NH_ERR_EXISTS:
        return 409;
    case NH_ERR_NOMEM:
    case NH_ERR_FULL:
    case NH_ERR_BUSY:
    case NH_ERR_AGAIN:
    case NH_ERR_TIMEOUT:
        return 503;
    case NH_ERR_UNSUPPORTED:
        return 501;
    case NH_ERR_NOSPC:
        return 507;
    default:
        return 500;
    }
}

static const char *code_of(int status)
{
    static const struct {
        int status;
        const char *code;
    } codes[] = {
        {400, "bad_request"},   {401, "sign_in_needed"}, {403, "denied"},   {404, "not_found"},
        {405, "wrong_method"},  {406, "not_acceptable"}, {409, "conflict"}, {411, "length_needed"},
        {413, "too_large"},     {421, "wrong_host"},     {429, "too_many"}, {431, "head_too_large"},
        {501, "not_supported"}, {503, "busy"},           {507, "no_space"},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(codes); i++)
        if (codes[i].status == status)
            return codes[i].code;
    return "internal";
}

static nh_json_writer_t *begin_error(nh_request_t *req, int status, const char *code,
                                     const char *fmt, va_list args)
{
    char message[256];
    int n = vsnprintf(message, sizeof message, fmt, args);
    if (n >= (int)sizeof message)
        memcpy(message + sizeof message - 4, "...", 4);
    nh_json_writer_t *w = nh_reply_json(req, status);
    nh_json_object_begin(w);
    nh_json_key(w, "error");
    nh_json_object_begin(w);
    nh_json_kv_string(w, "code", code ? code : code_of(status));
    nh_json_kv_string(w, "message", n < 0 ? "" : message);
    nh_json_key(w, "details");
    nh_json_array_begin(w);
    return w;
}

nh_json_writer_t *nh_reply_error_details(nh_request_t *req, int status, const char *code,
                                         const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    nh_json_writer_t *w = begin_error(req, status, code, fmt, args);
    va_end(args);
    return w;
}

int nh_reply_error_end(nh_request_t *req)
{
    nh_json_writer_t *w = &exchange(req)->writer;
    nh_json_array_end(w);
    nh_json_object_end(w);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

int nh_reply_error(nh_request_t *req, int status, const char *code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    begin_error(req, status, code, fmt, args);
    va_end(args);
    return nh_reply_error_end(req);
}

int nh_reply_err(nh_request_t *req, int err)
{
    int status = nh_http_status_of(err);
    const char *text = nh_err_text(err);
    char first = text[0] >= 'a' && text[0] <= 'z' ? (char)(text[0] - 'a' + 'A') : text[0];
    return nh_reply_error(req, status, NULL, "%c%s.", first, text + (text[0] != '\0'));
}

// ---- reading the reply -------------------------------------------------------------------------

int64_t nh_exchange_length(const nh_exchange_t *x)
{
    if (x->produce)
        return -1;
    return (int64_t)(x->bytes ? x->bytes_len : x->pieces_len);
}

static int read_pieces(nh_exchange_t *x, char *buf, size_t cap, bool *last)
{
    size_t n = 0;
    while (x->reading && n < cap) {
        size_t left = x->reading->len - x->bytes_sent;
        size_t part = left < cap - n ? left : cap - n;
        memcpy(buf + n, x->reading->bytes + x->bytes_sent, part);
        n += part;
        x->bytes_sent += part;
        if (x->bytes_sent == x->reading->len) {
            x->reading = x->reading->next;
            x->bytes_sent = 0;
        }
    }
    *last = !x->reading;
    return (int)n;
}

static int take_spare(nh_exchange_t *x, char *buf, size_t cap)
{
    size_t n = x->spare_len - x->spare_sent;
    if (n > cap)
        n = cap;
    memcpy(buf, x->spare + x->spare_sent, n);
    x->spare_sent += n;
    return (int)n;
}

// What is left of a flow control window may be a few bytes, in which no row fits; a producer that
// gave nothing then would end the reply in the middle, and as if it were whole.
static int produce_spare(nh_exchange_t *x)
{
    if (!x->spare)
        x->spare = nh_arena_alloc(&x->arena, NH_PRODUCE_MIN_BYTES);
    if (!x->spare)
        return NH_ERR_NOMEM;
    int n = x->produce(&x->req, x->spare, NH_PRODUCE_MIN_BYTES);
    x->spare_len = n > 0 ? (size_t)n : 0;
    x->spare_sent = 0;
    return n;
}

static int read_produced(nh_exchange_t *x, char *buf, size_t cap, bool *last)
{
    if (x->spare_sent < x->spare_len)
        return take_spare(x, buf, cap);
    int n = cap < NH_PRODUCE_MIN_BYTES ? produce_spare(x) : x->produce(&x->req, buf, cap);
    *last = n == 0;
    if (n > 0 && cap < NH_PRODUCE_MIN_BYTES)
        return take_spare(x, buf, cap);
    return n == NH_ERR_AGAIN ? 0 : n;
}

int nh_exchange_read(nh_exchange_t *x, char *buf, size_t cap, bool *last)
{
    *last = false;
    if (x->produce)
        return read_produced(x, buf, cap, last);
    if (!x->bytes)
        return read_pieces(x, buf, cap, last);
    size_t n = x->bytes_len - x->bytes_sent;
    if (n > cap)
        n = cap;
    memcpy(buf, x->bytes + x->bytes_sent, n);
    x->bytes_sent += n;
    *last = x->bytes_sent == x->bytes_len;
    return (int)n;
}

// ---- the request -------------------------------------------------------------------------------

const char *nh_request_param(nh_request_t *req, const char *name)
{
    nh_span_t raw;
    if (!nh_http_query_find(req->query, name, &raw))
        return NULL;
    char *out = nh_arena_alloc(req->arena, raw.len + 1);
    if (!out || nh_http_percent_decode(raw, true, out, raw.len + 1) < 0)
        return NULL;
    return out;
}
