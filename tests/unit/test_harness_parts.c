// Figures, bodies that are posted back, replies to /api/health, pictures and images.

#include "linux_fixture.h"

#include "harness/documents.h"
#include "harness/health_reply.h"
#include "harness/jpeg_make.h"
#include "harness/plot.h"
#include "harness/plot_svg.h"
#include "harness/run.h"

static struct linux_fixture fx;

static int setup(void **state)
{
    (void)state;
    fixture_start(&fx);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_stop(&fx);
    return 0;
}

// ---- figures

static void take(struct nh_harness_figures *f, int64_t ts_us, const char *text)
{
    struct nh_harness_line l;
    nh_harness_line_parse(text, &l);
    nh_harness_figures_line(f, ts_us, text, &l);
}

static void test_figures(void **state)
{
    (void)state;
    static struct nh_harness_figures f;
    const char *tags[NH_HARNESS_TAGS_MAX_COUNT];
    struct nh_harness_task worst[NH_HARNESS_WORST_MAX_COUNT];
    nh_harness_figures_init(&f, fx.mem);
    take(&f, 1, "[Mem] boot hf=90 hm=80 hl=70 hi=90 hin=80 frag=44 pf=1000 pm=900 pl=1 (0ms)");
    take(&f, 2, "[Mem] hb hf=60 hm=50 hl=40 hi=60 hin=50 frag=20 pf=800 pm=700 pl=1 (0ms)");
    take(&f, 3, "[Mem] hb hf=70 hm=50 hl=40 hi=70 hin=50 frag=10 pf=900 pm=700 pl=1 (0ms)");
    take(&f, 4, "[Mem] TRIPWIRE fired tag=hb hin=50B < 60B (");
    take(&f, 5, "[Mem] TRIPWIRE fired tag=late hin=1B < 60B (");
    take(&f, 6, "[Task] name=b prio=1 core=0 stack_rem=20B");
    take(&f, 7, "[Task] name=a prio=1 core=0 stack_rem=10B");
    take(&f, 8, "[Task] name=b prio=1 core=0 stack_rem=5B");
    take(&f, 9, "abort() was called");
    take(&f, 10, "Guru Meditation Error");
    take(&f, 11, "Got IP: 10.0.0.1");
    assert_int_equal(f.seen_count, 3);
    assert_int_equal(f.hin_min, 50);
    assert_int_equal(f.hm_min, 50);
    assert_int_equal(f.pf_min, 800);
    assert_int_equal(f.pm_min, 700);
    assert_int_equal(f.frag_max, 44);
    assert_int_equal(f.hb_frag_max, 20);
    assert_int_equal(nh_harness_figures_tags(&f, tags), 2);
    assert_string_equal(tags[0], "boot");
    assert_int_equal(nh_harness_figures_tag(&f, "hb")->mem.hf, 70); // the last
    assert_null(nh_harness_figures_tag(&f, "setup"));
    assert_string_equal(f.tripwire.tag, "hb"); // the first
    assert_int_equal(nh_harness_figures_worst(&f, worst), 2);
    assert_string_equal(worst[0].name, "b");
    assert_int_equal(worst[0].stack_rem, 5);
    assert_int_equal(f.stack_min, 5);
    assert_string_equal(f.panic, "abort");
    assert_int_equal(f.panic_line_no, 9);
    assert_string_equal(f.address, "10.0.0.1");
    nh_harness_figures_deinit(&f);
}

static void test_more_than_is_kept(void **state)
{
    (void)state;
    static struct nh_harness_figures f;
    nh_harness_figures_init(&f, fx.mem);
    for (int i = 0; i < 1000; i++) {
        struct nh_harness_mem m = {.hin = 5000 - (uint64_t)i, .frag = 1};
        snprintf(m.tag, sizeof m.tag, "tag%d", i);
        nh_harness_figures_row(&f, i, &m);
    }
    assert_int_equal(f.row_count, 1000);
    assert_int_equal(f.tag_count, NH_HARNESS_TAGS_MAX_COUNT);
    assert_int_equal(f.hin_min, 4001);
    nh_harness_figures_deinit(&f);
    // Without memory the extremes are kept all the same.
    const struct nh_mem_fault fault = {.fail_per_million = 1000000};
    const struct nh_harness_mem m = {.tag = "a", .hin = 7};
    nh_harness_figures_init(&f, fx.mem);
    nh_mem_fault_set(fx.sys, &fault);
    nh_harness_figures_row(&f, 1, &m);
    nh_mem_fault_set(fx.sys, NULL);
    assert_int_equal(f.row_count, 0);
    assert_int_equal(f.hin_min, 7);
    nh_harness_figures_deinit(&f);
}

// ---- bodies

typedef const char *(*body_fn)(const void *reply, size_t len, struct nh_harness_text *out);

static void check_body(body_fn make, const char *reply, const char *body, const char *wrong)
{
    struct nh_harness_text t = {.mem = fx.mem};
    const char *got = make(reply, strlen(reply), &t);
    if (wrong) {
        assert_non_null(got);
        assert_string_equal(got, wrong);
    } else {
        assert_null(got);
        assert_int_equal(t.len, strlen(body));
        assert_memory_equal(t.ptr, body, t.len);
    }
    nh_harness_text_free(&t);
}

static void test_macros_body(void **state)
{
    (void)state;
    static const struct {
        const char *reply, *body, *wrong;
    } rows[] = {
        {"{\"screens\":[]}", "{\"screens\": []}", NULL},
        {"{\"version\":9,\"defaults\":{\"a\":1},\"x\":[{}],\"screens\":[{\"b\":[1,2]},{}]}",
         "{\"defaults\": {\"a\": 1}, \"screens\": [{\"b\": [1, 2]}, {}]}", NULL},
        {"{\"defaults\":5,\"screens\":[true,null,-1.5e3]}", "{\"screens\": [true, null, -1.5e3]}",
         NULL},
        {"{\"screens\":[\"\xc3\xa9\xf0\x9f\x98\x80\\n\\u0001\\\"/\x7f\"]}",
         "{\"screens\": [\"\\u00e9\\ud83d\\ude00\\n\\u0001\\\"/\\u007f\"]}", NULL},
        {"{\"defaults\":{}}", NULL, "no array \"screens\""},
        {"{\"screens\":{}}", NULL, "no array \"screens\""},
        {"[]", NULL, "no JSON object"},
        {"", NULL, "no JSON object"},
        {"{\"screens\":[}", NULL, "not JSON"},
        {"{\"screens\":[]", NULL, "not JSON"},
        {"{\"screens\":[]} x", NULL, "not JSON"},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        check_body(nh_harness_macros_body, rows[i].reply, rows[i].body, rows[i].wrong);
}

static void test_config_body(void **state)
{
    (void)state;
    check_body(nh_harness_config_body,
               "{\"wifi_ssid\":\"a\",\"wifi_password\":\"\",\"device_name_sanitized\":\"b\","
               "\"mqtt_port\":1883,\"mqtt_password\":\"no\",\"basic_auth_password_set\":true,"
               "\"screen_saver_enabled\":false}",
               "{\"wifi_ssid\": \"a\", \"wifi_password\": \"\", \"mqtt_port\": 1883, "
               "\"mqtt_password\": \"\", \"screen_saver_enabled\": false}",
               NULL);
    check_body(nh_harness_config_body, "{}", "{}", NULL);
    check_body(nh_harness_config_body, "no", NULL, "no JSON object");
}

static void test_fields(void **state)
{
    (void)state;
    static const char reply[] = "{\"a\":\"\",\"b\":\"x\",\"c\":{\"d\":\"\"},\"n\":42,\"f\":1.5}";
    int64_t n = 0;
    assert_true(nh_harness_is_empty_field(reply, strlen(reply), "a"));
    assert_false(nh_harness_is_empty_field(reply, strlen(reply), "b"));
    assert_false(nh_harness_is_empty_field(reply, strlen(reply), "d"));
    assert_true(nh_harness_int_field(reply, strlen(reply), "n", &n));
    assert_int_equal(n, 42);
    assert_false(nh_harness_int_field(reply, strlen(reply), "f", &n));
    assert_false(nh_harness_int_field(reply, strlen(reply), "a", &n));
}

static void test_body_without_memory(void **state)
{
    (void)state;
    struct nh_harness_text t = {.mem = fx.mem};
    const struct nh_mem_fault fault = {.fail_nth = 1};
    nh_mem_fault_set(fx.sys, &fault);
    assert_string_equal(nh_harness_macros_body("{\"screens\":[]}", 14, &t), "out of memory");
    nh_mem_fault_set(fx.sys, NULL);
    nh_harness_text_free(&t);
}

// ---- health

static void test_health_reply(void **state)
{
    (void)state;
    static const char whole[] =
        "{\"uptime_seconds\":7,\"reset_reason\":\"Panic\",\"heap_free\":1,\"heap_min\":2,"
        "\"heap_largest\":3,\"heap_internal_free\":4,\"heap_internal_min\":5,"
        "\"heap_fragmentation\":6,\"psram_free\":7,\"psram_min\":8,\"psram_largest\":9,"
        "\"more\":{\"heap_free\":99},\"list\":[1]}";
    struct nh_harness_health h;
    assert_null(nh_harness_health_parse(whole, strlen(whole), &h));
    assert_true(h.mem.hf == 1 && h.mem.hm == 2 && h.mem.hl == 3 && h.mem.hi == 4 &&
                h.mem.hin == 5 && h.mem.frag == 6 && h.mem.pf == 7 && h.mem.pm == 8 &&
                h.mem.pl == 9);
    assert_int_equal(h.uptime_s, 7);
    assert_string_equal(h.reset_reason, "Panic");
    assert_false(h.has_null);
    assert_null(nh_harness_health_parse("{}", 2, &h));
    assert_int_equal(h.uptime_s, -1);
    assert_null(nh_harness_health_parse("{\"psram_free\":null}", 19, &h));
    assert_true(h.has_null);
    assert_string_equal(nh_harness_health_parse("[1]", 3, &h), "no JSON object");
    assert_string_equal(nh_harness_health_parse("{\"a\":", 5, &h), "not JSON");
    assert_string_equal(nh_harness_health_parse("", 0, &h), "not JSON");
}

// ---- pictures

static char picture[300000];

static void picture_of(const struct nh_harness_figures *f)
{
    const struct nh_harness_plot p = {
        .title = "S1 <&>", .sub = "", .hin_min_limit = 102400, .frag_limit = 39};
    FILE *out = fmemopen(picture, sizeof picture, "w");
    NH_IGNORE(nh_harness_plot_run(out, f, &p)); // whether there was anything to draw
    fclose(out);
}

static void test_the_picture_of_a_run(void **state)
{
    (void)state;
    static struct nh_harness_figures f;
    nh_harness_figures_init(&f, fx.mem);
    picture_of(&f);
    assert_non_null(strstr(picture, "no snapshots in this run"));
    struct nh_harness_mem m = {.tag = "a<b", .hi = 200000, .hl = 150000, .hin = 120000, .frag = 25};
    nh_harness_figures_row(&f, 1000000, &m); // one row: no time has passed
    picture_of(&f);
    assert_null(strstr(picture, "nan"));
    assert_null(strstr(picture, "inf"));
    assert_non_null(strstr(picture, "a&lt;b"));
    assert_non_null(strstr(picture, "S1 &lt;&amp;.</title>"));
    for (int i = 2; i < 200; i++) // more labels than there is room for
        nh_harness_figures_row(&f, i * 1000000, &m);
    take(&f, 50000000, "[Mem] TRIPWIRE fired tag=x hin=5B < 6B (");
    take(&f, 51000000, "abort() was called");
    picture_of(&f);
    assert_non_null(strstr(picture, "and "));
    assert_non_null(strstr(picture, "tripwire at x: 5 B under 6 B"));
    assert_non_null(strstr(picture, "panic: abort"));
    assert_non_null(strstr(picture, "</svg>"));
    nh_harness_figures_deinit(&f);
}

static void test_steps_of_a_scale(void **state)
{
    (void)state;
    static const struct {
        uint64_t max;
        int lines;
        bool is_bytes;
        uint64_t step;
    } rows[] = {{0, 6, true, 1},        {320 * 1024, 6, true, 64 * 1024},
                {100, 3, false, 50},    {44, 3, false, 20},
                {9, 12, false, 1},      {40, 12, false, 5},
                {1000, 12, false, 100}, {UINT64_MAX, 6, true, 1ull << 62}};
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint64_t step = nh_harness_svg_step(rows[i].max, rows[i].lines, rows[i].is_bytes);
        if (i + 1 < NH_ARRAY_LEN(rows))
            assert_int_equal(step, rows[i].step);
        else
            assert_true(step > 1ull << 50);
    }
}

static void test_time(void **state)
{
    (void)state;
    char text[NH_HARNESS_TIME_MAX_BYTES];
    assert_string_equal(nh_harness_time(1767960000123456, text),
                        "2026-01-09T12:00:00.123456+00:00");
    assert_int_equal(nh_harness_time_parse(text), 1767960000123456);
    assert_int_equal(nh_harness_time_parse("2026-01-09T12:00:00+00:00"), 1767960000000000);
    assert_int_equal(nh_harness_time_parse("yesterday"), -1);
}

// ---- images

static void test_images(void **state)
{
    (void)state;
    struct nh_harness_jpeg j;
    const struct nh_harness_jpeg_config small = {.width = 64, .height = 48, .max_bytes = 4000};
    assert_int_equal(nh_harness_jpeg_make(fx.mem, &small, &j), NH_OK);
    assert_true(j.len <= 4000 && j.len > 500);
    assert_int_equal(j.ptr[0], 0xFF);
    assert_int_equal(j.ptr[1], 0xD8);
    assert_true(nh_harness_jpeg_lie(&j, 65535, 65534));
    assert_non_null(memmem(j.ptr, j.len, "\xff\xc0\x00\x11\x08\xff\xfe\xff\xff", 9));
    nh_mem_free(fx.mem, j.ptr);
    const struct nh_harness_jpeg_config slow = {.width = 16, .height = 16, .is_progressive = true};
    assert_int_equal(nh_harness_jpeg_make(fx.mem, &slow, &j), NH_OK);
    assert_non_null(memmem(j.ptr, j.len, "\xff\xc2", 2));
    nh_mem_free(fx.mem, j.ptr);
    const struct nh_harness_jpeg_config none = {.width = 64, .height = 64, .max_bytes = 100};
    assert_int_equal(nh_harness_jpeg_make(fx.mem, &none, &j), NH_ERR_RANGE);
    assert_null(j.ptr);
    const struct nh_harness_jpeg_config zero = {.width = 0, .height = 64};
    assert_int_equal(nh_harness_jpeg_make(fx.mem, &zero, &j), NH_ERR_RANGE);
    for (uint64_t nth = 1; nth <= 2; nth++) {
        const struct nh_mem_fault fault = {.fail_nth = nth};
        nh_mem_fault_set(fx.sys, &fault);
        assert_int_equal(nh_harness_jpeg_make(fx.mem, &small, &j), NH_ERR_NOMEM);
        nh_mem_fault_set(fx.sys, NULL);
        assert_null(j.ptr);
    }
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_figures),          TEST(test_more_than_is_kept),
        TEST(test_macros_body),      TEST(test_config_body),
        TEST(test_fields),           TEST(test_body_without_memory),
        TEST(test_health_reply),     TEST(test_the_picture_of_a_run),
        TEST(test_steps_of_a_scale), TEST(test_time),
        TEST(test_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
