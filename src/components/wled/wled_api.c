// wled_api.c - WLED's HTTP routes. Thin: documents are written part by part, as the reader
// takes them.

#include "components/wled/wled_private.h"

#include <stdio.h>
#include <string.h>

// ---- a document in parts -----------------------------------------------------------------------

// What a reply has, in this order. A part is written whole, a list name by name.
enum part { STATE, INFO, EFFECTS, PALETTES, PART_COUNT };
#define PARTS_ALL ((1u << PART_COUNT) - 1)
#define PARTS_SI (1u << STATE | 1u << INFO)

#define PART_MAX_BYTES                                                                             \
    1600 // what a part, or a list's element, takes at most, with what is around it
_Static_assert(PART_MAX_BYTES <= NH_PRODUCE_MIN_BYTES, "a part may not fit");

struct document {
    uint32_t parts;
    uint32_t part, index; // where it stands; part PART_COUNT: at the end
    bool has_begun;
};

struct out {
    char *buf;
    size_t cap, len;
};

static void raw(struct out *o, const char *text)
{
    size_t len = strlen(text);
    if (len <= o->cap - o->len) {
        memcpy(o->buf + o->len, text, len);
        o->len += len;
    }
}

typedef void (*write_fn)(nh_wled_t *w, uint32_t index, nh_json_writer_t *j);

// One value of at most PART_MAX_BYTES, for which there is room.
static void value(struct out *o, nh_wled_t *w, uint32_t index, write_fn put)
{
    struct nh_json_buf sink = {.ptr = o->buf, .cap = o->cap, .len = o->len};
    nh_json_writer_t j;
    nh_json_writer_init(&j, nh_json_buf_sink, &sink);
    put(w, index, &j);
    if (nh_json_writer_end(&j) == 0)
        o->len = sink.len;
}

static void write_state(nh_wled_t *w, uint32_t index, nh_json_writer_t *j)
{
    struct nh_wled__now now;
    (void)index;
    nh_wled__now(w, &now);
    nh_wled_write_state(j, &now.view);
}

static void write_info(nh_wled_t *w, uint32_t index, nh_json_writer_t *j)
{
    struct nh_wled__now now;
    (void)index;
    nh_wled__now(w, &now);
    nh_wled_write_info(j, &now.view);
}

static void write_effect(nh_wled_t *w, uint32_t index, nh_json_writer_t *j)
{
    (void)w;
    nh_json_string(j, nh_fx_visible((uint16_t)index)->name);
}

static void write_palette(nh_wled_t *w, uint32_t index, nh_json_writer_t *j)
{
    const struct nh_fx_palette *p =
        index ? nh_lamp_palette_at(w->cfg.lamp, (uint16_t)(index - 1)) : NULL;
    nh_json_string(j, p ? p->name : "Default"); // the effect's own
}

// In WLED's form: labels of the sliders, of the colours, palette, and what it is made for. "!" is
// the usual label.
static void write_effect_data(nh_wled_t *w, uint32_t index, nh_json_writer_t *j)
{
    uint8_t uses = nh_fx_visible((uint16_t)index)->uses;
    char text[32];
    (void)w;
    snprintf(text, sizeof text, "!%s;%s;%s;2%s", uses & NH_FX_USES_INTENSITY ? ",!" : "",
             uses & NH_FX_USES_COLORS ? "!,!,!" : "", uses & NH_FX_USES_PALETTE ? "!" : "",
             uses & NH_FX_USES_AUDIO ? "v" : "");
    nh_json_string(j, text);
}

static uint32_t effect_count(nh_wled_t *w)
{
    (void)w;
    return nh_fx_visible_count();
}

static uint32_t palette_count(nh_wled_t *w)
{
    return nh_lamp_palette_count(w->cfg.lamp) + 1u;
}

static const struct row {
    const char *key;
    write_fn write;
    uint32_t (*count)(nh_wled_t *w); // of a list; NULL: one value
} rows[PART_COUNT] = {[STATE] = {"state", write_state},
                      [INFO] = {"info", write_info},
                      [EFFECTS] = {"effects", write_effect, effect_count},
                      [PALETTES] = {"palettes", write_palette, palette_count}};

// A list of any length, from `*index` on, as far as there is room. True: it is whole.
static bool list(struct out *o, nh_wled_t *w, const struct row *row, uint32_t *index)
{
    uint32_t count = row->count(w);
    while (*index < count) {
        if (o->cap - o->len < PART_MAX_BYTES)
            return false;
        raw(o, *index ? "," : "[");
        value(o, w, (*index)++, row->write);
    }
    raw(o, count ? "]" : "[]");
    return true;
}

static int produce(nh_request_t *req, char *buf, size_t cap)
{
    struct document *d = req->state;
    nh_wled_t *w = req->ctx;
    struct out o = {.buf = buf, .cap = cap};
    bool is_alone = (d->parts & (d->parts - 1)) == 0; // without a key around it
    for (; d->part < PART_COUNT; d->part++, d->index = 0) {
        const struct row *row = &rows[d->part];
        if (!(d->parts & 1u << d->part))
            continue;
        if (cap - o.len < PART_MAX_BYTES)
            return (int)o.len;
        if (d->index == 0 && !is_alone) {
            raw(&o, d->has_begun ? ",\"" : "{\"");
            raw(&o, row->key);
            raw(&o, "\":");
        }
        d->has_begun = true;
        if (row->count && !list(&o, w, row, &d->index))
            return (int)o.len;
        if (!row->count)
            value(&o, w, 0, row->write);
    }
    if (d->has_begun && !is_alone)
        raw(&o, "}");
    d->has_begun = false;
    return (int)o.len;
}

static int reply_document(nh_request_t *req, uint32_t parts)
{
    struct document *d = nh_arena_alloc(req->arena, sizeof *d);
    if (!d)
        return NH_ERR_NOMEM;
    *d = (struct document){.parts = parts};
    req->state = d;
    return nh_reply_stream(req, 200, "application/json", produce);
}

// ---- changes -----------------------------------------------------------------------------------

struct change {
    struct nh_wled__call *call; // that waits; NULL: none
    uint32_t parts;             // of the reply; 0: a word
    bool is_xml;
};

static int reply_code(nh_request_t *req, int status, const char *json)
{
    return nh_reply_bytes(req, status, "application/json", json, strlen(json));
}

static int reply_xml(nh_request_t *req)
{
    char *xml = nh_arena_alloc(req->arena, NH_WLED_XML_MAX_BYTES);
    if (!xml)
        return NH_ERR_NOMEM;
    size_t len = nh_wled_xml(req->ctx, xml);
    return nh_reply_bytes(req, 200, "text/xml", xml, len);
}

static int reply_change(nh_request_t *req, const struct change *c, int err)
{
    if (err < 0)
        return reply_code(req, 503, "{\"error\":3}");
    if (c->is_xml)
        return reply_xml(req);
    return c->parts ? reply_document(req, c->parts) : reply_code(req, 200, "{\"success\":true}");
}

static void on_done(void *ctx, int err)
{
    nh_request_t *req = ctx;
    struct change *c = req->state;
    req->cleanup = NULL; // the reply has a state of its own
    nh_request_done(req, reply_change(req, c, err));
}

static void forget(nh_request_t *req)
{
    const struct change *c = req->state;
    c->call->done = NULL; // the lamp does it all the same
}

static int change(nh_request_t *req, const struct nh_wled_request *r, uint32_t parts, bool is_xml)
{
    struct change *c = nh_arena_alloc(req->arena, sizeof *c);
    if (!c)
        return NH_ERR_NOMEM;
    *c = (struct change){.parts = parts, .is_xml = is_xml};
    req->state = c;
    const struct nh_wled__ask ask = {.r = r,
                                     .text = req->body,
                                     .len = req->body_len,
                                     .origin = NH_ORIGIN_WLED,
                                     .done = on_done,
                                     .ctx = req};
    int err = nh_wled__ask(req->ctx, &ask, &c->call);
    if (err != 1)
        return reply_change(req, c, err);
    req->cleanup = forget;
    nh_request_later(req);
    return 0;
}

static int post(nh_request_t *req, uint32_t parts)
{
    nh_wled_t *w = req->ctx;
    struct nh_wled_request r;
    if (!req->body || nh_wled_request_read(req->body, req->body_len, &r) < 0) {
        w->info.refused_requests++;
        return reply_code(req, 400, "{\"error\":9}");
    }
    return change(req, &r, r.wants_reply ? parts : 0, false);
}

// ---- routes ------------------------------------------------------------------------------------

static int get_all(nh_request_t *req)
{
    return reply_document(req, PARTS_ALL);
}

static int get_state(nh_request_t *req)
{
    return reply_document(req, 1u << STATE);
}

static int get_info(nh_request_t *req)
{
    return reply_document(req, 1u << INFO);
}

static int get_si(nh_request_t *req)
{
    return reply_document(req, PARTS_SI);
}

static int get_effects(nh_request_t *req)
{
    return reply_document(req, 1u << EFFECTS);
}

static int get_palettes(nh_request_t *req)
{
    return reply_document(req, 1u << PALETTES);
}

static int post_all(nh_request_t *req)
{
    return post(req, PARTS_ALL);
}

static int post_state(nh_request_t *req)
{
    return post(req, 1u << STATE);
}

static int post_si(nh_request_t *req)
{
    return post(req, PARTS_SI);
}

static int produce_effect_data(nh_request_t *req, char *buf, size_t cap)
{
    static const struct row row = {"", write_effect_data, effect_count};
    struct document *d = req->state;
    struct out o = {.buf = buf, .cap = cap};
    if (d->part == 0 && list(&o, req->ctx, &row, &d->index))
        d->part = 1;
    return (int)o.len;
}

static int get_effect_data(nh_request_t *req)
{
    req->state = nh_arena_alloc(req->arena, sizeof(struct document));
    if (!req->state)
        return NH_ERR_NOMEM;
    memset(req->state, 0, sizeof(struct document));
    return nh_reply_stream(req, 200, "application/json", produce_effect_data);
}

// ---- presets

static int produce_presets(nh_request_t *req, char *buf, size_t cap)
{
    struct document *d = req->state;
    nh_wled_t *w = req->ctx;
    struct out o = {.buf = buf, .cap = cap};
    struct nh_lamp_info size;
    nh_lamp_info(w->cfg.lamp, &size);
    if (!d->has_begun)
        raw(&o, "{\"0\":{}"); // empty is an error to clients
    d->has_begun = true;
    // By id, so that one that is removed meanwhile leaves no hole.
    for (uint32_t i = 0; d->part == 0 && i < w->presets.count; i++) {
        const struct nh_wled_preset *p = &w->presets.at[i];
        char key[16];
        if (p->id <= d->index)
            continue;
        if (cap - o.len < PART_MAX_BYTES)
            return (int)o.len;
        snprintf(key, sizeof key, ",\"%u\":", p->id);
        raw(&o, key);
        struct nh_json_buf sink = {.ptr = buf, .cap = cap, .len = o.len};
        nh_json_writer_t j;
        nh_json_writer_init(&j, nh_json_buf_sink, &sink);
        nh_wled_preset_write(p, &size, &j);
        if (nh_json_writer_end(&j) < 0)
            return NH_ERR_FULL;
        o.len = sink.len;
        d->index = p->id;
    }
    if (d->part == 0)
        raw(&o, "}");
    d->part = 1;
    return (int)o.len;
}

static int get_presets(nh_request_t *req)
{
    req->state = nh_arena_alloc(req->arena, sizeof(struct document));
    if (!req->state)
        return NH_ERR_NOMEM;
    memset(req->state, 0, sizeof(struct document));
    return nh_reply_stream(req, 200, "application/json", produce_presets);
}

// ---- colours of the palettes, eight a page

#define PALETTES_A_PAGE 8

static void write_stops(nh_json_writer_t *j, const struct nh_fx_palette *p)
{
    nh_json_array_begin(j);
    for (uint8_t i = 0; i < p->stop_count; i++) {
        nh_json_array_begin(j);
        nh_json_uint(j, p->stops[i].at);
        for (int shift = 16; shift >= 0; shift -= 8)
            nh_json_uint(j, p->stops[i].color >> shift & 0xFF);
        nh_json_array_end(j);
    }
    nh_json_array_end(j);
}

// Number 0 is that of the effect that is shown.
static const struct nh_fx_palette *palette_at(nh_wled_t *w, uint32_t index)
{
    struct nh_lamp_snapshot s;
    if (index)
        return nh_lamp_palette_at(w->cfg.lamp, (uint16_t)(index - 1));
    nh_lamp_snapshot(w->cfg.lamp, &s);
    const struct nh_fx_effect *e = nh_fx_find(s.state.effect_id);
    return nh_lamp_palette_at(w->cfg.lamp, e ? e->palette : 0);
}

static int get_palette_colors(nh_request_t *req)
{
    nh_wled_t *w = req->ctx;
    const char *text = nh_request_param(req, "page");
    uint32_t count = palette_count(w), last = (count - 1) / PALETTES_A_PAGE, page = 0;
    for (; text && *text >= '0' && *text <= '9' && page <= last; text++)
        page = page * 10 + (uint32_t)(*text - '0');
    page = page > last ? last : page;
    nh_json_writer_t *j = nh_reply_json(req, 200);
    if (!j)
        return NH_ERR_NOMEM;
    nh_json_object_begin(j);
    nh_json_kv_uint(j, "m", last);
    nh_json_key(j, "p");
    nh_json_object_begin(j);
    for (uint32_t i = page * PALETTES_A_PAGE; i < count && i < (page + 1) * PALETTES_A_PAGE; i++) {
        const struct nh_fx_palette *p = palette_at(w, i);
        char key[12];
        snprintf(key, sizeof key, "%u", (unsigned)i);
        nh_json_key(j, key);
        write_stops(j, p ? p : &nh_fx_palettes[0]);
    }
    nh_json_object_end(j);
    nh_json_object_end(j);
    return nh_reply_json_end(req);
}

// ---- the live view

static int produce_live(nh_request_t *req, char *buf, size_t cap)
{
    struct document *d = req->state;
    const nh_wled_t *w = req->ctx;
    const struct nh_wled__view *v = &w->view;
    uint32_t count = v->rgb ? (uint32_t)v->width * v->height : 0;
    struct out o = {.buf = buf, .cap = cap};
    if (!d->has_begun)
        raw(&o, "{\"leds\":[");
    d->has_begun = true;
    for (; d->part == 0 && d->index < count; d->index++) {
        char text[16];
        const uint8_t *px = v->rgb + (size_t)d->index * 3;
        if (cap - o.len < sizeof text)
            return (int)o.len;
        snprintf(text, sizeof text, "%s\"%02X%02X%02X\"", d->index ? "," : "", px[0], px[1], px[2]);
        raw(&o, text);
    }
    char end[48];
    snprintf(end, sizeof end, "],\"n\":%u,\"w\":%u,\"h\":%u}", v->step ? (unsigned)v->step : 1U,
             v->width, v->height);
    if (d->part || cap - o.len < sizeof end)
        return (int)o.len;
    raw(&o, end);
    d->part = 1;
    return (int)o.len;
}

#define LIVE_TURNS 5 // then the picture is what is there

static void leave_live(nh_request_t *req)
{
    nh_wled_t *w = req->ctx;
    for (size_t i = 0; i < NH_WLED_CLIENT_MAX_COUNT; i++)
        if (w->waits[i].req == req)
            w->waits[i].req = NULL;
}

static int reply_live(nh_request_t *req)
{
    return nh_reply_stream(req, 200, "application/json", produce_live);
}

bool nh_wled__live_turn(nh_wled_t *w)
{
    bool waits = false;
    for (size_t i = 0; i < NH_WLED_CLIENT_MAX_COUNT; i++) {
        struct nh_wled__wait *wait = &w->waits[i];
        nh_request_t *req = wait->req;
        bool is_due = req && (wait->turns++ >= LIVE_TURNS || w->view.version != wait->version);
        waits |= req && !is_due;
        if (!is_due)
            continue;
        wait->req = NULL;
        nh_request_done(req, reply_live(req));
    }
    return waits;
}

// Who is not watching has an old picture, if any: the lamp is asked, and gives one with its next
// frame.
static int get_live(nh_request_t *req)
{
    nh_wled_t *w = req->ctx;
    struct nh_wled__wait *wait = NULL;
    for (size_t i = 0; i < NH_WLED_CLIENT_MAX_COUNT; i++)
        if (!w->waits[i].req)
            wait = &w->waits[i];
    req->state = nh_arena_alloc(req->arena, sizeof(struct document));
    if (!req->state)
        return NH_ERR_NOMEM;
    memset(req->state, 0, sizeof(struct document));
    if (nh_timer_is_armed(&w->live_timer) || !wait || !nh_wled__view_watch(w))
        return reply_live(req);
    nh_wled__view_refresh(w);
    *wait = (struct nh_wled__wait){.req = req, .version = w->view.version};
    req->cleanup = leave_live;
    nh_request_later(req);
    return 0;
}

// ---- what clients look for, and what there is none of

static int get_config(nh_request_t *req)
{
    nh_wled_t *w = req->ctx;
    struct nh_wled__now now;
    nh_json_writer_t *j = nh_reply_json(req, 200);
    if (!j)
        return NH_ERR_NOMEM;
    nh_wled__now(w, &now);
    nh_json_object_begin(j);
    nh_json_kv_uint(j, "vid", NH_WLED_BUILD);
    nh_json_key(j, "id");
    nh_json_object_begin(j);
    nh_json_kv_string(j, "mdns", w->cfg.name);
    nh_json_kv_string(j, "name", w->cfg.name);
    nh_json_kv_string(j, "inv", "Light");
    nh_json_object_end(j);
    nh_json_key(j, "hw");
    nh_json_object_begin(j);
    nh_json_key(j, "led");
    nh_json_object_begin(j);
    nh_json_kv_uint(j, "total", now.info.pixel_count);
    nh_json_kv_uint(j, "maxpwr", now.info.limit_ma);
    nh_json_object_end(j);
    nh_json_object_end(j);
    nh_json_object_end(j);
    return nh_reply_json_end(req);
}

static int get_nodes(nh_request_t *req)
{
    return reply_code(req, 200, "{\"nodes\":[]}"); // other nodes are not looked for
}

static int get_networks(nh_request_t *req)
{
    return reply_code(req, 200, "{\"networks\":[]}"); // the hub does not choose its network
}

static int not_there(nh_request_t *req)
{
    return reply_code(req, 501, "{\"error\":4}");
}

// The older interface: "/win&A=128&FX=3", or with '?'.
static int get_win(nh_request_t *req)
{
    struct nh_wled_request r;
    size_t rest = strlen(req->rest), query = strlen(req->query);
    char *text = nh_arena_alloc(req->arena, rest + query + 2);
    if (!text)
        return NH_ERR_NOMEM;
    memcpy(text, req->rest, rest);
    text[rest] = '&';
    memcpy(text + rest + 1, req->query, query + 1);
    if (rest && req->rest[0] != '&')
        return nh_reply_error(req, 404, NULL, "There is nothing at %s.", req->path);
    nh_wled_request_read_text(text, rest + 1 + query, &r);
    return change(req, &r, 0, true);
}

#define BODY NH_WLED_BODY_MAX_BYTES
#define ROUTES(f)                                                                                  \
    {                                                                                              \
        {"GET", "/json", .flags = (f), .handle = get_all,                                          \
         .text = "WLED: state, info, effects and palettes"},                                       \
            {"POST",                                                                               \
             "/json",                                                                              \
             .body_max_bytes = BODY,                                                               \
             .flags = (f),                                                                         \
             .handle = post_all,                                                                   \
             .text = "WLED: changes the state"},                                                   \
            {"GET", "/json/state", .flags = (f), .handle = get_state, .text = "WLED: the state"},  \
            {"POST",       "/json/state",        .body_max_bytes = BODY,                           \
             .flags = (f), .handle = post_state, .text = "WLED: changes the state"},               \
            {"GET", "/json/info", .flags = (f), .handle = get_info, .text = "WLED: what it is"},   \
            {"GET", "/json/si", .flags = (f), .handle = get_si, .text = "WLED: state and info"},   \
            {"POST",       "/json/si",        .body_max_bytes = BODY,                              \
             .flags = (f), .handle = post_si, .text = "WLED: changes the state"},                  \
            {"GET", "/json/eff", .flags = (f), .handle = get_effects,                              \
             .text = "WLED: the effects"},                                                         \
            {"GET", "/json/effects", .flags = (f), .handle = get_effects,                          \
             .text = "WLED: the effects"},                                                         \
            {"GET", "/json/pal", .flags = (f), .handle = get_palettes,                             \
             .text = "WLED: the palettes"},                                                        \
            {"GET", "/json/palettes", .flags = (f), .handle = get_palettes,                        \
             .text = "WLED: the palettes"},                                                        \
            {"GET", "/json/fxdata", .flags = (f), .handle = get_effect_data,                       \
             .text = "WLED: what each effect uses"},                                               \
            {"GET", "/json/palx", .flags = (f), .handle = get_palette_colors,                      \
             .text = "WLED: the palettes' colours, eight a page"},                                 \
            {"GET", "/json/live", .flags = (f), .handle = get_live,                                \
             .text = "WLED: the pixels as they are now"},                                          \
            {"GET", "/json/cfg", .flags = (f), .handle = get_config,                               \
             .text = "WLED: its settings"},                                                        \
            {"GET", "/json/nodes", .flags = (f), .handle = get_nodes,                              \
             .text = "WLED: other devices"},                                                       \
            {"GET", "/json/net", .flags = (f), .handle = get_networks, .text = "WLED: networks"},  \
            {"GET", "/json/*", .flags = (f), .handle = not_there, .text = "WLED: nothing"},        \
            {"POST",       "/json/*",           .body_max_bytes = BODY,                            \
             .flags = (f), .handle = not_there, .text = "WLED: nothing"},                          \
            {"GET", "/presets.json", .flags = (f), .handle = get_presets,                          \
             .text = "WLED: presets"},                                                             \
            {"GET", "/win", .flags = (f) | NH_ROUTE_CHANGES, .handle = get_win,                    \
             .text = "WLED's older interface: changes the state, replies in XML"},                 \
            {"GET", "/win*", .flags = (f) | NH_ROUTE_CHANGES, .handle = get_win,                   \
             .text = "WLED's older interface: changes the state, replies in XML"},                 \
            {0},                                                                                   \
    }

static const nh_route_t for_who_signs_in[] = ROUTES(NH_ROUTE_OPERATOR);
static const nh_route_t for_anybody[] = ROUTES(NH_ROUTE_PUBLIC | NH_ROUTE_OPEN);

struct nh_route_table nh_wled_routes(nh_wled_t *w)
{
    return (struct nh_route_table){
        .routes = w->cfg.is_open ? for_anybody : for_who_signs_in, .ctx = w, .name = "wled"};
}
