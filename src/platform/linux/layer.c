#include "platform/linux/layer.h"

#include "core/base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define BLOCK_STEP_BYTES 512u

// ---- life --------------------------------------------------------------------------------------

int nh_layer__add(nh_stream_t *s, enum nh_phase phase)
{
    nh_stream_set_t *set = nh_stream__set(s);
    struct nh_layer *layer = nh_mem_alloc_zero(set->mem, sizeof *layer, NH_MEM_BULK);
    if (!layer)
        return NH_ERR_NOMEM;
    layer->user = s->user;
    layer->phase = (uint8_t)phase;
    s->user = layer;
    s->flags |= NH_STREAM_LAYERED;
    return NH_OK;
}

static void handshake_end(nh_stream_t *s)
{
    nh_stream__untime(s);
    if (nh_stream_listener(s))
        nh_listener__handshake_ended(nh_stream__set(s));
}

void nh_layer__remove(nh_stream_t *s)
{
    if (!(s->flags & NH_STREAM_LAYERED))
        return;
    struct nh_layer *layer = nh_layer__of(s);
    nh_mem_t *mem = nh_stream__set(s)->mem;
    if (layer->phase != NH_PHASE_OPEN)
        handshake_end(s);
    s->user = layer->user;
    s->flags &= (uint16_t)~NH_STREAM_LAYERED;
    nh_dial__free(mem, layer->dial);
    nh_layer_tls__free(layer->ssl);
    nh_mem_free(mem, layer->pending);
    nh_mem_free(mem, layer);
}

// ---- phases ------------------------------------------------------------------------------------

static void open_up(nh_stream_t *s)
{
    struct nh_layer *layer = nh_layer__of(s);
    handshake_end(s);
    layer->phase = NH_PHASE_OPEN;
    nh_dial__free(nh_stream__set(s)->mem, layer->dial);
    layer->dial = NULL;
    if (!layer->ssl)
        nh_layer__remove(s);
    nh_stream__open(s);
}

void nh_layer__advance(nh_stream_t *s)
{
    struct nh_layer *layer = nh_layer__of(s);
    if (layer->phase < NH_PHASE_TLS && layer->ssl) {
        layer->phase = NH_PHASE_TLS;
        nh_layer_tls__handshake(s);
    } else {
        open_up(s);
    }
}

void nh_layer__fail(nh_stream_t *s, int err, const char *reason)
{
    char peer[64];
    nh_layer__of(s)->reason = reason;
    if (nh_stream_listener(s)) {
        nh_stream__set(s)->info.handshake_failures++;
        nh_stream_peer(s, peer, sizeof peer);
        NH_LOG_W("stream", "refused %s: %s", peer, reason);
    }
    nh_stream__drain(s, err);
}

// ---- bytes for the socket ----------------------------------------------------------------------

// Takes note of what a write said. Returns how many bytes were written.
static size_t written(nh_stream_t *s, ssize_t n, size_t total)
{
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        nh_stream__finish(s, nh_linux__err(errno));
        return total;
    }
    if (n < (ssize_t)total)
        s->flags |= NH_STREAM_BLOCKED;
    return n > 0 ? (size_t)n : 0;
}

static bool pending_send(nh_stream_t *s)
{
    struct nh_layer *layer = nh_layer__of(s);
    struct nh_layer_block *b = layer->pending;
    size_t rest = b->len - b->at;
    b->at += (uint32_t)written(s, send(s->fd, b->bytes + b->at, rest, MSG_NOSIGNAL | MSG_DONTWAIT),
                               rest);
    if (b->at < b->len)
        return false;
    nh_mem_free(nh_stream__set(s)->mem, b);
    layer->pending = NULL;
    return true;
}

// Makes room for `more` bytes behind those that wait.
static int pending_grow(nh_stream_t *s, size_t more)
{
    struct nh_layer *layer = nh_layer__of(s);
    struct nh_layer_block *b = layer->pending;
    size_t need = (b ? b->len : 0) + more;
    if (b && need <= b->cap)
        return NH_OK;
    if (need > NH_LAYER_PENDING_MAX_BYTES)
        return NH_ERR_FULL;
    size_t cap = (need + BLOCK_STEP_BYTES - 1) / BLOCK_STEP_BYTES * BLOCK_STEP_BYTES;
    struct nh_layer_block *fresh =
        nh_mem_realloc(nh_stream__set(s)->mem, b, sizeof *b + cap, NH_MEM_BULK);
    if (!fresh)
        return NH_ERR_NOMEM;
    if (!b)
        fresh->at = fresh->len = 0;
    fresh->cap = (uint32_t)cap;
    layer->pending = fresh;
    return NH_OK;
}

static int pending_append(nh_stream_t *s, const struct nh_iov *iov, size_t count, size_t skip)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += iov[i].len;
    int rc = pending_grow(s, total - skip);
    if (rc < 0)
        return rc;
    struct nh_layer_block *b = nh_layer__of(s)->pending;
    for (size_t i = 0; i < count; i++) {
        size_t cut = skip < iov[i].len ? skip : iov[i].len;
        memcpy(b->bytes + b->len, (const uint8_t *)iov[i].ptr + cut, iov[i].len - cut);
        b->len += (uint32_t)(iov[i].len - cut);
        skip -= cut;
    }
    s->flags |= NH_STREAM_DIRTY;
    return NH_OK;
}

int nh_layer__put(nh_stream_t *s, const struct nh_iov *iov, size_t count)
{
    size_t total = 0, sent = 0;
    if (s->flags & NH_STREAM_DYING)
        return NH_OK;
    for (size_t i = 0; i < count; i++)
        total += iov[i].len;
    if (!nh_layer__of(s)->pending && !(s->flags & NH_STREAM_BLOCKED))
        sent = written(s, nh_stream__send(s, iov, count), total);
    return sent < total ? pending_append(s, iov, count, sent) : NH_OK;
}

void nh_layer__say_end(nh_stream_t *s)
{
    struct nh_layer *layer = nh_layer__of(s);
    if (layer->has_said_end || layer->is_broken || layer->phase != NH_PHASE_OPEN)
        return;
    layer->has_said_end = true;
    nh_layer_tls__say_end(s);
}

// ---- output of the handler ---------------------------------------------------------------------

// The handler has nothing more.
static void settle(nh_stream_t *s)
{
    if (s->flags & NH_STREAM_DRAINING)
        nh_layer__say_end(s);
    if (nh_layer__of(s)->pending)
        return; // still dirty: goes on when the socket takes it
    s->flags &= (uint16_t)~NH_STREAM_DIRTY;
    if (s->flags & NH_STREAM_DRAINING)
        s->flags |= NH_STREAM_DRAINED;
}

// What is sent next: a large span as it lies, or small ones side by side in the scratch.
static struct nh_iov batch_gather(nh_stream_set_t *set, const struct nh_iov *iov, size_t count)
{
    if (count == 1 || iov[0].len >= NH_LAYER_BATCH_MAX_BYTES / 2) {
        size_t len = iov[0].len < NH_LAYER_BATCH_MAX_BYTES ? iov[0].len : NH_LAYER_BATCH_MAX_BYTES;
        return (struct nh_iov){iov[0].ptr, len};
    }
    struct nh_iov batch = {set->scratch, 0};
    for (size_t i = 0; i < count && batch.len < NH_LAYER_BATCH_MAX_BYTES; i++) {
        size_t room = NH_LAYER_BATCH_MAX_BYTES - batch.len;
        size_t n = iov[i].len < room ? iov[i].len : room;
        memcpy(set->scratch + batch.len, iov[i].ptr, n);
        batch.len += n;
    }
    return batch;
}

bool nh_layer__flush_once(nh_stream_set_t *set, nh_stream_t *s)
{
    struct nh_layer *layer = nh_layer__of(s);
    struct nh_iov iov[NH_STREAM_IOV_MAX_COUNT];
    if (layer->pending && !pending_send(s))
        return false;
    size_t count = 0;
    if (layer->phase == NH_PHASE_OPEN && !layer->is_broken)
        count = set->on.output(set->on.ctx, s, iov, NH_ARRAY_LEN(iov));
    if (count == 0) {
        settle(s);
        return false;
    }
    struct nh_iov batch = batch_gather(set, iov, count);
    int rc = nh_layer_tls__write(s, batch.ptr, batch.len);
    if (rc < 0) {
        nh_stream__finish(s, rc);
        return false;
    }
    set->info.bytes_out += batch.len;
    set->on.sent(set->on.ctx, s, batch.len);
    return !(s->flags & (NH_STREAM_BLOCKED | NH_STREAM_DYING));
}

// ---- input of the handler ----------------------------------------------------------------------

void nh_layer__read(nh_stream_set_t *set, nh_stream_t *s, uint8_t *at, size_t cap)
{
    int end = 0;
    if (nh_layer__of(s)->phase == NH_PHASE_TLS) {
        nh_layer_tls__handshake(s);
        return;
    }
    size_t n = nh_layer_tls__read(s, at, cap, &end);
    if (n > 0) {
        set->buffer_used += (uint32_t)n;
        set->info.bytes_in += n;
        int rc = set->on.input(set->on.ctx, s, at, n);
        if (rc != 0)
            nh_stream__drain(s, rc);
    }
    if (end < 0)
        nh_stream__drain(s, end);
}

int nh_stream_identity(const nh_stream_t *s, enum nh_identity kind, char *text, size_t cap)
{
    struct nh_layer *layer = s->flags & NH_STREAM_LAYERED ? nh_layer__of(s) : NULL;
    return layer && layer->ssl ? nh_tls__identity(layer->ssl, kind, text, cap) : NH_ERR_NOT_FOUND;
}
