// CONNECT: who may come in, under which name, in place of whom.

#include "mqtt/keep.h"

#include <stdio.h>
#include <string.h>

static int refuse(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t id,
                  enum nh_mqtt__connack_code code, const char *reason)
{
    char text[64];
    size_t len = id.len < sizeof text - 1 ? id.len : sizeof text - 1;
    if (len)
        memcpy(text, id.ptr, len);
    text[len] = '\0';
    b->info.refused_connects++;
    nh_mqtt__event(b, NH_MQTT_CLIENT_REFUSED, text, reason, (uint8_t)code);
    // A refusal carries no session present [MQTT-3.2.2-4] and is the last packet [MQTT-3.2.2-5].
    const uint8_t connack[] = {NH_MQTT__CONNACK << 4, 2, 0, (uint8_t)code};
    int rc = nh_mqtt__send(b, c, connack, sizeof connack);
    nh_mqtt__conn_end(b, c, reason, NH_MQTT_CLIENT_REFUSED);
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

// The session to use: the one kept under that id, emptied when a clean one is asked for.
static struct nh_mqtt__session *take_session(nh_mqtt_broker_t *b, nh_span_t id, bool is_clean,
                                             bool *is_present)
{
    struct nh_mqtt__session *s = nh_mqtt__session_find(b, id);
    if (s && s->is_online) { // [MQTT-3.1.4-2]; its will is published as the standard has it
        b->info.takeovers++;
        nh_mqtt__conn_end(b, s->conn, "taken over by a new connection", NH_MQTT_CLIENT_TAKEN_OVER);
        s = nh_mqtt__session_find(b, id);
    }
    *is_present = s && !is_clean; // [MQTT-3.2.2-1], -2, -3
    if (s && is_clean && nh_mqtt__keep_end_reserve(b, s) < 0)
        return NULL;
    if (s && is_clean)
        nh_mqtt__session_wipe(b, s);
    if (!s)
        s = nh_mqtt__session_create(b, id);
    if (s && is_clean)
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
        nh_mqtt__keep_will(b, s, (struct nh_mqtt__msg *)(will & ~(uintptr_t)7), will & 3, will & 4);
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

static int accept_client(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__connect *k,
                         nh_span_t id)
{
    uintptr_t will;
    int rc = make_will(b, k, &will);
    if (rc == NH_ERR_NOMEM)
        return refuse(b, c, id, NH_MQTT__UNAVAILABLE, "out of memory");
    if (rc < 0)
        return NH_ERR_PROTO;
    bool is_present;
    uint32_t serial = nh_mqtt__journal_serial_of(b->journal);
    struct nh_mqtt__session *s = take_session(b, id, k->is_clean, &is_present);
    if (!s || keep_client(b, s, will) < 0) {
        nh_mqtt__msg_unref(b->mem, (struct nh_mqtt__msg *)(will & ~(uintptr_t)7));
        return refuse(b, c, id, NH_MQTT__UNAVAILABLE, "out of memory");
    }
    nh_mqtt__session_attach(b, s, c);
    c->state = NH_MQTT__CONN_ONLINE;
    c->will = will;
    c->connected_ms = b->now_ms;
    c->keepalive_s = k->keepalive_s;
    uint32_t max = b->cfg.keepalive_max_s;
    if (max && (c->keepalive_s == 0 || c->keepalive_s > max))
        c->keepalive_s = (uint16_t)max;
    nh_mqtt__conn_watch(b, c);
    b->info.connects_total++;
    nh_mqtt__event(b, NH_MQTT_CLIENT_CONNECTED, s->id, k->is_clean ? "clean" : "kept", 0);
    const uint8_t connack[] = {NH_MQTT__CONNACK << 4, 2, is_present, NH_MQTT__ACCEPTED};
    rc = gate_connack(b, s, serial);
    rc = rc < 0 ? rc : nh_mqtt__send(b, c, connack, sizeof connack); // [MQTT-3.2.0-1]
    return rc < 0 ? rc : nh_mqtt__resume(b, s);
}

int nh_mqtt__on_connect(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t body)
{
    struct nh_mqtt__connect k;
    int rc = nh_mqtt__connect_decode(body, &k);
    if (rc == NH_ERR_UNSUPPORTED || (rc == NH_OK && k.level != 4)) // [MQTT-3.1.2-2]
        return refuse(b, c, k.client_id, NH_MQTT__BAD_VERSION, "not MQTT 3.1.1");
    if (rc < 0)
        return rc;
    nh_span_t id = k.client_id;
    if (!nh_mqtt__rate_takes_connect(b)) {
        b->info.refused_connect_rate++;
        return refuse(b, c, id, NH_MQTT__UNAVAILABLE, "too many connects a second");
    }
    // [MQTT-3.1.3-8], [MQTT-3.1.3-9]
    if ((id.len == 0 && !k.is_clean) || id.len > NH_MQTT__CLIENT_ID_MAX)
        return refuse(b, c, id, NH_MQTT__BAD_CLIENT_ID, "client id not allowed");
    if (b->cfg.authenticate && !b->cfg.authenticate(b->cfg.ctx, id, k.user, k.password)) {
        enum nh_mqtt__connack_code code = k.has_user ? NH_MQTT__BAD_LOGIN : NH_MQTT__NOT_AUTHORIZED;
        return refuse(b, c, id, code, "not allowed in");
    }
    const struct nh_mqtt__session *s = nh_mqtt__session_find(b, id);
    if (b->online_count >= b->cfg.conn_max_count && !(s && s->is_online))
        return refuse(b, c, id, NH_MQTT__UNAVAILABLE, "too many clients");
    char text[40];
    return accept_client(b, c, &k, id.len ? id : make_id(b, text, sizeof text));
}
