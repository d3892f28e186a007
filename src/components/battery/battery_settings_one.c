// One setting, for who has no second look to give.

#include "components/battery/battery.h"
#include "components/battery/battery_settings.h"

#include <math.h>
#include <stdio.h>

static double value_now(const nh_battery__settings_t *s, const struct nh_tinybms_register *r)
{
    struct nh_battery__settings_info i;
    nh_battery__settings_info(s, &i);
    if (!i.image.has_now)
        return NAN;
    return nh_tinybms_value(r, i.image.now + (r->address - NH_TINYBMS_SETTINGS_FIRST));
}

static int err_of(const nh_battery__job_t *j)
{
    if (j->err < 0)
        return j->err;
    switch (j->outcome) {
    case NH_BATTERY_DONE:
        return NH_OK;
    case NH_BATTERY_REFUSED:
        return NH_ERR_DENIED;
    case NH_BATTERY_NOT_TAKEN:
        return NH_ERR_CONFLICT;
    case NH_BATTERY_CANCELLED:
        return NH_ERR_CLOSED;
    default:
        return NH_ERR_TIMEOUT;
    }
}

static void ended(void *ctx, const nh_battery__job_t *j)
{
    nh_battery__settings_t *s = ctx;
    const struct nh_tinybms_register *r = j->wishes[0].r;
    struct nh_battery_setting_result res = {
        .err = err_of(j), .outcome = j->outcome, .code = j->code, .value = value_now(s, r)};
    if (j->plan.finding_count) {
        const struct nh_battery__finding *f = &j->plan.findings[0];
        snprintf(res.text, sizeof res.text, "%s%s%s", f->text, f->limit[0] ? "; allowed: " : "",
                 f->limit);
    }
    j->told(j->told_ctx, &res);
}

int nh_battery__setting_write(nh_battery__settings_t *s, const struct nh_tinybms_register *r,
                              double value,
                              void (*done)(void *ctx, const struct nh_battery_setting_result *),
                              void *ctx)
{
    if (!(r->flags & NH_TINYBMS_WRITABLE) || r->flags & NH_TINYBMS_DANGEROUS)
        return NH_ERR_DENIED;
    nh_battery__job_t *j = nh_battery__job_create(s);
    if (!j)
        return NH_ERR_FULL;
    j->kind = NH_BATTERY__APPLY;
    j->wishes[0] = (struct nh_battery__wish){.r = r, .value = value};
    j->wish_count = 1;
    j->told = done;
    j->told_ctx = ctx;
    j->done = ended;
    j->ctx = s;
    return nh_battery__job_submit(s, j);
}
