#include "components/devices/words.h"

#include "core/base/utf8.h"

#include <stdio.h>
#include <string.h>

#define INT_DIGITS_MAX 15 // any number of them fits into a double
#define LIKE_MAX_BYTES 24

// ---- JSON pointers ------------------------------------------------------------------------------

void nh_pointer__init(struct nh_pointer *p)
{
    *p = (struct nh_pointer){.len = 0};
}

static void add(struct nh_pointer *p, const char *text, size_t len)
{
    if (p->is_cut)
        return;
    if (p->len + len < sizeof p->text - sizeof "...") {
        memcpy(p->text + p->len, text, len);
        p->len += len;
        return;
    }
    memcpy(p->text + p->len, "...", sizeof "...");
    p->is_cut = true;
}

void nh_pointer__name(struct nh_pointer *p, const char *name, size_t len)
{
    if (len == SIZE_MAX)
        len = strlen(name);
    add(p, "/", 1);
    for (size_t i = 0; i < len; i++) {
        if (name[i] == '~' || name[i] == '/')
            add(p, name[i] == '~' ? "~0" : "~1", 2);
        else
            add(p, (unsigned char)name[i] < 0x20 ? "?" : &name[i], 1);
    }
    // A character that was cut in the middle is no text any more.
    p->len = p->is_cut ? p->len : nh_utf8_valid_len(p->text, p->len, false);
}

void nh_pointer__index(struct nh_pointer *p, uint32_t index)
{
    char text[12];
    add(p, text, (size_t)snprintf(text, sizeof text, "/%u", (unsigned)index));
}

// ---- characters ---------------------------------------------------------------------------------

bool nh_words__equal(nh_span_t text, const char *word)
{
    size_t len = strlen(word);
    return text.len == len && memcmp(text.ptr, word, len) == 0;
}

uint8_t nh_words__lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool nh_words__equal_word(nh_span_t a, nh_span_t b)
{
    for (size_t i = 0; a.len == b.len && i < a.len; i++)
        if (nh_words__lower(a.ptr[i]) != nh_words__lower(b.ptr[i]))
            return false;
    return a.len == b.len;
}

static bool is_letter(uint8_t c)
{
    return (c | 32) >= 'a' && (c | 32) <= 'z';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool has_control(nh_span_t t)
{
    for (size_t i = 0; i < t.len; i++)
        if (t.ptr[i] < 0x20 || t.ptr[i] == 0x7f)
            return true;
    return false;
}

static const char *fault_of_id(nh_span_t t)
{
    for (size_t i = 0; i < t.len; i++)
        if (!is_letter(t.ptr[i]) && !is_digit(t.ptr[i]) && !strchr("_-.", t.ptr[i]))
            return "may have letters, digits, '_', '-' and '.' only";
    return NULL;
}

static const char *fault_of_variable(nh_span_t t)
{
    if (t.len > 0 && is_digit(t.ptr[0]))
        return "may not begin with a digit";
    for (size_t i = 0; i < t.len; i++)
        if (!is_letter(t.ptr[i]) && !is_digit(t.ptr[i]) && t.ptr[i] != '_' && t.ptr[i] != '.')
            return "may have letters, digits, '_' and '.' only";
    return NULL;
}

// [MQTT-3.3.2-2], [MQTT-4.7.3-2]
static const char *fault_of_topic(nh_span_t t)
{
    if (memchr(t.ptr, '+', t.len) || memchr(t.ptr, '#', t.len))
        return "is a topic to publish on, so it may have no '+' and '#'";
    return memchr(t.ptr, '\0', t.len) ? "may have no NUL" : NULL;
}

// [MQTT-4.7.1-2], [MQTT-4.7.1-3]
static const char *fault_of_filter(nh_span_t t)
{
    for (size_t i = 0; i < t.len; i++) {
        bool begins = i == 0 || t.ptr[i - 1] == '/', ends = i + 1 == t.len;
        if (t.ptr[i] == '\0')
            return "may have no NUL";
        if (t.ptr[i] == '#' && (!begins || !ends))
            return "has a '#' that is not the whole last level";
        if (t.ptr[i] == '+' && (!begins || (!ends && t.ptr[i + 1] != '/')))
            return "has a '+' that is not a whole level";
    }
    return NULL;
}

// A path of the card: "audio/a.wav", or as the older generations had it "/sdcard/audio/a.wav".
static const char *fault_of_track(nh_span_t t)
{
    static const char root[] = "/sdcard/";
    if (has_control(t) || memchr(t.ptr, '\\', t.len))
        return "may have no control characters and no '\\'";
    if (t.len > 0 && t.ptr[0] == '/') {
        if (t.len < sizeof root || memcmp(t.ptr, root, sizeof root - 1) != 0)
            return "must be a file of the card: audio/a.wav or /sdcard/audio/a.wav";
    }
    for (size_t i = 0; i + 1 < t.len; i++) {
        bool begins = i == 0 || t.ptr[i - 1] == '/';
        bool ends = i + 2 == t.len || t.ptr[i + 2] == '/';
        if (begins && ends && t.ptr[i] == '.' && t.ptr[i + 1] == '.')
            return "may not lead out of the card with \"..\"";
    }
    return NULL;
}

int nh_words__time(nh_span_t t)
{
    int part[3] = {0, 0, 0};
    if (t.len != 5 && t.len != 8)
        return NH_ERR_INVAL;
    for (size_t i = 0; i < t.len; i++) {
        if (i % 3 == 2 ? t.ptr[i] != ':' : !is_digit(t.ptr[i]))
            return NH_ERR_INVAL;
        if (i % 3 != 2)
            part[i / 3] = part[i / 3] * 10 + (t.ptr[i] - '0');
    }
    if (part[0] > 23 || part[1] > 59 || part[2] > 59)
        return NH_ERR_INVAL;
    return (part[0] * 60 + part[1]) * 60 + part[2];
}

static const char *fault_of_pointer(nh_span_t t)
{
    if (t.len > 0 && t.ptr[0] != '/')
        return "is a JSON pointer, so it must be empty or begin with '/'";
    return NULL;
}

// ---- classes ------------------------------------------------------------------------------------

static uint32_t limit_of(enum nh_text_class class, const struct nh_device_limits *l)
{
    switch (class) {
    case NH_TEXT_ID:
        return l->id_max_bytes;
    case NH_TEXT_NAME:
        return l->name_max_bytes;
    case NH_TEXT_TOPIC:
    case NH_TEXT_FILTER:
        return l->topic_max_bytes;
    case NH_TEXT_PAYLOAD:
        return l->payload_max_bytes;
    case NH_TEXT_FLAG:
    case NH_TEXT_VARIABLE:
        return l->flag_max_bytes;
    case NH_TEXT_TRACK:
        return l->track_max_bytes;
    default:
        return l->expression_max_bytes;
    }
}

static const char *fault_of(enum nh_text_class class, nh_span_t t)
{
    switch (class) {
    case NH_TEXT_ID:
        return fault_of_id(t);
    case NH_TEXT_NAME:
    case NH_TEXT_FLAG:
        return has_control(t) ? "may have no control characters" : NULL;
    case NH_TEXT_VARIABLE:
        return fault_of_variable(t);
    case NH_TEXT_TOPIC:
        return fault_of_topic(t);
    case NH_TEXT_FILTER:
        return fault_of_filter(t);
    case NH_TEXT_TRACK:
        return fault_of_track(t);
    case NH_TEXT_TIME:
        return nh_words__time(t) < 0 ? "is no time of day as 18:30 or 18:30:15" : NULL;
    case NH_TEXT_POINTER:
        return fault_of_pointer(t);
    default:
        return NULL;
    }
}

int nh_words__text(enum nh_text_class class, nh_span_t text, bool is_needed,
                   const struct nh_device_limits *limits, char *why, size_t cap)
{
    uint32_t limit = limit_of(class, limits);
    const char *fault = NULL;
    if (text.len > limit) {
        snprintf(why, cap, "%zu bytes are too long, at most %u", text.len, (unsigned)limit);
        return NH_ERR_INVAL;
    }
    if (!nh_utf8_is_valid(text.ptr, text.len, true))
        fault = "is no valid UTF-8";
    else if (text.len == 0 && is_needed && class != NH_TEXT_PAYLOAD)
        fault = "may not be empty";
    else if (text.len > 0 || class == NH_TEXT_TIME)
        fault = fault_of(class, text);
    if (!fault)
        return NH_OK;
    snprintf(why, cap, "it %s", fault);
    return NH_ERR_INVAL;
}

int nh_words__int(nh_span_t text, int64_t *out)
{
    size_t i = text.len > 0 && text.ptr[0] == '-';
    int64_t n = 0;
    if (text.len == i || text.len - i > INT_DIGITS_MAX)
        return NH_ERR_INVAL;
    for (size_t at = i; at < text.len; at++) {
        if (!is_digit(text.ptr[at]))
            return NH_ERR_INVAL;
        n = n * 10 + (text.ptr[at] - '0');
    }
    *out = i ? -n : n;
    return NH_OK;
}

static size_t digits(nh_span_t t, size_t at)
{
    size_t begin = at;
    while (at < t.len && is_digit(t.ptr[at]))
        at++;
    return at - begin;
}

bool nh_words__is_number(nh_span_t t)
{
    size_t at = t.len > 0 && t.ptr[0] == '-';
    size_t n = digits(t, at);
    if (n == 0 || (n > 1 && t.ptr[at] == '0'))
        return false;
    at += n;
    if (at < t.len && t.ptr[at] == '.') {
        n = digits(t, ++at);
        if (n == 0)
            return false;
        at += n;
    }
    if (at < t.len && (t.ptr[at] | 32) == 'e') {
        at++;
        at += at < t.len && (t.ptr[at] == '+' || t.ptr[at] == '-');
        n = digits(t, at);
        if (n == 0)
            return false;
        at += n;
    }
    return at == t.len;
}

// ---- words that look alike ----------------------------------------------------------------------

// How many letters must be changed, added or left out; at most 3 is counted exactly.
static unsigned distance(nh_span_t a, const char *b)
{
    size_t len = strlen(b);
    unsigned row[LIKE_MAX_BYTES + 1];
    if (a.len > LIKE_MAX_BYTES || len > LIKE_MAX_BYTES)
        return UINT32_MAX;
    for (size_t j = 0; j <= len; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= len; j++) {
            unsigned best = diagonal + (a.ptr[i - 1] != (uint8_t)b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[len];
}

static bool is_like(nh_span_t a, const char *b)
{
    return distance(a, b) <= (a.len > 4 ? 2u : 1u);
}

const char *nh_words__like_row(const struct nh_field_object *o, nh_span_t name)
{
    for (const struct nh_field_row *r = o->rows; r->field; r++)
        if (is_like(name, nh_field_name((enum nh_field)r->field)))
            return nh_field_name((enum nh_field)r->field);
    return NULL;
}

void nh_words__list(const char *const *words, nh_span_t text, char *out, size_t cap)
{
    size_t len = 0;
    const char *like = NULL;
    for (size_t i = 0; words[i] && text.len > 0; i++)
        if (is_like(text, words[i]))
            like = words[i];
    if (like) {
        snprintf(out, cap, "those known; did you mean \"%s\"?", like);
        return;
    }
    for (size_t i = 0; words[i] && len + 1 < cap; i++)
        len += (size_t)snprintf(out + len, cap - len, "%s%s", i ? ", " : "", words[i]);
    if (len >= cap)
        memcpy(out + cap - sizeof "...", "...", sizeof "...");
}
