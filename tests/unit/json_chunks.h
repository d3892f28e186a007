// json_chunks.h - a text in pieces for the tests of the JSON reader and finder: each piece stands
// alone in memory of exactly its size, so that a sanitizer sees one byte too far, and is gone when
// the next one comes.

#ifndef TEST_JSON_CHUNKS_H
#define TEST_JSON_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum chunk_way { CHUNK_WHOLE, CHUNK_BYTES, CHUNK_RANDOM };
#define CHUNK_WAYS 22 // whole, byte by byte, and 20 ways at random

struct chunks {
    const char *text;
    size_t len, at;
    enum chunk_way way;
    uint32_t seed;
    uint8_t *piece;
};

static inline uint32_t chunks_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

// The n-th way to cut, 0 to CHUNK_WAYS - 1.
static inline struct chunks chunks_start(const char *text, size_t len, unsigned n)
{
    struct chunks c = {.text = text, .len = len, .seed = n * 2654435761u + 1};
    c.way = n == 0 ? CHUNK_WHOLE : n == 1 ? CHUNK_BYTES : CHUNK_RANDOM;
    return c;
}

#ifdef __linux__
static inline uint8_t *chunks_new(size_t len)
{
    return malloc(len ? len : 1);
}
#define chunks_delete free
#else
// On the chip there is no heap to spare: the piece ends where a small static block ends.
#define CHUNK_STATIC_MAX 8192
static inline uint8_t *chunks_new(size_t len)
{
    static uint8_t block[CHUNK_STATIC_MAX];
    return len <= sizeof block ? block + sizeof block - len : NULL;
}
#define chunks_delete(p) memset(p, 0, 0)
#endif

static inline void chunks_end(struct chunks *c)
{
    if (c->piece)
        chunks_delete(c->piece);
    c->piece = NULL;
}

// The next piece; its length in `*len` may be 0. `*last`: no more follow.
static inline const uint8_t *chunks_next(struct chunks *c, size_t *len, bool *last)
{
    size_t left = c->len - c->at, n = left;
    if (c->way == CHUNK_BYTES && left > 1)
        n = 1;
    if (c->way == CHUNK_RANDOM)
        n = chunks_random(&c->seed) % (c->seed & 64 ? 4 : 24);
    if (n > left)
        n = left;
    chunks_end(c);
    c->piece = chunks_new(n);
    memcpy(c->piece, c->text + c->at, n);
    c->at += n;
    *len = n;
    // The last piece is sometimes empty: the text ended, but nobody knew.
    *last = c->at == c->len && (c->way != CHUNK_RANDOM || n == 0 || (c->seed & 32));
    return c->piece;
}

#endif
