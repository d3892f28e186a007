#include "pack.h"

#include <math.h>
#include <string.h>

#define CYCLE_S (NH_SIM_CYCLE_MS / 1000.0)
#define CYCLE_H (CYCLE_S / 3600)
#define FIRST_TIME_S 1000000u // this board has been in use for eleven days
#define RESET_POWER_ON 5

// ---- the beginning ------------------------------------------------------------------------------

static void put(struct nh_sim_pack *p, enum nh_sim_setting address, double value)
{
    *nh_sim_pack_setting(p, address) = (uint16_t)(int32_t)round(value);
}

static double at_least(double value, double least)
{
    return value > least ? value : least;
}

static void set_up(struct nh_sim_pack *p)
{
    bool is_nmc = p->cfg.chemistry == NH_SIM_NMC;
    for (uint16_t i = 0; i < NH_SIM_SETTING_COUNT; i++)
        p->settings[i] = nh_sim_setting_limit(NH_SIM_SETTING_FIRST + i, NH_SIM_DEFAULT);
    put(p, NH_SIM_FULL_MV, is_nmc ? 4150 : 3600);
    put(p, NH_SIM_EMPTY_MV, is_nmc ? 3100 : 2900);
    put(p, NH_SIM_BALANCE_MV, is_nmc ? 4000 : 3400);
    put(p, NH_SIM_OVER_MV, is_nmc ? 4220 : 3800);
    put(p, NH_SIM_UNDER_MV, is_nmc ? 2900 : 2600);
    put(p, NH_SIM_CAPACITY, p->cfg.capacity_ah * 100);
    put(p, NH_SIM_CELL_COUNT, p->cfg.cell_count);
    put(p, NH_SIM_CHARGED_MA, fmin(5000, at_least(p->cfg.capacity_ah * 20, 100)));
    put(p, NH_SIM_DISCHARGE_A, fmin(750, at_least(p->cfg.capacity_ah * 0.65, 2)));
    put(p, NH_SIM_CHARGE_A, fmin(750, at_least(p->cfg.capacity_ah * 0.9, 2)));
    put(p, NH_SIM_PEAK_A, fmin(1500, at_least(p->cfg.capacity_ah * 0.8, 3)));
    put(p, NH_SIM_CHARGER_TYPE, 1 | 2 << 8);
}

static void set_defaults(struct nh_sim_pack_config *cfg)
{
    if (!cfg->cell_count)
        cfg->cell_count = 13;
    if (cfg->capacity_ah == 0)
        cfg->capacity_ah = 100;
    if (cfg->soc_pct < 0)
        cfg->soc_pct = 60;
    if (cfg->charge_a == 0)
        cfg->charge_a = cfg->capacity_ah / 5;
    if (cfg->load_a == 0)
        cfg->load_a = cfg->capacity_ah / 5;
}

// No two cells are the same. They were full together once, so it is above all at the lower end that
// capacities, which differ by one in a hundred, show.
static void make_cells(struct nh_sim_pack *p)
{
    for (size_t i = 0; i < p->cfg.cell_count; i++) {
        struct nh_sim_cell *c = &p->cells[i];
        double missing = 1 - p->cfg.soc_pct / 100 + 0.001 * nh_sim_random_even(&p->random);
        c->capacity_ah = p->cfg.capacity_ah * (1.01 + 0.01 * nh_sim_random_even(&p->random));
        c->charge_ah = c->capacity_ah - missing * p->cfg.capacity_ah;
        c->ohm = 0.06 / p->cfg.capacity_ah * (1 + 0.1 * nh_sim_random_even(&p->random));
    }
}

void nh_sim_pack_init(struct nh_sim_pack *p, const struct nh_sim_pack_config *cfg)
{
    *p = (struct nh_sim_pack){.cfg = *cfg, .health = 1, .random = {cfg->seed}};
    set_defaults(&p->cfg);
    set_up(p);
    make_cells(p);
    p->time_ms = FIRST_TIME_S * 1000ull;
    p->cfg.day_start_s += 86400 - FIRST_TIME_S % 86400; // the clock of the day, seen from there
    p->cell_c = p->cfg.ambient_c;
    p->charger_v = p->cfg.cell_count * (nh_sim_pack_get(p, NH_SIM_FULL_MV) + 5) / 1000.0;
    nh_sim_pack_soc_set(p, p->cfg.soc_pct);
    nh_sim_pack__world(p); // so that the first who asks finds a whole image
    nh_sim_pack__measure(p);
    nh_sim_pack_clear_statistics(p);
    nh_sim_pack_restart(p, RESET_POWER_ON);
}

void nh_sim_pack_restart(struct nh_sim_pack *p, uint8_t reset)
{
    memset(p->protection, 0, sizeof p->protection);
    p->is_charger_seen = p->has_charged = p->is_charge_done = p->is_balancing_pause = false;
    p->is_charger_on = false;
    p->is_load_on = true;
    p->balance_wanted = p->balance_active = 0;
    p->status = NH_SIM_STATUS_IDLE;
    p->stats.last_reset = reset;
    nh_sim_pack_log(p, 0x61);
}

// ---- the log ------------------------------------------------------------------------------------

uint32_t nh_sim_pack_time_s(const struct nh_sim_pack *p)
{
    return (uint32_t)(p->time_ms / 1000);
}

void nh_sim_pack_log(struct nh_sim_pack *p, uint8_t id)
{
    p->events[p->event_count % NH_SIM_EVENT_COUNT] =
        (struct nh_sim_event){.id = id, .time_s = nh_sim_pack_time_s(p)};
    p->event_count++;
}

const struct nh_sim_event *nh_sim_pack_event(const struct nh_sim_pack *p, uint32_t back)
{
    if (back >= NH_SIM_EVENT_COUNT || back >= p->event_count)
        return NULL;
    return &p->events[(p->event_count - 1 - back) % NH_SIM_EVENT_COUNT];
}

// ---- the gauge, the statistics ------------------------------------------------------------------

static double capacity_ah(const struct nh_sim_pack *p)
{
    return nh_sim_pack_get(p, NH_SIM_CAPACITY) / 100.0;
}

double nh_sim_pack_soc_pct(const struct nh_sim_pack *p)
{
    double pct = p->counted_ah / capacity_ah(p) * 100;
    return pct < 0 ? 0 : pct > 100 ? 100 : pct;
}

void nh_sim_pack_soc_set(struct nh_sim_pack *p, double pct)
{
    p->counted_ah = pct / 100 * capacity_ah(p);
}

uint32_t nh_sim_pack_time_left_s(const struct nh_sim_pack *p)
{
    if (p->current_a > -nh_sim_pack_threshold_a(p))
        return 0;
    return (uint32_t)(p->counted_ah / -p->current_a * 3600);
}

double nh_sim_pack_threshold_a(const struct nh_sim_pack *p)
{
    return p->cfg.is_low_power ? 0.08 : 0.8;
}

bool nh_sim_pack_has_ignition(const struct nh_sim_pack *p)
{
    return nh_sim_pack_get(p, NH_SIM_IGNITION_SOURCE) != 0;
}

void nh_sim_pack_ignition(struct nh_sim_pack *p, bool is_on)
{
    bool is_toggled = p->is_ignition_on != is_on;
    p->is_ignition_on = is_on;
    if (is_toggled && nh_sim_pack_has_ignition(p))
        nh_sim_pack__recover(p, false);
}

static double pack_c(const struct nh_sim_pack *p)
{
    return (p->ext1_dc == NH_SIM_TEMP_NONE ? p->bms_dc : p->ext1_dc) / 10.0;
}

void nh_sim_pack_clear_statistics(struct nh_sim_pack *p)
{
    struct nh_sim_statistics before = p->stats;
    p->stats = (struct nh_sim_statistics){.last_reset = before.last_reset,
                                          .last_wakeup = before.last_wakeup,
                                          .min_c = pack_c(p),
                                          .max_c = pack_c(p),
                                          .cleared_at_s = nh_sim_pack_time_s(p)};
}

static void gauge(struct nh_sim_pack *p)
{
    p->counted_ah += p->current_a * CYCLE_H;
    p->counted_ah = fmin(fmax(p->counted_ah, 0), capacity_ah(p));
    if (p->current_a >= 0)
        return;
    double drawn = -p->current_a * CYCLE_H;
    p->drawn_ah += drawn;
    double cycles = at_least(nh_sim_pack_get(p, NH_SIM_RATED_CYCLES), 1);
    p->health = at_least(p->health - drawn / capacity_ah(p) / cycles, 0);
}

static void keep_statistics(struct nh_sim_pack *p)
{
    struct nh_sim_statistics *s = &p->stats;
    double temperature = pack_c(p);
    s->max_discharge_a = fmax(s->max_discharge_a, -p->current_a);
    s->max_charge_a = fmax(s->max_charge_a, p->current_a);
    s->max_spread_mv = fmax(s->max_spread_mv, p->high_mv - p->low_mv);
    s->min_c = fmin(s->min_c, temperature);
    s->max_c = fmax(s->max_c, temperature);
}

// ---- a cycle ------------------------------------------------------------------------------------

static uint16_t status(const struct nh_sim_pack *p)
{
    double threshold = nh_sim_pack_threshold_a(p);
    if (nh_sim_pack_has_fault(p))
        return NH_SIM_STATUS_FAULT;
    if (p->current_a < -threshold)
        return NH_SIM_STATUS_DISCHARGING;
    if (p->current_a > threshold)
        return p->is_charger_seen ? NH_SIM_STATUS_CHARGING : NH_SIM_STATUS_REGENERATION;
    return p->is_charge_done ? NH_SIM_STATUS_FULL : NH_SIM_STATUS_IDLE;
}

void nh_sim_pack_cycle(struct nh_sim_pack *p)
{
    p->time_ms += NH_SIM_CYCLE_MS;
    nh_sim_pack__world(p);
    nh_sim_pack__measure(p);
    nh_sim_pack__protect(p);
    nh_sim_pack__charge(p);
    nh_sim_pack__switch(p);
    gauge(p);
    keep_statistics(p);
    p->status = status(p);
}
