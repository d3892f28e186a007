// crypto.h - the promise of cryptography: password hashes and keyed hashes. libsodium on Linux.

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

// Overwrites memory in a way that the compiler keeps.
void nh_wipe(void *ptr, size_t len);

#endif
