// Routes of the lamp's live data: who sends, how well it arrives, and who is sent to. Thin, no
// state; docs/lamp-live.md is their reference.

#include "hub/hub_lamp_live.h"

#include <stdio.h>

#define REPLY_MAX_BYTES 12288
#define BODY_MAX_BYTES 256

static void write_counts(nh_json_writer_t *w, const uint64_t *count)
{
    for (int i = 0; i < NH_LAMP_LIVE_COUNT_COUNT; i++)
        nh_json_kv_uint(w, nh_lamp_live_count_names[i], count[i]);
}

static void write_source(nh_json_writer_t *w, const struct nh_lamp_live_source_info *s)
{
    nh_json_object_begin(w);
    nh_json_kv_string(w, "protocol", s->protocol);
    nh_json_kv_string(w, "from", s->from);
    nh_json_kv_string(w, "name", s->name[0] ? s->name : NULL);
    nh_json_kv_uint(w, "priority", s->priority);
    nh_json_kv_bool(w, "live", s->is_live);
    nh_json_kv_bool(w, "released", s->is_refused);
    nh_json_kv_uint(w, "idle_ms", s->idle_ms);
    nh_json_kv_uint(w, "interval_us", s->interval_us);
    nh_json_kv_uint(w, "jitter_us", s->jitter_us);
    nh_json_kv_uint(w, "jitter_max_us", s->jitter_max_us);
    nh_json_kv_uint(w, "jitter_p99_us", s->jitter_p99_us);
    write_counts(w, s->count);
    nh_json_object_end(w);
}

static void write_sources(nh_json_writer_t *w, const struct nh_hub_live *live, uint64_t now_us)
{
    struct nh_lamp_receiver_info info;
    struct nh_lamp_live_source_info s;
    nh_lamp_receiver_info(live->receiver, &info);
    nh_json_kv_bool(w, "enabled", info.is_enabled);
    nh_json_key(w, "live");
    if (info.live >= 0) {
        nh_lamp_receiver_source(live->receiver, (uint32_t)info.live, now_us, &s);
        nh_json_object_begin(w);
        nh_json_kv_string(w, "protocol", s.protocol);
        nh_json_kv_string(w, "from", s.from);
        nh_json_kv_uint(w, "priority", s.priority);
        nh_json_object_end(w);
    } else {
        nh_json_null(w);
    }
    nh_json_kv_uint(w, "timeout_ms", live->hub->cfg.lamp_live.timeout_ms);
    nh_json_kv_uint(w, "lost", info.lost_count);
    nh_json_kv_uint(w, "ended", info.ended_count);
    nh_json_kv_uint(w, "taken_over", info.takeover_count);
    nh_json_kv_uint(w, "source_max", NH_LAMP_LIVE_SOURCE_MAX_COUNT);
    nh_json_kv_uint(w, "source_full", info.source_full_count);
    nh_json_key(w, "sources");
    nh_json_array_begin(w);
    for (uint32_t i = 0; i < info.source_count; i++) {
        nh_lamp_receiver_source(live->receiver, i, now_us, &s);
        write_source(w, &s);
    }
    nh_json_array_end(w);
}

static void write_protocols(nh_json_writer_t *w, const struct nh_hub_live *live)
{
    nh_json_key(w, "protocols");
    nh_json_array_begin(w);
    for (int p = 0; p < NH_LAMP_LIVE_PROTOCOL_COUNT; p++) {
        nh_json_object_begin(w);
        nh_json_kv_string(w, "protocol", nh_lamp_live_protocol_names[p]);
        write_counts(w, nh_lamp_receiver_counts(live->receiver, (enum nh_lamp_live_protocol)p));
        nh_json_object_end(w);
    }
    nh_json_array_end(w);
}

static void write_ports(nh_json_writer_t *w, const struct nh_hub_live *live)
{
    nh_json_key(w, "ports");
    nh_json_array_begin(w);
    for (size_t i = 0; i < NH_LAMP_LIVE_PORT_COUNT; i++) {
        const struct nh_hub_live_port *p = &live->port[i];
        struct nh_datagram_info info = {0};
        if (!p->name)
            continue;
        if (p->socket)
            nh_datagram_info(p->socket, &info);
        nh_json_object_begin(w);
        nh_json_kv_string(w, "name", p->name);
        nh_json_kv_string(w, "address", live->hub->cfg.lamp_live.listen);
        nh_json_kv_uint(w, "port", p->socket ? p->port : p->wanted);
        nh_json_kv_string(w, "error", p->socket ? NULL : nh_err_text(p->error));
        nh_json_kv_uint(w, "received", info.received_count);
        nh_json_kv_uint(w, "sent", info.sent_count);
        nh_json_kv_uint(w, "dropped", info.dropped_count);
        nh_json_object_end(w);
    }
    nh_json_array_end(w);
}

static void write_others(nh_json_writer_t *w, const struct nh_hub_live *live, uint64_t now_us)
{
    struct nh_lamp_receiver_info info;
    nh_lamp_receiver_info(live->receiver, &info);
    nh_json_kv_uint(w, "groups", live->group_count);
    nh_json_kv_uint(w, "groups_wanted", live->group_wanted);
    nh_json_kv_uint(w, "send_failures", live->send_failures);
    nh_json_key(w, "sync");
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "received", info.sync_count);
    nh_json_kv_uint(w, "taken", live->sync_taken);
    nh_json_kv_uint(w, "passed_over", live->sync_passed);
    nh_json_kv_uint(w, "sent", live->sync_sent);
    nh_json_object_end(w);
    nh_json_key(w, "nodes");
    nh_json_array_begin(w);
    for (uint32_t i = 0; i < info.node_count; i++) {
        struct nh_lamp_live_node_info n;
        char ip[16];
        nh_lamp_receiver_node(live->receiver, i, now_us, &n);
        snprintf(ip, sizeof ip, "%u.%u.%u.%u", n.ip[0], n.ip[1], n.ip[2], n.ip[3]);
        nh_json_object_begin(w);
        nh_json_kv_string(w, "name", n.name);
        nh_json_kv_string(w, "ip", ip);
        nh_json_kv_bool(w, "on", n.is_on);
        nh_json_kv_uint(w, "idle_ms", n.idle_ms);
        nh_json_object_end(w);
    }
    nh_json_array_end(w);
}

static void write_target(nh_json_writer_t *w, const struct nh_lamp_send_target_info *t)
{
    nh_json_object_begin(w);
    nh_json_kv_string(w, "protocol", nh_lamp_send_protocol_names[t->target.protocol]);
    nh_json_kv_string(w, "address", t->target.address);
    nh_json_kv_uint(w, "port", t->target.port);
    nh_json_kv_uint(w, "start", t->target.start);
    nh_json_kv_uint(w, "count", t->target.count);
    nh_json_kv_uint(w, "universe", t->target.universe);
    nh_json_kv_bool(w, "sending", t->is_sending);
    nh_json_kv_uint(w, "frames", t->frame_count);
    nh_json_kv_uint(w, "packets", t->packet_count);
    nh_json_kv_uint(w, "bytes", t->byte_count);
    nh_json_kv_uint(w, "capped", t->capped_count);
    nh_json_kv_uint(w, "failed", t->failed_count);
    nh_json_kv_string(w, "error", t->error < 0 ? nh_err_text(t->error) : NULL);
    nh_json_object_end(w);
}

static void write_send(nh_json_writer_t *w, const struct nh_hub_send *s)
{
    struct nh_lamp_sender_info info = {0};
    if (s)
        nh_lamp_sender_info(s->sender, &info);
    nh_json_key(w, "send");
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "frames", info.frame_count);
    nh_json_kv_uint(w, "skipped", info.skipped_count);
    nh_json_key(w, "targets");
    nh_json_array_begin(w);
    for (uint32_t i = 0; s && i < nh_lamp_sender_target_count(s->sender); i++) {
        struct nh_lamp_send_target_info t;
        nh_lamp_sender_target(s->sender, i, &t);
        write_target(w, &t);
    }
    nh_json_array_end(w);
    nh_json_object_end(w);
}

// Of a hub that takes none.
static void write_nothing(nh_json_writer_t *w)
{
    static const char *const lists[] = {"sources", "protocols", "ports"};
    nh_json_kv_bool(w, "enabled", false);
    nh_json_kv_null(w, "live");
    for (size_t i = 0; i < NH_ARRAY_LEN(lists); i++) {
        nh_json_key(w, lists[i]);
        nh_json_array_begin(w);
        nh_json_array_end(w);
    }
}

static void write_live(nh_json_writer_t *w, const struct nh_hub_live *live)
{
    uint64_t now_us = nh_clock_us();
    write_sources(w, live, now_us);
    write_protocols(w, live);
    write_ports(w, live);
    write_others(w, live, now_us);
}

static int get_live(nh_request_t *req)
{
    struct nh_hub *hub = req->ctx;
    struct nh_json_buf buf = {.ptr = nh_arena_alloc(req->arena, REPLY_MAX_BYTES),
                              .cap = REPLY_MAX_BYTES};
    nh_json_writer_t w;
    if (!buf.ptr)
        return NH_ERR_NOMEM;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_json_object_begin(&w);
    if (hub->live)
        write_live(&w, hub->live);
    else
        write_nothing(&w);
    write_send(&w, hub->lamp_send);
    nh_json_object_end(&w);
    int err = nh_json_writer_end(&w);
    return err < 0 ? err : nh_reply_bytes(req, 200, "application/json", buf.ptr, buf.len);
}

struct body {
    bool enabled, release;
};
static const nh_json_field_t body_fields[] = {
    {.name = "enabled", .type = NH_JSON_T_BOOL, NH_JSON_AT(struct body, enabled)},
    {.name = "release", .type = NH_JSON_T_BOOL, NH_JSON_AT(struct body, release)},
    {0},
};

static int post_live(nh_request_t *req)
{
    struct nh_hub *hub = req->ctx;
    struct nh_lamp_receiver_info info;
    if (!hub->live)
        return nh_reply_error(req, 409, "off", "Live data is off: see lamp_live in hub.yaml.");
    nh_lamp_receiver_info(hub->live->receiver, &info);
    struct body body = {.enabled = info.is_enabled};
    bool ok;
    int err = nh_request_decode(req, body_fields, &body, "Nothing was changed.", &ok);
    if (!ok)
        return err;
    if (body.release)
        nh_lamp_receiver_release(hub->live->receiver, nh_clock_us());
    nh_lamp_receiver_enable(hub->live->receiver, body.enabled, nh_clock_us());
    return get_live(req);
}

static const nh_route_t routes[] = {
    {.method = "GET",
     .path = "/api/lamp/live",
     .flags = NH_ROUTE_OPERATOR,
     .handle = get_live,
     .text = "Live data of the lamp: senders, ports, figures, controllers"},
    {.method = "POST",
     .path = "/api/lamp/live",
     .body_max_bytes = BODY_MAX_BYTES,
     .flags = NH_ROUTE_OPERATOR,
     .handle = post_live,
     .text = "Switch live data on or off; let go of who sends"},
    {0},
};

static const nh_route_t no_routes[] = {{0}};

struct nh_route_table nh_hub__lamp_live_routes(struct nh_hub *hub)
{
    return (struct nh_route_table){
        .routes = hub->lamp ? routes : no_routes, .ctx = hub, .name = "lamp-live"};
}
