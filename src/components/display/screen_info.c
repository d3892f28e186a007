// What this hub is and how it is: a line that changes is painted again, the others are not.

#include "components/display/display_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TICK_MS 500
#define ROW_COUNT 5

struct info {
    struct nh_display__names names;
    char value[ROW_COUNT][40];
    uint32_t used_pct; // of the internal memory
};

static const char *const labels[ROW_COUNT] = {"Up", "Internal free", "Internal least",
                                              "Fragmentation", "PSRAM free"};

static struct nh_rect row_at(const nh_display_t *d, int row)
{
    int w = d->cfg.panel.width, h = d->cfg.panel.height, side = w < h ? w : h;
    int top = h / 2 - side * 12 / 100, height = side * 85 / 1000;
    return nh_rect_of(w / 2 - side * 41 / 100, top + row * height, w / 2 + side * 41 / 100,
                      top + (row + 1) * height);
}

static void format(const struct nh_display_facts *f, struct info *out)
{
    uint64_t s = f->uptime_s;
    if (s >= 86400)
        snprintf(out->value[0], sizeof out->value[0], "%" PRIu64 " d %" PRIu64 " h", s / 86400,
                 s / 3600 % 24);
    else
        snprintf(out->value[0], sizeof out->value[0], "%" PRIu64 ":%02u:%02u", s / 3600,
                 (unsigned)(s / 60 % 60), (unsigned)(s % 60));
    snprintf(out->value[1], sizeof out->value[1], "%zu KiB", f->internal_free_bytes / 1024);
    snprintf(out->value[2], sizeof out->value[2], "%zu KiB", f->internal_min_bytes / 1024);
    snprintf(out->value[3], sizeof out->value[3], "%u %%", (unsigned)f->internal_frag_pct);
    snprintf(out->value[4], sizeof out->value[4], "%zu KiB", f->psram_free_bytes / 1024);
    if (f->internal_bytes)
        out->used_pct = (uint32_t)(100 - f->internal_free_bytes * 100 / f->internal_bytes);
}

static struct info read_info(nh_display_t *d)
{
    struct nh_display_facts facts = {0};
    struct info out = {0};
    if (d->cfg.facts)
        d->cfg.facts(d->cfg.ctx, &facts);
    format(&facts, &out);
    out.names = nh_display__names(d);
    return out;
}

static void show(nh_display_t *d, void *state, unsigned number)
{
    (void)number;
    *(struct info *)state = read_info(d);
    nh_display__touch_up(d, nh_display__bounds(d));
}

static uint64_t tick(nh_display_t *d, void *state, uint64_t now_ms)
{
    struct info *s = state, fresh = read_info(d);
    for (int i = 0; i < ROW_COUNT; i++)
        if (strcmp(s->value[i], fresh.value[i]) != 0)
            nh_display__touch_up(d, row_at(d, i));
    if (s->used_pct != fresh.used_pct || strcmp(s->names.name, fresh.names.name) != 0 ||
        strcmp(s->names.address, fresh.names.address) != 0)
        nh_display__touch_up(d, nh_display__bounds(d));
    *s = fresh;
    return now_ms + TICK_MS;
}

static void paint_row(nh_display_t *d, const struct info *s, int row)
{
    struct nh_rect at = row_at(d, row);
    uint32_t size = (uint32_t)at.h * 56 / 100;
    int y = at.y + at.h * 68 / 100;
    if (nh_rect_is_empty(nh_rect_meet(at, nh_painter_part(d->painter))))
        return;
    nh_paint_text(d->painter, at.x + at.w * 4 / 100, y, NH_TEXT_LEFT, labels[row],
                  strlen(labels[row]), size, NH_DISPLAY__DIM);
    nh_paint_text(d->painter, at.x + at.w * 96 / 100, y, NH_TEXT_RIGHT, s->value[row],
                  strlen(s->value[row]), size, NH_DISPLAY__TEXT);
    if (row + 1 < ROW_COUNT)
        nh_paint_fill(d->painter,
                      (struct nh_rect){(int16_t)(at.x + at.w / 25), (int16_t)(at.y + at.h - 1),
                                       (int16_t)(at.w * 92 / 100), 1},
                      NH_DISPLAY__SURFACE);
}

// How much of the internal memory is in use, as a ring along the edge.
static void paint_ring(nh_display_t *d, uint32_t used_pct)
{
    int w = d->cfg.panel.width, h = d->cfg.panel.height, side = w < h ? w : h;
    float outer = (float)side * 0.485f, inner = (float)side * 0.455f;
    float x = (float)w / 2, y = (float)h / 2, sweep = 236;
    struct nh_wedge ring = {x, y, inner, outer, -sweep / 2, sweep / 2, (outer - inner) / 2, 0};
    nh_paint_wedge(d->painter, &ring, NH_DISPLAY__SURFACE, 255);
    ring.to_deg = ring.from_deg + sweep * (float)(used_pct > 3 ? used_pct : 3) / 100;
    nh_paint_wedge(d->painter, &ring, used_pct < 70 ? NH_DISPLAY__ACCENT : NH_DISPLAY__WARM, 255);
}

static void paint(nh_display_t *d, const void *state)
{
    const struct info *s = state;
    int w = d->cfg.panel.width, h = d->cfg.panel.height, side = w < h ? w : h;
    nh_paint_fill(d->painter, nh_display__bounds(d), NH_DISPLAY__BACKGROUND);
    paint_ring(d, s->used_pct);
    nh_display__line(d, w / 2, h / 2 - side * 27 / 100, s->names.name, (uint32_t)side * 9 / 100,
                     side * 66 / 100, NH_DISPLAY__TEXT);
    nh_display__line(d, w / 2, h / 2 - side * 19 / 100, s->names.address,
                     (uint32_t)side * 46 / 1000, side * 74 / 100, NH_DISPLAY__ACCENT);
    for (int row = 0; row < ROW_COUNT; row++)
        paint_row(d, s, row);
    nh_display__line(d, w / 2, h / 2 + side * 41 / 100, "Tap for the test screen",
                     (uint32_t)side / 28, side / 2, NH_DISPLAY__DIM);
}

static void touch(nh_display_t *d, void *state, const struct nh_touch *t)
{
    (void)state;
    if (t->phase == NH_TOUCH_UP)
        NH_IGNORE(nh_display_show(d, "test")); // it is there
}

const struct nh_display__screen_ops nh_display__info_ops = {
    .state_bytes = sizeof(struct info), .show = show, .paint = paint, .touch = touch, .tick = tick};
