#include "components/lamp_radio/radio_peers.h"

#include "core/base/bytes.h"
#include "core/base/crc.h"

#include <string.h>

#define MAGIC 0x52504E4Eu // "NNPR"
#define VERSION 1

_Static_assert(NH_RADIO_PEER_MAX_COUNT <= UINT16_MAX, "a count of 16 bits");

static void put_peer(uint8_t *b, const struct nh_radio_peer_record *p)
{
    memset(b, 0, NH_RADIO_PEER_BYTES);
    memcpy(b, p->address.mac, 6);
    nh_put_le16(b + 6, p->node);
    b[8] = p->kind;
    b[9] = p->channel;
    memcpy(b + 16, p->name, NH_RADIO_NAME_BYTES);
    memcpy(b + 32, p->key, NH_RADIO_KEY_BYTES);
    nh_put_le64(b + 64, p->kept_sent);
    nh_put_le64(b + 72, p->kept_received);
}

static bool get_peer(const uint8_t *b, struct nh_radio_peer_record *p)
{
    *p = (struct nh_radio_peer_record){.node = nh_get_le16(b + 6),
                                       .kind = b[8],
                                       .channel = b[9],
                                       .kept_sent = nh_get_le64(b + 64),
                                       .kept_received = nh_get_le64(b + 72)};
    memcpy(p->address.mac, b, 6);
    memcpy(p->name, b + 16, NH_RADIO_NAME_BYTES);
    memcpy(p->key, b + 32, NH_RADIO_KEY_BYTES);
    return (p->kind == NH_RADIO_PEER_PLAIN || p->kind == NH_RADIO_PEER_KEYED) &&
           p->name[NH_RADIO_NAME_BYTES - 1] == '\0' && p->channel <= NH_RADIO_CHANNEL_MAX;
}

size_t nh_radio_peers_encode(const struct nh_radio_peer_record *peers, size_t count, uint8_t *out)
{
    uint8_t *p = out + NH_RADIO_PEERS_HEAD_BYTES;
    nh_put_le32(out, MAGIC);
    nh_put_le16(out + 4, VERSION);
    nh_put_le16(out + 6, (uint16_t)count);
    for (size_t i = 0; i < count; i++, p += NH_RADIO_PEER_BYTES)
        put_peer(p, &peers[i]);
    nh_put_le32(p, nh_crc32(0, out, (size_t)(p - out)));
    return (size_t)(p - out) + NH_RADIO_PEERS_TAIL_BYTES;
}

int nh_radio_peers_decode(const uint8_t *bytes, size_t len, struct nh_radio_peer_record *out,
                          size_t max)
{
    if (len < NH_RADIO_PEERS_BYTES(0) || nh_get_le32(bytes) != MAGIC ||
        nh_get_le16(bytes + 4) != VERSION)
        return NH_ERR_CORRUPT;
    uint32_t count = nh_get_le16(bytes + 6);
    if (len != NH_RADIO_PEERS_BYTES(count) ||
        nh_crc32(0, bytes, len - NH_RADIO_PEERS_TAIL_BYTES) !=
            nh_get_le32(bytes + len - NH_RADIO_PEERS_TAIL_BYTES))
        return NH_ERR_CORRUPT;
    for (uint32_t i = 0; i < count && i < max; i++)
        if (!get_peer(bytes + NH_RADIO_PEERS_HEAD_BYTES + (size_t)i * NH_RADIO_PEER_BYTES, &out[i]))
            return NH_ERR_CORRUPT;
    return (int)count;
}
