// The task that writes the automation's store: one batch at a time, told of on the loop, or waited
// for; a batch that cannot be written is told, leaves what was there, and does not stop the next.

#include "linux_fixture.h"

#include "hub/automation_journal.h"

#define BATCH_BYTES 128

static struct linux_fixture fix;
static nh_loop_t *loop;
static nh_automation_journal_t *journal;
static char dir[64];
static int told_count, told_err;
static char seen[256];

static void stored(void *ctx, int err)
{
    assert_ptr_equal(ctx, &fix);
    told_count++;
    told_err = err;
}

static void open_journal(void)
{
    const struct nh_automation_journal_config cfg = {.sys = fix.sys,
                                                     .mem = fix.mem,
                                                     .loop = loop,
                                                     .dir = dir,
                                                     .batch_bytes = BATCH_BYTES,
                                                     .stored = stored,
                                                     .ctx = &fix};
    assert_int_equal(nh_automation_journal_start(&cfg, &journal), NH_OK);
}

static int setup(void **state)
{
    (void)state;
    fixture_start(&fix);
    assert_int_equal(nh_loop_create(fix.mem, &loop), NH_OK);
    fixture_dir_make(dir, sizeof dir);
    told_count = told_err = 0;
    open_journal();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_automation_journal_stop(journal);
    nh_loop_destroy(loop);
    fixture_stop(&fix);
    fixture_dir_remove(dir);
    return 0;
}

static void visit(void *ctx, const char *key, const void *value, size_t len)
{
    (void)ctx;
    size_t used = strlen(seen);
    snprintf(seen + used, sizeof seen - used, "%s=%.*s ", key, (int)len, (const char *)value);
}

static void expect(const char *prefix, const char *want)
{
    seen[0] = '\0';
    assert_int_equal(nh_automation_journal_each(journal, prefix, visit, NULL), NH_OK);
    assert_string_equal(seen, want);
}

static int put(const char *key, const char *value)
{
    const struct nh_automation_write w = {key, value, value ? strlen(value) : 0};
    return nh_automation_journal_commit(journal, &w, 1);
}

static void test_batches(void **state)
{
    char key[] = "run/1", value[] = "one";
    (void)state;
    const struct nh_automation_write writes[] = {
        {key, value, 3}, {"run/2", "two", 3}, {"boot", "b", 1}};
    assert_int_equal(nh_automation_journal_commit(journal, writes, 3), 1);
    key[4] = value[0] = '?'; // they were copied
    assert_int_equal(put("run/3", "three"), NH_ERR_BUSY);
    PUMP_UNTIL(loop, told_count == 1);
    assert_int_equal(told_err, NH_OK);
    expect("run/", "run/1=one run/2=two ");
    assert_int_equal(put("run/1", NULL), 1);
    PUMP_UNTIL(loop, told_count == 2);
    expect("", "boot=b run/2=two ");
    nh_automation_journal_stop(journal);
    open_journal();
    expect("", "boot=b run/2=two ");
}

// At the end it is waited for, and not told of once more.
static void test_wait(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(put("run/1", i % 2 ? "odd" : "even"), 1);
        assert_int_equal(nh_automation_journal_wait(journal), NH_OK);
    }
    assert_int_equal(put("run/2", "x"), 1);
    PUMP_UNTIL(loop, told_count == 1);
    expect("", "run/1=odd run/2=x ");
    assert_int_equal(nh_automation_journal_wait(journal), NH_ERR_INVAL);
}

static void test_refused(void **state)
{
    char large[BATCH_BYTES + 2];
    (void)state;
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    assert_int_equal(put("run/1", "one"), 1);
    PUMP_UNTIL(loop, told_count == 1);
    assert_int_equal(put("run/1", large), NH_ERR_TOO_LONG); // there is no room for it
    assert_int_equal(put("", "no key"), 1);                 // the store does not take it
    PUMP_UNTIL(loop, told_count == 2);
    assert_true(told_err < 0);
    expect("", "run/1=one ");
    assert_int_equal(put("run/1", "two"), 1);
    PUMP_UNTIL(loop, told_count == 3);
    assert_int_equal(told_err, NH_OK);
    expect("", "run/1=two ");
}

// What is begun when it is stopped is written.
static void test_stop(void **state)
{
    (void)state;
    assert_int_equal(put("run/1", "last"), 1);
    nh_automation_journal_stop(journal);
    assert_int_equal(told_count, 0);
    open_journal();
    expect("", "run/1=last ");
}

static void test_no_folder(void **state)
{
    nh_automation_journal_t *j;
    struct nh_automation_journal_config cfg = {.sys = fix.sys,
                                               .mem = fix.mem,
                                               .loop = loop,
                                               .dir = "/dev/null/x",
                                               .batch_bytes = BATCH_BYTES,
                                               .stored = stored,
                                               .ctx = &fix};
    (void)state;
    assert_true(nh_automation_journal_start(&cfg, &j) < 0);
    assert_null(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_batches, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_folder, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
