// scram.h - SCRAM-SHA-256 (RFC 5802, RFC 7677), both sides of it, without channel binding. Bytes
// in, bytes out: the caller carries them (in MQTT 5.0 as authentication data), has the random
// numbers, and lends the hashes.
//
// The server never has the password and never sees it. Whoever steals its secrets cannot sign in
// with them, but can guess at them as at any hash.
//
//   client                                server
//   begin  "n,,n=user,r=nonce"        ->  begin
//   finish                            <-  challenge  "r=nonce+more,s=salt,i=iterations"
//          "c=biws,r=nonce+more,p=proof"  ->  finish
//   verify                            <-  "v=signature"
//
// Names and passwords are taken as the UTF-8 that they are: who wants them prepared (RFC 4013) does
// that before.

#ifndef NH_SCRAM_H
#define NH_SCRAM_H

#include "platform/crypto.h"

#define NH_SCRAM_METHOD "SCRAM-SHA-256"
#define NH_SCRAM_SALT_MAX_BYTES 64
#define NH_SCRAM_SALT_BYTES 16 // of those made here
#define NH_SCRAM_ITERATIONS 4096
#define NH_SCRAM_ITERATIONS_MAX 10000000
#define NH_SCRAM_USER_MAX_BYTES 256
#define NH_SCRAM_NONCE_MAX_BYTES 128  // of one side
#define NH_SCRAM_SECRET_MAX_BYTES 240 // as text, with the NUL
#define NH_SCRAM_MESSAGE_MAX_BYTES 512

// The hashes, as platform/crypto.h promises them; a table, so that who has no SCRAM needs none.
struct nh_scram_crypto {
    int (*hash)(enum nh_hash kind, const nh_span_t *parts, size_t count, uint8_t *out);
    int (*hmac)(enum nh_hash kind, nh_span_t key, const nh_span_t *parts, size_t count,
                uint8_t *out);
    int (*pbkdf2)(enum nh_hash kind, nh_span_t password, nh_span_t salt, uint32_t iterations,
                  uint8_t *out);
    void (*wipe)(void *ptr, size_t len);
};

// ---- the server's secret of a user --------------------------------------------------------------

struct nh_scram_secret {
    uint8_t salt[NH_SCRAM_SALT_MAX_BYTES], stored_key[NH_SHA256_BYTES], server_key[NH_SHA256_BYTES];
    uint32_t iterations;
    uint8_t salt_len;
};

// From a password. NH_ERR_RANGE: salt (1 to 64 bytes) or iterations. NH_ERR_NOMEM.
NH_MUST_USE int nh_scram_secret_make(const struct nh_scram_crypto *crypto, nh_span_t password,
                                     nh_span_t salt, uint32_t iterations,
                                     struct nh_scram_secret *out);
// "SCRAM-SHA-256$4096:salt$stored:server", in base64, as other servers store it. NH_ERR_SYNTAX,
// NH_ERR_RANGE.
NH_MUST_USE int nh_scram_secret_parse(nh_span_t text, struct nh_scram_secret *out);
void nh_scram_secret_text(const struct nh_scram_secret *s, char out[NH_SCRAM_SECRET_MAX_BYTES]);
// Whether it is this password. As slow as making it. NH_ERR_DENIED, NH_ERR_NOMEM.
NH_MUST_USE int nh_scram_secret_verify(const struct nh_scram_crypto *crypto,
                                       const struct nh_scram_secret *s, nh_span_t password);
// For a user that is not there: always the same for one name and `key`, so that the challenge says
// nothing; `iterations` as others have them. No password belongs to it. NH_ERR_NOMEM.
NH_MUST_USE int nh_scram_secret_fake(const struct nh_scram_crypto *crypto, nh_span_t key,
                                     nh_span_t user, uint32_t iterations,
                                     struct nh_scram_secret *out);

// ---- server -------------------------------------------------------------------------------------

// What both sides will have said, up to the proof, and where its parts are.
struct nh_scram_talk {
    char text[2 * NH_SCRAM_MESSAGE_MAX_BYTES]; // client's first without its head , server's first ,
    char head[8];                              // "n,," or "y,,"
    uint16_t len, nonce_at, nonce_len; // the nonce as it stands: of the client, later of both
};

struct nh_scram_server {
    const struct nh_scram_crypto *crypto;
    struct nh_scram_talk talk;
    struct nh_scram_secret secret;
    char user[NH_SCRAM_USER_MAX_BYTES + 1];
    size_t user_len;
};

// Reads the client's first message; then `user` is who it says it is. NH_ERR_SYNTAX: not a SCRAM
// message; NH_ERR_TOO_LONG: over the limits above; NH_ERR_UNSUPPORTED: it wants channel binding, an
// extension, or to act for somebody else.
NH_MUST_USE int nh_scram_server_begin(struct nh_scram_server *s,
                                      const struct nh_scram_crypto *crypto, nh_span_t client_first);
// Gives the server's first message, valid as `s`. `secret`: of that user, or a fake one. `nonce`:
// random text without ',', at least 18 bytes' worth. NH_ERR_TOO_LONG.
NH_MUST_USE int nh_scram_server_challenge(struct nh_scram_server *s,
                                          const struct nh_scram_secret *secret, nh_span_t nonce,
                                          nh_span_t *out);
// Reads the client's last message. NH_OK: it knows the password, and the server's last message
// stands in `out`, with a NUL. NH_ERR_DENIED: it does not. NH_ERR_SYNTAX, NH_ERR_NOMEM.
#define NH_SCRAM_FINAL_MAX_BYTES 48
NH_MUST_USE int nh_scram_server_finish(struct nh_scram_server *s, nh_span_t client_final,
                                       char out[NH_SCRAM_FINAL_MAX_BYTES]);

// ---- client -------------------------------------------------------------------------------------

struct nh_scram_client {
    const struct nh_scram_crypto *crypto;
    struct nh_scram_talk talk;
    uint8_t server_signature[NH_SHA256_BYTES];
    char message[NH_SCRAM_MESSAGE_MAX_BYTES];
};

// Gives the client's first message, valid until the next call. NH_ERR_TOO_LONG. NH_ERR_INVAL: the
// user is empty or not UTF-8, or the nonce has a character that it may not have.
NH_MUST_USE int nh_scram_client_begin(struct nh_scram_client *c,
                                      const struct nh_scram_crypto *crypto, nh_span_t user,
                                      nh_span_t nonce, nh_span_t *out);
// Answers the server's first message; as slow as its iterations. NH_ERR_SYNTAX; NH_ERR_DENIED: not
// our nonce; NH_ERR_RANGE: iterations under 4,096 (it would make guessing cheap for whoever
// listens) or over 10,000,000; NH_ERR_TOO_LONG, NH_ERR_NOMEM.
NH_MUST_USE int nh_scram_client_finish(struct nh_scram_client *c, nh_span_t password,
                                       nh_span_t server_first, nh_span_t *out);
// Whether the server knows the secret too. NH_ERR_DENIED, NH_ERR_SYNTAX.
NH_MUST_USE int nh_scram_client_verify(struct nh_scram_client *c, nh_span_t server_final);

#endif
