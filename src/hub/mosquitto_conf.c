#include "hub/mosquitto_conf.h"

#include "core/base/utf8.h"
#include "hub/line_file.h"

#include <stdio.h>
#include <string.h>

// ---- faults -------------------------------------------------------------------------------------

void nh_mosquitto__tell(nh_mosquitto_reader_t *r, nh_mosquitto__place_t at, bool is_warning,
                        const char *option, const char *value, const char *limit, const char *text)
{
    struct nh_finding f = {.code = NH_ERR_INVAL,
                           .is_warning = is_warning,
                           .line = at & ((1u << NH_MOSQUITTO_LINE_BITS) - 1)};
    uint32_t file = at >> NH_MOSQUITTO_LINE_BITS;
    snprintf(f.pointer, sizeof f.pointer, "%.100s", option);
    snprintf(f.value, sizeof f.value, "%.44s", value);
    snprintf(f.limit, sizeof f.limit, "%.63s", limit);
    snprintf(f.text, sizeof f.text, "%.95s", text);
    // A control character in a name or value would forge a line where this is told.
    for (char *p = f.pointer; *p; p++)
        *p = (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p;
    for (char *p = f.value; *p; p++)
        *p = (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p;
    r->error_count += !is_warning;
    if (r->cfg.fault)
        r->cfg.fault(r->cfg.ctx, file < r->file_count ? r->files[file] : "", &f);
}

void nh_mosquitto__error(nh_mosquitto_reader_t *r, const char *option, const char *value,
                         const char *limit, const char *text)
{
    nh_mosquitto__tell(r, r->at, false, option, value, limit, text);
}

void nh_mosquitto__warn(nh_mosquitto_reader_t *r, const char *option, const char *value,
                        const char *text)
{
    nh_mosquitto__tell(r, r->at, true, option, value, "", text);
}

void nh_mosquitto_fault(nh_mosquitto_reader_t *r, const char *option, const char *value,
                        const char *text)
{
    nh_mosquitto__error(r, option, value, "", text);
}

nh_mosquitto__place_t nh_mosquitto__given(const nh_mosquitto__place_t *place, const char *option)
{
    const nh_mosquitto__option_t *o = nh_mosquitto__find(option);
    return o ? place[o - nh_mosquitto__options] : 0;
}

// ---- words --------------------------------------------------------------------------------------

char *nh_mosquitto__word(char **rest)
{
    char *begin = *rest + strspn(*rest, " ");
    size_t len = strcspn(begin, " ");
    if (len == 0) {
        *rest = begin;
        return NULL;
    }
    *rest = begin + len;
    if (**rest)
        *(*rest)++ = '\0';
    return begin;
}

bool nh_mosquitto__number(const char *text, int32_t *out)
{
    bool is_negative = text[0] == '-';
    int64_t value = 0;
    const char *p = text + is_negative;
    if (!*p)
        return false;
    for (; *p; p++) {
        if (*p < '0' || *p > '9' || value > INT32_MAX)
            return false;
        value = value * 10 + (*p - '0');
    }
    if (value > INT32_MAX)
        return false;
    *out = (int32_t)(is_negative ? -value : value);
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

// The rest of a line without blanks around it.
static char *trim(char *text)
{
    while (is_blank(*text))
        text++;
    size_t len = strlen(text);
    while (len && is_blank(text[len - 1]))
        text[--len] = '\0';
    return text;
}

// Control characters, of Latin-1 too, and what is no character: Mosquitto takes none of them, and
// no hub.yaml could have them.
static bool has_control(const char *text)
{
    for (const uint8_t *p = (const uint8_t *)text; *p; p++)
        if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0) ||
            (*p == 0xef && p[1] == 0xbf && p[2] >= 0xbe))
            return true;
    return false;
}

bool nh_mosquitto__put(nh_mosquitto_reader_t *r, const char *option, char *out, size_t cap,
                       const char *text)
{
    char limit[32];
    size_t len = strlen(text);
    snprintf(limit, sizeof limit, "at most %u bytes", (unsigned)(cap - 1));
    if (len >= cap)
        nh_mosquitto__error(r, option, text, limit, "is too long");
    else if (!nh_utf8_is_valid(text, len, false))
        nh_mosquitto__error(r, option, "", "UTF-8", "is not UTF-8");
    else if (has_control(text))
        nh_mosquitto__error(r, option, text, "no control characters", "has a control character");
    else
        memcpy(out, text, len + 1);
    return len < cap && nh_utf8_is_valid(text, len, false) && !has_control(text);
}

// ---- values -------------------------------------------------------------------------------------

// Where the values and places of the option's scope are; NULL: told why there are none.
static void *scope_of(nh_mosquitto_reader_t *r, const nh_mosquitto__option_t *o,
                      nh_mosquitto__place_t **place)
{
    struct nh_mosquitto__frame *f = &r->frame[r->depth - 1];
    struct nh_mosquitto__values *v = &r->v;
    struct nh_mosquitto__listener *l = &v->listener[f->listener];
    switch (o->scope) {
    case NH_MOSQUITTO_SECURITY:
        v->globals.has_security = true;
        *place = v->globals.per_listener_settings ? l->place : v->globals.place;
        return v->globals.per_listener_settings ? &l->security : &v->globals.security;
    case NH_MOSQUITTO_LISTENER:
        *place = l->place;
        return l;
    case NH_MOSQUITTO_BRIDGE:
        if (f->bridge == 0 && !f->is_skipped)
            nh_mosquitto__error(r, o->name, "", "", "stands before any line \"connection NAME\"");
        if (f->bridge == 0)
            return NULL;
        *place = v->bridge[f->bridge - 1].place;
        return &v->bridge[f->bridge - 1];
    default:
        *place = v->globals.place;
        return &v->globals;
    }
}

// An option that has no effect, or is refused; its value is good.
static void tell_support(nh_mosquitto_reader_t *r, const nh_mosquitto__option_t *o,
                         const char *value)
{
    char text[96];
    bool is_refused = o->support == NH_MOSQUITTO_REFUSED;
    snprintf(text, sizeof text, "%s: %s", is_refused ? "is refused" : "has no effect", o->text);
    nh_mosquitto__tell(r, r->at, !is_refused, o->name, o->is_secret ? "(hidden)" : value, "", text);
}

static bool read_bool(nh_mosquitto_reader_t *r, const nh_mosquitto__option_t *o, const char *word,
                      bool *out)
{
    *out = strcmp(word, "true") == 0 || strcmp(word, "1") == 0;
    if (*out || strcmp(word, "false") == 0 || strcmp(word, "0") == 0)
        return true;
    nh_mosquitto__error(r, o->name, word, "true or false", "is neither true nor false");
    return false;
}

static bool read_int(nh_mosquitto_reader_t *r, const nh_mosquitto__option_t *o, const char *word,
                     int32_t *out)
{
    char limit[40];
    if (o->min > INT32_MIN + 1)
        snprintf(limit, sizeof limit, "%d to %d", (int)o->min, (int)o->max);
    else // below 0 as 0
        snprintf(limit, sizeof limit, "at most %d", (int)o->max);
    bool is_number = nh_mosquitto__number(word, out);
    if (is_number && *out >= o->min && *out <= o->max)
        return true;
    nh_mosquitto__error(r, o->name, word, limit,
                        is_number ? "is out of range" : "is no whole number");
    return false;
}

static void take_one_word(nh_mosquitto_reader_t *r, const nh_mosquitto__option_t *o, void *into,
                          char *rest)
{
    const char *word = nh_mosquitto__word(&rest);
    int32_t number = 0;
    bool yes = false;
    if (!word) {
        nh_mosquitto__error(r, o->name, "", "", "has no value");
        return;
    }
    bool is_good =
        o->type == NH_MOSQUITTO_BOOL ? read_bool(r, o, word, &yes) : read_int(r, o, word, &number);
    if (!is_good)
        return;
    if (o->support != NH_MOSQUITTO_SUPPORTED) {
        if ((o->type == NH_MOSQUITTO_BOOL ? (int32_t)yes : number) != o->harmless)
            tell_support(r, o, word);
    } else if (o->type == NH_MOSQUITTO_BOOL) {
        memcpy((uint8_t *)into + o->offset, &yes, sizeof yes);
    } else {
        memcpy((uint8_t *)into + o->offset, &number, sizeof number);
    }
}

static void take_text(nh_mosquitto_reader_t *r, const nh_mosquitto__option_t *o, void *into,
                      char *rest)
{
    const char *text = trim(rest);
    if (!*text)
        nh_mosquitto__error(r, o->name, "", "", "has no value");
    else if (o->support != NH_MOSQUITTO_SUPPORTED)
        tell_support(r, o, text);
    else
        nh_mosquitto__put(r, o->name, (char *)into + o->offset, o->size, text);
}

static void take(nh_mosquitto_reader_t *r, const nh_mosquitto__option_t *o, char *rest)
{
    nh_mosquitto__place_t *place;
    void *into = scope_of(r, o, &place);
    if (!into)
        return;
    nh_mosquitto__place_t *at = &place[o - nh_mosquitto__options];
    if (o->type == NH_MOSQUITTO_TEXT && o->support == NH_MOSQUITTO_SUPPORTED && *at) {
        nh_mosquitto__error(r, o->name, o->is_secret ? "(hidden)" : trim(rest), "once",
                            "is given a second time");
        return;
    }
    *at = r->at;
    if (o->type == NH_MOSQUITTO_WORDS)
        o->take(r, o, into, rest);
    else if (o->type == NH_MOSQUITTO_TEXT)
        take_text(r, o, into, rest);
    else
        take_one_word(r, o, into, rest);
}

// ---- lines --------------------------------------------------------------------------------------

static void include(nh_mosquitto_reader_t *r, char *rest, char folder[NH_MOSQUITTO_PATH_MAX])
{
    const char *path = trim(rest);
    if (r->depth > 1)
        nh_mosquitto__warn(r, "include_dir", path, "has no effect in a file that is included");
    else if (!*path)
        nh_mosquitto__error(r, "include_dir", "", "", "has no value");
    else
        nh_mosquitto__put(r, "include_dir", folder, NH_MOSQUITTO_PATH_MAX, path);
}

void nh_mosquitto_line(nh_mosquitto_reader_t *r, uint32_t number, nh_span_t text,
                       char folder[NH_MOSQUITTO_PATH_MAX])
{
    char line[NH_LINE_MAX_BYTES + 1], *rest = line;
    folder[0] = '\0';
    r->at = r->frame[r->depth - 1].file << NH_MOSQUITTO_LINE_BITS |
            (number & ((1u << NH_MOSQUITTO_LINE_BITS) - 1));
    if (!text.ptr || text.len > NH_LINE_MAX_BYTES) {
        nh_mosquitto__error(r, "", "", "1024 bytes", "this line is too long");
        return;
    }
    while (text.len && (text.ptr[text.len - 1] == '\r' || text.ptr[text.len - 1] == '\n'))
        text.len--;
    if (text.len == 0 || text.ptr[0] == '#')
        return;
    memcpy(line, text.ptr, text.len);
    line[text.len] = '\0';
    if (strlen(line) < text.len) {
        nh_mosquitto__error(r, "", "", "text", "this line has a byte 0");
        return;
    }
    const char *name = nh_mosquitto__word(&rest);
    const nh_mosquitto__option_t *o = name ? nh_mosquitto__find(name) : NULL;
    if (!name)
        return;
    if (strcmp(name, "include_dir") == 0)
        include(r, rest, folder);
    else if (o)
        take(r, o, rest);
    else
        nh_mosquitto__error(r, name, "", "", "is no option of mosquitto.conf");
}

// ---- files --------------------------------------------------------------------------------------

void nh_mosquitto_init(nh_mosquitto_reader_t *r, const struct nh_mosquitto_config *cfg,
                       struct nh_mosquitto_conf *out)
{
    memset(r, 0, sizeof *r);
    memset(out, 0, sizeof *out);
    r->cfg = *cfg;
    r->out = out;
    r->v.globals = (struct nh_mosquitto__globals){.log_timestamp = true,
                                                  .connection_messages = true,
                                                  .max_inflight_messages = 20,
                                                  .max_queued_messages = 1000,
                                                  .max_keepalive = 65535,
                                                  .sys_interval = 10,
                                                  .global_max_connections = -1,
                                                  .retain_available = true};
    nh_mosquitto__listener_init(&r->v.listener[0]);
    r->v.listener_count = 1;
}

int nh_mosquitto_file_begin(nh_mosquitto_reader_t *r, const char *path)
{
    if (r->depth == NH_MOSQUITTO_DEPTH_MAX || r->file_count == NH_MOSQUITTO_FILE_MAX_COUNT) {
        nh_mosquitto__error(r, "include_dir", path, "31 files", "includes too many files");
        return NH_ERR_FULL;
    }
    snprintf(r->files[r->file_count], sizeof r->files[0], "%s", path);
    r->frame[r->depth++] = (struct nh_mosquitto__frame){.file = r->file_count++};
    return NH_OK;
}

void nh_mosquitto_file_end(nh_mosquitto_reader_t *r)
{
    r->depth--;
}

int nh_mosquitto_end(nh_mosquitto_reader_t *r)
{
    nh_hub_config_defaults(&r->out->hub);
    nh_mosquitto__end_globals(r);
    nh_mosquitto__end_listeners(r);
    nh_mosquitto__end_bridges(r);
    return r->error_count ? NH_ERR_INVAL : NH_OK;
}
