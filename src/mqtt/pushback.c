// Push-back: while a subscriber's queue is more than half full, who publishes to it at QoS 1 or 2
// is not read from. A subscriber that does not recover in time holds nobody back any more.

#include "mqtt/keep.h"

struct nh_mqtt__load nh_mqtt__load_of(const struct nh_mqtt__session *s)
{
    struct nh_mqtt__load load = {0, 0};
    if (s->flow)
        load = (struct nh_mqtt__load){s->flow->bytes, s->flow->messages};
    if (s->flow && s->flow->kept) {
        load.bytes += s->flow->kept->page_bytes;
        load.messages += s->flow->kept->next_seq - s->flow->kept->page_seq;
    }
    if (s->is_online && s->conn) {
        load.bytes += s->conn->wire.bytes;
        load.messages += s->conn->wire.count;
    }
    return load;
}

// Whether the queue is over one part in `parts` of its limits.
static bool is_above(const nh_mqtt_broker_t *b, const struct nh_mqtt__session *s, unsigned parts)
{
    struct nh_mqtt__load load = nh_mqtt__load_of(s);
    return load.bytes > nh_mqtt__queue_max_bytes(b, s) / parts ||
           load.messages > nh_mqtt__queue_max_messages(b, s) / parts;
}

// A client whose own queue is high is never paused: its acknowledgements would not be read.
static bool is_high(const nh_mqtt_conn_t *c)
{
    return c->session && (c->session->flags & NH_MQTT__SESSION_HIGH);
}

bool nh_mqtt__can_push_back(const nh_mqtt_broker_t *b, const struct nh_mqtt__session *s,
                            const nh_mqtt_conn_t *from)
{
    return b->cfg.pause && from && s->is_online && s->conn != from &&
           !(s->flags & NH_MQTT__SESSION_STALLED);
}

static void pause_conn(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    c->is_paused = true;
    nh_list_remove(&c->link);
    nh_list_push_back(&b->paused, &c->link);
    b->info.pushbacks++;
    if (b->pushback_ms == NH_NEVER)
        b->pushback_ms = nh_ms_after(b->now_ms, b->cfg.pushback_max_ms);
    b->cfg.pause(b->cfg.ctx, c, c->user, true);
}

void nh_mqtt__conn_resume(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    if (nh_mqtt__rate_holds(b, c))
        return;
    c->is_paused = false;
    c->last_in_ms = b->now_ms; // the silence was ours
    nh_list_remove(&c->link);
    nh_mqtt__conn_watch(b, c);
    b->cfg.pause(b->cfg.ctx, c, c->user, false);
}

// Whether its acknowledgements make the store smaller.
static bool can_empty_store(const nh_mqtt_conn_t *c)
{
    const struct nh_mqtt__kept *k = c->session ? nh_mqtt__kept(c->session) : NULL;
    return k && (c->session->flow->messages || k->page_seq < k->next_seq);
}

// The store is full, and perhaps only those can empty it who are held back for that: they are read
// from once more, until they bring the next message. Not while it cannot be written: memory would
// take what comes.
static void hear_them(nh_mqtt_broker_t *b)
{
    const struct nh_mqtt__journal *j = b->journal;
    bool is_written = !j->is_failing && nh_mqtt__journal_weight(b) <= b->cfg.batch_max_bytes;
    for (nh_list_t *n = b->paused.next, *next; n != &b->paused && is_written; n = next) {
        next = n->next;
        nh_mqtt_conn_t *c = NH_CONTAINER_OF(n, nh_mqtt_conn_t, link);
        if (can_empty_store(c))
            nh_mqtt__conn_resume(b, c);
    }
    if (nh_list_first(&b->paused)) // and again: one of them may be sent something
        b->pushback_ms = nh_ms_after(b->now_ms, b->cfg.pushback_max_ms);
}

static void resume_all(nh_mqtt_broker_t *b)
{
    b->pushback_ms = NH_NEVER;
    if (b->journal && b->journal->is_holding) {
        if (b->journal->is_full)
            hear_them(b);
        return;
    }
    for (nh_list_t *n = nh_list_first(&b->paused); n; n = nh_list_first(&b->paused))
        nh_mqtt__conn_resume(b, NH_CONTAINER_OF(n, nh_mqtt_conn_t, link));
}

void nh_mqtt__push_back(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, nh_mqtt_conn_t *from)
{
    if (!is_above(b, s, 2) || !nh_mqtt__can_push_back(b, s, from))
        return;
    if (!(s->flags & NH_MQTT__SESSION_HIGH)) {
        s->flags |= NH_MQTT__SESSION_HIGH;
        b->high_count++;
        if (s->conn->is_paused)
            nh_mqtt__conn_resume(b, s->conn);
    }
    if (!from->is_paused && from->state == NH_MQTT__CONN_ONLINE && !is_high(from))
        pause_conn(b, from);
}

void nh_mqtt__relieve_end(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    if (!(s->flags & NH_MQTT__SESSION_HIGH))
        return;
    s->flags &= (uint16_t)~NH_MQTT__SESSION_HIGH;
    if (--b->high_count == 0)
        resume_all(b);
}

void nh_mqtt__relieve(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    unsigned any = NH_MQTT__SESSION_HIGH | NH_MQTT__SESSION_STALLED | NH_MQTT__SESSION_FULL |
                   NH_MQTT__SESSION_TOLD;
    if (!(s->flags & any) || is_above(b, s, 4))
        return;
    s->flags &= (uint16_t) ~(NH_MQTT__SESSION_STALLED | NH_MQTT__SESSION_FULL);
    if (nh_mqtt__load_of(s).messages == 0)
        s->flags &= (uint16_t)~NH_MQTT__SESSION_TOLD;
    nh_mqtt__relieve_end(b, s);
}

void nh_mqtt__pushback_tick(nh_mqtt_broker_t *b)
{
    if (b->now_ms < b->pushback_ms)
        return;
    for (uint32_t i = 0; i < b->session_buckets; i++) {
        for (struct nh_mqtt__session *s = b->sessions[i]; s; s = s->hash_next) {
            if (!(s->flags & NH_MQTT__SESSION_HIGH))
                continue;
            s->flags &= (uint16_t)~NH_MQTT__SESSION_HIGH;
            s->flags |= NH_MQTT__SESSION_STALLED;
        }
    }
    b->high_count = 0;
    resume_all(b);
}

// ---- the store ----------------------------------------------------------------------------------

void nh_mqtt__hold(nh_mqtt_broker_t *b, nh_mqtt_conn_t *from)
{
    bool is_behind = b->journal->is_full || nh_mqtt__journal_weight(b) > b->cfg.batch_max_bytes;
    if (!is_behind || !b->cfg.pause || !from || from->is_paused ||
        from->state != NH_MQTT__CONN_ONLINE)
        return;
    b->info.store_holds += !b->journal->is_holding;
    b->journal->is_holding = true;
    pause_conn(b, from);
}

void nh_mqtt__hold_end(nh_mqtt_broker_t *b)
{
    struct nh_mqtt__journal *j = b->journal;
    if (!j->is_holding || j->is_full || nh_mqtt__journal_weight(b) > b->cfg.batch_max_bytes / 2)
        return;
    j->is_holding = false;
    if (b->high_count == 0)
        resume_all(b);
    else if (b->pushback_ms == NH_NEVER)
        b->pushback_ms = b->now_ms + b->cfg.pushback_max_ms;
}
