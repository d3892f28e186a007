// compile_values.c - the values of fields: their kind, range and text, to records.

#include "components/devices/compile_private.h"
#include "components/devices/words.h"

void nh_compile__wrong_type(nh_device_compiler_t *c, const struct nh_compile__value *v,
                            const char *want)
{
    nh_compile__tell(c, &v->pos, (struct nh_compile__told){"type", NULL, 0}, "%s is wanted here",
                     want);
}

static bool take_text(nh_device_compiler_t *c, const struct nh_compile__value *v,
                      const struct nh_field_row *row)
{
    char why[96];
    if (v->event != NH_JSON_STRING) {
        nh_compile__wrong_type(c, v, "a text");
        c->is_lossy = c->is_lossy || nh_compile__is_name(row);
        return false;
    }
    bool is_needed = row->needs != 0;
    if (nh_words__text((enum nh_text_class)row->text_class, v->text, is_needed, c->cfg.limits, why,
                       sizeof why) < 0) {
        nh_compile__tell(c, &v->pos, (struct nh_compile__told){"text", NULL, 0}, "%s", why);
        c->is_lossy = c->is_lossy || nh_compile__is_name(row);
        return false;
    }
    if (row->text_class == NH_TEXT_EXPRESSION && c->cfg.expression &&
        c->cfg.expression(v->text, why, sizeof why) < 0) {
        nh_compile__tell(c, &v->pos, (struct nh_compile__told){"expression", NULL, 0}, "%s", why);
        return false;
    }
    return true;
}

static void take_int(nh_device_compiler_t *c, const struct nh_compile__value *v,
                     const struct nh_field_row *row)
{
    int64_t n;
    bool may_be = v->event == NH_JSON_NUMBER || (v->event == NH_JSON_STRING && v->is_plain);
    if (!may_be || nh_words__int(v->text, &n) < 0) {
        nh_compile__wrong_type(c, v, "a whole number");
        return;
    }
    if (n < row->min || n > row->max) {
        nh_compile__tell(c, &v->pos, (struct nh_compile__told){"range", NULL, 0},
                         "%lld is not within %lld to %lld", (long long)n, (long long)row->min,
                         (long long)row->max);
        return;
    }
    nh_compile__put_byte(c, row->field);
    nh_compile__put_number(c, (uint64_t)n << 1 ^ (n < 0 ? UINT64_MAX : 0));
}

static void take_enum(nh_device_compiler_t *c, const struct nh_compile__value *v,
                      const struct nh_field_row *row)
{
    struct nh_compile__level *l = nh_compile__top(c);
    char list[120];
    for (int i = 0; v->event == NH_JSON_STRING && row->words[i]; i++) {
        if (!nh_words__equal(v->text, row->words[i]))
            continue;
        nh_compile__put_byte(c, row->field);
        nh_compile__put_byte(c, (uint8_t)i);
        if (l->object->has_type && row == l->object->rows)
            l->type = i;
        return;
    }
    bool is_type = row->field == NH_FIELD_TYPE;
    c->is_lossy = c->is_lossy || is_type;
    int len = v->event == NH_JSON_STRING ? (int)(v->text.len < 32 ? v->text.len : 32) : 0;
    nh_words__list(row->words, v->text, list, sizeof list);
    nh_compile__tell(c, &v->pos,
                     (struct nh_compile__told){is_type ? "unknown_type" : "unknown_word", NULL, 0},
                     "\"%.*s\" is none of %s", len, (const char *)v->text.ptr, list);
}

static bool is_word_bool(const struct nh_compile__value *v, bool *out)
{
    bool is_text = v->event == NH_JSON_STRING && v->is_plain;
    *out = v->event == NH_JSON_TRUE || (is_text && nh_words__equal(v->text, "true"));
    return *out || v->event == NH_JSON_FALSE || (is_text && nh_words__equal(v->text, "false"));
}

static void take_bool(nh_device_compiler_t *c, const struct nh_compile__value *v,
                      const struct nh_field_row *row)
{
    bool b;
    if (!is_word_bool(v, &b)) {
        nh_compile__wrong_type(c, v, "true or false");
        return;
    }
    nh_compile__put_byte(c, row->field);
    nh_compile__put_byte(c, b);
}

static void take_scalar(nh_device_compiler_t *c, const struct nh_compile__value *v,
                        const struct nh_field_row *row)
{
    bool b;
    enum nh_scalar_kind kind;
    if (is_word_bool(v, &b)) {
        nh_compile__put_byte(c, row->field);
        nh_compile__put_byte(c, b ? NH_SCALAR_TRUE : NH_SCALAR_FALSE);
        return;
    }
    if (v->event == NH_JSON_NUMBER || (v->is_plain && nh_words__is_number(v->text)))
        kind = NH_SCALAR_NUMBER;
    else if (take_text(c, v, row))
        kind = NH_SCALAR_TEXT;
    else
        return;
    uint32_t text = nh_compile__add_text(c, v->text);
    nh_compile__put_byte(c, row->field);
    nh_compile__put_byte(c, (uint8_t)kind);
    nh_compile__put_number(c, text);
}

static void take_field(nh_device_compiler_t *c, const struct nh_compile__value *v)
{
    const struct nh_field_row *row = nh_compile__top(c)->row;
    c->is_lossy = c->is_lossy || row->object;
    switch (nh_field_kind((enum nh_field)row->field)) {
    case NH_KIND_BOOL:
        take_bool(c, v, row);
        break;
    case NH_KIND_INT:
        take_int(c, v, row);
        break;
    case NH_KIND_ENUM:
        take_enum(c, v, row);
        break;
    case NH_KIND_TEXT:
        if (take_text(c, v, row)) {
            uint32_t text = nh_compile__add_text(c, v->text);
            nh_compile__put_byte(c, row->field);
            nh_compile__put_number(c, text);
        }
        break;
    case NH_KIND_SCALAR:
        take_scalar(c, v, row);
        break;
    case NH_KIND_OBJECT:
        nh_compile__wrong_type(c, v, "an object");
        break;
    case NH_KIND_LIST:
    case NH_KIND_TEXTS:
        nh_compile__wrong_type(c, v, "a list");
        break;
    }
}

void nh_compile__take_scalar(nh_device_compiler_t *c, const struct nh_compile__value *v)
{
    struct nh_compile__level *l = nh_compile__top(c);
    if (!l) {
        nh_compile__wrong_type(c, v, "an object");
    } else if (!l->is_list) {
        take_field(c, v);
    } else if (!nh_compile__element_fits(c, &v->pos)) {
        return;
    } else if (nh_field_kind((enum nh_field)l->row->field) != NH_KIND_TEXTS) {
        nh_compile__wrong_type(c, v, "an object");
        c->is_lossy = true;
        nh_compile__put_nothing(c);
    } else if (take_text(c, v, l->row)) {
        nh_compile__put_number(c, nh_compile__add_text(c, v->text));
        l->index++;
    } else {
        nh_compile__put_nothing(c);
    }
}
