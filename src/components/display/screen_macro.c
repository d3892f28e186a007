// A macro screen: up to nine buttons of a template, each painted from a copy that the macro view
// gave. When the view's revision moves, the buttons that differ are painted again.

#include "components/display/display_state.h"
#include "components/display/macro_layout.h"

#include <stdio.h>
#include <string.h>

#define CUE_MIN_MS 100 // a tap that is over is still seen
#define NO_SLOT UINT8_MAX

struct macro {
    unsigned number;
    uint32_t revision;
    struct nh_macro_screen screen;
    struct nh_macro_button buttons[NH_MACRO_SLOTS];
    struct nh_display__names names;
    uint8_t pressed; // the slot that looks pressed
    bool is_held;    // the finger is still there
    uint64_t cue_end_ms;
};

static bool cell_of(const nh_display_t *d, const struct macro *m, unsigned slot,
                    struct nh_macro__cell *out)
{
    return m->buttons[slot].is_used &&
           nh_macro__cell_of(m->screen.layout, slot, d->cfg.panel.width, d->cfg.panel.height, out);
}

static void touch_up_slot(nh_display_t *d, const struct macro *m, unsigned slot)
{
    struct nh_macro__cell c;
    if (slot < NH_MACRO_SLOTS && cell_of(d, m, slot, &c))
        nh_display__touch_up(d, c.bounds);
}

// ---- what it shows -----------------------------------------------------------------------------

static bool same_screen(const struct nh_macro_screen *a, const struct nh_macro_screen *b)
{
    return a->layout == b->layout && a->background == b->background && a->is_empty == b->is_empty;
}

static bool same_button(const struct nh_macro_button *a, const struct nh_macro_button *b)
{
    return strcmp(a->label, b->label) == 0 && a->action == b->action &&
           strcmp(a->icon_id, b->icon_id) == 0 && strcmp(a->icon_text, b->icon_text) == 0 &&
           a->background == b->background && a->icon_color == b->icon_color &&
           a->label_color == b->label_color && a->is_used == b->is_used &&
           a->has_icon == b->has_icon;
}

// An icon with the same name may have become another one, so its button is painted in any case.
static void read_buttons(nh_display_t *d, struct macro *m)
{
    const struct nh_macro_view *v = d->cfg.macros;
    for (unsigned slot = 0; slot < NH_MACRO_SLOTS; slot++) {
        struct nh_macro_button fresh;
        v->button(v->ctx, m->number, slot, &fresh);
        if (same_button(&fresh, &m->buttons[slot]) && !fresh.has_icon)
            continue;
        touch_up_slot(d, m, slot);
        m->buttons[slot] = fresh;
        touch_up_slot(d, m, slot);
    }
}

static void read_view(nh_display_t *d, struct macro *m)
{
    const struct nh_macro_view *v = d->cfg.macros;
    struct nh_macro_screen fresh;
    if (!v) {
        m->screen.is_empty = true;
        return;
    }
    m->revision = v->revision(v->ctx);
    v->screen(v->ctx, m->number, &fresh);
    if (!same_screen(&fresh, &m->screen))
        nh_display__touch_up(d, nh_display__bounds(d));
    m->screen = fresh;
    read_buttons(d, m);
}

static void show(nh_display_t *d, void *state, unsigned number)
{
    struct macro *m = state;
    m->names = nh_display__names(d);
    m->number = number;
    m->pressed = NO_SLOT;
    m->is_held = false;
    read_view(d, m);
}

static void release(nh_display_t *d, struct macro *m)
{
    const struct nh_macro_view *v = d->cfg.macros;
    if (!m->is_held)
        return;
    m->is_held = false;
    v->release(v->ctx, m->number, m->pressed);
}

// The screen goes while the finger lies on it: the button must not stay pressed for ever.
static void hide(nh_display_t *d, void *state)
{
    release(d, state);
}

// ---- how it looks ------------------------------------------------------------------------------

static void paint_shape(nh_painter_t *p, const struct nh_macro__cell *c, uint32_t color)
{
    if (c->shape == NH_MACRO__SLICE)
        nh_paint_slice(p, c->box, c->x, c->y, c->radius, c->rounding, color);
    else
        nh_paint_wedge(p, &c->wedge, color, 255);
}

static void paint_edge(nh_painter_t *p, const struct nh_macro__cell *c, uint32_t edge,
                       uint32_t color, bool is_pressed)
{
    struct nh_macro__cell inner = *c;
    float width = is_pressed ? 2.5f : 1.5f;
    if (c->shape != NH_MACRO__SLICE) {
        nh_paint_wedge(p, &c->wedge, color, 255);
        nh_paint_wedge_frame(p, &c->wedge, width, edge, 255);
        return;
    }
    int by = is_pressed ? 3 : 2;
    paint_shape(p, c, edge);
    inner.box = nh_rect_of(c->box.x + by, c->box.y + by, c->box.x + c->box.w - by,
                           c->box.y + c->box.h - by);
    inner.radius -= (float)by;
    inner.rounding -= (float)by;
    paint_shape(p, &inner, color);
}

// Three strokes that point to the left or the right, for buttons without an icon of their own.
static void paint_chevron(nh_painter_t *p, struct nh_rect at, bool is_left, uint32_t color)
{
    float x = (float)at.x + (float)at.w / 2, y = (float)at.y + (float)at.h / 2;
    float reach = (float)at.h * 0.30f, tip = is_left ? -reach / 2 : reach / 2;
    float width = (float)at.h * 0.11f;
    nh_paint_line(p, x - tip, y - reach, x + tip, y, width, color, 255);
    nh_paint_line(p, x + tip, y, x - tip, y + reach, width, color, 255);
}

static int scaled(int native, int target)
{
    return target < native ? target : target >= 2 * native ? 2 * native : native;
}

static void paint_icon_text(nh_display_t *d, const struct nh_macro_button *b, struct nh_rect at)
{
    uint32_t size = (uint32_t)(at.h < at.w ? at.h : at.w) * 8 / 10;
    nh_display__line(d, at.x + at.w / 2, at.y + at.h / 2 + (int)size * 36 / 100,
                     b->icon_text[0] ? b->icon_text : "?", size, at.w, b->icon_color);
}

static void paint_icon(nh_display_t *d, const struct nh_macro_button *b, struct nh_rect at)
{
    const struct nh_macro_view *v = d->cfg.macros;
    struct nh_macro_icon icon;
    if (!b->has_icon) {
        paint_chevron(d->painter, at, b->action == NH_MACRO_PREV, b->icon_color);
        return;
    }
    if (!v->icon(v->ctx, b->icon_id, &icon)) {
        paint_icon_text(d, b, at);
        return;
    }
    int side = icon.width > icon.height ? icon.width : icon.height;
    int to = scaled(side, at.w < at.h ? at.w : at.h);
    int w = icon.width * to / side, h = icon.height * to / side;
    struct nh_rect place = nh_rect_of(at.x + (at.w - w) / 2, at.y + (at.h - h) / 2,
                                      at.x + (at.w - w) / 2 + w, at.y + (at.h - h) / 2 + h);
    nh_paint_pixels(d->painter, place,
                    icon.format == NH_MACRO_ICON_MASK ? NH_PIXELS_MASK : NH_PIXELS_RGB565_ALPHA,
                    icon.pixels, icon.width, icon.height, b->icon_color);
    v->icon_release(v->ctx, &icon);
}

// The largest size in which a label has room, in one line or else in two.
static uint32_t label_size(nh_display_t *d, const char *text, int width, int height, int *lines)
{
    static const uint8_t sizes[] = {30, 27, 24, 22, 20, 18, 17, 16, 15, 14, 13, 12};
    size_t len = strlen(text);
    const char *blank = strchr(text, ' ');
    for (size_t i = 0; i < sizeof sizes; i++) {
        *lines = 1;
        if (sizes[i] > height)
            continue;
        if (nh_text_width(d->painter, text, len, sizes[i]) <= width)
            return sizes[i];
        size_t first = blank ? (size_t)(blank - text) : 0;
        *lines = 2;
        if (blank && 2 * sizes[i] * 5 / 4 <= height &&
            nh_text_width(d->painter, text, first, sizes[i]) <= width &&
            nh_text_width(d->painter, blank + 1, len - first - 1, sizes[i]) <= width)
            return sizes[i];
    }
    *lines = blank && 30 <= height ? 2 : 1;
    return 12;
}

static void paint_label(nh_display_t *d, const char *text, struct nh_rect at, uint32_t color)
{
    int lines;
    uint32_t size = label_size(d, text, at.w, at.h, &lines);
    int height = (int)size * (lines == 2 ? 9 : 4) / 4;
    int y = at.y + (at.h - height) / 2 + (int)size * 85 / 100;
    nh_display__lines(d, at.x + at.w / 2, y, text, size, at.w, lines, color);
}

static void paint_name(nh_display_t *d, const struct macro *m, unsigned slot, struct nh_rect at)
{
    static const char *const actions[] = {
        [NH_MACRO_PREV] = "[Prev]", [NH_MACRO_NEXT] = "[Next]", [NH_MACRO_TO] = "[Go]",
        [NH_MACRO_BACK] = "[Back]", [NH_MACRO_MQTT] = "[MQTT]", [NH_MACRO_OTHER] = "[Run]"};
    const struct nh_macro_button *b = &m->buttons[slot];
    char text[24];
    snprintf(text, sizeof text, "S%u-B%u%s%s", m->number + 1, slot + 1,
             actions[b->action] ? " " : "", actions[b->action] ? actions[b->action] : "");
    paint_label(d, text, at, b->label_color);
}

static bool has_picture(const struct nh_macro_button *b)
{
    return b->has_icon || b->action == NH_MACRO_PREV || b->action == NH_MACRO_NEXT;
}

static int clamped(int v, int min, int max)
{
    return v < min ? min : v > max ? max : v;
}

static void paint_content(nh_display_t *d, const struct macro *m, unsigned slot, struct nh_rect at)
{
    const struct nh_macro_button *b = &m->buttons[slot];
    int side = at.w < at.h ? at.w : at.h;
    struct nh_rect icon;
    if (!has_picture(b)) {
        if (b->label[0])
            paint_label(d, b->label, at, b->label_color);
        else
            paint_name(d, m, slot, at);
        return;
    }
    if (b->label[0]) { // the icon above, the label in what is left below
        int line = clamped(side * 30 / 100, 14, 30);
        int size = clamped((side - line) * 110 / 100, 28, 128);
        // A little up: below, where the label stands, most shapes are narrower.
        int top = at.y + (at.h - size - line - 2) / 2 - at.h / 20;
        icon = nh_rect_of(at.x, top, at.x + at.w, top + size);
        const struct nh_rect label =
            nh_rect_of(at.x, top + size + 2, at.x + at.w, top + size + 2 + line);
        paint_label(d, b->label, label, b->label_color);
    } else {
        int size = clamped(side * 95 / 100, 32, 128);
        icon = nh_rect_of(at.x + (at.w - size) / 2, at.y + (at.h - size) / 2,
                          at.x + (at.w - size) / 2 + size, at.y + (at.h - size) / 2 + size);
    }
    paint_icon(d, b, icon);
}

static void paint_button(nh_display_t *d, const struct macro *m, unsigned slot)
{
    struct nh_macro__cell c;
    if (!cell_of(d, m, slot, &c) ||
        nh_rect_is_empty(nh_rect_meet(c.bounds, nh_painter_part(d->painter))))
        return;
    bool is_pressed = m->pressed == slot;
    uint32_t color = m->buttons[slot].background;
    if (is_pressed)
        color = nh_display__mixed(color, m->buttons[slot].icon_color, 34);
    uint32_t edge =
        is_pressed ? m->buttons[slot].icon_color : nh_display__mixed(color, 0xFFFFFF, 12);
    paint_edge(d->painter, &c, edge, color, is_pressed);
    paint_content(d, m, slot, c.content);
}

static void paint_empty(nh_display_t *d, const struct macro *m)
{
    int w = d->cfg.panel.width, h = d->cfg.panel.height, side = w < h ? w : h;
    char title[16];
    snprintf(title, sizeof title, "Macro %u", m->number + 1);
    nh_display__line(d, w / 2, h / 2 - side / 10, title, (uint32_t)side / 9, side * 8 / 10,
                     NH_DISPLAY__TEXT);
    nh_display__line(d, w / 2, h / 2 + side / 50, "No buttons yet. Make some at",
                     (uint32_t)side / 21, side * 86 / 100, NH_DISPLAY__DIM);
    nh_display__line(d, w / 2, h / 2 + side * 12 / 100, m->names.address, (uint32_t)side / 18,
                     side * 86 / 100, NH_DISPLAY__ACCENT);
}

static void paint(nh_display_t *d, const void *state)
{
    const struct macro *m = state;
    nh_paint_fill(d->painter, nh_display__bounds(d), m->screen.background);
    if (m->screen.is_empty)
        paint_empty(d, m);
    for (unsigned slot = 0; slot < NH_MACRO_SLOTS && !m->screen.is_empty; slot++)
        paint_button(d, m, slot);
}

// ---- fingers -----------------------------------------------------------------------------------

static uint8_t slot_at(const nh_display_t *d, const struct macro *m, int x, int y)
{
    for (unsigned slot = 0; slot < NH_MACRO_SLOTS; slot++) {
        struct nh_macro__cell c;
        if (cell_of(d, m, slot, &c) && nh_macro__cell_has(&c, x, y))
            return (uint8_t)slot;
    }
    return NO_SLOT;
}

static void press(nh_display_t *d, struct macro *m, uint8_t slot)
{
    const struct nh_macro_view *v = d->cfg.macros;
    touch_up_slot(d, m, m->pressed);
    m->pressed = slot;
    m->is_held = slot != NO_SLOT;
    m->cue_end_ms = d->now_ms + CUE_MIN_MS;
    touch_up_slot(d, m, slot);
    if (m->is_held)
        v->press(v->ctx, m->number, slot);
}

static void touch(nh_display_t *d, void *state, const struct nh_touch *t)
{
    struct macro *m = state;
    if (m->screen.is_empty)
        return;
    if (t->phase == NH_TOUCH_DOWN)
        press(d, m, slot_at(d, m, t->x, t->y));
    else if (t->phase == NH_TOUCH_UP)
        release(d, m);
}

static uint64_t tick(nh_display_t *d, void *state, uint64_t now_ms)
{
    struct macro *m = state;
    const struct nh_macro_view *v = d->cfg.macros;
    struct nh_display__names names = nh_display__names(d);
    if (v && v->revision(v->ctx) != m->revision)
        read_view(d, m);
    if (m->screen.is_empty && strcmp(names.address, m->names.address) != 0)
        nh_display__touch_up(d, nh_display__bounds(d));
    m->names = names;
    if (m->pressed == NO_SLOT || m->is_held)
        return NH_NEVER;
    if (now_ms < m->cue_end_ms)
        return m->cue_end_ms;
    touch_up_slot(d, m, m->pressed);
    m->pressed = NO_SLOT;
    return NH_NEVER;
}

const struct nh_display__screen_ops nh_display__macro_ops = {.state_bytes = sizeof(struct macro),
                                                             .show = show,
                                                             .hide = hide,
                                                             .paint = paint,
                                                             .touch = touch,
                                                             .tick = tick};
