// Any datagram as DDP: what is read lies within it, and is built again to what is read the same.

#include "components/lamp_live/lamp_ddp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nh_lamp__ddp_packet p, back;
    uint8_t out[NH_LAMP__DDP_PACKET_MAX_BYTES];
    if (nh_lamp__ddp_parse(data, size, &p) < 0)
        return 0;
    if (p.data.ptr < data || p.data.ptr + p.data.len > data + size)
        abort();
    if (p.data.len > NH_LAMP__DDP_DATA_MAX_BYTES)
        return 0;
    size_t len = nh_lamp__ddp_build(&p, out);
    if (nh_lamp__ddp_parse(out, len, &back) < 0 || back.sequence != p.sequence ||
        back.offset_bytes != p.offset_bytes || back.is_push != p.is_push ||
        back.data.len != p.data.len || memcmp(back.data.ptr, p.data.ptr, p.data.len) != 0)
        abort();
    return 0;
}
