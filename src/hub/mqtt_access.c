#include "hub/mqtt_access.h"

#include "core/base/hash.h"
#include "core/base/secret.h"
#include "hub/config.h"
#include "hub/login_task.h"
#include "hub/mqtt_scram.h"

#include <string.h>

// Passwords that were right, as keyed hashes: 16 KiB. A fleet that reconnects costs no slow hash.
#define KNOWN_COUNT 1024u
#define KNOWN_BYTES 16u // of a keyed hash: nobody finds another password with the same

#define SLOWED "too many wrong passwords from there"
#define CHANGED "its user was changed meanwhile"

struct login { // a client whose password is being checked
    struct login *next;
    nh_mqtt_conn_t *conn; // NULL: gone meanwhile
    uint32_t address, stamp;
    bool is_known; // the user; else somebody else's password is checked, to take as long
    uint16_t user_len, client_id_len;
    uint8_t known[NH_KEYED_HASH_BYTES]; // what to remember if it is right
    struct nh_login_job job;
    char names[]; // the user, the client id
};

struct guesser {      // an address that wrong passwords came from
    uint32_t address; // its hash; 0: free
    uint32_t left;
    uint64_t filled_ms;
};

struct nh_mqtt_access {
    struct nh_mqtt_access_config cfg;
    nh_mqtt_rules_t *rules;
    struct login *logins;
    uint8_t (*known)[KNOWN_BYTES]; // NULL: there was no user yet
    uint8_t key[NH_KEYED_HASH_BYTES];
    uint32_t anonymous_stamp; // of clients without a user; another one closes their connections
    struct nh_mqtt_scram scram;
    struct guesser guessers[NH_MQTT_ACCESS_ADDRESSES];
    char vouched[NH_USER_NAME_MAX_BYTES]; // of the answer at hand
    struct nh_mqtt_access_info info;
};

static void on_checked(void *ctx, struct nh_login_job *job);

// ---- life ---------------------------------------------------------------------------------------

static int start_task(nh_mqtt_access_t *a)
{
    if (!a->known)
        a->known = nh_mem_alloc_zero(a->cfg.mem, KNOWN_COUNT * KNOWN_BYTES, NH_MEM_BULK);
    return a->known ? nh_login_task_start(a->cfg.login) : NH_ERR_NOMEM;
}

int nh_mqtt_access_rules_set(nh_mqtt_access_t *a, nh_mqtt_rules_t *rules, nh_mqtt_rules_t **old)
{
    if (nh_users_count(rules->users)) {
        int rc = start_task(a);
        if (rc < 0)
            return rc;
    }
    // Where each came from is not known any more: all are judged anew.
    if (a->rules && nh_mqtt_rules_lets_anonymous_in(a->rules, false) &&
        !nh_mqtt_rules_lets_anonymous_in(rules, false))
        a->anonymous_stamp++;
    *old = a->rules;
    a->rules = rules;
    return NH_OK;
}

int nh_mqtt_access_create(const struct nh_mqtt_access_config *cfg, nh_mqtt_rules_t *rules,
                          nh_mqtt_access_t **out)
{
    nh_mqtt_rules_t *none;
    *out = NULL;
    nh_mqtt_access_t *a = nh_mem_alloc_zero(cfg->mem, sizeof *a, NH_MEM_BULK);
    if (!a)
        return NH_ERR_NOMEM;
    a->cfg = *cfg;
    nh_random_bytes(a->key, sizeof a->key);
    nh_mqtt_scram_init(&a->scram, cfg->mem, cfg->login_queue_max);
    int rc = nh_mqtt_access_rules_set(a, rules, &none);
    if (rc < 0) {
        nh_mem_free(cfg->mem, a->known);
        nh_mem_free(cfg->mem, a);
        return rc;
    }
    *out = a;
    return NH_OK;
}

static void login_free(nh_mqtt_access_t *a, struct login *l)
{
    struct login **at = &a->logins;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    a->info.waiting_count--;
    nh_wipe(&l->job, sizeof l->job);
    nh_mem_free(a->cfg.mem, l);
}

void nh_mqtt_access_destroy(nh_mqtt_access_t *a)
{
    if (!a)
        return;
    while (a->logins)
        login_free(a, a->logins);
    nh_mqtt_scram_deinit(&a->scram);
    nh_mqtt_rules_destroy(a->rules);
    nh_wipe(a->key, sizeof a->key);
    nh_mem_free(a->cfg.mem, a->known);
    nh_mem_free(a->cfg.mem, a);
}

void nh_mqtt_access_info(const nh_mqtt_access_t *a, struct nh_mqtt_access_info *out)
{
    *out = a->info;
    out->user_count = nh_users_count(a->rules->users);
    out->rule_count = nh_mqtt_acl_count(a->rules->acl);
}

// ---- where it comes from ------------------------------------------------------------------------

static nh_span_t without_port(const char *text)
{
    const char *colon = strrchr(text, ':');
    return (nh_span_t){(const uint8_t *)text, colon ? (size_t)(colon - text) : strlen(text)};
}

// The address without its port.
static nh_span_t address_of(nh_mqtt_access_t *a, const void *peer, char text[64])
{
    text[0] = '\0';
    a->cfg.address(a->cfg.ctx, peer, text, 64);
    return without_port(text);
}

static bool is_loopback(nh_span_t address)
{
    char host[64];
    if (address.len >= 2 && address.ptr[0] == '[') // an IPv6 address stands in brackets
        address = (nh_span_t){address.ptr + 1, address.len - 2};
    memcpy(host, address.ptr, address.len);
    host[address.len] = '\0';
    return nh_hub_address_is_loopback(host) || strcmp(host, "unix") == 0;
}

// Whether a client is on this machine. Who a proxy on another one speaks for is on that one.
static bool is_here(nh_mqtt_access_t *a, const void *peer, nh_span_t address)
{
    char text[64];
    bool is_relayed = a->cfg.proxy && a->cfg.proxy(a->cfg.ctx, peer, text, sizeof text);
    return is_loopback(address) && (!is_relayed || is_loopback(without_port(text)));
}

// ---- guessing -----------------------------------------------------------------------------------

static void fill(struct guesser *g, uint64_t now_ms)
{
    uint64_t gained = (now_ms - g->filled_ms) / NH_MQTT_ACCESS_WRONG_MS;
    g->filled_ms += gained * NH_MQTT_ACCESS_WRONG_MS;
    gained += g->left;
    g->left = gained > NH_MQTT_ACCESS_WRONG_MAX ? NH_MQTT_ACCESS_WRONG_MAX : (uint32_t)gained;
}

static struct guesser *guesser_find(nh_mqtt_access_t *a, uint32_t address)
{
    for (size_t i = 0; i < NH_MQTT_ACCESS_ADDRESSES; i++)
        if (a->guessers[i].address == address)
            return &a->guessers[i];
    return NULL;
}

// Those at work for that address: each may turn out wrong.
static uint32_t waiting_of(const nh_mqtt_access_t *a, uint32_t address)
{
    uint32_t count = 0;
    for (const struct login *l = a->logins; l; l = l->next)
        count += l->address == address;
    return count;
}

// Only an address that wrong passwords came from is slowed; others may have a fleet behind them.
static bool is_slowed(nh_mqtt_access_t *a, uint32_t address)
{
    struct guesser *g = guesser_find(a, address);
    if (!g)
        return false;
    fill(g, a->cfg.clock_ms());
    if (g->left == NH_MQTT_ACCESS_WRONG_MAX) {
        g->address = 0;
        return false;
    }
    return waiting_of(a, address) >= g->left;
}

static void note_wrong(nh_mqtt_access_t *a, uint32_t address)
{
    uint64_t now_ms = a->cfg.clock_ms();
    struct guesser *g = guesser_find(a, address);
    if (!g) {
        g = &a->guessers[0];
        for (size_t i = 0; i < NH_MQTT_ACCESS_ADDRESSES && g->address; i++)
            if (!a->guessers[i].address || a->guessers[i].filled_ms < g->filled_ms)
                g = &a->guessers[i];
        *g = (struct guesser){address, NH_MQTT_ACCESS_WRONG_MAX, now_ms};
    }
    fill(g, now_ms);
    g->left -= g->left > 0;
    a->info.denied++;
}

// ---- who has signed in before -------------------------------------------------------------------

static bool known_hash(nh_mqtt_access_t *a, const struct nh_mqtt_auth_request *r, uint32_t stamp,
                       uint8_t out[NH_KEYED_HASH_BYTES])
{
    uint8_t text[sizeof stamp + 1 + NH_USER_NAME_MAX_BYTES + NH_PASSWORD_MAX_BYTES];
    if (r->user.len >= NH_USER_NAME_MAX_BYTES || r->password.len > NH_PASSWORD_MAX_BYTES)
        return false;
    // The length of the user in front, so that "ab" + "c" is not "a" + "bc".
    size_t at = sizeof stamp;
    memcpy(text, &stamp, at);
    text[at++] = (uint8_t)r->user.len;
    memcpy(text + at, r->user.ptr, r->user.len);
    at += r->user.len;
    if (r->password.len)
        memcpy(text + at, r->password.ptr, r->password.len);
    nh_keyed_hash(a->key, text, at + r->password.len, out);
    nh_wipe(text, sizeof text);
    return true;
}

static uint8_t *known_slot(nh_mqtt_access_t *a, const uint8_t hash[NH_KEYED_HASH_BYTES])
{
    uint32_t at;
    memcpy(&at, hash + KNOWN_BYTES, sizeof at); // other bytes than those that are kept
    return a->known[at & (KNOWN_COUNT - 1)];
}

// ---- signing in ---------------------------------------------------------------------------------

static bool grant(const nh_mqtt_access_t *a, nh_span_t user, struct nh_mqtt_grant *out)
{
    if (!nh_mqtt_rules_grant(a->rules, user, out))
        return false;
    if (user.len == 0)
        out->stamp = a->anonymous_stamp;
    return true;
}

// Lets a user in, or an anonymous client, whose name rules can stand for.
static void accept(nh_mqtt_access_t *a, nh_span_t user, nh_span_t client_id,
                   struct nh_mqtt_auth_answer *out)
{
    const struct nh_user *known = nh_users_find(a->rules->users, user);
    size_t prefix = known ? strlen(known->client_id_prefix) : 0;
    bool fits = client_id.len >= prefix &&
                (prefix == 0 || memcmp(client_id.ptr, known->client_id_prefix, prefix) == 0) &&
                nh_mqtt_acl_stands_for(a->rules->acl, user, client_id);
    if (!fits) {
        a->info.denied++;
        out->reason = NH_MQTT_REASON_CLIENT_IDENTIFIER_NOT_VALID;
        out->why = "client id not allowed for this user";
        return;
    }
    out->why = "unknown user";
    if (!grant(a, user, &out->grant))
        return;
    out->verdict = NH_MQTT_AUTH_ACCEPTED;
    out->user = user;
}

static struct login *login_create(nh_mqtt_access_t *a, nh_mqtt_conn_t *c,
                                  const struct nh_mqtt_auth_request *r)
{
    struct login *l =
        nh_mem_alloc_zero(a->cfg.mem, sizeof *l + r->user.len + r->client_id.len, NH_MEM_BULK);
    if (!l)
        return NULL;
    l->conn = c;
    l->user_len = (uint16_t)r->user.len;
    l->client_id_len = (uint16_t)r->client_id.len;
    memcpy(l->names, r->user.ptr, r->user.len);
    if (r->client_id.len)
        memcpy(l->names + r->user.len, r->client_id.ptr, r->client_id.len);
    if (r->password.len)
        memcpy(l->job.password, r->password.ptr, r->password.len);
    l->job.password_len = r->password.len;
    return l;
}

// Has a password checked beside the loop. For a stranger somebody else's is: how long it takes
// tells nothing.
static void check_later(nh_mqtt_access_t *a, struct login *l, const struct nh_user *user,
                        struct nh_mqtt_auth_answer *out)
{
    const struct nh_user *checked = user ? user : nh_users_any(a->rules->users);
    l->is_known = user != NULL;
    l->stamp = checked->stamp;
    memcpy(l->job.password_text, checked->password_text, strlen(checked->password_text) + 1);
    l->job.done = on_checked;
    l->job.ctx = a;
    l->next = a->logins;
    a->logins = l;
    if (++a->info.waiting_count > a->cfg.login_queue_max ||
        nh_login_task_put(a->cfg.login, &l->job) < 0) {
        a->info.queue_full++;
        out->reason = NH_MQTT_REASON_SERVER_BUSY;
        out->why = "too many passwords to check at once";
        login_free(a, l);
        return;
    }
    if (a->info.waiting_count > a->info.waiting_max)
        a->info.waiting_max = a->info.waiting_count;
    a->info.checked++;
    out->verdict = NH_MQTT_AUTH_LATER;
}

static void sign_in(nh_mqtt_access_t *a, nh_mqtt_conn_t *c, const struct nh_mqtt_auth_request *r,
                    uint32_t address, struct nh_mqtt_auth_answer *out)
{
    uint8_t hash[NH_KEYED_HASH_BYTES];
    const struct nh_user *user = nh_users_find(a->rules->users, r->user);
    if (!nh_users_any(a->rules->users) || !known_hash(a, r, user ? user->stamp : 0, hash)) {
        a->info.denied++;
        out->why = user ? "wrong password" : "unknown user";
        return;
    }
    if (user && nh_ct_equal(known_slot(a, hash), hash, KNOWN_BYTES)) {
        a->info.remembered++;
        accept(a, r->user, r->client_id, out);
        return;
    }
    if (is_slowed(a, address)) {
        a->info.slowed++;
        out->reason = NH_MQTT_REASON_SERVER_BUSY;
        out->why = SLOWED;
        return;
    }
    struct login *l = login_create(a, c, r);
    if (!l) {
        out->reason = NH_MQTT_REASON_SERVER_UNAVAILABLE;
        out->why = "out of memory";
        return;
    }
    l->address = address;
    memcpy(l->known, hash, sizeof hash);
    check_later(a, l, user, out);
}

static bool is_scram(nh_span_t method)
{
    return method.len == strlen(NH_SCRAM_METHOD) &&
           memcmp(method.ptr, NH_SCRAM_METHOD, method.len) == 0;
}

// By SCRAM: who it is, stands in its messages. The rules may have changed between two of them.
static void scram(nh_mqtt_access_t *a, nh_mqtt_conn_t *c, const struct nh_mqtt_auth_request *r,
                  uint32_t address, struct nh_mqtt_auth_answer *out)
{
    struct nh_mqtt_scram_step step;
    if (r->round == 0 && is_slowed(a, address)) {
        a->info.slowed++;
        out->reason = NH_MQTT_REASON_SERVER_BUSY;
        out->why = SLOWED;
        return;
    }
    enum nh_mqtt_scram_result result =
        nh_mqtt_scram_take(&a->scram, c, a->rules->users, r->data, &step);
    const struct nh_user *user = nh_users_find(a->rules->users, step.user);
    switch (result) {
    case NH_MQTT_SCRAM_GOES_ON:
        out->verdict = NH_MQTT_AUTH_CONTINUES;
        break;
    case NH_MQTT_SCRAM_PROVED:
        a->info.checked++;
        out->why = CHANGED;
        if (user && user->stamp == step.stamp)
            accept(a, step.user, r->client_id, out);
        break;
    case NH_MQTT_SCRAM_WRONG:
        a->info.checked++;
        out->why = user ? "wrong password" : "unknown user";
        note_wrong(a, address);
        break;
    case NH_MQTT_SCRAM_FAULT:
        out->why = "malformed SCRAM message";
        note_wrong(a, address);
        break;
    case NH_MQTT_SCRAM_FULL:
        a->info.queue_full++;
        out->reason = NH_MQTT_REASON_SERVER_BUSY;
        out->why = "too many sign-ins at once";
        break;
    }
    out->user = step.user;
    out->data = step.data;
}

// A certificate said who it is. While there are users, it has to be one of them.
static bool vouched(nh_mqtt_access_t *a, const struct nh_mqtt_auth_request *r,
                    struct nh_mqtt_auth_answer *out)
{
    char *name = a->vouched;
    int len = a->cfg.identity ? a->cfg.identity(a->cfg.ctx, r->peer, name, sizeof a->vouched)
                              : NH_ERR_NOT_FOUND;
    if (len == NH_ERR_NOT_FOUND)
        return false;
    out->why = "no name in its certificate";
    if (len > 0) {
        out->user = (nh_span_t){(const uint8_t *)name, (size_t)len};
        accept(a, out->user, r->client_id, out);
    }
    a->info.denied += len <= 0 || (out->verdict != NH_MQTT_AUTH_ACCEPTED && !out->reason);
    return true;
}

// The common case of a room, without a look at the address: no name, from this machine.
static bool local_nobody(nh_mqtt_access_t *a, const struct nh_mqtt_auth_request *r,
                         struct nh_mqtt_auth_answer *out)
{
    if (r->has_user || !a->cfg.is_local || !a->cfg.is_local(a->cfg.ctx, r->peer) ||
        !nh_mqtt_rules_lets_anonymous_in(a->rules, true))
        return false;
    accept(a, (nh_span_t){NULL, 0}, r->client_id, out);
    return true;
}

void nh_mqtt_access_authenticate(nh_mqtt_access_t *a, nh_mqtt_conn_t *c,
                                 const struct nh_mqtt_auth_request *r,
                                 struct nh_mqtt_auth_answer *out)
{
    char text[64];
    if (r->method.len == 0 && (vouched(a, r, out) || local_nobody(a, r, out)))
        return;
    nh_span_t address = address_of(a, r->peer, text);
    bool lets_in = nh_mqtt_rules_lets_anonymous_in(a->rules, is_here(a, r->peer, address));
    uint32_t hash = nh_hash32(address.ptr, address.len, 0) | 1;
    if (r->method.len) {
        if (is_scram(r->method))
            scram(a, c, r, hash, out);
        else
            *out = (struct nh_mqtt_auth_answer){.reason = NH_MQTT_REASON_BAD_AUTHENTICATION_METHOD,
                                                .why = "unknown authentication method"};
    } else if (r->has_user && !(lets_in && nh_users_count(a->rules->users) == 0)) {
        sign_in(a, c, r, hash, out);
    } else if (lets_in) {
        accept(a, (nh_span_t){NULL, 0}, r->client_id, out);
    } else {
        a->info.denied++;
        out->why = nh_mqtt_rules_lets_anonymous_in(a->rules, true)
                       ? "no user name, which is not allowed from there"
                       : "no user name";
    }
}

// The answer of the task. The rules may have changed meanwhile.
static void answered(nh_mqtt_access_t *a, struct login *l, struct nh_mqtt_auth_answer *out)
{
    nh_span_t name = {(const uint8_t *)l->names, l->user_len};
    nh_span_t client_id = {(const uint8_t *)l->names + l->user_len, l->client_id_len};
    const struct nh_user *user = nh_users_find(a->rules->users, name);
    out->why = CHANGED;
    if (l->job.result == NH_ERR_NOMEM) {
        out->reason = NH_MQTT_REASON_SERVER_UNAVAILABLE;
        out->why = "out of memory";
    } else if (l->job.result != NH_OK || !l->is_known) {
        out->why = !l->is_known          ? "unknown user"
                   : l->job.password_len ? "wrong password"
                                         : "no password";
        note_wrong(a, l->address);
    } else if (user && user->stamp == l->stamp) {
        memcpy(known_slot(a, l->known), l->known, KNOWN_BYTES);
        accept(a, name, client_id, out);
    }
}

static void on_checked(void *ctx, struct nh_login_job *job)
{
    nh_mqtt_access_t *a = ctx;
    struct login *l = NH_CONTAINER_OF(job, struct login, job);
    struct nh_mqtt_auth_answer out = {.verdict = NH_MQTT_AUTH_REFUSED};
    answered(a, l, &out);
    if (l->conn)
        a->cfg.answer(a->cfg.ctx, l->conn, &out);
    login_free(a, l);
}

void nh_mqtt_access_cancel(nh_mqtt_access_t *a, nh_mqtt_conn_t *c)
{
    for (struct login *l = a->logins; l; l = l->next)
        if (l->conn == c)
            l->conn = NULL; // its password is checked all the same
    nh_mqtt_scram_cancel(&a->scram, c);
}

// ---- rights -------------------------------------------------------------------------------------

bool nh_mqtt_access_find(nh_mqtt_access_t *a, nh_span_t user, struct nh_mqtt_grant *out)
{
    // A client that came in from this machine may stay where such clients may come in.
    if (user.len == 0 && !nh_mqtt_rules_lets_anonymous_in(a->rules, true))
        return false;
    return grant(a, user, out);
}

bool nh_mqtt_access_may(nh_mqtt_access_t *a, const struct nh_mqtt_who *who,
                        enum nh_mqtt_action action, nh_span_t topic)
{
    return nh_mqtt_rules_may(a->rules, who, action, topic, NULL);
}
