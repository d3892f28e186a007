// QoS 0 packets in a row, given to subscribers as one slice each: of the bytes they came in, or of
// a translation that is made once for all who need the same.

#include "core/base/bytes.h"
#include "mqtt/internal.h"

#include <string.h>

#define PAGE_MIN_BYTES 8192u
#define KEPT_MAX_BYTES NH_KIB(128) // of pages kept for reuse: the steady state takes none
#define TURN_QUEUES 4u // times a queue's limit and a little: what a turn may hold of translations
#define TURN_MIN_BYTES NH_KIB(64)
#define ALIAS_MAX_BYTES NH_KIB(4) // of unread output up to which a client gets aliases at QoS 0

// ---- scratch ------------------------------------------------------------------------------------

struct nh_mqtt__page {
    struct nh_mqtt__page *next;
    size_t cap, used;
    uint8_t bytes[];
};

static struct nh_mqtt__page *page_new(nh_mqtt_broker_t *b, size_t len)
{
    struct nh_mqtt__scratch *sc = &b->scratch;
    for (struct nh_mqtt__page **at = &sc->free, *p = *at; p; at = &p->next, p = *at) {
        if (p->cap < len)
            continue;
        *at = p->next;
        sc->free_bytes -= p->cap;
        return p;
    }
    size_t cap = PAGE_MIN_BYTES - sizeof(struct nh_mqtt__page);
    while (cap < len)
        cap *= 2;
    struct nh_mqtt__page *p = nh_mem_alloc(b->mem, sizeof(*p) + cap, NH_MEM_BULK);
    if (p)
        p->cap = cap;
    return p;
}

uint8_t *nh_mqtt__scratch_take(nh_mqtt_broker_t *b, size_t len)
{
    struct nh_mqtt__page *p = b->scratch.used;
    if (!p || p->cap - p->used < len) {
        p = page_new(b, len);
        if (!p)
            return NULL;
        p->used = 0;
        p->next = b->scratch.used;
        b->scratch.used = p;
        b->scratch.used_bytes += p->cap;
    }
    p->used += len;
    return p->bytes + p->used - len;
}

void nh_mqtt__scratch_trim(nh_mqtt_broker_t *b, const uint8_t *end)
{
    b->scratch.used->used = (size_t)(end - b->scratch.used->bytes);
}

static void pages_free(nh_mem_t *mem, struct nh_mqtt__page *p)
{
    while (p) {
        struct nh_mqtt__page *next = p->next;
        nh_mem_free(mem, p);
        p = next;
    }
}

void nh_mqtt__scratch_reset(nh_mqtt_broker_t *b)
{
    struct nh_mqtt__scratch *sc = &b->scratch;
    sc->used_bytes = 0;
    while (sc->used) {
        struct nh_mqtt__page *p = sc->used;
        sc->used = p->next;
        if (sc->free_bytes + p->cap > KEPT_MAX_BYTES) {
            nh_mem_free(b->mem, p);
            continue;
        }
        p->next = sc->free;
        sc->free = p;
        sc->free_bytes += p->cap;
    }
}

void nh_mqtt__scratch_deinit(nh_mqtt_broker_t *b)
{
    pages_free(b->mem, b->scratch.used);
    pages_free(b->mem, b->scratch.free);
    b->scratch = (struct nh_mqtt__scratch){0};
}

// ---- translation --------------------------------------------------------------------------------

bool nh_mqtt__labels_write(nh_mqtt_broker_t *b, const uint32_t *ids, size_t count,
                           uint8_t small[NH_MQTT__LABEL_MAX], nh_span_t *out)
{
    uint8_t *at = count > 1 ? nh_mqtt__scratch_take(b, count * NH_MQTT__LABEL_MAX) : small;
    *out = (nh_span_t){at, 0};
    if (!at)
        return false;
    for (size_t i = 0; i < count; i++) {
        uint8_t head[NH_MQTT__HEAD_MAX];
        size_t n = nh_mqtt__head_encode(head, NH_MQTT__SUBSCRIPTION_IDENTIFIER, ids[i]);
        memcpy(at + out->len, head, n);
        out->len += n;
    }
    return true;
}

size_t nh_mqtt__packet_max(const struct nh_mqtt__publish_head *k, nh_span_t labels)
{
    return NH_MQTT__HEAD_MAX + 2 + k->topic.len + 4 + labels.len + k->props.bytes.len +
           k->payload.len;
}

static uint8_t *put(uint8_t *at, nh_span_t part)
{
    if (part.len)
        memcpy(at, part.ptr, part.len);
    return at + part.len;
}

uint8_t *nh_mqtt__packet_write(uint8_t *out, const struct nh_mqtt__publish_head *k, uint8_t version,
                               nh_span_t labels)
{
    uint8_t count[NH_MQTT__HEAD_MAX];
    size_t props = labels.len + k->props.bytes.len, count_len = 0;
    if (version == 5) // the length of the properties is written as that of a body
        count_len = nh_mqtt__head_encode(count, 0, (uint32_t)props) - 1;
    size_t body = 2 + k->topic.len + k->payload.len + (version == 5 ? count_len + props : 0);
    out += nh_mqtt__head_encode(out, NH_MQTT__PUBLISH << 4, (uint32_t)body);
    nh_put_be16(out, (uint16_t)k->topic.len);
    out = put(out + 2, k->topic);
    if (version == 5) {
        out = put(out, (nh_span_t){count + 1, count_len});
        out = put(put(out, labels), k->props.bytes);
    }
    return put(out, k->payload);
}

// A walk over the packets of a run.
struct walk {
    const uint8_t *at, *end;
    uint8_t version;
    struct nh_mqtt__publish_head k;
    uint32_t len; // of the packet at hand
};

static struct walk walk_over(const struct nh_mqtt__run *r, uint8_t form)
{
    uint8_t version = form == NH_MQTT__FORM_V4 ? 4 : 5;
    return (struct walk){.at = r->ptr, .end = r->ptr + r->len, .version = version};
}

// The next packet; all of them were checked when they came.
static const uint8_t *walk_next(struct walk *w)
{
    struct nh_mqtt__head head;
    const uint8_t *packet = w->at;
    if (packet == w->end)
        return NULL;
    size_t left = (size_t)(w->end - packet);
    int n = nh_mqtt__head_decode(packet, left, NH_MQTT__FROM_SERVER, &head);
    nh_span_t body = {packet + n, head.body_len};
    int rc = nh_mqtt__publish_decode(w->version, NH_MQTT__FROM_SERVER, head.flags, body, &w->k);
    NH_ASSERT(n > 0 && rc == NH_OK);
    w->len = (uint32_t)n + head.body_len;
    w->at += w->len;
    return packet;
}

static struct nh_mqtt__run original(const nh_mqtt_broker_t *b)
{
    return (struct nh_mqtt__run){b->run.ptr, b->run.len};
}

static bool translate(nh_mqtt_broker_t *b, uint8_t version, nh_span_t labels,
                      struct nh_mqtt__run *out)
{
    struct nh_mqtt__run from = original(b);
    size_t max = from.len + b->run.count * (labels.len + NH_MQTT__HEAD_MAX + 4);
    uint64_t limit = TURN_MIN_BYTES + (uint64_t)TURN_QUEUES * b->cfg.queue_max_bytes;
    bool is_over = b->scratch.used_bytes > limit;
    uint8_t *at = is_over ? NULL : nh_mqtt__scratch_take(b, max);
    *out = (struct nh_mqtt__run){at, 0};
    if (!at)
        return false;
    struct walk w = walk_over(&from, b->run.form);
    while (walk_next(&w))
        at = nh_mqtt__packet_write(at, &w.k, version, labels);
    out->len = (uint32_t)(at - out->ptr);
    nh_mqtt__scratch_trim(b, at);
    return true;
}

// ---- to one subscriber --------------------------------------------------------------------------

// How a subscriber takes the run.
struct taker {
    struct nh_mqtt__session *session;
    const uint32_t *ids;
    size_t id_count;
};

static bool same_labels(const nh_mqtt_broker_t *b, const struct taker *t)
{
    return b->run.labelled.ptr && b->run.label_count == t->id_count &&
           memcmp(b->run.label_ids, t->ids, t->id_count * sizeof(*t->ids)) == 0;
}

static bool labelled(nh_mqtt_broker_t *b, const struct taker *t, struct nh_mqtt__run *out)
{
    uint8_t small[NH_MQTT__LABEL_MAX];
    nh_span_t labels;
    if (!same_labels(b, t)) {
        b->run.labelled.ptr = NULL;
        if (!nh_mqtt__labels_write(b, t->ids, t->id_count, small, &labels) ||
            !translate(b, 5, labels, &b->run.labelled))
            return false;
        b->run.label_ids = t->ids; // they stay as long as the match does
        b->run.label_count = t->id_count;
    }
    *out = b->run.labelled;
    return true;
}

// The run as a connection of that version takes it. False: no memory.
static bool run_for(nh_mqtt_broker_t *b, const struct taker *t, uint8_t version,
                    struct nh_mqtt__run *out)
{
    if (version == 5 && t->id_count)
        return labelled(b, t, out);
    bool is_same = (version == 5) == (b->run.form != NH_MQTT__FORM_V4);
    if (!is_same && !b->run.other.ptr && !translate(b, version, (nh_span_t){0}, &b->run.other))
        return false;
    *out = is_same ? original(b) : b->run.other;
    return true;
}

static void slice(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, struct nh_mqtt__run r,
                  uint32_t count, uint64_t payload_bytes)
{
    if (nh_mqtt__wire_slice(&b->blocks, &s->conn->wire, r.ptr, r.len, count) < 0)
        nh_mqtt__drop(b, s, &b->info.dropped_no_memory, count);
    else
        nh_mqtt__count_out(b, s->conn, 0, count, payload_bytes);
}

// With an alias while the client reads fast enough. What is sent so cannot be dropped any more: the
// alias in it may be used by a later packet.
static bool give_aliased(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                         const struct nh_mqtt__publish_head *k)
{
    const struct nh_mqtt__wire *w = &s->conn->wire;
    if (!s->conn->extra->out.max || w->inline_bytes + w->stored_bytes + w->bytes > ALIAS_MAX_BYTES)
        return false;
    struct nh_mqtt__publish p = {
        .topic = k->topic, .payload = k->payload, .props = k->props.bytes, .version = 5};
    bool was_sent = nh_mqtt__put_aliased(b, s->conn, &p);
    nh_mqtt__publish_release(b, &p);
    return was_sent;
}

// One by one, to a client that has a limit of its own or takes aliases.
static void give_own(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, const struct nh_mqtt__run *r)
{
    struct walk w = walk_over(r, NH_MQTT__FORM_V5);
    uint32_t max = s->conn->extra->packet_max;
    for (const uint8_t *packet = walk_next(&w); packet; packet = walk_next(&w)) {
        if (max && w.len > max) // [MQTT5-3.1.2-24], [MQTT5-3.1.2-25]
            nh_mqtt__drop(b, s, &b->info.dropped_too_large, 1);
        else if (!give_aliased(b, s, &w.k))
            slice(b, s, (struct nh_mqtt__run){packet, w.len}, 1, w.k.payload.len);
    }
}

static void give_run(nh_mqtt_broker_t *b, const struct taker *t)
{
    struct nh_mqtt__session *s = t->session;
    struct nh_mqtt__run r;
    if (!s->is_online)
        return; // QoS 0 is not kept for who is away
    if (!run_for(b, t, s->conn->version, &r))
        nh_mqtt__drop(b, s, &b->info.dropped_no_memory, b->run.count);
    else if (s->conn->form == NH_MQTT__FORM_OWN)
        give_own(b, s, &r);
    else
        slice(b, s, r, b->run.count, b->run.payload_bytes);
    if (b->cfg.pushback_qos0)
        nh_mqtt__push_back(b, s, b->run.from);
}

// Messages of its own, to a client that said no-local for some of its subscriptions.
static void give_to_self(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    const struct nh_mqtt__match *m = b->run.match;
    struct nh_mqtt__match *own = nh_mqtt__match_own(b, (nh_span_t){m->topic, m->topic_len}, s);
    if (!own)
        nh_mqtt__drop(b, s, &b->info.dropped_no_memory, b->run.count);
    else if (own->count) {
        const struct nh_mqtt__target *t = own->targets;
        give_run(b, &(struct taker){s, nh_mqtt__target_ids(own, t), t->id_count});
        b->run.labelled.ptr = NULL; // its ids go with the match
    }
    nh_mqtt__match_free(b, own);
}

// Each packet to the member whose turn it is.
static void give_shared(nh_mqtt_broker_t *b, struct nh_mqtt__session *front)
{
    struct nh_mqtt__run r = original(b);
    struct walk w = walk_over(&r, b->run.form);
    for (const uint8_t *packet = walk_next(&w); packet; packet = walk_next(&w)) {
        const struct nh_mqtt__sub *sub = nh_mqtt__share_next(b, front, w.k.topic, 0);
        if (!sub)
            return;
        struct nh_mqtt__session *s = sub->session;
        if (s->conn->form == b->run.form && !sub->id) {
            slice(b, s, (struct nh_mqtt__run){packet, w.len}, 1, w.k.payload.len);
            continue;
        }
        struct nh_mqtt__publish p = {.topic = w.k.topic,
                                     .payload = w.k.payload,
                                     .props = w.k.props.bytes,
                                     .version = w.version};
        const struct nh_mqtt__how how = {.id_count = sub->id != 0, .ids = &sub->id};
        NH_IGNORE(nh_mqtt__deliver(b, s, &p, &how)); // counted for that client
        nh_mqtt__publish_release(b, &p);
    }
}

static void give_special(nh_mqtt_broker_t *b, const struct nh_mqtt__target *t)
{
    struct nh_mqtt__session *s = t->session;
    if (s->flags & NH_MQTT__SESSION_SHARED)
        give_shared(b, s);
    else if (s->flags & NH_MQTT__SESSION_LOCAL)
        return; // see run_give_local()
    else if ((t->flags & NH_MQTT__TARGET_NO_LOCAL) && s->is_online && s->conn == b->run.from)
        give_to_self(b, s); // [MQTT5-3.8.3-3]
    else
        give_run(b, &(struct taker){s, nh_mqtt__target_ids(b->run.match, t), t->id_count});
}

void nh_mqtt__deliver_run(nh_mqtt_broker_t *b, const struct nh_mqtt__target *t)
{
    struct nh_mqtt__session *s = t->session;
    if ((t->flags & (uint8_t)~NH_MQTT__TARGET_AS_PUBLISHED) ||
        (s->is_online && s->conn->form != b->run.form)) {
        give_special(b, t);
        return;
    }
    if (!s->is_online)
        return; // QoS 0 is not kept for who is away
    struct nh_mqtt__wire *w = &s->conn->wire;
    if (nh_mqtt__wire_slice(&b->blocks, w, b->run.ptr, b->run.len, b->run.count) < 0)
        nh_mqtt__drop(b, s, &b->info.dropped_no_memory, b->run.count);
    else
        nh_mqtt__count_out(b, s->conn, 0, b->run.count, b->run.payload_bytes);
    if (b->cfg.pushback_qos0)
        nh_mqtt__push_back(b, s, b->run.from);
}
