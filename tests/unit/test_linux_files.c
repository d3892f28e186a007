// Files beneath a directory, with openat2() and without; nothing leads out of it.

#include "linux_fixture.h"
#include "platform/linux/port.h"

#include <fcntl.h>
#include <sys/stat.h>

static struct linux_fixture fx;
static char dir[256];
static nh_files_t *files;
static struct nh_fs fs;

static int setup_with(bool no_openat2)
{
    char outside[300];
    fixture_start(&fx);
    fixture_dir_make(dir, sizeof dir);
    snprintf(outside, sizeof outside, "%s/inside", dir);
    nh_linux__openat2_forbid(no_openat2);
    assert_int_equal(nh_files_open(fx.mem, outside, &files), NH_OK);
    fs = nh_files_fs(files);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return setup_with(false);
}

static int setup_old_kernel(void **state)
{
    (void)state;
    return setup_with(true);
}

static int teardown(void **state)
{
    (void)state;
    nh_files_close(files);
    nh_linux__openat2_forbid(false);
    fixture_dir_remove(dir);
    fixture_stop(&fx);
    return 0;
}

static void put(const char *path, const char *text)
{
    nh_file_t *f;
    assert_int_equal(fs.ops->open(fs.ctx, path, NH_FILE_WRITE, &f), NH_OK);
    assert_int_equal(fs.ops->write(fs.ctx, f, text, strlen(text)), NH_OK);
    assert_int_equal(fs.ops->sync(fs.ctx, f), NH_OK);
    fs.ops->close(fs.ctx, f);
}

static void expect(const char *path, const char *text)
{
    nh_file_t *f;
    char got[64] = {0};
    assert_int_equal(fs.ops->open(fs.ctx, path, NH_FILE_READ, &f), NH_OK);
    assert_int_equal(fs.ops->read(fs.ctx, f, 0, got, sizeof got), strlen(text));
    assert_string_equal(got, text);
    assert_int_equal(fs.ops->read(fs.ctx, f, strlen(text), got, sizeof got), 0);
    fs.ops->close(fs.ctx, f);
}

static void test_write_read_rename_remove(void **state)
{
    (void)state;
    nh_file_t *f;
    struct nh_file_info info;
    assert_int_equal(fs.ops->mkdir(fs.ctx, "a"), NH_OK);
    assert_int_equal(fs.ops->mkdir(fs.ctx, "a"), NH_ERR_EXISTS);
    assert_int_equal(fs.ops->mkdir(fs.ctx, "a/b"), NH_OK);
    assert_int_equal(fs.ops->mkdir(fs.ctx, "x/y"), NH_ERR_NOT_FOUND);
    put("a/b/one", "first");
    expect("a/b/one", "first");
    expect("a//./b/one", "first");
    put("a/b/one", "2");
    expect("a/b/one", "2");
    assert_int_equal(fs.ops->open(fs.ctx, "a/b/one", NH_FILE_APPEND, &f), NH_OK);
    assert_int_equal(fs.ops->write(fs.ctx, f, "34", 2), NH_OK);
    fs.ops->close(fs.ctx, f);
    expect("a/b/one", "234");
    put("two", "second");
    assert_int_equal(fs.ops->rename(fs.ctx, "a/b/one", "two"), NH_OK);
    expect("two", "234");
    assert_int_equal(fs.ops->rename(fs.ctx, "a/b/one", "two"), NH_ERR_NOT_FOUND);
    assert_int_equal(fs.ops->sync_dir(fs.ctx, "a/b"), NH_OK);
    assert_int_equal(fs.ops->sync_dir(fs.ctx, ""), NH_OK);
    assert_int_equal(fs.ops->stat(fs.ctx, "two", &info), NH_OK);
    assert_string_equal(info.name, "two");
    assert_int_equal(info.size_bytes, 3);
    assert_false(info.is_dir);
    assert_true(info.mtime_unix_ms > 1600000000000);
    assert_int_equal(fs.ops->stat(fs.ctx, "a/b", &info), NH_OK);
    assert_string_equal(info.name, "b");
    assert_true(info.is_dir);
    assert_int_equal(fs.ops->remove(fs.ctx, "a"), NH_ERR_EXISTS); // not empty
    assert_int_equal(fs.ops->remove(fs.ctx, "a/b"), NH_OK);
    assert_int_equal(fs.ops->remove(fs.ctx, "two"), NH_OK);
    assert_int_equal(fs.ops->remove(fs.ctx, "two"), NH_ERR_NOT_FOUND);
    assert_int_equal(fs.ops->open(fs.ctx, "two", NH_FILE_READ, &f), NH_ERR_NOT_FOUND);
    assert_null(f);
    assert_int_equal(fs.ops->open(fs.ctx, "a", NH_FILE_READ, &f), NH_ERR_INVAL);
}

static void test_nothing_leads_out(void **state)
{
    (void)state;
    char path[600], longer[600];
    nh_file_t *f;
    struct nh_file_info info;
    void *cursor;
    snprintf(path, sizeof path, "%s/secret", dir);
    FILE *secret = fopen(path, "w");
    fputs("secret", secret);
    fclose(secret);
    put("plain", "p");
    assert_int_equal(fs.ops->mkdir(fs.ctx, "d"), NH_OK);
    snprintf(longer, sizeof longer, "%s/inside/link", dir);
    assert_int_equal(symlink("../secret", longer), 0);
    snprintf(longer, sizeof longer, "%s/inside/up", dir);
    assert_int_equal(symlink("..", longer), 0);
    snprintf(longer, sizeof longer, "%s/inside/d/top", dir);
    assert_int_equal(symlink("/", longer), 0);
    const char *const denied[] = {
        "../secret", "d/../../secret",   "..", "d/..", "/etc/passwd", path, "link",
        "up/secret", "d/top/etc/passwd",
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(denied); i++) {
        for (int mode = NH_FILE_READ; mode <= NH_FILE_APPEND; mode++) {
            int rc = fs.ops->open(fs.ctx, denied[i], (enum nh_file_mode)mode, &f);
            if (rc != NH_ERR_DENIED && rc != NH_ERR_INVAL)
                fail_msg("open %s: %d", denied[i], rc);
        }
        int rc = fs.ops->stat(fs.ctx, denied[i], &info);
        // The link itself may be looked at; what it points to may not.
        if (rc >= 0)
            assert_int_equal(info.size_bytes, 0);
        assert_true(fs.ops->dir_open(fs.ctx, denied[i], &cursor) < 0);
        if (strcmp(denied[i], "link") != 0) {
            assert_true(fs.ops->rename(fs.ctx, "plain", denied[i]) < 0);
            assert_true(fs.ops->rename(fs.ctx, denied[i], "stolen") < 0 ||
                        strchr(denied[i], '/') == NULL);
            assert_true(fs.ops->mkdir(fs.ctx, denied[i]) < 0);
        }
    }
    expect("plain", "p");
    secret = fopen(path, "r");
    char text[16] = {0};
    assert_non_null(fgets(text, sizeof text, secret));
    fclose(secret);
    assert_string_equal(text, "secret");
    memset(longer, 'n', sizeof longer);
    longer[sizeof longer - 1] = 0;
    assert_int_equal(fs.ops->open(fs.ctx, longer, NH_FILE_WRITE, &f), NH_ERR_TOO_LONG);
    longer[300] = 0;
    assert_int_equal(fs.ops->open(fs.ctx, longer, NH_FILE_WRITE, &f), NH_ERR_TOO_LONG);
    assert_int_equal(fs.ops->open(fs.ctx, "", NH_FILE_READ, &f), NH_ERR_INVAL);
    assert_int_equal(fs.ops->remove(fs.ctx, ""), NH_ERR_INVAL);
    assert_int_equal(fs.ops->remove(fs.ctx, "."), NH_ERR_INVAL);
}

static void test_a_pipe_does_not_hold_us(void **state)
{
    (void)state;
    char path[300];
    nh_file_t *f;
    snprintf(path, sizeof path, "%s/inside/pipe", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(fs.ops->open(fs.ctx, "pipe", NH_FILE_READ, &f), NH_ERR_INVAL);
    assert_true(fs.ops->open(fs.ctx, "pipe", NH_FILE_WRITE, &f) < 0);
}

static void test_a_large_directory_is_streamed(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    static bool seen[COUNT];
    struct nh_mem_owner_info before, after;
    struct nh_file_info info;
    void *cursor;
    char name[300];
    int rc;
    memset(seen, 0, sizeof seen);
    assert_int_equal(fs.ops->mkdir(fs.ctx, "many"), NH_OK);
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "%s/inside/many/file-%d", dir, i);
        close(open(name, O_WRONLY | O_CREAT, 0600));
    }
    snprintf(name, sizeof name, "%s/inside/many/link", dir);
    assert_int_equal(symlink("/etc", name), 0); // not listed: it could not be opened either
    nh_mem_owner_peak_reset(fx.mem);
    assert_int_equal(nh_mem_owner_info(fx.sys, 1, &before), NH_OK);
    assert_int_equal(fs.ops->dir_open(fs.ctx, "many", &cursor), NH_OK);
    int count = 0;
    while ((rc = fs.ops->dir_next(fs.ctx, cursor, &info)) == NH_OK) {
        int i = atoi(info.name + 5);
        assert_in_range(i, 0, COUNT - 1);
        assert_false(seen[i]);
        seen[i] = true;
        count++;
    }
    assert_int_equal(rc, NH_ERR_NOT_FOUND);
    assert_int_equal(count, COUNT);
    fs.ops->dir_close(fs.ctx, cursor);
    assert_int_equal(nh_mem_owner_info(fx.sys, 1, &after), NH_OK);
    size_t peak = after.tier[NH_MEM_PSRAM].peak_bytes - before.tier[NH_MEM_PSRAM].current_bytes;
    assert_in_range(peak, 1, 2048);
    assert_int_equal(fs.ops->dir_open(fs.ctx, "none", &cursor), NH_ERR_NOT_FOUND);
    assert_null(cursor);
}

static void test_space(void **state)
{
    (void)state;
    uint64_t used = 0;
    uint64_t total = 0;
    assert_int_equal(nh_files_space(files, &used, &total), NH_OK);
    assert_true(total > 0 && used <= total);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    const struct nh_mem_fault fault = {.fail_nth = 1};
    nh_files_t *other;
    nh_file_t *f;
    void *cursor;
    put("file", "x");
    nh_mem_fault_set(fx.sys, &fault);
    assert_int_equal(nh_files_open(fx.mem, dir, &other), NH_ERR_NOMEM);
    nh_mem_fault_set(fx.sys, &fault);
    assert_int_equal(fs.ops->open(fs.ctx, "file", NH_FILE_READ, &f), NH_ERR_NOMEM);
    assert_null(f);
    nh_mem_fault_set(fx.sys, &fault);
    assert_int_equal(fs.ops->dir_open(fs.ctx, "", &cursor), NH_ERR_NOMEM);
    assert_null(cursor);
    expect("file", "x");
    assert_int_equal(nh_files_open(fx.mem, "/nowhere/at/all", &other), NH_ERR_NOT_FOUND);
    assert_null(other);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_write_read_rename_remove),
        cmocka_unit_test_setup_teardown(test_write_read_rename_remove, setup_old_kernel, teardown),
        TEST(test_nothing_leads_out),
        cmocka_unit_test_setup_teardown(test_nothing_leads_out, setup_old_kernel, teardown),
        TEST(test_a_pipe_does_not_hold_us),
        TEST(test_a_large_directory_is_streamed),
        TEST(test_space),
        TEST(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
