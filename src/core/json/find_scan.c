#include "core/json/find_scan.h"

#include <string.h>

#include "core/json/json_scan.h"

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static const uint8_t *skip_space(const uint8_t *p, const uint8_t *end)
{
    while (p < end && is_space(*p))
        p++;
    return p;
}

// ---- the member
// ---------------------------------------------------------------------------------

// How many bytes at `p` are as wanted. Both have all of them.
static size_t common_length(const uint8_t *p, const uint8_t *want, size_t len)
{
    size_t i = 0;
    for (uint64_t a, b; len - i >= sizeof a; i += sizeof a) {
        memcpy(&a, p + i, sizeof a);
        memcpy(&b, want + i, sizeof b);
        if (a != b)
            break;
    }
    while (i < len && p[i] == want[i])
        i++;
    return i;
}

// Whether the value behind the colon may be the wanted one. If it has no escape where it differs,
// then it is not.
static bool value_may_match(const struct nh__find_scan *s, const uint8_t *colon)
{
    const nh_json_find_t *f = s->find;
    const uint8_t *p = skip_space(colon + 1, s->end);
    if (f->want_len == 0 || (size_t)(s->end - p) <= f->want_len)
        return true;
    size_t i = common_length(p, (const uint8_t *)f->want, f->want_len);
    if (f->cfg.text)
        return i == f->want_len || p[i] == '\\';
    // 12 is not the start of 123; 12.0 and 12e0 are not integers.
    return i == f->want_len && memchr("0123456789.eE", p[i], 13) == NULL;
}

// Whether the key that ends with the quote at `quote` has an escape, or may have one.
static bool key_has_escape(const struct nh__find_scan *s, const uint8_t *quote)
{
    const uint8_t *p = quote - 1;
    while (p > s->begin && *p != '"' && *p != '\\')
        p--;
    return *p == '\\' || (p > s->begin && p[-1] == '\\');
}

// A colon of the element itself. False: its member may be the wanted one, or it is no member.
static inline bool pass_member(const struct nh__find_scan *s, const uint8_t *colon)
{
    const nh_json_find_t *f = s->find;
    const uint8_t *quote = colon - 1;
    while (quote > s->begin && is_space(*quote))
        quote--;
    if (*quote != '"')
        return false;
    if (s->has_escape && key_has_escape(s, quote))
        return false;
    size_t len = f->key_len;
    if ((size_t)(quote - s->begin) < len + 2 || quote[-1 - (ptrdiff_t)len] != '"')
        return true;
    if (memcmp(quote - len, f->cfg.key, len) != 0)
        return true;
    return !value_may_match(s, colon);
}

// ---- brackets
// -----------------------------------------------------------------------------------

// An element has ended at `p`. True: another follows, and `begin` is at it.
static inline bool pass_element(struct nh__find_scan *s, const uint8_t *p)
{
    s->done = p + 1;
    s->count++;
    p = skip_space(p + 1, s->end);
    if (p == s->end || *p != ',')
        return false;
    p = skip_space(p + 1, s->end);
    if (p == s->end || *p != '{')
        return false;
    s->begin = p;
    s->has_escape = s->block_has_escape;
    return true;
}

// A byte outside of strings that means something. False: the scan ends here.
static inline bool pass_byte(struct nh__find_scan *s, const uint8_t *p)
{
    switch (*p) {
    case ':':
        return s->depth != 1 || pass_member(s, p);
    case '{':
    case '[':
        if (s->depth == s->depth_max || (s->depth == 0 && p != s->begin))
            return false;
        s->depth++;
        s->object_bits = s->object_bits << 1 | (*p == '{');
        return true;
    case '}':
    case ']':
        if (s->depth == 0 || (s->object_bits & 1) != (*p == '}'))
            return false;
        s->object_bits >>= 1;
        return --s->depth > 0 || pass_element(s, p);
    default:
        return false;
    }
}

static inline void scan_start(struct nh__find_scan *s)
{
    s->done = s->begin;
    s->count = 0;
    s->depth = 0;
    s->object_bits = 0;
    s->has_escape = false;
    s->block_has_escape = false;
}

// ---- byte by byte
// -------------------------------------------------------------------------------

// One past the closing quote of the string after `p`; NULL if it does not end here.
static const uint8_t *pass_string(struct nh__find_scan *s, const uint8_t *p)
{
    for (;;) {
        p = nh__scan_plain_word(p, s->end);
        if (p == s->end)
            return NULL;
        if (*p == '"')
            return p + 1;
        if (*p == '\\') {
            s->has_escape = true;
            if (s->end - p < 2)
                return NULL;
            p++;
        }
        p++;
    }
}

void nh__find_scan_bytes(struct nh__find_scan *s)
{
    scan_start(s);
    const uint8_t *p = s->begin;
    while (p && p < s->end) {
        uint8_t c = *p;
        bool is_bracket = (c & 0xdd) == 0x59 || (c & 0xdd) == 0x5d; // also Y, y and _
        if (c == '"') {
            p = pass_string(s, p + 1);
        } else if (c == ':' || c == '\\' || is_bracket) {
            if (!pass_byte(s, p))
                return;
            p++;
        } else {
            p++;
        }
    }
}

// ---- 64 bytes at once
// ---------------------------------------------------------------------------

#ifdef __SSE2__

static inline uint64_t mask16(__m128i v)
{
    return (unsigned)_mm_movemask_epi8(v);
}

// One bit a byte of a block of 64.
struct masks {
    uint64_t quote, backslash, colon, last;
    uint64_t bracket; // and some bytes that belong nowhere
};

// `last`: the last byte of the key as it is written, its closing quote apart.
static inline struct masks block_masks(const uint8_t *p, __m128i last)
{
    struct masks m = {0, 0, 0, 0, 0};
    for (unsigned i = 0; i < 4; i++) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + (size_t)i * 16));
        // [ ] { } have all these bits; so have Y _ y, DEL and some bytes above it, which no valid
        // text has outside of strings: pass_byte() stops at them.
        __m128i some = _mm_set1_epi8(0x59);
        __m128i bracket = _mm_cmpeq_epi8(_mm_and_si128(v, some), some);
        unsigned at = i * 16;
        m.quote |= mask16(_mm_cmpeq_epi8(v, _mm_set1_epi8('"'))) << at;
        m.backslash |= mask16(_mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))) << at;
        m.colon |= mask16(_mm_cmpeq_epi8(v, _mm_set1_epi8(':'))) << at;
        m.last |= mask16(_mm_cmpeq_epi8(v, last)) << at;
        m.bracket |= mask16(bracket) << at;
    }
    return m;
}

// The bytes that a backslash before them escapes. `*carry`: the last byte escapes the next block's
// first, and so on. A backslash that is itself escaped escapes nothing.
static uint64_t escaped_bytes(uint64_t backslash, uint64_t *carry)
{
    uint64_t escaped = *carry;
    uint64_t left = backslash & ~escaped;
    *carry = 0;
    while (left) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        if (i == 63) {
            *carry = 1;
            break;
        }
        escaped |= (uint64_t)2 << i;
        left &= ~((uint64_t)3 << i);
    }
    return escaped;
}

// Bit n of the result: how many bits up to and with n are set, modulo 2.
static inline uint64_t prefix_xor(uint64_t x)
{
    x ^= x << 1;
    x ^= x << 2;
    x ^= x << 4;
    x ^= x << 8;
    x ^= x << 16;
    x ^= x << 32;
    return x;
}

// The colons worth a look: behind the quote of a key that ends as the wanted one does, or not right
// behind a quote, or anywhere near an escape. The carries are the top bits of the block before.
struct colon_filter {
    __m128i last;
    uint64_t quote_carry, end_carry;
};

static inline uint64_t filter_colons(struct colon_filter *f, const struct masks *m, bool has_escape)
{
    uint64_t end = m->quote & (m->last << 1 | f->end_carry); // quotes behind that last byte
    uint64_t behind_end = end << 1 | (f->quote_carry & 2) >> 1;
    uint64_t behind_quote = m->quote << 1 | (f->quote_carry & 1);
    f->end_carry = m->last >> 63;
    f->quote_carry = m->quote >> 63 | (end >> 63) << 1;
    return has_escape ? m->colon : m->colon & (behind_end | ~behind_quote);
}

void nh__find_scan_sse2(struct nh__find_scan *s)
{
    uint64_t in_string = 0; // all ones: the block begins inside a string
    uint64_t escape_carry = 0;
    struct nh__find_scan local = *s; // in registers
    const nh_json_find_t *f = s->find;
    struct colon_filter filter = {_mm_set1_epi8(f->key_len ? f->cfg.key[f->key_len - 1] : '"'), 0,
                                  0};
    scan_start(&local);
    for (const uint8_t *p = local.begin; local.end - p >= 64; p += 64) {
        struct masks m = block_masks(p, filter.last);
        local.block_has_escape = (m.backslash | escape_carry) != 0;
        if (local.block_has_escape) {
            m.quote &= ~escaped_bytes(m.backslash, &escape_carry);
            m.bracket |= m.backslash; // outside of strings it ends the scan
            local.has_escape = true;
        }
        uint64_t inside = prefix_xor(m.quote) ^ in_string;
        uint64_t left = m.bracket | filter_colons(&filter, &m, local.has_escape);
        in_string = (uint64_t)((int64_t)inside >> 63);
        for (left &= ~inside; left; left &= left - 1)
            if (!pass_byte(&local, p + __builtin_ctzll(left)))
                goto out;
    }
out:
    *s = local;
}

#endif

uint32_t nh__find_count_lines(const uint8_t *p, const uint8_t *end)
{
    uint32_t count = 0;
    for (;; count++) {
        p = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
        if (!p)
            return count;
        p++;
    }
}
