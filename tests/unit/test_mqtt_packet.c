// The packets of both versions, from both sides: rows of bytes, every reason code, every cut, and
// random packets there and back.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/mqtt_packet.h"
#include "support/rng.h"

#define CLIENT NH_MQTT__FROM_CLIENT
#define SERVER NH_MQTT__FROM_SERVER

// Decodes a packet that ends where its memory ends.
static int decode(uint8_t version, enum nh_mqtt__from from, const void *bytes, size_t len,
                  struct any_packet *p)
{
    static uint8_t exact[4096];
    uint8_t *at = exact + sizeof exact - len;
    assert_true(len <= sizeof exact);
    memcpy(at, bytes, len);
    return any_decode(version, from, at, len, p);
}

// ---- fixed header -------------------------------------------------------------------------------

static const struct {
    const char *name;
    uint8_t bytes[6];
    size_t len;
    int rc;
    uint32_t body_len;
    bool is_minimal;
} heads[] = {
    {"nothing", {0}, 0, 0, 0, false},
    {"type only", {0xC0}, 1, 0, 0, false},
    {"PINGREQ", {0xC0, 0}, 2, 2, 0, true},
    {"127", {0x30, 0x7f}, 2, 2, 127, true},
    {"128", {0x30, 0x80, 1}, 3, 3, 128, true},
    {"16383", {0x30, 0xff, 0x7f}, 3, 3, 16383, true},
    {"16384", {0x30, 0x80, 0x80, 1}, 4, 4, 16384, true},
    {"2097152", {0x30, 0x80, 0x80, 0x80, 1}, 5, 5, 2097152, true},
    {"268435455", {0x30, 0xff, 0xff, 0xff, 0x7f}, 5, 5, 268435455, true},
    {"length cut", {0x30, 0x80, 0x80, 0x80}, 4, 0, 0, false},
    {"length too long", {0x30, 0x80, 0x80, 0x80, 0x80, 1}, 6, NH_ERR_SYNTAX, 0, false},
    {"more bytes than needed", {0x30, 0x80, 0}, 3, 3, 0, false}, // [MQTT5-1.5.5-1]
};

static void test_heads(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(heads); i++) {
        struct nh_mqtt__head head;
        int rc = nh_mqtt__head_decode(heads[i].bytes, heads[i].len, CLIENT, &head);
        if (rc != heads[i].rc)
            fail_msg("%s: %d", heads[i].name, rc);
        if (rc <= 0)
            continue;
        uint8_t out[NH_MQTT__HEAD_MAX];
        assert_int_equal(head.body_len, heads[i].body_len);
        assert_int_equal(head.is_minimal, heads[i].is_minimal);
        size_t n = nh_mqtt__head_encode(out, heads[i].bytes[0], heads[i].body_len);
        assert_int_equal(n, nh_mqtt__head_len(heads[i].body_len));
        if (heads[i].is_minimal) {
            assert_int_equal(n, heads[i].len);
            assert_memory_equal(out, heads[i].bytes, n);
        }
    }
}

// Every first byte from either side [MQTT-2.2.2-1], [MQTT-2.2.2-2], [MQTT5-2.1.3-1], and the types
// that a side does not send.
static void test_flags(void **state)
{
    static const char digits[] = "0123456789abcdef";
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        unsigned type = first >> 4, flags = first & 15, qos = flags >> 1 & 3;
        bool is_publish = qos < 3 && (qos > 0 || !(flags & 8));
        for (unsigned from = 0; from < 2; from++) {
            bool is_sent = type && strchr(from ? "2345679bdef" : "1345678acef", digits[type]);
            bool is_two = type == 6 || type == 8 || type == 10;
            bool expected = is_sent && (type == 3 ? is_publish : flags == (is_two ? 2u : 0u));
            uint8_t bytes[] = {(uint8_t)first, 0};
            struct nh_mqtt__head head;
            int rc = nh_mqtt__head_decode(bytes, 2, (enum nh_mqtt__from)from, &head);
            if (rc != (expected ? 2 : NH_ERR_SYNTAX))
                fail_msg("0x%02x from %u: %d", first, from, rc);
        }
    }
}

// ---- rows ---------------------------------------------------------------------------------------

#define ROW(text) text, sizeof text - 1
#define C4 "\0\4MQTT\4" // protocol name and level
#define C5 "\0\4MQTT\5"

static const struct {
    const char *name;
    uint8_t version;
    enum nh_mqtt__from from;
    const char *bytes;
    size_t len;
    int rc;
} rows[] = {
    // CONNECT
    {"CONNECT", 4, CLIENT, ROW("\x10\x0D" C4 "\2\0\0\0\1a"), NH_OK},
    {"CONNECT without id", 4, CLIENT, ROW("\x10\x0C" C4 "\2\0\0\0\0"), NH_OK},
    {"CONNECT with all", 4, CLIENT, ROW("\x10\x19" C4 "\xF6\0\x3C\0\1a\0\1w\0\1x\0\1u\0\1p"),
     NH_OK},
    {"CONNECT of 5", 5, CLIENT, ROW("\x10\x0E" C5 "\2\0\0\0\0\1a"), NH_OK},
    {"CONNECT of 5 with properties", 5, CLIENT,
     ROW("\x10\x1B" C5 "\2\0\0\x0D\x11\0\0\0\x0A\x21\0\1\x22\0\1\x17\0\0\1a"), NH_OK},
    {"CONNECT of 5 with all", 5, CLIENT,
     ROW("\x10\x23" C5 "\xEE\0\x3C\3\x21\0\1\0\1a\5\x18\0\0\0\7\0\1w\0\1x\0\1u\0\1p"), NH_OK},
    {"CONNECT of 5, password alone", 5, CLIENT, ROW("\x10\x11" C5 "\x42\0\0\0\0\1a\0\1p"), NH_OK},
    {"CONNECT, password alone", 4, CLIENT, ROW("\x10\x10" C4 "\x42\0\0\0\1a\0\1p"),
     NH_ERR_SYNTAX}, // [MQTT-3.1.2-22]
    {"CONNECT, reserved flag", 4, CLIENT, ROW("\x10\x0D" C4 "\3\0\0\0\1a"),
     NH_ERR_SYNTAX}, // [MQTT-3.1.2-3]
    {"CONNECT of 5, reserved flag", 5, CLIENT, ROW("\x10\x0E" C5 "\3\0\0\0\0\1a"),
     NH_ERR_SYNTAX}, // [MQTT5-3.1.2-3]
    {"CONNECT of 5, will QoS without will", 5, CLIENT, ROW("\x10\x0E" C5 "\x0A\0\0\0\0\1a"),
     NH_ERR_SYNTAX}, // [MQTT5-3.1.2-11]
    {"CONNECT of 5, will retain without will", 5, CLIENT, ROW("\x10\x0E" C5 "\x22\0\0\0\0\1a"),
     NH_ERR_SYNTAX}, // [MQTT5-3.1.2-13]
    {"CONNECT of 5, will QoS 3", 5, CLIENT, ROW("\x10\x15" C5 "\x1E\0\0\0\0\1a\0\0\1w\0\1x"),
     NH_ERR_SYNTAX}, // [MQTT5-3.1.2-12]
    {"CONNECT, other protocol", 4, CLIENT, ROW("\x10\x0D\0\4QMTT\4\2\0\0\0\1a"),
     NH_ERR_SYNTAX}, // [MQTT-3.1.2-1], [MQTT5-3.1.2-1]
    {"CONNECT of 3.1", 4, CLIENT, ROW("\x10\x0F\0\6MQIsdp\3\2\0\0\0\1a"),
     NH_ERR_UNSUPPORTED}, // [MQTT-3.1.2-2]
    {"CONNECT, level 3", 4, CLIENT, ROW("\x10\x0D\0\4MQTT\3\2\0\0\0\1a"), NH_ERR_UNSUPPORTED},
    {"CONNECT, level 6", 5, CLIENT, ROW("\x10\x0D\0\4MQTT\6\2\0\0\0\1a"),
     NH_ERR_UNSUPPORTED}, // [MQTT5-3.1.2-2]
    {"CONNECT, level 6, unknown rest", 5, CLIENT, ROW("\x10\x08\0\4MQTT\6\1"), NH_ERR_UNSUPPORTED},
    {"CONNECT, byte behind", 4, CLIENT, ROW("\x10\x0E" C4 "\2\0\0\0\1ax"), NH_ERR_SYNTAX},
    {"CONNECT, id not UTF-8", 4, CLIENT, ROW("\x10\x0D" C4 "\2\0\0\0\1\xFF"),
     NH_ERR_SYNTAX}, // [MQTT-3.1.3-4], [MQTT-1.5.3-1]
    {"CONNECT of 5, id not UTF-8", 5, CLIENT, ROW("\x10\x0E" C5 "\2\0\0\0\0\1\xFF"),
     NH_ERR_SYNTAX}, // [MQTT5-3.1.3-4]
    {"CONNECT of 5, will topic not UTF-8", 5, CLIENT,
     ROW("\x10\x15" C5 "\6\0\0\0\0\1a\0\0\1\xFF\0\1x"), NH_ERR_SYNTAX}, // [MQTT5-3.1.3-11]
    {"CONNECT of 5, user with U+0000", 5, CLIENT, ROW("\x10\x11" C5 "\x82\0\0\0\0\1a\0\1\0"),
     NH_ERR_SYNTAX}, // [MQTT5-3.1.3-12]
    {"CONNECT of 5, any bytes as password", 5, CLIENT, ROW("\x10\x11" C5 "\x42\0\0\0\0\1a\0\1\xFF"),
     NH_OK},
    {"CONNECT of 5, will property in its own list", 5, CLIENT,
     ROW("\x10\x13" C5 "\2\0\0\5\x18\0\0\0\7\0\1a"), NH_ERR_SYNTAX},
    {"CONNECT of 5, receive maximum 0", 5, CLIENT, ROW("\x10\x11" C5 "\2\0\0\3\x21\0\0\0\1a"),
     NH_ERR_PROTO},
    // CONNACK
    {"CONNACK", 4, SERVER, ROW("\x20\2\1\0"), NH_OK},
    {"CONNACK refusal", 4, SERVER, ROW("\x20\2\0\5"), NH_OK},
    {"CONNACK refusal with a session", 4, SERVER, ROW("\x20\2\1\5"),
     NH_ERR_PROTO}, // [MQTT-3.2.2-4]
    {"CONNACK, other flags", 4, SERVER, ROW("\x20\2\2\0"), NH_ERR_SYNTAX},
    {"CONNACK, code 6", 4, SERVER, ROW("\x20\2\0\6"), NH_ERR_PROTO},
    {"CONNACK, longer", 4, SERVER, ROW("\x20\3\0\0\0"), NH_ERR_SYNTAX},
    {"CONNACK of 5", 5, SERVER, ROW("\x20\6\1\0\3\x13\0\x3C"), NH_OK},
    {"CONNACK of 5, no properties", 5, SERVER, ROW("\x20\2\1\0"), NH_ERR_SYNTAX}, // [MQTT5-2.2.2-1]
    {"CONNACK of 5, byte behind", 5, SERVER, ROW("\x20\4\1\0\0x"), NH_ERR_SYNTAX},
    {"CONNACK of 5, refusal with a session", 5, SERVER, ROW("\x20\3\1\x87\0"),
     NH_ERR_PROTO}, // [MQTT5-3.2.2-6]
    {"CONNACK of 5, other flags", 5, SERVER, ROW("\x20\3\x80\0\0"),
     NH_ERR_SYNTAX}, // [MQTT5-3.2.2-1]
    // PUBLISH
    {"PUBLISH", 4, CLIENT, ROW("\x30\4\0\1tm"), NH_OK},
    {"PUBLISH without payload", 4, CLIENT, ROW("\x31\3\0\1t"), NH_OK},
    {"PUBLISH at QoS 1", 4, CLIENT, ROW("\x32\6\0\1t\0\1m"), NH_OK},
    {"PUBLISH again", 4, SERVER, ROW("\x3D\6\0\1t\xFF\xFFm"), NH_OK},
    {"PUBLISH, id 0", 4, CLIENT, ROW("\x32\6\0\1t\0\0m"), NH_ERR_SYNTAX},       // [MQTT-2.3.1-1]
    {"PUBLISH of 5, id 0", 5, CLIENT, ROW("\x32\6\0\1t\0\0\0"), NH_ERR_SYNTAX}, // [MQTT5-2.2.1-3]
    {"PUBLISH, id cut", 4, CLIENT, ROW("\x32\4\0\1t\1"), NH_ERR_SYNTAX},
    {"PUBLISH, topic cut", 4, CLIENT, ROW("\x30\3\0\2t"), NH_ERR_SYNTAX},
    {"PUBLISH at QoS 3", 4, CLIENT, ROW("\x36\6\0\1t\0\1m"), NH_ERR_SYNTAX}, // [MQTT-3.3.1-4]
    {"PUBLISH of 5 at QoS 3", 5, CLIENT, ROW("\x36\6\0\1t\0\1\0"),
     NH_ERR_SYNTAX},                                                           // [MQTT5-3.3.1-4]
    {"PUBLISH at QoS 0, DUP", 5, CLIENT, ROW("\x38\4\0\1t\0"), NH_ERR_SYNTAX}, // [MQTT5-3.3.1-2]
    {"PUBLISH of 5", 5, CLIENT, ROW("\x30\5\0\1t\0m"), NH_OK},
    {"PUBLISH of 5, properties missing", 5, CLIENT, ROW("\x30\3\0\1t"),
     NH_ERR_SYNTAX}, // [MQTT5-2.2.2-1]
    {"PUBLISH of 5, properties cut", 5, CLIENT, ROW("\x30\6\0\1t\3\1\1"), NH_ERR_SYNTAX},
    {"PUBLISH of 5, expiry and text", 5, CLIENT, ROW("\x30\x0C\0\1t\7\2\0\0\0\1\1\1m"), NH_OK},
    {"PUBLISH of 5, alias alone", 5, CLIENT, ROW("\x30\7\0\0\3\x23\0\1m"), NH_OK},
    {"PUBLISH of 5, nothing to name it", 5, CLIENT, ROW("\x30\4\0\0\0m"), NH_ERR_PROTO},
    {"PUBLISH of 5, alias 0", 5, CLIENT, ROW("\x30\7\0\0\3\x23\0\0m"),
     NH_ERR_RANGE}, // [MQTT5-3.3.2-8]
    {"PUBLISH of 5, subscription identifier", 5, CLIENT, ROW("\x30\7\0\1t\2\x0B\1m"),
     NH_ERR_PROTO}, // [MQTT5-3.3.4-6]
    {"PUBLISH of 5 to a client, two identifiers", 5, SERVER, ROW("\x30\x09\0\1t\4\x0B\1\x0B\2m"),
     NH_OK},
    // acknowledgements
    {"PUBACK", 4, CLIENT, ROW("\x40\2\0\1"), NH_OK},
    {"PUBACK, id 0", 4, CLIENT, ROW("\x40\2\0\0"), NH_ERR_SYNTAX},
    {"PUBACK, longer", 4, CLIENT, ROW("\x40\3\0\1\0"), NH_ERR_SYNTAX},
    {"PUBACK, shorter", 4, CLIENT, ROW("\x40\1\1"), NH_ERR_SYNTAX},
    {"PUBREL", 4, CLIENT, ROW("\x62\2\0\1"), NH_OK},
    {"PUBREL, flags 0", 4, CLIENT, ROW("\x60\2\0\1"), NH_ERR_SYNTAX},      // [MQTT-3.6.1-1]
    {"PUBREL of 5, flags 0", 5, CLIENT, ROW("\x60\2\0\1"), NH_ERR_SYNTAX}, // [MQTT5-3.6.1-1]
    {"PUBACK of 5, short", 5, CLIENT, ROW("\x40\2\0\1"), NH_OK},
    {"PUBACK of 5, code", 5, CLIENT, ROW("\x40\3\0\1\x10"), NH_OK},
    {"PUBACK of 5, code and nothing", 5, CLIENT, ROW("\x40\4\0\1\x10\0"), NH_OK},
    {"PUBACK of 5, reason", 5, CLIENT, ROW("\x40\x08\0\1\x80\4\x1F\0\1x"), NH_OK},
    {"PUBACK of 5, byte behind", 5, CLIENT, ROW("\x40\5\0\1\x10\0x"), NH_ERR_SYNTAX},
    {"PUBACK of 5, properties cut", 5, CLIENT, ROW("\x40\5\0\1\x10\4\x1F"), NH_ERR_SYNTAX},
    {"PUBREC of 5, two reasons", 5, SERVER, ROW("\x50\x0A\0\1\x80\6\x1F\0\0\x1F\0\0"),
     NH_ERR_PROTO},
    {"PUBREL of 5, code", 5, CLIENT, ROW("\x62\3\0\1\x92"), NH_OK},
    {"PUBCOMP of 5, code", 5, SERVER, ROW("\x70\3\0\1\x92"), NH_OK},
    // SUBSCRIBE
    {"SUBSCRIBE", 4, CLIENT, ROW("\x82\x0A\0\1\0\1a\0\0\1#\2"), NH_OK},
    {"SUBSCRIBE, flags 0", 4, CLIENT, ROW("\x80\6\0\1\0\1a\0"), NH_ERR_SYNTAX}, // [MQTT-3.8.1-1]
    {"SUBSCRIBE of 5, flags 0", 5, CLIENT, ROW("\x80\7\0\1\0\0\1a\0"),
     NH_ERR_SYNTAX},                                                           // [MQTT5-3.8.1-1]
    {"SUBSCRIBE, nothing", 4, CLIENT, ROW("\x82\2\0\1"), NH_ERR_PROTO},        // [MQTT-3.8.3-3]
    {"SUBSCRIBE of 5, nothing", 5, CLIENT, ROW("\x82\3\0\1\0"), NH_ERR_PROTO}, // [MQTT5-3.8.3-2]
    {"SUBSCRIBE, id 0", 4, CLIENT, ROW("\x82\6\0\0\0\1a\0"), NH_ERR_SYNTAX},
    {"SUBSCRIBE of 5, id 0", 5, CLIENT, ROW("\x82\7\0\0\0\0\1a\0"),
     NH_ERR_SYNTAX},                                                          // [MQTT5-2.2.1-3]
    {"SUBSCRIBE, QoS 3", 4, CLIENT, ROW("\x82\6\0\1\0\1a\3"), NH_ERR_SYNTAX}, // [MQTT-3.8.3-4]
    {"SUBSCRIBE, option of 5", 4, CLIENT, ROW("\x82\6\0\1\0\1a\4"), NH_ERR_SYNTAX},
    {"SUBSCRIBE, second one cut", 4, CLIENT, ROW("\x82\x09\0\1\0\1a\0\0\1#"), NH_ERR_SYNTAX},
    {"SUBSCRIBE of 5", 5, CLIENT, ROW("\x82\x0D\0\1\2\x0B\1\0\1a\x2E\0\1#\1"), NH_OK},
    {"SUBSCRIBE of 5, QoS 3", 5, CLIENT, ROW("\x82\7\0\1\0\0\1a\3"), NH_ERR_PROTO},
    {"SUBSCRIBE of 5, retain handling 3", 5, CLIENT, ROW("\x82\7\0\1\0\0\1a\x30"), NH_ERR_PROTO},
    {"SUBSCRIBE of 5, reserved bit 6", 5, CLIENT, ROW("\x82\7\0\1\0\0\1a\x40"),
     NH_ERR_SYNTAX}, // [MQTT5-3.8.3-5]
    {"SUBSCRIBE of 5, reserved bit 7", 5, CLIENT, ROW("\x82\7\0\1\0\0\1a\x80"), NH_ERR_SYNTAX},
    {"SUBSCRIBE of 5, shared, no local", 5, CLIENT, ROW("\x82\x10\0\1\0\0\x0A$share/g/a\4"),
     NH_ERR_PROTO}, // [MQTT5-3.8.3-4]
    {"SUBSCRIBE of 5, shared", 5, CLIENT, ROW("\x82\x10\0\1\0\0\x0A$share/g/a\2"), NH_OK},
    {"SUBSCRIBE of 5, no local", 5, CLIENT, ROW("\x82\x0C\0\1\0\0\6$share\4"), NH_OK},
    {"SUBSCRIBE of 5, identifier 0", 5, CLIENT, ROW("\x82\x09\0\1\2\x0B\0\0\1a\0"), NH_ERR_PROTO},
    {"SUBSCRIBE of 5, two identifiers", 5, CLIENT, ROW("\x82\x0B\0\1\4\x0B\1\x0B\2\0\1a\0"),
     NH_ERR_PROTO},
    // SUBACK
    {"SUBACK", 4, SERVER, ROW("\x90\6\0\1\0\1\2\x80"), NH_OK},
    {"SUBACK, code 3", 4, SERVER, ROW("\x90\3\0\1\3"), NH_ERR_PROTO}, // [MQTT-3.9.3-2]
    {"SUBACK, nothing", 4, SERVER, ROW("\x90\2\0\1"), NH_ERR_SYNTAX},
    {"SUBACK of 5", 5, SERVER, ROW("\x90\5\0\1\0\2\x8F"), NH_OK},
    {"SUBACK of 5, code 4", 5, SERVER, ROW("\x90\4\0\1\0\4"), NH_ERR_PROTO}, // [MQTT5-3.9.3-2]
    // UNSUBSCRIBE and UNSUBACK
    {"UNSUBSCRIBE", 4, CLIENT, ROW("\xA2\x08\0\1\0\1a\0\1#"), NH_OK},
    {"UNSUBSCRIBE, flags 0", 4, CLIENT, ROW("\xA0\5\0\1\0\1a"), NH_ERR_SYNTAX}, // [MQTT-3.10.1-1]
    {"UNSUBSCRIBE, nothing", 4, CLIENT, ROW("\xA2\2\0\1"), NH_ERR_PROTO},       // [MQTT-3.10.3-2]
    {"UNSUBSCRIBE of 5", 5, CLIENT, ROW("\xA2\x0D\0\1\7\x26\0\1k\0\1v\0\1a"), NH_OK},
    {"UNSUBSCRIBE of 5, nothing", 5, CLIENT, ROW("\xA2\3\0\1\0"), NH_ERR_PROTO}, // [MQTT5-3.10.3-2]
    {"UNSUBSCRIBE of 5, flags 0", 5, CLIENT, ROW("\xA0\6\0\1\0\0\1a"),
     NH_ERR_SYNTAX}, // [MQTT5-3.10.1-1]
    {"UNSUBACK", 4, SERVER, ROW("\xB0\2\0\1"), NH_OK},
    {"UNSUBACK with codes", 4, SERVER, ROW("\xB0\3\0\1\0"), NH_ERR_SYNTAX},
    {"UNSUBACK of 5", 5, SERVER, ROW("\xB0\5\0\1\0\0\x11"), NH_OK},
    {"UNSUBACK of 5, nothing", 5, SERVER, ROW("\xB0\3\0\1\0"), NH_ERR_SYNTAX},
    {"UNSUBACK of 5, code 1", 5, SERVER, ROW("\xB0\4\0\1\0\1"), NH_ERR_PROTO},
    // the rest
    {"PINGREQ", 4, CLIENT, ROW("\xC0\0"), NH_OK},
    {"PINGREQ, longer", 5, CLIENT, ROW("\xC0\1\0"), NH_ERR_SYNTAX},
    {"PINGRESP", 5, SERVER, ROW("\xD0\0"), NH_OK},
    {"PINGRESP, longer", 4, SERVER, ROW("\xD0\1\0"), NH_ERR_SYNTAX},
    {"DISCONNECT", 4, CLIENT, ROW("\xE0\0"), NH_OK},
    {"DISCONNECT, flags", 4, CLIENT, ROW("\xE1\0"), NH_ERR_SYNTAX}, // [MQTT-3.14.1-1]
    {"DISCONNECT, longer", 4, CLIENT, ROW("\xE0\1\0"), NH_ERR_SYNTAX},
    {"DISCONNECT from a server", 4, SERVER, ROW("\xE0\0"), NH_ERR_PROTO},
    {"DISCONNECT of 5, short", 5, CLIENT, ROW("\xE0\0"), NH_OK},
    {"DISCONNECT of 5, flags", 5, CLIENT, ROW("\xE1\0"), NH_ERR_SYNTAX}, // [MQTT5-3.14.1-1]
    {"DISCONNECT of 5, code", 5, CLIENT, ROW("\xE0\1\4"), NH_OK},
    {"DISCONNECT of 5, code that is none", 5, CLIENT, ROW("\xE0\1\5"),
     NH_ERR_PROTO}, // [MQTT5-3.14.2-1]
    {"DISCONNECT of 5, expiry", 5, CLIENT, ROW("\xE0\7\0\5\x11\0\0\0\1"), NH_OK},
    {"DISCONNECT of 5, expiry from a server", 5, SERVER, ROW("\xE0\7\0\5\x11\0\0\0\1"),
     NH_ERR_PROTO}, // [MQTT5-3.14.2-2]
    {"DISCONNECT of 5 from a server", 5, SERVER, ROW("\xE0\6\x9D\4\x1C\0\1r"), NH_OK},
    {"AUTH", 5, CLIENT, ROW("\xF0\6\x18\4\x15\0\1m"), NH_OK},
    {"AUTH, flags", 5, CLIENT, ROW("\xF1\6\x18\4\x15\0\1m"), NH_ERR_SYNTAX}, // [MQTT5-3.15.1-1]
    {"AUTH with data", 5, SERVER, ROW("\xF0\x0A\x18\x08\x15\0\1m\x16\0\1d"), NH_OK},
    {"AUTH, short", 5, SERVER, ROW("\xF0\0"), NH_OK},
    {"AUTH, code alone", 5, SERVER, ROW("\xF0\1\0"), NH_ERR_PROTO},
    {"AUTH, code that is none", 5, CLIENT, ROW("\xF0\6\x17\4\x15\0\1m"),
     NH_ERR_PROTO}, // [MQTT5-3.15.2-1]
    {"AUTH of 3.1.1", 4, CLIENT, ROW("\xF0\0"), NH_ERR_PROTO},
};

// Whole; and byte by byte the header alone says that more is needed, never anything else.
static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct any_packet p;
        int rc = decode(rows[i].version, rows[i].from, rows[i].bytes, rows[i].len, &p);
        if (rc != rows[i].rc)
            fail_msg("%s: %d", rows[i].name, rc);
        int first = decode(rows[i].version, rows[i].from, rows[i].bytes, 1, &p);
        assert_int_equal(decode(rows[i].version, rows[i].from, rows[i].bytes, 0, &p), NH_ERR_AGAIN);
        assert_true(first == NH_ERR_AGAIN || first == NH_ERR_SYNTAX);
        for (size_t len = 2; len < rows[i].len; len++) {
            rc = decode(rows[i].version, rows[i].from, rows[i].bytes, len, &p);
            assert_int_equal(rc, first);
        }
    }
}

// What was decoded encodes to the same, or to the shorter form of it, in room of its exact size and
// in no less.
static void round_trip(const char *name, const struct any_packet *p)
{
    static uint8_t room[4096], more[4096];
    struct any_packet again;
    int len = any_encode(p, more, sizeof more);
    if (len < 2 || (size_t)len > sizeof room)
        fail_msg("%s: %d bytes", name, len);
    for (size_t cap = (size_t)len - 1; cap <= (size_t)len; cap++) {
        uint8_t *at = room + sizeof room - cap;
        memset(room, 0xEE, sizeof room);
        assert_int_equal(any_encode(p, at, cap), len);
        if (cap < (size_t)len && p->type != NH_MQTT__PUBLISH && p->type != NH_MQTT__SUBACK &&
            p->type != NH_MQTT__UNSUBACK)
            assert_int_equal(*at, 0xEE);
        else if (cap == (size_t)len)
            assert_memory_equal(at, more, len);
    }
    int rc = decode(p->version, p->from, more, (size_t)len, &again);
    if (rc != NH_OK || !any_equal(p, &again))
        fail_msg("%s: came back as another (%d)", name, rc);
}

static void test_rows_there_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct any_packet p;
        if (decode(rows[i].version, rows[i].from, rows[i].bytes, rows[i].len, &p) == NH_OK)
            round_trip(rows[i].name, &p);
    }
}

// A sound packet whose body ends early, as its header says, is refused, or is another sound packet.
static void test_rows_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct any_packet p;
        if (rows[i].rc != NH_OK)
            continue;
        for (size_t len = 2; len < rows[i].len; len++) {
            uint8_t bytes[64];
            memcpy(bytes, rows[i].bytes, len);
            bytes[1] = (uint8_t)(len - 2);
            int rc = decode(rows[i].version, rows[i].from, bytes, len, &p);
            if (rc == NH_OK)
                round_trip(rows[i].name, &p);
            else if (rc != NH_ERR_SYNTAX && rc != NH_ERR_PROTO)
                fail_msg("%s cut to %u: %d", rows[i].name, (unsigned)len, rc);
        }
    }
}

// Every cut of a CONNECT with all its fields is refused.
static void test_connect_cuts(void **state)
{
    static const uint8_t body4[] = C4 "\xf6\0\x3c\0\2id\0\1w\0\2\0\xff\0\1u\0\1p";
    static const uint8_t body5[] = C5 "\xf6\0\x3c\2\x17\1\0\2id\2\1\1\0\1w\0\2\0\xff\0\1u\0\1p";
    struct nh_mqtt__connect k;
    (void)state;
    for (size_t len = 0; len < sizeof body4 - 1; len++)
        assert_int_equal(nh_mqtt__connect_decode((nh_span_t){body4, len}, &k), NH_ERR_SYNTAX);
    for (size_t len = 0; len < sizeof body5 - 1; len++)
        assert_int_equal(nh_mqtt__connect_decode((nh_span_t){body5, len}, &k), NH_ERR_SYNTAX);
    assert_int_equal(nh_mqtt__connect_decode((nh_span_t){body4, sizeof body4 - 1}, &k), NH_OK);
    assert_int_equal(k.level, 4);
    assert_int_equal(nh_mqtt__connect_decode((nh_span_t){body5, sizeof body5 - 1}, &k), NH_OK);
    assert_int_equal(k.level, 5);
    assert_int_equal(k.keepalive_s, 60);
    assert_int_equal(k.will_qos, 2);
    assert_true(k.will_retain && k.has_will && k.has_user && k.has_password && k.is_clean);
    assert_int_equal(k.will_payload.len, 2);
    assert_memory_equal(k.password.ptr, "p", 1);
    assert_int_equal(nh_mqtt__props_number(&k.props, NH_MQTT__REQUEST_PROBLEM_INFORMATION, 9), 1);
    assert_true(nh_mqtt__props_has(&k.will_props, NH_MQTT__PAYLOAD_FORMAT_INDICATOR));
}

static void test_subscriptions(void **state)
{
    struct any_packet p;
    static const char bytes[] = "\x82\x0D\0\1\2\x0B\1\0\1a\x2E\0\1#\1";
    (void)state;
    assert_int_equal(decode(5, CLIENT, bytes, sizeof bytes - 1, &p), NH_OK);
    assert_int_equal(p.subscribe.count, 2);
    assert_int_equal(p.sub_count, 2);
    assert_true(p.subs[0].qos == 2 && p.subs[0].no_local && p.subs[0].retain_as_published);
    assert_int_equal(p.subs[0].retain_handling, NH_MQTT__RETAIN_SEND_NONE);
    assert_true(p.subs[1].qos == 1 && !p.subs[1].no_local && !p.subs[1].retain_as_published);
    assert_int_equal(p.subs[1].retain_handling, NH_MQTT__RETAIN_SEND);
    assert_memory_equal(p.subs[1].filter.ptr, "#", 1);
}

// ---- reason codes -------------------------------------------------------------------------------

// Table 2-6 of the standard by packet.
static const struct {
    enum nh_mqtt__type type;
    const char *codes;
    size_t count;
} allowed[] = {
    {NH_MQTT__CONNACK, ROW("\0\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8A\x8C\x90\x95\x97\x99\x9A"
                           "\x9B\x9C\x9D\x9F")},
    {NH_MQTT__PUBACK, ROW("\0\x10\x80\x83\x87\x90\x91\x97\x99")},
    {NH_MQTT__PUBREC, ROW("\0\x10\x80\x83\x87\x90\x91\x97\x99")},
    {NH_MQTT__PUBREL, ROW("\0\x92")},
    {NH_MQTT__PUBCOMP, ROW("\0\x92")},
    {NH_MQTT__SUBACK, ROW("\0\1\2\x80\x83\x87\x8F\x91\x97\x9E\xA1\xA2")},
    {NH_MQTT__UNSUBACK, ROW("\0\x11\x80\x83\x87\x8F\x91")},
    {NH_MQTT__DISCONNECT, ROW("\0\4\x80\x81\x82\x83\x87\x89\x8B\x8C\x8D\x8E\x8F\x90\x93\x94\x95\x96"
                              "\x97\x98\x99\x9A\x9B\x9C\x9D\x9E\x9F\xA0\xA1\xA2")},
    {NH_MQTT__AUTH, ROW("\0\x18\x19")},
};

// A packet of that type that says `code`.
static size_t say(enum nh_mqtt__type type, unsigned code, uint8_t *out)
{
    uint8_t c = (uint8_t)code;
    struct any_packet p = {.version = 5, .type = (uint8_t)type};
    static const uint8_t method[] = {NH_MQTT__AUTHENTICATION_METHOD, 0, 1, 'm'};
    switch (type) {
    case NH_MQTT__CONNACK:
        p.connack.code = c;
        break;
    case NH_MQTT__SUBACK:
    case NH_MQTT__UNSUBACK:
        p.suback = (struct nh_mqtt__suback){.packet_id = 1, .codes = {&c, 1}};
        break;
    case NH_MQTT__AUTH:
        p.end.props.bytes = (nh_span_t){method, sizeof method};
        p.end.code = c;
        break;
    case NH_MQTT__DISCONNECT:
        p.end.code = c;
        break;
    default:
        p.ack = (struct nh_mqtt__ack){.packet_id = 1, .code = c};
    }
    int len = any_encode(&p, out, 32);
    assert_true(len > 0 && len <= 32);
    return (size_t)len;
}

// Every code in every packet that has one: [MQTT5-3.2.2-8], [MQTT5-3.4.2-1], [MQTT5-3.5.2-1],
// [MQTT5-3.6.2-1], [MQTT5-3.7.2-1], [MQTT5-3.9.3-2], [MQTT5-3.11.3-2], [MQTT5-3.14.2-1],
// [MQTT5-3.15.2-1].
static void test_every_reason_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(allowed); i++) {
        for (unsigned code = 0; code < 256; code++) {
            bool expected = memchr(allowed[i].codes, (int)code, allowed[i].count);
            uint8_t bytes[32];
            struct any_packet p;
            assert_int_equal(nh_mqtt__reason_is_allowed(5, allowed[i].type, code), expected);
            int rc = decode(5, SERVER, bytes, say(allowed[i].type, code, bytes), &p);
            if (rc != (expected ? NH_OK : NH_ERR_PROTO))
                fail_msg("type %d, code 0x%02x: %d", (int)allowed[i].type, code, rc);
            assert_true(!expected || strcmp(nh_mqtt_reason_text(code), "unknown reason") != 0);
        }
        assert_false(nh_mqtt__reason_is_allowed(5, allowed[i].type, 256));
    }
    assert_false(nh_mqtt__reason_is_allowed(5, NH_MQTT__PUBLISH, 0));
    assert_string_equal(nh_mqtt_reason_text(0x8D), "keep alive timeout");
    assert_string_equal(nh_mqtt_reason_text(3), "unknown reason");
}

static void test_reason_of_errors(void **state)
{
    (void)state;
    assert_int_equal(nh_mqtt__reason_of(NH_OK), NH_MQTT_REASON_SUCCESS);
    assert_int_equal(nh_mqtt__reason_of(NH_ERR_SYNTAX), 0x81);
    assert_int_equal(nh_mqtt__reason_of(NH_ERR_PROTO), 0x82);
    assert_int_equal(nh_mqtt__reason_of(NH_ERR_RANGE), 0x94);
    assert_int_equal(nh_mqtt__reason_of(NH_ERR_TOO_LONG), 0x95);
    assert_int_equal(nh_mqtt__reason_of(NH_ERR_NOMEM), 0x97);
    assert_int_equal(nh_mqtt__reason_of(NH_ERR_FULL), 0x97);
    assert_int_equal(nh_mqtt__reason_of(NH_ERR_DENIED), 0x87);
    assert_int_equal(nh_mqtt__reason_of(NH_ERR_UNSUPPORTED), 0x84);
    assert_int_equal(nh_mqtt__reason_of(NH_ERR_IO), 0x80);
}

// ---- encoding -----------------------------------------------------------------------------------

static void test_short_forms(void **state)
{
    static const uint8_t reason[] = {NH_MQTT__REASON_STRING, 0, 1, 'x'};
    struct nh_mqtt__ack ack = {.packet_id = 0x1234};
    struct nh_mqtt__end end = {0};
    uint8_t out[16];
    (void)state;
    nh_mqtt__ack_put(out, NH_MQTT__PUBREL, 0x1234); // [MQTT-3.6.1-1]
    assert_memory_equal(out, "\x62\2\x12\x34", 4);
    assert_int_equal(nh_mqtt__ack_encode(5, NH_MQTT__PUBACK, &ack, out, sizeof out), 4);
    assert_memory_equal(out, "\x40\2\x12\x34", 4);
    assert_int_equal(nh_mqtt__end_encode(5, NH_MQTT__DISCONNECT, &end, out, sizeof out), 2);
    assert_memory_equal(out, "\xE0\0", 2);
    ack.code = end.code = 0x87;
    assert_int_equal(nh_mqtt__ack_encode(5, NH_MQTT__PUBREC, &ack, out, sizeof out), 5);
    assert_memory_equal(out, "\x50\3\x12\x34\x87", 5);
    assert_int_equal(nh_mqtt__end_encode(5, NH_MQTT__DISCONNECT, &end, out, sizeof out), 3);
    assert_memory_equal(out, "\xE0\1\x87", 3);
    ack.code = 0;
    ack.props.bytes = (nh_span_t){reason, sizeof reason};
    assert_int_equal(nh_mqtt__ack_encode(5, NH_MQTT__PUBREC, &ack, out, sizeof out), 10);
    assert_memory_equal(out, "\x50\x08\x12\x34\0\4\x1F\0\1x", 10);
    // 3.1.1 has neither.
    assert_int_equal(nh_mqtt__ack_encode(4, NH_MQTT__PUBREC, &ack, out, sizeof out), 4);
    assert_int_equal(nh_mqtt__end_encode(4, NH_MQTT__DISCONNECT, &end, out, sizeof out), 2);
}

// Fields that no length can tell, and a packet that no remaining length can. The bytes are never
// looked at.
static void test_too_long(void **state)
{
    uint8_t out[64];
    struct nh_mqtt__connect k = {.level = 5, .client_id = {out, 65536}};
    struct nh_mqtt__publish_head pub = {.topic = {out, 1}, .payload = {out, NH_MQTT__BODY_MAX - 3}};
    struct nh_mqtt__suback suback = {.packet_id = 1};
    (void)state;
    assert_int_equal(nh_mqtt__connect_encode(&k, out, sizeof out), NH_ERR_TOO_LONG);
    k.client_id.len = 65535;
    assert_int_equal(nh_mqtt__connect_encode(&k, out, sizeof out),
                     4 + 6 + 1 + 1 + 2 + 1 + 2 + 65535);
    k.props.bytes = (nh_span_t){out, (size_t)NH_MQTT__BODY_MAX + 1};
    assert_int_equal(nh_mqtt__connect_encode(&k, out, sizeof out), NH_ERR_TOO_LONG);
    assert_int_equal(nh_mqtt__publish_encode(4, &pub, out, sizeof out), 5 + 3);
    assert_int_equal(nh_mqtt__publish_encode(5, &pub, out, sizeof out), NH_ERR_TOO_LONG);
    assert_int_equal(
        nh_mqtt__suback_encode(5, NH_MQTT__SUBACK, &suback, NH_MQTT__BODY_MAX, out, sizeof out),
        NH_ERR_TOO_LONG);
}

// ---- random packets -----------------------------------------------------------------------------

static struct rng rng;
static uint8_t pool[8192]; // texts and lists of the packet being made
static size_t pool_len;

static nh_span_t random_bytes(size_t max)
{
    nh_span_t s = {pool + pool_len, rng_below(&rng, (uint32_t)max + 1)};
    rng_bytes(&rng, pool + pool_len, s.len);
    pool_len += s.len;
    return s;
}

static nh_span_t random_text(size_t max)
{
    static const char *const pieces[] = {"a", "/", "$share/", "\xC3\xA9", "\xE2\x82\xAC", "x"};
    nh_span_t s = {pool + pool_len, 0};
    size_t want = rng_below(&rng, (uint32_t)max + 1);
    while (s.len + 7 < want) {
        const char *piece = pieces[rng_below(&rng, NH_ARRAY_LEN(pieces))];
        memcpy(pool + pool_len, piece, strlen(piece));
        s.len += strlen(piece);
        pool_len += strlen(piece);
    }
    return s;
}

static bool coin(void)
{
    return rng_below(&rng, 2);
}

// Puts a random property; one that has no place there, or no more, is left out.
static void random_prop(struct nh_mqtt__props_out *out)
{
    static const uint32_t numbers[] = {0, 1, 2, 127, 128, 255, 256, 16384, 65535, 268435455, ~0u};
    struct nh_mqtt__props_out before = *out;
    enum nh_mqtt__prop_id id = (enum nh_mqtt__prop_id)(1 + rng_below(&rng, NH_MQTT__PROP_ID_MAX));
    unsigned form = rng_below(&rng, 3);
    if (id == NH_MQTT__USER_PROPERTY)
        nh_mqtt__props_put_user(out, random_text(20), random_text(20));
    else if (form == 0)
        nh_mqtt__props_put_number(out, id, numbers[rng_below(&rng, NH_ARRAY_LEN(numbers))]);
    else if (form == 1)
        nh_mqtt__props_put_bytes(out, id, random_text(200));
    else
        nh_mqtt__props_put_bytes(out, id, random_bytes(20));
    if (out->rc < 0)
        *out = before;
}

static struct nh_mqtt__props random_props(uint8_t version, uint8_t where)
{
    struct nh_mqtt__props props = {0};
    struct nh_mqtt__props_out out;
    if (version < 5)
        return props;
    nh_mqtt__props_begin(&out, where, pool + 4096 + rng_below(&rng, 2) * 2048, 2048);
    if ((where & 15) == NH_MQTT__AUTH || coin())
        nh_mqtt__props_put_bytes(&out, NH_MQTT__AUTHENTICATION_METHOD, random_text(20));
    out.rc = 0;
    for (uint32_t n = coin() ? 0 : rng_below(&rng, 60); n; n--)
        random_prop(&out);
    // Data without a method: an empty list instead.
    return nh_mqtt__props_end(&out, &props) < 0 ? (struct nh_mqtt__props){0} : props;
}

static uint8_t random_code(uint8_t version, enum nh_mqtt__type type)
{
    for (;;) {
        uint8_t code = (uint8_t)rng_next(&rng);
        if (nh_mqtt__reason_is_allowed(version, type, code))
            return code;
    }
}

static void random_connect(struct any_packet *p)
{
    bool has_will = coin(), has_user = coin();
    p->connect = (struct nh_mqtt__connect){
        .client_id = random_text(40),
        .props = random_props(p->version, NH_MQTT__WHERE(NH_MQTT__CONNECT, CLIENT)),
        .keepalive_s = (uint16_t)rng_next(&rng),
        .level = p->version,
        .is_clean = coin(),
        .has_will = has_will,
        .has_user = has_user,
        .has_password = coin() && (has_user || p->version == 5),
    };
    if (has_will) {
        p->connect.will_topic = random_text(40);
        p->connect.will_payload = random_bytes(300);
        p->connect.will_qos = (uint8_t)rng_below(&rng, 3);
        p->connect.will_retain = coin();
        if (p->connect.props.bytes.len == 0) // one list at a time lies in the pool
            p->connect.will_props = random_props(p->version, NH_MQTT__WHERE_WILL);
    }
    if (has_user)
        p->connect.user = random_text(40);
    if (p->connect.has_password)
        p->connect.password = random_bytes(40);
}

static void random_publish(struct any_packet *p)
{
    uint8_t qos = (uint8_t)rng_below(&rng, 3);
    p->publish = (struct nh_mqtt__publish_head){
        .topic = random_text(60),
        .payload = random_bytes(300),
        .props = random_props(p->version, NH_MQTT__WHERE(NH_MQTT__PUBLISH, p->from)),
        .packet_id = qos ? (uint16_t)(1 + rng_below(&rng, 65535)) : 0,
        .qos = qos,
        .retain = coin(),
        .is_dup = qos && coin(),
    };
    if (!nh_mqtt__props_has(&p->publish.props, NH_MQTT__TOPIC_ALIAS) && !p->publish.topic.len)
        p->publish.topic = (nh_span_t){(const uint8_t *)"t", 1};
}

static void random_subscribe(struct any_packet *p)
{
    p->subscribe = (struct nh_mqtt__subscribe){
        .props = random_props(p->version, NH_MQTT__WHERE(p->type, CLIENT)),
        .packet_id = (uint16_t)(1 + rng_below(&rng, 65535)),
        .version = p->version,
        .type = p->type,
    };
    p->sub_count = 1 + rng_below(&rng, ANY_SUBS_MAX);
    for (uint32_t i = 0; i < p->sub_count; i++) {
        struct nh_mqtt__subscription *s = &p->subs[i];
        s->filter = random_text(60);
        if (p->type == NH_MQTT__UNSUBSCRIBE)
            continue;
        s->qos = (uint8_t)rng_below(&rng, 3);
        if (p->version < 5)
            continue;
        s->retain_handling = (uint8_t)rng_below(&rng, 3);
        s->retain_as_published = coin();
        s->no_local = s->filter.len && s->filter.ptr[0] != '$' && coin();
    }
}

static void random_suback(struct any_packet *p)
{
    p->suback = (struct nh_mqtt__suback){
        .props = random_props(p->version, NH_MQTT__WHERE(p->type, SERVER)),
        .packet_id = (uint16_t)(1 + rng_below(&rng, 65535)),
    };
    if (p->version < 5 && p->type == NH_MQTT__UNSUBACK)
        return;
    size_t count = 1 + rng_below(&rng, 20);
    p->suback.codes = (nh_span_t){pool + pool_len, count};
    while (count--)
        pool[pool_len++] = random_code(p->version, p->type);
}

static void random_packet(struct any_packet *p)
{
    memset(p, 0, sizeof *p);
    pool_len = 0;
    p->version = coin() ? 5 : 4;
    p->from = coin() ? SERVER : CLIENT;
    for (;;) { // a type that this side sends in this version
        static const uint8_t flags[16] = {[6] = 2, [8] = 2, [10] = 2};
        p->type = (uint8_t)(1 + rng_below(&rng, 15));
        uint8_t head[2] = {(uint8_t)(p->type << 4 | flags[p->type]), 0};
        struct nh_mqtt__head ignored;
        bool is_late = p->type == NH_MQTT__AUTH || (p->type == NH_MQTT__DISCONNECT && p->from);
        if (nh_mqtt__head_decode(head, 2, p->from, &ignored) == 2 && (p->version == 5 || !is_late))
            break;
    }
    switch (p->type) {
    case NH_MQTT__CONNECT:
        random_connect(p);
        break;
    case NH_MQTT__CONNACK:
        p->connack.props = random_props(p->version, NH_MQTT__WHERE(p->type, p->from));
        p->connack.code = coin() ? 0 : random_code(p->version, p->type);
        p->connack.is_session_present = p->connack.code == 0 && coin();
        break;
    case NH_MQTT__PUBLISH:
        random_publish(p);
        break;
    case NH_MQTT__SUBSCRIBE:
    case NH_MQTT__UNSUBSCRIBE:
        random_subscribe(p);
        break;
    case NH_MQTT__SUBACK:
    case NH_MQTT__UNSUBACK:
        random_suback(p);
        break;
    case NH_MQTT__PINGREQ:
    case NH_MQTT__PINGRESP:
        break;
    case NH_MQTT__DISCONNECT:
    case NH_MQTT__AUTH:
        if (p->version < 5)
            break;
        p->end.code = random_code(5, p->type);
        p->end.props = random_props(5, NH_MQTT__WHERE(p->type, p->from));
        break;
    default:
        p->ack.packet_id = (uint16_t)(1 + rng_below(&rng, 65535));
        p->ack.code = p->version < 5 ? 0 : random_code(5, p->type);
        p->ack.props = random_props(p->version, NH_MQTT__WHERE(p->type, p->from));
    }
}

// A spoiled packet is refused, or is another sound packet.
static void spoil(const struct any_packet *p)
{
    static uint8_t bytes[4096];
    struct any_packet other;
    int len = any_encode(p, bytes, sizeof bytes);
    for (int i = 0; i < 8; i++) {
        uint32_t at = rng_below(&rng, (uint32_t)len);
        uint8_t was = bytes[at];
        bytes[at] = (uint8_t)(coin() ? rng_next(&rng) : was ^ 1u << rng_below(&rng, 8));
        if (decode(p->version, p->from, bytes, (size_t)len, &other) == NH_OK)
            round_trip("spoiled", &other);
        bytes[at] = was;
    }
}

static void test_random_packets(void **state)
{
    uint32_t seen[16] = {0};
    (void)state;
    rng = (struct rng){20};
    for (int round = 0; round < 6000; round++) {
        struct any_packet p;
        random_packet(&p);
        round_trip("random", &p);
        spoil(&p);
        seen[p.type]++;
    }
    for (int type = 1; type < 16; type++)
        assert_true(seen[type] > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_rows_there_and_back),
        cmocka_unit_test(test_rows_cut),
        cmocka_unit_test(test_connect_cuts),
        cmocka_unit_test(test_subscriptions),
        cmocka_unit_test(test_every_reason_code),
        cmocka_unit_test(test_reason_of_errors),
        cmocka_unit_test(test_short_forms),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_random_packets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
