// reason.h - the reason codes of MQTT 5.0 (table 2-6 of the standard): names, texts, and the
// packets that each may stand in.

#ifndef NH_MQTT_REASON_H
#define NH_MQTT_REASON_H

#include "core/base/base.h"

// X(name, code, packets, text). `packets`: one letter a packet type, for NH_MQTT_REASON_PACKETS:
// C CONNACK, A PUBACK, R PUBREC, L PUBREL, P PUBCOMP, S SUBACK, U UNSUBACK, D DISCONNECT, H AUTH.
// Codes under 0x80 are successes. 0x00 is also "Normal disconnection" and "Granted QoS 0".
#define NH_MQTT_REASON_LIST(X)                                                                     \
    X(SUCCESS, 0x00, "CARLPSUDH", "success")                                                       \
    X(GRANTED_QOS_1, 0x01, "S", "granted QoS 1")                                                   \
    X(GRANTED_QOS_2, 0x02, "S", "granted QoS 2")                                                   \
    X(DISCONNECT_WITH_WILL, 0x04, "D", "disconnect with will")                                     \
    X(NO_MATCHING_SUBSCRIBERS, 0x10, "AR", "no matching subscribers")                              \
    X(NO_SUBSCRIPTION_EXISTED, 0x11, "U", "no subscription existed")                               \
    X(CONTINUE_AUTHENTICATION, 0x18, "H", "continue authentication")                               \
    X(RE_AUTHENTICATE, 0x19, "H", "re-authenticate")                                               \
    X(UNSPECIFIED_ERROR, 0x80, "CARSUD", "unspecified error")                                      \
    X(MALFORMED_PACKET, 0x81, "CD", "malformed packet")                                            \
    X(PROTOCOL_ERROR, 0x82, "CD", "protocol error")                                                \
    X(IMPLEMENTATION_SPECIFIC_ERROR, 0x83, "CARSUD", "implementation specific error")              \
    X(UNSUPPORTED_PROTOCOL_VERSION, 0x84, "C", "unsupported protocol version")                     \
    X(CLIENT_IDENTIFIER_NOT_VALID, 0x85, "C", "client identifier not valid")                       \
    X(BAD_USER_NAME_OR_PASSWORD, 0x86, "C", "bad user name or password")                           \
    X(NOT_AUTHORIZED, 0x87, "CARSUD", "not authorized")                                            \
    X(SERVER_UNAVAILABLE, 0x88, "C", "server unavailable")                                         \
    X(SERVER_BUSY, 0x89, "CD", "server busy")                                                      \
    X(BANNED, 0x8A, "C", "banned")                                                                 \
    X(SERVER_SHUTTING_DOWN, 0x8B, "D", "server shutting down")                                     \
    X(BAD_AUTHENTICATION_METHOD, 0x8C, "CD", "bad authentication method")                          \
    X(KEEP_ALIVE_TIMEOUT, 0x8D, "D", "keep alive timeout")                                         \
    X(SESSION_TAKEN_OVER, 0x8E, "D", "session taken over")                                         \
    X(TOPIC_FILTER_INVALID, 0x8F, "SUD", "topic filter invalid")                                   \
    X(TOPIC_NAME_INVALID, 0x90, "CARD", "topic name invalid")                                      \
    X(PACKET_IDENTIFIER_IN_USE, 0x91, "ARSU", "packet identifier in use")                          \
    X(PACKET_IDENTIFIER_NOT_FOUND, 0x92, "LP", "packet identifier not found")                      \
    X(RECEIVE_MAXIMUM_EXCEEDED, 0x93, "D", "receive maximum exceeded")                             \
    X(TOPIC_ALIAS_INVALID, 0x94, "D", "topic alias invalid")                                       \
    X(PACKET_TOO_LARGE, 0x95, "CD", "packet too large")                                            \
    X(MESSAGE_RATE_TOO_HIGH, 0x96, "D", "message rate too high")                                   \
    X(QUOTA_EXCEEDED, 0x97, "CARSD", "quota exceeded")                                             \
    X(ADMINISTRATIVE_ACTION, 0x98, "D", "administrative action")                                   \
    X(PAYLOAD_FORMAT_INVALID, 0x99, "CARD", "payload format invalid")                              \
    X(RETAIN_NOT_SUPPORTED, 0x9A, "CD", "retain not supported")                                    \
    X(QOS_NOT_SUPPORTED, 0x9B, "CD", "QoS not supported")                                          \
    X(USE_ANOTHER_SERVER, 0x9C, "CD", "use another server")                                        \
    X(SERVER_MOVED, 0x9D, "CD", "server moved")                                                    \
    X(SHARED_SUBSCRIPTIONS_NOT_SUPPORTED, 0x9E, "SD", "shared subscriptions not supported")        \
    X(CONNECTION_RATE_EXCEEDED, 0x9F, "CD", "connection rate exceeded")                            \
    X(MAXIMUM_CONNECT_TIME, 0xA0, "D", "maximum connect time")                                     \
    X(SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED, 0xA1, "SD",                                          \
      "subscription identifiers not supported")                                                    \
    X(WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED, 0xA2, "SD", "wildcard subscriptions not supported")

enum nh_mqtt_reason {
#define NH_MQTT_REASON_ENUM(name, code, packets, text) NH_MQTT_REASON_##name = (code),
    NH_MQTT_REASON_LIST(NH_MQTT_REASON_ENUM)
#undef NH_MQTT_REASON_ENUM
};

// The text of a reason code for people; "unknown reason" for a number that is none. Static.
const char *nh_mqtt_reason_text(unsigned code);

#endif
