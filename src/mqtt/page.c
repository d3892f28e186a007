// Queues longer than what is held in memory: the rest is in the store alone and is read in order
// when its turn comes. Also the stored message by its number, and the slow end of long queues.

#include "core/base/bytes.h"
#include "mqtt/keep.h"

#define PAGE_MESSAGES_MAX 64u // read in one go
#define PURGE_MAX 256u        // places removed with one commit
#define KEY_BYTES NH_MQTT_KEY_MAX_BYTES

static const nh_span_t none;

void nh_mqtt__damaged(nh_mqtt_broker_t *b, const char *what)
{
    b->info.store_damaged++;
    nh_mqtt__event(b, NH_MQTT_STORE_DAMAGED, NULL, NULL, what, 0);
}

// ---- one message --------------------------------------------------------------------------------

struct fetch {
    nh_mqtt_broker_t *b;
    uint64_t no;
    struct nh_mqtt__msg *msg;
    int rc;
};

static bool fetch_visit(void *ctx, nh_span_t key, nh_span_t value)
{
    struct fetch *f = ctx;
    struct nh_mqtt__message_record r;
    (void)key;
    f->rc = value.ptr ? nh_mqtt__message_decode(value, &r) : NH_ERR_CORRUPT;
    if (f->rc < 0)
        return false;
    struct nh_mqtt__content k = {.topic = r.topic,
                                 .props = r.props,
                                 .payload = r.payload,
                                 .expires_ms = nh_mqtt__from_unix(f->b, r.expiry_unix_ms),
                                 .version = r.is_v5 ? 5 : 4,
                                 .qos = r.qos};
    k.expiry_s = nh_mqtt__left_s(k.expires_ms, f->b->now_ms);
    f->msg = nh_mqtt__msg_create(f->b->mem, &k);
    if (f->msg)
        f->msg->no = f->no;
    f->rc = f->msg ? NH_OK : NH_ERR_NOMEM;
    return false;
}

struct nh_mqtt__msg *nh_mqtt__page_message(nh_mqtt_broker_t *b, uint64_t no, int *rc)
{
    struct nh_mqtt__key key = nh_mqtt__key_u64(NH_MQTT__REC_MESSAGE, no);
    struct fetch f = {b, no, NULL, NH_ERR_NOT_FOUND};
    int err =
        b->cfg.persist.read(b->cfg.persist.ctx, nh_mqtt__key_span(&key), none, fetch_visit, &f);
    *rc = err < 0 ? err : f.rc;
    return f.msg;
}

// ---- in and out ---------------------------------------------------------------------------------

bool nh_mqtt__page_is_full(const nh_mqtt_broker_t *b, const struct nh_mqtt__session *s,
                           uint32_t len)
{
    const struct nh_mqtt__flow *f = s->flow;
    if (!f->kept)
        return false;
    if (f->kept->page_seq < f->kept->next_seq)
        return true; // it comes behind those that are there
    uint64_t bytes = f->bytes + (uint64_t)len + (f->waiting_count + 1) * sizeof(*f->waiting);
    return f->waiting_count && bytes > b->cfg.queue_memory_max_bytes;
}

struct paging {
    nh_mqtt_broker_t *b;
    struct nh_mqtt__session *s;
    uint32_t count;
    bool goes_on;
};

static uint32_t room_of(const nh_mqtt_broker_t *b, const struct nh_mqtt__flow *f)
{
    uint32_t max = b->cfg.queue_memory_max_bytes / 2;
    return f->bytes < max ? max - f->bytes : 0;
}

// Takes one place of the queue into memory. False: no memory now.
static bool take(struct paging *p, uint64_t seq, const struct nh_mqtt__queue_record *r)
{
    struct nh_mqtt__flow *f = p->s->flow;
    struct nh_mqtt__kept *k = f->kept;
    int rc = NH_OK;
    struct nh_mqtt__waiting w = {.qos = r->qos, .retain = r->retain, .seq = (uint32_t)seq};
    w.label = r->ids.len ? nh_get_le32(r->ids.ptr) : 0;
    uint64_t places = seq - k->page_seq;
    if (k->dup_count > places)
        w.flags |= NH_MQTT__WAITING_DUP;
    if (r->released)
        w.flags |= NH_MQTT__WAITING_RELEASED;
    else
        w.msg = nh_mqtt__page_message(p->b, r->message, &rc);
    if (rc == NH_OK)
        rc = nh_mqtt__waiting_push(f, p->b->mem, w);
    nh_mqtt__msg_unref(p->b->mem, w.msg);
    if (rc == NH_ERR_NOMEM || rc == NH_ERR_IO)
        return false;
    if (rc < 0)
        nh_mqtt__damaged(p->b, "a message of a queue");
    uint32_t len = r->released ? 0 : r->len;
    k->page_bytes -= len < k->page_bytes ? len : k->page_bytes;
    k->dup_count -= places + 1 < k->dup_count ? (uint32_t)places + 1 : k->dup_count;
    k->page_seq = seq + 1;
    if (k->page_seq == k->next_seq)
        k->page_bytes = 0;
    p->count++;
    return true;
}

static bool page_visit(void *ctx, nh_span_t key, nh_span_t value)
{
    struct paging *p = ctx;
    struct nh_mqtt__queue_record r;
    uint32_t no;
    uint64_t seq;
    if (p->count >= PAGE_MESSAGES_MAX || (p->count && room_of(p->b, p->s->flow) == 0))
        return false;
    int rc = nh_mqtt__key_decode(key, NH_MQTT__REC_QUEUE, &no, &seq);
    if (rc == NH_OK)
        rc = value.ptr ? nh_mqtt__queue_decode(value, &r) : NH_ERR_CORRUPT;
    if (rc < 0) {
        nh_mqtt__damaged(p->b, "a place of a queue");
        return true;
    }
    p->goes_on = take(p, seq, &r);
    return p->goes_on;
}

bool nh_mqtt__page_in(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    struct nh_mqtt__kept *k = nh_mqtt__kept(s);
    if (!k || k->page_seq >= k->next_seq || !b->journal)
        return false;
    struct nh_mqtt__key prefix = nh_mqtt__key_u32(NH_MQTT__REC_QUEUE, k->no);
    struct nh_mqtt__key from = nh_mqtt__key_u32_u64(NH_MQTT__REC_QUEUE, k->no, k->page_seq);
    struct paging p = {b, s, 0, true};
    int rc = b->cfg.persist.read(b->cfg.persist.ctx, nh_mqtt__key_span(&prefix),
                                 nh_mqtt__key_span(&from), page_visit, &p);
    if (p.count)
        return true;
    if (rc < 0 || !p.goes_on) {
        b->replay_ms = nh_ms_after(b->now_ms, 1000); // the store or the memory may recover
        return false;
    }
    if (k->put_batch <= b->journal->committed) { // all was written, and there is nothing
        k->page_seq = k->next_seq;
        k->page_bytes = 0;
        nh_mqtt__damaged(b, "the rest of a queue");
        return false;
    }
    k->wants_page = true;
    b->journal->is_paging = true;
    return false;
}

void nh_mqtt__page_tick(nh_mqtt_broker_t *b)
{
    if (!b->journal->is_paging)
        return;
    b->journal->is_paging = false;
    for (uint32_t i = 0; i < b->session_buckets; i++) {
        for (struct nh_mqtt__session *s = b->sessions[i]; s; s = s->hash_next) {
            struct nh_mqtt__kept *k = nh_mqtt__kept(s);
            if (!k || !k->wants_page)
                continue;
            k->wants_page = false;
            if (s->is_online)
                nh_mqtt__pump(b, s);
        }
    }
}

// ---- the end of long queues ---------------------------------------------------------------------

struct purge {
    nh_mqtt_broker_t *b;
    uint32_t no, count;
    bool is_over; // nothing of this queue is left
};

static bool purge_find(void *ctx, nh_span_t key, nh_span_t value)
{
    struct purge *p = ctx;
    uint64_t unused;
    (void)value;
    p->no = 0;
    if (nh_mqtt__key_decode(key, NH_MQTT__REC_GONE, &p->no, &unused) < 0)
        return true;
    return false;
}

// A subscription, or a packet id.
static bool purge_small(void *ctx, nh_span_t key, nh_span_t value)
{
    struct purge *p = ctx;
    uint64_t n;
    uint32_t no;
    enum nh_mqtt__record_type type = (enum nh_mqtt__record_type)key.ptr[0];
    (void)value;
    if (p->count == PURGE_MAX) {
        p->is_over = false;
        return false;
    }
    p->count++;
    if (nh_mqtt__key_decode(key, type, &no, &n) == NH_OK)
        nh_mqtt__journal_delete(p->b, nh_mqtt__key_u32_u16(type, no, (uint16_t)n));
    return true;
}

static bool purge_place(void *ctx, nh_span_t key, nh_span_t value)
{
    struct purge *p = ctx;
    struct nh_mqtt__queue_record r;
    uint32_t no;
    uint64_t seq;
    if (p->count == PURGE_MAX) {
        p->is_over = false;
        return false;
    }
    p->count++;
    if (nh_mqtt__key_decode(key, NH_MQTT__REC_QUEUE, &no, &seq) < 0)
        return true;
    nh_mqtt__journal_delete(p->b, nh_mqtt__key_u32_u64(NH_MQTT__REC_QUEUE, no, seq));
    if (value.ptr && nh_mqtt__queue_decode(value, &r) == NH_OK && !r.released)
        nh_mqtt__journal_count(p->b, r.message, -1);
    return true;
}

// A step with each commit, and only when the one before is on disk: what is read is then what is
// there.
void nh_mqtt__purge(nh_mqtt_broker_t *b)
{
    struct nh_mqtt__journal *j = b->journal;
    struct purge p = {b, 0, 0, true};
    if (!j->purge_batch || j->purge_batch > j->committed)
        return;
    if (nh_mqtt__journal_reserve(b, 2 * PURGE_MAX + 1, (2 * PURGE_MAX + 1) * KEY_BYTES) < 0)
        return; // with the next commit
    struct nh_mqtt__key gone = nh_mqtt__key_type(NH_MQTT__REC_GONE);
    const struct nh_mqtt_persist *store = &b->cfg.persist;
    if (store->read(store->ctx, nh_mqtt__key_span(&gone), none, purge_find, &p) < 0)
        return;
    if (!p.no) {
        j->purge_batch = 0;
        return;
    }
    j->purge_batch = nh_mqtt__journal_no(b); // also if the read breaks off
    static const struct {
        enum nh_mqtt__record_type type;
        nh_mqtt_record_fn visit;
    } parts[] = {{NH_MQTT__REC_SUB, purge_small},
                 {NH_MQTT__REC_RECEIVED, purge_small},
                 {NH_MQTT__REC_QUEUE, purge_place}};
    for (size_t i = 0; i < NH_ARRAY_LEN(parts) && p.is_over; i++) {
        struct nh_mqtt__key prefix = nh_mqtt__key_u32(parts[i].type, p.no);
        if (store->read(store->ctx, nh_mqtt__key_span(&prefix), none, parts[i].visit, &p) < 0)
            return;
    }
    if (p.is_over)
        nh_mqtt__journal_delete(b, nh_mqtt__key_u32(NH_MQTT__REC_GONE, p.no));
}
