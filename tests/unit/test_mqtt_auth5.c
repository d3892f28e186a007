// Enhanced authentication of 5.0: the AUTH packets before the CONNACK, and signing in again. The
// hub's part is played by a method named STEPS, whose data says what happens.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mqtt/topic.h"
#include "support/mqtt_client.h"
#include "support/mqtt_text.h"

#include "support/mqtt_talk.h"

static nh_mqtt_conn_t *under_way[WORLD_CLIENTS]; // who was told to go on
static unsigned cancelled, answered;

static nh_mqtt_conn_t **slot_of(const nh_mqtt_conn_t *c)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(under_way); i++)
        if (under_way[i] == c)
            return &under_way[i];
    return NULL;
}

static void set_user(struct nh_mqtt_auth_answer *out, const char *name)
{
    out->verdict = NH_MQTT_AUTH_ACCEPTED;
    out->user = (nh_span_t){(const uint8_t *)name, strlen(name)};
    out->data = (nh_span_t){(const uint8_t *)"bye", 3};
    out->grant.may_all = true;
}

static void go_on_with(struct nh_mqtt_auth_answer *out, const char *data)
{
    out->verdict = NH_MQTT_AUTH_CONTINUES;
    out->data = (nh_span_t){(const uint8_t *)data, strlen(data)};
}

static void decide(const struct nh_mqtt_auth_request *r, struct nh_mqtt_auth_answer *out)
{
    static char large[1300];
    if (!nh_mqtt__span_is(r->method, "STEPS"))
        out->reason = NH_MQTT_REASON_BAD_AUTHENTICATION_METHOD;
    else if (r->data.len == 0)
        go_on_with(out, "");
    else if (nh_mqtt__span_is(r->data, "one"))
        go_on_with(out, "two?");
    else if (nh_mqtt__span_is(r->data, "two"))
        set_user(out, "ann");
    else if (nh_mqtt__span_is(r->data, "other"))
        set_user(out, "bob");
    else if (nh_mqtt__span_is(r->data, "loop"))
        go_on_with(out, "again");
    else if (nh_mqtt__span_is(r->data, "busy"))
        out->reason = NH_MQTT_REASON_SERVER_BUSY;
    else if (nh_mqtt__span_is(r->data, "later"))
        out->verdict = NH_MQTT_AUTH_LATER;
    else if (nh_mqtt__span_is(r->data, "large"))
        go_on_with(out, memset(large, 'x', sizeof large - 1));
}

static void steps(void *ctx, nh_mqtt_conn_t *c, const struct nh_mqtt_auth_request *r,
                  struct nh_mqtt_auth_answer *out)
{
    (void)ctx;
    nh_mqtt_conn_t **slot = slot_of(c);
    if (r->method.len == 0) {
        set_user(out, "");
        return;
    }
    assert_int_equal(slot != NULL, r->round > 0);
    assert_true(!r->is_again || nh_mqtt__span_is(r->user, "ann"));
    decide(r, out);
    if (slot)
        *slot = NULL;
    if (out->verdict == NH_MQTT_AUTH_CONTINUES || out->verdict == NH_MQTT_AUTH_LATER)
        *slot_of(NULL) = c;
}

static void on_cancel(void *ctx, nh_mqtt_conn_t *c)
{
    (void)ctx;
    cancelled++;
    assert_non_null(slot_of(c));
    *slot_of(c) = NULL;
}

static const struct nh_mqtt_broker_config with_steps = {
    .authenticate = steps, .auth_cancel = on_cancel, .pause = world_pause};

#define IN "connack 0 0 method=STEPS data=bye *\n"
// Signs in as ann.
#define SIGN_IN                                                                                    \
    "A connect v=5 id=a clean method=STEPS data=one\n"                                             \
    "A < auth 0x18 method=STEPS data=two?\n"                                                    \
    "A auth rc=0x18 method=STEPS data=two\n"                                                       \
    "A < " IN

static const struct talk talks[] = {
    // [MQTT5-4.12.0-2], [MQTT5-4.12.0-3], [MQTT5-4.12.0-5]
    {"two steps",
     SIGN_IN "A subscribe #1 t=0\n"
             "A < suback #1 0\n"
             "A publish t hi\n"
             "A < publish t hi q0\n",
     &with_steps},
    {"one step",
     "A connect v=5 id=a clean method=STEPS data=two\n"
     "A < " IN,
     &with_steps},
    {"data comes with AUTH only",
     "A connect v=5 id=a clean method=STEPS\n"
     "A < auth 0x18 method=STEPS\n"
     "A auth rc=0x18 method=STEPS data=two\n"
     "A < " IN,
     &with_steps},
    // [MQTT5-4.12.0-1]
    {"a method that is not there",
     "A connect v=5 id=a clean method=OTHER data=two\n"
     "A < connack 0 0x8c *; closed\n"
     "B connect v=5 id=b clean method=x*65\n"
     "B < connack 0 0x8c *; closed\n",
     &with_steps},
    {"nobody knows methods",
     "A connect v=5 id=a clean method=STEPS data=two\n"
     "A < connack 0 0x8c *; closed\n",
     NULL},
    // [MQTT5-4.12.0-4]
    {"refused at once and later",
     "A connect v=5 id=a clean method=STEPS data=no\n"
     "A < connack 0 0x87 *; closed\n"
     "B connect v=5 id=b clean method=STEPS data=one user=ann\n"
     "B < auth 0x18 method=STEPS data=two?\n"
     "B auth rc=0x18 method=STEPS data=no\n"
     "B < connack 0 0x86 *; closed\n"
     "C connect v=5 id=c clean method=STEPS data=busy\n"
     "C < connack 0 0x89 *; closed\n",
     &with_steps},
    {"without end",
     "A connect v=5 id=a clean method=STEPS data=loop\n"
     "A auth rc=0x18 method=STEPS data=loop\n"
     "A auth rc=0x18 method=STEPS data=loop\n"
     "A auth rc=0x18 method=STEPS data=loop\n"
     "A auth rc=0x18 method=STEPS data=loop\n"
     "A auth rc=0x18 method=STEPS data=loop\n"
     "A auth rc=0x18 method=STEPS data=loop\n"
     "A auth rc=0x18 method=STEPS data=loop\n"
     "A < *again\n"
     "A auth rc=0x18 method=STEPS data=loop\n"
     "A < connack 0 0x87 *; closed\n",
     &with_steps},
    {"more than an AUTH packet holds, or than the client takes",
     "A connect v=5 id=a clean method=STEPS data=large\n"
     "A < connack 0 0x87 *; closed\n",
     &with_steps},
    // [MQTT5-3.1.2-30]
    {"another packet before the CONNACK",
     "A connect v=5 id=a clean method=STEPS data=one\n"
     "A < auth 0x18 method=STEPS data=two?\n"
     "A pingreq\n"
     "A < closed\n",
     &with_steps},
    {"the client gives up",
     "A connect v=5 id=a clean method=STEPS data=one\n"
     "A < auth 0x18 method=STEPS data=two?\n"
     "A disconnect\n"
     "A < closed\n"
     "B connect v=5 id=b clean method=STEPS data=one\n"
     "B < auth 0x18 method=STEPS data=two?\n"
     "B lost\n",
     &with_steps},
    {"it takes too long",
     "A connect v=5 id=a clean method=STEPS data=one\n"
     "A < auth 0x18 method=STEPS data=two?\n"
     "tick 12000\n"
     "A < closed\n",
     &with_steps},
    {"another method on the way",
     "A connect v=5 id=a clean method=STEPS data=one\n"
     "A < auth 0x18 method=STEPS data=two?\n"
     "A auth rc=0x18 method=OTHER data=two\n"
     "A < closed\n",
     &with_steps},
    {"another code on the way",
     "A connect v=5 id=a clean method=STEPS data=one\n"
     "A < auth 0x18 method=STEPS data=two?\n"
     "A auth rc=0x19 method=STEPS data=two\n"
     "A < closed\n",
     &with_steps},
    {"AUTH first",
     "A open v=5\n"
     "A auth rc=0x18 method=STEPS data=two\n"
     "A < closed\n",
     &with_steps},
    // [MQTT5-3.15.1-1]
    {"flags of AUTH",
     "A connect v=5 id=a clean method=STEPS data=one\n"
     "A < auth 0x18 method=STEPS data=two?\n"
     "A raw f1 00\n"
     "A < closed\n",
     &with_steps},
    // [MQTT5-4.12.1-1]
    {"again",
     SIGN_IN "A auth rc=0x19 method=STEPS data=one\n"
             "A < auth 0x18 method=STEPS data=two?\n"
             "A pingreq\n" // it may go on meanwhile
             "A < pingresp\n"
             "A auth rc=0x18 method=STEPS data=two\n"
             "A < auth 0 method=STEPS data=bye\n"
             "A auth rc=0x19 method=STEPS data=two\n" // and again, in one step
             "A < auth 0 method=STEPS data=bye\n",
     &with_steps},
    // [MQTT5-4.12.1-2]
    {"again, and refused",
     SIGN_IN "A auth rc=0x19 method=STEPS data=no\n"
             "A < disconnect 0x87 *; closed\n",
     &with_steps},
    {"again, and refused with a reason",
     SIGN_IN "A auth rc=0x19 method=STEPS data=one\n"
             "A < auth 0x18 method=STEPS data=two?\n"
             "A auth rc=0x18 method=STEPS data=busy\n"
             "A < disconnect 0x89 *; closed\n",
     &with_steps},
    {"again, as another user",
     SIGN_IN "A auth rc=0x19 method=STEPS data=other\n"
             "A < disconnect 0x87 *; closed\n",
     &with_steps},
    {"again, with an answer that comes later",
     SIGN_IN "A auth rc=0x19 method=STEPS data=later\n"
             "A < disconnect 0x87 *; closed\n",
     &with_steps},
    {"again, without end",
     SIGN_IN "A auth rc=0x19 method=STEPS data=loop\n"
             "A auth rc=0x18 method=STEPS data=loop\n"
             "A auth rc=0x18 method=STEPS data=loop\n"
             "A auth rc=0x18 method=STEPS data=loop\n"
             "A auth rc=0x18 method=STEPS data=loop\n"
             "A auth rc=0x18 method=STEPS data=loop\n"
             "A auth rc=0x18 method=STEPS data=loop\n"
             "A auth rc=0x18 method=STEPS data=loop\n"
             "A < *again\n"
             "A auth rc=0x18 method=STEPS data=loop\n"
             "A < disconnect 0x87 *; closed\n",
     &with_steps},
    {"again, and lost",
     SIGN_IN "A auth rc=0x19 method=STEPS data=one\n"
             "A < auth 0x18 method=STEPS data=two?\n"
             "A lost\n",
     &with_steps},
    {"again, with another method",
     SIGN_IN "A auth rc=0x19 method=OTHER data=one\n"
             "A < disconnect 0x82 *; closed\n",
     &with_steps},
    {"0x18 when nothing was asked",
     SIGN_IN "A auth rc=0x18 method=STEPS data=one\n"
             "A < disconnect 0x82 *; closed\n",
     &with_steps},
    // [MQTT5-4.12.0-6], [MQTT5-4.12.0-7]
    {"AUTH of who signed in without a method",
     "A connect v=5 id=a clean\n"
     "A < connack 0 0 *\n"
     "A auth rc=0x19 method=STEPS data=two\n"
     "A < disconnect 0x82 *; closed\n"
     "B connect v=5 id=b clean user=u pass=p\n"
     "B < connack 0 0 *\n",
     &with_steps},
    {"AUTH of 3.1.1",
     "A connect id=a clean\n"
     "A < connack 0 0\n"
     "A raw f0 00\n"
     "A < closed\n",
     &with_steps},
};

static void test_talks(void **state)
{
    (void)state;
    talk_all(talks, NH_ARRAY_LEN(talks));
    for (size_t i = 0; i < NH_ARRAY_LEN(under_way); i++)
        assert_null(under_way[i]); // each was answered or cancelled
    assert_int_equal(cancelled % 4, 0);
    assert_true(cancelled > 0);
}

// ---- answers that come later --------------------------------------------------------------------

static void answer_later(struct world *w, const char *data)
{
    struct nh_mqtt_auth_answer out = {0};
    const struct nh_mqtt_auth_request r = {.method = {(const uint8_t *)"STEPS", 5},
                                           .data = {(const uint8_t *)data, strlen(data)}};
    nh_mqtt_conn_t *c = w->clients[0].conn;
    *slot_of(c) = NULL;
    decide(&r, &out);
    if (out.verdict == NH_MQTT_AUTH_CONTINUES)
        *slot_of(NULL) = c;
    answered++;
    nh_mqtt_broker_auth_done(w->broker, c, &out, w->now_ms);
    world_turn_end(w);
}

static void say(struct client *c, const char *line)
{
    (void)client_packet(c, text_packet(line, strlen(line), 5));
}

static void expect(struct client *c, const char *text)
{
    char heard[400] = "";
    size_t at = 0;
    while (at < c->rx_len)
        at += text_hear(c->rx + at, c->rx_len - at, 5, heard, sizeof heard);
    c->rx_len = 0;
    if (!talk_matches(text, strlen(text), heard))
        fail_msg("heard %s instead of %s", heard, text);
}

// The hub may take its time at each step.
static void test_each_step_later(void **state)
{
    (void)state;
    struct world *w = &talk.world;
    struct client *c = &w->clients[0];
    world_init(w, &with_steps);
    client_open(c);
    say(c, "connect v=5 id=a clean method=STEPS data=later");
    assert_true(c->is_paused);
    answer_later(w, "one");
    assert_false(c->is_paused);
    expect(c, "auth 0x18 method=STEPS data=two?");
    say(c, "auth rc=0x18 method=STEPS data=later");
    assert_true(c->is_paused);
    say(c, "pingreq"); // behind it
    expect(c, "");
    answer_later(w, "two");
    expect(c, "connack 0 0 method=STEPS data=bye *pingresp");
    world_deinit(w);
}

// Each allocation fails in turn.
static void test_no_memory(void **state)
{
    (void)state;
    struct world *w = &talk.world;
    struct client *c = &w->clients[0];
    for (uint32_t n = 1;; n++) {
        world_init(w, &with_steps);
        client_open(c);
        nh_mem_fault_set(w->sys, &(struct nh_mem_fault){.fail_nth = n, .only_owner = w->mem});
        say(c, "connect v=5 id=a clean method=STEPS data=one");
        if (c->conn)
            say(c, "auth rc=0x18 method=STEPS data=two");
        if (c->conn)
            say(c, "auth rc=0x19 method=STEPS data=two");
        bool is_done = nh_mem_fault_hits(w->sys) == 0;
        nh_mem_fault_set(w->sys, NULL);
        client_close(c);
        client_open(c);
        say(c, "connect v=5 id=a clean method=STEPS data=two");
        expect(c, "*connack 0 0 *");
        world_deinit(w);
        if (is_done)
            return;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_talks),
        cmocka_unit_test(test_each_step_later),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
