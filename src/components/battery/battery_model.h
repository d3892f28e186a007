// battery_model.h - one truth about the pack: candidates of several sources in, a whole snapshot
// out.
//
// One owner (the loop's task) calls everything but nh_battery_model_read(), which any task may
// call. Sans-IO: the clock is an argument. A source posts what it knows with a mask; only the model
// publishes. A change of mode begins a new generation: what belongs to an older one is dropped.
// Each source has its own image of the pack, and a snapshot shows one of them: it never mixes two.

#ifndef NH_BATTERY_MODEL_H
#define NH_BATTERY_MODEL_H

#include "core/mem/mem.h"

#define NH_BATTERY_CELL_MAX_COUNT 32
#define NH_BATTERY_TEMPERATURE_NONE INT32_MIN

// Integers in small units, so that a chip without a floating point unit compares them.
enum nh_battery_field {
    NH_BATTERY_SOC,
    NH_BATTERY_SOH,
    NH_BATTERY_VOLTAGE,
    NH_BATTERY_CURRENT,
    NH_BATTERY_POWER,
    NH_BATTERY_TEMPERATURE,
    NH_BATTERY_TEMP_EXT1,
    NH_BATTERY_TEMP_EXT2,
    NH_BATTERY_TEMP_BMS,
    NH_BATTERY_STATUS,
    NH_BATTERY_CELLS,
    NH_BATTERY_BALANCING,
    NH_BATTERY_TIME_LEFT,
    NH_BATTERY_LIFETIME,
    NH_BATTERY_CAPACITY,
    NH_BATTERY_CYCLES,
    NH_BATTERY_LIMITS,
    NH_BATTERY_ENERGY,
    NH_BATTERY_COUNTERS,
    NH_BATTERY_VERSION_INFO,
    NH_BATTERY_FIELD_COUNT,
};

enum nh_battery_source {
    NH_BATTERY_FROM_NOBODY,
    NH_BATTERY_FROM_LOCAL,
    NH_BATTERY_FROM_REMOTE,
    NH_BATTERY_FROM_STORE
};
enum nh_battery_mode {
    NH_BATTERY_LOCAL,
    NH_BATTERY_REMOTE,
    NH_BATTERY_AUTO
}; // auto: local while it lives, else remote

struct nh_battery_limits {
    int32_t charge_a, discharge_a, peak_discharge_a;          // registers 318, 317, 305
    int32_t full_mv, empty_mv, over_mv, under_mv, balance_mv; // of a cell: 300, 301, 315, 316, 303
    int32_t spread_mv;                                        // 308
    int32_t hot_c, cold_charge_c;                             // 319, 320
};
struct nh_battery_counters { // the board's own, registers 102 to 117
    uint32_t under_voltage, over_voltage, discharge_over, charge_over, overheat, chargings,
        full_charges;
    int32_t max_discharge_ma, max_charge_ma, max_spread_dmv, min_temp_c, max_temp_c;
    uint8_t last_reset, last_wakeup;
    uint32_t cleared_at_s;
};
struct nh_battery_values {                                           // dmv: tenths of a millivolt
    int32_t soc_mpct, soh_mpct;                                      // thousandths of a percent
    int32_t voltage_mv, current_ma, power_mw;                        // positive: charging
    int32_t temperature_mc, temp_ext1_mc, temp_ext2_mc, temp_bms_mc; // thousandths of a degree
    uint16_t status; // as the board: 0x91 charging ...
    uint8_t cell_count;
    uint16_t cell_dmv[NH_BATTERY_CELL_MAX_COUNT];
    uint32_t balancing, balance_wanted; // bit 0: cell 1
    uint32_t time_left_s, lifetime_s;   // of the board
    int32_t capacity_mah;
    uint32_t cycles_milli;
    struct nh_battery_limits limits;
    struct nh_battery_counters counters;
    uint64_t energy_in_mwh, energy_out_mwh;
    uint8_t hardware, hardware_changes, firmware, bootloader;
    uint16_t firmware_internal;
    uint16_t serial[6];
};

struct nh_battery_candidate {
    uint8_t source;
    uint32_t generation; // of nh_battery_snapshot when the source began to collect; older: dropped
    uint64_t time_ms;    // monotonic, of the measurement
    // FROM_STORE: the wall clock of the measurement, which may be before the start; 0: not known.
    int64_t stored_unix_ms;
    uint32_t mask; // bits of enum nh_battery_field that `values` has
    struct nh_battery_values values;
};

// What a reader gets: whole, never torn, minima and maxima from the same cells.
struct nh_battery_snapshot {
    uint32_t generation;
    uint32_t seq; // one more with each publication: something differs by its threshold, or 5 s went
    uint64_t time_ms;     // of the newest measurement in it
    uint8_t mode, source; // source: whose values count now; all fields but ENERGY are its own
    bool is_local_connected, is_remote_connected;
    bool is_missing;        // a source is configured and asked, and none was heard since the start
    uint32_t valid, stale;  // bits of fields; stale: valid, but too old to be trusted
    int64_t stored_unix_ms; // while `source` is FROM_STORE: when it was measured; 0: not known
    uint8_t field_source[NH_BATTERY_FIELD_COUNT];
    uint64_t field_ms[NH_BATTERY_FIELD_COUNT];
    struct nh_battery_values v;
    // Derived from the cells, in the same step; 0 while CELLS is not valid.
    uint16_t cell_min_dmv, cell_max_dmv, cell_avg_dmv, cell_delta_dmv;
    uint8_t cell_min_at, cell_max_at; // from 1
    // The first cell whose newest reading cannot be (CELLS keeps what was before): from 1, 0: none.
    uint8_t odd_cell_at;
    uint16_t odd_cell_dmv; // what was read
    // Derived over time. NH_NEVER: not known or not now.
    uint64_t time_to_full_s, time_to_empty_s;
    int32_t spread_trend_dmv_h;       // how fast the spread grows, per hour; INT32_MIN: not known
    uint8_t alarm_count, alarm_worst; // active ones; worst severity
    uint16_t unacknowledged;
    uint32_t check; // CRC-32 of all before it: an invariant for tests
};

// ---- alarms, samples

#define NH_BATTERY_ALARM_MAX_COUNT 32
#define NH_BATTERY_ALARM_HISTORY_COUNT 100
enum nh_battery_severity { NH_BATTERY_INFO, NH_BATTERY_WARNING, NH_BATTERY_CRITICAL };
enum nh_battery_alarm_state { NH_BATTERY_ACTIVE, NH_BATTERY_ACKNOWLEDGED, NH_BATTERY_CLEARED };
struct nh_battery_alarm {
    uint32_t id;
    uint16_t code; // types of docs/battery-alarms.md: 1 to 13 limits, 20 to 25 status, 100 + the
                   // board's event
    uint8_t severity, state, source;
    int64_t raised_unix_ms, cleared_unix_ms; // 0: not yet, or no clock
    int32_t value, threshold;                // in thousandths of the unit
    char message[64];
};

struct nh_battery_sample {
    int64_t unix_ms;
    int32_t voltage_mv, current_ma, temperature_mc, soc_mpct; // INT32_MIN: not known
    uint16_t cell_min_dmv, cell_max_dmv;                      // 0: not known
};

// ---- the model

typedef struct nh_battery_model nh_battery_model_t;

// Who hears of publications: the pages' pace, and that of all who send them on.
enum nh_battery_audience {
    NH_BATTERY_NEAR, // cells by 1 mV, at most each 100 ms: counts `seq`
    NH_BATTERY_FAR,  // cells by 5 mV, at most each 250 ms
    NH_BATTERY_AUDIENCE_COUNT,
};
struct nh_battery_model_config {
    nh_mem_t *mem;              // borrowed; outlives the model
    uint8_t mode;               // enum nh_battery_mode
    bool has_local, has_remote; // which sources are configured: not to hear them is told
    uint32_t stale_ms;          // of what the board measures ten times a second; 0: 2000
    uint32_t slow_stale_ms;     // of limits, counters, capacity, version; 0: 180000
    uint32_t alive_ms;          // a source that is silent for so long does not count; 0: 3000
    // Something differs from what this audience was told last by its threshold
    // (docs/battery-model.md), or `dirty` is 0 and 5 s went by. Within a call of the owner's; may
    // read, must not call anything else of the model. NULL: nobody.
    void (*published)(void *ctx, enum nh_battery_audience audience, uint32_t dirty,
                      const struct nh_battery_snapshot *s);
    void *ctx;
};
// All memory is taken here (PSRAM), none later. NH_ERR_RANGE: the mode. NH_ERR_NOMEM.
NH_MUST_USE int nh_battery_model_create(const struct nh_battery_model_config *cfg,
                                        nh_battery_model_t **out);
void nh_battery_model_destroy(nh_battery_model_t *m); // no reader may be inside. NULL: nothing

// Merges what a source knows. Each field is taken if it is not older than the one that source gave
// last. Returns how many fields were refused as implausible: those keep their old value and are
// stale until a good one comes. NH_ERR_CONFLICT: of an older generation, dropped and counted.
// NH_ERR_DENIED: the mode does not ask this source, dropped and counted. NH_ERR_INVAL: the source.
NH_MUST_USE int nh_battery_model_offer(nh_battery_model_t *m, const struct nh_battery_candidate *c,
                                       uint64_t now_ms);
// The line or the network of a source came or went (LOCAL, REMOTE).
void nh_battery_model_link(nh_battery_model_t *m, enum nh_battery_source source, bool is_up,
                           uint64_t now_ms);
// Another mode: a new generation, everything of the pack unknown, told at once. The same mode:
// nothing. NH_ERR_RANGE.
NH_MUST_USE int nh_battery_model_mode_set(nh_battery_model_t *m, enum nh_battery_mode mode,
                                          uint64_t now_ms);
// What a candidate carries, asked for when the source begins to collect it.
uint32_t nh_battery_model_generation(const nh_battery_model_t *m);
// When to call tick() next: a publication whose pace is up, a value that becomes stale, a source
// that is silent for too long, the heartbeat.
uint64_t nh_battery_model_next_deadline(const nh_battery_model_t *m);
void nh_battery_model_tick(nh_battery_model_t *m, uint64_t now_ms);

// Copies the newest snapshot. Any task, also while the owner writes; wait-free: two atomic
// additions and a copy, whatever others do. What is copied is one snapshot, whole.
void nh_battery_model_read(const nh_battery_model_t *m, struct nh_battery_snapshot *out);

struct nh_battery_model_info {
    uint64_t offered, stale_dropped, denied, implausible; // implausible: fields
    uint64_t published[NH_BATTERY_AUDIENCE_COUNT];
    uint64_t switched; // of sources, in mode auto
    uint64_t deferred; // no buffer was free for a new snapshot: readers held them all; tried again
};
void nh_battery_model_info(const nh_battery_model_t *m, struct nh_battery_model_info *out);

#endif
