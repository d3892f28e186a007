// world.c - what is around the board's electronics: sun, load, cells and their warmth.

#include "pack.h"

#include <math.h>

#define CYCLE_H (NH_SIM_CYCLE_MS / 3600000.0)
#define CYCLE_S (NH_SIM_CYCLE_MS / 1000.0)
#define SLOW_S 60.0          // how long polarisation takes to build up and to go
#define WARM_S 3600.0        // how long cells take to the temperature of the air
#define BLEED_A 0.15         // of a balancing resistor
#define JOULE_PER_K_AH 260.0 // of the whole pack, for each Ah of capacity
#define PI 3.14159265358979

struct point {
    double soc, volt; // soc 1: full
};

// Voltage of a cell at rest; rounded from curves that makers of such cells publish.
static const struct point lfp[] = {
    {-0.02, 2.0}, {0, 2.5},     {0.02, 2.9},  {0.05, 3.1}, {0.1, 3.2},  {0.2, 3.24},
    {0.3, 3.27},  {0.4, 3.285}, {0.5, 3.295}, {0.6, 3.31}, {0.7, 3.33}, {0.9, 3.345},
    {0.95, 3.36}, {0.98, 3.4},  {0.99, 3.48}, {1.0, 3.64}, {1.02, 3.9}, {1.1, 4.4},
};
static const struct point nmc[] = {
    {-0.02, 2.5}, {0, 3.0},    {0.05, 3.3}, {0.1, 3.45}, {0.2, 3.55},
    {0.3, 3.61},  {0.4, 3.65}, {0.5, 3.7},  {0.6, 3.79}, {0.7, 3.88},
    {0.8, 3.97},  {0.9, 4.07}, {1.0, 4.2},  {1.05, 4.3}, {1.1, 4.5},
};

static double rest_v(const struct nh_sim_pack *p, const struct nh_sim_cell *c)
{
    const struct point *curve = p->cfg.chemistry == NH_SIM_NMC ? nmc : lfp;
    size_t count = p->cfg.chemistry == NH_SIM_NMC ? NH_ARRAY_LEN(nmc) : NH_ARRAY_LEN(lfp);
    double soc = c->charge_ah / c->capacity_ah;
    size_t i = 1;
    while (i + 1 < count && soc > curve[i].soc)
        i++;
    double part = (soc - curve[i - 1].soc) / (curve[i].soc - curve[i - 1].soc);
    part = part < 0 ? 0 : part > 1 ? 1 : part;
    return curve[i - 1].volt + part * (curve[i].volt - curve[i - 1].volt);
}

// ---- charger and load ---------------------------------------------------------------------------

static double hour_of(const struct nh_sim_pack *p)
{
    return fmod((double)p->time_ms / 3600000.0 + p->cfg.day_start_s / 3600.0, 24);
}

static bool is_between(double hour, double from, double to)
{
    return hour >= from && hour < to;
}

// A house: a little all the time, more in the morning and in the evening, a fridge now and then.
static double house_a(const struct nh_sim_pack *p, double hour)
{
    double part = is_between(hour, 18, 23) ? 0.25 : is_between(hour, 6.5, 8) ? 0.2 : 0.06;
    bool is_fridge_on = fmod(hour, 0.75) < 0.2;
    return p->cfg.load_a * (part + (is_fridge_on ? 0.03 : 0) + 0.01 * sin(hour * 40));
}

static void day(struct nh_sim_pack *p)
{
    double hour = hour_of(p);
    double height = sin((hour - 6) / 12 * PI);
    double cloud = 0.85 + 0.15 * sin(hour * 7.3) * sin(hour * 2.1);
    p->is_charger_plugged = is_between(hour, 6, 18) && height > 0.05;
    p->sun_a = p->is_charger_plugged ? p->cfg.charge_a * 0.45 * height * cloud : 0;
    p->wanted_load_a = house_a(p, hour);
}

static void follow_profile(struct nh_sim_pack *p)
{
    if (p->cfg.profile == NH_SIM_DAY) {
        day(p);
    } else if (p->cfg.profile != NH_SIM_HAND) {
        p->is_charger_plugged = p->cfg.profile == NH_SIM_CHARGING;
        p->sun_a = p->is_charger_plugged ? p->cfg.charge_a : 0;
        p->wanted_load_a = p->cfg.profile == NH_SIM_DISCHARGING ? p->cfg.load_a : 0;
    }
}

// The current that flows: the charger gives what it can until its voltage is reached.
static double flowing_a(const struct nh_sim_pack *p, double open_v, double ohm)
{
    double load = p->is_load_on || p->is_load_stuck ? p->wanted_load_a : 0;
    if (!p->is_charger_plugged || !(p->is_charger_on || p->is_charger_stuck))
        return 0 - load;                         // not -0, which would be shown
    double most = (p->charger_v - open_v) / ohm; // into the pack, at the charger's voltage
    double net = p->sun_a - load < most ? p->sun_a - load : most;
    return net > 0 - load ? net : 0 - load; // a charger takes nothing
}

// ---- cells --------------------------------------------------------------------------------------

static void charge_cell(struct nh_sim_pack *p, size_t i)
{
    struct nh_sim_cell *c = &p->cells[i];
    double bleed = p->balance_active >> i & 1 ? BLEED_A : 0;
    c->charge_ah += (p->current_a - bleed) * CYCLE_H;
    double low = -0.02 * c->capacity_ah, high = 1.1 * c->capacity_ah;
    c->charge_ah = c->charge_ah < low ? low : c->charge_ah > high ? high : c->charge_ah;
    c->slow_v += (p->current_a * c->ohm * 0.6 - c->slow_v) * (CYCLE_S / SLOW_S);
}

void nh_sim_pack__world(struct nh_sim_pack *p)
{
    double open_v = 0, ohm = 0;
    follow_profile(p);
    for (size_t i = 0; i < p->cfg.cell_count; i++) {
        open_v += rest_v(p, &p->cells[i]) + p->cells[i].slow_v;
        ohm += p->cells[i].ohm;
    }
    p->current_a = flowing_a(p, open_v, ohm);
    p->voltage_v = open_v + p->current_a * ohm;
    for (size_t i = 0; i < p->cfg.cell_count; i++)
        charge_cell(p, i);
    double heat_w = p->current_a * p->current_a * ohm;
    p->cell_c += (p->cfg.ambient_c - p->cell_c) * (CYCLE_S / WARM_S) +
                 heat_w * CYCLE_S / (JOULE_PER_K_AH * p->cfg.capacity_ah);
}

// ---- what the board sees of it ------------------------------------------------------------------

static int16_t tenths(double c)
{
    double t = round(c * 10);
    return (int16_t)(t < -1000 ? -1000 : t > 2000 ? 2000 : t);
}

static void measure_cell(struct nh_sim_pack *p, size_t i)
{
    struct nh_sim_cell *c = &p->cells[i];
    double v = rest_v(p, c) + c->slow_v + p->current_a * c->ohm;
    double dmv = round(v * 10000 + nh_sim_random_even(&p->random) * 2); // the converter's noise
    c->dmv = (uint16_t)(dmv < 0 ? 0 : dmv > 60000 ? 60000 : dmv);
    if (c->wire != NH_SIM_WIRE_OK)
        c->dmv = c->wire == NH_SIM_WIRE_OPEN ? 0 : 0xFFFF;
    double mv = c->dmv / 10.0;
    p->low_mv = i == 0 || mv < p->low_mv ? mv : p->low_mv;
    p->high_mv = i == 0 || mv > p->high_mv ? mv : p->high_mv;
}

void nh_sim_pack__measure(struct nh_sim_pack *p)
{
    for (size_t i = 0; i < p->cfg.cell_count; i++)
        measure_cell(p, i);
    if (p->is_sensor_lost)
        p->current_a = 0;
    p->bms_dc = tenths(p->cell_c + 3 + fabs(p->current_a) * 0.05);
    p->ext1_dc =
        p->cfg.external_sensors > 0 ? tenths(p->cell_c + p->ext1_fault_c) : NH_SIM_TEMP_NONE;
    p->ext2_dc =
        p->cfg.external_sensors > 1 ? tenths(p->cell_c - 0.3 + p->ext2_fault_c) : NH_SIM_TEMP_NONE;
}
