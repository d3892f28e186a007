// cmd_battery_settings.c - nuthatch battery settings: export, compare, apply, set.

#include "cmd_battery.h"

#include "components/battery/battery.h"
#include "core/json/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FILE_MAX_BYTES 8192
#define BODY_MAX_BYTES 4096
#define DIFFERENCE_MAX_COUNT 48
#define TEXT_MAX_BYTES 64

struct difference {
    char key[40], board[32], wanted[32];
    bool is_dangerous;
};

// Of a comparison: a value that is none.
struct fault {
    char key[TEXT_MAX_BYTES], value[TEXT_MAX_BYTES], limit[80];
};

struct work {
    struct battery_hub hub;
    struct difference rows[DIFFERENCE_MAX_COUNT];
    size_t count;
    size_t fault_count; // of the file: what stands in it and cannot be compared
    const char *path;
    struct fault fault;
    bool is_sure;
    char file[FILE_MAX_BYTES + 1];
    char body[BODY_MAX_BYTES];
};

static const struct nh_tinybms_register *register_of(const char *key)
{
    return nh_tinybms_register_find((nh_span_t){(const uint8_t *)key, strlen(key)});
}

// ---- the hub's replies --------------------------------------------------------------------------

struct reading {
    nh_json_reader_t r;
    char text[TEXT_MAX_BYTES * 4];
};

static void begin(struct reading *g, const struct battery_hub *h)
{
    const struct nh_json_reader_config cfg = {
        .text = g->text, .text_max_bytes = sizeof g->text, .cut_long = true};
    nh_json_reader_init(&g->r, &cfg);
    nh_json_feed(&g->r, h->reply, h->reply_bytes, true);
}

// Calls `member` for each member of each object in the array `name`, and `ended` after each object.
static void each_row(const struct battery_hub *h, const char *name,
                     void (*member)(void *ctx, const char *key, const char *value),
                     void (*ended)(void *ctx), void *ctx)
{
    struct reading g;
    char key[TEXT_MAX_BYTES] = "";
    bool is_inside = false;
    begin(&g, h);
    for (int e = nh_json_next(&g.r); e > 0 && e != NH_JSON_DONE; e = nh_json_next(&g.r)) {
        uint32_t depth = nh_json_depth(&g.r);
        if (e == NH_JSON_KEY)
            snprintf(key, sizeof key, "%s", nh_json_text(&g.r, NULL));
        else if (e == NH_JSON_ARRAY_BEGIN && depth == 2)
            is_inside = strcmp(key, name) == 0;
        else if (e == NH_JSON_ARRAY_END && depth == 1)
            is_inside = false;
        else if (is_inside && e == NH_JSON_OBJECT_END && depth == 2)
            ended(ctx);
        else if (is_inside && (e == NH_JSON_STRING || e == NH_JSON_NUMBER))
            member(ctx, key, nh_json_text(&g.r, NULL));
        else if (is_inside && (e == NH_JSON_TRUE || e == NH_JSON_FALSE || e == NH_JSON_NULL))
            member(ctx, key, e == NH_JSON_TRUE ? "true" : e == NH_JSON_FALSE ? "false" : "-");
    }
}

static bool find_text(const struct battery_hub *h, const char *name, char *out, size_t cap)
{
    struct reading g;
    bool is_next = false;
    begin(&g, h);
    for (int e = nh_json_next(&g.r); e > 0 && e != NH_JSON_DONE; e = nh_json_next(&g.r)) {
        if (is_next && e == NH_JSON_STRING) {
            snprintf(out, cap, "%s", nh_json_text(&g.r, NULL));
            return true;
        }
        is_next = e == NH_JSON_KEY && nh_json_depth(&g.r) == 1 &&
                  strcmp(nh_json_text(&g.r, NULL), name) == 0;
    }
    return false;
}

// Whether a comparison found settings that are the board's.
static bool has_same(const struct battery_hub *h)
{
    struct reading g;
    bool is_next = false;
    begin(&g, h);
    for (int e = nh_json_next(&g.r); e > 0 && e != NH_JSON_DONE; e = nh_json_next(&g.r)) {
        if (is_next && e == NH_JSON_NUMBER)
            return strcmp(nh_json_text(&g.r, NULL), "0") != 0;
        is_next = e == NH_JSON_KEY && nh_json_depth(&g.r) == 1 &&
                  strcmp(nh_json_text(&g.r, NULL), "same") == 0;
    }
    return false;
}

// ---- differences --------------------------------------------------------------------------------

static void take_difference(void *ctx, const char *key, const char *value)
{
    struct work *w = ctx;
    if (w->count == DIFFERENCE_MAX_COUNT)
        return;
    struct difference *d = &w->rows[w->count];
    if (strcmp(key, "key") == 0)
        snprintf(d->key, sizeof d->key, "%s", value);
    else if (strcmp(key, "board") == 0)
        snprintf(d->board, sizeof d->board, "%s", value);
    else if (strcmp(key, "file") == 0)
        snprintf(d->wanted, sizeof d->wanted, "%s", value);
    else if (strcmp(key, "dangerous") == 0)
        d->is_dangerous = strcmp(value, "true") == 0;
}

static void end_difference(void *ctx)
{
    struct work *w = ctx;
    w->count += w->count < DIFFERENCE_MAX_COUNT;
}

static void print_differences(const struct work *w)
{
    for (size_t i = 0; i < w->count; i++) {
        const struct difference *d = &w->rows[i];
        const struct nh_tinybms_register *r = register_of(d->key);
        printf("%-30s %10s -> %-10s %-4s%s\n", d->key, d->board[0] ? d->board : "?", d->wanted,
               r ? r->unit : "", d->is_dangerous ? " dangerous" : "");
    }
}

static void tell_unknown(void *ctx, const char *key, const char *value)
{
    struct work *w = ctx;
    (void)key;
    w->fault_count++;
    fprintf(stderr, "nuthatch battery: %s: %s: there is no setting of this name\n", w->path, value);
}

static void end_unknown(void *ctx)
{
    (void)ctx; // names are no objects
}

static void take_fault(void *ctx, const char *key, const char *value)
{
    struct fault *f = &((struct work *)ctx)->fault;
    if (strcmp(key, "key") == 0)
        snprintf(f->key, sizeof f->key, "%s", value);
    else if (strcmp(key, "value") == 0)
        snprintf(f->value, sizeof f->value, "%s", value);
    else if (strcmp(key, "limit") == 0)
        snprintf(f->limit, sizeof f->limit, "%s", value);
}

static void tell_fault(void *ctx)
{
    struct work *w = ctx;
    w->fault_count++;
    fprintf(stderr, "nuthatch battery: %s: %s: %s is no value of it; allowed: %s\n", w->path,
            w->fault.key, w->fault.value, w->fault.limit);
    w->fault = (struct fault){{0}, {0}, {0}};
}

static bool read_file(struct work *w, const char *path)
{
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(w->file, 1, sizeof w->file, f) : 0;
    int err = f && !ferror(f) ? 0 : errno;
    if (f)
        fclose(f);
    if (err) {
        battery_complain(strerror(err), path);
        return false;
    }
    if (n > FILE_MAX_BYTES) {
        battery_complain("is larger than a file of settings (8192 bytes)", path);
        return false;
    }
    w->file[n] = '\0';
    return true;
}

static int compare_with(struct work *w, const char *path)
{
    if (!read_file(w, path) || !battery_hub_call(&w->hub, "POST", "/api/battery/settings/compare",
                                                 w->file, strlen(w->file)))
        return 1;
    if (w->hub.status != 200)
        return battery_hub_refused(&w->hub);
    w->path = path;
    each_row(&w->hub, "differences", take_difference, end_difference, w);
    each_row(&w->hub, "unknown", tell_unknown, end_unknown, w);
    each_row(&w->hub, "wrong", take_fault, tell_fault, w);
    if (w->count == 0 && !w->fault_count && !has_same(&w->hub)) {
        w->fault_count++;
        battery_complain("names no setting", path);
    }
    return 0;
}

// ---- a change -----------------------------------------------------------------------------------

static bool put_body(struct work *w, const char *token)
{
    struct nh_json_buf b = {.ptr = w->body, .cap = sizeof w->body};
    nh_json_writer_t j;
    nh_json_writer_init(&j, nh_json_buf_sink, &b);
    nh_json_object_begin(&j);
    nh_json_key(&j, "changes");
    nh_json_object_begin(&j);
    for (size_t i = 0; i < w->count; i++) {
        char *end;
        const char *text = w->rows[i].wanted;
        double number = strtod(text, &end);
        nh_json_key(&j, w->rows[i].key);
        if (*text && !*end)
            nh_json_double_value(&j, number);
        else
            nh_json_string(&j, text);
    }
    nh_json_object_end(&j);
    if (token)
        nh_json_kv_string(&j, "token", token);
    nh_json_object_end(&j);
    if (nh_json_writer_end(&j) < 0) {
        battery_complain("too many at once", "changes");
        return false;
    }
    w->body[b.len < sizeof w->body ? b.len : sizeof w->body - 1] = '\0';
    return true;
}

static bool ask(const struct work *w, const char *question)
{
    char line[16] = "";
    if (w->is_sure)
        return true;
    printf("%s [y/N] ", question);
    fflush(stdout);
    return fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y');
}

struct danger {
    char key[40], old[32], wanted[32], why[160];
};

static void take_danger(void *ctx, const char *key, const char *value)
{
    struct danger *d = ctx;
    if (strcmp(key, "key") == 0)
        snprintf(d->key, sizeof d->key, "%s", value);
    else if (strcmp(key, "old") == 0)
        snprintf(d->old, sizeof d->old, "%s", value);
    else if (strcmp(key, "new") == 0)
        snprintf(d->wanted, sizeof d->wanted, "%s", value);
    else if (strcmp(key, "why") == 0)
        snprintf(d->why, sizeof d->why, "%s", value);
}

static void print_danger(void *ctx)
{
    struct danger *d = ctx;
    printf("  %s: %s -> %s: %s\n", d->key, d->old, d->wanted, d->why);
    *d = (struct danger){{0}, {0}, {0}, {0}};
}

struct outcome {
    char key[40], text[16], value[32], code[8];
    size_t done_count, failed_count;
};

static void take_outcome(void *ctx, const char *key, const char *value)
{
    struct outcome *o = ctx;
    if (strcmp(key, "key") == 0)
        snprintf(o->key, sizeof o->key, "%s", value);
    else if (strcmp(key, "outcome") == 0)
        snprintf(o->text, sizeof o->text, "%s", value);
    else if (strcmp(key, "value") == 0)
        snprintf(o->value, sizeof o->value, "%s", value);
    else if (strcmp(key, "code") == 0)
        snprintf(o->code, sizeof o->code, "%s", value);
}

static void print_outcome(void *ctx)
{
    static const struct {
        const char *name, *text;
    } texts[] = {
        {"refused", "the board refused it"},
        {"not_taken", "the board kept another value"},
        {"lost", "the board did not answer"},
        {"expired", "the board did not answer in time"},
        {"cancelled", "the line to the board went away"},
        {"not_sent", "not sent, as one before it failed"},
    };
    struct outcome *o = ctx;
    bool is_done = strcmp(o->text, "done") == 0;
    const char *text = o->text;
    for (size_t i = 0; i < NH_ARRAY_LEN(texts); i++)
        if (strcmp(texts[i].name, o->text) == 0)
            text = texts[i].text;
    if (!is_done)
        fprintf(stderr, "nuthatch battery: %s: %s%s%s; it has %s\n", o->key, text,
                o->code[0] ? ", code " : "", o->code, o->value);
    *(is_done ? &o->done_count : &o->failed_count) += 1;
    o->code[0] = '\0';
}

// Sends the changes, with a second look where the hub asks for one.
static int send_changes(struct work *w)
{
    char token[32];
    struct danger d = {{0}, {0}, {0}, {0}};
    struct outcome o = {{0}, {0}, {0}, {0}, 0, 0};
    if (!put_body(w, NULL) ||
        !battery_hub_call(&w->hub, "PUT", "/api/battery/settings", w->body, strlen(w->body)))
        return 1;
    if (w->hub.status == 409 && find_text(&w->hub, "token", token, sizeof token)) {
        printf("These are dangerous:\n");
        each_row(&w->hub, "changes", take_danger, print_danger, &d);
        if (!ask(w, "Write them all the same?"))
            return battery_complain("nothing was changed", w->hub.url);
        if (!put_body(w, token) ||
            !battery_hub_call(&w->hub, "PUT", "/api/battery/settings", w->body, strlen(w->body)))
            return 1;
    }
    if (w->hub.status != 200)
        return battery_hub_refused(&w->hub);
    each_row(&w->hub, "results", take_outcome, print_outcome, &o);
    printf("%zu of %zu settings are as wanted\n", o.done_count, o.done_count + o.failed_count);
    return o.failed_count ? 1 : 0;
}

// ---- the verbs ----------------------------------------------------------------------------------

static int export_to(struct work *w, const struct battery_options *o)
{
    char path_of[80];
    snprintf(path_of, sizeof path_of, "/api/battery/settings/export?%s%.10s",
             o->backup ? "generation=" : "fresh=1", o->backup ? o->backup : "");
    if (!battery_hub_call(&w->hub, "GET", path_of, NULL, 0))
        return 1;
    if (w->hub.status != 200)
        return battery_hub_refused(&w->hub);
    const char *path = o->arg_count ? o->args[0] : NULL;
    FILE *f = path ? fopen(path, "wb") : stdout;
    bool ok = f && fwrite(w->hub.reply, 1, w->hub.reply_bytes, f) == w->hub.reply_bytes;
    if (f && path)
        ok = fclose(f) == 0 && ok;
    if (!ok)
        return battery_complain(strerror(errno), path ? path : "standard output");
    if (path)
        fprintf(stderr, "%s: written\n", path);
    return 0;
}

struct backup {
    char generation[16], unix_ms[24], serial[32];
    size_t count;
};

static void take_backup(void *ctx, const char *key, const char *value)
{
    struct backup *b = ctx;
    if (strcmp(key, "generation") == 0)
        snprintf(b->generation, sizeof b->generation, "%s", value);
    else if (strcmp(key, "unix_ms") == 0)
        snprintf(b->unix_ms, sizeof b->unix_ms, "%s", value);
    else if (strcmp(key, "serial") == 0)
        snprintf(b->serial, sizeof b->serial, "%s", value);
}

static void print_backup(void *ctx)
{
    struct backup *b = ctx;
    char when[32] = "no clock";
    time_t t = (time_t)(strtoll(b->unix_ms, NULL, 10) / 1000);
    struct tm tm;
    if (t > 0 && localtime_r(&t, &tm))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
    printf("%6s  %s  board %s\n", b->generation, when, b->serial[0] ? b->serial : "not known");
    b->count++;
    b->serial[0] = '\0';
}

static int backups(struct work *w, const struct battery_options *o)
{
    struct backup b = {{0}, {0}, {0}, 0};
    (void)o;
    if (!battery_hub_call(&w->hub, "GET", "/api/battery/settings/backups", NULL, 0))
        return 1;
    if (w->hub.status != 200)
        return battery_hub_refused(&w->hub);
    each_row(&w->hub, "backups", take_backup, print_backup, &b);
    if (!b.count)
        printf("There are none: nothing was changed yet.\n");
    return 0;
}

static int compare(struct work *w, const struct battery_options *o)
{
    if (compare_with(w, o->args[0]) != 0)
        return 1;
    if (o->as_json)
        fputs(w->hub.reply, stdout);
    else if (w->count)
        print_differences(w);
    else if (!w->fault_count)
        printf("The board has what %s says.\n", o->args[0]);
    return w->count || w->fault_count ? 1 : 0;
}

static int apply(struct work *w, const struct battery_options *o)
{
    char question[80];
    if (compare_with(w, o->args[0]) != 0)
        return 1;
    if (w->fault_count)
        return battery_complain("nothing was changed", w->hub.url);
    if (w->count == 0) {
        printf("The board has what %s says.\n", o->args[0]);
        return 0;
    }
    print_differences(w);
    snprintf(question, sizeof question, "Write %zu settings to the board?", w->count);
    return ask(w, question) ? send_changes(w) : battery_complain("nothing was changed", w->hub.url);
}

static int set(struct work *w, const struct battery_options *o)
{
    for (int i = 0; i < o->arg_count; i++) {
        const char *equals = strchr(o->args[i], '=');
        struct difference *d = &w->rows[w->count];
        if (!equals || equals == o->args[i] || w->count == DIFFERENCE_MAX_COUNT) {
            fprintf(stderr, "nuthatch battery settings set: %s is not KEY=VALUE\n", o->args[i]);
            return 2;
        }
        snprintf(d->key, sizeof d->key, "%.*s", (int)(equals - o->args[i]), o->args[i]);
        snprintf(d->wanted, sizeof d->wanted, "%s", equals + 1);
        w->count++;
    }
    return send_changes(w);
}

int battery_settings(const struct battery_options *o)
{
    static const struct {
        const char *name;
        int min, max;
        int (*run)(struct work *w, const struct battery_options *o);
    } verbs[] = {{"export", 0, 1, export_to},
                 {"compare", 1, 1, compare},
                 {"apply", 1, 1, apply},
                 {"set", 1, DIFFERENCE_MAX_COUNT, set},
                 {"backups", 0, 0, backups}};
    struct battery_options rest = *o;
    for (size_t i = 0; o->arg_count > 0 && i < NH_ARRAY_LEN(verbs); i++) {
        if (strcmp(o->args[0], verbs[i].name) != 0)
            continue;
        struct work w = {.is_sure = o->is_sure}; // not static: that would be memory of the hub
        rest.args++;
        rest.arg_count--;
        if (rest.arg_count < verbs[i].min || rest.arg_count > verbs[i].max)
            break;
        if (!battery_hub_open(&w.hub, o))
            return 1;
        int code = verbs[i].run(&w, &rest);
        battery_hub_close(&w.hub);
        return code;
    }
    fprintf(stderr, "nuthatch battery settings: export [FILE], compare FILE, apply FILE, "
                    "set KEY=VALUE or backups; see --help\n");
    return 2;
}
