#include "mqtt/flow.h"

#define RING_MIN 8u
#define IDS_MIN 16u
#define ID_COUNT 65535u // 1 to 65535 [MQTT-2.3.1-1]

void nh_mqtt__flow_init(struct nh_mqtt__flow *f)
{
    *f = (struct nh_mqtt__flow){.first_id = 1};
}

void nh_mqtt__flow_deinit(struct nh_mqtt__flow *f, nh_mem_t *mem)
{
    for (uint32_t i = 0; i < f->sent_span; i++)
        nh_mqtt__msg_unref(mem, nh_mqtt__sent_at(f, i)->msg);
    while (f->waiting_count)
        nh_mqtt__waiting_pop(f, mem);
    nh_mem_free(mem, f->sent);
    nh_mem_free(mem, f->waiting);
    nh_mem_free(mem, f->ids);
    nh_mem_free(mem, f->kept);
}

// ---- sent ---------------------------------------------------------------------------------------

static uint16_t id_add(uint16_t id, uint32_t n)
{
    return (uint16_t)((id - 1u + n) % ID_COUNT + 1);
}

int nh_mqtt__sent_reserve(struct nh_mqtt__flow *f, nh_mem_t *mem)
{
    if (f->sent_span < f->sent_cap)
        return NH_OK;
    uint32_t cap = f->sent_cap ? f->sent_cap * 2 : RING_MIN;
    struct nh_mqtt__sent *ring = nh_mem_alloc(mem, cap * sizeof(*ring), NH_MEM_BULK);
    if (!ring)
        return NH_ERR_NOMEM;
    for (uint32_t i = 0; i < f->sent_span; i++)
        ring[i] = *nh_mqtt__sent_at(f, i);
    nh_mem_free(mem, f->sent);
    f->sent = ring;
    f->sent_cap = cap;
    f->sent_head = 0;
    return NH_OK;
}

uint16_t nh_mqtt__sent_next_id(const struct nh_mqtt__flow *f)
{
    return id_add(f->first_id, f->sent_span);
}

uint16_t nh_mqtt__sent_push(struct nh_mqtt__flow *f, struct nh_mqtt__sent sent)
{
    NH_ASSERT(f->sent_span < f->sent_cap);
    uint16_t id = nh_mqtt__sent_next_id(f);
    f->sent[(f->sent_head + f->sent_span) & (f->sent_cap - 1)] = sent;
    f->sent_span++;
    f->sent_count++;
    f->bytes += sent.len;
    f->messages++;
    return id;
}

void nh_mqtt__sent_skip(struct nh_mqtt__flow *f, uint32_t count)
{
    if (f->sent_span == 0) {
        f->first_id = id_add(f->first_id, count % ID_COUNT);
        f->kept->head_seq += count;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        NH_ASSERT(f->sent_span < f->sent_cap);
        *nh_mqtt__sent_at(f, f->sent_span++) = (struct nh_mqtt__sent){.state = NH_MQTT__SENT_DONE};
    }
}

void nh_mqtt__flow_id_set(struct nh_mqtt__flow *f, uint64_t seq)
{
    f->first_id = id_add(1, (uint32_t)((seq - 1) % ID_COUNT));
}

uint64_t nh_mqtt__sent_seq(const struct nh_mqtt__flow *f, const struct nh_mqtt__sent *s)
{
    uint32_t place = (uint32_t)(s - f->sent);
    return f->kept->head_seq + ((place - f->sent_head) & (f->sent_cap - 1));
}

struct nh_mqtt__sent *nh_mqtt__sent_at(const struct nh_mqtt__flow *f, uint32_t at)
{
    return &f->sent[(f->sent_head + at) & (f->sent_cap - 1)];
}

uint16_t nh_mqtt__sent_id_at(const struct nh_mqtt__flow *f, uint32_t at)
{
    return id_add(f->first_id, at);
}

struct nh_mqtt__sent *nh_mqtt__sent_find(struct nh_mqtt__flow *f, uint16_t id)
{
    uint32_t at = (id + ID_COUNT - f->first_id) % ID_COUNT;
    if (id == 0 || at >= f->sent_span)
        return NULL;
    struct nh_mqtt__sent *s = nh_mqtt__sent_at(f, at);
    return s->state == NH_MQTT__SENT_DONE ? NULL : s;
}

void nh_mqtt__sent_forget(struct nh_mqtt__flow *f, nh_mem_t *mem, struct nh_mqtt__sent *s)
{
    nh_mqtt__msg_unref(mem, s->msg);
    s->msg = NULL;
    f->bytes -= s->len;
    s->len = 0;
}

void nh_mqtt__sent_done(struct nh_mqtt__flow *f, nh_mem_t *mem, struct nh_mqtt__sent *s)
{
    nh_mqtt__sent_forget(f, mem, s);
    s->state = NH_MQTT__SENT_DONE;
    f->sent_count--;
    f->messages--;
    while (f->sent_span && nh_mqtt__sent_at(f, 0)->state == NH_MQTT__SENT_DONE) {
        f->sent_head = (f->sent_head + 1) & (f->sent_cap - 1);
        f->sent_span--;
        f->first_id = id_add(f->first_id, 1);
        if (f->kept)
            f->kept->head_seq++;
    }
    if (f->unsent_count > f->sent_span)
        f->unsent_count = f->sent_span;
}

// ---- waiting ------------------------------------------------------------------------------------

static uint32_t waiting_len(const struct nh_mqtt__waiting *w)
{
    return w->msg ? w->msg->len : 0;
}

static int waiting_grow(struct nh_mqtt__flow *f, nh_mem_t *mem)
{
    uint32_t cap = f->waiting_cap ? f->waiting_cap * 2 : RING_MIN;
    struct nh_mqtt__waiting *ring = nh_mem_alloc(mem, cap * sizeof(*ring), NH_MEM_BULK);
    if (!ring)
        return NH_ERR_NOMEM;
    for (uint32_t i = 0; i < f->waiting_count; i++)
        ring[i] = *nh_mqtt__waiting_at(f, i);
    nh_mem_free(mem, f->waiting);
    f->waiting = ring;
    f->waiting_cap = cap;
    f->waiting_head = 0;
    return NH_OK;
}

int nh_mqtt__waiting_push(struct nh_mqtt__flow *f, nh_mem_t *mem, struct nh_mqtt__waiting w)
{
    if (f->waiting_count == f->waiting_cap) {
        int rc = waiting_grow(f, mem);
        if (rc < 0)
            return rc;
    }
    *nh_mqtt__waiting_at(f, f->waiting_count++) = w;
    if (w.msg)
        nh_mqtt__msg_ref(w.msg);
    f->bytes += waiting_len(&w);
    f->messages++;
    return NH_OK;
}

struct nh_mqtt__waiting *nh_mqtt__waiting_first(const struct nh_mqtt__flow *f)
{
    return f->waiting_count ? &f->waiting[f->waiting_head] : NULL;
}

struct nh_mqtt__waiting *nh_mqtt__waiting_at(const struct nh_mqtt__flow *f, uint32_t at)
{
    return &f->waiting[(f->waiting_head + at) & (f->waiting_cap - 1)];
}

// A burst leaves nothing behind.
static void waiting_free(struct nh_mqtt__flow *f, nh_mem_t *mem)
{
    nh_mem_free(mem, f->waiting);
    f->waiting = NULL;
    f->waiting_cap = f->waiting_head = 0;
}

void nh_mqtt__waiting_pop(struct nh_mqtt__flow *f, nh_mem_t *mem)
{
    struct nh_mqtt__waiting w = f->waiting[f->waiting_head];
    f->waiting_head = (f->waiting_head + 1) & (f->waiting_cap - 1);
    f->waiting_count--;
    f->bytes -= waiting_len(&w);
    f->messages--;
    nh_mqtt__msg_unref(mem, w.msg);
    if (f->waiting_count == 0)
        waiting_free(f, mem);
}

uint32_t nh_mqtt__waiting_filter(struct nh_mqtt__flow *f, nh_mem_t *mem,
                                 bool (*is_gone)(void *ctx, const struct nh_mqtt__waiting *w),
                                 void *ctx)
{
    uint32_t kept = 0, count = f->waiting_count;
    for (uint32_t i = 0; i < count; i++) {
        struct nh_mqtt__waiting w = *nh_mqtt__waiting_at(f, i);
        if (!is_gone(ctx, &w)) {
            *nh_mqtt__waiting_at(f, kept++) = w;
            continue;
        }
        f->bytes -= waiting_len(&w);
        f->messages--;
        nh_mqtt__msg_unref(mem, w.msg);
    }
    f->waiting_count = kept;
    if (count && !kept)
        waiting_free(f, mem);
    return count - kept;
}

// ---- received at QoS 2 --------------------------------------------------------------------------

// Where `id` is, or the free place where it would be. Clients count ids up, so the lowest bits are
// the best hash there is.
static uint32_t ids_slot(const uint16_t *ids, uint32_t cap, uint16_t id)
{
    uint32_t at = id & (cap - 1);
    while (ids[at] && ids[at] != id)
        at = (at + 1) & (cap - 1);
    return at;
}

static int ids_grow(struct nh_mqtt__flow *f, nh_mem_t *mem)
{
    uint32_t cap = f->ids_cap ? f->ids_cap * 2 : IDS_MIN;
    uint16_t *ids = nh_mem_alloc_zero(mem, cap * sizeof(*ids), NH_MEM_BULK);
    if (!ids)
        return NH_ERR_NOMEM;
    for (uint32_t i = 0; i < f->ids_cap; i++)
        if (f->ids[i])
            ids[ids_slot(ids, cap, f->ids[i])] = f->ids[i];
    nh_mem_free(mem, f->ids);
    f->ids = ids;
    f->ids_cap = cap;
    return NH_OK;
}

bool nh_mqtt__ids_has(const struct nh_mqtt__flow *f, uint16_t id)
{
    return f->ids_cap && f->ids[ids_slot(f->ids, f->ids_cap, id)] == id;
}

int nh_mqtt__ids_add(struct nh_mqtt__flow *f, nh_mem_t *mem, uint16_t id)
{
    if (nh_mqtt__ids_has(f, id))
        return 0;
    if (f->ids_count * 4 >= f->ids_cap * 3) {
        int rc = ids_grow(f, mem);
        if (rc < 0)
            return rc;
    }
    f->ids[ids_slot(f->ids, f->ids_cap, id)] = id;
    f->ids_count++;
    return 1;
}

bool nh_mqtt__ids_remove(struct nh_mqtt__flow *f, uint16_t id)
{
    if (!nh_mqtt__ids_has(f, id))
        return false;
    uint32_t mask = f->ids_cap - 1, hole = ids_slot(f->ids, f->ids_cap, id);
    f->ids_count--;
    // Close the hole: an id that could stand there because it was pushed past it moves up.
    for (uint32_t at = (hole + 1) & mask; f->ids[at]; at = (at + 1) & mask) {
        uint32_t home = f->ids[at] & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        f->ids[hole] = f->ids[at];
        hole = at;
    }
    f->ids[hole] = 0;
    return true;
}

// The places of a kept queue: sent, then waiting, then on disk only.
static bool kept_check(const struct nh_mqtt__flow *f)
{
    const struct nh_mqtt__kept *k = f->kept;
    if (!k)
        return true;
    uint64_t seq = k->head_seq + f->sent_span;
    for (uint32_t i = 0; i < f->waiting_count; i++) {
        uint32_t gap = nh_mqtt__waiting_at(f, i)->seq - (uint32_t)seq;
        seq += (uint64_t)gap + 1;
    }
    return seq <= k->page_seq && k->page_seq <= k->next_seq &&
           f->first_id == id_add(1, (uint32_t)((k->head_seq - 1) % ID_COUNT)) &&
           (k->page_bytes == 0 || k->page_seq < k->next_seq);
}

bool nh_mqtt__flow_check(const struct nh_mqtt__flow *f)
{
    uint32_t bytes = 0, count = 0, ids = 0;
    for (uint32_t i = 0; i < f->sent_span; i++) {
        const struct nh_mqtt__sent *s = nh_mqtt__sent_at(f, i);
        count += s->state != NH_MQTT__SENT_DONE;
        bytes += s->len;
        if ((s->msg && s->msg->refs == 0) || (i == 0 && s->state == NH_MQTT__SENT_DONE))
            return false;
    }
    for (uint32_t i = 0; i < f->waiting_count; i++)
        bytes += waiting_len(nh_mqtt__waiting_at(f, i));
    for (uint32_t i = 0; i < f->ids_cap; i++)
        ids += f->ids[i] != 0;
    return count == f->sent_count && bytes == f->bytes && ids == f->ids_count &&
           count + f->waiting_count == f->messages && f->first_id != 0 &&
           f->unsent_count <= f->sent_span && kept_check(f);
}
