#include "platform/linux/http/ws_frame.h"

#include <string.h>

#include "core/base/utf8.h"

// ---- reading -----------------------------------------------------------------------------------

static struct nh_ws_result broken(size_t consumed, uint16_t code)
{
    return (struct nh_ws_result){.event = NH_WS_EVENT_BROKEN, .consumed = consumed, .code = code};
}

static bool is_control(uint8_t opcode)
{
    return opcode >= NH_WS_CLOSE;
}

// The header is whole: 0, or the code to close with.
static uint16_t begin_frame(nh_ws_reader_t *r, bool is_stream)
{
    const uint8_t *h = r->header;
    r->frame_opcode = h[0] & 0x0F;
    r->final = h[0] & 0x80;
    r->frame_have = 0;
    uint8_t size = h[1] & 0x7F;
    size_t extra = size == 126 ? 2 : size == 127 ? 8 : 0;
    r->frame_bytes = extra ? 0 : size;
    for (size_t i = 0; i < extra; i++)
        r->frame_bytes = r->frame_bytes << 8 | h[2 + i];
    memset(r->mask, 0, sizeof r->mask);
    if (!r->is_client)
        memcpy(r->mask, h + 2 + extra, sizeof r->mask);
    if (is_control(r->frame_opcode))
        return r->final && size <= NH_WS_CONTROL_MAX_BYTES ? 0 : 1002;
    if ((r->frame_opcode == NH_WS_CONTINUE) != (r->opcode != 0))
        return 1002; // a continuation of nothing, or a new message within another
    if (is_stream && r->frame_opcode == NH_WS_TEXT)
        return 1003;
    if (r->frame_bytes > r->message_max_bytes - r->have)
        return 1009;
    if (r->frame_opcode != NH_WS_CONTINUE)
        r->opcode = r->frame_opcode;
    return 0;
}

// Takes header bytes. Returns how many; `*code` not 0: broken.
static size_t take_header(nh_ws_reader_t *r, const uint8_t *bytes, size_t len, uint16_t *code)
{
    size_t used = 0;
    if (r->header_need == 0)
        r->header_need = 2;
    while (used < len && r->header_have < r->header_need) {
        r->header[r->header_have++] = bytes[used++];
        if (r->header_have != 2)
            continue;
        uint8_t opcode = r->header[0] & 0x0F;
        bool known = opcode <= NH_WS_BINARY || (opcode >= NH_WS_CLOSE && opcode <= NH_WS_PONG);
        bool is_masked = r->header[1] & 0x80;
        // Reserved bits (no extension is agreed), unknown opcodes, a client's frame without a mask
        // or a server's with one.
        if ((r->header[0] & 0x70) || !known || is_masked == r->is_client) {
            *code = 1002;
            return used;
        }
        uint8_t size = r->header[1] & 0x7F;
        r->header_need = (uint8_t)((is_masked ? 6 : 2) + (size == 126 ? 2 : size == 127 ? 8 : 0));
    }
    return used;
}

// `to` may be `bytes`.
static void take_payload(nh_ws_reader_t *r, uint8_t *to, const uint8_t *bytes, size_t n)
{
    uint8_t turned[8]; // the mask as it stands here, twice: eight bytes a step
    uint64_t mask, word;
    size_t i = 0;
    for (size_t k = 0; k < sizeof turned; k++)
        turned[k] = r->mask[(r->frame_have + k) & 3];
    memcpy(&mask, turned, sizeof mask);
    for (; i + sizeof word <= n; i += sizeof word) {
        memcpy(&word, bytes + i, sizeof word);
        word ^= mask;
        memcpy(to + i, &word, sizeof word);
    }
    for (; i < n; i++)
        to[i] = bytes[i] ^ turned[i & 7];
    r->frame_have += n;
}

static struct nh_ws_result end_control(nh_ws_reader_t *r, size_t consumed)
{
    struct nh_ws_result out = {
        .consumed = consumed, .bytes = (const char *)r->control, .len = (size_t)r->frame_bytes};
    if (r->frame_opcode == NH_WS_PING)
        out.event = NH_WS_EVENT_PING;
    if (r->frame_opcode != NH_WS_CLOSE)
        return out; // a pong needs nothing
    out.event = NH_WS_EVENT_CLOSE;
    out.code = 1005;
    if (out.len == 1)
        return broken(consumed, 1002);
    if (out.len >= 2) {
        out.code = (uint16_t)(r->control[0] << 8 | r->control[1]);
        if (!nh_ws_close_code_is_valid(out.code))
            return broken(consumed, 1002);
        if (!nh_utf8_is_valid(out.bytes + 2, out.len - 2, true))
            return broken(consumed, 1007);
    }
    return out;
}

static struct nh_ws_result end_frame(nh_ws_reader_t *r, size_t consumed)
{
    if (is_control(r->frame_opcode))
        return end_control(r, consumed);
    struct nh_ws_result out = {.consumed = consumed};
    if (!r->final)
        return out;
    out.event = NH_WS_EVENT_MESSAGE;
    out.bytes = r->message;
    out.len = r->have;
    out.is_text = r->opcode == NH_WS_TEXT;
    r->opcode = 0;
    r->have = 0;
    if (out.is_text && !nh_utf8_is_valid(out.bytes, out.len, true))
        return broken(consumed, 1007);
    return out;
}

// A piece of the stream. `n` 0: the frame is empty, or its payload has not begun.
static struct nh_ws_result stream_piece(nh_ws_reader_t *r, uint8_t *bytes, size_t n, size_t used)
{
    struct nh_ws_result out = {.consumed = used + n};
    take_payload(r, bytes, bytes, n);
    if (n > 0) {
        out.event = NH_WS_EVENT_DATA;
        out.bytes = (const char *)bytes;
        out.len = n;
    }
    return out;
}

static void finish_frame(nh_ws_reader_t *r)
{
    r->header_have = r->header_need = 0;
    if (!is_control(r->frame_opcode) && r->final)
        r->opcode = 0;
}

// One step: a header, a part of a payload, or the end of a frame. Only as a stream are `bytes`
// changed.
static struct nh_ws_result step(nh_ws_reader_t *r, uint8_t *bytes, size_t len, bool is_stream)
{
    size_t used = 0;
    uint16_t code = 0;
    if (!r->header_need || r->header_have < r->header_need) {
        used = take_header(r, bytes, len, &code);
        if (code || r->header_have < r->header_need)
            return code ? broken(used, code) : (struct nh_ws_result){.consumed = used};
        code = begin_frame(r, is_stream);
        if (code)
            return broken(used, code);
    }
    bool control = is_control(r->frame_opcode);
    if (!control && !is_stream && !r->message)
        return (struct nh_ws_result){.event = NH_WS_EVENT_NEED_BUFFER, .consumed = used};
    size_t n = len - used;
    if (n > r->frame_bytes - r->frame_have)
        n = (size_t)(r->frame_bytes - r->frame_have);
    if (!control && is_stream) {
        struct nh_ws_result piece = stream_piece(r, bytes + used, n, used);
        if (r->frame_have == r->frame_bytes)
            finish_frame(r);
        return piece;
    }
    uint8_t *to = control ? r->control + r->frame_have : (uint8_t *)r->message + r->have;
    take_payload(r, to, bytes + used, n);
    if (!control)
        r->have += n;
    used += n;
    if (r->frame_have < r->frame_bytes)
        return (struct nh_ws_result){.consumed = used};
    r->header_have = r->header_need = 0;
    return end_frame(r, used);
}

static struct nh_ws_result read_some(nh_ws_reader_t *r, uint8_t *bytes, size_t len, bool is_stream)
{
    size_t used = 0;
    struct nh_ws_result out;
    do {
        out = step(r, bytes + used, len - used, is_stream);
        used += out.consumed;
    } while (out.event == NH_WS_EVENT_NONE && used < len);
    out.consumed = used;
    return out;
}

struct nh_ws_result nh_ws_read(nh_ws_reader_t *r, const uint8_t *bytes, size_t len)
{
    return read_some(r, (uint8_t *)bytes, len, false); // which does not write to them
}

struct nh_ws_result nh_ws_read_stream(nh_ws_reader_t *r, uint8_t *bytes, size_t len)
{
    return read_some(r, bytes, len, true);
}

// ---- writing -----------------------------------------------------------------------------------

bool nh_ws_close_code_is_valid(uint16_t code)
{
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

size_t nh_ws_write_header(uint8_t out[NH_WS_HEADER_MAX_BYTES], uint8_t opcode, size_t len)
{
    out[0] = (uint8_t)(0x80 | opcode);
    if (len < 126) {
        out[1] = (uint8_t)len;
        return 2;
    }
    size_t bytes = len <= 0xFFFF ? 2 : 8;
    out[1] = bytes == 2 ? 126 : 127;
    for (size_t i = 0; i < bytes; i++)
        out[2 + i] = (uint8_t)((uint64_t)len >> (8 * (bytes - 1 - i)));
    return 2 + bytes;
}

size_t nh_ws_write_masked_header(uint8_t out[NH_WS_MASKED_HEADER_MAX_BYTES], uint8_t opcode,
                                 size_t len, const uint8_t mask[4])
{
    size_t n = nh_ws_write_header(out, opcode, len);
    out[1] |= 0x80;
    memcpy(out + n, mask, 4);
    return n + 4;
}

void nh_ws_mask(uint8_t *bytes, size_t len, const uint8_t mask[4])
{
    for (size_t i = 0; i < len; i++)
        bytes[i] ^= mask[i & 3];
}
