#include "harness/figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void nh_harness_figures_init(struct nh_harness_figures *f, nh_mem_t *mem)
{
    memset(f, 0, sizeof *f);
    f->mem = mem;
}

void nh_harness_figures_deinit(struct nh_harness_figures *f)
{
    nh_mem_free(f->mem, f->rows);
    f->rows = NULL;
}

// ---- snapshots ---------------------------------------------------------------------------------

static void keep_row(struct nh_harness_figures *f, const struct nh_harness_row *row)
{
    if (f->row_count == f->row_cap) {
        uint32_t cap = f->row_cap ? f->row_cap * 2 : 256;
        if (f->row_cap >= NH_HARNESS_ROWS_MAX_COUNT)
            return;
        void *rows = nh_mem_realloc(f->mem, f->rows, cap * sizeof *row, NH_MEM_BULK);
        if (!rows)
            return;
        f->rows = rows;
        f->row_cap = cap;
    }
    f->rows[f->row_count++] = *row;
}

static struct nh_harness_row *find_tag(struct nh_harness_figures *f, const char *tag)
{
    for (uint32_t i = 0; i < f->tag_count; i++)
        if (strcmp(f->tags[i].mem.tag, tag) == 0)
            return &f->tags[i];
    return NULL;
}

static void keep_tag(struct nh_harness_figures *f, const struct nh_harness_row *row)
{
    struct nh_harness_row *last = find_tag(f, row->mem.tag);
    if (!last && f->tag_count < NH_HARNESS_TAGS_MAX_COUNT)
        last = &f->tags[f->tag_count++];
    if (last)
        *last = *row;
}

static void take_min(uint64_t *min, uint64_t value, bool is_first)
{
    if (is_first || value < *min)
        *min = value;
}

void nh_harness_figures_row(struct nh_harness_figures *f, int64_t ts_us,
                            const struct nh_harness_mem *m)
{
    const struct nh_harness_row row = {.ts_us = ts_us, .mem = *m};
    const bool is_first = f->seen_count++ == 0;
    take_min(&f->hin_min, m->hin, is_first);
    take_min(&f->hm_min, m->hm, is_first);
    take_min(&f->pf_min, m->pf, is_first);
    take_min(&f->pm_min, m->pm, is_first);
    if (m->frag > f->frag_max)
        f->frag_max = m->frag;
    if (strcmp(m->tag, "hb") == 0) {
        f->hb_count++;
        if (m->frag > f->hb_frag_max)
            f->hb_frag_max = m->frag;
    }
    keep_row(f, &row);
    keep_tag(f, &row);
}

const struct nh_harness_row *nh_harness_figures_tag(const struct nh_harness_figures *f,
                                                    const char *tag)
{
    return find_tag((struct nh_harness_figures *)f, tag);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

uint32_t nh_harness_figures_tags(const struct nh_harness_figures *f,
                                 const char *out[NH_HARNESS_TAGS_MAX_COUNT])
{
    for (uint32_t i = 0; i < f->tag_count; i++)
        out[i] = f->tags[i].mem.tag;
    qsort(out, f->tag_count, sizeof *out, by_text);
    return f->tag_count;
}

// ---- tripwire and tasks ------------------------------------------------------------------------

void nh_harness_figures_tripwire(struct nh_harness_figures *f, int64_t ts_us,
                                 const struct nh_harness_tripwire *t)
{
    if (f->has_tripwire)
        return;
    f->has_tripwire = true;
    f->tripwire_us = ts_us;
    f->tripwire = *t;
}

void nh_harness_figures_task(struct nh_harness_figures *f, const struct nh_harness_task *t)
{
    struct nh_harness_task *kept = NULL;
    for (uint32_t i = 0; i < f->task_count && !kept; i++)
        if (strcmp(f->tasks[i].name, t->name) == 0)
            kept = &f->tasks[i];
    take_min(&f->stack_min, t->stack_rem, f->task_count == 0);
    if (!kept && f->task_count < NH_HARNESS_TASKS_MAX_COUNT)
        f->tasks[f->task_count++] = *t;
    else if (kept && t->stack_rem < kept->stack_rem)
        *kept = *t;
}

static int by_margin(const void *a, const void *b)
{
    const struct nh_harness_task *x = a, *y = b;
    return (x->stack_rem > y->stack_rem) - (x->stack_rem < y->stack_rem);
}

uint32_t nh_harness_figures_worst(const struct nh_harness_figures *f,
                                  struct nh_harness_task out[NH_HARNESS_WORST_MAX_COUNT])
{
    struct nh_harness_task all[NH_HARNESS_TASKS_MAX_COUNT];
    uint32_t n =
        f->task_count < NH_HARNESS_WORST_MAX_COUNT ? f->task_count : NH_HARNESS_WORST_MAX_COUNT;
    memcpy(all, f->tasks, f->task_count * sizeof *all);
    qsort(all, f->task_count, sizeof *all, by_margin);
    memcpy(out, all, n * sizeof *out);
    return n;
}

// ---- lines -------------------------------------------------------------------------------------

void nh_harness_figures_line(struct nh_harness_figures *f, int64_t ts_us, const char *text,
                             const struct nh_harness_line *line)
{
    f->line_count++;
    if (line->what == NH_LINE_MEM)
        nh_harness_figures_row(f, ts_us, &line->mem);
    else if (line->what == NH_LINE_TRIPWIRE)
        nh_harness_figures_tripwire(f, ts_us, &line->tripwire);
    else if (line->what == NH_LINE_TASK)
        nh_harness_figures_task(f, &line->task);
    if (line->address[0])
        memcpy(f->address, line->address, sizeof f->address);
    if (line->version[0])
        memcpy(f->version, line->version, sizeof f->version);
    if (line->panic && !f->panic) {
        f->panic = line->panic;
        f->panic_us = ts_us;
        f->panic_line_no = f->line_count;
        snprintf(f->panic_line, sizeof f->panic_line, "%s", text);
    }
}
