#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/json/json.h"
#include "core/json/json_num.h"

static char text[2048];
static struct nh_json_buf buf;
static nh_json_writer_t w;

static int setup(void **state)
{
    (void)state;
    buf = (struct nh_json_buf){text, sizeof text - 1, 0};
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    return 0;
}

static void expect(const char *want)
{
    assert_int_equal(nh_json_writer_end(&w), 0);
    text[buf.len] = '\0';
    assert_string_equal(text, want);
    assert_int_equal(w.written_bytes, buf.len);
}

static void all_kinds_are_written(void **state)
{
    (void)state;
    nh_json_object_begin(&w);
    nh_json_kv_string(&w, "s", "text");
    nh_json_kv_string(&w, "none", NULL);
    nh_json_kv_int(&w, "i", INT64_MIN);
    nh_json_kv_uint(&w, "u", UINT64_MAX);
    nh_json_kv_double(&w, "d", 0.1);
    nh_json_kv_bool(&w, "t", true);
    nh_json_kv_bool(&w, "f", false);
    nh_json_kv_null(&w, "n");
    nh_json_key(&w, "a");
    nh_json_array_begin(&w);
    nh_json_int(&w, 0);
    nh_json_array_begin(&w);
    nh_json_array_end(&w);
    nh_json_object_begin(&w);
    nh_json_object_end(&w);
    nh_json_raw(&w, "{\"x\":1}", 7);
    nh_json_string_n(&w, "ab\0c", 4);
    nh_json_array_end(&w);
    nh_json_key(&w, "last");
    nh_json_object_begin(&w);
    nh_json_object_end(&w);
    nh_json_object_end(&w);
    expect("{\"s\":\"text\",\"none\":null,\"i\":-9223372036854775808,\"u\":18446744073709551615,"
           "\"d\":0.1,\"t\":true,\"f\":false,\"n\":null,"
           "\"a\":[0,[],{},{\"x\":1},\"ab\\u0000c\"],\"last\":{}}");
}

struct text_row {
    const char *in, *out;
};

static const struct text_row text_rows[] = {
    {"", "\"\""},
    {"plain", "\"plain\""},
    {"\"\\/", "\"\\\"\\\\/\""},
    {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
    {"\x01\x07\x0b\x0e\x1f\x7f", "\"\\u0001\\u0007\\u000b\\u000e\\u001f\x7f\""},
    {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
    // each byte that is not UTF-8 becomes U+FFFD
    {"a\x80z", "\"a\xef\xbf\xbdz\""},
    {"\xc3", "\"\xef\xbf\xbd\""},
    {"\xc0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    {"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    {"\xf4\x90\x80\x80z", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\""},
    {"a text that is longer than the stage of the writer, which has room for ninety-six bytes and "
     "not for one more\n",
     "\"a text that is longer than the stage of the writer, which has room for ninety-six bytes "
     "and not for one more\\n\""},
};

static void texts_are_escaped(void **state)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(text_rows); i++) {
        setup(state);
        nh_json_string(&w, text_rows[i].in);
        expect(text_rows[i].out);
    }
    setup(state);
    nh_json_object_begin(&w);
    nh_json_kv_int(&w, "a\"\n\xff", 1);
    nh_json_object_end(&w);
    expect("{\"a\\\"\\n\xef\xbf\xbd\":1}");
}

struct double_row {
    double in;
    const char *out;
};

static const struct double_row double_rows[] = {
    {0.0, "0"},
    {-0.0, "-0"},
    {1, "1"},
    {-1.5, "-1.5"},
    {100, "100"},
    {0.1, "0.1"},
    {1.0 / 3, "0.3333333333333333"},
    {21.37, "21.37"},
    {1e20, "100000000000000000000"},
    {123456789012345680000.0, "123456789012345680000"},
    {1e21, "1e+21"},
    {1.5e300, "1.5e+300"},
    {0.000001, "0.000001"},
    {0.0000015, "0.0000015"},
    {1e-7, "1e-7"},
    {1.25e-9, "1.25e-9"},
    {9007199254740993.0, "9007199254740992"},
    {5e-324, "5e-324"},
    {2.2250738585072014e-308, "2.2250738585072014e-308"},
    {1.7976931348623157e308, "1.7976931348623157e+308"},
    {-1.7976931348623157e308, "-1.7976931348623157e+308"},
    {5e22, "5e+22"},
    {0.30000000000000004, "0.30000000000000004"},
    {2251799813685248.5, "2251799813685248.5"},
};

static void doubles_are_short_and_exact(void **state)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(double_rows); i++) {
        struct nh__json_decimal d;
        double back;
        setup(state);
        nh_json_double_value(&w, double_rows[i].in);
        expect(double_rows[i].out);
        assert_int_equal(nh__json_decimal_parse(text, buf.len, &d), 0);
        assert_int_equal(nh__json_decimal_double(&d, text, buf.len, &back), 0);
        assert_memory_equal(&back, &double_rows[i].in, sizeof back);
    }
    volatile double zero = 0;
    setup(state);
    nh_json_array_begin(&w);
    nh_json_double_value(&w, 1 / zero);
    nh_json_double_value(&w, zero / zero);
    nh_json_array_end(&w);
    expect("[null,null]");
}

// ---- misuse and sinks that refuse
// ---------------------------------------------------------------

static void key_in_array(void)
{
    nh_json_array_begin(&w);
    nh_json_key(&w, "a");
}

static void value_without_key(void)
{
    nh_json_object_begin(&w);
    nh_json_int(&w, 1);
}

static void key_without_value(void)
{
    nh_json_object_begin(&w);
    nh_json_key(&w, "a");
    nh_json_object_end(&w);
}

static void key_after_key(void)
{
    nh_json_object_begin(&w);
    nh_json_key(&w, "a");
    nh_json_key(&w, "b");
}

static void wrong_end(void)
{
    nh_json_array_begin(&w);
    nh_json_object_end(&w);
}

static void end_of_nothing(void)
{
    nh_json_array_end(&w);
}

static void two_values(void)
{
    nh_json_int(&w, 1);
    nh_json_int(&w, 2);
}

static void not_closed(void)
{
    nh_json_array_begin(&w);
}

static void nothing(void)
{
}

static void empty_raw(void)
{
    nh_json_raw(&w, "", 0);
}

static void misuse_is_an_error(void **state)
{
    static void (*const misuses[])(void) = {
        key_in_array,   value_without_key, key_without_value, key_after_key, wrong_end,
        end_of_nothing, two_values,        not_closed,        nothing,       empty_raw};
    for (size_t i = 0; i < NH_ARRAY_LEN(misuses); i++) {
        setup(state);
        misuses[i]();
        assert_int_equal(nh_json_writer_end(&w), NH_ERR_INVAL);
    }
}

static void depth_is_bounded(void **state)
{
    for (int extra = 0; extra < 2; extra++) {
        setup(state);
        for (int i = 0; i < NH_JSON_DEPTH_MAX + extra; i++)
            nh_json_array_begin(&w);
        for (int i = 0; i < NH_JSON_DEPTH_MAX + extra; i++)
            nh_json_array_end(&w);
        assert_int_equal(nh_json_writer_end(&w), extra ? NH_ERR_TOO_DEEP : 0);
        assert_int_equal(buf.len, extra ? NH_JSON_DEPTH_MAX : 2 * NH_JSON_DEPTH_MAX);
    }
}

static void write_sample(void)
{
    nh_json_object_begin(&w);
    nh_json_kv_string(&w, "name", "a \"value\"");
    nh_json_kv_int(&w, "n", -123);
    nh_json_key(&w, "list");
    nh_json_array_begin(&w);
    nh_json_bool(&w, true);
    nh_json_array_end(&w);
    nh_json_object_end(&w);
}

// Whatever the room, what stands there is a beginning of the whole, and no piece is cut.
static void a_full_buffer_keeps_whole_pieces(void **state)
{
    static const char whole[] = "{\"name\":\"a \\\"value\\\"\",\"n\":-123,\"list\":[true]}";
    static const char *const cuts[] = {"", "{", "{\"name\":", "{\"name\":\"a \\\"value\\\"\"",
                                       "{\"name\":\"a \\\"value\\\"\",\"n\":"};
    (void)state;
    for (size_t room = 0; room < sizeof whole; room++) {
        setup(NULL);
        buf.cap = room;
        write_sample();
        bool fits = room >= sizeof whole - 1;
        assert_int_equal(nh_json_writer_end(&w), fits ? 0 : NH_ERR_FULL);
        assert_memory_equal(text, whole, buf.len);
        bool is_cut_there = buf.len > 26;
        for (size_t i = 0; i < NH_ARRAY_LEN(cuts); i++)
            is_cut_there |= buf.len == strlen(cuts[i]);
        assert_true(is_cut_there);
    }
}

static int count_calls(void *ctx, const char *bytes, size_t len)
{
    (void)bytes;
    (void)len;
    return --*(int *)ctx < 0 ? NH_ERR_IO : 0;
}

static void the_first_error_of_the_sink_stays(void **state)
{
    (void)state;
    for (int n = 0; n < 12; n++) {
        int left = n;
        nh_json_writer_init(&w, count_calls, &left);
        write_sample();
        assert_int_equal(nh_json_writer_end(&w), n < 10 ? NH_ERR_IO : 0);
        assert_true(left >= -1); // after the error it is not called again
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_kinds_are_written, setup, NULL),
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(doubles_are_short_and_exact),
        cmocka_unit_test(misuse_is_an_error),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(a_full_buffer_keeps_whole_pieces),
        cmocka_unit_test(the_first_error_of_the_sink_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
