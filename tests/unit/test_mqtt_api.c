// The feed's copy of messages: what a watch tells, misses and forgets. Host only: of the portal.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "portal/mqtt_api.h"

static struct {
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    nh_sched_t *sched;
    nh_mqtt_broker_t *broker;
    nh_mqtt_api_t *api;
    nh_feed_part_t part; // "messages"
    uint64_t now_ms;
    char told[4096];
} t;

static uint64_t clock_ms(void)
{
    return t.now_ms;
}

static int64_t clock_unix_ms(void)
{
    return 1700000000000 + (int64_t)t.now_ms;
}

static int setup(void **state)
{
    static _Alignas(16) uint8_t internal[64 * 1024], psram[256 * 1024];
    const struct nh_mem_system_config mem = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    nh_feed_part_t parts[NH_MQTT_API_FEED_COUNT];
    (void)state;
    memset(&t, 0, sizeof t);
    t.now_ms = 1000;
    assert_int_equal(nh_mem_system_create(&mem, &t.sys), 0);
    assert_int_equal(nh_mem_owner_add(t.sys, "test", NULL, &t.mem), 0);
    const struct nh_sched_config sched = {.mem = t.mem};
    const struct nh_mqtt_broker_config broker = {.mem = t.mem};
    assert_int_equal(nh_sched_create(&sched, &t.sched), 0);
    assert_int_equal(nh_mqtt_broker_create(&broker, &t.broker), 0);
    const struct nh_mqtt_api_config cfg = {.mem = t.mem,
                                           .broker = t.broker,
                                           .sched = t.sched,
                                           .message_count = 4,
                                           .clock_ms = clock_ms,
                                           .clock_unix_ms = clock_unix_ms};
    assert_int_equal(nh_mqtt_api_create(&cfg, &t.api), 0);
    nh_mqtt_api_feed_parts(t.api, parts);
    t.part = parts[2];
    assert_string_equal(t.part.name, "messages");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_mqtt_api_destroy(t.api);
    nh_mqtt_broker_destroy(t.broker);
    nh_sched_destroy(t.sched);
    assert_int_equal(nh_mem_system_destroy(t.sys, NULL, NULL), 0);
    return 0;
}

static void publish(const char *payload)
{
    const struct nh_mqtt_message m = {.topic = {(const uint8_t *)"a", 1},
                                      .payload = {(const uint8_t *)payload, strlen(payload)}};
    assert_int_equal(nh_mqtt_broker_publish(t.broker, &m, t.now_ms), 0);
}

// What a socket that has seen `since` hears; gives the version it has seen then.
static uint64_t hear(uint64_t since)
{
    struct nh_json_buf b = {.ptr = t.told, .cap = sizeof t.told - 1};
    nh_json_writer_t w;
    (void)t.part.version(t.part.ctx);
    nh_json_writer_init(&w, nh_json_buf_sink, &b);
    uint64_t version = t.part.write(t.part.ctx, &w, since);
    assert_int_equal(nh_json_writer_end(&w), 0);
    t.told[b.len] = 0;
    return version;
}

static unsigned count_told(void)
{
    unsigned n = 0;
    for (const char *p = t.told; (p = strstr(p, "\"seq\":")) != NULL; p++)
        n++;
    return n;
}

static void test_tells_each_once_and_what_is_missed(void **state)
{
    (void)state;
    uint64_t seen = hear(0);
    assert_string_equal(t.told, "{\"messages\":[],\"missed\":0}");
    publish("1");
    publish("2");
    seen = hear(seen);
    assert_int_equal(count_told(), 2);
    assert_non_null(strstr(t.told, "\"missed\":0"));
    for (int i = 0; i < 7; i++)
        publish("x");
    seen = hear(seen);
    assert_int_equal(count_told(), 4);
    assert_non_null(strstr(t.told, "\"missed\":3"));
    assert_int_equal(hear(seen), t.part.version(t.part.ctx));
    assert_int_equal(count_told(), 0);
}

// The second watch has a fresh ring: it must not tell of messages that the first one kept.
static void test_a_second_watch_begins_empty(void **state)
{
    (void)state;
    (void)hear(0);
    for (int i = 0; i < 3; i++)
        publish("x");
    (void)hear(0);
    assert_int_equal(count_told(), 3);
    t.now_ms += 60000;
    nh_sched_run(t.sched, t.now_ms);
    publish("nobody watches");
    uint64_t seen = hear(0);
    assert_string_equal(t.told, "{\"messages\":[],\"missed\":0}");
    publish("again");
    (void)hear(seen);
    assert_int_equal(count_told(), 1);
    assert_non_null(strstr(t.told, "again"));
}

static void test_no_character_is_cut_in_two(void **state)
{
    char text[400] = "", want[400];
    (void)state;
    for (int i = 0; i < 60; i++)
        strcat(text, "\xE2\x82\xAC"); // 3 bytes: 128 is in the middle of one
    snprintf(want, sizeof want, "\"payload\":\"%.126s\"", text);
    uint64_t seen = hear(0);
    publish(text);
    (void)hear(seen);
    assert_non_null(strstr(t.told, want));
    assert_non_null(strstr(t.told, "\"bytes\":180"));
}

static void test_without_memory(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 3; n++) {
        nh_mem_fault_set(t.sys, &(struct nh_mem_fault){.fail_nth = n});
        uint64_t seen = hear(0);
        nh_mem_fault_set(t.sys, NULL);
        assert_string_equal(t.told, "{\"messages\":[],\"missed\":0}");
        seen = hear(seen); // the next try works
        publish("x");
        (void)hear(seen);
        assert_int_equal(count_told(), 1);
        t.now_ms += 60000;
        nh_sched_run(t.sched, t.now_ms);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_tells_each_once_and_what_is_missed),
        T(test_a_second_watch_begins_empty),
        T(test_no_character_is_cut_in_two),
        T(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
