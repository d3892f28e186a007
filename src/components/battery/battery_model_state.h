// battery_model_state.h - the inside of the model, for its own files and tests.

#ifndef NH_BATTERY_MODEL_STATE_H
#define NH_BATTERY_MODEL_STATE_H

#include "components/battery/battery_derive.h"
#include "components/battery/battery_image.h"
#include "components/battery/battery_snapshot.h"

#define NH_BATTERY__SOURCE_COUNT (NH_BATTERY_FROM_STORE + 1)

struct nh_battery__heard {
    bool is_connected, is_alive; // alive: heard of lately, and its line is not down
    uint64_t last_ms, since_ms;  // since: alive without a break
};
// What an audience was told, and when.
struct nh_battery__told {
    bool is_any, is_forced; // forced: tell at once, whatever the pace
    uint64_t ms;
    uint32_t waiting; // what differs, until the pace allows
    struct nh_battery__reference reference;
};

struct nh_battery_model {
    struct nh_battery_model_config cfg;
    nh_battery__box_t *box; // apart, since readers of a const model write to its counters
    uint32_t generation, seq;
    uint8_t mode, source;
    struct nh_battery__heard heard[NH_BATTERY__SOURCE_COUNT];
    struct nh_battery__image image[NH_BATTERY__SOURCE_COUNT];
    struct nh_battery__told told[NH_BATTERY_AUDIENCE_COUNT];
    nh_battery__derive_t derive;
    uint64_t energy_ms;
    uint8_t energy_source;
    uint8_t alarm_count, alarm_worst;
    uint16_t unacknowledged;
    int64_t stored_unix_ms; // of image[NH_BATTERY_FROM_STORE]
    uint64_t begin_ms;      // of the mode, or the start; NH_NEVER: with the next call
    bool is_deferred;
    uint64_t deferred_ms;
    const struct nh_battery_snapshot *newest; // the owner's view of the box
    struct nh_battery_model_info info;
};

// Meters as they were before a restart. Before the first candidate.
void nh_battery__model_meters_set(nh_battery_model_t *m, const struct nh_battery__meters *meters);
const struct nh_battery__meters *nh_battery__model_meters(const nh_battery_model_t *m);
int64_t nh_battery__model_energy_mwh(const nh_battery_model_t *m, size_t way); // 0 in, 1 out
// The mode as it was before a restart; tells nobody. Before the first candidate.
void nh_battery__model_mode_restore(nh_battery_model_t *m, enum nh_battery_mode mode);
// What the alarms say now; told at once when it differs.
void nh_battery__model_alarms_set(nh_battery_model_t *m, uint8_t count, uint8_t worst,
                                  uint16_t unacknowledged, uint64_t now_ms);
// The newest snapshot without a copy: the owner's, until its next call.
const struct nh_battery_snapshot *nh_battery__model_newest(const nh_battery_model_t *m);

#endif
