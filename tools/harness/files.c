#include "harness/run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

// ---- time --------------------------------------------------------------------------------------

int64_t nh_harness_now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

const char *nh_harness_time(int64_t ts_us, char out[NH_HARNESS_TIME_MAX_BYTES])
{
    time_t seconds = (time_t)(ts_us / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t n = strftime(out, NH_HARNESS_TIME_MAX_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, NH_HARNESS_TIME_MAX_BYTES - n, ".%06d+00:00", (int)(ts_us % 1000000));
    return out;
}

int64_t nh_harness_time_parse(const char *text)
{
    struct tm tm = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!rest)
        return -1;
    int64_t us = 0;
    if (*rest == '.') {
        char *end;
        us = (int64_t)(strtod(rest, &end) * 1e6 + 0.5);
    }
    return (int64_t)timegm(&tm) * 1000000 + us;
}

// ---- the directory -----------------------------------------------------------------------------

static int make_dirs(const char *path)
{
    char part[512];
    snprintf(part, sizeof part, "%s", path);
    for (char *p = part + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = 0;
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return NH_ERR_IO;
        *p = '/';
    }
    return mkdir(part, 0777) != 0 && errno != EEXIST ? NH_ERR_IO : NH_OK;
}

// DIR/<local time>_<scenario>; a second run within that second gets a number behind it.
static int make_run_dir(struct nh_harness_run *r)
{
    char stamp[32];
    time_t now = (time_t)(r->begin_us / 1000000);
    struct tm tm;
    localtime_r(&now, &tm);
    strftime(stamp, sizeof stamp, "%Y%m%d_%H%M%S", &tm);
    int err = make_dirs(r->o->out);
    for (int n = 1; !err && n < 1000; n++) {
        char number[8] = "";
        if (n > 1)
            snprintf(number, sizeof number, "_%d", n);
        snprintf(r->dir, sizeof r->dir, "%.440s/%s_%s%s", r->o->out, stamp, r->scenario->key,
                 number);
        if (mkdir(r->dir, 0777) == 0)
            return NH_OK;
        err = errno == EEXIST ? NH_OK : NH_ERR_IO;
    }
    return NH_ERR_IO;
}

static FILE *open_in(const struct nh_harness_run *r, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", r->dir, name);
    return fopen(path, "w");
}

int nh_harness_files_open(struct nh_harness_run *r)
{
    struct nh_harness_files *f = &r->files;
    int err = make_run_dir(r);
    if (err)
        return err;
    f->serial = open_in(r, "serial.log");
    f->mem = open_in(r, "mem.jsonl");
    f->tasks = open_in(r, "tasks.jsonl");
    f->health = open_in(r, "health.jsonl");
    f->events = open_in(r, "events.jsonl");
    return f->serial && f->mem && f->tasks && f->health && f->events ? NH_OK : NH_ERR_IO;
}

void nh_harness_files_close(struct nh_harness_run *r)
{
    FILE **files[] = {&r->files.serial, &r->files.mem, &r->files.tasks, &r->files.health,
                      &r->files.events};
    for (size_t i = 0; i < NH_ARRAY_LEN(files); i++) {
        if (*files[i])
            fclose(*files[i]);
        *files[i] = NULL;
    }
}

// ---- JSON, one object a line, keys sorted ------------------------------------------------------

int nh_harness_file_sink(void *file, const char *bytes, size_t len)
{
    return fwrite(bytes, 1, len, file) == len ? 0 : NH_ERR_IO;
}

static void begin(nh_json_writer_t *w, FILE *f)
{
    nh_json_writer_init(w, nh_harness_file_sink, f);
    nh_json_object_begin(w);
}

static void end(nh_json_writer_t *w, FILE *f)
{
    nh_json_object_end(w);
    NH_IGNORE(nh_json_writer_end(w));
    fputc('\n', f);
    fflush(f); // a run that is cut keeps what it has
}

static void kv_time(nh_json_writer_t *w, int64_t ts_us)
{
    char text[NH_HARNESS_TIME_MAX_BYTES];
    nh_json_kv_string(w, "ts", nh_harness_time(ts_us, text));
}

// An absent text is null.
static void kv_text(nh_json_writer_t *w, const char *key, const char *text)
{
    nh_json_kv_string(w, key, text && text[0] ? text : NULL);
}

static void put_mem(FILE *f, int64_t ts_us, const struct nh_harness_mem *m, bool has_type)
{
    nh_json_writer_t w;
    begin(&w, f);
    nh_json_kv_uint(&w, "frag", m->frag);
    nh_json_kv_uint(&w, "hf", m->hf);
    nh_json_kv_uint(&w, "hi", m->hi);
    nh_json_kv_uint(&w, "hin", m->hin);
    nh_json_kv_uint(&w, "hl", m->hl);
    nh_json_kv_uint(&w, "hm", m->hm);
    nh_json_kv_uint(&w, "pf", m->pf);
    nh_json_kv_uint(&w, "pl", m->pl);
    nh_json_kv_uint(&w, "pm", m->pm);
    nh_json_kv_string(&w, "tag", m->tag);
    kv_time(&w, ts_us);
    if (has_type)
        nh_json_kv_string(&w, "type", "mem");
    end(&w, f);
}

static void put_task(FILE *f, int64_t ts_us, const struct nh_harness_task *t, bool has_type)
{
    nh_json_writer_t w;
    begin(&w, f);
    nh_json_kv_int(&w, "core", t->core);
    nh_json_kv_string(&w, "name", t->name);
    nh_json_kv_uint(&w, "prio", t->prio);
    nh_json_kv_uint(&w, "stack_rem", t->stack_rem);
    kv_time(&w, ts_us);
    if (has_type)
        nh_json_kv_string(&w, "type", "task");
    end(&w, f);
}

static void put_stack(FILE *f, int64_t ts_us, const struct nh_harness_stack *s)
{
    nh_json_writer_t w;
    begin(&w, f);
    nh_json_kv_uint(&w, "cfg_bytes", s->cfg_bytes);
    nh_json_kv_uint(&w, "rem_bytes", s->rem_bytes);
    nh_json_kv_uint(&w, "rem_units", s->rem_units);
    nh_json_kv_string(&w, "subsystem", "async_tcp");
    nh_json_kv_string(&w, "task", s->task);
    kv_time(&w, ts_us);
    nh_json_kv_string(&w, "type", "stack_watermark");
    nh_json_kv_uint(&w, "unit_bytes", s->unit_bytes);
    end(&w, f);
}

static void put_tripwire(FILE *f, int64_t ts_us, const struct nh_harness_tripwire *t)
{
    nh_json_writer_t w;
    begin(&w, f);
    nh_json_kv_uint(&w, "hin", t->hin);
    nh_json_kv_string(&w, "tag", t->tag);
    nh_json_kv_uint(&w, "threshold", t->threshold);
    kv_time(&w, ts_us);
    nh_json_kv_string(&w, "type", "tripwire");
    end(&w, f);
}

// An event that has one text beside its kind; `key` comes before or behind the rest by its name.
static void put_event(FILE *f, int64_t ts_us, const char *event, const char *key, const char *text)
{
    nh_json_writer_t w;
    begin(&w, f);
    nh_json_kv_string(&w, "event", event);
    if (strcmp(key, "ts") < 0)
        nh_json_kv_string(&w, key, text);
    kv_time(&w, ts_us);
    nh_json_kv_string(&w, "type", "event");
    if (strcmp(key, "ts") > 0)
        nh_json_kv_string(&w, key, text);
    end(&w, f);
}

static void put_ready(FILE *f, int64_t ts_us)
{
    nh_json_writer_t w;
    begin(&w, f);
    nh_json_kv_string(&w, "marker", "setup_complete");
    kv_time(&w, ts_us);
    nh_json_kv_string(&w, "type", "ready");
    end(&w, f);
}

// ---- what happened -----------------------------------------------------------------------------

void nh_harness_write_line(struct nh_harness_run *r, int64_t ts_us, const char *text,
                           const struct nh_harness_line *line)
{
    nh_lock_acquire(&r->lock);
    FILE *events = r->files.events;
    fprintf(r->files.serial, "%s\n", text);
    fflush(r->files.serial);
    nh_harness_figures_line(&r->figures, ts_us, text, line);
    if (line->what == NH_LINE_MEM) {
        put_mem(r->files.mem, ts_us, &line->mem, false);
        put_mem(events, ts_us, &line->mem, true);
    } else if (line->what == NH_LINE_TRIPWIRE) {
        put_tripwire(events, ts_us, &line->tripwire);
    } else if (line->what == NH_LINE_TASK) {
        put_task(r->files.tasks, ts_us, &line->task, false);
        put_task(events, ts_us, &line->task, true);
    } else if (line->what == NH_LINE_STACK) {
        put_stack(r->files.tasks, ts_us, &line->stack);
        put_stack(events, ts_us, &line->stack);
    }
    if (line->address[0])
        put_event(events, ts_us, "got_ip", "ip", line->address);
    if (line->version[0])
        put_event(events, ts_us, "firmware", "version", line->version);
    if (line->marks & NH_MARK_READY)
        put_ready(events, ts_us);
    nh_lock_release(&r->lock);
}

void nh_harness_write_row(struct nh_harness_run *r, int64_t ts_us, const struct nh_harness_mem *m)
{
    nh_lock_acquire(&r->lock);
    nh_harness_figures_row(&r->figures, ts_us, m);
    put_mem(r->files.mem, ts_us, m, false);
    put_mem(r->files.events, ts_us, m, true);
    nh_lock_release(&r->lock);
}

void nh_harness_write_request(struct nh_harness_run *r, const struct nh_harness_request *q)
{
    nh_json_writer_t w;
    char url[600];
    nh_harness_url(r, q->path, url, sizeof url);
    nh_lock_acquire(&r->lock);
    begin(&w, r->files.events);
    if (q->no_reply) {
        kv_text(&w, "error", q->reason);
        nh_json_kv_string(&w, "method", q->method);
        nh_json_kv_string(&w, "mode", "fire_and_forget");
    } else {
        kv_text(&w, "content_encoding", q->content_encoding);
        nh_json_key(&w, "content_length");
        if (q->content_length >= 0)
            nh_json_int(&w, q->content_length);
        else
            nh_json_null(&w);
        kv_text(&w, "content_type", q->content_type_got);
        kv_text(&w, "error", q->reason);
        nh_json_kv_int(&w, "http_status", q->status);
        nh_json_kv_string(&w, "method", q->method ? q->method : "GET");
        nh_json_kv_uint(&w, "ms", q->took_ms);
    }
    kv_time(&w, nh_harness_now_us());
    nh_json_kv_string(&w, "type", "http");
    nh_json_kv_string(&w, "url", url);
    end(&w, r->files.events);
    nh_lock_release(&r->lock);
}

// The reply once more, without line breaks: events of the reader into the writer.
static void put_json(nh_json_writer_t *w, const struct nh_harness_request *q)
{
    char text[NH_KIB(16)];
    nh_json_reader_t reader;
    const struct nh_json_reader_config cfg = {
        .text = text, .text_max_bytes = sizeof text, .cut_long = true};
    nh_json_reader_init(&reader, &cfg);
    nh_json_feed(&reader, q->reply, q->reply_bytes, true);
    for (int event; (event = nh_json_next(&reader)) > 0 && event != NH_JSON_DONE;) {
        nh_span_t view = event == NH_JSON_KEY || event == NH_JSON_STRING || event == NH_JSON_NUMBER
                             ? nh_json_view(&reader)
                             : (nh_span_t){0};
        if (event == NH_JSON_OBJECT_BEGIN)
            nh_json_object_begin(w);
        else if (event == NH_JSON_OBJECT_END)
            nh_json_object_end(w);
        else if (event == NH_JSON_ARRAY_BEGIN)
            nh_json_array_begin(w);
        else if (event == NH_JSON_ARRAY_END)
            nh_json_array_end(w);
        else if (event == NH_JSON_KEY)
            nh_json_key(w, nh_json_text(&reader, NULL));
        else if (event == NH_JSON_STRING)
            nh_json_string_n(w, (const char *)view.ptr, view.len);
        else if (event == NH_JSON_NUMBER)
            nh_json_raw(w, (const char *)view.ptr, view.len);
        else if (event == NH_JSON_NULL)
            nh_json_null(w);
        else
            nh_json_bool(w, event == NH_JSON_TRUE);
    }
}

// The first name, by the alphabet, behind `after` (NULL: the first of all) in the kept headers.
static const char *next_header(const struct nh_harness_request *q, const char *after)
{
    const char *found = NULL;
    for (size_t at = 0; at < q->headers_len;) {
        const char *name = q->headers + at, *value = name + strlen(name) + 1;
        if ((!after || strcmp(name, after) > 0) && (!found || strcmp(name, found) < 0))
            found = name;
        at += strlen(name) + strlen(value) + 2;
    }
    return found;
}

static void put_headers(nh_json_writer_t *w, const struct nh_harness_request *q)
{
    nh_json_key(w, "headers");
    nh_json_object_begin(w);
    for (const char *name = NULL; (name = next_header(q, name));)
        nh_json_kv_string(w, name, name + strlen(name) + 1);
    nh_json_object_end(w);
}

void nh_harness_write_health(struct nh_harness_run *r, const char *label,
                             const struct nh_harness_request *q, const char *parse_error)
{
    nh_json_writer_t w;
    char url[600], host[256];
    nh_harness_url(r, "/api/health", url, sizeof url);
    nh_harness_host(r, host, sizeof host);
    nh_lock_acquire(&r->lock);
    begin(&w, r->files.health);
    if (q) {
        nh_json_key(&w, "body");
        nh_json_string_n(&w, (const char *)q->reply, q->reply_bytes);
        put_headers(&w, q);
        nh_json_kv_int(&w, "http_status", q->status);
        nh_json_kv_string(&w, "ip", host);
        if (!parse_error) {
            nh_json_key(&w, "json");
            put_json(&w, q);
        }
    }
    nh_json_kv_string(&w, "label", label);
    if (q && parse_error)
        nh_json_kv_string(&w, "parse_error", parse_error);
    if (!q)
        nh_json_kv_bool(&w, "skipped", true);
    kv_time(&w, nh_harness_now_us());
    nh_json_kv_string(&w, "type", "health");
    if (q)
        nh_json_kv_string(&w, "url", url);
    end(&w, r->files.health);
    nh_lock_release(&r->lock);
}

void nh_harness_note(struct nh_harness_run *r, const char *fmt, ...)
{
    char text[256];
    nh_json_writer_t w;
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    nh_lock_acquire(&r->lock);
    begin(&w, r->files.events);
    nh_json_kv_string(&w, "note", text);
    kv_time(&w, nh_harness_now_us());
    nh_json_kv_string(&w, "type", "note");
    end(&w, r->files.events);
    nh_lock_release(&r->lock);
    nh_harness_say(r, "%s", text);
}
