// Messages from publishers to subscribers, as many as go or at a fixed rate.
//
// Closed loop: at most `window` messages are on their way, so a broker with bounded queues loses
// nothing and one with unbounded queues cannot look faster by hoarding. Each payload carries its
// publisher, a running number, a time and a check sum; each subscriber keeps, for each publisher,
// what it expects next and which numbers it has missed so far. So what is lost, repeated, out of
// order or damaged is told apart.

#include "load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define BUFFER_BYTES ((size_t)512 * 1024)
#define HEAD_MAX 64 // of a PUBLISH before its payload
#define LATENCY_BUCKETS 64
#define LATENCY_STEPS 64
#define STALL_US 10000000u
#define SAMPLE_EVERY 64u // messages, without a fixed rate: a clock call costs

struct gap { // numbers [from, to) that were jumped over
    struct gap *next;
    uint32_t from, to;
};

struct track { // of one publisher at one subscriber
    uint32_t expected;
    struct gap *gaps;
};

struct peer {
    int fd, id;
    bool is_publisher, wants_write;
    size_t in_len, out_len, out_sent;
    uint8_t *in, *out;
    uint32_t next_number; // publisher: of the next message; also the source of packet ids
    uint32_t unacked, unacked_max;
    struct track *tracks; // subscriber: by publisher
    char topic[32];
};

static struct {
    uint64_t published, delivered, acked;
    uint64_t repeated, reordered, damaged, refused, late;
    uint64_t latency[LATENCY_BUCKETS * LATENCY_STEPS]; // by log2 and steps
    uint64_t latency_max_us;
} total;

static struct peer *peers; // subscribers, then publishers
static int epoll_fd, timer_fd = -1;

// ---- what came ----------------------------------------------------------------------------------

static void note_latency(uint64_t us)
{
    unsigned log2 = us < LATENCY_STEPS ? 0 : 58u - (unsigned)__builtin_clzll(us);
    total.latency[log2 * LATENCY_STEPS + (us >> log2) % LATENCY_STEPS]++;
    if (us > total.latency_max_us)
        total.latency_max_us = us;
}

// Takes `number` out of the gaps; false: it was not missing, so it came twice.
static bool fill_gap(struct track *t, uint32_t number)
{
    for (struct gap **at = &t->gaps; *at; at = &(*at)->next) {
        struct gap *g = *at;
        if (number < g->from || number >= g->to)
            continue;
        if (number + 1 < g->to) { // what is left behind it
            struct gap *rest = load_alloc(1, sizeof *rest);
            *rest = (struct gap){g->next, number + 1, g->to};
            g->next = rest;
        }
        g->to = number;
        if (g->from == g->to) {
            *at = g->next;
            free(g);
        }
        return true;
    }
    return false;
}

static void note_number(struct track *t, uint32_t number)
{
    if (number == t->expected) {
        t->expected++;
    } else if (number > t->expected) {
        struct gap *g = load_alloc(1, sizeof *g);
        *g = (struct gap){t->gaps, t->expected, number};
        t->gaps = g;
        t->expected = number + 1;
    } else if (fill_gap(t, number)) {
        total.reordered++;
    } else {
        total.repeated++;
        total.delivered--;
    }
}

static uint8_t *room(struct peer *p, size_t bytes)
{
    return BUFFER_BYTES - p->out_len >= bytes ? p->out + p->out_len : NULL;
}

static void answer(struct peer *p, uint8_t first, const uint8_t *packet_id)
{
    uint8_t *out = room(p, 4);
    if (!out)
        load_fail("no room for an acknowledgement");
    p->out_len += load_put_ack(out, first, packet_id);
}

static void take_publish(struct peer *s, const struct load_packet *packet)
{
    struct load_message m = load_take_publish(packet);
    if (m.qos)
        answer(s, m.qos == 1 ? 0x40 : 0x50, m.packet_id);
    total.delivered++;
    if (!m.stamp.is_whole || m.stamp.publisher >= (uint32_t)load_opt.publishers) {
        total.damaged++;
        return;
    }
    note_number(&s->tracks[m.stamp.publisher], m.stamp.number);
    if (load_opt.rate || total.delivered % SAMPLE_EVERY == 0)
        note_latency(load_now_us() - m.stamp.sent_us);
}

static void take_ack(struct peer *p, const struct load_packet *packet)
{
    bool is_refused = packet->len > 2 && packet->body[2] >= 0x80;
    uint8_t type = packet->first & 0xF0;
    total.refused += is_refused;
    if (type == 0x50 && !is_refused)
        answer(p, 0x62, packet->body);
    else if (type == 0x60)
        answer(p, 0x70, packet->body);
    else if (p->is_publisher) {
        p->unacked--;
        total.acked++;
    }
}

static void take_packet(struct peer *p, const struct load_packet *packet)
{
    uint8_t type = packet->first & 0xF0;
    if (type == 0x30)
        take_publish(p, packet);
    else if (type >= 0x40 && type <= 0x70 && packet->len >= 2)
        take_ack(p, packet);
    else
        load_fail("a packet came that nobody asked for");
}

static void read_peer(struct peer *p)
{
    ssize_t n = read(p->fd, p->in + p->in_len, BUFFER_BYTES - p->in_len);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        load_fail("the broker closed a connection");
    p->in_len += (size_t)n;
    size_t at = 0, used;
    struct load_packet packet;
    while ((used = load_packet_next(p->in + at, p->in_len - at, &packet)) > 0) {
        take_packet(p, &packet);
        at += used;
    }
    memmove(p->in, p->in + at, p->in_len - at);
    p->in_len -= at;
}

// ---- what goes ----------------------------------------------------------------------------------

static void flush_peer(struct peer *p)
{
    while (p->out_sent < p->out_len) {
        ssize_t n = write(p->fd, p->out + p->out_sent, p->out_len - p->out_sent);
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0)
            load_die("write");
        p->out_sent += (size_t)n;
    }
    bool wants = p->out_sent < p->out_len;
    if (!wants)
        p->out_len = p->out_sent = 0;
    if (wants != p->wants_write) {
        struct epoll_event e = {.events = EPOLLIN | (wants ? EPOLLOUT : 0u), .data.ptr = p};
        epoll_ctl(epoll_fd, EPOLL_CTL_MOD, p->fd, &e);
        p->wants_write = wants;
    }
}

// How many more messages may be on their way: the window less what is still carried.
static int64_t allowance(void)
{
    uint64_t received =
        load_opt.subscribers ? total.delivered / (uint64_t)load_opt.subscribers : total.acked;
    return (int64_t)load_opt.window - (int64_t)(total.published - received);
}

static void publish_from(struct peer *p, int64_t count)
{
    for (; count > 0 && p->unacked < p->unacked_max; count--) {
        uint8_t *out = room(p, (size_t)load_opt.payload + HEAD_MAX);
        if (!out)
            return;
        uint16_t packet_id = (uint16_t)(p->next_number % 65535 + 1);
        p->out_len +=
            load_put_publish(out, p->topic, false, packet_id, (uint32_t)p->id, p->next_number++);
        p->unacked += load_opt.qos > 0;
        total.published++;
    }
}

// Shares what may go among the publishers, beginning with another one each time.
static void publish_some(uint64_t due)
{
    static int first;
    int64_t left = allowance();
    if (load_opt.rate) {
        int64_t behind = (int64_t)(due - total.published);
        total.late += behind > left; // the window holds it back: the rate is not kept
        left = behind < left ? behind : left;
    }
    int64_t each = (left + load_opt.publishers - 1) / load_opt.publishers;
    for (int i = 0; i < load_opt.publishers && left > 0; i++) {
        struct peer *p = &peers[load_opt.subscribers + (first + i) % load_opt.publishers];
        uint64_t before = total.published;
        publish_from(p, each < left ? each : left);
        left -= (int64_t)(total.published - before);
        flush_peer(p);
    }
    first = (first + 1) % load_opt.publishers;
}

static bool is_done(void)
{
    return total.delivered == total.published * (uint64_t)load_opt.subscribers &&
           (load_opt.qos == 0 || total.acked == total.published);
}

// Whether something came in the last seconds.
static bool is_stalled(uint64_t now)
{
    static uint64_t seen, when;
    uint64_t count = total.delivered + total.acked + total.published;
    if (count != seen || when == 0) {
        seen = count;
        when = now;
    }
    return now - when > STALL_US;
}

static void serve(int timeout_ms)
{
    struct epoll_event events[256];
    int n = epoll_wait(epoll_fd, events, 256, timeout_ms);
    for (int i = 0; i < n; i++) {
        struct peer *p = events[i].data.ptr;
        if (!p) { // the timer of a fixed rate
            uint64_t expirations;
            (void)!read(timer_fd, &expirations, sizeof expirations);
            continue;
        }
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            read_peer(p);
        if (p->out_len)
            flush_peer(p);
    }
}

// Gives the seconds until the last message has arrived.
static double run(void)
{
    uint64_t begin = load_now_us(), now = begin;
    uint64_t end = begin + (uint64_t)(load_opt.seconds * 1e6);
    for (;; now = load_now_us()) {
        if (now < end)
            publish_some(load_opt.rate ? (now - begin) * (uint64_t)load_opt.rate / 1000000u : 0);
        else if (is_done())
            break;
        if (is_stalled(now)) {
            fprintf(stderr, "mqtt_load: nothing came for %u s\n", STALL_US / 1000000u);
            break;
        }
        serve(100);
    }
    return (double)(now - begin) / 1e6;
}

// ---- set-up and report --------------------------------------------------------------------------

static void add_peer(int index, bool is_publisher, int id)
{
    struct peer *p = &peers[index];
    char name[32];
    *p = (struct peer){.fd = load_dial(index, true), .id = id, .is_publisher = is_publisher};
    p->in = load_alloc(1, BUFFER_BYTES);
    p->out = load_alloc(1, BUFFER_BYTES);
    p->tracks = load_alloc((size_t)load_opt.publishers, sizeof *p->tracks);
    snprintf(name, sizeof name, "load-%c%d", is_publisher ? 'p' : 's', id);
    snprintf(p->topic, sizeof p->topic, "bench/%03d", id);
    p->unacked_max = load_hello(p->fd, name, is_publisher ? NULL : "bench/#");
    if (p->unacked_max > (uint32_t)load_opt.inflight)
        p->unacked_max = (uint32_t)load_opt.inflight;
    load_nonblocking(p->fd);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = p};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, p->fd, &e);
}

// With a fixed rate the load wakes for each message, so that it goes when it is due.
static void add_timer(void)
{
    long ns = 1000000000L / load_opt.rate;
    struct itimerspec every = {{0, ns}, {0, ns}};
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    if (timer_fd < 0 || timerfd_settime(timer_fd, 0, &every, NULL) != 0 ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &e) != 0)
        load_die("timer");
}

static uint64_t count_lost(void)
{
    uint64_t lost = 0;
    for (int s = 0; s < load_opt.subscribers; s++) {
        for (int p = 0; p < load_opt.publishers; p++) {
            const struct track *t = &peers[s].tracks[p];
            lost += peers[load_opt.subscribers + p].next_number - t->expected;
            for (const struct gap *g = t->gaps; g; g = g->next)
                lost += g->to - g->from;
        }
    }
    return lost;
}

static double percentile_us(double share)
{
    uint64_t count = 0, sum = 0;
    for (size_t i = 0; i < LATENCY_BUCKETS * LATENCY_STEPS; i++)
        count += total.latency[i];
    for (size_t i = 0; i < LATENCY_BUCKETS * LATENCY_STEPS; i++) {
        sum += total.latency[i];
        if (count && (double)sum >= share * (double)count)
            return (double)((i % LATENCY_STEPS) << (i / LATENCY_STEPS));
    }
    return 0;
}

// The part of the time that the load itself was busy: near 1 it is the limit, not the broker.
static double load_share(double seconds)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    double busy = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                  (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
    return busy / seconds;
}

static void report(double seconds, uint64_t lost)
{
    printf("{\"published\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"seconds\":%.3f,"
           "\"published_per_s\":%.0f,\"delivered_per_s\":%.0f,\"lost\":%" PRIu64
           ",\"repeated\":%" PRIu64 ",\"reordered\":%" PRIu64 ",\"damaged\":%" PRIu64
           ",\"refused\":%" PRIu64 ",\"late\":%" PRIu64 ",\"p50_us\":%.0f,\"p99_us\":%.0f,"
           "\"p999_us\":%.0f,\"max_us\":%" PRIu64 ",\"load_share\":%.2f}\n",
           total.published, total.delivered, seconds, (double)total.published / seconds,
           (double)total.delivered / seconds, lost, total.repeated, total.reordered, total.damaged,
           total.refused, total.late, percentile_us(0.5), percentile_us(0.99), percentile_us(0.999),
           total.latency_max_us, load_share(seconds));
}

uint64_t load_flow(void)
{
    int count = load_opt.publishers + load_opt.subscribers;
    peers = load_alloc((size_t)count, sizeof *peers);
    epoll_fd = epoll_create1(0);
    if (epoll_fd < 0)
        load_die("epoll");
    for (int i = 0; i < load_opt.subscribers; i++)
        add_peer(i, false, i);
    for (int i = 0; i < load_opt.publishers; i++)
        add_peer(load_opt.subscribers + i, true, i);
    if (load_opt.rate)
        add_timer();
    double seconds = run();
    uint64_t lost = count_lost();
    report(seconds, lost);
    return lost + total.repeated + total.reordered + total.damaged + total.refused;
}
