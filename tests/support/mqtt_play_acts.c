// What the clients of a play do, by chance, and the play as a whole.

#include "support/mqtt_play.h"

#include "support/mqtt_play_bytes.h"
#include "support/mqtt_play_parts.h"

#include <string.h>

#define WINDOW_MAX 8u // inflight_max of the broker

// Of sessions, in s. Time goes on in steps of 10 s, so that it never stops near a deadline.
static const uint32_t expiries[] = {0, 25, 55, MODEL_NEVER_S};

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

// ---- what clients do ----------------------------------------------------------------------------

static bool is_v5(const struct play *p, unsigned client)
{
    return p->cfg.has_v5 && client >= 2;
}

static void choose_connect(struct play *p, unsigned client, struct model_connect *k)
{
    static const uint32_t windows[] = {WINDOW_MAX, WINDOW_MAX, 3, 1};
    static const uint32_t delays[] = {0, 15, 35};
    bool v5 = is_v5(p, client);
    *k = (struct model_connect){
        .is_v5 = v5, .is_clean = play__choose(p, 4) == 0, .window = WINDOW_MAX};
    k->expiry_s = v5 ? expiries[play__choose(p, 4)] : k->is_clean ? 0 : MODEL_NEVER_S;
    k->window = v5 ? windows[play__choose(p, 4)] : WINDOW_MAX;
    k->has_will = play__choose(p, 3) == 0;
    if (!k->has_will)
        return;
    k->will_delay_s = v5 ? delays[play__choose(p, 3)] : 0;
    k->will = (struct model_message){.number = ++p->next_number,
                                     .expires_ms = NH_NEVER,
                                     .topic = MODEL_TOPICS - 1,
                                     .qos = (uint8_t)play__choose(p, 3),
                                     .publisher = (uint8_t)client,
                                     .retain = play__choose(p, 4) == 0,
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
        play__require(p, p->cfg.is_rough, "no connection");
        return;
    }
    s->client = (uint8_t)client;
    s->is_v5 = k->is_v5;
    play__trace(p, "%u connects%s%s for %u s, window %u%s", client, k->is_v5 ? " v5" : "",
                k->is_clean ? " clean" : "", (unsigned)k->expiry_s, (unsigned)k->window,
                k->has_will ? " with a will" : "");
    if (!p->cfg.is_rough) {
        bool is_present = model_connect(&p->model, client, k);
        play__expect_answer(s, (struct play_answer){PLAY_CONNACK, 1, {is_present}, 0});
        if (!is_present)
            p->memory[client] = (struct play_memory){.next_id = (uint16_t)(client * 1000 + 1)};
    }
    play_put_connect(&b, client, k);
    play__send(s, &b);
}

static void do_connect(struct play *p, struct play_slot *s)
{
    struct model_connect k;
    unsigned client = play__choose(p, MODEL_CLIENTS);
    if (s->conn || (slot_of(p, client) && play__choose(p, 3)))
        return;
    choose_connect(p, client, &k);
    connect_as(p, s, client, &k);
}

static void do_subscribe(struct play *p, struct play_slot *s)
{
    struct play_bytes b;
    struct model_sub sub = {.filter = (uint8_t)play__choose(p, MODEL_FILTERS),
                            .qos = (uint8_t)play__choose(p, 3)};
    unsigned handling = 0, id = p->memory[s->client].next_id++;
    if (s->is_stalled || p->model.sessions[s->client].sub_count == MODEL_SUBS)
        return;
    if (s->is_v5) {
        unsigned options = play__choose(p, 256);
        sub.share = (uint8_t)(options % 4 == 3 ? 1 + options / 64 % 2 : 0);
        sub.no_local = !sub.share && (options & 4);
        sub.as_published = options & 8;
        // Always in a share: so copies by several shares can be told apart.
        if (sub.share || (options & 16))
            sub.sid = 1u << (sub.filter + MODEL_FILTERS * sub.share);
        handling = play__choose(p, 3);
    }
    play__trace(p, "%u subscribes %s%s q%u%s%s sid %u rh%u", s->client,
                sub.share == 1 ? "$share/1 "
                : sub.share    ? "$share/2 "
                               : "",
                model_filters[sub.filter], sub.qos, sub.no_local ? " nl" : "",
                sub.as_published ? " rap" : "", (unsigned)sub.sid, handling);
    if (!p->cfg.is_rough) {
        model_subscribe(&p->model, s->client, &sub, handling);
        play__expect_answer(s, (struct play_answer){PLAY_SUBACK, 1, {sub.qos}, (uint16_t)id});
    }
    play_put_subscribe(&b, s->is_v5, (uint16_t)id, &sub, handling);
    play__send(s, &b);
}

static void do_unsubscribe(struct play *p, struct play_slot *s)
{
    struct play_bytes b;
    unsigned filter = play__choose(p, MODEL_FILTERS), id = p->memory[s->client].next_id++;
    unsigned share = s->is_v5 ? play__choose(p, MODEL_SHARES) : 0;
    const struct model_session *m = &p->model.sessions[s->client];
    if (m->sub_count && play__choose(p, 2)) { // one that it has
        const struct model_sub *sub = &m->subs[play__choose(p, (uint32_t)m->sub_count)];
        filter = sub->filter;
        share = sub->share;
    }
    play__trace(p, "%u unsubscribes %s%s", s->client,
                share == 1 ? "$share/1 "
                : share    ? "$share/2 "
                           : "",
                model_filters[filter]);
    if (!p->cfg.is_rough) {
        uint8_t code = model_unsubscribe(&p->model, s->client, filter, share) ? 0 : 0x11;
        play__expect_answer(s, (struct play_answer){PLAY_UNSUBACK, s->is_v5, {code}, (uint16_t)id});
    }
    play_put_unsubscribe(&b, s->is_v5, (uint16_t)id, filter, share);
    play__send(s, &b);
}

static void send_publish(struct play_slot *s, const struct model_message *m, uint16_t id, bool dup,
                         unsigned alias)
{
    struct play *p = s->play;
    struct play_bytes b;
    bool by_alias = alias && s->aliases_in[alias] == m->topic + 1;
    play__trace(p, "%u publishes %u on %s q%u #%u%s%s until %u", s->client, (unsigned)m->number,
                model_topics[m->topic], m->qos, id, dup ? " dup" : "", m->retain ? " retain" : "",
                (unsigned)(m->expires_ms / 1000));
    if (m->qos)
        play__expect_answer(
            s, (struct play_answer){m->qos == 1 ? PLAY_PUBACK : PLAY_PUBREC, 0, {0}, id});
    if (alias)
        s->aliases_in[alias] = (uint8_t)(m->topic + 1);
    play_put_publish(&b, s->is_v5,
                     &(struct play_publish){m, p->now_ms, id, dup, (uint16_t)alias, by_alias});
    play__send(s, &b);
}

static void do_publish(struct play *p, struct play_slot *s)
{
    struct play_memory *k = &p->memory[s->client];
    unsigned how = play__choose(p, 256);
    struct model_message m = {.number = how / 4 % 8 == 7 ? 0 : ++p->next_number,
                              .expires_ms = NH_NEVER,
                              .topic = (uint8_t)play__choose(p, MODEL_TOPICS - 1),
                              .qos = (uint8_t)(how / 64 % 3),
                              .publisher = s->client,
                              .retain = how % 4 == 3};
    if (s->is_v5 && play__choose(p, 4) == 3)
        m.expires_ms = p->now_ms + (play__choose(p, 2) ? 25000 : 55000);
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
    send_publish(s, &m, id, false, s->is_v5 ? play__choose(p, 4) : 0);
}

// A PUBLISH at QoS 2 comes again before its PUBREL: it is acknowledged and not passed on.
static void do_repeat(struct play *p, struct play_slot *s)
{
    struct play_memory *k = &p->memory[s->client];
    if (!k->unreleased_count || s->answer_count + 2 > PLAY_OWED)
        return;
    uint32_t at = play__choose(p, (uint32_t)k->unreleased_count);
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
    play__trace(p, "%u releases #%u", s->client, id);
    play__expect_answer(s, (struct play_answer){PLAY_PUBCOMP, 0, {0}, id});
    play_put_ack(&b, PLAY_PUBREL, id, 0);
    play__send(s, &b);
}

static void do_ack(struct play *p, struct play_slot *s)
{
    for (uint32_t n = play__choose(p, 8); n && s->conn && s->ack_count; n--)
        play__send_ack(s);
}

static void be_lost(struct play *p, struct play_slot *s)
{
    play__trace(p, "%u is lost", s->client);
    if (!p->cfg.is_rough)
        model_end(&p->model, s->client, MODEL_LOST);
    play__close_slot(s);
}

// DISCONNECT; in 5.0 also with the will, and with another expiry interval for a session that has
// one.
static void say_goodbye(struct play *p, struct play_slot *s)
{
    struct play_bytes b;
    struct model_connect *with = &p->model.sessions[s->client].with;
    bool with_will = s->is_v5 && play__choose(p, 3) == 2;
    bool with_expiry = s->is_v5 && with->expiry_s != 0 && play__choose(p, 4) == 3;
    if (with_expiry)
        with->expiry_s = expiries[play__choose(p, NH_ARRAY_LEN(expiries))];
    play__trace(p, "%u leaves%s, kept for %u s", s->client, with_will ? " with its will" : "",
                (unsigned)with->expiry_s);
    if (!p->cfg.is_rough)
        model_end(&p->model, s->client, with_will ? MODEL_GOODBYE_WITH_WILL : MODEL_GOODBYE);
    s->is_taken_over = true; // it will be closed
    play_put_disconnect(&b, with_will ? 4 : 0, with_expiry ? &with->expiry_s : NULL);
    play__send(s, &b);
}

static void do_leave(struct play *p, struct play_slot *s)
{
    if (play__choose(p, 2))
        say_goodbye(p, s);
    else
        be_lost(p, s);
}

static void do_time(struct play *p)
{
    uint64_t until = p->now_ms + 10000ull * (1 + play__choose(p, 8));
    play__trace(p, "time goes on to %u s", (unsigned)(until / 1000));
    if (!p->cfg.is_rough)
        model_clock(&p->model, until);
    p->is_time_going = true;
    for (;;) {
        uint64_t next = nh_mqtt_broker_next_deadline(p->broker);
        p->now_ms = next < until ? next : until;
        nh_mqtt_broker_tick(p->broker, p->now_ms);
        play__turn_end(p);
        if (p->now_ms == until)
            break;
    }
    p->is_time_going = false;
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
        play__close_slot(s);
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
    struct nh_mem_fault fault = {.fail_nth = 1 + play__choose(p, 16), .only_owner = p->mem};
    nh_mem_fault_set(p->sys, play__choose(p, 2) ? &fault : NULL);
}

static void act(struct play *p, struct play_slot *s, unsigned what)
{
    static void (*const acts[])(struct play *, struct play_slot *) = {
        do_publish, do_publish, do_publish, do_publish,     do_subscribe, do_subscribe,
        do_ack,     do_repeat,  do_release, do_unsubscribe, do_leave};
    if (!s->conn) {
        do_connect(p, s);
    } else if (what < NH_ARRAY_LEN(acts)) {
        // A client that does not read is owed answers; the model keeps so many and no more.
        if (s->answer_count < PLAY_OWED)
            acts[what](p, s);
    } else if (what < 14) {
        s->is_stalled = !s->is_stalled && play__choose(p, 3) == 0;
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
    play__require(p, nh_mem_system_create(&mem, &p->sys) == NH_OK, "no memory system");
    play__require(p, nh_mem_owner_add(p->sys, "mqtt", NULL, &p->mem) == NH_OK, "no owner");
    broker.mem = p->mem;
    play__require(p, nh_mqtt_broker_create(&broker, &p->broker) == NH_OK, "no broker");
    for (size_t i = 0; i < PLAY_SLOTS; i++)
        p->slots[i].play = p;
}

void play_step(struct play *p)
{
    unsigned what = play__choose(p, 256);
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
    play__settle(p);
}

// Everybody comes back, reads and acknowledges: whatever is due must come.
static void come_back(struct play *p)
{
    for (size_t i = 0; i < PLAY_SLOTS; i++) {
        p->slots[i].is_stalled = p->slots[i].is_lazy = false;
        p->slots[i].is_dirty = p->slots[i].conn != NULL;
    }
    play__settle(p);
    for (unsigned client = 0; client < MODEL_CLIENTS; client++) {
        struct play_slot *s = slot_of(p, client);
        for (size_t i = 0; !s && i < PLAY_SLOTS; i++)
            s = p->slots[i].conn ? NULL : &p->slots[i];
        s = s ? s : &p->slots[client % PLAY_SLOTS];
        if (s->conn) {
            model_end(&p->model, s->client, MODEL_LOST);
            play__close_slot(s);
        }
        bool v5 = is_v5(p, client);
        const struct model_connect k = {
            .is_v5 = v5, .expiry_s = MODEL_NEVER_S, .window = WINDOW_MAX};
        connect_as(p, s, client, &k);
        play__settle(p);
    }
}

void play_end(struct play *p)
{
    p->doing = "end";
    nh_mem_fault_set(p->sys, NULL);
    if (!p->cfg.is_rough)
        come_back(p);
    nh_mqtt_broker_destroy(p->broker);
    play__require(p, nh_mem_check(p->sys) == NH_OK, "the heap does not hold");
    play__require(p, nh_mem_system_destroy(p->sys, NULL, NULL) == 0, "memory was left behind");
}
