#include "components/battery_remote/remote_settings.h"

#include <stdio.h>
#include <string.h>

struct row {
    const char *key;      // flat
    const char *parent;   // nested: "uart", "mqtt.topics"
    const char *inner[3]; // and there
    bool is_number;
    uint16_t offset, size;
};
#define ROW(member, parent, number, ...)                                                           \
    {                                                                                              \
#member, parent,                                                                           \
            {__VA_ARGS__ }, number, offsetof(struct nh_remote_settings, member),                   \
             sizeof(((struct nh_remote_settings *)0)->member)                                      \
    }
static const struct row rows[NH_REMOTE_SETTING_COUNT] = {
    ROW(wifi_ssid, "wifi", false, "ssid", "sta_ssid"),
    ROW(wifi_password, "wifi", false, "password", "sta_password"),
    ROW(static_ip, "wifi", false, "static_ip"),
    ROW(can_bitrate, "can", true, "bitrate", "bit_rate"),
    ROW(uart_baudrate, "uart", true, "baudrate", "baud_rate"),
    ROW(uart_parity, "uart", false, "parity"),
    ROW(mqtt_broker, "mqtt", false, "broker", "broker_uri"),
    ROW(mqtt_topic_pub, "mqtt.topics", false, "pub", "publish", "metrics"),
    ROW(mqtt_topic_sub, "mqtt.topics", false, "sub", "subscribe", "config"),
};

const char *nh_remote_setting_key(enum nh_remote_setting setting)
{
    return setting < NH_REMOTE_SETTING_COUNT ? rows[setting].key : "";
}

// ---- reading -----------------------------------------------------------------------------------

#define TEXT_MAX_BYTES 128
#define PATH_MAX_BYTES 64
#define DEPTH_MAX 8

struct reading {
    nh_json_reader_t json;
    struct nh_remote_settings s;
    uint32_t seen, bad;
    int err;                                // of the first value that does not fit
    struct nh_remote_settings_fault *fault; // NULL: what is not known is passed over
    char parent[4][PATH_MAX_BYTES];
    char key[PATH_MAX_BYTES];
    char text[TEXT_MAX_BYTES];
};

static bool is_inner(const struct row *r, const char *key)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(r->inner) && r->inner[i]; i++)
        if (strcmp(r->inner[i], key) == 0)
            return true;
    return false;
}

// Which one a key stands for below `parent` ("": the outermost object); -1: none.
static int find(const char *parent, const char *key)
{
    for (int i = 0; i < NH_REMOTE_SETTING_COUNT; i++)
        if (parent[0] ? strcmp(rows[i].parent, parent) == 0 && is_inner(&rows[i], key)
                      : strcmp(rows[i].key, key) == 0)
            return i;
    return -1;
}

static int put(struct reading *r, const struct row *row, int event)
{
    uint8_t *at = (uint8_t *)&r->s + row->offset;
    if (row->is_number) {
        uint64_t n;
        if (event != NH_JSON_NUMBER || nh_json_uint64(&r->json, &n) < 0)
            return NH_ERR_TYPE;
        if (n > UINT32_MAX)
            return NH_ERR_RANGE;
        const uint32_t u32 = (uint32_t)n;
        memcpy(at, &u32, sizeof u32);
        return NH_OK;
    }
    size_t len;
    const char *text = nh_json_text(&r->json, &len);
    if (event != NH_JSON_STRING)
        return NH_ERR_TYPE;
    if (len >= row->size || nh_json_is_cut(&r->json))
        return NH_ERR_TOO_LONG;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < ' ') // no name, address or topic has one
            return NH_ERR_RANGE;
    memcpy(at, text, len + 1);
    return NH_OK;
}

static void tell_value(struct reading *r, const struct row *row, int event)
{
    struct nh_remote_settings_fault *f = r->fault;
    snprintf(f->field, sizeof f->field, "%s", row->key);
    if (row != &rows[NH_REMOTE_WIFI_PASSWORD]) // that one is never shown
        snprintf(f->value, sizeof f->value, "%.*s", (int)sizeof f->value - 1,
                 event == NH_JSON_STRING || event == NH_JSON_NUMBER ? nh_json_text(&r->json, NULL)
                 : event == NH_JSON_TRUE                            ? "true"
                 : event == NH_JSON_FALSE                           ? "false"
                 : event == NH_JSON_NULL                            ? "null"
                                                                    : "");
    if (row->is_number)
        snprintf(f->limit, sizeof f->limit, "a whole number from 0 to %u", (unsigned)UINT32_MAX);
    else
        snprintf(f->limit, sizeof f->limit, "a text of at most %u byte%s, no control characters",
                 row->size - 1u, row->size == 2 ? "" : "s");
}

static void tell_unknown(struct reading *r)
{
    const uint32_t depth = nh_json_depth(&r->json);
    const char *parent = depth >= 1 && depth <= 3 ? r->parent[depth] : "";
    if (!r->fault || r->err != NH_OK)
        return;
    snprintf(r->fault->field, sizeof r->fault->field, "%.20s%s%.40s", parent, parent[0] ? "." : "",
             r->key);
    r->fault->is_unknown = true;
    r->err = NH_ERR_NOT_FOUND;
}

static void take(struct reading *r, int event)
{
    const uint32_t depth = nh_json_depth(&r->json);
    int i = depth < 1 || depth > 3 ? -1 : find(r->parent[depth], r->key);
    if (i < 0)
        tell_unknown(r);
    if (i < 0 || (event == NH_JSON_NULL && !r->fault))
        return;
    int err = put(r, &rows[i], event);
    if (err != NH_OK && r->err == NH_OK && r->fault)
        tell_value(r, &rows[i], event);
    if (err == NH_OK)
        r->seen |= 1u << i;
    else if (r->err == NH_OK) {
        r->err = err;
        r->bad = 1u << i;
    }
}

static void tell_object(struct reading *r, uint32_t depth)
{
    const int i = find(r->parent[depth], r->key);
    if (r->err != NH_OK)
        return;
    tell_value(r, &rows[i], NH_JSON_OBJECT_BEGIN);
    r->err = NH_ERR_TYPE;
    r->bad = 1u << i;
}

// An inner object begins: "mqtt", then "mqtt.topics".
static int descend(struct reading *r)
{
    const uint32_t depth = nh_json_depth(&r->json);
    if (r->fault && depth > 1 && depth <= 4 && find(r->parent[depth - 1], r->key) >= 0)
        tell_object(r, depth - 1);
    if (depth > 3)
        return nh_json_skip(&r->json);
    int n = snprintf(r->parent[depth], PATH_MAX_BYTES, "%s%s%s",
                     depth > 2 ? r->parent[depth - 1] : "", depth > 2 ? "." : "", r->key);
    return n < 0 || n >= PATH_MAX_BYTES ? nh_json_skip(&r->json) : NH_OK; // none of ours
}

static int step(struct reading *r, int event)
{
    switch (event) {
    case NH_JSON_KEY: {
        size_t len;
        const char *text = nh_json_text(&r->json, &len);
        r->key[0] = 0;
        if (r->fault)
            r->fault->key_count++;
        if (len < sizeof r->key || r->fault)
            snprintf(r->key, sizeof r->key, "%s", text);
        return NH_OK;
    }
    case NH_JSON_OBJECT_BEGIN:
        return descend(r);
    case NH_JSON_ARRAY_BEGIN:
        if (r->fault)
            take(r, event); // none of these has one
        return nh_json_skip(&r->json);
    case NH_JSON_OBJECT_END:
        return NH_OK;
    default:
        take(r, event);
        return NH_OK;
    }
}

static int read_all(const char *text, size_t len, struct nh_remote_settings *s, uint32_t *seen,
                    struct nh_remote_settings_fault *fault)
{
    struct reading r = {.s = *s, .fault = fault};
    const struct nh_json_reader_config cfg = {
        .text = r.text, .text_max_bytes = sizeof r.text, .depth_max = DEPTH_MAX, .cut_long = true};
    *seen = 0;
    nh_json_reader_init(&r.json, &cfg);
    nh_json_feed(&r.json, text, len, true);
    int event = nh_json_next(&r.json);
    if (event != NH_JSON_OBJECT_BEGIN)
        return event >= 0 ? NH_ERR_TYPE : event == NH_ERR_AGAIN ? NH_ERR_SYNTAX : event;
    while ((event = nh_json_next(&r.json)) > 0 && event != NH_JSON_DONE) {
        event = step(&r, event);
        if (event < 0)
            break;
    }
    if (event < 0)
        return event == NH_ERR_AGAIN ? NH_ERR_SYNTAX : event;
    *seen = r.err ? r.bad : r.seen;
    if (r.err)
        return r.err;
    r.s.known |= r.seen;
    *s = r.s;
    return NH_OK;
}

int nh_remote_settings_read(const char *text, size_t len, struct nh_remote_settings *s,
                            uint32_t *seen)
{
    return read_all(text, len, s, seen, NULL);
}

int nh_remote_settings_take(const char *text, size_t len, struct nh_remote_settings *s,
                            uint32_t *seen, struct nh_remote_settings_fault *fault)
{
    return read_all(text, len, s, seen, fault);
}

// ---- the rest ----------------------------------------------------------------------------------

void nh_remote_settings_merge(struct nh_remote_settings *to, const struct nh_remote_settings *from,
                              uint32_t mask)
{
    mask &= from->known;
    for (int i = 0; i < NH_REMOTE_SETTING_COUNT; i++)
        if (mask & 1u << i)
            memcpy((uint8_t *)to + rows[i].offset, (const uint8_t *)from + rows[i].offset,
                   rows[i].size);
    to->known |= mask;
}

bool nh_remote_settings_are_same(const struct nh_remote_settings *a,
                                 const struct nh_remote_settings *b, uint32_t mask)
{
    bool same = (a->known & mask) == (b->known & mask);
    for (int i = 0; i < NH_REMOTE_SETTING_COUNT; i++) {
        const char *x = (const char *)a + rows[i].offset, *y = (const char *)b + rows[i].offset;
        if (mask & a->known & 1u << i)
            same =
                same && (rows[i].is_number ? memcmp(x, y, rows[i].size) == 0 : strcmp(x, y) == 0);
    }
    return same;
}

void nh_remote_settings_write(nh_json_writer_t *w, const struct nh_remote_settings *s,
                              uint32_t mask)
{
    for (int i = 0; i < NH_REMOTE_SETTING_COUNT; i++) {
        const uint8_t *at = (const uint8_t *)s + rows[i].offset;
        uint32_t u32;
        if (!(mask & s->known & 1u << i))
            continue;
        if (rows[i].is_number) {
            memcpy(&u32, at, sizeof u32);
            nh_json_kv_uint(w, rows[i].key, u32);
        } else {
            nh_json_kv_string(w, rows[i].key, (const char *)at);
        }
    }
}
