#include "harness/lines.h"

#include <string.h>
#include <strings.h>

// ---- bytes into lines --------------------------------------------------------------------------

const char *nh_harness_split_next(struct nh_harness_split *s, const uint8_t **bytes, size_t *len)
{
    while (*len > 0) {
        char c = (char)*(*bytes)++;
        --*len;
        if (c == '\n') {
            while (s->len > 0 && s->line[s->len - 1] == '\r')
                s->len--;
            s->line[s->len] = 0;
            s->cut_count += s->is_cut;
            s->is_cut = false;
            s->len = 0;
            return s->line;
        }
        if (s->len + 1 < sizeof s->line)
            s->line[s->len++] = c ? c : ' ';
        else
            s->is_cut = true;
    }
    return NULL;
}

// ---- pieces of a line --------------------------------------------------------------------------

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// Each of these moves *p behind what it found, or says false and leaves the line to others.
static bool take_text(const char **p, const char *text)
{
    size_t len = strlen(text);
    if (strncmp(*p, text, len) != 0)
        return false;
    *p += len;
    return true;
}

static bool take_blanks(const char **p)
{
    if (!is_blank(**p))
        return false;
    while (is_blank(**p))
        ++*p;
    return true;
}

static bool take_number(const char **p, uint64_t *out)
{
    uint64_t n = 0;
    if (!is_digit(**p))
        return false;
    for (; is_digit(**p); ++*p) {
        if (n > (INT64_MAX - 9) / 10)
            return false; // no device has that much of anything
        n = n * 10 + (uint64_t)(**p - '0');
    }
    *out = n;
    return true;
}

static bool take_signed(const char **p, int64_t *out)
{
    uint64_t n;
    bool is_negative = take_text(p, "-");
    if (!take_number(p, &n))
        return false;
    *out = is_negative ? -(int64_t)n : (int64_t)n;
    return true;
}

static bool take_word(const char **p, char *out, size_t cap)
{
    size_t n = 0;
    for (; **p && !is_blank(**p); ++*p)
        if (n + 1 < cap)
            out[n++] = **p;
    out[n] = 0;
    return n > 0;
}

static const char *find_nocase(const char *line, const char *text)
{
    size_t len = strlen(text);
    for (; *line; line++)
        if (strncasecmp(line, text, len) == 0)
            return line;
    return NULL;
}

// ---- telemetry: at the start of a line ---------------------------------------------------------

static bool parse_mem(const char *p, struct nh_harness_mem *m)
{
    const struct {
        const char *key;
        uint64_t *out;
    } items[] = {{"hf=", &m->hf}, {"hm=", &m->hm},   {"hl=", &m->hl},
                 {"hi=", &m->hi}, {"hin=", &m->hin}, {"frag=", &m->frag},
                 {"pf=", &m->pf}, {"pm=", &m->pm},   {"pl=", &m->pl}};
    if (!take_text(&p, "[Mem]") || !take_blanks(&p) || !take_word(&p, m->tag, sizeof m->tag))
        return false;
    for (size_t i = 0; i < NH_ARRAY_LEN(items); i++)
        if (!take_blanks(&p) || !take_text(&p, items[i].key) || !take_number(&p, items[i].out))
            return false;
    return true;
}

static bool parse_tripwire(const char *p, struct nh_harness_tripwire *t)
{
    return take_text(&p, "[Mem]") && take_blanks(&p) && take_text(&p, "TRIPWIRE fired tag=") &&
           take_word(&p, t->tag, sizeof t->tag) && take_text(&p, " hin=") &&
           take_number(&p, &t->hin) && take_text(&p, "B < ") && take_number(&p, &t->threshold) &&
           take_text(&p, "B");
}

static bool parse_task(const char *p, struct nh_harness_task *t)
{
    return take_text(&p, "[Task]") && take_blanks(&p) && take_text(&p, "name=") &&
           take_word(&p, t->name, sizeof t->name) && take_blanks(&p) && take_text(&p, "prio=") &&
           take_number(&p, &t->prio) && take_blanks(&p) && take_text(&p, "core=") &&
           take_signed(&p, &t->core) && take_blanks(&p) && take_text(&p, "stack_rem=") &&
           take_number(&p, &t->stack_rem) && take_text(&p, "B");
}

static bool parse_stack(const char *p, struct nh_harness_stack *s)
{
    return take_text(&p, "[Portal]") && take_blanks(&p) &&
           take_text(&p, "AsyncTCP stack watermark: task=") &&
           take_word(&p, s->task, sizeof s->task) && take_text(&p, " rem=") &&
           take_number(&p, &s->rem_units) && take_text(&p, " units (") &&
           take_number(&p, &s->rem_bytes) && take_text(&p, " B), unit=") &&
           take_number(&p, &s->unit_bytes) &&
           take_text(&p, " B, CONFIG_ASYNC_TCP_STACK_SIZE(raw)=") && take_number(&p, &s->cfg_bytes);
}

static void parse_what(const char *line, struct nh_harness_line *out)
{
    struct nh_harness_line l = {0}; // a half of one must not be taken for another
    if (parse_mem(line, &l.mem)) {
        out->what = NH_LINE_MEM;
        out->mem = l.mem;
    } else if (parse_tripwire(line, &l.tripwire)) {
        out->what = NH_LINE_TRIPWIRE;
        out->tripwire = l.tripwire;
    } else if (parse_task(line, &l.task)) {
        out->what = NH_LINE_TASK;
        out->task = l.task;
    } else if (parse_stack(line, &l.stack)) {
        out->what = NH_LINE_STACK;
        out->stack = l.stack;
    }
}

// ---- marks: most of them anywhere in a line ----------------------------------------------------

// "[Mem]", blanks, then `word`; "mqtt_" needs a byte behind it, "hb" none of a word.
static bool has_mem_word(const char *line, const char *word, bool whole)
{
    for (const char *p = line; (p = strstr(p, "[Mem]"));) {
        p += 5;
        if (!take_blanks(&p) || !take_text(&p, word))
            continue;
        bool goes_on = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || is_digit(*p) ||
                       *p == '_' || (unsigned char)*p >= 0x80;
        if (whole ? !goes_on : (*p && !is_blank(*p)))
            return true;
    }
    return false;
}

static bool take_octet(const char **p)
{
    int digits = 0;
    for (; is_digit(**p) && digits < 3; digits++)
        ++*p;
    return digits > 0;
}

static void parse_address(const char *line, struct nh_harness_line *out)
{
    for (const char *p = line; (p = strstr(p, "Got IP:"));) {
        p += 7;
        take_blanks(&p);
        const char *begin = p;
        if (!take_octet(&p) || !take_text(&p, ".") || !take_octet(&p) || !take_text(&p, ".") ||
            !take_octet(&p) || !take_text(&p, ".") || !take_octet(&p))
            continue;
        memcpy(out->address, begin, (size_t)(p - begin));
        out->address[p - begin] = 0;
        out->marks |= NH_MARK_ADDRESS;
        return;
    }
}

static bool is_version_char(char c)
{
    return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
           c == '_' || c == '-';
}

static void parse_version(const char *line, struct nh_harness_line *out)
{
    const char *p = strstr(line, "Firmware:");
    if (!p)
        return;
    p += 9;
    take_blanks(&p);
    if (!take_text(&p, "v"))
        return;
    size_t n = 0;
    for (; is_version_char(*p) && n + 1 < sizeof out->version; p++)
        out->version[n++] = *p;
    out->version[n] = 0;
}

static bool is_ready(const char *p)
{
    return take_text(&p, "[Main]") && take_blanks(&p) && take_text(&p, "Setup complete");
}

static void parse_panic(const char *line, struct nh_harness_line *out)
{
    static const struct {
        const char *kind, *text;
        bool at_start;
    } words[] = {
        {"guru_meditation", "Guru Meditation Error", false},
        {"panic", "panic'ed", false},
        {"stack_canary", "Stack canary watchpoint triggered", false},
        {"backtrace", "Backtrace:", true},
        {"abort", "abort()", false},
        {"brownout", "brownout", false},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(words) && !out->panic; i++) {
        const char *at = words[i].at_start ? line : find_nocase(line, words[i].text);
        if (at && strncasecmp(at, words[i].text, strlen(words[i].text)) == 0)
            out->panic = words[i].kind;
    }
}

void nh_harness_line_parse(const char *line, struct nh_harness_line *out)
{
    memset(out, 0, sizeof *out);
    parse_what(line, out);
    parse_address(line, out);
    parse_version(line, out);
    parse_panic(line, out);
    if (strncasecmp(line, "ESP-ROM:esp32", 13) == 0 || strncmp(line, "rst:", 4) == 0)
        out->marks |= NH_MARK_REBOOT;
    if (strstr(line, "System Boot"))
        out->marks |= NH_MARK_REBOOT | NH_MARK_BOOT;
    if (is_ready(line))
        out->marks |= NH_MARK_READY;
    if (has_mem_word(line, "hb", true))
        out->marks |= NH_MARK_HEARTBEAT;
    if (has_mem_word(line, "mqtt_", false))
        out->marks |= NH_MARK_MQTT;
}
