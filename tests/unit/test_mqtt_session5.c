// 5.0: how long a session and a will outlive their connection, and memory that runs out.
// Each conversation is held four times: the input whole, byte by byte, and in pieces of 3 and 7.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/mqtt_client.h"

static struct world w;

static void each_way(const struct nh_mqtt_broker_config *cfg, void (*scenario)(struct client *c))
{
    static const size_t chunks[] = {0, 1, 3, 7};
    for (size_t i = 0; i < NH_ARRAY_LEN(chunks); i++) {
        world_init(&w, cfg);
        w.chunk = chunks[i];
        scenario(w.clients);
        world_deinit(&w);
    }
}

#define LIMITS "receive=1024 packet=65536 aliases=16"
#define NEW "connack 0 0x00 {" LIMITS "}"
#define PRESENT "connack 1 0x00 {" LIMITS "}"

static void lose(struct client *c)
{
    client_close(c);
    world_turn_end(&w);
}

static struct nh_mqtt_info info_now(void)
{
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(w.broker, &info);
    return info;
}

// ---- session expiry -----------------------------------------------------------------------------

// [MQTT5-3.1.2-23], [MQTT5-4.1.0-1], [MQTT5-3.2.2-2], -3: kept for as long as was agreed.
static void expiry(struct client *c)
{
    client_connect5(&c[0], "a", PROPS("\x11\0\0\0\x0a"));
    client_subscribe(&c[0], "t", 1);
    client_close(&c[0]);
    uint64_t gone = w.now_ms;
    world_tick(&w, gone + 9000);
    client_resume5(&c[0], "a", PROPS("\x11\0\0\0\x0a"));
    assert_heard(&c[0], PRESENT);
    client_close(&c[0]);
    gone = w.now_ms;
    assert_true(nh_mqtt_broker_next_deadline(w.broker) <= gone + 10000);
    world_tick(&w, gone + 10000);
    assert_int_equal(info_now().session_count, 0);
    assert_int_equal(info_now().sessions_expired, 1);
    client_resume5(&c[0], "a", PROPS("\x11\0\0\0\x0a"));
    assert_heard(&c[0], NEW);
    // [MQTT5-3.1.2-4] clean start forgets; [MQTT5-3.1.2-5], -6 without it the session goes on.
    client_close(&c[0]);
    client_connect5(&c[0], "a", PROPS("\x11\0\0\0\x0a"));
    assert_heard(&c[0], NEW);
    // Without an interval the session ends with the connection.
    client_close(&c[0]);
    client_resume5(&c[0], "a", NO_PROPS);
    assert_heard(&c[0], PRESENT);
    client_close(&c[0]);
    assert_int_equal(info_now().session_count, 0);
}

static void test_expiry(void **state)
{
    (void)state;
    each_way(NULL, expiry);
}

// DISCONNECT may change the interval: to nothing, to more, and to for ever.
static void expiry_changed(struct client *c)
{
    client_connect5(&c[0], "a", PROPS("\x11\0\0\0\x0a"));
    client_disconnect5(&c[0], 0, PROPS("\x11\0\0\0\0"));
    assert_int_equal(info_now().session_count, 0);
    client_connect5(&c[0], "a", PROPS("\x11\0\0\0\x0a"));
    client_disconnect5(&c[0], 0, PROPS("\x11\0\0\0\x64"));
    world_tick(&w, w.now_ms + 99000);
    assert_int_equal(info_now().session_count, 1);
    client_resume5(&c[0], "a", PROPS("\x11\0\0\0\x0a"));
    client_disconnect5(&c[0], 0, PROPS("\x11\xff\xff\xff\xff"));
    world_tick(&w, w.now_ms + 10000000000ull);
    assert_true(nh_mqtt_broker_next_deadline(w.broker) == NH_NEVER);
    assert_int_equal(info_now().session_count, 1);
    client_resume5(&c[0], "a", PROPS("\x11\xff\xff\xff\xff"));
    assert_non_null(strstr(client_heard(&c[0]), "connack 1"));
}

static void test_expiry_changed(void **state)
{
    (void)state;
    each_way(NULL, expiry_changed);
}

// The configuration bounds it, for 3.1.1 as well; many sessions end in order.
static void expiry_max(struct client *c)
{
    client_connect(&c[0], "old", true);
    client_close(&c[0]);
    client_connect5(&c[0], "new", PROPS("\x11\0\0\x0f\xff"));
    assert_heard(&c[0], "connack 0 0x00 {session=60 " LIMITS "}");
    client_close(&c[0]);
    uint64_t gone = w.now_ms;
    char id[8];
    for (unsigned i = 1; i < 6; i++) {
        char props[] = {0x11, 0, 0, 0, (char)(i * 10)};
        snprintf(id, sizeof id, "s%u", i);
        client_connect5(&c[0], id, (struct bytes){props, sizeof props});
        client_close(&c[0]);
    }
    for (unsigned i = 1; i < 6; i++) {
        world_tick(&w, gone + i * 10000 - 1);
        assert_int_equal(info_now().session_count, 8 - i);
        world_tick(&w, gone + i * 10000 + 1000);
        assert_int_equal(info_now().session_count, 7 - i);
    }
    world_tick(&w, gone + 61000);
    assert_int_equal(info_now().session_count, 0);
}

static void test_expiry_max(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.session_expiry_max_s = 60}, expiry_max);
}

// Sessions change between the versions and keep what is theirs.
static void changed_version(struct client *c)
{
    client_connect(&c[0], "a", true);
    client_subscribe(&c[0], "t", 1);
    client_close(&c[0]);
    client_connect5(&c[1], "pub", NO_PROPS);
    client_publish5(&c[1], "t", "m", 1, PROPS("\x03\0\1x"));
    client_resume5(&c[0], "a", PROPS("\x11\0\0\0\x0a"));
    assert_heard(&c[0], PRESENT "; publish t m q1 #1 {type=x}");
    client_connect(&c[0], "a", true); // takes itself over
    assert_heard(&c[0], "connack 1 0; publish t m q1 #1 dup");
    client_connect(&c[0], "a", false);
    assert_heard(&c[0], "connack 0 0");
}

static void test_changed_version(void **state)
{
    (void)state;
    world_init(&w, NULL);
    w.clients[0].read_max = SIZE_MAX;
    world_deinit(&w);
    each_way(NULL, changed_version);
}

// ---- wills --------------------------------------------------------------------------------------

// A client whose will waits `delay` seconds, its session `expiry`; it hears nothing.
static void connect_will(struct client *c, unsigned delay, unsigned expiry, struct bytes more,
                         bool is_resumed)
{
    static char session[5], props[64];
    session[0] = 0x11;
    session[1] = session[2] = session[3] = 0;
    session[4] = (char)expiry;
    props[0] = 0x18;
    props[1] = props[2] = props[3] = 0;
    props[4] = (char)delay;
    memcpy(props + 5, more.ptr, more.len);
    client_connect_with(c, &(struct connect){.id = "dying",
                                             .version = 5,
                                             .is_kept = is_resumed,
                                             .will_topic = "will",
                                             .will_payload = "bye",
                                             .will_qos = 1,
                                             .props = {session, sizeof session},
                                             .will_props = {props, 5 + more.len}});
    client_heard(c);
}

static void listener(struct client *c)
{
    client_connect5(c, "listener", NO_PROPS);
    client_subscribe(c, "will", 1);
    client_heard(c);
}

// [MQTT5-3.1.2-7], -8, -10, [MQTT5-3.1.3-9]: after the delay, at the end of the session, not when
// the client is back in time, at once without a delay; with its properties.
static void wills(struct client *c)
{
    listener(&c[1]);
    connect_will(&c[0], 5, 100, PROPS("\x03\0\1x\x26\0\1k\0\1v\x02\0\0\0\x09"), false);
    lose(&c[0]);
    assert_heard(&c[1], "");
    assert_int_equal(info_now().will_count, 1);
    uint64_t gone = w.now_ms;
    assert_int_equal(nh_mqtt_broker_next_deadline(w.broker), gone + 5000);
    world_tick(&w, gone + 4999);
    assert_heard(&c[1], "");
    world_tick(&w, gone + 5000);
    assert_heard(&c[1], "publish will bye q1 #1 {expiry=9 type=x user=k:v}");
    client_ack(&c[1], 0x40, 1);
    // Back in time.
    connect_will(&c[0], 5, 100, NO_PROPS, true);
    lose(&c[0]);
    connect_will(&c[0], 5, 100, NO_PROPS, true);
    world_tick(&w, w.now_ms + 60000);
    assert_heard(&c[1], "");
    // A clean start ends the session before, and its will is due.
    lose(&c[0]);
    connect_will(&c[0], 5, 100, NO_PROPS, false);
    assert_heard(&c[1], "publish will bye q1 #2");
    client_ack(&c[1], 0x40, 2);
    // The session ends before the delay does.
    lose(&c[0]);
    connect_will(&c[0], 200, 2, NO_PROPS, true);
    lose(&c[0]);
    world_tick(&w, w.now_ms + 2000);
    assert_heard(&c[1], "publish will bye q1 #3");
    client_ack(&c[1], 0x40, 3);
    // No session, no delay.
    connect_will(&c[0], 200, 0, NO_PROPS, false);
    lose(&c[0]);
    assert_heard(&c[1], "publish will bye q1 #4");
    client_ack(&c[1], 0x40, 4);
    // [MQTT5-3.14.4-3] DISCONNECT takes it back; 0x04 asks for it.
    connect_will(&c[0], 0, 100, NO_PROPS, false);
    client_disconnect(&c[0]);
    assert_heard(&c[1], "");
    connect_will(&c[0], 0, 100, NO_PROPS, false);
    client_disconnect5(&c[0], 4, NO_PROPS);
    assert_heard(&c[1], "publish will bye q1 #5");
    client_ack(&c[1], 0x40, 5);
    // Taken over: the session goes on, so the delay holds [MQTT5-3.1.4-3].
    connect_will(&c[0], 5, 100, NO_PROPS, false);
    connect_will(&c[2], 0, 100, NO_PROPS, true);
    world_tick(&w, w.now_ms + 6000);
    assert_heard(&c[1], "");
    connect_will(&c[0], 0, 100, NO_PROPS, true); // that of c[2] has none
    assert_heard(&c[1], "publish will bye q1 #6");
    assert_int_equal(info_now().will_count, 0);
}

static void test_wills(void **state)
{
    (void)state;
    each_way(NULL, wills);
}

// Several that wait, in another order than they came; the broker goes down with one.
static void wills_in_order(struct client *c)
{
    static const unsigned delays[] = {30, 10, 20, 10};
    static const char *const ids[] = {"a", "b", "c", "d"};
    listener(&c[4]);
    for (unsigned i = 0; i < 4; i++) {
        char props[] = {0x18, 0, 0, 0, (char)delays[i]};
        client_connect_with(&c[i], &(struct connect){.id = ids[i],
                                                     .version = 5,
                                                     .will_topic = "will",
                                                     .will_payload = ids[i],
                                                     .props = PROPS("\x11\0\0\0\x7f"),
                                                     .will_props = {props, sizeof props}});
        client_close(&c[i]);
    }
    world_tick(&w, w.now_ms + 10000);
    assert_heard(&c[4], "publish will b q0; publish will d q0");
    world_tick(&w, w.now_ms + 10000);
    assert_heard(&c[4], "publish will c q0");
    assert_int_equal(info_now().will_count, 1);
}

static void test_wills_in_order(void **state)
{
    (void)state;
    each_way(NULL, wills_in_order);
}

// ---- no memory ----------------------------------------------------------------------------------

#define STEP(c, call) failed += (c)->conn && (call) != NH_OK

// Every packet type and every feature of 5.0 once, with a reader that stalls; returns how many
// steps failed.
static unsigned script(struct client *c)
{
    static char large[301];
    unsigned failed = 0;
    memset(large, 'x', 300);
    failed += client_connect5(&c[1], "sub", PROPS("\x11\0\0\0\x0a\x21\0\2\x22\0\4\x17\0")) != NH_OK;
    STEP(&c[1], client_subscribe5(&c[1], "t/#", 2 | AS_PUBLISHED, PROPS("\x0b\1")));
    STEP(&c[1], client_subscribe5(&c[1], "t/+", 1 | NO_LOCAL, PROPS("\x0b\2")));
    STEP(&c[1], client_subscribe5(&c[1], "$share/g/t/+", 1, NO_PROPS));
    failed += client_connect_with(
                  &c[0], &(struct connect){.id = "pub",
                                           .version = 5,
                                           .will_topic = "t/will",
                                           .will_payload = "bye",
                                           .will_qos = 1,
                                           .props = PROPS("\x11\0\0\0\1"),
                                           .will_props = PROPS("\x18\0\0\0\1"
                                                               "\x26\0\1k\0\1v"
                                                               "\x02\0\0\0\x09")}) != NH_OK;
    STEP(&c[0], client_subscribe(&c[0], "$share/g/t/+", 2));
    failed += client_connect(&c[2], "old", true) != NH_OK;
    STEP(&c[2], client_subscribe(&c[2], "#", 1));
    c[1].read_max = 7;
    STEP(&c[0], client_publish5(&c[0], "t/alias/1", "m", 0, PROPS("\x23\0\1")));
    STEP(&c[0], client_publish5(&c[0], "", "m", 0, PROPS("\x23\0\1")));
    STEP(&c[0], client_publish5(&c[0], "", large, 1, PROPS("\x23\0\1\x02\0\0\0\x09")));
    STEP(&c[0], client_publish5(&c[0], "t/a", large, 2, PROPS("\x26\0\1k\0\1v")));
    STEP(&c[0], client_ack(&c[0], 0x62, c[0].next_id));
    STEP(&c[0], client_publish_with(&c[0], &(struct publish){.topic = "t/r",
                                                             .payload = "m",
                                                             .retain = true,
                                                             .props = PROPS("\x02\0\0\0\x09")}));
    STEP(&c[0], client_publish5(&c[0], "t/b", "m", 1, PROPS("\x02\0\0\0\x01")));
    STEP(&c[0], client_publish5(&c[0], "t/b", "\xff", 1, PROPS("\x01\1")));
    STEP(&c[0], client_subscribe5(&c[0], "t/#", 0, PROPS("\x0b\3")));
    STEP(&c[0], client_publish(&c[0], "t/b", "m", 0));
    c[1].read_max = SIZE_MAX;
    STEP(&c[1], client_ping(&c[1]));
    for (unsigned id = 1; id < 5; id++) {
        STEP(&c[1], client_ack(&c[1], 0x40, id));
        STEP(&c[1], client_ack(&c[1], 0x50, id));
        STEP(&c[1], client_ack(&c[1], 0x70, id));
    }
    STEP(&c[1], client_disconnect5(&c[1], 4, PROPS("\x11\0\0\0\x09")));
    lose(&c[1]);
    failed += client_resume5(&c[1], "sub", PROPS("\x11\0\0\0\x0a")) != NH_OK;
    STEP(&c[1], client_unsubscribe(&c[1], "t/#"));
    STEP(&c[1], client_unsubscribe(&c[1], "$share/g/t/+"));
    lose(&c[0]);
    lose(&c[2]);
    world_tick(&w, w.now_ms + 1000);
    lose(&c[1]);
    world_tick(&w, w.now_ms + 20000);
    return failed;
}

// Fails allocation 1, 2, 3 ... of the script in turn: a clean error, no leak, and a client that
// speaks before and after is served.
static void no_memory(size_t chunk)
{
    for (uint64_t nth = 1;; nth++) {
        world_init(&w, NULL);
        w.chunk = chunk;
        struct client *c = w.clients;
        client_connect5(&c[3], "other", NO_PROPS);
        client_subscribe(&c[3], "other", 1);
        client_heard(&c[3]);
        struct nh_mem_fault fault = {.fail_nth = nth, .only_owner = w.mem};
        nh_mem_fault_set(w.sys, &fault);
        unsigned failed = script(c);
        uint64_t hits = nh_mem_fault_hits(w.sys);
        nh_mem_fault_set(w.sys, NULL);
        assert_non_null(c[3].conn);
        client_publish(&c[3], "other", "fine", 1);
        const char *heard = client_heard(&c[3]);
        assert_true(strcmp(heard, "publish other fine q1 #1; puback #1") == 0 ||
                    strcmp(heard, "puback #1; publish other fine q1 #1") == 0);
        world_deinit(&w);
        if (hits == 0) {
            assert_int_equal(failed, 0);
            break;
        }
        assert_true(nth < 400);
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    no_memory(0);
    no_memory(5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expiry),     cmocka_unit_test(test_expiry_changed),
        cmocka_unit_test(test_expiry_max), cmocka_unit_test(test_changed_version),
        cmocka_unit_test(test_wills),      cmocka_unit_test(test_wills_in_order),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
