// A key script from a stranger: it ends, every key is up at its end, and the check finds no fault
// in what the typist types without one.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "components/macropad/typist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t keyboard[NH_HID_KEYBOARD_BYTES], consumer[NH_HID_CONSUMER_BYTES];
static unsigned faults;

static int report(void *ctx, const uint8_t *r, size_t len)
{
    (void)ctx;
    if (r[0] == NH_HID_KEYBOARD_ID && len == sizeof keyboard)
        memcpy(keyboard, r, len);
    else if (r[0] == NH_HID_CONSUMER_ID && len == sizeof consumer)
        memcpy(consumer, r, len);
    else
        abort();
    return 0;
}

static void typed(void *ctx, uint32_t origin, bool is_chord, nh_span_t text)
{
    (void)ctx;
    (void)is_chord;
    if (origin != 3 || text.len == 0 || text.len > NH_KEY_LINE_MAX_BYTES)
        abort();
}

static void fault(void *ctx, uint32_t origin, enum nh_key_fault f, uint32_t line, nh_span_t token)
{
    (void)ctx;
    if (origin != 3 || f == NH_KEY_OK || line == 0 || (token.len && !token.ptr))
        abort();
    faults++;
}

static void run(nh_mem_t *mem, const uint8_t *data, size_t size)
{
    const nh_key_layout_t *layout = nh_key_layout_at(data[0] % 4);
    const struct nh_typist_config cfg = {.mem = mem,
                                         .layout = layout,
                                         .unicode = (enum nh_typist_unicode)(data[0] / 4 % 4),
                                         .report = report,
                                         .typed = typed,
                                         .fault = fault};
    const nh_span_t script = {data + 1, size - 1};
    nh_typist_t *t;
    uint64_t now_ms = 0;
    faults = 0;
    if (nh_typist_create(&cfg, &t) != 0 || nh_typist_post(t, script, 3, 0) != 0)
        abort();
    // A REPEAT types a line a thousand times.
    for (unsigned i = 0; nh_typist_next_deadline(t) != NH_NEVER && i < 3000; i++) {
        uint64_t due = nh_typist_next_deadline(t);
        now_ms = due > now_ms ? due : now_ms;
        nh_typist_tick(t, now_ms);
    }
    bool is_whole = nh_typist_stop(t) == 0;
    for (size_t i = 1; i < sizeof keyboard; i++)
        if (keyboard[i])
            abort();
    if (consumer[1] || consumer[2])
        abort();
    if (is_whole && faults &&
        nh_key_script_check(script, layout, nh_typist_types_all(t), NULL, NULL) == 0 &&
        cfg.unicode != NH_TYPIST_UNICODE_WINDOWS)
        abort();
    nh_typist_destroy(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(16) uint8_t internal[16 * 1024], psram[32 * 1024];
    const struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    if (size == 0)
        return 0;
    if (nh_mem_system_create(&cfg, &sys) != 0 || nh_mem_owner_add(sys, "macropad", NULL, &mem) != 0)
        abort();
    run(mem, data, size);
    if (nh_mem_system_destroy(sys, NULL, NULL) != 0)
        abort();
    return 0;
}
