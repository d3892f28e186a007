// The boards. Each figure has its source in docs/memory.md.

#include <string.h>

#include "core/mem/mem.h"

static const struct nh_mem_board boards[] = {
    {
        .name = "esp32",
        .text = "ESP32, 320 KiB internal, no PSRAM",
        .internal_bytes = NH_KIB(320),
        .radio_bytes = NH_KIB(96),
        .radio_ble_bytes = NH_KIB(40),
        .reserve_bytes = NH_KIB(16),
        .tripwire_bytes = NH_KIB(40),
    },
    {
        .name = "esp32-s3",
        .text = "ESP32-S3, 320 KiB internal, 8 MiB PSRAM",
        .internal_bytes = NH_KIB(320),
        .psram_bytes = NH_MIB(8),
        .radio_bytes = NH_KIB(64),
        .radio_ble_bytes = NH_KIB(40),
        .reserve_bytes = NH_KIB(16),
        .tripwire_bytes = NH_KIB(100),
    },
    {
        .name = "esp32-p4",
        .text = "ESP32-P4, 768 KiB internal, 32 MiB PSRAM",
        .internal_bytes = NH_KIB(768),
        .psram_bytes = NH_MIB(32),
        .radio_bytes = NH_KIB(224),
        .radio_ble_bytes = NH_KIB(40),
        .reserve_bytes = NH_KIB(32),
        .tripwire_bytes = NH_KIB(100),
    },
    {
        .name = "linux",
        .text = "Linux, 64 MiB internal, 1 GiB PSRAM",
        .internal_bytes = NH_MIB(64),
        .psram_bytes = NH_MIB(1024),
        .reserve_bytes = NH_MIB(1),
        .tripwire_bytes = NH_MIB(4),
    },
};

const struct nh_mem_board *nh_mem_board_at(size_t index)
{
    return index < NH_ARRAY_LEN(boards) ? &boards[index] : NULL;
}

const struct nh_mem_board *nh_mem_board_find(const char *name)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(boards); i++)
        if (strcmp(boards[i].name, name) == 0)
            return &boards[i];
    return NULL;
}
