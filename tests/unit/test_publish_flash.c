// Waiting points on flash: nothing is written while all goes well, little in an outage, and what
// was written is there after a restart, a damaged file, and a power cut at any call of the disk.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "components/battery_publish/publish_flash.h"
#include "support/fake_disk.h"
#include "support/mem_fixture.h"

#define HTTP NH_BATTERY_SINK_HTTP
#define MQTT NH_BATTERY_SINK_MQTT
#define BIT(n) (1u << (n))
#define PERIOD_MS 5000
#define INTERVAL_MS 20000
#define RING_COUNT 64

static struct {
    struct mem_fixture mem;
    struct fake_disk disk;
    struct nh_fs fs;
    nh_store_t *store;
    nh_publish_engine_t *e;
    nh_publish_flash_t *f;
    uint64_t now_ms;
    uint32_t boot;
    uint8_t sinks;
    uint32_t http_got, mqtt_got; // points
    uint32_t http_first;         // sequence number of the first one
} t;

static bool on_read(void *ctx, struct nh_battery_point *out)
{
    (void)ctx;
    out->valid = BIT(NH_BATTERY_VOLTAGE);
    out->voltage_mv = 42000 + (int32_t)(t.now_ms / PERIOD_MS);
    return true;
}

static int on_send(void *ctx, enum nh_battery_sink sink, const struct nh_battery_point *points,
                   size_t count, uint32_t ticket)
{
    (void)ctx;
    (void)ticket;
    if (sink == HTTP && t.http_got == 0)
        t.http_first = points->seq;
    if (sink == HTTP)
        t.http_got += (uint32_t)count;
    else
        t.mqtt_got += (uint32_t)count;
    return NH_PUBLISH_CONFIRMED;
}

static void on_cancel(void *ctx, enum nh_battery_sink sink)
{
    (void)ctx;
    (void)sink;
}

// ---- a life -------------------------------------------------------------------------------------

static int make_engine(void)
{
    const struct nh_publish_engine_config cfg = {.mem = t.mem.mem,
                                                 .ring_count = RING_COUNT,
                                                 .period_ms = PERIOD_MS,
                                                 .boot = t.boot,
                                                 .sinks = t.sinks,
                                                 .linked_sinks = BIT(HTTP),
                                                 .read = on_read,
                                                 .send = on_send,
                                                 .cancel = on_cancel};
    return nh_publish_engine_create(&cfg, t.now_ms, &t.e);
}

// A start of the program, as far as it comes.
static int begin(void)
{
    const struct nh_store_config store = {
        .mem = t.mem.mem, .fs = t.fs, .dir = "points", .keep_count = 1};
    const struct nh_publish_flash_config flash = {
        .mem = t.mem.mem, .count = 64, .interval_ms = INTERVAL_MS, .period_ms = PERIOD_MS};
    struct nh_publish_flash_config cfg = flash;
    t.boot++;
    t.http_got = t.mqtt_got = t.http_first = 0;
    int err = nh_store_create(&store, &t.store);
    cfg.store = t.store;
    if (err == 0)
        err = make_engine();
    if (err == 0)
        err = nh_publish_flash_create(&cfg, t.now_ms, &t.f);
    if (err == 0)
        err = nh_publish_flash_load(t.f, t.e);
    return err;
}

// The program is gone, as by kill -9.
static void crash(void)
{
    nh_publish_flash_destroy(t.f);
    nh_publish_engine_destroy(t.e);
    nh_store_destroy(t.store);
    t.f = NULL;
    t.e = NULL;
    t.store = NULL;
}

static void step(void)
{
    nh_publish_engine_tick(t.e, t.now_ms, 1750000000000 + (int64_t)t.now_ms);
    nh_publish_flash_tick(t.f, nh_publish_engine_ring(t.e), t.now_ms);
    assert_int_equal(nh_publish_engine_check(t.e), 0);
}

static uint64_t next_step(void)
{
    uint64_t engine = nh_publish_engine_next_deadline(t.e);
    uint64_t flash = nh_publish_flash_next_deadline(t.f);
    uint64_t next = engine < flash ? engine : flash;
    return next > t.now_ms ? next : t.now_ms;
}

static void run_for(uint64_t ms)
{
    uint64_t end = t.now_ms + ms;
    while (next_step() < end) {
        t.now_ms = next_step();
        step();
    }
    t.now_ms = end;
}

static void http(bool is_up)
{
    nh_publish_engine_link(t.e, HTTP, is_up, t.now_ms);
}

static struct nh_publish_flash_info info(void)
{
    struct nh_publish_flash_info i;
    nh_publish_flash_info(t.f, &i);
    return i;
}

static uint64_t pending(enum nh_battery_sink sink)
{
    return nh_publish_ring_pending(nh_publish_engine_ring(t.e), sink);
}

static int setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    t.now_ms = 1000;
    t.sinks = BIT(HTTP) | BIT(MQTT);
    mem_fixture_init(&t.mem, NULL);
    fake_disk_init(&t.disk);
    t.fs = fake_disk_fs(&t.disk);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    crash();
    mem_fixture_deinit(&t.mem);
    return 0;
}

// ---- bytes --------------------------------------------------------------------------------------

static void test_bytes(void **state)
{
    static const uint8_t bytes[NH_PUBLISH_FLASH_POINT_BYTES] = {
        0xBE, 0xBA, 0xFE, 0xCA, 42,   0,    0,    0,    0x40, 0xE2, 1,    0,    0, 0,    0,
        0,    0x7B, 0x2C, 0x1D, 0x74, 0x97, 1,    0,    0,    0x7F, 0,    0,    0, 0xA5, 0xA7,
        0,    0,    0x29, 0xCF, 0xFF, 0xFF, 0xF1, 0xCF, 0xF7, 0xFF, 0x27, 0x1E, 1, 0,    0x1C,
        0x83, 1,    0,    0xFC, 0xFF, 0xFF, 0xFF, 0xD8, 0x80, 0x1B, 0x81, 0x43, 0, 0,    0};
    struct nh_battery_point p = {.boot = 0xCAFEBABE,
                                 .seq = 42,
                                 .time_ms = 123456,
                                 .unix_ms = 0x19774 * 0x1000000ll + 0x1D2C7B,
                                 .valid = 0x7F,
                                 .voltage_mv = 42917,
                                 .current_ma = -12503,
                                 .power_mw = -536591,
                                 .soc_mpct = 73255,
                                 .soh_mpct = 99100,
                                 .temperature_mc = -4,
                                 .cell_min_dmv = 32984,
                                 .cell_max_dmv = 33051,
                                 .cell_delta_dmv = 67};
    struct nh_battery_point back = {0};
    uint8_t out[NH_PUBLISH_FLASH_POINT_BYTES];
    (void)state;
    nh_publish_flash_encode(&p, out);
    assert_memory_equal(out, bytes, sizeof out);
    nh_publish_flash_decode(out, &back);
    assert_int_equal(back.unix_ms, p.unix_ms);
    assert_int_equal(back.power_mw, p.power_mw);
    nh_publish_flash_encode(&back, out);
    assert_memory_equal(out, bytes, sizeof out);
}

// ---- wear ---------------------------------------------------------------------------------------

static void test_a_good_day_writes_nothing(void **state)
{
    (void)state;
    assert_int_equal(begin(), 0);
    http(true);
    run_for(24 * 3600000ull);
    assert_int_equal(nh_publish_flash_stop(t.f, nh_publish_engine_ring(t.e)), 0);
    assert_int_equal(info().writes, 0);
    assert_int_equal(fake_disk_file_count(&t.disk), 0);
    assert_true(t.http_got > 17000);
}

// Soon after somebody is away the first document, then one an interval at most.
static void test_an_outage_writes_once_an_interval(void **state)
{
    (void)state;
    assert_int_equal(begin(), 0);
    run_for(INTERVAL_MS / 2 + 100);
    assert_int_equal(info().writes, 1);
    for (uint64_t i = 1; i <= 40; i++) {
        run_for(INTERVAL_MS);
        assert_in_range(info().writes, i, i + 1);
    }
    // It is over: what flash says is set right once, and then it is left alone.
    http(true);
    run_for(60000);
    uint64_t writes = info().writes;
    assert_int_equal(info().points, 0);
    run_for(3600000);
    assert_int_equal(info().writes, writes);
}

static void test_a_full_disk(void **state)
{
    (void)state;
    assert_int_equal(begin(), 0);
    for (int i = 0; i < 3; i++) {
        fake_disk_fault_set(&t.disk, &(struct fake_disk_fault){
                                         .kind = FAKE_DISK_FAIL, .call = 1, .err = NH_ERR_NOSPC});
        run_for(INTERVAL_MS);
        assert_int_equal(info().errors, i + 1);
        assert_int_equal(info().writes, 0);
    }
    run_for(INTERVAL_MS);
    assert_int_equal(info().writes, 1);
    crash();
    assert_int_equal(begin(), 0);
    assert_true(pending(HTTP) >= 14);
}

// ---- restarts -----------------------------------------------------------------------------------

static void test_after_a_crash(void **state)
{
    (void)state;
    assert_int_equal(begin(), 0);
    run_for(50 * PERIOD_MS);
    assert_int_equal(t.mqtt_got, 50);
    crash();
    assert_int_equal(begin(), 0);
    // What came in the last interval is lost; the rest waits for HTTP, and MQTT had it.
    uint64_t kept = pending(HTTP);
    assert_in_range(kept, 50 - INTERVAL_MS / PERIOD_MS - 1, 50);
    assert_true(pending(MQTT) <= 1);
    http(true);
    run_for(60 * 1000);
    assert_int_equal(t.http_first, 1);
    assert_int_equal(t.http_got, kept + 12);
    assert_int_equal(pending(HTTP), 0);
    crash();
    assert_int_equal(begin(), 0); // nothing is sent again
    assert_int_equal(pending(HTTP), 0);
    assert_int_equal(pending(MQTT), 0);
}

static void test_an_orderly_end_loses_nothing(void **state)
{
    (void)state;
    assert_int_equal(begin(), 0);
    run_for(23 * PERIOD_MS + 1);
    assert_int_equal(nh_publish_flash_stop(t.f, nh_publish_engine_ring(t.e)), 0);
    crash();
    assert_int_equal(begin(), 0);
    assert_int_equal(pending(HTTP), 24);
    assert_int_equal(pending(MQTT), 0);
    run_for(2 * PERIOD_MS); // of a second life, kept behind those of the first
    assert_int_equal(nh_publish_flash_stop(t.f, nh_publish_engine_ring(t.e)), 0);
    crash();
    assert_int_equal(begin(), 0);
    const struct nh_publish_ring *r = nh_publish_engine_ring(t.e);
    assert_int_equal(pending(HTTP), 26);
    for (uint32_t i = 0; i < 26; i++) {
        const struct nh_battery_point *p = nh_publish_ring_at(r, r->cursor[HTTP] + i);
        assert_int_equal(p->boot, i < 24 ? 1 : 2);
        assert_int_equal(p->seq, i < 24 ? i + 1 : i - 23);
        assert_int_equal(p->unix_ms - 1750000000000, p->time_ms);
    }
}

// A sink that is new wants nothing of before its time; one that is gone holds nobody.
static void test_other_sinks(void **state)
{
    (void)state;
    t.sinks = BIT(HTTP);
    assert_int_equal(begin(), 0);
    run_for(20 * PERIOD_MS);
    assert_int_equal(nh_publish_flash_stop(t.f, nh_publish_engine_ring(t.e)), 0);
    crash();
    t.sinks = BIT(HTTP) | BIT(MQTT);
    assert_int_equal(begin(), 0);
    assert_int_equal(pending(HTTP), 20);
    assert_int_equal(pending(MQTT), 0);
    crash();
    t.sinks = BIT(MQTT);
    assert_int_equal(begin(), 0);
    assert_int_equal(pending(MQTT), 0);
}

// ---- damage -------------------------------------------------------------------------------------

// Finds the file of a document, whatever its generation.
static bool file_of(uint32_t number, char out[FAKE_DISK_PATH_MAX_BYTES])
{
    char prefix[24];
    snprintf(prefix, sizeof prefix, "points/points_%u.", (unsigned)number);
    for (size_t i = 0; i < FAKE_DISK_NAMES; i++) {
        const struct fake_name *n = &t.disk.names[i];
        if (n->now >= 0 && strncmp(n->path, prefix, strlen(prefix)) == 0) {
            snprintf(out, FAKE_DISK_PATH_MAX_BYTES, "%s", n->path);
            return true;
        }
    }
    return false;
}

static void damage(uint32_t number, size_t at)
{
    char path[FAKE_DISK_PATH_MAX_BYTES];
    uint8_t copy[FAKE_DISK_FILE_MAX_BYTES];
    const uint8_t *bytes;
    assert_true(file_of(number, path));
    int len = fake_disk_file_get(&t.disk, path, &bytes);
    assert_true(len > (int)at);
    memcpy(copy, bytes, (size_t)len);
    copy[at] ^= 0x10;
    fake_disk_file_put(&t.disk, path, copy, (size_t)len);
}

static void test_damage(void **state)
{
    char path[FAKE_DISK_PATH_MAX_BYTES];
    uint32_t count = 0;
    (void)state;
    assert_int_equal(begin(), 0);
    run_for(60 * PERIOD_MS);
    while (file_of(count + 1, path))
        count++;
    assert_true(count >= 3);
    crash();
    // Of the newest: what was before it. Of one between: what is behind it, in one piece.
    damage(count, 100);
    assert_int_equal(begin(), 0);
    uint64_t kept = pending(HTTP);
    assert_in_range(kept, 20, 50);
    assert_int_equal(nh_publish_ring_at(nh_publish_engine_ring(t.e), 0)->seq, 1);
    assert_int_equal(info().damaged, 1);
    crash();
    damage(1, 60);
    assert_int_equal(begin(), 0);
    assert_in_range(pending(HTTP), 1, kept - 1);
    const struct nh_publish_ring *r = nh_publish_engine_ring(t.e);
    for (uint64_t at = r->tail; at < r->head; at++)
        assert_int_equal(nh_publish_ring_at(r, at)->seq, at + 1);
    run_for(10 * PERIOD_MS); // and it goes on
    assert_true(info().writes > 0);
}

// A document of the right length that is not one of ours.
static void test_foreign_documents(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
    } rows[] = {{0, 'X'}, {4, 0}, {4, 9}, {9, 4}, {10, 61}, {12, 5}, {23, 0xFF}};
    uint8_t bytes[NH_PUBLISH_FLASH_HEAD_BYTES + NH_PUBLISH_FLASH_POINT_BYTES] = {
        'N', 'B', 'P', '1', 1, 0, 0, 0, 3, 3, NH_PUBLISH_FLASH_POINT_BYTES, 0, 1};
    (void)state;
    for (size_t i = 0; i <= NH_ARRAY_LEN(rows); i++) {
        uint8_t copy[sizeof bytes];
        memcpy(copy, bytes, sizeof copy);
        assert_int_equal(begin(), 0);
        if (i > 0)
            copy[rows[i - 1].at] = rows[i - 1].value;
        if (i == NH_ARRAY_LEN(rows))
            memset(copy + 16, 0xFF, 8);
        assert_true(nh_store_put(t.store, "points_1", copy, sizeof copy) > 0);
        crash();
        assert_int_equal(begin(), 0);
        assert_int_equal(pending(HTTP), i == 0);
        assert_int_equal(info().damaged, i > 0);
        crash();
    }
}

// ---- power cuts ---------------------------------------------------------------------------------

// What flash says: how far each sink is, and up to where points are there.
struct kept {
    uint64_t http, mqtt, end;
};

static struct kept kept_now(void)
{
    const struct nh_publish_ring *r = nh_publish_engine_ring(t.e);
    return (struct kept){r->cursor[HTTP], r->cursor[MQTT], r->head};
}

// Two outages, with a recovery between and one at the end. Fills in what was written last before
// the disk went, and what was being written then. Returns whether it went.
static bool play(struct kept *before, struct kept *after)
{
    *before = *after = (struct kept){0};
    for (int i = 0; i < 60 && !t.disk.is_dead; i++) {
        if (i == 20 || i == 50)
            http(true);
        if (i == 24)
            http(false);
        uint64_t end = t.now_ms + PERIOD_MS;
        while (!t.disk.is_dead && next_step() < end) {
            uint64_t writes = info().writes;
            t.now_ms = next_step();
            step();
            if (t.disk.is_dead)
                *after = kept_now();
            else if (info().writes > writes)
                *before = kept_now();
        }
        t.now_ms = end;
    }
    return t.disk.is_dead;
}

static bool is_kept(const struct kept *k)
{
    const struct nh_publish_ring *r = nh_publish_engine_ring(t.e);
    uint64_t http = k->http < k->end ? k->http : k->end;
    uint64_t mqtt = k->mqtt < k->end ? k->mqtt : k->end;
    return r->head == k->end && r->cursor[HTTP] == http && r->cursor[MQTT] == mqtt;
}

static void check_cut(enum fake_disk_fate fate, uint32_t seed)
{
    struct kept before, after;
    bool is_cut = play(&before, &after);
    assert_true(is_cut);
    crash();
    fake_disk_power_cycle(&t.disk, fate, seed);
    assert_int_equal(begin(), 0);
    assert_true(is_kept(&before) || is_kept(&after));
    const struct nh_publish_ring *r = nh_publish_engine_ring(t.e);
    for (uint64_t at = r->tail; at < r->head; at++) {
        assert_int_equal(nh_publish_ring_at(r, at)->seq, at + 1);
        assert_int_equal(nh_publish_ring_at(r, at)->boot, 1);
    }
    run_for(10 * PERIOD_MS); // it goes on
    assert_int_equal(info().errors, 0);
    crash();
}

static uint32_t count_calls(void)
{
    struct kept before, after;
    assert_int_equal(begin(), 0);
    fake_disk_fault_set(&t.disk, NULL);
    assert_false(play(&before, &after));
    crash();
    return t.disk.call_count;
}

static void test_power_cut_at_each_call(void **state)
{
    static const enum fake_disk_fault_kind kinds[] = {FAKE_DISK_CUT_BEFORE, FAKE_DISK_CUT_AFTER};
    static const enum fake_disk_fate fates[] = {FAKE_DISK_LOSE, FAKE_DISK_KEEP, FAKE_DISK_RANDOM,
                                                FAKE_DISK_PREFIX};
    (void)state;
    uint32_t calls = count_calls(), cuts = 0;
    const uint32_t step = sizeof(void *) > 4 ? 1 : 13; // in the emulator not all
    assert_true(calls > 60);
    for (uint32_t call = 1; call <= calls; call += step)
        for (size_t k = 0; k < NH_ARRAY_LEN(kinds); k++)
            for (size_t n = 0; n < NH_ARRAY_LEN(fates); n++, cuts++) {
                fake_disk_init(&t.disk);
                t.now_ms = 1000;
                t.boot = 0;
                assert_int_equal(begin(), 0);
                fake_disk_fault_set(
                    &t.disk,
                    &(struct fake_disk_fault){.kind = kinds[k], .call = call, .bytes = call % 61});
                check_cut(fates[n], call * 7 + (uint32_t)n);
            }
    print_message("%u cuts at %u calls\n", (unsigned)cuts, (unsigned)calls);
}

// ---- memory -------------------------------------------------------------------------------------

static void test_each_allocation_fails(void **state)
{
    (void)state;
    assert_int_equal(begin(), 0);
    run_for(30 * PERIOD_MS);
    crash();
    int err = NH_ERR_NOMEM;
    for (uint64_t n = 1; err == NH_ERR_NOMEM; n++) {
        mem_fixture_fail_nth(&t.mem, n);
        err = begin();
        assert_true(err == 0 || err == NH_ERR_NOMEM);
        nh_mem_fault_set(t.mem.sys, NULL);
        if (err == 0)
            assert_true(n > 4 && pending(HTTP) > 20);
        crash();
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_bytes),
        T(test_a_good_day_writes_nothing),
        T(test_an_outage_writes_once_an_interval),
        T(test_a_full_disk),
        T(test_after_a_crash),
        T(test_an_orderly_end_loses_nothing),
        T(test_other_sinks),
        T(test_damage),
        T(test_foreign_documents),
        T(test_power_cut_at_each_call),
        T(test_each_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
