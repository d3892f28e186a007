// What goes out next: whose turn it is, who shares its block, and a shape that no answer still owed
// could be taken for.

#include "components/battery/battery_client_private.h"

#define GAP_MAX 4        // a gap of so many registers is read over: an exchange more costs 13 bytes
#define SLEEP_US 9500000 // the board sleeps after 10 s without a byte
#define WAKE_US 2500000
#define PROBE_WAKE_US 350000 // of a poll: it comes again in a second
#define AGED_US 500000       // then anything goes with the users' reads, not behind them
#define EXTRA_MAX 8
#define SETTINGS_MAX 100 // of one 0x1D

bool nh_battery__is_read(const struct nh_battery__slot *s)
{
    return s->request.kind == NH_BATTERY_READ || s->request.kind == NH_BATTERY_EVENTS ||
           (s->request.kind == NH_BATTERY_WRITE && s->is_verifying);
}

// ---- whose turn it is

static bool is_command(const struct nh_battery__slot *s)
{
    return s->request.kind == NH_BATTERY_WRITE || s->request.kind == NH_BATTERY_RESTART ||
           s->request.kind == NH_BATTERY_CLEAR_EVENTS ||
           s->request.kind == NH_BATTERY_CLEAR_STATISTICS || s->request.kind == NH_BATTERY_RAW;
}

// Until a write is read back nothing else is changed: it would be blamed for it.
static const struct nh_battery__slot *writing(const nh_battery_client_t *c)
{
    for (uint32_t i = 0; i < c->slot_count; i++) {
        const struct nh_battery__slot *s = &c->slots[i];
        if (s->state != NH_BATTERY__FREE && s->request.kind == NH_BATTERY_WRITE &&
            (s->sent_count || s->is_verifying))
            return s;
    }
    return NULL;
}

static uint8_t priority_of(const struct nh_battery__slot *s, uint64_t now_us)
{
    uint8_t p = s->request.priority;
    bool is_aged = now_us >= s->posted_us + AGED_US;
    return is_aged && p > NH_BATTERY_PRIO_USER ? NH_BATTERY_PRIO_USER : p;
}

static bool is_before(const struct nh_battery__slot *a, const struct nh_battery__slot *b,
                      uint64_t now_us)
{
    uint8_t pa = priority_of(a, now_us), pb = priority_of(b, now_us);
    return pa != pb ? pa < pb : (int32_t)(a->turn - b->turn) < 0;
}

static struct nh_battery__slot *choose(nh_battery_client_t *c, uint64_t now_us)
{
    const struct nh_battery__slot *w = writing(c);
    struct nh_battery__slot *best = NULL;
    for (uint32_t i = 0; i < c->slot_count; i++) {
        struct nh_battery__slot *s = &c->slots[i];
        if (s->state != NH_BATTERY__WAITING || (w && s != w && is_command(s)))
            continue;
        if (!best || is_before(s, best, now_us))
            best = s;
    }
    return best;
}

// ---- debts

static struct nh_battery__debt debt_of(const nh_battery_client_t *c, uint64_t until_us)
{
    return (struct nh_battery__debt){.command = c->x.command,
                                     .payload_bytes = c->x.payload_bytes,
                                     .crc = nh_tinybms_crc(c->x.frame, c->x.len - 2u),
                                     .is_heard = c->x.has_nack,
                                     .until_us = until_us};
}

void nh_battery__owe(nh_battery_client_t *c, uint64_t until_us)
{
    struct nh_battery__debt *oldest = &c->debts[0];
    for (size_t i = 1; i < NH_BATTERY__DEBT_COUNT; i++)
        if (c->debts[i].until_us < oldest->until_us)
            oldest = &c->debts[i];
    *oldest = debt_of(c, until_us);
}

void nh_battery__expect_echo(nh_battery_client_t *c)
{
    c->echo = debt_of(c, NH_NEVER);
}

bool nh_battery__is_owed(nh_battery_client_t *c, uint64_t now_us)
{
    uint16_t crc = nh_tinybms_crc(c->x.frame, c->x.len - 2u);
    for (size_t i = 0; i < NH_BATTERY__DEBT_COUNT; i++) {
        struct nh_battery__debt *d = &c->debts[i];
        if (now_us < d->until_us && d->command == c->x.command && d->crc != crc && !d->is_heard) {
            d->until_us = 0;
            return true;
        }
    }
    return false;
}

static bool is_alike(const nh_battery_client_t *c, const struct nh_battery__debt *d, bool is_strict)
{
    bool is_shape =
        d->payload_bytes == c->x.payload_bytes || !d->payload_bytes || !c->x.payload_bytes;
    return d->command == c->x.command && is_shape &&
           (is_strict || d->crc != nh_tinybms_crc(c->x.frame, c->x.len - 2u));
}

// Until when the exchange, as it is encoded, could be answered by what is owed to another; 0: not.
// Strictly: nor by what is owed to the same question, whose answer is older than it seems.
static uint64_t confusion_us(const nh_battery_client_t *c, bool is_strict, uint64_t now_us)
{
    uint64_t until = 0;
    for (size_t i = 0; i < NH_BATTERY__DEBT_COUNT; i++) {
        const struct nh_battery__debt *d = &c->debts[i];
        if (now_us < d->until_us && is_alike(c, d, is_strict) && d->until_us > until)
            until = d->until_us;
    }
    return until;
}

// ---- frames

static bool encode(nh_battery_client_t *c, const struct nh_tinybms_request *r)
{
    int n = nh_tinybms_encode(r, c->x.frame, sizeof c->x.frame);
    NH_ASSERT(n > 0); // it was checked when it was posted
    c->x.command = r->command;
    c->x.len = (uint8_t)n;
    return true;
}

// The question with some words more, if there is room for them. False: there is not.
static bool encode_wider(nh_battery_client_t *c, const struct nh_tinybms_request *r, uint16_t extra)
{
    struct nh_tinybms_request wider = *r;
    bool is_block = r->command == NH_TINYBMS_READ_MODBUS;
    uint32_t count = (uint32_t)r->count + extra;
    uint32_t count_max = is_block ? NH_TINYBMS_READ_MAX_COUNT : SETTINGS_MAX;
    if (count > count_max || (is_block && r->address + count > NH_TINYBMS_ADDRESS_COUNT))
        return false;
    wider.count = (uint16_t)count;
    encode(c, &wider);
    c->x.extra = extra;
    c->x.payload_bytes = (uint16_t)(2 * count);
    return true;
}

// So that its answer has another length than what may come besides: what is owed, and the answer
// before, which a line may say twice, however late. Where there is no room the latter does not
// count.
static uint64_t encode_apart(nh_battery_client_t *c, const struct nh_tinybms_request *r,
                             uint64_t now_us)
{
    uint64_t until = NH_NEVER;
    for (uint16_t extra = 0; extra <= EXTRA_MAX && encode_wider(c, r, extra); extra++)
        if (!is_alike(c, &c->echo, true) && confusion_us(c, true, now_us) == 0)
            return 0;
    for (uint16_t extra = 0; extra <= EXTRA_MAX && encode_wider(c, r, extra); extra++) {
        uint64_t this = confusion_us(c, true, now_us);
        until = this < until ? this : until;
        if (until == 0)
            break;
    }
    return until;
}

static uint64_t encode_block(nh_battery_client_t *c, uint64_t now_us)
{
    return encode_apart(c,
                        &(struct nh_tinybms_request){.command = NH_TINYBMS_READ_MODBUS,
                                                     .address = c->x.first,
                                                     .count = c->x.count},
                        now_us);
}

// Ascending neighbours go as one block, all else as a list.
static bool is_run(const struct nh_battery_request *r)
{
    for (uint16_t i = 1; i < r->count; i++)
        if (r->addresses[i] != r->addresses[0] + i)
            return false;
    return r->count > 1;
}

static void encode_write(nh_battery_client_t *c, struct nh_battery__slot *s)
{
    const struct nh_battery_request *r = &s->request;
    uint16_t left = (uint16_t)(r->count - s->sent_count);
    bool is_block = is_run(r);
    if (!is_block && left > NH_TINYBMS_LIST_MAX_COUNT)
        left = NH_TINYBMS_LIST_MAX_COUNT;
    encode(c, &(struct nh_tinybms_request){.command = is_block ? NH_TINYBMS_WRITE_MODBUS
                                                               : NH_TINYBMS_WRITE_LIST,
                                           .address = r->addresses[s->sent_count],
                                           .count = left,
                                           .addresses = r->addresses + s->sent_count,
                                           .values = r->values + s->sent_count});
    c->x.chunk = (uint8_t)left;
    c->x.payload_bytes = is_block ? 4 : 0;
    for (uint16_t i = 0; i < left && c->cfg.forget; i++)
        c->cfg.forget(c->cfg.ctx, r->addresses[s->sent_count + i], 1);
}

static void encode_other(nh_battery_client_t *c, const struct nh_battery_request *r)
{
    struct nh_tinybms_request t = {.command = NH_TINYBMS_RESET,
                                   .address = r->address,
                                   .count = r->count,
                                   .addresses = r->addresses,
                                   .values = r->values};
    switch (r->kind) {
    case NH_BATTERY_NEW_EVENTS:
        t.command = NH_TINYBMS_EVENTS_NEWEST;
        break;
    case NH_BATTERY_VERSION:
        t.command = NH_TINYBMS_VERSION_LONG;
        break;
    case NH_BATTERY_RAW:
        t.command = r->option;
        t.option = (uint8_t)r->address;
        if (r->option == NH_TINYBMS_READ_MODBUS || r->option == NH_TINYBMS_READ_BLOCK)
            c->x.payload_bytes = (uint16_t)(2 * r->count);
        break;
    case NH_BATTERY_CLEAR_EVENTS:
        t.option = NH_TINYBMS_CLEAR_EVENTS;
        break;
    case NH_BATTERY_CLEAR_STATISTICS:
        t.option = NH_TINYBMS_CLEAR_STATISTICS;
        break;
    default:
        t.option = NH_TINYBMS_RESTART;
        break;
    }
    encode(c, &t);
}

// ---- blocks

// The registers that a slot wants, of a write those to be read back.
static void range_of(const struct nh_battery__slot *s, uint16_t *first, uint16_t *end)
{
    const struct nh_battery_request *r = &s->request;
    if (r->kind != NH_BATTERY_WRITE) {
        *first = r->address;
        *end = (uint16_t)(r->address + r->count);
        return;
    }
    *first = *end = r->addresses[0];
    for (uint16_t i = 0; i < r->count; i++) {
        *first = r->addresses[i] < *first ? r->addresses[i] : *first;
        *end = r->addresses[i] > *end ? r->addresses[i] : *end;
    }
    ++*end;
}

static int part_of(uint16_t address)
{
    return address < 100 ? 0 : address / 100;
}

// Takes `s` into the block if it touches it, or nearly does within one part of the map.
static bool share(nh_battery_client_t *c, const struct nh_battery__slot *s)
{
    uint16_t first, end, x_end = (uint16_t)(c->x.first + c->x.count);
    range_of(s, &first, &end);
    bool is_near = first <= x_end + GAP_MAX && c->x.first <= end + GAP_MAX;
    bool is_touching = first <= x_end && c->x.first <= end;
    if (!is_near || (!is_touching && part_of(first) != part_of(c->x.first)))
        return false;
    first = first < c->x.first ? first : c->x.first;
    end = end > x_end ? end : x_end;
    if (end - first > NH_TINYBMS_READ_MAX_COUNT)
        return false;
    bool is_wider = first != c->x.first || end != x_end;
    c->stats.batched += is_wider;
    c->stats.coalesced += !is_wider;
    c->x.first = first;
    c->x.count = (uint16_t)(end - first);
    return true;
}

static void gather(nh_battery_client_t *c, const struct nh_battery__slot *base)
{
    bool is_more = !base->is_alone && !base->is_verifying;
    while (is_more) {
        is_more = false;
        for (uint32_t i = 0; i < c->slot_count; i++) {
            struct nh_battery__slot *s = &c->slots[i];
            if (s->state != NH_BATTERY__WAITING || !nh_battery__is_read(s) || s->is_alone ||
                s->is_verifying || !share(c, s))
                continue;
            s->state = NH_BATTERY__ON_LINE;
            is_more = true;
        }
    }
}

// ---- the exchange

static void begin_block(nh_battery_client_t *c, const struct nh_battery__slot *s)
{
    uint16_t first, end;
    range_of(s, &first, &end);
    c->x.is_block = true;
    c->x.first = first;
    c->x.count = (uint16_t)(end - first);
    gather(c, s);
}

static void back_to_queue(nh_battery_client_t *c, uint64_t ready_us)
{
    for (uint32_t i = 0; i < c->slot_count; i++)
        if (c->slots[i].state == NH_BATTERY__ON_LINE) {
            c->slots[i].state = NH_BATTERY__PAUSED;
            c->slots[i].ready_us = ready_us;
        }
}

static void begin_waking(nh_battery_client_t *c, const struct nh_battery__slot *s, uint64_t now_us)
{
    c->x.is_waking = !c->is_connected || now_us - c->last_frame_us >= SLEEP_US;
    c->x.wake_end_us = now_us + (s->is_poll && !c->is_connected ? PROBE_WAKE_US : WAKE_US);
}

static uint64_t encode_slot(nh_battery_client_t *c, struct nh_battery__slot *s, uint64_t now_us)
{
    if (nh_battery__is_read(s)) {
        begin_block(c, s);
        return encode_block(c, now_us);
    }
    if (s->request.kind == NH_BATTERY_WRITE) {
        encode_write(c, s); // what it comes to is read back, whoever acknowledges
        return 0;
    }
    if (s->request.kind == NH_BATTERY_RANGES)
        return encode_apart(c,
                            &(struct nh_tinybms_request){.command = NH_TINYBMS_SETTINGS,
                                                         .option = s->request.option,
                                                         .count = s->request.count},
                            now_us);
    encode_other(c, &s->request);
    return confusion_us(c, false, now_us);
}

bool nh_battery__begin(nh_battery_client_t *c, uint64_t now_us)
{
    for (;;) {
        struct nh_battery__slot *s = choose(c, now_us);
        if (!s)
            return false;
        s->state = NH_BATTERY__ON_LINE;
        c->x.is_block = c->x.has_nack = false;
        c->x.extra = c->x.payload_bytes = c->x.sends = c->x.chunk = 0;
        uint64_t until = encode_slot(c, s, now_us);
        if (!until) {
            begin_waking(c, s, now_us);
            c->x.state = NH_BATTERY__READY;
            return true;
        }
        back_to_queue(c, until); // it waits until what could be taken for its answer cannot come
    }
}
