// nuthatch check of a device configuration: the same compiler as in the hub, and where each finding
// stands in the file.

#include "components/automation/automation.h"
#include "components/devices/devices.h"
#include "hub/cli_memory.h"
#include "hub/commands.h"
#include "hub/hub.h"
#include "platform/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FINDINGS_MAX_COUNT 1000
#define PATH_MAX_BYTES 512

// One event of the file, whichever form it has.
struct event {
    enum nh_json_event kind;
    nh_span_t text;
    struct nh_json_pos pos;
    bool is_plain;
};
typedef int (*event_fn)(void *ctx, const struct event *e);

struct checking {
    const char *file;
    bool is_json;
    const struct nh_device_limits *limits;
    nh_device_compiler_t *c;
    struct nh_device_finding *finding;
    size_t count, best[FINDINGS_MAX_COUNT]; // best: how much of a finding's pointer was found
    uint32_t errors, warnings;
    // the walk that finds their places
    char path[PATH_MAX_BYTES];
    size_t depth;
    struct {
        size_t len; // of the path up to here
        bool is_list;
        uint32_t index;
    } level[NH_JSON_DEPTH_MAX + 1];
};

// ---- reading either form
// -------------------------------------------------------------------------

struct yaml {
    event_fn event;
    void *ctx;
};

static int yaml_event(void *ctx, const struct nh_yaml_event *e)
{
    static const enum nh_json_event kinds[] = {
        [NH_YAML_MAP_BEGIN] = NH_JSON_OBJECT_BEGIN,
        [NH_YAML_MAP_END] = NH_JSON_OBJECT_END,
        [NH_YAML_LIST_BEGIN] = NH_JSON_ARRAY_BEGIN,
        [NH_YAML_LIST_END] = NH_JSON_ARRAY_END,
        [NH_YAML_KEY] = NH_JSON_KEY,
        [NH_YAML_SCALAR] = NH_JSON_STRING,
    };
    const struct yaml *y = ctx;
    const struct event out = {
        kinds[e->kind], {(const uint8_t *)e->text, e->len}, {0, e->line, e->column}, e->is_plain};
    return y->event(y->ctx, &out);
}

// What the reader says of a broken file, in `*pos` and `why`.
static int read_json(FILE *f, event_fn event, void *ctx, struct nh_json_pos *pos, char why[128])
{
    char text[NH_DEVICE_TEXT_MAX_BYTES + 1], chunk[4096];
    const struct nh_json_reader_config cfg = {
        .text = text, .text_max_bytes = sizeof text, .cut_long = true};
    nh_json_reader_t r;
    struct nh_json_error e;
    int ev = NH_ERR_AGAIN, err = 0;
    nh_json_reader_init(&r, &cfg);
    while (err == 0 && (ev = nh_json_next(&r)) != NH_JSON_DONE) {
        if (ev == NH_ERR_AGAIN) {
            size_t n = fread(chunk, 1, sizeof chunk, f);
            nh_json_feed(&r, chunk, n, n < sizeof chunk);
            continue;
        }
        if (ev < 0)
            break;
        struct event out = {.kind = (enum nh_json_event)ev, .pos = nh_json_pos(&r)};
        if (ev == NH_JSON_KEY || ev == NH_JSON_STRING || ev == NH_JSON_NUMBER)
            out.text = nh_json_view(&r);
        err = event(ctx, &out);
    }
    if (ev >= 0)
        return err;
    nh_json_error(&r, &e);
    *pos = e.pos;
    snprintf(why, 128, "%s", e.text);
    return NH_ERR_SYNTAX;
}

static int read_file(const struct checking *k, event_fn event, void *ctx, struct nh_json_pos *pos,
                     char why[128])
{
    struct yaml y = {event, ctx};
    struct nh_yaml_error e = {.line = 1, .column = 1};
    why[0] = '\0';
    if (!k->is_json) {
        int err = nh_yaml_read_file(k->file, yaml_event, &y, &e);
        *pos = (struct nh_json_pos){0, e.line, e.column};
        snprintf(why, 128, "%s", e.text);
        return err;
    }
    FILE *f = fopen(k->file, "rb");
    if (!f)
        return NH_ERR_NOT_FOUND;
    int err = read_json(f, event, ctx, pos, why);
    fclose(f);
    return err;
}

// ---- what kind of file it is
// ---------------------------------------------------------------------

struct kind {
    unsigned depth;
    bool after_devices, is_devices;
};

// Only such a file has a schema; in hub.yaml `devices` is no list.
static int look(void *ctx, const struct event *e)
{
    struct kind *k = ctx;
    bool ends = e->kind == NH_JSON_OBJECT_END || e->kind == NH_JSON_ARRAY_END;
    bool begins = e->kind == NH_JSON_OBJECT_BEGIN || e->kind == NH_JSON_ARRAY_BEGIN;
    k->is_devices |= k->after_devices && e->kind == NH_JSON_ARRAY_BEGIN;
    k->after_devices = false;
    if (k->depth == 1 && e->kind == NH_JSON_KEY) {
        k->is_devices |= e->text.len == 6 && memcmp(e->text.ptr, "schema", 6) == 0;
        k->after_devices = e->text.len == 7 && memcmp(e->text.ptr, "devices", 7) == 0;
    }
    k->depth += begins;
    k->depth -= ends;
    return k->is_devices ? NH_ERR_CANCELLED : 0;
}

static bool is_json(const char *file)
{
    FILE *f = fopen(file, "rb");
    int c = 0;
    if (!f)
        return false;
    while ((c = fgetc(f)) == ' ' || c == '\n' || c == '\r' || c == '\t')
        ;
    fclose(f);
    return c == '{';
}

bool nh_command_is_device_file(const char *file)
{
    struct checking k = {.file = file, .is_json = is_json(file)};
    struct kind kind = {0};
    struct nh_json_pos pos;
    char why[128];
    NH_IGNORE(read_file(&k, look, &kind, &pos, why));
    return kind.is_devices;
}

// ---- compiling ----------------------------------------------------------------------------------

static void keep(void *ctx, const struct nh_device_finding *f)
{
    struct checking *k = ctx;
    k->errors += !f->is_warning;
    k->warnings += f->is_warning;
    if (k->count < FINDINGS_MAX_COUNT)
        k->finding[k->count++] = *f;
}

static int compile_event(void *ctx, const struct event *e)
{
    struct checking *k = ctx;
    return nh_device_compiler_event(k->c, e->kind, e->text, &e->pos, e->is_plain);
}

// Where the finding's value, or as much of the way to it as there is, stands.
static void match(struct checking *k, const struct nh_json_pos *pos)
{
    size_t len = strlen(k->path);
    for (size_t i = 0; i < k->count; i++) {
        struct nh_device_finding *f = &k->finding[i];
        bool is_on_the_way = strncmp(f->pointer, k->path, len) == 0 &&
                             (f->pointer[len] == '\0' || f->pointer[len] == '/');
        if ((f->line && k->best[i] == 0) || !is_on_the_way || len + 1 < k->best[i])
            continue;
        f->line = pos->line;
        f->column = pos->column;
        k->best[i] = len + 1;
    }
}

static void put_step(struct checking *k, const char *text, size_t len)
{
    size_t at = k->level[k->depth - 1].len;
    snprintf(k->path + at, sizeof k->path - at, "/%.*s", (int)len, text);
}

static int place_event(void *ctx, const struct event *e)
{
    struct checking *k = ctx;
    bool begins = e->kind == NH_JSON_OBJECT_BEGIN || e->kind == NH_JSON_ARRAY_BEGIN;
    if (e->kind == NH_JSON_OBJECT_END || e->kind == NH_JSON_ARRAY_END) {
        k->depth--;
        return 0;
    }
    if (e->kind == NH_JSON_KEY) {
        put_step(k, (const char *)e->text.ptr, e->text.len);
        match(k, &e->pos);
        return 0;
    }
    if (k->depth > 0 && k->level[k->depth - 1].is_list) {
        char index[12];
        int n = snprintf(index, sizeof index, "%u", (unsigned)k->level[k->depth - 1].index++);
        put_step(k, index, (size_t)n);
        match(k, &e->pos);
    }
    if (begins && k->depth <= NH_JSON_DEPTH_MAX) {
        k->level[k->depth].len = strlen(k->path);
        k->level[k->depth].is_list = e->kind == NH_JSON_ARRAY_BEGIN;
        k->level[k->depth++].index = 0;
    }
    return 0;
}

static uint64_t size_of(const char *file)
{
    struct stat st;
    return stat(file, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

static int compile(struct checking *k, nh_mem_t *mem)
{
    struct nh_json_pos pos = {0, 1, 1};
    char why[128];
    nh_device_set_t *set = NULL;
    const struct nh_device_compiler_config cfg = {
        .mem = mem,
        .limits = k->limits,
        .expression = nh_expr_check,
        .lamp = nh_hub_lamp_check,
        .finding = keep,
        .ctx = k,
    };
    int err = nh_device_compiler_create(&cfg, &k->c);
    if (err < 0)
        return err;
    nh_device_compiler_count(k->c, size_of(k->file));
    err = read_file(k, compile_event, k, &pos, why);
    if (err == NH_ERR_NOT_FOUND || err == NH_ERR_DENIED || err == NH_ERR_IO)
        snprintf(why, sizeof why, "%s", nh_err_text(err));
    if (err < 0 && (k->errors == 0 || err == NH_ERR_SYNTAX))
        nh_device_compiler_broken(k->c, &pos, why[0] ? why : nh_err_text(err));
    if (err == 0)
        err = nh_device_compiler_end(k->c, &set);
    nh_device_compiler_destroy(k->c);
    nh_device_set_unref(set);
    if (err != NH_ERR_SYNTAX) // places of what only the whole showed
        NH_IGNORE(read_file(k, place_event, k, &pos, why));
    return err;
}

// ---- telling ------------------------------------------------------------------------------------

static int by_place(const void *a, const void *b)
{
    const struct nh_device_finding *x = a, *y = b;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    return x->column < y->column ? -1 : x->column > y->column;
}

static void print_lines(const struct checking *k)
{
    for (size_t i = 0; i < k->count; i++) {
        const struct nh_device_finding *f = &k->finding[i];
        fprintf(stderr, "%s:%u:%u: %s: %s%s%s [%s]\n", k->file, (unsigned)f->line,
                (unsigned)f->column, f->is_warning ? "warning" : "error", f->pointer,
                f->pointer[0] ? ": " : "", f->text, f->code);
    }
    if (k->errors == 0)
        printf("%s: good%s\n", k->file, k->warnings ? ", with warnings" : "");
}

static int file_sink(void *ctx, const char *bytes, size_t len)
{
    return fwrite(bytes, 1, len, ctx) == len ? 0 : NH_ERR_IO;
}

static void print_json(const struct checking *k)
{
    nh_json_writer_t w;
    nh_json_writer_init(&w, file_sink, stdout);
    nh_json_object_begin(&w);
    nh_json_kv_string(&w, "file", k->file);
    nh_json_key(&w, "findings");
    nh_json_array_begin(&w);
    for (size_t i = 0; i < k->count; i++) {
        const struct nh_device_finding *f = &k->finding[i];
        nh_json_object_begin(&w);
        nh_json_kv_string(&w, "file", k->file);
        nh_json_kv_string(&w, "severity", f->is_warning ? "warning" : "error");
        nh_json_kv_string(&w, "code", f->code);
        nh_json_kv_uint(&w, "line", f->line);
        nh_json_kv_uint(&w, "column", f->column);
        nh_json_kv_string(&w, "path", f->pointer);
        nh_json_kv_string(&w, "text", f->text);
        nh_json_object_end(&w);
    }
    nh_json_array_end(&w);
    nh_json_kv_bool(&w, "good", k->errors == 0);
    nh_json_object_end(&w);
    NH_IGNORE(nh_json_writer_end(&w));
    putchar('\n');
}

int nh_command_check_devices(const char *file, const struct nh_device_limits *limits, bool as_json)
{
    struct nh_cli_memory m;
    if (!nh_cli_memory_open(&m))
        return 1;
    // Not static: on a chip that would be memory of the hub.
    struct checking *k = nh_mem_alloc_zero(m.mem, sizeof *k, NH_MEM_BULK);
    if (k)
        k->finding = nh_mem_alloc(m.mem, FINDINGS_MAX_COUNT * sizeof *k->finding, NH_MEM_BULK);
    int err = k && k->finding ? NH_OK : NH_ERR_NOMEM;
    if (err == 0) {
        k->file = file;
        k->limits = limits;
        k->is_json = is_json(file);
        err = compile(k, m.mem);
        qsort(k->finding, k->count, sizeof *k->finding, by_place);
        (as_json ? print_json : print_lines)(k);
    }
    if (k)
        nh_mem_free(m.mem, k->finding);
    nh_mem_free(m.mem, k);
    nh_cli_memory_close(&m);
    return err < 0 ? 1 : 0;
}

// ---- the reference of all fields
// -----------------------------------------------------------------

#define OBJECT_MAX_COUNT 40

static void print_words(const char *const *words, uint32_t mask)
{
    bool is_first = true;
    for (int i = 0; words[i]; i++) {
        if (!(mask >> i & 1))
            continue;
        printf("%s%s", is_first ? "" : ", ", words[i]);
        is_first = false;
    }
}

static void print_kind(const struct nh_field_row *r)
{
    static const char *const kinds[] = {"true or false", "number", "",     "text",
                                        "any value",     "",       "list", "list of texts"};
    static const char *const classes[] = {"id",         "name", "topic",       "filter",
                                          "text",       "name", "variable",    "track",
                                          "expression", "time", "JSON pointer"};
    enum nh_field_kind kind = nh_field_kind((enum nh_field)r->field);
    if (kind == NH_KIND_INT)
        printf("%lld to %lld", (long long)r->min, (long long)r->max);
    else if (kind == NH_KIND_TEXT)
        printf("%s", classes[r->text_class]);
    else if (kind == NH_KIND_ENUM)
        print_words(r->words, UINT32_MAX);
    else if (r->object)
        printf("%s%s", kind == NH_KIND_LIST ? "list of " : "", r->object->name);
    else
        printf("%s", kinds[kind]);
}

static void print_object(const struct nh_field_object *o)
{
    printf(
        "\n### %s\n\n| field | what it may be | of which types | what it is |\n|---|---|---|---|\n",
        o->name);
    for (const struct nh_field_row *r = o->rows; r->field; r++) {
        bool is_needed = r->needs == UINT32_MAX || (!o->has_type && r->needs);
        printf("| `%s`%s | ", nh_field_name((enum nh_field)r->field), is_needed ? " (needed)" : "");
        print_kind(r);
        printf(" | ");
        if (o->has_type && r->uses)
            print_words(o->rows[0].words, r->uses);
        printf(" | %s |\n", r->text);
    }
}

int nh_command_print_device_fields(void)
{
    const struct nh_field_object *object[OBJECT_MAX_COUNT] = {&nh_schema_root};
    size_t count = 1;
    for (size_t i = 0; i < count; i++) {
        print_object(object[i]);
        for (const struct nh_field_row *r = object[i]->rows; r->field; r++) {
            size_t at = 0;
            while (r->object && at < count && object[at] != r->object)
                at++;
            if (r->object && at == count && count < OBJECT_MAX_COUNT)
                object[count++] = r->object;
        }
    }
    return 0;
}
