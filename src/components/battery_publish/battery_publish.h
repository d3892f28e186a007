// battery_publish.h - points of the pack to HTTP, MQTT and InfluxDB at a period, through a ring
// that outlives an outage. The loop's task owns it; the figures are read from any task, whole.
//
// One ring, one cursor a sink: a point goes away when every sink has confirmed it, or when the ring
// is full and the oldest is overwritten (counted for each sink that had not had it). Every point
// carries boot id and sequence number, so a receiver drops doubles. Formats:
// docs/battery-publish.md.

#ifndef NH_BATTERY_PUBLISH_H
#define NH_BATTERY_PUBLISH_H

#include "components/battery/battery.h"
#include "platform/http_client.h"

#define NH_BATTERY_SINK_COUNT 3
enum nh_battery_sink { NH_BATTERY_SINK_HTTP, NH_BATTERY_SINK_MQTT, NH_BATTERY_SINK_INFLUX };

struct nh_battery_point { // the ring's entry
    uint32_t boot, seq;
    uint64_t time_ms;
    int64_t unix_ms; // 0: the clock was not known; corrected when it becomes known
    uint32_t valid;  // bits of enum nh_battery_field
    int32_t voltage_mv, current_ma, power_mw, soc_mpct, soh_mpct, temperature_mc;
    uint16_t cell_min_dmv, cell_max_dmv, cell_delta_dmv;
};

typedef struct nh_battery_publish nh_battery_publish_t;
// Engine and owner are the helper's to complete; the metrics are fixed:
struct nh_battery_publish_metrics {
    uint64_t last_sync_ms, buffered_points, buffer_capacity, publish_errors, published_points,
        last_duration_ms;
    uint64_t produced, contention, oldest_age_ms, flash_writes;
    struct {
        bool is_enabled, is_online;
        uint64_t delivered, dropped, errors, duplicates_avoided, pending, next_try_ms;
    } sink[NH_BATTERY_SINK_COUNT];
};

#endif
