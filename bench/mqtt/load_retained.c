// Retained messages: stores many, then has them replayed to new subscribers.

#include "load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES ((size_t)256 * 1024)
#define STORE_WINDOW 20u

static struct {
    uint8_t *bytes;
    size_t begin, len; // what is not yet taken
} in;

// The next packet, waiting for it; valid until the next call. What is left is moved only when
// nothing whole is: the reader must not be what is measured.
static struct load_packet next_packet(int fd)
{
    struct load_packet p;
    for (;;) {
        size_t used = load_packet_next(in.bytes + in.begin, in.len, &p);
        if (used > 0) {
            in.begin += used;
            in.len -= used;
            return p;
        }
        memmove(in.bytes, in.bytes + in.begin, in.len);
        in.begin = 0;
        ssize_t n = read(fd, in.bytes + in.len, BUFFER_BYTES - in.len);
        if (n <= 0)
            load_fail("the broker closed a connection");
        in.len += (size_t)n;
    }
}

// At QoS 1, so that all are known to be stored.
static void store(void)
{
    uint8_t *packet = load_alloc(1, (size_t)load_opt.payload + 128);
    char topic[32];
    int fd = load_dial(0, true), acked = 0;
    load_opt.qos = 1;
    (void)load_hello(fd, "load-store", NULL);
    for (int sent = 0; acked < load_opt.connections;) {
        if (sent < load_opt.connections && sent - acked < (int)STORE_WINDOW) {
            snprintf(topic, sizeof topic, "retained/%06d/state", sent);
            size_t len = load_put_publish(packet, topic, true, (uint16_t)(sent % 65535 + 1), 0,
                                          (uint32_t)sent);
            if (write(fd, packet, len) != (ssize_t)len)
                load_die("write");
            sent++;
            continue;
        }
        struct load_packet p = next_packet(fd);
        if (p.first != 0x40 || (p.len > 2 && p.body[2] >= 0x80))
            load_fail("a retained message was refused");
        acked++;
    }
    free(packet);
    close(fd);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

// From SUBSCRIBE to the last message. Counts messages that are wrong in `*faults`.
static uint64_t replay(int index, uint64_t *faults)
{
    uint8_t *seen = load_alloc((size_t)load_opt.connections, 1), subscribe[64];
    char name[32];
    int fd = load_dial(index, true);
    snprintf(name, sizeof name, "load-replay%d", index);
    load_opt.qos = 0;
    (void)load_hello(fd, name, NULL);
    size_t len = load_put_subscribe(subscribe, "retained/#", 0);
    uint64_t begin = load_now_us();
    if (write(fd, subscribe, len) != (ssize_t)len)
        load_die("write");
    for (int left = load_opt.connections; left > 0;) {
        struct load_packet p = next_packet(fd);
        if (p.first == 0x90)
            continue;
        struct load_stamp s = load_take_publish(&p).stamp;
        bool is_right = p.first == 0x31 && s.is_whole &&
                        s.number < (uint32_t)load_opt.connections && !seen[s.number];
        *faults += !is_right;
        if (is_right)
            seen[s.number] = 1;
        left--;
    }
    uint64_t took = load_now_us() - begin;
    free(seen);
    close(fd);
    return took;
}

uint64_t load_retained(void)
{
    uint64_t faults = 0;
    in.bytes = load_alloc(1, BUFFER_BYTES);
    store();
    printf("{\"stored\":%d}\n", load_opt.connections);
    fflush(stdout);
    if (getchar() == EOF) // meanwhile somebody reads the broker's memory
        return 0;
    uint64_t *took = load_alloc((size_t)load_opt.replays, sizeof *took);
    for (int i = 0; i < load_opt.replays; i++)
        took[i] = replay(1 + i, &faults);
    qsort(took, (size_t)load_opt.replays, sizeof *took, by_value);
    printf("{\"replayed\":%d,\"replay_us\":%" PRIu64 ",\"wrong\":%" PRIu64 "}\n",
           load_opt.connections, took[load_opt.replays / 2], faults);
    return faults;
}
