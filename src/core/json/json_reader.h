// json_reader.h - the reader's state. Include json.h; the fields are private to this folder.

#ifndef NH_JSON_READER_H
#define NH_JSON_READER_H

#include "core/base/base.h"

#define NH_JSON_DEPTH_MAX 32    // nesting; deeper is NH_ERR_TOO_DEEP
#define NH_JSON_POINTER_MAX 128 // bytes of a JSON pointer kept for errors; longer ends in "..."

// A decimal number: mantissa * 10^exponent. `is_long`: it has more digits than the mantissa holds;
// mantissa and exponent are then those of its leading digits and the text has the rest.
struct nh__json_decimal {
    uint64_t mantissa;
    int32_t exponent;
    bool negative;
    bool is_integer; // written without fraction and exponent
    bool is_long;
};

struct nh_json_reader {
    // The chunk: [pos, end) is not read yet. An offset in the document is a pointer plus `bias`.
    const uint8_t *pos, *end;
    uint64_t bias;

    // The text of the last KEY, STRING or NUMBER: in the chunk, or in `text` if it was gathered.
    const char *view;
    size_t view_len;
    struct nh__json_decimal number; // after NUMBER; is_long: not parsed yet

    // The key that the value at hand belongs to, while it stands in the chunk only; NULL: it is in
    // `keys`. It is copied when a container begins or the chunk ends, so most keys never are.
    const char *key;
    size_t key_len;

    char *text;
    size_t text_limit; // longest text; SIZE_MAX while skipping
    size_t skip_limit; // what it was before
    size_t text_len;   // gathered so far

    uint64_t token_offset; // first byte of the token of the last event
    uint64_t line_offset;  // first byte of the line at hand
    uint32_t line;

    uint32_t depth, depth_max;
    uint32_t skip_depth;
    uint32_t object_bits; // bit n: the container at depth n + 1 is an object
    uint32_t unicode;     // of a \u escape, as far as read
    const char *expected; // of an error
    uint64_t error_offset;
    int32_t error_found; // the byte there, -1: the end
    int32_t error;

    uint8_t state;                       // what may come next
    uint8_t event;                       // the last one
    uint8_t token;                       // being gathered
    uint8_t step;                        // inside that token
    uint8_t lead_low, lead_high, follow; // inside a UTF-8 sequence
    uint8_t literal_pos;
    bool is_last, is_skipping, cut_long, is_cut;

    // The path: for an array its index, for an object the end of its key in `keys`, where the keys
    // of all levels stand one behind the other.
    uint8_t key_end[NH_JSON_DEPTH_MAX + 1];
    char keys[NH_JSON_POINTER_MAX];
    uint32_t index[NH_JSON_DEPTH_MAX + 1];
};

#endif
