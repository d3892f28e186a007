// Unit tests of base.c: every error has a code, a name and a text of its own.

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "core/base/base.h"

#include <string.h>

struct err_row {
    int code;
    const char *name, *text;
};

static const struct err_row errs[] = {
#define ROW(name, code, text) {NH_ERR_##name, #name, text},
    NH_ERR_LIST(ROW)
#undef ROW
};

static void each_error_has_its_name_and_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(errs); i++) {
        assert_string_equal(nh_err_name(errs[i].code), errs[i].name);
        assert_string_equal(nh_err_text(errs[i].code), errs[i].text);
    }
}

static void codes_and_texts_are_distinct(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(errs); i++) {
        assert_true(errs[i].code < 0);
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(errs[i].code, errs[k].code);
            assert_string_not_equal(errs[i].text, errs[k].text);
        }
    }
}

// Codes stand in logs and in stored documents: a change of one is a change of a format.
static void codes_are_stable(void **state)
{
    (void)state;
    assert_int_equal(NH_ERR_NOMEM, -1);
    assert_int_equal(NH_ERR_NOT_FOUND, -10);
    assert_int_equal(NH_ERR_CANCELLED, -22);
    assert_int_equal(NH_ARRAY_LEN(errs), 22);
}

static void results_are_ok_and_strangers_unknown(void **state)
{
    (void)state;
    assert_string_equal(nh_err_text(0), "ok");
    assert_string_equal(nh_err_text(17), "ok");
    assert_string_equal(nh_err_name(0), "OK");
    assert_string_equal(nh_err_text(-1000), "unknown error");
    assert_string_equal(nh_err_name(INT32_MIN), "UNKNOWN");
}

static int lock_depth;

static void count_up(void *ctx)
{
    lock_depth++;
    *(int *)ctx += 1;
}

static void count_down(void *ctx)
{
    (void)ctx;
    lock_depth--;
}

static void a_zeroed_lock_does_nothing(void **state)
{
    (void)state;
    int taken = 0;
    const nh_lock_t none = {0};
    const nh_lock_t counted = {count_up, count_down, &taken};

    nh_lock_acquire(&none);
    nh_lock_release(&none);
    nh_lock_acquire(&counted);
    assert_int_equal(lock_depth, 1);
    nh_lock_release(&counted);
    assert_int_equal(lock_depth, 0);
    assert_int_equal(taken, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_error_has_its_name_and_text),
        cmocka_unit_test(codes_and_texts_are_distinct),
        cmocka_unit_test(codes_are_stable),
        cmocka_unit_test(results_are_ok_and_strangers_unknown),
        cmocka_unit_test(a_zeroed_lock_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
