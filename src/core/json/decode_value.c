#include "core/json/decode_value.h"

#include <string.h>

#include "core/json/json_num.h"
#include "core/json/json_text.h"

static bool text_is(const struct nh__decode_scalar *v, const char *word)
{
    return strlen(word) == v->len && memcmp(word, v->text, v->len) == 0;
}

static bool text_is_any(const struct nh__decode_scalar *v, const char *const words[3])
{
    return text_is(v, words[0]) || text_is(v, words[1]) || text_is(v, words[2]);
}

static bool is_plain(const struct nh__decode_scalar *v)
{
    return v->event == NH_JSON_STRING && (v->flags & NH_DECODE_TEXT_PLAIN);
}

// Without quotes, YAML means nothing by these, whatever the field is.
static bool is_plain_null(const struct nh__decode_scalar *v)
{
    static const char *const words[] = {"null", "Null", "NULL"};
    return is_plain(v) && (v->len == 0 || text_is(v, "~") || text_is_any(v, words));
}

static int store_bool(const struct nh__decode_scalar *v, void *to)
{
    static const char *const yes[] = {"true", "True", "TRUE"};
    static const char *const no[] = {"false", "False", "FALSE"};
    bool value = v->event == NH_JSON_TRUE || (is_plain(v) && text_is_any(v, yes));
    if (!value && v->event != NH_JSON_FALSE && !(is_plain(v) && text_is_any(v, no)))
        return NH_ERR_TYPE;
    memcpy(to, &value, sizeof value);
    return 0;
}

// ---- integers
// ----------------------------------------------------------------------------------

static struct nh__decode_int from_int64(int64_t v)
{
    return (struct nh__decode_int){v < 0, (uint64_t)v};
}

static bool is_less(struct nh__decode_int a, struct nh__decode_int b)
{
    return a.negative != b.negative ? a.negative : a.bits < b.bits;
}

void nh__decode_int_range(const nh_json_field_t *field, struct nh__decode_int *min,
                          struct nh__decode_int *max)
{
    unsigned bits = (unsigned)field->size * 8;
    if (field->min != 0 || field->max != 0) {
        *min = from_int64(field->min);
        *max = from_int64(field->max);
    } else if (field->is_signed) {
        uint64_t top = (uint64_t)1 << (bits - 1);
        *min = (struct nh__decode_int){true, 0 - top};
        *max = (struct nh__decode_int){false, top - 1};
    } else {
        *min = (struct nh__decode_int){false, 0};
        *max = (struct nh__decode_int){false, UINT64_MAX >> (64 - bits)};
    }
}

// YAML also writes +5 and 0x1f.
static int parse_hex(const char *s, size_t len, struct nh__decode_int *out)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < len; i++) {
        char c = (char)(s[i] | 0x20);
        bool is_digit = s[i] >= '0' && s[i] <= '9';
        if (!is_digit && (c < 'a' || c > 'f'))
            return NH_ERR_TYPE;
        if (bits >> 60)
            return NH_ERR_RANGE;
        bits = bits << 4 | (uint64_t)(is_digit ? s[i] - '0' : c - 'a' + 10);
    }
    *out = (struct nh__decode_int){false, bits};
    return 0;
}

static int parse_int(const char *s, size_t len, bool plain, struct nh__decode_int *out)
{
    struct nh__json_decimal d;
    int64_t value;
    if (plain && len > 2 && s[0] == '0' && s[1] == 'x')
        return parse_hex(s + 2, len - 2, out);
    if (plain && len > 1 && s[0] == '+' && s[1] != '-') {
        s++;
        len--;
    }
    if (nh__json_decimal_parse(s, len, &d))
        return NH_ERR_TYPE;
    int err = nh__json_decimal_uint64(&d, &out->bits);
    out->negative = false;
    if (err != NH_ERR_RANGE || !d.negative)
        return err;
    err = nh__json_decimal_int64(&d, &value);
    if (!err)
        *out = from_int64(value);
    return err;
}

static void store_int_bits(size_t size, uint64_t bits, void *to)
{
    uint8_t b8 = (uint8_t)bits;
    uint16_t b16 = (uint16_t)bits;
    uint32_t b32 = (uint32_t)bits;
    const void *from = size == 1 ? (void *)&b8 : size == 2 ? (void *)&b16 : (void *)&b32;
    if (size == 8)
        from = &bits;
    memcpy(to, from, size);
}

struct nh__decode_int nh__decode_load_int(const nh_json_field_t *field, const void *from)
{
    uint8_t b8;
    uint16_t b16;
    uint32_t b32;
    uint64_t bits = 0;
    switch (field->size) {
    case 1:
        memcpy(&b8, from, 1);
        bits = b8;
        break;
    case 2:
        memcpy(&b16, from, 2);
        bits = b16;
        break;
    case 4:
        memcpy(&b32, from, 4);
        bits = b32;
        break;
    default:
        memcpy(&bits, from, 8);
    }
    uint64_t sign = (uint64_t)1 << (field->size * 8 - 1);
    if (!field->is_signed || !(bits & sign))
        return (struct nh__decode_int){false, bits};
    return (struct nh__decode_int){true, (bits ^ sign) - sign};
}

static int store_int(const nh_json_field_t *field, const struct nh__decode_scalar *v, void *to)
{
    struct nh__decode_int value = {false, 0}, min, max;
    if (v->event != NH_JSON_NUMBER && !is_plain(v))
        return NH_ERR_TYPE;
    if (v->flags & NH_DECODE_TEXT_CUT)
        return NH_ERR_TOO_LONG;
    int err = parse_int(v->text, v->len, is_plain(v), &value);
    if (err)
        return err;
    nh__decode_int_range(field, &min, &max);
    if (is_less(value, min) || is_less(max, value))
        return NH_ERR_RANGE;
    store_int_bits(field->size, value.bits, to);
    return 0;
}

// ---- the other types
// ---------------------------------------------------------------------------

static int store_double(const nh_json_field_t *field, const struct nh__decode_scalar *v, void *to)
{
    struct nh__json_decimal d;
    double value;
    if (v->event != NH_JSON_NUMBER && !is_plain(v))
        return NH_ERR_TYPE;
    if (v->flags & NH_DECODE_TEXT_CUT)
        return NH_ERR_TOO_LONG;
    if (nh__json_decimal_parse(v->text, v->len, &d))
        return NH_ERR_TYPE;
    int err = nh__json_decimal_double(&d, v->text, v->len, &value);
    if (err)
        return err;
    bool has_range = field->dmin != 0 || field->dmax != 0;
    if (has_range && (value < field->dmin || value > field->dmax))
        return NH_ERR_RANGE;
    memcpy(to, &value, sizeof value);
    return 0;
}

static int store_string(const nh_json_field_t *field, const struct nh__decode_scalar *v, char *to)
{
    if (v->event != NH_JSON_STRING)
        return NH_ERR_TYPE;
    if ((v->flags & NH_DECODE_TEXT_CUT) || v->len >= field->size)
        return NH_ERR_TOO_LONG;
    if (v->len > 0 && memchr(v->text, '\0', v->len))
        return NH_ERR_INVAL;
    if (v->len > 0)
        memcpy(to, v->text, v->len);
    memset(to + v->len, 0, field->size - v->len); // so that equal values are equal bytes
    return 0;
}

static int store_enum(const nh_json_field_t *field, const struct nh__decode_scalar *v, void *to)
{
    if (v->event != NH_JSON_STRING)
        return NH_ERR_TYPE;
    for (int i = 0; field->names[i]; i++) {
        if (!text_is(v, field->names[i]) || (v->flags & NH_DECODE_TEXT_CUT))
            continue;
        memcpy(to, &i, sizeof i);
        return 0;
    }
    return NH_ERR_INVAL;
}

int nh__decode_store(const nh_json_field_t *field, const struct nh__decode_scalar *v, void *to)
{
    if (is_plain_null(v))
        return NH_ERR_TYPE;
    switch (field->type) {
    case NH_JSON_T_BOOL:
        return store_bool(v, to);
    case NH_JSON_T_INT:
        return store_int(field, v, to);
    case NH_JSON_T_DOUBLE:
        return store_double(field, v, to);
    case NH_JSON_T_STRING:
        return store_string(field, v, to);
    case NH_JSON_T_ENUM:
        return store_enum(field, v, to);
    default:
        return NH_ERR_TYPE; // an object or an array should stand here
    }
}

// ---- what is allowed
// ---------------------------------------------------------------------------

static void put_int(struct nh__text *t, struct nh__decode_int v)
{
    if (v.negative)
        nh__text_put_int(t, (int64_t)v.bits);
    else
        nh__text_put_uint(t, v.bits);
}

static void put_int_range(struct nh__text *t, const nh_json_field_t *field)
{
    struct nh__decode_int min, max;
    nh__decode_int_range(field, &min, &max);
    put_int(t, min);
    nh__text_put(t, " to ");
    put_int(t, max);
}

static void put_double_range(struct nh__text *t, const nh_json_field_t *field)
{
    if (field->dmin == 0 && field->dmax == 0) {
        nh__text_put(t, "a number");
        return;
    }
    nh__text_put_double(t, field->dmin);
    nh__text_put(t, " to ");
    nh__text_put_double(t, field->dmax);
}

static void put_at_most(struct nh__text *t, uint64_t count, const char *what)
{
    nh__text_put(t, "at most ");
    nh__text_put_uint(t, count);
    nh__text_put(t, what);
}

void nh_json_field_limit(const nh_json_field_t *field, char *out, size_t size)
{
    struct nh__text t;
    nh__text_init(&t, out, size);
    switch (field->type) {
    case NH_JSON_T_BOOL:
        nh__text_put(&t, "true or false");
        break;
    case NH_JSON_T_INT:
        put_int_range(&t, field);
        break;
    case NH_JSON_T_DOUBLE:
        put_double_range(&t, field);
        break;
    case NH_JSON_T_STRING:
        put_at_most(&t, field->size - 1, " bytes");
        break;
    case NH_JSON_T_ENUM:
        for (size_t i = 0; field->names[i]; i++) {
            nh__text_put(&t, i ? ", " : "one of ");
            nh__text_put(&t, field->names[i]);
        }
        break;
    case NH_JSON_T_OBJECT:
        nh__text_put(&t, "an object");
        break;
    case NH_JSON_T_ARRAY:
        nh__text_put(&t, "an array of ");
        put_at_most(&t, field->count_max, "");
        break;
    }
    nh__text_end(&t);
}
