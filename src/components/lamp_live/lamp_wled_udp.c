#include "components/lamp_live/lamp_wled_udp.h"

#include "core/base/bytes.h"

#include <string.h>

enum { TPM2_FIRST = 0x9C, TPM2_DATA = 0xDA, TPM2_LAST = 0x36, TPM2_HEAD = 6 };

// ---- pixels
// ---------------------------------------------------------------------------------------

struct layout {
    uint8_t head_bytes, pixel_bytes;
};
static const struct layout layouts[] = {
    [NH_LAMP__WLED_WARLS] = {2, 4}, [NH_LAMP__WLED_DRGB] = {2, 3},   [NH_LAMP__WLED_DRGBW] = {2, 4},
    [NH_LAMP__WLED_DNRGB] = {4, 3}, [NH_LAMP__WLED_DNRGBW] = {4, 4},
};

static void take_pixels(struct nh_lamp__wled_pixels *out, const uint8_t *bytes, size_t len)
{
    out->data = (nh_span_t){bytes, len - len % out->pixel_bytes};
}

static int parse_tpm2(const uint8_t *bytes, size_t len, struct nh_lamp__wled_pixels *out)
{
    if (len < TPM2_HEAD + 1)
        return NH_ERR_PROTO;
    size_t size = nh_get_be16(bytes + 2);
    if (bytes[1] != TPM2_DATA)
        return NH_ERR_UNSUPPORTED;
    if (size > len - TPM2_HEAD - 1 || bytes[TPM2_HEAD + size] != TPM2_LAST || bytes[4] == 0 ||
        (bytes[5] > 0 && bytes[4] > bytes[5]))
        return NH_ERR_PROTO;
    *out = (struct nh_lamp__wled_pixels){
        .kind = NH_LAMP__WLED_TPM2, .pixel_bytes = 3, .packet = bytes[4], .packet_count = bytes[5]};
    take_pixels(out, bytes + TPM2_HEAD, size);
    return NH_OK;
}

int nh_lamp__wled_pixels_parse(const uint8_t *bytes, size_t len, struct nh_lamp__wled_pixels *out)
{
    if (len < 2)
        return NH_ERR_PROTO;
    if (bytes[0] == TPM2_FIRST)
        return parse_tpm2(bytes, len, out);
    if (bytes[0] < NH_LAMP__WLED_WARLS || bytes[0] >= NH_ARRAY_LEN(layouts))
        return NH_ERR_UNSUPPORTED;
    const struct layout *l = &layouts[bytes[0]];
    // Leaving is said without any pixel.
    if (len < l->head_bytes && bytes[1] != 0)
        return NH_ERR_PROTO;
    *out = (struct nh_lamp__wled_pixels){
        .kind = bytes[0], .timeout_s = bytes[1], .pixel_bytes = l->pixel_bytes};
    if (len < l->head_bytes)
        return NH_OK;
    if (l->head_bytes == 4)
        out->start = nh_get_be16(bytes + 2);
    take_pixels(out, bytes + l->head_bytes, len - l->head_bytes);
    return NH_OK;
}

int nh_lamp__hyperion_parse(const uint8_t *bytes, size_t len, struct nh_lamp__wled_pixels *out)
{
    if (len < 3)
        return NH_ERR_PROTO;
    *out = (struct nh_lamp__wled_pixels){.kind = NH_LAMP__WLED_RAW, .pixel_bytes = 3};
    take_pixels(out, bytes, len);
    return NH_OK;
}

// ---- sync
// ---------------------------------------------------------------------------------------

static void parse_newer(const uint8_t *bytes, size_t len, struct nh_lamp_sync *out)
{
    out->has_second = len >= 16;
    out->has_intensity = len >= 17;
    out->has_transition = len >= 19;
    out->has_palette = len >= 20;
    out->has_third = len >= 24;
    out->has_groups = len >= 37;
    if (out->has_second)
        memcpy(out->color[1], bytes + 12, 4);
    if (out->has_intensity)
        out->intensity = bytes[16];
    if (out->has_transition)
        out->transition_ms = nh_get_le16(bytes + 17);
    if (out->has_palette)
        out->palette = bytes[19];
    if (out->has_third)
        memcpy(out->color[2], bytes + 20, 4);
    out->is_follow_up = len >= 25 && bytes[24] != 0;
    if (len >= 29)
        out->timebase_ms = nh_get_be32(bytes + 25);
    if (len >= 36 && bytes[29] != 0)
        out->unix_ms = (uint64_t)nh_get_be32(bytes + 30) * 1000 + nh_get_be16(bytes + 34);
    if (out->has_groups)
        out->groups = bytes[36];
}

int nh_lamp_sync_parse(const uint8_t *bytes, size_t len, struct nh_lamp_sync *out)
{
    if (len < NH_LAMP_SYNC_MIN_BYTES || bytes[0] != 0 || bytes[11] == 0)
        return NH_ERR_PROTO;
    *out = (struct nh_lamp_sync){
        .why = bytes[1], .brightness = bytes[2], .effect = bytes[8], .speed = bytes[9]};
    memcpy(out->color[0], bytes + 3, 3);
    out->color[0][3] = bytes[10];
    parse_newer(bytes, len, out);
    return NH_OK;
}

void nh_lamp_sync_build(const struct nh_lamp_sync *s, uint8_t out[NH_LAMP_SYNC_BYTES])
{
    memset(out, 0, NH_LAMP_SYNC_BYTES);
    out[1] = s->why;
    out[2] = s->brightness;
    memcpy(out + 3, s->color[0], 3);
    out[8] = s->effect;
    out[9] = s->speed;
    out[10] = s->color[0][3];
    out[11] = NH_LAMP_SYNC_VERSION;
    memcpy(out + 12, s->color[1], 4);
    out[16] = s->intensity;
    nh_put_le16(out + 17, s->transition_ms);
    out[19] = s->palette;
    memcpy(out + 20, s->color[2], 4);
    out[24] = s->is_follow_up;
    nh_put_be32(out + 25, s->timebase_ms);
    out[29] = s->unix_ms != 0;
    nh_put_be32(out + 30, (uint32_t)(s->unix_ms / 1000));
    nh_put_be16(out + 34, (uint16_t)(s->unix_ms % 1000));
    out[36] = s->groups;
    out[40] = NH_LAMP_SYNC_SEGMENT_BYTES;
}

// ---- beacon
// ---------------------------------------------------------------------------------------

enum { BEACON_FIRST = 0xFF, BEACON_SECOND = 0x01, TYPE_ON = 0x80, NAME_BYTES = 32 };

int nh_lamp_beacon_parse(const uint8_t *bytes, size_t len, struct nh_lamp_beacon *out)
{
    if (len < NH_LAMP_BEACON_BYTES || bytes[0] != BEACON_FIRST || bytes[1] != BEACON_SECOND)
        return NH_ERR_PROTO;
    *out = (struct nh_lamp_beacon){.type = bytes[38] & (TYPE_ON - 1),
                                   .is_on = bytes[38] & TYPE_ON,
                                   .unit = bytes[39],
                                   .build = nh_get_le32(bytes + 40)};
    memcpy(out->ip, bytes + 2, sizeof out->ip);
    memcpy(out->name, bytes + 6, NAME_BYTES);
    return NH_OK;
}

void nh_lamp_beacon_build(const struct nh_lamp_beacon *b, uint8_t out[NH_LAMP_BEACON_BYTES])
{
    memset(out, 0, NH_LAMP_BEACON_BYTES);
    out[0] = BEACON_FIRST;
    out[1] = BEACON_SECOND;
    memcpy(out + 2, b->ip, sizeof b->ip);
    memcpy(out + 6, b->name, strnlen(b->name, NAME_BYTES));
    out[38] = (uint8_t)((b->is_on ? TYPE_ON : 0) | (b->type & (TYPE_ON - 1)));
    out[39] = b->unit;
    nh_put_le32(out + 40, b->build);
}
