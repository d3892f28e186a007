// The box of the newest snapshot: one writer that does nothing but write, readers that do nothing
// but read. Also run under the thread sanitizer and under Helgrind (scripts/helgrind.sh).

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "components/battery/battery_model_state.h"
#include "core/base/atomic.h"
#include "support/mem_fixture.h"
#include "support/rng.h"
#include "unit/battery_values.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define READERS 4

// ---- alone -------------------------------------------------------------------------------------

static void put(nh_battery__box_t *box, uint32_t seq)
{
    struct nh_battery_snapshot *s = nh_battery__box_begin(box);
    assert_non_null(s);
    memset(s, 0, sizeof *s);
    s->seq = seq;
    nh_battery__box_publish(box, s);
}

static void test_what_is_put_is_read(void **state)
{
    static nh_battery__box_t box;
    struct nh_battery_snapshot s;
    (void)state;
    for (uint32_t i = 1; i < 1000; i++) {
        put(&box, i);
        for (uint32_t k = 0; k < i % 5; k++) {
            nh_battery__box_read(&box, &s);
            assert_int_equal(s.seq, i);
            assert_int_equal(s.check, nh_battery__snapshot_check(&s));
        }
    }
}

// Readers that were put to sleep in the middle of a copy: each holds its slot, and the writer goes
// on with the others; when none is left it says so and goes on as soon as one has gone.
static void test_sleeping_readers_hold_their_slots_alone(void **state)
{
    static nh_battery__box_t box;
    uint32_t slots[NH_BATTERY__SLOT_COUNT];
    (void)state;
    put(&box, 1);
    for (uint32_t i = 0; i < NH_BATTERY__SLOT_COUNT - 1; i++) {
        slots[i] = nh_atomic_add_u32(&box.state, 0x100) & 0xFF; // the first half of a read
        for (uint32_t k = 0; k < i; k++)
            assert_int_not_equal(slots[i], slots[k]);
        if (i < NH_BATTERY__SLOT_COUNT - 2)
            put(&box, i + 2);
    }
    put(&box, 100);
    assert_null(nh_battery__box_begin(&box)); // all but the newest are held
    nh_atomic_add_u32(&box.slot[slots[2]].left, 1);
    assert_ptr_equal(nh_battery__box_begin(&box), &box.slot[slots[2]].s);
}

// The count of arrivals wraps at 2^24.
static void test_counts_may_wrap(void **state)
{
    static nh_battery__box_t box;
    struct nh_battery_snapshot s;
    (void)state;
    put(&box, 1);
    uint32_t at = nh_atomic_load_u32(&box.state) & 0xFF;
    nh_atomic_add_u32(&box.state, 0xFFFFFF00u); // 2^24 - 1 readers came ...
    nh_atomic_add_u32(&box.slot[at].left, 0xFFFFFFu);
    nh_battery__box_read(&box, &s);
    nh_battery__box_read(&box, &s);
    assert_int_equal(s.seq, 1);
    assert_int_equal(nh_atomic_load_u32(&box.state) & 0xFF, at);
    for (uint32_t i = 2; i < 40; i++)
        put(&box, i); // ... and went: the slot is free again
    nh_battery__box_read(&box, &s);
    assert_int_equal(s.seq, 39);
}

// ---- storm -------------------------------------------------------------------------------------

static struct mem_fixture fx;
static nh_battery_model_t *model;
static uint32_t is_over, begun;
static struct reader {
    pthread_t thread;
    uint32_t reads, changes, faults;
} readers[READERS];

static bool is_coherent(const struct nh_battery_snapshot *s, const struct nh_battery_snapshot *last)
{
    uint32_t sum = 0;
    if (s->check != nh_battery__snapshot_check(s) || s->seq < last->seq ||
        s->generation < last->generation)
        return false;
    if (!(s->valid & BIT(NH_BATTERY_CELLS)))
        return s->cell_max_dmv == 0;
    for (unsigned i = 0; i < s->v.cell_count; i++) {
        if (s->v.cell_dmv[i] < s->cell_min_dmv || s->v.cell_dmv[i] > s->cell_max_dmv)
            return false;
        sum += s->v.cell_dmv[i];
    }
    return s->cell_min_dmv <= s->cell_avg_dmv && s->cell_avg_dmv <= s->cell_max_dmv &&
           s->cell_delta_dmv == s->cell_max_dmv - s->cell_min_dmv &&
           s->v.voltage_mv == (int32_t)(sum / 10) &&
           s->field_source[NH_BATTERY_CELLS] == s->source && s->v.soc_mpct == 30000 * s->source;
}

static void *read_on(void *arg)
{
    struct reader *me = arg;
    struct nh_battery_snapshot s, last = {0};
    nh_atomic_add_u32(&begun, 1);
    while (!nh_atomic_load_u32(&is_over)) {
        nh_battery_model_read(model, &s);
        me->reads++;
        me->changes += s.time_ms != last.time_ms;
        me->faults += !is_coherent(&s, &last);
        last = s;
    }
    return NULL;
}

static void fill(struct nh_battery_candidate *c, struct rng *r)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < c->values.cell_count; i++) {
        c->values.cell_dmv[i] = (uint16_t)(30000 + rng_below(r, 8000));
        sum += c->values.cell_dmv[i];
    }
    c->values.voltage_mv = (int32_t)(sum / 10);
    c->values.soc_mpct = 30000 * c->source;
}

// Two sources, a mode that changes every 16th time, and readers that look all the while.
static void test_writer_storm_is_never_torn(void **state)
{
    uint32_t rounds = getenv("NH_STORM_ROUNDS") ? (uint32_t)atoi(getenv("NH_STORM_ROUNDS")) : 20000;
    struct nh_battery_model_info info;
    struct rng r = {11};
    uint64_t now_ms = 1000;
    (void)state;
    mem_fixture_init(&fx, NULL);
    assert_int_equal(nh_battery_model_create(
                         &(struct nh_battery_model_config){.mem = fx.mem, .mode = 2}, &model),
                     0);
    for (unsigned i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
    while (nh_atomic_load_u32(&begun) < READERS)
        sched_yield();
    for (uint32_t i = 0; i < rounds; i++, now_ms += 40) {
        struct nh_battery_candidate c = pack_candidate((uint8_t)(1 + rng_below(&r, 2)),
                                                       nh_battery_model_generation(model), now_ms);
        fill(&c, &r);
        NH_IGNORE(nh_battery_model_offer(model, &c, now_ms));
        if (i % 16 == 0)
            assert_int_equal(
                nh_battery_model_mode_set(model, (enum nh_battery_mode)(i / 16 % 3), now_ms), 0);
        if (i % 64 == 0)
            sched_yield();
    }
    nh_atomic_store_u32(&is_over, 1);
    for (unsigned i = 0; i < READERS; i++) {
        pthread_join(readers[i].thread, NULL);
        assert_int_equal(readers[i].faults, 0);
        assert_true(readers[i].reads > 0);
    }
    nh_battery_model_info(model, &info);
    assert_true(info.stale_dropped + info.denied < info.offered);
    print_message("%u readers, %u snapshots, %u put off\n", READERS, rounds,
                  (unsigned)info.deferred);
    nh_battery_model_destroy(model);
    mem_fixture_deinit(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_put_is_read),
        cmocka_unit_test(test_sleeping_readers_hold_their_slots_alone),
        cmocka_unit_test(test_counts_may_wrap),
        cmocka_unit_test(test_writer_storm_is_never_torn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
