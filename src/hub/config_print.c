#include "hub/config_print.h"

#include "core/json/decode.h"

#include <stdio.h>
#include <string.h>

struct printing {
    nh_sink_fn sink;
    void *ctx;
    int err;
    bool is_item; // the next line is the first one of a list's element
};

static void put(struct printing *p, const char *text)
{
    if (p->err == NH_OK)
        p->err = p->sink(p->ctx, text, strlen(text));
}

// "  name:", or "- name:" where an element begins.
static void put_name(struct printing *p, unsigned depth, const char *name)
{
    for (unsigned i = 0; i < depth; i++)
        put(p, p->is_item && i + 1 == depth ? "- " : "  ");
    p->is_item = false;
    put(p, name);
    put(p, ":");
}

static int to_sink(void *ctx, const char *bytes, size_t len)
{
    struct printing *p = ctx;
    return p->sink(p->ctx, bytes, len);
}

// A text is written as JSON has it, which YAML reads as the same.
static void put_value(struct printing *p, const nh_json_field_t *f, const void *value)
{
    nh_json_writer_t w;
    put(p, " ");
    if (p->err < 0)
        return;
    nh_json_writer_init(&w, to_sink, p);
    nh_json_encode_field(&w, f, value, 0);
    p->err = nh_json_writer_end(&w);
    put(p, "\n");
}

static uint32_t count_of(const nh_json_field_t *f, const void *s)
{
    uint32_t count;
    memcpy(&count, (const uint8_t *)s + f->count_offset, sizeof count);
    return count;
}

static bool is_text_equal(const nh_json_field_t *f, const char *a, const char *b)
{
    return f->type == NH_JSON_T_STRING && strncmp(a, b, f->size) == 0;
}

// Whether anything in the row is to be written. `standard` NULL: what is not zero.
static bool differs(const nh_json_field_t *f, const uint8_t *s, const uint8_t *standard)
{
    static const uint8_t zero[512];
    if (f->type == NH_JSON_T_OBJECT) {
        for (const nh_json_field_t *k = f->fields; k->name; k++)
            if (differs(k, s + f->offset, standard ? standard + f->offset : NULL))
                return true;
        return false;
    }
    if (f->type == NH_JSON_T_ARRAY)
        return !f->is_streamed && count_of(f, s) > 0;
    const uint8_t *other = standard ? standard + f->offset : zero;
    return f->required || (!is_text_equal(f, (const char *)s + f->offset, (const char *)other) &&
                           memcmp(s + f->offset, other, f->size) != 0);
}

// Tables nest a few levels deep, by their making.
// NOLINTNEXTLINE(misc-no-recursion)
static void print_fields(struct printing *p, unsigned depth, const nh_json_field_t *fields,
                         const uint8_t *s, const uint8_t *standard)
{
    for (const nh_json_field_t *f = fields; f->name; f++) {
        if (!differs(f, s, standard))
            continue;
        put_name(p, depth, f->name);
        if (f->type != NH_JSON_T_OBJECT && f->type != NH_JSON_T_ARRAY) {
            put_value(p, f, s + f->offset);
            continue;
        }
        put(p, "\n");
        if (f->type == NH_JSON_T_OBJECT)
            print_fields(p, depth + 1, f->fields, s + f->offset,
                         standard ? standard + f->offset : NULL);
        uint32_t count = f->type == NH_JSON_T_ARRAY ? count_of(f, s) : 0;
        for (uint32_t i = 0; i < count; i++) {
            p->is_item = true;
            print_fields(p, depth + 2, f->element->fields,
                         s + f->offset + (size_t)i * f->element->size, NULL);
        }
    }
}

static void print_bridges(struct printing *p, const struct nh_hub_bridges *bridges)
{
    const nh_json_field_t *mqtt = &nh_hub_bridge_fields[0];
    print_fields(p, 1, mqtt->fields, (const uint8_t *)bridges, NULL);
}

int nh_hub_config_print(const struct nh_hub_config *c, const struct nh_hub_bridges *bridges,
                        nh_sink_fn sink, void *ctx)
{
    struct printing p = {.sink = sink, .ctx = ctx};
    struct nh_hub_config standard;
    nh_hub_config_defaults(&standard);
    for (const nh_json_field_t *f = nh_hub_config_fields; f->name; f++) {
        const nh_json_field_t one[2] = {*f, {0}};
        bool has_bridges = strcmp(f->name, "mqtt") == 0 && bridges && bridges->count;
        bool is_written = differs(f, (const uint8_t *)c, (const uint8_t *)&standard);
        print_fields(&p, 0, one, (const uint8_t *)c, (const uint8_t *)&standard);
        if (has_bridges && !is_written)
            put(&p, "mqtt:\n");
        if (has_bridges)
            print_bridges(&p, bridges);
    }
    return p.err;
}
