// devices_apply_api.c - bodies that are compiled: checked, and put in force.

#include "components/devices/devices_api_private.h"

#include "platform/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIRM_MAX_S 86400    // a day on trial
#define FINDINGS_MAX_COUNT 100 // that are told; more are counted
#define YAML_FIRST_BYTES 4096u

// ---- bodies that are compiled -------------------------------------------------------------------

struct taking {
    nh_devices_t *d;
    nh_device_compiler_t *c;
    nh_device_set_t *set; // compiled; NULL: not, or taken
    int err;
    bool is_yaml, is_counted;
    char *yaml; // its text, which has to be whole
    size_t yaml_len, yaml_cap;
    struct nh_device_finding *finding; // FINDINGS_MAX_COUNT, once there is one
    uint32_t finding_count, error_count, warning_count;
    // of the reply
    uint32_t told;
    bool has_begun, has_ended;
    int generation;
    bool is_apply;
};

static void keep_finding(void *ctx, const struct nh_device_finding *f)
{
    struct taking *t = ctx;
    t->error_count += !f->is_warning;
    t->warning_count += f->is_warning;
    if (!t->finding)
        t->finding = nh_mem_alloc(t->d->cfg.mem, FINDINGS_MAX_COUNT * sizeof *f, NH_MEM_BULK);
    if (!t->finding)
        t->err = NH_ERR_NOMEM;
    else if (t->finding_count < FINDINGS_MAX_COUNT)
        t->finding[t->finding_count++] = *f;
}

static void end_taking(nh_request_t *req)
{
    struct taking *t = req->state;
    nh_device_compiler_destroy(t->c);
    nh_device_set_unref(t->set);
    nh_mem_free(t->d->cfg.mem, t->finding);
    nh_mem_free(t->d->cfg.mem, t->yaml);
    t->d->compile_count -= t->is_counted;
}

// The request's compiler, made with its first piece.
static int begin_taking(nh_request_t *req)
{
    nh_devices_t *d = nh_devices_api__of(req);
    struct taking *t = nh_arena_alloc(req->arena, sizeof *t);
    if (!t)
        return NH_ERR_NOMEM;
    *t = (struct taking){.d = d};
    req->state = t;
    req->cleanup = end_taking;
    t->is_yaml = req->content_type && strstr(req->content_type, "yaml");
    if (d->compile_count >= d->cfg.compile_max_count)
        return NH_ERR_BUSY;
    d->compile_count++;
    t->is_counted = true;
    const struct nh_device_compiler_config cfg = nh_devices__compiler(d, keep_finding, t);
    return nh_device_compiler_create(&cfg, &t->c);
}

// A YAML reader wants the whole text. JSON over the limit is looked at to its end, piece by piece.
static int keep_yaml(nh_request_t *req, const uint8_t *bytes, size_t len)
{
    struct taking *t = req->state;
    nh_mem_t *mem = t->d->cfg.mem;
    uint32_t limit = t->d->cfg.limits.document_max_bytes;
    if (t->yaml_len + len > limit)
        return nh_reply_error(req, 413, NULL,
                              "The YAML has more than %u bytes (devices.document_max_bytes). "
                              "Nothing was changed.",
                              (unsigned)limit);
    if (t->yaml_len + len > t->yaml_cap) {
        size_t cap = t->yaml_cap ? 2 * t->yaml_cap : YAML_FIRST_BYTES;
        if (cap < t->yaml_len + len)
            cap = t->yaml_len + len;
        char *text = nh_mem_alloc(mem, cap, NH_MEM_BULK);
        if (!text)
            return NH_ERR_NOMEM;
        if (t->yaml)
            memcpy(text, t->yaml, t->yaml_len);
        nh_mem_free(mem, t->yaml);
        t->yaml = text;
        t->yaml_cap = cap;
    }
    memcpy(t->yaml + t->yaml_len, bytes, len);
    t->yaml_len += len;
    return NH_OK;
}

// What is wrong with the document is told at the end; the rest of it is let through.
int nh_devices_api__take_piece(nh_request_t *req, const uint8_t *bytes, size_t len)
{
    struct taking *t = req->state;
    if (!t) {
        int err = begin_taking(req);
        if (err < 0)
            return err;
        t = req->state;
    }
    if (t->is_yaml)
        return keep_yaml(req, bytes, len);
    if (t->err == 0)
        t->err = nh_device_compiler_json(t->c, bytes, len, false);
    return t->err == NH_ERR_NOMEM ? t->err : NH_OK;
}

static int read_yaml(struct taking *t)
{
    struct nh_yaml_error e = {.line = 1, .column = 1};
    uint32_t before = t->error_count;
    int err = nh_yaml_read(t->yaml ? t->yaml : "", t->yaml_len, nh_device_compiler_yaml, t->c, &e);
    const struct nh_json_pos pos = {0, e.line, e.column};
    if (err < 0 && err != NH_ERR_NOMEM && t->error_count == before)
        nh_device_compiler_broken(t->c, &pos, e.text[0] ? e.text : nh_err_text(err));
    return err;
}

// 0: the set is compiled, or findings tell why not.
static int finish(nh_request_t *req)
{
    struct taking *t = req->state;
    if (t->is_yaml)
        t->err = read_yaml(t);
    else if (t->err == 0)
        t->err = nh_device_compiler_json(t->c, "", 0, true);
    int err = nh_device_compiler_end(t->c, &t->set);
    nh_device_compiler_destroy(t->c);
    t->c = NULL;
    return t->err == NH_ERR_NOMEM || err == NH_ERR_NOMEM ? NH_ERR_NOMEM : NH_OK;
}

// ---- findings in the reply ----------------------------------------------------------------------

#define FINDING_MAX_BYTES 1400u // six bytes for each of its own, at worst

static void write_finding(nh_json_writer_t *w, const struct nh_device_finding *f)
{
    nh_json_object_begin(w);
    nh_json_kv_string(w, "severity", f->is_warning ? "warning" : "error");
    nh_json_kv_string(w, "path", f->pointer);
    nh_json_kv_string(w, "code", f->code);
    nh_json_kv_string(w, "message", f->text);
    if (f->line) {
        nh_json_kv_uint(w, "line", f->line);
        nh_json_kv_uint(w, "column", f->column);
    }
    nh_json_object_end(w);
}

static void put(struct nh_json_buf *b, const char *text)
{
    NH_IGNORE(nh_json_buf_sink(b, text, strlen(text)));
}

// What still runs on the set before; it is at most 1 KiB, so it fits.
static void write_running(const struct taking *t, struct nh_json_buf *b)
{
    nh_json_writer_t w;
    put(b, "\"running\":");
    nh_json_writer_init(&w, nh_json_buf_sink, b);
    t->d->cfg.running(t->d->cfg.ctx, &w);
    put(b, ",");
}

static void write_head(struct taking *t, struct nh_json_buf *b)
{
    char text[160];
    if (t->error_count == 0 && t->is_apply)
        snprintf(text, sizeof text, "{\"status\":\"ok\",\"generation\":%d,", t->generation);
    else if (t->error_count && t->is_apply)
        snprintf(text, sizeof text,
                 "{\"error\":{\"code\":\"invalid\",\"message\":\"%u %s. Nothing was "
                 "changed.\"},",
                 (unsigned)t->error_count, t->error_count == 1 ? "fault" : "faults");
    else
        snprintf(text, sizeof text, "{\"ok\":%s,", t->error_count ? "false" : "true");
    put(b, text);
    if (t->error_count == 0 && t->is_apply && t->d->cfg.running)
        write_running(t, b);
    snprintf(text, sizeof text, "\"errors\":%u,\"warnings\":%u,\"findings\":[",
             (unsigned)t->error_count, (unsigned)t->warning_count);
    put(b, text);
}

static int produce_findings(nh_request_t *req, char *out, size_t cap)
{
    struct taking *t = req->state;
    struct nh_json_buf b = {.ptr = out, .cap = cap};
    if (!t->has_begun)
        write_head(t, &b);
    t->has_begun = true;
    while (t->told < t->finding_count && b.cap - b.len > FINDING_MAX_BYTES) {
        nh_json_writer_t w;
        if (t->told > 0)
            put(&b, ",");
        nh_json_writer_init(&w, nh_json_buf_sink, &b);
        write_finding(&w, &t->finding[t->told++]);
    }
    if (t->told == t->finding_count && !t->has_ended) {
        put(&b, "]}");
        t->has_ended = true;
    }
    return (int)b.len;
}

// ---- POST /api/devices/validate, /apply ---------------------------------------------------------

static int refuse(nh_request_t *req, int err)
{
    if (err == NH_ERR_BUSY)
        return nh_reply_error(req, 503, "busy", "Other configurations are being read; try again.");
    return err;
}

// What the room itself lacks; the model may be right without it.
static void check_tracks(struct taking *t)
{
    nh_devices__each_track(t->set, t->d->cfg.has_track, t->d->cfg.ctx, keep_finding, t);
}

// Not one byte came.
static int reply_no_body(nh_request_t *req)
{
    return nh_reply_error(
        req, 400, "no_body",
        "A body is needed: the whole configuration, as JSON or, with Content-Type "
        "application/yaml, as YAML. Nothing was changed.");
}

int nh_devices_api__post_validate(nh_request_t *req)
{
    if (!req->state)
        return reply_no_body(req);
    int err = finish(req);
    struct taking *t = req->state;
    if (err < 0)
        return refuse(req, err);
    if (t->set && t->d->cfg.fits &&
        t->d->cfg.fits(t->d->cfg.ctx, t->set, keep_finding, t) == NH_ERR_NOMEM)
        return NH_ERR_NOMEM;
    if (t->set)
        check_tracks(t);
    return nh_reply_stream(req, 200, "application/json", produce_findings);
}

static bool number_param(nh_request_t *req, const char *name, uint32_t max, uint32_t *out)
{
    const char *text = nh_request_param(req, name);
    char *end;
    *out = 0;
    if (!text)
        return true;
    unsigned long v = strtoul(text, &end, 10);
    *out = (uint32_t)v;
    return *end == '\0' && end != text && v <= max;
}

static int reply_no_number(nh_request_t *req, const char *name, uint32_t max)
{
    const char *value = nh_request_param(req, name);
    nh_json_writer_t *w = nh_reply_error_details(
        req, 400, "bad_value",
        "%s: \"%.32s\" is no whole number of at most %u. Nothing was changed.", name, value,
        (unsigned)max);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_string(w, "field", name);
    nh_json_kv_string(w, "value", value);
    nh_json_kv_uint(w, "limit", max);
    nh_json_object_end(w);
    return nh_reply_error_end(req);
}

static int reply_conflict(nh_request_t *req, uint32_t base)
{
    return nh_reply_error(
        req, 409, "conflict",
        "base_generation is %u, but somebody made generation %u meanwhile. Nothing "
        "was changed.",
        (unsigned)base, (unsigned)nh_devices_api__of(req)->generation);
}

static int reply_apply_error(nh_request_t *req, const struct nh_devices_apply *how, int err)
{
    if (err == NH_ERR_CONFLICT)
        return reply_conflict(req, how->base_generation);
    if (err == NH_ERR_UNSUPPORTED)
        return nh_reply_error(req, 409, "no_card",
                              "confirm_s needs the card, where the backup stands. Nothing was "
                              "changed.");
    if (err == NH_ERR_NOT_FOUND)
        return nh_reply_error(req, 404, "no_profile", "There is no profile \"%.31s\".",
                              how->profile);
    return nh_reply_error(req, err == NH_ERR_NOSPC ? 507 : 503, "not_saved",
                          "It could not be saved: %s. Nothing was changed.", nh_err_text(err));
}

int nh_devices_api__post_apply(nh_request_t *req)
{
    struct nh_devices_apply how = {.profile = nh_request_param(req, "profile")};
    const char *running = nh_request_param(req, "running");
    if (!req->state)
        return reply_no_body(req);
    int err = finish(req);
    struct taking *t = req->state;
    if (err < 0)
        return refuse(req, err);
    if (!number_param(req, "base_generation", UINT32_MAX, &how.base_generation))
        return reply_no_number(req, "base_generation", UINT32_MAX);
    if (!number_param(req, "confirm_s", CONFIRM_MAX_S, &how.confirm_s))
        return reply_no_number(req, "confirm_s", CONFIRM_MAX_S);
    how.cancel = running && strcmp(running, "cancel") == 0;
    if (running && !how.cancel && strcmp(running, "keep") != 0)
        return nh_reply_error(req, 400, "bad_value",
                              "running is keep or cancel. Nothing was "
                              "changed.");
    t->is_apply = true;
    if (t->error_count > 0)
        return nh_reply_stream(req, 400, "application/json", produce_findings);
    check_tracks(t);
    how.finding = keep_finding;
    how.finding_ctx = t;
    t->generation = nh_devices_apply(t->d, t->set, &how);
    if (t->generation == NH_ERR_FULL && t->error_count > 0)
        return nh_reply_stream(req, 400, "application/json", produce_findings);
    if (t->generation < 0)
        return reply_apply_error(req, &how, t->generation);
    t->set = NULL;
    if (!how.profile || !how.profile[0] ||
        strcmp(how.profile, nh_devices_api__of(req)->profile) == 0)
        nh_devices_api__note_who(req);
    return nh_reply_stream(req, 200, "application/json", produce_findings);
}
