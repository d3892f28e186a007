// settings.h - the settings of a simulated battery board: addresses 300 to 399, what each may be.
//
// The simulator is a peer of the hub's client, written apart from it: its tables are its own.

#ifndef NH_TOOLS_BATTERY_SETTINGS_H
#define NH_TOOLS_BATTERY_SETTINGS_H

#include "core/base/base.h"

#define NH_SIM_SETTING_FIRST 300
#define NH_SIM_SETTING_COUNT 100

enum nh_sim_setting { // by its address
    NH_SIM_FULL_MV = 300,
    NH_SIM_EMPTY_MV = 301,
    NH_SIM_BALANCE_MV = 303,
    NH_SIM_CHARGED_MA = 304,
    NH_SIM_PEAK_A = 305,
    NH_SIM_CAPACITY = 306, // 0.01 Ah
    NH_SIM_CELL_COUNT = 307,
    NH_SIM_SPREAD_MV = 308,
    NH_SIM_START_S = 310,
    NH_SIM_STOP_S = 311,
    NH_SIM_OVER_MV = 315,
    NH_SIM_UNDER_MV = 316,
    NH_SIM_DISCHARGE_A = 317,
    NH_SIM_CHARGE_A = 318,
    NH_SIM_HOT_C = 319,
    NH_SIM_COLD_C = 320,
    NH_SIM_RESTART_PCT = 321,
    NH_SIM_RATED_CYCLES = 322,
    NH_SIM_HEALTH = 323, // 0.002 %
    NH_SIM_CHARGE = 328, // 0.002 %
    NH_SIM_FLAGS = 329,
    NH_SIM_CHARGER_TYPE = 330, // high byte: seconds that discharge over-current may last
    NH_SIM_LOAD_SWITCH = 331,
    NH_SIM_RECOVERY_S = 332,
    NH_SIM_IGNITION_SOURCE = 334, // 0: none
    NH_SIM_CHARGER_SOURCE = 335,
    NH_SIM_SINGLE_PORT = 340,
    NH_SIM_TEXT_INTERVAL = 342,
    NH_SIM_TEXT_FORMAT = 343,
};

enum nh_sim_limit { NH_SIM_MINIMUM = 1, NH_SIM_MAXIMUM, NH_SIM_DEFAULT };

// Minimum, maximum or default of an address as the board tells it; 0 of a reserved one.
uint16_t nh_sim_setting_limit(uint16_t address, enum nh_sim_limit which);
// Whether the board takes `value` there. A reserved address takes all (and ignores it).
bool nh_sim_setting_takes(uint16_t address, uint16_t value);
bool nh_sim_setting_is_reserved(uint16_t address);

#endif
