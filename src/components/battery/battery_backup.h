// battery_backup.h - the settings as they were before a write, kept in the store: the document
// "battery_backup", as many generations of it as the store keeps.
//
// Every byte: docs/battery-settings.md. Shared in this folder only; the loop's task.

#ifndef NH_BATTERY_BACKUP_H
#define NH_BATTERY_BACKUP_H

#include "components/battery/tinybms_registers.h"
#include "core/store/store.h"

#define NH_BATTERY_BACKUP_DOC "battery_backup"
#define NH_BATTERY_BACKUP_BYTES (16 + 2 * NH_TINYBMS_VERSION_COUNT + 2 * NH_TINYBMS_SETTINGS_COUNT)

struct nh_battery__backup {
    int64_t unix_ms;                            // 0: no clock
    uint16_t version[NH_TINYBMS_VERSION_COUNT]; // of the board; all 0: not known
    uint16_t words[NH_TINYBMS_SETTINGS_COUNT];  // registers 300 to 343
};

void nh_battery__backup_encode(const struct nh_battery__backup *b,
                               uint8_t out[NH_BATTERY_BACKUP_BYTES]);
// NH_ERR_CORRUPT: no backup. NH_ERR_UNSUPPORTED: of a later version. `out` is then as before.
NH_MUST_USE int nh_battery__backup_decode(const uint8_t *bytes, size_t len,
                                          struct nh_battery__backup *out);

// Durable when it returns; gives the generation. Errors of nh_store_put().
NH_MUST_USE int nh_battery__backup_keep(nh_store_t *store, const struct nh_battery__backup *b);
// `generation` 0: the newest. NH_ERR_NOT_FOUND; errors of the store and of decode().
NH_MUST_USE int nh_battery__backup_read(nh_store_t *store, uint32_t generation,
                                        struct nh_battery__backup *out);

#endif
