// Visits of subscriptions and of the tree of retained topics, the tree against a plain model.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/mqtt_client.h"
#include "support/rng.h"

#define KEY_BYTES 514 // topic_max_bytes and 2

static struct world w;
static char text[WORLD_TEXT_BYTES];

static int setup(void **state)
{
    (void)state;
    world_init(&w, NULL);
    text[0] = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_deinit(&w);
    return 0;
}

static nh_span_t span(const char *s)
{
    return (nh_span_t){(const uint8_t *)s, strlen(s)};
}

static void retain(const char *topic)
{
    const struct nh_mqtt_message m = {.topic = span(topic), .payload = span("x"), .retain = true};
    assert_int_equal(nh_mqtt_broker_publish(w.broker, &m, w.now_ms), NH_OK);
}

// ---- subscriptions ------------------------------------------------------------------------------

static bool add_subscription(void *ctx, const struct nh_mqtt_subscription_info *s)
{
    size_t *left = ctx;
    if ((*left)-- == 0)
        return false;
    text_add(text, sizeof text, "%s%.*s q%u%s%s", text[0] ? "; " : "", (int)s->filter.len,
             (const char *)s->filter.ptr, s->qos, s->no_local ? " no-local" : "",
             s->retain_as_published ? " as-published" : "");
    if (s->retain_handling || s->id)
        text_add(text, sizeof text, " h%u #%u", s->retain_handling, (unsigned)s->id);
    return true;
}

static const char *subscriptions(const char *client, size_t first, size_t max)
{
    text[0] = 0;
    int rc = nh_mqtt_broker_subscriptions(w.broker, span(client), first, add_subscription, &max);
    return rc == NH_OK ? text : nh_err_text(rc);
}

static void test_subscriptions(void **state)
{
    (void)state;
    struct client *c = w.clients;
    client_connect(c, "reader", true);
    client_subscribe(c, "a/+", 1);
    client_subscribe(c, "#", 0);
    client_subscribe(c, "a/+", 2); // replaced
    assert_string_equal(subscriptions("reader", 0, 9), "a/+ q2; # q0");
    assert_string_equal(subscriptions("reader", 1, 9), "# q0");
    assert_string_equal(subscriptions("reader", 0, 1), "a/+ q2");
    assert_string_equal(subscriptions("reader", 2, 9), "");
    assert_string_equal(subscriptions("nobody", 0, 9), nh_err_text(NH_ERR_NOT_FOUND));
    client_close(c);
    assert_string_equal(subscriptions("reader", 0, 9), "a/+ q2; # q0"); // kept
}

static void test_options(void **state)
{
    (void)state;
    struct client *c = w.clients;
    client_connect5(c, "five", NO_PROPS);
    client_subscribe5(c, "a", 2 | NO_LOCAL | AS_PUBLISHED, NO_PROPS);
    client_subscribe5(c, "b", SEND_NEW, PROPS("\x0B\x07"));
    client_subscribe5(c, "$share/g/c", 1 | SEND_NONE, NO_PROPS);
    assert_string_equal(subscriptions("five", 0, 9),
                        "a q2 no-local as-published; b q0 h1 #7; $share/g/c q1 h2 #0");
    client_subscribe5(c, "b", 1, NO_PROPS); // replaced
    assert_string_equal(subscriptions("five", 1, 1), "b q1");
}

// ---- the tree -----------------------------------------------------------------------------------

static bool add_topic(void *ctx, const struct nh_mqtt_topic_info *t)
{
    size_t *left = ctx;
    if (*left == 0)
        return false;
    --*left;
    text_add(text, sizeof text, "%s[%.*s]%s%s", text[0] ? " " : "", (int)t->level.len,
             (const char *)t->level.ptr, t->has_message ? "=" : "", t->has_children ? "/" : "");
    return true;
}

// The levels below `parent` (NULL: the first ones), `page` at a time.
static const char *levels(const char *parent, size_t page)
{
    uint8_t key[KEY_BYTES];
    struct nh_mqtt_topic_walk walk = {.key = key, .key_cap = sizeof key};
    size_t before, left;
    if (parent) {
        walk.parent = span(parent);
        walk.has_parent = true;
    }
    text[0] = 0;
    do {
        before = strlen(text);
        left = page;
        assert_int_equal(nh_mqtt_broker_topics(w.broker, &walk, add_topic, &left), NH_OK);
    } while (strlen(text) != before);
    return text;
}

static void test_levels(void **state)
{
    (void)state;
    // "a-b" and "a!" lie between or before "a" and "a/..." in the order of bytes.
    static const char *const topics[] = {"a",     "a/x", "a/x/1", "a/x/2", "a-b", "a!/c",
                                         "b/c/d", "/",   "/e",    "a/",    "b0"};
    static const struct {
        const char *parent, *told;
    } rows[] = {
        {NULL, "[]/ [a]=/ [a!]/ [a-b]= [b]/ [b0]="},
        {"", "[]= [e]="},
        {"a", "[]= [x]=/"},
        {"a/x", "[1]= [2]="},
        {"b", "[c]/"},
        {"a/x/1", ""},
        {"a-", ""},
        {"none", ""},
    };
    assert_string_equal(levels(NULL, 5), "");
    for (size_t i = 0; i < NH_ARRAY_LEN(topics); i++)
        retain(topics[i]);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        for (size_t page = 1; page <= 3; page++)
            assert_string_equal(levels(rows[i].parent, page), rows[i].told);
}

static void test_key_must_hold_a_topic(void **state)
{
    (void)state;
    uint8_t key[KEY_BYTES];
    size_t left = 1;
    struct nh_mqtt_topic_walk walk = {.key = key, .key_cap = sizeof key - 1};
    assert_int_equal(nh_mqtt_broker_topics(w.broker, &walk, add_topic, &left), NH_ERR_RANGE);
}

// Every level that the model has is told once, and no other, with what it has.
#define MODEL_TOPICS 40

static unsigned told_count(const char *level, const char *marks)
{
    char want[40];
    unsigned n = 0;
    snprintf(want, sizeof want, "[%s]%s", level, marks);
    size_t len = strlen(want);
    for (const char *p = text; (p = strstr(p, want)) != NULL; p += len)
        n += p[len] == ' ' || p[len] == 0;
    return n;
}

// Of the levels "", "a", "b", "a-", "-" below "<prefix>": as told.
static void check_level(char topics[][16], size_t count, const char *prefix, const char *level)
{
    char path[40];
    bool has_message = false, has_children = false;
    snprintf(path, sizeof path, "%s%s", prefix, level);
    size_t len = strlen(path);
    for (size_t i = 0; i < count; i++) {
        has_message |= strcmp(topics[i], path) == 0;
        has_children |= strncmp(topics[i], path, len) == 0 && topics[i][len] == '/';
    }
    char marks[3];
    snprintf(marks, sizeof marks, "%s%s", has_message ? "=" : "", has_children ? "/" : "");
    assert_int_equal(told_count(level, marks), has_message || has_children);
}

static void test_levels_as_a_model_has_them(void **state)
{
    (void)state;
    static const char *const names[] = {"", "a", "b", "a-", "-"};
    struct rng rng = {20};
    char topics[MODEL_TOPICS][16];
    for (size_t i = 0; i < MODEL_TOPICS; i++) {
        topics[i][0] = 0;
        for (unsigned depth = 0; depth <= rng_below(&rng, 4); depth++) {
            strcat(topics[i], depth ? "/" : "");
            strcat(topics[i], names[rng_below(&rng, NH_ARRAY_LEN(names))]);
        }
        if (topics[i][0] == 0)
            strcpy(topics[i], "a");
        retain(topics[i]);
        levels(NULL, 1 + rng_below(&rng, 3));
        for (size_t n = 0; n < NH_ARRAY_LEN(names); n++)
            check_level(topics, i + 1, "", names[n]);
        for (size_t p = 0; p < NH_ARRAY_LEN(names); p++) {
            char prefix[16];
            snprintf(prefix, sizeof prefix, "%s/", names[p]);
            levels(names[p], 2);
            for (size_t n = 0; n < NH_ARRAY_LEN(names); n++)
                check_level(topics, i + 1, prefix, names[n]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_subscriptions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_options, setup, teardown),
        cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_key_must_hold_a_topic, setup, teardown),
        cmocka_unit_test_setup_teardown(test_levels_as_a_model_has_them, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
