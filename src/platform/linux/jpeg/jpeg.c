// JPEG by libjpeg-turbo. Its errors come by longjmp: what is called beneath setjmp() owns nothing
// but what the decoder's memory manager holds.

#include "platform/jpeg.h"

#include "platform/linux/jpeg/jpeg_memory.h"

#include <jerror.h>
#include <setjmp.h>

#define WORK_MAX_BYTES NH_KIB(64)

struct nh_jpeg {
    struct jpeg_decompress_struct d;
    struct jpeg_error_mgr errors;
    struct nh_linux__jpeg_memory memory;
    jmp_buf failed;
    nh_mem_t *mem;
    bool has_begun, has_failed;
};

// ---- errors ------------------------------------------------------------------------------------

static void on_error(j_common_ptr cinfo)
{
    nh_jpeg_t *j = cinfo->client_data;
    longjmp(j->failed, 1);
}

// Of what it would go on after, what means that pixels are not those of the image.
static bool is_damage(int code)
{
    return code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE ||
           code == JWRN_MUST_RESYNC || code == JWRN_NOT_SEQUENTIAL;
}

static void on_message(j_common_ptr cinfo, int level)
{
    if (level < 0 && is_damage(cinfo->err->msg_code))
        on_error(cinfo);
}

static void on_output(j_common_ptr cinfo)
{
    (void)cinfo; // never on standard error
}

static int error_of(const nh_jpeg_t *j)
{
    switch (j->errors.msg_code) {
    case JERR_OUT_OF_MEMORY:
        return NH_ERR_NOMEM;
    case JERR_SOF_UNSUPPORTED:
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_CONVERSION_NOTIMPL:
        return NH_ERR_UNSUPPORTED;
    default:
        return NH_ERR_CORRUPT;
    }
}

// ---- open --------------------------------------------------------------------------------------

static int check_head(nh_jpeg_t *j, const struct nh_jpeg_config *cfg)
{
    if (j->d.progressive_mode || j->d.arith_code || jpeg_has_multiple_scans(&j->d) ||
        j->d.data_precision != 8 || (j->d.num_components != 1 && j->d.num_components != 3))
        return NH_ERR_UNSUPPORTED;
    if (j->d.image_width > cfg->width_max || j->d.image_height > cfg->height_max)
        return NH_ERR_RANGE;
    return 0;
}

static int begin(nh_jpeg_t *j, const struct nh_jpeg_config *cfg)
{
    if (setjmp(j->failed))
        return error_of(j);
    jpeg_create_decompress(&j->d);
    j->has_begun = true;
    size_t max_bytes = cfg->work_max_bytes ? cfg->work_max_bytes : WORK_MAX_BYTES;
    nh_linux__jpeg_memory_put(&j->memory, (j_common_ptr)&j->d, j->mem, max_bytes);
    jpeg_mem_src(&j->d, cfg->bytes, cfg->len);
    jpeg_read_header(&j->d, TRUE);
    int err = check_head(j, cfg);
    if (err < 0)
        return err;
    j->d.out_color_space = JCS_RGB565;
    j->d.dither_mode = JDITHER_ORDERED; // 5 and 6 bits show steps in a sky
    j->d.scale_num = 1;
    j->d.scale_denom = cfg->shrink ? cfg->shrink : 1;
    j->d.dct_method = JDCT_ISLOW;
    jpeg_start_decompress(&j->d);
    return 0;
}

int nh_jpeg_open(const struct nh_jpeg_config *cfg, nh_jpeg_t **out)
{
    *out = NULL;
    if (cfg->len < 4 || cfg->bytes[0] != 0xFF || cfg->bytes[1] != 0xD8)
        return NH_ERR_CORRUPT;
    nh_jpeg_t *j = nh_mem_alloc_zero(cfg->mem, sizeof *j, NH_MEM_BULK);
    if (!j)
        return NH_ERR_NOMEM;
    j->mem = cfg->mem;
    j->d.err = jpeg_std_error(&j->errors);
    j->errors.error_exit = on_error;
    j->errors.emit_message = on_message;
    j->errors.output_message = on_output;
    j->d.client_data = j;
    int err = begin(j, cfg);
    if (err < 0) {
        nh_jpeg_close(j);
        return err;
    }
    *out = j;
    return 0;
}

void nh_jpeg_info(const nh_jpeg_t *j, struct nh_jpeg_info *out)
{
    *out = (struct nh_jpeg_info){.width = (uint16_t)j->d.image_width,
                                 .height = (uint16_t)j->d.image_height,
                                 .out_width = (uint16_t)j->d.output_width,
                                 .out_height = (uint16_t)j->d.output_height,
                                 .work_peak_bytes = j->memory.peak_bytes};
}

// ---- read --------------------------------------------------------------------------------------

static int read_rows(nh_jpeg_t *j, uint16_t *pixels, size_t stride, unsigned max)
{
    if (setjmp(j->failed)) {
        j->has_failed = true;
        return error_of(j);
    }
    JDIMENSION before = j->d.output_scanline;
    while (j->d.output_scanline - before < max && j->d.output_scanline < j->d.output_height) {
        JSAMPROW row = (JSAMPROW)(pixels + (j->d.output_scanline - before) * stride);
        jpeg_read_scanlines(&j->d, &row, 1);
    }
    return (int)(j->d.output_scanline - before);
}

int nh_jpeg_read(nh_jpeg_t *j, uint16_t *pixels, size_t stride, unsigned max)
{
    return j->has_failed ? error_of(j) : read_rows(j, pixels, stride, max);
}

void nh_jpeg_close(nh_jpeg_t *j)
{
    if (!j)
        return;
    if (j->has_begun) {
        nh_linux__jpeg_memory_take(&j->memory, (j_common_ptr)&j->d);
        jpeg_destroy_decompress(&j->d);
    }
    nh_mem_free(j->mem, j);
}
