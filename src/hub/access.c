#include "hub/access.h"

#include "core/base/secret.h"

#include <stdio.h>
#include <string.h>

void nh_access_init(nh_access_t *a, const char *user, const char *hash,
                    const uint8_t key[NH_KEYED_HASH_BYTES])
{
    memset(a, 0, sizeof *a);
    snprintf(a->user, sizeof a->user, "%s", user);
    snprintf(a->hash, sizeof a->hash, "%s", hash);
    memcpy(a->key, key, sizeof a->key);
    a->tries = NH_ACCESS_TRIES_MAX;
}

bool nh_access_is_required(const nh_access_t *a)
{
    return a->hash[0] != 0;
}

static bool take_try(nh_access_t *a, uint64_t now_ms)
{
    uint64_t gained = (now_ms - a->refilled_ms) / NH_ACCESS_TRY_MS;
    if (gained > 0) {
        a->refilled_ms += gained * NH_ACCESS_TRY_MS;
        a->tries = gained > NH_ACCESS_TRIES_MAX - a->tries ? NH_ACCESS_TRIES_MAX
                                                           : a->tries + (uint32_t)gained;
    }
    if (a->tries == 0)
        return false;
    a->tries--;
    return true;
}

bool nh_access_verify(nh_access_t *a, nh_span_t user, nh_span_t password, uint64_t now_ms)
{
    uint8_t text[33 + 1 + 128], hash[NH_KEYED_HASH_BYTES];
    if (!nh_access_is_required(a))
        return true;
    if (user.len > 32 || password.len > 128 || !password.ptr || !user.ptr) {
        a->denied_count++;
        return false;
    }
    // The length of the user in front, so that "ab" + "c" is not "a" + "bc".
    text[0] = (uint8_t)user.len;
    memcpy(text + 1, user.ptr, user.len);
    memcpy(text + 1 + user.len, password.ptr, password.len);
    nh_keyed_hash(a->key, text, 1 + user.len + password.len, hash);
    nh_wipe(text, sizeof text);
    if (a->has_good && nh_ct_equal(hash, a->good, sizeof hash))
        return true;
    if (!take_try(a, now_ms)) {
        a->limited_count++;
        return false;
    }
    bool user_is_right = user.len == strlen(a->user) && nh_ct_equal(user.ptr, a->user, user.len);
    // The password is checked in any case: how long it takes says nothing about the user's name.
    bool password_is_right =
        nh_password_verify(a->hash, (const char *)password.ptr, password.len) == 0;
    if (!user_is_right || !password_is_right) {
        a->denied_count++;
        return false;
    }
    memcpy(a->good, hash, sizeof hash);
    a->has_good = true;
    return true;
}
