// The timer heap and the table of names, against small models.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "components/automation/names.h"
#include "components/automation/wake.h"
#include "support/mem_fixture.h"
#include "support/rng.h"

static struct mem_fixture f;

static int setup(void **state)
{
    (void)state;
    mem_fixture_init(&f, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mem_fixture_deinit(&f);
    return 0;
}

// ---- wake ---------------------------------------------------------------------------------------

#define TIMERS 60

static const struct nh_wake_timer *first_of(const struct nh_wake_timer *t)
{
    const struct nh_wake_timer *best = NULL;
    for (int i = 0; i < TIMERS; i++)
        if (t[i].slot && (!best || t[i].due_ms < best->due_ms ||
                          (t[i].due_ms == best->due_ms && (int32_t)(t[i].order - best->order) < 0)))
            best = &t[i];
    return best;
}

static void test_wake(void **state)
{
    struct nh_wake w = {.mem = f.mem, .next_order = UINT32_MAX - 50}; // which wraps
    struct nh_wake_timer t[TIMERS] = {{0}};
    struct rng rng = {5};
    (void)state;
    for (int i = 0; i < TIMERS; i++)
        assert_int_equal(nh_wake__reserve(&w), NH_OK);
    assert_true(nh_wake__next(&w) == NH_NEVER);
    assert_null(nh_wake__take(&w, NH_NEVER));
    for (int i = 0; i < 20000; i++) {
        struct nh_wake_timer *one = &t[rng_below(&rng, TIMERS)];
        const struct nh_wake_timer *first = first_of(t);
        uint32_t act = rng_below(&rng, 4);
        if (act < 2)
            nh_wake__arm(&w, one, rng_below(&rng, 20));
        else if (act == 2)
            nh_wake__cancel(&w, one);
        else
            assert_ptr_equal(nh_wake__take(&w, 19), first);
        assert_true(nh_wake__check(&w));
        first = first_of(t);
        assert_true(nh_wake__next(&w) == (first ? first->due_ms : NH_NEVER));
        if (first && first->due_ms > 0)
            assert_null(nh_wake__take(&w, first->due_ms - 1));
    }
    for (int i = 0; i < TIMERS; i++) {
        nh_wake__cancel(&w, &t[i]);
        nh_wake__release(&w);
    }
    nh_wake__deinit(&w);
}

static void test_wake_no_memory(void **state)
{
    struct nh_wake w = {.mem = f.mem};
    (void)state;
    mem_fixture_fail_nth(&f, 1);
    assert_int_equal(nh_wake__reserve(&w), NH_ERR_NOMEM);
    for (int i = 0; i < 16; i++)
        assert_int_equal(nh_wake__reserve(&w), NH_OK);
    mem_fixture_fail_nth(&f, 1);
    assert_int_equal(nh_wake__reserve(&w), NH_ERR_NOMEM);
    assert_int_equal(w.reserved, 16);
    assert_int_equal(nh_wake__reserve(&w), NH_OK);
    nh_wake__deinit(&w);
}

// ---- names --------------------------------------------------------------------------------------

static nh_span_t span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

static void test_names(void **state)
{
    struct nh_names n = {.mem = f.mem, .seed = 9};
    struct nh_name *e[100];
    char text[32];
    (void)state;
    assert_null(nh_names__find(&n, span("a")));
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "name/%d", i);
        e[i] = nh_names__make(&n, sizeof **e, span(text));
        assert_non_null(e[i]);
    }
    assert_null(nh_names__find(&n, span("NAME/7")));
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "name/%d", i);
        assert_ptr_equal(nh_names__find(&n, span(text)), e[i]);
        assert_string_equal(e[i]->text, text);
    }
    int seen = 0;
    NH_NAMES_EACH(&n, one)
    { // each may go while it is visited
        seen++;
        nh_names__remove(&n, one);
        nh_mem_free(f.mem, one);
    }
    assert_int_equal(seen, 100);
    assert_int_equal(n.count, 0);
    nh_names__deinit(&n);
}

static void test_names_folded(void **state)
{
    struct nh_names n = {.mem = f.mem, .is_folded = true};
    (void)state;
    struct nh_name *e = nh_names__make(&n, sizeof *e, span("Door_Open"));
    assert_ptr_equal(nh_names__find(&n, span("dOOR_oPEN")), e);
    assert_null(nh_names__find(&n, span("door_opem")));
    // Without memory to grow, chains grow; without memory at all, nothing is there.
    mem_fixture_fail_nth(&f, 1);
    assert_null(nh_names__make(&n, sizeof *e, span("other")));
    nh_names__remove(&n, e);
    nh_mem_free(f.mem, e);
    nh_names__deinit(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_wake, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wake_no_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_folded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
