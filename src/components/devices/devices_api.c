// devices_api.c - the routes of the device configuration: thin, no state.

#include "components/devices/devices_state.h"

#include "core/json/decode.h"
#include "platform/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FINDINGS_MAX_COUNT 100 // that are told; more are counted
#define YAML_FIRST_BYTES 4096u

static nh_devices_t *of(nh_request_t *req)
{
    return req->ctx;
}

// ---- GET /api/devices/config, /profile/download, /backup
// -----------------------------------------

struct sending {
    nh_device_set_t *set;
    nh_device_writer_t writer;
    char profile[NH_DEVICES_ID_MAX_BYTES];
};

static int produce_config(nh_request_t *req, char *out, size_t cap)
{
    struct sending *s = req->state;
    return (int)nh_device_writer_next(&s->writer, out, cap);
}

static void end_sending(nh_request_t *req)
{
    struct sending *s = req->state;
    nh_device_set_unref(s->set);
}

// `set` is taken.
static int send_set(nh_request_t *req, nh_device_set_t *set, uint32_t generation)
{
    const char *format = nh_request_param(req, "format");
    bool is_yaml = format && strcmp(format, "yaml") == 0;
    struct sending *s = nh_arena_alloc(req->arena, sizeof *s);
    if (!s) {
        nh_device_set_unref(set);
        return NH_ERR_NOMEM;
    }
    s->set = set;
    req->state = s;
    req->cleanup = end_sending;
    snprintf(s->profile, sizeof s->profile, "%s", of(req)->profile);
    const struct nh_device_head head = {.generation = generation};
    nh_device_writer_init(&s->writer, set, is_yaml ? NH_DEVICE_FORM_YAML : NH_DEVICE_FORM_JSON,
                          &head);
    return nh_reply_stream(req, 200, is_yaml ? "application/yaml" : "application/json",
                           produce_config);
}

static int get_config(nh_request_t *req)
{
    nh_devices_t *d = of(req);
    const char *profile = nh_request_param(req, "profile");
    bool is_in_force = !profile || !profile[0] || strcmp(profile, d->profile) == 0;
    nh_device_set_t *set;
    int err = nh_devices_profile_load(d, profile, &set);
    if (err == NH_ERR_NOT_FOUND)
        return nh_reply_error(req, 404, "no_profile", "There is no profile \"%.31s\".", profile);
    return err < 0 ? err : send_set(req, set, is_in_force ? d->generation : 0);
}

static int get_download(nh_request_t *req)
{
    int err = nh_reply_header(req, "Content-Disposition", "attachment; filename=\"devices.json\"");
    return err < 0 ? err : get_config(req);
}

static int get_backup(nh_request_t *req)
{
    const char *text = nh_request_param(req, "generation");
    unsigned long generation = text ? strtoul(text, NULL, 10) : 0;
    nh_device_set_t *set;
    int err = nh_devices_backup_load(of(req), (uint32_t)generation, &set);
    if (err == NH_ERR_NOT_FOUND || err == NH_ERR_CORRUPT)
        return nh_reply_error(req, 404, "no_backup", "There is no good backup of generation %lu.",
                              generation);
    return err < 0 ? err : send_set(req, set, 0);
}

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
    nh_devices_t *d = of(req);
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

// A YAML reader wants the whole text.
static int keep_yaml(struct taking *t, const uint8_t *bytes, size_t len)
{
    nh_mem_t *mem = t->d->cfg.mem;
    if (t->yaml_len + len > t->d->cfg.limits.document_max_bytes)
        return NH_ERR_TOO_LONG;
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
static int take_piece(nh_request_t *req, const uint8_t *bytes, size_t len)
{
    struct taking *t = req->state;
    if (!t) {
        int err = begin_taking(req);
        if (err < 0)
            return err;
        t = req->state;
    }
    if (t->is_yaml)
        return keep_yaml(t, bytes, len);
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
    if (!t) { // no piece at all: an empty body
        int err = begin_taking(req);
        if (err < 0)
            return err;
        t = req->state;
    }
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
                 "{\"error\":{\"code\":\"invalid\",\"message\":\"%u faults. Nothing was "
                 "changed.\"},",
                 (unsigned)t->error_count);
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

static int post_validate(nh_request_t *req)
{
    int err = finish(req);
    struct taking *t = req->state;
    if (err < 0)
        return refuse(req, err);
    if (t->set)
        check_tracks(t);
    return nh_reply_stream(req, 200, "application/json", produce_findings);
}

// Who asks: the name that is signed in, else the address without its port.
static void note_who(nh_request_t *req)
{
    char who[NH_DEVICES_WHO_MAX_BYTES];
    snprintf(who, sizeof who, "%s", req->user ? req->user : req->peer ? req->peer : "");
    char *colon = req->user ? NULL : strrchr(who, ':');
    if (colon)
        *colon = '\0';
    nh_devices_changed_by(of(req), who);
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

static int reply_conflict(nh_request_t *req, uint32_t base)
{
    return nh_reply_error(
        req, 409, "conflict",
        "base_generation is %u, but somebody made generation %u meanwhile. Nothing "
        "was changed.",
        (unsigned)base, (unsigned)of(req)->generation);
}

static int reply_apply_error(nh_request_t *req, const struct nh_devices_apply *how, int err)
{
    if (err == NH_ERR_CONFLICT)
        return reply_conflict(req, how->base_generation);
    if (err == NH_ERR_NOT_FOUND)
        return nh_reply_error(req, 404, "no_profile", "There is no profile \"%.31s\".",
                              how->profile);
    return nh_reply_error(req, err == NH_ERR_NOSPC ? 507 : 503, "not_saved",
                          "It could not be saved: %s. Nothing was changed.", nh_err_text(err));
}

static int post_apply(nh_request_t *req)
{
    struct nh_devices_apply how = {.profile = nh_request_param(req, "profile")};
    const char *running = nh_request_param(req, "running");
    int err = finish(req);
    struct taking *t = req->state;
    if (err < 0)
        return refuse(req, err);
    if (!number_param(req, "base_generation", UINT32_MAX, &how.base_generation) ||
        !number_param(req, "confirm_s", 86400, &how.confirm_s))
        return nh_reply_error(req, 400, "bad_value",
                              "base_generation and confirm_s (at most 86400) are whole numbers. "
                              "Nothing was changed.");
    how.cancel = running && strcmp(running, "cancel") == 0;
    if (running && !how.cancel && strcmp(running, "keep") != 0)
        return nh_reply_error(req, 400, "bad_value",
                              "running is keep or cancel. Nothing was "
                              "changed.");
    t->is_apply = true;
    if (t->error_count > 0)
        return nh_reply_stream(req, 400, "application/json", produce_findings);
    check_tracks(t);
    t->generation = nh_devices_apply(t->d, t->set, &how);
    if (t->generation < 0)
        return reply_apply_error(req, &how, t->generation);
    t->set = NULL;
    if (!how.profile || !how.profile[0] || strcmp(how.profile, of(req)->profile) == 0)
        note_who(req);
    return nh_reply_stream(req, 200, "application/json", produce_findings);
}

// ---- GET /api/devices ---------------------------------------------------------------------------

static const char *const source_words[] = {"card", "staged", "backup", "copy", "empty"};

void nh_devices__write_state(nh_devices_t *d, nh_json_writer_t *w)
{
    struct nh_devices_info i;
    struct nh_device_set_info set;
    nh_devices_info(d, &i);
    nh_device_set_info(d->set, &set);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "profile", i.profile);
    nh_json_kv_uint(w, "generation", i.generation);
    nh_json_kv_uint(w, "devices", set.device_count);
    nh_json_kv_uint(w, "scenarios", set.scenario_count);
    nh_json_kv_string(w, "source", source_words[i.source]);
    nh_json_kv_string(w, "degraded", i.degraded);
    nh_json_kv_bool(w, "card", i.has_card);
    nh_json_kv_bool(w, "saved", i.is_saved);
    nh_json_kv_bool(w, "conflict", i.is_conflict);
    nh_json_kv_uint(w, "confirm_ms", i.confirm_ms);
    nh_json_kv_uint(w, "confirm_back", i.confirm_back);
    nh_json_kv_string(w, "changed_by", i.changed_by);
    nh_json_kv_int(w, "changed_unix_ms", i.changed_unix_ms);
    nh_json_kv_uint(w, "bytes", i.set_bytes);
    nh_json_kv_uint(w, "applied", i.apply_count);
    nh_json_kv_uint(w, "rejected", i.reject_count);
    nh_json_kv_uint(w, "save_failed", i.save_failed_count);
    nh_json_kv_uint(w, "rolled_back", i.rollback_count);
    nh_json_object_end(w);
}

static int get_devices(nh_request_t *req)
{
    nh_devices__write_state(of(req), nh_reply_json(req, 200));
    return nh_reply_json_end(req);
}

static int reply_ok(nh_request_t *req, int generation)
{
    nh_json_writer_t *w = nh_reply_json(req, 200);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "status", "ok");
    if (generation > 0)
        nh_json_kv_uint(w, "generation", (uint64_t)generation);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static int get_backups(nh_request_t *req)
{
    struct nh_devices_backup b[NH_DEVICES_BACKUP_MAX_COUNT];
    size_t count = nh_devices_backups(of(req), b, NH_ARRAY_LEN(b));
    nh_json_writer_t *w = nh_reply_json(req, 200);
    nh_json_array_begin(w);
    for (size_t i = 0; i < count; i++) {
        nh_json_object_begin(w);
        nh_json_kv_uint(w, "generation", b[i].generation);
        nh_json_kv_uint(w, "size_bytes", b[i].size_bytes);
        nh_json_kv_int(w, "mtime_unix_ms", b[i].mtime_unix_ms);
        nh_json_object_end(w);
    }
    nh_json_array_end(w);
    return nh_reply_json_end(req);
}

// ---- the other changes --------------------------------------------------------------------------

struct change {
    uint32_t generation;
    char keep[8], id[NH_DEVICES_ID_MAX_BYTES], name[64], clone[NH_DEVICES_ID_MAX_BYTES];
    bool cancel;
};

static const nh_json_field_t change_fields[] = {
    {"generation", NH_JSON_T_INT, NH_JSON_AT(struct change, generation)},
    {"keep", NH_JSON_T_STRING, NH_JSON_AT(struct change, keep)},
    {"id", NH_JSON_T_STRING, NH_JSON_AT(struct change, id)},
    {"name", NH_JSON_T_STRING, NH_JSON_AT(struct change, name)},
    {"clone", NH_JSON_T_STRING, NH_JSON_AT(struct change, clone)},
    {"cancel", NH_JSON_T_BOOL, NH_JSON_AT(struct change, cancel)},
    NH_JSON_FIELDS_END,
};

static void take_param(nh_request_t *req, const char *name, char *out, size_t cap)
{
    const char *text = nh_request_param(req, name);
    if (text)
        snprintf(out, cap, "%s", text);
}

// A JSON body, or, as the older generation had them, parameters. False: return `*err`.
static bool read_change(nh_request_t *req, struct change *c, int *err)
{
    bool ok = true;
    *c = (struct change){.generation = 0};
    *err = 0;
    if (req->body_len > 0)
        *err = nh_request_decode(req, change_fields, c, "Nothing was changed.", &ok);
    take_param(req, "id", c->id, sizeof c->id);
    take_param(req, "name", c->name, sizeof c->name);
    take_param(req, "clone", c->clone, sizeof c->clone);
    return ok;
}

static int post_confirm(nh_request_t *req)
{
    int err = nh_devices_confirm(of(req));
    if (err == NH_ERR_NOT_FOUND)
        return nh_reply_error(req, 409, "nothing_waits", "No change waits to be confirmed.");
    return err < 0 ? err : reply_ok(req, 0);
}

static int post_rollback(nh_request_t *req)
{
    struct change c;
    int err;
    if (!read_change(req, &c, &err))
        return err;
    err = nh_devices_rollback(of(req), c.generation, c.cancel);
    if (err == NH_ERR_NOT_FOUND || err == NH_ERR_CORRUPT)
        return nh_reply_error(req, 404, "no_backup",
                              "There is no good backup of generation %u. Nothing was changed.",
                              (unsigned)c.generation);
    if (err < 0)
        return err;
    note_who(req);
    return reply_ok(req, err);
}

static int post_snapshot(nh_request_t *req)
{
    int err = nh_devices_snapshot(of(req));
    return err < 0 ? err : reply_ok(req, err);
}

static int post_sync(nh_request_t *req)
{
    static const char *const words[] = {"newer", "hub", "card"};
    struct change c;
    const char *what;
    int err, keep = 0;
    if (!read_change(req, &c, &err))
        return err;
    for (int i = 0; i < 3; i++)
        if (strcmp(c.keep, words[i]) == 0)
            keep = i;
    if (c.keep[0] && strcmp(c.keep, words[keep]) != 0)
        return nh_reply_error(req, 400, "bad_value", "keep is newer, hub or card.");
    err = nh_devices_sync(of(req), (enum nh_devices_keep)keep, &what);
    if (err < 0)
        return nh_reply_error(req, 503, NULL, "%s: %s.", what ? what : "the card",
                              nh_err_text(err));
    nh_json_writer_t *w = nh_reply_json(req, 200);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "status", "ok");
    nh_json_kv_string(w, "message", what);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

// ---- profiles -----------------------------------------------------------------------------------

static int get_profiles(nh_request_t *req)
{
    struct nh_devices_profile *p =
        nh_arena_alloc(req->arena, NH_DEVICES_PROFILE_MAX_COUNT * sizeof *p);
    if (!p)
        return NH_ERR_NOMEM;
    size_t count = nh_devices_profiles(of(req), p, NH_DEVICES_PROFILE_MAX_COUNT);
    nh_json_writer_t *w = nh_reply_json(req, 200);
    nh_json_array_begin(w);
    for (size_t i = 0; i < count; i++) {
        nh_json_object_begin(w);
        nh_json_kv_string(w, "id", p[i].id);
        nh_json_kv_string(w, "name", p[i].name);
        nh_json_kv_uint(w, "device_count", p[i].device_count);
        nh_json_kv_bool(w, "active", p[i].is_active);
        nh_json_object_end(w);
    }
    nh_json_array_end(w);
    return nh_reply_json_end(req);
}

static int reply_profile(nh_request_t *req, const char *id, int err)
{
    switch (err) {
    case NH_ERR_NOT_FOUND:
        return nh_reply_error(req, 404, "no_profile", "There is no profile \"%s\".", id);
    case NH_ERR_EXISTS:
        return nh_reply_error(req, 409, "exists", "There is a profile \"%s\" already.", id);
    case NH_ERR_INVAL:
        return nh_reply_error(req, 400, "bad_id",
                              "id: \"%s\" has to be 1 to %d letters, digits, '-' and '_'.", id,
                              NH_DEVICES_ID_MAX_BYTES - 1);
    case NH_ERR_FULL:
        return nh_reply_error(req, 409, "full", "There are %u profiles already.",
                              (unsigned)of(req)->cfg.profile_max_count);
    case NH_ERR_BUSY:
        return nh_reply_error(
            req, 409, "in_force",
            "The profile in force cannot be deleted; activate another one first.");
    default:
        return err < 0 ? err : reply_ok(req, 0);
    }
}

static int post_profile_create(nh_request_t *req)
{
    struct change c;
    int err;
    if (!read_change(req, &c, &err))
        return err;
    const char *name = c.name[0] ? c.name : c.id;
    return reply_profile(req, c.id, nh_devices_profile_create(of(req), c.id, name, c.clone));
}

static int post_profile_rename(nh_request_t *req)
{
    struct change c;
    int err;
    if (!read_change(req, &c, &err))
        return err;
    return reply_profile(req, c.id, nh_devices_profile_rename(of(req), c.id, c.name));
}

static int post_profile_delete(nh_request_t *req)
{
    struct change c;
    int err;
    if (!read_change(req, &c, &err))
        return err;
    return reply_profile(req, c.id, nh_devices_profile_delete(of(req), c.id));
}

static int post_profile_activate(nh_request_t *req)
{
    struct change c;
    int err;
    if (!read_change(req, &c, &err))
        return err;
    err = nh_devices_profile_activate(of(req), c.id, c.cancel);
    if (err >= 0)
        note_who(req);
    return reply_profile(req, c.id, err);
}

// ---- the table ----------------------------------------------------------------------------------

#define BODY_MAX_BYTES NH_MIB(4) // the limits of the configuration are below it
#define CHANGE_MAX_BYTES 1024

static const nh_route_t routes[] = {
    {"GET", "/api/devices", .flags = NH_ROUTE_OPERATOR, .handle = get_devices,
     .text = "Which configuration is in force"},
    {"GET", "/api/devices/config", .flags = NH_ROUTE_OPERATOR, .handle = get_config,
     .text = "The whole configuration; profile=, format=yaml"},
    {"GET", "/api/devices/schema", .flags = NH_ROUTE_OPERATOR, .handle = nh_devices__get_schema,
     .text = "What a configuration may have, for editors"},
    {"GET", "/api/devices/templates", .flags = NH_ROUTE_OPERATOR,
     .handle = nh_devices__get_templates, .text = "The kinds of devices"},
    {"POST", "/api/devices/validate", .body_max_bytes = BODY_MAX_BYTES, .body = take_piece,
     .handle = post_validate, .text = "All findings of a configuration, JSON or YAML"},
    {"POST", "/api/devices/apply", .body_max_bytes = BODY_MAX_BYTES, .body = take_piece,
     .handle = post_apply,
     .text = "Saves it and puts it in force; profile=, base_generation=, confirm_s=, "
             "running=keep|cancel"},
    {"POST", "/api/devices/confirm", .handle = post_confirm,
     .text = "Keeps a change that was applied with confirm_s"},
    {"GET", "/api/devices/backups", .handle = get_backups, .text = "Older generations"},
    {"GET", "/api/devices/backup", .handle = get_backup, .text = "One of them; generation="},
    {"POST", "/api/devices/rollback", .body_max_bytes = CHANGE_MAX_BYTES, .handle = post_rollback,
     .text = "Puts an older generation in force, as a new one"},
    {"POST", "/api/devices/snapshot", .handle = post_snapshot,
     .text = "Makes a backup of what is in force"},
    {"POST", "/api/devices/sync", .body_max_bytes = CHANGE_MAX_BYTES, .handle = post_sync,
     .text = "Brings card and hub together; keep: newer, hub, card"},
    {"GET", "/api/devices/profiles", .handle = get_profiles, .text = "All profiles"},
    {"GET", "/api/devices/profile/download", .handle = get_download,
     .text = "A profile as a file; profile="},
    {"POST", "/api/devices/profile/create", .body_max_bytes = CHANGE_MAX_BYTES,
     .handle = post_profile_create,
     .text = "Makes a profile, empty or as another; id, name, clone"},
    {"POST", "/api/devices/profile/rename", .body_max_bytes = CHANGE_MAX_BYTES,
     .handle = post_profile_rename, .text = "Names a profile; id, name"},
    {"POST", "/api/devices/profile/delete", .body_max_bytes = CHANGE_MAX_BYTES,
     .handle = post_profile_delete, .text = "Removes a profile that is not in force; id"},
    {"POST", "/api/devices/profile/activate", .body_max_bytes = CHANGE_MAX_BYTES,
     .handle = post_profile_activate, .text = "Puts a profile in force; id, cancel"},
    {NULL},
};

struct nh_route_table nh_devices_routes(nh_devices_t *d)
{
    return (struct nh_route_table){.routes = routes, .ctx = d, .name = "devices"};
}

static uint64_t feed_version(void *ctx)
{
    const nh_devices_t *d = ctx;
    return d->version;
}

static uint64_t feed_write(void *ctx, nh_json_writer_t *w, uint64_t since)
{
    nh_devices_t *d = ctx;
    (void)since;
    nh_devices__write_state(d, w);
    return d->version;
}

void nh_devices_feed_part(nh_devices_t *d, nh_feed_part_t *out)
{
    *out = (nh_feed_part_t){.name = "devices",
                            .min_interval_ms = 250,
                            .version = feed_version,
                            .write = feed_write,
                            .ctx = d};
}
