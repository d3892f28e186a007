// format.h - numbers as text for people: sizes, hex, time. No locale, no libc calendar.

#ifndef NH_FORMAT_H
#define NH_FORMAT_H

#include "core/base/base.h"

// "0 B", "1023 B", "1 KiB", "1.5 KiB", "319.9 KiB", "8 MiB", up to EiB: one decimal, rounded down
// so that free memory never looks larger than it is; ".0" is left out. Returns `out`.
#define NH_FORMAT_BYTES_MAX 16
const char *nh_format_bytes(uint64_t bytes, char out[NH_FORMAT_BYTES_MAX]);

// Lower-case hex of as many of `len` bytes as fit into `cap` with a NUL (cap > 0); returns `out`.
const char *nh_format_hex(const void *bytes, size_t len, char *out, size_t cap);

// "2026-11-21T01:48:47.123Z" (ISO 8601, UTC) from ms since 1970, without leap seconds as POSIX has
// it. Years before 0000 or after 9999 become the first or the last ms that can be written.
#define NH_FORMAT_TIME_MAX 25
const char *nh_format_time(int64_t unix_ms, char out[NH_FORMAT_TIME_MAX]);

#endif
