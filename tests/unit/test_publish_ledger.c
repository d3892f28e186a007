// A day of the publisher, 24 simulated hours: receivers that refuse, hang, take a point and lose
// the answer, or are not connected; storms of events; and at every moment the ledger adds up. The
// receivers follow the rule of docs/battery-publish.md and get every point exactly once.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "components/battery_publish/publish_engine.h"
#include "support/mem_fixture.h"
#include "support/rng.h"

#define BIT(n) (1u << (n))
#define HOURS 24
#define PERIOD_MS 5000
#define POINT_COUNT (HOURS * 3600000 / PERIOD_MS)
#define START_MS 1000
#define ALL_SINKS 7

enum mood { WORKS, REFUSES, HANGS, LOSES_ANSWERS, UNPLUGGED, MOOD_COUNT };

struct receiver {
    enum mood mood;
    uint64_t mood_end_ms;
    // What is under way.
    bool is_asked;
    uint32_t ticket;
    uint64_t answer_ms;
    int err;
    // The rule: the highest sequence number of each boot id; there is one here.
    uint32_t last_seq;
    uint64_t doubles, stored;
    uint8_t has[POINT_COUNT + 2]; // by sequence number: how often it was stored
};

static struct {
    struct mem_fixture mem;
    nh_publish_engine_t *e;
    uint64_t now_ms;
    struct rng rng;
    struct receiver r[NH_BATTERY_SINK_COUNT];
    struct nh_battery_publish_metrics last;
    int32_t value;
} t;

static bool on_read(void *ctx, struct nh_battery_point *out)
{
    (void)ctx;
    out->valid = BIT(NH_BATTERY_VOLTAGE);
    out->voltage_mv = t.value;
    return true;
}

static void receive(struct receiver *r, const struct nh_battery_point *points, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_in_range(points[i].seq, 1, POINT_COUNT + 1);
        if (points[i].seq <= r->last_seq) {
            r->doubles++;
            continue;
        }
        r->last_seq = points[i].seq;
        r->has[points[i].seq]++;
        r->stored++;
    }
}

static int on_send(void *ctx, enum nh_battery_sink sink, const struct nh_battery_point *points,
                   size_t count, uint32_t ticket)
{
    struct receiver *r = &t.r[sink];
    (void)ctx;
    assert_false(r->is_asked);
    assert_int_not_equal(r->mood, UNPLUGGED);
    if (r->mood == REFUSES && rng_below(&t.rng, 2))
        return NH_ERR_IO;
    if (r->mood == WORKS || r->mood == LOSES_ANSWERS)
        receive(r, points, count);
    r->is_asked = true;
    r->ticket = ticket;
    r->err = r->mood == WORKS ? NH_OK : NH_ERR_CLOSED;
    r->answer_ms = r->mood == HANGS ? NH_NEVER : t.now_ms + 1 + rng_below(&t.rng, 400);
    if (r->mood == WORKS && rng_below(&t.rng, 4) == 0) {
        r->is_asked = false;
        return NH_PUBLISH_CONFIRMED;
    }
    return NH_PUBLISH_UNDER_WAY;
}

static void on_cancel(void *ctx, enum nh_battery_sink sink)
{
    (void)ctx;
    assert_true(t.r[sink].is_asked);
    t.r[sink].is_asked = false;
}

// ---- the ledger ---------------------------------------------------------------------------------

static void check_ledger(void)
{
    struct nh_battery_publish_metrics m, *l = &t.last;
    assert_int_equal(nh_publish_engine_check(t.e), 0);
    nh_publish_engine_metrics(t.e, t.now_ms, &m);
    assert_int_equal(m.produced, m.published_points + m.overwritten + m.buffered_points);
    assert_true(m.published_points >= l->published_points && m.produced >= l->produced);
    assert_true(m.publish_errors >= l->publish_errors && m.overwritten >= l->overwritten);
    assert_true(m.buffered_points <= m.buffer_capacity);
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++) {
        assert_int_equal(m.produced, m.sink[i].delivered + m.sink[i].dropped + m.sink[i].pending);
        assert_true(m.sink[i].delivered >= l->sink[i].delivered);
        assert_true(m.sink[i].dropped >= l->sink[i].dropped);
        assert_true(m.sink[i].errors >= l->sink[i].errors);
        assert_true(t.r[i].stored >= m.sink[i].delivered);
    }
    *l = m;
}

// ---- a day --------------------------------------------------------------------------------------

static void change_mood(size_t i)
{
    struct receiver *r = &t.r[i];
    bool was_unplugged = r->mood == UNPLUGGED;
    // Most of the time it works; away for seconds to two hours.
    r->mood = rng_below(&t.rng, 2) ? WORKS : (enum mood)rng_below(&t.rng, MOOD_COUNT);
    r->mood_end_ms = t.now_ms + 2000 + rng_below(&t.rng, rng_below(&t.rng, 7200000));
    bool is_unplugged = r->mood == UNPLUGGED;
    if (is_unplugged == was_unplugged)
        return;
    nh_publish_engine_link(t.e, (enum nh_battery_sink)i, !is_unplugged, t.now_ms);
    r->is_asked = r->is_asked && !is_unplugged;
}

static uint64_t next_event(void)
{
    uint64_t next = nh_publish_engine_next_deadline(t.e);
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++) {
        const struct receiver *r = &t.r[i];
        if (r->is_asked && r->answer_ms < next)
            next = r->answer_ms;
        if (r->mood_end_ms < next)
            next = r->mood_end_ms;
    }
    return next > t.now_ms ? next : t.now_ms;
}

static void answers(void)
{
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++) {
        struct receiver *r = &t.r[i];
        if (!r->is_asked || r->answer_ms > t.now_ms)
            continue;
        r->is_asked = false;
        nh_publish_engine_done(t.e, (enum nh_battery_sink)i, r->ticket, r->err, 0, t.now_ms);
    }
}

// Everything changes at once, hundreds of times: who publishes is woken, asked for its figures, and
// makes no point more than its period.
static void storm(void)
{
    uint64_t produced = t.last.produced;
    for (int i = 0; i < 200; i++) {
        t.value = (int32_t)rng_below(&t.rng, 60000);
        nh_publish_engine_tick(t.e, t.now_ms, 1750000000000 + (int64_t)t.now_ms);
        nh_publish_engine_done(t.e, (enum nh_battery_sink)rng_below(&t.rng, 3),
                               rng_next(&t.rng) | 0x80000000u, NH_OK, 0, t.now_ms);
        check_ledger();
    }
    assert_true(t.last.produced <= produced + 1);
}

static void run_day(uint64_t end_ms)
{
    while ((t.now_ms = next_event()) < end_ms) {
        answers();
        for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++)
            if (t.now_ms >= t.r[i].mood_end_ms)
                change_mood(i);
        nh_publish_engine_tick(t.e, t.now_ms, 1750000000000 + (int64_t)t.now_ms);
        check_ledger();
        if (rng_below(&t.rng, 2000) == 0)
            storm();
    }
}

static void begin(uint64_t seed)
{
    memset(&t, 0, sizeof t);
    t.now_ms = START_MS;
    t.rng.state = seed;
    mem_fixture_init(&t.mem, NULL);
    const struct nh_publish_engine_config cfg = {
        .mem = t.mem.mem,
        .ring_count = 256,
        .period_ms = PERIOD_MS,
        .boot = 1,
        .seed = (uint32_t)seed,
        .sinks = ALL_SINKS,
        .dated_sinks = BIT(NH_BATTERY_SINK_INFLUX),
        .batch_max_count = {1, 1, 10},
        .read = on_read,
        .send = on_send,
        .cancel = on_cancel,
    };
    assert_int_equal(nh_publish_engine_create(&cfg, t.now_ms, &t.e), 0);
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++)
        t.r[i].mood_end_ms = t.now_ms + rng_below(&t.rng, 3600000);
}

static void end(void)
{
    nh_publish_engine_destroy(t.e);
    mem_fixture_deinit(&t.mem);
}

// All of them work now, for as long as it takes.
static void recover(void)
{
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++) {
        struct receiver *r = &t.r[i];
        if (r->mood == UNPLUGGED)
            nh_publish_engine_link(t.e, (enum nh_battery_sink)i, true, t.now_ms);
        r->mood = WORKS;
        r->mood_end_ms = NH_NEVER;
    }
    run_day(t.now_ms + 150000);
}

static void check_receivers(void)
{
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++) {
        uint64_t once = 0;
        for (size_t seq = 1; seq <= t.last.produced; seq++) {
            assert_true(t.r[i].has[seq] <= 1);
            once += t.r[i].has[seq];
        }
        assert_int_equal(once, t.r[i].stored);
        // A point that came but whose answer was lost may have been overwritten before its repeat.
        assert_in_range(t.r[i].stored, t.last.sink[i].delivered,
                        t.last.produced - t.last.sink[i].pending);
    }
}

static void test_a_day(void **state)
{
    uint64_t doubles = 0, dropped = 0, errors = 0, avoided = 0;
    (void)state;
    const uint64_t seeds = sizeof(void *) > 4 ? 4 : 1; // in the emulator not all
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        print_message("seed %u\n", (unsigned)seed);
        begin(seed);
        run_day(START_MS + HOURS * 3600000ull - 160000);
        recover();
        check_receivers();
        assert_in_range(t.last.produced, POINT_COUNT - 5, POINT_COUNT);
        for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++) {
            assert_true(t.last.sink[i].pending <= 1);
            doubles += t.r[i].doubles;
            dropped += t.last.sink[i].dropped;
            errors += t.last.sink[i].errors;
            avoided += t.last.sink[i].duplicates_avoided;
        }
        end();
    }
    // The days were bad ones.
    print_message("%u doubles sent, %u overwritten, %u failures, %u doubles avoided\n",
                  (unsigned)doubles, (unsigned)dropped, (unsigned)errors, (unsigned)avoided);
    assert_true(doubles > 50 && dropped > 1000 && errors > 200 && avoided > 1000);
}

// An undisturbed day: every point at its own moment, none twice, none lost.
static void test_a_good_day(void **state)
{
    (void)state;
    begin(9);
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++)
        t.r[i].mood_end_ms = NH_NEVER;
    run_day(START_MS + HOURS * 3600000ull);
    check_receivers();
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++) {
        assert_true(t.last.sink[i].delivered >= POINT_COUNT - 1);
        assert_int_equal(t.last.sink[i].errors, 0);
        assert_int_equal(t.r[i].doubles, 0);
    }
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_day),
        cmocka_unit_test(test_a_good_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
