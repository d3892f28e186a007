// Telemetry: the lines, the tripwire, the rings, and what happens without memory. Host only: the
// component's README promises formats, not chips.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "components/health/health.h"
#include "components/health/health_history.h"
#include "components/health/health_lines.h"
#include "core/bus/events.h"
#include "support/mem_fixture.h"
#include "support/route_play.h"

#define LINES_MAX 64

static struct {
    struct mem_fixture mem;
    nh_bus_t *bus;
    nh_sched_t *sched;
    nh_health_t *health;
    uint64_t now_ms;
    char line[LINES_MAX][NH_HEALTH_LINE_MAX_BYTES];
    size_t line_count;
    char published[2048];
    int events[NH_EVENT_COUNT];
    const char *address;
    bool takes; // what is published
} t;

static uint64_t clock_ms(void)
{
    return t.now_ms;
}

static int64_t clock_unix_ms(void)
{
    return 1700000000000 + (int64_t)t.now_ms;
}

static void keep_line(void *ctx, const char *line)
{
    (void)ctx;
    assert_true(t.line_count < LINES_MAX);
    snprintf(t.line[t.line_count++], NH_HEALTH_LINE_MAX_BYTES, "%s", line);
}

static void facts(void *ctx, struct nh_health_facts *out)
{
    (void)ctx;
    out->hostname = "attic";
    out->address = t.address;
}

static bool publish(void *ctx, const char *suffix, const char *json, size_t len)
{
    (void)ctx;
    assert_string_equal(suffix, "health");
    snprintf(t.published, sizeof t.published, "%.*s", (int)len, json);
    return t.takes;
}

static void on_event(void *ctx, const struct nh_event *e)
{
    (void)ctx;
    t.events[e->id]++;
}

static struct nh_health_config config(void)
{
    return (struct nh_health_config){
        .mem = t.mem.mem,
        .bus = t.bus,
        .sched = t.sched,
        .board = nh_mem_board_find("esp32-s3"),
        .heartbeat_ms = 1000,
        .history_max_count = 8,
        .log_max_count = 4,
        .clock_ms = clock_ms,
        .clock_unix_ms = clock_unix_ms,
        .line = keep_line,
        .facts = facts,
        .publish = publish,
    };
}

static int setup(void **state)
{
    const struct nh_sched_config sched = {.timer_max_count = 4};
    nh_bus_sub_t *sub;
    (void)state;
    memset(&t, 0, sizeof t);
    mem_fixture_init(&t.mem, NULL);
    struct nh_sched_config s = sched;
    s.mem = t.mem.mem;
    const struct nh_bus_config bus = {.mem = t.mem.mem, .event_count = NH_EVENT_COUNT};
    const struct nh_bus_sub_config all = {.name = "test", .handle = on_event};
    assert_int_equal(nh_sched_create(&s, &t.sched), 0);
    assert_int_equal(nh_bus_create(&bus, &t.bus), 0);
    assert_int_equal(nh_bus_subscribe(t.bus, &all, &sub), 0);
    const struct nh_health_config cfg = config();
    assert_int_equal(nh_health_create(&cfg, &t.health), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_health_destroy(t.health);
    nh_bus_destroy(t.bus);
    nh_sched_destroy(t.sched);
    mem_fixture_deinit(&t.mem);
    return 0;
}

static void test_lines(void **state)
{
    char out[NH_HEALTH_LINE_MAX_BYTES];
    struct nh_mem_snapshot s = {.tag = "boot"};
    const struct nh_mem_task_info task = {
        .name = "loop", .priority = 5, .core = -1, .stack_margin_bytes = 922};
    (void)state;
    s.tier[0] = (struct nh_mem_tier_info){
        .free_bytes = 200, .min_free_bytes = 100, .largest_free_bytes = 150, .frag_pct = 25};
    s.tier[1] = (struct nh_mem_tier_info){
        .free_bytes = 8000, .min_free_bytes = 7000, .largest_free_bytes = 6000};
    nh_health__line_mem(out, sizeof out, &s);
    assert_string_equal(
        out,
        "[Mem] boot hf=200 hm=100 hl=150 hi=200 hin=100 frag=25 pf=8000 pm=7000 pl=6000 (0ms)");
    nh_health__line_tripwire(out, sizeof out, &s, 30720);
    assert_string_equal(out, "[Mem] TRIPWIRE fired tag=boot hin=100B < 30720B (hf=200B hl=150B "
                             "frag=25% pf=8000B pl=6000B) (0ms)");
    nh_health__line_task(out, sizeof out, &task);
    assert_string_equal(out, "[Task] name=loop prio=5 core=-1 stack_rem=922B (0ms)");
    nh_health__line_task(out, sizeof out, &(struct nh_mem_task_info){.name = "Tmr Svc"});
    assert_string_equal(out, "[Task] name=Tmr_Svc prio=0 core=0 stack_rem=0B (0ms)");
    nh_health__line_watermark(out, sizeof out,
                              &(struct nh_mem_task_info){.name = "loop",
                                                         .stack_margin_bytes = 4812,
                                                         .chip_stack_bytes = 6144});
    assert_string_equal(out,
                        "[Portal] AsyncTCP stack watermark: task=loop rem=4812 units (4812 B), "
                        "unit=1 B, CONFIG_ASYNC_TCP_STACK_SIZE(raw)=6144 (0ms)");
    nh_health__line_dump(out, sizeof out, 3, "hb");
    assert_string_equal(out, "[Mem] Task dump (3 tasks, sorted by stack margin) tag=hb (0ms)");
    nh_health__line_heartbeat(out, sizeof out, 61999, 512, "127.0.0.1", "attic");
    assert_string_equal(out, "[Heartbeat] Up: 61s | Heap: 512 | WiFi: 127.0.0.1 (attic) (0ms)");
    nh_health__line_heartbeat(out, sizeof out, 0, 512, NULL, "attic");
    assert_string_equal(out, "[Heartbeat] Up: 0s | Heap: 512 | WiFi: Disconnected (0ms)");
}

static void test_log_lines_cannot_look_like_a_crash(void **state)
{
    static const char *const words[] = {
        "Guru Meditation Error", "core panic'ed",  "Stack canary watchpoint triggered",
        "Backtrace: 0x4",        "abort() called", "Brownout detector",
        "Got IP: 10.0.0.1",      "Firmware: v9",   "ESP-ROM:esp32s3",
        "System Boot",           "BACKTRACE:",     "\n[Mem] hb",
        "[Mem] mqtt_x",
    };
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char out[NH_HEALTH_LINE_MAX_BYTES];
        nh_health__line_log(out, sizeof out, NH_LOG_INFO, "mqtt", words[i]);
        assert_memory_equal(out, "[Mqtt] ", 7);
        assert_null(strchr(out, '\n'));
        if (words[i][0] != '\n')
            assert_null(strstr(out, words[i]));
    }
}

static void test_tags_are_one_token(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"boot", "boot"},
        {"img pre-decode", "img_pre-decode"},
        {"a\nb\tc", "a_b_c"},
        {"", "untagged"},
        {"0123456789012345678901234567890123456789", "0123456789012345678901234567890"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[NH_MEM_TAG_MAX_BYTES];
        nh_health__tag(out, rows[i].in);
        assert_string_equal(out, rows[i].out);
    }
}

static void test_ring(void **state)
{
    struct nh_health__ring r;
    (void)state;
    assert_int_equal(nh_health__ring_init(&r, t.mem.mem, sizeof(int), 3), 0);
    assert_null(nh_health__ring_at(&r, 0));
    assert_null(nh_health__ring_at(&r, 1));
    assert_int_equal(nh_health__ring_first(&r), 1);
    for (int i = 1; i <= 10; i++) {
        *(int *)nh_health__ring_push(&r) = i;
        uint64_t first = i > 3 ? (uint64_t)i - 2 : 1;
        assert_int_equal(nh_health__ring_first(&r), first);
        assert_null(nh_health__ring_at(&r, first - 1));
        assert_null(nh_health__ring_at(&r, (uint64_t)i + 1));
        for (uint64_t k = first; k <= (uint64_t)i; k++)
            assert_int_equal(*(int *)nh_health__ring_at(&r, k), k);
    }
    nh_health__ring_deinit(&r, t.mem.mem);
}

static void test_heartbeat(void **state)
{
    (void)state;
    t.address = "127.0.0.1";
    assert_int_equal(nh_health_start(t.health), 0);
    t.now_ms = 999;
    nh_sched_run(t.sched, t.now_ms);
    assert_int_equal(t.line_count, 0);
    t.now_ms = 1000;
    nh_sched_run(t.sched, t.now_ms);
    assert_int_equal(t.line_count, 2);
    assert_memory_equal(t.line[0], "[Heartbeat] Up: 1s | Heap: ", 27);
    assert_memory_equal(t.line[1], "[Mem] hb hf=", 12);
    assert_int_equal(t.events[NH_EVENT_MEM_SNAPSHOT], 1);
    assert_memory_equal(t.published, "{\"uptime_seconds\":1,", 20);
    // The broker took none of it, so the next one says that nothing was published yet.
    t.takes = true;
    t.now_ms = 2000;
    nh_sched_run(t.sched, t.now_ms);
    assert_non_null(strstr(t.published, "\"mqtt_last_health_publish_ms\":null"));
    t.now_ms = 3000;
    nh_sched_run(t.sched, t.now_ms);
    assert_non_null(strstr(t.published, "\"mqtt_last_health_publish_ms\":2000"));
    assert_int_equal(nh_health_heartbeat_set(t.health, 999), NH_ERR_RANGE);
    assert_int_equal(nh_health_heartbeat_set(t.health, 60000), 0);
    t.now_ms = 62999;
    nh_sched_run(t.sched, t.now_ms);
    assert_int_equal(t.line_count, 6);
    nh_health_stop(t.health);
    assert_int_equal(nh_sched_next_deadline(t.sched), NH_NEVER);
}

static void test_tripwire_once(void **state)
{
    struct nh_mem_snapshot s;
    (void)state;
    nh_health_snapshot(t.health, "calm", &s);
    assert_false(s.tripped);
    nh_health_tripwire_set(t.health, 1000000);
    nh_health_snapshot(t.health, "low", &s);
    assert_true(s.tripped);
    nh_health_snapshot(t.health, "later", &s);
    assert_false(s.tripped);
    assert_int_equal(t.events[NH_EVENT_MEM_TRIPWIRE], 1);
    assert_int_equal(t.events[NH_EVENT_MEM_SNAPSHOT], 3);
    assert_memory_equal(t.line[1], "[Mem] low ", 10);
    assert_memory_equal(t.line[2], "[Mem] TRIPWIRE fired tag=low ", 29);
    assert_memory_equal(t.line[3], "[Mem] Task dump (0 tasks", 24);
    assert_memory_equal(t.line[4], "[Mem] later ", 12);
}

static void test_hotspots_only_when_asked_for(void **state)
{
    (void)state;
    nh_health_hotspot(NULL, "nowhere");
    nh_health_hotspot_once(NULL, "nowhere");
    nh_health_hotspot(t.health, "post");
    nh_health_hotspot_once(t.health, "root");
    assert_int_equal(t.line_count, 0);
    nh_health_hotspot_tags_set(t.health, true);
    nh_health_hotspot(t.health, "post");
    nh_health_hotspot(t.health, "post");
    assert_int_equal(t.line_count, 2);
    assert_memory_equal(t.line[1], "[Mem] post ", 11);
    // What was not told while off is told now, once; the same words are the same tag.
    nh_health_hotspot_once(t.health, "ro ot");
    nh_health_hotspot_once(t.health, "ro_ot");
    assert_int_equal(t.line_count, 3);
    assert_memory_equal(t.line[2], "[Mem] ro_ot ", 12);
    nh_health_hotspot_tags_set(t.health, false);
    nh_health_hotspot(t.health, "post");
    assert_int_equal(t.line_count, 3);
}

static void test_once_has_a_limit(void **state)
{
    (void)state;
    nh_health_hotspot_tags_set(t.health, true);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < NH_HEALTH_ONCE_MAX_COUNT + 3; i++) {
            char tag[NH_MEM_TAG_MAX_BYTES];
            snprintf(tag, sizeof tag, "tag%d", i);
            nh_health_hotspot_once(t.health, tag);
        }
    assert_int_equal(t.line_count, NH_HEALTH_ONCE_MAX_COUNT);
}

static void test_watermark_once(void **state)
{
    static const struct nh_mem_task_config task = {.name = "web", .chip_stack_bytes = 6144};
    (void)state;
    nh_health_server_watermark(t.health, "web"); // no such task yet
    assert_int_equal(t.line_count, 0);
    int handle = nh_mem_task_add(t.mem.sys, &task);
    assert_true(handle >= 0);
    nh_health_server_watermark(t.health, "web");
    nh_health_server_watermark(t.health, "web");
    assert_int_equal(t.line_count, 1);
    assert_memory_equal(t.line[0], "[Portal] AsyncTCP stack watermark: task=web rem=", 48);
    nh_mem_task_remove(t.mem.sys, handle);
}

static void test_log_keeps_the_newest(void **state)
{
    char long_text[400];
    (void)state;
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = 0;
    for (int i = 0; i < 10; i++)
        nh_health_log(t.health, NH_LOG_WARN, "mqtt", long_text);
    assert_int_equal(t.line_count, 10);
    assert_memory_equal(t.line[9], "[Mqtt] Warning: xxx", 19);
}

// ---- the feed: "snap" and "log"

static char told[4096];

// What a socket that has seen `since` of a part hears; gives the version it has seen then.
static uint64_t hear(int part, uint64_t since)
{
    struct nh_json_buf b = {.ptr = told, .cap = sizeof told - 1};
    nh_feed_part_t parts[NH_HEALTH_FEED_COUNT];
    nh_json_writer_t w;
    nh_health_feed_parts(t.health, parts);
    nh_json_writer_init(&w, nh_json_buf_sink, &b);
    uint64_t version = parts[part].write(parts[part].ctx, &w, since);
    assert_int_equal(nh_json_writer_end(&w), 0);
    told[b.len] = 0;
    if (strstr(told, "\"missed\":0")) // then it is all there, or more follows
        assert_true(version <= parts[part].version(parts[part].ctx));
    return version;
}

static void log_lines(int from, int to)
{
    for (int i = from; i <= to; i++) {
        char text[20];
        t.line_count = 0;
        snprintf(text, sizeof text, "line %d.", i);
        nh_health_log(t.health, NH_LOG_INFO, "hub", text);
    }
}

static void test_feed_of_the_log_tells_what_is_missed(void **state)
{
    (void)state; // 4 lines are kept
    log_lines(1, 6);
    uint64_t seen = hear(2, 0);
    assert_int_equal(seen, 6);
    assert_null(strstr(told, "line 2."));
    assert_non_null(strstr(told, "line 3."));
    assert_non_null(strstr(told, "\"missed\":0"));
    log_lines(7, 8);
    seen = hear(2, seen);
    assert_non_null(strstr(told, "\"missed\":0"));
    log_lines(9, 15);
    seen = hear(2, seen);
    assert_int_equal(seen, 15);
    assert_null(strstr(told, "line 11."));
    assert_non_null(strstr(told, "line 12."));
    assert_non_null(strstr(told, "\"missed\":3"));
}

static void test_feed_of_snapshots_tells_what_is_missed(void **state)
{
    (void)state; // 8 rows are kept
    nh_health_snapshot(t.health, "first", NULL);
    uint64_t seen = hear(1, 0);
    for (int i = 0; i < 20; i++) {
        t.line_count = 0;
        nh_health_snapshot(t.health, i == 12 ? "old" : "new", NULL);
    }
    seen = hear(1, seen);
    assert_int_equal(seen, 21);
    assert_non_null(strstr(told, "\"old\""));
    assert_non_null(strstr(told, "\"missed\":12"));
}

static void test_log_cuts_no_character(void **state)
{
    char text[400] = "x";
    (void)state;
    for (int i = 0; i < 100; i++)
        strcat(text, "\xE2\x82\xAC");
    nh_health_log(t.health, NH_LOG_INFO, "hub", text);
    (void)hear(2, 0);
    assert_null(strstr(told, "\xEF\xBF\xBD"));
    assert_non_null(strstr(told, "\xE2\x82\xAC\""));
}

static void all_facts(void *ctx, struct nh_health_facts *out)
{
    (void)ctx;
    out->fs_used_bytes = out->fs_total_bytes = (int64_t)1 << 60;
    out->program_bytes = 1;
    out->cpu_usage_pct = out->cpu_temperature_c = out->cpu_freq_mhz = INT32_MAX;
    out->reset_reason = "Power On";
    out->hostname = "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"";
    out->address = "255.255.255.255";
}

// The buffer is fixed: telemetry that outgrows it would fall silent.
static void test_telemetry_fits_at_its_longest(void **state)
{
    struct nh_health_config cfg = config();
    nh_health_t *h;
    (void)state;
    cfg.facts = all_facts;
    assert_int_equal(nh_health_create(&cfg, &h), 0);
    assert_int_equal(nh_health_start(h), 0);
    t.now_ms = UINT32_MAX;
    nh_sched_run(t.sched, t.now_ms);
    assert_memory_equal(t.published, "{\"uptime_seconds\":", 18);
    // 16 figures of a tier with 5 digits here, 10 where a tier has gigabytes.
    assert_true(strlen(t.published) + 16 * 5 + 2 * 20 < 1600);
    nh_health_destroy(h);
}

static void test_without_memory(void **state)
{
    const struct nh_health_config cfg = config();
    (void)state;
    for (uint64_t n = 1;; n++) {
        nh_health_t *h;
        mem_fixture_fail_nth(&t.mem, n);
        int err = nh_health_create(&cfg, &h);
        nh_mem_fault_set(t.mem.sys, NULL);
        if (err == 0) {
            assert_int_equal(n, 4); // the state and two rings
            nh_health_destroy(h);
            break;
        }
        assert_int_equal(err, NH_ERR_NOMEM);
        assert_null(h);
    }
}

static void test_snapshots_allocate_nothing(void **state)
{
    struct nh_mem_owner_info before, after;
    (void)state;
    assert_int_equal(nh_mem_owner_info(t.mem.sys, 1, &before), 0);
    for (int i = 0; i < 20; i++) {
        t.line_count = 0;
        nh_health_snapshot(t.health, "hb", NULL);
        nh_health_log(t.health, NH_LOG_INFO, "hub", "line");
    }
    assert_int_equal(nh_mem_owner_info(t.mem.sys, 1, &after), 0);
    assert_int_equal(after.tier[1].alloc_count, before.tier[1].alloc_count);
    assert_int_equal(after.tier[0].alloc_count, before.tier[0].alloc_count);
}

// ---- families of other parts --------------------------------------------------------------------

static void family_head(void *ctx, size_t family, struct nh_health_family *out)
{
    (void)ctx;
    static const char *const names[] = {"oven_celsius", "oven_empty", "oven_doors"};
    *out = (struct nh_health_family){names[family], "gauge", "Of the oven"};
}

// One line, none, and many.
static size_t family_sample(void *ctx, size_t family, size_t i, char *out, size_t cap)
{
    size_t count = family == 0 ? 1 : family == 1 ? 0 : *(const size_t *)ctx;
    if (i >= count)
        return 0;
    return (size_t)snprintf(out, cap, "oven_%zu{at=\"%zu\"} 1\n", family, i);
}

static void test_families_of_other_parts(void **state)
{
    static char out[32768];
    size_t doors = 100, none = 0;
    const struct nh_health_families oven = {
        .ctx = &doors, .count = 3, .head = family_head, .sample = family_sample};
    struct nh_health_families other = oven;
    (void)state;
    other.ctx = &none;
    assert_int_equal(nh_health_families_add(t.health, &other), 0);
    assert_int_equal(nh_health_families_add(t.health, &oven), 0);
    const struct nh_route_table table = nh_health_routes(t.health);
#define ASK() route_ask(&table, t.mem.mem, "GET", "/metrics", NULL, NULL, out, sizeof out)
    assert_int_equal(ASK(), 200);
    assert_non_null(strstr(out, "nuthatch_uptime_seconds ")); // its own come first
    const char *head = strstr(out, "# HELP oven_celsius Of the oven\n# TYPE oven_celsius gauge\n"
                                   "oven_0{at=\"0\"} 1\n# HELP oven_celsius");
    assert_non_null(head); // of one part, then of the other; a family without a line has no head
    assert_null(strstr(out, "oven_empty"));
    assert_non_null(strstr(out, "oven_2{at=\"98\"} 1\noven_2{at=\"99\"} 1\n"));
    assert_string_equal(out + strlen(out) - 18, "oven_2{at=\"99\"} 1\n");
    assert_int_equal(nh_health_families_add(t.health, &oven), 0);
    assert_int_equal(nh_health_families_add(t.health, &oven), 0);
    assert_int_equal(nh_health_families_add(t.health, &oven), NH_ERR_FULL);
    nh_health_families_remove(t.health, &doors);
    assert_int_equal(ASK(), 200);
    assert_null(strstr(out, "oven_2"));
    assert_non_null(strstr(out, "oven_0"));
    nh_health_families_remove(t.health, &none);
    nh_health_families_remove(t.health, &none);
    assert_int_equal(ASK(), 200);
    assert_null(strstr(out, "oven"));
#undef ASK
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_log_lines_cannot_look_like_a_crash),
        cmocka_unit_test(test_tags_are_one_token),
        cmocka_unit_test_setup_teardown(test_ring, setup, teardown),
        cmocka_unit_test_setup_teardown(test_heartbeat, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tripwire_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hotspots_only_when_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_once_has_a_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_watermark_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_log_keeps_the_newest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_feed_of_the_log_tells_what_is_missed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_feed_of_snapshots_tells_what_is_missed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_log_cuts_no_character, setup, teardown),
        cmocka_unit_test_setup_teardown(test_telemetry_fits_at_its_longest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_snapshots_allocate_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_families_of_other_parts, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
