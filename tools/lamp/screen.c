#include "lamp/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define HOME "\x1b[H"
#define ENTER "\x1b[?1049h\x1b[?25l\x1b[2J" // a page of its own, no cursor
#define LEAVE "\x1b[0m\x1b[?25h\x1b[?1049l"

_Static_assert(sizeof HOME <= NH_SCREEN_MORE_BYTES, "stands before the frame");

static volatile sig_atomic_t stopped;

static void on_stop(int number)
{
    (void)number;
    stopped = 1;
}

bool nh_screen_is_stopped(void)
{
    return stopped;
}

uint64_t nh_screen_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

bool nh_screen_write(const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, bytes, len);
        if (n < 0 && errno != EINTR)
            return false;
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

bool nh_screen_fits(uint16_t width, uint16_t height, enum nh_term_colors colors)
{
    struct winsize w = {0};
    unsigned columns = nh_term_columns(colors, width), lines = nh_term_lines(colors, height) + 1;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col == 0)
        return true; // it does not say
    if (columns <= w.ws_col && lines <= w.ws_row)
        return true;
    fprintf(stderr,
            "nuthatch lamp preview: %u x %u pixels need %u x %u characters, this terminal has %u x "
            "%u: make it larger, or choose a smaller --size\n",
            width, height, columns, lines, w.ws_col, w.ws_row);
    return false;
}

void nh_screen_open(struct nh_screen *s)
{
    struct sigaction stop = {.sa_handler = on_stop};
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGHUP, &stop, NULL);
    s->is_open = true;
    s->has_keys = tcgetattr(STDIN_FILENO, &s->before) == 0;
    if (s->has_keys) {
        struct termios raw = s->before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    nh_screen_write(ENTER, sizeof ENTER - 1);
}

void nh_screen_close(struct nh_screen *s)
{
    if (!s->is_open)
        return;
    s->is_open = false;
    nh_screen_write(LEAVE, sizeof LEAVE - 1);
    if (s->has_keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &s->before);
}

char nh_screen_key(struct nh_screen *s, uint64_t until_ms, int fd, bool *fd_is_ready)
{
    uint64_t now = nh_screen_now_ms();
    uint64_t wait = now < until_ms ? until_ms - now : 0;
    struct pollfd f[2] = {{.fd = s->has_keys ? STDIN_FILENO : -1, .events = POLLIN},
                          {.fd = fd, .events = POLLIN}};
    char key = 0;
    int n = poll(f, 2, wait < 60000 ? (int)wait : 60000);
    if (fd_is_ready)
        *fd_is_ready = n > 0 && f[1].revents != 0;
    if (n <= 0 || f[0].revents == 0)
        return 0;
    if (read(STDIN_FILENO, &key, 1) == 1)
        return key;
    s->has_keys = false;
    return 0;
}

bool nh_screen_show(char *out, const struct nh_fx_canvas *c, enum nh_term_colors colors,
                    const char *status)
{
    size_t len = sizeof HOME - 1;
    memcpy(out, HOME, len);
    len += nh_term_frame(out + len, c, colors);
    return nh_screen_write(out, len) && nh_screen_write(status, strlen(status)) &&
           nh_screen_write("\x1b[K", 3);
}
