#include "support/mqtt_play.h"

#include "support/mqtt_play_bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WINDOW_MAX 8u // inflight_max of the broker

static void fail(struct play *p, const char *what)
{
    p->cfg.fail(what, p->doing);
}

static void require(struct play *p, bool holds, const char *what)
{
    if (!holds)
        fail(p, what);
}

static uint32_t choose(struct play *p, uint32_t n)
{
    return p->cfg.choose(p->cfg.ctx, n);
}

static NH_PRINTF(2, 3) void trace(struct play *p, const char *fmt, ...)
{
    char line[160];
    va_list args;
    if (!p->cfg.trace)
        return;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    p->cfg.trace(line);
}

// ---- what the broker calls ----------------------------------------------------------------------

static void on_dirty(void *ctx, nh_mqtt_conn_t *c, void *user)
{
    (void)ctx;
    (void)c;
    ((struct play_slot *)user)->is_dirty = true;
}

static void on_pause(void *ctx, nh_mqtt_conn_t *c, void *user, bool paused)
{
    (void)ctx;
    (void)c;
    (void)user;
    (void)paused;
}

// ---- connections --------------------------------------------------------------------------------

static void forget_slot(struct play_slot *s)
{
    s->conn = NULL;
    s->is_dirty = s->is_stalled = s->was_stalled = s->is_lazy = s->is_taken_over = false;
    s->rx_len = s->answer_count = s->ack_count = 0;
    memset(s->aliases_in, 0, sizeof s->aliases_in);
    memset(s->aliases_out, 0, sizeof s->aliases_out);
}

static void close_slot(struct play_slot *s)
{
    nh_mqtt_broker_close(s->play->broker, s->conn, s->play->now_ms);
    forget_slot(s);
}

static void owe_ack(struct play_slot *s, unsigned type, uint16_t packet_id)
{
    struct play *p = s->play;
    // One in eight messages is refused, where the version can say so.
    bool is_refusal = s->is_v5 && type != PLAY_PUBCOMP && choose(p, 8) == 7;
    require(p, s->ack_count < PLAY_OWED, "a client owes too many acknowledgements");
    s->acks[s->ack_count++] = (struct play_ack){(uint8_t)type, packet_id, is_refusal};
}

static void expect_answer(struct play_slot *s, struct play_answer a)
{
    require(s->play, s->answer_count < PLAY_OWED, "the broker owes too many answers");
    s->answers[s->answer_count++] = a;
}

// ---- hearing ------------------------------------------------------------------------------------

static void hear_publish(struct play_slot *s, struct play_packet *k)
{
    struct play *p = s->play;
    uint8_t *alias = k->alias < 4 ? &s->aliases_out[k->alias] : NULL;
    if (k->alias) {
        require(p, s->is_v5 && alias, "a topic alias over the maximum");
        require(p, k->has_topic || *alias, "a topic alias that was not set");
        if (k->has_topic)
            *alias = (uint8_t)(k->heard.topic + 1);
        else
            k->heard.topic = (uint8_t)(*alias - 1);
    }
    require(p, k->has_topic || k->alias, "a PUBLISH without topic");
    trace(p, "  %u hears %u on %s q%u #%u%s%s expiry %u sids %u", s->client,
          (unsigned)k->heard.number, model_topics[k->heard.topic], k->heard.qos, k->heard.packet_id,
          k->heard.dup ? " dup" : "", k->heard.retain ? " retain" : "", (unsigned)k->heard.expiry_s,
          (unsigned)k->heard.sids);
    k->heard.is_late = s->was_stalled;
    require(p, !k->is_foreign || p->cfg.is_rough, "bytes that nobody published");
    const char *fault = p->cfg.is_rough ? NULL : model_heard(&p->model, s->client, &k->heard);
    if (fault)
        fail(p, fault);
    if (k->heard.qos)
        owe_ack(s, k->heard.qos == 1 ? PLAY_PUBACK : PLAY_PUBREC, k->heard.packet_id);
}

static bool is_answer(const struct play_answer *a, const struct play_packet *k)
{
    if (a->type != k->type || a->packet_id != k->heard.packet_id || a->code_count != k->code_count)
        return false;
    return memcmp(a->codes, k->codes, a->code_count) == 0;
}

static void hear_answer(struct play_slot *s, const struct play_packet *k)
{
    struct play *p = s->play;
    trace(p, "  %u hears type %u #%u", s->client, k->type, k->heard.packet_id);
    if (p->cfg.is_rough)
        return;
    if (k->type == PLAY_DISCONNECT) {
        require(p, s->is_taken_over && s->is_v5, "DISCONNECT without reason");
        return;
    }
    require(p, s->answer_count && is_answer(&s->answers[0], k), "another answer than the next one");
    memmove(s->answers, s->answers + 1, --s->answer_count * sizeof s->answers[0]);
}

static void hear_packet(struct play_slot *s, struct play_packet *k)
{
    struct play *p = s->play;
    if (k->type == PLAY_PUBLISH) {
        hear_publish(s, k);
    } else if (k->type == PLAY_PUBREL) {
        uint16_t id = k->heard.packet_id;
        trace(p, "  %u hears pubrel #%u", s->client, id);
        const char *fault = p->cfg.is_rough ? NULL : model_heard_pubrel(&p->model, s->client, id);
        if (fault)
            fail(p, fault);
        owe_ack(s, PLAY_PUBCOMP, id);
    } else {
        hear_answer(s, k);
    }
}

static void hear_all(struct play_slot *s)
{
    size_t at = 0;
    for (;;) {
        struct play_packet k;
        int len = play_decode(s->rx + at, s->rx_len - at, s->is_v5, &k);
        require(s->play, len >= 0, "a packet that is malformed");
        if (len <= 0)
            break;
        hear_packet(s, &k);
        at += (size_t)len;
    }
    memmove(s->rx, s->rx + at, s->rx_len - at);
    s->rx_len -= at;
}

static void drain(struct play_slot *s)
{
    struct nh_mqtt_span spans[3];
    size_t n;
    s->is_dirty = false;
    while ((n = nh_mqtt_broker_output(s->play->broker, s->conn, spans, 3)) > 0) {
        size_t sent = 0;
        for (size_t i = 0; i < n && s->rx_len < sizeof s->rx; i++) {
            size_t room = sizeof s->rx - s->rx_len;
            size_t len = spans[i].len < room ? spans[i].len : room;
            memcpy(s->rx + s->rx_len, spans[i].ptr, len);
            s->rx_len += len;
            sent += len;
            if (len < spans[i].len)
                break;
        }
        nh_mqtt_broker_sent(s->play->broker, s->conn, sent, s->play->now_ms);
        hear_all(s);
    }
    s->was_stalled = false;
}

// ---- a turn -------------------------------------------------------------------------------------

static void turn_end(struct play *p)
{
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < PLAY_SLOTS; i++) {
            struct play_slot *s = &p->slots[i];
            if (!s->conn || !s->is_dirty || s->is_stalled)
                continue;
            drain(s);
            again |= s->is_dirty;
        }
    }
    nh_mqtt_broker_turn_end(p->broker);
    for (size_t i = 0; i < PLAY_SLOTS; i++) {
        struct play_slot *s = &p->slots[i];
        if (!s->conn || !nh_mqtt_conn_wants_close(s->conn))
            continue;
        require(p, s->is_taken_over || p->cfg.is_rough, "the broker closed a connection");
        close_slot(s);
    }
}

static void input(struct play_slot *s, const uint8_t *bytes, size_t len)
{
    static uint8_t turn[PLAY_BYTES_MAX];
    if (!s->conn)
        return;
    memcpy(turn, bytes, len);
    (void)!nh_mqtt_broker_input(s->play->broker, s->conn, turn, len, s->play->now_ms);
    turn_end(s->play);
    memset(turn, 0xDD, len);
}

static void send(struct play_slot *s, struct play_bytes *b)
{
    struct play *p = s->play;
    if (p->cfg.is_rough && choose(p, 32) == 31) {
        size_t at = choose(p, 256) % b->len;
        if (at > 9 || b->bytes[0] != PLAY_CONNECT << 4) // its version stays what it is
            b->bytes[at] = (uint8_t)choose(p, 256);
    }
    size_t cut = choose(p, 4) == 3 ? choose(p, 256) % b->len : 0;
    if (cut)
        input(s, b->bytes, cut);
    input(s, b->bytes + cut, b->len - cut);
}

static void send_ack(struct play_slot *s)
{
    struct play *p = s->play;
    struct play_ack a = s->acks[0];
    struct play_bytes b;
    memmove(s->acks, s->acks + 1, --s->ack_count * sizeof a);
    trace(p, "%u acks type %u #%u%s", s->client, a.type, a.packet_id,
          a.is_refusal ? " refused" : "");
    if (a.type == PLAY_PUBREC && !a.is_refusal)
        model_received(&p->model, s->client, a.packet_id);
    else
        model_done(&p->model, s->client, a.packet_id);
    play_put_ack(&b, a.type, a.packet_id, a.is_refusal ? 0x80 : 0);
    send(s, &b);
}

// Until nothing moves any more: those who read and acknowledge at once have done so.
static void settle(struct play *p)
{
    turn_end(p);
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < PLAY_SLOTS; i++) {
            struct play_slot *s = &p->slots[i];
            while (s->conn && s->ack_count && (!s->is_lazy || s->ack_count > 20)) {
                send_ack(s);
                again = true;
            }
        }
        while (nh_mqtt_broker_next_deadline(p->broker) <= p->now_ms) {
            nh_mqtt_broker_tick(p->broker, p->now_ms);
            turn_end(p);
            again = true;
        }
    }
    require(p, nh_mqtt_broker_check(p->broker) == NH_OK, "the structures do not hold");
    if (p->cfg.is_rough)
        return;
    unsigned listening = 0;
    for (size_t i = 0; i < PLAY_SLOTS; i++) {
        const struct play_slot *s = &p->slots[i];
        if (!s->conn || s->is_stalled)
            continue;
        listening |= 1u << s->client;
        require(p, s->answer_count == 0, "an answer is missing");
    }
    const char *fault = model_settle(&p->model, listening);
    if (fault)
        fail(p, fault);
}

// ---- what clients do ----------------------------------------------------------------------------

static bool is_v5(const struct play *p, unsigned client)
{
    return p->cfg.has_v5 && client >= 2;
}

static void choose_connect(struct play *p, unsigned client, struct model_connect *k)
{
    static const uint32_t expiries[] = {0, 25, 55, MODEL_NEVER_S};
    static const uint32_t windows[] = {WINDOW_MAX, WINDOW_MAX, 3, 1};
    static const uint32_t delays[] = {0, 15, 35};
    bool v5 = is_v5(p, client);
    *k = (struct model_connect){.is_v5 = v5, .is_clean = choose(p, 4) == 0, .window = WINDOW_MAX};
    k->expiry_s = v5 ? expiries[choose(p, 4)] : k->is_clean ? 0 : MODEL_NEVER_S;
    k->window = v5 ? windows[choose(p, 4)] : WINDOW_MAX;
    k->has_will = choose(p, 3) == 0;
    if (!k->has_will)
        return;
    k->will_delay_s = v5 ? delays[choose(p, 3)] : 0;
    k->will = (struct model_message){.number = ++p->next_number,
                                     .expires_ms = NH_NEVER,
                                     .topic = MODEL_TOPICS - 1,
                                     .qos = (uint8_t)choose(p, 3),
                                     .publisher = (uint8_t)client,
                                     .retain = choose(p, 4) == 0,
                                     .is_will = true};
}

static struct play_slot *slot_of(struct play *p, unsigned client)
{
    for (size_t i = 0; i < PLAY_SLOTS; i++)
        if (p->slots[i].conn && p->slots[i].client == client)
            return &p->slots[i];
    return NULL;
}

static void connect_as(struct play *p, struct play_slot *s, unsigned client,
                       const struct model_connect *k)
{
    struct play_slot *old = slot_of(p, client);
    struct play_bytes b;
    if (old)
        old->is_taken_over = true;
    if (nh_mqtt_broker_open(p->broker, s, p->now_ms, &s->conn) < 0) {
        require(p, p->cfg.is_rough, "no connection");
        return;
    }
    s->client = (uint8_t)client;
    s->is_v5 = k->is_v5;
    trace(p, "%u connects%s%s for %u s, window %u%s", client, k->is_v5 ? " v5" : "",
          k->is_clean ? " clean" : "", (unsigned)k->expiry_s, (unsigned)k->window,
          k->has_will ? " with a will" : "");
    if (!p->cfg.is_rough) {
        bool is_present = model_connect(&p->model, client, k);
        expect_answer(s, (struct play_answer){PLAY_CONNACK, 1, {is_present}, 0});
        if (!is_present)
            p->memory[client] = (struct play_memory){.next_id = (uint16_t)(client * 1000 + 1)};
    }
    play_put_connect(&b, client, k);
    send(s, &b);
}

static void do_connect(struct play *p, struct play_slot *s)
{
    struct model_connect k;
    unsigned client = choose(p, MODEL_CLIENTS);
    if (s->conn || (slot_of(p, client) && choose(p, 3)))
        return;
    choose_connect(p, client, &k);
    connect_as(p, s, client, &k);
}

static void do_subscribe(struct play *p, struct play_slot *s)
{
    struct play_bytes b;
    struct model_sub sub = {.filter = (uint8_t)choose(p, MODEL_FILTERS),
                            .qos = (uint8_t)choose(p, 3)};
    unsigned handling = 0, id = p->memory[s->client].next_id++;
    if (s->is_stalled || p->model.sessions[s->client].sub_count == MODEL_SUBS)
        return;
    if (s->is_v5) {
        unsigned options = choose(p, 256);
        sub.share = (uint8_t)(options % 4 == 3 ? 1 + options / 64 % 2 : 0);
        sub.no_local = !sub.share && (options & 4);
        sub.as_published = options & 8;
        // Always in a share: so copies by several shares can be told apart.
        if (sub.share || (options & 16))
            sub.sid = 1u << (sub.filter + MODEL_FILTERS * sub.share);
        handling = choose(p, 3);
    }
    trace(p, "%u subscribes %s%s q%u%s%s sid %u rh%u", s->client,
          sub.share == 1 ? "$share/1 "
          : sub.share    ? "$share/2 "
                         : "",
          model_filters[sub.filter], sub.qos, sub.no_local ? " nl" : "",
          sub.as_published ? " rap" : "", (unsigned)sub.sid, handling);
    if (!p->cfg.is_rough) {
        model_subscribe(&p->model, s->client, &sub, handling);
        expect_answer(s, (struct play_answer){PLAY_SUBACK, 1, {sub.qos}, (uint16_t)id});
    }
    play_put_subscribe(&b, s->is_v5, (uint16_t)id, &sub, handling);
    send(s, &b);
}

static void do_unsubscribe(struct play *p, struct play_slot *s)
{
    struct play_bytes b;
    unsigned filter = choose(p, MODEL_FILTERS), id = p->memory[s->client].next_id++;
    unsigned share = s->is_v5 ? choose(p, MODEL_SHARES) : 0;
    const struct model_session *m = &p->model.sessions[s->client];
    if (m->sub_count && choose(p, 2)) { // one that it has
        const struct model_sub *sub = &m->subs[choose(p, (uint32_t)m->sub_count)];
        filter = sub->filter;
        share = sub->share;
    }
    trace(p, "%u unsubscribes %s%s", s->client,
          share == 1 ? "$share/1 "
          : share    ? "$share/2 "
                     : "",
          model_filters[filter]);
    if (!p->cfg.is_rough) {
        uint8_t code = model_unsubscribe(&p->model, s->client, filter, share) ? 0 : 0x11;
        expect_answer(s, (struct play_answer){PLAY_UNSUBACK, s->is_v5, {code}, (uint16_t)id});
    }
    play_put_unsubscribe(&b, s->is_v5, (uint16_t)id, filter, share);
    send(s, &b);
}

static void send_publish(struct play_slot *s, const struct model_message *m, uint16_t id, bool dup,
                         unsigned alias)
{
    struct play *p = s->play;
    struct play_bytes b;
    bool by_alias = alias && s->aliases_in[alias] == m->topic + 1;
    trace(p, "%u publishes %u on %s q%u #%u%s%s until %u", s->client, (unsigned)m->number,
          model_topics[m->topic], m->qos, id, dup ? " dup" : "", m->retain ? " retain" : "",
          (unsigned)(m->expires_ms / 1000));
    if (m->qos)
        expect_answer(s, (struct play_answer){m->qos == 1 ? PLAY_PUBACK : PLAY_PUBREC, 0, {0}, id});
    if (alias)
        s->aliases_in[alias] = (uint8_t)(m->topic + 1);
    play_put_publish(&b, s->is_v5,
                     &(struct play_publish){m, p->now_ms, id, dup, (uint16_t)alias, by_alias});
    send(s, &b);
}

static void do_publish(struct play *p, struct play_slot *s)
{
    struct play_memory *k = &p->memory[s->client];
    unsigned how = choose(p, 256);
    struct model_message m = {.number = how / 4 % 8 == 7 ? 0 : ++p->next_number,
                              .expires_ms = NH_NEVER,
                              .topic = (uint8_t)choose(p, MODEL_TOPICS - 1),
                              .qos = (uint8_t)(how / 64 % 3),
                              .publisher = s->client,
                              .retain = how % 4 == 3};
    if (s->is_v5 && choose(p, 4) == 3)
        m.expires_ms = p->now_ms + (choose(p, 2) ? 25000 : 55000);
    if (p->model.copy_count + 60 > MODEL_COPIES || s->answer_count + 2 > PLAY_OWED ||
        (m.qos == 2 && k->unreleased_count == NH_ARRAY_LEN(k->unreleased)))
        return;
    uint16_t id = m.qos ? k->next_id++ : 0;
    if (m.qos == 2) {
        k->unreleased[k->unreleased_count].message = m;
        k->unreleased[k->unreleased_count++].packet_id = id;
    }
    if (!p->cfg.is_rough)
        model_publish(&p->model, &m);
    send_publish(s, &m, id, false, s->is_v5 ? choose(p, 4) : 0);
}

// A PUBLISH at QoS 2 comes again before its PUBREL: it is acknowledged and not passed on.
static void do_repeat(struct play *p, struct play_slot *s)
{
    struct play_memory *k = &p->memory[s->client];
    if (!k->unreleased_count || s->answer_count + 2 > PLAY_OWED)
        return;
    uint32_t at = choose(p, (uint32_t)k->unreleased_count);
    send_publish(s, &k->unreleased[at].message, k->unreleased[at].packet_id, true, 0);
}

static void do_release(struct play *p, struct play_slot *s)
{
    struct play_memory *k = &p->memory[s->client];
    struct play_bytes b;
    if (!k->unreleased_count || s->answer_count + 2 > PLAY_OWED)
        return;
    uint16_t id = k->unreleased[0].packet_id;
    memmove(k->unreleased, k->unreleased + 1, --k->unreleased_count * sizeof k->unreleased[0]);
    trace(p, "%u releases #%u", s->client, id);
    expect_answer(s, (struct play_answer){PLAY_PUBCOMP, 0, {0}, id});
    play_put_ack(&b, PLAY_PUBREL, id, 0);
    send(s, &b);
}

static void do_ack(struct play *p, struct play_slot *s)
{
    for (uint32_t n = choose(p, 8); n && s->conn && s->ack_count; n--)
        send_ack(s);
}

static void do_leave(struct play *p, struct play_slot *s)
{
    struct play_bytes b;
    unsigned how = choose(p, 4), client = s->client;
    bool with_will = how == 3 && s->is_v5;
    trace(p, "%u %s", client, how < 2 ? "is lost" : with_will ? "leaves with will" : "leaves");
    if (!p->cfg.is_rough)
        model_end(&p->model, client,
                  how < 2     ? MODEL_LOST
                  : with_will ? MODEL_GOODBYE_WITH_WILL
                              : MODEL_GOODBYE);
    if (how < 2) {
        close_slot(s);
        return;
    }
    s->is_taken_over = true; // it will be closed
    play_put_disconnect(&b, with_will ? 4 : 0);
    send(s, &b);
}

static void do_time(struct play *p)
{
    uint64_t until = p->now_ms + 10000ull * (1 + choose(p, 8));
    trace(p, "time goes on to %u s", (unsigned)(until / 1000));
    if (!p->cfg.is_rough)
        model_clock(&p->model, until);
    for (;;) {
        uint64_t next = nh_mqtt_broker_next_deadline(p->broker);
        p->now_ms = next < until ? next : until;
        nh_mqtt_broker_tick(p->broker, p->now_ms);
        turn_end(p);
        if (p->now_ms == until)
            return;
    }
}

// Ends the session with the most to come, when there is hardly room for more.
static void make_room(struct play *p)
{
    unsigned counts[MODEL_CLIENTS] = {0}, most = 0;
    if (p->model.copy_count + 80 < MODEL_COPIES)
        return;
    for (size_t i = 0; i < p->model.copy_count; i++)
        counts[p->model.copies[i].client]++;
    for (unsigned i = 0; i < MODEL_CLIENTS; i++)
        most = counts[i] > counts[most] ? i : most;
    struct play_slot *s = slot_of(p, most);
    if (s) {
        model_end(&p->model, most, MODEL_LOST);
        close_slot(s);
    }
    for (size_t i = 0; i < PLAY_SLOTS; i++) {
        if (p->slots[i].conn)
            continue;
        bool v5 = is_v5(p, most);
        const struct model_connect k = {.is_v5 = v5, .is_clean = true, .window = WINDOW_MAX};
        connect_as(p, &p->slots[i], most, &k);
        return;
    }
}

static void do_fault(struct play *p)
{
    struct nh_mem_fault fault = {.fail_nth = 1 + choose(p, 16), .only_owner = p->mem};
    nh_mem_fault_set(p->sys, choose(p, 2) ? &fault : NULL);
}

static void act(struct play *p, struct play_slot *s, unsigned what)
{
    static void (*const acts[])(struct play *, struct play_slot *) = {
        do_publish, do_publish, do_publish, do_publish,     do_subscribe, do_subscribe,
        do_ack,     do_repeat,  do_release, do_unsubscribe, do_leave};
    if (!s->conn) {
        do_connect(p, s);
    } else if (what < NH_ARRAY_LEN(acts)) {
        acts[what](p, s);
    } else if (what < 14) {
        s->is_stalled = !s->is_stalled && choose(p, 3) == 0;
        s->was_stalled |= s->is_stalled;
        s->is_dirty = true;
    } else {
        s->is_lazy = !s->is_lazy;
    }
}

// ---- the play -----------------------------------------------------------------------------------

void play_begin(struct play *p, const struct play_config *cfg)
{
    struct nh_mem_system_config mem = {
        .region = {{cfg->region[0], cfg->region_bytes[0]}, {cfg->region[1], cfg->region_bytes[1]}}};
    struct nh_mqtt_broker_config broker = {
        .inflight_max = WINDOW_MAX, .dirty = on_dirty, .pause = on_pause};
    if (cfg->is_rough) {
        broker.inflight_max = 4;
        broker.queue_max_messages = 10;
        broker.queue_max_bytes = 1000;
        broker.retained_max_count = 3;
        broker.session_max_count = 2;
        broker.subscription_max_count = 4;
        broker.qos2_max_count = 2;
        broker.conn_max_count = 3;
    }
    memset(p, 0, sizeof *p);
    p->cfg = *cfg;
    p->doing = "begin";
    p->now_ms = 1000000;
    model_init(&p->model, p->now_ms);
    require(p, nh_mem_system_create(&mem, &p->sys) == NH_OK, "no memory system");
    require(p, nh_mem_owner_add(p->sys, "mqtt", NULL, &p->mem) == NH_OK, "no owner");
    broker.mem = p->mem;
    require(p, nh_mqtt_broker_create(&broker, &p->broker) == NH_OK, "no broker");
    for (size_t i = 0; i < PLAY_SLOTS; i++)
        p->slots[i].play = p;
}

void play_step(struct play *p)
{
    unsigned what = choose(p, 256);
    p->doing = "step";
    if (what >= 240)
        do_time(p);
    else if (what >= 224 && p->cfg.is_rough)
        do_fault(p);
    else
        act(p, &p->slots[what % 4], what / 4 % 16);
    if (p->cfg.is_rough) {
        p->model.copy_count = 0;
    } else {
        make_room(p);
    }
    settle(p);
}

// Everybody comes back, reads and acknowledges: whatever is due must come.
static void come_back(struct play *p)
{
    for (size_t i = 0; i < PLAY_SLOTS; i++) {
        p->slots[i].is_stalled = p->slots[i].is_lazy = false;
        p->slots[i].is_dirty = p->slots[i].conn != NULL;
    }
    settle(p);
    for (unsigned client = 0; client < MODEL_CLIENTS; client++) {
        struct play_slot *s = slot_of(p, client);
        for (size_t i = 0; !s && i < PLAY_SLOTS; i++)
            s = p->slots[i].conn ? NULL : &p->slots[i];
        s = s ? s : &p->slots[client % PLAY_SLOTS];
        if (s->conn) {
            model_end(&p->model, s->client, MODEL_LOST);
            close_slot(s);
        }
        bool v5 = is_v5(p, client);
        const struct model_connect k = {
            .is_v5 = v5, .expiry_s = MODEL_NEVER_S, .window = WINDOW_MAX};
        connect_as(p, s, client, &k);
        settle(p);
    }
}

void play_end(struct play *p)
{
    p->doing = "end";
    nh_mem_fault_set(p->sys, NULL);
    if (!p->cfg.is_rough)
        come_back(p);
    nh_mqtt_broker_destroy(p->broker);
    require(p, nh_mem_check(p->sys) == NH_OK, "the heap does not hold");
    require(p, nh_mem_system_destroy(p->sys, NULL, NULL) == 0, "memory was left behind");
}
