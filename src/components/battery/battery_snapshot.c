#include "components/battery/battery_snapshot.h"

#include "core/base/atomic.h"
#include "core/base/crc.h"

#include <string.h>

#define SLOT_MASK 0xFFu
#define ARRIVAL 0x100u
#define COUNT_MASK 0xFFFFFFu

_Static_assert(sizeof(struct nh_battery_snapshot) % sizeof(uint32_t) == 0, "whole words");

// By words: a small C library of a chip copies byte by byte.
static void copy(struct nh_battery_snapshot *to, const struct nh_battery_snapshot *from)
{
    const char *f = __builtin_assume_aligned(from, sizeof(uint32_t));
    char *t = __builtin_assume_aligned(to, sizeof(uint32_t));
    for (size_t i = 0; i < sizeof *to; i += sizeof(uint32_t)) {
        uint32_t word;
        memcpy(&word, f + i, sizeof word);
        memcpy(t + i, &word, sizeof word);
    }
}

void nh_battery__box_read(nh_battery__box_t *box, struct nh_battery_snapshot *out)
{
    uint32_t state = nh_atomic_add_u32(&box->state, ARRIVAL);
    uint32_t at = state & SLOT_MASK;
    copy(out, &box->slot[at].s);
    nh_atomic_add_u32(&box->slot[at].left, 1);
}

struct nh_battery_snapshot *nh_battery__box_begin(nh_battery__box_t *box)
{
    uint32_t newest = nh_atomic_load_u32(&box->state) & SLOT_MASK;
    for (uint32_t i = 0; i < NH_BATTERY__SLOT_COUNT; i++) {
        uint32_t left = nh_atomic_load_u32(&box->slot[i].left);
        if (i != newest && ((box->slot[i].arrived - left) & COUNT_MASK) == 0)
            return &box->slot[i].s;
    }
    return NULL;
}

void nh_battery__box_publish(nh_battery__box_t *box, struct nh_battery_snapshot *s)
{
    uint32_t at = 0;
    while (&box->slot[at].s != s)
        at++;
    s->check = nh_battery__snapshot_check(s);
    box->slot[at].arrived = 0;
    nh_atomic_store_u32(&box->slot[at].left, 0);
    uint32_t before = nh_atomic_exchange_u32(&box->state, at);
    box->slot[before & SLOT_MASK].arrived = before / ARRIVAL;
}

uint32_t nh_battery__snapshot_check(const struct nh_battery_snapshot *s)
{
    return nh_crc32(0, s, offsetof(struct nh_battery_snapshot, check));
}
