#include "components/lamp/lamp_pace.h"

#include <string.h>

#define SECOND_US 1000000u

static uint64_t slot_us(const nh_lamp__pace_t *p, uint64_t slot)
{
    return p->start_us + slot * SECOND_US / p->fps;
}

void nh_lamp__pace_init(nh_lamp__pace_t *p, uint32_t fps, uint64_t now_us)
{
    *p = (nh_lamp__pace_t){.fps = fps, .start_us = now_us, .second_us = now_us};
}

// The figures of a second that is over.
static void turn_second(nh_lamp__pace_t *p, uint64_t now_us)
{
    uint64_t span_us = now_us - p->second_us;
    uint32_t n = p->frame_count;
    if (span_us < SECOND_US || n == 0)
        return;
    p->shown = (struct nh_lamp__pace_figures){
        .fps_x10 = (uint32_t)(((uint64_t)n * 10 * SECOND_US + span_us / 2) / span_us),
        .jitter_us = (uint32_t)(p->jitter_sum_us / n),
        .jitter_max_us = p->jitter_max_us,
        .render_us = (uint32_t)(p->spent_us[0] / n),
        .overlay_us = (uint32_t)(p->spent_us[1] / n),
        .show_us = (uint32_t)(p->spent_us[2] / n),
    };
    p->second_us = now_us;
    p->frame_count = 0;
    p->jitter_sum_us = 0;
    p->jitter_max_us = 0;
    memset(p->spent_us, 0, sizeof p->spent_us);
}

void nh_lamp__pace_begin(nh_lamp__pace_t *p, uint64_t now_us)
{
    turn_second(p, now_us);
    uint64_t slot = slot_us(p, p->slot);
    uint64_t jitter_us = now_us > slot ? now_us - slot : slot - now_us;
    p->jitter_sum_us += jitter_us;
    if (jitter_us > p->jitter_max_us)
        p->jitter_max_us = jitter_us < UINT32_MAX ? (uint32_t)jitter_us : UINT32_MAX;
    p->late_count += now_us >= slot_us(p, p->slot + 1);
    p->frame_count++;
}

void nh_lamp__pace_spent(nh_lamp__pace_t *p, uint32_t render_us, uint32_t overlay_us,
                         uint32_t show_us)
{
    p->spent_us[0] += render_us;
    p->spent_us[1] += overlay_us;
    p->spent_us[2] += show_us;
}

uint64_t nh_lamp__pace_end(nh_lamp__pace_t *p, uint64_t now_us)
{
    uint64_t next = p->slot + 1;
    if (now_us > slot_us(p, next)) {
        uint64_t reached = (now_us - p->start_us) * p->fps / SECOND_US;
        while (slot_us(p, reached) < now_us)
            reached++;
        p->dropped_count += reached - next;
        next = reached;
    }
    p->slot = next;
    return slot_us(p, next);
}
