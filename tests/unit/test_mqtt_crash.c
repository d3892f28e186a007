// Random lives of a broker whose power goes at any moment, with a ledger on both sides: what a
// publisher was acknowledged arrives, at QoS 1 at least once, at QoS 2 once.
//
// The clients are models that keep to the standard: they repeat what was not acknowledged when they
// come back, and remember packet ids as they must. The disk is one that forgets (mqtt_store.h).

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/mqtt_client.h"
#include "support/mqtt_store.h"
#include "support/rng.h"

#define PUBS 2
#define SUBS 3 // two kept, one clean
#define MESSAGES 40

static struct world w;
static struct disk disk;
static struct rng rng;
static struct nh_mqtt_broker_config cfg;

enum said { NOT_YET, PUBLISHED, RELEASED, DONE };

struct pub {
    struct client *c;
    enum said said[MESSAGES]; // index i: packet id i + 1
    bool is_kept;
    int next;
};

struct sub {
    struct client *c;
    unsigned heard[PUBS][MESSAGES];
    bool holds[65536 / 64 + 1]; // packet ids received at QoS 2, by the low ones that occur
    bool is_kept, is_subscribed;
};

static struct pub pubs[PUBS];
static struct sub subs[SUBS];

// The QoS of a message follows from its number.
static unsigned qos_of(int message)
{
    return 1 + (unsigned)message % 2;
}

static bool chance(unsigned pct)
{
    return rng_below(&rng, 100) < pct;
}

// ---- publishers ---------------------------------------------------------------------------------

static void pub_send(struct pub *p, int i, bool dup)
{
    char payload[16];
    snprintf(payload, sizeof payload, "%d %d", (int)(p - pubs), i);
    p->said[i] = PUBLISHED;
    client_publish_with(p->c,
                        &(struct publish){"t", payload, qos_of(i), (unsigned)i + 1, false, dup});
}

static void pub_connect(struct pub *p)
{
    char id[] = "pub0";
    id[3] = (char)('0' + (p - pubs));
    client_connect(p->c, id, p->is_kept);
}

static void pub_connack(struct pub *p, bool is_present)
{
    (void)is_present;
    for (int i = 0; i < p->next && p->c->conn; i++) {
        if (p->said[i] == PUBLISHED)
            pub_send(p, i, true);
        else if (p->said[i] == RELEASED)
            client_ack(p->c, 0x62, (unsigned)i + 1);
    }
}

static void pub_hear(struct pub *p, unsigned type, const uint8_t *body)
{
    if (type == 2) {
        pub_connack(p, body[0]);
        return;
    }
    int i = (body[0] << 8 | body[1]) - 1;
    assert_true(i >= 0 && i < p->next);
    if (type == 4)
        p->said[i] = DONE;
    if (type == 5 && p->said[i] == PUBLISHED)
        p->said[i] = RELEASED;
    if (type == 5 && p->c->conn)
        client_ack(p->c, 0x62, (unsigned)i + 1);
    if (type == 7)
        p->said[i] = DONE;
}

// ---- subscribers --------------------------------------------------------------------------------

static void sub_connect(struct sub *s)
{
    char id[] = "sub0";
    id[3] = (char)('0' + (s - subs));
    client_connect(s->c, id, s->is_kept);
}

static void sub_connack(struct sub *s, bool is_present)
{
    if (!is_present) {
        assert_false(s->is_kept && s->is_subscribed); // what was acknowledged is there
        memset(s->holds, 0, sizeof s->holds);
        client_subscribe(s->c, "t", 2);
    }
}

static void sub_publish(struct sub *s, unsigned first, const uint8_t *body, size_t len)
{
    char text[24];
    int from, i;
    unsigned id = (unsigned)body[3] << 8 | body[4];
    snprintf(text, sizeof text, "%.*s", (int)(len - 5), (const char *)body + 5);
    assert_int_equal(sscanf(text, "%d %d", &from, &i), 2);
    assert_true(from < PUBS && i < MESSAGES && id && id < NH_ARRAY_LEN(s->holds));
    assert_int_equal(first >> 1 & 3, qos_of(i));
    if (qos_of(i) == 1 || !s->holds[id])
        s->heard[from][i]++;
    if (qos_of(i) == 2)
        s->holds[id] = true;
    client_ack(s->c, qos_of(i) == 1 ? 0x40 : 0x50, id);
}

static void sub_hear(struct sub *s, unsigned first, const uint8_t *body, size_t len)
{
    unsigned type = first >> 4;
    if (type == 2)
        sub_connack(s, body[0]);
    if (type == 9)
        s->is_subscribed = true;
    if (type == 3)
        sub_publish(s, first, body, len);
    if (type == 6) {
        unsigned id = (unsigned)body[0] << 8 | body[1];
        s->holds[id] = false;
        client_ack(s->c, 0x70, id);
    }
}

// ---- the world ----------------------------------------------------------------------------------

// A client takes the next packet that reached it.
static bool hear_one(struct client *c)
{
    uint8_t packet[128];
    if (c->rx_len < 2)
        return false;
    size_t len = 2u + c->rx[1]; // all are short
    assert_true(len <= sizeof packet && len <= c->rx_len);
    memcpy(packet, c->rx, len);
    memmove(c->rx, c->rx + len, c->rx_len - len);
    c->rx_len -= len;
    size_t i = (size_t)(c - w.clients);
    if (i < PUBS)
        pub_hear(&pubs[i], packet[0] >> 4, packet + 2);
    else
        sub_hear(&subs[i - PUBS], packet[0], packet + 2, len - 2);
    return true;
}

static void load(void)
{
    cfg.persist = disk_persist(&disk);
    world_init(&w, &cfg);
    w.no_check = disk.no_check = chance(90);
    assert_int_equal(nh_mqtt_broker_load(w.broker, w.now_ms), NH_OK);
    world_turn_end(&w);
    for (size_t i = 0; i < PUBS; i++)
        pubs[i].c = &w.clients[i];
    for (size_t i = 0; i < SUBS; i++)
        subs[i].c = &w.clients[PUBS + i];
}

// What the broker had sent may have reached a client, or some of it.
static void last_words(void)
{
    for (size_t i = 0; i < PUBS + SUBS; i++) {
        struct client *c = &w.clients[i];
        nh_mqtt_conn_t *conn = c->conn;
        unsigned n = rng_below(&rng, 6);
        c->conn = NULL; // what it answers is lost
        while (n-- && hear_one(c))
            continue;
        c->conn = conn;
        c->rx_len = 0;
    }
}

static void crash(void)
{
    last_words();
    if (disk.pending && chance(50))
        disk_apply(&disk, disk.pending); // written, but nobody was told
    disk.pending = NULL;
    world_deinit(&w);
    load();
}

static void commit(int rc)
{
    disk_finish(&disk, w.broker, rc, w.now_ms);
    world_turn_end(&w);
}

static void come(size_t i)
{
    if (w.clients[i].conn)
        return;
    w.clients[i].rx_len = 0;
    if (i < PUBS)
        pub_connect(&pubs[i]);
    else
        sub_connect(&subs[i - PUBS]);
}

static void go(size_t i)
{
    w.clients[i].rx_len = 0;
    client_close(&w.clients[i]);
    world_turn_end(&w);
}

static bool all_subscribed(void)
{
    for (size_t i = 0; i < SUBS; i++)
        if (subs[i].is_kept && !subs[i].is_subscribed)
            return false;
    return true;
}

static void publish_next(struct pub *p)
{
    if (p->next < MESSAGES && p->c->conn && all_subscribed()) {
        p->next++;
        pub_send(p, p->next - 1, false);
    }
}

static void act(void)
{
    size_t i = rng_below(&rng, PUBS + SUBS);
    unsigned what = rng_below(&rng, 100);
    if (what < 35)
        hear_one(&w.clients[i]);
    else if (what < 60)
        publish_next(&pubs[i % PUBS]);
    else if (what < 82)
        commit(chance(90) ? NH_OK : NH_ERR_NOSPC);
    else if (what < 92)
        come(i);
    else if (what < 94)
        go(i);
    else if (what < 98)
        world_tick(&w, w.now_ms + rng_below(&rng, 300));
    else
        crash();
}

// Everybody comes back and all that is due arrives.
static void finish(void)
{
    for (unsigned quiet = 0, guard = 0; quiet < 20; guard++) {
        bool heard = false;
        assert_true(guard < 20000);
        for (size_t i = 0; i < PUBS + SUBS; i++) {
            come(i);
            heard |= hear_one(&w.clients[i]);
        }
        heard |= disk.pending != NULL;
        commit(NH_OK);
        world_tick(&w, w.now_ms + 400);
        quiet = heard ? 0 : quiet + 1;
    }
}

static void check_ledger(uint64_t seed)
{
    for (size_t p = 0; p < PUBS; p++) {
        for (int i = 0; i < pubs[p].next; i++) {
            if (pubs[p].said[i] != DONE)
                fail_msg("seed %u: message %d of %u was never acknowledged", (unsigned)seed, i,
                         (unsigned)p);
            for (size_t s = 0; s < SUBS; s++) {
                unsigned n = subs[s].heard[p][i];
                if ((n == 0 && subs[s].is_kept) || (n > 1 && qos_of(i) == 2 && pubs[p].is_kept))
                    fail_msg("seed %u: message %d of %u heard %u times by %u", (unsigned)seed, i,
                             (unsigned)p, n, (unsigned)s);
            }
        }
    }
    size_t left = disk_count(&disk, 'P') + disk_count(&disk, 'Q') + disk_count(&disk, 'I');
    assert_int_equal(left, 0);
}

static void life(uint64_t seed, unsigned acts)
{
    rng.state = seed;
    memset(&disk, 0, sizeof disk);
    memset(pubs, 0, sizeof pubs);
    memset(subs, 0, sizeof subs);
    cfg = (struct nh_mqtt_broker_config){.inflight_max = 1 + rng_below(&rng, 6),
                                         .queue_max_messages = 1000,
                                         .queue_memory_max_bytes = chance(50) ? 64 : 4096};
    for (size_t i = 0; i < PUBS; i++)
        pubs[i].is_kept = true;
    for (size_t i = 0; i < SUBS; i++)
        subs[i].is_kept = i < SUBS - 1;
    load();
    for (unsigned i = 0; i < acts; i++)
        act();
    finish();
    assert_int_equal(nh_mqtt_broker_check(w.broker), NH_OK);
    check_ledger(seed);
    disk.pending = NULL;
    world_deinit(&w);
}

#ifndef LIVES
#define LIVES 60
#endif

static void test_ledger(void **state)
{
    (void)state;
    const char *from = getenv("NH_SEED"), *count = getenv("NH_LIVES");
    uint64_t first = from ? strtoull(from, NULL, 10) : 1,
             n = count ? strtoull(count, NULL, 10) : LIVES;
    for (uint64_t seed = first; seed < first + n; seed++)
        life(seed, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ledger)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
