// The output of a connection against a plain list of byte runs: random appends, partial writes,
// drops and ends of turns, without memory too.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mqtt/packet.h"
#include "mqtt/wire.h"
#include "support/rng.h"

#include <string.h>

static _Alignas(16) uint8_t internal[24 * 1024];
static _Alignas(16) uint8_t psram[96 * 1024];
static nh_mem_system_t *sys;
static nh_mem_t *mem;
static struct nh_mqtt__blocks blocks;
static struct nh_mqtt__wire wire;
static struct rng rng;

// What is still to come out: runs of bytes one behind the other, each droppable or not.
static uint8_t bytes[24 * 1024];
static size_t byte_count, sent; // of the first run
static struct {
    uint32_t len;
    bool is_droppable;
} runs[600];
static int run_count;

static uint8_t turn[4096];
static size_t turn_len;

static int setup(void **state)
{
    (void)state;
    struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    assert_int_equal(nh_mem_system_create(&cfg, &sys), NH_OK);
    assert_int_equal(nh_mem_owner_add(sys, "mqtt", NULL, &mem), NH_OK);
    blocks = (struct nh_mqtt__blocks){.mem = mem};
    memset(&wire, 0, sizeof wire);
    byte_count = sent = turn_len = 0;
    run_count = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_mem_fault_set(sys, NULL);
    nh_mqtt__wire_clear(&blocks, &wire);
    nh_mqtt__blocks_deinit(&blocks);
    assert_int_equal(nh_mem_system_destroy(sys, NULL, NULL), 0);
    return 0;
}

static void expect(const void *from, size_t len, bool is_droppable)
{
    assert_true(byte_count + len <= sizeof bytes && run_count < 600);
    memcpy(bytes + byte_count, from, len);
    byte_count += len;
    runs[run_count].len = (uint32_t)len;
    runs[run_count++].is_droppable = is_droppable;
}

static void remove_run(int at)
{
    size_t from = 0;
    for (int i = 0; i < at; i++)
        from += runs[i].len;
    byte_count -= runs[at].len;
    memmove(bytes + from, bytes + from + runs[at].len, byte_count - from);
    memmove(&runs[at], &runs[at + 1], (size_t)(--run_count - at) * sizeof runs[0]);
}

// ---- operations ---------------------------------------------------------------------------------

static void do_put(void)
{
    uint8_t text[700];
    uint32_t len = 1 + rng_below(&rng, rng_below(&rng, 4) ? 60 : 699);
    uint32_t cut = rng_below(&rng, len + 1);
    rng_bytes(&rng, text, len);
    nh_span_t parts[] = {{text, cut}, {text + cut, len - cut}};
    uint32_t how = rng_below(&rng, 2);
    uint8_t *space = how ? nh_mqtt__wire_space(&blocks, &wire, len) : NULL;
    if (how && space)
        memcpy(space, text, len);
    if (how ? space != NULL : nh_mqtt__wire_put(&blocks, &wire, parts, 2) == NH_OK)
        expect(text, len, false);
}

static struct nh_mqtt__msg *random_msg(void)
{
    uint8_t payload[200];
    uint32_t len = rng_below(&rng, 200);
    rng_bytes(&rng, payload, len);
    const struct nh_mqtt__content k = {.topic = {(const uint8_t *)"t/x", 3},
                                       .payload = {payload, len}};
    return nh_mqtt__msg_create(mem, &k);
}

static void do_msg(void)
{
    struct nh_mqtt__msg *m = random_msg();
    if (m && nh_mqtt__wire_msg(&blocks, &wire, m) == NH_OK)
        expect(m->bytes + m->start, m->len, true);
    nh_mqtt__msg_unref(mem, m);
}

static void do_put_msg(void)
{
    uint8_t head[40];
    uint32_t len = 1 + rng_below(&rng, 39);
    struct nh_mqtt__msg *m = random_msg();
    rng_bytes(&rng, head, len);
    nh_span_t part = {head, len}, payload = m ? nh_mqtt__msg_payload(m) : part;
    if (m && payload.len &&
        nh_mqtt__wire_put_msg(&blocks, &wire, &part, 1, m, (uint32_t)payload.len) == NH_OK) {
        expect(head, len, false);
        expect(payload.ptr, payload.len, false);
    }
    nh_mqtt__msg_unref(mem, m);
}

// A run of packets in the turn's bytes, next to the one before or not.
static void do_slice(void)
{
    uint32_t count = 1 + rng_below(&rng, 4), len = 0;
    turn_len += rng_below(&rng, 3) == 0;
    uint8_t *at = turn + turn_len;
    if (turn_len + 4 * 160 > sizeof turn)
        return;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t payload = rng_below(&rng, 150);
        size_t n = nh_mqtt__head_encode(at + len, 0x30, 3 + payload);
        memcpy(at + len + n, "\0\1t", 3);
        rng_bytes(&rng, at + len + n + 3, payload);
        len += (uint32_t)n + 3 + payload;
    }
    turn_len += len;
    if (nh_mqtt__wire_slice(&blocks, &wire, at, len, count) < 0)
        return;
    for (uint32_t i = 0; i < count; i++) {
        struct nh_mqtt__head head;
        assert_true(nh_mqtt__head_decode(at, 5, NH_MQTT__FROM_CLIENT, &head) > 0);
        expect(at, head.head_len + head.body_len, true);
        at += head.head_len + head.body_len;
    }
}

static void compare(void)
{
    struct nh_mqtt_span spans[200];
    size_t n = nh_mqtt__wire_output(&wire, spans, NH_ARRAY_LEN(spans)), at = sent;
    for (size_t i = 0; i < n; i++) {
        assert_true(at + spans[i].len <= byte_count);
        assert_memory_equal(spans[i].ptr, bytes + at, spans[i].len);
        at += spans[i].len;
    }
    if (n < NH_ARRAY_LEN(spans))
        assert_int_equal(at, byte_count);
    assert_true(nh_mqtt__wire_check(&wire));
    assert_int_equal(nh_mqtt__wire_is_empty(&wire), byte_count == sent);
}

static void do_send(void)
{
    size_t max = byte_count - sent;
    size_t n = max ? rng_below(&rng, (uint32_t)(rng_below(&rng, 3) ? max / 4 + 1 : max + 1)) : 0;
    nh_mqtt__wire_sent(&blocks, &wire, n);
    sent += n;
    while (run_count && sent >= runs[0].len) {
        sent -= runs[0].len;
        remove_run(0);
    }
}

// Only messages that are stored already may be dropped; the model knows them by being settled.
static void do_drop(void)
{
    bool dropped = nh_mqtt__wire_drop(&blocks, &wire);
    int at = sent ? 1 : 0;
    while (at < run_count && !runs[at].is_droppable)
        at++;
    assert_int_equal(dropped, at < run_count);
    if (dropped)
        remove_run(at);
}

static int settle_round;

// Leaves out every fifth message, in the model too: `at` walks the droppable runs along.
static struct nh_mqtt__msg *keep(void *ctx, const uint8_t *packet, uint32_t len, uint32_t head_len,
                                 bool must)
{
    struct nh_mqtt__msg **made = ctx;
    nh_mqtt__msg_unref(mem, *made);
    *made = NULL;
    int at = 0;
    size_t from = 0;
    for (; at < run_count; from += runs[at++].len)
        if (runs[at].len == len && memcmp(bytes + from, packet, len) == 0)
            break;
    assert_true(at < run_count);
    if (settle_round++ % 5 == 4 && !must) {
        remove_run(at);
        return NULL;
    }
    *made = nh_mqtt__msg_alloc(mem, len);
    if (!*made) {
        if (!must)
            remove_run(at);
        return NULL;
    }
    memcpy((*made)->bytes, packet, len);
    nh_mqtt__msg_adopt(*made, head_len, len, false, 4);
    return *made;
}

static bool do_settle(void)
{
    struct nh_mqtt__msg *made = NULL;
    struct nh_mqtt__settle how = {&made, keep};
    int rc = nh_mqtt__wire_settle(&blocks, &wire, &how);
    nh_mqtt__msg_unref(mem, made);
    memset(turn, 0xDD, sizeof turn);
    turn_len = 0;
    return rc == NH_OK;
}

static void run_rounds(int rounds)
{
    for (int i = 0; i < rounds; i++) {
        uint32_t what = rng_below(&rng, 12);
        if (byte_count > sizeof bytes - 3000 || run_count > 550)
            what = 8;
        if (what < 3)
            do_put();
        else if (what < 5)
            do_msg();
        else if (what < 6)
            do_put_msg();
        else if (what < 8)
            do_slice();
        else if (what < 10)
            do_send();
        else
            assert_true(do_settle());
        compare();
        if (what == 11) {
            do_drop();
            compare();
        }
    }
}

static void test_random(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        rng.state = seed;
        run_rounds(600);
        assert_true(do_settle());
        nh_mqtt__wire_sent(&blocks, &wire, byte_count - sent);
        assert_true(nh_mqtt__wire_is_empty(&wire)); // and nothing is held for it
        assert_null(wire.head);
        assert_int_equal(wire.count + wire.bytes + wire.inline_bytes + wire.stored_bytes, 0);
        byte_count = sent = 0;
        run_count = 0;
    }
}

// Random allocations fail: an append happens whole or not at all.
static void test_no_memory(void **state)
{
    struct nh_mem_fault fault = {.fail_per_million = 200000, .seed = 4};
    (void)state;
    nh_mem_fault_set(sys, &fault);
    for (uint64_t seed = 1; seed <= 20; seed++) {
        rng.state = seed;
        for (int i = 0; i < 200; i++) {
            static void (*const ops[])(void) = {do_put, do_msg, do_put_msg, do_slice, do_send};
            if (byte_count > sizeof bytes - 3000 || run_count > 550)
                do_send();
            else
                ops[rng_below(&rng, 5)]();
            compare();
        }
        nh_mqtt__wire_clear(&blocks, &wire);
        nh_mqtt__blocks_deinit(&blocks); // so that blocks are asked for anew
        byte_count = sent = turn_len = 0;
        run_count = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_random, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
