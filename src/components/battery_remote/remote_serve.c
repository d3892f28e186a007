#include "components/battery_remote/remote_serve.h"

#include "core/base/crc.h"

#include <string.h>

#define FRAME_DEFAULT_MS 500
#define ALARM_MAX_BYTES 360 // of one, as it is written, at most
#define ALARM_MESSAGE_BYTES 3900

struct client {
    nh_remote_serve_t *serve;
    void *socket; // NULL: free
    void (*wake)(void *socket);
    uint8_t kind; // enum nh_remote_socket
    bool is_due;
};

struct place { // the ctx of a guest
    nh_remote_serve_t *serve;
    enum nh_remote_socket kind;
};

struct nh_remote_serve {
    struct nh_remote_serve_config cfg;
    struct nh_remote_serve_info info;
    struct client client[NH_REMOTE_CLIENT_MAX_COUNT];
    struct place place[NH_REMOTE_SOCKET_COUNT];
    nh_timer_t timer;
    bool is_connected; // the board, as it was told last
    uint32_t alarms;   // a mark of what was told last
    struct nh_battery_snapshot snapshot;
    struct nh_battery_alarm alarm[NH_BATTERY_ALARM_MAX_COUNT];
};

// ---- what is told ------------------------------------------------------------------------------

static const char *state_name(const struct nh_battery_alarm *a)
{
    return a->state == NH_BATTERY_CLEARED        ? "resolved"
           : a->state == NH_BATTERY_ACKNOWLEDGED ? "acknowledged"
                                                 : "active";
}

static const char *source_name(uint8_t source)
{
    return source == NH_BATTERY_FROM_REMOTE ? "remote" : "local";
}

void nh_remote_alarm_write(nh_json_writer_t *w, const struct nh_battery_alarm *a)
{
    static const char *const severities[] = {"info", "warning", "critical"};
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "id", a->id);
    nh_json_kv_int(w, "timestamp_ms", a->raised_unix_ms);
    nh_json_kv_string(w, "event_id", "0x1500");
    nh_json_kv_uint(w, "type", a->code);
    nh_json_kv_string(w, "severity", severities[a->severity < 3 ? a->severity : 2]);
    nh_json_kv_string(w, "status", state_name(a));
    nh_json_kv_bool(w, "acknowledged", a->state != NH_BATTERY_ACTIVE);
    nh_json_kv_double(w, "trigger_value", a->value / 1000.0);
    nh_json_kv_double(w, "threshold_value", a->threshold / 1000.0);
    nh_json_kv_string(w, "message", a->message);
    nh_json_kv_string(w, "source", source_name(a->source));
    nh_json_object_end(w);
}

static void write_alarms(nh_remote_serve_t *s, nh_json_writer_t *w, const char *key, size_t count)
{
    nh_json_key(w, key);
    nh_json_array_begin(w);
    // The worst, or the newest, come first; the others are asked for by HTTP.
    for (size_t i = 0; i < count && w->written_bytes + ALARM_MAX_BYTES < ALARM_MESSAGE_BYTES; i++)
        nh_remote_alarm_write(w, &s->alarm[i]);
    nh_json_array_end(w);
}

static void write_all_alarms(nh_remote_serve_t *s, nh_json_writer_t *w)
{
    const size_t max = NH_ARRAY_LEN(s->alarm);
    nh_json_object_begin(w);
    write_alarms(s, w, "active", nh_battery_alarms(s->cfg.battery, s->alarm, max));
    write_alarms(s, w, "history", nh_battery_alarm_history(s->cfg.battery, 0, s->alarm, max));
    nh_json_object_end(w);
}

static bool is_connected(const struct nh_battery_snapshot *s)
{
    return s->is_local_connected || s->is_remote_connected;
}

static void write_event(nh_remote_serve_t *s, nh_json_writer_t *w)
{
    nh_battery_read(s->cfg.battery, &s->snapshot);
    const bool is_up = is_connected(&s->snapshot);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "type", is_up ? "storage" : "error");
    nh_json_kv_string(w, "key", is_up ? "storage_history_ready" : "bms_lost");
    nh_json_kv_string(w, "event_id", is_up ? "0x1400" : "0x1100");
    nh_json_kv_string(w, "status", is_up ? "ok" : "error");
    nh_json_kv_bool(w, "active", !is_up);
    nh_json_kv_bool(w, "has_error", !is_up);
    nh_json_kv_int(w, "timestamp_ms", nh_clock_unix_ms());
    nh_json_object_end(w);
}

static int guest_output(void *ctx, void *client, char *buf, size_t cap, bool *is_text)
{
    struct client *c = client;
    nh_remote_serve_t *s = c->serve;
    struct nh_json_buf out = {buf, cap, 0};
    nh_json_writer_t w;
    (void)ctx;
    *is_text = true;
    if (!c->is_due)
        return 0;
    c->is_due = false;
    nh_json_writer_init(&w, nh_json_buf_sink, &out);
    if (c->kind == NH_REMOTE_TELEMETRY) {
        nh_battery_read(s->cfg.battery, &s->snapshot);
        nh_remote_frame_write(&w, &s->snapshot, nh_clock_ms(), nh_clock_unix_ms());
    } else if (c->kind == NH_REMOTE_EVENTS) {
        write_event(s, &w);
    } else {
        write_all_alarms(s, &w);
    }
    if (nh_json_writer_end(&w) < 0)
        return 0;
    s->info.frames += c->kind == NH_REMOTE_TELEMETRY;
    s->info.messages += c->kind != NH_REMOTE_TELEMETRY;
    return (int)out.len;
}

// ---- when --------------------------------------------------------------------------------------

static bool wake(nh_remote_serve_t *s, enum nh_remote_socket kind)
{
    bool has_any = false;
    for (size_t i = 0; i < NH_REMOTE_CLIENT_MAX_COUNT; i++) {
        struct client *c = &s->client[i];
        if (!c->socket || c->kind != kind)
            continue;
        has_any = c->is_due = true;
        c->wake(c->socket);
    }
    return has_any;
}

static void on_timer(void *ctx, nh_timer_t *t, uint64_t now_ms)
{
    nh_remote_serve_t *s = ctx;
    (void)now_ms;
    if (!wake(s, NH_REMOTE_TELEMETRY))
        nh_timer_cancel(s->cfg.sched, t);
}

static bool has_listener(const nh_remote_serve_t *s, enum nh_remote_socket kind)
{
    for (size_t i = 0; i < NH_REMOTE_CLIENT_MAX_COUNT; i++)
        if (s->client[i].socket && s->client[i].kind == kind)
            return true;
    return false;
}

// Another one for other alarms, also where there are as many and as bad ones as before.
static uint32_t mark_of_alarms(nh_remote_serve_t *s)
{
    size_t count = nh_battery_alarms(s->cfg.battery, s->alarm, NH_ARRAY_LEN(s->alarm));
    uint32_t mark = nh_crc32(0, &count, sizeof count);
    for (size_t i = 0; i < count; i++) {
        const uint32_t about[] = {s->alarm[i].id, s->alarm[i].state, s->alarm[i].severity};
        mark = nh_crc32(mark, about, sizeof about);
    }
    return mark;
}

void nh_remote_serve_changed(nh_remote_serve_t *s, const struct nh_battery_snapshot *now)
{
    const bool is_up = is_connected(now);
    const uint32_t alarms = has_listener(s, NH_REMOTE_ALERTS) ? mark_of_alarms(s) : s->alarms;
    if (is_up != s->is_connected) {
        s->is_connected = is_up;
        wake(s, NH_REMOTE_EVENTS);
    }
    if (alarms != s->alarms) {
        s->alarms = alarms;
        wake(s, NH_REMOTE_ALERTS);
    }
}

// ---- clients -----------------------------------------------------------------------------------

static void *guest_open(void *ctx, void *socket, void (*wake_fn)(void *socket))
{
    const struct place *p = ctx;
    nh_remote_serve_t *s = p->serve;
    for (size_t i = 0; i < NH_REMOTE_CLIENT_MAX_COUNT; i++) {
        struct client *c = &s->client[i];
        if (c->socket)
            continue;
        *c = (struct client){.serve = s,
                             .socket = socket,
                             .wake = wake_fn,
                             .kind = (uint8_t)p->kind,
                             .is_due = true};
        s->info.clients++;
        if (c->kind == NH_REMOTE_TELEMETRY && !nh_timer_is_armed(&s->timer))
            NH_IGNORE(nh_timer_arm(s->cfg.sched, &s->timer, nh_clock_ms() + s->cfg.frame_ms,
                                   s->cfg.frame_ms)); // full: the first frame is all there is
        wake_fn(socket);
        return c;
    }
    s->info.refused++;
    return NULL;
}

static void guest_message(void *ctx, void *client, const char *bytes, size_t len, bool is_text)
{
    (void)ctx; // there are no commands by these sockets
    (void)client;
    (void)bytes;
    (void)len;
    (void)is_text;
}

static void guest_closed(void *ctx, void *client)
{
    struct client *c = client;
    (void)ctx;
    c->socket = NULL;
    c->serve->info.clients--;
}

struct nh_ws_guest nh_remote_serve_guest(nh_remote_serve_t *s, enum nh_remote_socket socket)
{
    return (struct nh_ws_guest){.ctx = &s->place[socket],
                                .open = guest_open,
                                .message = guest_message,
                                .output = guest_output,
                                .closed = guest_closed};
}

// ---- life --------------------------------------------------------------------------------------

int nh_remote_serve_create(const struct nh_remote_serve_config *cfg, nh_remote_serve_t **out)
{
    nh_remote_serve_t *s = *out = nh_mem_alloc_zero(cfg->mem, sizeof *s, NH_MEM_BULK);
    if (!s)
        return NH_ERR_NOMEM;
    s->cfg = *cfg;
    s->cfg.frame_ms = cfg->frame_ms ? cfg->frame_ms : FRAME_DEFAULT_MS;
    s->timer = (nh_timer_t){.fire = on_timer, .ctx = s, .name = "telemetry out"};
    nh_battery_read(s->cfg.battery, &s->snapshot);
    s->is_connected = is_connected(&s->snapshot);
    for (size_t i = 0; i < NH_REMOTE_SOCKET_COUNT; i++)
        s->place[i] = (struct place){s, (enum nh_remote_socket)i};
    return NH_OK;
}

void nh_remote_serve_destroy(nh_remote_serve_t *s)
{
    if (!s)
        return;
    nh_timer_cancel(s->cfg.sched, &s->timer);
    nh_mem_free(s->cfg.mem, s);
}

void nh_remote_serve_info(const nh_remote_serve_t *s, struct nh_remote_serve_info *out)
{
    *out = s->info;
}
