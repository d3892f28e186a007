// fx_fire_parts.c - what comes and goes in the fire: wind, tongues, jets, islands, petals, sparks.

#include "components/lamp/fx/fx_fire.h"
#include "components/lamp/fx/fx_math.h"
#include "components/lamp/fx/fx_random.h"

#define WIND 120 // Q8 cells a step
#define GUST 250
#define WIND_RESPONSE 28 // of 255
#define JET_STEPS 25

// Q8 lengths of the reference lamp on this one, up and to the side.
static int32_t up(const struct nh_fire *s, int32_t q8)
{
    return q8 * (int32_t)s->unit / 256;
}

static int32_t side(const struct nh_fire *s, int32_t q8)
{
    return q8 * (int32_t)s->wide / 256;
}

static int32_t draw(struct nh_fx_random *r, int32_t low, int32_t high)
{
    return nh_fx_between(nh_fx_random_next(r), low, high);
}

static bool chance(struct nh_fx_random *r, uint32_t one_in)
{
    return nh_fx_one_in(nh_fx_random_next(r), one_in);
}

void nh_fire__wind(struct nh_fire *s, struct nh_fx_random *r)
{
    s->wind_left_ms -= NH_FIRE_STEP_MS;
    s->gust_left_ms -= NH_FIRE_STEP_MS;
    if (s->wind_left_ms <= 0) {
        s->wind_target = draw(r, -WIND, WIND);
        s->wind_left_ms = draw(r, 80, 179);
    }
    if (s->gust_left_ms <= 0) {
        s->wind += draw(r, -GUST, GUST);
        s->gust_left_ms = draw(r, 1200, 3000);
    }
    s->wind += (s->wind_target - s->wind) * WIND_RESPONSE / 255;
}

void nh_fire__tongues(struct nh_fire *s, struct nh_fx_random *r, uint16_t width)
{
    for (unsigned i = 0; i < s->tongue_count; i++) {
        struct nh_fire_tongue *t = &s->tongue[i];
        t->left_ms = (int16_t)(t->left_ms - NH_FIRE_STEP_MS);
        if (t->left_ms <= 0) {
            if (!t->width) // its first: anywhere
                t->x = draw(r, 0, width * 256 - 1);
            t->width = (uint8_t)(side(s, draw(r, 3, 6) * 256) / 256);
            t->power = (uint8_t)draw(r, 80, 190);
            t->left_ms = (int16_t)draw(r, 260, 1360);
        }
        t->x = nh_fx_wrap(t->x + side(s, draw(r, -22, 22)), width * 256);
    }
}

void nh_fire__jets(struct nh_fire *s, struct nh_fx_random *r, uint16_t width)
{
    for (unsigned i = 0; i < s->jet_max; i++) {
        struct nh_fire_jet *j = &s->jet[i];
        if (j->life_steps) {
            j->life_steps--;
        } else if (chance(r, 22)) {
            j->x = (uint8_t)draw(r, 0, width - 1);
            j->width = (uint8_t)(side(s, draw(r, 2, 4) * 256) / 256);
            j->life_steps = JET_STEPS;
        }
    }
}

// ---- hot islands: warm places that wander in the flame

static void island_begin(struct nh_fire *s, struct nh_fx_random *r, struct nh_fire_island *i,
                         uint16_t width)
{
    *i = (struct nh_fire_island){
        .x = draw(r, 0, width * 256 - 1),
        .y = up(s, draw(r, 6 * 256, 15 * 256)),
        .radius = side(s, draw(r, 256, 3 * 256)),
        .life_steps = (uint16_t)draw(r, 100, 180),
        .shape = nh_fx_random_next(r),
    };
}

static void island_move(struct nh_fire *s, struct nh_fx_random *r, struct nh_fire_island *i,
                        uint16_t width)
{
    int32_t low = up(s, 6 * 256), high = up(s, 15 * 256);
    i->dx = nh_fx_clamp(i->dx + draw(r, -6, 6), -45, 45);
    i->dy = nh_fx_clamp(i->dy + draw(r, -4, 4), -25, 25);
    i->x = nh_fx_wrap(i->x + side(s, i->dx), width * 256);
    i->y += up(s, i->dy);
    if (i->y < low || i->y > high) {
        i->dy = -i->dy;
        i->y = nh_fx_clamp(i->y, low, high);
    }
}

// Adds heat in a disc with a ragged edge.
static void island_heat(const struct nh_fire_island *i, const struct nh_fx_canvas *size,
                        uint8_t *heat)
{
    int32_t k = (int32_t)nh_fire_envelope(i), radius = i->radius * k / 255 + 128;
    int32_t reach = radius / 256 + 1, cx = i->x >> 8, cy = i->y >> 8;
    for (int32_t y = nh_fx_max(cy - reach, 0); y <= nh_fx_min(cy + reach, size->height - 1); y++)
        for (int32_t x = cx - reach; x <= cx + reach; x++) {
            int32_t dx = x * 256 - i->x, dy = y * 256 - i->y;
            int32_t d = (int32_t)nh_fx_isqrt((uint32_t)(dx * dx + dy * dy));
            uint32_t edge = nh_fx_at(i->shape, (uint32_t)(y * 512 + x + 256)) >> 24;
            if (d + (int32_t)edge / 2 >= radius)
                continue;
            uint8_t *at = &heat[y * size->width + nh_fx_wrap(x, size->width)];
            *at = nh_fx_u8(*at + 100 * k / 255);
        }
}

void nh_fire__islands(struct nh_fire *s, struct nh_fx_random *r, const struct nh_fx_canvas *size,
                      uint8_t *heat)
{
    bool is_new = chance(r, 24);
    for (unsigned k = 0; k < s->island_max; k++) {
        struct nh_fire_island *i = &s->island[k];
        if (i->life_steps) {
            island_move(s, r, i, size->width);
            island_heat(i, size, heat);
            if (++i->age_steps >= i->life_steps)
                i->life_steps = 0;
        } else if (is_new) {
            island_begin(s, r, i, size->width);
            is_new = false;
        }
    }
}

// ---- petals: pieces of flame that come off the tips

static bool is_jet_on(const struct nh_fire *s)
{
    for (unsigned i = 0; i < s->jet_max; i++)
        if (s->jet[i].life_steps)
            return true;
    return false;
}

static void petal_begin(struct nh_fire *s, struct nh_fx_random *r, struct nh_fire_petal *p,
                        int32_t x)
{
    uint16_t life = (uint16_t)draw(r, 140, 260);
    *p = (struct nh_fire_petal){
        .x = x * 256,
        .y = s->column[x].tip + nh_fx_max(s->column[x].shift[0], 0),
        .dx = side(s, s->wind * 120 / 255 + draw(r, -40, 40)),
        .dy = up(s, draw(r, 210, 299)),
        .life_steps = life,
        .life_all = life,
        .shape = nh_fx_random_next(r),
    };
}

static void petals_spawn(struct nh_fire *s, struct nh_fx_random *r, uint16_t width)
{
    bool jet = is_jet_on(s);
    for (unsigned look = 0; look < 3; look++) {
        int32_t x = draw(r, 0, width - 1), tip = s->column[x].tip;
        int32_t left = s->column[nh_fx_wrap(x - 1, width)].tip;
        int32_t right = s->column[nh_fx_wrap(x + 1, width)].tip;
        bool stands_out = nh_fx_abs(tip - (left + right) / 2) >= up(s, 2 * 256);
        if (tip < up(s, 8 * 256) || !(stands_out || jet) || !chance(r, 15))
            continue;
        for (unsigned i = 0; i < s->petal_max; i++)
            if (!s->petal[i].life_steps) {
                petal_begin(s, r, &s->petal[i], x);
                break;
            }
    }
}

void nh_fire__petals(struct nh_fire *s, struct nh_fx_random *r, const struct nh_fx_canvas *size)
{
    for (unsigned i = 0; i < s->petal_max; i++) {
        struct nh_fire_petal *p = &s->petal[i];
        if (!p->life_steps)
            continue;
        p->x = nh_fx_wrap(p->x + p->dx, size->width * 256);
        p->y += p->dy;
        p->life_steps--;
        if (p->y >= size->height * 256)
            p->life_steps = 0;
    }
    petals_spawn(s, r, size->width);
}

// ---- sparks: salts in the wood

static void spark_begin(struct nh_fire *s, struct nh_fx_random *r, struct nh_fire_spark *p,
                        uint16_t width)
{
    static const nh_px_t salts[] = {NH_PX(10, 40, 220), NH_PX(10, 170, 200), NH_PX(10, 220, 50)};
    uint16_t life = (uint16_t)draw(r, 30, 75);
    *p = (struct nh_fire_spark){
        .x = draw(r, 0, width * 256 - 1),
        .y = up(s, draw(r, 0, 2 * 256)),
        .dx = side(s, draw(r, -50, 50)),
        .dy = up(s, draw(r, 140, 260)),
        .life_steps = life,
        .life_all = life,
        .color = salts[draw(r, 0, 2)],
        .tail = (uint8_t)(chance(r, 2) ? draw(r, 1, 2) : 0),
    };
}

void nh_fire__sparks(struct nh_fire *s, struct nh_fx_random *r, const struct nh_fx_canvas *size)
{
    // One every 2.5 to 8 s for each 16 columns.
    s->spark_left_ms -= NH_FIRE_STEP_MS * nh_fx_max(size->width / NH_FIRE_COLUMNS, 1);
    for (unsigned i = 0; i < s->spark_max; i++) {
        struct nh_fire_spark *p = &s->spark[i];
        if (p->life_steps) {
            p->x = nh_fx_wrap(p->x + p->dx, size->width * 256);
            p->y += p->dy;
            p->life_steps--;
        } else if (s->spark_left_ms <= 0) {
            spark_begin(s, r, p, size->width);
            s->spark_left_ms += draw(r, 2500, 8000);
        }
    }
}
