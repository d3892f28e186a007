#include "components/display/display_mirror.h"

#include "platform/platform.h"

#include <string.h>

// A message, numbers low byte first; docs/display.md is the reference for clients:
//   1 byte   1: tiles
//   2, 2     width and height of the panel
//   then for each tile
//   2, 2     its left upper pixel
//   1, 1     width and height
//   2        how many bytes follow: runs of RGB565. A byte n under 128: n + 1 pixels follow; else
//            one pixel follows, n - 126 times.
#define HEAD_BYTES 5
#define TILE_HEAD_BYTES 8
#define TILE_PIXELS (NH_DISPLAY__TILE_PX * NH_DISPLAY__TILE_PX)
#define RUN_MAX 129
#define LITERAL_MAX 128
#define TILE_MAX_BYTES (TILE_HEAD_BYTES + TILE_PIXELS * 2 + (TILE_PIXELS + 127) / 128)
_Static_assert(HEAD_BYTES + TILE_MAX_BYTES <= NH_DISPLAY__MESSAGE_MIN_BYTES, "a tile fits");

struct nh_display__mirror {
    nh_mem_t *mem;
    nh_lock_t lock;
    uint16_t width, height, columns, tile_count;
    uint64_t version;
    uint64_t *tiles; // the version of each one's last change: no two are equal
    uint16_t *pixels;
    uint16_t scratch[TILE_PIXELS]; // of the tile that is packed
};

int nh_display__mirror_create(nh_mem_t *mem, uint16_t width, uint16_t height,
                              nh_display__mirror_t **out)
{
    size_t columns = (width + NH_DISPLAY__TILE_PX - 1u) / NH_DISPLAY__TILE_PX;
    size_t rows = (height + NH_DISPLAY__TILE_PX - 1u) / NH_DISPLAY__TILE_PX;
    size_t count = columns * rows, pixels = (size_t)width * height;
    nh_display__mirror_t *m = nh_mem_alloc_zero(
        mem, sizeof *m + count * sizeof *m->tiles + pixels * sizeof *m->pixels, NH_MEM_BULK);
    *out = NULL;
    if (!m)
        return NH_ERR_NOMEM;
    m->mem = mem;
    m->width = width;
    m->height = height;
    m->columns = (uint16_t)columns;
    m->tile_count = (uint16_t)count;
    m->tiles = (uint64_t *)(m + 1);
    m->pixels = (uint16_t *)(m->tiles + count);
    for (size_t i = 0; i < count; i++)
        m->tiles[i] = ++m->version;
    int err = nh_lock_create(&m->lock);
    if (err < 0) {
        nh_mem_free(mem, m);
        return err;
    }
    *out = m;
    return 0;
}

void nh_display__mirror_destroy(nh_display__mirror_t *m)
{
    if (!m)
        return;
    nh_lock_destroy(&m->lock);
    nh_mem_free(m->mem, m);
}

size_t nh_display__mirror_bytes(const nh_display__mirror_t *m)
{
    return sizeof *m + m->tile_count * sizeof *m->tiles +
           (size_t)m->width * m->height * sizeof *m->pixels;
}

// ---- in ----------------------------------------------------------------------------------------

static struct nh_rect tile_at(const nh_display__mirror_t *m, size_t tile)
{
    int x = (int)(tile % m->columns) * NH_DISPLAY__TILE_PX;
    int y = (int)(tile / m->columns) * NH_DISPLAY__TILE_PX;
    return nh_rect_meet(nh_rect_of(x, y, x + NH_DISPLAY__TILE_PX, y + NH_DISPLAY__TILE_PX),
                        (struct nh_rect){0, 0, (int16_t)m->width, (int16_t)m->height});
}

// The part of a tile that was painted; whether it is other than it was.
static bool put_part(nh_display__mirror_t *m, struct nh_rect part, struct nh_rect at,
                     const uint16_t *pixels, size_t stride)
{
    size_t bytes = (size_t)part.w * sizeof *pixels;
    bool differs = false;
    for (int y = part.y; y < part.y + part.h; y++) {
        const uint16_t *from = pixels + (size_t)(y - at.y) * stride + (size_t)(part.x - at.x);
        uint16_t *to = m->pixels + (size_t)y * m->width + part.x;
        if (memcmp(to, from, bytes) == 0)
            continue;
        memcpy(to, from, bytes);
        differs = true;
    }
    return differs;
}

bool nh_display__mirror_put(nh_display__mirror_t *m, struct nh_rect at, const uint16_t *pixels,
                            size_t stride)
{
    bool differs = false;
    if (nh_rect_is_empty(at))
        return false;
    nh_lock_acquire(&m->lock);
    for (int row = at.y / NH_DISPLAY__TILE_PX; row <= (at.y + at.h - 1) / NH_DISPLAY__TILE_PX;
         row++)
        for (int col = at.x / NH_DISPLAY__TILE_PX; col <= (at.x + at.w - 1) / NH_DISPLAY__TILE_PX;
             col++) {
            size_t tile = (size_t)row * m->columns + (size_t)col;
            if (!put_part(m, nh_rect_meet(tile_at(m, tile), at), at, pixels, stride))
                continue;
            m->tiles[tile] = ++m->version;
            differs = true;
        }
    nh_lock_release(&m->lock);
    return differs;
}

// ---- out ---------------------------------------------------------------------------------------

void nh_display__mirror_copy(nh_display__mirror_t *m, uint16_t *out)
{
    nh_lock_acquire(&m->lock);
    memcpy(out, m->pixels, (size_t)m->width * m->height * sizeof *out);
    nh_lock_release(&m->lock);
}

uint64_t nh_display__mirror_version(nh_display__mirror_t *m)
{
    nh_lock_acquire(&m->lock);
    uint64_t version = m->version;
    nh_lock_release(&m->lock);
    return version;
}

static size_t put_u16(uint8_t *out, unsigned v)
{
    out[0] = (uint8_t)v;
    out[1] = (uint8_t)(v >> 8);
    return 2;
}

// The pixels of a tile one after the other.
static size_t gather(nh_display__mirror_t *m, struct nh_rect tile)
{
    uint16_t *out = m->scratch;
    size_t len = 0;
    for (int y = tile.y; y < tile.y + tile.h; y++) {
        memcpy(out + len, m->pixels + (size_t)y * m->width + tile.x, (size_t)tile.w * sizeof *out);
        len += (size_t)tile.w;
    }
    return len;
}

static size_t run_at(const uint16_t *pixels, size_t left)
{
    size_t n = 1;
    while (n < left && n < RUN_MAX && pixels[n] == pixels[0])
        n++;
    return n;
}

// Pixels up to the next three equal ones: two as a run are no shorter than as they are.
static size_t literal_at(const uint16_t *pixels, size_t left)
{
    size_t n = 0;
    while (n < left && n < LITERAL_MAX && run_at(pixels + n, left - n) < 3)
        n++;
    return n;
}

static size_t pack(const uint16_t *pixels, size_t count, uint8_t *out)
{
    size_t len = 0;
    for (size_t i = 0; i < count;) {
        size_t n = literal_at(pixels + i, count - i);
        size_t run = n ? 0 : run_at(pixels + i, count - i);
        out[len++] = n ? (uint8_t)(n - 1) : (uint8_t)(run + 126);
        for (size_t k = 0; k < (n ? n : 1); k++)
            len += put_u16(out + len, pixels[i + k]);
        i += n + run;
    }
    return len;
}

static size_t write_tile(nh_display__mirror_t *m, size_t tile, uint8_t *out)
{
    struct nh_rect at = tile_at(m, tile);
    size_t bytes = pack(m->scratch, gather(m, at), out + TILE_HEAD_BYTES);
    put_u16(out, (unsigned)at.x);
    put_u16(out + 2, (unsigned)at.y);
    out[4] = (uint8_t)at.w;
    out[5] = (uint8_t)at.h;
    put_u16(out + 6, (unsigned)bytes);
    return TILE_HEAD_BYTES + bytes;
}

// The tile that changed first after `since`.
static size_t oldest_after(const nh_display__mirror_t *m, uint64_t since)
{
    size_t best = m->tile_count;
    for (size_t i = 0; i < m->tile_count; i++)
        if (m->tiles[i] > since && (best == m->tile_count || m->tiles[i] < m->tiles[best]))
            best = i;
    return best;
}

size_t nh_display__mirror_write(nh_display__mirror_t *m, uint64_t since, uint8_t *out, size_t cap,
                                uint64_t *version)
{
    size_t len = HEAD_BYTES;
    out[0] = 1;
    put_u16(out + 1, m->width);
    put_u16(out + 3, m->height);
    nh_lock_acquire(&m->lock);
    for (size_t tile = oldest_after(m, since); tile < m->tile_count && cap - len >= TILE_MAX_BYTES;
         tile = oldest_after(m, since)) {
        len += write_tile(m, tile, out + len);
        since = m->tiles[tile];
    }
    nh_lock_release(&m->lock);
    *version = since;
    return len > HEAD_BYTES ? len : 0;
}
