#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/base/base64.h"
#include "support/rng.h"

static void known_texts(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *text;
    } rows[] = {
        {"", ""},
        {"n", "bg=="},
        {"nu", "bnU="},
        {"nut", "bnV0"},
        {"nuth", "bnV0aA=="},
        {"admin:secret", "YWRtaW46c2VjcmV0"},
        {"\xFB\xEF\xFF", "++//"},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        char text[32], bytes[32];
        size_t len = strlen(rows[i].bytes), text_len = strlen(rows[i].text);
        assert_int_equal(nh_base64_encode(rows[i].bytes, len, text, text_len + 1), text_len);
        assert_string_equal(text, rows[i].text);
        assert_int_equal(nh_base64_decode(text, text_len, bytes, len), len);
        assert_memory_equal(bytes, rows[i].bytes, len);
    }
}

static void wrong_texts_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "a",    "ab",    "abc",  "abc=d", "=",    "====", "a===", "ab=c",  "YQ==YQ==",
        " YQ=", "YQ\n=", "YR==", "YWJ=",  "YQ=A", "a-_b", "YW=J", "Y\0Q=", "YQ==\n\n\n\n",
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint8_t out[16];
        size_t len = strlen(rows[i]) < 4 && rows[i][0] == 'Y' ? 4 : strlen(rows[i]);
        if (nh_base64_decode(rows[i], len, out, sizeof out) != NH_ERR_SYNTAX)
            fail_msg("taken: %s", rows[i]);
    }
}

static void limits_are_exact(void **state)
{
    (void)state;
    char text[9] = "untouch";
    uint8_t out[3];
    assert_int_equal(nh_base64_encode("nuth", 4, text, 8), NH_ERR_TOO_LONG);
    assert_string_equal(text, "untouch");
    assert_int_equal(nh_base64_encode("nuth", 4, text, 9), 8);
    assert_int_equal(NH_BASE64_TEXT_BYTES(4), 9);
    assert_int_equal(nh_base64_decode("bnV0aA==", 8, out, 3), NH_ERR_TOO_LONG);
}

static void all_lengths_read_back(void **state)
{
    (void)state;
    struct rng rng = {13};
    for (size_t len = 0; len < 50; len++) {
        uint8_t in[50], out[50];
        char text[NH_BASE64_TEXT_BYTES(50)];
        rng_bytes(&rng, in, len);
        int n = nh_base64_encode(in, len, text, sizeof text);
        assert_int_equal(n, NH_BASE64_TEXT_BYTES(len) - 1);
        assert_int_equal(nh_base64_decode(text, (size_t)n, out, len), len);
        assert_memory_equal(in, out, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_texts),
        cmocka_unit_test(wrong_texts_are_refused),
        cmocka_unit_test(limits_are_exact),
        cmocka_unit_test(all_lengths_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
