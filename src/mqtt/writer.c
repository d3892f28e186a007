#include "mqtt/writer.h"

#include "core/base/bytes.h"

#include <string.h>

void nh_mqtt__put_raw(struct nh_mqtt__writer *w, nh_span_t bytes)
{
    if (w->out && bytes.len)
        memcpy(w->out + w->len, bytes.ptr, bytes.len);
    w->len += bytes.len;
}

void nh_mqtt__put_u8(struct nh_mqtt__writer *w, uint8_t v)
{
    nh_mqtt__put_raw(w, (nh_span_t){&v, 1});
}

void nh_mqtt__put_u16(struct nh_mqtt__writer *w, uint16_t v)
{
    uint8_t bytes[2];
    nh_put_be16(bytes, v);
    nh_mqtt__put_raw(w, (nh_span_t){bytes, sizeof bytes});
}

void nh_mqtt__put_u32(struct nh_mqtt__writer *w, uint32_t v)
{
    uint8_t bytes[4];
    nh_put_be32(bytes, v);
    nh_mqtt__put_raw(w, (nh_span_t){bytes, sizeof bytes});
}

void nh_mqtt__put_varint(struct nh_mqtt__writer *w, uint32_t v)
{
    do {
        nh_mqtt__put_u8(w, (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0)));
        v >>= 7;
    } while (v);
}

void nh_mqtt__put_bytes(struct nh_mqtt__writer *w, nh_span_t bytes)
{
    if (bytes.len > UINT16_MAX) {
        w->is_bad = true;
        return;
    }
    nh_mqtt__put_u16(w, (uint16_t)bytes.len);
    nh_mqtt__put_raw(w, bytes);
}

void nh_mqtt__put_props(struct nh_mqtt__writer *w, uint8_t version, const struct nh_mqtt__props *p)
{
    if (version < 5)
        return;
    if (p->bytes.len > NH_MQTT__BODY_MAX) {
        w->is_bad = true;
        return;
    }
    nh_mqtt__put_varint(w, (uint32_t)p->bytes.len);
    nh_mqtt__put_raw(w, p->bytes);
}

int nh_mqtt__encode(uint8_t first, void (*body)(struct nh_mqtt__writer *w, void *packet),
                    void *packet, size_t tail_len, uint8_t *out, size_t cap)
{
    struct nh_mqtt__writer w = {0};
    body(&w, packet);
    if (w.is_bad || w.len > NH_MQTT__BODY_MAX || tail_len > NH_MQTT__BODY_MAX - w.len)
        return NH_ERR_TOO_LONG;
    uint32_t body_len = (uint32_t)(w.len + tail_len);
    size_t total = nh_mqtt__head_len(body_len) + w.len;
    if (total > cap)
        return (int)total;
    w = (struct nh_mqtt__writer){.out = out, .len = nh_mqtt__head_encode(out, first, body_len)};
    body(&w, packet);
    NH_ASSERT(w.len == total);
    return (int)total;
}
