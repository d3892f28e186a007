// An image from an address: the request is answered at once, the image comes later.

#include "components/display/display_state.h"

#include <stdio.h>

#define FETCH_MS 15000
#define FETCH_MAX_MS 30000

static void fail(struct nh_display__images *m, const char *why)
{
    nh_display__tag(m->d, "urlimg_download_fail", false);
    nh_display__image_failed(m, why);
    nh_display__image_drop(m);
}

// The length is known before a byte is taken, so that there is room for all of it or for nothing.
static int on_head(void *ctx, nh_http_request_t *r, const struct nh_http_reply_head *head)
{
    struct nh_display__images *m = ctx;
    (void)r;
    if (head->status != 200)
        return NH_ERR_NOT_FOUND;
    if (head->content_length < 0)
        return NH_ERR_UNSUPPORTED;
    if (head->content_length == 0 || head->content_length > m->d->cfg.image_max_bytes)
        return NH_ERR_RANGE;
    m->bytes = nh_mem_alloc(m->d->cfg.mem, (size_t)head->content_length, NH_MEM_BULK);
    m->cap = m->bytes ? (size_t)head->content_length : 0;
    m->info.refused += !m->bytes;
    return m->bytes ? 0 : NH_ERR_NOMEM;
}

static int on_body(void *ctx, nh_http_request_t *r, const uint8_t *bytes, size_t len)
{
    (void)r;
    return nh_display__image_add(ctx, bytes, len);
}

static const char *text_of(const struct nh_display__images *m, nh_http_request_t *r, int err)
{
    if (m->bytes)
        return nh_http_request_reason(r);
    switch (err) {
    case NH_ERR_NOT_FOUND:
        return "The address has no image, or there is none of its name.";
    case NH_ERR_UNSUPPORTED:
        return "The server does not say how long the image is.";
    case NH_ERR_RANGE:
        return "Image too large";
    case NH_ERR_NOMEM:
        return "Memory allocation failed";
    default:
        return nh_http_request_reason(r);
    }
}

static void on_end(void *ctx, nh_http_request_t *r, int err)
{
    struct nh_display__images *m = ctx;
    struct nh_rect all = nh_display__bounds(m->d);
    m->fetch = NULL;
    if (err < 0) {
        fail(m, text_of(m, r, err));
        return;
    }
    nh_display__tag(m->d, "urlimg_post_download", false);
    const char *fault = nh_display__image_fault(m, (uint32_t)all.w, (uint32_t)all.h, false);
    if (fault) {
        char why[sizeof m->info.last_error];
        snprintf(why, sizeof why, "%s", fault);
        fail(m, why);
        return;
    }
    nh_display__image_show(m, &(struct nh_display__job){.bytes = m->bytes,
                                                        .len = m->len,
                                                        .at = all,
                                                        .show_ms = m->fetch_show_ms,
                                                        .is_first = true,
                                                        .is_last = true});
}

int nh_display__image_fetch(struct nh_display__images *m, const char *url, uint64_t show_ms)
{
    uint64_t total_ms = show_ms == 0 ? FETCH_MS : show_ms < FETCH_MAX_MS ? show_ms : FETCH_MAX_MS;
    const struct nh_http_request_config cfg = {
        .url = url,
        .total_ms = (uint32_t)total_ms,
        .body_max_bytes = m->d->cfg.image_max_bytes,
        .handler = {.ctx = m, .on_head = on_head, .on_body = on_body, .on_end = on_end}};
    nh_http_client_t *http = m->d->cfg.http ? m->d->cfg.http(m->d->cfg.ctx) : NULL;
    if (!http)
        return NH_ERR_UNSUPPORTED;
    nh_display__tag(m->d, "urlimg_pre_download", false);
    m->strips.is_open = false;
    m->fetch_show_ms = show_ms;
    int err = nh_http_request_start(http, &cfg, &m->fetch);
    if (err < 0) {
        nh_display__tag(m->d, "urlimg_download_fail", false);
        return err;
    }
    m->state = NH_DISPLAY__IMAGE_FETCHING;
    return 0;
}
