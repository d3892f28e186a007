// The broker's life, its connections and its clock.

#include "mqtt/keep.h"

#include <string.h>

#define SESSION_BUCKETS_MIN 16u
#define RATE_MAX 1000000u
#define UNREAD_BYTES 4096u // of acknowledgements, beyond queue_max_bytes

static void set_default(uint32_t *field, uint32_t value)
{
    if (*field == 0)
        *field = value;
}

static void set_defaults(struct nh_mqtt_broker_config *cfg)
{
    set_default(&cfg->packet_max_bytes, 65536);
    set_default(&cfg->conn_max_count, 1000);
    set_default(&cfg->session_max_count, 1000);
    set_default(&cfg->subscription_max_count, 64);
    set_default(&cfg->topic_max_bytes, 512);
    set_default(&cfg->topic_level_max, 32);
    set_default(&cfg->queue_max_bytes, 256 * 1024);
    set_default(&cfg->queue_max_messages, 1000);
    set_default(&cfg->inflight_max, 64);
    set_default(&cfg->retained_max_bytes, 1024 * 1024);
    set_default(&cfg->retained_max_count, 10000);
    set_default(&cfg->connect_timeout_ms, 10000);
    set_default(&cfg->sys_interval_ms, 10000);
    set_default(&cfg->qos2_max_count, 1024);
    set_default(&cfg->pushback_max_ms, 2000);
    set_default(&cfg->topic_alias_max, 16);
    set_default(&cfg->durability_interval_ms, 1000);
    set_default(&cfg->batch_max_bytes, 1024 * 1024);
    set_default(&cfg->queue_memory_max_bytes, 64 * 1024);
}

static bool is_text(const char *text)
{
    return !text || strlen(text) <= NH_MQTT__TEXT_MAX;
}

static bool is_in_range(const struct nh_mqtt_broker_config *cfg)
{
    return cfg->mem && cfg->packet_max_bytes >= 16 && cfg->packet_max_bytes <= 268435460 &&
           cfg->topic_max_bytes <= 65535 && cfg->topic_level_max <= NH_MQTT__LEVEL_MAX &&
           cfg->inflight_max < 65535 && cfg->qos2_max_count <= 65535 &&
           cfg->subscription_max_count <= 65535 && cfg->keepalive_max_s <= 65535 &&
           cfg->topic_alias_max <= 65535 && cfg->qos_refused <= 2 &&
           is_text(cfg->server_reference) && is_text(cfg->response_information) &&
           cfg->connect_rate_max <= RATE_MAX && cfg->publish_rate_max <= RATE_MAX &&
           (cfg->pause || cfg->publish_rate_max == 0);
}

static void init_lists(nh_mqtt_broker_t *b)
{
    nh_mqtt__wheel_init(&b->wheel);
    nh_list_init(&b->idle);
    nh_list_init(&b->untimed);
    nh_list_init(&b->paused);
    nh_list_init(&b->slowed);
    nh_list_init(&b->ended);
    nh_list_init(&b->wills);
    nh_list_init(&b->groups);
    b->deferred_end = &b->deferred;
    b->replay_ms = b->pushback_ms = b->slowed_ms = NH_NEVER;
    b->session_ms = b->retain_ms = b->retain_next_ms = NH_NEVER;
}

static int init_parts(nh_mqtt_broker_t *b)
{
    b->session_buckets = SESSION_BUCKETS_MIN;
    b->sessions =
        nh_mem_alloc_zero(b->mem, SESSION_BUCKETS_MIN * sizeof(*b->sessions), NH_MEM_BULK);
    if (!b->sessions)
        return NH_ERR_NOMEM;
    int rc = nh_mqtt__index_init(&b->index, b->mem, b->cfg.hash_seed);
    rc = rc < 0 ? rc : nh_mqtt__sys_create(b);
    return rc < 0 ? rc : nh_mqtt__journal_create(b);
}

static const char *keep_text(char *copy, const char *text)
{
    if (!text)
        return NULL;
    memcpy(copy, text, strlen(text) + 1);
    return copy;
}

int nh_mqtt_broker_create(const struct nh_mqtt_broker_config *cfg, nh_mqtt_broker_t **out)
{
    struct nh_mqtt_broker_config full = *cfg;
    *out = NULL;
    set_defaults(&full);
    if (!is_in_range(&full))
        return NH_ERR_RANGE;
    nh_mqtt_broker_t *b = nh_mem_alloc_zero(full.mem, sizeof(*b), NH_MEM_BULK);
    if (!b)
        return NH_ERR_NOMEM;
    b->cfg = full;
    b->mem = full.mem;
    b->cfg.server_reference = keep_text(b->reference, full.server_reference);
    b->cfg.response_information = keep_text(b->response, full.response_information);
    b->limits = (struct nh_mqtt__topic_limits){full.topic_max_bytes, full.topic_level_max};
    b->blocks.mem = full.mem;
    b->retain = (struct nh_mqtt__retain){.mem = full.mem,
                                         .count_max = full.retained_max_count,
                                         .bytes_max = full.retained_max_bytes};
    init_lists(b);
    int rc = init_parts(b);
    if (rc < 0) {
        nh_mqtt_broker_destroy(b);
        return rc;
    }
    *out = b;
    return NH_OK;
}

// ---- connections --------------------------------------------------------------------------------

void nh_mqtt__clock(nh_mqtt_broker_t *b, uint64_t now_ms)
{
    now_ms = now_ms < NH_NEVER ? now_ms : NH_NEVER - 1; // what is never due is not due then
    if (!b->is_started) {
        b->is_started = true;
        b->started_ms = now_ms;
        b->wheel.grain = now_ms >> NH_MQTT__WHEEL_SHIFT;
        b->connect_rate = (struct nh_mqtt__rate){now_ms, b->cfg.connect_rate_max * 1000ll};
    }
    if (now_ms > b->now_ms) // the clock is monotonic; a call that says otherwise changes nothing
        b->now_ms = now_ms;
}

void nh_mqtt__event(nh_mqtt_broker_t *b, enum nh_mqtt_event_kind kind,
                    const struct nh_mqtt__user *u, const char *client_id, const char *reason,
                    uint8_t code)
{
    if (b->cfg.event)
        b->cfg.event(b->cfg.ctx, &(struct nh_mqtt_event){.kind = kind,
                                                         .client_id = client_id,
                                                         .user_name = nh_mqtt__user_name(u),
                                                         .reason = reason,
                                                         .code = code});
}

void nh_mqtt__tell_fault(const nh_mqtt_broker_t *b, const nh_mqtt_conn_t *c, const char *text)
{
    const struct nh_mqtt__session *s = c->session;
    if (b->cfg.event)
        b->cfg.event(b->cfg.ctx,
                     &(struct nh_mqtt_event){.kind = NH_MQTT_CLIENT_FAULT,
                                             .client_id = s ? s->id : NULL,
                                             .user_name = s ? nh_mqtt__user_name(s->user) : NULL,
                                             .user = c->is_own ? NULL : c->user,
                                             .reason = text});
}

void nh_mqtt__dirty_first(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    if (!c->in_turn) {
        c->in_turn = true;
        c->turn_next = b->turn;
        b->turn = c;
    }
    if (c->is_dirty)
        return;
    c->is_dirty = true;
    if (b->cfg.dirty)
        b->cfg.dirty(b->cfg.ctx, c, c->user);
}

static bool is_deaf(const nh_mqtt_broker_t *b, const nh_mqtt_conn_t *c)
{
    return c->wire.inline_bytes > (uint64_t)b->cfg.queue_max_bytes + UNREAD_BYTES;
}

int nh_mqtt__send(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const void *bytes, size_t len)
{
    if (is_deaf(b, c))
        return NH_ERR_FULL;
    nh_span_t part = {bytes, len};
    int rc = nh_mqtt__wire_put(&b->blocks, &c->wire, &part, 1);
    if (rc == NH_OK)
        nh_mqtt__dirty(b, c);
    return rc;
}

int nh_mqtt__send_ack(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, enum nh_mqtt__type type, uint16_t id)
{
    if (is_deaf(b, c))
        return NH_ERR_FULL;
    uint8_t *ack = nh_mqtt__wire_space(&b->blocks, &c->wire, NH_MQTT__ACK_BYTES);
    if (!ack)
        return NH_ERR_NOMEM;
    nh_mqtt__ack_put(ack, type, id);
    nh_mqtt__dirty(b, c);
    return NH_OK;
}

// When the connection's time is up; NH_NEVER: no limit.
static uint64_t deadline_of(const nh_mqtt_broker_t *b, const nh_mqtt_conn_t *c)
{
    if (c->state == NH_MQTT__CONN_NEW || c->state == NH_MQTT__CONN_AUTH)
        return nh_ms_after(c->last_in_ms, b->cfg.connect_timeout_ms);
    if (c->keepalive_s == 0)
        return NH_NEVER;
    return nh_ms_after(c->last_in_ms, c->keepalive_s * 1500ull); // [MQTT-3.1.2-24]
}

void nh_mqtt__conn_watch(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    nh_list_remove(&c->link);
    uint64_t deadline = deadline_of(b, c);
    if (deadline == NH_NEVER)
        nh_list_push_back(&b->untimed, &c->link);
    else
        nh_mqtt__wheel_add(&b->wheel, &c->link, deadline);
}

int nh_mqtt_broker_open(nh_mqtt_broker_t *b, void *user, uint64_t now_ms, nh_mqtt_conn_t **out)
{
    *out = NULL;
    nh_mqtt__clock(b, now_ms);
    // A few more than clients, so that those too many can be told so.
    if (b->open_count >= b->cfg.conn_max_count + 16 + b->cfg.conn_max_count / 8)
        return NH_ERR_FULL;
    nh_mqtt_conn_t *c = nh_mem_alloc_zero(b->mem, sizeof(*c) + nh_mqtt__rate_bytes(b), NH_MEM_BULK);
    if (!c)
        return NH_ERR_NOMEM;
    c->user = user;
    c->last_in_ms = b->now_ms;
    nh_list_init(&c->link);
    nh_mqtt__rate_open(b, c);
    nh_mqtt__conn_watch(b, c);
    b->open_count++;
    *out = c;
    return NH_OK;
}

// What of the will is published now; what waits belongs to the session from here on.
static struct nh_mqtt__will *take_will(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    struct nh_mqtt__will *w = c->extra ? c->extra->will : NULL;
    struct nh_mqtt__session *s = c->session;
    if (!w)
        return NULL;
    c->extra->will = NULL;
    if (!nh_mqtt__may(b, s, NH_MQTT_MAY_PUBLISH, nh_mqtt__msg_topic(w->msg))) {
        b->info.publish_denied++;
        nh_mqtt__will_free(b, w);
        return NULL;
    }
    if (!w->delay_s || (s->flags & NH_MQTT__SESSION_CLEAN)) // [MQTT5-3.1.3-9]
        return w;
    nh_mqtt__will_wait(b, w, s);
    return NULL;
}

void nh_mqtt__conn_end(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const char *text,
                       enum nh_mqtt_event_kind kind, enum nh_mqtt_reason code)
{
    if (c->state == NH_MQTT__CONN_ENDED)
        return;
    nh_mqtt__run_flush(b); // it may be meant for the session that goes now
    struct nh_mqtt__session *s = c->session;
    struct nh_mqtt__will *will = s ? take_will(b, c) : NULL;
    nh_mqtt__gate_cut(b, c);
    // Not in place of a CONNACK that was cut just now [MQTT5-3.2.0-1].
    if (s && c->version == 5 && code != NH_MQTT_REASON_SUCCESS && c->is_greeted)
        nh_mqtt__send_disconnect(b, c, code);
    if (c->state == NH_MQTT__CONN_AUTH)
        nh_mqtt__auth_end(b, c);
    nh_mqtt__reauth_end(b, c);
    c->state = NH_MQTT__CONN_ENDED;
    nh_list_remove(&c->link);
    nh_list_push_back(&b->ended, &c->link);
    if (s) {
        nh_mqtt__event(b, kind, s->user, s->id, text, 0);
        nh_mqtt__session_detach(b, s);
    }
    if (will) // [MQTT-3.1.2-8], [MQTT5-3.1.2-8]
        nh_mqtt__will_publish(b, will);
    nh_mqtt__dirty(b, c);
}

static void turn_remove(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    nh_mqtt_conn_t **at = &b->turn;
    while (*at != c)
        at = &(*at)->turn_next;
    *at = c->turn_next;
}

static void conn_free(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    nh_list_remove(&c->link);
    if (c->in_turn)
        turn_remove(b, c);
    nh_mqtt__gate_forget(b, c);
    nh_mqtt__wire_clear(&b->blocks, &c->wire);
    nh_mqtt__msg_unref(b->mem, c->gather);
    nh_mqtt__extra_free(b, c);
    b->open_count--;
    nh_mem_free(b->mem, c);
}

void nh_mqtt_broker_close(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, uint64_t now_ms)
{
    nh_mqtt__clock(b, now_ms);
    c->is_dirty = true; // nobody asks for its output any more
    nh_mqtt__conn_end(b, c, "connection lost", NH_MQTT_CLIENT_DISCONNECTED, NH_MQTT_REASON_SUCCESS);
    conn_free(b, c);
    nh_mqtt__local_settle(b);
}

static void shutdown_list(nh_mqtt_broker_t *b, nh_list_t *list)
{
    enum nh_mqtt_reason reason = b->cfg.server_reference ? NH_MQTT_REASON_USE_ANOTHER_SERVER
                                                         : NH_MQTT_REASON_SERVER_SHUTTING_DOWN;
    for (nh_list_t *n = nh_list_first(list); n; n = nh_list_first(list))
        nh_mqtt__conn_end(b, NH_CONTAINER_OF(n, nh_mqtt_conn_t, link), "the hub stops",
                          NH_MQTT_CLIENT_DISCONNECTED, reason); // moves it to another list
}

void nh_mqtt_broker_shutdown(nh_mqtt_broker_t *b, uint64_t now_ms)
{
    nh_mqtt__clock(b, now_ms);
    for (size_t i = 0; i < NH_MQTT__WHEEL_SLOTS; i++) {
        shutdown_list(b, &b->wheel.near[i]);
        shutdown_list(b, &b->wheel.far[i]);
    }
    shutdown_list(b, &b->untimed);
    shutdown_list(b, &b->paused);
    shutdown_list(b, &b->slowed);
    nh_mqtt__local_settle(b);
}

bool nh_mqtt_conn_wants_close(const nh_mqtt_conn_t *c)
{
    return c->state == NH_MQTT__CONN_ENDED;
}

// ---- output -------------------------------------------------------------------------------------

size_t nh_mqtt_broker_output(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, struct nh_mqtt_span *spans,
                             size_t max)
{
    c->is_dirty = false;
    if (c->wire.expiring)
        b->info.messages_expired += nh_mqtt__wire_age(&b->blocks, &c->wire, b->now_ms);
    return nh_mqtt__wire_output(&c->wire, spans, max);
}

void nh_mqtt_broker_sent(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, size_t bytes, uint64_t now_ms)
{
    nh_mqtt__clock(b, now_ms);
    b->info.bytes_out += bytes;
    c->bytes_out += bytes;
    nh_mqtt__wire_sent(&b->blocks, &c->wire, bytes);
    if (c->wire.expiring)
        nh_mqtt__wire_own_begun(&b->blocks, &c->wire);
    if (!c->session)
        return;
    nh_mqtt__relieve(b, c->session);
    nh_mqtt__replay_run(b, c->session);
}

// ---- time ---------------------------------------------------------------------------------------

uint64_t nh_mqtt_broker_next_deadline(const nh_mqtt_broker_t *b)
{
    if (nh_mqtt__local_is_pending(b))
        return b->now_ms;
    uint64_t next = nh_mqtt__wheel_next(&b->wheel);
    const uint64_t others[] = {nh_mqtt__sys_deadline(b),
                               nh_mqtt__will_deadline(b),
                               nh_mqtt__journal_deadline(b),
                               b->replay_ms,
                               b->slowed_ms,
                               b->pushback_ms,
                               b->session_ms,
                               b->retain_ms};
    for (size_t i = 0; i < NH_ARRAY_LEN(others); i++)
        next = others[i] < next ? others[i] : next;
    return next;
}

static void conn_due(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    if (b->now_ms < deadline_of(b, c)) {
        nh_mqtt__conn_watch(b, c); // it was heard of since
        return;
    }
    bool is_new = c->state != NH_MQTT__CONN_ONLINE;
    if (is_new)
        b->info.refused_connects++;
    else
        b->info.keepalive_timeouts++;
    const char *text = c->state == NH_MQTT__CONN_AUTH ? "not signed in in time"
                       : is_new                       ? "no CONNECT in time"
                                                      : "keep-alive ran out";
    if (is_new)
        nh_mqtt__tell_fault(b, c, text);
    nh_mqtt__conn_end(b, c, text, NH_MQTT_CLIENT_DISCONNECTED, NH_MQTT_REASON_KEEP_ALIVE_TIMEOUT);
}

// Retained messages, and what waited for memory, go on.
static void replay_tick(nh_mqtt_broker_t *b)
{
    if (b->now_ms < b->replay_ms)
        return;
    b->replay_ms = NH_NEVER;
    for (uint32_t i = 0; i < b->session_buckets; i++) {
        for (struct nh_mqtt__session *s = b->sessions[i]; s; s = s->hash_next) {
            if (!s->is_online || !s->flow)
                continue;
            nh_mqtt__on_window(b, s);
        }
    }
}

void nh_mqtt_broker_tick(nh_mqtt_broker_t *b, uint64_t now_ms)
{
    nh_mqtt__clock(b, now_ms);
    nh_list_t due;
    nh_list_init(&due);
    nh_mqtt__wheel_due(&b->wheel, b->now_ms, &due);
    for (nh_list_t *n = nh_list_pop_front(&due); n; n = nh_list_pop_front(&due))
        conn_due(b, NH_CONTAINER_OF(n, nh_mqtt_conn_t, link));
    nh_mqtt__will_tick(b);
    nh_mqtt__expire_tick(b);
    nh_mqtt__pushback_tick(b);
    nh_mqtt__rate_tick(b);
    replay_tick(b);
    nh_mqtt__sys_tick(b);
    nh_mqtt__local_settle(b);
    nh_mqtt__journal_run(b);
}

// ---- end ----------------------------------------------------------------------------------------

static void free_list(nh_mqtt_broker_t *b, nh_list_t *list)
{
    for (nh_list_t *n = nh_list_first(list); n; n = nh_list_first(list)) {
        nh_mqtt_conn_t *c = NH_CONTAINER_OF(n, nh_mqtt_conn_t, link);
        if (c->state == NH_MQTT__CONN_AUTH)
            nh_mqtt__auth_end(b, c);
        nh_mqtt__reauth_end(b, c);
        conn_free(b, c);
    }
}

static void free_conns(nh_mqtt_broker_t *b)
{
    for (size_t i = 0; i < NH_MQTT__WHEEL_SLOTS; i++) {
        free_list(b, &b->wheel.near[i]);
        free_list(b, &b->wheel.far[i]);
    }
    free_list(b, &b->untimed);
    free_list(b, &b->paused);
    free_list(b, &b->slowed);
    free_list(b, &b->ended);
}

void nh_mqtt_broker_destroy(nh_mqtt_broker_t *b)
{
    if (!b)
        return;
    b->is_ending = true;
    b->run.count = 0;
    b->cfg.pause = NULL;
    b->high_count = UINT32_MAX; // nobody is resumed any more
    free_conns(b);
    for (uint32_t i = 0; b->sessions && i < b->session_buckets; i++)
        while (b->sessions[i])
            nh_mqtt__session_destroy(b, b->sessions[i]);
    nh_mqtt__local_destroy(b);
    nh_mqtt__users_deinit(b);
    nh_mqtt__held_free(b);
    nh_mqtt__match_clear(b);
    nh_mqtt__scratch_deinit(b);
    nh_mqtt__msg_unref(b->mem, b->retain_at);
    nh_mqtt__retain_clear(&b->retain);
    nh_mqtt__journal_destroy(b);
    nh_mqtt__sys_destroy(b);
    nh_mqtt__blocks_deinit(&b->blocks);
    nh_mqtt__index_deinit(&b->index);
    nh_mem_free(b->mem, b->sessions);
    nh_mem_free(b->mem, b);
}
