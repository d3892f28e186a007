#include "mqtt/batch.h"

#include "core/base/hash.h"

#include <string.h>

#define BYTES_MIN 1024u
#define BYTES_MAX 0x40000000u
#define INDEX_MIN 32u

static const nh_span_t none;

struct entry {
    struct nh_mqtt__msg *msg; // the body; NULL: none
    uint32_t hash;
    int32_t count;
    uint32_t head_len;
    uint8_t kind, key_len;
    bool is_new, is_dead;
    uint8_t bytes[]; // key, head
};

static struct entry *entry_at(const struct nh_mqtt_batch *b, uint32_t at)
{
    return (struct entry *)(void *)(b->bytes + at);
}

static uint32_t padded(uint32_t n)
{
    return (n + 7u) & ~7u;
}

static uint32_t entry_bytes(const struct entry *e)
{
    return padded((uint32_t)offsetof(struct entry, bytes) + e->key_len + e->head_len);
}

static uint64_t weight_of(const struct entry *e)
{
    return entry_bytes(e) + (e->msg ? e->msg->len : 0);
}

// A message as it lies. Bits of it may change meanwhile, and the time that is left of it, which is
// its first property: nothing here looks at them.
static void put_body(const struct nh_mqtt__msg *m, struct nh_mqtt_op *out)
{
    uint32_t props_len = nh_mqtt__message_props_len(out->value[0]);
    out->value[1] = nh_mqtt__msg_topic(m);
    out->value[2] = (nh_span_t){m->bytes + m->payload_at - props_len, props_len};
    out->value[3] = nh_mqtt__msg_payload(m);
}

bool nh_mqtt_batch_next(const nh_mqtt_batch_t *batch, size_t *at, struct nh_mqtt_op *out)
{
    while (*at < batch->used) {
        const struct entry *e = entry_at(batch, (uint32_t)*at);
        *at += entry_bytes(e);
        if (e->is_dead)
            continue;
        *out = (struct nh_mqtt_op){.kind = (enum nh_mqtt_op_kind)e->kind,
                                   .count = e->count,
                                   .key = {e->bytes, e->key_len},
                                   .value = {{e->bytes + e->key_len, e->head_len}}};
        if (e->msg)
            put_body(e->msg, out);
        return true;
    }
    return false;
}

void nh_mqtt__batch_init(struct nh_mqtt_batch *b)
{
    *b = (struct nh_mqtt_batch){0};
}

void nh_mqtt__batch_clear(struct nh_mqtt_batch *b, nh_mem_t *mem, uint32_t keep_bytes)
{
    for (uint32_t at = 0; at < b->used; at += entry_bytes(entry_at(b, at)))
        nh_mqtt__msg_unref(mem, entry_at(b, at)->msg);
    if (b->cap > keep_bytes || keep_bytes == 0) {
        nh_mem_free(mem, b->bytes);
        nh_mem_free(mem, b->index);
        nh_mem_free(mem, b->gated);
        nh_mqtt__batch_init(b);
        return;
    }
    if (b->index)
        memset(b->index, 0, b->index_cap * sizeof(*b->index));
    b->used = b->dead_bytes = b->entry_count = b->live_count = b->gated_count = 0;
    b->weight = 0;
    b->gated_all = false;
}

// ---- the index ----------------------------------------------------------------------------------

// Where the key is, or the free place where it would be.
static uint32_t *slot_of(const struct nh_mqtt_batch *b, uint32_t hash, nh_span_t key)
{
    uint32_t mask = b->index_cap - 1, i = hash & mask;
    for (; b->index[i]; i = (i + 1) & mask) {
        const struct entry *e = entry_at(b, b->index[i] - 1);
        if (e->hash == hash && e->key_len == key.len && memcmp(e->bytes, key.ptr, key.len) == 0)
            break;
    }
    return &b->index[i];
}

// The live entry of that key, or NULL.
static struct entry *find(const struct nh_mqtt_batch *b, uint32_t hash, nh_span_t key)
{
    uint32_t at = *slot_of(b, hash, key);
    return at && !entry_at(b, at - 1)->is_dead ? entry_at(b, at - 1) : NULL;
}

static void index_all(struct nh_mqtt_batch *b)
{
    memset(b->index, 0, b->index_cap * sizeof(*b->index));
    b->entry_count = 0;
    for (uint32_t at = 0; at < b->used; at += entry_bytes(entry_at(b, at))) {
        const struct entry *e = entry_at(b, at);
        if (e->is_dead)
            continue;
        *slot_of(b, e->hash, (nh_span_t){e->bytes, e->key_len}) = at + 1;
        b->entry_count++;
    }
}

static int index_reserve(struct nh_mqtt_batch *b, nh_mem_t *mem, uint32_t ops)
{
    if ((b->entry_count + ops) * 2 <= b->index_cap)
        return NH_OK;
    uint32_t cap = b->index_cap ? b->index_cap : INDEX_MIN;
    while ((b->live_count + ops) * 2 > cap)
        cap *= 2;
    if (cap != b->index_cap) {
        uint32_t *index = nh_mem_alloc(mem, cap * sizeof(*index), NH_MEM_BULK);
        if (!index)
            return NH_ERR_NOMEM;
        nh_mem_free(mem, b->index);
        b->index = index;
        b->index_cap = cap;
    }
    index_all(b);
    return NH_OK;
}

// ---- room ---------------------------------------------------------------------------------------

// Closes the holes that dead entries left: while no commit succeeds, what comes and goes must not
// make the buffer grow for ever.
static void compact(struct nh_mqtt_batch *b)
{
    uint32_t to = 0;
    for (uint32_t at = 0, next; at < b->used; at = next) {
        const struct entry *e = entry_at(b, at);
        uint32_t bytes = entry_bytes(e);
        next = at + bytes;
        if (e->is_dead)
            continue;
        memmove(b->bytes + to, b->bytes + at, bytes);
        to += bytes;
    }
    b->used = to;
    b->dead_bytes = 0;
    index_all(b);
}

static int bytes_reserve(struct nh_mqtt_batch *b, nh_mem_t *mem, uint32_t need)
{
    if (need <= b->cap - b->used)
        return NH_OK;
    if (b->dead_bytes >= need && b->dead_bytes > b->used / 2) {
        compact(b);
        return NH_OK;
    }
    uint32_t cap = b->cap ? b->cap : BYTES_MIN;
    while (cap - b->used < need && cap < BYTES_MAX)
        cap *= 2;
    if (cap - b->used < need)
        return NH_ERR_NOMEM;
    uint8_t *bytes = nh_mem_realloc(mem, b->bytes, cap, NH_MEM_BULK);
    if (!bytes)
        return NH_ERR_NOMEM;
    b->bytes = bytes;
    b->cap = cap;
    return NH_OK;
}

int nh_mqtt__batch_reserve(struct nh_mqtt_batch *b, nh_mem_t *mem, uint32_t ops, uint32_t bytes)
{
    uint64_t need = (uint64_t)ops * (sizeof(struct entry) + 7) + bytes;
    if (need > BYTES_MAX)
        return NH_ERR_NOMEM;
    int rc = index_reserve(b, mem, ops);
    return rc < 0 ? rc : bytes_reserve(b, mem, (uint32_t)need);
}

// ---- operations ---------------------------------------------------------------------------------

static void kill(struct nh_mqtt_batch *b, nh_mem_t *mem, struct entry *e)
{
    b->weight -= weight_of(e);
    nh_mqtt__msg_unref(mem, e->msg);
    e->msg = NULL;
    e->is_dead = true;
    b->dead_bytes += entry_bytes(e);
    b->live_count--;
}

static struct entry *append(struct nh_mqtt_batch *b, uint32_t hash, const struct entry *head,
                            nh_span_t key, nh_span_t value, nh_span_t tail)
{
    struct entry *e = entry_at(b, b->used);
    *e = *head;
    e->hash = hash;
    e->key_len = (uint8_t)key.len;
    e->head_len = (uint32_t)(value.len + tail.len);
    NH_ASSERT(entry_bytes(e) <= b->cap - b->used);
    memcpy(e->bytes, key.ptr, key.len);
    if (value.len)
        memcpy(e->bytes + key.len, value.ptr, value.len);
    if (tail.len)
        memcpy(e->bytes + key.len + value.len, tail.ptr, tail.len);
    uint32_t *slot = slot_of(b, hash, key);
    b->entry_count += *slot == 0;
    *slot = b->used + 1;
    b->used += entry_bytes(e);
    b->live_count++;
    b->weight += weight_of(e);
    return e;
}

static uint32_t hash_of(nh_span_t key)
{
    return nh_hash32(key.ptr, key.len, 0);
}

static void put(struct nh_mqtt_batch *b, nh_mem_t *mem, nh_span_t key, nh_span_t head,
                nh_span_t tail, struct nh_mqtt__msg *msg, bool is_new, int32_t count)
{
    uint32_t hash = hash_of(key);
    struct entry *old = find(b, hash, key);
    if (old) { // made in this batch it stays new; one that the store has, or is to remove, is not
        is_new = old->is_new;
        kill(b, mem, old);
    }
    append(b, hash,
           &(struct entry){.msg = msg ? nh_mqtt__msg_ref(msg) : NULL,
                           .kind = NH_MQTT_OP_PUT,
                           .count = count,
                           .is_new = is_new},
           key, head, tail);
}

void nh_mqtt__batch_put(struct nh_mqtt_batch *b, nh_mem_t *mem, const struct nh_mqtt__key *key,
                        nh_span_t head, nh_span_t tail, struct nh_mqtt__msg *msg, bool is_new)
{
    put(b, mem, nh_mqtt__key_span(key), head, tail, msg, is_new, 1);
}

static void erase(struct nh_mqtt_batch *b, nh_mem_t *mem, nh_span_t key)
{
    uint32_t hash = hash_of(key);
    struct entry *old = find(b, hash, key);
    if (old && old->kind == NH_MQTT_OP_DELETE)
        return;
    bool was_new = old && old->is_new;
    if (old)
        kill(b, mem, old);
    if (!was_new)
        append(b, hash, &(struct entry){.kind = NH_MQTT_OP_DELETE}, key, none, none);
}

void nh_mqtt__batch_delete(struct nh_mqtt_batch *b, nh_mem_t *mem, const struct nh_mqtt__key *key)
{
    erase(b, mem, nh_mqtt__key_span(key));
}

static void count(struct nh_mqtt_batch *b, nh_mem_t *mem, nh_span_t key, int32_t n)
{
    uint32_t hash = hash_of(key);
    struct entry *old = find(b, hash, key);
    if (!old) {
        append(b, hash, &(struct entry){.kind = NH_MQTT_OP_COUNT, .count = n}, key, none, none);
        return;
    }
    NH_ASSERT(old->kind != NH_MQTT_OP_DELETE);
    old->count += n;
    if (old->count != 0)
        return;
    if (old->kind == NH_MQTT_OP_PUT)
        erase(b, mem, key);
    else
        kill(b, mem, old);
}

void nh_mqtt__batch_count(struct nh_mqtt_batch *b, nh_mem_t *mem, const struct nh_mqtt__key *key,
                          int32_t n)
{
    count(b, mem, nh_mqtt__key_span(key), n);
}

// ---- merging ------------------------------------------------------------------------------------

static int merge_gates(struct nh_mqtt_batch *to, struct nh_mqtt_batch *from, nh_mem_t *mem)
{
    uint32_t count = to->gated_count + from->gated_count;
    if (count > to->gated_cap) {
        struct nh_mqtt_conn **gated =
            nh_mem_realloc(mem, to->gated, count * sizeof(*gated), NH_MEM_BULK);
        if (!gated)
            return NH_ERR_NOMEM;
        to->gated = gated;
        to->gated_cap = count;
    }
    if (from->gated_count)
        memcpy(to->gated + to->gated_count, from->gated, from->gated_count * sizeof(*to->gated));
    to->gated_count = count;
    to->gated_all = to->gated_all || from->gated_all;
    from->gated_count = 0;
    return NH_OK;
}

int nh_mqtt__batch_merge(struct nh_mqtt_batch *to, struct nh_mqtt_batch *from, nh_mem_t *mem)
{
    int rc = nh_mqtt__batch_reserve(to, mem, from->live_count, from->used);
    if (rc == NH_OK)
        rc = merge_gates(to, from, mem);
    if (rc < 0)
        return rc;
    for (uint32_t at = 0; at < from->used; at += entry_bytes(entry_at(from, at))) {
        const struct entry *e = entry_at(from, at);
        nh_span_t key = {e->bytes, e->key_len}, head = {e->bytes + e->key_len, e->head_len};
        if (e->is_dead)
            continue;
        if (e->kind == NH_MQTT_OP_PUT)
            put(to, mem, key, head, none, e->msg, e->is_new, e->count);
        else if (e->kind == NH_MQTT_OP_DELETE)
            erase(to, mem, key);
        else
            count(to, mem, key, e->count);
    }
    uint32_t no = from->no;
    nh_mqtt__batch_clear(from, mem, UINT32_MAX);
    to->no = no; // who waits for either waits for both
    return NH_OK;
}

bool nh_mqtt__batch_check(const struct nh_mqtt_batch *b)
{
    uint32_t live = 0, dead_bytes = 0;
    uint64_t weight = 0;
    for (uint32_t at = 0; at < b->used; at += entry_bytes(entry_at(b, at))) {
        const struct entry *e = entry_at(b, at);
        if (e->is_dead) {
            dead_bytes += entry_bytes(e);
            continue;
        }
        live++;
        weight += weight_of(e);
        if (find(b, e->hash, (nh_span_t){e->bytes, e->key_len}) != e)
            return false;
        if (e->msg && e->msg->refs == 0)
            return false;
    }
    return live == b->live_count && dead_bytes == b->dead_bytes && weight == b->weight;
}
