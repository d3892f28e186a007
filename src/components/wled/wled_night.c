#include "components/wled/wled_night.h"

void nh_wled_night_init(nh_wled_night_t *n)
{
    *n = (nh_wled_night_t){.minutes = 60, .mode = NH_WLED_NIGHT_FADE};
}

void nh_wled_night_start(nh_wled_night_t *n, uint8_t brightness, uint64_t now_ms)
{
    n->is_on = true;
    n->before = brightness;
    n->from = n->mode == NH_WLED_NIGHT_SUNRISE ? 1 : brightness;
    n->begin_ms = now_ms;
    n->end_ms = nh_ms_after(now_ms, n->minutes * UINT64_C(60000));
}

void nh_wled_night_rebase(nh_wled_night_t *n, uint8_t brightness, uint64_t now_ms)
{
    n->from = n->before = brightness;
    n->begin_ms = now_ms < n->end_ms ? now_ms : n->end_ms;
}

uint8_t nh_wled_night_brightness(const nh_wled_night_t *n, uint64_t now_ms)
{
    if (now_ms >= n->end_ms)
        return n->target;
    if (n->mode == NH_WLED_NIGHT_AT_ONCE || now_ms <= n->begin_ms)
        return n->from;
    int64_t span = (int64_t)(n->end_ms - n->begin_ms), gone = (int64_t)(now_ms - n->begin_ms);
    return (uint8_t)(n->from + ((int)n->target - n->from) * gone / span);
}

uint64_t nh_wled_night_next(const nh_wled_night_t *n, uint64_t now_ms)
{
    if (!n->is_on)
        return NH_NEVER;
    int steps = n->target > n->from ? n->target - n->from : n->from - n->target;
    if (n->mode == NH_WLED_NIGHT_AT_ONCE || steps == 0 || now_ms >= n->end_ms)
        return n->end_ms;
    uint8_t now = nh_wled_night_brightness(n, now_ms);
    uint64_t made = now > n->from ? (uint64_t)(now - n->from) : (uint64_t)(n->from - now);
    // The moment at which one more step is whole, rounded up.
    uint64_t span = n->end_ms - n->begin_ms;
    return n->begin_ms + ((made + 1) * span + (uint64_t)steps - 1) / (uint64_t)steps;
}

int32_t nh_wled_night_remaining_s(const nh_wled_night_t *n, uint64_t now_ms)
{
    if (!n->is_on)
        return -1;
    return now_ms < n->end_ms ? (int32_t)((n->end_ms - now_ms + 999) / 1000) : 0;
}
