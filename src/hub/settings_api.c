// The routes of the settings: every field with its value, default and limits; and changing them.

#include "hub/settings_private.h"

#include <stdio.h>
#include <string.h>

// ---- one field
// --------------------------------------------------------------------------------------

static bool is_leaf(const nh_json_field_t *f)
{
    return f->type == NH_JSON_T_BOOL || f->type == NH_JSON_T_INT || f->type == NH_JSON_T_STRING ||
           f->type == NH_JSON_T_ENUM;
}

static void write_limits(nh_json_writer_t *w, const nh_json_field_t *f)
{
    char limit[64];
    nh_json_field_limit(f, limit, sizeof limit);
    nh_json_kv_string(w, "limit", limit);
    if (f->type == NH_JSON_T_INT) {
        nh_json_kv_int(w, "min", f->min);
        nh_json_kv_int(w, "max", f->max || f->min ? f->max : UINT32_MAX);
    } else if (f->type == NH_JSON_T_STRING) {
        nh_json_kv_uint(w, "max", f->size - 1);
    } else if (f->type == NH_JSON_T_ENUM) {
        nh_json_key(w, "choices");
        nh_json_array_begin(w);
        for (size_t i = 0; f->names[i]; i++)
            nh_json_string(w, f->names[i]);
        nh_json_array_end(w);
    }
}

// ---- GET /api/settings
// ------------------------------------------------------------------------------

// Defaults, file and kept settings side by side, for where a value comes from.
struct listing {
    nh_settings_t *s;
    const struct nh_hub_config *in_force, *base;
    struct nh_hub_config *standard; // and behind it what the file says; too large for the arena
    struct nh_json_buf b;
    size_t next, index; // leaf to tell next; leaf visited
    bool is_full;
    char *kept; // the document
    int kept_len;
    bool told_head, told_end;
};

// A text of 255 bytes may take three times that: no control characters (validated), but bytes that
// are no UTF-8 (from the command line) become U+FFFD.
#define FIELD_MAX_BYTES 1400
#define FILE_TOLD_BYTES 255

struct seek {
    const char *pointer;
    bool found;
};

static int seek_pair(void *ctx, const struct nh_settings__pair *p)
{
    struct seek *k = ctx;
    k->found |= strcmp(k->pointer, p->pointer) == 0;
    return 0;
}

static const char *source_of(struct listing *l, const char *pointer, const nh_json_field_t *f,
                             size_t offset)
{
    struct seek k = {.pointer = pointer};
    const uint8_t *now = (const uint8_t *)l->in_force + offset;
    if (nh_settings__each(l->kept, (size_t)l->kept_len, seek_pair, &k) == 0 && k.found)
        return "settings";
    if (memcmp(now, (const uint8_t *)l->base + offset, f->size) != 0)
        return "command line";
    return memcmp(now, (const uint8_t *)l->standard + offset, f->size) != 0 ? "file" : "default";
}

// Whether the hub was built with another value than the one in force.
static bool is_new(const struct listing *l, const nh_json_field_t *f, size_t offset)
{
    return memcmp((const uint8_t *)l->in_force + offset, (const uint8_t *)l->s->running + offset,
                  f->size) != 0;
}

static int visit_field(void *ctx, const char *pointer, const nh_json_field_t *f, size_t offset)
{
    static const char *const types[] = {[NH_JSON_T_BOOL] = "bool",
                                        [NH_JSON_T_INT] = "int",
                                        [NH_JSON_T_STRING] = "string",
                                        [NH_JSON_T_ENUM] = "enum"};
    struct listing *l = ctx;
    nh_json_writer_t w;
    if (!is_leaf(f) || strchr(pointer, '*') || l->index++ < l->next)
        return 0;
    if (l->b.cap - l->b.len < FIELD_MAX_BYTES)
        return 1;
    if (l->next++ > 0)
        (void)nh_json_buf_sink(&l->b, ",", 1);
    nh_json_writer_init(&w, nh_json_buf_sink, &l->b);
    nh_json_object_begin(&w);
    nh_json_kv_string(&w, "pointer", pointer);
    nh_json_kv_string(&w, "type", types[f->type]);
    nh_json_key(&w, "value");
    nh_json_encode_field(&w, f, (const uint8_t *)l->in_force + offset, NH_ENCODE_HIDE_SECRETS);
    nh_json_key(&w, "default");
    nh_json_encode_field(&w, f, (const uint8_t *)l->standard + offset, 0);
    write_limits(&w, f);
    nh_json_kv_string(&w, "unit", f->unit);
    nh_json_kv_string(&w, "text", f->text);
    bool needs_restart = nh_hub_config_needs_restart(pointer);
    nh_json_kv_bool(&w, "restart", needs_restart);
    nh_json_kv_bool(&w, "waits", needs_restart && is_new(l, f, offset));
    nh_json_kv_string(&w, "source", source_of(l, pointer, f, offset));
    nh_json_kv_bool(&w, "writable", nh_settings__is_writable(pointer));
    nh_json_object_end(&w);
    return 0;
}

// The end of a long path says more than its beginning, and the whole would not fit a part.
static void write_file(nh_json_writer_t *w, const char *file)
{
    size_t len = file ? strlen(file) : 0;
    nh_json_string(w, len > FILE_TOLD_BYTES ? file + len - FILE_TOLD_BYTES : file);
}

static int produce_settings(nh_request_t *req, char *out, size_t cap)
{
    struct listing *l = req->state;
    l->b = (struct nh_json_buf){.ptr = out, .cap = cap};
    if (!l->told_head) {
        nh_json_writer_t w;
        nh_json_writer_init(&w, nh_json_buf_sink, &l->b);
        nh_json_object_begin(&w);
        nh_json_kv_uint(&w, "generation", nh_settings_generation(l->s));
        nh_json_key(&w, "file");
        write_file(&w, l->s->cfg.file);
        (void)nh_json_buf_sink(&l->b, ",\"fields\":[", 11);
        l->told_head = true;
    }
    l->index = 0;
    if (!l->told_end && nh_json_field_each(nh_hub_config_fields, visit_field, l) == 0) {
        (void)nh_json_buf_sink(&l->b, "]}", 2);
        l->told_end = true;
        l->next = SIZE_MAX; // nothing more to tell
    }
    return (int)l->b.len;
}

static void listing_end(nh_request_t *req)
{
    struct listing *l = req->state;
    if (l)
        nh_mem_free(l->s->cfg.mem, l->standard);
}

static int get_settings(nh_request_t *req)
{
    nh_settings_t *s = req->ctx;
    struct listing *l = nh_arena_alloc(req->arena, sizeof *l);
    if (!l)
        return NH_ERR_NOMEM;
    memset(l, 0, sizeof *l);
    req->state = l;
    l->s = s;
    l->in_force = s->cfg.current(s->cfg.ctx);
    req->cleanup = listing_end;
    l->standard = nh_mem_alloc(s->cfg.mem, 2 * sizeof *l->standard, NH_MEM_BULK);
    if (!l->standard)
        return NH_ERR_NOMEM;
    nh_hub_config_defaults(l->standard);
    l->base = &l->standard[1];
    if (s->cfg.base(s->cfg.ctx, &l->standard[1]) < 0)
        l->base = l->in_force; // a file that is broken now tells nothing of its values
    l->kept = nh_arena_alloc(req->arena, NH_SETTINGS_DOC_MAX_BYTES);
    if (!l->kept)
        return NH_ERR_NOMEM;
    l->kept_len = nh_settings__read(s, l->kept);
    if (l->kept_len < 0)
        return l->kept_len;
    return nh_reply_stream(req, 200, "application/json", produce_settings);
}

// ---- PUT /api/settings
// ------------------------------------------------------------------------------

#define FINDINGS_TOLD_MAX 8

struct apply {
    nh_settings_t *s;
    struct nh_hub_config *c;
    struct nh_json_buf doc; // the new document
    bool has_pair;
    const char *kept; // the document in force
    size_t kept_len;
    const char *values; // the request's
    size_t values_len;
    struct nh_finding *findings;
    size_t finding_count;
    char (*restart)[NH_JSON_POINTER_MAX];
    size_t restart_count;
};

#define RESTART_TOLD_MAX 16

static void keep_finding(void *ctx, const struct nh_finding *f)
{
    struct apply *a = ctx;
    if (a->finding_count < FINDINGS_TOLD_MAX)
        a->findings[a->finding_count++] = *f;
}

static int add_pair(struct apply *a, const struct nh_settings__pair *p)
{
    nh_json_writer_t w;
    int err = a->has_pair ? nh_json_buf_sink(&a->doc, ",", 1) : 0;
    nh_json_writer_init(&w, nh_json_buf_sink, &a->doc);
    nh_json_string(&w, p->pointer);
    if (err == 0)
        err = w.err;
    if (err == 0)
        err = nh_json_buf_sink(&a->doc, ":", 1);
    if (err == 0)
        err = nh_json_buf_sink(&a->doc, p->value, p->value_len);
    a->has_pair = true;
    return err < 0 ? NH_ERR_FULL : 0;
}

// A kept pair stays unless the request names it.
static int keep_pair(void *ctx, const struct nh_settings__pair *p)
{
    struct apply *a = ctx;
    struct seek k = {.pointer = p->pointer};
    int err = nh_settings__each(a->values, a->values_len, seek_pair, &k);
    return err < 0 || k.found ? err : add_pair(a, p);
}

static int seek_field(void *ctx, const char *pointer, const nh_json_field_t *f, size_t offset)
{
    struct seek *k = ctx;
    (void)offset;
    k->found |= is_leaf(f) && strcmp(k->pointer, pointer) == 0;
    return 0;
}

// A field of this version, or a kept setting: an older version may have had more fields.
static bool is_known(const struct apply *a, const char *pointer)
{
    struct seek k = {.pointer = pointer};
    NH_IGNORE(nh_json_field_each(nh_hub_config_fields, seek_field, &k)); // it never stops
    NH_IGNORE(nh_settings__each(a->kept, a->kept_len, seek_pair, &k));   // was read before
    return k.found;
}

// A new pair; null takes the setting away, so that file and default show again.
static int take_pair(void *ctx, const struct nh_settings__pair *p)
{
    struct apply *a = ctx;
    if (!nh_settings__is_writable(p->pointer)) {
        struct nh_finding f = {.code = NH_ERR_DENIED, .text = "can be set in the file only"};
        snprintf(f.pointer, sizeof f.pointer, "%s", p->pointer);
        keep_finding(a, &f);
        return 0;
    }
    bool takes_away = p->value_len == 4 && memcmp(p->value, "null", 4) == 0;
    if (takes_away && !is_known(a, p->pointer)) {
        struct nh_finding f = {.code = NH_ERR_NOT_FOUND, .text = "no such field"};
        snprintf(f.pointer, sizeof f.pointer, "%s", p->pointer);
        keep_finding(a, &f);
        return 0;
    }
    if (nh_hub_config_needs_restart(p->pointer) && a->restart_count < RESTART_TOLD_MAX)
        memcpy(a->restart[a->restart_count++], p->pointer, NH_JSON_POINTER_MAX);
    return takes_away ? 0 : add_pair(a, p);
}

static int lay_over(void *ctx, const struct nh_settings__pair *p)
{
    struct apply *a = ctx;
    NH_IGNORE(nh_settings__put(a->c, p, keep_finding, a)); // faults are kept, all of them
    return 0;
}

// The request's base_generation and the byte range of its "values".
static int parse_body(nh_request_t *req, int64_t *base, struct apply *a)
{
    char text[NH_SETTINGS_VALUE_MAX_BYTES];
    const struct nh_json_reader_config cfg = {.text = text, .text_max_bytes = sizeof text};
    nh_json_reader_t r;
    *base = 0;
    nh_json_reader_init(&r, &cfg);
    nh_json_feed(&r, req->body, req->body_len, true);
    if (nh_json_next(&r) != NH_JSON_OBJECT_BEGIN)
        return NH_ERR_SYNTAX;
    int ev;
    while ((ev = nh_json_next(&r)) == NH_JSON_KEY) {
        bool is_values = strcmp(nh_json_text(&r, NULL), "values") == 0;
        bool is_base = strcmp(nh_json_text(&r, NULL), "base_generation") == 0;
        ev = nh_json_next(&r);
        if (ev < 0 || (is_base && (ev != NH_JSON_NUMBER || nh_json_int64(&r, base) < 0)))
            return NH_ERR_SYNTAX;
        uint64_t begin = nh_json_value_begin(&r);
        if (nh_json_skip(&r) < 0)
            return NH_ERR_SYNTAX;
        if (is_values && ev == NH_JSON_OBJECT_BEGIN) {
            a->values = req->body + begin;
            a->values_len = (size_t)(nh_json_value_end(&r) - begin);
        }
    }
    return ev == NH_JSON_OBJECT_END && nh_json_next(&r) == NH_JSON_DONE && a->values
               ? 0
               : NH_ERR_SYNTAX;
}

static int prepare(nh_arena_t *arena, struct apply *a)
{
    char *doc = nh_arena_alloc(arena, NH_SETTINGS_DOC_MAX_BYTES);
    a->findings = nh_arena_alloc(arena, FINDINGS_TOLD_MAX * sizeof *a->findings);
    a->restart = nh_arena_alloc(arena, RESTART_TOLD_MAX * sizeof *a->restart);
    a->doc = (struct nh_json_buf){.ptr = doc, .cap = NH_SETTINGS_DOC_MAX_BYTES};
    return doc && a->findings && a->restart ? 0 : NH_ERR_NOMEM;
}

// Composes the new document: the kept pairs that stay, then the request's.
static int compose(nh_arena_t *arena, struct apply *a)
{
    char *kept = nh_arena_alloc(arena, NH_SETTINGS_DOC_MAX_BYTES);
    if (!kept)
        return NH_ERR_NOMEM;
    int len = nh_settings__read(a->s, kept);
    int err = len < 0 ? len : nh_json_buf_sink(&a->doc, "{", 1);
    a->kept = kept;
    a->kept_len = len < 0 ? 0 : (size_t)len;
    if (err == 0)
        err = nh_settings__each(kept, a->kept_len, keep_pair, a);
    if (err == 0)
        err = nh_settings__each(a->values, a->values_len, take_pair, a);
    if (err == 0)
        err = nh_json_buf_sink(&a->doc, "}", 1);
    return err;
}

static int judge(struct apply *a)
{
    int err = a->s->cfg.base(a->s->cfg.ctx, a->c);
    if (err == 0)
        err = nh_settings__each(a->doc.ptr, a->doc.len, lay_over, a);
    // Judged without the command line too: the next start may have another one.
    if (err == 0 && a->finding_count == 0)
        NH_IGNORE(nh_hub_config_validate(a->c, keep_finding, a)); // its faults are kept
    if (err == 0)
        err = a->s->cfg.options(a->s->cfg.ctx, a->c);
    if (err == 0 && a->finding_count == 0)
        NH_IGNORE(nh_hub_config_validate(a->c, keep_finding, a)); // its faults are kept
    return err;
}

static int store(struct apply *a, uint32_t base)
{
    nh_store_write_t *w;
    int err = nh_store_write_begin(a->s->cfg.store, NH_SETTINGS_DOC, base, &w);
    if (err < 0)
        return err;
    err = nh_store_write(w, a->doc.ptr, a->doc.len);
    if (err < 0) {
        nh_store_write_abort(w);
        return err;
    }
    return nh_store_write_commit(w);
}

// Judges the values, keeps them and puts them in force. The new generation; an error, or findings:
// nothing was changed.
static int change(nh_arena_t *arena, struct apply *a, uint32_t generation)
{
    int err = compose(arena, a);
    if (err == 0)
        err = judge(a);
    if (err == 0 && a->finding_count > 0)
        err = NH_ERR_INVAL;
    if (err == 0)
        err = store(a, generation);
    if (err > 0)
        a->s->cfg.apply(a->s->cfg.ctx, a->c);
    return err;
}

static int reply_applied(nh_request_t *req, const struct apply *a, int generation)
{
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_int(w, "generation", generation);
    nh_json_key(w, "restart_needed");
    nh_json_array_begin(w);
    for (size_t i = 0; i < a->restart_count; i++)
        nh_json_string(w, a->restart[i]);
    nh_json_array_end(w);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static int put(nh_request_t *req, struct apply *a)
{
    static const char unchanged[] = "Nothing was changed.";
    int64_t base;
    int err = prepare(req->arena, a);
    if (err < 0)
        return err;
    if (parse_body(req, &base, a) < 0)
        return nh_reply_error(req, 400, "bad_body",
                              "The body is {\"base_generation\":N,\"values\":{POINTER:VALUE}}. %s",
                              unchanged);
    uint32_t generation = nh_settings_generation(a->s);
    if (base != (int64_t)generation)
        return nh_reply_error(
            req, 409, "conflict",
            "Settings are at generation %u, yours is %lld: somebody changed them. "
            "%s",
            (unsigned)generation, (long long)base, unchanged);
    err = change(req->arena, a, generation);
    if (err == NH_ERR_FULL)
        return nh_reply_error(req, 413, "too_large", "Settings have over %d bytes, limit %d. %s",
                              NH_SETTINGS_DOC_MAX_BYTES, NH_SETTINGS_DOC_MAX_BYTES, unchanged);
    if (a->finding_count > 0)
        return nh_reply_findings(req, a->findings, a->finding_count, unchanged);
    return err < 0 ? err : reply_applied(req, a, err);
}

// A configuration is too large for the arena.
static int put_settings(nh_request_t *req)
{
    nh_settings_t *s = req->ctx;
    struct apply a = {.s = s, .c = nh_mem_alloc(s->cfg.mem, sizeof *a.c, NH_MEM_BULK)};
    int err = a.c ? put(req, &a) : NH_ERR_NOMEM;
    nh_mem_free(s->cfg.mem, a.c);
    return err;
}

int nh_settings_change(nh_settings_t *s, nh_arena_t *arena, const char *values, size_t len,
                       struct nh_finding *fault)
{
    struct apply a = {.s = s, .values = values, .values_len = len};
    a.c = nh_mem_alloc(s->cfg.mem, sizeof *a.c, NH_MEM_BULK);
    int err = a.c ? prepare(arena, &a) : NH_ERR_NOMEM;
    if (err == 0)
        err = change(arena, &a, nh_settings_generation(s));
    if (a.finding_count > 0)
        *fault = a.findings[0];
    nh_mem_free(s->cfg.mem, a.c);
    return err;
}

static const nh_route_t routes[] = {
    {.method = "GET",
     .path = "/api/settings",
     .handle = get_settings,
     .text = "Every setting with value, default and limits"},
    {.method = "PUT",
     .path = "/api/settings",
     .body_max_bytes = 4096,
     .handle = put_settings,
     .text = "Change settings; null takes one back"},
    {0},
};

struct nh_route_table nh_settings_routes(nh_settings_t *s)
{
    return (struct nh_route_table){.routes = routes, .ctx = s, .name = "hub"};
}
