// /api/ota: an image in, what became of it out.

#include "components/ota/ota_state.h"

#include <stdio.h>

#define BODY_MAX_BYTES NH_MIB(256) // any route needs one; the configured limit is the upload's own

// ---- replies ------------------------------------------------------------------------------------

struct told {
    int err, status;
    const char *code, *text;
};

static const struct told told[] = {
    {NH_ERR_BUSY, 423, "upload_running", "Another image is coming in."},
    {NH_ERR_CONFLICT, 409, "not_confirmed",
     "The version that runs was updated a moment ago and is not confirmed yet."},
    {NH_ERR_INVAL, 400, "wrong_length",
     "The image is empty, or not as long as it says that it is."},
    {NH_ERR_TOO_LONG, 413, "too_large", "The image is larger than a slot."},
    {NH_ERR_SYNTAX, 400, "no_image",
     "This is no image of nuthatch; `nuthatch ota sign` makes one of a program."},
    {NH_ERR_DENIED, 403, "wrong_signature", "The image is not signed by the key of ota.key."},
    {NH_ERR_TYPE, 400, "wrong_target", "The image is for another machine."},
    {NH_ERR_CORRUPT, 400, "wrong_hash", "The image was damaged on its way."},
    {NH_ERR_TIMEOUT, 408, "stalled", "The upload stood still for too long and was given up."},
    {NH_ERR_NOSPC, 507, "no_space", "There is no space for the image."},
    {NH_ERR_NOT_FOUND, 404, "no_way_back", "There is no version before this one."},
};

static const struct told *find_told(int err)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(told); i++)
        if (told[i].err == err)
            return &told[i];
    return NULL;
}

static int reply_fault(nh_request_t *req, int err)
{
    const nh_ota_t *o = req->ctx;
    const struct told *t = find_told(err);
    if (!t)
        return nh_reply_err(req, err);
    if (err != NH_ERR_TOO_LONG && err != NH_ERR_TYPE)
        return nh_reply_error(req, t->status, t->code, "%s The hub runs as before.", t->text);
    nh_json_writer_t *w =
        nh_reply_error_details(req, t->status, t->code, "%s The hub runs as before.", t->text);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "field", err == NH_ERR_TYPE ? "target" : "size_bytes");
    if (err == NH_ERR_TYPE) {
        nh_json_kv_string(w, "value", o->head.target);
        nh_json_kv_string(w, "limit", nh_ota_target());
    } else {
        nh_json_kv_int(w, "value", req->content_length);
        nh_json_kv_uint(w, "limit", o->cfg.image_max_bytes + NH_OTA_HEAD_BYTES);
    }
    nh_json_object_end(w);
    return nh_reply_error_end(req);
}

static void write_slot(nh_json_writer_t *w, const struct nh_ota_snapshot *s, enum nh_ota_place p,
                       const char *own_version)
{
    const struct nh_ota_record *r = &s->record;
    const struct nh_ota_slot *slot = p == NH_OTA_PROGRAM ? NULL : &r->slot[p - NH_OTA_SLOT_A];
    bool is_pending = r->is_pending && r->active == p;
    nh_json_object_begin(w);
    nh_json_kv_string(w, "name", nh_ota_place_name(p));
    nh_json_kv_string(w, "version",
                      p == s->running          ? own_version
                      : slot && slot->is_whole ? slot->version
                                               : NULL);
    nh_json_kv_string(w, "state",
                      p == s->running           ? is_pending ? "running, pending" : "running"
                      : slot && !slot->is_whole ? "empty"
                      : p == r->active          ? "next"
                      : p == r->fallback        ? "way back"
                                                : "kept");
    if (slot)
        nh_json_kv_uint(w, "size_bytes", slot->size_bytes);
    nh_json_object_end(w);
}

static const char *phase_text(enum nh_ota_phase p)
{
    static const char *const texts[] = {"idle", "receiving", "done", "failed"};
    return texts[p];
}

static const char *fault_text(int err)
{
    const struct told *t = find_told(err);
    return t ? t->text : nh_err_text(err);
}

static int get_ota(nh_request_t *req)
{
    const nh_ota_t *o = req->ctx;
    struct nh_ota_snapshot s;
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_ota_snapshot(o, &s);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "state", phase_text(s.phase));
    nh_json_kv_uint(w, "bytes", s.bytes);
    nh_json_kv_uint(w, "total_bytes", s.total_bytes);
    nh_json_kv_uint(w, "pct", s.total_bytes ? s.bytes * 100 / s.total_bytes : 0);
    nh_json_kv_string(w, "version", s.version[0] ? s.version : NULL);
    nh_json_kv_string(w, "error", s.phase == NH_OTA_FAILED ? fault_text(s.err) : NULL);
    nh_json_kv_string(w, "target", nh_ota_target());
    nh_json_kv_uint(w, "image_max_bytes", o->cfg.image_max_bytes);
    nh_json_kv_string(w, "taken_back", s.record.taken_back[0] ? s.record.taken_back : NULL);
    nh_json_kv_bool(w, "is_pending", s.record.is_pending);
    nh_json_kv_bool(w, "has_way_back", s.record.active != s.record.fallback);
    nh_json_key(w, "slots");
    nh_json_array_begin(w);
    for (int p = 0; p < NH_OTA_PLACE_COUNT; p++)
        write_slot(w, &s, (enum nh_ota_place)p, o->cfg.version);
    nh_json_array_end(w);
    nh_json_kv_uint(w, "done_count", s.done_count);
    nh_json_kv_uint(w, "failed_count", s.failed_count);
    nh_json_kv_uint(w, "refused_count", s.refused_count);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

// ---- POST /api/ota ------------------------------------------------------------------------------

// Who sent it has gone, or its reply is made.
static void cleanup(nh_request_t *req)
{
    nh_ota_t *o = req->ctx;
    if (o->uploader == req) {
        o->uploader = NULL;
        nh_ota_abort(o, NH_ERR_CLOSED);
    }
}

static int begin(nh_request_t *req)
{
    nh_ota_t *o = req->ctx;
    uint64_t len = req->content_length > 0 ? (uint64_t)req->content_length : 0;
    int err = nh_ota_begin(o, len, o->cfg.clock_ms());
    if (err < 0)
        return err;
    o->uploader = req;
    req->cleanup = cleanup;
    return 0;
}

// An upload that was given up since is not this one any more, whoever sends now.
static int take(nh_request_t *req, const uint8_t *bytes, size_t len)
{
    nh_ota_t *o = req->ctx;
    int err = !req->cleanup ? begin(req) : o->uploader == req ? 0 : NH_ERR_TIMEOUT;
    if (err == 0)
        err = nh_ota_feed(o, bytes, len, o->cfg.clock_ms());
    return err < 0 ? reply_fault(req, err) : 0;
}

static int post_ota(nh_request_t *req)
{
    nh_ota_t *o = req->ctx;
    int err = !req->cleanup ? begin(req) : o->uploader == req ? 0 : NH_ERR_TIMEOUT;
    if (err == 0)
        err = nh_ota_end(o);
    if (err < 0)
        return reply_fault(req, err);
    o->uploader = NULL;
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "success", true);
    nh_json_kv_string(w, "version", o->head.version);
    nh_json_kv_string(w, "slot", nh_ota_place_name(o->place));
    nh_json_kv_string(w, "message", "The hub restarts into it now.");
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static int post_back(nh_request_t *req)
{
    int err = nh_ota_take_back(req->ctx);
    if (err < 0)
        return reply_fault(req, err);
    return nh_reply_bytes(req, 200, "application/json", "{\"success\":true}\n", 17);
}

static const nh_route_t routes[] = {
    {.method = "GET",
     .path = "/api/ota",
     .flags = NH_ROUTE_OPERATOR,
     .handle = get_ota,
     .text = "Slots, and the upload of an image"},
    {.method = "POST",
     .path = "/api/ota",
     .body_max_bytes = BODY_MAX_BYTES,
     .body = take,
     .handle = post_ota,
     .text = "A signed image: it is written to the free slot and started"},
    {.method = "POST",
     .path = "/api/ota/back",
     .handle = post_back,
     .text = "Start the version before this one"},
    {0},
};

struct nh_route_table nh_ota_routes(nh_ota_t *o)
{
    return (struct nh_route_table){.routes = routes, .ctx = o, .name = "ota"};
}
