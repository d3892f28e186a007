// Who is it? Asking the hub at CONNECT, waiting for an answer that comes later, and the AUTH
// packets of 5.0, before the CONNACK and whenever a client wants to sign in again.
//
// While the hub's answer is waited for nothing more is read: the port is told to pause, and what
// came in the same piece as the CONNECT is kept behind it. The time for CONNECT goes on.

#include "mqtt/internal.h"

#include <string.h>

#define REST_MIN_BYTES 256u
#define ROUND_MAX 8u         // AUTH packets of a client for one sign-in
#define AUTH_MAX 1100u       // bytes of the properties of an AUTH packet: a method and its data
#define METHOD_MAX_BYTES 64u // of a method's name

// ---- waiting ------------------------------------------------------------------------------------

static int wait_begin(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t body)
{
    struct nh_mqtt__auth *a = nh_mem_alloc(b->mem, sizeof(*a) + body.len, NH_MEM_BULK);
    if (!a)
        return NH_ERR_NOMEM;
    *a = (struct nh_mqtt__auth){.body_len = (uint32_t)body.len};
    memcpy(a->body, body.ptr, body.len);
    c->auth = a;
    c->state = NH_MQTT__CONN_AUTH;
    return NH_OK;
}

static void set_waiting(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, bool is_waiting)
{
    c->auth->is_waiting = is_waiting;
    b->waiting_count += is_waiting ? 1u : -1u;
    if (b->cfg.pause)
        b->cfg.pause(b->cfg.ctx, c, c->user, is_waiting);
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
    if (!a)
        return;
    b->waiting_count -= a->is_waiting;
    nh_mem_free(b->mem, a->rest);
    nh_mem_free(b->mem, a);
}

static void cancel(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    if (b->cfg.auth_cancel)
        b->cfg.auth_cancel(b->cfg.ctx, c);
}

void nh_mqtt__auth_end(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    if (c->state == NH_MQTT__CONN_AUTH) {
        struct nh_mqtt__auth *a = c->auth;
        c->auth = NULL;
        wait_end(b, a);
        cancel(b, c);
    } else if (c->extra && c->extra->is_signing_in) {
        c->extra->is_signing_in = false;
        cancel(b, c);
    }
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

// Sends an AUTH packet: with 0x18 the client is to go on [MQTT5-4.12.0-2], with 0x00 it has signed
// in again.
static int send_auth(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, enum nh_mqtt_reason reason,
                     nh_span_t method, nh_span_t data)
{
    uint8_t list[AUTH_MAX], packet[AUTH_MAX + 16];
    struct nh_mqtt__end end = {.code = (uint8_t)reason};
    struct nh_mqtt__props_out out;
    const uint8_t where = NH_MQTT__WHERE(NH_MQTT__AUTH, NH_MQTT__FROM_SERVER);
    nh_mqtt__props_begin(&out, where, list, sizeof list);
    nh_mqtt__props_put_bytes(&out, NH_MQTT__AUTHENTICATION_METHOD, method); // [MQTT5-4.12.0-5]
    if (data.len)
        nh_mqtt__props_put_bytes(&out, NH_MQTT__AUTHENTICATION_DATA, data);
    int len = nh_mqtt__props_end(&out, &end.props);
    if (len == NH_OK)
        len = nh_mqtt__end_encode(5, NH_MQTT__AUTH, &end, packet, sizeof packet);
    if (len < 0 || (size_t)len > sizeof packet || !nh_mqtt__fits(c, len)) // [MQTT5-3.1.2-24]
        return NH_ERR_TOO_LONG;
    return nh_mqtt__send(b, c, packet, (size_t)len);
}

static int refuse(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__connect *k,
                  enum nh_mqtt_reason reason)
{
    if (reason == NH_MQTT_REASON_SUCCESS)
        reason =
            k->has_user ? NH_MQTT_REASON_BAD_USER_NAME_OR_PASSWORD : NH_MQTT_REASON_NOT_AUTHORIZED;
    return nh_mqtt__refuse(b, c, k->client_id, reason, "not allowed in");
}

// The end of it: the client is in or out. What was kept for this goes, its views with it.
static int conclude(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__connect *k,
                    const struct nh_mqtt_auth_answer *answer)
{
    struct nh_mqtt__auth *a = c->state == NH_MQTT__CONN_AUTH ? c->auth : NULL;
    c->state = NH_MQTT__CONN_NEW;
    c->connected_ms = 0;
    int rc = answer->verdict == NH_MQTT_AUTH_ACCEPTED ? nh_mqtt__admit(b, c, k, answer)
                                                      : refuse(b, c, k, answer->reason);
    wait_end(b, a);
    return rc;
}

// Goes on by the hub's answer. `body` is that of `k`.
static int go_on(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__connect *k,
                 nh_span_t body, const struct nh_mqtt_auth_answer *answer)
{
    nh_span_t method = nh_mqtt__props_bytes(&k->props, NH_MQTT__AUTHENTICATION_METHOD);
    bool is_later = answer->verdict == NH_MQTT_AUTH_LATER;
    if (!is_later && answer->verdict != NH_MQTT_AUTH_CONTINUES)
        return conclude(b, c, k, answer);
    struct nh_mqtt_auth_answer refusal = {.reason = NH_MQTT_REASON_SERVER_UNAVAILABLE};
    if (c->state != NH_MQTT__CONN_AUTH && wait_begin(b, c, body) < 0) {
        cancel(b, c);
        return conclude(b, c, k, &refusal);
    }
    if (is_later) {
        set_waiting(b, c, true);
        return NH_OK;
    }
    int rc = method.len && c->auth->round < ROUND_MAX
                 ? send_auth(b, c, NH_MQTT_REASON_CONTINUE_AUTHENTICATION, method, answer->data)
                 : NH_ERR_DENIED;
    if (rc == NH_OK)
        return NH_OK;
    cancel(b, c);
    refusal.reason = NH_MQTT_REASON_NOT_AUTHORIZED;
    return conclude(b, c, k, &refusal);
}

static void ask(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt_auth_request *request,
                struct nh_mqtt_auth_answer *answer)
{
    *answer = (struct nh_mqtt_auth_answer){.verdict = NH_MQTT_AUTH_REFUSED};
    if (b->cfg.authenticate)
        b->cfg.authenticate(b->cfg.ctx, c, request, answer);
    else if (request->method.len) // [MQTT5-4.12.0-1]
        answer->reason = NH_MQTT_REASON_BAD_AUTHENTICATION_METHOD;
    else
        answer->verdict = NH_MQTT_AUTH_ACCEPTED;
}

static struct nh_mqtt_auth_request request_of(nh_mqtt_conn_t *c, const struct nh_mqtt__connect *k)
{
    return (struct nh_mqtt_auth_request){
        .peer = c->user,
        .client_id = k->client_id,
        .user = k->user,
        .password = k->password,
        .has_user = k->has_user,
        .has_password = k->has_password,
        .method = nh_mqtt__props_bytes(&k->props, NH_MQTT__AUTHENTICATION_METHOD),
        .data = nh_mqtt__props_bytes(&k->props, NH_MQTT__AUTHENTICATION_DATA)};
}

int nh_mqtt__auth_start(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__connect *k,
                        nh_span_t body)
{
    struct nh_mqtt_auth_answer answer;
    struct nh_mqtt_auth_request request = request_of(c, k);
    if (request.method.len > METHOD_MAX_BYTES)
        answer = (struct nh_mqtt_auth_answer){.reason = NH_MQTT_REASON_BAD_AUTHENTICATION_METHOD};
    else
        ask(b, c, &request, &answer);
    return go_on(b, c, k, body, &answer);
}

void nh_mqtt_broker_auth_done(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c,
                              const struct nh_mqtt_auth_answer *answer, uint64_t now_ms)
{
    NH_ASSERT(nh_mqtt__is_waiting(c) && answer->verdict != NH_MQTT_AUTH_LATER);
    struct nh_mqtt__auth *a = c->auth;
    struct nh_mqtt__held *rest = a->rest;
    nh_span_t body = {a->body, a->body_len};
    struct nh_mqtt__connect k;
    nh_mqtt__clock(b, now_ms);
    b->is_turn = true;
    set_waiting(b, c, false);
    a->rest = NULL;
    int rc = nh_mqtt__connect_decode(body, &k);
    NH_ASSERT(rc == NH_OK); // it was whole before
    rc = go_on(b, c, &k, body, answer);
    if (rest) { // messages may be sent from where it lies, so it stays for the turn
        rest->next = b->held;
        b->held = rest;
        rc = rc < 0 ? rc : nh_mqtt__feed(b, c, rest->bytes, rest->len);
    }
    nh_mqtt__fed(b, c, rc, 0);
}

// ---- AUTH of a client ---------------------------------------------------------------------------

static int take_auth(nh_span_t body, enum nh_mqtt_reason reason, nh_span_t method,
                     struct nh_mqtt__end *out)
{
    int rc = nh_mqtt__end_decode(5, NH_MQTT__AUTH, NH_MQTT__FROM_CLIENT, body, out);
    if (rc < 0)
        return rc;
    if (out->code != reason) // [MQTT5-4.12.0-3], [MQTT5-4.12.1-1]
        return NH_ERR_PROTO;
    nh_span_t named = nh_mqtt__props_bytes(&out->props, NH_MQTT__AUTHENTICATION_METHOD);
    return nh_mqtt__span_equal(named, method) ? NH_OK : NH_ERR_PROTO; // [MQTT5-4.12.0-5]
}

// Before the CONNACK.
static int on_auth_first(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t body)
{
    struct nh_mqtt__auth *a = c->auth;
    nh_span_t connect = {a->body, a->body_len};
    struct nh_mqtt__connect k;
    struct nh_mqtt__end end;
    struct nh_mqtt_auth_answer answer;
    int rc = nh_mqtt__connect_decode(connect, &k);
    NH_ASSERT(rc == NH_OK); // it was whole before
    struct nh_mqtt_auth_request request = request_of(c, &k);
    rc = take_auth(body, NH_MQTT_REASON_CONTINUE_AUTHENTICATION, request.method, &end);
    if (rc < 0)
        return rc;
    request.data = nh_mqtt__props_bytes(&end.props, NH_MQTT__AUTHENTICATION_DATA);
    request.round = ++a->round;
    ask(b, c, &request, &answer);
    return go_on(b, c, &k, connect, &answer);
}

// Signs in again: as the same user, with what it is granted now.
static int settle_again(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t method,
                        const struct nh_mqtt_auth_answer *answer)
{
    struct nh_mqtt__user *u = c->session->user;
    nh_span_t name = {(const uint8_t *)u->name, u->name_len};
    c->extra->is_signing_in = false;
    if (answer->verdict == NH_MQTT_AUTH_ACCEPTED && nh_mqtt__span_equal(name, answer->user)) {
        u->grant = answer->grant;
        return send_auth(b, c, NH_MQTT_REASON_SUCCESS, method, answer->data);
    }
    nh_mqtt__conn_end(b, c, "did not sign in again", NH_MQTT_CLIENT_DISCONNECTED,
                      answer->reason ? answer->reason : NH_MQTT_REASON_NOT_AUTHORIZED);
    return NH_ERR_DENIED; // [MQTT5-4.12.1-2]
}

// While it is online. It may go on with other packets meanwhile.
static int on_auth_again(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t body)
{
    struct nh_mqtt__extra *x = c->extra;
    const struct nh_mqtt__session *s = c->session;
    struct nh_mqtt__end end;
    struct nh_mqtt_auth_answer answer;
    if (!x || !x->method || !s->user) // it did not sign in by a method [MQTT5-4.12.1-1]
        return NH_ERR_PROTO;
    nh_span_t method = {(const uint8_t *)x->method, strlen(x->method)};
    int rc = take_auth(body,
                       x->is_signing_in ? NH_MQTT_REASON_CONTINUE_AUTHENTICATION
                                        : NH_MQTT_REASON_RE_AUTHENTICATE,
                       method, &end);
    if (rc < 0)
        return rc;
    x->round = x->is_signing_in ? (uint8_t)(x->round + 1) : 0;
    x->is_signing_in = true;
    const struct nh_mqtt_auth_request request = {
        .peer = c->user,
        .client_id = {(const uint8_t *)s->id, s->id_len},
        .user = {(const uint8_t *)s->user->name, s->user->name_len},
        .has_user = s->user->name_len > 0,
        .method = method,
        .data = nh_mqtt__props_bytes(&end.props, NH_MQTT__AUTHENTICATION_DATA),
        .round = x->round,
        .is_again = true};
    ask(b, c, &request, &answer);
    bool goes_on = answer.verdict == NH_MQTT_AUTH_CONTINUES && x->round < ROUND_MAX;
    rc = goes_on ? send_auth(b, c, NH_MQTT_REASON_CONTINUE_AUTHENTICATION, method, answer.data)
                 : NH_OK;
    if (goes_on && rc == NH_OK)
        return NH_OK;
    if (answer.verdict == NH_MQTT_AUTH_CONTINUES || answer.verdict == NH_MQTT_AUTH_LATER)
        cancel(b, c);
    return settle_again(b, c, method, &answer);
}

int nh_mqtt__on_auth(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t body)
{
    return c->state == NH_MQTT__CONN_AUTH ? on_auth_first(b, c, body) : on_auth_again(b, c, body);
}

// The name of the method that the client signed in by, for a next time.
int nh_mqtt__auth_method_keep(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t method)
{
    if (method.len == 0)
        return NH_OK;
    struct nh_mqtt__extra *x = nh_mqtt__extra(b, c);
    char *copy = x ? nh_mem_alloc(b->mem, method.len + 1, NH_MEM_BULK) : NULL;
    if (!copy)
        return NH_ERR_NOMEM;
    memcpy(copy, method.ptr, method.len);
    copy[method.len] = '\0';
    x->method = copy;
    return NH_OK;
}
