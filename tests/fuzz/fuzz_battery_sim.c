// Whatever comes on the line, the simulated board answers in whole frames with a good CRC, and
// still understands a request afterwards.

#include "../tools/battery/board.h"

#include <stdlib.h>

static void need(bool is_so)
{
    if (!is_so)
        abort();
}

// How long an answer is, by its command and its length byte.
static size_t answer_bytes(const uint8_t *at)
{
    switch (at[1]) {
    case 0x00:
    case 0x16:
    case 0x17:
    case 0x18:
        return 6;
    case 0x01:
        return 5;
    case 0x10:
    case 0x14:
    case 0x15:
    case 0x19:
    case 0x1A:
        return 8;
    case 0x20:
        return 16;
    default:
        return at[2] + 5u;
    }
}

// One answer after the other; nothing between them.
static void check_answers(const uint8_t *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        need(len - at >= 5 && bytes[at] == 0xAA);
        size_t total = answer_bytes(bytes + at);
        need(total <= len - at);
        uint16_t crc = nh_sim_board__crc(bytes + at, total - 2);
        need(bytes[at + total - 2] == (crc & 0xFF) && bytes[at + total - 1] == crc >> 8);
        at += total;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t status[] = {0xAA, 0x18, 0x7F, 0x1A};
    const struct nh_sim_board_config cfg = {.faults = {.nack_address = -1}, .text_format = 1};
    struct nh_sim_board b;
    uint8_t out[4096];
    uint64_t now = 0;
    nh_sim_board_init(&b, &cfg, now);
    while (size > 0) {
        size_t len = data[0] % 64u + 1;
        uint32_t pause_us = data[0] / 64u * 10000u;
        data++;
        size--;
        len = len < size ? len : size;
        nh_sim_board_input(&b, data, len, now);
        *nh_sim_pack_setting(&b.pack, NH_SIM_TEXT_INTERVAL) = 0; // or text would stand between
        check_answers(out, nh_sim_board_output(&b, out, sizeof out, now));
        now += pause_us;
        data += len;
        size -= len;
    }
    now += 1000000; // a restart may have been asked for
    nh_sim_board_input(&b, status, sizeof status, now);
    need(nh_sim_board_output(&b, out, sizeof out, now) == 6);
    return 0;
}
