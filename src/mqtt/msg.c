#include "mqtt/msg.h"

#include "core/base/bytes.h"
#include "mqtt/packet.h"

#include <string.h>

#define EXPIRY_BYTES 5u // as a property

struct nh_mqtt__msg *nh_mqtt__msg_alloc(nh_mem_t *mem, size_t cap)
{
    struct nh_mqtt__msg *m =
        nh_mem_alloc(mem, offsetof(struct nh_mqtt__msg, bytes) + cap, NH_MEM_BULK);
    if (m)
        *m = (struct nh_mqtt__msg){.refs = 1};
    return m;
}

// Writes a QoS 0 head before the topic that already stands at `topic_at`; the packet ends at `end`.
static void write_head(struct nh_mqtt__msg *m, uint32_t topic_at, uint32_t end)
{
    uint8_t head[NH_MQTT__HEAD_MAX];
    uint32_t body_len = 2 + end - topic_at;
    size_t head_len = nh_mqtt__head_encode(head, NH_MQTT__PUBLISH << 4, body_len);
    m->start = (uint8_t)(topic_at - 2 - head_len);
    m->len = (uint32_t)head_len + body_len;
    memcpy(m->bytes + m->start, head, head_len);
    nh_put_be16(m->bytes + topic_at - 2, m->topic_len);
}

static uint32_t varint_len(uint32_t v)
{
    return v < 0x80 ? 1 : v < 0x4000 ? 2 : v < 0x200000 ? 3 : 4;
}

static uint8_t *put(uint8_t *at, nh_span_t part)
{
    if (part.len)
        memcpy(at, part.ptr, part.len);
    return at + part.len;
}

static uint8_t *put_props(uint8_t *at, const struct nh_mqtt__content *k, uint32_t len)
{
    uint8_t head[NH_MQTT__HEAD_MAX];
    size_t n = nh_mqtt__head_encode(head, 0, len) - 1; // the length as a head would have it
    memcpy(at, head + 1, n);
    at += n;
    if (k->expires_ms) {
        *at = NH_MQTT__MESSAGE_EXPIRY_INTERVAL;
        nh_put_be32(at + 1, k->expiry_s);
        at += EXPIRY_BYTES;
    }
    return put(put(at, k->labels), k->props);
}

struct nh_mqtt__msg *nh_mqtt__msg_create(nh_mem_t *mem, const struct nh_mqtt__content *k)
{
    bool is_v5 = k->version == 5, expires = is_v5 && k->expires_ms;
    uint32_t props = (uint32_t)(k->labels.len + k->props.len + (expires ? EXPIRY_BYTES : 0));
    uint32_t props_bytes = is_v5 ? varint_len(props) + props : 0;
    uint32_t body_len = (uint32_t)(2 + k->topic.len + props_bytes + k->payload.len);
    size_t before = expires ? sizeof k->expires_ms : 0;
    size_t topic_at = before + nh_mqtt__head_len(body_len) + 2;
    struct nh_mqtt__msg *m = nh_mqtt__msg_alloc(mem, topic_at - 2 + body_len);
    if (!m)
        return NULL;
    m->topic_len = (uint16_t)k->topic.len;
    m->qos = k->qos & 3;
    m->is_v5 = is_v5;
    m->has_expiry = expires;
    m->payload_at = (uint32_t)(topic_at + k->topic.len + props_bytes);
    memcpy(m->bytes, &k->expires_ms, before);
    uint8_t *at = put(m->bytes + topic_at, k->topic);
    if (is_v5)
        at = put_props(at, k, props);
    put(at, k->payload);
    write_head(m, (uint32_t)topic_at, (uint32_t)(topic_at - 2 + body_len));
    return m;
}

// The properties with their length: `*len` of what follows the topic.
static nh_span_t props_at(const uint8_t *at, uint32_t *len)
{
    uint32_t value = 0, n = 0;
    do
        value |= (uint32_t)(at[n] & 0x7f) << (7 * n);
    while (at[n++] & 0x80);
    *len = n + value;
    return (nh_span_t){at + n, value};
}

void nh_mqtt__msg_adopt(struct nh_mqtt__msg *m, size_t head_len, uint32_t packet_len, bool has_id,
                        uint8_t version)
{
    m->topic_len = nh_get_be16(m->bytes + head_len);
    m->is_v5 = version == 5;
    m->has_expiry = false;
    uint32_t topic_at = (uint32_t)head_len + 2, props_bytes = 0, id_bytes = has_id ? 2 : 0;
    m->payload_at = topic_at + m->topic_len + id_bytes;
    if (m->is_v5)
        props_at(m->bytes + m->payload_at, &props_bytes);
    m->payload_at += props_bytes;
    if (has_id)
        memmove(m->bytes + topic_at + 2, m->bytes + topic_at, m->topic_len);
    write_head(m, topic_at + id_bytes, packet_len);
}

nh_span_t nh_mqtt__msg_props(const struct nh_mqtt__msg *m)
{
    uint32_t len;
    if (!m->is_v5)
        return (nh_span_t){NULL, 0};
    nh_span_t topic = nh_mqtt__msg_topic(m);
    nh_span_t props = props_at(topic.ptr + topic.len, &len);
    uint32_t skip = m->has_expiry ? EXPIRY_BYTES : 0;
    return (nh_span_t){props.ptr + skip, props.len - skip};
}

bool nh_mqtt__msg_age(struct nh_mqtt__msg *m, uint64_t now_ms)
{
    uint64_t expires_ms = nh_mqtt__msg_expires_ms(m);
    if (expires_ms == 0)
        return true;
    if (now_ms >= expires_ms)
        return false;
    uint8_t *at = m->bytes + (nh_mqtt__msg_props(m).ptr - m->bytes);
    nh_put_be32(at - 4, nh_mqtt__left_s(expires_ms, now_ms));
    return true;
}
