#include "components/wled/wled_presets.h"

#include "core/base/log.h"
#include "core/json/decode.h"

#include <stdio.h>
#include <string.h>

// ---- the document ------------------------------------------------------------------------------

#define AT(m) NH_JSON_AT(struct nh_wled_preset, m)
#define UINT(n, m, lo, hi)                                                                         \
    {                                                                                              \
        .name = (n), .type = NH_JSON_T_INT, AT(m), .min = (lo), .max = (hi)                        \
    }
#define COLOR(n, i)                                                                                \
    {                                                                                              \
        .name = (n), .type = NH_JSON_T_INT, .min = 0, .max = 0xFFFFFF, .size = sizeof(nh_px_t),    \
        .offset = offsetof(struct nh_wled_preset, color) + (i) * sizeof(nh_px_t)                   \
    }

static const nh_json_field_t preset_fields[] = {
    UINT("id", id, 1, NH_WLED_PRESET_MAX_ID),
    {.name = "name", .type = NH_JSON_T_STRING, AT(name)},
    {.name = "label", .type = NH_JSON_T_STRING, AT(label)},
    UINT("effect_id", effect_id, 0, 65535),
    UINT("speed_pct", speed_pct, NH_LAMP_SPEED_MIN_PCT, NH_LAMP_SPEED_MAX_PCT),
    UINT("brightness", brightness, 0, 255),
    UINT("intensity", intensity, 0, 255),
    UINT("palette", palette, 0, 255),
    {.name = "power", .type = NH_JSON_T_BOOL, AT(power)},
    {.name = "paused", .type = NH_JSON_T_BOOL, AT(paused)},
    COLOR("color_1", 0),
    COLOR("color_2", 1),
    COLOR("color_3", 2),
    NH_JSON_FIELDS_END,
};

struct document {
    int64_t changed_unix_s;
    uint32_t count;
    struct nh_wled_preset first; // of the streamed array: its elements come one by one
};
static const nh_json_field_t preset_element = {
    .type = NH_JSON_T_OBJECT, .size = sizeof(struct nh_wled_preset), .fields = preset_fields};
static const nh_json_field_t document_fields[] = {
    {.name = "changed_unix_s",
     .type = NH_JSON_T_INT,
     .is_signed = true,
     NH_JSON_AT(struct document, changed_unix_s)},
    {.name = "presets",
     .type = NH_JSON_T_ARRAY,
     .element = &preset_element,
     .offset = offsetof(struct document, first),
     .count_offset = offsetof(struct document, count),
     .count_max = NH_WLED_PRESET_MAX_ID,
     .is_streamed = true},
    NH_JSON_FIELDS_END,
};

// ---- the list ----------------------------------------------------------------------------------

static uint32_t place_of(const nh_wled_presets_t *p, int32_t id)
{
    uint32_t i = 0;
    while (i < p->count && p->at[i].id < id)
        i++;
    return i;
}

const struct nh_wled_preset *nh_wled_presets_find(const nh_wled_presets_t *p, int32_t id)
{
    uint32_t i = place_of(p, id);
    return i < p->count && p->at[i].id == id ? &p->at[i] : NULL;
}

static void insert(nh_wled_presets_t *p, uint32_t i, const struct nh_wled_preset *preset)
{
    memmove(p->at + i + 1, p->at + i, (p->count - i) * sizeof *p->at);
    p->at[i] = *preset;
    p->count++;
}

static void erase(nh_wled_presets_t *p, uint32_t i)
{
    p->count--;
    memmove(p->at + i, p->at + i + 1, (p->count - i) * sizeof *p->at);
}

// ---- reading -----------------------------------------------------------------------------------

static void take(void *ctx, const nh_json_field_t *array, uint32_t index, const void *element,
                 const struct nh_json_pos *pos)
{
    nh_wled_presets_t *p = ctx;
    const struct nh_wled_preset *preset = element;
    (void)array;
    (void)index;
    (void)pos;
    if (p->count < p->max_count && !nh_wled_presets_find(p, preset->id))
        insert(p, place_of(p, preset->id), preset);
}

static int feed(nh_wled_presets_t *p, nh_json_reader_t *r, nh_decoder_t *d,
                const struct nh_store_doc_info *doc)
{
    char piece[256];
    uint64_t at = 0;
    int err;
    do {
        int n = nh_store_read(p->store, NH_WLED_PRESETS_DOCUMENT, doc->generation, at, piece,
                              sizeof piece);
        if (n < 0)
            return n;
        at += (uint64_t)n;
        nh_json_feed(r, piece, (size_t)n, n == 0 || at >= doc->size_bytes);
        err = nh_decoder_pull(d, r);
    } while (err == NH_ERR_AGAIN);
    return err;
}

static int load(nh_wled_presets_t *p)
{
    struct nh_store_doc_info doc;
    struct document head = {0};
    struct nh_wled_preset scratch;
    const struct nh_decode_elements elements = {
        .ctx = p, .scratch = &scratch, .scratch_bytes = sizeof scratch, .take = take};
    char text[64];
    const struct nh_json_reader_config cfg = {
        .text = text, .text_max_bytes = sizeof text, .cut_long = true};
    nh_json_reader_t r;
    nh_decoder_t d;
    int err = nh_store_stat(p->store, NH_WLED_PRESETS_DOCUMENT, &doc);
    if (err < 0)
        return err == NH_ERR_NOT_FOUND ? 0 : err;
    nh_json_reader_init(&r, &cfg);
    nh_decoder_init(&d, document_fields, &head, NULL, NULL, 0);
    nh_decoder_elements(&d, &elements);
    err = feed(p, &r, &d, &doc);
    p->changed_unix_s = head.changed_unix_s;
    return err;
}

int nh_wled_presets_init(nh_wled_presets_t *p, nh_mem_t *mem, nh_store_t *store, uint32_t max_count)
{
    *p = (nh_wled_presets_t){.mem = mem, .store = store, .max_count = max_count};
    p->at = nh_mem_alloc_zero(mem, max_count * sizeof *p->at, NH_MEM_BULK);
    if (!p->at)
        return NH_ERR_NOMEM;
    int err = store ? load(p) : 0;
    if (err < 0) {
        NH_LOG_E("lamp", "the presets cannot be read: %s; there are %u", nh_err_text(err),
                 (unsigned)p->count);
    }
    return 0;
}

void nh_wled_presets_deinit(nh_wled_presets_t *p)
{
    nh_mem_free(p->mem, p->at);
    p->at = NULL;
}

// ---- writing -----------------------------------------------------------------------------------

static int store_sink(void *ctx, const char *bytes, size_t len)
{
    return nh_store_write(ctx, bytes, len);
}

static int save(nh_wled_presets_t *p)
{
    nh_store_write_t *file;
    nh_json_writer_t w;
    if (!p->store)
        return 0;
    int err = nh_store_write_begin(p->store, NH_WLED_PRESETS_DOCUMENT, 0, &file);
    if (err < 0)
        return err;
    nh_json_writer_init(&w, store_sink, file);
    nh_json_object_begin(&w);
    nh_json_kv_int(&w, "changed_unix_s", p->changed_unix_s);
    nh_json_key(&w, "presets");
    nh_json_array_begin(&w);
    for (uint32_t i = 0; i < p->count; i++)
        nh_json_encode_struct(&w, preset_fields, &p->at[i], 0);
    nh_json_array_end(&w);
    nh_json_object_end(&w);
    err = nh_json_writer_end(&w);
    if (err < 0) {
        nh_store_write_abort(file);
        return err;
    }
    err = nh_store_write_commit(file);
    return err < 0 ? err : 0;
}

int nh_wled_presets_put(nh_wled_presets_t *p, const struct nh_wled_preset *preset, int64_t unix_s)
{
    uint32_t i = place_of(p, preset->id);
    bool is_new = i >= p->count || p->at[i].id != preset->id;
    struct nh_wled_preset before;
    int64_t changed_before = p->changed_unix_s;
    if (preset->id == 0 || preset->id > NH_WLED_PRESET_MAX_ID)
        return NH_ERR_RANGE;
    if (is_new && p->count == p->max_count)
        return NH_ERR_FULL;
    if (is_new)
        insert(p, i, preset);
    else
        before = p->at[i];
    p->at[i] = *preset;
    p->changed_unix_s = unix_s > changed_before ? unix_s : changed_before + 1;
    int err = save(p);
    if (err == 0)
        return 0;
    p->changed_unix_s = changed_before;
    if (is_new)
        erase(p, i);
    else
        p->at[i] = before;
    return err;
}

int nh_wled_presets_remove(nh_wled_presets_t *p, int32_t id, int64_t unix_s)
{
    uint32_t i = place_of(p, id);
    if (i >= p->count || p->at[i].id != id)
        return NH_ERR_NOT_FOUND;
    struct nh_wled_preset before = p->at[i];
    int64_t changed_before = p->changed_unix_s;
    erase(p, i);
    p->changed_unix_s = unix_s > changed_before ? unix_s : changed_before + 1;
    int err = save(p);
    if (err == 0)
        return 0;
    p->changed_unix_s = changed_before;
    insert(p, i, &before);
    return err;
}

// ---- one of them -------------------------------------------------------------------------------

void nh_wled_preset_from(struct nh_wled_preset *p, const struct nh_lamp_state *s)
{
    p->effect_id = s->effect_id;
    p->speed_pct = s->speed_pct;
    p->brightness = s->brightness;
    p->intensity = s->intensity;
    p->palette = s->palette;
    p->power = s->power;
    p->paused = s->paused;
    memcpy(p->color, s->color, sizeof p->color);
}

void nh_wled_preset_command(const struct nh_wled_preset *p, struct nh_lamp_command *c)
{
    *c = (struct nh_lamp_command){.kind = NH_LAMP_SET, .origin = NH_ORIGIN_WLED};
    c->mask = NH_LAMP_F_BRIGHTNESS | NH_LAMP_F_SPEED | NH_LAMP_F_PAUSED | NH_LAMP_F_POWER |
              NH_LAMP_F_INTENSITY | NH_LAMP_F_PALETTE | NH_LAMP_F_COLORS;
    if (nh_fx_find(p->effect_id)) // an effect of another version may be gone
        c->mask |= NH_LAMP_F_EFFECT;
    c->set = (struct nh_lamp_state){.effect_id = p->effect_id,
                                    .speed_pct = p->speed_pct,
                                    .brightness = p->brightness,
                                    .intensity = p->intensity,
                                    .palette = p->palette,
                                    .power = p->power,
                                    .paused = p->paused};
    memcpy(c->set.color, p->color, sizeof p->color);
}

static void write_colors(const struct nh_wled_preset *p, nh_json_writer_t *w)
{
    nh_json_key(w, "col");
    nh_json_array_begin(w);
    for (int i = 0; i < 3; i++) {
        nh_json_array_begin(w);
        for (int shift = 16; shift >= 0; shift -= 8)
            nh_json_uint(w, p->color[i] >> shift & 0xFF);
        nh_json_array_end(w);
    }
    nh_json_array_end(w);
}

void nh_wled_preset_write(const struct nh_wled_preset *p, const struct nh_lamp_info *size,
                          nh_json_writer_t *w)
{
    int effect = nh_fx_visible_index(p->effect_id);
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "on", p->power);
    nh_json_kv_uint(w, "bri", p->brightness ? p->brightness : 1);
    nh_json_kv_uint(w, "transition", 7);
    nh_json_kv_uint(w, "mainseg", 0);
    nh_json_key(w, "seg");
    nh_json_array_begin(w);
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "id", 0);
    nh_json_kv_uint(w, "start", 0);
    nh_json_kv_uint(w, "stop", size->width);
    nh_json_kv_uint(w, "startY", 0);
    nh_json_kv_uint(w, "stopY", size->height);
    nh_json_kv_bool(w, "on", true);
    nh_json_kv_bool(w, "frz", p->paused);
    nh_json_kv_uint(w, "bri", 255);
    write_colors(p, w);
    nh_json_kv_int(w, "fx", effect < 0 ? 0 : effect);
    nh_json_kv_uint(w, "sx", nh_wled_sx(p->speed_pct));
    nh_json_kv_uint(w, "ix", p->intensity);
    nh_json_kv_uint(w, "pal", nh_wled_palette_index(p->palette));
    nh_json_kv_bool(w, "sel", true);
    nh_json_object_end(w);
    nh_json_array_end(w);
    nh_json_kv_string(w, "n", p->name);
    if (p->label[0])
        nh_json_kv_string(w, "ql", p->label);
    nh_json_object_end(w);
}
