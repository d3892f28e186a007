// ws2812.h - the bits of an SPI data line that WS2812 and its kin take for their own.
//
// A bit of theirs is a pulse: long for 1, short for 0, 1.25 us from one to the next. Here it is
// four bits of SPI at 3.2 MHz, 312.5 ns each:
//
//   WS2812   0: #...   1: ###.       SK6812   0: #...   1: ##..
//
// Why four and not three at 2.4 MHz: the short pulse would be 417 ns, which newer WS2812B (at most
// 380 ns) need not take for a 0. And each byte holds two whole bits and ends low, so the pause that
// some SPI controllers make between bytes makes a low time longer, which does no harm, and never a
// pulse. docs/lamp-hardware.md, "SPI".
//
// Pure functions: bytes in, bytes out.

#ifndef NH_LINUX_WS2812_H
#define NH_LINUX_WS2812_H

#include "platform/pixels.h"

#define NH_WS2812_SPEED_HZ 3200000u
#define NH_WS2812_BYTES_A_COLOR 4u // 8 bits, half a byte each
#define NH_WS2812_HEAD_BYTES 4u    // low before the first pulse, while the clock begins
// Low behind the last: 300 us, of which newer chips want 280 to show what they got.
#define NH_WS2812_RESET_BYTES 120u

// Bytes of a whole frame, head and reset with it.
static inline size_t nh_ws2812_frame_bytes(enum nh_pixels_chip chip, uint32_t count)
{
    size_t colors = chip == NH_PIXELS_SK6812_RGBW ? 4 : 3;
    return NH_WS2812_HEAD_BYTES + count * colors * NH_WS2812_BYTES_A_COLOR + NH_WS2812_RESET_BYTES;
}

// Writes a frame of `count` pixels, 3 bytes R, G, B each, to `out`: nh_ws2812_frame_bytes().
void nh_ws2812_encode(enum nh_pixels_chip chip, enum nh_pixels_order order, const uint8_t *rgb,
                      uint32_t count, uint8_t *out);

#endif
