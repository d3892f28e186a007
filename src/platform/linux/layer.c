#include "platform/linux/layer.h"

int nh_layer__add(nh_stream_t *s)
{
    struct nh_layer *layer = nh_mem_alloc_zero(nh_stream__set(s)->mem, sizeof *layer, NH_MEM_BULK);
    if (!layer)
        return NH_ERR_NOMEM;
    layer->user = s->user;
    s->user = layer;
    s->flags |= NH_STREAM_LAYERED;
    return NH_OK;
}

void nh_layer__remove(nh_stream_t *s)
{
    if (!(s->flags & NH_STREAM_LAYERED))
        return;
    struct nh_layer *layer = nh_layer__of(s);
    nh_mem_t *mem = nh_stream__set(s)->mem;
    s->user = layer->user;
    s->flags &= (uint16_t)~NH_STREAM_LAYERED;
    nh_dial__free(mem, layer->dial);
    nh_mem_free(mem, layer);
}
