// tinybms_registers.h - every register of the Tiny BMS: key, type, scale, unit, range, rights.
//
// One table in flash, by address and then by bit; each field of a shared word is an entry of its
// own. The log of events (200 to 297) is not in it: nh_tinybms_events_of_words().
// Source: docs/battery-registers.md.

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
// min, max, fallback and step are raw, as in the register. min and max both 0: all that the type
// holds. The board narrows some more (SENSOR_RANGE), and reports its own by command 0x1D.
struct nh_tinybms_register {
    uint16_t address;
    uint8_t type, flags;
    uint8_t bit_first, bit_count; // of a field within a word; 0, 0: the whole
    const char *key, *label, *unit,
        *group; // group: live, statistics, battery, charger, safety, advanced, system, version
    const char *comment;                     // NULL: none
    int32_t divisor;                         // raw / divisor is the value in `unit`, exactly
    uint8_t decimals;                        // that make sense
    int32_t min, max, step, fallback;        // fallback INT32_MIN: none known
    const struct nh_tinybms_choice *choices; // ends with a NULL text; NULL: none
};

size_t nh_tinybms_register_count(void);
const struct nh_tinybms_register *nh_tinybms_register_at(size_t index);     // by address, then bit
const struct nh_tinybms_register *nh_tinybms_register_find(nh_span_t key);  // NULL: none
const struct nh_tinybms_register *nh_tinybms_register_of(uint16_t address); // the first there; NULL
uint8_t nh_tinybms_register_words(const struct nh_tinybms_register *r);     // 1 or 2

// The integer that is in the words (of a field: its bits alone, of a float 0), for limits and
// choices.
int64_t nh_tinybms_raw(const struct nh_tinybms_register *r, const uint16_t *words);
// Value in the register's unit from its words. NAN: "not connected" (-32768 of a temperature),
// 0xFFFF of READS_FFFF.
double nh_tinybms_value(const struct nh_tinybms_register *r, const uint16_t *words);
// The raw integer for a value in the register's unit, rounded to the nearest. NH_ERR_RANGE: outside
// of min and max, or no choice. NH_ERR_DENIED: read only.
NH_MUST_USE int nh_tinybms_raw_of(const struct nh_tinybms_register *r, double value, int64_t *raw);
// Puts a value in the register's unit into the one or two `words` of nh_tinybms_register_words();
// of a field its bits alone, the others stay. Errors as above; `words` is then as before.
NH_MUST_USE int nh_tinybms_value_put(const struct nh_tinybms_register *r, double value,
                                     uint16_t *words);
// "charging", "CC/CV": of the value's choice; NULL: none.
const char *nh_tinybms_choice_text(const struct nh_tinybms_register *r, int64_t raw);

#endif
