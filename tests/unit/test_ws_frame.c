// Not PORTABLE: the frames belong to the Linux port.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/linux/http/ws_frame.h"
#include "support/rng.h"

#define MESSAGE_MAX 1000

// Builds a masked frame as a client sends it; returns its length.
static size_t build(uint8_t *out, uint8_t first, const void *data, size_t len)
{
    static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};
    uint8_t header[NH_WS_HEADER_MAX_BYTES];
    size_t n = nh_ws_write_header(header, first & 15, len);
    header[0] = first;
    header[1] |= 0x80;
    memcpy(out, header, n);
    memcpy(out + n, mask, 4);
    for (size_t i = 0; i < len; i++)
        out[n + 4 + i] = ((const uint8_t *)data)[i] ^ mask[i & 3];
    return n + 4 + len;
}

// Reads everything in pieces of `step` bytes (0: random) and writes what happened to `log`.
static void read_all(const uint8_t *bytes, size_t len, size_t step, uint64_t seed, char *log,
                     size_t cap)
{
    struct rng rng = {seed};
    nh_ws_reader_t r = {.message_max_bytes = MESSAGE_MAX};
    size_t at = 0;
    log[0] = '\0';
    while (at < len) {
        size_t n = step ? step : 1 + rng_below(&rng, 40);
        if (n > len - at)
            n = len - at;
        uint8_t *piece = malloc(n);
        memcpy(piece, bytes + at, n);
        size_t used = 0;
        struct nh_ws_result e;
        do {
            e = nh_ws_read(&r, piece + used, n - used);
            used += e.consumed;
            size_t l = strlen(log);
            if (e.event == NH_WS_EVENT_NEED_BUFFER)
                r.message = malloc(MESSAGE_MAX);
            else if (e.event != NH_WS_EVENT_NONE)
                snprintf(log + l, cap - l, "%d:%u:%u:%.*s;", (int)e.event, (unsigned)e.len,
                         (unsigned)e.code, e.len < 20 ? (int)e.len : 20, e.bytes ? e.bytes : "");
            if (e.event == NH_WS_EVENT_MESSAGE) {
                free(r.message);
                r.message = NULL;
            }
        } while (e.event != NH_WS_EVENT_BROKEN && (used < n || e.event == NH_WS_EVENT_NEED_BUFFER));
        free(piece);
        if (e.event == NH_WS_EVENT_BROKEN)
            break;
        at += n;
    }
    free(r.message);
}

static void expect(const uint8_t *bytes, size_t len, const char *want)
{
    char log[2048];
    for (size_t step = 0; step <= len; step = step * 2 + 1) {
        read_all(bytes, len, step, step + 1, log, sizeof log);
        if (strcmp(log, want) != 0)
            fail_msg("step %u: '%s', not '%s'", (unsigned)step, log, want);
    }
}

static void test_messages(void **state)
{
    (void)state;
    static uint8_t bytes[4096];
    static char data[MESSAGE_MAX];
    memset(data, 'x', sizeof data);
    size_t n = build(bytes, 0x81, "hello", 5);
    n += build(bytes + n, 0x82, "\0\xff", 2);
    n += build(bytes + n, 0x81, "", 0);
    n += build(bytes + n, 0x01, "one ", 4);
    n += build(bytes + n, 0x89, "ping", 4);
    n += build(bytes + n, 0x00, "", 0);
    n += build(bytes + n, 0x8A, "pong", 4);
    n += build(bytes + n, 0x80, "two", 3);
    n += build(bytes + n, 0x82, data, 126);
    n += build(bytes + n, 0x82, data, MESSAGE_MAX);
    n += build(bytes + n, 0x88,
               "\x03\xe8"
               "bye",
               5);
    char want[512];
    snprintf(want, sizeof want,
             "%d:5:0:hello;%d:2:0:;%d:0:0:;%d:4:0:ping;%d:7:0:one two;%d:126:0:%.20s;"
             "%d:1000:0:%.20s;%d:5:1000:\x03\xe8"
             "bye;",
             NH_WS_EVENT_MESSAGE, NH_WS_EVENT_MESSAGE, NH_WS_EVENT_MESSAGE, NH_WS_EVENT_PING,
             NH_WS_EVENT_MESSAGE, NH_WS_EVENT_MESSAGE, data, NH_WS_EVENT_MESSAGE, data,
             NH_WS_EVENT_CLOSE);
    expect(bytes, n, want);
}

static void test_broken(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t first;
        const char *data;
        size_t len;
        uint16_t code;
    } rows[] = {
        {"reserved bit", 0xC1, "x", 1, 1002},      {"unknown opcode", 0x83, "x", 1, 1002},
        {"unknown control", 0x8B, "x", 1, 1002},   {"continuation of nothing", 0x80, "x", 1, 1002},
        {"cut ping", 0x09, "x", 1, 1002},          {"close of one byte", 0x88, "x", 1, 1002},
        {"close 1005", 0x88, "\x03\xed", 2, 1002}, {"close 999", 0x88, "\x03\xe7", 2, 1002},
        {"close 2999", 0x88, "\x0b\xb7", 2, 1002}, {"close reason", 0x88, "\x03\xe8\xff", 3, 1007},
        {"text", 0x81, "\xc0\x80", 2, 1007},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint8_t bytes[64];
        char want[32];
        size_t n = build(bytes, rows[i].first, rows[i].data, rows[i].len);
        snprintf(want, sizeof want, "%d:0:%u:;", NH_WS_EVENT_BROKEN, (unsigned)rows[i].code);
        expect(bytes, n, want);
    }
    uint8_t unmasked[] = {0x81, 0x01, 'x'};
    expect(unmasked, sizeof unmasked, "5:0:1002:;");
}

static void test_sizes(void **state)
{
    (void)state;
    static uint8_t bytes[70000 + 20];
    static char data[70000];
    memset(data, 'y', sizeof data);
    static const size_t too_long[] = {MESSAGE_MAX + 1, 65535, 65536, 70000};
    for (size_t i = 0; i < NH_ARRAY_LEN(too_long); i++) {
        build(bytes, 0x81, data, too_long[i]);
        expect(bytes, 20, "5:0:1009:;"); // by the header alone
    }
    size_t n = build(bytes, 0x01, data, MESSAGE_MAX - 1);
    n += build(bytes + n, 0x80, data, 2);
    expect(bytes, n, "5:0:1009:;");
    // A length of 2^64 - 1 must not wrap around.
    uint8_t huge[] = {0x81, 0xFF, 255, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4};
    expect(huge, sizeof huge, "5:0:1009:;");
}

static void test_new_message_within_another(void **state)
{
    (void)state;
    uint8_t bytes[64];
    size_t n = build(bytes, 0x01, "a", 1);
    n += build(bytes + n, 0x81, "b", 1);
    expect(bytes, n, "5:0:1002:;");
}

// A client's frames are masked and a server's are not: each side refuses the other's.
static void test_client(void **state)
{
    static const uint8_t mask[4] = {1, 2, 3, 4};
    const uint8_t plain[] = {0x81, 0x02, 'h', 'i', 0x89, 0x00};
    uint8_t masked[64], text[] = "hello";
    char message[8];
    (void)state;
    nh_ws_reader_t r = {.message_max_bytes = 8, .is_client = true, .message = message};
    struct nh_ws_result e = nh_ws_read(&r, plain, sizeof plain);
    assert_int_equal(e.event, NH_WS_EVENT_MESSAGE);
    assert_int_equal(e.consumed, 4);
    assert_memory_equal(e.bytes, "hi", 2);
    e = nh_ws_read(&r, plain + 4, 2);
    assert_int_equal(e.event, NH_WS_EVENT_PING);
    size_t n = nh_ws_write_masked_header(masked, NH_WS_TEXT, 5, mask);
    assert_int_equal(n, 6);
    nh_ws_mask(text, 5, mask);
    memcpy(masked + n, text, 5);
    expect(masked, n + 5, "2:5:0:hello;");
    assert_int_equal(nh_ws_read(&r, masked, n + 5).event, NH_WS_EVENT_BROKEN);
}

static void test_headers(void **state)
{
    (void)state;
    static const struct {
        size_t len, header;
    } rows[] = {{0, 2}, {125, 2}, {126, 4}, {65535, 4}, {65536, 10}};
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint8_t out[NH_WS_HEADER_MAX_BYTES];
        assert_int_equal(nh_ws_write_header(out, NH_WS_TEXT, rows[i].len), rows[i].header);
        assert_int_equal(out[0], 0x81);
    }
}

// ---- as a stream: payload is told as bytes, not as messages

// Reads everything in pieces of `step` bytes (0: random). What came stands in `log`, and behind a
// bar what else happened.
static void stream_all(const uint8_t *bytes, size_t len, size_t step, uint64_t seed, uint8_t *data,
                       size_t *data_len, char *log, size_t cap)
{
    struct rng rng = {seed};
    nh_ws_reader_t r = {.message_max_bytes = MESSAGE_MAX};
    *data_len = 0;
    log[0] = '\0';
    for (size_t at = 0, n; at < len; at += n) {
        n = step ? step : 1 + rng_below(&rng, 40);
        n = n < len - at ? n : len - at;
        uint8_t *piece = malloc(n);
        memcpy(piece, bytes + at, n);
        size_t used = 0;
        while (used < n) {
            struct nh_ws_result e = nh_ws_read_stream(&r, piece + used, n - used);
            size_t l = strlen(log);
            used += e.consumed;
            if (e.event == NH_WS_EVENT_DATA) {
                memcpy(data + *data_len, e.bytes, e.len);
                *data_len += e.len;
            } else if (e.event != NH_WS_EVENT_NONE) {
                snprintf(log + l, cap - l, "%u:%d:%u:%.*s;", (unsigned)*data_len, (int)e.event,
                         (unsigned)e.code, (int)e.len, e.bytes ? e.bytes : "");
            }
            if (e.event == NH_WS_EVENT_BROKEN) {
                free(piece);
                return;
            }
        }
        free(piece);
    }
}

static void expect_stream(const uint8_t *bytes, size_t len, const void *data, size_t data_len,
                          const char *want)
{
    static uint8_t got[4096];
    char log[512];
    size_t got_len;
    for (size_t step = 0; step <= len; step = step * 2 + 1) {
        stream_all(bytes, len, step, step + 1, got, &got_len, log, sizeof log);
        if (got_len != data_len || memcmp(got, data, data_len) != 0 || strcmp(log, want) != 0)
            fail_msg("step %u: %u bytes, '%s'", (unsigned)step, (unsigned)got_len, log);
    }
}

// [MQTT-6.0.0-2] [MQTT5-6.0.0-2] a packet may begin and end anywhere in a frame.
static void test_stream(void **state)
{
    (void)state;
    static uint8_t bytes[4096], data[2000];
    struct rng rng = {3};
    rng_bytes(&rng, data, sizeof data);
    size_t n = build(bytes, 0x82, data, 10);
    n += build(bytes + n, 0x82, "", 0);
    n += build(bytes + n, 0x02, data + 10, 7);
    n += build(bytes + n, 0x89, "ping", 4);
    n += build(bytes + n, 0x00, "", 0);
    n += build(bytes + n, 0x8A, "pong", 4);
    n += build(bytes + n, 0x80, data + 17, 200);
    n += build(bytes + n, 0x82, data + 217, MESSAGE_MAX);
    n += build(bytes + n, 0x88, "\x03\xe8", 2);
    expect_stream(bytes, n, data, 217 + MESSAGE_MAX, "17:3:0:ping;1217:4:1000:\x03\xe8;");
}

static void test_stream_broken(void **state)
{
    // [MQTT-6.0.0-1] [MQTT5-6.0.0-1] other data frames than binary ones end the connection.
    static const struct {
        const char *name;
        uint8_t first;
        const char *data;
        size_t len;
        uint16_t code;
    } rows[] = {
        {"text", 0x81, "x", 1, 1003},         {"a part of a text", 0x01, "x", 1, 1003},
        {"an empty text", 0x81, "", 0, 1003}, {"continuation of nothing", 0x80, "x", 1, 1002},
        {"reserved bit", 0xC2, "x", 1, 1002}, {"close of one byte", 0x88, "x", 1, 1002},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint8_t bytes[64];
        char want[32];
        size_t n = build(bytes, 0x82, "abc", 3);
        n += build(bytes + n, rows[i].first, rows[i].data, rows[i].len);
        snprintf(want, sizeof want, "3:%d:%u:;", NH_WS_EVENT_BROKEN, (unsigned)rows[i].code);
        expect_stream(bytes, n, "abc", 3, want);
    }
    static uint8_t large[MESSAGE_MAX + 20];
    static const char zeros[MESSAGE_MAX + 1];
    build(large, 0x82, zeros, MESSAGE_MAX + 1);
    expect_stream(large, 20, "", 0, "0:5:1009:;"); // by the header alone
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages), cmocka_unit_test(test_broken),
        cmocka_unit_test(test_sizes),    cmocka_unit_test(test_new_message_within_another),
        cmocka_unit_test(test_client),   cmocka_unit_test(test_headers),
        cmocka_unit_test(test_stream),   cmocka_unit_test(test_stream_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
