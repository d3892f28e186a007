// tls.h - TLS for streams: who we are, whom we believe, and who the peer is.

#ifndef NH_PLATFORM_TLS_H
#define NH_PLATFORM_TLS_H

#include "platform/platform.h"

// TLS 1.2 and 1.3, without renegotiation and compression.
typedef struct nh_tls nh_tls_t;

enum nh_tls_client_cert { NH_TLS_CERT_NONE, NH_TLS_CERT_OPTIONAL, NH_TLS_CERT_REQUIRED };

struct nh_tls_config {
    struct nh_mem *mem;
    bool is_client;
    // PEM. A server needs both: its chain, its own certificate first, and the key of that one. A
    // client has both or none. A key with a pass phrase is refused.
    const char *cert_file, *key_file;
    // PEM, whose certificates are believed. A server needs it to ask for client certificates. A
    // client without it believes whom the machine believes.
    const char *ca_file;
    enum nh_tls_client_cert client_cert; // what a server asks of a client
    bool any_name;                       // a client does not compare the certificate's name
};
// Reads the files; the paths are copied. On an error `why` (`cap` bytes) says which file and what
// is wrong with it, for people. NH_ERR_INVAL: the configuration or a file's content.
// NH_ERR_NOT_FOUND, NH_ERR_DENIED, NH_ERR_IO: a file. NH_ERR_NOMEM. `*out` is NULL then.
NH_MUST_USE int nh_tls_create(const struct nh_tls_config *cfg, char *why, size_t cap,
                              nh_tls_t **out);
// Only looks whether nh_tls_create() would succeed: its error, the file it stopped at, and what is
// wrong with that, for people ("has a pass phrase").
enum nh_tls_file { NH_TLS_FILE_NONE, NH_TLS_FILE_CERT, NH_TLS_FILE_KEY, NH_TLS_FILE_CA };
struct nh_tls_fault {
    enum nh_tls_file file;
    char text[96];
};
NH_MUST_USE int nh_tls_check(const struct nh_tls_config *cfg, struct nh_tls_fault *fault);
// Reads the files again, for connections that begin after it; those that are there go on. On an
// error everything stays as it was.
NH_MUST_USE int nh_tls_reload(nh_tls_t *t, char *why, size_t cap);
// Connections that use it may go on; listeners that name it may not. NULL: nothing.
void nh_tls_destroy(nh_tls_t *t);

// Who the peer of `s` is by its certificate, verified, or by what a proxy says of it. Copied to
// `text`, NUL-terminated; returns the length. NH_ERR_NOT_FOUND: it showed none, or one without such
// a name. NH_ERR_INVAL: more than one common name, a control character or malformed UTF-8 in it: a
// name that reads as another is none. NH_ERR_TOO_LONG: `cap`.
enum nh_identity {
    NH_IDENTITY_CN,  // the subject's common name
    NH_IDENTITY_SAN, // the first DNS name, mail address or URI of the subject's alternative names
};
NH_MUST_USE int nh_stream_identity(const nh_stream_t *s, enum nh_identity kind, char *text,
                                   size_t cap);

// What the TLS library holds of the host's memory, of all its users in the process; -1: not known.
// Counted from nh_tls_memory_watch() on, which comes before the first use of the library.
void nh_tls_memory_watch(void);
int64_t nh_tls_memory_bytes(void); // any task

#endif
