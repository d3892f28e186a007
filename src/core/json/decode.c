#include "core/json/decode.h"

#include <string.h>

#include "core/json/decode_value.h"
#include "core/json/json_text.h"

void nh_decoder_init(nh_decoder_t *d, const nh_json_field_t *fields, void *out,
                     nh_finding_fn findings, void *ctx, uint32_t flags)
{
    *d = (nh_decoder_t){
        .findings = findings, .ctx = ctx, .flags = flags, .root = fields, .out = out};
}

void nh_decoder_elements(nh_decoder_t *d, const struct nh_decode_elements *e)
{
    d->elements = e;
}

static struct nh__decode_level *top(nh_decoder_t *d)
{
    return d->depth ? &d->levels[d->depth - 1] : NULL;
}

// ---- findings
// ----------------------------------------------------------------------------------

static void put_pointer_name(struct nh__text *t, const char *name, size_t len)
{
    nh__text_put(t, "/");
    for (size_t i = 0; i < len; i++) {
        if (name[i] == '~' || name[i] == '/')
            nh__text_put(t, name[i] == '~' ? "~0" : "~1");
        else
            nh__text_put_n(t, (uint8_t)name[i] < 0x20 ? "?" : &name[i], 1);
    }
}

// The path to the value at hand; `name` (may be NULL) is one more step.
static void make_pointer(const nh_decoder_t *d, const char *name, size_t name_len, char *out)
{
    struct nh__text t;
    nh__text_init(&t, out, NH_JSON_POINTER_MAX);
    for (uint32_t i = 0; i < d->depth; i++) {
        const struct nh__decode_level *level = &d->levels[i];
        if (!level->fields) {
            nh__text_put(&t, "/");
            nh__text_put_uint(&t, level->index);
        } else if (level->field) {
            put_pointer_name(&t, level->field->name, strlen(level->field->name));
        }
    }
    if (name)
        put_pointer_name(&t, name, name_len);
    nh__text_end(&t);
}

static void make_value(const struct nh__decode_scalar *v, char *out, size_t size)
{
    static const char *const words[] = {
        [NH_JSON_OBJECT_BEGIN] = "an object",
        [NH_JSON_ARRAY_BEGIN] = "an array",
        [NH_JSON_TRUE] = "true",
        [NH_JSON_FALSE] = "false",
        [NH_JSON_NULL] = "null",
    };
    struct nh__text t;
    nh__text_init(&t, out, size);
    bool quoted = v->event == NH_JSON_STRING && !(v->flags & NH_DECODE_TEXT_PLAIN);
    if (quoted || v->event == NH_JSON_KEY || v->event == NH_JSON_STRING ||
        v->event == NH_JSON_NUMBER) {
        nh__text_put(&t, quoted ? "\"" : "");
        nh__text_put_n(&t, v->len ? v->text : "", v->len);
        nh__text_put(&t, quoted ? "\"" : "");
    } else if (v->event < NH_ARRAY_LEN(words) && words[v->event]) {
        nh__text_put(&t, words[v->event]);
    }
    nh__text_end(&t);
}

static const char *text_of(int code)
{
    switch (code) {
    case NH_ERR_TYPE:
        return "this value has the wrong type";
    case NH_ERR_RANGE:
        return "this value is out of its range";
    case NH_ERR_TOO_LONG:
        return "this text is too long";
    case NH_ERR_FULL:
        return "this array has too many elements";
    case NH_ERR_EXISTS:
        return "this key stands here twice; the first counts";
    case NH_ERR_NOT_FOUND:
        return "this key is required and missing";
    default:
        return "this value is not allowed";
    }
}

static void report(nh_decoder_t *d, struct nh_finding *f)
{
    if (f->is_warning)
        d->warning_count++;
    else if (d->error_count++ == 0)
        d->first_error = f->code;
    if (d->findings && d->error_count + d->warning_count <= NH_DECODE_FINDINGS_MAX)
        d->findings(d->ctx, f);
}

static void set_text(struct nh_finding *f, const char *text)
{
    struct nh__text t;
    nh__text_init(&t, f->text, sizeof f->text);
    nh__text_put(&t, text);
    nh__text_end(&t);
}

// A finding about the value at hand, which `field` describes.
static void find_value(nh_decoder_t *d, int code, const nh_json_field_t *field,
                       const struct nh__decode_scalar *v, const struct nh_json_pos *pos)
{
    struct nh_finding f = {.code = code, .line = pos->line, .column = pos->column};
    make_pointer(d, NULL, 0, f.pointer);
    if (field->is_secret)
        memcpy(f.value, "***", 4);
    else
        make_value(v, f.value, sizeof f.value);
    nh_json_field_limit(field, f.limit, sizeof f.limit);
    set_text(&f, code == NH_ERR_INVAL && field->type == NH_JSON_T_STRING
                     ? "this text has a NUL byte"
                     : text_of(code));
    report(d, &f);
}

static void list_keys(const nh_json_field_t *fields, char *out, size_t size)
{
    struct nh__text t;
    nh__text_init(&t, out, size);
    for (const nh_json_field_t *f = fields; f->name; f++) {
        nh__text_put(&t, f == fields ? "one of " : ", ");
        nh__text_put(&t, f->name);
    }
    nh__text_end(&t);
}

static void find_unknown(nh_decoder_t *d, const struct nh__decode_scalar *key,
                         const struct nh_json_pos *pos)
{
    struct nh_finding f = {.code = NH_ERR_NOT_FOUND, .line = pos->line, .column = pos->column};
    f.is_warning = !(d->flags & NH_DECODE_UNKNOWN_IS_ERROR);
    d->unknown_count++;
    make_pointer(d, key->text, key->len, f.pointer);
    make_value(key, f.value, sizeof f.value);
    list_keys(top(d)->fields, f.limit, sizeof f.limit);
    set_text(&f, "this key is not known here");
    report(d, &f);
}

static void find_missing(nh_decoder_t *d, const struct nh__decode_level *level)
{
    for (const nh_json_field_t *row = level->fields; row->name; row++) {
        if (!row->required || (level->seen >> (row - level->fields) & 1))
            continue;
        struct nh_finding f = {
            .code = NH_ERR_NOT_FOUND, .line = level->line, .column = level->column};
        make_pointer(d, row->name, strlen(row->name), f.pointer);
        nh_json_field_limit(row, f.limit, sizeof f.limit);
        set_text(&f, text_of(NH_ERR_NOT_FOUND));
        report(d, &f);
    }
}

void nh_decoder_broken(nh_decoder_t *d, int code, const struct nh_json_pos *pos,
                       const char *pointer, const char *text)
{
    struct nh_finding f = {.code = code, .line = pos->line, .column = pos->column};
    struct nh__text t;
    nh__text_init(&t, f.pointer, sizeof f.pointer);
    nh__text_put(&t, pointer ? pointer : "");
    nh__text_end(&t);
    set_text(&f, text);
    d->is_done = true; // what is missing, is missing for that reason
    report(d, &f);
}

// ---- events
// ------------------------------------------------------------------------------------

static uint8_t *element_at(nh_decoder_t *d, const struct nh__decode_level *level)
{
    const nh_json_field_t *array = level->field;
    if (array->is_streamed)
        return d->elements->scratch;
    return level->base + array->offset + (size_t)level->index * array->element->size;
}

// What the value at hand goes into: its field and its place; NULL: nothing.
static const nh_json_field_t *target(nh_decoder_t *d, uint8_t **to)
{
    struct nh__decode_level *level = top(d);
    if (!level)
        return NULL;
    if (level->fields) {
        *to = level->field ? level->base + level->field->offset : NULL;
        return level->field;
    }
    *to = element_at(d, level);
    return level->field->element;
}

static void push(nh_decoder_t *d, const nh_json_field_t *fields, const nh_json_field_t *field,
                 uint8_t *base, const struct nh_json_pos *pos)
{
    NH_ASSERT(d->depth < NH_DECODE_DEPTH_MAX); // nh_json_fields_check() tells it of a table
    d->levels[d->depth++] = (struct nh__decode_level){
        .fields = fields, .field = field, .base = base, .line = pos->line, .column = pos->column};
}

static void give_element(nh_decoder_t *d, const struct nh__decode_level *level)
{
    const struct nh_decode_elements *e = d->elements;
    if (d->has_element && d->error_count == d->errors_before && e->take)
        e->take(e->ctx, level->field, level->index, e->scratch, &d->element_pos);
    d->has_element = false;
}

// A value has ended: the next one is the next element, or of the next key.
static void advance(nh_decoder_t *d)
{
    struct nh__decode_level *level = top(d);
    d->skip_value = false;
    if (level && level->fields) {
        level->field = NULL;
    } else if (level) {
        if (level->field->is_streamed)
            give_element(d, level);
        level->index++;
    }
}

static void on_key(nh_decoder_t *d, const struct nh__decode_scalar *key,
                   const struct nh_json_pos *pos)
{
    struct nh__decode_level *level = top(d);
    const nh_json_field_t *row = level->fields;
    while (row->name &&
           (strlen(row->name) != key->len || memcmp(row->name, key->text, key->len) != 0))
        row++;
    level->field = NULL;
    d->skip_value = true;
    if (!row->name || (key->flags & NH_DECODE_TEXT_CUT)) {
        find_unknown(d, key, pos);
        return;
    }
    uint64_t bit = (uint64_t)1 << (row - level->fields);
    level->field = row;
    d->skip_value = level->seen & bit;
    if (d->skip_value)
        find_value(d, NH_ERR_EXISTS, row, key, pos);
    level->seen |= bit;
}

// Room for one more element: counts it and gives it its defaults. False: the array is full.
static bool begin_element(nh_decoder_t *d, const struct nh__decode_scalar *v,
                          const struct nh_json_pos *pos)
{
    struct nh__decode_level *level = top(d);
    const nh_json_field_t *array = level->field, *element = array->element;
    uint32_t count = level->index + 1;
    if (level->index >= array->count_max) {
        if (level->index == array->count_max)
            find_value(d, NH_ERR_FULL, array, v, pos);
        return false;
    }
    memcpy(level->base + array->count_offset, &count, sizeof count);
    if (array->is_streamed) {
        d->has_element = d->elements && element->size <= d->elements->scratch_bytes;
        d->errors_before = d->error_count;
        d->element_pos = *pos;
        if (!d->has_element)
            return false;
    }
    uint8_t *to = element_at(d, level);
    if (array->element_default)
        memcpy(to, array->element_default, element->size);
    else
        memset(to, 0, element->size);
    return true;
}

static void begin_array(nh_decoder_t *d, const nh_json_field_t *field,
                        const struct nh_json_pos *pos)
{
    uint32_t none = 0;
    uint8_t *base = top(d)->base;
    memcpy(base + field->count_offset, &none, sizeof none); // the defaults are replaced
    push(d, NULL, field, base, pos);
}

// The first event of a value.
static void on_value(nh_decoder_t *d, const struct nh__decode_scalar *v,
                     const struct nh_json_pos *pos)
{
    bool is_container = v->event == NH_JSON_OBJECT_BEGIN || v->event == NH_JSON_ARRAY_BEGIN;
    bool skip = d->skip_value;
    if (!skip && top(d) && !top(d)->fields)
        skip = !begin_element(d, v, pos);
    uint8_t *to = NULL;
    const nh_json_field_t *field = skip ? NULL : target(d, &to);
    int err = 0;
    if (field && v->event == NH_JSON_OBJECT_BEGIN && field->type == NH_JSON_T_OBJECT) {
        push(d, field->fields, NULL, to, pos);
        return;
    }
    if (field && v->event == NH_JSON_ARRAY_BEGIN && field->type == NH_JSON_T_ARRAY) {
        begin_array(d, field, pos);
        return;
    }
    if (field)
        err = is_container ? NH_ERR_TYPE : nh__decode_store(field, v, to);
    if (err)
        find_value(d, err, field, v, pos);
    if (is_container)
        d->skip_depth = 1;
    else
        advance(d);
}

static void on_end(nh_decoder_t *d)
{
    struct nh__decode_level *level = top(d);
    if (level->fields) {
        level->field = NULL;
        find_missing(d, level);
    }
    d->depth--;
    d->is_done = d->depth == 0;
    advance(d);
}

// The outermost value must be an object.
static void on_root(nh_decoder_t *d, const struct nh__decode_scalar *v,
                    const struct nh_json_pos *pos)
{
    static const nh_json_field_t object = {.type = NH_JSON_T_OBJECT};
    if (v->event == NH_JSON_OBJECT_BEGIN) {
        push(d, d->root, NULL, d->out, pos);
        return;
    }
    find_value(d, NH_ERR_TYPE, &object, v, pos);
    d->is_done = true;
    d->skip_depth = v->event == NH_JSON_ARRAY_BEGIN;
}

void nh_decoder_event(nh_decoder_t *d, enum nh_json_event event, const char *text, size_t len,
                      const struct nh_json_pos *pos, uint32_t text_flags)
{
    struct nh__decode_scalar v = {event, text, len, text_flags};
    bool is_begin = event == NH_JSON_OBJECT_BEGIN || event == NH_JSON_ARRAY_BEGIN;
    bool is_end = event == NH_JSON_OBJECT_END || event == NH_JSON_ARRAY_END;
    if (d->skip_depth > 0) {
        d->skip_depth += is_begin;
        d->skip_depth -= is_end;
        if (d->skip_depth == 0)
            advance(d);
    } else if (d->is_done || event == NH_JSON_DONE) {
        return;
    } else if (d->depth == 0) {
        on_root(d, &v, pos);
    } else if (event == NH_JSON_KEY) {
        on_key(d, &v, pos);
    } else if (is_end) {
        on_end(d);
    } else {
        on_value(d, &v, pos);
    }
}

int nh_decoder_end(nh_decoder_t *d)
{
    // A YAML file may be empty: then it is an object without keys.
    if (!d->is_done) {
        struct nh__decode_level empty = {.fields = d->root, .line = 1, .column = 1};
        d->depth = 0;
        d->is_done = true;
        find_missing(d, &empty);
    }
    return d->first_error;
}

// ---- from the reader
// ---------------------------------------------------------------------------

int nh_decoder_pull(nh_decoder_t *d, nh_json_reader_t *r)
{
    for (;;) {
        int event = nh_json_next(r);
        if (event == NH_ERR_AGAIN)
            return event;
        if (event < 0) {
            struct nh_json_error e;
            nh_json_error(r, &e);
            nh_decoder_broken(d, e.code, &e.pos, e.pointer, e.text);
        }
        if (event < 0 || event == NH_JSON_DONE)
            return nh_decoder_end(d);
        struct nh_json_pos pos = nh_json_pos(r);
        nh_span_t view = nh_json_view(r);
        nh_decoder_event(d, (enum nh_json_event)event, (const char *)view.ptr, view.len, &pos,
                         nh_json_is_cut(r) ? NH_DECODE_TEXT_CUT : 0);
    }
}

int nh_json_decode(const char *text, size_t len, const nh_json_field_t *fields, void *out,
                   nh_finding_fn findings, void *ctx, uint32_t flags)
{
    char buffer[NH_DECODE_TEXT_MAX];
    struct nh_json_reader_config cfg = {
        .text = buffer, .text_max_bytes = sizeof buffer, .cut_long = true};
    nh_json_reader_t reader;
    nh_decoder_t decoder;
    nh_json_reader_init(&reader, &cfg);
    nh_decoder_init(&decoder, fields, out, findings, ctx, flags);
    nh_json_feed(&reader, text, len, true);
    return nh_decoder_pull(&decoder, &reader);
}
