#include "platform/linux/proxy2.h"

#include <string.h>

enum { COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21 }; // with the version in the upper half
enum { TYPE_CRC32C = 0x03, TYPE_TLS = 0x20, TYPE_TLS_NAME = 0x22 };
enum { TLS_IS_SPOKEN = 0x01, TLS_HAS_CERTIFICATE = 0x06 }; // on this connection, or in its session

#define CRC32C_BYTES 4
#define TLS_HEAD_BYTES 5 // what the peer has, and the verdict over its certificate

static const uint8_t signature[12] = "\r\n\r\n\0\r\nQUIT\n";

// What stands for each byte of family and transport; anything else ends the connection.
static const struct {
    uint8_t code;
    uint8_t family;
    uint8_t address_bytes; // of one end
    uint8_t bytes;         // of both, with their ports
} families[] = {
    {0x00, NH_PROXY2_UNKNOWN, 0, 0},
    {0x11, NH_PROXY2_IPV4, 4, 12},
    {0x21, NH_PROXY2_IPV6, 16, 36},
    {0x31, NH_PROXY2_UNIX, 0, 216},
};

static uint16_t u16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int nh_proxy2_length(const uint8_t head[NH_PROXY2_HEAD_BYTES])
{
    if (memcmp(head, signature, sizeof signature) != 0 ||
        (head[12] != COMMAND_LOCAL && head[12] != COMMAND_PROXY))
        return NH_ERR_PROTO;
    int len = NH_PROXY2_HEAD_BYTES + u16(head + 14);
    return len <= NH_PROXY2_MAX_BYTES ? len : NH_ERR_TOO_LONG;
}

// ---- TLVs --------------------------------------------------------------------------------------

struct tlv {
    uint8_t type;
    nh_span_t value;
};

// Takes one off the front of `rest`. False: there is none, and *err tells whether that is right.
static bool tlv_next(nh_span_t *rest, struct tlv *out, int *err)
{
    if (rest->len == 0)
        return false;
    if (rest->len < 3 || u16(rest->ptr + 1) > rest->len - 3) {
        *err = NH_ERR_PROTO;
        return false;
    }
    out->type = rest->ptr[0];
    out->value = (nh_span_t){rest->ptr + 3, u16(rest->ptr + 1)};
    rest->ptr += 3 + out->value.len;
    rest->len -= 3 + out->value.len;
    return true;
}

// Over the whole header, its own four bytes taken as 0. Castagnoli's polynomial.
static uint32_t crc32c(const uint8_t *bytes, size_t len, size_t hole)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < len; i++) {
        crc ^= i >= hole && i < hole + CRC32C_BYTES ? 0 : bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1u ? 0x82F63B78u : 0);
    }
    return ~crc;
}

static int take_tls(nh_span_t value, struct nh_proxy2 *out)
{
    struct tlv t;
    int err = 0;
    if (value.len < TLS_HEAD_BYTES)
        return NH_ERR_PROTO;
    out->is_tls = value.ptr[0] & TLS_IS_SPOKEN;
    bool is_verified = (value.ptr[0] & TLS_HAS_CERTIFICATE) && u32(value.ptr + 1) == 0;
    nh_span_t rest = {value.ptr + TLS_HEAD_BYTES, value.len - TLS_HEAD_BYTES};
    while (tlv_next(&rest, &t, &err)) {
        if (t.type != TYPE_TLS_NAME || !is_verified)
            continue;
        // A name that reads as another is none.
        if (t.value.len > NH_PROXY2_NAME_MAX_BYTES || memchr(t.value.ptr, 0, t.value.len))
            return NH_ERR_PROTO;
        memcpy(out->name, t.value.ptr, t.value.len);
        out->name[t.value.len] = 0;
    }
    return err;
}

static int take_tlvs(const uint8_t *bytes, size_t len, size_t at, struct nh_proxy2 *out)
{
    nh_span_t rest = {bytes + at, len - at};
    struct tlv t;
    int err = 0;
    while (err == 0 && tlv_next(&rest, &t, &err)) {
        if (t.type == TYPE_TLS)
            err = take_tls(t.value, out);
        if (t.type == TYPE_CRC32C &&
            (t.value.len != CRC32C_BYTES ||
             crc32c(bytes, len, (size_t)(t.value.ptr - bytes)) != u32(t.value.ptr)))
            err = NH_ERR_PROTO;
    }
    return err;
}

// ---- the whole ---------------------------------------------------------------------------------

int nh_proxy2_parse(const uint8_t *bytes, size_t len, struct nh_proxy2 *out)
{
    memset(out, 0, sizeof *out);
    int whole = len >= NH_PROXY2_HEAD_BYTES ? nh_proxy2_length(bytes) : NH_ERR_PROTO;
    if (whole < 0 || (size_t)whole != len)
        return whole < 0 ? whole : NH_ERR_PROTO;
    if (bytes[12] == COMMAND_LOCAL)
        return NH_OK; // whatever follows is of no meaning
    out->is_relayed = true;
    for (size_t i = 0; i < NH_ARRAY_LEN(families); i++) {
        if (families[i].code != bytes[13])
            continue;
        const uint8_t *at = bytes + NH_PROXY2_HEAD_BYTES;
        size_t body = len - NH_PROXY2_HEAD_BYTES;
        if (body < families[i].bytes)
            return NH_ERR_PROTO;
        out->family = (enum nh_proxy2_family)families[i].family;
        memcpy(out->address, at, families[i].address_bytes);
        if (families[i].address_bytes)
            out->port = u16(at + 2u * families[i].address_bytes);
        return take_tlvs(bytes, len, NH_PROXY2_HEAD_BYTES + families[i].bytes, out);
    }
    return NH_ERR_PROTO;
}
