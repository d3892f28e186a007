// Any bytes as a JPEG: they are decoded or refused, within the budget, and nothing is kept.

#include "core/mem/mem.h"
#include "platform/jpeg.h"

#include <stdlib.h>

#define WORK_MAX_BYTES NH_KIB(64)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(16) uint8_t internal[NH_KIB(16)], psram[NH_KIB(512)];
    static uint16_t pixels[480 * 16];
    const struct nh_mem_system_config sys_cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    if (size < 1 || nh_mem_system_create(&sys_cfg, &sys) < 0 ||
        nh_mem_owner_add(sys, "fuzz", NULL, &mem) < 0)
        return 0;
    const struct nh_jpeg_config cfg = {.mem = mem,
                                       .bytes = data + 1,
                                       .len = size - 1,
                                       .width_max = 480,
                                       .height_max = 480,
                                       .shrink = 1u << (data[0] & 3),
                                       .work_max_bytes = WORK_MAX_BYTES};
    struct nh_jpeg_info info = {0};
    nh_jpeg_t *j;
    if (nh_jpeg_open(&cfg, &j) == 0) {
        while (nh_jpeg_read(j, pixels, 480, 1 + (data[0] >> 4)) > 0)
            ;
        nh_jpeg_info(j, &info);
        nh_jpeg_close(j);
    }
    if (info.work_peak_bytes > WORK_MAX_BYTES || nh_mem_system_destroy(sys, NULL, NULL) != 0)
        abort();
    return 0;
}
