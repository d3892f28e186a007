#include <string.h>

#include "core/json/json_num.h"
#include "core/json/json_scan.h"
#include "core/json/json_state.h"
#include "core/json/json_utf8.h"

// The careful half of the reader: a token that goes on into the next chunk, has escapes, or is
// wrong. All that is known between two bytes is in the reader, so a chunk may end anywhere. Text is
// gathered, unescaped, in the caller's buffer.

enum string_step {
    STRING_PLAIN,
    STRING_ESCAPE,     // after a backslash
    STRING_HEX,        // in the digits of \u; `follow` are missing
    STRING_LOW_ESCAPE, // after a high surrogate: a backslash must come
    STRING_LOW_U,      // and a 'u'
    STRING_LOW_HEX,    // and the low surrogate
    STRING_UTF8,       // in a sequence; `follow` bytes are missing
};

enum number_step {
    NUMBER_BEGIN,
    NUMBER_MINUS, // here a digit must come
    NUMBER_POINT,
    NUMBER_E,
    NUMBER_E_SIGN,
    NUMBER_ZERO, // from here on the number may end
    NUMBER_INTEGER,
    NUMBER_FRACTION,
    NUMBER_EXPONENT,
    NUMBER_ENDED,
    NUMBER_WRONG,
};

static const char *const literals[] = {"true", "false", "null"};

static int fail_syntax(nh_json_reader_t *r, const uint8_t *p, const char *expected)
{
    return nh__json_fail(r, NH_ERR_SYNTAX, p, expected);
}

// ---- text
// --------------------------------------------------------------------------------------

// Keeps what fits, but no part of a character whose rest (from `next` on) does not.
static void cut_text(nh_json_reader_t *r, uint8_t next)
{
    r->is_cut = true;
    if (!nh__utf8_is_tail(next))
        return;
    while (r->text_len > 0 && nh__utf8_is_tail((uint8_t)r->text[r->text_len - 1]))
        r->text_len--;
    if (r->text_len > 0)
        r->text_len--;
}

static bool append(nh_json_reader_t *r, const char *bytes, size_t len)
{
    if (r->token == NH__JSON_TOKEN_KEY)
        nh__json_key_append(r, bytes, len);
    if (r->is_skipping || r->is_cut || len == 0)
        return true;
    size_t room = r->text_limit - r->text_len;
    size_t n = len < room ? len : room;
    memcpy(r->text + r->text_len, bytes, n);
    r->text_len += n;
    if (len <= room)
        return true;
    if (!r->cut_long)
        return false;
    cut_text(r, (uint8_t)bytes[n]);
    return true;
}

static bool append_unicode(nh_json_reader_t *r, uint32_t c)
{
    char bytes[4];
    return append(r, bytes, nh__utf8_put(c, bytes));
}

// ---- strings
// -----------------------------------------------------------------------------------

static int finish_string(nh_json_reader_t *r, const uint8_t *pos)
{
    bool is_key = r->token == NH__JSON_TOKEN_KEY;
    r->token = NH__JSON_TOKEN_NONE;
    r->view = r->text;
    r->view_len = r->text_len;
    if (!is_key)
        return nh__json_value_done(r, pos, NH_JSON_STRING);
    r->pos = pos;
    r->state = NH__JSON_COLON;
    r->event = NH_JSON_KEY;
    return NH_JSON_KEY;
}

// What a byte after a backslash means; 0: nothing, or more bytes follow.
static const char unescaped[128] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};

// A byte after a backslash. Returns 0 or an error.
static int step_escape(nh_json_reader_t *r, const uint8_t *p)
{
    if (*p == 'u') {
        r->step = STRING_HEX;
        r->follow = 4;
        r->unicode = 0;
        return 0;
    }
    if (*p >= 0x80 || !unescaped[*p])
        return fail_syntax(r, p, "one of \"\\/bfnrtu after '\\'");
    r->step = STRING_PLAIN;
    return append(r, &unescaped[*p], 1) ? 0 : nh__json_fail_long(r);
}

// The four digits of an escape are there. A high surrogate waits in the upper half of `unicode`.
static int finish_escape(nh_json_reader_t *r, const uint8_t *p)
{
    uint32_t c = r->unicode & 0xffff, high = r->unicode >> 16;
    bool is_low = (c & 0xfc00) == 0xdc00;
    if (r->step == STRING_LOW_HEX) {
        if (!is_low)
            return fail_syntax(r, p, "a low surrogate after the high one");
        c = 0x10000 + ((high & 0x3ff) << 10) + (c & 0x3ff);
    } else if (is_low) {
        return fail_syntax(r, p, "no low surrogate without a high one");
    } else if ((c & 0xfc00) == 0xd800) {
        r->unicode = c << 16;
        r->step = STRING_LOW_ESCAPE;
        return 0;
    }
    r->step = STRING_PLAIN;
    return append_unicode(r, c) ? 0 : nh__json_fail_long(r);
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int step_hex(nh_json_reader_t *r, const uint8_t *p)
{
    int digit = hex_value(*p);
    if (digit < 0)
        return fail_syntax(r, p, "four hex digits after \\u");
    r->unicode = (r->unicode & 0xffff0000u) | ((r->unicode << 4 | (uint32_t)digit) & 0xffff);
    return --r->follow ? 0 : finish_escape(r, p);
}

static int step_low(nh_json_reader_t *r, const uint8_t *p)
{
    bool is_escape = r->step == STRING_LOW_ESCAPE;
    if (*p != (is_escape ? '\\' : 'u'))
        return fail_syntax(r, p, "\\u and a low surrogate after the high one");
    r->step = is_escape ? STRING_LOW_U : STRING_LOW_HEX;
    r->follow = 4;
    return 0;
}

static int step_utf8(nh_json_reader_t *r, const uint8_t *p)
{
    if (*p < r->lead_low || *p > r->lead_high)
        return fail_syntax(r, p, "valid UTF-8");
    r->lead_low = 0x80;
    r->lead_high = 0xbf;
    if (--r->follow == 0)
        r->step = STRING_PLAIN;
    return append(r, (const char *)p, 1) ? 0 : nh__json_fail_long(r);
}

// A byte that ends a run of plain text, but not the string.
static int step_special(nh_json_reader_t *r, const uint8_t *p)
{
    if (*p == '\\') {
        r->step = STRING_ESCAPE;
        return 0;
    }
    if (*p < 0x20)
        return fail_syntax(r, p, "'\"' or an escape for a control byte");
    struct nh__utf8_lead lead = nh__utf8_lead(*p);
    if (lead.follow == 0)
        return fail_syntax(r, p, "valid UTF-8");
    r->step = STRING_UTF8;
    r->follow = lead.follow;
    r->lead_low = lead.low;
    r->lead_high = lead.high;
    return append(r, (const char *)p, 1) ? 0 : nh__json_fail_long(r);
}

static int step_string(nh_json_reader_t *r, const uint8_t *p)
{
    switch (r->step) {
    case STRING_PLAIN:
        return step_special(r, p);
    case STRING_ESCAPE:
        return step_escape(r, p);
    case STRING_HEX:
    case STRING_LOW_HEX:
        return step_hex(r, p);
    case STRING_UTF8:
        return step_utf8(r, p);
    default:
        return step_low(r, p);
    }
}

// The four hex digits at `p`, or a value above 0xffff.
static uint32_t hex4(const uint8_t *p)
{
    uint32_t c = 0;
    for (int i = 0; i < 4; i++)
        c = c << 4 | (uint32_t)hex_value(p[i]); // -1 sets all upper bits
    return c;
}

// Takes the character at `p` that is not plain if it is whole and simple: an escape, but no pair of
// surrogates, or UTF-8. Returns its length, 0 if it is not; `*written`: how much it is in `out`.
static inline size_t take_character(const uint8_t *p, size_t left, char out[4], size_t *written)
{
    if (*p >= 0x80) {
        unsigned width = nh__utf8_width(p, left);
        memcpy(out, p, width);
        *written = width;
        return width;
    }
    if (*p != '\\' || left < 2 || p[1] >= 0x80)
        return 0;
    *written = 1;
    out[0] = unescaped[p[1]];
    if (out[0])
        return 2;
    uint32_t c = p[1] == 'u' && left >= 6 ? hex4(p + 2) : UINT32_MAX;
    if (c > 0xffff || (c & 0xf800) == 0xd800)
        return 0;
    *written = nh__utf8_put(c, out);
    return 6;
}

// Runs of plain text and simple characters as long as they fit, without a look at the state. What
// stops it is for the careful way. Returns where that goes on.
static const uint8_t *gather_run(nh_json_reader_t *r, const uint8_t *p)
{
    char *out = r->text + r->text_len, *out_end = r->text + r->text_limit;
    for (;;) {
        size_t n = nh__scan_copy(p, r->end, out, (size_t)(out_end - out));
        p += n;
        out += n;
        if (p == r->end || out_end - out < 4)
            break;
        size_t len = take_character(p, (size_t)(r->end - p), out, &n);
        if (len == 0)
            break;
        p += len;
        out += n;
    }
    r->text_len = (size_t)(out - r->text);
    return p;
}

static int gather_string(nh_json_reader_t *r)
{
    const uint8_t *p = r->pos;
    if (r->step == STRING_PLAIN && r->token == NH__JSON_TOKEN_STRING && !r->is_skipping &&
        !r->is_cut)
        p = gather_run(r, p);
    for (;; p++) {
        if (r->step == STRING_PLAIN) {
            const uint8_t *run = p;
            p = nh__scan_plain(p, r->end);
            if (!append(r, (const char *)run, (size_t)(p - run)))
                return nh__json_fail_long(r);
            if (p < r->end && *p == '"')
                return finish_string(r, p + 1);
        }
        if (p == r->end)
            break;
        int err = step_string(r, p);
        if (err)
            return err;
    }
    r->pos = p;
    return r->is_last ? fail_syntax(r, p, "the closing '\"'") : NH_ERR_AGAIN;
}

// ---- numbers and literals
// ---------------------------------------------------------------------

static enum number_step number_after_digit(enum number_step step, bool is_zero)
{
    switch (step) {
    case NUMBER_BEGIN:
    case NUMBER_MINUS:
        return is_zero ? NUMBER_ZERO : NUMBER_INTEGER;
    case NUMBER_POINT:
        return NUMBER_FRACTION;
    case NUMBER_E:
    case NUMBER_E_SIGN:
        return NUMBER_EXPONENT;
    case NUMBER_ZERO:
        return NUMBER_ENDED;
    default:
        return step;
    }
}

static enum number_step number_after(enum number_step step, uint8_t c)
{
    bool after_integer = step == NUMBER_ZERO || step == NUMBER_INTEGER;
    if (c >= '0' && c <= '9')
        return number_after_digit(step, c == '0');
    if (c == '-' && step == NUMBER_BEGIN)
        return NUMBER_MINUS;
    if (c == '.' && after_integer)
        return NUMBER_POINT;
    if ((c == 'e' || c == 'E') && (after_integer || step == NUMBER_FRACTION))
        return NUMBER_E;
    if ((c == '-' || c == '+') && step == NUMBER_E)
        return NUMBER_E_SIGN;
    return step < NUMBER_ZERO ? NUMBER_WRONG : NUMBER_ENDED;
}

static int finish_number(nh_json_reader_t *r, const uint8_t *pos)
{
    r->token = NH__JSON_TOKEN_NONE;
    r->view = r->text;
    r->view_len = r->text_len;
    r->number.is_long = true; // parsed from the text when asked for
    return nh__json_value_done(r, pos, NH_JSON_NUMBER);
}

static int gather_number(nh_json_reader_t *r)
{
    const uint8_t *p = r->pos;
    for (; p < r->end; p++) {
        enum number_step step = number_after((enum number_step)r->step, *p);
        if (step == NUMBER_ENDED)
            return finish_number(r, p);
        if (step == NUMBER_WRONG)
            return fail_syntax(r, p, "a digit in the number");
        r->step = (uint8_t)step;
        if (!append(r, (const char *)p, 1))
            return nh__json_fail_long(r);
    }
    r->pos = p;
    if (!r->is_last)
        return NH_ERR_AGAIN;
    return r->step < NUMBER_ZERO ? fail_syntax(r, p, "a digit in the number") : finish_number(r, p);
}

static int gather_literal(nh_json_reader_t *r)
{
    static const char *const expected[] = {"the word true", "the word false", "the word null"};
    const char *word = literals[r->step];
    const uint8_t *p = r->pos;
    for (; p < r->end && word[r->literal_pos]; p++)
        if (*p != (uint8_t)word[r->literal_pos++])
            return fail_syntax(r, p, expected[r->step]);
    r->pos = p;
    if (word[r->literal_pos])
        return r->is_last ? fail_syntax(r, p, expected[r->step]) : NH_ERR_AGAIN;
    r->token = NH__JSON_TOKEN_NONE;
    return nh__json_value_done(r, p, NH_JSON_TRUE + r->step);
}

// ---- the two entries
// ---------------------------------------------------------------------------

int nh__json_gather_start(nh_json_reader_t *r, enum nh__json_token token, const uint8_t *begin,
                          const uint8_t *pos)
{
    r->token = (uint8_t)token;
    r->token_offset = nh__json_offset(r, begin);
    r->text_len = 0;
    r->is_cut = false;
    r->step = 0;
    r->literal_pos = 0;
    r->pos = pos;
    if (token == NH__JSON_TOKEN_LITERAL)
        r->step = *begin == 't' ? 0 : *begin == 'f' ? 1 : 2;
    if (token == NH__JSON_TOKEN_KEY) {
        r->key = NULL;
        r->key_end[r->depth] = r->key_end[r->depth - 1];
    } else {
        nh__json_key_save(r);
    }
    if (token <= NH__JSON_TOKEN_STRING &&
        !append(r, (const char *)begin + 1, (size_t)(pos - begin - 1)))
        return nh__json_fail_long(r);
    return nh__json_gather(r);
}

int nh__json_gather(nh_json_reader_t *r)
{
    switch (r->token) {
    case NH__JSON_TOKEN_NUMBER:
        return gather_number(r);
    case NH__JSON_TOKEN_LITERAL:
        return gather_literal(r);
    default:
        return gather_string(r);
    }
}
