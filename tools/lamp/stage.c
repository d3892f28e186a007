#include "lamp/stage.h"

#include "components/lamp/fx/fx_math.h"
#include "components/lamp/fx/fx_random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 100000 // a frame: an hour is skipped to at once

struct nh_stage_options nh_stage_defaults(void)
{
    return (struct nh_stage_options){
        .effect = nh_fx_find(NH_FX_DEFAULT_ID),
        .palette = NH_STAGE_PALETTE_OWN,
        .width = 16,
        .height = 48,
        .speed_pct = 100,
        .fps = 30,
        .intensity = 128,
        .seed = 1,
        .color = {0xFFA03C, 0x000000, 0x2860FF},
        .day_s = 10 * 3600 + 9 * 60 + 30,
        .text = "nuthatch",
    };
}

// ---- options

static bool same_word(char a, char b)
{
    a = (char)(a >= 'a' && a <= 'z' ? a - 32 : a == '-' || a == '_' ? ' ' : a);
    b = (char)(b >= 'a' && b <= 'z' ? b - 32 : b);
    return a == b;
}

// `name` is one of a list, in capitals.
static bool is_named(const char *text, const char *name)
{
    size_t len = strlen(name);
    if (strlen(text) != len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!same_word(text[i], name[i]))
            return false;
    return true;
}

const struct nh_fx_effect *nh_stage_effect(const char *text)
{
    char *rest;
    unsigned long id = strtoul(text, &rest, 0);
    if (*text >= '0' && *text <= '9' && *rest == 0)
        return id <= UINT16_MAX ? nh_fx_find((uint16_t)id) : NULL;
    for (uint16_t i = 0; i < nh_fx_effect_count; i++)
        if (is_named(text, nh_fx_effects[i]->name))
            return nh_fx_effects[i];
    return NULL;
}

static int palette_find(const char *text)
{
    for (int i = 0; i < nh_fx_palette_count; i++)
        if (is_named(text, nh_fx_palettes[i].name))
            return i;
    return is_named(text, "AUTO") ? NH_STAGE_PALETTE_OWN : -2;
}

// A whole number within limits. False: it is none.
static bool number(const char *text, long low, long high, long *out)
{
    char *rest;
    *out = strtol(text, &rest, 10);
    return rest != text && *rest == 0 && *out >= low && *out <= high;
}

static bool take_size(struct nh_stage_options *o, const char *arg)
{
    char *rest;
    long w = strtol(arg, &rest, 10), h = *rest == 'x' ? strtol(rest + 1, &rest, 10) : 0;
    if (*rest != 0 || w < 1 || h < 1 || w > NH_FX_SIDE_MAX || h > NH_FX_SIDE_MAX)
        return false;
    o->width = (uint16_t)w;
    o->height = (uint16_t)h;
    return true;
}

// RRGGBB[,RRGGBB[,RRGGBB]]
static bool take_colors(struct nh_stage_options *o, const char *arg)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(o->color); i++) {
        char *rest;
        arg += *arg == '#';
        unsigned long c = strtoul(arg, &rest, 16);
        if (rest - arg != 6)
            return false;
        o->color[i] = (nh_px_t)c;
        if (*rest == 0)
            return true;
        if (*rest != ',')
            return false;
        arg = rest + 1;
    }
    return false;
}

static bool take_clock(struct nh_stage_options *o, const char *arg)
{
    unsigned h, m, s = 0;
    char end;
    int n = sscanf(arg, "%2u:%2u:%2u%c", &h, &m, &s, &end);
    if ((n != 2 && n != 3) || h > 23 || m > 59 || s > 59)
        return false;
    o->day_s = h * 3600 + m * 60 + s;
    return true;
}

// Numbers with limits.
static bool take_number(struct nh_stage_options *o, int option, const char *arg, char *fault,
                        size_t cap)
{
    static const struct {
        int option;
        const char *name;
        long low, high;
    } rows[] = {{'s', "speed", 10, 300},
                {'f', "fps", 1, NH_STAGE_FPS_MAX},
                {'i', "intensity", 0, 255},
                {'S', "seed", 1, INT32_MAX}};
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        long v;
        if (rows[i].option != option)
            continue;
        if (!number(arg, rows[i].low, rows[i].high, &v)) {
            snprintf(fault, cap, "--%s %s is not a number from %ld to %ld", rows[i].name, arg,
                     rows[i].low, rows[i].high);
            return false;
        }
        if (option == 's')
            o->speed_pct = (uint16_t)v;
        else if (option == 'f')
            o->fps = (uint16_t)v;
        else if (option == 'i')
            o->intensity = (uint8_t)v;
        else
            o->seed = (uint32_t)v;
    }
    return true;
}

bool nh_stage_option(struct nh_stage_options *o, int option, const char *arg, char *fault,
                     size_t cap)
{
    const struct nh_fx_effect *e = option == 'e' ? nh_stage_effect(arg) : o->effect;
    int palette = option == 'p' ? palette_find(arg) : o->palette;
    *fault = 0;
    if (!e)
        snprintf(fault, cap, "there is no effect \"%s\"; nuthatch lamp list names them", arg);
    else if (palette < NH_STAGE_PALETTE_OWN)
        snprintf(fault, cap, "there is no palette \"%s\"; nuthatch lamp list names them", arg);
    else if (option == 'g' && !take_size(o, arg))
        snprintf(fault, cap, "--size %s is not WIDTHxHEIGHT with 1 to %d pixels each", arg,
                 NH_FX_SIDE_MAX);
    else if (option == 'c' && !take_colors(o, arg))
        snprintf(fault, cap, "--colors %s is not one to three of RRGGBB with a comma between", arg);
    else if (option == 't' && strlen(arg) >= NH_FX_TEXT_MAX_BYTES)
        snprintf(fault, cap, "--text has over %d bytes", NH_FX_TEXT_MAX_BYTES - 1);
    else if (option == 'k' && !take_clock(o, arg))
        snprintf(fault, cap, "--clock %s is not HH:MM or HH:MM:SS", arg);
    else if (!take_number(o, option, arg, fault, cap))
        return false;
    if (*fault)
        return false;
    o->effect = e;
    o->palette = palette;
    o->text = option == 't' ? arg : o->text;
    return true;
}

// ---- playing

int nh_stage_open(struct nh_stage *s, const struct nh_stage_options *o, nh_mem_t *mem)
{
    size_t pixels = (size_t)o->width * o->height * sizeof(nh_px_t);
    size_t state = (nh_fx_state_bytes(o->width, o->height) + 7u) & ~(size_t)7;
    *s = (struct nh_stage){.o = *o, .mem = mem};
    uint8_t *at = nh_mem_alloc(mem, state + pixels, NH_MEM_BULK);
    if (!at)
        return NH_ERR_NOMEM;
    int err = nh_fx_player_init(&s->player, o->width, o->height, at);
    if (err) {
        nh_mem_free(mem, at);
        return err;
    }
    s->canvas = (struct nh_fx_canvas){o->width, o->height, (nh_px_t *)(void *)(at + state)};
    nh_stage_effect_set(s, o->effect);
    return 0;
}

void nh_stage_close(struct nh_stage *s)
{
    nh_mem_free(s->mem, s->player.state);
}

void nh_stage_effect_set(struct nh_stage *s, const struct nh_fx_effect *e)
{
    int palette = s->o.palette == NH_STAGE_PALETTE_OWN ? e->palette : s->o.palette;
    nh_fx_palette_expand(&nh_fx_palettes[palette], s->palette);
    nh_fx_player_set(&s->player, e, s->o.seed);
    s->o.effect = e;
}

// How loud a band is: a bass on each beat, a melody that wanders, hiss on the off-beats.
static uint8_t tune_band(uint32_t time_ms, uint32_t band)
{
    uint32_t beat = time_ms % 500, off = (time_ms + 250) % 500, note = time_ms / 250;
    int32_t bass = band < 4 ? 250 - (int32_t)beat - (int32_t)band * 30 : 0;
    int32_t at = 4 + (int32_t)(nh_fx_hash(3, note % 16, 0) % 8);
    int32_t tone = 220 - (int32_t)(time_ms % 250) / 2 - nh_fx_abs((int32_t)band - at) * 60;
    int32_t hiss = band > 10 ? 150 - (int32_t)off : 0;
    int32_t noise = (int32_t)(nh_fx_hash(5, time_ms / 60, band) & 31);
    return nh_fx_u8(nh_fx_max(nh_fx_max(bass, tone), nh_fx_max(hiss, 0)) + noise);
}

static void tune(struct nh_fx_input *in)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < NH_FX_BAND_COUNT; i++) {
        in->audio_band[i] = tune_band(in->time_ms, i);
        sum += in->audio_band[i];
    }
    in->audio_level = nh_fx_u8((int32_t)(sum * 2 / NH_FX_BAND_COUNT));
}

void nh_stage_draw(struct nh_stage *s, uint32_t time_ms)
{
    struct nh_fx_input in = {.time_ms = time_ms,
                             .intensity = s->o.intensity,
                             .palette = s->palette,
                             .color = {s->o.color[0], s->o.color[1], s->o.color[2]},
                             .day_s = (s->o.day_s + time_ms / 1000) % 86400,
                             .direction_deg = (uint16_t)(time_ms / 20 % 360),
                             .text = s->o.text};
    tune(&in);
    nh_fx_player_draw(&s->player, &s->canvas, &in, STEPS_MAX);
}

uint32_t nh_stage_time_ms(const struct nh_stage_options *o, uint32_t n)
{
    return (uint32_t)((uint64_t)n * 10 * o->speed_pct / o->fps);
}
