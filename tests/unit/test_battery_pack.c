// The pack's side of the owner: events, alarms into snapshots, what outlives a restart, memory.

#include "linux_fixture.h"

#include "components/battery/battery_pack_state.h"
#include "support/fake_disk.h"
#include "unit/battery_values.h"

#include <string.h>

#define LOCAL NH_BATTERY_FROM_LOCAL
#define T0 INT64_C(1800000000000)

static struct linux_fixture fx;
static nh_mem_t *mem;
static nh_bus_t *bus;
static nh_store_t *store;
static nh_battery__pack_t *p;
static struct fake_disk disk, wreck;
static struct nh_battery_config cfg;
static struct nh_battery__time t;

static struct {
    unsigned changed, alarms, links;
    struct nh_event_battery_alarm alarm;
    struct nh_event_battery_link link;
    struct nh_event_battery_changed change;
    bool is_critical;
} events;
static struct {
    unsigned count;
    uint32_t dirty;
    struct nh_battery_snapshot s;
} changed;

static void on_event(void *ctx, const struct nh_event *e)
{
    (void)ctx;
    if (e->id == NH_EVENT_BATTERY_CHANGED) {
        events.changed++;
        memcpy(&events.change, e->data, sizeof events.change);
    } else if (e->id == NH_EVENT_BATTERY_ALARM) {
        events.alarms++;
        events.is_critical = e->critical;
        memcpy(&events.alarm, e->data, sizeof events.alarm);
    } else {
        events.links++;
        memcpy(&events.link, e->data, sizeof events.link);
    }
}

static void on_changed(void *ctx, uint32_t dirty, const struct nh_battery_snapshot *s)
{
    (void)ctx;
    changed.count++;
    changed.dirty = dirty;
    changed.s = *s;
}

static void store_open(void)
{
    const struct nh_store_config c = {
        .mem = fx.mem, .fs = fake_disk_fs(&disk), .dir = "store", .keep_count = 2};
    assert_int_equal(nh_store_create(&c, &store), 0);
    cfg.store = store;
}

static void store_close(void)
{
    nh_store_destroy(store);
    store = NULL;
}

static void make(void)
{
    assert_int_equal(nh_battery__pack_create(&cfg, t, &p), 0);
}

static void unmake(void)
{
    nh_battery__pack_destroy(p);
    p = NULL;
}

static int setup(void **state)
{
    static const nh_event_id_t ids[] = {NH_EVENT_BATTERY_CHANGED, NH_EVENT_BATTERY_ALARM,
                                        NH_EVENT_BATTERY_LINK};
    nh_bus_sub_t *sub;
    (void)state;
    fixture_start(&fx);
    assert_int_equal(nh_mem_owner_add(fx.sys, "battery", NULL, &mem), 0);
    assert_int_equal(nh_bus_create(&(struct nh_bus_config){.mem = fx.mem}, &bus), 0);
    assert_int_equal(nh_bus_subscribe(bus,
                                      &(struct nh_bus_sub_config){.name = "test",
                                                                  .ids = ids,
                                                                  .id_count = NH_ARRAY_LEN(ids),
                                                                  .handle = on_event},
                                      &sub),
                     0);
    fake_disk_init(&disk);
    memset(&events, 0, sizeof events);
    memset(&changed, 0, sizeof changed);
    t = (struct nh_battery__time){.now_ms = 1000, .unix_ms = T0};
    cfg = (struct nh_battery_config){.mem = mem,
                                     .bus = bus,
                                     .stale_ms = 2000,
                                     .slow_ms = 60000,
                                     .history_count = 256,
                                     .changed = on_changed};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unmake();
    store_close();
    nh_bus_destroy(bus);
    fixture_stop(&fx);
    return 0;
}

// ---- time --------------------------------------------------------------------------------------

static void pass(uint64_t ms)
{
    uint64_t end = t.now_ms + ms, due;
    for (unsigned i = 0; (due = nh_battery__pack_tick(p, t)) <= end; i++) {
        assert_true(i < 100000);
        assert_true(due > t.now_ms); // what is due was done
        t.unix_ms += (int64_t)(due - t.now_ms);
        t.now_ms = due;
    }
    t.unix_ms += (int64_t)(end - t.now_ms);
    t.now_ms = end;
}

static struct nh_battery_candidate candidate(void)
{
    return pack_candidate(LOCAL, nh_battery__pack_generation(p), t.now_ms);
}

static void offer(const struct nh_battery_candidate *c)
{
    assert_int_equal(nh_battery__pack_offer(p, c, t), 0);
}

// Polls twice a second with `c` for `ms`.
static void poll(struct nh_battery_candidate c, uint64_t ms)
{
    for (uint64_t end = t.now_ms + ms; t.now_ms < end;) {
        c.time_ms = t.now_ms;
        c.generation = nh_battery__pack_generation(p);
        offer(&c);
        pass(500);
    }
}

static struct nh_battery_snapshot snapshot(void)
{
    struct nh_battery_snapshot s;
    nh_battery__pack_read(p, &s);
    return s;
}

// ---- events ------------------------------------------------------------------------------------

static void test_changes_and_links_are_events(void **state)
{
    (void)state;
    make();
    nh_battery__pack_link(p, LOCAL, true, t);
    assert_int_equal(events.links, 1);
    assert_true(events.link.is_up && events.link.source == LOCAL);
    nh_battery__pack_link(p, LOCAL, true, t);
    assert_int_equal(events.links, 1);
    struct nh_battery_candidate c = candidate();
    unsigned before = events.changed;
    offer(&c);
    pass(250);
    assert_int_equal(events.changed, before + 1);
    assert_int_equal(events.change.source, LOCAL);
    assert_true(events.change.dirty & BIT(NH_BATTERY_CELLS));
    assert_int_equal(changed.dirty, events.change.dirty);
    assert_int_equal(changed.s.v.soc_mpct, 73250);
    nh_battery__pack_link(p, LOCAL, false, t);
    assert_false(events.link.is_up);
    assert_int_equal(nh_battery__pack_mode_set(p, NH_BATTERY_REMOTE, t), 0);
    assert_int_equal(events.change.mode, NH_BATTERY_REMOTE);
    assert_int_equal(nh_battery__pack_mode_set(p, (enum nh_battery_mode)9, t), NH_ERR_RANGE);
}

static void test_alarms_are_events_and_stand_in_snapshots(void **state)
{
    (void)state;
    make();
    struct nh_battery_candidate c = candidate();
    c.values.soc_mpct = 4000;
    poll(c, 6000);
    assert_int_equal(events.alarms, 1);
    assert_true(events.is_critical);
    assert_int_equal(events.alarm.severity, NH_BATTERY_CRITICAL);
    assert_int_equal(events.alarm.active_count, 1);
    assert_int_equal(events.alarm.unacknowledged_count, 1);
    assert_string_equal(events.alarm.message, "charge low: 4.0 % (limit 5.0)");
    struct nh_battery_snapshot s = snapshot();
    assert_int_equal(s.alarm_count, 1);
    assert_int_equal(s.alarm_worst, NH_BATTERY_CRITICAL);
    assert_int_equal(nh_battery__pack_acknowledge(p, events.alarm.id, t), 0);
    assert_int_equal(events.alarms, 2);
    assert_int_equal(snapshot().unacknowledged, 0);
    assert_int_equal(nh_battery__pack_acknowledge(p, 77, t), NH_ERR_NOT_FOUND);
    // Silence is told by the clock alone.
    pass(2000 + 3000 + 100);
    assert_int_equal(events.alarm.code, NH_BATTERY__SILENCE);
    assert_int_equal(snapshot().alarm_count, 2);
}

// Never heard since the start is silence too, of a source that is configured and asked.
static void test_never_heard(void **state)
{
    static const struct {
        const char *path;
        bool has_gateway;
        uint8_t mode;
        unsigned alarms;
    } rows[] = {
        {"", false, NH_BATTERY_AUTO, 0},
        {"/dev/ttyX", false, NH_BATTERY_AUTO, 1},
        {"", true, NH_BATTERY_AUTO, 1},
        {"/dev/ttyX", false, NH_BATTERY_LOCAL, 1},
        {"", true, NH_BATTERY_REMOTE, 1},
        {NULL, true, NH_BATTERY_LOCAL, 0},
        {"/dev/ttyX", false, NH_BATTERY_REMOTE, 0},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        cfg.path = rows[i].path;
        cfg.has_gateway = rows[i].has_gateway;
        cfg.mode = rows[i].mode;
        memset(&events, 0, sizeof events);
        make();
        pass(4900);
        assert_int_equal(events.alarms, 0);
        pass(200);
        assert_int_equal(events.alarms, rows[i].alarms);
        if (rows[i].alarms) {
            assert_int_equal(events.alarm.code, NH_BATTERY__SILENCE);
            poll(pack_candidate(rows[i].has_gateway ? NH_BATTERY_FROM_REMOTE : LOCAL, 1, 0), 1500);
            assert_int_equal(events.alarm.state, NH_BATTERY_CLEARED);
        }
        unmake();
    }
}

static void test_the_boards_log(void **state)
{
    uint16_t words[NH_TINYBMS_EVENTS_COUNT] = {0};
    (void)state;
    make();
    words[0] = 0x423F; // 1000000 - 1
    words[1] = 0x610F;
    nh_battery__pack_board_log(p, words, 1000000, t);
    assert_int_equal(events.alarms, 0);
    assert_int_equal(p->log_count, 1);
    words[2] = 0x4245; // 5 s later
    words[3] = 0x030F;
    nh_battery__pack_board_log(p, words, 1000010, t);
    assert_int_equal(events.alarms, 1);
    assert_int_equal(events.alarm.code, 103);
    assert_int_equal(snapshot().alarm_count, 1);
    assert_int_equal(p->log_count, 2);
    assert_int_equal(p->log[0].id, 3); // newest first
    assert_int_equal(p->log[0].age_s, 5);
    assert_int_equal(p->log[1].age_s, 11);
}

// Over within the second that it came in: nothing stays active.
static void test_a_fault_of_less_than_a_second(void **state)
{
    uint16_t words[NH_TINYBMS_EVENTS_COUNT] = {0x4200, 0x610F};
    (void)state;
    make();
    nh_battery__pack_board_log(p, words, 1000000, t);
    words[2] = words[4] = 0x4240;
    words[3] = 0x030F; // over-voltage
    words[5] = 0x790F; // over again
    nh_battery__pack_board_log(p, words, 1000001, t);
    assert_int_equal(nh_battery__alarms_sum(&p->alarms).active, 0);
    assert_int_equal(p->log[0].id, 0x79);
    assert_int_equal(p->log[1].id, 0x03);
}

// ---- what is kept ------------------------------------------------------------------------------

// A pack that discharges at about 537 W, with an alarm that was acknowledged.
static void live(uint64_t ms)
{
    struct nh_battery_candidate c = candidate();
    c.values.soc_mpct = 8000;
    poll(c, ms);
    if (nh_battery__alarms_sum(&p->alarms).unacknowledged)
        assert_int_equal(nh_battery__pack_acknowledge(p, 0, t), 0);
}

static void test_meters_and_alarms_outlive_a_restart(void **state)
{
    (void)state;
    store_open();
    make();
    live(3600000);
    uint16_t words[NH_TINYBMS_EVENTS_COUNT] = {0x423F, 0x610F};
    nh_battery__pack_board_log(p, words, 1000000, t);
    struct nh_battery_snapshot before = snapshot();
    assert_true(before.v.energy_out_mwh > 500000);
    nh_battery__keep_stop(p, t.now_ms);
    unmake();
    store_close();
    store_open();
    t.now_ms = 500; // another life
    make();
    struct nh_battery_snapshot s = snapshot();
    assert_int_equal(s.v.energy_out_mwh, before.v.energy_out_mwh);
    assert_int_equal(s.field_source[NH_BATTERY_ENERGY], NH_BATTERY_FROM_STORE);
    assert_int_equal(nh_battery__alarms_sum(&p->alarms).active, 1);
    assert_int_equal(nh_battery__alarms_sum(&p->alarms).unacknowledged, 0);
    // The log that was seen is not news; what came since is.
    events.alarms = 0;
    nh_battery__pack_board_log(p, words, 1000060, t);
    assert_int_equal(events.alarms, 0);
    words[2] = 0x4248;
    words[3] = 0x620F;
    nh_battery__pack_board_log(p, words, 1000060, t);
    assert_int_equal(events.alarms, 1);
    assert_int_equal(events.alarm.code, 100 + 0x62);
    struct nh_battery_candidate c = candidate();
    poll(c, 11000); // it is well again
    assert_int_equal(nh_battery__alarms_sum(&p->alarms).active, 0);
}

static uint8_t mode_after_restart(enum nh_battery_mode configured)
{
    unmake();
    store_close();
    store_open();
    cfg.mode = (uint8_t)configured;
    make();
    return snapshot().mode;
}

// What somebody set holds over a restart, until the configuration says something else.
static void test_the_mode_outlives_a_restart(void **state)
{
    struct nh_write_behind_info info;
    (void)state;
    store_open();
    cfg.mode = NH_BATTERY_LOCAL;
    make();
    for (unsigned i = 0; i < 99; i++) // turned back and forth: one write
        assert_int_equal(nh_battery__pack_mode_set(p, (enum nh_battery_mode)(i % 3), t), 0);
    pass(2100);
    nh_write_behind_info(&p->mode_keep, &info);
    assert_int_equal(info.made, 1);
    assert_int_equal(mode_after_restart(NH_BATTERY_LOCAL), NH_BATTERY_AUTO);
    assert_int_equal(snapshot().generation, 1);
    assert_int_equal(events.changed > 0 ? events.change.mode : NH_BATTERY_AUTO, NH_BATTERY_AUTO);
    assert_int_equal(mode_after_restart(NH_BATTERY_REMOTE), NH_BATTERY_REMOTE);
    assert_int_equal(mode_after_restart(NH_BATTERY_LOCAL), NH_BATTERY_AUTO);
}

// A day at 537 W: meters are written each five minutes at most, and what is lost at any moment is
// at most five minutes and ten watt-hours.
static void test_meters_do_not_wear_the_flash(void **state)
{
    struct nh_write_behind_info info;
    (void)state;
    store_open();
    make();
    struct nh_battery_candidate c = candidate();
    for (unsigned i = 0; i < 24 * 3600; i++) {
        c.time_ms = t.now_ms;
        offer(&c);
        (void)nh_battery__pack_tick(p, t);
        t.now_ms += 1000;
        t.unix_ms += 1000;
    }
    nh_write_behind_info(&p->energy_keep, &info);
    assert_in_range(info.made, 200, 288);
    assert_int_equal(info.failed, 0);
    nh_write_behind_info(&p->alarms_keep, &info);
    assert_int_equal(info.made, 0); // nothing happened
}

static void test_a_store_that_fails_is_tried_again(void **state)
{
    (void)state;
    store_open();
    make();
    const struct fake_disk_fault fault = {.kind = FAKE_DISK_FAIL, .call = 1, .err = NH_ERR_NOSPC};
    fake_disk_fault_set(&disk, &fault);
    live(8000); // the alarm's write fails
    struct nh_write_behind_info info;
    pass(20000);
    nh_write_behind_info(&p->alarms_keep, &info);
    assert_int_equal(info.failed, 1);
    assert_true(info.made > 0);
    assert_int_equal(info.pending, 0);
}

static void test_damaged_documents_begin_anew(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "{}",
        "[1]",
        "{\"version\":2,\"in_uj\":1,\"out_uj\":1,\"out_mams\":1}",
        "{\"version\":1,\"in_uj\":-1,\"out_uj\":1,\"out_mams\":1}",
        "{\"version\":1,\"next_id\":5,\"alarms\":[{\"id\":1,\"code\":3,\"severity\":9}]}",
        "{\"version\":1,\"next_id\":5,\"alarms\":[{\"id\":1}]}"};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(texts); i++) {
        fake_disk_init(&disk);
        store_open();
        assert_true(nh_store_put(store, "battery", texts[i], strlen(texts[i])) > 0);
        assert_true(nh_store_put(store, "battery_alarms", texts[i], strlen(texts[i])) > 0);
        make();
        assert_int_equal(snapshot().v.energy_in_mwh, 0);
        assert_int_equal(p->alarms.count, 0);
        assert_int_equal(nh_battery__alarms_sum(&p->alarms).active, 0);
        live(8000);
        assert_int_equal(nh_battery__alarms_sum(&p->alarms).active, 1);
        unmake();
        store_close();
    }
}

static bool is_kept_whole(uint64_t *energy, uint32_t *alarms)
{
    make();
    *energy = snapshot().v.energy_out_mwh;
    *alarms = p->alarms.count;
    bool is_whole = true;
    for (uint32_t i = 0; i < p->alarms.count; i++)
        is_whole = is_whole && p->alarms.entry[i].code == NH_BATTERY__SOC_LOW &&
                   strncmp(p->alarms.entry[i].message, "charge low", 10) == 0;
    unmake();
    return is_whole;
}

// The power goes at each call of the disk, and in the middle of each write: afterwards both
// documents are there, as before or as after.
static void test_power_cut_at_each_write(void **state)
{
    static struct fake_disk base;
    uint64_t energy[3];
    uint32_t alarms[3], cuts = 0;
    (void)state;
    store_open();
    make();
    live(100000);
    nh_battery__keep_stop(p, t.now_ms);
    unmake();
    assert_true(is_kept_whole(&energy[0], &alarms[0]));
    store_close();
    fake_disk_copy(&base, &disk);
    for (uint32_t call = 1, is_struck = 1; is_struck; call++) {
        for (unsigned kind = FAKE_DISK_CUT_BEFORE; kind <= FAKE_DISK_CUT_AFTER; kind++) {
            fake_disk_copy(&disk, &base);
            store_open();
            make();
            struct nh_battery_candidate well = candidate();
            poll(well, 11000); // ends the alarm
            live(100000);      // and another one
            const struct fake_disk_fault fault = {
                .kind = (enum fake_disk_fault_kind)kind, .call = call, .bytes = call % 7 * 50};
            fake_disk_fault_set(&disk, &fault);
            nh_write_behind_changed(&p->alarms_keep, t.now_ms);
            nh_battery__keep_stop(p, t.now_ms);
            is_struck = disk.is_struck;
            cuts += is_struck;
            unmake();
            store_close();
            fake_disk_copy(&wreck, &disk);
            fake_disk_power_cycle(&wreck, (enum fake_disk_fate)(call % 4), call * 31 + kind);
            fake_disk_copy(&disk, &wreck);
            store_open();
            assert_true(is_kept_whole(&energy[1], &alarms[1]));
            store_close();
            assert_true(energy[1] >= energy[0] && energy[0] > 0);
            assert_true(alarms[1] >= alarms[0] && alarms[0] > 0);
        }
    }
    assert_true(cuts > 20);
}

// ---- memory ------------------------------------------------------------------------------------

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    uint64_t n = 1;
    for (;; n++) {
        nh_mem_fault_set(fx.sys, &(struct nh_mem_fault){.fail_nth = n, .only_owner = mem});
        int err = nh_battery__pack_create(&cfg, t, &p);
        nh_mem_fault_set(fx.sys, NULL);
        if (err == 0)
            break;
        assert_int_equal(err, NH_ERR_NOMEM);
        assert_null(p);
    }
    assert_int_equal(n, 5); // pack, model, box, points; the fifth is not asked for
    live(8000);
}

static uint64_t allocations(size_t *internal_bytes)
{
    struct nh_mem_owner_info info;
    for (size_t i = 0; nh_mem_owner_info(fx.sys, i, &info) == 0; i++)
        if (strcmp(info.name, "battery") == 0) {
            *internal_bytes = info.tier[NH_MEM_INTERNAL].current_bytes;
            return info.tier[0].alloc_count + info.tier[1].alloc_count;
        }
    fail_msg("no owner");
    return 0;
}

static void test_steady_state_allocates_nothing(void **state)
{
    size_t internal_bytes;
    (void)state;
    make();
    uint64_t before = allocations(&internal_bytes);
    assert_int_equal(internal_bytes, 0); // all of it is in PSRAM
    live(60000);
    struct nh_battery_candidate c = candidate();
    poll(c, 60000);
    assert_true(allocations(&internal_bytes) == before);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_changes_and_links_are_events),
        T(test_alarms_are_events_and_stand_in_snapshots),
        T(test_never_heard),
        T(test_the_boards_log),
        T(test_a_fault_of_less_than_a_second),
        T(test_meters_and_alarms_outlive_a_restart),
        T(test_the_mode_outlives_a_restart),
        T(test_meters_do_not_wear_the_flash),
        T(test_a_store_that_fails_is_tried_again),
        T(test_damaged_documents_begin_anew),
        T(test_power_cut_at_each_write),
        T(test_each_allocation_may_fail),
        T(test_steady_state_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
