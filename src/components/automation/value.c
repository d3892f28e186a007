#include "components/automation/value.h"

#include <string.h>

// ---- texts and numbers --------------------------------------------------------------------------

static bool number_of(nh_span_t text, double *out)
{
    char digits[64];
    nh_json_reader_t r;
    double v;
    if (text.len == 0 || text.len >= sizeof digits)
        return false;
    nh_json_reader_init(&r, &(struct nh_json_reader_config){digits, sizeof digits, 0, false});
    nh_json_feed(&r, text.ptr, text.len, true);
    if (nh_json_next(&r) != NH_JSON_NUMBER || nh_json_double(&r, &v) < 0 ||
        nh_json_next(&r) != NH_JSON_DONE)
        return false;
    *out = v;
    return true;
}

bool nh_value_number(const struct nh_value *v, double *out)
{
    if (v->kind == NH_VALUE_TEXT)
        return number_of(v->text, out);
    if (v->kind == NH_VALUE_NUMBER)
        *out = v->number;
    return v->kind == NH_VALUE_NUMBER;
}

nh_span_t nh_value_text(const struct nh_value *v, char buf[NH_VALUE_TEXT_MAX_BYTES])
{
    struct nh_json_buf b = {buf, NH_VALUE_TEXT_MAX_BYTES, 0};
    nh_json_writer_t w;
    switch (v->kind) {
    case NH_VALUE_BOOL:
        return nh_span_of(v->truth ? "true" : "false");
    case NH_VALUE_TEXT:
        return v->text;
    case NH_VALUE_NUMBER:
        nh_json_writer_init(&w, nh_json_buf_sink, &b);
        nh_json_double_value(&w, v->number);
        return (nh_span_t){(const uint8_t *)buf, b.len};
    case NH_VALUE_NONE:
        break;
    }
    return (nh_span_t){(const uint8_t *)"", 0};
}

struct nh_value nh_value_from_scalar(struct nh_scalar s)
{
    struct nh_value v = nh_value_of_text(s.text);
    switch (s.kind) {
    case NH_SCALAR_FALSE:
    case NH_SCALAR_TRUE:
        return nh_value_bool(s.kind == NH_SCALAR_TRUE);
    case NH_SCALAR_NUMBER: // one too large for a double stays a text
        if (number_of(s.text, &v.number))
            v.kind = NH_VALUE_NUMBER;
        return v;
    case NH_SCALAR_TEXT:
        return v;
    case NH_SCALAR_NONE:
        break;
    }
    return (struct nh_value){.kind = NH_VALUE_NONE};
}

static bool is_same(nh_span_t a, nh_span_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool nh_value_truth(const struct nh_value *v)
{
    switch (v->kind) {
    case NH_VALUE_BOOL:
        return v->truth;
    case NH_VALUE_NUMBER:
        return v->number != 0;
    case NH_VALUE_TEXT:
        return v->text.len > 0 && !is_same(v->text, nh_span_of("0")) &&
               !is_same(v->text, nh_span_of("false"));
    case NH_VALUE_NONE:
        break;
    }
    return false;
}

// ---- comparing ----------------------------------------------------------------------------------

bool nh_value_equal(const struct nh_value *a, const struct nh_value *b)
{
    char text[2][NH_VALUE_TEXT_MAX_BYTES];
    double x, y;
    if (a->kind == NH_VALUE_NONE || b->kind == NH_VALUE_NONE)
        return a->kind == b->kind;
    if (nh_value_number(a, &x) && nh_value_number(b, &y))
        return x == y;
    return is_same(nh_value_text(a, text[0]), nh_value_text(b, text[1]));
}

static int order_of_texts(nh_span_t a, nh_span_t b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp(a.ptr, b.ptr, len) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool nh_value_order(const struct nh_value *a, const struct nh_value *b, int *order)
{
    double x, y;
    if (nh_value_number(a, &x) && nh_value_number(b, &y))
        *order = (x > y) - (x < y);
    else if (a->kind == NH_VALUE_TEXT && b->kind == NH_VALUE_TEXT)
        *order = order_of_texts(a->text, b->text);
    else
        return false;
    return true;
}

static bool contains(const struct nh_value *v, const struct nh_value *part)
{
    char text[2][NH_VALUE_TEXT_MAX_BYTES];
    nh_span_t t = nh_value_text(v, text[0]), p = nh_value_text(part, text[1]);
    return p.len == 0 || (t.len > 0 && memmem(t.ptr, t.len, p.ptr, p.len) != NULL);
}

bool nh_match_value(enum nh_match_op op, const struct nh_value *have, const struct nh_value *want)
{
    int order;
    if (op == NH_MATCH_ANY)
        return true;
    if (have->kind == NH_VALUE_NONE)
        return false;
    switch (op) {
    case NH_MATCH_EXISTS:
        return true;
    case NH_MATCH_EQUAL:
        return nh_value_equal(have, want);
    case NH_MATCH_NOT_EQUAL:
        return !nh_value_equal(have, want);
    case NH_MATCH_CONTAINS:
        return want->kind != NH_VALUE_NONE && contains(have, want);
    case NH_MATCH_LESS:
        return nh_value_order(have, want, &order) && order < 0;
    case NH_MATCH_LESS_EQUAL:
        return nh_value_order(have, want, &order) && order <= 0;
    case NH_MATCH_GREATER:
        return nh_value_order(have, want, &order) && order > 0;
    case NH_MATCH_GREATER_EQUAL:
        return nh_value_order(have, want, &order) && order >= 0;
    case NH_MATCH_ANY:
        break;
    }
    return false;
}

// ---- JSON payloads ------------------------------------------------------------------------------

// Takes the next step of a pointer off its front. False: it is at its end.
static bool take_step(nh_span_t *pointer, nh_span_t *step)
{
    if (pointer->len == 0)
        return false;
    const uint8_t *begin = pointer->ptr + 1, *end = pointer->ptr + pointer->len;
    const uint8_t *slash = memchr(begin, '/', (size_t)(end - begin));
    slash = slash ? slash : end;
    *step = (nh_span_t){begin, (size_t)(slash - begin)};
    *pointer = (nh_span_t){slash, (size_t)(end - slash)};
    return true;
}

// A step with its ~0 and ~1 against a key.
static bool is_step(nh_span_t step, nh_span_t key)
{
    size_t n = 0;
    for (size_t i = 0; i < step.len; i++, n++) {
        uint8_t c = step.ptr[i];
        if (c == '~' && i + 1 < step.len)
            c = step.ptr[++i] == '1' ? '/' : '~';
        if (n >= key.len || key.ptr[n] != c)
            return false;
    }
    return n == key.len;
}

// To the value of a member: its first event, or an error.
static int to_member(nh_json_reader_t *r, nh_span_t step)
{
    int event = nh_json_next(r);
    while (event == NH_JSON_KEY) {
        bool is_it = !nh_json_is_cut(r) && is_step(step, nh_json_view(r));
        event = nh_json_next(r);
        if (is_it || event < 0)
            return event;
        if (nh_json_skip(r) < 0)
            return NH_ERR_NOT_FOUND;
        event = nh_json_next(r);
    }
    return NH_ERR_NOT_FOUND;
}

static int to_element(nh_json_reader_t *r, nh_span_t step)
{
    uint32_t index = 0;
    if (step.len == 0 || step.len > 9 || (step.ptr[0] == '0' && step.len > 1))
        return NH_ERR_NOT_FOUND;
    for (size_t i = 0; i < step.len; i++) {
        if (step.ptr[i] < '0' || step.ptr[i] > '9')
            return NH_ERR_NOT_FOUND;
        index = index * 10 + (step.ptr[i] - '0');
    }
    int event = nh_json_next(r);
    for (; index > 0 && event > 0 && event != NH_JSON_ARRAY_END; index--)
        event = nh_json_skip(r) < 0 ? NH_ERR_NOT_FOUND : nh_json_next(r);
    return event == NH_JSON_ARRAY_END ? NH_ERR_NOT_FOUND : event;
}

static int take_value(nh_json_reader_t *r, int event, nh_span_t json, struct nh_value *out)
{
    nh_span_t text = nh_json_view(r);
    uint64_t begin = nh_json_value_begin(r);
    switch (event) {
    case NH_JSON_TRUE:
    case NH_JSON_FALSE:
        *out = nh_value_bool(event == NH_JSON_TRUE);
        return NH_OK;
    case NH_JSON_STRING:
        if (nh_json_is_cut(r))
            return NH_ERR_TOO_LONG;
        *out = nh_value_of_text(text);
        return NH_OK;
    case NH_JSON_NUMBER: // one too large for a double stays a text
        *out = nh_value_of_text(text);
        if (nh_json_is_cut(r))
            return NH_ERR_TOO_LONG;
        if (nh_json_double(r, &out->number) == 0)
            out->kind = NH_VALUE_NUMBER;
        return NH_OK;
    case NH_JSON_OBJECT_BEGIN:
    case NH_JSON_ARRAY_BEGIN:
        if (nh_json_skip(r) < 0)
            return NH_ERR_NOT_FOUND;
        *out =
            nh_value_of_text((nh_span_t){json.ptr + begin, (size_t)(nh_json_value_end(r) - begin)});
        return NH_OK;
    case NH_JSON_NULL:
        return NH_OK;
    default:
        return NH_ERR_NOT_FOUND;
    }
}

int nh_value_from_json(nh_span_t json, nh_span_t pointer, char *buf, size_t cap,
                       struct nh_value *out)
{
    nh_json_reader_t r;
    nh_span_t step;
    *out = (struct nh_value){.kind = NH_VALUE_NONE};
    if (cap == 0)
        return NH_ERR_TOO_LONG;
    if (pointer.len > 0 && pointer.ptr[0] != '/')
        return NH_ERR_NOT_FOUND;
    nh_json_reader_init(&r, &(struct nh_json_reader_config){buf, cap, 0, true});
    nh_json_feed(&r, json.ptr, json.len, true);
    int event = nh_json_next(&r);
    while (event > 0 && take_step(&pointer, &step)) {
        if (event == NH_JSON_OBJECT_BEGIN)
            event = to_member(&r, step);
        else if (event == NH_JSON_ARRAY_BEGIN)
            event = to_element(&r, step);
        else
            return NH_ERR_NOT_FOUND;
    }
    int err = event > 0 ? take_value(&r, event, json, out) : NH_ERR_NOT_FOUND;
    if (err < 0)
        *out = (struct nh_value){.kind = NH_VALUE_NONE};
    return err;
}

bool nh_match_payload(nh_rec_t match, nh_span_t payload)
{
    char buf[NH_MATCH_TEXT_MAX_BYTES];
    struct nh_value want = nh_value_from_scalar(nh_rec_scalar(match, NH_FIELD_VALUE));
    struct nh_value have = nh_value_of_text(payload);
    nh_span_t pointer = nh_rec_text(match, NH_FIELD_JSON);
    enum nh_match_op op =
        (enum nh_match_op)nh_rec_enum(match, NH_FIELD_OP, match.at ? NH_MATCH_EQUAL : NH_MATCH_ANY);
    if (pointer.len == 0)
        return nh_match_value(op, &have, &want) && (op != NH_MATCH_EXISTS || payload.len > 0);
    int err = nh_value_from_json(payload, pointer, buf, sizeof buf, &have);
    // A null is there, though it has no value.
    if (op == NH_MATCH_EXISTS)
        return err == NH_OK || err == NH_ERR_TOO_LONG;
    return nh_match_value(op, &have, &want);
}
