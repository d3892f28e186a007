// pty_board.h - line_board.h at the other end of a pseudo terminal, on a thread of its own and in
// real time: an answer comes when the wire would have brought its last byte. Needs pthread.

#ifndef NH_TEST_PTY_BOARD_H
#define NH_TEST_PTY_BOARD_H

#include "platform/platform.h"
#include "support/line_board.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

struct pty_board {
    struct line_board board; // under the lock
    pthread_mutex_t lock;
    pthread_t thread;
    int master, slave, stop_fd; // slave: held, so that nobody's closing hangs the line up
    char path[64];
    uint64_t heard_us, answered_us; // of the last request and the last answer; under the lock
};

static inline uint64_t pty_board_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

// Gives out what is due; returns how long to wait for more.
static inline struct timespec pty_board_turn(struct pty_board *p)
{
    uint8_t out[NH_TINYBMS_FRAME_MAX_BYTES];
    size_t n;
    pthread_mutex_lock(&p->lock);
    while ((n = line_board_take(&p->board, pty_board_us(), out)) > 0) {
        p->answered_us = pty_board_us(); // before: who reads it may be as fast
        if (write(p->master, out, n) < 0)
            break;
    }
    uint64_t next_us = line_board_next_us(&p->board), now_us = pty_board_us();
    pthread_mutex_unlock(&p->lock);
    uint64_t wait_us = next_us == NH_NEVER ? 1000000 : next_us > now_us ? next_us - now_us : 0;
    return (struct timespec){.tv_sec = (time_t)(wait_us / 1000000),
                             .tv_nsec = (long)(wait_us % 1000000 * 1000)};
}

static inline void *pty_board_run(void *arg)
{
    struct pty_board *p = arg;
    for (;;) {
        struct timespec wait = pty_board_turn(p);
        struct pollfd fds[2] = {{.fd = p->master, .events = POLLIN},
                                {.fd = p->stop_fd, .events = POLLIN}};
        if (ppoll(fds, 2, &wait, NULL) > 0 && fds[1].revents)
            return NULL;
        uint8_t in[256];
        ssize_t n = fds[0].revents ? read(p->master, in, sizeof in) : 0;
        if (n <= 0)
            continue;
        pthread_mutex_lock(&p->lock);
        p->heard_us = pty_board_us();
        line_board_feed(&p->board, in, (size_t)n,
                        pty_board_us() + (uint64_t)n * LINE_BOARD_BYTE_US);
        pthread_mutex_unlock(&p->lock);
    }
}

// Plugs the board in; `p->board` is as it was (line_board_init() before the first time).
static inline bool pty_board_start(struct pty_board *p)
{
    struct termios t;
    p->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (p->master < 0 || grantpt(p->master) || unlockpt(p->master) ||
        ptsname_r(p->master, p->path, sizeof p->path))
        return false;
    p->slave = open(p->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (p->slave < 0 || tcgetattr(p->slave, &t))
        return false;
    cfmakeraw(&t);
    tcsetattr(p->slave, TCSANOW, &t);
    p->stop_fd = eventfd(0, EFD_CLOEXEC);
    p->board.out_count = p->board.in_len = 0;
    pthread_mutex_init(&p->lock, NULL);
    return p->stop_fd >= 0 && pthread_create(&p->thread, NULL, pty_board_run, p) == 0;
}

// Pulls it out: the line hangs up.
static inline void pty_board_stop(struct pty_board *p)
{
    const uint64_t one = 1;
    NH_IGNORE(write(p->stop_fd, &one, sizeof one));
    pthread_join(p->thread, NULL);
    close(p->master);
    close(p->slave);
    close(p->stop_fd);
    pthread_mutex_destroy(&p->lock);
}

#endif
