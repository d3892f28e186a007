// The codec, the window of sent messages, the set of packet ids, the wheel: each against tables or
// a plain model.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mqtt/flow.h"
#include "mqtt/packet.h"
#include "mqtt/wheel.h"
#include "support/rng.h"

#include <string.h>

static _Alignas(16) uint8_t internal[24 * 1024];
static _Alignas(16) uint8_t psram[128 * 1024];
static nh_mem_system_t *sys;
static nh_mem_t *mem;

static int setup(void **state)
{
    (void)state;
    struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    assert_int_equal(nh_mem_system_create(&cfg, &sys), NH_OK);
    assert_int_equal(nh_mem_owner_add(sys, "mqtt", NULL, &mem), NH_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(nh_mem_system_destroy(sys, NULL, NULL), 0);
    return 0;
}

// ---- fixed header -------------------------------------------------------------------------------

static const struct {
    const char *name;
    uint8_t bytes[6];
    size_t len;
    int rc;
    uint32_t body_len;
    bool is_minimal;
} heads[] = {
    {"nothing", {0}, 0, 0, 0, false},
    {"type only", {0xC0}, 1, 0, 0, false},
    {"PINGREQ", {0xC0, 0}, 2, 2, 0, true},
    {"127", {0x30, 0x7f}, 2, 2, 127, true},
    {"128", {0x30, 0x80, 1}, 3, 3, 128, true},
    {"16383", {0x30, 0xff, 0x7f}, 3, 3, 16383, true},
    {"16384", {0x30, 0x80, 0x80, 1}, 4, 4, 16384, true},
    {"2097152", {0x30, 0x80, 0x80, 0x80, 1}, 5, 5, 2097152, true},
    {"268435455", {0x30, 0xff, 0xff, 0xff, 0x7f}, 5, 5, 268435455, true},
    {"length cut", {0x30, 0x80, 0x80, 0x80}, 4, 0, 0, false},
    {"length too long", {0x30, 0x80, 0x80, 0x80, 0x80, 1}, 6, NH_ERR_PROTO, 0, false},
    {"more bytes than needed", {0x30, 0x80, 0}, 3, 3, 0, false},
};

static void test_heads(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(heads); i++) {
        struct nh_mqtt__head head;
        int rc = nh_mqtt__head_decode(heads[i].bytes, heads[i].len, &head);
        if (rc != heads[i].rc)
            fail_msg("%s: %d", heads[i].name, rc);
        if (rc <= 0)
            continue;
        uint8_t out[NH_MQTT__HEAD_MAX];
        assert_int_equal(head.body_len, heads[i].body_len);
        assert_int_equal(head.is_minimal, heads[i].is_minimal);
        size_t n = nh_mqtt__head_encode(out, heads[i].bytes[0], heads[i].body_len);
        assert_int_equal(n, nh_mqtt__head_len(heads[i].body_len));
        if (heads[i].is_minimal) {
            assert_int_equal(n, heads[i].len);
            assert_memory_equal(out, heads[i].bytes, n);
        }
    }
}

// Every first byte: table 2.2 of the standard, as seen by a server [MQTT-2.2.2-2].
static void test_flags(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        unsigned type = first >> 4, flags = first & 15, qos = flags >> 1 & 3;
        bool expected = false;
        if (type == 3)
            expected = qos < 3 && (qos > 0 || !(flags & 8));
        else if (type == 6 || type == 8 || type == 10)
            expected = flags == 2;
        else if (type == 1 || type == 4 || type == 5 || type == 7 || type == 12 || type == 14)
            expected = flags == 0;
        uint8_t bytes[] = {(uint8_t)first, 0};
        struct nh_mqtt__head head;
        assert_int_equal(nh_mqtt__head_decode(bytes, 2, &head), expected ? 2 : NH_ERR_PROTO);
    }
}

// Every cut of a CONNECT with all its fields is refused, the whole one is taken.
static void test_connect_cuts(void **state)
{
    static const uint8_t body[] = "\0\4MQTT\4\xf6\0\x3c\0\2id\0\1w\0\2\0\xff\0\1u\0\1p";
    struct nh_mqtt__connect k;
    (void)state;
    for (size_t len = 0; len < sizeof body - 1; len++)
        assert_int_equal(nh_mqtt__connect_decode((nh_span_t){body, len}, &k), NH_ERR_PROTO);
    assert_int_equal(nh_mqtt__connect_decode((nh_span_t){body, sizeof body - 1}, &k), NH_OK);
    assert_int_equal(k.keepalive_s, 60);
    assert_int_equal(k.will_qos, 2);
    assert_true(k.will_retain && k.has_will && k.has_user && k.has_password && k.is_clean);
    assert_int_equal(k.will_payload.len, 2);
    assert_memory_equal(k.password.ptr, "p", 1);
}

static void test_acks(void **state)
{
    uint8_t out[NH_MQTT__ACK_BYTES];
    (void)state;
    nh_mqtt__ack_encode(out, NH_MQTT__PUBREL, 0x1234); // [MQTT-3.6.1-1]
    assert_memory_equal(out, "\x62\2\x12\x34", 4);
    nh_mqtt__ack_encode(out, NH_MQTT__PUBACK, 1);
    assert_memory_equal(out, "\x40\2\0\1", 4);
    assert_int_equal(nh_mqtt__ack_decode((nh_span_t){out + 2, 2}), 1);
    assert_int_equal(nh_mqtt__ack_decode((nh_span_t){out + 2, 1}), NH_ERR_PROTO);
}

// ---- messages -----------------------------------------------------------------------------------

// A packet that was gathered becomes a message at QoS 0, its payload where it was.
static void test_adopt(void **state)
{
    static const uint32_t sizes[] = {0, 1, 118, 119, 120, 121, 122, 123, 300};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(sizes); i++) {
        for (unsigned has_id = 0; has_id < 2; has_id++) {
            uint32_t body = 2 + 3 + 2 * has_id + sizes[i];
            struct nh_mqtt__msg *m = nh_mqtt__msg_alloc(mem, body + NH_MQTT__HEAD_MAX);
            size_t n = nh_mqtt__head_encode(m->bytes, has_id ? 0x3b : 0x30, body);
            memcpy(m->bytes + n, "\0\3t/x\1\2", has_id ? 7 : 5);
            memset(m->bytes + n + body - sizes[i], 'p', sizes[i]);
            nh_mqtt__msg_adopt(m, n, (uint32_t)n + body, has_id);
            struct nh_mqtt__msg *plain =
                nh_mqtt__msg_create(mem, nh_mqtt__msg_topic(m), nh_mqtt__msg_payload(m));
            assert_int_equal(nh_mqtt__msg_payload(m).len, sizes[i]);
            assert_memory_equal(nh_mqtt__msg_topic(m).ptr, "t/x", 3);
            assert_int_equal(m->len, plain->len);
            assert_memory_equal(m->bytes + m->start, plain->bytes + plain->start, m->len);
            nh_mqtt__msg_unref(mem, m);
            nh_mqtt__msg_unref(mem, plain);
        }
    }
}

// ---- sent messages ------------------------------------------------------------------------------

static uint16_t model_id[64];
static int model_count;

static void model_remove(int at)
{
    memmove(&model_id[at], &model_id[at + 1], (size_t)(--model_count - at) * sizeof model_id[0]);
}

static void test_sent(void **state)
{
    struct rng r = {5};
    struct nh_mqtt__flow f;
    uint16_t next = 1;
    (void)state;
    model_count = 0;
    nh_mqtt__flow_init(&f);
    for (int round = 0; round < 200000; round++) {
        if (model_count < 64 && f.sent_span < 64 && rng_below(&r, 2)) {
            assert_int_equal(nh_mqtt__sent_reserve(&f, mem), NH_OK);
            struct nh_mqtt__sent sent = {.len = 3, .state = NH_MQTT__SENT_WAIT_PUBACK};
            assert_int_equal(nh_mqtt__sent_next_id(&f), next);
            assert_int_equal(nh_mqtt__sent_push(&f, sent), next);
            model_id[model_count++] = next;
            next = next == 65535 ? 1 : (uint16_t)(next + 1); // [MQTT-2.3.1-1]: never 0
        } else if (model_count) {
            int at = rng_below(&r, 4) ? 0 : (int)rng_below(&r, (uint32_t)model_count);
            struct nh_mqtt__sent *s = nh_mqtt__sent_find(&f, model_id[at]);
            assert_non_null(s);
            nh_mqtt__sent_done(&f, mem, s);
            assert_null(nh_mqtt__sent_find(&f, model_id[at]));
            model_remove(at);
        }
        assert_int_equal(f.sent_count, model_count);
        if (round % 500 == 0)
            assert_true(nh_mqtt__flow_check(&f));
    }
    assert_null(nh_mqtt__sent_find(&f, 0));
    nh_mqtt__flow_deinit(&f, mem);
}

// ---- packet ids ---------------------------------------------------------------------------------

static uint8_t is_in[65536 / 8];

static void test_ids(void **state)
{
    struct rng r = {11};
    struct nh_mqtt__flow f;
    (void)state;
    memset(is_in, 0, sizeof is_in);
    nh_mqtt__flow_init(&f);
    for (int round = 0; round < 60000; round++) {
        // Few lowest bits, so that ids meet in the table.
        uint16_t id = (uint16_t)(1 + rng_below(&r, 40) * (round % 2 ? 256 : 1));
        uint8_t bit = (uint8_t)(1u << (id % 8));
        bool was = is_in[id / 8] & bit;
        assert_int_equal(nh_mqtt__ids_has(&f, id), was);
        if (rng_below(&r, 2)) {
            assert_int_equal(nh_mqtt__ids_add(&f, mem, id), !was);
            is_in[id / 8] |= bit;
        } else {
            nh_mqtt__ids_remove(&f, id);
            is_in[id / 8] &= (uint8_t)~bit;
        }
        if (round % 100 == 0)
            assert_true(nh_mqtt__flow_check(&f));
    }
    nh_mqtt__flow_deinit(&f, mem);
}

// ---- wheel --------------------------------------------------------------------------------------

#define NODES 60

static struct {
    nh_list_t link;
    uint64_t deadline;
} nodes[NODES];
static struct nh_mqtt__wheel wheel;

// Random deadlines and random steps: nothing is handed out before its time without being due again,
// nothing later than a grain after.
static void test_wheel(void **state)
{
    struct rng r = {77};
    uint64_t now = 1;
    (void)state;
    nh_mqtt__wheel_init(&wheel);
    for (int i = 0; i < NODES; i++) {
        nh_list_init(&nodes[i].link);
        nodes[i].deadline = now + rng_below(&r, 1u << rng_below(&r, 30));
        nh_mqtt__wheel_add(&wheel, &nodes[i].link, nodes[i].deadline);
    }
    for (int round = 0; round < 20000; round++) {
        uint64_t next = nh_mqtt__wheel_next(&wheel), earliest = NH_NEVER;
        for (int i = 0; i < NODES; i++)
            earliest = nodes[i].deadline < earliest ? nodes[i].deadline : earliest;
        assert_true(next <= earliest + 1024);
        now += rng_below(&r, 1u << rng_below(&r, 22));
        nh_list_t due;
        nh_list_init(&due);
        nh_mqtt__wheel_due(&wheel, now, &due);
        for (nh_list_t *n = nh_list_pop_front(&due); n; n = nh_list_pop_front(&due)) {
            size_t i = (size_t)((char *)n - (char *)nodes) / sizeof nodes[0];
            if (nodes[i].deadline <= now) // it happened; the next one
                nodes[i].deadline = now + 1 + rng_below(&r, 1u << rng_below(&r, 30));
            nh_mqtt__wheel_add(&wheel, n, nodes[i].deadline);
        }
        for (int i = 0; i < NODES; i++)
            assert_true(nodes[i].deadline + 1024 > now);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_connect_cuts),
        cmocka_unit_test(test_acks),
        cmocka_unit_test_setup_teardown(test_adopt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ids, setup, teardown),
        cmocka_unit_test(test_wheel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
