// The console never blocks and never leaves half a line, whoever reads, or does not.

#include "linux_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>

#define LINE_MAX_LEN 120

// Lines of all lengths, so that the ring gets full to the byte now and then.
static void numbered_line(char *out, int number)
{
    int len = 20 + number * 7 % (LINE_MAX_LEN - 20);
    int n = snprintf(out, LINE_MAX_LEN + 1, "%d ", number);
    memset(out + n, 'a' + number % 26, (size_t)(len - n));
    out[len] = 0;
}

// Reads what is there; whole lines in rising order, each as it was written. Returns how many.
struct reader {
    int fd, last, lines;
    size_t have;
    char buf[8192];
};

static void reader_take(struct reader *r)
{
    char expected[LINE_MAX_LEN + 1];
    ssize_t n;
    while ((n = read(r->fd, r->buf + r->have, sizeof r->buf - r->have)) > 0) {
        r->have += (size_t)n;
        char *end;
        while ((end = memchr(r->buf, '\n', r->have))) {
            *end = 0;
            int number = atoi(r->buf);
            assert_true(number > r->last);
            numbered_line(expected, number);
            assert_string_equal(r->buf, expected);
            r->last = number;
            r->lines++;
            r->have -= (size_t)(end + 1 - r->buf);
            memmove(r->buf, end + 1, r->have);
        }
    }
}

// Writes `count` lines against a reader that takes some now and then (`every` 0: never).
static void write_lines(nh_console_t *c, struct reader *r, int count, int every)
{
    char line[LINE_MAX_LEN + 1];
    for (int i = 1; i <= count; i++) {
        numbered_line(line, i);
        nh_console_line(c, line);
        if (every && i % every == 0)
            reader_take(r);
    }
    for (int i = 0; i < 1000000; i++) {
        bool done = nh_console_flush(c);
        reader_take(r);
        if (done && r->lines + (int)nh_console_dropped(c) == count)
            break;
        sched_yield();
    }
    assert_int_equal(r->have, 0); // no half line at the end
    assert_int_equal(r->lines + (int)nh_console_dropped(c), count);
}

static void test_pty_with_slow_reader(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    nh_console_t *c;
    struct reader r = {0};
    assert_int_equal(nh_console_open("pty", &c), NH_OK);
    r.fd = open(nh_console_path(c), O_RDWR | O_NOCTTY | O_NONBLOCK);
    assert_true(r.fd >= 0);
    write_lines(c, &r, COUNT, 700);
    assert_true(nh_console_dropped(c) > 0); // it was slow indeed
    assert_true(r.lines > 100);
    close(r.fd);
    nh_console_close(c);
}

static void test_pty_readers_come_and_go(void **state)
{
    (void)state;
    nh_console_t *c;
    char buf[64];
    assert_int_equal(nh_console_open("pty", &c), NH_OK);
    for (int i = 0; i < 3; i++) {
        int fd = open(nh_console_path(c), O_RDWR | O_NOCTTY | O_NONBLOCK);
        struct termios t;
        assert_int_equal(tcgetattr(fd, &t), 0);
        assert_false(t.c_lflag & (ECHO | ICANON)); // raw
        assert_false(t.c_oflag & OPOST);
        assert_int_equal(write(fd, "typed\n", 6), 6); // may not come back as an echo
        nh_console_line(c, "hello");
        ssize_t n = -1;
        for (int k = 0; k < 1000000 && n <= 0; k++)
            n = read(fd, buf, sizeof buf);
        assert_int_equal(n, 6);
        assert_memory_equal(buf, "hello\n", 6);
        close(fd);
    }
    assert_int_equal(nh_console_dropped(c), 0);
    nh_console_close(c);
}

static void test_pty_link(void **state)
{
    (void)state;
    char dir[256], link[300], where[310], target[64] = {0};
    nh_console_t *c, *d;
    struct stat st;
    fixture_dir_make(dir, sizeof dir);
    snprintf(link, sizeof link, "%s/console", dir);
    snprintf(where, sizeof where, "pty:%s", link);
    assert_int_equal(nh_console_open(where, &c), NH_OK);
    assert_true(readlink(link, target, sizeof target - 1) > 0);
    assert_string_equal(target, nh_console_path(c));
    assert_int_equal(nh_console_open(where, &d), NH_OK); // a later instance takes it over
    nh_console_close(c);                                 // and keeps it
    memset(target, 0, sizeof target);
    assert_true(readlink(link, target, sizeof target - 1) > 0);
    assert_string_equal(target, nh_console_path(d));
    nh_console_close(d);
    assert_int_not_equal(lstat(link, &st), 0);
    FILE *f = fopen(link, "w"); // somebody's file stays
    fputs("mine", f);
    fclose(f);
    assert_int_equal(nh_console_open(where, &c), NH_ERR_EXISTS);
    assert_null(c);
    snprintf(where, sizeof where, "pty:%s/none/console", dir);
    assert_int_equal(nh_console_open(where, &c), NH_ERR_NOT_FOUND);
    fixture_dir_remove(dir);
}

static void test_words(void **state)
{
    static const char *const wrong[] = {"", "stdin", "pty:", "ptyx", "file:"};
    (void)state;
    nh_console_t *c;
    for (size_t i = 0; i < NH_ARRAY_LEN(wrong); i++) {
        assert_int_equal(nh_console_open(wrong[i], &c), NH_ERR_INVAL);
        assert_null(c);
    }
    nh_console_close(NULL);
}

static void assert_file(const char *path, const char *expected)
{
    char text[64] = {0};
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t len = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    assert_int_equal(len, strlen(expected));
    assert_string_equal(text, expected);
}

// A file is added to, and opened anew when it was moved away; where that fails the old one stays.
static void test_file(void **state)
{
    (void)state;
    char dir[256], path[300], old[310], where[310];
    nh_console_t *c;
    struct stat st;
    fixture_dir_make(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/log", dir);
    snprintf(old, sizeof old, "%s.1", path);
    snprintf(where, sizeof where, "file:%s", path);
    assert_int_equal(nh_console_open(where, &c), NH_OK);
    nh_console_line(c, "a");
    nh_console_close(c);
    assert_int_equal(nh_console_open(where, &c), NH_OK);
    assert_null(nh_console_path(c));
    nh_console_line(c, "b");
    assert_int_equal(rename(path, old), 0);
    nh_console_line(c, "c");
    assert_int_equal(nh_console_reopen(c), NH_OK);
    nh_console_line(c, "d");
    assert_file(old, "a\nb\nc\n");
    assert_file(path, "d\n");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07037, 0);
    assert_int_equal(remove(path), 0);
    assert_int_equal(mkdir(path, 0700), 0); // in its place
    assert_true(nh_console_reopen(c) < 0);
    nh_console_line(c, "e");
    assert_int_equal(nh_console_dropped(c), 0);
    nh_console_close(c);
    assert_int_equal(nh_console_open("file:/nowhere/log", &c), NH_ERR_NOT_FOUND);
    fixture_dir_remove(dir);
}

static void test_none(void **state)
{
    (void)state;
    nh_console_t *c;
    assert_int_equal(nh_console_open("none", &c), NH_OK);
    nh_console_line(c, "a");
    assert_true(nh_console_flush(c));
    assert_int_equal(nh_console_reopen(c), NH_OK);
    assert_int_equal(nh_console_dropped(c), 1);
    nh_console_close(c);
}

// Runs with `fd` in the place of stdout.
static nh_console_t *open_stdout_on(int fd, int *saved)
{
    nh_console_t *c;
    fflush(stdout);
    *saved = dup(STDOUT_FILENO);
    if (fd >= 0)
        dup2(fd, STDOUT_FILENO);
    else
        close(STDOUT_FILENO);
    assert_int_equal(nh_console_open("stdout", &c), NH_OK);
    assert_null(nh_console_path(c));
    return c;
}

static void restore_stdout(int saved)
{
    dup2(saved, STDOUT_FILENO);
    close(saved);
}

static void test_stdout_pipe_and_socket_with_slow_reader(void **state)
{
    (void)state;
    enum { COUNT = 8000 };
    for (int with_socket = 0; with_socket < 2; with_socket++) {
        int fd[2], saved;
        struct reader r = {0};
        assert_int_equal(with_socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, fd) : pipe(fd), 0);
        nh_console_t *c = open_stdout_on(fd[1], &saved);
        assert_false(fcntl(fd[1], F_GETFL) & O_NONBLOCK); // what we share with others is untouched
        r.fd = fd[0];
        fcntl(fd[0], F_SETFL, O_NONBLOCK);
        write_lines(c, &r, COUNT, 3000);
        restore_stdout(saved);
        assert_true(nh_console_dropped(c) > 0);
        nh_console_close(c);
        close(fd[0]);
        close(fd[1]);
    }
}

static void test_stdout_file(void **state)
{
    (void)state;
    char dir[256], path[300], text[64] = {0};
    int saved;
    fixture_dir_make(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/log", dir);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    assert_int_equal(write(fd, "before\n", 7), 7); // what stands there is not written over
    nh_console_t *c = open_stdout_on(fd, &saved);
    nh_console_line(c, "one");
    nh_console_line(c, "");
    restore_stdout(saved);
    nh_console_close(c);
    assert_int_equal(pread(fd, text, sizeof text, 0), 12);
    assert_string_equal(text, "before\none\n\n");
    close(fd);
    fixture_dir_remove(dir);
}

static void test_stdout_gone(void **state)
{
    (void)state;
    int fd[2], saved;
    assert_int_equal(pipe(fd), 0);
    nh_console_t *c = open_stdout_on(fd[1], &saved);
    close(fd[0]);
    close(fd[1]);
    signal(SIGPIPE, SIG_IGN); // as the loop does it
    nh_console_line(c, "nobody reads this");
    nh_console_line(c, "nor that");
    restore_stdout(saved);
    assert_true(nh_console_flush(c));
    assert_int_equal(nh_console_dropped(c), 1); // the first had found room
    nh_console_close(c);
    c = open_stdout_on(-1, &saved);
    nh_console_line(c, "closed from the start");
    restore_stdout(saved);
    assert_int_equal(nh_console_dropped(c), 1);
    nh_console_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pty_with_slow_reader),
        cmocka_unit_test(test_pty_readers_come_and_go),
        cmocka_unit_test(test_pty_link),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_stdout_pipe_and_socket_with_slow_reader),
        cmocka_unit_test(test_stdout_file),
        cmocka_unit_test(test_stdout_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
