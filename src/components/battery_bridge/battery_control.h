// battery_control.h - what an inverter may do with the pack: charge voltage limit (CVL), charge and
// discharge current limits (CCL, DCL), from cells, state of charge and temperatures. Sans-IO.
//
// Stepped once a second by the owner of the bridge. docs/battery-can.md, section "The limits", has
// the reasons. Never above what the board's settings and the operator allow; a higher highest cell
// never gives a higher CCL nor, over full, a higher CVL; a lower lowest cell never a higher DCL.

#ifndef NH_BATTERY_CONTROL_H
#define NH_BATTERY_CONTROL_H

#include "components/battery/battery.h"

// Of one cell where nothing else is said; "full" is register 300, "empty" 301, "under" 316.
#define NH_BATTERY_CONTROL_BULK_MPCT 90000     // above it: transition
#define NH_BATTERY_CONTROL_APPROACH_MPCT 95000 // above it: float approach; below it float is left
#define NH_BATTERY_CONTROL_FLOAT_MPCT 98000 // above it, once the board said "fully charged": float
#define NH_BATTERY_CONTROL_FLOAT_MV 100     // float is so much under full
#define NH_BATTERY_CONTROL_FLOAT_MIN_MV 450 // no limit is more than that under full
#define NH_BATTERY_CONTROL_SLOW_MA 5000     // CCL in float and imbalance hold, all in sustain
#define NH_BATTERY_CONTROL_TAPER_MV 150     // under full: the charge current begins to fall
#define NH_BATTERY_CONTROL_RELEASE_MV 30    // under full: protection of the highest cell ends
#define NH_BATTERY_CONTROL_GAIN_MV 7500     // CVL of a cell falls by that for each volt over full
#define NH_BATTERY_CONTROL_RECOVERY_MV 25   // and rises again by at most that in a step
#define NH_BATTERY_CONTROL_SPREAD_HOLD_DMV 1000 // imbalance hold, and its end
#define NH_BATTERY_CONTROL_SPREAD_END_DMV 500
#define NH_BATTERY_CONTROL_SPREAD_DROP_MAX_MV 2000 // of the pack: 0.5 mV for each mV over
#define NH_BATTERY_CONTROL_SUSTAIN_MPCT 5000       // below it: sustain, until
#define NH_BATTERY_CONTROL_SUSTAIN_END_MPCT 8000
#define NH_BATTERY_CONTROL_SUSTAIN_MV 525 // under full
#define NH_BATTERY_CONTROL_LIFT_MV 50     // over what the cells have now, so that sustain ends

enum nh_battery_control_state {
    NH_BATTERY_BULK,
    NH_BATTERY_TRANSITION,
    NH_BATTERY_FLOAT_APPROACH,
    NH_BATTERY_FLOAT,
    NH_BATTERY_IMBALANCE_HOLD,
    NH_BATTERY_SUSTAIN,
};
const char *nh_battery_control_text(uint8_t state); // "bulk" ...

struct nh_battery_control_config {
    int32_t charge_max_a, discharge_max_a; // the operator's; 0: the board's settings alone
    bool follows_state;                    // else the board's settings and its faults alone
};

// Zeroed: nothing was seen yet.
typedef struct nh_battery_control {
    uint8_t state;
    bool is_sustaining, is_holding, is_protecting, has_been_full;
    int32_t cell_limit_mv; // CVL of a cell by protection, the last; 0: none yet
} nh_battery_control_t;

struct nh_battery_control_output {
    bool is_known; // else what follows is 0: cells or settings are not known
    int32_t cvl_mv, ccl_ma, dcl_ma, dvl_mv;
    uint8_t state;
    bool is_charge_allowed, is_discharge_allowed; // a limit of 0 is given otherwise
    bool wants_charge;                            // below "sustain", or under-voltage
    bool is_protecting;                           // the highest cell holds the voltage down
};

// One step from a snapshot; `known`: the fields in it that count (valid, not stale).
void nh_battery_control_step(nh_battery_control_t *c, const struct nh_battery_control_config *cfg,
                             const struct nh_battery_snapshot *s, uint32_t known,
                             struct nh_battery_control_output *out);

#endif
