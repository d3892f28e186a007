#include "core/mem/mem.h"
#include "platform/linux/port.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

struct nh_serial {
    nh_mem_t *mem;
    int fd, wake_fd;
};

static const struct {
    uint32_t baud;
    speed_t speed;
} speeds[] = {
    {1200, B1200},     {2400, B2400},     {4800, B4800},     {9600, B9600},
    {19200, B19200},   {38400, B38400},   {57600, B57600},   {115200, B115200},
    {230400, B230400}, {460800, B460800}, {921600, B921600},
};

static int speed_of(uint32_t baud, speed_t *out)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(speeds); i++) {
        if (speeds[i].baud == baud) {
            *out = speeds[i].speed;
            return NH_OK;
        }
    }
    return NH_ERR_RANGE;
}

static int set_raw(int fd, speed_t speed)
{
    struct termios t;
    if (tcgetattr(fd, &t) != 0)
        return errno == ENOTTY ? NH_ERR_INVAL : nh_linux__err(errno);
    cfmakeraw(&t);
    t.c_cflag |= CLOCAL | CREAD;
    t.c_cflag &= ~(tcflag_t)(CSTOPB | CRTSCTS);
    t.c_cc[VMIN] = 0;
    t.c_cc[VTIME] = 0;
    cfsetispeed(&t, speed);
    cfsetospeed(&t, speed);
    if (tcsetattr(fd, TCSAFLUSH, &t) != 0)
        return nh_linux__err(errno);
    ioctl(fd, TIOCEXCL); // a second program that reads along would steal bytes
    return NH_OK;
}

int nh_serial_open(struct nh_mem *mem, const struct nh_serial_config *cfg, nh_serial_t **out)
{
    speed_t speed;
    *out = NULL;
    int rc = speed_of(cfg->baud, &speed);
    if (rc < 0)
        return rc;
    nh_serial_t *s = nh_mem_alloc_zero(mem, sizeof *s, NH_MEM_HOT);
    if (!s)
        return NH_ERR_NOMEM;
    s->mem = mem;
    s->fd = open(cfg->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    rc = s->fd < 0 ? nh_linux__err(errno) : set_raw(s->fd, speed);
    s->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (rc == 0 && s->wake_fd < 0)
        rc = nh_linux__err(errno);
    if (rc < 0) {
        nh_serial_close(s);
        return rc;
    }
    *out = s;
    return NH_OK;
}

// Who has woken us is forgotten.
static int end_wake(nh_serial_t *s)
{
    uint64_t count;
    ssize_t n = read(s->wake_fd, &count, sizeof count);
    return n == (ssize_t)sizeof count ? NH_ERR_AGAIN : NH_OK;
}

// Waits for `events`. NH_ERR_TIMEOUT, or NH_ERR_CLOSED when the device is gone; a reader is also
// woken: NH_ERR_AGAIN.
static int wait_for(nh_serial_t *s, short events, uint64_t until_ms)
{
    for (;;) {
        struct pollfd p[2] = {{.fd = s->fd, .events = events},
                              {.fd = s->wake_fd, .events = POLLIN}};
        uint64_t now = nh_clock_ms();
        uint64_t left = until_ms > now ? until_ms - now : 0;
        int n = poll(p, events == POLLIN ? 2 : 1, left > 1000000 ? 1000000 : (int)left);
        if (n < 0 && errno != EINTR)
            return nh_linux__err(errno);
        if (n > 0 && p[0].revents)
            return p[0].revents & events ? NH_OK : NH_ERR_CLOSED;
        if (n > 0 && end_wake(s) < 0)
            return NH_ERR_AGAIN;
        if (nh_clock_ms() >= until_ms)
            return NH_ERR_TIMEOUT;
    }
}

static uint64_t until_of(uint64_t timeout_ms)
{
    uint64_t now = nh_clock_ms();
    return timeout_ms < NH_NEVER - now ? now + timeout_ms : NH_NEVER;
}

// A device that is pulled out answers EIO.
static int serial_err(int errnum)
{
    return errnum == EIO ? NH_ERR_CLOSED : nh_linux__err(errnum);
}

int nh_serial_read(nh_serial_t *s, void *out, size_t cap, uint64_t timeout_ms)
{
    const uint64_t until = until_of(timeout_ms);
    if (cap > INT32_MAX)
        cap = INT32_MAX;
    for (;;) {
        int rc = wait_for(s, POLLIN, until);
        if (rc < 0)
            return rc;
        ssize_t n = read(s->fd, out, cap);
        if (n > 0)
            return (int)n;
        if (n == 0)
            return NH_ERR_CLOSED; // readable without a byte: hung up
        if (errno != EAGAIN && errno != EINTR)
            return serial_err(errno);
    }
}

int nh_serial_write(nh_serial_t *s, const void *bytes, size_t len, uint64_t timeout_ms)
{
    const uint64_t until = until_of(timeout_ms);
    const uint8_t *at = bytes;
    while (len > 0) {
        ssize_t n = write(s->fd, at, len);
        if (n > 0) {
            at += n;
            len -= (size_t)n;
            continue;
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return serial_err(errno);
        int rc = wait_for(s, POLLOUT, until);
        if (rc < 0)
            return rc;
    }
    return NH_OK;
}

void nh_serial_wake(nh_serial_t *s)
{
    const uint64_t one = 1;
    NH_IGNORE(write(s->wake_fd, &one, sizeof one)); // full: it is awake anyhow
}

void nh_serial_close(nh_serial_t *s)
{
    if (!s)
        return;
    if (s->wake_fd >= 0)
        close(s->wake_fd);
    if (s->fd >= 0) {
        ioctl(s->fd, TIOCNXCL); // of a pseudo terminal whose other ends stay open it would last
        close(s->fd);
    }
    nh_mem_free(s->mem, s);
}
