#include "hub/users.h"

#include "core/base/hash.h"
#include "core/base/utf8.h"

#include <string.h>

#define BUCKETS_MIN 16u

struct nh_users {
    nh_mem_t *mem;
    struct nh_user **buckets;
    struct nh_user *any;
    uint32_t bucket_count, count, seed;
};

int nh_users_create(nh_mem_t *mem, uint32_t seed, nh_users_t **out)
{
    *out = NULL;
    nh_users_t *u = nh_mem_alloc_zero(mem, sizeof *u, NH_MEM_BULK);
    if (!u)
        return NH_ERR_NOMEM;
    u->mem = mem;
    u->seed = seed;
    u->bucket_count = BUCKETS_MIN;
    u->buckets = nh_mem_alloc_zero(mem, BUCKETS_MIN * sizeof *u->buckets, NH_MEM_BULK);
    if (!u->buckets) {
        nh_mem_free(mem, u);
        return NH_ERR_NOMEM;
    }
    *out = u;
    return NH_OK;
}

static void user_free(nh_users_t *u, struct nh_user *user)
{
    nh_wipe((char *)user->password_text, strlen(user->password_text));
    nh_mem_free(u->mem, user);
}

void nh_users_destroy(nh_users_t *u)
{
    if (!u)
        return;
    for (uint32_t i = 0; i < u->bucket_count; i++) {
        while (u->buckets[i]) {
            struct nh_user *user = u->buckets[i];
            u->buckets[i] = user->next;
            user_free(u, user);
        }
    }
    nh_mem_free(u->mem, u->buckets);
    nh_mem_free(u->mem, u);
}

static struct nh_user **bucket_of(const nh_users_t *u, const void *name, size_t len)
{
    return &u->buckets[nh_hash32(name, len, u->seed) & (u->bucket_count - 1)];
}

// Without memory the chains grow longer instead.
static void grow(nh_users_t *u)
{
    uint32_t old_count = u->bucket_count;
    struct nh_user **old = u->buckets;
    struct nh_user **grown = nh_mem_alloc_zero(u->mem, 2 * old_count * sizeof *grown, NH_MEM_BULK);
    if (!grown)
        return;
    u->buckets = grown;
    u->bucket_count = 2 * old_count;
    for (uint32_t i = 0; i < old_count; i++) {
        for (struct nh_user *user = old[i], *next; user; user = next) {
            struct nh_user **at = bucket_of(u, user->name, strlen(user->name));
            next = user->next;
            user->next = *at;
            *at = user;
        }
    }
    nh_mem_free(u->mem, old);
}

const struct nh_user *nh_users_find(const nh_users_t *u, nh_span_t name)
{
    if (name.len == 0)
        return NULL;
    const struct nh_user *user = *bucket_of(u, name.ptr, name.len);
    while (user && !(strlen(user->name) == name.len && memcmp(user->name, name.ptr, name.len) == 0))
        user = user->next;
    return user;
}

uint32_t nh_users_count(const nh_users_t *u)
{
    return u->count;
}

const struct nh_user *nh_users_any(const nh_users_t *u)
{
    return u->any;
}

// ---- adding -------------------------------------------------------------------------------------

static bool is_name(const char *name)
{
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    return name[0] && nh_utf8_is_valid(name, strlen(name), false);
}

static int check(const nh_users_t *u, const struct nh_user *user)
{
    size_t len = strlen(user->name);
    if (len >= NH_USER_NAME_MAX_BYTES ||
        strlen(user->client_id_prefix) >= NH_USER_CLIENT_PREFIX_MAX_BYTES ||
        strlen(user->password_text) >= NH_PASSWORD_TEXT_MAX_BYTES)
        return NH_ERR_TOO_LONG;
    if (!is_name(user->name))
        return NH_ERR_INVAL;
    if (nh_users_find(u, (nh_span_t){(const uint8_t *)user->name, len}))
        return NH_ERR_EXISTS;
    bool has_password = user->password_text[0];
    return has_password && nh_password_form_of(user->password_text) == NH_PASSWORD_NO_FORM
               ? NH_ERR_SYNTAX
               : NH_OK;
}

// Copies a text to `*at`, with its NUL, and goes behind it.
static const char *put(char **at, const char *text)
{
    size_t len = strlen(text) + 1;
    char *to = memcpy(*at, text, len);
    *at += len;
    return to;
}

int nh_users_add(nh_users_t *u, const struct nh_user *user)
{
    int rc = check(u, user);
    if (rc < 0)
        return rc;
    if (u->count >= 2 * u->bucket_count)
        grow(u);
    struct nh_user *copy =
        nh_mem_alloc(u->mem,
                     sizeof *copy + strlen(user->name) + strlen(user->password_text) +
                         strlen(user->client_id_prefix) + 3,
                     NH_MEM_BULK);
    if (!copy)
        return NH_ERR_NOMEM;
    char *at = (char *)(copy + 1);
    *copy = *user;
    copy->name = put(&at, user->name);
    copy->password_text = put(&at, user->password_text);
    copy->client_id_prefix = put(&at, user->client_id_prefix);
    copy->stamp = nh_hash32(copy->password_text, strlen(copy->password_text), 1);
    struct nh_user **bucket = bucket_of(u, copy->name, strlen(copy->name));
    copy->next = *bucket;
    *bucket = copy;
    u->any = copy;
    u->count++;
    return NH_OK;
}

static const char *fault_of(int rc)
{
    switch (rc) {
    case NH_ERR_EXISTS:
        return "this user stands here twice";
    case NH_ERR_SYNTAX:
        return "behind the colon stands no hash; make one with nuthatch passwd or mosquitto_passwd";
    case NH_ERR_TOO_LONG:
        return "the name or the hash is too long";
    default:
        return "the name is empty, not UTF-8, or has a control character";
    }
}

int nh_users_add_line(nh_users_t *u, nh_span_t line, uint32_t number, const char **fault)
{
    char text[NH_USER_NAME_MAX_BYTES + NH_PASSWORD_TEXT_MAX_BYTES];
    *fault = NULL;
    while (line.len && (line.ptr[line.len - 1] == '\r' || line.ptr[line.len - 1] == ' '))
        line.len--;
    if (line.len == 0 || line.ptr[0] == '#')
        return NH_OK;
    *fault = fault_of(NH_ERR_TOO_LONG);
    if (line.len >= sizeof text)
        return NH_OK;
    memcpy(text, line.ptr, line.len);
    text[line.len] = '\0';
    char *colon = strchr(text, ':');
    *fault = "a line is NAME:HASH";
    if (!colon || strlen(text) != line.len)
        return NH_OK;
    *colon = '\0';
    const struct nh_user user = {
        .name = text, .password_text = colon + 1, .client_id_prefix = "", .line = number};
    int rc = colon[1] ? nh_users_add(u, &user) : NH_ERR_SYNTAX;
    *fault = rc < 0 ? fault_of(rc) : NULL;
    nh_wipe(text, sizeof text);
    return rc == NH_ERR_NOMEM ? rc : NH_OK;
}
