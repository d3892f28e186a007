// Sockets, packets of both versions, and payloads that tell whether they are whole.

#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define REPLY_BYTES 512
#define PER_ADDRESS 20000 // connections from one source address: ports are 16 bits

struct load_options load_opt = {.host = "127.0.0.1",
                                .mode = "flow",
                                .port = 1883,
                                .version = 4,
                                .publishers = 10,
                                .subscribers = 10,
                                .payload = 64,
                                .window = 1000,
                                .inflight = 60,
                                .connections = 1000,
                                .parallel = 64,
                                .replays = 5,
                                .seconds = 3};

_Noreturn void load_die(const char *what)
{
    fprintf(stderr, "mqtt_load: %s: %s\n", what, strerror(errno));
    exit(3);
}

_Noreturn void load_fail(const char *what)
{
    fprintf(stderr, "mqtt_load: %s\n", what);
    exit(3);
}

uint64_t load_now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

void *load_alloc(size_t count, size_t bytes)
{
    void *p = calloc(count ? count : 1, bytes);
    if (!p)
        load_die("memory");
    return p;
}

// ---- sockets ------------------------------------------------------------------------------------

void load_nonblocking(int fd)
{
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        load_die("fcntl");
}

static int dial_unix(bool blocking)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | (blocking ? 0 : SOCK_NONBLOCK), 0);
    if (fd < 0)
        load_die("socket");
    if (strlen(load_opt.unix_path) >= sizeof to.sun_path)
        load_fail("the path of the socket is too long");
    strcpy(to.sun_path, load_opt.unix_path);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        load_die("connect");
    return fd;
}

int load_dial(int index, bool blocking)
{
    if (load_opt.unix_path)
        return dial_unix(blocking);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)load_opt.port)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | (blocking ? 0 : SOCK_NONBLOCK), 0);
    if (fd < 0 || inet_pton(AF_INET, load_opt.host, &to.sin_addr) != 1)
        load_die("socket");
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(index / PER_ADDRESS));
    if (blocking) // those that come and go say each thing once
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (index >= PER_ADDRESS) {
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0)
            load_die("bind");
    }
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)
        load_die("connect");
    return fd;
}

// ---- writing packets ----------------------------------------------------------------------------

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

static size_t put_packet(uint8_t *out, uint8_t first, const uint8_t *body, size_t len)
{
    out[0] = first;
    size_t head = 1 + put_length(out + 1, len);
    memcpy(out + head, body, len);
    return head + len;
}

size_t load_put_connect(uint8_t *out, const char *client_id)
{
    uint8_t body[128];
    size_t n = put_string(body, "MQTT");
    body[n++] = (uint8_t)load_opt.version;
    body[n++] = 2; // a clean start, and no session expiry
    body[n++] = 0;
    body[n++] = 0; // no keep-alive
    if (load_opt.version == 5)
        body[n++] = 0; // no properties
    n += put_string(body + n, client_id);
    return put_packet(out, 0x10, body, n);
}

size_t load_put_subscribe(uint8_t *out, const char *filter, int qos)
{
    uint8_t body[128] = {0, 1};
    size_t n = 2;
    if (load_opt.version == 5)
        body[n++] = 0;
    n += put_string(body + n, filter);
    body[n++] = (uint8_t)qos;
    return put_packet(out, 0x82, body, n);
}

size_t load_put_ack(uint8_t *out, uint8_t first, const uint8_t id[2])
{
    out[0] = first;
    out[1] = 2;
    out[2] = id[0];
    out[3] = id[1];
    return 4;
}

// ---- payloads -----------------------------------------------------------------------------------

// Each word has a factor of its own, so that swapped words are seen; words are independent, so that
// the sum keeps up with millions of messages a second.
static uint64_t check_sum(const uint8_t *payload, size_t len)
{
    uint64_t sum = len * 0x9E3779B97F4A7C15u, factor = 0xD6E8FEB86659FD93u, word;
    size_t at = LOAD_STAMP_BYTES;
    memcpy(&word, payload, 8);
    sum += word * factor;
    memcpy(&word, payload + 8, 8);
    sum += word * (factor += 0x632BE59BD9B4E01Au);
    for (; at + 8 <= len; at += 8) {
        memcpy(&word, payload + at, 8);
        sum += word * (factor += 0x632BE59BD9B4E01Au);
    }
    for (; at < len; at++)
        sum = sum * 31 + payload[at];
    return sum ^ sum >> 32;
}

static void put_payload(uint8_t *out, uint32_t publisher, uint32_t number)
{
    size_t len = (size_t)load_opt.payload, at = LOAD_STAMP_BYTES;
    uint64_t stamp = load_now_us(), fill = (uint64_t)number * 0x9E3779B97F4A7C15u + publisher;
    memcpy(out, &publisher, 4);
    memcpy(out + 4, &number, 4);
    memcpy(out + 8, &stamp, 8);
    for (; at + 8 <= len; at += 8, fill = fill * 5 + 1)
        memcpy(out + at, &fill, 8);
    memcpy(out + at, &fill, len - at);
    uint64_t sum = check_sum(out, len);
    memcpy(out + 16, &sum, 8);
}

size_t load_put_publish(uint8_t *out, const char *topic, bool retain, uint16_t packet_id,
                        uint32_t publisher, uint32_t number)
{
    size_t properties = load_opt.version == 5, id = load_opt.qos ? 2 : 0;
    size_t body = 2 + strlen(topic) + id + properties + (size_t)load_opt.payload;
    out[0] = (uint8_t)(0x30 | load_opt.qos << 1 | retain);
    size_t n = 1 + put_length(out + 1, body);
    n += put_string(out + n, topic);
    if (id) {
        out[n++] = (uint8_t)(packet_id >> 8);
        out[n++] = (uint8_t)packet_id;
    }
    if (properties)
        out[n++] = 0;
    put_payload(out + n, publisher, number);
    return n + (size_t)load_opt.payload;
}

// ---- reading packets ----------------------------------------------------------------------------

// A variable byte integer at `*at`; false: it is not all there.
static bool take_length(const uint8_t *bytes, size_t len, size_t *at, size_t *out)
{
    *out = 0;
    for (int shift = 0; *at < len && shift < 28; shift += 7) {
        uint8_t digit = bytes[(*at)++];
        *out |= (size_t)(digit & 127) << shift;
        if (!(digit & 128))
            return true;
    }
    return false;
}

size_t load_packet_next(const uint8_t *bytes, size_t len, struct load_packet *out)
{
    size_t at = 1, body;
    if (!take_length(bytes, len, &at, &body) || len - at < body)
        return 0;
    *out = (struct load_packet){bytes[0], bytes + at, body};
    return at + body;
}

struct load_packet load_ask(int fd, const uint8_t *bytes, size_t len, uint8_t first, uint8_t *reply)
{
    struct load_packet p;
    size_t got = 0, used = 0;
    if (write(fd, bytes, len) != (ssize_t)len)
        load_die("write");
    while (used == 0) {
        ssize_t n = read(fd, reply + got, REPLY_BYTES - got);
        if (n <= 0)
            load_die("read of the reply");
        got += (size_t)n;
        used = load_packet_next(reply, got, &p);
    }
    if (p.first != first || used != got)
        load_fail("another packet came than the reply");
    return p;
}

uint32_t load_check_connack(const struct load_packet *p)
{
    uint32_t receive_maximum = 65535;
    if (p->first != 0x20 || p->len < 2 || p->body[1] != 0)
        load_fail("the broker refused a connection");
    if (load_opt.version != 5)
        return receive_maximum;
    static const uint8_t sizes[256] = {[0x11] = 4, [0x13] = 2, [0x21] = 2, [0x22] = 2, [0x24] = 1,
                                       [0x25] = 1, [0x27] = 4, [0x28] = 1, [0x29] = 1, [0x2A] = 1};
    size_t at = 2, length;
    if (!take_length(p->body, p->len, &at, &length) || at + length != p->len)
        load_fail("a CONNACK that cannot be read");
    while (at < p->len) {
        uint8_t id = p->body[at++];
        if (id == 0x21)
            receive_maximum = (uint32_t)p->body[at] << 8 | p->body[at + 1];
        size_t text = 2 + ((size_t)p->body[at] << 8 | p->body[at + 1]); // what is not a number
        at += sizes[id] ? sizes[id] : text;
    }
    return receive_maximum;
}

void load_check_suback(const struct load_packet *p)
{
    if (p->first != 0x90 || p->len < 3 || p->body[p->len - 1] != load_opt.qos)
        load_fail("the broker refused a subscription");
}

uint32_t load_hello(int fd, const char *client_id, const char *filter)
{
    uint8_t packet[256], reply[REPLY_BYTES];
    struct load_packet p = load_ask(fd, packet, load_put_connect(packet, client_id), 0x20, reply);
    uint32_t receive_maximum = load_check_connack(&p);
    if (filter) {
        size_t len = load_put_subscribe(packet, filter, load_opt.qos);
        p = load_ask(fd, packet, len, 0x90, reply);
        load_check_suback(&p);
    }
    return receive_maximum;
}

struct load_message load_take_publish(const struct load_packet *p)
{
    struct load_message m = {.qos = p->first >> 1 & 3};
    size_t at = 2, properties = 0;
    if (p->len >= 2)
        at += (size_t)p->body[0] << 8 | p->body[1];
    if (m.qos && at + 2 <= p->len) {
        m.packet_id = p->body + at;
        at += 2;
    }
    if (load_opt.version == 5 && take_length(p->body, p->len, &at, &properties))
        at += properties;
    if (at + LOAD_STAMP_BYTES > p->len)
        return m;
    const uint8_t *payload = p->body + at;
    uint64_t sum;
    memcpy(&m.stamp.publisher, payload, 4);
    memcpy(&m.stamp.number, payload + 4, 4);
    memcpy(&m.stamp.sent_us, payload + 8, 8);
    memcpy(&sum, payload + 16, 8);
    m.stamp.is_whole =
        p->len - at == (size_t)load_opt.payload && sum == check_sum(payload, p->len - at);
    return m;
}
