// Any datagram as E1.31: what is read lies within it, and is built again to what is read the same.

#include "components/lamp_live/lamp_e131.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nh_lamp__e131_packet p, back;
    uint8_t out[NH_LAMP__E131_PACKET_MAX_BYTES];
    if (nh_lamp__e131_parse(data, size, &p) < 0 || p.kind == NH_LAMP__E131_SYNC)
        return 0;
    if (p.channels.ptr < data || p.channels.ptr + p.channels.len > data + size)
        abort();
    size_t len = nh_lamp__e131_build(&p, out);
    if (nh_lamp__e131_parse(out, len, &back) < 0 || back.universe != p.universe ||
        back.priority != p.priority || back.sequence != p.sequence ||
        strcmp(back.name, p.name) != 0 || back.channels.len != p.channels.len ||
        memcmp(back.channels.ptr, p.channels.ptr, p.channels.len) != 0)
        abort();
    return 0;
}
