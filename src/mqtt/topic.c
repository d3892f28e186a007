#include "mqtt/topic.h"

#include "core/base/utf8.h"

#include <string.h>

bool nh_mqtt__span_equal(nh_span_t a, nh_span_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool nh_mqtt__span_is(nh_span_t s, const char *text)
{
    return nh_mqtt__span_equal(s, (nh_span_t){(const uint8_t *)text, strlen(text)});
}

nh_span_t nh_mqtt__topic_level(nh_span_t topic, size_t at)
{
    size_t rest = topic.len - at;
    const uint8_t *from = topic.ptr + at;
    const uint8_t *slash = rest ? memchr(from, '/', rest) : NULL;
    return (nh_span_t){from, slash ? (size_t)(slash - from) : rest};
}

static size_t count_levels(nh_span_t topic)
{
    size_t count = 1;
    for (size_t i = 0; i < topic.len; i++)
        count += topic.ptr[i] == '/';
    return count;
}

static int check_limits(nh_span_t topic, const struct nh_mqtt__topic_limits *limits)
{
    if (topic.len > limits->bytes_max)
        return NH_ERR_TOO_LONG;
    return count_levels(topic) > limits->level_max ? NH_ERR_TOO_DEEP : NH_OK;
}

static bool is_text(nh_span_t s)
{
    return s.len > 0 && nh_utf8_is_valid(s.ptr, s.len, false);
}

int nh_mqtt__topic_check(nh_span_t topic, const struct nh_mqtt__topic_limits *limits)
{
    if (!is_text(topic))
        return NH_ERR_PROTO;
    for (size_t i = 0; i < topic.len; i++)
        if (topic.ptr[i] == '+' || topic.ptr[i] == '#')
            return NH_ERR_PROTO;
    return check_limits(topic, limits);
}

int nh_mqtt__filter_check(nh_span_t filter, const struct nh_mqtt__topic_limits *limits)
{
    if (!is_text(filter))
        return NH_ERR_PROTO;
    for (size_t at = 0; at <= filter.len;) {
        nh_span_t level = nh_mqtt__topic_level(filter, at);
        bool is_last = at + level.len == filter.len;
        for (size_t i = 0; i < level.len; i++) {
            bool is_wild = level.ptr[i] == '+' || level.ptr[i] == '#';
            if (is_wild && (level.len > 1 || (level.ptr[i] == '#' && !is_last)))
                return NH_ERR_PROTO;
        }
        at += level.len + 1;
    }
    return check_limits(filter, limits);
}

int nh_mqtt__share_split(nh_span_t filter, nh_span_t *rest)
{
    static const char prefix[] = "$share";
    const size_t at = sizeof prefix; // of the name
    *rest = filter;
    if (filter.len < at - 1 || memcmp(filter.ptr, prefix, at - 1) != 0 ||
        (filter.len >= at && filter.ptr[at - 1] != '/'))
        return 0;
    if (filter.len < at)
        return NH_ERR_PROTO;
    nh_span_t name = nh_mqtt__topic_level(filter, at);
    size_t rest_at = at + name.len + 1;
    bool has_wild =
        name.len && (memchr(name.ptr, '+', name.len) || memchr(name.ptr, '#', name.len));
    if (name.len == 0 || has_wild || rest_at >= filter.len)
        return NH_ERR_PROTO;
    *rest = (nh_span_t){filter.ptr + rest_at, filter.len - rest_at};
    return 1;
}

bool nh_mqtt_topic_match(nh_span_t filter, nh_span_t topic)
{
    if (topic.ptr[0] == '$' && (filter.ptr[0] == '+' || filter.ptr[0] == '#'))
        return false;
    size_t at_filter = 0, at_topic = 0;
    for (;;) {
        nh_span_t want = nh_mqtt__topic_level(filter, at_filter);
        if (want.len == 1 && want.ptr[0] == '#')
            return true;
        if (at_topic > topic.len)
            return false; // the topic has fewer levels
        nh_span_t have = nh_mqtt__topic_level(topic, at_topic);
        if (!(want.len == 1 && want.ptr[0] == '+') && !nh_mqtt__span_equal(want, have))
            return false;
        at_filter += want.len + 1;
        at_topic += have.len + 1;
        if (at_filter > filter.len)
            return at_topic > topic.len;
    }
}
