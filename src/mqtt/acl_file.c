// Mosquitto's acl_file: one rule a line.

#include "mqtt/acl.h"
#include "mqtt/topic.h"

#include <string.h>

void nh_mqtt_acl_reading_init(struct nh_mqtt_acl_reading *r, nh_mqtt_acl_t *a, uint8_t source)
{
    r->acl = a;
    r->source = source;
    r->user_len = 0;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static nh_span_t trim(nh_span_t s)
{
    while (s.len && is_blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

// Takes the first word off `s`.
static nh_span_t take_word(nh_span_t *s)
{
    nh_span_t word = {s->ptr, 0};
    while (word.len < s->len && !is_blank(s->ptr[word.len]))
        word.len++;
    *s = trim((nh_span_t){s->ptr + word.len, s->len - word.len});
    return word;
}

static bool has_name(nh_span_t filter)
{
    for (size_t at = 0; at <= filter.len;) {
        nh_span_t level = nh_mqtt__topic_level(filter, at);
        if (nh_mqtt__span_is(level, "%c") || nh_mqtt__span_is(level, "%u"))
            return true;
        at += level.len + 1;
    }
    return false;
}

// Sets what the word before the filter says. False: it is none of the words.
static bool take_access(nh_span_t word, struct nh_mqtt_acl_rule *rule)
{
    static const struct {
        const char *name;
        uint8_t actions;
        bool is_deny;
    } words[] = {{"read", NH_MQTT_ACL_READ, false},
                 {"write", NH_MQTT_ACL_PUBLISH, false},
                 {"readwrite", NH_MQTT_ACL_BOTH, false},
                 {"deny", NH_MQTT_ACL_BOTH, true}};
    for (size_t i = 0; i < NH_ARRAY_LEN(words); i++) {
        if (!nh_mqtt__span_is(word, words[i].name))
            continue;
        rule->actions = words[i].actions;
        rule->is_deny = words[i].is_deny;
        return true;
    }
    return false;
}

static const char *add_rule(struct nh_mqtt_acl_reading *r, nh_span_t rest, uint8_t subject,
                            uint32_t number, int *rc)
{
    struct nh_mqtt_acl_rule rule = {
        .subject = subject, .actions = NH_MQTT_ACL_BOTH, .source = r->source, .line = number};
    nh_span_t word = take_word(&rest);
    if (subject == NH_MQTT_ACL_USER)
        rule.user = (nh_span_t){(const uint8_t *)r->user, r->user_len};
    if (rest.len && !take_access(word, &rule))
        return "before a filter stands read, write, readwrite or deny";
    rule.filter = rest.len ? rest : word;
    if (subject != NH_MQTT_ACL_EVERYBODY && has_name(rule.filter))
        return "%c and %u stand for names in \"pattern\" lines only";
    *rc = nh_mqtt_acl_add(r->acl, &rule);
    return *rc < 0 ? "this is no topic filter" : NULL;
}

static const char *set_user(struct nh_mqtt_acl_reading *r, nh_span_t name)
{
    if (name.len > sizeof r->user)
        return "the name is too long";
    memcpy(r->user, name.ptr, name.len);
    r->user_len = name.len;
    return NULL;
}

static const char *read_line(struct nh_mqtt_acl_reading *r, nh_span_t line, uint32_t number,
                             int *rc)
{
    line = trim(line);
    if (line.len == 0 || line.ptr[0] == '#')
        return NULL;
    nh_span_t word = take_word(&line);
    bool is_topic = nh_mqtt__span_is(word, "topic"), is_pattern = nh_mqtt__span_is(word, "pattern");
    if (!is_topic && !is_pattern && !nh_mqtt__span_is(word, "user"))
        return "a line begins with topic, user, pattern or #";
    if (line.len == 0)
        return is_topic || is_pattern ? "the filter is missing" : "the name is missing";
    if (is_topic)
        return add_rule(r, line, r->user_len ? NH_MQTT_ACL_USER : NH_MQTT_ACL_ANONYMOUS, number,
                        rc);
    return is_pattern ? add_rule(r, line, NH_MQTT_ACL_EVERYBODY, number, rc) : set_user(r, line);
}

int nh_mqtt_acl_line(struct nh_mqtt_acl_reading *r, nh_span_t line, uint32_t number,
                     const char **fault)
{
    int rc = NH_OK;
    *fault = read_line(r, line, number, &rc);
    return rc == NH_ERR_NOMEM ? rc : NH_OK;
}
