// protect.c - the protections: what is watched, which switches it opens, how it recovers.

#include "pack.h"

#include <math.h>

#define CYCLE_S (NH_SIM_CYCLE_MS / 1000.0)
#define EITHER_C 90 // of the board itself
#define COLDEST_C (-40)

// ---- causes -------------------------------------------------------------------------------------

// Sensors beside the cells count; the board's own only where none is connected.
static double warmest_c(const struct nh_sim_pack *p)
{
    int16_t most = p->ext1_dc > p->ext2_dc ? p->ext1_dc : p->ext2_dc;
    return (most == NH_SIM_TEMP_NONE ? p->bms_dc : most) / 10.0;
}

static double coldest_c(const struct nh_sim_pack *p)
{
    int16_t a = p->ext1_dc == NH_SIM_TEMP_NONE ? INT16_MAX : p->ext1_dc;
    int16_t b = p->ext2_dc == NH_SIM_TEMP_NONE ? INT16_MAX : p->ext2_dc;
    int16_t least = a < b ? a : b;
    return (least == INT16_MAX ? p->bms_dc : least) / 10.0;
}

static bool is_hot(const struct nh_sim_pack *p)
{
    return warmest_c(p) > (int16_t)nh_sim_pack_get(p, NH_SIM_HOT_C) || p->bms_dc > EITHER_C * 10;
}

static bool is_too_cold(const struct nh_sim_pack *p)
{
    return coldest_c(p) < COLDEST_C;
}

static bool is_cold(const struct nh_sim_pack *p)
{
    return is_too_cold(p) ||
           (p->is_charger_seen && coldest_c(p) < (int16_t)nh_sim_pack_get(p, NH_SIM_COLD_C));
}

static bool is_over(const struct nh_sim_pack *p)
{
    return p->high_mv > nh_sim_pack_get(p, NH_SIM_OVER_MV);
}

static bool is_discharged(const struct nh_sim_pack *p)
{
    return p->low_mv < nh_sim_pack_get(p, NH_SIM_EMPTY_MV);
}

// A charger is the way out, so with one plugged in it is no fault any more.
static bool is_under(const struct nh_sim_pack *p)
{
    return p->low_mv < nh_sim_pack_get(p, NH_SIM_UNDER_MV) && !p->is_charger_seen;
}

static bool is_charge_over(const struct nh_sim_pack *p)
{
    return p->is_charger_seen && p->current_a > nh_sim_pack_get(p, NH_SIM_CHARGE_A);
}

static bool is_discharge_over(const struct nh_sim_pack *p)
{
    return -p->current_a > nh_sim_pack_get(p, NH_SIM_DISCHARGE_A) ||
           -p->current_a > nh_sim_pack_get(p, NH_SIM_PEAK_A);
}

static bool is_regeneration_over(const struct nh_sim_pack *p)
{
    return !p->is_charger_seen && p->current_a > nh_sim_pack_get(p, NH_SIM_DISCHARGE_A);
}

static bool is_sensor_lost(const struct nh_sim_pack *p)
{
    return p->is_sensor_lost;
}

static bool is_charger_stuck(const struct nh_sim_pack *p)
{
    return p->is_charger_stuck && !p->is_charger_on && p->current_a > nh_sim_pack_threshold_a(p);
}

static bool is_load_stuck(const struct nh_sim_pack *p)
{
    return p->is_load_stuck && !p->is_load_on && -p->current_a > nh_sim_pack_threshold_a(p);
}

// ---- the table ----------------------------------------------------------------------------------

// In this order: a warning stands before the fault that always follows it.
static const struct rule {
    bool (*is_caused)(const struct nh_sim_pack *p);
    uint8_t event, recovered; // recovered 0: it says nothing
    bool is_fault, opens_load, opens_charger;
} rules[NH_SIM_PROTECTION_COUNT] = {
    [NH_SIM_HOT] = {is_hot, 0x04, 0x73, true, true, true},
    [NH_SIM_COLD_WARNING] = {is_cold, 0x37, 0x74, false, false, true},
    [NH_SIM_COLD_FAULT] = {is_too_cold, 0x0A, 0x75, true, true, true},
    [NH_SIM_OVER_VOLTAGE] = {is_over, 0x03, 0x79, true, false, true},
    [NH_SIM_DISCHARGED] = {is_discharged, 0x31, 0x7A, false, true, false},
    [NH_SIM_UNDER_VOLTAGE] = {is_under, 0x02, 0x7B, true, true, true},
    [NH_SIM_CHARGE_OVER] = {is_charge_over, 0x06, 0x76, true, false, true},
    [NH_SIM_DISCHARGE_OVER] = {is_discharge_over, 0x05, 0x77, true, true, true},
    [NH_SIM_REGENERATION_OVER] = {is_regeneration_over, 0x07, 0x78, true, true, true},
    [NH_SIM_SENSOR_LOST] = {is_sensor_lost, 0x0E, 0x7C, true, true, true},
    [NH_SIM_CHARGER_STUCK] = {is_charger_stuck, 0x0B, 0, true, true, true},
    [NH_SIM_LOAD_STUCK] = {is_load_stuck, 0x0C, 0, true, true, true},
};

bool nh_sim_pack__is_protected(const struct nh_sim_pack *p, enum nh_sim_protection which)
{
    return p->protection[which].is_active;
}

bool nh_sim_pack_has_fault(const struct nh_sim_pack *p)
{
    for (size_t i = 0; i < NH_SIM_PROTECTION_COUNT; i++)
        if (p->protection[i].is_active && rules[i].is_fault)
            return true;
    return false;
}

static void count(struct nh_sim_pack *p, size_t which)
{
    uint16_t *const counters[NH_SIM_PROTECTION_COUNT] = {
        [NH_SIM_HOT] = &p->stats.hot,
        [NH_SIM_OVER_VOLTAGE] = &p->stats.over,
        [NH_SIM_UNDER_VOLTAGE] = &p->stats.under,
        [NH_SIM_CHARGE_OVER] = &p->stats.charge_over,
        [NH_SIM_DISCHARGE_OVER] = &p->stats.discharge_over,
    };
    if (counters[which])
        ++*counters[which];
}

static void begin(struct nh_sim_pack *p, size_t which)
{
    uint8_t event = rules[which].event;
    bool is_single = nh_sim_pack_get(p, NH_SIM_SINGLE_PORT) == 1;
    if (is_single && (which == NH_SIM_CHARGER_STUCK || which == NH_SIM_LOAD_STUCK))
        event = 0x0D;
    p->protection[which].is_active = true;
    nh_sim_pack_log(p, event);
    count(p, which);
}

static void recover(struct nh_sim_pack *p, size_t which)
{
    p->protection[which].is_active = false;
    p->protection[which].lasting_s = p->protection[which].gone_s = 0;
    if (rules[which].recovered)
        nh_sim_pack_log(p, rules[which].recovered);
}

// How long a cause may last before it counts.
static double patience_s(const struct nh_sim_pack *p, size_t which)
{
    if (which == NH_SIM_DISCHARGE_OVER && -p->current_a <= nh_sim_pack_get(p, NH_SIM_PEAK_A))
        return nh_sim_pack_get(p, NH_SIM_CHARGER_TYPE) >> 8;
    return 0;
}

static void watch(struct nh_sim_pack *p, size_t which)
{
    bool is_caused = rules[which].is_caused(p);
    double wait_s = nh_sim_pack_get(p, NH_SIM_RECOVERY_S);
    p->protection[which].lasting_s = is_caused ? p->protection[which].lasting_s + CYCLE_S : 0;
    p->protection[which].gone_s = is_caused ? 0 : p->protection[which].gone_s + CYCLE_S;
    if (!p->protection[which].is_active) {
        if (is_caused && p->protection[which].lasting_s > patience_s(p, which))
            begin(p, which);
    } else if (which != NH_SIM_UNDER_VOLTAGE && wait_s > 0 &&
               p->protection[which].gone_s > wait_s) {
        recover(p, which); // under-voltage never does by time
    }
}

// Under-voltage waits for a charger and nothing else.
static bool may_recover(const struct nh_sim_pack *p, size_t which, bool is_charger)
{
    if (which == NH_SIM_UNDER_VOLTAGE)
        return is_charger;
    return nh_sim_pack_get(p, NH_SIM_RECOVERY_S) == 0 && !rules[which].is_caused(p);
}

void nh_sim_pack__recover(struct nh_sim_pack *p, bool is_charger)
{
    for (size_t i = 0; i < NH_SIM_PROTECTION_COUNT; i++)
        if (p->protection[i].is_active && may_recover(p, i, is_charger))
            recover(p, i);
}

void nh_sim_pack__protect(struct nh_sim_pack *p)
{
    for (size_t i = 0; i < NH_SIM_PROTECTION_COUNT; i++)
        watch(p, i);
}

// ---- switches -----------------------------------------------------------------------------------

void nh_sim_pack__switch(struct nh_sim_pack *p)
{
    bool has_contactors = nh_sim_pack_get(p, NH_SIM_LOAD_SWITCH) != 0;
    p->is_load_on = !nh_sim_pack_has_ignition(p) || p->is_ignition_on;
    for (size_t i = 0; i < NH_SIM_PROTECTION_COUNT; i++) {
        if (!p->protection[i].is_active)
            continue;
        if (rules[i].opens_load)
            p->is_load_on = false;
        if (rules[i].opens_charger && !(i == NH_SIM_DISCHARGE_OVER && has_contactors))
            p->is_charger_on = false;
    }
}
