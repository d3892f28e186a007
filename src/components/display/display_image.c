// One image at a time: from the first byte of its request until it is on the panel. Whoever stalls
// is given up for the next one, so nothing here is locked for longer than its time.

#include "components/display/display_api.h"
#include "components/display/display_state.h"
#include "components/display/jpeg_head.h"
#include "core/base/log.h"

#include <stdio.h>
#include <string.h>

static const char *host_end(const char *peer)
{
    const char *colon = strrchr(peer, ':');
    return colon ? colon : peer + strlen(peer);
}

// The same machine, at whichever port.
static bool is_same_host(const char *a, const char *b)
{
    size_t len = (size_t)(host_end(a) - a);
    return len == (size_t)(host_end(b) - b) && memcmp(a, b, len) == 0;
}

void nh_display__image_drop(struct nh_display__images *m)
{
    nh_mem_free(m->d->cfg.mem, m->bytes);
    m->bytes = NULL;
    m->len = m->cap = 0;
    m->state = NH_DISPLAY__IMAGE_IDLE;
    m->owner = NULL;
}

bool nh_display__image_is_free(struct nh_display__images *m, const char *peer, uint64_t now_ms)
{
    if (m->state == NH_DISPLAY__IMAGE_RECEIVING && now_ms >= m->give_up_ms) {
        m->info.timeouts++;
        nh_display__image_drop(m); // its request sees that it is not the owner any more
    }
    if (m->strips.is_open && now_ms >= m->strips.give_up_ms) {
        m->info.timeouts++;
        m->strips.is_open = false;
    }
    return m->state == NH_DISPLAY__IMAGE_IDLE &&
           (!m->strips.is_open || is_same_host(m->strips.peer, peer));
}

void nh_display__image_failed(struct nh_display__images *m, const char *why)
{
    m->info.failed++;
    snprintf(m->info.last_error, sizeof m->info.last_error, "%s", why);
    NH_LOG_W("display", "image: %s", why);
}

// ---- room --------------------------------------------------------------------------------------

static int reply_busy(nh_request_t *req, struct nh_display__images *m, bool is_strip)
{
    m->info.busy++;
    int err = nh_reply_header(req, "Retry-After", "1");
    if (err == 0)
        err = nh_display__reply_failed(req, 409, "busy", is_strip ? "Busy" : "Upload busy");
    return err < 0 ? err : NH_ERR_AGAIN;
}

static int reply_no_room(nh_request_t *req, struct nh_display__images *m, const char *text)
{
    m->info.refused++;
    snprintf(m->info.last_error, sizeof m->info.last_error, "%s", text);
    int err = nh_display__reply_failed(req, 507, "no_memory", "%s", text);
    return err < 0 ? err : NH_ERR_AGAIN;
}

int nh_display__image_headroom(nh_request_t *req, struct nh_display__images *m)
{
    const struct nh_display_config *cfg = &m->d->cfg;
    struct nh_mem_snapshot s;
    char text[96];
    nh_mem_figures(cfg->sys, &s);
    size_t has = s.tier[NH_MEM_INTERNAL].free_bytes;
    if (has >= cfg->image_headroom_bytes)
        return 0;
    nh_display__tag(m->d, "img_insufficient", false);
    snprintf(text, sizeof text,
             "Insufficient internal memory: need %uKB decode headroom, have %zuKB.",
             (unsigned)(cfg->image_headroom_bytes / 1024), has / 1024);
    return reply_no_room(req, m, text);
}

static void tag(struct nh_display__images *m, bool is_strip, const char *of_strip,
                const char *of_whole)
{
    const char *name = is_strip ? of_strip : of_whole;
    if (name)
        nh_display__tag(m->d, name, false);
}

int nh_display__image_begin(nh_request_t *req, struct nh_display__images *m, bool is_strip,
                            size_t bytes)
{
    if (!nh_display__image_is_free(m, req->peer, req->now_ms))
        return reply_busy(req, m, is_strip);
    bool is_first = !m->strips.is_open;
    tag(m, is_strip, NULL, "img_pre_clear");
    if (!is_strip)
        m->strips.is_open = false;
    tag(m, is_strip, is_first ? "strip_pre_alloc" : NULL, "img_post_clear");
    int err = nh_display__image_headroom(req, m);
    if (err < 0)
        return err;
    tag(m, is_strip, NULL, "img_pre_alloc");
    m->bytes = nh_mem_alloc(m->d->cfg.mem, bytes, NH_MEM_BULK);
    tag(m, is_strip, m->bytes ? NULL : "strip_alloc_fail",
        m->bytes ? "img_post_alloc" : "img_alloc_fail");
    if (!m->bytes)
        return reply_no_room(req, m, is_strip ? "Out of memory" : "Memory allocation failed");
    m->cap = bytes;
    m->len = 0;
    m->state = NH_DISPLAY__IMAGE_RECEIVING;
    m->owner = req;
    m->give_up_ms = nh_ms_after(req->now_ms, m->d->cfg.upload_ms);
    return 0;
}

int nh_display__image_add(struct nh_display__images *m, const uint8_t *bytes, size_t len)
{
    if (len > m->cap - m->len)
        return NH_ERR_RANGE;
    memcpy(m->bytes + m->len, bytes, len);
    m->len += len;
    return 0;
}

const char *nh_display__image_fault(struct nh_display__images *m, uint32_t width, uint32_t height,
                                    bool any_height)
{
    struct nh_display__jpeg_head head;
    char *why = m->info.last_error;
    int err = nh_display__jpeg_head(m->bytes, m->len, &head);
    if (err == NH_ERR_SYNTAX)
        return any_height ? "Invalid JPEG data" : "Invalid JPEG file";
    if (err < 0)
        return "Invalid JPEG header (missing SOF marker)";
    return nh_display__jpeg_suits(&head, width, height, any_height, why, sizeof m->info.last_error)
               ? NULL
               : why;
}

uint32_t nh_display__image_height(const struct nh_display__images *m)
{
    struct nh_display__jpeg_head head;
    return nh_display__jpeg_head(m->bytes, m->len, &head) == 0 ? head.height : 0;
}

// ---- to the panel and back ---------------------------------------------------------------------

void nh_display__image_show(struct nh_display__images *m, const struct nh_display__job *job)
{
    nh_display_t *d = m->d;
    m->state = NH_DISPLAY__IMAGE_SHOWING;
    m->job = *job;
    nh_lock_acquire(&d->lock);
    d->wanted.job = &m->job;
    nh_lock_release(&d->lock);
    nh_display__wake(d);
}

static void go_on_with_strips(struct nh_display__images *m)
{
    struct nh_display__strips *s = &m->strips;
    s->is_open = m->job.err == 0 && !m->job.is_last;
    s->next++;
    s->y += (uint32_t)m->job.at.h;
    s->give_up_ms = nh_ms_after(nh_clock_ms(), m->d->cfg.strip_wait_ms);
}

// `ui` is done with the job.
static void done(void *ctx)
{
    struct nh_display__images *m = ctx;
    nh_request_t *req = m->owner;
    const struct nh_display__job job = m->job;
    if (job.is_strip)
        go_on_with_strips(m);
    if (job.err < 0)
        nh_display__image_failed(m, nh_err_text(job.err));
    else
        m->info.shown += job.is_last;
    nh_display__image_drop(m);
    if (req)
        nh_display__image_reply(req, &job);
}

void nh_display__images_init(nh_display_t *d)
{
    d->images.d = d;
    d->images.done = (nh_loop_post_t){.fn = done, .ctx = &d->images};
}

void nh_display__images_deinit(nh_display_t *d)
{
    struct nh_display__images *m = &d->images;
    if (!m->d) // it was not come to
        return;
    if (d->cfg.loop)
        nh_loop_post_cancel(d->cfg.loop, &m->done);
    if (m->fetch)
        nh_http_request_cancel(m->fetch);
    nh_display__image_drop(m);
}
