// battery_image.h - what one source has said of the pack: values, each with its time. The parts of
// the model that need neither clock nor readers. Shared in this folder only.

#ifndef NH_BATTERY_IMAGE_H
#define NH_BATTERY_IMAGE_H

#include "components/battery/battery_model.h"

#define NH_BATTERY__BIT(field) (UINT32_C(1) << (field))
#define NH_BATTERY__ALL (NH_BATTERY__BIT(NH_BATTERY_FIELD_COUNT) - 1)
// What is read once a minute, and what a meter keeps: other limits of age.
#define NH_BATTERY__SLOW                                                                           \
    (NH_BATTERY__BIT(NH_BATTERY_LIMITS) | NH_BATTERY__BIT(NH_BATTERY_COUNTERS) |                   \
     NH_BATTERY__BIT(NH_BATTERY_CAPACITY) | NH_BATTERY__BIT(NH_BATTERY_VERSION_INFO))
#define NH_BATTERY__METERS (NH_BATTERY__BIT(NH_BATTERY_ENERGY) | NH_BATTERY__BIT(NH_BATTERY_CYCLES))

#define NH_BATTERY__TEMPERATURE_MIN_MC (-50000) // outside of these it cannot be
#define NH_BATTERY__TEMPERATURE_MAX_MC 150000

struct nh_battery__image {
    uint32_t valid;
    uint32_t bad; // valid, but a newer value was refused as implausible
    uint64_t field_ms[NH_BATTERY_FIELD_COUNT];
    uint8_t odd_cell_at; // as in the snapshot
    uint16_t odd_cell_dmv;
    struct nh_battery_values v;
};

// Bits of what cannot be: a cell of 0 or above 5 V, more than 32 of them, a pack that differs by
// more than 5 % from the sum of its cells, a temperature outside -50 to 150 degrees, a charge or a
// health outside 0 to 100 %, a current above 2000 A, a capacity or a limit that no pack has.
uint32_t nh_battery__implausible(uint32_t mask, const struct nh_battery_values *v);

// The first cell that cannot be, from 1. 0: none.
unsigned nh_battery__odd_cell(const struct nh_battery_values *v);

// Takes the fields of `mask` that are not older than what is there. A temperature of
// NH_BATTERY_TEMPERATURE_NONE makes its field unknown, as does a time left of 0 with a status that
// is not discharging. Returns what was taken.
uint32_t nh_battery__image_merge(struct nh_battery__image *image, uint32_t mask,
                                 const struct nh_battery_values *v, uint64_t time_ms);

// What somebody was told last of each field.
struct nh_battery__reference {
    uint32_t valid, stale;
    struct nh_battery_values v;
};
// Bits of the fields that differ: in what is valid, in what is stale, or by the audience's
// threshold.
uint32_t nh_battery__difference(const struct nh_battery__reference *told,
                                const struct nh_battery_snapshot *s,
                                enum nh_battery_audience audience);
// Those fields were told. The others keep their reference, so a slow drift adds up until it is
// told.
void nh_battery__reference_set(struct nh_battery__reference *told, uint32_t mask,
                               const struct nh_battery_snapshot *s);

// Minimum, maximum, mean, spread and where, from the cells in `s->v`; zeroes without them.
void nh_battery__cells_derive(struct nh_battery_snapshot *s);

#endif
