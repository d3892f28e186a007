// The radio on Linux: UDP multicast on loopback. Every station gets every datagram and hears those
// of its channel that are for it or for everybody; how bad the air is, it plays itself.
//
//   0      4    5     6       12     18
//   "nhR1" | ch | 0 | from | to    | frame        of every datagram: docs/lamp-radio.md

#include "core/base/bytes.h"
#include "core/mem/mem.h"
#include "platform/linux/port.h"
#include "platform/radio.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#define ENVELOPE_BYTES 18
#define MAGIC 0x3152686Eu // "nhR1"
#define LATE_MAX_COUNT 64 // frames that are on their way; one more is lost

struct late {
    uint64_t due_ms; // 0: free
    uint64_t order;  // of two that are due together
    nh_radio_address_t from;
    uint8_t bytes[NH_RADIO_FRAME_MAX_BYTES];
    size_t len;
};

struct nh_radio {
    uv_udp_t udp;
    struct nh_radio_config cfg;
    struct sockaddr_in group;
    struct nh_radio_info info;
    uint64_t rng, order;
    bool has_deadline, is_closed;
    struct late *late; // NULL: nothing is delayed
    char buffer[ENVELOPE_BYTES + NH_RADIO_FRAME_MAX_BYTES + 1];
};

// ---- how bad it is -----------------------------------------------------------------------------

static uint32_t chance(nh_radio_t *r, uint32_t n)
{
    r->rng = r->rng * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((r->rng >> 33) % n);
}

// As of a station in the next room, a little different for each frame.
static int8_t rssi_of(nh_radio_t *r, const nh_radio_address_t *from)
{
    return (int8_t)(-45 - from->mac[5] % 8 - (int)chance(r, 5));
}

static void deliver(nh_radio_t *r, const nh_radio_address_t *from, const uint8_t *bytes, size_t len)
{
    r->info.received_count++;
    r->cfg.input(r->cfg.ctx, from, rssi_of(r, from), bytes, len);
}

static void delay(nh_radio_t *r, const nh_radio_address_t *from, const uint8_t *bytes, size_t len)
{
    uint32_t span_ms = r->cfg.delay_max_ms - r->cfg.delay_min_ms + 1;
    for (size_t i = 0; i < LATE_MAX_COUNT; i++) {
        struct late *l = &r->late[i];
        if (l->due_ms)
            continue;
        *l = (struct late){.due_ms = nh_clock_ms() + r->cfg.delay_min_ms + chance(r, span_ms),
                           .order = r->order++,
                           .from = *from,
                           .len = len};
        l->due_ms += l->due_ms == 0;
        memcpy(l->bytes, bytes, len);
        return;
    }
    r->info.lost_count++;
}

static void through_the_air(nh_radio_t *r, const nh_radio_address_t *from, const uint8_t *bytes,
                            size_t len)
{
    uint32_t copies = 1;
    if (chance(r, 100) < r->cfg.loss_pct) {
        r->info.lost_count++;
        return;
    }
    if (chance(r, 100) < r->cfg.duplicate_pct) {
        r->info.duplicated_count++;
        copies++;
    }
    for (; copies > 0 && !r->is_closed; copies--)
        if (r->late)
            delay(r, from, bytes, len);
        else
            deliver(r, from, bytes, len);
}

static struct late *first_of(const nh_radio_t *r)
{
    struct late *first = NULL;
    for (size_t i = 0; i < LATE_MAX_COUNT; i++) {
        struct late *l = &r->late[i];
        bool is_before = !first || l->due_ms < first->due_ms ||
                         (l->due_ms == first->due_ms && l->order < first->order);
        if (l->due_ms && is_before)
            first = l;
    }
    return first;
}

static uint64_t late_next(void *ctx)
{
    const struct late *first = first_of(ctx);
    return first ? first->due_ms : NH_NEVER;
}

static void late_fire(void *ctx, uint64_t now_ms)
{
    nh_radio_t *r = ctx;
    for (;;) {
        struct late *first = r->is_closed ? NULL : first_of(r);
        if (!first || first->due_ms > now_ms)
            return;
        struct late copy = *first;
        first->due_ms = 0;
        deliver(r, &copy.from, copy.bytes, copy.len);
    }
}

// ---- datagrams ---------------------------------------------------------------------------------

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    nh_radio_t *r = handle->data;
    (void)suggested;
    *out = uv_buf_init(r->buffer, sizeof r->buffer);
}

static bool is_all(const uint8_t *mac)
{
    static const uint8_t all[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    return memcmp(mac, all, sizeof all) == 0;
}

static void on_recv(uv_udp_t *udp, ssize_t len, const uv_buf_t *buf, const struct sockaddr *from,
                    unsigned flags)
{
    nh_radio_t *r = udp->data;
    const uint8_t *b = (const uint8_t *)buf->base;
    nh_radio_address_t source;
    if (!from || r->is_closed) // nothing more to read, or an error of an earlier send
        return;
    bool is_ours = len > ENVELOPE_BYTES && len <= ENVELOPE_BYTES + NH_RADIO_FRAME_MAX_BYTES &&
                   !(flags & UV_UDP_PARTIAL) && nh_get_le32(b) == MAGIC;
    if (!is_ours) {
        r->info.foreign_count++;
        return;
    }
    memcpy(source.mac, b + 6, sizeof source.mac);
    if (memcmp(source.mac, r->cfg.address.mac, sizeof source.mac) == 0)
        return; // what it said itself
    bool is_for_us =
        b[4] == r->info.channel && (is_all(b + 12) || memcmp(b + 12, r->cfg.address.mac, 6) == 0);
    if (is_for_us)
        through_the_air(r, &source, b + ENVELOPE_BYTES, (size_t)len - ENVELOPE_BYTES);
    else
        r->info.foreign_count++;
}

int nh_radio_send(nh_radio_t *r, const nh_radio_address_t *to, const void *bytes, size_t len)
{
    uint8_t head[ENVELOPE_BYTES] = {0};
    if (len > NH_RADIO_FRAME_MAX_BYTES)
        return NH_ERR_TOO_LONG;
    nh_put_le32(head, MAGIC);
    head[4] = r->info.channel;
    memcpy(head + 6, r->cfg.address.mac, 6);
    memcpy(head + 12, to->mac, 6);
    const uv_buf_t bufs[] = {uv_buf_init((char *)head, sizeof head),
                             uv_buf_init((char *)(uintptr_t)bytes, (unsigned)len)};
    int rc = uv_udp_try_send(&r->udp, bufs, 2, (const struct sockaddr *)&r->group);
    if (rc < 0)
        return nh_linux__err(rc);
    r->info.sent_count++;
    return 0;
}

// ---- life --------------------------------------------------------------------------------------

static void on_closed(uv_handle_t *handle)
{
    nh_radio_t *r = handle->data;
    nh_mem_free(r->cfg.mem, r->late);
    nh_mem_free(r->cfg.mem, r);
}

static struct nh_loop_deadline deadline_of(nh_radio_t *r)
{
    return (struct nh_loop_deadline){.next = late_next, .fire = late_fire, .ctx = r};
}

void nh_radio_close(nh_radio_t *r)
{
    if (!r)
        return;
    const struct nh_loop_deadline d = deadline_of(r);
    r->is_closed = true;
    if (r->has_deadline)
        nh_loop_deadline_remove(r->cfg.loop, &d);
    uv_close((uv_handle_t *)&r->udp, on_closed);
}

static int join(nh_radio_t *r, const char *interface)
{
    char group[INET_ADDRSTRLEN];
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = r->group.sin_port};
    any.sin_addr = r->group.sin_addr; // so that other groups on this port are not heard
    uv_ip4_name(&r->group, group, sizeof group);
    int rc = uv_udp_bind(&r->udp, (const struct sockaddr *)&any, UV_UDP_REUSEADDR);
    if (rc == 0)
        rc = uv_udp_set_membership(&r->udp, group, interface, UV_JOIN_GROUP);
    if (rc == 0)
        rc = uv_udp_set_multicast_interface(&r->udp, interface);
    if (rc == 0)
        rc = uv_udp_set_multicast_loop(&r->udp, 1);
    if (rc == 0)
        rc = uv_udp_set_multicast_ttl(&r->udp, 1); // not past the next router
    if (rc == 0)
        rc = uv_udp_recv_start(&r->udp, on_alloc, on_recv);
    return rc < 0 ? nh_linux__err(rc) : 0;
}

static int prepare(nh_radio_t *r)
{
    if (r->cfg.delay_max_ms == 0)
        return 0;
    const struct nh_loop_deadline d = deadline_of(r);
    r->late = nh_mem_alloc_zero(r->cfg.mem, LATE_MAX_COUNT * sizeof *r->late, NH_MEM_BULK);
    int err = r->late ? nh_loop_deadline_add(r->cfg.loop, &d) : NH_ERR_NOMEM;
    r->has_deadline = err == 0;
    return err;
}

static int check(const struct nh_radio_config *cfg)
{
    struct sockaddr_in group;
    const char *text = cfg->group ? cfg->group : "239.255.76.76";
    if (cfg->channel == 0 || cfg->channel > NH_RADIO_CHANNEL_MAX ||
        cfg->delay_min_ms > cfg->delay_max_ms || cfg->loss_pct > 100 || cfg->duplicate_pct > 100)
        return NH_ERR_RANGE;
    if (uv_ip4_addr(text, 1, &group) != 0 || !IN_MULTICAST(ntohl(group.sin_addr.s_addr)))
        return NH_ERR_INVAL;
    return 0;
}

int nh_radio_open(const struct nh_radio_config *cfg, nh_radio_t **out)
{
    *out = NULL;
    int err = check(cfg);
    if (err < 0)
        return err;
    nh_radio_t *r = nh_mem_alloc_zero(cfg->mem, sizeof *r, NH_MEM_BULK);
    if (!r)
        return NH_ERR_NOMEM;
    r->cfg = *cfg;
    r->info.channel = cfg->channel;
    r->rng = cfg->seed;
    uv_ip4_addr(cfg->group ? cfg->group : "239.255.76.76", cfg->port ? cfg->port : 37676,
                &r->group);
    r->udp.data = r;
    int rc = uv_udp_init(nh_loop_native(cfg->loop), &r->udp);
    if (rc < 0) {
        nh_mem_free(cfg->mem, r);
        return nh_linux__err(rc);
    }
    r->udp.data = r;
    err = join(r, cfg->interface ? cfg->interface : "127.0.0.1");
    if (err == 0)
        err = prepare(r);
    if (err < 0) {
        nh_radio_close(r);
        return err;
    }
    *out = r;
    return 0;
}

int nh_radio_channel_set(nh_radio_t *r, uint8_t channel)
{
    if (channel == 0 || channel > NH_RADIO_CHANNEL_MAX)
        return NH_ERR_RANGE;
    r->info.channel = channel;
    return 0;
}

void nh_radio_info(const nh_radio_t *r, struct nh_radio_info *out)
{
    *out = r->info;
}
