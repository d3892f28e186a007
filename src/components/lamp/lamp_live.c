// Live data instead of the effect: a back buffer that one source at a time writes, and a front one
// that the render task reads.

#include "components/lamp/lamp_private.h"

#include <stdio.h>
#include <string.h>

static bool is_same(const struct nh_lamp__live *live, const struct nh_lamp_live_source *s)
{
    return strcmp(live->protocol, s->protocol) == 0 &&
           strncmp(live->from, s->from, sizeof live->from) == 0;
}

// What others see of it.
static void show(nh_lamp_t *l)
{
    nh_lock_acquire(&l->lock);
    l->shown_live = l->live;
    l->wish.is_live = l->live.is_shown;
    nh_lock_release(&l->lock);
    l->has_news = true;
}

static void begin(nh_lamp_t *l, const struct nh_lamp_live_source *s, uint64_t now_ms)
{
    nh_px_t *back = l->live.back;
    l->live = (struct nh_lamp__live){.is_begun = true,
                                     .end_ms = nh_ms_after(now_ms, s->timeout_ms),
                                     .priority = s->priority,
                                     .protocol = s->protocol,
                                     .back = back};
    snprintf(l->live.from, sizeof l->live.from, "%s", s->from);
    memset(back, 0, (size_t)l->pixel_count * sizeof *back);
}

int nh_lamp_live_begin(nh_lamp_t *l, const struct nh_lamp_live_source *s, uint64_t now_ms,
                       struct nh_fx_canvas *back)
{
    bool is_taken = l->live.is_begun && now_ms < l->live.end_ms;
    if (is_taken && !is_same(&l->live, s) && s->priority <= l->live.priority)
        return NH_ERR_BUSY;
    if (!is_taken || !is_same(&l->live, s)) {
        begin(l, s, now_ms);
        show(l);
    }
    l->live.priority = s->priority;
    l->live.timeout_ms = s->timeout_ms;
    *back = (struct nh_fx_canvas){l->cfg.width, l->cfg.height, l->live.back};
    return 0;
}

void nh_lamp_live_commit(nh_lamp_t *l, uint64_t now_ms)
{
    size_t bytes = (size_t)l->pixel_count * sizeof *l->front;
    bool is_first = !l->live.is_shown;
    if (!l->live.is_begun)
        return;
    l->live.is_shown = true;
    l->live.end_ms = nh_ms_after(now_ms, l->live.timeout_ms);
    // A sender may leave out what did not change: the back buffer goes on from this frame.
    nh_lock_acquire(&l->lock);
    memcpy(l->front, l->live.back, bytes);
    l->wish.live_number++;
    nh_lock_release(&l->lock);
    if (is_first)
        show(l);
}

void nh_lamp_live_end(nh_lamp_t *l)
{
    nh_px_t *back = l->live.back;
    if (!l->live.is_begun)
        return;
    l->live = (struct nh_lamp__live){.back = back};
    show(l);
}

void nh_lamp__live_turn(nh_lamp_t *l, uint64_t now_ms)
{
    if (l->live.is_begun && now_ms >= l->live.end_ms)
        nh_lamp_live_end(l);
}

uint32_t nh_lamp_chain_to_canvas(const nh_lamp_t *l, uint32_t index)
{
    return index < l->pixel_count ? nh_lamp_map_to_canvas(l->map)[index] : UINT32_MAX;
}
