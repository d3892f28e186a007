#include "components/battery_publish/publish_ring.h"

void nh_publish_ring_init(struct nh_publish_ring *r, struct nh_battery_point *points, uint32_t cap,
                          uint8_t sinks)
{
    NH_ASSERT(cap > 0);
    *r = (struct nh_publish_ring){.points = points, .cap = cap, .sinks = sinks};
}

static uint64_t least_cursor(const struct nh_publish_ring *r)
{
    uint64_t least = r->head;
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++)
        if (nh_publish_ring_has(r, i) && r->cursor[i] < least)
            least = r->cursor[i];
    return least;
}

uint8_t nh_publish_ring_put(struct nh_publish_ring *r, const struct nh_battery_point *p)
{
    uint8_t lost = 0;
    if (r->head - r->tail == r->cap) {
        r->tail++;
        for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++)
            if (nh_publish_ring_has(r, i) && r->cursor[i] < r->tail) {
                r->cursor[i] = r->tail;
                lost |= (uint8_t)(1u << i);
            }
    }
    *nh_publish_ring_at(r, r->head) = *p;
    r->head++;
    return lost;
}

uint64_t nh_publish_ring_commit(struct nh_publish_ring *r, size_t sink, uint64_t place)
{
    NH_ASSERT(nh_publish_ring_has(r, sink) && place <= r->head);
    if (place > r->cursor[sink])
        r->cursor[sink] = place;
    uint64_t least = least_cursor(r), gone = least - r->tail;
    r->tail = least;
    return gone;
}

void nh_publish_ring_resume(struct nh_publish_ring *r, uint64_t place)
{
    NH_ASSERT(r->head == r->tail);
    r->head = r->tail = place;
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++)
        r->cursor[i] = place;
}

int nh_publish_ring_check(const struct nh_publish_ring *r)
{
    bool is_sound = r->tail <= r->head && r->head - r->tail <= r->cap;
    for (size_t i = 0; is_sound && i < NH_BATTERY_SINK_COUNT; i++)
        if (nh_publish_ring_has(r, i))
            is_sound = r->tail <= r->cursor[i] && r->cursor[i] <= r->head;
    return is_sound ? NH_OK : NH_ERR_CORRUPT;
}
