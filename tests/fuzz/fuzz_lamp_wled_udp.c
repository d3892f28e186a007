// Any datagram as each of what WLED speaks over UDP: what is read lies within it, and a state or a
// beacon is built again to what is read the same.

#include "components/lamp_live/lamp_wled_udp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct nh_lamp__wled_pixels *p, const uint8_t *data, size_t size)
{
    if (p->data.len > 0 && (p->data.ptr < data || p->data.ptr + p->data.len > data + size))
        abort();
    if (p->data.len % p->pixel_bytes != 0)
        abort();
}

static void state(const uint8_t *data, size_t size)
{
    struct nh_lamp_sync s, back;
    uint8_t out[NH_LAMP_SYNC_BYTES];
    if (nh_lamp_sync_parse(data, size, &s) < 0)
        return;
    nh_lamp_sync_build(&s, out);
    if (nh_lamp_sync_parse(out, sizeof out, &back) < 0 ||
        memcmp(back.color, s.color, sizeof s.color) != 0 || back.effect != s.effect ||
        back.groups != s.groups || back.brightness != s.brightness)
        abort();
}

static void beacon(const uint8_t *data, size_t size)
{
    struct nh_lamp_beacon b, back;
    uint8_t out[NH_LAMP_BEACON_BYTES];
    if (nh_lamp_beacon_parse(data, size, &b) < 0)
        return;
    nh_lamp_beacon_build(&b, out);
    if (nh_lamp_beacon_parse(out, sizeof out, &back) < 0 || strcmp(back.name, b.name) != 0 ||
        back.build != b.build)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nh_lamp__wled_pixels p;
    if (nh_lamp__wled_pixels_parse(data, size, &p) == 0)
        check(&p, data, size);
    if (nh_lamp__hyperion_parse(data, size, &p) == 0)
        check(&p, data, size);
    state(data, size);
    beacon(data, size);
    return 0;
}
