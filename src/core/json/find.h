// find.h - the element of a large array in which a key has a value, and its byte range, without
// decoding the rest.
//
// The way to the array, the spaces and commas between its elements, and the element that is found
// are read by the strict reader of json.h. The other elements may be passed over by a scanner that
// looks at strings and brackets only. What the scanner gives up, inside elements that do not match:
// it does not see malformed numbers, words, escapes and UTF-8, control bytes in strings, and commas
// and colons in wrong places. Brackets that do not match, strings that do not end and deep nesting
// are always errors. Which elements the scanner passes over depends on how the text is cut into
// chunks; what is found in a well-formed text does not.

#ifndef NH_JSON_FIND_H
#define NH_JSON_FIND_H

#include "core/json/json.h"

#define NH_JSON_FIND_TEXT_MAX                                                                      \
    64 // of the key, of the value and of each step of the path, with a NUL

struct nh_json_find_config {
    const char *array; // JSON pointer to the array: "" (the document), "/sensors"; borrowed
    const char *key;   // a member of the elements; borrowed
    const char *text;  // its value, if it is a string; borrowed
    int64_t number;    // its value, if `text` is NULL: an integer without '.' and 'e'; -0 is not 0
};

// The caller embeds it (about 700 bytes); its fields are private.
typedef struct nh_json_find {
    nh_json_reader_t reader;
    struct nh_json_find_config cfg;
    const char *path;     // the steps not taken yet
    uint32_t array_depth; // of the array found; 0: on the way to it
    bool at_value;        // on the way: the next event is the value that `path` starts from
    bool in_element, after_key, is_match;
    int result;
    uint64_t begin, end;
    char want[NH_JSON_FIND_TEXT_MAX + 2]; // the value as it is written without escapes; with a NUL
    uint8_t want_len;                     // 0: it needs escapes
    uint8_t key_len;
    char text[NH_JSON_FIND_TEXT_MAX];
} nh_json_find_t;

// NH_ERR_TOO_LONG: the key, the value or a step is longer than NH_JSON_FIND_TEXT_MAX - 1 bytes.
// NH_ERR_INVAL: `array` is not a JSON pointer.
NH_MUST_USE int nh_json_find_init(nh_json_find_t *f, const struct nh_json_find_config *cfg);

// Takes the next chunk, borrowed for the call; `last`: no more follow. Returns
// 0: found, at nh_json_find_begin() to nh_json_find_end(); the first, if there are more;
// NH_ERR_AGAIN: give the next chunk;
// NH_ERR_NOT_FOUND: the array has no such element, or there is no such array;
// NH_ERR_TYPE: what stands there is not an array;
// NH_ERR_SYNTAX, NH_ERR_TOO_DEEP: the text is broken, nh_json_find_error() tells where.
// An answer other than NH_ERR_AGAIN stays. What follows the element, or the array, is not looked
// at.
NH_MUST_USE int nh_json_find_feed(nh_json_find_t *f, const void *bytes, size_t len, bool last);

// After 0: offsets in the document of the element's first byte and of one past its last.
uint64_t nh_json_find_begin(const nh_json_find_t *f);
uint64_t nh_json_find_end(const nh_json_find_t *f);

void nh_json_find_error(const nh_json_find_t *f, struct nh_json_error *out);

#endif
