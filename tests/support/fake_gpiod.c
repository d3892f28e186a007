#include "support/fake_gpiod.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct gpiod_chip {
    int unused;
};
static struct gpiod_chip chip;
struct fake_gpiod fake_gpiod;

void fake_gpiod_reset(void)
{
    memset(&fake_gpiod, 0, sizeof fake_gpiod);
}

static void edge(unsigned line, int value, uint64_t mono_ms, bool is_told)
{
    struct gpiod_line *l = &fake_gpiod.line[line];
    const struct gpiod_line_event e = {
        .ts = {.tv_sec = (time_t)(mono_ms / 1000), .tv_nsec = (long)(mono_ms % 1000) * 1000000},
        .event_type = value ? GPIOD_LINE_EVENT_RISING_EDGE : GPIOD_LINE_EVENT_FALLING_EDGE};
    l->value = value;
    if (is_told && write(l->pipe[1], &e, sizeof e) != (ssize_t)sizeof e)
        abort(); // the pipe is full: a test that makes that many means something else
}

uint64_t fake_gpiod_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

void fake_gpiod_edge(unsigned line, int value, unsigned ago_ms, bool is_told)
{
    edge(line, value, fake_gpiod_now_ms() - ago_ms, is_told);
}

void fake_gpiod_edge_at(unsigned line, int value, uint64_t mono_ms)
{
    edge(line, value, mono_ms, true);
}

struct gpiod_chip *gpiod_chip_open(const char *path)
{
    if (strcmp(path, "/dev/gpiochip0") == 0) {
        fake_gpiod.chips_open++;
        return &chip;
    }
    errno = strcmp(path, "/dev/null") == 0 ? ENOTTY : ENOENT;
    return NULL;
}

void gpiod_chip_close(struct gpiod_chip *c)
{
    (void)c;
    fake_gpiod.chips_open--;
}

struct gpiod_line *gpiod_chip_get_line(struct gpiod_chip *c, unsigned int offset)
{
    (void)c;
    if (offset < FAKE_LINE_COUNT)
        return &fake_gpiod.line[offset];
    errno = EINVAL;
    return NULL;
}

int gpiod_line_request(struct gpiod_line *l, const struct gpiod_line_request_config *config,
                       int default_val)
{
    const int bias = GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_UP | GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_DOWN;
    if (l->is_taken || l->is_requested) {
        errno = EBUSY;
        return -1;
    }
    if (fake_gpiod.refuses_bias && (config->flags & bias)) {
        errno = EINVAL;
        return -1;
    }
    if (pipe2(l->pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        return -1;
    l->is_requested = true;
    l->request_type = config->request_type;
    l->flags = config->flags;
    if (config->request_type == GPIOD_LINE_REQUEST_DIRECTION_OUTPUT)
        l->value = default_val;
    fake_gpiod.lines_held++;
    return 0;
}

void gpiod_line_release(struct gpiod_line *l)
{
    close(l->pipe[0]);
    close(l->pipe[1]);
    l->is_requested = false;
    fake_gpiod.lines_held--;
}

int gpiod_line_get_value(struct gpiod_line *l)
{
    return l->value;
}

int gpiod_line_set_value(struct gpiod_line *l, int value)
{
    if (l->fails) {
        errno = EREMOTEIO;
        return -1;
    }
    l->set_count++;
    l->value = value;
    return 0;
}

int gpiod_line_event_get_fd(struct gpiod_line *l)
{
    return l->pipe[0];
}

int gpiod_line_event_read_multiple(struct gpiod_line *l, struct gpiod_line_event *events,
                                   unsigned int num_events)
{
    ssize_t n = fake_gpiod.read_fails ? -1 : read(l->pipe[0], events, num_events * sizeof *events);
    return n < 0 ? -1 : (int)((size_t)n / sizeof *events);
}
