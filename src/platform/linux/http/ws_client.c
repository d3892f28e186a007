// ws_client.c - a WebSocket client on our own streams. libwebsockets' client would bring a second
// context, its own timers and a buffer a connection for what the streams (names, TLS, proxies) and
// the server's frame reader do here already.

#include "platform/ws_client.h"

#include "core/base/base64.h"
#include "core/mem/mem.h"
#include "platform/linux/http/ws_ask.h"
#include "platform/linux/http/ws_frame.h"

#include <openssl/sha.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_DEFAULT_BYTES 16384
#define CONNECT_DEFAULT_MS 10000
#define PING_DEFAULT_MS 15000
#define READ_BUFFER_BYTES 2048
#define DRAIN_MS 1000
#define CONTROL_MAX_BYTES (NH_WS_MASKED_HEADER_MAX_BYTES + NH_WS_CONTROL_MAX_BYTES)

enum state {
    IDLE,
    ASKING, // until the head of the answer is there
    OPEN,
    ENDING, // the stream still has to say that it is closed
};

struct nh_ws_client {
    struct nh_ws_client_config cfg;
    nh_stream_set_t *set;
    nh_stream_t *stream; // not IDLE
    struct nh_loop_deadline deadline;
    enum state state;
    bool is_silent; // closed by our own side: nobody is told
    bool is_up;     // ASKING: the connection is there
    nh_ws_reader_t reader;
    // ASKING: the request, then the answer's head. OPEN: the frame that is on its way.
    char head[NH_WS_ASK_MAX_BYTES];
    size_t head_bytes, scanned;
    char accept[NH_WS_ACCEPT_BYTES + 1];
    uint8_t *frame; // message_max_bytes and a header, made with the first message to send
    uint8_t control[CONTROL_MAX_BYTES];
    size_t frame_bytes, control_bytes; // 0: nothing waits
    bool is_frame_begun;               // then no control frame may come in between
    size_t sent_bytes;                 // of what is on its way
    uint64_t end_ms, heard_ms;         // end: of ASKING
    bool is_pinged;
    int err;
    char reason[96];
};

static uint32_t or_default(uint32_t value, uint32_t written)
{
    return value ? value : written;
}

static void finish(nh_ws_client_t *c, int err, const char *fmt, ...) NH_PRINTF(3, 4);

// Ends the connection; closed() comes with the stream's end. NULL `fmt`: the text of `err`.
static void finish(nh_ws_client_t *c, int err, const char *fmt, ...)
{
    if (c->state == ENDING || c->state == IDLE)
        return;
    bool has_goodbye = c->control_bytes > 0;
    c->state = ENDING;
    c->err = err;
    snprintf(c->reason, sizeof c->reason, "%s", nh_err_text(err));
    if (fmt) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(c->reason, sizeof c->reason, fmt, args);
        va_end(args);
    }
    nh_stream_close(c->stream, has_goodbye);
}

// ---- out ---------------------------------------------------------------------------------------

static void queue_control(nh_ws_client_t *c, uint8_t opcode, const void *bytes, size_t len)
{
    uint8_t mask[4];
    bool is_going = c->control_bytes > 0 && !c->is_frame_begun && c->sent_bytes > 0;
    if (is_going)
        return; // one is on its way: a pong that comes late is one of the next ping
    nh_random_bytes(mask, sizeof mask);
    size_t n = nh_ws_write_masked_header(c->control, opcode, len, mask);
    memcpy(c->control + n, bytes, len);
    nh_ws_mask(c->control + n, len, mask);
    c->control_bytes = n + len;
    nh_stream_dirty(c->stream);
}

static void queue_close(nh_ws_client_t *c, uint16_t code)
{
    const uint8_t bytes[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    queue_control(c, NH_WS_CLOSE, bytes, code == 1005 ? 0 : sizeof bytes);
}

static size_t on_output(void *ctx, nh_stream_t *s, struct nh_iov *iov, size_t max)
{
    nh_ws_client_t *c = ctx;
    (void)s;
    (void)max;
    const void *bytes = c->control;
    size_t len = c->control_bytes;
    if (c->state == ASKING) {
        bytes = c->head;
        len = c->is_up ? c->head_bytes : 0;
    } else if (c->is_frame_begun || len == 0) {
        bytes = c->frame;
        len = c->frame_bytes;
        c->is_frame_begun = len > 0;
    }
    if (len == 0 || c->sent_bytes >= len)
        return 0;
    iov[0] = (struct nh_iov){(const uint8_t *)bytes + c->sent_bytes, len - c->sent_bytes};
    return 1;
}

static void on_sent(void *ctx, nh_stream_t *s, size_t bytes)
{
    nh_ws_client_t *c = ctx;
    c->sent_bytes += bytes;
    size_t *len = c->state == ASKING  ? &c->head_bytes
                  : c->is_frame_begun ? &c->frame_bytes
                                      : &c->control_bytes;
    if (c->sent_bytes < *len)
        return;
    *len = c->sent_bytes = 0;
    c->is_frame_begun = false;
    if (c->control_bytes + c->frame_bytes > 0)
        nh_stream_dirty(s);
}

int nh_ws_client_send(nh_ws_client_t *c, nh_span_t text)
{
    uint8_t mask[4];
    if (c->state != OPEN)
        return NH_ERR_CLOSED;
    if (text.len > c->cfg.message_max_bytes)
        return NH_ERR_TOO_LONG;
    if (c->frame_bytes > 0)
        return NH_ERR_AGAIN;
    if (!c->frame)
        c->frame = nh_mem_alloc(c->cfg.mem,
                                NH_WS_MASKED_HEADER_MAX_BYTES + (size_t)c->cfg.message_max_bytes,
                                NH_MEM_BULK);
    if (!c->frame)
        return NH_ERR_NOMEM;
    nh_random_bytes(mask, sizeof mask);
    size_t n = nh_ws_write_masked_header(c->frame, NH_WS_TEXT, text.len, mask);
    memcpy(c->frame + n, text.ptr, text.len);
    nh_ws_mask(c->frame + n, text.len, mask);
    c->frame_bytes = n + text.len;
    nh_stream_dirty(c->stream);
    return NH_OK;
}

// ---- in ----------------------------------------------------------------------------------------

static void judge(nh_ws_client_t *c, size_t len)
{
    char why[sizeof c->reason];
    int err = nh_ws_answer_judge(c->head, len, c->accept, why, sizeof why);
    c->head_bytes = 0;
    if (err < 0) {
        finish(c, err, "%s", why);
        return;
    }
    c->state = OPEN;
    c->heard_ms = nh_clock_ms();
    if (c->cfg.open)
        c->cfg.open(c->cfg.ctx, c);
}

// Gathers the answer's head; returns how many of the bytes were its.
static size_t gather(nh_ws_client_t *c, const uint8_t *bytes, size_t len)
{
    const size_t before = c->head_bytes, room = sizeof c->head - before;
    const size_t n = len < room ? len : room;
    memcpy(c->head + before, bytes, n);
    c->head_bytes += n;
    int end = nh_h1_find_end(c->head, c->head_bytes, &c->scanned);
    if (end < 0)
        finish(c, NH_ERR_PROTO, "not an answer of HTTP/1.1");
    else if (end == 0 && c->head_bytes == sizeof c->head)
        finish(c, NH_ERR_TOO_LONG, "the answer's head has more than %zu bytes", sizeof c->head);
    if (end <= 0)
        return n;
    judge(c, (size_t)end);
    return (size_t)end - before;
}

static void on_message(nh_ws_client_t *c, const struct nh_ws_result *r)
{
    if (!r->is_text) {
        queue_close(c, 1003);
        finish(c, NH_ERR_TYPE, "a binary message came");
        return;
    }
    if (c->cfg.message)
        c->cfg.message(c->cfg.ctx, c, (nh_span_t){(const uint8_t *)r->bytes, r->len});
}

static void on_event(nh_ws_client_t *c, const struct nh_ws_result *r)
{
    switch (r->event) {
    case NH_WS_EVENT_NEED_BUFFER: // kept: the next message finds it
        c->reader.message = nh_mem_alloc(c->cfg.mem, c->cfg.message_max_bytes, NH_MEM_BULK);
        if (!c->reader.message)
            finish(c, NH_ERR_NOMEM, NULL);
        break;
    case NH_WS_EVENT_MESSAGE:
        on_message(c, r);
        break;
    case NH_WS_EVENT_PING:
        queue_control(c, NH_WS_PONG, r->bytes, r->len);
        break;
    case NH_WS_EVENT_CLOSE:
        queue_close(c, r->code);
        finish(c, NH_ERR_CLOSED, "the server ended it (%u)", (unsigned)r->code);
        break;
    case NH_WS_EVENT_BROKEN:
        queue_close(c, r->code);
        if (r->code == 1009)
            finish(c, NH_ERR_TOO_LONG, "a message has more than %u bytes",
                   (unsigned)c->cfg.message_max_bytes);
        else
            finish(c, NH_ERR_PROTO, "frames that are none (%u)", (unsigned)r->code);
        break;
    default:
        break;
    }
}

static void take_frames(nh_ws_client_t *c, const uint8_t *bytes, size_t len)
{
    struct nh_ws_result r = {0};
    do {
        r = nh_ws_read(&c->reader, bytes, len);
        bytes += r.consumed;
        len -= r.consumed;
        on_event(c, &r);
    } while (c->state == OPEN && (len > 0 || r.event == NH_WS_EVENT_NEED_BUFFER));
}

static int on_input(void *ctx, nh_stream_t *s, const uint8_t *bytes, size_t len)
{
    nh_ws_client_t *c = ctx;
    (void)s;
    c->heard_ms = nh_clock_ms();
    c->is_pinged = false;
    if (c->state == ASKING && c->sent_bytes > 0) { // an answer before the whole question
        finish(c, NH_ERR_PROTO, "not an answer of HTTP/1.1");
        return 0;
    }
    if (c->state == ASKING) {
        size_t n = gather(c, bytes, len);
        bytes += n;
        len -= n;
    }
    if (c->state == OPEN && len > 0)
        take_frames(c, bytes, len);
    return 0;
}

// ---- the connection ----------------------------------------------------------------------------

static int on_open(void *ctx, nh_stream_t *s)
{
    nh_ws_client_t *c = ctx;
    c->is_up = true;
    nh_stream_dirty(s);
    return 0;
}

static void on_turn_end(void *ctx)
{
    (void)ctx;
}

static void on_closed(void *ctx, nh_stream_t *s, int err)
{
    nh_ws_client_t *c = ctx;
    if (c->state != ENDING) {
        c->err = err;
        snprintf(c->reason, sizeof c->reason, "%s", nh_stream_reason(s));
    }
    bool is_silent = c->is_silent;
    c->state = IDLE;
    c->stream = NULL;
    if (!is_silent && c->cfg.closed)
        c->cfg.closed(c->cfg.ctx, c, c->err, c->reason);
}

void nh_ws_client_close(nh_ws_client_t *c)
{
    c->is_silent = true;
    if (c->state == OPEN)
        queue_close(c, 1000);
    finish(c, NH_ERR_CANCELLED, NULL);
}

static int make_accept(const char *key, char accept[NH_WS_ACCEPT_BYTES + 1])
{
    char input[NH_WS_ACCEPT_INPUT_BYTES];
    unsigned char digest[SHA_DIGEST_LENGTH];
    nh_ws_accept_input(key, input);
    SHA1((unsigned char *)input, sizeof input, digest);
    return nh_base64_encode(digest, sizeof digest, accept, NH_WS_ACCEPT_BYTES + 1);
}

static int write_ask(nh_ws_client_t *c, const struct nh_http_url *url, const char *authorization)
{
    uint8_t nonce[16];
    char key[NH_WS_KEY_BYTES + 1];
    nh_random_bytes(nonce, sizeof nonce);
    int err = nh_base64_encode(nonce, sizeof nonce, key, sizeof key);
    if (err >= 0)
        err = make_accept(key, c->accept);
    if (err >= 0)
        err = nh_ws_ask_write(c->head, url, key, authorization);
    c->head_bytes = err < 0 ? 0 : (size_t)err;
    return err < 0 ? err : NH_OK;
}

// What the last connection left behind, memory apart.
static void reset(nh_ws_client_t *c)
{
    char *message = c->reader.message;
    c->reader = (nh_ws_reader_t){
        .message_max_bytes = c->cfg.message_max_bytes, .is_client = true, .message = message};
    c->scanned = c->sent_bytes = c->frame_bytes = c->control_bytes = 0;
    c->is_silent = c->is_up = c->is_frame_begun = c->is_pinged = false;
}

int nh_ws_client_connect(nh_ws_client_t *c, const char *url, const char *authorization)
{
    struct nh_http_url parsed;
    if (c->state != IDLE)
        return NH_ERR_BUSY;
    int err = nh_ws_url_parse(url, &parsed);
    if (err < 0)
        return err;
    if (parsed.is_tls && !c->cfg.tls)
        return NH_ERR_UNSUPPORTED;
    reset(c);
    err = write_ask(c, &parsed, authorization);
    const struct nh_stream_connect_config dial = {.host = parsed.host,
                                                  .port = parsed.port,
                                                  .timeout_ms = c->cfg.connect_ms,
                                                  .tls = parsed.is_tls ? c->cfg.tls : NULL};
    if (err == NH_OK)
        err = nh_stream_connect(c->set, &dial, &c->stream);
    if (err < 0)
        return err;
    c->state = ASKING;
    c->end_ms = nh_ms_after(nh_clock_ms(), c->cfg.connect_ms);
    return NH_OK;
}

// ---- time --------------------------------------------------------------------------------------

static uint64_t deadline_next(void *ctx)
{
    const nh_ws_client_t *c = ctx;
    if (c->state == ASKING)
        return c->end_ms;
    if (c->state != OPEN)
        return NH_NEVER;
    return c->heard_ms + (uint64_t)c->cfg.ping_ms * (c->is_pinged ? 2 : 1);
}

static void deadline_fire(void *ctx, uint64_t now_ms)
{
    nh_ws_client_t *c = ctx;
    if (now_ms < deadline_next(c))
        return;
    if (c->state == ASKING) {
        finish(c, NH_ERR_TIMEOUT, "no answer in %u ms", (unsigned)c->cfg.connect_ms);
    } else if (c->is_pinged) {
        finish(c, NH_ERR_TIMEOUT, "nothing was heard for %u ms", (unsigned)c->cfg.ping_ms * 2);
    } else {
        c->is_pinged = true;
        queue_control(c, NH_WS_PING, "", 0);
    }
}

// ---- life --------------------------------------------------------------------------------------

static int begin(nh_ws_client_t *c)
{
    const struct nh_stream_set_config set = {
        .loop = c->cfg.loop,
        .mem = c->cfg.mem,
        .read_buffer_bytes = READ_BUFFER_BYTES,
        .drain_ms = DRAIN_MS,
        .handler = {c, on_open, on_input, on_output, on_sent, on_turn_end, on_closed}};
    int err = nh_stream_set_create(&set, &c->set);
    if (err < 0)
        return err;
    err = nh_loop_deadline_add(c->cfg.loop, &c->deadline);
    if (err < 0)
        nh_stream_set_destroy(c->set);
    return err;
}

int nh_ws_client_create(const struct nh_ws_client_config *cfg, nh_ws_client_t **out)
{
    *out = NULL;
    if (cfg->message_max_bytes && cfg->message_max_bytes < NH_WS_CONTROL_MAX_BYTES)
        return NH_ERR_RANGE;
    nh_ws_client_t *c = nh_mem_alloc_zero(cfg->mem, sizeof *c, NH_MEM_BULK);
    if (!c)
        return NH_ERR_NOMEM;
    c->cfg = *cfg;
    c->cfg.message_max_bytes = or_default(cfg->message_max_bytes, MESSAGE_DEFAULT_BYTES);
    c->cfg.connect_ms = or_default(cfg->connect_ms, CONNECT_DEFAULT_MS);
    c->cfg.ping_ms = or_default(cfg->ping_ms, PING_DEFAULT_MS);
    c->deadline = (struct nh_loop_deadline){deadline_next, deadline_fire, c};
    int err = begin(c);
    if (err < 0) {
        nh_mem_free(cfg->mem, c);
        return err;
    }
    *out = c;
    return NH_OK;
}

void nh_ws_client_destroy(nh_ws_client_t *c)
{
    if (!c)
        return;
    c->is_silent = true;
    nh_loop_deadline_remove(c->cfg.loop, &c->deadline);
    nh_stream_set_destroy(c->set); // closed() of what is there
    nh_mem_free(c->cfg.mem, c->reader.message);
    nh_mem_free(c->cfg.mem, c->frame);
    nh_mem_free(c->cfg.mem, c);
}
