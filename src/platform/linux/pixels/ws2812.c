#include "platform/linux/pixels/ws2812.h"

#include <string.h>

// Which of R, G, B goes first, second, third.
static const uint8_t orders[][3] = {
    [NH_PIXELS_GRB] = {1, 0, 2}, [NH_PIXELS_RGB] = {0, 1, 2}, [NH_PIXELS_BRG] = {2, 0, 1},
    [NH_PIXELS_RBG] = {0, 2, 1}, [NH_PIXELS_GBR] = {1, 2, 0}, [NH_PIXELS_BGR] = {2, 1, 0},
};
static const uint8_t ones[] = {
    [NH_PIXELS_WS2812] = 0xE, [NH_PIXELS_SK6812] = 0xC, [NH_PIXELS_SK6812_RGBW] = 0xC};
#define ZERO 0x8u

// Two bits of a colour as one byte of SPI, the higher one first.
static void pairs_make(enum nh_pixels_chip chip, uint8_t pairs[4])
{
    for (unsigned v = 0; v < 4; v++) {
        unsigned high = v & 2 ? ones[chip] : ZERO, low = v & 1 ? ones[chip] : ZERO;
        pairs[v] = (uint8_t)(high << 4 | low);
    }
}

static uint8_t *put(uint8_t *out, const uint8_t pairs[4], uint8_t v)
{
    out[0] = pairs[v >> 6];
    out[1] = pairs[v >> 4 & 3];
    out[2] = pairs[v >> 2 & 3];
    out[3] = pairs[v & 3];
    return out + NH_WS2812_BYTES_A_COLOR;
}

static uint8_t least(const uint8_t rgb[3])
{
    uint8_t v = rgb[0] < rgb[1] ? rgb[0] : rgb[1];
    return v < rgb[2] ? v : rgb[2];
}

void nh_ws2812_encode(enum nh_pixels_chip chip, enum nh_pixels_order order, const uint8_t *rgb,
                      uint32_t count, uint8_t *out)
{
    const uint8_t *at = orders[order];
    bool has_white = chip == NH_PIXELS_SK6812_RGBW;
    uint8_t pairs[4];
    pairs_make(chip, pairs);
    memset(out, 0, NH_WS2812_HEAD_BYTES);
    out += NH_WS2812_HEAD_BYTES;
    for (uint32_t i = 0; i < count; i++, rgb += 3) {
        uint8_t white = has_white ? least(rgb) : 0;
        for (int c = 0; c < 3; c++)
            out = put(out, pairs, (uint8_t)(rgb[at[c]] - white));
        if (has_white)
            out = put(out, pairs, white);
    }
    memset(out, 0, NH_WS2812_RESET_BYTES);
}
