// cmocka.h - the part of CMocka's interface that portable tests use, for a chip without an
// operating system. Include <stdarg.h>, <stddef.h>, <setjmp.h> and <stdint.h> before it, as for
// CMocka.
//
// Each test runs in its group's order; a failed assertion prints file, line and values and leaves
// the test by longjmp(). There are no mocks, no memory checks and no groups in parallel.

#ifndef NH_BARE_CMOCKA_H
#define NH_BARE_CMOCKA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void (*CMUnitTestFunction)(void **state);
typedef int (*CMFixtureFunction)(void **state); // not 0: the test fails

struct CMUnitTest {
    const char *name;
    CMUnitTestFunction test_func;
    CMFixtureFunction setup_func, teardown_func;
    void *initial_state;
};

#define cmocka_unit_test(f) cmocka_unit_test_prestate_setup_teardown(f, NULL, NULL, NULL)
#define cmocka_unit_test_setup(f, setup)                                                           \
    cmocka_unit_test_prestate_setup_teardown(f, setup, NULL, NULL)
#define cmocka_unit_test_teardown(f, teardown)                                                     \
    cmocka_unit_test_prestate_setup_teardown(f, NULL, teardown, NULL)
#define cmocka_unit_test_setup_teardown(f, setup, teardown)                                        \
    cmocka_unit_test_prestate_setup_teardown(f, setup, teardown, NULL)
#define cmocka_unit_test_prestate(f, state)                                                        \
    cmocka_unit_test_prestate_setup_teardown(f, NULL, NULL, state)
#define cmocka_unit_test_prestate_setup_teardown(f, setup, teardown, state)                        \
    {                                                                                              \
#f, f, setup, teardown, state                                                              \
    }

// Runs the tests and returns how many failed: what main() returns.
#define cmocka_run_group_tests(tests, setup, teardown)                                             \
    cmocka_run_group_tests_name(#tests, tests, setup, teardown)
#define cmocka_run_group_tests_name(name, tests, setup, teardown)                                  \
    nh_bare_run(name, tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)
int nh_bare_run(const char *name, const struct CMUnitTest *tests, size_t count,
                CMFixtureFunction setup, CMFixtureFunction teardown);

void print_message(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void print_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

// ---- assertions --------------------------------------------------------------------------------

struct nh_bare_place {
    const char *file;
    int line;
};
#define NH_BARE_HERE ((struct nh_bare_place){__FILE__, __LINE__})

// Each prints what was expected and leaves the test when it does not hold.
_Noreturn void nh_bare_fail(struct nh_bare_place at, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
_Noreturn void nh_bare_skip(void);
void nh_bare_is_true(struct nh_bare_place at, bool holds, const char *text);
void nh_bare_integers(struct nh_bare_place at, uintmax_t a, uintmax_t b, bool equal);
void nh_bare_pointers(struct nh_bare_place at, const void *a, const void *b, bool equal);
void nh_bare_strings(struct nh_bare_place at, const char *a, const char *b, bool equal);
void nh_bare_memory(struct nh_bare_place at, const void *a, const void *b, size_t len, bool equal);
void nh_bare_range(struct nh_bare_place at, uintmax_t value, uintmax_t min, uintmax_t max,
                   bool inside);
void nh_bare_doubles(struct nh_bare_place at, double a, double b, double epsilon, bool equal);
void nh_bare_return_code(struct nh_bare_place at, intmax_t code, const char *text);

#define assert_true(c) nh_bare_is_true(NH_BARE_HERE, (c) ? true : false, #c)
#define assert_false(c) nh_bare_is_true(NH_BARE_HERE, (c) ? false : true, "!(" #c ")")
#define assert_null(p) nh_bare_is_true(NH_BARE_HERE, (const void *)(p) == NULL, #p " == NULL")
#define assert_non_null(p) nh_bare_is_true(NH_BARE_HERE, (const void *)(p) != NULL, #p " != NULL")
#define assert_ptr_equal(a, b)                                                                     \
    nh_bare_pointers(NH_BARE_HERE, (const void *)(a), (const void *)(b), true)
#define assert_ptr_not_equal(a, b)                                                                 \
    nh_bare_pointers(NH_BARE_HERE, (const void *)(a), (const void *)(b), false)
#define assert_int_equal(a, b) nh_bare_integers(NH_BARE_HERE, (uintmax_t)(a), (uintmax_t)(b), true)
#define assert_int_not_equal(a, b)                                                                 \
    nh_bare_integers(NH_BARE_HERE, (uintmax_t)(a), (uintmax_t)(b), false)
#define assert_string_equal(a, b) nh_bare_strings(NH_BARE_HERE, a, b, true)
#define assert_string_not_equal(a, b) nh_bare_strings(NH_BARE_HERE, a, b, false)
#define assert_memory_equal(a, b, len) nh_bare_memory(NH_BARE_HERE, a, b, len, true)
#define assert_memory_not_equal(a, b, len) nh_bare_memory(NH_BARE_HERE, a, b, len, false)
#define assert_in_range(value, min, max)                                                           \
    nh_bare_range(NH_BARE_HERE, (uintmax_t)(value), (uintmax_t)(min), (uintmax_t)(max), true)
#define assert_not_in_range(value, min, max)                                                       \
    nh_bare_range(NH_BARE_HERE, (uintmax_t)(value), (uintmax_t)(min), (uintmax_t)(max), false)
#define assert_float_equal(a, b, epsilon) nh_bare_doubles(NH_BARE_HERE, a, b, epsilon, true)
#define assert_float_not_equal(a, b, epsilon) nh_bare_doubles(NH_BARE_HERE, a, b, epsilon, false)
#define assert_double_equal(a, b, epsilon) nh_bare_doubles(NH_BARE_HERE, a, b, epsilon, true)
#define assert_double_not_equal(a, b, epsilon) nh_bare_doubles(NH_BARE_HERE, a, b, epsilon, false)
#define assert_return_code(code, error) nh_bare_return_code(NH_BARE_HERE, code, #code)
#define fail() nh_bare_fail(NH_BARE_HERE, "fail()")
#define fail_msg(...) nh_bare_fail(NH_BARE_HERE, __VA_ARGS__)
#define skip() nh_bare_skip()

#endif
