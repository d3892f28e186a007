#include "harness/summary.h"

#include <inttypes.h>
#include <string.h>

static const char *or_none(const char *text)
{
    return text && text[0] ? text : "-";
}

static void figure(FILE *out, const char *name, uint64_t value, bool is_known, const char *unit)
{
    if (is_known)
        fprintf(out, "| %s | %" PRIu64 "%s |\n", name, value, unit);
    else
        fprintf(out, "| %s | - |\n", name);
}

static void put_run(const struct nh_harness_about *a, FILE *out)
{
    char begin[NH_HARNESS_TIME_MAX_BYTES], end[NH_HARNESS_TIME_MAX_BYTES];
    fprintf(out, "## Run\n\n| | |\n|---|---|\n");
    fprintf(out, "| scenario | %s: %s |\n", a->scenario_key, or_none(a->scenario_text));
    fprintf(out, "| start | %s |\n", nh_harness_time(a->begin_us, begin));
    fprintf(out, "| end | %s |\n", nh_harness_time(a->end_us, end));
    fprintf(out, "| serial | %s, %u baud |\n", or_none(a->port), (unsigned)a->baud);
    fprintf(out, "| address | %s, at the end %s |\n", or_none(a->initial_ip), or_none(a->final_ip));
    fprintf(out, "| firmware | %s |\n\n", or_none(a->figures->version));
    fprintf(out, "## Git\n\n- commit: %s\n- branch: %s\n- changed: %s\n\n", or_none(a->commit),
            or_none(a->branch),
            !a->commit                  ? "-"
            : a->status && a->status[0] ? "yes"
                                        : "no");
}

static void put_verdict(const struct nh_harness_about *a, FILE *out)
{
    if (a->reason_count == 0) {
        fprintf(out, "**Passed**\n\n");
        return;
    }
    fprintf(out, "**Failed**\n\n");
    for (uint32_t i = 0; i < a->reason_count; i++)
        fprintf(out, "- %s\n", a->reasons[i]);
    fputc('\n', out);
}

static void put_derived(const struct nh_harness_about *a, FILE *out)
{
    const struct nh_harness_figures *f = a->figures;
    const char *tags[NH_HARNESS_TAGS_MAX_COUNT];
    const bool any = f->seen_count > 0;
    fprintf(out, "## Derived\n\n| figure | value |\n|---|---|\n");
    figure(out, "least internal memory (hin_min)", f->hin_min, any, " B");
    figure(out, "least heap (hm_min)", f->hm_min, any, " B");
    figure(out, "fragmentation at most (frag_max)", f->frag_max, any, " %");
    figure(out, "fragmentation at rest (frag_hb_max)", f->hb_frag_max, f->hb_count > 0, " %");
    figure(out, "PSRAM free at least (pf_min)", f->pf_min, any, " B");
    figure(out, "least PSRAM (pm_min)", f->pm_min, any, " B");
    figure(out, "least stack margin (stack_min)", f->stack_min, f->task_count > 0, " B");
    fprintf(out, "| requests | %u, failed %u |\n", (unsigned)a->request_count,
            (unsigned)a->failed_count);
    fprintf(out, "| tags |");
    const uint32_t n = nh_harness_figures_tags(f, tags);
    for (uint32_t i = 0; i < n; i++)
        fprintf(out, " `%s`", tags[i]);
    fprintf(out, "%s |\n\n", n ? "" : " -");
}

static void put_alarms(const struct nh_harness_figures *f, FILE *out)
{
    if (f->has_tripwire) {
        struct nh_harness_task worst[NH_HARNESS_WORST_MAX_COUNT];
        const uint32_t n = nh_harness_figures_worst(f, worst);
        fprintf(out,
                "## Tripwire\n\nFired at `%s`: %" PRIu64 " B left, under %" PRIu64 " B.\n\n"
                "| task | stack left | core | priority |\n|---|---:|---:|---:|\n",
                f->tripwire.tag, f->tripwire.hin, f->tripwire.threshold);
        for (uint32_t i = 0; i < n; i++)
            fprintf(out, "| `%s` | %" PRIu64 " | %" PRId64 " | %" PRIu64 " |\n", worst[i].name,
                    worst[i].stack_rem, worst[i].core, worst[i].prio);
        fputc('\n', out);
    }
    if (f->panic)
        fprintf(out, "## Panic\n\n%s in line %" PRIu64 " of `serial.log`:\n\n    %s\n\n", f->panic,
                f->panic_line_no, f->panic_line);
}

static void put_routes(const struct nh_harness_about *a, FILE *out)
{
    if (a->route_count == 0)
        return;
    fprintf(out, "## Requests\n\n| route | count | failed | longest |\n|---|---:|---:|---:|\n");
    for (uint32_t i = 0; i < a->route_count; i++)
        fprintf(out, "| `%s %s` | %u | %u | %u ms |\n", a->routes[i].method, a->routes[i].path,
                (unsigned)a->routes[i].count, (unsigned)a->routes[i].failed_count,
                (unsigned)a->routes[i].max_ms);
    fputc('\n', out);
}

static void put_rows(const struct nh_harness_figures *f, FILE *out)
{
    fprintf(out, "## Snapshots\n\n"
                 "| s | tag | hf | hm | hl | hi | hin | frag | pf | pm | pl |\n"
                 "|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
    for (uint32_t i = 0; i < f->row_count; i++) {
        const struct nh_harness_mem *m = &f->rows[i].mem;
        fprintf(out,
                "| %.1f | `%s` | %" PRIu64 " | %" PRIu64 " | %" PRIu64 " | %" PRIu64 " | %" PRIu64
                " | %" PRIu64 " | %" PRIu64 " | %" PRIu64 " | %" PRIu64 " |\n",
                (double)(f->rows[i].ts_us - f->rows[0].ts_us) / 1e6, m->tag, m->hf, m->hm, m->hl,
                m->hi, m->hin, m->frag, m->pf, m->pm, m->pl);
    }
}

void nh_harness_summary_md(const struct nh_harness_about *a, FILE *out)
{
    fprintf(out, "# %s: %s\n\n", a->scenario_key, a->scenario_title);
    put_verdict(a, out);
    fprintf(out, "![Internal memory over time](summary.svg)\n\n");
    put_run(a, out);
    put_derived(a, out);
    put_alarms(a->figures, out);
    put_routes(a, out);
    fprintf(out, "## Artifacts\n\n"
                 "`serial.log`, `mem.jsonl`, `tasks.jsonl`, `health.jsonl`, `events.jsonl`, "
                 "`summary.json`, `summary.svg`\n\n");
    put_rows(a->figures, out);
}
