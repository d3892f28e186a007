// Frames of the Tiny BMS: every vector both ways, the parser under cuts, noise and damage.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "support/rng.h"
#include "unit/tinybms_vectors.h"

static void test_crc_check_value(void **state)
{
    (void)state;
    assert_int_equal(nh_tinybms_crc((const uint8_t *)"123456789", 9), 0x4B37);
}

static void test_requests(void **state)
{
    uint8_t want[64], got[64];
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(request_vectors); i++) {
        const struct request_vector *v = &request_vectors[i];
        size_t len = vector_bytes(v->hex, want);
        int n = nh_tinybms_encode(&v->request, got, sizeof got);
        if (n != (int)len || memcmp(got, want, len) != 0)
            fail_msg("%s: not the bytes of the vector", v->name);
        assert_int_equal(nh_tinybms_encode(&v->request, got, len), len);
        assert_int_equal(nh_tinybms_encode(&v->request, got, len - 1), NH_ERR_TOO_LONG);
    }
}

static void test_requests_refused(void **state)
{
    static const uint16_t a[16] = {300, 301}, outside[2] = {300, 400}, below[1] = {299};
    static const struct {
        const char *name;
        struct nh_tinybms_request r;
        int err;
    } rows[] = {
        {"function 6",
         {.command = 0x06, .address = 315, .count = 1, .values = a},
         NH_ERR_UNSUPPORTED},
        {"0x13", {.command = 0x13}, NH_ERR_UNSUPPORTED},
        {"0x21", {.command = 0x21}, NH_ERR_UNSUPPORTED},
        {"0x00", {.command = 0x00}, NH_ERR_UNSUPPORTED},
        {"reset 0", {.command = 0x02, .option = 0}, NH_ERR_RANGE},
        {"reset 3", {.command = 0x02, .option = 3}, NH_ERR_RANGE},
        {"reset 6", {.command = 0x02, .option = 6}, NH_ERR_RANGE},
        {"none by 0x03", {.command = 0x03}, NH_ERR_RANGE},
        {"128 by 0x03", {.command = 0x03, .count = 128}, NH_ERR_RANGE},
        {"past the last address", {.command = 0x03, .address = 65535, .count = 2}, NH_ERR_RANGE},
        {"32 by 0x07", {.command = 0x07, .count = 32}, NH_ERR_RANGE},
        {"16 by 0x09", {.command = 0x09, .count = 16, .addresses = a}, NH_ERR_RANGE},
        {"no list", {.command = 0x09, .count = 1}, NH_ERR_INVAL},
        {"no values", {.command = 0x0D, .count = 1, .addresses = a}, NH_ERR_INVAL},
        {"16 by 0x0D", {.command = 0x0D, .count = 16, .addresses = a, .values = a}, NH_ERR_RANGE},
        {"0x0D to 400",
         {.command = 0x0D, .count = 2, .addresses = outside, .values = a},
         NH_ERR_RANGE},
        {"0x0D to 299",
         {.command = 0x0D, .count = 1, .addresses = below, .values = a},
         NH_ERR_RANGE},
        {"101 by 0x10", {.command = 0x10, .address = 300, .count = 101, .values = a}, NH_ERR_RANGE},
        {"0x10 to 400", {.command = 0x10, .address = 399, .count = 2, .values = a}, NH_ERR_RANGE},
        {"0x10 to 299", {.command = 0x10, .address = 299, .count = 2, .values = a}, NH_ERR_RANGE},
        {"0x10 no values", {.command = 0x10, .address = 300, .count = 2}, NH_ERR_INVAL},
        {"0x0B to 299", {.command = 0x0B, .address = 299, .count = 1, .values = a}, NH_ERR_RANGE},
        {"101 settings", {.command = 0x1D, .option = 1, .count = 101}, NH_ERR_RANGE},
        {"settings 5", {.command = 0x1D, .option = 5, .count = 1}, NH_ERR_RANGE},
        {"settings 0", {.command = 0x1D, .option = 0, .count = 1}, NH_ERR_RANGE},
    };
    uint8_t out[300];
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        memset(out, 0x55, sizeof out);
        int err = nh_tinybms_encode(&rows[i].r, out, sizeof out);
        if (err != rows[i].err || out[0] != 0x55)
            fail_msg("%s: %d", rows[i].name, err);
    }
}

static void check_frame(const struct response_vector *v, const struct nh_tinybms_frame *f)
{
    uint16_t words[8] = {0};
    if (f->command != v->command || f->answer != v->answer || f->code != v->code)
        fail_msg("%s: command %x, answer %d, code %d", v->name, f->command, (int)f->answer,
                 f->code);
    int n = nh_tinybms_decode_words(f, words, NH_ARRAY_LEN(words));
    if (!v->word_count) {
        assert_int_equal(n, NH_ERR_UNSUPPORTED);
        return;
    }
    assert_int_equal(n, v->word_count);
    assert_memory_equal(words, v->words, v->word_count * sizeof words[0]);
    assert_int_equal(nh_tinybms_decode_words(f, words, v->word_count - 1u), NH_ERR_TOO_LONG);
}

static void test_responses_in_every_cut(void **state)
{
    uint8_t bytes[64];
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(response_vectors); i++) {
        const struct response_vector *v = &response_vectors[i];
        size_t len = vector_bytes(v->hex, bytes);
        for (size_t cut = 0; cut < len; cut++) { // 0: whole, 1: byte by byte
            nh_tinybms_parser_t p = {0};
            struct nh_tinybms_frame f;
            if (cut > 1) {
                assert_int_equal(nh_tinybms_parser_feed(&p, bytes, cut), cut);
                assert_int_equal(nh_tinybms_parser_next(&p, v->command, &f), 0);
                assert_true(nh_tinybms_parser_is_inside(&p));
                assert_int_equal(nh_tinybms_parser_feed(&p, bytes + cut, len - cut), len - cut);
                assert_int_equal(nh_tinybms_parser_next(&p, v->command, &f), 1);
                check_frame(v, &f);
            } else {
                // The frame is checked before feeding on, which ends its spans.
                size_t at = 0;
                int got = 0;
                while (at < len && !got) {
                    at += nh_tinybms_parser_feed(&p, bytes + at, cut ? 1 : len);
                    got = nh_tinybms_parser_next(&p, v->command, &f);
                }
                assert_int_equal(got, 1);
                check_frame(v, &f);
            }
            assert_int_equal(p.dropped_bytes + p.crc_errors + p.strays, 0);
            assert_false(nh_tinybms_parser_is_inside(&p));
            assert_int_equal(nh_tinybms_parser_next(&p, v->command, &f), 0);
        }
    }
}

// Text of a broadcast, bytes that look like a beginning, and noise: before, between, behind.
static void test_garbage_around(void **state)
{
    static const struct {
        const char *name;
        uint8_t bytes[12];
        uint8_t len;
    } garbage[] = {
        {"text", "BPV:51.20\tSO", 12},
        {"heads", {0xAA, 0xAA, 0xAA}, 3},
        {"a head of nothing", {0xAA, 0x55}, 2},
        {"ACK of a read", {0xAA, 0x01, 0x03}, 3},
        {"wrong length", {0xAA, 0x03, 0x03}, 3},
        {"length 0", {0xAA, 0x1C, 0x00}, 3},
        {"several packets", {0xAA, 0x07, 0x81}, 3},
        {"bad CRC", {0xAA, 0x01, 0x02, 0, 0}, 5},
        {"zeros", {0}, 12},
    };
    uint8_t frame[64], line[160];
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(response_vectors); i++)
        for (size_t g = 0; g < NH_ARRAY_LEN(garbage); g++)
            for (size_t piece = 0; piece < 4; piece++) {
                const struct response_vector *v = &response_vectors[i];
                size_t flen = vector_bytes(v->hex, frame), len = 0;
                nh_tinybms_parser_t p = {0};
                struct nh_tinybms_frame f;
                for (int turn = 0; turn < 2; turn++) {
                    memcpy(line + len, garbage[g].bytes, garbage[g].len);
                    len += garbage[g].len;
                    memcpy(line + len, frame, flen);
                    len += flen;
                }
                memcpy(line + len, garbage[g].bytes, garbage[g].len);
                len += garbage[g].len;
                int frames = 0;
                for (size_t at = 0; at < len;) {
                    size_t n = piece && piece < len - at ? piece : len - at;
                    at += nh_tinybms_parser_feed(&p, line + at, n);
                    while (nh_tinybms_parser_next(&p, v->command, &f)) {
                        check_frame(v, &f);
                        frames++;
                    }
                }
                if (frames != 2)
                    fail_msg("%s in %s, pieces of %zu: %d", v->name, garbage[g].name, piece,
                             frames);
                assert_int_equal(nh_tinybms_parser_finish(&p, v->command, &f), 0);
                assert_int_equal(p.dropped_bytes, 3u * garbage[g].len);
            }
}

// A false start with a long length swallows what follows; silence on the line sets it free.
static void test_false_start_then_silence(void **state)
{
    static const uint8_t start[] = {0xAA, 0x03, 0xFE};
    uint8_t frame[64];
    struct nh_tinybms_frame f;
    nh_tinybms_parser_t p = {0};
    (void)state;
    const struct response_vector *v = &response_vectors[9];
    size_t len = vector_bytes(v->hex, frame);
    assert_int_equal(nh_tinybms_parser_feed(&p, start, sizeof start), sizeof start);
    assert_int_equal(nh_tinybms_parser_feed(&p, frame, len), len);
    assert_int_equal(nh_tinybms_parser_next(&p, 0x03, &f), 0);
    assert_true(nh_tinybms_parser_is_inside(&p));
    assert_int_equal(nh_tinybms_parser_finish(&p, 0x03, &f), 1);
    check_frame(v, &f);
    assert_int_equal(nh_tinybms_parser_finish(&p, 0x03, &f), 0);
    assert_int_equal(p.dropped_bytes, sizeof start);
    assert_false(nh_tinybms_parser_is_inside(&p));
}

static void test_stray_is_passed_over(void **state)
{
    uint8_t line[64];
    struct nh_tinybms_frame f;
    nh_tinybms_parser_t p = {0};
    (void)state;
    size_t len = vector_bytes("AA 14 CD CC 4C 42 62 70", line);
    len += vector_bytes("AA 00 10 00 2C 3C", line + len);
    len += vector_bytes("AA 01 0D 91 B5", line + len);
    len += vector_bytes("AA 15 00 00 48 C1 E2 42", line + len);
    assert_int_equal(nh_tinybms_parser_feed(&p, line, len), len);
    assert_int_equal(nh_tinybms_parser_next(&p, 0x15, &f), 1);
    assert_int_equal(f.command, 0x15);
    assert_int_equal(p.strays, 3);
    assert_int_equal(p.frames, 4);
    assert_int_equal(p.dropped_bytes, 0);
}

static void test_reset_drops_what_is_held(void **state)
{
    uint8_t frame[64];
    struct nh_tinybms_frame f;
    nh_tinybms_parser_t p = {0};
    (void)state;
    size_t len = vector_bytes(response_vectors[9].hex, frame);
    assert_int_equal(nh_tinybms_parser_feed(&p, frame, len - 1), len - 1);
    assert_int_equal(nh_tinybms_parser_next(&p, 0x03, &f), 0);
    nh_tinybms_parser_reset(&p);
    assert_int_equal(p.dropped_bytes, len - 1);
    assert_int_equal(nh_tinybms_parser_feed(&p, frame, len), len);
    assert_int_equal(nh_tinybms_parser_next(&p, 0x03, &f), 1);
    nh_tinybms_parser_reset(&p); // the frame given is no loss
    assert_int_equal(p.dropped_bytes, len - 1);
}

// A whole response of `n` registers by 0x03 with values that are full of heads.
static size_t block_response(uint8_t *out, size_t n)
{
    out[0] = 0xAA;
    out[1] = 0x03;
    out[2] = (uint8_t)(2 * n);
    memset(out + 3, 0xAA, 2 * n);
    uint16_t crc = nh_tinybms_crc(out, 3 + 2 * n);
    out[3 + 2 * n] = (uint8_t)crc;
    out[4 + 2 * n] = (uint8_t)(crc >> 8);
    return 5 + 2 * n;
}

static void test_longest_response(void **state)
{
    uint8_t line[600];
    uint16_t words[127];
    struct nh_tinybms_frame f;
    nh_tinybms_parser_t p = {0};
    (void)state;
    size_t len = block_response(line, 127), at = 0;
    assert_int_equal(len, 259);
    memcpy(line + len, line, len);
    for (int turn = 0; turn < 2; turn++) {
        while (!nh_tinybms_parser_next(&p, 0x03, &f)) {
            size_t taken = nh_tinybms_parser_feed(&p, line + at, 2 * len - at);
            assert_true(taken > 0);
            at += taken;
        }
        assert_int_equal(nh_tinybms_decode_words(&f, words, 127), 127);
        assert_int_equal(words[126], 0xAAAA);
    }
    assert_int_equal(p.dropped_bytes, 0);
}

// One bit of a good frame turned: never a frame of the right command.
static void test_every_bit_error_is_seen(void **state)
{
    uint8_t frame[64];
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(response_vectors); i++) {
        const struct response_vector *v = &response_vectors[i];
        size_t len = vector_bytes(v->hex, frame);
        for (size_t bit = 0; bit < 8 * len; bit++) {
            nh_tinybms_parser_t p = {0};
            struct nh_tinybms_frame f;
            frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(nh_tinybms_parser_feed(&p, frame, len), len);
            assert_int_equal(nh_tinybms_parser_next(&p, v->command, &f), 0);
            assert_int_equal(nh_tinybms_parser_finish(&p, v->command, &f), 0);
            assert_int_equal(p.dropped_bytes + p.strays, len);
            frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

// Good CRCs around what no board sends: lengths that the command cannot have, acknowledgements of
// what answers with data, answers in several packets, commands that are none.
static void test_wrong_shapes(void **state)
{
    static const struct {
        uint8_t bytes[12];
        uint8_t len, command;
    } rows[] = {
        {{0xAA, 0x1C, 0}, 3, 0x1C},
        {{0xAA, 0x1C, 34}, 37, 0x1C},
        {{0xAA, 0x03, 0}, 3, 0x03},
        {{0xAA, 0x03, 3, 1, 2, 3}, 6, 0x03},
        {{0xAA, 0x07, 0x40}, 3, 0x07},
        {{0xAA, 0x07, 0x82, 1, 2}, 5, 0x07},
        {{0xAA, 0x09, 2, 1, 2}, 5, 0x09},
        {{0xAA, 0x11, 0}, 3, 0x11},
        {{0xAA, 0x11, 6, 1, 2, 3, 4, 5, 6}, 9, 0x11},
        {{0xAA, 0x1B, 4, 1, 2, 3, 4}, 7, 0x1B},
        {{0xAA, 0x1E, 6, 1, 2, 3, 4, 5, 6}, 9, 0x1E},
        {{0xAA, 0x1F, 5, 1, 2, 3, 4, 5}, 8, 0x1F},
        {{0xAA, 0x01, 0x03}, 3, 0x03},
        {{0xAA, 0x01, 0x10}, 3, 0x10},
        {{0xAA, 0x02}, 2, 0x02},
        {{0xAA, 0x0D}, 2, 0x0D},
        {{0xAA, 0x13, 1, 2}, 4, 0x13},
        {{0xAA, 0x21}, 2, 0x21},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint8_t line[64] = {0};
        nh_tinybms_parser_t p = {0};
        struct nh_tinybms_frame f;
        size_t len = rows[i].len;
        memcpy(line, rows[i].bytes, sizeof rows[i].bytes);
        uint16_t crc = nh_tinybms_crc(line, len);
        line[len++] = (uint8_t)crc;
        line[len++] = (uint8_t)(crc >> 8);
        assert_int_equal(nh_tinybms_parser_feed(&p, line, len), len);
        int got = nh_tinybms_parser_finish(&p, rows[i].command, &f);
        if (got || p.frames || p.dropped_bytes != len)
            fail_msg("row %zu: %d, %d frames, %d dropped", i, got, (int)p.frames,
                     (int)p.dropped_bytes);
    }
}

// 100,000 streams of noise that is rich in beginnings: no crash, every byte accounted for, and no
// more good frames than the CRC lets through by chance.
static void test_random_streams(void **state)
{
    static const uint8_t commands[] = {0x02, 0x03, 0x07, 0x09, 0x0D, 0x10, 0x12, 0x14, 0x1C, 0x20};
    struct rng r = {20260101};
    uint64_t frames = 0, candidates = 0;
    (void)state;
    for (int turn = 0; turn < 100000; turn++) {
        uint8_t noise[96];
        nh_tinybms_parser_t p = {0};
        struct nh_tinybms_frame f;
        uint8_t command = commands[rng_below(&r, NH_ARRAY_LEN(commands))];
        rng_bytes(&r, noise, sizeof noise);
        for (size_t at = 0; at + 2 < sizeof noise; at += 1 + rng_below(&r, 24)) {
            noise[at] = 0xAA;
            noise[at + 1] = rng_below(&r, 3) ? command : (uint8_t)rng_below(&r, 2);
        }
        uint64_t given = 0;
        for (size_t at = 0; at < sizeof noise;) {
            size_t n = 1 + rng_below(&r, 40);
            at += nh_tinybms_parser_feed(&p, noise + at,
                                         n < sizeof noise - at ? n : sizeof noise - at);
            while (nh_tinybms_parser_next(&p, command, &f))
                given += p.taken;
        }
        while (nh_tinybms_parser_finish(&p, command, &f))
            given += p.taken;
        if (!p.strays)
            assert_int_equal(p.dropped_bytes + given, sizeof noise);
        frames += p.frames;
        candidates += p.frames + p.crc_errors;
    }
    print_message("%llu candidates, %llu accepted by chance\n", (unsigned long long)candidates,
                  (unsigned long long)frames);
    assert_true(candidates > 200000);
    assert_true(frames <= 4 + 3 * candidates / 65536);
}

static struct nh_tinybms_frame parse(nh_tinybms_parser_t *p, uint8_t command, const char *hex)
{
    uint8_t bytes[256];
    struct nh_tinybms_frame f;
    size_t len = vector_bytes(hex, bytes);
    *p = (nh_tinybms_parser_t){0};
    assert_int_equal(nh_tinybms_parser_feed(p, bytes, len), len);
    assert_int_equal(nh_tinybms_parser_next(p, command, &f), 1);
    return f;
}

static void test_list(void **state)
{
    nh_tinybms_parser_t p;
    uint16_t address, value;
    (void)state;
    struct nh_tinybms_frame f = parse(&p, 0x09, "AA 09 04 2C 01 42 0E 08 67");
    assert_int_equal(nh_tinybms_decode_list(&f, &address, &value, 1), 1);
    assert_int_equal(address, 300);
    assert_int_equal(value, 3650);
    assert_int_equal(nh_tinybms_decode_list(&f, &address, &value, 0), NH_ERR_TOO_LONG);
    f = parse(&p, 0x07, "AA 07 02 42 0E 2D C8");
    assert_int_equal(nh_tinybms_decode_list(&f, &address, &value, 1), NH_ERR_UNSUPPORTED);
}

static void test_events(void **state)
{
    nh_tinybms_parser_t p;
    struct nh_tinybms_event e[4];
    uint32_t clock_s;
    (void)state;
    struct nh_tinybms_frame f =
        parse(&p, 0x11, "AA 11 0C 40 42 0F 00 3F 42 0F 61 36 42 0F 62 B2 89");
    assert_int_equal(nh_tinybms_decode_events(&f, &clock_s, e, 4), 2);
    assert_int_equal(clock_s, 1000000);
    assert_int_equal(e[0].id, 0x61);
    assert_int_equal(e[0].age_s, 1);
    assert_int_equal(e[1].id, 0x62);
    assert_int_equal(e[1].age_s, 10);
    assert_int_equal(nh_tinybms_decode_events(&f, &clock_s, e, 1), NH_ERR_TOO_LONG);
    f = parse(&p, 0x14, "AA 14 CD CC 4C 42 62 70");
    assert_int_equal(nh_tinybms_decode_events(&f, &clock_s, e, 4), NH_ERR_UNSUPPORTED);
}

// The ring of registers: places never written left out, newest first, over the turn of 24 bits.
static void test_events_of_words(void **state)
{
    static const uint16_t words[] = {0x0005, 0x6100, 0, 0, 0xFFFE, 0x62FF, 0x0009, 0x6300, 0x1234};
    struct nh_tinybms_event e[4];
    (void)state;
    assert_int_equal(nh_tinybms_events_of_words(words, NH_ARRAY_LEN(words), 0x0100000A, e, 4), 3);
    assert_int_equal(e[0].id, 0x63);
    assert_int_equal(e[0].age_s, 1);
    assert_int_equal(e[1].id, 0x61);
    assert_int_equal(e[1].age_s, 5);
    assert_int_equal(e[2].id, 0x62);
    assert_int_equal(e[2].age_s, 12);
    assert_int_equal(e[2].time_s, 0xFFFFFE);
    assert_int_equal(nh_tinybms_events_of_words(words, NH_ARRAY_LEN(words), 10, e, 2), 2);
    assert_int_equal(nh_tinybms_events_of_words(words, 1, 10, e, 2), 0);
}

// The ring has turned over within the second 100: its order tells which of that second is newest.
static void test_events_of_one_second(void **state)
{
    static const uint16_t words[] = {100, 0x7900, 100, 0x6500, 7, 0x6100, 90, 0x6400, 100, 0x0300};
    static const uint8_t ids[] = {0x65, 0x79, 0x03, 0x64, 0x61};
    struct nh_tinybms_event e[5];
    (void)state;
    assert_int_equal(nh_tinybms_events_of_words(words, 10, 101, e, 5), 5);
    for (size_t i = 0; i < NH_ARRAY_LEN(ids); i++)
        assert_int_equal(e[i].id, ids[i]);
    assert_int_equal(nh_tinybms_events_of_words(words, 6, 101, e, 5), 3);
    assert_int_equal(e[0].id, 0x65);
}

// Logged after the clock was read, which is another exchange.
static void test_events_ahead_of_the_clock(void **state)
{
    static const uint16_t words[] = {98, 0x6200, 100, 0x0300, 101, 0x7900};
    struct nh_tinybms_event e[3];
    (void)state;
    assert_int_equal(nh_tinybms_events_of_words(words, 6, 99, e, 3), 3);
    assert_int_equal(e[0].id, 0x79);
    assert_int_equal(e[0].age_s, 0);
    assert_int_equal(e[0].time_s, 101);
    assert_int_equal(e[1].id, 0x03);
    assert_int_equal(e[1].age_s, 0);
    assert_int_equal(e[2].id, 0x62);
    assert_int_equal(e[2].age_s, 1);
}

static void test_versions(void **state)
{
    nh_tinybms_parser_t p;
    struct nh_tinybms_version v;
    (void)state;
    struct nh_tinybms_frame f = parse(&p, 0x1E, "AA 1E 05 05 00 0A D2 04 85 39");
    assert_int_equal(nh_tinybms_decode_version(&f, &v), NH_OK);
    assert_int_equal(v.hardware, 5);
    assert_int_equal(v.firmware, 10);
    assert_int_equal(v.firmware_internal, 1234);
    assert_int_equal(v.register_map, 0);
    f = parse(&p, 0x1F, "AA 1F 07 05 00 0A D2 04 03 06 AE 39");
    assert_int_equal(nh_tinybms_decode_version(&f, &v), NH_OK);
    assert_int_equal(v.bootloader, 3);
    assert_int_equal(v.register_map, 6);
    f = parse(&p, 0x02, "AA 01 02 D1 B1");
    assert_int_equal(nh_tinybms_decode_version(&f, &v), NH_ERR_UNSUPPORTED);
}

static void test_texts(void **state)
{
    (void)state;
    assert_string_equal(nh_tinybms_event_text(0x61), "system started");
    assert_null(nh_tinybms_event_text(0x01));
    assert_string_equal(nh_tinybms_status_text(0x97), "idle");
    assert_null(nh_tinybms_status_text(0x94));
    assert_int_equal(nh_tinybms_event_kind(0x02), NH_TINYBMS_FAULT);
    assert_int_equal(nh_tinybms_event_kind(0x30), NH_TINYBMS_FAULT);
    assert_int_equal(nh_tinybms_event_kind(0x31), NH_TINYBMS_WARNING);
    assert_int_equal(nh_tinybms_event_kind(0x61), NH_TINYBMS_INFORMATION);
    assert_int_equal(nh_tinybms_event_kind(0x91), NH_TINYBMS_NO_KIND);
    assert_string_equal(nh_tinybms_event_kind_text(NH_TINYBMS_WARNING), "warning");
    assert_true(nh_tinybms_float(0xCCCD, 0x424C) == 51.2F);
    assert_true(nh_tinybms_float(0x0000, 0xC148) == -12.5F);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc_check_value),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_requests_refused),
        cmocka_unit_test(test_responses_in_every_cut),
        cmocka_unit_test(test_garbage_around),
        cmocka_unit_test(test_false_start_then_silence),
        cmocka_unit_test(test_stray_is_passed_over),
        cmocka_unit_test(test_reset_drops_what_is_held),
        cmocka_unit_test(test_longest_response),
        cmocka_unit_test(test_every_bit_error_is_seen),
        cmocka_unit_test(test_wrong_shapes),
        cmocka_unit_test(test_random_streams),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_events_of_words),
        cmocka_unit_test(test_events_of_one_second),
        cmocka_unit_test(test_events_ahead_of_the_clock),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
