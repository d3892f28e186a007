#include "components/battery_remote/remote_points.h"

#include <string.h>

#define TEXT_MAX_BYTES 80

struct point {
    char device[64];
    uint64_t boot, seq, time_ms;
    bool has_boot, has_seq;
    uint32_t values; // how many numbers it has
    size_t begin, end;
};

// ---- reading -----------------------------------------------------------------------------------

static const char *const value_keys[] = {"soc",         "soh",         "voltage_v",
                                         "current_a",   "power_w",     "temperature_c",
                                         "cell_min_mv", "cell_max_mv", "cell_delta_mv"};

static bool take_id(nh_json_reader_t *r, int event, uint64_t *out)
{
    return event == NH_JSON_NUMBER && nh_json_uint64(r, out) == NH_OK && *out <= UINT32_MAX;
}

static bool is_clean(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < ' ')
            return false;
    return true;
}

static void take_value(nh_json_reader_t *r, const char *key, int event, struct point *p)
{
    size_t len;
    if (strcmp(key, "boot") == 0 || strcmp(key, "boot_id") == 0) {
        p->has_boot = take_id(r, event, &p->boot);
    } else if (strcmp(key, "seq") == 0 || strcmp(key, "sequence") == 0) {
        p->has_seq = take_id(r, event, &p->seq);
    } else if (strcmp(key, "ts_ms") == 0 || strcmp(key, "timestamp_ms") == 0) {
        if (event != NH_JSON_NUMBER || nh_json_uint64(r, &p->time_ms) < 0)
            p->time_ms = 0;
    } else if (strcmp(key, "device") == 0 && event == NH_JSON_STRING) {
        const char *text = nh_json_text(r, &len);
        if (len < sizeof p->device && is_clean(text, len))
            memcpy(p->device, text, len + 1);
    } else if (event == NH_JSON_NUMBER) {
        for (size_t i = 0; i < NH_ARRAY_LEN(value_keys); i++)
            p->values += strcmp(key, value_keys[i]) == 0;
    }
}

// The members of a point, whose BEGIN was the last event.
static int read_point(nh_json_reader_t *r, struct point *p)
{
    char key[TEXT_MAX_BYTES] = "";
    memset(p, 0, sizeof *p);
    p->begin = (size_t)nh_json_value_begin(r);
    for (;;) {
        int event = nh_json_next(r);
        if (event == NH_JSON_OBJECT_END) {
            p->end = (size_t)nh_json_value_end(r);
            return NH_OK;
        }
        if (event == NH_JSON_KEY)
            memcpy(key, nh_json_text(r, NULL), strlen(nh_json_text(r, NULL)) + 1);
        else if (event == NH_JSON_OBJECT_BEGIN || event == NH_JSON_ARRAY_BEGIN)
            event = nh_json_skip(r);
        else if (event > 0)
            take_value(r, key, event, p);
        if (event < 0)
            return event;
    }
}

// ---- once each ---------------------------------------------------------------------------------

static struct nh_remote_sender *sender_of(struct nh_remote_points *p, const struct point *q)
{
    struct nh_remote_sender *oldest = &p->sender[0];
    for (size_t i = 0; i < NH_REMOTE_SENDER_MAX_COUNT; i++) {
        struct nh_remote_sender *s = &p->sender[i];
        if (s->count > 0 && s->boot == q->boot && strcmp(s->device, q->device) == 0)
            return s;
        if (s->count == 0 ? oldest->count > 0 : oldest->count > 0 && s->used_at < oldest->used_at)
            oldest = s;
    }
    p->forgotten += oldest->count > 0;
    memset(oldest, 0, sizeof *oldest);
    memcpy(oldest->device, q->device, sizeof oldest->device);
    oldest->boot = (uint32_t)q->boot;
    return oldest;
}

enum verdict { FRESH, DOUBLE, LATE };

static enum verdict mark(struct nh_remote_points *p, struct nh_remote_sender *s, uint32_t seq)
{
    if (s->count == 0 || seq > s->seq) {
        uint32_t step = s->count == 0 ? 0 : seq - s->seq;
        s->window = step < NH_REMOTE_WINDOW ? s->window << step : 0;
        s->window |= 1;
        p->missing += step > 1 ? step - 1 : 0;
        s->seq = seq;
        return FRESH;
    }
    uint32_t behind = s->seq - seq;
    if (behind >= NH_REMOTE_WINDOW)
        return LATE; // whether it came is not known any more: taken once too few rather than twice
    if (s->window & 1ull << behind)
        return DOUBLE;
    s->window |= 1ull << behind;
    p->missing -= p->missing > 0;
    return FRESH;
}

static bool is_fresh(struct nh_remote_points *p, const struct point *q)
{
    if (!q->has_boot || !q->has_seq) { // of a sender that does not count: all are taken
        p->unnumbered++;
        return true;
    }
    struct nh_remote_sender *s = sender_of(p, q);
    enum verdict v = mark(p, s, (uint32_t)q->seq);
    s->used_at = p->taken + p->doubles + p->late + 1;
    if (v == FRESH) {
        s->count++;
        s->last_ms = q->time_ms;
    }
    p->doubles += v == DOUBLE;
    p->late += v == LATE;
    return v == FRESH;
}

static void take(struct nh_remote_points *p, const char *text, const struct point *q,
                 struct nh_remote_points_result *out)
{
    const size_t len = q->end - q->begin;
    if (!is_fresh(p, q)) {
        out->doubles++;
        return;
    }
    out->taken++;
    p->taken++;
    if (len < sizeof p->last) {
        memcpy(p->last, text + q->begin, len);
        p->last[len] = 0;
    }
}

int nh_remote_points_take(struct nh_remote_points *p, const char *text, size_t len,
                          struct nh_remote_points_result *out)
{
    char buf[TEXT_MAX_BYTES];
    nh_json_reader_t r;
    struct point q;
    int event;
    *out = (struct nh_remote_points_result){0};
    nh_json_reader_init(
        &r, &(struct nh_json_reader_config){
                .text = buf, .text_max_bytes = sizeof buf, .depth_max = 6, .cut_long = true});
    nh_json_feed(&r, text, len, true);
    while ((event = nh_json_next(&r)) > 0 && event != NH_JSON_DONE) {
        bool is_list = event == NH_JSON_ARRAY_BEGIN && nh_json_depth(&r) == 1;
        if (is_list || event == NH_JSON_ARRAY_END)
            continue;
        event = event == NH_JSON_OBJECT_BEGIN ? read_point(&r, &q) : NH_ERR_TYPE;
        if (event == NH_OK && q.values == 0)
            event = NH_ERR_TYPE;
        if (event < 0)
            break;
        take(p, text, &q, out);
    }
    p->bad += event < 0;
    return event >= 0 ? NH_OK : event == NH_ERR_AGAIN ? NH_ERR_SYNTAX : event;
}
