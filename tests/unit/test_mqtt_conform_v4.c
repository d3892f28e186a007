// The numbered statements of MQTT 3.1.1 as conversations with the broker. Each row cites what it
// shows; docs/mqtt-conformance.md is made of that. Statements that the other tests of the broker
// show are cited there.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/mqtt_client.h"
#include "support/mqtt_text.h"

#include "support/mqtt_talk.h"

// ---- CONNECT ------------------------------------------------------------------------------------

static const struct talk connects[] = {
    // [MQTT-3.1.0-1]
    {"another packet comes first", "A open\nA publish t m\nA < closed\n"},
    // [MQTT-3.1.0-2], [MQTT-4.8.0-1]
    {"CONNECT twice", "A connect id=a\nA < connack 0 0\nA connect id=a\nA < closed\n"},
    // [MQTT-3.1.2-1]
    {"another protocol name", "A connect name=MQTX id=a clean\nA < closed\n"},
    // [MQTT-3.1.2-2], [MQTT-3.2.2-4], [MQTT-3.2.2-5]
    {"level 3", "A connect id=a\nA < connack 0 0\nA lost\n"
                "A connect v=3 id=a\nA < connack 0 1; closed\n"},
    // [MQTT-3.1.2-3], [MQTT-3.1.4-1], [MQTT-3.2.2-6]
    {"reserved flag", "A connect id=a flags=0x03\nA < closed\n"},
    // [MQTT-3.1.4-5]
    {"nothing behind a refusal counts",
     "B connect id=b\nB subscribe #1 t\nB < connack 0 0; suback #1 0\n"
     "A open\nA raw 10 0d 00 04 4d 51 54 54 03 02 00 00 00 01 61 30 04 00 01 74 6d\n"
     "A < connack 0 1; closed\n"},
    // [MQTT-3.1.4-3], [MQTT-3.1.4-4], [MQTT-3.2.2-1], [MQTT-3.2.2-2], [MQTT-3.2.2-3]
    {"session present", "A connect id=a\nA < connack 0 0\nA disconnect\nA < closed\n"
                        "A connect id=a\nA < connack 1 0\nA disconnect\nA < closed\n"
                        "A connect id=a clean\nA < connack 0 0\nA disconnect\nA < closed\n"
                        "A connect id=a\nA < connack 0 0\n"},
    // [MQTT-3.2.0-1]
    {"CONNACK comes before all else",
     "A connect id=a\nA subscribe #1 t=1\nA < connack 0 0; suback #1 1\nA lost\n"
     "B connect id=b\nB publish t m q1 #1\nB < connack 0 0; puback #1\n"
     "A connect id=a\nA < connack 1 0; publish t m q1 #1\n"},
    // [MQTT-3.1.4-2]
    {"taken over", "A connect id=a\nA < connack 0 0\nB connect id=a\nB < connack 1 0\nA < closed\n"
                   "B pingreq\nB < pingresp\n"},
};

static void test_v4_connect(void **state)
{
    (void)state;
    talk_all(connects, NH_ARRAY_LEN(connects));
}

// ---- the fields of CONNECT ----------------------------------------------------------------------

static const struct talk connect_fields[] = {
    // [MQTT-3.1.2-9]
    {"will flag, no will", "A connect id=a flags=0x06\nA < closed\n"},
    {"will flag, no will message", "A connect id=a user=t flags=0x06\nA < closed\n"},
    // [MQTT-3.1.2-11]
    {"will without will flag", "A connect id=a will=t:m flags=0x02\nA < closed\n"},
    // [MQTT-3.1.2-11], [MQTT-3.1.2-13]
    {"will QoS without will flag", "A connect id=a flags=0x0a\nA < closed\n"},
    // [MQTT-3.1.2-11], [MQTT-3.1.2-15]
    {"will retain without will flag", "A connect id=a flags=0x22\nA < closed\n"},
    // [MQTT-3.1.2-14]
    {"will QoS 3", "A connect id=a will=t:m wq=3 clean\nA < closed\n"},
    // [MQTT-3.1.2-18]
    {"user name without its flag", "A connect id=a user=u flags=0x02\nA < closed\n"},
    // [MQTT-3.1.2-19]
    {"user name flag without user name", "A connect id=a flags=0x82\nA < closed\n"},
    // [MQTT-3.1.2-20]
    {"password without its flag", "A connect id=a user=u pass=p flags=0x82\nA < closed\n"},
    // [MQTT-3.1.2-21]
    {"password flag without password", "A connect id=a user=u flags=0xc2\nA < closed\n"},
    // [MQTT-3.1.2-22]
    {"password without user name", "A connect id=a pass=p clean\nA < closed\n"},
    // [MQTT-3.1.3-1]
    {"all fields in their order",
     "B connect id=b\nB subscribe #1 w\nB < connack 0 0; suback #1 0\n"
     "A connect id=a will=w:bye user=u pass=p\nA < connack 0 0\nA lost\nB < publish w bye q0\n"},
    // [MQTT-3.1.3-3]
    {"no client id", "A open\nA raw 10 0a 00 04 4d 51 54 54 04 02 00 00\nA < closed\n"},
    // [MQTT-3.1.3-4], [MQTT-1.5.3-1]
    {"client id not UTF-8", "A connect id=a\xff clean\nA < closed\n"},
    // [MQTT-1.5.3-2]
    {"client id with U+0000",
     "A open\nA raw 10 0e 00 04 4d 51 54 54 04 02 00 00 00 02 61 00\nA < closed\n"},
    // [MQTT-3.1.3-10]
    {"will topic not UTF-8", "A connect id=a will=\xc0\x80:m clean\nA < closed\n"},
    // [MQTT-3.1.3-11]
    {"user name not UTF-8", "A connect id=a user=\xed\xa0\x80 clean\nA < closed\n"},
    // [MQTT-3.1.3-5]
    {"client ids that must be allowed", "A connect id=0\nA < connack 0 0\n"
                                        "B connect id=0123456789ABCDEFGHIJKLM\nB < connack 0 0\n"
                                        "C connect id=NOPQRSTUVWXYZabcdefghij\nC < connack 0 0\n"
                                        "D connect id=klmnopqrstuvwxyz\nD < connack 0 0\n"},
    // [MQTT-3.1.3-6]
    {"an empty client id gets one of its own",
     "A connect clean\nB connect clean\nA subscribe #1 t\nB subscribe #1 t\n"
     "A < connack 0 0; suback #1 0\nB publish t m\n"
     "A < publish t m q0\nB < connack 0 0; suback #1 0; publish t m q0\n"},
    // [MQTT-3.1.3-7], [MQTT-3.1.3-8]
    {"an empty client id for a kept session", "A connect id=\nA < connack 0 2; closed\n"},
    // [MQTT-3.1.3-9]
    {"a client id that is too long",
     "A connect id=x*256\nA < connack 0 0\nB connect id=x*257\nB < connack 0 2; closed\n"},
};

static void test_v4_connect_fields(void **state)
{
    (void)state;
    talk_all(connect_fields, NH_ARRAY_LEN(connect_fields));
}

// ---- sessions and wills -------------------------------------------------------------------------

static const struct talk sessions[] = {
    // [MQTT-3.1.3-2]
    {"a session belongs to its client id",
     "A connect id=a\nA subscribe #1 t=1\nA < connack 0 0; suback #1 1\nA lost\n"
     "B connect id=b\nB < connack 0 0\nB publish t m q1 #1\nB < puback #1\n"
     "C connect id=A\nC < connack 0 0\n"
     "D connect id=a\nD < connack 1 0; publish t m q1 #1\n"},
    // [MQTT-3.1.2-4], [MQTT-4.1.0-1]
    {"a session is kept for days",
     "A connect id=a\nA subscribe #1 t=2\nA < connack 0 0; suback #1 2\nA lost\n"
     "tick 400000000\nB connect id=b\nB publish t m q2 #1\nB pubrel #1\n"
     "B < connack 0 0; pubrec #1; pubcomp #1\ntick 400000000\n"
     "A connect id=a\nA < connack 1 0; publish t m q2 #1\n"},
    // [MQTT-3.1.2-5], [MQTT-4.5.0-1]
    {"messages are kept for who is away",
     "A connect id=a\nA subscribe #1 t=1\nA subscribe #2 u=2\n"
     "A < connack 0 0; suback #1 1; suback #2 2\n"
     "C connect id=c\nC subscribe #1 +=2\nC < connack 0 0; suback #1 2\nA disconnect\nA < closed\n"
     "B connect id=b\nB publish t 1 q1 #1\nB publish u 2 q2 #2\nB publish v 3 q1 #3\n"
     "B < connack 0 0; puback #1; pubrec #2; puback #3\n"
     "C < publish t 1 q1 #1; publish u 2 q2 #2; publish v 3 q1 #3\n"
     "A connect id=a\nA < connack 1 0; publish t 1 q1 #1; publish u 2 q2 #2\n"},
    // [MQTT-3.1.2-6], [MQTT-4.1.0-2]
    {"a clean session ends with its connection, not before",
     "A connect id=a clean\nA subscribe #1 t=1\nA < connack 0 0; suback #1 1\ntick 90000000\n"
     "B connect id=b\nB publish t 1 q1 #1\nB < connack 0 0; puback #1\nA < publish t 1 q1 #1\n"
     "A lost\nB publish t 2 q1 #2\nB < puback #2\nA connect id=a\nA < connack 0 0\n"
     "B publish t 3 q1 #3\nB < puback #3\n"},
    // [MQTT-3.1.2-7]
    {"retained messages outlive the session",
     "A connect id=a clean\nA publish t m retain\nA < connack 0 0\nA disconnect\nA < closed\n"
     "A connect id=a clean\nA < connack 0 0\nA lost\n"
     "B connect id=b\nB subscribe #1 t\nB < connack 0 0; suback #1 0; publish t m q0 retain\n"},
    // [MQTT-3.1.2-8], [MQTT-3.1.2-10]
    {"a will is published once",
     "B connect id=b\nB subscribe #1 w=1\nB < connack 0 0; suback #1 1\n"
     "A connect id=a will=w:bye wq=1\nA < connack 0 0\nB <\nA lost\nB < publish w bye q1 #1\n"
     "A connect id=a\nA < connack 1 0\nA lost\nB <\n"},
    // [MQTT-3.1.2-10], [MQTT-3.14.4-3]
    {"DISCONNECT takes the will back",
     "B connect id=b\nB subscribe #1 w\nB < connack 0 0; suback #1 0\n"
     "A connect id=a will=w:bye\nA disconnect\nA < connack 0 0; closed\nB <\n"
     "A connect id=a\nA < connack 1 0\nA lost\nB <\n"},
    // [MQTT-3.1.2-12]
    {"no will, nothing published",
     "B connect id=b\nB subscribe #1 #\nB < connack 0 0; suback #1 0\n"
     "A connect id=a\nA < connack 0 0\nA lost\nB <\n"},
    // [MQTT-3.1.2-16]
    {"a will that is not retained",
     "A connect id=a will=w:bye\nA < connack 0 0\nA lost\n"
     "B connect id=b\nB subscribe #1 w\nB < connack 0 0; suback #1 0\n"},
    // [MQTT-3.1.2-17]
    {"a will that is retained",
     "A connect id=a will=w:bye wq=2 wr\nA < connack 0 0\nA lost\nB connect id=b\n"
     "B subscribe #1 w=2\nB < connack 0 0; suback #1 2; publish w bye q2 #1 retain\n"},
    // [MQTT-3.1.2-24]
    {"silence for one and a half keep-alives",
     "B connect id=b\nB subscribe #1 w\nB < connack 0 0; suback #1 0\n"
     "A connect id=a keep=10 will=w:bye\nA < connack 0 0\ntick 14999\nA <\ntick 1100\n"
     "A < closed\nB < publish w bye q0\n"},
    // [MQTT-3.14.4-1], [MQTT-3.14.4-2]
    {"nothing behind DISCONNECT counts",
     "B connect id=b\nB subscribe #1 t\nB < connack 0 0; suback #1 0\n"
     "A connect id=a\nA < connack 0 0\nA raw e0 00 30 04 00 01 74 6d\nA < closed\nB <\n"},
};

static void test_v4_session(void **state)
{
    (void)state;
    talk_all(sessions, NH_ARRAY_LEN(sessions));
}

// ---- PUBLISH ------------------------------------------------------------------------------------

static const struct talk publishing[] = {
    // [MQTT-2.2.2-1], [MQTT-2.3.1-6], [MQTT-2.3.1-7], [MQTT-3.3.4-1]
    {"every packet that the broker sends",
     "A connect id=a\nA subscribe #10 t=2\nA unsubscribe #11 u\nA pingreq\n"
     "A < connack 0 0; suback #10 2; unsuback #11; pingresp\n"
     "B connect id=b\nB publish t 0\nB publish t 1 q1 #258\nB publish t 2 q2 #65535\nB pubrel "
     "#65535\n"
     "B < connack 0 0; puback #258; pubrec #65535; pubcomp #65535\n"
     "A < publish t 0 q0; publish t 1 q1 #1; publish t 2 q2 #2\n"
     "A puback #1\nA pubrec #2\nA < pubrel #2\nA pubcomp #2\n"},
    // [MQTT-2.3.1-5], [MQTT-3.3.1-2], [MQTT-4.3.1-1]
    {"QoS 0 has neither packet id nor DUP",
     "A connect id=a\nA subscribe #1 t=2\nA < connack 0 0; suback #1 2\nA publish t 12\n"
     "A < publish t 12 q0\nA lost\nA connect id=a\nA < connack 1 0\n"},
    // [MQTT-2.3.1-4]
    {"an id is used again after its acknowledgement only",
     "A connect id=a\nA subscribe #1 t=2\nA < connack 0 0; suback #1 2\n"
     "B connect id=b\nB publish t 1 q1 #1\nB publish t 2 q2 #2\nB < connack 0 0; puback #1; pubrec "
     "#2\n"
     "A < publish t 1 q1 #1; publish t 2 q2 #2\nA lost\nA connect id=a\n"
     "A < connack 1 0; publish t 1 q1 #1 dup; publish t 2 q2 #2 dup\n"
     "B publish t 3 q1 #3\nB < puback #3\nA < publish t 3 q1 #3\n"},
    // [MQTT-3.3.1-1], [MQTT-4.4.0-1], [MQTT-4.6.0-1]
    {"sent again in order, with DUP",
     "A connect id=a\nA subscribe #1 t=2\nA < connack 0 0; suback #1 2\n"
     "B connect id=b\nB publish t 1 q2 #1\nB publish t 2 q1 #2\nB publish t 3 q2 #3\n"
     "B < connack 0 0; pubrec #1; puback #2; pubrec #3\n"
     "A < publish t 1 q2 #1; publish t 2 q1 #2; publish t 3 q2 #3\n"
     "A pubrec #1\nA < pubrel #1\nA lost\nA connect id=a\n"
     "A < connack 1 0; pubrel #1; publish t 2 q1 #2 dup; publish t 3 q2 #3 dup\n"},
    // [MQTT-3.3.1-3]
    {"DUP of the publisher goes no further",
     "A connect id=a\nA subscribe #1 t=2\nA < connack 0 0; suback #1 2\n"
     "B connect id=b\nB publish t 1 q1 #1 dup\nB publish t 2 q2 #2 dup\n"
     "B < connack 0 0; puback #1; pubrec #2\nA < publish t 1 q1 #1; publish t 2 q2 #2\n"},
    // [MQTT-3.3.1-4]
    {"QoS 3", "A connect id=a\nA < connack 0 0\nA publish t m q3 #1\nA < closed\n"},
    // [MQTT-3.3.2-1]
    {"topic not UTF-8", "A connect id=a\nA < connack 0 0\nA publish t\xc3 m\nA < closed\n"},
    // [MQTT-3.3.2-2], [MQTT-4.7.1-1]
    {"topic with a wildcard", "A connect id=a\nA < connack 0 0\nA publish t/# m\nA < closed\n"},
    // [MQTT-3.3.2-3]
    {"only what a filter takes",
     "A connect id=a\nA subscribe #1 a/+ b/#\nA < connack 0 0; suback #1 0 0\n"
     "A publish a 1\nA publish a/b 2\nA publish a/b/c 3\nA publish b 4\nA publish b/c/d 5\n"
     "A publish c 6\nA < publish a/b 2 q0; publish b 4 q0; publish b/c/d 5 q0\n"},
    // [MQTT-3.3.5-1]
    {"overlapping filters: the highest QoS",
     "A connect id=a\nA subscribe #1 t/+=0 t/#=2 +/x=1\nA < connack 0 0; suback #1 0 2 1\n"
     "B connect id=b\nB publish t/x m q2 #1\nB < connack 0 0; pubrec #1\nA < publish t/x m q2 "
     "#1\n"},
    // [MQTT-3.3.5-2]
    {"what is not allowed is acknowledged",
     "A connect id=a\nA publish $SYS/x 1 q1 #1\nA publish $SYS/x 2 q2 #2\nA pubrel #2\n"
     "A < connack 0 0; puback #1; pubrec #2; pubcomp #2\n"},
    // [MQTT-1.5.3-3]
    {"U+FEFF is a character like others",
     "A connect id=a\nA subscribe #1 \xef\xbb\xbft t\nA < connack 0 0; suback #1 0 0\n"
     "A publish \xef\xbb\xbft 1\nA publish t 2\n"
     "A < publish \xef\xbb\xbft 1 q0; publish t 2 q0\n"},
};

static void test_v4_publish(void **state)
{
    (void)state;
    talk_all(publishing, NH_ARRAY_LEN(publishing));
}

// ---- retained -----------------------------------------------------------------------------------

static const struct talk retaining[] = {
    // [MQTT-3.3.1-5], [MQTT-3.3.1-6], [MQTT-3.3.1-8]
    {"stored with its QoS for later subscribers",
     "A connect id=a\nA publish r/1 one q1 #1 retain\nA publish r/2 two retain\n"
     "A publish r/2 TWO q1 #2 retain\nA < connack 0 0; puback #1; puback #2\n"
     "B connect id=b\nB subscribe #1 r/+=2\n"
     "B < connack 0 0; suback #1 2; publish r/1 one q1 #1 retain; publish r/2 TWO q1 #2 retain\n"},
    // [MQTT-3.3.1-7]
    {"QoS 0 takes the place of QoS 2",
     "A connect id=a\nA publish r old q2 #1 retain\nA pubrel #1\nA publish r new retain\n"
     "A < connack 0 0; pubrec #1; pubcomp #1\n"
     "B connect id=b\nB subscribe #1 r=2\nB < connack 0 0; suback #1 2; publish r new q0 retain\n"},
    // [MQTT-3.3.1-9]
    {"RETAIN is 0 on the way to old subscriptions",
     "A connect id=a\nA subscribe #1 r=2\nA < connack 0 0; suback #1 2\n"
     "A publish r 0 retain\nA publish r 1 q1 #1 retain\nA < publish r 0 q0; publish r 1 q1 #1; "
     "puback #1\n"},
    // [MQTT-3.3.1-10], [MQTT-3.3.1-11]
    {"an empty one removes, and is passed on",
     "A connect id=a\nA subscribe #1 r\nA < connack 0 0; suback #1 0\n"
     "A publish r 1 retain\nA publish r '' retain\nA < publish r 1 q0; publish r '' q0\n"
     "B connect id=b\nB subscribe #1 r\nB < connack 0 0; suback #1 0\n"},
    // [MQTT-3.3.1-12]
    {"without RETAIN nothing changes",
     "A connect id=a\nA publish r 1 retain\nA publish r 2\nA publish r ''\nA publish s 3\n"
     "A < connack 0 0\n"
     "B connect id=b\nB subscribe #1 #\nB < connack 0 0; suback #1 0; publish r 1 q0 retain\n"},
};

static void test_v4_retained(void **state)
{
    (void)state;
    talk_all(retaining, NH_ARRAY_LEN(retaining));
}

// ---- SUBSCRIBE and UNSUBSCRIBE ------------------------------------------------------------------

static const struct talk subscribing[] = {
    // [MQTT-2.3.1-1]
    {"SUBSCRIBE with id 0", "A connect id=a\nA < connack 0 0\nA subscribe #0 t\nA < closed\n"},
    {"UNSUBSCRIBE with id 0", "A connect id=a\nA < connack 0 0\nA unsubscribe #0 t\nA < closed\n"},
    {"PUBLISH with id 0", "A connect id=a\nA < connack 0 0\nA publish t m q1 #0\nA < closed\n"},
    // [MQTT-3.8.3-1]
    {"SUBSCRIBE not UTF-8", "A connect id=a\nA < connack 0 0\nA subscribe #1 \xff\nA < closed\n"},
    // [MQTT-3.10.3-1]
    {"UNSUBSCRIBE not UTF-8",
     "A connect id=a\nA < connack 0 0\nA unsubscribe #1 \xff\nA < closed\n"},
    // [MQTT-3.8.3-4]
    {"reserved bits of SUBSCRIBE",
     "A connect id=a\nA < connack 0 0\nA subscribe #1 t=3\nA < closed\n"
     "A connect id=a\nA < connack 1 0\nA subscribe #1 t=4\nA < closed\n"
     "A connect id=a\nA < connack 1 0\nA subscribe #1 t=128\nA < closed\n"},
    // [MQTT-3.8.4-1], [MQTT-3.8.4-2], [MQTT-3.8.4-4], [MQTT-3.8.4-5], [MQTT-3.9.3-1]
    {"several filters in one packet",
     "A connect id=a\nA subscribe #65535 a=2 b=0 a=1\nA < connack 0 0; suback #65535 2 0 1\n"
     "B connect id=b\nB publish a m q2 #1\nB publish b m q2 #2\n"
     "B < connack 0 0; pubrec #1; pubrec #2\nA < publish a m q1 #1; publish b m q0\n"},
    // [MQTT-3.8.4-3]
    {"the same filter again",
     "B connect id=b\nB publish t old q1 #1 retain\nB < connack 0 0; puback #1\n"
     "A connect id=a\nA subscribe #1 t=1\nA < connack 0 0; suback #1 1; publish t old q1 #1 "
     "retain\n"
     "B publish t 1 q1 #2\nB < puback #2\n"
     "A subscribe #2 t=0\nB publish t 2 q1 #3\nB < puback #3\n"
     "A < publish t 1 q1 #2; suback #2 0; publish t old q0 retain; publish t 2 q0\n"
     "A unsubscribe #3 t\nB publish t 3 q1 #4\nB < puback #4\nA < unsuback #3\n"},
    // [MQTT-3.8.4-6]
    {"the lower of the two QoS",
     "A connect id=a\nA subscribe #1 t/0=0 t/1=1 t/2=2\nA < connack 0 0; suback #1 0 1 2\n"
     "B connect id=b\nB publish t/0 m q2 #1\nB publish t/1 m q2 #2\nB publish t/2 m q1 #3\n"
     "B < connack 0 0; pubrec #1; pubrec #2; puback #3\n"
     "A < publish t/0 m q0; publish t/1 m q1 #1; publish t/2 m q1 #2\n"},
    // [MQTT-3.10.4-1], [MQTT-3.10.4-5]
    {"UNSUBSCRIBE compares characters",
     "A connect id=a\nA subscribe #1 a/+ b/#\nA unsubscribe #2 a/b\nA unsubscribe #3 +/+\n"
     "A unsubscribe #4 a/#\nA < connack 0 0; suback #1 0 0; unsuback #2; unsuback #3; unsuback #4\n"
     "A publish a/b m\nA unsubscribe #5 a/+\nA publish a/b m\n"
     "A < publish a/b m q0; unsuback #5\n"},
    // [MQTT-3.10.4-2], [MQTT-3.10.4-3]
    {"what was begun is finished after UNSUBSCRIBE",
     "A connect id=a\nA subscribe #1 t=2\nA < connack 0 0; suback #1 2\n"
     "B connect id=b\nB publish t 1 q1 #1\nB publish t 2 q2 #2\nB < connack 0 0; puback #1; pubrec "
     "#2\n"
     "A < publish t 1 q1 #1; publish t 2 q2 #2\nA unsubscribe #2 t\nA < unsuback #2\n"
     "B publish t 3 q1 #3\nB < puback #3\nA <\nA lost\nA connect id=a\n"
     "A < connack 1 0; publish t 1 q1 #1 dup; publish t 2 q2 #2 dup\n"
     "A puback #1\nA pubrec #2\nA < pubrel #2\nA pubcomp #2\n"},
    // [MQTT-3.10.4-2]
    {"retained messages that waited do not come after UNSUBSCRIBE",
     "B connect id=b\nB publish r m q1 #1 retain\nB < connack 0 0; puback #1\n"
     "A connect id=a\nA subscribe #1 t=1\nA < connack 0 0; suback #1 1\n"
     "B publish t 1 q1 #2\nB < puback #2\nA < publish t 1 q1 #1\n"
     "A subscribe #2 r=1\nA unsubscribe #3 r\nA puback #1\nA < suback #2 1; unsuback #3\n",
     &(const struct nh_mqtt_broker_config){.inflight_max = 1}},
    // [MQTT-3.10.4-4], [MQTT-3.10.4-6]
    {"several filters in one UNSUBSCRIBE",
     "A connect id=a\nA subscribe #1 a b c\nA unsubscribe #513 a c x\n"
     "A < connack 0 0; suback #1 0 0 0; unsuback #513\n"
     "A publish a 1\nA publish b 2\nA publish c 3\nA < publish b 2 q0\n"},
    // [MQTT-4.7.3-4]
    {"nothing is normalised",
     "A connect id=a\nA subscribe #1 \xc3\xa9 e\xcc\x81/+ a//b\nA < connack 0 0; suback #1 0 0 0\n"
     "A publish e\xcc\x81 1\nA publish \xc3\x89 2\nA publish \xc3\xa9/x 3\nA publish a/b 4\n"
     "A publish A//B 5\nA publish \xc3\xa9 6\nA < publish \xc3\xa9 6 q0\n"},
    // [MQTT-4.7.1-2], [MQTT-4.7.1-3]
    {"wildcards that are no whole level",
     "A connect id=a\nA < connack 0 0\nA subscribe #1 a#\nA < closed\n"
     "A connect id=a\nA < connack 1 0\nA subscribe #1 a/#/b\nA < closed\n"
     "A connect id=a\nA < connack 1 0\nA unsubscribe #1 a+\nA < closed\n"},
    // [MQTT-4.7.2-1]
    {"wildcards take no $ topics",
     "A connect id=a\nA subscribe #1 # +/x\nA < connack 0 0; suback #1 0 0\nA publish $a/x 1\n"
     "A publish a/x 2\nA < publish a/x 2 q0\n"},
    // [MQTT-4.7.3-1], [MQTT-4.8.0-1]
    {"an empty filter", "A connect id=a\nA < connack 0 0\nA subscribe #1 ''\nA < closed\n"},
    {"an empty topic", "A connect id=a\nA < connack 0 0\nA publish '' m\nA < closed\n"},
};

static void test_v4_subscribe(void **state)
{
    (void)state;
    talk_all(subscribing, NH_ARRAY_LEN(subscribing));
}

// ---- delivery -----------------------------------------------------------------------------------

static const struct talk delivering[] = {
    // [MQTT-4.3.2-1]
    {"QoS 1 as a sender",
     "A connect id=a\nA subscribe #1 t=1\nA < connack 0 0; suback #1 1\n"
     "B connect id=b\nB publish t 1 q1 #7\nB < connack 0 0; puback #7\nA < publish t 1 q1 #1\n"
     "A lost\nA connect id=a\nA < connack 1 0; publish t 1 q1 #1 dup\nA puback #1\nA lost\n"
     "A connect id=a\nA < connack 1 0\n"},
    // [MQTT-4.3.2-2]
    {"QoS 1 as a receiver",
     "A connect id=a\nA subscribe #1 t\nA < connack 0 0; suback #1 0\n"
     "B connect id=b\nB publish t 1 q1 #7\nB publish t 1 q1 #7 dup\nB publish t 2 q1 #7\n"
     "B < connack 0 0; puback #7; puback #7; puback #7\n"
     "A < publish t 1 q0; publish t 1 q0; publish t 2 q0\n"},
    // [MQTT-4.3.3-1]
    {"QoS 2 as a sender",
     "A connect id=a\nA subscribe #1 t=2\nA < connack 0 0; suback #1 2\n"
     "B connect id=b\nB publish t 1 q2 #7\nB < connack 0 0; pubrec #7\nA < publish t 1 q2 #1\n"
     "A lost\nA connect id=a\nA < connack 1 0; publish t 1 q2 #1 dup\nA pubrec #1\nA < pubrel #1\n"
     "A lost\nA connect id=a\nA < connack 1 0; pubrel #1\nA pubrec #1\nA < pubrel #1\n"
     "A pubcomp #1\nA lost\nA connect id=a\nA < connack 1 0\n"},
    // [MQTT-4.3.3-2]
    {"QoS 2 as a receiver",
     "A connect id=a\nA subscribe #1 t\nA < connack 0 0; suback #1 0\n"
     "B connect id=b\nB publish t 1 q2 #7\nB < connack 0 0; pubrec #7\nA < publish t 1 q0\n"
     "B publish t 1 q2 #7 dup\nB < pubrec #7\nA <\nB lost\nB connect id=b\n"
     "B publish t 1 q2 #7 dup\nB < connack 1 0; pubrec #7\nA <\nB pubrel #7\nB < pubcomp #7\n"
     "B publish t 2 q2 #7\nB < pubrec #7\nA < publish t 2 q0\n"},
    // [MQTT-4.6.0-2], [MQTT-4.6.0-3], [MQTT-4.6.0-4] the broker keeps the rules of a client too
    {"acknowledgements come in order",
     "A connect id=a\nA subscribe #1 t=2\nA < connack 0 0; suback #1 2\n"
     "B connect id=b\nB publish t 1 q1 #9\nB publish t 2 q2 #4\nB publish t 3 q1 #6\n"
     "B publish t 4 q2 #2\nB < connack 0 0; puback #9; pubrec #4; puback #6; pubrec #2\n"
     "A < publish t 1 q1 #1; publish t 2 q2 #2; publish t 3 q1 #3; publish t 4 q2 #4\n"
     "A pubrec #4\nA pubrec #2\nA < pubrel #4; pubrel #2\n"},
    // [MQTT-4.6.0-5], [MQTT-4.6.0-6]
    {"messages of a client stay in order",
     "A connect id=a\nA subscribe #1 #=2\nA < connack 0 0; suback #1 2\nA stall\n"
     "B connect id=b\nC connect id=c\nB publish t b1 q1 #1\nC publish t c1 q1 #1\n"
     "B publish t b2 q1 #2\nB publish u x q0\nB publish t b3 q1 #3\nC publish t c2 q1 #2\n"
     "B < connack 0 0; puback #1; puback #2; puback #3\nC < connack 0 0; puback #1; puback #2\n"
     "A read\nA < publish t b1 q1 #1; publish t c1 q1 #2; publish t b2 q1 #3; publish u x q0; "
     "publish t b3 q1 #4; publish t c2 q1 #5\n"},
    // [MQTT-4.6.0-6] also when they had to wait for the window
    {"messages that waited stay in order",
     "A connect id=a\nA subscribe #1 t=1\nA < connack 0 0; suback #1 1\n"
     "B connect id=b\nB publish t 1 q1 #1\nB publish t 2 q1 #2\nB publish t 3 q1 #3\n"
     "B < connack 0 0; puback #1; puback #2; puback #3\nA < publish t 1 q1 #1\nA lost\n"
     "B publish t 4 q1 #4\nB < puback #4\nA connect id=a\nA < connack 1 0; publish t 1 q1 #1 dup\n"
     "A puback #1\nA < publish t 2 q1 #2\nA puback #2\nA < publish t 3 q1 #3\nA puback #3\n"
     "A < publish t 4 q1 #4\n",
     &(const struct nh_mqtt_broker_config){.inflight_max = 1}},
    // [MQTT-3.12.4-1]
    {"PINGREQ", "A connect id=a\nA pingreq\nA pingreq\nA < connack 0 0; pingresp; pingresp\n"},
};

static void test_v4_delivery(void **state)
{
    (void)state;
    talk_all(delivering, NH_ARRAY_LEN(delivering));
}

// ---- flags of the fixed header ------------------------------------------------------------------

// A whole packet of each type that a client may send, but for its flags; NULL: none.
static const char *body_of(unsigned type, unsigned flags)
{
    switch (type) {
    case 3:
        return flags & 6 ? "06 00 01 74 00 01 6d" : "04 00 01 74 6d";
    case 4:
    case 5:
    case 6:
    case 7:
        return "02 00 01";
    case 8:
        return "06 00 01 00 01 74 00";
    case 10:
        return "05 00 01 00 01 74";
    case 12:
    case 14:
        return "00";
    default:
        return NULL;
    }
}

static bool flags_are_allowed(unsigned type, unsigned flags)
{
    if (type == 3)
        return (flags >> 1 & 3) < 3 && !(flags & 8 && !(flags & 6));
    return flags == (type == 6 || type == 8 || type == 10 ? 2u : 0u);
}

// Every first byte there is: only the flags of the table are taken, all others close
// [MQTT-2.2.2-2], [MQTT-3.6.1-1], [MQTT-3.8.1-1], [MQTT-3.10.1-1], [MQTT-3.14.1-1].
static void test_v4_flags(void **state)
{
    static char line[64];
    (void)state;
    world_init(&talk.world, NULL);
    talk.name = "flags";
    for (unsigned first = 0; first < 256; first++) {
        const char *body = body_of(first >> 4, first & 15);
        bool is_right = body && flags_are_allowed(first >> 4, first & 15);
        snprintf(line, sizeof line, "A raw %02x %s", first, body ? body : "00");
        talk_line("A connect id=a clean", 20);
        talk_line(line, strlen(line));
        bool is_open = talk.world.clients[0].conn != NULL || first == 0xE0;
        if (is_open != is_right)
            fail_msg("%s: %s", line, is_open ? "was taken" : "closed");
        talk_line("A lost", 6);
        talk.world.clients[0].rx_len = 0;
    }
    world_deinit(&talk.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v4_connect),  cmocka_unit_test(test_v4_connect_fields),
        cmocka_unit_test(test_v4_session),  cmocka_unit_test(test_v4_publish),
        cmocka_unit_test(test_v4_retained), cmocka_unit_test(test_v4_subscribe),
        cmocka_unit_test(test_v4_delivery), cmocka_unit_test(test_v4_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
