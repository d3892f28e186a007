// expr_call.c - the functions of expressions.

#include "components/automation/expr_private.h"

#include <math.h>
#include <string.h>

// ---- numbers ------------------------------------------------------------------------------------

bool nh_expr__number(struct nh_expr__parser *p, const char *what, const struct nh_value *v,
                     double *out)
{
    static const char *const kinds[] = {"a value that is not known", "true or false", "a number",
                                        "a text"};
    if (v->kind == NH_VALUE_NUMBER) {
        *out = v->number;
        return true;
    }
    if (v->kind == NH_VALUE_NONE && v->text.len > 0)
        nh_expr__fail(p, NH_ERR_TYPE, "%s wants numbers, and \"%.*s\" is not known", what,
                      (int)v->text.len, (const char *)v->text.ptr);
    else
        nh_expr__fail(p, NH_ERR_TYPE, "%s wants numbers, not %s", what, kinds[v->kind]);
    return false;
}

int nh_expr__give_number(struct nh_expr__parser *p, double v, struct nh_value *out)
{
    if (!isfinite(v))
        return nh_expr__fail(p, NH_ERR_RANGE, "the number is too large");
    *out = nh_value_of_number(v);
    return NH_OK;
}

static int extreme(struct nh_expr__parser *p, const char *what, const struct nh_value *arg,
                   uint32_t count, int sign, struct nh_value *out)
{
    double best = 0, v;
    for (uint32_t i = 0; i < count; i++) {
        if (!nh_expr__number(p, what, &arg[i], &v))
            return NH_ERR_TYPE;
        if (i == 0 || sign * v > sign * best)
            best = v;
    }
    return nh_expr__give_number(p, best, out);
}

static int call_min(struct nh_expr__parser *p, const struct nh_value *arg, uint32_t count,
                    struct nh_value *out)
{
    return extreme(p, "min()", arg, count, -1, out);
}

static int call_max(struct nh_expr__parser *p, const struct nh_value *arg, uint32_t count,
                    struct nh_value *out)
{
    return extreme(p, "max()", arg, count, 1, out);
}

static int call_abs(struct nh_expr__parser *p, const struct nh_value *arg, uint32_t count,
                    struct nh_value *out)
{
    double v;
    (void)count;
    return nh_expr__number(p, "abs()", arg, &v) ? nh_expr__give_number(p, fabs(v), out)
                                                : NH_ERR_TYPE;
}

static int call_floor(struct nh_expr__parser *p, const struct nh_value *arg, uint32_t count,
                      struct nh_value *out)
{
    double v;
    (void)count;
    return nh_expr__number(p, "floor()", arg, &v) ? nh_expr__give_number(p, floor(v), out)
                                                  : NH_ERR_TYPE;
}

static int call_ceil(struct nh_expr__parser *p, const struct nh_value *arg, uint32_t count,
                     struct nh_value *out)
{
    double v;
    (void)count;
    return nh_expr__number(p, "ceil()", arg, &v) ? nh_expr__give_number(p, ceil(v), out)
                                                 : NH_ERR_TYPE;
}

static int call_round(struct nh_expr__parser *p, const struct nh_value *arg, uint32_t count,
                      struct nh_value *out)
{
    double v, places = 0, scale = 1;
    if (!nh_expr__number(p, "round()", arg, &v) ||
        (count > 1 && !nh_expr__number(p, "round()", arg + 1, &places)))
        return NH_ERR_TYPE;
    if (places != floor(places) || places < 0 || places > 9)
        return nh_expr__fail(p, NH_ERR_RANGE, "round() has 0 to 9 places");
    for (int i = (int)places; i > 0; i--)
        scale *= 10;
    return nh_expr__give_number(p, round(v * scale) / scale, out);
}

static int call_random(struct nh_expr__parser *p, const struct nh_value *arg, uint32_t count,
                       struct nh_value *out)
{
    double from, to;
    (void)count;
    if (!nh_expr__number(p, "random()", arg, &from) ||
        !nh_expr__number(p, "random()", arg + 1, &to))
        return NH_ERR_TYPE;
    if (from != floor(from) || to != floor(to) || from > to || to - from >= 4294967296.0 ||
        fabs(from) > 9007199254740992.0)
        return nh_expr__fail(p, NH_ERR_RANGE,
                             "random() wants two whole numbers, the smaller one first");
    if (!p->env->random)
        return nh_expr__fail(p, NH_ERR_UNSUPPORTED, "there is no random here");
    uint64_t width = (uint64_t)(to - from) + 1;
    uint64_t n = (uint64_t)p->env->random(p->env->ctx) * width >> 32;
    return nh_expr__give_number(p, from + (double)n, out);
}

// ---- texts --------------------------------------------------------------------------------------

static bool text_of(struct nh_expr__parser *p, const char *what, const struct nh_value *v,
                    char buf[NH_VALUE_TEXT_MAX_BYTES], nh_span_t *out)
{
    *out = nh_value_text(v, buf);
    if (v->kind != NH_VALUE_NONE)
        return true;
    if (v->text.len > 0)
        nh_expr__fail(p, NH_ERR_TYPE, "%s wants texts, and \"%.*s\" is not known", what,
                      (int)v->text.len, (const char *)v->text.ptr);
    else
        nh_expr__fail(p, NH_ERR_TYPE, "%s wants texts, not a value that is not known", what);
    return false;
}

static int call_len(struct nh_expr__parser *p, const struct nh_value *arg, uint32_t count,
                    struct nh_value *out)
{
    char buf[NH_VALUE_TEXT_MAX_BYTES];
    nh_span_t t;
    size_t len = 0;
    (void)count;
    if (!text_of(p, "len()", arg, buf, &t))
        return NH_ERR_TYPE;
    for (size_t i = 0; i < t.len; i++) // characters: bytes that do not go on with one
        len += (t.ptr[i] & 0xC0) != 0x80;
    return nh_expr__give_number(p, (double)len, out);
}

static int give_text(struct nh_expr__parser *p, nh_span_t t, struct nh_value *out)
{
    *out = nh_value_of_text(nh_span_of(""));
    if (t.len == 0)
        return NH_OK;
    char *room = nh_expr__room(p, t.len);
    if (!room)
        return NH_ERR_TOO_LONG;
    memcpy(room, t.ptr, t.len);
    *out = nh_value_of_text(nh_expr__put(p, t.len));
    return NH_OK;
}

// Only A to Z and a to z, as MQTT's people write them.
static int give_case(struct nh_expr__parser *p, const char *what, const struct nh_value *arg,
                     char first, struct nh_value *out)
{
    char buf[NH_VALUE_TEXT_MAX_BYTES];
    nh_span_t t;
    if (!text_of(p, what, arg, buf, &t))
        return NH_ERR_TYPE;
    if (give_text(p, t, out) < 0)
        return NH_ERR_TOO_LONG;
    char *c = t.len ? p->env->scratch + (p->scratch_used - t.len) : NULL;
    for (size_t i = 0; i < t.len; i++)
        if (c[i] >= first && c[i] <= first + 25)
            c[i] ^= 'a' ^ 'A';
    return NH_OK;
}

static int call_upper(struct nh_expr__parser *p, const struct nh_value *arg, uint32_t count,
                      struct nh_value *out)
{
    (void)count;
    return give_case(p, "upper()", arg, 'a', out);
}

static int call_lower(struct nh_expr__parser *p, const struct nh_value *arg, uint32_t count,
                      struct nh_value *out)
{
    (void)count;
    return give_case(p, "lower()", arg, 'A', out);
}

struct pair {
    char buf[2][NH_VALUE_TEXT_MAX_BYTES];
    nh_span_t text, part;
};

static bool pair_of(struct nh_expr__parser *p, const char *what, const struct nh_value *arg,
                    struct pair *out)
{
    return text_of(p, what, &arg[0], out->buf[0], &out->text) &&
           text_of(p, what, &arg[1], out->buf[1], &out->part);
}

static int call_contains(struct nh_expr__parser *p, const struct nh_value *arg, uint32_t count,
                         struct nh_value *out)
{
    struct pair t;
    (void)count;
    if (!pair_of(p, "contains()", arg, &t))
        return NH_ERR_TYPE;
    *out = nh_value_bool(
        t.part.len == 0 ||
        (t.text.len > 0 && memmem(t.text.ptr, t.text.len, t.part.ptr, t.part.len) != NULL));
    return NH_OK;
}

static bool is_at(const struct pair *t, size_t offset)
{
    return t->part.len == 0 || memcmp(t->text.ptr + offset, t->part.ptr, t->part.len) == 0;
}

static int call_starts_with(struct nh_expr__parser *p, const struct nh_value *arg, uint32_t count,
                            struct nh_value *out)
{
    struct pair t;
    (void)count;
    if (!pair_of(p, "starts_with()", arg, &t))
        return NH_ERR_TYPE;
    *out = nh_value_bool(t.part.len <= t.text.len && is_at(&t, 0));
    return NH_OK;
}

static int call_ends_with(struct nh_expr__parser *p, const struct nh_value *arg, uint32_t count,
                          struct nh_value *out)
{
    struct pair t;
    (void)count;
    if (!pair_of(p, "ends_with()", arg, &t))
        return NH_ERR_TYPE;
    *out = nh_value_bool(t.part.len <= t.text.len && is_at(&t, t.text.len - t.part.len));
    return NH_OK;
}

// ---- kinds --------------------------------------------------------------------------------------

static int call_number(struct nh_expr__parser *p, const struct nh_value *arg, uint32_t count,
                       struct nh_value *out)
{
    double v = arg->truth;
    (void)p;
    (void)count;
    if (arg->kind == NH_VALUE_BOOL || nh_value_number(arg, &v))
        *out = nh_value_of_number(v);
    return NH_OK;
}

static int call_text(struct nh_expr__parser *p, const struct nh_value *arg, uint32_t count,
                     struct nh_value *out)
{
    char buf[NH_VALUE_TEXT_MAX_BYTES];
    nh_span_t t;
    (void)count;
    if (!text_of(p, "text()", arg, buf, &t))
        return NH_ERR_TYPE;
    return give_text(p, t, out);
}

// A text as JSON writes it, with its quotes, for payloads that are JSON.
static int call_quote(struct nh_expr__parser *p, const struct nh_value *arg, uint32_t count,
                      struct nh_value *out)
{
    char buf[NH_VALUE_TEXT_MAX_BYTES];
    size_t cap = p->env->scratch_bytes - p->scratch_used;
    struct nh_json_buf json = {cap ? p->env->scratch + p->scratch_used : NULL, cap, 0};
    nh_json_writer_t w;
    nh_span_t t;
    (void)count;
    if (!text_of(p, "quote()", arg, buf, &t))
        return NH_ERR_TYPE;
    nh_json_writer_init(&w, nh_json_buf_sink, &json);
    nh_json_string_n(&w, (const char *)t.ptr, t.len);
    if (nh_json_writer_end(&w) < 0)
        return nh_expr__fail(p, NH_ERR_TOO_LONG, "the text that quote() makes is too long");
    *out = nh_value_of_text(nh_expr__put(p, json.len));
    return NH_OK;
}

static int call_default(struct nh_expr__parser *p, const struct nh_value *arg, uint32_t count,
                        struct nh_value *out)
{
    (void)p;
    (void)count;
    *out = arg[0].kind == NH_VALUE_NONE ? arg[1] : arg[0];
    return NH_OK;
}

static int call_json(struct nh_expr__parser *p, const struct nh_value *arg, uint32_t count,
                     struct nh_value *out)
{
    size_t cap = p->env->scratch_bytes - p->scratch_used;
    char *room = cap ? p->env->scratch + p->scratch_used : NULL;
    struct pair t;
    (void)count;
    if (arg[0].kind == NH_VALUE_NONE)
        return NH_OK;
    if (!pair_of(p, "json()", arg, &t))
        return NH_ERR_TYPE;
    if (arg[0].kind != NH_VALUE_TEXT) // a number or a word is a JSON text too, but not lasting
        return t.part.len == 0 ? (*out = arg[0], NH_OK) : NH_OK;
    int err = nh_value_from_json(t.text, t.part, room, cap, out);
    if (err == NH_ERR_TOO_LONG)
        return nh_expr__fail(p, err, "the text that json() finds is too long");
    const uint8_t *made = (const uint8_t *)room;
    if (err == 0 && out->kind == NH_VALUE_TEXT && cap > 0 && out->text.ptr >= made &&
        out->text.ptr < made + cap)
        nh_expr__put(p, out->text.len);
    return NH_OK;
}

static int call_flag(struct nh_expr__parser *p, const struct nh_value *arg, uint32_t count,
                     struct nh_value *out)
{
    char buf[NH_VALUE_TEXT_MAX_BYTES];
    nh_span_t name;
    (void)count;
    if (!text_of(p, "flag()", arg, buf, &name))
        return NH_ERR_TYPE;
    *out = nh_value_bool(p->env->flag && p->env->flag(p->env->ctx, name));
    return NH_OK;
}

const struct nh_expr__function *nh_expr__function_find(nh_span_t name)
{
    static const struct nh_expr__function functions[] = {
        {"min", 1, NH_EXPR_ARGUMENT_MAX_COUNT, call_min},
        {"max", 1, NH_EXPR_ARGUMENT_MAX_COUNT, call_max},
        {"abs", 1, 1, call_abs},
        {"floor", 1, 1, call_floor},
        {"ceil", 1, 1, call_ceil},
        {"round", 1, 2, call_round},
        {"random", 2, 2, call_random},
        {"len", 1, 1, call_len},
        {"upper", 1, 1, call_upper},
        {"lower", 1, 1, call_lower},
        {"contains", 2, 2, call_contains},
        {"starts_with", 2, 2, call_starts_with},
        {"ends_with", 2, 2, call_ends_with},
        {"number", 1, 1, call_number},
        {"text", 1, 1, call_text},
        {"quote", 1, 1, call_quote},
        {"default", 2, 2, call_default},
        {"json", 2, 2, call_json},
        {"flag", 1, 1, call_flag},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(functions); i++)
        if (strlen(functions[i].name) == name.len &&
            memcmp(functions[i].name, name.ptr, name.len) == 0)
            return &functions[i];
    return NULL;
}
