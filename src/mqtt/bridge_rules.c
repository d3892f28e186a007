#include "mqtt/bridge_rules.h"

#include "mqtt/topic.h"

#include <string.h>

static nh_span_t text_span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, text ? strlen(text) : 0};
}

// ---- what a rule may be -------------------------------------------------------------------------

static bool has_wildcard(nh_span_t s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == '+' || s.ptr[i] == '#')
            return true;
    return false;
}

static nh_span_t join(const char *prefix, const char *filter, uint8_t *out)
{
    nh_span_t p = text_span(prefix), f = text_span(filter);
    if (p.len)
        memcpy(out, p.ptr, p.len);
    if (f.len)
        memcpy(out + p.len, f.ptr, f.len);
    return (nh_span_t){out, p.len + f.len};
}

static const char *side_fault(const char *prefix, const char *filter)
{
    static const struct nh_mqtt__topic_limits limits = {NH_MQTT__BRIDGE_TOPIC_MAX,
                                                        NH_MQTT__LEVEL_MAX};
    uint8_t text[NH_MQTT__BRIDGE_TOPIC_MAX];
    if (text_span(prefix).len + text_span(filter).len > sizeof text)
        return "prefix and filter are too long together";
    if (has_wildcard(text_span(prefix)))
        return "a prefix has no wildcards";
    int rc = nh_mqtt__filter_check(join(prefix, filter, text), &limits);
    if (rc == NH_ERR_TOO_DEEP)
        return "prefix and filter have too many levels together";
    return rc < 0 ? "prefix and filter together are no topic filter" : NULL;
}

const char *nh_mqtt_bridge_rule_fault(const struct nh_mqtt_bridge_rule *rule)
{
    if (rule->direction < NH_MQTT_BRIDGE_OUT || rule->direction > NH_MQTT_BRIDGE_BOTH)
        return "the direction is out, in or both";
    if (rule->qos > 2)
        return "the QoS is 0, 1 or 2";
    if (!rule->filter || !rule->filter[0])
        return "a filter is needed";
    if (strncmp(rule->filter, "$share/", 7) == 0)
        return "a shared subscription cannot be bridged";
    const char *fault = side_fault(rule->local_prefix, rule->filter);
    return fault ? fault : side_fault(rule->remote_prefix, rule->filter);
}

// A wildcard in front takes no topic that begins with '$' [MQTT-4.7.2-1].
static bool is_hidden(nh_span_t filter, nh_span_t from)
{
    return filter.len && from.len && filter.ptr[0] == '$' &&
           (from.ptr[0] == '+' || from.ptr[0] == '#');
}

// Whether what is left of the filter at `at` takes its parent: "a/#" also takes "a", but "/#" takes
// no empty topic.
static bool takes_parent(nh_span_t filter, size_t at)
{
    return at > 1 && nh_mqtt__span_is((nh_span_t){filter.ptr + at, filter.len - at}, "#");
}

bool nh_mqtt__filters_overlap(nh_span_t a, nh_span_t b)
{
    if (is_hidden(a, b) || is_hidden(b, a))
        return false;
    for (size_t at_a = 0, at_b = 0;;) {
        nh_span_t x = nh_mqtt__topic_level(a, at_a), y = nh_mqtt__topic_level(b, at_b);
        if (nh_mqtt__span_is(x, "#") || nh_mqtt__span_is(y, "#"))
            return true;
        bool is_any = nh_mqtt__span_is(x, "+") || nh_mqtt__span_is(y, "+");
        if (!is_any && !nh_mqtt__span_equal(x, y))
            return false;
        at_a += x.len + 1;
        at_b += y.len + 1;
        bool is_end_a = at_a > a.len, is_end_b = at_b > b.len;
        if (is_end_a && is_end_b)
            return true;
        if (is_end_a)
            return takes_parent(b, at_b);
        if (is_end_b)
            return takes_parent(a, at_a);
    }
}

bool nh_mqtt_bridge_rules_overlap(const struct nh_mqtt_bridge_rule *a,
                                  const struct nh_mqtt_bridge_rule *b)
{
    uint8_t x[NH_MQTT__BRIDGE_TOPIC_MAX], y[NH_MQTT__BRIDGE_TOPIC_MAX];
    unsigned shared = a->direction & b->direction;
    bool overlaps = false;
    if (shared & NH_MQTT_BRIDGE_OUT)
        overlaps |= nh_mqtt__filters_overlap(join(a->local_prefix, a->filter, x),
                                             join(b->local_prefix, b->filter, y));
    if (shared & NH_MQTT_BRIDGE_IN)
        overlaps |= nh_mqtt__filters_overlap(join(a->remote_prefix, a->filter, x),
                                             join(b->remote_prefix, b->filter, y));
    return overlaps;
}

// ---- running ------------------------------------------------------------------------------------

size_t nh_mqtt__rule_bytes(const struct nh_mqtt_bridge_rule *rule)
{
    return text_span(rule->local_prefix).len + text_span(rule->remote_prefix).len +
           2 * text_span(rule->filter).len;
}

void nh_mqtt__rule_init(const struct nh_mqtt_bridge_rule *rule, uint8_t *text,
                        struct nh_mqtt__rule *out)
{
    out->local = join(rule->local_prefix, rule->filter, text);
    out->remote = join(rule->remote_prefix, rule->filter, text + out->local.len);
    out->local_prefix = (uint16_t)text_span(rule->local_prefix).len;
    out->remote_prefix = (uint16_t)text_span(rule->remote_prefix).len;
    out->direction = rule->direction;
    out->qos = rule->qos;
}

// Takes the prefix `from` off the topic and puts `to` before it. A filter "#" behind the prefix
// "a/" also takes "a" [MQTT-4.7.1-2]: there the other prefix loses its slash, too.
static bool map_prefix(nh_span_t from, nh_span_t to, nh_span_t topic, struct nh_mqtt__mapped *out)
{
    if (topic.len >= from.len) {
        out->prefix = to;
        out->rest = (nh_span_t){topic.ptr + from.len, topic.len - from.len};
    } else {
        out->prefix = (nh_span_t){to.ptr, to.len && to.ptr[to.len - 1] == '/' ? to.len - 1 : 0};
        out->rest = (nh_span_t){topic.ptr, 0};
    }
    return out->prefix.len + out->rest.len > 0; // [MQTT-4.7.3-1]
}

bool nh_mqtt__rules_map(const struct nh_mqtt__rule *rules, size_t count,
                        enum nh_mqtt_bridge_direction direction, nh_span_t topic,
                        struct nh_mqtt__mapped *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct nh_mqtt__rule *r = &rules[i];
        bool is_out = direction == NH_MQTT_BRIDGE_OUT;
        if (!(r->direction & direction) ||
            !nh_mqtt_topic_match(is_out ? r->local : r->remote, topic))
            continue;
        nh_span_t here = {r->local.ptr, r->local_prefix}, there = {r->remote.ptr, r->remote_prefix};
        return is_out ? map_prefix(here, there, topic, out) : map_prefix(there, here, topic, out);
    }
    return false;
}
