// The lamp as WLED's clients know one: routes, WebSocket, presets, night light, pixels, on a lamp
// that is a fake; each allocation fails in turn, and the power goes at each write of a preset.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "components/wled/wled.h"
#include "support/fake_disk.h"
#include "support/fake_lamp.h"
#include "support/route_play.h"
#include "support/test_memory.h"

static struct {
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    nh_sched_t *sched;
    struct fake_disk disk;
    nh_store_t *store;
    nh_wled_t *wled;
    uint64_t now_ms;
    struct nh_ws_guest guest;
    struct {
        void *client;
        bool woken;
    } sockets[6];
    uint64_t preview_version;
    uint8_t shade;     // of the preview
    uint64_t fail_nth; // allocation of a request, once its body has come; 0: none
    char reply[32768];
} t;

static uint64_t clock_ms(void)
{
    return t.now_ms;
}

static int64_t clock_unix_ms(void)
{
    return 1700000000000 + (int64_t)t.now_ms;
}

static void facts(void *ctx, struct nh_wled_facts *out)
{
    (void)ctx;
    snprintf(out->ip, sizeof out->ip, "192.0.2.7");
    out->free_bytes = 200000;
    out->store_used_kb = 12;
    out->store_total_kb = 512;
}

// ---- the lamp's preview: two messages a frame, as of a canvas that does not fit one

static uint64_t preview_version(void *ctx)
{
    (void)ctx;
    return t.preview_version;
}

static size_t preview_write(void *ctx, uint8_t *buf, size_t cap, uint64_t since, uint64_t *version)
{
    (void)ctx;
    assert_true(cap >= NH_FEED_BYTES_MIN);
    uint16_t first = since % 2 ? 24 : 0;
    memset(buf, 0, 15);
    buf[0] = 1;
    buf[3] = FAKE_LAMP_WIDTH;
    buf[5] = FAKE_LAMP_HEIGHT;
    buf[11] = (uint8_t)first;
    buf[13] = 24;
    for (size_t i = 0; i < 24 * FAKE_LAMP_WIDTH; i++) {
        buf[15 + 3 * i] = t.shade;
        buf[16 + 3 * i] = (uint8_t)(first + i / FAKE_LAMP_WIDTH); // the row
        buf[17 + 3 * i] = (uint8_t)(i % FAKE_LAMP_WIDTH);
    }
    *version = since + 1;
    return 15 + 24 * FAKE_LAMP_WIDTH * 3;
}

// ---- fixture -----------------------------------------------------------------------------------

static void on_changed(void *ctx)
{
    (void)ctx;
    if (t.wled)
        nh_wled_lamp_changed(t.wled);
}

static int make(void)
{
    const struct nh_wled_config cfg = {
        .mem = t.mem,
        .sched = t.sched,
        .lamp = (nh_lamp_t *)(void *)&fake_lamp,
        .store = t.store,
        .preview = {.name = "lamp_preview",
                    .version = preview_version,
                    .write_bytes = preview_write},
        .name = "attic",
        .version = "1.2.3",
        .mac = "0123456789ab",
        .preset_max_count = 5,
        .seed = 7,
        .clock_ms = clock_ms,
        .clock_unix_ms = clock_unix_ms,
        .facts = facts,
    };
    int err = nh_wled_create(&cfg, &t.wled);
    if (err == 0)
        t.guest = nh_wled_guest(t.wled);
    return err;
}

static int make_store(void)
{
    const struct nh_store_config store = {
        .mem = t.mem, .fs = fake_disk_fs(&t.disk), .dir = "store", .keep_count = 2};
    return nh_store_create(&store, &t.store);
}

static void make_world(void)
{
    memset(&t, 0, sizeof t);
    t.now_ms = 1000;
    fake_lamp_reset();
    fake_lamp.changed = on_changed;
    struct nh_mem_system_config memory = {0};
    for (int tier = 0; tier < NH_MEM_TIER_COUNT; tier++)
        memory.region[tier].base =
            nh_test_region((enum nh_mem_tier)tier, &memory.region[tier].size_bytes);
    assert_int_equal(nh_mem_system_create(&memory, &t.sys), 0);
    assert_int_equal(nh_mem_owner_add(t.sys, "test", NULL, &t.mem), 0);
    const struct nh_sched_config sched = {.mem = t.mem, .timer_max_count = 4};
    assert_int_equal(nh_sched_create(&sched, &t.sched), 0);
    fake_disk_init(&t.disk);
}

static int setup(void **state)
{
    (void)state;
    make_world();
    assert_int_equal(make_store(), 0);
    return make();
}

static int teardown(void **state)
{
    (void)state;
    nh_wled_destroy(t.wled);
    nh_store_destroy(t.store);
    nh_sched_destroy(t.sched);
    assert_int_equal(nh_mem_check(t.sys), 0);
    assert_int_equal(nh_mem_system_destroy(t.sys, NULL, NULL), 0);
    return 0;
}

// ---- asking ------------------------------------------------------------------------------------

static void on_done(nh_exchange_t *x, int err)
{
    if (err < 0)
        nh_reply_err(&x->req, err);
}

// The whole reply in t.reply; the status. A request that waits for the lamp gets its answer.
static int ask(const char *method, const char *path, const char *body)
{
    const struct nh_route_table table = nh_wled_routes(t.wled);
    struct route_play p;
    route_begin(&p, &table, t.mem, method, path, NULL);
    p.x.done = on_done;
    if (body)
        route_piece(&p, body, strlen(body));
    if (t.fail_nth)
        nh_mem_fault_set(t.sys, &(struct nh_mem_fault){.fail_nth = t.fail_nth});
    route_finish(&p);
    fake_lamp_run();
    for (int i = 0; i < 10 && p.x.status == 0; i++) { // it waits for a picture
        t.now_ms += 40;
        nh_sched_run(t.sched, t.now_ms);
    }
    int status = p.x.status;
    route_read(&p, t.reply, sizeof t.reply, 600);
    route_end(&p);
    return status;
}

static void check_has(const char *part)
{
    if (!strstr(t.reply, part))
        fail_msg("%s is not in %s", part, t.reply);
}

static void check_state(const char *part)
{
    assert_int_equal(ask("GET", "/json/state", NULL), 200);
    check_has(part);
}

// ---- documents ---------------------------------------------------------------------------------

static void check_json(void)
{
    char text[64];
    const struct nh_json_reader_config cfg = {.text = text, .text_max_bytes = sizeof text};
    nh_json_reader_t r;
    int event;
    nh_json_reader_init(&r, &cfg);
    nh_json_feed(&r, t.reply, strlen(t.reply), true);
    while ((event = nh_json_next(&r)) > 0 && event != NH_JSON_DONE)
        ;
    if (event != NH_JSON_DONE)
        fail_msg("no JSON: %s", t.reply);
}

static void test_documents(void **state)
{
    static const struct {
        const char *path, *begins, *has;
    } rows[] = {
        {"/json", "{\"state\":{\"on\":true", "\"palettes\":[\"Default\",\""},
        {"/json/si", "{\"state\":{\"on\":true", "},\"info\":{\"ver\":\"0.15.0\""},
        {"/json/state", "{\"on\":true", "\"udpn\":{\"send\":false"},
        {"/json/info", "{\"ver\":\"0.15.0\"", "\"fs\":{\"u\":12,\"t\":512,\"pmt\":0}"},
        {"/json/eff", "[\"", "\"]"},
        {"/json/effects", "[\"", "\"]"},
        {"/json/pal", "[\"Default\",", "\"]"},
        {"/json/palettes", "[\"Default\",", "\"]"},
        {"/json/fxdata", "[\"!", ";2\""},
        {"/json/palx", "{\"m\":", "\"p\":{\"0\":[["},
        {"/json/cfg", "{\"vid\":", "\"total\":768"},
        {"/json/nodes", "{\"nodes\":[]}", ""},
        {"/json/net", "{\"networks\":[]}", ""},
        {"/presets.json", "{\"0\":{}}", ""},
        {"/json/live", "{\"leds\":[", "],\"n\":"},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        assert_int_equal(ask("GET", rows[i].path, NULL), 200);
        if (strncmp(t.reply, rows[i].begins, strlen(rows[i].begins)) != 0)
            fail_msg("%s: %s", rows[i].path, t.reply);
        check_has(rows[i].has);
        check_json();
    }
    assert_int_equal(ask("GET", "/json/*", NULL), 501);
    check_has("{\"error\":4}");
    assert_int_equal(ask("GET", "/json", NULL), 200);
    for (uint16_t i = 0; i < nh_fx_visible_count(); i++)
        check_has(nh_fx_visible(i)->name);
}

// The same bytes, whatever a reader takes at a time.
static void test_slow_reader(void **state)
{
    const struct nh_route_table table = nh_wled_routes(t.wled);
    static char whole[32768];
    (void)state;
    assert_int_equal(ask("GET", "/json", NULL), 200);
    memcpy(whole, t.reply, sizeof whole);
    for (size_t cap = 1; cap < 5000; cap = cap * 3 + 1) {
        struct route_play p;
        route_begin(&p, &table, t.mem, "GET", "/json", NULL);
        assert_int_equal(route_finish(&p), 200);
        route_read(&p, t.reply, sizeof t.reply, cap);
        assert_string_equal(t.reply, whole);
        route_end(&p);
    }
}

// ---- changes -----------------------------------------------------------------------------------

static void test_changes(void **state)
{
    (void)state;
    assert_int_equal(ask("POST", "/json/state", "{\"on\":false}"), 200);
    assert_string_equal(t.reply, "{\"success\":true}");
    assert_false(fake_lamp.snapshot.state.power);
    assert_int_equal(fake_lamp.snapshot.changed_by, NH_ORIGIN_WLED);
    // The reply is the state after the change, as large as the path says.
    assert_int_equal(ask("POST", "/json/state", "{\"on\":\"t\",\"bri\":77,\"tt\":4,\"v\":true}"),
                     200);
    assert_int_equal(strncmp(t.reply, "{\"on\":true,\"bri\":77,", 20), 0);
    assert_int_equal(fake_lamp.last_transition_ms, 400);
    assert_int_equal(ask("POST", "/json/si", "{\"bri\":78,\"v\":true}"), 200);
    assert_int_equal(strncmp(t.reply, "{\"state\":{\"on\":true,\"bri\":78,", 29), 0);
    check_has("\"info\":");
    assert_int_equal(fake_lamp.last_transition_ms, 700);
    assert_int_equal(ask("POST", "/json", "{\"transition\":10,\"v\":true}"), 200);
    check_has("\"transition\":10");
    check_has("\"palettes\":");
    assert_int_equal(ask("POST", "/json/state", "{\"bri\":1}"), 200);
    assert_int_equal(fake_lamp.last_transition_ms, 1000);
}

static void test_refused(void **state)
{
    static const char *const broken[] = {"{", "", "[]", "{\"on\":tru}"};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(broken); i++) {
        assert_int_equal(ask("POST", "/json/state", broken[i]), 400);
        assert_string_equal(t.reply, "{\"error\":9}");
    }
    fake_lamp.is_full = true; // its queue is full
    assert_int_equal(
        ask("POST", "/json/state", "{\"bri\":9,\"transition\":3,\"nl\":{\"on\":true}}"), 503);
    assert_string_equal(t.reply, "{\"error\":3}");
    fake_lamp.is_full = false;
    check_state("\"transition\":7");
    check_state("\"nl\":{\"on\":false");
    struct nh_wled_info info;
    nh_wled_info(t.wled, &info);
    assert_int_equal(info.refused_requests, 5);
}

// As many as may wait; each is relative to what those before it will have done.
static void test_many_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < NH_WLED_CALL_MAX_COUNT; i++)
        assert_int_equal(nh_wled_say(t.wled, "{\"bri\":\"~10\"}", 13, NH_ORIGIN_MQTT), 0);
    assert_int_equal(nh_wled_say(t.wled, "{\"bri\":\"~10\"}", 13, NH_ORIGIN_MQTT), NH_ERR_BUSY);
    fake_lamp_run();
    assert_int_equal(fake_lamp.snapshot.state.brightness, 102 + 10 * NH_WLED_CALL_MAX_COUNT);
    assert_int_equal(fake_lamp.snapshot.changed_by, NH_ORIGIN_MQTT);
    assert_int_equal(nh_wled_say(t.wled, "&A=~-7", 6, NH_ORIGIN_MQTT), 0);
    assert_int_equal(nh_wled_say(t.wled, "{\"on\"", 5, NH_ORIGIN_MQTT), NH_ERR_SYNTAX);
    fake_lamp_run();
    assert_int_equal(fake_lamp.snapshot.state.brightness, 95 + 10 * NH_WLED_CALL_MAX_COUNT);
}

static void test_each_effect(void **state)
{
    char body[64];
    (void)state;
    for (uint16_t i = 0; i < nh_fx_visible_count(); i++) {
        snprintf(body, sizeof body, "{\"seg\":[{\"id\":0,\"fx\":%u}],\"v\":true}", i);
        assert_int_equal(ask("POST", "/json/state", body), 200);
        assert_int_equal(fake_lamp.snapshot.state.effect_id, nh_fx_visible(i)->id);
        snprintf(body, sizeof body, "\"fx\":%u,", i);
        check_has(body);
    }
}

static void test_speed_is_read_as_written(void **state)
{
    char body[64];
    (void)state;
    for (unsigned sx = 0; sx < 256; sx++) {
        snprintf(body, sizeof body, "{\"seg\":{\"sx\":%u},\"v\":true}", sx);
        assert_int_equal(ask("POST", "/json/state", body), 200);
        snprintf(body, sizeof body, "\"sx\":%u,", sx);
        check_has(body);
    }
    struct nh_lamp_state s = {.speed_pct = 100};
    fake_lamp_other(NH_LAMP_F_SPEED, &s);
    check_state("\"sx\":128,");
}

// A client leaves while its request waits for the lamp.
static void test_client_leaves(void **state)
{
    const struct nh_route_table table = nh_wled_routes(t.wled);
    struct route_play p;
    (void)state;
    route_begin(&p, &table, t.mem, "POST", "/json/state", NULL);
    route_piece(&p, "{\"bri\":5}", 9);
    assert_int_equal(route_finish(&p), 0);
    route_end(&p);
    fake_lamp_run();
    assert_int_equal(fake_lamp.snapshot.state.brightness, 5);
}

static void test_older_interface(void **state)
{
    const struct nh_route_table table = nh_wled_routes(t.wled);
    struct route_play p;
    (void)state;
    route_begin(&p, &table, t.mem, "GET", "/win*", "T=1");
    p.x.req.rest = "&A=9&FX=1";
    p.x.done = on_done;
    route_finish(&p);
    fake_lamp_run();
    route_read(&p, t.reply, sizeof t.reply, 600);
    route_end(&p);
    check_has("<ac>9</ac>");
    check_has("<ds>attic</ds>");
    assert_int_equal(fake_lamp.snapshot.state.effect_id, nh_fx_visible(1)->id);
}

// ---- presets -----------------------------------------------------------------------------------

static void restart(void)
{
    nh_wled_destroy(t.wled);
    t.wled = NULL;
    assert_int_equal(make(), 0);
}

static void test_presets(void **state)
{
    (void)state;
    assert_int_equal(ask("POST", "/json/state",
                         "{\"psave\":3,\"n\":\"Evening\",\"ql\":\"E\",\"bri\":40,\"v\":true}"),
                     200);
    check_has("\"ps\":3,");
    assert_int_equal(ask("POST", "/json/state", "{\"psave\":12}"), 200);
    assert_int_equal(ask("GET", "/presets.json", NULL), 200);
    check_has("{\"0\":{},\"3\":{\"on\":true,\"bri\":40,");
    check_has("\"n\":\"Evening\",\"ql\":\"E\"}");
    check_has("\"12\":{");
    check_has("\"n\":\"Preset 12\"}");
    assert_int_equal(ask("GET", "/json/info", NULL), 200);
    check_has("\"pmt\":1700000002"); // the second change, one apart at least
    // What somebody else sets is none of them.
    struct nh_lamp_state s = {.brightness = 200};
    fake_lamp_other(NH_LAMP_F_BRIGHTNESS, &s);
    check_state("\"ps\":-1,");
    restart();
    assert_int_equal(ask("POST", "/json/state", "{\"ps\":3,\"v\":true}"), 200);
    check_has("\"bri\":40,");
    check_has("\"ps\":3,");
    assert_int_equal(ask("POST", "/json/state", "{\"ps\":\"~\",\"v\":true}"), 200);
    check_has("\"ps\":12,");
    assert_int_equal(ask("POST", "/json/state", "{\"ps\":\"~\",\"v\":true}"), 200);
    check_has("\"ps\":3,");
    assert_int_equal(ask("POST", "/json/state", "{\"ps\":3,\"bri\":99,\"v\":true}"), 200);
    check_has("\"bri\":99,");
    assert_int_equal(ask("POST", "/json/state", "{\"ps\":77}"), 200); // there is none
    fake_lamp.is_full = true;                                         // all of it, or nothing
    assert_int_equal(ask("POST", "/json/state", "{\"bri\":9,\"pdel\":3}"), 503);
    fake_lamp.is_full = false;
    assert_int_equal(ask("GET", "/presets.json", NULL), 200);
    check_has("\"3\":{");
    assert_int_equal(ask("POST", "/json/state", "{\"pdel\":3}"), 200);
    assert_int_equal(ask("POST", "/json/state", "{\"pdel\":3}"), 200);
    for (int id = 20; id < 24; id++) {
        char body[32];
        snprintf(body, sizeof body, "{\"psave\":%d}", id);
        assert_int_equal(ask("POST", "/json/state", body), 200);
    }
    assert_int_equal(ask("POST", "/json/state", "{\"psave\":24}"), 503); // preset_max_count
    restart();
    assert_int_equal(ask("GET", "/presets.json", NULL), 200);
    assert_null(strstr(t.reply, "\"3\":{"));
    check_has("\"23\":{");
}

static void begin_life(void)
{
    assert_int_equal(make_store(), 0);
    assert_int_equal(make(), 0);
}

static void end_life(void)
{
    nh_wled_destroy(t.wled);
    nh_store_destroy(t.store);
    t.wled = NULL;
    t.store = NULL;
}

// Whatever of the disk's calls is the last one, and whatever was not durable then.
static void test_power_goes_at_each_write(void **state)
{
    (void)state;
    for (uint32_t n = 1, status = 0; status != 200; n++) {
        const struct fake_disk_fault fault = {.kind = FAKE_DISK_CUT_AFTER, .call = n};
        assert_true(n < 60);
        assert_int_equal(ask("POST", "/json/state", "{\"psave\":1,\"n\":\"Old\"}"), 200);
        fake_disk_fault_set(&t.disk, &fault);
        status = (uint32_t)ask("POST", "/json/state", "{\"psave\":1,\"n\":\"New\"}");
        end_life();
        fake_disk_fault_set(&t.disk, NULL);
        fake_disk_power_cycle(&t.disk, (enum fake_disk_fate)(n % 4), n);
        begin_life();
        assert_int_equal(ask("GET", "/presets.json", NULL), 200);
        bool is_new = strstr(t.reply, "\"n\":\"New\"") != NULL;
        assert_true(is_new || strstr(t.reply, "\"n\":\"Old\"")); // one of them, whole
        assert_true(status != 200 || is_new);
    }
}

static void test_damaged_presets(void **state)
{
    static const char *const rows[] = {"", "{", "[]", "{\"presets\":[{\"id\":0}]}",
                                       "{\"presets\":[{\"id\":3,\"speed_pct\":9}]}"};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        assert_true(nh_store_put(t.store, "lamp-presets", rows[i], strlen(rows[i])) > 0);
        restart();
        assert_int_equal(ask("GET", "/presets.json", NULL), 200);
        assert_string_equal(t.reply, "{\"0\":{}}");
    }
    assert_int_equal(ask("POST", "/json/state", "{\"psave\":1}"), 200);
}

// ---- night light -------------------------------------------------------------------------------

// Lets the time go on to `end_ms`, timer by timer.
static unsigned pass_until(uint64_t end_ms)
{
    unsigned steps = 0;
    while (nh_sched_next_deadline(t.sched) <= end_ms && steps < 1000) {
        t.now_ms = nh_sched_next_deadline(t.sched);
        nh_sched_run(t.sched, t.now_ms);
        fake_lamp_run();
        steps++;
    }
    t.now_ms = end_ms;
    return steps;
}

static void test_night_light(void **state)
{
    (void)state;
    assert_int_equal(
        ask("POST", "/json/state",
            "{\"bri\":100,\"nl\":{\"on\":true,\"dur\":10,\"mode\":1,\"tbri\":0},\"v\":true}"),
        200);
    check_has("\"nl\":{\"on\":true,\"dur\":10,\"mode\":1,\"tbri\":0,\"rem\":600}");
    unsigned steps = pass_until(t.now_ms + 300000);
    assert_int_equal(steps, 50); // one a step of brightness, none between
    assert_int_equal(fake_lamp.snapshot.state.brightness, 50);
    check_state("\"rem\":300}");
    // Somebody makes it brighter: on from there, with the same end.
    struct nh_lamp_state s = {.brightness = 200};
    fake_lamp_other(NH_LAMP_F_BRIGHTNESS, &s);
    pass_until(t.now_ms + 150000);
    assert_int_equal(fake_lamp.snapshot.state.brightness, 100);
    pass_until(t.now_ms + 151000);
    assert_false(fake_lamp.snapshot.state.power);
    // Off, and as bright as before when it comes back.
    assert_int_equal(fake_lamp.snapshot.state.brightness, 200);
    check_state("\"nl\":{\"on\":false,\"dur\":10,\"mode\":1,\"tbri\":0,\"rem\":-1}");
    assert_int_equal(nh_sched_next_deadline(t.sched), NH_NEVER);
}

static void test_night_light_ends(void **state)
{
    (void)state;
    static const char start[] =
        "{\"on\":true,\"nl\":{\"on\":true,\"dur\":1,\"tbri\":10,\"mode\":0}}";
    assert_int_equal(ask("POST", "/json/state", start), 200);
    struct nh_lamp_state s = {.power = false};
    fake_lamp_other(NH_LAMP_F_POWER, &s); // switched off: it is over
    assert_int_equal(nh_sched_next_deadline(t.sched), NH_NEVER);
    assert_int_equal(ask("POST", "/json/state", start), 200);
    assert_int_equal(ask("POST", "/json/state", "{\"nl\":{\"on\":false}}"), 200);
    assert_int_equal(nh_sched_next_deadline(t.sched), NH_NEVER);
    assert_int_equal(ask("POST", "/json/state", start), 200);
    assert_int_equal(pass_until(t.now_ms + 60000), 1); // at once, at the end
    assert_int_equal(fake_lamp.snapshot.state.brightness, 10);
    assert_true(fake_lamp.snapshot.state.power);
}

static void test_sunrise(void **state)
{
    (void)state;
    struct nh_lamp_state s = {.power = false};
    fake_lamp_other(NH_LAMP_F_POWER, &s);
    assert_int_equal(
        ask("POST", "/json/state", "{\"nl\":{\"on\":true,\"dur\":5,\"tbri\":201,\"mode\":3}}"),
        200);
    assert_true(fake_lamp.snapshot.state.power);
    assert_int_equal(fake_lamp.snapshot.state.brightness, 1);
    pass_until(t.now_ms + 150000);
    assert_int_equal(fake_lamp.snapshot.state.brightness, 101);
    fake_lamp.is_full = true; // the lamp is busy: a moment later
    pass_until(t.now_ms + 149000);
    fake_lamp.is_full = false;
    pass_until(t.now_ms + 2000);
    assert_int_equal(fake_lamp.snapshot.state.brightness, 201);
    assert_int_equal(nh_sched_next_deadline(t.sched), NH_NEVER);
}

// ---- pixels ------------------------------------------------------------------------------------

static nh_px_t shown(int x, int y) // from the top left
{
    return fake_lamp.shown[(FAKE_LAMP_HEIGHT - 1 - y) * FAKE_LAMP_WIDTH + x];
}

static void test_pixels(void **state)
{
    (void)state;
    assert_int_equal(ask("POST", "/json/state",
                         "{\"seg\":{\"i\":[0,\"FF0000\",17,\"00FF00\",760,9999,\"0000FF\"]}}"),
                     200);
    assert_true(fake_lamp.is_live);
    assert_int_equal(shown(0, 0), 0xFF0000);
    assert_int_equal(shown(1, 1), 0x00FF00);
    assert_int_equal(shown(15, 47), 0x0000FF);
    assert_int_equal(shown(7, 47), 0);
    assert_int_equal(ask("POST", "/json/state", "{\"seg\":{\"i\":[1,\"FFFFFF\"]},\"v\":true}"),
                     200);
    check_has("\"frz\":true");
    assert_int_equal(shown(0, 0), 0xFF0000); // what was there stays
    assert_int_equal(shown(1, 0), 0xFFFFFF);
    // Not read to its end: nothing is painted.
    assert_int_equal(ask("POST", "/json/state", "{\"seg\":{\"i\":[2,\"FFFFFF\""), 400);
    assert_int_equal(shown(2, 0), 0);
    assert_int_equal(ask("POST", "/json/state", "{\"seg\":{\"fx\":0}}"), 200);
    assert_false(fake_lamp.is_live);
    check_state("\"frz\":false");
    // The lamp's queue is full: no pixel of it is shown, and what was painted is as it was.
    fake_lamp.is_full = true;
    assert_int_equal(ask("POST", "/json/state", "{\"bri\":3,\"seg\":{\"i\":[9,\"FFFFFF\"]}}"), 503);
    assert_false(fake_lamp.is_live);
    check_state("\"frz\":false");
    fake_lamp.is_full = false;
    assert_int_equal(ask("POST", "/json/state", "{\"seg\":{\"i\":[8,\"0000FF\"]}}"), 200);
    assert_int_equal(shown(8, 0), 0x0000FF);
    assert_int_equal(shown(9, 0), 0);
    assert_int_equal(ask("POST", "/json/state", "{\"seg\":{\"fx\":0}}"), 200);
    // Somebody else has the canvas.
    fake_lamp.begin_error = NH_ERR_BUSY;
    assert_int_equal(ask("POST", "/json/state", "{\"bri\":3,\"seg\":{\"i\":[2,\"FFFFFF\"]}}"), 503);
    assert_int_equal(fake_lamp.snapshot.state.brightness, 102);
    fake_lamp.begin_error = 0;
    assert_int_equal(ask("POST", "/json/state", "{\"live\":true}"), 200);
    assert_true(fake_lamp.is_live);
    fake_lamp.info.live_protocol = "DDP"; // taken over: it is not ours to end
    assert_int_equal(ask("POST", "/json/state", "{\"live\":false}"), 200);
    assert_true(fake_lamp.is_live);
}

// ---- WebSocket ---------------------------------------------------------------------------------

static void on_wake(void *socket)
{
    *(bool *)socket = true;
}

static bool ws_open(size_t i)
{
    t.sockets[i].client = t.guest.open(t.guest.ctx, &t.sockets[i].woken, on_wake);
    return t.sockets[i].client != NULL;
}

static void ws_say(size_t i, const char *text)
{
    t.guest.message(t.guest.ctx, t.sockets[i].client, text, strlen(text), true);
}

// The next message in t.reply, "" if there is none; its length.
static int ws_hear(size_t i)
{
    bool is_text = false;
    int n = t.sockets[i].woken ? t.guest.output(t.guest.ctx, t.sockets[i].client, t.reply,
                                                NH_FEED_BYTES_MIN, &is_text)
                               : 0;
    assert_in_range(n, 0, NH_FEED_BYTES_MIN);
    t.reply[n] = '\0';
    t.sockets[i].woken = n > 0;
    assert_true(n == 0 || is_text == (t.reply[0] != 'L'));
    return n;
}

static void ws_close(size_t i)
{
    t.guest.closed(t.guest.ctx, t.sockets[i].client);
}

static void test_socket(void **state)
{
    (void)state;
    assert_true(ws_open(0) && ws_open(1));
    for (size_t i = 0; i < 2; i++) { // at once
        assert_true(ws_hear(i) > 0);
        assert_int_equal(strncmp(t.reply, "{\"state\":{\"on\":true,\"bri\":102,", 30), 0);
        check_has("\"ws\":2,");
        check_json();
        assert_int_equal(ws_hear(i), 0);
    }
    ws_say(0, "ping");
    ws_hear(0);
    assert_string_equal(t.reply, "pong");
    ws_say(0, "{\"v\":true}"); // both hear it: nothing was changed, but who asks is answered
    ws_hear(0);
    check_has("\"state\":");
    while (ws_hear(0) || ws_hear(1))
        ;
    ws_say(0, "{\"seg\":[{\"fx\":1}]}");
    fake_lamp_run();
    for (size_t i = 0; i < 2; i++) {
        ws_hear(i);
        check_has("\"fx\":1,");
        assert_int_equal(ws_hear(i), 0); // once, however many reasons there were
    }
    struct nh_lamp_state s = {.brightness = 9};
    fake_lamp_other(NH_LAMP_F_BRIGHTNESS, &s); // from elsewhere
    ws_hear(1);
    check_has("\"bri\":9,");
    ws_hear(0);
    ws_say(0, "{]");
    ws_hear(0);
    assert_string_equal(t.reply, "{\"error\":9}");
    fake_lamp.is_full = true;
    ws_say(0, "{\"bri\":4}");
    ws_hear(0);
    assert_string_equal(t.reply, "{\"error\":3}");
    t.guest.message(t.guest.ctx, t.sockets[0].client, "\1\2", 2, false); // bytes are not for it
    assert_int_equal(ws_hear(0), 0);
    ws_close(0);
    ws_close(1);
}

static void test_sockets_are_bounded(void **state)
{
    struct nh_wled_info info;
    (void)state;
    for (size_t i = 0; i < NH_WLED_CLIENT_MAX_COUNT; i++)
        assert_true(ws_open(i));
    assert_false(ws_open(4));
    nh_wled_info(t.wled, &info);
    assert_int_equal(info.client_count, NH_WLED_CLIENT_MAX_COUNT);
    assert_int_equal(info.refused_clients, 1);
    ws_close(2);
    assert_true(ws_open(2));
    for (size_t i = 0; i < NH_WLED_CLIENT_MAX_COUNT; i++)
        ws_close(i);
}

static void test_live_view(void **state)
{
    (void)state;
    assert_true(ws_open(0));
    ws_hear(0);
    t.preview_version = 2;
    t.shade = 5;
    ws_say(0, "{\"lv\":true}");
    while (ws_hear(0))
        ;
    uint64_t failed = nh_mem_fault_hits(t.sys);
    nh_mem_fault_set(t.sys, &(struct nh_mem_fault){.fail_nth = 1}); // nothing is allocated
    pass_until(t.now_ms + 100);
    assert_int_equal(ws_hear(0), 4 + FAKE_LAMP_WIDTH * FAKE_LAMP_HEIGHT * 3);
    const uint8_t *b = (const uint8_t *)t.reply;
    assert_int_equal(b[1], 2);
    assert_int_equal(b[2], FAKE_LAMP_WIDTH);
    assert_int_equal(b[3], FAKE_LAMP_HEIGHT);
    assert_int_equal(b[4], 5);
    assert_int_equal(b[5], FAKE_LAMP_HEIGHT - 1); // the top row first
    assert_int_equal(b[9], 1);
    assert_int_equal(b[4 + 47 * 48 + 1], 0);
    pass_until(t.now_ms + 200);
    assert_int_equal(ws_hear(0), 0); // the same picture is not sent again
    t.preview_version = 4;
    t.shade = 6;
    pass_until(t.now_ms + 100);
    assert_true(ws_hear(0) > 4);
    assert_int_equal(nh_mem_fault_hits(t.sys), failed);
    nh_mem_fault_set(t.sys, NULL);
    assert_int_equal(ask("GET", "/json/live", NULL), 200);
    check_has("{\"leds\":[\"062F00\",\"062F01\",");
    ws_say(0, "{\"lv\":false}");
    while (ws_hear(0))
        ;
    pass_until(t.now_ms + 100);
    assert_int_equal(nh_sched_next_deadline(t.sched), NH_NEVER); // nobody watches: no timer
    ws_close(0);
}

// ---- failing -----------------------------------------------------------------------------------

static void test_creation_fails_at_each_allocation(void **state)
{
    (void)state;
    nh_wled_destroy(t.wled);
    t.wled = NULL;
    uint64_t n = 0;
    for (int err = NH_ERR_NOMEM; err;) {
        nh_mem_fault_set(t.sys, &(struct nh_mem_fault){.fail_nth = ++n});
        err = make();
        nh_mem_fault_set(t.sys, NULL);
        assert_true(err == 0 || (err == NH_ERR_NOMEM && !t.wled));
    }
    assert_in_range(n, 4, 8);
}

static void test_each_allocation_fails(void **state)
{
    static const struct {
        const char *method, *path, *body;
    } rows[] = {{"GET", "/json", NULL},
                {"GET", "/presets.json", NULL},
                {"GET", "/json/palx", NULL},
                {"GET", "/json/cfg", NULL},
                {"GET", "/json/live", NULL},
                {"GET", "/json/fxdata", NULL},
                {"POST", "/json", "{\"bri\":\"~1\",\"v\":true}"},
                {"POST", "/json/state", "{\"seg\":{\"i\":[1,\"FF0000\"]}}"},
                {"POST", "/json/state", "{\"seg\":{\"fx\":0}}"},
                {"POST", "/json/state", "{\"psave\":2}"}};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        int status = 0;
        for (uint64_t n = 1; status != 200; n++) {
            assert_true(n < 50);
            t.fail_nth = n;
            status = ask(rows[i].method, rows[i].path, rows[i].body);
            t.fail_nth = 0;
            nh_mem_fault_set(t.sys, NULL);
            assert_true(status == 200 || status == 503);
        }
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_documents),
        T(test_slow_reader),
        T(test_changes),
        T(test_refused),
        T(test_many_at_once),
        T(test_each_effect),
        T(test_speed_is_read_as_written),
        T(test_client_leaves),
        T(test_older_interface),
        T(test_presets),
        T(test_power_goes_at_each_write),
        T(test_damaged_presets),
        T(test_night_light),
        T(test_night_light_ends),
        T(test_sunrise),
        T(test_pixels),
        T(test_socket),
        T(test_sockets_are_bounded),
        T(test_live_view),
        T(test_creation_fails_at_each_allocation),
        T(test_each_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
