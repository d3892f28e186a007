#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/base/log.h"

static struct {
    int count;
    enum nh_log_level level;
    const char *module;
    char message[NH_LOG_LINE_MAX_BYTES + 1];
} seen;

static void sink(void *ctx, enum nh_log_level level, const char *module, const char *message)
{
    assert_ptr_equal(ctx, &seen);
    seen.count++;
    seen.level = level;
    seen.module = module;
    assert_true(strlen(message) < NH_LOG_LINE_MAX_BYTES);
    memcpy(seen.message, message, strlen(message) + 1);
}

static int setup(void **state)
{
    (void)state;
    memset(&seen, 0, sizeof seen);
    nh_log_set(sink, &seen, NH_LOG_INFO);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_log_set(NULL, NULL, NH_LOG_ERROR);
    return 0;
}

static void without_a_sink_lines_are_dropped(void **state)
{
    (void)state;
    nh_log_set(NULL, NULL, NH_LOG_DEBUG);
    NH_LOG_E("test", "nobody hears");
    assert_int_equal(seen.count, 0);
}

static void level_decides_what_reaches_the_sink(void **state)
{
    (void)state;
    NH_LOG_D("test", "trace");
    assert_int_equal(seen.count, 0);
    NH_LOG_I("test", "started");
    NH_LOG_W("test", "refused");
    NH_LOG_E("mem", "%s %d", "lost", 3);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.level, NH_LOG_ERROR);
    assert_string_equal(seen.module, "mem");
    assert_string_equal(seen.message, "lost 3");
}

static void another_level_keeps_the_sink(void **state)
{
    (void)state;
    nh_log_level_set(NH_LOG_WARN);
    NH_LOG_I("test", "started");
    assert_int_equal(seen.count, 0);
    nh_log_level_set(NH_LOG_DEBUG);
    NH_LOG_D("test", "trace");
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.message, "trace");
}

static void a_line_over_the_limit_ends_in_dots(void **state)
{
    (void)state;
    char text[NH_LOG_LINE_MAX_BYTES + 50];
    memset(text, 'x', sizeof text);
    for (size_t len = NH_LOG_LINE_MAX_BYTES - 3; len < sizeof text; len++) {
        NH_LOG_W("test", "%.*s", (int)len, text);
        bool fits = len < NH_LOG_LINE_MAX_BYTES;
        size_t out = strlen(seen.message);
        assert_int_equal(out, fits ? len : NH_LOG_LINE_MAX_BYTES - 1);
        assert_memory_equal(seen.message, text, out - 3);
        assert_memory_equal(seen.message + out - 3, fits ? "xxx" : "...", 3);
    }
}

static void names_forge_no_lines(void **state)
{
    (void)state;
    static const struct {
        const char *name, *line;
    } rows[] = {
        {"a\nE lost all", "refused a?E lost all"},
        {"\x1b[2J\r\t\x7f", "refused ?[2J???"},
        {"\xc2\x9b"
         "2J\xc2\x80\xc2",
         "refused ??2J??\xc2"},
        {"k\xc3\xbc"
         "che \xc2\xa0",
         "refused k\xc3\xbc"
         "che \xc2\xa0"},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        NH_LOG_W("test", "refused %s", rows[i].name);
        assert_string_equal(seen.message, rows[i].line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_a_sink_lines_are_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(level_decides_what_reaches_the_sink, setup, teardown),
        cmocka_unit_test_setup_teardown(another_level_keeps_the_sink, setup, teardown),
        cmocka_unit_test_setup_teardown(names_forge_no_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(a_line_over_the_limit_ends_in_dots, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
