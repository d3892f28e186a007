// Routes of the lamp's live data: who sends, how well it arrives, and who is sent to. Thin, no
// state; docs/lamp-live.md is their reference.

#include "hub/hub_lamp_live.h"

#include <stdio.h>

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

static void begin_sources(nh_json_writer_t *w, const struct nh_hub_live *live)
{
    struct nh_lamp_receiver_info info;
    struct nh_lamp_live_source_info s;
    nh_lamp_receiver_info(live->receiver, &info);
    nh_json_kv_bool(w, "enabled", info.is_enabled);
    nh_json_key(w, "live");
    if (info.live >= 0) {
        nh_lamp_receiver_source(live->receiver, (uint32_t)info.live, nh_clock_us(), &s);
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
}

static void write_protocol(nh_json_writer_t *w, const struct nh_hub_live *live, uint32_t p)
{
    nh_json_object_begin(w);
    nh_json_kv_string(w, "protocol", nh_lamp_live_protocol_names[p]);
    write_counts(w, nh_lamp_receiver_counts(live->receiver, (enum nh_lamp_live_protocol)p));
    nh_json_object_end(w);
}

static void write_port(nh_json_writer_t *w, const struct nh_hub_live *live,
                       const struct nh_hub_live_port *p)
{
    struct nh_datagram_info info = {0};
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

static void begin_nodes(nh_json_writer_t *w, const struct nh_hub_live *live)
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
}

static void write_node(nh_json_writer_t *w, const struct nh_lamp_live_node_info *n)
{
    char ip[16];
    snprintf(ip, sizeof ip, "%u.%u.%u.%u", n->ip[0], n->ip[1], n->ip[2], n->ip[3]);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "name", n->name);
    nh_json_kv_string(w, "ip", ip);
    nh_json_kv_bool(w, "on", n->is_on);
    nh_json_kv_uint(w, "idle_ms", n->idle_ms);
    nh_json_object_end(w);
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

static void begin_send(nh_json_writer_t *w, const struct nh_hub_send *s)
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
}

// ---- the reply, piece by piece -----------------------------------------------------------------
//
// Names are what somebody on the network says that they are, and each may be told six bytes long:
// all of it together would fit no buffer that is sized for the usual.

struct telling {
    const struct nh_hub *hub;
    nh_json_writer_t w;
    struct nh_json_buf sink;
    uint32_t list, index; // where it stands; index 0: the begin of the list
};

// The index-th element of a list; false: there are no more.
static bool tell_source(struct telling *t, uint32_t i)
{
    const struct nh_hub_live *live = t->hub->live;
    struct nh_lamp_receiver_info info = {0};
    struct nh_lamp_live_source_info s;
    if (live)
        nh_lamp_receiver_info(live->receiver, &info);
    if (i >= info.source_count)
        return false;
    nh_lamp_receiver_source(live->receiver, i, nh_clock_us(), &s);
    write_source(&t->w, &s);
    return true;
}

static bool tell_protocol(struct telling *t, uint32_t i)
{
    if (!t->hub->live || i >= NH_LAMP_LIVE_PROTOCOL_COUNT)
        return false;
    write_protocol(&t->w, t->hub->live, i);
    return true;
}

static bool tell_port(struct telling *t, uint32_t i)
{
    const struct nh_hub_live *live = t->hub->live;
    if (!live || i >= NH_LAMP_LIVE_PORT_COUNT)
        return false;
    if (live->port[i].name)
        write_port(&t->w, live, &live->port[i]);
    return true;
}

static bool tell_node(struct telling *t, uint32_t i)
{
    const struct nh_hub_live *live = t->hub->live;
    struct nh_lamp_receiver_info info = {0};
    struct nh_lamp_live_node_info n;
    if (live)
        nh_lamp_receiver_info(live->receiver, &info);
    if (i >= info.node_count)
        return false;
    nh_lamp_receiver_node(live->receiver, i, nh_clock_us(), &n);
    write_node(&t->w, &n);
    return true;
}

static bool tell_target(struct telling *t, uint32_t i)
{
    const struct nh_hub_send *s = t->hub->lamp_send;
    struct nh_lamp_send_target_info target;
    if (!s || i >= nh_lamp_sender_target_count(s->sender))
        return false;
    nh_lamp_sender_target(s->sender, i, &target);
    write_target(&t->w, &target);
    return true;
}

enum list { SOURCES, PROTOCOLS, PORTS, NODES, TARGETS, LIST_COUNT };
static bool (*const tell_element[LIST_COUNT])(struct telling *t, uint32_t i) = {
    [SOURCES] = tell_source, [PROTOCOLS] = tell_protocol, [PORTS] = tell_port,
    [NODES] = tell_node,     [TARGETS] = tell_target,
};

static void begin_array(nh_json_writer_t *w, const char *key)
{
    nh_json_key(w, key);
    nh_json_array_begin(w);
}

// What stands before a list, up to its bracket. False: a hub that takes none has no such list.
static bool begin_list(struct telling *t)
{
    const struct nh_hub_live *live = t->hub->live;
    switch ((enum list)t->list) {
    case SOURCES:
        nh_json_object_begin(&t->w);
        if (live) {
            begin_sources(&t->w, live);
            break;
        }
        nh_json_kv_bool(&t->w, "enabled", false);
        nh_json_kv_null(&t->w, "live");
        begin_array(&t->w, "sources");
        break;
    case PROTOCOLS:
        begin_array(&t->w, "protocols");
        break;
    case PORTS:
        begin_array(&t->w, "ports");
        break;
    case NODES:
        if (live)
            begin_nodes(&t->w, live);
        return live;
    default:
        begin_send(&t->w, t->hub->lamp_send);
        break;
    }
    return true;
}

// One piece, and to the next.
static void tell_piece(struct telling *t)
{
    if (t->index == 0 && !begin_list(t)) {
        t->list++;
        return;
    }
    if (t->index++ == 0 || tell_element[t->list](t, t->index - 2))
        return;
    nh_json_array_end(&t->w);
    t->list++;
    t->index = 0;
    if (t->list < LIST_COUNT)
        return;
    nh_json_object_end(&t->w);
    nh_json_object_end(&t->w);
}

static int produce(nh_request_t *req, char *buf, size_t cap)
{
    struct telling *t = req->state;
    t->sink = (struct nh_json_buf){buf, cap, 0};
    while (t->list < LIST_COUNT) {
        struct telling before = *t;
        tell_piece(t);
        if (t->w.err) { // it is the first of the next part
            *t = before;
            return t->sink.len ? (int)t->sink.len : NH_ERR_FULL;
        }
    }
    return (int)t->sink.len;
}

static int get_live(nh_request_t *req)
{
    struct telling *t = nh_arena_alloc(req->arena, sizeof *t);
    if (!t)
        return NH_ERR_NOMEM;
    *t = (struct telling){.hub = req->ctx};
    nh_json_writer_init(&t->w, nh_json_buf_sink, &t->sink);
    req->state = t;
    return nh_reply_stream(req, 200, "application/json", produce);
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
