// The publisher whole, with its sinks: a web server and an InfluxDB that are played by hand behind
// http_client.h, a broker elsewhere behind the streams of platform.h, the hub's own broker as it
// is. Connections die before, while and after a point is taken; receivers that follow the rule of
// docs/battery-publish.md have every point exactly once.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "components/battery_publish/battery_publish.h"
#include "support/fake_disk.h"
#include "support/mqtt_packet.h"
#include "support/rng.h"
#include "support/route_play.h"
#include "support/test_memory.h"

#define HTTP NH_BATTERY_SINK_HTTP
#define MQTT NH_BATTERY_SINK_MQTT
#define INFLUX NH_BATTERY_SINK_INFLUX
#define BIT(n) (1u << (n))
#define SEQ_MAX_COUNT 4096
#define UNIX_MS 1750000000000

// What becomes of an attempt.
enum fate {
    ANSWERS,         // with `status`
    DIES_UNHEARD,    // the connection is gone before the point is
    DIES_UNANSWERED, // the point was taken, the answer is lost
    HANGS,
};

struct nh_http_request {
    struct nh_http_request_config cfg;
    char url[256], headers[256], body[4096];
    bool is_used;
};

// A receiver: the highest number that it has of each boot, and how often it stored which.
struct receiver {
    uint32_t boot[4], last[4];
    uint8_t stored[4][SEQ_MAX_COUNT];
    unsigned got, doubles;
};

static struct {
    nh_mem_system_t *sys;
    nh_mem_t *mem, *broker_mem;
    nh_sched_t *sched;
    nh_mqtt_broker_t *broker;
    nh_mqtt_local_t *ear;
    struct fake_disk disk;
    nh_store_t *store;
    nh_battery_publish_t *p;
    uint64_t now_ms;
    bool has_no_clock;
    struct rng rng;
    uint32_t random; // the next boot id
    struct nh_battery_snapshot snapshot;
    // HTTP.
    struct nh_http_request request[2];
    enum fate fate; // of what is asked next
    bool is_random; // fates by chance instead
    int status;
    const char *retry_after, *reply;
    struct receiver web, topic;
    unsigned line_count; // of Influx, with repeats
    char last_body[2][4096], last_headers[2][256], last_url[2][256];
    // The other broker.
    struct nh_stream_handler handler;
    bool is_dialed, is_open, is_closing, is_broker_up;
    uint8_t in[4096];
    size_t in_len;
    uint16_t packet_id; // of the last point
    // What the own broker's subscriber heard.
    char heard[256], report[512];
    unsigned heard_count, report_count;
} t;

// ---- the platform's side ------------------------------------------------------------------------

// Streams: one connection to one broker.
struct nh_stream {
    int unused;
};
static struct nh_stream the_stream;

int nh_stream_set_create(const struct nh_stream_set_config *cfg, nh_stream_set_t **out)
{
    void *memory = nh_mem_alloc(cfg->mem, 64, NH_MEM_BULK); // so that it can fail
    if (!memory)
        return NH_ERR_NOMEM;
    t.handler = cfg->handler;
    *out = memory;
    return 0;
}

static void hang_up(void)
{
    if (!t.is_open && !t.is_dialed)
        return;
    t.is_open = t.is_dialed = t.is_closing = false;
    t.in_len = 0;
    t.handler.closed(t.handler.ctx, &the_stream, NH_ERR_CLOSED);
}

void nh_stream_set_destroy(nh_stream_set_t *set)
{
    hang_up();
    nh_mem_free(t.mem, set);
}

int nh_stream_connect(nh_stream_set_t *set, const struct nh_stream_connect_config *cfg,
                      nh_stream_t **out)
{
    (void)set;
    assert_string_equal(cfg->host, "broker.example");
    assert_int_equal(cfg->port, 1884);
    t.is_dialed = true;
    *out = &the_stream;
    return 0;
}

void nh_stream_dirty(nh_stream_t *s)
{
    (void)s; // the test looks at the output anyway
}

void nh_stream_close(nh_stream_t *s, bool drain)
{
    (void)s;
    (void)drain;
    t.is_closing = true; // told in the test's next turn
}

const char *nh_stream_reason(const nh_stream_t *s)
{
    (void)s;
    return "the line broke";
}

// An HTTP client: requests that wait for http_turn().
int nh_http_request_start(nh_http_client_t *c, const struct nh_http_request_config *cfg,
                          nh_http_request_t **out)
{
    struct nh_http_request *r = t.request[0].is_used ? &t.request[1] : &t.request[0];
    assert_non_null(c);
    assert_false(r->is_used);
    *out = NULL;
    void *memory = nh_mem_alloc(t.mem, 64, NH_MEM_BULK); // as the client does, so that it can fail
    if (!memory)
        return NH_ERR_NOMEM;
    nh_mem_free(t.mem, memory);
    r->cfg = *cfg;
    r->is_used = true;
    r->headers[0] = '\0';
    snprintf(r->url, sizeof r->url, "%s", cfg->url);
    for (size_t i = 0; i < cfg->header_count; i++)
        snprintf(r->headers + strlen(r->headers), sizeof r->headers - strlen(r->headers),
                 "%s: %s\n", cfg->headers[i].name, cfg->headers[i].value);
    assert_string_equal(cfg->method, "POST");
    assert_true(cfg->body_bytes < sizeof r->body);
    memcpy(r->body, cfg->body, cfg->body_bytes);
    r->body[cfg->body_bytes] = '\0';
    *out = r;
    return 0;
}

void nh_http_request_cancel(nh_http_request_t *r)
{
    assert_true(r->is_used);
    r->is_used = false;
}

const char *nh_http_reply_header(const nh_http_request_t *r, const char *name)
{
    (void)r;
    return strcmp(name, "retry-after") == 0 ? t.retry_after : NULL;
}

const char *nh_http_request_reason(const nh_http_request_t *r)
{
    (void)r;
    return "Connection reset by peer";
}

// ---- receivers ----------------------------------------------------------------------------------

// The rule: of each boot the highest number counts.
static void receive(struct receiver *r, uint32_t boot, uint32_t seq)
{
    size_t i = 0;
    assert_in_range(seq, 1, SEQ_MAX_COUNT - 1);
    while (i < 4 && r->boot[i] && r->boot[i] != boot)
        i++;
    assert_true(i < 4);
    r->boot[i] = boot;
    if (seq <= r->last[i]) {
        r->doubles++;
        return;
    }
    r->last[i] = seq;
    r->stored[i][seq]++;
    r->got++;
}

static uint32_t number_behind(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    assert_non_null(at);
    return (uint32_t)strtoul(at + strlen(key), NULL, 10);
}

static bool is_influx(const struct nh_http_request *r)
{
    return strstr(r->url, "/api/v2/write") != NULL;
}

static void take_post(const struct nh_http_request *r)
{
    size_t which = is_influx(r);
    memcpy(t.last_body[which], r->body, sizeof r->body);
    memcpy(t.last_headers[which], r->headers, sizeof r->headers);
    memcpy(t.last_url[which], r->url, sizeof r->url);
    if (which == 0)
        receive(&t.web, number_behind(r->body, "\"boot\":"), number_behind(r->body, "\"seq\":"));
    for (const char *c = r->body; which && *c; c++)
        t.line_count += *c == '\n';
}

static enum fate next_fate(void)
{
    return t.is_random ? (enum fate)rng_below(&t.rng, 4) : t.fate;
}

static void end_request(struct nh_http_request *r, int err)
{
    r->is_used = false;
    r->cfg.handler.on_end(r->cfg.handler.ctx, r, err);
}

static void answer_request(struct nh_http_request *r)
{
    const struct nh_http_reply_head head = {t.status, -1};
    take_post(r);
    int rc = r->cfg.handler.on_head(r->cfg.handler.ctx, r, &head);
    if (rc == 0 && t.reply) // in two pieces
        for (size_t at = 0, half = strlen(t.reply) / 2, i = 0; rc == 0 && i < 2; i++) {
            size_t len = i == 0 ? half : strlen(t.reply) - half;
            rc = r->cfg.handler.on_body(r->cfg.handler.ctx, r, (const uint8_t *)t.reply + at, len);
            at += len;
        }
    end_request(r, NH_OK);
}

static void http_turn(void)
{
    for (size_t i = 0; i < 2; i++) {
        struct nh_http_request *r = &t.request[i];
        enum fate fate = next_fate();
        if (!r->is_used || fate == HANGS)
            continue;
        if (fate == ANSWERS) {
            answer_request(r);
            continue;
        }
        if (fate == DIES_UNANSWERED)
            take_post(r);
        end_request(r, NH_ERR_CLOSED);
    }
}

// ---- the other broker ---------------------------------------------------------------------------

static void broker_says(const void *bytes, size_t len)
{
    assert_int_equal(t.handler.input(t.handler.ctx, &the_stream, bytes, len), 0);
}

static void broker_takes(const struct any_packet *p)
{
    char text[512];
    const uint8_t ack[] = {0x40, 2, (uint8_t)(p->publish.packet_id >> 8),
                           (uint8_t)p->publish.packet_id};
    enum fate fate = next_fate();
    if (fate == DIES_UNHEARD) {
        hang_up();
        return;
    }
    snprintf(text, sizeof text, "%.*s", (int)p->publish.payload.len,
             (const char *)p->publish.payload.ptr);
    if (p->publish.qos == 0) {
        snprintf(t.report, sizeof t.report, "%s", text);
        t.report_count++;
        return;
    }
    t.packet_id = p->publish.packet_id;
    receive(&t.topic, number_behind(text, "boot="), number_behind(text, "seq="));
    if (fate == DIES_UNANSWERED)
        hang_up();
    else if (fate == ANSWERS)
        broker_says(ack, sizeof ack);
}

static void broker_hears(void)
{
    struct any_packet p;
    for (size_t len = 2; t.is_open && len <= t.in_len; len++) {
        int rc = any_decode(4, NH_MQTT__FROM_CLIENT, t.in, len, &p);
        if (rc == NH_ERR_AGAIN)
            continue;
        assert_int_equal(rc, 0);
        if (p.type == NH_MQTT__CONNECT)
            broker_says("\x20\x02\x00\x00", 4);
        else if (p.type == NH_MQTT__PUBLISH)
            broker_takes(&p);
        else if (p.type == NH_MQTT__PINGREQ)
            broker_says("\xD0\x00", 2);
        if (!t.is_open)
            return;
        memmove(t.in, t.in + len, t.in_len - len);
        t.in_len -= len;
        len = 1;
    }
}

static void broker_turn(void)
{
    if (t.is_closing || (t.is_dialed && !t.is_broker_up)) {
        hang_up();
        return;
    }
    if (t.is_dialed) {
        t.is_dialed = false;
        t.is_open = true;
        assert_int_equal(t.handler.open(t.handler.ctx, &the_stream), 0);
    }
    struct nh_iov iov;
    while (t.is_open && t.handler.output(t.handler.ctx, &the_stream, &iov, 1) == 1) {
        assert_true(t.in_len + iov.len <= sizeof t.in);
        memcpy(t.in + t.in_len, iov.ptr, iov.len);
        t.in_len += iov.len;
        t.handler.sent(t.handler.ctx, &the_stream, iov.len);
        broker_hears();
    }
}

static void on_message(void *ctx, const struct nh_mqtt_message *m)
{
    (void)ctx;
    if (m->topic.len > 7 && memcmp(m->topic.ptr + m->topic.len - 7, "/status", 7) == 0) {
        snprintf(t.report, sizeof t.report, "%.*s", (int)m->payload.len,
                 (const char *)m->payload.ptr);
        t.report_count++;
        return;
    }
    assert_int_equal(m->qos, 1);
    assert_false(m->retain);
    snprintf(t.heard, sizeof t.heard, "%.*s=%.*s", (int)m->topic.len, (const char *)m->topic.ptr,
             (int)m->payload.len, (const char *)m->payload.ptr);
    t.heard_count++;
}

// ---- the hub's side -----------------------------------------------------------------------------

static void on_read(void *ctx, struct nh_battery_snapshot *out)
{
    (void)ctx;
    *out = t.snapshot;
}

static uint64_t on_clock(void)
{
    return t.now_ms;
}

static int64_t on_unix(void)
{
    return t.has_no_clock ? 5000 : UNIX_MS + (int64_t)t.now_ms;
}

static uint32_t on_random(void)
{
    return t.random++;
}

static struct nh_battery_publish_config config(uint8_t sinks, bool is_remote)
{
    struct nh_battery_publish_config c = {.mem = t.mem,
                                          .sched = t.sched,
                                          .device = "attic",
                                          .ring_count = 2048, // more than any test makes
                                          .http = (nh_http_client_t *)(void *)&t,
                                          .http_token = "s3cret",
                                          .influx_token = "t0ken",
                                          .broker = t.broker,
                                          .status_ms = 60000,
                                          .store = t.store,
                                          .read = on_read,
                                          .clock_ms = on_clock,
                                          .clock_unix_ms = on_unix,
                                          .random_u32 = on_random};
    c.http_url = sinks & BIT(HTTP) ? "http://web.example:81" : "";
    c.mqtt_topic = sinks & BIT(MQTT) ? "tinybms/telemetry" : NULL;
    c.influx_url = sinks & BIT(INFLUX) ? "http://db.example:8086?org=o&bucket=b" : NULL;
    if (is_remote)
        c.remote = (struct nh_battery_publish_broker){
            .host = "broker.example", .port = 1884, .address = "broker.example:1884"};
    return c;
}

static int begin(uint8_t sinks, bool is_remote)
{
    const struct nh_battery_publish_config c = config(sinks, is_remote);
    int err = nh_battery_publish_create(&c, &t.p);
    return err < 0 ? err : nh_battery_publish_start(t.p);
}

static void end(void)
{
    nh_battery_publish_destroy(t.p);
    t.p = NULL;
    for (size_t i = 0; i < 2; i++)
        assert_false(t.request[i].is_used);
    t.is_open = t.is_dialed = false;
}

static void run_for(uint64_t ms)
{
    uint64_t end_ms = t.now_ms + ms;
    for (;;) {
        http_turn();
        broker_turn();
        uint64_t next = nh_sched_next_deadline(t.sched);
        if (next > end_ms)
            break;
        t.now_ms = next > t.now_ms ? next : t.now_ms;
        nh_sched_run(t.sched, t.now_ms);
    }
    t.now_ms = end_ms;
}

static struct nh_battery_publish_metrics metrics(void)
{
    struct nh_battery_publish_metrics m;
    nh_battery_publish_metrics(t.p, &m);
    return m;
}

static void make_broker(void)
{
    const struct nh_mqtt_broker_config cfg = {.mem = t.broker_mem};
    assert_int_equal(nh_mqtt_broker_create(&cfg, &t.broker), 0);
    assert_int_equal(nh_mqtt_local_subscribe(t.broker, "tinybms/#", on_message, NULL, &t.ear), 0);
}

static int setup(void **state)
{
    struct nh_mem_system_config cfg = {0};
    (void)state;
    memset(&t, 0, sizeof t);
    for (int i = 0; i < NH_MEM_TIER_COUNT; i++)
        cfg.region[i].base = nh_test_region((enum nh_mem_tier)i, &cfg.region[i].size_bytes);
    assert_int_equal(nh_mem_system_create(&cfg, &t.sys), 0);
    assert_int_equal(nh_mem_owner_add(t.sys, "publish", NULL, &t.mem), 0);
    assert_int_equal(nh_mem_owner_add(t.sys, "broker", NULL, &t.broker_mem), 0);
    const struct nh_sched_config sched = {.mem = t.broker_mem};
    assert_int_equal(nh_sched_create(&sched, &t.sched), 0);
    make_broker();
    t.now_ms = 1000;
    t.random = 100;
    t.status = 204;
    t.is_broker_up = true;
    t.rng.state = 7;
    t.snapshot = (struct nh_battery_snapshot){.valid = BIT(NH_BATTERY_VOLTAGE) |
                                                       BIT(NH_BATTERY_SOC) | BIT(NH_BATTERY_CYCLES),
                                              .v = {.voltage_mv = 42917, .soc_mpct = 73255}};
    return 0;
}

static void leak(void *ctx, const char *owner, enum nh_mem_tier tier, size_t bytes, size_t blocks)
{
    (void)ctx;
    fail_msg("%s holds %u bytes in %u blocks of tier %d", owner, (unsigned)bytes, (unsigned)blocks,
             (int)tier);
}

static int teardown(void **state)
{
    (void)state;
    nh_mem_fault_set(t.sys, NULL);
    end();
    nh_store_destroy(t.store);
    nh_mqtt_local_unsubscribe(t.broker, t.ear);
    nh_mqtt_broker_destroy(t.broker);
    nh_sched_destroy(t.sched);
    assert_int_equal(nh_mem_system_destroy(t.sys, leak, NULL), 0);
    return 0;
}

// ---- what goes out ------------------------------------------------------------------------------

static void test_every_sink(void **state)
{
    (void)state;
    assert_int_equal(begin(7, false), 0);
    run_for(4000);
    assert_string_equal(t.last_url[0], "http://web.example:81/api/telemetry/local");
    assert_string_equal(t.last_headers[0], "Content-Type: application/json\n"
                                           "Authorization: Bearer s3cret\n"
                                           "Idempotency-Key: 100-1\n");
    assert_string_equal(t.last_body[0],
                        "{\"ts_ms\":1750000001000,\"soc\":73.26,\"soh\":null,\"voltage_v\":42.917,"
                        "\"current_a\":null,\"power_w\":null,\"temperature_c\":null,"
                        "\"cell_min_mv\":null,\"cell_max_mv\":null,\"cell_delta_mv\":null,"
                        "\"device\":\"attic\",\"boot\":100,\"seq\":1,\"uptime_ms\":1000}");
    assert_string_equal(t.last_url[1],
                        "http://db.example:8086/api/v2/write?org=o&bucket=b&precision=ms");
    assert_string_equal(t.last_headers[1], "Content-Type: text/plain; charset=utf-8\n"
                                           "Authorization: Token t0ken\n");
    assert_string_equal(t.last_body[1],
                        "battery,device=attic soc=73.255,voltage_v=42.917,boot=100i,seq=1i "
                        "1750000001000\n");
    assert_string_equal(t.heard, "tinybms/telemetry=ts_ms=1750000001000 soc=73.26 "
                                 "voltage_v=42.917 boot=100 seq=1");
    run_for(60000);
    struct nh_battery_publish_metrics m = metrics();
    assert_int_equal(m.produced, 13);
    assert_int_equal(m.published_points, 13);
    assert_int_equal(t.web.got, 13);
    assert_int_equal(t.heard_count, 13);
    assert_int_equal(t.line_count, 13);
    assert_int_equal(m.publish_errors, 0);
}

static void test_authorization(void **state)
{
    static const struct {
        const char *user, *token, *want;
    } rows[] = {{NULL, "", ""},
                {NULL, "t", "Authorization: Bearer t\n"},
                {"", "t", "Authorization: Bearer t\n"},
                {"Aladdin", "open sesame", "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\n"},
                {"Aladdin", "", ""}};
    char want[128];
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_battery_publish_config c = config(BIT(HTTP), false);
        c.http_user = rows[i].user;
        c.http_token = rows[i].token;
        t.random = 100;
        t.web = (struct receiver){0};
        assert_int_equal(nh_battery_publish_create(&c, &t.p), 0);
        assert_int_equal(nh_battery_publish_start(t.p), 0);
        run_for(0);
        snprintf(want, sizeof want, "Content-Type: application/json\n%sIdempotency-Key: %u-1\n",
                 rows[i].want, 100u);
        assert_string_equal(t.last_headers[0], want);
        end();
    }
}

static void test_report(void **state)
{
    (void)state;
    t.fate = HANGS;
    assert_int_equal(begin(BIT(HTTP) | BIT(MQTT), false), 0);
    run_for(59000);
    assert_int_equal(t.report_count, 0);
    run_for(1000);
    assert_int_equal(t.report_count, 1);
    assert_string_equal(t.report, "{\"uptime_ms\":61000,\"log_used\":13,\"log_capacity\":2048,"
                                  "\"event_published\":0,\"telemetry_backlog\":0,"
                                  "\"last_sync_ms\":61000,\"publish_errors\":2}");
    run_for(120000);
    assert_int_equal(t.report_count, 3);
}

// ---- answers ------------------------------------------------------------------------------------

static void ask(char *out, size_t cap)
{
    struct route_play p;
    const struct nh_route_table routes = nh_battery_publish_routes(t.p);
    route_begin(&p, &routes, t.broker_mem, "GET", "/api/battery/publish", NULL);
    assert_int_equal(route_finish(&p), 200);
    route_read(&p, out, cap, 512);
    route_end(&p);
}

static void test_only_2xx_is_success(void **state)
{
    static const int rows[] = {200, 201, 204, 299, 300, 302, 304,
                               400, 401, 404, 413, 429, 500, 503};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        bool is_success = rows[i] < 300;
        t.web = (struct receiver){0};
        t.status = rows[i];
        t.reply = "{\"code\":\"un\nauthorized\"}";
        assert_int_equal(begin(BIT(HTTP) | BIT(INFLUX), false), 0);
        run_for(100);
        for (int sink = HTTP; sink <= INFLUX; sink += INFLUX - HTTP) {
            assert_int_equal(metrics().sink[sink].delivered, is_success);
            assert_int_equal(metrics().sink[sink].pending, !is_success);
            assert_int_equal(metrics().sink[sink].errors, !is_success);
        }
        assert_int_equal(metrics().published_points, is_success);
        if (rows[i] == 401) {
            char json[4096];
            ask(json, sizeof json);
            assert_non_null(strstr(json, "\"reason\":\"status 401: {\\\"code\\\":\\\"un "
                                         "authorized\\\"}\""));
            assert_non_null(strstr(json, "\"online\":false"));
        }
        end();
    }
}

static void test_retry_after(void **state)
{
    static const struct {
        const char *text;
        uint64_t low, high;
    } rows[] = {{NULL, 500, 1000},
                {"7", 7000, 7000},
                {"0", 500, 1000},
                {"86401", 60000, 60000},
                {"-3", 500, 1000},
                {"7 s", 500, 1000},
                {"Wed, 21 Oct 2015 07:28:00 GMT", 500, 1000},
                {"99999999999999999999", 60000, 60000}};
    (void)state;
    t.status = 503;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        t.retry_after = rows[i].text;
        t.web = (struct receiver){0};
        assert_int_equal(begin(BIT(HTTP), false), 0);
        run_for(0);
        assert_in_range(metrics().sink[HTTP].next_try_ms - t.now_ms, rows[i].low, rows[i].high);
        end();
    }
}

// An older InfluxDB, and many a collector, has its password in the address: it goes there and is
// shown to nobody.
static void test_secrets_of_an_address(void **state)
{
    struct nh_battery_publish_config c = config(BIT(HTTP) | BIT(INFLUX), false);
    char json[4096];
    (void)state;
    c.influx_url = "http://db.example:8086/api/v2/write?db=home&u=me&p=hunter2";
    c.http_url = "http://web.example:81/in?key=hunter2";
    assert_int_equal(nh_battery_publish_create(&c, &t.p), 0);
    assert_int_equal(nh_battery_publish_start(t.p), 0);
    run_for(100);
    ask(json, sizeof json);
    assert_non_null(strstr(json, "\"http://db.example:8086/api/v2/write?db=home&u=***&p=***&"
                                 "precision=ms\""));
    assert_non_null(strstr(json, "\"http://web.example:81/in?key=***\""));
    assert_null(strstr(json, "hunter2"));
}

// Not before the broker has it.
static void test_puback(void **state)
{
    (void)state;
    t.fate = HANGS;
    assert_int_equal(begin(BIT(MQTT), true), 0);
    run_for(19000);
    assert_int_equal(t.topic.got, 1);
    assert_int_equal(metrics().sink[MQTT].delivered, 0);
    assert_true(metrics().sink[MQTT].is_online);
    run_for(10000); // no answer: said again, a double there
    assert_int_equal(metrics().sink[MQTT].errors, 1);
    assert_int_equal(t.topic.doubles, 1);
    t.fate = ANSWERS;
    run_for(60000);
    assert_int_equal(metrics().sink[MQTT].pending, 0);
    assert_int_equal(t.topic.got, metrics().sink[MQTT].delivered);
    assert_int_equal(t.report_count, 1);
}

// An answer to an attempt that was given up says nothing of the point that is under way now.
static void test_late_puback(void **state)
{
    (void)state;
    t.fate = HANGS;
    assert_int_equal(begin(BIT(MQTT), true), 0);
    run_for(1000);
    const uint8_t late[] = {0x40, 2, (uint8_t)(t.packet_id >> 8), (uint8_t)t.packet_id};
    run_for(21000); // given up, and said again
    assert_int_equal(metrics().sink[MQTT].errors, 1);
    const uint8_t answer[] = {0x40, 2, (uint8_t)(t.packet_id >> 8), (uint8_t)t.packet_id};
    broker_says(answer, sizeof answer);
    assert_int_equal(metrics().sink[MQTT].delivered, 1);
    run_for(1000); // the second point is under way
    assert_int_equal(t.topic.last[0], 2);
    broker_says(late, sizeof late);
    broker_says(answer, sizeof answer);
    assert_int_equal(metrics().sink[MQTT].delivered, 1);
}

static void test_broker_away(void **state)
{
    char json[4096];
    (void)state;
    t.is_broker_up = false;
    assert_int_equal(begin(BIT(MQTT), true), 0);
    run_for(100000);
    assert_int_equal(metrics().sink[MQTT].pending, 21);
    assert_int_equal(metrics().sink[MQTT].errors, 0); // the connection's failures are its own
    assert_int_equal(metrics().oldest_age_ms, 100000);
    ask(json, sizeof json);
    assert_non_null(strstr(json, "\"reason\":\"the line broke\""));
    assert_non_null(strstr(json, "\"address\":\"broker.example:1884\""));
    t.is_broker_up = true;
    run_for(70000);
    assert_int_equal(metrics().sink[MQTT].pending, 0);
    assert_int_equal(t.topic.got, metrics().produced);
    assert_int_equal(t.topic.doubles, 0);
    // Away again: nothing is tried without a connection.
    t.is_broker_up = false;
    hang_up();
    run_for(30000);
    assert_false(metrics().sink[MQTT].is_online);
    assert_int_equal(metrics().sink[MQTT].errors, 0);
    assert_in_range(metrics().sink[MQTT].pending, 5, 7);
}

// ---- exactly once -------------------------------------------------------------------------------

static void check_once(const struct receiver *r, size_t boot, uint64_t count)
{
    for (uint64_t seq = 1; seq <= count; seq++)
        assert_int_equal(r->stored[boot][seq], 1);
}

// Two hours in which every connection may die at every moment.
static void test_exactly_once_over_killed_connections(void **state)
{
    (void)state;
    t.is_random = true;
    assert_int_equal(begin(BIT(HTTP) | BIT(MQTT), true), 0);
    for (int minute = 0; minute < 120; minute++) {
        run_for(60000);
        if (rng_below(&t.rng, 3) == 0)
            hang_up();
        t.is_broker_up = rng_below(&t.rng, 4) > 0;
    }
    t.is_random = false;
    t.is_broker_up = true;
    run_for(600000);
    struct nh_battery_publish_metrics m = metrics();
    assert_true(m.produced >= 1550);
    for (int sink = HTTP; sink <= MQTT; sink++) {
        assert_int_equal(m.sink[sink].pending, 0);
        assert_int_equal(m.sink[sink].dropped, 0);
        assert_int_equal(m.sink[sink].delivered, m.produced);
    }
    check_once(&t.web, 0, m.produced);
    check_once(&t.topic, 0, m.produced);
    assert_int_equal(t.web.got, m.produced);
    assert_int_equal(t.topic.got, m.produced);
    assert_true(t.web.doubles > 20 && t.topic.doubles > 20);
    print_message("%u points; doubles dropped: %u by HTTP, %u by MQTT\n", (unsigned)m.produced,
                  t.web.doubles, t.topic.doubles);
}

static void make_store(void)
{
    const struct nh_store_config cfg = {
        .mem = t.broker_mem, .fs = fake_disk_fs(&t.disk), .dir = "points", .keep_count = 1};
    assert_int_equal(nh_store_create(&cfg, &t.store), 0);
}

// The same over lives of the program that end in order, each with a boot id of its own.
static void test_exactly_once_over_lives(void **state)
{
    uint64_t produced[3];
    char json[4096];
    (void)state;
    fake_disk_init(&t.disk);
    make_store();
    t.fate = DIES_UNANSWERED;
    for (int life = 0; life < 3; life++) {
        t.fate = life < 2 ? DIES_UNANSWERED : ANSWERS;
        assert_int_equal(begin(BIT(HTTP), false), 0);
        run_for(life < 2 ? 47000 : 100000);
        produced[life] = metrics().produced;
        if (life == 2) {
            assert_int_equal(metrics().restored, produced[0] + produced[1]);
            assert_int_equal(metrics().sink[HTTP].pending, 0);
            ask(json, sizeof json);
            assert_non_null(strstr(json, "\"flash\":{\"points\":"));
        }
        end();
    }
    for (size_t boot = 0; boot < 3; boot++)
        check_once(&t.web, boot, produced[boot]);
    assert_int_equal(t.web.got, produced[0] + produced[1] + produced[2]);
    assert_true(t.web.doubles > 10);
}

// ---- the clock ----------------------------------------------------------------------------------

static void test_no_clock_yet(void **state)
{
    (void)state;
    t.has_no_clock = true;
    assert_int_equal(begin(BIT(HTTP) | BIT(INFLUX), false), 0);
    run_for(9000);
    assert_int_equal(t.web.got, 2);
    assert_non_null(strstr(t.last_body[0], "{\"ts_ms\":null,"));
    assert_int_equal(t.line_count, 0);
    t.has_no_clock = false;
    run_for(5000);
    assert_int_equal(t.line_count, 3);
    assert_non_null(strstr(t.last_body[1], "seq=1i 1750000001000\n"));
    assert_non_null(strstr(t.last_body[1], "seq=3i 1750000011000\n"));
}

// ---- limits -------------------------------------------------------------------------------------

static void test_wrong_config(void **state)
{
    struct nh_battery_publish_config c = config(0, false);
    (void)state;
    assert_int_equal(nh_battery_publish_create(&c, &t.p), NH_ERR_INVAL);
    c = config(BIT(HTTP), false);
    c.http = NULL;
    assert_int_equal(nh_battery_publish_create(&c, &t.p), NH_ERR_INVAL);
    c = config(BIT(HTTP), false);
    c.http_url = "gopher://x";
    assert_int_equal(nh_battery_publish_create(&c, &t.p), NH_ERR_SYNTAX);
    c = config(BIT(HTTP), false);
    c.period_ms = 1000;
    c.flush_per_s = 1;
    assert_int_equal(nh_battery_publish_create(&c, &t.p), NH_ERR_RANGE);
    char token[300];
    memset(token, 'x', sizeof token - 1);
    token[sizeof token - 1] = '\0';
    c = config(BIT(HTTP), false);
    c.http_token = token;
    assert_int_equal(nh_battery_publish_create(&c, &t.p), NH_ERR_TOO_LONG);
    c.http_user = "u"; // as base64 it is longer than that
    token[200] = '\0';
    assert_int_equal(nh_battery_publish_create(&c, &t.p), NH_ERR_TOO_LONG);
    c = config(BIT(MQTT), true);
    c.mqtt_topic = token;
    assert_int_equal(nh_battery_publish_create(&c, &t.p), NH_ERR_TOO_LONG);
    assert_null(t.p);
}

static void nothing(void *ctx, nh_timer_t *timer, uint64_t now_ms)
{
    (void)ctx;
    (void)timer;
    (void)now_ms;
}

// Its place among the timers is its own, also when all others are taken.
static void test_no_timer_is_free(void **state)
{
    nh_timer_t others[5];
    const struct nh_sched_config tight = {.mem = t.broker_mem, .timer_max_count = 3};
    nh_sched_t *sched;
    (void)state;
    nh_sched_destroy(t.sched);
    assert_int_equal(nh_sched_create(&tight, &sched), 0);
    t.sched = sched;
    assert_int_equal(begin(BIT(HTTP), false), 0);
    for (int i = 0; i < 5; i++) {
        others[i] = (nh_timer_t){.fire = nothing};
        assert_int_equal(nh_timer_arm(t.sched, &others[i], NH_NEVER - 1, 0),
                         i < 2 ? 0 : NH_ERR_FULL);
    }
    run_for(100000);
    assert_int_equal(metrics().sink[HTTP].delivered, 21);
    nh_timer_cancel(t.sched, &others[0]);
    nh_timer_cancel(t.sched, &others[1]);
}

static uint64_t allocations(const char *owner)
{
    struct nh_mem_owner_info info;
    for (size_t i = 0; nh_mem_owner_info(t.sys, i, &info) == 0; i++)
        if (strcmp(info.name, owner) == 0)
            return info.tier[NH_MEM_PSRAM].alloc_count + info.tier[NH_MEM_INTERNAL].alloc_count;
    return 0;
}

// What a request of the HTTP client takes is its own: the fake one counts one for each.
static void test_no_allocation_for_a_point(void **state)
{
    (void)state;
    assert_int_equal(begin(7, true), 0);
    run_for(60000);
    uint64_t before = allocations("publish"), requests = t.web.got + t.line_count;
    run_for(600000);
    assert_int_equal(allocations("publish") - before, t.web.got + t.line_count - requests);
    struct nh_mem_owner_info info;
    for (size_t i = 0; nh_mem_owner_info(t.sys, i, &info) == 0; i++)
        if (strcmp(info.name, "publish") == 0) {
            assert_int_equal(info.tier[NH_MEM_INTERNAL].current_bytes, 0);
            print_message("%u bytes for a ring of 2048 and three sinks\n",
                          (unsigned)info.tier[NH_MEM_PSRAM].current_bytes);
        }
}

static void test_each_allocation_fails(void **state)
{
    int err = NH_ERR_NOMEM;
    (void)state;
    fake_disk_init(&t.disk);
    make_store();
    for (uint64_t n = 1; err == NH_ERR_NOMEM; n++) {
        nh_mem_fault_set(t.sys, &(struct nh_mem_fault){.fail_nth = n, .only_owner = t.mem});
        err = begin(7, true);
        assert_true(err == NH_ERR_NOMEM || (err == 0 && n > 7));
    }
    // And now and then while it runs: an attempt fails, no point is lost.
    nh_mem_fault_set(t.sys, &(struct nh_mem_fault){.fail_per_million = 300000, .seed = 3});
    run_for(600000);
    nh_mem_fault_set(t.sys, NULL);
    run_for(120000);
    struct nh_battery_publish_metrics m = metrics();
    assert_true(m.sink[HTTP].errors > 10);
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++) {
        assert_int_equal(m.sink[i].delivered, m.produced);
        assert_int_equal(m.sink[i].dropped, 0);
    }
    check_once(&t.web, 0, m.produced);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_every_sink),
        T(test_authorization),
        T(test_report),
        T(test_only_2xx_is_success),
        T(test_retry_after),
        T(test_secrets_of_an_address),
        T(test_puback),
        T(test_late_puback),
        T(test_broker_away),
        T(test_exactly_once_over_killed_connections),
        T(test_exactly_once_over_lives),
        T(test_no_clock_yet),
        T(test_wrong_config),
        T(test_no_timer_is_free),
        T(test_no_allocation_for_a_point),
        T(test_each_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
