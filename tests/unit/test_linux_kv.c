// Key-value storage: what was acknowledged is there after kill -9; damage is an error value.

#include "linux_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

// In the place of the C library's, also for LMDB: a process that is killed leaves its writes in the
// kernel, so only this shows that they are sent to the disk as well.
static atomic_int synced_count;
int fdatasync(int fildes)
{
    atomic_fetch_add(&synced_count, 1);
    return (int)syscall(SYS_fdatasync, fildes);
}

static struct linux_fixture fx;
static char dir[256];

static int setup(void **state)
{
    (void)state;
    fixture_start(&fx);
    fixture_dir_make(dir, sizeof dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_dir_remove(dir);
    fixture_stop(&fx);
    return 0;
}

static nh_kv_t *kv_open(void)
{
    nh_kv_t *kv;
    assert_int_equal(nh_kv_open(fx.mem, dir, &kv), NH_OK);
    return kv;
}

static void expect(nh_kv_t *kv, const char *space, const char *key, const char *value)
{
    char got[64] = {0};
    int n = nh_kv_get(kv, space, key, got, sizeof got);
    if (!value) {
        assert_int_equal(n, NH_ERR_NOT_FOUND);
        return;
    }
    assert_int_equal(n, strlen(value));
    assert_memory_equal(got, value, strlen(value));
}

static void set(nh_kv_t *kv, const char *space, const char *key, const char *value)
{
    assert_int_equal(nh_kv_set(kv, space, key, value, strlen(value)), NH_OK);
}

static void test_values_by_space_and_key(void **state)
{
    (void)state;
    nh_kv_t *kv = kv_open();
    expect(kv, "net", "ssid", NULL);
    set(kv, "net", "ssid", "nest");
    set(kv, "ne", "tssid", "other"); // the border between space and key counts
    set(kv, "net", "empty", "");
    expect(kv, "net", "ssid", "nest");
    expect(kv, "ne", "tssid", "other");
    expect(kv, "net", "empty", "");
    set(kv, "net", "ssid", "a longer one");
    expect(kv, "net", "ssid", "a longer one");
    char small[4] = "xyz";
    assert_int_equal(nh_kv_get(kv, "net", "ssid", small, sizeof small), 12);
    assert_memory_equal(small, "xyz", 4); // nothing was copied
    assert_int_equal(nh_kv_remove(kv, "net", "ssid"), NH_OK);
    assert_int_equal(nh_kv_remove(kv, "net", "ssid"), NH_ERR_NOT_FOUND);
    nh_kv_close(kv);
    kv = kv_open();
    expect(kv, "net", "ssid", NULL);
    expect(kv, "ne", "tssid", "other");
    nh_kv_close(kv);
}

static void test_each_write_is_sent_to_the_disk(void **state)
{
    (void)state;
    nh_kv_t *kv = kv_open();
    for (int i = 0; i < 5; i++) {
        int before = synced_count;
        set(kv, "s", "k", "v");
        assert_true(synced_count > before);
    }
    int before = synced_count;
    assert_int_equal(nh_kv_remove(kv, "s", "k"), NH_OK);
    assert_true(synced_count > before);
    nh_kv_close(kv);
}

static void test_limits(void **state)
{
    (void)state;
    static uint8_t value[NH_KV_VALUE_MAX_BYTES + 1];
    static uint8_t back[NH_KV_VALUE_MAX_BYTES];
    char key[NH_KV_KEY_MAX_BYTES + 2];
    memset(key, 'k', sizeof key);
    key[NH_KV_KEY_MAX_BYTES + 1] = 0;
    nh_kv_t *kv = kv_open();
    assert_int_equal(nh_kv_set(kv, "s", key, "v", 1), NH_ERR_TOO_LONG);
    assert_int_equal(nh_kv_set(kv, key, "k", "v", 1), NH_ERR_TOO_LONG);
    key[NH_KV_KEY_MAX_BYTES] = 0;
    assert_int_equal(nh_kv_set(kv, key, key, value, NH_KV_VALUE_MAX_BYTES), NH_OK);
    assert_int_equal(nh_kv_get(kv, key, key, back, sizeof back), NH_KV_VALUE_MAX_BYTES);
    assert_int_equal(nh_kv_set(kv, "s", "k", value, sizeof value), NH_ERR_TOO_LONG);
    assert_int_equal(nh_kv_set(kv, "", "k", "v", 1), NH_ERR_INVAL);
    assert_int_equal(nh_kv_set(kv, "s", "", "v", 1), NH_ERR_INVAL);
    expect(kv, "s", "k", NULL);
    nh_kv_close(kv);
}

static void test_full_keeps_the_old_value(void **state)
{
    (void)state;
    static uint8_t value[NH_KV_VALUE_MAX_BYTES];
    enum { AT_ONCE = 64 };
    static char keys[AT_ONCE][16];
    static struct nh_kv_write w[AT_ONCE];
    nh_kv_t *kv = kv_open();
    int rc = NH_OK;
    set(kv, "first", "k", "old");
    for (int batch = 0; rc == NH_OK; batch++) {
        assert_true(batch < 100);
        for (int i = 0; i < AT_ONCE; i++) {
            snprintf(keys[i], sizeof keys[i], "%d.%d", batch, i);
            w[i] = (struct nh_kv_write){"fill", keys[i], value, sizeof value};
        }
        rc = nh_kv_commit(kv, w, AT_ONCE);
    }
    assert_int_equal(rc, NH_ERR_NOSPC);
    expect(kv, "first", "k", "old");
    nh_kv_close(kv);
    kv = kv_open();
    expect(kv, "first", "k", "old");
    nh_kv_close(kv);
}

static void test_commit_is_all_or_nothing(void **state)
{
    (void)state;
    nh_kv_t *kv = kv_open();
    set(kv, "a", "gone", "1");
    const struct nh_kv_write good[] = {
        {"a", "x", "10", 2}, {"b", "y", "20", 2}, {"a", "gone", NULL, 0}, {"a", "never", NULL, 0}};
    assert_int_equal(nh_kv_commit(kv, good, NH_ARRAY_LEN(good)), NH_OK);
    expect(kv, "a", "x", "10");
    expect(kv, "b", "y", "20");
    expect(kv, "a", "gone", NULL);
    const struct nh_kv_write bad[] = {{"a", "x", "11", 2}, {"b", "", "21", 2}};
    assert_int_equal(nh_kv_commit(kv, bad, NH_ARRAY_LEN(bad)), NH_ERR_INVAL);
    expect(kv, "a", "x", "10");
    nh_kv_close(kv);
}

struct seen {
    nh_kv_t *kv;
    int count, stop_at;
    char keys[64];
};

static bool visit(void *ctx, const char *key, nh_span_t value)
{
    struct seen *s = ctx;
    assert_int_equal(value.len, 1);
    size_t len = strlen(s->keys);
    snprintf(s->keys + len, sizeof s->keys - len, "%s", key);
    if (s->kv) // reading and writing are allowed meanwhile
        assert_int_equal(nh_kv_set(s->kv, "m", "later", "v", 1), NH_OK);
    return ++s->count != s->stop_at;
}

static void test_each(void **state)
{
    (void)state;
    nh_kv_t *kv = kv_open();
    set(kv, "l", "z", "0");
    set(kv, "m", "c", "3");
    set(kv, "m", "a", "1");
    set(kv, "m", "b", "2");
    set(kv, "mm", "a", "9");
    struct seen all = {.kv = kv};
    assert_int_equal(nh_kv_each(kv, "m", visit, &all), NH_OK);
    assert_string_equal(all.keys, "abc");
    struct seen two = {.stop_at = 2};
    assert_int_equal(nh_kv_each(kv, "m", visit, &two), NH_OK);
    assert_string_equal(two.keys, "ab");
    struct seen none = {0};
    assert_int_equal(nh_kv_each(kv, "nothing", visit, &none), NH_OK);
    assert_int_equal(none.count, 0);
    nh_kv_close(kv);
}

static void test_one_at_a_time(void **state)
{
    (void)state;
    nh_kv_t *second;
    nh_kv_t *kv = kv_open();
    assert_int_equal(nh_kv_open(fx.mem, dir, &second), NH_ERR_BUSY);
    assert_null(second);
    nh_kv_close(kv);
    nh_kv_close(kv_open());
}

// A child writes numbers and tells each that was acknowledged; it is killed at some moment.
static void write_until_killed(int report_fd)
{
    nh_kv_t *kv;
    if (nh_kv_open(fx.mem, dir, &kv) != NH_OK)
        _exit(1);
    uint32_t start = 0;
    (void)!nh_kv_get(kv, "n", "last", &start, sizeof start);
    for (uint32_t i = start + 1;; i++) {
        const struct nh_kv_write w[] = {{"n", "last", &i, sizeof i}, {"n", "twin", &i, sizeof i}};
        if (nh_kv_commit(kv, w, 2) != NH_OK || write(report_fd, &i, sizeof i) != sizeof i)
            _exit(1);
    }
}

static void test_what_was_acknowledged_survives_kill(void **state)
{
    (void)state;
    uint32_t told = 0;
    for (int round = 0; round < 6; round++) {
        int fd[2], status;
        assert_int_equal(pipe(fd), 0);
        pid_t pid = fork();
        if (pid == 0) {
            close(fd[0]);
            write_until_killed(fd[1]);
        }
        close(fd[1]);
        for (int i = 0; i < 1 + round * 7; i++)
            assert_int_equal(read(fd[0], &told, sizeof told), sizeof told);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        uint32_t more;
        while (read(fd[0], &more, sizeof more) == sizeof more)
            told = more; // acknowledged before the signal came
        close(fd[0]);
        assert_true(WIFSIGNALED(status));
        uint32_t last = 0;
        uint32_t twin = 0;
        nh_kv_t *kv = kv_open();
        assert_int_equal(nh_kv_get(kv, "n", "last", &last, sizeof last), sizeof last);
        assert_int_equal(nh_kv_get(kv, "n", "twin", &twin, sizeof twin), sizeof twin);
        assert_in_range(last, told, told + 1); // one more may be done and not yet told
        assert_int_equal(last, twin);
        nh_kv_close(kv);
    }
}

// ---- damage

static void file_path(char *out, size_t cap)
{
    snprintf(out, cap, "%s/data.mdb", dir);
}

static void fill(void)
{
    char key[16], value[300];
    nh_kv_t *kv = kv_open();
    memset(value, 'v', sizeof value);
    for (int i = 0; i < 40; i++) {
        snprintf(key, sizeof key, "key%d", i);
        assert_int_equal(nh_kv_set(kv, "s", key, value, sizeof value), NH_OK);
    }
    nh_kv_close(kv);
}

// Whole or refused, never a crash and never a wrong value.
static void expect_right_or_corrupt(int *refused)
{
    char key[16], value[300], right[300];
    nh_kv_t *kv;
    memset(right, 'v', sizeof right);
    int rc = nh_kv_open(fx.mem, dir, &kv);
    if (rc != NH_OK) {
        assert_int_equal(rc, NH_ERR_CORRUPT);
        assert_null(kv);
        (*refused)++;
        return;
    }
    for (int i = 0; i < 40; i++) {
        snprintf(key, sizeof key, "key%d", i);
        rc = nh_kv_get(kv, "s", key, value, sizeof value);
        if (rc == NH_ERR_NOT_FOUND || rc == NH_ERR_CORRUPT)
            continue; // an older state of the tree is what a damaged header may lead to
        assert_int_equal(rc, sizeof value);
        assert_memory_equal(value, right, sizeof right);
    }
    nh_kv_close(kv);
}

static void test_damaged_files(void **state)
{
    (void)state;
    char path[300];
    static uint8_t whole[NH_KIB(512)];
    int refused = 0;
    fill();
    file_path(path, sizeof path);
    int fd = open(path, O_RDWR);
    ssize_t len = pread(fd, whole, sizeof whole, 0);
    assert_in_range(len, 16384, sizeof whole - 1);
    uint32_t seed = 4711;
    for (int round = 0; round < 60; round++) {
        // Three ways: a cut, a page of garbage, some flipped bytes.
        static uint8_t bytes[NH_KIB(512)];
        memcpy(bytes, whole, (size_t)len);
        size_t size = (size_t)len;
        seed = seed * 1664525u + 1013904223u;
        if (round % 3 == 0) {
            size = (seed >> 8) % size;
            if (size == 0)
                size = 1;
        } else if (round % 3 == 1) {
            size_t page = (seed >> 8) % (size / 4096);
            for (int i = 0; i < 4096; i++)
                bytes[page * 4096 + (size_t)i] = (uint8_t)(seed = seed * 1664525u + 1013904223u);
        } else {
            for (int i = 0; i < 16; i++) {
                seed = seed * 1664525u + 1013904223u;
                bytes[(seed >> 4) % size] ^= (uint8_t)(1u << (seed >> 29));
            }
        }
        assert_int_equal(ftruncate(fd, (off_t)size), 0);
        assert_int_equal(pwrite(fd, bytes, size, 0), (ssize_t)size);
        expect_right_or_corrupt(&refused);
    }
    assert_true(refused > 20);
    // Whole again: it opens again, so refusing changed nothing.
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(pwrite(fd, whole, (size_t)len, 0), len);
    refused = 0;
    expect_right_or_corrupt(&refused);
    assert_int_equal(refused, 0);
    close(fd);
}

static void test_open_faults(void **state)
{
    (void)state;
    nh_kv_t *kv;
    assert_int_equal(nh_kv_open(fx.mem, "/nowhere/at/all", &kv), NH_ERR_NOT_FOUND);
    assert_null(kv);
    const struct nh_mem_fault fault = {.fail_nth = 1};
    nh_mem_fault_set(fx.sys, &fault);
    assert_int_equal(nh_kv_open(fx.mem, dir, &kv), NH_ERR_NOMEM);
    assert_null(kv);
}

// ---- threads

static void *read_and_write(void *ctx)
{
    nh_kv_t *kv = ctx;
    for (int i = 0; i < 30; i++) {
        uint32_t a = 0;
        int rc = nh_kv_get(kv, "t", "n", &a, sizeof a);
        if (rc < 0 || nh_kv_set(kv, "t", "n", &a, sizeof a) < 0)
            return kv;
    }
    return NULL;
}

static void test_any_task(void **state)
{
    (void)state;
    pthread_t thread[3];
    uint32_t n = 7;
    void *failed;
    nh_kv_t *kv = kv_open();
    assert_int_equal(nh_kv_set(kv, "t", "n", &n, sizeof n), NH_OK);
    for (size_t i = 0; i < NH_ARRAY_LEN(thread); i++)
        assert_int_equal(pthread_create(&thread[i], NULL, read_and_write, kv), 0);
    for (size_t i = 0; i < NH_ARRAY_LEN(thread); i++) {
        pthread_join(thread[i], &failed);
        assert_null(failed);
    }
    nh_kv_close(kv);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_values_by_space_and_key),
        TEST(test_each_write_is_sent_to_the_disk),
        TEST(test_limits),
        TEST(test_full_keeps_the_old_value),
        TEST(test_commit_is_all_or_nothing),
        TEST(test_each),
        TEST(test_one_at_a_time),
        TEST(test_what_was_acknowledged_survives_kill),
        TEST(test_damaged_files),
        TEST(test_open_faults),
        TEST(test_any_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
