// jpeg_fixture.h - JPEG images made by libjpeg's own encoder. After <stdlib.h> and <stdint.h>.

#ifndef NH_TEST_JPEG_FIXTURE_H
#define NH_TEST_JPEG_FIXTURE_H

#include <stdbool.h>
#include <stdio.h>

#include <jpeglib.h>

struct jpeg_kind {
    int width, height;
    int components;     // 1, 3
    int luma_h, luma_v; // 1x1, 2x1, 2x2
    bool is_progressive;
    bool has_more_scans; // one for each component
    int restart_rows;
    int quality; // 0: 90
};

// Red grows to the right, green downwards; blue is 128 in the left half.
static inline void jpeg_pixel(const struct jpeg_kind *k, int x, int y, uint8_t rgb[3])
{
    rgb[0] = (uint8_t)(x * 255 / k->width);
    rgb[1] = (uint8_t)(y * 255 / k->height);
    rgb[2] = x < k->width / 2 ? 128 : 0;
}

// Owned: free(*out).
static inline void jpeg_make(const struct jpeg_kind *k, unsigned char **out, unsigned long *len)
{
    static const jpeg_scan_info scans[] = {
        {1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}};
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    uint8_t *row = malloc((size_t)k->width * 3);
    *out = NULL;
    *len = 0;
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, out, len);
    c.image_width = (JDIMENSION)k->width;
    c.image_height = (JDIMENSION)k->height;
    c.input_components = k->components;
    c.in_color_space = k->components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, k->quality ? k->quality : 90, TRUE);
    c.comp_info[0].h_samp_factor = k->luma_h ? k->luma_h : 1;
    c.comp_info[0].v_samp_factor = k->luma_v ? k->luma_v : 1;
    c.restart_in_rows = k->restart_rows;
    if (k->is_progressive)
        jpeg_simple_progression(&c);
    if (k->has_more_scans) {
        c.scan_info = scans;
        c.num_scans = 3;
    }
    jpeg_start_compress(&c, TRUE);
    for (int y = 0; y < k->height; y++) {
        for (int x = 0; x < k->width; x++) {
            uint8_t rgb[3];
            jpeg_pixel(k, x, y, rgb);
            memcpy(row + x * k->components, rgb, (size_t)k->components);
        }
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    free(row);
}

#endif
