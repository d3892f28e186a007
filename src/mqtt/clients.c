// Clients for people: in an order, some at a time, and sent away.
//
// An order of all sessions would need a place for each. Instead a look over the table keeps the
// next few behind the last one told, in a heap whose root is the last of them; the look after it
// goes on from there. So memory is bounded, and a page costs one look, or two.

#include "mqtt/keep.h"

#include <string.h>

struct rank {
    uint64_t number;
    const char *text, *id; // no text: numbers alone
};

static uint64_t since(const nh_mqtt_broker_t *b, const struct nh_mqtt__session *s)
{
    const uint64_t middle = 1ull << 63; // who left before the start comes below it
    if (s->is_online)
        return middle + s->conn->connected_ms;
    if (s->left_s == NH_MQTT__LEFT_UNKNOWN)
        return 0;
    return middle + b->started_ms + (uint64_t)(s->left_s * 1000ll);
}

static uint64_t number_of(const nh_mqtt_broker_t *b, const struct nh_mqtt__session *s,
                          enum nh_mqtt_client_key key)
{
    if (key == NH_MQTT_BY_SINCE)
        return since(b, s);
    const struct nh_mqtt_client_info i = nh_mqtt__client_info(b, s);
    switch (key) {
    case NH_MQTT_BY_KEEPALIVE:
        return i.keepalive_s;
    case NH_MQTT_BY_SUBSCRIPTIONS:
        return i.subscription_count;
    case NH_MQTT_BY_INFLIGHT:
        return i.inflight_count;
    case NH_MQTT_BY_QUEUED:
        return i.queued_messages;
    case NH_MQTT_BY_DROPPED:
        return i.dropped;
    case NH_MQTT_BY_MESSAGES_IN:
        return i.messages_in;
    case NH_MQTT_BY_MESSAGES_OUT:
        return i.messages_out;
    case NH_MQTT_BY_BYTES:
        return i.bytes_in + i.bytes_out;
    default:
        return 0;
    }
}

static const char *user_of(const struct nh_mqtt__session *s)
{
    const char *name = nh_mqtt__user_name(s->user);
    return name ? name : "";
}

static struct rank rank_of(const struct nh_mqtt_client_walk *w, const struct nh_mqtt__session *s,
                           uint64_t number)
{
    return (struct rank){number, w->key == NH_MQTT_BY_USER ? user_of(s) : NULL, s->id};
}

static struct rank rank_at(const struct nh_mqtt_client_walk *w, size_t at)
{
    return rank_of(w, w->next[at].session, w->next[at].number);
}

// Below 0: `x` comes before `y`.
static int compare(const struct nh_mqtt_client_walk *w, const struct rank *x, const struct rank *y)
{
    int by = x->number < y->number ? -1 : x->number > y->number;
    if (x->text)
        by = strcmp(x->text, y->text);
    int ids = strcmp(x->id, y->id);
    if (w->key == NH_MQTT_BY_ID)
        by = ids;
    by = w->is_down ? -by : by;
    return by ? by : ids;
}

// ---- who is meant -------------------------------------------------------------------------------

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool begins(const char *text, nh_span_t with)
{
    size_t i = 0;
    while (i < with.len && text[i] && lower(text[i]) == lower((char)with.ptr[i]))
        i++;
    return i == with.len;
}

static bool contains(const char *text, nh_span_t what)
{
    for (; *text; text++)
        if (begins(text, what))
            return true;
    return what.len == 0;
}

static bool is_meant(const struct nh_mqtt_client_walk *w, const struct nh_mqtt__session *s)
{
    if (w->is_whole)
        return s->id_len == w->text.len && memcmp(s->id, w->text.ptr, w->text.len) == 0;
    if (w->state != NH_MQTT_ANY && s->is_online != (w->state == NH_MQTT_CONNECTED))
        return false;
    return contains(s->id, w->text) || contains(user_of(s), w->text);
}

size_t nh_mqtt_broker_clients_count(nh_mqtt_broker_t *b, const struct nh_mqtt_client_walk *w)
{
    size_t count = 0;
    for (uint32_t i = 0; i < b->session_buckets; i++)
        for (const struct nh_mqtt__session *s = b->sessions[i]; s; s = s->hash_next)
            count += is_meant(w, s);
    return count;
}

// ---- the next few -------------------------------------------------------------------------------

static void swap(struct nh_mqtt_client_walk *w, size_t x, size_t y)
{
    struct nh_mqtt_client_place kept = w->next[x];
    w->next[x] = w->next[y];
    w->next[y] = kept;
}

static bool is_before(const struct nh_mqtt_client_walk *w, size_t x, size_t y)
{
    struct rank a = rank_at(w, x), b = rank_at(w, y);
    return compare(w, &a, &b) < 0;
}

static void sift_up(struct nh_mqtt_client_walk *w, size_t at)
{
    for (; at > 0 && is_before(w, (at - 1) / 2, at); at = (at - 1) / 2)
        swap(w, at, (at - 1) / 2);
}

static void sift_down(struct nh_mqtt_client_walk *w, size_t count)
{
    for (size_t at = 0, child = 1; child < count; at = child, child = 2 * at + 1) {
        child += child + 1 < count && is_before(w, child, child + 1);
        if (!is_before(w, at, child))
            return;
        swap(w, at, child);
    }
}

// Puts `s` among the next ones, of which there are `*count`, if it belongs there.
static void offer(nh_mqtt_broker_t *b, struct nh_mqtt_client_walk *w,
                  const struct nh_mqtt__session *s, size_t *count)
{
    uint64_t number = number_of(b, s, w->key);
    struct rank rank = rank_of(w, s, number);
    struct rank last = {w->last_number, w->last_user, w->last_id};
    if (w->has_last && compare(w, &rank, &last) <= 0)
        return;
    if (*count < NH_ARRAY_LEN(w->next)) {
        w->next[*count] = (struct nh_mqtt_client_place){s, number};
        sift_up(w, (*count)++);
        return;
    }
    struct rank root = rank_at(w, 0);
    if (compare(w, &rank, &root) >= 0)
        return;
    w->next[0] = (struct nh_mqtt_client_place){s, number};
    sift_down(w, *count);
}

// Finds the next ones, in order. Returns how many.
static size_t find_next(nh_mqtt_broker_t *b, struct nh_mqtt_client_walk *w)
{
    size_t count = 0;
    for (uint32_t i = 0; i < b->session_buckets; i++)
        for (const struct nh_mqtt__session *s = b->sessions[i]; s; s = s->hash_next)
            if (is_meant(w, s))
                offer(b, w, s, &count);
    for (size_t left = count; left > 1; left--) {
        swap(w, 0, left - 1);
        sift_down(w, left - 1);
    }
    return count;
}

static void remember(struct nh_mqtt_client_walk *w, size_t at)
{
    const struct nh_mqtt__session *s = w->next[at].session;
    const char *user = user_of(s);
    w->has_last = true;
    w->last_number = w->next[at].number;
    memcpy(w->last_id, s->id, s->id_len + 1u);
    memcpy(w->last_user, user, strlen(user) + 1);
}

void nh_mqtt_broker_clients_walk(nh_mqtt_broker_t *b, struct nh_mqtt_client_walk *w,
                                 bool (*visit)(void *ctx, const struct nh_mqtt_client_info *c),
                                 void *ctx)
{
    for (;;) {
        size_t count = find_next(b, w);
        for (size_t i = 0; i < count; i++) {
            if (w->skip > 0) {
                w->skip--;
            } else {
                const struct nh_mqtt_client_info info = nh_mqtt__client_info(b, w->next[i].session);
                if (!visit(ctx, &info))
                    return;
            }
            remember(w, i);
        }
        if (count < NH_ARRAY_LEN(w->next))
            return;
    }
}

// ---- sent away ----------------------------------------------------------------------------------

static int find(nh_mqtt_broker_t *b, nh_span_t id, struct nh_mqtt__session **out)
{
    *out = nh_mqtt__session_find(b, id);
    if (!*out)
        return NH_ERR_NOT_FOUND;
    return (*out)->flags & NH_MQTT__SESSION_OWN ? NH_ERR_DENIED : NH_OK;
}

static void disconnect(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    nh_mqtt__conn_end(b, s->conn, "sent away by a person", NH_MQTT_CLIENT_DISCONNECTED,
                      NH_MQTT_REASON_ADMINISTRATIVE_ACTION);
}

int nh_mqtt_broker_disconnect(nh_mqtt_broker_t *b, nh_span_t client_id, uint64_t now_ms)
{
    struct nh_mqtt__session *s;
    int rc = find(b, client_id, &s);
    if (rc < 0)
        return rc;
    if (!s->is_online)
        return NH_ERR_NOT_FOUND;
    nh_mqtt__clock(b, now_ms);
    disconnect(b, s);
    nh_mqtt__local_settle(b);
    return NH_OK;
}

int nh_mqtt_broker_forget(nh_mqtt_broker_t *b, nh_span_t client_id, uint64_t now_ms)
{
    struct nh_mqtt__session *s;
    nh_mqtt__clock(b, now_ms);
    nh_mqtt__run_flush(b); // it may be meant for that one
    int rc = find(b, client_id, &s);
    if (rc == NH_OK)
        rc = nh_mqtt__keep_end_reserve(b, s);
    if (rc < 0)
        return rc;
    if (s->is_online) {
        s->flags |= NH_MQTT__SESSION_CLEAN; // dies with its connection
        disconnect(b, s);
    } else {
        nh_mqtt__session_destroy(b, s);
    }
    nh_mqtt__local_settle(b);
    return NH_OK;
}
