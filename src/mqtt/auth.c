// Who is it? Asking the hub at CONNECT, and waiting for an answer that comes later. In 5.0 the
// answer may be a question to the client, by AUTH packets, and who is in may prove anew who it is.
//
// While the answer to a CONNECT is waited for nothing more is read: the port is told to pause, and
// what came in the same piece as the CONNECT is kept behind it. The time for CONNECT goes on.

#include "mqtt/internal.h"

#include <string.h>

#define REST_MIN_BYTES 256u

// ---- waiting ------------------------------------------------------------------------------------

// What a CONNECT says is kept until it is answered.
static int auth_keep_connect(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t body)
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

static void pause_conn(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, bool paused)
{
    if (b->cfg.pause)
        b->cfg.pause(b->cfg.ctx, c, c->user, paused);
}

static void wait_for_hub(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    c->auth->is_waiting = true;
    b->waiting_count++;
    pause_conn(b, c, true);
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

static nh_span_t method_of(const struct nh_mqtt__props *props)
{
    return nh_mqtt__props_bytes(props, NH_MQTT__AUTHENTICATION_METHOD);
}

// Asks the hub. Without one everybody may come in, but there is no method.
static void ask(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt_auth_request *r,
                struct nh_mqtt_auth_answer *out)
{
    *out = (struct nh_mqtt_auth_answer){.verdict = NH_MQTT_AUTH_REFUSED};
    if (b->cfg.authenticate) {
        b->cfg.authenticate(b->cfg.ctx, c, r, out);
    } else if (r->method.len) { // [MQTT5-4.12.0-1]
        out->reason = NH_MQTT_REASON_BAD_AUTHENTICATION_METHOD;
    } else {
        out->verdict = NH_MQTT_AUTH_ACCEPTED;
    }
}

static void ask_connect(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__connect *k,
                        const struct nh_mqtt__props *props, uint8_t round,
                        struct nh_mqtt_auth_answer *out)
{
    const struct nh_mqtt_auth_request request = {
        .peer = c->user,
        .client_id = k->client_id,
        .user = k->user,
        .password = k->password,
        .has_user = k->has_user,
        .has_password = k->has_password,
        .method = method_of(props),
        .data = nh_mqtt__props_bytes(props, NH_MQTT__AUTHENTICATION_DATA),
        .round = round};
    ask(b, c, &request, out);
}

static void cancel(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    if (b->cfg.auth_cancel)
        b->cfg.auth_cancel(b->cfg.ctx, c);
}

static int decide(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__connect *k,
                  const struct nh_mqtt_auth_answer *answer)
{
    if (answer->verdict == NH_MQTT_AUTH_ACCEPTED)
        return nh_mqtt__admit(b, c, k, answer);
    enum nh_mqtt_reason reason = answer->reason;
    if (reason == NH_MQTT_REASON_SUCCESS)
        reason =
            k->has_user ? NH_MQTT_REASON_BAD_USER_NAME_OR_PASSWORD : NH_MQTT_REASON_NOT_AUTHORIZED;
    nh_span_t user = k->has_user && !answer->user.len ? k->user : answer->user;
    return nh_mqtt__refuse_user(b, c, k->client_id, user, reason,
                                answer->why ? answer->why : "not allowed in");
}

// Whether the exchange goes on: the hub or the client has the next word.
static bool is_open(const struct nh_mqtt_auth_answer *answer)
{
    return answer->verdict == NH_MQTT_AUTH_LATER || answer->verdict == NH_MQTT_AUTH_CONTINUES;
}

// Goes on by an answer that leaves the exchange open [MQTT5-4.12.0-2].
static int stay_open(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__connect *k,
                     const struct nh_mqtt_auth_answer *answer)
{
    if (answer->verdict == NH_MQTT_AUTH_LATER) {
        wait_for_hub(b, c);
        return NH_OK;
    }
    return nh_mqtt__send_auth(b, c, NH_MQTT_REASON_CONTINUE_AUTHENTICATION, method_of(&k->props),
                              answer->data);
}

int nh_mqtt__auth_start(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__connect *k,
                        nh_span_t body)
{
    struct nh_mqtt_auth_answer answer;
    ask_connect(b, c, k, &k->props, 0, &answer);
    if (!is_open(&answer))
        return decide(b, c, k, &answer);
    if (auth_keep_connect(b, c, body) == NH_OK)
        return stay_open(b, c, k, &answer);
    cancel(b, c);
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

static void connect_of(const struct nh_mqtt__auth *a, struct nh_mqtt__connect *k)
{
    int rc = nh_mqtt__connect_decode((nh_span_t){a->body, a->body_len}, k);
    NH_ASSERT(rc == NH_OK); // it was whole before
}

// The last word to a CONNECT that was kept.
static int close_exchange(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, struct nh_mqtt__auth *a,
                          const struct nh_mqtt__connect *k,
                          const struct nh_mqtt_auth_answer *answer)
{
    c->state = NH_MQTT__CONN_NEW;
    c->connected_ms = 0;
    int rc = decide(b, c, k, answer);
    return rc == NH_OK ? feed_rest(b, c, a) : rc;
}

static int answer_connect(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c,
                          const struct nh_mqtt_auth_answer *answer)
{
    struct nh_mqtt__auth *a = c->auth;
    struct nh_mqtt__connect k;
    connect_of(a, &k);
    if (is_open(answer))
        return stay_open(b, c, &k, answer);
    int rc = close_exchange(b, c, a, &k, answer);
    wait_end(b, a);
    return rc;
}

void nh_mqtt_broker_auth_done(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c,
                              const struct nh_mqtt_auth_answer *answer, uint64_t now_ms)
{
    nh_mqtt__clock(b, now_ms);
    b->is_turn = true;
    if (c->state == NH_MQTT__CONN_ONLINE) {
        nh_mqtt__fed(b, c, nh_mqtt__reauth_answered(b, c, answer), c->messages_in);
        return;
    }
    NH_ASSERT(nh_mqtt__is_waiting(c) && answer->verdict != NH_MQTT_AUTH_LATER);
    c->auth->is_waiting = false;
    b->waiting_count--;
    pause_conn(b, c, false);
    uint64_t messages = c->messages_in;
    nh_mqtt__fed(b, c, answer_connect(b, c, answer), messages);
}

// ---- AUTH packets -------------------------------------------------------------------------------

static bool same_method(const struct nh_mqtt__props *props, nh_span_t method)
{
    return nh_mqtt__span_equal(method_of(props), method);
}

// The client's next word before its CONNECT is answered [MQTT5-4.12.0-3], -5.
static int on_auth_of_connect(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c,
                              const struct nh_mqtt__end *auth)
{
    struct nh_mqtt__auth *a = c->auth;
    struct nh_mqtt__connect k;
    struct nh_mqtt_auth_answer answer = {.reason = NH_MQTT_REASON_PROTOCOL_ERROR};
    connect_of(a, &k);
    if (auth->code == NH_MQTT_REASON_CONTINUE_AUTHENTICATION && a->round < UINT8_MAX &&
        same_method(&auth->props, method_of(&k.props)))
        ask_connect(b, c, &k, &auth->props, ++a->round, &answer);
    else
        cancel(b, c);
    return answer_connect(b, c, &answer);
}

int nh_mqtt__on_auth(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t body)
{
    struct nh_mqtt__end auth;
    int rc = nh_mqtt__end_decode(c->version, NH_MQTT__AUTH, NH_MQTT__FROM_CLIENT, body, &auth);
    if (c->state == NH_MQTT__CONN_ONLINE)
        return rc < 0 ? rc : nh_mqtt__reauth(b, c, &auth);
    if (rc == NH_OK)
        return on_auth_of_connect(b, c, &auth);
    cancel(b, c);
    return answer_connect(b, c, &(struct nh_mqtt_auth_answer){.reason = nh_mqtt__reason_of(rc)});
}
