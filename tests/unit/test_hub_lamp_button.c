// The button's line as a part of the hub: from an edge on a line that is made up
// (tests/support/fake_gpiod.h) to the lamp's state.

#include "hub/hub_lamp_hw.h"
#include "hub/hub_parts.h"
#include "linux_fixture.h"
#include "support/fake_gpiod.h"

static struct linux_fixture f;
static struct nh_hub hub;

static uint64_t next(void *ctx)
{
    (void)ctx;
    return nh_sched_next_deadline(hub.sched);
}

static void fire(void *ctx, uint64_t now_ms)
{
    (void)ctx;
    nh_sched_run(hub.sched, now_ms);
}

static int begin(void **state)
{
    static const struct nh_loop_deadline deadline = {.next = next, .fire = fire};
    (void)state;
    fixture_start(&f);
    fake_gpiod_reset();
    memset(&hub, 0, sizeof hub);
    nh_hub_config_defaults(&hub.cfg);
    snprintf(hub.cfg.lamp_button.chip, sizeof hub.cfg.lamp_button.chip, "/dev/gpiochip0");
    hub.cfg.lamp_button.line = 2;
    hub.cfg.lamp_button.click_gap_ms = 40;
    hub.cfg.lamp_button.debounce_ms = 3;
    hub.cfg.lamp_button.rate_ms = 1;
    hub.cfg.lamp_button.long_ms = 100;
    const struct nh_sched_config sched = {.mem = f.mem};
    assert_int_equal(nh_loop_create(f.mem, &hub.loop), NH_OK);
    assert_int_equal(nh_sched_create(&sched, &hub.sched), NH_OK);
    assert_int_equal(nh_loop_deadline_add(hub.loop, &deadline), NH_OK);
    const struct nh_lamp_config lamp = {
        .mem = f.mem, .sys = f.sys, .loop = hub.loop, .width = 8, .height = 8};
    assert_int_equal(nh_lamp_create(&lamp, &hub.lamp), NH_OK);
    assert_int_equal(nh_lamp_start(hub.lamp), NH_OK);
    return 0;
}

static int end(void **state)
{
    static const struct nh_loop_deadline deadline = {.next = next, .fire = fire};
    (void)state;
    nh_hub__stop_lamp_button(&hub);
    nh_lamp_destroy(hub.lamp);
    nh_loop_deadline_remove(hub.loop, &deadline);
    PUMP(hub.loop, 3);
    nh_sched_destroy(hub.sched);
    nh_loop_destroy(hub.loop);
    assert_int_equal(fake_gpiod.lines_held, 0);
    fixture_stop(&f);
    return 0;
}

static struct nh_lamp_snapshot lamp(void)
{
    struct nh_lamp_snapshot s;
    nh_lamp_snapshot(hub.lamp, &s);
    return s;
}

// Turns the loop until so long has passed.
static void let_pass(uint64_t ms)
{
    uint64_t until_ms = nh_clock_ms() + ms;
    PUMP_UNTIL(hub.loop, nh_clock_ms() >= until_ms);
}

// Down for 10 ms and up for 10, `count` times, up to now.
static void clicks(unsigned count)
{
    // Not before what the button was asked last: that time does not go back.
    let_pass(count * 20 + 5);
    uint64_t at_ms = fake_gpiod_now_ms() - count * 20;
    for (unsigned i = 0; i < count; i++, at_ms += 20) {
        fake_gpiod_edge_at(2, 1, at_ms);
        fake_gpiod_edge_at(2, 0, at_ms + 10);
    }
}

static void test_gestures(void **state)
{
    (void)state;
    assert_int_equal(nh_hub__start_lamp_button(&hub, f.mem), NH_OK);
    PUMP_UNTIL(hub.loop, lamp().power == NH_LAMP_ON);
    uint16_t first = lamp().state.effect_id;
    clicks(1);
    PUMP_UNTIL(hub.loop, lamp().state.paused);
    assert_int_equal(lamp().changed_by, NH_ORIGIN_BUTTON);
    assert_string_equal(lamp().changed_who, "line");
    clicks(2);
    PUMP_UNTIL(hub.loop, lamp().state.effect_id == nh_fx_next(first));
    clicks(3);
    PUMP_UNTIL(hub.loop, lamp().state.effect_id == first);
    let_pass(90);
    fake_gpiod_edge(2, 1, 90, true);
    PUMP_UNTIL(hub.loop, !lamp().state.power);
    fake_gpiod_edge(2, 0, 0, true);
    assert_true(lamp().state.paused); // all the time
}

// The loop was busy for longer than the gap: both clicks wait in the kernel when the timer of the
// first is due.
static void test_a_busy_loop_counts_right(void **state)
{
    (void)state;
    assert_int_equal(nh_hub__start_lamp_button(&hub, f.mem), NH_OK);
    PUMP_UNTIL(hub.loop, lamp().power == NH_LAMP_ON);
    uint16_t first = lamp().state.effect_id;
    uint64_t begun_ms = nh_clock_ms();
    fake_gpiod_edge(2, 1, 0, true);
    PUMP_UNTIL(hub.loop, nh_sched_next_deadline(hub.sched) != NH_NEVER); // heard of
    while (nh_clock_ms() < begun_ms + 200)
        sched_yield();
    uint64_t at_ms = fake_gpiod_now_ms() - 190;
    fake_gpiod_edge_at(2, 0, at_ms);
    fake_gpiod_edge_at(2, 1, at_ms + 10);
    fake_gpiod_edge_at(2, 0, at_ms + 20);
    nh_sched_run(hub.sched, nh_clock_ms()); // as the loop does: what is due before what came
    PUMP_UNTIL(hub.loop, lamp().state.effect_id != first);
    assert_int_equal(lamp().state.effect_id, nh_fx_next(first));
    assert_false(lamp().state.paused);
}

static void test_the_line_is_taken(void **state)
{
    (void)state;
    fake_gpiod.line[2].is_taken = true;
    assert_int_equal(nh_hub__start_lamp_button(&hub, f.mem), NH_OK); // without it
    assert_int_equal(fake_gpiod.lines_held, 0);
}

static void test_memory_fails(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 2; n++) {
        nh_mem_fault_set(f.sys, &(struct nh_mem_fault){.fail_nth = n});
        int err = nh_hub__start_lamp_button(&hub, f.mem);
        nh_mem_fault_set(f.sys, NULL);
        assert_int_equal(err, n == 1 ? NH_ERR_NOMEM : NH_OK);
        assert_true((hub.lamp_button != NULL) == (err == NH_OK));
        assert_int_equal(fake_gpiod.lines_held, 0); // the second: no memory for the line
        nh_hub__stop_lamp_button(&hub);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_gestures, begin, end),
        cmocka_unit_test_setup_teardown(test_a_busy_loop_counts_right, begin, end),
        cmocka_unit_test_setup_teardown(test_the_line_is_taken, begin, end),
        cmocka_unit_test_setup_teardown(test_memory_fails, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
