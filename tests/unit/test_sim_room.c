#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../tools/sim_room.h"

static char said[2048]; // all that was published, without "room/"; retained ones with a '*'
static char told[2048];

static void publish(void *ctx, enum nh_sim_prop prop, const char *topic, nh_span_t payload,
                    bool retain)
{
    size_t len = strlen(said);
    (void)ctx;
    assert_memory_equal(topic + 5, nh_sim_prop_names[prop], strlen(nh_sim_prop_names[prop]));
    snprintf(said + len, sizeof said - len, "%s%s%s=%.*s", len ? " | " : "", retain ? "*" : "",
             topic + 5, (int)payload.len, (const char *)payload.ptr);
}

static void power(void *ctx, enum nh_sim_prop prop, bool is_on)
{
    size_t len = strlen(said);
    (void)ctx;
    snprintf(said + len, sizeof said - len, "%s%s %s", len ? " | " : "", nh_sim_prop_names[prop],
             is_on ? "on" : "off");
}

static void tell(void *ctx, const char *line)
{
    (void)ctx;
    snprintf(told, sizeof told, "%s", line);
}

static int64_t now;
static struct nh_sim_room room;

static int setup(void **state)
{
    static const struct nh_sim_room_out out = {publish, power, tell, NULL};
    (void)state;
    now = 1000;
    said[0] = told[0] = '\0';
    nh_sim_room_init(&room, &out);
    return 0;
}

static void pass(int64_t ms)
{
    int64_t end = now + ms;
    for (int i = 0; nh_sim_room_next_deadline(&room) <= end; i++) {
        int64_t due = nh_sim_room_next_deadline(&room);
        now = due > now ? due : now;
        nh_sim_room_tick(&room, now);
        assert_true(i < 100000);
    }
    now = end;
}

static void expect(const char *what)
{
    assert_string_equal(said, what);
    said[0] = '\0';
}

static bool line(const char *text)
{
    return nh_sim_room_line(&room, text, now);
}

static void command(enum nh_sim_prop prop, const char *json)
{
    nh_sim_room_command(&room, prop, (nh_span_t){(const uint8_t *)json, strlen(json)}, now);
}

static void test_cards(void **state)
{
    (void)state;
    assert_true(line("touch reader1"));
    assert_true(line("  touch reader2   04BADBAD "));
    expect("reader1/card=04A1B2C3 | reader2/card=04BADBAD");
    assert_false(line("touch door"));
    assert_false(line("touch reader3"));
    assert_false(line("press desk"));
    assert_false(line("press door start"));
    assert_false(line("throw reader1"));
    assert_string_equal(told, "\"throw reader1\" is nothing to do here; help lists what is");
    assert_true(line(""));
    expect("");
}

static void test_beam(void **state)
{
    (void)state;
    assert_true(line("hold beam 1s"));
    pass(2000);
    expect("beam/held=1 | beam/held=1 | beam/held=1 | beam/held=1");
    assert_true(line("hold beam"));
    pass(500);
    assert_true(line("release beam"));
    pass(5000);
    expect("beam/held=1 | beam/held=1 | beam/held=1");
    assert_true(line("hold beam 300ms"));
    assert_true(line("hold beam 0.6")); // goes on, without a beat more
    pass(1000);
    expect("beam/held=1 | beam/held=1 | beam/held=1");
    assert_false(line("hold beam x"));
    assert_false(line("hold beam -1s"));
    assert_false(line("hold beam 1h"));
    assert_false(line("hold door"));
    assert_false(line("release door"));
}

static void test_door(void **state)
{
    (void)state;
    nh_sim_room_connected(&room, NH_SIM_DOOR);
    expect("*door/state=closed");
    command(NH_SIM_DOOR, "{\"id\":\"a1\",\"do\":\"open\"}");
    expect("door/result=a1 accepted | *door/state=moving");
    pass(1499);
    expect("");
    pass(1);
    expect("*door/state=open | door/result=a1 done");
    command(NH_SIM_DOOR, "{\"id\":\"a1\",\"do\":\"open\"}"); // the same id is done once
    expect("door/result=a1 done");
    command(NH_SIM_DOOR, "{\"id\":7,\"do\":\"close\"}");
    command(NH_SIM_DOOR, "{\"id\":7,\"do\":\"close\"}"); // while it is being done
    expect("door/result=7 accepted | *door/state=moving");
    command(NH_SIM_DOOR, "{\"do\":\"open\"}"); // another one before it was there; no id, no answer
    expect("door/result=7 failed | *door/state=moving");
    pass(5000);
    expect("*door/state=open");
    assert_true(line("push door"));
    expect("*door/state=closed");
}

static void test_door_that_jams(void **state)
{
    (void)state;
    assert_true(line("fail door"));
    command(NH_SIM_DOOR, "{\"id\":\"b\",\"do\":\"open\"}");
    pass(5000);
    expect(
        "door/result=b accepted | *door/state=moving | *door/state=closed | door/result=b failed");
    command(NH_SIM_DOOR, "{\"id\":\"b\",\"do\":\"open\"}");
    expect("door/result=b failed");
    command(NH_SIM_DOOR, "{\"id\":\"c\",\"do\":\"open\"}");
    pass(5000);
    expect("door/result=c accepted | *door/state=moving | *door/state=open | door/result=c done");
}

static void test_robot(void **state)
{
    (void)state;
    nh_sim_room_connected(&room, NH_SIM_ROBOT);
    expect("*robot/state=silent");
    command(NH_SIM_ROBOT, "{\"id\":\"1\",\"do\":\"say\",\"text\":\"Hello, \\\"you\\\" there\"}");
    command(NH_SIM_ROBOT, "{\"id\":\"2\",\"do\":\"say\",\"text\":\"Bye\"}");
    expect("robot/result=1 accepted | *robot/state=speaking | robot/said=Hello, \"you\" there | "
           "robot/result=2 accepted");
    pass(18 * 60); // of each character
    expect("robot/result=1 done | *robot/state=speaking | robot/said=Bye");
    pass(500); // a short one
    expect("*robot/state=silent | robot/result=2 done");
    for (int i = 0; i < 5; i++) { // the fifth has no place
        char json[64];
        snprintf(json, sizeof json, "{\"id\":\"q%d\",\"do\":\"say\",\"text\":\"x\"}", i);
        command(NH_SIM_ROBOT, json);
    }
    command(NH_SIM_ROBOT, "{\"id\":\"q3\",\"do\":\"say\",\"text\":\"x\"}"); // it waits already
    expect(
        "robot/result=q0 accepted | *robot/state=speaking | robot/said=x | robot/result=q1 "
        "accepted | robot/result=q2 accepted | robot/result=q3 accepted | robot/result=q4 failed");
}

static void test_commands_that_are_none(void **state)
{
    static const char *const rows[] = {"{\"id\":\"x\",\"do\":\"dance\"}", "{\"id\":\"x\"}",
                                       "{\"id\":\"x\",\"do\":\"say\"}"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        setup(state);
        command(NH_SIM_ROBOT, rows[i]);
        expect("robot/result=x failed");
    }
    command(NH_SIM_DOOR, "open");
    command(NH_SIM_DOOR, "");
    command(NH_SIM_READER1, "{\"do\":\"open\"}");
    expect("");
    char json[600]; // an id that is too long is none
    snprintf(json, sizeof json, "{\"id\":\"%0500d\",\"do\":\"open\"}", 1);
    command(NH_SIM_DOOR, json);
    expect("*door/state=moving");
}

static void test_power(void **state)
{
    (void)state;
    assert_true(line("off door"));
    assert_true(line("off door"));
    expect("door off");
    command(NH_SIM_DOOR, "{\"id\":\"a\",\"do\":\"open\"}");
    nh_sim_room_connected(&room, NH_SIM_DOOR);
    pass(5000);
    expect("");
    assert_true(line("on door"));
    expect("door on");
    assert_true(line("off beam"));
    assert_true(line("hold beam 1s"));
    pass(2000);
    expect("beam off");
}

static void control(const char *topic, const char *payload)
{
    nh_sim_room_control(&room, topic, (nh_span_t){(const uint8_t *)payload, strlen(payload)}, now);
}

static void test_control_by_messages(void **state)
{
    (void)state;
    control("reader1/touch", "AB");
    control("reader2/touch", "");
    control("line", "touch reader1 CD");
    expect("reader1/card=AB | reader2/card=04D4E5F6 | reader1/card=CD");
    control("beam/hold", "400ms");
    pass(1000);
    expect("beam/held=1 | beam/held=1");
    control("door/push", "");
    expect("*door/state=open");
    control("a/b/c", "x");
    control("", "");
    control("reader1/touch/more", "x");
    expect("");
}

static void test_keys(void **state)
{
    static const char keys[] = "1234dfrnsah?";
    (void)state;
    for (size_t i = 0; i < sizeof keys - 1; i++)
        assert_true(line(nh_sim_room_key(&room, keys[i])));
    expect("reader1/card=04A1B2C3 | reader2/card=04D4E5F6 | reader1/card=04BADBAD | "
           "reader2/card=04BADBAD | *door/state=open | desk/button=reset | desk/button=start");
    assert_string_equal(nh_sim_room_key(&room, 'b'), "hold beam");
    assert_true(line("hold beam"));
    assert_string_equal(nh_sim_room_key(&room, 'b'), "release beam");
    assert_null(nh_sim_room_key(&room, 'x'));
}

// A round that plays itself: right cards in the end, and a beam that is held for 5 s; once, or
// again and again.
static void test_auto(void **state)
{
    (void)state;
    assert_true(line("auto"));
    pass(26999);
    expect("desk/button=reset | desk/button=start | reader1/card=04A1B2C3 | reader2/card=04BADBAD "
           "| reader1/card=04A1B2C3 | "
           "reader2/card=04D4E5F6");
    pass(11001);
    assert_int_equal(strlen(said), 32 * strlen("beam/held=1") + 31 * 3); // 8 and 24 beats
    said[0] = '\0';
    pass(600000);
    expect("");
    nh_sim_room_auto(&room, true, now);
    pass(75000);
    assert_non_null(strstr(said, "beam/held=1 | desk/button=reset | desk/button=start | reader1/"
                                 "card=04A1B2C3"));
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cards), TEST(test_beam),
        TEST(test_door),  TEST(test_door_that_jams),
        TEST(test_robot), TEST(test_commands_that_are_none),
        TEST(test_power), TEST(test_control_by_messages),
        TEST(test_keys),  TEST(test_auto),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
