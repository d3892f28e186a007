#include "platform/crypto.h"

#include <sodium.h>

_Static_assert(crypto_pwhash_STRBYTES <= NH_PASSWORD_HASH_MAX_BYTES, "room for a hash");
_Static_assert(crypto_generichash_BYTES == NH_KEYED_HASH_BYTES, "BLAKE2b-256");
_Static_assert(crypto_generichash_KEYBYTES == NH_KEYED_HASH_BYTES, "its key");

int nh_password_hash(const char *password, size_t len, char out[NH_PASSWORD_HASH_MAX_BYTES])
{
    if (sodium_init() < 0 ||
        crypto_pwhash_str_alg(out, password, len, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                              crypto_pwhash_MEMLIMIT_INTERACTIVE,
                              crypto_pwhash_ALG_ARGON2ID13) != 0)
        return NH_ERR_NOMEM;
    return 0;
}

int nh_password_verify(const char *hash, const char *password, size_t len)
{
    if (sodium_init() < 0 || crypto_pwhash_str_verify(hash, password, len) != 0)
        return NH_ERR_DENIED;
    return 0;
}

void nh_keyed_hash(const uint8_t key[NH_KEYED_HASH_BYTES], const void *bytes, size_t len,
                   uint8_t out[NH_KEYED_HASH_BYTES])
{
    crypto_generichash(out, NH_KEYED_HASH_BYTES, bytes, len, key, NH_KEYED_HASH_BYTES);
}

_Static_assert(NH_MAC_BYTES >= crypto_generichash_BYTES_MIN, "BLAKE2b-128");
_Static_assert(crypto_scalarmult_BYTES == NH_AGREE_BYTES, "X25519");

void nh_mac_parts(const uint8_t key[NH_KEYED_HASH_BYTES], const nh_span_t *parts, size_t count,
                  uint8_t out[NH_MAC_BYTES])
{
    crypto_generichash_state s;
    crypto_generichash_init(&s, key, NH_KEYED_HASH_BYTES, NH_MAC_BYTES);
    for (size_t i = 0; i < count; i++)
        crypto_generichash_update(&s, parts[i].ptr, parts[i].len);
    crypto_generichash_final(&s, out, NH_MAC_BYTES);
}

void nh_agree_public(const uint8_t secret[NH_AGREE_BYTES], uint8_t out[NH_AGREE_BYTES])
{
    crypto_scalarmult_base(out, secret);
}

int nh_agree_shared(const uint8_t secret[NH_AGREE_BYTES], const uint8_t other[NH_AGREE_BYTES],
                    uint8_t out[NH_AGREE_BYTES])
{
    uint8_t shared[NH_AGREE_BYTES];
    bool ok = crypto_scalarmult(shared, secret, other) == 0;
    for (size_t i = 0; ok && i < sizeof shared; i++)
        out[i] = shared[i];
    sodium_memzero(shared, sizeof shared);
    return ok ? NH_OK : NH_ERR_INVAL;
}

void nh_wipe(void *ptr, size_t len)
{
    sodium_memzero(ptr, len);
}
