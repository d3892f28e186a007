// The owner's call for one setting.

#include "components/battery/battery.h"
#include "components/battery/battery_settings.h"

int nh_battery_setting_write(nh_battery_t *b, const struct nh_tinybms_register *r, double value,
                             void (*done)(void *ctx, const struct nh_battery_setting_result *res),
                             void *ctx)
{
    return nh_battery__setting_write(nh_battery__settings_of(b), r, value, done, ctx);
}
