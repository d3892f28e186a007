// The button: acceptance row 9 as rows of levels and times, and random traces against a plain
// model, asked in every way.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "support/button_model.h"
#include "support/rng.h"

static const struct nh_lamp_button_config standard = {30, 450, 3000, 150};

// "100 80 100": down for 100 ms, up for 80, down for 100; then up for 5 seconds.
static void trace_of(const char *spans, struct trace *tr)
{
    uint64_t at_ms = 1000;
    bool level = true;
    memset(tr, 0, sizeof *tr);
    for (const char *c = spans; *c;) {
        unsigned ms = 0;
        for (; *c >= '0' && *c <= '9'; c++)
            ms = ms * 10 + (unsigned)(*c - '0');
        tr->edges[tr->count].at_ms = at_ms;
        tr->edges[tr->count++].level = level;
        at_ms += ms;
        level = !level;
        while (*c == ' ')
            c++;
    }
    tr->edges[tr->count].at_ms = at_ms;
    tr->edges[tr->count++].level = false;
    tr->end_ms = at_ms + 5000;
}

static void text_of(const struct told *t, char *out)
{
    out[0] = '\0';
    for (unsigned i = 0; i < t->count; i++)
        sprintf(out + strlen(out), "%s@%u ", nh_lamp_click_name(t->events[i].click),
                (unsigned)t->events[i].at_ms - 1000);
}

// Times are from the first press on. A release counts from its edge, and is told 450 ms later.
static void test_row_9(void **state)
{
    static const struct {
        const char *name, *spans, *want;
    } rows[] = {
        {"one click", "100", "short@550 "},
        {"two", "100 200 100", "double@850 "},
        {"three", "100 200 100 200 100", "triple@1150 "},
        {"four are three", "100 200 100 200 100 200 100", "triple@1450 "},
        {"nothing", "", ""},
        {"down for 29 ms is a bounce", "29", ""},
        {"down for 30 ms is a click", "30", "short@480 "},
        {"down for 31 ms is a click", "31", "short@481 "},
        {"up for 29 ms within a press is a bounce", "100 29 100", "short@679 "},
        {"up for 30 ms ends it", "100 30 100", "double@680 "},
        {"up for 31 ms ends it", "100 31 100", "double@681 "},
        {"bounces on both ends", "3 2 5 1 100 4 2 6 1", "short@574 "},
        {"held for 2999 ms is a click", "2999", "short@3449 "},
        {"held for 3000 ms is long", "3000", "long@3000 "},
        {"held for 3001 ms is long", "3001", "long@3000 "},
        {"held for 9 s is one long", "9000", "long@3000 "},
        {"a bounce does not start it anew", "1000 29 2000", "long@3000 "},
        {"a bounce at that very moment", "2990 20 500", "long@3010 "},
        {"up at that very moment", "2990 31 500", "double@3971 "},
        {"clicks and then long", "100 200 4000", "long@3300 "},
        {"three clicks and then long", "100 100 100 100 100 100 4000", "long@3600 "},
        {"a click behind a long one", "3500 300 100", "long@3000 short@4350 "},
        {"the gap: 449 ms is one gesture", "100 449 100", "double@1099 "},
        {"the gap: 450 ms is two", "100 450 100", "short@550 short@1100 "},
        {"a bounce holds the end of the gap up", "100 440 20", "short@560 "},
        {"the next press begins in the gap", "100 440 100", "double@1090 "},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct trace tr;
        struct told t;
        char got[256];
        if (!rows[i].spans[0])
            tr = (struct trace){.end_ms = 9000};
        else
            trace_of(rows[i].spans, &tr);
        button_play(&(struct nh_lamp_button_config){0}, &tr, 10, &t);
        text_of(&t, got);
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("%s: %s instead of %s", rows[i].name, got, rows[i].want);
    }
}

static void test_rate(void **state)
{
    const struct nh_lamp_button_config cfg = {.debounce_ms = 5, .click_gap_ms = 20, .rate_ms = 150};
    struct trace tr;
    struct told t;
    char got[256];
    (void)state;
    trace_of("10 60 10 60 10", &tr); // clicks at 30, 100 and 170
    button_play(&cfg, &tr, 0, &t);
    text_of(&t, got);
    assert_string_equal(got, "short@30 ");
    trace_of("10 150 10", &tr);
    button_play(&cfg, &tr, 0, &t);
    text_of(&t, got);
    assert_string_equal(got, "short@30 short@190 ");
}

static void test_down_at_the_start(void **state)
{
    nh_lamp_button_t b;
    (void)state;
    nh_lamp_button_init(&b, &standard, true, 0);
    assert_int_equal(nh_lamp_button_next(&b), NH_NEVER);
    assert_int_equal(nh_lamp_button_tick(&b, 60000), NH_LAMP_CLICK_NONE);
    assert_int_equal(nh_lamp_button_input(&b, false, 60001), NH_LAMP_CLICK_NONE);
    assert_int_equal(nh_lamp_button_tick(&b, 70000), NH_LAMP_CLICK_NONE);
    assert_int_equal(nh_lamp_button_input(&b, true, 70001), NH_LAMP_CLICK_NONE);
    assert_int_equal(nh_lamp_button_next(&b), 70031);
    assert_int_equal(nh_lamp_button_input(&b, false, 70101), NH_LAMP_CLICK_NONE);
    assert_int_equal(nh_lamp_button_next(&b), 70131);
    assert_int_equal(nh_lamp_button_tick(&b, 70131), NH_LAMP_CLICK_NONE);
    assert_int_equal(nh_lamp_button_next(&b), 70551);
    assert_int_equal(nh_lamp_button_tick(&b, 70550), NH_LAMP_CLICK_NONE);
    assert_int_equal(nh_lamp_button_tick(&b, 70551), NH_LAMP_CLICK_SHORT);
    assert_int_equal(nh_lamp_button_next(&b), NH_NEVER);
}

// An edge may be older than the last tick: its time comes from the kernel. It counts as now.
static void test_time_does_not_go_back(void **state)
{
    nh_lamp_button_t b;
    (void)state;
    nh_lamp_button_init(&b, &standard, false, 1000);
    assert_int_equal(nh_lamp_button_tick(&b, 2000), NH_LAMP_CLICK_NONE);
    assert_int_equal(nh_lamp_button_input(&b, true, 1500), NH_LAMP_CLICK_NONE);
    assert_int_equal(nh_lamp_button_next(&b), 2030);
    assert_int_equal(nh_lamp_button_input(&b, false, NH_NEVER - 5), NH_LAMP_CLICK_LONG);
    assert_int_equal(nh_lamp_button_next(&b), NH_NEVER); // past the end of time
}

static void test_names(void **state)
{
    (void)state;
    for (int i = NH_LAMP_CLICK_SHORT; i < NH_LAMP_CLICK_COUNT; i++) {
        const char *name = nh_lamp_click_name((enum nh_lamp_click)i);
        assert_int_equal(nh_lamp_click_find(name, strlen(name)), i);
    }
    assert_int_equal(nh_lamp_click_find("none", 4), NH_LAMP_CLICK_NONE);
    assert_int_equal(nh_lamp_click_find("lon", 3), NH_LAMP_CLICK_NONE);
    assert_int_equal(nh_lamp_click_find("", 0), NH_LAMP_CLICK_NONE);
}

// Spans that lie around the limits, so that each of them is met from both sides.
static void random_trace(struct rng *r, struct trace *tr)
{
    static const uint16_t around[] = {1, 5, 29, 30, 31, 60, 150, 449, 450, 451, 2970, 2999, 3001};
    uint64_t at_ms = rng_below(r, 100);
    tr->count = 1 + rng_below(r, 24);
    for (unsigned i = 0; i < tr->count; i++) {
        tr->edges[i].at_ms = at_ms;
        tr->edges[i].level = rng_below(r, 8) ? i % 2 == 0 : i % 2; // a level may be given twice
        at_ms += rng_below(r, 3) ? around[rng_below(r, NH_ARRAY_LEN(around))] : rng_below(r, 600);
    }
    tr->end_ms = at_ms + rng_below(r, 5000);
}

static void test_random_traces(void **state)
{
    static const uint64_t steps[] = {0, 1, 7, 10, 1000, UINT64_MAX};
    struct rng r = {20};
    unsigned events = 0;
    (void)state;
    for (int round = 0; round < 1500; round++) {
        struct nh_lamp_button_config cfg = standard;
        struct trace tr;
        struct told want, got;
        if (round % 3 == 0)
            cfg = (struct nh_lamp_button_config){1 + rng_below(&r, 60), 1 + rng_below(&r, 600),
                                                 1 + rng_below(&r, 4000), 1 + rng_below(&r, 900)};
        random_trace(&r, &tr);
        model_play(&cfg, &tr, &want);
        for (size_t s = 0; s < NH_ARRAY_LEN(steps); s++) {
            button_play(&cfg, &tr, steps[s], &got);
            if (!told_equal(&want, &got))
                fail_msg("round %d, step %llu: %u events instead of %u", round,
                         (unsigned long long)steps[s], got.count, want.count);
        }
        events += want.count;
    }
    assert_true(events > 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_row_9),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_down_at_the_start),
        cmocka_unit_test(test_time_does_not_go_back),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_random_traces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
