// Palettes: the built-in ones, and behind them those that people made.

#include "components/lamp/lamp_private.h"

#include <string.h>

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool nh_lamp__is_word(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return *a == *b;
}

uint16_t nh_lamp_palette_count(const nh_lamp_t *l)
{
    return (uint16_t)(nh_fx_palette_count + l->own_count);
}

const struct nh_fx_palette *nh_lamp_palette_at(const nh_lamp_t *l, uint16_t index)
{
    if (index < nh_fx_palette_count)
        return &nh_fx_palettes[index];
    index = (uint16_t)(index - nh_fx_palette_count);
    return index < l->own_count ? &l->own[index] : NULL;
}

const struct nh_fx_palette *nh_lamp__palette_shown(const nh_lamp_t *l)
{
    const struct nh_fx_effect *e = nh_fx_find(l->state.effect_id);
    const struct nh_fx_palette *p = NULL;
    if (l->state.palette != NH_LAMP_PALETTE_AUTO)
        p = nh_lamp_palette_at(l, l->state.palette);
    if (!p && e)
        p = nh_lamp_palette_at(l, e->palette);
    return p ? p : &nh_fx_palettes[0];
}

int nh_lamp__palette_find(const nh_lamp_t *l, const char *name)
{
    for (uint16_t i = 0; i < nh_fx_palette_count; i++)
        if (nh_lamp__is_word(nh_fx_palettes[i].name, name))
            return i;
    for (uint16_t i = 0; l && i < l->own_count; i++)
        if (nh_lamp__is_word(l->own[i].name, name))
            return nh_fx_palette_count + i;
    return NH_ERR_NOT_FOUND;
}

bool nh_lamp__palette_is_valid(const struct nh_fx_palette *p)
{
    size_t len = strnlen(p->name, sizeof p->name);
    if (len == 0 || len == sizeof p->name || p->stop_count == 0 ||
        p->stop_count > NH_FX_STOP_MAX_COUNT)
        return false;
    for (size_t i = 0; i < len; i++)
        if (p->name[i] < ' ' || p->name[i] > '~')
            return false;
    for (size_t i = 1; i < p->stop_count; i++)
        if (p->stops[i].at <= p->stops[i - 1].at)
            return false;
    return true;
}

// The palettes are others: what is shown, kept and told follows.
static void changed(nh_lamp_t *l)
{
    nh_lamp__tell_render(l, 0);
    nh_lamp__changed(l, nh_clock_ms());
    nh_lamp__publish(l);
}

int nh_lamp_palette_set(nh_lamp_t *l, uint16_t index, const struct nh_fx_palette *p)
{
    uint16_t count = nh_lamp_palette_count(l);
    if (!nh_lamp__palette_is_valid(p))
        return NH_ERR_INVAL;
    if (index < nh_fx_palette_count || index > count)
        return NH_ERR_RANGE;
    if (nh_lamp__is_word(p->name, "auto"))
        return NH_ERR_EXISTS;
    int same = nh_lamp__palette_find(l, p->name); // a palette is kept by its name
    if (same >= 0 && same != index)
        return NH_ERR_EXISTS;
    if (index == count &&
        (l->own_count == NH_LAMP_PALETTE_OWN_MAX_COUNT || count == NH_LAMP_PALETTE_AUTO))
        return NH_ERR_FULL;
    l->own_count = (uint16_t)(l->own_count + (index == count));
    l->own[index - nh_fx_palette_count] = *p;
    changed(l);
    return 0;
}

int nh_lamp_palette_remove(nh_lamp_t *l, uint16_t index)
{
    uint16_t at = (uint16_t)(index - nh_fx_palette_count);
    if (index < nh_fx_palette_count || at >= l->own_count)
        return NH_ERR_RANGE;
    l->own_count--;
    memmove(&l->own[at], &l->own[at + 1], (size_t)(l->own_count - at) * sizeof *l->own);
    if (l->state.palette == index)
        l->state.palette = NH_LAMP_PALETTE_AUTO;
    else if (l->state.palette != NH_LAMP_PALETTE_AUTO && l->state.palette > index)
        l->state.palette--;
    changed(l);
    return 0;
}
