#include "support/mqtt_play_bytes.h"

#include <string.h>

#define FILLER_MAX                                                                                 \
    160 // bytes behind a message's number; some are over what is copied in the broker

// ---- writing ------------------------------------------------------------------------------------

static void put1(struct play_bytes *b, unsigned v)
{
    b->bytes[b->len++] = (uint8_t)v;
}

static void put2(struct play_bytes *b, unsigned v)
{
    put1(b, v >> 8);
    put1(b, v & 255);
}

static void put4(struct play_bytes *b, uint32_t v)
{
    put2(b, v >> 16);
    put2(b, v & 0xffff);
}

static void put_varint(struct play_bytes *b, uint32_t v)
{
    do {
        put1(b, (v & 127) | (v > 127 ? 128u : 0));
        v >>= 7;
    } while (v);
}

static void put_text(struct play_bytes *b, const char *prefix, const char *text)
{
    put2(b, (unsigned)(strlen(prefix) + strlen(text)));
    memcpy(b->bytes + b->len, prefix, strlen(prefix));
    b->len += strlen(prefix);
    memcpy(b->bytes + b->len, text, strlen(text));
    b->len += strlen(text);
}

static void begin(struct play_bytes *b)
{
    b->len = 5; // room for the fixed header
}

static void finish(struct play_bytes *b, unsigned first)
{
    struct play_bytes head = {.len = 0};
    put1(&head, first);
    put_varint(&head, (uint32_t)(b->len - 5));
    memmove(b->bytes + head.len, b->bytes + 5, b->len - 5);
    memcpy(b->bytes, head.bytes, head.len);
    b->len += head.len - 5;
}

// The number and bytes that follow from it.
static void put_payload(struct play_bytes *b, uint32_t number)
{
    if (number == 0)
        return;
    put4(b, number);
    for (uint32_t i = 0; i < number * 37 % FILLER_MAX; i++)
        put1(b, number + i);
}

void play_put_connect(struct play_bytes *b, unsigned client, const struct model_connect *k)
{
    const char id[] = {'c', (char)('0' + client), '\0'};
    begin(b);
    put_text(b, "", "MQTT");
    put1(b, k->is_v5 ? 5 : 4);
    put1(b, (k->is_clean ? 2u : 0) | (k->has_will ? 4u : 0) |
                (k->has_will ? (unsigned)k->will.qos << 3 : 0) |
                (k->has_will && k->will.retain ? 32u : 0));
    put2(b, 0);
    if (k->is_v5) {
        put_varint(b, 5 + 3 + 3);
        put1(b, 0x11);
        put4(b, k->expiry_s);
        put1(b, 0x21);
        put2(b, k->window);
        put1(b, 0x22);
        put2(b, 3);
    }
    put_text(b, "", id);
    if (k->has_will) {
        if (k->is_v5) {
            put_varint(b, 5);
            put1(b, 0x18);
            put4(b, k->will_delay_s);
        }
        put_text(b, "", model_topics[k->will.topic]);
        size_t at = b->len;
        put2(b, 0);
        put_payload(b, k->will.number);
        b->bytes[at + 1] = (uint8_t)(b->len - at - 2);
    }
    finish(b, PLAY_CONNECT << 4);
}

void play_put_publish(struct play_bytes *b, bool is_v5, const struct play_publish *k)
{
    const struct model_message *m = k->message;
    bool expires = m->expires_ms != NH_NEVER;
    begin(b);
    put_text(b, "", k->by_alias ? "" : model_topics[m->topic]);
    if (m->qos)
        put2(b, k->packet_id);
    if (is_v5) {
        put_varint(b, (expires ? 5u : 0) + (k->alias ? 3u : 0));
        if (expires) {
            put1(b, 0x02);
            put4(b, (uint32_t)((m->expires_ms - k->now_ms) / 1000));
        }
        if (k->alias) {
            put1(b, 0x23);
            put2(b, k->alias);
        }
    }
    put_payload(b, m->number);
    finish(b, PLAY_PUBLISH << 4 | (k->dup ? 8u : 0) | (unsigned)m->qos << 1 | m->retain);
}

void play_put_ack(struct play_bytes *b, unsigned type, uint16_t packet_id, unsigned reason)
{
    begin(b);
    put2(b, packet_id);
    if (reason)
        put1(b, reason);
    finish(b, type << 4 | (type == PLAY_PUBREL ? 2u : 0));
}

static void put_filter(struct play_bytes *b, unsigned filter, unsigned share)
{
    static const char *const prefixes[MODEL_SHARES] = {"", "$share/one/", "$share/two/"};
    put_text(b, prefixes[share], model_filters[filter]);
}

void play_put_subscribe(struct play_bytes *b, bool is_v5, uint16_t packet_id,
                        const struct model_sub *sub, unsigned handling)
{
    begin(b);
    put2(b, packet_id);
    if (is_v5) {
        uint32_t sid = sub->sid;
        put_varint(b, sid == 0         ? 0
                      : sid < 1u << 7  ? 2
                      : sid < 1u << 14 ? 3
                      : sid < 1u << 21 ? 4
                                       : 5);
        if (sub->sid) {
            put1(b, 0x0B);
            put_varint(b, sub->sid);
        }
    }
    put_filter(b, sub->filter, sub->share);
    put1(b, sub->qos | (sub->no_local ? 4u : 0) | (sub->as_published ? 8u : 0) | handling << 4);
    finish(b, PLAY_SUBSCRIBE << 4 | 2);
}

void play_put_unsubscribe(struct play_bytes *b, bool is_v5, uint16_t packet_id, unsigned filter,
                          unsigned share)
{
    begin(b);
    put2(b, packet_id);
    if (is_v5)
        put_varint(b, 0);
    put_filter(b, filter, share);
    finish(b, PLAY_UNSUBSCRIBE << 4 | 2);
}

void play_put_disconnect(struct play_bytes *b, unsigned reason, const uint32_t *expiry_s)
{
    begin(b);
    if (reason || expiry_s)
        put1(b, reason);
    if (expiry_s) {
        put_varint(b, 5);
        put1(b, 0x11);
        put4(b, *expiry_s);
    }
    finish(b, PLAY_DISCONNECT << 4);
}

// ---- reading ------------------------------------------------------------------------------------

struct reader {
    const uint8_t *ptr, *end;
    bool is_bad;
};

static uint32_t get(struct reader *r, size_t bytes)
{
    uint32_t v = 0;
    if ((size_t)(r->end - r->ptr) < bytes) {
        r->is_bad = true;
        r->ptr = r->end;
        return 0;
    }
    while (bytes--)
        v = v << 8 | *r->ptr++;
    return v;
}

static uint32_t get_varint(struct reader *r)
{
    uint32_t v = 0, byte = 128;
    for (unsigned i = 0; byte & 128; i++) {
        byte = get(r, 1);
        r->is_bad |= i == 4 || (i && byte == 0);
        if (r->is_bad)
            return 0;
        v |= (byte & 127) << 7 * i;
    }
    return v;
}

static struct reader get_part(struct reader *r, size_t len)
{
    struct reader part = *r;
    if ((size_t)(r->end - r->ptr) < len) {
        r->is_bad = true;
        len = 0;
    }
    part.end = part.ptr + len;
    r->ptr += len;
    return part;
}

static void get_property(struct reader *r, struct play_packet *out)
{
    uint32_t id = get(r, 1), sid;
    switch (id) {
    case 0x02:
        out->heard.has_expiry = true;
        out->heard.expiry_s = get(r, 4);
        break;
    case 0x0B:
        sid = get_varint(r);
        r->is_bad |= sid == 0;
        out->is_foreign |= (out->heard.sids & sid) != 0; // each once
        out->heard.sids |= sid;
        break;
    case 0x11: // CONNACK: limits, and what is not available
    case 0x27:
        (void)get(r, 4);
        break;
    case 0x13:
    case 0x21:
    case 0x22:
        (void)get(r, 2);
        break;
    case 0x23:
        out->alias = (uint16_t)get(r, 2);
        r->is_bad |= out->alias == 0;
        break;
    case 0x24:
    case 0x25:
    case 0x28:
    case 0x29:
    case 0x2A:
        (void)get(r, 1);
        break;
    case 0x12:
    case 0x1F:
        (void)get_part(r, get(r, 2));
        break;
    default:
        r->is_bad = true;
    }
}

static void get_properties(struct reader *r, struct play_packet *out)
{
    struct reader list = get_part(r, get_varint(r));
    while (list.ptr < list.end && !list.is_bad)
        get_property(&list, out);
    r->is_bad |= list.is_bad;
}

static void get_topic(struct reader *r, struct play_packet *out)
{
    struct reader t = get_part(r, get(r, 2));
    size_t len = (size_t)(t.end - t.ptr);
    out->has_topic = len > 0;
    for (uint8_t i = 0; len && i < MODEL_TOPICS; i++) {
        out->heard.topic = i;
        if (strlen(model_topics[i]) == len && memcmp(model_topics[i], t.ptr, len) == 0)
            return;
    }
    out->is_foreign |= len > 0;
}

static void get_payload(struct reader *r, struct play_packet *out)
{
    struct reader payload = get_part(r, (size_t)(r->end - r->ptr));
    if (payload.ptr == payload.end)
        return;
    uint32_t number = get(&payload, 4);
    out->heard.number = number;
    for (uint32_t i = 0; i < number * 37 % FILLER_MAX; i++)
        out->is_foreign |= get(&payload, 1) != (uint8_t)(number + i);
    out->is_foreign |= payload.is_bad || payload.ptr != payload.end;
}

static void get_publish(struct reader *r, unsigned flags, bool is_v5, struct play_packet *out)
{
    struct model_heard *h = &out->heard;
    h->dup = flags & 8;
    h->qos = flags >> 1 & 3;
    h->retain = flags & 1;
    r->is_bad |= h->qos == 3 || (h->dup && !h->qos);
    get_topic(r, out);
    h->packet_id = h->qos ? (uint16_t)get(r, 2) : 0;
    r->is_bad |= h->qos && h->packet_id == 0;
    if (is_v5)
        get_properties(r, out);
    get_payload(r, out);
}

static void get_code(struct reader *r, struct play_packet *out)
{
    r->is_bad |= out->code_count == sizeof out->codes;
    if (!r->is_bad)
        out->codes[out->code_count++] = (uint8_t)get(r, 1);
}

static void get_other(struct reader *r, bool is_v5, struct play_packet *out)
{
    bool has_id = out->type >= PLAY_PUBACK && out->type <= PLAY_UNSUBACK;
    bool has_codes = out->type == PLAY_SUBACK || (out->type == PLAY_UNSUBACK && is_v5);
    if (has_id)
        out->heard.packet_id = (uint16_t)get(r, 2);
    if (out->type == PLAY_CONNACK) {
        get_code(r, out);
        (void)get(r, 1); // refusals are told by the close that follows
    }
    if (is_v5 && !has_codes && out->type != PLAY_CONNACK && out->type != PLAY_UNSUBACK &&
        r->ptr < r->end)
        (void)get(r, 1); // the reason
    if (is_v5 && out->type != PLAY_PINGRESP && (has_codes || r->ptr < r->end))
        get_properties(r, out);
    while (has_codes && r->ptr < r->end && !r->is_bad)
        get_code(r, out);
}

int play_decode(const uint8_t *bytes, size_t len, bool is_v5, struct play_packet *out)
{
    struct reader r = {bytes, bytes + len, false};
    size_t head = 1;
    while (head < len && head < 5 && bytes[head] & 128)
        head++;
    if (head >= len)
        return 0;
    *out = (struct play_packet){.type = (uint8_t)(get(&r, 1) >> 4)};
    uint32_t body = get_varint(&r);
    if (r.is_bad || out->type == 0 || out->type == PLAY_CONNECT || out->type == PLAY_SUBSCRIBE ||
        out->type == PLAY_UNSUBSCRIBE || out->type == PLAY_PINGREQ || out->type == 15)
        return -1;
    if ((size_t)(r.end - r.ptr) < body)
        return 0;
    r.end = r.ptr + body;
    if (out->type == PLAY_PUBLISH)
        get_publish(&r, bytes[0] & 15, is_v5, out);
    else
        get_other(&r, is_v5, out);
    r.is_bad |= out->type != PLAY_PUBLISH && (bytes[0] & 15) != (out->type == PLAY_PUBREL ? 2 : 0);
    return r.is_bad || r.ptr != r.end ? -1 : (int)(r.end - bytes);
}
