// wled_command.c - what a WLED client asks for in the lamp's terms.

#include "components/wled/wled_request.h"

#include <string.h>

// ---- numbers -----------------------------------------------------------------------------------

static int32_t clamp(int64_t v, int32_t min, int32_t max)
{
    return (int32_t)(v < min ? min : v > max ? max : v);
}

int32_t nh_wled_number_of(const struct nh_wled_number *n, int32_t now, int32_t min, int32_t max,
                          uint32_t random)
{
    if (n->high) {
        min = clamp(n->low, min, max);
        max = clamp(n->high, min, max);
    }
    int64_t sum = (int64_t)now + n->value;
    switch ((enum nh_wled_how)n->how) {
    case NH_WLED_SET:
        return clamp(n->value, min, max);
    case NH_WLED_ADD:
        return clamp(sum, min, max);
    case NH_WLED_ADD_WRAP:
        if (n->value > 0 && now == max)
            return min;
        return n->value < 0 && now == min ? max : clamp(sum, min, max);
    case NH_WLED_STEP:
        return sum > max ? min : sum < min ? max : (int32_t)sum;
    case NH_WLED_RANDOM:
        return min + (int32_t)((uint64_t)random * (uint32_t)(max - min + 1) >> 32);
    default:
        return now;
    }
}

// Two straight lines that meet at (128, 100 %), rounded to the nearest.
uint16_t nh_wled_speed_pct(uint8_t sx)
{
    uint32_t v = sx;
    return (uint16_t)(v <= 128 ? 10 + (v * 90 + 64) / 128 : 100 + ((v - 128) * 200 + 63) / 127);
}

uint8_t nh_wled_sx(uint16_t speed_pct)
{
    uint32_t v = (uint32_t)clamp(speed_pct, NH_LAMP_SPEED_MIN_PCT, NH_LAMP_SPEED_MAX_PCT);
    return (uint8_t)(v <= 100 ? ((v - 10) * 128 + 45) / 90 : 128 + ((v - 100) * 127 + 100) / 200);
}

uint8_t nh_wled_sx_told(uint16_t speed_pct, uint8_t hint)
{
    return nh_wled_speed_pct(hint) == speed_pct ? hint : nh_wled_sx(speed_pct);
}

uint8_t nh_wled_palette_of(uint16_t index)
{
    return index == 0 || index > NH_LAMP_PALETTE_AUTO ? NH_LAMP_PALETTE_AUTO : (uint8_t)(index - 1);
}

uint16_t nh_wled_palette_index(uint8_t palette)
{
    return palette == NH_LAMP_PALETTE_AUTO ? 0 : (uint16_t)(palette + 1);
}

// ---- the command -------------------------------------------------------------------------------

struct maker {
    const struct nh_wled_request *r;
    const struct nh_wled_base *base;
    struct nh_lamp_command *c;
    uint32_t random;
};

static uint32_t draw(struct maker *m)
{
    m->random = m->random * 1664525u + 1013904223u;
    return m->random;
}

static int32_t value_of(struct maker *m, const struct nh_wled_number *n, int32_t now, int32_t min,
                        int32_t max)
{
    return nh_wled_number_of(n, now, min, max, draw(m));
}

static void set_power(struct maker *m, bool on)
{
    m->c->mask |= NH_LAMP_F_POWER;
    m->c->set.power = on;
}

static bool switched(uint8_t how, bool now)
{
    return how == NH_WLED_TOGGLE ? !now : how == NH_WLED_ON;
}

// Brightness 0 is off and keeps the brightness; another one switches on, unless it says not to. A
// lamp that is off has brightness 0 for "~10", as a client sees it.
static void set_brightness(struct maker *m)
{
    const struct nh_lamp_state *s = m->base->state;
    // The lamp is one segment whose own brightness is always 255: less is meant for the lamp.
    const struct nh_wled_number *n = m->r->bri.how ? &m->r->bri : &m->r->seg.bri;
    bool is_full = n == &m->r->seg.bri && n->how == NH_WLED_SET && n->value >= 255;
    if (!n->how || is_full)
        return;
    int32_t bri = value_of(m, n, s->power ? s->brightness : 0, 0, 255);
    set_power(m, bri > 0);
    if (bri == 0)
        return;
    m->c->mask |= NH_LAMP_F_BRIGHTNESS;
    m->c->set.brightness = (uint8_t)bri;
}

static void set_switches(struct maker *m)
{
    const struct nh_lamp_state *s = m->base->state;
    bool has_on = m->r->on, has_seg = m->r->seg.on;
    if (has_on || has_seg) {
        bool on = !has_on || switched(m->r->on, s->power);
        bool seg = !has_seg || switched(m->r->seg.on, s->power);
        // Off by brightness 0 stays off.
        bool is_dark = m->r->bri.how && (m->c->mask & NH_LAMP_F_POWER) && !m->c->set.power;
        set_power(m, on && seg && !is_dark);
    }
    if (m->r->seg.frozen) {
        m->c->mask |= NH_LAMP_F_PAUSED;
        m->c->set.paused = switched(m->r->seg.frozen, s->paused);
    }
}

static void set_effect(struct maker *m)
{
    const struct nh_wled_number *n = &m->r->seg.fx;
    int now = nh_fx_visible_index(m->base->state->effect_id), count = nh_fx_visible_count();
    // One past the end is none of this lamp's, and is not taken for another.
    if (!n->how || count == 0 || (n->how == NH_WLED_SET && (n->value < 0 || n->value >= count)))
        return;
    const struct nh_fx_effect *e =
        nh_fx_visible((uint16_t)value_of(m, n, now < 0 ? 0 : now, 0, count - 1));
    m->c->mask |= NH_LAMP_F_EFFECT;
    m->c->set.effect_id = e->id;
}

static void set_speed(struct maker *m)
{
    const struct nh_wled_number *n = &m->r->seg.sx;
    if (!n->how)
        return;
    uint8_t sx = (uint8_t)value_of(m, n, m->base->sx, 0, 255);
    if (sx == m->base->sx)
        return; // what it read: 101 % is not to become 102 %
    m->c->mask |= NH_LAMP_F_SPEED;
    m->c->set.speed_pct = nh_wled_speed_pct(sx);
}

static void set_intensity_and_palette(struct maker *m)
{
    const struct nh_lamp_state *s = m->base->state;
    if (m->r->seg.ix.how) {
        m->c->mask |= NH_LAMP_F_INTENSITY;
        m->c->set.intensity = (uint8_t)value_of(m, &m->r->seg.ix, s->intensity, 0, 255);
    }
    const struct nh_wled_number *n = &m->r->seg.pal;
    int32_t max = m->base->palette_count; // one more with the effect's own
    if (!n->how || (n->how == NH_WLED_SET && (n->value < 0 || n->value > max)))
        return;
    m->c->mask |= NH_LAMP_F_PALETTE;
    m->c->set.palette =
        nh_wled_palette_of((uint16_t)value_of(m, n, nh_wled_palette_index(s->palette), 0, max));
}

static nh_px_t colored(struct maker *m, const struct nh_wled_color *c, nh_px_t px)
{
    if (c->is_random) // full, of any hue: one channel full, one none, one between
    {
        uint32_t r = draw(m) >> 8, full = r % 3, none = (full + 1 + (r >> 2) % 2) % 3;
        px = 0xFFu << 8 * full | (r >> 4 & 0xFF) << 8 * (3 - full - none);
        return px;
    }
    for (int i = 0; i < 3; i++)
        if (c->mask & 1u << i) {
            int shift = 16 - 8 * i;
            px = (px & ~(0xFFu << shift)) | (nh_px_t)c->channel[i] << shift;
        }
    return px;
}

static void set_colors(struct maker *m)
{
    for (int i = 0; i < 3; i++) {
        const struct nh_wled_color *c = &m->r->seg.color[i];
        m->c->set.color[i] = m->base->state->color[i];
        if (!c->mask)
            continue;
        m->c->set.color[i] = colored(m, c, m->base->state->color[i]);
        m->c->mask |= NH_LAMP_F_COLORS;
    }
}

bool nh_wled_request_command(const struct nh_wled_request *r, const struct nh_wled_base *base,
                             struct nh_lamp_command *c)
{
    struct maker m = {.r = r, .base = base, .c = c, .random = base->random};
    *c = (struct nh_lamp_command){.kind = NH_LAMP_SET, .origin = NH_ORIGIN_WLED};
    set_brightness(&m);
    set_switches(&m);
    set_effect(&m);
    set_speed(&m);
    set_intensity_and_palette(&m);
    set_colors(&m);
    return c->mask != 0;
}
