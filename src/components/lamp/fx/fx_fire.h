// fx_fire.h - what the fire is made of; shared by its steps (fx_fire.c, fx_fire_parts.c) and its
// painting (fx_fire_draw.c).
//
// A field of heat rises row by row and cools; the profile of its tips is drawn larger than it is;
// jets, islands, petals and sparks come and go. Figures are those of the reference lamp, 16 x 48;
// on another size rows and columns are measured in units of it, so that the picture keeps its
// proportions. x goes around the lamp. Source: docs/lamp-effects.md, section Fire.

#ifndef NH_LAMP_FX_FIRE_H
#define NH_LAMP_FX_FIRE_H

#include "components/lamp/fx/fx.h"

#define NH_FIRE_STEP_MS 40
#define NH_FIRE_ROWS 48    // of the reference lamp
#define NH_FIRE_COLUMNS 16 // a part of the lamp that has so many tongues, petals ... as written
#define NH_FIRE_TONGUES_MAX 32
#define NH_FIRE_JETS_MAX 8
#define NH_FIRE_ISLANDS_MAX 12
#define NH_FIRE_PETALS_MAX 24
#define NH_FIRE_SPARKS_MAX 48

// Lengths: Q8 cells, 256 a cell. Times: ms or steps as named. `life_steps` 0: not there.
struct nh_fire_tongue {
    int32_t x;
    uint8_t width, power; // cells
    int16_t left_ms;
};
struct nh_fire_jet {
    uint8_t x, width, life_steps;
};
struct nh_fire_island {
    int32_t x, y, dx, dy; // moves a step
    int32_t radius;
    uint16_t age_steps, life_steps;
    uint32_t shape;
};
struct nh_fire_petal {
    int32_t x, y, dx, dy;
    uint16_t life_steps, life_all;
    uint32_t shape;
};
struct nh_fire_spark {
    int32_t x, y, dx, dy;
    uint16_t life_steps, life_all;
    nh_px_t color;
    uint8_t tail;
};
struct nh_fire_column {
    uint8_t bias;
    int16_t drive, drive_target, drive_left_ms;
    int32_t tip;      // filtered
    int16_t shift[2]; // how much higher the flame is drawn: after this step, the one before
};

struct nh_fire {
    uint32_t seed, n; // n: the last step made
    uint32_t unit;    // Q8: a row of the reference lamp in rows of this one
    uint32_t wide;    // Q8: a column, never under 1
    uint8_t now;      // which of the two fields is the newest; the other is a step older
    int32_t wind, wind_target, wind_left_ms, gust_left_ms;
    int32_t spark_left_ms;
    struct nh_fire_tongue tongue[NH_FIRE_TONGUES_MAX];
    struct nh_fire_jet jet[NH_FIRE_JETS_MAX];
    struct nh_fire_island island[NH_FIRE_ISLANDS_MAX];
    struct nh_fire_petal petal[NH_FIRE_PETALS_MAX];
    struct nh_fire_spark spark[NH_FIRE_SPARKS_MAX];
    uint8_t tongue_count, jet_max, island_max, petal_max, spark_max; // for this width
    struct nh_fire_column column[NH_FX_SIDE_MAX];
    uint8_t heat[]; // two fields of width * height
};

// The middle of row y in Q8 rows of the reference lamp.
static inline int32_t nh_fire_row(uint32_t y, uint32_t height)
{
    int32_t middle = (int32_t)((2 * y + 1) * (NH_FIRE_ROWS * 128u) / height) - 128;
    return middle < 0 ? 0 : middle;
}

static inline const uint8_t *nh_fire_field(const struct nh_fire *s, const struct nh_fx_canvas *size,
                                           unsigned which)
{
    return s->heat + (size_t)which * size->width * size->height;
}

// Envelope of an island, 0 to 255: a triangle, squared.
static inline uint32_t nh_fire_envelope(const struct nh_fire_island *i)
{
    uint32_t half = i->life_steps / 2u;
    uint32_t age = i->age_steps < half ? i->age_steps : i->life_steps - i->age_steps;
    uint32_t up = half ? 255u * age / half : 0;
    up = up > 255 ? 255 : up;
    return up * up / 255u;
}

struct nh_fx_random;
// fx_fire_parts.c: one step of what comes and goes. `heat` is the newest field.
void nh_fire__wind(struct nh_fire *s, struct nh_fx_random *r);
void nh_fire__tongues(struct nh_fire *s, struct nh_fx_random *r, uint16_t width);
void nh_fire__jets(struct nh_fire *s, struct nh_fx_random *r, uint16_t width);
void nh_fire__islands(struct nh_fire *s, struct nh_fx_random *r, const struct nh_fx_canvas *size,
                      uint8_t *heat);
void nh_fire__petals(struct nh_fire *s, struct nh_fx_random *r, const struct nh_fx_canvas *size);
void nh_fire__sparks(struct nh_fire *s, struct nh_fx_random *r, const struct nh_fx_canvas *size);

// fx_fire_draw.c
void nh_fire__draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                   uint32_t seed);

#endif
