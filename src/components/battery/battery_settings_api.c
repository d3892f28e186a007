// Settings of the board by HTTP: thin, no state. docs/battery-settings.md.

#include "components/battery/battery_settings_api.h"

#include "components/battery/battery_ask_api.h"
#include "components/battery/battery_backup.h"
#include "components/battery/battery_settings_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_MAX_BYTES 1200u // of one setting in the list, with its choices
#define BACKUP_MAX_COUNT NH_STORE_KEEP_MAX_COUNT
#define CHANGED_NAMED_COUNT 8

static void kv_value(nh_json_writer_t *w, const char *key, double value)
{
    nh_json_key(w, key);
    nh_json_double_value(w, value);
}

static void kv_raw(nh_json_writer_t *w, const char *key, const struct nh_tinybms_register *r,
                   int64_t raw)
{
    kv_value(w, key, (double)raw / r->divisor);
}

static bool is_true(const char *text)
{
    return text && (strcmp(text, "1") == 0 || strcmp(text, "true") == 0);
}

// ---- the list -----------------------------------------------------------------------------------

// The board's own default where it says one, else the table's.
static void kv_default(nh_json_writer_t *w, const struct nh_battery__settings_image *s,
                       const struct nh_tinybms_register *r)
{
    bool is_board = s->has_range[2] && !(r->flags & NH_TINYBMS_SHARED);
    if (is_board)
        kv_raw(w, "default", r,
               nh_tinybms_raw(r, s->ranges[2] + (r->address - NH_TINYBMS_SETTINGS_FIRST)));
    else if (r->fallback != INT32_MIN)
        kv_raw(w, "default", r, r->fallback);
    else
        nh_json_kv_null(w, "default");
}

static void write_choices(nh_json_writer_t *w, const struct nh_tinybms_register *r)
{
    nh_json_key(w, "choices");
    if (!r->choices) {
        nh_json_null(w);
        return;
    }
    nh_json_array_begin(w);
    for (const struct nh_tinybms_choice *c = r->choices; c->text; c++) {
        nh_json_object_begin(w);
        nh_json_kv_int(w, "value", c->value);
        nh_json_kv_string(w, "text", c->text);
        nh_json_object_end(w);
    }
    nh_json_array_end(w);
}

static void write_setting(nh_json_writer_t *w, const struct nh_battery__settings_image *s,
                          const struct nh_tinybms_register *r)
{
    const uint16_t *words = s->now + (r->address - NH_TINYBMS_SETTINGS_FIRST);
    int64_t min, max;
    bool is_board = nh_battery__limits_of(s, r, &min, &max);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "key", r->key);
    nh_json_kv_uint(w, "address", r->address);
    nh_json_kv_string(w, "label", r->label);
    nh_json_kv_string(w, "unit", r->unit);
    nh_json_kv_string(w, "group", r->group);
    kv_value(w, "value", nh_tinybms_value(r, words));
    nh_json_kv_int(w, "raw", nh_tinybms_raw(r, words));
    kv_raw(w, "min", r, min);
    kv_raw(w, "max", r, max);
    nh_json_kv_bool(w, "range_of_board", is_board);
    kv_default(w, s, r);
    kv_raw(w, "step", r, r->step);
    nh_json_kv_uint(w, "decimals", r->decimals);
    write_choices(w, r);
    nh_json_kv_bool(w, "writable", true);
    nh_json_kv_bool(w, "dangerous", (r->flags & NH_TINYBMS_DANGEROUS) != 0);
    nh_json_kv_string(w, "comment", r->comment);
    nh_json_object_end(w);
}

struct list {
    struct nh_battery__settings_info info;
    size_t at; // register of the next entry
    enum { HEAD, ENTRIES, ENDED } state;
    bool has_entry;
};

static void put_head(struct list *l, struct nh_json_buf *b)
{
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, b);
    nh_json_object_begin(&w);
    nh_json_kv_uint(&w, "age_ms", l->info.age_ms);
    nh_json_key(&w, "settings");
    nh_json_array_begin(&w); // closed by put_tail()
}

static void put_text(struct nh_json_buf *b, const char *text)
{
    NH_IGNORE(nh_json_buf_sink(b, text, strlen(text))); // its callers leave room
}

static void put_entry(struct list *l, struct nh_json_buf *b)
{
    const struct nh_tinybms_register *r = nh_tinybms_register_at(l->at++);
    if (!r) {
        put_text(b, "]}\n");
        l->state = ENDED;
        return;
    }
    if (!(r->flags & NH_TINYBMS_WRITABLE))
        return;
    nh_json_writer_t w;
    if (l->has_entry)
        put_text(b, ",");
    l->has_entry = true;
    nh_json_writer_init(&w, nh_json_buf_sink, b);
    write_setting(&w, &l->info.image, r);
    NH_IGNORE(nh_json_writer_end(&w)); // ENTRY_MAX_BYTES were free
}

static int produce_list(nh_request_t *req, char *out, size_t cap)
{
    struct list *l = ((struct nh_battery__asking *)req->state)->reply;
    struct nh_json_buf b = {.ptr = out, .cap = cap};
    if (l->state == HEAD) {
        put_head(l, &b);
        l->state = ENTRIES;
    }
    while (l->state == ENTRIES && b.cap - b.len > ENTRY_MAX_BYTES)
        put_entry(l, &b);
    return (int)b.len;
}

static int reply_list(nh_request_t *req)
{
    struct nh_battery__asking *a = req->state;
    struct list *l = nh_arena_alloc(req->arena, sizeof *l);
    if (!l)
        return NH_ERR_NOMEM;
    *l = (struct list){0};
    nh_battery__settings_info(a->settings, &l->info);
    a->reply = l;
    return nh_reply_stream(req, 200, "application/json", produce_list);
}

static int listed(nh_request_t *req, const nh_battery__job_t *j)
{
    return j->end == NH_BATTERY__JOB_DONE ? reply_list(req) : nh_battery_api__reply_failed(req, j);
}

// Asks the board where nothing is known yet, or where that is wanted; else `reply` at once.
static int get_known(nh_request_t *req, nh_battery__answer_fn answer, int (*reply)(nh_request_t *))
{
    struct nh_battery__settings_info i;
    int err;
    const struct nh_battery__asking *a = nh_battery_api__asking(req, answer);
    if (!a)
        return NH_ERR_NOMEM;
    nh_battery__settings_info(a->settings, &i);
    if (i.image.has_now && !is_true(nh_request_param(req, "fresh")))
        return reply(req);
    return nh_battery_api__job(req, NH_BATTERY__REFRESH, &err) ? nh_battery_api__submit(req) : err;
}

int nh_battery_api__get_settings(nh_request_t *req)
{
    return get_known(req, listed, reply_list);
}

// ---- a change -----------------------------------------------------------------------------------

static int reply_invalid(nh_request_t *req, const struct nh_battery__finding *f, uint32_t count)
{
    nh_json_writer_t *w =
        nh_reply_error_details(req, 422, "bad_setting", "%s: %s%s%s. Nothing was changed.",
                               f->field, f->text, f->limit[0] ? "; allowed: " : "", f->limit);
    if (!w)
        return NH_ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++, f++) {
        char text[160];
        snprintf(text, sizeof text, "%s%s%s", f->text, f->limit[0] ? "; allowed: " : "", f->limit);
        nh_json_object_begin(w);
        nh_json_kv_string(w, "field", f->field);
        nh_json_kv_string(w, "value", f->value);
        nh_json_kv_string(w, "limit", f->limit);
        nh_json_kv_string(w, "text", text);
        nh_json_object_end(w);
    }
    return nh_reply_error_end(req);
}

static void write_danger(nh_json_writer_t *w, const struct nh_battery__wish *d)
{
    nh_json_object_begin(w);
    nh_json_kv_string(w, "key", d->r->key);
    kv_raw(w, "old", d->r, d->old_raw);
    kv_raw(w, "new", d->r, d->new_raw);
    nh_json_kv_string(w, "why", nh_battery__danger_text(d->r));
    nh_json_object_end(w);
}

static int reply_danger(nh_request_t *req, const nh_battery__job_t *j)
{
    nh_json_writer_t *w = nh_battery_api__reply_token(req, j->token);
    if (!w)
        return NH_ERR_NOMEM;
    for (uint32_t i = 0; i < j->wish_count; i++)
        if (j->wishes[i].is_changed && j->wishes[i].r->flags & NH_TINYBMS_DANGEROUS)
            write_danger(w, &j->wishes[i]);
    return nh_battery_api__reply_token_end(req, w);
}

static int reply_results(nh_request_t *req, const nh_battery__job_t *j)
{
    const struct nh_battery__asking *a = req->state;
    struct nh_battery__settings_info now;
    nh_battery__settings_info(a->settings, &now);
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_key(w, "results");
    nh_json_array_begin(w);
    for (uint32_t i = 0; i < j->wish_count; i++) {
        const struct nh_tinybms_register *r = j->wishes[i].r;
        uint8_t code, outcome = nh_battery__wish_outcome(j, &j->wishes[i], &code);
        nh_json_object_begin(w);
        nh_json_kv_string(w, "key", r->key);
        nh_json_kv_string(w, "outcome", nh_battery_api__outcome_text(outcome));
        kv_value(w, "value",
                 nh_tinybms_value(r, now.image.now + (r->address - NH_TINYBMS_SETTINGS_FIRST)));
        if (outcome == NH_BATTERY_REFUSED)
            nh_json_kv_uint(w, "code", code);
        nh_json_object_end(w);
    }
    nh_json_array_end(w);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static int changed(nh_request_t *req, const nh_battery__job_t *j)
{
    switch (j->end) {
    case NH_BATTERY__JOB_INVALID:
        return reply_invalid(req, j->plan.findings, j->plan.finding_count);
    case NH_BATTERY__JOB_NEEDS_TOKEN:
        return reply_danger(req, j);
    case NH_BATTERY__JOB_DONE:
        return reply_results(req, j);
    default:
        return nh_battery_api__reply_failed(req, j);
    }
}

static struct nh_battery__file *new_file(nh_request_t *req)
{
    return nh_arena_alloc(req->arena, sizeof(struct nh_battery__file));
}

int nh_battery_api__put_settings(nh_request_t *req)
{
    static const struct nh_battery__finding nothing = {"changes", "{}", "at least one setting",
                                                       "nothing is named"};
    const struct nh_battery__asking *a = nh_battery_api__asking(req, changed);
    struct nh_battery__file *f = new_file(req);
    if (!a || !f)
        return NH_ERR_NOMEM;
    int err = nh_battery__file_read_changes(req->body, req->body_len, f);
    if (err < 0)
        return nh_reply_error(req, 400, "bad_body", "%s. Nothing was changed.", f->fault);
    if (f->finding_count)
        return reply_invalid(req, f->findings, f->finding_count);
    if (!f->wish_count)
        return reply_invalid(req, &nothing, 1);
    nh_battery__job_t *j = nh_battery_api__job(req, NH_BATTERY__APPLY, &err);
    if (!j)
        return err;
    j->wish_count = f->wish_count;
    memcpy(j->wishes, f->wishes, sizeof j->wishes);
    memcpy(j->token, f->token, sizeof j->token);
    return nh_battery_api__submit(req);
}

// ---- as a file ----------------------------------------------------------------------------------

struct export
{
    struct nh_battery__export e;
    struct nh_battery__backup from;
};

static int produce_export(nh_request_t *req, char *out, size_t cap)
{
    struct export *x = ((struct nh_battery__asking *)req->state)->reply;
    size_t len = 0, n = 1;
    while (n > 0 && cap - len >= NH_BATTERY_EXPORT_PART_BYTES) {
        n = nh_battery__export_next(&x->e, out + len);
        len += n;
    }
    return (int)len;
}

static int reply_export(nh_request_t *req, struct export *x, bool has_version)
{
    struct nh_battery__asking *a = req->state;
    x->e = (struct nh_battery__export){.words = x->from.words,
                                       .version = has_version ? x->from.version : NULL,
                                       .unix_ms = x->from.unix_ms};
    a->reply = x;
    int err = nh_reply_header(req, "Content-Disposition",
                              "attachment; filename=\"battery-settings.json\"");
    return err < 0 ? err : nh_reply_stream(req, 200, "application/json", produce_export);
}

static int export_now(nh_request_t *req)
{
    const struct nh_battery__asking *a = req->state;
    struct nh_battery__settings_info i;
    struct export *x = nh_arena_alloc(req->arena, sizeof *x);
    if (!x)
        return NH_ERR_NOMEM;
    nh_battery__settings_info(a->settings, &i);
    x->from.unix_ms = nh_battery__settings_unix_ms(a->settings);
    memcpy(x->from.words, i.image.now, sizeof x->from.words);
    memcpy(x->from.version, i.version, sizeof x->from.version);
    return reply_export(req, x, i.has_version);
}

static int exported(nh_request_t *req, const nh_battery__job_t *j)
{
    return j->end == NH_BATTERY__JOB_DONE ? export_now(req) : nh_battery_api__reply_failed(req, j);
}

static int export_backup(nh_request_t *req, const char *generation)
{
    const struct nh_battery__asking *a = nh_battery_api__asking(req, exported);
    struct export *x = nh_arena_alloc(req->arena, sizeof *x);
    char *end;
    unsigned long n = strtoul(generation, &end, 10);
    if (!a || !x)
        return NH_ERR_NOMEM;
    nh_store_t *store = nh_battery__settings_store(a->settings);
    if (*end || n == 0 || n > INT32_MAX || !store)
        return nh_reply_error(req, 404, "not_found", "There is no backup of this generation.");
    int err = nh_battery__backup_read(store, (uint32_t)n, &x->from);
    if (err == NH_ERR_NOT_FOUND)
        return nh_reply_error(req, 404, "not_found", "There is no backup of this generation.");
    return err < 0 ? err : reply_export(req, x, x->from.version[0] != 0);
}

int nh_battery_api__get_export(nh_request_t *req)
{
    const char *generation = nh_request_param(req, "generation");
    return generation ? export_backup(req, generation) : get_known(req, exported, export_now);
}

// ---- compared -----------------------------------------------------------------------------------

static void write_difference(nh_json_writer_t *w, const struct nh_battery__wish *f, double board)
{
    nh_json_object_begin(w);
    nh_json_kv_string(w, "key", f->r->key);
    kv_value(w, "board", board);
    kv_value(w, "file", f->value);
    nh_json_kv_bool(w, "dangerous", (f->r->flags & NH_TINYBMS_DANGEROUS) != 0);
    nh_json_object_end(w);
}

// A value of the file is the board's if it would be written as the same number.
static bool is_same(const struct nh_battery__wish *f, const uint16_t *words)
{
    int64_t raw;
    return nh_tinybms_raw_of(f->r, f->value, &raw) == 0 && raw == nh_tinybms_raw(f->r, words);
}

// What was found in the file: names of no setting, which have no limit, and values that are none.
static void write_findings(nh_json_writer_t *w, const struct nh_battery__file *f)
{
    nh_json_key(w, "unknown");
    nh_json_array_begin(w);
    for (uint32_t i = 0; i < f->finding_count; i++)
        if (!f->findings[i].limit[0])
            nh_json_string(w, f->findings[i].field);
    nh_json_array_end(w);
    nh_json_key(w, "wrong");
    nh_json_array_begin(w);
    for (uint32_t i = 0; i < f->finding_count; i++) {
        const struct nh_battery__finding *n = &f->findings[i];
        if (!n->limit[0])
            continue;
        nh_json_object_begin(w);
        nh_json_kv_string(w, "key", n->field);
        nh_json_kv_string(w, "value", n->value);
        nh_json_kv_string(w, "limit", n->limit);
        nh_json_object_end(w);
    }
    nh_json_array_end(w);
}

static int compared(nh_request_t *req, const nh_battery__job_t *j)
{
    const struct nh_battery__asking *a = req->state;
    const struct nh_battery__file *f = a->reply;
    struct nh_battery__settings_info i;
    uint32_t same_count = 0;
    if (j->end != NH_BATTERY__JOB_DONE)
        return nh_battery_api__reply_failed(req, j);
    nh_battery__settings_info(a->settings, &i);
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_key(w, "differences");
    nh_json_array_begin(w);
    for (uint32_t n = 0; n < f->wish_count; n++) {
        const struct nh_battery__wish *v = &f->wishes[n];
        const uint16_t *words = i.image.now + (v->r->address - NH_TINYBMS_SETTINGS_FIRST);
        if (is_same(v, words))
            same_count++;
        else
            write_difference(w, v, nh_tinybms_value(v->r, words));
    }
    nh_json_array_end(w);
    nh_json_kv_uint(w, "same", same_count);
    write_findings(w, f);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

int nh_battery_api__post_compare(nh_request_t *req)
{
    struct nh_battery__asking *a = nh_battery_api__asking(req, compared);
    struct nh_battery__file *f = new_file(req);
    if (!a || !f)
        return NH_ERR_NOMEM;
    int err = nh_battery__file_read_export(req->body, req->body_len, f);
    if (err < 0)
        return nh_reply_error(req, 400, "bad_file", "%s.", f->fault);
    a->reply = f;
    return nh_battery_api__job(req, NH_BATTERY__REFRESH, &err) ? nh_battery_api__submit(req) : err;
}

// ---- backups ------------------------------------------------------------------------------------

// The settings in which two backups differ: how many, and the first names.
static void write_changed(nh_json_writer_t *w, const struct nh_battery__backup *b,
                          const struct nh_battery__backup *before)
{
    uint32_t count = 0;
    nh_json_key(w, "changed");
    nh_json_array_begin(w);
    for (size_t i = 0; i < nh_tinybms_register_count(); i++) {
        const struct nh_tinybms_register *r = nh_tinybms_register_at(i);
        if (!nh_battery__is_kept(r))
            continue;
        size_t at = (size_t)(r->address - NH_TINYBMS_SETTINGS_FIRST);
        if (nh_tinybms_raw(r, b->words + at) == nh_tinybms_raw(r, before->words + at))
            continue;
        if (count++ < CHANGED_NAMED_COUNT)
            nh_json_string(w, r->key);
    }
    nh_json_array_end(w);
    nh_json_kv_uint(w, "changed_count", count);
}

// `before`: the one that was kept before it, NULL if that is not there any more.
static void write_backup(nh_json_writer_t *w, uint32_t generation,
                         const struct nh_battery__backup *b,
                         const struct nh_battery__backup *before)
{
    char serial[NH_BATTERY_SERIAL_TEXT_BYTES];
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "generation", generation);
    if (b->unix_ms)
        nh_json_kv_int(w, "unix_ms", b->unix_ms);
    else
        nh_json_kv_null(w, "unix_ms");
    nh_json_kv_string(w, "serial", nh_battery__serial_text(b->version, serial));
    if (before)
        write_changed(w, b, before);
    nh_json_object_end(w);
}

int nh_battery_api__get_backups(nh_request_t *req)
{
    nh_store_t *store = nh_battery__settings_store(nh_battery__settings_of(req->ctx));
    uint32_t generations[BACKUP_MAX_COUNT];
    int count =
        store ? nh_store_generations(store, NH_BATTERY_BACKUP_DOC, generations, BACKUP_MAX_COUNT)
              : 0;
    if (count < 0)
        return count;
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_key(w, "backups");
    nh_json_array_begin(w);
    for (int i = 0; i < count; i++) {
        struct nh_battery__backup b, before;
        bool has_before =
            i + 1 < count && nh_battery__backup_read(store, generations[i + 1], &before) == NH_OK;
        if (nh_battery__backup_read(store, generations[i], &b) == NH_OK)
            write_backup(w, generations[i], &b, has_before ? &before : NULL);
    }
    nh_json_array_end(w);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}
