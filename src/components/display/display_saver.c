#include "components/display/display_saver.h"

#define STEP_MS 20          // of a fade
#define SWALLOW_MORE_MS 250 // behind a fade-in: the finger that woke the panel still lies there

static uint32_t fade_length(const struct nh_display__saver *v)
{
    return v->state == NH_SAVER_FADING_OUT ? v->s.fade_out_ms : v->s.fade_in_ms;
}

static bool is_fading(const struct nh_display__saver *v)
{
    return v->state == NH_SAVER_FADING_OUT || v->state == NH_SAVER_FADING_IN;
}

static uint64_t timeout_at(const struct nh_display__saver *v)
{
    bool waits = v->state == NH_SAVER_AWAKE && v->s.has_saver && v->s.saver_timeout_s > 0;
    return waits ? nh_ms_after(v->active_ms, (uint64_t)v->s.saver_timeout_s * 1000) : NH_NEVER;
}

void nh_display__saver_init(struct nh_display__saver *v, const struct nh_display_settings *s,
                            uint64_t now_ms)
{
    *v = (struct nh_display__saver){.s = *s, .state = NH_SAVER_AWAKE, .active_ms = now_ms};
    if (v->s.brightness_pct > 100)
        v->s.brightness_pct = 100;
}

void nh_display__saver_set(struct nh_display__saver *v, const struct nh_display_settings *s,
                           uint64_t now_ms)
{
    bool begins = s->has_saver && !v->s.has_saver;
    v->s = *s;
    if (v->s.brightness_pct > 100)
        v->s.brightness_pct = 100;
    if (begins) // not at once, because it was off for so long
        v->active_ms = now_ms;
}

uint32_t nh_display__saver_pct(const struct nh_display__saver *v, uint64_t now_ms)
{
    uint32_t to = v->state == NH_SAVER_FADING_IN ? v->s.brightness_pct : 0;
    uint32_t length = fade_length(v);
    if (!is_fading(v))
        return v->state == NH_SAVER_AWAKE ? v->s.brightness_pct : 0;
    uint64_t gone = now_ms - v->fade_ms;
    if (gone >= length)
        return to;
    int64_t way = ((int64_t)to - v->fade_from_pct) * (int64_t)gone / length;
    return (uint32_t)(v->fade_from_pct + way);
}

static void fade(struct nh_display__saver *v, enum nh_saver_state state, uint64_t now_ms)
{
    v->fade_from_pct = nh_display__saver_pct(v, now_ms);
    v->fade_ms = now_ms;
    v->state = state;
    nh_display__saver_tick(v, now_ms); // a fade of 0 ms is over
}

void nh_display__saver_sleep(struct nh_display__saver *v, uint64_t now_ms)
{
    if (v->state == NH_SAVER_AWAKE || v->state == NH_SAVER_FADING_IN)
        fade(v, NH_SAVER_FADING_OUT, now_ms);
}

void nh_display__saver_wake(struct nh_display__saver *v, uint64_t now_ms)
{
    v->active_ms = now_ms;
    if (v->state != NH_SAVER_ASLEEP && v->state != NH_SAVER_FADING_OUT)
        return;
    v->swallow_to_ms = nh_ms_after(now_ms, (uint64_t)v->s.fade_in_ms + SWALLOW_MORE_MS);
    fade(v, NH_SAVER_FADING_IN, now_ms);
}

void nh_display__saver_activity(struct nh_display__saver *v, bool wakes, uint64_t now_ms)
{
    v->active_ms = now_ms;
    if (wakes)
        nh_display__saver_wake(v, now_ms);
}

bool nh_display__saver_touch(struct nh_display__saver *v, uint64_t now_ms)
{
    bool passes = v->state == NH_SAVER_AWAKE && now_ms >= v->swallow_to_ms;
    if (v->s.wakes_on_touch)
        nh_display__saver_wake(v, now_ms);
    if (passes)
        v->active_ms = now_ms;
    return passes;
}

void nh_display__saver_tick(struct nh_display__saver *v, uint64_t now_ms)
{
    if (now_ms >= timeout_at(v))
        nh_display__saver_sleep(v, now_ms);
    if (is_fading(v) && now_ms - v->fade_ms >= fade_length(v))
        v->state = v->state == NH_SAVER_FADING_OUT ? NH_SAVER_ASLEEP : NH_SAVER_AWAKE;
}

uint64_t nh_display__saver_next(const struct nh_display__saver *v, uint64_t now_ms)
{
    if (!is_fading(v))
        return timeout_at(v);
    uint64_t end_ms = v->fade_ms + fade_length(v);
    return now_ms + STEP_MS < end_ms ? now_ms + STEP_MS : end_ms;
}

uint32_t nh_display__saver_left_s(const struct nh_display__saver *v, uint64_t now_ms)
{
    uint64_t at = timeout_at(v);
    if (at == NH_NEVER)
        return 0;
    return at > now_ms ? (uint32_t)((at - now_ms + 999) / 1000) : 0;
}
