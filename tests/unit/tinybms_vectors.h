// tinybms_vectors.h - the frames of docs/battery-protocol.md, each with a CRC that was checked by
// others.

#ifndef NH_TEST_TINYBMS_VECTORS_H
#define NH_TEST_TINYBMS_VECTORS_H

#include "components/battery/tinybms.h"

struct request_vector {
    const char *name;
    const char *hex;
    struct nh_tinybms_request request;
};
#define U16(...) ((const uint16_t[]){__VA_ARGS__})
static const struct request_vector request_vectors[] = {
    {"clear events", "AA 02 01 91 40", {.command = 0x02, .option = 1}},
    {"clear statistics", "AA 02 02 D1 41", {.command = 0x02, .option = 2}},
    {"restart", "AA 02 05 90 83", {.command = 0x02, .option = 5}},
    {"0x03, 0..15", "AA 03 00 00 00 10 5D DD", {.command = 0x03, .count = 16}},
    {"0x03, 0..55", "AA 03 00 00 00 38 5D C3", {.command = 0x03, .count = 56}},
    {"0x03, 36..37", "AA 03 00 24 00 02 9D DB", {.command = 0x03, .address = 36, .count = 2}},
    {"0x03, 36..39", "AA 03 00 24 00 04 1D D9", {.command = 0x03, .address = 36, .count = 4}},
    {"0x03, 46..47", "AA 03 00 2E 00 02 BD D9", {.command = 0x03, .address = 46, .count = 2}},
    {"0x03, 100..117", "AA 03 00 64 00 12 9D C3", {.command = 0x03, .address = 100, .count = 18}},
    {"0x03, 300..399", "AA 03 01 2C 00 64 9D CF", {.command = 0x03, .address = 300, .count = 100}},
    {"0x03, 500..509", "AA 03 01 F4 00 0A 9C 18", {.command = 0x03, .address = 500, .count = 10}},
    {"0x03, 5..9", "AA 03 00 05 00 05 8C 13", {.command = 0x03, .address = 5, .count = 5}},
    {"0x07, 0..15", "AA 07 10 00 00 3C A9", {.command = 0x07, .count = 16}},
    {"0x07, 0..30", "AA 07 1F 00 00 0C AA", {.command = 0x07, .count = 31}},
    {"0x07, 300", "AA 07 01 2C 01 B1 AC", {.command = 0x07, .address = 300, .count = 1}},
    {"0x09, 46", "AA 09 02 2E 00 83 E4", {.command = 0x09, .count = 1, .addresses = U16(46)}},
    {"0x09, 34 and 35",
     "AA 09 04 22 00 23 00 F3 1B",
     {.command = 0x09, .count = 2, .addresses = U16(34, 35)}},
    {"0x09, 300", "AA 09 02 2C 01 43 44", {.command = 0x09, .count = 1, .addresses = U16(300)}},
    {"0x0B, 300 and 301",
     "AA 0B 04 2C 01 42 0E B2 0C B3 56",
     {.command = 0x0B, .address = 300, .count = 2, .values = U16(3650, 3250)}},
    {"0x0D, 300",
     "AA 0D 04 2C 01 42 0E 09 E3",
     {.command = 0x0D, .count = 1, .addresses = U16(300), .values = U16(3650)}},
    {"0x0D, 315",
     "AA 0D 04 3B 01 68 10 93 3F",
     {.command = 0x0D, .count = 1, .addresses = U16(315), .values = U16(4200)}},
    {"0x10, 315 and 316",
     "AA 10 01 3B 00 02 04 10 68 09 C4 19 61",
     {.command = 0x10, .address = 315, .count = 2, .values = U16(4200, 2500)}},
    {"0x10, 315",
     "AA 10 01 3B 00 01 02 0E 42 BD 7D",
     {.command = 0x10, .address = 315, .count = 1, .values = U16(3650)}},
    {"newest events", "AA 11 BF 1C", {.command = 0x11}},
    {"all events", "AA 12 FF 1D", {.command = 0x12}},
    {"pack voltage", "AA 14 7F 1F", {.command = 0x14}},
    {"pack current", "AA 15 BE DF", {.command = 0x15}},
    {"highest cell", "AA 16 FE DE", {.command = 0x16}},
    {"lowest cell", "AA 17 3F 1E", {.command = 0x17}},
    {"status", "AA 18 7F 1A", {.command = 0x18}},
    {"lifetime", "AA 19 BE DA", {.command = 0x19}},
    {"charge", "AA 1A FE DB", {.command = 0x1A}},
    {"temperatures", "AA 1B 3F 1B", {.command = 0x1B}},
    {"cells", "AA 1C 7E D9", {.command = 0x1C}},
    {"minima", "AA 1D 01 00 64 6A 5F", {.command = 0x1D, .option = 1, .count = 100}},
    {"maxima", "AA 1D 02 00 64 9A 5F", {.command = 0x1D, .option = 2, .count = 100}},
    {"defaults", "AA 1D 03 00 64 CB 9F", {.command = 0x1D, .option = 3, .count = 100}},
    {"settings", "AA 1D 04 00 64 7A 5E", {.command = 0x1D, .option = 4, .count = 100}},
    {"version", "AA 1E FF 18", {.command = 0x1E}},
    {"long version", "AA 1F 3E D8", {.command = 0x1F}},
    {"distance", "AA 20 7E C8", {.command = 0x20}},
};

struct response_vector {
    const char *name;
    const char *hex;
    uint8_t command;
    enum nh_tinybms_answer answer;
    uint8_t code;
    uint8_t word_count; // of decode_words; 0: not of this command
    uint16_t words[6];
};
static const struct response_vector response_vectors[] = {
    {"ACK 0x02", "AA 01 02 D1 B1", 0x02, NH_TINYBMS_ACK, 0, 0, {0}},
    {"ACK 0x0B", "AA 01 0B 11 B7", 0x0B, NH_TINYBMS_ACK, 0, 0, {0}},
    {"ACK 0x0D", "AA 01 0D 91 B5", 0x0D, NH_TINYBMS_ACK, 0, 0, {0}},
    {"NACK 0x03", "AA 00 03 00 21 0C", 0x03, NH_TINYBMS_NACK, 0, 0, {0}},
    {"NACK 0x03, CRC", "AA 00 03 01 E0 CC", 0x03, NH_TINYBMS_NACK, 1, 0, {0}},
    {"NACK 0x06", "AA 00 06 00 22 5C", 0x06, NH_TINYBMS_NACK, 0, 0, {0}},
    {"NACK 0x10", "AA 00 10 00 2C 3C", 0x10, NH_TINYBMS_NACK, 0, 0, {0}},
    {"NACK 0x0D", "AA 00 0D 00 25 6C", 0x0D, NH_TINYBMS_NACK, 0, 0, {0}},
    {"NACK 0x0D, CRC", "AA 00 0D 01 E4 AC", 0x0D, NH_TINYBMS_NACK, 1, 0, {0}},
    {"0x03, 5..9",
     "AA 03 0A 97 40 97 40 97 2C 97 2C 97 2C 3E C7",
     0x03,
     NH_TINYBMS_DATA,
     0,
     5,
     {38720, 38720, 38700, 38700, 38700}},
    {"0x03, 36..39",
     "AA 03 08 CC CD 42 4C 00 00 C1 48 ED 72",
     0x03,
     NH_TINYBMS_DATA,
     0,
     4,
     {0xCCCD, 0x424C, 0x0000, 0xC148}},
    {"0x03, 46..47", "AA 03 04 B4 D0 04 5D 05 C9", 0x03, NH_TINYBMS_DATA, 0, 2, {0xB4D0, 0x045D}},
    {"0x07, 300", "AA 07 02 42 0E 2D C8", 0x07, NH_TINYBMS_DATA, 0, 1, {3650}},
    {"0x09, 300", "AA 09 04 2C 01 42 0E 08 67", 0x09, NH_TINYBMS_DATA, 0, 0, {0}},
    {"0x10, two from 315", "AA 10 01 3B 00 02 28 22", 0x10, NH_TINYBMS_DATA, 0, 2, {315, 2}},
    {"0x10, one from 315", "AA 10 01 3B 00 01 68 23", 0x10, NH_TINYBMS_DATA, 0, 2, {315, 1}},
    {"newest events",
     "AA 11 0C 40 42 0F 00 3F 42 0F 61 36 42 0F 62 B2 89",
     0x11,
     NH_TINYBMS_DATA,
     0,
     0,
     {0}},
    {"51.2 V", "AA 14 CD CC 4C 42 62 70", 0x14, NH_TINYBMS_DATA, 0, 2, {0xCCCD, 0x424C}},
    {"-12.5 A", "AA 15 00 00 48 C1 E2 42", 0x15, NH_TINYBMS_DATA, 0, 2, {0x0000, 0xC148}},
    {"highest cell", "AA 16 11 0D 0D AD", 0x16, NH_TINYBMS_DATA, 0, 1, {3345}},
    {"lowest cell", "AA 17 03 0D 50 CD", 0x17, NH_TINYBMS_DATA, 0, 1, {3331}},
    {"discharging", "AA 18 93 00 CD 0B", 0x18, NH_TINYBMS_DATA, 0, 1, {0x93}},
    {"1000000 s", "AA 19 40 42 0F 00 B5 F7", 0x19, NH_TINYBMS_DATA, 0, 2, {0x4240, 0x000F}},
    {"73.25 %", "AA 1A D0 B4 5D 04 00 66", 0x1A, NH_TINYBMS_DATA, 0, 2, {0xB4D0, 0x045D}},
    {"temperatures",
     "AA 1B 06 16 01 14 01 16 01 0E 4E",
     0x1B,
     NH_TINYBMS_DATA,
     0,
     3,
     {278, 276, 278}},
    {"no sensors",
     "AA 1B 06 FD 00 00 80 00 80 BF 4D",
     0x1B,
     NH_TINYBMS_DATA,
     0,
     3,
     {253, 0x8000, 0x8000}},
    {"version", "AA 1E 05 05 00 0A D2 04 85 39", 0x1E, NH_TINYBMS_DATA, 0, 0, {0}},
    {"long version", "AA 1F 07 05 00 0A D2 04 03 06 AE 39", 0x1F, NH_TINYBMS_DATA, 0, 0, {0}},
    {"distance",
     "AA 20 00 00 00 00 00 00 00 00 00 00 00 00 7E CB",
     0x20,
     NH_TINYBMS_DATA,
     0,
     6,
     {0}},
};

// "AA 01" to bytes; returns how many.
static inline size_t vector_bytes(const char *hex, uint8_t *out)
{
    size_t n = 0;
    for (; *hex; hex += hex[2] ? 3 : 2) {
        const char *digits = "0123456789ABCDEF";
        uint8_t value = 0;
        for (int i = 0; i < 2; i++)
            for (uint8_t d = 0; d < 16; d++)
                if (digits[d] == hex[i])
                    value = (uint8_t)(value << 4 | d);
        out[n++] = value;
    }
    return n;
}

#endif
