// colors.h - at most 255 colours that stand for all of an animation: each as it is where there are
// no more, else the means of boxes that are cut where colours are many (median cut).

#ifndef NH_LAMP_TOOL_COLORS_H
#define NH_LAMP_TOOL_COLORS_H

#include "components/lamp/fx/fx.h"
#include "core/mem/mem.h"

typedef struct nh_colors nh_colors_t;

NH_MUST_USE int nh_colors_create(nh_mem_t *mem, nh_colors_t **out); // some 900 KiB
void nh_colors_destroy(nh_colors_t *c);                             // NULL: nothing
// Counts the pixels of a frame. Before choose().
void nh_colors_add(nh_colors_t *c, const nh_px_t *px, size_t count);
// Chooses at most `max` (up to 255) colours; returns how many, 1 at least.
uint16_t nh_colors_choose(nh_colors_t *c, uint16_t max);
const nh_px_t *nh_colors_list(const nh_colors_t *c);
// The number of the colour that stands for `p`, which was counted.
uint8_t nh_colors_index(const nh_colors_t *c, nh_px_t p);

#endif
