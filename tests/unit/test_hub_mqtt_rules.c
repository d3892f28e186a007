// Users and rules from hub.yaml and the files that it names: what they grant, and every fault with
// its file and line. Host only: libyaml, files.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hub/mqtt_rules.h"
#include "support/mem_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OLD                                                                                        \
    "$6$UE8ZxlM1OROThFkp$"                                                                         \
    "9aP3MNEwo9jxb0R3E1glMJiYlkmYedsbOhj2w51+5yjChQVDLcncHNpag9yr5GBa0S5rNg14Oxug0oo2nmwH/g=="

static struct mem_fixture fix;
static nh_mqtt_rules_t *rules;
static char dir[] = "/tmp/test_hub_mqtt_rules.XXXXXX", paths[3][64], faults[1000];
static struct nh_hub_config cfg;

static nh_span_t span(const char *s)
{
    return (nh_span_t){(const uint8_t *)s, strlen(s)};
}

static int make_dir(void **state)
{
    static const char *const names[] = {"hub.yaml", "passwords", "acl"};
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    for (size_t i = 0; i < 3; i++)
        snprintf(paths[i], sizeof paths[i], "%s/%s", dir, names[i]);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        unlink(paths[i]);
    return rmdir(dir);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void note(void *ctx, const char *file, const struct nh_finding *f)
{
    (void)ctx;
    size_t at = strlen(faults);
    snprintf(faults + at, sizeof faults - at, "%s:%u: %s%s%s\n", strrchr(file, '/') + 1,
             (unsigned)f->line, f->pointer, f->pointer[0] ? " " : "", f->text);
}

// What is not a fault of a list alone is the configuration's.
static int load(const char *yaml)
{
    faults[0] = '\0';
    write_file(paths[0], yaml);
    mem_fixture_init(&fix, NULL);
    nh_hub_config_defaults(&cfg);
    NH_IGNORE(nh_hub_config_read_file(&cfg, paths[0], NULL, NULL));
    assert_int_equal(nh_mqtt_rules_create(fix.mem, &rules), NH_OK);
    return nh_mqtt_rules_load(rules, &cfg, paths[0], note, NULL);
}

static void end(void)
{
    nh_mqtt_rules_destroy(rules);
    mem_fixture_deinit(&fix);
}

static bool may(const char *user, enum nh_mqtt_action action, const char *topic)
{
    struct nh_mqtt_grant grant;
    assert_true(nh_mqtt_rules_grant(rules, span(user), &grant));
    const struct nh_mqtt_who who = {grant.identity, span(user), span("c")};
    return grant.may_all || nh_mqtt_rules_may(rules, &who, action, span(topic), NULL);
}

#define PUB NH_MQTT_MAY_PUBLISH
#define RCV NH_MQTT_MAY_RECEIVE
#define SUB NH_MQTT_MAY_SUBSCRIBE

// ---- what they grant ----------------------------------------------------------------------------

static void test_nothing(void **state)
{
    (void)state;
    struct nh_mqtt_grant grant;
    assert_int_equal(load("name: x\n"), NH_OK);
    assert_true(may("", PUB, "any"));
    assert_false(nh_mqtt_rules_grant(rules, span("ann"), &grant));
    assert_true(nh_mqtt_rules_lets_anonymous_in(rules, true));
    assert_false(nh_mqtt_rules_lets_anonymous_in(rules, false));
    end();
}

static const char all[] = "access: {user: boss, password_hash: \"" OLD "\"}\n"
                          "mqtt:\n"
                          "  users:\n"
                          "    - {name: ann, password_hash: \"" OLD "\", conn_max_count: 2,\n"
                          "       client_id_prefix: a-, queue_max_bytes: 5000,\n"
                          "       subscription_max_count: 3, publish_rate_max: 7}\n"
                          "    - name: bob\n"
                          "      password_hash: " OLD "\n"
                          "  acl:\n"
                          "    - {user: ann, allow: both, filter: a/#}\n"
                          "    - {user: ann, deny: publish, filter: a/ro}\n"
                          "    - {allow: subscribe, filter: public/#}\n"
                          "    - {user: \"-\", allow: publish, filter: drop/box}\n"
                          "    - {allow: both, filter: own/%u/#}\n";

static void test_all(void **state)
{
    (void)state;
    struct nh_mqtt_grant grant;
    assert_int_equal(load(all), NH_OK);
    assert_string_equal(faults, "");
    assert_int_equal(nh_users_count(rules->users), 3);
    assert_true(may("ann", PUB, "a/x"));
    assert_false(may("ann", PUB, "a/ro"));
    assert_true(may("ann", RCV, "a/ro"));
    assert_true(may("ann", SUB, "a/#"));
    assert_false(may("ann", SUB, "#"));
    assert_false(may("bob", RCV, "a/x"));
    assert_true(may("bob", SUB, "public/#"));
    assert_true(may("", SUB, "public/+"));
    assert_true(may("", PUB, "drop/box"));
    assert_false(may("bob", PUB, "drop/box"));
    assert_true(may("bob", PUB, "own/bob/x"));
    assert_false(may("bob", PUB, "own/ann/x"));
    assert_true(may("boss", PUB, "anything")); // who may sign in to the portal
    assert_true(nh_mqtt_rules_grant(rules, span("ann"), &grant));
    assert_int_equal(grant.limits.conn_max_count, 2);
    assert_int_equal(grant.limits.subscription_max_count, 3);
    assert_int_equal(grant.limits.queue_max_bytes, 5000);
    assert_int_equal(grant.limits.publish_rate_max, 7);
    assert_string_equal(nh_users_find(rules->users, span("ann"))->client_id_prefix, "a-");
    end();
}

static void test_any_filter(void **state)
{
    (void)state;
    assert_int_equal(load("mqtt:\n  acl_subscribe: any\n  acl: [{allow: subscribe, filter: a}]\n"),
                     NH_OK);
    assert_true(may("", SUB, "#"));
    assert_true(may("", RCV, "a"));
    assert_false(may("", RCV, "b"));
    end();
}

static void test_anonymous(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        bool here, elsewhere;
    } rows[] = {
        {"mqtt: {anonymous: auto}\n", true, false},
        {"mqtt: {anonymous: never}\n", false, false},
        {"mqtt: {anonymous: loopback}\n", true, false},
        {"mqtt: {anonymous: always}\n", true, true},
        {"mqtt: {anonymous: auto, users: [{name: a, password_hash: " OLD "}]}\n", false, false},
        {"mqtt: {anonymous: loopback, users: [{name: a, password_hash: " OLD "}]}\n", true, false},
        {"mqtt: {anonymous: always, users: [{name: a, password_hash: " OLD "}]}\n", true, true},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        assert_int_equal(load(rows[i].yaml), NH_OK);
        if (nh_mqtt_rules_lets_anonymous_in(rules, true) != rows[i].here ||
            nh_mqtt_rules_lets_anonymous_in(rules, false) != rows[i].elsewhere)
            fail_msg("%s", rows[i].yaml);
        end();
    }
}

// ---- files --------------------------------------------------------------------------------------

static void test_files(void **state)
{
    (void)state;
    char yaml[300];
    snprintf(yaml, sizeof yaml, "mqtt: {password_file: %s, acl_file: %s}\n", paths[1], paths[2]);
    write_file(paths[1], "# made by hand\nann:" OLD "\nbob:" OLD "\n");
    write_file(paths[2], "topic read news/#\nuser ann\ntopic a/#\npattern read %u/in\n");
    assert_int_equal(load(yaml), NH_OK);
    assert_string_equal(faults, "");
    assert_true(may("ann", PUB, "a/x"));
    assert_false(may("bob", PUB, "a/x"));
    assert_true(may("bob", RCV, "bob/in"));
    assert_true(may("", RCV, "news/1"));
    assert_false(may("bob", RCV, "news/1"));
    end();
    write_file(paths[1], "ann:" OLD "\nann:" OLD "\nbob\n");
    write_file(paths[2], "topic\n\nnobody\n");
    assert_int_equal(load(yaml), NH_ERR_INVAL);
    assert_string_equal(faults, "passwords:2: this user stands here twice\n"
                                "passwords:3: a line is NAME:HASH\n"
                                "acl:1: the filter is missing\n"
                                "acl:3: a line begins with topic, user, pattern or #\n");
    end();
    write_file(paths[2], ""); // allows nothing
    unlink(paths[1]);
    assert_int_equal(load(yaml), NH_ERR_INVAL);
    assert_string_equal(faults, "hub.yaml:1: /mqtt/password_file there is no such file\n");
    assert_false(may("", PUB, "x"));
    end();
}

static void test_long_lines(void **state)
{
    (void)state;
    char yaml[300];
    snprintf(yaml, sizeof yaml, "mqtt: {acl_file: %s}\n", paths[2]);
    FILE *f = fopen(paths[2], "w");
    fprintf(f, "topic read a\n");
    for (int i = 0; i < 1025; i++)
        fputc('x', f);
    fprintf(f, "\ntopic read %01012d\n", 7); // as long as a line may be
    fprintf(f, "topic read b");
    fclose(f);
    assert_int_equal(load(yaml), NH_ERR_INVAL);
    assert_string_equal(faults, "acl:2: this line is too long\n");
    assert_int_equal(nh_mqtt_acl_count(rules->acl), 3);
    assert_true(may("", RCV, "b"));
    end();
}

// ---- faults of the lists ------------------------------------------------------------------------

static void test_list_faults(void **state)
{
    (void)state;
    assert_int_equal(load("mqtt:\n"
                          "  users:\n"
                          "    - {name: ann, password_hash: " OLD "}\n"
                          "    - {name: ann, password_hash: " OLD "}\n"
                          "    - {name: eve, password_hash: secret}\n"
                          "    - {name: \"*\", password_hash: " OLD "}\n"
                          "    - {name: \"\", password_hash: " OLD "}\n"
                          "    - {password_hash: " OLD "}\n"
                          "    - {name: fay, password_hash: " OLD ", conn_max_count: -1}\n"
                          "    - gus\n"
                          "  acl:\n"
                          "    - {filter: a}\n"
                          "    - {filter: a, allow: both, deny: both}\n"
                          "    - {filter: a/#/b, allow: both}\n"
                          "    - {filter: x-%u, allow: both}\n"
                          "    - {filter: a, allow: all}\n"
                          "    - {filter: a, allow: both}\n"),
                     NH_ERR_INVAL);
    assert_string_equal(
        faults,
        "hub.yaml:4: /mqtt/users/1/name is another user's name too\n"
        "hub.yaml:5: /mqtt/users/2/password_hash is no hash of nuthatch passwd or "
        "mosquitto_passwd\n"
        "hub.yaml:6: /mqtt/users/3/name is no user name: empty, a control character, * or -\n"
        "hub.yaml:7: /mqtt/users/4/name is no user name: empty, a control character, * or -\n"
        "hub.yaml:8: /mqtt/users/5/name this key is required and missing\n"
        "hub.yaml:9: /mqtt/users/6/conn_max_count this value is out of its range\n"
        "hub.yaml:10: /mqtt/users/7 this value has the wrong type\n"
        "hub.yaml:12: /mqtt/acl/0/allow a rule has either allow or deny\n"
        "hub.yaml:13: /mqtt/acl/1/allow a rule has either allow or deny\n"
        "hub.yaml:14: /mqtt/acl/2/filter is no topic filter, or has %c or %u beside other "
        "text\n"
        "hub.yaml:15: /mqtt/acl/3/filter is no topic filter, or has %c or %u beside other "
        "text\n"
        "hub.yaml:16: /mqtt/acl/4/allow this value is not allowed\n");
    assert_int_equal(nh_users_count(rules->users), 1);
    assert_int_equal(nh_mqtt_acl_count(rules->acl), 1);
    end();
}

// ---- memory -------------------------------------------------------------------------------------

static void test_no_memory(void **state)
{
    (void)state;
    write_file(paths[0], all);
    nh_hub_config_defaults(&cfg);
    assert_int_equal(nh_hub_config_read_file(&cfg, paths[0], NULL, NULL), NH_OK);
    for (uint32_t nth = 1;; nth++) {
        mem_fixture_init(&fix, NULL);
        mem_fixture_fail_nth(&fix, nth);
        int rc = nh_mqtt_rules_create(fix.mem, &rules);
        if (rc == NH_OK)
            rc = nh_mqtt_rules_load(rules, &cfg, paths[0], NULL, NULL);
        nh_mem_fault_set(fix.sys, NULL);
        if (rc < 0)
            assert_int_equal(rc, NH_ERR_NOMEM);
        end();
        if (rc == NH_OK)
            return;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),     cmocka_unit_test(test_all),
        cmocka_unit_test(test_any_filter),  cmocka_unit_test(test_anonymous),
        cmocka_unit_test(test_files),       cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_list_faults), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
