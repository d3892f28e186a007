#include "components/lamp_live/lamp_artnet.h"

#include "core/base/bytes.h"

#include <string.h>

enum { OP_POLL = 0x2000, OP_POLL_REPLY = 0x2100, OP_DMX = 0x5000, OP_SYNC = 0x5200 };

#define PROTOCOL 14
#define POLL_MIN_BYTES 14
#define SHORT_NAME_BYTES 18
#define LONG_NAME_BYTES 64
#define OEM_UNKNOWN 0x00FF
#define PORT_OUTPUT 0x80
#define OUTPUT_DATA 0x80
#define STATUS2_LONG_ADDRESS 0x08 // 15 bits of port address

static const uint8_t id[8] = "Art-Net";

static int parse_dmx(const uint8_t *bytes, size_t len, struct nh_lamp__artnet_packet *out)
{
    if (len < NH_LAMP__ARTNET_HEAD_BYTES)
        return NH_ERR_PROTO;
    size_t count = nh_get_be16(bytes + 16);
    out->kind = NH_LAMP__ARTNET_DMX;
    out->sequence = bytes[12];
    out->address = nh_get_le16(bytes + 14) & NH_LAMP__ARTNET_ADDRESS_MAX;
    // Odd lengths break the rule, but senders that have them are many and mean what they say.
    if (count < 1 || count > NH_LAMP__ARTNET_CHANNEL_MAX_COUNT ||
        count > len - NH_LAMP__ARTNET_HEAD_BYTES)
        return NH_ERR_PROTO;
    out->channels = (nh_span_t){bytes + NH_LAMP__ARTNET_HEAD_BYTES, count};
    return NH_OK;
}

int nh_lamp__artnet_parse(const uint8_t *bytes, size_t len, struct nh_lamp__artnet_packet *out)
{
    if (len < POLL_MIN_BYTES || memcmp(bytes, id, sizeof id) != 0 ||
        nh_get_be16(bytes + 10) < PROTOCOL)
        return NH_ERR_PROTO;
    *out = (struct nh_lamp__artnet_packet){0};
    switch (nh_get_le16(bytes + 8)) {
    case OP_DMX:
        return parse_dmx(bytes, len, out);
    case OP_POLL:
        out->kind = NH_LAMP__ARTNET_POLL;
        return NH_OK;
    case OP_SYNC:
        out->kind = NH_LAMP__ARTNET_SYNC;
        return NH_OK;
    default:
        return NH_ERR_UNSUPPORTED;
    }
}

size_t nh_lamp__artnet_build(const struct nh_lamp__artnet_packet *p,
                             uint8_t out[NH_LAMP__ARTNET_PACKET_MAX_BYTES])
{
    size_t count = p->channels.len;
    NH_ASSERT(count >= 1 && count <= NH_LAMP__ARTNET_CHANNEL_MAX_COUNT);
    memcpy(out, id, sizeof id);
    nh_put_le16(out + 8, OP_DMX);
    nh_put_be16(out + 10, PROTOCOL);
    out[12] = p->sequence;
    out[13] = 0;
    nh_put_le16(out + 14, p->address);
    memcpy(out + NH_LAMP__ARTNET_HEAD_BYTES, p->channels.ptr, count);
    if (count % 2 == 1)
        out[NH_LAMP__ARTNET_HEAD_BYTES + count++] = 0;
    nh_put_be16(out + 16, (uint16_t)count);
    return NH_LAMP__ARTNET_HEAD_BYTES + count;
}

// Fixed fields of text are filled with zeros, the last of which always stays.
static void put_text(uint8_t *out, size_t cap, const char *text)
{
    size_t len = strlen(text);
    memcpy(out, text, len < cap - 1 ? len : cap - 1);
}

void nh_lamp__artnet_reply(const struct nh_lamp__artnet_node *node,
                           uint8_t out[NH_LAMP__ARTNET_REPLY_BYTES])
{
    memset(out, 0, NH_LAMP__ARTNET_REPLY_BYTES);
    memcpy(out, id, sizeof id);
    nh_put_le16(out + 8, OP_POLL_REPLY);
    memcpy(out + 10, node->ip, sizeof node->ip);
    nh_put_le16(out + 14, NH_LAMP__ARTNET_PORT);
    nh_put_be16(out + 16, node->version);
    out[18] = (uint8_t)(node->address >> 8 & 0x7F);
    out[19] = (uint8_t)(node->address >> 4 & 0x0F);
    nh_put_be16(out + 20, OEM_UNKNOWN);
    put_text(out + 26, SHORT_NAME_BYTES, node->short_name);
    put_text(out + 44, LONG_NAME_BYTES, node->long_name);
    put_text(out + 108, LONG_NAME_BYTES, node->report);
    nh_put_be16(out + 172, node->port_count);
    for (uint8_t i = 0; i < node->port_count; i++) {
        out[174 + i] = PORT_OUTPUT;
        out[182 + i] = node->has_data ? OUTPUT_DATA : 0;
        out[190 + i] = (uint8_t)((node->address + i) & 0x0F);
    }
    memcpy(out + 201, node->mac, sizeof node->mac);
    memcpy(out + 207, node->ip, sizeof node->ip);
    out[211] = node->bind_index;
    out[212] = STATUS2_LONG_ADDRESS;
}
