#include "components/lamp_live/lamp_ddp.h"

#include "core/base/bytes.h"

#include <string.h>

enum {
    FLAG_VERSION_MASK = 0xC0,
    FLAG_VERSION_1 = 0x40,
    FLAG_TIMECODE = 0x10,
    FLAG_STORAGE = 0x08,
    FLAG_REPLY = 0x04,
    FLAG_QUERY = 0x02,
    FLAG_PUSH = 0x01,
};
enum { DESTINATION_DISPLAY = 1, DESTINATION_ALL = 255 };
enum { TYPE_NONE = 0x00, TYPE_RGB_OLD = 0x01, TYPE_RGB = 0x0B, TYPE_RGBW = 0x1B };

#define TIMECODE_BYTES 4

static uint8_t pixel_bytes_of(uint8_t type)
{
    if (type == TYPE_RGBW)
        return 4;
    return type == TYPE_NONE || type == TYPE_RGB_OLD || type == TYPE_RGB ? 3 : 0;
}

int nh_lamp__ddp_parse(const uint8_t *bytes, size_t len, struct nh_lamp__ddp_packet *out)
{
    if (len < NH_LAMP__DDP_HEAD_BYTES || (bytes[0] & FLAG_VERSION_MASK) != FLAG_VERSION_1)
        return NH_ERR_PROTO;
    size_t head = NH_LAMP__DDP_HEAD_BYTES + (bytes[0] & FLAG_TIMECODE ? TIMECODE_BYTES : 0);
    size_t data_len = nh_get_be16(bytes + 8);
    if (head > len || data_len > len - head)
        return NH_ERR_PROTO;
    *out = (struct nh_lamp__ddp_packet){
        .sequence = bytes[1] & 0x0F,
        .pixel_bytes = pixel_bytes_of(bytes[2]),
        .is_push = bytes[0] & FLAG_PUSH,
        .offset_bytes = nh_get_be32(bytes + 4),
        .data = {bytes + head, data_len},
    };
    bool is_for_display = bytes[3] == DESTINATION_DISPLAY || bytes[3] == DESTINATION_ALL;
    if (!is_for_display || bytes[0] & (FLAG_STORAGE | FLAG_REPLY | FLAG_QUERY) ||
        out->pixel_bytes == 0)
        return NH_ERR_UNSUPPORTED;
    return NH_OK;
}

size_t nh_lamp__ddp_build(const struct nh_lamp__ddp_packet *p,
                          uint8_t out[NH_LAMP__DDP_PACKET_MAX_BYTES])
{
    NH_ASSERT(p->data.len <= NH_LAMP__DDP_DATA_MAX_BYTES);
    out[0] = (uint8_t)(FLAG_VERSION_1 | (p->is_push ? FLAG_PUSH : 0));
    out[1] = p->sequence;
    out[2] = p->pixel_bytes == 4 ? TYPE_RGBW : TYPE_RGB;
    out[3] = DESTINATION_DISPLAY;
    nh_put_be32(out + 4, p->offset_bytes);
    nh_put_be16(out + 8, (uint16_t)p->data.len);
    if (p->data.len > 0)
        memcpy(out + NH_LAMP__DDP_HEAD_BYTES, p->data.ptr, p->data.len);
    return NH_LAMP__DDP_HEAD_BYTES + p->data.len;
}

uint8_t nh_lamp__ddp_distance(uint8_t sequence, uint8_t before)
{
    return (uint8_t)((sequence + NH_LAMP__DDP_SEQUENCE_MAX - before) % NH_LAMP__DDP_SEQUENCE_MAX);
}

uint8_t nh_lamp__ddp_next(uint8_t sequence)
{
    return (uint8_t)(sequence % NH_LAMP__DDP_SEQUENCE_MAX + 1);
}
