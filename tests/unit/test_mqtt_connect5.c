// 5.0: who may come in and what is agreed on, what ends a connection, and how either side says so.
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
#define HELLO "connack 0 0x00 {" LIMITS "}"

// Three clients of 5.0, connected and with what they heard of that read.
static void three(struct client *c)
{
    static const char *const ids[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        client_connect5(&c[i], ids[i], NO_PROPS);
        assert_heard(&c[i], HELLO);
    }
    world_events(&w);
}

// ---- the ordinary way ---------------------------------------------------------------------------

// [MQTT5-3.2.0-1] CONNACK comes first, [MQTT5-3.8.4-1] SUBACK, [MQTT5-3.10.4-4] UNSUBACK,
// [MQTT5-3.12.4-1] PINGRESP.
static void hello(struct client *c)
{
    three(c);
    client_subscribe(&c[1], "x/+", 0);
    client_subscribe(&c[1], "y", 1);
    assert_heard(&c[1], "suback #7 0x00; suback #7 0x01");
    client_publish(&c[0], "x/1", "hi", 0);
    client_publish(&c[0], "x/2", "ho", 1);
    client_publish(&c[0], "y", "one", 1);
    assert_heard(&c[0], "puback #1; puback #2");
    assert_heard(&c[1], "publish x/1 hi q0; publish x/2 ho q0; publish y one q1 #1");
    client_ack(&c[1], 0x40, 1);
    client_ping(&c[0]);
    assert_heard(&c[0], "pingresp");
    client_unsubscribe(&c[1], "x/+");
    client_unsubscribe(&c[1], "x/+");
    client_publish(&c[0], "x/1", "gone", 0);
    assert_heard(&c[1], "unsuback #8 0x00; unsuback #8 0x11"); // [MQTT5-3.11.3-2]
    client_disconnect(&c[0]);
    assert_null(c[0].conn);
    assert_string_equal(world_events(&w), "disconnected a");
}

static void test_hello(void **state)
{
    (void)state;
    each_way(NULL, hello);
}

// Clients of both versions hear each other, whichever way a message takes.
static void both_versions(struct client *c)
{
    client_connect(&c[0], "old", false);
    client_connect5(&c[1], "new", NO_PROPS);
    client_connect(&c[2], "old-sub", false);
    client_connect5(&c[3], "new-sub", NO_PROPS);
    for (unsigned i = 2; i < 4; i++)
        client_subscribe(&c[i], "t/#", 2);
    for (unsigned i = 0; i < 4; i++)
        client_heard(&c[i]);
    static const char *const expected[] = {"publish t/1 m q0", "publish t/1 m q1 #1",
                                           "publish t/1 m q2 #3"};
    for (unsigned from = 0; from < 2; from++) {
        for (unsigned qos = 0; qos < 3; qos++) {
            client_publish(&c[from], "t/1", "m", qos);
            for (unsigned i = 2; i < 4; i++) {
                const char *heard = client_heard(&c[i]);
                if (from == 0 && qos < 2)
                    assert_string_equal(heard, expected[qos]);
                assert_non_null(strstr(heard, "publish t/1 m q"));
            }
        }
    }
}

static void test_both_versions(void **state)
{
    (void)state;
    each_way(NULL, both_versions);
}

// ---- CONNECT and CONNACK ------------------------------------------------------------------------

// [MQTT5-3.1.3-6], [MQTT5-3.1.3-7], [MQTT5-3.2.2-16] a client without an id is given one and told.
static void anonymous(struct client *c)
{
    client_connect5(&c[0], "", NO_PROPS);
    const char *heard = client_heard(&c[0]);
    assert_non_null(strstr(heard, "connack 0 0x00 {client=auto-"));
    client_resume5(&c[1], "", PROPS("\x11\0\0\0\x0a")); // without clean start as well
    assert_non_null(strstr(client_heard(&c[1]), "connack 0 0x00 {client=auto-"));
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(w.broker, &info);
    assert_int_equal(info.session_count, 2);
    assert_int_equal(info.v5_count, 2);
}

static void test_anonymous(void **state)
{
    (void)state;
    each_way(NULL, anonymous);
}

// [MQTT5-3.2.2-9], [MQTT5-3.1.2-28] what the broker has and has not is said in CONNACK.
static void limits(struct client *c)
{
    client_connect_with(&c[0], &(struct connect){.id = "a",
                                                 .version = 5,
                                                 .keepalive_s = 600,
                                                 .props = PROPS("\x11\0\1\0\0\x19\1")});
    assert_heard(&c[0], "connack 0 0x00 {session=3600 keepalive=60 info=reply/here receive=7 qos=1 "
                        "retain=0 packet=2048 aliases=3 wildcard=0 labels=0 shared=0}");
    // [MQTT5-3.2.2-21], [MQTT5-3.1.2-21] within the limit the client's own keep-alive holds; no
    // response information unless it is asked for.
    client_connect_with(&c[1], &(struct connect){.id = "b", .version = 5, .keepalive_s = 60});
    assert_heard(&c[1], "connack 0 0x00 {receive=7 qos=1 retain=0 packet=2048 aliases=3 wildcard=0 "
                        "labels=0 shared=0}");
}

static void test_limits(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.session_expiry_max_s = 3600,
                                             .keepalive_max_s = 60,
                                             .qos2_max_count = 7,
                                             .packet_max_bytes = 2048,
                                             .topic_alias_max = 3,
                                             .response_information = "reply/here",
                                             .qos_refused = 2,
                                             .retain_refused = true,
                                             .wildcard_refused = true,
                                             .shared_refused = true,
                                             .label_refused = true},
             limits);
}

// [MQTT5-3.2.2-10] .. -14 and the SUBACK codes: what is not to be had is refused.
static void unavailable(struct client *c)
{
    client_connect5(&c[0], "a", NO_PROPS);
    client_connect5(&c[1], "b", NO_PROPS);
    client_heard(&c[0]);
    client_heard(&c[1]);
    client_subscribe(&c[0], "a/#", 0);
    client_subscribe(&c[0], "$share/g/a", 0);
    client_subscribe5(&c[0], "a", 0, PROPS("\x0b\5"));
    client_subscribe(&c[0], "a", 2);
    assert_heard(&c[0], "suback #7 0xa2; suback #7 0x9e; suback #7 0xa1; suback #7 0x00");
    client_publish(&c[0], "a", "m", 1);
    assert_heard(&c[0], "disconnect 0x9b {reason=QoS not supported}");
    assert_null(c[0].conn);
    client_publish_with(&c[1], &(struct publish){.topic = "a", .payload = "m", .retain = true});
    assert_heard(&c[1], "disconnect 0x9a {reason=retain not supported}");
    client_connect_with(
        &c[1], &(struct connect){.id = "b", .version = 5, .will_topic = "w", .will_qos = 1});
    assert_heard(&c[1], "connack 0 0x9b {reason=QoS not supported}");
    client_connect_with(
        &c[1], &(struct connect){.id = "b", .version = 5, .will_topic = "w", .will_retain = true});
    assert_heard(&c[1], "connack 0 0x9a {reason=retain not supported}");
    // 3.1.1 has no words for it.
    client_connect(&c[3], "old", false);
    client_subscribe(&c[3], "a/#", 0);
    client_subscribe(&c[3], "a", 1);
    assert_heard(&c[3], "connack 0 0; suback #7 128; suback #7 0");
    client_publish_with(&c[3], &(struct publish){.topic = "a", .payload = "m", .retain = true});
    assert_heard(&c[3], "publish a m q0");
    client_publish(&c[3], "a", "m", 1);
    assert_null(c[3].conn);
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(w.broker, &info);
    assert_int_equal(info.retained_count, 0);
}

static void test_unavailable(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.qos_refused = 1,
                                             .retain_refused = true,
                                             .wildcard_refused = true,
                                             .shared_refused = true,
                                             .label_refused = true},
             unavailable);
}

struct refusal {
    const char *name, *bytes;
    size_t len;
    const char *heard;
    int rc;
};
#define BYTES(s) s, sizeof s - 1
#define MALFORMED "connack 0 0x81 {reason=malformed packet}"
#define PROTOCOL "connack 0 0x82 {reason=protocol error}"

// "\x10" length, "\0\4MQTT\5", flags, keep-alive, properties, payload
static const struct refusal refusals[] = {
    // [MQTT5-3.1.2-2] another version is told 0x84
    {"level 6", BYTES("\x10\x10\0\4MQTT\6\2\0\0\0\0\3abc"),
     "connack 0 0x84 {reason=unsupported protocol version}", NH_ERR_DENIED},
    // [MQTT5-3.1.2-1]
    {"another name", BYTES("\x10\x10\0\4HTTP\5\2\0\0\0\0\3abc"), "", NH_ERR_PROTO},
    // [MQTT5-3.1.2-3]
    {"reserved flag", BYTES("\x10\x10\0\4MQTT\5\3\0\0\0\0\3abc"), MALFORMED, NH_ERR_PROTO},
    // [MQTT5-3.1.2-11], [MQTT5-3.1.2-13], [MQTT5-3.1.2-12]
    {"will QoS without will", BYTES("\x10\x10\0\4MQTT\5\x0a\0\0\0\0\3abc"), MALFORMED,
     NH_ERR_PROTO},
    {"will retain without will", BYTES("\x10\x10\0\4MQTT\5\x22\0\0\0\0\3abc"), MALFORMED,
     NH_ERR_PROTO},
    {"will QoS 3", BYTES("\x10\x17\0\4MQTT\5\x1e\0\0\0\0\3abc\0\0\1t\0\1m"), MALFORMED,
     NH_ERR_PROTO},
    // [MQTT5-3.1.3-4] the id is UTF-8
    {"id not UTF-8",
     BYTES("\x10\x10\0\4MQTT\5\2\0\0\0\0\3a\xff"
           "c"),
     MALFORMED, NH_ERR_PROTO},
    {"something behind", BYTES("\x10\x11\0\4MQTT\5\2\0\0\0\0\3abc!"), MALFORMED, NH_ERR_PROTO},
    {"no properties", BYTES("\x10\x0a\0\4MQTT\5\2\0\0"), MALFORMED, NH_ERR_PROTO},
    // [MQTT5-2.2.2-1] and the table of properties
    {"unknown property", BYTES("\x10\x12\0\4MQTT\5\2\0\0\2\x7f\1\0\3abc"), MALFORMED, NH_ERR_PROTO},
    {"a server's property", BYTES("\x10\x12\0\4MQTT\5\2\0\0\2\x25\1\0\3abc"), MALFORMED,
     NH_ERR_PROTO},
    {"receive maximum 0", BYTES("\x10\x13\0\4MQTT\5\2\0\0\3\x21\0\0\0\3abc"), PROTOCOL,
     NH_ERR_PROTO},
    {"packet size 0", BYTES("\x10\x15\0\4MQTT\5\2\0\0\5\x27\0\0\0\0\0\3abc"), PROTOCOL,
     NH_ERR_PROTO},
    {"session expiry twice", BYTES("\x10\x1a\0\4MQTT\5\2\0\0\x0a\x11\0\0\0\1\x11\0\0\0\1\0\3abc"),
     PROTOCOL, NH_ERR_PROTO},
    {"problem information 2", BYTES("\x10\x12\0\4MQTT\5\2\0\0\2\x17\2\0\3abc"), PROTOCOL,
     NH_ERR_PROTO},
    {"data without method", BYTES("\x10\x14\0\4MQTT\5\2\0\0\4\x16\0\1d\0\3abc"), PROTOCOL,
     NH_ERR_PROTO},
    // [MQTT5-3.1.2-22] is of 3.1.1 alone: here a password may stand alone; see below.
    {"will topic with wildcard", BYTES("\x10\x17\0\4MQTT\5\6\0\0\0\0\3abc\0\0\1#\0\1m"),
     "connack 0 0x90 {reason=topic name invalid}", NH_ERR_DENIED},
    {"will says UTF-8 and is not", BYTES("\x10\x19\0\4MQTT\5\6\0\0\0\0\3abc\2\1\1\0\1t\0\1\xff"),
     "connack 0 0x99 {reason=payload format invalid}", NH_ERR_DENIED},
    {"length in more bytes than needed", BYTES("\x10\x90\0\0\4MQTT\5\2\0\0\0\0\3abc"), MALFORMED,
     NH_ERR_PROTO},
    {"AUTH first", BYTES("\xf0\0"), "", NH_ERR_PROTO},
    {"PINGREQ first", BYTES("\xc0\0"), "", NH_ERR_PROTO}, // [MQTT5-3.1.0-1]
};

static void refused(struct client *c)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(refusals); i++) {
        const struct refusal *r = &refusals[i];
        assert_int_equal(client_open(c), NH_OK);
        c->version = 5;
        int rc = client_send(c, r->bytes, r->len);
        if (rc != r->rc || c->conn || strcmp(client_heard(c), r->heard) != 0)
            fail_msg("%s: rc %d, heard %s", r->name, rc, w.text);
    }
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(w.broker, &info);
    assert_int_equal(info.open_count, 0);
}

static void test_refused(void **state)
{
    (void)state;
    each_way(NULL, refused);
}

static void who(void *ctx, nh_mqtt_conn_t *c, const struct nh_mqtt_auth_request *r,
                struct nh_mqtt_auth_answer *out)
{
    (void)ctx;
    (void)c;
    bool is_ann = r->password.len == 2 && memcmp(r->password.ptr, "pw", 2) == 0;
    out->verdict = is_ann ? NH_MQTT_AUTH_ACCEPTED : NH_MQTT_AUTH_REFUSED;
    if (r->client_id.len == 3)
        out->reason = NH_MQTT_REASON_BANNED;
}

static void login(struct client *c)
{
    // A password without a user name is allowed.
    client_connect_with(&c[0], &(struct connect){.id = "a", .version = 5, .password = "pw"});
    assert_heard(&c[0], HELLO);
    client_connect_with(&c[1],
                        &(struct connect){.id = "b", .version = 5, .user = "u", .password = "no"});
    assert_heard(&c[1], "connack 0 0x86 {reason=bad user name or password}");
    client_connect5(&c[2], "c", NO_PROPS);
    assert_heard(&c[2], "connack 0 0x87 {reason=not authorized}");
    client_connect5(&c[2], "bad", NO_PROPS);
    assert_heard(&c[2], "connack 0 0x8a {reason=banned}");
}

static void test_login(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.authenticate = who}, login);
}

// One too many is sent elsewhere, if there is an elsewhere.
static void redirected(struct client *c)
{
    client_connect5(&c[0], "a", NO_PROPS);
    client_heard(&c[0]);
    client_connect5(&c[1], "b", NO_PROPS);
    assert_heard(&c[1], "connack 0 0x9c {reason=use another server server=other.example:1883}");
    client_connect(&c[1], "b", false);
    assert_heard(&c[1], "connack 0 3");
    nh_mqtt_broker_shutdown(w.broker, w.now_ms);
    world_turn_end(&w);
    assert_heard(&c[0], "disconnect 0x9c {reason=use another server server=other.example:1883}");
    assert_null(c[0].conn);
}

static void moved(struct client *c)
{
    client_connect5(&c[0], "a", NO_PROPS);
    assert_heard(&c[0], "connack 0 0x9d {reason=server moved server=other.example}");
    client_connect(&c[0], "a", false);
    assert_heard(&c[0], "connack 0 3");
}

static void test_redirected(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.conn_max_count = 1,
                                             .server_reference = "other.example:1883"},
             redirected);
    each_way(&(struct nh_mqtt_broker_config){.is_moved = true, .server_reference = "other.example"},
             moved);
}

// [MQTT5-3.1.2-24] nothing larger than the client takes: a CONNACK that does not fit is not sent.
static void tiny(struct client *c)
{
    client_connect5(&c[0], "a", PROPS("\x27\0\0\0\x0f"));
    assert_heard(&c[0], "");
    assert_null(c[0].conn);
    client_connect5(&c[0], "a", PROPS("\x27\0\0\0\x10"));
    assert_heard(&c[0], HELLO);
    client_send(&c[0], BYTES("\xc0\1x"));
    assert_heard(&c[0], "disconnect 0x81"); // the text does not fit
}

static void test_tiny(void **state)
{
    (void)state;
    each_way(NULL, tiny);
}

// ---- what ends a connection ---------------------------------------------------------------------

#define GOODBYE(code, text) "disconnect 0x" code " {reason=" text "}"
#define BAD GOODBYE("81", "malformed packet")
#define WRONG GOODBYE("82", "protocol error")

static const struct refusal faults[] = {
    {"QoS 3", BYTES("\x36\7\0\1t\0\1\0m"), BAD, NH_ERR_PROTO},       // [MQTT5-3.3.1-4]
    {"DUP at QoS 0", BYTES("\x38\5\0\1t\0m"), BAD, NH_ERR_PROTO},    // [MQTT5-3.3.1-2]
    {"packet id 0", BYTES("\x32\7\0\1t\0\0\0m"), BAD, NH_ERR_PROTO}, // [MQTT5-2.2.1-3]
    {"no topic, no alias", BYTES("\x30\4\0\0\0m"), WRONG, NH_ERR_PROTO},
    {"wildcard topic", BYTES("\x30\7\0\3t/+\0m"), BAD, NH_ERR_PROTO}, // [MQTT5-3.3.2-2]
    {"NUL in topic", BYTES("\x30\7\0\3t\0t\0m"), BAD, NH_ERR_PROTO},  // [MQTT5-3.3.2-1]
    {"subscription id from a client", BYTES("\x30\7\0\1t\2\x0b\1m"), WRONG,
     NH_ERR_PROTO}, // [MQTT5-3.3.4-6]
    {"response topic with wildcard", BYTES("\x30\x09\0\1t\4\x08\0\1#m"), WRONG,
     NH_ERR_PROTO}, // [MQTT5-3.3.2-14]
    {"properties over the end", BYTES("\x30\5\0\1t\5m"), BAD, NH_ERR_PROTO},
    {"alias 0", BYTES("\x30\x08\0\1t\3\x23\0\0m"), GOODBYE("94", "topic alias invalid"),
     NH_ERR_PROTO}, // [MQTT5-3.3.2-8]
    {"alias over the maximum", BYTES("\x30\x08\0\1t\3\x23\0\x11m"),
     GOODBYE("94", "topic alias invalid"), NH_ERR_PROTO}, // [MQTT5-3.3.2-9]
    {"alias never told", BYTES("\x30\7\0\0\3\x23\0\1m"), WRONG, NH_ERR_PROTO},
    {"SUBSCRIBE flags", BYTES("\x80\7\0\1\0\0\1t\0"), BAD, NH_ERR_PROTO}, // [MQTT5-3.8.1-1]
    {"SUBSCRIBE to nothing", BYTES("\x82\3\0\1\0"), WRONG, NH_ERR_PROTO}, // [MQTT5-3.8.3-2]
    {"SUBSCRIBE QoS 3", BYTES("\x82\7\0\1\0\0\1t\3"), WRONG, NH_ERR_PROTO},
    {"SUBSCRIBE retain handling 3", BYTES("\x82\7\0\1\0\0\1t\x30"), WRONG, NH_ERR_PROTO},
    {"SUBSCRIBE reserved bits", BYTES("\x82\7\0\1\0\0\1t\x40"), BAD,
     NH_ERR_PROTO}, // [MQTT5-3.8.3-5]
    {"SUBSCRIBE id 0", BYTES("\x82\x09\0\1\2\x0b\0\0\1t\0"), WRONG, NH_ERR_PROTO},
    {"SUBSCRIBE a/#/b", BYTES("\x82\x0b\0\1\0\0\5a/#/b\0"), BAD, NH_ERR_PROTO}, // [MQTT5-4.7.1-1]
    {"SUBSCRIBE a+", BYTES("\x82\x08\0\1\0\0\2a+\0"), BAD, NH_ERR_PROTO},       // [MQTT5-4.7.1-2]
    {"no-local and shared", BYTES("\x82\x10\0\1\0\0\x0a$share/g/t\4"), WRONG,
     NH_ERR_PROTO}, // [MQTT5-3.8.3-4]
    {"shared without a name", BYTES("\x82\x0f\0\1\0\0\x09$share//t\0"), WRONG,
     NH_ERR_PROTO}, // [MQTT5-4.8.2-1]
    {"shared without a filter", BYTES("\x82\x0e\0\1\0\0\x08$share/g\0"), WRONG, NH_ERR_PROTO},
    {"shared with a wildcard name", BYTES("\x82\x10\0\1\0\0\x0a$share/+/t\0"), WRONG,
     NH_ERR_PROTO},                                                           // [MQTT5-4.8.2-2]
    {"UNSUBSCRIBE nothing", BYTES("\xa2\3\0\1\0"), WRONG, NH_ERR_PROTO},      // [MQTT5-3.10.3-2]
    {"UNSUBSCRIBE flags", BYTES("\xa0\6\0\1\0\0\1t"), BAD, NH_ERR_PROTO},     // [MQTT5-3.10.1-1]
    {"PUBREL flags", BYTES("\x60\2\0\1"), BAD, NH_ERR_PROTO},                 // [MQTT5-3.6.1-1]
    {"PUBACK code of another", BYTES("\x40\3\0\1\x92"), WRONG, NH_ERR_PROTO}, // [MQTT5-3.4.2-1]
    {"PUBACK id 0", BYTES("\x40\2\0\0"), BAD, NH_ERR_PROTO},
    {"PINGREQ with body", BYTES("\xc0\1x"), BAD, NH_ERR_PROTO},
    {"DISCONNECT flags", BYTES("\xe1\0"), BAD, NH_ERR_PROTO}, // [MQTT5-3.14.1-1]
    {"DISCONNECT code of the server", BYTES("\xe0\1\x8e"), "", NH_OK},
    {"DISCONNECT code of nobody", BYTES("\xe0\1\x01"), WRONG, NH_ERR_PROTO},
    {"DISCONNECT begins to keep", BYTES("\xe0\7\0\5\x11\0\0\0\1"), WRONG, NH_ERR_PROTO},
    {"AUTH out of nothing", BYTES("\xf0\0"), WRONG, NH_ERR_PROTO}, // [MQTT5-4.12.0-7]
    {"CONNACK to a server", BYTES("\x20\3\0\0\0"), BAD, NH_ERR_PROTO},
    {"type 0", BYTES("\0\0"), BAD, NH_ERR_PROTO},
    {"length longer than needed", BYTES("\xc0\x80\0"), BAD, NH_ERR_PROTO}, // [MQTT5-1.5.5-1]
    {"five bytes of length", BYTES("\x30\xff\xff\xff\xff\1"), BAD, NH_ERR_PROTO},
    {"too large", BYTES("\x30\xff\xff\xff\x7f"), GOODBYE("95", "packet too large"),
     NH_ERR_TOO_LONG},
    {"second CONNECT", BYTES("\x10\x10\0\4MQTT\5\2\0\0\0\0\3abc"), WRONG,
     NH_ERR_PROTO}, // [MQTT5-3.1.0-2]
};

// [MQTT5-4.13.1-1] a malformed packet or a protocol error ends the connection, and the client is
// told which it was; others are served.
static void faulty(struct client *c)
{
    three(c);
    client_subscribe(&c[1], "#", 1);
    client_heard(&c[1]);
    for (size_t i = 0; i < NH_ARRAY_LEN(faults); i++) {
        const struct refusal *r = &faults[i];
        size_t before = world_mem_bytes(&w);
        client_connect5(&c[3], "bad", NO_PROPS);
        assert_heard(&c[3], HELLO);
        int rc = client_send(&c[3], r->bytes, r->len);
        if (rc != r->rc || c[3].conn || strcmp(client_heard(&c[3]), r->heard) != 0)
            fail_msg("%s: rc %d, heard %s", r->name, rc, w.text);
        if (i > 0) // the first time a pool is filled
            assert_int_equal(world_mem_bytes(&w), before);
    }
    client_publish(&c[0], "t", "still here", 1);
    assert_heard(&c[1], "publish t still here q1 #1");
}

static void test_faults(void **state)
{
    (void)state;
    each_way(NULL, faulty);
}

// [MQTT5-3.1.4-3] the client before is told that it was taken over; [MQTT5-3.1.2-22] who is silent
// for too long that its time is up.
static void sent_away(struct client *c)
{
    three(c);
    client_connect5(&c[3], "a", NO_PROPS);
    assert_heard(&c[0], "disconnect 0x8e {reason=session taken over}");
    assert_null(c[0].conn);
    client_connect_with(&c[0], &(struct connect){.id = "k", .version = 5, .keepalive_s = 10});
    client_heard(&c[0]);
    world_tick(&w, w.now_ms + 15000 + 1024);
    assert_heard(&c[0], "disconnect 0x8d {reason=keep alive timeout}");
    assert_null(c[0].conn);
    nh_mqtt_broker_shutdown(w.broker, w.now_ms);
    world_turn_end(&w);
    for (unsigned i = 1; i < 4; i++)
        assert_null(c[i].conn);
    assert_heard(&c[2], "disconnect 0x8b {reason=server shutting down}");
}

static void test_sent_away(void **state)
{
    (void)state;
    each_way(NULL, sent_away);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello),       cmocka_unit_test(test_both_versions),
        cmocka_unit_test(test_anonymous),   cmocka_unit_test(test_limits),
        cmocka_unit_test(test_unavailable), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_login),       cmocka_unit_test(test_redirected),
        cmocka_unit_test(test_tiny),        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_sent_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
