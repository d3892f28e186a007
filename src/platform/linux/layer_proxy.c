// layer_proxy.c - the header that a proxy puts in front. It is read to its last byte and not a byte
// further: what follows is for the next phase.

#include "platform/linux/layer.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static void refuse(nh_stream_t *s, int err)
{
    nh_layer__fail(s, err,
                   err == NH_ERR_CLOSED     ? "the connection ended before its PROXY header"
                   : err == NH_ERR_TOO_LONG ? "its PROXY header is too long"
                                            : "it did not begin with a PROXY header of version 2");
}

// Reads until `need` bytes are there. False: not yet, or it has failed.
static bool fill(nh_stream_t *s, size_t need)
{
    struct nh_layer *layer = nh_layer__of(s);
    if (!layer->gather || layer->gather->cap < need) {
        int rc = nh_layer__block_resize(s, &layer->gather, need);
        if (rc < 0) {
            nh_layer__fail(s, rc, nh_err_text(rc));
            return false;
        }
    }
    struct nh_layer_block *b = layer->gather;
    while (b->len < need) {
        ssize_t n = recv(s->fd, b->bytes + b->len, need - b->len, MSG_DONTWAIT);
        if (n <= 0) {
            s->flags &= (uint16_t)~NH_STREAM_READABLE;
            if (n == 0 || errno != EAGAIN)
                refuse(s, n == 0 ? NH_ERR_CLOSED : nh_linux__err(errno));
            return false;
        }
        b->len += (uint32_t)n;
    }
    return true;
}

static int keep(nh_stream_t *s, const struct nh_proxy2 *p)
{
    size_t name_bytes = strlen(p->name) + 1;
    if (!p->is_relayed)
        return NH_OK; // the connection is the proxy's own
    struct nh_layer_proxied *kept =
        nh_mem_alloc(nh_stream__set(s)->mem, sizeof *kept + name_bytes, NH_MEM_BULK);
    if (!kept)
        return NH_ERR_NOMEM;
    kept->family = p->family;
    kept->port = p->port;
    memcpy(kept->address, p->address, sizeof kept->address);
    memcpy(kept->name, p->name, name_bytes);
    nh_layer__of(s)->proxied = kept;
    return NH_OK;
}

void nh_layer_proxy__read(nh_stream_t *s)
{
    struct nh_layer *layer = nh_layer__of(s);
    struct nh_proxy2 p;
    if (!fill(s, NH_PROXY2_HEAD_BYTES))
        return;
    int len = nh_proxy2_length(layer->gather->bytes);
    if (len >= 0 && !fill(s, (size_t)len))
        return;
    int rc = len < 0 ? len : nh_proxy2_parse(layer->gather->bytes, (size_t)len, &p);
    if (rc == NH_OK)
        rc = keep(s, &p);
    nh_layer__block_drop(s, &layer->gather);
    if (rc < 0)
        refuse(s, rc);
    else
        nh_layer__advance(s);
}
