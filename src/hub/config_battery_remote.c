// Fields of the battery's network side.
#include "core/http/url.h"
#include "hub/config_fields.h"
#include "hub/config_private.h"

#include <stdio.h>
#include <string.h>

const nh_json_field_t nh_hub__battery_remote_fields[] = {
    STRING("gateway", battery_remote.gateway,
           "Address of the hub that has the pack, http://192.168.4.1; empty: nobody is asked"),
    STRING("user", battery_remote.user, "User name there"),
    STRING("password_file", battery_remote.password_file, "File whose first line is the password"),
    STRING("tls_ca_file", battery_remote.tls_ca_file,
           "Certificates in PEM that are believed; empty: those of the machine"),
    BOOL("serve", battery_remote.serve, "Whether this hub is the gateway of others"),
    UINT("frame_ms", battery_remote.frame_ms, 50, 60000, "ms",
         "Time between frames of telemetry that are sent to others"),
    UINT("save_delay_ms", battery_remote.save_delay_ms, 1000, 600000, "ms",
         "Quiet after a change by delta_mv, 1 % of charge, 20 mV of a cell or 2 degrees before the "
         "last known values are written to flash"),
    UINT("save_deadline_ms", battery_remote.save_deadline_ms, 1000, 3600000, "ms",
         "When they are written in any case; as old they may be after a loss of power"),
    UINT("delta_mv", battery_remote.delta_mv, 1, 60000, "mV",
         "Change of the pack's voltage that is worth a write before the deadline"),
    UINT("backoff_max_ms", battery_remote.backoff_max_ms, 500, 600000, "ms",
         "Longest wait before a gateway that did not answer is asked again"),
    {0},
};

void nh_hub__battery_remote_defaults(struct nh_hub_config *c)
{
    c->battery_remote.frame_ms = 500;
    c->battery_remote.save_delay_ms = 5000;
    c->battery_remote.save_deadline_ms = 60000;
    c->battery_remote.delta_mv = 200;
    c->battery_remote.backoff_max_ms = 30000;
}

void nh_hub_config__check_battery_remote(struct nh_hub_counting *c, const struct nh_hub_config *cfg)
{
    struct nh_http_url url;
    char value[16];
    const char *gateway = cfg->battery_remote.gateway;
    if (gateway[0] && (nh_http_url_parse(gateway, &url) < 0 || url.target.len > 1))
        nh_hub_config__report(c, "/battery_remote/gateway", gateway,
                              "http://HOST:PORT or https://HOST:PORT", "is no address of a hub");
    snprintf(value, sizeof value, "%u", (unsigned)cfg->battery_remote.save_deadline_ms);
    if (cfg->battery_remote.save_deadline_ms < cfg->battery_remote.save_delay_ms)
        nh_hub_config__report(c, "/battery_remote/save_deadline_ms", value,
                              "not below battery_remote.save_delay_ms", "comes before the delay");
}
