// json_num.h - numbers as text and as double, both ways, without locale and without printf. Shared
// in this folder only.
//
// Reading rounds correctly (half to even) for every input; writing gives the shortest text that
// reads back as the same double. The way there: a few exact double operations when they suffice,
// 64-bit mantissas with an error bound next, exact integers of bounded size last.

#ifndef NH_JSON_NUM_H
#define NH_JSON_NUM_H

#include "core/base/base.h"
#include "core/json/json_reader.h" // struct nh__json_decimal

#define NH_JSON_DOUBLE_TEXT_MAX 32 // "-1.7976931348623157e+308" and a NUL fit

// Reads a number by the JSON grammar; all `len` bytes must be it. NH_ERR_SYNTAX: they are not.
NH_MUST_USE int nh__json_decimal_parse(const char *s, size_t len, struct nh__json_decimal *out);

// NH_ERR_TYPE: it has a fraction or an exponent. NH_ERR_RANGE: it does not fit.
NH_MUST_USE int nh__json_decimal_int64(const struct nh__json_decimal *d, int64_t *out);
NH_MUST_USE int nh__json_decimal_uint64(const struct nh__json_decimal *d, uint64_t *out);

// `s` is the text that `d` was made from; looked at only if d->is_long. NH_ERR_RANGE: too large for
// a double, `*out` is then infinite.
NH_MUST_USE int nh__json_decimal_double(const struct nh__json_decimal *d, const char *s, size_t len,
                                        double *out);

// Writes the shortest text of a finite `v` that reads back as it, with a NUL. Returns its length.
size_t nh__json_double_print(double v, char out[NH_JSON_DOUBLE_TEXT_MAX]);

// Writes `v` in decimal, without a NUL, at most 20 bytes. Returns the length.
size_t nh__json_uint_print(uint64_t v, char out[20]);

#endif
