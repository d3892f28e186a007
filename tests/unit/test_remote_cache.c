// What is kept of the pack: how seldom it is written, how little is lost, whenever the power goes.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "components/battery_remote/remote_cache.h"
#include "support/fake_disk.h"
#include "support/mem_fixture.h"
#include "support/rng.h"

#define BIT(f) (1u << NH_BATTERY_##f)
#define LIVE                                                                                       \
    (BIT(SOC) | BIT(VOLTAGE) | BIT(CURRENT) | BIT(POWER) | BIT(TEMPERATURE) | BIT(STATUS) |        \
     BIT(CELLS) | BIT(BALANCING))
#define HOUR_MS 3600000u

static struct mem_fixture fx;
static struct fake_disk disk;
static nh_store_t *store;
static nh_remote_cache_t cache;
static char buf[NH_REMOTE_CACHE_BUF_BYTES];
static struct nh_battery_snapshot pack;
static int64_t unix_ms;

static int64_t clock_unix_ms(void)
{
    return unix_ms;
}

static int open_store(void)
{
    const struct nh_store_config cfg = {
        .mem = fx.mem, .fs = fake_disk_fs(&disk), .dir = "store", .keep_count = 2};
    return nh_store_create(&cfg, &store);
}

static void begin(void)
{
    const struct nh_remote_cache_config cfg = {
        .store = store, .buf = buf, .clock_unix_ms = clock_unix_ms};
    assert_int_equal(nh_remote_cache_init(&cache, &cfg), 0);
}

static int setup(void **state)
{
    (void)state;
    mem_fixture_init(&fx, NULL);
    fake_disk_init(&disk);
    assert_int_equal(open_store(), 0);
    unix_ms = 1764547200000;
    begin();
    memset(&pack, 0, sizeof pack);
    pack.generation = 1;
    pack.source = NH_BATTERY_FROM_REMOTE;
    pack.valid = LIVE;
    pack.v.soc_mpct = 73250;
    pack.v.voltage_mv = 42900;
    pack.v.current_ma = -12500;
    pack.v.temperature_mc = 25000;
    pack.v.status = 0x93;
    pack.v.cell_count = 13;
    for (size_t i = 0; i < 13; i++)
        pack.v.cell_dmv[i] = 33000;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_store_destroy(store);
    mem_fixture_deinit(&fx);
    return 0;
}

// Time goes on to `to_ms`, writing what is due on the way.
static void pass(uint64_t *now_ms, uint64_t to_ms)
{
    for (int i = 0; nh_remote_cache_next(&cache) <= to_ms && i < 100; i++) {
        *now_ms = nh_remote_cache_next(&cache) > *now_ms ? nh_remote_cache_next(&cache) : *now_ms;
        nh_remote_cache_tick(&cache, *now_ms);
    }
    *now_ms = to_ms;
}

static struct nh_remote_cache_info info(void)
{
    struct nh_remote_cache_info i;
    nh_remote_cache_info(&cache, &i);
    return i;
}

static void test_kept_and_loaded(void **state)
{
    uint64_t now = 1000;
    (void)state;
    assert_int_equal(nh_remote_cache_load(&cache), NH_ERR_NOT_FOUND);
    nh_remote_cache_note(&cache, &pack, now);
    assert_true(info().dirty_since_ms == 1000);
    pass(&now, 6001);
    assert_true(info().flushes == 1 && info().dirty_since_ms == NH_NEVER &&
                info().last_flush_ms == 6000);
    begin();
    assert_int_equal(nh_remote_cache_load(&cache), 0);
    assert_int_equal(cache.mask, LIVE);
    assert_memory_equal(&cache.values, &pack.v, sizeof pack.v);
    assert_true(cache.saved_unix_ms == unix_ms && cache.sequence == 1);
    // What is the same as on flash is not written again.
    pack.generation = 0;
    nh_remote_cache_note(&cache, &pack, now);
    assert_true(nh_remote_cache_next(&cache) == NH_NEVER);
}

static void test_deltas(void **state)
{
    static const struct {
        const char *name;
        size_t offset;
        int32_t by;
        bool is_worth;
    } rows[] = {
#define AT(m) offsetof(struct nh_battery_values, m)
        {"SOC 0.9 %", AT(soc_mpct), -900, false},
        {"SOC 1 %", AT(soc_mpct), -1000, true},
        {"pack 199 mV", AT(voltage_mv), 199, false},
        {"pack 200 mV", AT(voltage_mv), 200, true},
        {"1.9 degrees", AT(temperature_mc), 1900, false},
        {"2 degrees", AT(temperature_mc), 2000, true},
        {"current alone", AT(current_ma), 30000, false},
        {"a flag", AT(balancing), 1, true},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint64_t now = 0;
        int32_t v;
        begin();
        nh_remote_cache_note(&cache, &pack, now);
        pass(&now, 60000);
        uint64_t flushes = info().flushes;
        uint8_t *at = (uint8_t *)&pack.v + rows[i].offset;
        memcpy(&v, at, sizeof v);
        v += rows[i].by;
        memcpy(at, &v, sizeof v);
        nh_remote_cache_note(&cache, &pack, now);
        pass(&now, now + 5000);
        if ((info().flushes > flushes) != rows[i].is_worth)
            fail_msg("%s: written %u times", rows[i].name, (unsigned)(info().flushes - flushes));
        pass(&now, now + 55000);
        assert_true(info().flushes == flushes + 1); // at the deadline in any case
    }
    // A cell by 19.9 and by 20 mV.
    for (int dmv = 199; dmv <= 200; dmv++) {
        uint64_t now = 0;
        begin();
        nh_remote_cache_note(&cache, &pack, now);
        pass(&now, 60000);
        pack.v.cell_dmv[4] = (uint16_t)(pack.v.cell_dmv[4] + dmv);
        nh_remote_cache_note(&cache, &pack, now);
        pass(&now, now + 5000);
        assert_true(info().flushes == (dmv == 200 ? 2u : 1u));
        assert_int_equal(nh_remote_cache_flush(&cache, now), 0);
    }
}

// What becomes stale stays as it was last known; another mode begins anew.
static void test_stale_and_generations(void **state)
{
    uint64_t now = 0;
    (void)state;
    nh_remote_cache_note(&cache, &pack, now);
    pack.stale = LIVE;
    pack.v.voltage_mv = 1;
    nh_remote_cache_note(&cache, &pack, 10);
    assert_int_equal(cache.values.voltage_mv, 42900);
    pack.stale = LIVE & ~BIT(SOC);
    pack.v.soc_mpct = 70000;
    nh_remote_cache_note(&cache, &pack, 20);
    assert_int_equal(cache.values.soc_mpct, 70000);
    assert_int_equal(cache.mask, LIVE);
    pack.generation++;
    nh_remote_cache_note(&cache, &pack, 30);
    assert_int_equal(cache.mask, BIT(SOC));
    assert_int_equal(cache.values.voltage_mv, 0);
    pack.source = NH_BATTERY_FROM_STORE; // what it gave itself
    pack.stale = 0;
    nh_remote_cache_note(&cache, &pack, 40);
    assert_int_equal(cache.mask, BIT(SOC));
}

static void drift(struct rng *g, uint64_t now)
{
    struct nh_battery_values *v = &pack.v;
    // A load that changes every few minutes, noise on all of it, and the charge going down.
    int32_t load = -(int32_t)(5000 + (now / 240000 * 7919) % 20000);
    v->current_ma = load + (int32_t)rng_below(g, 400) - 200;
    v->soc_mpct = 80000 - (int32_t)(now / 400);
    uint32_t sum = 0;
    for (size_t i = 0; i < 13; i++) {
        int32_t dmv = 33500 - (int32_t)(now / 60000) + load / 500 + (int32_t)i * 3;
        v->cell_dmv[i] = (uint16_t)(dmv + (int32_t)rng_below(g, 20) - 10);
        sum += v->cell_dmv[i];
    }
    v->voltage_mv = (int32_t)(sum / 10);
    v->power_mw = v->voltage_mv / 1000 * v->current_ma;
    v->temperature_mc = 25000 + (int32_t)(now / 2000) + (int32_t)rng_below(g, 100);
}

// One hour of two frames a second: 99 % fewer writes, and the noting of a frame calls no storage.
static void test_an_hour(void **state)
{
    struct rng g = {11};
    uint64_t now = 0, frames = 0, oldest = 0;
    uint32_t calls = 0;
    (void)state;
    for (; now < HOUR_MS; now += 500, frames++) {
        drift(&g, now);
        uint32_t before = disk.call_count;
        nh_remote_cache_note(&cache, &pack, now);
        calls += disk.call_count - before;
        if (nh_remote_cache_next(&cache) <= now)
            nh_remote_cache_tick(&cache, now);
        uint64_t age = now - (info().last_flush_ms ? info().last_flush_ms : 0);
        oldest = age > oldest ? age : oldest;
    }
    struct nh_remote_cache_info i = info();
    printf("1 h at 2 frames/s: %u frames, %u file-system calls while noting, %u writes, %.2f %% "
           "fewer, never older than %u ms\n",
           (unsigned)frames, (unsigned)calls, (unsigned)i.flushes,
           100.0 - 100.0 * (double)i.flushes / (double)frames, (unsigned)oldest);
    assert_int_equal(frames, 7200);
    assert_int_equal(calls, 0);
    assert_true(i.flushes * 100 <= frames); // at least 99 %
    assert_true(i.flushes > 0 && i.flush_errors == 0 && i.noted == frames);
    assert_true(i.writes_avoided == frames - i.flushes);
    assert_true(oldest <= 60500);
}

// kill -9 at any moment: what is found again is not older than one interval.
static void test_killed_at_random(void **state)
{
    struct rng g = {5};
    (void)state;
    for (int round = 0; round < 20; round++) {
        uint64_t now = 0, until = 61000 + rng_below(&g, 240000);
        int64_t start = unix_ms = 1764547200000 + round * 1000000;
        begin();
        for (; now < until; now += 500) {
            unix_ms = start + (int64_t)now;
            drift(&g, now);
            pack.generation = 1;
            nh_remote_cache_note(&cache, &pack, now);
            if (nh_remote_cache_next(&cache) <= now)
                nh_remote_cache_tick(&cache, now);
        }
        begin(); // the process is another; the disk has what was written
        assert_int_equal(nh_remote_cache_load(&cache), 0);
        assert_true(unix_ms - cache.saved_unix_ms <= 60500 && cache.saved_unix_ms >= start);
    }
}

// The power goes before and after each call of the file system: the old record or the new one.
static void test_power_cuts(void **state)
{
    static struct fake_disk before;
    uint32_t calls;
    (void)state;
    nh_remote_cache_note(&cache, &pack, 0);
    assert_int_equal(nh_remote_cache_flush(&cache, 0), 0);
    fake_disk_copy(&before, &disk);
    fake_disk_fault_set(&disk, NULL);
    pack.v.voltage_mv = 41000;
    nh_remote_cache_note(&cache, &pack, 10);
    assert_int_equal(nh_remote_cache_flush(&cache, 10), 0);
    calls = disk.call_count;
    assert_true(calls > 4);
    unsigned seen_old = 0, seen_new = 0;
    for (uint32_t n = 1; n <= calls * 2 * 3; n++) {
        const struct fake_disk_fault fault = {.kind = n % 2 ? FAKE_DISK_CUT_BEFORE
                                                            : FAKE_DISK_CUT_AFTER,
                                              .call = (n - 1) / 6 + 1,
                                              .bytes = 7};
        nh_store_destroy(store);
        fake_disk_copy(&disk, &before);
        assert_int_equal(open_store(), 0);
        begin();
        assert_int_equal(nh_remote_cache_load(&cache), 0);
        pack.generation = 0;
        nh_remote_cache_note(&cache, &pack, 10);
        fake_disk_fault_set(&disk, &fault);
        NH_IGNORE(nh_remote_cache_flush(&cache, 10));
        nh_store_destroy(store);
        fake_disk_fault_set(&disk, NULL);
        fake_disk_power_cycle(&disk,
                              n / 2 % 3 == 0   ? FAKE_DISK_LOSE
                              : n / 2 % 3 == 1 ? FAKE_DISK_KEEP
                                               : FAKE_DISK_RANDOM,
                              n);
        assert_int_equal(open_store(), 0);
        begin();
        assert_int_equal(nh_remote_cache_load(&cache), 0);
        assert_int_equal(cache.mask, LIVE);
        bool is_old = cache.values.voltage_mv == 42900;
        assert_true(is_old || cache.values.voltage_mv == 41000);
        seen_old += is_old;
        seen_new += !is_old;
    }
    assert_true(seen_old > 0 && seen_new > 0);
}

// A disk that refuses: nothing is lost in RAM, it is counted and tried again.
static void test_disk_refuses(void **state)
{
    uint64_t now = 0;
    (void)state;
    nh_remote_cache_note(&cache, &pack, now);
    fake_disk_fault_set(
        &disk, &(struct fake_disk_fault){.kind = FAKE_DISK_FAIL, .call = 2, .err = NH_ERR_NOSPC});
    pass(&now, 5000);
    assert_true(info().flushes == 0 && info().flush_errors == 1 && info().dirty_since_ms == 0);
    fake_disk_fault_set(&disk, NULL);
    pass(&now, 11000);
    assert_true(info().flushes == 1 && info().dirty_since_ms == NH_NEVER);
}

static void test_what_is_not_a_record(void **state)
{
    static const char *const rows[] = {
        "",
        "{}",
        "[]",
        "{\"version\":2,\"telemetry\":{\"battery\":{}}}",
        "{\"version\":1,\"telemetry\":7}",
        "{\"version\":1,\"telemetry\":{\"battery\":{}}",
        "{\"version\":-1,\"telemetry\":{\"battery\":{}}}",
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        assert_true(nh_store_put(store, NH_REMOTE_CACHE_DOC, rows[i], strlen(rows[i])) > 0);
        begin();
        if (nh_remote_cache_load(&cache) >= 0)
            fail_msg("row %zu was taken", i);
        assert_int_equal(cache.mask, 0);
    }
    // One of another hub's version with more in it is read.
    const char *more = "{\"a\":[{}],\"version\":1,\"sequence\":7,\"telemetry\":{\"battery\":"
                       "{\"pack_voltage_v\":40}},\"b\":{\"telemetry\":{}}}";
    assert_true(nh_store_put(store, NH_REMOTE_CACHE_DOC, more, strlen(more)) > 0);
    assert_int_equal(nh_remote_cache_load(&cache), 0);
    assert_true(cache.values.voltage_mv == 40000 && cache.sequence == 7);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_kept_and_loaded),       T(test_deltas),
        T(test_stale_and_generations), T(test_an_hour),
        T(test_killed_at_random),      T(test_power_cuts),
        T(test_disk_refuses),          T(test_what_is_not_a_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
