#include "hub/config_told.h"

#include <stdio.h>
#include <string.h>

// Whether `pointer` is `above`, or lies below it.
static bool is_within(const char *pointer, const char *above)
{
    size_t len = strlen(above);
    return strncmp(pointer, above, len) == 0 && (pointer[len] == '\0' || pointer[len] == '/');
}

static bool was_told(const struct nh_hub_told *t, const char *pointer)
{
    for (uint32_t i = 0; i < t->stage_begin; i++)
        if (is_within(pointer, t->pointer[i]) || is_within(t->pointer[i], pointer))
            return true;
    return false;
}

void nh_hub_told_stage(struct nh_hub_told *t)
{
    t->stage_begin = t->count;
}

void nh_hub_told_take(void *ctx, const struct nh_finding *f)
{
    struct nh_hub_told *t = ctx;
    if (f->pointer[0] && was_told(t, f->pointer))
        return;
    if (!f->is_warning) {
        t->errors++;
        if (f->pointer[0] && t->count < NH_HUB_TOLD_MAX_COUNT)
            snprintf(t->pointer[t->count++], sizeof t->pointer[0], "%s", f->pointer);
    }
    if (t->finding)
        t->finding(t->ctx, f);
}

bool nh_hub_told_has(const struct nh_hub_told *t, const char *pointer)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (is_within(t->pointer[i], pointer))
            return true;
    return false;
}

void nh_hub_finding_text(const char *file, const struct nh_finding *f, char *out, size_t cap)
{
    char place[32] = "";
    if (f->line && f->column)
        snprintf(place, sizeof place, ":%u:%u", (unsigned)f->line, (unsigned)f->column);
    else if (f->line)
        snprintf(place, sizeof place, ":%u", (unsigned)f->line);
    snprintf(out, cap, "%s%s%s%s%s%s%s%s%s%s%s", file ? file : "", file ? place : "",
             file ? ": " : "", f->is_warning ? "warning: " : "", f->pointer,
             f->pointer[0] ? " " : "", f->text[0] ? f->text : nh_err_text(f->code),
             f->value[0] ? "; has " : "", f->value,
             !f->limit[0]  ? ""
             : f->value[0] ? ", limit: "
                           : "; limit: ",
             f->limit);
}
