// /api/macros: the document out and in, both as a stream. What is answered, and in which order
// faults are told, is as clients of the firmware know it.

#include "components/macropad/macropad_state.h"

#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- replies -----------------------------------------------------------------------------------

nh_json_writer_t *nh_macropad__fail(nh_request_t *req, int status, const char *code,
                                    const char *message)
{
    nh_json_writer_t *w = nh_reply_json(req, status);
    if (!w)
        return NULL;
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "success", false);
    nh_json_kv_string(w, "message", message);
    nh_json_key(w, "error");
    nh_json_object_begin(w);
    nh_json_kv_string(w, "code", code);
    nh_json_kv_string(w, "message", message);
    nh_json_key(w, "details");
    nh_json_array_begin(w);
    return w;
}

int nh_macropad__failed(nh_request_t *req, nh_json_writer_t *w)
{
    nh_json_array_end(w);
    nh_json_object_end(w);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

int nh_macropad__reply_failed(nh_request_t *req, int status, const char *code, const char *message)
{
    nh_json_writer_t *w = nh_macropad__fail(req, status, code, message);
    return w ? nh_macropad__failed(req, w) : NH_ERR_NOMEM;
}

int nh_macropad__reply_done(nh_request_t *req)
{
    static const char done[] = "{\"success\":true}\n";
    return nh_reply_bytes(req, 200, "application/json", done, sizeof done - 1);
}

// ---- GET ---------------------------------------------------------------------------------------

static int produce(nh_request_t *req, char *buf, size_t cap)
{
    return nh_macro_encoder_read(req->state, buf, cap);
}

static void end_reading(nh_request_t *req)
{
    nh_macro_encoder_deinit(req->state);
}

int nh_macropad__get_macros(nh_request_t *req)
{
    nh_macropad_t *m = req->ctx;
    nh_macro_encoder_t *e = nh_arena_alloc(req->arena, sizeof *e);
    char *tag = nh_arena_alloc(req->arena, 16);
    if (!e || !tag)
        return NH_ERR_NOMEM;
    snprintf(tag, 16, "\"%u\"", (unsigned)m->info.generation);
    nh_macro_encoder_init(e, m->set, NH_MACRO_WHOLE);
    req->state = e;
    req->cleanup = end_reading;
    int err = nh_reply_header(req, "ETag", tag);
    return err < 0 ? err : nh_reply_stream(req, 200, "application/json", produce);
}

int nh_macropad__get_export(nh_request_t *req)
{
    int err = nh_reply_header(req, "Content-Disposition", "attachment; filename=\"macros.json\"");
    return err < 0 ? err : nh_macropad__get_macros(req);
}

// ---- POST --------------------------------------------------------------------------------------

static void hotspot(nh_macropad_t *m, const char *tag)
{
    if (m->cfg.out.hotspot)
        m->cfg.out.hotspot(m->cfg.out.ctx, tag);
}

static void end_upload(nh_request_t *req)
{
    struct nh_macropad__upload *u = req->state;
    if (u->pad->upload == u)
        u->pad->upload = NULL;
    nh_macro_decoder_deinit(&u->decoder);
}

static int refuse_busy(nh_request_t *req, nh_macropad_t *m)
{
    m->info.uploads_refused++;
    int err = nh_reply_header(req, "Retry-After", "1");
    return err < 0 ? err
                   : nh_macropad__reply_failed(req, 409, "conflict",
                                               "Another macros update is in progress");
}

// Whether nobody else's document is on its way, or it has stood still for too long.
static bool take_turn(nh_macropad_t *m)
{
    struct nh_macropad__upload *u = m->upload;
    if (!u)
        return true;
    if (m->cfg.clock_ms() - u->last_ms < m->cfg.upload_timeout_ms)
        return false;
    NH_LOG_W("macropad", "an upload stood still for %u ms and was given up",
             (unsigned)m->cfg.upload_timeout_ms);
    m->info.uploads_abandoned++;
    u->is_lost = true;
    nh_macro_decoder_deinit(&u->decoder);
    m->upload = NULL;
    return true;
}

static int refuse_no_memory(nh_request_t *req, nh_macropad_t *m)
{
    m->info.uploads_refused++;
    return nh_macropad__reply_failed(req, 500, "no_memory",
                                     nh_macro_fault_text(NH_MACRO_NO_MEMORY));
}

// Without a state in `req` afterwards the reply is set, or the code makes one.
static int begin_upload(nh_request_t *req)
{
    nh_macropad_t *m = req->ctx;
    if (!take_turn(m))
        return refuse_busy(req, m);
    struct nh_macropad__upload *u = nh_arena_alloc(req->arena, sizeof *u);
    if (!u || nh_macro_decoder_init(&u->decoder, m->cfg.mem, m->cfg.document_max_bytes) < 0)
        return refuse_no_memory(req, m);
    u->pad = m;
    u->is_lost = false;
    m->upload = u;
    m->info.uploads++;
    req->state = u;
    req->cleanup = end_upload;
    return 0;
}

int nh_macropad__take_macros(nh_request_t *req, const uint8_t *bytes, size_t len)
{
    nh_macropad_t *m = req->ctx;
    int err = req->state ? 0 : begin_upload(req);
    struct nh_macropad__upload *u = req->state;
    if (!u)
        return err;
    if (u->is_lost)
        return refuse_busy(req, m);
    u->last_ms = m->cfg.clock_ms();
    err = nh_macro_decoder_feed(&u->decoder, bytes, len);
    if (err == NH_ERR_NOMEM)
        return refuse_no_memory(req, m);
    return 0;
}

static void write_finding(nh_json_writer_t *w, const struct nh_macro_finding *f)
{
    nh_json_object_begin(w);
    nh_json_kv_string(w, "field", f->pointer);
    if (f->line) {
        nh_json_kv_uint(w, "line", f->line);
        nh_json_kv_uint(w, "column", f->column);
    }
    if (f->value)
        nh_json_kv_uint(w, "value", f->value);
    if (f->limit)
        nh_json_kv_uint(w, "limit", f->limit);
    if (f->text[0])
        nh_json_kv_string(w, "text", f->text);
    nh_json_object_end(w);
}

static int refuse(nh_request_t *req, const struct nh_macro_finding *f)
{
    nh_macropad_t *m = req->ctx;
    bool is_json = f->fault == NH_MACRO_NOT_JSON, is_large = f->fault == NH_MACRO_TOO_LARGE;
    m->info.uploads_refused++;
    hotspot(m, is_json || is_large ? "http_macros_post_parse_fail" : "http_macros_post_parsed");
    nh_json_writer_t *w =
        nh_macropad__fail(req, is_large ? 413 : 400, is_large ? "too_large" : "bad_value",
                          nh_macro_fault_text(f->fault));
    if (!w)
        return NH_ERR_NOMEM;
    write_finding(w, f);
    return nh_macropad__failed(req, w);
}

static int refuse_save(nh_request_t *req, int err)
{
    nh_macropad_t *m = req->ctx;
    m->info.uploads_refused++;
    if (err == NH_ERR_CONFLICT)
        return nh_macropad__reply_failed(req, 409, "changed",
                                         "The macros were changed in between. Nothing was saved.");
    hotspot(m, "http_macros_post_save_fail");
    nh_json_writer_t *w = nh_macropad__fail(req, 500, "not_saved", "Failed to save");
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_string(w, "text", nh_err_text(err));
    nh_json_object_end(w);
    return nh_macropad__failed(req, w);
}

// The generation that the document was made from; 0: any. False: it is no number.
static bool base_generation(nh_request_t *req, uint32_t *out)
{
    char *end;
    const char *text = nh_request_param(req, "base_generation");
    *out = 0;
    if (!text)
        return true;
    unsigned long v = strtoul(text, &end, 10);
    *out = (uint32_t)v;
    return *text >= '0' && *text <= '9' && !*end && v <= INT32_MAX;
}

static int save(nh_request_t *req, nh_macro_set_t *set)
{
    nh_macropad_t *m = req->ctx;
    uint32_t base;
    hotspot(m, "http_macros_post_parsed");
    if (!base_generation(req, &base))
        return nh_macropad__reply_failed(req, 400, "bad_value", "base_generation is a number.");
    int err = nh_macropad_apply(m, set, base);
    if (err < 0)
        return refuse_save(req, err);
    hotspot(m, "http_macros_post_saved");
    hotspot(m, "http_macros_post_applied");
    return nh_macropad__reply_done(req);
}

int nh_macropad__post_macros(nh_request_t *req)
{
    nh_macropad_t *m = req->ctx;
    struct nh_macropad__upload *u = req->state;
    nh_macro_set_t *set;
    if (!u) {
        m->info.uploads_refused++;
        return nh_macropad__reply_failed(req, 400, "bad_value", "Invalid upload");
    }
    if (u->is_lost)
        return refuse_busy(req, m);
    hotspot(m, "http_macros_post_begin");
    int err = nh_macro_decoder_end(&u->decoder, &set);
    m->info.texts_cut += u->decoder.cut_count;
    if (err == NH_ERR_NOMEM)
        return refuse_no_memory(req, m);
    if (err < 0)
        return refuse(req, nh_macro_decoder_finding(&u->decoder));
    err = save(req, set);
    nh_macro_set_unref(set);
    return err;
}
