// The YAML reader: events, positions, and what it refuses. Host only: libyaml.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "platform/yaml.h"

struct trace {
    char text[512];
    size_t stop_after; // 0: never
    size_t count;
};

static int note(void *ctx, const struct nh_yaml_event *e)
{
    static const char kind[] = "{}[]KS";
    struct trace *t = ctx;
    size_t at = strlen(t->text);
    snprintf(t->text + at, sizeof t->text - at, "%c%s%s@%u:%u ", kind[e->kind], e->text,
             e->kind == NH_YAML_SCALAR && !e->is_plain ? "'" : "", e->line, e->column);
    return ++t->count == t->stop_after ? NH_ERR_CANCELLED : 0;
}

static void test_events(void **state)
{
    static const struct {
        const char *name, *text, *events;
    } rows[] = {
        {"empty", "", ""},
        {"comment only", "# nothing\n", ""},
        {"flat map", "a: 1\nb: \"2\"\n", "{@1:1 Ka@1:1 S1@1:4 Kb@2:1 S2'@2:4 }@3:1 "},
        {"nested", "m:\n  k: v\n", "{@1:1 Km@1:1 {@2:3 Kk@2:3 Sv@2:6 }@3:1 }@3:1 "},
        {"list", "l: [1, x]\n", "{@1:1 Kl@1:1 [@1:4 S1@1:5 Sx@1:8 ]@1:9 }@2:1 "},
        {"key after list", "l: []\nk: 1\n", "{@1:1 Kl@1:1 [@1:4 ]@1:5 Kk@2:1 S1@2:4 }@3:1 "},
        {"empty value", "a:\n", "{@1:1 Ka@1:1 S@1:3 }@2:1 "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct trace t = {0};
        struct nh_yaml_error e;
        assert_int_equal(nh_yaml_read(rows[i].text, strlen(rows[i].text), note, &t, &e), 0);
        if (strcmp(t.text, rows[i].events) != 0)
            fail_msg("%s: got %s", rows[i].name, t.text);
    }
}

static void test_refusals(void **state)
{
    static const struct {
        const char *name, *text;
        int err;
        uint32_t line;
    } rows[] = {
        {"tab indent", "a:\n\tb: 1\n", NH_ERR_SYNTAX, 2},
        {"alias", "a: &x 1\nb: *x\n", NH_ERR_SYNTAX, 1},
        {"tag", "a: !!int 1\n", NH_ERR_SYNTAX, 1},
        {"map as key", "? {a: 1}\n: 2\n", NH_ERR_SYNTAX, 1},
        {"open bracket", "a: [1\nb: 2\n", NH_ERR_SYNTAX, 2},
        {"two documents", "a: 1\n---\nb: 2\n", NH_ERR_SYNTAX, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct trace t = {0};
        struct nh_yaml_error e;
        int err = nh_yaml_read(rows[i].text, strlen(rows[i].text), note, &t, &e);
        if (err != rows[i].err || e.line != rows[i].line || e.text[0] == 0)
            fail_msg("%s: %d at line %u: %s", rows[i].name, err, e.line, e.text);
    }
}

static void test_depth(void **state)
{
    char text[80];
    struct trace t = {0};
    struct nh_yaml_error e;
    (void)state;
    memset(text, '[', 33);
    memset(text + 33, ']', 33);
    assert_int_equal(nh_yaml_read(text, 66, note, &t, &e), NH_ERR_TOO_DEEP);
    memset(&t, 0, sizeof t);
    memset(text + 32, ']', 32);
    assert_int_equal(nh_yaml_read(text, 64, note, &t, &e), 0);
}

static void test_stop(void **state)
{
    struct trace t = {.stop_after = 2};
    struct nh_yaml_error e;
    (void)state;
    assert_int_equal(nh_yaml_read("a: 1\n", 5, note, &t, &e), NH_ERR_CANCELLED);
    assert_int_equal(t.count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
