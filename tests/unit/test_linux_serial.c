// The serial line against the other end of a pseudo terminal.

#include "linux_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <termios.h>

static struct linux_fixture fx;
static int master;
static char path[64];

static int setup(void **state)
{
    (void)state;
    fixture_start(&fx);
    master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    assert_true(master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    assert_int_equal(ptsname_r(master, path, sizeof path), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (master >= 0)
        close(master);
    fixture_stop(&fx);
    return 0;
}

static nh_serial_t *line_open(void)
{
    const struct nh_serial_config cfg = {.path = path, .baud = 9600};
    nh_serial_t *s;
    assert_int_equal(nh_serial_open(fx.mem, &cfg, &s), NH_OK);
    return s;
}

static void test_bytes_pass_unchanged(void **state)
{
    (void)state;
    uint8_t all[256], got[256];
    size_t have = 0;
    nh_serial_t *s = line_open();
    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)i; // also ^C, ^S, CR and LF: a raw line
    assert_int_equal(write(master, all, sizeof all), sizeof all);
    while (have < sizeof got) {
        int n = nh_serial_read(s, got + have, sizeof got - have, 1000);
        assert_true(n > 0);
        have += (size_t)n;
    }
    assert_memory_equal(got, all, sizeof all);
    assert_int_equal(nh_serial_write(s, all, sizeof all, 1000), NH_OK);
    for (have = 0; have < sizeof got;) {
        ssize_t n = read(master, got + have, sizeof got - have);
        have += n > 0 ? (size_t)n : 0;
    }
    assert_memory_equal(got, all, sizeof all);
    nh_serial_close(s);
}

static void test_time_and_the_end(void **state)
{
    (void)state;
    static uint8_t much[NH_KIB(256)];
    uint8_t byte;
    nh_serial_t *s = line_open();
    assert_int_equal(nh_serial_read(s, &byte, 1, 0), NH_ERR_TIMEOUT);
    assert_int_equal(nh_serial_read(s, &byte, 1, 2), NH_ERR_TIMEOUT);
    assert_int_equal(nh_serial_write(s, much, sizeof much, 2), NH_ERR_TIMEOUT); // nobody reads
    close(master); // the cable is pulled out
    master = -1;
    assert_int_equal(nh_serial_read(s, &byte, 1, 1000), NH_ERR_CLOSED);
    assert_int_equal(nh_serial_write(s, &byte, 1, 1000), NH_ERR_CLOSED);
    nh_serial_close(s);
}

// Another end that stays open, as a simulated device has one, would keep the line shut for ever.
static void test_the_line_is_free_after_it(void **state)
{
    (void)state;
    int other = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC), is_exclusive = 0;
    nh_serial_t *s = line_open();
    assert_int_equal(ioctl(other, TIOCGEXCL, &is_exclusive), 0);
    assert_int_not_equal(is_exclusive, 0);
    nh_serial_close(s);
    assert_int_equal(ioctl(other, TIOCGEXCL, &is_exclusive), 0);
    assert_int_equal(is_exclusive, 0);
    close(other);
}

static void test_open_faults(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        uint32_t baud;
        int rc;
    } rows[] = {
        {"/dev/null", 9600, NH_ERR_INVAL},
        {"/nowhere/tty", 9600, NH_ERR_NOT_FOUND},
        {NULL, 12345, NH_ERR_RANGE},
        {NULL, 0, NH_ERR_RANGE},
    };
    nh_serial_t *s;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        const struct nh_serial_config cfg = {.path = rows[i].path ? rows[i].path : path,
                                             .baud = rows[i].baud};
        assert_int_equal(nh_serial_open(fx.mem, &cfg, &s), rows[i].rc);
        assert_null(s);
    }
    const struct nh_serial_config cfg = {.path = path, .baud = 115200};
    const struct nh_mem_fault fault = {.fail_nth = 1};
    nh_mem_fault_set(fx.sys, &fault);
    assert_int_equal(nh_serial_open(fx.mem, &cfg, &s), NH_ERR_NOMEM);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

static void *wake_it(void *arg)
{
    nh_serial_wake(arg);
    return NULL;
}

static void test_wake_ends_a_read(void **state)
{
    (void)state;
    uint8_t got[4];
    pthread_t thread;
    nh_serial_t *s = line_open();
    nh_serial_wake(s); // before the read, and twice: one
    nh_serial_wake(s);
    assert_int_equal(nh_serial_read(s, got, sizeof got, 60000), NH_ERR_AGAIN);
    assert_int_equal(nh_serial_read(s, got, sizeof got, 0), NH_ERR_TIMEOUT);
    assert_int_equal(pthread_create(&thread, NULL, wake_it, s), 0);
    assert_int_equal(nh_serial_read(s, got, sizeof got, 60000), NH_ERR_AGAIN);
    pthread_join(thread, NULL);
    nh_serial_wake(s); // bytes go first
    assert_int_equal(write(master, "ab", 2), 2);
    int n = nh_serial_read(s, got, sizeof got, 60000);
    assert_true(n == 2 || n == NH_ERR_AGAIN); // they may take their time on the way
    nh_serial_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_bytes_pass_unchanged),
        TEST(test_time_and_the_end),
        TEST(test_the_line_is_free_after_it),
        TEST(test_wake_ends_a_read),
        TEST(test_open_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
