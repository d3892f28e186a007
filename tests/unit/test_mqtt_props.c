// The properties of 5.0: each against each packet, its type, its values, its repetition, reading
// and writing.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mqtt/packet.h"

#include <string.h>

// Where a list may stand, by a letter: capital from a client, small from a server.
static const struct {
    char letter;
    uint8_t where;
} places[] = {
    {'W', NH_MQTT__WHERE_WILL},
    {'C', NH_MQTT__WHERE(NH_MQTT__CONNECT, NH_MQTT__FROM_CLIENT)},
    {'c', NH_MQTT__WHERE(NH_MQTT__CONNACK, NH_MQTT__FROM_SERVER)},
    {'P', NH_MQTT__WHERE(NH_MQTT__PUBLISH, NH_MQTT__FROM_CLIENT)},
    {'p', NH_MQTT__WHERE(NH_MQTT__PUBLISH, NH_MQTT__FROM_SERVER)},
    {'A', NH_MQTT__WHERE(NH_MQTT__PUBACK, NH_MQTT__FROM_CLIENT)},
    {'a', NH_MQTT__WHERE(NH_MQTT__PUBACK, NH_MQTT__FROM_SERVER)},
    {'R', NH_MQTT__WHERE(NH_MQTT__PUBREC, NH_MQTT__FROM_CLIENT)},
    {'r', NH_MQTT__WHERE(NH_MQTT__PUBREC, NH_MQTT__FROM_SERVER)},
    {'L', NH_MQTT__WHERE(NH_MQTT__PUBREL, NH_MQTT__FROM_CLIENT)},
    {'l', NH_MQTT__WHERE(NH_MQTT__PUBREL, NH_MQTT__FROM_SERVER)},
    {'M', NH_MQTT__WHERE(NH_MQTT__PUBCOMP, NH_MQTT__FROM_CLIENT)},
    {'m', NH_MQTT__WHERE(NH_MQTT__PUBCOMP, NH_MQTT__FROM_SERVER)},
    {'S', NH_MQTT__WHERE(NH_MQTT__SUBSCRIBE, NH_MQTT__FROM_CLIENT)},
    {'s', NH_MQTT__WHERE(NH_MQTT__SUBACK, NH_MQTT__FROM_SERVER)},
    {'U', NH_MQTT__WHERE(NH_MQTT__UNSUBSCRIBE, NH_MQTT__FROM_CLIENT)},
    {'u', NH_MQTT__WHERE(NH_MQTT__UNSUBACK, NH_MQTT__FROM_SERVER)},
    {'D', NH_MQTT__WHERE(NH_MQTT__DISCONNECT, NH_MQTT__FROM_CLIENT)},
    {'d', NH_MQTT__WHERE(NH_MQTT__DISCONNECT, NH_MQTT__FROM_SERVER)},
    {'H', NH_MQTT__WHERE(NH_MQTT__AUTH, NH_MQTT__FROM_CLIENT)},
    {'h', NH_MQTT__WHERE(NH_MQTT__AUTH, NH_MQTT__FROM_SERVER)},
};
#define ALL "WCcPpAaRrLlMmSsUuDdHh"
#define REASONS "cAaRrLlMmsuDdHh"

// One sound property each. `one` may stand once, `many` more often, at those places; at `other` it
// is known but is the other side's to send.
static const struct {
    uint8_t id;
    const char *bytes;
    size_t len;
    const char *one, *many, *other;
} table[] = {
    {NH_MQTT__PAYLOAD_FORMAT_INDICATOR, "\x01\x01", 2, "PpW", "", ""},
    {NH_MQTT__MESSAGE_EXPIRY_INTERVAL, "\x02\0\0\0\x0A", 5, "PpW", "", ""},
    {NH_MQTT__CONTENT_TYPE, "\x03\0\4text", 7, "PpW", "", ""},
    {NH_MQTT__RESPONSE_TOPIC, "\x08\0\3r/t", 6, "PpW", "", ""},
    {NH_MQTT__CORRELATION_DATA, "\x09\0\2\0\xFF", 5, "PpW", "", ""},
    {NH_MQTT__SUBSCRIPTION_IDENTIFIER, "\x0B\xFF\x7F", 3, "S", "p", "P"},
    {NH_MQTT__SESSION_EXPIRY_INTERVAL, "\x11\xFF\xFF\xFF\xFF", 5, "CcD", "", "d"},
    {NH_MQTT__ASSIGNED_CLIENT_IDENTIFIER, "\x12\0\2id", 5, "c", "", ""},
    {NH_MQTT__SERVER_KEEP_ALIVE, "\x13\0\x3C", 3, "c", "", ""},
    {NH_MQTT__AUTHENTICATION_METHOD, "\x15\0\1m", 4, "CcHh", "", ""},
    {NH_MQTT__AUTHENTICATION_DATA, "\x16\0\1d", 4, "CcHh", "", ""},
    {NH_MQTT__REQUEST_PROBLEM_INFORMATION, "\x17\0", 2, "C", "", ""},
    {NH_MQTT__WILL_DELAY_INTERVAL, "\x18\0\0\0\1", 5, "W", "", ""},
    {NH_MQTT__REQUEST_RESPONSE_INFORMATION, "\x19\1", 2, "C", "", ""},
    {NH_MQTT__RESPONSE_INFORMATION, "\x1A\0\1i", 4, "c", "", ""},
    {NH_MQTT__SERVER_REFERENCE, "\x1C\0\1r", 4, "cd", "", "D"},
    {NH_MQTT__REASON_STRING, "\x1F\0\2no", 5, REASONS, "", ""},
    {NH_MQTT__RECEIVE_MAXIMUM, "\x21\0\1", 3, "Cc", "", ""},
    {NH_MQTT__TOPIC_ALIAS_MAXIMUM, "\x22\0\0", 3, "Cc", "", ""},
    {NH_MQTT__TOPIC_ALIAS, "\x23\xFF\xFF", 3, "Pp", "", ""},
    {NH_MQTT__MAXIMUM_QOS, "\x24\1", 2, "c", "", ""},
    {NH_MQTT__RETAIN_AVAILABLE, "\x25\0", 2, "c", "", ""},
    {NH_MQTT__USER_PROPERTY, "\x26\0\1k\0\1v", 7, "", ALL, ""},
    {NH_MQTT__MAXIMUM_PACKET_SIZE, "\x27\0\0\0\1", 5, "Cc", "", ""},
    {NH_MQTT__WILDCARD_SUBSCRIPTION_AVAILABLE, "\x28\0", 2, "c", "", ""},
    {NH_MQTT__SUBSCRIPTION_IDENTIFIER_AVAILABLE, "\x29\1", 2, "c", "", ""},
    {NH_MQTT__SHARED_SUBSCRIPTION_AVAILABLE, "\x2A\0", 2, "c", "", ""},
};

static uint8_t where_of(char letter)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(places); i++)
        if (places[i].letter == letter)
            return places[i].where;
    fail_msg("no place %c", letter);
    return 0;
}

// Checks a list that ends where its memory ends.
static int check(const void *bytes, size_t len, uint8_t where, struct nh_mqtt__props *out)
{
    static uint8_t exact[256];
    uint8_t *at = exact + sizeof exact - len;
    assert_true(len <= sizeof exact);
    if (len)
        memcpy(at, bytes, len);
    return nh_mqtt__props_check((nh_span_t){at, len}, where, out);
}

// ---- the table ----------------------------------------------------------------------------------

// The authentication method that a place needs beside `id`, so that the list is sound.
static size_t add_method(uint8_t *list, size_t len, uint8_t where, uint8_t id)
{
    bool is_auth = (where & 15) == NH_MQTT__AUTH;
    if (id == NH_MQTT__AUTHENTICATION_METHOD || (!is_auth && id != NH_MQTT__AUTHENTICATION_DATA))
        return len;
    memcpy(list + len, "\x15\0\1m", 4);
    return len + 4;
}

// Each property in each packet, from each side, once and twice. A property of another packet is
// malformed, one of the other side or a second one is a protocol error [MQTT5-3.3.4-6],
// [MQTT5-3.14.2-2].
static void test_every_property_in_every_packet(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(table); i++) {
        for (size_t k = 0; k < NH_ARRAY_LEN(places); k++) {
            char letter = places[k].letter;
            bool one = strchr(table[i].one, letter), many = strchr(table[i].many, letter);
            bool other = strchr(table[i].other, letter);
            int once = one || many ? NH_OK : other ? NH_ERR_PROTO : NH_ERR_SYNTAX;
            uint8_t list[64];
            struct nh_mqtt__props props;
            memcpy(list, table[i].bytes, table[i].len);
            size_t len = add_method(list, table[i].len, places[k].where, table[i].id);
            if (check(list, len, places[k].where, &props) != once)
                fail_msg("property 0x%02x at %c once", table[i].id, letter);
            assert_int_equal(nh_mqtt__props_has(&props, table[i].id), once == NH_OK);
            memcpy(list + len, table[i].bytes, table[i].len);
            int twice = once == NH_OK && !many ? NH_ERR_PROTO : once;
            if (check(list, len + table[i].len, places[k].where, &props) != twice)
                fail_msg("property 0x%02x at %c twice", table[i].id, letter);
        }
    }
}

// Every identifier that the table does not have is malformed everywhere.
static void test_unknown_properties(void **state)
{
    (void)state;
    for (unsigned id = 0; id < 256; id++) {
        bool is_known = false;
        for (size_t i = 0; i < NH_ARRAY_LEN(table); i++)
            is_known |= table[i].id == id;
        for (size_t k = 0; k < NH_ARRAY_LEN(places) && !is_known; k++) {
            uint8_t list[] = {(uint8_t)id, 0, 0, 0, 0, 0, 0};
            struct nh_mqtt__props props;
            assert_int_equal(check(list, sizeof list, places[k].where, &props), NH_ERR_SYNTAX);
        }
    }
}

// A list cut anywhere but between two properties is malformed.
static void test_cuts(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(table); i++) {
        char letter = *table[i].one ? *table[i].one : *table[i].many;
        for (size_t len = 1; len < table[i].len; len++) {
            struct nh_mqtt__props props;
            assert_int_equal(check(table[i].bytes, len, where_of(letter), &props), NH_ERR_SYNTAX);
        }
    }
}

// ---- values -------------------------------------------------------------------------------------

static const struct {
    const char *name, *bytes;
    size_t len;
    char place;
    int rc;
} values[] = {
    {"nothing", "", 0, 'C', NH_OK},
    {"payload format 2", "\x01\2", 2, 'P', NH_ERR_PROTO},
    {"expiry 0", "\x02\0\0\0\0", 5, 'P', NH_OK},
    {"content type empty", "\x03\0\0", 3, 'P', NH_OK},
    // [MQTT5-3.3.2-19], [MQTT5-1.5.4-1]
    {"content type not UTF-8", "\x03\0\1\xFF", 4, 'P', NH_ERR_SYNTAX},
    // [MQTT5-1.5.4-2]
    {"content type with U+0000", "\x03\0\1\0", 4, 'P', NH_ERR_SYNTAX},
    // [MQTT5-3.3.2-13]
    {"response topic not UTF-8", "\x08\0\2\xC0\x80", 5, 'P', NH_ERR_SYNTAX},
    {"response topic a surrogate", "\x08\0\3\xED\xA0\x80", 6, 'P', NH_ERR_SYNTAX},
    // [MQTT5-1.5.4-3]
    {"response topic U+FEFF", "\x08\0\3\xEF\xBB\xBF", 6, 'P', NH_OK},
    // [MQTT5-3.3.2-14]
    {"response topic with #", "\x08\0\3r/#", 6, 'P', NH_ERR_PROTO},
    {"response topic with +", "\x08\0\3+/r", 6, 'P', NH_ERR_PROTO},
    {"response topic empty", "\x08\0\0", 3, 'P', NH_ERR_PROTO},
    {"correlation data, any bytes", "\x09\0\3\0\xFF\xC0", 6, 'P', NH_OK},
    {"subscription identifier 0", "\x0B\0", 2, 'S', NH_ERR_PROTO},
    {"subscription identifier 1", "\x0B\1", 2, 'S', NH_OK},
    {"subscription identifier greatest", "\x0B\xFF\xFF\xFF\x7F", 5, 'S', NH_OK},
    {"subscription identifier of five bytes", "\x0B\x80\x80\x80\x80\1", 6, 'S', NH_ERR_SYNTAX},
    // [MQTT5-1.5.5-1]
    {"subscription identifier padded", "\x0B\x81\0", 3, 'S', NH_ERR_SYNTAX},
    {"property identifier padded", "\xA6\0\0\1k\0\1v", 8, 'S', NH_ERR_SYNTAX},
    {"method empty", "\x15\0\0", 3, 'C', NH_OK},
    {"data without method", "\x16\0\1d", 4, 'C', NH_ERR_PROTO},
    {"data before method", "\x16\0\1d\x15\0\1m", 8, 'C', NH_OK},
    {"AUTH without method", "\x1F\0\0", 3, 'H', NH_ERR_PROTO},
    {"AUTH with nothing", "", 0, 'H', NH_ERR_PROTO},
    {"AUTH with method", "\x15\0\1m", 4, 'h', NH_OK},
    {"problem information 2", "\x17\2", 2, 'C', NH_ERR_PROTO},
    {"response information 2", "\x19\2", 2, 'C', NH_ERR_PROTO},
    {"receive maximum 0", "\x21\0\0", 3, 'C', NH_ERR_PROTO},
    {"receive maximum 65535", "\x21\xFF\xFF", 3, 'C', NH_OK},
    // [MQTT5-3.3.2-8]
    {"topic alias 0", "\x23\0\0", 3, 'P', NH_ERR_RANGE},
    {"topic alias 1", "\x23\0\1", 3, 'P', NH_OK},
    {"maximum QoS 2", "\x24\2", 2, 'c', NH_ERR_PROTO},
    {"retain available 2", "\x25\2", 2, 'c', NH_ERR_PROTO},
    {"maximum packet size 0", "\x27\0\0\0\0", 5, 'C', NH_ERR_PROTO},
    {"wildcards available 2", "\x28\2", 2, 'c', NH_ERR_PROTO},
    {"identifiers available 2", "\x29\2", 2, 'c', NH_ERR_PROTO},
    {"shared available 2", "\x2A\2", 2, 'c', NH_ERR_PROTO},
    {"user property, both empty", "\x26\0\0\0\0", 5, 'C', NH_OK},
    // [MQTT5-1.5.7-1]
    {"user property, name not UTF-8", "\x26\0\1\x80\0\1v", 7, 'C', NH_ERR_SYNTAX},
    {"user property, value not UTF-8", "\x26\0\1k\0\1\x80", 7, 'C', NH_ERR_SYNTAX},
    {"user property, value missing", "\x26\0\1k", 4, 'C', NH_ERR_SYNTAX},
    {"malformed goes before wrong place", "\x16\0", 2, 'S', NH_ERR_SYNTAX},
};

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(values); i++) {
        struct nh_mqtt__props props;
        int rc = check(values[i].bytes, values[i].len, where_of(values[i].place), &props);
        if (rc != values[i].rc)
            fail_msg("%s: %d", values[i].name, rc);
    }
}

// ---- a list in a packet -------------------------------------------------------------------------

static const struct {
    const char *name, *bytes;
    size_t len;
    int rc;
    size_t rest;
} lists[] = {
    {"nothing at all", "", 0, NH_ERR_SYNTAX, 0},
    {"empty", "\0", 1, NH_OK, 0},
    {"empty, more behind", "\0ab", 3, NH_OK, 2},
    {"one", "\2\x17\1", 3, NH_OK, 0},
    {"one, more behind", "\2\x17\1x", 4, NH_OK, 1},
    {"longer than the packet", "\3\x17\1", 3, NH_ERR_SYNTAX, 0},
    {"ends within a property", "\1\x17\1", 3, NH_ERR_SYNTAX, 0},
    {"length cut", "\x80", 1, NH_ERR_SYNTAX, 0},
    {"length padded", "\x82\0\x17\1", 4, NH_ERR_SYNTAX, 0},
    {"length of five bytes", "\x80\x80\x80\x80\1", 5, NH_ERR_SYNTAX, 0},
};

static void test_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(lists); i++) {
        uint8_t exact[16], *at = exact + sizeof exact - lists[i].len;
        memcpy(at, lists[i].bytes, lists[i].len);
        struct nh_mqtt__cursor c = nh_mqtt__cursor((nh_span_t){at, lists[i].len});
        struct nh_mqtt__props props;
        int rc = nh_mqtt__props_decode(&c, where_of('C'), &props);
        if (rc != lists[i].rc)
            fail_msg("%s: %d", lists[i].name, rc);
        if (rc == NH_OK)
            assert_int_equal(c.end - c.ptr, lists[i].rest);
    }
}

// ---- reading ------------------------------------------------------------------------------------

static const char mixed[] = "\x26\0\1a\0\0011" // a: 1
                            "\x0B\5"           // identifier 5
                            "\x02\0\0\1\0"     // expiry 256
                            "\x26\0\1b\0\0012" // b: 2
                            "\x09\0\2xy"       // correlation data
                            "\x0B\x80\1"       // identifier 128
                            "\x26\0\1a\0\0013" // a: 3
                            "\x01\1";          // payload is text
#define MIXED_LEN (sizeof mixed - 1)

static struct nh_mqtt__props mixed_props(void)
{
    struct nh_mqtt__props props;
    assert_int_equal(
        nh_mqtt__props_check((nh_span_t){(const uint8_t *)mixed, MIXED_LEN}, where_of('p'), &props),
        NH_OK);
    return props;
}

// User properties keep their order, and the same name may come again [MQTT5-3.3.2-18].
static void test_walks(void **state)
{
    struct nh_mqtt__props props = mixed_props(), rest = props;
    struct nh_mqtt__prop p;
    char text[16] = "";
    size_t at = 0;
    (void)state;
    while (nh_mqtt__props_next_of(&rest, NH_MQTT__USER_PROPERTY, &p)) {
        assert_true(p.name.len == 1 && p.bytes.len == 1 && p.raw.len == 7);
        text[at++] = (char)p.name.ptr[0];
        text[at++] = (char)p.bytes.ptr[0];
    }
    assert_string_equal(text, "a1b2a3");
    rest = props;
    uint32_t sum = 0, count = 0;
    while (nh_mqtt__props_next_of(&rest, NH_MQTT__SUBSCRIPTION_IDENTIFIER, &p))
        sum += p.number;
    assert_int_equal(sum, 133);
    for (rest = props; nh_mqtt__props_next(&rest, &p);)
        count++;
    assert_int_equal(count, 8);
}

static void test_questions(void **state)
{
    struct nh_mqtt__props props = mixed_props(), none = {0};
    (void)state;
    assert_int_equal(nh_mqtt__props_number(&props, NH_MQTT__MESSAGE_EXPIRY_INTERVAL, 7), 256);
    assert_int_equal(nh_mqtt__props_number(&props, NH_MQTT__SUBSCRIPTION_IDENTIFIER, 7), 5);
    assert_int_equal(nh_mqtt__props_number(&props, NH_MQTT__TOPIC_ALIAS, 7), 7);
    assert_int_equal(nh_mqtt__props_number(&none, NH_MQTT__TOPIC_ALIAS, 7), 7);
    assert_int_equal(nh_mqtt__props_bytes(&props, NH_MQTT__CORRELATION_DATA).len, 2);
    assert_memory_equal(nh_mqtt__props_bytes(&props, NH_MQTT__CORRELATION_DATA).ptr, "xy", 2);
    assert_null(nh_mqtt__props_bytes(&props, NH_MQTT__CONTENT_TYPE).ptr);
    assert_null(nh_mqtt__props_bytes(&none, NH_MQTT__CONTENT_TYPE).ptr);
}

// What is passed on with a message, to room of every size.
static void test_copy(void **state)
{
    static const char kept[] = "\x26\0\1a\0\0011\x26\0\1b\0\0012\x09\0\2xy\x26\0\1a\0\0013\x01\1";
    struct nh_mqtt__props props = mixed_props();
    (void)state;
    for (size_t cap = 0; cap <= sizeof kept; cap++) {
        uint8_t room[sizeof kept + 1], *at = room + sizeof room - cap;
        memset(room, 0xEE, sizeof room);
        assert_int_equal(nh_mqtt__props_copy(&props, NH_MQTT__PROPS_FORWARDED, at, cap),
                         sizeof kept - 1);
        if (cap >= sizeof kept - 1)
            assert_memory_equal(at, kept, sizeof kept - 1);
        else if (cap)
            assert_int_equal(*at, 0xEE);
    }
    assert_int_equal(nh_mqtt__props_copy(&props, 0, NULL, 0), 0);
}

// ---- writing ------------------------------------------------------------------------------------

// Writes the property `p` as one that was read.
static void put(struct nh_mqtt__props_out *out, const struct nh_mqtt__prop *p)
{
    if (p->id == NH_MQTT__USER_PROPERTY)
        nh_mqtt__props_put_user(out, p->name, p->bytes);
    else if (p->bytes.ptr)
        nh_mqtt__props_put_bytes(out, (enum nh_mqtt__prop_id)p->id, p->bytes);
    else
        nh_mqtt__props_put_number(out, (enum nh_mqtt__prop_id)p->id, p->number);
}

// Each property written by its value gives the bytes that it was read from, if there is room.
static void test_write_every_property(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(table); i++) {
        uint8_t where = where_of(*table[i].one ? *table[i].one : *table[i].many);
        uint8_t list[64], room[64];
        struct nh_mqtt__props props, again, rest;
        struct nh_mqtt__prop p;
        memcpy(list, table[i].bytes, table[i].len);
        size_t len = add_method(list, table[i].len, where, table[i].id);
        assert_int_equal(nh_mqtt__props_check((nh_span_t){list, len}, where, &props), NH_OK);
        for (size_t cap = 0; cap <= len; cap++) {
            struct nh_mqtt__props_out out;
            nh_mqtt__props_begin(&out, where, room + sizeof room - cap, cap);
            for (rest = props; nh_mqtt__props_next(&rest, &p);)
                put(&out, &p);
            int rc = nh_mqtt__props_end(&out, &again);
            assert_int_equal(rc, cap < len ? NH_ERR_FULL : NH_OK);
        }
        assert_int_equal(again.bytes.len, len);
        assert_memory_equal(again.bytes.ptr, list, len);
        assert_true(again.present == props.present);
    }
}

static const struct {
    const char *name;
    char place;
    uint8_t id;
    uint32_t number;
    const char *text; // NULL: the number
} bad[] = {
    {"unknown", 'C', 0, 0, NULL},
    {"unknown, above", 'C', 0x2B, 0, NULL},
    {"not of this packet", 'C', NH_MQTT__SERVER_KEEP_ALIVE, 1, NULL},
    {"the other side's", 'd', NH_MQTT__SESSION_EXPIRY_INTERVAL, 1, NULL},
    {"a byte too large", 'C', NH_MQTT__REQUEST_PROBLEM_INFORMATION, 2, NULL},
    {"two bytes too large", 'C', NH_MQTT__RECEIVE_MAXIMUM, 65536, NULL},
    {"zero", 'C', NH_MQTT__RECEIVE_MAXIMUM, 0, NULL},
    {"varint too large", 'S', NH_MQTT__SUBSCRIPTION_IDENTIFIER, NH_MQTT__BODY_MAX + 1, NULL},
    {"text for a number", 'C', NH_MQTT__RECEIVE_MAXIMUM, 0, "1"},
    {"number for a text", 'P', NH_MQTT__CONTENT_TYPE, 1, NULL},
    {"one text of a pair", 'P', NH_MQTT__USER_PROPERTY, 0, "x"},
    {"not UTF-8", 'P', NH_MQTT__CONTENT_TYPE, 0, "\xFF"},
    {"a wildcard", 'P', NH_MQTT__RESPONSE_TOPIC, 0, "a/+"},
    {"data without a method", 'C', NH_MQTT__AUTHENTICATION_DATA, 0, "x"},
};

static void test_write_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(bad); i++) {
        uint8_t room[64];
        struct nh_mqtt__props_out out;
        struct nh_mqtt__props props;
        nh_mqtt__props_begin(&out, where_of(bad[i].place), room, sizeof room);
        enum nh_mqtt__prop_id id = (enum nh_mqtt__prop_id)bad[i].id;
        nh_span_t text = {(const uint8_t *)bad[i].text, bad[i].text ? strlen(bad[i].text) : 0};
        if (bad[i].text)
            nh_mqtt__props_put_bytes(&out, id, text);
        else
            nh_mqtt__props_put_number(&out, id, bad[i].number);
        nh_mqtt__props_put_user(&out, (nh_span_t){0}, (nh_span_t){0}); // an error sticks
        if (nh_mqtt__props_end(&out, &props) != NH_ERR_INVAL)
            fail_msg("%s", bad[i].name);
        assert_true(props.bytes.len == 0 && props.present == 0);
    }
}

static void test_write_twice(void **state)
{
    uint8_t room[64];
    struct nh_mqtt__props_out out;
    struct nh_mqtt__props props;
    (void)state;
    nh_mqtt__props_begin(&out, where_of('c'), room, sizeof room);
    nh_mqtt__props_put_number(&out, NH_MQTT__SERVER_KEEP_ALIVE, 60);
    nh_mqtt__props_put_number(&out, NH_MQTT__SERVER_KEEP_ALIVE, 60);
    assert_int_equal(nh_mqtt__props_end(&out, &props), NH_ERR_INVAL);
}

// The identifier of a received list may go on to another place; what has no place there is chosen
// away by the caller.
static void test_write_list(void **state)
{
    uint8_t room[64];
    struct nh_mqtt__props_out out;
    struct nh_mqtt__props props, from = mixed_props();
    (void)state;
    nh_mqtt__props_begin(&out, where_of('P'), room, sizeof room);
    nh_mqtt__props_put_number(&out, NH_MQTT__TOPIC_ALIAS, 3);
    nh_mqtt__props_put_list(&out, &from, NH_MQTT__PROPS_FORWARDED);
    assert_int_equal(nh_mqtt__props_end(&out, &props), NH_OK);
    assert_int_equal(props.bytes.len, 3 + 28);
    nh_mqtt__props_begin(&out, where_of('P'), room, sizeof room);
    nh_mqtt__props_put_list(&out, &from, UINT64_MAX);
    assert_int_equal(nh_mqtt__props_end(&out, &props), NH_ERR_INVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_property_in_every_packet),
        cmocka_unit_test(test_unknown_properties),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_walks),
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_write_every_property),
        cmocka_unit_test(test_write_refusals),
        cmocka_unit_test(test_write_twice),
        cmocka_unit_test(test_write_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
