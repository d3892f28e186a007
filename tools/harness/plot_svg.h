// plot_svg.h - what both pictures share: the head with the colours, text, scales.

#ifndef NH_HARNESS_PLOT_SVG_H
#define NH_HARNESS_PLOT_SVG_H

#include "core/base/base.h"

#include <stdio.h>

#define NH_PLOT_WIDTH 960
#define NH_PLOT_LEFT 66
#define NH_PLOT_RIGHT 18

// Opens the picture and writes its title, for people and for readers of a screen.
void nh_harness_svg_begin(FILE *out, int height, const char *title, const char *sub);
void nh_harness_svg_end(FILE *out);

// A text of class `cls` ("t1", "t2", "t3", "bad"); what XML would take for its own is escaped.
void nh_harness_svg_text(FILE *out, double x, double y, const char *cls, const char *anchor,
                         const char *text);
void nh_harness_svg_escape(FILE *out, const char *text);

// The step between the lines of a scale from 0 to `max` that gives at most `lines` of them: 1, 2 or
// 5 times a power of ten, or with `is_bytes` a power of two.
uint64_t nh_harness_svg_step(uint64_t max, int lines, bool is_bytes);

#endif
