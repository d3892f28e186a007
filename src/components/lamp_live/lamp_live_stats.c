#include "components/lamp_live/lamp_live_stats.h"

const char *const nh_lamp_live_count_names[] = {
#define NAME(name, text) text,
    NH_LAMP_LIVE_COUNT_LIST(NAME)
#undef NAME
};

#define PAUSE_US 1000000 // no frame for so long: the sender rested
#define SMOOTH 16        // the mean follows a sender that changes its pace within so many frames

// Upper edges: 50 us, 75, 112 ... over 0.5 s.
static uint32_t edge_us(uint32_t bucket)
{
    uint32_t us = 50;
    while (bucket-- > 0)
        us += us / 2;
    return us;
}

static uint32_t bucket_of(uint32_t us)
{
    uint32_t b = 0;
    while (b + 1 < NH_LAMP_LIVE_BUCKET_COUNT && us > edge_us(b))
        b++;
    return b;
}

static void take_interval(struct nh_lamp_live_jitter *j, uint32_t us)
{
    if (j->mean_us == 0) {
        j->mean_us = us;
        return;
    }
    uint32_t off = us > j->mean_us ? us - j->mean_us : j->mean_us - us;
    j->count++;
    j->sum_us += off;
    j->max_us = off > j->max_us ? off : j->max_us;
    j->bucket[bucket_of(off)]++;
    j->mean_us = (uint32_t)((int64_t)j->mean_us + ((int64_t)us - (int64_t)j->mean_us) / SMOOTH);
}

void nh_lamp_live_jitter_add(struct nh_lamp_live_jitter *j, uint64_t now_us)
{
    uint64_t us = now_us - j->newest_us;
    if (j->newest_us > 0 && us < PAUSE_US)
        take_interval(j, (uint32_t)us);
    j->newest_us = now_us;
}

uint32_t nh_lamp_live_jitter_mean_us(const struct nh_lamp_live_jitter *j)
{
    return j->count ? (uint32_t)(j->sum_us / j->count) : 0;
}

uint32_t nh_lamp_live_jitter_pct_us(const struct nh_lamp_live_jitter *j, uint32_t pct)
{
    uint64_t below = 0, wanted = ((uint64_t)j->count * pct + 99) / 100;
    for (uint32_t b = 0; b < NH_LAMP_LIVE_BUCKET_COUNT && j->count; b++) {
        below += j->bucket[b];
        if (below >= wanted)
            return edge_us(b) < j->max_us && b + 1 < NH_LAMP_LIVE_BUCKET_COUNT ? edge_us(b)
                                                                               : j->max_us;
    }
    return 0;
}
