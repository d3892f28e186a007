#include "harness/run.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

const char *const nh_harness_checks[] = {"steps", "requests", "panic", "tripwire",
                                         "tags",  "limits",   NULL};

void nh_harness_fail(struct nh_harness_run *r, const char *check, const char *fmt, ...)
{
    char text[sizeof r->reasons[0]];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    for (uint32_t i = 0; i < r->reason_count; i++)
        if (strcmp(r->reasons[i], text) == 0)
            return; // six at a time fail in the same way
    if (r->reason_count == NH_HARNESS_REASONS_MAX_COUNT)
        return;
    r->reason_check[r->reason_count] = check;
    memcpy(r->reasons[r->reason_count++], text, sizeof text);
}

// ---- limits ------------------------------------------------------------------------------------

const char *const nh_harness_limit_names[] = {"hin_min",  "hm_min",      "pf_min",    "pm_min",
                                              "frag_max", "frag_hb_max", "stack_min", NULL};

bool nh_harness_limit_is_max(const char *name)
{
    return strcmp(name + strlen(name) - 4, "_max") == 0;
}

bool nh_harness_limit_figure(const struct nh_harness_run *r, const char *name, uint64_t *out)
{
    const struct nh_harness_figures *f = &r->figures;
    const struct {
        const char *name;
        uint64_t value;
        bool is_known;
    } figures[] = {
        {"hin_min", f->hin_min, f->seen_count > 0},
        {"hm_min", f->hm_min, f->seen_count > 0},
        {"pf_min", f->pf_min, f->seen_count > 0},
        {"pm_min", f->pm_min, f->seen_count > 0},
        {"frag_max", f->frag_max, f->seen_count > 0},
        {"frag_hb_max", f->hb_frag_max, f->hb_count > 0},
        {"stack_min", f->stack_min, f->task_count > 0},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(figures); i++) {
        if (strcmp(figures[i].name, name) != 0)
            continue;
        *out = figures[i].value;
        return figures[i].is_known;
    }
    return false;
}

static void judge_limits(struct nh_harness_run *r)
{
    for (size_t i = 0; i < r->o->limit_count; i++) {
        const struct nh_harness_limit *l = &r->o->limits[i];
        uint64_t value;
        if (!nh_harness_limit_figure(r, l->name, &value)) {
            // Stacks are told only when the tripwire fires: none told is none found wanting.
            if (strcmp(l->name, "stack_min") != 0)
                nh_harness_fail(r, "limits", "limit %s: the run has no such figure", l->name);
            continue;
        }
        if (nh_harness_limit_is_max(l->name) ? value > l->value : value < l->value)
            nh_harness_fail(r, "limits", "%s is %" PRIu64 ", %s %" PRIu64, l->name, value,
                            nh_harness_limit_is_max(l->name) ? "over" : "under", l->value);
    }
}

// ---- tags --------------------------------------------------------------------------------------

static void want_tag(struct nh_harness_run *r, const char *tag)
{
    if (!nh_harness_figures_tag(&r->figures, tag))
        nh_harness_fail(r, "tags", "no snapshot with tag %s", tag);
}

static void want_tags(struct nh_harness_run *r, const char *const *tags)
{
    for (; tags && *tags; tags++)
        want_tag(r, *tags);
}

static void want_list(struct nh_harness_run *r, const char *list)
{
    while (*list) {
        char tag[NH_HARNESS_TAG_MAX_BYTES];
        size_t n = strcspn(list, ",");
        snprintf(tag, sizeof tag, "%.*s", (int)n, list);
        if (tag[0])
            want_tag(r, tag);
        list += n + (list[n] == ',');
    }
}

static void judge_tags(struct nh_harness_run *r)
{
    static const char *const boot[] = {"boot", "setup", NULL}, *const always[] = {"hb", NULL};
    const struct nh_harness_scenario *s = r->scenario;
    if (r->o->expect) {
        if (strcmp(r->o->expect, "none") != 0)
            want_list(r, r->o->expect);
        return;
    }
    if (strcmp(r->serial_path, "none") == 0 || strcmp(s->key, "prompt") == 0)
        return;
    if (!r->o->no_reboot) {
        want_tags(r, boot);
        want_tags(r, s->expect_after_reboot);
    }
    want_tags(r, s->expect);
    want_tags(r, always);
}

// ---- all of it ---------------------------------------------------------------------------------

uint32_t nh_harness_judge(struct nh_harness_run *r)
{
    const struct nh_harness_figures *f = &r->figures;
    if (f->panic)
        nh_harness_fail(r, "panic", "panic: %s in line %" PRIu64 " of serial.log", f->panic,
                        f->panic_line_no);
    if (f->has_tripwire)
        nh_harness_fail(r, "tripwire",
                        "the tripwire fired at %s: %" PRIu64 " bytes, under %" PRIu64,
                        f->tripwire.tag, f->tripwire.hin, f->tripwire.threshold);
    if (nh_harness_is_interrupted())
        nh_harness_fail(r, "steps", "interrupted");
    else
        judge_tags(r);
    judge_limits(r);
    return r->reason_count;
}
