// The harness of the chip, tested on the chip: every assertion fails when it must, the regions are
// as promised, and an access outside of them faults. argv[2] chooses: asserts, board, or an access.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/base.h"
#include "platform/bare/board.h"
#include "support/test_memory.h"

#include <stdio.h>
#include <string.h>

// ---- assertions that must fail, and some that must not -----------------------------------------

#define MUST_FAIL(name, statement)                                                                 \
    static void fails_##name(void **state)                                                         \
    {                                                                                              \
        (void)state;                                                                               \
        statement;                                                                                 \
    }
#define MUST_FAIL_LIST(X)                                                                          \
    X(true, assert_true(1 == 2))                                                                   \
    X(false, assert_false(1 == 1))                                                                 \
    X(null, assert_null("x"))                                                                      \
    X(non_null, assert_non_null(NULL))                                                             \
    X(ptr_equal, assert_ptr_equal(&lives, NULL))                                                   \
    X(ptr_not_equal, assert_ptr_not_equal(&lives, &lives))                                         \
    X(int_equal, assert_int_equal(1, 2))                                                           \
    X(int_equal_64, assert_int_equal(UINT64_C(1) << 40, 0))                                        \
    X(int_not_equal, assert_int_not_equal(-1, -1))                                                 \
    X(string_equal, assert_string_equal("a", "b"))                                                 \
    X(string_null, assert_string_equal("a", NULL))                                                 \
    X(string_not_equal, assert_string_not_equal("a", "a"))                                         \
    X(memory_equal, assert_memory_equal("ab", "ac", 2))                                            \
    X(memory_not_equal, assert_memory_not_equal("ab", "ab", 2))                                    \
    X(in_range, assert_in_range(4, 1, 3))                                                          \
    X(not_in_range, assert_not_in_range(2, 1, 3))                                                  \
    X(double_equal, assert_double_equal(1.0, 1.5, 0.1))                                            \
    X(return_code, assert_return_code(-1, 0))                                                      \
    X(fail_msg, fail_msg("%d", 1))                                                                 \
    X(core_assert, NH_ASSERT(1 == 2))
static int lives, prestate;
MUST_FAIL_LIST(MUST_FAIL)

static int set_up_fails(void **state)
{
    (void)state;
    return -1;
}

static int set_up_counts(void **state)
{
    *state = &lives;
    lives = 1;
    return 0;
}

static int teardown_counts(void **state)
{
    (void)state;
    lives = 0;
    return 0;
}

static void passes(void **state)
{
    (void)state;
    assert_true(lives == 0);
    assert_int_equal(-1, INT64_C(-1));
    assert_in_range(3, 3, 3);
    assert_double_equal(1.0, 1.05, 0.1);
}

static void passes_with_fixture(void **state)
{
    assert_ptr_equal(*state, &lives);
    assert_int_equal(lives, 1);
}

static void passes_with_prestate(void **state)
{
    assert_ptr_equal(*state, &prestate);
}

static void skips(void **state)
{
    (void)state;
    skip();
}

static int run_asserts(void)
{
#define ROW(name, statement) cmocka_unit_test(fails_##name),
    const struct CMUnitTest checks[] = {
        // clang-format off
        MUST_FAIL_LIST(ROW)
        // clang-format on
        cmocka_unit_test_setup(passes, set_up_fails),
        cmocka_unit_test(passes),
        cmocka_unit_test_setup_teardown(passes_with_fixture, set_up_counts, teardown_counts),
        cmocka_unit_test(passes),
        cmocka_unit_test_prestate(passes_with_prestate, &prestate),
        cmocka_unit_test(skips),
    };
#undef ROW
    return cmocka_run_group_tests(checks, NULL, NULL);
}

// ---- the board ---------------------------------------------------------------------------------

static void regions_are_as_large_as_promised(void **state)
{
    (void)state;
    static const size_t least[NH_MEM_TIER_COUNT] = {NH_KIB(250), NH_MIB(8)};

    for (int tier = 0; tier < NH_MEM_TIER_COUNT; tier++) {
        size_t size = 0;
        uint8_t *base = nh_test_region((enum nh_mem_tier)tier, &size);
        assert_int_equal((uintptr_t)base % 16, 0);
        assert_in_range(size, least[tier], NH_MIB(8));
        memset(base, 0x5C, size);
        assert_int_equal(base[0], 0x5C);
        assert_int_equal(base[size - 1], 0x5C);
    }
}

static void instructions_are_counted_exactly(void **state)
{
    (void)state;
    uint64_t counts[2];

    for (size_t i = 0; i < NH_ARRAY_LEN(counts); i++) {
        const uint64_t from = nh_board_instructions();
        const uint64_t empty = nh_board_instructions() - from;
        const uint64_t start = nh_board_instructions();
        __asm__ volatile(".rept 1000\n\tnop\n\t.endr");
        counts[i] = nh_board_instructions() - start - empty;
    }
    assert_int_equal(counts[0], counts[1]);
    assert_in_range(counts[0], 995, 1005);
}

static void stack_use_is_measured(void **state)
{
    (void)state;
    volatile uint8_t block[4096];

    block[0] = 1;
    block[sizeof block - 1] = block[0];
    assert_in_range(nh_board_stack_used_bytes(), sizeof block, nh_board_stack_bytes());
}

static int run_board(void)
{
    const struct CMUnitTest board[] = {
        cmocka_unit_test(regions_are_as_large_as_promised),
        cmocka_unit_test(instructions_are_counted_exactly),
        cmocka_unit_test(stack_use_is_measured),
    };
    return cmocka_run_group_tests(board, NULL, NULL);
}

// ---- what must fault ---------------------------------------------------------------------------

static int overrun(volatile int depth)
{
    volatile uint8_t frame[512];

    frame[0] = (uint8_t)depth;
    return depth > 0 ? overrun(depth + 1) + frame[0] : frame[0];
}

static int run_access(const char *name)
{
    static const struct {
        const char *name;
        uintptr_t address;
    } rows[] = {
        {"null", 0},
        {"flash", 0x80000100u},
        {"gap", 0x80600000u},
        {"device", 0x10000000u},
        {"past_psram", 0x81000000u},
    };

    if (strcmp(name, "overflow") == 0) {
        volatile int large = INT32_MAX;
        large = large + 1;
        printf("survived %d\n", large);
        return 2;
    }
    if (strcmp(name, "stack") == 0)
        return overrun(1) == 0 ? 2 : 3;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *(volatile uint8_t *)rows[i].address = 1;
            printf("survived\n");
        }
    }
    return 2;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    if (strcmp(argv[2], "asserts") == 0)
        return run_asserts();
    if (strcmp(argv[2], "board") == 0)
        return run_board();
    return run_access(argv[2]);
}
