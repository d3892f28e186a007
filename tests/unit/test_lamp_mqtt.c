// The lamp by MQTT, on a lamp that is a fake: topics of the hub, of a WLED device, and the entities
// of Home Assistant with their states and commands.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "components/lamp_mqtt/lamp_mqtt.h"
#include "support/fake_lamp.h"
#include "support/test_memory.h"

static struct {
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    nh_sched_t *sched;
    nh_wled_t *wled;
    nh_lamp_mqtt_t *mqtt;
    struct nh_homeassistant_part part;
    char said[32][128]; // "topic=payload", 'r' before it: retained; cut
    char state[1024];   // whole, of <name>/lamp/state
    size_t count, part_changes;
    int publish_error;
    char text[4096];
} t;

static nh_span_t span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

static int publish(void *ctx, nh_span_t topic, nh_span_t payload, bool retain)
{
    (void)ctx;
    if (t.count < 32)
        snprintf(t.said[t.count++], sizeof t.said[0], "%s%.*s=%.*s", retain ? "r " : "",
                 (int)topic.len, (const char *)topic.ptr, (int)payload.len,
                 (const char *)payload.ptr);
    if (retain && topic.len > 6 && memcmp(topic.ptr + topic.len - 6, "/state", 6) == 0)
        snprintf(t.state, sizeof t.state, "%.*s", (int)payload.len, (const char *)payload.ptr);
    return t.publish_error;
}

static void part_changed(void *ctx, size_t at)
{
    (void)ctx;
    assert_int_equal(at, 0);
    t.part_changes++;
}

static uint64_t clock_ms(void)
{
    return 1000;
}

static void on_changed(void *ctx)
{
    (void)ctx;
    if (t.mqtt)
        nh_lamp_mqtt_changed(t.mqtt);
}

static int make(bool has_wled, bool has_topics)
{
    const struct nh_lamp_mqtt_config cfg = {.mem = t.mem,
                                            .lamp = (nh_lamp_t *)(void *)&fake_lamp,
                                            .wled = has_wled ? t.wled : NULL,
                                            .name = "attic",
                                            .has_topics = has_topics,
                                            .publish = publish,
                                            .part_changed = part_changed};
    int err = nh_lamp_mqtt_create(&cfg, &t.mqtt);
    if (err == 0)
        t.part = nh_lamp_mqtt_part(t.mqtt);
    return err;
}

static int setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    fake_lamp_reset();
    memset(&fake_lamp_read, 0, sizeof fake_lamp_read);
    fake_lamp.changed = on_changed;
    struct nh_mem_system_config memory = {0};
    for (int tier = 0; tier < NH_MEM_TIER_COUNT; tier++)
        memory.region[tier].base =
            nh_test_region((enum nh_mem_tier)tier, &memory.region[tier].size_bytes);
    assert_int_equal(nh_mem_system_create(&memory, &t.sys), 0);
    assert_int_equal(nh_mem_owner_add(t.sys, "test", NULL, &t.mem), 0);
    const struct nh_sched_config sched = {.mem = t.mem, .timer_max_count = 4};
    assert_int_equal(nh_sched_create(&sched, &t.sched), 0);
    const struct nh_wled_config wled = {.mem = t.mem,
                                        .sched = t.sched,
                                        .lamp = (nh_lamp_t *)(void *)&fake_lamp,
                                        .name = "attic",
                                        .version = "1",
                                        .mac = "0123456789ab",
                                        .clock_ms = clock_ms};
    assert_int_equal(nh_wled_create(&wled, &t.wled), 0);
    return make(true, true);
}

static int teardown(void **state)
{
    (void)state;
    nh_lamp_mqtt_destroy(t.mqtt);
    nh_wled_destroy(t.wled);
    nh_sched_destroy(t.sched);
    assert_int_equal(nh_mem_system_destroy(t.sys, NULL, NULL), 0);
    return 0;
}

static void say(const char *topic, const char *payload)
{
    nh_lamp_mqtt_message(t.mqtt, span(topic), span(payload));
    fake_lamp_run();
}

static bool said(size_t at, const char *begin)
{
    return at < t.count && strncmp(t.said[at], begin, strlen(begin)) == 0;
}

static struct nh_lamp_mqtt_info info(void)
{
    struct nh_lamp_mqtt_info i;
    nh_lamp_mqtt_info(t.mqtt, &i);
    return i;
}

#define LAMP (&fake_lamp.snapshot.state)

// ---- topics ------------------------------------------------------------------------------------

static void test_says(void **state)
{
    (void)state;
    nh_lamp_mqtt_online(t.mqtt);
    assert_true(said(0, "r wled/attic/status=online"));
    assert_true(said(1, "r attic/lamp/state={\"power\":true,\"effect\":\""));
    assert_true(said(2, "wled/attic/g=102"));
    assert_true(said(3, "wled/attic/c=#FF8800"));
    assert_true(said(4, "wled/attic/v=<?xml"));
    assert_int_equal(t.count, 5);
    assert_non_null(strstr(t.state, "\"brightness\":102,\"speed_pct\":100,\"intensity\":128,"
                                    "\"palette\":\"auto\",\"paused\":false,\"colors\":[\"#ff8800\","
                                    "\"#000000\",\"#0000ff\"],\"text\":\"\",\"overlay\":{"
                                    "\"enabled\":false,\"mode\":\"idle\",\"blend\":\"alpha\"},"
                                    "\"seq\":7}"));
    fake_lamp_tell(); // another figure, the same state
    assert_int_equal(t.count, 5);
    say("wled/attic", "OFF");
    assert_true(said(5, "r attic/lamp/state={\"power\":false"));
    assert_true(said(6, "wled/attic/g=0"));
    size_t count = t.count;
    nh_lamp_mqtt_offline(t.mqtt);
    assert_true(said(count, "r wled/attic/status=offline"));
    say("wled/attic", "ON");
    assert_int_equal(t.count, count + 1); // nothing follows
    assert_int_equal(info().failed, 0);
}

static void test_longest_state(void **state)
{
    (void)state;
    *LAMP = (struct nh_lamp_state){.effect_id = nh_fx_visible(0)->id,
                                   .brightness = 255,
                                   .speed_pct = 300,
                                   .intensity = 255,
                                   .palette = 0,
                                   .color = {0xFFFFFF, 0xFFFFFF, 0xFFFFFF},
                                   .overlay_mode = NH_LAMP_OVERLAY_LISTEN,
                                   .seq = UINT32_MAX};
    memset(LAMP->text, 1, sizeof LAMP->text - 1); // each becomes six characters
    nh_lamp_mqtt_online(t.mqtt);
    assert_int_equal(info().failed, 0);
    assert_non_null(strstr(t.state, "\"seq\":4294967295}"));
    t.publish_error = NH_ERR_FULL;
    LAMP->seq = 3;
    fake_lamp_tell();
    assert_int_equal(info().failed, 4);
}

static void test_own_set(void **state)
{
    (void)state;
    nh_lamp_mqtt_online(t.mqtt);
    say("attic/lamp/set", "OFF");
    assert_false(LAMP->power);
    assert_string_equal(fake_lamp.who, "MQTT");
    assert_int_equal(fake_lamp.snapshot.changed_by, NH_ORIGIN_MQTT);
    say("attic/lamp/set", "TOGGLE");
    assert_true(LAMP->power);
    fake_lamp_read.command = (struct nh_lamp_command){
        .kind = NH_LAMP_SET, .mask = NH_LAMP_F_BRIGHTNESS, .set = {.brightness = 9}};
    fake_lamp_read.angle_deg = 90;
    say("attic/lamp/set", "{\"brightness\":9}");
    assert_string_equal(fake_lamp_read.text, "{\"brightness\":9}");
    assert_int_equal(LAMP->brightness, 9);
    assert_int_equal(fake_lamp_read.angle_deg, -90);
    fake_lamp_read.err = NH_ERR_NOT_FOUND;
    say("attic/lamp/set", "{\"effect\":\"none\"}");
    say("attic/lamp/set", "");
    fake_lamp_read.err = 0;
    fake_lamp.is_full = true;
    say("attic/lamp/set", "ON");
    assert_int_equal(info().refused, 3);
    assert_int_equal(info().commands, 6);
    say("attic/lamp/state", "OFF"); // its own, and others', are none of its commands
    say("wled/attic/g", "0");
    assert_int_equal(info().commands, 6);
}

static void test_wled_topics(void **state)
{
    static const struct {
        const char *topic, *payload;
        int power, brightness;
    } rows[] = {
        {"wled/attic", "OFF", 0, 102},
        {"wled/attic", "on", 1, 102},
        {"wled/attic", "T", 0, 102},
        {"wled/attic", "t", 1, 102},
        {"wled/attic", "50", 1, 50},
        {"wled/attic", "0", 0, 50},
        {"wled/all", "77", 1, 77},
        {"wled/attic", "", 1, 77},
        {"wled/attic/api", "A=12&FX=1", 1, 12},
        {"wled/attic/api", "{\"on\":false}", 0, 12},
        {"wled/all/api", "{\"bri\":13}", 1, 13},
        {"wled/attic/api", "{", 1, 13}, // not understood
    };
    (void)state;
    nh_lamp_mqtt_online(t.mqtt);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        t.count = 0;
        say(rows[i].topic, rows[i].payload);
        if (LAMP->power != rows[i].power || LAMP->brightness != rows[i].brightness)
            fail_msg("%s %s: power %d, brightness %u", rows[i].topic, rows[i].payload, LAMP->power,
                     LAMP->brightness);
    }
    assert_int_equal(LAMP->effect_id, nh_fx_visible(1)->id);
    t.count = 0;
    say("wled/attic/col", "#010203");
    assert_int_equal(LAMP->color[0], 0x010203);
    assert_true(said(2, "wled/attic/c=#010203"));
    say("wled/all/col", "0a0b0c");
    assert_int_equal(LAMP->color[0], 0x0A0B0C);
    assert_int_equal(info().refused, 1);
}

static void test_without_topics(void **state)
{
    (void)state;
    nh_lamp_mqtt_destroy(t.mqtt);
    assert_int_equal(make(true, false), 0);
    assert_null(nh_lamp_mqtt_filters(t.mqtt)[0]);
    nh_lamp_mqtt_online(t.mqtt);
    nh_lamp_mqtt_offline(t.mqtt);
    assert_int_equal(t.count, 0);
    assert_int_equal(t.part_changes, 1); // Home Assistant hears all the same
    nh_lamp_mqtt_destroy(t.mqtt);
    assert_int_equal(make(false, true), 0); // no WLED interface
    nh_lamp_mqtt_online(t.mqtt);
    assert_int_equal(t.count, 1);
    assert_string_equal(nh_lamp_mqtt_filters(t.mqtt)[0], "attic/lamp/set");
    assert_null(nh_lamp_mqtt_filters(t.mqtt)[1]);
}

// ---- Home Assistant ----------------------------------------------------------------------------

static void command(const char *what, const char *payload)
{
    t.part.command(t.part.ctx, span(what), span(payload));
    fake_lamp_run();
}

static const char *state_of(size_t at)
{
    struct nh_json_buf buf = {.ptr = t.text, .cap = sizeof t.text - 1};
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    assert_string_equal(t.part.state_write(t.part.ctx, at, &w), at ? "figures" : "state");
    assert_int_equal(nh_json_writer_end(&w), 0);
    t.text[buf.len] = '\0';
    return t.text;
}

static void test_light(void **state)
{
    (void)state;
    nh_lamp_mqtt_online(t.mqtt);
    command("", "{\"state\":\"OFF\"}");
    assert_false(LAMP->power);
    assert_int_equal(LAMP->brightness, 102);
    command("", "{\"state\":\"ON\"}"); // as bright as it was
    assert_true(LAMP->power);
    assert_int_equal(LAMP->brightness, 102);
    assert_string_equal(fake_lamp.who, "Home Assistant");
    command("", "{\"state\":\"ON\",\"brightness\":55,\"transition\":2.5}");
    assert_int_equal(LAMP->brightness, 55);
    assert_int_equal(fake_lamp.last_transition_ms, 2500);
    command("", "{\"state\":\"ON\",\"brightness\":0}"); // off, and keeps it
    assert_false(LAMP->power);
    assert_int_equal(LAMP->brightness, 55);
    struct nh_lamp_state dark = {.brightness = 0, .power = true};
    fake_lamp_other(NH_LAMP_F_BRIGHTNESS | NH_LAMP_F_POWER, &dark); // by somebody else
    command("", "{\"state\":\"ON\"}");
    assert_int_equal(LAMP->brightness, 55);
    command("", "{\"state\":\"ON\",\"color\":{\"r\":1,\"g\":2,\"b\":3}}");
    assert_int_equal(LAMP->color[0], 0x010203);
    assert_int_equal(LAMP->color[1], 0);
    command("", "{\"state\":\"ON\",\"flash\":2}");
    assert_int_equal(fake_lamp.flash_ms, 2000);
    command("", "OFF");
    assert_false(LAMP->power);
    command("", "ON");
    assert_true(LAMP->power);
    for (uint16_t i = 0; i < nh_fx_visible_count(); i++) {
        char text[64];
        snprintf(text, sizeof text, "{\"state\":\"ON\",\"effect\":\"%s\"}", nh_fx_visible(i)->name);
        command("", text);
        assert_int_equal(LAMP->effect_id, nh_fx_visible(i)->id);
        snprintf(text, sizeof text, "\"effect\":\"%s\"", nh_fx_visible(i)->name);
        assert_non_null(strstr(state_of(0), text));
    }
    static const char *const wrong[] = {"",
                                        "{",
                                        "[]",
                                        "{\"state\":\"TOGGLE\"}",
                                        "{\"state\":\"ON\",\"effect\":\"no such\"}",
                                        "{\"state\":\"ON\",\"brightness\":300}",
                                        "{\"state\":7}",
                                        "on"};
    struct nh_lamp_state before = *LAMP;
    for (size_t i = 0; i < NH_ARRAY_LEN(wrong); i++)
        command("", wrong[i]);
    assert_true(fake_lamp_is_same(&before, LAMP));
    assert_int_equal(info().refused, NH_ARRAY_LEN(wrong));
}

static void test_other_entities(void **state)
{
    (void)state;
    command("speed", "250");
    assert_int_equal(LAMP->speed_pct, 250);
    command("speed", "9.0");
    assert_int_equal(LAMP->speed_pct, 10);
    command("intensity", "200");
    assert_int_equal(LAMP->intensity, 200);
    command("palette", nh_fx_palettes[3].name);
    assert_int_equal(LAMP->palette, 3);
    command("palette", "auto");
    assert_int_equal(LAMP->palette, NH_LAMP_PALETTE_AUTO);
    command("pause", "ON");
    assert_true(LAMP->paused);
    command("pause", "OFF");
    assert_false(LAMP->paused);
    command("overlay", "ON");
    assert_true(LAMP->overlay);
    uint16_t effect = LAMP->effect_id;
    command("next", "PRESS");
    assert_int_equal(LAMP->effect_id, nh_fx_next(effect));
    command("previous", "PRESS");
    assert_int_equal(LAMP->effect_id, effect);
    static const char *const wrong[][2] = {{"speed", "fast"},  {"speed", "1e9"},
                                           {"intensity", ""},  {"palette", "none"},
                                           {"pause", "maybe"}, {"nothing", "ON"}};
    for (size_t i = 0; i < NH_ARRAY_LEN(wrong); i++)
        command(wrong[i][0], wrong[i][1]);
    assert_int_equal(info().refused, NH_ARRAY_LEN(wrong));
    assert_string_equal(state_of(1), "{\"fps\":40,\"current_ma\":1250}");
    assert_non_null(strstr(state_of(0), "{\"state\":\"ON\",\"brightness\":102,\"color_mode\":"
                                        "\"rgb\",\"color\":{\"r\":255,\"g\":136,\"b\":0},"
                                        "\"effect\":"));
}

static void test_documents(void **state)
{
    (void)state;
    assert_int_equal(t.part.entity_count, 10);
    for (size_t at = 0; at < t.part.entity_count; at++) {
        struct nh_homeassistant_entity e;
        struct nh_json_buf buf = {.ptr = t.text, .cap = 2500}; // with the rest under 3 KiB
        nh_json_writer_t w;
        t.part.entity(t.part.ctx, at, &e);
        assert_memory_equal(e.object, "lamp", 4);
        nh_json_writer_init(&w, nh_json_buf_sink, &buf);
        nh_json_object_begin(&w);
        t.part.entity_write(t.part.ctx, at, &w);
        nh_json_object_end(&w);
        if (nh_json_writer_end(&w) != 0)
            fail_msg("%s is too long", e.object);
    }
}

static void test_creation(void **state)
{
    char name[80] = "";
    (void)state;
    nh_lamp_mqtt_destroy(t.mqtt);
    t.mqtt = NULL;
    memset(name, 'x', sizeof name - 1);
    struct nh_lamp_mqtt_config cfg = {.mem = t.mem, .name = name, .has_topics = true};
    assert_int_equal(nh_lamp_mqtt_create(&cfg, &t.mqtt), NH_ERR_TOO_LONG);
    nh_mem_fault_set(t.sys, &(struct nh_mem_fault){.fail_nth = 1});
    assert_int_equal(make(true, true), NH_ERR_NOMEM);
    nh_mem_fault_set(t.sys, NULL);
    assert_null(t.mqtt);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_says),           T(test_longest_state),  T(test_own_set),
        T(test_wled_topics),    T(test_without_topics), T(test_light),
        T(test_other_entities), T(test_documents),      T(test_creation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
