#include "hub/bridges.h"

#include "core/base/log.h"
#include "platform/tls.h"

#include <stdio.h>
#include <string.h>

struct part {
    nh_bridges_t *all;
    nh_mqtt_bridge_t *bridge;
    nh_stream_t *stream; // NULL: none
    nh_tls_t *tls;       // NULL: plain
    const char *failed;  // it could not even dial: said at the next deadline; NULL: nothing
    uint16_t port;
    char host[256], address[272]; // the latter as it is written in the configuration
};

struct nh_bridges {
    nh_mem_t *mem;
    nh_mqtt_broker_t *broker;
    nh_stream_set_t *set;
    nh_loop_t *loop;
    struct nh_loop_deadline deadline;
    bool is_watched; // the deadline is the loop's
    size_t count;
    struct part part[];
};

// ---- what a bridge wishes -----------------------------------------------------------------------

static void on_dial(void *ctx)
{
    struct part *p = ctx;
    const struct nh_stream_connect_config cfg = {
        .host = p->host, .port = p->port, .tls = p->tls, .user = p};
    int err = nh_stream_connect(p->all->set, &cfg, &p->stream);
    p->failed = err < 0 ? nh_err_text(err) : NULL;
}

static void on_hang_up(void *ctx)
{
    struct part *p = ctx;
    if (p->stream)
        nh_stream_close(p->stream, true);
}

static void on_dirty(void *ctx)
{
    struct part *p = ctx;
    if (p->stream)
        nh_stream_dirty(p->stream);
}

static void on_pause(void *ctx, bool paused)
{
    struct part *p = ctx;
    if (p->stream)
        nh_stream_pause(p->stream, paused);
}

static void on_event(void *ctx, const struct nh_mqtt_bridge_event *e)
{
    struct part *p = ctx;
    struct nh_mqtt_bridge_info info;
    nh_mqtt_bridge_info(p->bridge, &info);
    if (e->state == NH_MQTT_BRIDGE_ONLINE && e->code)
        NH_LOG_W("bridge", "%s: %s (0x%02x)", info.name, e->reason, e->code);
    else if (e->state == NH_MQTT_BRIDGE_ONLINE)
        NH_LOG_I("bridge", "%s: connected to %s", info.name, p->address);
    else if (e->state == NH_MQTT_BRIDGE_WAITING && info.next_ms != NH_NEVER)
        NH_LOG_W("bridge", "%s: %s; next attempt in %u ms", info.name, e->reason,
                 (unsigned)e->wait_ms);
}

// ---- the set's handler --------------------------------------------------------------------------

void nh_bridges_opened(nh_stream_t *s)
{
    struct part *p = nh_stream_user(s);
    nh_mqtt_bridge_opened(p->bridge, nh_clock_ms());
}

void nh_bridges_input(nh_stream_t *s, const uint8_t *bytes, size_t len)
{
    struct part *p = nh_stream_user(s);
    nh_mqtt_bridge_input(p->bridge, bytes, len, nh_clock_ms());
}

size_t nh_bridges_output(nh_stream_t *s, struct nh_iov *iov, size_t max)
{
    struct part *p = nh_stream_user(s);
    // The same layout, as the listener has it.
    return nh_mqtt_bridge_output(p->bridge, (struct nh_mqtt_span *)iov, max, nh_clock_ms());
}

void nh_bridges_sent(nh_stream_t *s, size_t bytes)
{
    struct part *p = nh_stream_user(s);
    nh_mqtt_bridge_sent(p->bridge, bytes, nh_clock_ms());
}

void nh_bridges_closed(nh_stream_t *s)
{
    struct part *p = nh_stream_user(s);
    p->stream = NULL;
    nh_mqtt_bridge_closed(p->bridge, nh_stream_reason(s), nh_clock_ms());
}

void nh_bridges_turn_end(nh_bridges_t *b)
{
    for (size_t i = 0; b && i < b->count; i++)
        nh_mqtt_bridge_turn_end(b->part[i].bridge);
}

void nh_bridges_local_dirty(void *user)
{
    nh_mqtt_bridge_local_dirty(((struct part *)user)->bridge);
}

void nh_bridges_local_pause(void *user, bool paused)
{
    nh_mqtt_bridge_local_pause(((struct part *)user)->bridge, paused);
}

// ---- time ---------------------------------------------------------------------------------------

static uint64_t next_deadline(void *ctx)
{
    const nh_bridges_t *b = ctx;
    uint64_t next = NH_NEVER;
    for (size_t i = 0; i < b->count; i++) {
        uint64_t at = b->part[i].failed ? 0 : nh_mqtt_bridge_next_deadline(b->part[i].bridge);
        next = at < next ? at : next;
    }
    return next;
}

static void fire(void *ctx, uint64_t now_ms)
{
    nh_bridges_t *b = ctx;
    for (size_t i = 0; i < b->count; i++) {
        struct part *p = &b->part[i];
        const char *failed = p->failed;
        p->failed = NULL;
        if (failed)
            nh_mqtt_bridge_closed(p->bridge, failed, now_ms);
        else
            nh_mqtt_bridge_tick(p->bridge, now_ms);
    }
    nh_mqtt_broker_turn_end(b->broker);
    nh_bridges_turn_end(b);
}

// ---- life ---------------------------------------------------------------------------------------

// The first line of a file, without its end. NH_ERR_TOO_LONG, NH_ERR_IO.
static int read_line(const char *path, char *out, size_t cap)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return NH_ERR_IO;
    bool is_read = fgets(out, (int)cap, f);
    fclose(f);
    if (!is_read)
        return NH_ERR_IO;
    size_t len = strcspn(out, "\r\n");
    bool is_cut = !out[len] && len == cap - 1;
    out[len] = '\0';
    return is_cut ? NH_ERR_TOO_LONG : NH_OK;
}

static int make_tls(struct part *p, const struct nh_hub_bridge *c, nh_mem_t *mem, char *why,
                    size_t cap)
{
    const struct nh_tls_config tls = {
        .mem = mem,
        .is_client = true,
        .ca_file = c->tls_ca_file[0] ? c->tls_ca_file : NULL,
        .cert_file = c->tls_cert_file[0] ? c->tls_cert_file : NULL,
        .key_file = c->tls_key_file[0] ? c->tls_key_file : NULL,
        .any_name = c->tls_any_name,
    };
    return c->tls ? nh_tls_create(&tls, why, cap, &p->tls) : NH_OK;
}

static int make_bridge(struct part *p, const struct nh_hub_bridge *c, const char *password)
{
    struct nh_mqtt_bridge_rule rules[NH_HUB_BRIDGE_RULE_MAX_COUNT];
    const struct nh_mqtt_bridge_config cfg = {
        .mem = p->all->mem,
        .broker = p->all->broker,
        .local_user = p,
        .name = c->name,
        .version = nh_hub_bridge_version(c),
        .client_id = c->client_id,
        .user = c->user,
        .password = password,
        .keepalive_s = (uint16_t)c->keepalive_s,
        .is_clean = c->clean,
        .bridge_bit = c->bridge_bit,
        .is_unmarked = c->unmarked,
        .packet_max_bytes = c->packet_max_bytes,
        .queue_max_bytes = c->queue_max_bytes,
        .queue_max_messages = c->queue_max_messages,
        .inflight_max = (uint16_t)c->inflight_max,
        .backoff_min_ms = c->backoff_min_ms,
        .backoff_max_ms = c->backoff_max_ms,
        .status_topic = c->status_topic,
        .rules = rules,
        .rule_count = c->rule_count,
        .seed = nh_random_u32(),
        .ctx = p,
        .dial = on_dial,
        .hang_up = on_hang_up,
        .dirty = on_dirty,
        .pause = on_pause,
        .event = on_event,
    };
    for (uint32_t i = 0; i < c->rule_count; i++)
        rules[i] = nh_hub_bridge_rule_of(&c->rules[i]);
    return nh_mqtt_bridge_create(&cfg, nh_clock_ms(), &p->bridge);
}

static int start_one(struct part *p, const struct nh_hub_bridge *c, char *why, size_t cap)
{
    char password[sizeof c->password];
    snprintf(password, sizeof password, "%s", c->password);
    snprintf(p->address, sizeof p->address, "%s", c->address);
    int err = nh_hub_bridge_address_split(c->address, p->host, sizeof p->host, &p->port);
    if (err == 0 && c->password_file[0]) {
        err = read_line(c->password_file, password, sizeof password);
        if (err < 0)
            snprintf(why, cap, "%s: %s", c->password_file, nh_err_text(err));
    }
    if (err == 0)
        err = make_tls(p, c, p->all->mem, why, cap);
    if (err == 0)
        err = make_bridge(p, c, password);
    return err;
}

int nh_bridges_start(const struct nh_bridges_config *cfg, char *why, size_t cap, nh_bridges_t **out)
{
    const struct nh_hub_bridges *all = cfg->bridges;
    nh_bridges_t *b =
        nh_mem_alloc_zero(cfg->mem, sizeof *b + all->count * sizeof b->part[0], NH_MEM_BULK);
    *out = NULL;
    why[0] = '\0';
    if (!b)
        return NH_ERR_NOMEM;
    b->mem = cfg->mem;
    b->broker = cfg->broker;
    b->set = cfg->set;
    b->loop = cfg->loop;
    b->deadline = (struct nh_loop_deadline){.next = next_deadline, .fire = fire, .ctx = b};
    int err = NH_OK;
    for (; b->count < all->count && err == 0; b->count += err == 0) {
        b->part[b->count].all = b;
        err = start_one(&b->part[b->count], &all->bridge[b->count], why, cap);
    }
    if (err == 0)
        err = nh_loop_deadline_add(b->loop, &b->deadline);
    b->is_watched = err == 0;
    if (err < 0) {
        if (!why[0])
            snprintf(why, cap, "%s", nh_err_text(err));
        nh_tls_destroy(b->count < all->count ? b->part[b->count].tls : NULL);
        nh_bridges_destroy(b);
        return err;
    }
    nh_mqtt_broker_own_sweep(b->broker);
    *out = b;
    return NH_OK;
}

void nh_bridges_stop(nh_bridges_t *b)
{
    for (size_t i = 0; b && i < b->count; i++)
        nh_mqtt_bridge_stop(b->part[i].bridge, nh_clock_ms());
}

void nh_bridges_destroy(nh_bridges_t *b)
{
    if (!b)
        return;
    if (b->is_watched)
        nh_loop_deadline_remove(b->loop, &b->deadline);
    for (size_t i = 0; i < b->count; i++) {
        nh_mqtt_bridge_destroy(b->part[i].bridge);
        nh_tls_destroy(b->part[i].tls);
    }
    nh_mem_free(b->mem, b);
}

size_t nh_bridges_count(const nh_bridges_t *b)
{
    return b ? b->count : 0;
}

bool nh_bridges_info(const nh_bridges_t *b, size_t at, struct nh_mqtt_bridge_info *out)
{
    nh_mqtt_bridge_info(b->part[at].bridge, out);
    return out->state == NH_MQTT_BRIDGE_WAITING;
}

const char *nh_bridges_address(const nh_bridges_t *b, size_t at)
{
    return b->part[at].address;
}
