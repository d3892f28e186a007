#include "mqtt/record.h"

#include "core/base/bytes.h"

#include <string.h>

// ---- keys ---------------------------------------------------------------------------------------

struct nh_mqtt__key nh_mqtt__key_type(enum nh_mqtt__record_type type)
{
    return (struct nh_mqtt__key){{(uint8_t)type}, 1};
}

struct nh_mqtt__key nh_mqtt__key_u32(enum nh_mqtt__record_type type, uint32_t a)
{
    struct nh_mqtt__key k = {{(uint8_t)type}, 5};
    nh_put_be32(k.bytes + 1, a);
    return k;
}

struct nh_mqtt__key nh_mqtt__key_u32_u16(enum nh_mqtt__record_type type, uint32_t a, uint16_t b)
{
    struct nh_mqtt__key k = nh_mqtt__key_u32(type, a);
    nh_put_be16(k.bytes + 5, b);
    k.len = 7;
    return k;
}

struct nh_mqtt__key nh_mqtt__key_u32_u64(enum nh_mqtt__record_type type, uint32_t a, uint64_t b)
{
    struct nh_mqtt__key k = nh_mqtt__key_u32(type, a);
    nh_put_be64(k.bytes + 5, b);
    k.len = 13;
    return k;
}

struct nh_mqtt__key nh_mqtt__key_u64(enum nh_mqtt__record_type type, uint64_t a)
{
    struct nh_mqtt__key k = {{(uint8_t)type}, 9};
    nh_put_be64(k.bytes + 1, a);
    return k;
}

int nh_mqtt__key_decode(nh_span_t key, enum nh_mqtt__record_type type, uint32_t *a, uint64_t *b)
{
    *a = 0;
    *b = 0;
    if (key.len == 0 || key.ptr[0] != type)
        return NH_ERR_CORRUPT;
    bool has_session = type == NH_MQTT__REC_SESSION || type == NH_MQTT__REC_SUB ||
                       type == NH_MQTT__REC_RECEIVED || type == NH_MQTT__REC_QUEUE ||
                       type == NH_MQTT__REC_WILL || type == NH_MQTT__REC_REPLAY ||
                       type == NH_MQTT__REC_GONE;
    size_t at = 1;
    if (has_session && key.len >= 5) {
        *a = nh_get_be32(key.ptr + 1);
        at = 5;
    }
    size_t want =
        type == NH_MQTT__REC_SUB || type == NH_MQTT__REC_REPLAY || type == NH_MQTT__REC_RECEIVED ? 2
        : type == NH_MQTT__REC_QUEUE || !has_session                                             ? 8
                                                     : 0;
    if ((has_session && at != 5) || key.len != at + want)
        return NH_ERR_CORRUPT;
    if (want == 2)
        *b = nh_get_be16(key.ptr + at);
    else if (want == 8)
        *b = nh_get_be64(key.ptr + at);
    return NH_OK;
}

// ---- values -------------------------------------------------------------------------------------

// Every value begins with its version.
static int check_version(nh_span_t value, size_t head_bytes)
{
    if (value.len == 0)
        return NH_ERR_CORRUPT;
    if (value.ptr[0] != NH_MQTT__RECORD_VERSION)
        return NH_ERR_UNSUPPORTED;
    return value.len < head_bytes ? NH_ERR_CORRUPT : NH_OK;
}

static void begin(uint8_t *out, size_t bytes)
{
    memset(out, 0, bytes);
    out[0] = NH_MQTT__RECORD_VERSION;
}

static const uint8_t magic[4] = {'N', 'H', 'M', 'Q'};

void nh_mqtt__meta_encode(uint8_t out[NH_MQTT__META_BYTES], const struct nh_mqtt__meta_record *r)
{
    begin(out, NH_MQTT__META_BYTES);
    memcpy(out + 4, magic, sizeof magic);
    nh_put_le64(out + 8, (uint64_t)r->created_unix_ms);
}

int nh_mqtt__meta_decode(nh_span_t value, struct nh_mqtt__meta_record *out)
{
    int rc = check_version(value, NH_MQTT__META_BYTES);
    if (rc < 0)
        return rc;
    if (value.len != NH_MQTT__META_BYTES || memcmp(value.ptr + 4, magic, sizeof magic) != 0)
        return NH_ERR_CORRUPT;
    out->created_unix_ms = (int64_t)nh_get_le64(value.ptr + 8);
    return NH_OK;
}

void nh_mqtt__session_encode(uint8_t out[NH_MQTT__SESSION_HEAD_BYTES],
                             const struct nh_mqtt__session_record *r)
{
    begin(out, NH_MQTT__SESSION_HEAD_BYTES);
    out[1] = r->protocol;
    nh_put_le16(out + 2, (uint16_t)r->id.len);
    nh_put_le32(out + 4, r->expiry_s);
    nh_put_le64(out + 8, (uint64_t)r->away_unix_ms);
    nh_put_le32(out + 16, (uint32_t)r->props.len);
    nh_put_le16(out + 20, (uint16_t)r->user.len);
    out[22] = r->has_user;
}

int nh_mqtt__session_decode(nh_span_t value, struct nh_mqtt__session_record *out)
{
    int rc = check_version(value, NH_MQTT__SESSION_HEAD_BYTES);
    if (rc < 0)
        return rc;
    const uint8_t *p = value.ptr;
    size_t id_len = nh_get_le16(p + 2), user_len = nh_get_le16(p + 20);
    size_t props_len = nh_get_le32(p + 16);
    size_t rest = value.len - NH_MQTT__SESSION_HEAD_BYTES;
    if ((p[1] != 4 && p[1] != 5) || p[22] > 1 || id_len + user_len > rest ||
        rest - id_len - user_len != props_len)
        return NH_ERR_CORRUPT;
    out->protocol = p[1];
    out->expiry_s = nh_get_le32(p + 4);
    out->away_unix_ms = (int64_t)nh_get_le64(p + 8);
    out->id = (nh_span_t){p + NH_MQTT__SESSION_HEAD_BYTES, id_len};
    out->user = (nh_span_t){out->id.ptr + id_len, user_len};
    out->props = (nh_span_t){out->user.ptr + user_len, props_len};
    out->has_user = p[22];
    return NH_OK;
}

void nh_mqtt__sub_encode(uint8_t out[NH_MQTT__SUB_HEAD_BYTES], const struct nh_mqtt__sub_record *r)
{
    begin(out, NH_MQTT__SUB_HEAD_BYTES);
    out[1] = r->options;
    nh_put_le16(out + 2, (uint16_t)r->filter.len);
    nh_put_le32(out + 4, r->id);
}

int nh_mqtt__sub_decode(nh_span_t value, struct nh_mqtt__sub_record *out)
{
    int rc = check_version(value, NH_MQTT__SUB_HEAD_BYTES);
    if (rc < 0)
        return rc;
    const uint8_t *p = value.ptr;
    size_t len = nh_get_le16(p + 2);
    if (value.len != NH_MQTT__SUB_HEAD_BYTES + len || (p[1] & 3) == 3)
        return NH_ERR_CORRUPT;
    out->options = p[1];
    out->id = nh_get_le32(p + 4);
    out->filter = (nh_span_t){p + NH_MQTT__SUB_HEAD_BYTES, len};
    return NH_OK;
}

void nh_mqtt__queue_encode(uint8_t out[NH_MQTT__QUEUE_HEAD_BYTES],
                           const struct nh_mqtt__queue_record *r)
{
    begin(out, NH_MQTT__QUEUE_HEAD_BYTES);
    out[1] = (uint8_t)(r->qos | (r->retain ? NH_MQTT__QUEUE_RETAIN : 0) |
                       (r->released ? NH_MQTT__QUEUE_RELEASED : 0));
    out[2] = (uint8_t)(r->ids.len / 4);
    nh_put_le32(out + 4, r->len);
    nh_put_le64(out + 8, r->message);
    nh_put_le64(out + 16, r->sum_bytes);
}

int nh_mqtt__queue_decode(nh_span_t value, struct nh_mqtt__queue_record *out)
{
    int rc = check_version(value, NH_MQTT__QUEUE_HEAD_BYTES);
    if (rc < 0)
        return rc;
    const uint8_t *p = value.ptr;
    uint8_t qos = p[1] & 3;
    if (qos < 1 || qos > 2 || p[2] > NH_MQTT__QUEUE_IDS_MAX ||
        value.len != NH_MQTT__QUEUE_HEAD_BYTES + p[2] * 4u)
        return NH_ERR_CORRUPT;
    out->qos = qos;
    out->retain = p[1] & NH_MQTT__QUEUE_RETAIN;
    out->released = p[1] & NH_MQTT__QUEUE_RELEASED;
    out->len = nh_get_le32(p + 4);
    out->message = nh_get_le64(p + 8);
    out->sum_bytes = nh_get_le64(p + 16);
    out->ids = (nh_span_t){p + NH_MQTT__QUEUE_HEAD_BYTES, p[2] * 4u};
    return NH_OK;
}

enum { WILL_EXPIRES = 8, MESSAGE_V5 = 8 };

void nh_mqtt__will_encode(uint8_t out[NH_MQTT__WILL_BYTES], const struct nh_mqtt__will_record *r)
{
    begin(out, NH_MQTT__WILL_BYTES);
    out[1] = (uint8_t)(r->qos | (r->retain ? NH_MQTT__QUEUE_RETAIN : 0) |
                       (r->expires ? WILL_EXPIRES : 0));
    nh_put_le32(out + 4, r->delay_s);
    nh_put_le64(out + 8, (uint64_t)r->due_unix_ms);
    nh_put_le64(out + 16, r->message);
    nh_put_le32(out + 24, r->expiry_s);
}

int nh_mqtt__will_decode(nh_span_t value, struct nh_mqtt__will_record *out)
{
    int rc = check_version(value, NH_MQTT__WILL_BYTES);
    if (rc < 0)
        return rc;
    const uint8_t *p = value.ptr;
    if (value.len != NH_MQTT__WILL_BYTES || (p[1] & 3) == 3)
        return NH_ERR_CORRUPT;
    out->qos = p[1] & 3;
    out->retain = p[1] & NH_MQTT__QUEUE_RETAIN;
    out->expires = p[1] & WILL_EXPIRES;
    out->delay_s = nh_get_le32(p + 4);
    out->due_unix_ms = (int64_t)nh_get_le64(p + 8);
    out->message = nh_get_le64(p + 16);
    out->expiry_s = nh_get_le32(p + 24);
    return NH_OK;
}

void nh_mqtt__message_encode(uint8_t out[NH_MQTT__MESSAGE_HEAD_BYTES],
                             const struct nh_mqtt__message_record *r)
{
    begin(out, NH_MQTT__MESSAGE_HEAD_BYTES);
    out[1] = (uint8_t)(r->qos | (r->is_v5 ? MESSAGE_V5 : 0));
    nh_put_le16(out + 2, r->topic_len);
    nh_put_le32(out + 4, r->payload_len);
    nh_put_le32(out + 8, r->props_len);
    nh_put_le64(out + 12, (uint64_t)r->expiry_unix_ms);
}

int nh_mqtt__message_decode(nh_span_t value, struct nh_mqtt__message_record *out)
{
    int rc = check_version(value, NH_MQTT__MESSAGE_HEAD_BYTES);
    if (rc < 0)
        return rc;
    const uint8_t *p = value.ptr;
    out->qos = p[1] & 3;
    out->is_v5 = p[1] & MESSAGE_V5;
    out->topic_len = nh_get_le16(p + 2);
    out->payload_len = nh_get_le32(p + 4);
    out->props_len = nh_get_le32(p + 8);
    out->expiry_unix_ms = (int64_t)nh_get_le64(p + 12);
    uint64_t rest = (uint64_t)out->topic_len + out->props_len + out->payload_len;
    bool has_v5 = out->props_len || out->expiry_unix_ms;
    if (out->qos == 3 || (p[1] & ~(MESSAGE_V5 | 3)) || (has_v5 && !out->is_v5) ||
        out->topic_len == 0 || rest != value.len - NH_MQTT__MESSAGE_HEAD_BYTES)
        return NH_ERR_CORRUPT;
    out->topic = (nh_span_t){p + NH_MQTT__MESSAGE_HEAD_BYTES, out->topic_len};
    out->props = (nh_span_t){out->topic.ptr + out->topic_len, out->props_len};
    out->payload = (nh_span_t){out->props.ptr + out->props_len, out->payload_len};
    return NH_OK;
}

uint32_t nh_mqtt__message_props_len(nh_span_t head)
{
    return nh_get_le32(head.ptr + 8);
}

void nh_mqtt__replay_encode(uint8_t out[NH_MQTT__REPLAY_HEAD_BYTES],
                            const struct nh_mqtt__replay_record *r)
{
    begin(out, NH_MQTT__REPLAY_HEAD_BYTES);
    nh_put_le16(out + 2, (uint16_t)r->last.len);
}

int nh_mqtt__replay_decode(nh_span_t value, struct nh_mqtt__replay_record *out)
{
    int rc = check_version(value, NH_MQTT__REPLAY_HEAD_BYTES);
    if (rc < 0)
        return rc;
    out->last =
        (nh_span_t){value.ptr + NH_MQTT__REPLAY_HEAD_BYTES, value.len - NH_MQTT__REPLAY_HEAD_BYTES};
    return nh_get_le16(value.ptr + 2) == out->last.len ? NH_OK : NH_ERR_CORRUPT;
}

int nh_mqtt__bare_decode(nh_span_t value)
{
    int rc = check_version(value, NH_MQTT__BARE_BYTES);
    return rc == NH_OK && value.len != NH_MQTT__BARE_BYTES ? NH_ERR_CORRUPT : rc;
}
