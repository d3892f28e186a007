// Any datagram as Art-Net: what is read lies within it, and is built again to what is read the
// same.

#include "components/lamp_live/lamp_artnet.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nh_lamp__artnet_packet p, back;
    uint8_t out[NH_LAMP__ARTNET_PACKET_MAX_BYTES];
    if (nh_lamp__artnet_parse(data, size, &p) < 0 || p.kind != NH_LAMP__ARTNET_DMX)
        return 0;
    if (p.channels.ptr < data || p.channels.ptr + p.channels.len > data + size)
        abort();
    size_t len = nh_lamp__artnet_build(&p, out);
    if (nh_lamp__artnet_parse(out, len, &back) < 0 || back.sequence != p.sequence ||
        back.address != p.address || back.channels.len < p.channels.len ||
        memcmp(back.channels.ptr, p.channels.ptr, p.channels.len) != 0)
        abort();
    return 0;
}
