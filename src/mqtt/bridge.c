// A bridge's life: states, attempts, time.

#include "mqtt/bridge_parts.h"
#include "mqtt/topic.h"

#include <stdio.h>
#include <string.h>

#define PACKET_DEFAULT_BYTES NH_MIB(1)
#define OUTPUT_DEFAULT_BYTES NH_KIB(64)
#define STATUS_TOPIC "$SYS/broker/connection/%s/state"

// ---- states -------------------------------------------------------------------------------------

void nh_mqtt__bridge_enter(nh_mqtt_bridge_t *b, enum nh_mqtt_bridge_state state, const char *reason,
                           uint8_t code)
{
    if (state != b->info.state)
        b->info.since_ms = b->now_ms;
    b->info.state = state;
    b->info.is_subscribed = b->info.is_subscribed && state == NH_MQTT_BRIDGE_ONLINE;
    b->info.reason = reason;
    b->info.code = code;
    if (state == NH_MQTT_BRIDGE_ONLINE && !b->was_online) {
        b->was_online = true;
        b->online_ms = b->now_ms;
        b->info.connects++;
    }
    uint64_t wait_ms =
        state == NH_MQTT_BRIDGE_WAITING && b->at_ms != NH_NEVER ? b->at_ms - b->now_ms : 0;
    const struct nh_mqtt_bridge_event e = {state, reason, code, (uint32_t)wait_ms};
    if (b->cfg.event)
        b->cfg.event(b->cfg.ctx, &e);
}

void nh_mqtt__bridge_tell(nh_mqtt_bridge_t *b, bool is_online)
{
    char topic[sizeof STATUS_TOPIC + NH_MQTT_BRIDGE_NAME_MAX];
    int len = snprintf(topic, sizeof topic, STATUS_TOPIC, b->cfg.name);
    const struct nh_mqtt_message m = {
        .topic = {(const uint8_t *)topic, (size_t)len},
        .payload = {(const uint8_t *)(is_online ? "1" : "0"), 1},
        .retain = true,
    };
    NH_IGNORE(nh_mqtt_broker_publish(b->cfg.broker, &m, b->now_ms)); // its counters tell
}

void nh_mqtt__bridge_fail(nh_mqtt_bridge_t *b, const char *reason, uint8_t code)
{
    if (b->info.state == NH_MQTT_BRIDGE_LEAVING || b->info.state == NH_MQTT_BRIDGE_WAITING)
        return;
    nh_mqtt__near_close(b);
    b->at_ms = NH_NEVER;
    nh_mqtt__bridge_enter(b, NH_MQTT_BRIDGE_LEAVING, reason, code);
    b->cfg.hang_up(b->cfg.ctx);
}

void nh_mqtt__bridge_break(nh_mqtt_bridge_t *b, const char *reason, int err)
{
    if (b->info.state == NH_MQTT_BRIDGE_ONLINE)
        NH_IGNORE(nh_mqtt__far_leave(b, (uint8_t)nh_mqtt__reason_of(err))); // a courtesy
    nh_mqtt__bridge_fail(b, reason, 0);
}

static const char *fault_text(int err)
{
    switch (err) {
    case NH_ERR_NOMEM:
        return "out of memory";
    case NH_ERR_TOO_LONG:
        return "a packet is too large";
    case NH_ERR_FULL:
    case NH_ERR_CLOSED:
        return "the own broker ended the connection";
    default:
        return "the other broker broke the protocol";
    }
}

// ---- attempts -----------------------------------------------------------------------------------

static uint32_t random_below(nh_mqtt_bridge_t *b, uint32_t n)
{
    b->random = b->random * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)b->random * n >> 32);
}

// Half of the time is fixed, half is drawn: hubs that lost the same broker do not come back to it
// all at once.
static uint32_t next_wait(nh_mqtt_bridge_t *b)
{
    uint32_t wait = b->backoff_ms / 2 + random_below(b, b->backoff_ms / 2 + 1);
    uint32_t max = b->cfg.backoff_max_ms;
    b->backoff_ms = b->backoff_ms > max / 2 ? max : 2 * b->backoff_ms;
    return wait;
}

static void schedule(nh_mqtt_bridge_t *b)
{
    // A connection that held for as long as the wait before it was a good one.
    if (b->was_online && b->now_ms - b->online_ms >= b->backoff_ms)
        b->backoff_ms = b->cfg.backoff_min_ms;
    b->at_ms = b->is_stopped ? NH_NEVER
               : b->is_hasty ? b->now_ms
                             : nh_ms_after(b->now_ms, next_wait(b));
    b->is_hasty = false;
    b->info.next_ms = b->at_ms;
}

static void dial(nh_mqtt_bridge_t *b)
{
    b->at_ms = NH_NEVER; // the port's own time-out
    nh_mqtt__bridge_enter(b, NH_MQTT_BRIDGE_DIALING, "dialing", 0);
    b->cfg.dial(b->cfg.ctx);
}

void nh_mqtt_bridge_opened(nh_mqtt_bridge_t *b, uint64_t now_ms)
{
    b->now_ms = now_ms;
    if (b->info.state != NH_MQTT_BRIDGE_DIALING)
        return;
    b->at_ms = nh_ms_after(now_ms, b->cfg.answer_timeout_ms);
    b->far.last_in_ms = now_ms;
    b->far.is_pinged = false;
    nh_mqtt__bridge_enter(b, NH_MQTT_BRIDGE_GREETING, "waiting for an answer", 0);
    int rc = nh_mqtt__far_greet(b);
    if (rc < 0)
        nh_mqtt__bridge_fail(b, fault_text(rc), 0);
}

void nh_mqtt_bridge_closed(nh_mqtt_bridge_t *b, const char *reason, uint64_t now_ms)
{
    b->now_ms = now_ms;
    if (b->info.state == NH_MQTT_BRIDGE_WAITING)
        return;
    bool knows_why = b->info.state == NH_MQTT_BRIDGE_LEAVING;
    nh_mqtt__near_close(b);
    nh_mqtt__reader_clear(&b->far.reader);
    nh_mqtt__wire_clear(&b->far.blocks, &b->far.wire);
    nh_mqtt__blocks_deinit(&b->far.blocks); // who is away holds nothing
    b->far.blocks = (struct nh_mqtt__blocks){.mem = b->cfg.mem};
    b->info.failures += !b->is_stopped;
    schedule(b);
    if (b->was_online)
        nh_mqtt__bridge_tell(b, false);
    b->was_online = false;
    nh_mqtt__bridge_enter(b, NH_MQTT_BRIDGE_WAITING, knows_why ? b->info.reason : reason,
                          knows_why ? b->info.code : 0);
}

void nh_mqtt_bridge_stop(nh_mqtt_bridge_t *b, uint64_t now_ms)
{
    b->now_ms = now_ms;
    b->is_stopped = true;
    if (b->info.state == NH_MQTT_BRIDGE_WAITING)
        b->at_ms = b->info.next_ms = NH_NEVER;
    if (b->info.state == NH_MQTT_BRIDGE_ONLINE)
        NH_IGNORE(nh_mqtt__far_leave(b, NH_MQTT_REASON_SUCCESS)); // a courtesy
    nh_mqtt__bridge_fail(b, "stopped", 0);
}

// ---- bytes --------------------------------------------------------------------------------------

static bool is_open(const nh_mqtt_bridge_t *b)
{
    return b->info.state == NH_MQTT_BRIDGE_GREETING || b->info.state == NH_MQTT_BRIDGE_ONLINE;
}

void nh_mqtt_bridge_input(nh_mqtt_bridge_t *b, const uint8_t *bytes, size_t len, uint64_t now_ms)
{
    nh_span_t in = {bytes, len};
    struct nh_mqtt__packet p;
    int rc = 1;
    b->now_ms = now_ms;
    b->far.last_in_ms = now_ms;
    b->info.bytes_in += len;
    while (rc > 0 && is_open(b)) {
        rc = nh_mqtt__reader_next(&b->far.reader, &in, &p);
        if (rc > 0) {
            int err = nh_mqtt__far_packet(b, &p);
            rc = err < 0 ? err : rc;
        }
    }
    int flushed = nh_mqtt__near_flush(b); // also what came before a fault
    rc = rc < 0 ? rc : flushed;
    if (rc < 0 && is_open(b))
        nh_mqtt__bridge_break(b, fault_text(rc), rc);
}

size_t nh_mqtt_bridge_output(nh_mqtt_bridge_t *b, struct nh_mqtt_span *spans, size_t max,
                             uint64_t now_ms)
{
    b->now_ms = now_ms;
    int rc = nh_mqtt__near_pump(b);
    if (rc < 0 && is_open(b))
        nh_mqtt__bridge_break(b, fault_text(rc), rc);
    return nh_mqtt__wire_output(&b->far.wire, spans, max);
}

void nh_mqtt_bridge_sent(nh_mqtt_bridge_t *b, size_t bytes, uint64_t now_ms)
{
    b->now_ms = now_ms;
    b->info.bytes_out += bytes;
    nh_mqtt__wire_sent(&b->far.blocks, &b->far.wire, bytes);
}

void nh_mqtt_bridge_turn_end(nh_mqtt_bridge_t *b)
{
    nh_mqtt__near_turn_end(b);
}

void nh_mqtt_bridge_local_dirty(nh_mqtt_bridge_t *b)
{
    b->cfg.dirty(b->cfg.ctx);
}

void nh_mqtt_bridge_local_pause(nh_mqtt_bridge_t *b, bool paused)
{
    b->cfg.pause(b->cfg.ctx, paused);
}

// ---- time ---------------------------------------------------------------------------------------

static uint64_t ping_at(const nh_mqtt_bridge_t *b)
{
    const struct nh_mqtt__far *f = &b->far;
    if (f->is_pinged)
        return nh_ms_after(f->pinged_ms, b->cfg.answer_timeout_ms);
    // Who writes without hearing anything asks as well: it may write to nobody.
    uint64_t last = f->last_in_ms < f->last_out_ms ? f->last_in_ms : f->last_out_ms;
    return f->keepalive_s ? nh_ms_after(last, 1000u * (uint64_t)f->keepalive_s) : NH_NEVER;
}

uint64_t nh_mqtt_bridge_next_deadline(const nh_mqtt_bridge_t *b)
{
    return b->info.state == NH_MQTT_BRIDGE_ONLINE ? ping_at(b) : b->at_ms;
}

void nh_mqtt_bridge_tick(nh_mqtt_bridge_t *b, uint64_t now_ms)
{
    b->now_ms = now_ms;
    if (now_ms < nh_mqtt_bridge_next_deadline(b))
        return;
    if (b->info.state == NH_MQTT_BRIDGE_WAITING)
        dial(b);
    else if (b->info.state == NH_MQTT_BRIDGE_GREETING)
        nh_mqtt__bridge_fail(b, "no answer to CONNECT", 0);
    else if (b->far.is_pinged)
        nh_mqtt__bridge_fail(b, "no answer to a ping", 0);
    else if (nh_mqtt__far_ping(b) < 0)
        nh_mqtt__bridge_fail(b, "out of memory", 0);
}

void nh_mqtt_bridge_info(const nh_mqtt_bridge_t *b, struct nh_mqtt_bridge_info *out)
{
    *out = b->info;
}

// ---- life ---------------------------------------------------------------------------------------

static size_t text_len(const char *text)
{
    return text ? strlen(text) : 0;
}

static int check_status_topic(const char *topic)
{
    static const struct nh_mqtt__topic_limits limits = {NH_MQTT__BRIDGE_TOPIC_MAX,
                                                        NH_MQTT__LEVEL_MAX};
    nh_span_t t = {(const uint8_t *)topic, text_len(topic)};
    return t.len == 0 || nh_mqtt__topic_check(t, &limits) == NH_OK ? NH_OK : NH_ERR_INVAL;
}

static int check_config(const struct nh_mqtt_bridge_config *cfg)
{
    if (!text_len(cfg->name) || cfg->name[strcspn(cfg->name, "/+#")])
        return NH_ERR_INVAL;
    if (text_len(cfg->name) > NH_MQTT_BRIDGE_NAME_MAX || text_len(cfg->client_id) > UINT16_MAX ||
        text_len(cfg->user) > UINT16_MAX || text_len(cfg->password) > UINT16_MAX)
        return NH_ERR_TOO_LONG;
    if (cfg->rule_count > NH_MQTT_BRIDGE_RULE_MAX ||
        (cfg->version && cfg->version != 4 && cfg->version != 5))
        return NH_ERR_RANGE;
    for (size_t i = 0; i < cfg->rule_count; i++)
        if (nh_mqtt_bridge_rule_fault(&cfg->rules[i]))
            return NH_ERR_INVAL;
    return check_status_topic(cfg->status_topic);
}

static void set_defaults(struct nh_mqtt_bridge_config *c)
{
#define DEFAULT(field, value) c->field = c->field ? c->field : (value)
    DEFAULT(version, 5);
    DEFAULT(keepalive_s, 60);
    DEFAULT(packet_max_bytes, PACKET_DEFAULT_BYTES);
    DEFAULT(output_max_bytes, OUTPUT_DEFAULT_BYTES);
    DEFAULT(inflight_max, c->version >= 5 ? 64 : 16);
    DEFAULT(backoff_min_ms, 1000);
    DEFAULT(backoff_max_ms, 60000);
    DEFAULT(answer_timeout_ms, 10000);
#undef DEFAULT
    if (c->backoff_max_ms < c->backoff_min_ms)
        c->backoff_max_ms = c->backoff_min_ms;
}

static size_t block_bytes(const struct nh_mqtt_bridge_config *cfg)
{
    size_t bytes = cfg->rule_count * sizeof(struct nh_mqtt__rule);
    for (size_t i = 0; i < cfg->rule_count; i++)
        bytes += nh_mqtt__rule_bytes(&cfg->rules[i]);
    const char *const texts[] = {cfg->name, cfg->client_id, cfg->user, cfg->password,
                                 cfg->status_topic};
    for (size_t i = 0; i < NH_ARRAY_LEN(texts); i++)
        bytes += text_len(texts[i]) + 1;
    return bytes + sizeof "nuthatch-" + text_len(cfg->name);
}

// Copies a text to `*at` and moves that on.
static const char *copy(char **at, const char *prefix, const char *text)
{
    char *out = *at;
    size_t prefix_len = strlen(prefix), len = text_len(text);
    memcpy(out, prefix, prefix_len);
    memcpy(out + prefix_len, text ? text : "", len + 1);
    *at += prefix_len + len + 1;
    return out;
}

// Rules and texts in one block behind each other.
static int copy_config(nh_mqtt_bridge_t *b, const struct nh_mqtt_bridge_config *cfg)
{
    struct nh_mqtt_bridge_config *c = &b->cfg;
    b->rules = nh_mem_alloc(cfg->mem, block_bytes(cfg), NH_MEM_BULK);
    if (!b->rules)
        return NH_ERR_NOMEM;
    char *at = (char *)(b->rules + cfg->rule_count);
    for (size_t i = 0; i < cfg->rule_count; i++) {
        nh_mqtt__rule_init(&cfg->rules[i], (uint8_t *)at, &b->rules[i]);
        at += nh_mqtt__rule_bytes(&cfg->rules[i]);
    }
    bool has_id = text_len(cfg->client_id) > 0;
    c->rules = NULL;
    c->name = copy(&at, "", cfg->name);
    c->client_id = has_id ? copy(&at, "", cfg->client_id) : copy(&at, "nuthatch-", cfg->name);
    c->user = copy(&at, "", cfg->user);
    c->password = copy(&at, "", cfg->password);
    c->status_topic = copy(&at, "", cfg->status_topic);
    b->info.name = c->name;
    return NH_OK;
}

// Whether something that goes out could come in again, where only the bridge can tell.
static bool needs_echo(const nh_mqtt_bridge_t *b)
{
    if (b->cfg.version >= 5)
        return false;
    for (size_t i = 0; i < b->cfg.rule_count; i++)
        for (size_t k = 0; k < b->cfg.rule_count; k++)
            if ((b->rules[i].direction & NH_MQTT_BRIDGE_OUT) &&
                (b->rules[k].direction & NH_MQTT_BRIDGE_IN) &&
                nh_mqtt__filters_overlap(b->rules[i].remote, b->rules[k].remote))
                return true;
    return false;
}

static int fill(nh_mqtt_bridge_t *b, const struct nh_mqtt_bridge_config *cfg)
{
    b->cfg = *cfg;
    set_defaults(&b->cfg);
    int rc = copy_config(b, cfg);
    if (rc < 0)
        return rc;
    snprintf(b->local_id, sizeof b->local_id, "%s%s", NH_MQTT_OWN_ID_PREFIX, cfg->name);
    b->far.blocks.mem = cfg->mem;
    b->far.reader = (struct nh_mqtt__reader){
        .mem = cfg->mem, .from = NH_MQTT__FROM_SERVER, .packet_max_bytes = b->cfg.packet_max_bytes};
    b->near.reader = b->far.reader;
    b->near.reader.version = 5;
    b->backoff_ms = b->cfg.backoff_min_ms;
    b->random = cfg->seed;
    if (needs_echo(b)) {
        b->echo = nh_mem_alloc_zero(cfg->mem, sizeof *b->echo, NH_MEM_BULK);
        return b->echo ? NH_OK : NH_ERR_NOMEM;
    }
    return NH_OK;
}

int nh_mqtt_bridge_create(const struct nh_mqtt_bridge_config *cfg, uint64_t now_ms,
                          nh_mqtt_bridge_t **out)
{
    *out = NULL;
    int rc = check_config(cfg);
    if (rc < 0)
        return rc;
    nh_mqtt_bridge_t *b = nh_mem_alloc_zero(cfg->mem, sizeof *b, NH_MEM_BULK);
    if (!b)
        return NH_ERR_NOMEM;
    rc = fill(b, cfg);
    if (rc < 0) {
        b->cfg.mem = cfg->mem;
        nh_mqtt_bridge_destroy(b);
        return rc;
    }
    b->now_ms = b->at_ms = b->info.since_ms = b->info.next_ms = now_ms;
    b->info.reason = "starting";
    b->own.client_id = b->local_id;
    b->own.limits.queue_max_bytes = b->cfg.queue_max_bytes;
    b->own.limits.queue_max_messages = b->cfg.queue_max_messages;
    nh_mqtt_broker_own_add(cfg->broker, &b->own);
    nh_mqtt__bridge_tell(b, false);
    *out = b;
    return NH_OK;
}

void nh_mqtt_bridge_destroy(nh_mqtt_bridge_t *b)
{
    if (!b)
        return;
    NH_ASSERT(!b->near.conn);
    nh_mqtt_broker_own_remove(b->cfg.broker, &b->own);
    nh_mqtt__near_turn_end(b);
    nh_mqtt__reader_clear(&b->far.reader);
    nh_mqtt__wire_clear(&b->far.blocks, &b->far.wire);
    nh_mqtt__blocks_deinit(&b->far.blocks);
    nh_mem_free(b->cfg.mem, b->echo);
    nh_mem_free(b->cfg.mem, b->rules);
    nh_mem_free(b->cfg.mem, b);
}
