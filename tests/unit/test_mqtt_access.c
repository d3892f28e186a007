// Who may come in and do what, as the engine sees it: answers at once and later, rights of users,
// what is remembered, and what a change of users does. The hub's part is played by a few lines.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mqtt/topic.h"
#include "support/mqtt_client.h"

static struct world w;

// ---- the hub ------------------------------------------------------------------------------------

// A user's password is its name. What it may do is one filter.
struct user {
    const char *name, *filter;
    bool subscribes_all;
    struct nh_mqtt_grant grant;
};

static struct hub {
    struct user users[4];
    bool answers_later;
    nh_mqtt_conn_t *waiting[WORLD_CLIENTS];
    size_t waiting_count, cancel_count, asked_count;
} hub;

static struct user *user_named(nh_span_t name)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(hub.users); i++)
        if (hub.users[i].name && nh_mqtt__span_is(name, hub.users[i].name))
            return &hub.users[i];
    return NULL;
}

static void hub_grant(struct user *u, struct nh_mqtt_grant *out)
{
    *out = u->grant;
    out->identity = u;
}

static void hub_authenticate(void *ctx, nh_mqtt_conn_t *c, const struct nh_mqtt_auth_request *r,
                             struct nh_mqtt_auth_answer *out)
{
    (void)ctx;
    assert_non_null(r->peer);
    if (hub.answers_later) {
        hub.waiting[hub.waiting_count++] = c;
        out->verdict = NH_MQTT_AUTH_LATER;
        return;
    }
    struct user *u = user_named(r->user);
    if (!u || !nh_mqtt__span_equal(r->user, r->password))
        return;
    out->verdict = NH_MQTT_AUTH_ACCEPTED;
    out->user = r->user;
    hub_grant(u, &out->grant);
}

static void hub_cancel(void *ctx, nh_mqtt_conn_t *c)
{
    (void)ctx;
    for (size_t i = 0; i < hub.waiting_count; i++)
        if (hub.waiting[i] == c)
            hub.waiting[i] = hub.waiting[--hub.waiting_count];
    hub.cancel_count++;
}

static bool hub_find(void *ctx, nh_span_t name, struct nh_mqtt_grant *out)
{
    (void)ctx;
    struct user *u = user_named(name);
    if (u)
        hub_grant(u, out);
    return u != NULL;
}

static bool hub_authorize(void *ctx, const struct nh_mqtt_who *who, enum nh_mqtt_action action,
                          nh_span_t topic)
{
    (void)ctx;
    const struct user *u = who->identity;
    nh_span_t filter = {(const uint8_t *)u->filter, strlen(u->filter)};
    assert_true(nh_mqtt__span_is(who->user, u->name));
    assert_true(who->client_id.len > 0);
    hub.asked_count++;
    // One filter covers another here when it is the same one, or takes its text.
    bool is_same = u->subscribes_all || nh_mqtt__span_equal(filter, topic);
    return (action == NH_MQTT_MAY_SUBSCRIBE && is_same) || nh_mqtt_topic_match(filter, topic);
}

static const struct nh_mqtt_broker_config with_hub = {
    .authenticate = hub_authenticate,
    .auth_cancel = hub_cancel,
    .user_find = hub_find,
    .authorize = hub_authorize,
    .pause = world_pause,
};

static void begin_with(const struct nh_mqtt_broker_config *cfg)
{
    hub = (struct hub){.users = {
                           {.name = "ann", .filter = "a/#"},
                           {.name = "bob", .filter = "b/#"},
                           {.name = "root", .filter = "#", .grant.may_all = true},
                       }};
    world_init(&w, cfg);
}

static void begin(void)
{
    begin_with(&with_hub);
}

static void answer(size_t i, const char *name)
{
    struct nh_mqtt_auth_answer out = {0};
    nh_mqtt_conn_t *c = hub.waiting[i];
    hub.waiting[i] = hub.waiting[--hub.waiting_count];
    if (name) {
        nh_span_t span = {(const uint8_t *)name, strlen(name)};
        out.verdict = NH_MQTT_AUTH_ACCEPTED;
        out.user = span;
        hub_grant(user_named(span), &out.grant);
    }
    nh_mqtt_broker_auth_done(w.broker, c, &out, w.now_ms);
    world_turn_end(&w);
}

static void sign_in(struct client *c, const char *id, const char *user, bool is_kept)
{
    client_connect_with(
        c, &(struct connect){.id = id, .user = user, .password = user, .is_kept = is_kept});
}

static struct nh_mqtt_info info(void)
{
    struct nh_mqtt_info i;
    nh_mqtt_broker_info(w.broker, &i);
    return i;
}

static void changed(void)
{
    nh_mqtt_broker_access_changed(w.broker, w.now_ms);
    world_turn_end(&w);
}

// ---- answers that come later --------------------------------------------------------------------

static void test_answered_later(void **state)
{
    (void)state;
    begin();
    struct client *c = w.clients;
    hub.answers_later = true;
    sign_in(&c[0], "one", "ann", false);
    sign_in(&c[1], "two", "bob", false);
    assert_heard(&c[0], "");
    assert_true(c[0].is_paused && c[1].is_paused);
    assert_int_equal(info().auth_waiting_count, 2);
    answer(1, NULL);
    assert_heard(&c[1], "connack 0 4");
    assert_null(c[1].conn);
    answer(0, "ann");
    assert_heard(&c[0], "connack 0 0");
    assert_false(c[0].is_paused);
    assert_int_equal(info().auth_waiting_count, 0);
    assert_int_equal(info().refused_connects, 1);
    assert_int_equal(hub.cancel_count, 0);
    assert_string_equal(world_events(&w), "refused two; connected one");
    world_deinit(&w);
}

// A client need not wait for its CONNACK [MQTT-3.1.4-5]: what it sends at once is done after it.
static void sends_at_once(size_t chunk)
{
    begin();
    struct client *c = w.clients;
    sign_in(&c[1], "two", "root", false);
    client_subscribe(&c[1], "#", 0);
    client_heard(&c[1]);
    w.chunk = chunk;
    hub.answers_later = true;
    uint8_t bytes[200];
    client_open(&c[0]);
    const struct packet *p = packet_connect(&(struct connect){.id = "one", .user = "ann"});
    memcpy(bytes, p->bytes, p->len);
    static const uint8_t rest[] = "\x82\x08\0\7\0\3a/+\0\x30\5\0\3a/1\x30\5\0\3b/1\xc0\0\x30\5\0";
    memcpy(bytes + p->len, rest, sizeof rest - 1);
    client_send(&c[0], bytes, p->len + sizeof rest - 1);
    assert_heard(&c[0], "");
    answer(0, "ann");
    assert_heard(&c[0], "connack 0 0; suback #7 0; publish a/1  q0; pingresp");
    assert_heard(&c[1], "publish a/1  q0");
    assert_int_equal(info().publish_denied, 1);
    client_send(&c[0], "\3a/2", 4); // the end of the packet that was cut
    assert_heard(&c[1], "publish a/2  q0");
    world_deinit(&w);
}

static void test_sends_at_once(void **state)
{
    (void)state;
    static const size_t chunks[] = {0, 1, 3, 7};
    for (size_t i = 0; i < NH_ARRAY_LEN(chunks); i++)
        sends_at_once(chunks[i]);
}

// What came at once may be wrong; and a refused client's is not looked at.
static void test_sends_nonsense_at_once(void **state)
{
    (void)state;
    begin();
    struct client *c = w.clients;
    hub.answers_later = true;
    sign_in(&c[0], "one", "ann", false);
    sign_in(&c[1], "two", "ann", false);
    client_send(&c[0], "\xf0\0", 2);
    client_send(&c[1], "\xf0\0", 2);
    answer(1, NULL);
    assert_heard(&c[1], "connack 0 4");
    assert_int_equal(info().protocol_errors, 0);
    answer(0, "ann");
    assert_heard(&c[0], "connack 0 0");
    assert_null(c[0].conn);
    assert_int_equal(info().protocol_errors, 1);
    world_deinit(&w);
}

static void test_sends_too_much_at_once(void **state)
{
    (void)state;
    struct nh_mqtt_broker_config cfg = with_hub;
    cfg.packet_max_bytes = 300;
    begin_with(&cfg);
    struct client *c = w.clients;
    static uint8_t flood[301];
    hub.answers_later = true;
    sign_in(&c[0], "one", "ann", false);
    assert_int_equal(client_send(&c[0], flood, 150), NH_OK);
    assert_int_equal(client_send(&c[0], flood, 150), NH_OK);
    assert_int_equal(client_send(&c[0], flood, 1), NH_ERR_FULL);
    assert_null(c[0].conn);
    assert_int_equal(hub.cancel_count, 1);
    world_deinit(&w);
}

// The answer does not come, or the client does not wait for it.
static void test_not_answered(void **state)
{
    (void)state;
    begin();
    struct client *c = w.clients;
    hub.answers_later = true;
    sign_in(&c[0], "one", "ann", false);
    sign_in(&c[1], "two", "ann", false);
    client_close(&c[0]);
    assert_int_equal(hub.cancel_count, 1);
    assert_int_equal(hub.waiting_count, 1);
    world_tick(&w, w.now_ms + 9999);
    assert_non_null(c[1].conn);
    world_tick(&w, w.now_ms + 2000);
    assert_null(c[1].conn);
    assert_int_equal(hub.cancel_count, 2);
    assert_int_equal(info().refused_connects, 1);
    sign_in(&c[2], "three", "ann", false); // waits until the broker ends
    world_deinit(&w);
    assert_int_equal(hub.cancel_count, 3);
}

// ---- what a user may ----------------------------------------------------------------------------

static void test_rights(void **state)
{
    (void)state;
    begin();
    struct client *c = w.clients;
    sign_in(&c[0], "one", "ann", false);
    sign_in(&c[1], "two", "bob", false);
    sign_in(&c[2], "boss", "root", false);
    client_subscribe(&c[0], "a/#", 1);
    client_subscribe(&c[1], "a/#", 1); // bob may not
    client_subscribe(&c[1], "b/#", 1);
    client_subscribe(&c[2], "#", 1);
    assert_heard(&c[0], "connack 0 0; suback #7 1");
    assert_heard(&c[1], "connack 0 0; suback #7 128; suback #7 1");
    assert_heard(&c[2], "connack 0 0; suback #7 1");
    world_events(&w);
    for (unsigned qos = 0; qos < 3; qos++) { // acknowledged, and nobody hears of it
        client_publish_with(&c[0], &(struct publish){"b/x", "no", qos, 5, true, false});
        assert_heard(&c[0], qos == 0 ? "" : qos == 1 ? "puback #5" : "pubrec #5");
    }
    client_ack(&c[0], 0x62, 5);
    assert_heard(&c[0], "pubcomp #5");
    assert_heard(&c[1], "");
    assert_heard(&c[2], "");
    client_publish(&c[0], "a/x", "yes", 0);
    assert_heard(&c[0], "publish a/x yes q0");
    assert_heard(&c[2], "publish a/x yes q0");
    assert_int_equal(info().publish_denied, 3);
    assert_int_equal(info().publish_refused, 0);
    assert_int_equal(info().subscribe_denied, 1);
    assert_int_equal(info().retained_count, 0);
    assert_string_equal(world_events(&w), "denied one"); // once: bob was told before
    world_deinit(&w);
}

// A filter may take more than its user may read: only that is given, also of what is retained, and
// of $SYS.
static void test_reads_less_than_it_subscribed(void **state)
{
    (void)state;
    begin();
    struct client *c = w.clients;
    hub.users[0].subscribes_all = true;
    sign_in(&c[0], "one", "ann", true);
    sign_in(&c[1], "boss", "root", false);
    client_publish_with(&c[1], &(struct publish){"a/r", "1", 0, 0, true, false});
    client_publish_with(&c[1], &(struct publish){"b/r", "2", 0, 0, true, false});
    client_subscribe(&c[0], "#", 1);
    client_subscribe(&c[0], "b/+", 1);
    client_subscribe(&c[0], "$SYS/#", 1);
    assert_heard(&c[0], "connack 0 0; suback #7 1; publish a/r 1 q0 retain; suback #7 1; "
                        "suback #7 1");
    client_publish(&c[1], "b/x", "no", 0);
    client_publish(&c[1], "b/x", "no", 1);
    client_publish(&c[1], "a/x", "yes", 1);
    assert_heard(&c[0], "publish a/x yes q1 #1");
    client_close(&c[0]); // nor is it kept for it while it is away
    client_publish(&c[1], "b/x", "no", 1);
    sign_in(&c[0], "one", "ann", true);
    assert_heard(&c[0], "connack 1 0; publish a/x yes q1 #1 dup");
    world_deinit(&w);
}

// What a subscription gives follows the rights of its user as they are now.
static void test_rights_change(void **state)
{
    (void)state;
    begin();
    struct client *c = w.clients;
    sign_in(&c[0], "one", "ann", false);
    sign_in(&c[1], "boss", "root", false);
    client_subscribe(&c[0], "a/#", 0);
    client_heard(&c[0]);
    client_publish(&c[1], "a/x", "1", 0);
    hub.users[0].filter = "b/#";
    client_publish(&c[1], "a/x", "2", 0); // not told yet
    changed();
    client_publish(&c[1], "a/x", "3", 0);
    client_publish(&c[0], "b/x", "may", 1);
    hub.users[0].filter = "a/#";
    changed();
    client_publish(&c[1], "a/x", "4", 0);
    assert_heard(&c[0], "publish a/x 1 q0; publish a/x 2 q0; puback #1; publish a/x 4 q0");
    assert_int_equal(info().publish_denied, 0);
    world_deinit(&w);
}

// ---- what is remembered -------------------------------------------------------------------------

static void test_asked_once(void **state)
{
    (void)state;
    begin();
    struct client *c = w.clients;
    sign_in(&c[0], "one", "ann", false);
    client_subscribe(&c[0], "a/#", 0);
    hub.asked_count = 0;
    for (int i = 0; i < 5; i++)
        for (unsigned qos = 0; qos < 3; qos++)
            client_publish(&c[0], "a/x", "hi", qos);
    assert_int_equal(hub.asked_count, 2); // may it publish, may it read
    for (int i = 0; i < 5; i++)
        client_publish(&c[0], "b/x", "hi", 1);
    assert_int_equal(hub.asked_count, 3); // a no is remembered too
    changed();
    client_publish(&c[0], "a/x", "hi", 0);
    assert_int_equal(hub.asked_count, 5);
    world_deinit(&w);
}

// The next session may lie where the last one lay: what was remembered of that one does not count.
static void test_not_remembered_for_others(void **state)
{
    (void)state;
    begin();
    struct client *c = w.clients;
    sign_in(&c[2], "boss", "root", false);
    client_subscribe(&c[2], "#", 0);
    client_heard(&c[2]);
    for (int i = 0; i < 4; i++) {
        sign_in(&c[0], "one", i & 1 ? "bob" : "ann", false);
        client_publish(&c[0], "a/x", "hi", 0);
        assert_heard(&c[2], i & 1 ? "" : "publish a/x hi q0");
        client_close(&c[0]);
    }
    world_deinit(&w);
}

// ---- sessions and their owners ------------------------------------------------------------------

static void test_session_of_another(void **state)
{
    (void)state;
    begin();
    struct client *c = w.clients;
    sign_in(&c[0], "one", "ann", true);
    client_subscribe(&c[0], "a/#", 1);
    client_close(&c[0]);
    sign_in(&c[1], "boss", "root", false);
    client_publish(&c[1], "a/x", "for ann", 1);
    sign_in(&c[2], "one", "bob", true); // the same client id: begins anew
    assert_heard(&c[2], "connack 0 0");
    client_publish(&c[1], "a/x", "for ann", 1);
    assert_heard(&c[2], "");
    client_subscribe(&c[2], "b/#", 1);
    sign_in(&c[0], "one", "bob", true); // takes over what is its own
    assert_heard(&c[0], "connack 1 0");
    assert_null(c[2].conn);
    client_close(&c[0]);
    world_deinit(&w);
}

static bool see_user(void *ctx, const struct nh_mqtt_client_info *i)
{
    text_add(ctx, 100, "%s=%s ", i->client_id, i->user_name ? i->user_name : "nobody");
    return true;
}

static void test_names(void **state)
{
    (void)state;
    char text[100] = "";
    begin();
    hub.users[3] = (struct user){.name = "", .filter = "pub/#"};
    struct client *c = w.clients;
    sign_in(&c[0], "one", "ann", false);
    sign_in(&c[1], "two", "", false);
    nh_mqtt_broker_clients(w.broker, 0, see_user, text);
    assert_non_null(strstr(text, "one=ann "));
    assert_non_null(strstr(text, "two=nobody "));
    world_deinit(&w);
}

// ---- wills --------------------------------------------------------------------------------------

static void test_will(void **state)
{
    (void)state;
    begin();
    struct client *c = w.clients;
    struct connect k = {.id = "one", .user = "ann", .password = "ann", .will_topic = "b/will"};
    client_connect_with(&c[0], &k);
    assert_heard(&c[0], "connack 0 5");
    assert_null(c[0].conn);
    sign_in(&c[2], "boss", "root", false);
    client_subscribe(&c[2], "#", 0);
    client_heard(&c[2]);
    k.will_topic = "a/will";
    client_connect_with(&c[0], &k);
    client_close(&c[0]);
    world_turn_end(&w);
    assert_heard(&c[2], "publish a/will  q0");
    client_connect_with(&c[0], &k); // what it may changes before it goes
    hub.users[0].filter = "b/#";
    changed();
    client_close(&c[0]);
    world_turn_end(&w);
    assert_heard(&c[2], "");
    assert_int_equal(info().publish_denied, 1);
    world_deinit(&w);
}

// ---- limits of a user ---------------------------------------------------------------------------

static void test_conn_max(void **state)
{
    (void)state;
    begin();
    struct client *c = w.clients;
    hub.users[0].grant.limits.conn_max_count = 2;
    sign_in(&c[0], "one", "ann", false);
    sign_in(&c[1], "two", "ann", false);
    sign_in(&c[2], "three", "ann", false);
    assert_heard(&c[2], "connack 0 3");
    sign_in(&c[3], "two", "ann", false); // in place of the other: that is not one more
    assert_heard(&c[3], "connack 0 0");
    sign_in(&c[4], "four", "bob", false);
    assert_heard(&c[4], "connack 0 0");
    sign_in(&c[5], "four", "ann", false); // in place of somebody else's: it is
    assert_heard(&c[5], "connack 0 3");
    assert_non_null(c[4].conn);
    client_close(&c[0]);
    sign_in(&c[2], "three", "ann", false);
    assert_heard(&c[2], "connack 0 0");
    world_deinit(&w);
}

static void test_own_limits(void **state)
{
    (void)state;
    begin();
    struct client *c = w.clients;
    hub.users[0].grant.limits = (struct nh_mqtt_user_limits){
        .subscription_max_count = 2, .queue_max_bytes = 4000, .queue_max_messages = 3};
    sign_in(&c[0], "one", "ann", true);
    client_subscribe(&c[0], "a/1", 1);
    client_subscribe(&c[0], "a/2", 1);
    client_subscribe(&c[0], "a/3", 1);
    assert_heard(&c[0], "connack 0 0; suback #7 1; suback #7 1; suback #7 128");
    client_close(&c[0]);
    sign_in(&c[1], "boss", "root", false);
    for (int i = 0; i < 5; i++)
        client_publish(&c[1], "a/1", "m", 1);
    assert_int_equal(info().queued_messages, 3);
    assert_int_equal(info().dropped_queue_full, 2);
    world_deinit(&w);
}

// Both connections of a user come out of one bucket; those of others are as they were.
static void test_own_rate(void **state)
{
    (void)state;
    begin();
    struct client *c = w.clients;
    hub.users[0].grant.limits.publish_rate_max = 10;
    sign_in(&c[0], "one", "ann", false);
    sign_in(&c[1], "two", "ann", false);
    sign_in(&c[2], "other", "bob", false);
    for (int i = 0; i < 8; i++)
        client_publish(&c[0], "a/x", "m", 0);
    for (int i = 0; i < 8; i++)
        client_publish(&c[2], "b/x", "m", 0);
    assert_false(c[0].is_paused || c[1].is_paused || c[2].is_paused);
    for (int i = 0; i < 8; i++)
        client_publish(&c[1], "a/x", "m", 0); // 16 in all: 6 too many
    assert_true(c[1].is_paused);
    assert_false(c[0].is_paused);
    assert_int_equal(info().publish_slowed, 1);
    client_publish(&c[0], "a/x", "m", 0); // it meets the debt too
    assert_true(c[0].is_paused);
    for (int i = 0; i < 8; i++)
        client_publish(&c[2], "b/x", "m", 0);
    assert_true(c[2].is_paused == false);
    world_tick(&w, w.now_ms + 500);
    assert_true(c[0].is_paused && c[1].is_paused);
    world_tick(&w, w.now_ms + 300);
    assert_false(c[0].is_paused || c[1].is_paused);
    world_deinit(&w);
}

// ---- changes ------------------------------------------------------------------------------------

static void test_user_is_gone(void **state)
{
    (void)state;
    begin();
    struct client *c = w.clients;
    client_connect_with(&c[0], &(struct connect){.id = "one",
                                                 .user = "ann",
                                                 .password = "ann",
                                                 .is_kept = true,
                                                 .will_topic = "a/will"});
    sign_in(&c[1], "two", "bob", true);
    sign_in(&c[2], "boss", "root", false);
    sign_in(&c[3], "away", "ann", true);
    client_close(&c[3]);
    client_subscribe(&c[2], "#", 0);
    client_heard(&c[2]);
    hub.users[0].name = NULL;
    world_events(&w);
    changed();
    assert_null(c[0].conn);
    assert_non_null(c[1].conn);
    assert_non_null(c[2].conn);
    assert_int_equal(info().session_count, 2); // nothing is kept for who is gone
    assert_heard(&c[2], "");                   // nor is its will published
    assert_string_equal(world_events(&w), "disconnected one");
    world_deinit(&w);
}

static void test_secret_changed(void **state)
{
    (void)state;
    begin();
    struct client *c = w.clients;
    sign_in(&c[0], "one", "ann", true);
    sign_in(&c[1], "two", "bob", true);
    hub.users[0].grant.stamp++;
    changed();
    assert_null(c[0].conn);
    assert_non_null(c[1].conn);
    sign_in(&c[0], "one", "ann", true);
    assert_heard(&c[0], "connack 1 0");
    changed();
    assert_non_null(c[0].conn);
    world_deinit(&w);
}

// ---- memory -------------------------------------------------------------------------------------

static void play(struct client *c)
{
    hub.answers_later = true;
    sign_in(&c[0], "one", "ann", true);
    if (hub.waiting_count) {
        client_send(&c[0], "\x30\5\0\3a/1\xc0\0", 9);
        if (hub.waiting_count)
            answer(0, "ann");
    }
    hub.answers_later = false;
    sign_in(&c[1], "two", "bob", false);
    if (c[1].conn)
        client_publish(&c[1], "b/1", "m", 1);
    if (c[0].conn)
        client_publish(&c[0], "b/1", "m", 1);
    changed();
}

// Each allocation fails in turn: somebody may be refused or closed, nothing leaks, and the next try
// works.
static void test_no_memory(void **state)
{
    (void)state;
    for (uint32_t n = 1;; n++) {
        begin();
        struct client *c = w.clients;
        nh_mem_fault_set(w.sys, &(struct nh_mem_fault){.fail_nth = n, .only_owner = w.mem});
        play(c);
        bool is_done = nh_mem_fault_hits(w.sys) == 0;
        nh_mem_fault_set(w.sys, NULL);
        for (int i = 0; i < 2; i++) {
            client_close(&c[i]);
            sign_in(&c[i], i ? "two" : "one", i ? "bob" : "ann", false);
            assert_heard(&c[i], "connack 0 0");
        }
        world_deinit(&w);
        if (is_done)
            return;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answered_later),
        cmocka_unit_test(test_sends_at_once),
        cmocka_unit_test(test_sends_nonsense_at_once),
        cmocka_unit_test(test_sends_too_much_at_once),
        cmocka_unit_test(test_not_answered),
        cmocka_unit_test(test_rights),
        cmocka_unit_test(test_reads_less_than_it_subscribed),
        cmocka_unit_test(test_rights_change),
        cmocka_unit_test(test_asked_once),
        cmocka_unit_test(test_not_remembered_for_others),
        cmocka_unit_test(test_session_of_another),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_will),
        cmocka_unit_test(test_conn_max),
        cmocka_unit_test(test_own_limits),
        cmocka_unit_test(test_own_rate),
        cmocka_unit_test(test_user_is_gone),
        cmocka_unit_test(test_secret_changed),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
