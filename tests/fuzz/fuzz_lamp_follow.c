// A peer that says anything to nuthatch lamp preview --url: whole and in two pieces the same.

#include "lamp/follow.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static int feed(struct nh_follow *f, const uint8_t *bytes, size_t len, size_t cut)
{
    nh_follow_init(f);
    int err = nh_follow_input(f, bytes, cut);
    return err ? err : nh_follow_input(f, bytes + cut, len - cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct nh_follow whole, parts;
    size_t cut = len > 0 ? bytes[0] * len / 256 : 0;
    int a = feed(&whole, bytes, len, len), b = feed(&parts, bytes, len, cut);
    NH_ASSERT(a == b && strcmp(whole.fault, parts.fault) == 0 && !a == !whole.fault[0]);
    NH_ASSERT(whole.frame_count == parts.frame_count);
    if (whole.frame_count > 0) {
        size_t n = (size_t)whole.canvas.width * whole.canvas.height;
        NH_ASSERT(n >= 1 && n <= NH_FX_SIDE_MAX * NH_FX_SIDE_MAX);
        NH_ASSERT(memcmp(whole.canvas.px, parts.canvas.px, n * sizeof(nh_px_t)) == 0);
    }
    return 0;
}
