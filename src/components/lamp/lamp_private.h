// lamp_private.h - what the files of the lamp share: the owner's state.
//
//   loop    owns `state`, palettes, power, what is kept; applies the queue
//   render  owns `draw` while it runs; before and after that nobody does
//   both    `shared`, under `lock`, which is held for copies alone

#ifndef NH_LAMP_PRIVATE_H
#define NH_LAMP_PRIVATE_H

#include "components/lamp/lamp.h"
#include "components/lamp/lamp_fade.h"
#include "components/lamp/lamp_overlay.h"
#include "components/lamp/lamp_pace.h"
#include "components/lamp/lamp_power.h"
#include "components/lamp/lamp_state.h"
#include "core/base/log.h"
#include "core/store/write_behind.h"

#define NH_LAMP__OUTPUT_MAX_COUNT 4
#define NH_LAMP__DOCUMENT "lamp"
#define NH_LAMP__TRANSITION_MAX_MS 60000
#define NH_LAMP__FLASH_DEFAULT_MS 2000
#define NH_LAMP__FLASH_MAX_MS 60000

// What the render task reads at the beginning of each frame.
struct nh_lamp__wish {
    struct nh_lamp_state state;
    uint32_t palette_number; // rises with each other `palette`
    uint32_t fade_ms;        // to what is new in this
    uint64_t flash_end_ms;
    uint16_t angle_deg;
    uint32_t angle_number; // rises with each direction told
    uint32_t level_number; // with each `level`
    uint64_t angle_ms;     // when the last one was
    uint32_t live_number;  // with each live frame
    uint8_t level;
    uint8_t band[NH_FX_BAND_COUNT];
    bool is_live, is_told_to_stop;
};

enum { // nh_lamp__preview.flags, as they are sent
    NH_LAMP__PREVIEW_ON = 1,
    NH_LAMP__PREVIEW_PAUSED = 2,
    NH_LAMP__PREVIEW_LIVE = 4,
    NH_LAMP__PREVIEW_OVERLAY = 8,
    NH_LAMP__PREVIEW_LAST = 128,
};

struct nh_lamp__preview {
    uint32_t number; // of the frame
    uint8_t flags, brightness;
    bool is_pinned; // a watcher has a part of it
    uint64_t pinned_ms, asked_ms;
    nh_px_t *px;
};

struct nh_lamp__live {
    bool is_begun;   // there is a source
    bool is_shown;   // and it has committed a frame
    uint64_t end_ms; // its time-out
    uint32_t timeout_ms;
    uint8_t priority;
    const char *protocol;
    char from[46];
    nh_px_t *back; // the loop's
};

// Of the render task.
struct nh_lamp__draw {
    nh_fx_player_t player;
    void *player_state;
    struct nh_fx_canvas canvas;
    nh_lamp_pipeline_t *pipeline;
    nh_lamp_overlay_t overlay;
    uint32_t angle_number, level_number; // that `overlay` was told
    uint32_t frame_number;
    struct nh_lamp__wish wish;
    nh_lamp__fade_t fade;
    nh_px_t palette_to[256];
    uint32_t palette_number; // that `palette_to` is of
    uint64_t frame_us;       // when the last one began
    uint64_t animation_us;
    struct nh_fx_input input; // as it was when it was not paused
    nh_lamp__pace_t pace;
    uint64_t late_before, dropped_before; // of earlier lives of the task
    uint64_t show_failures;
    uint64_t peak_us; // when `peak_ma` began to be gathered
    uint32_t peak_ma, peak_before_ma;
    bool is_first; // dark, before all others
    uint32_t preview_crc;
};

struct nh_lamp {
    struct nh_lamp_config cfg;
    nh_queue_t *queue;
    nh_loop_post_t post;
    struct nh_loop_deadline deadline;
    bool is_started;
    uint32_t pixel_count;
    nh_lamp_map_t *map;
    struct nh_lamp_output outputs[NH_LAMP__OUTPUT_MAX_COUNT];
    size_t output_count;

    // The loop's.
    struct nh_lamp_state state;
    struct nh_fx_palette own[NH_LAMP_PALETTE_OWN_MAX_COUNT];
    uint16_t own_count;
    nh_lamp__power_t power;
    nh_task_t *task;
    nh_notify_t *wake, *ended; // of the render task: told something; has ended
    nh_write_behind_t saving;
    void *kept; // scratch of nh_lamp__kept_bytes(): what is read and written; NULL without a store
    struct nh_lamp__live live;
    struct nh_lamp_snapshot fresh;
    bool has_news;
    uint64_t (*clock_ms)(void); // of watchers; a test's is a variable

    nh_lock_t lock; // guards all that follows, up to `draw`
    struct nh_lamp__wish wish;
    nh_px_t palette[256]; // that `wish` shows, expanded
    nh_px_t *front;       // the live frame
    struct nh_lamp_snapshot shown;
    struct nh_lamp_info figures;
    struct nh_lamp__live shown_live;
    struct nh_lamp__preview preview;
    bool has_ended; // the render task
    uint64_t full_count;

    struct nh_lamp__draw draw;
};

// lamp.c: does what waits and what is due. Returns when to call it next.
uint64_t nh_lamp__turn(nh_lamp_t *l, uint64_t now_ms);
// All but the loop: turns are made by who calls nh_lamp__turn(). For create() and tests.
NH_MUST_USE int nh_lamp__make(const struct nh_lamp_config *cfg, nh_lamp_t **out);
// Whatever the render task has to know is in `wish` now; `fade_ms` to it.
void nh_lamp__tell_render(nh_lamp_t *l, uint32_t fade_ms);
void nh_lamp__changed(nh_lamp_t *l, uint64_t now_ms); // has to be kept
void nh_lamp__publish(nh_lamp_t *l); // shows the state as it is now, under a new version

// lamp_render.c
NH_MUST_USE int nh_lamp__draw_make(nh_lamp_t *l);
void nh_lamp__draw_free(nh_lamp_t *l);
void nh_lamp__draw_begin(nh_lamp_t *l, uint64_t now_us); // before the first frame
// One frame, begun at `now_us`. Returns when the next one begins.
uint64_t nh_lamp__frame(nh_lamp_t *l, uint64_t now_us);
void nh_lamp__draw_end(nh_lamp_t *l); // after the last one
void nh_lamp__render(void *lamp);     // the task

// lamp_keep.c
size_t nh_lamp__kept_bytes(void);
void nh_lamp__load(nh_lamp_t *l);
int nh_lamp__save(void *lamp);

// lamp_palettes.c
bool nh_lamp__is_word(const char *a, const char *b); // the case of A to Z does not matter
const struct nh_fx_palette *nh_lamp__palette_shown(const nh_lamp_t *l);
int nh_lamp__palette_find(const nh_lamp_t *l, const char *name); // an index; NH_ERR_NOT_FOUND
bool nh_lamp__palette_is_valid(const struct nh_fx_palette *p);

// lamp_preview.c
nh_feed_part_t nh_lamp__preview_part(nh_lamp_t *l);

// lamp_live.c
void nh_lamp__live_turn(nh_lamp_t *l, uint64_t now_ms); // the time-out

#endif
