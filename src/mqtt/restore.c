// The start: sessions, subscriptions, packet ids, retained messages and wills are taken up from the
// store. Queues stay there: of each, the first and the last places are looked at and no message.

#include "mqtt/keep.h"

#include <string.h>

struct restore {
    nh_mqtt_broker_t *b;
    struct nh_mqtt__session *session; // whose records are being read
    uint64_t bytes_first, count;      // of its queue
    uint32_t will_session;
    struct nh_mqtt__will_record will;
    int rc;
};

static const nh_span_t none;

static int read_all(struct restore *r, struct nh_mqtt__key prefix, nh_mqtt_record_fn visit)
{
    const struct nh_mqtt_persist *store = &r->b->cfg.persist;
    r->rc = NH_OK;
    int rc = store->read(store->ctx, nh_mqtt__key_span(&prefix), none, visit, r);
    return rc < 0 ? rc : r->rc;
}

// The outcome of a visit: true to go on.
static bool outcome(struct restore *r, int rc)
{
    r->rc = rc;
    return rc == NH_OK;
}

// ---- the format ---------------------------------------------------------------------------------

static bool meta_visit(void *ctx, nh_span_t key, nh_span_t value)
{
    struct restore *r = ctx;
    struct nh_mqtt__meta_record meta;
    (void)key;
    r->count++;
    return outcome(r, value.ptr ? nh_mqtt__meta_decode(value, &meta) : NH_ERR_CORRUPT);
}

static bool any_visit(void *ctx, nh_span_t key, nh_span_t value)
{
    struct restore *r = ctx;
    (void)key;
    (void)value;
    r->count++;
    return false;
}

// An empty store gets its first record. One without it that is not empty is none of ours.
static int restore_meta(struct restore *r)
{
    nh_mqtt_broker_t *b = r->b;
    uint8_t value[NH_MQTT__META_BYTES];
    r->count = 0;
    int rc = read_all(r, nh_mqtt__key_type(NH_MQTT__REC_META), meta_visit);
    if (rc < 0 || r->count)
        return rc;
    rc = read_all(r, (struct nh_mqtt__key){{0}, 0}, any_visit);
    if (rc < 0 || r->count)
        return rc < 0 ? rc : NH_ERR_CORRUPT;
    rc = nh_mqtt__journal_reserve(b, 1, NH_MQTT_KEY_MAX_BYTES + NH_MQTT__META_BYTES);
    if (rc < 0)
        return rc;
    int64_t unix_ms = b->cfg.unix_ms ? b->cfg.unix_ms(b->cfg.ctx) : 0;
    nh_mqtt__meta_encode(value, &(struct nh_mqtt__meta_record){unix_ms});
    nh_mqtt__journal_put(b, nh_mqtt__key_type(NH_MQTT__REC_META), value, sizeof value, none, NULL,
                         true);
    return NH_OK;
}

// ---- numbers ------------------------------------------------------------------------------------

static bool last_visit(void *ctx, nh_span_t key, nh_span_t value)
{
    struct restore *r = ctx;
    uint32_t a = 0;
    uint64_t n = 0;
    (void)value;
    if (nh_mqtt__key_decode(key, (enum nh_mqtt__record_type)key.ptr[0], &a, &n) < 0)
        return outcome(r, NH_ERR_CORRUPT);
    r->count = n ? n : a;
    return false;
}

// The largest number in the keys of a type; 0: there is none.
static int last_number(struct restore *r, enum nh_mqtt__record_type type, uint64_t *out)
{
    const struct nh_mqtt_persist *store = &r->b->cfg.persist;
    struct nh_mqtt__key prefix = nh_mqtt__key_type(type);
    r->count = 0;
    r->rc = NH_OK;
    int rc = store->last(store->ctx, nh_mqtt__key_span(&prefix), last_visit, r);
    if (r->count > *out)
        *out = r->count;
    return rc < 0 ? rc : r->rc;
}

// Numbers are never used twice while anything may still refer to them.
static int restore_numbers(struct restore *r)
{
    struct nh_mqtt__journal *j = r->b->journal;
    uint64_t session = 0, gone = 0, will = 0;
    int rc = last_number(r, NH_MQTT__REC_MESSAGE, &j->next_message);
    rc = rc < 0 ? rc : last_number(r, NH_MQTT__REC_RETAINED, &j->next_message);
    rc = rc < 0 ? rc : last_number(r, NH_MQTT__REC_SESSION, &session);
    rc = rc < 0 ? rc : last_number(r, NH_MQTT__REC_GONE, &gone);
    rc = rc < 0 ? rc : last_number(r, NH_MQTT__REC_WILL, &will);
    j->next_session = (uint32_t)(session > gone ? session : gone);
    if (will > j->next_session)
        j->next_session = (uint32_t)will;
    if (gone)
        j->purge_batch = nh_mqtt__journal_no(r->b);
    return rc;
}

// ---- sessions -----------------------------------------------------------------------------------

// Whose the session is. One whose user is gone goes at the end of the start, like any other then.
static int restore_user(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                        const struct nh_mqtt__session_record *rec)
{
    struct nh_mqtt_grant grant = {0};
    if (!rec->has_user)
        return NH_OK;
    bool is_gone = b->cfg.user_find && !b->cfg.user_find(b->cfg.ctx, rec->user, &grant);
    struct nh_mqtt__user *u = nh_mqtt__user_get(b, rec->user, &grant);
    if (!u)
        return NH_ERR_NOMEM;
    u->is_gone = is_gone;
    nh_mqtt__session_owner_set(b, s, u);
    return NH_OK;
}

// When a session ends that was away, or was connected, when the process ended.
static void restore_expiry(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                           const struct nh_mqtt__session_record *rec)
{
    s->expiry_s = rec->expiry_s;
    s->left_s = NH_MQTT__LEFT_UNKNOWN;
    uint64_t away_ms = rec->away_unix_ms ? nh_mqtt__from_unix(b, rec->away_unix_ms) : 0;
    if (rec->expiry_s == NH_MQTT__NEVER_S)
        return;
    if (away_ms || !b->cfg.unix_ms) {
        int64_t gone_ms = b->cfg.unix_ms ? b->cfg.unix_ms(b->cfg.ctx) - rec->away_unix_ms : 0;
        uint64_t gone_s = gone_ms > 0 ? (uint64_t)gone_ms / 1000 : 0;
        s->expiry_s = gone_s < rec->expiry_s ? rec->expiry_s - (uint32_t)gone_s : 0;
        if (away_ms && gone_s <= INT32_MAX)
            s->left_s = -(int32_t)gone_s;
    }
    nh_mqtt__expire_session(b, s);
}

// Numbers only go up: the one that is there is older. Its end could not be recorded for want of
// memory.
static int supersede(nh_mqtt_broker_t *b, struct nh_mqtt__session *old)
{
    if (!old)
        return NH_OK;
    int rc = nh_mqtt__keep_superseded(b, old);
    if (rc == NH_OK)
        nh_mqtt__session_destroy(b, old);
    return rc;
}

static int session_make(nh_mqtt_broker_t *b, uint32_t no, const struct nh_mqtt__session_record *rec)
{
    if (rec->id.len > NH_MQTT__CLIENT_ID_MAX || rec->user.len > NH_MQTT__USER_MAX)
        return NH_ERR_CORRUPT;
    if (supersede(b, nh_mqtt__session_find(b, rec->id)) < 0)
        return NH_ERR_NOMEM;
    struct nh_mqtt__session *s = nh_mqtt__session_create(b, rec->id);
    if (!s)
        return NH_ERR_NOMEM;
    nh_list_push_back(&b->idle, &s->idle);
    b->idle_count++;
    struct nh_mqtt__flow *f = nh_mqtt__session_flow(b, s);
    struct nh_mqtt__kept *k = f ? nh_mem_alloc(b->mem, sizeof(*k), NH_MEM_BULK) : NULL;
    if (!k)
        return NH_ERR_NOMEM;
    *k = (struct nh_mqtt__kept){.head_seq = 1,
                                .page_seq = 1,
                                .next_seq = 1,
                                .no = no,
                                .expiry_s = rec->expiry_s,
                                .is_away = rec->away_unix_ms != 0};
    f->kept = k;
    restore_expiry(b, s, rec);
    int rc = restore_user(b, s, rec);
    if (rc == NH_OK && !rec->away_unix_ms && b->cfg.unix_ms)
        nh_mqtt__keep_left(b, s, rec->protocol);
    return rc;
}

static bool session_visit(void *ctx, nh_span_t key, nh_span_t value)
{
    struct restore *r = ctx;
    struct nh_mqtt__session_record rec;
    uint32_t no;
    uint64_t unused;
    int rc = nh_mqtt__key_decode(key, NH_MQTT__REC_SESSION, &no, &unused);
    if (rc == NH_OK)
        rc = value.ptr ? nh_mqtt__session_decode(value, &rec) : NH_ERR_CORRUPT;
    return outcome(r, rc < 0 ? rc : session_make(r->b, no, &rec));
}

static bool sub_visit(void *ctx, nh_span_t key, nh_span_t value)
{
    struct restore *r = ctx;
    struct nh_mqtt__sub_record rec;
    const struct nh_mqtt__topic_limits any = {65535, NH_MQTT__LEVEL_MAX};
    uint32_t no;
    uint64_t sub_no;
    int rc = nh_mqtt__key_decode(key, NH_MQTT__REC_SUB, &no, &sub_no);
    if (rc == NH_OK)
        rc = value.ptr ? nh_mqtt__sub_decode(value, &rec) : NH_ERR_CORRUPT;
    if (rc == NH_OK && nh_mqtt__filter_check(rec.filter, &any) < 0)
        rc = NH_ERR_CORRUPT;
    if (rc == NH_OK)
        rc = nh_mqtt__session_restore_sub(r->b, r->session, &rec, (uint16_t)sub_no);
    return outcome(r, rc);
}

static bool id_visit(void *ctx, nh_span_t key, nh_span_t value)
{
    struct restore *r = ctx;
    uint32_t no;
    uint64_t id;
    int rc = nh_mqtt__key_decode(key, NH_MQTT__REC_RECEIVED, &no, &id);
    if (rc == NH_OK)
        rc = value.ptr ? nh_mqtt__bare_decode(value) : NH_ERR_CORRUPT;
    if (rc == NH_OK && id == 0)
        rc = NH_ERR_CORRUPT;
    if (rc == NH_OK)
        rc = nh_mqtt__ids_add(r->session->flow, r->b->mem, (uint16_t)id);
    return outcome(r, rc < 0 ? rc : NH_OK);
}

// ---- queues -------------------------------------------------------------------------------------

// Looks at the places that may be in flight: the first that holds a message tells what was before
// it. Most of them, or all, are all that there are.
static bool queue_visit(void *ctx, nh_span_t key, nh_span_t value)
{
    struct restore *r = ctx;
    struct nh_mqtt__kept *k = r->session->flow->kept;
    struct nh_mqtt__queue_record rec = {0};
    uint32_t no;
    uint64_t seq;
    int rc = nh_mqtt__key_decode(key, NH_MQTT__REC_QUEUE, &no, &seq);
    if (rc == NH_OK)
        rc = value.ptr ? nh_mqtt__queue_decode(value, &rec) : NH_ERR_CORRUPT;
    if (rc == NH_OK && (seq == 0 || seq == UINT64_MAX))
        rc = NH_ERR_CORRUPT;
    if (rc < 0)
        return outcome(r, rc);
    if (r->count++ == 0)
        k->page_seq = seq;
    k->next_seq = seq + 1;
    if (rec.released)
        return r->count < r->b->cfg.inflight_max;
    if (r->bytes_first == UINT64_MAX)
        r->bytes_first = rec.sum_bytes - rec.len;
    k->sum_bytes = rec.sum_bytes;
    return r->count < r->b->cfg.inflight_max;
}

// A packet id follows from the place, so where the window stands is known without a record.
static void queue_place(struct nh_mqtt__flow *f, uint32_t inflight_max, uint64_t bytes_first)
{
    struct nh_mqtt__kept *k = f->kept;
    k->head_seq = k->page_seq;
    nh_mqtt__flow_id_set(f, k->head_seq);
    uint64_t places = k->next_seq - k->page_seq;
    k->dup_count = places < inflight_max ? (uint32_t)places : inflight_max;
    k->page_bytes = bytes_first == UINT64_MAX ? 0 : k->sum_bytes - bytes_first;
}

static int restore_queue(struct restore *r)
{
    const struct nh_mqtt_persist *store = &r->b->cfg.persist;
    struct nh_mqtt__flow *f = r->session->flow;
    struct nh_mqtt__key prefix = nh_mqtt__key_u32(NH_MQTT__REC_QUEUE, f->kept->no);
    r->count = 0;
    r->bytes_first = UINT64_MAX;
    int rc = read_all(r, prefix, queue_visit);
    if (rc < 0 || r->count == 0)
        return rc;
    uint64_t first = f->kept->page_seq;
    if (r->count >= r->b->cfg.inflight_max) { // there may be more
        r->count = 0;
        rc = store->last(store->ctx, nh_mqtt__key_span(&prefix), queue_visit, r);
        rc = rc < 0 ? rc : r->rc;
    }
    f->kept->page_seq = first;
    if (rc == NH_OK && f->kept->next_seq <= first)
        rc = NH_ERR_CORRUPT;
    if (rc == NH_OK && r->bytes_first != UINT64_MAX && f->kept->sum_bytes < r->bytes_first)
        rc = NH_ERR_CORRUPT;
    if (rc < 0)
        return rc;
    queue_place(f, r->b->cfg.inflight_max, r->bytes_first);
    return NH_OK;
}

static int restore_session(struct restore *r)
{
    uint32_t no = r->session->flow->kept->no;
    int rc = read_all(r, nh_mqtt__key_u32(NH_MQTT__REC_SUB, no), sub_visit);
    rc = rc < 0 ? rc : read_all(r, nh_mqtt__key_u32(NH_MQTT__REC_RECEIVED, no), id_visit);
    return rc < 0 ? rc : restore_queue(r);
}

static int restore_sessions(struct restore *r)
{
    int rc = read_all(r, nh_mqtt__key_type(NH_MQTT__REC_SESSION), session_visit);
    NH_LIST_EACH(&r->b->idle, n)
    {
        r->session = NH_CONTAINER_OF(n, struct nh_mqtt__session, idle);
        rc = rc < 0 ? rc : restore_session(r);
    }
    return rc;
}

// ---- retained messages and wills ----------------------------------------------------------------

static bool retained_visit(void *ctx, nh_span_t key, nh_span_t value)
{
    struct restore *r = ctx;
    nh_mqtt_broker_t *b = r->b;
    uint32_t unused;
    uint64_t no;
    int rc = nh_mqtt__key_decode(key, NH_MQTT__REC_RETAINED, &unused, &no);
    if (rc == NH_OK)
        rc = value.ptr ? nh_mqtt__bare_decode(value) : NH_ERR_CORRUPT;
    if (rc < 0)
        return outcome(r, rc);
    struct nh_mqtt__msg *m = nh_mqtt__page_message(b, no, &rc);
    if (!m)
        return outcome(r, rc == NH_ERR_NOT_FOUND ? NH_ERR_CORRUPT : rc);
    rc = nh_mqtt__retain_set(&b->retain, m);
    if (rc == NH_OK)
        nh_mqtt__expire_retained(b, m);
    nh_mqtt__msg_unref(b->mem, m);
    if (rc != NH_ERR_FULL)
        return outcome(r, rc);
    b->info.retained_refused++; // the limits are lower now
    rc = nh_mqtt__keep_retained_reserve(b);
    if (rc == NH_OK)
        nh_mqtt__keep_retained(b, NULL, no);
    return outcome(r, rc);
}

// One will at a time: its message is read within.
static bool will_visit(void *ctx, nh_span_t key, nh_span_t value)
{
    struct restore *r = ctx;
    uint64_t unused;
    int rc = nh_mqtt__key_decode(key, NH_MQTT__REC_WILL, &r->will_session, &unused);
    if (rc == NH_OK)
        rc = value.ptr ? nh_mqtt__will_decode(value, &r->will) : NH_ERR_CORRUPT;
    r->count++;
    r->rc = rc;
    return false;
}

static struct nh_mqtt__session *session_of(const nh_mqtt_broker_t *b, uint32_t no)
{
    NH_LIST_EACH(&b->idle, n)
    {
        struct nh_mqtt__session *s = NH_CONTAINER_OF(n, struct nh_mqtt__session, idle);
        if (nh_mqtt__kept(s)->no == no)
            return s;
    }
    return NULL;
}

// The end of its session was recorded and its own was not, for want of memory.
static int drop_will(const struct restore *r)
{
    nh_mqtt_broker_t *b = r->b;
    int rc = nh_mqtt__journal_reserve(b, 2, 2 * NH_MQTT_KEY_MAX_BYTES);
    if (rc < 0)
        return rc;
    nh_mqtt__journal_delete(b, nh_mqtt__key_u32(NH_MQTT__REC_WILL, r->will_session));
    nh_mqtt__journal_count(b, r->will.message, -1);
    return NH_OK;
}

// It waits for its time. Who was connected when the process died has lost its connection
// [MQTT-3.1.2-8], and the delay begins now; the standard lets a restart publish it.
static int restore_will(const struct restore *r)
{
    int rc;
    nh_mqtt_broker_t *b = r->b;
    struct nh_mqtt__session *s = session_of(b, r->will_session);
    if (!s)
        return drop_will(r);
    struct nh_mqtt__msg *m = nh_mqtt__page_message(b, r->will.message, &rc);
    struct nh_mqtt__will *w = m ? nh_mem_alloc_zero(b->mem, sizeof(*w), NH_MEM_BULK) : NULL;
    if (!w) {
        nh_mqtt__msg_unref(b->mem, m);
        return rc == NH_ERR_NOT_FOUND ? NH_ERR_CORRUPT : rc < 0 ? rc : NH_ERR_NOMEM;
    }
    nh_list_init(&w->link);
    w->msg = m;
    w->delay_s = r->will.delay_s;
    w->expires = r->will.expires;
    w->expiry_s = r->will.expiry_s;
    w->qos = r->will.qos;
    w->retain = r->will.retain;
    w->kept_no = r->will_session;
    uint64_t due_ms = nh_mqtt__from_unix(b, r->will.due_unix_ms);
    uint64_t latest_ms = nh_ms_after(b->now_ms, w->delay_s * 1000ull);
    if (due_ms > latest_ms) // the clock was set back
        due_ms = latest_ms;
    if (due_ms)
        nh_mqtt__will_wait_until(b, w, s, due_ms);
    else
        nh_mqtt__will_wait(b, w, s);
    return NH_OK;
}

static int restore_wills(struct restore *r)
{
    const struct nh_mqtt_persist *store = &r->b->cfg.persist;
    struct nh_mqtt__key prefix = nh_mqtt__key_type(NH_MQTT__REC_WILL), from = prefix;
    for (;;) {
        r->count = 0;
        r->rc = NH_OK;
        int rc = store->read(store->ctx, nh_mqtt__key_span(&prefix), nh_mqtt__key_span(&from),
                             will_visit, r);
        rc = rc < 0 ? rc : r->rc;
        if (rc < 0 || r->count == 0)
            return rc;
        rc = restore_will(r);
        if (rc < 0 || r->will_session == UINT32_MAX)
            return rc;
        from = nh_mqtt__key_u32(NH_MQTT__REC_WILL, r->will_session + 1);
    }
}

int nh_mqtt_broker_load(nh_mqtt_broker_t *b, uint64_t now_ms)
{
    struct restore r = {.b = b};
    nh_mqtt__clock(b, now_ms);
    if (!b->journal)
        return NH_OK;
    int rc = restore_meta(&r);
    rc = rc < 0 ? rc : restore_numbers(&r);
    rc = rc < 0 ? rc : restore_sessions(&r);
    rc = rc < 0 ? rc : read_all(&r, nh_mqtt__key_type(NH_MQTT__REC_RETAINED), retained_visit);
    rc = rc < 0 ? rc : restore_wills(&r);
    if (rc == NH_OK)
        nh_mqtt_broker_access_changed(b, now_ms); // users may have gone meanwhile
    return rc;
}
