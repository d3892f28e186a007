// Clients for people: found, ordered and paged against a plain model; disconnected and forgotten.
// And the properties that a part of the hub writes.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "support/mqtt_client.h"
#include "support/rng.h"

static struct world w;
static char text[WORLD_TEXT_BYTES];

// Everybody may come in, under the name given.
static void let_in(void *ctx, nh_mqtt_conn_t *c, const struct nh_mqtt_auth_request *r,
                   struct nh_mqtt_auth_answer *out)
{
    (void)ctx;
    (void)c;
    out->verdict = NH_MQTT_AUTH_ACCEPTED;
    out->user = r->user;
    out->grant.may_all = true;
}

static int setup(void **state)
{
    const struct nh_mqtt_broker_config cfg = {.authenticate = let_in};
    (void)state;
    world_init(&w, &cfg);
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

// ---- the walk -----------------------------------------------------------------------------------

static struct {
    size_t left; // to be visited before the next pause
    size_t count;
    char ids[260][8];
} told;

static bool tell(void *ctx, const struct nh_mqtt_client_info *c)
{
    (void)ctx;
    if (told.left == 0)
        return false;
    told.left--;
    assert_true(told.count < NH_ARRAY_LEN(told.ids));
    snprintf(told.ids[told.count++], sizeof told.ids[0], "%s", c->client_id);
    return true;
}

// All ids that the walk tells, `page` at a time.
static const char *walk(struct nh_mqtt_client_walk *k, size_t page)
{
    size_t before;
    text[0] = 0;
    told.count = 0;
    do {
        before = told.count;
        told.left = page;
        nh_mqtt_broker_clients_walk(w.broker, k, tell, NULL);
    } while (told.count - before == page);
    for (size_t i = 0; i < told.count && told.count < 20; i++)
        text_add(text, sizeof text, "%s%s", i ? " " : "", told.ids[i]);
    return text;
}

static void come(struct client *c, const char *id, const char *user, unsigned subs)
{
    w.now_ms += 1000;
    client_connect_with(
        c, &(struct connect){.id = id, .user = user, .is_kept = true, .keepalive_s = 10 + subs});
    for (unsigned i = 0; i < subs; i++) {
        char filter[] = {(char)('a' + i), 0};
        client_subscribe(c, filter, 1);
    }
}

static void test_found_and_in_order(void **state)
{
    static const struct {
        const char *name;
        struct nh_mqtt_client_walk walk;
        const char *find, *told;
    } rows[] = {
        {"by id", {0}, "", "Lamp gate lamp pump"},
        {"downwards", {.is_down = true}, "", "pump lamp gate Lamp"},
        {"by user, then id", {.key = NH_MQTT_BY_USER}, "", "gate pump Lamp lamp"},
        {"by user, downwards",
         {.key = NH_MQTT_BY_USER, .is_down = true},
         "",
         "Lamp lamp gate pump"},
        {"since when", {.key = NH_MQTT_BY_SINCE}, "", "pump gate Lamp lamp"},
        {"keep-alive", {.key = NH_MQTT_BY_KEEPALIVE}, "", "lamp gate pump Lamp"},
        {"subscriptions", {.key = NH_MQTT_BY_SUBSCRIPTIONS}, "", "gate pump lamp Lamp"},
        {"queued", {.key = NH_MQTT_BY_QUEUED, .is_down = true}, "", "Lamp lamp gate pump"},
        {"connected", {.state = NH_MQTT_CONNECTED}, "", "Lamp gate pump"},
        {"away", {.state = NH_MQTT_AWAY}, "", "lamp"},
        {"whatever the case", {0}, "LAM", "Lamp lamp"},
        {"in the middle", {0}, "um", "pump"},
        {"a user", {0}, "bob", "Lamp lamp"},
        {"nobody", {0}, "lamps", ""},
        {"one", {.is_whole = true}, "lamp", "lamp"},
        {"not quite one", {.is_whole = true}, "lam", ""},
        {"behind the first two", {.skip = 2}, "", "lamp pump"},
        {"behind them all", {.skip = 9}, "", ""},
    };
    (void)state;
    struct client *c = w.clients;
    come(&c[0], "pump", NULL, 1);
    come(&c[1], "gate", NULL, 0);
    come(&c[2], "Lamp", "bob", 3);
    come(&c[3], "lamp", "bob", 2);
    w.now_ms += 1000;
    client_close(&c[3]);
    client_publish(&c[1], "b", "x", 1); // waits for "lamp"
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        for (size_t page = 1; page <= 5; page += 2) {
            struct nh_mqtt_client_walk k = rows[i].walk;
            k.text = span(rows[i].find);
            size_t count = nh_mqtt_broker_clients_count(w.broker, &k);
            if (strcmp(walk(&k, page), rows[i].told) != 0)
                fail_msg("%s: \"%s\", not \"%s\"", rows[i].name, text, rows[i].told);
            if (k.skip == 0 && rows[i].walk.skip == 0)
                assert_int_equal(count, told.count);
        }
    }
}

#define MODEL_COUNT 250 // more than are found in one look

static struct {
    char id[8];
    unsigned subs;
} model[MODEL_COUNT];
static bool model_is_down;

static int model_compare(const void *x, const void *y)
{
    const unsigned a = model[*(const unsigned *)x].subs, b = model[*(const unsigned *)y].subs;
    int by = a < b ? -1 : a > b;
    if (by)
        return model_is_down ? -by : by;
    return strcmp(model[*(const unsigned *)x].id, model[*(const unsigned *)y].id);
}

static void test_pages_of_many(void **state)
{
    unsigned order[MODEL_COUNT];
    struct rng rng = {20240917};
    (void)state;
    w.no_check = true;
    for (unsigned i = 0; i < MODEL_COUNT; i++) {
        order[i] = i;
        model[i].subs = rng_below(&rng, 4);
        snprintf(model[i].id, sizeof model[i].id, "c%u", (i * 37) % MODEL_COUNT);
        come(&w.clients[0], model[i].id, NULL, model[i].subs);
        client_disconnect(&w.clients[0]);
    }
    for (unsigned round = 0; round < 8; round++) {
        size_t skip = rng_below(&rng, 3) ? rng_below(&rng, MODEL_COUNT) : 0;
        model_is_down = round & 1;
        struct nh_mqtt_client_walk k = {
            .key = NH_MQTT_BY_SUBSCRIPTIONS, .is_down = model_is_down, .skip = skip};
        qsort(order, MODEL_COUNT, sizeof order[0], model_compare);
        walk(&k, 1 + rng_below(&rng, 100));
        assert_int_equal(told.count, MODEL_COUNT - skip);
        for (size_t i = 0; i < told.count; i++)
            assert_string_equal(told.ids[i], model[order[skip + i]].id);
    }
}

static struct nh_mqtt_client_info seen;

static bool look(void *ctx, const struct nh_mqtt_client_info *c)
{
    (void)ctx;
    seen = *c;
    return true;
}

static const struct nh_mqtt_client_info *info_of(const char *id)
{
    struct nh_mqtt_client_walk k = {.text = span(id), .is_whole = true};
    seen = (struct nh_mqtt_client_info){0};
    nh_mqtt_broker_clients_walk(w.broker, &k, look, NULL);
    return seen.client_id ? &seen : NULL;
}

static void test_what_is_told_of_one(void **state)
{
    (void)state;
    struct client *c = w.clients;
    come(c, "one", NULL, 0);
    assert_int_equal(info_of("one")->bytes_in, 17);
    assert_int_equal(info_of("one")->bytes_out, 4);
    assert_int_equal(info_of("one")->away_s, 0);
    client_ping(c);
    assert_int_equal(info_of("one")->bytes_in, 19);
    assert_int_equal(info_of("one")->bytes_out, 6);
    w.now_ms += 5000;
    client_close(c);
    world_tick(&w, w.now_ms + 42000);
    assert_int_equal(info_of("one")->away_s, 42);
    assert_false(info_of("one")->is_own);
    assert_null(info_of("two"));
}

// ---- sent away ----------------------------------------------------------------------------------

static int disconnect(const char *id)
{
    int rc = nh_mqtt_broker_disconnect(w.broker, span(id), w.now_ms);
    world_turn_end(&w);
    return rc;
}

static int forget(const char *id)
{
    int rc = nh_mqtt_broker_forget(w.broker, span(id), w.now_ms);
    world_turn_end(&w);
    return rc;
}

static void test_disconnect(void **state)
{
    (void)state;
    struct client *c = w.clients;
    come(&c[0], "watch", NULL, 1);
    client_heard(&c[0]);
    client_connect_with(&c[1], &(struct connect){.id = "five",
                                                 .is_kept = true,
                                                 .version = 5,
                                                 .props = PROPS("\x11\0\0\0\x64"),
                                                 .will_topic = "a",
                                                 .will_payload = "gone"});
    client_heard(&c[1]);
    world_events(&w);
    assert_int_equal(disconnect("five"), NH_OK);
    assert_heard(&c[1], "disconnect 0x98 {reason=administrative action}");
    assert_null(c[1].conn);
    assert_string_equal(world_events(&w), "disconnected five");
    assert_heard(&c[0], "publish a gone q0");
    assert_false(info_of("five")->is_connected); // its session stays
    assert_int_equal(disconnect("five"), NH_ERR_NOT_FOUND);
    assert_int_equal(disconnect("nobody"), NH_ERR_NOT_FOUND);
    assert_int_equal(disconnect("watch"), NH_OK);
    assert_heard(&c[0], ""); // 3.1.1 has no word for it
    assert_null(c[0].conn);
}

static void test_forget(void **state)
{
    (void)state;
    struct client *c = w.clients;
    size_t bytes = world_mem_bytes(&w);
    come(&c[0], "here", NULL, 2);
    come(&c[1], "away", NULL, 2);
    client_close(&c[1]);
    client_publish(&c[0], "b", "x", 1);
    assert_int_equal(info_of("away")->queued_messages, 1);
    assert_int_equal(forget("away"), NH_OK);
    assert_null(info_of("away"));
    assert_int_equal(forget("away"), NH_ERR_NOT_FOUND);
    assert_int_equal(forget("here"), NH_OK);
    assert_null(info_of("here"));
    assert_null(c[0].conn);
    world_tick(&w, w.now_ms + 60000);
    come(&c[0], "here", NULL, 0);
    assert_heard(&c[0], "connack 0 0"); // it begins anew
    assert_int_equal(info_of("here")->subscription_count, 0);
    assert_int_equal(forget("here"), NH_OK);
    assert_true(world_mem_bytes(&w) < bytes + 12 * 1024); // what is kept to be used again
}

static void test_parts_of_the_hub_stay(void **state)
{
    (void)state;
    struct nh_mqtt_own own = {.client_id = "$bridge/up"};
    struct client *c = w.clients;
    nh_mqtt_broker_own_add(w.broker, &own);
    assert_int_equal(nh_mqtt_broker_own_open(w.broker, c, w.now_ms, &c->conn), NH_OK);
    client_packet(c, packet_connect(&(struct connect){.id = "$bridge/up", .is_kept = true}));
    assert_true(info_of("$bridge/up")->is_own);
    assert_int_equal(disconnect("$bridge/up"), NH_ERR_DENIED);
    assert_int_equal(forget("$bridge/up"), NH_ERR_DENIED);
    client_close(c);
    assert_int_equal(forget("$bridge/up"), NH_ERR_DENIED);
    nh_mqtt_broker_own_remove(w.broker, &own);
}

// ---- properties ---------------------------------------------------------------------------------

static void test_properties(void **state)
{
    static const struct nh_mqtt_property two[] = {
        {{(const uint8_t *)"a", 1}, {(const uint8_t *)"1", 1}},
        {{(const uint8_t *)"a", 1}, {NULL, 0}}};
    static const struct {
        const char *name, *type, *response;
        size_t user_count, cap;
        int rc;
        const char *heard;
    } rows[] = {
        {"none", "", "", 0, 0, 0, ""},
        {"all", "text/plain", "a/b", 2, 64, 32, " {type=text/plain response=a/b user=a:1 user=a:}"},
        {"just enough", "", "r", 0, 4, 4, " {response=r}"},
        {"too little room", "", "r", 0, 3, NH_ERR_FULL, NULL},
        {"a wildcard", "", "a/#", 0, 64, NH_ERR_INVAL, NULL},
        {"no UTF-8", "\xff", "", 0, 64, NH_ERR_INVAL, NULL},
    };
    (void)state;
    struct client *c = w.clients;
    client_connect5(c, "reader", NO_PROPS);
    client_subscribe(c, "t", 0);
    client_heard(c);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint8_t *out = malloc(rows[i].cap + 1);
        char want[128];
        const struct nh_mqtt_properties p = {.content_type = span(rows[i].type),
                                             .response_topic = span(rows[i].response),
                                             .user = two,
                                             .user_count = rows[i].user_count};
        int rc = nh_mqtt_properties_write(&p, out, rows[i].cap);
        if (rc != rows[i].rc)
            fail_msg("%s: %d, not %d", rows[i].name, rc, rows[i].rc);
        if (rc >= 0) {
            const struct nh_mqtt_message m = {
                .topic = span("t"), .payload = span("x"), .props = {out, (size_t)rc}};
            assert_int_equal(nh_mqtt_broker_publish(w.broker, &m, w.now_ms), NH_OK);
            world_turn_end(&w);
            snprintf(want, sizeof want, "publish t x q0%s", rows[i].heard);
            assert_heard(c, want);
        }
        free(out);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_found_and_in_order), T(test_pages_of_many), T(test_what_is_told_of_one),
        T(test_disconnect),         T(test_forget),        T(test_parts_of_the_hub_stay),
        T(test_properties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
