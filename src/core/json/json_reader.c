#include <string.h>

#include "core/json/json.h"
#include "core/json/json_num.h"
#include "core/json/json_scan.h"
#include "core/json/json_state.h"
#include "core/json/json_utf8.h"

// The fast half of the reader: tokens that stand whole in the chunk, and what is between them.
// Whatever is not whole, has an escape or looks wrong goes to json_gather.c, which finds the exact
// byte of the error: so the answer is the same however the text was cut into chunks.

void nh_json_reader_init(nh_json_reader_t *r, const struct nh_json_reader_config *cfg)
{
    NH_ASSERT(cfg->text && cfg->text_max_bytes > 0);
    *r = (nh_json_reader_t){
        .text = cfg->text,
        .text_limit = cfg->text_max_bytes - 1,
        .cut_long = cfg->cut_long,
        .line = 1,
        .state = NH__JSON_VALUE,
        .depth_max = cfg->depth_max,
    };
    if (r->depth_max == 0 || r->depth_max > NH_JSON_DEPTH_MAX)
        r->depth_max = NH_JSON_DEPTH_MAX;
}

void nh_json_feed(nh_json_reader_t *r, const void *bytes, size_t len, bool last)
{
    NH_ASSERT(r->pos == r->end);
    uint64_t offset = nh__json_offset(r, r->end);
    // An empty chunk may have no address; offsets need one.
    r->pos = len ? bytes : (const uint8_t *)"";
    r->end = r->pos + len;
    r->bias = offset - (uintptr_t)r->pos;
    r->is_last = last;
}

// ---- tokens
// --------------------------------------------------------------------------------------

// The first byte of [p, end) that is neither plain text nor part of whole, valid UTF-8: of a string
// that stands whole in the chunk and has no escape, the closing quote.
static inline const uint8_t *pass_text(const uint8_t *p, const uint8_t *end)
{
    for (;;) {
        p = nh__scan_plain(p, end);
        if (p == end || *p < 0x80)
            return p;
        unsigned width = nh__utf8_width(p, (size_t)(end - p));
        if (width == 0)
            return p;
        p += width;
    }
}

// A text too long for the buffer: an error, or cut before the character that does not fit.
static NH__COLD bool cut_text(nh_json_reader_t *r)
{
    if (!r->cut_long)
        return false;
    r->is_cut = true;
    r->view_len = r->text_limit;
    while (r->view_len > 0 && nh__utf8_is_tail((uint8_t)r->view[r->view_len]))
        r->view_len--;
    return true;
}

static inline bool fit_text(nh_json_reader_t *r)
{
    r->is_cut = false;
    return r->view_len <= r->text_limit || cut_text(r);
}

static inline int read_key(nh_json_reader_t *r, const uint8_t *begin)
{
    const uint8_t *quote = pass_text(begin + 1, r->end);
    if (quote == r->end || *quote != '"')
        return nh__json_gather_start(r, NH__JSON_TOKEN_KEY, begin, quote);
    r->view = (const char *)begin + 1;
    r->view_len = (size_t)(quote - begin - 1);
    r->token_offset = nh__json_offset(r, begin);
    if (!fit_text(r))
        return nh__json_fail_long(r);
    r->key = r->view;
    r->key_len = (size_t)(quote - begin - 1);
    r->event = NH_JSON_KEY;
    r->pos = quote + 1;
    r->state = NH__JSON_COLON;
    if (r->pos < r->end && *r->pos == ':') {
        r->pos++;
        r->state = NH__JSON_VALUE;
    }
    return NH_JSON_KEY;
}

static inline int read_string(nh_json_reader_t *r, const uint8_t *begin)
{
    const uint8_t *quote = pass_text(begin + 1, r->end);
    if (quote == r->end || *quote != '"')
        return nh__json_gather_start(r, NH__JSON_TOKEN_STRING, begin, quote);
    r->view = (const char *)begin + 1;
    r->view_len = (size_t)(quote - begin - 1);
    if (!fit_text(r))
        return nh__json_fail_long(r);
    return nh__json_value_done(r, quote + 1, NH_JSON_STRING);
}

static inline const uint8_t *take_digits(const uint8_t *p, const uint8_t *end, uint64_t *value)
{
    uint64_t v = *value;
    for (; p < end && (uint8_t)(*p - '0') <= 9; p++)
        v = v * 10 + (uint8_t)(*p - '0');
    *value = v;
    return p;
}

// Takes [+-]digits after the 'e'. Returns NULL if it is not whole or not right.
static __attribute__((noinline)) const uint8_t *take_exponent(const uint8_t *p, const uint8_t *end,
                                                              int32_t *exponent)
{
    uint64_t value = 0;
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    const uint8_t *q = take_digits(p, end, &value);
    if (q == p || q - p > 8) // longer ones are for the careful way
        return NULL;
    *exponent += negative ? -(int32_t)value : (int32_t)value;
    return q;
}

// The end of the number at `p` and its value; NULL if it is not whole or not right.
static inline const uint8_t *take_number(const uint8_t *p, const uint8_t *end,
                                         struct nh__json_decimal *d)
{
    d->negative = *p == '-';
    p += d->negative;
    const uint8_t *digits = p;
    d->mantissa = 0;
    d->exponent = 0;
    d->is_integer = true;
    if (p < end && *p == '0')
        p++;
    else
        p = take_digits(p, end, &d->mantissa);
    size_t count = (size_t)(p - digits);
    if (count == 0)
        return NULL;
    if (p < end && *p == '.') {
        const uint8_t *fraction = ++p;
        p = take_digits(p, end, &d->mantissa);
        if (p == fraction)
            return NULL;
        count += (size_t)(p - fraction);
        d->exponent = -(int32_t)(p - fraction);
        d->is_integer = false;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p = take_exponent(p + 1, end, &d->exponent);
        d->is_integer = false;
    }
    d->is_long = count > 19; // then the mantissa has overflowed: it is read again when asked for
    return p;
}

static inline int read_number(nh_json_reader_t *r, const uint8_t *begin)
{
    const uint8_t *p = take_number(begin, r->end, &r->number);
    if (!p || (p == r->end && !r->is_last))
        return nh__json_gather_start(r, NH__JSON_TOKEN_NUMBER, begin, begin);
    r->view = (const char *)begin;
    r->view_len = (size_t)(p - begin);
    if (!fit_text(r))
        return nh__json_fail_long(r);
    return nh__json_value_done(r, p, NH_JSON_NUMBER);
}

static inline int read_literal(nh_json_reader_t *r, const uint8_t *p)
{
    if (r->end - p >= 5) {
        if (memcmp(p, "true", 4) == 0)
            return nh__json_value_done(r, p + 4, NH_JSON_TRUE);
        if (memcmp(p, "null", 4) == 0)
            return nh__json_value_done(r, p + 4, NH_JSON_NULL);
        if (memcmp(p, "false", 5) == 0)
            return nh__json_value_done(r, p + 5, NH_JSON_FALSE);
    }
    return nh__json_gather_start(r, NH__JSON_TOKEN_LITERAL, p, p);
}

static int begin_container(nh_json_reader_t *r, const uint8_t *p, bool is_object)
{
    if (r->depth == r->depth_max)
        return nh__json_fail_deep(r);
    nh__json_key_save(r);
    uint32_t bit = (uint32_t)1 << r->depth++;
    r->object_bits = is_object ? r->object_bits | bit : r->object_bits & ~bit;
    r->index[r->depth] = 0;
    r->key_end[r->depth] = r->key_end[r->depth - 1];
    r->state = is_object ? NH__JSON_FIRST_KEY : NH__JSON_FIRST_VALUE;
    r->pos = p + 1;
    r->event = is_object ? NH_JSON_OBJECT_BEGIN : NH_JSON_ARRAY_BEGIN;
    return r->event;
}

static int end_container(nh_json_reader_t *r, const uint8_t *p, int event)
{
    r->key = NULL; // it was of the level that ends
    r->depth--;
    r->token_offset = nh__json_offset(r, p);
    return nh__json_value_done(r, p + 1, event);
}

static const char *const expected_in_state[] = {
    [NH__JSON_VALUE] = "a value",
    [NH__JSON_COLON] = "':' after the key",
    [NH__JSON_FIRST_VALUE] = "a value or ']'",
    [NH__JSON_KEY] = "a key in quotes",
    [NH__JSON_FIRST_KEY] = "a key in quotes or '}'",
    [NH__JSON_END] = "nothing after the value",
};

static const char *expected_here(const nh_json_reader_t *r)
{
    if (r->state == NH__JSON_NEXT)
        return nh__json_in_object(r) ? "',' or '}' after the value" : "',' or ']' after the value";
    return expected_in_state[r->state];
}

static inline int read_value(nh_json_reader_t *r, const uint8_t *p)
{
    uint8_t c = *p, state = r->state;
    r->token_offset = nh__json_offset(r, p);
    r->state = NH__JSON_VALUE;
    if (c == '"')
        return read_string(r, p);
    if (c == '-' || (c >= '0' && c <= '9'))
        return read_number(r, p);
    if (c == '{' || c == '[')
        return begin_container(r, p, c == '{');
    if (c == 't' || c == 'f' || c == 'n')
        return read_literal(r, p);
    r->state = state;
    return nh__json_fail(r, NH_ERR_SYNTAX, p, expected_here(r));
}

// ---- between the tokens
// --------------------------------------------------------------------------

static __attribute__((noinline)) const uint8_t *skip_space(nh_json_reader_t *r, const uint8_t *p)
{
    for (; p < r->end; p++) {
        if (*p == '\n') {
            r->line++;
            r->line_offset = nh__json_offset(r, p) + 1;
        } else if (*p != ' ' && *p != '\r' && *p != '\t') {
            break;
        }
    }
    return p;
}

// The chunk is used up between two tokens.
static NH__COLD int at_end(nh_json_reader_t *r)
{
    nh__json_key_save(r);
    if (!r->is_last)
        return NH_ERR_AGAIN;
    if (r->state != NH__JSON_END)
        return nh__json_fail(r, NH_ERR_SYNTAX, r->end, expected_here(r));
    r->token_offset = nh__json_offset(r, r->end);
    r->event = NH_JSON_DONE;
    return NH_JSON_DONE;
}

// After a value: a comma (returns 0 if what follows it is not at hand), or the end of its
// container.
static inline int read_separator(nh_json_reader_t *r, const uint8_t *p)
{
    bool in_object = nh__json_in_object(r);
    if (*p == ',') {
        r->pos = ++p;
        r->state = in_object ? NH__JSON_KEY : NH__JSON_VALUE;
        if (!in_object)
            r->index[r->depth]++;
        if (p == r->end || *p <= ' ')
            return 0;
        if (!in_object)
            return read_value(r, p);
        return *p == '"' ? read_key(r, p) : 0;
    }
    if (*p == '}' && in_object)
        return end_container(r, p, NH_JSON_OBJECT_END);
    if (*p == ']' && !in_object)
        return end_container(r, p, NH_JSON_ARRAY_END);
    return nh__json_fail(r, NH_ERR_SYNTAX, p, expected_here(r));
}

// One step at a byte that is no space: an event, an error, or 0: a separator was passed.
static inline int read_at(nh_json_reader_t *r, const uint8_t *p)
{
    switch (r->state) {
    case NH__JSON_NEXT:
        return read_separator(r, p);
    case NH__JSON_FIRST_VALUE:
        if (*p == ']')
            return end_container(r, p, NH_JSON_ARRAY_END);
        return read_value(r, p);
    case NH__JSON_VALUE:
        return read_value(r, p);
    case NH__JSON_FIRST_KEY:
        if (*p == '}')
            return end_container(r, p, NH_JSON_OBJECT_END);
        // fall through
    case NH__JSON_KEY:
        if (*p == '"')
            return read_key(r, p);
        break;
    case NH__JSON_COLON:
        if (*p != ':')
            break;
        r->pos = p + 1;
        r->state = NH__JSON_VALUE;
        return 0;
    default:
        break;
    }
    return nh__json_fail(r, NH_ERR_SYNTAX, p, expected_here(r));
}

int nh_json_next(nh_json_reader_t *r)
{
    if (r->error)
        return r->error;
    if (r->token)
        return nh__json_gather(r);
    for (;;) {
        const uint8_t *p = r->pos;
        if (p == r->end || *p <= ' ') {
            p = skip_space(r, p);
            r->pos = p;
            if (p == r->end)
                return at_end(r);
        }
        int event = read_at(r, p);
        if (event != 0)
            return event;
    }
}

int nh_json_skip(nh_json_reader_t *r)
{
    if (!r->is_skipping) {
        if (r->event != NH_JSON_OBJECT_BEGIN && r->event != NH_JSON_ARRAY_BEGIN)
            return 0;
        r->is_skipping = true;
        r->skip_depth = r->depth - 1;
        r->skip_limit = r->text_limit;
        r->text_limit = SIZE_MAX;
    }
    int event;
    do
        event = nh_json_next(r);
    while (event > 0 && r->depth > r->skip_depth);
    if (event == NH_ERR_AGAIN)
        return event;
    r->is_skipping = false;
    r->text_limit = r->skip_limit;
    return event < 0 ? event : 0;
}

// ---- what the last event said
// --------------------------------------------------------------------

const char *nh_json_text(const nh_json_reader_t *r, size_t *len)
{
    if (r->event != NH_JSON_KEY && r->event != NH_JSON_STRING && r->event != NH_JSON_NUMBER) {
        if (len)
            *len = 0;
        return "";
    }
    size_t n = r->view_len;
    if (r->view != r->text)
        memcpy(r->text, r->view, n);
    r->text[n] = '\0';
    if (len)
        *len = n;
    return r->text;
}

nh_span_t nh_json_view(const nh_json_reader_t *r)
{
    return (nh_span_t){(const uint8_t *)r->view, r->view_len};
}

bool nh_json_is_cut(const nh_json_reader_t *r)
{
    return r->is_cut;
}

// The number of the last event; one with more digits than fit at once is read again from its text.
static int get_number(const nh_json_reader_t *r, struct nh__json_decimal *d)
{
    if (r->event != NH_JSON_NUMBER)
        return NH_ERR_TYPE;
    if (r->is_cut)
        return NH_ERR_TOO_LONG;
    if (r->number.is_long)
        return nh__json_decimal_parse(r->view, r->view_len, d);
    *d = r->number;
    return 0;
}

int nh_json_int64(const nh_json_reader_t *r, int64_t *out)
{
    struct nh__json_decimal d;
    int err = get_number(r, &d);
    return err ? err : nh__json_decimal_int64(&d, out);
}

int nh_json_uint64(const nh_json_reader_t *r, uint64_t *out)
{
    struct nh__json_decimal d;
    int err = get_number(r, &d);
    return err ? err : nh__json_decimal_uint64(&d, out);
}

static int get_double_slow(const nh_json_reader_t *r, double *out)
{
    struct nh__json_decimal d;
    int err = get_number(r, &d);
    return err ? err : nh__json_decimal_double(&d, r->view, r->view_len, out);
}

int nh_json_double(const nh_json_reader_t *r, double *out)
{
    if (r->event != NH_JSON_NUMBER || r->is_cut || r->number.is_long)
        return get_double_slow(r, out);
    return nh__json_decimal_double(&r->number, r->view, r->view_len, out);
}

uint32_t nh_json_depth(const nh_json_reader_t *r)
{
    return r->depth;
}

struct nh_json_pos nh_json_pos(const nh_json_reader_t *r)
{
    return (struct nh_json_pos){r->token_offset, r->line,
                                (uint32_t)(r->token_offset - r->line_offset) + 1};
}

uint64_t nh_json_value_begin(const nh_json_reader_t *r)
{
    return r->token_offset;
}

uint64_t nh_json_value_end(const nh_json_reader_t *r)
{
    return nh__json_offset(r, r->pos);
}
