// The order in which the panels are switched, played on a made-up clock against panels that obey,
// fail or hang: rows 2 and 3 of the lamp's check-list.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "components/lamp/lamp_power.h"
#include "support/rng.h"

#include <stdio.h>
#include <string.h>

// Panels, and what a wrong order would do to them.
struct bench {
    nh_lamp__power_t p;
    uint64_t now_ms;
    char trace[4096];
    bool is_low, is_powered, is_open, runs, is_told;
    uint64_t powered_ms; // since when
    int data_err, on_err, off_err, open_err, start_err;
    unsigned on_failures; // of the next attempts
    bool hangs;           // the render task does not end when it is told to
};

static void note(struct bench *b, const char *what)
{
    size_t len = strlen(b->trace);
    snprintf(b->trace + len, sizeof b->trace - len, "%s%s@%u", len ? " " : "", what,
             (unsigned)b->now_ms);
}

static int switch_on(struct bench *b)
{
    note(b, "on");
    assert_true(b->is_low && !b->is_open && !b->runs);
    if (b->on_err || b->on_failures) {
        b->on_failures -= b->on_failures > 0;
        return b->on_err ? b->on_err : NH_ERR_IO;
    }
    b->is_powered = true;
    b->powered_ms = b->now_ms;
    return 0;
}

static int switch_off(struct bench *b)
{
    note(b, "off");
    assert_true(b->is_low && !b->is_open && !b->runs);
    if (b->off_err)
        return b->off_err;
    b->is_powered = false;
    return 0;
}

static int deed(struct bench *b, enum nh_lamp__deed what)
{
    switch (what) {
    case NH_LAMP__DO_DATA_LOW:
        note(b, "low");
        assert_false(b->is_open || b->runs);
        b->is_low = b->data_err == 0;
        return b->data_err;
    case NH_LAMP__DO_SWITCH_ON:
        return switch_on(b);
    case NH_LAMP__DO_SWITCH_OFF:
        return switch_off(b);
    case NH_LAMP__DO_OPEN:
        note(b, "open");
        assert_true(b->is_powered && b->now_ms >= b->powered_ms + 50);
        if (b->open_err)
            return b->open_err;
        b->is_open = true;
        b->is_low = false;
        return 0;
    case NH_LAMP__DO_START:
        note(b, "start");
        assert_true(b->is_open && b->is_powered && !b->runs);
        b->runs = b->start_err == 0;
        return b->start_err;
    case NH_LAMP__DO_STOP:
        note(b, "stop");
        b->is_told = true;
        return 0;
    case NH_LAMP__DO_WITHDRAW:
        note(b, "withdraw");
        b->is_told = false;
        return 0;
    case NH_LAMP__DO_JOIN:
        note(b, "join");
        assert_false(b->runs);
        b->is_told = false;
        return 0;
    case NH_LAMP__DO_CLOSE:
        note(b, "close");
        assert_true(b->is_open && !b->runs);
        b->is_open = false;
        return 0;
    case NH_LAMP__DO_NOTHING:
        break;
    }
    return 0;
}

// All that is to be done now; the task ends by itself when it was told to.
static void act(struct bench *b)
{
    for (int n = 0; n < 100; n++) {
        enum nh_lamp__deed what = nh_lamp__power_next(&b->p, b->now_ms);
        if (what == NH_LAMP__DO_NOTHING && b->runs && b->is_told && !b->hangs) {
            b->runs = false;
            nh_lamp__power_ended(&b->p, b->now_ms);
            continue;
        }
        if (what == NH_LAMP__DO_NOTHING)
            return;
        nh_lamp__power_done(&b->p, deed(b, what), b->now_ms);
    }
    fail_msg("it does not come to an end: %s", b->trace);
}

// Until nothing waits any more, at most so long.
static void settle(struct bench *b, uint64_t span_ms)
{
    uint64_t end_ms = b->now_ms + span_ms;
    act(b);
    while (nh_lamp__power_deadline(&b->p) <= end_ms) {
        if (nh_lamp__power_deadline(&b->p) > b->now_ms)
            b->now_ms = nh_lamp__power_deadline(&b->p);
        act(b);
    }
    b->now_ms = end_ms;
}

static struct bench fresh(void)
{
    struct bench b = {.now_ms = 1000};
    nh_lamp__power_init(&b.p);
    return b;
}

static void want(struct bench *b, bool on)
{
    nh_lamp__power_want(&b->p, on, b->now_ms);
    act(b);
}

static void assert_state(const struct bench *b, enum nh_lamp_power state)
{
    if (nh_lamp__power_state(&b->p) != state)
        fail_msg("state %d: %s", (int)nh_lamp__power_state(&b->p), b->trace);
}

// ---- row 2 -------------------------------------------------------------------------------------

static void test_row2_on_and_off_in_order(void **state)
{
    struct bench b = fresh();
    (void)state;
    assert_state(&b, NH_LAMP_OFF);
    want(&b, true);
    assert_state(&b, NH_LAMP_SWITCHING_ON);
    settle(&b, 500);
    assert_state(&b, NH_LAMP_ON);
    assert_string_equal(b.trace, "low@1000 on@1000 open@1050 start@1050");
    b.trace[0] = '\0';
    want(&b, false);
    assert_state(&b, NH_LAMP_SWITCHING_OFF);
    settle(&b, 500);
    assert_state(&b, NH_LAMP_OFF);
    assert_string_equal(b.trace, "stop@1500 join@1500 close@1500 low@1500 off@1500");
    assert_true(nh_lamp__power_is_dark(&b.p));
}

static void test_row2_off_settles_before_on(void **state)
{
    struct bench b = fresh();
    (void)state;
    want(&b, true);
    settle(&b, 500);
    want(&b, false);
    b.trace[0] = '\0';
    want(&b, true);
    settle(&b, 500);
    assert_string_equal(b.trace, "low@1530 on@1530 open@1580 start@1580");
}

static void test_row2_switch_is_tried_five_times(void **state)
{
    struct bench b = fresh();
    (void)state;
    b.on_failures = 4;
    want(&b, true);
    settle(&b, 500);
    assert_state(&b, NH_LAMP_ON);
    assert_string_equal(b.trace,
                        "low@1000 on@1000 on@1050 on@1100 on@1150 on@1200 open@1250 start@1250");
}

static void test_row2_switch_that_fails_shows_nothing(void **state)
{
    struct bench b = fresh();
    (void)state;
    b.on_err = NH_ERR_TIMEOUT;
    want(&b, true);
    settle(&b, 5000);
    assert_state(&b, NH_LAMP_FAILED);
    assert_string_equal(b.trace, "low@1000 on@1000 on@1050 on@1100 on@1150 on@1200 off@1200");
    assert_true(b.is_low && !b.is_open && !b.runs);
    assert_int_equal(b.p.error, NH_ERR_TIMEOUT);
    assert_int_equal(nh_lamp__power_deadline(&b.p), NH_NEVER); // it does not try by itself
    b.on_err = 0;
    want(&b, true); // who asks again is not told that it is on already
    settle(&b, 500);
    assert_state(&b, NH_LAMP_ON);
}

static void test_row2_other_failures(void **state)
{
    (void)state;
    for (int which = 0; which < 3; which++) {
        struct bench b = fresh();
        *(which == 0 ? &b.data_err : which == 1 ? &b.open_err : &b.start_err) = NH_ERR_NOMEM;
        want(&b, true);
        settle(&b, 5000);
        assert_state(&b, NH_LAMP_FAILED);
        assert_true(!b.is_open && !b.runs && !b.is_powered);
        want(&b, false);
        settle(&b, 500);
        assert_state(&b, NH_LAMP_OFF);
    }
}

static void test_row2_switch_that_stays_on(void **state)
{
    struct bench b = fresh();
    (void)state;
    want(&b, true);
    settle(&b, 500);
    b.off_err = NH_ERR_IO;
    want(&b, false);
    settle(&b, 5000);
    assert_state(&b, NH_LAMP_FAILED);
    assert_true(b.is_low && !b.is_open && !b.runs);
    assert_non_null(strstr(b.trace, "off@1500 off@1550 off@1600 off@1650 off@1700"));
    b.off_err = 0;
    want(&b, true);
    settle(&b, 500);
    assert_state(&b, NH_LAMP_ON);
}

// ---- row 3 -------------------------------------------------------------------------------------

static void test_row3_task_that_hangs_keeps_its_power(void **state)
{
    struct bench b = fresh();
    (void)state;
    want(&b, true);
    settle(&b, 500);
    b.trace[0] = '\0';
    b.hangs = true;
    want(&b, false);
    settle(&b, 999);
    assert_state(&b, NH_LAMP_SWITCHING_OFF);
    settle(&b, 1);
    assert_state(&b, NH_LAMP_FAILED);
    assert_string_equal(b.trace, "stop@1500 withdraw@2500");
    assert_true(b.is_powered && b.is_open && b.runs);
    assert_int_equal(b.p.error, NH_ERR_TIMEOUT);
    // Asked again, it obeys by now.
    b.hangs = false;
    want(&b, false);
    settle(&b, 500);
    assert_state(&b, NH_LAMP_OFF);
    assert_false(b.is_powered);
}

static void test_row3_task_that_ends_too_late(void **state)
{
    for (int on = 0; on < 2; on++) {
        struct bench b = fresh();
        (void)state;
        want(&b, true);
        settle(&b, 500);
        b.hangs = true;
        want(&b, false);
        settle(&b, 1000);
        assert_state(&b, NH_LAMP_FAILED);
        if (on)
            want(&b, true);
        b.runs = false; // it had heard it before it was withdrawn
        nh_lamp__power_ended(&b.p, b.now_ms);
        b.hangs = false;
        settle(&b, 500);
        assert_state(&b, on ? NH_LAMP_ON : NH_LAMP_OFF);
    }
}

static void test_row3_idempotent(void **state)
{
    struct bench b = fresh();
    (void)state;
    for (int n = 0; n < 5; n++)
        want(&b, false);
    assert_string_equal(b.trace, "");
    for (int n = 0; n < 5; n++) {
        want(&b, true);
        b.now_ms += 7;
    }
    settle(&b, 500);
    want(&b, true);
    assert_string_equal(b.trace, "low@1000 on@1000 open@1050 start@1050");
    b.trace[0] = '\0';
    b.hangs = true;
    want(&b, false);
    want(&b, false); // the second caller waits with the first
    b.hangs = false;
    settle(&b, 500);
    assert_string_equal(b.trace, "stop@1535 join@1535 close@1535 low@1535 off@1535");
}

// Whatever is asked for, fails and hangs: the panels are only switched with a low line and nothing
// running (the bench asserts that), and in the end they are as was asked last.
static void test_row3_at_random(void **state)
{
    struct rng r = {20240917};
    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct bench b = fresh();
        bool last = false;
        for (int n = 0; n < 30; n++) {
            b.trace[0] = '\0';
            b.on_failures = rng_below(&r, 8) == 0 ? rng_below(&r, 7) : 0;
            b.off_err = rng_below(&r, 8) == 0 ? NH_ERR_IO : 0;
            b.open_err = rng_below(&r, 8) == 0 ? NH_ERR_BUSY : 0;
            b.start_err = rng_below(&r, 8) == 0 ? NH_ERR_NOMEM : 0;
            b.hangs = rng_below(&r, 8) == 0;
            last = rng_below(&r, 2);
            want(&b, last);
            settle(&b, rng_below(&r, 1500));
        }
        b.off_err = b.open_err = b.start_err = 0;
        b.hangs = false;
        b.on_failures = 0;
        settle(&b, 2000);
        want(&b, last);
        settle(&b, 2000);
        assert_state(&b, last ? NH_LAMP_ON : NH_LAMP_OFF);
        assert_int_equal(b.runs, last);
        assert_int_equal(b.is_powered, last);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_row2_on_and_off_in_order),
        cmocka_unit_test(test_row2_off_settles_before_on),
        cmocka_unit_test(test_row2_switch_is_tried_five_times),
        cmocka_unit_test(test_row2_switch_that_fails_shows_nothing),
        cmocka_unit_test(test_row2_other_failures),
        cmocka_unit_test(test_row2_switch_that_stays_on),
        cmocka_unit_test(test_row3_task_that_hangs_keeps_its_power),
        cmocka_unit_test(test_row3_task_that_ends_too_late),
        cmocka_unit_test(test_row3_idempotent),
        cmocka_unit_test(test_row3_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
