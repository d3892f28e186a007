// crc.h - check sums against damage (not against people), over pieces of any size.

#ifndef NH_CRC_H
#define NH_CRC_H

#include "core/base/base.h"

// CRC-32 of IEEE 802.3 (as in zip and PNG): reflected 0x04C11DB7, start and final XOR are inside.
// Begin with `crc` 0; give the result back in for the next piece. "123456789" gives 0xCBF43926.
uint32_t nh_crc32(uint32_t crc, const void *bytes, size_t len);

// CRC-16 of Modbus over serial line: reflected 0x8005, no final XOR; sent low byte first. Begin
// with NH_CRC16_MODBUS_START. "123456789" gives 0x4B37. Over a frame with its CRC it gives 0.
#define NH_CRC16_MODBUS_START 0xFFFFu
uint16_t nh_crc16_modbus(uint16_t crc, const void *bytes, size_t len);

#endif
