// The routes of the panel and its part of the feed: thin, no state.

#include "components/display/display_api.h"
#include "components/display/display_state.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// ---- replies in the form of older firmwares, which ours adds its error to
// ------------------------

int nh_display__reply_failed(nh_request_t *req, int status, const char *code, const char *fmt, ...)
{
    char text[160];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    nh_json_writer_t *w = nh_reply_json(req, status);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "success", false);
    nh_json_kv_string(w, "message", text);
    nh_json_key(w, "error");
    nh_json_object_begin(w);
    nh_json_kv_string(w, "code", code);
    nh_json_kv_string(w, "message", text);
    nh_json_key(w, "details");
    nh_json_array_begin(w);
    nh_json_array_end(w);
    nh_json_object_end(w);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

nh_json_writer_t *nh_display__reply_success(nh_request_t *req)
{
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NULL;
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "success", true);
    return w;
}

int nh_display__reply_success_end(nh_request_t *req, nh_json_writer_t *w)
{
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static int reply_posted(nh_request_t *req, int err)
{
    if (err == NH_ERR_FULL)
        return nh_display__reply_failed(req, 503, "busy",
                                        "The panel has too much to do. Nothing was done.");
    nh_json_writer_t *w = err < 0 ? NULL : nh_display__reply_success(req);
    if (!w)
        return err < 0 ? err : NH_ERR_NOMEM;
    return nh_display__reply_success_end(req, w);
}

// ---- bodies ------------------------------------------------------------------------------------

static enum nh_display__member value_of(nh_json_reader_t *r, int event)
{
    if (event == NH_JSON_STRING)
        return NH_DISPLAY__TEXT_VALUE;
    if (event == NH_JSON_NUMBER)
        return NH_DISPLAY__NUMBER_VALUE;
    return nh_json_skip(r) < 0 ? NH_DISPLAY__BAD_JSON : NH_DISPLAY__OTHER_VALUE;
}

enum nh_display__member nh_display__member(nh_request_t *req, const char *name, char *text,
                                           size_t cap, double *number)
{
    char part[NH_DISPLAY__MEMBER_MAX_BYTES];
    const struct nh_json_reader_config cfg = {
        .text = part, .text_max_bytes = sizeof part, .cut_long = true};
    enum nh_display__member found = NH_DISPLAY__MISSING;
    nh_json_reader_t r;
    nh_json_reader_init(&r, &cfg);
    nh_json_feed(&r, req->body ? req->body : "", req->body_len, true);
    if (nh_json_next(&r) != NH_JSON_OBJECT_BEGIN)
        return NH_DISPLAY__BAD_JSON;
    for (;;) {
        int event = nh_json_next(&r);
        if (event == NH_JSON_OBJECT_END)
            return nh_json_next(&r) == NH_JSON_DONE ? found : NH_DISPLAY__BAD_JSON;
        if (event != NH_JSON_KEY)
            return NH_DISPLAY__BAD_JSON;
        bool is_it = strcmp(nh_json_text(&r, NULL), name) == 0;
        enum nh_display__member kind = value_of(&r, nh_json_next(&r));
        if (kind == NH_DISPLAY__BAD_JSON)
            return kind;
        if (is_it && (kind == NH_DISPLAY__TEXT_VALUE || kind == NH_DISPLAY__NUMBER_VALUE))
            snprintf(text, cap, "%s", nh_json_text(&r, NULL));
        if (is_it && kind == NH_DISPLAY__NUMBER_VALUE && nh_json_double(&r, number) < 0)
            kind = NH_DISPLAY__OTHER_VALUE;
        if (is_it)
            found = nh_json_is_cut(&r) ? NH_DISPLAY__TOO_LONG : kind;
    }
}

static int reply_bad_json(nh_request_t *req)
{
    return nh_display__reply_failed(req, 400, "bad_json", "Invalid JSON");
}

// ---- routes ------------------------------------------------------------------------------------

static int get_sleep(nh_request_t *req)
{
    struct nh_display_snapshot s;
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_display_snapshot(req->ctx, &s);
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "enabled", s.has_saver);
    nh_json_kv_uint(w, "state", s.saver);
    nh_json_kv_uint(w, "current_brightness", s.brightness_pct);
    nh_json_kv_uint(w, "target_brightness", s.target_pct);
    nh_json_kv_uint(w, "seconds_until_sleep", s.seconds_until_sleep);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static int post_sleep(nh_request_t *req)
{
    return reply_posted(req, nh_display_sleep(req->ctx));
}

static int post_wake(nh_request_t *req)
{
    return reply_posted(req, nh_display_wake(req->ctx));
}

static int post_activity(nh_request_t *req)
{
    const char *wake = nh_request_param(req, "wake");
    nh_display_activity(req->ctx, wake && strcmp(wake, "0") != 0);
    return reply_posted(req, 0);
}

static int put_brightness(nh_request_t *req)
{
    char text[24];
    double value = -1;
    enum nh_display__member kind = nh_display__member(req, "brightness", text, sizeof text, &value);
    if (kind == NH_DISPLAY__BAD_JSON)
        return reply_bad_json(req);
    if (kind != NH_DISPLAY__NUMBER_VALUE || !(value >= 0))
        return nh_display__reply_failed(req, 400, "bad_value",
                                        kind == NH_DISPLAY__MISSING
                                            ? "Missing brightness value"
                                            : "Invalid brightness: a number from 0 to 100");
    uint32_t pct = value > 100 ? 100 : (uint32_t)lround(value);
    nh_display_brightness(req->ctx, pct);
    nh_json_writer_t *w = nh_display__reply_success(req);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_kv_uint(w, "brightness", pct);
    return nh_display__reply_success_end(req, w);
}

static int put_screen(nh_request_t *req)
{
    char id[NH_DISPLAY_ID_MAX_BYTES] = "";
    double number;
    enum nh_display__member kind = nh_display__member(req, "screen", id, sizeof id, &number);
    if (kind == NH_DISPLAY__BAD_JSON)
        return reply_bad_json(req);
    if (kind == NH_DISPLAY__MISSING)
        return nh_display__reply_failed(req, 400, "bad_value", "Missing screen ID");
    if (kind != NH_DISPLAY__TEXT_VALUE || !id[0])
        return nh_display__reply_failed(req, 400, "bad_value", "Invalid screen ID");
    if (nh_display_show(req->ctx, id) < 0)
        return nh_display__reply_failed(req, 404, "not_found", "Screen not found");
    nh_json_writer_t *w = nh_display__reply_success(req);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_kv_string(w, "screen", id);
    return nh_display__reply_success_end(req, w);
}

// ---- the state whole ---------------------------------------------------------------------------

static const char *const saver_names[] = {"awake", "fading_out", "asleep", "fading_in"};

static void write_screens(nh_display_t *d, nh_json_writer_t *w)
{
    struct nh_display_screen_info info;
    nh_json_array_begin(w);
    for (size_t i = 0; nh_display_screen_at(d, i, &info); i++) {
        nh_json_object_begin(w);
        nh_json_kv_string(w, "id", info.id);
        nh_json_kv_string(w, "name", info.name);
        nh_json_object_end(w);
    }
    nh_json_array_end(w);
}

static void write_state(nh_json_writer_t *w, const struct nh_display_snapshot *s)
{
    nh_json_kv_string(w, "screen", s->screen);
    nh_json_kv_bool(w, "selectable", s->is_selectable);
    nh_json_kv_string(w, "saver", saver_names[s->saver]);
    nh_json_kv_bool(w, "saver_enabled", s->has_saver);
    nh_json_kv_uint(w, "brightness_pct", s->target_pct);
    nh_json_kv_uint(w, "width", s->width);
    nh_json_kv_uint(w, "height", s->height);
    nh_json_kv_bool(w, "round", s->is_round);
}

static void write_counters(nh_json_writer_t *w, const struct nh_display_snapshot *s)
{
    nh_json_kv_uint(w, "frames", s->frame_count);
    nh_json_kv_uint(w, "flushes", s->flush_count);
    nh_json_kv_uint(w, "pixels", s->pixel_count);
    nh_json_kv_uint(w, "frame_us", s->frame_us);
    nh_json_kv_uint(w, "frame_max_us", s->frame_max_us);
    nh_json_kv_uint(w, "draw_buffer_bytes", s->draw_buffer_bytes);
    nh_json_kv_uint(w, "mirror_bytes", s->mirror_bytes);
    nh_json_kv_uint(w, "screens_made", s->screens_made);
    nh_json_kv_uint(w, "screen_failures", s->screen_failures);
    nh_json_kv_uint(w, "queue_full", s->queue_full_count);
    nh_json_kv_uint(w, "touches_swallowed", s->touch_swallowed_count);
    nh_json_kv_uint(w, "glyph_bytes", s->painter.glyph_bytes);
    nh_json_kv_uint(w, "glyph_max_bytes", s->painter.glyph_max_bytes);
    nh_json_kv_uint(w, "glyph_hits", s->painter.glyph_hits);
    nh_json_kv_uint(w, "glyph_misses", s->painter.glyph_misses);
    nh_json_kv_uint(w, "glyph_evictions", s->painter.glyph_evictions);
    nh_json_kv_uint(w, "glyph_failures", s->painter.glyph_failures);
    nh_json_kv_uint(w, "glyphs_missing", s->painter.missing_glyphs);
}

static int get_display(nh_request_t *req)
{
    struct nh_display_snapshot s;
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_display_snapshot(req->ctx, &s);
    nh_json_object_begin(w);
    write_state(w, &s);
    nh_json_kv_uint(w, "seconds_until_sleep", s.seconds_until_sleep);
    nh_json_key(w, "screens");
    write_screens(req->ctx, w);
    nh_json_key(w, "image");
    nh_display__write_image(req->ctx, w);
    nh_json_key(w, "counters");
    nh_json_object_begin(w);
    write_counters(w, &s);
    nh_json_kv_uint(w, "screenshots_refused", ((nh_display_t *)req->ctx)->shots_refused);
    nh_json_object_end(w);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

void nh_display_write_info(nh_display_t *d, nh_json_writer_t *w)
{
    struct nh_display_snapshot s;
    nh_display_snapshot(d, &s);
    nh_json_kv_uint(w, "display_coord_width", s.width);
    nh_json_kv_uint(w, "display_coord_height", s.height);
    nh_json_key(w, "available_screens");
    write_screens(d, w);
    nh_json_kv_string(w, "current_screen", s.is_selectable ? s.screen : NULL);
}

#define BODY_MAX_BYTES 512
#define ROUTE(m, p, max, f, t)                                                                     \
    {                                                                                              \
        .method = (m), .path = "/api/display" p, .body_max_bytes = (max),                          \
        .flags = NH_ROUTE_OPERATOR, .handle = (f), .text = (t)                                     \
    }

static const nh_route_t routes[] = {
    ROUTE("GET", "", 0, get_display, "What the panel shows, and how much it has to do"),
    ROUTE("GET", "/sleep", 0, get_sleep, "Whether the panel sleeps"),
    ROUTE("POST", "/sleep", BODY_MAX_BYTES, post_sleep, "Let the panel go dark"),
    ROUTE("POST", "/wake", BODY_MAX_BYTES, post_wake, "Wake the panel"),
    ROUTE("POST", "/activity", BODY_MAX_BYTES, post_activity,
          "Somebody is here (wake=1: wake the panel too)"),
    ROUTE("PUT", "/brightness", BODY_MAX_BYTES, put_brightness,
          "Light behind the panel until the next restart"),
    ROUTE("PUT", "/screen", BODY_MAX_BYTES, put_screen, "Show a screen"),
    ROUTE("GET", "/screenshot", 0, nh_display__get_screenshot, "What the panel shows, as PNG"),
    {0},
};

struct nh_route_table nh_display_routes(nh_display_t *d)
{
    return (struct nh_route_table){.routes = routes, .ctx = d, .name = "display"};
}

// ---- feed --------------------------------------------------------------------------------------

static uint64_t feed_version(void *ctx)
{
    struct nh_display_snapshot s;
    nh_display_snapshot(ctx, &s);
    return s.version;
}

static uint64_t feed_write(void *ctx, nh_json_writer_t *w, uint64_t since)
{
    struct nh_display_snapshot s;
    (void)since;
    nh_display_snapshot(ctx, &s);
    nh_json_object_begin(w);
    write_state(w, &s);
    nh_json_object_end(w);
    return s.version;
}

// ---- the mirror --------------------------------------------------------------------------------

static uint64_t mirror_version(void *ctx)
{
    nh_display_t *d = ctx;
    return d->mirror ? nh_display__mirror_version(d->mirror) : 0;
}

static size_t mirror_write(void *ctx, uint8_t *buf, size_t cap, uint64_t since, uint64_t *version)
{
    nh_display_t *d = ctx;
    return d->mirror ? nh_display__mirror_write(d->mirror, since, buf, cap, version) : 0;
}

static void point(nh_display_t *d, struct nh_touch t)
{
    d->is_pointing = t.phase != NH_TOUCH_UP;
    d->pointing = t;
    NH_IGNORE(nh_display_touch(d, &t)); // a full queue was counted
}

// Clicks of a watcher, as touches: phase, x and y, low byte first. A watcher that goes lifts the
// finger.
static void mirror_input(void *ctx, const uint8_t *bytes, size_t len)
{
    nh_display_t *d = ctx;
    struct nh_touch t = d->pointing;
    t.phase = NH_TOUCH_UP;
    if (len == 0 && d->is_pointing)
        point(d, t);
    if (len != 5 || bytes[0] > NH_TOUCH_UP)
        return;
    t.phase = (enum nh_touch_phase)bytes[0];
    t.x = (int16_t)(bytes[1] | bytes[2] << 8);
    t.y = (int16_t)(bytes[3] | bytes[4] << 8);
    if (t.phase == NH_TOUCH_DOWN || d->is_pointing)
        point(d, t);
}

void nh_display_feed_parts(nh_display_t *d, nh_feed_part_t out[NH_DISPLAY_FEED_COUNT])
{
    out[1] = (nh_feed_part_t){.name = "mirror",
                              .min_interval_ms = 40,
                              .version = mirror_version,
                              .ctx = d,
                              .is_for_operators = true,
                              .is_pushed = true,
                              .channel = NH_DISPLAY_MIRROR_CHANNEL,
                              .write_bytes = mirror_write,
                              .input = mirror_input};
    out[0] = (nh_feed_part_t){.name = "display",
                              .min_interval_ms = 100,
                              .version = feed_version,
                              .write = feed_write,
                              .ctx = d,
                              .is_for_operators = true,
                              .is_pushed = true};
}
