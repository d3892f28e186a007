// display.h - screens on a panel: painted by parts, one owner, a screen saver, images from outside.
//
// The task `ui` owns screens, painter and panel: drawing takes milliseconds, which the loop has not
// to spare. Calls marked *any task* post to it and return at once; those of the loop's task serve
// requests. README.md: what it does, its memory, its limits.

#ifndef NH_DISPLAY_H
#define NH_DISPLAY_H

#include "components/display/macro_view.h"
#include "core/base/rect.h"
#include "core/http/http.h"
#include "platform/painter.h"
#include "platform/panel.h"

typedef struct nh_display nh_display_t;

#define NH_DISPLAY_ID_MAX_BYTES 16
#define NH_DISPLAY_TITLE_MAX_BYTES 64
#define NH_DISPLAY_TEXT_MAX_BYTES 192

// What may change while it runs.
struct nh_display_settings {
    uint32_t brightness_pct;
    bool has_saver; // false: it sleeps only when it is told to
    uint32_t saver_timeout_s;
    uint32_t fade_out_ms, fade_in_ms;
    bool wakes_on_touch;
};

// For the screen `info`.
struct nh_display_facts {
    char version[24];
    uint64_t uptime_s;
    size_t internal_free_bytes, internal_min_bytes, internal_bytes, psram_free_bytes, psram_bytes;
    uint32_t internal_frag_pct;
};

struct nh_display_config {
    nh_mem_t *mem;                                // borrowed, owner `display`
    struct nh_mem_system *sys;                    // where its task is registered
    nh_loop_t *loop;                              // where answers to requests go
    struct nh_panel panel;                        // copied; closed at the end
    const char *fonts[NH_PAINTER_FONT_MAX_COUNT]; // as in painter.h
    uint32_t glyph_cache_bytes;                   // 0: 64 KiB
    uint32_t draw_lines; // 0: 16; the draw buffer holds so many of the panel's width; at most 64
    uint32_t splash_ms;  // how long the first screen stays; 0: it is not shown
    bool has_mirror;     // a copy of what the panel shows, for pictures and the live mirror
    uint32_t queue_max;  // 0: 32 commands
    uint32_t image_max_bytes;      // 0: 300 KiB; a larger file is refused
    uint32_t image_headroom_bytes; // 0: 50 KiB; internal memory that has to be free for an image
    uint32_t image_work_bytes;     // 0: 64 KiB; what the decoder may take
    uint32_t upload_ms;            // 0: 30000; how long an upload may take
    uint32_t strip_wait_ms;        // 0: 3000; how long the next strip may be waited for
    struct nh_display_settings settings;
    const struct nh_macro_view *macros; // borrowed; NULL: all macro screens are empty
    void *ctx;
    // A point in time to take a memory snapshot at; `is_hotspot`: only when those are asked for.
    // Tasks `ui` and the loop. May be NULL.
    void (*tag)(void *ctx, const char *tag, bool is_hotspot);
    void (*facts)(void *ctx, struct nh_display_facts *out); // task `ui`; may be NULL
    // What fetches images, borrowed; made when it is needed first. NULL, also given: there is none.
    struct nh_http_client *(*http)(void *ctx); // the loop's task
    // The snapshot or the mirror has changed. Task `ui`; may be NULL.
    void (*changed)(void *ctx);
};
// Starts the task. NH_ERR_NOMEM; NH_ERR_RANGE: the panel's size (at least 64, at most 800 each way)
// or draw_lines; NH_ERR_NOT_FOUND: no font. Nothing was made then, and the panel is not closed.
NH_MUST_USE int nh_display_create(const struct nh_display_config *cfg, nh_display_t **out);
void nh_display_destroy(nh_display_t *d); // NULL: nothing

// ---- commands: any task. NH_ERR_FULL: the queue; counted, and nothing was done.

// Of several that come together the last one counts. NH_ERR_NOT_FOUND: no such screen, or one that
// cannot be chosen.
NH_MUST_USE int nh_display_show(nh_display_t *d, const char *id);
void nh_display_back(nh_display_t *d); // to the screen before, else `macro1`
// The screen `error` with these texts, cut at their limits.
void nh_display_error(nh_display_t *d, const char *title, const char *text);
NH_MUST_USE int nh_display_touch(nh_display_t *d, const struct nh_touch *t);
NH_MUST_USE int nh_display_sleep(nh_display_t *d);
NH_MUST_USE int nh_display_wake(nh_display_t *d);
void nh_display_activity(nh_display_t *d, bool wakes);
// Until the next restart; over 100 counts as 100.
void nh_display_brightness(nh_display_t *d, uint32_t pct);
void nh_display_settings_set(nh_display_t *d, const struct nh_display_settings *s);
// What the hub is called and where its portal is; copied, cut at 47 and 71 bytes. Any task.
void nh_display_names_set(nh_display_t *d, const char *name, const char *address);
// The macro view's revision has moved.
void nh_display_macros_changed(nh_display_t *d);

// ---- screens: any task

struct nh_display_screen_info {
    const char *id, *name; // static
};
// Those that can be chosen, in order. False: past the last.
bool nh_display_screen_at(const nh_display_t *d, size_t index, struct nh_display_screen_info *out);

// ---- snapshot: any task

enum nh_saver_state { NH_SAVER_AWAKE, NH_SAVER_FADING_OUT, NH_SAVER_ASLEEP, NH_SAVER_FADING_IN };
struct nh_display_snapshot {
    uint64_t version;   // rises with each change but the brightness of a fade
    const char *screen; // the id of the one that is shown; static
    bool is_selectable; // false: `splash`, `direct_image`
    enum nh_saver_state saver;
    bool has_saver;
    uint32_t brightness_pct, target_pct;
    uint32_t seconds_until_sleep; // 0: it does not, or it does already
    uint16_t width, height;
    bool is_round;
    uint64_t frame_count, flush_count, pixel_count; // painted since the start
    uint32_t frame_us, frame_max_us;                // of the last frame; of the slowest
    uint32_t draw_buffer_bytes, mirror_bytes;
    uint32_t screens_made; // screens are made when they are shown first
    uint64_t screen_failures, queue_full_count, touch_swallowed_count;
    struct nh_painter_info painter;
};
void nh_display_snapshot(nh_display_t *d, struct nh_display_snapshot *out);

// ---- HTTP: the loop's task

// Routes; `ctx` is the display. Parts of the feed: "display" and, binary, "mirror"; both are
// pushed: changed() says when. docs/display.md has the mirror's format.
struct nh_route_table nh_display_routes(nh_display_t *d);
struct nh_route_table nh_display_image_routes(nh_display_t *d);
#define NH_DISPLAY_FEED_COUNT 2
#define NH_DISPLAY_MIRROR_CHANNEL 1
void nh_display_feed_parts(nh_display_t *d, nh_feed_part_t out[NH_DISPLAY_FEED_COUNT]);
// Members of /api/info: display_coord_width, display_coord_height, available_screens,
// current_screen.
void nh_display_write_info(nh_display_t *d, nh_json_writer_t *w);

#endif
