// Rules of who may publish and read: each rule of precedence as a row, covering against the plain
// definition by brute force, and Mosquitto's acl_file with every fault.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mqtt/acl.h"
#include "mqtt/topic.h"
#include "support/mem_fixture.h"
#include "support/rng.h"

#include <stdio.h>
#include <string.h>

static struct mem_fixture fix;
static nh_mqtt_acl_t *acl;

static nh_span_t span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

static void begin(void)
{
    mem_fixture_init(&fix, NULL);
    assert_int_equal(nh_mqtt_acl_create(fix.mem, 1, &acl), NH_OK);
}

static void end(void)
{
    nh_mqtt_acl_destroy(acl);
    mem_fixture_deinit(&fix);
}

static struct nh_mqtt_acl_reason why;

// `who`: "user@client"; no user: anonymous.
static bool may(const char *who, enum nh_mqtt_action action, const char *topic)
{
    const char *at = strchr(who, '@');
    struct nh_mqtt_acl_who w = {.user = {(const uint8_t *)who, (size_t)(at - who)},
                                .client_id = span(at + 1)};
    w.own = nh_mqtt_acl_own(acl, w.user);
    return nh_mqtt_acl_may(acl, &w, action, span(topic), &why);
}

static char faults[400];

// Line by line, each in a buffer that is gone afterwards.
static int read_rules(const char *text)
{
    struct nh_mqtt_acl_reading r;
    const char *fault;
    char line[200];
    int rc = NH_OK;
    faults[0] = '\0';
    nh_mqtt_acl_reading_init(&r, acl, 3);
    for (uint32_t number = 1; *text && rc == NH_OK; number++) {
        size_t len = strcspn(text, "\n"), at = strlen(faults);
        memcpy(line, text, len);
        rc = nh_mqtt_acl_line(&r, (nh_span_t){(const uint8_t *)line, len}, number, &fault);
        memset(line, 'x', sizeof line);
        if (rc == NH_OK && fault)
            snprintf(faults + at, sizeof faults - at, "%u: %s\n", (unsigned)number, fault);
        text += len + (text[len] == '\n');
    }
    return rc < 0 ? rc : faults[0] ? NH_ERR_INVAL : NH_OK;
}

// ---- rules --------------------------------------------------------------------------------------

static const char rules[] = "topic read public/#\n"         // 1
                            "user ann\n"                    // 2
                            "topic read a/#\n"              // 3
                            "topic write w/+\n"             // 4
                            "topic b/x\n"                   // 5
                            "topic deny a/secret/#\n"       // 6
                            "topic read a/secret/ann\n"     // 7
                            "user bob\n"                    // 8
                            "topic read #\n"                // 9
                            "topic read $SYS/broker/#\n"    // 10
                            "topic deny #/no\n"             // 11, a fault
                            "user carl the great\n"         // 12
                            "topic readwrite two words/+\n" // 13
                            "pattern write p/%u/%c/#\n"     // 14
                            "pattern deny %c/off\n"         // 15
                            "pattern read %u/#\n"           // 16
                            "user dot\n"                    // 17
                            "topic read +\n"                // 18
                            "topic read +/+/#\n";           // 19

struct row {
    const char *who;
    enum nh_mqtt_action action;
    const char *topic;
    bool may;
    uint32_t line;   // of the rule that decides; 0: none alone
    uint32_t levels; // not covered
};

#define PUB NH_MQTT_MAY_PUBLISH
#define RCV NH_MQTT_MAY_RECEIVE
#define SUB NH_MQTT_MAY_SUBSCRIBE

static const struct row rows[] = {
    // anonymous clients: the rules above all users
    {"@c", RCV, "public/x", true, 1, 0},
    {"@c", SUB, "public/#", true, 1, 0},
    {"@c", SUB, "public/+/x", true, 1, 0},
    {"@c", PUB, "public/x", false, 0, 2},
    {"@c", RCV, "a/x", false, 0, 2},
    {"@$", SUB, "#", false, 0, 1},
    {"ann@c", RCV, "public/x", false, 0, 2}, // not hers
    {"no@c", RCV, "public/x", false, 0, 2},
    // a user's own
    {"ann@c", RCV, "a/x", true, 3, 0},
    {"ann@c", RCV, "a", true, 3, 0},
    {"ann@c", PUB, "a/x", false, 0, 2},
    {"ann@c", PUB, "w/1", true, 4, 0},
    {"ann@c", RCV, "w/1", false, 0, 2},
    {"ann@c", PUB, "w/1/2", false, 0, 3},
    {"ann@c", PUB, "b/x", true, 5, 0},
    {"ann@c", RCV, "b/x", true, 5, 0},
    // deny wins, wherever it stands
    {"ann@c", RCV, "a/secret/x", false, 6, 0},
    {"ann@c", RCV, "a/secret/ann", false, 6, 0},
    {"ann@c", RCV, "a/secret", false, 6, 0},
    {"ann@c", SUB, "a/#", false, 6, 0},
    {"ann@c", SUB, "a/+", false, 6, 0},
    {"ann@c", SUB, "a/+/ann", false, 6, 0},
    {"ann@c", SUB, "a/x/#", true, 3, 0},
    {"ann@c", SUB, "a", true, 3, 0},
    // '$' is taken by name only
    {"bob@c", SUB, "#", false, 15, 0}, // c/off is among it
    {"bob@$c", SUB, "#", true, 9, 0},  // $c is no text that %c stands for in the first place
    {"bob@c", RCV, "$SYS/broker/uptime", true, 10, 0},
    {"bob@c", RCV, "$other/x", false, 0, 2},
    {"bob@c", SUB, "$SYS/#", false, 0, 1},
    {"bob@c", SUB, "$SYS/broker/#", true, 10, 0},
    {"bob@c", SUB, "$SYS/broker", true, 10, 0},
    {"carl the great@c", PUB, "two words/1", true, 13, 0},
    // names
    {"ann@c", PUB, "p/ann/c/x", true, 14, 0},
    {"ann@c", PUB, "p/ann/c", true, 14, 0},
    {"ann@c", PUB, "p/bob/c/x", false, 0, 4},
    {"ann@c", PUB, "p/ann/d/x", false, 0, 4},
    {"@c", PUB, "p//c/x", false, 0, 4},       // anonymous: %u stands for nothing
    {"ann@", PUB, "p/ann//x", false, 0, 4},   // nor does an empty client id
    {"ann@+", PUB, "p/ann/c/x", false, 0, 4}, // nor one with a wildcard
    {"ann@#", PUB, "p/ann/c/x", false, 0, 4},
    {"ann@c/d", PUB, "p/ann/c/d/x", false, 0, 5},
    {"bob@b", RCV, "b/off", false, 15, 0},
    {"bob@c", RCV, "b/off", true, 9, 0},
    {"zoe@c", SUB, "zoe/#", true, 16, 0},
    {"$SYS@c", SUB, "$SYS/#", false, 0, 1}, // a name opens no door
    {"$SYS@c", RCV, "$SYS/x", false, 0, 2},
    // several rules together
    {"dot@$", SUB, "+", true, 18, 0},
    {"dot@$", SUB, "#", true, 0, 0}, // "+" and "+/+/#"
    {"dot@$", SUB, "+/#", true, 0, 0},
    {"dot@$", SUB, "+/x/#", true, 19, 0},
    {"dot@$", SUB, "x/#", true, 0, 0},
    {"dot@$", SUB, "/#", true, 19, 0}, // "" is no topic
};

static void test_rules(void **state)
{
    (void)state;
    begin();
    assert_int_equal(read_rules(rules), NH_ERR_INVAL);
    assert_string_equal(faults, "11: this is no topic filter\n");
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        bool got = may(r->who, r->action, r->topic);
        uint32_t line = why.rule ? why.rule->line : 0;
        if (got != r->may || line != r->line || why.level_count != r->levels)
            fail_msg("row %u, %s %s: %d by line %u, levels %u", (unsigned)i, r->who, r->topic, got,
                     (unsigned)line, (unsigned)why.level_count);
        if (why.rule)
            assert_int_equal(why.rule->source, 3);
    }
    end();
}

static void test_empty(void **state)
{
    (void)state;
    begin();
    assert_int_equal(read_rules("# nothing\n\n  \t\r\n"), NH_OK);
    assert_int_equal(nh_mqtt_acl_count(acl), 0);
    assert_false(may("ann@c", PUB, "a"));
    assert_false(may("@c", SUB, "#"));
    assert_false(may("@", RCV, "a/b"));
    end();
}

// A rule that cannot stand for a name does not apply, so its client is better not let in.
static void test_names_that_fit(void **state)
{
    (void)state;
    begin();
    assert_true(nh_mqtt_acl_stands_for(acl, span("a/b"), span("#")));
    assert_int_equal(read_rules("pattern read x/%u\n"), NH_OK);
    assert_false(nh_mqtt_acl_stands_for(acl, span("a/b"), span("c")));
    assert_true(nh_mqtt_acl_stands_for(acl, span("ab"), span("#")));
    assert_true(nh_mqtt_acl_stands_for(acl, span(""), span("#")));
    assert_int_equal(read_rules("pattern deny y/%c\n"), NH_OK);
    assert_false(nh_mqtt_acl_stands_for(acl, span("ab"), span("c+")));
    assert_false(nh_mqtt_acl_stands_for(acl, span("ab"), span("#")));
    assert_false(nh_mqtt_acl_stands_for(acl, span("ab"), span("c/")));
    assert_true(nh_mqtt_acl_stands_for(acl, span("ab"), span("$c")));
    end();
}

// ---- the file -----------------------------------------------------------------------------------

static void test_file(void **state)
{
    (void)state;
    begin();
    assert_int_equal(read_rules("topic\n"
                                "user\n"
                                "topic bad x\n"
                                "topicx read a\r\n"
                                "  # a comment\n"
                                "pattern read a/x%u\n"
                                "topic read %u/a\n"
                                "topic read\n" // a topic of that name
                                "\tpattern  write \t a b/%c \r\n"
                                "topic write a/+b"), // no line end
                     NH_ERR_INVAL);
    assert_string_equal(faults, "1: the filter is missing\n"
                                "2: the name is missing\n"
                                "3: before a filter stands read, write, readwrite or deny\n"
                                "4: a line begins with topic, user, pattern or #\n"
                                "6: this is no topic filter\n"
                                "7: %c and %u stand for names in \"pattern\" lines only\n"
                                "10: this is no topic filter\n");
    assert_int_equal(nh_mqtt_acl_count(acl), 2);
    assert_true(may("@c", PUB, "read"));
    assert_int_equal(why.rule->line, 8);
    assert_true(may("@c", PUB, "a b/c"));
    assert_int_equal(why.rule->line, 9);
    end();
}

static void test_bad_rules(void **state)
{
    (void)state;
    static char deep[300], longest[70000];
    struct nh_mqtt_acl_rule r = {.actions = NH_MQTT_ACL_BOTH, .subject = NH_MQTT_ACL_EVERYBODY};
    begin();
    r.filter = span("");
    assert_int_equal(nh_mqtt_acl_add(acl, &r), NH_ERR_INVAL);
    memset(deep, '/', 128);
    r.filter = span(deep);
    assert_int_equal(nh_mqtt_acl_add(acl, &r), NH_ERR_TOO_DEEP);
    r.filter.len--;
    assert_int_equal(nh_mqtt_acl_add(acl, &r), NH_OK);
    memset(longest, 'x', sizeof longest - 1);
    r.filter = span(longest);
    assert_int_equal(nh_mqtt_acl_add(acl, &r), NH_ERR_TOO_LONG);
    r.filter = span("a");
    r.subject = NH_MQTT_ACL_USER;
    assert_int_equal(nh_mqtt_acl_add(acl, &r), NH_ERR_INVAL);
    assert_int_equal(nh_mqtt_acl_count(acl), 1);
    end();
}

// ---- against the definition ---------------------------------------------------------------------

// Every topic of up to five levels out of these; "z" stands in no rule.
static const char *const texts[] = {"a", "b", "z", "", "$"};
#define LEVELS_MAX 5

// A random filter of one to three levels.
static void random_filter(struct rng *r, char *out)
{
    static const char *const words[] = {"a", "b", "+", "+", "$", ""};
    unsigned levels = 1 + rng_below(r, 3);
    out[0] = '\0';
    for (unsigned i = 0; i < levels; i++) {
        bool is_last = i + 1 == levels;
        const char *word = words[rng_below(r, levels == 1 ? 5 : 6)];
        if (is_last && rng_below(r, 3) == 0)
            word = "#";
        strcat(out, i ? "/" : "");
        strcat(out, word);
    }
}

// The next topic in an order that goes through all. False: there is none.
static bool next_topic(unsigned *at, unsigned *levels, char *out)
{
    out[0] = '\0';
    for (unsigned i = 0; i < *levels; i++) {
        strcat(out, i ? "/" : "");
        strcat(out, texts[at[i]]);
    }
    for (unsigned i = 0; i < *levels; i++) {
        if (++at[i] < NH_ARRAY_LEN(texts))
            return true;
        at[i] = 0;
    }
    return ++*levels <= LEVELS_MAX;
}

// Whether every topic that `filter` takes may be received.
static bool all_may(const char *filter)
{
    unsigned at[LEVELS_MAX] = {0}, levels = 1;
    char topic[20];
    for (bool more = true; more;) {
        more = next_topic(at, &levels, topic);
        if (topic[0] && nh_mqtt_topic_match(span(filter), span(topic)) && !may("u@c", RCV, topic))
            return false;
    }
    return true;
}

// What is received is as plain as can be: some allow rule takes the topic, no deny rule does.
static bool plainly_may(char filters[][12], const bool *is_deny, unsigned count, const char *topic)
{
    bool is_allowed = false;
    for (unsigned i = 0; i < count; i++) {
        bool takes = nh_mqtt_topic_match(span(filters[i]), span(topic));
        if (takes && is_deny[i])
            return false;
        is_allowed |= takes;
    }
    return is_allowed;
}

static void random_rules(struct rng *r, char filters[][12], bool *is_deny, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        random_filter(r, filters[i]);
        is_deny[i] = rng_below(r, 4) == 0;
        struct nh_mqtt_acl_rule rule = {.user = span("u"),
                                        .filter = span(filters[i]),
                                        .subject = rng_below(r, 2) ? NH_MQTT_ACL_USER
                                                                   : NH_MQTT_ACL_EVERYBODY,
                                        .actions = NH_MQTT_ACL_READ,
                                        .is_deny = is_deny[i]};
        assert_int_equal(nh_mqtt_acl_add(acl, &rule), NH_OK);
    }
}

static void test_brute_force(void **state)
{
    (void)state;
    struct rng r = {20261129};
    unsigned granted = 0, together = 0;
    for (unsigned round = 0; round < 150; round++) {
        char filters[6][12], wanted[12], topic[20];
        bool is_deny[6];
        unsigned count = 1 + rng_below(&r, 6), at[LEVELS_MAX] = {0}, levels = 1;
        begin();
        random_rules(&r, filters, is_deny, count);
        for (bool more = true; more;) {
            more = next_topic(at, &levels, topic);
            if (topic[0] && levels <= 4)
                assert_int_equal(may("u@c", RCV, topic),
                                 plainly_may(filters, is_deny, count, topic));
        }
        for (unsigned i = 0; i < 10; i++) {
            random_filter(&r, wanted);
            if (!wanted[0])
                continue;
            bool got = may("u@c", SUB, wanted);
            granted += got;
            together += got && !why.rule;
            if (got != all_may(wanted))
                fail_msg("round %u: %s is %d", round, wanted, got);
        }
        end();
    }
    assert_in_range(granted, 50, 1450); // both answers were tried, and rules that only together do
    assert_in_range(together, 3, 1450);
}

// ---- many, and without memory -------------------------------------------------------------------

static void test_many_users(void **state)
{
    (void)state;
    char name[16], topic[32];
    begin();
    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "u%u", i);
        struct nh_mqtt_acl_rule r = {
            .user = span(name), .filter = span(name), .actions = NH_MQTT_ACL_BOTH};
        assert_int_equal(nh_mqtt_acl_add(acl, &r), NH_OK);
        r.filter = span("all");
        assert_int_equal(nh_mqtt_acl_add(acl, &r), NH_OK);
    }
    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "u%u@c", i);
        snprintf(topic, sizeof topic, "u%u", i);
        assert_true(may(name, PUB, topic));
        assert_true(may(name, PUB, "all"));
        snprintf(topic, sizeof topic, "u%u", (i + 1) % 100);
        assert_false(may(name, PUB, topic));
    }
    end();
}

static void test_no_memory(void **state)
{
    (void)state;
    for (uint32_t nth = 1;; nth++) {
        begin();
        mem_fixture_fail_nth(&fix, nth);
        int rc = read_rules("user a\ntopic a\nuser b\ntopic b\npattern c\n");
        nh_mem_fault_set(fix.sys, NULL);
        if (rc < 0) {
            assert_int_equal(rc, NH_ERR_NOMEM);
            assert_int_equal(read_rules("user b\ntopic b\n"), NH_OK);
        }
        assert_true(may("b@c", PUB, "b"));
        end();
        if (rc == NH_OK)
            return;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),          cmocka_unit_test(test_empty),
        cmocka_unit_test(test_names_that_fit), cmocka_unit_test(test_file),
        cmocka_unit_test(test_bad_rules),      cmocka_unit_test(test_brute_force),
        cmocka_unit_test(test_many_users),     cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
