// The keyboard by uinput: which events a report makes, what becomes of a device that is none; and,
// where the machine has uinput and lets us, that the kernel takes it.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/input-event-codes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platform/linux/keyboard/keyboard_events.h"
#include "support/mem_fixture.h"

static void test_events(void **state)
{
    static const struct {
        uint8_t report[9], len;
        const char *want; // "+29" down, "-29" up
    } rows[] = {
        {{1, 0, 0, 4}, 9, "+30 "},
        {{1, 0, 0, 4}, 9, ""}, // held: nothing new
        {{1, 0, 0, 4, 5}, 9, "+48 "},
        {{1, 0, 0, 5, 4}, 9, ""}, // the places do not count
        {{1, 3, 0, 6}, 9, "-48 -30 +29 +42 +46 "},
        {{1, 0, 0}, 9, "-46 -29 -42 "},
        {{1, 0x40, 0, 0x14}, 9, "+100 +16 "},
        {{1, 0, 0}, 9, "-16 -100 "},
        {{1, 0, 0, 0x73, 0x68}, 9, "+194 +183 "},
        {{1, 0, 0, 1, 0xFF}, 9, "-194 -183 "}, // roll-over and what is no key
        {{2, 0x20, 0}, 3, "+115 "},
        {{2, 0x10, 0x80}, 3, "-115 +113 +155 "},
        {{2, 0, 0}, 3, "-113 -155 "},
        {{3, 0, 0}, 3, "!"},
        {{1, 0, 0}, 8, "!"},
        {{2, 0, 0}, 9, "!"},
    };
    struct nh_keyboard__state s = {{0}, 0};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_keyboard__event e[NH_KEYBOARD__EVENT_MAX];
        char got[256] = "";
        int n = nh_keyboard__events(&s, rows[i].report, rows[i].len, e);
        if (n < 0)
            strcpy(got, n == NH_ERR_INVAL ? "!" : "?");
        for (int k = 0; k < n; k++)
            sprintf(got + strlen(got), "%c%u ", e[k].is_down ? '+' : '-', e[k].code);
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("row %u: %s instead of %s", (unsigned)i, got, rows[i].want);
    }
}

// All at once: the most events that two reports can make.
static void test_most_events(void **state)
{
    struct nh_keyboard__state s = {{0}, 0};
    struct nh_keyboard__event e[NH_KEYBOARD__EVENT_MAX];
    static const uint8_t a[9] = {1, 0xFF, 0, 4, 5, 6, 7, 8, 9},
                         b[9] = {1, 0, 0, 10, 11, 12, 13, 14, 15};
    static const uint8_t all[3] = {2, 0xFF, 0xFF};
    (void)state;
    assert_int_equal(nh_keyboard__events(&s, a, 9, e), 14);
    assert_int_equal(nh_keyboard__events(&s, b, 9, e), 20);
    assert_int_equal(nh_keyboard__events(&s, all, 3, e), 16);
}

static void test_codes(void **state)
{
    size_t count = 0;
    bool seen[512] = {false};
    (void)state;
    for (uint16_t c; (c = nh_keyboard__code_at(count)) != 0; count++) {
        assert_true(c < 512);
        seen[c] = true;
    }
    assert_true(count > 120);
    assert_true(seen[KEY_A] && seen[KEY_F24] && seen[KEY_RIGHTMETA] && seen[KEY_MAIL]);
    assert_int_equal(nh_keyboard__code_at(count + 1), 0);
}

static void test_no_device(void **state)
{
    struct mem_fixture m;
    nh_keyboard_t *k;
    char path[] = "/tmp/nuthatch-keyboard-XXXXXX";
    (void)state;
    mem_fixture_init(&m, NULL);
    struct nh_keyboard_config cfg = {.path = "/nowhere/uinput", .name = "test"};
    assert_int_equal(nh_keyboard_open(m.mem, &cfg, &k), NH_ERR_NOT_FOUND);
    assert_null(k);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    cfg.path = path;
    assert_int_equal(nh_keyboard_open(m.mem, &cfg, &k), NH_ERR_UNSUPPORTED);
    assert_null(k);
    unlink(path);
    nh_keyboard_close(NULL);
    mem_fixture_deinit(&m);
}

static void test_kernel(void **state)
{
    static const uint8_t down[9] = {1, 0, 0, 0x68}, up[9] = {1}; // F13: nobody minds
    struct mem_fixture m;
    nh_keyboard_t *k;
    (void)state;
    if (access("/dev/uinput", W_OK) != 0)
        skip();
    mem_fixture_init(&m, NULL);
    const struct nh_keyboard_config cfg = {.name = "nuthatch test"};
    mem_fixture_fail_nth(&m, 1);
    assert_int_equal(nh_keyboard_open(m.mem, &cfg, &k), NH_ERR_NOMEM);
    assert_int_equal(nh_keyboard_open(m.mem, &cfg, &k), 0);
    assert_int_equal(nh_keyboard_report(k, down, sizeof down), 0);
    assert_int_equal(nh_keyboard_report(k, up, sizeof up), 0);
    nh_keyboard_close(k);
    mem_fixture_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events), cmocka_unit_test(test_most_events),
        cmocka_unit_test(test_codes),  cmocka_unit_test(test_no_device),
        cmocka_unit_test(test_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
