#include "hub/cli_memory.h"

#include <stdio.h>

bool nh_cli_memory_open(struct nh_cli_memory *m)
{
    const struct nh_mem_board *board = nh_mem_board_find("linux");
    *m = (struct nh_cli_memory){0};
    int err = nh_regions_map(board->internal_bytes, board->psram_bytes, &m->regions);
    if (err == 0)
        err = nh_lock_create(&m->lock);
    const struct nh_mem_system_config cfg = {
        .lock = m->lock,
        .region = {[NH_MEM_INTERNAL] = {m->regions.internal, board->internal_bytes},
                   [NH_MEM_PSRAM] = {m->regions.psram, board->psram_bytes}}};
    if (err == 0)
        err = nh_mem_system_create(&cfg, &m->sys);
    if (err == 0)
        err = nh_mem_owner_add(m->sys, "hub", NULL, &m->mem);
    if (err == 0)
        return true;
    fprintf(stderr, "nuthatch: %s\n", nh_err_text(err));
    nh_cli_memory_close(m);
    return false;
}

static void leak(void *ctx, const char *owner, enum nh_mem_tier tier, size_t bytes, size_t blocks)
{
    (void)ctx;
    (void)tier;
    fprintf(stderr, "nuthatch: owner %s still holds %zu bytes in %zu blocks\n", owner, bytes,
            blocks);
}

void nh_cli_memory_close(struct nh_cli_memory *m)
{
    if (m->sys)
        nh_mem_system_destroy(m->sys, leak, NULL);
    nh_lock_destroy(&m->lock);
    nh_regions_unmap(&m->regions);
}
