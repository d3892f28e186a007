// Lines of a GPIO chip by libgpiod 1.6: edges come as events of a file that the loop watches.

#include "core/base/log.h"
#include "core/mem/mem.h"
#include "platform/gpio.h"
#include "platform/linux/port.h"

#include <errno.h>
#include <gpiod.h>
#include <poll.h>
#include <uv.h>

#define CONSUMER "nuthatch"
#define STAMP_MAX_AGE_US 10000000u // an edge that waited for longer came with no such time
#define EVENT_MAX 16               // what the kernel keeps for a line

struct line {
    struct gpiod_chip *chip;
    struct gpiod_line *line;
};

struct nh_gpio_in {
    uv_poll_t poll;
    nh_mem_t *mem;
    struct line l;
    bool level; // as told last
    void *ctx;
    void (*changed)(void *ctx, bool level, uint64_t at_ms);
};

struct nh_gpio_out {
    nh_mem_t *mem;
    struct line l;
};

// ---- a line ------------------------------------------------------------------------------------

// Of opening a chip: a file that is none says ENOTTY or ENODEV.
static int chip_err(int error)
{
    return error == ENOTTY || error == ENODEV || error == EINVAL ? NH_ERR_NOT_FOUND
                                                                 : nh_linux__err(error);
}

static void line_close(struct line *l)
{
    if (l->line)
        gpiod_line_release(l->line);
    if (l->chip)
        gpiod_chip_close(l->chip);
    *l = (struct line){0};
}

static int line_open(struct line *l, const char *chip, uint32_t number,
                     const struct gpiod_line_request_config *request)
{
    *l = (struct line){.chip = gpiod_chip_open(chip)};
    if (!l->chip)
        return chip_err(errno);
    struct gpiod_line *line = gpiod_chip_get_line(l->chip, number);
    int err = line ? NH_OK : chip_err(errno);
    if (line && gpiod_line_request(line, request, 0) != 0)
        err = errno == EINVAL ? NH_ERR_UNSUPPORTED : nh_linux__err(errno); // a bias it cannot have
    if (err == NH_OK)
        l->line = line;
    else
        line_close(l);
    return err;
}

// ---- input -------------------------------------------------------------------------------------

static uint64_t us_of(const struct timespec *ts)
{
    return (uint64_t)ts->tv_sec * 1000000u + (uint64_t)ts->tv_nsec / 1000u;
}

// The kernel's time of an edge on our clock. Kernels before 5.7 stamp by the wall clock, which is
// not comparable: then it was now.
static uint64_t event_ms(const struct timespec *ts)
{
    uint64_t now_us = nh_clock_us(), us = us_of(ts), origin_us = nh_linux__clock_origin_us();
    bool is_ours =
        us >= origin_us && us - origin_us <= now_us && now_us - (us - origin_us) < STAMP_MAX_AGE_US;
    return (is_ours ? us - origin_us : now_us) / 1000;
}

static void tell(nh_gpio_in_t *g, bool level, uint64_t at_ms)
{
    if (g->l.line && level != g->level) {
        g->level = level;
        g->changed(g->ctx, level, at_ms);
    }
}

// The kernel drops edges when its buffer is full. So, when all that it has was told, the line
// itself is asked: a button never stays down because its release was lost.
static void read_events(nh_gpio_in_t *g)
{
    struct gpiod_line_event list[EVENT_MAX];
    int count = gpiod_line_event_read_multiple(g->l.line, list, EVENT_MAX);
    if (count < 0) {
        NH_LOG_W("gpio", "a line is no longer watched: its chip is gone");
        uv_poll_stop(&g->poll);
        return;
    }
    for (int i = 0; i < count; i++)
        tell(g, list[i].event_type == GPIOD_LINE_EVENT_RISING_EDGE, event_ms(&list[i].ts));
    int level = count < EVENT_MAX && g->l.line ? gpiod_line_get_value(g->l.line) : -1;
    if (level >= 0)
        tell(g, level == 1, nh_clock_ms());
}

// As often as the kernel's buffer may be filled meanwhile, and no longer. Only what is there is
// read: the file blocks, and nh_gpio_in_poll() may have had what the loop was woken for.
void nh_gpio_in_poll(nh_gpio_in_t *g)
{
    struct pollfd fd = {.fd = gpiod_line_event_get_fd(g->l.line), .events = POLLIN};
    for (int i = 0; i < 4 && g->l.line && poll(&fd, 1, 0) == 1; i++)
        read_events(g);
}

static void on_events(uv_poll_t *poll, int status, int events)
{
    nh_gpio_in_t *g = poll->data;
    (void)events;
    (void)status; // poll() says of an error as well that there is something to read
    if (g->l.line)
        nh_gpio_in_poll(g);
}

static int flags_of(const struct nh_gpio_in_config *cfg)
{
    return (cfg->is_active_low ? GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW : 0) |
           (cfg->pull_up ? GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_UP : 0) |
           (cfg->pull_down ? GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_DOWN : 0);
}

static void on_closed(uv_handle_t *handle)
{
    nh_gpio_in_t *g = handle->data;
    nh_mem_free(g->mem, g);
}

int nh_gpio_in_open(const struct nh_gpio_in_config *cfg, nh_gpio_in_t **out)
{
    const struct gpiod_line_request_config request = {CONSUMER, GPIOD_LINE_REQUEST_EVENT_BOTH_EDGES,
                                                      flags_of(cfg)};
    *out = NULL;
    nh_gpio_in_t *g = nh_mem_alloc_zero(cfg->mem, sizeof *g, NH_MEM_BULK);
    if (!g)
        return NH_ERR_NOMEM;
    g->mem = cfg->mem;
    g->ctx = cfg->ctx;
    g->changed = cfg->changed;
    int err = line_open(&g->l, cfg->chip, cfg->line, &request);
    int fd = err == NH_OK ? gpiod_line_event_get_fd(g->l.line) : -1;
    if (err == NH_OK && fd < 0)
        err = nh_linux__err(errno);
    if (err == NH_OK)
        err = nh_linux__err(uv_poll_init(nh_loop_native(cfg->loop), &g->poll, fd));
    if (err < 0) {
        line_close(&g->l);
        nh_mem_free(cfg->mem, g);
        return err;
    }
    g->poll.data = g;
    g->level = gpiod_line_get_value(g->l.line) == 1;
    NH_IGNORE(uv_poll_start(&g->poll, UV_READABLE, on_events)); // cannot fail for a fresh handle
    *out = g;
    return NH_OK;
}

bool nh_gpio_in_level(nh_gpio_in_t *g)
{
    return g->level;
}

void nh_gpio_in_close(nh_gpio_in_t *g)
{
    if (!g)
        return;
    uv_close((uv_handle_t *)&g->poll, on_closed); // stops watching at once: the file may be closed
    line_close(&g->l);
}

// ---- output ------------------------------------------------------------------------------------

int nh_gpio_out_open(const struct nh_gpio_out_config *cfg, nh_gpio_out_t **out)
{
    const struct gpiod_line_request_config request = {
        CONSUMER, GPIOD_LINE_REQUEST_DIRECTION_OUTPUT,
        cfg->is_active_low ? GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW : 0};
    *out = NULL;
    nh_gpio_out_t *g = nh_mem_alloc_zero(cfg->mem, sizeof *g, NH_MEM_BULK);
    if (!g)
        return NH_ERR_NOMEM;
    g->mem = cfg->mem;
    int err = line_open(&g->l, cfg->chip, cfg->line, &request);
    if (err < 0) {
        nh_mem_free(cfg->mem, g);
        return err;
    }
    *out = g;
    return NH_OK;
}

int nh_gpio_out_set(nh_gpio_out_t *g, bool active)
{
    return gpiod_line_set_value(g->l.line, active) == 0 ? NH_OK : NH_ERR_IO;
}

void nh_gpio_out_close(nh_gpio_out_t *g)
{
    if (!g)
        return;
    line_close(&g->l);
    nh_mem_free(g->mem, g);
}
