#include "platform/linux/regions.h"

#include "platform/linux/port.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static int region_map(size_t bytes, struct nh_regions *r, size_t tier, void **out)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (bytes == 0)
        return NH_OK;
    if (bytes > SIZE_MAX / 2)
        return NH_ERR_NOMEM;
    bytes = (bytes + page - 1) & ~(page - 1);
    char *map =
        mmap(NULL, bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED)
        return NH_ERR_NOMEM;
    r->map[tier] = map;
    r->map_bytes[tier] = bytes + 2 * page;
    if (mprotect(map + page, bytes, PROT_READ | PROT_WRITE) != 0)
        return NH_ERR_NOMEM;
    // A huge page would show 2 MiB as used where 4 KiB are: the process's figures tell the truth.
    madvise(map + page, bytes, MADV_NOHUGEPAGE);
    *out = map + page;
    return NH_OK;
}

int nh_regions_map(size_t internal_bytes, size_t psram_bytes, struct nh_regions *out)
{
    *out = (struct nh_regions){0};
    int rc = region_map(internal_bytes, out, NH_MEM_INTERNAL, &out->internal);
    if (rc == NH_OK)
        rc = region_map(psram_bytes, out, NH_MEM_PSRAM, &out->psram);
    if (rc < 0)
        nh_regions_unmap(out);
    return rc;
}

void nh_regions_unmap(struct nh_regions *r)
{
    for (size_t i = 0; i < NH_MEM_TIER_COUNT; i++)
        if (r->map[i])
            munmap(r->map[i], r->map_bytes[i]);
    *r = (struct nh_regions){0};
}
