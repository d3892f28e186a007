// accounts.h - who may sign in to the portal: the account of hub.yaml, and those that were made in
// the portal, which are kept as a document of the store:
//
//   {"accounts":[{"name":"ann","role":"operator","password_hash":"$argon2id$...",
//                 "enabled":true,"must_change":false}]}
//
// The account of the file goes before one of the same name that is kept here. Nobody has to sign in
// while there is no account at all; once there is one, an enabled admin is always among them. A
// document that cannot be read lets nobody in but the account of the file.
//
// The loop's task makes every call.

#ifndef NH_HUB_ACCOUNTS_H
#define NH_HUB_ACCOUNTS_H

#include "core/store/store.h"
#include "hub/config.h"
#include "portal/auth.h"

#define NH_ACCOUNTS_DOC "accounts"

struct nh_account {
    char name[NH_AUTH_USER_MAX_BYTES];
    int role; // enum nh_role: OPERATOR or ADMIN
    bool enabled, must_change;
    char password_hash[160];
};

typedef struct nh_accounts nh_accounts_t;
struct nh_accounts_config {
    nh_mem_t *mem;
    nh_store_t *store;  // NULL: the account of the file alone
    uint32_t max_count; // at most NH_HUB_ACCOUNT_MAX_COUNT; that of the file does not count
};
// Reads the document; one that is damaged is told in the log. NH_ERR_NOMEM.
NH_MUST_USE int nh_accounts_create(const struct nh_accounts_config *cfg, nh_accounts_t **out);
void nh_accounts_destroy(nh_accounts_t *a); // overwrites the hashes

// The account of hub.yaml; `hash` "": there is none.
void nh_accounts_file_set(nh_accounts_t *a, const char *user, const char *hash);

bool nh_accounts_is_required(const nh_accounts_t *a);
// As nh_auth_config.find: only who may sign in.
bool nh_accounts_find(const nh_accounts_t *a, const char *name, struct nh_auth_account *out);
// The account of a name, disabled or not; NULL: there is none. Borrowed until the next change.
const struct nh_account *nh_accounts_get(const nh_accounts_t *a, const char *name);
bool nh_accounts_is_of_file(const nh_accounts_t *a, const char *name);
// All, that of the file first; NULL: no more.
const struct nh_account *nh_accounts_at(const nh_accounts_t *a, size_t index);
uint32_t nh_accounts_count(const nh_accounts_t *a); // without that of the file

// Why not: 0, NH_ERR_INVAL (empty, a colon, a control character, not UTF-8), NH_ERR_TOO_LONG.
NH_MUST_USE int nh_accounts_name_check(const char *name);

// Each writes the document before it counts. NH_ERR_EXISTS, NH_ERR_NOT_FOUND; NH_ERR_DENIED: that
// of the file; NH_ERR_CONFLICT: no enabled admin would be left, or the first account is none;
// NH_ERR_FULL: max_count; NH_ERR_UNSUPPORTED: there is no store, or its document is damaged;
// NH_ERR_NOMEM, an error of the store. All is as before then.
NH_MUST_USE int nh_accounts_add(nh_accounts_t *a, const struct nh_account *account);
NH_MUST_USE int nh_accounts_change(nh_accounts_t *a, const struct nh_account *account);
NH_MUST_USE int nh_accounts_remove(nh_accounts_t *a, const char *name);

#endif
