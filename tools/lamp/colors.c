#include "lamp/colors.h"

#include <string.h>

// Colours are counted in bins of 5 bits a channel; what is in a bin gets one colour. While all that
// was seen are few whole colours, they are kept as they are.
#define BITS 5
#define BIN_COUNT (1u << 3 * BITS)
#define COLOR_MAX 255

struct bin {
    uint32_t count;
    uint64_t sum[3];
};

struct box { // channels from `low` to `high`, both included
    uint8_t low[3], high[3];
    uint64_t count;
};

struct nh_colors {
    nh_mem_t *mem;
    struct bin bins[BIN_COUNT];
    uint8_t index[BIN_COUNT];
    nh_px_t whole[COLOR_MAX + 1]; // sorted; one more than fits: too many
    uint16_t whole_count, max;
    struct box boxes[COLOR_MAX];
    nh_px_t list[COLOR_MAX];
    uint16_t count;
    bool is_whole;
};

int nh_colors_create(nh_mem_t *mem, nh_colors_t **out)
{
    nh_colors_t *c = nh_mem_alloc_zero(mem, sizeof *c, NH_MEM_BULK);
    *out = c;
    if (!c)
        return NH_ERR_NOMEM;
    c->mem = mem;
    return 0;
}

void nh_colors_destroy(nh_colors_t *c)
{
    if (c)
        nh_mem_free(c->mem, c);
}

static uint32_t channel(nh_px_t p, unsigned k)
{
    return p >> (16 - 8 * k) & 0xFF;
}

static uint32_t bin_of(nh_px_t p)
{
    return channel(p, 0) >> 3 << 10 | channel(p, 1) >> 3 << 5 | channel(p, 2) >> 3;
}

// Where `p` stands or would stand in the sorted list.
static uint16_t whole_place(const nh_px_t *list, uint16_t count, nh_px_t p)
{
    uint16_t low = 0, high = count;
    while (low < high) {
        uint16_t middle = (uint16_t)((low + high) / 2);
        if (list[middle] < p)
            low = (uint16_t)(middle + 1);
        else
            high = middle;
    }
    return low;
}

static void whole_add(nh_colors_t *c, nh_px_t p)
{
    uint16_t at = whole_place(c->whole, c->whole_count, p);
    if (c->whole_count > COLOR_MAX || (at < c->whole_count && c->whole[at] == p))
        return;
    memmove(&c->whole[at + 1], &c->whole[at], (c->whole_count - at) * sizeof c->whole[0]);
    c->whole[at] = p;
    c->whole_count++;
}

void nh_colors_add(nh_colors_t *c, const nh_px_t *px, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct bin *b = &c->bins[bin_of(px[i])];
        b->count++;
        for (unsigned k = 0; k < 3; k++)
            b->sum[k] += channel(px[i], k);
        if (c->whole_count < COLOR_MAX && (i == 0 || px[i] != px[i - 1]))
            whole_add(c, px[i]);
        else if (c->whole_count == COLOR_MAX) { // one more is too many
            uint16_t at = whole_place(c->whole, c->whole_count, px[i]);
            if (at == c->whole_count || c->whole[at] != px[i])
                c->whole_count = COLOR_MAX + 1;
        }
    }
}

// ---- cutting

// How many pixels have channel `k` at each value within the box.
static void profile(const nh_colors_t *c, const struct box *b, unsigned k, uint64_t out[32])
{
    memset(out, 0, 32 * sizeof out[0]);
    for (uint32_t r = b->low[0]; r <= b->high[0]; r++)
        for (uint32_t g = b->low[1]; g <= b->high[1]; g++)
            for (uint32_t l = b->low[2]; l <= b->high[2]; l++) {
                uint32_t at[3] = {r, g, l};
                out[at[k]] += c->bins[r << 10 | g << 5 | l].count;
            }
}

// Makes the box as small as what is in it, and counts that.
static void shrink(const nh_colors_t *c, struct box *b)
{
    uint64_t seen[32];
    for (unsigned k = 0; k < 3; k++) {
        profile(c, b, k, seen);
        while (b->low[k] < b->high[k] && seen[b->low[k]] == 0)
            b->low[k]++;
        while (b->high[k] > b->low[k] && seen[b->high[k]] == 0)
            b->high[k]--;
    }
    profile(c, b, 0, seen);
    b->count = 0;
    for (unsigned i = b->low[0]; i <= b->high[0]; i++)
        b->count += seen[i];
}

static unsigned longest(const struct box *b)
{
    unsigned best = 0;
    for (unsigned k = 1; k < 3; k++)
        if (b->high[k] - b->low[k] > b->high[best] - b->low[best])
            best = k;
    return best;
}

// The box whose cut helps most: wide and full. -1: none can be cut.
static int next_box(const nh_colors_t *c)
{
    int best = -1;
    uint64_t most = 0;
    for (int i = 0; i < c->count; i++) {
        const struct box *b = &c->boxes[i];
        unsigned k = longest(b);
        uint64_t wide = (uint64_t)(b->high[k] - b->low[k]);
        // Width counts more than how many there are: a rare bright colour is seen.
        uint64_t weight = wide * wide * wide * (1000 + (b->count > 100000 ? 100000 : b->count));
        if (weight > most) {
            most = weight;
            best = i;
        }
    }
    return best;
}

// Halves box `i` where half of its pixels lie on each side.
static void cut(nh_colors_t *c, int i)
{
    struct box *b = &c->boxes[i], *new = &c->boxes[c->count++];
    unsigned k = longest(b);
    uint64_t seen[32], below = 0;
    profile(c, b, k, seen);
    uint8_t at = b->low[k];
    below = seen[at];
    while (at + 1 < b->high[k] && below * 2 < b->count)
        below += seen[++at];
    *new = *b;
    new->low[k] = (uint8_t)(at + 1);
    b->high[k] = at;
    shrink(c, b);
    shrink(c, new);
}

static void box_color(nh_colors_t *c, unsigned i)
{
    const struct box *b = &c->boxes[i];
    uint64_t sum[3] = {0}, count = 0;
    for (uint32_t r = b->low[0]; r <= b->high[0]; r++)
        for (uint32_t g = b->low[1]; g <= b->high[1]; g++)
            for (uint32_t l = b->low[2]; l <= b->high[2]; l++) {
                const struct bin *bin = &c->bins[r << 10 | g << 5 | l];
                c->index[r << 10 | g << 5 | l] = (uint8_t)i;
                count += bin->count;
                for (unsigned k = 0; k < 3; k++)
                    sum[k] += bin->sum[k];
            }
    count = count ? count : 1;
    c->list[i] = NH_PX((sum[0] + count / 2) / count, (sum[1] + count / 2) / count,
                       (sum[2] + count / 2) / count);
}

uint16_t nh_colors_choose(nh_colors_t *c, uint16_t max)
{
    max = max < 1 ? 1 : max > COLOR_MAX ? COLOR_MAX : max;
    c->is_whole = c->whole_count <= max;
    if (c->is_whole) {
        memcpy(c->list, c->whole, c->whole_count * sizeof c->list[0]);
        c->count = c->whole_count ? c->whole_count : 1;
        return c->count;
    }
    c->count = 1;
    c->boxes[0] = (struct box){.high = {31, 31, 31}};
    shrink(c, &c->boxes[0]);
    for (int i; c->count < max && (i = next_box(c)) >= 0;)
        cut(c, i);
    for (unsigned i = 0; i < c->count; i++)
        box_color(c, i);
    return c->count;
}

const nh_px_t *nh_colors_list(const nh_colors_t *c)
{
    return c->list;
}

uint8_t nh_colors_index(const nh_colors_t *c, nh_px_t p)
{
    if (c->is_whole)
        return (uint8_t)whole_place(c->list, c->count, p);
    return c->index[bin_of(p)];
}
