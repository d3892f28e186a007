// battery_settings_api.h - handlers of /api/battery/settings... and /api/battery/control, for the
// table in battery_api.c. The table's ctx is the nh_battery_t. docs/battery-settings.md.

#ifndef NH_BATTERY_SETTINGS_API_H
#define NH_BATTERY_SETTINGS_API_H

#include "core/http/http.h"

#define NH_BATTERY_CHANGES_MAX_BYTES 4096
#define NH_BATTERY_FILE_MAX_BYTES 8192
#define NH_BATTERY_CONTROL_MAX_BYTES 256

int nh_battery_api__get_settings(nh_request_t *req);
int nh_battery_api__put_settings(nh_request_t *req);
int nh_battery_api__get_export(nh_request_t *req);
int nh_battery_api__post_compare(nh_request_t *req);
int nh_battery_api__get_backups(nh_request_t *req);
int nh_battery_api__post_control(nh_request_t *req);

// Their rows of a route table.
#define NH_BATTERY_SETTINGS_ROUTES                                                                 \
    {.method = "GET",                                                                              \
     .path = "/api/battery/settings",                                                              \
     .flags = NH_ROUTE_OPERATOR,                                                                   \
     .handle = nh_battery_api__get_settings,                                                       \
     .params = "fresh",                                                                            \
     .text = "Settings of the board with limits (fresh=1: read now)"},                             \
        {.method = "PUT",                                                                          \
         .path = "/api/battery/settings",                                                          \
         .body_max_bytes = NH_BATTERY_CHANGES_MAX_BYTES,                                           \
         .handle = nh_battery_api__put_settings,                                                   \
         .text = "Change settings; dangerous ones are asked for twice"},                           \
        {.method = "GET",                                                                          \
         .path = "/api/battery/settings/export",                                                   \
         .flags = NH_ROUTE_OPERATOR,                                                               \
         .handle = nh_battery_api__get_export,                                                     \
         .params = "generation fresh",                                                             \
         .text = "Settings as a file (generation: of a backup)"},                                  \
        {.method = "POST",                                                                         \
         .path = "/api/battery/settings/compare",                                                  \
         .flags = NH_ROUTE_OPERATOR,                                                               \
         .body_max_bytes = NH_BATTERY_FILE_MAX_BYTES,                                              \
         .handle = nh_battery_api__post_compare,                                                   \
         .text = "What differs between a file and the board"},                                     \
        {.method = "GET",                                                                          \
         .path = "/api/battery/settings/backups",                                                  \
         .flags = NH_ROUTE_OPERATOR,                                                               \
         .handle = nh_battery_api__get_backups,                                                    \
         .text = "What the settings were before each change"},                                     \
    {                                                                                              \
        .method = "POST", .path = "/api/battery/control",                                          \
        .body_max_bytes = NH_BATTERY_CONTROL_MAX_BYTES, .handle = nh_battery_api__post_control,    \
        .text = "Restart the board, or clear its events or statistics"                             \
    }

#endif
