#include "sim_mqtt.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 1000
#define PING_MS 20000
#define KEEPALIVE_S 60

static volatile sig_atomic_t stopping;

static void on_signal(int sig)
{
    (void)sig;
    stopping = 1;
}

void nh_sim_signals(void)
{
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
}

int64_t nh_sim_now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

bool nh_sim_goes_on(const struct nh_sim *sim)
{
    return !stopping && nh_sim_now_ms() < sim->end_ms &&
           (sim->parent == 0 || getppid() == sim->parent);
}

// ---- what people are told -----------------------------------------------------------------------

// Says once that there is no broker; not while a hub beside this one may still be starting.
static void tell_waiting(struct nh_sim *sim, int error)
{
    int64_t now = nh_sim_now_ms();
    if (sim->waiting_ms == 0)
        sim->waiting_ms = now;
    if (sim->waiting_ms < 0 || now - sim->waiting_ms < PATIENCE_MS)
        return;
    fprintf(stderr, "nuthatch sim: no broker: %s; trying on\n", strerror(error));
    sim->waiting_ms = -1;
    sim->is_told = true;
}

// Says once that the broker does not let a device in.
static void tell_refused(struct nh_sim *sim, uint8_t code)
{
    static const char *const reasons[] = {NULL,
                                          "another version of MQTT",
                                          "the client id",
                                          "the broker is not available",
                                          "wrong user or password",
                                          "not allowed: --user and --password-file sign in"};
    if (!sim->is_told)
        fprintf(stderr, "nuthatch sim: refused by the broker: %s; trying on\n",
                code < NH_ARRAY_LEN(reasons) ? reasons[code] : "unknown reason");
    sim->is_told = true;
}

static void tell_connected(struct nh_sim *sim)
{
    if (sim->is_told)
        fprintf(stderr, "nuthatch sim: connected\n");
    sim->is_told = false;
    sim->waiting_ms = 0;
}

// ---- packets out --------------------------------------------------------------------------------

static size_t text(uint8_t *p, const char *s)
{
    size_t n = strlen(s);
    p[0] = (uint8_t)(n >> 8);
    p[1] = (uint8_t)n;
    memcpy(p + 2, s, n);
    return n + 2;
}

static void hang_up(struct nh_sim_client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->in_len = c->skip_len = 0;
}

// Sends a packet of type byte `first`; the broker is on this machine, so a short write is an end.
static bool send_packet(struct nh_sim_client *c, uint8_t first, const uint8_t *body, size_t len)
{
    uint8_t p[NH_SIM_PACKET_MAX_BYTES + 4];
    size_t n = 0;
    p[n++] = first;
    if (len > 127) {
        p[n++] = (uint8_t)((len & 127) | 128);
        p[n++] = (uint8_t)(len >> 7);
    } else {
        p[n++] = (uint8_t)len;
    }
    if (len > 0) // else there may be no body at all
        memcpy(p + n, body, len);
    if (c->fd >= 0 && send(c->fd, p, n + len, MSG_NOSIGNAL) == (ssize_t)(n + len))
        return true;
    hang_up(c);
    return false;
}

bool nh_sim_publish(struct nh_sim_client *c, const char *topic, nh_span_t payload, bool retain)
{
    uint8_t body[NH_SIM_PACKET_MAX_BYTES];
    if (2 + strlen(topic) + payload.len > sizeof body)
        return true; // none of ours is
    size_t n = text(body, topic);
    if (payload.len > 0)
        memcpy(body + n, payload.ptr, payload.len);
    return send_packet(c, retain ? 0x31 : 0x30, body, n + payload.len);
}

static bool publish_status(struct nh_sim_client *c, const char *word)
{
    return !c->status_topic ||
           nh_sim_publish(c, c->status_topic, (nh_span_t){(const uint8_t *)word, strlen(word)},
                          true);
}

static bool send_connect(const struct nh_sim *sim, struct nh_sim_client *c)
{
    uint8_t body[512];
    size_t n = text(body, "MQTT");
    body[n++] = 4;
    // Clean session; a retained will; user and password.
    body[n++] = (uint8_t)(0x02 | (c->status_topic ? 0x24 : 0) | (sim->user[0] ? 0xC0 : 0));
    body[n++] = 0;
    body[n++] = KEEPALIVE_S;
    n += text(body + n, c->id);
    if (c->status_topic) {
        n += text(body + n, c->status_topic);
        n += text(body + n, "offline");
    }
    if (sim->user[0]) {
        n += text(body + n, sim->user);
        n += text(body + n, sim->password);
    }
    return send_packet(c, 0x10, body, n);
}

static bool send_subscribe(struct nh_sim_client *c)
{
    uint8_t body[512] = {0, 1};
    size_t n = 2;
    for (size_t i = 0; i < NH_ARRAY_LEN(c->filters) && c->filters[i]; i++) {
        n += text(body + n, c->filters[i]);
        body[n++] = 1;
    }
    return n == 2 || send_packet(c, 0x82, body, n);
}

// ---- coming and going ---------------------------------------------------------------------------

bool nh_sim_come(struct nh_sim *sim, struct nh_sim_client *c)
{
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    c->is_greeted = false;
    c->in_len = c->skip_len = 0;
    c->ping_ms = nh_sim_now_ms() + PING_MS;
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&sim->broker, sizeof sim->broker) != 0) {
        tell_waiting(sim, errno);
        hang_up(c);
        return false;
    }
    // Who is told "online" may send a command at once, so it listens before it says so.
    return send_connect(sim, c) && send_subscribe(c) && publish_status(c, "online");
}

void nh_sim_leave(struct nh_sim_client *c, bool cut)
{
    if (c->fd >= 0 && !cut && publish_status(c, "offline"))
        send_packet(c, 0xE0, NULL, 0);
    hang_up(c);
}

void nh_sim_keep_alive(struct nh_sim_client *c, int64_t now_ms)
{
    if (c->fd < 0 || now_ms < c->ping_ms)
        return;
    send_packet(c, 0xC0, NULL, 0);
    c->ping_ms = now_ms + PING_MS;
}

// ---- packets in ---------------------------------------------------------------------------------

static void on_publish(struct nh_sim_client *c, uint8_t first, const uint8_t *body, size_t len)
{
    char topic[256];
    size_t topic_len = len >= 2 ? (size_t)(body[0] << 8 | body[1]) : len;
    size_t at = 2 + topic_len + (first & 0x06 ? 2 : 0);
    if (at > len || topic_len >= sizeof topic)
        return;
    memcpy(topic, body + 2, topic_len);
    topic[topic_len] = 0;
    if (first & 0x06)
        send_packet(c, 0x40, body + 2 + topic_len, 2); // PUBACK with the same packet id
    if (c->message && c->fd >= 0)
        c->message(c->ctx, c, topic, (nh_span_t){body + at, len - at});
}

static void on_packet(struct nh_sim *sim, struct nh_sim_client *c, uint8_t first,
                      const uint8_t *body, size_t len)
{
    if (first == 0x20 && len >= 2) { // CONNACK
        c->is_greeted = body[1] == 0;
        if (c->is_greeted)
            tell_connected(sim);
        else
            tell_refused(sim, body[1]);
    } else if (first >> 4 == 3) {
        on_publish(c, first, body, len);
    }
}

// The whole length of the packet at the front; 0: its head is not whole yet.
static size_t packet_len(const struct nh_sim_client *c, size_t *head_len)
{
    size_t len = 0;
    for (size_t i = 1; i < c->in_len && i <= 4; i++) {
        len |= (size_t)(c->in[i] & 127) << (7 * (i - 1));
        if (c->in[i] < 128) {
            *head_len = i + 1;
            return i + 1 + len;
        }
    }
    return 0;
}

static void drop_front(struct nh_sim_client *c, size_t len)
{
    size_t n = len < c->in_len ? len : c->in_len;
    c->skip_len = len - n;
    c->in_len -= n;
    memmove(c->in, c->in + n, c->in_len);
}

static void take_packets(struct nh_sim *sim, struct nh_sim_client *c)
{
    size_t head_len = 0, len;
    while (c->fd >= 0 && c->in_len >= 2 && (len = packet_len(c, &head_len)) != 0) {
        if (len <= c->in_len)
            on_packet(sim, c, c->in[0], c->in + head_len, len - head_len);
        else if (len <= sizeof c->in)
            return;
        drop_front(c, len);
    }
}

bool nh_sim_listen(struct nh_sim *sim, struct nh_sim_client *c)
{
    ssize_t n = recv(c->fd, c->in + c->in_len, sizeof c->in - c->in_len, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        hang_up(c);
        return false;
    }
    if (n > 0) {
        size_t skipped = (size_t)n < c->skip_len ? (size_t)n : c->skip_len;
        c->skip_len -= skipped;
        memmove(c->in + c->in_len, c->in + c->in_len + skipped, (size_t)n - skipped);
        c->in_len += (size_t)n - skipped;
        take_packets(sim, c);
    }
    return c->fd >= 0;
}
