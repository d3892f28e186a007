// compile.c - events of a document to records: one pass, nothing of the document is kept.

#include "components/devices/compile_private.h"
#include "components/devices/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NO_TYPE (-1)

// ---- findings -----------------------------------------------------------------------------------

struct nh_compile__level *nh_compile__top(nh_device_compiler_t *c)
{
    return c->depth ? &c->level[c->depth - 1] : NULL;
}

static void make_pointer(const nh_device_compiler_t *c, const char *name, size_t name_len,
                         struct nh_pointer *p)
{
    nh_pointer__init(p);
    for (uint32_t i = 0; i < c->depth; i++) {
        const struct nh_compile__level *l = &c->level[i];
        if (l->is_list)
            nh_pointer__index(p, l->index);
        else if (l->row)
            nh_pointer__name(p, nh_field_name((enum nh_field)l->row->field), SIZE_MAX);
    }
    if (name)
        nh_pointer__name(p, name, name_len);
}

void nh_compile__tell(nh_device_compiler_t *c, const struct nh_json_pos *pos,
                      struct nh_compile__told what, const char *fmt, ...)
{
    struct nh_device_finding f = {.code = what.code, .line = pos->line, .column = pos->column};
    struct nh_pointer p;
    va_list args;
    make_pointer(c, what.name, what.name_len, &p);
    memcpy(f.pointer, p.text, sizeof f.pointer);
    va_start(args, fmt);
    vsnprintf(f.text, sizeof f.text, fmt, args);
    va_end(args);
    c->error_count++;
    if (c->cfg.finding)
        c->cfg.finding(c->cfg.ctx, &f);
}

// A limit of the whole document, which is over it; the rest of it is looked at all the same.
static void tell_long(nh_device_compiler_t *c, const char *what, uint32_t limit, const char *unit)
{
    struct nh_device_finding f = {.code = "too_long", .line = 1, .column = 1};
    snprintf(f.text, sizeof f.text, "%s %u %s", what, (unsigned)limit, unit);
    c->error_count++;
    if (c->cfg.finding)
        c->cfg.finding(c->cfg.ctx, &f);
}

// ---- objects ------------------------------------------------------------------------------------

static const struct nh_field_row *row_by_name(const struct nh_field_object *o, nh_span_t name)
{
    for (const struct nh_field_row *r = o->rows; r->field; r++) {
        const char *own = nh_field_name((enum nh_field)r->field);
        if (nh_words__equal(name, own) || (r->alias && nh_words__equal(name, r->alias)))
            return r;
    }
    return NULL;
}

static void key(nh_device_compiler_t *c, nh_span_t name, const struct nh_json_pos *pos)
{
    struct nh_compile__level *l = nh_compile__top(c);
    const struct nh_field_row *row = row_by_name(l->object, name);
    l->row = NULL;
    c->skip_value = true;
    struct nh_compile__told what = {"unknown_field", (const char *)name.ptr, name.len};
    if (!row) {
        const char *like = nh_words__like_row(l->object, name);
        nh_compile__tell(c, pos, what, "a %s has no field \"%.*s\"%s%s%s", l->object->name,
                         (int)(name.len < 40 ? name.len : 40), (const char *)name.ptr,
                         like ? "; did you mean \"" : "", like ? like : "", like ? "\"?" : "");
        return;
    }
    uint64_t bit = 1ull << (row - l->object->rows);
    what.code = "twice";
    if (l->seen & bit) {
        nh_compile__tell(c, pos, what, "\"%s\" stands there twice",
                         nh_field_name((enum nh_field)row->field));
        return;
    }
    l->seen |= bit;
    l->row = row;
    c->skip_value = false;
}

bool nh_compile__is_name(const struct nh_field_row *row)
{
    enum nh_field_kind kind = nh_field_kind((enum nh_field)row->field);
    bool is_text = kind == NH_KIND_TEXT || kind == NH_KIND_TEXTS;
    return row->field == NH_FIELD_TYPE || row->object ||
           (is_text && (row->text_class == NH_TEXT_ID || row->text_class == NH_TEXT_NAME ||
                        row->text_class == NH_TEXT_FLAG));
}

// What the object lacks, and what its type does not have.
static void object_check(nh_device_compiler_t *c, const struct nh_compile__level *l)
{
    uint32_t type_bit = l->type >= 0 ? 1u << l->type : 0;
    const char *of = l->object->name;
    if (!l->object->has_type)
        type_bit = 1;
    for (const struct nh_field_row *r = l->object->rows; r->field; r++) {
        const char *name = nh_field_name((enum nh_field)r->field);
        bool is_there = l->seen >> (r - l->object->rows) & 1;
        bool is_missing = !is_there && (r->needs & (type_bit ? type_bit : r == l->object->rows));
        c->is_lossy = c->is_lossy || (is_missing && nh_compile__is_name(r));
        if (is_missing)
            nh_compile__tell(c, &l->pos, (struct nh_compile__told){"required", name, SIZE_MAX},
                             "\"%s\" is missing", name);
        else if (is_there && r->uses && type_bit && !(r->uses & type_bit))
            nh_compile__tell(c, &l->pos, (struct nh_compile__told){"not_for_type", name, SIZE_MAX},
                             "a %s of type %s has no \"%s\"", of, l->object->rows[0].words[l->type],
                             name);
    }
}

static void object_end(nh_device_compiler_t *c)
{
    struct nh_compile__level done = *nh_compile__top(c);
    nh_compile__top(c)->row = NULL;
    object_check(c, &done);
    nh_compile__put_byte(c, NH_FIELD_NONE);
    c->depth--;
    if (c->depth == 0)
        c->is_whole = true;
    else if (nh_compile__top(c)->is_list)
        nh_compile__top(c)->index++;
}

static void list_end(nh_device_compiler_t *c)
{
    const struct nh_compile__level *l = nh_compile__top(c);
    if (!c->err && !c->is_full) {
        c->records.ptr[l->count_at] = (uint8_t)l->index;
        c->records.ptr[l->count_at + 1] = (uint8_t)(l->index >> 8);
    }
    c->depth--;
}

uint32_t nh_device_list_limit(const struct nh_device_limits *l, const struct nh_field_row *row)
{
    if (row->max)
        return (uint32_t)row->max;
    if (row->field == NH_FIELD_DEVICES)
        return l->device_max_count;
    if (row->field == NH_FIELD_SCENARIOS)
        return l->scenario_max_count;
    return row->object == &nh_schema_step ? l->step_max_count : l->item_max_count;
}

// Whether one more element fits; told once.
bool nh_compile__element_fits(nh_device_compiler_t *c, const struct nh_json_pos *pos)
{
    struct nh_compile__level *l = nh_compile__top(c);
    uint32_t limit = nh_device_list_limit(c->cfg.limits, l->row);
    if (l->index < limit)
        return true;
    c->is_lossy = true;
    if (l->seen == 0)
        nh_compile__tell(c, pos, (struct nh_compile__told){"too_many", NULL, 0},
                         "more than %u in \"%s\"", (unsigned)limit,
                         nh_field_name((enum nh_field)l->row->field));
    l->seen = 1;
    return false;
}

static void note_place(nh_device_compiler_t *c, const struct nh_field_row *list)
{
    uint32_t at = c->records.len;
    uint32_t devices = c->devices.len / (uint32_t)sizeof(struct nh_device_set__device);
    uint32_t scenarios = c->scenarios.len / (uint32_t)sizeof(struct nh_device_set__scenario);
    if (list->field == NH_FIELD_DEVICES) {
        const struct nh_device_set__device d = {at, scenarios};
        nh_compile__append(c, &c->devices, &d, sizeof d);
    } else if (list->field == NH_FIELD_SCENARIOS) {
        const struct nh_device_set__scenario s = {at, devices - 1};
        nh_compile__append(c, &c->scenarios, &s, sizeof s);
    }
}

void nh_compile__put_nothing(nh_device_compiler_t *c)
{
    struct nh_compile__level *l = nh_compile__top(c);
    if (nh_field_kind((enum nh_field)l->row->field) == NH_KIND_TEXTS) {
        nh_compile__put_number(c, nh_compile__add_text(c, (nh_span_t){(const uint8_t *)"", 0}));
    } else {
        note_place(c, l->row);
        nh_compile__put_byte(c, NH_FIELD_NONE);
    }
    l->index++;
}

static void push(nh_device_compiler_t *c, const struct nh_compile__level *l,
                 const struct nh_json_pos *pos)
{
    if (c->depth == NH_COMPILE_LEVEL_MAX_COUNT) { // the reader's own limit is not above it
        nh_compile__fail(c, NH_ERR_TOO_DEEP);
        return;
    }
    c->level[c->depth] = *l;
    c->level[c->depth++].pos = *pos;
}

static void object_begin(nh_device_compiler_t *c, const struct nh_json_pos *pos)
{
    struct nh_compile__level *l = nh_compile__top(c);
    struct nh_compile__level new = {.object = &nh_schema_root, .type = NO_TYPE};
    if (l) {
        new.object = l->is_list ? l->object : l->row->object;
        new.depth = l->depth;
        if (l->is_list)
            note_place(c, l->row);
        else
            nh_compile__put_byte(c, l->row->field);
    }
    push(c, &new, pos);
}

static bool is_too_deep(nh_device_compiler_t *c, uint32_t depth, const struct nh_json_pos *pos)
{
    if (depth <= c->cfg.limits->depth_max)
        return false;
    nh_compile__tell(c, pos, (struct nh_compile__told){"too_deep", NULL, 0},
                     "nested deeper than %u", (unsigned)c->cfg.limits->depth_max);
    return true;
}

static bool list_begin(nh_device_compiler_t *c, const struct nh_json_pos *pos)
{
    struct nh_compile__level *l = nh_compile__top(c);
    struct nh_compile__level new = {
        .object = l->row->object, .row = l->row, .is_list = true, .depth = l->depth};
    if (l->row->is_recursive)
        new.depth++;
    // Conditions count anew: they hold no steps.
    if (l->row->is_recursive && l->row->object != l->object && l->row->object != &nh_schema_step)
        new.depth = 1;
    if (is_too_deep(c, new.depth, pos))
        return false;
    nh_compile__put_byte(c, l->row->field);
    new.count_at = c->records.len;
    nh_compile__put_byte(c, 0);
    nh_compile__put_byte(c, 0);
    push(c, &new, pos);
    return true;
}

// ---- events -------------------------------------------------------------------------------------

// Whether the container is taken.
static bool begin(nh_device_compiler_t *c, const struct nh_compile__value *v)
{
    bool is_object = v->event == NH_JSON_OBJECT_BEGIN;
    struct nh_compile__level *l = nh_compile__top(c);
    enum nh_field_kind kind = NH_KIND_OBJECT;
    if (l && !l->is_list)
        kind = nh_field_kind((enum nh_field)l->row->field);
    else if (l)
        kind = nh_field_kind((enum nh_field)l->row->field) == NH_KIND_LIST ? NH_KIND_OBJECT
                                                                           : NH_KIND_TEXT;
    if (l && l->is_list && !nh_compile__element_fits(c, &v->pos))
        return false;
    bool wants_list = kind == NH_KIND_LIST || kind == NH_KIND_TEXTS;
    if (is_object ? kind != NH_KIND_OBJECT : !wants_list) {
        nh_compile__wrong_type(c, v,
                               wants_list               ? "a list"
                               : kind == NH_KIND_OBJECT ? "an object"
                                                        : "no list or object");
        c->is_lossy = true;
        if (l && l->is_list)
            nh_compile__put_nothing(c);
        return false;
    }
    if (!is_object)
        return list_begin(c, &v->pos);
    object_begin(c, &v->pos);
    return true;
}

static void skip(nh_device_compiler_t *c, enum nh_json_event event)
{
    bool begins = event == NH_JSON_OBJECT_BEGIN || event == NH_JSON_ARRAY_BEGIN;
    c->is_lossy = c->is_lossy || begins;
    if (begins)
        c->skip_depth++;
    else if (event == NH_JSON_OBJECT_END || event == NH_JSON_ARRAY_END)
        c->skip_depth--;
    if (c->skip_depth == 0)
        c->skip_value = false;
}

static void event(nh_device_compiler_t *c, const struct nh_compile__value *v)
{
    if (c->skip_value || c->skip_depth) {
        skip(c, v->event);
        return;
    }
    switch (v->event) {
    case NH_JSON_OBJECT_BEGIN:
    case NH_JSON_ARRAY_BEGIN:
        if (!begin(c, v))
            c->skip_depth = 1;
        break;
    case NH_JSON_OBJECT_END:
        object_end(c);
        break;
    case NH_JSON_ARRAY_END:
        list_end(c);
        break;
    case NH_JSON_KEY:
        key(c, v->text, &v->pos);
        break;
    case NH_JSON_DONE:
        break;
    default:
        nh_compile__take_scalar(c, v);
    }
}

int nh_device_compiler_event(nh_device_compiler_t *c, enum nh_json_event e, nh_span_t text,
                             const struct nh_json_pos *pos, bool is_plain)
{
    const struct nh_compile__value v = {e, text, *pos, is_plain};
    if (!c->err)
        event(c, &v);
    return c->err;
}

// ---- JSON ---------------------------------------------------------------------------------------

void nh_device_compiler_broken(nh_device_compiler_t *c, const struct nh_json_pos *pos,
                               const char *text)
{
    nh_compile__tell(c, pos, (struct nh_compile__told){"syntax", NULL, 0}, "%s", text);
}

static int broken(nh_device_compiler_t *c)
{
    struct nh_json_error e;
    nh_json_error(&c->reader, &e);
    nh_device_compiler_broken(c, &e.pos, e.text);
    nh_compile__fail(c, NH_ERR_SYNTAX);
    return c->err;
}

void nh_device_compiler_count(nh_device_compiler_t *c, uint64_t bytes)
{
    uint32_t limit = c->cfg.limits->document_max_bytes;
    c->in_bytes += bytes;
    if (!c->is_long && c->in_bytes > limit)
        tell_long(c, "the document has more than", limit, "bytes");
    c->is_long = c->in_bytes > limit;
}

int nh_device_compiler_json(nh_device_compiler_t *c, const void *bytes, size_t len, bool last)
{
    int e;
    if (c->err)
        return c->err;
    nh_device_compiler_count(c, len);
    nh_json_feed(&c->reader, bytes, len, last);
    while ((e = nh_json_next(&c->reader)) > 0 && !c->err) {
        struct nh_compile__value v = {.event = (enum nh_json_event)e,
                                      .pos = nh_json_pos(&c->reader)};
        if (e == NH_JSON_DONE)
            break;
        if (e == NH_JSON_KEY || e == NH_JSON_STRING || e == NH_JSON_NUMBER)
            v.text = nh_json_view(&c->reader);
        event(c, &v);
    }
    if (!c->err && e < 0 && e != NH_ERR_AGAIN)
        return broken(c);
    return c->err;
}

// ---- life ---------------------------------------------------------------------------------------

int nh_device_compiler_create(const struct nh_device_compiler_config *cfg,
                              nh_device_compiler_t **out)
{
    nh_device_compiler_t *c = nh_mem_alloc_zero(cfg->mem, sizeof *c, NH_MEM_BULK);
    *out = c;
    if (!c)
        return NH_ERR_NOMEM;
    const struct nh_json_reader_config reader = {
        .text = c->text, .text_max_bytes = sizeof c->text, .cut_long = true};
    c->cfg = *cfg;
    nh_json_reader_init(&c->reader, &reader);
    nh_compile__put_byte(c, NH_FIELD_NONE); // no record stands at 0, and
    nh_compile__add_text(c, (nh_span_t){(const uint8_t *)"", 0});
    if (c->err == 0)
        return NH_OK;
    nh_device_compiler_destroy(c);
    *out = NULL;
    return NH_ERR_NOMEM;
}

void nh_device_compiler_destroy(nh_device_compiler_t *c)
{
    if (!c)
        return;
    nh_mem_t *mem = c->cfg.mem;
    nh_mem_free(mem, c->records.ptr);
    nh_mem_free(mem, c->texts.ptr);
    nh_mem_free(mem, c->devices.ptr);
    nh_mem_free(mem, c->scenarios.ptr);
    nh_mem_free(mem, c->slot);
    nh_mem_free(mem, c);
}

uint32_t nh_device_compiler_errors(const nh_device_compiler_t *c)
{
    return c->error_count;
}

// All in one block: the head, what is aligned to words, then bytes.
static nh_device_set_t *assemble(nh_device_compiler_t *c)
{
    uint32_t bytes = (uint32_t)sizeof(nh_device_set_t) + c->devices.len + c->scenarios.len +
                     c->records.len + c->texts.len;
    nh_device_set_t *s = nh_mem_alloc(c->cfg.mem, bytes, NH_MEM_BULK);
    if (!s)
        return NULL;
    uint8_t *at = (uint8_t *)(s + 1);
    *s = (nh_device_set_t){
        .mem = c->cfg.mem,
        .ref_count = 1,
        .device_count = c->devices.len / (uint32_t)sizeof(struct nh_device_set__device) - 1,
        .scenario_count = c->scenarios.len / (uint32_t)sizeof(struct nh_device_set__scenario),
        .record_bytes = c->records.len,
        .text_bytes = c->texts.len,
        .bytes = bytes};
    s->devices = (const void *)at;
    memcpy(at, c->devices.ptr, c->devices.len);
    s->scenarios = (const void *)(at += c->devices.len);
    if (c->scenarios.len)
        memcpy(at, c->scenarios.ptr, c->scenarios.len);
    s->records = at += c->scenarios.len;
    memcpy(at, c->records.ptr, c->records.len);
    s->texts = at += c->records.len;
    memcpy(at, c->texts.ptr, c->texts.len);
    return s;
}

static bool is_one_of(const char *code, const char *const *codes)
{
    for (; *codes; codes++)
        if (strcmp(code, *codes) == 0)
            return true;
    return false;
}

// The checks of the whole are counted like those of the parts. What a part lost is not missed
// again: with a name or a list refused, references look in vain, and with a value refused another
// one seems to be needed.
static void forward(void *ctx, const struct nh_device_finding *f)
{
    static const char *const of_values[] = {"required", "endless_loop", NULL};
    static const char *const of_names[] = {
        "no_device",      "no_scenario", "no_command",     "no_step",
        "flag_never_set", "empty_list",  "empty_scenario", NULL};
    nh_device_compiler_t *c = ctx;
    if ((c->part_errors > 0 && is_one_of(f->code, of_values)) ||
        (c->is_lossy && is_one_of(f->code, of_names)))
        return;
    c->error_count += !f->is_warning;
    if (c->cfg.finding)
        c->cfg.finding(c->cfg.ctx, f);
}

// Whatever form it came in, it is kept as JSON and read again under the same limit.
static void check_saved(nh_device_compiler_t *c, const nh_device_set_t *s)
{
    const struct nh_device_head head = {.generation = UINT32_MAX};
    uint32_t limit = c->cfg.limits->document_max_bytes;
    uint64_t bytes = 0;
    nh_device_writer_t w;
    char piece[512];
    size_t n = 1;
    nh_device_writer_init(&w, s, NH_DEVICE_FORM_JSON, &head);
    for (; n > 0 && bytes <= limit; bytes += n)
        n = nh_device_writer_next(&w, piece, sizeof piece);
    if (bytes > limit && !c->is_long)
        tell_long(c, "as it is saved the document has more than", limit, "bytes");
}

int nh_device_compiler_end(nh_device_compiler_t *c, nh_device_set_t **out)
{
    const struct nh_device_set__device end = {
        0, c->scenarios.len / (uint32_t)sizeof(struct nh_device_set__scenario)};
    const struct nh_json_pos start = {0, 1, 1};
    *out = NULL;
    if (!c->err && !c->is_whole && c->error_count == 0)
        nh_device_compiler_broken(c, &start, "the document is empty");
    nh_compile__append(c, &c->devices, &end, sizeof end);
    if (c->err == NH_ERR_NOMEM)
        return NH_ERR_NOMEM;
    if (c->is_full)
        tell_long(c, "it takes more than", c->cfg.limits->compiled_max_bytes, "bytes in memory");
    if (c->err || !c->is_whole || c->is_full)
        return NH_ERR_INVAL;
    nh_device_set_t *s = assemble(c);
    if (!s)
        return NH_ERR_NOMEM;
    c->part_errors = c->error_count;
    nh_devices__check(s, c->cfg.limits, c->cfg.lamp, forward, c);
    check_saved(c, s);
    if (c->error_count > 0) {
        nh_device_set_unref(s);
        return NH_ERR_INVAL;
    }
    *out = s;
    return NH_OK;
}
