#include "components/display/display_dirty.h"

#include <stddef.h>

// How many pixels more two have to paint as one than apart.
static int32_t waste(struct nh_rect a, struct nh_rect b)
{
    return nh_rect_area(nh_rect_join(a, b)) - nh_rect_area(a) - nh_rect_area(b);
}

static void take_out(struct nh_display__dirty *d, unsigned i)
{
    d->rects[i] = d->rects[--d->count];
}

// The one that is overlapped or, where one has to go, wastes least; -1: none.
static int partner_of(const struct nh_display__dirty *d, struct nh_rect r)
{
    int best = -1;
    for (unsigned i = 0; i < d->count; i++)
        if (!nh_rect_is_empty(nh_rect_meet(d->rects[i], r)))
            return (int)i;
    if (d->count < NH_DISPLAY__DIRTY_MAX_COUNT)
        return -1;
    for (unsigned i = 0; i < d->count; i++)
        if (best < 0 || waste(d->rects[i], r) < waste(d->rects[best], r))
            best = (int)i;
    return best;
}

void nh_display__dirty_add(struct nh_display__dirty *d, struct nh_rect r)
{
    if (nh_rect_is_empty(r))
        return;
    for (int i = partner_of(d, r); i >= 0; i = partner_of(d, r)) {
        r = nh_rect_join(r, d->rects[i]); // and may now overlap another
        take_out(d, (unsigned)i);
    }
    d->rects[d->count++] = r;
}
