// preview.c - an effect on a terminal, at its own pace, with a few keys.

#include "lamp/lamp_tool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define HOME "\x1b[H"
#define ENTER "\x1b[?1049h\x1b[?25l\x1b[2J" // a page of its own, no cursor
#define LEAVE "\x1b[0m\x1b[?25h\x1b[?1049l"
#define STEP_MAX_MS 250 // after a stop in the shell it goes on, and does not jump

struct preview {
    const struct nh_preview_options *o;
    struct nh_stage stage;
    char *out;
    uint32_t time_ms; // of the animation
    uint16_t speed_pct;
    uint32_t rest; // of time_ms, in hundredths
    bool is_paused, is_over;
    struct termios before;
    bool has_keys;
};

static volatile sig_atomic_t stopped;

static void on_stop(int number)
{
    (void)number;
    stopped = 1;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static bool write_all(const char *bytes, size_t len)
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

// ---- the terminal

static bool fits(const struct nh_preview_options *o)
{
    struct winsize w = {0};
    unsigned columns = nh_term_columns(o->colors, o->stage.width);
    unsigned lines = nh_term_lines(o->colors, o->stage.height) + 1;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col == 0)
        return true; // it does not say
    if (columns <= w.ws_col && lines <= w.ws_row)
        return true;
    fprintf(stderr,
            "nuthatch lamp preview: %u x %u pixels need %u x %u characters, this terminal has %u x "
            "%u: make it larger, or choose a smaller --size\n",
            o->stage.width, o->stage.height, columns, lines, w.ws_col, w.ws_row);
    return false;
}

static void terminal_enter(struct preview *p)
{
    struct sigaction stop = {.sa_handler = on_stop};
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGHUP, &stop, NULL);
    p->has_keys = tcgetattr(STDIN_FILENO, &p->before) == 0;
    if (p->has_keys) {
        struct termios raw = p->before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    write_all(ENTER, sizeof ENTER - 1);
}

static void terminal_leave(const struct preview *p)
{
    write_all(LEAVE, sizeof LEAVE - 1);
    if (p->has_keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &p->before);
}

// ---- keys

static void effect_go(struct preview *p, uint16_t id)
{
    nh_stage_effect_set(&p->stage, nh_fx_find(id));
    p->time_ms = p->rest = 0;
}

static void on_key(struct preview *p, char key)
{
    switch (key) {
    case 'n':
        effect_go(p, nh_fx_next(p->stage.o.effect->id));
        break;
    case 'p':
        effect_go(p, nh_fx_previous(p->stage.o.effect->id));
        break;
    case ' ':
        p->is_paused = !p->is_paused;
        break;
    case '+':
        p->speed_pct = (uint16_t)(p->speed_pct > 290 ? 300 : p->speed_pct + 10);
        break;
    case '-':
        p->speed_pct = (uint16_t)(p->speed_pct < 20 ? 10 : p->speed_pct - 10);
        break;
    case 'q':
    case '\x1b':
        p->is_over = true;
        break;
    default:
        break;
    }
}

// Waits for keys until `until_ms`.
static void keys(struct preview *p, uint64_t until_ms)
{
    for (;;) {
        uint64_t now = now_ms();
        int wait = now < until_ms ? (int)(until_ms - now) : 0;
        struct pollfd f = {.fd = p->has_keys ? STDIN_FILENO : -1, .events = POLLIN};
        char key;
        if (poll(&f, 1, wait) <= 0)
            return;
        if (read(STDIN_FILENO, &key, 1) == 1)
            on_key(p, key);
        else
            p->has_keys = false;
    }
}

// ---- frames

static bool show(struct preview *p)
{
    char status[160];
    nh_stage_draw(&p->stage, p->time_ms);
    size_t len = sizeof HOME - 1;
    memcpy(p->out, HOME, len);
    len += nh_term_frame(p->out + len, &p->stage.canvas, p->o->colors);
    int n = snprintf(status, sizeof status, "%s  %u %%%s  n p space + - q\x1b[K",
                     p->stage.o.effect->name, p->speed_pct, p->is_paused ? "  paused" : "");
    return write_all(p->out, len) && write_all(status, (size_t)n);
}

static void play(struct preview *p)
{
    uint64_t started = now_ms(), last = started, slot = started;
    uint64_t end = p->o->seconds > 0 ? started + (uint64_t)(p->o->seconds * 1000) : UINT64_MAX;
    while (!stopped && !p->is_over && last < end && show(p)) {
        slot += 1000u / p->o->stage.fps;
        slot = slot < last ? last : slot; // a slow terminal: no frames are made up for
        keys(p, slot);
        uint64_t now = now_ms(), dt = now - last < STEP_MAX_MS ? now - last : STEP_MAX_MS;
        p->rest += p->is_paused ? 0 : (uint32_t)dt * p->speed_pct;
        p->time_ms += p->rest / 100;
        p->rest %= 100;
        last = now;
    }
}

static int once(struct preview *p)
{
    nh_stage_draw(&p->stage, p->time_ms);
    size_t len = nh_term_frame(p->out, &p->stage.canvas, p->o->colors);
    return write_all(p->out, len) ? 0 : 1;
}

int nh_lamp_preview(const struct nh_preview_options *o, nh_mem_t *mem)
{
    struct preview p = {.o = o, .speed_pct = o->stage.speed_pct};
    if (!o->is_once && !fits(o))
        return 1;
    p.time_ms = (uint32_t)(o->start_s * 10 * o->stage.speed_pct);
    p.out = nh_mem_alloc(
        mem, nh_term_frame_max_bytes(o->stage.width, o->stage.height) + sizeof HOME, NH_MEM_BULK);
    int err = p.out ? nh_stage_open(&p.stage, &o->stage, mem) : NH_ERR_NOMEM, status = 1;
    if (err) {
        fprintf(stderr, "nuthatch lamp preview: %s\n", nh_err_text(err));
    } else {
        if (o->is_once) {
            status = once(&p);
        } else {
            terminal_enter(&p);
            play(&p);
            terminal_leave(&p);
            status = 0;
        }
        nh_stage_close(&p.stage);
    }
    nh_mem_free(mem, p.out);
    return status;
}
