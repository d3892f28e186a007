// What the routes about the pack say, and its part of the feed.

#include "linux_fixture.h"

#include "components/battery/battery_pack_state.h"
#include "core/json/json.h"
#include "support/route_play.h"
#include "unit/battery_values.h"

#include <string.h>

static struct linux_fixture fx;
static nh_mem_t *mem;
static nh_battery_t *b;
static struct nh_route_table routes;
static char reply[512 * 1024];

static int setup(void **state)
{
    (void)state;
    fixture_start(&fx);
    assert_int_equal(nh_mem_owner_add(fx.sys, "battery", NULL, &mem), 0);
    const struct nh_battery_config cfg = {
        .mem = mem, .sys = fx.sys, .path = "", .mode = NH_BATTERY_AUTO};
    assert_int_equal(nh_battery_create(&cfg, &b), 0);
    routes = nh_battery_routes(b);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_battery_destroy(b);
    fixture_stop(&fx);
    return 0;
}

// ---- asking ------------------------------------------------------------------------------------

static void assert_is_json(const char *text, size_t len)
{
    nh_json_reader_t r;
    char buf[256];
    int event;
    nh_json_reader_init(&r, &(struct nh_json_reader_config){buf, sizeof buf, 0, true});
    nh_json_feed(&r, text, len, true);
    while ((event = nh_json_next(&r)) > 0 && event != NH_JSON_DONE)
        ;
    if (event != NH_JSON_DONE)
        fail_msg("no JSON: %.2000s", text);
}

static int ask(const char *method, const char *path, const char *query, const char *body)
{
    int status = route_ask(&routes, mem, method, path, query, body, reply, sizeof reply);
    if (reply[0] == '{')
        assert_is_json(reply, strlen(reply));
    return status;
}

static int get(const char *path)
{
    return ask("GET", path, NULL, NULL);
}

static void assert_says(const char *part)
{
    if (!strstr(reply, part))
        fail_msg("no %s in %s", part, reply);
}

static nh_battery__pack_t *pack(void)
{
    return nh_battery__pack_of(b);
}

static struct nh_battery_candidate candidate(void)
{
    return pack_candidate(NH_BATTERY_FROM_LOCAL, nh_battery__pack_generation(pack()),
                          nh_clock_ms());
}

static void offer(const struct nh_battery_candidate *c)
{
    nh_battery_offer(b, c);
}

// ---- /api/battery ------------------------------------------------------------------------------

static void test_nothing_is_known_at_first(void **state)
{
    (void)state;
    assert_int_equal(get("/api/battery"), 200);
    assert_says("\"mode\":\"auto\",\"source\":\"nobody\",\"generation\":1");
    assert_says("\"age_ms\":null");
    assert_says("\"voltage_v\":null");
    assert_says("\"status\":null");
    assert_says("\"time_to_full_s\":null");
    assert_says("\"limits\":null,\"counters\":null,\"version\":null");
    assert_says("\"soc\":{\"source\":\"nobody\",\"age_ms\":null,\"stale\":false}");
    assert_says("\"cells\":{\"count\":0,\"mv\":[],");
    assert_says("\"alarms\":{\"active\":0,\"unacknowledged\":0,\"worst\":null}");
    assert_says("\"line\":{");
    assert_says("\"model\":{\"offered\":0,\"stale_dropped\":0,");
}

// The first "age_ms" behind `part` of the reply.
static long long age_behind(const char *part)
{
    const char *at = strstr(reply, part);
    assert_non_null(at);
    at = strstr(at, "\"age_ms\":");
    assert_non_null(at);
    return strtoll(at + 9, NULL, 10);
}

// What was stored is as old as its measurement, not as the start; not known without a clock.
static void test_the_age_of_what_was_stored(void **state)
{
    struct nh_battery_candidate c = candidate();
    (void)state;
    c.source = NH_BATTERY_FROM_STORE;
    c.stored_unix_ms = nh_clock_unix_ms() - 86400000;
    offer(&c);
    assert_int_equal(get("/api/battery"), 200);
    assert_says("\"source\":\"store\"");
    assert_true(age_behind("\"mode\"") >= 86400000);
    assert_true(age_behind("\"fields\":{\"soc\"") >= 86400000);
    c.stored_unix_ms = 0;
    offer(&c);
    assert_int_equal(get("/api/battery"), 200);
    assert_says("\"soc\":{\"source\":\"store\",\"age_ms\":null,\"stale\":true}");
}

static void test_a_pack_in_words(void **state)
{
    (void)state;
    struct nh_battery_candidate c = candidate();
    c.mask |= BIT(NH_BATTERY_COUNTERS) | BIT(NH_BATTERY_VERSION_INFO);
    c.values.counters = (struct nh_battery_counters){.chargings = 3,
                                                     .max_charge_ma = 12300,
                                                     .max_spread_dmv = 123,
                                                     .last_reset = 5,
                                                     .last_wakeup = 3};
    c.values.hardware = 5;
    c.values.firmware = 10;
    c.values.firmware_internal = 1234;
    c.values.serial[0] = 0xABCD;
    c.values.balancing = 1;
    c.values.balance_wanted = 3;
    offer(&c);
    assert_int_equal(get("/api/battery"), 200);
    assert_says("\"source\":\"local\"");
    assert_says("\"voltage_v\":42.978,\"current_a\":-12.5,\"power_w\":-537.225,\"soc_pct\":73.25,"
                "\"soh_pct\":99.1,\"capacity_ah\":100");
    assert_says("\"status\":\"discharging\"");
    assert_says("\"time_to_empty_s\":21096");
    assert_says("\"temperature_c\":26,\"temp_ext1_c\":25,\"temp_ext2_c\":27,\"temp_bms_c\":30");
    assert_says("\"cells\":{\"count\":13,\"mv\":[3300,3301,3302,");
    assert_says("\"balancing\":[true,false,");
    assert_says("\"wanted\":[true,true,false,");
    assert_says("\"min_mv\":3300,\"max_mv\":3312,\"avg_mv\":3306,\"delta_mv\":12,\"min_at\":1,"
                "\"max_at\":13,\"trend_mv_per_h\":null");
    assert_says("\"limits\":{\"charge_a\":50,\"discharge_a\":100,");
    assert_says("\"max_charge_a\":12.3,\"max_spread_mv\":12.3,\"last_reset\":\"power-on\","
                "\"last_wakeup\":\"uart\"");
    assert_says("\"version\":{\"hardware\":\"5.0\",\"firmware\":\"10\",\"firmware_internal\":1234,"
                "\"bootloader\":0,\"serial\":\"abcd00000000000000000000\"}");
    assert_says("\"cells\":{\"source\":\"local\",\"age_ms\":");
    c = candidate();
    c.values.status = 0x55;
    offer(&c);
    get("/api/battery");
    assert_says("\"status\":\"0x55\"");
}

// The longest that there can be: 32 cells, all of it known, the longest numbers.
static struct nh_battery_candidate longest(void)
{
    struct nh_battery_candidate c = candidate();
    struct nh_battery_values *v = &c.values;
    c.mask = NH_BATTERY__ALL;
    v->cell_count = 32;
    for (unsigned i = 0; i < 32; i++)
        v->cell_dmv[i] = 49999;
    v->voltage_mv = 159987;
    v->current_ma = -1999999;
    v->soc_mpct = v->soh_mpct = 99999;
    v->temp_ext1_mc = v->temp_ext2_mc = v->temp_bms_mc = v->temperature_mc = -49999;
    v->time_left_s = v->lifetime_s = v->cycles_milli = UINT32_MAX;
    v->capacity_mah = 654999;
    memset(&v->counters, 0xFF, sizeof v->counters);
    v->limits = (struct nh_battery_limits){10000, 10000, 10000, 10000, 10000, 10000,
                                           10000, 10000, 10000, -100,  -100};
    memset(v->serial, 0xFF, sizeof v->serial);
    v->hardware = v->hardware_changes = v->firmware = v->bootloader = 255;
    v->firmware_internal = UINT16_MAX;
    v->status = 0xFFFF;
    return c;
}

static void test_every_part_of_the_longest_reply_fits(void **state)
{
    static char other[32768];
    struct route_play p;
    (void)state;
    struct nh_battery_candidate c = longest();
    offer(&c);
    assert_int_equal(get("/api/battery"), 200);
    assert_says("\"count\":32");
    // In parts as small as the portal may ask for them.
    route_begin(&p, &routes, mem, "GET", "/api/battery", NULL);
    assert_int_equal(route_finish(&p), 200);
    size_t len = route_read(&p, other, sizeof other, NH_PRODUCE_MIN_BYTES);
    route_end(&p);
    assert_is_json(other, len);
}

static void test_feed_messages_of_the_longest_pack_fit(void **state)
{
    nh_feed_part_t part;
    uint64_t sent = 0;
    (void)state;
    struct nh_battery_candidate c = longest();
    offer(&c);
    nh_battery_feed_part(b, &part);
    assert_string_equal(part.name, "battery");
    assert_true(part.version(part.ctx) != 0);
    for (unsigned i = 0; i < 2; i++) {
        struct nh_json_buf buf = {reply, 3072, 0};
        nh_json_writer_t w;
        assert_true(part.version(part.ctx) != sent);
        nh_json_writer_init(&w, nh_json_buf_sink, &buf);
        sent = part.write(part.ctx, &w, sent);
        assert_int_equal(nh_json_writer_end(&w), 0);
        reply[buf.len] = '\0';
        assert_is_json(reply, buf.len);
        assert_says(i == 0 ? "\"pack\":{" : "\"counters\":{");
        assert_says(i == 0 ? "\"fields\":{" : "\"line\":{");
    }
    assert_true(part.version(part.ctx) == sent); // nothing more until something differs
    c.values.soc_mpct = 50000;
    c.time_ms = nh_clock_ms();
    offer(&c);
    nh_battery__pack_link(pack(), NH_BATTERY_FROM_LOCAL, true,
                          (struct nh_battery__time){nh_clock_ms(), 0}); // told at once
    assert_true(part.version(part.ctx) != sent);
}

static void test_mode(void **state)
{
    (void)state;
    assert_int_equal(ask("POST", "/api/battery/mode", NULL, "{\"mode\":\"local\"}"), 200);
    assert_says("\"mode\":\"local\"");
    assert_says("\"generation\":2");
    assert_int_equal(ask("POST", "/api/battery/mode", NULL, "{\"mode\":\"both\"}"), 400);
    assert_says("local, remote, auto");
    assert_int_equal(ask("POST", "/api/battery/mode", NULL, "{}"), 400);
    assert_int_equal(ask("POST", "/api/battery/mode", NULL, "{\"mode\":"), 400);
    struct nh_battery_snapshot s;
    nh_battery_read(b, &s);
    assert_int_equal(s.mode, NH_BATTERY_LOCAL);
}

// ---- alarms ------------------------------------------------------------------------------------

static void raise_alarms(void)
{
    struct nh_battery__time t = {1000, INT64_C(1800000000000)};
    uint16_t words[NH_TINYBMS_EVENTS_COUNT] = {0};
    nh_battery__pack_board_log(pack(), words, 1000000, t);
    words[0] = 0x423F;
    words[1] = 0x610F; // system started
    words[2] = 0x423A;
    words[3] = 0x030F; // over-voltage
    nh_battery__pack_board_log(pack(), words, 1000000, t);
}

static void test_alarms_and_acknowledging(void **state)
{
    char body[32];
    (void)state;
    assert_int_equal(get("/api/battery/alarms"), 200);
    assert_string_equal(reply, "{\"active\":[],\"history\":[]}");
    raise_alarms();
    assert_int_equal(get("/api/battery/alarms"), 200);
    assert_says(
        "{\"active\":[{\"id\":1,\"code\":103,\"severity\":\"critical\",\"state\":\"active\","
        "\"source\":\"local\",\"raised_ms\":1799999994000,\"cleared_ms\":null,");
    assert_says("\"history\":[{\"id\":2,\"code\":197,\"severity\":\"info\",\"state\":\"cleared\"");
    assert_int_equal(ask("POST", "/api/battery/alarms/acknowledge", NULL, "{\"id\":77}"), 404);
    assert_says("77");
    assert_int_equal(ask("POST", "/api/battery/alarms/acknowledge", NULL, "{}"), 400);
    assert_int_equal(
        ask("POST", "/api/battery/alarms/acknowledge", NULL, "{\"id\":1,\"all\":true}"), 400);
    snprintf(body, sizeof body, "{\"id\":%u}", (unsigned)pack()->alarms.entry[0].id);
    assert_int_equal(ask("POST", "/api/battery/alarms/acknowledge", NULL, body), 200);
    assert_says("\"state\":\"acknowledged\"");
    assert_int_equal(ask("POST", "/api/battery/alarms/acknowledge", NULL, "{\"all\":true}"), 200);
    get("/api/battery");
    assert_says("\"alarms\":{\"active\":1,\"unacknowledged\":0,\"worst\":\"critical\"}");
}

static void test_a_full_list_of_alarms(void **state)
{
    (void)state;
    nh_battery__alarms_t *a = &pack()->alarms;
    for (a->count = 0; a->count < NH_BATTERY_ALARM_HISTORY_COUNT; a->count++) {
        struct nh_battery_alarm *e = &a->entry[a->count];
        *e = (struct nh_battery_alarm){.id = a->count + 1,
                                       .state = a->count < NH_BATTERY_ALARM_MAX_COUNT
                                                    ? NH_BATTERY_ACTIVE
                                                    : NH_BATTERY_CLEARED};
        memset(e->message, 1, sizeof e->message - 1); // the longest there is in JSON
    }
    assert_int_equal(get("/api/battery/alarms"), 200);
    size_t alarms = 0;
    for (const char *p = reply; (p = strstr(p, "\"code\":")) != NULL; p++)
        alarms++;
    assert_int_equal(alarms, NH_BATTERY_ALARM_HISTORY_COUNT + NH_BATTERY_ALARM_MAX_COUNT);
}

static void test_the_boards_log(void **state)
{
    (void)state;
    assert_int_equal(get("/api/battery/events"), 200);
    assert_string_equal(reply, "{\"clock_s\":null,\"events\":[]}");
    raise_alarms();
    assert_int_equal(get("/api/battery/events"), 200);
    assert_says("\"id\":97,\"text\":\"system started\",\"kind\":\"information\",\"age_s\":1");
    assert_says("\"id\":3,\"text\":\"over-voltage cutoff\",\"kind\":\"fault\"");
}

// ---- history -----------------------------------------------------------------------------------

static void fill_history(void)
{
    int64_t unix_ms = nh_clock_unix_ms();
    uint64_t now_ms = nh_clock_ms();
    struct nh_battery_candidate c = candidate();
    struct nh_battery_snapshot s = {.valid = c.mask | BIT(NH_BATTERY_TEMPERATURE), .v = c.values};
    s.v.temperature_mc = -1500;
    nh_battery__cells_derive(&s);
    // The clock of the samples begins with the process: the last minute is ahead of it.
    for (uint64_t ms = 0; ms < 60000; ms += 1000)
        nh_battery__history_add(&pack()->history, &s, now_ms + ms, unix_ms + (int64_t)ms);
    for (size_t i = 0; i < NH_BATTERY__PACE_COUNT; i++) {
        struct nh_battery__ring *r = &pack()->history.ring[i];
        for (uint32_t k = 0; k < r->count; k++)
            r->points[k].time_ds = (uint32_t)(now_ms / 100);
    }
}

static void test_history(void **state)
{
    (void)state;
    assert_int_equal(get("/api/battery/history"), 200);
    assert_string_equal(reply, "{\"range\":\"1h\",\"samples\":[]}");
    fill_history();
    assert_int_equal(ask("GET", "/api/battery/history", "range=24h&points=3", NULL), 200);
    assert_says("{\"range\":\"24h\",\"samples\":[{\"timestamp_ms\":");
    assert_says(",\"voltage\":42.978,\"current\":-12.5,\"temperature\":-1.5,\"soc\":73.25,"
                "\"cell_min_mv\":3300,\"cell_max_mv\":3312}");
    size_t n = 0;
    for (const char *p = reply; (p = strstr(p, "timestamp_ms")) != NULL; p++)
        n++;
    assert_int_equal(n, 3);
    assert_int_equal(ask("GET", "/api/battery/history", "range=1h&format=csv", NULL), 200);
    assert_memory_equal(
        reply, "timestamp_ms,voltage,current,temperature,soc,cell_min_mv,cell_max_mv\r\n", 70);
    assert_says(",42.978,-12.500,-1.500,73.250,3300.0,3312.0\r\n");
    static const char *const bad[] = {"range=2h",  "range=",      "points=0", "points=4097",
                                      "points=-1", "points=many", "points="};
    for (size_t i = 0; i < NH_ARRAY_LEN(bad); i++)
        assert_int_equal(ask("GET", "/api/battery/history", bad[i], NULL), 400);
    assert_int_equal(ask("GET", "/api/battery/history", "range=2h", NULL), 400);
    assert_says(
        "\"details\":[{\"field\":\"/range\",\"value\":\"2h\",\"limit\":\"one of 1h, 24h, 7d\"");
    assert_int_equal(ask("GET", "/api/battery/history", "points=4097", NULL), 400);
    assert_says("{\"field\":\"/points\",\"value\":\"4097\",\"limit\":\"1 to 4096\"");
}

static void test_unknown_values_of_the_history(void **state)
{
    (void)state;
    struct nh_battery_snapshot s = {.valid = BIT(NH_BATTERY_SOC), .v = {.soc_mpct = 50000}};
    nh_battery__history_add(&pack()->history, &s, 0, 0);
    nh_battery__history_add(&pack()->history, &s, nh_clock_ms() + 8000, 0);
    pack()->history.ring[0].points[0].time_ds = 0;
    assert_int_equal(get("/api/battery/history"), 200);
    assert_says("\"voltage\":null,\"current\":null,\"temperature\":null,\"soc\":50,"
                "\"cell_min_mv\":null,\"cell_max_mv\":null}");
    ask("GET", "/api/battery/history", "format=csv", NULL);
    assert_says(",,,,50.000,,\r\n");
}

static void test_hours_and_days(void **state)
{
    (void)state;
    assert_int_equal(get("/api/battery/history/hours"), 200);
    assert_string_equal(reply, "{\"period\":\"hour\",\"periods\":[]}");
    fill_history();
    assert_int_equal(get("/api/battery/history/hours"), 200);
    assert_says("\"voltage_v\":{\"min\":42.978,\"max\":42.978,\"avg\":42.978}");
    assert_says("\"cell_delta_mv\":{\"min\":12,\"max\":12,\"avg\":12}");
    assert_int_equal(get("/api/battery/history/days"), 200);
    assert_says("{\"period\":\"day\",\"periods\":[{\"start_ms\":");
    assert_int_equal(ask("GET", "/api/battery/history/days", "format=csv", NULL), 200);
    assert_says("period,start_ms,end_ms,v_min,v_max,v_avg,t_min,t_max,t_avg,cycles,balancing,"
                "comm_errors,fw\r\nday,");
    assert_says(",42.978,42.978,42.978,-1.500,-1.500,-1.500,0.000,0,0,0\r\n");
}

// 24 hours of the longest numbers.
static void test_the_longest_hours(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_BATTERY_HOURS_COUNT; i++) {
        struct nh_battery__period *p = &pack()->history.hour[i];
        p->start_unix_ms = INT64_C(1800000000000) + (int64_t)i * 3600000;
        for (size_t q = 0; q < NH_BATTERY_Q_COUNT; q++)
            p->sum[q] = (struct nh_battery__sum){INT64_C(-1999999) * 7, -1999999, -1999997, 7};
    }
    assert_int_equal(get("/api/battery/history/hours"), 200);
    assert_int_equal(ask("GET", "/api/battery/history/hours", "format=csv", NULL), 200);
    size_t lines = 0;
    for (const char *p = reply; (p = strstr(p, "\r\n")) != NULL; p++)
        lines++;
    assert_int_equal(lines, 25);
}

// ---- memory ------------------------------------------------------------------------------------

static void test_each_allocation_may_fail(void **state)
{
    static const char *const paths[] = {"/api/battery", "/api/battery/alarms",
                                        "/api/battery/events", "/api/battery/history",
                                        "/api/battery/history/hours"};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(paths); i++) {
        for (uint64_t n = 1;; n++) {
            nh_mem_fault_set(fx.sys, &(struct nh_mem_fault){.fail_nth = n});
            int status = get(paths[i]);
            uint64_t hits = nh_mem_fault_hits(fx.sys);
            nh_mem_fault_set(fx.sys, NULL);
            if (status == 200)
                break;
            assert_int_equal(status, 503);
            assert_true(hits > 0 && n < 50);
        }
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_nothing_is_known_at_first),
        T(test_the_age_of_what_was_stored),
        T(test_a_pack_in_words),
        T(test_every_part_of_the_longest_reply_fits),
        T(test_feed_messages_of_the_longest_pack_fit),
        T(test_mode),
        T(test_alarms_and_acknowledging),
        T(test_a_full_list_of_alarms),
        T(test_the_boards_log),
        T(test_history),
        T(test_unknown_values_of_the_history),
        T(test_hours_and_days),
        T(test_the_longest_hours),
        T(test_each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
