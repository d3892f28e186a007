#include "run.h"

#include "sim_mqtt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

struct link_id {
    dev_t dev;
    ino_t ino;     // 0: there was none yet
    char path[64]; // where it leads
};

struct stage {
    const struct nh_sim_battery_options *o;
    struct nh_sim_board board;
    struct nh_sim life;
    int fd,
        peer_fd; // -1: unplugged. peer: our own handle on the other end, so that hosts come and go
    int lock_fd; // of the link's lock file; -1: no link
    char path[64];
    struct link_id link;
    int guard_fd;                             // of the guard of the link; -1: there is none
    uint64_t plug_us;                         // when it is plugged in again; NH_NEVER: by hand
    bool is_input_open, wants_end, is_missed; // missed: a line was wrong
    char line[128];
    size_t line_len;
};

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static void tell(void *ctx, const char *text)
{
    size_t len = strlen(text);
    (void)ctx;
    printf("%s%s", text, len > 0 && text[len - 1] == '\n' ? "" : "\n");
    fflush(stdout);
}

// ---- the guard of the link ----------------------------------------------------------------------

// Takes the link away if it is still ours: the next one's may show a terminal of the same number,
// and another link may have got the same place in the file system.
static void remove_link(const char *link, const struct link_id *id)
{
    struct stat st;
    char path[sizeof id->path];
    ssize_t len = readlink(link, path, sizeof path);
    if (len == (ssize_t)strlen(id->path) && memcmp(path, id->path, (size_t)len) == 0 &&
        lstat(link, &st) == 0 && st.st_dev == id->dev && st.st_ino == id->ino)
        unlink(link);
}

// A process of its own, until the board's has ended, however it did.
static void guard(int fd, const char *link)
{
    struct link_id id = {0};
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
        close(i); // who reads what the board says waits for its end, not for this one's
    while (recv(fd, &id, sizeof id, 0) > 0)
        ;
    remove_link(link, &id);
    _exit(0);
}

// Who is killed cannot take its link away, and the number of its terminal is soon that of another.
static void start_guard(struct stage *s)
{
    int pair[2];
    if (!s->o->link || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return;
    pid_t pid = fork();
    if (pid == 0) {
        close(pair[0]);
        close(s->lock_fd); // the next board may begin before this process has ended
        guard(pair[1], s->o->link);
    }
    close(pair[1]);
    s->guard_fd = pid > 0 ? pair[0] : -1;
    if (pid < 0)
        close(pair[0]);
}

static void tell_guard(const struct stage *s)
{
    if (s->guard_fd >= 0)
        NH_IGNORE(send(s->guard_fd, &s->link, sizeof s->link, MSG_NOSIGNAL));
}

// ---- the terminal -------------------------------------------------------------------------------

static bool lock_name(const struct stage *s, char out[PATH_MAX])
{
    if (snprintf(out, PATH_MAX, "%s.lock", s->o->link) < PATH_MAX)
        return true;
    errno = ENAMETOOLONG;
    return false;
}

// Whose lock file it is may set the link, also while the cable is out. The lock goes with its
// process, however that ends: a link whose simulator was killed is free. EWOULDBLOCK: another's.
static bool take_link(struct stage *s)
{
    char name[PATH_MAX];
    struct stat mine, there;
    if (!s->o->link)
        return true;
    if (!lock_name(s, name))
        return false;
    for (;;) {
        s->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (s->lock_fd < 0)
            return false;
        bool is_locked = flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0;
        if (is_locked && fstat(s->lock_fd, &mine) == 0 && stat(name, &there) == 0 &&
            mine.st_ino == there.st_ino && mine.st_dev == there.st_dev)
            return true;
        int why = errno;
        close(s->lock_fd);
        s->lock_fd = -1;
        errno = why;
        if (!is_locked)
            return false;
        // Its last owner removed it between the two calls: another one.
    }
}

static void tell_no_link(const struct stage *s)
{
    if (errno == EWOULDBLOCK)
        fprintf(stderr,
                "nuthatch sim battery: %s is the terminal of another simulator that runs; end that "
                "one, or give another --link\n",
                s->o->link);
    else
        fprintf(stderr, "nuthatch sim battery: %s.lock: %s\n", s->o->link, strerror(errno));
}

static void leave_link(struct stage *s)
{
    char name[PATH_MAX];
    if (s->lock_fd < 0)
        return;
    if (lock_name(s, name))
        unlink(name); // while it is still ours
    close(s->lock_fd);
}

// By rename, so that who waits for the name never finds it missing; never in a file's place.
static bool publish_link(struct stage *s)
{
    char fresh[PATH_MAX];
    struct stat st;
    if (snprintf(fresh, sizeof fresh, "%s.%d", s->o->link, (int)getpid()) >= (int)sizeof fresh)
        errno = ENAMETOOLONG;
    else if (lstat(s->o->link, &st) == 0 && !S_ISLNK(st.st_mode))
        errno = EEXIST;
    else if ((unlink(fresh) == 0 || errno == ENOENT) && symlink(s->path, fresh) == 0 &&
             lstat(fresh, &st) == 0 && rename(fresh, s->o->link) == 0) {
        s->link = (struct link_id){.dev = st.st_dev, .ino = st.st_ino};
        memcpy(s->link.path, s->path, sizeof s->link.path);
        tell_guard(s);
        return true;
    }
    return false;
}

static bool make_raw(int fd)
{
    struct termios t;
    if (tcgetattr(fd, &t) != 0)
        return false;
    cfmakeraw(&t); // or the line discipline would echo and translate
    cfsetspeed(&t, B115200);
    return tcsetattr(fd, TCSANOW, &t) == 0;
}

static void unplug(struct stage *s)
{
    if (s->fd >= 0 && s->o->link)
        remove_link(s->o->link, &s->link);
    if (s->peer_fd >= 0)
        close(s->peer_fd);
    if (s->fd >= 0)
        close(s->fd);
    s->fd = s->peer_fd = -1;
}

static bool open_terminal(struct stage *s)
{
    s->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (s->fd < 0 || grantpt(s->fd) != 0 || unlockpt(s->fd) != 0 ||
        ptsname_r(s->fd, s->path, sizeof s->path) != 0)
        return false;
    s->peer_fd = open(s->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    return s->peer_fd >= 0 && make_raw(s->peer_fd) && (!s->o->link || publish_link(s));
}

static bool plug(struct stage *s)
{
    s->plug_us = NH_NEVER;
    if (s->fd >= 0)
        return true;
    if (open_terminal(s)) {
        tell(s, s->path);
        return true;
    }
    fprintf(stderr, "nuthatch sim battery: %s: %s\n", s->o->link ? s->o->link : "pseudo terminal",
            strerror(errno));
    unplug(s);
    return false;
}

// ---- lines of the input -------------------------------------------------------------------------

// The cable is the stage's; all else is the board's.
static void take_line(struct stage *s, const char *line)
{
    double seconds = 0;
    if (strcmp(line, "quit") == 0) {
        s->wants_end = true;
    } else if (strcmp(line, "plug") == 0) {
        plug(s);
    } else if (strcmp(line, "unplug") == 0 || sscanf(line, "unplug %lf", &seconds) == 1) {
        unplug(s);
        s->plug_us = seconds > 0 ? now_us() + (uint64_t)(seconds * 1e6) : NH_NEVER;
    } else if (!nh_sim_board_line(&s->board, line, tell, s)) {
        s->is_missed = true;
    }
    if (strcmp(line, "help") == 0)
        tell(s, "unplug [SECONDS], plug, quit        the cable; the end");
}

static void take_input(struct stage *s)
{
    char bytes[256];
    ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    for (ssize_t i = 0; i < n; i++) {
        if (bytes[i] != '\n' && bytes[i] != '\r') {
            if (s->line_len + 1 < sizeof s->line)
                s->line[s->line_len++] = bytes[i];
            continue;
        }
        s->line[s->line_len] = 0;
        s->line_len = 0;
        take_line(s, s->line);
    }
    if (n <= 0) // it has ended; the board goes on
        s->is_input_open = false;
}

// In the background of a terminal, reading it would stop the process.
static bool may_read_input(void)
{
    return !isatty(STDIN_FILENO) || tcgetpgrp(STDIN_FILENO) == getpgrp();
}

// ---- the line -----------------------------------------------------------------------------------

static void say(struct stage *s)
{
    uint8_t bytes[512];
    size_t len = nh_sim_board_output(&s->board, bytes, sizeof bytes, now_us());
    if (len > 0 && s->fd >= 0)
        NH_IGNORE(write(s->fd, bytes, len)); // what nobody reads is lost, as on a wire
}

static void hear(struct stage *s)
{
    uint8_t bytes[512];
    ssize_t len = read(s->fd, bytes, sizeof bytes);
    if (len > 0)
        nh_sim_board_input(&s->board, bytes, (size_t)len, now_us());
}

static void turn(struct stage *s)
{
    struct pollfd fds[2] = {{.fd = s->fd, .events = POLLIN},
                            {.fd = s->is_input_open ? STDIN_FILENO : -1, .events = POLLIN}};
    say(s);
    uint64_t next = nh_sim_board_next_deadline(&s->board), now = now_us();
    if (s->plug_us <= now)
        plug(s);
    next = next < s->plug_us ? next : s->plug_us;
    uint64_t left = next > now ? next - now : 0;
    const struct timespec wait = {.tv_sec = (time_t)(left / 1000000),
                                  .tv_nsec = (long)(left % 1000000) * 1000};
    if (ppoll(fds, 2, &wait, NULL) <= 0)
        return;
    if (fds[0].revents && s->fd == fds[0].fd)
        hear(s);
    if (fds[1].revents)
        take_input(s);
}

int nh_sim_battery_run(const struct nh_sim_battery_options *o)
{
    struct stage s = {.o = o,
                      .fd = -1,
                      .peer_fd = -1,
                      .guard_fd = -1,
                      .lock_fd = -1,
                      .plug_us = NH_NEVER}; // the hub's memory is not for this
    s.life = (struct nh_sim){.end_ms = o->end_ms, .parent = o->parent};
    nh_sim_board_init(&s.board, &o->board, now_us());
    s.is_input_open = may_read_input();
    nh_sim_signals();
    for (size_t i = 0; i < o->first_count && !s.is_missed; i++)
        take_line(&s, o->first[i]);
    if (s.is_missed)
        return 2;
    if (!take_link(&s)) {
        tell_no_link(&s);
        return 1;
    }
    start_guard(&s);
    if (!plug(&s)) {
        leave_link(&s);
        return 1;
    }
    if (isatty(STDIN_FILENO) && s.is_input_open)
        tell(&s, "type \"load 40\", \"unplug 5\", \"help\" ...");
    while (nh_sim_goes_on(&s.life) && !s.wants_end)
        turn(&s);
    unplug(&s);
    leave_link(&s);
    return 0;
}
