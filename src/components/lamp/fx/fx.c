// fx.c - the registry's questions and the player.

#include "components/lamp/fx/fx.h"

#include <string.h>

// ---- the registry

static bool is_visible(const struct nh_fx_effect *e)
{
    return !(e->uses & NH_FX_IS_HIDDEN);
}

const struct nh_fx_effect *nh_fx_find(uint16_t id)
{
    for (uint16_t i = 0; i < nh_fx_effect_count; i++)
        if (nh_fx_effects[i]->id == id)
            return nh_fx_effects[i];
    return NULL;
}

static char upper(char c)
{
    return (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

static bool same_name(const char *a, const char *b)
{
    while (*a && upper(*a) == upper(*b)) {
        a++;
        b++;
    }
    return *a == *b;
}

const struct nh_fx_effect *nh_fx_find_name(const char *name)
{
    for (uint16_t i = 0; i < nh_fx_effect_count; i++)
        if (same_name(nh_fx_effects[i]->name, name))
            return nh_fx_effects[i];
    return NULL;
}

uint16_t nh_fx_visible_count(void)
{
    uint16_t n = 0;
    for (uint16_t i = 0; i < nh_fx_effect_count; i++)
        n = (uint16_t)(n + is_visible(nh_fx_effects[i]));
    return n;
}

const struct nh_fx_effect *nh_fx_visible(uint16_t index)
{
    for (uint16_t i = 0; i < nh_fx_effect_count; i++)
        if (is_visible(nh_fx_effects[i]) && index-- == 0)
            return nh_fx_effects[i];
    return NULL;
}

int nh_fx_visible_index(uint16_t id)
{
    int index = 0;
    for (uint16_t i = 0; i < nh_fx_effect_count; i++) {
        if (!is_visible(nh_fx_effects[i]))
            continue;
        if (nh_fx_effects[i]->id == id)
            return index;
        index++;
    }
    return -1;
}

static uint16_t neighbour(uint16_t id, int by)
{
    int count = nh_fx_visible_count(), at = nh_fx_visible_index(id);
    at = at < 0 ? 0 : (at + by + count) % count;
    return nh_fx_visible((uint16_t)at)->id;
}

uint16_t nh_fx_next(uint16_t id)
{
    return neighbour(id, 1);
}

uint16_t nh_fx_previous(uint16_t id)
{
    return neighbour(id, -1);
}

bool nh_fx_record(uint16_t index, uint8_t out[NH_FX_RECORD_BYTES])
{
    const struct nh_fx_effect *e = nh_fx_visible(index);
    if (!e)
        return false;
    out[0] = (uint8_t)e->id;
    out[1] = (uint8_t)(e->id >> 8);
    memset(out + 2, 0, NH_FX_NAME_MAX_BYTES);
    for (size_t i = 0; i < NH_FX_NAME_MAX_BYTES && e->name[i]; i++)
        out[2 + i] = (uint8_t)e->name[i];
    return true;
}

// ---- the player

static uint32_t state_bytes_of(const struct nh_fx_effect *e, uint16_t width, uint16_t height)
{
    return e->state_bytes ? e->state_bytes(width, height) : 0;
}

uint32_t nh_fx_state_bytes(uint16_t width, uint16_t height)
{
    uint32_t most = 0;
    for (uint16_t i = 0; i < nh_fx_effect_count; i++) {
        uint32_t bytes = state_bytes_of(nh_fx_effects[i], width, height);
        most = bytes > most ? bytes : most;
    }
    return most;
}

int nh_fx_player_init(nh_fx_player_t *p, uint16_t width, uint16_t height, void *state)
{
    if (width < 1 || height < 1 || width > NH_FX_SIDE_MAX || height > NH_FX_SIDE_MAX)
        return NH_ERR_RANGE;
    *p = (nh_fx_player_t){.size = {.width = width, .height = height}, .state = state};
    nh_fx_player_set(p, nh_fx_effects[0], 1);
    return NH_OK;
}

void nh_fx_player_set(nh_fx_player_t *p, const struct nh_fx_effect *effect, uint32_t seed)
{
    uint32_t bytes = state_bytes_of(effect, p->size.width, p->size.height);
    p->effect = effect;
    p->seed = seed ? seed : 1;
    p->step_count = 0;
    if (bytes)
        memset(p->state, 0, bytes);
    if (effect->reset)
        effect->reset(p->state, &p->size, p->seed);
}

// Step n is due at n * step_ms. The difference is taken modulo 2^32, so that an animation goes on
// after the 49 days in which its time goes around.
static bool is_step_due(const nh_fx_player_t *p, uint32_t time_ms)
{
    return (int32_t)(time_ms - p->step_count * p->effect->step_ms) >= 0;
}

uint32_t nh_fx_player_draw(nh_fx_player_t *p, struct nh_fx_canvas *canvas,
                           const struct nh_fx_input *in, uint32_t step_max)
{
    uint32_t made = 0;
    if (p->effect->step)
        for (; made < step_max && is_step_due(p, in->time_ms); made++)
            p->effect->step(p->state, &p->size, in, p->step_count++);
    p->effect->draw(p->state, canvas, in, p->seed);
    return made;
}
