// Between the macro pad and the screens: what the macro screens paint from, asked by the task `ui`,
// and where buttons lead, told by the loop's.

#include "hub/hub_parts.h"

#include <string.h>

_Static_assert(NH_MACRO_SCREENS == NH_MACROPAD_SCREEN_COUNT, "as many screens on either side");
_Static_assert(NH_MACRO_SLOTS == NH_MACROPAD_SLOT_COUNT, "as many slots on either side");
_Static_assert((int)NH_MACRO_SPLIT_SIDES_4 == (int)NH_MACROPAD_SPLIT_SIDES_4, "in one order");
_Static_assert((int)NH_MACRO_MQTT == (int)NH_MACROPAD_MQTT_SEND, "in one order");

// ---- what the screens ask: task `ui`
// -------------------------------------------------------------

static uint32_t revision(void *ctx)
{
    const struct nh_hub *hub = ctx;
    return nh_macropad_revision(hub->macropad);
}

static bool is_used(const struct nh_macropad_button_view *b)
{
    return b->action != NH_MACROPAD_NONE || b->label.len > 0 ||
           b->icon_type != NH_MACROPAD_ICON_NONE;
}

static bool is_empty(const nh_macro_set_t *set, unsigned screen)
{
    struct nh_macropad_button_view b;
    for (unsigned slot = 0; slot < NH_MACROPAD_SLOT_COUNT; slot++) {
        nh_macro_set_button(set, screen, slot, &b);
        if (is_used(&b))
            return false;
    }
    return true;
}

static uint32_t color(uint32_t own, uint32_t otherwise)
{
    return own == NH_MACROPAD_COLOR_UNSET ? otherwise : own;
}

static bool screen(void *ctx, unsigned index, struct nh_macro_screen *out)
{
    struct nh_hub *hub = ctx;
    memset(out, 0, sizeof *out);
    if (index >= NH_MACRO_SCREENS)
        return false;
    nh_macro_set_t *set = nh_macropad_set(hub->macropad);
    out->layout = (enum nh_macro_template)nh_macro_set_template(set, index);
    out->background =
        color(nh_macro_set_background(set, index), nh_macro_set_get_colors(set)->screen_bg);
    out->is_empty = is_empty(set, index);
    nh_macro_set_unref(set);
    return true;
}

static void copy_text(nh_span_t text, char *out, size_t cap)
{
    size_t len = text.len < cap ? text.len : cap - 1; // the set's own limits are these
    memcpy(out, text.ptr, len);
    out[len] = '\0';
}

static void fill_button(const struct nh_macropad_button_view *b,
                        const struct nh_macropad_colors *colors, struct nh_macro_button *out)
{
    copy_text(b->label, out->label, sizeof out->label);
    out->action =
        b->action <= NH_MACROPAD_MQTT_SEND ? (enum nh_macro_action)b->action : NH_MACRO_OTHER;
    out->background = color(b->button_bg, colors->button_bg);
    out->icon_color = color(b->icon_color, colors->icon);
    out->label_color = color(b->label_color, colors->label);
    out->is_used = is_used(b);
    if (b->icon_type == NH_MACROPAD_ICON_NONE)
        return;
    nh_icon_id_normalize(b->icon_id, out->icon_id);
    copy_text(b->icon_text, out->icon_text, sizeof out->icon_text);
    out->has_icon = out->icon_id[0] || out->icon_text[0];
}

static bool button(void *ctx, unsigned index, unsigned slot, struct nh_macro_button *out)
{
    struct nh_hub *hub = ctx;
    struct nh_macropad_button_view b;
    memset(out, 0, sizeof *out);
    if (index >= NH_MACRO_SCREENS || slot >= NH_MACRO_SLOTS)
        return false;
    nh_macro_set_t *set = nh_macropad_set(hub->macropad);
    nh_macro_set_button(set, index, slot, &b);
    fill_button(&b, nh_macro_set_get_colors(set), out);
    nh_macro_set_unref(set);
    return true;
}

static bool icon(void *ctx, const char *id, struct nh_macro_icon *out)
{
    struct nh_hub *hub = ctx;
    struct nh_macropad_icon found;
    memset(out, 0, sizeof *out);
    if (!nh_macropad_icon(hub->macropad, id, &found))
        return false;
    *out =
        (struct nh_macro_icon){.width = found.width,
                               .height = found.height,
                               .format = found.is_mask ? NH_MACRO_ICON_MASK : NH_MACRO_ICON_COLOR,
                               .pixels = found.pixels,
                               .handle = found.handle};
    return true;
}

static void icon_release(void *ctx, const struct nh_macro_icon *shown)
{
    struct nh_hub *hub = ctx;
    const struct nh_macropad_icon held = {.handle = shown->handle};
    nh_macropad_icon_release(hub->macropad, &held);
}

static void press(void *ctx, unsigned index, unsigned slot)
{
    struct nh_hub *hub = ctx;
    NH_IGNORE(nh_macropad_post_press(hub->macropad, index, slot)); // one too many is counted there
}

// A button does what it is for when the finger comes down.
static void release(void *ctx, unsigned index, unsigned slot)
{
    (void)ctx;
    (void)index;
    (void)slot;
}

const struct nh_macro_view *nh_hub__macro_view(struct nh_hub *hub)
{
    hub->macro_view = (struct nh_macro_view){.ctx = hub,
                                             .revision = revision,
                                             .screen = screen,
                                             .button = button,
                                             .icon = icon,
                                             .icon_release = icon_release,
                                             .press = press,
                                             .release = release};
    return hub->macropad ? &hub->macro_view : NULL;
}

// ---- where buttons lead: the loop's task
// ---------------------------------------------------------

static int show(void *ctx, const char *id)
{
    struct nh_hub *hub = ctx;
    return hub->display ? nh_display_show(hub->display, id) : NH_ERR_UNSUPPORTED;
}

static int back(void *ctx)
{
    struct nh_hub *hub = ctx;
    if (!hub->display)
        return NH_ERR_UNSUPPORTED;
    nh_display_back(hub->display);
    return NH_OK;
}

static int error(void *ctx, const char *title, const char *text)
{
    struct nh_hub *hub = ctx;
    if (!hub->display)
        return NH_ERR_UNSUPPORTED;
    nh_display_error(hub->display, title, text);
    return NH_OK;
}

static void changed(void *ctx)
{
    struct nh_hub *hub = ctx;
    if (hub->display)
        nh_display_macros_changed(hub->display);
}

struct nh_macropad_screens nh_hub__macro_screens(struct nh_hub *hub)
{
    return (struct nh_macropad_screens){
        .ctx = hub, .show = show, .back = back, .error = error, .changed = changed};
}
