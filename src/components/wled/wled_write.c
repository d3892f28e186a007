#include "components/wled/wled_write.h"

#include "components/wled/wled_request.h"

#include <stdio.h>
#include <string.h>

static uint8_t brightness_told(const struct nh_lamp_state *s)
{
    return s->brightness ? s->brightness : 1; // 0 would be off
}

static int effect_index(const struct nh_lamp_state *s)
{
    int index = nh_fx_visible_index(s->effect_id);
    return index < 0 ? 0 : index;
}

static void write_colors(nh_json_writer_t *w, const struct nh_lamp_state *s)
{
    nh_json_key(w, "col");
    nh_json_array_begin(w);
    for (int i = 0; i < 3; i++) {
        nh_json_array_begin(w);
        for (int shift = 16; shift >= 0; shift -= 8)
            nh_json_uint(w, s->color[i] >> shift & 0xFF);
        nh_json_array_end(w);
    }
    nh_json_array_end(w);
}

struct number {
    const char *key;
    int32_t value;
};

static void write_numbers(nh_json_writer_t *w, const struct number *n, size_t count)
{
    for (size_t i = 0; i < count; i++)
        nh_json_kv_int(w, n[i].key, n[i].value);
}

static void write_switches(nh_json_writer_t *w, const struct number *n, size_t count)
{
    for (size_t i = 0; i < count; i++)
        nh_json_kv_bool(w, n[i].key, n[i].value);
}

// The lamp is one segment as large as itself.
static void write_segment(nh_json_writer_t *w, const struct nh_wled_view *v)
{
    const struct nh_lamp_state *s = &v->lamp->state;
    const struct number place[] = {{"id", 0},
                                   {"start", 0},
                                   {"stop", v->info->width},
                                   {"startY", 0},
                                   {"stopY", v->info->height},
                                   {"len", v->info->width},
                                   {"grp", 1},
                                   {"spc", 0},
                                   {"of", 0},
                                   {"bri", 255},
                                   {"cct", 127},
                                   {"set", 0},
                                   {"cln", -1}};
    const struct number look[] = {{"fx", effect_index(s)},
                                  {"sx", v->sx},
                                  {"ix", s->intensity},
                                  {"pal", nh_wled_palette_index(s->palette)},
                                  {"c1", 128},
                                  {"c2", 128},
                                  {"c3", 16},
                                  {"si", 0},
                                  {"m12", 0}};
    const struct number switches[] = {{"on", true},  {"frz", s->paused || v->is_pixels},
                                      {"sel", true}, {"rev", false},
                                      {"mi", false}, {"rY", false},
                                      {"mY", false}, {"tp", false},
                                      {"o1", false}, {"o2", false},
                                      {"o3", false}};
    nh_json_object_begin(w);
    write_numbers(w, place, NH_ARRAY_LEN(place));
    write_colors(w, s);
    write_numbers(w, look, NH_ARRAY_LEN(look));
    write_switches(w, switches, NH_ARRAY_LEN(switches));
    nh_json_object_end(w);
}

static void write_nightlight(nh_json_writer_t *w, const struct nh_wled_nightlight *nl)
{
    const struct number n[] = {{"dur", nl->minutes},
                               {"mode", nl->mode},
                               {"tbri", nl->target},
                               {"rem", nl->is_on ? nl->remaining_s : -1}};
    nh_json_key(w, "nl");
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "on", nl->is_on);
    write_numbers(w, n, NH_ARRAY_LEN(n));
    nh_json_object_end(w);
}

void nh_wled_write_state(nh_json_writer_t *w, const struct nh_wled_view *v)
{
    const struct nh_lamp_state *s = &v->lamp->state;
    const struct number numbers[] = {{"bri", brightness_told(s)},
                                     {"transition", (int32_t)v->transition_ds},
                                     {"ps", v->preset},
                                     {"pl", -1}};
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "on", s->power);
    write_numbers(w, numbers, NH_ARRAY_LEN(numbers));
    write_nightlight(w, &v->nl);
    nh_json_key(w, "udpn");
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "send", v->udpn_send);
    nh_json_kv_bool(w, "recv", v->udpn_recv);
    nh_json_kv_uint(w, "sgrp", 1);
    nh_json_kv_uint(w, "rgrp", 1);
    nh_json_object_end(w);
    nh_json_kv_uint(w, "lor", v->lor);
    nh_json_kv_uint(w, "mainseg", 0);
    nh_json_key(w, "seg");
    nh_json_array_begin(w);
    write_segment(w, v);
    nh_json_array_end(w);
    nh_json_object_end(w);
}

// ---- info --------------------------------------------------------------------------------------

static void write_leds(nh_json_writer_t *w, const struct nh_lamp_info *i)
{
    nh_json_key(w, "leds");
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "count", i->pixel_count);
    nh_json_kv_uint(w, "pwr", i->estimate_ma);
    nh_json_kv_uint(w, "fps", (i->fps_x10 + 5) / 10);
    nh_json_kv_uint(w, "maxpwr", i->limit_ma);
    nh_json_kv_uint(w, "maxseg", 1);
    nh_json_key(w, "seglc");
    nh_json_array_begin(w);
    nh_json_uint(w, 1); // red, green and blue
    nh_json_array_end(w);
    nh_json_kv_uint(w, "lc", 1);
    nh_json_kv_bool(w, "rgbw", false);
    nh_json_kv_uint(w, "wv", 0);
    nh_json_kv_uint(w, "cct", 0);
    nh_json_key(w, "matrix");
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "w", i->width);
    nh_json_kv_uint(w, "h", i->height);
    nh_json_object_end(w);
    nh_json_object_end(w);
}

static void write_places(nh_json_writer_t *w, const struct nh_wled_view *v)
{
    nh_json_key(w, "wifi");
    nh_json_object_begin(w);
    nh_json_kv_string(w, "bssid", "00:00:00:00:00:00");
    nh_json_kv_int(w, "rssi", 0);
    nh_json_kv_int(w, "signal", 100);
    nh_json_kv_int(w, "channel", 1);
    nh_json_kv_bool(w, "ap", false);
    nh_json_object_end(w);
    nh_json_key(w, "fs");
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "u", v->store_used_kb);
    nh_json_kv_uint(w, "t", v->store_total_kb);
    nh_json_kv_int(w, "pmt", v->presets_unix_s);
    nh_json_object_end(w);
}

static void write_live(nh_json_writer_t *w, const struct nh_wled_view *v)
{
    const struct nh_lamp_info *i = v->info;
    nh_json_kv_bool(w, "live", i->live_protocol != NULL);
    nh_json_kv_int(w, "liveseg", -1);
    nh_json_kv_string(w, "lm", i->live_protocol ? i->live_protocol : "");
    nh_json_kv_string(w, "lip", i->live_protocol ? i->live_from : "");
    nh_json_kv_uint(w, "ws", v->ws_count);
}

void nh_wled_write_info(nh_json_writer_t *w, const struct nh_wled_view *v)
{
    nh_json_object_begin(w);
    nh_json_kv_string(w, "ver", NH_WLED_VERSION);
    nh_json_kv_uint(w, "vid", NH_WLED_BUILD);
    nh_json_kv_string(w, "cn", "nuthatch");
    nh_json_kv_string(w, "release", v->release);
    write_leds(w, v->info);
    nh_json_kv_bool(w, "str", false);
    nh_json_kv_string(w, "name", v->name);
    nh_json_kv_uint(w, "udpport", NH_WLED_UDP_PORT);
    nh_json_kv_bool(w, "simplifiedui", false);
    write_live(w, v);
    nh_json_kv_uint(w, "fxcount", nh_fx_visible_count());
    nh_json_kv_uint(w, "palcount", v->palette_count + 1u);
    nh_json_kv_uint(w, "cpalcount", 0);
    write_places(w, v);
    nh_json_kv_int(w, "ndc", -1); // other nodes are not looked for
    nh_json_kv_string(w, "arch", "esp32");
    nh_json_kv_string(w, "core", v->version);
    nh_json_kv_uint(w, "lwip", 0);
    nh_json_kv_uint(w, "freeheap", v->free_bytes);
    nh_json_kv_uint(w, "uptime", v->uptime_s);
    nh_json_kv_uint(w, "opt", 0);
    nh_json_kv_string(w, "brand", "WLED");
    nh_json_kv_string(w, "product", "nuthatch");
    nh_json_kv_string(w, "mac", v->mac);
    nh_json_kv_string(w, "ip", v->ip);
    nh_json_object_end(w);
}

// ---- the older interface -----------------------------------------------------------------------

// The characters of XML that a name may have; the rest of it as it is.
static void escape(const char *text, char *out, size_t cap)
{
    size_t len = 0;
    for (; *text && len + 6 < cap; text++) {
        const char *as = *text == '<'   ? "&lt;"
                         : *text == '>' ? "&gt;"
                         : *text == '&' ? "&amp;"
                                        : NULL;
        if (as)
            len += (size_t)snprintf(out + len, cap - len, "%s", as);
        else if ((unsigned char)*text >= ' ')
            out[len++] = *text;
    }
    out[len] = '\0';
}

size_t nh_wled_write_xml(const struct nh_wled_view *v, char *out, size_t cap)
{
    const struct nh_lamp_state *s = &v->lamp->state;
    char name[128], colors[160] = "";
    size_t at = 0;
    escape(v->name, name, sizeof name);
    for (int i = 0; i < 2; i++) // "cl" and "cs", a tag for each channel
        for (int shift = 16; shift >= 0; shift -= 8)
            at += (size_t)snprintf(colors + at, sizeof colors - at, "<%s>%u</%s>", i ? "cs" : "cl",
                                   (unsigned)(s->color[i] >> shift & 0xFF), i ? "cs" : "cl");
    int len = snprintf(
        out, cap,
        "<?xml version=\"1.0\" ?><vs><ac>%u</ac>%s<ns>%d</ns><nr>%d</nr><nl>%d</nl><nf>%d</nf>"
        "<nd>%u</nd><nt>%u</nt><fx>%d</fx><sx>%u</sx><ix>%u</ix><fp>%u</fp><wv>-1</wv><ws>0</ws>"
        "<ps>%d</ps><cy>0</cy><ds>%s</ds><ss>0</ss></vs>",
        s->power ? (unsigned)brightness_told(s) : 0u, colors, v->udpn_send, v->udpn_recv,
        v->nl.is_on, v->nl.mode > 0, (unsigned)v->nl.minutes, (unsigned)v->nl.target,
        effect_index(s), (unsigned)v->sx, (unsigned)s->intensity,
        (unsigned)nh_wled_palette_index(s->palette), v->preset > 0 ? (int)v->preset : 0, name);
    return len < 0 ? 0 : (size_t)len < cap ? (size_t)len : cap - 1;
}
