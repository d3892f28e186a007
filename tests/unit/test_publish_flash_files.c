// A day of outage on a real file system: how often waiting points are written and how much, and
// that the newest are there afterwards. The figures of docs/battery-publish.md, section "On flash".

#include "linux_fixture.h"

#include "components/battery_publish/publish_flash.h"

#define DAY_MS 86400000ull
#define PERIOD_MS 5000
#define INTERVAL_MS 60000
#define COUNT 512

static struct linux_fixture fx;
static char dir[32];
static nh_files_t *files;
static nh_store_t *store;
static nh_publish_engine_t *engine;
static nh_publish_flash_t *flash;
static uint64_t now_ms = 1;

static bool on_read(void *ctx, struct nh_battery_point *out)
{
    (void)ctx;
    out->valid = 4;
    return true;
}

static int on_send(void *ctx, enum nh_battery_sink sink, const struct nh_battery_point *points,
                   size_t count, uint32_t ticket)
{
    (void)ctx;
    (void)sink;
    (void)points;
    (void)count;
    (void)ticket;
    fail_msg("nobody is there");
    return NH_ERR_IO;
}

static void on_cancel(void *ctx, enum nh_battery_sink sink)
{
    (void)ctx;
    (void)sink;
}

static void begin(uint32_t boot)
{
    const struct nh_store_config s = {
        .mem = fx.mem, .fs = nh_files_fs(files), .dir = "points", .keep_count = 1};
    const struct nh_publish_engine_config e = {.mem = fx.mem,
                                               .ring_count = COUNT,
                                               .period_ms = PERIOD_MS,
                                               .boot = boot,
                                               .sinks = 1,
                                               .linked_sinks = 1,
                                               .read = on_read,
                                               .send = on_send,
                                               .cancel = on_cancel};
    struct nh_publish_flash_config f = {
        .mem = fx.mem, .count = COUNT, .interval_ms = INTERVAL_MS, .period_ms = PERIOD_MS};
    assert_int_equal(nh_store_create(&s, &store), 0);
    assert_int_equal(nh_publish_engine_create(&e, now_ms, &engine), 0);
    f.store = store;
    assert_int_equal(nh_publish_flash_create(&f, now_ms, &flash), 0);
    assert_int_equal(nh_publish_flash_load(flash, engine), 0);
}

// The program is gone, as by kill -9.
static void crash(void)
{
    nh_publish_flash_destroy(flash);
    nh_publish_engine_destroy(engine);
    nh_store_destroy(store);
}

static void run_until(uint64_t end_ms)
{
    while (now_ms < end_ms) {
        uint64_t e = nh_publish_engine_next_deadline(engine);
        uint64_t f = nh_publish_flash_next_deadline(flash);
        now_ms = e < f ? e : f;
        nh_publish_engine_tick(engine, now_ms, 0);
        nh_publish_flash_tick(flash, nh_publish_engine_ring(engine), now_ms);
    }
}

static void test_a_day_of_outage(void **state)
{
    struct nh_publish_flash_info i;
    struct nh_store_info written;
    (void)state;
    begin(1);
    run_until(DAY_MS);
    nh_publish_flash_info(flash, &i);
    nh_store_info(store, &written);
    print_message("%u documents, %u bytes\n", (unsigned)i.writes, (unsigned)written.bytes_written);
    assert_int_equal(i.writes, DAY_MS / INTERVAL_MS);
    assert_int_equal(written.writes_made, i.writes);
    assert_in_range(written.bytes_written, 1500000, 1750000);
    uint64_t head = nh_publish_engine_ring(engine)->head;
    crash();
    begin(2);
    const struct nh_publish_ring *r = nh_publish_engine_ring(engine);
    assert_in_range(head - r->head, 0, INTERVAL_MS / PERIOD_MS);
    assert_int_equal(nh_publish_ring_pending(r, 0), COUNT);
    for (uint64_t at = r->tail; at < r->head; at++) {
        assert_int_equal(nh_publish_ring_at(r, at)->seq, at + 1);
        assert_int_equal(nh_publish_ring_at(r, at)->boot, 1);
    }
    crash();
}

static int setup(void **state)
{
    (void)state;
    fixture_start(&fx);
    // In memory where there is such a place: 1,440 documents are 5,760 times the patience of a
    // disk.
    snprintf(dir, sizeof dir, "%s/nh_publish_XXXXXX",
             access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    assert_non_null(mkdtemp(dir));
    return nh_files_open(fx.mem, dir, &files);
}

static int teardown(void **state)
{
    char command[64];
    (void)state;
    nh_files_close(files);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
    fixture_stop(&fx);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_day_of_outage, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
