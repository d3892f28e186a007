// ota_image.h - the head of a signed program image: what the rest of the file is, who vouches for
// it. Sans-IO. Every byte: docs/ota.md.
//
//   0 "NUTHATCH"  8 format u16 = 1  10 head size u16 = 256  12 zero u32  16 payload size u64
//   24 SHA-256 of the payload [32]  56 version [32]  88 target [32]  120 zero [72]
//   192 Ed25519 signature of the 192 bytes before it [64]; then the payload. Little-endian.

#ifndef NH_OTA_IMAGE_H
#define NH_OTA_IMAGE_H

#include "platform/crypto.h"

#define NH_OTA_HEAD_BYTES 256
#define NH_OTA_SIGNED_BYTES 192
#define NH_OTA_TEXT_MAX_BYTES 32 // of version and target, with the NUL

struct nh_ota_head {
    uint64_t payload_bytes;
    uint8_t sha256[NH_SHA256_BYTES];
    char version[NH_OTA_TEXT_MAX_BYTES], target[NH_OTA_TEXT_MAX_BYTES];
};

// The whole head, signed. `secret` as nh_sign() takes it.
void nh_ota_head_encode(const struct nh_ota_head *h, const uint8_t secret[NH_SIGN_SECRET_BYTES],
                        uint8_t out[NH_OTA_HEAD_BYTES]);
// What it says, whoever signed it. NH_ERR_SYNTAX: no such head, or one of another format.
NH_MUST_USE int nh_ota_head_decode(const uint8_t bytes[NH_OTA_HEAD_BYTES], struct nh_ota_head *out);
// NH_ERR_DENIED: not signed by the owner of `key`.
NH_MUST_USE int nh_ota_head_verify(const uint8_t bytes[NH_OTA_HEAD_BYTES],
                                   const uint8_t key[NH_SIGN_KEY_BYTES]);
// What this program is built for: "linux-x86_64". Static.
const char *nh_ota_target(void);

#endif
