// A WLED client that is a stranger: whatever it sends, the numbers of the command are in their
// ranges, the effect exists, pixels are ordered, and what is refused is refused as a whole.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "components/wled/wled_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void pixel(void *ctx, uint32_t begin, uint32_t end, nh_px_t color)
{
    (void)ctx;
    if (begin >= end || end > NH_FX_SIDE_MAX * NH_FX_SIDE_MAX + 1 || color > 0xFFFFFF)
        abort();
}

static void check(const struct nh_wled_request *r)
{
    struct nh_lamp_state s = {.effect_id = nh_fx_visible(0)->id, .speed_pct = 100, .power = true};
    const struct nh_wled_base base = {.state = &s, .palette_count = 24, .sx = 128, .random = 7};
    struct nh_lamp_command c;
    if (nh_wled_request_command(r, &base, &c) != (c.mask != 0))
        abort();
    if ((c.mask & NH_LAMP_F_EFFECT) && nh_fx_visible_index(c.set.effect_id) < 0)
        abort();
    if ((c.mask & NH_LAMP_F_SPEED) &&
        (c.set.speed_pct < NH_LAMP_SPEED_MIN_PCT || c.set.speed_pct > NH_LAMP_SPEED_MAX_PCT))
        abort();
    if ((c.mask & NH_LAMP_F_PALETTE) && c.set.palette >= 24 &&
        c.set.palette != NH_LAMP_PALETTE_AUTO)
        abort();
    for (int i = 0; i < 3; i++)
        if (c.set.color[i] > 0xFFFFFF)
            abort();
    if (strlen(r->name) >= sizeof r->name || strlen(r->label) >= sizeof r->label)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nh_wled_request r;
    char *text =
        malloc(size + 1); // exactly as long as it is, so that the sanitizer sees a step over
    if (!text)
        return 0;
    memcpy(text, data, size);
    if (nh_wled_request_read(text, size, &r) == 0) {
        check(&r);
        nh_wled_request_pixels(text, size, r.seg_mask, pixel, NULL);
    }
    nh_wled_request_pixels(text, size, 1, pixel, NULL);
    nh_wled_request_read_text(text, size, &r);
    check(&r);
    free(text);
    return 0;
}
