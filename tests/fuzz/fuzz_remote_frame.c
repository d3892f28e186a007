// Telemetry from the network: what is taken is in range, and comes back the same when it is sent.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "components/battery_remote/remote_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
    if (!holds)
        abort();
}

static void check(const struct nh_remote_frame *f)
{
    static char text[NH_REMOTE_FRAME_MAX_BYTES];
    static struct nh_remote_frame again;
    struct nh_battery_snapshot s = {.valid = f->mask, .v = f->values};
    struct nh_json_buf buf = {text, sizeof text, 0};
    nh_json_writer_t w;
    require(f->values.soc_mpct >= 0 && f->values.soc_mpct <= 100000);
    require(f->values.cell_count <= NH_BATTERY_CELL_MAX_COUNT);
    require((f->values.cell_count > 0) == !!(f->mask & 1u << NH_BATTERY_CELLS));
    for (size_t i = 0; i < NH_BATTERY_CELL_MAX_COUNT; i++)
        require((f->values.cell_dmv[i] > 0) == (i < f->values.cell_count));
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_remote_frame_write(&w, &s, 0, (int64_t)f->timestamp_ms);
    require(nh_json_writer_end(&w) == 0);
    require(nh_remote_frame_read(text, buf.len, &again) == 0);
    require(again.bad_count == 0 && again.mask == f->mask);
    require(again.values.voltage_mv == f->values.voltage_mv &&
            again.values.current_ma == f->values.current_ma &&
            again.values.status == f->values.status &&
            again.values.energy_in_mwh == f->values.energy_in_mwh &&
            again.values.cycles_milli == f->values.cycles_milli &&
            again.values.lifetime_s == f->values.lifetime_s);
    require(memcmp(again.values.cell_dmv, f->values.cell_dmv, sizeof f->values.cell_dmv) == 0);
    require(memcmp(&again.values.limits, &f->values.limits, sizeof f->values.limits) == 0);
    require(memcmp((const uint8_t *)&again.values.counters, (const uint8_t *)&f->values.counters,
                   sizeof f->values.counters) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct nh_remote_frame f;
    char *text = malloc(size + 1); // of exact size: the address sanitizer sees a byte beyond it
    memcpy(text, data, size);
    int err = nh_remote_frame_read(text, size, &f);
    free(text);
    if (err < 0)
        require(f.mask == 0);
    else
        check(&f);
    return 0;
}
