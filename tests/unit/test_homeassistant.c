// Home Assistant's component: what it says and in which order, at the own broker and at another one
// that has little room or goes away.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "components/homeassistant/homeassistant.h"
#include "components/homeassistant/homeassistant_discovery.h"
#include "support/mqtt_packet.h"
#include "support/test_memory.h"

static struct {
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    nh_sched_t *sched;
    nh_mqtt_broker_t *broker;
    nh_mqtt_local_t *ear;
    nh_homeassistant_t *ha;
    uint64_t now_ms;
    int dials, hang_ups;
    char heard[128][200]; // "topic=payload", cut; 'r' before it: retained
    size_t count;
    char tags[32][32];
    size_t tag_count;
    size_t health_bytes;
} t;

static uint64_t clock_ms(void)
{
    return t.now_ms;
}

static void hear(const char *topic, size_t topic_len, const uint8_t *payload, size_t len,
                 bool retain)
{
    assert_true(t.count < sizeof t.heard / sizeof t.heard[0]);
    snprintf(t.heard[t.count++], sizeof t.heard[0], "%s%.*s=%.*s", retain ? "r " : "",
             (int)topic_len, topic, (int)len, (const char *)payload);
}

static void on_message(void *ctx, const struct nh_mqtt_message *m)
{
    (void)ctx;
    hear((const char *)m->topic.ptr, m->topic.len, m->payload.ptr, m->payload.len, m->retain);
}

static void health(void *ctx, nh_json_writer_t *w)
{
    char text[4000];
    (void)ctx;
    memset(text, 'x', sizeof text);
    nh_json_object_begin(w);
    nh_json_key(w, "fill");
    nh_json_string_n(w, text, t.health_bytes);
    nh_json_object_end(w);
}

static void on_tag(void *ctx, const char *tag)
{
    (void)ctx;
    for (size_t i = 0; i < t.tag_count; i++)
        if (strcmp(t.tags[i], tag) == 0)
            return;
    snprintf(t.tags[t.tag_count++], sizeof t.tags[0], "%s", tag);
}

static void on_dial(void *ctx)
{
    (void)ctx;
    t.dials++;
}

static void on_hang_up(void *ctx)
{
    (void)ctx;
    t.hang_ups++;
}

static void on_dirty(void *ctx)
{
    (void)ctx;
}

static struct nh_homeassistant_config config(const char *address)
{
    return (struct nh_homeassistant_config){
        .mem = t.mem,
        .sched = t.sched,
        .broker = t.broker,
        .address = address,
        .name = "desk-pad",
        .device_name = "Desk Pad",
        .model = "nuthatch",
        .version = "1.2",
        .interval_s = 60,
        .has_buttons = true,
        .clock_ms = clock_ms,
        .health = health,
        .hotspot_once = on_tag,
        .dial = on_dial,
        .hang_up = on_hang_up,
        .dirty = on_dirty,
    };
}

static int setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    t.now_ms = 1000;
    t.health_bytes = 100;
    struct nh_mem_system_config memory = {0};
    for (int tier = 0; tier < NH_MEM_TIER_COUNT; tier++)
        memory.region[tier].base =
            nh_test_region((enum nh_mem_tier)tier, &memory.region[tier].size_bytes);
    assert_int_equal(nh_mem_system_create(&memory, &t.sys), 0);
    assert_int_equal(nh_mem_owner_add(t.sys, "test", NULL, &t.mem), 0);
    const struct nh_sched_config sched = {.mem = t.mem, .timer_max_count = 4};
    const struct nh_mqtt_broker_config broker = {.mem = t.mem};
    assert_int_equal(nh_sched_create(&sched, &t.sched), 0);
    assert_int_equal(nh_mqtt_broker_create(&broker, &t.broker), 0);
    assert_int_equal(nh_mqtt_local_subscribe(t.broker, "#", on_message, NULL, &t.ear), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_homeassistant_destroy(t.ha);
    nh_mqtt_local_unsubscribe(t.broker, t.ear);
    nh_mqtt_broker_destroy(t.broker);
    nh_sched_destroy(t.sched);
    assert_int_equal(nh_mem_system_destroy(t.sys, NULL, NULL), 0);
    return 0;
}

static void create(const char *address)
{
    const struct nh_homeassistant_config cfg = config(address);
    assert_int_equal(nh_homeassistant_create(&cfg, &t.ha), 0);
    assert_int_equal(nh_homeassistant_start(t.ha), 0);
}

static struct nh_homeassistant_info info(void)
{
    struct nh_homeassistant_info i;
    nh_homeassistant_info(t.ha, &i);
    return i;
}

static void run_to(uint64_t now_ms)
{
    t.now_ms = now_ms;
    nh_sched_run(t.sched, now_ms);
    nh_homeassistant_tick(t.ha, now_ms);
}

static bool heard(size_t at, const char *begin)
{
    return at < t.count && strncmp(t.heard[at], begin, strlen(begin)) == 0;
}

static nh_span_t span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

static void press(uint32_t page, uint32_t slot, const char *label, bool is_hold)
{
    nh_homeassistant_press(t.ha, page, slot, span(label), is_hold);
}

// ---- the own broker -----------------------------------------------------------------------------

static void test_own_broker(void **state)
{
    static const char *const tags[] = {"mqtt_connect_attempt", "mqtt_connected",
                                       "mqtt_discovery_pre", "mqtt_first_publish",
                                       "mqtt_discovery_post"};
    (void)state;
    create(NULL);
    assert_int_equal(t.count, 0); // from the loop's next turn on
    press(1, 2, "early", false);
    run_to(1000);
    assert_true(heard(0, "r devices/desk-pad/availability=online"));
    assert_true(
        heard(1, "r homeassistant/sensor/desk-pad/uptime/config={\"~\":\"devices/desk-pad\""));
    assert_true(heard(t.count - 2, "r homeassistant/event/desk-pad/button/config="));
    assert_true(heard(t.count - 1, "r devices/desk-pad/health/state={\"fill\":"));
    size_t before = t.count;
    press(1, 2, "Mute \"all\"", false);
    assert_true(heard(before,
                      "devices/desk-pad/event={\"event_type\":\"press\",\"page\":1,\"slot\":2,"
                      "\"label\":\"Mute \\\"all\\\"\"}"));
    run_to(61000);
    assert_int_equal(t.count, before + 2);
    assert_true(heard(before + 1, "r devices/desk-pad/health/state="));
    assert_int_equal(t.tag_count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(t.tags[i], tags[i]);
    assert_int_equal(info().events, 1);
    assert_int_equal(info().dropped_events, 1);
    assert_int_equal(info().messages, t.count);
    assert_int_equal(info().last_state_ms, 61000);
    nh_homeassistant_stop(t.ha);
    assert_true(heard(t.count - 1, "r devices/desk-pad/availability=offline"));
    press(1, 2, "late", false);
    assert_int_equal(nh_sched_next_deadline(t.sched), NH_NEVER);
}

static void test_once_without_an_interval(void **state)
{
    (void)state;
    struct nh_homeassistant_config cfg = config(NULL);
    cfg.interval_s = 0;
    cfg.has_buttons = false;
    assert_int_equal(nh_homeassistant_create(&cfg, &t.ha), 0);
    assert_int_equal(nh_homeassistant_start(t.ha), 0);
    run_to(1000);
    assert_true(heard(t.count - 1, "r devices/desk-pad/health/state="));
    for (size_t i = 0; i < t.count; i++)
        assert_null(strstr(t.heard[i], "/event/"));
    assert_int_equal(nh_sched_next_deadline(t.sched), NH_NEVER);
}

static void test_what_is_too_long_holds_up_nothing(void **state)
{
    (void)state;
    t.health_bytes = 3500;
    create(NULL);
    run_to(1000);
    assert_true(heard(t.count - 1, "r homeassistant/event/"));
    assert_int_equal(info().dropped_long, 1);
    t.health_bytes = 10;
    run_to(61000);
    assert_true(heard(t.count - 1, "r devices/desk-pad/health/state="));
}

static void test_labels_are_cut_at_a_character(void **state)
{
    char label[100] = "";
    (void)state;
    create(NULL);
    run_to(1000);
    for (int i = 0; i < 30; i++)
        strcat(label, "\xc3\xa9");
    press(0, 0, label, true);
    assert_non_null(strstr(t.heard[t.count - 1], "\"event_type\":\"hold\""));
    char *at = strstr(t.heard[t.count - 1], "\"label\":\"") + 9;
    assert_int_equal(strlen(at), 2 * 23 + 2); // 46 bytes, a quote and a brace
    assert_null(strstr(at, "\xef\xbf\xbd"));
}

// ---- another broker -----------------------------------------------------------------------------

// Takes up to `max` bytes of what waits for the socket; whole packets are heard.
static void take(size_t max)
{
    static uint8_t said[8192];
    static size_t len;
    if (max == 0) {
        len = 0;
        return;
    }
    nh_mqtt_publisher_t *p = nh_homeassistant_publisher(t.ha);
    const nh_span_t out = nh_mqtt_publisher_output(p);
    size_t n = out.len < max ? out.len : max;
    assert_true(len + n <= sizeof said);
    memcpy(said + len, out.ptr, n);
    len += n;
    nh_mqtt_publisher_sent(p, n, t.now_ms);
    for (size_t at = 2; at <= len; at++) {
        struct any_packet packet;
        int rc = any_decode(4, NH_MQTT__FROM_CLIENT, said, at, &packet);
        if (rc == NH_ERR_AGAIN)
            continue;
        assert_int_equal(rc, 0);
        if (packet.type == NH_MQTT__PUBLISH)
            hear((const char *)packet.publish.topic.ptr, packet.publish.topic.len,
                 packet.publish.payload.ptr, packet.publish.payload.len, packet.publish.retain);
        memmove(said, said + at, len - at);
        len -= at;
        at = 1;
    }
}

static void take_all(size_t piece)
{
    for (int i = 0; nh_mqtt_publisher_output(nh_homeassistant_publisher(t.ha)).len && i < 20000;
         i++)
        take(piece);
}

static void go_online(void)
{
    nh_mqtt_publisher_t *p = nh_homeassistant_publisher(t.ha);
    take(0);
    run_to(nh_homeassistant_next_deadline(t.ha) > t.now_ms ? nh_homeassistant_next_deadline(t.ha)
                                                           : t.now_ms);
    nh_mqtt_publisher_opened(p, t.now_ms);
    take_all(1000);
    nh_mqtt_publisher_input(p, (const uint8_t *)"\x20\x02\x00\x00", 4, t.now_ms);
}

static void test_another_broker(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 4000; piece = piece * 7 + 1) {
        create("broker.lan:1883");
        t.count = 0;
        go_online();
        take_all(piece);
        assert_true(heard(0, "r devices/desk-pad/availability=online"));
        assert_true(heard(1, "r homeassistant/sensor/desk-pad/uptime/config="));
        assert_true(heard(t.count - 2, "r homeassistant/event/desk-pad/button/config="));
        assert_true(heard(t.count - 1, "r devices/desk-pad/health/state="));
        size_t said = t.count;
        // It goes away and comes back with nothing: all is said anew, what happened meanwhile not.
        press(0, 1, "unsent", false);
        nh_mqtt_publisher_closed(nh_homeassistant_publisher(t.ha), "gone", t.now_ms);
        press(0, 2, "away", false);
        t.count = 0;
        go_online();
        take_all(piece);
        assert_int_equal(t.count, said);
        for (size_t i = 0; i < t.count; i++)
            assert_null(strstr(t.heard[i], "/event="));
        press(0, 3, "there", false);
        take_all(piece);
        assert_true(heard(said, "devices/desk-pad/event="));
        nh_homeassistant_stop(t.ha);
        take_all(piece);
        assert_true(heard(t.count - 1, "r devices/desk-pad/availability=offline"));
        nh_mqtt_publisher_closed(nh_homeassistant_publisher(t.ha), "closed", t.now_ms);
        assert_int_equal(nh_homeassistant_next_deadline(t.ha), NH_NEVER);
        nh_homeassistant_destroy(t.ha);
        t.ha = NULL;
    }
}

static void test_events_that_do_not_fit(void **state)
{
    (void)state;
    create("broker.lan:1883");
    go_online();
    for (int i = 0; i < 200; i++)
        press(0, 3, "many", false);
    assert_true(info().dropped_events > 100);
    take_all(500);
    assert_int_equal(info().events + info().dropped_events, 200);
    assert_int_equal(info().events, NH_HOMEASSISTANT_EVENT_MAX_COUNT);
}

static void test_an_end_without_room(void **state)
{
    (void)state;
    create("broker.lan:1883");
    go_online();
    static const char fill[64];
    for (size_t len = sizeof fill; len > 0; len /= 4) // until there is no room for a few bytes
        while (nh_homeassistant_publish(t.ha, span("x"), (nh_span_t){(const uint8_t *)fill, len},
                                        false) == 0)
            ;
    nh_homeassistant_stop(t.ha);
    assert_int_equal(t.hang_ups, 1); // no good-bye: the broker sends the will
    t.count = 0;
    take_all(1000);
    for (size_t i = 0; i < t.count; i++)
        assert_null(strstr(t.heard[i], "offline"));
    nh_mqtt_publisher_closed(nh_homeassistant_publisher(t.ha), "closed", t.now_ms);
}

// ---- another part of the hub --------------------------------------------------------------------

static struct {
    int state;
    char commands[8][48];
    size_t count;
} part;

static void part_entity(void *ctx, size_t at, struct nh_homeassistant_entity *out)
{
    (void)ctx;
    *out = at == 0 ? (struct nh_homeassistant_entity){"light", "lamp", NULL, false}
                   : (struct nh_homeassistant_entity){"number", "lamp_speed", "Speed", false};
}

static void part_entity_write(void *ctx, size_t at, nh_json_writer_t *w)
{
    (void)ctx;
    nh_json_kv_string(w, "cmd_t", at == 0 ? "~/lamp/set" : "~/lamp/speed/set");
}

static const char *part_state_write(void *ctx, size_t at, nh_json_writer_t *w)
{
    (void)ctx;
    nh_json_int(w, part.state);
    return at == 0 ? "state" : "figures";
}

static void part_command(void *ctx, nh_span_t what, nh_span_t payload)
{
    (void)ctx;
    assert_true(part.count < 8);
    snprintf(part.commands[part.count++], sizeof part.commands[0], "%.*s=%.*s", (int)what.len,
             (const char *)what.ptr, (int)payload.len, (const char *)payload.ptr);
}

static const struct nh_homeassistant_part lamp_part = {.name = "lamp",
                                                       .entity_count = 2,
                                                       .state_count = 2,
                                                       .entity = part_entity,
                                                       .entity_write = part_entity_write,
                                                       .state_write = part_state_write,
                                                       .command = part_command};

// Another one, which hears nothing; of its three entities there are as many as `present`, and one
// state with something to say.
static struct {
    size_t present;
    bool is_known, has_state;
} pack;

static void pack_entity(void *ctx, size_t at, struct nh_homeassistant_entity *out)
{
    static const char *const objects[] = {"cell_01", "cell_02", "cell_03"};
    (void)ctx;
    *out = (struct nh_homeassistant_entity){"sensor", objects[at], "Cell", at >= pack.present};
    if (!pack.is_known)
        out->component = NULL;
}

static void pack_entity_write(void *ctx, size_t at, nh_json_writer_t *w)
{
    (void)ctx;
    nh_json_kv_uint(w, "at", at);
}

static const char *pack_state_write(void *ctx, size_t at, nh_json_writer_t *w)
{
    (void)ctx;
    (void)at;
    if (!pack.has_state)
        return NULL;
    nh_json_object_begin(w);
    nh_json_kv_string(w, "state", "online");
    nh_json_object_end(w);
    return "link";
}

static const struct nh_homeassistant_part pack_part = {.name = "battery",
                                                       .availability = "link",
                                                       .entity_count = 3,
                                                       .state_count = 1,
                                                       .entity = pack_entity,
                                                       .entity_write = pack_entity_write,
                                                       .state_write = pack_state_write};

static void create_with_part(const char *address)
{
    struct nh_homeassistant_config cfg = config(address);
    memset(&part, 0, sizeof part);
    memset(&pack, 0, sizeof pack);
    const struct nh_homeassistant_part parts[] = {pack_part, lamp_part};
    cfg.parts = parts;
    cfg.part_count = 2;
    assert_int_equal(nh_homeassistant_create(&cfg, &t.ha), 0);
    assert_int_equal(nh_homeassistant_start(t.ha), 0);
}

static void say(const char *topic, const char *payload, bool retain)
{
    const struct nh_mqtt_message m = {
        .topic = span(topic), .payload = span(payload), .retain = retain};
    assert_int_equal(nh_mqtt_broker_publish(t.broker, &m, t.now_ms), 0);
}

static size_t count_heard(const char *begin)
{
    size_t n = 0;
    for (size_t i = 0; i < t.count; i++)
        n += heard(i, begin);
    return n;
}

static void test_part(void **state)
{
    (void)state;
    say("devices/desk-pad/lamp/set", "kept", true); // of another day
    say("homeassistant/status", "online", true);
    create_with_part(NULL);
    t.count = 0;
    run_to(1000);
    assert_int_equal(count_heard("r homeassistant/light/desk-pad/lamp/config={\"~\":"), 1);
    assert_int_equal(count_heard("r homeassistant/number/desk-pad/lamp_speed/config="), 1);
    assert_int_equal(count_heard("r devices/desk-pad/lamp/state=0"), 1);
    assert_int_equal(count_heard("r devices/desk-pad/lamp/figures=0"), 1);
    assert_int_equal(part.count, 0);
    part.state = 7;
    nh_homeassistant_part_changed(t.ha, "lamp", 0);
    assert_true(heard(t.count - 1, "r devices/desk-pad/lamp/state=7"));
    nh_homeassistant_part_changed(t.ha, "lamp", 2); // there is none
    nh_homeassistant_part_changed(t.ha, "oven", 0);
    nh_homeassistant_part_announce(t.ha, "oven");
    nh_homeassistant_part_changed(NULL, "lamp", 0);
    assert_int_equal(count_heard("r devices/desk-pad/lamp/"), 3);
    say("devices/desk-pad/lamp/set", "{\"state\":\"ON\"}", false);
    say("devices/desk-pad/lamp/speed/set", "120", false);
    say("devices/other/lamp/set", "not for it", false);
    say("devices/desk-pad/lamp/speed/more/set", "too deep", false);
    assert_int_equal(part.count, 2);
    assert_string_equal(part.commands[0], "={\"state\":\"ON\"}");
    assert_string_equal(part.commands[1], "speed=120");
    // Home Assistant has started anew.
    t.count = 0;
    say("homeassistant/status", "offline", false);
    assert_int_equal(t.count, 1);
    say("homeassistant/status", "online", false);
    assert_int_equal(count_heard("r homeassistant/light/desk-pad/lamp/config="), 1);
    assert_int_equal(count_heard("r devices/desk-pad/availability=online"), 1);
    assert_int_equal(count_heard("r devices/desk-pad/lamp/state=7"), 1);
    t.count = 0;
    run_to(61000); // figures at each interval
    assert_int_equal(count_heard("r devices/desk-pad/lamp/figures=7"), 1);
    assert_int_equal(info().commands, 2);
    nh_homeassistant_stop(t.ha);
    say("devices/desk-pad/lamp/set", "late", false);
    assert_int_equal(part.count, 2);
}

static void test_part_at_another_broker(void **state)
{
    static const char set[] = "\x30\x21\x00\x19"
                              "devices/desk-pad/lamp/setOFF...";
    static const char speed[] = "\x30\x24\x00\x1f"
                                "devices/desk-pad/lamp/speed/set120";
    static const char kept[] = "\x31\x1e\x00\x19"
                               "devices/desk-pad/lamp/setOLD";
    static const char online[] = "\x30\x1c\x00\x14"
                                 "homeassistant/statusonline";
    (void)state;
    create_with_part("broker.lan:1883");
    go_online();
    take_all(1000);
    nh_mqtt_publisher_t *p = nh_homeassistant_publisher(t.ha);
    nh_mqtt_publisher_input(p, (const uint8_t *)kept, sizeof kept - 1, t.now_ms);
    nh_mqtt_publisher_input(p, (const uint8_t *)set, sizeof set - 1, t.now_ms);
    nh_mqtt_publisher_input(p, (const uint8_t *)speed, sizeof speed - 1, t.now_ms);
    assert_int_equal(part.count, 2);
    assert_string_equal(part.commands[0], "=OFF...");
    assert_string_equal(part.commands[1], "speed=120");
    t.count = 0;
    nh_mqtt_publisher_input(p, (const uint8_t *)online, sizeof online - 1, t.now_ms);
    take_all(1000);
    assert_int_equal(count_heard("r homeassistant/light/desk-pad/lamp/config="), 1);
    assert_int_equal(count_heard("r devices/desk-pad/lamp/state="), 1);
    // A state that changes while there is no room is said once, as it is then.
    t.count = 0;
    for (part.state = 1; part.state < 2000; part.state++)
        nh_homeassistant_part_changed(t.ha, "lamp", 0);
    take_all(1000);
    assert_true(t.count < 200);
    assert_true(heard(t.count - 1, "r devices/desk-pad/lamp/state=2000"));
    nh_mqtt_publisher_closed(p, "gone", t.now_ms);
}

// Entities that come when it is known how many there are, and go; their own availability.
static void test_parts_that_change(void **state)
{
    (void)state;
    create_with_part(NULL);
    run_to(1000);
    assert_int_equal(count_heard("r homeassistant/sensor/desk-pad/cell_0"), 0);
    assert_int_equal(count_heard("r devices/desk-pad/battery/"), 0);
    pack.has_state = pack.is_known = true;
    pack.present = 2;
    t.count = 0;
    nh_homeassistant_part_announce(t.ha, "battery");
    nh_homeassistant_part_changed(t.ha, "battery", 0);
    // An empty payload takes away what an earlier run may have left; the lamp is said again as it
    // comes behind.
    assert_true(heard(0, "r homeassistant/sensor/desk-pad/cell_01/config={"));
    assert_true(heard(1, "r homeassistant/sensor/desk-pad/cell_02/config={"));
    assert_string_equal(t.heard[2], "r homeassistant/sensor/desk-pad/cell_03/config=");
    assert_string_equal(t.heard[t.count - 1],
                        "r devices/desk-pad/battery/link={\"state\":\"online\"}");
    say("devices/desk-pad/battery/set", "nobody hears", false);
    assert_int_equal(info().commands, 0);
    assert_int_equal(part.count, 0);
    t.count = 0;
    pack.present = 1;
    nh_homeassistant_part_announce(t.ha, "battery");
    assert_string_equal(t.heard[1], "r homeassistant/sensor/desk-pad/cell_02/config=");
}

// ---- documents ----------------------------------------------------------------------------------

static void test_part_document(void **state)
{
    const struct nh_homeassistant__device d = {
        .prefix = "ha", .name = "x", .device_name = "X", .model = "m", .version = "1"};
    const struct nh_homeassistant_entity e = {"sensor", "cell_02", "Cell 2", false};
    char text[1024], topic[100];
    (void)state;
    struct nh_json_buf buf = {.ptr = text, .cap = sizeof text - 1};
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_homeassistant__part_write(&d, &pack_part, &e, 1, &w);
    assert_int_equal(nh_json_writer_end(&w), 0);
    text[buf.len] = 0;
    assert_string_equal(
        text, "{\"~\":\"devices/x\",\"name\":\"Cell 2\",\"default_entity_id\":\"sensor.x_cell_02\","
              "\"uniq_id\":\"x_cell_02\",\"at\":1,\"avty\":[{\"t\":\"~/availability\"},"
              "{\"t\":\"~/battery/link\",\"val_tpl\":\"{{ value_json.state }}\"}],"
              "\"avty_mode\":\"all\",\"dev\":{\"ids\":[\"x\"],\"name\":\"X\",\"mdl\":\"m\","
              "\"sw\":\"1\"},\"o\":{\"name\":\"nuthatch\",\"sw\":\"1\"}}");
    nh_homeassistant__part_topic(&d, &e, topic, sizeof topic);
    assert_string_equal(topic, "ha/sensor/x/cell_02/config");
}

static void test_documents(void **state)
{
    const struct nh_homeassistant__device d = {.prefix = "ha",
                                               .name = "x",
                                               .device_name = "X \"1\"",
                                               .model = "m",
                                               .version = "1",
                                               .has_buttons = true};
    char text[1024], topic[100];
    (void)state;
    struct nh_json_buf buf = {.ptr = text, .cap = sizeof text - 1};
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_homeassistant__entity_write(&d, 3, &w);
    assert_int_equal(nh_json_writer_end(&w), 0);
    text[buf.len] = 0;
    assert_string_equal(
        text, "{\"~\":\"devices/x\",\"name\":\"Core Temp\",\"object_id\":\"x_cpu_temperature\","
              "\"uniq_id\":\"x_cpu_temperature\",\"entity_category\":\"diagnostic\","
              "\"stat_t\":\"~/health/state\",\"val_tpl\":\"{{ value_json.cpu_temperature }}\","
              "\"unit_of_meas\":\"\xc2\xb0"
              "C\",\"dev_cla\":\"temperature\",\"stat_cla\":\"measurement\","
              "\"avty_t\":\"~/availability\",\"pl_avail\":\"online\",\"pl_not_avail\":\"offline\","
              "\"dev\":{\"ids\":[\"x\"],\"name\":\"X \\\"1\\\"\",\"mdl\":\"m\",\"sw\":\"1\"}}");
    nh_homeassistant__entity_topic(&d, 0, topic, sizeof topic);
    assert_string_equal(topic, "ha/sensor/x/uptime/config");
    nh_homeassistant__entity_topic(&d, nh_homeassistant__entity_count(&d) - 1, topic, sizeof topic);
    assert_string_equal(topic, "ha/event/x/button/config");
}

static void test_configurations(void **state)
{
    char long_name[40];
    (void)state;
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    struct nh_homeassistant_config c = config("b:1");
    c.name = "";
    assert_int_equal(nh_homeassistant_create(&c, &t.ha), NH_ERR_INVAL);
    c.name = long_name;
    assert_int_equal(nh_homeassistant_create(&c, &t.ha), NH_ERR_TOO_LONG);
    c = config("b:1");
    c.password = "x";
    assert_int_equal(nh_homeassistant_create(&c, &t.ha), NH_ERR_INVAL);
    for (uint64_t n = 1;; n++) {
        const struct nh_mem_fault fault = {.fail_nth = n};
        c = config("b:1");
        nh_mem_fault_set(t.sys, &fault);
        int err = nh_homeassistant_create(&c, &t.ha);
        nh_mem_fault_set(t.sys, NULL);
        if (err == 0)
            break;
        assert_int_equal(err, NH_ERR_NOMEM);
        assert_null(t.ha);
        assert_true(n < 5);
    }
    // One that was never started says nothing at its end.
    nh_homeassistant_stop(t.ha);
    assert_int_equal(t.hang_ups + t.dials, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_own_broker, setup, teardown),
        cmocka_unit_test_setup_teardown(test_once_without_an_interval, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_too_long_holds_up_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_labels_are_cut_at_a_character, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_broker, setup, teardown),
        cmocka_unit_test_setup_teardown(test_events_that_do_not_fit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_end_without_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_part, setup, teardown),
        cmocka_unit_test_setup_teardown(test_part_at_another_broker, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parts_that_change, setup, teardown),
        cmocka_unit_test(test_part_document),
        cmocka_unit_test(test_documents),
        cmocka_unit_test_setup_teardown(test_configurations, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
