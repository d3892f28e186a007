// Wills: made at CONNECT, published when the connection ends without a good-bye, in 5.0 after a
// delay that the client may use to come back. A will that waits belongs to the session.

#include "core/base/utf8.h"
#include "mqtt/keep.h"

// What is judged before anything is made. NH_OK, or a fault with its reason.
static int check(nh_mqtt_broker_t *b, const struct nh_mqtt__connect *k)
{
    int rc = nh_mqtt__topic_check(k->will_topic, &b->limits);
    if (rc < 0)
        return nh_mqtt__fault(b, NH_MQTT_REASON_TOPIC_NAME_INVALID);
    if (k->will_retain && b->cfg.retain_refused) // [MQTT5-3.2.2-13]
        return nh_mqtt__fault(b, NH_MQTT_REASON_RETAIN_NOT_SUPPORTED);
    if (b->cfg.qos_refused && k->will_qos >= b->cfg.qos_refused) // [MQTT5-3.2.2-12]
        return nh_mqtt__fault(b, NH_MQTT_REASON_QOS_NOT_SUPPORTED);
    bool is_text = nh_mqtt__props_number(&k->will_props, NH_MQTT__PAYLOAD_FORMAT_INDICATOR, 0);
    if (is_text && !nh_utf8_is_valid(k->will_payload.ptr, k->will_payload.len, true))
        return nh_mqtt__fault(b, NH_MQTT_REASON_PAYLOAD_FORMAT_INVALID);
    return NH_OK;
}

// The message with what is passed on of the will's properties.
static struct nh_mqtt__msg *make_msg(nh_mqtt_broker_t *b, const struct nh_mqtt__connect *k)
{
    struct nh_mqtt__content content = {.topic = k->will_topic,
                                       .payload = k->will_payload,
                                       .version = k->level,
                                       .qos = k->will_qos};
    const struct nh_mqtt__props *props = &k->will_props;
    size_t len = nh_mqtt__props_copy(props, NH_MQTT__PROPS_FORWARDED, NULL, 0);
    uint8_t *copy = len ? nh_mqtt__scratch_take(b, len) : NULL;
    if (len && !copy)
        return NULL;
    content.props =
        (nh_span_t){copy, nh_mqtt__props_copy(props, NH_MQTT__PROPS_FORWARDED, copy, len)};
    return nh_mqtt__msg_create(b->mem, &content);
}

int nh_mqtt__will_create(nh_mqtt_broker_t *b, const struct nh_mqtt__connect *k,
                         struct nh_mqtt__will **out)
{
    *out = NULL;
    if (!k->has_will)
        return NH_OK;
    int rc = check(b, k);
    if (rc < 0)
        return rc;
    struct nh_mqtt__will *w = nh_mem_alloc_zero(b->mem, sizeof(*w), NH_MEM_BULK);
    struct nh_mqtt__msg *m = w ? make_msg(b, k) : NULL;
    if (!m) {
        nh_mem_free(b->mem, w);
        return NH_ERR_NOMEM;
    }
    nh_list_init(&w->link);
    w->msg = m;
    w->delay_s = nh_mqtt__props_number(&k->will_props, NH_MQTT__WILL_DELAY_INTERVAL, 0);
    if (nh_mqtt__props_has(&k->will_props, NH_MQTT__MESSAGE_EXPIRY_INTERVAL))
        w->expires = true;
    w->expiry_s = nh_mqtt__props_number(&k->will_props, NH_MQTT__MESSAGE_EXPIRY_INTERVAL, 0);
    w->qos = k->will_qos;
    w->retain = k->will_retain;
    *out = w;
    return NH_OK;
}

void nh_mqtt__will_free(nh_mqtt_broker_t *b, struct nh_mqtt__will *w)
{
    if (!w)
        return;
    nh_mqtt__keep_will_gone(b, w);
    nh_list_remove(&w->link);
    if (w->session)
        w->session->flags &= (uint16_t)~NH_MQTT__SESSION_WILL;
    nh_mqtt__msg_unref(b->mem, w->msg);
    nh_mem_free(b->mem, w);
}

// Its time to live begins now: it is published as any other message is.
void nh_mqtt__will_publish(nh_mqtt_broker_t *b, struct nh_mqtt__will *w)
{
    struct nh_mqtt__publish p = nh_mqtt__publish_of(w->msg);
    p.qos = w->qos;
    p.retain = w->retain;
    if (w->expires) { // a message with its time in it is another one
        nh_mqtt__msg_unref(b->mem, p.msg);
        p.msg = NULL;
        p.expires_ms = nh_mqtt__expires_ms(b, w->expiry_s);
    }
    if (!nh_mqtt__is_sys(p.topic) && nh_mqtt__route(b, &p) < 0)
        b->info.dropped_no_memory++;
    nh_mqtt__publish_release(b, &p);
    nh_mqtt__will_free(b, w);
}

// One that waited is published only if its user still may.
static void publish_late(nh_mqtt_broker_t *b, struct nh_mqtt__will *w)
{
    nh_list_remove(&w->link);
    if (nh_mqtt__may(b, w->session, NH_MQTT_MAY_PUBLISH, nh_mqtt__msg_topic(w->msg))) {
        nh_mqtt__will_publish(b, w);
        return;
    }
    b->info.publish_denied++;
    nh_mqtt__will_free(b, w);
}

// ---- waiting ------------------------------------------------------------------------------------

// Not longer than its session is kept [MQTT5-3.1.2-8]: among wills that became due while nobody
// looked the one that was due first comes first, whichever of the two times that was.
void nh_mqtt__will_wait(nh_mqtt_broker_t *b, struct nh_mqtt__will *w, struct nh_mqtt__session *s)
{
    uint32_t wait_s = w->delay_s;
    if (s->expiry_s != NH_MQTT__NEVER_S && s->expiry_s < wait_s)
        wait_s = s->expiry_s;
    nh_mqtt__will_wait_until(b, w, s, nh_ms_after(b->now_ms, wait_s * 1000ull));
    nh_mqtt__keep_will_due(b, w);
}

// The list is in order of the time due; most delays are alike, so the place is near the end.
void nh_mqtt__will_wait_until(nh_mqtt_broker_t *b, struct nh_mqtt__will *w,
                              struct nh_mqtt__session *s, uint64_t due_ms)
{
    w->due_ms = due_ms;
    w->session = s;
    s->flags |= NH_MQTT__SESSION_WILL;
    nh_list_t *at = b->wills.prev;
    while (at != &b->wills && NH_CONTAINER_OF(at, struct nh_mqtt__will, link)->due_ms > w->due_ms)
        at = at->prev;
    nh_list_insert(at->next, &w->link);
}

static struct nh_mqtt__will *will_of(const nh_mqtt_broker_t *b, const struct nh_mqtt__session *s)
{
    if (!(s->flags & NH_MQTT__SESSION_WILL))
        return NULL;
    NH_LIST_EACH(&b->wills, n)
    {
        struct nh_mqtt__will *w = NH_CONTAINER_OF(n, struct nh_mqtt__will, link);
        if (w->session == s)
            return w;
    }
    return NULL;
}

void nh_mqtt__will_cancel(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    nh_mqtt__will_free(b, will_of(b, s));
}

void nh_mqtt__will_release(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    struct nh_mqtt__will *w = will_of(b, s);
    if (!w)
        return;
    if (b->is_ending)
        nh_mqtt__will_free(b, w);
    else
        publish_late(b, w);
}

static struct nh_mqtt__will *first_will(const nh_mqtt_broker_t *b)
{
    nh_list_t *n = nh_list_first(&b->wills);
    return n ? NH_CONTAINER_OF(n, struct nh_mqtt__will, link) : NULL;
}

uint64_t nh_mqtt__will_deadline(const nh_mqtt_broker_t *b)
{
    const struct nh_mqtt__will *w = first_will(b);
    return w ? w->due_ms : NH_NEVER;
}

void nh_mqtt__will_tick(nh_mqtt_broker_t *b)
{
    for (struct nh_mqtt__will *w = first_will(b); w && w->due_ms <= b->now_ms; w = first_will(b))
        publish_late(b, w);
}
