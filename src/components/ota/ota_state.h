// ota_state.h - what the files of this folder share: the owner's state.

#ifndef NH_OTA_STATE_H
#define NH_OTA_STATE_H

#include "components/ota/ota.h"

struct nh_ota {
    struct nh_ota_config cfg;
    struct nh_ota_snapshot now;
    struct nh_timer look, stall;
    uint64_t confirm_before_ms;

    // The upload, while `file` is there.
    nh_file_t *file;
    nh_request_t *uploader; // NULL: nobody, or who calls begin() and end() itself
    enum nh_ota_place place;
    uint64_t heard_ms;
    size_t unsynced_bytes;
    nh_sha256_t hash;
    struct nh_ota_head head; // from byte NH_OTA_HEAD_BYTES on
    uint8_t head_bytes[NH_OTA_HEAD_BYTES];
};

#endif
