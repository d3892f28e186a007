#include "harness/summary.h"

#include "harness/plot.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int64_t less(uint64_t b, uint64_t a)
{
    return (int64_t)b - (int64_t)a;
}

static void print_tag(const char *tag, const struct nh_harness_row *a,
                      const struct nh_harness_row *b)
{
    if (!a || !b) {
        printf("- %s: n/a\n", tag);
        return;
    }
    printf("- %s: Δhin=%+" PRId64 "  Δhm=%+" PRId64 "  Δfrag=%+" PRId64 "  Δpf=%+" PRId64 "\n", tag,
           less(b->mem.hin, a->mem.hin), less(b->mem.hm, a->mem.hm), less(b->mem.frag, a->mem.frag),
           less(b->mem.pf, a->mem.pf));
}

static void print_overall(const struct nh_harness_figures *a, const struct nh_harness_figures *b)
{
    printf("Overall: ");
    if (a->seen_count)
        printf("hin_min A=%" PRIu64, a->hin_min);
    else
        printf("hin_min A=n/a");
    if (b->seen_count)
        printf(" B=%" PRIu64, b->hin_min);
    else
        printf(" B=n/a");
    if (a->seen_count && b->seen_count)
        printf(" Δ=%+" PRId64 "\n", less(b->hin_min, a->hin_min));
    else
        printf(" Δ=n/a\n");
}

// All tags of either, sorted, each once. Returns how many.
static uint32_t all_tags(const struct nh_harness_figures *a, const struct nh_harness_figures *b,
                         const char *out[2 * NH_HARNESS_TAGS_MAX_COUNT])
{
    uint32_t n = nh_harness_figures_tags(a, out);
    for (uint32_t i = 0; i < b->tag_count; i++)
        if (!nh_harness_figures_tag(a, b->tags[i].mem.tag))
            out[n++] = b->tags[i].mem.tag;
    qsort(out, n, sizeof *out, by_text);
    return n;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static int write_plot(const struct nh_harness_record *a, const struct nh_harness_record *b,
                      const char *path)
{
    FILE *out = fopen(path, "w");
    if (!out) {
        fprintf(stderr, "nuthatch harness: cannot write %s\n", path);
        return 1;
    }
    nh_harness_plot_compare(out, &a->figures, &b->figures, base_name(a->dir), base_name(b->dir));
    return fclose(out) == 0 ? 0 : 1;
}

static int compare(const struct nh_harness_record *a, const struct nh_harness_record *b,
                   const char *svg)
{
    const char *tags[2 * NH_HARNESS_TAGS_MAX_COUNT];
    if (a->figures.seen_count == 0 && b->figures.seen_count == 0) {
        fprintf(stderr, "nuthatch harness: neither %s nor %s has snapshots\n", a->dir, b->dir);
        return 2;
    }
    const uint32_t n = all_tags(&a->figures, &b->figures, tags);
    for (uint32_t i = 0; i < n; i++)
        print_tag(tags[i], nh_harness_figures_tag(&a->figures, tags[i]),
                  nh_harness_figures_tag(&b->figures, tags[i]));
    print_overall(&a->figures, &b->figures);
    return svg ? write_plot(a, b, svg) : 0;
}

int nh_harness_compare(nh_mem_t *mem, const char *dir_a, const char *dir_b, const char *svg)
{
    struct nh_harness_record *a = nh_harness_record_load(mem, dir_a);
    struct nh_harness_record *b = nh_harness_record_load(mem, dir_b);
    int status = 2;
    if (a && b)
        status = compare(a, b, svg);
    else
        fprintf(stderr, "nuthatch harness: %s\n", nh_err_text(NH_ERR_NOMEM));
    nh_harness_record_free(mem, a);
    nh_harness_record_free(mem, b);
    return status;
}
