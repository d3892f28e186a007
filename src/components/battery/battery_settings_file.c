// Settings as JSON, read and written.

#include "components/battery/battery_settings_file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX_BYTES 64

enum kind { CHANGES, EXPORT };
struct reading {
    nh_json_reader_t r;
    char text[TEXT_MAX_BYTES];
    enum kind kind;
    struct nh_battery__file *out;
};

bool nh_battery__is_kept(const struct nh_tinybms_register *r)
{
    return r->flags & NH_TINYBMS_WRITABLE && r->address != 323 && r->address != 328;
}

// ---- reading ------------------------------------------------------------------------------------

static int fail(struct reading *g, int err, const char *what)
{
    struct nh_json_error e;
    nh_json_error(&g->r, &e);
    snprintf(g->out->fault, sizeof g->out->fault, "line %u, column %u: %s", (unsigned)e.pos.line,
             (unsigned)e.pos.column, what ? what : e.text);
    return err;
}

static int next(struct reading *g)
{
    int event = nh_json_next(&g->r);
    return event < 0 ? fail(g, event, NULL) : event;
}

static void find(struct reading *g, const char *key, const char *value, const char *limit,
                 const char *text)
{
    struct nh_battery__file *f = g->out;
    if (f->finding_count == NH_BATTERY_FINDING_MAX_COUNT)
        return;
    struct nh_battery__finding *n = &f->findings[f->finding_count++];
    *n = (struct nh_battery__finding){0};
    snprintf(n->field, sizeof n->field, "%s", key);
    snprintf(n->value, sizeof n->value, "%s", value);
    snprintf(n->limit, sizeof n->limit, "%s", limit);
    snprintf(n->text, sizeof n->text, "%s", text);
}

// "on", "CC/CV"; the choices are short lists.
static bool choice_of(const struct nh_tinybms_register *r, const char *text, double *value)
{
    for (const struct nh_tinybms_choice *c = r->choices; c && c->text; c++)
        if (strcmp(c->text, text) == 0) {
            *value = c->value;
            return true;
        }
    return false;
}

static bool scalar(struct reading *g, int event, const struct nh_tinybms_register *r, double *value)
{
    switch (event) {
    case NH_JSON_NUMBER:
        return nh_json_double(&g->r, value) == 0;
    case NH_JSON_STRING:
        return choice_of(r, nh_json_text(&g->r, NULL), value);
    case NH_JSON_TRUE: // of what is on or off, not of a number
        return choice_of(r, "on", value);
    case NH_JSON_FALSE:
        return choice_of(r, "off", value);
    default:
        return false;
    }
}

// The value as the file has it; of what has parts, how it begins.
static const char *text_of(const struct reading *g, int event)
{
    switch (event) {
    case NH_JSON_STRING:
    case NH_JSON_NUMBER:
        return nh_json_text(&g->r, NULL);
    case NH_JSON_TRUE:
        return "true";
    case NH_JSON_FALSE:
        return "false";
    case NH_JSON_NULL:
        return "null";
    case NH_JSON_ARRAY_BEGIN:
        return "[...]";
    default:
        return "{...}";
    }
}

static int skip(struct reading *g)
{
    int err = nh_json_skip(&g->r);
    return err < 0 ? fail(g, err, NULL) : NH_OK;
}

// The value behind the key in `key`.
static int read_setting(struct reading *g, const char *key)
{
    const struct nh_tinybms_register *r =
        nh_tinybms_register_find((nh_span_t){(const uint8_t *)key, strlen(key)});
    double value = 0;
    int event = next(g);
    if (event < 0)
        return event;
    bool is_null = event == NH_JSON_NULL;
    bool has_value = r && !is_null && scalar(g, event, r, &value);
    const char *text = text_of(g, event);
    if (!r || (g->kind == EXPORT && !(r->flags & NH_TINYBMS_WRITABLE)))
        find(g, key, text, "", "there is no setting of this name");
    else if (g->kind == EXPORT && (is_null || !nh_battery__is_kept(r)))
        return skip(g);
    else if (!has_value)
        find(g, key, text, r->choices ? "a number or the text of a choice" : "a number",
             "it is no value");
    else if (g->out->wish_count == NH_BATTERY_WISH_MAX_COUNT)
        return fail(g, NH_ERR_TOO_LONG, "there are more values than settings");
    else
        g->out->wishes[g->out->wish_count++] = (struct nh_battery__wish){.r = r, .value = value};
    return skip(g);
}

static int read_settings(struct reading *g)
{
    char key[TEXT_MAX_BYTES];
    int event = next(g);
    if (event >= 0 && event != NH_JSON_OBJECT_BEGIN)
        return fail(g, NH_ERR_TYPE, "an object of settings and their values is expected");
    while (event >= 0) {
        event = next(g);
        if (event == NH_JSON_OBJECT_END)
            return NH_OK;
        if (event < 0)
            return event;
        snprintf(key, sizeof key, "%s", nh_json_text(&g->r, NULL));
        int err = read_setting(g, key);
        if (err < 0)
            return err;
    }
    return event;
}

static int read_text(struct reading *g, char *out, size_t cap)
{
    int event = next(g);
    if (event < 0)
        return event;
    if (event == NH_JSON_NULL)
        return NH_OK;
    if (event != NH_JSON_STRING)
        return fail(g, NH_ERR_TYPE, "a text is expected");
    snprintf(out, cap, "%s", nh_json_text(&g->r, NULL));
    return NH_OK;
}

static int check_format(struct reading *g)
{
    char text[TEXT_MAX_BYTES] = "";
    int err = read_text(g, text, sizeof text);
    if (err == NH_OK && strcmp(text, NH_BATTERY_FILE_FORMAT) != 0)
        return fail(g, NH_ERR_TYPE, "this is no file of battery settings");
    return err;
}

static int read_member(struct reading *g, const char *name, bool *has_settings)
{
    if (strcmp(name, g->kind == CHANGES ? "changes" : "settings") == 0) {
        *has_settings = true;
        return read_settings(g);
    }
    if (g->kind == CHANGES && strcmp(name, "token") == 0)
        return read_text(g, g->out->token, sizeof g->out->token);
    if (g->kind == CHANGES)
        return fail(g, NH_ERR_SYNTAX, "\"changes\" and \"token\" are known here");
    if (strcmp(name, "format") == 0)
        return check_format(g);
    int event = next(g);
    return event < 0 ? event : skip(g);
}

static int read_all(struct reading *g)
{
    bool has_settings = false;
    int event = next(g);
    if (event >= 0 && event != NH_JSON_OBJECT_BEGIN)
        return fail(g, NH_ERR_TYPE, "an object is expected");
    while (event >= 0) {
        event = next(g);
        if (event == NH_JSON_OBJECT_END)
            break;
        if (event < 0)
            return event;
        char name[TEXT_MAX_BYTES];
        snprintf(name, sizeof name, "%s", nh_json_text(&g->r, NULL));
        event = read_member(g, name, &has_settings);
    }
    if (event >= 0)
        event = next(g); // nothing may follow
    if (event < 0)
        return event;
    return has_settings
               ? NH_OK
               : fail(g, NH_ERR_NOT_FOUND,
                      g->kind == CHANGES ? "\"changes\" is missing" : "\"settings\" is missing");
}

static int read_as(enum kind kind, const char *text, size_t len, struct nh_battery__file *out)
{
    struct reading g = {.kind = kind, .out = out};
    const struct nh_json_reader_config cfg = {.text = g.text, .text_max_bytes = sizeof g.text};
    *out = (struct nh_battery__file){0};
    nh_json_reader_init(&g.r, &cfg);
    nh_json_feed(&g.r, text, len, true);
    return read_all(&g);
}

int nh_battery__file_read_changes(const char *text, size_t len, struct nh_battery__file *out)
{
    return read_as(CHANGES, text, len, out);
}

int nh_battery__file_read_export(const char *text, size_t len, struct nh_battery__file *out)
{
    return read_as(EXPORT, text, len, out);
}

// ---- writing ------------------------------------------------------------------------------------

const char *nh_battery__serial_text(const uint16_t version[NH_TINYBMS_VERSION_COUNT],
                                    char out[NH_BATTERY_SERIAL_TEXT_BYTES])
{
    const uint16_t *serial = version + 4; // of registers 504 to 509
    uint16_t any = 0;
    for (size_t i = 0; i < 6; i++)
        any |= serial[i];
    out[0] = '\0';
    for (size_t i = 0; any && i < 6; i++)
        snprintf(out + 4 * i, 5, "%04x", serial[i]);
    return out;
}

static size_t put_head(const struct nh_battery__export *e, char *out, size_t cap)
{
    char serial[NH_BATTERY_SERIAL_TEXT_BYTES] = "", board[96] = "null", saved[24] = "null";
    if (e->version)
        snprintf(board, sizeof board, "{\"serial\": \"%s\", \"hardware\": %u, \"firmware\": %u}",
                 nh_battery__serial_text(e->version, serial), e->version[0] & 0xFFu,
                 e->version[1] & 0xFFu);
    if (e->unix_ms)
        snprintf(saved, sizeof saved, "%lld", (long long)e->unix_ms);
    int n = snprintf(out, cap,
                     "{\n  \"format\": \"%s\",\n  \"version\": %d,\n  \"board\": %s,\n"
                     "  \"saved_unix_ms\": %s,\n  \"settings\": {",
                     NH_BATTERY_FILE_FORMAT, NH_BATTERY_FILE_VERSION, board, saved);
    return (size_t)n;
}

static size_t put_setting(const struct nh_battery__export *e, const struct nh_tinybms_register *r,
                          bool is_first, char *out, size_t cap)
{
    double value = nh_tinybms_value(r, e->words + (r->address - NH_TINYBMS_SETTINGS_FIRST));
    struct nh_json_buf b = {.ptr = out, .cap = cap};
    nh_json_writer_t w;
    int n = snprintf(out, cap, "%s\n    \"%s\": ", is_first ? "" : ",", r->key);
    b.len = (size_t)n;
    nh_json_writer_init(&w, nh_json_buf_sink, &b);
    nh_json_double_value(&w, value);
    NH_IGNORE(nh_json_writer_end(&w)); // it fits
    return b.len;
}

// Part 0 is the head; part i + 1 is register i, or nothing of it; the last one closes.
size_t nh_battery__export_next(struct nh_battery__export *e, char out[NH_BATTERY_EXPORT_PART_BYTES])
{
    static const char tail[] = "\n  }\n}\n";
    if (e->at++ == 0)
        return put_head(e, out, NH_BATTERY_EXPORT_PART_BYTES);
    for (; e->at - 2 < nh_tinybms_register_count(); e->at++) {
        const struct nh_tinybms_register *r = nh_tinybms_register_at(e->at - 2);
        if (nh_battery__is_kept(r))
            return put_setting(e, r, r->address == NH_TINYBMS_SETTINGS_FIRST, out,
                               NH_BATTERY_EXPORT_PART_BYTES);
    }
    if (e->at - 2 > nh_tinybms_register_count())
        return 0;
    memcpy(out, tail, sizeof tail - 1);
    return sizeof tail - 1;
}
