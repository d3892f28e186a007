#include "components/battery_publish/publish_engine.h"

#include "core/base/atomic.h"

#include <string.h>

#define NOWHERE UINT64_MAX // a place that no point has

struct sink {
    bool is_linked, is_online;
    bool is_busy;                      // an attempt is under way
    uint32_t ticket;                   // of it, or of the last one
    uint64_t flight_first, flight_end; // its places
    uint32_t orphans; // of those, overwritten since: lost only if the attempt fails
    uint64_t sent_ms, next_try_ms, next_send_ms;
    uint32_t backoff_ms;
    uint64_t live; // a point that was made while nothing waited: it goes at once
    uint64_t owed, delivered, dropped, errors, duplicates_avoided;
};

struct nh_publish_engine {
    struct nh_publish_engine_config cfg;
    struct nh_publish_ring ring;
    struct sink sinks[NH_BATTERY_SINK_COUNT];
    uint64_t next_point_ms;
    uint32_t seq, random;
    bool has_clock;
    int64_t clock_offset_ms; // time of day - monotonic, while has_clock
    uint64_t last_sync_ms, last_duration_ms;
    uint64_t produced, published, overwritten, skipped, missed, restored;
    uint64_t flash_points, flash_writes, flash_errors;
    uint32_t waiters; // who holds the lock or waits for it
    uint64_t contention;
    struct nh_battery_publish_metrics shown; // what readers copy, under the lock
    int64_t shown_oldest_ms;                 // on the monotonic clock; may be before its start
    struct nh_battery_point batch[NH_PUBLISH_BATCH_MAX_COUNT];
    struct nh_battery_point points[]; // cfg.ring_count
};

// ---- figures ------------------------------------------------------------------------------------

// Counts when it had to wait: somebody else was inside. The count is the lock holder's. A chip
// without atomics does not know who is inside, and counts nothing.
static void figures_lock(nh_publish_engine_t *e)
{
    bool is_taken = NH_ATOMIC_NATIVE && nh_atomic_add_u32(&e->waiters, 1) > 1;
    nh_lock_acquire(&e->cfg.lock);
    e->contention += is_taken;
}

static void figures_unlock(nh_publish_engine_t *e)
{
    nh_lock_release(&e->cfg.lock);
    if (NH_ATOMIC_NATIVE)
        nh_atomic_sub_u32(&e->waiters, 1);
}

static int64_t oldest_ms(const nh_publish_engine_t *e)
{
    const struct nh_battery_point *p = nh_publish_ring_at(&e->ring, e->ring.tail);
    if (p->boot == e->cfg.boot)
        return (int64_t)p->time_ms;
    return p->unix_ms && e->has_clock ? p->unix_ms - e->clock_offset_ms : 0;
}

static void fill_sink(const nh_publish_engine_t *e, size_t i, struct nh_battery_publish_metrics *m)
{
    const struct sink *s = &e->sinks[i];
    m->sink[i].is_enabled = nh_publish_ring_has(&e->ring, i);
    m->sink[i].is_online = s->is_online;
    m->sink[i].owed = s->owed;
    m->sink[i].delivered = s->delivered;
    m->sink[i].dropped = s->dropped;
    m->sink[i].errors = s->errors;
    m->sink[i].duplicates_avoided = s->duplicates_avoided;
    m->sink[i].pending = nh_publish_ring_pending(&e->ring, i) + s->orphans;
    m->sink[i].next_try_ms = s->next_try_ms;
    m->publish_errors += s->errors;
}

// Readers get what was true between two calls of the owner, never the middle of one.
static void show(nh_publish_engine_t *e)
{
    struct nh_battery_publish_metrics m = {.last_sync_ms = e->last_sync_ms,
                                           .buffered_points = e->ring.head - e->ring.tail,
                                           .buffer_capacity = e->ring.cap,
                                           .published_points = e->published,
                                           .last_duration_ms = e->last_duration_ms,
                                           .produced = e->produced,
                                           .restored = e->restored,
                                           .overwritten = e->overwritten,
                                           .skipped = e->skipped,
                                           .flash_points = e->flash_points,
                                           .flash_writes = e->flash_writes,
                                           .flash_errors = e->flash_errors,
                                           .missed = e->missed};
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++)
        fill_sink(e, i, &m);
    int64_t oldest = m.buffered_points ? oldest_ms(e) : 0;
    figures_lock(e);
    e->shown = m;
    e->shown_oldest_ms = oldest;
    figures_unlock(e);
}

void nh_publish_engine_metrics(nh_publish_engine_t *e, uint64_t now_ms,
                               struct nh_battery_publish_metrics *out)
{
    figures_lock(e);
    *out = e->shown;
    out->contention = e->contention;
    int64_t oldest = e->shown_oldest_ms;
    figures_unlock(e);
    bool is_old = out->buffered_points && (int64_t)now_ms > oldest;
    out->oldest_age_ms = is_old ? (uint64_t)((int64_t)now_ms - oldest) : 0;
}

// ---- attempts -----------------------------------------------------------------------------------

// Half of the time is fixed, half is drawn: hubs that lost the same receiver do not come back to it
// all at once.
static uint32_t next_wait(nh_publish_engine_t *e, struct sink *s)
{
    uint32_t half = s->backoff_ms / 2, max = e->cfg.backoff_max_ms;
    e->random = e->random * 1664525u + 1013904223u;
    uint32_t wait = half + (uint32_t)((uint64_t)e->random * (half + 1) >> 32);
    s->backoff_ms = s->backoff_ms > max / 2 ? max : 2 * s->backoff_ms;
    return wait;
}

static void backoff_reset(const nh_publish_engine_t *e, struct sink *s)
{
    uint32_t max = e->cfg.backoff_max_ms;
    s->backoff_ms = max < NH_PUBLISH_BACKOFF_MIN_MS ? max : NH_PUBLISH_BACKOFF_MIN_MS;
}

// What the others have of it is not sent to them again, as it would be where one failure is
// everybody's.
static void count_avoided(nh_publish_engine_t *e, size_t failed)
{
    const struct sink *s = &e->sinks[failed];
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++) {
        if (i == failed || !nh_publish_ring_has(&e->ring, i))
            continue;
        uint64_t end = e->ring.cursor[i] < s->flight_end ? e->ring.cursor[i] : s->flight_end;
        if (end > s->flight_first)
            e->sinks[i].duplicates_avoided += end - s->flight_first;
    }
}

static void succeed(nh_publish_engine_t *e, size_t i, uint64_t now_ms)
{
    struct sink *s = &e->sinks[i];
    s->delivered += s->flight_end - s->flight_first;
    s->orphans = 0;
    s->is_busy = false;
    s->is_online = true;
    s->next_try_ms = 0;
    backoff_reset(e, s);
    e->published += nh_publish_ring_commit(&e->ring, i, s->flight_end);
    e->last_sync_ms = now_ms;
    e->last_duration_ms = now_ms - s->sent_ms;
}

static void fail(nh_publish_engine_t *e, size_t i, uint32_t wait_ms, uint64_t now_ms)
{
    struct sink *s = &e->sinks[i];
    uint32_t max = e->cfg.backoff_max_ms, wait = next_wait(e, s);
    s->errors++;
    s->dropped += s->orphans;
    count_avoided(e, i);
    s->orphans = 0;
    s->is_busy = s->is_online = false;
    if (wait < wait_ms)
        wait = wait_ms < max ? wait_ms : max;
    s->next_try_ms = nh_ms_after(now_ms, wait);
}

static bool is_dated(const nh_publish_engine_t *e, size_t i, uint64_t place)
{
    return !(e->cfg.dated_sinks >> i & 1) || nh_publish_ring_at(&e->ring, place)->unix_ms != 0;
}

// A point of an earlier life whose time of day was never known cannot get one any more.
static void drop_undated(nh_publish_engine_t *e, size_t i)
{
    while (nh_publish_ring_pending(&e->ring, i) > 0) {
        uint64_t place = e->ring.cursor[i];
        if (is_dated(e, i, place) || nh_publish_ring_at(&e->ring, place)->boot == e->cfg.boot)
            return;
        e->sinks[i].dropped++;
        e->overwritten += nh_publish_ring_commit(&e->ring, i, place + 1);
    }
}

// How many points an attempt takes now; copied, for in the ring they may stand around its end.
static size_t gather(nh_publish_engine_t *e, size_t i)
{
    uint64_t from = e->ring.cursor[i], pending = nh_publish_ring_pending(&e->ring, i);
    size_t max = e->cfg.batch_max_count[i], count = 0;
    if (max > e->cfg.flush_per_s)
        max = e->cfg.flush_per_s;
    while (count < max && count < pending && is_dated(e, i, from + count)) {
        e->batch[count] = *nh_publish_ring_at(&e->ring, from + count);
        count++;
    }
    return count;
}

// Made while nothing waited, and still the newest.
static bool is_live(const nh_publish_engine_t *e, size_t i)
{
    uint64_t place = e->ring.cursor[i];
    return place == e->sinks[i].live && place + 1 == e->ring.head;
}

// When the sink may be tried; NH_NEVER: it waits for something else than time.
static uint64_t try_at(const nh_publish_engine_t *e, size_t i)
{
    const struct sink *s = &e->sinks[i];
    if (!nh_publish_ring_pending(&e->ring, i) || s->is_busy || !s->is_linked ||
        !is_dated(e, i, e->ring.cursor[i]))
        return NH_NEVER;
    return is_live(e, i) || s->next_send_ms < s->next_try_ms ? s->next_try_ms : s->next_send_ms;
}

static void attempt(nh_publish_engine_t *e, size_t i, uint64_t now_ms)
{
    struct sink *s = &e->sinks[i];
    size_t count = gather(e, i);
    s->flight_first = e->ring.cursor[i];
    s->flight_end = s->flight_first + count;
    s->sent_ms = now_ms;
    s->is_busy = true;
    s->ticket++;
    // The pace is of points that waited: as many a second behind an outage as the receiver bears,
    // beside those that are made meanwhile.
    if (!is_live(e, i))
        s->next_send_ms = nh_ms_after(now_ms, 1000 * (uint64_t)count / e->cfg.flush_per_s);
    int rc = e->cfg.send(e->cfg.ctx, (enum nh_battery_sink)i, e->batch, count, s->ticket);
    if (rc < 0)
        fail(e, i, 0, now_ms);
    else if (rc == NH_PUBLISH_CONFIRMED)
        succeed(e, i, now_ms);
}

static void run_sink(nh_publish_engine_t *e, size_t i, uint64_t now_ms)
{
    struct sink *s = &e->sinks[i];
    if (s->is_busy && now_ms >= nh_ms_after(s->sent_ms, e->cfg.answer_ms)) {
        e->cfg.cancel(e->cfg.ctx, (enum nh_battery_sink)i);
        fail(e, i, 0, now_ms);
    }
    drop_undated(e, i);
    // Ends: each turn is under way, has failed, or has to wait for the next by the pace, but for
    // the one live point.
    while (now_ms >= try_at(e, i))
        attempt(e, i, now_ms);
}

// ---- points -------------------------------------------------------------------------------------

static void account_lost(nh_publish_engine_t *e, uint8_t lost)
{
    uint64_t place = e->ring.tail - 1; // of the one that was overwritten
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++) {
        struct sink *s = &e->sinks[i];
        if (!(lost >> i & 1))
            continue;
        if (s->is_busy && place < s->flight_end)
            s->orphans++;
        else
            s->dropped++;
    }
    e->overwritten += lost != 0;
}

static void put(nh_publish_engine_t *e, const struct nh_battery_point *p)
{
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++)
        e->sinks[i].owed += nh_publish_ring_has(&e->ring, i);
    account_lost(e, nh_publish_ring_put(&e->ring, p));
}

static void produce(nh_publish_engine_t *e, uint64_t now_ms, int64_t unix_ms)
{
    struct nh_battery_point p = {0};
    uint64_t late = (now_ms - e->next_point_ms) / e->cfg.period_ms;
    e->missed += late;
    e->next_point_ms = nh_ms_after(e->next_point_ms, (late + 1) * e->cfg.period_ms);
    if (!e->cfg.read(e->cfg.ctx, &p) || p.valid == 0) {
        e->skipped++;
        return;
    }
    p.boot = e->cfg.boot;
    p.seq = ++e->seq;
    p.time_ms = now_ms;
    p.unix_ms = unix_ms;
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++)
        if (nh_publish_ring_pending(&e->ring, i) == 0)
            e->sinks[i].live = e->ring.head;
    e->produced++;
    put(e, &p);
}

static void set_clock(nh_publish_engine_t *e, uint64_t now_ms, int64_t unix_ms)
{
    bool is_first = !e->has_clock;
    if (unix_ms == 0)
        return;
    e->has_clock = true;
    e->clock_offset_ms = unix_ms - (int64_t)now_ms;
    for (uint64_t at = e->ring.tail; is_first && at < e->ring.head; at++) {
        struct nh_battery_point *p = nh_publish_ring_at(&e->ring, at);
        if (p->boot == e->cfg.boot && p->unix_ms == 0)
            p->unix_ms = e->clock_offset_ms + (int64_t)p->time_ms;
    }
}

void nh_publish_engine_tick(nh_publish_engine_t *e, uint64_t now_ms, int64_t unix_ms)
{
    set_clock(e, now_ms, unix_ms);
    if (now_ms >= e->next_point_ms)
        produce(e, now_ms, unix_ms);
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++)
        if (nh_publish_ring_has(&e->ring, i))
            run_sink(e, i, now_ms);
    show(e);
}

uint64_t nh_publish_engine_next_deadline(const nh_publish_engine_t *e)
{
    uint64_t next = e->next_point_ms;
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++) {
        const struct sink *s = &e->sinks[i];
        uint64_t at = s->is_busy ? nh_ms_after(s->sent_ms, e->cfg.answer_ms) : try_at(e, i);
        if (at < next)
            next = at;
    }
    return next;
}

// ---- answers ------------------------------------------------------------------------------------

void nh_publish_engine_done(nh_publish_engine_t *e, enum nh_battery_sink sink, uint32_t ticket,
                            int err, uint32_t wait_ms, uint64_t now_ms)
{
    struct sink *s = &e->sinks[sink];
    if (!s->is_busy || s->ticket != ticket)
        return;
    if (err < 0)
        fail(e, sink, wait_ms, now_ms);
    else
        succeed(e, sink, now_ms);
    show(e);
}

// The wait after a lost connection is that of who makes it: here it is none.
void nh_publish_engine_link(nh_publish_engine_t *e, enum nh_battery_sink sink, bool is_up,
                            uint64_t now_ms)
{
    struct sink *s = &e->sinks[sink];
    if (s->is_busy && !is_up)
        fail(e, sink, 0, now_ms);
    s->is_linked = is_up;
    s->is_online = is_up;
    s->next_try_ms = 0;
    backoff_reset(e, s);
    show(e);
}

// ---- another life's points ----------------------------------------------------------------------

void nh_publish_engine_resume(nh_publish_engine_t *e, uint64_t place)
{
    nh_publish_ring_resume(&e->ring, place);
}

void nh_publish_engine_restore(nh_publish_engine_t *e, const struct nh_battery_point *p)
{
    account_lost(e, nh_publish_ring_put(&e->ring, p));
}

void nh_publish_engine_restored(nh_publish_engine_t *e,
                                const uint64_t cursor[NH_BATTERY_SINK_COUNT])
{
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++) {
        if (!nh_publish_ring_has(&e->ring, i))
            continue;
        uint64_t place = cursor[i] < e->ring.head ? cursor[i] : e->ring.head;
        nh_publish_ring_commit(&e->ring, i, place); // had by then: not ours to count
        e->sinks[i].owed = nh_publish_ring_pending(&e->ring, i);
        e->sinks[i].dropped = 0;
    }
    e->restored = e->ring.head - e->ring.tail;
    e->overwritten = 0;
    show(e);
}

void nh_publish_engine_kept(nh_publish_engine_t *e, uint64_t points, uint64_t writes,
                            uint64_t errors)
{
    bool is_same = points == e->flash_points && writes == e->flash_writes;
    if (is_same && errors == e->flash_errors)
        return;
    e->flash_points = points;
    e->flash_writes = writes;
    e->flash_errors = errors;
    show(e);
}

const struct nh_publish_ring *nh_publish_engine_ring(const nh_publish_engine_t *e)
{
    return &e->ring;
}

// ---- life ---------------------------------------------------------------------------------------

static void set_defaults(struct nh_publish_engine_config *c)
{
#define DEFAULT(field, value) c->field = c->field ? c->field : (value)
    DEFAULT(ring_count, 512);
    DEFAULT(period_ms, 5000);
    DEFAULT(flush_per_s, 10);
    DEFAULT(backoff_max_ms, 60000);
    DEFAULT(answer_ms, 30000);
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++)
        DEFAULT(batch_max_count[i], 1);
#undef DEFAULT
}

static int check(const struct nh_publish_engine_config *c)
{
    if (!c->boot || !c->sinks || c->sinks >> NH_BATTERY_SINK_COUNT)
        return NH_ERR_INVAL;
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++)
        if (c->batch_max_count[i] > NH_PUBLISH_BATCH_MAX_COUNT)
            return NH_ERR_RANGE;
    return (uint64_t)c->flush_per_s * c->period_ms < 2000 ? NH_ERR_RANGE : NH_OK;
}

int nh_publish_engine_create(const struct nh_publish_engine_config *cfg, uint64_t now_ms,
                             nh_publish_engine_t **out)
{
    struct nh_publish_engine_config own = *cfg;
    set_defaults(&own);
    *out = NULL;
    int err = check(&own);
    if (err < 0)
        return err;
    size_t bytes = sizeof **out + own.ring_count * sizeof(struct nh_battery_point);
    nh_publish_engine_t *e = nh_mem_alloc_zero(cfg->mem, bytes, NH_MEM_BULK);
    if (!e)
        return NH_ERR_NOMEM;
    e->cfg = own;
    e->random = own.seed;
    e->next_point_ms = now_ms;
    nh_publish_ring_init(&e->ring, e->points, own.ring_count, own.sinks);
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++) {
        e->sinks[i].is_linked = !(own.linked_sinks >> i & 1);
        e->sinks[i].live = NOWHERE;
        backoff_reset(e, &e->sinks[i]);
    }
    show(e);
    *out = e;
    return NH_OK;
}

void nh_publish_engine_destroy(nh_publish_engine_t *e)
{
    if (e)
        nh_mem_free(e->cfg.mem, e);
}

int nh_publish_engine_check(const nh_publish_engine_t *e)
{
    int err = nh_publish_ring_check(&e->ring);
    for (size_t i = 0; err == 0 && i < NH_BATTERY_SINK_COUNT; i++) {
        const struct sink *s = &e->sinks[i];
        uint64_t pending = nh_publish_ring_pending(&e->ring, i) + s->orphans;
        if (s->owed != s->delivered + s->dropped + pending || (s->orphans && !s->is_busy))
            err = NH_ERR_CORRUPT;
    }
    uint64_t seen = e->published + e->overwritten + e->ring.head - e->ring.tail;
    return err < 0 ? err : seen == e->produced + e->restored ? NH_OK : NH_ERR_CORRUPT;
}
