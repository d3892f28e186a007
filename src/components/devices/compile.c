// compile.c - events of a document to records: one pass, nothing of the document is kept.

#include "components/devices/set_private.h"
#include "components/devices/words.h"

#include "core/base/hash.h"
#include "core/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LEVEL_MAX_COUNT NH_JSON_DEPTH_MAX
#define GROW_FIRST_BYTES 1024u
#define NO_TYPE (-1)

struct level {
    const struct nh_field_object *object; // of an object, or of a list's elements
    const struct nh_field_row *row; // an object's field at hand, NULL: none; or the list's own
    bool is_list;
    uint8_t depth;     // of steps within steps, or of conditions within conditions
    int type;          // of a typed object
    uint32_t count_at; // of a list: where its count is written
    uint32_t index;    // of a list: of the next element
    uint64_t seen;     // bit n: row n of the object
    struct nh_json_pos pos;
};

struct buffer {
    uint8_t *ptr;
    uint32_t len, cap;
};

struct nh_device_compiler {
    struct nh_device_compiler_config cfg;
    nh_json_reader_t reader;
    bool is_reading; // the reader has a chunk that is not used up
    uint64_t in_bytes;
    int err; // that ends it
    uint32_t error_count;
    uint32_t depth;
    uint32_t skip_depth; // containers open in a value that is not taken
    bool skip_value, is_whole;
    struct buffer records, texts, devices, scenarios;
    uint32_t *slot; // the texts by their hash: offset + 1
    uint32_t slot_count, text_count;
    struct level level[LEVEL_MAX_COUNT];
    char text[NH_DEVICE_TEXT_MAX_BYTES + 1];
};

// ---- memory -------------------------------------------------------------------------------------

static void fail(nh_device_compiler_t *c, int err)
{
    if (c->err == 0)
        c->err = err;
}

static bool reserve(nh_device_compiler_t *c, struct buffer *b, uint32_t more)
{
    if (c->err)
        return false;
    if (c->records.len + c->texts.len + c->devices.len + c->scenarios.len + more >
        c->cfg.limits->compiled_max_bytes) {
        fail(c, NH_ERR_TOO_LONG);
        return false;
    }
    if (more <= b->cap - b->len)
        return true;
    uint32_t cap = b->cap ? b->cap + b->cap / 2 : GROW_FIRST_BYTES;
    if (cap < b->len + more)
        cap = b->len + more;
    uint8_t *ptr = nh_mem_alloc(c->cfg.mem, cap, NH_MEM_BULK);
    if (!ptr) {
        fail(c, NH_ERR_NOMEM);
        return false;
    }
    if (b->ptr)
        memcpy(ptr, b->ptr, b->len);
    nh_mem_free(c->cfg.mem, b->ptr);
    b->ptr = ptr;
    b->cap = cap;
    return true;
}

static void append(nh_device_compiler_t *c, struct buffer *b, const void *bytes, uint32_t len)
{
    if (!reserve(c, b, len))
        return;
    memcpy(b->ptr + b->len, bytes, len);
    b->len += len;
}

static void put_byte(nh_device_compiler_t *c, uint8_t byte)
{
    append(c, &c->records, &byte, 1);
}

static void put_number(nh_device_compiler_t *c, uint64_t v)
{
    uint8_t bytes[10];
    append(c, &c->records, bytes, (uint32_t)nh_varint__put(bytes, v));
}

// ---- texts: each different one once ------------------------------------------------------------

static nh_span_t text_at(const nh_device_compiler_t *c, uint32_t offset)
{
    const uint8_t *at = c->texts.ptr + offset;
    size_t len = (size_t)nh_varint__get(&at);
    return (nh_span_t){at, len};
}

static bool slots_grow(nh_device_compiler_t *c)
{
    uint32_t count = c->slot_count ? 2 * c->slot_count : 64;
    uint32_t *slot = nh_mem_alloc_zero(c->cfg.mem, count * sizeof *slot, NH_MEM_BULK);
    if (!slot) {
        fail(c, NH_ERR_NOMEM);
        return false;
    }
    for (uint32_t i = 0; i < c->slot_count; i++) {
        if (!c->slot[i])
            continue;
        nh_span_t t = text_at(c, c->slot[i] - 1);
        uint32_t at = nh_hash32(t.ptr, t.len, 0) & (count - 1);
        while (slot[at])
            at = (at + 1) & (count - 1);
        slot[at] = c->slot[i];
    }
    nh_mem_free(c->cfg.mem, c->slot);
    c->slot = slot;
    c->slot_count = count;
    return true;
}

static uint32_t add_text(nh_device_compiler_t *c, nh_span_t text)
{
    uint8_t head[10];
    if (c->err || (2 * (c->text_count + 1) > c->slot_count && !slots_grow(c)))
        return 0;
    uint32_t at = nh_hash32(text.ptr, text.len, 0) & (c->slot_count - 1);
    for (; c->slot[at]; at = (at + 1) & (c->slot_count - 1)) {
        nh_span_t t = text_at(c, c->slot[at] - 1);
        if (t.len == text.len && memcmp(t.ptr, text.ptr, t.len) == 0)
            return c->slot[at] - 1;
    }
    uint32_t offset = c->texts.len;
    append(c, &c->texts, head, (uint32_t)nh_varint__put(head, text.len));
    append(c, &c->texts, text.ptr, (uint32_t)text.len);
    append(c, &c->texts, "", 1);
    if (c->err)
        return 0;
    c->slot[at] = offset + 1;
    c->text_count++;
    return offset;
}

// ---- findings -----------------------------------------------------------------------------------

static struct level *top(nh_device_compiler_t *c)
{
    return c->depth ? &c->level[c->depth - 1] : NULL;
}

static void make_pointer(const nh_device_compiler_t *c, const char *name, size_t name_len,
                         struct nh_pointer *p)
{
    nh_pointer__init(p);
    for (uint32_t i = 0; i < c->depth; i++) {
        const struct level *l = &c->level[i];
        if (l->is_list)
            nh_pointer__index(p, l->index);
        else if (l->row)
            nh_pointer__name(p, nh_field_name((enum nh_field)l->row->field), SIZE_MAX);
    }
    if (name)
        nh_pointer__name(p, name, name_len);
}

struct told {
    const char *code;
    const char *name; // one more step of the pointer; NULL: none
    size_t name_len;
};

static void tell(nh_device_compiler_t *c, const struct nh_json_pos *pos, struct told what,
                 const char *fmt, ...) NH_PRINTF(4, 5);
static void tell(nh_device_compiler_t *c, const struct nh_json_pos *pos, struct told what,
                 const char *fmt, ...)
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
    struct level *l = top(c);
    const struct nh_field_row *row = row_by_name(l->object, name);
    l->row = NULL;
    c->skip_value = true;
    struct told what = {"unknown_field", (const char *)name.ptr, name.len};
    if (!row) {
        const char *like = nh_words__like_row(l->object, name);
        tell(c, pos, what, "a %s has no field \"%.*s\"%s%s%s", l->object->name,
             (int)(name.len < 40 ? name.len : 40), (const char *)name.ptr,
             like ? "; did you mean \"" : "", like ? like : "", like ? "\"?" : "");
        return;
    }
    uint64_t bit = 1ull << (row - l->object->rows);
    what.code = "twice";
    if (l->seen & bit) {
        tell(c, pos, what, "\"%s\" stands there twice", nh_field_name((enum nh_field)row->field));
        return;
    }
    l->seen |= bit;
    l->row = row;
    c->skip_value = false;
}

// What the object lacks, and what its type does not have.
static void object_check(nh_device_compiler_t *c, const struct level *l)
{
    uint32_t type_bit = l->type >= 0 ? 1u << l->type : 0;
    const char *of = l->object->name;
    if (!l->object->has_type)
        type_bit = 1;
    for (const struct nh_field_row *r = l->object->rows; r->field; r++) {
        const char *name = nh_field_name((enum nh_field)r->field);
        bool is_there = l->seen >> (r - l->object->rows) & 1;
        if (!is_there && (r->needs & (type_bit ? type_bit : r == l->object->rows)))
            tell(c, &l->pos, (struct told){"required", name, SIZE_MAX}, "\"%s\" is missing", name);
        else if (is_there && r->uses && type_bit && !(r->uses & type_bit))
            tell(c, &l->pos, (struct told){"not_for_type", name, SIZE_MAX},
                 "a %s of type %s has no \"%s\"", of, l->object->rows[0].words[l->type], name);
    }
}

static void object_end(nh_device_compiler_t *c)
{
    struct level done = *top(c);
    top(c)->row = NULL;
    object_check(c, &done);
    put_byte(c, NH_FIELD_NONE);
    c->depth--;
    if (c->depth == 0)
        c->is_whole = true;
    else if (top(c)->is_list)
        top(c)->index++;
}

static void list_end(nh_device_compiler_t *c)
{
    const struct level *l = top(c);
    if (!c->err) {
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
static bool element_fits(nh_device_compiler_t *c, const struct nh_json_pos *pos)
{
    struct level *l = top(c);
    uint32_t limit = nh_device_list_limit(c->cfg.limits, l->row);
    if (l->index < limit)
        return true;
    if (l->seen == 0)
        tell(c, pos, (struct told){"too_many", NULL, 0}, "more than %u in \"%s\"", (unsigned)limit,
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
        append(c, &c->devices, &d, sizeof d);
    } else if (list->field == NH_FIELD_SCENARIOS) {
        const struct nh_device_set__scenario s = {at, devices - 1};
        append(c, &c->scenarios, &s, sizeof s);
    }
}

static void push(nh_device_compiler_t *c, const struct level *l, const struct nh_json_pos *pos)
{
    if (c->depth == LEVEL_MAX_COUNT) { // the reader's own limit is not above it
        fail(c, NH_ERR_TOO_DEEP);
        return;
    }
    c->level[c->depth] = *l;
    c->level[c->depth++].pos = *pos;
}

static void object_begin(nh_device_compiler_t *c, const struct nh_json_pos *pos)
{
    struct level *l = top(c);
    struct level new = {.object = &nh_schema_root, .type = NO_TYPE};
    if (l) {
        new.object = l->is_list ? l->object : l->row->object;
        new.depth = l->depth;
        if (l->is_list)
            note_place(c, l->row);
        else
            put_byte(c, l->row->field);
    }
    push(c, &new, pos);
}

static bool is_too_deep(nh_device_compiler_t *c, uint32_t depth, const struct nh_json_pos *pos)
{
    if (depth <= c->cfg.limits->depth_max)
        return false;
    tell(c, pos, (struct told){"too_deep", NULL, 0}, "nested deeper than %u",
         (unsigned)c->cfg.limits->depth_max);
    return true;
}

static bool list_begin(nh_device_compiler_t *c, const struct nh_json_pos *pos)
{
    struct level *l = top(c);
    struct level new = {
        .object = l->row->object, .row = l->row, .is_list = true, .depth = l->depth};
    if (l->row->is_recursive)
        new.depth++;
    // Conditions count anew: they hold no steps.
    if (l->row->is_recursive && l->row->object != l->object && l->row->object != &nh_schema_step)
        new.depth = 1;
    if (is_too_deep(c, new.depth, pos))
        return false;
    put_byte(c, l->row->field);
    new.count_at = c->records.len;
    put_byte(c, 0);
    put_byte(c, 0);
    push(c, &new, pos);
    return true;
}

// ---- values -------------------------------------------------------------------------------------

struct value {
    enum nh_json_event event;
    nh_span_t text;
    struct nh_json_pos pos;
    bool is_plain; // a YAML scalar without quotes
};

static void wrong_type(nh_device_compiler_t *c, const struct value *v, const char *want)
{
    tell(c, &v->pos, (struct told){"type", NULL, 0}, "%s is wanted here", want);
}

static bool take_text(nh_device_compiler_t *c, const struct value *v,
                      const struct nh_field_row *row)
{
    char why[96];
    if (v->event != NH_JSON_STRING) {
        wrong_type(c, v, "a text");
        return false;
    }
    bool is_needed = row->needs != 0;
    if (nh_words__text((enum nh_text_class)row->text_class, v->text, is_needed, c->cfg.limits, why,
                       sizeof why) < 0) {
        tell(c, &v->pos, (struct told){"text", NULL, 0}, "%s", why);
        return false;
    }
    if (row->text_class == NH_TEXT_EXPRESSION && c->cfg.expression &&
        c->cfg.expression(v->text, why, sizeof why) < 0) {
        tell(c, &v->pos, (struct told){"expression", NULL, 0}, "%s", why);
        return false;
    }
    return true;
}

static void take_int(nh_device_compiler_t *c, const struct value *v, const struct nh_field_row *row)
{
    int64_t n;
    bool may_be = v->event == NH_JSON_NUMBER || (v->event == NH_JSON_STRING && v->is_plain);
    if (!may_be || nh_words__int(v->text, &n) < 0) {
        wrong_type(c, v, "a whole number");
        return;
    }
    if (n < row->min || n > row->max) {
        tell(c, &v->pos, (struct told){"range", NULL, 0}, "%lld is not within %lld to %lld",
             (long long)n, (long long)row->min, (long long)row->max);
        return;
    }
    put_byte(c, row->field);
    put_number(c, (uint64_t)n << 1 ^ (n < 0 ? UINT64_MAX : 0));
}

static void take_enum(nh_device_compiler_t *c, const struct value *v,
                      const struct nh_field_row *row)
{
    struct level *l = top(c);
    char list[120];
    for (int i = 0; v->event == NH_JSON_STRING && row->words[i]; i++) {
        if (!nh_words__equal(v->text, row->words[i]))
            continue;
        put_byte(c, row->field);
        put_byte(c, (uint8_t)i);
        if (l->object->has_type && row == l->object->rows)
            l->type = i;
        return;
    }
    bool is_type = row->field == NH_FIELD_TYPE;
    int len = v->event == NH_JSON_STRING ? (int)(v->text.len < 32 ? v->text.len : 32) : 0;
    nh_words__list(row->words, v->text, list, sizeof list);
    tell(c, &v->pos, (struct told){is_type ? "unknown_type" : "unknown_word", NULL, 0},
         "\"%.*s\" is none of %s", len, (const char *)v->text.ptr, list);
}

static bool is_word_bool(const struct value *v, bool *out)
{
    bool is_text = v->event == NH_JSON_STRING && v->is_plain;
    *out = v->event == NH_JSON_TRUE || (is_text && nh_words__equal(v->text, "true"));
    return *out || v->event == NH_JSON_FALSE || (is_text && nh_words__equal(v->text, "false"));
}

static void take_bool(nh_device_compiler_t *c, const struct value *v,
                      const struct nh_field_row *row)
{
    bool b;
    if (!is_word_bool(v, &b)) {
        wrong_type(c, v, "true or false");
        return;
    }
    put_byte(c, row->field);
    put_byte(c, b);
}

static void take_scalar(nh_device_compiler_t *c, const struct value *v,
                        const struct nh_field_row *row)
{
    bool b;
    enum nh_scalar_kind kind;
    if (is_word_bool(v, &b)) {
        put_byte(c, row->field);
        put_byte(c, b ? NH_SCALAR_TRUE : NH_SCALAR_FALSE);
        return;
    }
    if (v->event == NH_JSON_NUMBER || (v->is_plain && nh_words__is_number(v->text)))
        kind = NH_SCALAR_NUMBER;
    else if (take_text(c, v, row))
        kind = NH_SCALAR_TEXT;
    else
        return;
    uint32_t text = add_text(c, v->text);
    put_byte(c, row->field);
    put_byte(c, (uint8_t)kind);
    put_number(c, text);
}

static void take_field(nh_device_compiler_t *c, const struct value *v)
{
    const struct nh_field_row *row = top(c)->row;
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
            uint32_t text = add_text(c, v->text);
            put_byte(c, row->field);
            put_number(c, text);
        }
        break;
    case NH_KIND_SCALAR:
        take_scalar(c, v, row);
        break;
    case NH_KIND_OBJECT:
        wrong_type(c, v, "an object");
        break;
    case NH_KIND_LIST:
    case NH_KIND_TEXTS:
        wrong_type(c, v, "a list");
        break;
    }
}

static void take_scalar_event(nh_device_compiler_t *c, const struct value *v)
{
    struct level *l = top(c);
    if (!l) {
        wrong_type(c, v, "an object");
    } else if (!l->is_list) {
        take_field(c, v);
    } else if (nh_field_kind((enum nh_field)l->row->field) != NH_KIND_TEXTS) {
        wrong_type(c, v, "an object");
        l->index++;
    } else if (element_fits(c, &v->pos)) {
        if (take_text(c, v, l->row))
            put_number(c, add_text(c, v->text));
        l->index++;
    }
}

// ---- events -------------------------------------------------------------------------------------

// Whether the container is taken.
static bool begin(nh_device_compiler_t *c, const struct value *v)
{
    bool is_object = v->event == NH_JSON_OBJECT_BEGIN;
    struct level *l = top(c);
    enum nh_field_kind kind = NH_KIND_OBJECT;
    if (l && !l->is_list)
        kind = nh_field_kind((enum nh_field)l->row->field);
    else if (l)
        kind = nh_field_kind((enum nh_field)l->row->field) == NH_KIND_LIST ? NH_KIND_OBJECT
                                                                           : NH_KIND_TEXT;
    bool wants_list = kind == NH_KIND_LIST || kind == NH_KIND_TEXTS;
    if (is_object ? kind != NH_KIND_OBJECT : !wants_list) {
        wrong_type(c, v,
                   wants_list               ? "a list"
                   : kind == NH_KIND_OBJECT ? "an object"
                                            : "no list or object");
        if (l && l->is_list)
            l->index++;
        return false;
    }
    if (l && l->is_list && !element_fits(c, &v->pos))
        return false;
    if (!is_object)
        return list_begin(c, &v->pos);
    object_begin(c, &v->pos);
    return true;
}

static void skip(nh_device_compiler_t *c, enum nh_json_event event)
{
    if (event == NH_JSON_OBJECT_BEGIN || event == NH_JSON_ARRAY_BEGIN)
        c->skip_depth++;
    else if (event == NH_JSON_OBJECT_END || event == NH_JSON_ARRAY_END)
        c->skip_depth--;
    if (c->skip_depth == 0)
        c->skip_value = false;
}

static void event(nh_device_compiler_t *c, const struct value *v)
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
        take_scalar_event(c, v);
    }
}

int nh_device_compiler_event(nh_device_compiler_t *c, enum nh_json_event e, nh_span_t text,
                             const struct nh_json_pos *pos, bool is_plain)
{
    const struct value v = {e, text, *pos, is_plain};
    if (!c->err)
        event(c, &v);
    return c->err;
}

// ---- JSON ---------------------------------------------------------------------------------------

void nh_device_compiler_broken(nh_device_compiler_t *c, const struct nh_json_pos *pos,
                               const char *text)
{
    tell(c, pos, (struct told){"syntax", NULL, 0}, "%s", text);
}

static int broken(nh_device_compiler_t *c)
{
    struct nh_json_error e;
    nh_json_error(&c->reader, &e);
    nh_device_compiler_broken(c, &e.pos, e.text);
    fail(c, NH_ERR_SYNTAX);
    return c->err;
}

static int too_long(nh_device_compiler_t *c)
{
    struct nh_json_pos pos = nh_json_pos(&c->reader);
    tell(c, &pos, (struct told){"too_long", NULL, 0}, "the document has more than %u bytes",
         (unsigned)c->cfg.limits->document_max_bytes);
    fail(c, NH_ERR_TOO_LONG);
    return c->err;
}

int nh_device_compiler_json(nh_device_compiler_t *c, const void *bytes, size_t len, bool last)
{
    int e;
    if (c->err)
        return c->err;
    c->in_bytes += len;
    if (c->in_bytes > c->cfg.limits->document_max_bytes)
        return too_long(c);
    nh_json_feed(&c->reader, bytes, len, last);
    while ((e = nh_json_next(&c->reader)) > 0 && !c->err) {
        struct value v = {.event = (enum nh_json_event)e, .pos = nh_json_pos(&c->reader)};
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
    put_byte(c, NH_FIELD_NONE); // no record stands at 0, and
    add_text(c, (nh_span_t){(const uint8_t *)"", 0});
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

// The checks of the whole are counted like those of the parts.
static void forward(void *ctx, const struct nh_device_finding *f)
{
    nh_device_compiler_t *c = ctx;
    c->error_count += !f->is_warning;
    if (c->cfg.finding)
        c->cfg.finding(c->cfg.ctx, f);
}

int nh_device_compiler_end(nh_device_compiler_t *c, nh_device_set_t **out)
{
    const struct nh_device_set__device end = {
        0, c->scenarios.len / (uint32_t)sizeof(struct nh_device_set__scenario)};
    const struct nh_json_pos start = {0, 1, 1};
    *out = NULL;
    if (!c->err && !c->is_whole && c->error_count == 0)
        nh_device_compiler_broken(c, &start, "the document is empty");
    append(c, &c->devices, &end, sizeof end);
    if (c->err == NH_ERR_TOO_LONG)
        tell(c, &start, (struct told){"too_long", NULL, 0}, "it takes more than %u bytes in memory",
             (unsigned)c->cfg.limits->compiled_max_bytes);
    if (c->err == NH_ERR_NOMEM)
        return NH_ERR_NOMEM;
    if (c->err || !c->is_whole)
        return NH_ERR_INVAL;
    nh_device_set_t *s = assemble(c);
    if (!s)
        return NH_ERR_NOMEM;
    // With parts left out the whole would seem to lack what it has: then the parts are enough.
    if (c->error_count == 0)
        nh_devices__check(s, c->cfg.limits, forward, c);
    if (c->error_count > 0) {
        nh_device_set_unref(s);
        return NH_ERR_INVAL;
    }
    *out = s;
    return NH_OK;
}
