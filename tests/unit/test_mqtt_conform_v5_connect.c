// The numbered statements of MQTT 5.0 about connections, sessions and wills, as conversations with
// the broker. Each row cites what it shows; docs/mqtt-conformance.md is made of that.

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
    // [MQTT5-3.1.0-1], [MQTT5-3.14.0-1]
    {"another packet comes first", "A open v=5\nA publish t m\nA < closed\n"},
    // [MQTT5-3.1.0-2], [MQTT5-3.2.0-2], [MQTT5-4.13.1-1]
    {"CONNECT twice", "A connect v=5 id=a\nA < connack 0 0*\nA connect v=5 id=a\n"
                      "A < disconnect 0x82*; closed\n"},
    // [MQTT5-3.1.2-1]
    {"another protocol name", "A connect v=5 name=MQTX id=a clean\nA < *closed\n"},
    // [MQTT5-3.1.2-2]
    {"version 6", "A connect v=6 id=a clean\nA < connack 0 0x84*; closed\n"},
    // [MQTT5-3.1.2-3], [MQTT5-3.1.4-1], [MQTT5-4.13.2-1]
    {"reserved flag", "A connect v=5 id=a flags=0x03\nA < connack 0 0x81*; closed\n"},
    // [MQTT5-3.1.4-6]
    {"nothing behind a refusal counts",
     "B connect v=5 id=b\nB subscribe #1 t\nB < connack 0 0*; suback #1 0\n"
     "A open v=5\nA raw 10 0e 00 04 4d 51 54 54 05 03 00 00 00 00 01 61 30 05 00 01 74 00 6d\n"
     "A < connack 0 0x81*; closed\nB <\n"},
    // [MQTT5-3.1.4-4], [MQTT5-3.1.4-5], [MQTT5-3.2.2-2], [MQTT5-3.2.2-3], [MQTT5-3.2.2-1]
    {"session present", "A connect v=5 id=a sexp=100\nA < connack 0 0*\nA disconnect\nA < closed\n"
                        "A connect v=5 id=a sexp=100\nA < connack 1 0*\nA disconnect\nA < closed\n"
                        "A connect v=5 id=a sexp=100 clean\nA < connack 0 0*\n"},
    // [MQTT5-3.2.2-6], [MQTT5-3.2.2-7], [MQTT5-3.2.2-8]
    {"a refusal says no session", "A connect v=5 id=a sexp=100\nA < connack 0 0*\nA lost\n"
                                  "A connect v=5 id=a flags=0x01\nA < connack 0 0x81*; closed\n"
                                  "A connect v=5 id=a sexp=100\nA < connack 1 0*\n"},
    // [MQTT5-3.2.0-1]
    {"CONNACK comes before all else",
     "A connect v=5 id=a sexp=100\nA subscribe #1 t=1\nA < connack 0 0*; suback #1 1\nA lost\n"
     "B connect v=5 id=b\nB publish t m q1 #1\nB < connack 0 0*; puback #1*\n"
     "A connect v=5 id=a sexp=100\nA < connack 1 0*; publish t m q1 #1\n"},
    // [MQTT5-3.1.4-3], [MQTT5-3.14.2-1]
    {"taken over", "A connect v=5 id=a sexp=100\nA < connack 0 0*\nB connect v=5 id=a sexp=100\n"
                   "B < connack 1 0*\nA < disconnect 0x8e*; closed\nB pingreq\nB < pingresp\n"},
    // [MQTT5-3.1.4-3] whatever the versions
    {"taken over by 3.1.1", "A connect v=5 id=a sexp=100\nA < connack 0 0*\nB connect id=a\n"
                            "B < connack 1 0\nA < disconnect 0x8e*; closed\n"
                            "A connect v=5 id=a sexp=100\nA < connack 1 0*\nB < closed\n"},
    // [MQTT5-3.1.2-28]
    {"no response information unasked", "A connect v=5 id=a\nA hasnt *rinfo=*\nA < connack 0 0*\n"
                                        "B connect v=5 id=b rri=0\nB hasnt *rinfo=*\n"
                                        "B < connack 0 0*\n"},
    // [MQTT5-4.12.0-1]
    {"unknown authentication method", "A connect v=5 id=a method=X\nA < connack 0 0x8c*; closed\n"},
    // [MQTT5-4.12.0-6]
    {"no method, no AUTH", "A connect v=5 id=a\nA hasnt *auth*\nA hasnt *method=*\n"
                           "A < connack 0 0*\n"},
    // [MQTT5-4.12.0-7]
    {"AUTH without method",
     "A connect v=5 id=a\nA < connack 0 0*\nA auth rc=0x18\nA < disconnect 0x82*; closed\n"},
    {"AUTH before CONNECT", "A open v=5\nA auth rc=0x18\nA < closed\n"},
};

static void test_v5_connect(void **state)
{
    (void)state;
    talk_all(connects, NH_ARRAY_LEN(connects));
}

// ---- the fields of CONNECT ----------------------------------------------------------------------

static const struct talk connect_fields[] = {
    // [MQTT5-3.1.2-9]
    {"will flag, no will", "A connect v=5 id=a flags=0x06\nA < connack 0 0x81*; closed\n"},
    {"will flag, no will message",
     "A connect v=5 id=a user=t flags=0x06\nA < connack 0 0x81*; closed\n"},
    // [MQTT5-3.1.2-11]
    {"will QoS without will flag", "A connect v=5 id=a flags=0x0a\nA < connack 0 0x81*; closed\n"},
    // [MQTT5-3.1.2-12]
    {"will QoS 3", "A connect v=5 id=a will=t:m wq=3\nA < connack 0 0x81*; closed\n"},
    // [MQTT5-3.1.2-13]
    {"will retain without will flag",
     "A connect v=5 id=a flags=0x22\nA < connack 0 0x81*; closed\n"},
    // [MQTT5-3.1.2-16]
    {"user name without its flag",
     "A connect v=5 id=a user=u flags=0x02\nA < connack 0 0x81*; closed\n"},
    // [MQTT5-3.1.2-17]
    {"user name flag without user name",
     "A connect v=5 id=a flags=0x82\nA < connack 0 0x81*; closed\n"},
    // [MQTT5-3.1.2-18]
    {"password without its flag",
     "A connect v=5 id=a user=u pass=p flags=0x82\nA < connack 0 0x81*; closed\n"},
    // [MQTT5-3.1.2-19]
    {"password flag without password",
     "A connect v=5 id=a user=u flags=0xc2\nA < connack 0 0x81*; closed\n"},
    {"password without user name", "A connect v=5 id=a pass=p\nA < connack 0 0*\n"},
    // [MQTT5-3.1.3-1]
    {"all fields in their order",
     "B connect v=5 id=b\nB subscribe #1 w\nB < connack 0 0*; suback #1 0\n"
     "A connect v=5 id=a will=w:bye user=u pass=p prop=k:v w.ctype=x\nA < connack 0 0*\n"
     "A lost\nB < publish w bye q0 ctype=x\n"},
    // [MQTT5-3.1.3-3]
    {"no client id", "A open v=5\nA raw 10 0b 00 04 4d 51 54 54 05 02 00 00 00\n"
                     "A < connack 0 0x81*; closed\n"},
    // [MQTT5-3.1.3-4], [MQTT5-1.5.4-1]
    {"client id not UTF-8", "A connect v=5 id=a\xff\nA < connack 0 0x81*; closed\n"},
    // [MQTT5-1.5.4-2]
    {"client id with U+0000", "A open v=5\n"
                              "A raw 10 0f 00 04 4d 51 54 54 05 02 00 00 00 00 02 61 00\n"
                              "A < connack 0 0x81*; closed\n"},
    // [MQTT5-1.5.7-1]
    {"user property not UTF-8", "A connect v=5 id=a prop=k:\xff\nA < connack 0 0x81*; closed\n"
                                "A connect v=5 id=a prop=\xff:v\nA < connack 0 0x81*; closed\n"},
    // [MQTT5-1.5.5-1]
    {"a property length in more bytes than it needs",
     "A open v=5\nA raw 10 0f 00 04 4d 51 54 54 05 02 00 00 80 00 00 01 61\n"
     "A < connack 0 0x81*; closed\n"},
    // [MQTT5-2.2.2-1]
    {"no property length", "A open v=5\nA raw 10 0d 00 04 4d 51 54 54 05 02 00 00 00 01 61\n"
                           "A < connack 0 0x81*; closed\n"},
    // [MQTT5-3.1.3-11]
    {"will topic not UTF-8", "A connect v=5 id=a will=\xc0\x80:m\nA < connack 0 0x81*; closed\n"},
    // [MQTT5-3.1.3-12]
    {"user name not UTF-8", "A connect v=5 id=a user=\xed\xa0\x80\nA < connack 0 0x81*; closed\n"},
    // [MQTT5-3.1.3-5]
    {"client ids that must be allowed",
     "A connect v=5 id=0\nA < connack 0 0*\n"
     "B connect v=5 id=0123456789ABCDEFGHIJKLM\nB < connack 0 0*\n"
     "C connect v=5 id=NOPQRSTUVWXYZabcdefghij\nC < connack 0 0*\n"
     "D connect v=5 id=klmnopqrstuvwxyz\nD < connack 0 0*\n"},
    // [MQTT5-3.1.3-6], [MQTT5-3.1.3-7], [MQTT5-3.2.2-16]
    {"an empty client id gets one of its own",
     "A connect v=5 clean\nA has connack 0 0*assigned=*\nA < *\n"
     "B connect v=5 sexp=100\nB has connack 0 0*assigned=*\nB < *\nA subscribe #1 t\nA < suback "
     "#1 0\n"
     "B publish t m\nA < publish t m q0\n"},
    // [MQTT5-3.1.3-8]
    {"a client id that is too long",
     "A connect v=5 id=x*256\nA hasnt *assigned=*\nA < connack 0 0*\n"
     "B connect v=5 id=x*257\nB < connack 0 0x85*; closed\n"},
    {"a property twice", "A connect v=5 id=a sexp=1 sexp=1\nA < connack 0 0x82*; closed\n"},
    {"receive maximum 0", "A connect v=5 id=a rmax=0\nA < connack 0 0x82*; closed\n"},
    {"maximum packet size 0", "A connect v=5 id=a pmax=0\nA < connack 0 0x82*; closed\n"},
    {"request response information 2", "A connect v=5 id=a rri=2\nA < connack 0 0x82*; closed\n"},
    {"request problem information 2", "A connect v=5 id=a rpi=2\nA < connack 0 0x82*; closed\n"},
    {"authentication data without method",
     "A connect v=5 id=a data=x\nA < connack 0 0x82*; closed\n"},
    {"a property of another packet", "A connect v=5 id=a alias=1\nA < connack 0 0x81*; closed\n"},
};

static void test_v5_connect_fields(void **state)
{
    (void)state;
    talk_all(connect_fields, NH_ARRAY_LEN(connect_fields));
}

// ---- sessions -----------------------------------------------------------------------------------

static const struct talk sessions[] = {
    // [MQTT5-3.1.3-2]
    {"a session belongs to its client id",
     "A connect v=5 id=a sexp=100\nA subscribe #1 t=1\nA < connack 0 0*; suback #1 1\nA lost\n"
     "B connect v=5 id=b\nB publish t m q1 #1\nB < connack 0 0*; puback #1*\n"
     "C connect v=5 id=A\nC < connack 0 0*\n"
     "D connect v=5 id=a\nD < connack 1 0*; publish t m q1 #1\n"},
    // [MQTT5-3.1.2-4]
    {"Clean Start begins anew",
     "A connect v=5 id=a sexp=100\nA subscribe #1 t=1\nA < connack 0 0*; suback #1 1\nA lost\n"
     "B connect v=5 id=b\nB publish t 1 q1 #1\nB < connack 0 0*; puback #1*\n"
     "A connect v=5 id=a sexp=100 clean\nA < connack 0 0*\n"
     "B publish t 2 q1 #2\nB < puback #2*\nA <\n"},
    // [MQTT5-3.1.2-5], [MQTT5-3.1.2-6], [MQTT5-3.1.2-23]
    {"a session goes on",
     "A connect v=5 id=a sexp=100\nA subscribe #1 t=2\nA < connack 0 0*; suback #1 2\nA lost\n"
     "B connect v=5 id=b\nB publish t 1 q2 #1\nB < connack 0 0*; pubrec #1*\ntick 95000\n"
     "A connect v=5 id=a\nA < connack 1 0*; publish t 1 q2 #1\n"},
    // [MQTT5-4.1.0-2]
    {"a session ends with its expiry interval",
     "A connect v=5 id=a sexp=100\nA subscribe #1 t=1\nA < connack 0 0*; suback #1 1\nA lost\n"
     "tick 105000\nA connect v=5 id=a\nA < connack 0 0*\n"},
    {"a session without expiry interval ends with its connection",
     "A connect v=5 id=a\nA subscribe #1 t=1\nA < connack 0 0*; suback #1 1\nA lost\n"
     "A connect v=5 id=a\nA < connack 0 0*\n"},
    {"a session that never expires",
     "A connect v=5 id=a sexp=0xffffffff\nA < connack 0 0*\nA lost\n"
     "tick 2000000000\ntick 2000000000\nA connect v=5 id=a\nA < connack 1 0*\n"},
    {"DISCONNECT changes the expiry interval",
     "A connect v=5 id=a sexp=100\nA < connack 0 0*\nA disconnect sexp=0\nA < closed\n"
     "A connect v=5 id=a sexp=100\nA < connack 0 0*\nA disconnect sexp=1000\nA < closed\n"
     "tick 500000\nA connect v=5 id=a\nA < connack 1 0*\n"},
    {"DISCONNECT makes no session last that was not to",
     "A connect v=5 id=a\nA < connack 0 0*\nA disconnect sexp=100\n"
     "A < disconnect 0x82*; closed\n"},
    // [MQTT5-4.1.0-1]
    {"a session lasts while its connection does",
     "A connect v=5 id=a\nA subscribe #1 t=1\nA < connack 0 0*; suback #1 1\n"
     "tick 90000000\nB connect v=5 id=b\nB publish t m q1 #1\nB < connack 0 0*; puback #1*\n"
     "A < publish t m q1 #1\n"},
    // [MQTT5-4.5.0-1]
    {"messages are kept for who is away",
     "A connect v=5 id=a sexp=100\nA subscribe #1 t=1 u=2\nA < connack 0 0*; suback #1 1 2\n"
     "C connect v=5 id=c\nC subscribe #1 +=2\nC < connack 0 0*; suback #1 2\nA disconnect\n"
     "A < closed\nB connect v=5 id=b\nB publish t 1 q1 #1\nB publish u 2 q2 #2\n"
     "B publish v 3 q1 #3\nB < connack 0 0*; puback #1*; pubrec #2*; puback #3*\n"
     "C < publish t 1 q1 #1; publish u 2 q2 #2; publish v 3 q1 #3\n"
     "A connect v=5 id=a\nA < connack 1 0*; publish t 1 q1 #1; publish u 2 q2 #2\n"},
    // [MQTT5-3.1.2-22]
    {"silence for one and a half keep-alives",
     "B connect v=5 id=b\nB subscribe #1 w\nB < connack 0 0*; suback #1 0\n"
     "A connect v=5 id=a keep=10 will=w:bye\nA < connack 0 0*\ntick 14999\nA <\ntick 1100\n"
     "A < disconnect 0x8d*; closed\nB < publish w bye q0\n"},
    // [MQTT5-3.1.2-21], [MQTT5-3.2.2-21]
    {"the server keep-alive holds",
     "A connect v=5 id=a keep=1000\nA has connack 0 0 *skeep=10*\nA < *\ntick 16100\n"
     "A < disconnect 0x8d*; closed\n",
     &(const struct nh_mqtt_broker_config){.keepalive_max_s = 10}},
    // [MQTT5-3.2.2-22]
    {"the client's keep-alive holds",
     "A connect v=5 id=a keep=5\nA hasnt *skeep=*\nA < connack 0 0*\ntick 7400\nA <\ntick 1200\n"
     "A < disconnect 0x8d*; closed\n",
     &(const struct nh_mqtt_broker_config){.keepalive_max_s = 10}},
    // [MQTT5-3.14.4-1], [MQTT5-3.14.4-2]
    {"nothing behind DISCONNECT counts",
     "B connect v=5 id=b\nB subscribe #1 t\nB < connack 0 0*; suback #1 0\n"
     "A connect v=5 id=a\nA < connack 0 0*\nA raw e0 00 30 05 00 01 74 00 6d\nA < closed\nB <\n"},
    // [MQTT5-3.14.1-1]
    {"flags of DISCONNECT",
     "A connect v=5 id=a\nA < connack 0 0*\nA raw e1 00\nA < disconnect 0x81*; closed\n"},
    // [MQTT5-3.14.2-2]
    {"DISCONNECT of the broker has no expiry interval",
     "A connect v=5 id=a sexp=100\nA < connack 0 0*\nB connect v=5 id=a\nB < connack 1 0*\n"
     "A hasnt *sexp=*\nA < disconnect 0x8e*; closed\n"},
    // [MQTT5-3.12.4-1]
    {"PINGREQ", "A connect v=5 id=a\nA pingreq\nA pingreq\nA < connack 0 0*; pingresp; pingresp\n"},
};

static void test_v5_session(void **state)
{
    (void)state;
    talk_all(sessions, NH_ARRAY_LEN(sessions));
}

// ---- wills --------------------------------------------------------------------------------------

#define WATCHER "B connect v=5 id=b\nB subscribe #1 w=2+rap\nB < connack 0 0*; suback #1 2\n"

static const struct talk wills[] = {
    // [MQTT5-3.1.2-7], [MQTT5-3.1.2-8], [MQTT5-3.1.2-10]
    {"a will is published once", WATCHER
     "A connect v=5 id=a sexp=100 will=w:bye wq=1\nA < connack 0 0*\nB <\nA lost\n"
     "B < publish w bye q1 #1\nA connect v=5 id=a sexp=100\nA < connack 1 0*\nA lost\nB <\n"},
    // [MQTT5-3.1.2-8]
    {"a will waits for its delay",
     WATCHER "A connect v=5 id=a sexp=100 will=w:bye w.wdelay=20\nA < connack 0 0*\nA lost\n"
             "tick 18000\nB <\ntick 4000\nB < publish w bye q0\ntick 200000\nB <\n"},
    {"a will waits no longer than its session lasts",
     WATCHER "A connect v=5 id=a sexp=10 will=w:bye w.wdelay=50\nA < connack 0 0*\nA lost\n"
             "tick 8000\nB <\ntick 4000\nB < publish w bye q0\n"},
    {"a session that ends at once does not wait",
     WATCHER "A connect v=5 id=a will=w:bye w.wdelay=50\nA < connack 0 0*\nA lost\n"
             "B < publish w bye q0\n"},
    // [MQTT5-3.1.2-10], [MQTT5-3.14.4-3]
    {"DISCONNECT 0 takes the will back",
     WATCHER "A connect v=5 id=a sexp=100 will=w:bye w.wdelay=5\nA disconnect\n"
             "A < connack 0 0*; closed\ntick 200000\nB <\n"},
    {"DISCONNECT 4 does not",
     WATCHER "A connect v=5 id=a will=w:bye\nA disconnect rc=4\nA < connack 0 0*; closed\n"
             "B < publish w bye q0\n"},
    // [MQTT5-3.1.3-9]
    {"who comes back in time leaves no will",
     WATCHER "A connect v=5 id=a sexp=100 will=w:bye w.wdelay=20\nA < connack 0 0*\nA lost\n"
             "tick 10000\nA connect v=5 id=a sexp=100\nA < connack 1 0*\ntick 100000\nB <\n"},
    // [MQTT5-3.1.3-9]
    {"taken over within the delay",
     WATCHER "A connect v=5 id=a sexp=100 will=w:bye w.wdelay=20\nA < connack 0 0*\n"
             "C connect v=5 id=a sexp=100\nC < connack 1 0*\nA < disconnect 0x8e*; closed\n"
             "tick 100000\nB <\n"},
    {"taken over, no delay",
     WATCHER "A connect v=5 id=a sexp=100 will=w:bye\nA < connack 0 0*\n"
             "C connect v=5 id=a sexp=100\nC < connack 1 0*\nA < disconnect 0x8e*; closed\n"
             "B < publish w bye q0\n"},
    // [MQTT5-3.1.3-10]
    {"user properties of a will stay in order",
     WATCHER "A connect v=5 id=a will=w:bye w.prop=b:1 w.prop=a:2 w.prop=b:1\nA < connack 0 0*\n"
             "A lost\nB < publish w bye q0 prop=b:1 prop=a:2 prop=b:1\n"},
    {"all properties of a will",
     WATCHER "A connect v=5 id=a will=w:bye w.pfi=1 w.expiry=60 w.ctype=text w.rtopic=r w.corr=c\n"
             "A < connack 0 0*\nA lost\n"
             "B < publish w bye q0 pfi=1 expiry=60 ctype=text rtopic=r corr=c\n"},
    // [MQTT5-3.1.2-14]
    {"a will that is not retained",
     WATCHER "A connect v=5 id=a will=w:bye\nA < connack 0 0*\nA lost\nB < publish w bye q0\n"
             "C connect v=5 id=c\nC subscribe #1 w\nC < connack 0 0*; suback #1 0\n"},
    // [MQTT5-3.1.2-15]
    {"a will that is retained",
     WATCHER "A connect v=5 id=a will=w:bye wq=2 wr\nA < connack 0 0*\nA lost\n"
             "B < publish w bye q2 #1 retain\nC connect v=5 id=c\nC subscribe #1 w=2\n"
             "C < connack 0 0*; suback #1 2; publish w bye q2 #1 retain\n"},
};

static void test_v5_will(void **state)
{
    (void)state;
    talk_all(wills, NH_ARRAY_LEN(wills));
}

// ---- limits of the client -----------------------------------------------------------------------

static const struct talk limits[] = {
    // [MQTT5-3.1.2-24], [MQTT5-3.1.2-25]
    {"a message over the maximum packet size counts as sent",
     "A connect v=5 id=a pmax=60\nA subscribe #1 t=1\nA < connack 0 0*; suback #1 1\n"
     "B connect v=5 id=b\nB publish t x*100 q1 #1\nB publish t x*100\nB publish t m q1 #2\n"
     "B < connack 0 0*; puback #1*; puback #2*\nA < publish t m q1 #*\nA puback #1\n"
     "B publish t n q1 #3\nB < puback #3*\nA < publish t n q1 #*\n",
     &(const struct nh_mqtt_broker_config){.inflight_max = 1}},
    {"a retained message over the maximum packet size",
     "B connect v=5 id=b\nB publish t/1 x*100 q1 #1 retain\nB publish t/2 m retain\n"
     "B < connack 0 0*; puback #1*\nA connect v=5 id=a pmax=60\nA subscribe #1 t/+=1\n"
     "A < connack 0 0*; suback #1 1; publish t/2 m q0 retain\n"},
    // [MQTT5-3.2.2-19], [MQTT5-3.2.2-20]
    {"no reason string where CONNACK would be too large",
     "A connect v=5 id=x*257 pmax=10\nA hasnt *reason=*\nA hasnt *prop=*\nA < connack 0 0x85; "
     "closed\n"},
    // [MQTT5-3.14.2-3], [MQTT5-3.14.2-4]
    {"no reason string where DISCONNECT would be too large",
     "A connect v=5 id=a pmax=20\nA < connack 0 0*\nA connect v=5 id=a\n"
     "A hasnt *reason=*\nA < disconnect 0x82*; closed\n"},
    // [MQTT5-3.1.2-29]
    {"without problem information no reason strings",
     "A connect v=5 id=a rpi=0\nA publish $SYS/x m q1 #1\nA publish $SYS/x m q2 #2\n"
     "A subscribe #3 x*600\nA unsubscribe #4 t\nA pubrel #5\nA has connack 0 0*puback #1*pubcomp "
     "#5*\n"
     "A hasnt *ack #*reason=*\nA hasnt *prop=*\nA < *\n"},
    // [MQTT5-3.4.2-2], [MQTT5-3.5.2-2], [MQTT5-3.6.2-2], [MQTT5-3.7.2-2]
    {"no reason string where an acknowledgement would be too large",
     "A connect v=5 id=a pmax=20\nA < connack 0 0*\nA publish $SYS/x m q1 #1\n"
     "A publish $SYS/x m q2 #2\nA pubrel #3\nA pubrec #4\nA hasnt *reason=*\n"
     "A < puback #1 0x??; pubrec #2 0x??; pubcomp #3 0x92; pubrel #4 0x92\n"},
    // [MQTT5-3.1.2-27]
    {"no topic alias for who wants none",
     "A connect v=5 id=a\nA subscribe #1 t\nA < connack 0 0*; suback #1 0\n"
     "A publish t 1\nA publish t 2\nA < publish t 1 q0; publish t 2 q0\n"},
};

static void test_v5_limits(void **state)
{
    (void)state;
    talk_all(limits, NH_ARRAY_LEN(limits));
}

// ---- limits of the broker -----------------------------------------------------------------------

static void nobody(void *ctx, nh_mqtt_conn_t *c, const struct nh_mqtt_auth_request *r,
                   struct nh_mqtt_auth_answer *out)
{
    (void)ctx;
    (void)c;
    (void)r;
    (void)out; // zeroed: refused
}

static const struct nh_mqtt_broker_config qos_1_at_most = {.qos_refused = 2};
static const struct nh_mqtt_broker_config nothing_retained = {.retain_refused = true};
static const struct nh_mqtt_broker_config closed_house = {.authenticate = nobody};

static const struct talk refusals[] = {
    // [MQTT5-3.2.2-9], [MQTT5-3.2.2-10]
    {"no QoS 2",
     "A connect v=5 id=a\nA has connack 0 0*maxqos=1*\nA < *\nA subscribe #1 t=2\n"
     "A < suback #1 1\nA publish t m q1 #2\nA < *publish t m q1 #1*\n",
     &qos_1_at_most},
    // [MQTT5-3.2.2-11]
    {"who publishes at QoS 2 all the same",
     "A connect v=5 id=a\nA < connack 0 0*\nA publish t m q2 #1\n"
     "A < disconnect 0x9b*; closed\n",
     &qos_1_at_most},
    // [MQTT5-3.2.2-12]
    {"a will at QoS 2", "A connect v=5 id=a will=t:m wq=2\nA < connack 0 0x9b*; closed\n",
     &qos_1_at_most},
    // [MQTT5-3.2.2-13]
    {"a retained will",
     "A connect v=5 id=a will=t:m wr\nA < connack 0 0x9a*; closed\n"
     "A connect v=5 id=a\nA has connack 0 0*ravail=0*\nA < *\n",
     &nothing_retained},
    // [MQTT5-3.2.2-14]
    {"who retains all the same",
     "A connect v=5 id=a\nA < connack 0 0*\nA publish t m retain\n"
     "A < disconnect 0x9a*; closed\n",
     &nothing_retained},
    // [MQTT5-3.1.4-2]
    {"who may not come in",
     "A connect v=5 id=a\nA < connack 0 0x87*; closed\n"
     "A connect v=5 id=a user=u pass=p\nA < connack 0 0x86*; closed\n",
     &closed_house},
};

static void test_v5_refusals(void **state)
{
    (void)state;
    talk_all(refusals, NH_ARRAY_LEN(refusals));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v5_connect), cmocka_unit_test(test_v5_connect_fields),
        cmocka_unit_test(test_v5_session), cmocka_unit_test(test_v5_will),
        cmocka_unit_test(test_v5_limits),  cmocka_unit_test(test_v5_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
