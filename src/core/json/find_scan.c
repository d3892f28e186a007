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

struct block {
    __m128i v[4];
};

static inline struct block load_block(const uint8_t *p)
{
    struct block b;
    for (size_t i = 0; i < 4; i++)
        b.v[i] = _mm_loadu_si128((const __m128i *)(const void *)(p + i * 16));
    return b;
}

// One bit a byte: it is `byte`.
static inline uint64_t mask_of(const struct block *b, __m128i byte)
{
    uint64_t mask = 0;
    for (unsigned i = 0; i < 4; i++)
        mask |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(b->v[i], byte)) << (i * 16);
    return mask;
}

// [ ] { } have all these bits; so have Y _ y, DEL and some bytes above it, which no valid text has
// outside of strings: pass_byte() stops at them.
static inline uint64_t mask_of_brackets(const struct block *b)
{
    __m128i bits = _mm_set1_epi8(0x59);
    struct block some;
    for (unsigned i = 0; i < 4; i++)
        some.v[i] = _mm_and_si128(b->v[i], bits);
    return mask_of(&some, bits);
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

// What the next block must know of this one.
struct carry {
    uint64_t in_string; // all ones: it ends inside a string
    uint64_t escape;    // 1: its last byte escapes the next
    uint64_t last;      // 1: its last byte is the last of the wanted key
    uint64_t quote;     // 1: its last byte is a quote
    uint64_t key_end;   // 1: that quote may end the wanted key
};

// The colons worth a look: behind the quote of a key that ends as the wanted one does, or not right
// behind a quote, or anywhere near an escape.
static inline uint64_t mask_of_colons(const struct block *b, uint64_t quote, __m128i last,
                                      struct carry *c, bool has_escape)
{
    uint64_t colon = mask_of(b, _mm_set1_epi8(':')), is_last = mask_of(b, last);
    uint64_t key_end = quote & (is_last << 1 | c->last);
    uint64_t behind_end = key_end << 1 | c->key_end;
    uint64_t behind_quote = quote << 1 | c->quote;
    c->last = is_last >> 63;
    c->quote = quote >> 63;
    c->key_end = key_end >> 63;
    return has_escape ? colon : colon & (behind_end | ~behind_quote);
}

// The bytes of a block that mean something, outside of strings.
static inline uint64_t block_meaning(struct nh__find_scan *s, const uint8_t *p, __m128i last,
                                     struct carry *c)
{
    struct block b = load_block(p);
    uint64_t quote = mask_of(&b, _mm_set1_epi8('"'));
    uint64_t backslash = mask_of(&b, _mm_set1_epi8('\\'));
    s->block_has_escape = (backslash | c->escape) != 0;
    if (s->block_has_escape) {
        quote &= ~escaped_bytes(backslash, &c->escape);
        s->has_escape = true;
    }
    if (quote == 0 && c->in_string) { // the middle of a text longer than any key we look for
        c->last = 0;
        c->quote = 0;
        c->key_end = 0;
        return 0;
    }
    uint64_t inside = prefix_xor(quote) ^ c->in_string;
    c->in_string = (uint64_t)((int64_t)inside >> 63);
    // A backslash outside of strings ends the scan.
    uint64_t meaning = mask_of_brackets(&b) | backslash;
    meaning |= mask_of_colons(&b, quote, last, c, s->has_escape);
    return meaning & ~inside;
}

void nh__find_scan_sse2(struct nh__find_scan *s)
{
    struct nh__find_scan local = *s; // in registers
    const nh_json_find_t *f = s->find;
    __m128i last = _mm_set1_epi8(f->key_len ? f->cfg.key[f->key_len - 1] : '"');
    struct carry carry = {0, 0, 0, 0, 0};
    scan_start(&local);
    for (const uint8_t *p = local.begin; local.end - p >= 64; p += 64) {
        uint64_t left = block_meaning(&local, p, last, &carry);
        for (; left; left &= left - 1)
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
