// summary.h - what is said of a run when it is over: summary.json, summary.md, summary.svg.

#ifndef NH_HARNESS_SUMMARY_H
#define NH_HARNESS_SUMMARY_H

#include "harness/run.h"

// What a summary says beside the figures. All strings are borrowed; "" and NULL: not known.
struct nh_harness_about {
    const char *scenario, *scenario_key, *scenario_title, *scenario_text;
    const char *dir; // where the artifacts are
    const char *port, *initial_ip, *final_ip;
    uint32_t baud;
    int64_t begin_us, end_us;
    const char *commit, *branch, *status; // git; NULL: no repository
    const struct nh_harness_figures *figures;
    const struct nh_harness_route *routes;
    uint32_t route_count, request_count, failed_count;
    const char (*reasons)[160];
    uint32_t reason_count;
    const struct nh_harness_limit *limits;
    size_t limit_count;
};

void nh_harness_summary_md(const struct nh_harness_about *a, FILE *out);
// The two above and the picture into `dir`; `json` also to `json_copy` if it is not NULL.
NH_MUST_USE int nh_harness_summary_files(const struct nh_harness_about *a, bool with_json,
                                         FILE *json_copy);

// report.c: the run whose artifacts are in `dir`, read back.
struct nh_harness_record {
    int err; // NH_ERR_NOT_FOUND: there is no mem.jsonl
    char dir[512];
    char scenario[32], key[32], title[64], text[160], port[256], initial_ip[64], final_ip[64];
    char start_ts[48], end_ts[48];
    char commit[64], branch[64], version[32];
    uint32_t baud;
    struct nh_harness_figures figures;
    struct nh_harness_route routes[NH_HARNESS_ROUTES_MAX_COUNT];
    uint32_t route_count, request_count, failed_count;
    char reasons[NH_HARNESS_REASONS_MAX_COUNT][160];
    uint32_t reason_count;
    int64_t limit[NH_HARNESS_LIMITS_MAX_COUNT]; // of nh_harness_limit_names; -1: none
};
// NULL: no memory. Owned; free with nh_harness_record_free().
struct nh_harness_record *nh_harness_record_load(nh_mem_t *mem, const char *dir);
void nh_harness_record_free(nh_mem_t *mem, struct nh_harness_record *rec); // NULL: nothing

// compare.c: the verb's --compare; writes a picture to `svg` unless it is NULL. An exit status.
int nh_harness_compare(nh_mem_t *mem, const char *dir_a, const char *dir_b, const char *svg);
int nh_harness_report(nh_mem_t *mem, const char *dir); // `nuthatch harness report DIR`

#endif
