// The writer of the document. It goes on where the last buffer was full: a part that did not fit is
// taken back and is the first of the next.

#include "components/macropad/macro_codec.h"

#include <string.h>

enum step {
    STEP_HEAD,
    STEP_TEMPLATE, // one for each
    STEP_SCREENS = STEP_TEMPLATE + NH_MACROPAD_TEMPLATE_COUNT,
    STEP_BUTTONS,
    STEP_END,
};

enum part { PART_SCREEN, PART_LABEL, PART_PAYLOAD, PART_ICON, PART_COLORS, PART_COUNT };

void nh_macro_encoder_init(nh_macro_encoder_t *e, nh_macro_set_t *set, enum nh_macro_form form)
{
    memset(e, 0, sizeof *e);
    e->set = nh_macro_set_ref(set);
    e->form = form;
    nh_json_writer_init(&e->w, nh_json_buf_sink, NULL);
}

void nh_macro_encoder_deinit(nh_macro_encoder_t *e)
{
    nh_macro_set_unref(e->set);
    e->set = NULL;
}

static void kv_text(nh_macro_encoder_t *e, const char *key, nh_span_t text)
{
    if (e->form == NH_MACRO_SPARSE && text.len == 0)
        return;
    nh_json_key(&e->w, key);
    nh_json_string_n(&e->w, (const char *)text.ptr, text.len);
}

static void kv_color(nh_macro_encoder_t *e, const char *key, uint32_t color)
{
    if (color != NH_MACROPAD_COLOR_UNSET)
        nh_json_kv_uint(&e->w, key, color);
}

static void write_head(nh_macro_encoder_t *e)
{
    const struct nh_macropad_colors *c = nh_macro_set_get_colors(e->set);
    nh_json_object_begin(&e->w);
    if (e->form == NH_MACRO_WHOLE)
        nh_json_kv_bool(&e->w, "success", true);
    nh_json_kv_uint(&e->w, "version", NH_MACROPAD_DOCUMENT_VERSION);
    if (e->form == NH_MACRO_WHOLE)
        nh_json_kv_uint(&e->w, "buttons_per_screen", NH_MACROPAD_SLOT_COUNT);
    nh_json_key(&e->w, "defaults");
    nh_json_object_begin(&e->w);
    kv_color(e, "screen_bg", c->screen_bg);
    kv_color(e, "button_bg", c->button_bg);
    kv_color(e, "icon_color", c->icon);
    kv_color(e, "label_color", c->label);
    nh_json_object_end(&e->w);
    if (e->form == NH_MACRO_WHOLE) {
        nh_json_key(&e->w, "templates");
        nh_json_array_begin(&e->w);
    }
}

static void write_template(nh_macro_encoder_t *e, const struct nh_macropad_template_info *t)
{
    nh_json_object_begin(&e->w);
    nh_json_kv_string(&e->w, "id", t->id);
    nh_json_kv_string(&e->w, "name", t->name);
    nh_json_key(&e->w, "selector_layout");
    nh_json_object_begin(&e->w);
    nh_json_kv_uint(&e->w, "columns", t->columns);
    nh_json_key(&e->w, "cells");
    nh_json_array_begin(&e->w);
    for (unsigned i = 0; i < t->cell_count; i++)
        if (t->cells[i] == NH_MACROPAD_CELL_NONE)
            nh_json_null(&e->w);
        else
            nh_json_uint(&e->w, t->cells[i]);
    nh_json_array_end(&e->w);
    nh_json_object_end(&e->w);
    nh_json_object_end(&e->w);
}

static void write_screens(nh_macro_encoder_t *e)
{
    if (e->form == NH_MACRO_WHOLE)
        nh_json_array_end(&e->w);
    nh_json_key(&e->w, "screens");
    nh_json_array_begin(&e->w);
}

static void write_screen(nh_macro_encoder_t *e, unsigned screen)
{
    enum nh_macropad_template t = nh_macro_set_template(e->set, screen);
    nh_json_object_begin(&e->w);
    if (e->form == NH_MACRO_WHOLE || t != NH_MACROPAD_RING_9)
        nh_json_kv_string(&e->w, "template", nh_macropad_templates[t].id);
    kv_color(e, "screen_bg", nh_macro_set_background(e->set, screen));
    nh_json_key(&e->w, "buttons");
    nh_json_array_begin(&e->w);
}

static void write_icon(nh_macro_encoder_t *e, const struct nh_macropad_button_view *b)
{
    if (e->form == NH_MACRO_SPARSE && b->icon_type == NH_MACROPAD_ICON_NONE &&
        b->icon_id.len == 0 && b->icon_text.len == 0)
        return;
    nh_json_key(&e->w, "icon");
    nh_json_object_begin(&e->w);
    nh_json_kv_string(&e->w, "type", nh_macropad_icon_type_name(b->icon_type));
    kv_text(e, "id", b->icon_id);
    kv_text(e, "display", b->icon_text);
    nh_json_object_end(&e->w);
}

static void write_label(nh_macro_encoder_t *e, const struct nh_macropad_button_view *b)
{
    nh_json_object_begin(&e->w);
    kv_text(e, "label", b->label);
    if (e->form == NH_MACRO_WHOLE || b->action != NH_MACROPAD_NONE)
        nh_json_kv_string(&e->w, "action", nh_macropad_action_name(b->action));
}

static void write_colors(nh_macro_encoder_t *e, const struct nh_macropad_button_view *b)
{
    kv_color(e, "button_bg", b->button_bg);
    kv_color(e, "icon_color", b->icon_color);
    kv_color(e, "label_color", b->label_color);
    nh_json_object_end(&e->w);
    if (e->button % NH_MACROPAD_SLOT_COUNT != NH_MACROPAD_SLOT_COUNT - 1)
        return;
    nh_json_array_end(&e->w);
    nh_json_object_end(&e->w);
}

static void write_button(nh_macro_encoder_t *e)
{
    struct nh_macropad_button_view b;
    unsigned screen = e->button / NH_MACROPAD_SLOT_COUNT, slot = e->button % NH_MACROPAD_SLOT_COUNT;
    nh_macro_set_button(e->set, screen, slot, &b);
    switch (e->part) {
    case PART_SCREEN:
        if (slot == 0)
            write_screen(e, screen);
        break;
    case PART_LABEL:
        write_label(e, &b);
        break;
    case PART_PAYLOAD:
        kv_text(e, "payload", b.payload);
        break;
    case PART_ICON:
        kv_text(e, "mqtt_topic", b.topic);
        write_icon(e, &b);
        break;
    default:
        write_colors(e, &b);
        break;
    }
}

static void write_part(nh_macro_encoder_t *e)
{
    if (e->step == STEP_HEAD)
        write_head(e);
    else if (e->step < STEP_SCREENS && e->form == NH_MACRO_WHOLE)
        write_template(e, &nh_macropad_templates[e->step - STEP_TEMPLATE]);
    else if (e->step == STEP_SCREENS)
        write_screens(e);
    else if (e->step == STEP_BUTTONS)
        write_button(e);
    else if (e->step == STEP_END) {
        nh_json_array_end(&e->w);
        nh_json_object_end(&e->w);
    }
}

static void advance(nh_macro_encoder_t *e)
{
    if (e->step != STEP_BUTTONS) {
        e->is_ended = e->step == STEP_END;
        e->step++;
        return;
    }
    if (++e->part < PART_COUNT)
        return;
    e->part = 0;
    if (++e->button == NH_MACROPAD_SCREEN_COUNT * NH_MACROPAD_SLOT_COUNT)
        e->step++;
}

int nh_macro_encoder_read(nh_macro_encoder_t *e, char *buf, size_t cap)
{
    struct nh_json_buf sink = {buf, cap, 0};
    e->w.ctx = &sink;
    while (!e->is_ended) {
        nh_json_writer_t before = e->w;
        size_t len = sink.len;
        write_part(e);
        if (e->w.err) {
            e->w = before;
            sink.len = len;
            return len ? (int)len : NH_ERR_FULL;
        }
        advance(e);
    }
    return (int)sink.len;
}
