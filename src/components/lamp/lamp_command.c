// A command as a JSON object: POST /api/lamp, a step of a scenario, a message. docs/lamp.md tells
// its fields.

#include "components/lamp/lamp_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX_BYTES 96

struct reading {
    const nh_lamp_t *l;
    struct nh_lamp_command *c;
    int32_t *angle_deg;
    nh_finding_fn finding;
    void *ctx;
    nh_json_reader_t r;
    char text[TEXT_MAX_BYTES];
    int event; // of the value at hand
    int err;   // the first fault
    uint32_t seen;
    bool has_command, has_fields, has_delta, has_flash;
};

static void fault(struct reading *rd, int code, const char *limit, const char *text)
{
    struct nh_finding f = {.code = code};
    struct nh_json_error e;
    nh_json_error(&rd->r, &e);
    f.line = e.pos.line;
    f.column = e.pos.column;
    snprintf(f.pointer, sizeof f.pointer, "%s", e.pointer);
    if (rd->event == NH_JSON_STRING || rd->event == NH_JSON_NUMBER)
        snprintf(f.value, sizeof f.value, "%s", nh_json_text(&rd->r, NULL));
    snprintf(f.limit, sizeof f.limit, "%s", limit);
    snprintf(f.text, sizeof f.text, "%s", text);
    rd->err = rd->err ? rd->err : code;
    if (rd->finding)
        rd->finding(rd->ctx, &f);
}

// ---- values ------------------------------------------------------------------------------------

static bool take_bool(struct reading *rd, bool *out)
{
    if (rd->event != NH_JSON_TRUE && rd->event != NH_JSON_FALSE) {
        fault(rd, NH_ERR_TYPE, "true or false", "is neither true nor false");
        return false;
    }
    *out = rd->event == NH_JSON_TRUE;
    return true;
}

// A number, clamped and rounded.
static bool take_number(struct reading *rd, int32_t low, int32_t high, int32_t *out)
{
    double v;
    char limit[32];
    if (rd->event != NH_JSON_NUMBER || nh_json_double(&rd->r, &v) < 0) {
        snprintf(limit, sizeof limit, "%d to %d", (int)low, (int)high);
        fault(rd, NH_ERR_TYPE, limit, "is no number");
        return false;
    }
    *out = v <= low ? low : v >= high ? high : (int32_t)(v < 0 ? v - 0.5 : v + 0.5);
    return true;
}

// A string that is whole; NULL after a fault.
static const char *take_text(struct reading *rd, size_t max_bytes)
{
    char limit[32];
    size_t len = 0;
    const char *text = NULL;
    snprintf(limit, sizeof limit, "at most %zu bytes", max_bytes);
    if (rd->event != NH_JSON_STRING)
        fault(rd, NH_ERR_TYPE, limit, "is no text");
    else
        text = nh_json_text(&rd->r, &len);
    if (text && (nh_json_is_cut(&rd->r) || len > max_bytes)) {
        fault(rd, NH_ERR_TOO_LONG, limit, "is too long");
        return NULL;
    }
    if (text && strlen(text) != len) {
        fault(rd, NH_ERR_INVAL, "no NUL", "has a NUL in it");
        return NULL;
    }
    return text;
}

static int take_choice(struct reading *rd, const char *const *names, const char *limit)
{
    const char *text = take_text(rd, 31);
    for (int i = 0; text && names[i]; i++)
        if (nh_lamp__is_word(names[i], text))
            return i;
    if (text)
        fault(rd, NH_ERR_INVAL, limit, "is none of these");
    return -1;
}

static bool take_color(struct reading *rd, nh_px_t *out)
{
    const char *text = take_text(rd, 7);
    char *end;
    if (!text)
        return false;
    bool is_it =
        text[0] == '#' && strlen(text) == 7 && strspn(text + 1, "0123456789abcdefABCDEF") == 6;
    if (is_it)
        *out = (nh_px_t)strtoul(text + 1, &end, 16);
    else
        fault(rd, NH_ERR_SYNTAX, "#rrggbb", "is no colour");
    return is_it;
}

// ---- fields ------------------------------------------------------------------------------------

static void set(struct reading *rd, uint32_t field)
{
    rd->c->mask |= field;
    rd->has_fields = true;
}

static void read_power(struct reading *rd)
{
    if (take_bool(rd, &rd->c->set.power))
        set(rd, NH_LAMP_F_POWER);
}

static void read_paused(struct reading *rd)
{
    if (take_bool(rd, &rd->c->set.paused))
        set(rd, NH_LAMP_F_PAUSED);
}

static void read_brightness(struct reading *rd)
{
    int32_t v;
    if (!take_number(rd, 0, UINT8_MAX, &v))
        return;
    rd->c->set.brightness = (uint8_t)v;
    set(rd, NH_LAMP_F_BRIGHTNESS);
}

static void read_speed(struct reading *rd)
{
    int32_t v;
    if (!take_number(rd, NH_LAMP_SPEED_MIN_PCT, NH_LAMP_SPEED_MAX_PCT, &v))
        return;
    rd->c->set.speed_pct = (uint16_t)v;
    set(rd, NH_LAMP_F_SPEED);
}

static void read_intensity(struct reading *rd)
{
    int32_t v;
    if (!take_number(rd, 0, UINT8_MAX, &v))
        return;
    rd->c->set.intensity = (uint8_t)v;
    set(rd, NH_LAMP_F_INTENSITY);
}

static void read_effect(struct reading *rd)
{
    const struct nh_fx_effect *e = NULL;
    int32_t id;
    if (rd->event == NH_JSON_NUMBER) {
        if (take_number(rd, 0, UINT16_MAX, &id))
            e = nh_fx_find((uint16_t)id);
    } else {
        const char *name = take_text(rd, TEXT_MAX_BYTES - 1);
        if (!name)
            return;
        e = nh_fx_find_name(name);
    }
    if (!e) {
        fault(rd, NH_ERR_NOT_FOUND, "a name or id of GET /api/lamp/effects", "is no effect");
        return;
    }
    rd->c->set.effect_id = e->id;
    set(rd, NH_LAMP_F_EFFECT);
}

static void read_palette(struct reading *rd)
{
    int32_t index = NH_ERR_NOT_FOUND;
    uint16_t count = rd->l ? nh_lamp_palette_count(rd->l) : nh_fx_palette_count;
    if (rd->event == NH_JSON_NUMBER) {
        if (!take_number(rd, -1, UINT16_MAX, &index))
            return;
    } else {
        const char *name = take_text(rd, TEXT_MAX_BYTES - 1);
        if (!name)
            return;
        index = nh_lamp__is_word(name, "auto") ? NH_LAMP_PALETTE_AUTO
                                               : nh_lamp__palette_find(rd->l, name);
    }
    if (index != NH_LAMP_PALETTE_AUTO && (index < 0 || index >= count)) {
        fault(rd, NH_ERR_NOT_FOUND, "auto, or one of GET /api/lamp/palettes", "is no palette");
        return;
    }
    rd->c->set.palette = (uint8_t)index;
    set(rd, NH_LAMP_F_PALETTE);
}

static void read_text(struct reading *rd)
{
    const char *text = take_text(rd, NH_FX_TEXT_MAX_BYTES - 1);
    if (!text)
        return;
    snprintf(rd->c->set.text, sizeof rd->c->set.text, "%s", text);
    set(rd, NH_LAMP_F_TEXT);
}

static void read_colors(struct reading *rd)
{
    size_t n = 0;
    if (rd->event != NH_JSON_ARRAY_BEGIN) {
        fault(rd, NH_ERR_TYPE, "1 to 3 of #rrggbb", "is no list");
        return;
    }
    while ((rd->event = nh_json_next(&rd->r)) > 0 && rd->event != NH_JSON_ARRAY_END) {
        nh_px_t px = 0;
        if (n == NH_ARRAY_LEN(rd->c->set.color))
            fault(rd, NH_ERR_RANGE, "at most 3", "is one too many");
        if (take_color(rd, &px) && n < NH_ARRAY_LEN(rd->c->set.color)) {
            rd->c->set.color[n] = px;
            set(rd, (uint32_t)NH_LAMP_F_COLOR_1 << n);
        }
        if (nh_json_skip(&rd->r) < 0)
            return;
        n++;
    }
}

static void read_transition(struct reading *rd)
{
    int32_t v;
    if (take_number(rd, 0, NH_LAMP__TRANSITION_MAX_MS, &v))
        rd->c->transition_ms = (uint32_t)v;
}

static void read_delta(struct reading *rd)
{
    rd->has_delta |= take_number(rd, -UINT16_MAX, UINT16_MAX, &rd->c->delta);
}

static void read_flash(struct reading *rd)
{
    int32_t v;
    if (!take_number(rd, 0, NH_LAMP__FLASH_MAX_MS, &v))
        return;
    rd->c->flash_ms = (uint32_t)v;
    rd->has_flash = true;
}

static void read_command(struct reading *rd)
{
    static const char *const names[] = {
        "next",         "previous",         "toggle", "toggle_pause", "adjust_brightness",
        "adjust_speed", "adjust_intensity", "flash",  "start_ota",    NULL};
    static const enum nh_lamp_command_kind kinds[] = {
        NH_LAMP_NEXT_EFFECT,       NH_LAMP_PREVIOUS_EFFECT,
        NH_LAMP_TOGGLE_POWER,      NH_LAMP_TOGGLE_PAUSE,
        NH_LAMP_ADJUST_BRIGHTNESS, NH_LAMP_ADJUST_SPEED,
        NH_LAMP_ADJUST_INTENSITY,  NH_LAMP_FLASH,
        NH_LAMP_START_OTA};
    int i = take_choice(rd, names, "next, previous, toggle, toggle_pause, adjust_..., flash ...");
    if (i < 0)
        return;
    rd->c->kind = kinds[i];
    rd->has_command = true;
}

// ---- the overlay

static void read_enabled(struct reading *rd)
{
    if (take_bool(rd, &rd->c->set.overlay))
        set(rd, NH_LAMP_F_OVERLAY);
}

static void read_mode(struct reading *rd)
{
    static const char *const names[] = {"idle", "listen", "speak", NULL};
    int i = take_choice(rd, names, "idle, listen, speak");
    if (i < 0)
        return;
    rd->c->set.overlay_mode = (uint8_t)i;
    set(rd, NH_LAMP_F_OVERLAY_MODE);
}

static void read_blend(struct reading *rd)
{
    static const char *const names[] = {"alpha", "add", "max", NULL};
    int i = take_choice(rd, names, "alpha, add, max");
    if (i < 0)
        return;
    rd->c->set.overlay_blend = (uint8_t)i;
    set(rd, NH_LAMP_F_OVERLAY_BLEND);
}

static void read_angle(struct reading *rd)
{
    if (rd->event == NH_JSON_NULL)
        return;
    if (take_number(rd, 0, 360, rd->angle_deg))
        rd->has_fields = true;
}

static void read_overlay(struct reading *rd);

struct field {
    const char *name;
    void (*read)(struct reading *rd);
};
static const struct field fields[] = {
    {"power", read_power},
    {"brightness", read_brightness},
    {"effect", read_effect},
    {"speed_pct", read_speed},
    {"intensity", read_intensity},
    {"palette", read_palette},
    {"paused", read_paused},
    {"colors", read_colors},
    {"text", read_text},
    {"overlay", read_overlay},
    {"transition_ms", read_transition},
    {"command", read_command},
    {"delta", read_delta},
    {"flash_ms", read_flash},
    {NULL, NULL},
};
static const struct field overlay_fields[] = {
    {"enabled", read_enabled}, {"mode", read_mode}, {"blend", read_blend},
    {"angle_deg", read_angle}, {NULL, NULL},
};

// One member of an object whose key was just read. False: the text is broken.
static bool read_member(struct reading *rd, const struct field *of, uint32_t *seen)
{
    const struct field *f = of;
    const char *key = nh_json_text(&rd->r, NULL);
    while (f->name && strcmp(f->name, key) != 0)
        f++;
    rd->event = nh_json_next(&rd->r);
    if (rd->event < 0)
        return false;
    uint32_t depth = nh_json_depth(&rd->r), bit = 1u << (f - of);
    bool is_open = rd->event == NH_JSON_OBJECT_BEGIN || rd->event == NH_JSON_ARRAY_BEGIN;
    if (!f->name)
        fault(rd, NH_ERR_NOT_FOUND, "see docs/lamp.md", "is not a field of a command");
    else if (*seen & bit)
        fault(rd, NH_ERR_EXISTS, "once", "is there twice");
    else
        f->read(rd);
    *seen |= bit;
    // What is not of this kind was not read to its end.
    if (is_open && nh_json_depth(&rd->r) == depth && nh_json_skip(&rd->r) < 0)
        return false;
    return rd->event >= 0;
}

static void read_members(struct reading *rd, const struct field *of, uint32_t *seen)
{
    while ((rd->event = nh_json_next(&rd->r)) == NH_JSON_KEY)
        if (!read_member(rd, of, seen))
            return;
}

static void read_overlay(struct reading *rd)
{
    uint32_t seen = 0;
    if (rd->event != NH_JSON_OBJECT_BEGIN) {
        fault(rd, NH_ERR_TYPE, "an object", "is no object");
        return;
    }
    read_members(rd, overlay_fields, &seen);
}

// ---- all of it ---------------------------------------------------------------------------------

static bool is_adjusting(enum nh_lamp_command_kind kind)
{
    return kind == NH_LAMP_ADJUST_BRIGHTNESS || kind == NH_LAMP_ADJUST_SPEED ||
           kind == NH_LAMP_ADJUST_INTENSITY;
}

static void check_whole(struct reading *rd)
{
    rd->event = NH_JSON_NULL;
    if (rd->has_command && rd->has_fields)
        fault(rd, NH_ERR_INVAL, "fields, or one command", "has both");
    else if (rd->has_delta != (rd->has_command && is_adjusting(rd->c->kind)))
        fault(rd, NH_ERR_INVAL, "delta with adjust_..., and only there",
              "has one without the other");
    else if (rd->has_flash && (!rd->has_command || rd->c->kind != NH_LAMP_FLASH))
        fault(rd, NH_ERR_INVAL, "flash_ms with the command flash", "has one without the other");
}

static void broken(struct reading *rd)
{
    struct nh_json_error e;
    nh_json_error(&rd->r, &e);
    rd->event = NH_JSON_NULL;
    fault(rd, e.code < 0 ? e.code : NH_ERR_SYNTAX, "a JSON object",
          e.code < 0 ? e.text : "is no object");
}

int nh_lamp_command_read(const nh_lamp_t *l, const char *json, size_t len,
                         struct nh_lamp_command *out, int32_t *angle_deg, nh_finding_fn finding,
                         void *ctx)
{
    struct reading rd = {.l = l, .c = out, .angle_deg = angle_deg, .finding = finding, .ctx = ctx};
    *out = (struct nh_lamp_command){.flash_ms = NH_LAMP__FLASH_DEFAULT_MS,
                                    .transition_ms = l ? l->cfg.transition_ms : 0};
    *angle_deg = -1;
    nh_json_reader_init(&rd.r, &(struct nh_json_reader_config){.text = rd.text,
                                                               .text_max_bytes = sizeof rd.text,
                                                               .depth_max = 8,
                                                               .cut_long = true});
    nh_json_feed(&rd.r, json, len, true);
    rd.event = nh_json_next(&rd.r);
    if (rd.event == NH_JSON_OBJECT_BEGIN)
        read_members(&rd, fields, &rd.seen);
    if (rd.event != NH_JSON_OBJECT_END || nh_json_next(&rd.r) != NH_JSON_DONE)
        broken(&rd);
    else if (rd.err == 0)
        check_whole(&rd);
    return rd.err;
}
