// password_text.h - the forms in which a password is stored, and checking one against them.
//
//   $argon2id$...                 of `nuthatch passwd`: slow and large by design
//   SCRAM-SHA-256$...             of `nuthatch passwd --scram`: also good for SCRAM
//   $7$iterations$salt$hash       of mosquitto_passwd: PBKDF2 with SHA-512
//   $6$salt$hash                  of older ones: SHA-512, once; quick to guess at

#ifndef NH_HUB_PASSWORD_TEXT_H
#define NH_HUB_PASSWORD_TEXT_H

#include "mqtt/scram.h"

#define NH_PASSWORD_TEXT_MAX_BYTES NH_SCRAM_SECRET_MAX_BYTES // of any form, with the NUL
#define NH_PASSWORD_MIN_BYTES 8                              // of a new one
#define NH_PASSWORD_MAX_BYTES 256

enum nh_password_form {
    NH_PASSWORD_NO_FORM,
    NH_PASSWORD_ARGON2ID,
    NH_PASSWORD_SCRAM,
    NH_PASSWORD_PBKDF2,
    NH_PASSWORD_SHA512,
};

extern const struct nh_scram_crypto nh_password_crypto;

// Which form the text has; NO_FORM when it is none, or damaged.
enum nh_password_form nh_password_form_of(const char *text);

// NH_OK; NH_ERR_DENIED: another password, or no form; NH_ERR_NOMEM. May take long: not on a loop.
NH_MUST_USE int nh_password_text_verify(const char *text, nh_span_t password);

// Stores a password in a form (not NH_PASSWORD_SHA512). NH_ERR_NOMEM, NH_ERR_INVAL.
NH_MUST_USE int nh_password_text_make(enum nh_password_form form, nh_span_t password,
                                      char out[NH_PASSWORD_TEXT_MAX_BYTES]);

#endif
