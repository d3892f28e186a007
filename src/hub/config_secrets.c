// Passwords and tokens of the battery's parts, in files that the configuration names: whether the
// hub could read them.

#include "hub/config_private.h"
#include "hub/secret_file.h"
#include "platform/crypto.h"

#include <stdio.h>

static void check_file(struct nh_hub_counting *c, const char *pointer, const char *path, size_t cap)
{
    char secret[NH_SECRET_MAX_BYTES], limit[48];
    const char *why;
    snprintf(limit, sizeof limit, "a file whose first line has 1 to %zu bytes", cap - 1);
    if (nh_secret_file_read(path, secret, cap, &why) < 0)
        nh_hub_config__report(c, pointer, path, limit, why);
    nh_wipe(secret, sizeof secret);
}

int nh_hub_config_check_secrets(const struct nh_hub_config *cfg, nh_finding_fn finding, void *ctx)
{
    struct nh_hub_counting c = {.places = &cfg->places, .finding = finding, .ctx = ctx};
    check_file(&c, "/battery_remote/password_file", cfg->battery_remote.password_file,
               NH_HUB_GATEWAY_PASSWORD_BYTES);
    check_file(&c, "/battery_publish/http_token_file", cfg->battery_publish.http_token_file,
               NH_SECRET_MAX_BYTES);
    check_file(&c, "/battery_publish/influx_token_file", cfg->battery_publish.influx_token_file,
               NH_SECRET_MAX_BYTES);
    check_file(&c, "/battery_publish/mqtt_password_file", cfg->battery_publish.mqtt_password_file,
               NH_HUB_BROKER_PASSWORD_BYTES);
    return c.errors > 0 ? NH_ERR_INVAL : NH_OK;
}
