#include <string.h>

#include "core/json/json_state.h"
#include "core/json/json_text.h"
#include "core/json/json_utf8.h"

// Whether the path goes on into the value chosen at the innermost level: before a key or after a
// comma it does not. An error after a value is in the container, an event is at the value.
static bool is_in_child(const nh_json_reader_t *r)
{
    return r->state == NH__JSON_VALUE || r->state == NH__JSON_COLON ||
           (r->state == NH__JSON_NEXT && !r->error);
}

static void put_key(struct nh__text *t, const char *key, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (key[i] == '~' || key[i] == '/')
            nh__text_put(t, key[i] == '~' ? "~0" : "~1");
        else
            nh__text_put_n(t, (uint8_t)key[i] < 0x20 ? "?" : &key[i], 1);
    }
}

static void make_pointer(const nh_json_reader_t *r, char out[NH_JSON_POINTER_MAX])
{
    struct nh__text t;
    nh__text_init(&t, out, NH_JSON_POINTER_MAX);
    uint32_t count = is_in_child(r) ? r->depth : r->depth - (r->depth > 0);
    for (uint32_t level = 1; level <= count; level++) {
        nh__text_put(&t, "/");
        if (!(r->object_bits >> (level - 1) & 1))
            nh__text_put_uint(&t, r->index[level]);
        else if (level == r->depth && r->key) // not copied yet
            put_key(&t, r->key, r->key_len);
        else
            put_key(&t, r->keys + r->key_end[level - 1],
                    (size_t)(r->key_end[level] - r->key_end[level - 1]));
    }
    nh__text_end(&t);
}

static void put_found(struct nh__text *t, int32_t found)
{
    static const char hex[] = "0123456789abcdef";
    char quoted[] = {'\'', (char)found, '\'', '\0'};
    char byte[] = {hex[found >> 4 & 15], hex[found & 15], '\0'};
    nh__text_put(t, ", found ");
    if (found < 0) {
        nh__text_put(t, "the end of the text");
    } else if (found >= 0x20 && found < 0x7f) {
        nh__text_put(t, quoted);
    } else {
        nh__text_put(t, "byte 0x");
        nh__text_put(t, byte);
    }
}

static void make_text(const nh_json_reader_t *r, char *out, size_t size)
{
    struct nh__text t;
    nh__text_init(&t, out, size);
    if (r->error == NH_ERR_SYNTAX) {
        nh__text_put(&t, "expected ");
        nh__text_put(&t, r->expected);
        put_found(&t, r->error_found);
    } else if (r->error) {
        nh__text_put(&t, r->expected);
    }
    nh__text_end(&t);
}

void nh__json_key_append(nh_json_reader_t *r, const char *bytes, size_t len)
{
    size_t end = r->key_end[r->depth], room = sizeof r->keys - end;
    if (len > room)
        len = room;
    memcpy(r->keys + end, bytes, len);
    r->key_end[r->depth] = (uint8_t)(end + len);
}

void nh__json_key_save(nh_json_reader_t *r)
{
    if (!r->key)
        return;
    r->key_end[r->depth] = r->key_end[r->depth - 1];
    nh__json_key_append(r, r->key, r->key_len);
    r->key = NULL;
}

static int stop(nh_json_reader_t *r, int code, uint64_t offset, int32_t found, const char *text)
{
    nh__json_key_save(r);
    r->error = code;
    r->error_offset = offset;
    r->error_found = found;
    r->expected = text;
    r->pos = r->end; // nothing is read any more, so the next chunk may come
    return code;
}

int nh__json_fail(nh_json_reader_t *r, int code, const uint8_t *p, const char *expected)
{
    return stop(r, code, nh__json_offset(r, p), p < r->end ? *p : -1, expected);
}

int nh__json_fail_long(nh_json_reader_t *r)
{
    return stop(r, NH_ERR_TOO_LONG, r->token_offset, -1, "the text is longer than its buffer");
}

int nh__json_fail_deep(nh_json_reader_t *r)
{
    return stop(r, NH_ERR_TOO_DEEP, r->token_offset, -1, "nested deeper than allowed");
}

void nh_json_error(const nh_json_reader_t *r, struct nh_json_error *out)
{
    uint64_t offset = r->error ? r->error_offset : r->token_offset;
    out->code = r->error;
    out->pos.offset = offset;
    out->pos.line = r->line;
    out->pos.column = (uint32_t)(offset - r->line_offset) + 1;
    make_pointer(r, out->pointer);
    make_text(r, out->text, sizeof out->text);
}
