#include "mqtt/wire.h"

#include "mqtt/packet.h"

#include <string.h>

enum { INLINE, SLICE, MSG, GATE, DEAD };

enum {
    SMALL_BYTES = 256, // the first block of a connection: a few acknowledgements
    LARGE_BYTES = 2048,
    SMALL_KEPT_MAX = 64,
    LARGE_KEPT_MAX = 64,
};

struct item {
    const void *ptr; // INLINE, SLICE: bytes. MSG: struct nh_mqtt__msg. GATE: NULL
    uint32_t len;    // bytes to write; of a MSG its last ones. GATE: the batch. DEAD: 0
    uint16_t count;  // of packets in a SLICE
    uint8_t kind;
    bool is_droppable;
};

struct nh_mqtt__block {
    struct nh_mqtt__block *next;
    uint16_t cap, used; // of data; items end at `used`
    uint16_t first;     // the first item that is not yet written
    uint16_t last;      // the last item
    uint16_t live;      // items that are neither written nor dead
    _Alignas(8) uint8_t data[];
};

static struct item *item_at(const struct nh_mqtt__block *b, size_t at)
{
    return (struct item *)(void *)(b->data + at);
}

static size_t padded(size_t n)
{
    return (n + _Alignof(struct item) - 1) & ~(_Alignof(struct item) - 1);
}

// What an item takes in its block.
static size_t item_bytes(const struct item *i)
{
    return sizeof(*i) + (i->kind == INLINE ? padded(i->len) : 0);
}

// ---- blocks -------------------------------------------------------------------------------------

static struct nh_mqtt__block *block_get(struct nh_mqtt__blocks *bs, bool is_large)
{
    struct nh_mqtt__block **kept = is_large ? &bs->free_large : &bs->free_small;
    struct nh_mqtt__block *b = *kept;
    size_t bytes = is_large ? LARGE_BYTES : SMALL_BYTES;
    if (b) {
        *kept = b->next;
        --*(is_large ? &bs->large_count : &bs->small_count);
    } else {
        b = nh_mem_alloc(bs->mem, bytes, NH_MEM_BULK);
    }
    if (b)
        *b = (struct nh_mqtt__block){.cap = (uint16_t)(bytes - sizeof(*b))};
    return b;
}

static void block_put(struct nh_mqtt__blocks *bs, struct nh_mqtt__block *b)
{
    bool is_large = b->cap > SMALL_BYTES;
    struct nh_mqtt__block **kept = is_large ? &bs->free_large : &bs->free_small;
    uint32_t *count = is_large ? &bs->large_count : &bs->small_count;
    if (*count >= (is_large ? LARGE_KEPT_MAX : SMALL_KEPT_MAX)) {
        nh_mem_free(bs->mem, b);
        return;
    }
    b->next = *kept;
    *kept = b;
    ++*count;
}

static void free_chain(nh_mem_t *mem, struct nh_mqtt__block *b)
{
    while (b) {
        struct nh_mqtt__block *next = b->next;
        nh_mem_free(mem, b);
        b = next;
    }
}

void nh_mqtt__blocks_deinit(struct nh_mqtt__blocks *bs)
{
    free_chain(bs->mem, bs->free_small);
    free_chain(bs->mem, bs->free_large);
    *bs = (struct nh_mqtt__blocks){.mem = bs->mem};
}

static void block_link(struct nh_mqtt__wire *w, struct nh_mqtt__block *b)
{
    if (w->tail)
        w->tail->next = b;
    else
        w->head = b;
    w->tail = b;
}

// ---- append -------------------------------------------------------------------------------------

// Room for a new item with `extra` bytes behind it at the end of the tail block.
static bool tail_has_room(const struct nh_mqtt__wire *w, size_t extra)
{
    return w->tail && w->tail->used + sizeof(struct item) + padded(extra) <= w->tail->cap;
}

static struct item *tail_add(struct nh_mqtt__wire *w, struct item item)
{
    struct nh_mqtt__block *b = w->tail;
    struct item *i = item_at(b, b->used);
    *i = item;
    if (item.kind == INLINE)
        i->ptr = i + 1;
    b->last = b->used;
    b->used = (uint16_t)(b->used + item_bytes(i));
    b->live++;
    return i;
}

static int item_add(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w, struct item item)
{
    if (!tail_has_room(w, 0)) {
        struct nh_mqtt__block *b = block_get(bs, w->tail != NULL);
        if (!b)
            return NH_ERR_NOMEM;
        block_link(w, b);
    }
    tail_add(w, item);
    return NH_OK;
}

// Moves the run into the chain, so that something else may follow it.
static int run_flush(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w)
{
    if (!w->run)
        return NH_OK;
    struct item item = {w->run, w->run_len, (uint16_t)w->run_count, SLICE, false};
    int rc = item_add(bs, w, item);
    if (rc == NH_OK)
        w->run = NULL;
    return rc;
}

// The last item when it is INLINE: more bytes may follow in it. `b` may be NULL.
static struct item *tail_inline(const struct nh_mqtt__block *b)
{
    if (!b || b->used == 0)
        return NULL;
    struct item *i = item_at(b, b->last);
    return i->kind == INLINE ? i : NULL;
}

// How many bytes the tail block can still take.
static size_t inline_room(const struct nh_mqtt__wire *w)
{
    const struct nh_mqtt__block *b = w->tail;
    if (!b)
        return 0;
    const struct item *i = tail_inline(b);
    if (i)
        return b->cap - b->last - sizeof(*i) - i->len;
    return tail_has_room(w, 8) ? b->cap - b->used - sizeof(*i) : 0;
}

// Copies `len` bytes, for which there is room, into the tail block.
static void inline_add(struct nh_mqtt__wire *w, const uint8_t *bytes, size_t len)
{
    struct item *i = tail_inline(w->tail);
    if (!i)
        i = tail_add(w, (struct item){.kind = INLINE});
    memcpy((uint8_t *)(i + 1) + i->len, bytes, len);
    i->len += (uint32_t)len;
    w->tail->used = (uint16_t)(w->tail->last + item_bytes(i));
    w->inline_bytes += (uint32_t)len;
}

// Blocks behind the tail for `len` bytes, linked but still empty. NULL and `len` > 0: no memory.
static struct nh_mqtt__block *inline_reserve(struct nh_mqtt__blocks *bs, bool is_first, size_t len)
{
    struct nh_mqtt__block *chain = NULL;
    while (len) {
        bool is_large = !is_first || len > SMALL_BYTES / 2;
        struct nh_mqtt__block *b = block_get(bs, is_large);
        if (!b)
            break;
        b->next = chain;
        chain = b;
        size_t room = b->cap - sizeof(struct item);
        len -= room < len ? room : len;
    }
    while (len && chain) {
        struct nh_mqtt__block *next = chain->next;
        block_put(bs, chain);
        chain = next;
    }
    return chain;
}

uint8_t *nh_mqtt__wire_space(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w, size_t len)
{
    if (w->run && run_flush(bs, w) < 0)
        return NULL;
    struct item *i = tail_inline(w->tail);
    if (!i || w->tail->last + sizeof(*i) + i->len + len > w->tail->cap) {
        if (!tail_has_room(w, len)) {
            bool is_large = w->tail || len > SMALL_BYTES / 2;
            if (len > LARGE_BYTES / 2)
                return NULL;
            struct nh_mqtt__block *b = block_get(bs, is_large);
            if (!b)
                return NULL;
            block_link(w, b);
        }
        i = tail_add(w, (struct item){.kind = INLINE});
    }
    uint8_t *at = (uint8_t *)(i + 1) + i->len;
    i->len += (uint32_t)len;
    w->tail->used = (uint16_t)(w->tail->last + item_bytes(i));
    w->inline_bytes += (uint32_t)len;
    return at;
}

// The next reserved block becomes the tail. There is one: room was counted before.
static void block_take(struct nh_mqtt__wire *w, struct nh_mqtt__block **reserved)
{
    struct nh_mqtt__block *b = *reserved;
    NH_ASSERT(b != NULL);
    *reserved = b->next;
    b->next = NULL;
    block_link(w, b);
}

// Copies `part` into the tail block and, when that is full, into the reserved blocks.
static void inline_copy(struct nh_mqtt__wire *w, struct nh_mqtt__block **reserved, nh_span_t part)
{
    for (size_t n; part.len; part.len -= n, part.ptr += n) {
        if (inline_room(w) == 0)
            block_take(w, reserved);
        size_t room = inline_room(w);
        n = part.len < room ? part.len : room;
        inline_add(w, part.ptr, n);
    }
}

// Appends bytes and, behind them, an item when `item` is given: both or nothing.
static int put(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w, const nh_span_t *parts,
               size_t count, const struct item *item)
{
    size_t total = item ? 2 * sizeof(*item) : 0;
    for (size_t i = 0; i < count; i++)
        total += parts[i].len;
    int rc = run_flush(bs, w);
    if (rc < 0)
        return rc;
    size_t room = inline_room(w);
    struct nh_mqtt__block *reserved = NULL;
    if (total > room) {
        reserved = inline_reserve(bs, !w->tail, total - room);
        if (!reserved)
            return NH_ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++)
        inline_copy(w, &reserved, parts[i]);
    if (item && !tail_has_room(w, 0))
        block_take(w, &reserved);
    if (item)
        tail_add(w, *item);
    while (reserved) { // the estimate was generous
        struct nh_mqtt__block *next = reserved->next;
        block_put(bs, reserved);
        reserved = next;
    }
    return NH_OK;
}

int nh_mqtt__wire_put(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w, const nh_span_t *parts,
                      size_t count)
{
    return put(bs, w, parts, count, NULL);
}

int nh_mqtt__wire_put_msg(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w,
                          const nh_span_t *parts, size_t count, struct nh_mqtt__msg *msg,
                          uint32_t len)
{
    int rc = put(bs, w, parts, count, &(struct item){msg, len, 1, MSG, false});
    if (rc < 0)
        return rc;
    nh_mqtt__msg_ref(msg);
    w->stored_bytes += len;
    return NH_OK;
}

int nh_mqtt__wire_slice(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w, const uint8_t *bytes,
                        uint32_t len, uint32_t count)
{
    if (w->run && w->run + w->run_len == bytes && w->run_count + count <= UINT16_MAX) {
        w->run_len += len;
        w->run_count += count;
        return NH_OK;
    }
    int rc = run_flush(bs, w);
    if (rc < 0)
        return rc;
    w->run = bytes;
    w->run_len = len;
    w->run_count = count;
    return NH_OK;
}

int nh_mqtt__wire_msg(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w, struct nh_mqtt__msg *msg)
{
    int rc = run_flush(bs, w);
    if (rc == NH_OK)
        rc = item_add(bs, w, (struct item){msg, msg->len, 1, MSG, true});
    if (rc < 0)
        return rc;
    nh_mqtt__msg_ref(msg);
    w->bytes += msg->len;
    w->count++;
    w->expiring += msg->has_expiry;
    return NH_OK;
}

// ---- write --------------------------------------------------------------------------------------

bool nh_mqtt__wire_is_empty(const struct nh_mqtt__wire *w)
{
    return !w->head && !w->run;
}

static struct nh_mqtt__msg *msg_of(const struct item *i)
{
    return (struct nh_mqtt__msg *)(uintptr_t)i->ptr;
}

static const uint8_t *item_ptr(const struct item *i)
{
    if (i->kind != MSG)
        return i->ptr;
    const struct nh_mqtt__msg *m = i->ptr;
    return m->bytes + m->start + m->len - i->len;
}

size_t nh_mqtt__wire_output(const struct nh_mqtt__wire *w, struct nh_mqtt_span *spans, size_t max)
{
    size_t n = 0, skip = w->head_sent;
    for (const struct nh_mqtt__block *b = w->head; b; b = b->next) {
        for (size_t at = b->first; at < b->used; at += item_bytes(item_at(b, at))) {
            const struct item *i = item_at(b, at);
            if (i->kind == DEAD)
                continue;
            if (n == max || i->kind == GATE)
                return n;
            spans[n++] = (struct nh_mqtt_span){item_ptr(i) + skip, i->len - skip};
            skip = 0;
        }
    }
    if (w->run && n < max)
        spans[n++] = (struct nh_mqtt_span){w->run + skip, w->run_len - skip};
    return n;
}

static void item_release(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w, struct item *i)
{
    if (i->kind == INLINE)
        w->inline_bytes -= i->len;
    if (i->kind != MSG)
        return;
    struct nh_mqtt__msg *m = msg_of(i);
    if (i->is_droppable) {
        w->bytes -= i->len;
        w->count--;
        w->expiring -= m->has_expiry;
    } else {
        w->stored_bytes -= i->len;
    }
    nh_mqtt__msg_unref(bs->mem, m);
}

// The first item is done with.
static void head_pop(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w)
{
    struct nh_mqtt__block *b = w->head;
    struct item *i = item_at(b, b->first);
    if (i->kind != DEAD)
        b->live--;
    item_release(bs, w, i);
    b->first = (uint16_t)(b->first + item_bytes(i));
    w->head_sent = 0;
    if (b->first < b->used)
        return;
    w->head = b->next;
    if (!w->head)
        w->tail = NULL;
    block_put(bs, b);
}

void nh_mqtt__wire_sent(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w, size_t bytes)
{
    while (w->head) {
        const struct item *i = item_at(w->head, w->head->first);
        if (i->kind == GATE)
            return;
        size_t left = i->len - w->head_sent;
        if (bytes < left) {
            w->head_sent += (uint32_t)bytes;
            return;
        }
        bytes -= left;
        head_pop(bs, w);
    }
    if (!w->run)
        return;
    w->head_sent += (uint32_t)bytes;
    if (w->head_sent < w->run_len)
        return;
    w->run = NULL;
    w->head_sent = 0;
}

void nh_mqtt__wire_clear(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w)
{
    while (w->head)
        head_pop(bs, w);
    *w = (struct nh_mqtt__wire){.gate = w->gate};
}

// ---- drop ---------------------------------------------------------------------------------------

// The oldest droppable item of `b`, or NULL.
static struct item *droppable_in(const struct nh_mqtt__wire *w, const struct nh_mqtt__block *b)
{
    for (size_t at = b->first; at < b->used; at += item_bytes(item_at(b, at))) {
        struct item *i = item_at(b, at);
        bool is_begun = b == w->head && at == b->first && w->head_sent;
        if (i->kind == MSG && i->is_droppable && !is_begun)
            return i;
    }
    return NULL;
}

// The item is not written any more. A block whose items are all dead is to be unlinked.
static void item_kill(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w, struct nh_mqtt__block *b,
                      struct item *i)
{
    item_release(bs, w, i);
    i->kind = DEAD;
    i->len = 0;
    b->live--;
}

static void block_unlink(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w,
                         struct nh_mqtt__block *prev, struct nh_mqtt__block *b)
{
    *(prev ? &prev->next : &w->head) = b->next;
    if (w->tail == b)
        w->tail = prev;
    block_put(bs, b);
}

// Only the first block can hold many dead items (behind one that is partly sent), so the walk is
// short: blocks that died whole are gone.
bool nh_mqtt__wire_drop(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w)
{
    struct nh_mqtt__block *prev = NULL;
    for (struct nh_mqtt__block *b = w->count ? w->head : NULL; b; prev = b, b = b->next) {
        struct item *i = droppable_in(w, b);
        if (!i)
            continue;
        item_kill(bs, w, b, i);
        if (b->live == 0)
            block_unlink(bs, w, prev, b);
        return true;
    }
    return false;
}

// ---- age ----------------------------------------------------------------------------------------

static uint32_t block_age(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w,
                          struct nh_mqtt__block *b, uint64_t now_ms)
{
    uint32_t count = 0;
    for (size_t at = b->first; at < b->used; at += item_bytes(item_at(b, at))) {
        struct item *i = item_at(b, at);
        bool is_begun = b == w->head && at == b->first && w->head_sent;
        if (i->kind != MSG || !i->is_droppable || is_begun || nh_mqtt__msg_age(msg_of(i), now_ms))
            continue;
        item_kill(bs, w, b, i);
        count++;
    }
    return count;
}

uint32_t nh_mqtt__wire_age(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w, uint64_t now_ms)
{
    uint32_t count = 0;
    struct nh_mqtt__block *prev = NULL;
    for (struct nh_mqtt__block *b = w->expiring ? w->head : NULL, *next; b; b = next) {
        next = b->next;
        count += block_age(bs, w, b, now_ms);
        if (b->live == 0)
            block_unlink(bs, w, prev, b);
        else
            prev = b;
    }
    return count;
}

void nh_mqtt__wire_own_begun(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w)
{
    if (!w->expiring || !w->head || !w->head_sent)
        return;
    struct item *i = item_at(w->head, w->head->first);
    struct nh_mqtt__msg *m = i->kind == MSG && i->is_droppable ? msg_of(i) : NULL;
    if (!m || !m->has_expiry || m->refs == 1 || w->head_sent >= m->payload_at - m->start)
        return;
    uint32_t bytes = m->start + m->len;
    struct nh_mqtt__msg *own = nh_mqtt__msg_alloc(bs->mem, bytes);
    if (!own)
        return;
    memcpy(own, m, offsetof(struct nh_mqtt__msg, bytes) + bytes);
    own->refs = 1;
    i->ptr = own;
    nh_mqtt__msg_unref(bs->mem, m);
}

// ---- gates --------------------------------------------------------------------------------------

int nh_mqtt__wire_gate(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w, uint32_t batch)
{
    if (w->gate >= batch)
        return NH_OK; // what follows waits already
    int rc = run_flush(bs, w);
    if (rc == NH_OK)
        rc = item_add(bs, w, (struct item){NULL, batch, 0, GATE, false});
    if (rc == NH_OK)
        w->gate = batch;
    return rc;
}

// Opens the gates of one block. False: one stays closed.
static bool open_in(struct nh_mqtt__block *b, uint32_t batch)
{
    for (size_t at = b->first; at < b->used; at += item_bytes(item_at(b, at))) {
        struct item *i = item_at(b, at);
        if (i->kind != GATE)
            continue;
        if (i->len > batch)
            return false;
        i->kind = DEAD;
        i->len = 0;
        b->live--;
    }
    return true;
}

void nh_mqtt__wire_open(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w, uint32_t batch)
{
    struct nh_mqtt__block *prev = NULL, *next;
    bool goes_on = true;
    for (struct nh_mqtt__block *b = w->head; b && goes_on; b = next) {
        next = b->next;
        goes_on = open_in(b, batch);
        if (b->live == 0)
            block_unlink(bs, w, prev, b);
        else
            prev = b;
    }
}

// Releases the items of a block from `at` on.
static void release_from(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w,
                         struct nh_mqtt__block *b, size_t at)
{
    for (; at < b->used; at += item_bytes(item_at(b, at))) {
        b->live = (uint16_t)(b->live - (item_at(b, at)->kind != DEAD));
        item_release(bs, w, item_at(b, at));
    }
}

// Ends the chain with block `b`, which ends before `at`; `last` is its last item then.
static void cut_at(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w, struct nh_mqtt__block *prev,
                   struct nh_mqtt__block *b, size_t at, size_t last)
{
    struct nh_mqtt__block *chain = b->next;
    release_from(bs, w, b, at);
    b->used = (uint16_t)at;
    b->last = (uint16_t)last;
    b->next = NULL;
    w->tail = b;
    w->run = NULL;
    while (chain) {
        struct nh_mqtt__block *next = chain->next;
        release_from(bs, w, chain, chain->first);
        block_put(bs, chain);
        chain = next;
    }
    if (b->live == 0)
        block_unlink(bs, w, prev, b);
}

void nh_mqtt__wire_cut(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w)
{
    struct nh_mqtt__block *prev = NULL;
    for (struct nh_mqtt__block *b = w->head; b; prev = b, b = b->next) {
        size_t last = b->first;
        for (size_t at = b->first; at < b->used; last = at, at += item_bytes(item_at(b, at))) {
            if (item_at(b, at)->kind != GATE)
                continue;
            cut_at(bs, w, prev, b, at, last);
            return;
        }
    }
}

// ---- settle -------------------------------------------------------------------------------------

struct slice {
    const uint8_t *at, *end;
};

// The next packet of the slice: its length, with that of its head in `*head_len`.
static uint32_t slice_next(struct slice *s, uint32_t *head_len)
{
    struct nh_mqtt__head head;
    int n = nh_mqtt__head_decode(s->at, (size_t)(s->end - s->at), NH_MQTT__FROM_CLIENT, &head);
    NH_ASSERT(n > 0);
    *head_len = (uint32_t)n;
    s->at += (uint32_t)n + head.body_len;
    return (uint32_t)n + head.body_len;
}

static void slice_count(struct slice s, uint32_t sent, uint64_t *count, uint64_t *bytes)
{
    uint32_t head_len;
    while (s.at < s.end) {
        uint32_t len = slice_next(&s, &head_len);
        if (sent < len) {
            ++*count;
            *bytes += len;
        }
        sent = sent < len ? 0 : sent - len;
    }
}

void nh_mqtt__wire_slices(const struct nh_mqtt__wire *w, uint64_t *count, uint64_t *bytes)
{
    uint32_t sent = w->head_sent;
    *count = *bytes = 0;
    for (const struct nh_mqtt__block *b = w->head; b; b = b->next) {
        for (size_t at = b->first; at < b->used; at += item_bytes(item_at(b, at))) {
            const struct item *i = item_at(b, at);
            const uint8_t *p = i->ptr;
            if (i->kind == SLICE)
                slice_count((struct slice){p, p + i->len}, sent, count, bytes);
            sent = 0;
        }
    }
    if (w->run)
        slice_count((struct slice){w->run, w->run + w->run_len}, sent, count, bytes);
}

// Appends the messages of one slice, of which the first `sent` bytes are gone.
static int slice_settle(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w, struct slice s,
                        uint32_t sent, const struct nh_mqtt__settle *how)
{
    while (s.at < s.end) {
        const uint8_t *packet = s.at;
        uint32_t head_len, len = slice_next(&s, &head_len);
        if (sent >= len) {
            sent -= len;
            continue;
        }
        struct nh_mqtt__msg *m = how->message(how->ctx, packet, len, head_len, sent > 0);
        int rc = m ? nh_mqtt__wire_msg(bs, w, m) : NH_OK;
        if (sent) {
            if (!m || rc < 0)
                return NH_ERR_NOMEM;
            w->head_sent = sent;
        }
        sent = 0;
    }
    return NH_OK;
}

static int item_settle(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w, struct item *i,
                       uint32_t sent, const struct nh_mqtt__settle *how)
{
    const uint8_t *p = i->ptr;
    int rc = NH_OK;
    if (i->kind == INLINE) {
        w->inline_bytes -= i->len;
        nh_span_t rest = {p + sent, i->len - sent};
        rc = nh_mqtt__wire_put(bs, w, &rest, 1);
    } else if (i->kind == SLICE) {
        rc = slice_settle(bs, w, (struct slice){p, p + i->len}, sent, how);
    } else if (i->kind == GATE) {
        rc = item_add(bs, w, *i);
    } else if (i->kind == MSG) {
        rc = item_add(bs, w, *i);
        w->head_sent = sent ? sent : w->head_sent;
        if (rc < 0)
            item_release(bs, w, i);
    }
    return rc;
}

static bool has_slice(const struct nh_mqtt__block *b)
{
    for (size_t at = b->first; at < b->used; at += item_bytes(item_at(b, at)))
        if (item_at(b, at)->kind == SLICE)
            return true;
    return false;
}

// Cuts the chain before the first block with a slice in it and returns what was cut off.
static struct nh_mqtt__block *cut_slices(struct nh_mqtt__wire *w)
{
    struct nh_mqtt__block **link = &w->head, *before = NULL;
    while (*link && !has_slice(*link)) {
        before = *link;
        link = &before->next;
    }
    struct nh_mqtt__block *chain = *link;
    *link = NULL;
    w->tail = before;
    return chain;
}

int nh_mqtt__wire_settle(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w,
                         const struct nh_mqtt__settle *how)
{
    struct nh_mqtt__block *chain = cut_slices(w);
    struct slice run = {w->run, w->run ? w->run + w->run_len : NULL};
    uint32_t sent = w->head ? 0 : w->head_sent; // only if the first item is about to be rebuilt
    w->head_sent = w->head ? w->head_sent : 0;
    w->run = NULL;
    int rc = NH_OK;
    while (chain) {
        struct nh_mqtt__block *next = chain->next;
        for (size_t at = chain->first; at < chain->used; at += item_bytes(item_at(chain, at))) {
            int one = item_settle(bs, w, item_at(chain, at), sent, how);
            rc = rc < 0 ? rc : one;
            sent = 0;
        }
        block_put(bs, chain);
        chain = next;
    }
    int last = run.at ? slice_settle(bs, w, run, sent, how) : NH_OK;
    return rc < 0 ? rc : last;
}

bool nh_mqtt__wire_check(const struct nh_mqtt__wire *w)
{
    uint32_t inline_bytes = 0, stored_bytes = 0, bytes = 0, count = 0, expiring = 0;
    const struct nh_mqtt__block *last = NULL;
    for (const struct nh_mqtt__block *b = w->head; b; last = b, b = b->next) {
        uint16_t live = 0;
        if (b->first >= b->used || b->used > b->cap)
            return false;
        for (size_t at = b->first; at < b->used; at += item_bytes(item_at(b, at))) {
            const struct item *i = item_at(b, at);
            live = (uint16_t)(live + (i->kind != DEAD));
            inline_bytes += i->kind == INLINE ? i->len : 0;
            if (i->kind == MSG && ((const struct nh_mqtt__msg *)i->ptr)->refs == 0)
                return false;
            stored_bytes += i->kind == MSG && !i->is_droppable ? i->len : 0;
            bytes += i->kind == MSG && i->is_droppable ? i->len : 0;
            count += i->kind == MSG && i->is_droppable;
            expiring += i->kind == MSG && i->is_droppable && msg_of(i)->has_expiry;
        }
        if (live != b->live)
            return false;
    }
    return last == w->tail && inline_bytes == w->inline_bytes && bytes == w->bytes &&
           stored_bytes == w->stored_bytes && count == w->count && expiring == w->expiring;
}
