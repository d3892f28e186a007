#include "portal/auth.h"

#include <string.h>

#include "core/base/format.h"
#include "core/base/secret.h"
#include "core/http/text.h"
#include "platform/crypto.h"
#include "platform/platform.h"

#define SESSION_MAX_COUNT 16
#define CACHE_MAX_COUNT 4
#define CACHE_MS (10 * 60 * 1000)

// Guessing: each address has FREE_TRIES, then waits 1, 2, 4 ... at most 60 s after each wrong
// password. Besides, `verify` runs at most VERIFY_BURST times at once and once a second after that,
// for all addresses together, so that its cost cannot stop the hub.
#define PEER_MAX_COUNT 16
#define FREE_TRIES 3
#define BLOCK_MAX_MS 60000
#define FORGET_MS (10 * 60 * 1000)
#define VERIFY_BURST 10
#define VERIFY_REFILL_MS 1000

struct session {
    uint8_t digest[NH_KEYED_HASH_BYTES]; // of the token: a leaked memory image signs nobody in
    uint64_t expires_ms;                 // 0: free
};

struct peer {
    char address[48];
    uint32_t wrong_count;
    uint64_t last_ms, blocked_until_ms;
};

struct nh_auth {
    nh_mem_t *mem;
    struct nh_auth_config cfg;
    uint8_t key[NH_KEYED_HASH_BYTES];
    struct session sessions[SESSION_MAX_COUNT];
    struct session cache[CACHE_MAX_COUNT]; // right Basic credentials
    struct peer peers[PEER_MAX_COUNT];
    uint32_t verify_left;
    uint64_t refilled_ms;
};

// ---- life --------------------------------------------------------------------------------------

int nh_auth_create(nh_mem_t *mem, const struct nh_auth_config *cfg, nh_auth_t **out)
{
    *out = NULL;
    if (cfg->verify && !cfg->user)
        return NH_ERR_INVAL;
    nh_auth_t *a = nh_mem_alloc_zero(mem, sizeof *a, NH_MEM_BULK);
    if (!a)
        return NH_ERR_NOMEM;
    a->mem = mem;
    a->cfg = *cfg;
    nh_random_bytes(a->key, sizeof a->key);
    if (!a->cfg.session_ms)
        a->cfg.session_ms = 7ull * 24 * 3600 * 1000;
    a->verify_left = VERIFY_BURST;
    *out = a;
    return 0;
}

void nh_auth_destroy(nh_auth_t *a)
{
    if (!a)
        return;
    nh_wipe(a->key, sizeof a->key);
    nh_mem_free(a->mem, a);
}

bool nh_auth_is_required(const nh_auth_t *a)
{
    return a->cfg.verify != NULL;
}

const char *nh_auth_user(const nh_auth_t *a)
{
    return a->cfg.verify ? a->cfg.user : NULL;
}

uint64_t nh_auth_session_ms(const nh_auth_t *a)
{
    return a->cfg.session_ms;
}

// ---- guessing ----------------------------------------------------------------------------------

// The entry of an address (without its port); a fresh one takes the place of the oldest.
static struct peer *peer_of(nh_auth_t *a, const char *text, uint64_t now_ms)
{
    char address[sizeof a->peers[0].address] = {0};
    const char *port = strrchr(text, ':');
    size_t len = port ? (size_t)(port - text) : strlen(text);
    if (len >= sizeof address)
        len = sizeof address - 1;
    memcpy(address, text, len);
    struct peer *oldest = &a->peers[0];
    for (size_t i = 0; i < PEER_MAX_COUNT; i++) {
        struct peer *p = &a->peers[i];
        if (p->wrong_count && now_ms - p->last_ms > FORGET_MS)
            p->wrong_count = 0;
        if (p->wrong_count && strcmp(p->address, address) == 0)
            return p;
        if (oldest->wrong_count && (!p->wrong_count || p->last_ms < oldest->last_ms))
            oldest = p;
    }
    memset(oldest, 0, sizeof *oldest);
    memcpy(oldest->address, address, sizeof address);
    return oldest;
}

static bool take_verify(nh_auth_t *a, uint64_t now_ms)
{
    uint64_t refill = (now_ms - a->refilled_ms) / VERIFY_REFILL_MS;
    a->refilled_ms += refill * VERIFY_REFILL_MS;
    refill += a->verify_left;
    a->verify_left = (uint32_t)(refill < VERIFY_BURST ? refill : VERIFY_BURST);
    if (!a->verify_left)
        return false;
    a->verify_left--;
    return true;
}

static int verify(nh_auth_t *a, const char *user, const char *password, const char *peer,
                  uint64_t now_ms)
{
    struct peer *p = peer_of(a, peer, now_ms);
    if (now_ms < p->blocked_until_ms || !take_verify(a, now_ms))
        return NH_ERR_BUSY;
    // The name is no secret, but the time must not tell whether it was right: always verify.
    bool right = a->cfg.verify(a->cfg.ctx, user, password);
    if (right && strcmp(user, a->cfg.user) == 0) {
        p->wrong_count = 0;
        return 0;
    }
    p->wrong_count++;
    p->last_ms = now_ms;
    if (p->wrong_count >= FREE_TRIES) {
        uint32_t shift = p->wrong_count - FREE_TRIES;
        uint64_t wait = shift > 6 ? BLOCK_MAX_MS : 1000ull << shift;
        p->blocked_until_ms = now_ms + (wait < BLOCK_MAX_MS ? wait : BLOCK_MAX_MS);
    }
    return NH_ERR_DENIED;
}

// ---- sessions and remembered credentials -------------------------------------------------------

// Looks at all entries: the time does not tell which one it was.
static struct session *find(struct session *list, size_t count, const uint8_t *digest,
                            uint64_t now_ms)
{
    struct session *found = NULL;
    for (size_t i = 0; i < count; i++)
        if (nh_ct_equal(list[i].digest, digest, NH_KEYED_HASH_BYTES) && list[i].expires_ms > now_ms)
            found = &list[i];
    return found;
}

static void remember(struct session *list, size_t count, const uint8_t *digest, uint64_t until_ms)
{
    struct session *oldest = &list[0];
    for (size_t i = 1; i < count; i++)
        if (list[i].expires_ms < oldest->expires_ms)
            oldest = &list[i];
    memcpy(oldest->digest, digest, NH_KEYED_HASH_BYTES);
    oldest->expires_ms = until_ms;
}

static struct session *session_of(nh_auth_t *a, const char *cookie, uint64_t now_ms)
{
    nh_span_t token;
    uint8_t digest[NH_KEYED_HASH_BYTES];
    if (!nh_http_cookie_find(cookie, NH_AUTH_COOKIE, &token) ||
        token.len != NH_AUTH_TOKEN_TEXT_BYTES - 1)
        return NULL;
    nh_keyed_hash(a->key, token.ptr, token.len, digest);
    return find(a->sessions, SESSION_MAX_COUNT, digest, now_ms);
}

static int check_basic(nh_auth_t *a, const char *authorization, const char *peer, uint64_t now_ms)
{
    char text[NH_AUTH_CREDENTIAL_MAX_BYTES];
    uint8_t digest[NH_KEYED_HASH_BYTES];
    int password = nh_http_basic_decode(authorization, text, sizeof text);
    if (password < 0)
        return NH_ERR_DENIED;
    size_t len = (size_t)password + strlen(text + password);
    nh_keyed_hash(a->key, text, len, digest);
    if (find(a->cache, CACHE_MAX_COUNT, digest, now_ms))
        return 0;
    int err = verify(a, text, text + password, peer, now_ms);
    nh_wipe(text, sizeof text);
    if (!err)
        remember(a->cache, CACHE_MAX_COUNT, digest, now_ms + CACHE_MS);
    return err;
}

int nh_auth_check(nh_auth_t *a, const char *cookie, const char *authorization, const char *peer,
                  uint64_t now_ms)
{
    if (!a->cfg.verify || session_of(a, cookie, now_ms))
        return 0;
    return authorization ? check_basic(a, authorization, peer, now_ms) : NH_ERR_DENIED;
}

int nh_auth_sign_in(nh_auth_t *a, const char *user, const char *password, const char *peer,
                    uint64_t now_ms, char token[NH_AUTH_TOKEN_TEXT_BYTES])
{
    token[0] = '\0';
    if (!a->cfg.verify)
        return 0;
    int err = verify(a, user, password, peer, now_ms);
    if (err)
        return err;
    uint8_t bytes[NH_AUTH_TOKEN_BYTES], digest[NH_KEYED_HASH_BYTES];
    nh_random_bytes(bytes, sizeof bytes);
    nh_format_hex(bytes, sizeof bytes, token, NH_AUTH_TOKEN_TEXT_BYTES);
    nh_keyed_hash(a->key, token, NH_AUTH_TOKEN_TEXT_BYTES - 1, digest);
    remember(a->sessions, SESSION_MAX_COUNT, digest, now_ms + a->cfg.session_ms);
    return 0;
}

void nh_auth_sign_out(nh_auth_t *a, const char *cookie)
{
    struct session *s = a->cfg.verify ? session_of(a, cookie, 0) : NULL;
    if (s)
        memset(s, 0, sizeof *s);
}

uint32_t nh_auth_session_count(const nh_auth_t *a, uint64_t now_ms)
{
    uint32_t count = 0;
    for (size_t i = 0; i < SESSION_MAX_COUNT; i++)
        count += a->sessions[i].expires_ms > now_ms;
    return count;
}
