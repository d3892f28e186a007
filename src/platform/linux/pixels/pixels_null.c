#include "platform/pixels.h"

static int null_open(void *ctx, uint32_t count)
{
    (void)ctx;
    (void)count;
    return NH_OK;
}

static int null_show(void *ctx, const uint8_t *rgb, uint32_t count)
{
    (void)ctx;
    (void)rgb;
    (void)count;
    return NH_OK;
}

static void null_close(void *ctx)
{
    (void)ctx;
}

void nh_pixels_null(struct nh_pixels *out)
{
    *out = (struct nh_pixels){
        .name = "none", .open = null_open, .show = null_show, .close = null_close};
}
