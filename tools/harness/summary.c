#include "harness/summary.h"

#include "harness/plot.h"

#include <inttypes.h>
#include <string.h>

// ---- pretty JSON: the writer's text, indented --------------------------------------------------

struct pretty {
    FILE *out, *copy;
    int depth;
    bool in_string, is_escaped, is_fresh; // fresh: just behind a bracket
};

static void pretty_put(struct pretty *p, char c)
{
    fputc(c, p->out);
    if (p->copy)
        fputc(c, p->copy);
}

static void pretty_line(struct pretty *p)
{
    pretty_put(p, '\n');
    for (int i = 0; i < p->depth * 2; i++)
        pretty_put(p, ' ');
}

static void pretty_byte(struct pretty *p, char c)
{
    const bool is_end = c == '}' || c == ']';
    if (p->in_string) {
        pretty_put(p, c);
        p->in_string = p->is_escaped || c != '"';
        p->is_escaped = !p->is_escaped && c == '\\';
        return;
    }
    p->depth -= is_end;
    if (p->is_fresh != is_end) // an empty pair stays together
        pretty_line(p);
    p->is_fresh = false;
    pretty_put(p, c);
    p->in_string = c == '"';
    if (c == '{' || c == '[') {
        p->depth++;
        p->is_fresh = true;
    } else if (c == ',') {
        pretty_line(p);
    } else if (c == ':') {
        pretty_put(p, ' ');
    }
}

static int pretty_sink(void *ctx, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        pretty_byte(ctx, bytes[i]);
    return 0;
}

// ---- summary.json ------------------------------------------------------------------------------

static void kv_text(nh_json_writer_t *w, const char *key, const char *text)
{
    nh_json_kv_string(w, key, text && text[0] ? text : NULL);
}

static void kv_time(nh_json_writer_t *w, const char *key, int64_t ts_us)
{
    char text[NH_HARNESS_TIME_MAX_BYTES];
    nh_json_kv_string(w, key, nh_harness_time(ts_us, text));
}

static void kv_figure(nh_json_writer_t *w, const char *key, uint64_t value, bool is_known)
{
    if (is_known)
        nh_json_kv_uint(w, key, value);
    else
        nh_json_kv_null(w, key);
}

static void put_artifacts(nh_json_writer_t *w)
{
    static const char *const names[][2] = {
        {"events", "events.jsonl"},
        {"health", "health.jsonl"},
        {"mem", "mem.jsonl"},
        {"serial", "serial.log"},
        {"summary_json", "summary.json"},
        {"summary_md", "summary.md"},
        {"summary_svg", "summary.svg"},
        {"tasks", "tasks.jsonl"},
    };
    nh_json_key(w, "artifacts");
    nh_json_object_begin(w);
    for (size_t i = 0; i < NH_ARRAY_LEN(names); i++)
        nh_json_kv_string(w, names[i][0], names[i][1]);
    nh_json_object_end(w);
}

static void put_panic(nh_json_writer_t *w, const struct nh_harness_figures *f)
{
    nh_json_key(w, "panic");
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "detected", f->panic != NULL);
    if (f->panic) {
        nh_json_kv_string(w, "kind", f->panic);
        nh_json_kv_string(w, "line", f->panic_line);
        nh_json_kv_uint(w, "line_no", f->panic_line_no);
    }
    nh_json_object_end(w);
}

static void put_worst(nh_json_writer_t *w, const struct nh_harness_figures *f)
{
    struct nh_harness_task worst[NH_HARNESS_WORST_MAX_COUNT];
    const uint32_t n = nh_harness_figures_worst(f, worst);
    nh_json_key(w, "worst_stacks");
    nh_json_array_begin(w);
    for (uint32_t i = 0; i < n; i++) {
        nh_json_object_begin(w);
        nh_json_kv_int(w, "core", worst[i].core);
        nh_json_kv_string(w, "name", worst[i].name);
        nh_json_kv_uint(w, "prio", worst[i].prio);
        nh_json_kv_uint(w, "stack_rem", worst[i].stack_rem);
        nh_json_object_end(w);
    }
    nh_json_array_end(w);
}

static void put_tripwire(nh_json_writer_t *w, const struct nh_harness_figures *f)
{
    nh_json_key(w, "tripwire");
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "fired", f->has_tripwire);
    if (f->has_tripwire) {
        nh_json_kv_uint(w, "hin", f->tripwire.hin);
        nh_json_kv_string(w, "tag", f->tripwire.tag);
        nh_json_kv_uint(w, "threshold", f->tripwire.threshold);
        kv_time(w, "ts", f->tripwire_us);
        put_worst(w, f);
    }
    nh_json_object_end(w);
}

static void put_derived(nh_json_writer_t *w, const struct nh_harness_figures *f)
{
    const char *tags[NH_HARNESS_TAGS_MAX_COUNT];
    const bool any = f->seen_count > 0;
    nh_json_key(w, "derived");
    nh_json_object_begin(w);
    kv_figure(w, "frag_hb_max", f->hb_frag_max, f->hb_count > 0);
    kv_figure(w, "frag_max", f->frag_max, any);
    kv_figure(w, "hin_min", f->hin_min, any);
    kv_figure(w, "hm_min", f->hm_min, any);
    put_panic(w, f);
    kv_figure(w, "pf_min", f->pf_min, any);
    kv_figure(w, "pm_min", f->pm_min, any);
    kv_figure(w, "stack_min", f->stack_min, f->task_count > 0);
    nh_json_key(w, "tags");
    nh_json_array_begin(w);
    const uint32_t n = nh_harness_figures_tags(f, tags);
    for (uint32_t i = 0; i < n; i++)
        nh_json_string(w, tags[i]);
    nh_json_array_end(w);
    put_tripwire(w, f);
    nh_json_object_end(w);
}

static void put_requests(nh_json_writer_t *w, const struct nh_harness_about *a)
{
    nh_json_key(w, "requests");
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "count", a->request_count);
    nh_json_kv_uint(w, "failed", a->failed_count);
    nh_json_key(w, "routes");
    nh_json_array_begin(w);
    for (uint32_t i = 0; i < a->route_count; i++) {
        nh_json_object_begin(w);
        nh_json_kv_uint(w, "count", a->routes[i].count);
        nh_json_kv_uint(w, "failed", a->routes[i].failed_count);
        nh_json_kv_uint(w, "max_ms", a->routes[i].max_ms);
        nh_json_kv_string(w, "method", a->routes[i].method);
        nh_json_kv_string(w, "path", a->routes[i].path);
        nh_json_object_end(w);
    }
    nh_json_array_end(w);
    nh_json_object_end(w);
}

static void put_verdict(nh_json_writer_t *w, const struct nh_harness_about *a)
{
    nh_json_key(w, "verdict");
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "passed", a->reason_count == 0);
    nh_json_key(w, "reasons");
    nh_json_array_begin(w);
    for (uint32_t i = 0; i < a->reason_count; i++)
        nh_json_string(w, a->reasons[i]);
    nh_json_array_end(w);
    nh_json_object_end(w);
}

static void put_limits(nh_json_writer_t *w, const struct nh_harness_about *a)
{
    nh_json_key(w, "limits");
    nh_json_object_begin(w);
    for (size_t i = 0; i < a->limit_count; i++)
        nh_json_kv_uint(w, a->limits[i].name, a->limits[i].value);
    nh_json_object_end(w);
}

static void put_git(nh_json_writer_t *w, const struct nh_harness_about *a)
{
    nh_json_key(w, "git");
    nh_json_object_begin(w);
    kv_text(w, "branch", a->branch);
    kv_text(w, "commit", a->commit);
    if (a->commit)
        nh_json_kv_string(w, "status_porcelain", a->status ? a->status : "");
    else
        nh_json_kv_null(w, "status_porcelain");
    nh_json_object_end(w);
}

static void summary_json(const struct nh_harness_about *a, FILE *out, FILE *copy)
{
    struct pretty p = {.out = out, .copy = copy, .is_fresh = false, .depth = 0};
    nh_json_writer_t w;
    nh_json_writer_init(&w, pretty_sink, &p);
    nh_json_object_begin(&w);
    put_artifacts(&w);
    nh_json_kv_uint(&w, "baud", a->baud);
    put_derived(&w, a->figures);
    kv_text(&w, "dir", a->dir);
    kv_time(&w, "end_ts", a->end_us);
    kv_text(&w, "final_ip", a->final_ip);
    kv_text(&w, "firmware_version", a->figures->version);
    put_git(&w, a);
    kv_text(&w, "initial_ip", a->initial_ip);
    put_limits(&w, a);
    kv_text(&w, "port", a->port);
    put_requests(&w, a);
    nh_json_kv_string(&w, "scenario", a->scenario);
    nh_json_kv_string(&w, "scenario_description", a->scenario_text);
    nh_json_kv_string(&w, "scenario_key", a->scenario_key);
    nh_json_kv_string(&w, "scenario_title", a->scenario_title);
    kv_time(&w, "start_ts", a->begin_us);
    put_verdict(&w, a);
    nh_json_object_end(&w);
    NH_IGNORE(nh_json_writer_end(&w));
    pretty_put(&p, '\n');
}

// ---- the picture and all files -----------------------------------------------------------------

static uint64_t limit_of(const struct nh_harness_about *a, const char *name)
{
    for (size_t i = 0; i < a->limit_count; i++)
        if (strcmp(a->limits[i].name, name) == 0)
            return a->limits[i].value;
    return 0;
}

static void write_svg(const struct nh_harness_about *a, FILE *out)
{
    char title[160], sub[160], time[NH_HARNESS_TIME_MAX_BYTES];
    const uint64_t at_rest = limit_of(a, "frag_hb_max");
    nh_harness_time(a->begin_us, time);
    snprintf(title, sizeof title, "%.8s %.100s", a->scenario_key, a->scenario_title);
    if (title[0] >= 'a' && title[0] <= 'z')
        title[0] = (char)(title[0] - 'a' + 'A');
    snprintf(sub, sizeof sub, "%s%.32s%s%.10s %.8s UTC", a->figures->version[0] ? "firmware " : "",
             a->figures->version, a->figures->version[0] ? ", " : "", time, time + 11);
    const struct nh_harness_plot plot = {.title = title,
                                         .sub = sub,
                                         .hin_min_limit = limit_of(a, "hin_min"),
                                         .frag_limit = at_rest ? at_rest : limit_of(a, "frag_max")};
    NH_IGNORE(nh_harness_plot_run(out, a->figures, &plot)); // an empty one says that it is
}

static FILE *open_in(const char *dir, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%.500s/%s", dir, name);
    return fopen(path, "w");
}

int nh_harness_summary_files(const struct nh_harness_about *a, bool with_json, FILE *json_copy)
{
    FILE *json = with_json ? open_in(a->dir, "summary.json") : NULL;
    FILE *md = open_in(a->dir, "summary.md"), *svg = open_in(a->dir, "summary.svg");
    int err = md && svg && (json || !with_json) ? NH_OK : NH_ERR_IO;
    if (!err && json)
        summary_json(a, json, json_copy);
    if (!err) {
        nh_harness_summary_md(a, md);
        write_svg(a, svg);
    }
    FILE *files[] = {json, md, svg};
    for (size_t i = 0; i < NH_ARRAY_LEN(files); i++)
        if (files[i] && fclose(files[i]) != 0)
            err = NH_ERR_IO;
    return err;
}
