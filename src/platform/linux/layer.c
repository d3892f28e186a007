#include "platform/linux/layer.h"

#include "core/base/log.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
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
    socklen_t from_len = sizeof layer->from; // of other families the name is cut, and not needed
    if (getpeername(s->fd, (struct sockaddr *)&layer->from, &from_len) != 0)
        layer->from.sin6_family = AF_UNSPEC;
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
    nh_mem_free(mem, layer->ws);
    nh_mem_free(mem, layer->proxied);
    nh_mem_free(mem, layer->gather);
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
    nh_layer__block_drop(s, &layer->gather);
    if (!layer->ssl && !layer->ws && !layer->proxied)
        nh_layer__remove(s);
    nh_stream__open(s);
}

void nh_layer__advance(nh_stream_t *s)
{
    struct nh_layer *layer = nh_layer__of(s);
    const nh_listener_t *l = nh_stream_listener(s);
    if (layer->phase < NH_PHASE_TLS && layer->ssl) {
        layer->phase = NH_PHASE_TLS;
        if (!l)
            nh_layer_tls__handshake(s); // a client speaks first
    } else if (layer->phase < NH_PHASE_UPGRADE && l && l->ws) {
        layer->phase = NH_PHASE_UPGRADE;
    } else {
        open_up(s);
    }
}

// Strangers choose how often this happens: a few lines a second, the rest is counted.
static bool may_tell(nh_stream_set_t *set)
{
    uint64_t second = nh_clock_ms() / 1000;
    if (second != set->told_second) {
        if (set->left_out)
            NH_LOG_W("stream", "%u more refused before that", (unsigned)set->left_out);
        set->told_second = second;
        set->told = set->left_out = 0;
    }
    if (set->told < NH_STREAM_TOLD_MAX) {
        set->told++;
        return true;
    }
    set->left_out++;
    return false;
}

void nh_layer__fail(nh_stream_t *s, int err, const char *reason)
{
    char peer[64];
    nh_layer__of(s)->reason = reason;
    if (nh_stream_listener(s)) {
        nh_stream__set(s)->info.handshake_failures++;
        if (may_tell(nh_stream__set(s))) {
            nh_stream_peer(s, peer, sizeof peer);
            NH_LOG_W("stream", "refused %s: %s", peer, reason);
        }
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

int nh_layer__block_resize(nh_stream_t *s, struct nh_layer_block **b, size_t cap)
{
    struct nh_layer_block *fresh =
        nh_mem_realloc(nh_stream__set(s)->mem, *b, sizeof **b + cap, NH_MEM_BULK);
    if (!fresh)
        return NH_ERR_NOMEM;
    if (!*b)
        fresh->at = fresh->len = 0;
    fresh->cap = (uint32_t)cap;
    *b = fresh;
    return NH_OK;
}

void nh_layer__block_drop(nh_stream_t *s, struct nh_layer_block **b)
{
    nh_mem_free(nh_stream__set(s)->mem, *b);
    *b = NULL;
}

static bool pending_send(nh_stream_t *s)
{
    struct nh_layer *layer = nh_layer__of(s);
    struct nh_layer_block *b = layer->pending;
    size_t rest = b->len - b->at;
    ssize_t n = send(s->fd, b->bytes + b->at, rest, MSG_NOSIGNAL | MSG_DONTWAIT);
    b->at += (uint32_t)written(s, n, rest);
    if (b->at < b->len)
        return false;
    nh_layer__block_drop(s, &layer->pending);
    return true;
}

// Makes room for `more` bytes behind those that wait.
static int pending_grow(nh_stream_t *s, size_t more)
{
    struct nh_layer *layer = nh_layer__of(s);
    const struct nh_layer_block *b = layer->pending;
    size_t need = (b ? b->len : 0) + more;
    if (b && need <= b->cap)
        return NH_OK;
    if (need > NH_LAYER_PENDING_MAX_BYTES)
        return NH_ERR_FULL;
    size_t steps = (need + BLOCK_STEP_BYTES - 1) / BLOCK_STEP_BYTES;
    return nh_layer__block_resize(s, &layer->pending, steps * BLOCK_STEP_BYTES);
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

int nh_layer__say(nh_stream_t *s, const void *bytes, size_t len)
{
    const struct nh_iov iov = {bytes, len};
    return nh_layer__of(s)->ssl ? nh_layer_tls__write(s, bytes, len) : nh_layer__put(s, &iov, 1);
}

void nh_layer__say_end(nh_stream_t *s)
{
    struct nh_layer *layer = nh_layer__of(s);
    if (layer->has_said_end || layer->is_broken || layer->phase != NH_PHASE_OPEN)
        return;
    layer->has_said_end = true;
    if (layer->ws)
        nh_layer_ws__say_close(s, layer->ws_code ? layer->ws_code : 1000);
    if (layer->ssl)
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

// Cuts the spans to one batch. Returns its bytes; *count of the spans are left.
static size_t batch_cut(struct nh_iov *iov, size_t *count)
{
    size_t total = 0, i = 0;
    for (; i < *count && total < NH_LAYER_BATCH_MAX_BYTES; i++) {
        if (iov[i].len > NH_LAYER_BATCH_MAX_BYTES - total)
            iov[i].len = NH_LAYER_BATCH_MAX_BYTES - total;
        total += iov[i].len;
    }
    *count = i;
    return total;
}

// A record: small spans side by side in the scratch, or a large one as it lies.
static int batch_encrypt(nh_stream_set_t *set, nh_stream_t *s, const struct nh_iov *iov,
                         size_t count)
{
    if (count == 1)
        return nh_layer_tls__write(s, iov[0].ptr, iov[0].len);
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        memcpy(set->scratch + len, iov[i].ptr, iov[i].len);
        len += iov[i].len;
    }
    return nh_layer_tls__write(s, set->scratch, len);
}

// Sends up to a batch of the spans behind iov[0], which is free for a header. Gives its bytes.
static int batch_send(nh_stream_set_t *set, nh_stream_t *s, struct nh_iov *iov, size_t count,
                      size_t *bytes)
{
    uint8_t header[NH_WS_HEADER_MAX_BYTES];
    const struct nh_layer *layer = nh_layer__of(s);
    *bytes = batch_cut(iov + 1, &count);
    if (layer->ws) {
        iov[0].ptr = header;
        iov[0].len = nh_ws_write_header(header, NH_WS_BINARY, *bytes); // [MQTT-6.0.0-1]
        count++;
    } else {
        iov++;
    }
    return layer->ssl ? batch_encrypt(set, s, iov, count) : nh_layer__put(s, iov, count);
}

static size_t handler_output(nh_stream_set_t *set, nh_stream_t *s, struct nh_iov *iov, size_t max)
{
    const struct nh_layer *layer = nh_layer__of(s);
    if (layer->phase != NH_PHASE_OPEN || layer->is_broken)
        return 0;
    return set->on.output(set->on.ctx, s, iov, max);
}

bool nh_layer__flush_once(nh_stream_set_t *set, nh_stream_t *s)
{
    struct nh_iov iov[NH_STREAM_IOV_MAX_COUNT];
    size_t bytes = 0;
    if (nh_layer__of(s)->pending && !pending_send(s))
        return false;
    size_t count = handler_output(set, s, iov + 1, NH_ARRAY_LEN(iov) - 1);
    if (count == 0) {
        settle(s);
        return false;
    }
    int rc = batch_send(set, s, iov, count, &bytes);
    if (rc < 0) {
        nh_stream__finish(s, rc);
        return false;
    }
    set->info.bytes_out += bytes;
    set->on.sent(set->on.ctx, s, bytes);
    return !(s->flags & (NH_STREAM_BLOCKED | NH_STREAM_DYING));
}

// ---- input of the handler ----------------------------------------------------------------------

void nh_layer__give(nh_stream_t *s, const uint8_t *bytes, size_t len)
{
    nh_stream_set_t *set = nh_stream__set(s);
    set->info.bytes_in += len;
    int rc = set->on.input(set->on.ctx, s, bytes, len);
    if (rc != 0)
        nh_stream__drain(s, rc);
}

// As of a plain stream. *end < 0: the connection ends with that.
static size_t socket_read(nh_stream_t *s, uint8_t *at, size_t cap, int *end)
{
    ssize_t n = recv(s->fd, at, cap, MSG_DONTWAIT);
    if (n > 0) {
        if ((size_t)n < cap && !(s->flags & NH_STREAM_HANGUP))
            s->flags &= (uint16_t)~NH_STREAM_READABLE;
        return (size_t)n;
    }
    if (n < 0 && errno == EINTR)
        return 0;
    s->flags &= (uint16_t)~NH_STREAM_READABLE;
    if (n == 0 || errno != EAGAIN)
        *end = n == 0 ? NH_ERR_CLOSED : nh_linux__err(errno);
    return 0;
}

// Bytes of a WebSocket's request, of its frames, or of the handler.
static void pass_on(nh_stream_t *s, uint8_t *bytes, size_t len)
{
    const struct nh_layer *layer = nh_layer__of(s);
    if (layer->phase == NH_PHASE_UPGRADE)
        nh_layer_ws__request(s, bytes, len);
    else if (layer->ws)
        nh_layer_ws__input(s, bytes, len);
    else
        nh_layer__give(s, bytes, len);
}

void nh_layer__read(nh_stream_set_t *set, nh_stream_t *s, uint8_t *at, size_t cap)
{
    const struct nh_layer *layer = nh_layer__of(s);
    int end = 0;
    if (layer->phase == NH_PHASE_PROXY) {
        nh_layer_proxy__read(s);
        return;
    }
    if (layer->phase == NH_PHASE_TLS) {
        nh_layer_tls__handshake(s);
        return;
    }
    size_t n = layer->ssl ? nh_layer_tls__read(s, at, cap, &end) : socket_read(s, at, cap, &end);
    if (n > 0) {
        set->buffer_used += (uint32_t)n;
        pass_on(s, at, n);
    }
    if (end < 0 && nh_layer__is_early(s))
        nh_layer__fail(s, end, "the connection ended before its request");
    else if (end < 0)
        nh_stream__drain(s, end);
}

// ---- who it is ---------------------------------------------------------------------------------

bool nh_layer__is_proxied(const nh_stream_t *s)
{
    return (s->flags & NH_STREAM_LAYERED) && nh_layer__of(s)->proxied;
}

bool nh_layer__peer(const nh_stream_t *s, char *text, size_t cap)
{
    const struct nh_layer_proxied *p = nh_layer__is_proxied(s) ? nh_layer__of(s)->proxied : NULL;
    struct sockaddr_storage sa = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&sa;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&sa;
    if (!p)
        return false;
    if (p->family == NH_PROXY2_IPV4) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(p->port);
        memcpy(&v4->sin_addr, p->address, sizeof v4->sin_addr);
    } else if (p->family == NH_PROXY2_IPV6) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(p->port);
        memcpy(&v6->sin6_addr, p->address, sizeof v6->sin6_addr);
    }
    if (p->family == NH_PROXY2_UNIX)
        snprintf(text, cap, "unix");
    else
        nh_linux__address_text(&sa, text, cap);
    return true;
}

int nh_stream_identity(const nh_stream_t *s, enum nh_identity kind, char *text, size_t cap)
{
    const struct nh_layer *layer = s->flags & NH_STREAM_LAYERED ? nh_layer__of(s) : NULL;
    if (layer && layer->ssl)
        return nh_tls__identity(layer->ssl, kind, text, cap);
    const struct nh_layer_proxied *p = layer ? layer->proxied : NULL;
    if (!p || !p->name[0] || kind != NH_IDENTITY_CN)
        return NH_ERR_NOT_FOUND;
    return nh_tls__name_take(p->name, strlen(p->name), text, cap);
}
