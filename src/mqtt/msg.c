#include "mqtt/msg.h"

#include "core/base/bytes.h"
#include "mqtt/packet.h"

#include <string.h>

struct nh_mqtt__msg *nh_mqtt__msg_alloc(nh_mem_t *mem, size_t cap)
{
    struct nh_mqtt__msg *m =
        nh_mem_alloc(mem, offsetof(struct nh_mqtt__msg, bytes) + cap, NH_MEM_BULK);
    if (m)
        *m = (struct nh_mqtt__msg){.refs = 1};
    return m;
}

// Writes a QoS 0 head for the topic that already stands before payload_at.
static void write_head(struct nh_mqtt__msg *m, uint32_t payload_len)
{
    uint8_t head[NH_MQTT__HEAD_MAX];
    uint32_t body_len = 2u + m->topic_len + payload_len;
    size_t head_len = nh_mqtt__head_encode(head, NH_MQTT__PUBLISH << 4, body_len);
    m->start = (uint8_t)(m->payload_at - m->topic_len - 2 - head_len);
    m->len = (uint32_t)head_len + body_len;
    memcpy(m->bytes + m->start, head, head_len);
    nh_put_be16(m->bytes + m->start + head_len, m->topic_len);
}

struct nh_mqtt__msg *nh_mqtt__msg_create(nh_mem_t *mem, nh_span_t topic, nh_span_t payload)
{
    uint32_t body_len = (uint32_t)(2 + topic.len + payload.len);
    size_t head_len = nh_mqtt__head_len(body_len);
    struct nh_mqtt__msg *m = nh_mqtt__msg_alloc(mem, head_len + body_len);
    if (!m)
        return NULL;
    m->topic_len = (uint16_t)topic.len;
    m->payload_at = (uint32_t)(head_len + 2 + topic.len);
    memcpy(m->bytes + head_len + 2, topic.ptr, topic.len);
    if (payload.len)
        memcpy(m->bytes + m->payload_at, payload.ptr, payload.len);
    write_head(m, (uint32_t)payload.len);
    return m;
}

void nh_mqtt__msg_adopt(struct nh_mqtt__msg *m, size_t head_len, uint32_t packet_len, bool has_id)
{
    m->topic_len = nh_get_be16(m->bytes + head_len);
    size_t topic_at = head_len + 2;
    m->payload_at = (uint32_t)(topic_at + m->topic_len + (has_id ? 2 : 0));
    if (has_id)
        memmove(m->bytes + topic_at + 2, m->bytes + topic_at, m->topic_len);
    write_head(m, packet_len - m->payload_at);
}
