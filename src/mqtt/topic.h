// topic.h - topic names and filters: whether they are well formed, and which filter takes which
// topic. The rules of section 4.7 of the standard; no state.

#ifndef NH_MQTT_TOPIC_H
#define NH_MQTT_TOPIC_H

#include "core/base/base.h"

#define NH_MQTT__LEVEL_MAX 128 // of any topic, whatever the configuration says: bounds recursion

struct nh_mqtt__topic_limits {
    uint32_t bytes_max, level_max;
};

// A topic name to publish to [MQTT-3.3.2-2], [MQTT-4.7.3-1]. NH_ERR_PROTO: malformed (empty, a
// wildcard, not UTF-8, U+0000); NH_ERR_TOO_LONG, NH_ERR_TOO_DEEP: well formed, over a limit.
NH_MUST_USE int nh_mqtt__topic_check(nh_span_t topic, const struct nh_mqtt__topic_limits *limits);

// A topic filter [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.1-3]. Errors as above.
NH_MUST_USE int nh_mqtt__filter_check(nh_span_t filter, const struct nh_mqtt__topic_limits *limits);

// Whether `filter` asks for a shared subscription: 1, with the filter behind "$share/NAME/" in
// `*rest`; 0: no. NH_ERR_PROTO: not in that form [MQTT5-4.8.2-1], [MQTT5-4.8.2-2].
NH_MUST_USE int nh_mqtt__share_split(nh_span_t filter, nh_span_t *rest);

// Whether the well-formed `filter` takes `topic`: level by level, "a/#" also takes "a", and a
// wildcard at the front takes no topic that begins with '$' [MQTT-4.7.2-1].
bool nh_mqtt_topic_match(nh_span_t filter, nh_span_t topic);

// The level that begins at `at`: its bytes up to the next '/' or the end.
nh_span_t nh_mqtt__topic_level(nh_span_t topic, size_t at);

bool nh_mqtt__span_is(nh_span_t s, const char *text);
bool nh_mqtt__span_equal(nh_span_t a, nh_span_t b);

#endif
