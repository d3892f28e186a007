#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/base/crc.h"
#include "support/rng.h"

// The defining polynomials, bit by bit: what the tables must come to.
static uint32_t crc32_by_bits(const uint8_t *p, size_t len)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < 8 * len; i++) {
        crc ^= p[i / 8] >> i % 8 & 1;
        crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

static uint16_t crc16_by_bits(const uint8_t *p, size_t len)
{
    uint16_t crc = 0xFFFF;
    for (size_t i = 0; i < 8 * len; i++) {
        crc ^= p[i / 8] >> i % 8 & 1;
        crc = (uint16_t)(crc >> 1 ^ (crc & 1 ? 0xA001 : 0));
    }
    return crc;
}

static void known_values(void **state)
{
    (void)state;
    assert_int_equal(nh_crc32(0, "", 0), 0);
    assert_true(nh_crc32(0, "123456789", 9) == 0xCBF43926u);
    assert_int_equal(nh_crc16_modbus(NH_CRC16_MODBUS_START, "123456789", 9), 0x4B37);
    // A read request to unit 1 with its CRC comes to 0: 01 03 00 00 00 0A C5 CD.
    assert_int_equal(nh_crc16_modbus(NH_CRC16_MODBUS_START, "\x01\x03\x00\x00\x00\x0A\xC5\xCD", 8),
                     0);
}

static void same_as_bit_by_bit_in_pieces(void **state)
{
    (void)state;
    struct rng rng = {5};
    uint8_t b[64];
    for (int n = 0; n < 300; n++) {
        size_t len = rng_below(&rng, sizeof b + 1), cut = rng_below(&rng, (uint32_t)len + 1);
        rng_bytes(&rng, b, len);
        assert_true(nh_crc32(nh_crc32(0, b, cut), b + cut, len - cut) == crc32_by_bits(b, len));
        uint16_t c = nh_crc16_modbus(NH_CRC16_MODBUS_START, b, cut);
        assert_int_equal(nh_crc16_modbus(c, b + cut, len - cut), crc16_by_bits(b, len));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values),
        cmocka_unit_test(same_as_bit_by_bit_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
