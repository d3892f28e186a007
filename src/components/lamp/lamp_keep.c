// What outlives a restart: the state and one's own palettes, as document "lamp" of the store.
//
//   {"version":1,"effect":"FIRE","brightness":102, ..., "palettes":[{"name":"SUNSET", ...}]}
//
// One document, since the state points into the palettes. Numbers of effects never change, but a
// name can be read; a palette is kept by its name as well, since built-in ones may become more.

#include "components/lamp/lamp_private.h"

#include "core/json/decode.h"
#include "core/store/store_document.h"

#include <stdio.h>
#include <string.h>

#define VERSION 1
#define CHUNK_BYTES 256

struct kept_stop {
    uint32_t at, color;
};
struct kept_palette {
    char name[NH_FX_NAME_MAX_BYTES];
    bool stepped;
    uint32_t stop_count;
    struct kept_stop stops[NH_FX_STOP_MAX_COUNT];
};
struct kept {
    uint32_t version, effect_id, brightness, speed_pct, intensity, overlay_mode, overlay_blend;
    bool paused, power, overlay;
    char palette[NH_FX_NAME_MAX_BYTES]; // "": the effect's own
    uint32_t color_count, color[3];
    char text[NH_FX_TEXT_MAX_BYTES];
    uint32_t palette_count;
    struct kept_palette palettes[NH_LAMP_PALETTE_OWN_MAX_COUNT];
};

#define UINT(n, lim)                                                                               \
    {                                                                                              \
        .name = #n, .type = NH_JSON_T_INT, NH_JSON_AT(struct kept, n), .max = (lim)                \
    }
#define BOOL(n)                                                                                    \
    {                                                                                              \
        .name = #n, .type = NH_JSON_T_BOOL, NH_JSON_AT(struct kept, n)                             \
    }
#define STRING(n)                                                                                  \
    {                                                                                              \
        .name = #n, .type = NH_JSON_T_STRING, NH_JSON_AT(struct kept, n)                           \
    }

static const nh_json_field_t stop_fields[] = {
    {.name = "at", .type = NH_JSON_T_INT, NH_JSON_AT(struct kept_stop, at), .max = 255},
    {.name = "color", .type = NH_JSON_T_INT, NH_JSON_AT(struct kept_stop, color), .max = 0xFFFFFF},
    NH_JSON_FIELDS_END,
};
static const nh_json_field_t stop_element = {
    .type = NH_JSON_T_OBJECT, .fields = stop_fields, .size = sizeof(struct kept_stop)};
static const nh_json_field_t palette_fields[] = {
    {.name = "name", .type = NH_JSON_T_STRING, NH_JSON_AT(struct kept_palette, name)},
    {.name = "stepped", .type = NH_JSON_T_BOOL, NH_JSON_AT(struct kept_palette, stepped)},
    {.name = "stops",
     .type = NH_JSON_T_ARRAY,
     .element = &stop_element,
     .offset = offsetof(struct kept_palette, stops),
     .count_offset = offsetof(struct kept_palette, stop_count),
     .count_max = NH_FX_STOP_MAX_COUNT},
    NH_JSON_FIELDS_END,
};
static const nh_json_field_t palette_element = {
    .type = NH_JSON_T_OBJECT, .fields = palette_fields, .size = sizeof(struct kept_palette)};
static const nh_json_field_t color_element = {
    .type = NH_JSON_T_INT, .size = sizeof(uint32_t), .max = 0xFFFFFF};

static const nh_json_field_t fields[] = {
    UINT(version, UINT32_MAX),
    UINT(effect_id, UINT16_MAX),
    UINT(brightness, 255),
    UINT(speed_pct, UINT16_MAX),
    UINT(intensity, 255),
    BOOL(paused),
    BOOL(power),
    STRING(palette),
    {.name = "color",
     .type = NH_JSON_T_ARRAY,
     .element = &color_element,
     .offset = offsetof(struct kept, color),
     .count_offset = offsetof(struct kept, color_count),
     .count_max = 3},
    STRING(text),
    BOOL(overlay),
    UINT(overlay_mode, 255),
    UINT(overlay_blend, 255),
    {.name = "palettes",
     .type = NH_JSON_T_ARRAY,
     .element = &palette_element,
     .offset = offsetof(struct kept, palettes),
     .count_offset = offsetof(struct kept, palette_count),
     .count_max = NH_LAMP_PALETTE_OWN_MAX_COUNT},
    NH_JSON_FIELDS_END,
};

// ---- to and from what is kept ------------------------------------------------------------------

static void from_palette(struct kept_palette *k, const struct nh_fx_palette *p)
{
    snprintf(k->name, sizeof k->name, "%s", p->name);
    k->stepped = p->is_stepped;
    k->stop_count = p->stop_count;
    for (uint32_t i = 0; i < p->stop_count; i++)
        k->stops[i] = (struct kept_stop){p->stops[i].at, p->stops[i].color};
}

static void to_palette(struct nh_fx_palette *p, const struct kept_palette *k)
{
    memset(p, 0, sizeof *p);
    snprintf(p->name, sizeof p->name, "%s", k->name);
    p->is_stepped = k->stepped;
    p->stop_count = (uint8_t)k->stop_count;
    for (uint32_t i = 0; i < k->stop_count; i++)
        p->stops[i] = (struct nh_fx_stop){(uint8_t)k->stops[i].at, k->stops[i].color};
}

static void from_state(struct kept *k, const nh_lamp_t *l)
{
    const struct nh_lamp_state *s = &l->state;
    const struct nh_fx_palette *p =
        s->palette == NH_LAMP_PALETTE_AUTO ? NULL : nh_lamp_palette_at(l, s->palette);
    *k = (struct kept){.version = VERSION,
                       .effect_id = s->effect_id,
                       .brightness = s->brightness,
                       .speed_pct = s->speed_pct,
                       .intensity = s->intensity,
                       .overlay_mode = s->overlay_mode,
                       .overlay_blend = s->overlay_blend,
                       .paused = s->paused,
                       .power = s->power,
                       .overlay = s->overlay,
                       .color_count = 3,
                       .color = {s->color[0], s->color[1], s->color[2]},
                       .palette_count = l->own_count};
    snprintf(k->palette, sizeof k->palette, "%s", p ? p->name : "");
    memcpy(k->text, s->text, sizeof k->text);
    for (uint32_t i = 0; i < l->own_count; i++)
        from_palette(&k->palettes[i], &l->own[i]);
}

static void to_state(nh_lamp_t *l, const struct kept *k)
{
    struct nh_lamp_state *s = &l->state;
    l->own_count = 0;
    for (uint32_t i = 0; i < k->palette_count; i++) {
        to_palette(&l->own[l->own_count], &k->palettes[i]);
        l->own_count = (uint16_t)(l->own_count + nh_lamp__palette_is_valid(&l->own[l->own_count]));
    }
    int palette = k->palette[0] ? nh_lamp__palette_find(l, k->palette) : NH_LAMP_PALETTE_AUTO;
    *s = (struct nh_lamp_state){.effect_id = (uint16_t)k->effect_id,
                                .brightness = (uint8_t)k->brightness,
                                .speed_pct = (uint16_t)k->speed_pct,
                                .intensity = (uint8_t)k->intensity,
                                .overlay_mode = (uint8_t)k->overlay_mode,
                                .overlay_blend = (uint8_t)k->overlay_blend,
                                .paused = k->paused,
                                .power = k->power,
                                .overlay = k->overlay,
                                .palette = (uint8_t)(palette < 0 ? NH_LAMP_PALETTE_AUTO : palette),
                                .color = {k->color[0], k->color[1], k->color[2]}};
    snprintf(s->text, sizeof s->text, "%s", k->text);
    nh_lamp__state_clamp(s, nh_lamp_palette_count(l));
}

// ---- the document ------------------------------------------------------------------------------

int nh_lamp__save(void *lamp)
{
    nh_lamp_t *l = lamp;
    from_state(l->kept, l);
    int err = nh_store_document_write(l->cfg.store, NH_LAMP__DOCUMENT, fields, l->kept);
    if (err < 0)
        NH_LOG_E("lamp", "the state cannot be kept: %s", nh_err_text(err));
    return err < 0 ? err : 0;
}

static int read_document(nh_lamp_t *l, struct kept *k)
{
    char chunk[CHUNK_BYTES], text[NH_FX_TEXT_MAX_BYTES];
    struct nh_store_doc_info info;
    nh_json_reader_t r;
    nh_decoder_t d;
    uint64_t at = 0;
    int err = nh_store_stat(l->cfg.store, NH_LAMP__DOCUMENT, &info);
    if (err < 0)
        return err;
    nh_json_reader_init(&r, &(struct nh_json_reader_config){
                                .text = text, .text_max_bytes = sizeof text, .cut_long = true});
    nh_decoder_init(&d, fields, k, NULL, NULL, 0);
    do {
        int n = nh_store_read(l->cfg.store, NH_LAMP__DOCUMENT, info.generation, at, chunk,
                              sizeof chunk);
        if (n < 0)
            return n;
        at += (uint64_t)n;
        nh_json_feed(&r, chunk, (size_t)n, n == 0 || at >= info.size_bytes);
        err = nh_decoder_pull(&d, &r);
    } while (err == NH_ERR_AGAIN);
    return err;
}

void nh_lamp__load(nh_lamp_t *l)
{
    struct kept *k = l->kept;
    from_state(k, l); // what a document leaves out is as by default
    int err = read_document(l, k);
    if (err == 0 && k->version != VERSION)
        err = NH_ERR_UNSUPPORTED;
    if (err == 0)
        to_state(l, k);
    else if (err != NH_ERR_NOT_FOUND)
        NH_LOG_E("lamp", "the document %s: %s; the lamp begins with its defaults",
                 NH_LAMP__DOCUMENT, nh_err_text(err));
}

size_t nh_lamp__kept_bytes(void)
{
    return sizeof(struct kept);
}
