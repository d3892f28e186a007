// A stream of packets cut anywhere gives the same packets.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mqtt/reader.h"
#include "support/mem_fixture.h"
#include "support/rng.h"

#include <string.h>

static struct mem_fixture f;

static int setup(void **state)
{
    (void)state;
    mem_fixture_init(&f, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mem_fixture_deinit(&f);
    return 0;
}

static struct nh_mqtt__reader reader_of(uint8_t version)
{
    return (struct nh_mqtt__reader){
        .mem = f.mem, .from = NH_MQTT__FROM_SERVER, .version = version, .packet_max_bytes = 6000};
}

// Packets of many sizes behind each other: the i-th has a body of bytes `i`.
static uint8_t stream[20000];
static uint32_t sizes[40];

static size_t make_stream(struct rng *r)
{
    size_t len = 0;
    for (uint32_t i = 0; i < NH_ARRAY_LEN(sizes); i++) {
        sizes[i] = rng_below(r, 4) ? rng_below(r, 200) : rng_below(r, 5500);
        if (len + sizes[i] + 5 > sizeof stream - 2 * NH_ARRAY_LEN(sizes))
            sizes[i] = 0;
        len += nh_mqtt__head_encode(stream + len, 0x30, sizes[i]);
        memset(stream + len, (int)i, sizes[i]);
        len += sizes[i];
    }
    return len;
}

static void test_cuts(void **state)
{
    struct rng rng = {9};
    (void)state;
    for (int round = 0; round < 60; round++) {
        struct nh_mqtt__reader r = reader_of(5);
        size_t len = make_stream(&rng), cut = round < 6 ? 1 + (size_t)round : 0;
        uint32_t seen = 0;
        for (size_t at = 0; at < len;) {
            size_t n = cut ? cut : 1 + rng_below(&rng, 700);
            n = n < len - at ? n : len - at;
            uint8_t piece[700]; // ends where its memory ends
            memcpy(piece + sizeof piece - n, stream + at, n);
            nh_span_t in = {piece + sizeof piece - n, n};
            struct nh_mqtt__packet p;
            while (nh_mqtt__reader_next(&r, &in, &p) == 1) {
                assert_int_equal(p.body.len, sizes[seen]);
                for (size_t i = 0; i < p.body.len; i++)
                    assert_int_equal(p.body.ptr[i], (uint8_t)seen);
                seen++;
            }
            assert_int_equal(in.len, 0);
            at += n;
        }
        assert_int_equal(seen, NH_ARRAY_LEN(sizes));
        nh_mqtt__reader_clear(&r);
    }
}

static const struct {
    const char *name, *bytes;
    size_t len;
    uint8_t version;
    int rc;
} faults[] = {
    {"type of the other side", "\x10\0", 2, 4, NH_ERR_SYNTAX},
    {"flags", "\xD1\0", 2, 4, NH_ERR_SYNTAX},
    {"length of five bytes", "\x30\x80\x80\x80\x80\1", 6, 4, NH_ERR_SYNTAX},
    {"length padded, 3.1.1", "\xD0\x80\0", 3, 4, 1},
    {"length padded, 5.0", "\xD0\x80\0", 3, 5, NH_ERR_SYNTAX}, // [MQTT5-1.5.5-1]
    {"too large", "\x30\xF1\x2E", 3, 4, NH_ERR_TOO_LONG},
    {"just not too large", "\x30\xEC\x2E", 3, 4, 0},
};

// Whole and byte by byte.
static void test_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(faults); i++) {
        for (size_t cut = 1; cut <= faults[i].len; cut++) {
            struct nh_mqtt__reader r = reader_of(faults[i].version);
            struct nh_mqtt__packet p;
            int rc = 0;
            for (size_t at = 0; at < faults[i].len && rc == 0; at += cut) {
                size_t n = cut < faults[i].len - at ? cut : faults[i].len - at;
                nh_span_t in = {(const uint8_t *)faults[i].bytes + at, n};
                rc = nh_mqtt__reader_next(&r, &in, &p);
            }
            if (rc != faults[i].rc)
                fail_msg("%s cut by %u: %d", faults[i].name, (unsigned)cut, rc);
            nh_mqtt__reader_clear(&r);
        }
    }
}

// Each allocation fails in turn: an error, nothing held.
static void test_no_memory(void **state)
{
    struct rng rng = {9};
    size_t len = make_stream(&rng);
    (void)state;
    for (uint64_t nth = 1;; nth++) {
        struct nh_mqtt__reader r = reader_of(5);
        struct nh_mqtt__packet p;
        int rc = 0;
        mem_fixture_fail_nth(&f, nth);
        for (size_t at = 0; at < len && rc >= 0; at += 100) {
            nh_span_t in = {stream + at, len - at < 100 ? len - at : 100};
            while ((rc = nh_mqtt__reader_next(&r, &in, &p)) == 1)
                continue;
        }
        nh_mqtt__reader_clear(&r);
        nh_mem_fault_set(f.sys, NULL);
        if (rc == 0)
            break;
        assert_int_equal(rc, NH_ERR_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cuts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
