// Who is it? Asking the hub at CONNECT, and waiting for an answer that comes later.
//
// While the answer is waited for nothing more is read: the port is told to pause, and what came in
// the same piece as the CONNECT is kept behind it. The time for CONNECT goes on.

#include "mqtt/internal.h"

#include <string.h>

#define REST_MIN_BYTES 256u

// ---- waiting ------------------------------------------------------------------------------------

static int wait_begin(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t body)
{
    struct nh_mqtt__auth *a = nh_mem_alloc(b->mem, sizeof(*a) + body.len, NH_MEM_BULK);
    if (!a)
        return NH_ERR_NOMEM;
    *a = (struct nh_mqtt__auth){.body_len = (uint32_t)body.len, .is_waiting = true};
    memcpy(a->body, body.ptr, body.len);
    c->auth = a;
    c->state = NH_MQTT__CONN_AUTH;
    b->waiting_count++;
    if (b->cfg.pause)
        b->cfg.pause(b->cfg.ctx, c, c->user, true);
    return NH_OK;
}

static int rest_room(nh_mqtt_broker_t *b, struct nh_mqtt__auth *a, size_t want)
{
    uint32_t cap = a->rest ? a->rest->cap : 0;
    if (want <= cap)
        return NH_OK;
    cap = 2 * cap > want ? 2 * cap : (uint32_t)want;
    cap = cap < REST_MIN_BYTES ? REST_MIN_BYTES : cap;
    struct nh_mqtt__held *rest = nh_mem_realloc(b->mem, a->rest, sizeof(*rest) + cap, NH_MEM_BULK);
    if (!rest)
        return NH_ERR_NOMEM;
    if (!a->rest)
        rest->len = 0;
    rest->cap = cap;
    a->rest = rest;
    return NH_OK;
}

int nh_mqtt__auth_keep(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const uint8_t *bytes, size_t len)
{
    struct nh_mqtt__auth *a = c->auth;
    size_t have = a->rest ? a->rest->len : 0;
    if (have + len > b->cfg.packet_max_bytes)
        return NH_ERR_FULL;
    int rc = rest_room(b, a, have + len);
    if (rc < 0)
        return rc;
    memcpy(a->rest->bytes + have, bytes, len);
    a->rest->len += (uint32_t)len;
    return NH_OK;
}

static void wait_end(nh_mqtt_broker_t *b, struct nh_mqtt__auth *a)
{
    b->waiting_count -= a->is_waiting;
    nh_mem_free(b->mem, a->rest);
    nh_mem_free(b->mem, a);
}

void nh_mqtt__auth_end(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    struct nh_mqtt__auth *a = c->auth;
    c->auth = NULL;
    wait_end(b, a);
    if (b->cfg.auth_cancel)
        b->cfg.auth_cancel(b->cfg.ctx, c);
}

void nh_mqtt__held_free(nh_mqtt_broker_t *b)
{
    while (b->held) {
        struct nh_mqtt__held *h = b->held;
        b->held = h->next;
        nh_mem_free(b->mem, h);
    }
}

// ---- asking and answering -----------------------------------------------------------------------

static int answered(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__connect *k,
                    const struct nh_mqtt_auth_answer *answer)
{
    if (answer->verdict == NH_MQTT_AUTH_ACCEPTED)
        return nh_mqtt__admit(b, c, k, answer);
    enum nh_mqtt_reason reason = answer->reason;
    if (reason == NH_MQTT_REASON_SUCCESS)
        reason =
            k->has_user ? NH_MQTT_REASON_BAD_USER_NAME_OR_PASSWORD : NH_MQTT_REASON_NOT_AUTHORIZED;
    return nh_mqtt__refuse(b, c, k->client_id, reason, "not allowed in");
}

int nh_mqtt__auth_start(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__connect *k,
                        nh_span_t body)
{
    struct nh_mqtt_auth_answer answer = {.verdict = NH_MQTT_AUTH_ACCEPTED};
    if (b->cfg.authenticate) {
        const struct nh_mqtt_auth_request request = {.peer = c->user,
                                                     .client_id = k->client_id,
                                                     .user = k->user,
                                                     .password = k->password,
                                                     .has_user = k->has_user,
                                                     .has_password = k->has_password};
        answer.verdict = NH_MQTT_AUTH_REFUSED;
        b->cfg.authenticate(b->cfg.ctx, c, &request, &answer);
    }
    if (answer.verdict != NH_MQTT_AUTH_LATER)
        return answered(b, c, k, &answer);
    if (wait_begin(b, c, body) == NH_OK)
        return NH_OK;
    if (b->cfg.auth_cancel)
        b->cfg.auth_cancel(b->cfg.ctx, c);
    return nh_mqtt__refuse(b, c, k->client_id, NH_MQTT_REASON_SERVER_UNAVAILABLE, "out of memory");
}

// What came behind the CONNECT. Messages may be sent from where it lies, so it stays for the turn.
static int feed_rest(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, struct nh_mqtt__auth *a)
{
    struct nh_mqtt__held *rest = a->rest;
    if (!rest)
        return NH_OK;
    a->rest = NULL;
    rest->next = b->held;
    b->held = rest;
    return nh_mqtt__feed(b, c, rest->bytes, rest->len);
}

void nh_mqtt_broker_auth_done(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c,
                              const struct nh_mqtt_auth_answer *answer, uint64_t now_ms)
{
    NH_ASSERT(nh_mqtt__is_waiting(c) && answer->verdict != NH_MQTT_AUTH_LATER);
    struct nh_mqtt__auth *a = c->auth;
    struct nh_mqtt__connect k;
    nh_mqtt__clock(b, now_ms);
    b->is_turn = true;
    c->state = NH_MQTT__CONN_NEW;
    c->connected_ms = 0;
    if (b->cfg.pause)
        b->cfg.pause(b->cfg.ctx, c, c->user, false);
    int rc = nh_mqtt__connect_decode((nh_span_t){a->body, a->body_len}, &k);
    NH_ASSERT(rc == NH_OK); // it was whole before
    rc = answered(b, c, &k, answer);
    if (rc == NH_OK)
        rc = feed_rest(b, c, a);
    nh_mqtt__fed(b, c, rc, 0);
    wait_end(b, a);
}
