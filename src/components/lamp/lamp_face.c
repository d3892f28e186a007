// lamp_face.c - the genie's face: shapes with soft edges, in cells of the canvas it stands on.
//
// Lengths are Q8 cells from the middle of the head, up and to the right. x goes around the lamp.

#include "components/lamp/lamp_face.h"
#include "components/lamp/fx/fx_math.h"

#define CELL 256
#define SMALL (6 * CELL) // radius under which single cells count: nothing floats, no outline

// A circle around the middle of the head: how far inside of it a cell is, without a root.
struct circle {
    int32_t square, inverse;
};

struct geometry {
    int32_t cx, cy; // the middle, Q8 cells of the canvas; the middle of cell 0 is 0
    int32_t radius;
    int32_t eye_x, eye_y, eye_w, eye_h; // middle, half sides
    int32_t mouth_y, mouth_w;           // middle, half width
    int32_t line;                       // half of a line's thickness
    int32_t reach_x, reach_y;           // cells around the middle that can be touched
    struct circle head, pulse;
    int32_t shell, far; // squares: nothing but the head's inside under it; nothing beyond
};

// ---- measures

// Half of `n` whole cells that are next to `q8`; at least half a cell.
static int32_t half_cells(int32_t q8)
{
    return nh_fx_max((2 * q8 + CELL / 2) / CELL, 1) * (CELL / 2);
}

// The place next to `q8` at which a thing of `half` size covers whole cells, counted from the
// border between two cells.
static int32_t on_grid(int32_t q8, int32_t half)
{
    int32_t off = half % CELL;
    return (q8 - off + CELL / 2) / CELL * CELL + off;
}

// Where on its way from one cell to the next it stands: nearly always on one, so that a small face
// at rest is sharp.
static int32_t settle(int32_t q8)
{
    uint8_t k = nh_fx_ease8(nh_fx_ease8((uint8_t)(q8 & 255)));
    return (q8 & ~255) + k + (k == 255);
}

static struct circle circle_of(int32_t radius)
{
    return (struct circle){radius * radius, (1 << 24) / (2 * radius)};
}

// Q8 cells; (r^2 - d^2) / 2r is r - d where it counts, at the edge.
static int32_t depth(const struct circle *c, int32_t square)
{
    int64_t v = (int64_t)(c->square - square) * c->inverse / (1 << 24);
    return v > INT32_MAX / 2 ? INT32_MAX / 2 : v < -INT32_MAX / 2 ? -INT32_MAX / 2 : (int32_t)v;
}

static struct geometry geometry_of(const struct nh_lamp__face *f, const struct nh_fx_canvas *c)
{
    struct geometry g;
    int32_t fits = nh_fx_min(c->height * CELL * 45 / 100, c->width * CELL * 30 / 100);
    g.radius = nh_fx_max(fits * (int32_t)f->size_pct / 100, CELL);
    bool is_small = g.radius < SMALL;
    // 180 degrees is the border between the two middle columns.
    int32_t x = (int32_t)(((uint64_t)f->angle * c->width + (1u << 23)) >> 24);
    g.cx = (g.radius < 2 * SMALL ? settle(x) : x) - CELL / 2;
    g.cy = c->height * CELL / 2 - CELL / 2;
    if (!is_small && c->height * CELL > 3 * g.radius)
        g.cy += nh_fx_sin(f->drift) * (g.radius / 12) / 32768;
    g.eye_w = half_cells(g.radius * 11 / 100);
    g.eye_h = half_cells(nh_fx_max(g.radius * 19 / 100, CELL));
    g.eye_x = on_grid(g.radius * 42 / 100, g.eye_w);
    g.eye_y = on_grid(g.radius * 25 / 100, g.eye_h);
    g.mouth_w = nh_fx_max((g.radius * 42 / 100 + CELL / 2) / CELL, 1) * CELL;
    g.line = is_small ? CELL / 2 : nh_fx_max(g.radius * 8 / 100, CELL * 6 / 10);
    g.mouth_y = -on_grid(g.radius * 42 / 100, CELL / 2);
    int32_t out = g.radius + (g.radius / 2 * f->pulse_at >> 16);
    int32_t edge = (f->pulse ? out : g.radius) + g.line + CELL, core = g.radius - g.line - CELL;
    g.head = circle_of(g.radius);
    g.pulse = circle_of(out);
    g.shell = core > 0 ? core * core : 0;
    g.far = edge * edge;
    g.reach_x = nh_fx_min(edge / CELL + 1, c->width / 2);
    g.reach_y = edge / CELL + 1;
    return g;
}

// ---- shapes: how much of a cell they cover, of 256

static uint32_t cover(int32_t inside)
{
    return (uint32_t)nh_fx_clamp(inside + CELL / 2, 0, CELL);
}

// The part of the cell around `v` that lies between `low` and `high`.
static uint32_t span(int32_t v, int32_t low, int32_t high)
{
    int32_t a = nh_fx_max(v - CELL / 2, low), b = nh_fx_min(v + CELL / 2, high);
    return (uint32_t)nh_fx_max(b - a, 0);
}

static uint32_t eyes_at(const struct geometry *g, const struct nh_lamp__face *f, int32_t x,
                        int32_t y)
{
    int32_t half_h = nh_fx_max(g->eye_h * (int32_t)f->eye_open / 256, CELL / 6);
    int32_t look = g->radius < SMALL ? 0 : f->gaze * (g->radius / 8) / 256;
    int32_t dx = nh_fx_abs(x - look) - g->eye_x, dy = y - g->eye_y;
    if (nh_fx_abs(dx) > g->eye_w + CELL || nh_fx_abs(dy) > half_h + CELL)
        return 0;
    if (g->eye_w <= CELL)
        return span(dx, -g->eye_w, g->eye_w) * span(dy, -half_h, half_h) / 256u;
    // Large enough to be round.
    int32_t ex = dx * 256 / g->eye_w, ey = dy * 256 / half_h;
    int32_t d = (int32_t)nh_fx_isqrt((uint32_t)(ex * ex + ey * ey));
    return cover((256 - d) * nh_fx_min(g->eye_w, half_h) / 256);
}

// A smile that opens: corners up, the lower lip goes down with the voice. Gives the lips, and in
// `*inside` what is seen between them.
static uint32_t mouth_at(const struct geometry *g, const struct nh_lamp__face *f, int32_t x,
                         int32_t y, uint32_t *inside)
{
    int32_t ax = nh_fx_abs(x), w = g->mouth_w;
    *inside = 0;
    if (ax >= w + CELL / 2 || nh_fx_abs(y - g->mouth_y) > g->radius / 2 + CELL)
        return 0;
    int32_t part = nh_fx_min(ax, w) * 256 / w, square = part * part / 256; // of 256
    int32_t curl = nh_fx_max(g->radius * 22 / 100, CELL) * (256 - (int32_t)f->mouth / 2) / 256;
    int32_t rise = curl * square / 256;
    if (g->radius < SMALL) // the corners a whole cell up
        rise = ax > w - CELL && f->mouth < 128 ? CELL : 0;
    int32_t middle = g->mouth_y + rise;
    int32_t open = (int32_t)f->mouth * (g->radius * 40 / 100) / 256 * (256 - square) / 256;
    int32_t low = middle - g->line - open * 7 / 10, high = middle + g->line + open * 3 / 10;
    uint32_t across = span(ax, -w, w);
    if (g->radius >= SMALL)
        *inside = span(y, low + 2 * g->line, high - 2 * g->line) * across / 256u;
    return across * span(y, low, high) / 256u;
}

// ---- painting

static void blend(struct nh_fx_canvas *c, uint32_t at, nh_px_t color, uint32_t alpha,
                  enum nh_lamp_blend how)
{
    nh_px_t *p = &c->px[at];
    alpha = alpha > 256 ? 256 : alpha;
    if (how == NH_LAMP_BLEND_ADD)
        *p = nh_px_add(*p, nh_px_scale(color, alpha));
    else if (how == NH_LAMP_BLEND_MAX)
        *p = nh_px_brighter(*p, nh_px_scale(color, alpha));
    else
        *p = nh_px_mix(*p, color, alpha);
}

// The head's outline, and the ring that leaves it.
static uint32_t outline_at(const struct geometry *g, const struct nh_lamp__face *f, int32_t square)
{
    uint32_t ring = cover(g->line - nh_fx_abs(depth(&g->head, square))) * f->ring / 256u;
    uint32_t left = f->pulse * (65535u - f->pulse_at) / 65536u;
    uint32_t pulse = cover(g->line - nh_fx_abs(depth(&g->pulse, square))) * left / 256u;
    return ring > pulse ? ring : pulse;
}

static void features_draw(const struct geometry *g, const struct nh_lamp__face *f,
                          struct nh_fx_canvas *c, uint32_t at, int32_t x, int32_t y)
{
    uint32_t inside_mouth, eyes = eyes_at(g, f, x, y), mouth = mouth_at(g, f, x, y, &inside_mouth);
    mouth -= inside_mouth;
    uint32_t k = eyes > mouth ? eyes : mouth;
    if (k)
        blend(c, at, f->color, k * f->alpha / 256u, f->blend);
    if (inside_mouth)
        blend(c, at, nh_px_scale(f->color, 70), inside_mouth * f->alpha / 256u, f->blend);
}

static void head_cell(const struct geometry *g, const struct nh_lamp__face *f,
                      struct nh_fx_canvas *c, uint32_t at, int32_t x, int32_t y)
{
    int32_t square = x * x + y * y;
    if (square > g->far)
        return;
    bool is_core = square < g->shell;
    uint32_t inside = (is_core ? 256u : cover(depth(&g->head, square))) * f->alpha / 256u;
    if (inside) {
        c->px[at] = nh_px_scale(c->px[at], 256u - inside * (256u - f->base) / 256u);
        blend(c, at, f->skin, inside * 20u / 256u, f->blend);
    }
    if (!is_core)
        blend(c, at, f->skin, outline_at(g, f, square) * f->alpha / 256u, f->blend);
    if (inside)
        features_draw(g, f, c, at, x, y);
}

static void wisp_row(const struct nh_lamp__face *f, struct nh_fx_canvas *c, int32_t y, int32_t x0,
                     int32_t half, uint32_t alpha)
{
    int32_t reach = half / CELL + 1;
    for (int32_t x = (x0 >> 8) - reach; x <= (x0 >> 8) + reach + 1; x++) {
        uint32_t k = cover(half - nh_fx_abs(x * CELL - x0));
        if (k && y >= 0 && y < c->height)
            blend(c, (uint32_t)(y * c->width + nh_fx_wrap(x, c->width)), f->skin, k * alpha / 256u,
                  f->blend);
    }
}

// On a tall lamp the genie has a wisp that leads down to where it came from, and a tuft of hair.
static void wisp_draw(const struct geometry *g, const struct nh_lamp__face *f,
                      struct nh_fx_canvas *c)
{
    int32_t top = g->cy - g->radius + CELL / 2, tuft = g->radius * 9 / 10;
    uint32_t alpha = f->alpha * f->ring / 256u;
    if (top < 3 * g->radius)
        return;
    for (int32_t y = 0; y * CELL < top; y++) {
        int32_t part = y * CELL * 256 / top; // 0 at the bottom, 256 at the head
        uint16_t sway = (uint16_t)(f->drift * 2u + (uint32_t)part * 230u);
        int32_t wide = g->radius * (256 - part) / 512 * part / 128;
        int32_t half = g->radius / 6 + g->radius * 4 / 10 * part / 256 * part / 256;
        wisp_row(f, c, y, g->cx + nh_fx_sin(sway) / 8 * wide / 4096, half,
                 alpha * (uint32_t)(60 + part * 3 / 4) / 256u);
    }
    int32_t crown = g->cy + g->radius;
    for (int32_t y = crown / CELL; y * CELL < crown + tuft; y++) {
        int32_t part = nh_fx_max(y * CELL - crown, 0) * 256 / tuft;
        int32_t lean =
            nh_fx_sin((uint16_t)(f->drift * 2u)) / 8 * (g->radius / 2 * part / 256) / 4096;
        wisp_row(f, c, y, g->cx + lean, g->radius * (256 - part) / 1024 + CELL / 4,
                 alpha * (uint32_t)(256 - part / 2) / 256u);
    }
}

void nh_lamp__face_draw(const struct nh_lamp__face *f, struct nh_fx_canvas *c)
{
    const struct geometry g = geometry_of(f, c);
    int32_t mx = g.cx >> 8, my = g.cy >> 8;
    // No column twice, however large the face.
    int32_t x1 = nh_fx_min(mx + g.reach_x, mx - g.reach_x + c->width - 1);
    wisp_draw(&g, f, c);
    for (int32_t y = nh_fx_max(my - g.reach_y, 0); y <= nh_fx_min(my + g.reach_y, c->height - 1);
         y++)
        for (int32_t x = mx - g.reach_x; x <= x1; x++)
            head_cell(&g, f, c, (uint32_t)(y * c->width + nh_fx_wrap(x, c->width)), x * CELL - g.cx,
                      y * CELL - g.cy);
}
