// The lamp's routes and its parts of the feed: thin, no state. docs/lamp.md is their reference.

#include "components/lamp/lamp_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX_BYTES 2048
#define FINDING_MAX_COUNT 8

// ---- the state ---------------------------------------------------------------------------------

static const char *const power_names[] = {"off", "switching_on", "on", "switching_off", "failed"};
static const char *const mode_names[] = {"idle", "listen", "speak"};
static const char *const blend_names[] = {"alpha", "add", "max"};
static const char *const origin_names[NH_ORIGIN_COUNT] = {
    "boot", "button", "http", "mqtt", "wled", "radio", "automation", "voice", "cli", "sched"};

static void write_color(nh_json_writer_t *w, nh_px_t px)
{
    char text[8];
    snprintf(text, sizeof text, "#%06x", (unsigned)(px & 0xFFFFFF));
    nh_json_string(w, text);
}

static void write_looks(nh_lamp_t *l, nh_json_writer_t *w, const struct nh_lamp_state *s)
{
    const struct nh_fx_effect *e = nh_fx_find(s->effect_id);
    const struct nh_fx_palette *p =
        s->palette == NH_LAMP_PALETTE_AUTO ? NULL : nh_lamp_palette_at(l, s->palette);
    nh_json_kv_string(w, "effect", e ? e->name : NULL);
    nh_json_kv_uint(w, "effect_id", s->effect_id);
    nh_json_kv_int(w, "effect_index", nh_fx_visible_index(s->effect_id));
    nh_json_kv_uint(w, "brightness", s->brightness);
    nh_json_kv_uint(w, "speed_pct", s->speed_pct);
    nh_json_kv_uint(w, "intensity", s->intensity);
    nh_json_kv_bool(w, "paused", s->paused);
    nh_json_kv_string(w, "palette", p ? p->name : "auto");
    nh_json_kv_uint(w, "palette_index", s->palette);
    nh_json_key(w, "colors");
    nh_json_array_begin(w);
    for (size_t i = 0; i < NH_ARRAY_LEN(s->color); i++)
        write_color(w, s->color[i]);
    nh_json_array_end(w);
    nh_json_kv_string(w, "text", s->text);
}

static void write_overlay(nh_lamp_t *l, nh_json_writer_t *w, const struct nh_lamp_state *s)
{
    nh_lock_acquire(&l->lock);
    bool has_angle = l->wish.angle_number > 0;
    uint16_t angle_deg = l->wish.angle_deg;
    nh_lock_release(&l->lock);
    nh_json_key(w, "overlay");
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "enabled", s->overlay);
    nh_json_kv_string(w, "mode", mode_names[s->overlay_mode]);
    nh_json_kv_string(w, "blend", blend_names[s->overlay_blend]);
    if (has_angle)
        nh_json_kv_uint(w, "angle_deg", angle_deg);
    else
        nh_json_kv_null(w, "angle_deg");
    nh_json_object_end(w);
}

static void write_changed(nh_json_writer_t *w, const struct nh_lamp_snapshot *s)
{
    nh_json_key(w, "changed");
    nh_json_object_begin(w);
    nh_json_kv_string(w, "by", origin_names[s->changed_by]);
    nh_json_kv_string(w, "who", s->changed_who);
    if (s->changed_ms)
        nh_json_kv_uint(w, "ago_ms", nh_clock_ms() - s->changed_ms);
    else
        nh_json_kv_null(w, "ago_ms");
    nh_json_object_end(w);
}

static void write_rates(nh_json_writer_t *w, const struct nh_lamp_info *i)
{
    char crc[9];
    snprintf(crc, sizeof crc, "%08x", (unsigned)i->frame_crc);
    nh_json_kv_double(w, "fps", i->fps_x10 / 10.0);
    nh_json_kv_uint(w, "fps_wanted", i->fps_wanted);
    nh_json_kv_uint(w, "jitter_us", i->jitter_us);
    nh_json_kv_uint(w, "jitter_max_us", i->jitter_max_us);
    nh_json_kv_uint(w, "late", i->late_count);
    nh_json_kv_uint(w, "dropped", i->dropped_count);
    nh_json_kv_uint(w, "frames", i->frame_count);
    nh_json_kv_uint(w, "render_us", i->render_us);
    nh_json_kv_uint(w, "overlay_us", i->overlay_us);
    nh_json_kv_uint(w, "show_us", i->show_us);
    nh_json_kv_string(w, "frame_crc", crc);
}

static void write_live(nh_json_writer_t *w, const struct nh_lamp_info *i)
{
    nh_json_key(w, "live");
    if (!i->live_protocol) {
        nh_json_null(w);
        return;
    }
    nh_json_object_begin(w);
    nh_json_kv_string(w, "protocol", i->live_protocol);
    nh_json_kv_string(w, "from", i->live_from);
    nh_json_object_end(w);
}

static void write_info(nh_lamp_t *l, nh_json_writer_t *w)
{
    struct nh_lamp_info i;
    nh_lamp_info(l, &i);
    nh_json_key(w, "info");
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "width", i.width);
    nh_json_kv_uint(w, "height", i.height);
    nh_json_kv_uint(w, "pixels", i.pixel_count);
    nh_json_kv_uint(w, "panels", i.panel_count);
    nh_json_kv_string(w, "output", l->cfg.pixels.name ? l->cfg.pixels.name : "none");
    write_rates(w, &i);
    nh_json_kv_uint(w, "estimate_ma", i.estimate_ma);
    nh_json_kv_uint(w, "peak_ma", i.peak_ma);
    nh_json_kv_uint(w, "limit_ma", i.limit_ma);
    nh_json_kv_bool(w, "limiting", i.is_limiting);
    nh_json_kv_uint(w, "show_failures", i.show_failures);
    nh_json_kv_uint(w, "queue_depth", i.queue_depth);
    nh_json_kv_uint(w, "queue_depth_max", i.queue_depth_max);
    nh_json_kv_uint(w, "queue_max", i.queue_max);
    nh_json_kv_uint(w, "queue_full", i.queue_full_count);
    write_live(w, &i);
    nh_json_object_end(w);
}

void nh_lamp_write_state(nh_lamp_t *l, nh_json_writer_t *w)
{
    struct nh_lamp_snapshot s;
    nh_lamp_snapshot(l, &s);
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "power", s.state.power);
    nh_json_kv_string(w, "power_state", power_names[s.power]);
    nh_json_kv_string(w, "power_fault", s.power == NH_LAMP_FAILED ? l->power.why : NULL);
    write_looks(l, w, &s.state);
    write_overlay(l, w, &s.state);
    nh_json_kv_uint(w, "seq", s.state.seq);
    nh_json_kv_uint(w, "version", s.version);
    write_changed(w, &s);
    write_info(l, w);
    nh_json_object_end(w);
}

static int reply_state(nh_request_t *req)
{
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_lamp_write_state(req->ctx, w);
    return nh_reply_json_end(req);
}

// ---- commands ----------------------------------------------------------------------------------

struct findings {
    size_t count;
    struct nh_finding f[FINDING_MAX_COUNT];
};

static void take_finding(void *ctx, const struct nh_finding *f)
{
    struct findings *all = ctx;
    if (all->count < FINDING_MAX_COUNT)
        all->f[all->count++] = *f;
}

static int reply_fault(nh_request_t *req, int err, const struct findings *all)
{
    const struct nh_finding *f = &all->f[0];
    if (err != NH_ERR_NOT_FOUND || all->count != 1 || !f->value[0])
        return nh_reply_findings(req, f, all->count, "Nothing was changed.");
    nh_json_writer_t *w =
        nh_reply_error_details(req, 404, "not_found", "%s: %s %s. Nothing was changed.",
                               f->pointer + 1, f->value, f->text);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_string(w, "field", f->pointer);
    nh_json_kv_string(w, "value", f->value);
    nh_json_kv_string(w, "limit", f->limit);
    nh_json_kv_string(w, "text", f->text);
    nh_json_object_end(w);
    return nh_reply_error_end(req);
}

struct answer {
    bool is_there;
    int err;
};

static void take_answer(void *ctx, int err, const struct nh_lamp_snapshot *after)
{
    struct answer *a = ctx;
    (void)after;
    *a = (struct answer){true, err};
}

// Through the queue like everybody's; it is the owner's task that waits for it, so it is done now.
static int do_command(nh_lamp_t *l, const struct nh_lamp_command *c)
{
    struct answer a = {0};
    struct nh_lamp_command asked = *c;
    asked.done = take_answer;
    asked.ctx = &a;
    int err = nh_lamp_post(l, &asked);
    if (err < 0)
        return err;
    (void)nh_lamp__turn(l, nh_clock_ms());
    NH_ASSERT(a.is_there); // a turn does as many as the queue holds
    return a.err;
}

static int post_lamp(nh_request_t *req)
{
    nh_lamp_t *l = req->ctx;
    struct findings *all = nh_arena_alloc(req->arena, sizeof *all);
    struct nh_lamp_command c;
    int32_t angle_deg;
    if (!all)
        return NH_ERR_NOMEM;
    all->count = 0;
    int err = nh_lamp_command_read(l, req->body ? req->body : "", req->body_len, &c, &angle_deg,
                                   take_finding, all);
    if (err < 0)
        return reply_fault(req, err, all);
    c.origin = NH_ORIGIN_HTTP;
    snprintf(c.who, sizeof c.who, "%s", req->user ? req->user : "");
    err = do_command(l, &c);
    if (err == NH_ERR_FULL)
        return nh_reply_error(req, 503, "full", "%u commands wait already. Nothing was changed.",
                              (unsigned)l->cfg.queue_max);
    if (err < 0)
        return nh_reply_error(req, 400, "bad_value", "%s. Nothing was changed.", nh_err_text(err));
    if (angle_deg >= 0)
        nh_lamp_direction(l, (uint32_t)angle_deg);
    return reply_state(req);
}

// ---- lists -------------------------------------------------------------------------------------

static const char *const kind_names[] = {"noise", "particles", "geometry", "sound", "text"};
static const struct {
    uint8_t bit;
    const char *name;
} use_names[] = {{NH_FX_USES_PALETTE, "palette"},     {NH_FX_USES_COLORS, "colors"},
                 {NH_FX_USES_INTENSITY, "intensity"}, {NH_FX_USES_AUDIO, "audio"},
                 {NH_FX_USES_TEXT, "text"},           {NH_FX_USES_CLOCK, "clock"}};

struct listing {
    nh_lamp_t *l;
    nh_json_writer_t w;
    struct nh_json_buf sink;
    uint16_t index, count;
    bool has_begun, has_ended;
    void (*begin)(struct listing *li);
    void (*element)(struct listing *li);
};

static void begin_effects(struct listing *li)
{
    nh_json_object_begin(&li->w);
    nh_json_kv_uint(&li->w, "count", li->count);
    nh_json_key(&li->w, "effects");
    nh_json_array_begin(&li->w);
}

static void write_effect(struct listing *li)
{
    const struct nh_fx_effect *e = nh_fx_visible(li->index);
    const struct nh_fx_palette *p = nh_lamp_palette_at(li->l, e->palette);
    nh_json_writer_t *w = &li->w;
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "index", li->index);
    nh_json_kv_uint(w, "id", e->id);
    nh_json_kv_string(w, "name", e->name);
    nh_json_kv_string(w, "kind", kind_names[e->kind]);
    nh_json_kv_string(w, "palette", p ? p->name : NULL);
    nh_json_key(w, "uses");
    nh_json_array_begin(w);
    for (size_t i = 0; i < NH_ARRAY_LEN(use_names); i++)
        if (e->uses & use_names[i].bit)
            nh_json_string(w, use_names[i].name);
    nh_json_array_end(w);
    nh_json_object_end(w);
}

static void begin_palettes(struct listing *li)
{
    nh_json_object_begin(&li->w);
    nh_json_kv_uint(&li->w, "built_in", nh_fx_palette_count);
    nh_json_kv_uint(&li->w, "own_max", NH_LAMP_PALETTE_OWN_MAX_COUNT);
    nh_json_key(&li->w, "palettes");
    nh_json_array_begin(&li->w);
}

static void write_palette(nh_lamp_t *l, nh_json_writer_t *w, uint16_t index)
{
    const struct nh_fx_palette *p = nh_lamp_palette_at(l, index);
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "index", index);
    nh_json_kv_string(w, "name", p->name);
    nh_json_kv_bool(w, "own", index >= nh_fx_palette_count);
    nh_json_kv_bool(w, "stepped", p->is_stepped);
    nh_json_key(w, "stops");
    nh_json_array_begin(w);
    for (size_t i = 0; i < p->stop_count; i++) {
        nh_json_object_begin(w);
        nh_json_kv_uint(w, "at", p->stops[i].at);
        nh_json_key(w, "color");
        write_color(w, p->stops[i].color);
        nh_json_object_end(w);
    }
    nh_json_array_end(w);
    nh_json_object_end(w);
}

static void list_palette(struct listing *li)
{
    write_palette(li->l, &li->w, li->index);
}

// The next piece: the begin, an element or the end.
static void write_piece(struct listing *li)
{
    if (!li->has_begun) {
        li->begin(li);
    } else if (li->index < li->count) {
        li->element(li);
    } else {
        nh_json_array_end(&li->w);
        nh_json_object_end(&li->w);
    }
}

static void pass_piece(struct listing *li)
{
    li->has_ended = li->has_begun && li->index == li->count;
    if (li->has_begun && !li->has_ended)
        li->index++;
    li->has_begun = true;
}

static int produce(nh_request_t *req, char *buf, size_t cap)
{
    struct listing *li = req->state;
    li->sink = (struct nh_json_buf){buf, cap, 0};
    while (!li->has_ended) {
        nh_json_writer_t before = li->w;
        size_t len = li->sink.len;
        if (li->index > li->count) // a palette was removed meanwhile
            return NH_ERR_CONFLICT;
        write_piece(li);
        if (li->w.err) { // it is the first of the next part
            li->w = before;
            li->sink.len = len;
            return len ? (int)len : NH_ERR_FULL;
        }
        pass_piece(li);
    }
    return (int)li->sink.len;
}

static int reply_list(nh_request_t *req, uint16_t count, void (*begin)(struct listing *li),
                      void (*element)(struct listing *li))
{
    struct listing *li = nh_arena_alloc(req->arena, sizeof *li);
    if (!li)
        return NH_ERR_NOMEM;
    *li = (struct listing){.l = req->ctx, .count = count, .begin = begin, .element = element};
    nh_json_writer_init(&li->w, nh_json_buf_sink, &li->sink);
    req->state = li;
    return nh_reply_stream(req, 200, "application/json", produce);
}

static int get_effects(nh_request_t *req)
{
    return reply_list(req, nh_fx_visible_count(), begin_effects, write_effect);
}

static int get_palettes(nh_request_t *req)
{
    return reply_list(req, nh_lamp_palette_count(req->ctx), begin_palettes, list_palette);
}

// ---- palettes of one's own ---------------------------------------------------------------------

struct body_stop {
    uint32_t at;
    char color[8];
};
struct body {
    char name[NH_FX_NAME_MAX_BYTES];
    bool stepped;
    uint32_t count;
    struct body_stop stops[NH_FX_STOP_MAX_COUNT];
};

static const nh_json_field_t stop_fields[] = {
    {.name = "at",
     .type = NH_JSON_T_INT,
     .required = true,
     NH_JSON_AT(struct body_stop, at),
     .max = 255},
    {.name = "color",
     .type = NH_JSON_T_STRING,
     .required = true,
     NH_JSON_AT(struct body_stop, color)},
    NH_JSON_FIELDS_END,
};
static const nh_json_field_t stop_element = {
    .type = NH_JSON_T_OBJECT, .fields = stop_fields, .size = sizeof(struct body_stop)};
static const nh_json_field_t palette_fields[] = {
    {.name = "name", .type = NH_JSON_T_STRING, .required = true, NH_JSON_AT(struct body, name)},
    {.name = "stepped", .type = NH_JSON_T_BOOL, NH_JSON_AT(struct body, stepped)},
    {.name = "stops",
     .type = NH_JSON_T_ARRAY,
     .required = true,
     .element = &stop_element,
     .offset = offsetof(struct body, stops),
     .count_offset = offsetof(struct body, count),
     .count_max = NH_FX_STOP_MAX_COUNT},
    NH_JSON_FIELDS_END,
};

// False: a colour is none.
static bool to_palette(const struct body *b, struct nh_fx_palette *p)
{
    memset(p, 0, sizeof *p);
    snprintf(p->name, sizeof p->name, "%s", b->name);
    p->is_stepped = b->stepped;
    p->stop_count = (uint8_t)b->count;
    for (uint32_t i = 0; i < b->count; i++) {
        const char *c = b->stops[i].color;
        if (c[0] != '#' || strlen(c) != 7 || strspn(c + 1, "0123456789abcdefABCDEF") != 6)
            return false;
        p->stops[i] =
            (struct nh_fx_stop){(uint8_t)b->stops[i].at, (nh_px_t)strtoul(c + 1, NULL, 16)};
    }
    return true;
}

static int reply_palette(nh_request_t *req, int status, uint16_t index)
{
    nh_json_writer_t *w = nh_reply_json(req, status);
    if (!w)
        return NH_ERR_NOMEM;
    write_palette(req->ctx, w, index);
    return nh_reply_json_end(req);
}

static int set_palette(nh_request_t *req, uint16_t index, int status)
{
    struct body b = {0};
    struct nh_fx_palette p;
    bool ok;
    int err = nh_request_decode(req, palette_fields, &b, "Nothing was changed.", &ok);
    if (!ok)
        return err;
    err = to_palette(&b, &p) ? nh_lamp_palette_set(req->ctx, index, &p) : NH_ERR_INVAL;
    if (err == 0)
        return reply_palette(req, status, index);
    if (err == NH_ERR_INVAL)
        return nh_reply_error(
            req, 400, "bad_value",
            "A palette has a name of 1 to 15 ASCII characters, 1 to %d stops with "
            "rising \\\"at\\\" and \\\"#rrggbb\\\". Nothing was changed.",
            NH_FX_STOP_MAX_COUNT);
    if (err == NH_ERR_EXISTS)
        return nh_reply_error(req, 409, "exists",
                              "There is a palette %s already. Nothing was changed.", p.name);
    if (err == NH_ERR_FULL)
        return nh_reply_error(req, 409, "full",
                              "There are %d palettes of your own already. Nothing was changed.",
                              NH_LAMP_PALETTE_OWN_MAX_COUNT);
    return nh_reply_error(req, 404, NULL, "That is no palette of your own.");
}

// The number behind the path; UINT16_MAX: it is none.
static uint16_t index_of(const nh_request_t *req)
{
    char *end;
    unsigned long n = strtoul(req->rest, &end, 10);
    bool is_number = req->rest[0] >= '0' && req->rest[0] <= '9' && *end == '\0' && n < UINT16_MAX;
    return is_number ? (uint16_t)n : UINT16_MAX;
}

static int post_palette(nh_request_t *req)
{
    return set_palette(req, nh_lamp_palette_count(req->ctx), 201);
}

static int put_palette(nh_request_t *req)
{
    uint16_t index = index_of(req);
    // One that is not there is added by POST alone: two editors do not add the same.
    if (index >= nh_lamp_palette_count(req->ctx))
        index = UINT16_MAX;
    return set_palette(req, index, 200);
}

static int delete_palette(nh_request_t *req)
{
    if (nh_lamp_palette_remove(req->ctx, index_of(req)) < 0)
        return nh_reply_error(req, 404, NULL, "That is no palette of your own.");
    return nh_reply_empty(req, 204);
}

// ---- routes ------------------------------------------------------------------------------------

#define ROUTE(m, p, max, f, t)                                                                     \
    {                                                                                              \
        .method = (m), .path = "/api/lamp" p, .body_max_bytes = (max), .flags = NH_ROUTE_OPERATOR, \
        .handle = (f), .text = (t)                                                                 \
    }

static const nh_route_t routes[] = {
    ROUTE("GET", "", 0, reply_state, "What the lamp does, with figures"),
    ROUTE("POST", "", BODY_MAX_BYTES, post_lamp, "Set the lamp, or give it a command"),
    ROUTE("GET", "/effects", 0, get_effects, "The effects, in the order of next and previous"),
    ROUTE("GET", "/palettes", 0, get_palettes, "The palettes, built in and your own"),
    ROUTE("POST", "/palettes", BODY_MAX_BYTES, post_palette, "Add a palette of your own"),
    ROUTE("PUT", "/palettes/*", BODY_MAX_BYTES, put_palette, "Replace a palette of your own"),
    ROUTE("DELETE", "/palettes/*", 0, delete_palette, "Remove a palette of your own"),
    {0},
};

struct nh_route_table nh_lamp_routes(nh_lamp_t *l)
{
    return (struct nh_route_table){.routes = routes, .ctx = l, .name = "lamp"};
}

// ---- feed --------------------------------------------------------------------------------------

#define FIGURES_MS 1000

// Figures are others each second while frames are made; what is told at once is in `version`.
static uint64_t feed_version(void *ctx)
{
    nh_lamp_t *l = ctx;
    struct nh_lamp_snapshot s;
    nh_lamp_snapshot(l, &s);
    uint64_t second = s.power == NH_LAMP_OFF ? 0 : nh_clock_ms() / FIGURES_MS;
    return (uint64_t)s.version << 32 | (uint32_t)second;
}

static uint64_t feed_write(void *ctx, nh_json_writer_t *w, uint64_t since)
{
    uint64_t version = feed_version(ctx);
    (void)since;
    nh_lamp_write_state(ctx, w);
    return version;
}

void nh_lamp_feed_parts(nh_lamp_t *l, nh_feed_part_t out[NH_LAMP_FEED_COUNT])
{
    out[0] = (nh_feed_part_t){.name = "lamp",
                              .min_interval_ms = 100,
                              .version = feed_version,
                              .write = feed_write,
                              .ctx = l,
                              .is_for_operators = true};
    out[1] = nh_lamp__preview_part(l);
}
