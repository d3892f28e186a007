#include <string.h>

#include "core/json/json.h"
#include "core/json/json_num.h"
#include "core/json/json_utf8.h"

// A piece is gathered here and reaches the sink in one call if it is short, so that a sink that
// refuses pieces whole never keeps half a key.
struct stage {
    nh_json_writer_t *w;
    size_t len;
    char bytes[96];
};

static void fail(nh_json_writer_t *w, int err)
{
    if (!w->err)
        w->err = err;
}

static void sink_bytes(nh_json_writer_t *w, const char *bytes, size_t len)
{
    if (w->err || len == 0)
        return;
    int err = w->sink(w->ctx, bytes, len);
    if (err < 0)
        fail(w, err);
    else
        w->written_bytes += len;
}

static void stage_flush(struct stage *s)
{
    sink_bytes(s->w, s->bytes, s->len);
    s->len = 0;
}

static void stage_add(struct stage *s, const char *bytes, size_t len)
{
    if (len > sizeof s->bytes - s->len)
        stage_flush(s);
    if (len > sizeof s->bytes) {
        sink_bytes(s->w, bytes, len);
        return;
    }
    memcpy(s->bytes + s->len, bytes, len);
    s->len += len;
}

static bool in_object(const nh_json_writer_t *w)
{
    return w->depth > 0 && (w->object_bits >> (w->depth - 1) & 1);
}

static bool needs_comma(const nh_json_writer_t *w)
{
    return w->depth > 0 && (w->comma_bits >> (w->depth - 1) & 1);
}

static void mark_written(nh_json_writer_t *w)
{
    if (w->depth > 0)
        w->comma_bits |= (uint32_t)1 << (w->depth - 1);
    else
        w->is_whole = true;
}

// Starts a value: the comma before it, unless a key stands there. False: it may not stand here.
static bool begin_value(nh_json_writer_t *w, struct stage *s)
{
    s->w = w;
    s->len = 0;
    s->bytes[0] = '\0'; // the sink takes a pointer to it, and compilers are wary
    if ((w->depth == 0 && w->is_whole) || in_object(w) != w->after_key)
        fail(w, NH_ERR_INVAL);
    if (w->err)
        return false;
    if (!w->after_key && needs_comma(w))
        stage_add(s, ",", 1);
    w->after_key = false;
    mark_written(w);
    return true;
}

static void write_value(nh_json_writer_t *w, const char *bytes, size_t len)
{
    struct stage s;
    if (!begin_value(w, &s))
        return;
    stage_add(&s, bytes, len);
    stage_flush(&s);
}

void nh_json_writer_init(nh_json_writer_t *w, nh_sink_fn sink, void *ctx)
{
    *w = (nh_json_writer_t){.sink = sink, .ctx = ctx};
}

static void begin_container(nh_json_writer_t *w, char bracket, bool is_object)
{
    if (w->depth == NH_JSON_DEPTH_MAX)
        fail(w, NH_ERR_TOO_DEEP);
    write_value(w, &bracket, 1);
    if (w->err)
        return;
    uint32_t bit = (uint32_t)1 << w->depth++;
    w->comma_bits &= ~bit;
    w->object_bits = is_object ? w->object_bits | bit : w->object_bits & ~bit;
}

static void end_container(nh_json_writer_t *w, char bracket, bool is_object)
{
    if (w->depth == 0 || in_object(w) != is_object || w->after_key)
        fail(w, NH_ERR_INVAL);
    if (w->err)
        return;
    w->depth--;
    mark_written(w);
    sink_bytes(w, &bracket, 1);
}

void nh_json_object_begin(nh_json_writer_t *w)
{
    begin_container(w, '{', true);
}

void nh_json_object_end(nh_json_writer_t *w)
{
    end_container(w, '}', true);
}

void nh_json_array_begin(nh_json_writer_t *w)
{
    begin_container(w, '[', false);
}

void nh_json_array_end(nh_json_writer_t *w)
{
    end_container(w, ']', false);
}

static void add_escaped_byte(struct stage *s, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char short_of[] = "btn\0fr"; // for 8, 9, 10, 12, 13
    char text[6] = {'\\', (char)c, '0', '0', 0, 0};
    if (c == '"' || c == '\\') {
        stage_add(s, text, 2);
    } else if (c >= 8 && c <= 13 && c != 11) {
        text[1] = short_of[c - 8];
        stage_add(s, text, 2);
    } else {
        text[1] = 'u';
        text[4] = hex[c >> 4];
        text[5] = hex[c & 15];
        stage_add(s, text, 6);
    }
}

// Bytes that go out as they are: printable ASCII without quote and backslash, valid UTF-8.
static size_t plain_length(const uint8_t *p, size_t len)
{
    size_t n = 0;
    while (n < len) {
        if (p[n] >= 0x80) {
            unsigned width = nh__utf8_width(p + n, len - n);
            if (width == 0)
                break;
            n += width;
        } else if (p[n] < 0x20 || p[n] == '"' || p[n] == '\\') {
            break;
        } else {
            n++;
        }
    }
    return n;
}

static void add_quoted(struct stage *s, const char *text, size_t len)
{
    const uint8_t *p = (const uint8_t *)text;
    stage_add(s, "\"", 1);
    while (len > 0) {
        size_t plain = plain_length(p, len);
        stage_add(s, (const char *)p, plain);
        p += plain;
        len -= plain;
        if (len == 0)
            break;
        if (*p >= 0x80)
            stage_add(s, "\xef\xbf\xbd", 3); // U+FFFD for each byte that is not UTF-8
        else
            add_escaped_byte(s, *p);
        p++;
        len--;
    }
    stage_add(s, "\"", 1);
}

void nh_json_key(nh_json_writer_t *w, const char *key)
{
    struct stage s = {.w = w};
    if (!in_object(w) || w->after_key)
        fail(w, NH_ERR_INVAL);
    if (w->err)
        return;
    if (needs_comma(w))
        stage_add(&s, ",", 1);
    add_quoted(&s, key, strlen(key));
    stage_add(&s, ":", 1);
    stage_flush(&s);
    w->after_key = true;
}

void nh_json_string_n(nh_json_writer_t *w, const char *text, size_t len)
{
    struct stage s;
    if (!begin_value(w, &s))
        return;
    add_quoted(&s, text, len);
    stage_flush(&s);
}

void nh_json_string(nh_json_writer_t *w, const char *s)
{
    if (s)
        nh_json_string_n(w, s, strlen(s));
    else
        nh_json_null(w);
}

void nh_json_uint(nh_json_writer_t *w, uint64_t v)
{
    char text[20];
    write_value(w, text, nh__json_uint_print(v, text));
}

void nh_json_int(nh_json_writer_t *w, int64_t v)
{
    char text[21] = "-";
    if (v >= 0)
        nh_json_uint(w, (uint64_t)v);
    else
        write_value(w, text, 1 + nh__json_uint_print(0 - (uint64_t)v, text + 1));
}

void nh_json_double_value(nh_json_writer_t *w, double v)
{
    char text[NH_JSON_DOUBLE_TEXT_MAX];
    if (v - v != 0) // infinite or not a number: JSON has no word for it
        nh_json_null(w);
    else
        write_value(w, text, nh__json_double_print(v, text));
}

void nh_json_bool(nh_json_writer_t *w, bool v)
{
    if (v)
        write_value(w, "true", 4);
    else
        write_value(w, "false", 5);
}

void nh_json_null(nh_json_writer_t *w)
{
    write_value(w, "null", 4);
}

void nh_json_raw(nh_json_writer_t *w, const char *s, size_t len)
{
    if (len == 0)
        fail(w, NH_ERR_INVAL); // nothing is no value
    write_value(w, s, len);
}

int nh_json_writer_end(nh_json_writer_t *w)
{
    if (w->depth != 0 || !w->is_whole)
        fail(w, NH_ERR_INVAL);
    return w->err;
}

void nh_json_kv_string(nh_json_writer_t *w, const char *key, const char *s)
{
    nh_json_key(w, key);
    nh_json_string(w, s);
}

void nh_json_kv_int(nh_json_writer_t *w, const char *key, int64_t v)
{
    nh_json_key(w, key);
    nh_json_int(w, v);
}

void nh_json_kv_uint(nh_json_writer_t *w, const char *key, uint64_t v)
{
    nh_json_key(w, key);
    nh_json_uint(w, v);
}

void nh_json_kv_double(nh_json_writer_t *w, const char *key, double v)
{
    nh_json_key(w, key);
    nh_json_double_value(w, v);
}

void nh_json_kv_bool(nh_json_writer_t *w, const char *key, bool v)
{
    nh_json_key(w, key);
    nh_json_bool(w, v);
}

void nh_json_kv_null(nh_json_writer_t *w, const char *key)
{
    nh_json_key(w, key);
    nh_json_null(w);
}

int nh_json_buf_sink(void *ctx, const char *bytes, size_t len)
{
    struct nh_json_buf *buf = ctx;
    if (len > buf->cap - buf->len)
        return NH_ERR_FULL;
    memcpy(buf->ptr + buf->len, bytes, len);
    buf->len += len;
    return 0;
}
