// cmd_remote_draw.c - paints the remote's screen: list, controls, what the air is like, dialogs.

#include "cmd_remote_screen.h"

#include "components/lamp/lamp.h"

#include <ncurses.h>
#include <stdio.h>
#include <string.h>

#define LIST_WIDTH 27
#define MIN_WIDTH 60
#define MIN_HEIGHT 20
#define SLIDER_WIDTH 24
#define HEAD_LINES 2
#define FOOT_LINES 3

enum color { BAR = 1, ACCENT, GOOD, WARN, BAD, CHOSEN, FAINT };

void nh_remote_draw_init(struct nh_remote_screen *s)
{
    s->has_colors = has_colors();
    if (!s->has_colors)
        return;
    start_color();
    use_default_colors();
    init_pair(BAR, COLOR_WHITE, COLOR_BLUE);
    init_pair(ACCENT, COLOR_CYAN, -1);
    init_pair(GOOD, COLOR_GREEN, -1);
    init_pair(WARN, COLOR_YELLOW, -1);
    init_pair(BAD, COLOR_RED, -1);
    init_pair(CHOSEN, COLOR_BLACK, COLOR_CYAN);
    init_pair(FAINT, COLOR_BLUE, -1);
}

static void color_on(const struct nh_remote_screen *s, enum color c)
{
    if (s->has_colors)
        attron(COLOR_PAIR(c));
    else if (c == CHOSEN || c == BAR)
        attron(A_REVERSE);
}

static void color_off(const struct nh_remote_screen *s, enum color c)
{
    if (s->has_colors)
        attroff(COLOR_PAIR(c));
    else if (c == CHOSEN || c == BAR)
        attroff(A_REVERSE);
}

static void put(const struct nh_remote_screen *s, int y, int x, enum color c, const char *text)
{
    color_on(s, c);
    mvaddstr(y, x, text);
    color_off(s, c);
}

int nh_remote_draw_page(void)
{
    int lines = LINES - HEAD_LINES - FOOT_LINES - 2;
    return lines > 1 ? lines : 1;
}

// ---- head --------------------------------------------------------------------------------------

// Four steps of what is heard, from -85 dBm.
static void draw_signal(const struct nh_remote_screen *s, int y, int x, int8_t rssi_dbm)
{
    static const char *const steps[] = {"▂", "▄", "▆", "█"};
    int level = rssi_dbm >= -55 ? 4 : rssi_dbm >= -65 ? 3 : rssi_dbm >= -75 ? 2 : 1;
    for (int i = 0; i < 4; i++)
        mvaddstr(y, x + i, i >= level ? " " : s->is_utf8 ? steps[i] : "|");
}

static void draw_link(const struct nh_remote_screen *s, const struct nh_radio_remote_info *i)
{
    char text[64];
    int x = COLS - 40;
    if (!i->is_up) {
        mvaddstr(0, COLS - 26,
                 i->is_hopping ? "looking on all channels" : "the lamp does not answer");
        return;
    }
    draw_signal(s, 0, x, i->rssi_dbm);
    snprintf(text, sizeof text, "%4d dBm  ch %-2u loss %2u %% %6.1f ms", i->rssi_dbm, i->channel,
             (unsigned)i->loss_pct, i->answer_p50_us / 1000.0);
    mvaddstr(0, x + 5, text);
}

static void draw_head(const struct nh_remote_screen *s, const struct nh_radio_remote_info *i)
{
    const struct nh_radio_peer_record *p = nh_radio_remote_lamp_at(s->link.engine, 0);
    color_on(s, BAR);
    mvhline(0, 0, ' ', COLS);
    attron(A_BOLD);
    mvaddstr(0, 1, "nuthatch remote");
    attroff(A_BOLD);
    if (p) {
        mvaddstr(0, 18, p->name);
        draw_link(s, i);
    }
    color_off(s, BAR);
}

// ---- list --------------------------------------------------------------------------------------

static void draw_frame(const struct nh_remote_screen *s, int y, int x, int height, int width,
                       bool is_active, const char *title)
{
    color_on(s, is_active ? ACCENT : FAINT);
    mvaddch(y, x, ACS_ULCORNER);
    hline(ACS_HLINE, width - 2);
    mvhline(y, x + 1, ACS_HLINE, width - 2);
    mvaddch(y, x + width - 1, ACS_URCORNER);
    mvvline(y + 1, x, ACS_VLINE, height - 2);
    mvvline(y + 1, x + width - 1, ACS_VLINE, height - 2);
    mvaddch(y + height - 1, x, ACS_LLCORNER);
    mvhline(y + height - 1, x + 1, ACS_HLINE, width - 2);
    mvaddch(y + height - 1, x + width - 1, ACS_LRCORNER);
    attron(A_BOLD);
    mvaddstr(y, x + 2, title);
    attroff(A_BOLD);
    color_off(s, is_active ? ACCENT : FAINT);
}

static void draw_effect(const struct nh_remote_screen *s, int y, const struct nh_radio_record *e,
                        bool is_chosen)
{
    bool runs = s->has_shown && s->shown.effect_id == e->id;
    char text[LIST_WIDTH];
    snprintf(text, sizeof text, " %-*s", LIST_WIDTH - 6, e->name);
    if (is_chosen)
        color_on(s, s->in_controls ? ACCENT : CHOSEN);
    if (runs)
        attron(A_BOLD);
    mvaddstr(y, 3, text);
    attroff(A_BOLD);
    if (is_chosen)
        color_off(s, s->in_controls ? ACCENT : CHOSEN);
    if (runs)
        put(s, y, 2, GOOD, s->is_utf8 ? "▶" : ">");
}

static uint16_t count_effects(const struct nh_remote_screen *s)
{
    struct nh_radio_record e;
    uint16_t n = 0;
    while (nh_remote_screen_effect(s, n, &e))
        n++;
    return n;
}

static void draw_list(const struct nh_remote_screen *s, const struct nh_radio_remote_info *i)
{
    struct nh_radio_record e;
    char title[LIST_WIDTH];
    int page = nh_remote_draw_page();
    uint16_t count = count_effects(s);
    if (s->filter[0])
        snprintf(title, sizeof title, " /%s ", s->filter);
    else
        snprintf(title, sizeof title, " Effects %u ", count);
    draw_frame(s, HEAD_LINES - 1, 1, page + 2, LIST_WIDTH, !s->in_controls, title);
    for (int line = 0; line < page; line++)
        if (nh_remote_screen_effect(s, (uint16_t)(s->top + line), &e))
            draw_effect(s, HEAD_LINES + line, &e, s->top + line == s->chosen);
    if (count == 0)
        mvaddstr(HEAD_LINES, 4,
                 s->filter[0]    ? "none of this name"
                 : i->is_syncing ? "fetching the list..."
                                 : "no list yet");
    if (s->top > 0)
        put(s, HEAD_LINES, LIST_WIDTH - 1, ACCENT, s->is_utf8 ? "▲" : "^");
    if (s->top + page < count)
        put(s, HEAD_LINES + page - 1, LIST_WIDTH - 1, ACCENT, s->is_utf8 ? "▼" : "v");
}

// ---- controls ----------------------------------------------------------------------------------

static void draw_slider(const struct nh_remote_screen *s, int y, int x, uint32_t value,
                        uint32_t min, uint32_t max)
{
    int full = (int)((value - min) * SLIDER_WIDTH / (max - min));
    color_on(s, ACCENT);
    for (int i = 0; i < SLIDER_WIDTH; i++)
        mvaddstr(y, x + i, i < full ? (s->is_utf8 ? "█" : "#") : s->is_utf8 ? "░" : ".");
    color_off(s, ACCENT);
}

static void draw_number(const struct nh_remote_screen *s, int y, int x, uint32_t value,
                        uint32_t min, uint32_t max, const char *unit)
{
    char text[16];
    value = value < min ? min : value > max ? max : value;
    draw_slider(s, y, x, value, min, max);
    snprintf(text, sizeof text, "%u%s", (unsigned)value, unit);
    mvaddstr(y, x + SLIDER_WIDTH + 1, text);
}

static void draw_switch(const struct nh_remote_screen *s, int y, int x, bool is_on,
                        const char *text)
{
    put(s, y, x, is_on ? GOOD : FAINT, s->is_utf8 ? (is_on ? "●" : "○") : is_on ? "*" : "o");
    mvaddstr(y, x + 2, text);
}

static void draw_palette(int y, int x, uint8_t palette)
{
    char text[8];
    snprintf(text, sizeof text, "%u", palette);
    mvaddstr(y, x, palette == NH_LAMP_PALETTE_AUTO ? "the effect's own" : text);
}

static void draw_value(const struct nh_remote_screen *s, int row, int y, int x)
{
    static const char *const modes[] = {"idle", "listen", "speak", "?"};
    static const char *const blends[] = {"alpha", "add", "max", "?"};
    const struct nh_radio_state *v = &s->shown;
    switch (row) {
    case NH_REMOTE_ROW_POWER:
        draw_switch(s, y, x, v->is_on, v->is_on ? "on" : "off");
        break;
    case NH_REMOTE_ROW_PAUSE:
        draw_switch(s, y, x, !v->is_paused, v->is_paused ? "stands still" : "runs");
        break;
    case NH_REMOTE_ROW_BRIGHTNESS:
        draw_number(s, y, x, v->brightness, 0, 255, "");
        break;
    case NH_REMOTE_ROW_SPEED:
        draw_number(s, y, x, v->speed_pct, NH_LAMP_SPEED_MIN_PCT, NH_LAMP_SPEED_MAX_PCT, " %");
        break;
    case NH_REMOTE_ROW_INTENSITY:
        draw_number(s, y, x, v->intensity, 0, 255, "");
        break;
    case NH_REMOTE_ROW_PALETTE:
        draw_palette(y, x, v->palette);
        break;
    case NH_REMOTE_ROW_OVERLAY:
        draw_switch(s, y, x, v->overlay, v->overlay ? "shown" : "hidden");
        break;
    case NH_REMOTE_ROW_MODE:
        mvaddstr(y, x, modes[v->overlay_mode & 3]);
        break;
    case NH_REMOTE_ROW_BLEND:
        mvaddstr(y, x, blends[v->overlay_blend & 3]);
        break;
    default:
        if (s->volume >= 0)
            draw_number(s, y, x, (uint32_t)s->volume, 0, 100, " %");
    }
}

static void draw_controls(const struct nh_remote_screen *s)
{
    static const char *const names[NH_REMOTE_ROW_COUNT] = {
        "Power",   "Effect",  "Brightness",   "Speed",         "Intensity",
        "Palette", "Overlay", "Overlay mode", "Overlay blend", "Volume"};
    char name[NH_RADIO_NAME_BYTES];
    int x = LIST_WIDTH + 2, width = COLS - x - 1;
    draw_frame(s, HEAD_LINES - 1, x, nh_remote_draw_page() + 2, width, s->in_controls,
               " Controls ");
    if (!s->has_shown) {
        mvaddstr(HEAD_LINES + 1, x + 3, "Nothing was heard of the lamp yet.");
        return;
    }
    attron(A_BOLD);
    mvaddstr(HEAD_LINES, x + 3,
             nh_remote_effect_name(s->link.engine, s->shown.effect_id, name, sizeof name));
    attroff(A_BOLD);
    for (int row = 0; row < NH_REMOTE_ROW_COUNT; row++) {
        bool is_chosen = s->in_controls && row == s->row;
        bool is_more = row >= NH_REMOTE_ROW_INTENSITY && row <= NH_REMOTE_ROW_BLEND;
        char label[16];
        if (is_more && !s->shown.has_more)
            continue; // a lamp of version 1
        snprintf(label, sizeof label, "%-14s", names[row]);
        put(s, HEAD_LINES + 2 + row, x + 3, is_chosen ? CHOSEN : ACCENT, label);
        draw_value(s, row, HEAD_LINES + 2 + row, x + 18);
    }
}

// ---- foot and dialogs --------------------------------------------------------------------------

static void draw_foot(const struct nh_remote_screen *s)
{
    static const char *const list = "Type to filter  Enter set  Tab controls  +/- brightness";
    static const char *const controls = "Arrows change  Space switch  Tab effects  q quit";
    put(s, LINES - 3, 2, s->is_bad ? BAD : GOOD, s->message);
    mvaddstr(LINES - 2, 2, s->in_controls ? controls : list);
    color_on(s, BAR);
    mvhline(LINES - 1, 0, ' ', COLS);
    mvaddstr(LINES - 1, 1,
             "F1 help  F2 power  F3 pause  F4 overlay  F5 list  F6 pair  F8 update  F10 end");
    color_off(s, BAR);
}

static void draw_box(const struct nh_remote_screen *s, const char *const *lines, int count)
{
    int width = 0;
    for (int i = 0; i < count; i++)
        width = (int)strlen(lines[i]) > width ? (int)strlen(lines[i]) : width;
    int height = count + 4, x = (COLS - width - 6) / 2, y = (LINES - height) / 2;
    for (int line = 0; line < height; line++)
        mvhline(y + line, x, ' ', width + 6);
    draw_frame(s, y, x, height, width + 6, true, "");
    for (int i = 0; i < count; i++)
        mvaddstr(y + 2 + i, x + 3, lines[i]);
}

static void draw_pairing(const struct nh_remote_screen *s)
{
    char digits[32], lamp[48];
    snprintf(digits, sizeof digits, "          %03u %03u", (unsigned)s->code / 1000,
             (unsigned)s->code % 1000);
    snprintf(lamp, sizeof lamp, "Lamp \"%s\"", s->lamp_name);
    const char *const search[] = {"Looking for a lamp whose pairing window is open.",
                                  "Open it in the portal, on the page Lamp.", "", "Esc gives up."};
    const char *const code[] = {lamp, "", digits, "", "Does the lamp show the same digits?  y / n"};
    const char *const wait[] = {lamp,           "", digits, "", "Confirm the digits at the lamp.",
                                "Esc gives up."};
    if (s->dialog == NH_REMOTE_SEARCH)
        draw_box(s, search, (int)NH_ARRAY_LEN(search));
    else if (s->dialog == NH_REMOTE_CODE)
        draw_box(s, code, (int)NH_ARRAY_LEN(code));
    else
        draw_box(s, wait, (int)NH_ARRAY_LEN(wait));
}

static void draw_dialog(const struct nh_remote_screen *s)
{
    static const char *const ota[] = {"Ask the lamp for an update of its firmware?", "",
                                      "y: yes     any other key: no"};
    static const char *const help[] = {
        "letters      choose among the effects of this name; Backspace, Esc",
        "up, down     effect, or control; PgUp PgDn Home End",
        "Enter        sets the effect",
        "Tab          between effects and controls",
        "left, right  change the control; with PgUp PgDn in larger steps",
        "+ - [ ]      brightness; speed",
        "F2 F3 F4     power; pause; overlay",
        "F5           fetches list and state",
        "F6           pairs with a lamp",
        "F8           asks the lamp for an update",
        "F10 Ctrl+C   ends"};
    static const char *const nobody[] = {"No lamp is paired yet.", "", "F6 pairs with one."};
    if (s->dialog == NH_REMOTE_ASK_OTA)
        draw_box(s, ota, (int)NH_ARRAY_LEN(ota));
    else if (s->dialog == NH_REMOTE_HELP)
        draw_box(s, help, (int)NH_ARRAY_LEN(help));
    else if (s->dialog != NH_REMOTE_NO_DIALOG)
        draw_pairing(s);
    else if (nh_radio_remote_lamp_count(s->link.engine) == 0)
        draw_box(s, nobody, (int)NH_ARRAY_LEN(nobody));
}

void nh_remote_draw(struct nh_remote_screen *s)
{
    struct nh_radio_remote_info i;
    erase();
    if (LINES < MIN_HEIGHT || COLS < MIN_WIDTH) {
        mvprintw(0, 0, "The window is too small: %d x %d at least", MIN_WIDTH, MIN_HEIGHT);
        refresh();
        return;
    }
    nh_radio_remote_info(s->link.engine, &i);
    draw_head(s, &i);
    draw_list(s, &i);
    draw_controls(s);
    draw_foot(s);
    draw_dialog(s);
    refresh();
}
