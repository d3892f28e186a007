#include "platform/crypto.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

static const EVP_MD *md_of(enum nh_hash kind)
{
    return kind == NH_SHA256 ? EVP_sha256() : EVP_sha512();
}

static size_t bytes_of(enum nh_hash kind)
{
    return kind == NH_SHA256 ? NH_SHA256_BYTES : NH_SHA512_BYTES;
}

int nh_hash_parts(enum nh_hash kind, const nh_span_t *parts, size_t count, uint8_t *out)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestInit_ex(ctx, md_of(kind), NULL) == 1;
    for (size_t i = 0; ok && i < count; i++)
        ok = EVP_DigestUpdate(ctx, parts[i].ptr, parts[i].len) == 1;
    ok = ok && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return ok ? NH_OK : NH_ERR_NOMEM;
}

static bool hmac(EVP_MAC_CTX *ctx, enum nh_hash kind, nh_span_t key, const nh_span_t *parts,
                 size_t count, uint8_t *out)
{
    char name[] = "SHA512", shorter[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(
                                     OSSL_MAC_PARAM_DIGEST, kind == NH_SHA256 ? shorter : name, 0),
                                 OSSL_PARAM_construct_end()};
    size_t len;
    // A key of NULL would mean "the key before".
    const void *bytes = key.len ? key.ptr : (const void *)"";
    bool ok = EVP_MAC_init(ctx, bytes, key.len, params) == 1;
    for (size_t i = 0; ok && i < count; i++)
        ok = EVP_MAC_update(ctx, parts[i].ptr, parts[i].len) == 1;
    return ok && EVP_MAC_final(ctx, out, &len, bytes_of(kind)) == 1;
}

int nh_hmac_parts(enum nh_hash kind, nh_span_t key, const nh_span_t *parts, size_t count,
                  uint8_t *out)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
    bool ok = ctx && hmac(ctx, kind, key, parts, count, out);
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
    return ok ? NH_OK : NH_ERR_NOMEM;
}

int nh_pbkdf2(enum nh_hash kind, nh_span_t password, nh_span_t salt, uint32_t iterations,
              uint8_t *out)
{
    if (iterations == 0 || iterations > INT32_MAX || password.len > INT32_MAX ||
        salt.len > INT32_MAX)
        return NH_ERR_RANGE;
    const char *text = password.len ? (const char *)password.ptr : "";
    int ok = PKCS5_PBKDF2_HMAC(text, (int)password.len, salt.ptr, (int)salt.len, (int)iterations,
                               md_of(kind), (int)bytes_of(kind), out);
    return ok == 1 ? NH_OK : NH_ERR_NOMEM;
}
