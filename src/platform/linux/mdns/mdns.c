// The responder of core/mdns on a socket of the group.

#include "core/mdns/mdns.h"

#include "core/mem/mem.h"
#include "platform/mdns.h"

#include <arpa/inet.h>

#define TTL 255 // RFC 6762, 11

struct nh_advertiser {
    nh_mem_t *mem;
    nh_loop_t *loop;
    nh_datagram_t *socket;
    nh_mdns_t responder;
    uint8_t out[NH_MDNS_PACKET_MAX_BYTES];
};

// A datagram that the network does not take now is lost, as it may be on its way.
static void flush(nh_advertiser_t *a, uint64_t now_ms)
{
    const char *address;
    uint16_t port;
    size_t len;
    while ((len = nh_mdns_output(&a->responder, a->out, &address, &port, now_ms)) > 0)
        NH_IGNORE(nh_datagram_send(a->socket, address, port, a->out, len));
}

static void on_input(void *ctx, const uint8_t *bytes, size_t len, const char *from_address,
                     uint16_t from_port)
{
    nh_advertiser_t *a = ctx;
    uint64_t now_ms = nh_clock_ms();
    nh_mdns_input(&a->responder, bytes, len, from_address, from_port, now_ms);
    flush(a, now_ms);
}

static uint64_t next(void *ctx)
{
    const nh_advertiser_t *a = ctx;
    return nh_mdns_next_deadline(&a->responder);
}

static void fire(void *ctx, uint64_t now_ms)
{
    flush(ctx, now_ms);
}

static struct nh_loop_deadline deadline(nh_advertiser_t *a)
{
    return (struct nh_loop_deadline){.next = next, .fire = fire, .ctx = a};
}

static int start(nh_advertiser_t *a, const struct nh_advertiser_config *cfg)
{
    struct nh_mdns_config m = {.name = cfg->name,
                               .services = cfg->services,
                               .service_count = cfg->service_count,
                               .seed = cfg->seed};
    if (inet_pton(AF_INET, cfg->address, m.address) != 1)
        return NH_ERR_INVAL;
    int err = nh_mdns_init(&a->responder, &m, nh_clock_ms());
    if (err < 0)
        return err;
    const struct nh_datagram_group group = {
        .group = NH_MDNS_GROUP, .interface = cfg->address, .port = NH_MDNS_PORT, .ttl = TTL};
    err = nh_datagram_open_group(cfg->loop, cfg->mem, &group, on_input, a, &a->socket);
    if (err < 0)
        return err;
    const struct nh_loop_deadline d = deadline(a);
    err = nh_loop_deadline_add(cfg->loop, &d);
    if (err < 0)
        nh_datagram_close(a->socket);
    return err;
}

int nh_advertiser_start(const struct nh_advertiser_config *cfg, nh_advertiser_t **out)
{
    *out = NULL;
    nh_advertiser_t *a = nh_mem_alloc_zero(cfg->mem, sizeof *a, NH_MEM_BULK);
    if (!a)
        return NH_ERR_NOMEM;
    a->mem = cfg->mem;
    a->loop = cfg->loop;
    int err = start(a, cfg);
    if (err < 0) {
        nh_mem_free(cfg->mem, a);
        return err;
    }
    *out = a;
    return 0;
}

void nh_advertiser_stop(nh_advertiser_t *a)
{
    if (!a)
        return;
    const struct nh_loop_deadline d = deadline(a);
    nh_loop_deadline_remove(a->loop, &d);
    size_t len = nh_mdns_goodbye(&a->responder, a->out);
    if (len)
        NH_IGNORE(nh_datagram_send(a->socket, NH_MDNS_GROUP, NH_MDNS_PORT, a->out, len));
    nh_datagram_close(a->socket);
    nh_mem_free(a->mem, a);
}

void nh_advertiser_info(const nh_advertiser_t *a, struct nh_advertiser_info *out)
{
    struct nh_mdns_info i;
    nh_mdns_info(&a->responder, &i);
    *out = (struct nh_advertiser_info){.host = nh_mdns_host(&a->responder),
                                       .is_announced = i.state != NH_MDNS_PROBING,
                                       .questions = i.questions,
                                       .answers = i.answers,
                                       .conflicts = i.conflicts,
                                       .broken = i.broken};
}
