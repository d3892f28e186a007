// The routes of images: whole, in strips, from an address; and taking it away.

#include "components/display/display_api.h"
#include "components/display/display_state.h"

#include <stdio.h>
#include <string.h>

#define TIMEOUT_S 10
#define TIMEOUT_MAX_S 86400
#define FORM_MORE_BYTES 2048 // what a form has around its file
#define BODY_MAX_BYTES 4194304
#define URL_BODY_MAX_BYTES 1024
#define URL_MAX_BYTES 255

// ---- parameters --------------------------------------------------------------------------------

// Digits alone; anything else, and what is too large, is -1.
static int64_t number_of(const char *text)
{
    int64_t v = 0;
    if (!text || !text[0] || strlen(text) > 9)
        return -1;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        v = v * 10 + (*text - '0');
    }
    return v;
}

// How long the image stays; a timeout that is no number is 0: it stays.
static uint64_t show_ms_of(nh_request_t *req)
{
    const char *text = nh_request_param(req, "timeout");
    int64_t s = text ? number_of(text) : TIMEOUT_S;
    if (text && s < 0)
        s = strlen(text) > 9 && strspn(text, "0123456789") == strlen(text) ? TIMEOUT_MAX_S : 0;
    return (uint64_t)(s < TIMEOUT_MAX_S ? s : TIMEOUT_MAX_S) * 1000;
}

// ---- a body on its way -------------------------------------------------------------------------

static int refuse(nh_request_t *req, int status, const char *code, const char *text)
{
    int err = nh_display__reply_failed(req, status, code, "%s", text);
    return err < 0 ? err : NH_ERR_AGAIN;
}

static int reply_too_large(nh_request_t *req)
{
    return refuse(req, 400, "too_large", "Image too large");
}

static void cleanup(nh_request_t *req)
{
    struct nh_display__images *m = &((nh_display_t *)req->ctx)->images;
    if (m->owner != req)
        return;
    m->owner = NULL;
    if (m->state == NH_DISPLAY__IMAGE_RECEIVING)
        nh_display__image_drop(m);
}

static int on_form_data(void *ctx, const uint8_t *bytes, size_t len)
{
    return nh_display__image_add(ctx, bytes, len);
}

static int begin(nh_request_t *req, struct nh_display__upload **out)
{
    nh_display_t *d = req->ctx;
    struct nh_display__upload *u = nh_arena_alloc(req->arena, sizeof *u);
    if (!u)
        return NH_ERR_NOMEM;
    *u = (struct nh_display__upload){.images = &d->images, .show_ms = show_ms_of(req)};
    const struct nh_multipart_handler handler = {.ctx = &d->images, .data = on_form_data};
    u->is_form = nh_multipart_init(&u->form, req->content_type, &handler) == 0;
    req->state = u;
    req->cleanup = cleanup;
    *out = u;
    return 0;
}

// Refuses before anything is taken in, as far as it can be known.
static int begin_receiving(nh_request_t *req, struct nh_display__upload *u)
{
    const struct nh_display_config *cfg = &((nh_display_t *)req->ctx)->cfg;
    int64_t max = (int64_t)cfg->image_max_bytes, announced = req->content_length;
    if (announced > max + (u->is_form ? FORM_MORE_BYTES : 0))
        return reply_too_large(req);
    int err = nh_display__image_begin(req, u->images, u->is_strip,
                                      (size_t)(announced < max ? announced : max));
    u->has_begun = err == 0;
    return err;
}

static int take(nh_request_t *req, struct nh_display__upload *u, const uint8_t *bytes, size_t len)
{
    if (u->images->owner != req) {
        int err = nh_reply_header(req, "Retry-After", "1");
        return err < 0 ? err : refuse(req, 409, "timeout", "The upload took too long.");
    }
    int err = u->is_form ? nh_multipart_feed(&u->form, bytes, len)
                         : nh_display__image_add(u->images, bytes, len);
    if (err == NH_ERR_RANGE)
        return reply_too_large(req);
    return err < 0 ? refuse(req, 400, "bad_body", "Invalid upload") : 0;
}

// What a handler gives back where the reply is set already.
static int told(int err)
{
    return err == NH_ERR_AGAIN ? 0 : err;
}

static int whole_body(nh_request_t *req, const uint8_t *bytes, size_t len)
{
    struct nh_display__upload *u = req->state;
    int err = u ? 0 : begin(req, &u);
    if (err == 0 && !u->has_begun)
        err = begin_receiving(req, u);
    return told(err < 0 ? err : take(req, u, bytes, len));
}

// ---- whole -------------------------------------------------------------------------------------

void nh_display__image_reply(nh_request_t *req, const struct nh_display__job *job)
{
    const struct nh_display__upload *u = req->state;
    int err;
    if (job->err == NH_ERR_NOMEM)
        err = nh_display__reply_failed(req, 507, "no_memory", "Memory allocation failed");
    else if (job->err == NH_ERR_CANCELLED)
        err = nh_display__reply_failed(req, 409, "dismissed",
                                       "The image was taken away meanwhile. Begin again.");
    else if (job->err < 0)
        err = nh_display__reply_failed(req, 400, "bad_image",
                                       u->is_strip ? "Invalid JPEG data" : "Invalid JPEG file");
    else {
        nh_json_writer_t *w = nh_display__reply_success(req);
        char text[64];
        snprintf(text, sizeof text, "Image queued for display (%us timeout)",
                 (unsigned)(u->show_ms / 1000));
        if (w && u->is_strip) {
            nh_json_kv_uint(w, "strip_index", u->index);
            nh_json_kv_uint(w, "strip_count", u->count);
            nh_json_kv_bool(w, "complete", job->is_last);
        } else if (w) {
            nh_json_kv_string(w, "message", text);
        }
        err = w ? nh_display__reply_success_end(req, w) : NH_ERR_NOMEM;
    }
    nh_request_done(req, err);
}

// The body is whole and its owner's: what is wrong with it?
static const char *fault_of(struct nh_display__upload *u, uint32_t width, uint32_t height)
{
    if (u->is_form && !nh_multipart_is_whole(&u->form))
        return "Incomplete upload";
    if (u->images->len == 0)
        return "No data received";
    return nh_display__image_fault(u->images, width, height, u->is_strip);
}

static int fail(nh_request_t *req, struct nh_display__upload *u, const char *why)
{
    char text[120];
    snprintf(text, sizeof text, "%s", why);
    if (u->is_strip)
        u->images->strips.is_open = false;
    nh_display__tag(u->images->d, u->is_strip ? "strip_decode_fail" : "img_decode_fail", false);
    nh_display__image_failed(u->images, text);
    nh_display__image_drop(u->images);
    return nh_display__reply_failed(req, 400, "bad_image", "%s", text);
}

static int post_whole(nh_request_t *req)
{
    struct nh_display__upload *u = req->state;
    struct nh_rect all = nh_display__bounds(req->ctx);
    if (!u || !u->has_begun)
        return nh_display__reply_failed(req, 400, "bad_body", "No data received");
    if (u->images->owner != req)
        return told(take(req, u, NULL, 0));
    const char *fault = fault_of(u, (uint32_t)all.w, (uint32_t)all.h);
    if (fault)
        return fail(req, u, fault);
    nh_request_later(req);
    nh_display__image_show(u->images, &(struct nh_display__job){.bytes = u->images->bytes,
                                                                .len = u->images->len,
                                                                .at = all,
                                                                .show_ms = u->show_ms,
                                                                .is_first = true,
                                                                .is_last = true});
    return 0;
}

// ---- strips ------------------------------------------------------------------------------------

static int check_strip(nh_request_t *req, struct nh_display__upload *u)
{
    static const char *const names[] = {"strip_index", "strip_count", "width", "height"};
    struct nh_rect all = nh_display__bounds(req->ctx);
    const struct nh_display__strips *s = &u->images->strips;
    int64_t v[4];
    for (size_t i = 0; i < 4; i++) {
        const char *text = nh_request_param(req, names[i]);
        v[i] = number_of(text);
        if (!text)
            return refuse(req, 400, "bad_value",
                          "Missing required parameters: strip_index, strip_count, width, height");
    }
    if (v[0] < 0 || v[1] < 1 || v[0] >= v[1] || v[1] > all.h)
        return refuse(req, 400, "bad_value", "Invalid strip index");
    if (v[2] < 1 || v[2] > all.w || v[3] < 1 || v[3] > all.h)
        return refuse(req, 400, "bad_value", "Invalid image dimensions");
    *u = (struct nh_display__upload){.images = u->images,
                                     .form = u->form,
                                     .is_form = u->is_form,
                                     .is_strip = true,
                                     .show_ms = u->show_ms,
                                     .index = (uint32_t)v[0],
                                     .count = (uint32_t)v[1],
                                     .width = (uint32_t)v[2],
                                     .height = (uint32_t)v[3]};
    if (v[0] > 0 && (!s->is_open || s->next != u->index || s->count != u->count))
        return refuse(req, 400, "bad_value", "Invalid strip index");
    if (v[0] > 0 && (s->width != u->width || s->height != u->height))
        return refuse(req, 400, "bad_value", "Invalid image dimensions");
    return 0;
}

// The first strip begins anew, also in the middle of its own sender's last try.
static int begin_strip(nh_request_t *req, struct nh_display__upload *u)
{
    struct nh_display__strips *s = &u->images->strips;
    if (!nh_display__image_is_free(u->images, req->peer, req->now_ms))
        return begin_receiving(req, u); // which says so
    int err = check_strip(req, u);
    if (err == 0 && u->index == 0)
        s->is_open = false;
    if (err == 0)
        err = begin_receiving(req, u);
    if (err == 0 && u->index == 0) {
        *s = (struct nh_display__strips){.count = u->count, .width = u->width, .height = u->height};
        snprintf(s->peer, sizeof s->peer, "%s", req->peer);
    }
    return err;
}

static int strip_body(nh_request_t *req, const uint8_t *bytes, size_t len)
{
    struct nh_display__upload *u = req->state;
    int err = u ? 0 : begin(req, &u);
    u->is_strip = true;
    if (err == 0 && !u->has_begun)
        err = begin_strip(req, u);
    return told(err < 0 ? err : take(req, u, bytes, len));
}

static int post_strip(nh_request_t *req)
{
    struct nh_display__upload *u = req->state;
    struct nh_rect all = nh_display__bounds(req->ctx);
    int err = u ? 0 : begin(req, &u);
    if (err == 0 && !u->has_begun)
        err = check_strip(req, u);
    if (err == 0 && !u->has_begun)
        err = refuse(req, 400, "bad_body", "Invalid JPEG data");
    if (err == 0 && u->images->owner != req)
        err = take(req, u, NULL, 0);
    if (err < 0)
        return told(err);
    struct nh_display__strips *s = &u->images->strips;
    const char *fault = fault_of(u, s->width, s->height - s->y);
    if (fault)
        return fail(req, u, fault);
    bool is_last = u->index + 1 == u->count;
    uint32_t height = nh_display__image_height(u->images);
    struct nh_rect at = {(int16_t)((all.w - (int)s->width) / 2),
                         (int16_t)((all.h - (int)s->height) / 2 + (int)s->y), (int16_t)s->width,
                         (int16_t)height};
    nh_request_later(req);
    nh_display__image_show(
        u->images,
        &(struct nh_display__job){.bytes = u->images->bytes,
                                  .len = u->images->len,
                                  .at = at,
                                  .show_ms = is_last ? u->show_ms : u->images->d->cfg.strip_wait_ms,
                                  .is_strip = true,
                                  .is_first = u->index == 0,
                                  .is_last = is_last});
    return 0;
}

// ---- address and dismissal ---------------------------------------------------------------------

static int reply_message(nh_request_t *req, const char *text)
{
    nh_json_writer_t *w = nh_display__reply_success(req);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_kv_string(w, "message", text);
    return nh_display__reply_success_end(req, w);
}

static int reply_fetch(nh_request_t *req, int err)
{
    switch (err) {
    case 0:
        return reply_message(req, "Image URL queued");
    case NH_ERR_SYNTAX:
    case NH_ERR_TOO_LONG:
        return nh_display__reply_failed(req, 400, "bad_value",
                                        "Invalid url: http://host/path or https://host/path");
    case NH_ERR_FULL:
        return nh_display__reply_failed(req, 409, "busy", "Busy");
    case NH_ERR_UNSUPPORTED:
        return nh_display__reply_failed(req, 501, "unsupported",
                                        "This hub fetches no images from such addresses.");
    default:
        return err;
    }
}

static int post_url(nh_request_t *req)
{
    struct nh_display__images *m = &((nh_display_t *)req->ctx)->images;
    char url[NH_DISPLAY__MEMBER_MAX_BYTES] = "";
    double number;
    if (req->body_len > URL_BODY_MAX_BYTES)
        return nh_display__reply_failed(req, 413, "too_large", "Body too large");
    enum nh_display__member kind = nh_display__member(req, "url", url, sizeof url, &number);
    if (kind == NH_DISPLAY__BAD_JSON)
        return nh_display__reply_failed(req, 400, "bad_json", "Invalid JSON");
    if (kind == NH_DISPLAY__TOO_LONG || strlen(url) > URL_MAX_BYTES)
        return nh_display__reply_failed(req, 400, "bad_value", "URL too long");
    if (kind != NH_DISPLAY__TEXT_VALUE || !url[0])
        return nh_display__reply_failed(req, 400, "bad_value", "Missing url");
    if (!nh_display__image_is_free(m, req->peer, req->now_ms)) {
        m->info.busy++;
        int err = nh_reply_header(req, "Retry-After", "1");
        return err < 0 ? err : nh_display__reply_failed(req, 409, "busy", "Busy");
    }
    int err = nh_display__image_headroom(req, m);
    return err < 0 ? told(err) : reply_fetch(req, nh_display__image_fetch(m, url, show_ms_of(req)));
}

static int delete_image(nh_request_t *req)
{
    nh_display_t *d = req->ctx;
    d->images.strips.is_open = false;
    nh_lock_acquire(&d->lock);
    d->wanted.has_dismiss = true;
    nh_lock_release(&d->lock);
    nh_display__wake(d);
    return reply_message(req, "Image dismiss queued");
}

void nh_display__write_image(nh_display_t *d, nh_json_writer_t *w)
{
    static const char *const states[] = {"idle", "receiving", "fetching", "showing"};
    const struct nh_display__image_info *i = &d->images.info;
    nh_json_object_begin(w);
    nh_json_kv_string(w, "state", states[d->images.state]);
    nh_json_kv_uint(w, "max_bytes", d->cfg.image_max_bytes);
    nh_json_kv_uint(w, "shown", i->shown);
    nh_json_kv_uint(w, "failed", i->failed);
    nh_json_kv_uint(w, "busy", i->busy);
    nh_json_kv_uint(w, "no_memory", i->refused);
    nh_json_kv_uint(w, "timeouts", i->timeouts);
    nh_json_kv_string(w, "last_error", i->last_error[0] ? i->last_error : NULL);
    nh_json_object_end(w);
}

static const nh_route_t routes[] = {
    {.method = "POST",
     .path = "/api/display/image",
     .body_max_bytes = BODY_MAX_BYTES,
     .flags = NH_ROUTE_OPERATOR,
     .body = whole_body,
     .handle = post_whole,
     .text = "Show a JPEG of the panel's size (timeout: seconds, 0: it stays)"},
    {.method = "POST",
     .path = "/api/display/image/strips",
     .body_max_bytes = BODY_MAX_BYTES,
     .flags = NH_ROUTE_OPERATOR,
     .body = strip_body,
     .handle = post_strip,
     .text = "Show an image strip by strip, each a JPEG of a few rows"},
    {.method = "POST",
     .path = "/api/display/image_url",
     .body_max_bytes = 4 * URL_BODY_MAX_BYTES, // not of operators: it reaches the hub's network
     .handle = post_url,
     .text = "Fetch an image from an address and show it"},
    {.method = "DELETE",
     .path = "/api/display/image",
     .flags = NH_ROUTE_OPERATOR,
     .handle = delete_image,
     .text = "Take the image away"},
    {0},
};

struct nh_route_table nh_display_image_routes(nh_display_t *d)
{
    return (struct nh_route_table){.routes = routes, .ctx = d, .name = "display-image"};
}
