#include "platform/linux/painter/glyph_cache.h"

#include <string.h>

#define BUCKET_COUNT 128

struct entry {
    struct nh_linux__glyph glyph; // its picture stands behind the entry
    struct entry *next;           // of the bucket
    struct entry *newer, *older;  // by use
    size_t bytes;
};

struct nh_linux__glyphs {
    nh_mem_t *mem;
    struct entry *buckets[BUCKET_COUNT];
    struct entry *newest, *oldest;
    struct nh_linux__glyphs_info info;
};

static struct entry **bucket_of(nh_linux__glyphs_t *g, uint32_t code, uint16_t size_px)
{
    uint32_t hash = (code * 31 + size_px) * 2654435761u;
    return &g->buckets[hash >> 25]; // the upper 7 bits
}

static void unlink_use(nh_linux__glyphs_t *g, struct entry *e)
{
    *(e->newer ? &e->newer->older : &g->newest) = e->older;
    *(e->older ? &e->older->newer : &g->oldest) = e->newer;
}

static void link_newest(nh_linux__glyphs_t *g, struct entry *e)
{
    e->newer = NULL;
    e->older = g->newest;
    *(g->newest ? &g->newest->newer : &g->oldest) = e;
    g->newest = e;
}

static void drop(nh_linux__glyphs_t *g, struct entry *e)
{
    struct entry **at = bucket_of(g, e->glyph.code, e->glyph.size_px);
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    unlink_use(g, e);
    g->info.bytes -= e->bytes;
    g->info.count--;
    nh_mem_free(g->mem, e);
}

int nh_linux__glyphs_create(nh_mem_t *mem, size_t max_bytes, nh_linux__glyphs_t **out)
{
    nh_linux__glyphs_t *g = nh_mem_alloc_zero(mem, sizeof *g, NH_MEM_BULK);
    *out = g;
    if (!g)
        return NH_ERR_NOMEM;
    g->mem = mem;
    g->info.max_bytes = max_bytes;
    return 0;
}

void nh_linux__glyphs_destroy(nh_linux__glyphs_t *g)
{
    if (!g)
        return;
    while (g->oldest)
        drop(g, g->oldest);
    nh_mem_free(g->mem, g);
}

const struct nh_linux__glyph *nh_linux__glyphs_get(nh_linux__glyphs_t *g, uint32_t code,
                                                   uint16_t size_px)
{
    struct entry *e = *bucket_of(g, code, size_px);
    while (e && (e->glyph.code != code || e->glyph.size_px != size_px))
        e = e->next;
    if (!e) {
        g->info.misses++;
        return NULL;
    }
    g->info.hits++;
    unlink_use(g, e);
    link_newest(g, e);
    return &e->glyph;
}

// The heap may be full although the budget is not: then what is not in use goes as well.
static struct entry *make_room(nh_linux__glyphs_t *g, size_t bytes)
{
    while (g->info.bytes + bytes > g->info.max_bytes && g->oldest) {
        drop(g, g->oldest);
        g->info.evictions++;
    }
    struct entry *e = nh_mem_alloc(g->mem, bytes, NH_MEM_BULK);
    while (!e && g->oldest) {
        drop(g, g->oldest);
        g->info.evictions++;
        e = nh_mem_alloc(g->mem, bytes, NH_MEM_BULK);
    }
    return e;
}

const struct nh_linux__glyph *
nh_linux__glyphs_put(nh_linux__glyphs_t *g, const struct nh_linux__glyph *glyph, size_t pitch)
{
    size_t bytes = sizeof(struct entry) + (size_t)glyph->width * glyph->height;
    struct entry *e = bytes <= g->info.max_bytes ? make_room(g, bytes) : NULL;
    if (!e) {
        g->info.failures++;
        return NULL;
    }
    uint8_t *picture = (uint8_t *)(e + 1);
    for (size_t y = 0; y < glyph->height; y++)
        memcpy(picture + y * glyph->width, glyph->coverage + y * pitch, glyph->width);
    e->glyph = *glyph;
    e->glyph.coverage = picture;
    e->bytes = bytes;
    struct entry **bucket = bucket_of(g, glyph->code, glyph->size_px);
    e->next = *bucket;
    *bucket = e;
    link_newest(g, e);
    g->info.bytes += bytes;
    g->info.count++;
    return &e->glyph;
}

void nh_linux__glyphs_info(const nh_linux__glyphs_t *g, struct nh_linux__glyphs_info *out)
{
    *out = g->info;
}
