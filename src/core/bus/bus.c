#include "core/bus/bus.h"

#include <string.h>

// A subscriber lives until it is both unsubscribed (`gone`) and unpinned. Who is about to call out
// for it, without the lock, holds a pin; the last to let go frees it. Whoever finds `gone` set does
// not call `handle` any more.
struct nh_bus_sub {
    nh_bus_t *bus;
    struct nh_bus_sub_config cfg; // ids: NULL or not, never followed
    uint32_t head, depth, depth_max;
    uint32_t pins;
    bool gone;
    uint64_t delivered, dropped, dropped_critical;
    struct nh_event *slots; // cfg.queue_max of them, a ring; `head` is the oldest
    uint32_t *id_bits;      // NULL: all ids
};

struct nh_bus {
    nh_mem_t *mem;
    nh_lock_t lock; // guards all below, and all of a subscriber but what `cfg` says
    uint32_t event_count;
    size_t sub_count;
    nh_bus_sub_t *subs[NH_BUS_SUB_MAX_COUNT]; // in the order of subscription
    struct nh_bus_event_info *events;
};

// Whom one post has to call after the lock is released. On the poster's stack: 132 bytes on a chip.
struct due {
    size_t count;
    nh_bus_sub_t *subs[NH_BUS_SUB_MAX_COUNT];
};

int nh_bus_create(const struct nh_bus_config *cfg, nh_bus_t **out)
{
    *out = NULL;
    uint32_t count = cfg->event_count ? cfg->event_count : 64;
    if (count > UINT16_MAX + 1u)
        return NH_ERR_RANGE;
    nh_bus_t *bus = nh_mem_alloc_zero(cfg->mem, sizeof *bus, NH_MEM_HOT);
    if (!bus)
        return NH_ERR_NOMEM;
    bus->events = nh_mem_alloc_zero(cfg->mem, count * sizeof *bus->events, NH_MEM_BULK);
    if (!bus->events) {
        nh_mem_free(cfg->mem, bus);
        return NH_ERR_NOMEM;
    }
    bus->mem = cfg->mem;
    bus->lock = cfg->lock;
    bus->event_count = count;
    *out = bus;
    return NH_OK;
}

void nh_bus_destroy(nh_bus_t *bus)
{
    if (!bus)
        return;
    while (bus->sub_count) {
        NH_ASSERT(!bus->subs[bus->sub_count - 1]->pins);
        nh_bus_unsubscribe(bus, bus->subs[bus->sub_count - 1]);
    }
    nh_mem_free(bus->mem, bus->events);
    nh_mem_free(bus->mem, bus);
}

// ---- subscribers -------------------------------------------------------------------------------

static int check_config(const nh_bus_t *bus, const struct nh_bus_sub_config *cfg)
{
    if (!cfg->name || !cfg->handle)
        return NH_ERR_INVAL;
    if (cfg->queue_max > NH_BUS_QUEUE_MAX_COUNT || cfg->reserve > cfg->queue_max)
        return NH_ERR_RANGE;
    for (size_t i = 0; cfg->ids && i < cfg->id_count; i++)
        if (cfg->ids[i] >= bus->event_count)
            return NH_ERR_RANGE;
    return NH_OK;
}

// The lock is not held and nobody else knows `sub` any more.
static void sub_free(nh_bus_sub_t *sub)
{
    nh_mem_t *mem = sub->bus->mem;
    void (*released)(void *ctx) = sub->cfg.released;
    void *ctx = sub->cfg.ctx;
    for (; sub->depth; sub->depth--) {
        nh_blob_unref(sub->slots[sub->head].blob);
        sub->head = (sub->head + 1) % sub->cfg.queue_max;
    }
    nh_mem_free(mem, sub->slots);
    nh_mem_free(mem, sub->id_bits);
    nh_mem_free(mem, sub);
    if (released)
        released(ctx);
}

static nh_bus_sub_t *sub_make(nh_bus_t *bus, const struct nh_bus_sub_config *cfg)
{
    nh_bus_sub_t *sub = nh_mem_alloc_zero(bus->mem, sizeof *sub, NH_MEM_HOT);
    if (!sub)
        return NULL;
    sub->bus = bus;
    if (cfg->queue_max)
        sub->slots = nh_mem_alloc(bus->mem, cfg->queue_max * sizeof *sub->slots, NH_MEM_BULK);
    if (cfg->ids)
        sub->id_bits = nh_mem_alloc_zero(bus->mem, (bus->event_count + 31) / 32 * 4, NH_MEM_HOT);
    if ((cfg->queue_max && !sub->slots) || (cfg->ids && !sub->id_bits)) {
        sub_free(sub); // its `cfg` is not set yet, so nothing is called
        return NULL;
    }
    sub->cfg = *cfg;
    for (size_t i = 0; cfg->ids && i < cfg->id_count; i++)
        sub->id_bits[cfg->ids[i] / 32] |= 1u << cfg->ids[i] % 32;
    return sub;
}

int nh_bus_subscribe(nh_bus_t *bus, const struct nh_bus_sub_config *cfg, nh_bus_sub_t **out)
{
    *out = NULL;
    int err = check_config(bus, cfg);
    if (err)
        return err;
    nh_bus_sub_t *sub = sub_make(bus, cfg);
    if (!sub)
        return NH_ERR_NOMEM;
    nh_lock_acquire(&bus->lock);
    bool fits = bus->sub_count < NH_BUS_SUB_MAX_COUNT;
    if (fits)
        bus->subs[bus->sub_count++] = sub;
    nh_lock_release(&bus->lock);
    if (!fits) {
        sub->cfg.released = NULL;
        sub_free(sub);
        return NH_ERR_FULL;
    }
    *out = sub;
    return NH_OK;
}

void nh_bus_unsubscribe(nh_bus_t *bus, nh_bus_sub_t *sub)
{
    if (!sub)
        return;
    nh_lock_acquire(&bus->lock);
    NH_ASSERT(!sub->gone);
    size_t i = 0;
    while (bus->subs[i] != sub)
        i++;
    bus->sub_count--;
    memmove(&bus->subs[i], &bus->subs[i + 1], (bus->sub_count - i) * sizeof bus->subs[0]);
    sub->gone = true;
    bool last = !sub->pins;
    nh_lock_release(&bus->lock);
    if (last)
        sub_free(sub);
}

// Call with the lock held; true: the caller frees `sub` once it has released the lock.
static bool unpin(nh_bus_sub_t *sub)
{
    return --sub->pins == 0 && sub->gone;
}

// ---- posting -----------------------------------------------------------------------------------

static bool wants(const nh_bus_sub_t *sub, nh_event_id_t id)
{
    return !sub->id_bits || (sub->id_bits[id / 32] >> id % 32 & 1);
}

static bool has_room(const nh_bus_sub_t *sub, const struct nh_event *e)
{
    if (!sub->cfg.queue_max)
        return sub->pins < NH_BUS_NEST_MAX_COUNT;
    return sub->depth < sub->cfg.queue_max - (e->critical ? 0 : sub->cfg.reserve);
}

static void enqueue(nh_bus_sub_t *sub, const struct nh_event *e)
{
    struct nh_event *slot = &sub->slots[(sub->head + sub->depth) % sub->cfg.queue_max];
    memcpy(slot, e, offsetof(struct nh_event, data) + e->data_len);
    if (e->blob)
        nh_blob_ref(e->blob);
    sub->depth++;
    if (sub->depth > sub->depth_max)
        sub->depth_max = sub->depth;
}

// Gives `e` to one subscriber or counts the drop. Who must be called is pinned and put on `due`.
static bool offer(nh_bus_sub_t *sub, const struct nh_event *e, struct due *due)
{
    if (!has_room(sub, e)) {
        sub->dropped++;
        sub->dropped_critical += e->critical;
        return false;
    }
    sub->delivered++;
    bool call = true;
    if (sub->cfg.queue_max) {
        enqueue(sub, e);
        call = sub->depth == 1 && sub->cfg.wake;
    }
    if (call) {
        sub->pins++;
        due->subs[due->count++] = sub;
    }
    return true;
}

// Makes the one call that `sub` was pinned for, and lets go.
static void call_out(nh_bus_t *bus, nh_bus_sub_t *sub, const struct nh_event *e)
{
    nh_lock_acquire(&bus->lock);
    bool call = !sub->gone;
    nh_lock_release(&bus->lock);
    if (call && sub->cfg.queue_max)
        sub->cfg.wake(sub->cfg.ctx);
    else if (call)
        sub->cfg.handle(sub->cfg.ctx, e);
    nh_lock_acquire(&bus->lock);
    bool last = unpin(sub);
    nh_lock_release(&bus->lock);
    if (last)
        sub_free(sub);
}

int nh_bus_post(nh_bus_t *bus, const struct nh_event *e)
{
    if (e->id >= bus->event_count || e->data_len > NH_EVENT_DATA_MAX_BYTES)
        return NH_ERR_RANGE;
    struct due due = {.count = 0};
    int got = 0;
    nh_lock_acquire(&bus->lock);
    struct nh_bus_event_info *info = &bus->events[e->id];
    info->posted++;
    for (size_t i = 0; i < bus->sub_count; i++) {
        if (!wants(bus->subs[i], e->id))
            continue;
        if (offer(bus->subs[i], e, &due)) {
            info->delivered++;
            got++;
        } else {
            info->dropped++;
        }
    }
    nh_lock_release(&bus->lock);
    for (size_t i = 0; i < due.count; i++)
        call_out(bus, due.subs[i], e);
    return got;
}

int nh_bus_post_data(nh_bus_t *bus, nh_event_id_t id, uint16_t origin, uint64_t now_ms,
                     const void *data, size_t data_len)
{
    if (data_len > NH_EVENT_DATA_MAX_BYTES)
        return NH_ERR_RANGE;
    struct nh_event e = {
        .id = id, .origin = origin, .data_len = (uint16_t)data_len, .time_ms = now_ms};
    if (data_len)
        memcpy(e.data, data, data_len);
    return nh_bus_post(bus, &e);
}

// ---- draining ----------------------------------------------------------------------------------

// Moves the oldest event to `e`, with its blob's reference. Call with the lock held.
static bool dequeue(nh_bus_sub_t *sub, struct nh_event *e)
{
    if (!sub->depth || sub->gone)
        return false;
    const struct nh_event *slot = &sub->slots[sub->head];
    memcpy(e, slot, offsetof(struct nh_event, data) + slot->data_len);
    sub->head = (sub->head + 1) % sub->cfg.queue_max;
    sub->depth--;
    return true;
}

// One event out of the queue and into `handle`; false when there is none.
static bool drain_one(nh_bus_sub_t *sub)
{
    struct nh_event e;
    nh_lock_acquire(&sub->bus->lock);
    bool has = dequeue(sub, &e);
    nh_lock_release(&sub->bus->lock);
    if (!has)
        return false;
    sub->cfg.handle(sub->cfg.ctx, &e);
    nh_blob_unref(e.blob);
    return true;
}

size_t nh_bus_drain(nh_bus_sub_t *sub, size_t max)
{
    nh_bus_t *bus = sub->bus;
    nh_lock_acquire(&bus->lock);
    sub->pins++;
    size_t n = max && max < sub->depth ? max : sub->depth, done = 0;
    nh_lock_release(&bus->lock);
    while (done < n && drain_one(sub))
        done++;
    nh_lock_acquire(&bus->lock);
    // Posts made meanwhile found the queue not empty and woke nobody: that falls to us.
    bool wake = sub->depth && !sub->gone && sub->cfg.wake;
    nh_lock_release(&bus->lock);
    if (wake)
        sub->cfg.wake(sub->cfg.ctx);
    nh_lock_acquire(&bus->lock);
    bool last = unpin(sub);
    nh_lock_release(&bus->lock);
    if (last)
        sub_free(sub);
    return done;
}

// ---- figures -----------------------------------------------------------------------------------

int nh_bus_event_info(nh_bus_t *bus, nh_event_id_t id, struct nh_bus_event_info *out)
{
    if (id >= bus->event_count)
        return NH_ERR_RANGE;
    nh_lock_acquire(&bus->lock);
    *out = bus->events[id];
    nh_lock_release(&bus->lock);
    return NH_OK;
}

int nh_bus_sub_info(nh_bus_t *bus, size_t index, struct nh_bus_sub_info *out)
{
    nh_lock_acquire(&bus->lock);
    const nh_bus_sub_t *sub = index < bus->sub_count ? bus->subs[index] : NULL;
    if (sub)
        *out = (struct nh_bus_sub_info){.name = sub->cfg.name,
                                        .queue_max = sub->cfg.queue_max,
                                        .reserve = sub->cfg.reserve,
                                        .depth = sub->depth,
                                        .depth_max = sub->depth_max,
                                        .delivered = sub->delivered,
                                        .dropped = sub->dropped,
                                        .dropped_critical = sub->dropped_critical};
    nh_lock_release(&bus->lock);
    return sub ? NH_OK : NH_ERR_NOT_FOUND;
}
