// battery_settings_plan.h - what a change of settings means: limits, rules across settings, which
// words are written, and in which order. Pure: words in, findings and words out.
//
// Shared in this folder only. The rules: docs/battery-settings.md.

#ifndef NH_BATTERY_SETTINGS_PLAN_H
#define NH_BATTERY_SETTINGS_PLAN_H

#include "components/battery/tinybms.h"
#include "components/battery/tinybms_registers.h"

#define NH_BATTERY_WISH_MAX_COUNT 48 // more than there are settings
#define NH_BATTERY_FINDING_MAX_COUNT 8
#define NH_BATTERY_STEP_MV 10 // between two of the four voltages

// What is known of the board's settings; words of registers 300 to 343.
struct nh_battery__settings_image {
    uint16_t now[NH_TINYBMS_SETTINGS_COUNT];
    // As the board reports them by 0x1D, each if it has: minimum, maximum, default.
    uint16_t ranges[3][NH_TINYBMS_SETTINGS_COUNT];
    bool has_now, has_range[3];
};

struct nh_battery__wish {
    const struct nh_tinybms_register *r;
    double value; // in its unit
    // The plan's:
    int64_t old_raw, new_raw;
    bool is_changed; // the board has another value, or one that cannot be compared
};

struct nh_battery__finding {
    char field[40], value[32], limit[64], text[64]; // for people; "": nothing to say
};

// One word to write.
struct nh_battery__pair {
    uint16_t address, value;
    bool is_alone; // in a request of its own: what it does or refuses is not the others' matter
    uint8_t outcome, code;
    uint16_t found;
};

struct nh_battery__plan {
    uint32_t finding_count, pair_count;
    struct nh_battery__finding findings[NH_BATTERY_FINDING_MAX_COUNT];
    struct nh_battery__pair pairs[NH_TINYBMS_SETTINGS_COUNT];
};

// Limits of a setting in raw numbers: the table's, narrowed by what the board reports. True: by it.
bool nh_battery__limits_of(const struct nh_battery__settings_image *s,
                           const struct nh_tinybms_register *r, int64_t *min, int64_t *max);

// Checks `count` wishes against limits and rules, completes them, and lists the words to write so
// that after each the rules across settings hold, if they do now. With findings there are no pairs.
// A wish for the same setting twice is a finding.
void nh_battery__plan_make(const struct nh_battery__settings_image *s,
                           struct nh_battery__wish *wishes, uint32_t count,
                           struct nh_battery__plan *out);

// Whether the four voltages and the two currents stand in their order. `bad`, `above`: the first
// two that do not; may be NULL.
bool nh_battery__rules_hold(const uint16_t words[NH_TINYBMS_SETTINGS_COUNT],
                            const struct nh_tinybms_register **bad,
                            const struct nh_tinybms_register **above);

// The next words of one request: pairs [from, returned). At most NH_TINYBMS_LIST_MAX_COUNT.
uint32_t nh_battery__plan_chunk(const struct nh_battery__plan *p, uint32_t from);

// One finding more; over NH_BATTERY_FINDING_MAX_COUNT it is dropped, the first ones say enough.
void nh_battery__plan_find(struct nh_battery__plan *p, const struct nh_battery__finding *f);

// Why a change of this setting needs a second look; never NULL.
const char *nh_battery__danger_text(const struct nh_tinybms_register *r);

#endif
