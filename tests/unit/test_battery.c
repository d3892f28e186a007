// The owner: registers to values, and the line, the model, the settings and the events together,
// with a board at the other end of a pseudo terminal.

#include "linux_fixture.h"

#include "components/battery/battery_private.h"
#include "components/battery/battery_settings.h"
#include "core/base/log.h"
#include "support/fake_disk.h"
#include "support/pty_board.h"
#include "support/route_play.h"

#include <math.h>

static struct linux_fixture fx;
static struct fake_disk disk;
static nh_mem_t *mem;
static nh_loop_t *loop;
static nh_sched_t *sched;
static nh_bus_t *bus;
static nh_bus_sub_t *sub;
static nh_store_t *store;
static nh_battery_t *battery;
static struct pty_board peer;
static char dir[128], path[192];
static nh_lock_t bus_lock;

static unsigned link_ups, link_downs, register_count, statistics_count, changed_count;
static struct nh_event_battery_register last_register;
static struct nh_event_battery_statistics last_statistics;

static void on_event(void *ctx, const struct nh_event *e)
{
    struct nh_event_battery_link link;
    (void)ctx;
    switch (e->id) {
    case NH_EVENT_BATTERY_LINK:
        memcpy(&link, e->data, sizeof link);
        link_ups += link.is_up;
        link_downs += !link.is_up;
        break;
    case NH_EVENT_BATTERY_REGISTER:
        memcpy(&last_register, e->data, sizeof last_register);
        register_count++;
        break;
    case NH_EVENT_BATTERY_STATISTICS:
        memcpy(&last_statistics, e->data, sizeof last_statistics);
        statistics_count++;
        break;
    default:
        break;
    }
}

static void changed(void *ctx, uint32_t dirty, const struct nh_battery_snapshot *s)
{
    (void)ctx;
    (void)dirty;
    (void)s;
    changed_count++;
}

// ---- a pack in the board's registers

static void put_float(uint16_t *w, float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    w[0] = (uint16_t)bits;
    w[1] = (uint16_t)(bits >> 16);
}

static void put_u32(uint16_t *w, uint32_t n)
{
    w[0] = (uint16_t)n;
    w[1] = (uint16_t)(n >> 16);
}

static void put_pack(uint16_t *r, size_t cells, bool is_descending)
{
    memset(r, 0, NH_TINYBMS_ADDRESS_COUNT * sizeof *r);
    for (size_t i = 0; i < cells; i++)
        r[is_descending ? 15 - i : i] = (uint16_t)(33000 + i);
    put_u32(r + 32, 1000000);
    put_u32(r + 34, 7200);
    put_float(r + 36, 3.3f * (float)cells);
    put_float(r + 38, -12.5f);
    r[42] = 276;
    r[43] = (uint16_t)-32768;
    r[45] = 49550;
    put_u32(r + 46, 73250000);
    r[48] = (uint16_t)-15;
    r[50] = 0x93;
    r[51] = 0x0003;
    r[52] = 0x0002;
    r[53] = (uint16_t)cells;
    r[102] = 1234;
    r[103] = 567;
    r[104] = 89;
    for (uint16_t i = 0; i < 5; i++)
        r[105 + i] = (uint16_t)(i + 1);
    r[111] = 11;
    r[112] = 12;
    r[113] = (uint16_t)(45 << 8 | (uint8_t)-7);
    r[114] = 0x0305;
    put_u32(r + 116, 70000);
    const uint16_t settings[] = {3650, 3250, 0, 3400, 1000, 70, 31400, 13, 15,           0, 20, 5,
                                 1,    0,    2, 3800, 2800, 65, 90,    60, (uint16_t)-10};
    memcpy(r + 300, settings, sizeof settings);
    r[500] = 0x0105;
    r[501] = 0x020A;
    r[502] = 1234;
    r[503] = 0x0603;
    for (uint16_t i = 0; i < 6; i++)
        r[504 + i] = (uint16_t)(0x1111 * (i + 1));
}

// ---- decoding

static uint16_t regs[NH_TINYBMS_ADDRESS_COUNT];

static void test_decode_live(void **state)
{
    struct nh_battery_candidate c = {0};
    const struct nh_battery_values *v = &c.values;
    (void)state;
    put_pack(regs, 13, false);
    nh_battery__decode_live(regs, false, &c);
    assert_int_equal(v->cell_count, 13);
    assert_int_equal(v->cell_dmv[0], 33000);
    assert_int_equal(v->cell_dmv[12], 33012);
    assert_int_equal(v->voltage_mv, 42900);
    assert_int_equal(v->current_ma, -12500);
    assert_int_equal(v->power_mw, -536250);
    assert_int_equal(v->soc_mpct, 73250);
    assert_int_equal(v->soh_mpct, 99100);
    assert_int_equal(v->temp_ext1_mc, 27600);
    assert_int_equal(v->temp_ext2_mc, NH_BATTERY_TEMPERATURE_NONE);
    assert_int_equal(v->temp_bms_mc, -1500);
    assert_int_equal(v->temperature_mc, 27600); // the board's own does not count beside one outside
    assert_int_equal(v->status, 0x93);
    assert_int_equal(v->balance_wanted, 3);
    assert_int_equal(v->balancing, 2);
    assert_int_equal(v->lifetime_s, 1000000);
    assert_int_equal(v->time_left_s, 7200);
    assert_true(c.mask & 1u << NH_BATTERY_CELLS);
    assert_false(c.mask & 1u << NH_BATTERY_LIMITS);
}

static void test_decode_temperatures(void **state)
{
    static const struct {
        int16_t ext1, ext2, bms;
        int32_t pack_mc;
    } rows[] = {
        {278, 276, 300, 27700},
        {-32768, 276, 300, 27600},
        {278, -32768, 300, 27800},
        {-32768, -32768, 253, 25300},
        {-101, -100, 300, -10050},
        // One of two that cannot be does not spoil the other; one alone is for the model to refuse.
        {2000, 200, 300, 20000},
        {250, -600, 300, 25000},
        {2000, -32768, 300, 200000},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_battery_candidate c = {0};
        put_pack(regs, 13, false);
        regs[42] = (uint16_t)rows[i].ext1;
        regs[43] = (uint16_t)rows[i].ext2;
        regs[48] = (uint16_t)rows[i].bms;
        nh_battery__decode_live(regs, false, &c);
        assert_int_equal(c.values.temperature_mc, rows[i].pack_mc);
    }
}

// What is no number, or far too large, comes out as one that the model refuses.
static void test_decode_floats_that_are_none(void **state)
{
    const float bad[] = {NAN, INFINITY, -INFINITY, 3e30f};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(bad); i++) {
        struct nh_battery_candidate c = {0};
        put_pack(regs, 13, false);
        put_float(regs + 36, bad[i]);
        put_float(regs + 38, bad[i]);
        nh_battery__decode_live(regs, false, &c);
        assert_int_equal(c.values.voltage_mv, INT32_MAX);
        assert_int_equal(c.values.current_ma, INT32_MAX);
    }
}

static void test_decode_the_rest(void **state)
{
    struct nh_battery_candidate c = {0};
    const struct nh_battery_values *v = &c.values;
    (void)state;
    put_pack(regs, 13, false);
    nh_battery__decode_statistics(regs + 100, &c);
    nh_battery__decode_settings(regs + 300, &c);
    nh_battery__decode_version(regs + 500, &c);
    assert_int_equal(v->counters.max_discharge_ma, 123400);
    assert_int_equal(v->counters.max_charge_ma, 56700);
    assert_int_equal(v->counters.max_spread_dmv, 89);
    assert_int_equal(v->counters.under_voltage, 1);
    assert_int_equal(v->counters.overheat, 5);
    assert_int_equal(v->counters.chargings, 11);
    assert_int_equal(v->counters.full_charges, 12);
    assert_int_equal(v->counters.min_temp_c, -7);
    assert_int_equal(v->counters.max_temp_c, 45);
    assert_int_equal(v->counters.last_reset, 5);
    assert_int_equal(v->counters.last_wakeup, 3);
    assert_int_equal(v->counters.cleared_at_s, 70000);
    assert_int_equal(v->limits.full_mv, 3650);
    assert_int_equal(v->limits.empty_mv, 3250);
    assert_int_equal(v->limits.balance_mv, 3400);
    assert_int_equal(v->limits.peak_discharge_a, 70);
    assert_int_equal(v->limits.spread_mv, 15);
    assert_int_equal(v->limits.over_mv, 3800);
    assert_int_equal(v->limits.under_mv, 2800);
    assert_int_equal(v->limits.discharge_a, 65);
    assert_int_equal(v->limits.charge_a, 90);
    assert_int_equal(v->limits.hot_c, 60);
    assert_int_equal(v->limits.cold_charge_c, -10);
    assert_int_equal(v->capacity_mah, 314000);
    assert_int_equal(v->hardware, 5);
    assert_int_equal(v->hardware_changes, 1);
    assert_int_equal(v->firmware, 10);
    assert_int_equal(v->firmware_internal, 1234);
    assert_int_equal(v->bootloader, 3);
    assert_int_equal(v->serial[5], 0x6666);
}

static void test_cell_order(void **state)
{
    (void)state;
    for (size_t cells = 4; cells <= 16; cells++)
        for (int is = 0; is < 2; is++) {
            struct nh_battery_candidate c = {0};
            put_pack(regs, cells, is);
            assert_false(nh_battery__is_other_order(regs, is));
            assert_int_equal(nh_battery__is_other_order(regs, !is), cells < 16);
            nh_battery__decode_live(regs, is, &c);
            for (size_t i = 0; i < cells; i++)
                assert_int_equal(c.values.cell_dmv[i], 33000 + i);
        }
    put_pack(regs, 13, false);
    regs[53] = 0;
    assert_false(nh_battery__is_other_order(regs, false));
    regs[53] = 40000; // no count of cells
    struct nh_battery_candidate c = {0};
    nh_battery__decode_live(regs, false, &c);
    assert_int_equal(c.values.cell_count, 0);
}

// ---- with a line

static struct nh_battery_config config(void)
{
    return (struct nh_battery_config){.mem = mem,
                                      .sys = fx.sys,
                                      .loop = loop,
                                      .sched = sched,
                                      .bus = bus,
                                      .store = store,
                                      .path = path,
                                      .poll_ms = 100,
                                      .slow_ms = 1000,
                                      .history_count = 64,
                                      .changed = changed};
}

static int setup(void **state)
{
    const struct nh_bus_sub_config s = {.name = "test", .handle = on_event};
    (void)state;
    fixture_start(&fx);
    fake_disk_init(&disk);
    assert_int_equal(nh_mem_owner_add(fx.sys, "battery", NULL, &mem), 0);
    assert_int_equal(nh_loop_create(fx.mem, &loop), 0);
    assert_int_equal(nh_sched_create(&(struct nh_sched_config){.mem = fx.mem}, &sched), 0);
    assert_int_equal(nh_lock_create(&bus_lock), 0);
    const struct nh_bus_config b = {.mem = fx.mem, .lock = bus_lock, .event_count = NH_EVENT_COUNT};
    assert_int_equal(nh_bus_create(&b, &bus), 0);
    assert_int_equal(nh_bus_subscribe(bus, &s, &sub), 0);
    const struct nh_store_config sc = {
        .mem = fx.mem, .fs = fake_disk_fs(&disk), .dir = "store", .keep_count = 2};
    assert_int_equal(nh_store_create(&sc, &store), 0);
    fixture_dir_make(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/board", dir);
    line_board_init(&peer.board);
    peer.board.turn_us = 200;
    put_pack(peer.board.regs, 13, false);
    assert_true(pty_board_start(&peer));
    assert_int_equal(symlink(peer.path, path), 0);
    link_ups = link_downs = register_count = statistics_count = changed_count = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_battery_destroy(battery);
    battery = NULL;
    pty_board_stop(&peer);
    nh_store_destroy(store);
    nh_bus_unsubscribe(bus, sub);
    nh_bus_destroy(bus);
    nh_lock_destroy(&bus_lock);
    nh_sched_destroy(sched);
    nh_loop_destroy(loop);
    fixture_dir_remove(dir);
    fixture_stop(&fx);
    return 0;
}

#define TURN_UNTIL(expr)                                                                           \
    do {                                                                                           \
        unsigned long turns_ = 0;                                                                  \
        while (!(expr)) {                                                                          \
            nh_sched_run(sched, nh_clock_ms());                                                    \
            uv_run(nh_loop_native(loop), UV_RUN_NOWAIT);                                           \
            sched_yield();                                                                         \
            if (++turns_ > 50000000)                                                               \
                fail_msg("never came: %s", #expr);                                                 \
        }                                                                                          \
    } while (0)

static void start(void)
{
    const struct nh_battery_config cfg = config();
    assert_int_equal(nh_battery_create(&cfg, &battery), 0);
    assert_int_equal(nh_battery_start(battery), 0);
}

static struct nh_battery_snapshot now(void)
{
    struct nh_battery_snapshot s;
    nh_battery_read(battery, &s);
    return s;
}

#define HAS(field) ((now().valid & ~now().stale) >> (field)&1u)

static void board_put(uint16_t address, uint16_t word)
{
    pthread_mutex_lock(&peer.lock);
    peer.board.regs[address] = word;
    pthread_mutex_unlock(&peer.lock);
}

static void test_the_pack_is_known(void **state)
{
    uint16_t words[4];
    (void)state;
    start();
    TURN_UNTIL(HAS(NH_BATTERY_VERSION_INFO) && HAS(NH_BATTERY_LIMITS) && HAS(NH_BATTERY_COUNTERS) &&
               HAS(NH_BATTERY_CELLS));
    const struct nh_battery_snapshot s = now();
    assert_int_equal(link_ups, 1);
    assert_true(s.is_local_connected);
    assert_int_equal(s.source, NH_BATTERY_FROM_LOCAL);
    assert_int_equal(s.v.cell_count, 13);
    assert_int_equal(s.v.voltage_mv, 42900);
    assert_int_equal(s.v.limits.over_mv, 3800);
    assert_int_equal(s.v.firmware_internal, 1234);
    assert_true(changed_count > 0);
    assert_int_equal(nh_battery_cached(battery, 300, 4, 5000, words), 0);
    assert_int_equal(words[3], 3400);
    assert_int_equal(nh_battery_cached(battery, 400, 1, 5000, words), NH_ERR_NOT_FOUND);
}

static void test_what_cannot_be_is_counted(void **state)
{
    struct nh_battery_statistics st;
    (void)state;
    start();
    TURN_UNTIL(HAS(NH_BATTERY_CELLS));
    board_put(3, 51000); // 5.1 V
    TURN_UNTIL((nh_battery_statistics(battery, &st), st.implausible > 0));
    TURN_UNTIL(now().stale & 1u << NH_BATTERY_CELLS);
    assert_int_equal(now().v.cell_dmv[3], 33003);
    board_put(3, 33100);
    TURN_UNTIL(HAS(NH_BATTERY_CELLS) && now().v.cell_dmv[3] == 33100);
}

static void test_a_mode_change_is_a_new_beginning(void **state)
{
    (void)state;
    start();
    TURN_UNTIL(HAS(NH_BATTERY_CELLS));
    uint32_t generation = now().generation;
    assert_int_equal(nh_battery_mode_set(battery, NH_BATTERY_REMOTE), 0);
    assert_int_equal(now().valid & 1u << NH_BATTERY_CELLS, 0);
    TURN_UNTIL(nh_clock_ms() > 0);
    assert_int_equal(nh_battery_mode_set(battery, NH_BATTERY_LOCAL), 0);
    assert_true(now().generation != generation);
    TURN_UNTIL(HAS(NH_BATTERY_CELLS));
}

// What is read once a minute is there again with the first values, not a minute later.
static void test_a_mode_change_brings_the_slow_values_too(void **state)
{
    struct nh_battery_config cfg = config();
    struct nh_battery_statistics st;
    (void)state;
    cfg.slow_ms = 600000;
    assert_int_equal(nh_battery_create(&cfg, &battery), 0);
    assert_int_equal(nh_battery_start(battery), 0);
    TURN_UNTIL(HAS(NH_BATTERY_VERSION_INFO) && HAS(NH_BATTERY_LIMITS) && HAS(NH_BATTERY_COUNTERS));
    assert_int_equal(nh_battery_mode_set(battery, NH_BATTERY_REMOTE), 0);
    assert_int_equal(nh_battery_mode_set(battery, NH_BATTERY_LOCAL), 0);
    assert_int_equal(HAS(NH_BATTERY_LIMITS), 0);
    nh_battery_statistics(battery, &st);
    uint64_t end = st.exchanges + 20;
    TURN_UNTIL((nh_battery_statistics(battery, &st), st.exchanges >= end));
    assert_true(HAS(NH_BATTERY_LIMITS) && HAS(NH_BATTERY_COUNTERS) && HAS(NH_BATTERY_VERSION_INFO));
}

// So also when the first news after the change are none of the pack: an answer of the board's log.
static void test_a_mode_change_before_other_news(void **state)
{
    const struct nh_battery_request log = {.kind = NH_BATTERY_EVENTS,
                                           .priority = NH_BATTERY_PRIO_USER};
    struct nh_battery_config cfg = config();
    struct nh_battery_statistics st;
    (void)state;
    cfg.slow_ms = 600000;
    cfg.poll_ms = 500;
    assert_int_equal(nh_battery_create(&cfg, &battery), 0);
    assert_int_equal(nh_battery_start(battery), 0);
    for (unsigned i = 0; i < 5; i++) {
        TURN_UNTIL(HAS(NH_BATTERY_VERSION_INFO) && HAS(NH_BATTERY_LIMITS) &&
                   HAS(NH_BATTERY_COUNTERS));
        assert_int_equal(nh_battery_mode_set(battery, NH_BATTERY_REMOTE), 0);
        assert_int_equal(nh_battery_mode_set(battery, NH_BATTERY_LOCAL), 0);
        assert_int_equal(nh_battery_post(battery, &log, NULL), 0);
        nh_battery_statistics(battery, &st);
        uint64_t end = st.exchanges + 8;
        TURN_UNTIL((nh_battery_statistics(battery, &st), st.exchanges >= end));
        assert_true(HAS(NH_BATTERY_LIMITS) && HAS(NH_BATTERY_COUNTERS) &&
                    HAS(NH_BATTERY_VERSION_INFO));
    }
}

static unsigned done_count;
static struct nh_battery_reply last_reply;

static void on_done(void *ctx, const struct nh_battery_reply *r)
{
    (void)ctx;
    done_count++;
    last_reply = *r;
}

static void test_register_events(void **state)
{
    (void)state;
    start();
    TURN_UNTIL(HAS(NH_BATTERY_LIMITS));
    assert_int_equal(register_count, 0); // what is read first is no change
    const struct nh_battery_request w = {.kind = NH_BATTERY_WRITE,
                                         .count = 1,
                                         .addresses = {303},
                                         .values = {3450},
                                         .done = on_done};
    done_count = 0;
    assert_int_equal(nh_battery_post(battery, &w, NULL), 0);
    TURN_UNTIL(done_count && register_count);
    assert_int_equal(last_reply.outcome, NH_BATTERY_DONE);
    assert_int_equal(last_register.address, 303);
    assert_int_equal(last_register.raw, 3450);
    assert_true(last_register.is_written);
    assert_string_equal(last_register.key, "early_balancing_threshold_mv");
    assert_true(last_register.value == 3450.0f);
    board_put(306, 20000); // by somebody else, found by the next look
    TURN_UNTIL(register_count == 2);
    assert_int_equal(last_register.address, 306);
    assert_false(last_register.is_written);
    assert_true(last_register.value == 200.0f);
    TURN_UNTIL(now().v.capacity_mah == 200000);
}

static void test_statistics_events(void **state)
{
    struct nh_battery_statistics st;
    (void)state;
    start();
    TURN_UNTIL(statistics_count);
    nh_battery_statistics(battery, &st);
    assert_true(last_statistics.ok > 0 && last_statistics.ok <= st.reads_ok);
    assert_int_equal(last_statistics.failed, 0);
    uint64_t counted = st.reads_ok + st.reads_failed, seen = 0;
    for (size_t i = 0; i <= NH_BATTERY_LATENCY_STEP_COUNT; i++)
        seen += st.latency_counts[i];
    assert_int_equal(seen, counted);
}

static void test_the_board_goes(void **state)
{
    (void)state;
    start();
    TURN_UNTIL(HAS(NH_BATTERY_CELLS));
    unlink(path);
    pty_board_stop(&peer);
    TURN_UNTIL(link_downs == 1);
    TURN_UNTIL(now().stale & 1u << NH_BATTERY_CELLS);
    assert_true(pty_board_start(&peer));
    assert_int_equal(symlink(peer.path, path), 0);
    TURN_UNTIL(link_ups == 2 && HAS(NH_BATTERY_CELLS));
}

static void test_the_end_cancels_and_is_no_news(void **state)
{
    const struct nh_battery_request r = {.kind = NH_BATTERY_READ, .count = 1, .done = on_done};
    (void)state;
    start();
    TURN_UNTIL(HAS(NH_BATTERY_CELLS));
    pthread_mutex_lock(&peer.lock);
    peer.board.is_mute = true;
    pthread_mutex_unlock(&peer.lock);
    done_count = 0;
    assert_int_equal(nh_battery_post(battery, &r, NULL), 0);
    nh_battery_stop(battery);
    assert_int_equal(done_count, 1);
    assert_int_equal(link_downs, 0);
    assert_int_equal(nh_battery_post(battery, &r, NULL), NH_ERR_CLOSED);
    nh_battery_stop(battery);
}

#define POST_COUNT 12

static void *post_some(void *arg)
{
    const struct nh_battery_request r = {
        .kind = NH_BATTERY_READ, .count = 1, .deadline_ms = 60000, .done = on_done};
    unsigned *refused = arg;
    for (int i = 0; i < POST_COUNT; i++)
        *refused += nh_battery_post(battery, &r, NULL) < 0;
    return NULL;
}

// From the loop's task, which wakes the other one later, and from another, which does at once.
static void test_posts_of_two_tasks(void **state)
{
    pthread_t thread;
    unsigned refused = 0, refused_here = 0;
    (void)state;
    start();
    TURN_UNTIL(HAS(NH_BATTERY_CELLS));
    done_count = 0;
    assert_int_equal(pthread_create(&thread, NULL, post_some, &refused), 0);
    post_some(&refused_here);
    pthread_join(thread, NULL);
    TURN_UNTIL(done_count + refused + refused_here == 2 * POST_COUNT);
    assert_true(done_count >= 16 - 4); // of a queue of 16
    assert_int_equal(last_reply.outcome, NH_BATTERY_DONE);
}

static void test_no_local_board(void **state)
{
    struct nh_battery_config cfg = config();
    const struct nh_battery_request r = {.kind = NH_BATTERY_READ, .count = 1, .done = on_done};
    struct nh_battery_statistics st;
    struct nh_battery_reply reply;
    uint16_t word;
    (void)state;
    cfg.path = "";
    cfg.mode = NH_BATTERY_REMOTE;
    assert_int_equal(nh_battery_create(&cfg, &battery), 0);
    assert_int_equal(nh_battery_start(battery), 0);
    assert_int_equal(nh_battery_post(battery, &r, NULL), NH_ERR_CLOSED);
    assert_int_equal(nh_battery_ask(battery, &r, 10, &reply), NH_ERR_CLOSED);
    assert_int_equal(nh_battery_cached(battery, 0, 1, 5000, &word), NH_ERR_NOT_FOUND);
    nh_battery_statistics(battery, &st);
    assert_int_equal(st.reads_ok, 0);
}

static uint64_t alloc_count(void)
{
    struct nh_mem_owner_info info;
    uint64_t n = 0;
    for (size_t i = 0; i < nh_mem_owner_count(fx.sys); i++)
        if (nh_mem_owner_info(fx.sys, i, &info) == 0 && strcmp(info.name, "battery") == 0)
            for (int t = 0; t < NH_MEM_TIER_COUNT; t++)
                n += info.tier[t].alloc_count;
    return n;
}

static void test_polls_allocate_nothing(void **state)
{
    struct nh_battery_statistics st;
    (void)state;
    start();
    TURN_UNTIL(HAS(NH_BATTERY_CELLS) && HAS(NH_BATTERY_VERSION_INFO));
    nh_battery_statistics(battery, &st);
    uint64_t before = alloc_count(), reads = st.reads_ok;
    TURN_UNTIL((nh_battery_statistics(battery, &st), st.reads_ok > reads + 8));
    assert_int_equal(alloc_count(), before);
}

static void test_every_allocation_may_fail(void **state)
{
    const struct nh_battery_config cfg = config();
    (void)state;
    for (uint64_t n = 1; n < 100; n++) {
        nh_mem_fault_set(fx.sys, &(struct nh_mem_fault){.fail_nth = n});
        int err = nh_battery_create(&cfg, &battery);
        if (err == 0)
            err = nh_battery_start(battery);
        nh_mem_fault_set(fx.sys, NULL);
        nh_battery_destroy(battery);
        battery = NULL;
        if (err == 0)
            return;
        assert_int_equal(err, NH_ERR_NOMEM);
    }
    fail_msg("it never worked");
}

// ---- requests of tools

static void when_done(nh_exchange_t *x, int err)
{
    if (err < 0)
        nh_reply_err(&x->req, err);
}

static const char *ask_route(const char *query, int *status)
{
    static char text[4096];
    const struct nh_route_table t = nh_battery_routes(battery);
    struct route_play p;
    route_begin(&p, &t, fx.mem, "GET", "/api/battery/registers", query);
    p.x.done = when_done;
    route_finish(&p);
    TURN_UNTIL(!p.x.is_later);
    *status = p.x.status;
    route_read(&p, text, sizeof text, 600);
    route_end(&p);
    return text;
}

static void test_registers_by_http(void **state)
{
    static const char *const bad[] = {"first=600", "first=599&count=2", "count=0",  "count=128",
                                      "first=x",   "first=-1",          "count=1x", "max_age_ms="};
    int status;
    (void)state;
    start();
    TURN_UNTIL(HAS(NH_BATTERY_LIMITS));
    assert_string_equal(ask_route("first=300&count=2", &status),
                        "{\"first\":300,\"values\":[3650,3250]}\n");
    assert_int_equal(status, 200);
    assert_string_equal(ask_route("first=300&count=2&max_age_ms=60000", &status),
                        "{\"first\":300,\"values\":[3650,3250]}\n");
    for (size_t i = 0; i < NH_ARRAY_LEN(bad); i++) {
        ask_route(bad[i], &status);
        if (status != 400)
            fail_msg("%s: %d", bad[i], status);
    }
    assert_non_null(strstr(ask_route("max_age_ms=1d", &status), "max_age_ms must be"));
    pthread_mutex_lock(&peer.lock);
    peer.board.nack_address = 120;
    pthread_mutex_unlock(&peer.lock);
    ask_route("first=120&count=1", &status);
    assert_int_equal(status, 502);
}

// One register of a part whose poll is refused: the others are not known, and not 0.
static void test_a_part_is_offered_whole(void **state)
{
    static const struct {
        uint16_t refused;
        const char *query;
        unsigned field;
    } rows[] = {{116, "first=105&count=1", NH_BATTERY_COUNTERS},
                {509, "first=500&count=1", NH_BATTERY_VERSION_INFO}};
    struct nh_battery__settings_info info;
    int status;
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        pthread_mutex_lock(&peer.lock);
        peer.board.nack_address = rows[i].refused;
        pthread_mutex_unlock(&peer.lock);
        start();
        TURN_UNTIL(HAS(NH_BATTERY_LIMITS));
        ask_route(rows[i].query, &status);
        assert_int_equal(status, 200);
        assert_int_equal(HAS(rows[i].field), 0);
        nh_battery__settings_info(nh_battery__settings_of(battery), &info);
        assert_int_equal(info.has_version && rows[i].field == NH_BATTERY_VERSION_INFO, 0);
        nh_battery_destroy(battery);
        battery = NULL;
    }
}

// One register that was read does not make the others young.
static void test_settings_are_as_old_as_the_oldest(void **state)
{
    struct nh_battery_config cfg = config();
    struct nh_battery__settings_info before, after;
    struct nh_battery_statistics st;
    int status;
    (void)state;
    cfg.slow_ms = 600000;
    assert_int_equal(nh_battery_create(&cfg, &battery), 0);
    assert_int_equal(nh_battery_start(battery), 0);
    TURN_UNTIL(HAS(NH_BATTERY_LIMITS));
    nh_battery_statistics(battery, &st);
    uint64_t end = st.exchanges + 5; // a tenth of a second each
    TURN_UNTIL((nh_battery_statistics(battery, &st), st.exchanges >= end));
    nh_battery__settings_info(nh_battery__settings_of(battery), &before);
    assert_true(before.age_ms > 0);
    ask_route("first=300&count=1", &status);
    nh_battery__settings_info(nh_battery__settings_of(battery), &after);
    assert_true(after.age_ms >= before.age_ms);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode_live),
        cmocka_unit_test(test_decode_temperatures),
        cmocka_unit_test(test_decode_floats_that_are_none),
        cmocka_unit_test(test_decode_the_rest),
        cmocka_unit_test(test_cell_order),
        T(test_the_pack_is_known),
        T(test_what_cannot_be_is_counted),
        T(test_a_mode_change_is_a_new_beginning),
        T(test_a_mode_change_brings_the_slow_values_too),
        T(test_a_mode_change_before_other_news),
        T(test_register_events),
        T(test_statistics_events),
        T(test_the_board_goes),
        T(test_the_end_cancels_and_is_no_news),
        T(test_posts_of_two_tasks),
        T(test_no_local_board),
        T(test_polls_allocate_nothing),
        T(test_every_allocation_may_fail),
        T(test_registers_by_http),
        T(test_a_part_is_offered_whole),
        T(test_settings_are_as_old_as_the_oldest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
