// battery_pack_state.h - the inside of the pack, for its own files and tests.

#ifndef NH_BATTERY_PACK_STATE_H
#define NH_BATTERY_PACK_STATE_H

#include "components/battery/battery_alarms.h"
#include "components/battery/battery_history.h"
#include "components/battery/battery_model_state.h"
#include "components/battery/battery_pack.h"
#include "core/store/write_behind.h"

#define NH_BATTERY__ENERGY_DOC "battery"
#define NH_BATTERY__ALARMS_DOC "battery_alarms"
// Energy is written when a meter rose by 10 Wh, at most each 5 minutes, and at the stop.
#define NH_BATTERY__ENERGY_DELTA_MWH 10000
#define NH_BATTERY__ENERGY_DELAY_MS 60000
#define NH_BATTERY__ENERGY_DEADLINE_MS 300000
#define NH_BATTERY__ALARMS_DELAY_MS 2000
#define NH_BATTERY__ALARMS_DEADLINE_MS 10000

struct nh_battery__pack {
    const struct nh_battery_config *cfg; // borrowed
    nh_battery_model_t *model;
    nh_timer_t timer;
    bool is_started;
    nh_write_behind_t energy_keep, alarms_keep, mode_keep; // mode: with the meters, but soon
    nh_battery__alarms_t alarms;
    nh_battery__history_t history;
    struct nh_battery__point *points;
    struct nh_battery__time now; // of the call under way, for callbacks
    uint32_t log_clock_s;
    uint64_t log_ms; // when the board's log was read; 0: never
    uint8_t log_count;
    struct nh_tinybms_event log[NH_TINYBMS_EVENT_MAX_COUNT]; // newest first
};

// battery_keep.c: the two documents.
int nh_battery__keep_init(nh_battery__pack_t *p); // sets up the write-behind
void nh_battery__keep_load(nh_battery__pack_t *p);
void nh_battery__keep_note_energy(nh_battery__pack_t *p, uint64_t now_ms);
uint64_t nh_battery__keep_deadline(const nh_battery__pack_t *p);
void nh_battery__keep_tick(nh_battery__pack_t *p, uint64_t now_ms);
void nh_battery__keep_stop(nh_battery__pack_t *p, uint64_t now_ms);

// Runs what is due; returns when it wants to be called next. The timer's work, for tests.
uint64_t nh_battery__pack_tick(nh_battery__pack_t *p, struct nh_battery__time t);

#endif
