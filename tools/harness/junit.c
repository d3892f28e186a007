#include "harness/plot_svg.h"
#include "harness/run.h"

#include <string.h>

static double seconds_of(const struct nh_harness_run *r)
{
    return (double)(r->end_us - r->begin_us) / 1e6;
}

static uint32_t reasons_of(const struct nh_harness_run *r, const char *check)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->reason_count; i++)
        n += strcmp(r->reason_check[i], check) == 0;
    return n;
}

static void put_case(FILE *out, const struct nh_harness_run *r, const char *check)
{
    fprintf(out, "    <testcase classname=\"nuthatch.harness.%s\" name=\"%s\" time=\"%.3f\"",
            r->scenario->key, check, strcmp(check, "steps") == 0 ? seconds_of(r) : 0.0);
    if (!reasons_of(r, check)) {
        fputs("/>\n", out);
        return;
    }
    fputs(">\n", out);
    for (uint32_t i = 0; i < r->reason_count; i++) {
        if (strcmp(r->reason_check[i], check) != 0)
            continue;
        fputs("      <failure message=\"", out);
        nh_harness_svg_escape(out, r->reasons[i]); // XML is XML
        fputs("\"/>\n", out);
    }
    fputs("    </testcase>\n", out);
}

static void put_suite(FILE *out, const struct nh_harness_run *r)
{
    uint32_t tests = 0, failures = 0;
    char time[NH_HARNESS_TIME_MAX_BYTES];
    for (; nh_harness_checks[tests]; tests++)
        failures += reasons_of(r, nh_harness_checks[tests]) > 0;
    nh_harness_time(r->begin_us, time);
    fprintf(out,
            "  <testsuite name=\"%s %s\" tests=\"%u\" failures=\"%u\" errors=\"0\" time=\"%.3f\" "
            "timestamp=\"%.19s\">\n",
            r->scenario->key, r->scenario->title, (unsigned)tests, (unsigned)failures,
            seconds_of(r), time);
    for (uint32_t i = 0; i < tests; i++)
        put_case(out, r, nh_harness_checks[i]);
    fputs("    <system-out>", out);
    nh_harness_svg_escape(out, r->dir);
    fputs("</system-out>\n  </testsuite>\n", out);
}

int nh_harness_junit_write(const struct nh_harness_run *const *runs, size_t count, const char *path)
{
    FILE *out = fopen(path, "w");
    if (!out)
        return NH_ERR_IO;
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"nuthatch harness\">\n",
          out);
    for (size_t i = 0; i < count; i++)
        put_suite(out, runs[i]);
    fputs("</testsuites>\n", out);
    return fclose(out) == 0 ? NH_OK : NH_ERR_IO;
}
