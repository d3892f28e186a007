// What is acknowledged is on disk first, and what is on disk comes back: conversations with a store
// that is slow, fails, and forgets at every point.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/mqtt_client.h"
#include "support/mqtt_store.h"
#include "support/rng.h"

static struct world w;
static struct disk disk;

static struct nh_mqtt_broker_config config_of(const struct nh_mqtt_broker_config *cfg)
{
    struct nh_mqtt_broker_config full = cfg ? *cfg : (struct nh_mqtt_broker_config){0};
    full.persist = disk_persist(&disk);
    return full;
}

static void start(const struct nh_mqtt_broker_config *cfg)
{
    struct nh_mqtt_broker_config full = config_of(cfg);
    world_init(&w, &full);
    assert_int_equal(nh_mqtt_broker_load(w.broker, w.now_ms), NH_OK);
    world_turn_end(&w);
}

// One commit ends; what it lets go is heard.
static bool commit(int rc)
{
    bool was_under_way = disk_finish(&disk, w.broker, rc, w.now_ms);
    world_turn_end(&w);
    return was_under_way;
}

static void settle(void)
{
    while (commit(NH_OK))
        continue;
}

// The power goes: what was begun is forgotten, clients lose their connections.
static void crash(const struct nh_mqtt_broker_config *cfg)
{
    disk.pending = NULL;
    world_deinit(&w);
    start(cfg);
}

static void stop(void)
{
    disk.pending = NULL;
    world_deinit(&w);
}

static void fresh(const struct nh_mqtt_broker_config *cfg)
{
    memset(&disk, 0, sizeof disk);
    start(cfg);
    settle();
}

static struct nh_mqtt_info info_of(void)
{
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(w.broker, &info);
    return info;
}

static void connect_kept(struct client *c, const char *id, const char *expected)
{
    client_connect(c, id, true);
    settle();
    assert_heard(c, expected);
}

static void lose(struct client *c)
{
    client_close(c);
    world_turn_end(&w);
    settle();
}

// ---- what waits ---------------------------------------------------------------------------------

static void test_nothing_before_the_disk(void **state)
{
    (void)state;
    struct client *c = w.clients;
    fresh(NULL);
    client_connect(&c[1], "sub", true);
    assert_heard(&c[1], "");
    assert_true(commit(NH_OK));
    assert_heard(&c[1], "connack 0 0");
    client_subscribe(&c[1], "#", 2);
    assert_heard(&c[1], "");
    settle();
    assert_heard(&c[1], "suback #7 2");
    client_connect(&c[0], "pub", false); // a clean session promises nothing
    assert_heard(&c[0], "connack 0 0");
    client_publish(&c[0], "t", "0", 0);
    assert_heard(&c[1], "publish t 0 q0");
    client_publish_id(&c[0], "t", "1", 1, 5);
    assert_heard(&c[0], "");
    assert_heard(&c[1], "publish t 1 q1 #1"); // it may come twice
    client_ack(&c[1], 0x40, 1);
    settle();
    assert_heard(&c[0], "puback #5");
    client_publish_id(&c[0], "t", "2", 2, 6);
    assert_heard(&c[0], "");
    assert_heard(&c[1], ""); // it may not
    client_publish(&c[0], "t", "behind", 0);
    assert_heard(&c[1], ""); // in order
    settle();
    assert_heard(&c[0], "pubrec #6");
    assert_heard(&c[1], "publish t 2 q2 #2; publish t behind q0");
    client_ack(&c[1], 0x50, 2);
    assert_heard(&c[1], "");
    settle();
    assert_heard(&c[1], "pubrel #2");
    client_ack(&c[0], 0x62, 6); // a clean session's packet id is nobody's after a crash
    assert_heard(&c[0], "pubcomp #6");
    client_ack(&c[1], 0x70, 2);
    settle();
    assert_int_equal(disk_count(&disk, 'P') + disk_count(&disk, 'Q'), 0);
    client_unsubscribe(&c[1], "#");
    assert_heard(&c[1], "");
    settle();
    assert_heard(&c[1], "unsuback #8");
    assert_int_equal(disk_count(&disk, 'U'), 0);
    stop();
}

// [MQTT5-3.2.0-1]: whose CONNACK still waits is closed without a word. Else it is told why.
static void test_nothing_before_connack(void **state)
{
    (void)state;
    struct client *c = w.clients;
    fresh(NULL);
    client_connect5(&c[0], "s", PROPS("\x11\0\0\0\x3c"));
    client_connect5(&c[1], "s", PROPS("\x11\0\0\0\x3c"));
    world_turn_end(&w);
    assert_null(c[0].conn);
    assert_heard(&c[0], "");
    settle();
    assert_string_equal(client_heard(&c[1]),
                        "connack 0 0x00 {receive=1024 packet=65536 aliases=16}");
    client_subscribe(&c[1], "#", 1); // its SUBACK waits
    client_resume5(&c[2], "s", PROPS("\x11\0\0\0\x3c"));
    world_turn_end(&w);
    assert_null(c[1].conn);
    assert_string_equal(client_heard(&c[1]), "disconnect 0x8e {reason=session taken over}");
    stop();
}

static void test_clean_sessions_pay_nothing(void **state)
{
    (void)state;
    struct client *c = w.clients;
    fresh(NULL);
    unsigned commits = disk.commits;
    client_connect(&c[0], "a", false);
    client_subscribe(&c[0], "#", 2);
    client_publish(&c[0], "t", "1", 1);
    client_publish(&c[0], "t", "2", 2);
    assert_heard(&c[0], "connack 0 0; suback #7 2; publish t 1 q1 #1; puback #1; "
                        "publish t 2 q2 #2; pubrec #2");
    assert_false(commit(NH_OK));
    assert_int_equal(disk.commits, commits);
    stop();
}

// What is acknowledged while the disk turns leaves no trace on it.
static void test_quick_ones_cost_nothing(void **state)
{
    (void)state;
    struct client *c = w.clients;
    fresh(NULL);
    connect_kept(&c[1], "sub", "connack 0 0");
    client_subscribe(&c[1], "#", 1);
    settle();
    client_heard(&c[1]);
    client_connect(&c[0], "pub", false);
    client_publish_id(&c[0], "t", "1", 1, 1); // this one is under way
    uint64_t records = info_of().store_records;
    for (unsigned i = 2; i <= 9; i++) {
        client_publish_id(&c[0], "t", "x", 1, i);
        client_ack(&c[1], 0x40, i);
    }
    settle();
    assert_heard(&c[0], "connack 0 0; puback #1; puback #2; puback #3; puback #4; puback #5; "
                        "puback #6; puback #7; puback #8; puback #9");
    assert_int_equal(info_of().store_records, records + 2);
    stop();
}

// ---- what comes back ----------------------------------------------------------------------------

static void test_sessions_come_back(void **state)
{
    (void)state;
    struct client *c = w.clients;
    fresh(NULL);
    connect_kept(&c[1], "sub", "connack 0 0");
    client_subscribe(&c[1], "a/+", 1);
    client_subscribe(&c[1], "b", 0);
    client_subscribe(&c[1], "b", 2);
    client_subscribe(&c[1], "c", 1);
    client_unsubscribe(&c[1], "c");
    settle();
    crash(NULL);
    assert_int_equal(info_of().session_count, 1);
    assert_int_equal(info_of().subscription_count, 2);
    connect_kept(&c[1], "sub", "connack 1 0");
    client_connect(&c[0], "pub", false);
    client_publish(&c[0], "a/x", "1", 2);
    client_publish(&c[0], "b", "2", 2);
    client_publish(&c[0], "c", "3", 2);
    settle();
    assert_heard(&c[1], "publish a/x 1 q1 #1; publish b 2 q2 #2");
    lose(&c[1]);
    client_connect(&c[1], "sub", false); // begins anew: the old one must not come back
    assert_heard(&c[1], "");
    settle();
    assert_heard(&c[1], "connack 0 0");
    lose(&c[1]);
    crash(NULL);
    connect_kept(&c[1], "sub", "connack 0 0");
    stop();
}

static bool look(void *ctx, const struct nh_mqtt_client_info *c)
{
    *(struct nh_mqtt_client_info *)ctx = *c;
    return true;
}

static bool look_at_options(void *ctx, const struct nh_mqtt_subscription_info *s)
{
    *(struct nh_mqtt_subscription_info *)ctx = *s;
    return true;
}

static int64_t day_ms; // of the wall clock, without the broker's

static int64_t unix_ms(void *ctx)
{
    (void)ctx;
    return day_ms + (int64_t)w.now_ms;
}

static uint32_t away_s(const char *id)
{
    struct nh_mqtt_client_info info = {0};
    struct nh_mqtt_client_walk k = {.text = {(const uint8_t *)id, strlen(id)}, .is_whole = true};
    nh_mqtt_broker_clients_walk(w.broker, &k, look, &info);
    return info.away_s;
}

// Since when a session is away is known after a start too, unless it never ends.
static void test_since_when_and_how_come_back(void **state)
{
    (void)state;
    const struct nh_mqtt_broker_config cfg = {.unix_ms = unix_ms};
    struct nh_mqtt_subscription_info sub = {0};
    const nh_span_t id = {(const uint8_t *)"five", 4};
    struct client *c = w.clients;
    day_ms = 1700000000000;
    fresh(&cfg);
    client_resume5(&c[0], "five", PROPS("\x11\0\0\x10\0"));
    client_subscribe5(&c[0], "a", 1 | NO_LOCAL | SEND_NEW, NO_PROPS);
    client_connect(&c[1], "ever", true);
    settle();
    lose(&c[0]);
    lose(&c[1]);
    world_tick(&w, w.now_ms + 30000);
    assert_int_equal(away_s("five"), 30);
    assert_int_equal(away_s("ever"), 30);
    day_ms += 60000 + 30000; // it is down for a minute; the broker's clock begins anew
    crash(&cfg);
    assert_int_equal(away_s("five"), 90);
    assert_int_equal(away_s("ever"), UINT32_MAX);
    assert_int_equal(nh_mqtt_broker_subscriptions(w.broker, id, 0, look_at_options, &sub), NH_OK);
    assert_int_equal(sub.retain_handling, 1);
    assert_true(sub.no_local);
    stop();
}

static void test_forgotten_ones_stay_so(void **state)
{
    (void)state;
    struct client *c = w.clients;
    const nh_span_t here = {(const uint8_t *)"here", 4}, away = {(const uint8_t *)"away", 4};
    fresh(NULL);
    connect_kept(&c[0], "here", "connack 0 0");
    connect_kept(&c[1], "away", "connack 0 0");
    client_subscribe(&c[1], "#", 1);
    settle();
    lose(&c[1]);
    client_publish(&c[0], "t", "x", 1);
    settle();
    nh_mem_fault_set(w.sys, &(struct nh_mem_fault){.fail_nth = 1});
    int rc = nh_mqtt_broker_forget(w.broker, away, w.now_ms);
    nh_mem_fault_set(w.sys, NULL);
    assert_true(rc == NH_OK || rc == NH_ERR_NOMEM);
    if (rc == NH_ERR_NOMEM) { // then nothing was done
        assert_int_equal(info_of().session_count, 2);
        assert_int_equal(nh_mqtt_broker_forget(w.broker, away, w.now_ms), NH_OK);
    }
    assert_int_equal(nh_mqtt_broker_forget(w.broker, here, w.now_ms), NH_OK);
    world_turn_end(&w);
    settle();
    assert_int_equal(info_of().session_count, 0);
    crash(NULL);
    assert_int_equal(info_of().session_count, 0);
    assert_int_equal(info_of().subscription_count, 0);
    stop();
}

static void test_retained_come_back(void **state)
{
    (void)state;
    struct client *c = w.clients;
    fresh(NULL);
    client_connect(&c[0], "pub", false);
    for (unsigned i = 0; i < 3; i++) {
        char topic[] = "r/0";
        topic[2] = (char)('0' + i);
        client_publish_with(&c[0], &(struct publish){topic, "old", 0, .retain = true});
        client_publish_with(&c[0], &(struct publish){topic, "new", 1, i + 1, .retain = true});
        assert_string_equal(client_heard(&c[0]), i ? "" : "connack 0 0");
        settle();
        client_heard(&c[0]);
    }
    client_publish_with(&c[0], &(struct publish){"r/1", "", 1, 9, .retain = true});
    assert_heard(&c[0], "");
    settle();
    assert_heard(&c[0], "puback #9");
    assert_int_equal(disk_count(&disk, 'P'), 2);
    crash(NULL);
    assert_int_equal(info_of().retained_count, 2);
    client_connect(&c[1], "sub", false);
    client_subscribe(&c[1], "#", 2);
    assert_heard(
        &c[1],
        "connack 0 0; suback #7 2; publish r/0 new q1 #1 retain; publish r/2 new q1 #2 retain");
    stop();
}

// [MQTT-3.1.2-8]: a connection that ended with the process has left its will.
static void test_wills_come_back(void **state)
{
    (void)state;
    struct client *c = w.clients;
    fresh(NULL);
    connect_kept(&c[1], "sub", "connack 0 0");
    client_subscribe(&c[1], "will", 1);
    client_connect_with(
        &c[0], &(struct connect){"gone", "will", "of gone", .will_qos = 1, .is_kept = true});
    client_connect_with(
        &c[2], &(struct connect){"went", "will", "of went", .will_qos = 1, .is_kept = true});
    settle();
    client_disconnect(&c[2]);
    settle();
    assert_int_equal(disk_count(&disk, 'W'), 1);
    crash(NULL);
    world_tick(&w, w.now_ms);
    settle();
    assert_int_equal(disk_count(&disk, 'W'), 0);
    connect_kept(&c[1], "sub", "connack 1 0; publish will of gone q1 #1");
    client_ack(&c[1], 0x40, 1);
    settle();
    crash(NULL);
    world_tick(&w, w.now_ms);
    settle();
    connect_kept(&c[1], "sub", "connack 1 0"); // once
    assert_int_equal(disk_count(&disk, 'P'), 0);
    stop();
}

static void test_queue_comes_back(void **state)
{
    (void)state;
    struct client *c = w.clients;
    fresh(NULL);
    connect_kept(&c[1], "sub", "connack 0 0");
    client_subscribe(&c[1], "#", 2);
    settle();
    client_heard(&c[1]);
    client_connect(&c[0], "pub", false);
    client_publish(&c[0], "t", "1", 1);
    client_publish(&c[0], "t", "2", 2);
    client_publish(&c[0], "t", "3", 2);
    client_publish(&c[0], "t", "4", 1);
    settle();
    assert_heard(&c[1],
                 "publish t 1 q1 #1; publish t 2 q2 #2; publish t 3 q2 #3; publish t 4 q1 #4");
    client_ack(&c[1], 0x40, 1);
    client_ack(&c[1], 0x50, 3);
    settle();
    lose(&c[1]);
    client_publish(&c[0], "t", "5", 2);
    settle();
    crash(NULL);
    assert_int_equal(info_of().queued_messages, 4);
    // With the packet ids that they had [MQTT-4.4.0-1], in order [MQTT-4.6.0-1].
    connect_kept(&c[1], "sub",
                 "connack 1 0; publish t 2 q2 #2 dup; pubrel #3; publish t 4 q1 #4 dup; "
                 "publish t 5 q2 #5 dup");
    client_ack(&c[1], 0x50, 2);
    client_ack(&c[1], 0x70, 3);
    client_ack(&c[1], 0x40, 4);
    client_ack(&c[1], 0x50, 5);
    settle();
    assert_heard(&c[1], "pubrel #2; pubrel #5");
    client_ack(&c[1], 0x70, 2);
    client_ack(&c[1], 0x70, 5);
    settle();
    assert_int_equal(info_of().queued_messages, 0);
    assert_int_equal(disk_count(&disk, 'P') + disk_count(&disk, 'Q'), 0);
    stop();
}

// A packet id received at QoS 2 outlives the process: the message is not passed on twice.
static void test_received_ids_come_back(void **state)
{
    (void)state;
    struct client *c = w.clients;
    fresh(NULL);
    connect_kept(&c[1], "sub", "connack 0 0");
    client_subscribe(&c[1], "#", 2);
    connect_kept(&c[0], "pub", "connack 0 0");
    client_publish_id(&c[0], "t", "1", 2, 7);
    settle();
    assert_heard(&c[0], "pubrec #7");
    crash(NULL);
    connect_kept(&c[0], "pub", "connack 1 0");
    client_publish_with(&c[0], &(struct publish){"t", "1", 2, 7, .dup = true});
    assert_heard(&c[0], "pubrec #7");
    client_ack(&c[0], 0x62, 7);
    assert_heard(&c[0], "");
    settle();
    assert_heard(&c[0], "pubcomp #7");
    crash(NULL);
    connect_kept(&c[0], "pub", "connack 1 0");
    client_publish_id(&c[0], "t", "2", 2, 7); // another one
    settle();
    assert_heard(&c[0], "pubrec #7");
    connect_kept(&c[1], "sub", "connack 1 0; publish t 1 q2 #1 dup; publish t 2 q2 #2");
    stop();
}

// One payload for all who wait for it.
static void test_payload_is_stored_once(void **state)
{
    (void)state;
    struct client *c = w.clients;
    fresh(NULL);
    for (unsigned i = 1; i <= 4; i++) {
        char id[] = "s0";
        id[1] = (char)('0' + i);
        connect_kept(&c[i], id, "connack 0 0");
        client_subscribe(&c[i], "#", 1);
        settle();
        lose(&c[i]);
    }
    client_connect(&c[0], "pub", false);
    client_publish_with(&c[0], &(struct publish){"t", "x", 1, 1, .retain = true});
    settle();
    assert_int_equal(disk_count(&disk, 'Q'), 4);
    assert_int_equal(disk_count(&disk, 'P'), 1);
    crash(NULL);
    for (unsigned i = 1; i <= 4; i++) {
        char id[] = "s0";
        id[1] = (char)('0' + i);
        connect_kept(&c[i], id, "connack 1 0; publish t x q1 #1 dup");
        client_ack(&c[i], 0x40, 1);
        settle();
        assert_int_equal(disk_count(&disk, 'P'), 1);
    }
    client_connect(&c[0], "pub", false);
    client_publish_with(&c[0], &(struct publish){"t", "", 0, .retain = true});
    settle();
    assert_int_equal(disk_count(&disk, 'P'), 0);
    stop();
}

// ---- paging -------------------------------------------------------------------------------------

static void fill(struct client *c, unsigned from, unsigned to)
{
    w.no_check = disk.no_check = true; // at the end: there is much to look at
    for (unsigned i = from; i <= to; i++) {
        char payload[8];
        snprintf(payload, sizeof payload, "%u", i);
        client_publish_id(c, "t", payload, 1 + i % 2, i);
        if (i % 2)
            client_ack(c, 0x62, i);
        if (i % 7 == 0)
            commit(NH_OK);
        if (i % 16 == 0) {
            settle();
            c->rx_len = 0;
        }
    }
    settle();
    c->rx_len = 0;
    w.no_check = disk.no_check = false;
    world_check(&w);
    disk_check(&disk);
}

// Takes messages `from` to `to` in order, acknowledging each.
static void take_all(struct client *c, unsigned from, unsigned to)
{
    unsigned next = from;
    for (unsigned quiet = 0; quiet < 2 && next <= to + 1;) {
        char text[WORLD_TEXT_BYTES];
        snprintf(text, sizeof text, "%s", client_heard(c));
        quiet = text[0] ? 0 : quiet + 1;
        for (char *at = text, *end; *at; at = end) {
            end = strchr(at, ';');
            end = end ? end + 2 : at + strlen(at);
            unsigned n, qos, id;
            if (sscanf(at, "publish t %u q%u #%u", &n, &qos, &id) == 3) {
                assert_int_equal(n, next);
                assert_int_equal(id, (n - 1) % 65535 + 1);
                next++;
                client_ack(c, qos == 1 ? 0x40 : 0x50, id);
            } else if (sscanf(at, "pubrel #%u", &id) == 1) {
                client_ack(c, 0x70, id);
            }
        }
        commit(NH_OK);
    }
    assert_int_equal(next, to + 1);
}

static void test_long_queues_are_paged(void **state)
{
    (void)state;
    const struct nh_mqtt_broker_config cfg = {
        .queue_memory_max_bytes = 256, .inflight_max = 5, .queue_max_messages = 250};
    struct client *c = w.clients;
    fresh(&cfg);
    connect_kept(&c[1], "sub", "connack 0 0");
    client_subscribe(&c[1], "#", 2);
    settle();
    lose(&c[1]);
    client_connect(&c[0], "pub", false);
    fill(&c[0], 1, 200);
    struct nh_mqtt_info info = info_of();
    assert_int_equal(info.queued_messages, 200);
    assert_true(info.paged_messages > 180);
    uint64_t bytes = info.queued_bytes;
    crash(&cfg);
    info = info_of();
    assert_int_equal(info.queued_messages, 200);
    assert_int_equal(info.queued_bytes, bytes);
    client_connect(&c[0], "pub", false);
    fill(&c[0], 201, 250);
    client_publish_id(&c[0], "t", "251", 1, 251); // the limits hold
    settle();
    assert_int_equal(info_of().dropped_queue_full, 1);
    client_connect(&c[1], "sub", true);
    commit(NH_OK);
    w.no_check = disk.no_check = true;
    take_all(&c[1], 1, 250);
    w.no_check = disk.no_check = false;
    world_check(&w);
    assert_int_equal(info_of().queued_messages, 0);
    assert_int_equal(info_of().queued_bytes, 0);
    settle();
    assert_int_equal(disk_count(&disk, 'P') + disk_count(&disk, 'Q'), 0);
    stop();
}

// A long queue goes bit by bit, also over a restart, and leaves nothing.
static void test_long_queues_are_purged(void **state)
{
    (void)state;
    const struct nh_mqtt_broker_config cfg = {.queue_memory_max_bytes = 256};
    struct client *c = w.clients;
    for (unsigned crash_at = 0; crash_at < 4; crash_at++) {
        fresh(&cfg);
        connect_kept(&c[1], "sub", "connack 0 0");
        client_subscribe(&c[1], "#", 2);
        settle();
        lose(&c[1]);
        client_connect(&c[0], "pub", false);
        fill(&c[0], 1, 280);
        client_connect(&c[1], "sub", false);
        for (unsigned i = 0; i < crash_at; i++)
            commit(NH_OK);
        crash(&cfg);
        settle();
        connect_kept(&c[1], "sub", crash_at ? "connack 0 0" : client_heard(&c[1]));
        if (crash_at) {
            settle();
            assert_int_equal(disk_count(&disk, 'P') + disk_count(&disk, 'Q'), 0);
            assert_int_equal(disk_count(&disk, 'D'), 0);
        }
        stop();
    }
}

// ---- a store that fails -------------------------------------------------------------------------

static void test_failed_commits_are_tried_again(void **state)
{
    (void)state;
    struct client *c = w.clients;
    fresh(NULL);
    connect_kept(&c[1], "sub", "connack 0 0");
    client_subscribe(&c[1], "#", 1);
    settle();
    client_heard(&c[1]);
    client_connect(&c[0], "pub", false);
    client_publish_id(&c[0], "t", "1", 1, 1);
    world_events(&w);
    assert_true(commit(NH_ERR_NOSPC));
    assert_int_equal(info_of().store_error, NH_ERR_NOSPC);
    assert_string_equal(world_events(&w), "store failed no space left on the device");
    assert_heard(&c[0], "connack 0 0");
    client_publish_id(&c[0], "t", "2", 1, 2);
    assert_false(commit(NH_OK)); // not at once
    for (unsigned i = 0; i < 8; i++) {
        uint64_t next = nh_mqtt_broker_next_deadline(w.broker);
        assert_true(next > w.now_ms && next <= w.now_ms + 5000);
        world_tick(&w, next);
        assert_true(commit(NH_ERR_IO));
    }
    assert_string_equal(world_events(&w), ""); // told once
    assert_heard(&c[0], "");
    world_tick(&w, nh_mqtt_broker_next_deadline(w.broker));
    settle();
    assert_string_equal(world_events(&w), "store works written again");
    assert_int_equal(info_of().store_error, 0);
    assert_heard(&c[0], "puback #1; puback #2");
    crash(NULL);
    connect_kept(&c[1], "sub", "connack 1 0; publish t 1 q1 #1 dup; publish t 2 q1 #2 dup");
    stop();
}

// While the store does not catch up, who brings more is not read from.
static void test_publishers_are_held_back(void **state)
{
    (void)state;
    const struct nh_mqtt_broker_config cfg = {
        .batch_max_bytes = 1000, .pause = world_pause, .queue_memory_max_bytes = 1024};
    struct client *c = w.clients;
    fresh(&cfg);
    connect_kept(&c[1], "sub", "connack 0 0");
    client_subscribe(&c[1], "#", 1);
    settle();
    lose(&c[1]);
    client_connect(&c[0], "pub", false);
    for (unsigned i = 1; i <= 20 && !c[0].is_paused; i++)
        client_publish_id(&c[0], "t", "x", 1, i);
    assert_true(c[0].is_paused);
    assert_int_equal(info_of().store_holds, 1);
    assert_true(commit(NH_ERR_NOSPC));
    world_tick(&w, w.now_ms + 10000);
    assert_true(c[0].is_paused); // for as long as it takes
    assert_true(commit(NH_OK));
    assert_false(c[0].is_paused);
    settle();
    stop();
}

// Who is held back because the store is full may be the one whose acknowledgements would empty it
// (a bridge that catches up in both directions): it is listened to from time to time.
static void test_full_by_who_is_held_back(void **state)
{
    (void)state;
    const struct nh_mqtt_broker_config cfg = {.pause = world_pause};
    struct client *c = w.clients;
    fresh(&cfg);
    connect_kept(&c[1], "both", "connack 0 0");
    client_subscribe(&c[1], "in", 1);
    connect_kept(&c[2], "other", "connack 0 0");
    client_subscribe(&c[2], "out", 1);
    settle();
    lose(&c[2]);
    client_connect(&c[0], "pub", false);
    client_publish_id(&c[0], "in", "1", 1, 1);
    assert_true(commit(1));
    client_publish_id(&c[0], "out", "2", 1, 2);
    client_publish_id(&c[1], "out", "3", 1, 3);
    assert_true(c[0].is_paused && c[1].is_paused);
    while (commit(1))
        continue;
    assert_true(nh_mqtt_broker_next_deadline(w.broker) <= w.now_ms + 2000);
    world_tick(&w, w.now_ms + 2000);
    assert_true(c[0].is_paused);
    assert_false(c[1].is_paused);
    client_publish_id(&c[1], "out", "4", 1, 4); // what it sends first brings more
    assert_true(c[1].is_paused);
    assert_true(commit(1));
    world_tick(&w, w.now_ms + 2000);
    assert_false(c[1].is_paused);
    client_ack(&c[1], 0x40, 1);
    assert_true(commit(NH_OK));
    assert_false(c[0].is_paused);
    settle();
    assert_int_equal(disk_count(&disk, 'Q'), 3);
    // While it cannot be written at all, nobody is: what comes in would only fill memory.
    client_publish_id(&c[0], "in", "5", 1, 5);
    assert_true(commit(1));
    client_publish_id(&c[1], "out", "6", 1, 6);
    assert_true(c[1].is_paused);
    assert_true(commit(NH_ERR_NOSPC));
    w.now_ms += 2000;
    nh_mqtt_broker_tick(w.broker, w.now_ms);
    assert_true(c[1].is_paused);
    while (commit(1))
        continue;
    world_tick(&w, w.now_ms + 2000);
    assert_false(c[1].is_paused);
    stop();
}

static void test_interval(void **state)
{
    (void)state;
    const struct nh_mqtt_broker_config cfg = {.durability = NH_MQTT_INTERVAL,
                                              .durability_interval_ms = 500};
    struct client *c = w.clients;
    fresh(&cfg);
    client_connect(&c[1], "sub", true);
    client_subscribe(&c[1], "#", 2);
    assert_heard(&c[1], "connack 0 0; suback #7 2"); // waits for nothing
    assert_false(commit(NH_OK));
    assert_int_equal(nh_mqtt_broker_next_deadline(w.broker), w.now_ms + 500);
    world_tick(&w, w.now_ms + 500);
    assert_true(commit(NH_OK));
    assert_false(nh_mqtt_broker_is_unsaved(w.broker));
    client_subscribe(&c[1], "b", 2);
    nh_mqtt_broker_flush(w.broker, w.now_ms); // the end does not wait for the interval
    assert_true(commit(NH_OK));
    assert_false(nh_mqtt_broker_is_unsaved(w.broker));
    crash(&cfg);
    assert_int_equal(info_of().subscription_count, 2);
    stop();
}

// ---- memory -------------------------------------------------------------------------------------

// All that goes to the store, in one go; what is heard depends on what failed.
static void say_everything(struct client *c)
{
    client_connect(&c[1], "sub", true);
    client_subscribe(&c[1], "#", 2);
    commit(NH_OK);
    client_connect_with(&c[0],
                        &(struct connect){"pub", "w", "bye", .will_qos = 1, .is_kept = true});
    client_publish_id(&c[0], "t", "1", 1, 1);
    client_publish_id(&c[0], "t", "2", 2, 2);
    commit(NH_ERR_NOSPC);
    client_publish_with(&c[0], &(struct publish){"r", "kept", 1, 3, .retain = true});
    world_tick(&w, w.now_ms + 100);
    commit(NH_OK);
    client_ack(&c[1], 0x40, 1);
    client_ack(&c[1], 0x50, 2);
    client_ack(&c[0], 0x62, 2);
    commit(NH_OK);
    client_ack(&c[1], 0x70, 2);
    client_unsubscribe(&c[1], "x");
    lose(&c[1]);
    for (unsigned i = 4; i <= 9; i++)
        client_publish_id(&c[0], "t", "away", 1, i);
    lose(&c[0]);
    client_connect(&c[1], "sub", true);
    commit(NH_OK);
    client_ack(&c[1], 0x40, 4);
    lose(&c[1]);
    client_connect(&c[1], "sub", false);
    commit(NH_OK);
    lose(&c[1]);
}

// Each allocation fails in turn: what is on disk holds together, and the next start works.
static void test_no_memory(void **state)
{
    (void)state;
    const struct nh_mqtt_broker_config cfg = {.queue_memory_max_bytes = 64};
    for (uint32_t n = 1;; n++) {
        fresh(&cfg);
        w.no_check = disk.no_check = true; // once, below: there are many rounds
        const struct nh_mem_fault fault = {.fail_nth = n};
        nh_mem_fault_set(w.sys, &fault);
        say_everything(w.clients);
        bool failed = nh_mem_fault_hits(w.sys) > 0;
        nh_mem_fault_set(w.sys, NULL);
        for (unsigned i = 0; i < 3; i++) {
            settle();
            world_tick(&w, w.now_ms + 6000);
        }
        settle();
        assert_false(nh_mqtt_broker_is_unsaved(w.broker));
        disk_check(&disk);
        assert_int_equal(nh_mqtt_broker_check(w.broker), NH_OK);
        crash(&cfg);
        settle();
        connect_kept(&w.clients[0], "after", "connack 0 0");
        stop();
        if (!failed)
            return;
    }
}

// The start without memory is refused, and works when there is some.
// A session whose end could not be recorded is there again, whole, or a newer one of its client is.
static void test_no_memory_at_the_end(void **state)
{
    (void)state;
    const struct nh_mqtt_broker_config cfg = {.session_max_count = 1};
    for (uint64_t n = 1; n <= 24; n++) {
        struct nh_mem_fault fault = {.fail_nth = n};
        struct client *c = w.clients;
        fresh(&cfg);
        client_connect_with(&c[1], &(struct connect){"old", "will", "x", .is_kept = true});
        client_subscribe(&c[1], "a", 1);
        client_subscribe(&c[1], "$share/g/a", 2);
        client_connect(&c[0], "pub", true);
        for (unsigned i = 1; i <= 12; i++)
            client_publish_id(&c[0], "a", "x", 1 + i % 2, i);
        settle();
        nh_mem_fault_set(w.sys, &fault);
        client_close(&c[1]);
        client_close(&c[0]); // one too many is away: the old one ends
        nh_mem_fault_set(w.sys, NULL);
        settle();
        disk_check(&disk);
        client_connect(&c[1], "old", true);
        client_subscribe(&c[1], "b", 1);
        settle();
        crash(&cfg);
        settle();
        disk_check(&disk);
        client_connect(&c[1], "old", true);
        settle();
        assert_non_null(strstr(client_heard(&c[1]), "connack 1 0"));
        assert_int_equal(disk_count(&disk, 'U'), info_of().subscription_count);
        stop();
    }
}

static void test_no_memory_at_start(void **state)
{
    (void)state;
    struct client *c = w.clients;
    fresh(NULL);
    connect_kept(&c[1], "sub", "connack 0 0");
    client_subscribe(&c[1], "#", 2);
    client_connect(&c[0], "pub", false);
    client_publish_with(&c[0], &(struct publish){"r", "kept", 2, 3, .retain = true});
    client_connect_with(&c[2], &(struct connect){"w", "w", "bye", .will_qos = 1, .is_kept = true});
    settle();
    stop();
    for (uint32_t n = 1;; n++) {
        struct nh_mqtt_broker_config full = config_of(NULL);
        world_init(&w, &full);
        const struct nh_mem_fault fault = {.fail_nth = n};
        nh_mem_fault_set(w.sys, &fault);
        int rc = nh_mqtt_broker_load(w.broker, w.now_ms);
        nh_mem_fault_set(w.sys, NULL);
        assert_true(rc == NH_OK || rc == NH_ERR_NOMEM);
        stop();
        if (rc == NH_OK)
            return;
    }
}

// ---- damage -------------------------------------------------------------------------------------

static void test_damage(void **state)
{
    (void)state;
    struct client *c = w.clients;
    fresh(NULL);
    connect_kept(&c[1], "sub", "connack 0 0");
    client_subscribe(&c[1], "#", 1);
    settle();
    lose(&c[1]);
    client_connect(&c[0], "pub", false);
    for (unsigned i = 1; i <= 4; i++)
        client_publish_id(&c[0], "t", "x", 1, i);
    settle();
    for (size_t i = 0, n = 0; i < disk.count; i++)
        if (disk.records[i].key[0] == 'P' && ++n == 2)
            disk.records[i].is_damaged = true;
    crash(NULL);
    connect_kept(
        &c[1], "sub",
        "connack 1 0; publish t x q1 #1 dup; publish t x q1 #3 dup; publish t x q1 #4 dup");
    assert_int_equal(info_of().store_damaged, 1);
    for (unsigned i = 1; i <= 4; i++)
        client_ack(&c[1], 0x40, i);
    assert_int_equal(info_of().queued_messages, 0);
    settle();
    stop();
    static const char types[] = "MSUQ"; // what the start reads: it says so
    for (size_t t = 0; types[t]; t++) {
        struct nh_mqtt_broker_config full = config_of(NULL);
        for (size_t i = 0; i < disk.count; i++)
            disk.records[i].is_damaged = disk.records[i].key[0] == (uint8_t)types[t];
        if (disk_count(&disk, types[t]) == 0)
            continue;
        world_init(&w, &full);
        assert_int_equal(nh_mqtt_broker_load(w.broker, w.now_ms), NH_ERR_CORRUPT);
        world_deinit(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_before_the_disk),
        cmocka_unit_test(test_nothing_before_connack),
        cmocka_unit_test(test_clean_sessions_pay_nothing),
        cmocka_unit_test(test_quick_ones_cost_nothing),
        cmocka_unit_test(test_sessions_come_back),
        cmocka_unit_test(test_since_when_and_how_come_back),
        cmocka_unit_test(test_forgotten_ones_stay_so),
        cmocka_unit_test(test_retained_come_back),
        cmocka_unit_test(test_wills_come_back),
        cmocka_unit_test(test_queue_comes_back),
        cmocka_unit_test(test_received_ids_come_back),
        cmocka_unit_test(test_payload_is_stored_once),
        cmocka_unit_test(test_long_queues_are_paged),
        cmocka_unit_test(test_long_queues_are_purged),
        cmocka_unit_test(test_failed_commits_are_tried_again),
        cmocka_unit_test(test_publishers_are_held_back),
        cmocka_unit_test(test_full_by_who_is_held_back),
        cmocka_unit_test(test_interval),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_no_memory_at_the_end),
        cmocka_unit_test(test_no_memory_at_start),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
