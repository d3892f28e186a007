// lamp_mqtt.c - topics in, commands out; changes in, messages out.

#include "components/lamp_mqtt/lamp_mqtt_private.h"

#include "core/base/log.h"

#include <stdio.h>
#include <string.h>

static nh_span_t span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

static bool is_word(nh_span_t s, const char *word)
{
    return s.len == strlen(word) && memcmp(s.ptr, word, s.len) == 0;
}

// ---- saying ------------------------------------------------------------------------------------

static void say(nh_lamp_mqtt_t *m, const char *format, const char *payload, size_t len, bool retain)
{
    char topic[NH_LAMP_MQTT__TOPIC_MAX_BYTES];
    snprintf(topic, sizeof topic, format, m->cfg.name);
    const nh_span_t bytes = {(const uint8_t *)payload, len};
    int err = m->cfg.publish(m->cfg.ctx, span(topic), bytes, retain);
    m->info.messages += err == 0;
    m->info.failed += err < 0;
}

static void write_colors(nh_json_writer_t *w, const struct nh_lamp_state *s)
{
    nh_json_key(w, "colors");
    nh_json_array_begin(w);
    for (int i = 0; i < 3; i++) {
        char text[8];
        snprintf(text, sizeof text, "#%06x", (unsigned)s->color[i] & 0xFFFFFF);
        nh_json_string(w, text);
    }
    nh_json_array_end(w);
}

static void write_overlay(nh_json_writer_t *w, const struct nh_lamp_state *s)
{
    static const char *const modes[] = {"idle", "listen", "speak"};
    static const char *const blends[] = {"alpha", "add", "max"};
    nh_json_key(w, "overlay");
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "enabled", s->overlay);
    nh_json_kv_string(w, "mode", modes[s->overlay_mode % 3]);
    nh_json_kv_string(w, "blend", blends[s->overlay_blend % 3]);
    nh_json_object_end(w);
}

// What `set` takes, so that it can be sent to another lamp as it is; "seq" apart.
static size_t write_state(nh_lamp_mqtt_t *m, const struct nh_lamp_state *s)
{
    struct nh_json_buf buf = {.ptr = m->payload, .cap = sizeof m->payload};
    const struct nh_fx_effect *e = nh_fx_find(s->effect_id);
    const struct nh_fx_palette *p =
        s->palette == NH_LAMP_PALETTE_AUTO ? NULL : nh_lamp_palette_at(m->cfg.lamp, s->palette);
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_json_object_begin(&w);
    nh_json_kv_bool(&w, "power", s->power);
    nh_json_kv_string(&w, "effect", e ? e->name : NULL);
    nh_json_kv_uint(&w, "brightness", s->brightness);
    nh_json_kv_uint(&w, "speed_pct", s->speed_pct);
    nh_json_kv_uint(&w, "intensity", s->intensity);
    nh_json_kv_string(&w, "palette", p ? p->name : "auto");
    nh_json_kv_bool(&w, "paused", s->paused);
    write_colors(&w, s);
    nh_json_kv_string(&w, "text", s->text);
    write_overlay(&w, s);
    nh_json_kv_uint(&w, "seq", s->seq);
    nh_json_object_end(&w);
    return nh_json_writer_end(&w) == 0 ? buf.len : 0;
}

static void say_wled(nh_lamp_mqtt_t *m, const struct nh_lamp_state *s)
{
    char text[16];
    int len = snprintf(text, sizeof text, "%u", s->power ? (unsigned)s->brightness : 0u);
    say(m, "wled/%s/g", text, (size_t)len, false);
    len = snprintf(text, sizeof text, "#%06X", (unsigned)s->color[0] & 0xFFFFFF);
    say(m, "wled/%s/c", text, (size_t)len, false);
    _Static_assert(NH_WLED_XML_MAX_BYTES <= NH_LAMP_MQTT__PAYLOAD_MAX_BYTES, "the XML fits");
    say(m, "wled/%s/v", m->payload, nh_wled_xml(m->cfg.wled, m->payload), false);
}

static void say_state(nh_lamp_mqtt_t *m, const struct nh_lamp_state *s)
{
    size_t len = write_state(m, s);
    if (len)
        say(m, "%s/lamp/state", m->payload, len, true);
    else
        m->info.failed++;
    if (m->cfg.wled)
        say_wled(m, s);
}

void nh_lamp_mqtt_changed(nh_lamp_mqtt_t *m)
{
    struct nh_lamp_snapshot snapshot;
    nh_lamp_snapshot(m->cfg.lamp, &snapshot);
    const struct nh_lamp_state *s = &snapshot.state;
    if (s->brightness)
        m->lit = s->brightness;
    if (m->has_said && s->seq == m->said_seq)
        return;
    m->has_said = true;
    m->said_seq = s->seq;
    if (m->is_online && m->cfg.has_topics)
        say_state(m, s);
    if (m->cfg.part_changed)
        m->cfg.part_changed(m->cfg.ctx, NH_LAMP_MQTT__STATE);
}

void nh_lamp_mqtt_online(nh_lamp_mqtt_t *m)
{
    m->is_online = true;
    m->has_said = false;
    if (m->cfg.has_topics && m->cfg.wled)
        say(m, "wled/%s/status", "online", 6, true);
    nh_lamp_mqtt_changed(m);
}

void nh_lamp_mqtt_offline(nh_lamp_mqtt_t *m)
{
    if (m->is_online && m->cfg.has_topics && m->cfg.wled)
        say(m, "wled/%s/status", "offline", 7, true);
    m->is_online = false;
}

// ---- hearing -----------------------------------------------------------------------------------

void nh_lamp_mqtt__refuse(nh_lamp_mqtt_t *m, const char *topic, const char *why)
{
    m->info.refused++;
    NH_LOG_W("lamp", "a message at %s was refused: %s", topic, why);
}

void nh_lamp_mqtt__post(nh_lamp_mqtt_t *m, struct nh_lamp_command *c, const char *who)
{
    c->origin = NH_ORIGIN_MQTT;
    snprintf(c->who, sizeof c->who, "%s", who);
    int err = nh_lamp_post(m->cfg.lamp, c);
    if (err < 0)
        nh_lamp_mqtt__refuse(m, who, nh_err_text(err));
}

static void keep_first(void *ctx, const struct nh_finding *f)
{
    struct nh_finding *first = ctx;
    if (!first->code)
        *first = *f;
}

static void hear_set(nh_lamp_mqtt_t *m, nh_span_t payload)
{
    struct nh_finding first = {0};
    struct nh_lamp_command c = {.kind = NH_LAMP_SET, .mask = NH_LAMP_F_POWER};
    int32_t angle_deg = -1;
    int err = 0;
    char why[256] = "";
    if (is_word(payload, "TOGGLE"))
        c.kind = NH_LAMP_TOGGLE_POWER;
    else if (is_word(payload, "ON") || is_word(payload, "OFF"))
        c.set.power = payload.len == 2;
    else
        err = nh_lamp_command_read(m->cfg.lamp, (const char *)payload.ptr, payload.len, &c,
                                   &angle_deg, keep_first, &first);
    if (err < 0) {
        snprintf(why, sizeof why, "%s %s", first.pointer,
                 first.code ? first.text : nh_err_text(err));
        nh_lamp_mqtt__refuse(m, m->filter[0], why);
        return;
    }
    if (angle_deg >= 0)
        nh_lamp_direction(m->cfg.lamp, (uint32_t)angle_deg);
    nh_lamp_mqtt__post(m, &c, "MQTT");
}

// A WLED device's own topic: ON, OFF, T, or a brightness.
static void hear_wled(nh_lamp_mqtt_t *m, const char *topic, nh_span_t payload)
{
    char text[24];
    int len;
    if (is_word(payload, "ON") || is_word(payload, "on"))
        len = snprintf(text, sizeof text, "T=1");
    else if (is_word(payload, "OFF") || is_word(payload, "off"))
        len = snprintf(text, sizeof text, "T=0");
    else if (is_word(payload, "T") || is_word(payload, "t"))
        len = snprintf(text, sizeof text, "T=2");
    else
        len = snprintf(text, sizeof text, "A=%.*s", payload.len < 8 ? (int)payload.len : 8,
                       (const char *)payload.ptr);
    int err = nh_wled_say(m->cfg.wled, text, (size_t)len, NH_ORIGIN_MQTT);
    if (err < 0)
        nh_lamp_mqtt__refuse(m, topic, nh_err_text(err));
}

// "#RRGGBB" or "RRGGBB".
static void hear_color(nh_lamp_mqtt_t *m, const char *topic, nh_span_t payload)
{
    char text[24];
    int len = snprintf(text, sizeof text, "CL=%.*s", payload.len < 12 ? (int)payload.len : 12,
                       (const char *)payload.ptr);
    int err = nh_wled_say(m->cfg.wled, text, (size_t)len, NH_ORIGIN_MQTT);
    if (err < 0)
        nh_lamp_mqtt__refuse(m, topic, nh_err_text(err));
}

static void hear_api(nh_lamp_mqtt_t *m, const char *topic, nh_span_t payload)
{
    int err = nh_wled_say(m->cfg.wled, (const char *)payload.ptr, payload.len, NH_ORIGIN_MQTT);
    if (err < 0)
        nh_lamp_mqtt__refuse(m, topic, nh_err_text(err));
}

// In the order of the filters.
void nh_lamp_mqtt_message(nh_lamp_mqtt_t *m, nh_span_t topic, nh_span_t payload)
{
    static void (*const hear[])(nh_lamp_mqtt_t *, const char *, nh_span_t) = {hear_wled, hear_color,
                                                                              hear_api};
    payload = payload.len ? payload : span("");
    for (size_t i = 0; m->filters[i]; i++) {
        if (!is_word(topic, m->filters[i]))
            continue;
        m->info.commands++;
        if (i == 0)
            hear_set(m, payload);
        else
            hear[(i - 1) % 3](m, m->filters[i], payload);
        return;
    }
}

const char *const *nh_lamp_mqtt_filters(const nh_lamp_mqtt_t *m)
{
    return m->filters;
}

// ---- Home Assistant ----------------------------------------------------------------------------

#define HOME_ASSISTANT "Home Assistant"

static void hear_light(nh_lamp_mqtt_t *m, nh_span_t payload)
{
    struct nh_lamp_snapshot now;
    struct nh_lamp_command c;
    nh_lamp_snapshot(m->cfg.lamp, &now);
    int err = nh_lamp_mqtt__light_read(payload, &now.state, m->lit, &c);
    if (err < 0)
        nh_lamp_mqtt__refuse(m, HOME_ASSISTANT, nh_err_text(err));
    else
        nh_lamp_mqtt__post(m, &c, HOME_ASSISTANT);
}

// A number of a slider, clamped by the lamp; 1.0 counts as 1. False: it is none.
static bool number_of(nh_span_t payload, int32_t *out)
{
    char text[16];
    const struct nh_json_reader_config cfg = {.text = text, .text_max_bytes = sizeof text};
    nh_json_reader_t r;
    double v;
    nh_json_reader_init(&r, &cfg);
    nh_json_feed(&r, payload.ptr, payload.len, true);
    if (nh_json_next(&r) != NH_JSON_NUMBER || nh_json_double(&r, &v) < 0 ||
        nh_json_next(&r) != NH_JSON_DONE || !(v > -100000 && v < 100000))
        return false;
    *out = (int32_t)v;
    return true;
}

static int32_t clamp(int32_t v, int32_t low, int32_t high)
{
    return v < low ? low : v > high ? high : v;
}

static bool set_number(struct nh_lamp_command *c, nh_span_t what, nh_span_t payload)
{
    int32_t v;
    if (!number_of(payload, &v))
        return false;
    if (is_word(what, "speed")) {
        c->mask = NH_LAMP_F_SPEED;
        c->set.speed_pct = (uint16_t)clamp(v, NH_LAMP_SPEED_MIN_PCT, NH_LAMP_SPEED_MAX_PCT);
    } else {
        c->mask = NH_LAMP_F_INTENSITY;
        c->set.intensity = (uint8_t)clamp(v, 0, 255);
    }
    return true;
}

static bool set_palette(const nh_lamp_mqtt_t *m, struct nh_lamp_command *c, nh_span_t payload)
{
    c->mask = NH_LAMP_F_PALETTE;
    c->set.palette = NH_LAMP_PALETTE_AUTO;
    if (is_word(payload, "auto"))
        return true;
    for (uint16_t i = 0; i < nh_lamp_palette_count(m->cfg.lamp); i++)
        if (is_word(payload, nh_lamp_palette_at(m->cfg.lamp, i)->name)) {
            c->set.palette = (uint8_t)i;
            return true;
        }
    return false;
}

static bool set_switch(struct nh_lamp_command *c, nh_span_t what, nh_span_t payload)
{
    bool on = is_word(payload, "ON");
    c->mask = is_word(what, "pause") ? NH_LAMP_F_PAUSED : NH_LAMP_F_OVERLAY;
    c->set.paused = c->set.overlay = on;
    return on || is_word(payload, "OFF");
}

static bool command_of(const nh_lamp_mqtt_t *m, nh_span_t what, nh_span_t payload,
                       struct nh_lamp_command *c)
{
    *c = (struct nh_lamp_command){.kind = NH_LAMP_SET};
    if (is_word(what, "speed") || is_word(what, "intensity"))
        return set_number(c, what, payload);
    if (is_word(what, "palette"))
        return set_palette(m, c, payload);
    if (is_word(what, "pause") || is_word(what, "overlay"))
        return set_switch(c, what, payload);
    c->kind = is_word(what, "next") ? NH_LAMP_NEXT_EFFECT : NH_LAMP_PREVIOUS_EFFECT;
    return is_word(what, "next") || is_word(what, "previous");
}

static void hear_part(void *ctx, nh_span_t what, nh_span_t payload)
{
    nh_lamp_mqtt_t *m = ctx;
    struct nh_lamp_command c;
    m->info.commands++;
    payload = payload.len ? payload : span("");
    if (what.len == 0)
        hear_light(m, payload);
    else if (command_of(m, what, payload, &c))
        nh_lamp_mqtt__post(m, &c, HOME_ASSISTANT);
    else
        nh_lamp_mqtt__refuse(m, HOME_ASSISTANT, "no such command, or its value");
}

struct nh_homeassistant_part nh_lamp_mqtt_part(nh_lamp_mqtt_t *m)
{
    return (struct nh_homeassistant_part){.ctx = m,
                                          .name = "lamp",
                                          .entity_count = nh_lamp_mqtt__entity_count,
                                          .state_count = NH_LAMP_MQTT__STATE_COUNT,
                                          .entity = nh_lamp_mqtt__entity,
                                          .entity_write = nh_lamp_mqtt__entity_write,
                                          .state_write = nh_lamp_mqtt__state_write,
                                          .command = hear_part};
}

// ---- life --------------------------------------------------------------------------------------

static int make_filters(nh_lamp_mqtt_t *m)
{
    static const char *const formats[NH_LAMP_MQTT__FILTER_COUNT] = {
        "%s/lamp/set", "wled/%s",     "wled/%s/col", "wled/%s/api",
        "wled/%s",     "wled/%s/col", "wled/%s/api"};
    size_t count = !m->cfg.has_topics ? 0 : m->cfg.wled ? NH_LAMP_MQTT__FILTER_COUNT : 1;
    for (size_t i = 0; i < count; i++) {
        int len =
            snprintf(m->filter[i], sizeof m->filter[i], formats[i], i >= 4 ? "all" : m->cfg.name);
        if (len >= (int)sizeof m->filter[i])
            return NH_ERR_TOO_LONG;
        m->filters[i] = m->filter[i];
    }
    return 0;
}

int nh_lamp_mqtt_create(const struct nh_lamp_mqtt_config *cfg, nh_lamp_mqtt_t **out)
{
    *out = NULL;
    nh_lamp_mqtt_t *m = nh_mem_alloc_zero(cfg->mem, sizeof *m, NH_MEM_BULK);
    if (!m)
        return NH_ERR_NOMEM;
    m->cfg = *cfg;
    m->lit = NH_LAMP_MQTT__BRIGHTNESS_DEFAULT;
    int err = make_filters(m);
    if (err < 0) {
        nh_lamp_mqtt_destroy(m);
        return err;
    }
    *out = m;
    return 0;
}

void nh_lamp_mqtt_destroy(nh_lamp_mqtt_t *m)
{
    if (m)
        nh_mem_free(m->cfg.mem, m);
}

void nh_lamp_mqtt_info(const nh_lamp_mqtt_t *m, struct nh_lamp_mqtt_info *out)
{
    *out = m->info;
}
