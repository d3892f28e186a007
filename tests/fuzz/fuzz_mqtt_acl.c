// Mosquitto's acl_file as text, then questions about it. What follows a line "?" is a user, a
// client id and a filter, a line each. A filter that may be subscribed to must not take a topic
// that may not be received; and when it is not covered, the topics that it is told for are not.

#include "mqtt/acl.h"
#include "mqtt/topic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(cond)                                                                              \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s (line %d)\n", #cond, __LINE__);                                    \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static _Alignas(16) uint8_t internal[16 * 1024];
static _Alignas(16) uint8_t psram[1024 * 1024];

static nh_span_t take_line(const uint8_t **at, const uint8_t *end)
{
    nh_span_t line = {*at, 0};
    while (*at < end && **at != '\n')
        ++*at;
    line.len = (size_t)(*at - line.ptr);
    *at += *at < end;
    return line;
}

// A topic of `levels` levels that the filter takes, with a text that is in no rule for wildcards.
static size_t make_topic(nh_span_t filter, uint32_t levels, char *out, size_t cap)
{
    size_t len = 0, at = 0;
    bool is_rest = false;
    for (uint32_t i = 0; i < levels; i++) {
        nh_span_t level = {(const uint8_t *)"\x7fnowhere", 8};
        if (!is_rest && at <= filter.len) {
            nh_span_t have = nh_mqtt__topic_level(filter, at);
            at += have.len + 1;
            is_rest = nh_mqtt__span_is(have, "#");
            if (!is_rest && !nh_mqtt__span_is(have, "+"))
                level = have;
        }
        if (len + level.len + 1 >= cap)
            return 0;
        if (i)
            out[len++] = '/';
        memcpy(out + len, level.ptr, level.len);
        len += level.len;
    }
    return len;
}

static void ask(const nh_mqtt_acl_t *acl, const struct nh_mqtt_acl_who *who, nh_span_t filter)
{
    static const struct nh_mqtt__topic_limits limits = {500, 30};
    char text[1000];
    struct nh_mqtt_acl_reason why;
    if (nh_mqtt__filter_check(filter, &limits) < 0)
        return;
    bool may = nh_mqtt_acl_may(acl, who, NH_MQTT_MAY_SUBSCRIBE, filter, &why);
    REQUIRE(!may || why.level_count == 0);
    for (uint32_t levels = may ? 1 : why.level_count; levels && levels < 40; levels++) {
        size_t len = make_topic(filter, levels, text, sizeof text);
        nh_span_t topic = {(const uint8_t *)text, len};
        if (len == 0 || !nh_mqtt_topic_match(filter, topic))
            continue;
        REQUIRE(nh_mqtt_acl_may(acl, who, NH_MQTT_MAY_RECEIVE, topic, NULL) == may);
        if (!may)
            return;
    }
    (void)nh_mqtt_acl_may(acl, who, NH_MQTT_MAY_PUBLISH, filter, NULL);
}

// Up to a line "?". Each line in a block of its exact size.
static void read_rules(nh_mqtt_acl_t *acl, const uint8_t **at, const uint8_t *end)
{
    struct nh_mqtt_acl_reading r;
    const char *fault;
    nh_mqtt_acl_reading_init(&r, acl, 0);
    for (uint32_t number = 1; *at < end; number++) {
        nh_span_t line = take_line(at, end);
        if (nh_mqtt__span_is(line, "?"))
            return;
        uint8_t *copy = malloc(line.len ? line.len : 1);
        memcpy(copy, line.ptr, line.len);
        uint32_t before = nh_mqtt_acl_count(acl);
        int rc = nh_mqtt_acl_line(&r, (nh_span_t){copy, line.len}, number, &fault);
        REQUIRE(rc == NH_ERR_NOMEM || !fault || nh_mqtt_acl_count(acl) == before);
        free(copy);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    nh_mqtt_acl_t *acl;
    if (nh_mem_system_create(&cfg, &sys) < 0 || nh_mem_owner_add(sys, "acl", NULL, &mem) < 0 ||
        nh_mqtt_acl_create(mem, 7, &acl) < 0)
        abort();
    const uint8_t *end = data + size, *at = data;
    read_rules(acl, &at, end);
    while (at < end) {
        struct nh_mqtt_acl_who who = {.user = take_line(&at, end)};
        who.client_id = take_line(&at, end);
        who.own = nh_mqtt_acl_own(acl, who.user);
        ask(acl, &who, take_line(&at, end));
    }
    nh_mqtt_acl_destroy(acl);
    REQUIRE(nh_mem_system_destroy(sys, NULL, NULL) == 0);
    return 0;
}
