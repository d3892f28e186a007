#include "core/base/crc.h"

// A table of 16 entries works on half bytes: 64 and 32 bytes of flash instead of 1024 and 512, at
// about half the speed, which is still far above that of the flash and the serial line behind.
static const uint32_t crc32_half[16] = {
    0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
    0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
};

static const uint16_t modbus_half[16] = {
    0x0000, 0xCC01, 0xD801, 0x1400, 0xF001, 0x3C00, 0x2800, 0xE401,
    0xA001, 0x6C00, 0x7800, 0xB401, 0x5000, 0x9C01, 0x8801, 0x4400,
};

uint32_t nh_crc32(uint32_t crc, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        crc = crc >> 4 ^ crc32_half[crc & 15];
        crc = crc >> 4 ^ crc32_half[crc & 15];
    }
    return ~crc;
}

uint16_t nh_crc16_modbus(uint16_t crc, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        crc = (uint16_t)(crc >> 4 ^ modbus_half[crc & 15]);
        crc = (uint16_t)(crc >> 4 ^ modbus_half[crc & 15]);
    }
    return crc;
}
