// Shared subscriptions: each message of a filter goes to one member of a group.
//
//   root -- "a" -- "b"                         subs: `sub` of the group, and those of other clients
//        `- "$share" -- "g" -- "a" -- "b"      subs: the members' own
//                                      `- 00   subs: `anchor`, by which the group is found
//
// The members' node is the one that their filter names, so subscribing again and unsubscribing are
// as for any filter. No topic reaches it, and no filter can name the node below it.

#include "mqtt/keep.h"

#include <string.h>

#define LOOK_MAX 16u  // members with room among whom the least loaded is taken
#define WALK_MAX 256u // members looked at for one message; the next one goes on behind them
#define RANK_BUSY (1ull << 40)
#define RANK_AWAY (1ull << 41)

static const nh_span_t hidden = {(const uint8_t *)"", 1};

static struct nh_mqtt__group *group_of(const nh_mqtt_broker_t *b, const struct nh_mqtt__node *node)
{
    const struct nh_mqtt__node *below = nh_mqtt__index_below(&b->index, node, hidden);
    return below ? NH_CONTAINER_OF(below->subs, struct nh_mqtt__group, anchor) : NULL;
}

static struct nh_mqtt__group *group_of_front(struct nh_mqtt__session *front)
{
    return NH_CONTAINER_OF(front, struct nh_mqtt__group, front);
}

static struct nh_mqtt__sub *members(const struct nh_mqtt__group *g)
{
    return g->anchor.node->parent->subs;
}

// ---- coming and going ---------------------------------------------------------------------------

static bool number_is_free(const nh_mqtt_broker_t *b, uint16_t number)
{
    NH_LIST_EACH(&b->groups, n)
    if (NH_CONTAINER_OF(n, struct nh_mqtt__group, link)->number == number)
        return false;
    return number != 0;
}

// Groups are told apart in queues by a number; it comes round when 65,535 groups were made.
static uint16_t number_next(nh_mqtt_broker_t *b)
{
    b->group_number++;
    if (b->group_number == 0)
        b->groups_wrapped = true;
    while (b->group_number == 0 || (b->groups_wrapped && !number_is_free(b, b->group_number)))
        b->group_number++;
    return b->group_number;
}

static void group_free(nh_mqtt_broker_t *b, struct nh_mqtt__group *g)
{
    if (g->sub.node)
        nh_mqtt__index_remove(&b->index, &g->sub);
    if (g->anchor.node)
        nh_mqtt__index_remove(&b->index, &g->anchor);
    if (nh_list_is_linked(&g->link))
        b->group_count--;
    nh_list_remove(&g->link);
    nh_mem_free(b->mem, g);
}

static int group_create(nh_mqtt_broker_t *b, struct nh_mqtt__node *node, nh_span_t rest)
{
    if (b->group_count >= UINT16_MAX)
        return NH_ERR_FULL;
    struct nh_mqtt__group *g = nh_mem_alloc_zero(b->mem, sizeof(*g), NH_MEM_BULK);
    if (!g)
        return NH_ERR_NOMEM;
    nh_list_init(&g->link);
    g->front.flags = NH_MQTT__SESSION_SHARED;
    g->front.is_online = true;
    g->sub.session = g->anchor.session = &g->front;
    g->sub.qos = 2;
    int rc = nh_mqtt__index_add_below(&b->index, node, hidden, &g->anchor);
    if (rc == NH_OK)
        rc = nh_mqtt__index_add(&b->index, rest, &g->sub);
    if (rc < 0) {
        group_free(b, g);
        return rc;
    }
    g->number = number_next(b);
    nh_list_push_back(&b->groups, &g->link);
    b->group_count++;
    return NH_OK;
}

int nh_mqtt__share_join(nh_mqtt_broker_t *b, struct nh_mqtt__sub *sub, nh_span_t rest)
{
    return group_of(b, sub->node) ? NH_OK : group_create(b, sub->node, rest);
}

// ---- redistribution -----------------------------------------------------------------------------

struct leaving {
    nh_mqtt_broker_t *b;
    struct nh_mqtt__session *session;
    struct nh_mqtt__group *group;
};

// `m` stays `from`'s meanwhile. One that keeps no records has none of it either: whoever had one
// may be done with it, so that its number is nobody's any more. It goes on as a message of its own.
static void pass_on(nh_mqtt_broker_t *b, struct nh_mqtt__group *g,
                    const struct nh_mqtt__session *from, struct nh_mqtt__msg *m)
{
    if (nh_mqtt__msg_is_expired(m, b->now_ms)) {
        b->info.messages_expired++;
        return;
    }
    struct nh_mqtt__publish p = nh_mqtt__publish_of(m);
    p.retain = m->was_retain;
    if (m->no && !nh_mqtt__kept(from)) {
        nh_mqtt__msg_unref(b->mem, p.msg);
        p.msg = NULL;
    }
    NH_IGNORE(nh_mqtt__share_deliver(b, &g->front, &p)); // counted for whom it was meant
    nh_mqtt__publish_release(b, &p);
    b->info.shared_moved++;
}

static bool pass_on_waiting(void *ctx, const struct nh_mqtt__waiting *w)
{
    struct leaving *l = ctx;
    if (w->group != l->group->number)
        return false;
    struct nh_mqtt__msg *m = nh_mqtt__msg_ref(w->msg);
    bool goes = nh_mqtt__keep_ack_reserve(l->b, l->session) == NH_OK;
    if (goes) { // first to the other one, so that its record is never without a place
        pass_on(l->b, l->group, l->session, m);
        goes = nh_mqtt__keep_dropped(l->b, l->session, w);
    }
    nh_mqtt__msg_unref(l->b->mem, m);
    return goes;
}

// Sent at QoS 1 and not acknowledged: somebody else gets it when the session is over; at QoS 2 that
// is forbidden once it was begun [MQTT5-4.8.2-5].
static void pass_on_sent(nh_mqtt_broker_t *b, struct nh_mqtt__group *g,
                         const struct nh_mqtt__session *s, bool is_over)
{
    struct nh_mqtt__flow *f = s->flow;
    for (uint32_t i = 0; i < f->sent_span; i++) {
        struct nh_mqtt__sent *sent = nh_mqtt__sent_at(f, i);
        if (sent->group != g->number || sent->state == NH_MQTT__SENT_DONE)
            continue;
        sent->group = 0;
        if (is_over && sent->state == NH_MQTT__SENT_WAIT_PUBACK && sent->msg)
            pass_on(b, g, s, sent->msg);
    }
}

static void unmark_waiting(struct nh_mqtt__group *g, struct nh_mqtt__flow *f)
{
    for (uint32_t i = 0; i < f->waiting_count; i++)
        if (nh_mqtt__waiting_at(f, i)->group == g->number)
            nh_mqtt__waiting_at(f, i)->group = 0;
}

void nh_mqtt__share_leave(nh_mqtt_broker_t *b, struct nh_mqtt__sub *sub, bool is_over)
{
    struct nh_mqtt__group *g = group_of(b, sub->node);
    struct nh_mqtt__flow *f = sub->session->flow;
    if (g->next == sub)
        g->next = sub->node_next;
    nh_mqtt__index_remove(&b->index, sub); // the anchor keeps the node
    bool has_others = members(g) && !b->is_ending;
    if (f && has_others) {
        struct leaving leaving = {b, sub->session, g};
        pass_on_sent(b, g, sub->session, is_over);
        nh_mqtt__waiting_filter(f, b->mem, pass_on_waiting, &leaving);
    } else if (f) {
        pass_on_sent(b, g, sub->session, false);
        unmark_waiting(g, f);
    }
    if (!members(g))
        group_free(b, g);
}

// ---- whose turn it is ---------------------------------------------------------------------------

// How gladly a member is given a message; less is better. UINT64_MAX: it cannot have it. What it
// did not acknowledge counts; at QoS 0 all who read are alike.
static uint64_t rank_of(const nh_mqtt_broker_t *b, const struct nh_mqtt__sub *sub, uint8_t qos)
{
    const struct nh_mqtt__session *s = sub->session;
    const struct nh_mqtt__flow *f = s->flow;
    uint8_t own = sub->qos < qos ? sub->qos : qos;
    uint64_t load = own && f ? f->messages : 0;
    if (!s->is_online) // only QoS 1 and 2 are kept for who is away
        return own ? load | RANK_AWAY : UINT64_MAX;
    bool is_busy = nh_mqtt__load_of(s).bytes > nh_mqtt__queue_max_bytes(b, s) / 2;
    if (own && f)
        is_busy = f->waiting_count || f->sent_span >= nh_mqtt__window(b, s);
    return load | (is_busy ? RANK_BUSY : 0);
}

static bool may_receive(nh_mqtt_broker_t *b, const struct nh_mqtt__sub *sub, nh_span_t topic)
{
    return nh_mqtt__may(b, sub->session, NH_MQTT_MAY_RECEIVE, topic);
}

// Round and round, and among the next few the one with the least to do.
struct nh_mqtt__sub *nh_mqtt__share_next(nh_mqtt_broker_t *b, struct nh_mqtt__session *front,
                                         nh_span_t topic, uint8_t qos)
{
    struct nh_mqtt__group *g = group_of_front(front);
    struct nh_mqtt__sub *first = g->next ? g->next : members(g), *best = NULL, *at = first;
    uint64_t best_rank = UINT64_MAX;
    uint32_t with_room = 0, walked = 0;
    do {
        uint64_t rank = rank_of(b, at, qos);
        with_room += rank < RANK_BUSY;
        if (rank < best_rank && may_receive(b, at, topic)) {
            best = at;
            best_rank = rank;
        }
        at = at->node_next ? at->node_next : members(g);
    } while (at != first && best_rank && with_room < LOOK_MAX && ++walked < WALK_MAX);
    g->next = best ? best->node_next : at;
    return best;
}

int nh_mqtt__share_deliver(nh_mqtt_broker_t *b, struct nh_mqtt__session *front,
                           struct nh_mqtt__publish *p)
{
    const struct nh_mqtt__sub *sub = nh_mqtt__share_next(b, front, p->topic, p->qos);
    if (!sub)
        return NH_OK;
    const struct nh_mqtt__how how = {.qos = sub->qos < p->qos ? sub->qos : p->qos,
                                     .retain =
                                         p->retain && (sub->flags & NH_MQTT__SUB_AS_PUBLISHED),
                                     .id_count = sub->id != 0,
                                     .ids = &sub->id,
                                     .group = group_of_front(front)->number};
    int rc = nh_mqtt__deliver(b, sub->session, p, &how);
    if (p->msg && p->retain)
        p->msg->was_retain = true; // for who gets it when this member does not
    return rc;
}

// ---- figures ------------------------------------------------------------------------------------

uint32_t nh_mqtt__share_sub_count(const nh_mqtt_broker_t *b)
{
    return 2 * b->group_count;
}

static bool check_group(const nh_mqtt_broker_t *b, struct nh_mqtt__group *g)
{
    bool has_next = g->next == NULL;
    const struct nh_mqtt__node *node = g->anchor.node->parent;
    if (group_of(b, node) != g || !node->subs || g->sub.session != &g->front || g->number == 0)
        return false;
    for (const struct nh_mqtt__sub *sub = node->subs; sub; sub = sub->node_next)
        has_next |= sub == g->next;
    return has_next;
}

bool nh_mqtt__share_check(const nh_mqtt_broker_t *b)
{
    uint32_t count = 0;
    NH_LIST_EACH(&b->groups, n)
    {
        count++;
        if (!check_group(b, NH_CONTAINER_OF(n, struct nh_mqtt__group, link)))
            return false;
    }
    return count == b->group_count;
}
