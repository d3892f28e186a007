// The end of a turn: what was not written from the turn's bytes is copied once, for all the
// connections that still need it, and what is over a queue's limits is dropped.

#include "core/base/hash.h"
#include "mqtt/keep.h"

#include <string.h>

#define COPIES_MIN 64u

// The copies made in this turn, by where the packet lies: open addressing.
struct copies {
    struct copy {
        const uint8_t *packet; // NULL: free
        struct nh_mqtt__msg *msg;
    } * slots;
    uint32_t cap, count;
};

struct plan { // what one connection has to leave out
    nh_mqtt_broker_t *b;
    struct copies *copies;
    uint64_t over_count, over_bytes, left_count;
    uint32_t dropped, unstored;
    uint8_t version; // of its packets
};

static struct copy *copy_slot(struct copy *slots, uint32_t cap, const uint8_t *packet)
{
    uint32_t at = nh_hash32(&packet, sizeof packet, 0) & (cap - 1);
    while (slots[at].packet && slots[at].packet != packet)
        at = (at + 1) & (cap - 1);
    return &slots[at];
}

static bool copies_grow(struct copies *c, nh_mem_t *mem)
{
    uint32_t cap = c->cap ? c->cap * 2 : COPIES_MIN;
    struct copy *slots = nh_mem_alloc_zero(mem, cap * sizeof(*slots), NH_MEM_BULK);
    if (!slots)
        return false;
    for (uint32_t i = 0; i < c->cap; i++)
        if (c->slots[i].packet)
            *copy_slot(slots, cap, c->slots[i].packet) = c->slots[i];
    nh_mem_free(mem, c->slots);
    c->slots = slots;
    c->cap = cap;
    return true;
}

static void copies_deinit(struct copies *c, nh_mem_t *mem)
{
    for (uint32_t i = 0; i < c->cap; i++)
        nh_mqtt__msg_unref(mem, c->slots[i].msg);
    nh_mem_free(mem, c->slots);
}

static struct nh_mqtt__msg *copy_packet(nh_mem_t *mem, const uint8_t *packet, uint32_t len,
                                        uint32_t head_len, uint8_t version)
{
    struct nh_mqtt__msg *m = nh_mqtt__msg_alloc(mem, len);
    if (!m)
        return NULL;
    memcpy(m->bytes, packet, len);
    nh_mqtt__msg_adopt(m, head_len, len, false, version);
    return m;
}

static struct nh_mqtt__msg *copy_of(struct plan *p, const uint8_t *packet, uint32_t len,
                                    uint32_t head_len)
{
    struct copies *c = p->copies;
    nh_mem_t *mem = p->b->mem;
    if (c->count * 2 >= c->cap && !copies_grow(c, mem))
        return NULL;
    struct copy *slot = copy_slot(c->slots, c->cap, packet);
    if (slot->packet)
        return slot->msg;
    struct nh_mqtt__msg *m = copy_packet(mem, packet, len, head_len, p->version);
    if (m) {
        *slot = (struct copy){packet, m};
        c->count++;
    }
    return m;
}

static struct nh_mqtt__msg *settle_message(void *ctx, const uint8_t *packet, uint32_t len,
                                           uint32_t head_len, bool must)
{
    struct plan *p = ctx;
    bool is_over = (p->over_count || p->over_bytes) && p->left_count > 1;
    if (is_over && !must) {
        p->over_count -= p->over_count ? 1 : 0;
        p->over_bytes -= p->over_bytes < len ? p->over_bytes : len;
        p->left_count--;
        p->dropped++;
        return NULL;
    }
    struct nh_mqtt__msg *m = copy_of(p, packet, len, head_len);
    p->unstored += !m;
    return m;
}

static uint64_t excess(uint64_t value, uint64_t max)
{
    return value > max ? value - max : 0;
}

// Finds what is over and drops the older, already stored messages first.
static struct plan make_plan(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, struct copies *copies)
{
    struct plan p = {.b = b, .copies = copies, .version = c->version};
    uint64_t count, bytes;
    nh_mqtt__wire_slices(&c->wire, &count, &bytes);
    for (;;) {
        struct nh_mqtt__load load = {c->wire.bytes, c->wire.count};
        if (c->session)
            load = nh_mqtt__load_of(c->session);
        p.left_count = load.messages + count;
        p.over_count = excess(p.left_count, nh_mqtt__queue_max_messages(b, c->session));
        p.over_bytes = excess(load.bytes + bytes, nh_mqtt__queue_max_bytes(b, c->session));
        if ((!p.over_count && !p.over_bytes) || p.left_count <= 1 ||
            !nh_mqtt__wire_drop(&b->blocks, &c->wire))
            return p;
        p.dropped++;
    }
}

static void settle(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, struct copies *copies)
{
    struct plan p = make_plan(b, c, copies);
    struct nh_mqtt__settle how = {&p, settle_message};
    int rc = nh_mqtt__wire_settle(&b->blocks, &c->wire, &how);
    if (c->session && p.dropped)
        nh_mqtt__drop(b, c->session, &b->info.dropped_queue_full, p.dropped);
    if (c->session && p.unstored)
        nh_mqtt__drop(b, c->session, &b->info.dropped_no_memory, p.unstored);
    if (rc == NH_OK)
        return;
    nh_mqtt__wire_clear(&b->blocks, &c->wire); // its bytes are no longer whole
    nh_mqtt__conn_end(b, c, "out of memory", NH_MQTT_CLIENT_DISCONNECTED, NH_MQTT_REASON_SUCCESS);
}

void nh_mqtt_broker_turn_end(nh_mqtt_broker_t *b)
{
    struct copies copies = {0};
    b->is_turn = false;
    while (b->turn) {
        nh_mqtt_conn_t *c = b->turn;
        b->turn = c->turn_next;
        c->in_turn = false;
        if (!nh_mqtt__wire_is_empty(&c->wire))
            settle(b, c, &copies);
    }
    copies_deinit(&copies, b->mem);
    nh_mqtt__scratch_reset(b);
    nh_mqtt__held_free(b);
    nh_mqtt__journal_run(b);
}
