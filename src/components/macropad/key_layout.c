// The layouts. A row is a key where its characters are not those of the layout's base: what it
// makes alone, with shift and with AltGr. A character behind '\xff' is a dead key.

#include "components/macropad/key_layout.h"

#include "components/macropad/hid_report.h"
#include "core/base/utf8.h"

#include <string.h>

#define DEAD "\xff"

struct row {
    uint8_t usage;
    const char *plain, *shift, *altgr; // one character each; NULL: none
};

struct nh_key_layout {
    const char *id, *name;
    // The letters a to z in the order of their usages, as they stand on this layout's keys; '\0': a
    // row says what is there.
    const char *letters;
    const struct row *rows; // ends with usage 0
};

static const struct row us_rows[] = {
    {0x1E, "1", "!", NULL}, {0x1F, "2", "@", NULL},  {0x20, "3", "#", NULL},
    {0x21, "4", "$", NULL}, {0x22, "5", "%", NULL},  {0x23, "6", "^", NULL},
    {0x24, "7", "&", NULL}, {0x25, "8", "*", NULL},  {0x26, "9", "(", NULL},
    {0x27, "0", ")", NULL}, {0x2D, "-", "_", NULL},  {0x2E, "=", "+", NULL},
    {0x2F, "[", "{", NULL}, {0x30, "]", "}", NULL},  {0x31, "\\", "|", NULL},
    {0x33, ";", ":", NULL}, {0x34, "'", "\"", NULL}, {0x35, "`", "~", NULL},
    {0x36, ",", "<", NULL}, {0x37, ".", ">", NULL},  {0x38, "/", "?", NULL},
    {0, NULL, NULL, NULL},
};

static const struct row de_rows[] = {
    {0x1E, "1", "!", NULL},
    {0x1F, "2", "\"", "\xc2\xb2"},       // ²
    {0x20, "3", "\xc2\xa7", "\xc2\xb3"}, // § ³
    {0x21, "4", "$", NULL},
    {0x22, "5", "%", NULL},
    {0x23, "6", "&", NULL},
    {0x24, "7", "/", "{"},
    {0x25, "8", "(", "["},
    {0x26, "9", ")", "]"},
    {0x27, "0", "=", "}"},
    {0x2D, "\xc3\x9f", "?", "\\"},           // ß
    {0x2E, DEAD "\xc2\xb4", DEAD "`", NULL}, // ´
    {0x2F, "\xc3\xbc", "\xc3\x9c", NULL},    // ü Ü
    {0x30, "+", "*", "~"},
    {0x31, "#", "'", NULL},
    {0x33, "\xc3\xb6", "\xc3\x96", NULL}, // ö Ö
    {0x34, "\xc3\xa4", "\xc3\x84", NULL}, // ä Ä
    {0x35, DEAD "^", "\xc2\xb0", NULL},   // °
    {0x36, ",", ";", NULL},
    {0x37, ".", ":", NULL},
    {0x38, "-", "_", NULL},
    {0x64, "<", ">", "|"},
    {0x14, NULL, NULL, "@"},            // Q
    {0x08, NULL, NULL, "\xe2\x82\xac"}, // E: €
    {0x10, NULL, NULL, "\xc2\xb5"},     // M: µ
    {0, NULL, NULL, NULL},
};

static const struct row gb_rows[] = {
    {0x1E, "1", "!", NULL},
    {0x1F, "2", "\"", NULL},
    {0x20, "3", "\xc2\xa3", NULL},    // £
    {0x21, "4", "$", "\xe2\x82\xac"}, // €
    {0x22, "5", "%", NULL},
    {0x23, "6", "^", NULL},
    {0x24, "7", "&", NULL},
    {0x25, "8", "*", NULL},
    {0x26, "9", "(", NULL},
    {0x27, "0", ")", NULL},
    {0x2D, "-", "_", NULL},
    {0x2E, "=", "+", NULL},
    {0x2F, "[", "{", NULL},
    {0x30, "]", "}", NULL},
    {0x31, "#", "~", NULL},
    {0x33, ";", ":", NULL},
    {0x34, "'", "@", NULL},
    {0x35, "`", "\xc2\xac", NULL}, // ¬
    {0x36, ",", "<", NULL},
    {0x37, ".", ">", NULL},
    {0x38, "/", "?", NULL},
    {0x64, "\\", "|", NULL},
    {0, NULL, NULL, NULL},
};

static const struct row fr_rows[] = {
    {0x1E, "&", "1", NULL},        {0x1F, "\xc3\xa9", "2", "~"}, // é
    {0x20, "\"", "3", "#"},        {0x21, "'", "4", "{"},
    {0x22, "(", "5", "["},         {0x23, "-", "6", "|"},
    {0x24, "\xc3\xa8", "7", "`"},                                           // è
    {0x25, "_", "8", "\\"},        {0x26, "\xc3\xa7", "9", "^"},            // ç
    {0x27, "\xc3\xa0", "0", "@"},                                           // à
    {0x2D, ")", "\xc2\xb0", "]"},                                           // °
    {0x2E, "=", "+", "}"},         {0x2F, DEAD "^", DEAD "\xc2\xa8", NULL}, // ¨
    {0x30, "$", "\xc2\xa3", NULL},                                          // £
    {0x31, "*", "\xc2\xb5", NULL},                                          // µ
    {0x34, "\xc3\xb9", "%", NULL},                                          // ù
    {0x10, ",", "?", NULL},                                                 // where M is elsewhere
    {0x36, ";", ".", NULL},        {0x37, ":", "/", NULL},
    {0x38, "!", "\xc2\xa7", NULL},                                     // §
    {0x64, "<", ">", NULL},        {0x08, NULL, NULL, "\xe2\x82\xac"}, // E: €
    {0x33, "m", "M", NULL},        {0, NULL, NULL, NULL},
};

static const nh_key_layout_t layouts[] = {
    {"us", "US English", "abcdefghijklmnopqrstuvwxyz", us_rows},
    {"de", "German", "abcdefghijklmnopqrstuvwxzy", de_rows},
    {"gb", "British English", "abcdefghijklmnopqrstuvwxyz", gb_rows},
    {"fr", "French", "qbcdefghijkl\1noparstuvzxyw", fr_rows},
};

// What a dead key makes of a letter.
static const struct {
    const char *dead, *letters; // pairs: the letter, what comes of it
} composed[] = {
    {"^", "a\xc3\xa2"
          "e\xc3\xaa"
          "i\xc3\xae"
          "o\xc3\xb4"
          "u\xc3\xbb"
          "A\xc3\x82"
          "E\xc3\x8a"
          "I\xc3\x8e"
          "O\xc3\x94"
          "U\xc3\x9b"},
    {"\xc2\xb4", "a\xc3\xa1"
                 "e\xc3\xa9"
                 "i\xc3\xad"
                 "o\xc3\xb3"
                 "u\xc3\xba"
                 "y\xc3\xbd"
                 "A\xc3\x81"
                 "E\xc3\x89"
                 "I\xc3\x8d"
                 "O\xc3\x93"
                 "U\xc3\x9a"
                 "Y\xc3\x9d"},
    {"`", "a\xc3\xa0"
          "e\xc3\xa8"
          "i\xc3\xac"
          "o\xc3\xb2"
          "u\xc3\xb9"
          "A\xc3\x80"
          "E\xc3\x88"
          "I\xc3\x8c"
          "O\xc3\x92"
          "U\xc3\x99"},
    {"\xc2\xa8", "a\xc3\xa4"
                 "e\xc3\xab"
                 "i\xc3\xaf"
                 "o\xc3\xb6"
                 "u\xc3\xbc"
                 "y\xc3\xbf"
                 "A\xc3\x84"
                 "E\xc3\x8b"
                 "I\xc3\x8f"
                 "O\xc3\x96"
                 "U\xc3\x9c"},
};

// ---- names -------------------------------------------------------------------------------------

const nh_key_layout_t *nh_key_layout_at(size_t index)
{
    return index < NH_ARRAY_LEN(layouts) ? &layouts[index] : NULL;
}

const nh_key_layout_t *nh_key_layout_find(nh_span_t id)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(layouts); i++) {
        size_t n = 0;
        while (n < id.len && layouts[i].id[n] && (id.ptr[n] | 0x20) == layouts[i].id[n])
            n++;
        if (n == id.len && !layouts[i].id[n])
            return &layouts[i];
    }
    return NULL;
}

const char *nh_key_layout_id(const nh_key_layout_t *l)
{
    return l->id;
}

const char *nh_key_layout_name(const nh_key_layout_t *l)
{
    return l->name;
}

// ---- characters --------------------------------------------------------------------------------

size_t nh_key_code_point(const uint8_t *p, size_t len, uint32_t *out)
{
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    *out = 0xFFFD;
    if (n > len || !nh_utf8_is_valid(p, n, true))
        return 1;
    static const uint8_t lead[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t c = p[0] & lead[n];
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3Fu);
    *out = c;
    return n;
}

// Whether `text`, which may be NULL, is that character; `*is_dead`: by a dead key.
static bool is_char(const char *text, uint32_t c, bool *is_dead)
{
    uint32_t found;
    if (!text)
        return false;
    *is_dead = *text == DEAD[0];
    text += *is_dead;
    nh_key_code_point((const uint8_t *)text, strlen(text), &found);
    return found == c;
}

// The first key of a layout with that character, dead or not as asked.
static bool find_row(const nh_key_layout_t *l, uint32_t c, bool wants_dead,
                     struct nh_key_stroke *out)
{
    static const uint8_t modifiers[] = {0, NH_HID_LEFT_SHIFT, NH_HID_RIGHT_ALT};
    for (const struct row *r = l->rows; r->usage; r++) {
        const char *const texts[] = {r->plain, r->shift, r->altgr};
        for (size_t i = 0; i < NH_ARRAY_LEN(texts); i++) {
            bool is_dead;
            if (!is_char(texts[i], c, &is_dead) || is_dead != wants_dead)
                continue;
            *out = (struct nh_key_stroke){r->usage, modifiers[i]};
            return true;
        }
    }
    return false;
}

static bool find_letter(const nh_key_layout_t *l, uint32_t c, struct nh_key_stroke *out)
{
    bool is_upper = c >= 'A' && c <= 'Z';
    if (!is_upper && !(c >= 'a' && c <= 'z'))
        return false;
    const char *at = strchr(l->letters, (int)(c | 0x20));
    if (!at)
        return false;
    out->usage = (uint8_t)(NH_HID_A + (at - l->letters));
    out->modifiers = is_upper ? NH_HID_LEFT_SHIFT : 0;
    return true;
}

// A character by a single stroke.
static bool find_key(const nh_key_layout_t *l, uint32_t c, struct nh_key_stroke *out)
{
    return find_letter(l, c, out) || find_row(l, c, false, out);
}

static size_t compose(const nh_key_layout_t *l, uint32_t c,
                      struct nh_key_stroke out[NH_KEY_STROKES_MAX])
{
    for (size_t i = 0; i < NH_ARRAY_LEN(composed); i++) {
        uint32_t dead, made;
        nh_key_code_point((const uint8_t *)composed[i].dead, strlen(composed[i].dead), &dead);
        if (!find_row(l, dead, true, &out[0]))
            continue;
        for (const char *p = composed[i].letters; *p;) {
            size_t n = nh_key_code_point((const uint8_t *)p + 1, strlen(p + 1), &made);
            if (made == c && find_key(l, (uint32_t)*p, &out[1]))
                return 2;
            p += 1 + n;
        }
    }
    return 0;
}

size_t nh_key_layout_strokes(const nh_key_layout_t *l, uint32_t code_point,
                             struct nh_key_stroke out[NH_KEY_STROKES_MAX])
{
    static const struct {
        char c;
        uint8_t usage;
    } everywhere[] = {
        {' ', NH_HID_SPACE}, {'\t', NH_HID_TAB}, {'\n', NH_HID_ENTER}, {'\b', NH_HID_BACKSPACE}};
    for (size_t i = 0; i < NH_ARRAY_LEN(everywhere); i++)
        if (code_point == (uint32_t)everywhere[i].c) {
            out[0] = (struct nh_key_stroke){everywhere[i].usage, 0};
            return 1;
        }
    if (find_key(l, code_point, &out[0]))
        return 1;
    if (!find_row(l, code_point, true, &out[0]))
        return compose(l, code_point, out);
    out[1] = (struct nh_key_stroke){NH_HID_SPACE, 0}; // a dead key and a blank make its own sign
    return 2;
}
