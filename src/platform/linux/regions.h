// regions.h - the two memory regions of a board, mapped on Linux. For src/hub, which builds the
// memory system over them.

#ifndef NH_LINUX_REGIONS_H
#define NH_LINUX_REGIONS_H

#include "core/mem/mem.h"

struct nh_regions {
    void *internal, *psram;       // of the sizes asked for; NULL: the tier is absent
    void *map[NH_MEM_TIER_COUNT]; // private: with the guard pages
    size_t map_bytes[NH_MEM_TIER_COUNT];
};

// Maps a region for each tier, between two guard pages, zeroed and only taken from the machine as
// it is touched. Size 0: the tier is absent. NH_ERR_NOMEM: nothing
// stays mapped.
NH_MUST_USE int nh_regions_map(size_t internal_bytes, size_t psram_bytes, struct nh_regions *out);
void nh_regions_unmap(struct nh_regions *r);

#endif
