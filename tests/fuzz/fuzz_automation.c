// A random valid configuration, and messages, flags, operators, applies, crashes and time over it.

#include <stdint.h>
#include <stdlib.h>

#include "support/automation_play.h"

#define INTERNAL_BYTES NH_KIB(64)
#define PSRAM_BYTES NH_MIB(4)
#define LEN_MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void leak(void *ctx, const char *owner, enum nh_mem_tier tier, size_t bytes, size_t blocks)
{
    (void)ctx;
    (void)owner;
    (void)tier;
    (void)bytes;
    (void)blocks;
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static _Alignas(16) uint8_t internal[INTERNAL_BYTES], psram[PSRAM_BYTES];
    static struct play p;
    const struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    if (len > LEN_MAX)
        return 0;
    if (nh_mem_system_create(&cfg, &sys) < 0 || nh_mem_owner_add(sys, "fuzz", NULL, &mem) < 0)
        abort();
    play_all(&p, mem, data, len);
    if (nh_mem_system_destroy(sys, leak, NULL) != 0)
        abort();
    return 0;
}
