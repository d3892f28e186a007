// The publisher's engine with receivers that are played by hand and a clock that is a variable: the
// order, the pace, what happens to points while nobody takes them, and what is told of it.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "components/battery_publish/publish_engine.h"
#include "support/mem_fixture.h"

#define GOT_MAX_COUNT 256
#define HTTP NH_BATTERY_SINK_HTTP
#define MQTT NH_BATTERY_SINK_MQTT
#define INFLUX NH_BATTERY_SINK_INFLUX
#define BIT(n) (1u << (n))

struct peer {
    int answer;      // of send(): under way, confirmed or an error
    uint32_t ticket; // of the attempt that is under way
    size_t count;    // of its points
    int cancels;
    struct nh_battery_point got[GOT_MAX_COUNT]; // as they were sent, with all repeats
    uint64_t at_ms[GOT_MAX_COUNT];
    size_t got_count, attempts;
};

static struct {
    struct mem_fixture mem;
    nh_publish_engine_t *e;
    uint64_t now_ms;
    int64_t unix_offset_ms; // 0: no clock
    bool is_blind;          // nothing is known of the pack
    struct peer peer[NH_BATTERY_SINK_COUNT];
} t;

static bool on_read(void *ctx, struct nh_battery_point *out)
{
    (void)ctx;
    out->valid = BIT(NH_BATTERY_VOLTAGE);
    out->voltage_mv = 42000;
    return !t.is_blind;
}

static int on_send(void *ctx, enum nh_battery_sink sink, const struct nh_battery_point *points,
                   size_t count, uint32_t ticket)
{
    struct peer *p = &t.peer[sink];
    (void)ctx;
    assert_true(count > 0 && p->got_count + count <= GOT_MAX_COUNT);
    for (size_t i = 0; i < count; i++) {
        p->got[p->got_count] = points[i];
        p->at_ms[p->got_count++] = t.now_ms;
    }
    p->ticket = ticket;
    p->count = count;
    p->attempts++;
    return p->answer;
}

static void on_cancel(void *ctx, enum nh_battery_sink sink)
{
    (void)ctx;
    t.peer[sink].cancels++;
}

static struct nh_publish_engine_config standard(void)
{
    return (struct nh_publish_engine_config){.mem = t.mem.mem,
                                             .ring_count = 32,
                                             .boot = 77,
                                             .seed = 5,
                                             .sinks = BIT(HTTP),
                                             .read = on_read,
                                             .send = on_send,
                                             .cancel = on_cancel};
}

static void make(const struct nh_publish_engine_config *cfg)
{
    assert_int_equal(nh_publish_engine_create(cfg, t.now_ms, &t.e), 0);
}

static int setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    t.now_ms = 1000;
    t.unix_offset_ms = 1750000000000;
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++)
        t.peer[i].answer = NH_PUBLISH_CONFIRMED;
    mem_fixture_init(&t.mem, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_publish_engine_destroy(t.e);
    mem_fixture_deinit(&t.mem);
    return 0;
}

static void tick(void)
{
    int64_t unix_ms = t.unix_offset_ms ? t.unix_offset_ms + (int64_t)t.now_ms : 0;
    nh_publish_engine_tick(t.e, t.now_ms, unix_ms);
    assert_int_equal(nh_publish_engine_check(t.e), 0);
}

// Goes from deadline to deadline until `end_ms`.
static void run_until(uint64_t end_ms)
{
    for (uint64_t next; (next = nh_publish_engine_next_deadline(t.e)) <= end_ms;) {
        assert_true(next >= t.now_ms || next == 0 || next <= end_ms);
        t.now_ms = next > t.now_ms ? next : t.now_ms;
        tick();
    }
    t.now_ms = end_ms;
}

static struct nh_battery_publish_metrics metrics(void)
{
    struct nh_battery_publish_metrics m;
    nh_publish_engine_metrics(t.e, t.now_ms, &m);
    return m;
}

static void answer(enum nh_battery_sink sink, int err)
{
    nh_publish_engine_done(t.e, sink, t.peer[sink].ticket, err, 0, t.now_ms);
    assert_int_equal(nh_publish_engine_check(t.e), 0);
}

// ---- a period -----------------------------------------------------------------------------------

static void test_a_point_each_period(void **state)
{
    struct nh_publish_engine_config cfg = standard();
    (void)state;
    make(&cfg);
    run_until(1000 + 4 * 5000);
    assert_int_equal(t.peer[HTTP].got_count, 5);
    for (uint32_t i = 0; i < 5; i++) {
        const struct nh_battery_point *p = &t.peer[HTTP].got[i];
        assert_int_equal(p->seq, i + 1);
        assert_int_equal(p->boot, 77);
        assert_int_equal(p->time_ms, 1000 + 5000 * i);
        assert_int_equal(p->unix_ms, 1750000000000 + (int64_t)p->time_ms);
        assert_int_equal(t.peer[HTTP].at_ms[i], p->time_ms); // it waits for nothing
    }
    struct nh_battery_publish_metrics m = metrics();
    assert_int_equal(m.produced, 5);
    assert_int_equal(m.published_points, 5);
    assert_int_equal(m.buffered_points, 0);
    assert_int_equal(m.sink[HTTP].delivered, 5);
    assert_true(m.sink[HTTP].is_online);
    assert_false(m.sink[MQTT].is_enabled);
    assert_int_equal(m.last_sync_ms, 21000);
}

static void test_nothing_known_is_no_point(void **state)
{
    struct nh_publish_engine_config cfg = standard();
    (void)state;
    make(&cfg);
    t.is_blind = true;
    run_until(1000 + 2 * 5000);
    t.is_blind = false;
    run_until(1000 + 3 * 5000);
    assert_int_equal(metrics().skipped, 3);
    assert_int_equal(t.peer[HTTP].got_count, 1);
    assert_int_equal(t.peer[HTTP].got[0].seq, 1);
}

// A hub that slept makes no points of what it did not see, and keeps its beat.
static void test_a_long_sleep(void **state)
{
    struct nh_publish_engine_config cfg = standard();
    (void)state;
    make(&cfg);
    tick();
    t.now_ms += 3600000 + 1234;
    tick();
    assert_int_equal(metrics().produced, 2);
    assert_int_equal(metrics().missed, 719);
    assert_int_equal(nh_publish_engine_next_deadline(t.e), 1000 + 3600000 + 5000);
}

// ---- outage -------------------------------------------------------------------------------------

// Away for 200 points with a ring of 32: the newest 32 arrive, oldest first, 168 are counted.
static void test_ring_of_32_away_for_200(void **state)
{
    struct nh_publish_engine_config cfg = standard();
    (void)state;
    cfg.linked_sinks = BIT(HTTP);
    make(&cfg);
    run_until(1000 + 199 * 5000);
    struct nh_battery_publish_metrics m = metrics();
    assert_int_equal(m.produced, 200);
    assert_int_equal(m.sink[HTTP].dropped, 168);
    assert_int_equal(m.sink[HTTP].pending, 32);
    assert_int_equal(m.oldest_age_ms, 31 * 5000);
    assert_int_equal(t.peer[HTTP].got_count, 0);
    t.now_ms += 100;
    nh_publish_engine_link(t.e, HTTP, true, t.now_ms);
    run_until(t.now_ms + 4500);
    assert_int_equal(t.peer[HTTP].got_count, 32);
    for (uint32_t i = 0; i < 32; i++)
        assert_int_equal(t.peer[HTTP].got[i].seq, 169 + i);
    m = metrics();
    assert_int_equal(m.sink[HTTP].dropped, 168);
    assert_int_equal(m.overwritten, 168);
    assert_int_equal(m.published_points, 32);
    assert_int_equal(m.sink[HTTP].pending, 0);
}

// HTTP dead, MQTT alive: no gap, no double there.
static void test_one_dead_one_alive(void **state)
{
    struct nh_publish_engine_config cfg = standard();
    (void)state;
    cfg.sinks = BIT(HTTP) | BIT(MQTT);
    make(&cfg);
    t.peer[HTTP].answer = NH_ERR_IO;
    run_until(1000 + 99 * 5000);
    assert_int_equal(t.peer[MQTT].got_count, 100);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(t.peer[MQTT].got[i].seq, i + 1);
        assert_int_equal(t.peer[MQTT].at_ms[i], t.peer[MQTT].got[i].time_ms);
    }
    struct nh_battery_publish_metrics m = metrics();
    assert_int_equal(m.sink[MQTT].delivered, 100);
    assert_int_equal(m.sink[MQTT].errors, 0);
    assert_int_equal(m.sink[HTTP].delivered, 0);
    assert_int_equal(m.sink[HTTP].dropped, 68);
    assert_int_equal(m.published_points, 0);
    assert_true(m.sink[MQTT].is_online && !m.sink[HTTP].is_online);
    // As often as HTTP failed with it, MQTT had the point already.
    assert_int_equal(m.sink[MQTT].duplicates_avoided, m.sink[HTTP].errors - 1);
}

// Points that had waited: never more than `count` in a second.
static void check_pace(const struct peer *p, size_t count)
{
    uint64_t waited[GOT_MAX_COUNT];
    size_t n = 0;
    for (size_t i = 0; i < p->got_count; i++)
        if (p->at_ms[i] > p->got[i].time_ms)
            waited[n++] = p->at_ms[i];
    assert_true(n > 3 * count);
    for (size_t i = count; i < n; i++)
        assert_true(waited[i] - waited[i - count] >= 1000);
}

// Behind an outage at most flush_per_s points in any second, in order, beside the points that are
// made meanwhile, which keep their beat.
static void test_flush_pace(void **state)
{
    struct nh_publish_engine_config cfg = standard();
    struct peer *p = &t.peer[HTTP];
    (void)state;
    cfg.ring_count = 200;
    cfg.period_ms = 1000;
    cfg.flush_per_s = 4;
    cfg.linked_sinks = BIT(HTTP);
    make(&cfg);
    run_until(1000 + 99 * 1000);
    nh_publish_engine_link(t.e, HTTP, true, t.now_ms);
    run_until(t.now_ms + 60000);
    assert_int_equal(metrics().produced, 160);
    assert_int_equal(p->got_count, 160);
    for (size_t i = 0; i < p->got_count; i++)
        assert_int_equal(p->got[i].seq, i + 1);
    check_pace(p, 4);
    // It gains three points a second on a hundred; then each goes when it is made.
    assert_int_equal(p->at_ms[159], p->got[159].time_ms);
    assert_in_range(p->at_ms[130] - 100000, 32000, 33000);
}

static void test_batches_keep_the_pace(void **state)
{
    struct nh_publish_engine_config cfg = standard();
    struct peer *p = &t.peer[INFLUX];
    (void)state;
    cfg.sinks = BIT(INFLUX);
    cfg.batch_max_count[INFLUX] = 32;
    cfg.ring_count = 100;
    cfg.linked_sinks = BIT(INFLUX);
    make(&cfg);
    run_until(1000 + 49 * 5000);
    nh_publish_engine_link(t.e, INFLUX, true, t.now_ms);
    run_until(t.now_ms + 4999);
    assert_int_equal(p->got_count, 50);
    assert_int_equal(p->attempts, 5);
    check_pace(p, 10);
}

// ---- failures -----------------------------------------------------------------------------------

// 1, 2, 4 ... s to the limit, each half drawn; by time alone, no event needed; then from the start.
static void test_backoff(void **state)
{
    struct nh_publish_engine_config cfg = standard();
    struct peer *p = &t.peer[HTTP];
    uint32_t backoff = 1000;
    (void)state;
    cfg.backoff_max_ms = 60000;
    cfg.period_ms = 3600000;
    make(&cfg);
    p->answer = NH_ERR_IO;
    tick();
    for (int i = 0; i < 10; i++) {
        struct nh_battery_publish_metrics m = metrics();
        uint64_t wait = nh_publish_engine_next_deadline(t.e) - t.now_ms;
        assert_in_range(wait, backoff / 2, backoff);
        assert_int_equal(m.sink[HTTP].next_try_ms, t.now_ms + wait);
        backoff = backoff > 30000 ? 60000 : 2 * backoff;
        t.now_ms += wait;
        tick();
    }
    assert_int_equal(p->got_count, 11);
    for (size_t i = 0; i < p->got_count; i++)
        assert_int_equal(p->got[i].seq, 1); // one point, again and again, counted once
    assert_int_equal(metrics().sink[HTTP].errors, 11);
    assert_int_equal(metrics().publish_errors, 11);
    p->answer = NH_PUBLISH_CONFIRMED;
    run_until(nh_publish_engine_next_deadline(t.e));
    assert_int_equal(metrics().sink[HTTP].delivered, 1);
    p->answer = NH_ERR_IO;
    t.now_ms = 1000 + 3600000;
    tick();
    assert_in_range(nh_publish_engine_next_deadline(t.e) - t.now_ms, 500, 1000);
}

// Two hubs that lost the same receiver at the same moment do not come back together.
static void test_jitter_differs(void **state)
{
    struct nh_publish_engine_config cfg = standard();
    uint64_t seen[4];
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        cfg.seed = 1000003u * (i + 1);
        cfg.period_ms = 3600000;
        make(&cfg);
        t.peer[HTTP].answer = NH_ERR_IO;
        tick();
        seen[i] = nh_publish_engine_next_deadline(t.e);
        for (uint32_t k = 0; k < i; k++)
            assert_int_not_equal(seen[i], seen[k]);
        nh_publish_engine_destroy(t.e);
        t.e = NULL;
    }
}

static void test_retry_after(void **state)
{
    static const struct {
        uint32_t asked_ms;
        uint64_t low, high;
    } rows[] = {{0, 500, 1000}, {7000, 7000, 7000}, {3600000, 60000, 60000}};
    struct nh_publish_engine_config cfg = standard();
    (void)state;
    cfg.period_ms = 3600000;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        make(&cfg);
        t.peer[HTTP].answer = NH_PUBLISH_UNDER_WAY;
        tick();
        nh_publish_engine_done(t.e, HTTP, t.peer[HTTP].ticket, NH_ERR_BUSY, rows[i].asked_ms,
                               t.now_ms);
        assert_in_range(nh_publish_engine_next_deadline(t.e) - t.now_ms, rows[i].low, rows[i].high);
        nh_publish_engine_destroy(t.e);
        t.e = NULL;
    }
}

static void test_no_answer(void **state)
{
    struct nh_publish_engine_config cfg = standard();
    (void)state;
    cfg.answer_ms = 8000;
    cfg.period_ms = 3600000;
    make(&cfg);
    t.peer[HTTP].answer = NH_PUBLISH_UNDER_WAY;
    tick();
    uint32_t old = t.peer[HTTP].ticket;
    assert_int_equal(nh_publish_engine_next_deadline(t.e), t.now_ms + 8000);
    run_until(t.now_ms + 8000);
    assert_int_equal(t.peer[HTTP].cancels, 1);
    assert_int_equal(metrics().sink[HTTP].errors, 1);
    run_until(t.now_ms + 1000); // tried again
    assert_int_equal(t.peer[HTTP].got_count, 2);
    // The late answer to the first attempt is none to the second.
    nh_publish_engine_done(t.e, HTTP, old, NH_OK, 0, t.now_ms);
    assert_int_equal(metrics().sink[HTTP].delivered, 0);
    answer(HTTP, NH_OK);
    answer(HTTP, NH_OK); // twice is once
    assert_int_equal(metrics().sink[HTTP].delivered, 1);
}

// What is under way while the ring runs over it counts as lost only if it does not arrive.
static void test_overwritten_under_way(void **state)
{
    struct nh_publish_engine_config cfg = standard();
    (void)state;
    for (int arrives = 0; arrives < 2; arrives++) {
        cfg.ring_count = 4;
        cfg.answer_ms = 1000000;
        cfg.sinks = BIT(INFLUX);
        cfg.batch_max_count[INFLUX] = 3;
        cfg.linked_sinks = BIT(INFLUX);
        make(&cfg);
        t.peer[INFLUX].answer = NH_PUBLISH_UNDER_WAY;
        run_until(t.now_ms + 2 * 5000); // three points
        nh_publish_engine_link(t.e, INFLUX, true, t.now_ms);
        tick();
        assert_int_equal(t.peer[INFLUX].count, 3);
        run_until(t.now_ms + 3 * 5000); // six in a ring of four: two of the three are gone
        assert_int_equal(metrics().sink[INFLUX].pending, 6);
        assert_int_equal(metrics().sink[INFLUX].dropped, 0);
        answer(INFLUX, arrives ? NH_OK : NH_ERR_IO);
        assert_int_equal(metrics().sink[INFLUX].delivered, arrives ? 3 : 0);
        assert_int_equal(metrics().sink[INFLUX].dropped, arrives ? 0 : 2);
        assert_int_equal(metrics().sink[INFLUX].pending, arrives ? 3 : 4);
        nh_publish_engine_destroy(t.e);
        t.e = NULL;
    }
}

static void test_link_lost_under_way(void **state)
{
    struct nh_publish_engine_config cfg = standard();
    (void)state;
    cfg.sinks = cfg.linked_sinks = BIT(MQTT);
    make(&cfg);
    t.peer[MQTT].answer = NH_PUBLISH_UNDER_WAY;
    tick();
    assert_int_equal(t.peer[MQTT].got_count, 0);
    nh_publish_engine_link(t.e, MQTT, true, t.now_ms);
    tick();
    uint32_t old = t.peer[MQTT].ticket;
    nh_publish_engine_link(t.e, MQTT, false, t.now_ms);
    assert_false(metrics().sink[MQTT].is_online);
    nh_publish_engine_link(t.e, MQTT, true, t.now_ms);
    tick(); // at once: who makes the connection has waited
    assert_int_equal(t.peer[MQTT].got_count, 2);
    nh_publish_engine_done(t.e, MQTT, old, NH_OK, 0, t.now_ms);
    assert_int_equal(metrics().sink[MQTT].delivered, 0);
    answer(MQTT, NH_OK);
    assert_int_equal(metrics().sink[MQTT].delivered, 1);
}

// ---- the time of day ----------------------------------------------------------------------------

static void test_clock_comes_late(void **state)
{
    struct nh_publish_engine_config cfg = standard();
    (void)state;
    cfg.sinks = BIT(HTTP) | BIT(INFLUX);
    cfg.dated_sinks = BIT(INFLUX);
    cfg.linked_sinks = BIT(HTTP);
    make(&cfg);
    t.unix_offset_ms = 0;
    run_until(1000 + 2 * 5000);
    assert_int_equal(t.peer[INFLUX].got_count, 0);
    t.unix_offset_ms = 1750000000000;
    nh_publish_engine_link(t.e, HTTP, true, t.now_ms);
    run_until(1000 + 3 * 5000 + 1000);
    t.unix_offset_ms += 7; // a later step moves nothing that has its time
    run_until(t.now_ms + 5000);
    for (int sink = HTTP; sink <= INFLUX; sink += INFLUX - HTTP) {
        assert_int_equal(t.peer[sink].got_count, 5);
        for (size_t i = 0; i < 4; i++) {
            const struct nh_battery_point *p = &t.peer[sink].got[i];
            assert_int_equal(p->unix_ms, 1750000000000 + (int64_t)p->time_ms);
        }
    }
}

// ---- points of an earlier life ------------------------------------------------------------------

static void restore(size_t count, int64_t unix_ms, uint64_t place,
                    const uint64_t cursor[NH_BATTERY_SINK_COUNT])
{
    nh_publish_engine_resume(t.e, place);
    for (uint32_t i = 0; i < count; i++) {
        const struct nh_battery_point p = {.boot = 76,
                                           .seq = 11 + i,
                                           .time_ms = 900000 + i,
                                           .unix_ms = unix_ms ? unix_ms + i : 0,
                                           .valid = 4};
        nh_publish_engine_restore(t.e, &p);
    }
    nh_publish_engine_restored(t.e, cursor);
    assert_int_equal(nh_publish_engine_check(t.e), 0);
}

static void test_restored(void **state)
{
    struct nh_publish_engine_config cfg = standard();
    const uint64_t cursor[NH_BATTERY_SINK_COUNT] = {1002, 1005, UINT64_MAX};
    (void)state;
    cfg.sinks = BIT(HTTP) | BIT(MQTT) | BIT(INFLUX);
    make(&cfg);
    restore(6, 1749999000000, 1000, cursor);
    assert_int_equal(metrics().restored, 4);
    t.now_ms += 10;
    run_until(t.now_ms + 4000);
    static const uint32_t http[] = {13, 14, 15, 16, 1}, mqtt[] = {16, 1}, influx[] = {1};
    static const struct {
        const uint32_t *seq;
        size_t count;
    } rows[] = {{http, 5}, {mqtt, 2}, {influx, 1}};
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++) {
        assert_int_equal(t.peer[i].got_count, rows[i].count);
        for (size_t k = 0; k < rows[i].count; k++)
            assert_int_equal(t.peer[i].got[k].seq, rows[i].seq[k]);
        assert_int_equal(metrics().sink[i].delivered, rows[i].count);
        assert_int_equal(metrics().sink[i].owed, rows[i].count);
    }
}

static void test_restored_age_and_no_date(void **state)
{
    struct nh_publish_engine_config cfg = standard();
    const uint64_t cursor[NH_BATTERY_SINK_COUNT] = {0};
    (void)state;
    cfg.sinks = BIT(HTTP);
    cfg.linked_sinks = BIT(HTTP);
    make(&cfg);
    restore(3, t.unix_offset_ms - 60000, 0, cursor);
    tick();
    assert_int_equal(metrics().oldest_age_ms, 61000);
    nh_publish_engine_destroy(t.e);
    // Without a date for ever: nothing for who needs one.
    cfg.sinks = cfg.dated_sinks = BIT(INFLUX);
    cfg.linked_sinks = 0;
    make(&cfg);
    restore(3, 0, 0, cursor);
    tick();
    assert_int_equal(metrics().sink[INFLUX].dropped, 3);
    assert_int_equal(metrics().sink[INFLUX].delivered, 1);
}

// ---- limits -------------------------------------------------------------------------------------

static void test_wrong_config(void **state)
{
    struct nh_publish_engine_config cfg = standard();
    (void)state;
    cfg.boot = 0;
    assert_int_equal(nh_publish_engine_create(&cfg, 0, &t.e), NH_ERR_INVAL);
    cfg = standard();
    cfg.sinks = 0;
    assert_int_equal(nh_publish_engine_create(&cfg, 0, &t.e), NH_ERR_INVAL);
    cfg.sinks = 8;
    assert_int_equal(nh_publish_engine_create(&cfg, 0, &t.e), NH_ERR_INVAL);
    cfg = standard();
    cfg.batch_max_count[1] = NH_PUBLISH_BATCH_MAX_COUNT + 1;
    assert_int_equal(nh_publish_engine_create(&cfg, 0, &t.e), NH_ERR_RANGE);
    cfg = standard();
    cfg.period_ms = 1000;
    cfg.flush_per_s = 1; // it would never catch up
    assert_int_equal(nh_publish_engine_create(&cfg, 0, &t.e), NH_ERR_RANGE);
    assert_null(t.e);
    cfg = standard();
    mem_fixture_fail_nth(&t.mem, 1);
    assert_int_equal(nh_publish_engine_create(&cfg, 0, &t.e), NH_ERR_NOMEM);
    make(&cfg);
}

static uint64_t allocations(void)
{
    uint64_t sum = 0;
    struct nh_mem_owner_info info;
    for (size_t i = 0; nh_mem_owner_info(t.mem.sys, i, &info) == 0; i++)
        sum += info.tier[NH_MEM_PSRAM].alloc_count + info.tier[NH_MEM_INTERNAL].alloc_count;
    return sum;
}

static void test_no_allocation_for_a_point(void **state)
{
    struct nh_publish_engine_config cfg = standard();
    (void)state;
    make(&cfg);
    uint64_t before = allocations();
    run_until(1000 + 100 * 5000);
    assert_int_equal(allocations(), before);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_point_each_period),
        T(test_nothing_known_is_no_point),
        T(test_a_long_sleep),
        T(test_ring_of_32_away_for_200),
        T(test_one_dead_one_alive),
        T(test_flush_pace),
        T(test_batches_keep_the_pace),
        T(test_backoff),
        T(test_jitter_differs),
        T(test_retry_after),
        T(test_no_answer),
        T(test_overwritten_under_way),
        T(test_link_lost_under_way),
        T(test_clock_comes_late),
        T(test_restored),
        T(test_restored_age_and_no_date),
        T(test_wrong_config),
        T(test_no_allocation_for_a_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
