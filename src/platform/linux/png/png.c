// PNG: the frame is ours, packing is zlib's, whose memory is the house's.

#include "platform/png.h"

#include "core/mem/mem.h"

#include <string.h>
#include <zlib.h>

#define WINDOW_BITS 12 // 4 KiB back: three rows of a usual panel
#define MEM_LEVEL 5
#define CHUNK_BYTES 12 // of a chunk without its data: length, type, check

struct nh_png {
    struct nh_png_config cfg;
    nh_mem_t *mem;
    z_stream z;
    enum { PNG_HEAD, PNG_DATA, PNG_END, PNG_DONE } state;
    uint16_t y;    // of the next row
    uint8_t *line; // filter byte and RGB of a row
    size_t line_bytes;
};

static void *z_alloc(void *mem, unsigned items, unsigned size)
{
    return nh_mem_alloc(mem, (size_t)items * size, NH_MEM_BULK);
}

static void z_free(void *mem, void *block)
{
    nh_mem_free(mem, block);
}

int nh_png_create(const struct nh_png_config *cfg, nh_png_t **out)
{
    *out = NULL;
    if (cfg->width == 0 || cfg->height == 0)
        return NH_ERR_RANGE;
    size_t line_bytes = 1 + (size_t)cfg->width * 3;
    nh_png_t *p = nh_mem_alloc_zero(cfg->mem, sizeof *p + line_bytes, NH_MEM_BULK);
    if (!p)
        return NH_ERR_NOMEM;
    p->cfg = *cfg;
    p->mem = cfg->mem;
    p->line = (uint8_t *)(p + 1);
    p->line_bytes = line_bytes;
    p->z.zalloc = z_alloc;
    p->z.zfree = z_free;
    p->z.opaque = cfg->mem;
    if (deflateInit2(&p->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS, MEM_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        nh_mem_free(p->mem, p);
        return NH_ERR_NOMEM;
    }
    *out = p;
    return 0;
}

void nh_png_destroy(nh_png_t *p)
{
    if (!p)
        return;
    deflateEnd(&p->z);
    nh_mem_free(p->mem, p);
}

// ---- the file ----------------------------------------------------------------------------------

static void put_u32(uint8_t *out, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(v >> (24 - 8 * i));
}

// A chunk whose data stands at out + 8 already.
static size_t close_chunk(uint8_t *out, const char *type, size_t len)
{
    put_u32(out, (uint32_t)len);
    memcpy(out + 4, type, 4);
    put_u32(out + 8 + len, (uint32_t)crc32(0, out + 4, (uInt)(len + 4)));
    return len + CHUNK_BYTES;
}

static size_t write_head(nh_png_t *p, uint8_t *out)
{
    memcpy(out, "\x89PNG\r\n\x1a\n", 8);
    uint8_t *data = out + 16;
    put_u32(data, p->cfg.width);
    put_u32(data + 4, p->cfg.height);
    memcpy(data + 8, "\x08\x02\0\0\0", 5); // 8 bits, RGB
    return 8 + close_chunk(out + 8, "IHDR", 13);
}

static void rgb565_to_rgb(uint8_t out[3], uint16_t p)
{
    out[0] = (uint8_t)((p >> 11) * 255 / 31);
    out[1] = (uint8_t)((p >> 5 & 63) * 255 / 63);
    out[2] = (uint8_t)((p & 31) * 255 / 31);
}

// The row as differences to the left: flat areas become zeros.
static void next_line(nh_png_t *p)
{
    const uint8_t *bytes = p->cfg.row_rgb ? p->cfg.row_rgb(p->cfg.ctx, p->y) : NULL;
    const uint16_t *row = bytes ? NULL : p->cfg.row(p->cfg.ctx, p->y);
    uint8_t left[3] = {0}, rgb[3];
    uint8_t *out = p->line;
    p->y++;
    *out++ = 1; // filter Sub
    for (size_t x = 0; x < p->cfg.width; x++) {
        if (bytes)
            memcpy(rgb, bytes + 3 * x, 3);
        else
            rgb565_to_rgb(rgb, row[x]);
        for (int i = 0; i < 3; i++) {
            *out++ = (uint8_t)(rgb[i] - left[i]);
            left[i] = rgb[i];
        }
    }
    p->z.next_in = p->line;
    p->z.avail_in = (uInt)p->line_bytes;
}

static size_t write_data(nh_png_t *p, uint8_t *out, size_t cap)
{
    size_t room = cap - CHUNK_BYTES;
    p->z.next_out = out + 8;
    p->z.avail_out = (uInt)room;
    while (p->z.avail_out > 0 && p->state == PNG_DATA) {
        if (p->z.avail_in == 0 && p->y < p->cfg.height)
            next_line(p);
        bool is_last = p->y == p->cfg.height;
        if (deflate(&p->z, is_last ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_END)
            p->state = PNG_END;
    }
    return close_chunk(out, "IDAT", room - p->z.avail_out);
}

size_t nh_png_read(nh_png_t *p, void *out, size_t cap)
{
    switch (p->state) {
    case PNG_HEAD:
        p->state = PNG_DATA;
        return write_head(p, out);
    case PNG_DATA:
        return write_data(p, out, cap);
    case PNG_END:
        p->state = PNG_DONE;
        return close_chunk(out, "IEND", 0);
    default:
        return 0;
    }
}
