// The routes of the battery, all in one table; each handler stands with what it tells.

#include "components/battery/battery_api.h"
#include "components/battery/battery_private.h"
#include "components/battery/battery_settings_api.h"

#define ACKNOWLEDGE_BODY_MAX_BYTES 128

static const nh_route_t routes[] = {
    {.method = "GET",
     .path = "/api/battery",
     .flags = NH_ROUTE_OPERATOR,
     .handle = nh_battery__api_get,
     .params = "",
     .text = "The pack: values with source and age, limits, counters, alarms, the line"},
    {.method = "POST",
     .path = "/api/battery/mode",
     .body_max_bytes = NH_BATTERY__MODE_BODY_MAX_BYTES,
     .handle = nh_battery__api_mode,
     .text = "Whose values count: local, remote or auto"},
    {.method = "GET",
     .path = "/api/battery/alarms",
     .flags = NH_ROUTE_OPERATOR,
     .handle = nh_battery__api_alarms,
     .text = "Alarms that are active, and those that were"},
    {.method = "POST",
     .path = "/api/battery/alarms/acknowledge",
     .body_max_bytes = ACKNOWLEDGE_BODY_MAX_BYTES,
     .flags = NH_ROUTE_OPERATOR,
     .handle = nh_battery__api_acknowledge,
     .text = "Take note of an alarm, or of all"},
    {.method = "GET",
     .path = "/api/battery/events",
     .flags = NH_ROUTE_OPERATOR,
     .handle = nh_battery__api_events,
     .text = "The board's own log"},
    {.method = "GET",
     .path = "/api/battery/history",
     .flags = NH_ROUTE_OPERATOR,
     .handle = nh_battery__api_history,
     .text = "Samples of the last hour, day or week (range, points; format=csv)"},
    {.method = "GET",
     .path = "/api/battery/history/hours",
     .flags = NH_ROUTE_OPERATOR,
     .handle = nh_battery__api_hours,
     .text = "Minima, maxima and means of each hour"},
    {.method = "GET",
     .path = "/api/battery/history/days",
     .flags = NH_ROUTE_OPERATOR,
     .handle = nh_battery__api_days,
     .text = "Minima, maxima and means of each day"},
    {.method = "GET",
     .path = "/api/battery/line",
     .flags = NH_ROUTE_OPERATOR,
     .handle = nh_battery__api_line,
     .params = "",
     .text = "The line to the board: exchanges, errors, latencies, the queue"},
    {.method = "GET",
     .path = "/api/battery/registers",
     .flags = NH_ROUTE_OPERATOR,
     .handle = nh_battery__api_registers,
     .params = "first count max_age_ms",
     .text = "Registers of the board as they are (first, count; max_age_ms: so old they may be)"},
    NH_BATTERY_SETTINGS_ROUTES,
    {0},
};

struct nh_route_table nh_battery_routes(nh_battery_t *b)
{
    return (struct nh_route_table){routes, b, "battery"};
}
