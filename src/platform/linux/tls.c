// tls.c - certificates, keys and settings of TLS, in OpenSSL's words.

#include "platform/tls.h"

#include "core/base/utf8.h"
#include "core/mem/mem.h"
#include "platform/linux/layer.h"

#include <errno.h>
#include <malloc.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct nh_tls {
    nh_mem_t *mem;
    SSL_CTX *ctx; // of the files as they were read last; each session holds its own
    struct nh_tls_config cfg;
    char paths[]; // of `cfg`
};

struct why {
    char *text; // of all, with the path; NULL: only the fault is wanted
    size_t cap;
    struct nh_tls_fault fault;
};

// ---- memory of the library ---------------------------------------------------------------------

// It cannot live on the heap of a tier: what it makes once for the process would outlive the memory
// system that a restart in place ends. So it is counted.
static atomic_int_fast64_t held_bytes;
static atomic_bool is_counting;

static void *count_alloc(size_t bytes, const char *file, int line)
{
    (void)file;
    (void)line;
    void *ptr = malloc(bytes);
    atomic_fetch_add_explicit(&held_bytes, (int64_t)malloc_usable_size(ptr), memory_order_relaxed);
    return ptr;
}

static void count_free(void *ptr, const char *file, int line)
{
    (void)file;
    (void)line;
    atomic_fetch_sub_explicit(&held_bytes, (int64_t)malloc_usable_size(ptr), memory_order_relaxed);
    free(ptr);
}

static void *count_realloc(void *ptr, size_t bytes, const char *file, int line)
{
    if (bytes == 0) {
        count_free(ptr, file, line);
        return NULL;
    }
    int64_t before = (int64_t)malloc_usable_size(ptr);
    void *fresh = realloc(ptr, bytes);
    if (fresh)
        atomic_fetch_add_explicit(&held_bytes, (int64_t)malloc_usable_size(fresh) - before,
                                  memory_order_relaxed);
    return fresh;
}

void nh_tls_memory_watch(void)
{
    if (CRYPTO_set_mem_functions(count_alloc, count_realloc, count_free) == 1)
        atomic_store(&is_counting, true);
}

int64_t nh_tls_memory_bytes(void)
{
    return atomic_load(&is_counting) ? (int64_t)atomic_load(&held_bytes) : -1;
}

// ---- reading the files -------------------------------------------------------------------------

static const char *const file_names[] = {
    [NH_TLS_FILE_NONE] = "TLS",
    [NH_TLS_FILE_CERT] = "certificate",
    [NH_TLS_FILE_KEY] = "key",
    [NH_TLS_FILE_CA] = "CA certificates",
};

static int fail(struct why *why, int err, enum nh_tls_file file, const char *path,
                const char *reason)
{
    why->fault.file = file;
    snprintf(why->fault.text, sizeof why->fault.text, "%s", reason ? reason : nh_err_text(err));
    if (why->text)
        snprintf(why->text, why->cap, "%s%s%s: %s", file_names[file], path ? " " : "",
                 path ? path : "", why->fault.text);
    ERR_clear_error();
    return err;
}

// What the library says of a file that is not there, or no file, is not for people.
static int check_file(struct why *why, enum nh_tls_file file, const char *path)
{
    struct stat st;
    if (path && access(path, R_OK) != 0)
        return fail(why, nh_linux__err(errno), file, path, NULL);
    if (path && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return fail(why, NH_ERR_INVAL, file, path, "is a folder");
    return NH_OK;
}

static int check_files(const struct nh_tls_config *cfg, struct why *why)
{
    int err = check_file(why, NH_TLS_FILE_CERT, cfg->cert_file);
    if (err == 0)
        err = check_file(why, NH_TLS_FILE_KEY, cfg->key_file);
    return err < 0 ? err : check_file(why, NH_TLS_FILE_CA, cfg->ca_file);
}

// A pass phrase would be asked for on the terminal, and the hub would wait for it.
static int no_pass_phrase(char *buf, int size, int rwflag, void *ctx)
{
    bool *is_asked = ctx;
    (void)buf;
    (void)size;
    (void)rwflag;
    *is_asked = true;
    return -1;
}

// The library's last word where it is one of TLS, such as "ee key too small"; of a file that it
// could not even parse it only names its own parts.
static const char *reason_of(const char *otherwise)
{
    unsigned long code = ERR_peek_last_error();
    bool is_tls = ERR_GET_LIB(code) == ERR_LIB_SSL && !ERR_COMMON_ERROR(code);
    bool is_other =
        ERR_GET_LIB(code) == ERR_LIB_X509 && ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH;
    const char *reason = is_tls || is_other ? ERR_reason_error_string(code) : NULL;
    return reason ? reason : otherwise;
}

static int own_certificate(SSL_CTX *ctx, const struct nh_tls_config *cfg, struct why *why)
{
    bool is_asked = false;
    if (!cfg->cert_file)
        return NH_OK;
    SSL_CTX_set_default_passwd_cb(ctx, no_pass_phrase);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, &is_asked);
    int err = NH_OK;
    if (SSL_CTX_use_certificate_chain_file(ctx, cfg->cert_file) != 1)
        err = fail(why, NH_ERR_INVAL, NH_TLS_FILE_CERT, cfg->cert_file,
                   reason_of("is no certificate in PEM"));
    else if (SSL_CTX_use_PrivateKey_file(ctx, cfg->key_file, SSL_FILETYPE_PEM) != 1)
        err = fail(why, NH_ERR_INVAL, NH_TLS_FILE_KEY, cfg->key_file,
                   is_asked ? "has a pass phrase" : reason_of("is not a private key in PEM"));
    else if (SSL_CTX_check_private_key(ctx) != 1)
        err = fail(why, NH_ERR_INVAL, NH_TLS_FILE_KEY, cfg->key_file,
                   reason_of("is not that of the certificate"));
    SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
    SSL_CTX_set_default_passwd_cb(ctx, NULL);
    return err;
}

static int believed(SSL_CTX *ctx, const struct nh_tls_config *cfg, struct why *why)
{
    static const char no_pem[] = "holds no certificate in PEM";
    if (!cfg->ca_file) {
        if (cfg->is_client && SSL_CTX_set_default_verify_paths(ctx) != 1)
            return fail(why, NH_ERR_IO, NH_TLS_FILE_CA, "of the machine", NULL);
        return NH_OK;
    }
    if (SSL_CTX_load_verify_file(ctx, cfg->ca_file) != 1)
        return fail(why, NH_ERR_INVAL, NH_TLS_FILE_CA, cfg->ca_file, no_pem);
    if (cfg->is_client)
        return NH_OK;
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(cfg->ca_file);
    if (!names)
        return fail(why, NH_ERR_INVAL, NH_TLS_FILE_CA, cfg->ca_file, no_pem);
    SSL_CTX_set_client_CA_list(ctx, names);
    return NH_OK;
}

static int verify_mode(const struct nh_tls_config *cfg)
{
    if (cfg->is_client || cfg->client_cert == NH_TLS_CERT_REQUIRED)
        return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    return cfg->client_cert == NH_TLS_CERT_OPTIONAL ? SSL_VERIFY_PEER : SSL_VERIFY_NONE;
}

// MQTT's own name, or HTTP's for a WebSocket. Who offers neither is served all the same: many
// clients offer what their library was set to.
static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                       const unsigned char *in, unsigned int in_len, void *ctx)
{
    static const unsigned char ours[] = "\x04mqtt\x08http/1.1";
    unsigned char *chosen;
    (void)ssl;
    (void)ctx;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof ours - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static void settings(SSL_CTX *ctx, const struct nh_tls_config *cfg)
{
    static const unsigned char scope[] = "nuthatch"; // without it tickets and certificates clash
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // An idle connection gives its buffers back; a whole record comes with one read.
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ctx, 1);
    // Sessions are resumed by tickets, which the client keeps. Their keys are made with the
    // context: a ticket from before a reload, with a certificate that is no longer believed, opens
    // nothing.
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(ctx, scope, sizeof scope - 1);
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_verify(ctx, verify_mode(cfg), NULL);
    if (!cfg->is_client)
        SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
}

static int context_make(const struct nh_tls_config *cfg, struct why *why, SSL_CTX **out)
{
    *out = NULL;
    ERR_clear_error();
    int err = check_files(cfg, why);
    if (err < 0)
        return err;
    SSL_CTX *ctx = SSL_CTX_new(cfg->is_client ? TLS_client_method() : TLS_server_method());
    if (!ctx)
        return fail(why, NH_ERR_NOMEM, NH_TLS_FILE_NONE, NULL, NULL);
    settings(ctx, cfg);
    err = own_certificate(ctx, cfg, why);
    if (err == 0)
        err = believed(ctx, cfg, why);
    if (err < 0)
        SSL_CTX_free(ctx);
    else
        *out = ctx;
    return err;
}

// ---- life --------------------------------------------------------------------------------------

static int check_config(const struct nh_tls_config *cfg, struct why *why)
{
    const char *text = NULL;
    if (!cfg->cert_file != !cfg->key_file)
        text = "a certificate needs its key, and a key its certificate";
    else if (!cfg->is_client && !cfg->cert_file)
        text = "a server needs a certificate";
    else if (!cfg->is_client && cfg->client_cert != NH_TLS_CERT_NONE && !cfg->ca_file)
        text = "to ask for client certificates it needs CA certificates";
    if (!text)
        return NH_OK;
    snprintf(why->fault.text, sizeof why->fault.text, "%s", text);
    if (why->text)
        snprintf(why->text, why->cap, "%s", text);
    return NH_ERR_INVAL;
}

static const char *path_copy(char **at, const char *path)
{
    if (!path)
        return NULL;
    size_t len = strlen(path) + 1;
    char *copy = memcpy(*at, path, len);
    *at += len;
    return copy;
}

static size_t path_bytes(const char *path)
{
    return path ? strlen(path) + 1 : 0;
}

static nh_tls_t *tls_new(const struct nh_tls_config *cfg)
{
    nh_tls_t *t = nh_mem_alloc_zero(cfg->mem,
                                    sizeof *t + path_bytes(cfg->cert_file) +
                                        path_bytes(cfg->key_file) + path_bytes(cfg->ca_file),
                                    NH_MEM_BULK);
    if (!t)
        return NULL;
    char *at = t->paths;
    t->mem = cfg->mem;
    t->cfg = *cfg;
    t->cfg.cert_file = path_copy(&at, cfg->cert_file);
    t->cfg.key_file = path_copy(&at, cfg->key_file);
    t->cfg.ca_file = path_copy(&at, cfg->ca_file);
    return t;
}

int nh_tls_create(const struct nh_tls_config *cfg, char *text, size_t cap, nh_tls_t **out)
{
    struct why why = {.text = text, .cap = cap};
    *out = NULL;
    int err = check_config(cfg, &why);
    if (err < 0)
        return err;
    nh_tls_t *t = tls_new(cfg);
    if (!t)
        return fail(&why, NH_ERR_NOMEM, NH_TLS_FILE_NONE, NULL, NULL);
    err = context_make(&t->cfg, &why, &t->ctx);
    if (err < 0)
        nh_tls_destroy(t);
    else
        *out = t;
    return err;
}

int nh_tls_check(const struct nh_tls_config *cfg, struct nh_tls_fault *fault)
{
    struct why why = {0};
    SSL_CTX *ctx = NULL;
    int err = check_config(cfg, &why);
    if (err == 0)
        err = context_make(cfg, &why, &ctx);
    SSL_CTX_free(ctx);
    *fault = why.fault;
    return err;
}

int nh_tls_reload(nh_tls_t *t, char *text, size_t cap)
{
    struct why why = {.text = text, .cap = cap};
    SSL_CTX *fresh;
    int err = context_make(&t->cfg, &why, &fresh);
    if (err < 0)
        return err;
    SSL_CTX_free(t->ctx);
    t->ctx = fresh;
    return NH_OK;
}

void nh_tls_destroy(nh_tls_t *t)
{
    if (!t)
        return;
    SSL_CTX_free(t->ctx);
    nh_mem_free(t->mem, t);
}

// ---- sessions ----------------------------------------------------------------------------------

// The certificate must be of `name`: a host name, or an address.
static bool expect_name(SSL *ssl, const char *name)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1)
        return true;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1;
}

static bool is_address(const char *name)
{
    struct sockaddr_storage sa;
    unsigned len;
    return nh_linux__address(name, 0, &sa, &len) == NH_OK;
}

bool nh_tls__is_client(const nh_tls_t *t)
{
    return t->cfg.is_client;
}

SSL *nh_tls__session(const nh_tls_t *t, const char *name)
{
    SSL *ssl = SSL_new(t->ctx);
    if (!ssl)
        return NULL;
    if (!t->cfg.is_client) {
        SSL_set_accept_state(ssl);
        return ssl;
    }
    SSL_set_connect_state(ssl);
    bool ok = is_address(name) || SSL_set_tlsext_host_name(ssl, name) == 1;
    if (ok && !t->cfg.any_name)
        ok = expect_name(ssl, name);
    if (ok)
        return ssl;
    SSL_free(ssl);
    return NULL;
}

// ---- identity ----------------------------------------------------------------------------------

int nh_tls__name_take(const void *bytes, size_t len, char *text, size_t cap)
{
    const uint8_t *b = bytes;
    for (size_t i = 0; i < len; i++)
        if (b[i] < 0x20 || b[i] == 0x7f)
            return NH_ERR_INVAL;
    if (len == 0 || !nh_utf8_is_valid(b, len, false))
        return NH_ERR_INVAL;
    if (len >= cap)
        return NH_ERR_TOO_LONG;
    memcpy(text, b, len);
    text[len] = 0;
    return (int)len;
}

static int common_name(X509 *cert, char *text, size_t cap)
{
    X509_NAME *subject = X509_get_subject_name(cert);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0)
        return NH_ERR_NOT_FOUND;
    if (X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
        return NH_ERR_INVAL;
    unsigned char *utf8 = NULL;
    int len =
        ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    int rc = len < 0 ? NH_ERR_INVAL : nh_tls__name_take(utf8, (size_t)len, text, cap);
    OPENSSL_free(utf8);
    return rc;
}

static int alternative_name(X509 *cert, char *text, size_t cap)
{
    int rc = NH_ERR_NOT_FOUND;
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; rc == NH_ERR_NOT_FOUND && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
        if (n->type != GEN_DNS && n->type != GEN_EMAIL && n->type != GEN_URI)
            continue;
        const ASN1_IA5STRING *s = n->d.ia5; // the three share it
        rc = nh_tls__name_take(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s), text, cap);
    }
    GENERAL_NAMES_free(names);
    return rc;
}

int nh_tls__identity(SSL *ssl, enum nh_identity kind, char *text, size_t cap)
{
    X509 *cert = SSL_get0_peer_certificate(ssl);
    if (!cert || SSL_get_verify_result(ssl) != X509_V_OK)
        return NH_ERR_NOT_FOUND;
    return kind == NH_IDENTITY_CN ? common_name(cert, text, cap)
                                  : alternative_name(cert, text, cap);
}
