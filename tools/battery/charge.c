// charge.c - seeing a charger, charging until full, balancing.

#include "pack.h"

#define CYCLE_S (NH_SIM_CYCLE_MS / 1000.0)
#define NEAR_MV 10     // as near to "full" as a charger with a limit of voltage gets a cell
#define TOO_HIGH_MV 20 // over "full": the charger's voltage is too high
#define TOO_HIGH_S 10
#define TOO_LOW_S 60
#define FULL_S 1
#define GONE_S 2       // a charger that charged is missed after that long
#define GONE_IDLE_S 20 // one that never did
#define AGAIN_S 60     // after no current came: the switch is tried again
#define TURN_CYCLES 50 // of one third of the cells, balancing

static double spread_mv(const struct nh_sim_pack *p)
{
    return p->high_mv - p->low_mv;
}

static bool is_even(const struct nh_sim_pack *p)
{
    return spread_mv(p) < nh_sim_pack_get(p, NH_SIM_SPREAD_MV);
}

static bool is_flowing_in(const struct nh_sim_pack *p)
{
    return p->current_a > nh_sim_pack_threshold_a(p);
}

// ---- the charger comes and goes -----------------------------------------------------------------

static void charger_comes(struct nh_sim_pack *p)
{
    p->is_charger_seen = true;
    p->has_charged = p->is_charge_done = p->is_balancing_pause = false;
    p->quiet_s = p->gone_s = p->done_s = p->high_s = p->low_s = 0;
    nh_sim_pack_log(p, 0x64);
    nh_sim_pack__recover(p, true);
}

static void charger_goes(struct nh_sim_pack *p)
{
    p->is_charger_seen = p->is_charge_done = p->is_balancing_pause = false;
    p->quiet_s = 0; // from now on: until the switch opens
    nh_sim_pack_log(p, 0x65);
}

static void look_for_charger(struct nh_sim_pack *p)
{
    if (p->is_charger_plugged && !p->is_charger_seen)
        charger_comes(p);
    p->gone_s = p->is_charger_plugged || !p->is_charger_seen ? 0 : p->gone_s + CYCLE_S;
    if (p->gone_s >= (p->has_charged ? GONE_S : GONE_IDLE_S))
        charger_goes(p);
}

// ---- charging -----------------------------------------------------------------------------------

static void end_charge(struct nh_sim_pack *p, uint8_t event)
{
    p->is_charge_done = true;
    p->done_s = p->high_s = p->low_s = 0;
    nh_sim_pack_log(p, event);
    if (event != 0x63)
        return;
    p->stats.full_charges++;
    nh_sim_pack_soc_set(p, 100);
}

static double lasting(double s, bool is_so)
{
    return is_so ? s + CYCLE_S : 0;
}

static void look_for_end(struct nh_sim_pack *p)
{
    double full = nh_sim_pack_get(p, NH_SIM_FULL_MV);
    bool is_low_current = p->current_a * 1000 < nh_sim_pack_get(p, NH_SIM_CHARGED_MA);
    bool are_all_there = p->low_mv >= full - NEAR_MV;
    bool is_external = nh_sim_pack_get(p, NH_SIM_CHARGER_SOURCE) != 1;
    p->done_s = lasting(p->done_s, are_all_there && is_even(p) && is_low_current);
    p->high_s = lasting(p->high_s, p->low_mv > full + TOO_HIGH_MV && !is_low_current);
    p->low_s = lasting(p->low_s, is_external && p->has_charged && is_low_current && !are_all_there);
    if (p->done_s >= FULL_S)
        end_charge(p, 0x63);
    else if (p->high_s >= TOO_HIGH_S)
        end_charge(p, 0x38);
    else if (p->low_s >= TOO_LOW_S)
        end_charge(p, 0x39);
    else if (p->high_mv >= full && !is_even(p))
        p->is_balancing_pause = true;
}

static void begin_again(struct nh_sim_pack *p)
{
    bool by_level = nh_sim_pack_get(p, NH_SIM_FLAGS) & 4;
    if (p->low_mv <= nh_sim_pack_get(p, NH_SIM_EMPTY_MV) ||
        (by_level && nh_sim_pack_soc_pct(p) < nh_sim_pack_get(p, NH_SIM_RESTART_PCT)))
        p->is_charge_done = false;
}

static void note_current(struct nh_sim_pack *p)
{
    if (is_flowing_in(p) && !p->has_charged) {
        p->has_charged = true;
        p->stats.chargings++;
        nh_sim_pack_log(p, 0x62);
    }
    p->quiet_s = is_flowing_in(p) ? 0 : p->quiet_s + CYCLE_S;
}

static bool wants_charger(struct nh_sim_pack *p)
{
    double start_s = nh_sim_pack_get(p, NH_SIM_START_S);
    if (p->is_charge_done || p->is_balancing_pause)
        return false;
    if (p->quiet_s > start_s + AGAIN_S)
        p->quiet_s = 0;
    return p->quiet_s <= start_s;
}

static void charge(struct nh_sim_pack *p)
{
    note_current(p);
    if (p->is_balancing_pause)
        p->is_balancing_pause = !is_even(p);
    else if (p->is_charge_done)
        begin_again(p);
    else if (p->is_charger_on)
        look_for_end(p);
    p->is_charger_on = wants_charger(p);
}

// ---- balancing ----------------------------------------------------------------------------------

static bool may_balance(const struct nh_sim_pack *p)
{
    if (nh_sim_pack__is_protected(p, NH_SIM_OVER_VOLTAGE))
        return true;
    return !is_even(p) && (is_flowing_in(p) || p->is_balancing_pause);
}

static void balance(struct nh_sim_pack *p)
{
    uint16_t spread = nh_sim_pack_get(p, NH_SIM_SPREAD_MV);
    p->balance_wanted = p->balance_active = 0;
    p->balance_turn++;
    if (!may_balance(p))
        return;
    for (uint32_t i = 0; i < p->cfg.cell_count; i++) {
        double mv = p->cells[i].dmv / 10.0;
        if (mv <= nh_sim_pack_get(p, NH_SIM_BALANCE_MV) || mv < p->low_mv + spread)
            continue;
        p->balance_wanted |= (uint16_t)(1u << i);
        if (i % 3 == p->balance_turn / TURN_CYCLES % 3) // so never neighbours
            p->balance_active |= (uint16_t)(1u << i);
    }
}

void nh_sim_pack__charge(struct nh_sim_pack *p)
{
    look_for_charger(p);
    if (p->is_charger_seen) {
        charge(p);
    } else {
        p->quiet_s += CYCLE_S;
        p->is_charger_on = p->is_charger_on && p->quiet_s < nh_sim_pack_get(p, NH_SIM_STOP_S);
    }
    balance(p);
}
