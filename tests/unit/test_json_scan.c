#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/json/json_scan.h"
#include "core/json/json_utf8.h"

// Each byte value at each place of a text of each length and alignment: all ways to scan stop
// there, or pass over it.
static void a_scan_stops_at_the_first_byte_that_is_not_plain(void **state)
{
    static uint8_t block[64];
    (void)state;
    for (unsigned value = 0; value < 256; value++) {
        for (size_t at = 0; at < 40; at++) {
            for (size_t shift = 0; shift < 8; shift++) {
                const uint8_t *p = block + shift, *end = p + 40;
                memset(block, 'a', sizeof block);
                block[shift + at] = (uint8_t)value;
                const uint8_t *want = nh__scan_is_plain((uint8_t)value) ? end : p + at;
                assert_ptr_equal(nh__scan_plain_word(p, end), want);
                assert_ptr_equal(nh__scan_plain(p, end), want);
                assert_ptr_equal(nh__scan_plain(p, p + at), p + at);
            }
        }
    }
}

static void a_copy_stops_there_too_and_at_the_room(void **state)
{
    static const uint8_t from[] = "a text of forty-eight bytes, to be copied whole\"";
    char to[sizeof from + 1];
    (void)state;
    for (size_t room = 0; room < sizeof from; room++) {
        size_t want = room < 47 ? room : 47;
        memset(to, '#', sizeof to);
        assert_int_equal(nh__scan_copy(from, from + 48, to, room), want);
        assert_memory_equal(to, from, want);
        assert_int_equal(to[room], '#');
        memset(to, '#', sizeof to);
        assert_int_equal(nh__scan_copy_word(from, from + 48, to, room), want);
        assert_memory_equal(to, from, want);
        assert_int_equal(to[room], '#');
    }
}

// The slow and sure way: decode, and encode again.
static unsigned width_of(uint32_t c)
{
    return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

static void all_scalar_values_are_well_formed_and_nothing_else(void **state)
{
    (void)state;
    for (uint32_t c = 0x80; c <= 0x10ffff; c += c < 0x11000 ? 1 : 37) {
        char bytes[4];
        unsigned width = nh__utf8_put(c, bytes);
        bool is_surrogate = c >= 0xd800 && c <= 0xdfff;
        assert_int_equal(width, width_of(c));
        assert_int_equal(nh__utf8_width((const uint8_t *)bytes, width), is_surrogate ? 0 : width);
        assert_int_equal(nh__utf8_width((const uint8_t *)bytes, width - 1), 0);
        bytes[width - 1] ^= 0x40;
        assert_int_equal(nh__utf8_width((const uint8_t *)bytes, width), 0);
    }
    static const uint8_t bad[][4] = {{0x80, 0x80, 0x80, 0x80}, {0xc1, 0xbf, 0x80, 0x80},
                                     {0xe0, 0x9f, 0xbf, 0x80}, {0xf0, 0x8f, 0xbf, 0xbf},
                                     {0xf4, 0x90, 0x80, 0x80}, {0xf8, 0x88, 0x80, 0x80},
                                     {0xff, 0xbf, 0xbf, 0xbf}};
    for (size_t i = 0; i < NH_ARRAY_LEN(bad); i++)
        assert_int_equal(nh__utf8_width(bad[i], 4), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scan_stops_at_the_first_byte_that_is_not_plain),
        cmocka_unit_test(a_copy_stops_there_too_and_at_the_room),
        cmocka_unit_test(all_scalar_values_are_well_formed_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
