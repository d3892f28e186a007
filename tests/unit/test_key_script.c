// The key script: its words, line by line; the layouts, character by character; and what the
// typist sends for them, byte by byte and at which time.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "components/macropad/typist.h"
#include "support/mem_fixture.h"

static nh_span_t span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

// ---- reports -----------------------------------------------------------------------------------

static void test_reports(void **state)
{
    uint8_t out[NH_HID_KEYBOARD_BYTES];
    const struct nh_hid_keys keys = {NH_HID_LEFT_CTRL | NH_HID_RIGHT_ALT, {4, 5, 6, 7, 8, 9}};
    static const uint8_t want[] = {1, 0x41, 0, 4, 5, 6, 7, 8, 9};
    static const uint8_t consumer[] = {2, 0x21, 0x80};
    (void)state;
    nh_hid_keyboard_report(&keys, out);
    assert_memory_equal(out, want, sizeof want);
    nh_hid_consumer_report(NH_HID_NEXT_TRACK | NH_HID_VOLUME_UP | NH_HID_MAIL, out);
    assert_memory_equal(out, consumer, sizeof consumer);
}

// Reads the descriptor as a host does: the sizes of both reports, and the bits of the second.
static void test_descriptor(void **state)
{
    static const uint16_t usages[] = {0xB5,  0xB6,  0xB7,  0xCD,  0xE2,  0xE9,  0xEA,  0x223,
                                      0x194, 0x192, 0x22A, 0x221, 0x226, 0x224, 0x183, 0x18A};
    uint32_t bits_in[3] = {0}, bits_out[3] = {0}, size = 0, count = 0, id = 0, page = 0, depth = 0;
    size_t usage_count = 0;
    (void)state;
    for (size_t i = 0; i < nh_hid_report_descriptor_bytes;) {
        const uint8_t *p = nh_hid_report_descriptor + i;
        size_t n = (p[0] & 3) == 3 ? 4 : p[0] & 3;
        uint32_t v = 0;
        for (size_t k = 0; k < n; k++)
            v |= (uint32_t)p[1 + k] << (8 * k);
        switch (p[0] & 0xFC) {
        case 0x04:
            page = v;
            break;
        case 0x74:
            size = v;
            break;
        case 0x94:
            count = v;
            break;
        case 0x84:
            id = v;
            break;
        case 0xA0:
            depth++;
            break;
        case 0xC0:
            depth--;
            break;
        case 0x80:
            bits_in[id] += size * count;
            break;
        case 0x90:
            bits_out[id] += size * count;
            break;
        case 0x08:
            if (page == 0x0C && id == 2)
                assert_int_equal(v, usages[usage_count++]);
            break;
        default:
            break;
        }
        i += 1 + n;
    }
    assert_int_equal(depth, 0);
    assert_int_equal(bits_in[1], 8 * (NH_HID_KEYBOARD_BYTES - 1));
    assert_int_equal(bits_out[1], 8);
    assert_int_equal(bits_in[2], 8 * (NH_HID_CONSUMER_BYTES - 1));
    assert_int_equal(usage_count, 16);
}

// ---- layouts -----------------------------------------------------------------------------------

static void test_layouts(void **state)
{
    static const struct {
        const char *layout, *text, *want; // modifiers:usage, in hex
    } rows[] = {
        {"us", "a", "00:04"},
        {"us", "Z", "02:1d"},
        {"us", "@", "02:1f"},
        {"us", "~", "02:35"},
        {"us", "\xc3\xa9", ""},
        {"us", " ", "00:2c"},
        {"us", "\n", "00:28"},
        {"us", "|", "02:31"},
        {"us", "\x01", ""},
        {"de", "z", "00:1c"},
        {"de", "Y", "02:1d"},
        {"de", "\xc3\xbc", "00:2f"},
        {"de", "\xc3\x9f", "00:2d"},
        {"de", "@", "40:14"},
        {"de", "\xe2\x82\xac", "40:08"},
        {"de", "^", "00:35 00:2c"},
        {"de", "\xc3\xa9", "00:2e 00:08"},
        {"de", "\xc3\x82", "00:35 02:04"},
        {"de", "`", "02:2e 00:2c"},
        {"de", "\\", "40:2d"},
        {"de", "{", "40:24"},
        {"de", "~", "40:30"},
        {"de", "\xc3\xab", ""},
        {"de", "<", "00:64"},
        {"de", "|", "40:64"},
        {"gb", "\"", "02:1f"},
        {"gb", "@", "02:34"},
        {"gb", "#", "00:31"},
        {"gb", "\xc2\xa3", "02:20"},
        {"gb", "\\", "00:64"},
        {"gb", "~", "02:31"},
        {"fr", "a", "00:14"},
        {"fr", "q", "00:04"},
        {"fr", "m", "00:33"},
        {"fr", "M", "02:33"},
        {"fr", "w", "00:1d"},
        {"fr", "z", "00:1a"},
        {"fr", "1", "02:1e"},
        {"fr", "\xc3\xa9", "00:1f"},
        {"fr", "\xc3\xaa", "00:2f 00:08"},
        {"fr", "\xc3\x8b", "02:2f 02:08"},
        {"fr", ".", "02:36"},
        {"fr", "@", "40:27"},
        {"fr", ",", "00:10"},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_key_stroke s[NH_KEY_STROKES_MAX];
        char got[32] = "";
        uint32_t c;
        nh_key_code_point((const uint8_t *)rows[i].text, strlen(rows[i].text), &c);
        size_t n = nh_key_layout_strokes(nh_key_layout_find(span(rows[i].layout)), c, s);
        for (size_t k = 0; k < n; k++)
            sprintf(got + strlen(got), "%s%02x:%02x", k ? " " : "", s[k].modifiers, s[k].usage);
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("%s '%s': %s instead of %s", rows[i].layout, rows[i].text, got, rows[i].want);
    }
    assert_null(nh_key_layout_find(span("xx")));
    assert_non_null(nh_key_layout_find(span("DE")));
}

// Each layout types all of ASCII, and no two characters by the same strokes.
static void test_layouts_are_whole(void **state)
{
    (void)state;
    for (size_t l = 0; nh_key_layout_at(l); l++) {
        uint32_t seen[128] = {0};
        for (uint32_t c = 0x20; c < 0x7F; c++) {
            struct nh_key_stroke s[NH_KEY_STROKES_MAX] = {{0, 0}};
            size_t n = nh_key_layout_strokes(nh_key_layout_at(l), c, s);
            if (n == 0)
                fail_msg("%s lacks '%c'", nh_key_layout_id(nh_key_layout_at(l)), (int)c);
            seen[c] = (uint32_t)n << 16 | (uint32_t)s[0].usage << 8 | s[0].modifiers;
            for (uint32_t other = 0x20; other < c; other++)
                assert_int_not_equal(seen[c], seen[other]);
        }
    }
}

static void test_code_points(void **state)
{
    static const struct {
        const char *bytes;
        size_t len, want_len;
        uint32_t want;
    } rows[] = {
        {"a", 1, 1, 'a'},
        {"\xc3\xa9", 2, 2, 0xE9},
        {"\xe2\x82\xac", 3, 3, 0x20AC},
        {"\xf0\x9f\x98\x80", 4, 4, 0x1F600},
        {"\xf0\x9f\x98\x80", 3, 1, 0xFFFD},
        {"\x80", 1, 1, 0xFFFD},
        {"\xc0\x80", 2, 1, 0xFFFD},
        {"\xed\xa0\x80", 3, 1, 0xFFFD},
        {"\xff", 1, 1, 0xFFFD},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint32_t c;
        assert_int_equal(nh_key_code_point((const uint8_t *)rows[i].bytes, rows[i].len, &c),
                         rows[i].want_len);
        assert_int_equal(c, rows[i].want);
    }
}

// ---- lines -------------------------------------------------------------------------------------

static void test_lines(void **state)
{
    static const struct {
        const char *script;
        const char *want; // the lines, each in brackets
    } rows[] = {
        {"", ""},
        {"a", "[a]"},
        {"a\n", "[a]"},
        {"a\nb", "[a][b]"},
        {"a\r\nb", "[a][b]"},
        {"a\rb", "[a][b]"},
        {"a\n\rb", "[a][][b]"},
        {"\n\n", "[][]"},
        {"  a  \n\tb\t", "[a][b]"},
        {"a\r", "[a]"},
        {"a\r\n", "[a]"},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        char got[64] = "";
        nh_span_t line;
        size_t at = 0;
        while (nh_key_script_next(span(rows[i].script), &at, &line))
            sprintf(got + strlen(got), "[%.*s]", (int)line.len, (const char *)line.ptr);
        assert_string_equal(got, rows[i].want);
    }
}

static const char *describe(const struct nh_key_line *l)
{
    static char out[400];
    static const char *const commands[] = {"-",       "text",          "delay",  "chord", "hold",
                                           "release", "default_delay", "repeat", "layout"};
    char chord[96];
    nh_key_chord_text(l, chord, sizeof chord);
    sprintf(out, "%s %s", commands[l->command],
            l->command == NH_KEY_CHORD || l->command == NH_KEY_HOLD ? chord : "");
    if (l->command == NH_KEY_TEXT)
        sprintf(out, "text%s '%.*s'", l->is_line ? "ln" : "", (int)l->text.len,
                (const char *)l->text.ptr);
    if (l->number && l->command != NH_KEY_NOTHING)
        sprintf(out + strlen(out), "%u", (unsigned)l->number);
    if (l->layout)
        strcat(out, nh_key_layout_id(l->layout));
    if (l->fault)
        sprintf(out + strlen(out), "!%s: %.*s", nh_key_fault_text(l->fault), (int)l->token.len,
                (const char *)l->token.ptr);
    return out;
}

static void test_commands(void **state)
{
    static const struct {
        const char *line, *want;
    } rows[] = {
        {"", "- "},
        {"REM", "- "},
        {"rem anything ENTER", "- "},
        {"REMARK", "- !Unknown token: REMARK"},
        {"# CTRL c", "- "},
        {"#", "- "},
        {"//CTRL c", "- "},
        {"/", "chord /"},
        {"STRING hello world", "text 'hello world'"},
        {"string    two  blanks", "text 'two  blanks'"},
        {"STRING", "- !Needs a text: STRING"},
        {"STRINGLN", "textln ''"},
        {"STRINGLN ls -l", "textln 'ls -l'"},
        {"STRING STRING", "text 'STRING'"},
        {"DELAY 500", "delay 500"},
        {"DELAY 4294967295", "delay 4294967295"},
        {"DELAY 4294967296", "- !Needs a number above 0: 4294967296"},
        {"DELAY 0", "- !Needs a number above 0: 0"},
        {"DELAY", "- !Needs a number above 0: DELAY"},
        {"DELAY -5", "- !Needs a number above 0: -5"},
        {"DELAY 5ms", "- !Needs a number above 0: 5ms"},
        {"DELAY 5 6", "delay 5!Left out: 6"},
        {"DEFAULT_DELAY 20", "default_delay 20"},
        {"DEFAULTDELAY 20", "default_delay 20"},
        {"REPEAT 3", "repeat 3"},
        {"REPEAT 1001", "- !Needs a number above 0: 1001"},
        {"ENTER", "chord ENTER"},
        {"return", "chord ENTER"},
        {"a", "chord a"},
        {"A", "chord A"},
        {"\xc3\xa9", "chord \xc3\xa9"},
        {"CTRL c", "chord CTRL+c"},
        {"CONTROL ALT DEL", "chord CTRL+ALT+DELETE"},
        {"ALT CTRL DELETE", "chord ALT+CTRL+DELETE"},
        {"GUI", "chord GUI"},
        {"win r", "chord GUI+r"},
        {"CMD SPACE", "chord GUI+SPACE"},
        {"CTRL SHIFT ALT GUI F24", "chord CTRL+SHIFT+ALT+GUI+F24"},
        {"CTRL SHIFT ALT GUI RCTRL F1", "chord CTRL+SHIFT+ALT+GUI+F1!Left out: RCTRL"},
        {"CTRL c v", "chord CTRL+c!Left out: v"},
        {"ALTGR e", "chord ALTGR+e"},
        {"VOLUMEUP", "chord VOLUMEUP"},
        {"CTRL PREV", "chord CTRL+PREVTRACK"},
        {"F1", "chord F1"},
        {"f12", "chord F12"},
        {"F13", "chord F13"},
        {"F0", "- !Unknown token: F0"},
        {"F01", "- !Unknown token: F01"},
        {"F25", "- !Unknown token: F25"},
        {"F", "chord F"},
        {"NUM7", "chord NUM7"},
        {"NUM0", "chord NUM0"},
        {"PRINTSCREEN", "chord PRINTSCREEN"},
        {"INSERT", "chord INSERT"},
        {"UPARROW", "chord UP"},
        {"bogus", "- !Unknown token: bogus"},
        {"CTRL bogus", "- !Unknown token: bogus"},
        {"ENTER bogus", "chord ENTER!Left out: bogus"},
        {"HOLD SHIFT", "hold SHIFT"},
        {"HOLD CTRL a", "hold CTRL+a"},
        {"HOLD", "- !Needs a key: HOLD"},
        {"RELEASE", "release "},
        {"LAYOUT de", "layout de"},
        {"LAYOUT xx", "- !Unknown layout: xx"},
        {"LAYOUT", "- !Unknown layout: LAYOUT"},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_key_line l;
        nh_key_line_read(span(rows[i].line), &l);
        if (strcmp(describe(&l), rows[i].want) != 0)
            fail_msg("'%s': %s instead of %s", rows[i].line, describe(&l), rows[i].want);
    }
}

// Every word that the firmware knew is known, and the keys that it lacked.
static void test_all_words(void **state)
{
    static const char words[] =
        "ENTER RETURN TAB ESC ESCAPE BACKSPACE BKSP SPACE UP UPARROW DOWN DOWNARROW LEFT "
        "LEFTARROW RIGHT RIGHTARROW HOME END PAGEUP PAGEDOWN F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 F11 "
        "F12 VOLUMEUP VOLUMEDOWN MUTE PLAYPAUSE NEXTTRACK PREVTRACK PREV CTRL CONTROL SHIFT ALT "
        "GUI WIN CMD DELETE DEL INSERT PRINTSCREEN PAUSE SCROLLLOCK CAPSLOCK NUMLOCK MENU F13 F14 "
        "F15 F16 F17 F18 F19 F20 F21 F22 F23 F24 RCTRL RSHIFT ALTGR RGUI STOP MAIL CALCULATOR";
    char copy[sizeof words];
    (void)state;
    strcpy(copy, words);
    for (char *w = strtok(copy, " "); w; w = strtok(NULL, " ")) {
        struct nh_key_line l;
        nh_key_line_read(span(w), &l);
        if (l.command != NH_KEY_CHORD || l.fault || l.kind == NH_KEY_CHARACTER)
            fail_msg("%s is not known", w);
    }
}

static void note(void *ctx, enum nh_key_fault f, uint32_t line, uint32_t column, nh_span_t token)
{
    char *out = ctx;
    sprintf(out + strlen(out), "%u:%u %s (%.*s)\n", (unsigned)line, (unsigned)column,
            nh_key_fault_text(f), (int)token.len, (const char *)token.ptr);
}

static void test_check(void **state)
{
    char found[512] = "", long_script[400];
    const nh_key_layout_t *us = nh_key_layout_find(span("us"));
    (void)state;
    assert_int_equal(nh_key_script_check(span("REPEAT 2\nCTRL c\n  CTRL  nope\nSTRING a\xc3\xa9"
                                              "b\nLAYOUT de\nSTRING \xc3\xa9\nREPEAT 2\nCTRL "
                                              "\xe2\x82\xac x"),
                                         us, false, note, found),
                     4);
    assert_string_equal(found, "1:1 Nothing to repeat (REPEAT 2)\n"
                               "3:9 Unknown token (nope)\n"
                               "4:9 No key of the layout makes this (\xc3\xa9)\n"
                               "8:10 Left out (x)\n");
    assert_int_equal(nh_key_script_check(span("STRING \xf0\x9f\x98\x80"), us, true, NULL, NULL), 0);
    assert_int_equal(nh_key_script_check(span("CTRL \xf0\x9f\x98\x80"), us, true, NULL, NULL), 1);
    memset(long_script, 'a', sizeof long_script);
    memcpy(long_script, "STRING ", 7);
    memset(long_script + 250, '\n', 5);
    found[0] = '\0';
    nh_key_script_check((nh_span_t){(uint8_t *)long_script, sizeof long_script}, us, true, note,
                        found);
    assert_non_null(strstr(found, "Too long"));
}

// ---- the typist --------------------------------------------------------------------------------

struct play {
    struct mem_fixture m;
    nh_typist_t *t;
    uint64_t now_ms, begin_ms;
    char log[8192];  // "@8 K 01 02 04|" for each report
    char typed[512]; // "text|"
    char faults[512];
    uint32_t reports_left; // then the host is gone
    uint32_t fails_at;     // this one alone is not taken, from 1
    uint32_t report_count;
    bool has_keys_down, has_consumer_down; // by the reports that were taken
};
static struct play play;

static int take_report(void *ctx, const uint8_t *r, size_t len)
{
    struct play *p = ctx;
    char *out = p->log + strlen(p->log);
    if (p->reports_left == 0 || ++p->report_count == p->fails_at)
        return NH_ERR_CLOSED;
    p->reports_left--;
    assert_true(strlen(p->log) < sizeof p->log - 64);
    if (r[0] == 2) {
        assert_int_equal(len, NH_HID_CONSUMER_BYTES);
        p->has_consumer_down = r[1] || r[2];
        sprintf(out, "@%u C%02x%02x|", (unsigned)(p->now_ms - p->begin_ms), r[2], r[1]);
        return 0;
    }
    assert_int_equal(len, NH_HID_KEYBOARD_BYTES);
    assert_int_equal(r[0], 1);
    assert_int_equal(r[2], 0);
    p->has_keys_down = r[1] || r[3];
    sprintf(out, "@%u %02x", (unsigned)(p->now_ms - p->begin_ms), r[1]);
    for (size_t i = 3; i < len && r[i]; i++)
        sprintf(out + strlen(out), ":%02x", r[i]);
    strcat(out, "|");
    return 0;
}

static void take_typed(void *ctx, uint32_t origin, bool is_chord, nh_span_t text)
{
    struct play *p = ctx;
    assert_int_equal(origin, 7);
    sprintf(p->typed + strlen(p->typed), is_chord ? "<%.*s>|" : "%.*s|", (int)text.len,
            (const char *)text.ptr);
}

static void take_fault(void *ctx, uint32_t origin, enum nh_key_fault f, uint32_t line,
                       nh_span_t token)
{
    struct play *p = ctx;
    assert_int_equal(origin, 7);
    sprintf(p->faults + strlen(p->faults), "%u %s: %.*s|", (unsigned)line, nh_key_fault_text(f),
            (int)token.len, (const char *)token.ptr);
}

static void play_begin(const char *layout, enum nh_typist_unicode unicode)
{
    memset(&play, 0, sizeof play);
    mem_fixture_init(&play.m, NULL);
    const struct nh_typist_config cfg = {.mem = play.m.mem,
                                         .layout = nh_key_layout_find(span(layout)),
                                         .unicode = unicode,
                                         .queue_max = 2,
                                         .ctx = &play,
                                         .report = take_report,
                                         .typed = take_typed,
                                         .fault = take_fault};
    play.begin_ms = play.now_ms = 1000;
    play.reports_left = UINT32_MAX;
    assert_int_equal(nh_typist_create(&cfg, &play.t), 0);
    assert_int_equal(nh_typist_next_deadline(play.t), NH_NEVER);
}

static void play_end(void)
{
    nh_typist_destroy(play.t);
    mem_fixture_deinit(&play.m);
}

// From deadline to deadline, until nothing is left to type.
static void play_on(void)
{
    uint64_t due;
    for (unsigned i = 0; (due = nh_typist_next_deadline(play.t)) != NH_NEVER; i++) {
        assert_true(i < 100000);
        play.now_ms = due > play.now_ms ? due : play.now_ms;
        nh_typist_tick(play.t, play.now_ms);
    }
}

static void test_typing(void **state)
{
    static const struct {
        const char *layout;
        enum nh_typist_unicode unicode;
        const char *script, *reports, *typed, *faults;
    } rows[] = {
        {"us", 0, "STRING aB", "@0 00:04|@8 00|@16 02:05|@24 00|", "aB|", ""},
        // Modifiers in order, the key, the key up, all up.
        {"us", 0, "CTRL ALT DELETE", "@0 01|@0 05|@0 05:4c|@8 05|@16 00|", "<CTRL+ALT+DELETE>|",
         ""},
        // A letter with a modifier is its key, whatever its case; alone its case counts.
        {"us", 0, "CTRL c\nCTRL C", "@0 01|@0 01:06|@8 01|@16 00|@24 01|@24 01:06|@32 01|@40 00|",
         "<CTRL+c>|<CTRL+C>|", ""},
        {"us", 0, "c\nC", "@0 00:06|@8 00|@16 02:06|@24 00|", "<c>|<C>|", ""},
        {"us", 0, "CTRL +", "@0 01|@0 03:2e|@8 01|@16 00|", "<CTRL++>|", ""},
        // Modifiers alone are tapped.
        {"us", 0, "GUI", "@0 08|@8 00|", "<GUI>|", ""},
        {"us", 0, "VOLUMEUP", "@0 C0020|@8 C0000|", "<VOLUMEUP>|", ""},
        {"us", 0, "CTRL MUTE", "@0 01|@0 C0010|@8 C0000|@16 00|", "<CTRL+MUTE>|", ""},
        {"us", 0, "ENTER\nDELAY 1000\nTAB", "@0 00:28|@8 00|@1016 00:2b|@1024 00|",
         "<ENTER>|<TAB>|", ""},
        {"us", 0, "DEFAULT_DELAY 100\na\nb", "@0 00:04|@8 00|@116 00:05|@124 00|", "<a>|<b>|", ""},
        {"us", 0, "a\nREPEAT 2", "@0 00:04|@8 00|@16 00:04|@24 00|@32 00:04|@40 00|",
         "<a>|<a>|<a>|", ""},
        {"us", 0, "REPEAT 2\na", "@0 00:04|@8 00|", "<a>|", "1 Nothing to repeat: REPEAT 2|"},
        // Held keys stay down with others, and come up at the end whatever the script forgets.
        {"us", 0, "HOLD SHIFT\na\nRELEASE\na", "@0 02|@8 02:04|@16 02|@24 00|@32 00:04|@40 00|",
         "<SHIFT>|<a>|<a>|", ""},
        {"us", 0, "HOLD a\nHOLD b\nc", "@0 00:04|@8 00:04:05|@16 00:04:05:06|@24 00:04:05|@32 00|",
         "<a>|<b>|<c>|", ""},
        {"us", 0, "HOLD MUTE", "", "<MUTE>|", "1 Needs a key: HOLD MUTE|"},
        // What is wrong is told and left out; the script goes on.
        {"us", 0, "bogus\r\n\r\n  # note\ra", "@0 00:04|@8 00|", "<a>|", "1 Unknown token: bogus|"},
        {"us", 0, "STRING a\xc3\xa9z", "@0 00:04|@8 00|@16 00:1d|@24 00|", "a\xc3\xa9z|",
         "1 No key of the layout makes this: \xc3\xa9|"},
        {"de", 0, "STRING z\xc3\xa9", "@0 00:1c|@8 00|@16 00:2e|@24 00|@32 00:08|@40 00|",
         "z\xc3\xa9|", ""},
        {"us", 0, "LAYOUT de\nz", "@0 00:1c|@8 00|", "<z>|", ""},
        {"de", 0, "CTRL Z", "@0 01|@0 01:1c|@8 01|@16 00|", "<CTRL+Z>|", ""},
        {"de", 0, "CTRL ^", "", "<CTRL+^>|", "1 No key of the layout makes this: CTRL ^|"},
        {"us", 0, "STRINGLN a", "@0 00:04|@8 00|@24 00:28|@32 00|", "a|", ""},
        // U+20AC by its number.
        {"us", NH_TYPIST_UNICODE_LINUX, "STRING \xe2\x82\xac",
         "@0 03:18|@8 00|@16 00:1f|@24 00|@32 00:27|@40 00|@48 00:04|@56 00|@64 00:06|@72 00|"
         "@80 00:2c|@88 00|",
         "\xe2\x82\xac|", ""},
        {"us", NH_TYPIST_UNICODE_WINDOWS, "STRING \xe2\x82\xac",
         "@0 04|@8 04:57|@16 04|@24 04:5a|@32 04|@40 04:62|@48 04|@56 04:04|@64 04|@72 04:06|"
         "@80 04|@88 00|",
         "\xe2\x82\xac|", ""},
        {"us", NH_TYPIST_UNICODE_WINDOWS, "STRING \xf0\x9f\x98\x80", "", "\xf0\x9f\x98\x80|",
         "1 No key of the layout makes this: \xf0\x9f\x98\x80|"},
        // U+1F600 as D83D DE00.
        {"us", NH_TYPIST_UNICODE_MAC, "STRING \xf0\x9f\x98\x80",
         "@0 04|@8 04:07|@16 04|@24 04:25|@32 04|@40 04:20|@48 04|@56 04:07|@64 04|"
         "@72 04:07|@80 04|@88 04:08|@96 04|@104 04:27|@112 04|@120 04:27|@128 04|@136 00|",
         "\xf0\x9f\x98\x80|", ""},
        // Digits with shift, where the layout has them so.
        {"fr", NH_TYPIST_UNICODE_LINUX, "STRING \xc3\x9f",
         "@0 03:18|@8 00|@16 00:07|@24 00|@32 00:09|@40 00|@48 00:2c|@56 00|", "\xc3\x9f|", ""},
        {"us", 0, "", "", "", ""},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        play_begin(rows[i].layout, rows[i].unicode);
        assert_int_equal(nh_typist_post(play.t, span(rows[i].script), 7, play.now_ms), 0);
        play_on();
        if (strcmp(play.log, rows[i].reports) != 0 || strcmp(play.typed, rows[i].typed) != 0 ||
            strcmp(play.faults, rows[i].faults) != 0)
            fail_msg("%s\n%s\n%s %s", rows[i].script, play.log, play.typed, play.faults);
        play_end();
    }
}

// A long delay holds nobody up: a tick returns at once, and the deadline is the delay's end.
static void test_delay_does_not_block(void **state)
{
    (void)state;
    play_begin("us", 0);
    assert_int_equal(nh_typist_post(play.t, span("DELAY 4294967295\na"), 7, play.now_ms), 0);
    nh_typist_tick(play.t, play.now_ms);
    assert_int_equal(nh_typist_next_deadline(play.t), play.now_ms + UINT32_MAX);
    nh_typist_tick(play.t, play.now_ms + 1000000);
    assert_string_equal(play.log, "");
    assert_int_equal(nh_typist_stop(play.t), 1);
    assert_int_equal(nh_typist_next_deadline(play.t), NH_NEVER);
    play_end();
}

static void test_queue(void **state)
{
    struct nh_typist_info info;
    (void)state;
    play_begin("us", 0);
    assert_int_equal(nh_typist_post(play.t, span("HOLD SHIFT\nSTRING a"), 7, 1000), 0);
    assert_int_equal(nh_typist_post(play.t, span("b"), 7, 1000), 0);
    assert_int_equal(nh_typist_post(play.t, span("c"), 7, 1000), NH_ERR_FULL);
    play_on();
    assert_string_equal(play.log, "@0 02|@8 02:04|@16 02|@32 00|@32 00:05|@40 00|");
    nh_typist_info(play.t, &info);
    assert_int_equal(info.scripts, 2);
    assert_int_equal(info.queue_full, 1);
    assert_int_equal(info.waiting, 0);
    play_end();
}

// Broken off at any time, everything is up at the end.
static void test_stop(void **state)
{
    (void)state;
    for (uint64_t at = 0; at < 60; at += 4) {
        play_begin("us", 0);
        play.now_ms = play.begin_ms;
        assert_int_equal(
            nh_typist_post(play.t, span("HOLD CTRL\nALT a\nMUTE\nSTRING xyz"), 7, 1000), 0);
        assert_int_equal(nh_typist_post(play.t, span("b"), 7, 1000), 0);
        for (; play.now_ms < play.begin_ms + at; play.now_ms++)
            nh_typist_tick(play.t, play.now_ms);
        assert_int_equal(nh_typist_stop(play.t), 2);
        size_t len = strlen(play.log);
        if (len > 0) {
            const char *consumer = strstr(play.log, "C0000|");
            assert_non_null(consumer);
            assert_string_equal(play.log + len - 6, "C0000|");
            while (len > 0 && strncmp(play.log + len - 4, " 00|", 4) != 0)
                len--;
            assert_true(len > 0);
        }
        play_end();
    }
}

// The host goes in the middle: the script is dropped, the next one is tried.
static void test_host_gone(void **state)
{
    struct nh_typist_info info;
    (void)state;
    play_begin("us", 0);
    play.reports_left = 3;
    assert_int_equal(nh_typist_post(play.t, span("STRING abcdef"), 7, 1000), 0);
    assert_int_equal(nh_typist_post(play.t, span("STRING g"), 7, 1000), 0);
    play_on();
    assert_string_equal(play.log, "@0 00:04|@8 00|@16 00:05|");
    nh_typist_info(play.t, &info);
    assert_int_equal(info.broken_off, 2);
    play_end();
}

// One report is not taken, whichever: at the end the host holds nothing down.
static void test_no_key_stays_down(void **state)
{
    static const char *const rows[] = {"STRING a", "CTRL a", "HOLD SHIFT\nSTRING a\nRELEASE",
                                       "MUTE", "a\nMUTE"};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        for (uint32_t at = 1; at < 9; at++) {
            play_begin("us", 0);
            play.fails_at = at;
            assert_int_equal(nh_typist_post(play.t, span(rows[i]), 7, 1000), 0);
            play_on();
            if (play.has_keys_down || play.has_consumer_down)
                fail_msg("row %u, report %u: %s", (unsigned)i, (unsigned)at, play.log);
            play_end();
        }
}

static void test_long_script(void **state)
{
    static char text[1000];
    (void)state;
    play_begin("us", 0);
    memset(text, 'a', sizeof text - 1);
    memcpy(text, "STRING ", 7);
    assert_int_equal(nh_typist_post(play.t, span(text), 7, 1000), 0);
    play_on();
    // A line of 255 bytes at most.
    assert_int_equal(strlen(play.typed), NH_KEY_LINE_MAX_BYTES - 7 + 1);
    assert_int_equal(strncmp(play.faults, "1 Too long", 10), 0);
    play_end();
}

static void test_each_allocation_fails(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 3; n++) {
        struct mem_fixture m;
        nh_typist_t *t;
        mem_fixture_init(&m, NULL);
        mem_fixture_fail_nth(&m, n);
        const struct nh_typist_config cfg = {.mem = m.mem, .layout = nh_key_layout_at(0)};
        assert_int_equal(nh_typist_create(&cfg, &t), NH_ERR_NOMEM);
        assert_null(t);
        mem_fixture_deinit(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reports),
        cmocka_unit_test(test_descriptor),
        cmocka_unit_test(test_layouts),
        cmocka_unit_test(test_layouts_are_whole),
        cmocka_unit_test(test_code_points),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_all_words),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_typing),
        cmocka_unit_test(test_delay_does_not_block),
        cmocka_unit_test(test_queue),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_host_gone),
        cmocka_unit_test(test_no_key_stays_down),
        cmocka_unit_test(test_long_script),
        cmocka_unit_test(test_each_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
