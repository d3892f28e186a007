#include "components/lamp_live/lamp_sync.h"

#include "components/wled/wled.h"

#include <stdio.h>
#include <string.h>

static void take_look(const struct nh_lamp_sync *s, struct nh_lamp_command *out)
{
    const struct nh_fx_effect *e = nh_fx_visible(s->effect);
    if (e) {
        out->mask |= NH_LAMP_F_EFFECT;
        out->set.effect_id = e->id;
    }
    out->mask |= NH_LAMP_F_SPEED;
    out->set.speed_pct = nh_wled_speed_pct(s->speed);
    if (s->has_intensity) {
        out->mask |= NH_LAMP_F_INTENSITY;
        out->set.intensity = s->intensity;
    }
    if (s->has_palette) {
        out->mask |= NH_LAMP_F_PALETTE;
        out->set.palette = nh_wled_palette_of(s->palette);
    }
}

static void take_colors(const struct nh_lamp_sync *s, struct nh_lamp_command *out)
{
    const struct {
        uint32_t mask;
        bool is_told;
    } of[] = {{NH_LAMP_F_COLOR_1, true},
              {NH_LAMP_F_COLOR_2, s->has_second},
              {NH_LAMP_F_COLOR_3, s->has_third}};
    for (size_t i = 0; i < NH_ARRAY_LEN(of); i++) {
        if (!of[i].is_told)
            continue;
        out->mask |= of[i].mask;
        out->set.color[i] = NH_PX(s->color[i][0], s->color[i][1], s->color[i][2]);
    }
}

bool nh_lamp_sync_command(const struct nh_lamp_sync *s, const struct nh_lamp_sync_rules *rules,
                          const char *from, struct nh_lamp_command *out)
{
    bool is_meant = s->has_groups ? (s->groups & rules->groups) != 0 : rules->groups != 0;
    if (!is_meant)
        return false;
    *out = (struct nh_lamp_command){.kind = NH_LAMP_SET,
                                    .mask = NH_LAMP_F_POWER,
                                    .origin = NH_ORIGIN_WLED,
                                    .transition_ms = s->transition_ms};
    snprintf(out->who, sizeof out->who, NH_LAMP_SYNC_WHO "%s", from);
    out->set.power = s->brightness > 0;
    if (s->brightness > 0) { // an off lamp keeps its brightness
        out->mask |= NH_LAMP_F_BRIGHTNESS;
        out->set.brightness = s->brightness;
    }
    take_colors(s, out);
    if (rules->has_effects)
        take_look(s, out);
    return true;
}

struct nh_lamp_sync nh_lamp_sync_of(const struct nh_lamp_snapshot *s, uint8_t groups,
                                    uint32_t transition_ms)
{
    int index = nh_fx_visible_index(s->state.effect_id);
    struct nh_lamp_sync out = {
        .why = s->changed_by == NH_ORIGIN_BUTTON ? NH_LAMP_SYNC_BUTTON : NH_LAMP_SYNC_DIRECT,
        .brightness = s->state.power ? s->state.brightness : 0,
        .effect = (uint8_t)(index < 0 || index > 255 ? 0 : index),
        .speed = nh_wled_sx(s->state.speed_pct),
        .intensity = s->state.intensity,
        .palette = (uint8_t)nh_wled_palette_index(s->state.palette),
        .transition_ms = (uint16_t)(transition_ms < UINT16_MAX ? transition_ms : UINT16_MAX),
        .groups = groups,
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(out.color); i++) {
        out.color[i][0] = (uint8_t)(s->state.color[i] >> 16);
        out.color[i][1] = (uint8_t)(s->state.color[i] >> 8);
        out.color[i][2] = (uint8_t)s->state.color[i];
    }
    return out;
}

bool nh_lamp_sync_differs(const struct nh_lamp_sync *a, const struct nh_lamp_sync *b)
{
    return a->brightness != b->brightness || a->effect != b->effect || a->speed != b->speed ||
           a->intensity != b->intensity || a->palette != b->palette ||
           memcmp(a->color, b->color, sizeof a->color) != 0;
}

bool nh_lamp_sync_was_last(const struct nh_lamp_snapshot *s)
{
    return s->changed_by == NH_ORIGIN_WLED &&
           strncmp(s->changed_who, NH_LAMP_SYNC_WHO, sizeof NH_LAMP_SYNC_WHO - 1) == 0;
}
