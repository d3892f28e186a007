// tinybms_registers.h - every register of the Tiny BMS: key, type, scale, unit, range, rights.
//
// One table in flash. A value is an integer of its register's unit times 10^-decimals... see
// nh_tinybms_value(). Source: docs/battery-registers.md.

#ifndef NH_TINYBMS_REGISTERS_H
#define NH_TINYBMS_REGISTERS_H

#include "core/base/base.h"

#define NH_TINYBMS_LIVE_FIRST 0
#define NH_TINYBMS_LIVE_COUNT 56
#define NH_TINYBMS_STATISTICS_FIRST 100
#define NH_TINYBMS_STATISTICS_COUNT 18
#define NH_TINYBMS_EVENTS_FIRST 200
#define NH_TINYBMS_EVENTS_COUNT 98
#define NH_TINYBMS_SETTINGS_FIRST 300
#define NH_TINYBMS_SETTINGS_COUNT 44
#define NH_TINYBMS_VERSION_FIRST 500
#define NH_TINYBMS_VERSION_COUNT 10
#define NH_TINYBMS_ADDRESS_COUNT 600

enum nh_tinybms_type {
    NH_TINYBMS_U16,
    NH_TINYBMS_I16,
    NH_TINYBMS_U32,
    NH_TINYBMS_FLOAT,
    NH_TINYBMS_BITS,
    NH_TINYBMS_ENUM,
    NH_TINYBMS_U8_LOW,
    NH_TINYBMS_U8_HIGH,
    NH_TINYBMS_I8_LOW,
    NH_TINYBMS_I8_HIGH,
};
enum nh_tinybms_flags {
    NH_TINYBMS_WRITABLE = 1,
    NH_TINYBMS_SENSOR_RANGE = 2, // the board narrows the range to its current sensor
    NH_TINYBMS_DANGEROUS = 4, // a wrong value can damage the pack or take power away: needs a token
    NH_TINYBMS_RESTARTS = 8,  // the board restarts by itself
    NH_TINYBMS_READS_FFFF = 16, // after success it reads 0xFFFF
    NH_TINYBMS_SHARED = 32,     // several settings in one word: read, modify, write
};
struct nh_tinybms_choice {
    int32_t value;
    const char *text;
};
// min, max, fallback and step are raw, as in the register.
struct nh_tinybms_register {
    uint16_t address;
    uint8_t type, flags;
    uint8_t bit_first, bit_count; // of a field within a word; 0, 0: the whole
    const char *key, *label, *unit,
        *group; // group: live, statistics, battery, charger, safety, advanced, system, version
    const char *comment;                     // NULL: none
    float scale;                             // raw times scale is the value in `unit`
    uint8_t decimals;                        // that make sense
    int32_t min, max, step, fallback;        // fallback INT32_MIN: none known
    const struct nh_tinybms_choice *choices; // ends with a NULL text; NULL: none
};

size_t nh_tinybms_register_count(void);
const struct nh_tinybms_register *nh_tinybms_register_at(size_t index);     // by address, then bit
const struct nh_tinybms_register *nh_tinybms_register_find(nh_span_t key);  // NULL: none
const struct nh_tinybms_register *nh_tinybms_register_of(uint16_t address); // the first there; NULL
uint8_t nh_tinybms_register_words(const struct nh_tinybms_register *r);     // 1 or 2

// Value in the register's unit from its words. NAN: "not connected" (-32768 of a temperature),
// 0xFFFF of READS_FFFF.
double nh_tinybms_value(const struct nh_tinybms_register *r, const uint16_t *words);
// The word (of fields: `*word` with that field changed) for a value in the register's unit.
// NH_ERR_RANGE, NH_ERR_DENIED (read only).
NH_MUST_USE int nh_tinybms_value_put(const struct nh_tinybms_register *r, double value,
                                     uint16_t *word);

#endif
