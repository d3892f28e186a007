// A bridge between two live brokers: what it carries, loops, cuts at every byte, lost sessions,
// lost memory, time.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mqtt/packet.h"
#include "support/mqtt_bridge.h"

static struct bridge_world w;

static const struct nh_mqtt_bridge_rule everything[] = {{"#", "", "", NH_MQTT_BRIDGE_BOTH, 2}};
static const struct nh_mqtt_bridge_rule prefixes[] = {
    {"temp/#", "home/", "hub-1/", NH_MQTT_BRIDGE_OUT, 1},
    {"cmd/+", "", "hub-1/", NH_MQTT_BRIDGE_IN, 2},
    {"lamp", "", "hub-1/", NH_MQTT_BRIDGE_BOTH, 0},
};
#define RULES(r) .rules = (r), .rule_count = NH_ARRAY_LEN(r)

static void start(const struct nh_mqtt_bridge_config *cfg)
{
    world_init(&w);
    w.cfg = *cfg;
    bridge_start(&w);
}

static void heard(struct side *s, const char *expected)
{
    assert_string_equal(s->heard, expected);
    s->heard[0] = '\0';
}

static const char *state_at_home(void)
{
    static char value[8];
    struct nh_mqtt_bridge_info info;
    nh_mqtt_bridge_info(w.bridge, &info);
    snprintf(value, sizeof value, "%d", info.state == NH_MQTT_BRIDGE_ONLINE);
    return value;
}

// Nothing that goes out could come in again.
static const struct nh_mqtt_bridge_rule apart[] = {{"home/#", "", "", NH_MQTT_BRIDGE_OUT, 2},
                                                   {"there/#", "", "", NH_MQTT_BRIDGE_IN, 2}};
static const uint8_t versions[] = {5, 4};

// ---- carrying -----------------------------------------------------------------------------------

static void test_prefixes(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(versions); i++) {
        start(&(struct nh_mqtt_bridge_config){RULES(prefixes), .version = versions[i]});
        go_online(&w);
        assert_string_equal(w.events, "connected");
        assert_string_equal(state_at_home(), "1");
        say(&w, &w.home, "home/temp/1", "20", 2, false);
        say(&w, &w.home, "home/other", "x", 1, false);
        say(&w, &w.home, "lamp", "on", 2, false);
        carry(&w);
        heard(&w.there, "hub-1/temp/1=20 q1; hub-1/lamp=on q0");
        w.home.heard[0] = '\0';
        say(&w, &w.there, "hub-1/cmd/a", "go", 2, false);
        say(&w, &w.there, "hub-1/cmd/a/b", "no", 2, false);
        say(&w, &w.there, "hub-1/lamp", "off", 1, false);
        say(&w, &w.there, "hub-1/temp/1", "no", 1, false);
        carry(&w);
        heard(&w.home, "cmd/a=go q2; lamp=off q0");
        world_deinit(&w);
    }
}

// At each QoS, both ways; in pieces of one byte, too.
static void test_qos(void **state)
{
    static const size_t pieces[] = {0, 1, 7};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(versions) * NH_ARRAY_LEN(pieces); i++) {
        start(&(struct nh_mqtt_bridge_config){RULES(everything), .version = versions[i % 2]});
        w.piece = pieces[i / 2];
        go_online(&w);
        for (uint8_t qos = 0; qos < 3; qos++) {
            say(&w, &w.home, "a", "out", qos, false);
            say(&w, &w.there, "b", "in", qos, false);
            carry(&w);
        }
        heard(&w.home, "a=out q0; b=in q0; a=out q1; b=in q1; a=out q2; b=in q2");
        heard(&w.there, "b=in q0; a=out q0; b=in q1; a=out q1; b=in q2; a=out q2");
        struct nh_mqtt_info info;
        nh_mqtt_broker_info(w.home.broker, &info);
        assert_int_equal(info.inflight_count, 0);
        nh_mqtt_broker_info(w.there.broker, &info);
        assert_int_equal(info.inflight_count, 0);
        world_deinit(&w);
    }
}

// What is retained on one side when the bridge first comes is retained on the other then; later
// values go over as they are published, and RETAIN with them. With 3.1.1 a live message comes in
// without RETAIN [MQTT-3.3.1-9].
static void test_retained(void **state)
{
    static const struct nh_mqtt_bridge_rule rules[] = {{"a", "", "", NH_MQTT_BRIDGE_OUT, 1},
                                                       {"b", "", "", NH_MQTT_BRIDGE_IN, 1}};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(versions); i++) {
        start(&(struct nh_mqtt_bridge_config){RULES(rules), .version = versions[i]});
        say(&w, &w.home, "a", "1", 1, true);
        say(&w, &w.there, "b", "1", 1, true);
        w.home.heard[0] = w.there.heard[0] = '\0';
        go_online(&w);
        heard(&w.there, "a=1 r q1");
        heard(&w.home, "b=1 r q1");
        say(&w, &w.home, "a", "2", 1, true);
        say(&w, &w.there, "b", "2", 1, true);
        carry(&w);
        heard(&w.there, "b=2 r q1; a=2 r q1");
        heard(&w.home, versions[i] == 5 ? "a=2 r q1; b=2 r q1" : "a=2 r q1; b=2 q1");
        world_deinit(&w);
    }
}

// What is published while the bridge is away is kept at QoS 1 and 2, on either side.
static void test_kept_while_away(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(versions); i++) {
        start(&(struct nh_mqtt_bridge_config){RULES(everything), .version = versions[i]});
        go_online(&w);
        cut(&w, "connection lost");
        assert_string_equal(state_at_home(), "0");
        for (uint8_t qos = 0; qos < 3; qos++) {
            say(&w, &w.home, "a", "out", qos, false);
            say(&w, &w.there, "b", "in", qos, false);
        }
        heard(&w.home, "a=out q0; a=out q1; a=out q2");
        heard(&w.there, "b=in q0; b=in q1; b=in q2");
        wait_ms(&w, 2000);
        assert_string_equal(w.events, "connected; connection lost; connected");
        heard(&w.home, "b=in q1; b=in q2");
        heard(&w.there, "a=out q1; a=out q2");
        world_deinit(&w);
    }
}

// Rules that are not there any more leave nothing behind.
static void test_other_rules(void **state)
{
    struct nh_mqtt_info info;
    (void)state;
    start(&(struct nh_mqtt_bridge_config){RULES(everything)});
    go_online(&w);
    cut(&w, "connection lost");
    nh_mqtt_bridge_destroy(w.bridge);
    w.cfg = (struct nh_mqtt_bridge_config){RULES(prefixes)};
    bridge_start(&w);
    go_online(&w);
    nh_mqtt_broker_info(w.home.broker, &info);
    assert_int_equal(info.subscription_count, 2);
    say(&w, &w.home, "other", "x", 1, false);
    say(&w, &w.home, "home/temp/1", "20", 1, false);
    carry(&w);
    heard(&w.there, "hub-1/temp/1=20 q1");
    struct nh_mqtt_bridge_info bridge;
    nh_mqtt_bridge_info(w.bridge, &bridge);
    assert_int_equal(bridge.dropped_unmapped, 0);
    world_deinit(&w);
}

// ---- loops --------------------------------------------------------------------------------------

// Both brokers have one message each, once, whatever keeps it from coming back: no local with 5.0,
// the memory of what went out with 3.1.1.
static void test_no_loop(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(versions); i++) {
        start(&(struct nh_mqtt_bridge_config){RULES(everything), .version = versions[i]});
        go_online(&w);
        for (uint8_t qos = 0; qos < 3; qos++) {
            say(&w, &w.home, "t", "1", qos, false);
            say(&w, &w.there, "t", "2", qos, false);
            carry(&w);
        }
        heard(&w.home, "t=1 q0; t=2 q0; t=1 q1; t=2 q1; t=1 q2; t=2 q2");
        heard(&w.there, "t=2 q0; t=1 q0; t=2 q1; t=1 q1; t=2 q2; t=1 q2");
        // The same words from there, after ours came back, are somebody else's.
        say(&w, &w.there, "t", "1", 1, false);
        carry(&w);
        heard(&w.home, "t=1 q1");
        struct nh_mqtt_bridge_info info;
        nh_mqtt_bridge_info(w.bridge, &info);
        assert_int_equal(info.dropped_loops, versions[i] == 4 ? 3 : 0);
        world_deinit(&w);
    }
}

// ---- cuts ---------------------------------------------------------------------------------------

#define CUT_MESSAGES 8

// Says #0, #1 ... here and there, in turn, at QoS 1 and 2.
static void say_some(void)
{
    for (unsigned i = 0; i < CUT_MESSAGES; i++) {
        char text[16];
        snprintf(text, sizeof text, "#%u", i);
        uint8_t qos = (uint8_t)(1 + i / 2 % 2);
        say(&w, i % 2 ? &w.there : &w.home, i % 2 ? "there/t" : "home/t", text, qos, false);
    }
}

// Every message is there at QoS 1, and once at QoS 2.
static void check_ledger(const char *what, size_t at)
{
    for (unsigned i = 0; i < CUT_MESSAGES; i++) {
        bool is_once = i / 2 % 2;
        for (int k = 0; k < 2; k++) {
            unsigned count = k ? w.there.count[i] : w.home.count[i];
            if (count == 0 || (is_once && count != 1))
                fail_msg("%s after %u bytes: #%u came %u times %s", what, (unsigned)at, i, count,
                         k ? "there" : "home");
        }
    }
}

static bool cut_after(size_t budget, uint8_t version, bool forgets, size_t piece)
{
    if (forgets && version == 4) // what was to come back is forgotten, too
        start(&(struct nh_mqtt_bridge_config){RULES(apart), .version = version});
    else
        start(&(struct nh_mqtt_bridge_config){RULES(everything), .version = version});
    go_online(&w); // the sessions are there from now on
    cut(&w, "connection lost");
    say_some();
    uint32_t cuts = w.cuts;
    w.budget = budget;
    w.piece = piece;
    wait_ms(&w, 1500);
    bool was_cut = w.cuts > cuts;
    if (forgets && !w.conn) {
        nh_mqtt_bridge_destroy(w.bridge);
        bridge_start(&w);
    }
    w.budget = SIZE_MAX;
    wait_ms(&w, 10000);
    check_ledger(forgets ? "forgetting" : "cut", budget);
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(w.home.broker, &info);
    assert_int_equal(info.inflight_count + info.queued_messages, 0);
    nh_mqtt_broker_info(w.there.broker, &info);
    assert_int_equal(info.inflight_count + info.queued_messages, 0);
    world_deinit(&w);
    return was_cut;
}

// What is repeated goes under its old packet id, what is new under a free one [MQTT-2.3.1-2], -3:
// else a QoS 2 message would come twice or not at all. Both ends keep the standard [MQTT-7.0.0-1].
static void test_cut_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(versions); i++) {
        size_t n = 1;
        while (cut_after(n, versions[i], false, n % 3))
            n++;
        assert_true(n > 200);
    }
}

// The bridge loses all its memory as well, as when the hub is started anew.
static void test_cut_and_forget_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(versions); i++)
        for (size_t n = 1; cut_after(n, versions[i], true, 0); n++)
            continue;
}

// A broker that loses its sessions in the middle of it all: what is published afterwards comes,
// even under a packet id that the other one still has from before [MQTT5-3.2.2-5].
static void lose(struct side *s)
{
    if (w.conn)
        cut(&w, "connection lost");
    if (s == &w.home) {
        nh_mqtt_bridge_destroy(w.bridge);
        w.bridge = NULL;
    }
    side_stop(s);
    side_start(&w, s);
    if (s == &w.home)
        bridge_start(&w);
}

static void lost_session(struct side *loser, size_t budget, uint8_t version)
{
    start(&(struct nh_mqtt_bridge_config){RULES(everything), .version = version});
    go_online(&w);
    cut(&w, "connection lost");
    say_some();
    w.budget = budget;
    wait_ms(&w, 1500);
    lose(loser);
    w.budget = SIZE_MAX;
    wait_ms(&w, 5000);
    memset(w.home.count, 0, sizeof w.home.count);
    memset(w.there.count, 0, sizeof w.there.count);
    say_some();
    carry(&w);
    check_ledger(loser == &w.home ? "home lost" : "there lost", budget);
    world_deinit(&w);
}

static void test_lost_sessions(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(versions); i++)
        for (size_t n = 1; n < 300; n += 7) {
            lost_session(&w.home, n, versions[i]);
            lost_session(&w.there, n, versions[i]);
        }
}

// ---- attempts -----------------------------------------------------------------------------------

static void test_back_off(void **state)
{
    struct nh_mqtt_bridge_info info;
    uint64_t low = 500, last = 0;
    (void)state;
    start(&(struct nh_mqtt_bridge_config){RULES(everything)});
    w.is_unreachable = true;
    go_online(&w);
    for (int i = 0; i < 12; i++) {
        nh_mqtt_bridge_info(w.bridge, &info);
        uint64_t wait = info.next_ms - w.now_ms;
        assert_true(wait >= low && wait <= 2 * low);
        assert_true(wait != last); // it is drawn
        last = wait;
        low = low * 2 > 30000 ? 30000 : low * 2;
        uint32_t dials = w.dials;
        wait_ms(&w, wait - 1);
        assert_int_equal(w.dials, dials);
        wait_ms(&w, 1);
        assert_int_equal(w.dials, dials + 1);
    }
    assert_int_equal(info.state, NH_MQTT_BRIDGE_WAITING);
    assert_string_equal(info.reason, "nobody there");
    assert_int_equal(info.failures, 12);
    // A short connection does not reset it, a long one does.
    w.is_unreachable = false;
    wait_ms(&w, 60000);
    assert_string_equal(state_at_home(), "1");
    cut(&w, "connection lost");
    nh_mqtt_bridge_info(w.bridge, &info);
    assert_true(info.next_ms - w.now_ms >= 30000 || w.now_ms - info.since_ms > 0);
    wait_ms(&w, 60000 + 61000);
    cut(&w, "connection lost");
    nh_mqtt_bridge_info(w.bridge, &info);
    assert_true(info.next_ms - w.now_ms <= 1000);
    world_deinit(&w);
}

// [MQTT-3.1.2-23], [MQTT5-3.1.2-20]
static void test_pings(void **state)
{
    (void)state;
    start(&(struct nh_mqtt_bridge_config){RULES(everything), .keepalive_s = 20});
    go_online(&w);
    size_t passed = w.passed;
    wait_ms(&w, 61000);
    assert_int_equal(w.passed - passed, 3 * 4); // PINGREQ and PINGRESP
    assert_string_equal(w.events, "connected");
    w.is_paused = true; // nothing comes through any more
    wait_ms(&w, 28999); // PINGREQ after 80 s, its time is up 10 s later
    assert_string_equal(w.events, "connected");
    wait_ms(&w, 1);
    w.is_paused = false;
    assert_string_equal(w.events, "connected; no answer to a ping; no answer to a ping");
    world_deinit(&w);
}

static void test_stop(void **state)
{
    (void)state;
    start(&(struct nh_mqtt_bridge_config){RULES(everything), .status_topic = "bridges/up"});
    go_online(&w);
    heard(&w.there, "bridges/up=1 r q0");
    nh_mqtt_bridge_stop(w.bridge, w.now_ms);
    carry(&w);
    heard(&w.there, "bridges/up=0 r q0");
    wait_ms(&w, 200000);
    assert_string_equal(w.events, "connected; stopped; stopped");
    assert_int_equal(w.dials, 1);
    world_deinit(&w);
}

// The last word when nobody said good-bye.
static void test_will(void **state)
{
    (void)state;
    start(&(struct nh_mqtt_bridge_config){RULES(everything), .status_topic = "bridges/up"});
    go_online(&w);
    heard(&w.there, "bridges/up=1 r q0");
    cut(&w, "connection lost");
    heard(&w.there, "bridges/up=0 r q0");
    world_deinit(&w);
}

// ---- memory -------------------------------------------------------------------------------------

// Each allocation of the bridge fails in turn: it drops the connection at the most, comes back, and
// nothing is lost.
static void test_no_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(versions); i++) {
        bool was_hit = true;
        for (uint64_t nth = 1; was_hit; nth++) {
            start(&(struct nh_mqtt_bridge_config){RULES(everything), .version = versions[i]});
            const struct nh_mem_fault fault = {.fail_nth = nth, .only_owner = w.bridge_mem};
            go_online(&w);
            cut(&w, "connection lost");
            say_some();
            nh_mem_fault_set(w.sys, &fault);
            wait_ms(&w, 10000);
            was_hit = nh_mem_fault_hits(w.sys) > 0;
            nh_mem_fault_set(w.sys, NULL);
            wait_ms(&w, 10000);
            check_ledger("no memory", (size_t)nth);
            world_deinit(&w);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_qos),
        cmocka_unit_test(test_retained),
        cmocka_unit_test(test_kept_while_away),
        cmocka_unit_test(test_other_rules),
        cmocka_unit_test(test_no_loop),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_cut_and_forget_at_every_byte),
        cmocka_unit_test(test_lost_sessions),
        cmocka_unit_test(test_back_off),
        cmocka_unit_test(test_pings),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_will),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
