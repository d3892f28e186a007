// What a button does.

#include "components/macropad/macropad_state.h"

#include "core/base/log.h"

#include <stdio.h>
#include <string.h>

#define ERROR_TEXT_MAX_BYTES 192

// A span of the set as a text with a NUL, cut.
static const char *text_of(nh_span_t s, char *out, size_t cap)
{
    size_t len = s.len < cap ? s.len : cap - 1;
    memcpy(out, s.ptr, len);
    out[len] = '\0';
    return out;
}

static int show(nh_macropad_t *m, const char *id)
{
    const struct nh_macropad_screens *s = &m->cfg.screens;
    return s->show ? s->show(s->ctx, id) : NH_ERR_UNSUPPORTED;
}

static int show_macro(nh_macropad_t *m, unsigned screen)
{
    char id[16];
    snprintf(id, sizeof id, "macro%u", screen % NH_MACROPAD_SCREEN_COUNT + 1);
    return show(m, id);
}

// What is not there leads to the first screen, so that a button leads somewhere.
static int nav_to(nh_macropad_t *m, nh_span_t payload)
{
    char id[NH_MACROPAD_PAYLOAD_MAX_BYTES];
    text_of(payload, id, sizeof id);
    int err = id[0] ? show(m, id) : NH_ERR_NOT_FOUND;
    return err == NH_ERR_NOT_FOUND ? show_macro(m, 0) : err;
}

static int act(nh_macropad_t *m, unsigned screen, unsigned slot,
               const struct nh_macropad_button_view *b)
{
    const struct nh_macropad_out *o = &m->cfg.out;
    switch (b->action) {
    case NH_MACROPAD_SEND_KEYS:
        return nh_macropad__type(m, b->payload, NH_MACROPAD__BUTTON(screen, slot));
    case NH_MACROPAD_NAV_PREV:
        return show_macro(m, screen + NH_MACROPAD_SCREEN_COUNT - 1);
    case NH_MACROPAD_NAV_NEXT:
        return show_macro(m, screen + 1);
    case NH_MACROPAD_NAV_TO:
        return nav_to(m, b->payload);
    case NH_MACROPAD_GO_BACK:
        return m->cfg.screens.back ? m->cfg.screens.back(m->cfg.screens.ctx) : NH_ERR_UNSUPPORTED;
    case NH_MACROPAD_MQTT_SEND:
        return o->publish ? o->publish(o->ctx, b->topic, b->payload) : NH_ERR_UNSUPPORTED;
    case NH_MACROPAD_RUN_SCENARIO:
        return o->run_scenario ? o->run_scenario(o->ctx, b->payload) : NH_ERR_UNSUPPORTED;
    case NH_MACROPAD_LAMP_EFFECT:
        return o->lamp_effect ? o->lamp_effect(o->ctx, b->payload) : NH_ERR_UNSUPPORTED;
    default:
        return NH_ERR_NOT_FOUND;
    }
}

// For the error screen: what failed, and which.
static const char *title_of(uint8_t action)
{
    switch (action) {
    case NH_MACROPAD_SEND_KEYS:
        return "Typing failed";
    case NH_MACROPAD_MQTT_SEND:
        return "MQTT publish failed";
    case NH_MACROPAD_RUN_SCENARIO:
        return "Scenario not started";
    case NH_MACROPAD_LAMP_EFFECT:
        return "Lamp effect not set";
    default:
        return NULL; // a screen that cannot be shown cannot show an error either
    }
}

static void tell_failed(nh_macropad_t *m, unsigned screen, unsigned slot,
                        const struct nh_macropad_button_view *b, int err)
{
    char text[ERROR_TEXT_MAX_BYTES], who[24];
    const struct nh_macropad_screens *s = &m->cfg.screens;
    const char *title = title_of(b->action);
    NH_LOG_W("macropad", "%s: %s: %s",
             nh_macropad__origin_text(NH_MACROPAD__BUTTON(screen, slot), who),
             nh_macropad_action_name((enum nh_macropad_action)b->action), nh_err_text(err));
    if (!title || !s->error)
        return;
    if (b->action == NH_MACROPAD_MQTT_SEND)
        text_of(b->topic, text, sizeof text);
    else if (b->action == NH_MACROPAD_SEND_KEYS) // what was to be typed may be a password
        snprintf(text, sizeof text, "%s", nh_err_text(err));
    else
        text_of(b->payload, text, sizeof text);
    NH_IGNORE(s->error(s->ctx, title, text));
}

int nh_macropad_press(nh_macropad_t *m, unsigned screen, unsigned slot)
{
    struct nh_macropad_button_view b;
    if (screen >= NH_MACROPAD_SCREEN_COUNT || slot >= NH_MACROPAD_SLOT_COUNT)
        return NH_ERR_RANGE;
    // A set of its own: what a button does may bring another one in force.
    nh_macro_set_t *set = nh_macro_set_ref(m->set);
    nh_macro_set_button(set, screen, slot, &b);
    m->info.presses++;
    if (m->cfg.out.pressed && b.action != NH_MACROPAD_NONE)
        m->cfg.out.pressed(m->cfg.out.ctx, screen, slot, b.label);
    int err = act(m, screen, slot, &b);
    if (err < 0 && b.action != NH_MACROPAD_NONE) {
        m->info.presses_failed++;
        tell_failed(m, screen, slot, &b, err);
    }
    nh_macro_set_unref(set);
    return err < 0 ? err : 0;
}

bool nh_macropad_post_press(nh_macropad_t *m, unsigned screen, unsigned slot)
{
    bool is_taken = false;
    if (screen >= NH_MACROPAD_SCREEN_COUNT || slot >= NH_MACROPAD_SLOT_COUNT)
        return false;
    nh_lock_acquire(&m->cfg.lock);
    if (m->posted.count < NH_MACROPAD__POST_MAX_COUNT) {
        uint8_t at = (uint8_t)((m->posted.first + m->posted.count++) % NH_MACROPAD__POST_MAX_COUNT);
        m->posted.buttons[at] = (uint8_t)NH_MACROPAD__BUTTON(screen, slot);
        is_taken = true;
    } else {
        m->info.presses_dropped++;
    }
    nh_lock_release(&m->cfg.lock);
    if (is_taken && m->cfg.out.wake)
        m->cfg.out.wake(m->cfg.out.ctx);
    return is_taken;
}

static bool take_posted(nh_macropad_t *m, unsigned *button)
{
    nh_lock_acquire(&m->cfg.lock);
    bool is_any = m->posted.count > 0;
    if (is_any) {
        *button = m->posted.buttons[m->posted.first];
        m->posted.first = (uint8_t)((m->posted.first + 1) % NH_MACROPAD__POST_MAX_COUNT);
        m->posted.count--;
    }
    nh_lock_release(&m->cfg.lock);
    return is_any;
}

void nh_macropad_drain(nh_macropad_t *m)
{
    unsigned button;
    nh_macropad__read_wanted(m);
    // At most what a full ring holds, so that a finger that never rests keeps nobody waiting.
    for (unsigned i = 0; i < NH_MACROPAD__POST_MAX_COUNT && take_posted(m, &button); i++)
        NH_IGNORE(
            nh_macropad_press(m, button / NH_MACROPAD_SLOT_COUNT, button % NH_MACROPAD_SLOT_COUNT));
}
