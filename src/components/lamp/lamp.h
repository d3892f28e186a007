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
#include "core/bus/events.h"
#include "core/http/http.h"
#include "core/store/store.h"
#include "platform/pixels.h"

typedef struct nh_lamp nh_lamp_t;

#define NH_LAMP_SPEED_MIN_PCT 10
#define NH_LAMP_SPEED_MAX_PCT 300
#define NH_LAMP_PALETTE_OWN_MAX_COUNT 8 // palettes made by people, behind the built-in ones
#define NH_LAMP_PALETTE_AUTO 255        // the effect's own

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
    uint32_t fps_wanted, fps_x10;            // over the last second
    uint32_t jitter_us, jitter_max_us;       // how far a frame begins from its slot: mean, worst
    uint32_t render_us, overlay_us, show_us; // means over the last second
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
// NH_ERR_INVAL.
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

#endif
