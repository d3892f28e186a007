// users.h - who is known to the broker: names, stored passwords, limits. Built once, then only
// read; a change of the configuration builds another one.

#ifndef NH_HUB_USERS_H
#define NH_HUB_USERS_H

#include "hub/password_text.h"
#include "mqtt/broker.h"

#define NH_USER_NAME_MAX_BYTES 129         // with the NUL
#define NH_USER_CLIENT_PREFIX_MAX_BYTES 65 // likewise

struct nh_user {
    struct nh_user *next;             // private: of the same bucket
    const char *name, *password_text; // within the user
    const char *client_id_prefix;     // "": any client id
    struct nh_mqtt_user_limits limits;
    uint32_t stamp; // of the stored password
    uint32_t line;  // where it stands in its file
    bool may_all;   // no rule is asked for it: who may sign in to the portal
};

typedef struct nh_users nh_users_t;
// `seed`: random bytes where strangers choose names. NH_ERR_NOMEM.
NH_MUST_USE int nh_users_create(nh_mem_t *mem, uint32_t seed, nh_users_t **out);
void nh_users_destroy(nh_users_t *u); // overwrites what is stored

// Adds a copy of `user`; its `next` and `stamp` are not looked at. NH_ERR_EXISTS: the name is
// taken. NH_ERR_INVAL: the name is empty, has a control character or is not UTF-8. NH_ERR_SYNTAX:
// the password has none of the forms; empty: no password opens to it. NH_ERR_TOO_LONG,
// NH_ERR_NOMEM.
NH_MUST_USE int nh_users_add(nh_users_t *u, const struct nh_user *user);
const struct nh_user *nh_users_find(const nh_users_t *u, nh_span_t name); // NULL: not known
uint32_t nh_users_count(const nh_users_t *u);
// Somebody, to take as long for a stranger as for one of them; NULL: there is nobody.
const struct nh_user *nh_users_any(const nh_users_t *u);

// One line of Mosquitto's password_file, "NAME:STORED". An empty line or one that begins with '#'
// adds nothing. `fault`: NULL, or what is wrong with it (static). NH_OK, NH_ERR_NOMEM.
NH_MUST_USE int nh_users_add_line(nh_users_t *u, nh_span_t line, uint32_t number,
                                  const char **fault);

#endif
