// crypto.h - the promise of cryptography: password hashes and keyed hashes. libsodium on Linux, and
// libcrypto for what other programs' formats want.

#ifndef NH_CRYPTO_H
#define NH_CRYPTO_H

#include "core/base/base.h"

#define NH_PASSWORD_HASH_MAX_BYTES 128 // with the NUL
#define NH_KEYED_HASH_BYTES 32

// Hashes `password` (Argon2id, interactive limits: about 64 MiB for some 50 ms) into a text that
// holds its own salt and limits. NH_ERR_NOMEM.
NH_MUST_USE int nh_password_hash(const char *password, size_t len,
                                 char out[NH_PASSWORD_HASH_MAX_BYTES]);
// 0, or NH_ERR_DENIED when it does not match or `hash` is not one. As slow as hashing.
NH_MUST_USE int nh_password_verify(const char *hash, const char *password, size_t len);

// A hash that only who has the key can make (BLAKE2b); compares in constant time are the caller's.
void nh_keyed_hash(const uint8_t key[NH_KEYED_HASH_BYTES], const void *bytes, size_t len,
                   uint8_t out[NH_KEYED_HASH_BYTES]);

// A short message authentication code (BLAKE2b-128, keyed) of the `count` parts one after the
// other; compare with nh_ct_equal().
#define NH_MAC_BYTES 16
void nh_mac_parts(const uint8_t key[NH_KEYED_HASH_BYTES], const nh_span_t *parts, size_t count,
                  uint8_t out[NH_MAC_BYTES]);

// Key agreement (X25519). `secret` is NH_AGREE_BYTES of random; what both ends get from their own
// secret and the other's public half is the same. It is no key yet: hash it. NH_ERR_INVAL: a public
// half that makes the result guessable; `out` is not written.
#define NH_AGREE_BYTES 32
void nh_agree_public(const uint8_t secret[NH_AGREE_BYTES], uint8_t out[NH_AGREE_BYTES]);
NH_MUST_USE int nh_agree_shared(const uint8_t secret[NH_AGREE_BYTES],
                                const uint8_t other[NH_AGREE_BYTES], uint8_t out[NH_AGREE_BYTES]);

// ---- the hashes of other programs' formats and of protocols -------------------------------------

enum nh_hash { NH_SHA256, NH_SHA512 };
#define NH_SHA256_BYTES 32
#define NH_SHA512_BYTES 64

// The hash of the `count` parts one after the other: NH_SHA256_BYTES or NH_SHA512_BYTES to `out`.
// NH_ERR_NOMEM.
NH_MUST_USE int nh_hash_parts(enum nh_hash kind, const nh_span_t *parts, size_t count,
                              uint8_t *out);
// HMAC (RFC 2104) of the parts. NH_ERR_NOMEM.
NH_MUST_USE int nh_hmac_parts(enum nh_hash kind, nh_span_t key, const nh_span_t *parts,
                              size_t count, uint8_t *out);
// PBKDF2 with HMAC (RFC 8018), as long as the hash. `iterations` (>= 1) is its time: about 1 ms for
// 2,000 on a desktop. NH_ERR_NOMEM, NH_ERR_RANGE.
NH_MUST_USE int nh_pbkdf2(enum nh_hash kind, nh_span_t password, nh_span_t salt,
                          uint32_t iterations, uint8_t *out);

// SHA-256 of bytes that come in pieces. The caller embeds it; private.
typedef struct nh_sha256 {
    uint64_t state[13];
} nh_sha256_t;
void nh_sha256_init(nh_sha256_t *h);
void nh_sha256_update(nh_sha256_t *h, const void *bytes, size_t len);
void nh_sha256_end(nh_sha256_t *h, uint8_t out[NH_SHA256_BYTES]);

// ---- signatures (Ed25519, RFC 8032) -------------------------------------------------------------

#define NH_SIGN_KEY_BYTES 32
#define NH_SIGN_SECRET_BYTES 64 // the seed, and the public key behind it
#define NH_SIGNATURE_BYTES 64
void nh_sign_keypair(uint8_t key[NH_SIGN_KEY_BYTES], uint8_t secret[NH_SIGN_SECRET_BYTES]);
void nh_sign(const uint8_t secret[NH_SIGN_SECRET_BYTES], const void *bytes, size_t len,
             uint8_t signature[NH_SIGNATURE_BYTES]);
// NH_ERR_DENIED: it is not the signature of the owner of `key`.
NH_MUST_USE int nh_sign_verify(const uint8_t key[NH_SIGN_KEY_BYTES], const void *bytes, size_t len,
                               const uint8_t signature[NH_SIGNATURE_BYTES]);

// Overwrites memory in a way that the compiler keeps.
void nh_wipe(void *ptr, size_t len);

#endif
