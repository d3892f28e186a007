#include "trace.h"

#include <stdlib.h>
#include <string.h>

// What a hub allocates: nodes and names, small messages, packets and chunks of a request, buffers
// of a connection, and now and then a picture or a table. Within a row sizes are as likely to be
// below as above the geometric middle.
static const struct mix {
    uint32_t weight, min_bytes, max_bytes;
} mixes[] = {
    {360, 8, 64},      {320, 64, 256},    {200, 256, 1024},
    {100, 1024, 4096}, {17, 4096, 16384}, {3, 16384, 65536},
};
#define MIX_COUNT (sizeof mixes / sizeof mixes[0])
#define PHASES 8  // in each, two rows of the mix are drawn twice as often as in the others
#define YOUNG 128 // half of all frees hit one of so many youngest blocks

struct slot {
    uint32_t bytes; // 0: not live
    uint32_t place; // in live[]
};

#define GROUP_MAX 16
#define OPEN_COUNT 24 // groups at work at a time

// Blocks that die together. A request dies as soon as it is whole; sessions and single values are
// parked, and die when the region is full enough.
struct group {
    uint32_t slots[GROUP_MAX];
    uint32_t count, planned;
    enum { REQUEST, SESSION, SINGLE } kind;
    int dying;
};

struct maker {
    struct trace *t;
    const struct trace_config *cfg;
    uint64_t random;
    struct slot *slots;
    uint32_t *live, *spare; // slot numbers
    uint32_t spare_count;
    uint32_t young[YOUNG], young_next;
    struct group open[OPEN_COUNT], dying, *parked;
    uint32_t parked_count;
    uint64_t block_bytes, target_bytes;
    uint32_t phase;
};

static uint32_t draw(struct maker *m, uint32_t below)
{
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    return (uint32_t)((m->random >> 32) * below >> 32);
}

static uint64_t block_bytes(uint32_t bytes)
{
    return ((uint64_t)bytes + 15) & ~7ull;
}

// A size out of the rows from `first` to `last`.
static uint32_t draw_bytes(struct maker *m, uint32_t first, uint32_t last)
{
    uint32_t total = 0;
    uint32_t weight[MIX_COUNT] = {0};
    for (uint32_t i = first; i <= last; i++) {
        uint32_t twice = i == m->phase % MIX_COUNT || i == m->phase * 3 % MIX_COUNT;
        weight[i] = mixes[i].weight << twice;
        total += weight[i];
    }
    uint32_t at = draw(m, total);
    uint32_t row = first;
    while (at >= weight[row])
        at -= weight[row++];
    // Halve the row's upper end a random number of times, then draw below: log-uniform, coarsely.
    uint32_t max = mixes[row].max_bytes;
    while (max / 2 > mixes[row].min_bytes && draw(m, 2))
        max /= 2;
    return mixes[row].min_bytes + draw(m, max - mixes[row].min_bytes);
}

static void emit(struct maker *m, uint32_t slot, enum trace_kind kind, uint32_t bytes)
{
    m->t->ops[m->t->op_count++] = (struct trace_op){bytes, slot & 0xffffff, (uint32_t)kind & 0xff};
    m->t->kind_count[kind]++;
}

// No single block is larger than this: a buffer does not grow for ever.
static uint32_t bytes_max(const struct maker *m)
{
    uint64_t most = m->cfg->region_bytes / 64;
    return most < mixes[MIX_COUNT - 1].max_bytes ? (uint32_t)most : mixes[MIX_COUNT - 1].max_bytes;
}

static uint32_t make_alloc(struct maker *m, uint32_t first_row, uint32_t last_row)
{
    uint32_t bytes = draw_bytes(m, first_row, last_row);
    while (bytes > bytes_max(m))
        bytes /= 4;
    uint32_t slot = m->spare_count ? m->spare[--m->spare_count] : m->t->slot_count++;
    emit(m, slot, draw(m, 100) ? TRACE_ALLOC : TRACE_ALIGNED, bytes);
    m->slots[slot] = (struct slot){bytes, m->t->live_count};
    m->live[m->t->live_count++] = slot;
    m->block_bytes += block_bytes(bytes);
    m->t->live_bytes += bytes;
    return slot;
}

static void make_free(struct maker *m, uint32_t slot)
{
    emit(m, slot, TRACE_FREE, 0);
    uint32_t last = m->live[--m->t->live_count];
    m->live[m->slots[slot].place] = last;
    m->slots[last].place = m->slots[slot].place;
    m->block_bytes -= block_bytes(m->slots[slot].bytes);
    m->t->live_bytes -= m->slots[slot].bytes;
    m->slots[slot].bytes = 0;
    m->spare[m->spare_count++] = slot;
}

// A buffer that grows by half or is cut to what was used.
static void make_realloc(struct maker *m)
{
    uint32_t slot = m->live[draw(m, m->t->live_count)];
    uint32_t old = m->slots[slot].bytes;
    uint32_t bytes = draw(m, 2) ? old + old / 2 + 1 : old - old / 3;
    if (bytes > bytes_max(m))
        bytes = old / 2;
    emit(m, slot, TRACE_REALLOC, bytes);
    m->block_bytes += block_bytes(bytes) - block_bytes(old);
    m->t->live_bytes += bytes - (uint64_t)old;
    m->slots[slot].bytes = bytes;
}

// ---- random ------------------------------------------------------------------------------------

static void random_step(struct maker *m)
{
    uint32_t alloc_pct = m->block_bytes < m->target_bytes ? 57 : 40;
    if (draw(m, 100) < alloc_pct || m->t->live_count < YOUNG) {
        m->young[m->young_next++ % YOUNG] = make_alloc(m, 0, MIX_COUNT - 1);
        return;
    }
    uint32_t slot = m->young[draw(m, YOUNG)];
    if (draw(m, 2) || !m->slots[slot].bytes)
        slot = m->live[draw(m, m->t->live_count)];
    make_free(m, slot);
}

// ---- hub ---------------------------------------------------------------------------------------

// A request streams through chunks and buffers, a session is made of nodes and small messages; a
// single value, such as a retained payload, may have any size.
static const struct {
    uint32_t first, last;
} rows[] = {[REQUEST] = {1, 3}, [SESSION] = {0, 2}, [SINGLE] = {0, MIX_COUNT - 1}};

static void group_open(struct maker *m, struct group *g)
{
    uint32_t at = draw(m, 100);
    *g = (struct group){.kind = at < 60 ? REQUEST : at < 75 ? SESSION : SINGLE};
    g->planned = g->kind == SINGLE ? 1 : 2 + draw(m, GROUP_MAX - 1);
}

static void group_step(struct maker *m, struct group *g)
{
    if (g->dying || g->count == g->planned) {
        g->dying = 1;
        make_free(m, g->slots[--g->count]);
    } else {
        g->slots[g->count++] = make_alloc(m, rows[g->kind].first, rows[g->kind].last);
        if (g->count == g->planned && g->kind != REQUEST) {
            m->parked[m->parked_count++] = *g;
            group_open(m, g);
        }
    }
    if (g->dying && !g->count)
        group_open(m, g);
}

static void hub_step(struct maker *m)
{
    int is_full = m->block_bytes >= m->target_bytes;
    if (m->dying.count) {
        make_free(m, m->dying.slots[--m->dying.count]);
    } else if (is_full && m->parked_count && draw(m, 2)) {
        uint32_t at = draw(m, m->parked_count);
        m->dying = m->parked[at];
        m->parked[at] = m->parked[--m->parked_count];
    } else {
        group_step(m, &m->open[draw(m, OPEN_COUNT)]);
    }
}

static void make_ops(struct maker *m)
{
    for (int i = 0; i < OPEN_COUNT; i++)
        group_open(m, &m->open[i]);
    while (m->t->op_count < m->cfg->op_count) {
        m->phase = (uint32_t)((uint64_t)m->t->op_count * PHASES / m->cfg->op_count);
        if (m->t->live_count >= YOUNG && draw(m, 100) < 5)
            make_realloc(m);
        else if (m->cfg->pattern == TRACE_HUB)
            hub_step(m);
        else
            random_step(m);
    }
}

int trace_init(struct trace *t, const struct trace_config *cfg)
{
    struct maker m = {.t = t, .cfg = cfg, .random = cfg->seed * 2654435761u + 88172645463325252u};
    uint32_t max = cfg->op_count + 1;
    *t = (struct trace){.ops = calloc(max, sizeof *t->ops)};
    m.slots = calloc(max, sizeof *m.slots);
    m.live = calloc(max, sizeof *m.live);
    m.spare = calloc(max, sizeof *m.spare);
    m.parked = calloc(max, sizeof *m.parked);
    m.target_bytes = cfg->region_bytes * cfg->occupancy_pct / 100;
    int err = t->ops && m.slots && m.live && m.spare && m.parked ? 0 : -1;
    if (!err)
        make_ops(&m);
    else
        trace_deinit(t);
    free(m.slots);
    free(m.live);
    free(m.spare);
    free(m.parked);
    return err;
}

void trace_deinit(struct trace *t)
{
    free(t->ops);
    memset(t, 0, sizeof *t);
}
