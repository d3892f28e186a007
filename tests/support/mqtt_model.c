#include "support/mqtt_model.h"

#include <stdio.h>
#include <string.h>

const char *const model_topics[MODEL_TOPICS] = {"a", "a/b", "a/b/c", "b", "b/", "$a/b", "w"};
const char *const model_filters[MODEL_FILTERS] = {"#",   "+",   "a/#", "a/+", "+/b",
                                                  "a/b", "b/+", "w",   "$a/#"};

static const struct model_copy *end_of(const struct model *m)
{
    return m->copies + m->copy_count;
}

static uint8_t least(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

void model_init(struct model *m, uint64_t now_ms)
{
    memset(m, 0, sizeof *m);
    m->now_ms = now_ms;
}

// ---- matching -----------------------------------------------------------------------------------

static bool levels_match(const char *filter, const char *topic)
{
    if (strcmp(filter, "#") == 0)
        return true;
    size_t f = strcspn(filter, "/"), t = strcspn(topic, "/");
    bool is_any = f == 1 && filter[0] == '+';
    if (!is_any && (f != t || memcmp(filter, topic, f) != 0))
        return false;
    if (strcmp(filter + f, "/#") == 0)
        return true;
    if (filter[f] != topic[t])
        return false;
    return filter[f] == '\0' || levels_match(filter + f + 1, topic + t + 1);
}

static bool matches(unsigned filter, unsigned topic)
{
    const char *f = model_filters[filter], *t = model_topics[topic];
    if (t[0] == '$' && f[0] != '$')
        return false;
    return levels_match(f, t);
}

// ---- copies -------------------------------------------------------------------------------------

static void remove_copy(struct model *m, struct model_copy *c)
{
    size_t at = (size_t)(c - m->copies);
    memmove(c, c + 1, (--m->copy_count - at) * sizeof *c);
}

static struct model_copy *add_copy(struct model *m, const struct model_message *message,
                                   unsigned kind, unsigned client)
{
    NH_ASSERT(m->copy_count < MODEL_COPIES);
    struct model_copy *c = &m->copies[m->copy_count++];
    *c = (struct model_copy){.message = *message, .kind = (uint8_t)kind, .client = (uint8_t)client};
    return c;
}

static struct model_copy *add_retained(struct model *m, unsigned client,
                                       const struct model_sub *sub,
                                       const struct model_message *message)
{
    struct model_copy *c = add_copy(m, message, MODEL_RETAINED, client);
    c->qos = least(message->qos, sub->qos);
    c->retain = true;
    c->sids = sub->sid;
    c->filter = sub->filter;
    return c;
}

static const struct model_sub *find_sub(const struct model_session *s, unsigned filter,
                                        unsigned share)
{
    for (size_t i = 0; i < s->sub_count; i++)
        if (s->subs[i].filter == filter && s->subs[i].share == share)
            return &s->subs[i];
    return NULL;
}

// Who is in a share, by bits.
static unsigned members_of(const struct model *m, unsigned filter, unsigned share)
{
    unsigned members = 0;
    for (unsigned i = 0; i < MODEL_CLIENTS; i++)
        if (m->sessions[i].exists && find_sub(&m->sessions[i], filter, share))
            members |= 1u << i;
    return members;
}

static bool grants_qos_0(const struct model *m, const struct model_copy *c)
{
    for (unsigned i = 0; i < MODEL_CLIENTS; i++) {
        const struct model_sub *sub = find_sub(&m->sessions[i], c->filter, c->share);
        if (sub && sub->qos == 0)
            return true;
    }
    return c->message.qos == 0;
}

// ---- publishing ---------------------------------------------------------------------------------

// One copy for all of a session's own subscriptions that take the message.
static void publish_to(struct model *m, unsigned client, const struct model_message *message)
{
    const struct model_session *s = &m->sessions[client];
    bool takes = false, as_published = false;
    uint8_t granted = 0;
    uint32_t sids = 0;
    for (size_t i = 0; i < s->sub_count; i++) {
        const struct model_sub *sub = &s->subs[i];
        if (sub->share || !matches(sub->filter, message->topic))
            continue;
        if (sub->no_local && message->publisher == client && !message->is_will)
            continue; // a will is published by the broker
        takes = true;
        as_published |= sub->as_published;
        granted = sub->qos > granted ? sub->qos : granted;
        sids |= sub->sid;
    }
    uint8_t qos = least(message->qos, granted);
    if (!takes || (qos == 0 && !s->is_online))
        return;
    struct model_copy *c = add_copy(m, message, MODEL_LIVE, client);
    c->qos = qos;
    c->retain = as_published && message->retain;
    c->sids = sids;
}

// One copy for all members of a share.
static void publish_to_share(struct model *m, unsigned filter, unsigned share,
                             const struct model_message *message)
{
    unsigned members = members_of(m, filter, share);
    if (!members || !matches(filter, message->topic))
        return;
    struct model_copy *c = add_copy(m, message, MODEL_SHARED, 0);
    c->members = (uint8_t)members;
    c->filter = (uint8_t)filter;
    c->share = (uint8_t)share;
    for (unsigned i = 0; i < MODEL_CLIENTS; i++)
        if (members & 1u << i && !m->sessions[i].is_online && grants_qos_0(m, c))
            c->is_optional = true; // may have gone to one who is away, at QoS 0
}

// Who is still being sent retained messages for a subscription may hear the old or the new one.
static void retain(struct model *m, const struct model_message *message)
{
    m->retained[message->topic] = *message;
    for (struct model_copy *c = m->copies; c < end_of(m); c++)
        if (c->kind == MODEL_RETAINED && c->message.topic == message->topic)
            c->is_optional |= c->state == MODEL_DUE;
    for (unsigned i = 0; i < MODEL_CLIENTS && message->number; i++) {
        const struct model_session *s = &m->sessions[i];
        for (size_t k = 0; s->exists && k < s->sub_count; k++)
            if (s->subs[k].is_replaying && matches(s->subs[k].filter, message->topic))
                add_retained(m, i, &s->subs[k], message)->is_optional = true;
    }
}

void model_publish(struct model *m, const struct model_message *message)
{
    if (message->retain)
        retain(m, message);
    for (unsigned i = 0; i < MODEL_CLIENTS; i++)
        if (m->sessions[i].exists)
            publish_to(m, i, message);
    for (unsigned filter = 0; filter < MODEL_FILTERS; filter++)
        for (unsigned share = 1; share < MODEL_SHARES; share++)
            publish_to_share(m, filter, share, message);
}

// ---- subscribing --------------------------------------------------------------------------------

// Retained messages that are still to be sent for a subscription go by its new options.
static void change_retained(struct model *m, unsigned client, const struct model_sub *sub)
{
    for (struct model_copy *c = m->copies; c < end_of(m); c++) {
        if (c->kind != MODEL_RETAINED || c->state != MODEL_DUE || c->client != client ||
            c->filter != sub->filter || sub->share)
            continue;
        c->qos = least(c->message.qos, sub->qos);
        c->sids = sub->sid;
    }
}

void model_subscribe(struct model *m, unsigned client, const struct model_sub *sub,
                     unsigned handling)
{
    struct model_session *s = &m->sessions[client];
    struct model_sub *at = (struct model_sub *)(uintptr_t)find_sub(s, sub->filter, sub->share);
    bool is_new = !at;
    if (is_new) {
        NH_ASSERT(s->sub_count < MODEL_SUBS);
        at = &s->subs[s->sub_count++];
    }
    bool was_replaying = !is_new && at->is_replaying;
    *at = *sub;
    at->is_replaying = was_replaying;
    for (struct model_copy *c = m->copies; c < end_of(m); c++)
        if (c->kind == MODEL_SHARED && c->filter == sub->filter && c->share == sub->share) {
            c->members |= (uint8_t)(1u << client);
            c->is_vague |= !is_new;
        }
    change_retained(m, client, sub);
    if (sub->share || handling == 2 || (handling == 1 && !is_new))
        return;
    at->is_replaying = true;
    for (struct model_copy *c = m->copies; c < end_of(m); c++)
        if (c->kind == MODEL_RETAINED && c->client == client && c->filter == sub->filter)
            c->is_optional |= c->state == MODEL_DUE; // those that are sent again now will do
    for (unsigned topic = 0; topic < MODEL_TOPICS; topic++)
        if (m->retained[topic].number && matches(sub->filter, topic))
            (void)add_retained(m, client, sub, &m->retained[topic]);
}

bool model_unsubscribe(struct model *m, unsigned client, unsigned filter, unsigned share)
{
    struct model_session *s = &m->sessions[client];
    const struct model_sub *at = find_sub(s, filter, share);
    if (!at)
        return false;
    size_t index = (size_t)(at - s->subs);
    memmove(&s->subs[index], &s->subs[index + 1], (--s->sub_count - index) * sizeof *at);
    for (struct model_copy *c = m->copies; c < end_of(m); c++) {
        if (c->kind == MODEL_RETAINED && c->client == client && c->filter == filter)
            c->is_optional = true;
        if (c->kind == MODEL_SHARED && c->filter == filter && c->share == share &&
            c->state == MODEL_DUE)
            c->is_optional = c->is_vague = true; // may be under way to this one, as it was then
    }
    return true;
}

// ---- connections and sessions -------------------------------------------------------------------

static void publish_will(struct model *m, unsigned client)
{
    struct model_session *s = &m->sessions[client];
    s->with.has_will = false;
    s->will_ms = NH_NEVER;
    model_publish(m, &s->with.will);
}

// What a member had of a share when its session ended: at QoS 1 another one may get it, at QoS 2
// nobody once it was begun.
static bool is_dead(struct model_copy *c, unsigned client)
{
    if (c->kind != MODEL_SHARED)
        return c->client == client;
    if (c->state == MODEL_DUE) {
        c->is_optional |= (c->members >> client & 1) && c->message.qos != 1;
        c->members &= (uint8_t) ~(1u << client);
        return false;
    }
    if (c->client != client)
        return false;
    if (c->qos != 1)
        return true;
    c->state = MODEL_DUE;
    c->is_optional = c->may_be_dup = true;
    c->is_to_be_resent = false;
    return false;
}

// What waited for a share without members is gone, unless it is under way to one who left.
static void drop_empty_shares(struct model *m)
{
    for (struct model_copy *c = m->copies; c < end_of(m); c++)
        if (c->kind == MODEL_SHARED && c->state == MODEL_DUE && !members_of(m, c->filter, c->share))
            c->is_optional = true;
}

static void end_session(struct model *m, unsigned client)
{
    struct model_session *s = &m->sessions[client];
    for (size_t i = 0; i < m->copy_count;) {
        if (is_dead(&m->copies[i], client))
            remove_copy(m, &m->copies[i]);
        else
            i++;
    }
    s->exists = false;
    s->sub_count = 0;
    drop_empty_shares(m);
    if (s->will_ms != NH_NEVER)
        publish_will(m, client);
}

// The connection broke: what it did not hear at QoS 0 is lost, the rest comes when it is back.
// Retained messages may go on being sent then.
static bool is_lost(const struct model *m, struct model_copy *c, unsigned client)
{
    if (c->kind == MODEL_SHARED && c->state == MODEL_DUE) {
        if (c->members & 1u << client) {
            c->may_be_dup = true;
            c->is_optional |= grants_qos_0(m, c);
        }
        return false;
    }
    if (c->client != client)
        return false;
    if (c->state != MODEL_DUE)
        c->is_to_be_resent = true;
    else if (c->qos == 0 && c->kind == MODEL_LIVE)
        return true;
    c->may_be_dup = true;
    c->is_optional |= c->kind == MODEL_RETAINED;
    return false;
}

void model_end(struct model *m, unsigned client, enum model_end how)
{
    struct model_session *s = &m->sessions[client];
    s->is_online = false;
    s->away_order = ++m->order;
    for (size_t i = 0; i < m->copy_count;) {
        if (is_lost(m, &m->copies[i], client))
            remove_copy(m, &m->copies[i]);
        else
            i++;
    }
    if (s->with.has_will && how != MODEL_GOODBYE)
        s->will_ms = m->now_ms + s->with.will_delay_s * 1000ull;
    s->end_ms =
        s->with.expiry_s == MODEL_NEVER_S ? NH_NEVER : m->now_ms + s->with.expiry_s * 1000ull;
    if (s->end_ms == m->now_ms)
        end_session(m, client);
    else if (s->will_ms == m->now_ms)
        publish_will(m, client);
}

bool model_connect(struct model *m, unsigned client, const struct model_connect *k)
{
    struct model_session *s = &m->sessions[client];
    if (s->exists && s->is_online)
        model_end(m, client, MODEL_LOST);
    if (s->exists && k->is_clean)
        end_session(m, client);
    bool is_present = s->exists;
    if (!is_present)
        *s = (struct model_session){.exists = true};
    s->is_online = true;
    s->with = *k;
    s->will_ms = s->end_ms = NH_NEVER;
    s->resend_order = 0;
    return is_present;
}

// ---- time ---------------------------------------------------------------------------------------

static void expire(struct model *m)
{
    for (unsigned topic = 0; topic < MODEL_TOPICS; topic++)
        if (m->retained[topic].expires_ms <= m->now_ms)
            m->retained[topic].number = 0;
    for (size_t i = 0; i < m->copy_count;) {
        struct model_copy *c = &m->copies[i++];
        if (c->state != MODEL_DUE || c->message.expires_ms > m->now_ms)
            continue;
        c->is_optional = true;
        bool was_kept = c->kind == MODEL_LIVE && !m->sessions[c->client].is_online &&
                        !c->may_be_dup; // from the start until now, nothing was under way
        if (was_kept)
            remove_copy(m, &m->copies[--i]);
    }
}

void model_clock(struct model *m, uint64_t now_ms)
{
    for (;;) {
        uint64_t next = now_ms;
        unsigned who = MODEL_CLIENTS;
        for (unsigned i = 0; i < MODEL_CLIENTS; i++) {
            const struct model_session *s = &m->sessions[i];
            if (!s->exists || s->is_online)
                continue;
            uint64_t due = s->will_ms < s->end_ms ? s->will_ms : s->end_ms;
            bool is_first = who == MODEL_CLIENTS || due < next ||
                            s->away_order < m->sessions[who].away_order; // of those due at once
            if (due <= next && is_first) {
                next = due;
                who = i;
            }
        }
        m->now_ms = next;
        expire(m);
        if (who == MODEL_CLIENTS)
            return;
        if (m->sessions[who].end_ms <= next)
            end_session(m, who);
        else
            publish_will(m, who);
    }
}

// ---- hearing ------------------------------------------------------------------------------------

// How many packet ids the session has under way, those between that are done included.
static uint32_t span_of(const struct model *m, unsigned client)
{
    const struct model_session *s = &m->sessions[client];
    uint32_t span = 0;
    for (const struct model_copy *c = m->copies; c < end_of(m); c++) {
        if (c->state == MODEL_DUE || c->client != client)
            continue;
        uint32_t age = (s->newest_id + 65535u - c->packet_id) % 65535u + 1;
        span = age > span ? age : span;
    }
    return span;
}

static uint32_t unacknowledged(const struct model *m, unsigned client)
{
    uint32_t count = 0;
    for (const struct model_copy *c = m->copies; c < end_of(m); c++)
        count += c->state != MODEL_DUE && c->client == client && !c->is_to_be_resent;
    return count;
}

static struct model_copy *find_id(struct model *m, unsigned client, uint16_t packet_id)
{
    for (struct model_copy *c = m->copies; c < end_of(m); c++)
        if (c->state != MODEL_DUE && c->client == client && c->packet_id == packet_id)
            return c;
    return NULL;
}

static const char *heard_again(struct model *m, struct model_copy *c, const struct model_heard *h)
{
    struct model_session *s = &m->sessions[c->client];
    if (c->state == MODEL_RELEASED)
        return "PUBLISH after PUBREC, or its packet id in use";
    if (!h->dup)
        return "a packet id that is in use";
    if (!c->is_to_be_resent)
        return "sent again without a reconnection";
    if (c->message.number != h->number || c->message.topic != h->topic || c->qos != h->qos)
        return "another message under the old packet id";
    if (c->order < s->resend_order)
        return "sent again in another order";
    s->resend_order = c->order;
    c->is_to_be_resent = false;
    return NULL;
}

// How this copy must look to this client.
static void as_heard_by(const struct model *m, unsigned client, struct model_copy *c)
{
    const struct model_sub *sub = find_sub(&m->sessions[client], c->filter, c->share);
    if (c->kind != MODEL_SHARED || !sub)
        return;
    c->qos = least(c->message.qos, sub->qos);
    c->retain = sub->as_published && c->message.retain;
    c->sids = sub->sid;
}

// `is_loose`: what was on its way to a member of a share that has left since, or subscribed with
// other options, may be as it was then.
static bool is_it(const struct model *m, unsigned client, const struct model_copy *at,
                  const struct model_heard *h, bool is_loose)
{
    struct model_copy c = *at;
    bool is_mine = c.kind == MODEL_SHARED ? c.members >> client & 1 : c.client == client;
    if (c.state != MODEL_DUE || !is_mine || c.message.number != h->number ||
        c.message.topic != h->topic || (h->dup && !c.may_be_dup))
        return false;
    bool has_changed = c.is_vague || !find_sub(&m->sessions[client], c.filter, c.share);
    if (c.kind == MODEL_SHARED && is_loose && has_changed)
        return h->qos <= c.message.qos;
    as_heard_by(m, client, &c);
    bool is_v5 = m->sessions[client].with.is_v5;
    bool expires = is_v5 && c.message.expires_ms != NH_NEVER;
    return c.qos == h->qos && c.retain == h->retain && expires == h->has_expiry &&
           (!is_v5 || c.sids == h->sids);
}

static bool is_out_of_order(const struct model *m, const struct model_copy *c)
{
    for (const struct model_copy *o = m->copies; o < c; o++)
        if (c->kind == MODEL_LIVE && o->kind == MODEL_LIVE && o->state == MODEL_DUE &&
            !o->is_optional && o->client == c->client && o->qos == c->qos &&
            o->message.topic == c->message.topic && o->message.publisher == c->message.publisher)
            return true;
    return false;
}

static const char *check_new(const struct model *m, unsigned client, const struct model_copy *c,
                             const struct model_heard *h)
{
    const struct model_session *s = &m->sessions[client];
    if (is_out_of_order(m, c))
        return "out of order";
    for (const struct model_copy *o = m->copies; h->qos && o < end_of(m); o++)
        if (!h->dup && o->state == MODEL_SEEN && o->client == client && o->is_to_be_resent)
            return "a new message before the old ones were sent again";
    if (h->qos && unacknowledged(m, client) >= s->with.window)
        return "more than receive maximum unacknowledged";
    bool expires = s->with.is_v5 && c->message.expires_ms != NH_NEVER;
    uint64_t left_s = expires ? (c->message.expires_ms - m->now_ms) / 1000 : 0;
    if (expires && c->message.expires_ms > m->now_ms &&
        (h->expiry_s + 1 < left_s || (h->expiry_s > left_s + 1 && !h->is_late)))
        return "another expiry interval than the time left";
    return NULL;
}

// Empty messages look all alike: which of two copies this one is rather.
static bool is_likelier(const struct model *m, const struct model_copy *a,
                        const struct model_copy *b)
{
    bool late_a = is_out_of_order(m, a), late_b = is_out_of_order(m, b);
    if (late_a != late_b)
        return late_b;
    if (a->kind == MODEL_SHARED && b->kind == MODEL_SHARED && a->message.qos != b->message.qos)
        return a->message.qos < b->message.qos;
    return b->is_optional && !a->is_optional;
}

const char *model_heard(struct model *m, unsigned client, const struct model_heard *h)
{
    struct model_copy *found = h->qos ? find_id(m, client, h->packet_id) : NULL;
    if (found)
        return heard_again(m, found, h);
    for (unsigned is_loose = 0; is_loose < 2 && !found; is_loose++)
        for (struct model_copy *c = m->copies; c < end_of(m); c++)
            if (is_it(m, client, c, h, is_loose) && (!found || is_likelier(m, c, found)))
                found = c;
    if (!found)
        return "a message that is not due";
    const char *fault = check_new(m, client, found, h);
    if (fault)
        return fault;
    if (h->qos == 0) {
        remove_copy(m, found);
        return NULL;
    }
    found->client = (uint8_t)client;
    found->qos = h->qos;
    found->state = MODEL_SEEN;
    found->packet_id = m->sessions[client].newest_id = h->packet_id;
    found->order = ++m->order;
    return NULL;
}

const char *model_heard_pubrel(struct model *m, unsigned client, uint16_t packet_id)
{
    struct model_copy *c = find_id(m, client, packet_id);
    if (!c || c->state != MODEL_RELEASED)
        return "PUBREL for what was not received";
    c->is_to_be_resent = false;
    return NULL;
}

void model_done(struct model *m, unsigned client, uint16_t packet_id)
{
    struct model_copy *c = find_id(m, client, packet_id);
    if (c)
        remove_copy(m, c);
}

void model_received(struct model *m, unsigned client, uint16_t packet_id)
{
    struct model_copy *c = find_id(m, client, packet_id);
    if (c)
        c->state = MODEL_RELEASED;
}

// ---- nothing more comes -------------------------------------------------------------------------

static bool is_ready(const struct model *m, unsigned client, unsigned listening)
{
    const struct model_session *s = &m->sessions[client];
    return s->is_online && (listening >> client & 1) && span_of(m, client) < s->with.window;
}

static bool is_due_now(const struct model *m, const struct model_copy *c, unsigned listening)
{
    if (c->is_optional && c->state == MODEL_DUE)
        return false;
    if (c->kind != MODEL_SHARED || c->state != MODEL_DUE)
        return is_ready(m, c->client, listening);
    unsigned members = members_of(m, c->filter, c->share);
    for (unsigned i = 0; i < MODEL_CLIENTS; i++)
        if (members >> i & 1 && !is_ready(m, i, listening))
            return false;
    return members != 0;
}

// Whether all who could get the copy are ready.
static bool are_ready(const struct model *m, const struct model_copy *c, unsigned listening)
{
    if (c->kind != MODEL_SHARED)
        return is_ready(m, c->client, listening);
    for (unsigned i = 0; i < MODEL_CLIENTS; i++)
        if (c->members >> i & 1 && m->sessions[i].exists && !is_ready(m, i, listening))
            return false;
    return true;
}

// What need not come has not come to those who are ready, and will not.
static void forget_optional(struct model *m, unsigned listening)
{
    for (size_t i = 0; i < m->copy_count;) {
        struct model_copy *c = &m->copies[i];
        if (c->is_optional && c->state == MODEL_DUE && are_ready(m, c, listening))
            remove_copy(m, c);
        else
            i++;
    }
    for (unsigned i = 0; i < MODEL_CLIENTS; i++)
        for (size_t k = 0; is_ready(m, i, listening) && k < m->sessions[i].sub_count; k++)
            m->sessions[i].subs[k].is_replaying = false;
}

const char *model_settle(struct model *m, unsigned listening)
{
    for (const struct model_copy *c = m->copies; c < end_of(m); c++) {
        if (!is_due_now(m, c, listening))
            continue;
        if (c->state != MODEL_DUE && !c->is_to_be_resent)
            continue;
        snprintf(m->fault, sizeof m->fault, "message %u was %s (client %u)",
                 (unsigned)c->message.number, c->state == MODEL_DUE ? "lost" : "not sent again",
                 c->client);
        return m->fault;
    }
    forget_optional(m, listening);
    return NULL;
}
