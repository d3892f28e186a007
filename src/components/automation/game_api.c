// game_api.c - the routes of the game clock and the operator's log, and the parts of the feed.

#include "components/automation/automation_api.h"

#include "core/base/format.h"

#include <stdio.h>
#include <string.h>

#define BODY_MAX_BYTES 1024
#define CSV_ROW_MAX_BYTES 320u // each of its texts twice, at worst

// ---- the clock ----------------------------------------------------------------------------------

void nh_automation_api__write_game(const nh_automation_t *a, nh_json_writer_t *w)
{
    static const char *const states[] = {"idle", "running", "ended"};
    struct nh_game_info g;
    nh_automation_game_info(a, &g);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "state", states[g.state]);
    nh_json_kv_bool(w, "paused", g.is_paused);
    nh_json_kv_uint(w, "elapsed_ms", g.elapsed_ms);
    if (g.is_timed)
        nh_json_kv_uint(w, "left_ms", g.left_ms);
    else
        nh_json_kv_null(w, "left_ms");
    nh_json_kv_uint(w, "duration_ms", g.duration_ms);
    nh_json_kv_int(w, "added_ms", g.added_ms);
    nh_json_kv_uint(w, "hint_count", g.hint_count);
    nh_json_kv_uint(w, "hints_sent", g.hints_sent);
    nh_json_kv_string(w, "team", g.team[0] ? g.team : NULL);
    nh_json_object_end(w);
}

static int get_game(nh_request_t *req)
{
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_automation_api__write_game(nh_automation_api__of(req), w);
    return nh_reply_json_end(req);
}

static int refuse(nh_request_t *req, int err, enum nh_clock_action action,
                  const struct nh_automation_body *b)
{
    nh_json_writer_t *w;
    if (err == NH_ERR_CONFLICT)
        return nh_reply_error(req, 409, "conflict", "%s. Nothing was changed.",
                              action == NH_CLOCK_START ? "A game runs already" : "No game runs");
    if (err == NH_ERR_TOO_LONG)
        w = nh_reply_error_details(req, 400, "too_long",
                                   "team: %zu bytes, at most %d. Nothing was "
                                   "changed.",
                                   b->team.len, NH_TEAM_MAX_BYTES - 1);
    else if (err == NH_ERR_RANGE)
        w = nh_reply_error_details(req, 400, "range",
                                   "ms: %lld; what was added to the time is to "
                                   "stay within %d and %d. Nothing was changed.",
                                   (long long)b->ms, -NH_GAME_ADD_MAX_MS, NH_GAME_ADD_MAX_MS);
    else
        return err;
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_string(w, "field", err == NH_ERR_RANGE ? "/ms" : "/team");
    if (err == NH_ERR_RANGE)
        nh_json_kv_int(w, "value", b->ms);
    nh_json_kv_int(w, "limit", err == NH_ERR_RANGE ? NH_GAME_ADD_MAX_MS : NH_TEAM_MAX_BYTES - 1);
    nh_json_object_end(w);
    return nh_reply_error_end(req);
}

static int act(nh_request_t *req, enum nh_clock_action action)
{
    nh_automation_t *a = nh_automation_api__of(req);
    struct nh_automation_body b;
    int rc;
    if (!nh_automation_api__body(req, &b, &rc))
        return rc;
    if (action == NH_CLOCK_ADD && !b.has_ms)
        return nh_reply_error(req, 400, "invalid", "\"ms\" is missing. Nothing was changed.");
    int err = action == NH_CLOCK_START && b.team.len
                  ? nh_automation_game_start(a, b.team, NH_ORIGIN_HTTP, req->now_ms)
                  : nh_automation_game(a, action, b.ms, NH_ORIGIN_HTTP, req->now_ms);
    return err < 0 ? refuse(req, err, action, &b) : get_game(req);
}

#define ACTION(name, action)                                                                       \
    static int name(nh_request_t *req)                                                             \
    {                                                                                              \
        return act(req, action);                                                                   \
    }
ACTION(post_start, NH_CLOCK_START)
ACTION(post_pause, NH_CLOCK_PAUSE)
ACTION(post_resume, NH_CLOCK_RESUME)
ACTION(post_stop, NH_CLOCK_STOP)
ACTION(post_reset, NH_CLOCK_RESET)
ACTION(post_add, NH_CLOCK_ADD)

static int post_hint(nh_request_t *req)
{
    struct nh_automation_body b;
    int rc;
    if (!nh_automation_api__body(req, &b, &rc))
        return rc;
    if ((b.index >= 0) == (b.text.len > 0) || b.index > INT32_MAX)
        return nh_reply_error(req, 400, "invalid",
                              "Either \"index\" or \"text\" is needed. Nothing was sent.");
    int err = nh_automation_hint(nh_automation_api__of(req), (int)b.index, b.text, NH_ORIGIN_HTTP,
                                 req->now_ms);
    if (err < 0 && b.index >= 0)
        return nh_automation_api__refused_number(req, err, "Hint", "/index", b.index);
    return err < 0 ? nh_automation_api__refused(req, err, "Hint", "/text", b.text)
                   : nh_automation_api__status(req, "ok");
}

// ---- the log ------------------------------------------------------------------------------------

static const struct nh_log_entry *next_entry(struct nh_automation_list *l)
{
    const nh_automation_t *a = l->a;
    uint64_t oldest =
        a->log_seq > a->limits.log_max_count ? a->log_seq - a->limits.log_max_count + 1 : 1;
    l->cursor = l->cursor + 1 < oldest ? oldest : l->cursor + 1;
    return nh_log__at(a, l->cursor);
}

static bool next_row(struct nh_automation_list *l, nh_json_writer_t *w)
{
    const struct nh_log_entry *e = next_entry(l);
    if (!e)
        return false;
    nh_json_object_begin(w);
    nh_json_kv_int(w, "unix_ms", e->unix_ms);
    nh_json_kv_string(w, "origin", nh_origin__name(e->origin));
    nh_json_kv_string(w, "user", e->user[0] ? e->user : NULL);
    nh_json_kv_string(w, "action", e->action);
    nh_json_kv_string(w, "text", e->text);
    nh_json_object_end(w);
    return true;
}

// A text in quotes, those in it twice [RFC 4180]; one that a table would take for a formula begins
// with an apostrophe.
static size_t put_text(char *out, const char *text)
{
    size_t len = 0;
    out[len++] = '"';
    if (text[0] && strchr("=+-@\t\r", text[0]))
        out[len++] = '\'';
    for (; *text; text++) {
        if (*text == '"')
            out[len++] = '"';
        out[len++] = *text;
    }
    out[len++] = '"';
    return len;
}

static int produce_csv(nh_request_t *req, char *out, size_t cap)
{
    static const char head[] = "time,origin,action,text,user\r\n";
    struct nh_automation_list *l = req->state;
    const struct nh_log_entry *e;
    size_t len = 0;
    if (l->state == 0) {
        memcpy(out, head, sizeof head - 1);
        len = sizeof head - 1;
        l->state = 1;
    }
    while (l->state == 1 && cap - len > CSV_ROW_MAX_BYTES) {
        char time[NH_FORMAT_TIME_MAX];
        e = next_entry(l);
        if (!e) {
            l->state = 2;
            break;
        }
        len += (size_t)snprintf(out + len, cap - len, "%s,%s,%s,", nh_format_time(e->unix_ms, time),
                                nh_origin__name(e->origin), e->action);
        len += put_text(out + len, e->text);
        out[len++] = ',';
        len += put_text(out + len, e->user);
        out[len++] = '\r';
        out[len++] = '\n';
    }
    return (int)len;
}

static int get_log(nh_request_t *req)
{
    const char *format = nh_request_param(req, "format");
    bool is_csv = format && strcmp(format, "csv") == 0;
    if (!nh_automation_api__list(req, next_row))
        return NH_ERR_NOMEM;
    if (!is_csv)
        return nh_automation_api__send(req);
    int err = nh_reply_header(req, "Content-Disposition", "attachment; filename=\"game.csv\"");
    return err < 0 ? err : nh_reply_stream(req, 200, "text/csv; charset=utf-8", produce_csv);
}

#define GET(p, h, t, names)                                                                        \
    {                                                                                              \
        .method = "GET", .path = (p), .flags = NH_ROUTE_OPERATOR, .handle = (h), .text = (t),      \
        .params = (names)                                                                          \
    }
#define POST(p, h, t)                                                                              \
    {                                                                                              \
        .method = "POST", .path = (p), .flags = NH_ROUTE_OPERATOR,                                 \
        .body_max_bytes = BODY_MAX_BYTES, .handle = (h), .text = (t), .params = ""                 \
    }

const nh_route_t nh_automation_api__game_routes[] = {
    GET("/api/game", get_game, "The game clock", ""),
    GET("/api/game/hints", nh_automation_api__get_hints, "The hints of the configuration", ""),
    GET("/api/game/log", get_log, "What operators did, oldest first; format=csv", "format"),
    POST("/api/game/start", post_start, "Start the clock"),
    POST("/api/game/pause", post_pause, "Let all waits stand still"),
    POST("/api/game/resume", post_resume, "Let them go on"),
    POST("/api/game/stop", post_stop, "End the game: stop all, make safe"),
    POST("/api/game/reset", post_reset, "Stop all, make safe, the room as at the start"),
    POST("/api/game/add", post_add, "Add time, or take it away"),
    POST("/api/game/hint", post_hint, "Send a hint"),
    {0},
};

// ---- the feed -----------------------------------------------------------------------------------

#define FEED_ROOM_BYTES 2600u // of the 3 KiB that a part may have
#define INSTANCE_ROOM_BYTES 900u

static uint64_t instances_version(void *ctx)
{
    const nh_automation_t *a = ctx;
    return a->version[NH_AUTOMATION_INSTANCES] + a->version[NH_AUTOMATION_FLAGS] +
           a->version[NH_AUTOMATION_VARIABLES] + 1;
}

// The oldest that fit, and how many there are: who wants all of them asks for the list.
static uint64_t write_instances(void *ctx, nh_json_writer_t *w, uint64_t since)
{
    nh_automation_t *a = ctx;
    struct nh_automation_info info;
    uint64_t begin = w->written_bytes, id = 0;
    (void)since;
    nh_automation_info(a, &info);
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "enabled", info.is_enabled);
    nh_json_kv_uint(w, "plan", a->plan.mark); // another: another configuration
    nh_json_kv_uint(w, "instance_count", info.instance_count);
    nh_json_kv_uint(w, "waiting_count", info.waiting_count);
    nh_json_kv_uint(w, "queued_count", info.queued_count);
    nh_json_kv_uint(w, "suspended_count", info.suspended_count);
    nh_json_kv_uint(w, "failed", info.failed);
    nh_json_kv_uint(w, "flags_version", a->version[NH_AUTOMATION_FLAGS]);
    nh_json_kv_uint(w, "variables_version", a->version[NH_AUTOMATION_VARIABLES]);
    nh_json_key(w, "instances");
    nh_json_array_begin(w);
    const struct nh_run *r;
    while (w->written_bytes - begin < FEED_ROOM_BYTES - INSTANCE_ROOM_BYTES &&
           (r = nh_automation_api__run_after(a, id)) != NULL) {
        id = r->id;
        nh_automation_api__write_instance(a, r, w);
    }
    nh_json_array_end(w);
    nh_json_object_end(w);
    return instances_version(ctx);
}

static uint64_t game_version(void *ctx)
{
    return ((const nh_automation_t *)ctx)->version[NH_AUTOMATION_GAME] + 1;
}

static uint64_t write_game(void *ctx, nh_json_writer_t *w, uint64_t since)
{
    (void)since;
    nh_automation_api__write_game(ctx, w);
    return game_version(ctx);
}

static uint64_t monitors_version(void *ctx)
{
    return ((const nh_automation_t *)ctx)->version[NH_AUTOMATION_MONITORS] + 1;
}

static uint64_t write_monitors(void *ctx, nh_json_writer_t *w, uint64_t since)
{
    const nh_automation_t *a = ctx;
    uint64_t begin = w->written_bytes;
    uint32_t device = 0;
    (void)since;
    nh_json_object_begin(w);
    nh_json_key(w, "devices");
    nh_json_array_begin(w);
    for (; device < a->plan.device_count && w->written_bytes - begin < FEED_ROOM_BYTES - 1500u;
         device++)
        (void)nh_automation_api__write_monitor(a, device, w);
    nh_json_array_end(w);
    nh_json_kv_bool(w, "is_cut", device < a->plan.device_count);
    nh_json_object_end(w);
    return monitors_version(ctx);
}

void nh_automation_feed_parts(nh_automation_t *a, nh_feed_part_t out[NH_AUTOMATION_FEED_COUNT])
{
    out[0] = (nh_feed_part_t){"automation", 250, instances_version, write_instances, a, true};
    out[1] = (nh_feed_part_t){"game", 250, game_version, write_game, a, true};
    out[2] = (nh_feed_part_t){"monitors", 250, monitors_version, write_monitors, a, true};
}
