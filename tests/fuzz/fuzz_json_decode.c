// The decoder: never out of bounds, the same struct and findings however the text is cut, and what
// decodes without an error encodes and decodes to the same struct. The first byte seeds the cuts.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json/decode.h"

struct inner {
    int8_t x;
    char tag[4];
};

struct outer {
    bool b;
    uint8_t u8;
    int64_t i64;
    uint64_t u64;
    double d;
    char s[6];
    int e;
    struct inner in;
    uint32_t number_count, inner_count;
    int16_t numbers[3];
    struct inner inners[2];
};

static const char *const names[] = {"off", "on", NULL};

static const nh_json_field_t inner_fields[] = {
    {"x", NH_JSON_T_INT, .is_signed = true, .required = true, NH_JSON_AT(struct inner, x),
     .min = -9, .max = 9},
    {"tag", NH_JSON_T_STRING, NH_JSON_AT(struct inner, tag)},
    NH_JSON_FIELDS_END,
};
static const nh_json_field_t number_field = {NULL, NH_JSON_T_INT, .is_signed = true, .size = 2};
static const nh_json_field_t inner_field = {NULL, NH_JSON_T_OBJECT, .size = sizeof(struct inner),
                                            .fields = inner_fields};
static const nh_json_field_t fields[] = {
    {"b", NH_JSON_T_BOOL, NH_JSON_AT(struct outer, b)},
    {"u8", NH_JSON_T_INT, NH_JSON_AT(struct outer, u8)},
    {"i64", NH_JSON_T_INT, .is_signed = true, NH_JSON_AT(struct outer, i64)},
    {"u64", NH_JSON_T_INT, NH_JSON_AT(struct outer, u64)},
    {"d", NH_JSON_T_DOUBLE, NH_JSON_AT(struct outer, d)},
    {"s", NH_JSON_T_STRING, NH_JSON_AT(struct outer, s)},
    {"e", NH_JSON_T_ENUM, NH_JSON_AT(struct outer, e), .names = names},
    {"in", NH_JSON_T_OBJECT, NH_JSON_AT(struct outer, in), .fields = inner_fields},
    {"numbers", NH_JSON_T_ARRAY, NH_JSON_AT(struct outer, numbers), .element = &number_field,
     .count_max = 3, .count_offset = offsetof(struct outer, number_count)},
    {"inners", NH_JSON_T_ARRAY, NH_JSON_AT(struct outer, inners), .element = &inner_field,
     .count_max = 2, .count_offset = offsetof(struct outer, inner_count)},
    NH_JSON_FIELDS_END,
};

// Findings as one number: order and content count.
static void hash_finding(void *ctx, const struct nh_finding *f)
{
    uint64_t *hash = ctx;
    const char *parts[] = {f->pointer, f->value, f->limit, f->text};
    for (size_t i = 0; i < NH_ARRAY_LEN(parts); i++)
        for (const char *p = parts[i]; *p; p++)
            *hash = (*hash ^ (uint8_t)*p) * 1099511628211u;
    *hash = (*hash ^ f->line) * 1099511628211u;
    *hash = (*hash ^ f->column) * 1099511628211u;
}

static int decode(const uint8_t *text, size_t size, size_t most, unsigned seed, struct outer *out,
                  uint64_t *hash)
{
    char buffer[16]; // small: long texts are cut
    nh_json_reader_t r;
    nh_decoder_t d;
    uint8_t *chunk = NULL;
    size_t at = 0;
    int result;
    *hash = 14695981039346656037u;
    memset(out, 0, sizeof *out);
    nh_json_reader_init(&r, &(struct nh_json_reader_config){buffer, sizeof buffer, 0, true});
    nh_decoder_init(&d, fields, out, hash_finding, hash, 0);
    do {
        size_t n = size - at;
        seed = seed * 1103515245u + 12345;
        if (most && n > (seed >> 16) % most + 1)
            n = (seed >> 16) % most + 1;
        free(chunk);
        chunk = malloc(n ? n : 1);
        memcpy(chunk, text + at, n);
        at += n;
        nh_json_feed(&r, chunk, n, at == size);
        result = nh_decoder_pull(&d, &r);
    } while (result == NH_ERR_AGAIN);
    free(chunk);
    return result;
}

// Both were zeroed as a whole, so their padding is the same too.
static bool same_bytes(const void *a, const void *b, size_t size)
{
    return memcmp(a, b, size) == 0;
}

static void check_encoding(const struct outer *o)
{
    static char text[4096];
    struct nh_json_buf buf = {text, sizeof text, 0};
    struct outer back = {0};
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_json_encode_struct(&w, fields, o, 0);
    if (nh_json_writer_end(&w) != 0)
        abort();
    // "in" and its x are written even if they were not there, and 0 is in its range.
    if (nh_json_decode(text, buf.len, fields, &back, NULL, NULL, 0) != 0 ||
        back.number_count != o->number_count || back.inner_count != o->inner_count ||
        !same_bytes(&back.d, &o->d, sizeof back.d) || back.u64 != o->u64 || back.i64 != o->i64 ||
        strcmp(back.s, o->s) != 0 || back.e != o->e)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outer whole, cut;
    uint64_t whole_hash, cut_hash;
    if (size < 1 || size > 4000)
        return 0;
    int result = decode(data + 1, size - 1, 0, 0, &whole, &whole_hash);
    if (decode(data + 1, size - 1, data[0] % 16 + 1, data[0], &cut, &cut_hash) != result ||
        cut_hash != whole_hash || !same_bytes(&whole, &cut, sizeof whole))
        abort();
    if (whole.number_count > 3 || whole.inner_count > 2 || !memchr(whole.s, 0, sizeof whole.s))
        abort();
    if (result == 0)
        check_encoding(&whole);
    return 0;
}
