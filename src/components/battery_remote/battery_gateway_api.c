// The routes by which others have this hub for their gateway. docs/battery-remote.md.

#include "components/battery_remote/battery_remote_private.h"
#include "core/base/log.h"

#include <stdlib.h>
#include <string.h>

#define POINT_BODY_MAX_BYTES 8192
#define ALERT_BODY_MAX_BYTES 512
#define ALERT_ITEM_MAX_BYTES 450
#define HISTORY_WINDOWS 64 // a range is streamed in so many parts
#define HISTORY_PART_COUNT 8

// ---- alerts ------------------------------------------------------------------------------------

struct listing {
    size_t at, count;
    bool has_begun, is_active, is_over;
    struct nh_battery_alarm alarm[4];
};

static size_t fetch(nh_request_t *req, struct listing *l)
{
    nh_battery_remote_t *r = req->ctx;
    if (!l->is_active)
        return nh_battery_alarm_history(r->cfg.battery, l->at, l->alarm, NH_ARRAY_LEN(l->alarm));
    size_t n = nh_battery_alarms(r->cfg.battery, r->alarm, NH_ARRAY_LEN(r->alarm));
    n = n > l->at ? n - l->at : 0;
    n = n < NH_ARRAY_LEN(l->alarm) ? n : NH_ARRAY_LEN(l->alarm);
    memcpy(l->alarm, r->alarm + l->at, n * sizeof l->alarm[0]);
    return n;
}

// A few of them at a time: a list that changes meanwhile may lose or repeat one, and stays a list.
static int produce_alerts(nh_request_t *req, char *buf, size_t cap)
{
    struct listing *l = req->state;
    struct nh_json_buf out = {buf, cap, 0};
    nh_json_writer_t w;
    if (l->is_over)
        return 0;
    NH_ASSERT(cap >= NH_ARRAY_LEN(l->alarm) * ALERT_ITEM_MAX_BYTES + 4);
    size_t n = fetch(req, l);
    if (!l->has_begun)
        buf[out.len++] = '[';
    l->has_begun = true;
    for (size_t i = 0; i < n; i++) {
        if (l->at + i > 0)
            buf[out.len++] = ',';
        nh_json_writer_init(&w, nh_json_buf_sink, &out);
        nh_remote_alarm_write(&w, &l->alarm[i]);
        if (nh_json_writer_end(&w) < 0)
            return NH_ERR_FULL;
    }
    l->at += n;
    if (n < NH_ARRAY_LEN(l->alarm)) {
        buf[out.len++] = ']';
        l->is_over = true;
    }
    return (int)out.len;
}

static int list_alerts(nh_request_t *req, bool is_active)
{
    struct listing *l = nh_arena_alloc(req->arena, sizeof *l);
    if (!l)
        return NH_ERR_NOMEM;
    *l = (struct listing){.is_active = is_active};
    req->state = l;
    return nh_reply_stream(req, 200, "application/json", produce_alerts);
}

static int get_active(nh_request_t *req)
{
    return list_alerts(req, true);
}

static int get_alert_history(nh_request_t *req)
{
    return list_alerts(req, false);
}

struct id_body {
    uint32_t id;
};
static const nh_json_field_t id_fields[] = {{.name = "id",
                                             .type = NH_JSON_T_INT,
                                             .required = true,
                                             NH_JSON_AT(struct id_body, id),
                                             .min = 1,
                                             .max = UINT32_MAX},
                                            NH_JSON_FIELDS_END};

static int acknowledge(nh_request_t *req, uint32_t id)
{
    nh_battery_remote_t *r = req->ctx;
    int err = nh_battery_acknowledge(r->cfg.battery, id);
    if (err == NH_ERR_NOT_FOUND)
        return nh_reply_error(req, 404, NULL, "There is no active alert %u.", (unsigned)id);
    if (err < 0)
        return err;
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "success", true);
    nh_json_kv_uint(w, "id", id);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static int post_acknowledge(nh_request_t *req)
{
    struct id_body body = {0};
    bool ok = true;
    int err = nh_request_decode(req, id_fields, &body, "Nothing was changed.", &ok);
    return !ok || err < 0 ? err : acknowledge(req, body.id);
}

// The id behind the path, as some clients have it.
static int post_acknowledge_path(nh_request_t *req)
{
    char *end;
    unsigned long id = strtoul(req->rest, &end, 10);
    if (end == req->rest || *end || id == 0 || id > UINT32_MAX)
        return nh_reply_error(req, 404, NULL, "\"%.20s\" is no id of an alert.", req->rest);
    return acknowledge(req, (uint32_t)id);
}

// What another hub found by itself: kept here, and told in the log.
static int post_local(nh_request_t *req)
{
    nh_battery_remote_t *r = req->ctx;
    struct nh_remote_alert a;
    int err = nh_remote_alert_read(req->body ? req->body : "", req->body_len, &a);
    if (err == NH_OK && !a.message[0])
        err = NH_ERR_TYPE;
    if (err < 0)
        return nh_reply_error(req, 400, "bad_value",
                              "That is no alert: an object with at least \"message\".");
    memmove(r->raised + 1, r->raised, sizeof r->raised - sizeof r->raised[0]);
    r->raised[0] = a;
    r->raised_count++;
    NH_LOG_W("battery", "another hub (%s) raises: %s: %s", a.source[0] ? a.source : req->peer,
             nh_remote_severity_name(a.severity), a.message);
    return nh_reply_empty(req, 204);
}

// ---- history -----------------------------------------------------------------------------------

struct walk {
    int64_t from_ms, step_ms;
    uint32_t window;
    bool has_begun, has_any, is_over;
    struct nh_battery_sample sample[HISTORY_PART_COUNT];
};

static void kv_milli(nh_json_writer_t *w, const char *key, int32_t milli)
{
    if (milli == INT32_MIN)
        nh_json_kv_null(w, key);
    else
        nh_json_kv_double(w, key, milli / 1000.0);
}

static int write_sample(struct nh_json_buf *out, const struct nh_battery_sample *s)
{
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, out);
    nh_json_object_begin(&w);
    nh_json_kv_int(&w, "timestamp_ms", s->unix_ms);
    kv_milli(&w, "voltage", s->voltage_mv);
    kv_milli(&w, "current", s->current_ma);
    kv_milli(&w, "temperature", s->temperature_mc);
    kv_milli(&w, "soc", s->soc_mpct);
    nh_json_object_end(&w);
    return nh_json_writer_end(&w);
}

static int produce_history(nh_request_t *req, char *buf, size_t cap)
{
    static const char head[] = "{\"samples\":[";
    const nh_battery_remote_t *r = req->ctx;
    struct walk *k = req->state;
    struct nh_json_buf out = {buf, cap - 4, 0};
    if (k->is_over)
        return 0;
    if (!k->has_begun) {
        memcpy(buf, head, sizeof head - 1);
        out.len = sizeof head - 1;
        k->has_begun = true;
    }
    while (k->window < HISTORY_WINDOWS && out.len < cap / 4) {
        const int64_t from = k->from_ms + (int64_t)k->window * k->step_ms;
        size_t n = nh_battery_history(r->cfg.battery, from, from + k->step_ms, k->sample,
                                      HISTORY_PART_COUNT);
        k->window++;
        for (size_t i = 0; i < n; i++) {
            if (k->has_any)
                buf[out.len++] = ',';
            k->has_any = true;
            int err = write_sample(&out, &k->sample[i]);
            if (err < 0)
                return err;
        }
    }
    if (k->window == HISTORY_WINDOWS) {
        memcpy(buf + out.len, "]}", 2);
        out.len += 2;
        k->is_over = true;
    }
    return (int)out.len;
}

static int get_history(nh_request_t *req)
{
    static const struct {
        const char *name;
        int64_t hours;
    } ranges[] = {{"1h", 1}, {"24h", 24}, {"7d", 168}};
    const char *range = nh_request_param(req, "range");
    for (size_t i = 0; i < NH_ARRAY_LEN(ranges); i++) {
        if (strcmp(range ? range : "1h", ranges[i].name) != 0)
            continue;
        struct walk *k = nh_arena_alloc(req->arena, sizeof *k);
        if (!k)
            return NH_ERR_NOMEM;
        const int64_t length_ms = ranges[i].hours * 3600000;
        *k = (struct walk){.from_ms = nh_clock_unix_ms() - length_ms + 1,
                           .step_ms = length_ms / HISTORY_WINDOWS};
        req->state = k;
        return nh_reply_stream(req, 200, "application/json", produce_history);
    }
    return nh_reply_error(req, 400, "bad_value", "range is one of 1h, 24h, 7d.");
}

// ---- points of others --------------------------------------------------------------------------

static int post_point(nh_request_t *req)
{
    nh_battery_remote_t *r = req->ctx;
    struct nh_remote_points_result result;
    int err = nh_remote_points_take(&r->points, req->body ? req->body : "", req->body_len, &result);
    if (err < 0)
        return nh_reply_error(req, 400, "bad_value",
                              "That is no point of telemetry: an object with at least one of soc, "
                              "voltage_v, current_a ..., or an array of them. %u were taken.",
                              (unsigned)result.taken);
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "taken", result.taken);
    nh_json_kv_uint(w, "doubles", result.doubles);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static void write_sender(nh_json_writer_t *w, const struct nh_remote_sender *s)
{
    nh_json_object_begin(w);
    nh_json_kv_string(w, "device", s->device);
    nh_json_kv_uint(w, "boot", s->boot);
    nh_json_kv_uint(w, "seq", s->seq);
    nh_json_kv_uint(w, "points", s->count);
    nh_json_kv_uint(w, "timestamp_ms", s->last_ms);
    nh_json_object_end(w);
}

static int get_points(nh_request_t *req)
{
    const nh_battery_remote_t *r = req->ctx;
    const struct nh_remote_points *p = &r->points;
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "taken", p->taken);
    nh_json_kv_uint(w, "doubles", p->doubles);
    nh_json_kv_uint(w, "late", p->late);
    nh_json_kv_uint(w, "missing", p->missing);
    nh_json_kv_uint(w, "unnumbered", p->unnumbered);
    nh_json_kv_uint(w, "bad", p->bad);
    nh_json_kv_uint(w, "senders_forgotten", p->forgotten);
    nh_json_key(w, "senders");
    nh_json_array_begin(w);
    for (size_t i = 0; i < NH_REMOTE_SENDER_MAX_COUNT; i++)
        if (p->sender[i].count > 0)
            write_sender(w, &p->sender[i]);
    nh_json_array_end(w);
    nh_json_key(w, "last");
    if (p->last[0])
        nh_json_raw(w, p->last, strlen(p->last));
    else
        nh_json_null(w);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

// ---- configuration -----------------------------------------------------------------------------

void nh_battery_gateway_config_write(const nh_battery_remote_t *r, nh_json_writer_t *w)
{
    if (!r || !r->serve || r->cfg.uart_baudrate == 0)
        return;
    nh_json_kv_uint(w, "uart_baudrate", r->cfg.uart_baudrate);
    nh_json_kv_string(w, "uart_parity", "N"); // the board knows no other
}

static int get_mqtt_config(nh_request_t *req)
{
    const nh_battery_remote_t *r = req->ctx;
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_string(w, "mqtt_broker", r->cfg.mqtt_broker ? r->cfg.mqtt_broker : "");
    nh_json_kv_string(w, "mqtt_topic_pub", r->cfg.mqtt_topic ? r->cfg.mqtt_topic : "");
    nh_json_kv_string(w, "mqtt_topic_sub", "");
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static const nh_route_t routes[] = {
    {.method = "GET",
     .path = "/api/alerts/active",
     .flags = NH_ROUTE_OPERATOR,
     .handle = get_active,
     .text = "Active alarms of the battery, as its gateways tell them"},
    {.method = "GET",
     .path = "/api/alerts/history",
     .flags = NH_ROUTE_OPERATOR,
     .handle = get_alert_history,
     .text = "The same of those that are over, newest first"},
    {.method = "POST",
     .path = "/api/alerts/acknowledge",
     .body_max_bytes = ALERT_BODY_MAX_BYTES,
     .flags = NH_ROUTE_OPERATOR,
     .handle = post_acknowledge,
     .text = "An alarm was seen: id"},
    {.method = "POST",
     .path = "/api/alerts/acknowledge/*",
     .body_max_bytes = ALERT_BODY_MAX_BYTES,
     .flags = NH_ROUTE_OPERATOR,
     .handle = post_acknowledge_path,
     .text = "The same, with the id behind it"},
    {.method = "POST",
     .path = "/api/alerts/local",
     .body_max_bytes = ALERT_BODY_MAX_BYTES,
     .flags = NH_ROUTE_OPERATOR,
     .handle = post_local,
     .text = "An alert that another hub raised itself"},
    {.method = "GET",
     .path = "/api/history",
     .flags = NH_ROUTE_OPERATOR,
     .params = "range",
     .handle = get_history,
     .text = "Samples of the battery: range=1h, 24h, 7d"},
    {.method = "POST",
     .path = "/api/telemetry/local",
     .body_max_bytes = POINT_BODY_MAX_BYTES,
     .flags = NH_ROUTE_OPERATOR,
     .handle = post_point,
     .text = "A point of telemetry of another hub, or an array; doubles are dropped"},
    {.method = "GET",
     .path = "/api/telemetry/local",
     .flags = NH_ROUTE_OPERATOR,
     .handle = get_points,
     .text = "Who sent points, and what came twice, late or not at all"},
    {.method = "GET",
     .path = "/api/mqtt/config",
     .flags = NH_ROUTE_OPERATOR,
     .handle = get_mqtt_config,
     .text = "Where the battery's values are published"},
    {0},
};

static const nh_route_t no_routes[] = {{0}};

struct nh_route_table nh_battery_gateway_routes(nh_battery_remote_t *r)
{
    return (struct nh_route_table){
        .routes = r && r->serve ? routes : no_routes, .ctx = r, .name = "battery_gateway"};
}

size_t
nh_battery_gateway_places(nh_battery_remote_t *r,
                          struct nh_battery_gateway_place out[NH_BATTERY_GATEWAY_PLACE_COUNT])
{
    static const char *const paths[NH_BATTERY_GATEWAY_PLACE_COUNT] = {"/ws/telemetry", "/ws/events",
                                                                      "/ws/alerts"};
    if (!r || !r->serve)
        return 0;
    for (size_t i = 0; i < NH_BATTERY_GATEWAY_PLACE_COUNT; i++)
        out[i] = (struct nh_battery_gateway_place){
            paths[i], nh_remote_serve_guest(r->serve, (enum nh_remote_socket)i)};
    return NH_BATTERY_GATEWAY_PLACE_COUNT;
}
