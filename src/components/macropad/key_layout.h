// key_layout.h - which keys make a character: the host's layout, as its keyboard is set there.
// A character may take two strokes: a dead key and a letter.

#ifndef NH_KEY_LAYOUT_H
#define NH_KEY_LAYOUT_H

#include "core/base/base.h"

#define NH_KEY_STROKES_MAX 2u

struct nh_key_stroke {
    uint8_t usage;     // enum nh_hid_usage
    uint8_t modifiers; // enum nh_hid_modifier: left shift, AltGr
};

typedef struct nh_key_layout nh_key_layout_t;

// "us", "de", "gb", "fr". NULL past the last; find: without regard to case, NULL: none.
const nh_key_layout_t *nh_key_layout_at(size_t index);
const nh_key_layout_t *nh_key_layout_find(nh_span_t id);
const char *nh_key_layout_id(const nh_key_layout_t *l);
const char *nh_key_layout_name(const nh_key_layout_t *l); // "German"

// The strokes of a character. Returns how many; 0: the layout has none for it.
size_t nh_key_layout_strokes(const nh_key_layout_t *l, uint32_t code_point,
                             struct nh_key_stroke out[NH_KEY_STROKES_MAX]);

// Reads a character of UTF-8 from the first of `len` (at least 1) bytes. Returns its length; what
// is not UTF-8 is U+FFFD, one byte at a time.
size_t nh_key_code_point(const uint8_t *p, size_t len, uint32_t *out);

#endif
