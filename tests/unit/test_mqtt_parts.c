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
        cmocka_unit_test_setup_teardown(test_adopt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ids, setup, teardown),
        cmocka_unit_test(test_wheel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
