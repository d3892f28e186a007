#include "harness/run.h"

#include "harness/summary.h"

#include <inttypes.h>
#include <string.h>

#define SETTLE_MS 200 // lines that are on their way when the last step is done

// The first line that a command prints, or all of it; "" when there is none.
static void ask_git(const char *command, char *out, size_t cap)
{
    FILE *p = popen(command, "r");
    size_t len = p ? fread(out, 1, cap - 1, p) : 0;
    if (p)
        pclose(p);
    while (len > 0 && out[len - 1] == '\n')
        len--;
    out[len] = 0;
}

static void print_verdict(const struct nh_harness_run *r)
{
    const struct nh_harness_figures *f = &r->figures;
    printf("%s %s: %s in %.1f s\n", r->scenario->key, r->scenario->title,
           r->reason_count ? "FAILED" : "passed", (double)(r->end_us - r->begin_us) / 1e6);
    for (uint32_t i = 0; i < r->reason_count; i++)
        printf("  - %s\n", r->reasons[i]);
    if (f->seen_count)
        printf("  least internal %" PRIu64 " B, fragmentation at most %" PRIu64
               " %%, least PSRAM %" PRIu64 " B\n",
               f->hin_min, f->frag_max, f->pm_min);
    printf("  %u requests, %u failed; %u tags; %" PRIu64 " lines\n", (unsigned)r->request_count,
           (unsigned)r->failed_count, (unsigned)f->tag_count, f->line_count);
    printf("  %s/summary.md\n", r->dir);
    fflush(stdout);
}

static int summarize(struct nh_harness_run *r, FILE *json_copy)
{
    char commit[64], branch[128], status[4096];
    ask_git("git rev-parse HEAD 2>/dev/null", commit, sizeof commit);
    ask_git("git rev-parse --abbrev-ref HEAD 2>/dev/null", branch, sizeof branch);
    ask_git("git status --porcelain 2>/dev/null", status, sizeof status);
    const struct nh_harness_about about = {
        .scenario = r->o->scenario,
        .scenario_key = r->scenario->key,
        .scenario_title = r->scenario->title,
        .scenario_text = r->scenario->text,
        .dir = r->dir,
        .port = r->serial_path,
        .initial_ip = r->o->host,
        .final_ip = r->figures.address[0] ? r->figures.address : r->o->host,
        .baud = r->o->baud,
        .begin_us = r->begin_us,
        .end_us = r->end_us,
        .commit = commit[0] ? commit : NULL,
        .branch = branch,
        .status = status,
        .figures = &r->figures,
        .routes = r->routes,
        .route_count = r->route_count,
        .request_count = r->request_count,
        .failed_count = r->failed_count,
        .reasons = (const char(*)[160])r->reasons,
        .reason_count = r->reason_count,
        .limits = r->o->limits,
        .limit_count = r->o->limit_count,
    };
    return nh_harness_summary_files(&about, true, json_copy);
}

static int could_not(const char *what, const char *which, int err)
{
    nh_harness_say_end();
    fprintf(stderr, "nuthatch harness: %s %s: %s\n", what, which, nh_err_text(err));
    return 2;
}

static int begin(struct nh_harness_run *r)
{
    int err = nh_lock_create(&r->lock);
    if (err)
        return could_not("cannot make", "a lock", err);
    err = nh_harness_web_start(r);
    if (err)
        return could_not("cannot make", "an HTTP client", err);
    err = nh_harness_files_open(r);
    if (err)
        return could_not("cannot write below", r->o->out, err);
    err = nh_harness_serial_start(r);
    if (err && !r->serial_path[0]) {
        fprintf(stderr, "nuthatch harness: no serial device at /dev/ttyACM0 or /dev/ttyUSB0; "
                        "--port PATH names another, --port none does without\n");
        return 2;
    }
    return err ? could_not("cannot open", r->serial_path, err) : 0;
}

int nh_harness_run_one(struct nh_harness_run *r, FILE *json_copy)
{
    r->begin_us = nh_harness_now_us();
    r->last_uptime_s = -1;
    nh_harness_figures_init(&r->figures, r->mem);
    int status = begin(r);
    if (status)
        return status;
    nh_harness_begin(r);
    if (!nh_harness_is_interrupted())
        status = r->scenario->run(r);
    nh_harness_sleep(r, SETTLE_MS);
    nh_harness_serial_stop(r);
    r->end_us = nh_harness_now_us();
    nh_harness_judge(r);
    if (status && r->reason_count == 0)
        nh_harness_fail(r, "steps", "the scenario was not done to its end");
    nh_harness_say_end();
    int err = summarize(r, json_copy);
    if (err)
        return could_not("cannot write the summary in", r->dir, err);
    if (!r->o->json)
        print_verdict(r);
    return r->reason_count ? 1 : 0;
}

void nh_harness_run_free(struct nh_harness_run *r)
{
    nh_harness_serial_stop(r);
    nh_harness_web_stop(r);
    nh_harness_files_close(r);
    nh_harness_figures_deinit(&r->figures);
    nh_lock_destroy(&r->lock);
}
