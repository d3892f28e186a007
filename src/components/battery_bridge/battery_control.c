#include "components/battery_bridge/battery_control.h"

#define WHOLE 1000 // parts of a current limit

#define BIT(field) (1u << (field))

const char *nh_battery_control_text(uint8_t state)
{
    static const char *const texts[] = {
        [NH_BATTERY_BULK] = "bulk",
        [NH_BATTERY_TRANSITION] = "transition",
        [NH_BATTERY_FLOAT_APPROACH] = "float approach",
        [NH_BATTERY_FLOAT] = "float",
        [NH_BATTERY_IMBALANCE_HOLD] = "imbalance hold",
        [NH_BATTERY_SUSTAIN] = "sustain",
    };
    return state < NH_ARRAY_LEN(texts) ? texts[state] : "unknown";
}

static int32_t min32(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static int32_t max32(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

// ---- curves -------------------------------------------------------------------------------------

struct point {
    int32_t at, parts;
};

// Straight between the points, level outside. `at` rises; equal ones make a step.
static int32_t parts_at(const struct point *points, size_t count, int32_t at)
{
    if (at <= points[0].at)
        return points[0].parts;
    for (size_t i = 1; i < count; i++) {
        const struct point *a = &points[i - 1], *b = &points[i];
        int32_t span = b->at - a->at;
        if (at <= b->at && span > 0)
            return a->parts + (int32_t)((int64_t)(b->parts - a->parts) * (at - a->at) / span);
    }
    return points[count - 1].parts;
}

// A pack is charged up to register 300 and has to get there, all cells of it: so the current falls
// towards a trickle at full and to nothing half way to the cutoff, not before.
static int32_t charge_parts_by_cell(const struct nh_battery_limits *l, int32_t high_mv)
{
    const int32_t full = l->full_mv, end = max32(full + 1, (full + l->over_mv) / 2);
    const struct point points[] = {{full - NH_BATTERY_CONTROL_TAPER_MV, WHOLE},
                                   {full - NH_BATTERY_CONTROL_TAPER_MV / 3, WHOLE / 4},
                                   {full, WHOLE / 20},
                                   {end, 0}};
    return parts_at(points, NH_ARRAY_LEN(points), high_mv);
}

static int32_t discharge_parts_by_cell(const struct nh_battery_limits *l, int32_t low_mv)
{
    const int32_t empty = l->empty_mv, end = min32(empty - 1, (empty + l->under_mv) / 2);
    const struct point points[] = {
        {end, 0}, {empty, WHOLE / 20}, {empty + 50, WHOLE / 4}, {empty + 150, WHOLE}};
    return parts_at(points, NH_ARRAY_LEN(points), low_mv);
}

// Coldest and hottest of the sensors, thousandths of a degree. False: none is known.
static bool temperatures(const struct nh_battery_snapshot *s, uint32_t known, int32_t *cold,
                         int32_t *hot)
{
    const struct nh_battery_values *v = &s->v;
    const struct {
        enum nh_battery_field field;
        int32_t mc;
    } sensors[] = {{NH_BATTERY_TEMP_EXT1, v->temp_ext1_mc},
                   {NH_BATTERY_TEMP_EXT2, v->temp_ext2_mc},
                   {NH_BATTERY_TEMPERATURE, v->temperature_mc}};
    bool any = false;
    for (size_t i = 0; i < NH_ARRAY_LEN(sensors); i++) {
        if (!(known & BIT(sensors[i].field)) || sensors[i].mc == NH_BATTERY_TEMPERATURE_NONE)
            continue;
        *cold = any ? min32(*cold, sensors[i].mc) : sensors[i].mc;
        *hot = any ? max32(*hot, sensors[i].mc) : sensors[i].mc;
        any = true;
    }
    return any;
}

// 0, 2, 5, 10 degrees over the cold cutoff; and at its other end 15 degrees up to 55, or to 2 under
// the hot cutoff where that is lower, in less room.
static int32_t charge_parts_by_temperature(const struct nh_battery_limits *l, int32_t cold_mc,
                                           int32_t hot_mc)
{
    const int32_t low = l->cold_charge_c * 1000, top = min32(55, l->hot_c - 2) * 1000;
    const int32_t room = min32(15000, max32(3000, (l->hot_c - 30) * 500));
    const struct point cold[] = {
        {low, 0}, {low + 2000, WHOLE / 4}, {low + 5000, WHOLE / 2}, {low + 10000, WHOLE}};
    const struct point hot[] = {{top - room, WHOLE},
                                {top - room * 2 / 3, WHOLE / 2},
                                {top - room / 3, WHOLE / 4},
                                {top, 0}};
    return min32(parts_at(cold, NH_ARRAY_LEN(cold), cold_mc),
                 parts_at(hot, NH_ARRAY_LEN(hot), hot_mc));
}

static int32_t discharge_parts_by_temperature(const struct nh_battery_limits *l, int32_t cold_mc,
                                              int32_t hot_mc)
{
    const struct point hot[] = {{(l->hot_c - 5) * 1000, WHOLE}, {l->hot_c * 1000, 0}};
    if (cold_mc < -40000) // the board's own, fixed
        return 0;
    return parts_at(hot, NH_ARRAY_LEN(hot), hot_mc);
}

// ---- states -------------------------------------------------------------------------------------

static void note_full(nh_battery_control_t *c, const struct nh_battery_snapshot *s, uint32_t known)
{
    if (known & BIT(NH_BATTERY_STATUS))
        c->has_been_full |= s->v.status == 0x92;
    else if (known & BIT(NH_BATTERY_SOC))
        c->has_been_full |= s->v.soc_mpct >= 100000; // of a gateway that tells no status
    if ((known & BIT(NH_BATTERY_SOC)) && s->v.soc_mpct < NH_BATTERY_CONTROL_APPROACH_MPCT)
        c->has_been_full = false;
}

// In the upper part of the curve alone: far below it a spread says what the load does.
static void note_spread(nh_battery_control_t *c, const struct nh_battery_snapshot *s)
{
    bool is_high = s->cell_max_dmv >= s->v.limits.balance_mv * 10;
    if (!is_high || s->cell_delta_dmv < NH_BATTERY_CONTROL_SPREAD_END_DMV)
        c->is_holding = false;
    else if (s->cell_delta_dmv >= NH_BATTERY_CONTROL_SPREAD_HOLD_DMV)
        c->is_holding = true;
}

static uint8_t state_of(nh_battery_control_t *c, const struct nh_battery_snapshot *s,
                        uint32_t known)
{
    int32_t soc = s->v.soc_mpct;
    note_full(c, s, known);
    note_spread(c, s);
    if (!(known & BIT(NH_BATTERY_SOC)))
        return c->is_holding ? NH_BATTERY_IMBALANCE_HOLD : NH_BATTERY_BULK;
    if (soc >= NH_BATTERY_CONTROL_SUSTAIN_END_MPCT)
        c->is_sustaining = false;
    else if (soc < NH_BATTERY_CONTROL_SUSTAIN_MPCT)
        c->is_sustaining = true;
    if (c->is_sustaining)
        return NH_BATTERY_SUSTAIN;
    if (c->is_holding)
        return NH_BATTERY_IMBALANCE_HOLD;
    bool was_float = c->state == NH_BATTERY_FLOAT;
    if (c->has_been_full && (soc >= NH_BATTERY_CONTROL_FLOAT_MPCT || was_float))
        return NH_BATTERY_FLOAT;
    if (soc >= NH_BATTERY_CONTROL_APPROACH_MPCT)
        return NH_BATTERY_FLOAT_APPROACH;
    return soc >= NH_BATTERY_CONTROL_BULK_MPCT ? NH_BATTERY_TRANSITION : NH_BATTERY_BULK;
}

// Of the pack. Until the board has said "fully charged" it is charged up to full in every state by
// charge: a state of charge that has drifted is put right there and nowhere else.
static int32_t state_mv(const nh_battery_control_t *c, const struct nh_battery_snapshot *s)
{
    const int32_t n = s->v.cell_count, full = s->v.limits.full_mv;
    int32_t over_mv;
    switch (c->state) {
    case NH_BATTERY_FLOAT:
        return (full - NH_BATTERY_CONTROL_FLOAT_MV) * n;
    case NH_BATTERY_IMBALANCE_HOLD:
        over_mv = (s->cell_delta_dmv - NH_BATTERY_CONTROL_SPREAD_HOLD_DMV) / 10;
        return full * n - min32(NH_BATTERY_CONTROL_SPREAD_DROP_MAX_MV, max32(0, over_mv) / 2);
    case NH_BATTERY_SUSTAIN:
        // What the pack has and a little more at the least, or nothing would ever charge it.
        return min32(full * n, max32((full - NH_BATTERY_CONTROL_SUSTAIN_MV) * n,
                                     (s->cell_avg_dmv / 10 + NH_BATTERY_CONTROL_LIFT_MV) * n));
    default:
        return full * n;
    }
}

// ---- protection of the highest cell -------------------------------------------------------------

// (1 + charge current / nominal) in thousandths; nominal is half the capacity in an hour.
static int64_t current_factor(const struct nh_battery_snapshot *s, uint32_t known)
{
    int64_t nominal_ma = known & BIT(NH_BATTERY_CAPACITY) ? s->v.capacity_mah / 2 : 0;
    int64_t charge_ma = known & BIT(NH_BATTERY_CURRENT) ? max32(0, s->v.current_ma) : 0;
    return nominal_ma > 0 ? 1000 + charge_ma * 1000 / nominal_ma : 1000;
}

// The limit of one cell: falls at once, rises by steps.
static int32_t protect(nh_battery_control_t *c, const struct nh_battery_snapshot *s, uint32_t known)
{
    const int32_t full = s->v.limits.full_mv, floor = full - NH_BATTERY_CONTROL_FLOAT_MIN_MV;
    int64_t excess_dmv = s->cell_max_dmv - full * 10;
    if (excess_dmv >= 0)
        c->is_protecting = true;
    else if (excess_dmv < -NH_BATTERY_CONTROL_RELEASE_MV * 10)
        c->is_protecting = false;
    int64_t drop_mv = excess_dmv > 0 ? excess_dmv * NH_BATTERY_CONTROL_GAIN_MV / 10000 *
                                           current_factor(s, known) / 1000
                                     : 0;
    int32_t target = drop_mv < full - floor ? full - (int32_t)drop_mv : floor;
    if (c->cell_limit_mv && target > c->cell_limit_mv + NH_BATTERY_CONTROL_RECOVERY_MV)
        target = c->cell_limit_mv + NH_BATTERY_CONTROL_RECOVERY_MV;
    c->cell_limit_mv = min32(target, full);
    return c->cell_limit_mv;
}

// ---- currents -----------------------------------------------------------------------------------

static int32_t lower_of(int32_t board_a, int32_t operator_a)
{
    int32_t a = operator_a > 0 ? min32(board_a, operator_a) : board_a;
    return max32(a, 0) * 1000;
}

static int32_t part_of(int32_t ma, int32_t parts)
{
    return (int32_t)((int64_t)ma * parts / WHOLE);
}

static void follow_state(const nh_battery_control_t *c, const struct nh_battery_snapshot *s,
                         uint32_t known, struct nh_battery_control_output *out)
{
    const struct nh_battery_limits *l = &s->v.limits;
    int32_t cold_mc = 0, hot_mc = 0;
    int32_t charge = charge_parts_by_cell(l, s->cell_max_dmv / 10);
    int32_t discharge = discharge_parts_by_cell(l, s->cell_min_dmv / 10);
    if (temperatures(s, known, &cold_mc, &hot_mc)) {
        charge = min32(charge, charge_parts_by_temperature(l, cold_mc, hot_mc));
        discharge = min32(discharge, discharge_parts_by_temperature(l, cold_mc, hot_mc));
    }
    out->ccl_ma = part_of(out->ccl_ma, charge);
    out->dcl_ma = part_of(out->dcl_ma, discharge);
    if (c->state == NH_BATTERY_SUSTAIN)
        out->dcl_ma = min32(out->dcl_ma, NH_BATTERY_CONTROL_SLOW_MA);
    if (c->state >= NH_BATTERY_FLOAT)
        out->ccl_ma = min32(out->ccl_ma, NH_BATTERY_CONTROL_SLOW_MA);
}

// The board has opened switches, by what its cells say of the reason: an empty pack still takes
// charge, slowly, or it would never come back; a full one still gives.
static void obey_fault(const struct nh_battery_snapshot *s, uint32_t known,
                       struct nh_battery_control_output *out)
{
    const struct nh_battery_limits *l = &s->v.limits;
    bool is_under = s->cell_min_dmv <= l->under_mv * 10,
         is_over = s->cell_max_dmv >= l->over_mv * 10;
    bool is_fault = (known & BIT(NH_BATTERY_STATUS)) && s->v.status == 0x9B;
    if (is_over || (is_fault && !is_under))
        out->ccl_ma = 0;
    if (is_under || (is_fault && !is_over))
        out->dcl_ma = 0;
    if (is_under)
        out->ccl_ma = min32(out->ccl_ma, NH_BATTERY_CONTROL_SLOW_MA);
    out->wants_charge |= is_under && !is_over;
}

// ---- all of it ----------------------------------------------------------------------------------

static bool makes_sense(const struct nh_battery_snapshot *s, uint32_t known)
{
    const uint32_t needed = BIT(NH_BATTERY_CELLS) | BIT(NH_BATTERY_LIMITS);
    const struct nh_battery_limits *l = &s->v.limits;
    return (known & needed) == needed && s->v.cell_count > 0 &&
           s->v.cell_count <= NH_BATTERY_CELL_MAX_COUNT && l->full_mv > 0 && l->full_mv <= 5000 &&
           l->empty_mv > 0 && l->empty_mv < l->full_mv && l->over_mv > l->full_mv &&
           l->over_mv <= 5000 && l->under_mv > 0 && l->under_mv < l->empty_mv &&
           l->charge_a <= 1000 && l->discharge_a <= 1000 && l->hot_c > -100 && l->hot_c < 200 &&
           l->cold_charge_c > -100 && l->cold_charge_c < 100;
}

void nh_battery_control_step(nh_battery_control_t *c, const struct nh_battery_control_config *cfg,
                             const struct nh_battery_snapshot *s, uint32_t known,
                             struct nh_battery_control_output *out)
{
    const struct nh_battery_limits *l = &s->v.limits;
    *out = (struct nh_battery_control_output){.state = c->state};
    if (!makes_sense(s, known))
        return;
    out->is_known = true;
    out->cvl_mv = l->full_mv * s->v.cell_count;
    out->dvl_mv = l->empty_mv * s->v.cell_count;
    out->ccl_ma = lower_of(l->charge_a, cfg->charge_max_a);
    out->dcl_ma = lower_of(l->discharge_a, cfg->discharge_max_a);
    if (cfg->follows_state) {
        c->state = state_of(c, s, known);
        int32_t cell_mv = protect(c, s, known);
        out->cvl_mv = min32(state_mv(c, s), cell_mv * s->v.cell_count);
        follow_state(c, s, known, out);
        out->wants_charge = c->state == NH_BATTERY_SUSTAIN;
        out->is_protecting = c->is_protecting;
    }
    obey_fault(s, known, out);
    out->state = c->state;
    out->is_charge_allowed = out->ccl_ma > 0;
    out->is_discharge_allowed = out->dcl_ma > 0;
}
