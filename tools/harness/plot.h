// plot.h - pictures of a run and of two: SVG files that are readable in light and dark.

#ifndef NH_HARNESS_PLOT_H
#define NH_HARNESS_PLOT_H

#include "harness/figures.h"

#include <stdio.h>

struct nh_harness_plot {
    const char *title;      // "S6 A browser"
    const char *sub;        // "firmware v1.5.0, 2026-01-09 12:00 UTC"
    uint64_t hin_min_limit; // drawn as a line; 0: none
    uint64_t frag_limit;    // likewise
};

// Free, least and largest internal memory over time, fragmentation below, a mark for each tag, the
// tripwire and a panic. NH_ERR_NOT_FOUND: no row to draw; a picture that says so was written.
int nh_harness_plot_run(FILE *out, const struct nh_harness_figures *f,
                        const struct nh_harness_plot *p);

// For each tag of either run the least internal memory in both, one above the other.
void nh_harness_plot_compare(FILE *out, const struct nh_harness_figures *a,
                             const struct nh_harness_figures *b, const char *name_a,
                             const char *name_b);

#endif
