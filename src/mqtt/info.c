// Figures for people and for $SYS, visits for the portal, and the check of all structures.

#include "mqtt/keep.h"

#include <string.h>

static void add_flow(struct nh_mqtt_info *out, const struct nh_mqtt__session *s)
{
    struct nh_mqtt__load load = nh_mqtt__load_of(s);
    out->queued_bytes += load.bytes;
    out->queued_messages += load.messages;
    out->inflight_count += s->flow ? s->flow->sent_count : 0;
    const struct nh_mqtt__kept *k = nh_mqtt__kept(s);
    out->paged_bytes += k ? k->page_bytes : 0;
    out->paged_messages += k ? k->next_seq - k->page_seq : 0;
    out->v5_count += s->is_online && s->conn->version == 5;
    out->will_count += (s->flags & NH_MQTT__SESSION_WILL) != 0;
}

void nh_mqtt_broker_info(const nh_mqtt_broker_t *b, struct nh_mqtt_info *out)
{
    *out = b->info;
    out->conn_count = b->online_count;
    out->open_count = b->open_count;
    out->session_count = b->session_count;
    out->subscription_count = b->index.sub_count - nh_mqtt__share_sub_count(b);
    out->group_count = b->group_count;
    for (const nh_mqtt_local_t *l = b->locals; l; l = l->next)
        out->subscription_count -= !(l->front.flags & NH_MQTT__SESSION_DEAD);
    out->auth_waiting_count = b->waiting_count;
    out->retained_count = b->retain.count;
    out->retained_bytes = b->retain.bytes;
    out->retained_changes = b->retain.changes;
    for (uint32_t i = 0; i < b->session_buckets; i++)
        for (const struct nh_mqtt__session *s = b->sessions[i]; s; s = s->hash_next)
            add_flow(out, s);
}

// For how long the session has been away; UINT32_MAX: not known.
static uint32_t away_s(const nh_mqtt_broker_t *b, const struct nh_mqtt__session *s)
{
    int64_t now_s = (int64_t)((b->now_ms - b->started_ms) / 1000);
    return s->left_s == NH_MQTT__LEFT_UNKNOWN ? UINT32_MAX : (uint32_t)(now_s - s->left_s);
}

struct nh_mqtt_client_info nh_mqtt__client_info(const nh_mqtt_broker_t *b,
                                                const struct nh_mqtt__session *s)
{
    struct nh_mqtt__load load = nh_mqtt__load_of(s);
    const struct nh_mqtt__kept *k = nh_mqtt__kept(s);
    struct nh_mqtt_client_info info = {
        .client_id = s->id,
        .user_name = nh_mqtt__user_name(s->user),
        .is_connected = s->is_online,
        .is_clean = s->flags & NH_MQTT__SESSION_CLEAN,
        .is_own = s->flags & NH_MQTT__SESSION_OWN,
        .subscription_count = s->sub_count,
        .inflight_count = s->flow ? s->flow->sent_count : 0,
        .queued_messages = (uint32_t)load.messages,
        .queued_bytes = load.bytes,
        .paged_messages = k ? k->next_seq - k->page_seq : 0,
        .dropped = s->dropped,
    };
    if (!s->is_online) {
        info.session_expiry_s = nh_mqtt__expire_left_s(b, s);
        info.away_s = away_s(b, s);
        return info;
    }
    info.version = s->conn->version;
    info.session_expiry_s = s->expiry_s;
    info.keepalive_s = s->conn->keepalive_s;
    info.messages_in = s->conn->messages_in;
    info.messages_out = s->conn->messages_out;
    info.bytes_in = s->conn->bytes_in;
    info.bytes_out = s->conn->bytes_out;
    info.connected_ms = s->conn->connected_ms;
    info.user = s->conn->is_own ? NULL : s->conn->user;
    return info;
}

size_t nh_mqtt_broker_clients(nh_mqtt_broker_t *b, size_t first,
                              bool (*visit)(void *ctx, const struct nh_mqtt_client_info *c),
                              void *ctx)
{
    size_t at = 0, visited = 0;
    for (uint32_t i = 0; i < b->session_buckets; i++) {
        for (const struct nh_mqtt__session *s = b->sessions[i]; s; s = s->hash_next) {
            if (at++ < first)
                continue;
            struct nh_mqtt_client_info info = nh_mqtt__client_info(b, s);
            visited++;
            if (!visit(ctx, &info))
                return visited;
        }
    }
    return visited;
}

struct nh_mqtt_message nh_mqtt__message_of(const struct nh_mqtt__msg *m)
{
    return (struct nh_mqtt_message){.topic = nh_mqtt__msg_topic(m),
                                    .payload = nh_mqtt__msg_payload(m),
                                    .qos = m->qos,
                                    .retain = true,
                                    .props = nh_mqtt__msg_props(m),
                                    .expires_ms = nh_mqtt__msg_expires_ms(m)};
}

size_t nh_mqtt_broker_retained(nh_mqtt_broker_t *b, const char *after,
                               bool (*visit)(void *ctx, const struct nh_mqtt_message *m), void *ctx)
{
    size_t visited = 0;
    nh_span_t from = {(const uint8_t *)(after ? after : ""), after ? strlen(after) : 0};
    struct nh_mqtt__msg *m = nh_mqtt__retain_seek(&b->retain, from, from.len > 0);
    while (m) {
        struct nh_mqtt_message message = nh_mqtt__message_of(m);
        bool is_over = nh_mqtt__msg_is_expired(m, b->now_ms); // the sweep is yet to come
        visited += !is_over;
        if (!is_over && !visit(ctx, &message))
            break;
        m = nh_mqtt__retain_seek(&b->retain, message.topic, true);
    }
    return visited;
}

// ---- check --------------------------------------------------------------------------------------

static bool check_subs(const struct nh_mqtt__session *s)
{
    uint32_t count = 0;
    for (const struct nh_mqtt__sub *sub = s->subs; sub; sub = sub->session_next, count++)
        if (sub->session != s)
            return false;
    return count == s->sub_count;
}

// References and connections of users against the sessions that make them.
static bool check_users(const nh_mqtt_broker_t *b)
{
    uint32_t refs = 0, conns = 0, count = 0;
    for (uint32_t i = 0; i < b->user_buckets; i++) {
        for (const struct nh_mqtt__user *u = b->users[i]; u; u = u->hash_next) {
            refs += u->refs;
            conns += u->conn_count;
            count += u->refs > 0;
        }
    }
    for (uint32_t i = 0; i < b->session_buckets; i++) {
        for (const struct nh_mqtt__session *s = b->sessions[i]; s; s = s->hash_next) {
            refs -= s->user != NULL;
            conns -= s->user && s->is_online;
        }
    }
    return refs == 0 && conns == 0 && count == b->user_count;
}

// In order, each of a session that knows of it and is away.
static bool check_wills(const nh_mqtt_broker_t *b, uint32_t count)
{
    uint64_t before = 0;
    NH_LIST_EACH(&b->wills, n)
    {
        const struct nh_mqtt__will *w = NH_CONTAINER_OF(n, struct nh_mqtt__will, link);
        if (w->due_ms < before || w->session->is_online ||
            !(w->session->flags & NH_MQTT__SESSION_WILL))
            return false;
        before = w->due_ms;
        count--;
    }
    return count == 0;
}

static bool check_sessions(const nh_mqtt_broker_t *b)
{
    uint32_t count = 0, online = 0, high = 0, wills = 0;
    for (uint32_t i = 0; i < b->session_buckets; i++) {
        for (const struct nh_mqtt__session *s = b->sessions[i]; s; s = s->hash_next) {
            count++;
            online += s->is_online;
            high += (s->flags & NH_MQTT__SESSION_HIGH) != 0;
            if (s->is_online ? s->conn->session != s : (s->flags & NH_MQTT__SESSION_CLEAN) != 0)
                return false;
            wills += (s->flags & NH_MQTT__SESSION_WILL) != 0;
            if (!check_subs(s) || (s->flow && !nh_mqtt__flow_check(s->flow)))
                return false;
        }
    }
    return count == b->session_count && online == b->online_count && high == b->high_count &&
           count == b->online_count + b->idle_count && check_wills(b, wills);
}

static bool check_list(const nh_list_t *list, int state, uint32_t *count)
{
    NH_LIST_EACH(list, n)
    {
        const nh_mqtt_conn_t *c = NH_CONTAINER_OF(n, nh_mqtt_conn_t, link);
        ++*count;
        if ((state >= 0 && c->state != state) || !nh_mqtt__wire_check(&c->wire))
            return false;
        if (c->extra && c->form == NH_MQTT__FORM_V4 &&
            (c->extra->packet_max || c->extra->out.max || c->extra->receive_max))
            return false;
        if ((c->state == NH_MQTT__CONN_ONLINE) != (c->session != NULL))
            return false;
        if (c->session && c->session->conn != c)
            return false;
    }
    return true;
}

static bool check_conns(const nh_mqtt_broker_t *b)
{
    uint32_t count = 0;
    for (size_t i = 0; i < NH_MQTT__WHEEL_SLOTS; i++)
        if (!check_list(&b->wheel.near[i], -1, &count) || !check_list(&b->wheel.far[i], -1, &count))
            return false;
    // At the end of its days the clock leaves no time to wait for a CONNECT either.
    return check_list(&b->untimed, -1, &count) &&
           check_list(&b->paused, NH_MQTT__CONN_ONLINE, &count) &&
           check_list(&b->slowed, NH_MQTT__CONN_ONLINE, &count) &&
           check_list(&b->ended, NH_MQTT__CONN_ENDED, &count) && count == b->open_count;
}

int nh_mqtt_broker_check(const nh_mqtt_broker_t *b)
{
    bool is_right = (b->is_turn || !b->held) && nh_mqtt__index_check(&b->index) &&
                    nh_mqtt__retain_check(&b->retain) && nh_mqtt__share_check(b) &&
                    check_sessions(b) && check_users(b) && check_conns(b) &&
                    nh_mqtt__journal_check(b);
    return is_right ? NH_OK : NH_ERR_CORRUPT;
}
