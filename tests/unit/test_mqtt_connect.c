// Who may come in, and what ends a connection: every refusal and every malformed packet, each given
// whole, byte by byte, and in pieces of 3 and 7.

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

// Three clients, connected and with what they heard of that read.
static void three(struct client *c)
{
    static const char *const ids[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        client_connect(&c[i], ids[i], false);
        assert_heard(&c[i], "connack 0 0");
    }
    world_events(&w);
}

// ---- connecting ---------------------------------------------------------------------------------

struct refusal {
    const char *name, *bytes;
    size_t len;
    const char *heard;
    int rc;
};

#define BYTES(s) s, sizeof s - 1

static const struct refusal refusals[] = {
    {"a bridge of 3.1", BYTES("\x10\x0f\0\4MQTT\x83\2\0\0\0\3abc"), "connack 0 1", NH_ERR_DENIED},
    {"level 3", BYTES("\x10\x0f\0\4MQTT\3\2\0\0\0\3abc"), "connack 0 1", NH_ERR_DENIED},
    {"MQIsdp", BYTES("\x10\x11\0\6MQIsdp\3\2\0\0\0\3abc"), "connack 0 1", NH_ERR_DENIED},
    {"no id, kept", BYTES("\x10\x0c\0\4MQTT\4\0\0\0\0\0"), "connack 0 2", NH_ERR_DENIED},
    {"another name", BYTES("\x10\x0f\0\4HTTP\4\2\0\0\0\3abc"), "", NH_ERR_PROTO},
    {"reserved flag", BYTES("\x10\x0f\0\4MQTT\4\3\0\0\0\3abc"), "", NH_ERR_PROTO},
    {"will QoS without will", BYTES("\x10\x0f\0\4MQTT\4\x0a\0\0\0\3abc"), "", NH_ERR_PROTO},
    {"will retain without will", BYTES("\x10\x0f\0\4MQTT\4\x22\0\0\0\3abc"), "", NH_ERR_PROTO},
    {"will QoS 3", BYTES("\x10\x15\0\4MQTT\4\x1e\0\0\0\3abc\0\1t\0\1m"), "", NH_ERR_PROTO},
    {"will topic with wildcard", BYTES("\x10\x15\0\4MQTT\4\6\0\0\0\3abc\0\1#\0\1m"), "",
     NH_ERR_PROTO},
    {"password without user", BYTES("\x10\x12\0\4MQTT\4\x42\0\0\0\3abc\0\1p"), "", NH_ERR_PROTO},
    {"something behind", BYTES("\x10\x10\0\4MQTT\4\2\0\0\0\3abc!"), "", NH_ERR_PROTO},
    {"id cut off", BYTES("\x10\x0e\0\4MQTT\4\2\0\0\0\3ab"), "", NH_ERR_PROTO},
    {"id not UTF-8",
     BYTES("\x10\x0f\0\4MQTT\4\2\0\0\0\3a\xff"
           "c"),
     "", NH_ERR_PROTO},
    {"id with NUL", BYTES("\x10\x0f\0\4MQTT\4\2\0\0\0\3a\0c"), "", NH_ERR_PROTO},
    {"flags of CONNECT", BYTES("\x11\x0f\0\4MQTT\4\2\0\0\0\3abc"), "", NH_ERR_PROTO},
    {"PINGREQ first", BYTES("\xc0\0"), "", NH_ERR_PROTO},
    {"PUBLISH first", BYTES("\x30\4\0\1tm"), "", NH_ERR_PROTO},
    {"HTTP", BYTES("GET / HTTP/1.1\r\n"), "", NH_ERR_PROTO},
};

static void refused(struct client *c)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(refusals); i++) {
        const struct refusal *r = &refusals[i];
        assert_int_equal(client_open(c), NH_OK);
        int rc = client_send(c, r->bytes, r->len);
        if (rc != r->rc || c->conn || strcmp(client_heard(c), r->heard) != 0)
            fail_msg("%s: rc %d, heard %s", r->name, rc, w.text);
    }
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(w.broker, &info);
    assert_int_equal(info.open_count, 0);
    assert_int_equal(info.refused_connects, 4);
}

static void test_refused(void **state)
{
    (void)state;
    each_way(NULL, refused);
}

// [MQTT-3.1.3-6] a client without an id gets one of its own.
static void anonymous(struct client *c)
{
    client_connect(&c[0], "", false);
    client_connect(&c[1], "", false);
    assert_heard(&c[0], "connack 0 0");
    assert_heard(&c[1], "connack 0 0");
    assert_non_null(c[0].conn);
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(w.broker, &info);
    assert_int_equal(info.session_count, 2);
}

static void test_anonymous(void **state)
{
    (void)state;
    each_way(NULL, anonymous);
}

// A bridge as Mosquitto's begin: it does not hear itself, and RETAIN comes as it was published.
static void bridge(struct client *c)
{
    assert_int_equal(client_open(&c[0]), NH_OK);
    assert_int_equal(client_send(&c[0], "\x10\x0d\0\4MQTT\x84\2\0\0\0\1a", 15), NH_OK);
    client_connect(&c[1], "b", false);
    client_subscribe(&c[0], "t", 0);
    client_subscribe(&c[1], "t", 0);
    assert_heard(&c[0], "connack 0 0; suback #7 0");
    assert_heard(&c[1], "connack 0 0; suback #7 0");
    c[0].version = 4;
    client_publish_with(&c[0], &(struct publish){.topic = "t", .payload = "mine", .retain = true});
    client_publish_with(&c[1], &(struct publish){.topic = "t", .payload = "yours", .retain = true});
    assert_heard(&c[0], "publish t yours q0 retain");
    assert_heard(&c[1], "publish t mine q0; publish t yours q0");
}

static void test_bridge(void **state)
{
    (void)state;
    each_way(NULL, bridge);
}

static void only_ann(void *ctx, nh_mqtt_conn_t *c, const struct nh_mqtt_auth_request *r,
                     struct nh_mqtt_auth_answer *out)
{
    (void)ctx;
    (void)c;
    if (r->user.len != 3 || memcmp(r->user.ptr, "ann", 3) != 0 || r->password.len != 2 ||
        memcmp(r->password.ptr, "pw", 2) != 0)
        return;
    out->verdict = NH_MQTT_AUTH_ACCEPTED;
    out->user = r->user;
}

static void login(struct client *c)
{
    client_connect_with(&c[0], &(struct connect){.id = "a", .user = "ann", .password = "pw"});
    assert_heard(&c[0], "connack 0 0");
    client_connect_with(&c[1], &(struct connect){.id = "b", .user = "ann", .password = "no"});
    assert_heard(&c[1], "connack 0 4");
    client_connect_with(&c[2], &(struct connect){.id = "c"});
    assert_heard(&c[2], "connack 0 5");
    assert_null(c[1].conn);
    assert_null(c[2].conn);
}

static void test_login(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.authenticate = only_ann}, login);
}

static void too_many(struct client *c)
{
    client_connect(&c[0], "a", false);
    client_connect(&c[1], "b", false);
    client_connect(&c[2], "c", false);
    assert_heard(&c[2], "connack 0 3");
    assert_null(c[2].conn);
    client_connect(&c[3], "b", false); // in place of the other: that is not one more
    assert_heard(&c[3], "connack 0 0");
    assert_null(c[1].conn);
}

static void test_too_many(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.conn_max_count = 2}, too_many);
}

static void twice(struct client *c)
{
    three(c);
    const struct packet *p = packet_connect(&(struct connect){.id = "a"});
    assert_int_equal(client_packet(&c[0], p), NH_ERR_PROTO); // [MQTT-3.1.0-2]
    assert_null(c[0].conn);
}

static void test_second_connect(void **state)
{
    (void)state;
    each_way(NULL, twice);
}

// ---- what is malformed --------------------------------------------------------------------------

static const struct refusal malformed[] = {
    {"QoS 3", BYTES("\x36\6\0\1t\0\1m"), "", NH_ERR_PROTO},            // [MQTT-3.3.1-4]
    {"DUP at QoS 0", BYTES("\x38\4\0\1tm"), "", NH_ERR_PROTO},         // [MQTT-3.3.1-2]
    {"packet id 0", BYTES("\x32\6\0\1t\0\0m"), "", NH_ERR_PROTO},      // [MQTT-2.3.1-1]
    {"empty topic", BYTES("\x30\3\0\0m"), "", NH_ERR_PROTO},           // [MQTT-4.7.3-1]
    {"wildcard topic", BYTES("\x30\6\0\3t/+m"), "", NH_ERR_PROTO},     // [MQTT-3.3.2-2]
    {"NUL in topic", BYTES("\x30\6\0\3t\0tm"), "", NH_ERR_PROTO},      // [MQTT-4.7.3-2]
    {"surrogate", BYTES("\x30\6\0\3\xed\xa0\x80m"), "", NH_ERR_PROTO}, // [MQTT-1.5.3-1]
    {"topic over the end", BYTES("\x30\3\0\5t"), "", NH_ERR_PROTO},
    {"no packet id", BYTES("\x32\3\0\1t"), "", NH_ERR_PROTO},
    {"SUBSCRIBE flags", BYTES("\x80\6\0\1\0\1t\0"), "", NH_ERR_PROTO}, // [MQTT-3.8.1-1]
    {"SUBSCRIBE id 0", BYTES("\x82\6\0\0\0\1t\0"), "", NH_ERR_PROTO},
    {"SUBSCRIBE to nothing", BYTES("\x82\2\0\1"), "", NH_ERR_PROTO},   // [MQTT-3.8.3-3]
    {"SUBSCRIBE QoS 3", BYTES("\x82\6\0\1\0\1t\3"), "", NH_ERR_PROTO}, // [MQTT-3.8.3-4]
    {"SUBSCRIBE no QoS", BYTES("\x82\5\0\1\0\1t"), "", NH_ERR_PROTO},
    {"SUBSCRIBE a/#/b", BYTES("\x82\x0a\0\1\0\5a/#/b\0"), "", NH_ERR_PROTO}, // [MQTT-4.7.1-2]
    {"SUBSCRIBE a+", BYTES("\x82\7\0\1\0\2a+\0"), "", NH_ERR_PROTO},         // [MQTT-4.7.1-3]
    {"SUBSCRIBE empty", BYTES("\x82\5\0\1\0\0\0"), "", NH_ERR_PROTO},
    {"UNSUBSCRIBE nothing", BYTES("\xa2\2\0\1"), "", NH_ERR_PROTO},    // [MQTT-3.10.3-2]
    {"UNSUBSCRIBE flags", BYTES("\xa0\5\0\1\0\1t"), "", NH_ERR_PROTO}, // [MQTT-3.10.1-1]
    {"PUBREL flags", BYTES("\x60\2\0\1"), "", NH_ERR_PROTO},           // [MQTT-3.6.1-1]
    {"PUBACK id 0", BYTES("\x40\2\0\0"), "", NH_ERR_PROTO},
    {"PUBACK long", BYTES("\x40\3\0\1\0"), "", NH_ERR_PROTO},
    {"PINGREQ with body", BYTES("\xc0\1x"), "", NH_ERR_PROTO},
    {"DISCONNECT with body", BYTES("\xe0\1x"), "", NH_ERR_PROTO},
    {"DISCONNECT flags", BYTES("\xe1\0"), "", NH_ERR_PROTO}, // [MQTT-3.14.1-1]
    {"CONNACK to a server", BYTES("\x20\2\0\0"), "", NH_ERR_PROTO},
    {"type 0", BYTES("\0\0"), "", NH_ERR_PROTO},
    {"type 15", BYTES("\xf0\0"), "", NH_ERR_PROTO},
    {"five bytes of length", BYTES("\x30\xff\xff\xff\xff\1"), "", NH_ERR_PROTO},
    {"too large", BYTES("\x30\xff\xff\xff\x7f"), "", NH_ERR_TOO_LONG},
    {"a little too large", BYTES("\x30\x80\x20"), "", NH_ERR_TOO_LONG},
};

static void bad(struct client *c)
{
    three(c);
    client_subscribe(&c[1], "#", 1);
    client_heard(&c[1]);
    for (size_t i = 0; i < NH_ARRAY_LEN(malformed); i++) {
        const struct refusal *r = &malformed[i];
        size_t before = world_mem_bytes(&w);
        client_connect(&c[3], "bad", false);
        client_heard(&c[3]);
        int rc = client_send(&c[3], r->bytes, r->len);
        if (rc != r->rc || c[3].conn)
            fail_msg("%s: rc %d", r->name, rc);
        const char *why =
            r->rc == NH_ERR_TOO_LONG ? "bad: packet too large" : "bad: malformed packet";
        if (strcmp(w.fault, why) != 0 && strcmp(w.fault, "bad: protocol error") != 0)
            fail_msg("%s: told \"%s\"", r->name, w.fault);
        w.fault[0] = '\0';
        if (i > 0) // the first time a pool is filled
            assert_int_equal(world_mem_bytes(&w), before);
    }
    client_publish(&c[0], "t", "still here", 1);
    assert_heard(&c[1], "publish t still here q1 #1");
}

static void test_malformed(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.packet_max_bytes = 4096}, bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_bridge),
        cmocka_unit_test(test_anonymous), cmocka_unit_test(test_login),
        cmocka_unit_test(test_too_many),  cmocka_unit_test(test_second_connect),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
