#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/base/format.h"

static void bytes_rows(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {
        {0, "0 B"},
        {1, "1 B"},
        {1023, "1023 B"},
        {1024, "1 KiB"},
        {1024 + 102, "1 KiB"},
        {1024 + 103, "1.1 KiB"},
        {1536, "1.5 KiB"},
        {327680, "320 KiB"},
        {327679, "319.9 KiB"},
        {1048575, "1023.9 KiB"},
        {8u << 20, "8 MiB"},
        {UINT64_C(5) << 30, "5 GiB"},
        {UINT64_C(3) << 39, "1.5 TiB"},
        {UINT64_C(1) << 50, "1 PiB"},
        {UINT64_MAX, "15.9 EiB"},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        char out[NH_FORMAT_BYTES_MAX];
        assert_ptr_equal(nh_format_bytes(rows[i].bytes, out), out);
        assert_string_equal(out, rows[i].text);
    }
}

static void hex_stops_at_its_buffer(void **state)
{
    (void)state;
    char out[8];
    assert_string_equal(nh_format_hex("\x00\x9F\xFF", 3, out, sizeof out), "009fff");
    assert_string_equal(nh_format_hex("\x00\x9F\xFF", 3, out, 6), "009f");
    assert_string_equal(nh_format_hex("\x00\x9F\xFF", 3, out, 7), "009fff");
    assert_string_equal(nh_format_hex("\x01", 1, out, 1), "");
    assert_string_equal(nh_format_hex("", 0, out, sizeof out), "");
}

static void time_rows(void **state)
{
    (void)state;
    static const struct {
        int64_t unix_ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {86399999, "1970-01-01T23:59:59.999Z"},
        {INT64_C(951782400000), "2000-02-29T00:00:00.000Z"},
        {INT64_C(951868800000), "2000-03-01T00:00:00.000Z"},
        {INT64_C(1000000000123), "2001-09-09T01:46:40.123Z"},
        {INT64_C(1709251199999), "2024-02-29T23:59:59.999Z"},
        {INT64_C(2147483647000), "2038-01-19T03:14:07.000Z"},
        {INT64_C(4107542400000), "2100-03-01T00:00:00.000Z"},
        {INT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
        {INT64_C(253402300800000), "9999-12-31T23:59:59.999Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
        {INT64_C(-62167219200000), "0000-01-01T00:00:00.000Z"},
        {INT64_MIN, "0000-01-01T00:00:00.000Z"},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        char out[NH_FORMAT_TIME_MAX];
        assert_string_equal(nh_format_time(rows[i].unix_ms, out), rows[i].text);
    }
}

// A calendar that goes day by day must agree on each day of some centuries,
// among them 1900 and 2100, which are no leap years.
static void every_day_follows_the_one_before(void **state)
{
    (void)state;
    unsigned y = 1890, m = 1, d = 1;
    for (int64_t ms = INT64_C(-2524521600000); y < 2110; ms += 86400000) {
        char out[NH_FORMAT_TIME_MAX];
        nh_format_time(ms, out);
        unsigned oy = 0, om = (unsigned)(out[5] - '0') * 10 + (unsigned)(out[6] - '0');
        unsigned od = (unsigned)(out[8] - '0') * 10 + (unsigned)(out[9] - '0');
        for (size_t i = 0; i < 4; i++)
            oy = oy * 10 + (unsigned)(out[i] - '0');
        if (oy != y || om != m || od != d)
            fail_msg("%u-%u-%u is %s", y, m, d, out);
        bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
        unsigned last = m == 2 ? 28 + leap : m == 4 || m == 6 || m == 9 || m == 11 ? 30 : 31;
        if (++d > last) {
            d = 1;
            m = m == 12 ? 1 : m + 1;
            y += m == 1;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_rows),
        cmocka_unit_test(hex_stops_at_its_buffer),
        cmocka_unit_test(time_rows),
        cmocka_unit_test(every_day_follows_the_one_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
