// Many connections: idle ones that are held, and ones that come and go.
//
// A connection takes the load few system calls, so that the broker's count and not its own. Both
// keep `parallel` connections on the way into the broker, so its speed is measured and not the time
// of a round trip.

#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define IN_BYTES 128
#define WAIT_MS 30000

enum state { DIALING, CONNECTING, SUBSCRIBING, READY };

struct conn {
    int fd;
    enum state state;
    uint8_t in_len;
    uint8_t *in; // while on the way in
};

static struct conn *conns;
static int epoll_fd, started, ready;
static bool is_churn; // they go as soon as they are in

static void say(const struct conn *c, const uint8_t *packet, size_t len)
{
    if (write(c->fd, packet, len) != (ssize_t)len)
        load_die("write");
}

static void start_one(void)
{
    struct conn *c = &conns[started];
    *c = (struct conn){.fd = load_dial(started, false), .in = load_alloc(1, IN_BYTES)};
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e) != 0)
        load_die("epoll_ctl");
    started++;
}

static void dialed(struct conn *c)
{
    uint8_t packet[IN_BYTES];
    char name[32];
    snprintf(name, sizeof name, "idle-%06d", (int)(c - conns));
    say(c, packet, load_put_connect(packet, name));
    c->state = CONNECTING;
}

static void finish(struct conn *c)
{
    c->state = READY;
    free(c->in);
    c->in = NULL;
    ready++;
    if (is_churn) {
        say(c, (const uint8_t *)"\xE0\0", 2);
        close(c->fd);
    }
}

static void take_packet(struct conn *c, const struct load_packet *p)
{
    uint8_t packet[IN_BYTES];
    char filter[48];
    if (c->state == SUBSCRIBING) {
        load_check_suback(p);
        finish(c);
        return;
    }
    (void)load_check_connack(p);
    if (is_churn) {
        finish(c);
        return;
    }
    snprintf(filter, sizeof filter, "idle/%06d/command", (int)(c - conns));
    say(c, packet, load_put_subscribe(packet, filter, load_opt.qos));
    c->state = SUBSCRIBING;
}

static void readable(struct conn *c)
{
    if (c->state == READY)
        load_fail("the broker closed a connection, or spoke unasked");
    ssize_t n = read(c->fd, c->in + c->in_len, IN_BYTES - c->in_len);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        load_fail("the broker closed a connection");
    c->in_len = (uint8_t)(c->in_len + n);
    struct load_packet p;
    if (load_packet_next(c->in, c->in_len, &p) == 0)
        return;
    c->in_len = 0; // one answer at a time
    take_packet(c, &p);
}

// Gives the seconds it took until all were in.
static double connect_all(void)
{
    struct epoll_event events[256];
    uint64_t begin = load_now_us();
    epoll_fd = epoll_create1(0);
    conns = load_alloc((size_t)load_opt.connections, sizeof *conns);
    while (ready < load_opt.connections) {
        while (started < load_opt.connections && started - ready < load_opt.parallel)
            start_one();
        int n = epoll_wait(epoll_fd, events, 256, WAIT_MS);
        if (n <= 0)
            load_fail("no answer to a connection");
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (c->state == DIALING)
                dialed(c);
            else if (events[i].events & ~(unsigned)EPOLLOUT)
                readable(c);
        }
    }
    return (double)(load_now_us() - begin) / 1e6;
}

uint64_t load_connect(void)
{
    is_churn = true;
    double seconds = connect_all();
    printf("{\"connections\":%d,\"seconds\":%.3f,\"connects_per_s\":%.0f}\n", load_opt.connections,
           seconds, load_opt.connections / seconds);
    return 0;
}

// Holds them until its standard input ends: meanwhile somebody reads the broker's memory.
uint64_t load_idle(void)
{
    double seconds = connect_all();
    printf("{\"connections\":%d,\"seconds\":%.3f}\n", load_opt.connections, seconds);
    fflush(stdout);
    while (getchar() != EOF)
        ;
    struct epoll_event e;
    if (epoll_wait(epoll_fd, &e, 1, 0) != 0)
        load_fail("the broker closed an idle connection, or spoke unasked");
    return 0;
}
