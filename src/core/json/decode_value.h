// decode_value.h - one scalar into one field. Shared in this folder only.

#ifndef NH_JSON_DECODE_VALUE_H
#define NH_JSON_DECODE_VALUE_H

#include "core/json/decode.h"

// A scalar as it came.
struct nh__decode_scalar {
    enum nh_json_event event;
    const char *text;
    size_t len;
    uint32_t flags; // enum nh_decode_text
};

// Stores the scalar at `to`. NH_ERR_TYPE, NH_ERR_RANGE, NH_ERR_TOO_LONG, NH_ERR_INVAL (a text that
// is none of the names, or has a NUL): nothing was stored.
NH_MUST_USE int nh__decode_store(const nh_json_field_t *field, const struct nh__decode_scalar *v,
                                 void *to);

// An integer of any size and sign: `negative` and 0 - `bits`, or `bits`.
struct nh__decode_int {
    bool negative;
    uint64_t bits;
};

struct nh__decode_int nh__decode_load_int(const nh_json_field_t *field, const void *from);

// The range of a T_INT field.
void nh__decode_int_range(const nh_json_field_t *field, struct nh__decode_int *min,
                          struct nh__decode_int *max);

#endif
