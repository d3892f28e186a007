// Routes of the older firmwares that programs in a room may still call. What a chip alone has, such
// as Wi-Fi, is answered as it stands here: connected by the host. No secret is in any answer;
// changes by GET are there only with compat.get_changes.

#include "hub/hub_parts.h"

#include <string.h>

#define TOPIC_MAX_BYTES 256
#define PAYLOAD_MAX_BYTES 1024

static int reply_text(nh_request_t *req, const char *text)
{
    return nh_reply_bytes(req, 200, "text/plain", text, strlen(text));
}

static int get_ping(nh_request_t *req)
{
    return reply_text(req, "pong");
}

// ---- GET /api/status ----------------------------------------------------------------------------

static void write_network(struct nh_hub *hub, nh_json_writer_t *w)
{
    nh_json_key(w, "wifi");
    nh_json_object_begin(w);
    nh_json_kv_string(w, "ssid", "");
    nh_json_kv_string(w, "host", hub->host.hostname);
    nh_json_kv_string(w, "sta_ip", hub->http_address);
    nh_json_kv_bool(w, "ap", false);
    nh_json_object_end(w);
}

static void write_mqtt(struct nh_hub *hub, nh_json_writer_t *w)
{
    const char *colon = strrchr(hub->mqtt_address, ':');
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(hub->broker, &info);
    nh_json_key(w, "mqtt");
    nh_json_object_begin(w);
    nh_json_kv_string(w, "id", hub->cfg.name);
    nh_json_key(w, "port");
    if (colon)
        nh_json_raw(w, colon + 1, strlen(colon + 1));
    else
        nh_json_null(w);
    nh_json_kv_uint(w, "keepalive", hub->cfg.mqtt.keepalive_max_s);
    nh_json_object_end(w);
    nh_json_key(w, "clients");
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "total", info.conn_count);
    nh_json_object_end(w);
}

static void write_card(struct nh_hub *hub, nh_json_writer_t *w)
{
    struct nh_devices_info info = {0};
    uint64_t used = 0, total = 0;
    if (hub->devices)
        nh_devices_info(hub->devices, &info);
    bool is_known = hub->card && nh_files_space(hub->card, &used, &total) == 0;
    nh_json_key(w, "sd");
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "ok", info.has_card);
    nh_json_kv_uint(w, "total", is_known ? total : 0);
    nh_json_kv_uint(w, "free", is_known ? total - used : 0);
    nh_json_object_end(w);
}

static void write_tier(nh_json_writer_t *w, const char *name, const struct nh_mem_tier_info *t)
{
    nh_json_key(w, name);
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "free_kb", t->free_bytes / 1024);
    nh_json_kv_uint(w, "total_kb", t->size_bytes / 1024);
    nh_json_object_end(w);
}

static void write_memory(struct nh_hub *hub, nh_json_writer_t *w)
{
    struct nh_mem_snapshot s;
    nh_mem_figures(hub->sys, &s);
    nh_json_key(w, "mem");
    nh_json_object_begin(w);
    write_tier(w, "dram", &s.tier[NH_MEM_INTERNAL]);
    write_tier(w, "psram", &s.tier[NH_MEM_PSRAM]);
    nh_json_object_end(w);
}

static void write_service(nh_json_writer_t *w, const char *name, bool is_up)
{
    nh_json_key(w, name);
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "init_attempted", true);
    nh_json_kv_bool(w, "init_ok", is_up);
    nh_json_kv_bool(w, "start_attempted", true);
    nh_json_kv_bool(w, "start_ok", is_up);
    nh_json_object_end(w);
}

static void write_services(struct nh_hub *hub, nh_json_writer_t *w)
{
    nh_json_key(w, "services");
    nh_json_object_begin(w);
    write_service(w, "network", true);
    write_service(w, "mqtt", hub->broker != NULL);
    write_service(w, "audio", hub->audio != NULL);
    write_service(w, "web_ui", hub->portal != NULL);
    nh_json_object_end(w);
}

static void write_update(nh_json_writer_t *w)
{
    nh_json_object_begin(w);
    nh_json_kv_string(w, "version", NH_VERSION);
    nh_json_kv_string(w, "phase", "idle");
    nh_json_kv_bool(w, "rollback_supported", false);
    nh_json_kv_bool(w, "in_progress", false);
    nh_json_kv_bool(w, "system_ready", true);
    nh_json_kv_bool(w, "reboot_required", false);
    nh_json_object_end(w);
}

static void write_status(struct nh_hub *hub, nh_json_writer_t *w)
{
    if (hub->host_read_ms == 0)
        nh_host_info_get(&hub->host);
    nh_json_object_begin(w);
    write_network(hub, w);
    write_mqtt(hub, w);
    if (hub->audio) {
        nh_json_key(w, "audio");
        nh_audio_write_legacy_status(hub->audio, w);
    }
    write_card(hub, w);
    write_memory(hub, w);
    nh_json_key(w, "ota");
    write_update(w);
    write_services(hub, w);
    nh_json_object_end(w);
}

// Monitors of the templates stand behind the rest, as many as there are: one piece after the other
// is made here and sent in as many parts as it takes.
#define STATUS_PIECE_MAX_BYTES 6144u

struct status {
    struct nh_json_buf piece;
    size_t told;           // of it
    uint32_t list, device; // the monitor at hand
    bool is_open, has_row, has_ended;
};

static const struct {
    const char *name;
    enum nh_template_type type;
} monitors[] = {{"uid_monitor", NH_TEMPLATE_UID_VALIDATOR},
                {"signal_monitor", NH_TEMPLATE_SIGNAL_HOLD},
                {"sequence_monitor", NH_TEMPLATE_SEQUENCE_LOCK}};

static void put(struct status *s, const char *text)
{
    NH_IGNORE(nh_json_buf_sink(&s->piece, text, strlen(text))); // an empty piece has room
}

// A row that does not fit is told without its details.
static bool put_row(const struct nh_hub *hub, struct status *s, bool is_whole)
{
    nh_json_writer_t w;
    s->piece.len = 0;
    put(s, s->has_row ? "," : "");
    nh_json_writer_init(&w, nh_json_buf_sink, &s->piece);
    bool is_there = nh_automation_monitor_write(hub->automation, s->device,
                                                (int)monitors[s->list].type, is_whole, &w);
    if (is_there && nh_json_writer_end(&w) < 0)
        return put_row(hub, s, false);
    return is_there;
}

// The next piece: a list's begin, one of its rows, its end; at last the end of all.
static void next_piece(const struct nh_hub *hub, struct status *s)
{
    uint32_t count = hub->automation ? nh_automation_device_count(hub->automation) : 0;
    s->told = s->piece.len = 0;
    if (s->list == NH_ARRAY_LEN(monitors)) {
        put(s, "}");
        s->has_ended = true;
    } else if (!s->is_open) {
        put(s, ",\"");
        put(s, monitors[s->list].name);
        put(s, "\":[");
        s->is_open = true;
        s->has_row = false;
        s->device = 0;
    } else if (s->device < count) {
        if (put_row(hub, s, true))
            s->has_row = true;
        else
            s->piece.len = 0;
        s->device++;
    } else {
        put(s, "]");
        s->is_open = false;
        s->list++;
    }
}

static int produce_status(nh_request_t *req, char *out, size_t cap)
{
    struct status *s = req->state;
    size_t len = 0;
    while (len < cap) {
        size_t left = s->piece.len - s->told, n = left < cap - len ? left : cap - len;
        memcpy(out + len, s->piece.ptr + s->told, n);
        s->told += n;
        len += n;
        if (s->told < s->piece.len || s->has_ended)
            break;
        next_piece(req->ctx, s);
    }
    return (int)len;
}

static int get_status(nh_request_t *req)
{
    struct status *s = nh_arena_alloc(req->arena, sizeof *s);
    char *bytes = nh_arena_alloc(req->arena, STATUS_PIECE_MAX_BYTES);
    nh_json_writer_t w;
    if (!s || !bytes)
        return NH_ERR_NOMEM;
    *s = (struct status){.piece = {.ptr = bytes, .cap = STATUS_PIECE_MAX_BYTES}};
    req->state = s;
    nh_json_writer_init(&w, nh_json_buf_sink, &s->piece);
    write_status(req->ctx, &w);
    int err = nh_json_writer_end(&w);
    s->piece.len--; // its last brace comes at the end of all
    return err < 0 ? err : nh_reply_stream(req, 200, "application/json", produce_status);
}

static int get_update(nh_request_t *req)
{
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    write_update(w);
    return nh_reply_json_end(req);
}

// ---- publishing ---------------------------------------------------------------------------------

struct message {
    char topic[TOPIC_MAX_BYTES], payload[PAYLOAD_MAX_BYTES];
};

static const nh_json_field_t message_fields[] = {
    {"topic", NH_JSON_T_STRING, NH_JSON_AT(struct message, topic)},
    {"payload", NH_JSON_T_STRING, NH_JSON_AT(struct message, payload)},
    NH_JSON_FIELDS_END,
};

static nh_span_t span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

static int publish(nh_request_t *req, const char *topic, const char *payload)
{
    struct nh_hub *hub = req->ctx;
    const struct nh_mqtt_message m = {.topic = span(topic), .payload = span(payload)};
    if (!topic[0])
        return nh_reply_error(req, 400, "bad_topic", "topic required");
    int err = nh_mqtt_broker_publish(hub->broker, &m, nh_clock_ms());
    if (err < 0)
        return nh_reply_error(req, 400, "bad_topic", "topic: %s. Nothing was published.",
                              nh_err_text(err));
    return reply_text(req, "ok");
}

static int post_publish(nh_request_t *req)
{
    struct message *m = nh_arena_alloc(req->arena, sizeof *m);
    bool ok;
    if (!m)
        return NH_ERR_NOMEM;
    m->topic[0] = m->payload[0] = '\0';
    int err = nh_request_decode(req, message_fields, m, "Nothing was published.", &ok);
    return ok ? publish(req, m->topic, m->payload) : err;
}

static int get_publish(nh_request_t *req)
{
    const char *topic = nh_request_param(req, "topic");
    const char *payload = nh_request_param(req, "payload");
    return publish(req, topic ? topic : "", payload ? payload : "");
}

// ---- what only a chip has
// ------------------------------------------------------------------------

static int get_no_networks(nh_request_t *req)
{
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_array_begin(w);
    nh_json_array_end(w);
    return nh_reply_json_end(req);
}

static int post_elsewhere(nh_request_t *req)
{
    return nh_reply_error(
        req, 501, "not_here",
        "The host of this hub is set up elsewhere; see GET /api/settings for what "
        "can be changed here.");
}

static const nh_route_t routes[] = {
    {"GET", "/api/publish", .params = "topic payload", .flags = NH_ROUTE_CHANGES,
     .handle = get_publish, .text = "As POST; topic, payload"}, // the first
    {"GET", "/api/ping", .params = "", .handle = get_ping, .text = "pong"},
    {"GET", "/api/status", .params = "", .handle = get_status,
     .text = "Everything, as the older firmwares had it"},
    {"GET", "/api/ota/status", .params = "", .handle = get_update,
     .text = "The state of an update"},
    {"GET", "/api/wifi/scan", .params = "", .handle = get_no_networks,
     .text = "Networks in reach: none here"},
    {"POST", "/api/publish", .body_max_bytes = 4096, .handle = post_publish,
     .text = "Publishes a message; topic, payload"},
    {"POST", "/api/ap/stop", .handle = post_elsewhere, .text = "Only on a chip"},
    {"POST", "/api/config/wifi", .body_max_bytes = 1024, .handle = post_elsewhere,
     .text = "Only on a chip"},
    {NULL},
};

struct nh_route_table nh_hub__legacy_routes(struct nh_hub *hub)
{
    return (struct nh_route_table){
        .routes = routes + !hub->cfg.compat.get_changes, .ctx = hub, .name = "legacy"};
}
