#include "mqtt/packet.h"

#include "core/base/bytes.h"
#include "core/base/utf8.h"

enum {
    FLAGS_REFUSED = 0x10, // not a packet that this side sends
    FLAGS_PUBLISH = 0x20, // DUP, QoS and RETAIN, looked at by bits
};

#define NO FLAGS_REFUSED
// Tables 2-1 and 2-2 of the standard by side and type.
static const uint8_t flags_of_type[2][16] = {
    [NH_MQTT__FROM_CLIENT] = {NO, 0, NO, FLAGS_PUBLISH, 0, 0, 2, 0, 2, NO, 2, NO, 0, NO, 0, 0},
    [NH_MQTT__FROM_SERVER] = {NO, NO, 0, FLAGS_PUBLISH, 0, 0, 2, 0, NO, 0, NO, 0, NO, 0, 0, 0},
};
#undef NO

static bool flags_are_right(uint8_t expected, uint8_t flags)
{
    if (expected != FLAGS_PUBLISH)
        return expected == flags;
    uint8_t qos = flags >> 1 & 3;
    // QoS 3 does not exist [MQTT-3.3.1-4], [MQTT5-3.3.1-4]; DUP stands for nothing at QoS 0
    // [MQTT-3.3.1-2], [MQTT5-3.3.1-2].
    return qos < 3 && !(qos == 0 && (flags & 8));
}

int nh_mqtt__head_decode(const uint8_t *bytes, size_t len, enum nh_mqtt__from from,
                         struct nh_mqtt__head *out)
{
    if (len == 0)
        return 0;
    out->type = bytes[0] >> 4;
    out->flags = bytes[0] & 15;
    if (!flags_are_right(flags_of_type[from][out->type], out->flags))
        return NH_ERR_SYNTAX;
    if (len > 1 && bytes[1] < 0x80) { // most packets are short
        out->body_len = bytes[1];
        out->head_len = 2;
        out->is_minimal = true;
        return 2;
    }
    uint32_t value = 0;
    for (size_t i = 1; i < NH_MQTT__HEAD_MAX; i++) {
        if (i >= len)
            return 0;
        value |= (uint32_t)(bytes[i] & 0x7f) << (7 * (i - 1));
        if (bytes[i] & 0x80)
            continue;
        out->body_len = value;
        out->head_len = (uint8_t)(i + 1);
        out->is_minimal = i == 1 || bytes[i] != 0;
        return (int)(i + 1);
    }
    return NH_ERR_SYNTAX; // a fifth byte of length
}

size_t nh_mqtt__head_len(uint32_t body_len)
{
    return body_len < 0x80 ? 2 : body_len < 0x4000 ? 3 : body_len < 0x200000 ? 4 : 5;
}

size_t nh_mqtt__head_encode(uint8_t *out, uint8_t first, uint32_t body_len)
{
    size_t n = 0;
    out[n++] = first;
    do {
        uint8_t more = body_len > 0x7f ? 0x80 : 0;
        out[n++] = (uint8_t)((body_len & 0x7f) | more);
        body_len >>= 7;
    } while (body_len);
    return n;
}

// ---- a walk over a body -------------------------------------------------------------------------

// `len` bytes, or NULL past the end.
static const uint8_t *take(struct nh_mqtt__cursor *c, size_t len)
{
    const uint8_t *at = c->ptr;
    if ((size_t)(c->end - c->ptr) < len) {
        c->overran = true;
        return NULL;
    }
    c->ptr += len;
    return at;
}

uint8_t nh_mqtt__take_u8(struct nh_mqtt__cursor *c)
{
    const uint8_t *at = take(c, 1);
    return at ? *at : 0;
}

uint16_t nh_mqtt__take_u16(struct nh_mqtt__cursor *c)
{
    const uint8_t *at = take(c, 2);
    return at ? nh_get_be16(at) : 0;
}

uint32_t nh_mqtt__take_u32(struct nh_mqtt__cursor *c)
{
    const uint8_t *at = take(c, 4);
    return at ? nh_get_be32(at) : 0;
}

uint32_t nh_mqtt__take_varint(struct nh_mqtt__cursor *c)
{
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
        uint8_t byte = nh_mqtt__take_u8(c);
        value |= (uint32_t)(byte & 0x7f) << shift;
        if (byte & 0x80)
            continue;
        c->overran |= shift && byte == 0; // [MQTT5-1.5.5-1]
        return value;
    }
    c->overran = true;
    return 0;
}

nh_span_t nh_mqtt__take_bytes(struct nh_mqtt__cursor *c)
{
    size_t len = nh_mqtt__take_u16(c);
    const uint8_t *at = take(c, len);
    return at ? (nh_span_t){at, len} : (nh_span_t){c->end, 0};
}

nh_span_t nh_mqtt__take_text(struct nh_mqtt__cursor *c)
{
    nh_span_t s = nh_mqtt__take_bytes(c);
    c->overran |= !nh_utf8_is_valid(s.ptr, s.len, false);
    return s;
}
