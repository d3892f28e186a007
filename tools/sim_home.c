// sim_home.c - the demo home: a handful of MQTT clients that behave like real devices. A peer of
// the broker, written apart from it: it speaks MQTT 3.1.1 over a plain socket with code of its own.

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "hub/commands.h"

#define PACKET_MAX_BYTES 512
#define RETRY_MS 2000
#define PATIENCE_MS 1000
#define SECONDS_MAX 31536000

struct device {
    const char *id, *topic, *form; // the payload's format takes one double
    double mean, swing, noise;
    uint32_t period_ms, phase_s;
    bool retain;
    uint32_t online_s, offline_s; // 0: stays connected; else comes and goes
    int fd;
    int64_t next_ms, toggle_ms, ping_ms;
    bool is_greeted; // it has the broker's answer
};

static struct device devices[] = {
    {"greenhouse-1", "greenhouse/air/temperature", "%.1f", 22, 5, 0.1, 2000, 0, true, 0, 0, -1, 0,
     0, 0},
    {"greenhouse-2", "greenhouse/air/humidity", "%.0f", 61, 12, 1, 3000, 300, true, 0, 0, -1, 0, 0,
     0},
    {"bed-1", "garden/bed-1/moisture", "{\"moisture_pct\":%.1f,\"type\":\"smt100\"}", 34, 4, 0.2,
     4000, 60, true, 0, 0, -1, 0, 0, 0},
    {"tank", "garden/tank/level", "{\"level_pct\":%.0f}", 72, 20, 0.5, 5000, 900, true, 0, 0, -1, 0,
     0, 0},
    {"meter", "house/meter/power", "%.0f", 480, 300, 40, 500, 30, false, 0, 0, -1, 0, 0, 0},
    {"phone", "house/presence/phone", "%.0f", 1, 0, 0, 10000, 0, false, 40, 20, -1, 0, 0, 0},
    {"robot", "house/robot/battery", "%.0f", 55, 40, 0.5, 6000, 200, true, 90, 30, -1, 0, 0, 0},
};

static volatile sig_atomic_t stopping;
static int64_t waiting_ms; // since when no device reaches the broker; 0: one did, < 0: told
static bool is_told;       // that the home is not connected
static struct sockaddr_in broker = {.sin_family = AF_INET};
static char user[64], password[130]; // user "": none is sent; the password's last byte is NUL

static void on_signal(int sig)
{
    (void)sig;
    stopping = 1;
}

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static size_t text(uint8_t *p, const char *s)
{
    size_t n = strlen(s);
    p[0] = (uint8_t)(n >> 8);
    p[1] = (uint8_t)n;
    memcpy(p + 2, s, n);
    return n + 2;
}

// Sends a packet of type byte `first`; the broker is on this machine, so a short write is an end.
static bool send_packet(struct device *d, uint8_t first, const uint8_t *body, size_t len)
{
    uint8_t p[PACKET_MAX_BYTES + 4];
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
    if (send(d->fd, p, n + len, MSG_NOSIGNAL) == (ssize_t)(n + len))
        return true;
    close(d->fd);
    d->fd = -1;
    return false;
}

static void status_topic(const struct device *d, char out[64])
{
    snprintf(out, 64, "devices/%s/status", d->id);
}

static bool publish(struct device *d, const char *topic, const char *payload, bool retain)
{
    uint8_t body[PACKET_MAX_BYTES];
    size_t n = text(body, topic);
    memcpy(body + n, payload, strlen(payload));
    return send_packet(d, retain ? 0x31 : 0x30, body, n + strlen(payload));
}

// Says once that there is no broker; not while a hub beside this one may still be starting.
static void tell_waiting(int error)
{
    int64_t now = now_ms();
    if (waiting_ms == 0)
        waiting_ms = now;
    if (waiting_ms < 0 || now - waiting_ms < PATIENCE_MS)
        return;
    fprintf(stderr, "nuthatch sim: no broker: %s; trying on\n", strerror(error));
    waiting_ms = -1;
    is_told = true;
}

// Says once that the broker does not let a device in.
static void tell_refused(uint8_t code)
{
    static const char *const reasons[] = {NULL,
                                          "another version of MQTT",
                                          "the client id",
                                          "the broker is not available",
                                          "wrong user or password",
                                          "not allowed: --user and --password-file sign in"};
    if (!is_told)
        fprintf(stderr, "nuthatch sim: refused by the broker: %s; trying on\n",
                code < NH_ARRAY_LEN(reasons) ? reasons[code] : "unknown reason");
    is_told = true;
}

static void tell_connected(void)
{
    if (is_told)
        fprintf(stderr, "nuthatch sim: connected\n");
    is_told = false;
    waiting_ms = 0;
}

static void come(struct device *d)
{
    uint8_t body[PACKET_MAX_BYTES];
    char topic[64];
    d->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (d->fd < 0 || connect(d->fd, (struct sockaddr *)&broker, sizeof broker) != 0) {
        tell_waiting(errno);
        if (d->fd >= 0)
            close(d->fd);
        d->fd = -1;
        return;
    }
    status_topic(d, topic);
    d->is_greeted = false;
    size_t n = text(body, "MQTT");
    body[n++] = 4;
    body[n++] = user[0] ? 0xE6 : 0x26; // clean session; a retained will; user and password
    body[n++] = 0;
    body[n++] = 60;
    n += text(body + n, d->id);
    n += text(body + n, topic);
    n += text(body + n, "offline");
    if (user[0]) {
        n += text(body + n, user);
        n += text(body + n, password);
    }
    if (!send_packet(d, 0x10, body, n) || !publish(d, topic, "online", true))
        return;
    uint8_t subscribe[PACKET_MAX_BYTES] = {0, 1};
    char filter[64];
    snprintf(filter, sizeof filter, "devices/%s/command", d->id);
    n = 2 + text(subscribe + 2, filter);
    subscribe[n++] = 1;
    send_packet(d, 0x82, subscribe, n);
}

static void leave(struct device *d)
{
    char topic[64];
    status_topic(d, topic);
    if (d->fd >= 0 && publish(d, topic, "offline", true) && send_packet(d, 0xE0, NULL, 0))
        close(d->fd);
    d->fd = -1;
}

static void measure(struct device *d, int64_t now)
{
    char payload[128];
    double t = (double)now / 1000 + d->phase_s;
    double noise = d->noise * ((double)(rand() % 2001) / 1000 - 1);
    double value = d->mean + d->swing * sin(t / 180) + noise;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(payload, sizeof payload, d->form, value); // the formats stand in the table above
#pragma GCC diagnostic pop
    publish(d, d->topic, payload, d->retain);
}

static void turn(struct device *d, int64_t now)
{
    bool comes_and_goes = d->online_s > 0;
    if (d->fd < 0 && now >= d->toggle_ms) {
        come(d);
        d->toggle_ms = now + (d->fd < 0 ? RETRY_MS : (int64_t)d->online_s * 1000);
        d->ping_ms = now + 20000;
    } else if (d->fd >= 0 && comes_and_goes && now >= d->toggle_ms) {
        leave(d);
        d->toggle_ms = now + (int64_t)d->offline_s * 1000;
    }
    if (d->fd >= 0 && now >= d->next_ms) {
        measure(d, now);
        d->next_ms = now + d->period_ms;
    }
    if (d->fd >= 0 && now >= d->ping_ms) {
        send_packet(d, 0xC0, NULL, 0);
        d->ping_ms = now + 20000;
    }
}

// Reads and drops what the broker says; sees when it has gone.
static void listen_to(struct device *d)
{
    uint8_t dropped[1024];
    ssize_t n = recv(d->fd, dropped, sizeof dropped, MSG_DONTWAIT);
    if (n >= 4 && !d->is_greeted && dropped[0] == 0x20) { // CONNACK, whole: it is the first
        d->is_greeted = true;
        if (dropped[3] == 0)
            tell_connected();
        else
            tell_refused(dropped[3]);
    }
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        close(d->fd);
        d->fd = -1;
        d->toggle_ms = now_ms() + RETRY_MS;
    }
}

// `parent` 0: none to live with.
static void live(int64_t end_ms, pid_t parent)
{
    while (!stopping && now_ms() < end_ms && (parent == 0 || getppid() == parent)) {
        struct pollfd fds[NH_ARRAY_LEN(devices)];
        for (size_t i = 0; i < NH_ARRAY_LEN(devices); i++) {
            turn(&devices[i], now_ms());
            fds[i] = (struct pollfd){.fd = devices[i].fd, .events = POLLIN};
        }
        if (poll(fds, NH_ARRAY_LEN(devices), 100) <= 0)
            continue;
        for (size_t i = 0; i < NH_ARRAY_LEN(devices); i++)
            if (fds[i].revents && devices[i].fd == fds[i].fd)
                listen_to(&devices[i]);
    }
    for (size_t i = 0; i < NH_ARRAY_LEN(devices); i++)
        leave(&devices[i]);
}

static const char help_text[] =
    "Usage: nuthatch sim home [--mqtt ADDR:PORT] [--user NAME --password-file FILE]\n"
    "                         [--seconds N] [--with-parent]\n"
    "\n"
    "Plays a small home against a broker: sensors that report, a phone and a robot that come and\n"
    "go. For the demo; a real device replaces one of these by using its topic.\n"
    "\n"
    "  --mqtt ADDR:PORT      broker; default 127.0.0.1:1883\n"
    "  --user NAME           sign in as this user\n"
    "  --password-file FILE  with the first line of this file\n"
    "  --seconds N           stop after N seconds; default: on Ctrl+C\n"
    "  --with-parent         stop when the program that started this one ends\n"
    "\n"
    "Example:\n"
    "  nuthatch sim home --mqtt 127.0.0.1:1883\n";

static bool set_broker(const char *address)
{
    char host[32];
    const char *colon = strrchr(address, ':');
    if (!colon || (size_t)(colon - address) >= sizeof host)
        return false;
    memcpy(host, address, (size_t)(colon - address));
    host[colon - address] = 0;
    int port = atoi(colon + 1);
    broker.sin_port = htons((uint16_t)port);
    return port > 0 && port < 65536 && inet_pton(AF_INET, host, &broker.sin_addr) == 1;
}

static bool set_end(const char *seconds, int64_t *end_ms)
{
    char *rest;
    long n = strtol(seconds, &rest, 10);
    *end_ms = now_ms() + (int64_t)n * 1000;
    return n > 0 && n <= SECONDS_MAX && *rest == 0;
}

// The first line of a file, without its end; what is longer than `password` holds is an error.
static bool read_password(const char *path)
{
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    bool is_read = fgets(password, sizeof password, f) != NULL;
    fclose(f);
    size_t len = is_read ? strcspn(password, "\r\n") : 0;
    bool fits = len < sizeof password - 1;
    password[len] = 0;
    return is_read && fits;
}

// Takes one option's argument. False: it was told what is wrong with it.
static bool take_option(int option, int64_t *end_ms)
{
    if (option == 'm' && !set_broker(optarg))
        fprintf(stderr, "nuthatch sim: --mqtt %s is not an IPv4 address with a port\n", optarg);
    else if (option == 's' && !set_end(optarg, end_ms))
        fprintf(stderr, "nuthatch sim: --seconds %s is not a number from 1 to %d\n", optarg,
                SECONDS_MAX);
    else if (option == 'u' && snprintf(user, sizeof user, "%s", optarg) >= (int)sizeof user)
        fprintf(stderr, "nuthatch sim: --user has over %zu bytes\n", sizeof user - 1);
    else if (option == 'p' && !read_password(optarg))
        fprintf(stderr,
                "nuthatch sim: --password-file %s: no first line of at most %zu bytes to read\n",
                optarg, sizeof password - 2);
    else
        return option != '?'; // that one getopt has told
    return false;
}

int nh_command_sim(int argc, char **argv)
{
    static const struct option options[] = {{"mqtt", required_argument, NULL, 'm'},
                                            {"seconds", required_argument, NULL, 's'},
                                            {"user", required_argument, NULL, 'u'},
                                            {"password-file", required_argument, NULL, 'p'},
                                            {"with-parent", no_argument, NULL, 'w'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    pid_t parent = 0;
    int64_t end_ms = INT64_MAX;
    int c;
    set_broker("127.0.0.1:1883");
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 'h') {
            fputs(help_text, stdout);
            return 0;
        }
        if (!take_option(c, &end_ms))
            return 2;
        if (c == 'w')
            parent = getppid();
    }
    if (optind + 1 != argc || strcmp(argv[optind], "home") != 0) {
        fputs(help_text, stderr);
        return 2;
    }
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    live(end_ms, parent);
    return 0;
}
