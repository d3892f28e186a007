#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/lines.h"

// ---- bytes into lines

static void test_bytes_into_lines(void **state)
{
    (void)state;
    static const char text[] = "one\r\n\ntwo\r\r\nthr\ree\nfour\0five\nrest";
    static const char *const lines[] = {"one", "", "two", "thr\ree", "four five"};
    for (size_t step = 1; step < sizeof text; step++) {
        static struct nh_harness_split s;
        size_t n = 0;
        memset(&s, 0, sizeof s);
        for (size_t at = 0; at < sizeof text - 1; at += step) {
            const uint8_t *bytes = (const uint8_t *)text + at;
            size_t len = sizeof text - 1 - at < step ? sizeof text - 1 - at : step;
            const char *line;
            while ((line = nh_harness_split_next(&s, &bytes, &len))) {
                assert_true(n < NH_ARRAY_LEN(lines));
                assert_string_equal(line, lines[n++]);
            }
            assert_int_equal(len, 0);
        }
        assert_int_equal(n, NH_ARRAY_LEN(lines));
        assert_int_equal(s.len, 4);
    }
}

static void test_a_line_without_end_is_cut(void **state)
{
    (void)state;
    static struct nh_harness_split s;
    const uint8_t x = 'x', end = '\n';
    const char *line = NULL;
    for (int i = 0; i < 5000; i++) {
        const uint8_t *bytes = &x;
        size_t len = 1;
        assert_null(nh_harness_split_next(&s, &bytes, &len));
    }
    const uint8_t *bytes = &end;
    size_t len = 1;
    line = nh_harness_split_next(&s, &bytes, &len);
    assert_non_null(line);
    assert_int_equal(strlen(line), NH_HARNESS_LINE_MAX_BYTES - 1);
    assert_int_equal(s.cut_count, 1);
    bytes = (const uint8_t *)"y\n";
    len = 2;
    assert_string_equal(nh_harness_split_next(&s, &bytes, &len), "y");
    assert_int_equal(s.cut_count, 1);
}

// ---- snapshots

#define FIGURES "hf=1 hm=2 hl=3 hi=4 hin=5 frag=6 pf=7 pm=8 pl=9"

static void test_snapshots(void **state)
{
    (void)state;
    static const struct {
        const char *line, *tag; // NULL: none
    } rows[] = {
        {"[Mem] boot " FIGURES " (0ms)", "boot"},
        {"[Mem] boot " FIGURES, "boot"},
        {"[Mem]\tboot  hf=1   hm=2 hl=3 hi=4 hin=5 frag=6 pf=7 pm=8 pl=9x", "boot"},
        {"[Mem] h\xc3\xa4 " FIGURES, "h\xc3\xa4"},
        {"  [Mem] boot " FIGURES, NULL},
        {"[Mem]boot " FIGURES, NULL},
        {"[Mem] img pre-clear " FIGURES, NULL},
        {"[mem] boot " FIGURES, NULL},
        {"[Mem] " FIGURES, NULL},
        {"[Mem] boot hm=2 hf=1 hl=3 hi=4 hin=5 frag=6 pf=7 pm=8 pl=9", NULL},
        {"[Mem] boot hf=1 hm=2 hl=3 hi=4 hin=5 frag=6 pf=7 pm=8", NULL},
        {"[Mem] boot hf=-1 hm=2 hl=3 hi=4 hin=5 frag=6 pf=7 pm=8 pl=9", NULL},
        {"[Mem] boot hf=1,hm=2 hl=3 hi=4 hin=5 frag=6 pf=7 pm=8 pl=9", NULL},
        {"[Mem] boot hf=1 hm=2 hl=3 hi=4 hin=5 frag=6% pf=7 pm=8 pl=9", NULL},
        {"[Mem] boot hf=99999999999999999999 hm=2 hl=3 hi=4 hin=5 frag=6 pf=7 pm=8 pl=9", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_harness_line l;
        nh_harness_line_parse(rows[i].line, &l);
        if ((l.what == NH_LINE_MEM) != (rows[i].tag != NULL))
            fail_msg("%s", rows[i].line);
        if (rows[i].tag) {
            assert_string_equal(l.mem.tag, rows[i].tag);
            assert_true(l.mem.hf == 1 && l.mem.hm == 2 && l.mem.hl == 3 && l.mem.hi == 4 &&
                        l.mem.hin == 5 && l.mem.frag == 6 && l.mem.pf == 7 && l.mem.pm == 8 &&
                        l.mem.pl == 9);
        }
    }
}

static void test_a_long_tag_is_cut(void **state)
{
    (void)state;
    char text[400] = "[Mem] ";
    struct nh_harness_line l;
    for (int i = 0; i < 100; i++)
        strcat(text, "t");
    strcat(text, " " FIGURES);
    nh_harness_line_parse(text, &l);
    assert_int_equal(l.what, NH_LINE_MEM);
    assert_int_equal(strlen(l.mem.tag), NH_HARNESS_TAG_MAX_BYTES - 1);
    assert_int_equal(l.mem.pl, 9);
}

// ---- tripwire, tasks, stacks

static void test_tripwire(void **state)
{
    (void)state;
    struct nh_harness_line l;
    nh_harness_line_parse("[Mem] TRIPWIRE fired tag=http_root hin=20772B < 30720B (hf=1B hl", &l);
    assert_int_equal(l.what, NH_LINE_TRIPWIRE);
    assert_string_equal(l.tripwire.tag, "http_root");
    assert_int_equal(l.tripwire.hin, 20772);
    assert_int_equal(l.tripwire.threshold, 30720);
    nh_harness_line_parse("[Mem] TRIPWIRE fired tag=http_root hin=20772B < 3072", &l);
    assert_int_equal(l.what, NH_LINE_OTHER);
    nh_harness_line_parse(" [Mem] TRIPWIRE fired tag=a hin=1B < 2B", &l);
    assert_int_equal(l.what, NH_LINE_OTHER);
}

static void test_tasks(void **state)
{
    (void)state;
    struct nh_harness_line l;
    nh_harness_line_parse("[Task] name=ipc0 prio=24 core=-1 stack_rem=76B (0ms)", &l);
    assert_int_equal(l.what, NH_LINE_TASK);
    assert_string_equal(l.task.name, "ipc0");
    assert_int_equal(l.task.prio, 24);
    assert_int_equal(l.task.core, -1);
    assert_int_equal(l.task.stack_rem, 76);
    nh_harness_line_parse("[Task] name=loop prio=1 core=2147483647 stack_rem=0B", &l);
    assert_int_equal(l.what, NH_LINE_TASK);
    assert_int_equal(l.task.core, 2147483647);
    nh_harness_line_parse("[Task] name=Tmr Svc prio=1 core=0 stack_rem=1B (0ms)", &l);
    assert_int_equal(l.what, NH_LINE_OTHER);
    nh_harness_line_parse("[Task] name= prio=1 core=0 stack_rem=1B", &l);
    assert_int_equal(l.what, NH_LINE_OTHER);
}

static void test_stack_of_the_network_task(void **state)
{
    (void)state;
    struct nh_harness_line l;
    nh_harness_line_parse("[Portal] AsyncTCP stack watermark: task=async_tcp rem=1203 units "
                          "(4812 B), unit=4 B, CONFIG_ASYNC_TCP_STACK_SIZE(raw)=6144 (0ms)",
                          &l);
    assert_int_equal(l.what, NH_LINE_STACK);
    assert_string_equal(l.stack.task, "async_tcp");
    assert_int_equal(l.stack.rem_units, 1203);
    assert_int_equal(l.stack.rem_bytes, 4812);
    assert_int_equal(l.stack.unit_bytes, 4);
    assert_int_equal(l.stack.cfg_bytes, 6144);
    nh_harness_line_parse("[Portal] AsyncTCP stack watermark: task=async_tcp rem=1203 units", &l);
    assert_int_equal(l.what, NH_LINE_OTHER);
}

// ---- marks

static void test_marks(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        uint32_t marks;
    } rows[] = {
        {"ESP-ROM:esp32s3-20210327", NH_MARK_REBOOT},
        {"esp-rom:ESP32c3", NH_MARK_REBOOT},
        {" ESP-ROM:esp32s3", 0},
        {"ESP-ROM:esp8266", 0},
        {"rst:0x3 (RTC_SW_SYS_RST),boot:0x8", NH_MARK_REBOOT},
        {"first:0x3", 0},
        {"[System Boot] Starting...", NH_MARK_REBOOT | NH_MARK_BOOT},
        {"now System Boot", NH_MARK_REBOOT | NH_MARK_BOOT},
        {"system boot", 0},
        {"[Main] Setup complete (0ms)", NH_MARK_READY},
        {"[Main]\tSetup completed", NH_MARK_READY},
        {"[Main] Setup", 0},
        {"  [Main] Setup complete", 0},
        {"[Mem] hb " FIGURES, NH_MARK_HEARTBEAT},
        {"  [Mem]  hb", NH_MARK_HEARTBEAT},
        {"x [Mem]x [Mem] hb: 5", NH_MARK_HEARTBEAT},
        {"[Mem] hb2 " FIGURES, 0},
        {"[Mem] hb_x", 0},
        {"[Mem]hb", 0},
        {"[Mem] mqtt_connected " FIGURES, NH_MARK_MQTT},
        {"  [Mem] mqtt_x", NH_MARK_MQTT},
        {"[Mem] mqtt_ x", 0},
        {"[Mem] mqtt", 0},
        {"[WiFi] Got IP: 192.168.1.118 (0ms)", NH_MARK_ADDRESS},
        {"Got IP:10.0.0.1", NH_MARK_ADDRESS},
        {"Got IP: none, Got IP: 10.0.0.1", NH_MARK_ADDRESS},
        {"Got IP: 10.0.0", 0},
        {"Got IP: ::1", 0},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_harness_line l;
        nh_harness_line_parse(rows[i].line, &l);
        if (l.marks != rows[i].marks)
            fail_msg("%s: %u", rows[i].line, (unsigned)l.marks);
    }
}

static void test_address_and_version(void **state)
{
    (void)state;
    struct nh_harness_line l;
    nh_harness_line_parse("[WiFi] Got IP: 192.168.111.118 (0ms)", &l);
    assert_string_equal(l.address, "192.168.111.118");
    nh_harness_line_parse("Got IP: 1111.1.1.1", &l);
    assert_string_equal(l.address, "");
    nh_harness_line_parse("  Firmware: v1.5.0-rc_1 (0ms)", &l);
    assert_string_equal(l.version, "1.5.0-rc_1");
    nh_harness_line_parse("Firmware:v2", &l);
    assert_string_equal(l.version, "2");
    nh_harness_line_parse("Firmware: 2", &l);
    assert_string_equal(l.version, "");
    nh_harness_line_parse("Firmware: v0123456789012345678901234567890123456789", &l);
    assert_int_equal(strlen(l.version), sizeof l.version - 1);
}

static void test_panics(void **state)
{
    (void)state;
    static const struct {
        const char *line, *kind;
    } rows[] = {
        {"Guru Meditation Error: Core 0 panic'ed (LoadProhibited)", "guru_meditation"},
        {"core 1 PANIC'ED", "panic"},
        {"Stack canary watchpoint triggered (ipc1)", "stack_canary"},
        {"Backtrace: 0x40081c5a", "backtrace"},
        {"no Backtrace: here", NULL},
        {"abort() was called at PC 0x1", "abort"},
        {"reset reason Brownout", "brownout"},
        {"all is well", NULL},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_harness_line l;
        nh_harness_line_parse(rows[i].line, &l);
        if (rows[i].kind)
            assert_string_equal(l.panic, rows[i].kind);
        else
            assert_null(l.panic);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_into_lines),
        cmocka_unit_test(test_a_line_without_end_is_cut),
        cmocka_unit_test(test_snapshots),
        cmocka_unit_test(test_a_long_tag_is_cut),
        cmocka_unit_test(test_tripwire),
        cmocka_unit_test(test_tasks),
        cmocka_unit_test(test_stack_of_the_network_task),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_address_and_version),
        cmocka_unit_test(test_panics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
