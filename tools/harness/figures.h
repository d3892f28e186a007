// figures.h - what a run has shown: its snapshots, and what follows from them. No IO, no locks.

#ifndef NH_HARNESS_FIGURES_H
#define NH_HARNESS_FIGURES_H

#include "core/mem/mem.h"
#include "harness/lines.h"

#define NH_HARNESS_ROWS_MAX_COUNT 100000 // later ones count in the extremes alone
#define NH_HARNESS_TAGS_MAX_COUNT 256
#define NH_HARNESS_TASKS_MAX_COUNT 64
#define NH_HARNESS_WORST_MAX_COUNT 6

struct nh_harness_row {
    int64_t ts_us; // since 1970
    struct nh_harness_mem mem;
};

struct nh_harness_figures {
    nh_mem_t *mem;
    struct nh_harness_row *rows; // in the order they came
    uint32_t row_count, row_cap;
    uint64_t seen_count; // rows, those left out too

    uint64_t hin_min, hm_min, pf_min, pm_min, frag_max; // seen_count > 0
    uint64_t hb_count, hb_frag_max;                     // of the heartbeats: the steady state
    uint64_t stack_min;                                 // of the tasks; task_count > 0

    uint32_t tag_count;
    struct nh_harness_row tags[NH_HARNESS_TAGS_MAX_COUNT]; // the last row of each tag, as they came

    bool has_tripwire;
    int64_t tripwire_us;
    struct nh_harness_tripwire tripwire; // the first

    uint32_t task_count;
    struct nh_harness_task tasks[NH_HARNESS_TASKS_MAX_COUNT]; // the least margin of each

    const char *panic; // the first; NULL: none
    int64_t panic_us;
    uint64_t panic_line_no; // from 1
    char panic_line[192];

    char address[16], version[32]; // the last seen; "": none
    uint64_t line_count;
};

void nh_harness_figures_init(struct nh_harness_figures *f, nh_mem_t *mem);
void nh_harness_figures_deinit(struct nh_harness_figures *f);

// Takes a row that came without a line: from a recorded run, or asked for by HTTP.
void nh_harness_figures_row(struct nh_harness_figures *f, int64_t ts_us,
                            const struct nh_harness_mem *m);
void nh_harness_figures_task(struct nh_harness_figures *f, const struct nh_harness_task *t);
void nh_harness_figures_tripwire(struct nh_harness_figures *f, int64_t ts_us,
                                 const struct nh_harness_tripwire *t);
// Takes a line of the log, parsed.
void nh_harness_figures_line(struct nh_harness_figures *f, int64_t ts_us, const char *text,
                             const struct nh_harness_line *line);

// The last row of `tag`, or NULL.
const struct nh_harness_row *nh_harness_figures_tag(const struct nh_harness_figures *f,
                                                    const char *tag);
// Names of all tags, sorted; returns how many. Borrowed from `f`.
uint32_t nh_harness_figures_tags(const struct nh_harness_figures *f,
                                 const char *out[NH_HARNESS_TAGS_MAX_COUNT]);
// The tasks with the least margin, least first; returns how many.
uint32_t nh_harness_figures_worst(const struct nh_harness_figures *f,
                                  struct nh_harness_task out[NH_HARNESS_WORST_MAX_COUNT]);

#endif
