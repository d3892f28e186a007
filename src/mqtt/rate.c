// Rates: how many CONNECTs a second the broker takes, and how many messages a second a client may
// publish. A bucket holds one second's worth; what one read brings beyond it becomes a debt.
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

bool nh_mqtt__rate_holds(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    uint32_t max = b->cfg.publish_rate_max;
    if (max == 0)
        return false;
    struct nh_mqtt__rate *r = rate_of(c);
    fill(r, max, b->now_ms);
    if (r->credit >= 0)
        return false;
    uint64_t paid_ms = nh_ms_after(b->now_ms, ((uint64_t)-r->credit + max - 1) / max);
    paid_ms = nh_ms_after(paid_ms, LOOK_MS - paid_ms % LOOK_MS);
    nh_list_remove(&c->link);
    nh_list_push_back(&b->slowed, &c->link);
    b->slowed_ms = paid_ms < b->slowed_ms ? paid_ms : b->slowed_ms;
    return true;
}

void nh_mqtt__rate_charge(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, uint64_t messages)
{
    if (b->cfg.publish_rate_max == 0 || c->state != NH_MQTT__CONN_ONLINE)
        return;
    fill(rate_of(c), b->cfg.publish_rate_max, b->now_ms);
    rate_of(c)->credit -= (int64_t)messages * 1000;
    // One held back for a full queue already comes here when that has ended.
    if (c->is_paused || !nh_mqtt__rate_holds(b, c))
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
