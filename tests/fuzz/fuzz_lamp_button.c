// The button: any trace, asked in several ways, against the plain model. Four bytes of limits, then
// edges of two bytes: the level and the time since the one before.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "support/button_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Of one gesture, one event at most: between two of them lies a press that came to count.
static void check_gestures(const struct nh_lamp_button_config *cfg, const struct trace *tr,
                           const struct told *t)
{
    unsigned next = 0, presses = 0;
    for (unsigned i = 0; i < t->count; i++) {
        for (; next < tr->count && tr->edges[next].at_ms <= t->events[i].at_ms; next++)
            presses += tr->edges[next].level;
        if (presses < i + 1)
            abort();
        if (i > 0 && t->events[i].at_ms - t->events[i - 1].at_ms < cfg->rate_ms)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t steps[] = {0, 10, UINT64_MAX};
    static struct trace tr;
    static struct told want, got;
    if (size < 4)
        return 0;
    const struct nh_lamp_button_config cfg = {1u + data[0] % 64, 1u + data[1] * 4u,
                                              1u + data[2] * 16u, 1u + data[3] * 2u};
    uint64_t at_ms = 0;
    tr.count = 0;
    for (size_t i = 4; i + 1 < size && tr.count < 64; i += 2) {
        // Seven bits of span, by 1 or by 32 ms.
        at_ms += data[i] & 2 ? (data[i + 1] & 127u) * 32u : data[i + 1] & 127u;
        tr.edges[tr.count].at_ms = at_ms;
        tr.edges[tr.count++].level = data[i] & 1;
    }
    tr.end_ms = at_ms + 6000;
    model_play(&cfg, &tr, &want);
    for (size_t s = 0; s < NH_ARRAY_LEN(steps); s++) {
        button_play(&cfg, &tr, steps[s], &got);
        if (!told_equal(&want, &got))
            abort();
    }
    check_gestures(&cfg, &tr, &got);
    return 0;
}
