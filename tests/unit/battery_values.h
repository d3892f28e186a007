// battery_values.h - a pack of 13 cells at rest, as sources tell it, for tests.

#ifndef NH_TEST_BATTERY_VALUES_H
#define NH_TEST_BATTERY_VALUES_H

#include "components/battery/battery_image.h"

#define PACK_CELLS 13
#define BIT NH_BATTERY__BIT
#define PACK_LIVE                                                                                  \
    (BIT(NH_BATTERY_SOC) | BIT(NH_BATTERY_SOH) | BIT(NH_BATTERY_VOLTAGE) |                         \
     BIT(NH_BATTERY_CURRENT) | BIT(NH_BATTERY_TEMP_EXT1) | BIT(NH_BATTERY_TEMP_EXT2) |             \
     BIT(NH_BATTERY_TEMP_BMS) | BIT(NH_BATTERY_STATUS) | BIT(NH_BATTERY_CELLS) |                   \
     BIT(NH_BATTERY_BALANCING) | BIT(NH_BATTERY_LIFETIME))

static inline struct nh_battery_candidate pack_candidate(uint8_t source, uint32_t generation,
                                                         uint64_t time_ms)
{
    struct nh_battery_candidate c = {.source = source,
                                     .generation = generation,
                                     .time_ms = time_ms,
                                     .mask = PACK_LIVE | BIT(NH_BATTERY_LIMITS) |
                                             BIT(NH_BATTERY_CAPACITY)};
    struct nh_battery_values *v = &c.values;
    v->soc_mpct = 73250;
    v->soh_mpct = 99100;
    v->current_ma = -12500;
    v->temp_ext1_mc = 25000;
    v->temp_ext2_mc = 27000;
    v->temp_bms_mc = 30000;
    v->temperature_mc = NH_BATTERY_TEMPERATURE_NONE;
    v->status = 0x93;
    v->cell_count = PACK_CELLS;
    for (unsigned i = 0; i < PACK_CELLS; i++) {
        v->cell_dmv[i] = (uint16_t)(33000 + 10 * i);
        v->voltage_mv += v->cell_dmv[i] / 10;
    }
    v->lifetime_s = 1000;
    v->capacity_mah = 100000;
    v->limits = (struct nh_battery_limits){.charge_a = 50,
                                           .discharge_a = 100,
                                           .peak_discharge_a = 150,
                                           .full_mv = 3600,
                                           .empty_mv = 3000,
                                           .over_mv = 3800,
                                           .under_mv = 2600,
                                           .balance_mv = 3400,
                                           .spread_mv = 40,
                                           .hot_c = 60,
                                           .cold_charge_c = 0};
    return c;
}

#endif
