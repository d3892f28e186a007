// Mosquitto's acl_file: one rule a line.

#include "mqtt/acl.h"
#include "mqtt/topic.h"

struct reading {
    nh_mqtt_acl_t *acl;
    uint8_t source;
    nh_span_t user; // of the last "user" line; empty: none yet
    uint32_t line;
    bool is_bad;
    void (*finding)(void *ctx, uint32_t line, const char *text);
    void *ctx;
};

static int bad(struct reading *r, const char *text)
{
    r->is_bad = true;
    if (r->finding)
        r->finding(r->ctx, r->line, text);
    return NH_OK;
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

static int add_rule(struct reading *r, nh_span_t rest, uint8_t subject)
{
    struct nh_mqtt_acl_rule rule = {
        .subject = subject, .actions = NH_MQTT_ACL_BOTH, .source = r->source, .line = r->line};
    nh_span_t word = take_word(&rest);
    if (subject == NH_MQTT_ACL_USER)
        rule.user = r->user;
    if (rest.len && !take_access(word, &rule))
        return bad(r, "before a filter stands read, write, readwrite or deny");
    rule.filter = rest.len ? rest : word;
    if (subject != NH_MQTT_ACL_EVERYBODY && has_name(rule.filter))
        return bad(r, "%c and %u stand for names in \"pattern\" lines only");
    int rc = nh_mqtt_acl_add(r->acl, &rule);
    return rc < 0 && rc != NH_ERR_NOMEM ? bad(r, "this is no topic filter") : rc;
}

static int read_line(struct reading *r, nh_span_t line)
{
    line = trim(line);
    if (line.len == 0 || line.ptr[0] == '#')
        return NH_OK;
    nh_span_t word = take_word(&line);
    bool is_topic = nh_mqtt__span_is(word, "topic"), is_pattern = nh_mqtt__span_is(word, "pattern");
    if (!is_topic && !is_pattern && !nh_mqtt__span_is(word, "user"))
        return bad(r, "a line begins with topic, user, pattern or #");
    if (line.len == 0)
        return bad(r, is_topic || is_pattern ? "the filter is missing" : "the name is missing");
    if (is_topic)
        return add_rule(r, line, r->user.len ? NH_MQTT_ACL_USER : NH_MQTT_ACL_ANONYMOUS);
    if (is_pattern)
        return add_rule(r, line, NH_MQTT_ACL_EVERYBODY);
    r->user = line;
    return NH_OK;
}

int nh_mqtt_acl_read(nh_mqtt_acl_t *a, const char *text, size_t len, uint8_t source,
                     void (*finding)(void *ctx, uint32_t line, const char *text), void *ctx)
{
    struct reading r = {.acl = a, .source = source, .finding = finding, .ctx = ctx};
    int rc = NH_OK;
    for (size_t at = 0; at < len && rc == NH_OK;) {
        nh_span_t line = {(const uint8_t *)text + at, 0};
        while (at + line.len < len && line.ptr[line.len] != '\n')
            line.len++;
        r.line++;
        rc = read_line(&r, line);
        at += line.len + 1;
    }
    return rc < 0 ? rc : r.is_bad ? NH_ERR_INVAL : NH_OK;
}
