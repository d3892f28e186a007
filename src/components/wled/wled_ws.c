// wled_ws.c - WLED's WebSocket: state and info on connect and at each change, the same
// commands as by POST, and a live view in binary messages.

#include "components/wled/wled_private.h"

#include <stdio.h>
#include <string.h>

#define LIVE_INTERVAL_MS 40
#define LIVE_HEAD_BYTES 4
#define PREVIEW_HEAD_BYTES 15 // the lamp's preview, behind its channel byte: docs/lamp.md

static void wake(const struct nh_wled__client *c)
{
    c->wake(c->socket);
}

void nh_wled__push(nh_wled_t *w)
{
    for (size_t i = 0; i < NH_WLED_CLIENT_MAX_COUNT; i++) {
        struct nh_wled__client *c = &w->clients[i];
        if (!c->socket)
            continue;
        c->wants_state = true;
        c->wants_success = false; // the state says as much
        wake(c);
    }
}

// ---- the live view -----------------------------------------------------------------------------

static uint16_t u16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

// The largest picture that the live view takes: every n-th column and row of the canvas.
static void size_view(struct nh_wled__view *v, uint16_t width, uint16_t height)
{
    uint32_t step = 1;
    while (((width + step - 1) / step) * ((height + step - 1) / step) > NH_WLED__LIVE_MAX_COUNT)
        step++;
    v->step = (uint16_t)step;
    v->width = (uint16_t)((width + step - 1) / step);
    v->height = (uint16_t)((height + step - 1) / step);
}

// One message of the preview: whole rows, from the bottom.
static void take_rows(struct nh_wled__view *v, const uint8_t *bytes, size_t len)
{
    uint16_t width = u16(bytes + 3), height = u16(bytes + 5), first = u16(bytes + 11),
             rows = u16(bytes + 13);
    size_view(v, width, height);
    for (uint32_t y = first; y < (uint32_t)first + rows && y < height; y++) {
        const uint8_t *row = bytes + PREVIEW_HEAD_BYTES + (size_t)(y - first) * width * 3;
        if (y % v->step || row + (size_t)width * 3 > bytes + len)
            continue;
        uint8_t *to = v->rgb + (size_t)(v->height - 1 - y / v->step) * v->width * 3;
        for (uint32_t x = 0; x < width; x += v->step, to += 3)
            memcpy(to, row + (size_t)x * 3, 3);
    }
}

void nh_wled__view_refresh(nh_wled_t *w)
{
    const nh_feed_part_t *part = &w->cfg.preview;
    struct nh_wled__view *v = &w->view;
    // A large canvas comes in several messages, of at least a row each.
    for (int i = 0; v->rgb && i < NH_FX_SIDE_MAX && part->version(part->ctx) != v->since; i++) {
        size_t len = part->write_bytes(part->ctx, v->piece, NH_FEED_BYTES_MIN, v->since, &v->since);
        if (len <= PREVIEW_HEAD_BYTES)
            return;
        take_rows(v, v->piece, len);
        v->version++;
    }
}

int nh_wled__view_make(nh_wled_t *w)
{
    if (!w->cfg.preview.write_bytes)
        return 0;
    w->view.rgb = nh_mem_alloc_zero(w->cfg.mem, NH_WLED__LIVE_MAX_COUNT * 3, NH_MEM_BULK);
    w->view.piece = nh_mem_alloc(w->cfg.mem, NH_FEED_BYTES_MIN, NH_MEM_BULK);
    return w->view.rgb && w->view.piece ? 0 : NH_ERR_NOMEM;
}

static void on_live(void *ctx, struct nh_timer *t, uint64_t now_ms)
{
    nh_wled_t *w = ctx;
    (void)t;
    (void)now_ms;
    nh_wled__view_refresh(w);
    bool is_watched = nh_wled__live_turn(w);
    for (size_t i = 0; i < NH_WLED_CLIENT_MAX_COUNT; i++) {
        const struct nh_wled__client *c = &w->clients[i];
        if (!c->socket || !c->wants_live)
            continue;
        is_watched = true;
        if (c->live_version != w->view.version)
            wake(c);
    }
    if (!is_watched)
        nh_timer_cancel(w->cfg.sched, &w->live_timer);
}

bool nh_wled__view_watch(nh_wled_t *w)
{
    if (!w->view.rgb || nh_timer_is_armed(&w->live_timer))
        return w->view.rgb;
    w->live_timer = (nh_timer_t){.fire = on_live, .ctx = w, .name = "live view"};
    return nh_timer_arm(w->cfg.sched, &w->live_timer, w->cfg.clock_ms(), LIVE_INTERVAL_MS) == 0;
}

static void set_live(nh_wled_t *w, struct nh_wled__client *c, bool on)
{
    c->wants_live = on && nh_wled__view_watch(w);
}

static int write_live(nh_wled_t *w, struct nh_wled__client *c, char *buf, size_t cap)
{
    const struct nh_wled__view *v = &w->view;
    size_t bytes = (size_t)v->width * v->height * 3;
    c->live_version = v->version;
    if (bytes == 0 || bytes + LIVE_HEAD_BYTES > cap)
        return 0;
    buf[0] = 'L';
    buf[1] = 2;
    buf[2] = (char)v->width;
    buf[3] = (char)v->height;
    memcpy(buf + LIVE_HEAD_BYTES, v->rgb, bytes);
    w->info.live_frames++;
    return (int)(bytes + LIVE_HEAD_BYTES);
}

// ---- clients -----------------------------------------------------------------------------------

static void *guest_open(void *ctx, void *socket, void (*wake_fn)(void *socket))
{
    nh_wled_t *w = ctx;
    for (size_t i = 0; i < NH_WLED_CLIENT_MAX_COUNT; i++) {
        struct nh_wled__client *c = &w->clients[i];
        if (c->socket)
            continue;
        *c = (struct nh_wled__client){.socket = socket, .wake = wake_fn, .wants_state = true};
        w->info.client_count++;
        wake(c);
        return c;
    }
    w->info.refused_clients++;
    return NULL;
}

static void guest_closed(void *ctx, void *client)
{
    nh_wled_t *w = ctx;
    struct nh_wled__client *c = client;
    c->socket = NULL;
    w->info.client_count--;
}

// Alone it asks for the state; else what was changed is told to all, this client among them.
static void obey(nh_wled_t *w, struct nh_wled__client *c, const char *text, size_t len)
{
    struct nh_wled_request r;
    struct nh_wled__call *call;
    const struct nh_wled__ask ask = {.r = &r, .text = text, .len = len, .origin = NH_ORIGIN_WLED};
    if (nh_wled_request_read(text, len, &r) < 0) {
        w->info.refused_requests++;
        c->error = 9;
        return;
    }
    if (r.lv)
        set_live(w, c, r.lv == NH_WLED_ON);
    int err = nh_wled__ask(w, &ask, &call);
    c->error = err < 0 ? 3 : 0;
    c->wants_state |= r.wants_reply;
    c->wants_success = err == 0 && !c->wants_state;
}

static void guest_message(void *ctx, void *client, const char *bytes, size_t len, bool is_text)
{
    nh_wled_t *w = ctx;
    struct nh_wled__client *c = client;
    if (!is_text || len == 0)
        return; // WLED takes no bytes either
    if (bytes[0] == 'p')
        c->wants_pong = true;
    else
        obey(w, c, bytes, len);
    wake(c);
}

static int write_state(nh_wled_t *w, struct nh_wled__client *c, char *buf, size_t cap)
{
    struct nh_json_buf out = {.ptr = buf, .cap = cap};
    struct nh_wled__now now;
    nh_json_writer_t j;
    c->wants_state = false;
    nh_wled__now(w, &now);
    nh_json_writer_init(&j, nh_json_buf_sink, &out);
    nh_json_object_begin(&j);
    nh_json_key(&j, "state");
    nh_wled_write_state(&j, &now.view);
    nh_json_key(&j, "info");
    nh_wled_write_info(&j, &now.view);
    nh_json_object_end(&j);
    w->info.pushes++;
    return nh_json_writer_end(&j) == 0 ? (int)out.len : 0;
}

static int guest_output(void *ctx, void *client, char *buf, size_t cap, bool *is_text)
{
    nh_wled_t *w = ctx;
    struct nh_wled__client *c = client;
    *is_text = true;
    if (c->wants_pong) {
        c->wants_pong = false;
        return snprintf(buf, cap, "pong");
    }
    if (c->error) {
        int len = snprintf(buf, cap, "{\"error\":%u}", c->error);
        c->error = 0;
        return len;
    }
    if (c->wants_success) {
        c->wants_success = false;
        return snprintf(buf, cap, "{\"success\":true}");
    }
    if (c->wants_state)
        return write_state(w, c, buf, cap);
    *is_text = false;
    return c->wants_live && c->live_version != w->view.version ? write_live(w, c, buf, cap) : 0;
}

struct nh_ws_guest nh_wled_guest(nh_wled_t *w)
{
    return (struct nh_ws_guest){.ctx = w,
                                .lets_anybody_in = w->cfg.is_open,
                                .open = guest_open,
                                .message = guest_message,
                                .output = guest_output,
                                .closed = guest_closed};
}
