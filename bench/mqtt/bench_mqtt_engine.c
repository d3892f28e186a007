// bench_mqtt_engine.c - what the broker engine costs without sockets: time and allocations for each
// routed message, bytes for each idle client and each retained message, the cost of a match.
//
//   bench_mqtt_engine [WHAT] [N]   WHAT: all, fanout0, fanout1, fanout2, p2p0, p2p1, p2p1k, p2p1k1,
//                                  idle, retained, match, match10 (... match1000000), connect.
//                                  N scales the work; instructions.py gives small ones.
//
// Figures of memory are those of the owner, headers of blocks included.

#include "mqtt/broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define INTERNAL_BYTES NH_MIB(1)
#define PSRAM_BYTES NH_MIB(900)
#define TURN_BYTES NH_KIB(64)

static nh_mem_system_t *sys;
static nh_mem_t *mem;
static nh_mqtt_broker_t *broker;
static uint8_t turn[2 * TURN_BYTES];
static struct nh_mqtt_span spans[256];

static void die(const char *what)
{
    fprintf(stderr, "bench_mqtt_engine: %s\n", what);
    exit(1);
}

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); // of this process: others may run beside it
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct nh_mem_owner_info owner(void)
{
    struct nh_mem_owner_info info;
    for (size_t i = 0; nh_mem_owner_info(sys, i, &info) == NH_OK; i++)
        if (strcmp(info.name, "mqtt") == 0)
            return info;
    die("no owner");
    return info;
}

static size_t bytes_now(void)
{
    struct nh_mem_owner_info info = owner();
    return info.tier[0].current_bytes + info.tier[1].current_bytes;
}

static uint64_t allocs_now(void)
{
    struct nh_mem_owner_info info = owner();
    return info.tier[0].alloc_count + info.tier[1].alloc_count;
}

// Who has output in this turn.
static nh_mqtt_conn_t *dirty[64];
static size_t dirty_count;

static void on_dirty(void *ctx, nh_mqtt_conn_t *c, void *user)
{
    (void)ctx;
    (void)user;
    if (dirty_count < NH_ARRAY_LEN(dirty))
        dirty[dirty_count++] = c;
}

static void begin(void)
{
    static void *regions[2];
    for (int i = 0; i < 2; i++) {
        size_t size = i ? PSRAM_BYTES : INTERNAL_BYTES;
        if (!regions[i])
            regions[i] = mmap(NULL, size, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (regions[i] == MAP_FAILED)
            die("no memory");
    }
    struct nh_mem_system_config cfg = {
        .region = {{regions[0], INTERNAL_BYTES}, {regions[1], PSRAM_BYTES}}};
    struct nh_mqtt_broker_config broker_cfg = {.conn_max_count = 2000000,
                                               .session_max_count = 2000000,
                                               .subscription_max_count = 65535,
                                               .retained_max_bytes = 1u << 30,
                                               .retained_max_count = 2000000,
                                               .hash_seed = 1,
                                               .dirty = on_dirty};
    if (nh_mem_system_create(&cfg, &sys) < 0 || nh_mem_owner_add(sys, "mqtt", NULL, &mem) < 0)
        die("no memory system");
    broker_cfg.mem = mem;
    if (nh_mqtt_broker_create(&broker_cfg, &broker) < 0)
        die("no broker");
}

static void end(void)
{
    nh_mqtt_broker_destroy(broker);
    if (nh_mem_system_destroy(sys, NULL, NULL) != 0)
        die("a leak");
}

// ---- clients ------------------------------------------------------------------------------------

static void input(nh_mqtt_conn_t *c, const uint8_t *bytes, size_t len)
{
    if (nh_mqtt_broker_input(broker, c, bytes, len, 1) < 0)
        die("input refused");
}

// Takes all output as a socket would, without copying it.
static size_t drain(nh_mqtt_conn_t *c)
{
    size_t total = 0, n;
    while ((n = nh_mqtt_broker_output(broker, c, spans, NH_ARRAY_LEN(spans))) > 0) {
        size_t bytes = 0;
        for (size_t i = 0; i < n; i++)
            bytes += spans[i].len;
        nh_mqtt_broker_sent(broker, c, bytes, 1);
        total += bytes;
    }
    return total;
}

static size_t put_text(uint8_t *out, const char *text)
{
    size_t len = strlen(text);
    out[0] = (uint8_t)(len >> 8);
    out[1] = (uint8_t)len;
    memcpy(out + 2, text, len);
    return len + 2;
}

static nh_mqtt_conn_t *connect_client(const char *id, const char *filter, unsigned qos)
{
    nh_mqtt_conn_t *c;
    if (nh_mqtt_broker_open(broker, NULL, 1, &c) < 0)
        die("open refused");
    uint8_t p[256] = {0x10, 0, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60};
    size_t n = 12 + put_text(p + 12, id);
    p[1] = (uint8_t)(n - 2);
    input(c, p, n);
    if (filter) {
        p[0] = 0x82;
        p[2] = 0;
        p[3] = 1;
        n = 4 + put_text(p + 4, filter);
        p[n++] = (uint8_t)qos;
        p[1] = (uint8_t)(n - 2);
        input(c, p, n);
    }
    drain(c);
    nh_mqtt_broker_turn_end(broker);
    return c;
}

// Fills a turn with publishes of `payload` bytes to `topic`; gives their number.
static unsigned fill(uint8_t *out, size_t cap, const char *topic, size_t payload, unsigned qos,
                     unsigned max, size_t *len)
{
    size_t body = 2 + strlen(topic) + (qos ? 2 : 0) + payload, at = 0;
    unsigned count = 0;
    for (; at + body + 3 <= cap && count < max; count++) {
        out[at++] = (uint8_t)(0x30 | qos << 1);
        if (body > 127) {
            out[at++] = (uint8_t)(body | 128);
            out[at++] = (uint8_t)(body >> 7);
        } else {
            out[at++] = (uint8_t)body;
        }
        at += put_text(out + at, topic);
        if (qos) {
            out[at++] = (uint8_t)((count + 1) >> 8);
            out[at++] = (uint8_t)(count + 1);
        }
        memset(out + at, 'x', payload);
        at += payload;
    }
    *len = at;
    return count;
}

// ---- routing ------------------------------------------------------------------------------------

struct route {
    const char *name;
    unsigned pubs, subs, qos, payload;
    nh_mqtt_conn_t *pub[16], *sub[16];
};

// The ids that a subscriber was given in this turn come back as acknowledgements of all steps.
static size_t acks(uint8_t *out, uint8_t first, unsigned from, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned id = (from + i - 1) % 65535 + 1;
        uint8_t ack[] = {first, 2, (uint8_t)(id >> 8), (uint8_t)id};
        memcpy(out + 4 * i, ack, 4);
    }
    return 4 * (size_t)count;
}

// The subscribers acknowledge `count` messages from packet id `next_id` on, the publisher releases.
static void acknowledge(const struct route *r, nh_mqtt_conn_t *pub, unsigned next_id,
                        unsigned count)
{
    static const uint8_t steps[3][2] = {{0, 0}, {0x40, 0}, {0x50, 0x70}};
    uint8_t *scratch = turn + TURN_BYTES;
    for (unsigned step = 0; step < 2 && steps[r->qos][step]; step++) {
        for (unsigned s = 0; s < r->subs; s++)
            input(r->sub[s], scratch, acks(scratch, steps[r->qos][step], next_id, count));
        for (unsigned s = 0; s < r->subs; s++)
            drain(r->sub[s]);
        nh_mqtt_broker_turn_end(broker);
    }
    if (r->qos < 2)
        return;
    input(pub, scratch, acks(scratch, 0x62, 1, count));
    drain(pub);
    nh_mqtt_broker_turn_end(broker);
}

// One publisher fills a turn, everybody reads and acknowledges. Gives the number of messages.
static unsigned route_turn(const struct route *r, unsigned number, unsigned next_id)
{
    char topic[32];
    size_t len;
    nh_mqtt_conn_t *pub = r->pub[number % r->pubs];
    snprintf(topic, sizeof topic, "bench/%u", number % r->pubs);
    unsigned count = fill(turn, TURN_BYTES, topic, r->payload, r->qos, r->qos ? 60 : 100000, &len);
    input(pub, turn, len);
    for (unsigned s = 0; s < r->subs; s++)
        drain(r->sub[s]);
    drain(pub);
    nh_mqtt_broker_turn_end(broker);
    acknowledge(r, pub, next_id, count);
    return count;
}

static void route(struct route r, unsigned turns)
{
    char id[32];
    begin();
    for (unsigned i = 0; i < r.pubs; i++) {
        snprintf(id, sizeof id, "pub%u", i);
        r.pub[i] = connect_client(id, NULL, 0);
    }
    for (unsigned i = 0; i < r.subs; i++) {
        snprintf(id, sizeof id, "sub%u", i);
        r.sub[i] = connect_client(id, "bench/#", r.qos);
    }
    uint64_t allocs = 0, ns = 0, routed = 0, sent = 0;
    for (unsigned t = 0; t < turns + 10; t++) {
        if (t == 10) { // pools are filled
            allocs = allocs_now();
            ns = cpu_ns();
            routed = 0;
        }
        unsigned count = route_turn(&r, t, (unsigned)(sent % 65535 + 1));
        sent += count;
        routed += (uint64_t)count * r.subs;
    }
    ns = cpu_ns() - ns;
    allocs = allocs_now() - allocs;
    printf("%-10s %2ux%-2u QoS %u %4u B: %7.1f ns, %.4f allocations a delivered message (%llu)\n",
           r.name, r.pubs, r.subs, r.qos, r.payload, (double)ns / (double)routed,
           (double)allocs / (double)routed, (unsigned long long)routed);
    if (r.qos == 0 && allocs != 0)
        die("QoS 0 allocated in the steady state");
    end();
}

// ---- memory -------------------------------------------------------------------------------------

static void idle(unsigned n)
{
    char id[32], filter[48];
    begin();
    printf("empty      %zu bytes\n", bytes_now());
    for (unsigned i = 0; i < 100; i++) { // pools and tables of an ordinary broker
        snprintf(id, sizeof id, "warm%u", i);
        connect_client(id, "warm/up", 0);
    }
    size_t before = bytes_now();
    for (unsigned i = 0; i < n; i++) {
        snprintf(id, sizeof id, "client-%06u", i);
        snprintf(filter, sizeof filter, "devices/%06u", i);
        connect_client(id, filter, 1);
    }
    printf("idle       %u clients, one subscription each: %.1f bytes a client\n", n,
           (double)(bytes_now() - before) / n);
    end();
}

static void retained(unsigned n)
{
    char topic[32];
    uint8_t payload[64] = {1};
    begin();
    size_t before = bytes_now();
    for (unsigned i = 0; i < n; i++) {
        int len = snprintf(topic, sizeof topic, "retained/%06u/state", i * 7919 % n);
        struct nh_mqtt_message m = {
            {(uint8_t *)topic, (size_t)len}, {payload, sizeof payload}, 0, true};
        if (nh_mqtt_broker_publish(broker, &m, 1) < 0)
            die("publish");
    }
    printf("retained   %u of 64 B: %.1f bytes each", n, (double)(bytes_now() - before) / n);
    uint64_t ns = cpu_ns();
    nh_mqtt_conn_t *c = connect_client("reader", "#", 0);
    size_t bytes = 0, more;
    do {
        nh_mqtt_broker_tick(broker, 1);
        bytes += more = drain(c);
        nh_mqtt_broker_turn_end(broker);
    } while (more || nh_mqtt_broker_next_deadline(broker) <= 1);
    ns = cpu_ns() - ns;
    printf(", replay %.0f ns each (%zu bytes in the second part)\n", (double)ns / n, bytes);
    end();
}

// ---- matching -----------------------------------------------------------------------------------

// Topics that no earlier message had, so that each is matched anew.
static void match(unsigned subscriptions, unsigned n)
{
    char id[32], filter[64], topic[64];
    size_t len;
    begin();
    nh_mqtt_conn_t *pub = connect_client("pub", NULL, 0);
    for (unsigned i = 0; i < subscriptions; i++) {
        static const char *const forms[] = {"site/%u/+/temperature", "site/%u/room/#",
                                            "site/%u/room/humidity", "site/%u/room/temperature"};
        snprintf(id, sizeof id, "c%u", i);
        snprintf(filter, sizeof filter, forms[i % 4], i / 4);
        connect_client(id, filter, 0);
    }
    dirty_count = 0;
    uint64_t ns = cpu_ns();
    for (unsigned i = 0; i < n; i++) {
        snprintf(topic, sizeof topic, "site/%u/room/temperature",
                 (unsigned)((uint64_t)i * 7919 % (subscriptions / 4 + 1)));
        fill(turn, TURN_BYTES, topic, 8, 0, 1, &len);
        input(pub, turn, len);
        for (size_t k = 0; k < dirty_count; k++)
            drain(dirty[k]);
        dirty_count = 0;
        nh_mqtt_broker_turn_end(broker);
    }
    ns = cpu_ns() - ns;
    printf("match      %7u subscriptions: %6.0f ns a message of a topic not seen before (%u)\n",
           subscriptions, (double)ns / n, n);
    end();
}

static void connects(unsigned n)
{
    char id[32];
    begin();
    uint64_t ns = cpu_ns();
    for (unsigned i = 0; i < n; i++) {
        snprintf(id, sizeof id, "client-%06u", i);
        nh_mqtt_broker_close(broker, connect_client(id, "a/b/c", 1), 1);
    }
    printf("connect    %.0f ns to connect, subscribe and go\n", (double)(cpu_ns() - ns) / n);
    end();
}

int main(int argc, char **argv)
{
    static const struct route routes[] = {
        {.name = "fanout0", .pubs = 10, .subs = 10, .qos = 0, .payload = 64},
        {.name = "fanout1", .pubs = 10, .subs = 10, .qos = 1, .payload = 64},
        {.name = "fanout2", .pubs = 10, .subs = 10, .qos = 2, .payload = 64},
        {.name = "p2p0", .pubs = 1, .subs = 1, .qos = 0, .payload = 64},
        {.name = "p2p1", .pubs = 1, .subs = 1, .qos = 1, .payload = 64},
        {.name = "p2p1k", .pubs = 1, .subs = 1, .qos = 0, .payload = 1024},
        {.name = "p2p1k1", .pubs = 1, .subs = 1, .qos = 1, .payload = 1024},
    };
    const char *what = argc > 1 ? argv[1] : "all";
    unsigned n = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 10000;
    bool all = strcmp(what, "all") == 0;
    for (size_t i = 0; i < NH_ARRAY_LEN(routes); i++)
        if (all || strcmp(what, routes[i].name) == 0)
            route(routes[i], routes[i].qos ? n / 2 : n / 10);
    if (all || strcmp(what, "idle") == 0)
        idle(n);
    if (all || strcmp(what, "retained") == 0)
        retained(n);
    static const unsigned sizes[] = {10, 1000, 100000, 1000000};
    for (size_t i = 0; i < NH_ARRAY_LEN(sizes); i++) {
        char name[24];
        snprintf(name, sizeof name, "match%u", sizes[i]);
        if (all || strcmp(what, "match") == 0 || strcmp(what, name) == 0)
            match(sizes[i], n);
    }
    if (all || strcmp(what, "connect") == 0)
        connects(n);
    return 0;
}
