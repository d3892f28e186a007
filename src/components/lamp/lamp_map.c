#include "components/lamp/lamp_map.h"

struct nh_lamp_map {
    nh_mem_t *mem;
    uint16_t width, height;
    uint16_t *to_chain; // behind to_canvas, in the same block
    uint16_t to_canvas[];
};

// An index has to fit the tables.
_Static_assert(NH_FX_SIDE_MAX *NH_FX_SIDE_MAX <= 65536, "indices are 16 bits");

struct place {
    uint32_t x, y;
};

// ---- configuration -----------------------------------------------------------------------------

static int refuse(struct nh_lamp_fault *fault, const char *field, uint32_t value, uint32_t limit,
                  const char *text)
{
    if (fault)
        *fault = (struct nh_lamp_fault){field, value, limit, text};
    return NH_ERR_RANGE;
}

static uint32_t or_one(uint16_t count)
{
    return count ? count : 1;
}

static bool is_sideways(const struct nh_lamp_map_config *cfg)
{
    return cfg->rotation_deg == 90 || cfg->rotation_deg == 270;
}

// The whole as it is wired, before the rotation.
static struct place wired_size(const struct nh_lamp_map_config *cfg)
{
    if (is_sideways(cfg))
        return (struct place){cfg->height, cfg->width};
    return (struct place){cfg->width, cfg->height};
}

static int check_side(struct nh_lamp_fault *fault, const char *field, uint32_t side)
{
    if (side < 1)
        return refuse(fault, field, side, 1, "is too small");
    if (side > NH_FX_SIDE_MAX)
        return refuse(fault, field, side, NH_FX_SIDE_MAX, "is too large");
    return NH_OK;
}

int nh_lamp_map_check(const struct nh_lamp_map_config *cfg, struct nh_lamp_fault *fault)
{
    int err = check_side(fault, "width", cfg->width);
    if (err == NH_OK)
        err = check_side(fault, "height", cfg->height);
    if (err < 0)
        return err;
    if (cfg->rotation_deg > 270 || cfg->rotation_deg % 90 != 0)
        return refuse(fault, "rotation_deg", cfg->rotation_deg, 270, "is not 0, 90, 180 or 270");
    struct place size = wired_size(cfg);
    if (size.x % or_one(cfg->panel_columns) != 0)
        return refuse(fault, "panel_columns", cfg->panel_columns, size.x,
                      is_sideways(cfg) ? "does not divide the height (the lamp is turned)"
                                       : "does not divide the width");
    if (size.y % or_one(cfg->panel_rows) != 0)
        return refuse(fault, "panel_rows", cfg->panel_rows, size.y,
                      is_sideways(cfg) ? "does not divide the width (the lamp is turned)"
                                       : "does not divide the height");
    if (cfg->panels.start > NH_LAMP_TOP_RIGHT || cfg->leds.start > NH_LAMP_TOP_RIGHT)
        return refuse(fault, "start", cfg->panels.start | cfg->leds.start, NH_LAMP_TOP_RIGHT,
                      "is no corner");
    return NH_OK;
}

// ---- the walks ---------------------------------------------------------------------------------

struct step {
    uint32_t index;
    bool is_second; // on every second line
};

// Where a walk over a grid of `size` comes to `at`.
static struct step walk(const struct nh_lamp_walk *w, struct place size, struct place at)
{
    if (w->start == NH_LAMP_BOTTOM_RIGHT || w->start == NH_LAMP_TOP_RIGHT)
        at.x = size.x - 1 - at.x;
    if (w->start == NH_LAMP_TOP_LEFT || w->start == NH_LAMP_TOP_RIGHT)
        at.y = size.y - 1 - at.y;
    uint32_t line = w->by_columns ? at.x : at.y;
    uint32_t along = w->by_columns ? at.y : at.x;
    uint32_t length = w->by_columns ? size.y : size.x;
    if (w->is_serpentine && line % 2 == 1)
        along = length - 1 - along;
    return (struct step){line * length + along, line % 2 == 1};
}

static struct place rotate(const struct nh_lamp_map_config *cfg, uint32_t x, uint32_t y)
{
    switch (cfg->rotation_deg) {
    case 90:
        return (struct place){y, cfg->width - 1u - x};
    case 180:
        return (struct place){cfg->width - 1u - x, cfg->height - 1u - y};
    case 270:
        return (struct place){cfg->height - 1u - y, x};
    default:
        return (struct place){x, y};
    }
}

static uint32_t chain_index(const struct nh_lamp_map_config *cfg, uint32_t x, uint32_t y)
{
    struct place size = wired_size(cfg);
    struct place at = rotate(cfg, x, y);
    struct place grid = {or_one(cfg->panel_columns), or_one(cfg->panel_rows)};
    struct place panel = {size.x / grid.x, size.y / grid.y};
    struct place led = {at.x % panel.x, at.y % panel.y};
    struct step p = walk(&cfg->panels, grid, (struct place){at.x / panel.x, at.y / panel.y});
    if (cfg->turns_panels && p.is_second)
        led = (struct place){panel.x - 1 - led.x, panel.y - 1 - led.y};
    return p.index * panel.x * panel.y + walk(&cfg->leds, panel, led).index;
}

// ---- the tables --------------------------------------------------------------------------------

int nh_lamp_map_create(const struct nh_lamp_map_config *cfg, struct nh_lamp_fault *fault,
                       nh_lamp_map_t **out)
{
    *out = NULL;
    int err = nh_lamp_map_check(cfg, fault);
    if (err < 0)
        return err;
    uint32_t count = (uint32_t)cfg->width * cfg->height;
    nh_lamp_map_t *m =
        nh_mem_alloc(cfg->mem, sizeof *m + sizeof m->to_canvas[0] * 2 * count, NH_MEM_BULK);
    if (!m)
        return NH_ERR_NOMEM;
    m->mem = cfg->mem;
    m->width = cfg->width;
    m->height = cfg->height;
    m->to_chain = m->to_canvas + count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = chain_index(cfg, i % cfg->width, i / cfg->width);
        m->to_chain[i] = (uint16_t)at;
        m->to_canvas[at] = (uint16_t)i;
    }
    *out = m;
    return NH_OK;
}

void nh_lamp_map_destroy(nh_lamp_map_t *m)
{
    if (m)
        nh_mem_free(m->mem, m);
}

uint32_t nh_lamp_map_count(const nh_lamp_map_t *m)
{
    return (uint32_t)m->width * m->height;
}

uint16_t nh_lamp_map_width(const nh_lamp_map_t *m)
{
    return m->width;
}

uint16_t nh_lamp_map_height(const nh_lamp_map_t *m)
{
    return m->height;
}

const uint16_t *nh_lamp_map_to_canvas(const nh_lamp_map_t *m)
{
    return m->to_canvas;
}

const uint16_t *nh_lamp_map_to_chain(const nh_lamp_map_t *m)
{
    return m->to_chain;
}

uint32_t nh_lamp_map_index(const nh_lamp_map_t *m, int32_t x, int32_t y)
{
    if (x < 0 || y < 0 || x >= m->width || y >= m->height)
        return 0;
    return m->to_chain[(uint32_t)y * m->width + (uint32_t)x];
}
