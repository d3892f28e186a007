// display_state.h - what the parts of the display share: the owner's state.

#ifndef NH_DISPLAY_STATE_H
#define NH_DISPLAY_STATE_H

#include "components/display/display.h"
#include "components/display/display_dirty.h"
#include "components/display/display_image.h"
#include "components/display/display_mirror.h"
#include "components/display/display_saver.h"
#include "components/display/screen.h"

#define NH_DISPLAY__NONE (-1)

struct nh_display__item { // of the queue
    enum {
        NH_DISPLAY__DO_NOTHING, // a wake-up
        NH_DISPLAY__DO_TOUCH,
        NH_DISPLAY__DO_SLEEP,
        NH_DISPLAY__DO_WAKE,
        NH_DISPLAY__DO_ACTIVITY, // value: wakes
        NH_DISPLAY__DO_BACK,
    } kind;
    uint32_t value;
    struct nh_touch touch;
};

// What others have asked for and the task has not seen yet; the newest of each kind.
struct nh_display__wanted {
    int screen; // an index, or NH_DISPLAY__NONE
    bool has_error, has_settings, has_brightness, has_dismiss;
    struct nh_display__job *job; // of the loop's task, which waits for it
    char title[NH_DISPLAY_TITLE_MAX_BYTES], text[NH_DISPLAY_TEXT_MAX_BYTES];
    struct nh_display_settings settings;
    uint32_t brightness_pct;
};

struct nh_display__names {
    char name[48], address[72];
};

struct nh_display {
    struct nh_display_config cfg;
    nh_queue_t *queue;
    nh_task_t *task;

    nh_lock_t lock; // guards what follows, up to the task's own
    bool wants_stop;
    struct nh_display__wanted wanted;
    struct nh_display__names names;
    uint64_t full_count;
    struct nh_display_snapshot shown;
    struct nh_display__saver shown_saver; // its seconds are counted when somebody asks

    nh_display__mirror_t *mirror; // NULL: none; has a lock of its own

    // The loop's task: the watchers' finger.
    bool is_pointing;
    struct nh_touch pointing;
    uint32_t shot_count; // pictures that are being made
    uint64_t shots_refused;
    struct nh_display__images images;

    // The task's own.
    bool has_news; // for the mirror's watchers
    nh_painter_t *painter;
    uint16_t *draw_buffer;
    struct nh_display__dirty dirty;
    struct nh_display__saver saver;
    struct nh_display__screen screens[NH_DISPLAY__SCREEN_COUNT];
    int current, before; // indices; before: of the last that could be chosen
    uint64_t splash_end_ms, image_end_ms;
    int under;        // the screen that an image covers
    bool is_touching; // the finger is on a screen, not only on the glass
    uint32_t panel_pct;
    char title[NH_DISPLAY_TITLE_MAX_BYTES], text[NH_DISPLAY_TEXT_MAX_BYTES]; // of the error screen
    uint64_t now_ms;
    struct nh_display_snapshot fresh; // made beside `shown`
};

// Makes all but the task: turns are made by who calls nh_display__turn(). For create() and tests.
NH_MUST_USE int nh_display__make(const struct nh_display_config *cfg, uint64_t now_ms,
                                 nh_display_t **out);
// Does what was asked for and what is due, paints what changed. Returns when to turn next.
uint64_t nh_display__turn(nh_display_t *d, uint64_t now_ms);
struct nh_display__names nh_display__names(nh_display_t *d); // any task
void nh_display__wake(nh_display_t *d); // any task: there is something in `wanted`
void nh_display__touched(void *display, const struct nh_touch *t); // the panel's touches

// display_render.c
void nh_display__touch_up(nh_display_t *d, struct nh_rect r); // has to be painted again
void nh_display__render(nh_display_t *d);
// Pixels that a screen has made itself.
void nh_display__flush(nh_display_t *d, struct nh_rect at, const uint16_t *pixels, size_t stride);

// display_show.c: images
void nh_display__show_job(nh_display_t *d, struct nh_display__job *job);
void nh_display__dismiss(nh_display_t *d);
void nh_display__uncover(nh_display_t *d); // what the image covers comes back
// screen_image.c: decodes it into the screen's own memory, smaller if need be.
NH_MUST_USE int nh_display__keep_image(nh_display_t *d, void *state,
                                       const struct nh_display__job *job);
void nh_display__drop_image(nh_display_t *d, void *state);

// display_screens.c
void nh_display__screens_init(nh_display_t *d);
void nh_display__screens_deinit(nh_display_t *d);
int nh_display__screen_index(const char *id); // NH_DISPLAY__NONE
// Shows it; where there is no memory for it, what is shown stays.
void nh_display__switch(nh_display_t *d, int index);
void nh_display__tag(nh_display_t *d, const char *tag, bool is_hotspot);

#endif
