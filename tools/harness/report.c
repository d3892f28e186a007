#include "harness/summary.h"

#include "core/json/decode.h"

#include <inttypes.h>
#include <string.h>

#define RECORD_LINE_MAX_BYTES NH_KIB(64)

// A line of mem.jsonl or events.jsonl: all that any of them may have.
struct record_line {
    char ts[48], type[24], tag[NH_HARNESS_TAG_MAX_BYTES], name[NH_HARNESS_NAME_MAX_BYTES];
    char event[24], version[32], ip[64], method[16], url[512];
    uint64_t hf, hm, hl, hi, hin, frag, pf, pm, pl, threshold, prio, stack_rem, ms;
    int64_t core, http_status;
};

#define TEXT(member)                                                                               \
    {                                                                                              \
        .name = #member, .type = NH_JSON_T_STRING, NH_JSON_AT(struct record_line, member)          \
    }
#define UINT(member)                                                                               \
    {                                                                                              \
        .name = #member, .type = NH_JSON_T_INT, NH_JSON_AT(struct record_line, member)             \
    }
#define INT(member)                                                                                \
    {                                                                                              \
        .name = #member, .type = NH_JSON_T_INT, .is_signed = true,                                 \
        NH_JSON_AT(struct record_line, member)                                                     \
    }
static const nh_json_field_t line_fields[] = {
    TEXT(ts),        TEXT(type), TEXT(tag),    TEXT(name),       TEXT(event),
    TEXT(version),   TEXT(ip),   TEXT(method), TEXT(url),        UINT(hf),
    UINT(hm),        UINT(hl),   UINT(hi),     UINT(hin),        UINT(frag),
    UINT(pf),        UINT(pm),   UINT(pl),     UINT(threshold),  UINT(prio),
    UINT(stack_rem), UINT(ms),   INT(core),    INT(http_status), NH_JSON_FIELDS_END};

// Calls `take` for each line of DIR/`name` that is an object. NH_ERR_NOT_FOUND: no such file.
static int each_line(struct nh_harness_record *out, const char *name,
                     void (*take)(struct nh_harness_record *out, const struct record_line *l))
{
    char text[RECORD_LINE_MAX_BYTES];
    char path[600];
    snprintf(path, sizeof path, "%.500s/%s", out->dir, name);
    FILE *f = fopen(path, "r");
    if (!f)
        return NH_ERR_NOT_FOUND;
    while (fgets(text, sizeof text, f)) {
        struct record_line l = {.http_status = -1};
        size_t len = strcspn(text, "\n");
        // A line that is damaged, or of another kind, is no line: a run may have been cut off.
        if (nh_json_decode(text, len, line_fields, &l, NULL, NULL, 0) == NH_OK)
            take(out, &l);
    }
    fclose(f);
    return NH_OK;
}

static void take_mem(struct nh_harness_record *out, const struct record_line *l)
{
    struct nh_harness_mem m = {.hf = l->hf,
                               .hm = l->hm,
                               .hl = l->hl,
                               .hi = l->hi,
                               .hin = l->hin,
                               .frag = l->frag,
                               .pf = l->pf,
                               .pm = l->pm,
                               .pl = l->pl};
    memcpy(m.tag, l->tag, sizeof m.tag);
    if (m.tag[0])
        nh_harness_figures_row(&out->figures, nh_harness_time_parse(l->ts), &m);
}

static void take_request(struct nh_harness_record *out, const struct record_line *l)
{
    const char *path = strstr(l->url, "://");
    path = path ? strchr(path + 3, '/') : NULL;
    const size_t len = path ? strcspn(path, "?") : 0;
    struct nh_harness_route *route = NULL;
    const bool failed = l->http_status >= 0 && l->http_status != 200;
    out->request_count++;
    out->failed_count += failed;
    for (uint32_t i = 0; path && i < out->route_count && !route; i++)
        if (strcmp(out->routes[i].method, l->method) == 0 && strlen(out->routes[i].path) == len &&
            memcmp(out->routes[i].path, path, len) == 0)
            route = &out->routes[i];
    if (!route &&
        (!path || len >= sizeof route->path || out->route_count == NH_HARNESS_ROUTES_MAX_COUNT))
        return;
    if (!route) {
        route = &out->routes[out->route_count++];
        snprintf(route->method, sizeof route->method, "%.7s", l->method);
        snprintf(route->path, sizeof route->path, "%.*s", (int)len, path);
    }
    route->count++;
    route->failed_count += failed;
    if (l->ms > route->max_ms)
        route->max_ms = (uint32_t)l->ms;
}

static void take_event(struct nh_harness_record *out, const struct record_line *l)
{
    struct nh_harness_figures *f = &out->figures;
    if (strcmp(l->type, "tripwire") == 0) {
        struct nh_harness_tripwire t = {.hin = l->hin, .threshold = l->threshold};
        memcpy(t.tag, l->tag, sizeof t.tag);
        nh_harness_figures_tripwire(f, nh_harness_time_parse(l->ts), &t);
    } else if (strcmp(l->type, "task") == 0) {
        struct nh_harness_task t = {.prio = l->prio, .core = l->core, .stack_rem = l->stack_rem};
        memcpy(t.name, l->name, sizeof t.name);
        nh_harness_figures_task(f, &t);
    } else if (strcmp(l->type, "http") == 0) {
        take_request(out, l);
    } else if (strcmp(l->event, "firmware") == 0) {
        memcpy(f->version, l->version, sizeof f->version);
    } else if (strcmp(l->event, "got_ip") == 0) {
        snprintf(f->address, sizeof f->address, "%.15s", l->ip);
    }
}

// The log itself is the witness of a panic; when it came is not known any more.
static void look_for_panic(struct nh_harness_record *out)
{
    struct nh_harness_line line;
    char text[NH_HARNESS_LINE_MAX_BYTES];
    struct nh_harness_figures seen = {0};
    char path[600];
    snprintf(path, sizeof path, "%.500s/serial.log", out->dir);
    FILE *f = fopen(path, "r");
    while (f && !seen.panic && fgets(text, sizeof text, f)) {
        text[strcspn(text, "\r\n")] = 0;
        nh_harness_line_parse(text, &line);
        line.what = NH_LINE_OTHER; // its figures have been read already
        nh_harness_figures_line(&seen, INT64_MAX, text, &line);
    }
    if (f)
        fclose(f);
    if (!seen.panic)
        return;
    struct nh_harness_figures *to = &out->figures;
    to->panic = seen.panic;
    to->panic_line_no = seen.panic_line_no;
    to->panic_us = to->row_count ? to->rows[to->row_count - 1].ts_us : 0;
    memcpy(to->panic_line, seen.panic_line, sizeof to->panic_line);
}

// ---- summary.json ------------------------------------------------------------------------------

#define META(field, member)                                                                        \
    {                                                                                              \
        .name = field, .type = NH_JSON_T_STRING, NH_JSON_AT(struct nh_harness_record, member)      \
    }
static const nh_json_field_t reason_field = {.type = NH_JSON_T_STRING, .size = 160};
static const nh_json_field_t verdict_fields[] = {
    {.name = "reasons",
     .type = NH_JSON_T_ARRAY,
     .offset = offsetof(struct nh_harness_record, reasons),
     .size = 160,
     .element = &reason_field,
     .count_offset = offsetof(struct nh_harness_record, reason_count),
     .count_max = NH_HARNESS_REASONS_MAX_COUNT},
    NH_JSON_FIELDS_END};
static const nh_json_field_t git_fields[] = {META("commit", commit), META("branch", branch),
                                             NH_JSON_FIELDS_END};
#define LIMIT(text, index)                                                                         \
    {                                                                                              \
        .name = text, .type = NH_JSON_T_INT, .is_signed = true, .size = sizeof(int64_t),           \
        .offset = offsetof(struct nh_harness_record, limit) + (index) * sizeof(int64_t)            \
    }
// In the order of nh_harness_limit_names.
static const nh_json_field_t limit_fields[] = {
    LIMIT("hin_min", 0),  LIMIT("hm_min", 1),      LIMIT("pf_min", 2),    LIMIT("pm_min", 3),
    LIMIT("frag_max", 4), LIMIT("frag_hb_max", 5), LIMIT("stack_min", 6), NH_JSON_FIELDS_END};
static const nh_json_field_t meta_fields[] = {
    META("scenario", scenario),
    META("scenario_key", key),
    META("scenario_title", title),
    META("scenario_description", text),
    META("port", port),
    META("initial_ip", initial_ip),
    META("final_ip", final_ip),
    META("start_ts", start_ts),
    META("end_ts", end_ts),
    {.name = "baud", .type = NH_JSON_T_INT, NH_JSON_AT(struct nh_harness_record, baud)},
    {.name = "git", .type = NH_JSON_T_OBJECT, .fields = git_fields},
    {.name = "limits", .type = NH_JSON_T_OBJECT, .fields = limit_fields},
    {.name = "verdict", .type = NH_JSON_T_OBJECT, .fields = verdict_fields},
    NH_JSON_FIELDS_END};

// What is missing or has another form stays empty: a run that was cut off has no summary.
static void load_meta(struct nh_harness_record *out)
{
    char text[NH_KIB(128)];
    char path[600];
    snprintf(path, sizeof path, "%.500s/summary.json", out->dir);
    FILE *f = fopen(path, "r");
    size_t len = f ? fread(text, 1, sizeof text, f) : 0;
    if (f)
        fclose(f);
    NH_IGNORE(nh_json_decode(text, len, meta_fields, out, NULL, NULL, 0));
}

struct nh_harness_record *nh_harness_record_load(nh_mem_t *mem, const char *dir)
{
    struct nh_harness_record *out = nh_mem_alloc_zero(mem, sizeof *out, NH_MEM_BULK);
    if (!out)
        return NULL;
    memset(out->limit, 0xff, sizeof out->limit); // -1
    nh_harness_figures_init(&out->figures, mem);
    snprintf(out->dir, sizeof out->dir, "%s", dir);
    for (size_t len = strlen(out->dir); len > 1 && out->dir[len - 1] == '/';)
        out->dir[--len] = 0;
    load_meta(out);
    out->err = each_line(out, "mem.jsonl", take_mem);
    NH_IGNORE(each_line(out, "events.jsonl", take_event)); // not there: nothing more is known
    look_for_panic(out);
    return out;
}

void nh_harness_record_free(nh_mem_t *mem, struct nh_harness_record *rec)
{
    if (rec)
        nh_harness_figures_deinit(&rec->figures);
    nh_mem_free(mem, rec);
}

// ---- nuthatch harness report DIR ---------------------------------------------------------------

static size_t limits_of(const struct nh_harness_record *rec, struct nh_harness_limit *out)
{
    size_t n = 0;
    for (size_t i = 0; nh_harness_limit_names[i]; i++)
        if (rec->limit[i] >= 0)
            out[n++] =
                (struct nh_harness_limit){nh_harness_limit_names[i], (uint64_t)rec->limit[i]};
    return n;
}

// The time that is told, or that of the row at hand when none is.
static int64_t time_of(const char *text, const struct nh_harness_row *row)
{
    return text[0] ? nh_harness_time_parse(text) : row ? row->ts_us : 0;
}

static struct nh_harness_about about_of(const struct nh_harness_record *rec)
{
    const struct nh_harness_figures *f = &rec->figures;
    const struct nh_harness_row *first = f->row_count ? &f->rows[0] : NULL;
    const struct nh_harness_row *last = f->row_count ? &f->rows[f->row_count - 1] : NULL;
    return (struct nh_harness_about){
        .scenario = rec->scenario,
        .scenario_key = rec->key[0] ? rec->key : "run",
        .scenario_title = rec->title,
        .scenario_text = rec->text,
        .dir = rec->dir,
        .port = rec->port,
        .initial_ip = rec->initial_ip,
        .final_ip = rec->final_ip,
        .baud = rec->baud,
        .begin_us = time_of(rec->start_ts, first),
        .end_us = time_of(rec->end_ts, last),
        .commit = rec->commit[0] ? rec->commit : NULL,
        .branch = rec->branch,
        .figures = f,
        .routes = rec->routes,
        .route_count = rec->route_count,
        .request_count = rec->request_count,
        .failed_count = rec->failed_count,
        .reasons = (const char(*)[160])rec->reasons,
        .reason_count = rec->reason_count,
    };
}

int nh_harness_report(nh_mem_t *mem, const char *dir)
{
    struct nh_harness_limit limits[NH_HARNESS_LIMITS_MAX_COUNT];
    struct nh_harness_record *rec = nh_harness_record_load(mem, dir);
    if (!rec || rec->err) {
        fprintf(stderr, "nuthatch harness: %s: %s\n", dir,
                rec ? "it has no mem.jsonl" : nh_err_text(NH_ERR_NOMEM));
        nh_harness_record_free(mem, rec);
        return 2;
    }
    struct nh_harness_about about = about_of(rec);
    about.limits = limits;
    about.limit_count = limits_of(rec, limits);
    int err = nh_harness_summary_files(&about, false, NULL);
    if (err)
        fprintf(stderr, "nuthatch harness: %s: %s\n", dir, nh_err_text(err));
    else
        printf("%s/summary.md and summary.svg: %u snapshots, %u tags\n", rec->dir,
               (unsigned)rec->figures.row_count, (unsigned)rec->figures.tag_count);
    nh_harness_record_free(mem, rec);
    return err ? 1 : 0;
}
