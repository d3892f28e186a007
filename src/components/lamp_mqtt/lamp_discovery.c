// lamp_discovery.c - the lamp as entities of Home Assistant: a light in the JSON schema with its
// effects, and what a light has no place for. Keys and abbreviations: docs/homeassistant.md.

#include "components/lamp_mqtt/lamp_mqtt_private.h"

#include <stdio.h>

enum entity {
    LIGHT,
    SPEED,
    INTENSITY,
    PALETTE,
    PAUSE,
    OVERLAY,
    NEXT,
    PREVIOUS,
    FPS,
    CURRENT,
    ENTITY_COUNT
};
const size_t nh_lamp_mqtt__entity_count = ENTITY_COUNT;

// Texts NULL: it has none. `command`: the level before "set".
static const struct row {
    const char *component, *object, *name, *command, *field, *unit, *class, *icon;
    int min, max; // of a number
} rows[ENTITY_COUNT] = {
    [LIGHT] = {"light", "lamp", NULL},
    [SPEED] = {"number", "lamp_speed", "Speed", "speed", "speed_pct", "%", NULL, "mdi:speedometer",
               NH_LAMP_SPEED_MIN_PCT, NH_LAMP_SPEED_MAX_PCT},
    [INTENSITY] = {"number", "lamp_intensity", "Intensity", "intensity", "intensity", NULL, NULL,
                   "mdi:fire", 0, 255},
    [PALETTE] = {"select", "lamp_palette", "Palette", "palette", "palette", NULL, NULL,
                 "mdi:palette"},
    [PAUSE] = {"switch", "lamp_pause", "Pause", "pause", "paused", NULL, NULL, "mdi:pause"},
    [OVERLAY] = {"switch", "lamp_overlay", "Overlay", "overlay", "overlay", NULL, NULL,
                 "mdi:layers"},
    [NEXT] = {"button", "lamp_next", "Next effect", "next", NULL, NULL, NULL, "mdi:skip-next"},
    [PREVIOUS] = {"button", "lamp_previous", "Previous effect", "previous", NULL, NULL, NULL,
                  "mdi:skip-previous"},
    [FPS] = {"sensor", "lamp_fps", "Frame rate", NULL, "fps", "1/s"},
    [CURRENT] = {"sensor", "lamp_current", "Current", NULL, "current_ma", "mA", "current"},
};

void nh_lamp_mqtt__entity(void *ctx, size_t at, struct nh_homeassistant_entity *out)
{
    (void)ctx;
    *out = (struct nh_homeassistant_entity){
        .component = rows[at].component, .object = rows[at].object, .name = rows[at].name};
}

// ---- documents ---------------------------------------------------------------------------------

static void kv_if(nh_json_writer_t *w, const char *key, const char *text)
{
    if (text)
        nh_json_kv_string(w, key, text);
}

static void write_light(nh_json_writer_t *w)
{
    nh_json_kv_string(w, "schema", "json");
    nh_json_kv_string(w, "stat_t", "~/lamp/state");
    nh_json_kv_string(w, "cmd_t", "~/lamp/set");
    nh_json_kv_bool(w, "brightness", true);
    nh_json_kv_uint(w, "bri_scl", 255);
    nh_json_key(w, "sup_clrm"); // effects that take colours use the first
    nh_json_array_begin(w);
    nh_json_string(w, "rgb");
    nh_json_array_end(w);
    nh_json_kv_uint(w, "flsh_tsht", 2);
    nh_json_kv_uint(w, "flsh_tlng", 10);
    nh_json_kv_bool(w, "effect", true);
    nh_json_key(w, "fx_list");
    nh_json_array_begin(w);
    for (uint16_t i = 0; i < nh_fx_visible_count(); i++)
        nh_json_string(w, nh_fx_visible(i)->name);
    nh_json_array_end(w);
}

static void write_palettes(const nh_lamp_mqtt_t *m, nh_json_writer_t *w)
{
    nh_json_key(w, "options");
    nh_json_array_begin(w);
    nh_json_string(w, "auto");
    for (uint16_t i = 0; i < nh_lamp_palette_count(m->cfg.lamp); i++)
        nh_json_string(w, nh_lamp_palette_at(m->cfg.lamp, i)->name);
    nh_json_array_end(w);
}

void nh_lamp_mqtt__entity_write(void *ctx, size_t at, nh_json_writer_t *w)
{
    const struct row *r = &rows[at];
    char text[64];
    if (at == LIGHT) {
        write_light(w);
        return;
    }
    if (r->field) {
        nh_json_kv_string(w, "stat_t", r->command ? "~/lamp/state" : "~/lamp/figures");
        snprintf(text, sizeof text, "{{ value_json.%s }}", r->field);
        nh_json_kv_string(w, "val_tpl", text);
    }
    if (r->command) {
        snprintf(text, sizeof text, "~/lamp/%s/set", r->command);
        nh_json_kv_string(w, "cmd_t", text);
    } else {
        nh_json_kv_string(w, "stat_cla", "measurement");
        nh_json_kv_string(w, "entity_category", "diagnostic");
    }
    if (r->max) {
        nh_json_kv_int(w, "min", r->min);
        nh_json_kv_int(w, "max", r->max);
        nh_json_kv_uint(w, "step", 1);
        nh_json_kv_string(w, "mode", "slider");
    }
    if (at == PALETTE)
        write_palettes(ctx, w);
    kv_if(w, "unit_of_meas", r->unit);
    kv_if(w, "dev_cla", r->class);
    kv_if(w, "icon", r->icon);
}

// ---- states ------------------------------------------------------------------------------------

static const char *palette_name(const nh_lamp_mqtt_t *m, uint8_t palette)
{
    const struct nh_fx_palette *p =
        palette == NH_LAMP_PALETTE_AUTO ? NULL : nh_lamp_palette_at(m->cfg.lamp, palette);
    return p ? p->name : "auto";
}

static void write_state(const nh_lamp_mqtt_t *m, nh_json_writer_t *w)
{
    struct nh_lamp_snapshot snapshot;
    nh_lamp_snapshot(m->cfg.lamp, &snapshot);
    const struct nh_lamp_state *s = &snapshot.state;
    int index = nh_fx_visible_index(s->effect_id);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "state", s->power ? "ON" : "OFF");
    nh_json_kv_uint(w, "brightness", s->brightness);
    nh_json_kv_string(w, "color_mode", "rgb");
    nh_json_key(w, "color");
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "r", s->color[0] >> 16 & 0xFF);
    nh_json_kv_uint(w, "g", s->color[0] >> 8 & 0xFF);
    nh_json_kv_uint(w, "b", s->color[0] & 0xFF);
    nh_json_object_end(w);
    // One that is not in the list is no choice there.
    nh_json_kv_string(w, "effect", index < 0 ? NULL : nh_fx_visible((uint16_t)index)->name);
    nh_json_kv_uint(w, "speed_pct", s->speed_pct);
    nh_json_kv_uint(w, "intensity", s->intensity);
    nh_json_kv_string(w, "palette", palette_name(m, s->palette));
    nh_json_kv_string(w, "paused", s->paused ? "ON" : "OFF");
    nh_json_kv_string(w, "overlay", s->overlay ? "ON" : "OFF");
    nh_json_kv_uint(w, "seq", s->seq);
    nh_json_object_end(w);
}

static void write_figures(const nh_lamp_mqtt_t *m, nh_json_writer_t *w)
{
    struct nh_lamp_info i;
    nh_lamp_info(m->cfg.lamp, &i);
    nh_json_object_begin(w);
    nh_json_kv_double(w, "fps", i.fps_x10 / 10.0);
    nh_json_kv_uint(w, "current_ma", i.estimate_ma);
    nh_json_object_end(w);
}

const char *nh_lamp_mqtt__state_write(void *ctx, size_t at, nh_json_writer_t *w)
{
    if (at == NH_LAMP_MQTT__STATE)
        write_state(ctx, w);
    else
        write_figures(ctx, w);
    return at == NH_LAMP_MQTT__STATE ? "state" : "figures";
}
