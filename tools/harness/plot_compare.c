#include "harness/plot.h"
#include "harness/plot_svg.h"

#include <inttypes.h>
#include <string.h>

#define NAMES_RIGHT 250.0 // tags stand left of it
#define CHANGE_LEFT 850.0 // differences right of it
#define TOP 96.0
#define ROW 20.0

struct compare {
    const struct nh_harness_figures *a, *b;
    uint64_t max;
};

static double x_of(const struct compare *c, uint64_t bytes)
{
    return NAMES_RIGHT + 12 + (CHANGE_LEFT - NAMES_RIGHT - 24) * (double)bytes / (double)c->max;
}

static void take_max(struct compare *c, const struct nh_harness_figures *f)
{
    for (uint32_t i = 0; i < f->tag_count; i++)
        if (f->tags[i].mem.hin > c->max)
            c->max = f->tags[i].mem.hin;
}

static void draw_dot(FILE *out, const struct compare *c, const struct nh_harness_row *row, double y,
                     const char *cls)
{
    if (row)
        fprintf(out, "<circle class=\"dot %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\"/>\n", cls,
                x_of(c, row->mem.hin), y);
}

static void draw_row(FILE *out, const struct compare *c, const char *tag, double y)
{
    const struct nh_harness_row *a = nh_harness_figures_tag(c->a, tag);
    const struct nh_harness_row *b = nh_harness_figures_tag(c->b, tag);
    char text[48] = "n/a";
    nh_harness_svg_text(out, NAMES_RIGHT, y + 4, "t2", "end", tag);
    fprintf(out, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>\n", NAMES_RIGHT + 12, y,
            CHANGE_LEFT - 12);
    if (a && b) {
        const int64_t change = (int64_t)(b->mem.hin - a->mem.hin);
        fprintf(out, "<path class=\"ln wide %s\" d=\"M%.1f %.1fH%.1f\"/>\n",
                change < 0 ? "alarm" : "large", x_of(c, a->mem.hin), y, x_of(c, b->mem.hin));
        snprintf(text, sizeof text, "%+" PRId64, change);
    }
    draw_dot(out, c, a, y, "free");
    draw_dot(out, c, b, y, "least");
    nh_harness_svg_text(out, NH_PLOT_WIDTH - NH_PLOT_RIGHT, y + 4,
                        a && b && b->mem.hin < a->mem.hin ? "bad" : "t2", "end", text);
}

static void draw_scale(FILE *out, const struct compare *c, double bottom)
{
    const uint64_t step = nh_harness_svg_step(c->max, 8, true);
    for (uint64_t b = 0; b <= c->max; b += step) {
        char text[32];
        snprintf(text, sizeof text, step >= 1024 ? "%" PRIu64 " KiB" : "%" PRIu64 " B",
                 step >= 1024 ? b / 1024 : b);
        fprintf(out, "<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/>\n", x_of(c, b), TOP - 12,
                bottom);
        nh_harness_svg_text(out, x_of(c, b), bottom + 16, "t3", "middle", text);
    }
}

static void draw_key(FILE *out, double x, const char *cls, const char *name)
{
    fprintf(out, "<circle class=\"dot %s\" cx=\"%.1f\" cy=\"50\" r=\"5\"/>\n", cls, x);
    nh_harness_svg_text(out, x + 12, 54, "t2", "start", name);
}

void nh_harness_plot_compare(FILE *out, const struct nh_harness_figures *a,
                             const struct nh_harness_figures *b, const char *name_a,
                             const char *name_b)
{
    struct compare c = {.a = a, .b = b, .max = 1};
    uint32_t rows = a->tag_count;
    for (uint32_t i = 0; i < b->tag_count; i++)
        rows += !nh_harness_figures_tag(a, b->tags[i].mem.tag);
    const double bottom = TOP + ROW * rows;
    double y = TOP;
    take_max(&c, a);
    take_max(&c, b);
    nh_harness_svg_begin(out, (int)bottom + 30, "Least internal memory by tag", "bytes, B less A");
    draw_key(out, 24, "free", name_a);
    draw_key(out, NH_PLOT_WIDTH / 2.0, "least", name_b);
    draw_scale(out, &c, bottom);
    for (uint32_t i = 0; i < a->tag_count; i++, y += ROW)
        draw_row(out, &c, a->tags[i].mem.tag, y);
    for (uint32_t i = 0; i < b->tag_count; i++) {
        if (nh_harness_figures_tag(a, b->tags[i].mem.tag))
            continue;
        draw_row(out, &c, b->tags[i].mem.tag, y);
        y += ROW;
    }
    nh_harness_svg_end(out);
}
