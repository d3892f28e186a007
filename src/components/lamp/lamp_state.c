#include "components/lamp/lamp_state.h"

#include "core/base/utf8.h"

#include <string.h>

#define COLOR_MASK 0xFFFFFFu
#define COLOR_BITS (NH_LAMP_F_COLOR_1 | NH_LAMP_F_COLOR_2 | NH_LAMP_F_COLOR_3)
#define ALL_BITS (NH_LAMP_F_COLOR_3 * 2 - 1)

// The lamp begins with FIRE, where it is built in.
static uint16_t default_effect(void)
{
    return nh_fx_find(NH_FX_DEFAULT_ID) ? NH_FX_DEFAULT_ID : nh_fx_effects[0]->id;
}

void nh_lamp__state_default(struct nh_lamp_state *s)
{
    *s = (struct nh_lamp_state){.effect_id = default_effect(),
                                .brightness = NH_LAMP__BRIGHTNESS_DEFAULT,
                                .speed_pct = 100,
                                .power = true,
                                .intensity = 128,
                                .palette = NH_LAMP_PALETTE_AUTO,
                                .color = {NH_PX(255, 136, 0), 0, NH_PX(0, 0, 255)},
                                .text = "nuthatch"};
}

static int32_t clamp(int64_t v, int32_t low, int32_t high)
{
    return v < low ? low : v > high ? high : (int32_t)v;
}

static uint16_t speed(int64_t pct)
{
    return (uint16_t)clamp(pct, NH_LAMP_SPEED_MIN_PCT, NH_LAMP_SPEED_MAX_PCT);
}

static bool is_palette(uint8_t index, uint16_t palette_count)
{
    return index == NH_LAMP_PALETTE_AUTO || index < palette_count;
}

static bool is_text(const char *text)
{
    size_t len = strnlen(text, NH_FX_TEXT_MAX_BYTES);
    return len < NH_FX_TEXT_MAX_BYTES && nh_utf8_is_valid(text, len, false);
}

void nh_lamp__state_clamp(struct nh_lamp_state *s, uint16_t palette_count)
{
    s->text[sizeof s->text - 1] = '\0';
    if (!is_text(s->text))
        s->text[0] = '\0';
    if (!nh_fx_find(s->effect_id))
        s->effect_id = default_effect();
    if (!is_palette(s->palette, palette_count))
        s->palette = NH_LAMP_PALETTE_AUTO;
    s->speed_pct = speed(s->speed_pct);
    for (size_t i = 0; i < NH_ARRAY_LEN(s->color); i++)
        s->color[i] &= COLOR_MASK;
    if (s->overlay_mode > NH_LAMP_OVERLAY_SPEAK)
        s->overlay_mode = NH_LAMP_OVERLAY_IDLE;
    if (s->overlay_blend > NH_LAMP_BLEND_MAX)
        s->overlay_blend = NH_LAMP_BLEND_ALPHA;
}

// ---- the fields of a mask

static int check(const struct nh_lamp_command *c, uint16_t palette_count)
{
    const struct nh_lamp_state *set = &c->set;
    if (c->mask & ~(uint32_t)ALL_BITS)
        return NH_ERR_INVAL;
    if ((c->mask & NH_LAMP_F_EFFECT) && !nh_fx_find(set->effect_id))
        return NH_ERR_NOT_FOUND;
    if ((c->mask & NH_LAMP_F_PALETTE) && !is_palette(set->palette, palette_count))
        return NH_ERR_NOT_FOUND;
    if ((c->mask & NH_LAMP_F_OVERLAY_MODE) && set->overlay_mode > NH_LAMP_OVERLAY_SPEAK)
        return NH_ERR_INVAL;
    if ((c->mask & NH_LAMP_F_OVERLAY_BLEND) && set->overlay_blend > NH_LAMP_BLEND_MAX)
        return NH_ERR_INVAL;
    if ((c->mask & NH_LAMP_F_TEXT) && !is_text(set->text))
        return NH_ERR_INVAL;
    return 0;
}

static void set_text(char to[NH_FX_TEXT_MAX_BYTES], const char *from)
{
    size_t len = strlen(from);
    memset(to, 0, NH_FX_TEXT_MAX_BYTES); // so that equal texts are equal states
    memcpy(to, from, len);
}

static void set_looks(struct nh_lamp_state *s, const struct nh_lamp_state *set, uint32_t mask)
{
    uint32_t colors = mask & NH_LAMP_F_COLORS ? COLOR_BITS : mask & COLOR_BITS;
    for (size_t i = 0; i < NH_ARRAY_LEN(s->color); i++)
        if (colors & (uint32_t)NH_LAMP_F_COLOR_1 << i)
            s->color[i] = set->color[i] & COLOR_MASK;
    if (mask & NH_LAMP_F_TEXT)
        set_text(s->text, set->text);
    if (mask & NH_LAMP_F_OVERLAY)
        s->overlay = set->overlay;
    if (mask & NH_LAMP_F_OVERLAY_MODE)
        s->overlay_mode = set->overlay_mode;
    if (mask & NH_LAMP_F_OVERLAY_BLEND)
        s->overlay_blend = set->overlay_blend;
}

static void set_fields(struct nh_lamp_state *s, const struct nh_lamp_state *set, uint32_t mask)
{
    if (mask & NH_LAMP_F_EFFECT)
        s->effect_id = set->effect_id;
    if (mask & NH_LAMP_F_BRIGHTNESS)
        s->brightness = set->brightness;
    if (mask & NH_LAMP_F_SPEED)
        s->speed_pct = speed(set->speed_pct);
    if (mask & NH_LAMP_F_PAUSED)
        s->paused = set->paused;
    if (mask & NH_LAMP_F_POWER)
        s->power = set->power;
    if (mask & NH_LAMP_F_INTENSITY)
        s->intensity = set->intensity;
    if (mask & NH_LAMP_F_PALETTE)
        s->palette = set->palette;
    set_looks(s, set, mask);
}

// ---- which fields are other

static uint32_t bit(bool is_other, uint32_t field)
{
    return is_other ? field : 0;
}

static uint32_t differ(const struct nh_lamp_state *a, const struct nh_lamp_state *b)
{
    uint32_t mask = bit(a->effect_id != b->effect_id, NH_LAMP_F_EFFECT) |
                    bit(a->brightness != b->brightness, NH_LAMP_F_BRIGHTNESS) |
                    bit(a->speed_pct != b->speed_pct, NH_LAMP_F_SPEED) |
                    bit(a->paused != b->paused, NH_LAMP_F_PAUSED) |
                    bit(a->power != b->power, NH_LAMP_F_POWER) |
                    bit(a->intensity != b->intensity, NH_LAMP_F_INTENSITY) |
                    bit(a->palette != b->palette, NH_LAMP_F_PALETTE) |
                    bit(strcmp(a->text, b->text) != 0, NH_LAMP_F_TEXT) |
                    bit(a->overlay != b->overlay, NH_LAMP_F_OVERLAY) |
                    bit(a->overlay_mode != b->overlay_mode, NH_LAMP_F_OVERLAY_MODE) |
                    bit(a->overlay_blend != b->overlay_blend, NH_LAMP_F_OVERLAY_BLEND);
    for (size_t i = 0; i < NH_ARRAY_LEN(a->color); i++)
        mask |= bit(a->color[i] != b->color[i], (uint32_t)NH_LAMP_F_COLOR_1 << i);
    return mask;
}

static int change(struct nh_lamp_state *s, const struct nh_lamp_command *c, uint16_t palette_count)
{
    int err = 0;
    switch (c->kind) {
    case NH_LAMP_SET:
        err = check(c, palette_count);
        if (err == 0)
            set_fields(s, &c->set, c->mask);
        return err;
    case NH_LAMP_NEXT_EFFECT:
        s->effect_id = nh_fx_next(s->effect_id);
        return 0;
    case NH_LAMP_PREVIOUS_EFFECT:
        s->effect_id = nh_fx_previous(s->effect_id);
        return 0;
    case NH_LAMP_TOGGLE_PAUSE:
        s->paused = !s->paused;
        return 0;
    case NH_LAMP_TOGGLE_POWER:
        s->power = !s->power;
        return 0;
    case NH_LAMP_ADJUST_BRIGHTNESS:
        s->brightness = (uint8_t)clamp((int64_t)s->brightness + c->delta, 0, UINT8_MAX);
        return 0;
    case NH_LAMP_ADJUST_SPEED:
        s->speed_pct = speed((int64_t)s->speed_pct + c->delta);
        return 0;
    case NH_LAMP_ADJUST_INTENSITY:
        s->intensity = (uint8_t)clamp((int64_t)s->intensity + c->delta, 0, UINT8_MAX);
        return 0;
    case NH_LAMP_START_OTA:
    case NH_LAMP_FLASH:
        return 0;
    }
    return NH_ERR_INVAL;
}

int nh_lamp__state_apply(struct nh_lamp_state *s, const struct nh_lamp_command *c,
                         uint16_t palette_count)
{
    struct nh_lamp_state after = *s;
    int err = change(&after, c, palette_count);
    if (err < 0)
        return err;
    uint32_t mask = differ(s, &after);
    if (mask)
        after.seq++;
    *s = after;
    return (int)mask;
}
