// Facts of the host, words to the service manager, and the mapped regions.

#include "linux_fixture.h"
#include "platform/linux/port.h"
#include "platform/linux/regions.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static void test_info(void **state)
{
    (void)state;
    struct nh_host_info info;
    nh_host_info_get(&info);
    assert_true(info.rss_bytes > 100 * 1024);
    assert_true(info.private_bytes == -1 ||
                (info.private_bytes > 0 && info.private_bytes <= info.rss_bytes));
    assert_true(info.host_libc_bytes >= -1);
    assert_int_equal(info.cpu_usage_pct, -1); // of what time?
    assert_true(info.cpu_temperature_c >= -1);
    assert_true(info.program_bytes > 10000);
    assert_true(strlen(info.hostname) > 0);
    assert_string_equal(info.reset_reason, "Power On");
    nh_host_reset_reason_set("Software");
    nh_host_info_get(&info);
    assert_string_equal(info.reset_reason, "Software");
    nh_host_reset_reason_set("Power On");
}

static void test_cpu(void **state)
{
    static const struct {
        const char *name;
        uint64_t wall_ms, used_ms;
        int pct;
    } rows[] = {
        {"the start alone is no sample", 50000, 40, -1},
        {"nor is a moment", 50010, 50, -1},
        {"nor almost a second", 50999, 60, -1},
        {"a second", 51000, 140, 10},
        {"a question of its own costs nothing", 51004, 144, 10},
        {"busy, but not for a second", 51999, 1139, 10},
        {"two seconds of two tasks", 53000, 4140, 200},
        {"an idle hour", 3653000, 4140, 0},
        {"and just after it", 3653003, 4143, 0},
    };
    struct nh_linux__cpu cpu = {0};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        int pct = nh_linux__cpu_pct(&cpu, rows[i].wall_ms * 1000, rows[i].used_ms * 1000);
        if (pct != rows[i].pct)
            fail_msg("%s: %d, not %d", rows[i].name, pct, rows[i].pct);
    }
}

// In a child: the limit of a process cannot be raised again once its ceiling is down.
static void test_connections_allow(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        const struct rlimit limit = {64, 256};
        bool is_right =
            setrlimit(RLIMIT_NOFILE, &limit) == 0 && nh_host_connections_allow(100) == 100 &&
            nh_host_connections_allow(10) == 100 && nh_host_connections_allow(1000) == 256 &&
            nh_host_connections_allow(UINT32_MAX) == 256;
        _exit(is_right ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_notify(void **state)
{
    (void)state;
    char dir[256];
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    char text[128];
    fixture_dir_make(dir, sizeof dir);
    unsetenv("NOTIFY_SOCKET");
    nh_host_notify("READY=1"); // nobody there: nothing happens
    for (int is_abstract = 0; is_abstract < 2; is_abstract++) {
        int len =
            snprintf(sa.sun_path, sizeof sa.sun_path, "%s%s/notify", is_abstract ? "@" : "", dir);
        setenv("NOTIFY_SOCKET", sa.sun_path, 1);
        if (is_abstract)
            sa.sun_path[0] = 0;
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&sa,
                              (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)),
                         0);
        nh_host_notify("READY=1");
        ssize_t n = recv(fd, text, sizeof text - 1, 0);
        assert_int_equal(n, 7);
        assert_memory_equal(text, "READY=1", 7);
        nh_host_notify("RELOADING=1");
        n = recv(fd, text, sizeof text - 1, 0);
        assert_true(n > 0);
        text[n] = 0;
        assert_non_null(strstr(text, "RELOADING=1\nMONOTONIC_USEC="));
        close(fd);
    }
    setenv("NOTIFY_SOCKET", "relative", 1);
    nh_host_notify("READY=1");
    unsetenv("NOTIFY_SOCKET");
    fixture_dir_remove(dir);
}

static bool write_kills(volatile char *at)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL);
        *at = 1;
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status);
}

static void test_regions(void **state)
{
    (void)state;
    struct nh_regions r;
    assert_int_equal(nh_regions_map(NH_KIB(320), NH_MIB(1024), &r), NH_OK);
    char *low = r.internal;
    char *high = r.psram;
    assert_int_equal((uintptr_t)low % 4096, 0);
    assert_false(write_kills(low));
    assert_false(write_kills(low + NH_KIB(320) - 1));
    assert_true(write_kills(low - 1));
    assert_true(write_kills(low + NH_KIB(320)));
    assert_true(write_kills(high - 1));
    high[NH_MIB(1024) - 1] = 1; // a gibibyte that is only taken where it is touched
    nh_regions_unmap(&r);
    assert_null(r.internal);
    nh_regions_unmap(&r);
    assert_int_equal(nh_regions_map(NH_KIB(64), 0, &r), NH_OK);
    assert_null(r.psram);
    nh_regions_unmap(&r);
    assert_int_equal(nh_regions_map(NH_KIB(64), SIZE_MAX / 4, &r), NH_ERR_NOMEM);
    assert_null(r.internal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_cpu),
        cmocka_unit_test(test_connections_allow),
        cmocka_unit_test(test_notify),
        cmocka_unit_test(test_regions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
