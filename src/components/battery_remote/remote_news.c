#include "components/battery_remote/remote_news.h"

#include <string.h>

#define KEY_MAX_BYTES 96
#define DEPTH_MAX 8

struct reading {
    nh_json_reader_t json;
    char text[KEY_MAX_BYTES];
};

static void begin(struct reading *r, const char *text, size_t len)
{
    const struct nh_json_reader_config cfg = {.text = r->text,
                                              .text_max_bytes = sizeof r->text,
                                              .depth_max = DEPTH_MAX,
                                              .cut_long = true};
    nh_json_reader_init(&r->json, &cfg);
    nh_json_feed(&r->json, text, len, true);
}

static void copy_key(const struct reading *r, char key[KEY_MAX_BYTES])
{
    const char *text = nh_json_text(&r->json, NULL); // at most as long, with its NUL
    memcpy(key, text, strlen(text) + 1);
}

static int error_of(int err)
{
    return err == NH_ERR_AGAIN ? NH_ERR_SYNTAX : err;
}

// ---- values ------------------------------------------------------------------------------------

static void copy_text(const struct reading *r, int event, char *out, size_t cap)
{
    size_t len;
    const char *text = nh_json_text(&r->json, &len);
    if (event != NH_JSON_STRING)
        return;
    len = len < cap - 1 ? len : cap - 1;
    while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
        len--;                       // not within a character
    for (size_t i = 0; i < len; i++) // for people: on one line
        out[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i];
    out[len] = 0;
}

// Digits alone, decimal, or hexadecimal behind 0x; 15 of them at most.
static bool digits(const char *text, uint64_t *out)
{
    bool is_hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    size_t at = is_hex ? 2 : 0, begin = at;
    for (*out = 0; text[at] && at - begin < 15; at++) {
        char c = text[at];
        bool is_letter = is_hex && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'));
        if (!is_letter && (c < '0' || c > '9'))
            return false;
        *out = *out * (is_hex ? 16 : 10) + (uint64_t)(is_letter ? (c | 0x20) - 'a' + 10 : c - '0');
    }
    return at > begin && !text[at];
}

// A number, also one in a text: "0x1303", "12".
static bool take_number(const struct reading *r, int event, uint64_t *out)
{
    double d;
    if (event == NH_JSON_NUMBER && nh_json_uint64(&r->json, out) == NH_OK)
        return true;
    if (event == NH_JSON_NUMBER && nh_json_double(&r->json, &d) == NH_OK && d >= 0 && d < 1e15) {
        *out = (uint64_t)d;
        return true;
    }
    if (event != NH_JSON_STRING)
        return false;
    return digits(nh_json_text(&r->json, NULL), out);
}

static bool is_true(const struct reading *r, int event)
{
    uint64_t n;
    return event == NH_JSON_TRUE ||
           (event == NH_JSON_NUMBER && nh_json_uint64(&r->json, &n) == NH_OK && n != 0);
}

static bool is_word(const struct reading *r, int event, const char *const *words)
{
    const char *text = event == NH_JSON_STRING ? nh_json_text(&r->json, NULL) : "";
    for (; *words; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

static const char *const severity_names[] = {"unknown", "info", "warning", "error", "critical"};

const char *nh_remote_severity_name(uint8_t severity)
{
    return severity_names[severity <= NH_REMOTE_CRITICAL ? severity : 0];
}

static uint8_t take_severity(const struct reading *r, int event)
{
    uint64_t n;
    const char *text = event == NH_JSON_STRING ? nh_json_text(&r->json, NULL) : "";
    for (int i = 1; i <= NH_REMOTE_CRITICAL; i++)
        if (strcmp(text, severity_names[i]) == 0)
            return (uint8_t)i;
    if (!take_number(r, event, &n))
        return NH_REMOTE_UNKNOWN;
    return n <= NH_REMOTE_CRITICAL ? (uint8_t)n : NH_REMOTE_CRITICAL;
}

// ---- events ------------------------------------------------------------------------------------

static const char *const words_active[] = {"on", "active", "error", "critical", NULL};
static const char *const words_error[] = {"error", "critical", NULL};

static void take_event(const struct reading *r, const char *key, int event,
                       struct nh_remote_event *out)
{
    uint64_t n;
    if (strcmp(key, "type") == 0)
        copy_text(r, event, out->type, sizeof out->type);
    else if (strcmp(key, "key") == 0)
        copy_text(r, event, out->key, sizeof out->key);
    else if (strcmp(key, "event_id") == 0)
        out->id = take_number(r, event, &n) && n <= UINT32_MAX ? (uint32_t)n : 0;
    else if (strcmp(key, "active") == 0)
        out->is_active = is_true(r, event);
    else if (strcmp(key, "has_error") == 0)
        out->has_error = is_true(r, event);
    else if (strcmp(key, "status") == 0) {
        out->is_active = out->is_active || is_word(r, event, words_active);
        out->has_error = out->has_error || is_word(r, event, words_error);
    }
}

int nh_remote_event_read(const char *text, size_t len, struct nh_remote_event *out)
{
    struct reading r;
    char key[KEY_MAX_BYTES] = "";
    memset(out, 0, sizeof *out);
    begin(&r, text, len);
    int event = nh_json_next(&r.json);
    if (event != NH_JSON_OBJECT_BEGIN)
        return event < 0 ? error_of(event) : NH_ERR_TYPE;
    while ((event = nh_json_next(&r.json)) > 0 && event != NH_JSON_DONE) {
        if (event == NH_JSON_KEY)
            copy_key(&r, key);
        else if (event == NH_JSON_OBJECT_BEGIN || event == NH_JSON_ARRAY_BEGIN)
            event = nh_json_skip(&r.json);
        else if (event != NH_JSON_OBJECT_END)
            take_event(&r, key, event, out);
        if (event < 0)
            break;
    }
    if (event < 0)
        memset(out, 0, sizeof *out);
    return event < 0 ? error_of(event) : NH_OK;
}

// ---- alerts ------------------------------------------------------------------------------------

static void take_status(const struct reading *r, int event, struct nh_remote_alert *a)
{
    static const char *const over[] = {"cleared", "resolved", "off", "ok", NULL};
    static const char *const seen[] = {"acknowledged", NULL};
    uint64_t n = 0;
    bool is_number = event == NH_JSON_NUMBER && take_number(r, event, &n);
    a->is_over = is_word(r, event, over) || (is_number && n == 2);
    a->is_acknowledged = a->is_acknowledged || is_word(r, event, seen) || (is_number && n == 1);
}

static void take_alert(const struct reading *r, const char *key, int event,
                       struct nh_remote_alert *a)
{
    uint64_t n;
    bool is_time = strcmp(key, "timestamp_ms") == 0 || strcmp(key, "timestamp") == 0;
    bool is_code = strcmp(key, "type") == 0 || (strcmp(key, "event_id") == 0 && a->code == 0);
    if (strcmp(key, "id") == 0 || strcmp(key, "alert_id") == 0)
        a->id = take_number(r, event, &n) ? n : a->id;
    else if (is_time)
        a->time_ms = take_number(r, event, &n) ? n : a->time_ms;
    else if (is_code)
        a->code = take_number(r, event, &n) && n <= UINT32_MAX ? (uint32_t)n : a->code;
    else if (strcmp(key, "severity") == 0)
        a->severity = take_severity(r, event);
    else if (strcmp(key, "acknowledged") == 0)
        a->is_acknowledged = a->is_acknowledged || is_true(r, event);
    else if (strcmp(key, "status") == 0)
        take_status(r, event, a);
    else if (strcmp(key, "message") == 0)
        copy_text(r, event, a->message, sizeof a->message);
    else if (strcmp(key, "source") == 0)
        copy_text(r, event, a->source, sizeof a->source);
}

// The members of an alert, whose BEGIN was the last event.
static int take_members(struct reading *r, struct nh_remote_alert *a)
{
    char key[KEY_MAX_BYTES] = "";
    memset(a, 0, sizeof *a);
    for (;;) {
        int event = nh_json_next(&r->json);
        if (event < 0 || event == NH_JSON_OBJECT_END)
            return event < 0 ? event : NH_OK;
        if (event == NH_JSON_KEY) {
            copy_key(r, key);
        } else if (event == NH_JSON_OBJECT_BEGIN || event == NH_JSON_ARRAY_BEGIN) {
            int err = nh_json_skip(&r->json);
            if (err < 0)
                return err;
        } else {
            take_alert(r, key, event, a);
        }
    }
}

int nh_remote_alert_read(const char *text, size_t len, struct nh_remote_alert *out)
{
    struct reading r;
    memset(out, 0, sizeof *out);
    begin(&r, text, len);
    int event = nh_json_next(&r.json);
    if (event != NH_JSON_OBJECT_BEGIN)
        return event < 0 ? error_of(event) : NH_ERR_TYPE;
    event = take_members(&r, out);
    if (event == NH_OK)
        event = nh_json_next(&r.json); // nothing may follow
    if (event < 0)
        memset(out, 0, sizeof *out);
    return event < 0 ? error_of(event) : NH_OK;
}

static bool is_list(const char *key)
{
    return strcmp(key, "active") == 0 || strcmp(key, "history") == 0 || strcmp(key, "alerts") == 0;
}

// One event at the level of lists. > 0: goes on.
static int take_list_event(struct reading *r, int event, bool *in_list, struct nh_remote_alert *out,
                           size_t max, size_t *count)
{
    if (event == NH_JSON_KEY)
        *in_list = is_list(nh_json_text(&r->json, NULL));
    bool is_alert = event == NH_JSON_OBJECT_BEGIN && *in_list && nh_json_depth(&r->json) > 1;
    struct nh_remote_alert a;
    if (is_alert) {
        int err = take_members(r, &a);
        if (err < 0)
            return err;
        if (*count < max)
            out[(*count)++] = a;
        return 1;
    }
    bool is_other = (event == NH_JSON_ARRAY_BEGIN || event == NH_JSON_OBJECT_BEGIN) &&
                    nh_json_depth(&r->json) > 1 && !*in_list;
    if (!is_other)
        return 1;
    int err = nh_json_skip(&r->json);
    return err < 0 ? err : 1;
}

int nh_remote_alerts_read(const char *text, size_t len, struct nh_remote_alert *out, size_t max)
{
    struct reading r;
    size_t count = 0;
    bool in_list;
    begin(&r, text, len);
    int event = nh_json_next(&r.json);
    if (event != NH_JSON_OBJECT_BEGIN && event != NH_JSON_ARRAY_BEGIN)
        return event < 0 ? error_of(event) : NH_ERR_TYPE;
    in_list = event == NH_JSON_ARRAY_BEGIN;
    while ((event = nh_json_next(&r.json)) > 0 && event != NH_JSON_DONE) {
        event = take_list_event(&r, event, &in_list, out, max, &count);
        if (event < 0)
            break;
    }
    return event < 0 && count == 0 ? error_of(event) : (int)count;
}
