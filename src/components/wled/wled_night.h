// wled_night.h - a night light: brightness goes to a target in so many minutes, and the lamp
// off when that is 0. Sans-IO: the time in, a brightness and a deadline out.

#ifndef NH_WLED_NIGHT_H
#define NH_WLED_NIGHT_H

#include "core/base/base.h"

enum nh_wled_night_mode {
    NH_WLED_NIGHT_AT_ONCE, // nothing until the end
    NH_WLED_NIGHT_FADE,
    NH_WLED_NIGHT_FADE_COLORS, // as FADE here
    NH_WLED_NIGHT_SUNRISE,     // from dark, also when the lamp was off
};

// The caller embeds it; is_on, minutes, mode and target are for reading.
typedef struct nh_wled_night {
    bool is_on;
    uint8_t minutes; // 1 to 255
    uint8_t mode;    // enum nh_wled_night_mode
    uint8_t target;
    uint8_t from, before; // brightness at begin_ms; and when it was started
    uint64_t begin_ms, end_ms;
} nh_wled_night_t;

void nh_wled_night_init(nh_wled_night_t *n); // off; 60 minutes, fade, to 0
void nh_wled_night_start(nh_wled_night_t *n, uint8_t brightness, uint64_t now_ms);
// Somebody has set another brightness: on from there, with the same end.
void nh_wled_night_rebase(nh_wled_night_t *n, uint8_t brightness, uint64_t now_ms);
// At the end the target.
uint8_t nh_wled_night_brightness(const nh_wled_night_t *n, uint64_t now_ms);
// When the brightness is the next one, and the end; NH_NEVER: it is off.
uint64_t nh_wled_night_next(const nh_wled_night_t *n, uint64_t now_ms);
int32_t nh_wled_night_remaining_s(const nh_wled_night_t *n, uint64_t now_ms); // -1: it is off

#endif
