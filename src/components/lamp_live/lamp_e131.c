#include "components/lamp_live/lamp_e131.h"

#include "core/base/bytes.h"

#include <stdio.h>
#include <string.h>

enum { ROOT_DATA = 4, ROOT_EXTENDED = 8, FRAME_DATA = 2, FRAME_SYNC = 1, DMP_SET = 2 };
enum { OPTION_PREVIEW = 0x80, OPTION_END = 0x40 };
enum { AT_ROOT = 16, AT_FRAME = 38, AT_DMP = 115 };

#define SYNC_BYTES 49
#define ADDRESS_TYPE 0xA1
#define FLAGS 0x7000
#define LENGTH_MASK 0x0FFF
// Of consecutive packets one that is so far behind is not late but from a sender that began anew.
#define OLD_MAX 20

static const uint8_t preamble[16] = {0, 0x10, 0, 0, 'A', 'S', 'C', '-', 'E', '1', '.', '1', '7'};

// A layer says how long it is, or (0) does not.
static bool has_length(const uint8_t *bytes, size_t at, size_t len)
{
    size_t said = nh_get_be16(bytes + at) & LENGTH_MASK;
    return (bytes[at] & 0xF0) == FLAGS >> 8 && said <= len - at;
}

static int parse_sync(const uint8_t *bytes, size_t len, struct nh_lamp__e131_packet *out)
{
    if (len < SYNC_BYTES || nh_get_be32(bytes + 40) != FRAME_SYNC)
        return len < SYNC_BYTES ? NH_ERR_PROTO : NH_ERR_UNSUPPORTED;
    out->kind = NH_LAMP__E131_SYNC;
    out->sequence = bytes[44];
    out->universe = nh_get_be16(bytes + 45);
    return NH_OK;
}

static void parse_frame(const uint8_t *bytes, struct nh_lamp__e131_packet *out)
{
    out->kind = NH_LAMP__E131_DATA;
    memcpy(out->name, bytes + 44, sizeof out->name - 1);
    out->priority = bytes[108];
    out->sync_universe = nh_get_be16(bytes + 109);
    out->sequence = bytes[111];
    out->is_preview = bytes[112] & OPTION_PREVIEW;
    out->is_end = bytes[112] & OPTION_END;
    out->universe = nh_get_be16(bytes + 113);
}

static int parse_data(const uint8_t *bytes, size_t len, struct nh_lamp__e131_packet *out)
{
    if (len < NH_LAMP__E131_HEAD_BYTES || !has_length(bytes, AT_DMP, len))
        return NH_ERR_PROTO;
    if (nh_get_be32(bytes + 40) != FRAME_DATA || bytes[117] != DMP_SET)
        return NH_ERR_UNSUPPORTED;
    parse_frame(bytes, out);
    size_t count = nh_get_be16(bytes + 123); // with the start code
    if (bytes[118] != ADDRESS_TYPE || nh_get_be16(bytes + 119) != 0 ||
        nh_get_be16(bytes + 121) != 1 || count < 1 || count > 1 + NH_LAMP__E131_CHANNEL_MAX_COUNT ||
        count - 1 > len - NH_LAMP__E131_HEAD_BYTES)
        return NH_ERR_PROTO;
    if (out->universe < 1 || out->universe > NH_LAMP__E131_UNIVERSE_MAX ||
        out->priority > NH_LAMP__E131_PRIORITY_MAX)
        return NH_ERR_PROTO;
    out->channels = (nh_span_t){bytes + NH_LAMP__E131_HEAD_BYTES, count - 1};
    return bytes[125] == 0 ? NH_OK : NH_ERR_UNSUPPORTED;
}

int nh_lamp__e131_parse(const uint8_t *bytes, size_t len, struct nh_lamp__e131_packet *out)
{
    if (len < AT_FRAME + 6 || memcmp(bytes, preamble, sizeof preamble) != 0 ||
        !has_length(bytes, AT_ROOT, len) || !has_length(bytes, AT_FRAME, len))
        return NH_ERR_PROTO;
    *out = (struct nh_lamp__e131_packet){0};
    memcpy(out->cid, bytes + 22, sizeof out->cid);
    switch (nh_get_be32(bytes + 18)) {
    case ROOT_DATA:
        return parse_data(bytes, len, out);
    case ROOT_EXTENDED:
        return parse_sync(bytes, len, out);
    default:
        return NH_ERR_UNSUPPORTED;
    }
}

static void put_length(uint8_t *bytes, size_t at, size_t len)
{
    nh_put_be16(bytes + at, (uint16_t)(FLAGS | (len - at)));
}

size_t nh_lamp__e131_build(const struct nh_lamp__e131_packet *p,
                           uint8_t out[NH_LAMP__E131_PACKET_MAX_BYTES])
{
    NH_ASSERT(p->channels.len <= NH_LAMP__E131_CHANNEL_MAX_COUNT);
    size_t len = NH_LAMP__E131_HEAD_BYTES + p->channels.len;
    memset(out, 0, NH_LAMP__E131_HEAD_BYTES);
    memcpy(out, preamble, sizeof preamble);
    put_length(out, AT_ROOT, len);
    nh_put_be32(out + 18, ROOT_DATA);
    memcpy(out + 22, p->cid, sizeof p->cid);
    put_length(out, AT_FRAME, len);
    nh_put_be32(out + 40, FRAME_DATA);
    memcpy(out + 44, p->name, sizeof p->name);
    out[108] = p->priority;
    nh_put_be16(out + 109, p->sync_universe);
    out[111] = p->sequence;
    out[112] = (uint8_t)((p->is_preview ? OPTION_PREVIEW : 0) | (p->is_end ? OPTION_END : 0));
    nh_put_be16(out + 113, p->universe);
    put_length(out, AT_DMP, len);
    out[117] = DMP_SET;
    out[118] = ADDRESS_TYPE;
    nh_put_be16(out + 121, 1);
    nh_put_be16(out + 123, (uint16_t)(1 + p->channels.len));
    if (p->channels.len > 0)
        memcpy(out + NH_LAMP__E131_HEAD_BYTES, p->channels.ptr, p->channels.len);
    return len;
}

const char *nh_lamp_e131_group(uint16_t universe, char out[NH_LAMP_E131_GROUP_TEXT_BYTES])
{
    snprintf(out, NH_LAMP_E131_GROUP_TEXT_BYTES, "239.255.%u.%u", (unsigned)universe >> 8,
             universe & 0xFFU);
    return out;
}

bool nh_lamp__e131_is_old(uint8_t sequence, uint8_t last)
{
    int8_t ahead = (int8_t)(uint8_t)(sequence - last);
    return ahead <= 0 && ahead > -OLD_MAX;
}
