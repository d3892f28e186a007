// Clients that are parts of the hub: MQTT without a socket, under client ids that nobody else gets.

#include "mqtt/internal.h"

#include <string.h>

bool nh_mqtt__is_own_id(nh_span_t id)
{
    size_t len = sizeof NH_MQTT_OWN_ID_PREFIX - 1;
    return id.len >= len && memcmp(id.ptr, NH_MQTT_OWN_ID_PREFIX, len) == 0;
}

static struct nh_mqtt_own *find(const nh_mqtt_broker_t *b, const char *id)
{
    struct nh_mqtt_own *o = b->own;
    while (o && strcmp(o->client_id, id) != 0)
        o = o->next;
    return o;
}

uint32_t nh_mqtt__own_count(const nh_mqtt_broker_t *b)
{
    uint32_t count = 0;
    for (const struct nh_mqtt_own *o = b->own; o; o = o->next)
        count++;
    return count;
}

const struct nh_mqtt_user_limits *nh_mqtt__own_limits(const nh_mqtt_broker_t *b,
                                                      const struct nh_mqtt__session *s)
{
    static const struct nh_mqtt_user_limits none = {0};
    const struct nh_mqtt_own *o = find(b, s->id);
    return o ? &o->limits : &none;
}

void nh_mqtt_broker_own_add(nh_mqtt_broker_t *b, struct nh_mqtt_own *o)
{
    nh_span_t id = {(const uint8_t *)o->client_id, strlen(o->client_id)};
    NH_ASSERT(nh_mqtt__is_own_id(id) && !find(b, o->client_id));
    o->next = b->own;
    b->own = o;
}

void nh_mqtt_broker_own_remove(nh_mqtt_broker_t *b, struct nh_mqtt_own *o)
{
    struct nh_mqtt_own **at = &b->own;
    while (*at && *at != o)
        at = &(*at)->next;
    if (*at)
        *at = o->next;
}

int nh_mqtt_broker_own_open(nh_mqtt_broker_t *b, void *user, uint64_t now_ms, nh_mqtt_conn_t **out)
{
    int rc = nh_mqtt_broker_open(b, user, now_ms, out);
    if (rc == NH_OK)
        (*out)->is_own = true;
    return rc;
}

bool nh_mqtt_conn_is_own(const nh_mqtt_conn_t *c)
{
    return c->is_own;
}

// One session of a part that is no more; NULL: there is none.
static struct nh_mqtt__session *orphan(const nh_mqtt_broker_t *b)
{
    for (nh_list_t *n = b->idle.next; n != &b->idle; n = n->next) {
        struct nh_mqtt__session *s = NH_CONTAINER_OF(n, struct nh_mqtt__session, idle);
        if ((s->flags & NH_MQTT__SESSION_OWN) && !find(b, s->id))
            return s;
    }
    return NULL;
}

void nh_mqtt_broker_own_sweep(nh_mqtt_broker_t *b)
{
    nh_mqtt__run_flush(b);
    for (struct nh_mqtt__session *s = orphan(b); s; s = orphan(b))
        nh_mqtt__session_destroy(b, s);
}
