// What a restart meets: another time of day, members of a share that keep nothing, other users and
// rules. Conversations with a store that forgets nothing it was told to keep.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/mqtt_client.h"
#include "support/mqtt_store.h"

static struct world w;
static struct disk disk;
static int64_t day_ms; // the time of day at the world's start

static int64_t unix_ms(void *ctx)
{
    return day_ms + (int64_t)((struct world *)ctx)->now_ms;
}

static void start(void)
{
    const struct nh_mqtt_broker_config cfg = {.persist = disk_persist(&disk), .unix_ms = unix_ms};
    world_init(&w, &cfg);
    assert_int_equal(nh_mqtt_broker_load(w.broker, w.now_ms), NH_OK);
    world_turn_end(&w);
}

static void settle(void)
{
    do
        world_turn_end(&w);
    while (disk_finish(&disk, w.broker, NH_OK, w.now_ms));
    world_turn_end(&w);
}

static void fresh(void)
{
    memset(&disk, 0, sizeof disk);
    day_ms = 1700000000000;
    start();
    settle();
}

static void stop(void)
{
    disk.pending = NULL;
    world_deinit(&w);
}

// The process dies, and is there again when `later_ms` have passed on the clock of the day.
static void restart(int64_t later_ms)
{
    int64_t now = unix_ms(&w);
    stop();
    w.now_ms = 0;
    day_ms = now + later_ms - 1000; // the world begins at 1000
    start();
    settle();
}

static void pass(uint64_t ms)
{
    world_tick(&w, w.now_ms + ms);
    settle();
}

static void lose(struct client *c)
{
    client_close(c);
    settle();
}

// ---- shared subscriptions -----------------------------------------------------------------------

// A message of a share that one keeps in memory only, because the session ends with its
// connection, goes to a member that keeps it on disk: also when the record that it had there for
// somebody else is gone.
static void move_to_kept(bool is_written)
{
    struct client *c = w.clients;
    fresh();
    client_connect(&c[1], "kept", true);
    client_connect(&c[2], "else", true);
    client_connect(&c[3], "clean", false);
    client_subscribe(&c[2], "t", 1);
    client_subscribe(&c[3], "$share/g/t", 1);
    client_connect(&c[0], "pub", false);
    settle();
    client_heard(&c[2]);
    client_publish(&c[0], "t", "1", 1);
    settle();
    assert_heard(&c[3], "connack 0 0; suback #7 1; publish t 1 q1 #1");
    assert_heard(&c[2], "publish t 1 q1 #1");
    assert_int_equal(disk_count(&disk, 'P'), 1);
    client_subscribe(&c[1], "$share/g/t", 1);
    client_ack(&c[2], 0x40, 1);
    if (is_written)
        settle();
    client_close(&c[3]);
    settle();
    assert_heard(&c[1], "connack 0 0; suback #7 1; publish t 1 q1 #1");
    assert_int_equal(disk_count(&disk, 'P'), 1);
    restart(0);
    client_connect(&c[1], "kept", true);
    settle();
    assert_heard(&c[1], "connack 1 0; publish t 1 q1 #1 dup");
    client_ack(&c[1], 0x40, 1);
    settle();
    assert_int_equal(disk_count(&disk, 'P'), 0);
    stop();
}

static void test_share_moves_to_kept(void **state)
{
    (void)state;
    move_to_kept(true);
    move_to_kept(false);
}

// ---- time ---------------------------------------------------------------------------------------

#define EXPIRY_60 "\x11\0\0\0\x3c"
#define DELAY_10 "\x18\0\0\0\x0a"
#define MESSAGE_60 "\x02\0\0\0\x3c"

// A clock that was set back, or that was not yet set at the start, keeps nothing longer than it
// was promised to be kept.
static void test_will_delay(void **state)
{
    static const struct {
        const char *name;
        int64_t later_ms;
        uint64_t until_ms; // the will comes then
    } rows[] = {{"soon", 4000, 5000},
                {"when it was due", 20000, 0},
                {"the clock was set back", -86400000, 10000},
                {"the clock begins anew", -1699999000000, 10000}};
    (void)state;
    struct client *c = w.clients;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        fresh();
        client_connect(&c[1], "sub", true);
        client_subscribe(&c[1], "will", 1);
        client_connect_with(&c[0], &(struct connect){"gone", "will", "of gone", .version = 5,
                                                     .props = PROPS("\x11\xff\xff\xff\xff"),
                                                     .will_qos = 1, .will_props = PROPS(DELAY_10)});
        settle();
        lose(&c[0]);
        pass(1000);
        client_heard(&c[1]);
        restart(rows[i].later_ms);
        client_connect(&c[1], "sub", true);
        settle();
        assert_heard(&c[1], "connack 1 0");
        if (rows[i].until_ms)
            pass(rows[i].until_ms - 1);
        assert_heard(&c[1], "");
        pass(1);
        const char *heard = client_heard(&c[1]);
        if (strcmp(heard, "publish will of gone q1 #1") != 0)
            fail_msg("%s: %s", rows[i].name, heard);
        stop();
    }
}

static void test_session_expiry(void **state)
{
    static const struct {
        const char *name;
        int64_t later_ms;
        uint64_t until_ms; // there a second before, gone a second after
    } rows[] = {{"soon", 20000, 39000},
                {"the clock was set back", -86400000, 60000},
                {"the clock begins anew", -1699999000000, 60000}};
    (void)state;
    struct client *c = w.clients;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        fresh();
        client_connect5(&c[1], "s", PROPS(EXPIRY_60));
        settle();
        lose(&c[1]);
        pass(1000);
        restart(rows[i].later_ms);
        struct nh_mqtt_info info;
        pass(rows[i].until_ms - 1000);
        nh_mqtt_broker_info(w.broker, &info);
        if (info.session_count != 1)
            fail_msg("%s: gone too soon", rows[i].name);
        pass(3000);
        nh_mqtt_broker_info(w.broker, &info);
        if (info.session_count != 0)
            fail_msg("%s: stays too long", rows[i].name);
        stop();
    }
}

// Who was connected when the process died is away from the first start on, not from each.
static void test_session_expiry_over_two(void **state)
{
    (void)state;
    struct nh_mqtt_info info;
    fresh();
    client_connect5(&w.clients[1], "s", PROPS(EXPIRY_60));
    settle();
    restart(1000);
    pass(1000);
    restart(40000);
    pass(1000);
    nh_mqtt_broker_info(w.broker, &info);
    assert_int_equal(info.session_count, 1);
    restart(20000);
    pass(1000);
    nh_mqtt_broker_info(w.broker, &info);
    assert_int_equal(info.session_count, 0);
    stop();
}

static void test_message_expiry(void **state)
{
    (void)state;
    struct client *c = w.clients;
    fresh();
    client_connect5(&c[1], "sub", PROPS("\x11\xff\xff\xff\xff"));
    client_subscribe(&c[1], "#", 1);
    settle();
    lose(&c[1]);
    client_connect5(&c[0], "pub", NO_PROPS);
    client_publish_with(&c[0],
                        &(struct publish){"r", "kept", 1, 1, true, .props = PROPS(MESSAGE_60)});
    settle();
    restart(20000);
    client_resume5(&c[1], "sub", PROPS("\x11\xff\xff\xff\xff"));
    client_connect5(&c[2], "other", NO_PROPS);
    client_subscribe(&c[2], "#", 0);
    settle();
    assert_non_null(strstr(client_heard(&c[1]), "publish r kept q1"));
    assert_non_null(strstr(client_heard(&c[2]), "publish r kept"));
    lose(&c[1]);
    restart(60000);
    pass(1000);
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(w.broker, &info);
    assert_int_equal(info.retained_count, 0);
    client_resume5(&c[1], "sub", PROPS("\x11\xff\xff\xff\xff"));
    settle();
    assert_null(strstr(client_heard(&c[1]), "publish"));
    assert_int_equal(disk_count(&disk, 'P') + disk_count(&disk, 'Q'), 0);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_share_moves_to_kept), cmocka_unit_test(test_will_delay),
        cmocka_unit_test(test_session_expiry),      cmocka_unit_test(test_session_expiry_over_two),
        cmocka_unit_test(test_message_expiry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
