// What the lamp's routes and its feed say, and how a command is read.

#include "linux_fixture.h"

#include "lamp_fixture.h"

#include "support/rng.h"
#include "support/route_play.h"

static struct linux_fixture fx;
static nh_mem_t *mem;
static nh_lamp_t *l;
static struct nh_route_table routes;
static char reply[16384];

static void make(uint16_t width, uint16_t height)
{
    const struct nh_lamp_config cfg = {.mem = mem,
                                       .pixels = panels_fresh(),
                                       .width = width,
                                       .height = height,
                                       .queue_max = 4,
                                       .transition_ms = 250,
                                       .seed = 1};
    assert_int_equal(nh_lamp__make(&cfg, &l), 0);
    routes = nh_lamp_routes(l);
}

static int setup(void **state)
{
    (void)state;
    fixture_start(&fx);
    assert_int_equal(nh_mem_owner_add(fx.sys, "lamp", NULL, &mem), 0);
    make(16, 48);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_lamp_destroy(l);
    l = NULL;
    fixture_stop(&fx);
    return 0;
}

static int ask(const char *method, const char *path, const char *body)
{
    return route_ask(&routes, mem, method, path, NULL, body, reply, sizeof reply);
}

static struct nh_lamp_state now(void)
{
    struct nh_lamp_snapshot s;
    nh_lamp_snapshot(l, &s);
    return s.state;
}

static void assert_says(const char *part)
{
    if (!strstr(reply, part))
        fail_msg("no %s in %s", part, reply);
}

// ---- commands ----------------------------------------------------------------------------------

struct row {
    const char *json;
    int err;
    const char *says; // of the first finding's text; NULL: none
};

static const struct row rows[] = {
    {"{}", 0, NULL},
    {"{\"power\":true}", 0, NULL},
    {"{\"power\":1}", NH_ERR_TYPE, "is neither true nor false"},
    {"{\"power\":\"on\"}", NH_ERR_TYPE, "is neither true nor false"},
    {"{\"power\":null}", NH_ERR_TYPE, "is neither true nor false"},
    {"{\"power\":{\"a\":[1,2]},\"paused\":true}", NH_ERR_TYPE, "is neither true nor false"},
    {"{\"brightness\":102}", 0, NULL},
    {"{\"brightness\":-1e300}", 0, NULL},
    {"{\"brightness\":\"102\"}", NH_ERR_TYPE, "is no number"},
    {"{\"brightness\":[102]}", NH_ERR_TYPE, "is no number"},
    {"{\"brightness\":1,\"brightness\":2}", NH_ERR_EXISTS, "is there twice"},
    {"{\"effect\":\"snow fall\"}", 0, NULL},
    {"{\"effect\":59905}", 0, NULL},
    {"{\"effect\":\"\"}", NH_ERR_NOT_FOUND, "is no effect"},
    {"{\"effect\":1}", NH_ERR_NOT_FOUND, "is no effect"},
    {"{\"effect\":true}", NH_ERR_TYPE, "is no text"},
    {"{\"palette\":\"auto\"}", 0, NULL},
    {"{\"palette\":\"AUTO\"}", 0, NULL},
    {"{\"palette\":255}", 0, NULL},
    {"{\"palette\":0}", 0, NULL},
    {"{\"palette\":254}", NH_ERR_NOT_FOUND, "is no palette"},
    {"{\"palette\":-1}", NH_ERR_NOT_FOUND, "is no palette"},
    {"{\"palette\":\"nope\"}", NH_ERR_NOT_FOUND, "is no palette"},
    {"{\"colors\":[\"#ffFF00\"]}", 0, NULL},
    {"{\"colors\":[]}", 0, NULL},
    {"{\"colors\":[\"#ffff00\",\"#000000\",\"#123456\",\"#123456\"]}", NH_ERR_RANGE,
     "is one too many"},
    {"{\"colors\":[\"ffff00\"]}", NH_ERR_SYNTAX, "is no colour"},
    {"{\"colors\":[\"#ffff0g\"]}", NH_ERR_SYNTAX, "is no colour"},
    {"{\"colors\":[\"#ffff000\"]}", NH_ERR_TOO_LONG, "is too long"},
    {"{\"colors\":[[1],{\"a\":2},3]}", NH_ERR_TYPE, "is no text"},
    {"{\"colors\":\"#ffff00\"}", NH_ERR_TYPE, "is no list"},
    {"{\"text\":\"hello\"}", 0, NULL},
    {"{\"text\":\"\"}", 0, NULL},
    {"{\"text\":\"a\\u0000b\"}", NH_ERR_INVAL, "has a NUL in it"},
    {"{\"text\":\"0123456789012345678901234567890123456789012345678901234567890123\"}",
     NH_ERR_TOO_LONG, "is too long"},
    {"{\"overlay\":{\"enabled\":true,\"mode\":\"speak\",\"blend\":\"max\",\"angle_deg\":359}}", 0,
     NULL},
    {"{\"overlay\":{\"angle_deg\":null}}", 0, NULL},
    {"{\"overlay\":{\"mode\":\"sing\"}}", NH_ERR_INVAL, "is none of these"},
    {"{\"overlay\":{\"face\":1}}", NH_ERR_NOT_FOUND, "is not a field of a command"},
    {"{\"overlay\":true}", NH_ERR_TYPE, "is no object"},
    {"{\"transition_ms\":99999999}", 0, NULL},
    {"{\"command\":\"next\"}", 0, NULL},
    {"{\"command\":\"jump\"}", NH_ERR_INVAL, "is none of these"},
    {"{\"command\":\"next\",\"paused\":true}", NH_ERR_INVAL, "has both"},
    {"{\"command\":\"adjust_brightness\",\"delta\":-5}", 0, NULL},
    {"{\"command\":\"adjust_brightness\"}", NH_ERR_INVAL, "has one without the other"},
    {"{\"delta\":5}", NH_ERR_INVAL, "has one without the other"},
    {"{\"command\":\"next\",\"delta\":5}", NH_ERR_INVAL, "has one without the other"},
    {"{\"command\":\"flash\",\"flash_ms\":5}", 0, NULL},
    {"{\"flash_ms\":5}", NH_ERR_INVAL, "has one without the other"},
    {"{\"colour\":5}", NH_ERR_NOT_FOUND, "is not a field of a command"},
    {"", NH_ERR_SYNTAX, NULL},
    {"[]", NH_ERR_SYNTAX, NULL},
    {"7", NH_ERR_SYNTAX, NULL},
    {"{\"power\":true", NH_ERR_SYNTAX, NULL},
    {"{\"power\":true}}", NH_ERR_SYNTAX, NULL},
    {"{\"overlay\":{\"mode\":\"idle\"", NH_ERR_SYNTAX, NULL},
    {"{\"colors\":[\"#000000\"", NH_ERR_SYNTAX, NULL},
    {"{\"colors\":[[[[[[[[[[1]]]]]]]]]]}", NH_ERR_TYPE, "is no text"},
};

struct found {
    unsigned count;
    struct nh_finding first;
};

static void find(void *ctx, const struct nh_finding *f)
{
    struct found *all = ctx;
    if (all->count++ == 0)
        all->first = *f;
}

static void test_commands_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        // Of the exact size, so that a byte too far is seen.
        size_t len = strlen(rows[i].json);
        char *json = malloc(len ? len : 1);
        struct nh_lamp_command c;
        struct found all = {0};
        int32_t angle;
        memcpy(json, rows[i].json, len);
        int err = nh_lamp_command_read(l, json, len, &c, &angle, find, &all);
        if (err != rows[i].err || (all.count > 0) != (err < 0))
            fail_msg("%s: %d, %s", rows[i].json, err, all.first.text);
        if (rows[i].says && !strstr(all.first.text, rows[i].says))
            fail_msg("%s: %s", rows[i].json, all.first.text);
        assert_int_equal(nh_lamp_command_read(NULL, json, len, &c, &angle, NULL, NULL), err);
        free(json);
    }
}

static void test_findings_name_field_value_and_limit(void **state)
{
    struct nh_lamp_command c;
    struct found all = {0};
    int32_t angle;
    static const char json[] = "{\"overlay\":{\"blend\":\"alpha\",\n  \"mode\":\"sing\"}}";
    (void)state;
    assert_true(nh_lamp_command_read(l, json, strlen(json), &c, &angle, find, &all) < 0);
    assert_string_equal(all.first.pointer, "/overlay/mode");
    assert_string_equal(all.first.value, "sing");
    assert_string_equal(all.first.limit, "idle, listen, speak");
    assert_int_equal(all.first.line, 2);
}

static void test_every_fault_is_told(void **state)
{
    struct nh_lamp_command c;
    struct found all = {0};
    int32_t angle;
    static const char json[] =
        "{\"power\":1,\"effect\":\"x\",\"colors\":[1,2],\"overlay\":{\"a\":1}}";
    (void)state;
    assert_int_equal(nh_lamp_command_read(l, json, strlen(json), &c, &angle, find, &all),
                     NH_ERR_TYPE);
    assert_int_equal(all.count, 5);
}

// Whatever is cut off or changed: an answer, no fault of memory, and never both.
static void test_damaged_commands(void **state)
{
    struct rng r = {99};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        for (int n = 0; n < 100; n++) {
            struct nh_lamp_command c;
            struct found all = {0};
            int32_t angle;
            size_t len = strlen(rows[i].json);
            char json[160];
            memcpy(json, rows[i].json, len);
            if (len && n % 2)
                json[rng_below(&r, (uint32_t)len)] = (char)rng_below(&r, 128);
            len = n % 3 ? len : rng_below(&r, (uint32_t)len + 1);
            int err = nh_lamp_command_read(l, json, len, &c, &angle, find, &all);
            assert_int_equal(err<0, all.count> 0);
        }
}

// ---- routes ------------------------------------------------------------------------------------

static void test_state_as_a_page_reads_it(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/api/lamp", NULL), 200);
    assert_says("{\"power\":true,\"power_state\":\"off\",\"power_fault\":null,\"effect\":\"");
    assert_says("\"brightness\":102,\"speed_pct\":100,\"intensity\":128,\"paused\":false,"
                "\"palette\":\"auto\",\"palette_index\":255,"
                "\"colors\":[\"#ff8800\",\"#000000\",\"#0000ff\"],\"text\":\"nuthatch\","
                "\"overlay\":{\"enabled\":false,\"mode\":\"idle\",\"blend\":\"alpha\","
                "\"angle_deg\":null},\"seq\":0,");
    assert_says("\"changed\":{\"by\":\"boot\",\"who\":\"\",\"ago_ms\":null}");
    assert_says("\"width\":16,\"height\":48,\"pixels\":768,\"panels\":1,\"output\":\"memory\"");
    assert_says("\"live\":null");
}

static void test_post_answers_with_the_state_after(void **state)
{
    (void)state;
    assert_int_equal(ask("POST", "/api/lamp",
                         "{\"brightness\":999,\"effect\":\"DIAG rainbow\",\"speed_pct\":-3,"
                         "\"colors\":[\"#010203\"],\"overlay\":{\"enabled\":true,\"mode\":"
                         "\"listen\",\"angle_deg\":90}}"),
                     200);
    assert_says("\"effect\":\"DIAG RAINBOW\",\"effect_id\":59907,\"effect_index\":2,"
                "\"brightness\":255,\"speed_pct\":10");
    assert_says("\"colors\":[\"#010203\",\"#000000\",\"#0000ff\"]");
    assert_says("\"mode\":\"listen\",\"blend\":\"alpha\",\"angle_deg\":90}");
    assert_says("\"seq\":1,");
    assert_says("\"changed\":{\"by\":\"http\"");
    assert_int_equal(ask("POST", "/api/lamp", "{\"command\":\"adjust_brightness\",\"delta\":-55}"),
                     200);
    assert_says("\"brightness\":200");
    assert_int_equal(ask("POST", "/api/lamp", "{\"command\":\"next\"}"), 200);
    assert_says("\"effect_index\":3");
}

static void test_post_waits_its_turn(void **state)
{
    struct nh_lamp_command c = {.kind = NH_LAMP_ADJUST_BRIGHTNESS, .delta = 1};
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(nh_lamp_post(l, &c), 0);
    assert_int_equal(ask("POST", "/api/lamp", "{\"command\":\"adjust_brightness\",\"delta\":10}"),
                     200);
    assert_says("\"brightness\":115");
    for (int i = 0; i < 4; i++)
        assert_int_equal(nh_lamp_post(l, &c), 0);
    assert_int_equal(ask("POST", "/api/lamp", "{\"brightness\":1}"), 503);
    assert_says("\"code\":\"full\"");
    (void)nh_lamp__turn(l, nh_clock_ms());
    assert_int_equal(now().brightness, 119);
}

static void test_row7_unknown_effect_is_refused(void **state)
{
    struct nh_lamp_state before = now(), after;
    (void)state;
    assert_int_equal(ask("POST", "/api/lamp", "{\"brightness\":1,\"effect\":\"NOPE\"}"), 404);
    assert_says("effect: NOPE is no effect. Nothing was changed.");
    assert_int_equal(ask("POST", "/api/lamp", "{\"brightness\":1,\"effect\":77}"), 404);
    assert_int_equal(ask("POST", "/api/lamp", "{\"power\":3,\"effect\":77}"), 400);
    assert_int_equal(ask("POST", "/api/lamp", "nonsense"), 400);
    assert_int_equal(ask("POST", "/api/lamp", NULL), 400);
    after = now();
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(ask("GET", "/api/lamp", NULL), 200);
    assert_says(nh_fx_find(before.effect_id)->name);
}

static unsigned count(const char *part)
{
    unsigned n = 0;
    for (const char *at = reply; (at = strstr(at, part)); at++)
        n++;
    return n;
}

static void test_effects_are_listed(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/api/lamp/effects", NULL), 200);
    assert_int_equal(count("\"index\":"), nh_fx_visible_count());
    assert_says("{\"index\":0,\"id\":59905,\"name\":\"SNOW FALL\",\"kind\":\"particles\"");
    for (uint16_t i = 0; i < nh_fx_visible_count(); i++)
        assert_says(nh_fx_visible(i)->name);
}

static int put(const char *method, const char *rest, const char *body)
{
    struct route_play p;
    route_begin(&p, &routes, mem, method, "/api/lamp/palettes/*", NULL);
    p.x.req.rest = rest;
    if (body)
        route_piece(&p, body, strlen(body));
    int status = route_finish(&p);
    route_read(&p, reply, sizeof reply, 600);
    route_end(&p);
    return status;
}

#define MINE                                                                                       \
    "{\"name\":\"MINE\",\"stops\":[{\"at\":0,\"color\":\"#ff0000\"},{\"at\":255,\"color\":\"#"     \
    "0000ff\"}]}"

static void test_palettes_of_ones_own(void **state)
{
    char index[8];
    (void)state;
    assert_int_equal(ask("GET", "/api/lamp/palettes", NULL), 200);
    assert_int_equal(count("\"index\":"), nh_fx_palette_count);
    assert_int_equal(ask("POST", "/api/lamp/palettes", MINE), 201);
    assert_says("\"name\":\"MINE\",\"own\":true,\"stepped\":false,\"stops\":[{\"at\":0,\"color\":"
                "\"#ff0000\"},{\"at\":255,\"color\":\"#0000ff\"}]}");
    assert_int_equal(ask("POST", "/api/lamp/palettes", MINE), 409);
    assert_int_equal(ask("POST", "/api/lamp", "{\"palette\":\"mine\"}"), 200);
    assert_says("\"palette\":\"MINE\"");
    snprintf(index, sizeof index, "%u", (unsigned)nh_fx_palette_count);
    assert_int_equal(put("PUT", index,
                         "{\"name\":\"OURS\",\"stepped\":true,\"stops\":[{\"at\":0,"
                         "\"color\":\"#00ff00\"}]}"),
                     200);
    assert_int_equal(put("PUT", "0", MINE), 404); // built in
    assert_int_equal(put("PUT", "99", MINE), 404);
    assert_int_equal(put("PUT", "x", MINE), 404);
    assert_int_equal(put("PUT", "", MINE), 404);
    assert_int_equal(put("PUT", index, "{\"name\":\"X\",\"stops\":[{\"at\":0,\"color\":\"red\"}]}"),
                     400);
    assert_int_equal(put("PUT", index, "{\"name\":\"X\",\"stops\":[]}"), 400);
    assert_int_equal(put("PUT", index, "{\"name\":\"X\"}"), 400);
    assert_int_equal(put("DELETE", "3", NULL), 404);
    assert_int_equal(put("DELETE", index, NULL), 204);
    assert_int_equal(put("DELETE", index, NULL), 404);
    assert_int_equal(ask("GET", "/api/lamp", NULL), 200);
    assert_says("\"palette\":\"auto\"");
}

static void test_lists_are_cut_anywhere(void **state)
{
    static char whole[16384];
    (void)state;
    assert_int_equal(ask("GET", "/api/lamp/palettes", NULL), 200);
    memcpy(whole, reply, sizeof whole);
    for (size_t cap = 1; cap < 2000; cap += 37) {
        struct route_play p;
        route_begin(&p, &routes, mem, "GET", "/api/lamp/palettes", NULL);
        assert_int_equal(route_finish(&p), 200);
        route_read(&p, reply, sizeof reply, cap);
        route_end(&p);
        assert_string_equal(reply, whole);
    }
}

static void test_no_memory_for_a_request(void **state)
{
    int status = 503;
    (void)state;
    for (uint64_t n = 1; status == 503; n++) {
        struct nh_lamp_state before = now();
        nh_mem_fault_set(fx.sys, &(struct nh_mem_fault){.fail_nth = n, .only_owner = mem});
        struct route_play p;
        nh_mem_fault_set(fx.sys, NULL);
        route_begin(&p, &routes, mem, "POST", "/api/lamp", NULL);
        route_piece(&p, "{\"brightness\":9}", 16);
        nh_mem_fault_set(fx.sys, &(struct nh_mem_fault){.fail_nth = n, .only_owner = mem});
        status = route_finish(&p);
        nh_mem_fault_set(fx.sys, NULL);
        route_end(&p);
        assert_true(status == 503 || status == 200);
        assert_true(now().brightness == before.brightness || now().brightness == 9);
        assert_true(n < 50);
    }
}

// ---- the feed ----------------------------------------------------------------------------------

static void test_feed_tells_the_same_object(void **state)
{
    nh_feed_part_t parts[NH_LAMP_FEED_COUNT];
    struct nh_json_buf sink = {reply, sizeof reply, 0};
    nh_json_writer_t w;
    (void)state;
    nh_lamp_feed_parts(l, parts);
    uint64_t version = parts[0].version(l);
    nh_json_writer_init(&w, nh_json_buf_sink, &sink);
    assert_int_equal(parts[0].write(l, &w, 0), version);
    assert_int_equal(nh_json_writer_end(&w), 0);
    assert_true(sink.len < NH_KIB(3)); // what a message may have
    reply[sink.len] = '\0';
    assert_says("\"power_state\":\"off\"");
    assert_int_equal(ask("POST", "/api/lamp", "{\"brightness\":1}"), 200);
    assert_true(parts[0].version(l) != version);
}

static uint32_t u16(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8;
}

static uint64_t frame_us = 5000000;

static uint64_t watcher_ms(void)
{
    return frame_us / 1000;
}

static void frames(int n)
{
    for (int i = 0; i < n; i++) {
        frame_us += 1000;
        (void)nh_lamp__frame(l, frame_us);
    }
}

static void begin_frames(void)
{
    panels.is_powered = panels.is_open = true;
    l->clock_ms = watcher_ms;
    nh_lamp__draw_begin(l, frame_us);
    frames(1);
}

static void end_frames(void)
{
    panels.is_powered = panels.is_open = false;
}

static void test_preview_of_a_small_lamp_is_whole(void **state)
{
    static uint8_t out[NH_FEED_BYTES_MIN];
    nh_feed_part_t parts[NH_LAMP_FEED_COUNT];
    (void)state;
    nh_lamp_feed_parts(l, parts);
    assert_int_equal(parts[1].channel, 2);
    begin_frames();
    uint64_t version = parts[1].version(l), since = 0; // and so it is watched
    assert_int_equal(ask("POST", "/api/lamp",
                         "{\"effect\":\"DIAG RAINBOW\",\"brightness\":7,\"paused\":true,"
                         "\"transition_ms\":0}"),
                     200);
    frames(2);
    assert_true(parts[1].version(l) != version);
    size_t len = parts[1].write_bytes(l, out, sizeof out, 0, &since);
    assert_int_equal(len, 15 + 768 * 3);
    assert_int_equal(since, parts[1].version(l));
    assert_int_equal(out[0], 1);
    assert_int_equal(out[1], NH_LAMP__PREVIEW_ON | NH_LAMP__PREVIEW_PAUSED | NH_LAMP__PREVIEW_LAST);
    assert_int_equal(out[2], 7);
    assert_int_equal(u16(out + 3), 16);
    assert_int_equal(u16(out + 5), 48);
    assert_int_equal(u16(out + 11), 0);
    assert_int_equal(u16(out + 13), 48);
    for (uint32_t i = 0; i < 768; i++)
        assert_int_equal(out[15 + i * 3] << 16 | out[16 + i * 3] << 8 | out[17 + i * 3],
                         l->draw.canvas.px[i]);
    frames(10); // as before: nothing is new
    assert_int_equal(since, parts[1].version(l));
    nh_lamp__draw_end(l); // off: black, and told
    assert_true(parts[1].version(l) != since);
    len = parts[1].write_bytes(l, out, sizeof out, since, &since);
    assert_int_equal(len, 15 + 768 * 3);
    assert_int_equal(out[1], NH_LAMP__PREVIEW_LAST);
    assert_true(panels_are_black(out + 15, 768));
    end_frames();
}

// Whoever asks while a frame is drawn, after it began, is a watcher of that frame.
static void test_preview_is_asked_for_within_a_frame(void **state)
{
    nh_feed_part_t parts[NH_LAMP_FEED_COUNT];
    (void)state;
    nh_lamp_feed_parts(l, parts);
    begin_frames();
    frame_us += 9000;
    uint64_t version = parts[1].version(l);
    assert_int_equal(ask("POST", "/api/lamp", "{\"effect\":\"DIAG RAINBOW\"}"), 200);
    frame_us -= 4000;
    frames(2);
    assert_true(parts[1].version(l) != version);
    nh_lamp__draw_end(l);
    end_frames();
}

// A direction that is told while a frame is drawn is a fresh one, not one of never.
static void test_direction_is_told_within_a_frame(void **state)
{
    (void)state;
    frame_us = 0;
    begin_frames();
    while (nh_clock_ms() < 3) // before it nothing is later than the frame
        sched_yield();
    nh_lamp_direction(l, 90);
    frames(1);
    assert_int_equal(l->draw.input.direction_deg, 90);
    assert_int_equal(l->draw.input.direction_age_ms, 0);
    frame_us += 60000000;
    frames(1);
    assert_true(l->draw.input.direction_age_ms > 50000);
    nh_lamp__draw_end(l);
    end_frames();
}

// Nobody has asked for half a second: nothing is copied for nobody.
static void test_preview_without_a_watcher_stands_still(void **state)
{
    nh_feed_part_t parts[NH_LAMP_FEED_COUNT];
    (void)state;
    nh_lamp_feed_parts(l, parts);
    begin_frames();
    uint64_t version = parts[1].version(l);
    assert_int_equal(ask("POST", "/api/lamp", "{\"effect\":\"DIAG RAINBOW\"}"), 200);
    frame_us += 500000;
    frames(5);
    assert_int_equal(parts[1].version(l), version);
    nh_lamp__draw_end(l);
    end_frames();
}

// A frame in several messages is of one picture, though the lamp goes on meanwhile.
static void test_preview_of_a_large_lamp_is_not_torn(void **state)
{
    static uint8_t out[NH_FEED_BYTES_MIN], picture[128 * 128 * 3];
    static nh_px_t was[128 * 128];
    nh_feed_part_t parts[NH_LAMP_FEED_COUNT];
    (void)state;
    nh_lamp_destroy(l);
    make(128, 128);
    nh_lamp_feed_parts(l, parts);
    begin_frames();
    uint64_t since = parts[1].version(l);
    assert_int_equal(ask("POST", "/api/lamp", "{\"effect\":\"CONFETTI\"}"), 200);
    frames(30);
    uint64_t want = parts[1].version(l);
    assert_true(want != since);
    memcpy(was, l->preview.px, sizeof was);
    uint32_t row_count = 0, messages = 0, number = 0;
    while (since != want) {
        size_t len = parts[1].write_bytes(l, out, sizeof out, since, &since);
        uint32_t first = u16(out + 11), n = u16(out + 13);
        assert_int_equal(len, 15 + n * 128 * 3);
        assert_int_equal(first, row_count);
        if (messages++ == 0)
            number = u16(out + 7);
        assert_int_equal(u16(out + 7), number);
        memcpy(picture + first * 128 * 3, out + 15, n * 128 * 3);
        row_count += n;
        assert_int_equal((out[1] & NH_LAMP__PREVIEW_LAST) != 0, row_count == 128);
        frames(3);
        assert_int_equal(parts[1].version(l), row_count == 128 ? parts[1].version(l) : want);
    }
    assert_int_equal(messages, 13);
    for (uint32_t i = 0; i < 128 * 128; i++)
        assert_int_equal(picture[i * 3] << 16 | picture[i * 3 + 1] << 8 | picture[i * 3 + 2],
                         was[i]);
    nh_lamp__draw_end(l);
    end_frames();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_commands_are_read),
        TEST(test_findings_name_field_value_and_limit),
        TEST(test_every_fault_is_told),
        TEST(test_damaged_commands),
        TEST(test_state_as_a_page_reads_it),
        TEST(test_post_answers_with_the_state_after),
        TEST(test_post_waits_its_turn),
        TEST(test_row7_unknown_effect_is_refused),
        TEST(test_effects_are_listed),
        TEST(test_palettes_of_ones_own),
        TEST(test_lists_are_cut_anywhere),
        TEST(test_no_memory_for_a_request),
        TEST(test_feed_tells_the_same_object),
        TEST(test_preview_of_a_small_lamp_is_whole),
        TEST(test_preview_is_asked_for_within_a_frame),
        TEST(test_direction_is_told_within_a_frame),
        TEST(test_preview_without_a_watcher_stands_still),
        TEST(test_preview_of_a_large_lamp_is_not_torn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
