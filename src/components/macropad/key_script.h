// key_script.h - the language of send_keys: a line is a command. This part knows the words; what
// they type on a layout and when is the typist's. Sans-IO, allocates nothing. The language: README.

#ifndef NH_KEY_SCRIPT_H
#define NH_KEY_SCRIPT_H

#include "components/macropad/key_layout.h"

#define NH_KEY_SCRIPT_MAX_BYTES 383u // of a script; the rest is not read
#define NH_KEY_LINE_MAX_BYTES 255u   // of a line; likewise
#define NH_KEY_MODIFIER_MAX_COUNT 4u // before a key; more are left out
#define NH_KEY_REPEAT_MAX 1000u

enum nh_key_command {
    NH_KEY_NOTHING,       // blank, a comment, or a line with a fault
    NH_KEY_TEXT,          // `text`, then ENTER if `is_line`
    NH_KEY_DELAY,         // `number` ms
    NH_KEY_CHORD,         // modifiers, and the key if there is one
    NH_KEY_HOLD,          // the same, and they stay down
    NH_KEY_RELEASE,       // everything that is held
    NH_KEY_DEFAULT_DELAY, // `number` ms after each command from here on
    NH_KEY_REPEAT,        // the command before this, `number` times more
    NH_KEY_LAYOUT,        // `layout` from here on
};

enum nh_key_fault {
    NH_KEY_OK,
    NH_KEY_UNKNOWN_TOKEN,
    NH_KEY_NO_NUMBER, // or 0, or beyond 32 bits
    NH_KEY_NO_TEXT,
    NH_KEY_NO_KEY,        // HOLD alone
    NH_KEY_NO_LAYOUT,     // unknown
    NH_KEY_NO_COMMAND,    // REPEAT with nothing before it
    NH_KEY_NOT_ON_LAYOUT, // a character that no key makes, and that is not typed by its number
    NH_KEY_TOO_LONG,      // script or line; told, and the part that fits is run
    NH_KEY_LEFT_OUT,      // behind the key, or a fifth modifier; told, and run without
    NH_KEY_FAULT_COUNT,
};
const char *nh_key_fault_text(enum nh_key_fault f); // "Unknown token"

enum nh_key_kind { NH_KEY_NO_KIND, NH_KEY_USAGE, NH_KEY_CONSUMER, NH_KEY_CHARACTER };

struct nh_key_line {
    enum nh_key_command command;
    enum nh_key_fault fault; // also one that leaves a command to run
    nh_span_t token;         // that is at fault; in the line
    nh_span_t text;
    bool is_line;
    uint32_t number;
    const nh_key_layout_t *layout;
    uint8_t modifier_count;
    uint8_t modifiers[NH_KEY_MODIFIER_MAX_COUNT]; // in the order of the line
    enum nh_key_kind kind;
    uint16_t code; // usage or bit of the consumer report
    uint32_t character;
};

// The next line of a script from `*at` on, without its end and without blanks around it; it may be
// empty. False: there is none. `*at` is where the one after it begins.
bool nh_key_script_next(nh_span_t script, size_t *at, nh_span_t *line);

// Reads one line. What is wrong with it is in `out->fault`; then it may still have a command.
void nh_key_line_read(nh_span_t line, struct nh_key_line *out);

// Tells everything that is wrong with a script on a layout, in order. `line` from 1, `column` in
// bytes from 1; `token` is borrowed for the call. `types_all`: characters that the layout lacks are
// typed by their number. Returns how many findings there were.
typedef void (*nh_key_finding_fn)(void *ctx, enum nh_key_fault fault, uint32_t line,
                                  uint32_t column, nh_span_t token);
uint32_t nh_key_script_check(nh_span_t script, const nh_key_layout_t *layout, bool types_all,
                             nh_key_finding_fn finding, void *ctx);

// "CTRL+ALT+DELETE": a chord for people, cut to `cap` (at least 1). Returns its length.
size_t nh_key_chord_text(const struct nh_key_line *l, char *out, size_t cap);

#endif
