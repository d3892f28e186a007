#include "components/macropad/icon_cache.h"

#include <string.h>

static void drop(struct nh_icon_cache *c, struct nh_icon_cache_entry *e)
{
    c->info.bytes -= e->bytes;
    c->info.count--;
    nh_mem_free(c->mem, e->pixels);
    memset(e, 0, sizeof *e);
}

void nh_icon_cache_deinit(struct nh_icon_cache *c)
{
    for (size_t i = 0; i < NH_ICON_CACHE_COUNT; i++) {
        NH_ASSERT(c->entries[i].ref_count == 0);
        if (c->entries[i].id[0])
            drop(c, &c->entries[i]);
    }
}

static struct nh_icon_cache_entry *find(struct nh_icon_cache *c, const char *id)
{
    for (size_t i = 0; i < NH_ICON_CACHE_COUNT; i++)
        if (!c->entries[i].is_stale && strcmp(c->entries[i].id, id) == 0)
            return &c->entries[i];
    return NULL;
}

// What may go and was not used for the longest time; NULL: nothing may.
static struct nh_icon_cache_entry *oldest(struct nh_icon_cache *c, uint64_t now_ms)
{
    struct nh_icon_cache_entry *found = NULL;
    for (size_t i = 0; i < NH_ICON_CACHE_COUNT; i++) {
        struct nh_icon_cache_entry *e = &c->entries[i];
        if (!e->id[0] || e->ref_count > 0 || now_ms - e->used_ms < c->rest_ms)
            continue;
        if (!found || e->used_ms < found->used_ms)
            found = e;
    }
    return found;
}

static struct nh_icon_cache_entry *free_entry(struct nh_icon_cache *c)
{
    for (size_t i = 0; i < NH_ICON_CACHE_COUNT; i++)
        if (!c->entries[i].id[0])
            return &c->entries[i];
    return NULL;
}

static bool evict(struct nh_icon_cache *c, uint64_t now_ms)
{
    struct nh_icon_cache_entry *e = oldest(c, now_ms);
    if (!e)
        return false;
    c->info.evicted++;
    drop(c, e);
    return true;
}

// A place with `bytes` left in the budget; NULL: there is none.
static struct nh_icon_cache_entry *make_room(struct nh_icon_cache *c, size_t bytes, uint64_t now_ms)
{
    struct nh_icon_cache_entry *e = free_entry(c);
    while (bytes <= c->budget_bytes && (!e || c->info.bytes > c->budget_bytes - bytes)) {
        if (!evict(c, now_ms))
            break;
        e = free_entry(c);
    }
    if (e && bytes <= c->budget_bytes && c->info.bytes <= c->budget_bytes - bytes)
        return e;
    c->info.full++;
    return NULL;
}

static struct nh_icon_cache_entry *fill(struct nh_icon_cache *c, struct nh_icon_cache_entry *e,
                                        const char *id, uint64_t now_ms)
{
    size_t len = strlen(id);
    NH_ASSERT(len < sizeof e->id);
    memcpy(e->id, id, len + 1);
    e->used_ms = now_ms;
    c->info.count++;
    c->info.bytes += e->bytes;
    if (c->info.bytes > c->info.peak_bytes)
        c->info.peak_bytes = c->info.bytes;
    return e;
}

bool nh_icon_cache_put(struct nh_icon_cache *c, const char *id, uint16_t width, uint16_t height,
                       uint8_t bytes_a_pixel, uint8_t *pixels, uint64_t now_ms)
{
    size_t bytes = (size_t)width * height * bytes_a_pixel;
    nh_icon_cache_forget(c, id);
    struct nh_icon_cache_entry *e = make_room(c, bytes, now_ms);
    if (!e)
        return false;
    *e = (struct nh_icon_cache_entry){.width = width,
                                      .height = height,
                                      .bytes_a_pixel = bytes_a_pixel,
                                      .pixels = pixels,
                                      .bytes = bytes};
    fill(c, e, id, now_ms);
    return true;
}

static struct nh_icon_cache_entry *put_builtin(struct nh_icon_cache *c,
                                               const struct nh_icon_builtin *icon, uint64_t now_ms)
{
    struct nh_icon_cache_entry *e = make_room(c, NH_ICON_MASK_BYTES, now_ms);
    uint8_t *pixels = e ? nh_mem_alloc(c->mem, NH_ICON_MASK_BYTES, NH_MEM_BULK) : NULL;
    if (!pixels) {
        c->info.no_memory += e != NULL;
        return NULL;
    }
    nh_icon_unpack(icon, pixels);
    *e = (struct nh_icon_cache_entry){.width = NH_ICON_MASK_SIDE,
                                      .height = NH_ICON_MASK_SIDE,
                                      .bytes_a_pixel = 1,
                                      .pixels = pixels,
                                      .bytes = NH_ICON_MASK_BYTES};
    return fill(c, e, icon->id, now_ms);
}

void nh_icon_cache_put_missing(struct nh_icon_cache *c, const char *id, uint64_t now_ms)
{
    nh_icon_cache_forget(c, id);
    struct nh_icon_cache_entry *e = make_room(c, 0, now_ms);
    if (!e)
        return;
    e->is_missing = true;
    fill(c, e, id, now_ms);
}

static struct nh_icon_cache_entry *hold(struct nh_icon_cache *c, struct nh_icon_cache_entry *e,
                                        uint64_t now_ms)
{
    e->used_ms = now_ms;
    if (e->is_missing)
        return NULL;
    c->info.held += e->ref_count++ == 0;
    return e;
}

struct nh_icon_cache_entry *nh_icon_cache_get(struct nh_icon_cache *c, const char *id,
                                              uint64_t now_ms, bool *is_wanted)
{
    struct nh_icon_cache_entry *e = id[0] ? find(c, id) : NULL;
    *is_wanted = false;
    if (e) {
        c->info.hits++;
        return hold(c, e, now_ms);
    }
    c->info.misses++;
    const struct nh_icon_builtin *builtin = nh_icon_set_find(id);
    if (!builtin) {
        *is_wanted = id[0] != '\0';
        return NULL;
    }
    e = put_builtin(c, builtin, now_ms);
    return e ? hold(c, e, now_ms) : NULL;
}

void nh_icon_cache_release(struct nh_icon_cache *c, struct nh_icon_cache_entry *e)
{
    NH_ASSERT(e->ref_count > 0);
    if (--e->ref_count > 0)
        return;
    c->info.held--;
    if (e->is_stale)
        drop(c, e);
}

void nh_icon_cache_forget(struct nh_icon_cache *c, const char *id)
{
    for (size_t i = 0; i < NH_ICON_CACHE_COUNT; i++) {
        struct nh_icon_cache_entry *e = &c->entries[i];
        if (!e->id[0] || (id && strcmp(e->id, id) != 0))
            continue;
        if (e->ref_count == 0)
            drop(c, e);
        else
            e->is_stale = true; // goes with its last holder
    }
}

int nh_icon_cache_check(const struct nh_icon_cache *c)
{
    uint32_t count = 0, held = 0;
    size_t bytes = 0;
    for (size_t i = 0; i < NH_ICON_CACHE_COUNT; i++) {
        const struct nh_icon_cache_entry *e = &c->entries[i];
        count += e->id[0] != '\0';
        held += e->ref_count > 0;
        bytes += e->bytes;
        if (!e->id[0] && (e->pixels || e->ref_count))
            return NH_ERR_CORRUPT;
        if (e->is_stale && e->ref_count == 0)
            return NH_ERR_CORRUPT;
    }
    bool is_good = count == c->info.count && held == c->info.held && bytes == c->info.bytes &&
                   bytes <= c->budget_bytes;
    return is_good ? 0 : NH_ERR_CORRUPT;
}
