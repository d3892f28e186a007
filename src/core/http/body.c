// A request's JSON body into a struct by its table; every fault goes into one reply.

#include <stdio.h>
#include <string.h>

#include "core/http/http.h"
#include "core/json/decode.h"

#define FINDINGS_TOLD_MAX 8

struct findings {
    struct nh_finding *told; // in the arena; NULL: no room, then they are counted only
    size_t count;
};

static void keep(void *ctx, const struct nh_finding *f)
{
    struct findings *all = ctx;
    if (all->told && all->count < FINDINGS_TOLD_MAX)
        all->told[all->count] = *f;
    all->count++;
}

int nh_reply_findings(nh_request_t *req, const struct nh_finding *f, size_t count,
                      const char *effect)
{
    const char *field = f[0].pointer[0] ? f[0].pointer + 1 : "body";
    nh_json_writer_t *w =
        count == 1
            ? nh_reply_error_details(req, 400, "bad_value", "%s: %s%s%s. %s", field, f[0].text,
                                     f[0].limit[0] ? "; limit " : "", f[0].limit, effect)
            : nh_reply_error_details(req, 400, "bad_value", "%u values are wrong. %s",
                                     (unsigned)count, effect);
    if (!w)
        return NH_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        nh_json_object_begin(w);
        nh_json_kv_string(w, "field", f[i].pointer);
        nh_json_kv_string(w, "value", f[i].value);
        nh_json_kv_string(w, "limit", f[i].limit);
        nh_json_kv_string(w, "text", f[i].text);
        nh_json_object_end(w);
    }
    return nh_reply_error_end(req);
}

// Says what is wanted instead of what a reader of nothing stumbles over.
static int reply_no_body(nh_request_t *req, const nh_json_field_t *fields, const char *effect)
{
    char names[160] = "";
    size_t len = 0;
    for (; fields->name && len + strlen(fields->name) + 3 < sizeof names; fields++)
        len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", len ? ", " : "",
                                fields->name);
    return nh_reply_error(req, 400, "no_body",
                          "A body is needed: a JSON object; it may have %s. %s", names, effect);
}

int nh_request_decode(nh_request_t *req, const nh_json_field_t *fields, void *out,
                      const char *effect, bool *ok)
{
    struct findings all = {0};
    nh_decoder_t d;
    nh_json_reader_t r;
    // No string in the body is longer than the body.
    struct nh_json_reader_config cfg = {.text_max_bytes = req->body_len + 1};
    *ok = false;
    if (req->body_len == 0)
        return reply_no_body(req, fields, effect);
    cfg.text = nh_arena_alloc(req->arena, cfg.text_max_bytes);
    if (!cfg.text)
        return NH_ERR_NOMEM;
    all.told = nh_arena_alloc(req->arena, FINDINGS_TOLD_MAX * sizeof *all.told);
    if (!all.told)
        return NH_ERR_NOMEM;
    nh_json_reader_init(&r, &cfg);
    nh_json_feed(&r, req->body, req->body_len, true);
    nh_decoder_init(&d, fields, out, keep, &all, NH_DECODE_UNKNOWN_IS_ERROR);
    int err = nh_decoder_pull(&d, &r);
    *ok = err == 0;
    if (*ok)
        return 0;
    if (all.count == 0)
        return err;
    return nh_reply_findings(req, all.told,
                             all.count < FINDINGS_TOLD_MAX ? all.count : FINDINGS_TOLD_MAX, effect);
}
