// lamp_light.c - commands of Home Assistant's light in its JSON schema, in the lamp's terms.

#include "components/lamp_mqtt/lamp_mqtt_private.h"

#include "core/json/decode.h"

#include <string.h>

struct light {
    char state[8], effect[NH_FX_NAME_MAX_BYTES];
    int32_t brightness; // -1: none is named
    double transition_s, flash_s;
    struct {
        int32_t r, g, b; // -1: none
    } color;
};

#define AT(m) NH_JSON_AT(struct light, m)
#define NUMBER(n, m)                                                                               \
    {                                                                                              \
        .name = (n), .type = NH_JSON_T_INT, AT(m), .is_signed = true, .min = 0, .max = 255         \
    }

static const nh_json_field_t color_fields[] = {NUMBER("r", color.r), NUMBER("g", color.g),
                                               NUMBER("b", color.b), NH_JSON_FIELDS_END};
static const nh_json_field_t light_fields[] = {
    {.name = "state", .type = NH_JSON_T_STRING, AT(state)},
    {.name = "effect", .type = NH_JSON_T_STRING, AT(effect)},
    NUMBER("brightness", brightness),
    {.name = "transition", .type = NH_JSON_T_DOUBLE, AT(transition_s), .dmin = 0, .dmax = 60},
    {.name = "flash", .type = NH_JSON_T_DOUBLE, AT(flash_s), .dmin = 0, .dmax = 60},
    {.name = "color", .type = NH_JSON_T_OBJECT, .fields = color_fields},
    NH_JSON_FIELDS_END,
};

static bool is_word(nh_span_t s, const char *word)
{
    return s.len == strlen(word) && memcmp(s.ptr, word, s.len) == 0;
}

// Brightness 0 is off, and leaves the brightness as it is. On without one is as bright as it was;
// a lamp that was made dark is as bright as before that.
static void set_brightness(const struct light *l, const struct nh_lamp_state *now, uint8_t lit,
                           struct nh_lamp_command *c)
{
    bool is_on = c->set.power;
    if (l->brightness > 0) {
        c->mask |= NH_LAMP_F_BRIGHTNESS;
        c->set.brightness = (uint8_t)l->brightness;
    } else if (is_on && now->brightness == 0) {
        c->mask |= NH_LAMP_F_BRIGHTNESS;
        c->set.brightness = lit;
    }
}

static int set_effect(const struct light *l, struct nh_lamp_command *c)
{
    if (!l->effect[0])
        return 0;
    const struct nh_fx_effect *e = nh_fx_find_name(l->effect);
    if (!e)
        return NH_ERR_NOT_FOUND;
    c->mask |= NH_LAMP_F_EFFECT;
    c->set.effect_id = e->id;
    return 0;
}

static int command_of(const struct light *l, const struct nh_lamp_state *now, uint8_t lit,
                      struct nh_lamp_command *c)
{
    bool is_off = strcmp(l->state, "OFF") == 0 || l->brightness == 0;
    bool is_on = strcmp(l->state, "ON") == 0 || l->brightness > 0;
    if (l->state[0] && strcmp(l->state, "OFF") != 0 && strcmp(l->state, "ON") != 0)
        return NH_ERR_SYNTAX;
    if (l->flash_s > 0) { // it comes with "ON", which is not meant
        c->kind = NH_LAMP_FLASH;
        c->flash_ms = (uint32_t)(l->flash_s * 1000);
        return 0;
    }
    if (is_off || is_on)
        c->mask |= NH_LAMP_F_POWER;
    c->set.power = is_on && !is_off;
    set_brightness(l, now, lit, c);
    if (l->color.r >= 0 && l->color.g >= 0 && l->color.b >= 0) {
        c->mask |= NH_LAMP_F_COLOR_1;
        c->set.color[0] = NH_PX(l->color.r, l->color.g, l->color.b);
    }
    if (l->transition_s > 0)
        c->transition_ms = (uint32_t)(l->transition_s * 1000);
    return set_effect(l, c);
}

int nh_lamp_mqtt__light_read(nh_span_t payload, const struct nh_lamp_state *now, uint8_t lit,
                             struct nh_lamp_command *c)
{
    struct light l = {.brightness = -1, .color = {-1, -1, -1}};
    *c = (struct nh_lamp_command){.kind = NH_LAMP_SET};
    if (is_word(payload, "ON") || is_word(payload, "OFF")) {
        memcpy(l.state, payload.ptr, payload.len);
        return command_of(&l, now, lit, c);
    }
    if (nh_json_decode((const char *)payload.ptr, payload.len, light_fields, &l, NULL, NULL, 0) < 0)
        return NH_ERR_SYNTAX;
    return command_of(&l, now, lit, c);
}
