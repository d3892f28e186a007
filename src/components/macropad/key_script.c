#include "components/macropad/key_script.h"

#include "components/macropad/hid_report.h"
#include "core/base/utf8.h"

#include <string.h>

// ---- words -------------------------------------------------------------------------------------

struct word {
    const char *name;
    uint16_t code;
};

// Of several names for one thing the first is the one that is shown.
static const struct word modifiers[] = {
    {"CTRL", NH_HID_LEFT_CTRL},   {"CONTROL", NH_HID_LEFT_CTRL}, {"SHIFT", NH_HID_LEFT_SHIFT},
    {"ALT", NH_HID_LEFT_ALT},     {"OPTION", NH_HID_LEFT_ALT},   {"GUI", NH_HID_LEFT_GUI},
    {"WIN", NH_HID_LEFT_GUI},     {"WINDOWS", NH_HID_LEFT_GUI},  {"CMD", NH_HID_LEFT_GUI},
    {"COMMAND", NH_HID_LEFT_GUI}, {"RCTRL", NH_HID_RIGHT_CTRL},  {"RSHIFT", NH_HID_RIGHT_SHIFT},
    {"ALTGR", NH_HID_RIGHT_ALT},  {"RALT", NH_HID_RIGHT_ALT},    {"RGUI", NH_HID_RIGHT_GUI},
    {"RWIN", NH_HID_RIGHT_GUI},   {"RCMD", NH_HID_RIGHT_GUI},    {NULL, 0},
};

static const struct word keys[] = {
    {"ENTER", NH_HID_ENTER},
    {"RETURN", NH_HID_ENTER},
    {"TAB", NH_HID_TAB},
    {"ESC", NH_HID_ESCAPE},
    {"ESCAPE", NH_HID_ESCAPE},
    {"BACKSPACE", NH_HID_BACKSPACE},
    {"BKSP", NH_HID_BACKSPACE},
    {"SPACE", NH_HID_SPACE},
    {"UP", NH_HID_UP},
    {"UPARROW", NH_HID_UP},
    {"DOWN", NH_HID_DOWN},
    {"DOWNARROW", NH_HID_DOWN},
    {"LEFT", NH_HID_LEFT},
    {"LEFTARROW", NH_HID_LEFT},
    {"RIGHT", NH_HID_RIGHT},
    {"RIGHTARROW", NH_HID_RIGHT},
    {"HOME", NH_HID_HOME},
    {"END", NH_HID_END},
    {"PAGEUP", NH_HID_PAGE_UP},
    {"PAGEDOWN", NH_HID_PAGE_DOWN},
    {"DELETE", NH_HID_DELETE},
    {"DEL", NH_HID_DELETE},
    {"INSERT", NH_HID_INSERT},
    {"INS", NH_HID_INSERT},
    {"PRINTSCREEN", NH_HID_PRINT_SCREEN},
    {"PRTSC", NH_HID_PRINT_SCREEN},
    {"SCROLLLOCK", NH_HID_SCROLL_LOCK},
    {"PAUSE", NH_HID_PAUSE},
    {"BREAK", NH_HID_PAUSE},
    {"CAPSLOCK", NH_HID_CAPS_LOCK},
    {"NUMLOCK", NH_HID_NUM_LOCK},
    {"MENU", NH_HID_MENU},
    {"APP", NH_HID_MENU},
    {"NUMENTER", NH_HID_PAD_ENTER},
    {"NUMPLUS", NH_HID_PAD_PLUS},
    {"NUMMINUS", NH_HID_PAD_MINUS},
    {"NUMTIMES", NH_HID_PAD_MULTIPLY},
    {"NUMDIVIDE", NH_HID_PAD_DIVIDE},
    {"NUMPOINT", NH_HID_PAD_POINT},
    {"NUM0", NH_HID_PAD_0},
    {NULL, 0},
};

// Families of keys with a number behind their name.
static const struct {
    const char *name;
    uint16_t first, last, code; // F1 to F12, and the code of the first
} families[] = {{"F", 1, 12, NH_HID_F1}, {"F", 13, 24, NH_HID_F13}, {"NUM", 1, 9, NH_HID_PAD_1}};

static const struct word consumers[] = {
    {"VOLUMEUP", NH_HID_VOLUME_UP},
    {"VOLUMEDOWN", NH_HID_VOLUME_DOWN},
    {"MUTE", NH_HID_MUTE},
    {"PLAYPAUSE", NH_HID_PLAY_PAUSE},
    {"NEXTTRACK", NH_HID_NEXT_TRACK},
    {"NEXT", NH_HID_NEXT_TRACK},
    {"PREVTRACK", NH_HID_PREVIOUS_TRACK},
    {"PREV", NH_HID_PREVIOUS_TRACK},
    {"STOP", NH_HID_STOP},
    {"WWWHOME", NH_HID_WWW_HOME},
    {"MYCOMPUTER", NH_HID_MY_COMPUTER},
    {"CALCULATOR", NH_HID_CALCULATOR},
    {"FAVORITES", NH_HID_FAVORITES},
    {"SEARCH", NH_HID_SEARCH},
    {"BROWSERSTOP", NH_HID_BROWSER_STOP},
    {"BROWSERBACK", NH_HID_BROWSER_BACK},
    {"MEDIASELECT", NH_HID_MEDIA_SELECT},
    {"MAIL", NH_HID_MAIL},
    {NULL, 0},
};

enum verb {
    VERB_REM,
    VERB_STRING,
    VERB_STRINGLN,
    VERB_DELAY,
    VERB_DEFAULT_DELAY,
    VERB_REPEAT,
    VERB_HOLD,
    VERB_RELEASE,
    VERB_LAYOUT,
};
static const struct word verbs[] = {
    {"REM", VERB_REM},
    {"STRING", VERB_STRING},
    {"STRINGLN", VERB_STRINGLN},
    {"DELAY", VERB_DELAY},
    {"DEFAULT_DELAY", VERB_DEFAULT_DELAY},
    {"DEFAULTDELAY", VERB_DEFAULT_DELAY},
    {"REPEAT", VERB_REPEAT},
    {"HOLD", VERB_HOLD},
    {"RELEASE", VERB_RELEASE},
    {"LAYOUT", VERB_LAYOUT},
    {NULL, 0},
};

static const char *const fault_texts[NH_KEY_FAULT_COUNT] = {
    [NH_KEY_OK] = "",
    [NH_KEY_UNKNOWN_TOKEN] = "Unknown token",
    [NH_KEY_NO_NUMBER] = "Needs a number above 0",
    [NH_KEY_NO_TEXT] = "Needs a text",
    [NH_KEY_NO_KEY] = "Needs a key",
    [NH_KEY_NO_LAYOUT] = "Unknown layout",
    [NH_KEY_NO_COMMAND] = "Nothing to repeat",
    [NH_KEY_NOT_ON_LAYOUT] = "No key of the layout makes this",
    [NH_KEY_TOO_LONG] = "Too long: the rest is not read",
    [NH_KEY_LEFT_OUT] = "Left out",
};

const char *nh_key_fault_text(enum nh_key_fault f)
{
    return (unsigned)f < NH_KEY_FAULT_COUNT ? fault_texts[f] : "";
}

static char upper(uint8_t c)
{
    return (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

static bool is_word(nh_span_t t, const char *name)
{
    size_t i = 0;
    for (; i < t.len && name[i]; i++)
        if (upper(t.ptr[i]) != name[i])
            return false;
    return i == t.len && !name[i];
}

static const struct word *find(const struct word *words, nh_span_t t)
{
    for (; words->name; words++)
        if (is_word(t, words->name))
            return words;
    return NULL;
}

// ---- lines and tokens --------------------------------------------------------------------------

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

static bool is_end(uint8_t c)
{
    return c == '\r' || c == '\n';
}

static nh_span_t trim_left(nh_span_t s)
{
    while (s.len && is_blank(s.ptr[0]))
        s = (nh_span_t){s.ptr + 1, s.len - 1};
    return s;
}

static nh_span_t trim(nh_span_t s)
{
    s = trim_left(s);
    while (s.len && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

// Cut before what is not a whole character within `max` bytes.
static nh_span_t cut(nh_span_t s, size_t max)
{
    if (s.len > max) {
        s.len = max;
        while (s.len && (s.ptr[s.len] & 0xC0) == 0x80)
            s.len--;
    }
    return s;
}

bool nh_key_script_next(nh_span_t script, size_t *at, nh_span_t *line)
{
    size_t len = cut(script, NH_KEY_SCRIPT_MAX_BYTES).len, begin = *at, end;
    if (begin >= len)
        return false;
    for (end = begin; end < len && !is_end(script.ptr[end]);)
        end++;
    *line = trim((nh_span_t){script.ptr + begin, end - begin});
    if (end + 1 < len && script.ptr[end] == '\r' && script.ptr[end + 1] == '\n')
        end++;
    *at = end + 1;
    return true;
}

static nh_span_t take_token(nh_span_t *rest)
{
    nh_span_t t = trim_left(*rest);
    size_t n = 0;
    while (n < t.len && !is_blank(t.ptr[n]))
        n++;
    *rest = trim_left((nh_span_t){t.ptr + n, t.len - n});
    t.len = n;
    return t;
}

// ---- commands ----------------------------------------------------------------------------------

static void fault(struct nh_key_line *l, enum nh_key_fault f, nh_span_t token)
{
    l->fault = f;
    l->token = token;
    if (f != NH_KEY_LEFT_OUT && f != NH_KEY_TOO_LONG)
        l->command = NH_KEY_NOTHING;
}

// All of the token is a number above 0 that fits.
static bool number(nh_span_t t, uint32_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < t.len; i++) {
        if (t.ptr[i] < '0' || t.ptr[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(t.ptr[i] - '0');
        if (v > UINT32_MAX)
            return false;
    }
    *out = (uint32_t)v;
    return v > 0;
}

static void read_number(struct nh_key_line *l, nh_span_t word, nh_span_t rest)
{
    nh_span_t t = take_token(&rest);
    bool is_good = number(t, &l->number);
    if (!is_good || (l->command == NH_KEY_REPEAT && l->number > NH_KEY_REPEAT_MAX))
        fault(l, NH_KEY_NO_NUMBER, t.len ? t : word);
    else if (rest.len)
        fault(l, NH_KEY_LEFT_OUT, rest);
}

static bool read_family(nh_span_t t, uint16_t *code)
{
    uint32_t n;
    for (size_t i = 0; i < NH_ARRAY_LEN(families); i++) {
        size_t len = strlen(families[i].name);
        if (t.len <= len || t.ptr[len] == '0' ||
            !is_word((nh_span_t){t.ptr, len}, families[i].name) ||
            !number((nh_span_t){t.ptr + len, t.len - len}, &n) || n < families[i].first ||
            n > families[i].last)
            continue;
        *code = (uint16_t)(families[i].code + n - families[i].first);
        return true;
    }
    return false;
}

static bool read_key(struct nh_key_line *l, nh_span_t t)
{
    const struct word *w = find(keys, t), *c = find(consumers, t);
    if (w || c) {
        l->kind = w ? NH_KEY_USAGE : NH_KEY_CONSUMER;
        l->code = w ? w->code : c->code;
        return true;
    }
    l->kind = NH_KEY_USAGE;
    if (read_family(t, &l->code))
        return true;
    l->kind = NH_KEY_CHARACTER;
    return nh_key_code_point(t.ptr, t.len, &l->character) == t.len;
}

static void read_chord(struct nh_key_line *l, enum nh_key_command command, nh_span_t rest)
{
    nh_span_t left_out = {NULL, 0};
    l->command = command;
    while (rest.len) {
        nh_span_t t = take_token(&rest);
        const struct word *m = find(modifiers, t);
        if (m && l->modifier_count == NH_KEY_MODIFIER_MAX_COUNT) {
            left_out = t;
        } else if (m) {
            l->modifiers[l->modifier_count++] = (uint8_t)m->code;
        } else if (read_key(l, t)) {
            left_out = rest.len ? rest : left_out;
            break;
        } else {
            l->kind = NH_KEY_NO_KIND;
            fault(l, NH_KEY_UNKNOWN_TOKEN, t);
            return;
        }
    }
    if (left_out.len)
        fault(l, NH_KEY_LEFT_OUT, left_out);
}

static void read_verb(struct nh_key_line *l, enum verb verb, nh_span_t word, nh_span_t rest)
{
    switch (verb) {
    case VERB_REM:
        break;
    case VERB_STRING:
    case VERB_STRINGLN:
        l->command = NH_KEY_TEXT;
        l->text = rest;
        l->is_line = verb == VERB_STRINGLN;
        if (!rest.len && !l->is_line)
            fault(l, NH_KEY_NO_TEXT, word);
        break;
    case VERB_DELAY:
    case VERB_DEFAULT_DELAY:
    case VERB_REPEAT:
        l->command = verb == VERB_DELAY    ? NH_KEY_DELAY
                     : verb == VERB_REPEAT ? NH_KEY_REPEAT
                                           : NH_KEY_DEFAULT_DELAY;
        read_number(l, word, rest);
        break;
    case VERB_HOLD:
        read_chord(l, NH_KEY_HOLD, rest);
        if (!rest.len)
            fault(l, NH_KEY_NO_KEY, word);
        break;
    case VERB_RELEASE:
        l->command = NH_KEY_RELEASE;
        if (rest.len)
            fault(l, NH_KEY_LEFT_OUT, rest);
        break;
    case VERB_LAYOUT:
        l->command = NH_KEY_LAYOUT;
        l->layout = nh_key_layout_find(rest);
        if (!l->layout)
            fault(l, NH_KEY_NO_LAYOUT, rest.len ? rest : word);
        break;
    }
}

static bool is_comment(nh_span_t line)
{
    return line.len == 0 || line.ptr[0] == '#' ||
           (line.len >= 2 && line.ptr[0] == '/' && line.ptr[1] == '/');
}

void nh_key_line_read(nh_span_t line, struct nh_key_line *out)
{
    nh_span_t rest = cut(line, NH_KEY_LINE_MAX_BYTES);
    bool is_cut = rest.len < line.len;
    *out = (struct nh_key_line){.command = NH_KEY_NOTHING};
    if (is_comment(line))
        return;
    nh_span_t all = rest, word = take_token(&rest);
    const struct word *v = find(verbs, word);
    if (v)
        read_verb(out, (enum verb)v->code, word, rest);
    else
        read_chord(out, NH_KEY_CHORD, all);
    if (is_cut && out->fault == NH_KEY_OK)
        fault(out, NH_KEY_TOO_LONG, (nh_span_t){line.ptr + all.len, line.len - all.len});
}

// ---- the whole script --------------------------------------------------------------------------

struct checking {
    const uint8_t *line; // where it begins
    const nh_key_layout_t *layout;
    bool types_all;
    nh_key_finding_fn finding;
    void *ctx;
    uint32_t number, count;
};

static void tell(struct checking *c, enum nh_key_fault f, nh_span_t token)
{
    uint32_t column = token.ptr ? (uint32_t)(token.ptr - c->line) + 1 : 1;
    c->count++;
    if (c->finding)
        c->finding(c->ctx, f, c->number, column, token);
}

static void check_text(struct checking *c, nh_span_t text)
{
    struct nh_key_stroke strokes[NH_KEY_STROKES_MAX];
    uint32_t character;
    for (size_t i = 0, n; i < text.len; i += n) {
        n = nh_key_code_point(text.ptr + i, text.len - i, &character);
        if (nh_key_layout_strokes(c->layout, character, strokes) == 0 && !c->types_all)
            tell(c, NH_KEY_NOT_ON_LAYOUT, (nh_span_t){text.ptr + i, n});
    }
}

// With others a key is one stroke; alone it may be any character that can be typed.
static bool can_type(const struct checking *c, const struct nh_key_line *l)
{
    struct nh_key_stroke strokes[NH_KEY_STROKES_MAX];
    size_t count = nh_key_layout_strokes(c->layout, l->character, strokes);
    if (l->command == NH_KEY_CHORD && l->modifier_count == 0)
        return count > 0 || c->types_all;
    return count == 1;
}

static void check_line(struct checking *c, nh_span_t line, bool *has_command)
{
    struct nh_key_line l;
    nh_key_line_read(line, &l);
    if (l.fault != NH_KEY_OK)
        tell(c, l.fault, l.token);
    if (l.command == NH_KEY_TEXT)
        check_text(c, l.text);
    if (l.command == NH_KEY_LAYOUT)
        c->layout = l.layout;
    if (l.command == NH_KEY_REPEAT && !*has_command)
        tell(c, NH_KEY_NO_COMMAND, line);
    if (l.command == NH_KEY_HOLD && l.kind == NH_KEY_CONSUMER)
        tell(c, NH_KEY_NO_KEY, line);
    if (l.kind == NH_KEY_CHARACTER && !can_type(c, &l))
        tell(c, NH_KEY_NOT_ON_LAYOUT, line);
    *has_command = *has_command || (l.command != NH_KEY_NOTHING && l.command != NH_KEY_REPEAT);
}

uint32_t nh_key_script_check(nh_span_t script, const nh_key_layout_t *layout, bool types_all,
                             nh_key_finding_fn finding, void *ctx)
{
    struct checking c = {script.ptr, layout, types_all, finding, ctx, 0, 0};
    bool has_command = false;
    nh_span_t line;
    size_t at = 0, begin = 0;
    while (nh_key_script_next(script, &at, &line)) {
        c.number++;
        c.line = script.ptr + begin;
        begin = at;
        check_line(&c, line, &has_command);
    }
    size_t len = cut(script, NH_KEY_SCRIPT_MAX_BYTES).len;
    if (len < script.len)
        tell(&c, NH_KEY_TOO_LONG, (nh_span_t){script.ptr + len, script.len - len});
    return c.count;
}

// ---- for people --------------------------------------------------------------------------------

struct out {
    char *ptr;
    size_t cap, len;
};

static void put(struct out *o, const char *text, size_t len)
{
    if (o->len && o->len + 1 < o->cap)
        o->ptr[o->len++] = '+';
    for (size_t i = 0; i < len && o->len + 1 < o->cap; i++)
        o->ptr[o->len++] = text[i];
}

static const char *name_of(const struct word *words, uint16_t code)
{
    for (; words->name; words++)
        if (words->code == code)
            return words->name;
    return NULL;
}

static void put_numbered(struct out *o, uint16_t code)
{
    char text[8];
    for (size_t i = 0; i < NH_ARRAY_LEN(families); i++) {
        uint32_t n = (uint32_t)code - families[i].code + families[i].first;
        if (code < families[i].code || n > families[i].last)
            continue;
        size_t len = strlen(families[i].name);
        memcpy(text, families[i].name, len);
        if (n >= 10)
            text[len++] = (char)('0' + n / 10);
        text[len++] = (char)('0' + n % 10);
        put(o, text, len);
        return;
    }
}

static void put_character(struct out *o, uint32_t c)
{
    char text[4];
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len; i-- > 1; c >>= 6)
        text[i] = (char)(0x80 | (c & 0x3F));
    text[0] = (char)(lead[len] | c);
    put(o, text, len);
}

size_t nh_key_chord_text(const struct nh_key_line *l, char *out, size_t cap)
{
    struct out o = {out, cap, 0};
    for (unsigned i = 0; i < l->modifier_count; i++) {
        const char *name = name_of(modifiers, l->modifiers[i]);
        put(&o, name, strlen(name));
    }
    if (l->kind == NH_KEY_CHARACTER) {
        put_character(&o, l->character);
    } else if (l->kind != NH_KEY_NO_KIND) {
        const char *name = name_of(l->kind == NH_KEY_USAGE ? keys : consumers, l->code);
        if (name)
            put(&o, name, strlen(name));
        else
            put_numbered(&o, l->code);
    }
    out[o.len] = '\0';
    o.len = nh_utf8_valid_len(out, o.len, true); // a character that did not fit whole
    out[o.len] = '\0';
    return o.len;
}
