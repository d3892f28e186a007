#include "harness/documents.h"
#include "harness/jpeg_make.h"
#include "harness/run.h"

#include <string.h>

#define BODY_MAX_BYTES NH_KIB(300) // the largest upload that a device takes
#define PART_BYTES 512             // of multipart around a file, at most
#define STRIP_COUNT 8
#define STRIP_MAX_COUNT 64
#define BUSY_RETRY_MAX_COUNT 40
#define BUSY_PAUSE_MS 150
#define SHOWN_MS 400 // a frame is decoded beside the request
#define TIMEOUT_MS 15000
#define BOUNDARY "nuthatch-harness-7f3a"

struct images {
    struct nh_harness_run *r;
    uint32_t width, height, strip_height, strip_count;
    struct nh_harness_jpeg frame, strips[STRIP_MAX_COUNT];
};

// ---- requests ----------------------------------------------------------------------------------

// Sends it again while the device is busy with what came before. Returns the status.
static int send_patiently(struct images *im, struct nh_harness_request *q)
{
    for (int i = 0; i < BUSY_RETRY_MAX_COUNT && !nh_harness_is_interrupted(); i++) {
        struct nh_harness_request once = *q;
        once.min_status = 1;
        once.max_status = 999;
        nh_harness_requests(im->r, &once, 1, 1);
        q->status = once.status;
        if (once.status != 409)
            return once.status;
        nh_harness_sleep(im->r, BUSY_PAUSE_MS);
    }
    return q->status;
}

static bool is_within(const struct nh_harness_request *q)
{
    return q->status >= q->min_status && q->status <= q->max_status;
}

// Sends, and fails the run when the answer is not one of those allowed.
static bool send(struct images *im, struct nh_harness_request *q, const char *what)
{
    const int status = send_patiently(im, q);
    if (!is_within(q))
        nh_harness_fail(im->r, "requests", "%s %s (%s) answered %d", q->method, q->path, what,
                        status);
    return is_within(q) && status < 300;
}

static void dismiss(struct images *im)
{
    struct nh_harness_request q = {.method = "DELETE",
                                   .path = "/api/display/image",
                                   .timeout_ms = TIMEOUT_MS,
                                   .min_status = 200,
                                   .max_status = 200};
    nh_harness_sleep(im->r, SHOWN_MS);
    send(im, &q, "dismiss");
    nh_harness_sleep(im->r, BUSY_PAUSE_MS);
}

// A file as browsers send one. True: it was taken.
static bool send_file(struct images *im, const void *bytes, size_t len, int min_status,
                      int max_status, const char *what)
{
    static const char tail[] = "\r\n--" BOUNDARY "--\r\n";
    uint8_t *body = nh_mem_alloc(im->r->mem, len + PART_BYTES, NH_MEM_BULK);
    struct nh_harness_request q = {.method = "POST",
                                   .path = "/api/display/image?timeout=30",
                                   .content_type = "multipart/form-data; boundary=" BOUNDARY,
                                   .body = body,
                                   .timeout_ms = TIMEOUT_MS,
                                   .min_status = min_status,
                                   .max_status = max_status};
    if (!body) {
        nh_harness_fail(im->r, "steps", "out of memory");
        return false;
    }
    int head = snprintf((char *)body, PART_BYTES,
                        "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"file\"; "
                        "filename=\"image.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n");
    memcpy(body + head, bytes, len);
    memcpy(body + head + len, tail, sizeof tail - 1);
    q.body_bytes = (size_t)head + len + sizeof tail - 1;
    nh_harness_say(im->r, "image: %s, %zu bytes", what, len);
    const bool taken = send(im, &q, what);
    nh_mem_free(im->r->mem, body);
    return taken;
}

static bool send_strip(struct images *im, uint32_t index, uint32_t count,
                       const struct nh_harness_jpeg *j, size_t len, int min_status, int max_status,
                       const char *what)
{
    char path[160];
    struct nh_harness_request q = {.method = "POST",
                                   .path = path,
                                   .content_type = "image/jpeg",
                                   .body = j->ptr,
                                   .body_bytes = len,
                                   .timeout_ms = TIMEOUT_MS,
                                   .min_status = min_status,
                                   .max_status = max_status};
    snprintf(
        path, sizeof path,
        "/api/display/image/strips?strip_index=%u&strip_count=%u&width=%u&height=%u&timeout=30",
        (unsigned)index, (unsigned)count, (unsigned)im->width, (unsigned)im->height);
    nh_harness_say(im->r, "strip %u of %u: %s, %zu bytes", (unsigned)index + 1, (unsigned)count,
                   what, len);
    return send(im, &q, what);
}

// ---- pictures ----------------------------------------------------------------------------------

static bool make(struct images *im, const struct nh_harness_jpeg_config *cfg,
                 struct nh_harness_jpeg *out)
{
    int err = nh_harness_jpeg_make(im->r->mem, cfg, out);
    if (err)
        nh_harness_fail(im->r, "steps", "cannot make an image of %u x %u: %s", (unsigned)cfg->width,
                        (unsigned)cfg->height, nh_err_text(err));
    return err == NH_OK;
}

static bool make_all(struct images *im)
{
    const struct nh_harness_jpeg_config whole = {
        im->width, im->height, .max_bytes = BODY_MAX_BYTES - PART_BYTES, .seed = 7};
    bool ok = make(im, &whole, &im->frame);
    im->strip_height = (im->height / STRIP_COUNT + 15) / 16 * 16;
    for (uint32_t y = 0; ok && y < im->height && im->strip_count < STRIP_MAX_COUNT;
         y += im->strip_height) {
        const uint32_t left = im->height - y;
        const struct nh_harness_jpeg_config part = {
            im->width, left < im->strip_height ? left : im->strip_height, .seed = 11 + y};
        ok = make(im, &part, &im->strips[im->strip_count++]);
    }
    return ok;
}

static void free_all(struct images *im)
{
    nh_mem_free(im->r->mem, im->frame.ptr);
    for (uint32_t i = 0; i < im->strip_count; i++)
        nh_mem_free(im->r->mem, im->strips[i].ptr);
}

// ---- rounds ------------------------------------------------------------------------------------

static void show_whole(struct images *im)
{
    if (send_file(im, im->frame.ptr, im->frame.len, 200, 200, "worst case"))
        dismiss(im);
}

static void show_strips(struct images *im)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < im->strip_count; i++)
        ok = send_strip(im, i, im->strip_count, &im->strips[i], im->strips[i].len, 200, 200,
                        "worst case");
    dismiss(im);
}

// What a device must refuse, or take and survive, and then take a good one.
static void hostile_heads(struct images *im)
{
    const struct nh_harness_jpeg_config other = {im->width + 16, im->height, .seed = 3};
    const struct nh_harness_jpeg_config slow = {im->width, im->height, .is_progressive = true,
                                                .seed = 5};
    const struct nh_harness_jpeg_config plain = {im->width, im->height, .seed = 9};
    struct nh_harness_jpeg j;
    if (make(im, &other, &j))
        send_file(im, j.ptr, j.len, 400, 499, "another size");
    nh_mem_free(im->r->mem, j.ptr);
    if (make(im, &slow, &j))
        send_file(im, j.ptr, j.len, 400, 499, "progressive");
    nh_mem_free(im->r->mem, j.ptr);
    if (make(im, &plain, &j) && nh_harness_jpeg_lie(&j, 65535, 65535))
        send_file(im, j.ptr, j.len, 400, 499, "a head that says 65535 x 65535");
    nh_mem_free(im->r->mem, j.ptr);
}

static void hostile_files(struct images *im)
{
    static const char text[] = "this is no image at all, whatever its name may say";
    // A good head with half of the rest: that is seen by the decoder alone.
    if (send_file(im, im->frame.ptr, im->frame.len / 2, 200, 499, "cut in half"))
        dismiss(im);
    send_file(im, im->frame.ptr, 24, 400, 499, "cut in its head");
    send_file(im, text, sizeof text, 400, 499, "a text");
    send_file(im, text, 0, 400, 499, "an empty file");
    const size_t large_bytes = BODY_MAX_BYTES + NH_KIB(8);
    uint8_t *large = nh_mem_alloc_zero(im->r->mem, large_bytes, NH_MEM_BULK);
    if (large) {
        memcpy(large, im->frame.ptr, im->frame.len);
        send_file(im, large, large_bytes, 400, 507, "too large");
    }
    nh_mem_free(im->r->mem, large);
}

static void hostile_strips(struct images *im)
{
    const struct nh_harness_jpeg *first = &im->strips[0];
    send_strip(im, 5, 4, first, first->len, 400, 499, "an index past the count");
    send_strip(im, 3, im->strip_count, first, first->len, 400, 500, "the fourth first");
    if (send_strip(im, 0, im->strip_count, first, first->len / 2, 200, 500, "cut in half"))
        dismiss(im);
    // A client that goes away after its first strips.
    if (send_strip(im, 0, im->strip_count, first, first->len, 200, 200, "left behind"))
        dismiss(im);
}

static bool read_size(struct images *im)
{
    struct nh_harness_request q = {
        .path = "/api/info", .timeout_ms = TIMEOUT_MS, .keep_body = true};
    int64_t width = 0, height = 0;
    if (nh_harness_request(im->r, &q) &&
        nh_harness_int_field(q.reply, q.reply_bytes, "display_coord_width", &width) &&
        nh_harness_int_field(q.reply, q.reply_bytes, "display_coord_height", &height) &&
        width >= 16 && width <= 2048 && height >= 16 && height <= 2048) {
        im->width = (uint32_t)width;
        im->height = (uint32_t)height;
    }
    nh_harness_request_free(im->r, &q);
    if (im->width)
        return true;
    nh_harness_fail(im->r, "steps", "/api/info tells no display_coord_width and _height");
    return false;
}

int nh_harness_images(struct nh_harness_run *r)
{
    struct images im = {.r = r};
    if (!nh_harness_has_host(r))
        return 1;
    nh_harness_quiet_health(r, "s3_before");
    if (!read_size(&im) || !make_all(&im)) {
        free_all(&im);
        return 1;
    }
    for (uint32_t i = 0; i < r->o->image_count && !nh_harness_is_interrupted(); i++) {
        show_whole(&im);
        show_strips(&im);
    }
    hostile_heads(&im);
    hostile_files(&im);
    hostile_strips(&im);
    show_whole(&im);
    show_strips(&im);
    free_all(&im);
    nh_harness_heartbeat(r);
    nh_harness_quiet_health(r, "s3_after");
    return 0;
}
