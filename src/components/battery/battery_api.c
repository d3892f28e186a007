// The routes about the pack and its part of the feed: thin, no state. docs/battery-api.md.

#include "components/battery/battery_api.h"
#include "components/battery/battery_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEED_INTERVAL_MS 250
#define PIECE_MAX_BYTES NH_PRODUCE_MIN_BYTES

static nh_battery__pack_t *pack_of(nh_request_t *req)
{
    return nh_battery__pack_of(req->ctx);
}

// ---- a reply in pieces -------------------------------------------------------------------------

// One writer over all parts of a reply; its buffer is that of the part being made. A step writes at
// most PIECE_MAX_BYTES and says whether it was the last.
struct pieces {
    nh_json_writer_t w;
    struct nh_json_buf b;
    bool (*step)(nh_request_t *req, struct pieces *p);
    uint32_t at;
    bool is_over;
    struct nh_battery_snapshot s; // of /api/battery
};

static int produce(nh_request_t *req, char *buf, size_t cap)
{
    struct pieces *p = req->state;
    p->b = (struct nh_json_buf){.ptr = buf, .cap = cap};
    while (!p->is_over && p->b.cap - p->b.len >= PIECE_MAX_BYTES)
        p->is_over = p->step(req, p);
    return p->w.err < 0 ? p->w.err : (int)p->b.len;
}

static struct pieces *pieces_new(nh_request_t *req, bool (*step)(nh_request_t *, struct pieces *))
{
    struct pieces *p = nh_arena_alloc(req->arena, sizeof *p);
    if (!p)
        return NULL;
    memset(p, 0, sizeof *p);
    p->step = step;
    nh_json_writer_init(&p->w, nh_json_buf_sink, &p->b);
    req->state = p;
    return p;
}

static int reply_pieces(nh_request_t *req, const char *type)
{
    return nh_reply_stream(req, 200, type, produce);
}

// ---- /api/battery ------------------------------------------------------------------------------

static struct nh_battery__time time_of(uint64_t now_ms)
{
    return (struct nh_battery__time){.now_ms = now_ms, .unix_ms = nh_clock_unix_ms()};
}

static bool step_all(nh_request_t *req, struct pieces *p)
{
    switch (p->at++) {
    case 0:
        nh_json_object_begin(&p->w);
        nh_battery__json_head(&p->w, &p->s, time_of(req->now_ms));
        return false;
    case 1:
        nh_battery__json_cells(&p->w, &p->s);
        return false;
    case 2:
        nh_battery__json_slow(&p->w, &p->s);
        nh_battery__json_model(&p->w, pack_of(req));
        return false;
    case 3:
        nh_battery__json_fields(&p->w, &p->s, time_of(req->now_ms));
        return false;
    default:
        nh_json_key(&p->w, "line");
        nh_battery__write_line(req->ctx, &p->w);
        nh_json_object_end(&p->w);
        return true;
    }
}

int nh_battery__api_get(nh_request_t *req)
{
    struct pieces *p = pieces_new(req, step_all);
    if (!p)
        return NH_ERR_NOMEM;
    nh_battery_read(req->ctx, &p->s);
    return reply_pieces(req, "application/json");
}

struct mode_body {
    int mode;
};
static const nh_json_field_t mode_fields[] = {
    {.name = "mode",
     .type = NH_JSON_T_ENUM,
     .required = true,
     NH_JSON_AT(struct mode_body, mode),
     .names = nh_battery__mode_names},
    NH_JSON_FIELDS_END,
};

int nh_battery__api_mode(nh_request_t *req)
{
    struct mode_body body = {0};
    bool ok;
    int err = nh_request_decode(req, mode_fields, &body, "Nothing was changed.", &ok);
    if (!ok || err < 0)
        return err;
    err = nh_battery_mode_set(req->ctx, (enum nh_battery_mode)body.mode);
    return err < 0 ? err : nh_battery__api_get(req);
}

// ---- alarms ------------------------------------------------------------------------------------

static void kv_time(nh_json_writer_t *w, const char *key, int64_t unix_ms)
{
    if (unix_ms)
        nh_json_kv_int(w, key, unix_ms);
    else
        nh_json_kv_null(w, key);
}

static void write_alarm(nh_json_writer_t *w, const struct nh_battery_alarm *a)
{
    static const char *const states[] = {"active", "acknowledged", "cleared"};
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "id", a->id);
    nh_json_kv_uint(w, "code", a->code);
    nh_json_kv_string(w, "severity", nh_battery__severity_name(a->severity));
    nh_json_kv_string(w, "state", a->state <= NH_BATTERY_CLEARED ? states[a->state] : "unknown");
    nh_json_kv_string(w, "source", nh_battery__source_name(a->source));
    kv_time(w, "raised_ms", a->raised_unix_ms);
    kv_time(w, "cleared_ms", a->cleared_unix_ms);
    nh_json_kv_double(w, "value", a->value / 1000.0);
    nh_json_kv_double(w, "threshold", a->threshold / 1000.0);
    nh_json_kv_string(w, "message", a->message);
    nh_json_object_end(w);
}

// The active ones first (worst first), then all that were (newest first).
static bool step_alarms(nh_request_t *req, struct pieces *p)
{
    const nh_battery__alarms_t *alarms = &pack_of(req)->alarms;
    struct nh_battery_alarm a;
    if (p->at == 0) {
        nh_json_object_begin(&p->w);
        nh_json_key(&p->w, "active");
        nh_json_array_begin(&p->w);
    }
    if (p->at < NH_BATTERY_ALARM_MAX_COUNT) {
        if (nh_battery__alarms_active_at(alarms, p->at++, &a)) {
            write_alarm(&p->w, &a);
            return false;
        }
        p->at = NH_BATTERY_ALARM_MAX_COUNT;
    }
    if (p->at == NH_BATTERY_ALARM_MAX_COUNT) {
        nh_json_array_end(&p->w);
        nh_json_key(&p->w, "history");
        nh_json_array_begin(&p->w);
    }
    size_t skip = p->at++ - NH_BATTERY_ALARM_MAX_COUNT;
    if (nh_battery__alarms_history(alarms, skip, &a, 1) == 1) {
        write_alarm(&p->w, &a);
        return false;
    }
    nh_json_array_end(&p->w);
    nh_json_object_end(&p->w);
    return true;
}

int nh_battery__api_alarms(nh_request_t *req)
{
    return pieces_new(req, step_alarms) ? reply_pieces(req, "application/json") : NH_ERR_NOMEM;
}

struct acknowledge_body {
    uint32_t id;
    bool all;
};
static const nh_json_field_t acknowledge_fields[] = {
    {.name = "id", .type = NH_JSON_T_INT, NH_JSON_AT(struct acknowledge_body, id)},
    {.name = "all", .type = NH_JSON_T_BOOL, NH_JSON_AT(struct acknowledge_body, all)},
    NH_JSON_FIELDS_END,
};

int nh_battery__api_acknowledge(nh_request_t *req)
{
    struct acknowledge_body body = {0};
    bool ok;
    int err = nh_request_decode(req, acknowledge_fields, &body, "Nothing was changed.", &ok);
    if (!ok || err < 0)
        return err;
    if (body.all == (body.id != 0))
        return nh_reply_error(req, 400, "bad_value",
                              "Give either the id of an active alarm or all: true.");
    err = nh_battery_acknowledge(req->ctx, body.id);
    if (err == NH_ERR_NOT_FOUND)
        return nh_reply_error(req, 404, NULL, "No active alarm has the id %u.", (unsigned)body.id);
    return err < 0 ? err : nh_battery__api_alarms(req);
}

// ---- the board's log ---------------------------------------------------------------------------

static bool step_events(nh_request_t *req, struct pieces *p)
{
    const nh_battery__pack_t *pack = pack_of(req);
    uint64_t since_s = pack->log_ms ? (req->now_ms - pack->log_ms) / 1000 : 0;
    if (p->at == 0) {
        nh_json_object_begin(&p->w);
        if (pack->log_ms)
            nh_json_kv_uint(&p->w, "clock_s", pack->log_clock_s + since_s);
        else
            nh_json_kv_null(&p->w, "clock_s");
        nh_json_key(&p->w, "events");
        nh_json_array_begin(&p->w);
    }
    if (p->at >= pack->log_count) {
        nh_json_array_end(&p->w);
        nh_json_object_end(&p->w);
        return true;
    }
    const struct nh_tinybms_event *e = &pack->log[p->at++];
    nh_json_object_begin(&p->w);
    nh_json_kv_uint(&p->w, "id", e->id);
    nh_json_kv_string(&p->w, "text", nh_tinybms_event_text(e->id));
    nh_json_kv_string(&p->w, "kind", nh_tinybms_event_kind_text(nh_tinybms_event_kind(e->id)));
    nh_json_kv_uint(&p->w, "age_s", e->age_s + since_s);
    nh_json_object_end(&p->w);
    return false;
}

int nh_battery__api_events(nh_request_t *req)
{
    return pieces_new(req, step_events) ? reply_pieces(req, "application/json") : NH_ERR_NOMEM;
}

// ---- the feed ----------------------------------------------------------------------------------

// The object is larger than a message of the feed, so it goes in two: what moves, and what seldom
// does. An odd version says that the second is still to come. Pages put the keys over what they
// have.
static uint64_t version_of(const struct nh_battery_snapshot *s)
{
    return ((uint64_t)s->seq + 1) * 2;
}

static uint64_t feed_version(void *ctx)
{
    return version_of(nh_battery__model_newest(nh_battery__pack_of(ctx)->model));
}

static uint64_t feed_write(void *ctx, nh_json_writer_t *w, uint64_t since)
{
    nh_battery_t *b = ctx;
    const struct nh_battery_snapshot *s = nh_battery__model_newest(nh_battery__pack_of(b)->model);
    uint64_t now_ms = nh_clock_ms();
    nh_json_object_begin(w);
    if (since % 2) {
        nh_battery__json_slow(w, s);
        nh_battery__json_model(w, nh_battery__pack_of(b));
        nh_json_key(w, "line");
        nh_battery__write_line(b, w);
    } else {
        nh_battery__json_head(w, s, time_of(now_ms));
        nh_battery__json_cells(w, s);
        nh_battery__json_fields(w, s, time_of(now_ms));
    }
    nh_json_object_end(w);
    return since % 2 ? since - 1 : version_of(s) + 1;
}

void nh_battery_feed_part(nh_battery_t *b, nh_feed_part_t *out)
{
    *out = (nh_feed_part_t){.name = "battery",
                            .min_interval_ms = FEED_INTERVAL_MS,
                            .version = feed_version,
                            .write = feed_write,
                            .ctx = b,
                            .is_for_operators = true};
}
