// A command becomes *beats*: what is down, and for how long. A chord or a character makes some, at
// most BEAT_MAX; a text makes those of a character at a time.

#include "components/macropad/typist.h"

#include "core/base/utf8.h"

#include <string.h>

#define BEAT_MAX 32u // Unicode on Linux: a chord, six digits, a blank, each down and up
#define QUEUE_DEFAULT 8u
#define QUEUE_MAX 64u
#define KEY_MS_DEFAULT 8u
#define TURN_MAX 64u // beats without a pause in one tick, so that nothing turns for ever

struct beat {
    uint8_t modifiers, usage; // beside what is held; usage 0: none
    bool is_consumer;
    uint16_t consumer;
    uint32_t ms;
};

struct script {
    uint32_t origin;
    uint16_t len;
    uint8_t text[NH_KEY_SCRIPT_MAX_BYTES];
};

struct nh_typist {
    struct nh_typist_config cfg;
    struct nh_typist_info info;
    uint64_t due_ms;

    // The queue: a ring; the first is the one that is typed.
    uint32_t first;
    struct script *scripts;

    // Of the script at hand.
    size_t at;       // in it, of the next line
    uint32_t number; // of the line at hand
    const nh_key_layout_t *layout;
    uint32_t default_delay_ms;
    struct nh_hid_keys held;
    struct nh_key_line line;   // the command at hand
    struct nh_key_line before; // the last one, for REPEAT
    uint32_t repeats;          // of `line`, still to do
    size_t text_at;            // in a text at hand
    bool is_in_text, is_script;
    bool is_after; // a command was done, and its default delay is to come
    // Whether the host holds something down, as far as it took the reports. A report that failed
    // may have come through or not: then what was down before counts as down still.
    bool has_keys_down, has_consumer_down;

    struct beat beats[BEAT_MAX];
    uint32_t beat, beat_count;
};

// ---- life --------------------------------------------------------------------------------------

int nh_typist_create(const struct nh_typist_config *cfg, nh_typist_t **out)
{
    *out = NULL;
    if (cfg->queue_max > QUEUE_MAX)
        return NH_ERR_RANGE;
    nh_typist_t *t = nh_mem_alloc_zero(cfg->mem, sizeof *t, NH_MEM_BULK);
    if (!t)
        return NH_ERR_NOMEM;
    t->cfg = *cfg;
    if (!t->cfg.queue_max)
        t->cfg.queue_max = QUEUE_DEFAULT;
    if (!t->cfg.key_ms)
        t->cfg.key_ms = KEY_MS_DEFAULT;
    t->scripts = nh_mem_alloc(cfg->mem, t->cfg.queue_max * sizeof *t->scripts, NH_MEM_BULK);
    if (!t->scripts) {
        nh_mem_free(cfg->mem, t);
        return NH_ERR_NOMEM;
    }
    t->due_ms = NH_NEVER;
    *out = t;
    return 0;
}

void nh_typist_destroy(nh_typist_t *t)
{
    if (!t)
        return;
    nh_mem_free(t->cfg.mem, t->scripts);
    nh_mem_free(t->cfg.mem, t);
}

static struct script *script(nh_typist_t *t)
{
    return &t->scripts[t->first];
}

// ---- reports -----------------------------------------------------------------------------------

static int put_report(nh_typist_t *t, const uint8_t *report, size_t len, bool is_down,
                      bool *was_down)
{
    *was_down = *was_down || is_down;
    t->info.reports++;
    int err = t->cfg.report(t->cfg.ctx, report, len);
    if (err >= 0)
        *was_down = is_down;
    return err;
}

static int send_keys(nh_typist_t *t, uint8_t modifiers, uint8_t usage)
{
    static const struct nh_hid_keys none;
    uint8_t report[NH_HID_KEYBOARD_BYTES];
    struct nh_hid_keys keys = t->held;
    keys.modifiers |= modifiers;
    for (size_t i = 0; usage && i < NH_HID_KEY_COUNT; i++) {
        if (keys.usages[i] == usage)
            break; // it is held already
        if (keys.usages[i])
            continue;
        keys.usages[i] = usage;
        break;
    }
    nh_hid_keyboard_report(&keys, report);
    bool is_down = memcmp(&keys, &none, sizeof none) != 0;
    return put_report(t, report, sizeof report, is_down, &t->has_keys_down);
}

static int send_consumer(nh_typist_t *t, uint16_t bits)
{
    uint8_t report[NH_HID_CONSUMER_BYTES];
    nh_hid_consumer_report(bits, report);
    return put_report(t, report, sizeof report, bits != 0, &t->has_consumer_down);
}

static int send_beat(nh_typist_t *t, const struct beat *b)
{
    return b->is_consumer ? send_consumer(t, b->consumer) : send_keys(t, b->modifiers, b->usage);
}

// ---- beats -------------------------------------------------------------------------------------

static void add(nh_typist_t *t, uint8_t modifiers, uint8_t usage, uint32_t ms)
{
    NH_ASSERT(t->beat_count < BEAT_MAX);
    t->beats[t->beat_count++] = (struct beat){.modifiers = modifiers, .usage = usage, .ms = ms};
}

static void add_consumer(nh_typist_t *t, uint16_t bits)
{
    NH_ASSERT(t->beat_count + 2 <= BEAT_MAX);
    t->beats[t->beat_count++] =
        (struct beat){.is_consumer = true, .consumer = bits, .ms = t->cfg.key_ms};
    t->beats[t->beat_count++] = (struct beat){.is_consumer = true, .ms = t->cfg.key_ms};
}

// Down with its modifiers, up with them.
static void add_stroke(nh_typist_t *t, struct nh_key_stroke s)
{
    add(t, s.modifiers, s.usage, t->cfg.key_ms);
    add(t, 0, 0, t->cfg.key_ms);
}

// While `modifiers` stay down.
static void add_tap(nh_typist_t *t, uint8_t modifiers, struct nh_key_stroke s)
{
    add(t, modifiers | s.modifiers, s.usage, t->cfg.key_ms);
    add(t, modifiers, 0, t->cfg.key_ms);
}

static bool add_digit(nh_typist_t *t, uint8_t modifiers, uint32_t digit)
{
    struct nh_key_stroke s[NH_KEY_STROKES_MAX];
    if (t->cfg.unicode == NH_TYPIST_UNICODE_WINDOWS && digit < 10) { // there only those of the pad
        uint32_t usage = digit ? NH_HID_PAD_1 + digit - 1 : NH_HID_PAD_0;
        add_tap(t, modifiers, (struct nh_key_stroke){(uint8_t)usage, 0});
        return true;
    }
    if (nh_key_layout_strokes(t->layout, (uint32_t) "0123456789abcdef"[digit], s) != 1)
        return false;
    add_tap(t, modifiers, s[0]);
    return true;
}

static bool add_number(nh_typist_t *t, uint8_t modifiers, uint32_t number, unsigned digits_min)
{
    bool is_good = true;
    unsigned digits = digits_min;
    while (digits < 8 && number >> (4 * digits))
        digits++;
    while (digits-- > 0)
        is_good = add_digit(t, modifiers, number >> (4 * digits) & 0xF) && is_good;
    return is_good;
}

static bool add_linux(nh_typist_t *t, uint32_t c)
{
    struct nh_key_stroke u[NH_KEY_STROKES_MAX];
    if (nh_key_layout_strokes(t->layout, 'u', u) != 1)
        return false;
    u[0].modifiers = NH_HID_LEFT_CTRL | NH_HID_LEFT_SHIFT;
    add_stroke(t, u[0]);
    bool is_good = add_number(t, 0, c, 1);
    add_stroke(t, (struct nh_key_stroke){NH_HID_SPACE, 0});
    return is_good;
}

static bool add_windows(nh_typist_t *t, uint32_t c)
{
    if (c > 0xFFFF)
        return false;
    add(t, NH_HID_LEFT_ALT, 0, t->cfg.key_ms);
    add_tap(t, NH_HID_LEFT_ALT, (struct nh_key_stroke){NH_HID_PAD_PLUS, 0});
    bool is_good = add_number(t, NH_HID_LEFT_ALT, c, 1);
    add(t, 0, 0, t->cfg.key_ms);
    return is_good;
}

static bool add_mac(nh_typist_t *t, uint32_t c)
{
    bool is_good = true;
    add(t, NH_HID_LEFT_ALT, 0, t->cfg.key_ms);
    if (c > 0xFFFF) {
        c -= 0x10000;
        is_good = add_number(t, NH_HID_LEFT_ALT, 0xD800 + (c >> 10), 4);
        c = 0xDC00 + (c & 0x3FF);
    }
    is_good = add_number(t, NH_HID_LEFT_ALT, c, 4) && is_good;
    add(t, 0, 0, t->cfg.key_ms);
    return is_good;
}

static bool add_unicode(nh_typist_t *t, uint32_t c)
{
    bool is_good = t->cfg.unicode == NH_TYPIST_UNICODE_LINUX     ? add_linux(t, c)
                   : t->cfg.unicode == NH_TYPIST_UNICODE_WINDOWS ? add_windows(t, c)
                   : t->cfg.unicode == NH_TYPIST_UNICODE_MAC     ? add_mac(t, c)
                                                                 : false;
    if (!is_good)
        t->beat_count = 0;
    return is_good;
}

static void tell_fault(nh_typist_t *t, enum nh_key_fault f, nh_span_t token)
{
    if (t->cfg.fault)
        t->cfg.fault(t->cfg.ctx, script(t)->origin, f, t->number, token);
}

static void add_character(nh_typist_t *t, uint32_t c, nh_span_t token)
{
    struct nh_key_stroke s[NH_KEY_STROKES_MAX];
    size_t count = nh_key_layout_strokes(t->layout, c, s);
    for (size_t i = 0; i < count; i++)
        add_stroke(t, s[i]);
    if (count > 0 || add_unicode(t, c))
        return;
    t->info.characters_left_out++;
    tell_fault(t, NH_KEY_NOT_ON_LAYOUT, token);
}

// ---- commands ----------------------------------------------------------------------------------

static bool is_letter(uint32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// The stroke of a chord's key. With modifiers a letter is its key, whatever its case: CTRL C is no
// CTRL SHIFT c. False: there is no single one.
static bool chord_stroke(nh_typist_t *t, const struct nh_key_line *l, struct nh_key_stroke *out)
{
    struct nh_key_stroke s[NH_KEY_STROKES_MAX];
    *out = (struct nh_key_stroke){(uint8_t)l->code, 0};
    if (l->kind != NH_KEY_CHARACTER)
        return true;
    if (nh_key_layout_strokes(t->layout, l->character, s) != 1)
        return false;
    *out = s[0];
    if (l->modifier_count > 0 && is_letter(l->character))
        out->modifiers = 0;
    return true;
}

static void begin_chord(nh_typist_t *t)
{
    const struct nh_key_line *l = &t->line;
    struct nh_key_stroke s;
    uint8_t modifiers = 0;
    if (l->kind == NH_KEY_CHARACTER && l->modifier_count == 0) {
        add_character(t, l->character, l->token);
        return;
    }
    if (l->kind == NH_KEY_CHARACTER && !chord_stroke(t, l, &s)) {
        t->info.characters_left_out++;
        tell_fault(t, NH_KEY_NOT_ON_LAYOUT, l->token);
        return;
    }
    for (unsigned i = 0; i < l->modifier_count; i++) {
        modifiers |= l->modifiers[i];
        add(t, modifiers, 0, 0);
    }
    if (l->kind == NH_KEY_CONSUMER)
        add_consumer(t, l->code);
    else if (l->kind != NH_KEY_NO_KIND && chord_stroke(t, l, &s))
        add_tap(t, modifiers, s);
    else
        t->beats[t->beat_count - 1].ms = t->cfg.key_ms; // modifiers alone are a tap as well
    if (l->modifier_count > 0)
        add(t, 0, 0, t->cfg.key_ms);
}

static void begin_hold(nh_typist_t *t)
{
    const struct nh_key_line *l = &t->line;
    struct nh_key_stroke s = {0, 0};
    if (l->kind == NH_KEY_CONSUMER || !chord_stroke(t, l, &s)) {
        bool is_consumer = l->kind == NH_KEY_CONSUMER;
        tell_fault(t, is_consumer ? NH_KEY_NO_KEY : NH_KEY_NOT_ON_LAYOUT, l->token);
        return;
    }
    for (unsigned i = 0; i < l->modifier_count; i++)
        t->held.modifiers |= l->modifiers[i];
    t->held.modifiers |= s.modifiers;
    for (size_t i = 0; l->kind != NH_KEY_NO_KIND && i < NH_HID_KEY_COUNT; i++)
        if (!t->held.usages[i] || t->held.usages[i] == s.usage) {
            t->held.usages[i] = s.usage;
            break;
        }
    add(t, 0, 0, t->cfg.key_ms);
}

static void tell_typed(nh_typist_t *t)
{
    char chord[96];
    if (!t->cfg.typed)
        return;
    nh_span_t text = t->line.text;
    bool is_chord = t->line.command != NH_KEY_TEXT;
    if (is_chord) {
        text.ptr = (const uint8_t *)chord;
        text.len = nh_key_chord_text(&t->line, chord, sizeof chord);
    }
    if (text.len)
        t->cfg.typed(t->cfg.ctx, script(t)->origin, is_chord, text);
}

// Begins the command in t->line: makes its beats, or the first of them.
static void begin(nh_typist_t *t)
{
    switch (t->line.command) {
    case NH_KEY_TEXT:
        tell_typed(t);
        t->is_in_text = true;
        t->text_at = 0;
        break;
    case NH_KEY_CHORD:
        tell_typed(t);
        begin_chord(t);
        break;
    case NH_KEY_HOLD:
        tell_typed(t);
        begin_hold(t);
        break;
    case NH_KEY_RELEASE:
        memset(&t->held, 0, sizeof t->held);
        add(t, 0, 0, t->cfg.key_ms);
        break;
    default:
        break;
    }
}

// The next character of the text at hand, or its end.
static void go_on_with_text(nh_typist_t *t, uint64_t now_ms)
{
    uint32_t c;
    nh_span_t text = t->line.text;
    if (t->text_at < text.len) {
        const uint8_t *p = text.ptr + t->text_at;
        size_t n = nh_key_code_point(p, text.len - t->text_at, &c);
        t->text_at += n;
        add_character(t, c, (nh_span_t){p, n});
        return;
    }
    t->is_in_text = false;
    if (t->line.is_line)
        add_stroke(t, (struct nh_key_stroke){NH_HID_ENTER, 0});
    t->due_ms = nh_ms_after(now_ms, t->cfg.key_ms);
}

// ---- scripts -----------------------------------------------------------------------------------

static void begin_script(nh_typist_t *t)
{
    t->is_script = true;
    t->at = 0;
    t->number = 0;
    t->layout = t->cfg.layout;
    t->default_delay_ms = 0;
    t->repeats = 0;
    t->before = (struct nh_key_line){.command = NH_KEY_NOTHING};
    t->is_in_text = t->is_after = false;
    t->beat = t->beat_count = 0;
    t->info.scripts++;
}

static bool is_something_down(const nh_typist_t *t)
{
    static const struct nh_hid_keys none;
    return memcmp(&t->held, &none, sizeof none) != 0 || t->beat < t->beat_count ||
           t->has_keys_down || t->has_consumer_down;
}

// The script at hand is over, or broken off.
static void end_script(nh_typist_t *t, bool is_broken_off)
{
    bool is_down = is_something_down(t);
    memset(&t->held, 0, sizeof t->held);
    t->beat = t->beat_count = 0;
    t->is_script = false;
    t->first = (t->first + 1) % t->cfg.queue_max;
    t->info.waiting--;
    t->info.broken_off += is_broken_off;
    // Whoever does not take these has let go of everything anyway.
    if (is_down)
        NH_IGNORE(send_keys(t, 0, 0));
    if (is_down && is_broken_off)
        NH_IGNORE(send_consumer(t, 0));
}

static void take(nh_typist_t *t, uint64_t now_ms)
{
    uint32_t wait_ms = t->line.command == NH_KEY_DELAY ? t->line.number : 0;
    begin(t);
    t->is_after = true;
    t->due_ms = nh_ms_after(now_ms, wait_ms);
}

static bool read_line(nh_typist_t *t)
{
    nh_span_t line, text = {script(t)->text, script(t)->len};
    struct nh_key_line l;
    if (!nh_key_script_next(text, &t->at, &line))
        return false;
    t->number++;
    nh_key_line_read(line, &l);
    if (l.fault != NH_KEY_OK)
        tell_fault(t, l.fault, l.token);
    if (l.fault == NH_KEY_OK)
        l.token = line; // what a fault found later would be told of
    if (l.command == NH_KEY_DEFAULT_DELAY) {
        t->default_delay_ms = l.number;
    } else if (l.command == NH_KEY_LAYOUT) {
        t->layout = l.layout;
    } else if (l.command == NH_KEY_REPEAT && t->before.command == NH_KEY_NOTHING) {
        tell_fault(t, NH_KEY_NO_COMMAND, line);
    } else if (l.command == NH_KEY_REPEAT) {
        t->line = t->before;
        t->repeats = l.number;
    } else if (l.command != NH_KEY_NOTHING) {
        t->line = t->before = l;
        t->repeats = 1;
    }
    return true;
}

// One step: a beat, a character, a command or a line. Sets due_ms.
static int step(nh_typist_t *t, uint64_t now_ms)
{
    if (!t->is_script)
        begin_script(t);
    if (t->beat < t->beat_count) {
        const struct beat *b = &t->beats[t->beat++];
        t->due_ms = nh_ms_after(now_ms, b->ms);
        return send_beat(t, b);
    }
    t->beat = t->beat_count = 0;
    if (t->is_in_text) {
        go_on_with_text(t, now_ms);
    } else if (t->is_after) {
        t->is_after = false;
        t->due_ms = nh_ms_after(now_ms, t->default_delay_ms);
    } else if (t->repeats > 0) {
        t->repeats--;
        take(t, now_ms);
    } else if (!read_line(t)) {
        end_script(t, false);
    }
    return 0;
}

void nh_typist_tick(nh_typist_t *t, uint64_t now_ms)
{
    for (unsigned i = 0; i < TURN_MAX && t->info.waiting > 0 && t->due_ms <= now_ms; i++)
        if (step(t, now_ms) < 0)
            end_script(t, true);
    if (t->info.waiting == 0)
        t->due_ms = NH_NEVER;
}

uint64_t nh_typist_next_deadline(const nh_typist_t *t)
{
    return t->info.waiting > 0 ? t->due_ms : NH_NEVER;
}

int nh_typist_post(nh_typist_t *t, nh_span_t text, uint32_t origin, uint64_t now_ms)
{
    if (t->info.waiting == t->cfg.queue_max) {
        t->info.queue_full++;
        return NH_ERR_FULL;
    }
    struct script *s = &t->scripts[(t->first + t->info.waiting) % t->cfg.queue_max];
    if (text.len > sizeof s->text)
        text.len = nh_utf8_valid_len(text.ptr, sizeof s->text, true);
    s->origin = origin;
    s->len = (uint16_t)text.len;
    memcpy(s->text, text.ptr, text.len);
    if (t->info.waiting++ == 0)
        t->due_ms = now_ms;
    return 0;
}

uint32_t nh_typist_stop(nh_typist_t *t)
{
    uint32_t count = t->info.waiting;
    while (t->info.waiting > 0)
        end_script(t, true);
    t->due_ms = NH_NEVER;
    return count;
}

bool nh_typist_types_all(const nh_typist_t *t)
{
    return t->cfg.unicode != NH_TYPIST_UNICODE_OFF;
}

const nh_key_layout_t *nh_typist_layout(const nh_typist_t *t)
{
    return t->cfg.layout;
}

void nh_typist_info(const nh_typist_t *t, struct nh_typist_info *out)
{
    *out = t->info;
}
