// Packets of strangers at the responder for multicast DNS: whatever they say, what it says is well
// formed, of bounded length and number, and time goes on.
//
// Each packet: a byte for the port and the time that goes by, a byte with its length, its bytes.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/mdns/mdns.h"
#include "core/mdns/mdns_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *packet, size_t len)
{
    struct nh_mdns__item item;
    size_t at = NH_MDNS__HEAD_BYTES;
    if (len > NH_MDNS_PACKET_MAX_BYTES)
        abort();
    for (uint32_t n = nh_get_be16(packet + 4); n; n--)
        if (!nh_mdns__question_read(packet, len, &at, &item))
            abort();
    for (uint32_t n =
             (uint32_t)nh_get_be16(packet + 6) + nh_get_be16(packet + 8) + nh_get_be16(packet + 10);
         n; n--)
        if (!nh_mdns__record_read(packet, len, &at, &item))
            abort();
    if (at != len)
        abort();
}

static void drain(nh_mdns_t *m, uint64_t now_ms)
{
    uint8_t out[NH_MDNS_PACKET_MAX_BYTES];
    const char *to;
    uint16_t port;
    size_t len;
    for (int i = 0; (len = nh_mdns_output(m, out, &to, &port, now_ms)) > 0; i++) {
        check(out, len);
        if (i > 3 || !to)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct nh_mdns_service services[] = {{"_http._tcp", 80, NULL},
                                                      {"_wled._tcp", 80, "mac=0123456789ab"}};
    const struct nh_mdns_config cfg = {
        .name = "attic", .address = {192, 0, 2, 7}, .services = services, .service_count = 2};
    nh_mdns_t m;
    uint64_t now_ms = 1;
    if (nh_mdns_init(&m, &cfg, now_ms) != 0)
        abort();
    for (int i = 0; i < 8; i++, now_ms += 1000)
        drain(&m, now_ms);
    while (size >= 2) {
        size_t len = data[1] < size - 2 ? data[1] : size - 2;
        uint8_t *packet = malloc(len ? len : 1); // exactly as long as it is
        if (!packet)
            return 0;
        memcpy(packet, data + 2, len);
        nh_mdns_input(&m, packet, len, "192.0.2.9", data[0] & 1 ? 5353 : 40000, now_ms);
        free(packet);
        now_ms += (uint64_t)(data[0] >> 1) * 10;
        drain(&m, now_ms);
        data += 2 + len;
        size -= 2 + len;
    }
    uint8_t out[NH_MDNS_PACKET_MAX_BYTES];
    size_t len = nh_mdns_goodbye(&m, out);
    if (len)
        check(out, len);
    return 0;
}
