// publish_point.h - what a sink gets, and the figures of the sinks; included by battery_publish.h.

#ifndef NH_PUBLISH_POINT_H
#define NH_PUBLISH_POINT_H

#include "components/battery/battery.h"

#define NH_BATTERY_SINK_COUNT 3
enum nh_battery_sink { NH_BATTERY_SINK_HTTP, NH_BATTERY_SINK_MQTT, NH_BATTERY_SINK_INFLUX };

struct nh_battery_point { // the ring's entry
    uint32_t boot, seq;   // of the life that made it, from 1
    uint64_t time_ms;     // monotonic, of that life
    int64_t unix_ms;      // 0: the clock was not known; corrected when it becomes known
    uint32_t valid;       // bits of enum nh_battery_field
    int32_t voltage_mv, current_ma, power_mw, soc_mpct, soh_mpct, temperature_mc;
    uint16_t cell_min_dmv, cell_max_dmv, cell_delta_dmv;
};

// Counts begin with the program and never fall. At any moment
//   produced + restored = published_points + overwritten + buffered_points
// and for each sink
//   owed = delivered + dropped + pending
struct nh_battery_publish_metrics {
    uint64_t last_sync_ms, buffered_points, buffer_capacity, publish_errors, published_points,
        last_duration_ms; // last_sync: monotonic, of the last confirmed attempt; 0: none
    uint64_t produced, contention, oldest_age_ms, flash_writes;
    uint64_t restored;                   // points of an earlier life that were found on flash
    uint64_t overwritten;                // in the ring, before every sink had them
    uint64_t skipped, missed;            // periods without a value; that the hub slept through
    uint64_t flash_points, flash_errors; // kept there now; writes that failed
    struct {
        bool is_enabled, is_online; // online: the last attempt was confirmed, or the link is up
        uint64_t delivered, dropped, errors, duplicates_avoided, pending, next_try_ms;
        uint64_t owed; // points that it is to get: made or restored since the start
        // duplicates_avoided: points that this sink had already when another one's attempt with
        // them failed. next_try_ms: 0: at once.
    } sink[NH_BATTERY_SINK_COUNT];
};

#endif
