// write.c - a set as JSON or YAML, piece by piece, in the order of the schema.
//
// YAML is written with every text quoted as JSON has it, which YAML reads alike.

#include "components/devices/set_private.h"

#include "core/base/utf8.h"

#include <stdio.h>
#include <string.h>

#define TOKEN_MAX_BYTES 320u // what is written at once: a line's indent, a name, a number

enum { TEXT_NONE, TEXT_OPEN };

struct out {
    char *buf;
    size_t len, cap;
};

static void put(struct out *o, const char *text)
{
    size_t len = strlen(text);
    memcpy(o->buf + o->len, text, len);
    o->len += len;
}

static bool has_room(const struct out *o)
{
    return o->cap - o->len >= TOKEN_MAX_BYTES;
}

static bool is_yaml(const nh_device_writer_t *w)
{
    return w->form == NH_DEVICE_FORM_YAML;
}

static void new_line(struct out *o, uint32_t depth)
{
    put(o, "\n");
    for (uint32_t i = 0; i < depth; i++)
        put(o, "  ");
}

// ---- texts --------------------------------------------------------------------------------------

// As much of the open text as fits; whether it is all.
static bool put_text(nh_device_writer_t *w, struct out *o)
{
    while (w->text.len > 0) {
        uint8_t c = w->text.ptr[0];
        if (!has_room(o))
            return false;
        if (c == '"' || c == '\\') {
            o->buf[o->len++] = '\\';
            o->buf[o->len++] = (char)c;
        } else if (c == '\n') {
            put(o, "\\n");
        } else if (c < 0x20 || c == 0x7f) {
            o->len += (size_t)snprintf(o->buf + o->len, 8, "\\u%04x", c);
        } else {
            o->buf[o->len++] = (char)c;
        }
        w->text.ptr++;
        w->text.len--;
    }
    put(o, "\"");
    w->text_state = TEXT_NONE;
    return true;
}

static void open_text(nh_device_writer_t *w, struct out *o, nh_span_t text)
{
    put(o, "\"");
    w->text = text;
    w->text_state = TEXT_OPEN;
}

// ---- values -------------------------------------------------------------------------------------

static void put_scalar(nh_device_writer_t *w, struct out *o, struct nh_scalar v)
{
    char number[TOKEN_MAX_BYTES];
    switch (v.kind) {
    case NH_SCALAR_NONE:
    case NH_SCALAR_FALSE:
        put(o, "false");
        break;
    case NH_SCALAR_TRUE:
        put(o, "true");
        break;
    case NH_SCALAR_NUMBER:
        snprintf(number, 256, "%.*s", (int)(v.text.len < 255 ? v.text.len : 255),
                 (const char *)v.text.ptr);
        put(o, number);
        break;
    case NH_SCALAR_TEXT:
        open_text(w, o, v.text);
        break;
    }
}

// What the hub knows better.
static bool head_value(const nh_device_writer_t *w, enum nh_field f, struct out *o)
{
    char number[24];
    if (w->depth != 1)
        return false;
    if (f == NH_FIELD_GENERATION && w->head.generation) {
        snprintf(number, sizeof number, "%u", (unsigned)w->head.generation);
        put(o, number);
        return true;
    }
    if (f == NH_FIELD_SCHEMA)
        put(o, "2");
    return f == NH_FIELD_SCHEMA;
}

static const char *head_text(const nh_device_writer_t *w, enum nh_field f)
{
    if (w->depth != 1)
        return NULL;
    return f == NH_FIELD_ACTIVE_PROFILE ? w->head.active_profile
           : f == NH_FIELD_NAME         ? w->head.name
                                        : NULL;
}

static nh_span_t span_of(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

static void put_value(nh_device_writer_t *w, struct out *o, nh_rec_t r,
                      const struct nh_field_row *row)
{
    enum nh_field f = (enum nh_field)row->field;
    char number[24];
    if (head_value(w, f, o))
        return;
    switch (nh_field_kind(f)) {
    case NH_KIND_BOOL:
        put(o, nh_rec_bool(r, f, false) ? "true" : "false");
        break;
    case NH_KIND_INT:
        snprintf(number, sizeof number, "%lld", (long long)nh_rec_int(r, f, 0));
        put(o, number);
        break;
    case NH_KIND_ENUM:
        put(o, "\"");
        put(o, row->words[nh_rec_enum(r, f, 0)]);
        put(o, "\"");
        break;
    case NH_KIND_SCALAR:
        put_scalar(w, o, nh_rec_scalar(r, f));
        break;
    case NH_KIND_TEXT:
        open_text(w, o, head_text(w, f) ? span_of(head_text(w, f)) : nh_rec_text(r, f));
        break;
    default:
        break;
    }
}

// ---- containers ---------------------------------------------------------------------------------

static void push(nh_device_writer_t *w, const struct nh_field_object *object, nh_rec_t r,
                 enum nh_field list)
{
    w->level[w->depth].object = object;
    w->level[w->depth].rec = r;
    w->level[w->depth].row = 0;
    w->level[w->depth].field = (uint8_t)list;
    w->level[w->depth].index = 0;
    w->level[w->depth].is_first = true;
    w->depth++;
}

static bool is_there(const nh_device_writer_t *w, nh_rec_t r, enum nh_field f)
{
    if (w->depth == 1 && f == NH_FIELD_GENERATION && w->head.generation)
        return true;
    return head_text(w, f) || nh_rec_has(r, f);
}

static bool is_empty(nh_rec_t r, const struct nh_field_row *row)
{
    enum nh_field f = (enum nh_field)row->field;
    if (nh_field_kind(f) == NH_KIND_OBJECT)
        return *nh_rec_object(r, f).at == NH_FIELD_NONE;
    return nh_rec_count(r, f) == 0;
}

static bool is_container(enum nh_field_kind kind)
{
    return kind == NH_KIND_OBJECT || kind == NH_KIND_LIST || kind == NH_KIND_TEXTS;
}

static void put_field(nh_device_writer_t *w, struct out *o, nh_rec_t r,
                      const struct nh_field_row *row)
{
    enum nh_field f = (enum nh_field)row->field;
    enum nh_field_kind kind = nh_field_kind(f);
    bool opens = is_container(kind) && !is_empty(r, row);
    put(o, is_yaml(w) ? "" : "\"");
    put(o, nh_field_name(f));
    put(o, is_yaml(w) ? ":" : "\":");
    put(o, is_yaml(w) && opens ? "" : " ");
    if (!is_container(kind))
        put_value(w, o, r, row);
    else if (!opens) // on one line, as both forms have it
        put(o, kind == NH_KIND_OBJECT ? "{}" : "[]");
    else if (!is_yaml(w))
        put(o, kind == NH_KIND_OBJECT ? "{" : "[");
    if (!opens)
        return;
    if (kind == NH_KIND_OBJECT)
        push(w, row->object, nh_rec_object(r, f), NH_FIELD_NONE);
    else
        push(w, row->object, r, f);
}

// The next field of the object on top, or its end.
static void next_field(nh_device_writer_t *w, struct out *o)
{
    uint32_t top = w->depth - 1;
    const struct nh_field_row *row = &w->level[top].object->rows[w->level[top].row];
    nh_rec_t r = w->level[top].rec;
    if (!row->field) {
        if (!is_yaml(w)) {
            new_line(o, top);
            put(o, "}");
        }
        w->depth--;
        return;
    }
    w->level[top].row++;
    enum nh_field f = (enum nh_field)row->field;
    if (!is_there(w, r, f))
        return;
    // In YAML an object's first field stands beside the '-' of its element.
    bool beside = is_yaml(w) && w->level[top].is_first && top > 0 && w->level[top - 1].field;
    if (!is_yaml(w) && !w->level[top].is_first)
        put(o, ",");
    if (!beside && !(is_yaml(w) && top == 0 && w->level[top].is_first))
        new_line(o, is_yaml(w) ? top : top + 1);
    w->level[top].is_first = false;
    put_field(w, o, r, row);
}

// The next element of the list on top, or its end. `rec` is the object that has the list, then the
// element at hand.
static void next_element(nh_device_writer_t *w, struct out *o)
{
    uint32_t top = w->depth - 1;
    enum nh_field f = (enum nh_field)w->level[top].field;
    nh_rec_t owner = w->level[top - 1].rec;
    uint32_t index = w->level[top].index;
    if (index == nh_rec_count(owner, f)) {
        if (!is_yaml(w)) {
            new_line(o, top);
            put(o, "]");
        }
        w->depth--;
        return;
    }
    w->level[top].index++;
    if (!is_yaml(w) && index > 0)
        put(o, ",");
    new_line(o, is_yaml(w) ? top - 1 : top + 1);
    put(o, is_yaml(w) ? "  - " : "");
    if (nh_field_kind(f) == NH_KIND_TEXTS) {
        open_text(w, o, nh_rec_text_element(owner, f, index));
        return;
    }
    nh_rec_t r = index == 0 ? nh_rec_first(owner, f) : nh_rec_next(w->level[top].rec);
    w->level[top].rec = r;
    if (*r.at == NH_FIELD_NONE) {
        put(o, "{}");
        return;
    }
    put(o, is_yaml(w) ? "" : "{");
    push(w, w->level[top].object, r, NH_FIELD_NONE);
}

void nh_device_writer_init(nh_device_writer_t *w, const nh_device_set_t *s,
                           enum nh_device_form form, const struct nh_device_head *head)
{
    *w = (nh_device_writer_t){.set = s, .form = form};
    if (head)
        w->head = *head;
}

size_t nh_device_writer_next(nh_device_writer_t *w, char *buf, size_t cap)
{
    struct out o = {buf, 0, cap};
    while (has_room(&o) && !w->is_done) {
        if (w->text_state == TEXT_OPEN) {
            if (!put_text(w, &o))
                break;
            continue;
        }
        if (w->depth == 0 && w->level[0].object) {
            put(&o, "\n");
            w->is_done = true;
        } else if (w->depth == 0) {
            put(&o, is_yaml(w) ? "" : "{");
            push(w, &nh_schema_root, nh_device_set_root(w->set), NH_FIELD_NONE);
        } else if (w->level[w->depth - 1].field) {
            next_element(w, &o);
        } else {
            next_field(w, &o);
        }
    }
    return o.len;
}
