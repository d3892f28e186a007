// Users: whose a session is, what that one may do, and asking the hub as seldom as possible.

#include "core/base/hash.h"
#include "mqtt/internal.h"

#include <string.h>

#define BUCKETS_MIN 16u

// ---- the table ----------------------------------------------------------------------------------

static struct nh_mqtt__user **bucket_of(const nh_mqtt_broker_t *b, const void *name, size_t len)
{
    return &b->users[nh_hash32(name, len, b->cfg.hash_seed) & (b->user_buckets - 1)];
}

// The first buckets, or twice as many. Without memory the chains grow longer, if there are any.
static bool table_grow(nh_mqtt_broker_t *b)
{
    uint32_t old_count = b->user_buckets;
    uint32_t count = old_count ? 2 * old_count : BUCKETS_MIN;
    struct nh_mqtt__user **old = b->users;
    struct nh_mqtt__user **grown = nh_mem_alloc_zero(b->mem, count * sizeof(*grown), NH_MEM_BULK);
    if (!grown)
        return old != NULL;
    b->users = grown;
    b->user_buckets = count;
    for (uint32_t i = 0; i < old_count; i++) {
        for (struct nh_mqtt__user *u = old[i], *next; u; u = next) {
            struct nh_mqtt__user **at = bucket_of(b, u->name, u->name_len);
            next = u->hash_next;
            u->hash_next = *at;
            *at = u;
        }
    }
    nh_mem_free(b->mem, old);
    return true;
}

static struct nh_mqtt__user *find(const nh_mqtt_broker_t *b, nh_span_t name)
{
    struct nh_mqtt__user *u = b->users ? *bucket_of(b, name.ptr, name.len) : NULL;
    while (u && !(u->name_len == name.len && memcmp(u->name, name.ptr, name.len) == 0))
        u = u->hash_next;
    return u;
}

static struct nh_mqtt__user *create(nh_mqtt_broker_t *b, nh_span_t name)
{
    if (b->user_count >= 2 * b->user_buckets && !table_grow(b))
        return NULL;
    struct nh_mqtt__user *u = nh_mem_alloc_zero(b->mem, sizeof(*u) + name.len + 1, NH_MEM_BULK);
    if (!u)
        return NULL;
    u->name_len = (uint16_t)name.len;
    memcpy(u->name, name.ptr, name.len);
    struct nh_mqtt__user **at = bucket_of(b, u->name, u->name_len);
    u->hash_next = *at;
    *at = u;
    b->user_count++;
    return u;
}

struct nh_mqtt__user *nh_mqtt__user_get(nh_mqtt_broker_t *b, nh_span_t name,
                                        const struct nh_mqtt_grant *grant)
{
    if (name.len == 0)
        name.ptr = (const uint8_t *)"";
    struct nh_mqtt__user *u = find(b, name);
    if (!u)
        u = create(b, name);
    if (!u)
        return NULL;
    u->grant = *grant;
    u->refs++;
    return u;
}

void nh_mqtt__user_unref(nh_mqtt_broker_t *b, struct nh_mqtt__user *u)
{
    if (!u || --u->refs > 0)
        return;
    struct nh_mqtt__user **at = bucket_of(b, u->name, u->name_len);
    while (*at != u)
        at = &(*at)->hash_next;
    *at = u->hash_next;
    b->user_count--;
    nh_mem_free(b->mem, u);
}

void nh_mqtt__users_deinit(nh_mqtt_broker_t *b)
{
    NH_ASSERT(b->user_count == 0);
    nh_mem_free(b->mem, b->users);
}

void nh_mqtt__session_owner_set(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                                struct nh_mqtt__user *u)
{
    if (s->user != u)
        b->access_generation++; // answers are remembered by the session's address
    nh_mqtt__user_unref(b, s->user);
    s->user = u;
}

// ---- asking -------------------------------------------------------------------------------------

bool nh_mqtt__user_is_asked(const nh_mqtt_broker_t *b, const struct nh_mqtt__user *u)
{
    return u && (u->is_gone || (b->cfg.authorize && !u->grant.may_all));
}

bool nh_mqtt__user_may(nh_mqtt_broker_t *b, const struct nh_mqtt__user *u, nh_span_t client_id,
                       enum nh_mqtt_action action, nh_span_t topic)
{
    if (!nh_mqtt__user_is_asked(b, u))
        return true;
    const struct nh_mqtt_who who = {
        u->grant.identity, {(const uint8_t *)u->name, u->name_len}, client_id};
    return !u->is_gone && b->cfg.authorize(b->cfg.ctx, &who, action, topic);
}

bool nh_mqtt__may_publish(nh_mqtt_broker_t *b, const struct nh_mqtt__session *s, nh_span_t topic)
{
    if (!nh_mqtt__user_is_asked(b, s->user))
        return true;
    struct nh_mqtt__match *m = nh_mqtt__match_get(b, topic);
    if (m && m->asked == s && m->asked_generation == b->access_generation)
        return m->may_publish;
    bool may = nh_mqtt__may(b, s, NH_MQTT_MAY_PUBLISH, topic);
    if (m) {
        m->asked = s;
        m->asked_generation = b->access_generation;
        m->may_publish = may;
    }
    return may;
}

void nh_mqtt__denied(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, uint64_t *counter,
                     nh_span_t topic, const char *reason)
{
    ++*counter;
    if (s->flags & NH_MQTT__SESSION_DENIED)
        return; // told already; the counter tells the rest
    s->flags |= NH_MQTT__SESSION_DENIED;
    if (b->cfg.event)
        b->cfg.event(b->cfg.ctx, &(struct nh_mqtt_event){.kind = NH_MQTT_ACTION_DENIED,
                                                         .client_id = s->id,
                                                         .user_name = nh_mqtt__user_name(s->user),
                                                         .topic = topic,
                                                         .reason = reason});
}

// ---- a change -----------------------------------------------------------------------------------

static void look_up(nh_mqtt_broker_t *b, struct nh_mqtt__user *u)
{
    struct nh_mqtt_grant fresh = u->grant;
    nh_span_t name = {(const uint8_t *)u->name, u->name_len};
    u->is_gone = b->cfg.user_find && !b->cfg.user_find(b->cfg.ctx, name, &fresh);
    u->is_stale = fresh.stamp != u->grant.stamp;
    u->grant = fresh;
}

static const char *why_closed(const struct nh_mqtt__user *u)
{
    if (u->is_gone)
        return "its user is gone";
    return u->name_len ? "its password was changed" : "who has no user is to come in anew";
}

// Ends the session of a user that is gone, the connection of one with another secret.
static bool end_session(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    const struct nh_mqtt__user *u = s->user;
    if (!u || !(u->is_gone || (u->is_stale && s->is_online)))
        return false;
    if (s->is_online)
        nh_mqtt__conn_end(b, s->conn, why_closed(u), NH_MQTT_CLIENT_DISCONNECTED,
                          NH_MQTT_REASON_NOT_AUTHORIZED);
    else
        nh_mqtt__session_destroy(b, s);
    return true;
}

// A session's end may take others with it (a will finds a queue full, one too many is away): the
// chain is walked from its head again.
static void end_bucket(nh_mqtt_broker_t *b, uint32_t i)
{
    struct nh_mqtt__session *s = b->sessions[i];
    while (s)
        s = end_session(b, s) ? b->sessions[i] : s->hash_next;
}

void nh_mqtt_broker_access_changed(nh_mqtt_broker_t *b, uint64_t now_ms)
{
    nh_mqtt__clock(b, now_ms);
    nh_mqtt__run_flush(b);
    for (uint32_t i = 0; i < b->user_buckets; i++)
        for (struct nh_mqtt__user *u = b->users[i]; u; u = u->hash_next)
            look_up(b, u);
    b->index.generation++;
    b->access_generation++;
    for (uint32_t i = 0; i < b->session_buckets; i++)
        end_bucket(b, i);
    nh_mqtt__local_settle(b);
}
