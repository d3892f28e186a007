// icon_cache.h - pixels of the icons that are shown: counted, within a budget, the one that was not
// used for the longest time goes first, and never one that is held.
//
// Not locked: the caller holds its lock around each call. Files are read by the caller, who puts
// them in: whoever paints asks, and is told "later".

#ifndef NH_ICON_CACHE_H
#define NH_ICON_CACHE_H

#include "components/macropad/icon_set.h"
#include "components/macropad/macro_set.h"

#define NH_ICON_CACHE_COUNT 64u // icons, however small

struct nh_icon_cache_entry {
    char id[NH_MACROPAD_ICON_ID_MAX_BYTES]; // "": free
    uint16_t width, height;
    uint8_t bytes_a_pixel; // 1: a mask, 3: RGB565 and alpha
    bool is_stale;         // another icon of this id was installed: no more of it is given out
    bool is_missing;       // there is no such icon
    uint32_t ref_count;
    uint64_t used_ms;
    uint8_t *pixels; // NULL: missing
    size_t bytes;
};

struct nh_icon_cache_info {
    uint32_t count, held;
    size_t bytes, peak_bytes, budget_bytes;
    uint64_t hits, misses, evicted;
    uint64_t full; // had no room: all that is there is held, or was just used
    uint64_t no_memory;
};

// Embedded; zeroed, with mem, budget and rest.
struct nh_icon_cache {
    nh_mem_t *mem;
    size_t budget_bytes; // of pixels
    // One that was used within this time is not evicted: what does not fit on a screen together
    // would push each other out for ever.
    uint32_t rest_ms;
    struct nh_icon_cache_info info;
    struct nh_icon_cache_entry entries[NH_ICON_CACHE_COUNT];
};

// No entry may be held.
void nh_icon_cache_deinit(struct nh_icon_cache *c);

// The entry of `id`, held until nh_icon_cache_release(). A built-in icon is unpacked if it is not
// there. NULL: `*is_wanted` says that it should be read and put in; else it is known to be missing,
// or there is no room.
struct nh_icon_cache_entry *nh_icon_cache_get(struct nh_icon_cache *c, const char *id,
                                              uint64_t now_ms, bool *is_wanted);
void nh_icon_cache_release(struct nh_icon_cache *c, struct nh_icon_cache_entry *e);

// Puts in an icon that was read; `pixels`, of the cache's mem, are taken on success. False: there
// is no room. Not held afterwards.
bool nh_icon_cache_put(struct nh_icon_cache *c, const char *id, uint16_t width, uint16_t height,
                       uint8_t bytes_a_pixel, uint8_t *pixels, uint64_t now_ms);
// Notes that there is no such icon, so that nobody looks for it again.
void nh_icon_cache_put_missing(struct nh_icon_cache *c, const char *id, uint64_t now_ms);

// Another icon of that id was installed, or it was removed. NULL: any may have been.
void nh_icon_cache_forget(struct nh_icon_cache *c, const char *id);

// 0, or NH_ERR_CORRUPT: its figures are not those of its entries (tests).
NH_MUST_USE int nh_icon_cache_check(const struct nh_icon_cache *c);

#endif
