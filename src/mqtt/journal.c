#include "mqtt/journal.h"

#include "mqtt/keep.h"

#define KEEP_BYTES (64u * 1024u) // of a batch's buffer, kept for the next one
#define BACKOFF_MIN_MS 100u
#define BACKOFF_MAX_MS 5000u

static struct nh_mqtt_batch *filling(struct nh_mqtt__journal *j)
{
    return &j->batch[j->filling];
}

static struct nh_mqtt_batch *other(struct nh_mqtt__journal *j)
{
    return &j->batch[!j->filling];
}

int nh_mqtt__journal_create(nh_mqtt_broker_t *b)
{
    if (!b->cfg.persist.commit)
        return NH_OK;
    b->journal = nh_mem_alloc_zero(b->mem, sizeof(*b->journal), NH_MEM_BULK);
    if (!b->journal)
        return NH_ERR_NOMEM;
    b->journal->batch[0].no = 1;
    return NH_OK;
}

void nh_mqtt__journal_destroy(nh_mqtt_broker_t *b)
{
    struct nh_mqtt__journal *j = b->journal;
    if (!j)
        return;
    nh_mqtt__batch_clear(&j->batch[0], b->mem, 0);
    nh_mqtt__batch_clear(&j->batch[1], b->mem, 0);
    nh_mem_free(b->mem, j);
    b->journal = NULL;
}

// ---- changes ------------------------------------------------------------------------------------

uint32_t nh_mqtt__journal_no(const nh_mqtt_broker_t *b)
{
    return b->journal ? filling(b->journal)->no : 0;
}

uint64_t nh_mqtt__journal_weight(const nh_mqtt_broker_t *b)
{
    return b->journal ? filling(b->journal)->weight : 0;
}

int nh_mqtt__journal_reserve(nh_mqtt_broker_t *b, uint32_t ops, uint32_t bytes)
{
    if (!b->journal || b->is_ending)
        return NH_OK;
    return nh_mqtt__batch_reserve(filling(b->journal), b->mem, ops, bytes);
}

void nh_mqtt__journal_put(nh_mqtt_broker_t *b, struct nh_mqtt__key key, const void *head,
                          size_t head_len, nh_span_t tail, struct nh_mqtt__msg *msg, bool is_new)
{
    if (b->is_ending)
        return;
    b->journal->serial++;
    nh_mqtt__batch_put(filling(b->journal), b->mem, &key, (nh_span_t){head, head_len}, tail, msg,
                       is_new);
}

void nh_mqtt__journal_delete(nh_mqtt_broker_t *b, struct nh_mqtt__key key)
{
    if (b->is_ending)
        return;
    b->journal->serial++;
    nh_mqtt__batch_delete(filling(b->journal), b->mem, &key);
}

void nh_mqtt__journal_count(nh_mqtt_broker_t *b, uint64_t message, int32_t count)
{
    struct nh_mqtt__key key = nh_mqtt__key_u64(NH_MQTT__REC_MESSAGE, message);
    if (b->is_ending)
        return;
    b->journal->serial++;
    nh_mqtt__batch_count(filling(b->journal), b->mem, &key, count);
}

// ---- gates --------------------------------------------------------------------------------------

static void remember(nh_mqtt_broker_t *b, struct nh_mqtt_batch *batch, nh_mqtt_conn_t *c)
{
    if (batch->gated_count == batch->gated_cap) {
        uint32_t cap = batch->gated_cap ? batch->gated_cap * 2 : 8;
        nh_mqtt_conn_t **gated =
            nh_mem_realloc(b->mem, batch->gated, cap * sizeof(nh_mqtt_conn_t *), NH_MEM_BULK);
        if (!gated) {
            batch->gated_all = true;
            return;
        }
        batch->gated = gated;
        batch->gated_cap = cap;
    }
    batch->gated[batch->gated_count++] = c;
}

int nh_mqtt__gate(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, uint32_t batch)
{
    struct nh_mqtt__journal *j = b->journal;
    if (!j || b->cfg.durability != NH_MQTT_DURABLE || batch <= j->committed ||
        batch <= c->wire.gate)
        return NH_OK;
    int rc = nh_mqtt__wire_gate(&b->blocks, &c->wire, batch);
    if (rc == NH_OK)
        remember(b, j->is_under_way && batch <= other(j)->no ? other(j) : filling(j), c);
    return rc;
}

bool nh_mqtt__is_gated(const nh_mqtt_broker_t *b, const nh_mqtt_conn_t *c)
{
    return b->journal && c->wire.gate > b->journal->committed;
}

void nh_mqtt__gate_cut(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    if (nh_mqtt__is_gated(b, c))
        nh_mqtt__wire_cut(&b->blocks, &c->wire);
}

static void forget_in(struct nh_mqtt_batch *batch, const nh_mqtt_conn_t *c)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < batch->gated_count; i++)
        if (batch->gated[i] != c)
            batch->gated[kept++] = batch->gated[i];
    batch->gated_count = kept;
}

void nh_mqtt__gate_forget(nh_mqtt_broker_t *b, const nh_mqtt_conn_t *c)
{
    if (!nh_mqtt__is_gated(b, c))
        return;
    forget_in(&b->journal->batch[0], c);
    forget_in(&b->journal->batch[1], c);
}

static void open_one(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    nh_mqtt__wire_open(&b->blocks, &c->wire, b->journal->committed);
    nh_mqtt__dirty(b, c);
}

static void open_list(nh_mqtt_broker_t *b, const nh_list_t *list)
{
    NH_LIST_EACH(list, n)
    {
        nh_mqtt_conn_t *c = NH_CONTAINER_OF(n, nh_mqtt_conn_t, link);
        if (!c->wire.gate)
            continue;
        open_one(b, c);
        c->is_greeted = c->is_greeted || !nh_mqtt__is_gated(b, c);
    }
}

static void open_everybody(nh_mqtt_broker_t *b)
{
    for (size_t i = 0; i < NH_MQTT__WHEEL_SLOTS; i++) {
        open_list(b, &b->wheel.near[i]);
        open_list(b, &b->wheel.far[i]);
    }
    open_list(b, &b->untimed);
    open_list(b, &b->paused);
    open_list(b, &b->slowed);
    open_list(b, &b->ended);
}

static void open_gates(nh_mqtt_broker_t *b, struct nh_mqtt_batch *batch)
{
    b->journal->committed = batch->no;
    if (batch->gated_all)
        open_everybody(b);
    else
        for (uint32_t i = 0; i < batch->gated_count; i++) {
            open_one(b, batch->gated[i]);
            batch->gated[i]->is_greeted = true; // a CONNACK stands behind the first gate
        }
    batch->gated_count = 0;
    batch->gated_all = false;
}

// ---- commits ------------------------------------------------------------------------------------

static bool has_work(struct nh_mqtt__journal *j)
{
    const struct nh_mqtt_batch *f = filling(j);
    return f->live_count || f->gated_count || f->gated_all;
}

static void swap(struct nh_mqtt__journal *j)
{
    uint32_t no = filling(j)->no;
    j->filling = !j->filling;
    filling(j)->no = no + 1;
}

// All that was changed was taken back again: there is nothing to write, only to tell.
static void skip_commit(nh_mqtt_broker_t *b)
{
    struct nh_mqtt_batch *f = filling(b->journal);
    open_gates(b, f);
    uint32_t no = f->no + 1;
    nh_mqtt__batch_clear(f, b->mem, KEEP_BYTES);
    f->no = no;
}

// The batch comes back and takes what was changed meanwhile: so what was acknowledged since can
// make room for what did not fit.
static void take_back(nh_mqtt_broker_t *b)
{
    struct nh_mqtt__journal *j = b->journal;
    j->is_stuck = nh_mqtt__batch_merge(other(j), filling(j), b->mem) < 0;
    if (j->is_stuck)
        return; // tried again as it is
    j->filling = !j->filling;
    j->is_under_way = false;
}

void nh_mqtt__journal_run(nh_mqtt_broker_t *b)
{
    struct nh_mqtt__journal *j = b->journal;
    if (!j || b->now_ms < j->due_ms)
        return;
    if (j->is_stuck)
        take_back(b);
    if (!j->is_stuck && (j->is_under_way || !has_work(j)))
        return;
    if (!j->is_stuck && filling(j)->live_count == 0) {
        skip_commit(b);
        return;
    }
    if (!j->is_stuck)
        swap(j);
    j->is_stuck = false;
    j->is_under_way = true;
    j->started_ms = b->now_ms;
    b->cfg.persist.commit(b->cfg.persist.ctx, other(j));
}

uint64_t nh_mqtt__journal_deadline(const nh_mqtt_broker_t *b)
{
    struct nh_mqtt__journal *j = b->journal;
    if (!j || (!j->is_stuck && (j->is_under_way || !has_work(j))))
        return NH_NEVER;
    return j->due_ms > b->now_ms ? j->due_ms : b->now_ms;
}

static void on_failure(nh_mqtt_broker_t *b, int rc)
{
    struct nh_mqtt__journal *j = b->journal;
    b->info.store_errors++;
    b->info.store_error = rc;
    j->backoff_ms = j->backoff_ms ? j->backoff_ms * 2 : BACKOFF_MIN_MS;
    j->backoff_ms = j->backoff_ms > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : j->backoff_ms;
    j->due_ms = b->now_ms + j->backoff_ms;
    if (!j->is_failing)
        nh_mqtt__event(b, NH_MQTT_STORE_FAILED, NULL, NULL, nh_err_text(rc), 0);
    j->is_failing = true;
    take_back(b);
}

static void on_success(nh_mqtt_broker_t *b, bool is_full)
{
    struct nh_mqtt__journal *j = b->journal;
    uint64_t took_ms = b->now_ms - j->started_ms;
    b->info.store_commits++;
    b->info.store_error = 0;
    b->info.store_is_full = is_full;
    b->info.store_records += other(j)->live_count;
    b->info.store_bytes += other(j)->weight;
    if (took_ms > b->info.store_commit_max_ms)
        b->info.store_commit_max_ms = (uint32_t)took_ms;
    j->backoff_ms = 0;
    j->due_ms =
        b->cfg.durability == NH_MQTT_INTERVAL ? b->now_ms + b->cfg.durability_interval_ms : 0;
    j->is_under_way = false;
    open_gates(b, other(j));
    nh_mqtt__batch_clear(other(j), b->mem, KEEP_BYTES);
    if (is_full && !j->is_full)
        nh_mqtt__event(b, NH_MQTT_STORE_FULL, NULL, NULL, "over its limit", 0);
    if (j->is_failing || (j->is_full && !is_full))
        nh_mqtt__event(b, NH_MQTT_STORE_WORKS, NULL, NULL, "written again", 0);
    j->is_failing = false;
    j->is_full = is_full;
}

void nh_mqtt_broker_saved(nh_mqtt_broker_t *b, int rc, uint64_t now_ms)
{
    nh_mqtt__clock(b, now_ms);
    if (rc < 0)
        on_failure(b, rc);
    else
        on_success(b, rc > 0);
    nh_mqtt__hold_end(b);
    nh_mqtt__page_tick(b);
    nh_mqtt__purge(b);
    nh_mqtt__journal_run(b);
}

void nh_mqtt_broker_flush(nh_mqtt_broker_t *b, uint64_t now_ms)
{
    nh_mqtt__clock(b, now_ms);
    if (b->journal && !b->journal->is_failing)
        b->journal->due_ms = 0;
    nh_mqtt__journal_run(b);
}

bool nh_mqtt_broker_is_unsaved(const nh_mqtt_broker_t *b)
{
    return b->journal && (b->journal->is_under_way || has_work(b->journal));
}

bool nh_mqtt__journal_check(const nh_mqtt_broker_t *b)
{
    return !b->journal || (nh_mqtt__batch_check(&b->journal->batch[0]) &&
                           nh_mqtt__batch_check(&b->journal->batch[1]));
}
