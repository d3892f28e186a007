// base64.h - RFC 4648 section 4, with padding; what HTTP Basic and signatures need.

#ifndef NH_BASE64_H
#define NH_BASE64_H

#include "core/base/base.h"

// The text of `n` bytes, with its NUL.
#define NH_BASE64_TEXT_BYTES(n) (((size_t)(n) + 2) / 3 * 4 + 1)

// Writes the text and a NUL to `out`; returns its length without the NUL. NH_ERR_TOO_LONG: it does
// not fit into `cap`; nothing was written.
NH_MUST_USE int nh_base64_encode(const void *bytes, size_t len, char *out, size_t cap);

// Writes the bytes that `len` characters stand for; returns how many. Strict: no blanks, padding
// required, unused bits 0, so each byte string has one text. NH_ERR_SYNTAX, NH_ERR_TOO_LONG: over
// `cap`; then the content of `out` is not defined.
NH_MUST_USE int nh_base64_decode(const char *text, size_t len, void *out, size_t cap);

#endif
