// console.c - lines to stdout, stderr, a file or a pseudo terminal, without ever waiting for who
// reads them.
//
// A line goes into a ring if it fits whole, and is dropped and counted if not. The ring is written
// to the descriptor as far as that takes it without blocking; the rest follows with the next line
// or nh_console_flush(). So a reader may see a line arrive in two parts, never half a line for
// good.

#include "platform/linux/port.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define RING_BYTES 8192u // a power of two
#define WRITE_MAX_BYTES 4096u

enum out_kind {
    OUT_NONBLOCK, // a description of our own that never blocks
    OUT_SOCKET,   // shared with others: asked not to block call by call
    OUT_FILE,     // a regular file: never blocks for a reader
    OUT_POLLED,   // shared: a pipe that poll() calls writable takes PIPE_BUF bytes
};

struct nh_console {
    pthread_mutex_t lock;
    int fd;       // to write to; -1: nobody listens any more
    int slave_fd; // our own handle on the pty's other end, so that a reader may come and go; -1
    enum out_kind kind;
    uint32_t head, used; // the ring: where it starts and how full it is
    atomic_uint_fast64_t dropped;
    char path[64];
    char link[PATH_MAX];
    char file[PATH_MAX]; // "": it is none
    char ring[RING_BYTES];
};

// ---- stdout, stderr ----------------------------------------------------------------------------

static int open_standard(nh_console_t *c, int fd)
{
    struct stat st;
    char path[32];
    c->fd = -1;
    if (fstat(fd, &st) != 0)
        return NH_OK; // closed: carry on, all lines are dropped
    c->kind = S_ISSOCK(st.st_mode) ? OUT_SOCKET : OUT_FILE;
    if (S_ISFIFO(st.st_mode) || isatty(fd)) {
        // O_NONBLOCK belongs to the open file, which we share with a shell: so open it anew.
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        c->fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        c->kind = c->fd >= 0 ? OUT_NONBLOCK : OUT_POLLED;
    }
    if (c->fd < 0)
        c->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return c->fd < 0 ? nh_linux__err(errno) : NH_OK;
}

// ---- file --------------------------------------------------------------------------------------

static int open_file(nh_console_t *c, const char *path)
{
    if (snprintf(c->file, sizeof c->file, "%s", path) >= (int)sizeof c->file)
        return NH_ERR_TOO_LONG;
    c->kind = OUT_FILE;
    c->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    return c->fd < 0 ? nh_linux__err(errno) : NH_OK;
}

int nh_console_reopen(nh_console_t *c)
{
    if (!c->file[0])
        return NH_OK;
    int fd = open(c->file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        return nh_linux__err(errno);
    pthread_mutex_lock(&c->lock);
    if (c->fd >= 0)
        close(c->fd);
    c->fd = fd;
    pthread_mutex_unlock(&c->lock);
    return NH_OK;
}

// ---- pty ---------------------------------------------------------------------------------------

static int publish_link(nh_console_t *c, const char *link)
{
    char fresh[PATH_MAX];
    struct stat st;
    if (snprintf(fresh, sizeof fresh, "%s.%d", link, (int)getpid()) >= (int)sizeof fresh)
        return NH_ERR_TOO_LONG;
    if (lstat(link, &st) == 0 && !S_ISLNK(st.st_mode))
        return NH_ERR_EXISTS; // never in the place of somebody's file
    unlink(fresh);
    // By rename, so that a reader who waits for the name never finds it missing.
    if (symlink(c->path, fresh) != 0)
        return nh_linux__err(errno);
    if (rename(fresh, link) != 0) {
        int rc = nh_linux__err(errno);
        unlink(fresh);
        return rc;
    }
    snprintf(c->link, sizeof c->link, "%s", link);
    return NH_OK;
}

static int open_pty(nh_console_t *c, const char *link)
{
    struct termios t;
    c->kind = OUT_NONBLOCK;
    c->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (c->fd < 0 || grantpt(c->fd) != 0 || unlockpt(c->fd) != 0)
        return nh_linux__err(errno);
    if (ptsname_r(c->fd, c->path, sizeof c->path) != 0)
        return nh_linux__err(errno);
    c->slave_fd = open(c->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (c->slave_fd < 0 || tcgetattr(c->slave_fd, &t) != 0)
        return nh_linux__err(errno);
    cfmakeraw(&t); // or the line discipline would echo our own lines back to us
    if (tcsetattr(c->slave_fd, TCSANOW, &t) != 0)
        return nh_linux__err(errno);
    return link ? publish_link(c, link) : NH_OK;
}

// What a terminal program types is not for us, but unread it would fill up and stall it.
static void discard_input(nh_console_t *c)
{
    char junk[256];
    for (int i = 0; i < 8 && read(c->fd, junk, sizeof junk) == (ssize_t)sizeof junk; i++)
        continue;
}

// ---- writing -----------------------------------------------------------------------------------

static ssize_t write_some(nh_console_t *c, const char *bytes, size_t len)
{
    if (len > WRITE_MAX_BYTES)
        len = WRITE_MAX_BYTES;
    if (c->kind == OUT_SOCKET)
        return send(c->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (c->kind == OUT_POLLED) {
        struct pollfd p = {.fd = c->fd, .events = POLLOUT};
        if (poll(&p, 1, 0) == 0) {
            errno = EAGAIN;
            return -1;
        }
    }
    return write(c->fd, bytes, len);
}

static void ring_write_out(nh_console_t *c)
{
    while (c->used > 0 && c->fd >= 0) {
        uint32_t run = RING_BYTES - c->head;
        ssize_t n = write_some(c, c->ring + c->head, run < c->used ? run : c->used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) { // the reader is gone for good
            close(c->fd);
            c->fd = -1;
            return;
        }
        c->head = (c->head + (uint32_t)n) % RING_BYTES;
        c->used -= (uint32_t)n;
    }
}

static void ring_put(nh_console_t *c, const char *bytes, size_t len)
{
    uint32_t at = (c->head + c->used) % RING_BYTES;
    uint32_t run = RING_BYTES - at;
    if (run > len)
        run = (uint32_t)len;
    memcpy(c->ring + at, bytes, run);
    memcpy(c->ring, bytes + run, len - run);
    c->used += (uint32_t)len;
}

void nh_console_line(nh_console_t *c, const char *line)
{
    size_t len = strlen(line);
    pthread_mutex_lock(&c->lock);
    ring_write_out(c);
    if (c->fd < 0 || len >= RING_BYTES || len + 1 > RING_BYTES - c->used) {
        atomic_fetch_add(&c->dropped, 1);
    } else {
        ring_put(c, line, len);
        ring_put(c, "\n", 1);
        ring_write_out(c);
    }
    if (c->slave_fd >= 0)
        discard_input(c);
    pthread_mutex_unlock(&c->lock);
}

bool nh_console_flush(nh_console_t *c)
{
    pthread_mutex_lock(&c->lock);
    ring_write_out(c);
    bool done = c->used == 0 || c->fd < 0;
    pthread_mutex_unlock(&c->lock);
    return done;
}

// ---- life --------------------------------------------------------------------------------------

int nh_console_open(const char *where, nh_console_t **out)
{
    *out = NULL;
    // From libc: the console is there before the memory system and tells of its end.
    nh_console_t *c = calloc(1, sizeof *c);
    if (!c)
        return NH_ERR_NOMEM;
    int rc = NH_ERR_INVAL;
    c->fd = c->slave_fd = -1;
    pthread_mutex_init(&c->lock, NULL);
    if (strcmp(where, "none") == 0)
        rc = NH_OK;
    else if (strcmp(where, "stdout") == 0)
        rc = open_standard(c, STDOUT_FILENO);
    else if (strcmp(where, "stderr") == 0)
        rc = open_standard(c, STDERR_FILENO);
    else if (strncmp(where, "file:", 5) == 0 && where[5])
        rc = open_file(c, where + 5);
    else if (strcmp(where, "pty") == 0)
        rc = open_pty(c, NULL);
    else if (strncmp(where, "pty:", 4) == 0 && where[4])
        rc = open_pty(c, where + 4);
    if (rc < 0)
        nh_console_close(c);
    else
        *out = c;
    return rc;
}

const char *nh_console_path(const nh_console_t *c)
{
    return c->slave_fd >= 0 ? c->path : NULL;
}

uint64_t nh_console_dropped(const nh_console_t *c)
{
    return atomic_load(&c->dropped);
}

static void unpublish_link(nh_console_t *c)
{
    char target[sizeof c->path];
    ssize_t n = c->link[0] ? readlink(c->link, target, sizeof target) : -1;
    // Only if it is still ours: another instance may have taken the name over.
    if (n > 0 && (size_t)n == strlen(c->path) && memcmp(target, c->path, (size_t)n) == 0)
        unlink(c->link);
}

void nh_console_close(nh_console_t *c)
{
    if (!c)
        return;
    ring_write_out(c);
    unpublish_link(c);
    if (c->slave_fd >= 0)
        close(c->slave_fd);
    if (c->fd >= 0)
        close(c->fd);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
