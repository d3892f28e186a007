// The runner behind the chip's cmocka.h.

#include "platform/bare/board.h"

#include "core/base/base.h"

#include <cmocka.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum outcome { PASSED, FAILED, SKIPPED };

static jmp_buf leave;
static volatile bool in_test; // `leave` is set

// ---- output ------------------------------------------------------------------------------------

void print_message(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
}

void print_error(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
}

// ---- leaving a test ----------------------------------------------------------------------------

// An assertion outside a test (in a group's set-up) ends the program.
static _Noreturn void leave_test(enum outcome outcome)
{
    if (!in_test)
        exit(1);
    longjmp(leave, (int)outcome + 1);
}

_Noreturn void nh_bare_fail(struct nh_bare_place at, const char *fmt, ...)
{
    va_list args;

    printf("%s:%d: ", at.file, at.line);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n");
    leave_test(FAILED);
}

_Noreturn void nh_bare_skip(void)
{
    leave_test(SKIPPED);
}

// An NH_ASSERT of the core fails the test that provoked it, with its place.
static void core_assert_failed(const char *cond, const char *file, int line)
{
    nh_bare_fail((struct nh_bare_place){file, line}, "assertion of the core: %s", cond);
}

// ---- assertions --------------------------------------------------------------------------------

void nh_bare_is_true(struct nh_bare_place at, bool holds, const char *text)
{
    if (!holds)
        nh_bare_fail(at, "does not hold: %s", text);
}

void nh_bare_integers(struct nh_bare_place at, uintmax_t a, uintmax_t b, bool equal)
{
    if ((a == b) != equal)
        nh_bare_fail(at, "%" PRIdMAX " (%#" PRIxMAX ") %s %" PRIdMAX " (%#" PRIxMAX ")",
                     (intmax_t)a, a, equal ? "!=" : "==", (intmax_t)b, b);
}

void nh_bare_pointers(struct nh_bare_place at, const void *a, const void *b, bool equal)
{
    if ((a == b) != equal)
        nh_bare_fail(at, "%p %s %p", a, equal ? "!=" : "==", b);
}

void nh_bare_strings(struct nh_bare_place at, const char *a, const char *b, bool equal)
{
    if (!a || !b)
        nh_bare_fail(at, "a string is NULL");
    if ((strcmp(a, b) == 0) != equal)
        nh_bare_fail(at, "\"%s\" %s \"%s\"", a, equal ? "!=" : "==", b);
}

void nh_bare_memory(struct nh_bare_place at, const void *a, const void *b, size_t len, bool equal)
{
    const uint8_t *x = a, *y = b;
    size_t i = 0;

    while (i < len && x[i] == y[i])
        i++;
    if (equal && i < len)
        nh_bare_fail(at, "bytes differ at %zu of %zu: 0x%02x != 0x%02x", i, len, x[i], y[i]);
    if (!equal && i == len)
        nh_bare_fail(at, "%zu bytes are equal", len);
}

void nh_bare_range(struct nh_bare_place at, uintmax_t value, uintmax_t min, uintmax_t max,
                   bool inside)
{
    if ((value >= min && value <= max) != inside)
        nh_bare_fail(at, "%" PRIuMAX " is %s %" PRIuMAX "..%" PRIuMAX, value,
                     inside ? "not within" : "within", min, max);
}

void nh_bare_doubles(struct nh_bare_place at, double a, double b, double epsilon, bool equal)
{
    const double distance = a < b ? b - a : a - b;

    if ((distance <= epsilon) != equal)
        nh_bare_fail(at, "%.17g %s %.17g (epsilon %g)", a, equal ? "!=" : "==", b, epsilon);
}

void nh_bare_return_code(struct nh_bare_place at, intmax_t code, const char *text)
{
    if (code < 0)
        nh_bare_fail(at, "%s is %" PRIdMAX, text, code);
}

// ---- running -----------------------------------------------------------------------------------

static enum outcome run_one(const struct CMUnitTest *test, void **state)
{
    volatile enum outcome outcome = PASSED;

    if (test->setup_func && test->setup_func(state) != 0) {
        printf("%s: set-up failed\n", test->name);
        return FAILED;
    }
    in_test = true;
    const int left = setjmp(leave);
    if (left == 0)
        test->test_func(state);
    else
        outcome = (enum outcome)(left - 1);
    in_test = false;
    if (test->teardown_func && test->teardown_func(state) != 0) {
        printf("%s: teardown failed\n", test->name);
        return FAILED;
    }
    return outcome;
}

int nh_bare_run(const char *name, const struct CMUnitTest *tests, size_t count,
                CMFixtureFunction setup, CMFixtureFunction teardown)
{
    static const char *const word[] = {"ok  ", "FAIL", "skip"};
    size_t counts[3] = {0};
    void *group_state = NULL;

    nh_assert_hook_set(core_assert_failed);
    if (setup && setup(&group_state) != 0) {
        printf("%s: set-up of the group failed\n", name);
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        void *state = tests[i].initial_state ? tests[i].initial_state : group_state;
        const enum outcome outcome = run_one(&tests[i], &state);
        counts[outcome]++;
        printf("%s %s\n", word[outcome], tests[i].name);
    }
    if (teardown && teardown(&group_state) != 0) {
        printf("%s: teardown of the group failed\n", name);
        counts[FAILED]++;
    }
    printf("%s: %zu passed, %zu failed, %zu skipped; stack %zu of %zu bytes\n", name,
           counts[PASSED], counts[FAILED], counts[SKIPPED], nh_board_stack_used_bytes(),
           nh_board_stack_bytes());
    if (count == 0)
        return 1; // a group without tests cannot fail
    return counts[FAILED] < 100 ? (int)counts[FAILED] : 100;
}
