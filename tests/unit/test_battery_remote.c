// Two ends on one loop: a gateway behind a real portal, and a hub that takes the pack from it. The
// battery itself is a fake, a record of what it was offered.

#include "linux_fixture.h"

#include "components/battery_remote/battery_remote_private.h"
#include "portal/portal.h"
#include "support/fake_disk.h"
#include "support/route_play.h"

#define BIT(f) (1u << NH_BATTERY_##f)

// ---- the battery, a fake

struct nh_battery {
    struct nh_battery_snapshot now;
    struct nh_battery_candidate last;
    unsigned offers, from_store, ups, downs, acknowledged;
    size_t alarm_count;
};
static struct nh_battery near, far_one; // near: the gateway's
static int64_t sample_step_ms;

void nh_battery_read(const nh_battery_t *b, struct nh_battery_snapshot *out)
{
    *out = b->now;
}

void nh_battery_offer(nh_battery_t *b, const struct nh_battery_candidate *c)
{
    b->last = *c;
    b->offers += c->source == NH_BATTERY_FROM_REMOTE;
    b->from_store += c->source == NH_BATTERY_FROM_STORE;
}

void nh_battery_remote_link(nh_battery_t *b, bool is_up)
{
    b->ups += is_up;
    b->downs += !is_up;
}

static unsigned alarm_first; // others are there, and as many

static struct nh_battery_alarm alarm_of(size_t i)
{
    i += alarm_first;
    struct nh_battery_alarm a = {.id = (uint32_t)i + 1,
                                 .code = 11,
                                 .severity = NH_BATTERY_WARNING,
                                 .raised_unix_ms = 1764547200123,
                                 .value = 120500,
                                 .threshold = 100000};
    snprintf(a.message, sizeof a.message, "cells are apart %u", (unsigned)i);
    return a;
}

size_t nh_battery_alarms(const nh_battery_t *b, struct nh_battery_alarm *out, size_t max)
{
    size_t n = b->alarm_count < max ? b->alarm_count : max;
    for (size_t i = 0; i < n; i++)
        out[i] = alarm_of(i);
    return n;
}

size_t nh_battery_alarm_history(const nh_battery_t *b, size_t skip, struct nh_battery_alarm *out,
                                size_t max)
{
    size_t n = 0;
    for (size_t i = skip; i < b->alarm_count && n < max; i++, n++) {
        out[n] = alarm_of(i);
        out[n].state = NH_BATTERY_CLEARED;
    }
    return n;
}

int nh_battery_acknowledge(nh_battery_t *b, uint32_t id)
{
    if (id > b->alarm_count)
        return NH_ERR_NOT_FOUND;
    b->acknowledged = id;
    return NH_OK;
}

size_t nh_battery_history(const nh_battery_t *b, int64_t from_unix_ms, int64_t to_unix_ms,
                          struct nh_battery_sample *out, size_t max)
{
    size_t n = 0;
    (void)b;
    if (sample_step_ms == 0)
        return 0;
    for (int64_t t = (from_unix_ms / sample_step_ms + 1) * sample_step_ms;
         t < to_unix_ms && n < max; t += sample_step_ms)
        out[n++] = (struct nh_battery_sample){t, 42900, -12500, INT32_MIN, 73250, 32990, 33010};
    return n;
}

// ---- the house

static struct linux_fixture fx;
static struct fake_disk disk;
static nh_mem_t *mem;
static nh_loop_t *loop;
static nh_sched_t *sched;
static nh_store_t *store;
static nh_http_client_t *http;
static nh_portal_t *portal;
static nh_battery_remote_t *gateway, *remote;
static uint16_t port;
static uint32_t save_ms; // 0: the default
static char reply[24000];

static uint64_t sched_next(void *ctx)
{
    (void)ctx;
    return nh_sched_next_deadline(sched);
}

static void sched_fire(void *ctx, uint64_t now_ms)
{
    (void)ctx;
    nh_sched_run(sched, now_ms);
}

// What the gateway was told, and whether it says yes.
static char posted[512];
static int post_status;
static int config_gets;
static const char *config_text;

static int get_config(nh_request_t *req)
{
    config_gets++;
    return nh_reply_bytes(req, 200, "application/json", config_text, strlen(config_text));
}

static int post_config(nh_request_t *req)
{
    snprintf(posted, sizeof posted, "%s", req->body);
    return post_status < 300 ? nh_reply_empty(req, post_status)
                             : nh_reply_error(req, post_status, NULL, "no");
}

static const nh_route_t gateway_config[] = {
    {.method = "GET", .path = "/api/config", .handle = get_config},
    {.method = "POST", .path = "/api/config", .body_max_bytes = 512, .handle = post_config},
    {0},
};

// Cuts the connection of who listens to alerts, and of nobody else.
static bool is_cutting;
static struct nh_ws_guest alerts_guest;

static int cut_or_output(void *ctx, void *client, char *buf, size_t cap, bool *is_text)
{
    return is_cutting ? -1 : alerts_guest.output(ctx, client, buf, cap, is_text);
}

static void portal_open(void)
{
    struct nh_battery_gateway_place places[NH_BATTERY_GATEWAY_PLACE_COUNT];
    struct nh_ws_place ws[NH_BATTERY_GATEWAY_PLACE_COUNT];
    const struct nh_route_table tables[] = {{gateway_config, NULL, "config"},
                                            nh_battery_gateway_routes(gateway)};
    size_t count = nh_battery_gateway_places(gateway, places);
    for (size_t i = 0; i < count; i++)
        ws[i] = (struct nh_ws_place){places[i].path, places[i].guest};
    alerts_guest = ws[NH_REMOTE_ALERTS].guest;
    ws[NH_REMOTE_ALERTS].guest.output = cut_or_output;
    const struct nh_portal_config cfg = {.mem = fx.mem,
                                         .loop = loop,
                                         .server = {.address = "127.0.0.1", .port = port},
                                         .tables = tables,
                                         .table_count = 2,
                                         .places = ws,
                                         .place_count = count};
    assert_int_equal(nh_portal_create(&cfg, &portal), 0);
    assert_int_equal(nh_portal_start(portal), 0);
    port = nh_portal_port(portal);
}

static void portal_close(void)
{
    nh_portal_destroy(portal);
    portal = NULL;
}

static struct nh_battery_remote_config base(void)
{
    return (struct nh_battery_remote_config){
        .mem = mem, .loop = loop, .sched = sched, .battery = &far_one, .http = http};
}

static void open_gateway(void)
{
    struct nh_battery_remote_config cfg = base();
    cfg.battery = &near;
    cfg.is_gateway = true;
    cfg.frame_ms = 10;
    cfg.uart_baudrate = 115200;
    cfg.mqtt_topic = "bms/pack";
    assert_int_equal(nh_battery_remote_create(&cfg, &gateway), 0);
    portal_open();
}

static void open_remote(void)
{
    static char url[64];
    struct nh_battery_remote_config cfg = base();
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", (unsigned)port);
    cfg.gateway = url;
    cfg.backoff_max_ms = 20;
    cfg.save_delay_ms = cfg.save_deadline_ms = save_ms;
    cfg.store = store;
    assert_int_equal(nh_battery_remote_create(&cfg, &remote), 0);
    assert_int_equal(nh_battery_remote_start(remote), 0);
}

static void fill(struct nh_battery *b)
{
    memset(b, 0, sizeof *b);
    b->now.generation = 1;
    b->now.source = NH_BATTERY_FROM_LOCAL;
    b->now.is_local_connected = true;
    b->now.time_ms = nh_clock_ms();
    b->now.valid = BIT(VOLTAGE) | BIT(CURRENT) | BIT(POWER) | BIT(SOC) | BIT(CELLS) | BIT(STATUS);
    b->now.v.voltage_mv = 42900;
    b->now.v.current_ma = -12500;
    b->now.v.power_mw = -536250;
    b->now.v.soc_mpct = 73250;
    b->now.v.status = 0x93;
    b->now.v.cell_count = 13;
    for (size_t i = 0; i < 13; i++)
        b->now.v.cell_dmv[i] = (uint16_t)(33000 + i);
}

static int setup(void **state)
{
    (void)state;
    fixture_start(&fx);
    fake_disk_init(&disk);
    assert_int_equal(nh_mem_owner_add(fx.sys, "battery_remote", NULL, &mem), 0);
    assert_int_equal(nh_loop_create(fx.mem, &loop), 0);
    const struct nh_sched_config s = {.mem = fx.mem};
    assert_int_equal(nh_sched_create(&s, &sched), 0);
    const struct nh_loop_deadline d = {sched_next, sched_fire, NULL};
    assert_int_equal(nh_loop_deadline_add(loop, &d), 0);
    const struct nh_store_config cfg = {
        .mem = fx.mem, .fs = fake_disk_fs(&disk), .dir = "store", .keep_count = 2};
    assert_int_equal(nh_store_create(&cfg, &store), 0);
    const struct nh_http_client_config h = {.loop = loop, .mem = fx.mem};
    assert_int_equal(nh_http_client_create(&h, &http), 0);
    fill(&near);
    memset(&far_one, 0, sizeof far_one);
    far_one.now.generation = 7;
    post_status = 204;
    posted[0] = 0;
    config_gets = 0;
    config_text = "{\"wifi\":{\"ssid\":\"house\"},\"uart\":{\"baudrate\":115200},"
                  "\"mqtt\":{\"topics\":{\"pub\":\"bms\"}}}";
    is_cutting = false;
    alarm_first = 0;
    port = 0;
    sample_step_ms = save_ms = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_battery_remote_destroy(remote);
    remote = NULL;
    portal_close();
    nh_battery_remote_destroy(gateway);
    gateway = NULL;
    nh_http_client_destroy(http);
    nh_store_destroy(store);
    nh_sched_destroy(sched);
    nh_loop_destroy(loop);
    fixture_stop(&fx);
    return 0;
}

static struct nh_battery_remote_info info(const nh_battery_remote_t *r)
{
    struct nh_battery_remote_info i;
    nh_battery_remote_info(r, &i);
    return i;
}

static int ask(nh_battery_remote_t *r, const char *method, const char *path, const char *query,
               const char *body)
{
    struct nh_route_table t = strncmp(path, "/api/battery", 12) == 0 ? nh_battery_remote_routes(r)
                                                                     : nh_battery_gateway_routes(r);
    return route_ask(&t, fx.mem, method, path, query, body, reply, sizeof reply);
}

// ---- tests

static void test_two_hubs(void **state)
{
    (void)state;
    open_gateway();
    open_remote();
    PUMP_UNTIL(loop, far_one.offers >= 3);
    const struct nh_battery_candidate *c = &far_one.last;
    assert_int_equal(far_one.ups, 1);
    assert_int_equal(c->source, NH_BATTERY_FROM_REMOTE);
    assert_int_equal(c->generation, 7);
    assert_int_equal(c->mask, near.now.valid);
    assert_memory_equal(&c->values, &near.now.v, sizeof c->values);
    assert_true(c->time_ms <= nh_clock_ms() && c->time_ms + 60000 > nh_clock_ms());
    PUMP_UNTIL(loop, config_gets >= 1);
    PUMP_UNTIL(loop, ask(remote, "GET", "/api/battery/remote", NULL, NULL) == 200 &&
                         strstr(reply, "\"alerts\":true") && strstr(reply, "\"bms/pack\""));
    assert_non_null(strstr(reply, "\"connected\":true"));
    assert_non_null(strstr(reply, "\"wifi_ssid\":\"house\""));
    assert_non_null(strstr(reply, "\"mqtt_topic_pub\":\"bms/pack\"")); // the newest answer counts
    assert_true(info(gateway).clients == 3 && info(remote).is_connected);
}

// What was measured long ago stays old on its way, so that hubs in a ring keep nothing alive; a
// board that is silent is told as such.
static void test_age_travels(void **state)
{
    (void)state;
    near.now.time_ms = 0;
    near.now.stale = BIT(SOC);
    PUMP_UNTIL(loop, nh_clock_ms() > 50);
    open_gateway();
    open_remote();
    PUMP_UNTIL(loop, far_one.offers >= 1);
    assert_true(nh_clock_ms() - far_one.last.time_ms > 50); // however long it took
    assert_int_equal(far_one.last.mask, near.now.valid & ~BIT(SOC));
    near.now.stale = near.now.valid;
    uint64_t frames = info(remote).frames_in;
    PUMP_UNTIL(loop, info(remote).frames_in > frames + 2);
    unsigned offers = far_one.offers;
    PUMP_UNTIL(loop, info(remote).frames_in > frames + 5);
    assert_int_equal(far_one.offers, offers); // frames without values are none
}

static void test_alerts_and_events(void **state)
{
    (void)state;
    near.alarm_count = 2;
    open_gateway();
    open_remote();
    PUMP_UNTIL(loop, ask(remote, "GET", "/api/battery/remote", NULL, NULL) == 200 &&
                         strstr(reply, "cells are apart 0"));
    assert_non_null(strstr(reply, "\"timestamp_ms\":1764547200123,\"severity\":\"warning\""));
    near.alarm_count = 3;
    near.now.alarm_count = 3;
    nh_battery_remote_changed(gateway, 0, &near.now);
    PUMP_UNTIL(loop, ask(remote, "GET", "/api/battery/remote", NULL, NULL) == 200 &&
                         strstr(reply, "cells are apart 2"));
    near.now.is_local_connected = false;
    nh_battery_remote_changed(gateway, 0, &near.now);
    PUMP_UNTIL(loop, ask(remote, "GET", "/api/battery/remote", NULL, NULL) == 200 &&
                         strstr(reply, "\"key\":\"bms_lost\",\"id\":4352,\"active\":true"));
}

static void test_gateway_goes_and_comes(void **state)
{
    (void)state;
    open_gateway();
    open_remote();
    for (unsigned round = 1; round <= 3; round++) {
        PUMP_UNTIL(loop, far_one.ups == round && far_one.offers >= round);
        portal_close();
        PUMP_UNTIL(loop, far_one.downs == round);
        assert_true(!info(remote).is_connected && info(remote).reconnects == round);
        portal_open();
        unsigned offers = far_one.offers;
        PUMP_UNTIL(loop, far_one.offers > offers);
    }
    assert_int_equal(ask(remote, "GET", "/api/battery/remote", NULL, NULL), 200);
    assert_non_null(strstr(reply, "\"connected\":true"));
}

// Nobody is there at first: it is tried again, and told why.
static void test_nobody_there(void **state)
{
    (void)state;
    open_gateway();
    portal_close();
    open_remote();
    PUMP_UNTIL(loop, ask(remote, "GET", "/api/battery/remote", NULL, NULL) == 200 &&
                         strstr(reply, "\"reason\":\"/api/config: Connection refused\""));
    assert_int_equal(far_one.ups + far_one.downs, 0);
    portal_open();
    PUMP_UNTIL(loop, far_one.offers);
}

// A change waits until the gateway has said yes to it, and to it alone; also over a restart.
static void test_pending_configuration(void **state)
{
    (void)state;
    open_gateway();
    post_status = 500;
    open_remote();
    PUMP_UNTIL(loop, far_one.offers);
    assert_int_equal(ask(remote, "PUT", "/api/battery/remote/config", NULL,
                         "{\"wifi_ssid\":\"gar\\\"den\",\"wifi_password\":\"secret word\"}"),
                     200);
    assert_non_null(strstr(reply, "\"pending\":[\"wifi_ssid\",\"wifi_password\"]"));
    assert_null(strstr(reply, "secret word"));
    PUMP_UNTIL(loop, posted[0]);
    // What is a text stays one: a quotation mark in it too.
    assert_string_equal(posted, "{\"wifi_ssid\":\"gar\\\"den\",\"wifi_password\":\"secret word\"}");
    PUMP(loop, 50);
    assert_int_equal(ask(remote, "GET", "/api/battery/remote", NULL, NULL), 200);
    assert_non_null(strstr(reply, "\"pending\":[\"wifi_ssid\",\"wifi_password\"]"));
    nh_battery_remote_destroy(remote); // stops in an orderly way
    remote = NULL;
    post_status = 204;
    posted[0] = 0;
    open_remote();
    PUMP_UNTIL(loop, posted[0]);
    PUMP_UNTIL(loop, ask(remote, "GET", "/api/battery/remote", NULL, NULL) == 200 &&
                         strstr(reply, "\"pending\":[]"));
    static const struct {
        const char *body;
        int status;
    } rows[] = {
        {"", 400},
        {"[]", 400},
        {"{\"can_bitrate\":\"fast\"}", 400},
        {"{\"x\":1}", 400},
        {"{\"can_bitrate\":4294967296}", 400},
        {"{\"uart_parity\":\"even\"}", 400},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        int status = ask(remote, "PUT", "/api/battery/remote/config", NULL, rows[i].body);
        if (status != rows[i].status)
            fail_msg("%s: %d: %s", rows[i].body, status, reply);
    }
    assert_non_null(strstr(reply, "uart_parity: "));
}

// Each says the field, what it has, and what may be there; a password is not shown.
static void test_faults_of_a_change(void **state)
{
    (void)state;
    open_gateway();
    open_remote();
    static const struct {
        const char *body, *says[3];
    } rows[] = {
        {"{\"uart_parity\":\"even\"}",
         {"\"field\":\"uart_parity\",\"value\":\"even\"", "a text of at most 1 byte,"}},
        {"{\"can_bitrate\":4294967296}",
         {"\"field\":\"can_bitrate\",\"value\":\"4294967296\"", "0 to 4294967295"}},
        {"{\"can_bitrate\":true}", {"\"value\":\"true\""}},
        {"{\"can_bitrate\":null}", {"\"value\":\"null\""}},
        {"{\"can_bitrate\":[1]}", {"\"field\":\"can_bitrate\",\"value\":\"\""}},
        {"{\"wifi_ssid\":{\"x\":1}}", {"\"field\":\"wifi_ssid\",\"value\":\"\""}},
        {"{\"wifi_password\":17}", {"\"field\":\"wifi_password\",\"value\":\"\""}},
        {"{\"wifi_ssid\":\"a\",\"mqtt\":{\"topics\":{\"all\":\"x\"}}}",
         {"\"unknown_key\"", "\"field\":\"mqtt.topics.all\"",
          "wifi_ssid, wifi_password, static_ip, can_bitrate, uart_baudrate, uart_parity, "
          "mqtt_broker, mqtt_topic_pub, mqtt_topic_sub"}},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        int status = ask(remote, "PUT", "/api/battery/remote/config", NULL, rows[i].body);
        if (status != 400)
            fail_msg("%s: %d: %s", rows[i].body, status, reply);
        for (size_t n = 0; n < 3 && rows[i].says[n]; n++)
            if (!strstr(reply, rows[i].says[n]))
                fail_msg("%s: no %s in %s", rows[i].body, rows[i].says[n], reply);
    }
    assert_int_equal(nh_remote_link_pending(remote->link)->known, 0);
}

static void expect_remote(const char *text)
{
    assert_int_equal(ask(remote, "GET", "/api/battery/remote", NULL, NULL), 200);
    if (!strstr(reply, text))
        fail_msg("no %s in %s", text, reply);
}

// A no that stays one ends the waiting, with its reason; one that may pass does not.
static void test_refused_change(void **state)
{
    (void)state;
    open_gateway();
    open_remote();
    PUMP_UNTIL(loop, far_one.offers);
    // The gateway here has no POST for MQTT, as any nuthatch has not.
    assert_int_equal(
        ask(remote, "PUT", "/api/battery/remote/config", NULL, "{\"mqtt_broker\":\"b:1883\"}"),
        200);
    PUMP_UNTIL(loop, nh_remote_link_pending(remote->link)->known == 0);
    expect_remote("\"pending\":[],\"config_error\":{\"keys\":[\"mqtt_broker\"],\"status\":405,"
                  "\"given_up\":true,\"text\":\"POST /api/mqtt/config was answered 405: ");
    post_status = 403; // who looks may go on
    assert_int_equal(
        ask(remote, "PUT", "/api/battery/remote/config", NULL, "{\"wifi_ssid\":\"x\"}"), 200);
    PUMP_UNTIL(loop, posted[0] && nh_remote_link_pending(remote->link)->known == 0);
    expect_remote("\"status\":403");
    assert_true(info(remote).is_connected && info(remote).reconnects == 0);
    // One that may pass waits, until it is taken back.
    post_status = 503;
    assert_int_equal(ask(remote, "PUT", "/api/battery/remote/config", NULL, "{\"can_bitrate\":1}"),
                     200);
    PUMP_UNTIL(loop, ask(remote, "GET", "/api/battery/remote", NULL, NULL) == 200 &&
                         strstr(reply, "\"status\":503,\"given_up\":false"));
    expect_remote("\"pending\":[\"can_bitrate\"]");
    assert_int_equal(ask(remote, "DELETE", "/api/battery/remote/config", NULL, NULL), 200);
    expect_remote("\"pending\":[],\"config_error\":null");
    assert_int_equal(ask(remote, "PUT", "/api/battery/remote/config", NULL, "{\"can_bitrate\":1}"),
                     200);
    assert_int_equal(ask(remote, "PUT", "/api/battery/remote/config", NULL, "{}"), 200);
    expect_remote("\"pending\":[],\"config_error\":null");
    PUMP(loop, 30); // what was under way is answered
    expect_remote("\"pending\":[],\"config_error\":null");
}

// An older gateway tells its password to who asks for its configuration: it is not ours to keep.
static void test_password_of_the_gateway(void **state)
{
    char kept[2048] = "";
    (void)state;
    config_text = "{\"wifi_ssid\":\"house\",\"wifi_password\":\"secret word\"}";
    open_gateway();
    open_remote();
    PUMP_UNTIL(loop, ask(remote, "GET", "/api/battery/remote", NULL, NULL) == 200 &&
                         strstr(reply, "\"wifi_ssid\":\"house\""));
    assert_null(strstr(reply, "secret word"));
    nh_battery_remote_stop(remote);
    assert_true(nh_store_read(store, NH_REMOTE_SETTINGS_DOC, 0, 0, kept, sizeof kept - 1) > 0);
    assert_non_null(strstr(kept, "house"));
    assert_null(strstr(kept, "secret word"));
}

// Whatever can be asked to be told can be told, and does not keep telemetry from coming.
static void test_longest_change(void **state)
{
    char body[1024], topic[2 * 95 + 1];
    (void)state;
    for (size_t i = 0; i < sizeof topic - 1; i += 2)
        memcpy(topic + i, "\\\"", 2);
    topic[sizeof topic - 1] = 0;
    snprintf(body, sizeof body,
             "{\"mqtt_broker\":\"%s\",\"mqtt_topic_pub\":\"%s\",\"mqtt_topic_sub\":\"%s\"}", topic,
             topic, topic);
    open_gateway();
    open_remote();
    assert_int_equal(ask(remote, "PUT", "/api/battery/remote/config", NULL, body), 200);
    PUMP_UNTIL(loop, far_one.offers || info(remote).reconnects ||
                         (ask(remote, "GET", "/api/battery/remote", NULL, NULL) == 200 &&
                          strstr(reply, "\"reason\":\"")));
    assert_true(far_one.offers > 0);
}

// One ends as another of its kind begins: there are as many as before, and it is told.
static void test_one_alarm_for_another(void **state)
{
    (void)state;
    near.alarm_count = near.now.alarm_count = 1;
    open_gateway();
    open_remote();
    PUMP_UNTIL(loop, ask(remote, "GET", "/api/battery/remote", NULL, NULL) == 200 &&
                         strstr(reply, "cells are apart 0"));
    nh_battery_remote_changed(gateway, 0, &near.now);
    PUMP(loop, 50);
    alarm_first = 1;
    nh_battery_remote_changed(gateway, 0, &near.now);
    PUMP_UNTIL(loop, ask(remote, "GET", "/api/battery/remote", NULL, NULL) == 200 &&
                         strstr(reply, "cells are apart 1"));
    struct nh_remote_serve_info before, after;
    nh_remote_serve_info(gateway->serve, &before);
    for (int i = 0; i < 5; i++) // nothing changed: nothing is told
        nh_battery_remote_changed(gateway, 0, &near.now);
    PUMP(loop, 50);
    nh_remote_serve_info(gateway->serve, &after);
    assert_int_equal(after.messages, before.messages);
}

// A socket that is lost while telemetry goes on comes again: alerts would be those of then for
// ever.
static void test_lost_alerts(void **state)
{
    (void)state;
    near.alarm_count = near.now.alarm_count = 1;
    open_gateway();
    open_remote();
    PUMP_UNTIL(loop, ask(remote, "GET", "/api/battery/remote", NULL, NULL) == 200 &&
                         strstr(reply, "\"alerts\":true") && strstr(reply, "cells are apart 0"));
    for (unsigned round = 2; round <= 4; round++) {
        char text[32];
        is_cutting = true;
        near.alarm_count = near.now.alarm_count = (uint8_t)round;
        nh_battery_remote_changed(gateway, 0, &near.now);
        PUMP_UNTIL(loop, ask(remote, "GET", "/api/battery/remote", NULL, NULL) == 200 &&
                             strstr(reply, "\"alerts\":false"));
        is_cutting = false;
        snprintf(text, sizeof text, "cells are apart %u", round - 1);
        PUMP_UNTIL(loop, ask(remote, "GET", "/api/battery/remote", NULL, NULL) == 200 &&
                             strstr(reply, "\"alerts\":true") && strstr(reply, text));
    }
    assert_true(far_one.ups == 1 && far_one.downs == 0 && info(remote).reconnects == 0);
}

// The trace: frames come in, and the file system is not called; nor is memory asked for.
static void test_frames_touch_no_storage(void **state)
{
    struct nh_mem_owner_info before, after;
    (void)state;
    save_ms = 3600000; // a busy machine may stop for longer than a short delay
    open_gateway();
    open_remote();
    PUMP_UNTIL(loop, far_one.offers >= 2 && config_gets);
    PUMP_UNTIL(loop, ask(remote, "GET", "/api/battery/remote", NULL, NULL) == 200 &&
                         strstr(reply, "\"bms/pack\""));
    PUMP(loop, 50);
    assert_int_equal(nh_write_behind_stop(&remote->settings, nh_clock_ms()), 0);
    uint32_t calls = disk.call_count;
    for (size_t i = 0; nh_mem_owner_info(fx.sys, i, &before) == 0; i++)
        if (strcmp(before.name, "battery_remote") == 0)
            break;
    uint64_t frames = info(remote).frames_in;
    unsigned noted = 0;
    for (unsigned seen = far_one.offers; info(remote).frames_in < frames + 100;) {
        PUMP_UNTIL(loop, far_one.offers > seen);
        seen = far_one.offers;
        far_one.now.valid = far_one.last.mask;
        far_one.now.v = far_one.last.values;
        far_one.now.v.voltage_mv += (int32_t)noted++ * 300; // each one worth a write
        far_one.now.source = NH_BATTERY_FROM_REMOTE;
        nh_battery_remote_changed(remote, UINT32_MAX, &far_one.now);
    }
    for (size_t i = 0; nh_mem_owner_info(fx.sys, i, &after) == 0; i++)
        if (strcmp(after.name, "battery_remote") == 0)
            break;
    printf(
        "%u frames: %u file-system calls, %u allocations\n", noted,
        (unsigned)(disk.call_count - calls),
        (unsigned)(after.tier[NH_MEM_PSRAM].alloc_count - before.tier[NH_MEM_PSRAM].alloc_count));
    assert_int_equal(disk.call_count, calls);
    for (int t = 0; t < NH_MEM_TIER_COUNT; t++)
        assert_int_equal(after.tier[t].alloc_count, before.tier[t].alloc_count);
    assert_true(info(remote).dirty_age_ms > 0 && info(remote).writes_avoided > 0);
    nh_battery_remote_stop(remote); // now it is written
    assert_true(disk.call_count > calls && info(remote).flushes == 1);
}

static void test_restored_at_the_start(void **state)
{
    (void)state;
    open_gateway();
    open_remote();
    PUMP_UNTIL(loop, far_one.offers);
    assert_int_equal(far_one.from_store, 0);
    near.now.source = NH_BATTERY_FROM_REMOTE;
    near.now.generation = 7;
    nh_battery_remote_changed(remote, UINT32_MAX, &near.now);
    nh_battery_remote_destroy(remote);
    memset(&far_one, 0, sizeof far_one);
    portal_close();
    open_remote();
    assert_int_equal(far_one.from_store, 1);
    assert_int_equal(far_one.last.source, NH_BATTERY_FROM_STORE);
    assert_int_equal(far_one.last.mask, near.now.valid);
    assert_true(far_one.last.stored_unix_ms > 0);
    assert_memory_equal(&far_one.last.values, &near.now.v, sizeof near.now.v);
    assert_int_equal(ask(remote, "GET", "/api/battery/remote", NULL, NULL), 200);
    assert_null(strstr(reply, "\"restored_unix_ms\":null"));
}

// The power goes at each call of the file system while a change is kept: it is there, or it is not.
static void test_power_cut_of_configuration(void **state)
{
    unsigned with = 0, without = 0;
    bool is_struck = true;
    (void)state;
    port = 1; // nobody is there
    for (uint32_t call = 1; is_struck; call++) {
        fake_disk_init(&disk);
        nh_store_destroy(store);
        const struct nh_store_config cfg = {
            .mem = fx.mem, .fs = fake_disk_fs(&disk), .dir = "store", .keep_count = 2};
        assert_int_equal(nh_store_create(&cfg, &store), 0);
        open_remote();
        assert_int_equal(
            ask(remote, "PUT", "/api/battery/remote/config", NULL, "{\"wifi_ssid\":\"garden\"}"),
            200);
        const struct fake_disk_fault fault = {
            .kind = call % 2 ? FAKE_DISK_CUT_BEFORE : FAKE_DISK_CUT_AFTER, .call = (call + 1) / 2};
        fake_disk_fault_set(&disk, &fault);
        nh_battery_remote_destroy(remote);
        is_struck = disk.is_struck;
        nh_store_destroy(store);
        fake_disk_fault_set(&disk, NULL);
        fake_disk_power_cycle(&disk, FAKE_DISK_RANDOM, call);
        assert_int_equal(nh_store_create(&cfg, &store), 0);
        open_remote();
        const struct nh_remote_settings *p = nh_remote_link_pending(remote->link);
        with += p->known == 1u << NH_REMOTE_WIFI_SSID && strcmp(p->wifi_ssid, "garden") == 0;
        without += p->known == 0;
        nh_battery_remote_destroy(remote);
        remote = NULL;
        assert_int_equal(with + without, call);
    }
    assert_true(with > 1 && without > 1);
}

static void test_gateway_routes(void **state)
{
    (void)state;
    near.alarm_count = 30;
    open_gateway();
    assert_int_equal(ask(gateway, "GET", "/api/alerts/history", NULL, NULL), 200);
    static struct nh_remote_alert alerts[40];
    assert_int_equal(nh_remote_alerts_read(reply, strlen(reply), alerts, 40), 30);
    assert_true(alerts[29].id == 30 && alerts[0].time_ms == 1764547200123u && alerts[0].is_over);
    assert_int_equal(ask(gateway, "GET", "/api/alerts/active", NULL, NULL), 200);
    assert_int_equal(nh_remote_alerts_read(reply, strlen(reply), alerts, 40), 30);
    assert_true(!alerts[0].is_over && alerts[0].severity == NH_REMOTE_WARNING);
    near.alarm_count = 0;
    assert_int_equal(ask(gateway, "GET", "/api/alerts/active", NULL, NULL), 200);
    assert_string_equal(reply, "[]");
    near.alarm_count = 4;
    assert_int_equal(ask(gateway, "POST", "/api/alerts/acknowledge", NULL, "{\"id\":3}"), 200);
    assert_int_equal(near.acknowledged, 3);
    assert_int_equal(ask(gateway, "POST", "/api/alerts/acknowledge/4", NULL, NULL), 200);
    assert_int_equal(near.acknowledged, 4);
    static const struct {
        const char *path, *body;
        int status;
    } rows[] = {
        {"/api/alerts/acknowledge", "{\"id\":5}", 404},
        {"/api/alerts/acknowledge", "{\"id\":0}", 400},
        {"/api/alerts/acknowledge", "{}", 400},
        {"/api/alerts/acknowledge/x", NULL, 404},
        {"/api/alerts/acknowledge/4x", NULL, 404},
        {"/api/alerts/local", "{\"severity\":3,\"message\":\"smoke\",\"source\":\"hall\"}", 204},
        {"/api/alerts/local", "{\"severity\":3}", 400},
        {"/api/alerts/local", "x", 400},
        {"/api/telemetry/local", "{\"soc\":50,\"device\":\"a\",\"boot\":1,\"seq\":1}", 200},
        {"/api/telemetry/local", "{\"soc\":50,\"device\":\"a\",\"boot\":1,\"seq\":1}", 200},
        {"/api/telemetry/local", "{\"device\":\"a\"}", 400},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        int status = ask(gateway, "POST", rows[i].path, NULL, rows[i].body);
        if (status != rows[i].status)
            fail_msg("%s %s: %d: %s", rows[i].path, rows[i].body, status, reply);
    }
    assert_int_equal(ask(gateway, "GET", "/api/telemetry/local", NULL, NULL), 200);
    assert_non_null(strstr(reply, "\"taken\":1,\"doubles\":1,"));
    assert_int_equal(ask(gateway, "GET", "/api/battery/remote", NULL, NULL), 200);
    assert_non_null(strstr(reply, "\"message\":\"smoke\""));
    assert_int_equal(ask(gateway, "PUT", "/api/battery/remote/config", NULL, "{}"), 409);
}

static void fill_text(char *out, size_t cap)
{
    memset(out, '"', cap - 1);
    out[cap - 1] = 0;
}

// The longest texts that others can send fit the reply.
static void test_reply_holds_all(void **state)
{
    (void)state;
    near.alarm_count = 30;
    open_gateway();
    open_remote();
    nh_remote_link_t *l = remote->link;
    PUMP_UNTIL(loop, far_one.offers);
    struct nh_remote_settings s = {.known = (1u << NH_REMOTE_SETTING_COUNT) - 1,
                                   .can_bitrate = UINT32_MAX,
                                   .uart_baudrate = UINT32_MAX};
    fill_text(s.wifi_ssid, sizeof s.wifi_ssid);
    fill_text(s.static_ip, sizeof s.static_ip);
    fill_text(s.mqtt_broker, sizeof s.mqtt_broker);
    fill_text(s.mqtt_topic_pub, sizeof s.mqtt_topic_pub);
    fill_text(s.mqtt_topic_sub, sizeof s.mqtt_topic_sub);
    nh_remote_link_load(l, &s, &s);
    const struct nh_remote_alert *alerts;
    const struct nh_remote_event *events;
    for (size_t count = 1; count <= NH_REMOTE_EVENT_COUNT; count++) {
        PUMP_UNTIL(loop, nh_remote_link_events(l, &events) >= count);
        near.now.is_local_connected = !near.now.is_local_connected;
        nh_battery_remote_changed(gateway, 0, &near.now);
    }
    PUMP_UNTIL(loop, nh_remote_link_alerts(l, &alerts) == NH_REMOTE_ALERT_COUNT);
    for (size_t i = 0; i < NH_REMOTE_ALERT_COUNT; i++) {
        struct nh_remote_alert *a = (struct nh_remote_alert *)&alerts[i];
        a->id = a->time_ms = UINT64_MAX;
        fill_text(a->message, sizeof a->message);
    }
    for (size_t i = 0; i < NH_REMOTE_EVENT_COUNT; i++) {
        struct nh_remote_event *e = (struct nh_remote_event *)&events[i];
        fill_text(e->type, sizeof e->type);
        fill_text(e->key, sizeof e->key);
    }
    assert_int_equal(ask(remote, "GET", "/api/battery/remote", NULL, NULL), 200);
    assert_true(strlen(reply) > 4096 && strlen(reply) < 8192 - 1400); // and what others raised
}

static void test_history(void **state)
{
    static const struct {
        const char *query;
        int status;
        int64_t step_ms;
        size_t min, max;
    } rows[] = {
        {NULL, 200, 60000, 59, 60},          {"range=1h", 200, 60000, 59, 60},
        {"range=24h", 200, 3600000, 23, 24}, {"range=7d", 200, 3600000, 160, 168},
        {"range=1h", 200, 1000, 512, 512},   {"range=1h", 200, 0, 0, 0},
        {"range=1y", 400, 0, 0, 0},
    };
    (void)state;
    open_gateway();
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        sample_step_ms = rows[i].step_ms;
        static char big[80000];
        struct nh_route_table t = nh_battery_gateway_routes(gateway);
        int status =
            route_ask(&t, fx.mem, "GET", "/api/history", rows[i].query, NULL, big, sizeof big);
        size_t count = 0;
        int64_t last = 0;
        assert_int_equal(status, rows[i].status);
        if (status != 200)
            continue;
        assert_int_equal(strncmp(big, "{\"samples\":[", 12), 0);
        for (const char *p = big; (p = strstr(p, "\"timestamp_ms\":")); p += 15, count++) {
            int64_t at = strtoll(p + 15, NULL, 10);
            assert_true(at > last);
            last = at;
        }
        if (count < rows[i].min || count > rows[i].max)
            fail_msg("%s: %zu samples", rows[i].query, count);
        if (count > 0)
            assert_non_null(strstr(big, "\"voltage\":42.9,\"current\":-12.5,\"temperature\":null,"
                                        "\"soc\":73.25}"));
    }
}

static void test_each_allocation_fails(void **state)
{
    struct nh_battery_remote_config cfg = base();
    nh_battery_remote_t *r;
    (void)state;
    cfg.gateway = "http://127.0.0.1:1";
    cfg.is_gateway = true;
    cfg.store = store;
    for (uint64_t n = 1;; n++) {
        const struct nh_mem_fault fault = {.fail_nth = n, .only_owner = mem};
        nh_mem_fault_set(fx.sys, &fault);
        int err = nh_battery_remote_create(&cfg, &r);
        nh_mem_fault_set(fx.sys, NULL);
        if (err == 0)
            break;
        assert_int_equal(err, NH_ERR_NOMEM);
        assert_null(r);
        assert_true(n < 40);
    }
    nh_battery_remote_destroy(r);
    nh_battery_remote_destroy(NULL);
    static const struct {
        const char *gateway;
        int err;
    } rows[] = {
        {"192.168.4.1", NH_ERR_SYNTAX},
        {"http://a/b", NH_ERR_SYNTAX},
        {"https://a", NH_ERR_UNSUPPORTED},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        cfg.gateway = rows[i].gateway;
        assert_int_equal(nh_battery_remote_create(&cfg, &r), rows[i].err);
        assert_null(r);
    }
    cfg.gateway = "";
    cfg.save_delay_ms = 5000;
    cfg.save_deadline_ms = 4000;
    assert_int_equal(nh_battery_remote_create(&cfg, &r), NH_ERR_RANGE);
}

// With memory short at any point of a running link, it goes on when there is some again.
static void test_short_of_memory(void **state)
{
    (void)state;
    open_gateway();
    open_remote();
    PUMP_UNTIL(loop, far_one.offers);
    for (uint64_t n = 1; n <= 12; n++) {
        const struct nh_mem_fault fault = {.fail_nth = n, .only_owner = mem};
        unsigned downs = far_one.downs;
        portal_close();
        PUMP_UNTIL(loop, far_one.downs > downs || !info(remote).is_connected);
        nh_mem_fault_set(fx.sys, &fault);
        portal_open();
        unsigned offers = far_one.offers;
        PUMP_UNTIL(loop, far_one.offers > offers);
        nh_mem_fault_set(fx.sys, NULL);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_two_hubs),
        T(test_age_travels),
        T(test_alerts_and_events),
        T(test_gateway_goes_and_comes),
        T(test_nobody_there),
        T(test_pending_configuration),
        T(test_faults_of_a_change),
        T(test_refused_change),
        T(test_password_of_the_gateway),
        T(test_longest_change),
        T(test_one_alarm_for_another),
        T(test_lost_alerts),
        T(test_frames_touch_no_storage),
        T(test_restored_at_the_start),
        T(test_power_cut_of_configuration),
        T(test_gateway_routes),
        T(test_reply_holds_all),
        T(test_history),
        T(test_each_allocation_fails),
        T(test_short_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
