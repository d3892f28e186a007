// Fields of the battery's points to other machines.
#include "core/http/url.h"
#include "hub/config_bridge.h"
#include "hub/config_fields.h"
#include "hub/config_private.h"

#include <stdio.h>
#include <string.h>

const nh_json_field_t nh_hub__battery_publish_fields[] = {
    BOOL("enabled", battery_publish.enabled, "Whether points of the pack go to other machines"),
    UINT("period_ms", battery_publish.period_ms, 1000, 3600000, "ms", "Between two points"),
    UINT("ring_count", battery_publish.ring_count, 1, 16384, NULL,
         "Points that wait for a receiver that is away; then the oldest is overwritten"),
    UINT("flush_per_s", battery_publish.flush_per_s, 1, 100, NULL,
         "Points a second to each receiver, of those that waited"),
    UINT("backoff_max_ms", battery_publish.backoff_max_ms, 1000, 3600000, "ms",
         "Longest wait before an attempt; the first is about a second, doubled each time"),
    STRING("http", battery_publish.http,
           "Address that points are posted to, http://HOST:PORT/PATH; without a path "
           "/api/telemetry/local; empty: none"),
    STRING("http_user", battery_publish.http_user,
           "User name there: the token is its password then; another hub wants one"),
    STRING("http_token_file", battery_publish.http_token_file,
           "File whose first line goes along as Authorization: Bearer, or is the password of "
           "http_user"),
    BOOL("mqtt", battery_publish.mqtt, "Whether points go to an MQTT broker"),
    STRING("mqtt_topic", battery_publish.mqtt_topic, "Topic of the points; reports below it"),
    STRING("mqtt_broker", battery_publish.mqtt_broker,
           "HOST:PORT of another broker; empty: the hub's own"),
    STRING("mqtt_user", battery_publish.mqtt_user, "User name there"),
    STRING("mqtt_password_file", battery_publish.mqtt_password_file,
           "File whose first line is the password"),
    BOOL("mqtt_tls", battery_publish.mqtt_tls, "That broker by TLS"),
    BOOL("mqtt_tls_any_name", battery_publish.mqtt_tls_any_name,
         "Its certificate may be of another name"),
    UINT("status_ms", battery_publish.status_ms, 0, 86400000, "ms",
         "Between reports at mqtt_topic/status; 0: none"),
    STRING("influx", battery_publish.influx,
           "InfluxDB, http://HOST:PORT?org=ORG&bucket=BUCKET; without a path /api/v2/write; empty: "
           "none"),
    STRING("influx_token_file", battery_publish.influx_token_file,
           "File whose first line is the token"),
    STRING("tls_ca_file", battery_publish.tls_ca_file,
           "Certificates in PEM that receivers are believed by; empty: those of the machine"),
    BOOL("flash", battery_publish.flash,
         "Whether waiting points outlive the program, in the folder of what the hub keeps"),
    UINT("flash_count", battery_publish.flash_count, 16, 16384, NULL,
         "Waiting points kept there at least, the newest; no more than ring_count"),
    UINT("flash_ms", battery_publish.flash_ms, 10000, 3600000, "ms",
         "Between two writes while somebody is away: what a cut may cost"),
    {0},
};

void nh_hub__battery_publish_defaults(struct nh_hub_config *c)
{
    c->battery_publish.period_ms = 5000;
    c->battery_publish.ring_count = 512;
    c->battery_publish.flush_per_s = 10;
    c->battery_publish.backoff_max_ms = 60000;
    c->battery_publish.flash_count = 512;
    c->battery_publish.flash_ms = 60000;
    c->battery_publish.status_ms = 60000;
    snprintf(c->battery_publish.mqtt_topic, sizeof c->battery_publish.mqtt_topic,
             "tinybms/telemetry");
}

static void check_address(struct nh_hub_counting *c, const char *pointer, const char *url)
{
    struct nh_http_url u;
    if (url[0] && nh_http_url_parse(url, &u) < 0)
        nh_hub_config__report(c, pointer, url, "http://HOST:PORT/PATH or https://...",
                              "is no address");
}

static void check_mqtt(struct nh_hub_counting *c, const struct nh_hub_config *cfg)
{
    const char *topic = cfg->battery_publish.mqtt_topic, *broker = cfg->battery_publish.mqtt_broker;
    char host[sizeof cfg->battery_publish.mqtt_broker];
    uint16_t port;
    if (!cfg->battery_publish.mqtt)
        return;
    if (!topic[0] || strpbrk(topic, "+#$") || topic[0] == '/')
        nh_hub_config__report(c, "/battery_publish/mqtt_topic", topic, "no + # $, not empty",
                              "is no topic");
    if (broker[0] && nh_hub_bridge_address_split(broker, host, sizeof host, &port) < 0)
        nh_hub_config__report(c, "/battery_publish/mqtt_broker", broker,
                              "HOST:PORT, port 1 to 65535", "is no address with a port");
    if (cfg->battery_publish.mqtt_password_file[0] && !cfg->battery_publish.mqtt_user[0])
        nh_hub_config__report(c, "/battery_publish/mqtt_user", "", "a user name",
                              "is missing: MQTT 3.1.1 has no password alone");
}

// Who sends no faster than points are made never gets to the end of an outage.
static void check_pace(struct nh_hub_counting *c, const struct nh_hub_config *cfg)
{
    char value[16], limit[32];
    uint64_t least = (2000 + cfg->battery_publish.period_ms - 1) / cfg->battery_publish.period_ms;
    if (cfg->battery_publish.flush_per_s >= least)
        return;
    snprintf(value, sizeof value, "%u", (unsigned)cfg->battery_publish.flush_per_s);
    snprintf(limit, sizeof limit, "at least %u", (unsigned)least);
    nh_hub_config__report(c, "/battery_publish/flush_per_s", value, limit,
                          "is too slow to catch up with points of period_ms");
}

static void check_flash(struct nh_hub_counting *c, const struct nh_hub_config *cfg)
{
    char value[16], limit[48];
    if (!cfg->battery_publish.flash ||
        cfg->battery_publish.flash_count <= cfg->battery_publish.ring_count)
        return;
    snprintf(value, sizeof value, "%u", (unsigned)cfg->battery_publish.flash_count);
    snprintf(limit, sizeof limit, "at most ring_count, %u",
             (unsigned)cfg->battery_publish.ring_count);
    nh_hub_config__report(c, "/battery_publish/flash_count", value, limit,
                          "is more than the ring holds");
}

void nh_hub_config__check_battery_publish(struct nh_hub_counting *c,
                                          const struct nh_hub_config *cfg)
{
    check_address(c, "/battery_publish/http", cfg->battery_publish.http);
    if (cfg->battery_publish.http_user[0] && !cfg->battery_publish.http_token_file[0])
        nh_hub_config__report(c, "/battery_publish/http_token_file", "", "a file",
                              "is missing: http_user has a password");
    check_address(c, "/battery_publish/influx", cfg->battery_publish.influx);
    check_mqtt(c, cfg);
    check_flash(c, cfg);
    if (cfg->battery_publish.period_ms > 0) // a range of its own tells of 0
        check_pace(c, cfg);
}
