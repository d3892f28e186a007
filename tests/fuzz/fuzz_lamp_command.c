// A command of the lamp: whatever comes, an answer; what is taken is done, and the state stays
// within its ranges.

#include "components/lamp/lamp_state.h"

#include <stdint.h>
#include <stdlib.h>

static void find(void *ctx, const struct nh_finding *f)
{
    (void)f;
    ++*(unsigned *)ctx;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nh_lamp_command c;
    struct nh_lamp_state s, clamped;
    unsigned findings = 0;
    int32_t angle;
    int err = nh_lamp_command_read(NULL, (const char *)data, size, &c, &angle, find, &findings);
    if ((err < 0) != (findings > 0) || angle < -1 || angle > 360)
        abort();
    if (err < 0)
        return 0;
    nh_lamp__state_default(&s);
    err = nh_lamp__state_apply(&s, &c, nh_fx_palette_count);
    clamped = s;
    nh_lamp__state_clamp(&clamped, nh_fx_palette_count);
    if (err < 0 && err != NH_ERR_INVAL) // a text may be no UTF-8; the rest was looked at
        abort();
    if (s.seq != (err > 0) || s.speed_pct != clamped.speed_pct || s.palette != clamped.palette)
        abort();
    return 0;
}
