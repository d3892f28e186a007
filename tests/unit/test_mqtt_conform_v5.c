// The numbered statements of MQTT 5.0 about messages and subscriptions, as conversations with the
// broker. Each row cites what it shows; docs/mqtt-conformance.md is made of that.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/mqtt_client.h"
#include "support/mqtt_text.h"

#include "support/mqtt_talk.h"

// Clients A, B and C of 5.0.
#define A_IN "A connect v=5 id=a sexp=1000\nA < connack * 0*\n"
#define A_BACK "A connect v=5 id=a sexp=1000\n"
#define B_IN "B connect v=5 id=b sexp=1000\nB < connack * 0*\n"
#define C_IN "C connect v=5 id=c sexp=1000\nC < connack * 0*\n"

// ---- PUBLISH ------------------------------------------------------------------------------------

static const struct talk publishing[] = {
    // [MQTT5-2.1.3-1], [MQTT5-2.2.1-5], [MQTT5-2.2.1-6], [MQTT5-3.3.4-1], [MQTT5-1.5.5-1]
    {"every packet that the broker sends",
     A_IN B_IN "A subscribe #10 t=2\nA unsubscribe #11 u\nA pingreq\n"
               "A < suback #10 2; unsuback #11 0x11; pingresp\n"
               "B publish t 0\nB publish t 1 q1 #258\nB publish t 2 q2 #65535\nB pubrel #65535\n"
               "B < puback #258; pubrec #65535; pubcomp #65535\n"
               "A < publish t 0 q0; publish t 1 q1 #1; publish t 2 q2 #2\n"
               "A puback #1\nA pubrec #2\nA < pubrel #2\nA pubcomp #2\n"},
    // [MQTT5-2.2.1-2], [MQTT5-3.3.1-2], [MQTT5-4.3.1-1]
    {"QoS 0 has neither packet id nor DUP",
     A_IN "A subscribe #1 t=2\nA < suback #1 2\nA publish t 12\nA < publish t 12 q0\nA lost\n"
          "A connect v=5 id=a\nA < connack 1 0*\nA publish t 3 dup\nA < disconnect 0x8*; closed\n"},
    // [MQTT5-2.2.1-3]
    {"packet id 0", A_IN "A publish t m q1 #0\nA < disconnect 0x8*; closed\n" B_IN
                         "B subscribe #0 t\nB < disconnect 0x8*; closed\n" C_IN
                         "C unsubscribe #0 t\nC < disconnect 0x8*; closed\n"},
    // [MQTT5-2.2.1-4]
    {"an id is used again after its acknowledgement only",
     A_IN B_IN "A subscribe #1 t=2\nA < suback #1 2\nB publish t 1 q1 #1\nB publish t 2 q2 #2\n"
               "B < puback #1; pubrec #2\nA < publish t 1 q1 #1; publish t 2 q2 #2\nA lost\n" A_BACK
               "A < connack 1 0*; publish t 1 q1 #1 dup; publish t 2 q2 #2 dup\nB publish t 3 q1 "
               "#3\nB < puback #3\n"
               "A < publish t 3 q1 #3\n"},
    // [MQTT5-3.3.1-1], [MQTT5-4.4.0-1], [MQTT5-4.6.0-1]
    {"sent again in order, with DUP",
     A_IN B_IN "A subscribe #1 t=2\nA < suback #1 2\nB publish t 1 q2 #1\nB publish t 2 q1 #2\n"
               "B publish t 3 q2 #3\nB < pubrec #1; puback #2; pubrec #3\n"
               "A < publish t 1 q2 #1; publish t 2 q1 #2; publish t 3 q2 #3\n"
               "A pubrec #1\nA < pubrel #1\ntick 100000\nA <\nA lost\nA connect v=5 id=a\n"
               "A < connack 1 0*; pubrel #1; publish t 2 q1 #2 dup; publish t 3 q2 #3 dup\n"},
    // [MQTT5-3.3.1-3]
    {"DUP of the publisher goes no further",
     A_IN B_IN "A subscribe #1 t=2\nA < suback #1 2\nB publish t 1 q1 #1 dup\n"
               "B publish t 2 q2 #2 dup\nB < puback #1; pubrec #2\n"
               "A < publish t 1 q1 #1; publish t 2 q2 #2\n"},
    // [MQTT5-3.3.1-4]
    {"QoS 3", A_IN "A publish t m q3 #1\nA < disconnect 0x81*; closed\n"},
    // [MQTT5-3.3.2-1]
    {"topic not UTF-8", A_IN "A publish t\xc3 m\nA < disconnect 0x81*; closed\n"},
    // [MQTT5-3.3.2-2], [MQTT5-4.7.0-1]
    {"topic with a wildcard", A_IN "A publish t/# m\nA < disconnect 0x*; closed\n"},
    // [MQTT5-3.3.2-3]
    {"only what a filter takes",
     A_IN "A subscribe #1 a/+ b/#\nA < suback #1 0 0\nA publish a 1\nA publish a/b 2\n"
          "A publish a/b/c 3\nA publish b 4\nA publish b/c/d 5\nA publish c 6\n"
          "A < publish a/b 2 q0; publish b 4 q0; publish b/c/d 5 q0\n"},
    // [MQTT5-3.3.4-2]
    {"overlapping filters: the highest QoS",
     A_IN B_IN "A subscribe #1 t/+=0 t/#=2 +/x=1\nA < suback #1 0 2 1\nB publish t/x m q2 #1\n"
               "B < pubrec #1\nA < publish t/x m q2 #1\n"},
    // [MQTT5-1.5.4-3]
    {"U+FEFF is a character like others",
     A_IN "A subscribe #1 \xef\xbb\xbft t\nA < suback #1 0 0\nA publish \xef\xbb\xbft 1\n"
          "A publish t 2\nA < publish \xef\xbb\xbft 1 q0; publish t 2 q0\n"},
    // [MQTT5-3.4.2-1], [MQTT5-3.5.2-1]
    {"what is not allowed is refused with a code",
     A_IN "A publish $SYS/x 1 q1 #1\nA < puback #1 0x*\nA publish $SYS/x 2 q2 #2\n"
          "A < pubrec #2 0x*\n"},
    {"nobody subscribed", A_IN "A publish t 1 q1 #1\nA publish t 2 q2 #2\n"
                               "A < puback #1 0x10; pubrec #2 0x10\n"},
    // [MQTT5-3.2.2-15]
    {"a packet over the maximum of the broker",
     A_IN "A publish t x*200\nA < disconnect 0x95*; closed\n",
     &(const struct nh_mqtt_broker_config){.packet_max_bytes = 100}},
};

static void test_v5_publish(void **state)
{
    (void)state;
    talk_all(publishing, NH_ARRAY_LEN(publishing));
}

// ---- properties ---------------------------------------------------------------------------------

static const struct talk properties[] = {
    // [MQTT5-3.3.2-4], [MQTT5-3.3.2-15], [MQTT5-3.3.2-16], [MQTT5-3.3.2-17], [MQTT5-3.3.2-20]
    {"properties are passed on as they are", A_IN B_IN
     "A subscribe #1 t=2\nA < suback #1 2\n"
     "B publish t 0 pfi=1 ctype=text rtopic=r/1 corr=\x01\xff prop=k:v\n"
     "B publish t 1 q1 #1 pfi=0 ctype=text rtopic=r/1 corr=\x01\xff prop=k:v\nB < puback #1\n"
     "A < publish t 0 q0 pfi=1 ctype=text rtopic=r/1 corr=\x01\xff prop=k:v; "
     "publish t 1 q1 #1 pfi=0 ctype=text rtopic=r/1 corr=\x01\xff prop=k:v\n"},
    // [MQTT5-3.3.2-18]
    {"user properties stay in order", A_IN B_IN
     "A subscribe #1 t=2\nA < suback #1 2\nB publish t 0 q2 #1 prop=b:1 prop=a:2 prop=b:1 "
     "prop=:\nB < pubrec #1\nA < publish t 0 q2 #1 prop=b:1 prop=a:2 prop=b:1 prop=:\n"},
    // [MQTT5-3.3.2-4], [MQTT5-3.3.2-17]
    {"properties of a retained message",
     B_IN "B publish t 0 q1 #1 retain pfi=1 prop=k:v ctype=c\nB < puback #1*\n" A_IN
          "A subscribe #1 t=2\nA < suback #1 2; publish t 0 q1 #1 retain pfi=1 ctype=c prop=k:v\n"},
    {"3.1.1 gets a message without its properties",
     "A connect id=a\nA subscribe #1 t=1\nA < connack 0 0; suback #1 1\n" B_IN
     "B publish t 0 prop=k:v\nB publish t 1 q1 #1 ctype=c expiry=10\nB < puback #1\n"
     "A < publish t 0 q0; publish t 1 q1 #1\n"},
    {"5.0 gets a message of 3.1.1", A_IN
     "A subscribe #1 t=1\nA < suback #1 1\nB connect id=b\nB publish t 0\nB publish t 1 q1 #1\n"
     "B < connack 0 0; puback #1\nA < publish t 0 q0; publish t 1 q1 #1\n"},
    // [MQTT5-3.3.2-5]
    {"a message that waited too long is dropped",
     A_IN B_IN "A subscribe #1 t=2\nA < suback #1 2\nA lost\nB publish t 1 q1 #1 expiry=10\n"
               "B publish t 2 q2 #2 expiry=100\nB < puback #1; pubrec #2\ntick 12000\n" A_BACK
               "A < connack 1 0*; publish t 2 q2 #1 expiry=8*\n"},
    // [MQTT5-3.3.2-6]
    {"the time waited is taken off", A_IN B_IN
     "A subscribe #1 t=2\nA < suback #1 2\nB publish t 0 expiry=7\nA < publish t 0 q0 expiry=7\n"
     "A lost\nB publish t 1 q1 #1 expiry=4000000000\nB < puback #1\ntick 10000\n" A_BACK
     "A < connack 1 0*; publish t 1 q1 #1 expiry=3999999990\n"},
    {"a retained message expires",
     B_IN "B publish t 0 retain expiry=100\ntick 40000\n" A_IN
          "A subscribe #1 t\nA < suback #1 0; publish t 0 q0 retain expiry=60\ntick 62000\n"
          "A subscribe #2 t\nA < suback #2 0\n"},
    // [MQTT5-4.3.3-7], [MQTT5-4.3.3-13]
    {"what was sent does not expire", A_IN B_IN
     "A subscribe #1 t=2\nA < suback #1 2\nB publish t 1 q2 #1 expiry=10\nB < pubrec #1\n"
     "A < publish t 1 q2 #1 expiry=10\nA lost\ntick 100000\nA connect v=5 id=a\n"
     "A < connack 1 0*; publish t 1 q2 #1 dup*\nA pubrec #1\nA < pubrel #1\nA pubcomp #1\n"
     "B pubrel #1\nB < pubcomp #1\n"},
    // [MQTT5-3.3.2-13], [MQTT5-3.3.2-14]
    {"response topic", A_IN "A publish t m rtopic=r/#\nA < disconnect 0x8*; closed\n" B_IN
                            "B publish t m rtopic=\xff\nB < disconnect 0x81*; closed\n"},
    // [MQTT5-3.3.2-19]
    {"content type not UTF-8", A_IN "A publish t m ctype=\xff\nA < disconnect 0x81*; closed\n"},
    // [MQTT5-3.3.4-6]
    {"subscription id in PUBLISH", A_IN "A publish t m sid=1\nA < disconnect 0x82*; closed\n"},
    {"a property twice", A_IN "A publish t m pfi=1 pfi=1\nA < disconnect 0x82*; closed\n"},
    {"payload format 2", A_IN "A publish t m pfi=2\nA < disconnect 0x8*; closed\n"},
    {"a property of another packet", A_IN "A publish t m rmax=1\nA < disconnect 0x81*; closed\n"},
};

static void test_v5_properties(void **state)
{
    (void)state;
    talk_all(properties, NH_ARRAY_LEN(properties));
}

// ---- topic aliases ------------------------------------------------------------------------------

static const struct talk aliases[] = {
    // [MQTT5-3.3.2-12]
    {"all aliases up to the maximum",
     B_IN
     "B subscribe #1 +\nB < suback #1 0\nA connect v=5 id=a\nA has connack 0 0*amax=4*\nA < *\n"
     "A publish t 1 alias=1\nA publish u 2 alias=4\nA publish '' 3 alias=1\n"
     "A publish '' 4 alias=4\nA publish v 5 alias=1\nA publish '' 6 alias=1\n"
     "A publish w 7\nB < publish t 1 q0; publish u 2 q0; publish t 3 q0; publish u 4 q0; "
     "publish v 5 q0; publish v 6 q0; publish w 7 q0\n",
     &(const struct nh_mqtt_broker_config){.topic_alias_max = 4}},
    {"aliases at QoS 1 and 2, in a retained message",
     A_IN B_IN "B subscribe #1 +=2\nB < suback #1 2\nA publish t 1 q1 #1 alias=1\n"
               "A publish '' 2 q2 #2 alias=1 retain\nA < puback #1; pubrec #2\n"
               "B < publish t 1 q1 #1; publish t 2 q2 #2\n" C_IN "C subscribe #1 t\n"
               "C < suback #1 0; publish t 2 q0 retain\n"},
    // [MQTT5-3.3.2-8]
    {"alias 0", A_IN "A publish t m alias=0\nA < disconnect 0x94*; closed\n"},
    // [MQTT5-3.2.2-17], [MQTT5-3.3.2-9]
    {"an alias over the maximum", A_IN "A publish t m alias=17\nA < disconnect 0x94*; closed\n"},
    // [MQTT5-3.3.2-7]
    {"aliases end with their connection",
     A_IN "A publish t m alias=1\nA lost\n" A_IN
          "A publish '' m alias=1\nA < disconnect 0x8*; closed\n"},
    {"an alias that was not set", A_IN "A publish '' m alias=1\nA < disconnect 0x82*; closed\n"},
    {"neither topic nor alias", A_IN "A publish '' m\nA < disconnect 0x8*; closed\n"},
    // [MQTT5-3.1.2-26], [MQTT5-3.3.2-11]
    {"the broker's aliases stay within the client's maximum",
     "A connect v=5 id=a amax=1\nA subscribe #1 +\nA < connack 0 0*; suback #1 0\n" B_IN
     "B publish long/enough/to/save/bytes 0\nB publish t 1\nB publish u 2\nB publish t 3\n"
     "B publish u 4\nB publish t 5\nB publish u 6\n"
     "A hasnt *alias=0*\nA hasnt *alias=2*\nA hasnt *alias=3*\nA < publish*1*2*3*4*5*6*\n"},
};

static void test_v5_alias(void **state)
{
    (void)state;
    talk_all(aliases, NH_ARRAY_LEN(aliases));
}

// ---- retained -----------------------------------------------------------------------------------

static const struct talk retaining[] = {
    // [MQTT5-3.3.1-5]
    {"the last one is kept",
     A_IN "A publish r 1 q2 #1 retain\nA pubrel #1\nA publish r 2 q1 #2 retain\n"
          "A < pubrec #1*; pubcomp #1; puback #2*\n" B_IN
          "B subscribe #1 r=2\nB < suback #1 2; publish r 2 q1 #1 retain\n"},
    // [MQTT5-3.3.1-6], [MQTT5-3.3.1-7]
    {"an empty one removes, and is passed on", A_IN
     "A subscribe #1 r\nA < suback #1 0\nA publish r 1 retain\nA publish r '' retain prop=k:v\n"
     "A < publish r 1 q0; publish r '' q0 prop=k:v\n" B_IN "B subscribe #1 r\nB < suback #1 0\n"},
    // [MQTT5-3.3.1-8]
    {"without RETAIN nothing changes",
     A_IN "A publish r 1 retain\nA publish r 2\nA publish r ''\nA publish s 3\n" B_IN
          "B subscribe #1 #\nB < suback #1 0; publish r 1 q0 retain\n"},
    // [MQTT5-3.3.1-9], [MQTT5-3.8.4-4]
    {"retain handling 0", A_IN "A publish r 1 q1 #1 retain\nA < puback #1*\nA subscribe #1 r=1\n"
                               "A < suback #1 1; publish r 1 q1 #1 retain\nA subscribe #2 r=1+rh0\n"
                               "A < suback #2 1; publish r 1 q1 #2 retain\n"},
    // [MQTT5-3.3.1-10]
    {"retain handling 1",
     A_IN "A publish r 1 retain\nA subscribe #1 r=1+rh1\nA < suback #1 1; publish r 1 q0 retain\n"
          "A subscribe #2 r=2+rh1\nA < suback #2 2\nA unsubscribe #3 r\nA subscribe #4 r=1+rh1\n"
          "A < unsuback #3 0; suback #4 1; publish r 1 q0 retain\n"},
    // [MQTT5-3.3.1-11]
    {"retain handling 2",
     A_IN "A publish r 1 retain\nA subscribe #1 r=1+rh2\nA subscribe #2 r=2+rh2\n"
          "A < suback #1 1; suback #2 2\n"},
    // [MQTT5-3.3.1-12]
    {"RETAIN is not as published",
     A_IN "A subscribe #1 r=1\nA < suback #1 1\nA publish r 1 retain\nA publish r 2 q1 #1 retain\n"
          "A publish r 3\nA < publish r 1 q0; publish r 2 q1 #1; puback #1; publish r 3 q0\n"},
    // [MQTT5-3.3.1-13]
    {"RETAIN is as published", A_IN
     "A subscribe #1 r=1+rap\nA < suback #1 1\nA publish r 1 retain\nA publish r 2 q1 #1 retain\n"
     "A publish r 3\n"
     "A < publish r 1 q0 retain; publish r 2 q1 #1 retain; puback #1; publish r 3 q0\n"},
};

static void test_v5_retained(void **state)
{
    (void)state;
    talk_all(retaining, NH_ARRAY_LEN(retaining));
}

// ---- SUBSCRIBE and UNSUBSCRIBE ------------------------------------------------------------------

static const struct talk subscribing[] = {
    // [MQTT5-3.8.1-1], [MQTT5-3.10.1-1], [MQTT5-3.6.1-1], [MQTT5-3.15.1-1]
    {"flags of the fixed header",
     A_IN "A raw 80 07 00 01 00 00 01 74 00\nA < disconnect 0x81*; closed\n" A_IN
          "A raw a3 06 00 01 00 00 01 74\nA < disconnect 0x81*; closed\n" A_IN
          "A raw 60 02 00 01\nA < disconnect 0x81*; closed\n" A_IN
          "A raw f1 00\nA < disconnect 0x81*; closed\n"},
    // [MQTT5-3.8.3-1]
    {"SUBSCRIBE not UTF-8", A_IN "A subscribe #1 \xff\nA < disconnect 0x81*; closed\n"},
    // [MQTT5-3.10.3-1]
    {"UNSUBSCRIBE not UTF-8", A_IN "A unsubscribe #1 \xff\nA < disconnect 0x81*; closed\n"},
    // [MQTT5-3.8.3-2]
    {"SUBSCRIBE to nothing", A_IN "A subscribe #1\nA < disconnect 0x82*; closed\n"},
    // [MQTT5-3.10.3-2]
    {"UNSUBSCRIBE from nothing", A_IN "A unsubscribe #1\nA < disconnect 0x82*; closed\n"},
    // [MQTT5-3.8.3-3]
    {"no-local",
     A_IN B_IN "A subscribe #1 t=1+nl\nA < suback #1 1\nA publish t 1\nA publish t 2 q1 #1\n"
               "A < puback #1*\nB publish t 3\nA < publish t 3 q0\n"
               "A subscribe #2 #=0\nA publish t 4\nA < suback #2 0; publish t 4 q0\n"},
    // [MQTT5-3.8.3-4]
    {"no-local in a share", A_IN "A subscribe #1 $share/s/t=1+nl\nA < disconnect 0x82*; closed\n"},
    // [MQTT5-3.8.3-5]
    {"reserved bits of the options", A_IN "A subscribe #1 t=64\nA < disconnect 0x81*; closed\n" A_IN
                                          "A subscribe #1 t=128\nA < disconnect 0x81*; closed\n"},
    {"QoS 3 and retain handling 3", A_IN "A subscribe #1 t=3\nA < disconnect 0x82*; closed\n" A_IN
                                         "A subscribe #1 t=1+rh3\nA < disconnect 0x82*; closed\n"},
    {"subscription id 0", A_IN "A subscribe #1 t sid=0\nA < disconnect 0x82*; closed\n"},
    // [MQTT5-3.8.4-1], [MQTT5-3.8.4-2], [MQTT5-3.8.4-5], [MQTT5-3.8.4-6], [MQTT5-3.9.3-1]
    {"several filters in one packet",
     A_IN B_IN "A subscribe #65535 a=2 b=0 a=1\nA < suback #65535 2 0 1\nB publish a m q2 #1\n"
               "B publish b m q2 #2\nB < pubrec #1; pubrec #2\n"
               "A < publish a m q1 #1; publish b m q0\n"},
    // [MQTT5-3.8.4-7], [MQTT5-3.9.3-2]
    {"the codes of SUBACK",
     A_IN "A subscribe #1 a=2 x*600 b=1 c=0\nA < suback #1 2 0x* 1 0\n"
          "A subscribe #2 d=0\nA < suback #2 0x97*\n",
     &(const struct nh_mqtt_broker_config){.subscription_max_count = 3}},
    // [MQTT5-3.8.4-3], [MQTT5-3.8.4-4]
    {"the same filter again",
     A_IN B_IN "A subscribe #1 t=1 sid=1\nA < suback #1 1\nB publish t 1 q1 #1\nB < puback #1\n"
               "A subscribe #2 t=0 sid=2\nB publish t 2 q1 #2\nB < puback #2\n"
               "A < publish t 1 q1 #1 sid=1; suback #2 0; publish t 2 q0 sid=2\n"
               "A unsubscribe #3 t\nB publish t 3 q1 #3\nB < puback #3 0x10\nA < unsuback #3 0\n"},
    // [MQTT5-3.8.4-8]
    {"the lower of the two QoS",
     A_IN B_IN "A subscribe #1 t/0=0 t/1=1 t/2=2\nA < suback #1 0 1 2\nB publish t/0 m q2 #1\n"
               "B publish t/1 m q2 #2\nB publish t/2 m q1 #3\nB < pubrec #1; pubrec #2; puback #3\n"
               "A < publish t/0 m q0; publish t/1 m q1 #1; publish t/2 m q1 #2\n"},
    // [MQTT5-3.8.4-8]
    {"retained messages that waited go by the new options",
     B_IN "B publish r m q1 #1 retain\nB < puback #1 0x10\n" A_IN
          "A subscribe #1 t=1\nA < suback #1 1\nB publish t 1 q1 #2\nB < puback #2\n"
          "A < publish t 1 q1 #1\nA subscribe #2 r=1 sid=1\nA subscribe #3 r=0+rh2 sid=2\n"
          "A puback #1\nA < suback #2 1; suback #3 0; publish r m q0 retain sid=2\n",
     &(const struct nh_mqtt_broker_config){.inflight_max = 1}},
    // [MQTT5-3.10.4-1], [MQTT5-3.10.4-5], [MQTT5-3.11.3-2]
    {"UNSUBSCRIBE compares characters",
     A_IN "A subscribe #1 a/+ b/#\nA unsubscribe #2 a/b\nA unsubscribe #3 +/+\n"
          "A < suback #1 0 0; unsuback #2 0x11; unsuback #3 0x11\nA publish a/b m\n"
          "A unsubscribe #4 a/+\nA publish a/b m\nA < publish a/b m q0; unsuback #4 0\n"},
    // [MQTT5-3.10.4-2], [MQTT5-3.10.4-3]
    {"what was begun is finished after UNSUBSCRIBE", A_IN B_IN
     "A subscribe #1 t=2\nA < suback #1 2\nB publish t 1 q1 #1\nB publish t 2 q2 #2\n"
     "B < puback #1; pubrec #2\nA < publish t 1 q1 #1; publish t 2 q2 #2\n"
     "A unsubscribe #2 t\nA < unsuback #2 0\nB publish t 3 q1 #3\nB < puback #3 0x10\nA <\n"
     "A lost\nA connect v=5 id=a\n"
     "A < connack 1 0*; publish t 1 q1 #1 dup; publish t 2 q2 #2 dup\n"
     "A puback #1\nA pubrec #2\nA < pubrel #2\nA pubcomp #2\n"},
    // [MQTT5-3.10.4-4], [MQTT5-3.10.4-6], [MQTT5-3.11.3-1]
    {"several filters in one UNSUBSCRIBE",
     A_IN "A subscribe #1 a b c\nA unsubscribe #513 a x c\n"
          "A < suback #1 0 0 0; unsuback #513 0 0x11 0\n"
          "A publish a 1\nA publish b 2\nA publish c 3\nA < publish b 2 q0\n"},
    // [MQTT5-4.7.3-4]
    {"nothing is normalised",
     A_IN "A subscribe #1 \xc3\xa9 e\xcc\x81/+ a//b\nA < suback #1 0 0 0\nA publish e\xcc\x81 1\n"
          "A publish \xc3\x89 2\nA publish \xc3\xa9/x 3\nA publish a/b 4\nA publish A//B 5\n"
          "A publish \xc3\xa9 6\nA < publish \xc3\xa9 6 q0\n"},
    // [MQTT5-4.7.1-1], [MQTT5-4.7.1-2]
    {"wildcards that are no whole level",
     A_IN "A subscribe #1 a#\nA < disconnect 0x8*; closed\n" A_IN
          "A subscribe #1 a/#/b\nA < disconnect 0x8*; closed\n" A_IN
          "A subscribe #1 a+\nA < disconnect 0x8*; closed\n"},
    // [MQTT5-4.7.2-1]
    {"wildcards take no $ topics",
     A_IN "A subscribe #1 # +/x\nA < suback #1 0 0\nA publish $a/x 1\nA publish a/x 2\n"
          "A < publish a/x 2 q0\n"},
    // [MQTT5-4.7.3-1]
    {"an empty filter", A_IN "A subscribe #1 ''\nA < disconnect 0x8*; closed\n"},
    // [MQTT5-4.7.3-2]
    {"U+0000 in a topic and a filter",
     A_IN "A raw 30 07 00 03 74 00 74 00 6d\nA < disconnect 0x81*; closed\n" A_IN
          "A raw 82 09 00 01 00 00 03 74 00 74 00\nA < disconnect 0x81*; closed\n"},
    // [MQTT5-3.3.4-3], [MQTT5-3.3.4-4]
    {"subscription ids",
     A_IN "A subscribe #1 a/+ sid=1\nA subscribe #2 a/# sid=268435455\nA subscribe #3 +/b\n"
          "A < suback #1 0; suback #2 0; suback #3 0\nA publish a/b 1\nA publish a/b/c 2\n"
          "A publish x/b 3\nA has publish a/b 1 q0 sid=*sid=*\n"
          "A < publish a/b 1 q0*sid=*; publish a/b/c 2 q0 sid=268435455; publish x/b 3 q0\n"},
    {"a subscription id with retained messages",
     A_IN "A publish r 1 retain\nA subscribe #1 r sid=7\nA < suback #1 0; publish r 1 q0 retain "
          "sid=7\n"},
};

static void test_v5_subscribe(void **state)
{
    (void)state;
    talk_all(subscribing, NH_ARRAY_LEN(subscribing));
}

// ---- delivery -----------------------------------------------------------------------------------

static const struct talk delivering[] = {
    // [MQTT5-4.3.2-1], [MQTT5-4.3.2-2], [MQTT5-4.3.2-3]
    {"QoS 1 as a sender",
     A_IN B_IN "A subscribe #1 t=1\nA < suback #1 1\nB publish t 1 q1 #7\nB < puback #7\n"
               "A < publish t 1 q1 #1\nA lost\n" A_BACK
               "A < connack 1 0*; publish t 1 q1 #1 dup\nA puback #1\n"
               "A lost\n" A_BACK "A hasnt *pub*\nA < connack 1 0*\n"},
    // [MQTT5-4.3.2-4], [MQTT5-4.3.2-5]
    {"QoS 1 as a receiver",
     A_IN B_IN "A subscribe #1 t\nA < suback #1 0\nB publish t 1 q1 #7\nB publish t 1 q1 #7 dup\n"
               "B publish t 2 q1 #7\nB < puback #7; puback #7; puback #7\n"
               "A < publish t 1 q0; publish t 1 q0; publish t 2 q0\n"},
    // [MQTT5-4.3.3-1], [MQTT5-4.3.3-2], [MQTT5-4.3.3-3], [MQTT5-4.3.3-4], [MQTT5-4.3.3-5]
    {"QoS 2 as a sender",
     A_IN B_IN "A subscribe #1 t=2\nA < suback #1 2\nB publish t 1 q2 #7\nB < pubrec #7\n"
               "A < publish t 1 q2 #1\nA lost\nA connect v=5 id=a sexp=1000\n"
               "A < connack 1 0*; publish t 1 q2 #1 dup\nA pubrec #1\nA < pubrel #1\nA lost\n"
               "A connect v=5 id=a sexp=1000\nA < connack 1 0*; pubrel #1\nA pubcomp #1\nA lost\n"
               "A connect v=5 id=a\nA hasnt *pub*\nA < connack 1 0*\n"},
    // [MQTT5-4.3.3-6]
    {"no PUBLISH after PUBREL",
     A_IN B_IN "A subscribe #1 t=2\nA < suback #1 2\nB publish t 1 q2 #7\nB < pubrec #7\n"
               "A < publish t 1 q2 #1\nA pubrec #1\nA pubrec #1\nA < pubrel #1; pubrel #1\nA lost\n"
               "A connect v=5 id=a\nA hasnt *publish*\nA < connack 1 0*; pubrel #1\n"},
    // [MQTT5-4.3.3-8], [MQTT5-4.3.3-10], [MQTT5-4.3.3-11], [MQTT5-4.3.3-12]
    {"QoS 2 as a receiver",
     A_IN B_IN "A subscribe #1 t\nA < suback #1 0\nB publish t 1 q2 #7\nB < pubrec #7\n"
               "A < publish t 1 q0\nB publish t 1 q2 #7 dup\nB < pubrec #7\nA <\nB lost\n" B_IN
               "B publish t 1 q2 #7 dup\nB < pubrec #7*\nA <\nB pubrel #7\nB < pubcomp #7\n"
               "B publish t 2 q2 #7\nB < pubrec #7\nA < publish t 2 q0\n"},
    // [MQTT5-3.6.2-1], [MQTT5-3.7.2-1]
    {"packet ids that nobody knows",
     A_IN "A pubrel #9\nA < pubcomp #9 0x92*\nA pubrec #8\nA < pubrel #8 0x92*\nA puback #7\n"
          "A pubcomp #6\nA <\n"},
    // [MQTT5-4.3.3-9]
    {"after a PUBREC that refuses the id is free",
     A_IN B_IN "A subscribe #1 t\nA < suback #1 0\nB publish $SYS/x 1 q2 #7\nB < pubrec #7 0x*\n"
               "B publish t 2 q2 #7\nB < pubrec #7\nA < publish t 2 q0\n"},
    // [MQTT5-4.4.0-2]
    {"who refuses a message does not get it again",
     A_IN B_IN "A subscribe #1 t=2\nA < suback #1 2\nB publish t 1 q1 #1\nB publish t 2 q2 #2\n"
               "B < puback #1; pubrec #2\nA < publish t 1 q1 #1; publish t 2 q2 #2\n"
               "A puback #1 rc=0x80\nA pubrec #2 rc=0x99\nA <\nA lost\nA connect v=5 id=a\n"
               "A hasnt *pub*\nA < connack 1 0*\n"},
    // [MQTT5-4.6.0-2], [MQTT5-4.6.0-3], [MQTT5-4.6.0-4] the broker keeps the rules of a client too
    {"acknowledgements come in order", A_IN B_IN
     "A subscribe #1 t=2\nA < suback #1 2\nB publish t 1 q1 #9\nB publish t 2 q2 #4\n"
     "B publish t 3 q1 #6\nB publish t 4 q2 #2\nB < puback #9; pubrec #4; puback #6; pubrec #2\n"
     "A < publish t 1 q1 #1; publish t 2 q2 #2; publish t 3 q1 #3; publish t 4 q2 #4\n"
     "A pubrec #4\nA pubrec #2\nA < pubrel #4; pubrel #2\n"},
    // [MQTT5-4.6.0-5], [MQTT5-4.6.0-6]
    {"messages of a client stay in order", A_IN B_IN C_IN
     "A subscribe #1 #=2\nA < suback #1 2\nA stall\nB publish t b1 q1 #1\n"
     "C publish t c1 q1 #1\nB publish t b2 q1 #2\nB publish u x\nB publish t b3 q1 #3\n"
     "C publish t c2 q1 #2\nB < puback #1; puback #2; puback #3\n"
     "C < puback #1; puback #2\nA read\nA < publish t b1 q1 #1; publish t c1 q1 #2; "
     "publish t b2 q1 #3; publish u x q0; publish t b3 q1 #4; publish t c2 q1 #5\n"},
    // [MQTT5-3.3.4-9], [MQTT5-4.9.0-1], [MQTT5-4.9.0-2]
    {"no more than the client's receive maximum",
     "A connect v=5 id=a sexp=100 rmax=2\nA subscribe #1 t=2\nA < connack 0 0*; suback #1 2\n" B_IN
     "B publish t 1 q1 #1\nB publish t 2 q2 #2\nB publish t 3 q1 #3\nB publish t 4 q2 #4\n"
     "B < puback #1; pubrec #2; puback #3; pubrec #4\nA < publish t 1 q1 #1; publish t 2 q2 #2\n"
     "A puback #1\nA < publish t 3 q1 #3\nA pubrec #2\nA < pubrel #2\nA pubcomp #2\n"
     "A < publish t 4 q2 #4\nA pubrec #4 rc=0x80\nA puback #3\nA <\n"},
    // [MQTT5-3.3.4-10], [MQTT5-4.9.0-3]
    {"other packets do not wait for it",
     "A connect v=5 id=a rmax=1\nA subscribe #1 t=2\nA < connack 0 0*; suback #1 2\n" B_IN
     "B publish t 1 q1 #1\nB publish t 2 q1 #2\nB publish t 3\nB < puback #1; puback #2\n"
     "A pingreq\nA publish x 4 q1 #5\nA subscribe #6 y\n"
     "A < publish t 1 q1 #1; publish t 3 q0; pingresp; puback #5 0x10; suback #6 0\n"},
    // [MQTT5-3.3.4-7]
    {"a client over the broker's receive maximum",
     A_IN "A publish t 1 q2 #1\nA publish t 2 q2 #2\nA < pubrec #1*; pubrec #2*\n"
          "A publish t 3 q2 #3\nA < disconnect 0x93*; closed\n",
     &(const struct nh_mqtt_broker_config){.qos2_max_count = 2}},
};

static void test_v5_delivery(void **state)
{
    (void)state;
    talk_all(delivering, NH_ARRAY_LEN(delivering));
}

// ---- shared subscriptions -----------------------------------------------------------------------

static const struct talk sharing[] = {
    // [MQTT5-4.8.2-1], [MQTT5-4.8.2-2]
    {"shares without name or filter",
     A_IN "A subscribe #1 $share/s\nA < disconnect 0x8*; closed\n" B_IN
          "B subscribe #1 $share//t\nB < disconnect 0x8*; closed\n" C_IN
          "C subscribe #1 $share/a+/t\nC < disconnect 0x8*; closed\n"},
    {"one member gets a message, in turn", A_IN B_IN C_IN
     "A subscribe #1 $share/s/t=1\nA < suback #1 1\nB subscribe #1 $share/s/t=1\n"
     "B < suback #1 1\nC publish t 1 q1 #1\nC publish t 2 q1 #2\nC < puback #1; puback #2\n"
     "A < publish t ? q1 #1\nB < publish t ? q1 #1\n"},
    {"at QoS 0 too",
     A_IN B_IN C_IN "A subscribe #1 $share/s/t\nA < suback #1 0\nB subscribe #1 $share/s/t\n"
                    "B < suback #1 0\nC publish t 1\nC publish t 2\nC publish t 3\nC publish t 4\n"
                    "A < publish t ? q0; publish t ? q0\nB < publish t ? q0; publish t ? q0\n"},
    {"a share, another one, and a subscription of its own",
     A_IN B_IN "A subscribe #1 $share/s/t $share/r/t t sid=1\nA < suback #1 0 0 0\nB publish t 1\n"
               "A < publish t 1 q0*; publish t 1 q0*; publish t 1 q0*\n"},
    {"no retained messages for a share",
     A_IN "A publish t 1 retain\nA subscribe #1 $share/s/t\nA < suback #1 0\n"},
    // [MQTT5-4.8.2-3]
    {"each member has its own QoS", A_IN B_IN C_IN
     "A subscribe #1 $share/s/t=0\nA < suback #1 0\nB subscribe #1 $share/s/t=1\n"
     "B < suback #1 1\nC publish t 1 q2 #1\nC publish t 2 q2 #2\nC < pubrec #1; pubrec #2\n"
     "A < publish t ? q0\nB < publish t ? q1 #1\n"},
    // [MQTT5-4.8.2-4]
    {"a QoS 2 message is finished with who has it", A_IN B_IN C_IN
     "A subscribe #1 $share/s/t=2\nA < suback #1 2\nC publish t 1 q2 #1\nC < pubrec #1\n"
     "A < publish t 1 q2 #1\nB subscribe #1 $share/s/t=2\nB < suback #1 2\nA lost\nB <\n"
     "A connect v=5 id=a\nA < connack 1 0*; publish t 1 q2 #1 dup\nB <\n"},
    // [MQTT5-4.8.2-5]
    {"nobody else gets it when that session ends", A_IN B_IN C_IN
     "A subscribe #1 $share/s/t=2\nA < suback #1 2\nC publish t 1 q2 #1\nC < pubrec #1\n"
     "A < publish t 1 q2 #1\nB subscribe #1 $share/s/t=2\nB < suback #1 2\n"
     "A disconnect sexp=0\nA < closed\nB <\n"},
    // [MQTT5-4.8.2-6]
    {"nobody else gets what a member refuses",
     A_IN B_IN C_IN "A subscribe #1 $share/s/t=2\nA < suback #1 2\nC publish t 1 q1 #1\n"
                    "C publish t 2 q2 #2\nC < puback #1; pubrec #2\n"
                    "A < publish t 1 q1 #1; publish t 2 q2 #2\nB subscribe #1 $share/s/t=2\n"
                    "B < suback #1 2\nA puback #1 rc=0x83\nA pubrec #2 rc=0x97\nA <\nB <\n"},
    {"who is away is passed over",
     A_IN B_IN C_IN "A subscribe #1 $share/s/t=1\nA < suback #1 1\nB subscribe #1 $share/s/t=1\n"
                    "B < suback #1 1\nA lost\nC publish t 1 q1 #1\nC publish t 2 q1 #2\n"
                    "C < puback #1; puback #2\nB < publish t 1 q1 #1; publish t 2 q1 #2\n"},
    {"what a member did not get goes to another one when it ends",
     A_IN B_IN C_IN "A subscribe #1 $share/s/t=1\nA < suback #1 1\nA lost\nC publish t 1 q1 #1\n"
                    "C < puback #1\nB subscribe #1 $share/s/t=1\nB < suback #1 1\ntick 1002000\n"
                    "B < publish t 1 q1 #1\n"},
    // [MQTT5-3.3.1-13]
    {"RETAIN is as published for that other one too",
     A_IN B_IN C_IN "A subscribe #1 $share/s/t=1+rap\nA < suback #1 1\n"
                    "C publish t 1 q1 #1 retain\nC < puback #1\nA < publish t 1 q1 #1 retain\n"
                    "B subscribe #1 $share/s/t=1+rap\nB < suback #1 1\nA disconnect sexp=0\n"
                    "A < closed\nB < publish t 1 q1 #1 retain\n"},
    {"UNSUBSCRIBE from a share", A_IN B_IN
     "A subscribe #1 $share/s/t t\nA unsubscribe #2 $share/s/t\nA unsubscribe #3 $share/r/t\n"
     "A < suback #1 0 0; unsuback #2 0; unsuback #3 0x11\nB publish t 1\nA < publish t 1 q0\n"},
};

static void test_v5_share(void **state)
{
    (void)state;
    talk_all(sharing, NH_ARRAY_LEN(sharing));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v5_publish),   cmocka_unit_test(test_v5_properties),
        cmocka_unit_test(test_v5_alias),     cmocka_unit_test(test_v5_retained),
        cmocka_unit_test(test_v5_subscribe), cmocka_unit_test(test_v5_delivery),
        cmocka_unit_test(test_v5_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
