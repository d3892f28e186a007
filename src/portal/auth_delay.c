#include "portal/auth_delay.h"

struct nh_auth_delay {
    uint64_t whose;
    uint64_t delay_ms; // the last one; 0: the row is free
    uint64_t until_ms, forget_ms;
};

int nh_auth_delays_init(nh_auth_delays_t *d, nh_mem_t *mem, uint32_t count, uint64_t min_ms,
                        uint64_t max_ms)
{
    *d = (nh_auth_delays_t){.count = count, .min_ms = min_ms, .max_ms = max_ms};
    d->rows = nh_mem_alloc_zero(mem, count * sizeof *d->rows, NH_MEM_BULK);
    return d->rows ? 0 : NH_ERR_NOMEM;
}

void nh_auth_delays_deinit(nh_auth_delays_t *d, nh_mem_t *mem)
{
    nh_mem_free(mem, d->rows);
    d->rows = NULL;
}

static bool is_live(const struct nh_auth_delay *r, uint64_t now_ms)
{
    return r->delay_ms && r->forget_ms > now_ms;
}

static struct nh_auth_delay *find(const nh_auth_delays_t *d, uint64_t whose, uint64_t now_ms)
{
    for (uint32_t i = 0; i < d->count; i++)
        if (d->rows[i].whose == whose && is_live(&d->rows[i], now_ms))
            return &d->rows[i];
    return NULL;
}

static struct nh_auth_delay *make(nh_auth_delays_t *d, uint64_t whose, uint64_t now_ms)
{
    struct nh_auth_delay *r = &d->rows[0];
    for (uint32_t i = 1; i < d->count && is_live(r, now_ms); i++)
        if (!is_live(&d->rows[i], now_ms) || d->rows[i].forget_ms < r->forget_ms)
            r = &d->rows[i];
    d->evicted_count += is_live(r, now_ms);
    *r = (struct nh_auth_delay){.whose = whose};
    return r;
}

void nh_auth_delays_wrong(nh_auth_delays_t *d, uint64_t whose, uint64_t now_ms)
{
    struct nh_auth_delay *r = find(d, whose, now_ms);
    if (!r)
        r = make(d, whose, now_ms);
    uint64_t doubled = r->delay_ms ? 2 * r->delay_ms : d->min_ms;
    r->delay_ms = doubled < d->max_ms ? doubled : d->max_ms;
    r->until_ms = nh_ms_after(now_ms, r->delay_ms);
    r->forget_ms = nh_ms_after(now_ms, 2 * d->max_ms);
}

void nh_auth_delays_right(nh_auth_delays_t *d, uint64_t whose)
{
    for (uint32_t i = 0; i < d->count; i++)
        if (d->rows[i].whose == whose)
            d->rows[i].delay_ms = 0;
}

bool nh_auth_delays_knows(const nh_auth_delays_t *d, uint64_t whose, uint64_t now_ms)
{
    return find(d, whose, now_ms) != NULL;
}

uint64_t nh_auth_delays_left(const nh_auth_delays_t *d, uint64_t whose, uint64_t now_ms)
{
    const struct nh_auth_delay *r = find(d, whose, now_ms);
    return r && r->until_ms > now_ms ? r->until_ms - now_ms : 0;
}
