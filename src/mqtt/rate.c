// Rates: how many CONNECTs a second the broker takes, and how many messages a second a client, or
// all clients of a user, may publish. A bucket holds one second's worth; what one read brings
// beyond it becomes a debt.
//
// Messages are charged once for each input(), not one by one: a run of QoS 0 packets stays cheap,
// and a client over its rate was read one buffer too far at most. It is not read from until the
// debt is paid, so in the long run it gets its rate and no more.

#include "mqtt/internal.h"

#define LOOK_MS 50u // the clients held back are looked at this often at most

// With a limit each connection has a bucket behind it; without one that takes no memory.
static struct nh_mqtt__rate *rate_of(nh_mqtt_conn_t *c)
{
    return (struct nh_mqtt__rate *)(c + 1);
}

size_t nh_mqtt__rate_bytes(const nh_mqtt_broker_t *b)
{
    return b->cfg.publish_rate_max ? sizeof(struct nh_mqtt__rate) : 0;
}

void nh_mqtt__rate_open(const nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    if (b->cfg.publish_rate_max)
        *rate_of(c) = (struct nh_mqtt__rate){b->now_ms, b->cfg.publish_rate_max * 1000ll};
}

static void fill(struct nh_mqtt__rate *r, uint32_t max, uint64_t now_ms)
{
    uint64_t elapsed_ms = now_ms - r->filled_ms;
    if (elapsed_ms > UINT32_MAX)
        elapsed_ms = UINT32_MAX;
    r->credit += (int64_t)(elapsed_ms * max); // a millisecond earns `max` thousandths
    if (r->credit > max * 1000ll)
        r->credit = max * 1000ll;
    r->filled_ms = now_ms;
}

bool nh_mqtt__rate_takes_connect(nh_mqtt_broker_t *b)
{
    uint32_t max = b->cfg.connect_rate_max;
    if (max == 0)
        return true;
    fill(&b->connect_rate, max, b->now_ms);
    if (b->connect_rate.credit < 1000)
        return false;
    b->connect_rate.credit -= 1000;
    return true;
}

// The buckets that a connection's messages come out of: its own, and its user's.
struct buckets {
    struct nh_mqtt__rate *rate[2];
    uint32_t max[2], count;
};

static struct buckets buckets_of(const nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    struct buckets out = {.count = 0};
    struct nh_mqtt__user *u = c->session ? c->session->user : NULL;
    if (b->cfg.publish_rate_max) {
        out.rate[out.count] = rate_of(c);
        out.max[out.count++] = b->cfg.publish_rate_max;
    }
    if (u && u->grant.limits.publish_rate_max && b->cfg.pause) {
        out.rate[out.count] = &u->rate;
        out.max[out.count++] = u->grant.limits.publish_rate_max;
    }
    return out;
}

// When all debts are paid; 0: there are none.
static uint64_t paid_ms(const nh_mqtt_broker_t *b, const struct buckets *k)
{
    uint64_t last_ms = 0;
    for (uint32_t i = 0; i < k->count; i++) {
        fill(k->rate[i], k->max[i], b->now_ms);
        if (k->rate[i]->credit >= 0)
            continue;
        uint64_t owed = (uint64_t)-k->rate[i]->credit;
        uint64_t ms = nh_ms_after(b->now_ms, (owed + k->max[i] - 1) / k->max[i]);
        last_ms = ms > last_ms ? ms : last_ms;
    }
    return last_ms;
}

bool nh_mqtt__rate_holds(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    const struct buckets k = buckets_of(b, c);
    uint64_t ms = paid_ms(b, &k);
    if (ms == 0)
        return false;
    ms = nh_ms_after(ms, LOOK_MS - ms % LOOK_MS);
    nh_list_remove(&c->link);
    nh_list_push_back(&b->slowed, &c->link);
    b->slowed_ms = ms < b->slowed_ms ? ms : b->slowed_ms;
    return true;
}

void nh_mqtt__rate_charge(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, uint64_t messages)
{
    if (c->state != NH_MQTT__CONN_ONLINE)
        return;
    const struct buckets k = buckets_of(b, c);
    for (uint32_t i = 0; i < k.count; i++) {
        fill(k.rate[i], k.max[i], b->now_ms);
        k.rate[i]->credit -= (int64_t)messages * 1000;
    }
    // One held back for a full queue already comes here when that has ended.
    if (k.count == 0 || c->is_paused || !nh_mqtt__rate_holds(b, c))
        return;
    c->is_paused = true;
    b->info.publish_slowed++;
    b->cfg.pause(b->cfg.ctx, c, c->user, true);
}

void nh_mqtt__rate_tick(nh_mqtt_broker_t *b)
{
    if (b->now_ms < b->slowed_ms)
        return;
    nh_list_t looked;
    nh_list_init(&looked);
    nh_list_splice(&looked, &b->slowed);
    b->slowed_ms = NH_NEVER;
    for (nh_list_t *n = nh_list_pop_front(&looked); n; n = nh_list_pop_front(&looked))
        nh_mqtt__conn_resume(b, NH_CONTAINER_OF(n, nh_mqtt_conn_t, link));
}
