#include "lamp/follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREVIEW_CHANNEL 2
#define PREVIEW_VERSION 1
#define PREVIEW_HEAD_BYTES 16
#define PREVIEW_LAST 128

#define WS_TEXT 1
#define WS_BINARY 2
#define WS_CLOSE 8

_Static_assert(NH_FOLLOW_HEAD_MAX_BYTES <= NH_FOLLOW_MESSAGE_MAX_BYTES, "one buffer holds both");

void nh_follow_init(struct nh_follow *f)
{
    memset(f, 0, offsetof(struct nh_follow, shown));
}

static int fail(struct nh_follow *f, int err, const char *text)
{
    snprintf(f->fault, sizeof f->fault, "%s", text);
    return err;
}

// ---- the request

size_t nh_follow_request(char *out, size_t cap, const char *host, const char *basic)
{
    static const char say[] = "{\"subscribe\":[\"lamp_preview\"]}";
    const size_t len = sizeof say - 1;
    int n = snprintf(out, cap,
                     "GET /ws HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: bnV0aGF0Y2ggbGFtcCB0ZQ==\r\n%s%s%s\r\n",
                     host, host, basic ? "Authorization: Basic " : "", basic ? basic : "",
                     basic ? "\r\n" : "");
    if (n < 0 || (size_t)n + len + 6 > cap)
        return 0;
    // One masked text frame; the mask hides nothing from anybody here, but must be there.
    uint8_t *at = (uint8_t *)out + n;
    const uint8_t mask[4] = {0x6e, 0x75, 0x74, 0x68};
    *at++ = 0x80 | WS_TEXT;
    *at++ = (uint8_t)(0x80 | len);
    memcpy(at, mask, sizeof mask);
    at += sizeof mask;
    for (size_t i = 0; i < len; i++)
        *at++ = (uint8_t)((uint8_t)say[i] ^ mask[i % 4]);
    return (size_t)n + len + 6;
}

// ---- the reply's head

static int head_done(struct nh_follow *f)
{
    char line[80];
    size_t len = 0;
    while (len < f->have && len < sizeof line - 1 && f->buffer[len] != '\r')
        len++;
    memcpy(line, f->buffer, len);
    line[len] = 0;
    if (strncmp(line, "HTTP/1.1 ", 9) != 0)
        return fail(f, NH_ERR_PROTO, "the answer is no HTTP");
    long status = strtol(line + 9, NULL, 10);
    snprintf(f->fault, sizeof f->fault, "the hub answers %s", line + 9);
    if (status == 401 || status == 403)
        return NH_ERR_DENIED;
    if (status == 503)
        return NH_ERR_AGAIN;
    if (status != 101)
        return NH_ERR_NOT_FOUND;
    f->fault[0] = 0;
    f->state = NH_FOLLOW_FRAME;
    f->have = 0;
    f->want = 2;
    return 0;
}

static int head_byte(struct nh_follow *f, uint8_t byte)
{
    if (f->have == NH_FOLLOW_HEAD_MAX_BYTES)
        return fail(f, NH_ERR_PROTO, "the answer's head has over 4096 bytes");
    f->buffer[f->have++] = byte;
    bool is_end = f->have >= 4 && memcmp(f->buffer + f->have - 4, "\r\n\r\n", 4) == 0;
    return is_end ? head_done(f) : 0;
}

// ---- messages

static uint32_t number(const uint8_t *at, unsigned bytes)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < bytes; i++)
        v |= (uint32_t)at[i] << (8 * i);
    return v;
}

static void rows_take(struct nh_follow *f, uint32_t first, uint32_t rows, uint32_t width)
{
    const uint8_t *rgb = f->buffer + PREVIEW_HEAD_BYTES;
    nh_px_t *px = f->coming + first * width;
    for (uint32_t i = 0; i < rows * width; i++, rgb += 3)
        px[i] = NH_PX(rgb[0], rgb[1], rgb[2]);
}

// Rows come in order; a message of another frame, or of one whose begin was missed, begins anew.
static int preview_message(struct nh_follow *f)
{
    const uint8_t *m = f->buffer;
    if (f->have < PREVIEW_HEAD_BYTES || m[1] != PREVIEW_VERSION)
        return fail(f, NH_ERR_PROTO,
                    "the hub's preview has another layout than this program knows");
    uint32_t width = number(m + 4, 2), height = number(m + 6, 2), frame = number(m + 8, 4);
    uint32_t first = number(m + 12, 2), rows = number(m + 14, 2);
    if (width < 1 || height < 1 || width > NH_FX_SIDE_MAX || height > NH_FX_SIDE_MAX ||
        first + rows > height || f->have != PREVIEW_HEAD_BYTES + (size_t)rows * width * 3)
        return fail(f, NH_ERR_PROTO, "a message of the hub's preview is not whole");
    if (first == 0) {
        f->number = frame;
        f->next_row = 0;
    }
    if (frame != f->number || first != f->next_row)
        return 0; // the rest of one that was not seen from its begin
    rows_take(f, first, rows, width);
    f->next_row = (uint16_t)(first + rows);
    if (!(m[2] & PREVIEW_LAST) || f->next_row != height)
        return 0;
    memcpy(f->shown, f->coming, (size_t)width * height * sizeof f->shown[0]);
    f->canvas = (struct nh_fx_canvas){(uint16_t)width, (uint16_t)height, f->shown};
    f->flags = m[2];
    f->brightness = m[3];
    f->frame_count++;
    return 0;
}

// {"error":{"code":...,"message":"..."}}: what is in its message. Other texts are of no matter.
static int text_message(struct nh_follow *f)
{
    static const char error[] = "{\"error\":", begin[] = "\"message\":\"";
    f->buffer[f->have] = 0; // there is room for one more
    const char *text = (const char *)f->buffer, *at = strstr(text, begin);
    if (strncmp(text, error, sizeof error - 1) != 0 || !at)
        return 0;
    at += sizeof begin - 1;
    int len = (int)strcspn(at, "\"\\");
    snprintf(f->fault, sizeof f->fault, "the hub says: %.*s", len < 120 ? len : 120, at);
    return NH_ERR_NOT_FOUND;
}

static int message_done(struct nh_follow *f)
{
    int err = 0;
    if (f->opcode == WS_CLOSE)
        err = fail(f, NH_ERR_CLOSED, "the hub ends the feed");
    else if (f->opcode == WS_TEXT)
        err = text_message(f);
    else if (f->opcode == WS_BINARY && f->have > 0 && f->buffer[0] == PREVIEW_CHANNEL)
        err = preview_message(f);
    f->state = NH_FOLLOW_FRAME;
    f->have = 0;
    f->want = 2;
    return err;
}

// The head of a WebSocket frame: two bytes, or four where the second says 126.
static int frame_byte(struct nh_follow *f, uint8_t byte)
{
    f->buffer[f->have++] = byte;
    if (f->have == 2 && (byte & 0x7F) == 126)
        f->want = 4;
    if (f->have < f->want)
        return 0;
    uint8_t first = f->buffer[0], second = f->buffer[1];
    size_t len = f->want == 4 ? (size_t)f->buffer[2] << 8 | f->buffer[3] : second;
    if ((first & 0xF0) != 0x80 || second > 126 || len >= NH_FOLLOW_MESSAGE_MAX_BYTES)
        return fail(f, NH_ERR_PROTO, "a message that no nuthatch sends");
    f->opcode = first & 15;
    f->state = NH_FOLLOW_BODY;
    f->have = 0;
    f->want = len;
    return len == 0 ? message_done(f) : 0;
}

int nh_follow_input(struct nh_follow *f, const uint8_t *bytes, size_t len)
{
    int err = 0;
    for (size_t i = 0; !err && i < len;) {
        if (f->state == NH_FOLLOW_HEAD) {
            err = head_byte(f, bytes[i++]);
        } else if (f->state == NH_FOLLOW_FRAME) {
            err = frame_byte(f, bytes[i++]);
        } else {
            size_t n = f->want - f->have < len - i ? f->want - f->have : len - i;
            memcpy(f->buffer + f->have, bytes + i, n);
            f->have += n;
            i += n;
            err = f->have == f->want ? message_done(f) : 0;
        }
    }
    return err;
}
