#include "harness/jpeg_make.h"

#include "core/base/bytes.h"

#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#define SIDE_MAX 4096

// xorshift32: the same picture for the same seed on every machine.
static uint32_t noise_next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

// Returns the bytes written to `buf`, whose `cap` is enough for any quality.
static size_t compress(const struct nh_harness_jpeg_config *cfg, int quality, uint8_t *row,
                       uint8_t *buf, size_t cap)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    uint32_t noise = cfg->seed | 1;
    unsigned char *out = buf;
    unsigned long len = cap;
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &out, &len);
    c.image_width = cfg->width;
    c.image_height = cfg->height;
    c.input_components = 3;
    c.in_color_space = JCS_RGB;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, quality, TRUE);
    if (cfg->is_progressive)
        jpeg_simple_progression(&c);
    jpeg_start_compress(&c, TRUE);
    while (c.next_scanline < c.image_height) {
        for (uint32_t i = 0; i < cfg->width * 3; i++)
            row[i] = (uint8_t)(noise_next(&noise) >> 24);
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    return out == buf ? len : 0;
}

int nh_harness_jpeg_make(nh_mem_t *mem, const struct nh_harness_jpeg_config *cfg,
                         struct nh_harness_jpeg *out)
{
    *out = (struct nh_harness_jpeg){0};
    if (cfg->width - 1 >= SIDE_MAX || cfg->height - 1 >= SIDE_MAX)
        return NH_ERR_RANGE;
    const size_t cap = (size_t)(cfg->width + 16) * (cfg->height + 16) * 6 + NH_KIB(16);
    uint8_t *row = nh_mem_alloc(mem, cfg->width * 3, NH_MEM_BULK);
    out->ptr = nh_mem_alloc(mem, cap, NH_MEM_BULK);
    int err = row && out->ptr ? NH_ERR_RANGE : NH_ERR_NOMEM;
    for (int quality = cfg->max_bytes ? 100 : 90; err == NH_ERR_RANGE && quality > 0;
         quality -= 5) {
        out->len = compress(cfg, quality, row, out->ptr, cap);
        if (out->len > 0 && (!cfg->max_bytes || out->len <= cfg->max_bytes))
            err = NH_OK;
    }
    nh_mem_free(mem, row);
    if (err) {
        nh_mem_free(mem, out->ptr);
        *out = (struct nh_harness_jpeg){0};
    }
    return err;
}

bool nh_harness_jpeg_lie(struct nh_harness_jpeg *j, uint16_t width, uint16_t height)
{
    for (size_t at = 2; at + 9 < j->len && j->ptr[at] == 0xFF;) {
        const uint8_t marker = j->ptr[at + 1];
        if (marker >= 0xC0 && marker <= 0xC2) {
            nh_put_be16(j->ptr + at + 5, height);
            nh_put_be16(j->ptr + at + 7, width);
            return true;
        }
        at += 2 + (size_t)nh_get_be16(j->ptr + at + 2);
    }
    return false;
}
