// A client of 5.0 that is in proves anew who it is [MQTT5-4.12.1-1]. Its messages go on meanwhile.

#include "mqtt/internal.h"

#include <string.h>

// The method of the CONNECT, for as long as the connection lasts.
int nh_mqtt__method_keep(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t method)
{
    if (method.len == 0)
        return NH_OK;
    struct nh_mqtt__extra *x = nh_mqtt__extra(b, c);
    struct nh_mqtt__method *m =
        x ? nh_mem_alloc(b->mem, sizeof(*m) + method.len, NH_MEM_BULK) : NULL;
    if (!m)
        return NH_ERR_NOMEM;
    *m = (struct nh_mqtt__method){.len = (uint16_t)method.len};
    memcpy(m->name, method.ptr, method.len);
    x->method = m;
    return NH_OK;
}

void nh_mqtt__reauth_end(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    struct nh_mqtt__method *m = c->extra ? c->extra->method : NULL;
    if (!m || !m->is_open)
        return;
    m->is_open = m->is_waiting = false;
    if (b->cfg.auth_cancel)
        b->cfg.auth_cancel(b->cfg.ctx, c);
}

static nh_span_t name_of(const struct nh_mqtt__method *m)
{
    return (nh_span_t){m->name, m->len};
}

// Somebody else, or nobody: sent away [MQTT5-4.12.1-2].
static int failed(nh_mqtt_broker_t *b, const struct nh_mqtt_auth_answer *answer)
{
    enum nh_mqtt_reason reason = answer->reason;
    bool is_told = answer->verdict == NH_MQTT_AUTH_REFUSED && reason != NH_MQTT_REASON_SUCCESS &&
                   nh_mqtt__reason_is_allowed(5, NH_MQTT__DISCONNECT, reason);
    NH_IGNORE(nh_mqtt__fault(b, is_told ? reason : NH_MQTT_REASON_NOT_AUTHORIZED));
    return NH_ERR_DENIED;
}

static bool is_same_user(const struct nh_mqtt__session *s, nh_span_t name)
{
    nh_span_t own = {(const uint8_t *)(s->user ? s->user->name : ""),
                     s->user ? s->user->name_len : 0};
    return nh_mqtt__span_equal(own, name);
}

int nh_mqtt__reauth_answered(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c,
                             const struct nh_mqtt_auth_answer *answer)
{
    struct nh_mqtt__method *m = c->extra->method;
    m->is_waiting = answer->verdict == NH_MQTT_AUTH_LATER;
    if (m->is_waiting)
        return NH_OK;
    if (answer->verdict == NH_MQTT_AUTH_CONTINUES)
        return nh_mqtt__send_auth(b, c, NH_MQTT_REASON_CONTINUE_AUTHENTICATION, name_of(m),
                                  answer->data);
    m->is_open = false;
    if (answer->verdict != NH_MQTT_AUTH_ACCEPTED || !is_same_user(c->session, answer->user))
        return failed(b, answer);
    return nh_mqtt__send_auth(b, c, NH_MQTT_REASON_SUCCESS, name_of(m), answer->data);
}

int nh_mqtt__reauth(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__end *auth)
{
    struct nh_mqtt__method *m = c->extra ? c->extra->method : NULL;
    nh_span_t method = nh_mqtt__props_bytes(&auth->props, NH_MQTT__AUTHENTICATION_METHOD);
    enum nh_mqtt_reason expected =
        m && m->is_open ? NH_MQTT_REASON_CONTINUE_AUTHENTICATION : NH_MQTT_REASON_RE_AUTHENTICATE;
    // [MQTT5-4.12.0-7] no method at CONNECT, none now; and one word at a time.
    if (!m || m->is_waiting || auth->code != expected || m->round == UINT8_MAX ||
        !nh_mqtt__span_equal(method, name_of(m)))
        return NH_ERR_PROTO;
    m->round = m->is_open ? (uint8_t)(m->round + 1) : 0;
    m->is_open = true;
    const struct nh_mqtt__session *s = c->session;
    const struct nh_mqtt_auth_request request = {
        .peer = c->user,
        .client_id = {(const uint8_t *)s->id, s->id_len},
        .method = method,
        .data = nh_mqtt__props_bytes(&auth->props, NH_MQTT__AUTHENTICATION_DATA),
        .round = m->round,
        .is_again = true};
    struct nh_mqtt_auth_answer answer = {.verdict = NH_MQTT_AUTH_REFUSED};
    if (b->cfg.authenticate)
        b->cfg.authenticate(b->cfg.ctx, c, &request, &answer);
    return nh_mqtt__reauth_answered(b, c, &answer);
}
