#include "platform/linux/http/h1_reply.h"

#include <string.h>
#include <strings.h>

#define SIZE_LINE_MAX_BYTES 256 // with a chunk's extension, which nobody uses
#define TRAILERS_MAX_BYTES 4096

// ---- the head ----------------------------------------------------------------------------------

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// "HTTP/1.1 200 OK"; the text may be missing, with or without its blank.
static int parse_status_line(const char *line, struct nh_h1_answer *out)
{
    if (strncmp(line, "HTTP/1.", 7) != 0 || !is_digit(line[7]) || line[8] != ' ')
        return NH_ERR_PROTO;
    out->minor_version = line[7] - '0';
    const char *code = line + 9;
    if (code[0] < '1' || code[0] > '9' || !is_digit(code[1]) || !is_digit(code[2]) ||
        (code[3] && code[3] != ' '))
        return NH_ERR_PROTO;
    out->status = (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
    return NH_OK;
}

static bool is_name_char(char c)
{
    return c > ' ' && c < 0x7f && !strchr("\"(),/:;<=>?@[\\]{}", c);
}

static int parse_field(char *line, struct nh_h1_answer *out)
{
    if (out->header_count == NH_H1_HEADER_MAX_COUNT)
        return NH_ERR_TOO_LONG;
    char *c = line;
    for (; is_name_char(*c); c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    if (*c != ':' || c == line)
        return NH_ERR_PROTO; // a folded line too: it is nobody's any more
    *c++ = 0;
    char *value = c + strspn(c, " \t");
    size_t len = strlen(value);
    while (len && (value[len - 1] == ' ' || value[len - 1] == '\t'))
        value[--len] = 0;
    out->header[out->header_count++] = (struct nh_http_header){line, value};
    return NH_OK;
}

const char *nh_h1_answer_header(const struct nh_h1_answer *a, const char *name)
{
    for (size_t i = 0; i < a->header_count; i++)
        if (strcmp(a->header[i].name, name) == 0)
            return a->header[i].value;
    return NULL;
}

static int take_length(const char *text, struct nh_h1_answer *out)
{
    int64_t n = 0;
    size_t len = strlen(text);
    if (len == 0 || len > 15)
        return NH_ERR_PROTO;
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(text[i]))
            return NH_ERR_PROTO;
        n = n * 10 + (text[i] - '0');
    }
    if (out->content_length >= 0 && out->content_length != n)
        return NH_ERR_PROTO; // whichever is believed, another reader believes the other
    out->content_length = n;
    return NH_OK;
}

static int parse_framing(struct nh_h1_answer *out)
{
    out->content_length = -1;
    for (size_t i = 0; i < out->header_count; i++) {
        const struct nh_http_header *h = &out->header[i];
        if (strcmp(h->name, "content-length") == 0) {
            int err = take_length(h->value, out);
            if (err)
                return err;
        } else if (strcmp(h->name, "transfer-encoding") == 0) {
            if (out->is_chunked || strcasecmp(h->value, "chunked") != 0)
                return NH_ERR_PROTO;
            out->is_chunked = true;
        }
    }
    return out->is_chunked && out->content_length >= 0 ? NH_ERR_PROTO : NH_OK;
}

int nh_h1_answer_parse(char *buf, size_t len, struct nh_h1_answer *out)
{
    memset(out, 0, sizeof *out);
    if (len < 4 || memcmp(buf + len - 4, "\r\n\r\n", 4) != 0)
        return NH_ERR_PROTO;
    buf[len - 2] = 0; // the blank line
    bool is_first = true;
    for (char *line = buf; *line; is_first = false) {
        char *end = strstr(line, "\r\n");
        if (!end)
            return NH_ERR_PROTO;
        *end = 0;
        if (strchr(line, '\r'))
            return NH_ERR_PROTO;
        int err = is_first ? parse_status_line(line, out) : parse_field(line, out);
        if (err)
            return err;
        line = end + 2;
    }
    return is_first ? NH_ERR_PROTO : parse_framing(out);
}

// ---- the body ----------------------------------------------------------------------------------

enum {
    CHUNK_SIZE,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_CR,
    CHUNK_LF,
    TRAILER_START,
    TRAILER,
    TRAILER_LF,
    LAST_LF
};

void nh_h1_body_begin(struct nh_h1_body *b, const struct nh_h1_answer *a, bool no_body)
{
    *b = (struct nh_h1_body){.state = CHUNK_SIZE};
    if (no_body || a->status < 200 || a->status == 204 || a->status == 304) {
        b->framing = NH_H1_NO_BODY;
    } else if (a->is_chunked) {
        b->framing = NH_H1_CHUNKED;
    } else if (a->content_length >= 0) {
        b->framing = NH_H1_LENGTH;
        b->left = (uint64_t)a->content_length;
    } else {
        b->framing = NH_H1_UNTIL_CLOSE;
    }
    b->is_whole = b->framing == NH_H1_NO_BODY || (b->framing == NH_H1_LENGTH && b->left == 0);
}

static int hex_of(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// A byte of a chunk's size line.
static int take_size(struct nh_h1_body *b, uint8_t c)
{
    int digit = hex_of(c);
    if (b->state == CHUNK_SIZE && digit >= 0) {
        if (b->left >> 48)
            return NH_ERR_PROTO;
        b->left = b->left << 4 | (uint64_t)digit;
        b->has_digit = true;
    } else {
        bool ends_digits = c == ';' || c == ' ' || c == '\t' || c == '\r';
        if (!b->has_digit || c == '\n' || (b->state == CHUNK_SIZE && !ends_digits))
            return NH_ERR_PROTO;
        b->state = c == '\r' ? CHUNK_SIZE_LF : CHUNK_EXTENSION;
    }
    return ++b->line_len > SIZE_LINE_MAX_BYTES ? NH_ERR_TOO_LONG : NH_OK;
}

static int take_trailer(struct nh_h1_body *b, uint8_t c)
{
    if (b->state == TRAILER_START)
        b->state = c == '\r' ? LAST_LF : TRAILER;
    else if (c == '\r')
        b->state = TRAILER_LF;
    if (c == '\n')
        return NH_ERR_PROTO;
    return ++b->line_len > TRAILERS_MAX_BYTES ? NH_ERR_TOO_LONG : NH_OK;
}

static int expect(struct nh_h1_body *b, uint8_t c, char want, int next)
{
    b->state = next;
    return c == (uint8_t)want ? NH_OK : NH_ERR_PROTO;
}

// One byte of framing.
static int take_frame(struct nh_h1_body *b, uint8_t c)
{
    switch (b->state) {
    case CHUNK_SIZE:
    case CHUNK_EXTENSION:
        return take_size(b, c);
    case CHUNK_SIZE_LF:
        b->line_len = 0;
        return expect(b, c, '\n', b->left ? CHUNK_DATA : TRAILER_START);
    case CHUNK_CR:
        return expect(b, c, '\r', CHUNK_LF);
    case CHUNK_LF:
        b->has_digit = false;
        return expect(b, c, '\n', CHUNK_SIZE);
    case TRAILER_START:
    case TRAILER:
        return take_trailer(b, c);
    case TRAILER_LF:
        return expect(b, c, '\n', TRAILER_START);
    default: // LAST_LF
        b->is_whole = true;
        return expect(b, c, '\n', LAST_LF);
    }
}

// A run of content: as much as there is, or as is left.
static int take_run(struct nh_h1_body *b, const uint8_t *bytes, size_t len, nh_span_t *out)
{
    size_t n = b->left < len ? (size_t)b->left : len;
    *out = (nh_span_t){bytes, n};
    b->left -= n;
    return (int)n;
}

static int take_chunked(struct nh_h1_body *b, const uint8_t *bytes, size_t len, nh_span_t *out)
{
    size_t at = 0;
    while (at < len && !b->is_whole && b->state != CHUNK_DATA) {
        int err = take_frame(b, bytes[at++]);
        if (err)
            return err;
    }
    if (at < len && b->state == CHUNK_DATA) {
        at += (size_t)take_run(b, bytes + at, len - at, out);
        if (b->left == 0)
            b->state = CHUNK_CR;
    }
    return (int)at;
}

int nh_h1_body_take(struct nh_h1_body *b, const uint8_t *bytes, size_t len, nh_span_t *out)
{
    *out = (nh_span_t){bytes, 0};
    if (b->is_whole)
        return 0;
    if (b->framing == NH_H1_CHUNKED)
        return take_chunked(b, bytes, len, out);
    if (b->framing == NH_H1_UNTIL_CLOSE) {
        out->len = len;
        return (int)len;
    }
    int n = take_run(b, bytes, len, out);
    b->is_whole = b->left == 0;
    return n;
}

int nh_h1_body_end(const struct nh_h1_body *b)
{
    return b->is_whole || b->framing == NH_H1_UNTIL_CLOSE ? NH_OK : NH_ERR_CLOSED;
}
