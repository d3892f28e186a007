// The owner's state, for its routes.

#ifndef NH_BATTERY_PUBLISH_PRIVATE_H
#define NH_BATTERY_PUBLISH_PRIVATE_H

#include "components/battery_publish/battery_publish.h"
#include "components/battery_publish/publish_engine.h"
#include "components/battery_publish/publish_flash.h"
#include "components/battery_publish/publish_format.h"
#include "components/battery_publish/publish_mqtt.h"
#include "components/battery_publish/publish_post.h"

struct nh_battery_publish {
    struct nh_battery_publish_config cfg;
    char device[NH_PUBLISH_DEVICE_MAX_BYTES];
    uint32_t boot;
    nh_publish_engine_t *engine;
    nh_publish_post_t *http, *influx; // NULL: off, as the next two
    nh_publish_mqtt_t *mqtt;
    nh_publish_flash_t *flash;
    // Of the request that is under way.
    uint32_t http_ticket, influx_ticket;
    bool was_online[NH_BATTERY_SINK_COUNT]; // as the log was told
    bool is_told[NH_BATTERY_SINK_COUNT];
    uint64_t status_at_ms; // the next report; NH_NEVER: none
    nh_timer_t timer;
    struct nh_battery_snapshot snapshot; // of the point that is being made: too large for a stack
};

const char *nh_battery_publish__sink_name(enum nh_battery_sink sink);
// Where a sink is, and why its last attempt failed ("": it did not), for people. NULL: it is off.
const char *nh_battery_publish__address(const nh_battery_publish_t *p, enum nh_battery_sink sink);
const char *nh_battery_publish__reason(const nh_battery_publish_t *p, enum nh_battery_sink sink);

#endif
