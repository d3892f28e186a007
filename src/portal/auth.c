#include "portal/auth.h"

#include <stdio.h>
#include <string.h>

#include "core/base/format.h"
#include "core/base/secret.h"
#include "core/http/text.h"
#include "platform/crypto.h"
#include "platform/platform.h"
#include "portal/auth_delay.h"
#include "portal/auth_source.h"

#define REMEMBERED_MAX_COUNT 8
#define REMEMBERED_MS (10 * 60 * 1000)
#define FRIEND_MAX_COUNT 16
#define HELD_UP_MS 1000 // about as long as the answer of another check may take

_Static_assert(NH_AUTH_DIGEST_BYTES == NH_KEYED_HASH_BYTES, "a digest is a keyed hash");

// A session, or Basic credentials that were right.
struct known {
    uint8_t digest[NH_AUTH_DIGEST_BYTES]; // of the token; of user and password
    char user[NH_AUTH_USER_MAX_BYTES];
    uint32_t stamp;      // of the account then
    uint64_t expires_ms; // 0: free
};

// A password that is being checked; several may wait for the same one.
struct check {
    bool is_busy, is_basic, is_account;
    char user[NH_AUTH_USER_MAX_BYTES];
    uint32_t stamp; // of the account, if there is one
    uint8_t digest[NH_AUTH_DIGEST_BYTES];
    uint64_t source, account, both; // whose delays it counts for
    struct nh_auth_wait *first;
};

struct nh_auth {
    nh_mem_t *mem;
    struct nh_auth_config cfg;
    uint8_t key[NH_KEYED_HASH_BYTES];
    struct known *sessions; // cfg.session_max_count
    struct check *checks;   // cfg.check_max_count
    struct known remembered[REMEMBERED_MAX_COUNT];
    nh_auth_delays_t delays;
    // Who signed in to which account from where: a stranger who guesses cannot keep the owner out.
    uint64_t friends[FRIEND_MAX_COUNT];
    uint32_t friend_next;
    struct nh_auth_info info;
};

// ---- life --------------------------------------------------------------------------------------

static void set_config(nh_auth_t *a, const struct nh_auth_config *cfg)
{
    struct nh_auth_config *c = &a->cfg;
    *c = *cfg;
    c->session_ms = c->session_ms ? c->session_ms : 12ull * 3600 * 1000;
    c->session_max_count = c->session_max_count ? c->session_max_count : 16;
    c->check_max_count = c->check_max_count ? c->check_max_count : 8;
    c->delay_min_ms = c->delay_min_ms ? c->delay_min_ms : 1000;
    c->delay_max_ms = c->delay_max_ms ? c->delay_max_ms : 5 * 60 * 1000;
    c->delay_max_count = c->delay_max_count ? c->delay_max_count : 64;
}

static int create_lists(nh_auth_t *a)
{
    const struct nh_auth_config *c = &a->cfg;
    a->sessions =
        nh_mem_alloc_zero(a->mem, c->session_max_count * sizeof *a->sessions, NH_MEM_BULK);
    a->checks = nh_mem_alloc_zero(a->mem, c->check_max_count * sizeof *a->checks, NH_MEM_BULK);
    if (!a->sessions || !a->checks)
        return NH_ERR_NOMEM;
    return nh_auth_delays_init(&a->delays, a->mem, c->delay_max_count, c->delay_min_ms,
                               c->delay_max_ms);
}

int nh_auth_create(nh_mem_t *mem, const struct nh_auth_config *cfg, nh_auth_t **out)
{
    *out = NULL;
    if (cfg->is_required && (!cfg->find || !cfg->check))
        return NH_ERR_INVAL;
    nh_auth_t *a = nh_mem_alloc_zero(mem, sizeof *a, NH_MEM_BULK);
    if (!a)
        return NH_ERR_NOMEM;
    a->mem = mem;
    set_config(a, cfg);
    nh_random_bytes(a->key, sizeof a->key);
    int err = create_lists(a);
    if (err) {
        nh_auth_destroy(a);
        return err;
    }
    *out = a;
    return 0;
}

void nh_auth_destroy(nh_auth_t *a)
{
    if (!a)
        return;
    nh_auth_delays_deinit(&a->delays, a->mem);
    nh_mem_free(a->mem, a->checks);
    nh_mem_free(a->mem, a->sessions);
    nh_wipe(a->key, sizeof a->key);
    nh_mem_free(a->mem, a);
}

bool nh_auth_is_required(const nh_auth_t *a)
{
    return a->cfg.is_required && a->cfg.is_required(a->cfg.ctx);
}

void nh_auth_info(const nh_auth_t *a, struct nh_auth_info *out)
{
    *out = a->info;
    out->delays_full = a->delays.evicted_count;
}

// ---- what is known already ---------------------------------------------------------------------

// Looks at all entries: the time does not tell which one it was.
static struct known *find(struct known *list, size_t count, const uint8_t *digest, uint64_t now_ms)
{
    struct known *found = NULL;
    for (size_t i = 0; i < count; i++)
        if (nh_ct_equal(list[i].digest, digest, NH_AUTH_DIGEST_BYTES) &&
            list[i].expires_ms > now_ms)
            found = &list[i];
    return found;
}

// Takes a free place, or that of the one whose time is up first.
static struct known *make(struct known *list, size_t count, const char *user, uint32_t stamp)
{
    struct known *k = &list[0];
    for (size_t i = 1; i < count; i++)
        if (list[i].expires_ms < k->expires_ms)
            k = &list[i];
    *k = (struct known){.stamp = stamp};
    snprintf(k->user, sizeof k->user, "%s", user);
    return k;
}

static bool account_of(const nh_auth_t *a, const char *user, struct nh_auth_account *out)
{
    *out = (struct nh_auth_account){0};
    return user[0] && a->cfg.find(a->cfg.ctx, user, out);
}

// Whether the account is as it was then.
static bool still_holds(const nh_auth_t *a, const struct known *k, struct nh_auth_account *out)
{
    return account_of(a, k->user, out) && out->stamp == k->stamp;
}

static bool fill_who(const nh_auth_t *a, const struct known *k, struct nh_auth_who *who)
{
    struct nh_auth_account account;
    if (!still_holds(a, k, &account))
        return false;
    *who = (struct nh_auth_who){.role = account.role,
                                .must_change = account.must_change,
                                .is_fixed = account.is_fixed,
                                .stamp = k->stamp};
    memcpy(who->user, k->user, sizeof who->user);
    return true;
}

// ---- sessions ----------------------------------------------------------------------------------

static bool session_key(const nh_auth_t *a, const char *cookie, uint8_t out[NH_AUTH_DIGEST_BYTES])
{
    nh_span_t token;
    if (!nh_http_cookie_find(cookie, NH_AUTH_COOKIE, &token) ||
        token.len != NH_AUTH_TOKEN_TEXT_BYTES - 1)
        return false;
    nh_keyed_hash(a->key, token.ptr, token.len, out);
    return true;
}

static bool check_session(nh_auth_t *a, const char *cookie, uint64_t now_ms,
                          struct nh_auth_who *who)
{
    uint8_t key[NH_AUTH_DIGEST_BYTES];
    struct known *s = session_key(a, cookie, key)
                          ? find(a->sessions, a->cfg.session_max_count, key, now_ms)
                          : NULL;
    if (!s || !fill_who(a, s, who))
        return false;
    s->expires_ms = nh_ms_after(now_ms, a->cfg.session_ms);
    who->has_session = true;
    memcpy(who->session, key, sizeof key);
    return true;
}

// Those whose account has changed give their place first.
static void drop_ended(nh_auth_t *a)
{
    struct nh_auth_account account;
    for (uint32_t i = 0; i < a->cfg.session_max_count; i++)
        if (a->sessions[i].expires_ms && !still_holds(a, &a->sessions[i], &account))
            memset(&a->sessions[i], 0, sizeof a->sessions[i]);
}

int nh_auth_session_begin(nh_auth_t *a, const char *user, uint64_t now_ms,
                          char token[NH_AUTH_TOKEN_TEXT_BYTES])
{
    struct nh_auth_account account;
    uint8_t bytes[NH_AUTH_TOKEN_BYTES];
    token[0] = '\0';
    if (!account_of(a, user, &account))
        return NH_ERR_NOT_FOUND;
    drop_ended(a);
    a->info.sessions_full += nh_auth_session_count(a, NULL, now_ms) == a->cfg.session_max_count;
    struct known *s = make(a->sessions, a->cfg.session_max_count, user, account.stamp);
    nh_random_bytes(bytes, sizeof bytes);
    nh_format_hex(bytes, sizeof bytes, token, NH_AUTH_TOKEN_TEXT_BYTES);
    nh_wipe(bytes, sizeof bytes);
    nh_keyed_hash(a->key, token, NH_AUTH_TOKEN_TEXT_BYTES - 1, s->digest);
    s->expires_ms = nh_ms_after(now_ms, a->cfg.session_ms);
    return 0;
}

void nh_auth_session_end(nh_auth_t *a, const char *cookie, uint64_t now_ms)
{
    uint8_t key[NH_AUTH_DIGEST_BYTES];
    struct known *s = session_key(a, cookie, key)
                          ? find(a->sessions, a->cfg.session_max_count, key, now_ms)
                          : NULL;
    if (s)
        memset(s, 0, sizeof *s);
}

uint32_t nh_auth_session_count(const nh_auth_t *a, const char *user, uint64_t now_ms)
{
    struct nh_auth_account account;
    uint32_t count = 0;
    for (uint32_t i = 0; i < a->cfg.session_max_count; i++) {
        const struct known *s = &a->sessions[i];
        count += s->expires_ms > now_ms && (!user || strcmp(s->user, user) == 0) &&
                 still_holds(a, s, &account);
    }
    return count;
}

enum nh_role nh_auth_role_now(const nh_auth_t *a, const struct nh_auth_who *who, uint64_t now_ms)
{
    struct nh_auth_account account;
    if (!nh_auth_is_required(a))
        return NH_ROLE_ADMIN;
    if (!account_of(a, who->user, &account) || account.stamp != who->stamp)
        return NH_ROLE_NONE;
    bool has_ended =
        who->has_session && !find(a->sessions, a->cfg.session_max_count, who->session, now_ms);
    return has_ended ? NH_ROLE_NONE : account.role;
}

// ---- guessing ----------------------------------------------------------------------------------

// A number that stands for an address, an account or both; nobody can find another with the same.
static uint64_t number_of(const nh_auth_t *a, char kind, const char *x, const char *y)
{
    char text[1 + NH_AUTH_SOURCE_MAX_BYTES + 256];
    uint8_t hash[NH_KEYED_HASH_BYTES];
    uint64_t number;
    int len = snprintf(text, sizeof text, "%c%s%c%s", kind, x, 0, y);
    nh_keyed_hash(a->key, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1, hash);
    memcpy(&number, hash, sizeof number);
    return number;
}

static void count_for(const nh_auth_t *a, struct check *c, const char *user, const char *peer)
{
    char source[NH_AUTH_SOURCE_MAX_BYTES];
    NH_IGNORE(nh_auth_source(peer, source)); // the text is enough
    c->source = number_of(a, 's', source, "");
    c->account = number_of(a, 'a', user, "");
    c->both = number_of(a, 'b', source, user);
}

static bool is_friend(const nh_auth_t *a, uint64_t both)
{
    for (size_t i = 0; i < FRIEND_MAX_COUNT; i++)
        if (a->friends[i] == both)
            return true;
    return false;
}

static uint64_t delay_of(const nh_auth_t *a, const struct check *c, uint64_t now_ms)
{
    uint64_t source = nh_auth_delays_left(&a->delays, c->source, now_ms);
    uint64_t account =
        is_friend(a, c->both) ? 0 : nh_auth_delays_left(&a->delays, c->account, now_ms);
    return source > account ? source : account;
}

// Once there was a wrong one, the next waits for the answer of the one before it: a burst is not
// faster than one after the other.
static bool is_held_up(const nh_auth_t *a, const struct check *c, uint64_t now_ms)
{
    bool source_was_wrong = nh_auth_delays_knows(&a->delays, c->source, now_ms);
    bool account_was_wrong =
        nh_auth_delays_knows(&a->delays, c->account, now_ms) && !is_friend(a, c->both);
    for (uint32_t i = 0; i < a->cfg.check_max_count; i++) {
        const struct check *other = &a->checks[i];
        if (other->is_busy && ((source_was_wrong && other->source == c->source) ||
                               (account_was_wrong && other->account == c->account)))
            return true;
    }
    return false;
}

static void note_wrong(nh_auth_t *a, const struct check *c, uint64_t now_ms)
{
    a->info.wrong++;
    nh_auth_delays_wrong(&a->delays, c->source, now_ms);
    nh_auth_delays_wrong(&a->delays, c->account, now_ms);
}

static void note_right(nh_auth_t *a, const struct check *c)
{
    a->info.sign_ins++;
    nh_auth_delays_right(&a->delays, c->source);
    nh_auth_delays_right(&a->delays, c->account);
    if (!is_friend(a, c->both))
        a->friends[a->friend_next++ % FRIEND_MAX_COUNT] = c->both;
}

// ---- checking ----------------------------------------------------------------------------------

static void credential_key(const nh_auth_t *a, const char *user, const char *password,
                           uint8_t out[NH_AUTH_DIGEST_BYTES])
{
    char text[NH_AUTH_USER_MAX_BYTES + NH_AUTH_PASSWORD_MAX_BYTES];
    size_t user_len = strlen(user) + 1, len = strlen(password); // the NUL keeps the two apart
    memcpy(text, user, user_len);
    memcpy(text + user_len, password, len);
    nh_keyed_hash(a->key, text, user_len + len, out);
    nh_wipe(text, sizeof text);
}

static void wait_for(struct check *c, struct nh_auth_wait *w)
{
    if (!w)
        return;
    w->is_waiting = true;
    w->next = c->first;
    c->first = w;
}

// The same credentials from the same place are being checked already.
static struct check *find_same(nh_auth_t *a, const struct check *c)
{
    for (uint32_t i = 0; i < a->cfg.check_max_count; i++) {
        struct check *other = &a->checks[i];
        if (other->is_busy && other->source == c->source &&
            nh_ct_equal(other->digest, c->digest, NH_AUTH_DIGEST_BYTES))
            return other;
    }
    return NULL;
}

static int start_check(nh_auth_t *a, const struct check *c, const char *password,
                       struct nh_auth_wait *w)
{
    uint32_t ticket = 0;
    while (ticket < a->cfg.check_max_count && a->checks[ticket].is_busy)
        ticket++;
    if (ticket == a->cfg.check_max_count) {
        a->info.queue_full++;
        return NH_ERR_FULL;
    }
    int err = a->cfg.check(a->cfg.ctx, ticket, c->user, password);
    if (err < 0)
        return err;
    a->checks[ticket] = *c;
    a->checks[ticket].is_busy = true;
    wait_for(&a->checks[ticket], w);
    if (++a->info.waiting_count > a->info.waiting_max)
        a->info.waiting_max = a->info.waiting_count;
    return NH_ERR_AGAIN;
}

static int verify(nh_auth_t *a, const char *user, const char *password, const char *peer,
                  uint64_t now_ms, bool is_basic, struct nh_auth_wait *w)
{
    struct check c = {.is_basic = is_basic};
    struct nh_auth_account account;
    count_for(a, &c, user, peer);
    // What no account can have is checked for nobody, and so takes as long.
    if (strlen(user) >= NH_AUTH_USER_MAX_BYTES || strlen(password) >= NH_AUTH_PASSWORD_MAX_BYTES)
        user = password = "";
    snprintf(c.user, sizeof c.user, "%s", user);
    c.is_account = account_of(a, user, &account);
    c.stamp = account.stamp;
    credential_key(a, user, password, c.digest);
    struct check *same = find_same(a, &c);
    if (same) {
        same->is_basic |= is_basic;
        wait_for(same, w);
        return NH_ERR_AGAIN;
    }
    uint64_t delay_ms = delay_of(a, &c, now_ms);
    if (delay_ms || is_held_up(a, &c, now_ms)) {
        a->info.slowed++;
        if (w)
            w->delay_ms = delay_ms ? delay_ms : HELD_UP_MS;
        return NH_ERR_BUSY;
    }
    return start_check(a, &c, password, w);
}

int nh_auth_verify(nh_auth_t *a, const char *user, const char *password, const char *peer,
                   uint64_t now_ms, struct nh_auth_wait *w)
{
    return verify(a, user, password, peer, now_ms, false, w);
}

void nh_auth_cancel(nh_auth_t *a, struct nh_auth_wait *w)
{
    for (uint32_t i = 0; w->is_waiting && i < a->cfg.check_max_count; i++)
        for (struct nh_auth_wait **at = &a->checks[i].first; *at; at = &(*at)->next)
            if (*at == w) {
                *at = w->next;
                w->is_waiting = false;
                break;
            }
}

static void remember(nh_auth_t *a, const struct check *c, uint64_t now_ms)
{
    struct known *k = make(a->remembered, REMEMBERED_MAX_COUNT, c->user, c->stamp);
    memcpy(k->digest, c->digest, sizeof k->digest);
    k->expires_ms = nh_ms_after(now_ms, REMEMBERED_MS);
}

// The account may have been changed meanwhile: then nothing is said about the password.
static int judge(nh_auth_t *a, const struct check *c, int result, uint64_t now_ms,
                 struct nh_auth_who *who)
{
    struct known k = {.stamp = c->stamp};
    memcpy(k.user, c->user, sizeof k.user);
    if (result != 0 && result != NH_ERR_DENIED)
        return result;
    if (result != 0 || !c->is_account) {
        note_wrong(a, c, now_ms);
        return NH_ERR_DENIED;
    }
    if (!fill_who(a, &k, who))
        return NH_ERR_DENIED;
    note_right(a, c);
    if (c->is_basic)
        remember(a, c, now_ms);
    return 0;
}

void nh_auth_verified(nh_auth_t *a, uint32_t ticket, int result, uint64_t now_ms)
{
    struct check *c = &a->checks[ticket];
    struct nh_auth_who who;
    int err = judge(a, c, result, now_ms, &who);
    memset(c->digest, 0, sizeof c->digest); // nobody joins it any more
    while (c->first) {                      // one that is told may cancel another
        struct nh_auth_wait *w = c->first;
        c->first = w->next;
        w->is_waiting = false;
        if (!err && w->who)
            *w->who = who;
        w->done(w, err);
    }
    memset(c, 0, sizeof *c);
    a->info.waiting_count--;
}

// ---- a request's headers -----------------------------------------------------------------------

static int check_basic(nh_auth_t *a, const char *authorization, const char *peer, uint64_t now_ms,
                       struct nh_auth_who *who, struct nh_auth_wait *w)
{
    char text[NH_AUTH_USER_MAX_BYTES + NH_AUTH_PASSWORD_MAX_BYTES];
    uint8_t key[NH_AUTH_DIGEST_BYTES];
    int at = nh_http_basic_decode(authorization, text, sizeof text);
    if (at < 0)
        return NH_ERR_DENIED;
    const char *password = text + at;
    int err = NH_ERR_NOT_FOUND;
    if (strlen(text) < NH_AUTH_USER_MAX_BYTES && strlen(password) < NH_AUTH_PASSWORD_MAX_BYTES) {
        credential_key(a, text, password, key);
        const struct known *k = find(a->remembered, REMEMBERED_MAX_COUNT, key, now_ms);
        err = k && fill_who(a, k, who) ? 0 : NH_ERR_NOT_FOUND;
    }
    if (err)
        err = verify(a, text, password, peer, now_ms, true, w);
    nh_wipe(text, sizeof text);
    return err;
}

int nh_auth_check(nh_auth_t *a, const char *cookie, const char *authorization, const char *peer,
                  uint64_t now_ms, struct nh_auth_who *who, struct nh_auth_wait *w)
{
    *who = (struct nh_auth_who){0};
    if (!nh_auth_is_required(a)) {
        who->role = NH_ROLE_ADMIN;
        return 0;
    }
    if (check_session(a, cookie, now_ms, who))
        return 0;
    if (w)
        w->who = who;
    return authorization ? check_basic(a, authorization, peer, now_ms, who, w) : NH_ERR_DENIED;
}
