// The examples: each is a configuration without a finding, and behaves as its head says.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "support/device_set.h"
#include "support/template_play.h"

#define EXAMPLES "examples/devices/"

static _Alignas(16) uint8_t internal[64 * 1024], psram[1024 * 1024];
static nh_mem_system_t *sys;
static nh_mem_t *mem;

static int setup(void **state)
{
    const struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    (void)state;
    assert_int_equal(nh_mem_system_create(&cfg, &sys), NH_OK);
    assert_int_equal(nh_mem_owner_add(sys, "test", NULL, &mem), NH_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return nh_mem_system_destroy(sys, NULL, NULL);
}

static nh_device_set_t *load(const char *name)
{
    static char text[65536];
    char path[128];
    snprintf(path, sizeof path, EXAMPLES "%s", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return device_set_from_yaml(mem, text, true);
}

// ---- templates ----------------------------------------------------------------------------------

#define ALL_RIGHT                                                                                  \
    "m pictures/scan/1 04A1B2C4; m pictures/scan/2 04d4e5f6; m pictures/scan/3 0411AA01; m "       \
    "pictures/scan/4 0411AA02; m pictures/scan/5 0411AA03; "
#define BEATS_16_S                                                                                 \
    "+2000; m laser/laserOn; +2000; m laser/laserOn; +2000; m laser/laserOn; +2000; m "            \
    "laser/laserOn; +2000; m laser/laserOn; +2000; m laser/laserOn; +2000; m laser/laserOn; "      \
    "+2000; m laser/laserOn; "

static const struct {
    const char *name, *file, *device, *play;
} plays[] = {
    {"pictures: a round that all readers answer", "pictures.yaml", "pictures",
     "m pictures/cmd/scan1; = pictures/cmd/scan=scan; " ALL_RIGHT
     "= pictures/lightsgreen=ok robot/speak=/sdcard/audio/pictures_ok.mp3 "
     "play1:/sdcard/audio/pictures_ok.mp3 >success"},
    {"pictures: 700 ms later it is judged", "pictures.yaml", "pictures",
     "m pictures/cmd/scan1; = pictures/cmd/scan=scan; m pictures/scan/1 04A1B2C3; +699; =; +1; = "
     "pictures/lightsred=fail robot/speak=/sdcard/audio/pictures_fail.mp3 "
     "play1:/sdcard/audio/pictures_fail.mp3 >fail"},
    {"pictures: the last card of a reader counts", "pictures.yaml", "pictures",
     "m pictures/cmd/scan1; = pictures/cmd/scan=scan; m pictures/scan/1 99; " ALL_RIGHT
     "= pictures/lightsgreen=ok robot/speak=/sdcard/audio/pictures_ok.mp3 "
     "play1:/sdcard/audio/pictures_ok.mp3 >success"},
    {"pictures: a check judges at once", "pictures.yaml", "pictures",
     "m pictures/scan/1 04A1B2C3; m pictures/check; = pictures/lightsred=fail "
     "robot/speak=/sdcard/audio/pictures_fail.mp3 play1:/sdcard/audio/pictures_fail.mp3 >fail"},
    {"laser: 20 s in all, gaps or not, once", "laser.yaml", "laser",
     "m laser/laserOn; = play1:/sdcard/audio/laser_hold.mp3 >active; " BEATS_16_S
     "=; +2001; = pause1 >paused; +60000; m laser/laserOn; = resume1 >active; +2000; m "
     "laser/laserOn; =; +2000; m laser/laserOn; = stop1 play2:/sdcard/audio/laser_relay.mp3 "
     "relay/relayOn=on run:signal_complete >completed; +2000; m laser/laserOn; ="},
    {"laser: lost after 2 s", "laser.yaml", "laser",
     "m laser/laserOn; +2000; = play1:/sdcard/audio/laser_hold.mp3 >active; +1; = pause1 >paused"},
    {"laser: begun anew", "laser.yaml", "laser",
     "m laser/laserOn; = play1:/sdcard/audio/laser_hold.mp3 >active; m laser/reset; = stop1 "
     ">reset; "
     "s idle"},
};

static void test_plays(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(plays); i++) {
        struct stage s = {.now_ms = 1000};
        nh_device_set_t *set = load(plays[i].file);
        int device = nh_device_set_find_device(set, stage_span(plays[i].device));
        assert_true(device >= 0);
        assert_int_equal(
            nh_template_create(mem, set, (uint32_t)device, &stage_host, &s, &s.template), 0);
        nh_template_start(s.template, s.now_ms);
        stage_play_all(&s, plays[i].play, plays[i].name);
        nh_template_destroy(s.template);
        nh_device_set_unref(set);
    }
}

// ---- expressions and texts ----------------------------------------------------------------------

struct names {
    const char *mood, *id, *payload;
};

static bool lookup(void *ctx, nh_span_t name, struct nh_value *out)
{
    const struct names *n = ctx;
    const struct {
        const char *name, *text;
    } known[] = {{"mood", n->mood}, {"trigger.id", n->id}, {"trigger.payload", n->payload}};
    for (size_t i = 0; i < NH_ARRAY_LEN(known); i++) {
        if (strlen(known[i].name) != name.len || memcmp(known[i].name, name.ptr, name.len) != 0)
            continue;
        *out = nh_value_of_text(nh_span_of(known[i].text));
        return true;
    }
    return false;
}

static uint32_t number; // random's
static uint32_t next_number(void *ctx)
{
    (void)ctx;
    return number;
}

static nh_rec_t step_of(const nh_device_set_t *set, const char *scenario, uint32_t index)
{
    int at = nh_device_set_find_scenario(set, 0, nh_span_of(scenario));
    assert_true(at >= 0);
    return nh_rec_element(nh_device_set_scenario(set, (uint32_t)at), NH_FIELD_STEPS, index);
}

static const char *filled(nh_span_t text, const struct names *n)
{
    static char out[256], scratch[256], why[96];
    struct nh_expr_env env = {lookup,  NULL,           next_number, (void *)(uintptr_t)n,
                              scratch, sizeof scratch, why,         sizeof why};
    int len = nh_expr_substitute(text, &env, out, sizeof out - 1);
    if (len < 0)
        fail_msg("%s", why);
    out[len > 0 ? len : 0] = 0;
    return out;
}

static void test_laser_captured(void **state)
{
    const struct names n = {"", "", ""};
    nh_device_set_t *set = load("laser.yaml");
    nh_rec_t step = step_of(set, "captured", 0);
    (void)state;
    number = 0;
    assert_string_equal(filled(nh_rec_text(step, NH_FIELD_PAYLOAD), &n), "/sdcard/laser/1.mp3");
    number = UINT32_MAX;
    assert_string_equal(filled(nh_rec_text(step, NH_FIELD_PAYLOAD), &n), "/sdcard/laser/32.mp3");
    nh_device_set_unref(set);
}

static void test_robot_comments_by_its_mood(void **state)
{
    static const struct {
        const char *mood, *track;
    } moods[] = {{"laser", "/sdcard/laser/7.mp3"},
                 {"sarcastic", "/sdcard/sarcastic/5.mp3"},
                 {"broken", "/sdcard/broken/5.mp3"}};
    nh_device_set_t *set = load("robot.yaml");
    nh_span_t payload = nh_rec_text(step_of(set, "comment", 0), NH_FIELD_PAYLOAD);
    (void)state;
    number = UINT32_MAX / 2 + 1;
    for (size_t i = 0; i < NH_ARRAY_LEN(moods); i++) {
        struct names n = {moods[i].mood, "", "/sdcard/laser/7.mp3"};
        assert_string_equal(filled(payload, &n), moods[i].track);
    }
    nh_device_set_unref(set);
}

// The two moods exclude each other, and "off" ends only its own.
static void test_robot_moods(void **state)
{
    static const struct {
        const char *mood, *id, *payload, *after;
    } changes[] = {
        {"laser", "sarcastic", "on", "sarcastic"}, {"sarcastic", "broken", "on", "broken"},
        {"broken", "sarcastic", "off", "broken"},  {"broken", "broken", "off", "laser"},
        {"laser", "broken", "off", "laser"},       {"sarcastic", "sarcastic", "on", "sarcastic"},
    };
    nh_device_set_t *set = load("robot.yaml");
    nh_rec_t choice = step_of(set, "mode", 0);
    nh_span_t condition =
        nh_rec_text(nh_rec_first(choice, NH_FIELD_CONDITIONS), NH_FIELD_EXPRESSION);
    nh_span_t mood = nh_rec_text(nh_rec_first(choice, NH_FIELD_THEN), NH_FIELD_EXPRESSION);
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(changes); i++) {
        struct names n = {changes[i].mood, changes[i].id, changes[i].payload};
        struct nh_expr_env env = {.lookup = lookup, .ctx = &n};
        struct nh_value holds, v = nh_value_of_text(nh_span_of(changes[i].mood));
        assert_int_equal(nh_expr_eval(condition, &env, &holds), 0);
        if (nh_value_truth(&holds))
            assert_int_equal(nh_expr_eval(mood, &env, &v), 0);
        if (v.text.len != strlen(changes[i].after) ||
            memcmp(v.text.ptr, changes[i].after, v.text.len) != 0)
            fail_msg("%s, %s %s: %.*s", changes[i].mood, changes[i].id, changes[i].payload,
                     (int)v.text.len, (const char *)v.text.ptr);
    }
    nh_device_set_unref(set);
}

// ---- all ----------------------------------------------------------------------------------------

static void test_all_are_without_a_finding(void **state)
{
    static const char *const files[] = {"laser.yaml", "pictures.yaml", "robot.yaml", "room.yaml"};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(files); i++)
        nh_device_set_unref(load(files[i]));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_plays),
        TEST(test_laser_captured),
        TEST(test_robot_comments_by_its_mood),
        TEST(test_robot_moods),
        TEST(test_all_are_without_a_finding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
