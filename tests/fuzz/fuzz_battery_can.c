// What an inverter, or anybody on its bus, sends: 14 bytes a frame, as the platform gives them. The
// text that is kept of it is printable and has an end.

#include "components/battery_bridge/battery_can.h"
#include "core/base/bytes.h"

#include <stdlib.h>
#include <string.h>

#define FRAME_BYTES 14

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nh_battery_can_peer p = {0};
    uint64_t now_ms = 0;
    for (; size >= FRAME_BYTES; data += FRAME_BYTES, size -= FRAME_BYTES) {
        struct nh_can_frame f = {.id = nh_get_le32(data) & 0x7FF, .len = data[4] % 9};
        memcpy(f.data, data + 6, f.len);
        now_ms += data[5] * 1000u;
        nh_battery_can_hear(&p, &f, now_ms);
        if (memchr(p.identity, '\0', sizeof p.identity) == NULL)
            abort();
        for (const char *at = p.identity; *at; at++)
            if (*at <= ' ' || *at >= 0x7F)
                abort();
        if (nh_battery_can_is_alive(&p, now_ms, 600000) && p.alive_count == 0)
            abort();
        if (p.alive_count + p.foreign > p.frames)
            abort();
    }
    return 0;
}
