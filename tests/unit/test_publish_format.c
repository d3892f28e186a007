// What the publisher's receivers read: every form of docs/battery-publish.md, byte by byte.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "components/battery_publish/publish_format.h"

#define BIT(n) (1u << (n))
#define ALL                                                                                        \
    (BIT(NH_BATTERY_SOC) | BIT(NH_BATTERY_SOH) | BIT(NH_BATTERY_VOLTAGE) |                         \
     BIT(NH_BATTERY_CURRENT) | BIT(NH_BATTERY_POWER) | BIT(NH_BATTERY_TEMPERATURE) |               \
     BIT(NH_BATTERY_CELLS))

static const struct nh_battery_point full = {.boot = 3405691582,
                                             .seq = 42,
                                             .time_ms = 123456,
                                             .unix_ms = 1750000000123,
                                             .valid = ALL,
                                             .voltage_mv = 42917,
                                             .current_ma = -12503,
                                             .power_mw = -536591,
                                             .soc_mpct = 73255,
                                             .soh_mpct = 99100,
                                             .temperature_mc = -4,
                                             .cell_min_dmv = 32984,
                                             .cell_max_dmv = 33051,
                                             .cell_delta_dmv = 67};

static void test_number(void **state)
{
    static const struct {
        int64_t value;
        unsigned decimals;
        const char *text;
    } rows[] = {
        {0, 0, "0"},
        {0, 3, "0.000"},
        {-1, 3, "-0.001"},
        {-4, 2, "0.00"},
        {-5, 2, "-0.01"},
        {4, 2, "0.00"},
        {5, 2, "0.01"},
        {12345, 1, "12.3"},
        {12350, 1, "12.4"},
        {-12350, 1, "-12.4"},
        {999999, 2, "1000.00"},
        {999, 0, "1"},
        {499, 0, "0"},
        {-2147483648LL, 3, "-2147483.648"},
        {6553500, 1, "6553.5"},
    };
    char out[NH_PUBLISH_NUMBER_MAX_BYTES];
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        assert_string_equal(nh_publish_number(rows[i].value, rows[i].decimals, out), rows[i].text);
    assert_string_equal(nh_publish_number(INT64_MIN, 3, out), "-9223372036854775.808");
}

typedef int (*format_fn)(const struct nh_battery_point *p, char *out, size_t cap);

static int json(const struct nh_battery_point *p, char *out, size_t cap)
{
    return nh_publish_json(p, "attic \"1\"", out, cap);
}

static int line(const struct nh_battery_point *p, char *out, size_t cap)
{
    return nh_publish_line(p, "attic, a=b\\", out, cap);
}

static void expect(format_fn format, const struct nh_battery_point *p, const char *text)
{
    char out[NH_PUBLISH_JSON_MAX_BYTES];
    int len = format(p, out, sizeof out);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(out, text, strlen(text));
    // One byte less is too few, and nothing is written behind the end.
    for (size_t cap = 0; cap < strlen(text); cap++) {
        memset(out, 'x', sizeof out);
        assert_true(format(p, out, cap) < 0);
        assert_int_equal(out[cap], 'x');
    }
}

static void test_json(void **state)
{
    struct nh_battery_point p = full;
    (void)state;
    expect(json, &p,
           "{\"ts_ms\":1750000000123,\"soc\":73.26,\"soh\":99.10,\"voltage_v\":42.917,"
           "\"current_a\":-12.503,\"power_w\":-536.591,\"temperature_c\":0.00,"
           "\"cell_min_mv\":3298.4,\"cell_max_mv\":3305.1,\"cell_delta_mv\":6.7,"
           "\"device\":\"attic \\\"1\\\"\",\"boot\":3405691582,\"seq\":42,\"uptime_ms\":123456}");
    p.valid = BIT(NH_BATTERY_SOC);
    p.unix_ms = 0;
    expect(json, &p,
           "{\"ts_ms\":null,\"soc\":73.26,\"soh\":null,\"voltage_v\":null,\"current_a\":null,"
           "\"power_w\":null,\"temperature_c\":null,\"cell_min_mv\":null,\"cell_max_mv\":null,"
           "\"cell_delta_mv\":null,\"device\":\"attic \\\"1\\\"\",\"boot\":3405691582,\"seq\":42,"
           "\"uptime_ms\":123456}");
}

static void test_text(void **state)
{
    struct nh_battery_point p = full;
    (void)state;
    expect(nh_publish_text, &p,
           "ts_ms=1750000000123 soc=73.26 voltage_v=42.917 current_a=-12.503 power_w=-536.591 "
           "temp_c=0.00 boot=3405691582 seq=42");
    p.valid = BIT(NH_BATTERY_CURRENT);
    p.unix_ms = 0;
    expect(nh_publish_text, &p, "current_a=-12.503 boot=3405691582 seq=42");
    p.valid = 0;
    expect(nh_publish_text, &p, "boot=3405691582 seq=42");
}

static void test_line(void **state)
{
    struct nh_battery_point p = full;
    char out[64];
    (void)state;
    expect(line, &p,
           "battery,device=attic\\,\\ a\\=b/ soc=73.255,soh=99.100,voltage_v=42.917,"
           "current_a=-12.503,power_w=-536.591,temperature_c=-0.004,cell_min_mv=3298.400,"
           "cell_max_mv=3305.100,cell_delta_mv=6.700,boot=3405691582i,seq=42i 1750000000123\n");
    p.valid = BIT(NH_BATTERY_TEMPERATURE);
    expect(line, &p,
           "battery,device=attic\\,\\ a\\=b/ temperature_c=-0.004,boot=3405691582i,seq=42i "
           "1750000000123\n");
    p.valid = 0; // a line needs a value
    assert_int_equal(line(&p, out, sizeof out), 0);
    p = full;
    p.unix_ms = 0; // and a time
    assert_int_equal(line(&p, out, sizeof out), 0);
}

// A name cannot begin a second line, nor end its tag.
static void test_line_names(void **state)
{
    static const struct {
        const char *device, *tag;
    } rows[] = {{"", "nuthatch"},
                {"a\nb c", "a\\ b\\ c"},
                {"x\r", "x\\ "},
                {"\\,", "/\\,"},
                {"grün", "grün"}};
    struct nh_battery_point p = full;
    char out[NH_PUBLISH_LINE_MAX_BYTES], want[128];
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        int len = nh_publish_line(&p, rows[i].device, out, sizeof out);
        int n = snprintf(want, sizeof want, "battery,device=%s soc=", rows[i].tag);
        assert_true(len > n);
        assert_memory_equal(out, want, (size_t)n);
        assert_ptr_equal(memchr(out, '\n', (size_t)len), out + len - 1);
    }
}

// The limits hold for the longest of everything.
static void test_limits(void **state)
{
    struct nh_battery_point p = {.boot = UINT32_MAX,
                                 .seq = UINT32_MAX,
                                 .time_ms = UINT64_MAX,
                                 .unix_ms = INT64_MIN,
                                 .valid = ALL,
                                 .voltage_mv = INT32_MIN,
                                 .current_ma = INT32_MIN,
                                 .power_mw = INT32_MIN,
                                 .soc_mpct = INT32_MIN,
                                 .soh_mpct = INT32_MIN,
                                 .temperature_mc = INT32_MIN,
                                 .cell_min_dmv = UINT16_MAX,
                                 .cell_max_dmv = UINT16_MAX,
                                 .cell_delta_dmv = UINT16_MAX};
    char device[NH_PUBLISH_DEVICE_MAX_BYTES] = {0}, out[NH_PUBLISH_JSON_MAX_BYTES];
    (void)state;
    memset(device, ',', sizeof device - 1);
    assert_true(nh_publish_line(&p, device, out, NH_PUBLISH_LINE_MAX_BYTES) > 0);
    assert_true(nh_publish_text(&p, out, NH_PUBLISH_TEXT_MAX_BYTES) > 0);
    memset(device, 1, sizeof device - 1); // six bytes each
    assert_true(nh_publish_json(&p, device, out, NH_PUBLISH_JSON_MAX_BYTES) > 0);
}

static void test_point_from(void **state)
{
    struct nh_battery_snapshot s = {.valid = UINT32_MAX >> 1,
                                    .stale = BIT(NH_BATTERY_CURRENT),
                                    .v = {.voltage_mv = 1,
                                          .soc_mpct = 2,
                                          .soh_mpct = 3,
                                          .current_ma = 4,
                                          .power_mw = 5,
                                          .temperature_mc = NH_BATTERY_TEMPERATURE_NONE},
                                    .cell_min_dmv = 6,
                                    .cell_max_dmv = 8,
                                    .cell_delta_dmv = 2};
    struct nh_battery_point p = {0};
    (void)state;
    assert_true(nh_publish_point_from(&s, &p));
    assert_int_equal(p.valid, ALL & ~(BIT(NH_BATTERY_CURRENT) | BIT(NH_BATTERY_TEMPERATURE)));
    assert_int_equal(p.voltage_mv, 1);
    assert_int_equal(p.power_mw, 5);
    assert_int_equal(p.cell_max_dmv, 8);
    s.stale = UINT32_MAX; // what is stale is not told again as if it were new
    assert_false(nh_publish_point_from(&s, &p));
    s.stale = 0;
    s.valid = BIT(NH_BATTERY_CYCLES);
    assert_false(nh_publish_point_from(&s, &p));
}

static void test_url(void **state)
{
    static const struct {
        const char *url, *path, *query, *want;
        int err;
    } rows[] = {
        {"http://a:1", "/api/x", "", "http://a:1/api/x", 0},
        {"http://a:1/", "/api/x", "", "http://a:1/api/x", 0},
        {"http://a:1/own", "/api/x", "", "http://a:1/own", 0},
        {"http://a", "", "", "http://a", 0},
        {"https://[::1]:8086?org=o&bucket=b", "/api/v2/write", "precision=ms",
         "https://[::1]:8086/api/v2/write?org=o&bucket=b&precision=ms", 0},
        {"http://a/x?org=o#end", "/api/v2/write", "precision=ms", "http://a/x?org=o&precision=ms",
         0},
        {"http://a", "/w", "precision=ms", "http://a/w?precision=ms", 0},
        {"ftp://a", "/w", "", "", NH_ERR_SYNTAX},
        {"http://a b", "/w", "", "", NH_ERR_SYNTAX},
        {"http://a/01234567890123456789012345678901234567890123456789012345678901234", "", "", "",
         NH_ERR_TOO_LONG},
    };
    char out[72];
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        assert_int_equal(nh_publish_url(rows[i].url, rows[i].path, rows[i].query, out, sizeof out),
                         rows[i].err);
        if (rows[i].err == 0)
            assert_string_equal(out, rows[i].want);
    }
}

static void test_url_shown(void **state)
{
    static const struct {
        const char *url, *want;
    } rows[] = {
        {"http://a:1/api/x", "http://a:1/api/x"},
        {"http://a/w?org=o&bucket=b&precision=ms", "http://a/w?org=o&bucket=b&precision=ms"},
        {"http://a/w?db=d&u=me&p=secret", "http://a/w?db=d&u=***&p=***"},
        {"http://a/w?secret", "http://a/w?***"},
        {"http://a/w?=secret&&p=", "http://a/w?***&&p=***"},
        {"http://a/w?organ=secret&p=a=b?org=c", "http://a/w?organ=***&p=***"},
        {"http://a/w?", "http://a/w?"},
        {"", ""},
    };
    char out[64];
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        nh_publish_url_shown(rows[i].url, out, sizeof out);
        assert_string_equal(out, rows[i].want);
    }
    char small[8]; // nothing behind its end
    nh_publish_url_shown("http://a/w?p=secret", small, sizeof small);
    assert_true(strlen(small) < sizeof small);
    assert_null(strstr(small, "secret"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number),     cmocka_unit_test(test_json),
        cmocka_unit_test(test_text),       cmocka_unit_test(test_line),
        cmocka_unit_test(test_line_names), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_point_from), cmocka_unit_test(test_url),
        cmocka_unit_test(test_url_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
