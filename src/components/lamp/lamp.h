// lamp.h - an LED matrix: one state, one queue of commands, one caller of show().
//
// Two tasks. The loop's task owns the state (the control bus): commands from any task wait in a
// bounded queue, are clamped and applied there one after the other, and answered with the state
// after it. The task `render` owns canvas, effect and output while the lamp is on: it reads the
// state by copy and is the only caller of show(). It is started by the power sequence, joined by
// it, and never killed. README.md: what it does, its memory, its limits.
//
// Source: the lamp's control bus, power sequence and time model are those of docs/lamp.md.

#ifndef NH_LAMP_H
#define NH_LAMP_H

#include "components/lamp/fx/fx.h"
#include "components/lamp/lamp_button.h"
#include "components/lamp/lamp_overlay_config.h"
#include "components/lamp/lamp_pipeline.h"
#include "core/bus/events.h"
#include "core/http/http.h"
#include "core/store/store.h"
#include "platform/pixels.h"

typedef struct nh_lamp nh_lamp_t;

#define NH_LAMP_SPEED_MIN_PCT 10
#define NH_LAMP_SPEED_MAX_PCT 300
#define NH_LAMP_PALETTE_OWN_MAX_COUNT 8 // palettes made by people, behind the built-in ones
#define NH_LAMP_PALETTE_AUTO 255        // the effect's own

// ---- life: the loop's task

struct nh_lamp_config {
    struct nh_mem *mem;        // borrowed as all below; the lamp's own owner
    struct nh_mem_system *sys; // of the task `render`
    nh_loop_t *loop;
    nh_bus_t *bus;           // NULL: no events
    nh_store_t *store;       // NULL: nothing is kept. Document "lamp"
    struct nh_pixels pixels; // taken by create(); zeroed: there is no chain, only other outputs
    uint16_t width, height;  // 0: 16 and 48; at most NH_FX_SIDE_MAX
    struct nh_lamp_map_config map;            // mem and size are filled in
    struct nh_lamp_pipeline_config pipeline;  // mem and map are filled in
    struct nh_lamp_overlay_config overlay;    // size_pct 0: nh_lamp_overlay_standard
    uint32_t fps;                             // 0: 40; NH_LAMP_FPS_MIN to _MAX
    uint32_t queue_max;                       // commands that wait; 0: 16
    uint32_t seed;                            // of the effects; 0: another one at each start
    uint32_t transition_ms;                   // of requests that name none
    uint32_t save_delay_ms, save_deadline_ms; // 0: 2000 and 60000; see write_behind.h
    void *ctx;
    void (*changed)(void *ctx);         // the loop's task: the snapshot is another. May be NULL
    int64_t (*local_unix_s)(void *ctx); // the task `render`: local time, for clocks; NULL: UTC
};
#define NH_LAMP_FPS_MIN 10
#define NH_LAMP_FPS_MAX 120

// Makes a dark lamp with the state that was kept, else the default one. NH_ERR_RANGE: size, fps or
// queue; NH_ERR_NOMEM: nothing was made, and pixels are not taken. What is kept and damaged is told
// in the log and left out.
NH_MUST_USE int nh_lamp_create(const struct nh_lamp_config *cfg, nh_lamp_t **out);
// From here on commands are done, and the lamp is lit if its state says so. NH_ERR_FULL: the loop.
NH_MUST_USE int nh_lamp_start(nh_lamp_t *l);
// Saves, switches off by the power sequence and frees; commands that wait are answered with
// NH_ERR_CANCELLED. Blocks for the sequence, and for as long as a show() hangs: the render task is
// never killed. NULL: nothing.
void nh_lamp_destroy(nh_lamp_t *l);

// ---- state

enum nh_lamp_overlay_mode { NH_LAMP_OVERLAY_IDLE, NH_LAMP_OVERLAY_LISTEN, NH_LAMP_OVERLAY_SPEAK };
enum nh_lamp_blend { NH_LAMP_BLEND_ALPHA, NH_LAMP_BLEND_ADD, NH_LAMP_BLEND_MAX };

// What is kept over a restart, the last field apart.
struct nh_lamp_state {
    uint16_t effect_id;
    uint8_t brightness; // 0 to 255; 0 is dark, not off
    uint16_t speed_pct; // NH_LAMP_SPEED_MIN_PCT to _MAX_PCT; 100: natural
    bool paused, power;
    uint8_t intensity; // 128: natural
    uint8_t palette;   // an index, built-in ones first; NH_LAMP_PALETTE_AUTO
    nh_px_t color[3];
    char text[NH_FX_TEXT_MAX_BYTES];
    bool overlay;
    uint8_t overlay_mode, overlay_blend; // enum nh_lamp_overlay_mode, _blend
    uint32_t seq;                        // rises by one with each command that changed something
};

// ---- commands

enum nh_lamp_command_kind {
    NH_LAMP_SET, // the fields of `mask`
    NH_LAMP_NEXT_EFFECT,
    NH_LAMP_PREVIOUS_EFFECT,
    NH_LAMP_TOGGLE_PAUSE,
    NH_LAMP_TOGGLE_POWER,
    NH_LAMP_ADJUST_BRIGHTNESS, // by `delta`, saturating
    NH_LAMP_ADJUST_SPEED,      // by `delta` percent points, saturating
    NH_LAMP_ADJUST_INTENSITY,
    NH_LAMP_START_OTA, // changes nothing: NH_EVENT_LAMP_OTA_START
    NH_LAMP_FLASH,     // `flash_ms`: white and dark by turns, then as before
};
enum { // nh_lamp_command.mask
    NH_LAMP_F_EFFECT = 1,
    NH_LAMP_F_BRIGHTNESS = 2,
    NH_LAMP_F_SPEED = 4,
    NH_LAMP_F_PAUSED = 8,
    NH_LAMP_F_POWER = 16,
    NH_LAMP_F_INTENSITY = 32,
    NH_LAMP_F_PALETTE = 64,
    NH_LAMP_F_COLORS = 128, // all three
    NH_LAMP_F_TEXT = 256,
    NH_LAMP_F_OVERLAY = 512,
    NH_LAMP_F_OVERLAY_MODE = 1024,
    NH_LAMP_F_OVERLAY_BLEND = 2048,
    NH_LAMP_F_COLOR_1 = 4096, // one of the three
    NH_LAMP_F_COLOR_2 = 8192,
    NH_LAMP_F_COLOR_3 = 16384,
};

struct nh_lamp_snapshot;
struct nh_lamp_command {
    enum nh_lamp_command_kind kind;
    uint32_t mask;
    struct nh_lamp_state
        set; // the masked fields; numbers are clamped, an unknown effect is refused
    int32_t delta;
    uint32_t flash_ms;
    // Brightness and colours go to their new values over so long; 0: at once. Of this command.
    uint32_t transition_ms;
    enum nh_origin origin;
    char who[24]; // for people: the remote's name, the user; "": the origin alone
    // The answer, on the loop's task, once, after it was applied and never from inside of post().
    // `err` 0, or NH_ERR_NOT_FOUND (no such effect or palette), NH_ERR_INVAL; `after` is the state
    // then, in any case; NH_ERR_CANCELLED: the lamp ends. NULL: no answer is wanted.
    void (*done)(void *ctx, int err, const struct nh_lamp_snapshot *after);
    void *ctx;
};
// Any task; copies the command, never blocks. NH_ERR_FULL: the queue; counted.
NH_MUST_USE int nh_lamp_post(nh_lamp_t *l, const struct nh_lamp_command *c);

// Reads a command as POST /api/lamp takes it (docs/lamp.md): a JSON object. `l` knows one's own
// palettes and the transition where none is named; NULL: the built-in ones, and 0. `angle_deg` is
// that of the overlay, which is no part of the state: give it to nh_lamp_direction(); -1: there is
// none. origin, who, done and ctx are the caller's. NH_ERR_NOT_FOUND: an unknown effect, palette or
// command; another code: the text. Each fault is a finding, and `*out` is undefined then.
NH_MUST_USE int nh_lamp_command_read(const nh_lamp_t *l, const char *json, size_t len,
                                     struct nh_lamp_command *out, int32_t *angle_deg,
                                     nh_finding_fn finding, void *ctx);

// Where a voice comes from and how loud what is said is; any task, the newest counts.
// `angle_deg` 0 to 360; `level` and `band` 0 to 255.
void nh_lamp_direction(nh_lamp_t *l, uint32_t angle_deg);
void nh_lamp_audio(nh_lamp_t *l, uint8_t level, const uint8_t band[NH_FX_BAND_COUNT]); // NULL: none

// ---- snapshot

enum nh_lamp_power { // where the power sequence is
    NH_LAMP_OFF,
    NH_LAMP_SWITCHING_ON,
    NH_LAMP_ON,
    NH_LAMP_SWITCHING_OFF,
    NH_LAMP_FAILED, // the panels' switch, or the render task, did not do what it was told
};
struct nh_lamp_snapshot {
    struct nh_lamp_state state;
    enum nh_lamp_power power;
    enum nh_origin changed_by;
    char changed_who[24];
    uint64_t changed_ms;    // nh_clock_ms(); 0: never
    uint32_t handled_count; // commands applied or refused
    uint32_t version;       // rises with all of the above
};
void nh_lamp_snapshot(nh_lamp_t *l, struct nh_lamp_snapshot *out); // any task

// Figures of the render task and the queue; any task.
struct nh_lamp_info {
    uint16_t width, height;
    uint32_t pixel_count, panel_count;
    uint32_t fps_wanted, fps_x10;      // over the last second
    uint32_t jitter_us, jitter_max_us; // how far a frame begins from its slot: mean, worst
    // Means over the last second: the effect; the overlay; colour, current and show().
    uint32_t render_us, overlay_us, show_us;
    uint32_t estimate_ma, peak_ma, limit_ma; // peak: of the last 30 minutes; limit 0: none
    bool is_limiting;
    uint32_t frame_crc; // of the canvas before brightness
    uint64_t frame_count, late_count, dropped_count;
    uint64_t show_failures;
    size_t queue_depth, queue_depth_max, queue_max;
    uint64_t queue_full_count;
    const char *live_protocol; // who has the canvas: "DDP", ...; NULL: the effect. Static
    char live_from[46];
};
void nh_lamp_info(nh_lamp_t *l, struct nh_lamp_info *out);

// ---- palettes: the loop's task

uint16_t nh_lamp_palette_count(const nh_lamp_t *l); // built-in and own
const struct nh_fx_palette *nh_lamp_palette_at(const nh_lamp_t *l, uint16_t index); // NULL: none
// Adds (index the count) or replaces one of one's own; kept. NH_ERR_FULL, NH_ERR_RANGE,
// NH_ERR_INVAL; NH_ERR_EXISTS: another one has the name.
NH_MUST_USE int nh_lamp_palette_set(nh_lamp_t *l, uint16_t index, const struct nh_fx_palette *p);
NH_MUST_USE int nh_lamp_palette_remove(nh_lamp_t *l, uint16_t index);

// ---- live data instead of the effect: the loop's task

// The back buffer, a canvas that a receiver writes to; whole frames alone are shown, at commit.
// `priority`: higher wins; an equal one while another source is live gets NH_ERR_BUSY. `timeout_ms`
// after the last commit the effect is back. `protocol` static.
struct nh_lamp_live_source {
    const char *protocol;
    char from[46];
    uint8_t priority; // 100: as usual
    uint32_t timeout_ms;
};
NH_MUST_USE int nh_lamp_live_begin(nh_lamp_t *l, const struct nh_lamp_live_source *s,
                                   uint64_t now_ms, struct nh_fx_canvas *back);
void nh_lamp_live_commit(nh_lamp_t *l, uint64_t now_ms);
void nh_lamp_live_end(nh_lamp_t *l); // at once; nothing is live: nothing
// The canvas position of the n-th pixel of the chain, for protocols that number pixels.
uint32_t nh_lamp_chain_to_canvas(const nh_lamp_t *l, uint32_t index); // UINT32_MAX: past the end

// ---- outputs

// One more receiver of whole frames, in the order of the chain, after brightness, gamma and limit;
// called by the task `render` after show(), must not block. Before start(). NH_ERR_FULL: over 4.
struct nh_lamp_output {
    void *ctx;
    void (*frame)(void *ctx, const uint8_t *rgb, uint32_t count);
};
NH_MUST_USE int nh_lamp_output_add(nh_lamp_t *l, const struct nh_lamp_output *o);

// ---- for the portal: the loop's task

struct nh_route_table nh_lamp_routes(nh_lamp_t *l); // of /api/lamp
#define NH_LAMP_FEED_COUNT 2
#define NH_LAMP_PREVIEW_CHANNEL 2 // 1 is the panel's mirror
void nh_lamp_feed_parts(nh_lamp_t *l, nh_feed_part_t out[NH_LAMP_FEED_COUNT]);
void nh_lamp_write_state(nh_lamp_t *l, nh_json_writer_t *w); // the object of GET /api/lamp

#endif
