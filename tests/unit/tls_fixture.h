// tls_fixture.h - certificates made for a test: an authority, a server and clients that it signed,
// and one that it did not.

#ifndef NH_TEST_TLS_FIXTURE_H
#define NH_TEST_TLS_FIXTURE_H

#include "linux_fixture.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

struct tls_identity {
    X509 *cert;
    EVP_PKEY *key;
};

// What stands in a certificate. `cn` NULL: no common name; two of them are parted by a bar.
struct tls_subject {
    const char *cn, *san; // "DNS:localhost,IP:127.0.0.1"
    bool is_authority;
};

static inline void tls_extension(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(cert, e, -1), 1);
    X509_EXTENSION_free(e);
}

static inline void tls_subject_set(X509_NAME *name, const char *cn)
{
    char copy[256], *rest = copy;
    snprintf(copy, sizeof copy, "%s", cn ? cn : "");
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const uint8_t *)"nuthatch tests", -1, -1,
                               0);
    for (char *part; cn && (part = strsep(&rest, "|"));)
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (uint8_t *)part, -1, -1, 0);
}

// Makes a key and a certificate, signed by `by` (NULL: by itself).
static inline struct tls_identity tls_make(const struct tls_subject *subject,
                                           const struct tls_identity *by)
{
    static long serial;
    struct tls_identity id = {.cert = X509_new(), .key = EVP_EC_gen("P-256")};
    assert_non_null(id.cert);
    assert_non_null(id.key);
    X509_set_version(id.cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(id.cert), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(id.cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(id.cert), 24 * 3600);
    X509_set_pubkey(id.cert, id.key);
    tls_subject_set(X509_get_subject_name(id.cert), subject->cn);
    X509_set_issuer_name(id.cert, X509_get_subject_name(by ? by->cert : id.cert));
    tls_extension(id.cert, NID_basic_constraints,
                  subject->is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (subject->san)
        tls_extension(id.cert, NID_subject_alt_name, subject->san);
    assert_true(X509_sign(id.cert, by ? by->key : id.key, EVP_sha256()) > 0);
    return id;
}

static inline void tls_free(struct tls_identity *id)
{
    X509_free(id->cert);
    EVP_PKEY_free(id->key);
}

// Writes DIR/NAME.pem and, unless `cert_only`, DIR/NAME.key.
static inline void tls_write(const struct tls_identity *id, const char *dir, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.pem", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, id->cert), 1);
    fclose(f);
    snprintf(path, sizeof path, "%s/%s.key", dir, name);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_PrivateKey(f, id->key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(f);
}

// Signed by DIR's authority, made by tls_authority(); written as NAME.
static inline void tls_issue(const struct tls_identity *by, const char *dir, const char *name,
                             const char *cn, const char *san)
{
    const struct tls_subject subject = {.cn = cn, .san = san};
    struct tls_identity id = tls_make(&subject, by);
    tls_write(&id, dir, name);
    tls_free(&id);
}

static inline struct tls_identity tls_authority(const char *dir, const char *name)
{
    const struct tls_subject subject = {.cn = name, .is_authority = true};
    struct tls_identity id = tls_make(&subject, NULL);
    tls_write(&id, dir, name);
    return id;
}

#endif
