// battery_fixture.h - a pack for tests: 16 cells of iron phosphate in the middle of their range.

#ifndef NH_TEST_BATTERY_FIXTURE_H
#define NH_TEST_BATTERY_FIXTURE_H

#include "components/battery/battery.h"

#define BATTERY_ALL ((1u << NH_BATTERY_FIELD_COUNT) - 1)

// Minimum, maximum, mean and spread, from the cells.
static inline void battery_derive(struct nh_battery_snapshot *s)
{
    uint32_t sum = 0;
    s->cell_min_dmv = UINT16_MAX;
    s->cell_max_dmv = 0;
    for (uint8_t i = 0; i < s->v.cell_count; i++) {
        uint16_t dmv = s->v.cell_dmv[i];
        sum += dmv;
        if (dmv < s->cell_min_dmv) {
            s->cell_min_dmv = dmv;
            s->cell_min_at = (uint8_t)(i + 1);
        }
        if (dmv > s->cell_max_dmv) {
            s->cell_max_dmv = dmv;
            s->cell_max_at = (uint8_t)(i + 1);
        }
    }
    s->cell_avg_dmv = (uint16_t)(sum / s->v.cell_count);
    s->cell_delta_dmv = (uint16_t)(s->cell_max_dmv - s->cell_min_dmv);
}

static inline struct nh_battery_snapshot battery_pack(void)
{
    struct nh_battery_snapshot s = {
        .generation = 1,
        .seq = 7,
        .time_ms = 1000,
        .source = NH_BATTERY_FROM_LOCAL,
        .is_local_connected = true,
        .valid = BATTERY_ALL,
        .time_to_full_s = NH_NEVER,
        .time_to_empty_s = 21000,
        .v = {.soc_mpct = 73250,
              .soh_mpct = 99100,
              .voltage_mv = 53328,
              .current_ma = -12500,
              .power_mw = -666600,
              .temperature_mc = 24900,
              .temp_ext1_mc = 24100,
              .temp_ext2_mc = 25700,
              .temp_bms_mc = 31200,
              .status = 0x93,
              .cell_count = 16,
              .balancing = 0x5,
              .lifetime_s = 1000000,
              .capacity_mah = 314000,
              .cycles_milli = 12300,
              .limits = {.charge_a = 90,
                         .discharge_a = 65,
                         .peak_discharge_a = 70,
                         .full_mv = 3650,
                         .empty_mv = 3000,
                         .over_mv = 3800,
                         .under_mv = 2800,
                         .balance_mv = 3400,
                         .spread_mv = 15,
                         .hot_c = 60,
                         .cold_charge_c = 0},
              .energy_in_mwh = 1234567890,
              .energy_out_mwh = 987654321,
              .hardware = 5,
              .hardware_changes = 1,
              .firmware = 10,
              .bootloader = 3,
              .firmware_internal = 1234,
              .serial = {0x1234, 0x5678, 0x9ABC, 0xDEF0, 0x0001, 0x0002}}};
    for (int i = 0; i < 16; i++)
        s.v.cell_dmv[i] = 33330;
    s.v.cell_dmv[2] = 33312;  // the lowest: cell 3
    s.v.cell_dmv[11] = 33348; // the highest: cell 12
    battery_derive(&s);
    return s;
}

static inline void battery_cells_set(struct nh_battery_snapshot *s, uint16_t dmv)
{
    for (uint8_t i = 0; i < s->v.cell_count; i++)
        s->v.cell_dmv[i] = dmv;
    battery_derive(s);
}

#endif
