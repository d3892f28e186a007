// bytes.h - numbers in a byte order, at any alignment. be: big endian (MQTT, TCP), le: little.

#ifndef NH_BYTES_H
#define NH_BYTES_H

#include "core/base/base.h"

static inline uint16_t nh_get_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t nh_get_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t nh_get_be64(const uint8_t *p)
{
    return (uint64_t)nh_get_be32(p) << 32 | nh_get_be32(p + 4);
}

static inline uint16_t nh_get_le16(const uint8_t *p)
{
    return (uint16_t)(p[1] << 8 | p[0]);
}

static inline uint32_t nh_get_le32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static inline uint64_t nh_get_le64(const uint8_t *p)
{
    return (uint64_t)nh_get_le32(p + 4) << 32 | nh_get_le32(p);
}

static inline void nh_put_be16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void nh_put_be32(uint8_t *p, uint32_t v)
{
    nh_put_be16(p, (uint16_t)(v >> 16));
    nh_put_be16(p + 2, (uint16_t)v);
}

static inline void nh_put_be64(uint8_t *p, uint64_t v)
{
    nh_put_be32(p, (uint32_t)(v >> 32));
    nh_put_be32(p + 4, (uint32_t)v);
}

static inline void nh_put_le16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static inline void nh_put_le32(uint8_t *p, uint32_t v)
{
    nh_put_le16(p, (uint16_t)v);
    nh_put_le16(p + 2, (uint16_t)(v >> 16));
}

static inline void nh_put_le64(uint8_t *p, uint64_t v)
{
    nh_put_le32(p, (uint32_t)v);
    nh_put_le32(p + 4, (uint32_t)(v >> 32));
}

#endif
