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

#define TOLD_BYTES 64

// What an event calls a client that has no session: the start of a name.
static const char *start_of(nh_span_t name, char out[TOLD_BYTES])
{
    size_t len = name.len < TOLD_BYTES - 1 ? name.len : TOLD_BYTES - 1;
    if (len)
        memcpy(out, name.ptr, len);
    out[len] = '\0';
    return out;
}

static void tell_refused(nh_mqtt_broker_t *b, const nh_mqtt_conn_t *c, nh_span_t id, nh_span_t user,
                         const char *text, enum nh_mqtt_reason reason)
{
    char id_text[TOLD_BYTES], user_text[TOLD_BYTES];
    b->info.refused_connects++;
    if (b->cfg.event)
        b->cfg.event(b->cfg.ctx, &(struct nh_mqtt_event){
                                     .kind = NH_MQTT_CLIENT_REFUSED,
                                     .client_id = start_of(id, id_text),
                                     .user_name = user.len ? start_of(user, user_text) : NULL,
                                     .user = c->is_own ? NULL : c->user,
                                     .reason = text,
                                     .code = (uint8_t)reason});
}

int nh_mqtt__refuse(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t id,
                    enum nh_mqtt_reason reason, const char *text)
{
    return nh_mqtt__refuse_user(b, c, id, (nh_span_t){NULL, 0}, reason, text);
}

int nh_mqtt__refuse_user(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t id, nh_span_t user,
                         enum nh_mqtt_reason reason, const char *text)
{
    tell_refused(b, c, id, user, text, reason);
    // A refusal carries no session present [MQTT-3.2.2-4], [MQTT5-3.2.2-6] and is the last packet
    // [MQTT-3.2.2-5], [MQTT5-3.2.2-7].
    int rc = NH_OK;
    if (c->version == 5) {
        rc = nh_mqtt__connack_refuse(b, c, reason);
    } else {
        const uint8_t connack[] = {NH_MQTT__CONNACK << 4, 2, 0, (uint8_t)connack_of(reason)};
        rc = nh_mqtt__send(b, c, connack, sizeof connack);
    }
    nh_mqtt__conn_end(b, c, text, NH_MQTT_CLIENT_REFUSED, NH_MQTT_REASON_SUCCESS);
    return rc < 0 ? rc : NH_ERR_DENIED;
}

// A client id that nobody has [MQTT-3.1.3-6], [MQTT5-3.1.3-6].
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
    if (s && s->is_online) { // [MQTT-3.1.4-2], [MQTT5-3.1.4-3]
        b->info.takeovers++;
        nh_mqtt__conn_end(b, s->conn, "taken over by a new connection", NH_MQTT_CLIENT_TAKEN_OVER,
                          NH_MQTT_REASON_SESSION_TAKEN_OVER);
        s = nh_mqtt__session_find(b, id);
    }
    bool is_own = s && s->user == u;
    *is_present = is_own && !is_clean; // [MQTT-3.2.2-1], -2, -3, [MQTT5-3.2.2-2], -3
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
    s->flags &= (uint16_t)~NH_MQTT__SESSION_DENIED;
    return s;
}

// How long the session is kept when its connection is gone [MQTT5-3.1.2-23].
static uint32_t expiry_of(const nh_mqtt_broker_t *b, const struct nh_mqtt__connect *k, bool is_own)
{
    uint32_t s = k->is_clean ? 0 : NH_MQTT__NEVER_S, max = b->cfg.session_expiry_max_s;
    if (k->level == 5)
        s = nh_mqtt__props_number(&k->props, NH_MQTT__SESSION_EXPIRY_INTERVAL, 0);
    return max && s > max && !is_own ? max : s;
}

static void go_online(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, struct nh_mqtt__session *s,
                      const struct nh_mqtt__connect *k)
{
    nh_mqtt__session_attach(b, s, c);
    s->expiry_s = expiry_of(b, k, c->is_own);
    s->flags &= (uint16_t)~NH_MQTT__SESSION_CLEAN;
    if (s->expiry_s == 0)
        s->flags |= NH_MQTT__SESSION_CLEAN;
    c->state = NH_MQTT__CONN_ONLINE;
    c->connected_ms = b->now_ms;
    c->keepalive_s = k->keepalive_s;
    uint32_t max = b->cfg.keepalive_max_s;
    if (max && !c->is_own && (c->keepalive_s == 0 || c->keepalive_s > max))
        c->keepalive_s = (uint16_t)max; // [MQTT5-3.1.2-21]
    nh_mqtt__conn_watch(b, c);
    b->info.connects_total++;
    const char *text = s->flags & NH_MQTT__SESSION_CLEAN ? "clean" : "kept";
    nh_mqtt__event(b, NH_MQTT_CLIENT_CONNECTED, s->user, s->id, text, 0);
}

// What the client said of itself, before anything is changed.
static int take_options(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__connect *k)
{
    struct nh_mqtt__will *will = NULL;
    int rc =
        nh_mqtt__method_keep(b, c, nh_mqtt__props_bytes(&k->props, NH_MQTT__AUTHENTICATION_METHOD));
    if (rc == NH_OK)
        rc = nh_mqtt__will_create(b, k, &will);
    if (rc < 0 || !will)
        return rc;
    struct nh_mqtt__extra *x = nh_mqtt__extra(b, c);
    if (x)
        x->will = will;
    else
        nh_mqtt__will_free(b, will);
    return x ? NH_OK : NH_ERR_NOMEM;
}

// A will or an option that cannot be had. 3.1.1 has no word for it: its client is sent away.
static int refuse_options(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t id, int rc)
{
    if (rc == NH_ERR_NOMEM)
        return nh_mqtt__refuse(b, c, id, NH_MQTT_REASON_SERVER_UNAVAILABLE, "out of memory");
    if (c->version != 5)
        return rc;
    enum nh_mqtt_reason reason = b->reason;
    b->reason = 0;
    return nh_mqtt__refuse(b, c, id, reason, "will not allowed");
}

// Has the session and its will recorded when it is to be kept in the store, before the client goes
// online. NH_ERR_NOMEM: a session that was made for this client is gone again.
static int keep_client(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                       const struct nh_mqtt__connect *k, const nh_mqtt_conn_t *c)
{
    int rc = nh_mqtt__keep_session(b, s, expiry_of(b, k, c->is_own), c->version);
    if (rc == NH_OK && c->extra && c->extra->will)
        rc = nh_mqtt__keep_will_reserve(b, s);
    if (rc < 0 && !nh_list_is_linked(&s->idle))
        nh_mqtt__session_destroy(b, s);
    return rc;
}

// CONNACK waits until the session is on disk as it says: a new one must not be an old one again
// after a crash.
static int gate_connack(nh_mqtt_broker_t *b, const nh_mqtt_conn_t *c, uint32_t serial)
{
    if (nh_mqtt__journal_serial_of(b->journal) != serial)
        return nh_mqtt__gate(b, c->session->conn, nh_mqtt__journal_no(b));
    return nh_mqtt__keep_gate(b, c->session);
}

static int send_connack(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__connect *k,
                        bool is_present, const struct nh_mqtt_auth_answer *answer)
{
    if (c->version != 5) {
        const uint8_t connack[] = {NH_MQTT__CONNACK << 4, 2, is_present, NH_MQTT__ACCEPTED};
        return nh_mqtt__send(b, c, connack, sizeof connack); // [MQTT-3.2.0-1]
    }
    int rc = nh_mqtt__connack_accept(b, c, k, is_present, answer);
    if (rc < 0) // before CONNACK nothing else is said [MQTT5-3.2.0-1]
        nh_mqtt__conn_end(b, c, "its CONNACK cannot be sent", NH_MQTT_CLIENT_DISCONNECTED,
                          NH_MQTT_REASON_SUCCESS);
    return rc;
}

// The reference to `u` is taken.
static int accept_client(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__connect *k,
                         nh_span_t id, struct nh_mqtt__user *u,
                         const struct nh_mqtt_auth_answer *answer)
{
    bool is_present;
    uint32_t serial = nh_mqtt__journal_serial_of(b->journal);
    int rc = take_options(b, c, k);
    if (rc < 0) {
        nh_mqtt__user_unref(b, u);
        return refuse_options(b, c, id, rc);
    }
    struct nh_mqtt__session *s = take_session(b, id, k->is_clean, u, &is_present);
    if (!s || keep_client(b, s, k, c) < 0)
        return nh_mqtt__refuse(b, c, id, NH_MQTT_REASON_SERVER_UNAVAILABLE, "out of memory");
    go_online(b, c, s, k);
    if (c->extra && c->extra->will)
        nh_mqtt__keep_will(b, s, c->extra->will);
    rc = gate_connack(b, c, serial);
    c->is_greeted = rc == NH_OK && !nh_mqtt__is_gated(b, c);
    if (rc == NH_OK)
        rc = send_connack(b, c, k, is_present, answer);
    return rc < 0 ? rc : nh_mqtt__resume(b, s);
}

// What keeps out somebody who is let in. NULL: nothing.
static const char *is_kept_out(nh_mqtt_broker_t *b, const struct nh_mqtt__connect *k, nh_span_t id,
                               const struct nh_mqtt__user *u, enum nh_mqtt_reason *reason)
{
    const struct nh_mqtt__session *s = nh_mqtt__session_find(b, id);
    const struct nh_mqtt__user *other = s && s->is_online ? s->user : NULL; // it will be closed
    bool has_other = b->cfg.server_reference != NULL;
    *reason = has_other ? NH_MQTT_REASON_USE_ANOTHER_SERVER : NH_MQTT_REASON_QUOTA_EXCEEDED;
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
    if (b->cfg.authenticate && !c->is_own) {
        u = nh_mqtt__user_get(b, answer->user, &answer->grant);
        if (!u)
            return nh_mqtt__refuse(b, c, id, NH_MQTT_REASON_SERVER_UNAVAILABLE, "out of memory");
    }
    enum nh_mqtt_reason reason;
    const char *why_not = c->is_own ? NULL : is_kept_out(b, k, id, u, &reason);
    if (!why_not)
        return accept_client(b, c, k, id, u, answer);
    nh_mqtt__user_unref(b, u);
    return nh_mqtt__refuse_user(b, c, id, answer->user, reason, why_not);
}

// A CONNECT that cannot be read. Who said that it is 5.0 is told why.
static int refuse_malformed(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, int rc)
{
    const nh_span_t nobody = {NULL, 0};
    if (rc == NH_ERR_UNSUPPORTED) // [MQTT-3.1.2-2], [MQTT5-3.1.2-2]
        return nh_mqtt__refuse(b, c, nobody, NH_MQTT_REASON_UNSUPPORTED_PROTOCOL_VERSION,
                               "neither MQTT 3.1.1 nor 5.0");
    if (c->version != 5)
        return rc;
    b->info.protocol_errors++;
    int sent = nh_mqtt__refuse(b, c, nobody, nh_mqtt__reason_of(rc), "malformed CONNECT");
    return sent == NH_ERR_DENIED ? rc : sent;
}

int nh_mqtt__on_connect(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t body, bool is_minimal)
{
    struct nh_mqtt__connect k;
    int rc = nh_mqtt__connect_decode(body, &k);
    bool is_mqtt = body.len > 6 && memcmp(body.ptr, "\0\4MQTT", 6) == 0;
    c->version = is_mqtt && k.level >= 5 && k.level < 0x80 ? 5 : 4;
    c->is_bridge = k.is_bridge;
    c->form = c->version == 5 ? NH_MQTT__FORM_V5 : NH_MQTT__FORM_V4;
    if (c->version == 5 && !is_minimal) // [MQTT5-1.5.5-1]
        rc = NH_ERR_SYNTAX;
    if (rc < 0)
        return refuse_malformed(b, c, rc);
    if (nh_mqtt__is_own_id(k.client_id) != c->is_own)
        return nh_mqtt__refuse(b, c, k.client_id, NH_MQTT_REASON_CLIENT_IDENTIFIER_NOT_VALID,
                               "client id not allowed");
    if (!c->is_own && !nh_mqtt__rate_takes_connect(b)) {
        b->info.refused_connect_rate++;
        return nh_mqtt__refuse_user(b, c, k.client_id, k.user,
                                    NH_MQTT_REASON_CONNECTION_RATE_EXCEEDED,
                                    "too many connects a second");
    }
    // What the client takes holds for a refusal too [MQTT5-3.1.2-24].
    if (c->version == 5 && nh_mqtt__options_take5(b, c, &k) < 0)
        return nh_mqtt__refuse(b, c, k.client_id, NH_MQTT_REASON_SERVER_UNAVAILABLE,
                               "out of memory");
    if (c->is_own)
        return nh_mqtt__admit(b, c, &k, &(struct nh_mqtt_auth_answer){0});
    // [MQTT-3.1.3-8], [MQTT-3.1.3-9], [MQTT5-3.1.3-8]
    bool is_nameless = k.client_id.len == 0 && !k.is_clean && k.level < 5;
    if (is_nameless || k.client_id.len > NH_MQTT__CLIENT_ID_MAX)
        return nh_mqtt__refuse_user(
            b, c, k.client_id, k.user, NH_MQTT_REASON_CLIENT_IDENTIFIER_NOT_VALID,
            is_nameless ? "a kept session wants a client id" : "client id too long");
    if (b->cfg.is_moved)
        return nh_mqtt__refuse(b, c, k.client_id, NH_MQTT_REASON_SERVER_MOVED, "moved");
    return nh_mqtt__auth_start(b, c, &k, body);
}
