// wled_request.h - what a WLED client asks for: its JSON, or the text of its older HTTP
// interface, into a struct of fixed size; and that into a command of the lamp. Sans-IO.
//
// Source of both forms: docs/lamp-wled.md.

#ifndef NH_WLED_REQUEST_H
#define NH_WLED_REQUEST_H

#include "components/lamp/lamp.h"

#define NH_WLED_NAME_MAX_BYTES 33 // of a preset, with the NUL
#define NH_WLED_LABEL_MAX_BYTES 5 // its quick label, with the NUL
#define NH_WLED_PRESET_MAX_ID 250

// A number as clients write it: 128, "~10", "~-10", "w~10", "~", "~-", "r", "3~9~".
enum nh_wled_how {
    NH_WLED_ABSENT,
    NH_WLED_SET,
    NH_WLED_ADD,      // up to the end of the range
    NH_WLED_ADD_WRAP, // from the end of the range to its other end
    NH_WLED_STEP,     // one on or back, around the end
    NH_WLED_RANDOM,
};
struct nh_wled_number {
    uint8_t how; // enum nh_wled_how
    int32_t value;
    uint8_t low, high; // the range that it is about; both 0: the whole of it
};
// The number that `n` makes of `now`, within `min` to `max`; `random` is used with NH_WLED_RANDOM.
int32_t nh_wled_number_of(const struct nh_wled_number *n, int32_t now, int32_t min, int32_t max,
                          uint32_t random);

enum nh_wled_switch { NH_WLED_NO_SWITCH, NH_WLED_OFF, NH_WLED_ON, NH_WLED_TOGGLE };

struct nh_wled_color {
    uint8_t mask; // bit n: channel n (red, green, blue) is given
    bool is_random;
    uint8_t channel[3];
};

struct nh_wled_request {
    uint8_t on, live, lv, udpn_send, udpn_recv; // enum nh_wled_switch
    bool wants_reply;                           // "v"
    struct nh_wled_number bri, transition, tt, lor;
    struct {
        uint8_t on;
        struct nh_wled_number minutes, mode, target;
    } nl;
    struct nh_wled_number preset, save_preset, remove_preset;
    char name[NH_WLED_NAME_MAX_BYTES], label[NH_WLED_LABEL_MAX_BYTES]; // of the preset to save
    struct {
        uint8_t on, frozen;
        struct nh_wled_number bri, fx, sx, ix, pal;
        struct nh_wled_color color[3];
        bool has_pixels;
    } seg;
    uint32_t seg_mask; // bit n: element n of "seg" is the lamp's one segment
};

// Reads a JSON object of `len` bytes. What is not known, or of another type, is passed over as a
// WLED device does it. NH_ERR_SYNTAX, NH_ERR_TOO_DEEP: no JSON object; `*out` is then undefined.
NH_MUST_USE int nh_wled_request_read(const char *text, size_t len, struct nh_wled_request *out);

// Calls `pixel` for every pixel that "i" of the segment sets, in order. `text` is what
// nh_wled_request_read() took, `mask` its seg_mask. A range comes as one call; `end` is behind its
// last pixel and may be past the canvas.
typedef void (*nh_wled_pixel_fn)(void *ctx, uint32_t begin, uint32_t end, nh_px_t color);
void nh_wled_request_pixels(const char *text, size_t len, uint32_t mask, nh_wled_pixel_fn pixel,
                            void *ctx);

// Reads "A=128&FX=3&T=2", with or without a '&' or '?' before it. What is not known is passed over.
void nh_wled_request_read_text(const char *text, size_t len, struct nh_wled_request *out);

// ---- the lamp's terms

// Speed: 0 is 10 %, 128 is 100 %, 255 is 300 %, in straight lines between.
uint16_t nh_wled_speed_pct(uint8_t sx);
uint8_t nh_wled_sx(uint16_t speed_pct);
// What a client is told when `hint` is what one wrote last: that, as long as it means this speed;
// so that everybody reads what was written, though two numbers may mean the same per cent.
uint8_t nh_wled_sx_told(uint16_t speed_pct, uint8_t hint);

// Palettes: 0 is the effect's own.
uint8_t nh_wled_palette_of(uint16_t index);
uint16_t nh_wled_palette_index(uint8_t palette);

// What the client knows of the lamp when it asks for a change.
struct nh_wled_base {
    const struct nh_lamp_state *state;
    uint16_t palette_count; // of the lamp
    uint8_t sx;             // as it was told
    uint32_t random;
};
// The one command that does all of `r` that concerns the lamp's state; `*c` is whole but for who
// asks, done, and the transition. False: nothing of it does.
bool nh_wled_request_command(const struct nh_wled_request *r, const struct nh_wled_base *base,
                             struct nh_lamp_command *c);

#endif
