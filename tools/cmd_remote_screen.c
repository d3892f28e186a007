// cmd_remote_screen.c - the remote in the terminal: keys, and what the lamp says. However it ends,
// the terminal is as before.

#include "cmd_remote_screen.h"

#include "components/lamp/lamp.h"

#include <ctype.h>
#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

// term.h gives short names to what a terminal can do.
#undef lines
#undef columns

#define POLL_MS 3000
#define STEP 5
#define LARGE_STEP 25
#define CONTROL(c) ((c)&0x1F)

// ---- the terminal, whatever happens ------------------------------------------------------------

static struct termios saved_terminal;
static char leave_text[256]; // what leaves the alternate screen, shows the cursor, ends colours
static size_t leave_len;

// A program that dies of its own fault does not run endwin(). Only calls that a handler may make.
static void on_fatal(int signum)
{
    ssize_t n = write(STDOUT_FILENO, leave_text, leave_len);
    (void)n; // there is nobody to tell
    tcsetattr(STDIN_FILENO, TCSANOW, &saved_terminal);
    raise(signum); // the handler is gone by now (SA_RESETHAND)
}

static void remember_terminal(void)
{
    static const char *const names[] = {"sgr0", "rmcup", "cnorm"};
    static const int fatal[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    const struct sigaction action = {.sa_handler = on_fatal, .sa_flags = SA_RESETHAND};
    leave_len = 0;
    for (size_t i = 0; i < NH_ARRAY_LEN(names); i++) {
        const char *text = tigetstr(names[i]);
        size_t len = text && text != (const char *)-1 ? strlen(text) : 0;
        if (leave_len + len > sizeof leave_text)
            continue;
        memcpy(leave_text + leave_len, text ? text : "", len);
        leave_len += len;
    }
    for (size_t i = 0; i < NH_ARRAY_LEN(fatal); i++)
        sigaction(fatal[i], &action, NULL);
}

static bool open_terminal(struct nh_remote_screen *s)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) ||
        tcgetattr(STDIN_FILENO, &saved_terminal) != 0) {
        fprintf(stderr, "nuthatch remote: this is no terminal; for scripts there are --set, "
                        "status and list (--help)\n");
        return false;
    }
    setlocale(LC_ALL, "");
    s->is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    if (!newterm(NULL, stdout, stdin)) {
        fprintf(stderr, "nuthatch remote: TERM=%s is no terminal that is known\n",
                getenv("TERM") ? getenv("TERM") : "");
        return false;
    }
    remember_terminal();
    raw();
    noecho();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(25);
    curs_set(0);
    nh_remote_draw_init(s);
    s->is_open = true;
    return true;
}

static void close_terminal(struct nh_remote_screen *s)
{
    if (s->is_open)
        endwin();
    s->is_open = false;
}

// ---- effects that the filter leaves ------------------------------------------------------------

static bool matches(const char *name, const char *filter)
{
    size_t len = strlen(filter);
    for (; *name; name++)
        if (strncasecmp(name, filter, len) == 0)
            return true;
    return len == 0;
}

bool nh_remote_screen_effect(const struct nh_remote_screen *s, uint16_t n,
                             struct nh_radio_record *out)
{
    for (uint16_t i = 0; nh_radio_remote_effect_at(s->link.engine, i, out); i++)
        if (matches(out->name, s->filter) && n-- == 0)
            return true;
    return false;
}

static void choose(struct nh_remote_screen *s, int by)
{
    struct nh_radio_record e;
    int page = nh_remote_draw_page(), to = s->chosen + by, count = 0;
    while (nh_remote_screen_effect(s, (uint16_t)count, &e))
        count++;
    to = to >= count ? count - 1 : to;
    s->chosen = (uint16_t)(to < 0 ? 0 : to);
    if (s->chosen < s->top)
        s->top = s->chosen;
    if (s->chosen >= s->top + page)
        s->top = (uint16_t)(s->chosen - page + 1);
}

static void set_filter(struct nh_remote_screen *s, int key)
{
    size_t len = strlen(s->filter);
    if (key == 0)
        s->filter[0] = '\0';
    else if (key == KEY_BACKSPACE)
        s->filter[len > 0 ? len - 1 : 0] = '\0';
    else if (len + 1 < sizeof s->filter) {
        s->filter[len] = (char)key;
        s->filter[len + 1] = '\0';
    }
    s->chosen = s->top = 0;
}

// ---- commands ----------------------------------------------------------------------------------

static void say(struct nh_remote_screen *s, bool is_bad, const char *text)
{
    s->is_bad = is_bad;
    snprintf(s->message, sizeof s->message, "%s", text);
}

static void tell(struct nh_remote_screen *s, uint8_t cmd, uint32_t value)
{
    int err = nh_radio_remote_command(s->link.engine, cmd, (uint16_t)value, nh_clock_ms());
    if (err < 0)
        say(s, true, err == NH_ERR_NOT_FOUND ? "No lamp is paired: F6." : nh_err_text(err));
}

static uint32_t moved(uint32_t value, int by, uint32_t min, uint32_t max)
{
    int64_t to = (int64_t)value + by;
    return to < min ? min : to > max ? max : (uint32_t)to;
}

static void change_overlay(struct nh_remote_screen *s, int row, int by)
{
    struct nh_radio_state *v = &s->shown;
    if (row == NH_REMOTE_ROW_MODE) {
        v->overlay_mode = (uint8_t)((v->overlay_mode + (by < 0 ? 2 : 1)) % 3);
        tell(s, NH_RADIO_SET_OVERLAY,
             NH_RADIO_OVERLAY_HAS_MODE | (unsigned)v->overlay_mode << NH_RADIO_OVERLAY_SHIFT_MODE);
    } else if (row == NH_REMOTE_ROW_BLEND) {
        v->overlay_blend = (uint8_t)((v->overlay_blend + (by < 0 ? 2 : 1)) % 3);
        tell(s, NH_RADIO_SET_OVERLAY,
             NH_RADIO_OVERLAY_HAS_BLEND | (unsigned)v->overlay_blend
                                              << NH_RADIO_OVERLAY_SHIFT_BLEND);
    } else {
        v->overlay = !v->overlay;
        tell(s, NH_RADIO_SET_OVERLAY, NH_RADIO_OVERLAY_HAS_SHOWN | v->overlay);
    }
}

// The lamp knows how many palettes there are: it refuses one past the last.
static void change_palette(struct nh_remote_screen *s, int by)
{
    int to = s->shown.palette == NH_LAMP_PALETTE_AUTO ? -1 : s->shown.palette;
    to += by < 0 ? -1 : 1;
    s->shown.palette = to < 0 ? NH_LAMP_PALETTE_AUTO : (uint8_t)to;
    tell(s, NH_RADIO_SET_PALETTE, s->shown.palette);
}

static void change(struct nh_remote_screen *s, int row, int by)
{
    struct nh_radio_state *v = &s->shown;
    if (!s->has_shown && row != NH_REMOTE_ROW_POWER)
        return;
    switch (row) {
    case NH_REMOTE_ROW_POWER:
        v->is_on = !v->is_on;
        tell(s, NH_RADIO_POWER, v->is_on);
        break;
    case NH_REMOTE_ROW_PAUSE:
        v->is_paused = !v->is_paused;
        tell(s, NH_RADIO_SET_PAUSE, v->is_paused);
        break;
    case NH_REMOTE_ROW_BRIGHTNESS:
        v->brightness = (uint8_t)moved(v->brightness, by, 0, 255);
        tell(s, NH_RADIO_SET_BRIGHT, v->brightness);
        break;
    case NH_REMOTE_ROW_SPEED:
        v->speed_pct =
            (uint16_t)moved(v->speed_pct, by, NH_LAMP_SPEED_MIN_PCT, NH_LAMP_SPEED_MAX_PCT);
        tell(s, NH_RADIO_SET_SPEED_PCT, v->speed_pct);
        break;
    case NH_REMOTE_ROW_INTENSITY:
        v->intensity = (uint8_t)moved(v->intensity, by, 0, 255);
        tell(s, NH_RADIO_SET_INTENSITY, v->intensity);
        break;
    case NH_REMOTE_ROW_PALETTE:
        change_palette(s, by);
        break;
    case NH_REMOTE_ROW_VOLUME:
        s->volume = (int)moved(s->volume < 0 ? 0 : (uint32_t)s->volume, by, 0, 100);
        tell(s, NH_RADIO_SET_AUDIO_VOLUME, (uint32_t)s->volume);
        break;
    default:
        change_overlay(s, row, by);
    }
}

static void refresh_all(struct nh_remote_screen *s)
{
    nh_remote_link_sync(&s->link);
    tell(s, NH_RADIO_GET_AUDIO_STATE, 0);
}

static void begin_pairing(struct nh_remote_screen *s)
{
    s->dialog = NH_REMOTE_SEARCH;
    nh_radio_remote_pair(s->link.engine, s->link.options->seconds, nh_clock_ms());
}

// ---- keys --------------------------------------------------------------------------------------

static void set_chosen(struct nh_remote_screen *s)
{
    struct nh_radio_record e;
    if (!nh_remote_screen_effect(s, s->chosen, &e))
        return;
    s->shown.effect_id = e.id;
    tell(s, NH_RADIO_SET_ANIM, e.id);
}

// Of the list. False: not one of its keys.
static bool key_in_list(struct nh_remote_screen *s, int key)
{
    if (key == KEY_UP || key == KEY_DOWN)
        choose(s, key == KEY_UP ? -1 : 1);
    else if (key == KEY_PPAGE || key == KEY_NPAGE)
        choose(s, key == KEY_PPAGE ? -nh_remote_draw_page() : nh_remote_draw_page());
    else if (key == KEY_HOME || key == KEY_END)
        choose(s,
               key == KEY_HOME ? -NH_RADIO_REMOTE_LIST_MAX_COUNT : NH_RADIO_REMOTE_LIST_MAX_COUNT);
    else if (key == '\r' || key == '\n' || key == KEY_ENTER)
        set_chosen(s);
    else if (key == KEY_BACKSPACE || key == 127 || key == CONTROL('h'))
        set_filter(s, KEY_BACKSPACE);
    else if (key < 128 && (isalnum(key) || key == ' '))
        set_filter(s, toupper(key));
    else if (key == KEY_RIGHT)
        s->in_controls = true;
    else
        return false;
    return true;
}

static void move_row(struct nh_remote_screen *s, int by)
{
    do
        s->row = (s->row + by + NH_REMOTE_ROW_COUNT) % NH_REMOTE_ROW_COUNT;
    while (!s->shown.has_more && s->row >= NH_REMOTE_ROW_INTENSITY &&
           s->row <= NH_REMOTE_ROW_BLEND);
}

static bool key_in_controls(struct nh_remote_screen *s, int key)
{
    if (key == KEY_UP || key == KEY_DOWN)
        move_row(s, key == KEY_UP ? -1 : 1);
    else if (key == KEY_LEFT || key == KEY_RIGHT)
        change(s, s->row, key == KEY_LEFT ? -STEP : STEP);
    else if (key == KEY_PPAGE || key == KEY_NPAGE)
        change(s, s->row, key == KEY_NPAGE ? -LARGE_STEP : LARGE_STEP);
    else if (key == ' ' || key == '\r' || key == '\n' || key == KEY_ENTER)
        change(s, s->row, STEP);
    else if (key == 'q')
        nh_loop_stop(s->link.loop);
    else
        return false;
    return true;
}

static void key_for_all(struct nh_remote_screen *s, int key)
{
    switch (key) {
    case KEY_F(1):
        s->dialog = NH_REMOTE_HELP;
        break;
    case KEY_F(2):
        change(s, NH_REMOTE_ROW_POWER, STEP);
        break;
    case KEY_F(3):
        change(s, NH_REMOTE_ROW_PAUSE, STEP);
        break;
    case KEY_F(4):
        change(s, NH_REMOTE_ROW_OVERLAY, STEP);
        break;
    case KEY_F(5):
        refresh_all(s);
        break;
    case KEY_F(6):
        begin_pairing(s);
        break;
    case KEY_F(8):
        s->dialog = NH_REMOTE_ASK_OTA;
        break;
    case '+':
    case '-':
        change(s, NH_REMOTE_ROW_BRIGHTNESS, key == '+' ? STEP : -STEP);
        break;
    case ']':
    case '[':
        change(s, NH_REMOTE_ROW_SPEED, key == ']' ? STEP : -STEP);
        break;
    case '\t':
    case KEY_BTAB:
        s->in_controls = !s->in_controls;
        break;
    case 27: // Esc
        set_filter(s, 0);
        s->in_controls = false;
        break;
    default:
        break;
    }
}

static void key_in_dialog(struct nh_remote_screen *s, int key)
{
    bool is_yes = key == 'y' || key == 'Y', is_no = key == 'n' || key == 'N' || key == 27;
    enum nh_remote_dialog d = s->dialog;
    if (d == NH_REMOTE_HELP || d == NH_REMOTE_ASK_OTA) {
        s->dialog = NH_REMOTE_NO_DIALOG;
        if (d == NH_REMOTE_ASK_OTA && is_yes)
            tell(s, NH_RADIO_OTA_START, 0);
    } else if (d == NH_REMOTE_CODE && is_yes) {
        s->dialog = NH_REMOTE_WAIT;
        nh_radio_remote_pair_agree(s->link.engine, true, nh_clock_ms());
    } else if (d == NH_REMOTE_CODE && is_no) {
        nh_radio_remote_pair_agree(s->link.engine, false, nh_clock_ms());
    } else if (key == 27) {
        s->dialog = NH_REMOTE_NO_DIALOG;
        nh_radio_remote_pair(s->link.engine, 0, nh_clock_ms()); // no time is left: it ends
    }
}

static void on_key(struct nh_remote_screen *s, int key)
{
    bool is_end = key == KEY_F(10) || key == CONTROL('c') || key == CONTROL('q');
    s->message[0] = '\0';
    if (is_end)
        nh_loop_stop(s->link.loop);
    else if (s->dialog != NH_REMOTE_NO_DIALOG)
        key_in_dialog(s, key);
    else if (!(s->in_controls ? key_in_controls(s, key) : key_in_list(s, key)))
        key_for_all(s, key);
    nh_loop_post(s->link.loop, &s->redraw);
}

// ---- what the lamp says ------------------------------------------------------------------------

static void on_answer(struct nh_remote_screen *s, const struct nh_radio_remote_event *e)
{
    if (e->err < 0 && e->err != NH_ERR_CANCELLED)
        say(s, true, e->err == NH_ERR_TIMEOUT ? "The lamp does not answer." : nh_err_text(e->err));
    else if (e->err == 0 && e->state->is_rejected) {
        char text[80];
        snprintf(text, sizeof text, "Refused: %s.", nh_radio_result_text(e->state->result));
        say(s, true, text);
    }
}

// While more is on its way, what was asked for is shown, else what is.
static void take_state(struct nh_remote_screen *s)
{
    struct nh_radio_remote_info i;
    nh_radio_remote_info(s->link.engine, &i);
    if (!i.has_state || !nh_radio_remote_is_idle(s->link.engine))
        return;
    s->shown = i.state;
    s->has_shown = true;
}

static void on_ota(struct nh_remote_screen *s, const struct nh_radio_hello *h)
{
    static const char *const texts[] = {"The lamp takes no updates.", "The lamp is ready for it.",
                                        "An update is coming in.", "The last update failed."};
    char text[96];
    if (h->ssid[0])
        snprintf(text, sizeof text, "Network %s, password %.40s", h->ssid, h->password);
    else
        snprintf(text, sizeof text, "%s", h->status < 4 ? texts[h->status] : "?");
    say(s, h->status == 3, text);
}

static void on_unpaired(struct nh_remote_screen *s, int err)
{
    bool was_shown = s->dialog != NH_REMOTE_NO_DIALOG;
    s->dialog = NH_REMOTE_NO_DIALOG;
    if (was_shown)
        say(s, true,
            err == NH_ERR_TIMEOUT  ? "No lamp was paired: none answered in time."
            : err == NH_ERR_DENIED ? "Not paired: refused."
            : err == NH_ERR_FULL   ? "Not paired: there is no room for one more."
                                   : nh_err_text(err));
}

static void on_event(void *ctx, const struct nh_radio_remote_event *e)
{
    struct nh_remote_screen *s = ctx;
    switch (e->kind) {
    case NH_RADIO_REMOTE_ANSWER:
        on_answer(s, e);
        break;
    case NH_RADIO_REMOTE_LIST:
        choose(s, 0);
        break;
    case NH_RADIO_REMOTE_AUDIO:
        s->volume = e->hello->volume;
        break;
    case NH_RADIO_REMOTE_OTA:
        on_ota(s, e->hello);
        break;
    case NH_RADIO_REMOTE_CODE:
        s->code = e->code;
        s->dialog = NH_REMOTE_CODE;
        snprintf(s->lamp_name, sizeof s->lamp_name, "%s", e->name);
        break;
    case NH_RADIO_REMOTE_PAIRED:
        s->dialog = NH_REMOTE_NO_DIALOG;
        s->has_shown = false;
        s->asked_ms = 0;
        say(s, false, "Paired.");
        break;
    case NH_RADIO_REMOTE_UNPAIRED:
        on_unpaired(s, e->err);
        break;
    default:
        break;
    }
    take_state(s);
    if (s->redraw.fn)
        nh_loop_post(s->link.loop, &s->redraw);
}

// After events: what they left to do, and one picture for however many.
static void on_redraw(void *ctx)
{
    struct nh_remote_screen *s = ctx;
    bool is_new = !s->has_shown && s->dialog == NH_REMOTE_NO_DIALOG &&
                  nh_radio_remote_is_idle(s->link.engine);
    uint64_t now_ms = nh_clock_ms();
    // Not at once again when that fails at once.
    if (is_new && nh_radio_remote_lamp_count(s->link.engine) > 0 &&
        (s->asked_ms == 0 || now_ms - s->asked_ms > POLL_MS)) {
        s->asked_ms = now_ms;
        refresh_all(s);
    }
    take_state(s);
    nh_remote_draw(s);
}

// ---- life --------------------------------------------------------------------------------------

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct nh_remote_screen *s = poll->data;
    int key, waiting = 0;
    if (status < 0 || events & UV_DISCONNECT ||
        (ioctl(STDIN_FILENO, FIONREAD, &waiting) == 0 && waiting == 0)) {
        nh_loop_stop(s->link.loop); // the terminal is gone
        return;
    }
    while ((key = getch()) != ERR)
        on_key(s, key);
}

static void on_resized(uv_signal_t *sig, int signum)
{
    struct nh_remote_screen *s = sig->data;
    struct winsize w;
    (void)signum;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row > 0 && w.ws_col > 0)
        resizeterm(w.ws_row, w.ws_col);
    choose(s, 0);
    nh_loop_post(s->link.loop, &s->redraw);
}

static void on_stop(void *ctx)
{
    struct nh_remote_screen *s = ctx;
    nh_loop_stop(s->link.loop);
}

static int listen_to_all(struct nh_remote_screen *s)
{
    uv_loop_t *uv = nh_loop_native(s->link.loop);
    s->input.data = s->resized.data = s;
    s->has_input = uv_poll_init(uv, &s->input, STDIN_FILENO) == 0;
    s->has_resized = uv_signal_init(uv, &s->resized) == 0;
    if (!s->has_input || !s->has_resized ||
        uv_poll_start(&s->input, UV_READABLE | UV_DISCONNECT, on_readable) != 0 ||
        uv_signal_start(&s->resized, on_resized, SIGWINCH) != 0)
        return NH_ERR_IO;
    return nh_loop_signals(s->link.loop, on_stop, on_stop, s);
}

static void close_all(struct nh_remote_screen *s)
{
    if (s->has_input)
        uv_close((uv_handle_t *)&s->input, NULL);
    if (s->has_resized)
        uv_close((uv_handle_t *)&s->resized, NULL);
    nh_loop_post_cancel(s->link.loop, &s->redraw);
    nh_remote_link_close(&s->link);
}

int nh_remote_screen(const struct nh_remote_options *o)
{
    struct nh_remote_screen s = {.volume = -1};
    nh_loop_signals_hold();
    if (!isatty(STDIN_FILENO))
        return open_terminal(&s) ? 0 : 2; // says why
    if (!nh_remote_link_open(&s.link, o, POLL_MS, on_event, &s))
        return 1;
    if (!open_terminal(&s)) {
        nh_remote_link_close(&s.link);
        return 2;
    }
    s.redraw = (nh_loop_post_t){.fn = on_redraw, .ctx = &s};
    int err = listen_to_all(&s);
    if (err == 0) {
        nh_loop_post(s.link.loop, &s.redraw);
        nh_loop_run(s.link.loop);
    }
    close_terminal(&s);
    close_all(&s);
    if (err < 0)
        fprintf(stderr, "nuthatch remote: %s\n", nh_err_text(err));
    return err < 0 ? 1 : 0;
}
