// stage.h - one effect, played frame by frame for a terminal or a file, with what it looks at.

#ifndef NH_LAMP_TOOL_STAGE_H
#define NH_LAMP_TOOL_STAGE_H

#include "components/lamp/fx/fx.h"
#include "core/mem/mem.h"

#define NH_STAGE_FPS_MAX 100
#define NH_STAGE_PALETTE_OWN (-1) // the effect's own

struct nh_stage_options {
    const struct nh_fx_effect *effect;
    int palette; // an index of nh_fx_palettes, or NH_STAGE_PALETTE_OWN
    uint16_t width, height;
    uint16_t speed_pct, fps;
    uint8_t intensity;
    uint32_t seed;
    nh_px_t color[3];
    uint32_t day_s; // at frame 0
    const char *text;
};
// FIRE on 16 x 48 at 30 frames a second, all else natural.
struct nh_stage_options nh_stage_defaults(void);

// What getopt_long() found: 'e' effect, 'p' palette, 'g' size, 's' speed, 'f' fps, 'i' intensity,
// 'S' seed, 'c' colour, 't' text, 'k' clock. False: `fault` says what is wrong with it. A text is
// borrowed.
bool nh_stage_option(struct nh_stage_options *o, int option, const char *arg, char *fault,
                     size_t cap);
// An effect by name (any case; - and _ count as a space) or by number (0xCA01). NULL: none.
const struct nh_fx_effect *nh_stage_effect(const char *text);

// The caller embeds it; private but for canvas.
struct nh_stage {
    struct nh_stage_options o;
    nh_mem_t *mem;
    nh_fx_player_t player;
    struct nh_fx_canvas canvas; // the frame, rows from the bottom
    nh_px_t palette[256];
};
// NH_ERR_NOMEM: nothing was taken.
NH_MUST_USE int nh_stage_open(struct nh_stage *s, const struct nh_stage_options *o, nh_mem_t *mem);
void nh_stage_close(struct nh_stage *s);
// Begins another effect at time 0.
void nh_stage_effect_set(struct nh_stage *s, const struct nh_fx_effect *e);
// Draws the frame at `time_ms` of the animation, which does not go back. Effects that hear are
// given a tune of their own, so that they have something to show.
void nh_stage_draw(struct nh_stage *s, uint32_t time_ms);
// The time of frame `n`, in ms of the animation: speed is in it.
uint32_t nh_stage_time_ms(const struct nh_stage_options *o, uint32_t n);

#endif
