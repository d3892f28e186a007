// display_saver.h - when the panel is dark, and how it gets there. Time in, brightness out.

#ifndef NH_DISPLAY_SAVER_H
#define NH_DISPLAY_SAVER_H

#include "components/display/display.h"

struct nh_display__saver {
    struct nh_display_settings s;
    enum nh_saver_state state;
    uint64_t active_ms;     // of the last activity
    uint64_t fade_ms;       // when the fade began
    uint32_t fade_from_pct; // and at what brightness
    uint64_t swallow_to_ms; // touches before it only woke the panel
};

void nh_display__saver_init(struct nh_display__saver *v, const struct nh_display_settings *s,
                            uint64_t now_ms);
void nh_display__saver_set(struct nh_display__saver *v, const struct nh_display_settings *s,
                           uint64_t now_ms);
void nh_display__saver_sleep(struct nh_display__saver *v, uint64_t now_ms);
void nh_display__saver_wake(struct nh_display__saver *v, uint64_t now_ms);
void nh_display__saver_activity(struct nh_display__saver *v, bool wakes, uint64_t now_ms);
// Whether a touch may pass to the screen.
bool nh_display__saver_touch(struct nh_display__saver *v, uint64_t now_ms);
// Goes on to what it is at `now_ms`.
void nh_display__saver_tick(struct nh_display__saver *v, uint64_t now_ms);
// When to tick next; NH_NEVER: something else has to happen first.
uint64_t nh_display__saver_next(const struct nh_display__saver *v, uint64_t now_ms);
uint32_t nh_display__saver_pct(const struct nh_display__saver *v, uint64_t now_ms);
// 0: it does not go to sleep by itself, or sleeps.
uint32_t nh_display__saver_left_s(const struct nh_display__saver *v, uint64_t now_ms);

#endif
