#include "hub/password_text.h"

#include "core/base/base64.h"
#include "core/base/secret.h"
#include "platform/platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PBKDF2_SALT_BYTES 12     // as mosquitto_passwd
#define PBKDF2_ITERATIONS 210000 // of those made here: some 100 ms
#define PBKDF2_ITERATIONS_MAX 10000000
#define SALT_MAX_BYTES 64

const struct nh_scram_crypto nh_password_crypto = {nh_hash_parts, nh_hmac_parts, nh_pbkdf2,
                                                   nh_wipe};

// What a text of mosquitto_passwd says.
struct mosquitto {
    uint8_t salt[SALT_MAX_BYTES], hash[NH_SHA512_BYTES];
    size_t salt_len;
    uint32_t iterations; // 0: form $6$
};

static nh_span_t span_of(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

static bool take_iterations(const char **at, uint32_t *out)
{
    char *end;
    if (**at < '1' || **at > '9')
        return false;
    unsigned long v = strtoul(*at, &end, 10);
    if (*end != '$' || v > PBKDF2_ITERATIONS_MAX)
        return false;
    *at = end + 1;
    *out = (uint32_t)v;
    return true;
}

static bool mosquitto_parse(const char *text, struct mosquitto *m)
{
    const char *at = text + 3;
    *m = (struct mosquitto){0};
    if (strncmp(text, "$7$", 3) == 0 && !take_iterations(&at, &m->iterations))
        return false;
    const char *dollar = strchr(at, '$');
    if (!dollar)
        return false;
    int salt_len = nh_base64_decode(at, (size_t)(dollar - at), m->salt, sizeof m->salt);
    int hash_len = nh_base64_decode(dollar + 1, strlen(dollar + 1), m->hash, sizeof m->hash);
    m->salt_len = salt_len > 0 ? (size_t)salt_len : 0;
    return salt_len > 0 && hash_len == NH_SHA512_BYTES;
}

enum nh_password_form nh_password_form_of(const char *text)
{
    struct nh_scram_secret secret;
    struct mosquitto m;
    if (strncmp(text, "$argon2id$", 10) == 0)
        return strlen(text) < NH_PASSWORD_HASH_MAX_BYTES ? NH_PASSWORD_ARGON2ID
                                                         : NH_PASSWORD_NO_FORM;
    if (strncmp(text, "$7$", 3) == 0 || strncmp(text, "$6$", 3) == 0) {
        if (!mosquitto_parse(text, &m))
            return NH_PASSWORD_NO_FORM;
        return m.iterations ? NH_PASSWORD_PBKDF2 : NH_PASSWORD_SHA512;
    }
    return nh_scram_secret_parse(span_of(text), &secret) == NH_OK ? NH_PASSWORD_SCRAM
                                                                  : NH_PASSWORD_NO_FORM;
}

// ---- checking -----------------------------------------------------------------------------------

static int mosquitto_hash(const struct mosquitto *m, nh_span_t password, uint8_t *out)
{
    const nh_span_t salt = {m->salt, m->salt_len}, parts[] = {password, salt};
    return m->iterations ? nh_pbkdf2(NH_SHA512, password, salt, m->iterations, out)
                         : nh_hash_parts(NH_SHA512, parts, 2, out);
}

static int mosquitto_verify(const char *text, nh_span_t password)
{
    struct mosquitto m;
    uint8_t hash[NH_SHA512_BYTES];
    if (!mosquitto_parse(text, &m))
        return NH_ERR_DENIED;
    int rc = mosquitto_hash(&m, password, hash);
    if (rc < 0)
        return rc;
    return nh_ct_equal(hash, m.hash, sizeof hash) ? NH_OK : NH_ERR_DENIED;
}

static int scram_verify(const char *text, nh_span_t password)
{
    struct nh_scram_secret secret;
    if (nh_scram_secret_parse(span_of(text), &secret) < 0)
        return NH_ERR_DENIED;
    return nh_scram_secret_verify(&nh_password_crypto, &secret, password);
}

int nh_password_text_verify(const char *text, nh_span_t password)
{
    switch (nh_password_form_of(text)) {
    case NH_PASSWORD_ARGON2ID:
        return nh_password_verify(text, password.len ? (const char *)password.ptr : "",
                                  password.len);
    case NH_PASSWORD_SCRAM:
        return scram_verify(text, password);
    case NH_PASSWORD_PBKDF2:
    case NH_PASSWORD_SHA512:
        return mosquitto_verify(text, password);
    default:
        return NH_ERR_DENIED;
    }
}

// ---- making -------------------------------------------------------------------------------------

static int make_scram(nh_span_t password, char *out)
{
    uint8_t salt[NH_SCRAM_SALT_BYTES];
    struct nh_scram_secret secret;
    nh_random_bytes(salt, sizeof salt);
    int rc = nh_scram_secret_make(&nh_password_crypto, password, (nh_span_t){salt, sizeof salt},
                                  NH_SCRAM_ITERATIONS, &secret);
    if (rc == NH_OK)
        nh_scram_secret_text(&secret, out);
    return rc;
}

static int make_pbkdf2(nh_span_t password, char *out)
{
    char salt[NH_BASE64_TEXT_BYTES(PBKDF2_SALT_BYTES)], hash[NH_BASE64_TEXT_BYTES(NH_SHA512_BYTES)];
    struct mosquitto m = {.salt_len = PBKDF2_SALT_BYTES, .iterations = PBKDF2_ITERATIONS};
    nh_random_bytes(m.salt, m.salt_len);
    int rc = mosquitto_hash(&m, password, m.hash);
    if (rc < 0)
        return rc;
    NH_IGNORE(nh_base64_encode(m.salt, m.salt_len, salt, sizeof salt)); // they fit
    NH_IGNORE(nh_base64_encode(m.hash, sizeof m.hash, hash, sizeof hash));
    snprintf(out, NH_PASSWORD_TEXT_MAX_BYTES, "$7$%u$%s$%s", (unsigned)m.iterations, salt, hash);
    return NH_OK;
}

int nh_password_text_make(enum nh_password_form form, nh_span_t password,
                          char out[NH_PASSWORD_TEXT_MAX_BYTES])
{
    _Static_assert(NH_PASSWORD_TEXT_MAX_BYTES >= NH_PASSWORD_HASH_MAX_BYTES, "room for any form");
    switch (form) {
    case NH_PASSWORD_ARGON2ID:
        return nh_password_hash((const char *)password.ptr, password.len, out);
    case NH_PASSWORD_SCRAM:
        return make_scram(password, out);
    case NH_PASSWORD_PBKDF2:
        return make_pbkdf2(password, out);
    default:
        return NH_ERR_INVAL;
    }
}
