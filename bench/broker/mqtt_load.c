// mqtt_load - a load for any MQTT 3.1.1 broker: publishers and subscribers in one process, one
// epoll.
//
// Closed loop: at most --window messages are on their way, so a broker with bounded queues loses
// nothing and one with unbounded queues cannot look faster by hoarding. Every payload carries its
// publisher, a running number and a time stamp; losses and repeats (a swap is one of each) are
// counted.

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_BYTES (512 * 1024)
#define STAMP_BYTES 16 // publisher, number, time
#define PEERS_MAX 1024
#define LATENCY_BUCKETS 64
#define STALL_MS 10000

struct options {
    const char *host, *mode;
    int port, publishers, subscribers, qos, payload, window, rate, connections;
    double seconds;
};

struct peer {
    int fd, id;
    bool is_publisher, wants_write;
    size_t in_len, out_len, out_sent;
    uint8_t *in, *out;
    uint32_t next_number; // publisher: of the next message; also the last packet id source
    uint32_t unacked;     // publisher, QoS > 0
    uint32_t *expected;   // subscriber: by publisher
};

struct totals {
    uint64_t published, delivered, lost, repeated, acked;
    uint64_t latency[LATENCY_BUCKETS * 64]; // by log2 and 64 steps
    uint64_t latency_max_us;
};

static struct options opt = {.host = "127.0.0.1",
                             .mode = "flow",
                             .port = 1883,
                             .publishers = 10,
                             .subscribers = 10,
                             .payload = 64,
                             .window = 1000,
                             .seconds = 3};
static struct totals total;
static struct peer *peers;
static int peer_count, epoll_fd;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "mqtt_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

// ---- packets
// -------------------------------------------------------------------------------------

static size_t put_length(uint8_t *p, size_t n)
{
    size_t i = 0;
    do {
        uint8_t digit = n & 127;
        n >>= 7;
        p[i++] = (uint8_t)(digit | (n ? 128 : 0));
    } while (n);
    return i;
}

static size_t put_string(uint8_t *p, const char *s)
{
    size_t n = strlen(s);
    p[0] = (uint8_t)(n >> 8);
    p[1] = (uint8_t)n;
    memcpy(p + 2, s, n);
    return n + 2;
}

static size_t make_connect(uint8_t *p, const char *id)
{
    uint8_t body[128];
    size_t n = put_string(body, "MQTT");
    body[n++] = 4;
    body[n++] = 2; // clean session
    body[n++] = 0;
    body[n++] = 0; // no keep-alive
    n += put_string(body + n, id);
    p[0] = 0x10;
    size_t head = 1 + put_length(p + 1, n);
    memcpy(p + head, body, n);
    return head + n;
}

static size_t make_subscribe(uint8_t *p, const char *filter, int qos)
{
    uint8_t body[128] = {0, 1};
    size_t n = 2 + put_string(body + 2, filter);
    body[n++] = (uint8_t)qos;
    p[0] = 0x82;
    size_t head = 1 + put_length(p + 1, n);
    memcpy(p + head, body, n);
    return head + n;
}

static size_t make_publish(uint8_t *p, struct peer *pub)
{
    char topic[32];
    int topic_len = snprintf(topic, sizeof topic, "bench/%03d", pub->id);
    size_t body = 2 + (size_t)topic_len + (opt.qos ? 2 : 0) + (size_t)opt.payload;
    p[0] = (uint8_t)(0x30 | opt.qos << 1);
    size_t n = 1 + put_length(p + 1, body);
    n += put_string(p + n, topic);
    if (opt.qos) {
        uint16_t id = (uint16_t)(pub->next_number % 65535 + 1);
        p[n++] = (uint8_t)(id >> 8);
        p[n++] = (uint8_t)id;
    }
    uint32_t head[2] = {(uint32_t)pub->id, pub->next_number++};
    uint64_t stamp = now_us();
    memcpy(p + n, head, 8);
    memcpy(p + n + 8, &stamp, 8);
    memset(p + n + STAMP_BYTES, 'x', (size_t)opt.payload - STAMP_BYTES);
    return n + (size_t)opt.payload;
}

// ---- sockets
// -------------------------------------------------------------------------------------

static int dial(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || inet_pton(AF_INET, opt.host, &to.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void send_all(int fd, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = write(fd, p, n);
        if (sent <= 0)
            die("write");
        p += sent;
        n -= (size_t)sent;
    }
}

static void expect_packet(int fd, uint8_t type, size_t bytes)
{
    uint8_t p[8];
    size_t got = 0;
    while (got < bytes) {
        ssize_t n = read(fd, p + got, bytes - got);
        if (n <= 0)
            die("read of the reply");
        got += (size_t)n;
    }
    if (p[0] != type) {
        fprintf(stderr, "mqtt_load: packet 0x%02x instead of 0x%02x\n", p[0], type);
        exit(1);
    }
}

static void hello(int fd, const char *id, const char *filter)
{
    uint8_t p[256];
    send_all(fd, p, make_connect(p, id));
    expect_packet(fd, 0x20, 4);
    if (filter) {
        send_all(fd, p, make_subscribe(p, filter, opt.qos));
        expect_packet(fd, 0x90, 5);
    }
}

static void flush_peer(struct peer *p)
{
    while (p->out_sent < p->out_len) {
        ssize_t n = write(p->fd, p->out + p->out_sent, p->out_len - p->out_sent);
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0)
            die("write");
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

static uint8_t *room(struct peer *p, size_t bytes)
{
    return BUFFER_BYTES - p->out_len >= bytes ? p->out + p->out_len : NULL;
}

// ---- flow
// ----------------------------------------------------------------------------------------

static void note_latency(uint64_t us)
{
    unsigned log2 = us < 64 ? 0 : 58u - (unsigned)__builtin_clzll(us);
    total.latency[log2 * 64 + (us >> log2) % 64]++;
    if (us > total.latency_max_us)
        total.latency_max_us = us;
}

static void take_publish(struct peer *s, uint8_t first, const uint8_t *body, size_t len)
{
    int qos = first >> 1 & 3;
    size_t topic = (size_t)body[0] << 8 | body[1], at = 2 + topic;
    if (qos) {
        uint8_t *ack = room(s, 4);
        if (!ack)
            die("no room for an acknowledgement");
        ack[0] = qos == 1 ? 0x40 : 0x50;
        ack[1] = 2;
        ack[2] = body[at];
        ack[3] = body[at + 1];
        s->out_len += 4;
        at += 2;
    }
    uint32_t head[2];
    uint64_t stamp;
    if (len - at < STAMP_BYTES)
        die("a payload was cut");
    memcpy(head, body + at, 8);
    memcpy(&stamp, body + at + 8, 8);
    uint32_t *expected = &s->expected[head[0] % (uint32_t)opt.publishers];
    if (head[1] == *expected)
        (*expected)++;
    else if (head[1] > *expected) {
        total.lost += head[1] - *expected;
        *expected = head[1] + 1;
    } else
        total.repeated++;
    total.delivered++;
    if (opt.rate || (total.delivered & 63) == 0)
        note_latency(now_us() - stamp);
}

static void take_packet(struct peer *p, uint8_t first, const uint8_t *body, size_t len)
{
    uint8_t *reply;
    switch (first & 0xF0) {
    case 0x30:
        take_publish(p, first, body, len);
        break;
    case 0x40: // PUBACK
    case 0x70: // PUBCOMP
        if (p->is_publisher) {
            p->unacked--;
            total.acked++;
        }
        break;
    case 0x50: // PUBREC
    case 0x60: // PUBREL
        reply = room(p, 4);
        if (!reply)
            die("no room for a release");
        reply[0] = (first & 0xF0) == 0x50 ? 0x62 : 0x70;
        reply[1] = 2;
        reply[2] = body[0];
        reply[3] = body[1];
        p->out_len += 4;
        break;
    default:
        break;
    }
}

static void read_peer(struct peer *p)
{
    ssize_t n = read(p->fd, p->in + p->in_len, BUFFER_BYTES - p->in_len);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        fprintf(stderr, "mqtt_load: the broker closed a connection\n");
        exit(1);
    }
    p->in_len += (size_t)n;
    size_t at = 0;
    for (;;) {
        size_t len = 0, i = at + 1;
        int shift = 0;
        bool whole = false;
        while (i < p->in_len && shift < 28) {
            uint8_t digit = p->in[i++];
            len |= (size_t)(digit & 127) << shift;
            shift += 7;
            if (!(digit & 128)) {
                whole = true;
                break;
            }
        }
        if (!whole || p->in_len - i < len)
            break;
        take_packet(p, p->in[at], p->in + i, len);
        at = i + len;
    }
    memmove(p->in, p->in + at, p->in_len - at);
    p->in_len -= at;
}

// How many more messages may be on their way: the window less what the slowest way still carries.
static int64_t allowance(void)
{
    uint64_t received =
        opt.subscribers ? (total.delivered + total.lost) / (uint64_t)opt.subscribers : total.acked;
    return (int64_t)opt.window - (int64_t)(total.published - received);
}

static void publish_some(uint64_t due)
{
    int64_t left = allowance();
    if (opt.rate && (int64_t)(due - total.published) < left)
        left = (int64_t)(due - total.published);
    // Mosquitto closes a publisher with more unfinished QoS 2 messages than it allows in flight.
    uint32_t in_flight_max = opt.qos == 2 ? 20 : 60000;
    size_t packet = (size_t)opt.payload + 64;
    int64_t each = opt.publishers ? (left + opt.publishers - 1) / opt.publishers : 0;
    for (int i = 0; i < opt.publishers && left > 0; i++) {
        struct peer *p = &peers[opt.subscribers + i];
        for (int64_t k = 0; k < each && left > 0 && p->unacked < in_flight_max; k++, left--) {
            uint8_t *out = room(p, packet);
            if (!out)
                break;
            p->out_len += make_publish(out, p);
            p->unacked += opt.qos > 0;
            total.published++;
        }
        flush_peer(p);
    }
}

static void run_flow(uint64_t begin, uint64_t end)
{
    struct epoll_event events[256];
    uint64_t last_progress = begin, seen = 0;
    for (;;) {
        uint64_t now = now_us();
        bool is_over = now >= end;
        if (!is_over)
            publish_some(opt.rate ? (now - begin) * (uint64_t)opt.rate / 1000000u : 0);
        else if (allowance() == opt.window && (!opt.qos || total.acked == total.published))
            return;
        int n = epoll_wait(epoll_fd, events, 256, opt.rate ? 1 : 100);
        for (int i = 0; i < n; i++) {
            struct peer *p = events[i].data.ptr;
            if (events[i].events & EPOLLIN)
                read_peer(p);
            if (p->out_len)
                flush_peer(p);
        }
        if (total.delivered + total.acked != seen) {
            seen = total.delivered + total.acked;
            last_progress = now;
        } else if (now - last_progress > STALL_MS * 1000u) {
            fprintf(stderr, "mqtt_load: nothing came for %d ms\n", STALL_MS);
            total.lost += total.published * (uint64_t)opt.subscribers - total.delivered;
            return;
        }
    }
}

static void add_peer(int index, bool is_publisher, int id)
{
    struct peer *p = &peers[index];
    char name[32];
    *p = (struct peer){.fd = dial(), .id = id, .is_publisher = is_publisher};
    p->in = malloc(BUFFER_BYTES);
    p->out = malloc(BUFFER_BYTES);
    p->expected = calloc((size_t)opt.publishers + 1, sizeof *p->expected);
    if (!p->in || !p->out || !p->expected)
        die("memory");
    snprintf(name, sizeof name, "load-%c%d", is_publisher ? 'p' : 's', id);
    hello(p->fd, name, is_publisher ? NULL : "bench/#");
    fcntl(p->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = p};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, p->fd, &e);
}

static double percentile_us(double share)
{
    uint64_t count = 0, sum = 0;
    for (size_t i = 0; i < LATENCY_BUCKETS * 64; i++)
        count += total.latency[i];
    for (size_t i = 0; i < LATENCY_BUCKETS * 64; i++) {
        sum += total.latency[i];
        if (count && (double)sum >= share * (double)count)
            return (double)((i % 64) << (i / 64));
    }
    return 0;
}

static void report(double seconds)
{
    printf("{\"published\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"seconds\":%.3f,"
           "\"published_per_s\":%.0f,\"delivered_per_s\":%.0f,\"lost\":%" PRIu64
           ",\"repeated\":%" PRIu64 ",\"p50_us\":%.0f,\"p99_us\":%.0f,\"p999_us\":%.0f,"
           "\"max_us\":%" PRIu64 "}\n",
           total.published, total.delivered, seconds, (double)total.published / seconds,
           (double)total.delivered / seconds, total.lost, total.repeated, percentile_us(0.5),
           percentile_us(0.99), percentile_us(0.999), total.latency_max_us);
}

static void flow(void)
{
    peer_count = opt.publishers + opt.subscribers;
    peers = calloc((size_t)peer_count, sizeof *peers);
    epoll_fd = epoll_create1(0);
    if (!peers || epoll_fd < 0)
        die("set-up");
    for (int i = 0; i < opt.subscribers; i++)
        add_peer(i, false, i);
    for (int i = 0; i < opt.publishers; i++)
        add_peer(opt.subscribers + i, true, i);
    uint64_t begin = now_us();
    run_flow(begin, begin + (uint64_t)(opt.seconds * 1e6));
    report((double)(now_us() - begin) / 1e6);
}

// Opens idle connections with one subscription each, says so, and holds them until its standard
// input ends: meanwhile somebody reads the broker's memory.
static void idle(void)
{
    struct rlimit files = {(rlim_t)opt.connections + 64, (rlim_t)opt.connections + 64};
    setrlimit(RLIMIT_NOFILE, &files);
    uint64_t begin = now_us();
    for (int i = 0; i < opt.connections; i++) {
        char name[32], filter[48];
        int fd = dial();
        snprintf(name, sizeof name, "idle-%06d", i);
        snprintf(filter, sizeof filter, "idle/%06d/command", i);
        hello(fd, name, filter);
    }
    printf("{\"connections\":%d,\"seconds\":%.3f}\n", opt.connections,
           (double)(now_us() - begin) / 1e6);
    fflush(stdout);
    while (getchar() != EOF)
        ;
}

static const char help_text[] =
    "Usage: mqtt_load [options]\n"
    "Loads an MQTT 3.1.1 broker on a loopback address and prints one JSON line.\n\n"
    "  --mode flow|idle     messages (default), or idle connections held until stdin ends\n"
    "  --host ADDR --port N broker; default 127.0.0.1:1883\n"
    "  --publishers N --subscribers N   default 10 and 10; each subscriber gets all\n"
    "  --qos 0|1|2  --payload BYTES (16 to 60000)  --window MESSAGES  --seconds S\n"
    "  --rate N             publish N messages a second in all; default: as fast as it goes\n"
    "  --connections N      for --mode idle\n\n"
    "Example: mqtt_load --port 1883 --publishers 10 --subscribers 10 --qos 0 --seconds 3\n";

static void parse(int argc, char **argv)
{
    static const struct option options[] = {{"mode", 1, 0, 'm'},
                                            {"host", 1, 0, 'h'},
                                            {"port", 1, 0, 'p'},
                                            {"publishers", 1, 0, 'P'},
                                            {"subscribers", 1, 0, 'S'},
                                            {"qos", 1, 0, 'q'},
                                            {"payload", 1, 0, 'l'},
                                            {"window", 1, 0, 'w'},
                                            {"seconds", 1, 0, 's'},
                                            {"rate", 1, 0, 'r'},
                                            {"connections", 1, 0, 'c'},
                                            {"help", 0, 0, '?'},
                                            {0, 0, 0, 0}};
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        int number = optarg ? atoi(optarg) : 0;
        switch (c) {
        case 'm':
            opt.mode = optarg;
            break;
        case 'h':
            opt.host = optarg;
            break;
        case 'p':
            opt.port = number;
            break;
        case 'P':
            opt.publishers = number;
            break;
        case 'S':
            opt.subscribers = number;
            break;
        case 'q':
            opt.qos = number;
            break;
        case 'l':
            opt.payload = number;
            break;
        case 'w':
            opt.window = number;
            break;
        case 's':
            opt.seconds = strtod(optarg, NULL);
            break;
        case 'r':
            opt.rate = number;
            break;
        case 'c':
            opt.connections = number;
            break;
        default:
            fputs(help_text, stdout);
            exit(optopt ? 2 : 0);
        }
    }
    if (opt.publishers < 1 || opt.subscribers < 0 || opt.window < 1 || opt.connections < 0 ||
        !(opt.seconds > 0) || opt.payload < STAMP_BYTES || opt.payload > 60000 || opt.qos < 0 ||
        opt.qos > 2 || opt.publishers + opt.subscribers > PEERS_MAX ||
        strncmp(opt.host, "127.", 4) != 0) {
        fprintf(stderr, "mqtt_load: a value is out of its range; --help shows them\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    if (strcmp(opt.mode, "idle") == 0)
        idle();
    else
        flow();
    return total.lost || total.repeated ? 1 : 0;
}
