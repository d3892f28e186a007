#include "platform/crypto.h"

#include <sodium.h>

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(nh_sha256_t), "room for the state");
_Static_assert(crypto_sign_PUBLICKEYBYTES == NH_SIGN_KEY_BYTES, "Ed25519");
_Static_assert(crypto_sign_SECRETKEYBYTES == NH_SIGN_SECRET_BYTES, "its secret");
_Static_assert(crypto_sign_BYTES == NH_SIGNATURE_BYTES, "its signature");

void nh_sha256_init(nh_sha256_t *h)
{
    crypto_hash_sha256_init((crypto_hash_sha256_state *)(void *)h->state);
}

void nh_sha256_update(nh_sha256_t *h, const void *bytes, size_t len)
{
    crypto_hash_sha256_update((crypto_hash_sha256_state *)(void *)h->state, bytes, len);
}

void nh_sha256_end(nh_sha256_t *h, uint8_t out[NH_SHA256_BYTES])
{
    crypto_hash_sha256_final((crypto_hash_sha256_state *)(void *)h->state, out);
}

void nh_sign_keypair(uint8_t key[NH_SIGN_KEY_BYTES], uint8_t secret[NH_SIGN_SECRET_BYTES])
{
    NH_IGNORE(sodium_init()); // it fails only where there is no random source at all
    crypto_sign_keypair(key, secret);
}

void nh_sign(const uint8_t secret[NH_SIGN_SECRET_BYTES], const void *bytes, size_t len,
             uint8_t signature[NH_SIGNATURE_BYTES])
{
    crypto_sign_detached(signature, NULL, bytes, len, secret);
}

int nh_sign_verify(const uint8_t key[NH_SIGN_KEY_BYTES], const void *bytes, size_t len,
                   const uint8_t signature[NH_SIGNATURE_BYTES])
{
    return crypto_sign_verify_detached(signature, bytes, len, key) == 0 ? NH_OK : NH_ERR_DENIED;
}
