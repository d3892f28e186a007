#include "harness/health_reply.h"

#include "core/json/json.h"

#include <stdio.h>
#include <string.h>

static uint64_t *field_of(struct nh_harness_mem *m, const char *key)
{
    const struct {
        const char *key;
        uint64_t *at;
    } fields[] = {
        {"heap_free", &m->hf},          {"heap_min", &m->hm},
        {"heap_largest", &m->hl},       {"heap_internal_free", &m->hi},
        {"heap_internal_min", &m->hin}, {"heap_fragmentation", &m->frag},
        {"psram_free", &m->pf},         {"psram_min", &m->pm},
        {"psram_largest", &m->pl},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(fields); i++)
        if (strcmp(fields[i].key, key) == 0)
            return fields[i].at;
    return NULL;
}

static void take_number(struct nh_harness_health *out, const char *key, int64_t value)
{
    uint64_t *at = field_of(&out->mem, key);
    if (at && value >= 0)
        *at = (uint64_t)value;
    if (strcmp(key, "uptime_seconds") == 0)
        out->uptime_s = value;
}

static void take_null(struct nh_harness_health *out, const char *key)
{
    out->has_null |= strcmp(key, "heap_internal_free") == 0 || strcmp(key, "psram_free") == 0;
}

// A value of the outermost object.
static void take_value(struct nh_harness_health *out, const nh_json_reader_t *r, int event,
                       const char *key)
{
    int64_t n;
    double d;
    if (event == NH_JSON_NULL)
        take_null(out, key);
    else if (event == NH_JSON_STRING && strcmp(key, "reset_reason") == 0)
        snprintf(out->reset_reason, sizeof out->reset_reason, "%s", nh_json_text(r, NULL));
    else if (event == NH_JSON_NUMBER && nh_json_int64(r, &n) == NH_OK)
        take_number(out, key, n);
    else if (event == NH_JSON_NUMBER && nh_json_double(r, &d) == NH_OK && d >= 0 && d < 1e15)
        take_number(out, key, (int64_t)d);
}

const char *nh_harness_health_parse(const void *text, size_t len, struct nh_harness_health *out)
{
    char scratch[512], key[64] = "";
    nh_json_reader_t r;
    const struct nh_json_reader_config cfg = {
        .text = scratch, .text_max_bytes = sizeof scratch, .cut_long = true};
    memset(out, 0, sizeof *out);
    out->uptime_s = -1;
    nh_json_reader_init(&r, &cfg);
    nh_json_feed(&r, text, len, true);
    int event = nh_json_next(&r);
    const bool is_object = event == NH_JSON_OBJECT_BEGIN;
    while (event > 0 && event != NH_JSON_DONE) {
        event = nh_json_next(&r);
        if (!is_object || nh_json_depth(&r) != 1)
            continue;
        if (event == NH_JSON_KEY)
            snprintf(key, sizeof key, "%s", nh_json_text(&r, NULL));
        else
            take_value(out, &r, event, key);
    }
    if (event != NH_JSON_DONE)
        return "not JSON";
    return is_object ? NULL : "no JSON object";
}
