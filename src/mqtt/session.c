// Sessions: the table by client id, subscriptions, coming and going of connections.

#include "core/base/hash.h"
#include "mqtt/keep.h"

#include <string.h>

static uint32_t bucket_of(const nh_mqtt_broker_t *b, const void *id, size_t len)
{
    return nh_hash32(id, len, b->cfg.hash_seed) & (b->session_buckets - 1);
}

struct nh_mqtt__session *nh_mqtt__session_find(const nh_mqtt_broker_t *b, nh_span_t id)
{
    struct nh_mqtt__session *s = b->sessions[bucket_of(b, id.ptr, id.len)];
    while (s && !(s->id_len == id.len && memcmp(s->id, id.ptr, id.len) == 0))
        s = s->hash_next;
    return s;
}

// Without memory the chains grow longer instead.
static void table_grow(nh_mqtt_broker_t *b)
{
    uint32_t old_count = b->session_buckets;
    struct nh_mqtt__session **old = b->sessions;
    struct nh_mqtt__session **grown =
        nh_mem_alloc_zero(b->mem, 2 * old_count * sizeof(*grown), NH_MEM_BULK);
    if (!grown)
        return;
    b->sessions = grown;
    b->session_buckets = 2 * old_count;
    for (uint32_t i = 0; i < old_count; i++) {
        for (struct nh_mqtt__session *s = old[i], *next; s; s = next) {
            next = s->hash_next;
            uint32_t at = bucket_of(b, s->id, s->id_len);
            s->hash_next = grown[at];
            grown[at] = s;
        }
    }
    nh_mem_free(b->mem, old);
}

struct nh_mqtt__session *nh_mqtt__session_create(nh_mqtt_broker_t *b, nh_span_t id)
{
    size_t bytes = offsetof(struct nh_mqtt__session, id) + id.len + 1;
    if (bytes < sizeof(struct nh_mqtt__session))
        bytes = sizeof(struct nh_mqtt__session);
    struct nh_mqtt__session *s = nh_mem_alloc_zero(b->mem, bytes, NH_MEM_BULK);
    if (!s)
        return NULL;
    if (b->session_count >= 2 * b->session_buckets)
        table_grow(b);
    s->id_len = (uint16_t)id.len;
    memcpy(s->id, id.ptr, id.len);
    s->flags = nh_mqtt__is_own_id(id) ? NH_MQTT__SESSION_OWN : 0;
    nh_list_init(&s->idle);
    uint32_t at = bucket_of(b, s->id, s->id_len);
    s->hash_next = b->sessions[at];
    b->sessions[at] = s;
    b->session_count++;
    return s;
}

// `is_over`: the session ends, or begins anew.
static void sub_free(nh_mqtt_broker_t *b, struct nh_mqtt__sub *sub, bool is_over)
{
    if (sub->flags & NH_MQTT__SUB_SHARED)
        nh_mqtt__share_leave(b, sub, is_over);
    else
        nh_mqtt__index_remove(&b->index, sub);
    nh_mem_free(b->mem, sub);
}

// Forgets everything that the session holds; it can begin anew [MQTT-3.1.2-6], [MQTT5-3.1.2-4].
void nh_mqtt__session_wipe(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    nh_mqtt__will_release(b, s); // it ends here [MQTT5-3.1.2-8]
    nh_mqtt__keep_end_subs(b, s);
    while (s->subs) {
        struct nh_mqtt__sub *sub = s->subs;
        s->subs = sub->session_next;
        sub_free(b, sub, true);
    }
    nh_mqtt__keep_end(b, s);
    s->sub_count = 0;
    s->dropped = 0;
    nh_mqtt__relieve_end(b, s);
    s->flags = 0;
    if (!s->flow)
        return;
    nh_mqtt__replay_clear(b, s->flow);
    nh_mqtt__flow_deinit(s->flow, b->mem);
    nh_mem_free(b->mem, s->flow);
    s->flow = NULL;
}

void nh_mqtt__session_destroy(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    nh_mqtt__session_wipe(b, s);
    if (!s->is_online && nh_list_is_linked(&s->idle)) {
        nh_list_remove(&s->idle);
        b->idle_count--;
    }
    struct nh_mqtt__session **at = &b->sessions[bucket_of(b, s->id, s->id_len)];
    while (*at != s)
        at = &(*at)->hash_next;
    *at = s->hash_next;
    b->session_count--;
    nh_mqtt__session_owner_set(b, s, NULL);
    nh_mem_free(b->mem, s);
}

void nh_mqtt__session_attach(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, nh_mqtt_conn_t *c)
{
    if (nh_list_is_linked(&s->idle)) {
        nh_list_remove(&s->idle);
        b->idle_count--;
    }
    nh_mqtt__will_cancel(b, s); // it is back in time [MQTT5-3.1.3-9]
    s->is_online = true;
    s->conn = c;
    c->session = s;
    b->online_count++;
    if (s->user)
        s->user->conn_count++;
    if (b->online_count > b->info.conn_max)
        b->info.conn_max = b->online_count;
}

// The session that has been away longest and may be forgotten; NULL: there is none.
static struct nh_mqtt__session *oldest_idle(const nh_mqtt_broker_t *b)
{
    for (nh_list_t *n = b->idle.next; n != &b->idle; n = n->next) {
        struct nh_mqtt__session *s = NH_CONTAINER_OF(n, struct nh_mqtt__session, idle);
        if (!(s->flags & NH_MQTT__SESSION_OWN))
            return s;
    }
    return NULL;
}

void nh_mqtt__session_detach(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    b->online_count--;
    if (s->user)
        s->user->conn_count--;
    nh_mqtt__relieve_end(b, s);
    if (!(s->flags & NH_MQTT__SESSION_CLEAN))
        nh_mqtt__keep_away(b, s);
    s->conn->session = NULL;
    s->is_online = false;
    nh_list_init(&s->idle);
    if (s->flags & NH_MQTT__SESSION_CLEAN) {
        nh_mqtt__session_destroy(b, s);
        return;
    }
    s->flags &= (uint16_t)~NH_MQTT__SESSION_STALLED;
    s->left_s = (int32_t)((b->now_ms - b->started_ms) / 1000);
    nh_mqtt__expire_session(b, s);
    nh_list_push_back(&b->idle, &s->idle);
    // Sessions of the hub's own parts are not counted among those that may be kept.
    if (++b->idle_count <= b->cfg.session_max_count + nh_mqtt__own_count(b))
        return;
    struct nh_mqtt__session *oldest = oldest_idle(b);
    if (!oldest)
        return;
    b->info.sessions_evicted++;
    nh_mqtt__session_destroy(b, oldest);
}

struct nh_mqtt__flow *nh_mqtt__session_flow(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    if (!s->flow) {
        s->flow = nh_mem_alloc(b->mem, sizeof(*s->flow), NH_MEM_BULK);
        if (s->flow)
            nh_mqtt__flow_init(s->flow);
    }
    return s->flow;
}

// ---- subscriptions ------------------------------------------------------------------------------

// The link to the session's subscription of `filter`; it points to NULL when there is none.
static struct nh_mqtt__sub **sub_find(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                                      nh_span_t filter)
{
    struct nh_mqtt__node *node = nh_mqtt__index_find(&b->index, filter);
    struct nh_mqtt__sub **at = &s->subs;
    while (*at && (!node || (*at)->node != node))
        at = &(*at)->session_next;
    return at;
}

static void set_options(struct nh_mqtt__sub *sub, const struct nh_mqtt__subscription *k,
                        uint32_t id)
{
    sub->qos = k->qos;
    sub->id = id;
    sub->flags &= NH_MQTT__SUB_SHARED;
    sub->flags |= (uint8_t)((k->no_local ? NH_MQTT__SUB_NO_LOCAL : 0) |
                            (k->retain_as_published ? NH_MQTT__SUB_AS_PUBLISHED : 0) |
                            k->retain_handling << NH_MQTT__SUB_HANDLING_SHIFT);
}

// Puts a new subscription into the index.
static int sub_add(nh_mqtt_broker_t *b, struct nh_mqtt__sub *sub, nh_span_t filter)
{
    nh_span_t rest;
    int rc = nh_mqtt__index_add(&b->index, filter, sub);
    if (rc < 0 || nh_mqtt__share_split(filter, &rest) <= 0)
        return rc;
    rc = nh_mqtt__share_join(b, sub, rest);
    if (rc < 0)
        nh_mqtt__index_remove(&b->index, sub);
    sub->flags |= NH_MQTT__SUB_SHARED;
    return rc;
}

int nh_mqtt__session_subscribe(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                               const struct nh_mqtt__subscription *k, uint32_t id)
{
    struct nh_mqtt__sub **end = sub_find(b, s, k->filter);
    if (nh_mqtt__keep_sub_reserve(b, s, k->filter.len) < 0)
        return NH_ERR_NOMEM;
    if (*end) { // replaces its options [MQTT-3.8.4-3], [MQTT5-3.8.4-3]
        b->index.generation++;
        set_options(*end, k, id);
        nh_mqtt__keep_sub(b, s, *end, k->filter);
        nh_mqtt__replay_change(s, k->filter, k->qos, id);
        return 0;
    }
    uint32_t own_max = s->user ? s->user->grant.limits.subscription_max_count : 0;
    if (s->sub_count >= (own_max ? own_max : b->cfg.subscription_max_count))
        return NH_ERR_FULL;
    struct nh_mqtt__sub *sub = nh_mem_alloc_zero(b->mem, sizeof(*sub), NH_MEM_BULK);
    if (!sub)
        return NH_ERR_NOMEM;
    sub->session = s;
    set_options(sub, k, id);
    int rc = sub_add(b, sub, k->filter);
    if (rc < 0) {
        nh_mem_free(b->mem, sub);
        return rc;
    }
    nh_mqtt__keep_sub(b, s, sub, k->filter);
    *end = sub;
    s->sub_count++;
    return 1;
}

int nh_mqtt__session_restore_sub(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                                 const struct nh_mqtt__sub_record *rec, uint16_t no)
{
    struct nh_mqtt__sub **end = sub_find(b, s, rec->filter);
    struct nh_mqtt__kept *kept = nh_mqtt__kept(s);
    const struct nh_mqtt__subscription k = {.qos = rec->options & 3,
                                            .no_local = rec->options & 4,
                                            .retain_as_published = rec->options & 8,
                                            .retain_handling = (rec->options & 0x30) >> 4};
    if (*end || no == 0)
        return NH_ERR_CORRUPT;
    struct nh_mqtt__sub *sub = nh_mem_alloc_zero(b->mem, sizeof(*sub), NH_MEM_BULK);
    if (!sub)
        return NH_ERR_NOMEM;
    sub->session = s;
    sub->no = no;
    set_options(sub, &k, rec->id);
    int rc = sub_add(b, sub, rec->filter);
    if (rc < 0) {
        nh_mem_free(b->mem, sub);
        return rc;
    }
    kept->last_sub = no > kept->last_sub ? no : kept->last_sub;
    *end = sub;
    s->sub_count++;
    return NH_OK;
}

bool nh_mqtt__session_unsubscribe(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, nh_span_t filter)
{
    struct nh_mqtt__sub **at = sub_find(b, s, filter), *sub = *at;
    if (!sub)
        return false;
    nh_mqtt__keep_unsub(b, s, sub);
    *at = sub->session_next;
    s->sub_count--;
    nh_mqtt__replay_cancel(b, s, filter);
    sub_free(b, sub, false);
    return true;
}
