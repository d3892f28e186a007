// Fields of the battery.
#include "components/battery/battery.h"
#include "hub/config_fields.h"
#include "hub/config_private.h"

#include <stdio.h>

static const char *const mode_names[] = {"local", "remote", "auto", NULL}; // enum nh_battery_mode

const nh_json_field_t nh_hub__battery_fields[] = {
    BOOL("enabled", battery.enabled, "Whether there is a pack"),
    STRING("path", battery.path,
           "Serial device of its board, /dev/ttyUSB0; empty: none here, another hub has it"),
    UINT("baud", battery.baud, 1200, 921600, NULL,
         "Speed of that line; the board's own is 115200 and cannot be changed"),
    {.name = "mode",
     .type = NH_JSON_T_ENUM,
     AT(battery.mode),
     .names = mode_names,
     .text = "Whose values count: of the board here, of another hub, or of the board here while it "
             "answers"},
    BOOL(
        "descending", battery.is_descending,
        "Whether register 15 is cell 1, as on some boards of fewer than 16 cells; else register 0"),
    UINT("poll_ms", battery.poll_ms, 100, 60000, "ms",
         "How often the board is asked for live values; it measures each 100 ms"),
    UINT("slow_ms", battery.slow_ms, 1000, 3600000, "ms",
         "How often it is asked for statistics, settings and version"),
    UINT("queue_max", battery.queue_max, 2, 64, NULL,
         "Requests that wait for the board or for their answer; one more is refused"),
    UINT("first_byte_ms", battery.first_byte_ms, 20, 5000, "ms",
         "How long it may take to begin an answer"),
    UINT("inside_ms", battery.inside_ms, 5, 1000, "ms", "Silence that ends an unfinished answer"),
    UINT("deadline_ms", battery.deadline_ms, 50, 60000, "ms",
         "When a request that names no time is given up, whatever is under way"),
    UINT("retry_count", battery.retry_count, 1, 10, NULL, "Repeats of what is not answered"),
    UINT("stale_ms", battery.stale_ms, 500, 600000, "ms", "Age at which a live value is stale"),
    UINT("history_count", battery.history_count, 64, 65536, NULL, "Samples of the history kept"),
    UINT("backup_count", battery.backup_count, 1, NH_STORE_KEEP_MAX_COUNT, NULL,
         "Backups of the board's settings kept: one is made before each change"),
    {0},
};

void nh_hub__battery_defaults(struct nh_hub_config *c)
{
    c->battery.baud = 115200;
    c->battery.poll_ms = 500;
    c->battery.slow_ms = 60000;
    c->battery.queue_max = 16;
    c->battery.first_byte_ms = 150;
    c->battery.inside_ms = 20;
    c->battery.deadline_ms = 2000;
    c->battery.retry_count = 2;
    c->battery.stale_ms = 2000;
    c->battery.history_count = 2048;
    c->battery.backup_count = NH_STORE_KEEP_MAX_COUNT;
}

static bool is_a_speed(uint32_t baud)
{
    static const uint32_t speeds[] = {1200,  2400,   4800,   9600,   19200, 38400,
                                      57600, 115200, 230400, 460800, 921600};
    for (size_t i = 0; i < NH_ARRAY_LEN(speeds); i++)
        if (speeds[i] == baud)
            return true;
    return false;
}

void nh_hub_config__check_battery(struct nh_hub_counting *c, const struct nh_hub_config *cfg)
{
    char value[16];
    if (!cfg->battery.enabled)
        return;
    snprintf(value, sizeof value, "%u", (unsigned)cfg->battery.baud);
    if (!is_a_speed(cfg->battery.baud))
        nh_hub_config__report(c, "/battery/baud", value, "1200, 2400 ... 115200 ... 921600",
                              "is no speed of a serial line");
    snprintf(value, sizeof value, "%u", (unsigned)cfg->battery.stale_ms);
    if (cfg->battery.stale_ms <= cfg->battery.poll_ms)
        nh_hub_config__report(c, "/battery/stale_ms", value, "more than battery.poll_ms",
                              "makes each value stale before the next one comes");
}
