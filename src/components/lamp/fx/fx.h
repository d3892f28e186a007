// fx.h - effects: pictures that move, drawn to a canvas from time and a seed alone.
//
// Sans-IO and freestanding: no clock, no random source, no C library but memcpy and memset, so that
// the same code draws in the hub, in a browser (WebAssembly) and on a chip. A frame is a function
// of (effect, size, seed, input): whoever renders to the same time by other steps gets the same
// pixels, and a frame has a CRC that a test can hold. Time that stands still gives the same frame.
//
// Origin: x = 0 left, y = 0 the bottom of the lamp.

#ifndef NH_LAMP_FX_H
#define NH_LAMP_FX_H

#include "core/base/base.h"

typedef uint32_t nh_px_t; // 0x00RRGGBB
#define NH_PX(r, g, b) ((nh_px_t)(r) << 16 | (nh_px_t)(g) << 8 | (nh_px_t)(b))

#define NH_FX_SIDE_MAX 128
#define NH_FX_NAME_MAX_BYTES 16 // with the NUL: 15 characters of ASCII fit a radio record
#define NH_FX_TEXT_MAX_BYTES 64 // with the NUL
#define NH_FX_BAND_COUNT 16
#define NH_FX_DEFAULT_ID 0xCA01 // FIRE
#define NH_FX_SOLID_ID 0xEA22   // the first colour, and nothing that moves

struct nh_fx_canvas {
    uint16_t width, height; // 1 to NH_FX_SIDE_MAX
    nh_px_t *px;            // row after row, from the bottom: px[y * width + x]
};

// What a frame is made of, beside effect, size and seed. Borrowed for the call.
struct nh_fx_input {
    uint32_t time_ms;       // of the animation, since the effect began; never goes back
    uint8_t intensity;      // 128: natural
    const nh_px_t *palette; // 256 colours
    nh_px_t color[3];       // for effects that take colours: primary, background, third
    uint8_t audio_level;    // 0 to 255
    uint8_t audio_band[NH_FX_BAND_COUNT];
    uint32_t day_s;         // seconds since local midnight, for a clock
    uint16_t direction_deg; // where a voice comes from, 0 to 359, and how long ago it was heard
    uint32_t direction_age_ms;
    const char *text; // UTF-8, NUL-terminated; never NULL
};

enum nh_fx_kind { NH_FX_NOISE, NH_FX_PARTICLES, NH_FX_GEOMETRY, NH_FX_SOUND, NH_FX_TEXT };
enum { // nh_fx_effect.uses: what of the input it looks at
    NH_FX_USES_PALETTE = 1,
    NH_FX_USES_COLORS = 2,
    NH_FX_USES_INTENSITY = 4,
    NH_FX_USES_AUDIO = 8,
    NH_FX_USES_TEXT = 16,
    NH_FX_USES_CLOCK = 32,
    NH_FX_IS_HIDDEN = 64, // not in lists, next and previous
};

// One row of the registry. An effect without `step` draws each frame from the input alone. One with
// `step` keeps state, advanced by steps of `step_ms` of animation time; `draw` paints the state and
// may look at input->time_ms to place things between two steps.
struct nh_fx_effect {
    uint16_t id; // 0xEAxx simple, 0xEDxx service, 0xCAxx complex
    char name[NH_FX_NAME_MAX_BYTES];
    uint8_t kind, uses;
    uint8_t palette; // the one it looks best with, an index of nh_fx_palettes
    uint16_t step_ms;
    uint32_t (*state_bytes)(uint16_t width, uint16_t height); // NULL: none
    // `state` is zeroed before. `seed` is not 0. NULL: zeros will do.
    void (*reset)(void *state, const struct nh_fx_canvas *size, uint32_t seed);
    // Step `n` (0, 1, ...) of the animation, made when its time n * step_ms has come: step 0 comes
    // before the first frame.
    void (*step)(void *state, const struct nh_fx_canvas *size, const struct nh_fx_input *in,
                 uint32_t n);
    // Paints every pixel of the canvas, whose old content is undefined.
    void (*draw)(const void *state, struct nh_fx_canvas *canvas, const struct nh_fx_input *in,
                 uint32_t seed);
};

// The registry, in its order: lists, next and previous, the radio's list and its CRC follow it.
extern const struct nh_fx_effect *const nh_fx_effects[];
extern const uint16_t nh_fx_effect_count;                     // hidden ones included
const struct nh_fx_effect *nh_fx_find(uint16_t id);           // NULL: unknown
const struct nh_fx_effect *nh_fx_find_name(const char *name); // case does not matter; NULL
// Visible ones by a dense index, 0 to nh_fx_visible_count() - 1; NULL: past the end.
uint16_t nh_fx_visible_count(void);
const struct nh_fx_effect *nh_fx_visible(uint16_t index);
int nh_fx_visible_index(uint16_t id); // -1: hidden or unknown
// The neighbour among the visible ones, around the end; from an unknown or hidden id the first.
uint16_t nh_fx_next(uint16_t id);
uint16_t nh_fx_previous(uint16_t id);

// Record `index` of the visible ones as the radio's list has it: id (u16, little-endian), the name
// padded with zeros. The CRC-32 over all of them tells whether a list is the same. False: past the
// end.
#define NH_FX_RECORD_BYTES 18
bool nh_fx_record(uint16_t index, uint8_t out[NH_FX_RECORD_BYTES]);

// ---- palettes

#define NH_FX_STOP_MAX_COUNT 16
struct nh_fx_stop {
    uint8_t at; // 0 to 255, rising
    nh_px_t color;
};
struct nh_fx_palette {
    char name[NH_FX_NAME_MAX_BYTES];
    bool is_stepped;    // else colours run into each other
    uint8_t stop_count; // 1 to NH_FX_STOP_MAX_COUNT
    struct nh_fx_stop stops[NH_FX_STOP_MAX_COUNT];
};
extern const struct nh_fx_palette nh_fx_palettes[];
extern const uint16_t nh_fx_palette_count;
void nh_fx_palette_expand(const struct nh_fx_palette *p, nh_px_t out[256]);
// `out` = a + (b - a) * k / 255; the three may be the same.
void nh_fx_palette_blend(nh_px_t out[256], const nh_px_t *a, const nh_px_t *b, uint8_t k);

// ---- a player: one effect, its state, its steps

// Bytes of state that the largest effect of the registry takes at this size.
uint32_t nh_fx_state_bytes(uint16_t width, uint16_t height);

// The caller embeds it and gives the memory; private.
typedef struct nh_fx_player {
    const struct nh_fx_effect *effect;
    struct nh_fx_canvas size; // px NULL
    void *state;
    uint32_t seed, step_count;
} nh_fx_player_t;
// `state`: nh_fx_state_bytes(), aligned to 8, borrowed while the player is used. NH_ERR_RANGE: the
// size.
NH_MUST_USE int nh_fx_player_init(nh_fx_player_t *p, uint16_t width, uint16_t height, void *state);
// Begins an effect: animation time 0. `seed` 0 counts as 1.
void nh_fx_player_set(nh_fx_player_t *p, const struct nh_fx_effect *effect, uint32_t seed);
// Makes the steps up to in->time_ms, at most `step_max` of them, and paints. Returns the number of
// steps made; the caller caps how far time goes on in one call, so that none is left out.
uint32_t nh_fx_player_draw(nh_fx_player_t *p, struct nh_fx_canvas *canvas,
                           const struct nh_fx_input *in, uint32_t step_max);

#endif
