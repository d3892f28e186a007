// CONNECT: who may come in, under which name, in place of whom.

#include "mqtt/keep.h"

#include <stdio.h>
#include <string.h>

static enum nh_mqtt__connack_code connack_of(enum nh_mqtt_reason reason)
{
    switch (reason) {
    case NH_MQTT_REASON_UNSUPPORTED_PROTOCOL_VERSION:
        return NH_MQTT__BAD_VERSION;
    case NH_MQTT_REASON_CLIENT_IDENTIFIER_NOT_VALID:
        return NH_MQTT__BAD_CLIENT_ID;
    case NH_MQTT_REASON_BAD_USER_NAME_OR_PASSWORD:
        return NH_MQTT__BAD_LOGIN;
    case NH_MQTT_REASON_NOT_AUTHORIZED:
    case NH_MQTT_REASON_BANNED:
    case NH_MQTT_REASON_BAD_AUTHENTICATION_METHOD:
        return NH_MQTT__NOT_AUTHORIZED;
    default:
        return NH_MQTT__UNAVAILABLE;
    }
}

int nh_mqtt__refuse(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t id,
                    enum nh_mqtt_reason reason, const char *text)
{
    char id_text[64];
    size_t len = id.len < sizeof id_text - 1 ? id.len : sizeof id_text - 1;
    if (len)
        memcpy(id_text, id.ptr, len);
    id_text[len] = '\0';
    b->info.refused_connects++;
    nh_mqtt__event(b, NH_MQTT_CLIENT_REFUSED, NULL, id_text, text, (uint8_t)reason);
    // A refusal carries no session present [MQTT-3.2.2-4] and is the last packet [MQTT-3.2.2-5].
    const uint8_t connack[] = {NH_MQTT__CONNACK << 4, 2, 0, (uint8_t)connack_of(reason)};
    int rc = nh_mqtt__send(b, c, connack, sizeof connack);
    nh_mqtt__conn_end(b, c, text, NH_MQTT_CLIENT_REFUSED);
    return rc < 0 ? rc : NH_ERR_DENIED;
}

// The will as a message with its QoS and RETAIN in the low bits of the pointer.
static int make_will(nh_mqtt_broker_t *b, const struct nh_mqtt__connect *k, uintptr_t *out)
{
    *out = 0;
    if (!k->has_will)
        return NH_OK;
    int rc = nh_mqtt__topic_check(k->will_topic, &b->limits);
    if (rc < 0)
        return rc;
    struct nh_mqtt__msg *m = nh_mqtt__msg_create(b->mem, k->will_topic, k->will_payload);
    if (!m)
        return NH_ERR_NOMEM;
    _Static_assert(sizeof(uint64_t) == 8, "messages are aligned to 8 bytes: three bits are free");
    *out = (uintptr_t)m | k->will_qos | (k->will_retain ? 4u : 0u);
    return NH_OK;
}

// A client id that nobody has [MQTT-3.1.3-6].
static nh_span_t make_id(nh_mqtt_broker_t *b, char *text, size_t cap)
{
    nh_span_t id = {(const uint8_t *)text, 0};
    do {
        uint32_t n = ++b->next_client;
        id.len =
            (size_t)snprintf(text, cap, "auto-%08lx-%lx",
                             (unsigned long)(b->cfg.hash_seed ^ n * 0x9E3779B1u), (unsigned long)n);
    } while (nh_mqtt__session_find(b, id));
    return id;
}

// The session to use: the one kept under that id, emptied when a clean one is asked for or when it
// was somebody else's. The reference to `u` is taken.
static struct nh_mqtt__session *take_session(nh_mqtt_broker_t *b, nh_span_t id, bool is_clean,
                                             struct nh_mqtt__user *u, bool *is_present)
{
    struct nh_mqtt__session *s = nh_mqtt__session_find(b, id);
    if (s && s->is_online) { // [MQTT-3.1.4-2]; its will is published as the standard has it
        b->info.takeovers++;
        nh_mqtt__conn_end(b, s->conn, "taken over by a new connection", NH_MQTT_CLIENT_TAKEN_OVER);
        s = nh_mqtt__session_find(b, id);
    }
    bool is_own = s && s->user == u;
    *is_present = is_own && !is_clean; // [MQTT-3.2.2-1], -2, -3
    if (s && !*is_present && nh_mqtt__keep_end_reserve(b, s) < 0) {
        nh_mqtt__user_unref(b, u);
        return NULL;
    }
    if (s && !*is_present)
        nh_mqtt__session_wipe(b, s);
    if (!s)
        s = nh_mqtt__session_create(b, id);
    if (!s) {
        nh_mqtt__user_unref(b, u);
        return NULL;
    }
    nh_mqtt__session_owner_set(b, s, u);
    s->flags &= (uint8_t)~NH_MQTT__SESSION_DENIED;
    if (is_clean)
        s->flags |= NH_MQTT__SESSION_CLEAN;
    return s;
}

// Has the session and its will recorded when it is to be kept in the store.
static int keep_client(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, uintptr_t will)
{
    int rc = s->flags & NH_MQTT__SESSION_CLEAN ? NH_OK : nh_mqtt__keep_session(b, s);
    if (rc == NH_OK && will)
        rc = nh_mqtt__keep_will_reserve(b, s);
    if (rc < 0 && !s->is_online && !nh_list_is_linked(&s->idle))
        nh_mqtt__session_destroy(b, s); // it was made for this client
    if (rc == NH_OK && will)
        nh_mqtt__keep_will(b, s, nh_mqtt__will_msg(will), will & 3, will & 4);
    return rc;
}

// CONNACK waits until the session is on disk as it says: a new one must not be an old one again
// after a crash.
static int gate_connack(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, uint32_t serial)
{
    if (nh_mqtt__journal_serial_of(b->journal) != serial)
        return nh_mqtt__gate(b, s->conn, nh_mqtt__journal_no(b));
    return nh_mqtt__keep_gate(b, s);
}

static void go_online(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, struct nh_mqtt__session *s,
                      const struct nh_mqtt__connect *k)
{
    nh_mqtt__session_attach(b, s, c);
    c->state = NH_MQTT__CONN_ONLINE;
    c->connected_ms = b->now_ms;
    c->keepalive_s = k->keepalive_s;
    uint32_t max = b->cfg.keepalive_max_s;
    if (max && (c->keepalive_s == 0 || c->keepalive_s > max))
        c->keepalive_s = (uint16_t)max;
    nh_mqtt__conn_watch(b, c);
    b->info.connects_total++;
    nh_mqtt__event(b, NH_MQTT_CLIENT_CONNECTED, s->user, s->id, k->is_clean ? "clean" : "kept", 0);
}

// The reference to `u` is taken.
static int accept_client(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__connect *k,
                         nh_span_t id, struct nh_mqtt__user *u)
{
    uintptr_t will;
    bool is_present;
    struct nh_mqtt__session *s = NULL;
    uint32_t serial = nh_mqtt__journal_serial_of(b->journal);
    int rc = make_will(b, k, &will);
    if (rc == NH_OK)
        s = take_session(b, id, k->is_clean, u, &is_present);
    else
        nh_mqtt__user_unref(b, u);
    if (rc < 0 && rc != NH_ERR_NOMEM)
        return NH_ERR_PROTO;
    if (!s || keep_client(b, s, will) < 0) {
        nh_mqtt__msg_unref(b->mem, nh_mqtt__will_msg(will));
        return nh_mqtt__refuse(b, c, id, NH_MQTT_REASON_SERVER_UNAVAILABLE, "out of memory");
    }
    c->will = will;
    go_online(b, c, s, k);
    const uint8_t connack[] = {NH_MQTT__CONNACK << 4, 2, is_present, NH_MQTT__ACCEPTED};
    rc = gate_connack(b, s, serial);
    rc = rc < 0 ? rc : nh_mqtt__send(b, c, connack, sizeof connack); // [MQTT-3.2.0-1]
    return rc < 0 ? rc : nh_mqtt__resume(b, s);
}

// What keeps out somebody who is let in. NULL: nothing.
static const char *is_kept_out(nh_mqtt_broker_t *b, const struct nh_mqtt__connect *k, nh_span_t id,
                               const struct nh_mqtt__user *u, enum nh_mqtt_reason *reason)
{
    const struct nh_mqtt__session *s = nh_mqtt__session_find(b, id);
    const struct nh_mqtt__user *other = s && s->is_online ? s->user : NULL; // it will be closed
    *reason = NH_MQTT_REASON_QUOTA_EXCEEDED;
    if (b->online_count >= b->cfg.conn_max_count && !(s && s->is_online))
        return "too many clients";
    if (!u)
        return NULL;
    uint32_t max = u->grant.limits.conn_max_count;
    if (max && u->conn_count >= max && other != u)
        return "too many clients of this user";
    *reason = NH_MQTT_REASON_NOT_AUTHORIZED;
    if (k->has_will && !nh_mqtt__user_may(b, u, id, NH_MQTT_MAY_PUBLISH, k->will_topic))
        return "it may not publish its will";
    return NULL;
}

int nh_mqtt__admit(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__connect *k,
                   const struct nh_mqtt_auth_answer *answer)
{
    char text[40];
    nh_span_t id = k->client_id.len ? k->client_id : make_id(b, text, sizeof text);
    struct nh_mqtt__user *u = NULL;
    if (b->cfg.authenticate) {
        u = nh_mqtt__user_get(b, answer->user, &answer->grant);
        if (!u)
            return nh_mqtt__refuse(b, c, id, NH_MQTT_REASON_SERVER_UNAVAILABLE, "out of memory");
    }
    enum nh_mqtt_reason reason;
    const char *why_not = is_kept_out(b, k, id, u, &reason);
    if (!why_not)
        return accept_client(b, c, k, id, u);
    nh_mqtt__user_unref(b, u);
    return nh_mqtt__refuse(b, c, id, reason, why_not);
}

int nh_mqtt__on_connect(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t body)
{
    struct nh_mqtt__connect k;
    int rc = nh_mqtt__connect_decode(body, &k);
    if (rc == NH_ERR_UNSUPPORTED || (rc == NH_OK && k.level != 4)) // [MQTT-3.1.2-2]
        return nh_mqtt__refuse(b, c, k.client_id, NH_MQTT_REASON_UNSUPPORTED_PROTOCOL_VERSION,
                               "not MQTT 3.1.1");
    if (rc < 0)
        return rc;
    if (!nh_mqtt__rate_takes_connect(b)) {
        b->info.refused_connect_rate++;
        return nh_mqtt__refuse(b, c, k.client_id, NH_MQTT_REASON_CONNECTION_RATE_EXCEEDED,
                               "too many connects a second");
    }
    // [MQTT-3.1.3-8], [MQTT-3.1.3-9]
    if ((k.client_id.len == 0 && !k.is_clean) || k.client_id.len > NH_MQTT__CLIENT_ID_MAX)
        return nh_mqtt__refuse(b, c, k.client_id, NH_MQTT_REASON_CLIENT_IDENTIFIER_NOT_VALID,
                               "client id not allowed");
    return nh_mqtt__auth_start(b, c, &k, body);
}
