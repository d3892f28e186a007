#include "harness/plot.h"
#include "harness/plot_svg.h"

#include <inttypes.h>
#include <string.h>

#define TAGS_BOTTOM 164.0 // labels of tags stand above it, slanted
#define TAG_STEP 15.0     // between two of them
#define TAG_MAX_BYTES 26  // shown; all of it is in the hint
#define MEM_TOP 172.0
#define MEM_BOTTOM 392.0
#define FRAG_TOP 418.0
#define FRAG_BOTTOM 488.0
#define PSRAM_TOP 514.0 // only where there is some
#define PSRAM_BOTTOM 584.0
#define FOOT 30.0 // below the last of them

struct scale {
    int64_t from_us, to_us;
    uint64_t mem_max, frag_max;
    uint64_t psram_min, psram_max; // both 0: none
    double bottom;                 // of the last panel
};

static double x_of(const struct scale *s, int64_t ts_us)
{
    const double width = NH_PLOT_WIDTH - NH_PLOT_LEFT - NH_PLOT_RIGHT;
    return NH_PLOT_LEFT + width * (double)(ts_us - s->from_us) / (double)(s->to_us - s->from_us);
}

static double y_mem(const struct scale *s, uint64_t bytes)
{
    return MEM_BOTTOM - (MEM_BOTTOM - MEM_TOP) * (double)bytes / (double)s->mem_max;
}

static double y_frag(const struct scale *s, uint64_t pct)
{
    return FRAG_BOTTOM - (FRAG_BOTTOM - FRAG_TOP) * (double)pct / (double)s->frag_max;
}

// A changing part of a percent of 8 MiB is what matters: this scale does not begin at 0.
static double y_psram(const struct scale *s, uint64_t bytes)
{
    return PSRAM_BOTTOM - (PSRAM_BOTTOM - PSRAM_TOP) * ((double)bytes - (double)s->psram_min) /
                              (double)(s->psram_max - s->psram_min);
}

static void scale_psram(struct scale *s, const struct nh_harness_figures *f)
{
    s->bottom = FRAG_BOTTOM;
    for (uint32_t i = 0; i < f->row_count; i++) {
        const struct nh_harness_mem *m = &f->rows[i].mem;
        const uint64_t low = m->pm < m->pf ? m->pm : m->pf;
        s->psram_min = i == 0 || low < s->psram_min ? low : s->psram_min;
        s->psram_max = m->pf > s->psram_max ? m->pf : s->psram_max;
    }
    if (s->psram_max == 0)
        return;
    const uint64_t pad = (s->psram_max - s->psram_min) / 10 + 65536;
    s->psram_max += pad;
    s->psram_min = s->psram_min > pad ? s->psram_min - pad : 0;
    s->bottom = PSRAM_BOTTOM;
}

static struct scale scale_of(const struct nh_harness_figures *f, const struct nh_harness_plot *p)
{
    struct scale s = {.from_us = f->rows[0].ts_us,
                      .to_us = f->rows[f->row_count - 1].ts_us,
                      .mem_max = p->hin_min_limit + 1,
                      .frag_max = p->frag_limit > 40 ? p->frag_limit : 40};
    for (uint32_t i = 0; i < f->row_count; i++) {
        const struct nh_harness_mem *m = &f->rows[i].mem;
        s.mem_max = m->hi > s.mem_max ? m->hi : s.mem_max;
        s.mem_max = m->hl > s.mem_max ? m->hl : s.mem_max;
        s.frag_max = m->frag > s.frag_max ? m->frag : s.frag_max;
    }
    if (f->has_tripwire && f->tripwire_us > s.to_us)
        s.to_us = f->tripwire_us;
    if (f->panic && f->panic_us > s.to_us)
        s.to_us = f->panic_us;
    if (s.to_us - s.from_us < 1000000)
        s.to_us = s.from_us + 1000000;
    s.mem_max += s.mem_max / 20;
    s.frag_max += s.frag_max / 10;
    scale_psram(&s, f);
    return s;
}

// ---- the frame ---------------------------------------------------------------------------------

static void grid_line(FILE *out, double y, const char *text)
{
    fprintf(out, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>\n", NH_PLOT_LEFT, y,
            NH_PLOT_WIDTH - NH_PLOT_RIGHT);
    nh_harness_svg_text(out, NH_PLOT_LEFT - 8, y + 4, "t3", "end", text);
}

static void draw_psram_grid(FILE *out, const struct scale *s)
{
    char text[32];
    if (s->psram_max == 0)
        return;
    const uint64_t step = nh_harness_svg_step(s->psram_max - s->psram_min, 3, true);
    for (uint64_t b = (s->psram_min + step - 1) / step * step; b <= s->psram_max; b += step) {
        snprintf(text, sizeof text, "%.*f MiB", step < 1048576 ? 2 : 0, (double)b / 1048576);
        grid_line(out, y_psram(s, b), text);
    }
    nh_harness_svg_text(out, NH_PLOT_LEFT + 6, PSRAM_TOP - 6, "t3", "start",
                        "PSRAM: free, least since boot");
}

static void draw_frame(FILE *out, const struct scale *s)
{
    char text[32];
    nh_harness_svg_text(out, NH_PLOT_LEFT + 6, FRAG_TOP - 6, "t3", "start", "fragmentation");
    draw_psram_grid(out, s);
    const uint64_t bytes = nh_harness_svg_step(s->mem_max, 6, true);
    for (uint64_t b = 0; b <= s->mem_max; b += bytes) {
        snprintf(text, sizeof text, bytes >= 1024 ? "%" PRIu64 " KiB" : "%" PRIu64 " B",
                 bytes >= 1024 ? b / 1024 : b);
        grid_line(out, y_mem(s, b), text);
    }
    const uint64_t pct = nh_harness_svg_step(s->frag_max, 3, false);
    for (uint64_t p = 0; p <= s->frag_max; p += pct) {
        snprintf(text, sizeof text, "%" PRIu64 " %%", p);
        grid_line(out, y_frag(s, p), text);
    }
    const uint64_t seconds = (uint64_t)(s->to_us - s->from_us) / 1000000;
    const uint64_t step = nh_harness_svg_step(seconds, 12, false);
    for (uint64_t t = 0; t <= seconds; t += step) {
        snprintf(text, sizeof text, "%" PRIu64 " s", t);
        nh_harness_svg_text(out, x_of(s, s->from_us + (int64_t)t * 1000000), s->bottom + FOOT - 12,
                            "t3", t == 0 ? "start" : "middle", text);
    }
}

static void draw_limit(FILE *out, double y, const char *text)
{
    fprintf(out, "<path class=\"limit\" d=\"M%d %.1fH%d\"/>\n", NH_PLOT_LEFT, y,
            NH_PLOT_WIDTH - NH_PLOT_RIGHT);
    nh_harness_svg_text(out, NH_PLOT_WIDTH - NH_PLOT_RIGHT, y - 4, "warn", "end", text);
}

static void draw_limits(FILE *out, const struct scale *s, const struct nh_harness_plot *p)
{
    char text[48];
    if (p->hin_min_limit) {
        snprintf(text, sizeof text, "limit %.1f KiB", (double)p->hin_min_limit / 1024);
        draw_limit(out, y_mem(s, p->hin_min_limit), text);
    }
    if (p->frag_limit) {
        snprintf(text, sizeof text, "limit %" PRIu64 " %%", p->frag_limit);
        draw_limit(out, y_frag(s, p->frag_limit), text);
    }
}

// ---- series ------------------------------------------------------------------------------------

enum series { FREE, LARGEST, LEAST, FRAG, PSRAM, PSRAM_LEAST };

static double y_series(const struct scale *s, const struct nh_harness_mem *m, enum series which)
{
    return which == FREE          ? y_mem(s, m->hi)
           : which == LARGEST     ? y_mem(s, m->hl)
           : which == LEAST       ? y_mem(s, m->hin)
           : which == FRAG        ? y_frag(s, m->frag)
           : which == PSRAM_LEAST ? y_psram(s, m->pm)
                                  : y_psram(s, m->pf);
}

// A low water mark holds until the next snapshot; the others are joined.
static void draw_path(FILE *out, const struct nh_harness_figures *f, const struct scale *s,
                      enum series which)
{
    for (uint32_t i = 0; i < f->row_count; i++) {
        const struct nh_harness_row *row = &f->rows[i];
        if (i > 0 && (which == LEAST || which == PSRAM_LEAST))
            fprintf(out, "H%.1f", x_of(s, row->ts_us));
        fprintf(out, "%c%.1f %.1f", i ? 'L' : 'M', x_of(s, row->ts_us),
                y_series(s, &row->mem, which));
    }
}

static void draw_area(FILE *out, const struct nh_harness_figures *f, const struct scale *s)
{
    fputs("<path class=\"area\" d=\"", out);
    draw_path(out, f, s, FREE);
    fprintf(out, "V%.1fH%.1fZ\"/>\n", MEM_BOTTOM, x_of(s, f->rows[0].ts_us));
}

static void draw_series(FILE *out, const struct nh_harness_figures *f, const struct scale *s)
{
    static const struct {
        enum series which;
        const char *cls;
    } lines[] = {{FREE, "ln free"}, {LARGEST, "ln large"}, {LEAST, "ln wide least"},
                 {FRAG, "ln frag"}, {PSRAM, "ln free"},    {PSRAM_LEAST, "ln least"}};
    const size_t count = NH_ARRAY_LEN(lines) - (s->psram_max ? 0 : 2);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "<path class=\"%s\" d=\"", lines[i].cls);
        draw_path(out, f, s, lines[i].which);
        fputs("\"/>\n", out);
    }
    for (uint32_t i = 0; i < f->row_count && f->row_count < 300; i++)
        fprintf(out, "<circle class=\"dot least\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.6\"/>\n",
                x_of(s, f->rows[i].ts_us), y_mem(s, f->rows[i].mem.hin));
}

// ---- tags, tripwire, panic ---------------------------------------------------------------------

static bool is_heartbeat(const struct nh_harness_mem *m)
{
    return strcmp(m->tag, "hb") == 0 || strcmp(m->tag, "poll") == 0;
}

static void draw_tag(FILE *out, const struct scale *s, const struct nh_harness_row *row, double x)
{
    const double at = x_of(s, row->ts_us);
    fprintf(out, "<g><title>");
    nh_harness_svg_escape(out, row->mem.tag);
    fprintf(out,
            ": free %" PRIu64 ", least %" PRIu64 ", largest %" PRIu64 ", frag %" PRIu64
            " %%</title><path class=\"hair\" d=\"M%.1f %.1fV%.1fL%.1f %.1f\"/>"
            "<text class=\"tag\" transform=\"translate(%.1f %.1f) rotate(-42)\">",
            row->mem.hi, row->mem.hin, row->mem.hl, row->mem.frag, at, s->bottom, MEM_TOP, x,
            TAGS_BOTTOM + 2, x + 3, TAGS_BOTTOM);
    char name[TAG_MAX_BYTES + 1];
    snprintf(name, sizeof name, "%.*s", TAG_MAX_BYTES, row->mem.tag);
    if (strlen(row->mem.tag) > TAG_MAX_BYTES)
        memcpy(name + TAG_MAX_BYTES - 2, "..", 2);
    nh_harness_svg_escape(out, name);
    fputs("</text></g>\n", out);
}

// Labels keep their distance: each is moved to the right of the one before it. When that runs out
// of the picture, those that are left have a hairline and a hint alone.
static void draw_tags(FILE *out, const struct nh_harness_figures *f, const struct scale *s)
{
    double next = 0;
    uint32_t unnamed = 0;
    for (uint32_t i = 0; i < f->row_count; i++) {
        const struct nh_harness_row *row = &f->rows[i];
        double x = x_of(s, row->ts_us);
        if (is_heartbeat(&row->mem)) {
            fprintf(out, "<path class=\"hair\" d=\"M%.1f %.1fv-5\"/>\n", x, MEM_BOTTOM);
            continue;
        }
        x = x < next ? next : x;
        if (x > NH_PLOT_WIDTH - NH_PLOT_RIGHT - 4) {
            unnamed++;
            fprintf(out, "<path class=\"hair\" d=\"M%.1f %.1fV%.1f\"/>\n", x_of(s, row->ts_us),
                    s->bottom, MEM_TOP);
            continue;
        }
        draw_tag(out, s, row, x);
        next = x + TAG_STEP;
    }
    if (unnamed) {
        char text[48];
        snprintf(text, sizeof text, "and %u more", (unsigned)unnamed);
        nh_harness_svg_text(out, NH_PLOT_WIDTH - NH_PLOT_RIGHT, MEM_TOP - 8, "tag", "end", text);
    }
}

static void draw_alarm(FILE *out, const struct scale *s, int64_t ts_us, double y, const char *text)
{
    const double x = x_of(s, ts_us < s->from_us ? s->from_us : ts_us);
    const bool is_right = x > NH_PLOT_WIDTH * 0.7;
    fprintf(out, "<path class=\"alarm\" d=\"M%.1f %.1fV%.1f\"/>\n", x, MEM_TOP, s->bottom);
    nh_harness_svg_text(out, x + (is_right ? -6 : 6), y, "bad", is_right ? "end" : "start", text);
}

static void draw_alarms(FILE *out, const struct nh_harness_figures *f, const struct scale *s)
{
    char text[160];
    if (f->has_tripwire) {
        snprintf(text, sizeof text, "tripwire at %s: %" PRIu64 " B under %" PRIu64 " B",
                 f->tripwire.tag, f->tripwire.hin, f->tripwire.threshold);
        draw_alarm(out, s, f->tripwire_us, MEM_TOP + 14, text);
    }
    if (f->panic) {
        snprintf(text, sizeof text, "panic: %s", f->panic);
        draw_alarm(out, s, f->panic_us, MEM_TOP + 30, text);
    }
}

// ---- the legend --------------------------------------------------------------------------------

static double legend_item(FILE *out, double x, double y, const char *cls, const char *text)
{
    fprintf(out, "<path class=\"%s\" d=\"M%.1f %.1fh18\"/>\n", cls, x, y - 4);
    nh_harness_svg_text(out, x + 24, y, "t2", "start", text);
    return x + 24 + 6.6 * (double)strlen(text) + 22;
}

static void draw_legend(FILE *out, const struct nh_harness_figures *f)
{
    char text[64];
    const struct nh_harness_mem *last = &f->rows[f->row_count - 1].mem;
    double x = 18;
    snprintf(text, sizeof text, "free %.1f KiB", (double)last->hi / 1024);
    x = legend_item(out, x, 48, "ln free", text);
    snprintf(text, sizeof text, "largest block %.1f KiB", (double)last->hl / 1024);
    x = legend_item(out, x, 48, "ln large", text);
    snprintf(text, sizeof text, "least since boot %.1f KiB", (double)f->hin_min / 1024);
    x = legend_item(out, x, 48, "ln wide least", text);
    snprintf(text, sizeof text, "fragmentation %" PRIu64 " %%, at most %" PRIu64 " %%", last->frag,
             f->frag_max);
    legend_item(out, x, 48, "ln frag", text);
}

int nh_harness_plot_run(FILE *out, const struct nh_harness_figures *f,
                        const struct nh_harness_plot *p)
{
    if (f->row_count == 0) {
        nh_harness_svg_begin(out, 80, p->title, p->sub);
        nh_harness_svg_text(out, 18, 54, "t2", "start", "no snapshots in this run");
        nh_harness_svg_end(out);
        return NH_ERR_NOT_FOUND;
    }
    const struct scale s = scale_of(f, p);
    nh_harness_svg_begin(out, (int)(s.bottom + FOOT), p->title, p->sub);
    draw_legend(out, f);
    draw_area(out, f, &s);
    draw_frame(out, &s);
    draw_tags(out, f, &s);
    draw_series(out, f, &s);
    draw_limits(out, &s, p);
    draw_alarms(out, f, &s);
    nh_harness_svg_end(out);
    return NH_OK;
}
