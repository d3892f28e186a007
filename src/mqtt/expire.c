// What ends by itself: sessions that are away, retained messages, messages in queues.

#include "mqtt/keep.h"

#define SCAN_MAX 512u // retained messages looked at in one go; the rest in the next tick
#define SCAN_MS 1000u // between two walks over all sessions or all retained messages

uint64_t nh_mqtt__expires_ms(const nh_mqtt_broker_t *b, uint32_t interval_s)
{
    // An interval of 0 leaves no time to wait, but time to be passed on at once.
    return nh_ms_after(b->now_ms, interval_s ? interval_s * 1000ull : 1);
}

// ---- sessions -----------------------------------------------------------------------------------

static uint64_t ends_ms(const nh_mqtt_broker_t *b, const struct nh_mqtt__session *s)
{
    bool is_away = !s->is_online && s->expiry_s != NH_MQTT__NEVER_S;
    return is_away ? nh_ms_after(b->started_ms, s->expiry_s * 1000ull) : NH_NEVER;
}

void nh_mqtt__expire_session(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    if (s->expiry_s == NH_MQTT__NEVER_S)
        return;
    uint64_t at_s = (b->now_ms - b->started_ms + 999) / 1000 + s->expiry_s;
    s->expiry_s = at_s < NH_MQTT__NEVER_S ? (uint32_t)at_s : NH_MQTT__NEVER_S;
    if (ends_ms(b, s) < b->session_ms)
        b->session_ms = ends_ms(b, s);
}

uint32_t nh_mqtt__expire_left_s(const nh_mqtt_broker_t *b, const struct nh_mqtt__session *s)
{
    uint64_t ms = ends_ms(b, s);
    return ms == NH_NEVER ? NH_MQTT__NEVER_S : nh_mqtt__left_s(ms, b->now_ms);
}

// The sessions are walked over at most once a second, and only while one of them is to end.
static void sessions_tick(nh_mqtt_broker_t *b)
{
    if (b->now_ms < b->session_ms)
        return;
    uint64_t next = NH_NEVER;
    for (uint32_t i = 0; i < b->session_buckets; i++) {
        for (struct nh_mqtt__session *s = b->sessions[i], *after; s; s = after) {
            after = s->hash_next;
            uint64_t ends = ends_ms(b, s);
            if (ends <= b->now_ms) {
                b->info.sessions_expired++;
                nh_mqtt__session_destroy(b, s);
            } else if (ends < next) {
                next = ends;
            }
        }
    }
    uint64_t soonest = nh_ms_after(b->now_ms, SCAN_MS);
    b->session_ms = next < soonest ? soonest : next;
}

// ---- retained -----------------------------------------------------------------------------------

void nh_mqtt__expire_retained(nh_mqtt_broker_t *b, const struct nh_mqtt__msg *m)
{
    uint64_t ms = nh_mqtt__msg_expires_ms(m);
    if (ms == 0)
        return;
    b->retain_ms = ms < b->retain_ms ? ms : b->retain_ms;
    b->retain_next_ms = ms < b->retain_next_ms ? ms : b->retain_next_ms;
}

bool nh_mqtt__retained_is_over(nh_mqtt_broker_t *b, struct nh_mqtt__msg *m)
{
    if (!nh_mqtt__msg_is_expired(m, b->now_ms))
        return false;
    b->info.messages_expired++;
    if (m->no && nh_mqtt__keep_retained_reserve(b) == NH_OK) // else a restart finds it expired
        nh_mqtt__keep_retained(b, NULL, m->no);
    nh_mqtt__retain_remove(&b->retain, nh_mqtt__msg_topic(m));
    return true;
}

static void sweep_end(nh_mqtt_broker_t *b)
{
    nh_mqtt__msg_unref(b->mem, b->retain_at);
    b->retain_at = NULL;
    uint64_t soonest = nh_ms_after(b->now_ms, SCAN_MS);
    b->retain_ms = b->retain_next_ms < soonest ? soonest : b->retain_next_ms;
    b->retain_next_ms = NH_NEVER;
}

// A sweep goes over all retained messages in order, SCAN_MAX in a tick. It keeps the last one that
// it looked at, which may leave the store meanwhile.
static void retained_tick(nh_mqtt_broker_t *b)
{
    if (b->now_ms < b->retain_ms)
        return;
    if (!b->retain_at)
        b->retain_next_ms = NH_NEVER;
    for (uint32_t i = 0; i < SCAN_MAX; i++) {
        nh_span_t after = {(const uint8_t *)"", 0};
        if (b->retain_at)
            after = nh_mqtt__msg_topic(b->retain_at);
        struct nh_mqtt__msg *m = nh_mqtt__retain_seek(&b->retain, after, after.len > 0);
        if (!m) {
            sweep_end(b);
            return;
        }
        nh_mqtt__msg_ref(m);
        nh_mqtt__msg_unref(b->mem, b->retain_at);
        b->retain_at = m;
        if (!nh_mqtt__retained_is_over(b, m))
            nh_mqtt__expire_retained(b, m);
    }
    b->retain_ms = b->now_ms; // go on at once
}

void nh_mqtt__expire_tick(nh_mqtt_broker_t *b)
{
    sessions_tick(b);
    retained_tick(b);
}

// ---- queues -------------------------------------------------------------------------------------

struct waiting_of {
    nh_mqtt_broker_t *b;
    struct nh_mqtt__session *s;
};

static bool is_over(void *ctx, const struct nh_mqtt__waiting *w)
{
    const struct waiting_of *of = ctx;
    return w->msg && nh_mqtt__msg_is_expired(w->msg, of->b->now_ms) &&
           nh_mqtt__keep_dropped(of->b, of->s, w);
}

// A full queue is looked through at most once a second, however many messages come for it.
uint32_t nh_mqtt__expire_waiting(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    struct waiting_of of = {b, s};
    struct nh_mqtt__flow *f = s->flow;
    if (!f || b->now_ms < f->expire_ms)
        return 0;
    f->expire_ms = b->now_ms + SCAN_MS;
    uint32_t count = nh_mqtt__waiting_filter(f, b->mem, is_over, &of);
    b->info.messages_expired += count;
    return count;
}
