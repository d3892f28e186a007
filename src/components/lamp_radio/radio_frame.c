#include "components/lamp_radio/radio_frame.h"

#include "core/base/bytes.h"
#include "core/base/secret.h"
#include "platform/crypto.h"

#include <stdio.h>
#include <string.h>

#define MAGIC 0x4A4Eu
#define CTRL_BYTES 20
#define ACK_BYTES 22
#define ACK_FLAGS_BYTES 24
#define ACK_MORE_BYTES 28
#define FLAG_ON 1u
#define FLAG_REJECTED 2u

_Static_assert(20 + NH_RADIO_CHUNK_MAX_COUNT * NH_RADIO_RECORD_BYTES + NH_RADIO_TAIL_BYTES <=
                   NH_RADIO_FRAME_MAX_BYTES,
               "the longest frame");

// The least length of a HELLO by its sub-command; 0: not known.
static const uint8_t hello_bytes[] = {
    [NH_RADIO_META_REQ] = 13,   [NH_RADIO_META_RSP] = 20,   [NH_RADIO_CHUNK_REQ] = 16,
    [NH_RADIO_CHUNK_RSP] = 20,  [NH_RADIO_OTA_INFO] = 113,  [NH_RADIO_AUDIO_STATE] = 20,
    [NH_RADIO_PAIR_BEGIN] = 64, [NH_RADIO_PAIR_OFFER] = 80, [NH_RADIO_PAIR_REVEAL] = 64,
    [NH_RADIO_PAIR_PROOF] = 32, [NH_RADIO_PAIR_DONE] = 16,  [NH_RADIO_PAIR_RESULT] = 16,
    [NH_RADIO_COUNTER] = 24,
};

const char *nh_radio_result_text(uint8_t result)
{
    static const char *const texts[NH_RADIO_RESULT_COUNT] = {"done",
                                                             "unknown command",
                                                             "no such effect or palette",
                                                             "the lamp is busy",
                                                             "the lamp is off",
                                                             "overtaken by a later command",
                                                             "failed"};
    return result < NH_RADIO_RESULT_COUNT ? texts[result] : "refused";
}

// ---- decode ------------------------------------------------------------------------------------

int nh_radio_head_decode(const uint8_t *bytes, size_t len, struct nh_radio_head *out)
{
    if (len < NH_RADIO_HEAD_BYTES || len > NH_RADIO_FRAME_MAX_BYTES || nh_get_le16(bytes) != MAGIC)
        return NH_ERR_PROTO;
    *out = (struct nh_radio_head){.version = bytes[2],
                                  .type = bytes[3],
                                  .src_node = nh_get_le16(bytes + 4),
                                  .dst_node = nh_get_le16(bytes + 6),
                                  .seq = nh_get_le32(bytes + 8)};
    bool is_known = out->version >= NH_RADIO_V1 && out->version <= NH_RADIO_V2 &&
                    out->type >= NH_RADIO_CTRL && out->type <= NH_RADIO_HELLO;
    return is_known ? NH_OK : NH_ERR_PROTO;
}

static int decode_ack(const uint8_t *b, size_t len, struct nh_radio_state *s)
{
    if (len < ACK_BYTES)
        return NH_ERR_PROTO;
    *s = (struct nh_radio_state){.effect_id = nh_get_le16(b + 12),
                                 .brightness = b[14],
                                 .is_paused = b[15] != 0,
                                 .speed_pct = nh_get_le16(b + 16),
                                 .state_seq = nh_get_le32(b + 18),
                                 .is_on = true};
    if (len >= ACK_FLAGS_BYTES) {
        s->has_flags = true;
        s->is_on = (b[22] & FLAG_ON) != 0;
        s->is_rejected = (b[22] & FLAG_REJECTED) != 0;
        s->result = b[23];
    }
    if (len >= ACK_MORE_BYTES) {
        s->has_more = true;
        s->intensity = b[24];
        s->palette = b[25];
        s->overlay = (b[26] & 1) != 0;
        s->overlay_mode = b[26] >> 1 & 3;
        s->overlay_blend = b[26] >> 3 & 3;
    }
    return NH_OK;
}

// A text that ends within its field, or is cut at its last byte.
static void get_text(char *out, const uint8_t *bytes, size_t size)
{
    memcpy(out, bytes, size);
    out[size - 1] = '\0';
    size_t end = strlen(out);
    memset(out + end, 0, size - end);
}

static void get_name(char out[NH_RADIO_NAME_BYTES], const uint8_t *bytes)
{
    get_text(out, bytes, NH_RADIO_NAME_BYTES);
    for (char *c = out; *c; c++)
        if (*c < 0x20 || *c > 0x7E)
            *c = '?';
}

static int decode_pair(const uint8_t *b, struct nh_radio_hello *h)
{
    h->status = b[13];
    if (h->sub == NH_RADIO_PAIR_BEGIN || h->sub == NH_RADIO_PAIR_OFFER) {
        h->ttl_s = nh_get_le16(b + 14);
        get_name(h->name, b + 16);
        memcpy(h->bytes32, b + 32, 32);
    }
    if (h->sub == NH_RADIO_PAIR_OFFER)
        memcpy(h->bytes16, b + 64, 16);
    if (h->sub == NH_RADIO_PAIR_REVEAL) {
        memcpy(h->bytes32, b + 16, 32);
        memcpy(h->bytes16, b + 48, 16);
    }
    if (h->sub == NH_RADIO_PAIR_PROOF)
        memcpy(h->bytes16, b + 16, 16);
    if (h->sub == NH_RADIO_COUNTER)
        h->counter = nh_get_le64(b + 16);
    return NH_OK;
}

static int decode_chunk(const uint8_t *b, size_t len, struct nh_radio_hello *h)
{
    h->count = b[13];
    h->start = nh_get_le16(b + 14);
    h->crc = nh_get_le32(b + 16);
    h->records = b + 20;
    if (h->count > NH_RADIO_CHUNK_MAX_COUNT || len < 20 + (size_t)h->count * NH_RADIO_RECORD_BYTES)
        return NH_ERR_PROTO;
    return NH_OK;
}

static int decode_hello(const uint8_t *b, size_t len, struct nh_radio_hello *h)
{
    *h = (struct nh_radio_hello){0};
    if (len < NH_RADIO_HEAD_BYTES + 1)
        return NH_ERR_PROTO;
    h->sub = b[12];
    if (h->sub >= sizeof hello_bytes || hello_bytes[h->sub] == 0)
        return NH_ERR_UNSUPPORTED;
    if (len < hello_bytes[h->sub])
        return NH_ERR_PROTO;
    switch (h->sub) {
    case NH_RADIO_META_REQ:
        break;
    case NH_RADIO_META_RSP:
        h->count = nh_get_le16(b + 14);
        h->crc = nh_get_le32(b + 16);
        break;
    case NH_RADIO_CHUNK_REQ:
        h->start = nh_get_le16(b + 14);
        break;
    case NH_RADIO_CHUNK_RSP:
        return decode_chunk(b, len, h);
    case NH_RADIO_OTA_INFO:
        h->status = b[13];
        h->ttl_s = nh_get_le16(b + 14);
        get_text(h->ssid, b + 16, sizeof h->ssid);
        get_text(h->password, b + 49, sizeof h->password);
        break;
    case NH_RADIO_AUDIO_STATE:
        h->volume = b[13];
        h->audio_seq = nh_get_le32(b + 16);
        break;
    default:
        return decode_pair(b, h);
    }
    return NH_OK;
}

static void mac_of(const uint8_t *key, const uint8_t *bytes, size_t len, uint8_t out[NH_MAC_BYTES])
{
    const nh_span_t part = {bytes, len};
    nh_mac_parts(key, &part, 1, out);
}

// Takes the tail off; returns the length of what it stood behind.
static int check_tail(const uint8_t *bytes, size_t len, const uint8_t *key, uint64_t *counter)
{
    uint8_t mac[NH_MAC_BYTES];
    if (len < NH_RADIO_HEAD_BYTES + NH_RADIO_TAIL_BYTES)
        return NH_ERR_PROTO;
    if (!key)
        return NH_ERR_DENIED;
    mac_of(key, bytes, len - NH_MAC_BYTES, mac);
    if (!nh_ct_equal(mac, bytes + len - NH_MAC_BYTES, sizeof mac))
        return NH_ERR_DENIED;
    *counter = nh_get_le64(bytes + len - NH_RADIO_TAIL_BYTES);
    return (int)(len - NH_RADIO_TAIL_BYTES);
}

int nh_radio_frame_decode(const uint8_t *bytes, size_t len, const uint8_t *key,
                          struct nh_radio_frame *out)
{
    *out = (struct nh_radio_frame){0};
    int err = nh_radio_head_decode(bytes, len, &out->head);
    if (err < 0)
        return err;
    if (out->head.version == NH_RADIO_V2) {
        int body = check_tail(bytes, len, key, &out->counter);
        if (body < 0)
            return body;
        len = (size_t)body;
    }
    if (out->head.type == NH_RADIO_ACK)
        return decode_ack(bytes, len, &out->u.ack);
    if (out->head.type == NH_RADIO_HELLO)
        return decode_hello(bytes, len, &out->u.hello);
    if (len < CTRL_BYTES)
        return NH_ERR_PROTO;
    out->u.ctrl = (struct nh_radio_ctrl){.cmd = bytes[12], .value = nh_get_le16(bytes + 14)};
    return NH_OK;
}

// ---- encode ------------------------------------------------------------------------------------

static size_t encode_ack(const struct nh_radio_state *s, uint8_t *b)
{
    nh_put_le16(b + 12, s->effect_id);
    b[14] = s->brightness;
    b[15] = s->is_paused;
    nh_put_le16(b + 16, s->speed_pct);
    nh_put_le32(b + 18, s->state_seq);
    if (!s->has_flags)
        return ACK_BYTES;
    b[22] = (uint8_t)((s->is_on ? FLAG_ON : 0) | (s->is_rejected ? FLAG_REJECTED : 0));
    b[23] = s->result;
    if (!s->has_more)
        return ACK_FLAGS_BYTES;
    b[24] = s->intensity;
    b[25] = s->palette;
    b[26] = (uint8_t)((s->overlay ? 1u : 0u) | (s->overlay_mode & 3u) << 1 |
                      (s->overlay_blend & 3u) << 3);
    return ACK_MORE_BYTES;
}

static void put_text(uint8_t *out, const char *text, size_t size)
{
    size_t len = strnlen(text, size - 1);
    memcpy(out, text, len); // the rest is zero already
}

static void encode_pair(const struct nh_radio_hello *h, uint8_t *b)
{
    b[13] = h->status;
    if (h->sub == NH_RADIO_PAIR_BEGIN || h->sub == NH_RADIO_PAIR_OFFER) {
        nh_put_le16(b + 14, h->ttl_s);
        put_text(b + 16, h->name, NH_RADIO_NAME_BYTES);
        memcpy(b + 32, h->bytes32, 32);
    }
    if (h->sub == NH_RADIO_PAIR_OFFER)
        memcpy(b + 64, h->bytes16, 16);
    if (h->sub == NH_RADIO_PAIR_REVEAL) {
        memcpy(b + 16, h->bytes32, 32);
        memcpy(b + 48, h->bytes16, 16);
    }
    if (h->sub == NH_RADIO_PAIR_PROOF)
        memcpy(b + 16, h->bytes16, 16);
    if (h->sub == NH_RADIO_COUNTER)
        nh_put_le64(b + 16, h->counter);
}

static int encode_chunk(const struct nh_radio_hello *h, uint8_t *b)
{
    size_t bytes = (size_t)h->count * NH_RADIO_RECORD_BYTES;
    if (h->count > NH_RADIO_CHUNK_MAX_COUNT)
        return NH_ERR_INVAL;
    b[13] = (uint8_t)h->count;
    nh_put_le16(b + 14, h->start);
    nh_put_le32(b + 16, h->crc);
    if (bytes)
        memcpy(b + 20, h->records, bytes);
    return (int)(20 + bytes);
}

static int encode_hello(const struct nh_radio_hello *h, uint8_t *b)
{
    if (h->sub >= sizeof hello_bytes || hello_bytes[h->sub] == 0)
        return NH_ERR_INVAL;
    // Requests are padded to the length that their answers have.
    int len = hello_bytes[h->sub] < 20 ? 20 : hello_bytes[h->sub];
    b[12] = h->sub;
    switch (h->sub) {
    case NH_RADIO_META_REQ:
        break;
    case NH_RADIO_META_RSP:
        nh_put_le16(b + 14, h->count);
        nh_put_le32(b + 16, h->crc);
        break;
    case NH_RADIO_CHUNK_REQ:
        nh_put_le16(b + 14, h->start);
        break;
    case NH_RADIO_CHUNK_RSP:
        return encode_chunk(h, b);
    case NH_RADIO_OTA_INFO:
        b[13] = h->status;
        nh_put_le16(b + 14, h->ttl_s);
        put_text(b + 16, h->ssid, sizeof h->ssid);
        put_text(b + 49, h->password, sizeof h->password);
        break;
    case NH_RADIO_AUDIO_STATE:
        b[13] = h->volume;
        nh_put_le32(b + 16, h->audio_seq);
        break;
    default:
        encode_pair(h, b);
    }
    return len;
}

static int encode_body(const struct nh_radio_frame *f, uint8_t *out)
{
    if (f->head.type == NH_RADIO_ACK)
        return (int)encode_ack(&f->u.ack, out);
    if (f->head.type == NH_RADIO_HELLO)
        return encode_hello(&f->u.hello, out);
    if (f->head.type != NH_RADIO_CTRL)
        return NH_ERR_INVAL;
    out[12] = f->u.ctrl.cmd;
    nh_put_le16(out + 14, f->u.ctrl.value);
    return CTRL_BYTES;
}

int nh_radio_frame_encode(const struct nh_radio_frame *f, const uint8_t *key,
                          uint8_t out[NH_RADIO_FRAME_MAX_BYTES])
{
    bool is_keyed = f->head.version == NH_RADIO_V2;
    if ((f->head.version != NH_RADIO_V1 && !is_keyed) || (is_keyed && !key))
        return NH_ERR_INVAL;
    memset(out, 0, NH_RADIO_FRAME_MAX_BYTES);
    nh_put_le16(out, MAGIC);
    out[2] = f->head.version;
    out[3] = f->head.type;
    nh_put_le16(out + 4, f->head.src_node);
    nh_put_le16(out + 6, f->head.dst_node);
    nh_put_le32(out + 8, f->head.seq);
    int len = encode_body(f, out);
    if (len < 0 || !is_keyed)
        return len;
    nh_put_le64(out + len, f->counter);
    mac_of(key, out, (size_t)len + 8, out + len + 8);
    return len + NH_RADIO_TAIL_BYTES;
}

// ---- parts -------------------------------------------------------------------------------------

void nh_radio_record_encode(const struct nh_radio_record *r, uint8_t out[NH_RADIO_RECORD_BYTES])
{
    memset(out, 0, NH_RADIO_RECORD_BYTES);
    nh_put_le16(out, r->id);
    put_text(out + 2, r->name, NH_RADIO_NAME_BYTES);
}

void nh_radio_record_decode(const uint8_t *bytes, struct nh_radio_record *out)
{
    out->id = nh_get_le16(bytes);
    get_name(out->name, bytes + 2);
}

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool nh_radio_address_parse(const char *text, nh_radio_address_t *out)
{
    nh_radio_address_t a;
    if (strlen(text) != NH_RADIO_ADDRESS_TEXT_BYTES - 1)
        return false;
    for (size_t i = 0; i < sizeof a.mac; i++) {
        int high = hex_of(text[3 * i]), low = hex_of(text[3 * i + 1]);
        if (high < 0 || low < 0 || (i < 5 && text[3 * i + 2] != ':'))
            return false;
        a.mac[i] = (uint8_t)(high << 4 | low);
    }
    *out = a;
    return true;
}

const char *nh_radio_address_text(const nh_radio_address_t *a,
                                  char out[NH_RADIO_ADDRESS_TEXT_BYTES])
{
    const uint8_t *m = a->mac;
    snprintf(out, NH_RADIO_ADDRESS_TEXT_BYTES, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2],
             m[3], m[4], m[5]);
    return out;
}

bool nh_radio_address_is_all(const nh_radio_address_t *a)
{
    for (size_t i = 0; i < sizeof a->mac; i++)
        if (a->mac[i] != 0xFF)
            return false;
    return true;
}
