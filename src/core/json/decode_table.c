#include <string.h>

#include "core/json/decode.h"
#include "core/json/decode_value.h"
#include "core/json/json_text.h"

// Tables are constants of the program and nest at most NH_DECODE_DEPTH_MAX deep, so the walks below
// may recurse.

// ---- encode
// ------------------------------------------------------------------------------------

static void encode_object(nh_json_writer_t *w, const nh_json_field_t *fields, const uint8_t *base,
                          uint32_t flags);

static void encode_string(nh_json_writer_t *w, const nh_json_field_t *field, const char *text,
                          uint32_t flags)
{
    const char *nul = memchr(text, 0, field->size);
    size_t len = nul ? (size_t)(nul - text) : field->size;
    if (len > 0 && field->is_secret && (flags & NH_ENCODE_HIDE_SECRETS))
        nh_json_string(w, "***");
    else
        nh_json_string_n(w, text, len);
}

static void encode_enum(nh_json_writer_t *w, const nh_json_field_t *field, const void *from)
{
    int value;
    memcpy(&value, from, sizeof value);
    for (int i = 0; field->names[i]; i++)
        if (i == value)
            nh_json_string(w, field->names[i]);
    NH_ASSERT(w->err || !w->after_key); // the value has a name
}

static void encode_number(nh_json_writer_t *w, const nh_json_field_t *field, const void *from)
{
    double d;
    if (field->type == NH_JSON_T_DOUBLE) {
        memcpy(&d, from, sizeof d);
        nh_json_double_value(w, d);
        return;
    }
    struct nh__decode_int v = nh__decode_load_int(field, from);
    if (v.negative)
        nh_json_int(w, (int64_t)v.bits);
    else
        nh_json_uint(w, v.bits);
}

// `from` is the value; of an array its first element, `base` the struct with the count.
static void encode_value(nh_json_writer_t *w, const nh_json_field_t *field, const uint8_t *base,
                         const uint8_t *from, uint32_t flags)
{
    bool yes;
    uint32_t count;
    switch (field->type) {
    case NH_JSON_T_BOOL:
        memcpy(&yes, from, sizeof yes);
        nh_json_bool(w, yes);
        break;
    case NH_JSON_T_STRING:
        encode_string(w, field, (const char *)from, flags);
        break;
    case NH_JSON_T_ENUM:
        encode_enum(w, field, from);
        break;
    case NH_JSON_T_OBJECT:
        encode_object(w, field->fields, from, flags);
        break;
    case NH_JSON_T_ARRAY:
        memcpy(&count, base + field->count_offset, sizeof count);
        nh_json_array_begin(w);
        for (uint32_t i = 0; i < count && i < field->count_max; i++)
            encode_value(w, field->element, base, from + (size_t)i * field->element->size, flags);
        nh_json_array_end(w);
        break;
    default:
        encode_number(w, field, from);
    }
}

static void encode_object(nh_json_writer_t *w, const nh_json_field_t *fields, const uint8_t *base,
                          uint32_t flags)
{
    nh_json_object_begin(w);
    for (const nh_json_field_t *row = fields; row->name; row++) {
        if (row->is_streamed)
            continue; // nobody has its elements
        nh_json_key(w, row->name);
        encode_value(w, row, base, base + row->offset, flags);
    }
    nh_json_object_end(w);
}

void nh_json_encode_field(nh_json_writer_t *w, const nh_json_field_t *field, const void *value,
                          uint32_t flags)
{
    NH_ASSERT(field->type != NH_JSON_T_ARRAY); // its count stands elsewhere in the struct
    encode_value(w, field, value, value, flags);
}

void nh_json_encode_struct(nh_json_writer_t *w, const nh_json_field_t *fields, const void *s,
                           uint32_t flags)
{
    encode_object(w, fields, s, flags);
}

// ---- each
// --------------------------------------------------------------------------------------

struct each {
    nh_json_field_fn visit;
    void *ctx;
    char pointer[NH_JSON_POINTER_MAX];
};

static int each_row(struct each *e, size_t pointer_len, const nh_json_field_t *fields,
                    size_t offset);

// Adds a step to the pointer; one that does not fit is left out. Returns the new length.
static size_t add_step(struct each *e, size_t len, const char *name)
{
    size_t n = strlen(name);
    if (n + 1 < sizeof e->pointer - len) {
        e->pointer[len++] = '/';
        memcpy(e->pointer + len, name, n);
        len += n;
    }
    e->pointer[len] = '\0';
    return len;
}

static int each_field(struct each *e, size_t len, const nh_json_field_t *field, size_t offset)
{
    int stop = e->visit(e->ctx, e->pointer, field, offset);
    if (stop)
        return stop;
    if (field->type == NH_JSON_T_OBJECT)
        return each_row(e, len, field->fields, offset);
    if (field->type == NH_JSON_T_ARRAY) {
        len = add_step(e, len, "*");
        return each_field(e, len, field->element, offset);
    }
    return 0;
}

static int each_row(struct each *e, size_t len, const nh_json_field_t *fields, size_t offset)
{
    int stop = 0;
    for (const nh_json_field_t *row = fields; row->name && !stop; row++) {
        size_t row_len = add_step(e, len, row->name);
        stop = each_field(e, row_len, row, offset + row->offset);
    }
    return stop;
}

int nh_json_field_each(const nh_json_field_t *fields, nh_json_field_fn visit, void *ctx)
{
    struct each e = {.visit = visit, .ctx = ctx};
    return each_row(&e, 0, fields, 0);
}

// ---- check
// -------------------------------------------------------------------------------------

static const char *check_fields(const nh_json_field_t *fields, uint32_t depth,
                                const nh_json_field_t **bad);

static const char *check_int(const nh_json_field_t *f)
{
    struct nh__decode_int min, max;
    nh_json_field_t whole = *f;
    if (f->size != 1 && f->size != 2 && f->size != 4 && f->size != 8)
        return "an integer has a size of 1, 2, 4 or 8";
    if (f->min > f->max)
        return "the range is empty";
    whole.min = whole.max = 0;
    nh__decode_int_range(&whole, &min, &max);
    bool min_fits = f->min >= 0 || (f->is_signed && f->min >= (int64_t)min.bits);
    bool max_fits = f->max < 0 ? f->is_signed : (uint64_t)f->max <= max.bits;
    return min_fits && max_fits ? NULL : "the range does not fit the integer";
}

static const char *check_array(const nh_json_field_t *f, uint32_t depth,
                               const nh_json_field_t **bad);

static const char *check_field(const nh_json_field_t *f, uint32_t depth,
                               const nh_json_field_t **bad)
{
    *bad = f;
    switch (f->type) {
    case NH_JSON_T_BOOL:
        return f->size == sizeof(bool) ? NULL : "a bool has the size of bool";
    case NH_JSON_T_INT:
        return check_int(f);
    case NH_JSON_T_DOUBLE:
        if (f->size != sizeof(double))
            return "a double has the size of double";
        return f->dmin <= f->dmax ? NULL : "the range is empty";
    case NH_JSON_T_STRING:
        return f->size > 1 ? NULL : "a string has room for a byte and a NUL";
    case NH_JSON_T_ENUM:
        if (f->size != sizeof(int))
            return "an enum has the size of int";
        return f->names && f->names[0] ? NULL : "an enum has names";
    case NH_JSON_T_OBJECT:
        return f->fields ? check_fields(f->fields, depth + 1, bad) : "an object has fields";
    case NH_JSON_T_ARRAY:
        return check_array(f, depth + 1, bad);
    }
    return "this type does not exist";
}

static const char *check_array(const nh_json_field_t *f, uint32_t depth,
                               const nh_json_field_t **bad)
{
    if (!f->element || f->count_max == 0)
        return "an array has an element and a largest count";
    if (f->element->type == NH_JSON_T_ARRAY)
        return "an array of arrays is not supported";
    if (f->element->size == 0)
        return "an element has a size";
    if (depth >= NH_DECODE_DEPTH_MAX)
        return "nested too deep";
    return check_field(f->element, depth, bad);
}

static const char *check_fields(const nh_json_field_t *fields, uint32_t depth,
                                const nh_json_field_t **bad)
{
    const char *fault = NULL;
    *bad = fields;
    if (depth >= NH_DECODE_DEPTH_MAX)
        return "nested too deep";
    for (const nh_json_field_t *row = fields; row->name && !fault; row++) {
        *bad = row;
        if (row - fields >= NH_DECODE_FIELDS_MAX)
            return "too many rows in one table";
        for (const nh_json_field_t *other = fields; other < row; other++)
            if (strcmp(other->name, row->name) == 0)
                return "this name stands here twice";
        fault = check_field(row, depth, bad);
    }
    return fault;
}

const char *nh_json_fields_check(const nh_json_field_t *fields, const nh_json_field_t **bad)
{
    const char *fault = check_fields(fields, 0, bad);
    if (!fault)
        *bad = NULL;
    return fault;
}
