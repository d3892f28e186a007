// battery_settings_file.h - settings as JSON: the body of a change, and the file of an export.
//
// Shared in this folder only. The file: docs/battery-settings.md.

#ifndef NH_BATTERY_SETTINGS_FILE_H
#define NH_BATTERY_SETTINGS_FILE_H

#include "components/battery/battery_settings.h"
#include "core/json/json.h"

#define NH_BATTERY_FILE_FORMAT "nuthatch battery settings"
#define NH_BATTERY_FILE_VERSION 1

struct nh_battery__file {
    struct nh_battery__wish wishes[NH_BATTERY_WISH_MAX_COUNT]; // r and value
    uint32_t wish_count;
    char token[NH_BATTERY_TOKEN_TEXT_BYTES];
    // What names no setting (its limit is ""), or has a value that is none.
    struct nh_battery__finding findings[NH_BATTERY_FINDING_MAX_COUNT];
    uint32_t finding_count;
    char fault[160]; // why it cannot be read at all
};

// {"changes":{"key":value,...},"token":"..."}. A value is a number in the setting's unit, the
// text of a choice, or true and false of what is on or off. NH_ERR_SYNTAX and others: `fault` says
// what and where.
NH_MUST_USE int nh_battery__file_read_changes(const char *text, size_t len,
                                              struct nh_battery__file *out);
// A file of an export. What it does not name is left alone, null too; what tells the board
// something (its charge, its health) is passed over.
NH_MUST_USE int nh_battery__file_read_export(const char *text, size_t len,
                                             struct nh_battery__file *out);

// Whether an export has this one: a setting that the board keeps.
bool nh_battery__is_kept(const struct nh_tinybms_register *r);

// What an export is made of. `at` is 0 at first; each call writes a part of at most 512 bytes into
// `out` and moves `at` on. Returns its length; 0: the end.
struct nh_battery__export {
    const uint16_t *words;   // of registers 300 to 343
    const uint16_t *version; // of 500 to 509; NULL: not known
    int64_t unix_ms;         // 0: not known
    size_t at;
};
#define NH_BATTERY_EXPORT_PART_BYTES 512
size_t nh_battery__export_next(struct nh_battery__export *e,
                               char out[NH_BATTERY_EXPORT_PART_BYTES]);

// "123456789abc...": the board's 96 bits, the first word first, as /api/battery has it. "" of words
// that are all 0.
#define NH_BATTERY_SERIAL_TEXT_BYTES 25
const char *nh_battery__serial_text(const uint16_t version[NH_TINYBMS_VERSION_COUNT],
                                    char out[NH_BATTERY_SERIAL_TEXT_BYTES]);

#endif
