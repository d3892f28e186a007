#include "harness/documents.h"

#include "core/json/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX_BYTES NH_KIB(16) // of one string

struct source {
    nh_json_reader_t reader;
    char text[TEXT_MAX_BYTES];
};

// ---- text out ----------------------------------------------------------------------------------

void nh_harness_text_free(struct nh_harness_text *t)
{
    nh_mem_free(t->mem, t->ptr);
    t->ptr = NULL;
    t->len = t->cap = 0;
}

static void put(struct nh_harness_text *t, const char *bytes, size_t len)
{
    if (t->err)
        return;
    if (t->len + len > t->cap) {
        size_t cap = t->cap ? t->cap * 2 : NH_KIB(4);
        while (cap < t->len + len)
            cap *= 2;
        char *ptr = nh_mem_realloc(t->mem, t->ptr, cap, NH_MEM_BULK);
        if (!ptr) {
            t->err = NH_ERR_NOMEM;
            return;
        }
        t->ptr = ptr;
        t->cap = cap;
    }
    memcpy(t->ptr + t->len, bytes, len);
    t->len += len;
}

static void put_text(struct nh_harness_text *t, const char *text)
{
    put(t, text, strlen(text));
}

// The code point at `p` of well-formed UTF-8; moves on.
static uint32_t take_point(const uint8_t **p)
{
    const uint8_t *s = *p;
    int more = s[0] < 0x80 ? 0 : s[0] < 0xE0 ? 1 : s[0] < 0xF0 ? 2 : 3;
    uint32_t c = more == 0 ? s[0] : s[0] & (0x3Fu >> more);
    for (int i = 1; i <= more; i++)
        c = c << 6 | (s[i] & 0x3Fu);
    *p += more + 1;
    return c;
}

static void put_unicode(struct nh_harness_text *t, uint32_t c)
{
    char code[16];
    if (c >= 0x10000) {
        c -= 0x10000;
        snprintf(code, sizeof code, "\\u%04x\\u%04x", (unsigned)(0xD800 + (c >> 10)),
                 (unsigned)(0xDC00 + (c & 0x3FF)));
    } else {
        snprintf(code, sizeof code, "\\u%04x", (unsigned)c);
    }
    put_text(t, code);
}

static void put_string(struct nh_harness_text *t, nh_span_t s)
{
    static const char from[] = "\"\\\n\r\t\b\f", to[] = "\"\\nrtbf";
    put_text(t, "\"");
    for (const uint8_t *p = s.ptr; p < s.ptr + s.len;) {
        uint32_t c = take_point(&p);
        const char *short_form = c && c < 0x80 ? strchr(from, (int)c) : NULL;
        if (short_form)
            put(t, (const char[]){'\\', to[short_form - from]}, 2);
        else if (c < 0x20 || c >= 0x7F)
            put_unicode(t, c);
        else
            put(t, (const char[]){(char)c}, 1);
    }
    put_text(t, "\"");
}

// ---- events in ---------------------------------------------------------------------------------

static int source_open(struct source *s, const void *bytes, size_t len)
{
    const struct nh_json_reader_config cfg = {.text = s->text, .text_max_bytes = sizeof s->text};
    nh_json_reader_init(&s->reader, &cfg);
    nh_json_feed(&s->reader, bytes, len, true);
    return nh_json_next(&s->reader);
}

static void put_scalar(struct nh_harness_text *t, const nh_json_reader_t *r, int event)
{
    nh_span_t view = {0};
    if (event == NH_JSON_STRING || event == NH_JSON_KEY || event == NH_JSON_NUMBER)
        view = nh_json_view(r);
    if (event == NH_JSON_STRING || event == NH_JSON_KEY)
        put_string(t, view);
    else if (event == NH_JSON_NUMBER)
        put(t, (const char *)view.ptr, view.len);
    else
        put_text(t, event == NH_JSON_NULL ? "null" : event == NH_JSON_TRUE ? "true" : "false");
}

// Writes the value whose first event `event` was just read, to its end.
static void put_value(struct nh_harness_text *t, nh_json_reader_t *r, int event)
{
    const uint32_t outer =
        nh_json_depth(r) - (event == NH_JSON_OBJECT_BEGIN || event == NH_JSON_ARRAY_BEGIN);
    bool is_first = true, after_key = false;
    for (;; event = nh_json_next(r)) {
        const bool is_end = event == NH_JSON_OBJECT_END || event == NH_JSON_ARRAY_END;
        if (event <= 0 || event == NH_JSON_DONE) {
            t->err = t->err ? t->err : NH_ERR_SYNTAX;
            return;
        }
        if (!is_first && !is_end && !after_key)
            put_text(t, ", ");
        after_key = event == NH_JSON_KEY;
        is_first = false;
        if (event == NH_JSON_OBJECT_BEGIN || event == NH_JSON_ARRAY_BEGIN) {
            put_text(t, event == NH_JSON_OBJECT_BEGIN ? "{" : "[");
            is_first = true;
        } else if (is_end) {
            put_text(t, event == NH_JSON_OBJECT_END ? "}" : "]");
        } else {
            put_scalar(t, r, event);
            put_text(t, after_key ? ": " : "");
        }
        if (!after_key && nh_json_depth(r) == outer)
            return;
    }
}

// ---- the bodies --------------------------------------------------------------------------------

// Walks the members of the outermost object: `visit` is called after each key with the event of
// its value, and may read it; what it leaves is skipped. NULL, or what is wrong.
struct member {
    struct source *source;
    const char *key; // valid until the value is read
    int event;
};
typedef void (*member_fn)(void *ctx, const struct member *m);

static const char *each_member(const void *bytes, size_t len, member_fn visit, void *ctx)
{
    struct source s;
    if (source_open(&s, bytes, len) != NH_JSON_OBJECT_BEGIN)
        return "no JSON object";
    int event;
    while ((event = nh_json_next(&s.reader)) == NH_JSON_KEY) {
        char key[64];
        snprintf(key, sizeof key, "%s", nh_json_text(&s.reader, NULL));
        const struct member m = {.source = &s, .key = key, .event = nh_json_next(&s.reader)};
        if (m.event <= 0)
            return "not JSON";
        visit(ctx, &m);
        if (nh_json_depth(&s.reader) > 1 && nh_json_skip(&s.reader) != 0)
            return "not JSON";
    }
    return event == NH_JSON_OBJECT_END && nh_json_next(&s.reader) == NH_JSON_DONE ? NULL
                                                                                  : "not JSON";
}

struct body {
    struct nh_harness_text *out;
    bool has_screens, has_any;
};

static void put_key(struct body *b, const char *key)
{
    put_text(b->out, b->has_any ? ", \"" : "{\"");
    put_text(b->out, key);
    put_text(b->out, "\": ");
    b->has_any = true;
}

static void take_macros(void *ctx, const struct member *m)
{
    struct body *b = ctx;
    const bool is_screens = strcmp(m->key, "screens") == 0 && m->event == NH_JSON_ARRAY_BEGIN;
    if (!is_screens && (strcmp(m->key, "defaults") != 0 || m->event != NH_JSON_OBJECT_BEGIN))
        return;
    b->has_screens |= is_screens;
    put_key(b, m->key);
    put_value(b->out, &m->source->reader, m->event);
}

static const char *finish(struct body *b, const char *wrong)
{
    put_text(b->out, b->has_any ? "}" : "{}");
    if (b->out->err == NH_ERR_NOMEM)
        return "out of memory";
    return wrong ? wrong : b->out->err ? "not JSON" : NULL;
}

const char *nh_harness_macros_body(const void *reply, size_t len, struct nh_harness_text *out)
{
    struct body b = {.out = out};
    const char *wrong = finish(&b, each_member(reply, len, take_macros, &b));
    return !wrong && !b.has_screens ? "no array \"screens\"" : wrong;
}

static const char *const config_fields[] = {"wifi_ssid",
                                            "wifi_password",
                                            "device_name",
                                            "fixed_ip",
                                            "subnet_mask",
                                            "gateway",
                                            "dns1",
                                            "dns2",
                                            "dummy_setting",
                                            "mqtt_host",
                                            "mqtt_port",
                                            "mqtt_username",
                                            "mqtt_password",
                                            "mqtt_interval_seconds",
                                            "basic_auth_enabled",
                                            "basic_auth_username",
                                            "basic_auth_password",
                                            "backlight_brightness",
                                            "screen_saver_enabled",
                                            "screen_saver_timeout_seconds",
                                            "screen_saver_fade_out_ms",
                                            "screen_saver_fade_in_ms",
                                            "screen_saver_wake_on_touch"};

static void take_config(void *ctx, const struct member *m)
{
    struct body *b = ctx;
    for (size_t i = 0; i < NH_ARRAY_LEN(config_fields); i++) {
        if (strcmp(m->key, config_fields[i]) != 0)
            continue;
        put_key(b, m->key);
        if (strstr(m->key, "_password"))
            put_text(b->out, "\"\""); // empty: as it is
        else
            put_value(b->out, &m->source->reader, m->event);
        return;
    }
}

const char *nh_harness_config_body(const void *reply, size_t len, struct nh_harness_text *out)
{
    struct body b = {.out = out};
    return finish(&b, each_member(reply, len, take_config, &b));
}

struct wanted {
    const char *field;
    bool is_empty, is_int;
    int64_t number;
};

static void take_wanted(void *ctx, const struct member *m)
{
    struct wanted *w = ctx;
    size_t len = 1;
    if (strcmp(m->key, w->field) != 0)
        return;
    if (m->event == NH_JSON_STRING)
        nh_json_text(&m->source->reader, &len);
    w->is_empty = len == 0;
    w->is_int = nh_json_int64(&m->source->reader, &w->number) == NH_OK;
}

bool nh_harness_is_empty_field(const void *reply, size_t len, const char *field)
{
    struct wanted w = {.field = field};
    return !each_member(reply, len, take_wanted, &w) && w.is_empty;
}

bool nh_harness_int_field(const void *reply, size_t len, const char *field, int64_t *out)
{
    struct wanted w = {.field = field};
    if (each_member(reply, len, take_wanted, &w) || !w.is_int)
        return false;
    *out = w.number;
    return true;
}
