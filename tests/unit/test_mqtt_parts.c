// The window of sent messages, the set of packet ids, the wheel: each against tables or
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

// ---- messages -----------------------------------------------------------------------------------

static const uint8_t props[] = {0x01, 0x01, 0x26, 0, 1, 'k', 0, 1, 'v'};

static void adopt(uint32_t size, bool has_id, uint8_t version)
{
    uint32_t props_len = version == 5 ? 1 + sizeof props : 0;
    uint32_t body = 2 + 3 + 2u * has_id + props_len + size;
    struct nh_mqtt__msg *m = nh_mqtt__msg_alloc(mem, body + NH_MQTT__HEAD_MAX);
    size_t n = nh_mqtt__head_encode(m->bytes, has_id ? 0x3b : 0x30, body);
    uint8_t *at = m->bytes + n;
    memcpy(at, "\0\3t/x\1\2", has_id ? 7 : 5);
    at += has_id ? 7 : 5;
    if (version == 5) {
        *at = sizeof props;
        memcpy(at + 1, props, sizeof props);
    }
    memset(at + props_len, 'p', size);
    nh_mqtt__msg_adopt(m, n, (uint32_t)n + body, has_id, version);
    const struct nh_mqtt__content same = {.topic = nh_mqtt__msg_topic(m),
                                          .payload = nh_mqtt__msg_payload(m),
                                          .props = nh_mqtt__msg_props(m),
                                          .version = version};
    struct nh_mqtt__msg *plain = nh_mqtt__msg_create(mem, &same);
    assert_int_equal(same.payload.len, size);
    assert_memory_equal(same.topic.ptr, "t/x", 3);
    assert_int_equal(same.props.len, version == 5 ? sizeof props : 0);
    assert_int_equal(m->len, plain->len);
    assert_memory_equal(m->bytes + m->start, plain->bytes + plain->start, m->len);
    nh_mqtt__msg_unref(mem, m);
    nh_mqtt__msg_unref(mem, plain);
}

// A packet that was gathered becomes a message at QoS 0, its payload where it was.
static void test_adopt(void **state)
{
    static const uint32_t sizes[] = {0,   1,   108, 109, 110, 111, 112,   113,  118,
                                     119, 120, 121, 122, 123, 300, 16366, 16390};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(sizes); i++)
        for (unsigned way = 0; way < 4; way++)
            adopt(sizes[i], way & 1, way & 2 ? 5 : 4);
}

// A message that expires tells what is left of its time, down to nothing.
static void test_age(void **state)
{
    const struct nh_mqtt__content k = {.topic = {(const uint8_t *)"t", 1},
                                       .props = {props, sizeof props},
                                       .payload = {(const uint8_t *)"hello", 5},
                                       .expires_ms = 12000,
                                       .expiry_s = 10,
                                       .version = 5};
    static const uint8_t packet[] = "\x30\x17\0\1t\x0e\2\0\0\0\x0a\1\1\x26\0\1k\0\1vhello";
    static const struct {
        uint64_t now_ms;
        uint8_t left_s;
    } rows[] = {{2000, 10}, {2001, 10}, {3000, 9}, {3500, 9}, {11000, 1}, {11999, 0}};
    (void)state;
    struct nh_mqtt__msg *m = nh_mqtt__msg_create(mem, &k);
    assert_int_equal(m->len, sizeof packet - 1);
    assert_memory_equal(m->bytes + m->start, packet, m->len);
    assert_memory_equal(nh_mqtt__msg_props(m).ptr, props, sizeof props);
    assert_int_equal(nh_mqtt__msg_expires_ms(m), 12000);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        assert_true(nh_mqtt__msg_age(m, rows[i].now_ms));
        assert_false(nh_mqtt__msg_is_expired(m, rows[i].now_ms));
        assert_int_equal(m->bytes[m->start + 10], rows[i].left_s);
    }
    assert_false(nh_mqtt__msg_age(m, 12000));
    assert_true(nh_mqtt__msg_is_expired(m, 12000));
    nh_mqtt__msg_unref(mem, m);
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
        cmocka_unit_test_setup_teardown(test_adopt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_age, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ids, setup, teardown),
        cmocka_unit_test(test_wheel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
