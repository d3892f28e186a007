// pack.h - cells, charger, load, switches and protections of a simulated battery board, in cycles
// of 100 ms. No clock, no line, no allocation: a struct and what one cycle makes of it.
//
// Currents: positive charges, negative discharges. The board's behaviour: docs/battery-sim.md.

#ifndef NH_TOOLS_BATTERY_PACK_H
#define NH_TOOLS_BATTERY_PACK_H

#include "random.h"
#include "settings.h"

#define NH_SIM_CELL_MAX_COUNT 16
#define NH_SIM_EVENT_COUNT 49
#define NH_SIM_CYCLE_MS 100
#define NH_SIM_TEMP_NONE (-32768) // of a sensor that is not connected, in tenths of a degree

enum nh_sim_profile {
    NH_SIM_IDLE,
    NH_SIM_CHARGING,
    NH_SIM_DISCHARGING,
    NH_SIM_DAY,  // sun from 6 to 18, a house's load
    NH_SIM_HAND, // as the lines of the input say
};
enum nh_sim_chemistry { NH_SIM_LFP, NH_SIM_NMC };
enum nh_sim_status {
    NH_SIM_STATUS_CHARGING = 0x91,
    NH_SIM_STATUS_FULL = 0x92,
    NH_SIM_STATUS_DISCHARGING = 0x93,
    NH_SIM_STATUS_REGENERATION = 0x96,
    NH_SIM_STATUS_IDLE = 0x97,
    NH_SIM_STATUS_FAULT = 0x9B,
};
enum nh_sim_wire { NH_SIM_WIRE_OK, NH_SIM_WIRE_OPEN, NH_SIM_WIRE_HIGH };
enum nh_sim_protection {
    NH_SIM_HOT,
    NH_SIM_COLD_WARNING,
    NH_SIM_COLD_FAULT,
    NH_SIM_OVER_VOLTAGE,
    NH_SIM_DISCHARGED,
    NH_SIM_UNDER_VOLTAGE,
    NH_SIM_CHARGE_OVER,
    NH_SIM_DISCHARGE_OVER,
    NH_SIM_REGENERATION_OVER,
    NH_SIM_SENSOR_LOST,
    NH_SIM_CHARGER_STUCK,
    NH_SIM_LOAD_STUCK,
    NH_SIM_PROTECTION_COUNT,
};

struct nh_sim_pack_config {
    uint8_t cell_count; // 0: 13
    enum nh_sim_chemistry chemistry;
    enum nh_sim_profile profile;
    double capacity_ah;       // 0: 100
    double soc_pct;           // < 0: 60
    double charge_a, load_a;  // 0: a fifth of the capacity an hour
    double ambient_c;         // of the air
    uint8_t external_sensors; // 0 to 2
    bool is_low_power;        // the small board: activity from 80 mA, not 800
    uint32_t day_start_s;     // of the clock of NH_SIM_DAY at the start
    uint64_t seed;
};

struct nh_sim_cell {
    double charge_ah, capacity_ah, ohm, slow_v; // slow_v: what current leaves behind for a while
    uint16_t dmv;                               // as measured, tenths of a millivolt
    uint8_t wire;
};

struct nh_sim_statistics {
    double max_discharge_a, max_charge_a, max_spread_mv;
    uint16_t under, over, discharge_over, charge_over, hot, chargings, full_charges;
    double min_c, max_c;
    uint8_t last_reset, last_wakeup;
    uint32_t cleared_at_s;
};

struct nh_sim_event {
    uint8_t id;
    uint32_t time_s;
};

struct nh_sim_pack {
    struct nh_sim_pack_config cfg;
    struct nh_sim_random random;
    struct nh_sim_cell cells[NH_SIM_CELL_MAX_COUNT];
    uint16_t settings[NH_SIM_SETTING_COUNT];
    uint64_t time_ms; // the board's clock
    // the world around it
    double sun_a, charger_v, wanted_load_a, cell_c;
    bool is_ignition_on; // what the input shows, where register 334 names one
    bool is_charger_plugged, is_sensor_lost, is_charger_stuck, is_load_stuck;
    double ext1_fault_c, ext2_fault_c; // added to what a sensor shows
    // measured
    double voltage_v, current_a;
    double low_mv, high_mv;
    int16_t bms_dc, ext1_dc, ext2_dc; // tenths of a degree
    // decided
    bool is_charger_on, is_load_on; // the switches
    bool is_charger_seen, has_charged, is_charge_done, is_balancing_pause;
    uint16_t status, balance_wanted, balance_active;
    struct {
        bool is_active;
        double lasting_s, gone_s; // how long the cause has been there, or gone
    } protection[NH_SIM_PROTECTION_COUNT];
    double gone_s, quiet_s, done_s, high_s, low_s; // of the charger; see pack_charge.c
    uint32_t balance_turn;
    // counted
    double counted_ah, drawn_ah, health; // health: 1 is new
    bool is_health_written;
    struct nh_sim_statistics stats;
    struct nh_sim_event events[NH_SIM_EVENT_COUNT]; // a ring
    uint32_t event_count, event_told;               // ever; of those, told by "newest"
};

void nh_sim_pack_init(struct nh_sim_pack *p, const struct nh_sim_pack_config *cfg);
void nh_sim_pack_cycle(struct nh_sim_pack *p);
// The board starts anew: switches and protections forget, the log and the gauge do not. `reset` as
// in the statistics: 4 by software, 5 power-on.
void nh_sim_pack_restart(struct nh_sim_pack *p, uint8_t reset);

static inline uint16_t *nh_sim_pack_setting(struct nh_sim_pack *p, uint16_t address)
{
    return &p->settings[address - NH_SIM_SETTING_FIRST];
}
static inline uint16_t nh_sim_pack_get(const struct nh_sim_pack *p, enum nh_sim_setting address)
{
    return p->settings[address - NH_SIM_SETTING_FIRST];
}

double nh_sim_pack_soc_pct(const struct nh_sim_pack *p); // by the gauge
void nh_sim_pack_soc_set(struct nh_sim_pack *p, double pct);
uint32_t nh_sim_pack_time_s(const struct nh_sim_pack *p);
uint32_t nh_sim_pack_time_left_s(const struct nh_sim_pack *p); // until empty; 0: not discharging
void nh_sim_pack_log(struct nh_sim_pack *p, uint8_t id);
// The event `back` before the newest; NULL: there is none.
const struct nh_sim_event *nh_sim_pack_event(const struct nh_sim_pack *p, uint32_t back);
void nh_sim_pack_clear_statistics(struct nh_sim_pack *p);
double nh_sim_pack_threshold_a(const struct nh_sim_pack *p); // below it there is no activity
bool nh_sim_pack_has_fault(const struct nh_sim_pack *p);
bool nh_sim_pack_has_ignition(const struct nh_sim_pack *p); // an input for it is set
void nh_sim_pack_ignition(struct nh_sim_pack *p, bool is_on);

// Parts of a cycle, shared in this folder.
void nh_sim_pack__world(struct nh_sim_pack *p);   // world.c: charger, load, cells, air
void nh_sim_pack__measure(struct nh_sim_pack *p); // world.c
void nh_sim_pack__protect(struct nh_sim_pack *p); // protect.c: what the switches did so far
void nh_sim_pack__charge(struct nh_sim_pack *p);  // charge.c: whether the charger is wanted
void nh_sim_pack__switch(struct nh_sim_pack *p);  // protect.c: what stays on
bool nh_sim_pack__is_protected(const struct nh_sim_pack *p, enum nh_sim_protection which);
// What a charger that is plugged in again ends, or the ignition: what waits for it.
void nh_sim_pack__recover(struct nh_sim_pack *p, bool is_charger);

#endif
