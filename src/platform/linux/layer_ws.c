// layer_ws.c - a WebSocket as a stream of bytes: its request, its frames, its end.

#include "core/base/base64.h"
#include "platform/linux/http/ws_upgrade.h"
#include "platform/linux/layer.h"

#include <openssl/sha.h>
#include <string.h>

#define HEAD_DEFAULT_BYTES 4096u
#define FRAME_DEFAULT_BYTES NH_MIB(1)

static const struct nh_ws_rules *rules_of(const nh_stream_t *s)
{
    return nh_stream_listener(s)->ws;
}

// ---- the request -------------------------------------------------------------------------------

static void refuse(nh_stream_t *s, int status, const char *why)
{
    char reply[NH_WS_REPLY_MAX_BYTES];
    size_t len = nh_ws_upgrade_refuse(reply, status, why, nh_clock_unix_ms());
    int rc = nh_layer__say(s, reply, len);
    nh_layer__fail(s, rc < 0 ? rc : NH_ERR_PROTO, why);
}

static int say_accept(nh_stream_t *s, const char *key)
{
    char input[NH_WS_ACCEPT_INPUT_BYTES], accept[NH_WS_ACCEPT_BYTES + 1];
    char reply[NH_WS_REPLY_MAX_BYTES];
    unsigned char digest[SHA_DIGEST_LENGTH];
    nh_ws_accept_input(key, input);
    SHA1((unsigned char *)input, sizeof input, digest);
    int rc = nh_base64_encode(digest, sizeof digest, accept, sizeof accept);
    if (rc < 0)
        return rc;
    return nh_layer__say(s, reply, nh_ws_upgrade_accept(reply, accept, rules_of(s)->protocol));
}

static int accept_it(nh_stream_t *s, const char *key)
{
    struct nh_layer *layer = nh_layer__of(s);
    uint32_t frame_max = rules_of(s)->frame_max_bytes;
    layer->ws = nh_mem_alloc_zero(nh_stream__set(s)->mem, sizeof *layer->ws, NH_MEM_BULK);
    if (!layer->ws)
        return NH_ERR_NOMEM;
    layer->ws->message_max_bytes = frame_max ? frame_max : FRAME_DEFAULT_BYTES;
    return say_accept(s, key);
}

static void judge(nh_stream_t *s, char *head, size_t len)
{
    struct nh_h1_head parsed;
    const char *why = "The request's head is not well formed.";
    int status = nh_h1_parse(head, len, &parsed);
    if (status == 0)
        status = nh_ws_upgrade_check(&parsed, rules_of(s), &why);
    if (status != 0) {
        refuse(s, status, why);
        return;
    }
    int rc = accept_it(s, parsed.ws_key);
    if (rc < 0)
        nh_layer__fail(s, rc, nh_err_text(rc));
    else
        nh_layer__advance(s);
}

// Takes a piece of a request that comes in parts. Returns how much of it belongs to the request
// when that is whole, else 0.
static size_t gather(nh_stream_t *s, const uint8_t *bytes, size_t len, size_t max)
{
    struct nh_layer *layer = nh_layer__of(s);
    int rc = layer->gather ? NH_OK : nh_layer__block_resize(s, &layer->gather, max);
    if (rc < 0) {
        nh_layer__fail(s, rc, nh_err_text(rc));
        return 0;
    }
    struct nh_layer_block *b = layer->gather;
    uint32_t before = b->len;
    size_t room = b->cap - b->len, scanned = b->at;
    memcpy(b->bytes + b->len, bytes, len < room ? len : room);
    b->len += (uint32_t)(len < room ? len : room);
    rc = nh_h1_find_end((const char *)b->bytes, b->len, &scanned);
    b->at = (uint32_t)scanned;
    if (rc < 0)
        refuse(s, 400, "The request's head is not well formed.");
    else if (rc == 0 && b->len == b->cap)
        refuse(s, 431, "The request's head is too long.");
    if (rc <= 0)
        return 0;
    judge(s, (char *)b->bytes, (size_t)rc);
    return (size_t)rc - before;
}

void nh_layer_ws__request(nh_stream_t *s, uint8_t *bytes, size_t len)
{
    uint32_t max = rules_of(s)->head_max_bytes;
    size_t scanned = 0, used = 0;
    max = max ? max : HEAD_DEFAULT_BYTES;
    int end = nh_layer__of(s)->gather ? 0 : nh_h1_find_end((char *)bytes, len, &scanned);
    if (end > 0 && (size_t)end <= max) {
        judge(s, (char *)bytes, (size_t)end);
        used = (size_t)end;
    } else {
        used = gather(s, bytes, len, max);
    }
    // Frames may follow at once.
    if (used > 0 && !nh_layer__is_early(s) && !(s->flags & NH_STREAM_DYING))
        nh_layer_ws__input(s, bytes + used, len - used);
}

// ---- frames ------------------------------------------------------------------------------------

static void say_control(nh_stream_t *s, uint8_t opcode, const void *bytes, size_t len)
{
    uint8_t frame[NH_WS_HEADER_MAX_BYTES + NH_WS_CONTROL_MAX_BYTES];
    size_t n = nh_ws_write_header(frame, opcode, len);
    memcpy(frame + n, bytes, len);
    int rc = nh_layer__say(s, frame, n + len);
    if (rc < 0)
        nh_stream__finish(s, rc);
}

void nh_layer_ws__say_close(nh_stream_t *s, uint16_t code)
{
    const uint8_t bytes[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    say_control(s, NH_WS_CLOSE, bytes, code == 1005 ? 0 : sizeof bytes); // 1005: none was given
}

static void on_event(nh_stream_t *s, const struct nh_ws_result *r)
{
    switch (r->event) {
    case NH_WS_EVENT_DATA:
        nh_layer__give(s, (const uint8_t *)r->bytes, r->len);
        break;
    case NH_WS_EVENT_PING:
        // Who does not read has no use for another pong (RFC 6455 section 5.5.3).
        if (!nh_layer__of(s)->pending)
            say_control(s, NH_WS_PONG, r->bytes, r->len);
        break;
    case NH_WS_EVENT_CLOSE:
    case NH_WS_EVENT_BROKEN:
        nh_layer__of(s)->ws_code = r->code; // said when the handler's last words are
        nh_stream__drain(s, r->event == NH_WS_EVENT_CLOSE ? NH_ERR_CLOSED : NH_ERR_PROTO);
        break;
    default:
        break;
    }
}

void nh_layer_ws__input(nh_stream_t *s, uint8_t *bytes, size_t len)
{
    struct nh_ws_reader *reader = nh_layer__of(s)->ws;
    while (len > 0 && !(s->flags & (NH_STREAM_DRAINING | NH_STREAM_DYING))) {
        struct nh_ws_result r = nh_ws_read_stream(reader, bytes, len);
        bytes += r.consumed;
        len -= r.consumed;
        on_event(s, &r);
    }
}
