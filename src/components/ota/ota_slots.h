// ota_slots.h - which program is started: two slots beside the one that was installed, and a record
// of what ran well. The record is a document of the store, so it is whole whenever power goes.
//
//   updated ----> pending: started once ----confirmed----> active, the one before it the way back
//                    |  started again without having been confirmed
//                    `-> taken back: the one before is active again
//
// Who starts the hub asks nh_ota_slots_boot() before anything else; the hub confirms.

#ifndef NH_OTA_SLOTS_H
#define NH_OTA_SLOTS_H

#include "components/ota/ota_image.h"
#include "core/store/store.h"

#define NH_OTA_DIR "ota" // in the data folder: the record's store and the slots' files

enum nh_ota_place { NH_OTA_PROGRAM, NH_OTA_SLOT_A, NH_OTA_SLOT_B, NH_OTA_PLACE_COUNT };
const char *nh_ota_place_name(enum nh_ota_place p); // "program", "a", "b"; static
// The file of a slot, in the data folder; NULL: the program, which is not ours. Static.
const char *nh_ota_place_file(enum nh_ota_place p);

struct nh_ota_slot {
    bool is_whole; // else there is nothing to start
    uint64_t size_bytes;
    char version[NH_OTA_TEXT_MAX_BYTES];
};

struct nh_ota_record {
    uint32_t active, fallback; // enum nh_ota_place
    bool is_pending;           // active has not been confirmed
    uint32_t tries;            // how often it was started, while pending
    // The last update was taken back, and what it was called; "": none was.
    char taken_back[NH_OTA_TEXT_MAX_BYTES];
    struct nh_ota_slot slot[2]; // of places NH_OTA_SLOT_A and _B
};

// The record as it is; without one, or with a damaged one, the program is active. Errors of the
// store: `*out` is that too.
NH_MUST_USE int nh_ota_record_read(nh_store_t *store, struct nh_ota_record *out);
// Durable when it returns.
NH_MUST_USE int nh_ota_record_write(nh_store_t *store, const struct nh_ota_record *r);

// Which place to start now, noted in the record. A pending one gets one try, and none when that
// cannot be noted: a disk that is full must not start a bad program for ever.
enum nh_ota_place nh_ota_slots_boot(nh_store_t *store, struct nh_fs fs);

#endif
