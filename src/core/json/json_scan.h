// json_scan.h - long runs at once: 16 bytes with SSE2, else a machine word. Both ways are compiled
// where SSE2 is, so that the tests run both. Shared in this folder only.

#ifndef NH_JSON_SCAN_H
#define NH_JSON_SCAN_H

#include <string.h>

#include "core/base/base.h"

static inline bool nh__scan_is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

#define NH__WORD_ONES ((uintptr_t)-1 / 0xff)
#define NH__WORD_HIGHS (NH__WORD_ONES * 0x80)

// The high bit of the lowest byte that is zero, and maybe of bytes above it.
static inline uintptr_t nh__word_zero(uintptr_t w)
{
    return (w - NH__WORD_ONES) & ~w & NH__WORD_HIGHS;
}

// The first byte of [p, end) that is not plain text of a string: a quote, a backslash, a control
// byte, or one above 0x7f.
static inline const uint8_t *nh__scan_plain_word(const uint8_t *p, const uint8_t *end)
{
    // Up to a word's boundary first: a chip without unaligned loads would fetch each byte alone.
    for (; p < end && ((uintptr_t)p & (sizeof(uintptr_t) - 1)); p++)
        if (!nh__scan_is_plain(*p))
            return p;
    for (; (size_t)(end - p) >= sizeof(uintptr_t); p += sizeof(uintptr_t)) {
        uintptr_t w;
        memcpy(&w, __builtin_assume_aligned(p, sizeof w), sizeof w);
        uintptr_t stop = nh__word_zero(w ^ NH__WORD_ONES * '"') |
                         nh__word_zero(w ^ NH__WORD_ONES * '\\') | (w & NH__WORD_HIGHS) |
                         ((w - NH__WORD_ONES * 0x20) & ~w & NH__WORD_HIGHS);
        if (stop)
            break;
    }
    while (p < end && nh__scan_is_plain(*p))
        p++;
    return p;
}

static inline size_t nh__scan_copy_word(const uint8_t *p, const uint8_t *end, char *out,
                                        size_t room)
{
    size_t most = (size_t)(end - p) < room ? (size_t)(end - p) : room;
    size_t n = (size_t)(nh__scan_plain_word(p, p + most) - p);
    memcpy(out, p, n);
    return n;
}

#ifdef __SSE2__
#include <emmintrin.h>

static inline unsigned nh__scan_stops_sse2(__m128i v)
{
    // As signed bytes, those above 0x7f are negative and so also under 0x20.
    __m128i stop = _mm_or_si128(_mm_cmplt_epi8(v, _mm_set1_epi8(0x20)),
                                _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
                                             _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))));
    return (unsigned)_mm_movemask_epi8(stop);
}

static inline const uint8_t *nh__scan_plain_sse2(const uint8_t *p, const uint8_t *end)
{
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        unsigned mask = nh__scan_stops_sse2(v);
        if (mask)
            return p + __builtin_ctz(mask);
    }
    while (p < end && nh__scan_is_plain(*p))
        p++;
    return p;
}

// Copies plain text from [p, end) to `out`, at most `room` bytes. Returns how many; what stands in
// `out` behind them is undefined.
static inline size_t nh__scan_copy_sse2(const uint8_t *p, const uint8_t *end, char *out,
                                        size_t room)
{
    size_t n = 0, most = (size_t)(end - p) < room ? (size_t)(end - p) : room;
    for (; most - n >= 16; n += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + n));
        _mm_storeu_si128((__m128i *)(void *)(out + n), v);
        unsigned mask = nh__scan_stops_sse2(v);
        if (mask)
            return n + (unsigned)__builtin_ctz(mask);
    }
    for (; n < most && nh__scan_is_plain(p[n]); n++)
        out[n] = (char)p[n];
    return n;
}
#define nh__scan_plain nh__scan_plain_sse2
#define nh__scan_copy nh__scan_copy_sse2
#else
#define nh__scan_plain nh__scan_plain_word
#define nh__scan_copy nh__scan_copy_word
#endif

#endif
