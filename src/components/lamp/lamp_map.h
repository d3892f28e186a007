// lamp_map.h - which LED of the chain lights which pixel of the canvas: panels, wiring, rotation.
//
// The chain is a walk over panels and, in each of them, a walk over its LEDs; both are told by the
// same three words. A table is made once, so that a frame needs no arithmetic.
//
//   canvas, y up        turned by rotation_deg      panels of the chain       LEDs of a panel
//   (what effects  ->   (how the lamp hangs)   ->   (walk `panels`)      ->   (walk `leds`)
//    draw on)

#ifndef NH_LAMP_MAP_H
#define NH_LAMP_MAP_H

#include "components/lamp/fx/fx.h"
#include "core/mem/mem.h"

enum nh_lamp_corner {
    NH_LAMP_BOTTOM_LEFT,
    NH_LAMP_BOTTOM_RIGHT,
    NH_LAMP_TOP_LEFT,
    NH_LAMP_TOP_RIGHT,
};

// From a corner, row after row (or column after column), each in the same direction or, as a
// serpentine, every second one back.
struct nh_lamp_walk {
    enum nh_lamp_corner start;
    bool by_columns, is_serpentine;
};

struct nh_lamp_map_config {
    nh_mem_t *mem;                      // borrowed; outlives the map
    uint16_t width, height;             // of the canvas: 1 to NH_FX_SIDE_MAX
    uint16_t panel_columns, panel_rows; // panels side by side and above each other; 0: 1
    struct nh_lamp_walk panels, leds;   // as seen before the rotation
    bool turns_panels;                  // every second line of panels is mounted upside down
    uint16_t rotation_deg;              // the picture is turned clockwise: 0, 90, 180 or 270
};

// What is wrong with a configuration of the lamp's hardware, for people.
struct nh_lamp_fault {
    const char *field;     // "panel_rows"; static
    uint32_t value, limit; // `limit`: what it would have to be, or to divide, or the nearest end
    const char *text;      // "does not divide the height"; static
};

typedef struct nh_lamp_map nh_lamp_map_t;

// Makes the tables, 4 bytes a pixel. NH_ERR_RANGE: see `fault` (may be NULL). NH_ERR_NOMEM. Then
// nothing was made and `*out` is NULL.
NH_MUST_USE int nh_lamp_map_create(const struct nh_lamp_map_config *cfg,
                                   struct nh_lamp_fault *fault, nh_lamp_map_t **out);
void nh_lamp_map_destroy(nh_lamp_map_t *m); // NULL: nothing

// The same judgement without a table.
NH_MUST_USE int nh_lamp_map_check(const struct nh_lamp_map_config *cfg,
                                  struct nh_lamp_fault *fault);

uint32_t nh_lamp_map_count(const nh_lamp_map_t *m);
uint16_t nh_lamp_map_width(const nh_lamp_map_t *m);
uint16_t nh_lamp_map_height(const nh_lamp_map_t *m);
// By the place of an LED in the chain, its pixel: an index of nh_fx_canvas.px; and the other way
// round. nh_lamp_map_count() entries each, valid until destroy.
const uint16_t *nh_lamp_map_to_canvas(const nh_lamp_map_t *m);
const uint16_t *nh_lamp_map_to_chain(const nh_lamp_map_t *m);
// The LED of a pixel; 0 for one outside of the canvas.
uint32_t nh_lamp_map_index(const nh_lamp_map_t *m, int32_t x, int32_t y);

#endif
