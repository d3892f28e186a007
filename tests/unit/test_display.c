// The display whole, on a panel that is memory, with a clock that is a variable: what is painted
// when, and above all what is not.

#include "linux_fixture.h"

#include "components/display/macro_layout.h"
#include "display_fixture.h"
#include "jpeg_fixture.h"
#include "support/route_play.h"

static struct linux_fixture fx;
static nh_mem_t *mem;
static nh_display_t *d;
static uint64_t now_ms;

static int setup(void **state)
{
    (void)state;
    fixture_start(&fx);
    assert_int_equal(nh_mem_owner_add(fx.sys, "display", NULL, &mem), 0);
    fake_macros_init();
    d = NULL;
    now_ms = 1000;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_mem_fault_set(fx.sys, NULL);
    nh_display_destroy(d);
    assert_int_equal(fake_macros.icons_out, 0);
    fixture_stop(&fx);
    return 0;
}

static struct nh_display_config config(void)
{
    struct nh_display_config cfg = glass_config(mem, fx.sys);
    cfg.macros = &fake_view;
    cfg.splash_ms = 0;
    return cfg;
}

static void make(const struct nh_display_config *cfg)
{
    assert_int_equal(nh_display__make(cfg, now_ms, &d), 0);
}

static uint64_t turn_at(uint64_t at_ms)
{
    now_ms = at_ms;
    return nh_display__turn(d, now_ms);
}

// Turns until nothing is due, and forgets what was flushed.
static void settle(void)
{
    turn_at(now_ms + 1);
    turn_at(now_ms + 1);
    glass_flushes = 0;
    glass_flushed = (struct nh_rect){0};
}

static struct nh_display_snapshot snapshot(void)
{
    struct nh_display_snapshot s;
    nh_display_snapshot(d, &s);
    return s;
}

static void show(const char *id)
{
    assert_int_equal(nh_display_show(d, id), 0);
    turn_at(now_ms + 1);
}

static void touch(enum nh_touch_phase phase, int x, int y)
{
    const struct nh_touch t = {phase, (int16_t)x, (int16_t)y};
    assert_int_equal(nh_display_touch(d, &t), 0);
    turn_at(now_ms + 1);
}

// ---- screens -----------------------------------------------------------------------------------

static void test_starts_with_the_splash(void **state)
{
    struct nh_display_config cfg = config();
    (void)state;
    cfg.splash_ms = 2000;
    make(&cfg);
    assert_string_equal(snapshot().screen, "splash");
    assert_false(snapshot().is_selectable);
    assert_int_equal(glass_pct, 100);
    assert_int_equal(turn_at(2999), 3000);
    assert_string_equal(snapshot().screen, "splash");
    assert_int_equal(turn_at(3000), NH_NEVER);
    assert_string_equal(snapshot().screen, "macro1");
    assert_string_equal(glass_tags, "lvgl_switch_pre_unknown lvgl_switch_post_splash "
                                    "lvgl_switch_pre_splash lvgl_switch_post_macro1 ");
}

static void test_which_can_be_chosen(void **state)
{
    static const char *const ids[] = {"macro1", "macro2", "macro3", "macro4",
                                      "macro5", "macro6", "macro7", "macro8",
                                      "info",   "test",   "error",  "lvgl_image"};
    struct nh_display_config cfg = config();
    struct nh_display_screen_info info;
    (void)state;
    make(&cfg);
    for (size_t i = 0; i < NH_ARRAY_LEN(ids); i++) {
        assert_true(nh_display_screen_at(d, i, &info));
        assert_string_equal(info.id, ids[i]);
        show(ids[i]);
        assert_string_equal(snapshot().screen, ids[i]);
    }
    assert_int_equal(nh_display_show(d, "splash"), NH_ERR_NOT_FOUND);
    assert_int_equal(nh_display_show(d, "macro9"), NH_ERR_NOT_FOUND);
    assert_int_equal(nh_display_show(d, ""), NH_ERR_NOT_FOUND);
}

static void test_last_one_wins_and_back(void **state)
{
    struct nh_display_config cfg = config();
    (void)state;
    make(&cfg);
    glass_tags[0] = 0;
    assert_int_equal(nh_display_show(d, "test"), 0);
    assert_int_equal(nh_display_show(d, "macro3"), 0);
    assert_int_equal(nh_display_show(d, "info"), 0);
    turn_at(now_ms + 1);
    assert_string_equal(glass_tags, "lvgl_switch_pre_macro1 lvgl_switch_post_info ");
    nh_display_back(d);
    turn_at(now_ms + 1);
    assert_string_equal(snapshot().screen, "macro1");
    nh_display_back(d); // one level: to and fro
    turn_at(now_ms + 1);
    assert_string_equal(snapshot().screen, "info");
}

static void test_taps_lead_on(void **state)
{
    struct nh_display_config cfg = config();
    (void)state;
    make(&cfg);
    show("info");
    touch(NH_TOUCH_DOWN, 180, 180);
    assert_string_equal(snapshot().screen, "info");
    touch(NH_TOUCH_UP, 180, 180);
    turn_at(now_ms + 1);
    assert_string_equal(snapshot().screen, "test");
    touch(NH_TOUCH_DOWN, 100, 100);
    touch(NH_TOUCH_UP, 100, 100);
    turn_at(now_ms + 1);
    assert_string_equal(snapshot().screen, "info");
    nh_display_error(d, "MQTT publish failed", "home/lamp");
    turn_at(now_ms + 1);
    assert_string_equal(snapshot().screen, "error");
    touch(NH_TOUCH_DOWN, 100, 100);
    touch(NH_TOUCH_UP, 100, 100);
    turn_at(now_ms + 1);
    assert_string_equal(snapshot().screen, "info");
}

static void test_made_when_shown_first(void **state)
{
    struct nh_display_config cfg = config();
    struct nh_mem_owner_info before, after;
    (void)state;
    make(&cfg);
    assert_int_equal(snapshot().screens_made, 1);
    for (int round = 0; round < 2; round++) {
        show("macro2");
        show("info");
        show("macro1");
        assert_int_equal(snapshot().screens_made, 3);
        if (round == 0)
            assert_int_equal(nh_mem_owner_info(fx.sys, 2, &before), 0);
    }
    assert_int_equal(nh_mem_owner_info(fx.sys, 2, &after), 0);
    for (int tier = 0; tier < NH_MEM_TIER_COUNT; tier++)
        assert_int_equal(after.tier[tier].alloc_count, before.tier[tier].alloc_count);
}

// ---- what is painted ---------------------------------------------------------------------------

static void test_idle_costs_nothing(void **state)
{
    static const char *const ids[] = {"macro1", "macro5", "info", "test", "error"};
    struct nh_display_config cfg = config();
    (void)state;
    make(&cfg);
    for (size_t i = 0; i < NH_ARRAY_LEN(ids); i++) {
        show(ids[i]);
        settle();
        uint64_t frames = snapshot().frame_count;
        for (int turn = 0; turn < 100; turn++) {
            uint64_t next = turn_at(now_ms + 500);
            assert_int_equal(next, strcmp(ids[i], "info") == 0 ? now_ms + 500 : NH_NEVER);
        }
        assert_int_equal(glass_flushes, 0);
        assert_int_equal(snapshot().frame_count, frames);
    }
}

static void slow_facts(void *ctx, struct nh_display_facts *out)
{
    glass_facts(ctx, out);
    out->uptime_s = now_ms / 1000;
}

static void test_a_row_that_changes(void **state)
{
    struct nh_display_config cfg = config();
    (void)state;
    cfg.facts = slow_facts;
    make(&cfg);
    show("info");
    settle();
    turn_at(now_ms + 1000);
    assert_in_range(glass_flushes, 1, 2);
    assert_true(glass_flushed.h < 40);
}

static void test_a_press_paints_its_button(void **state)
{
    static const enum nh_macro_template templates[] = {
        NH_MACRO_RING_9, NH_MACRO_PIE_8, NH_MACRO_STACK_SIDES_5, NH_MACRO_WIDE_SIDES_3,
        NH_MACRO_SPLIT_SIDES_4};
    struct nh_display_config cfg = config();
    (void)state;
    make(&cfg);
    for (size_t i = 0; i < NH_ARRAY_LEN(templates); i++) {
        struct nh_macro__cell c;
        fake_macros.screens[0].layout = templates[i];
        fake_macros.revision++;
        fake_macros.told[0] = 0;
        settle();
        assert_true(nh_macro__cell_of(templates[i], 2, GLASS_W, GLASS_H, &c));
        int x = c.content.x + c.content.w / 2, y = c.content.y + c.content.h / 2;
        touch(NH_TOUCH_DOWN, x, y);
        assert_string_equal(fake_macros.told, "+0.2 ");
        assert_true(glass_flushes > 0);
        assert_int_equal(nh_rect_area(nh_rect_join(glass_flushed, c.bounds)),
                         nh_rect_area(c.bounds));
        glass_flushes = 0;
        assert_int_equal(turn_at(now_ms + 10000), NH_NEVER); // held as long as the finger is
        assert_int_equal(glass_flushes, 0);
        touch(NH_TOUCH_UP, 0, 0); // wherever it leaves
        assert_string_equal(fake_macros.told, "+0.2 -0.2 ");
        assert_true(glass_flushes > 0);
    }
}

static void test_a_short_tap_is_seen(void **state)
{
    struct nh_display_config cfg = config();
    (void)state;
    make(&cfg);
    settle();
    touch(NH_TOUCH_DOWN, 180, 180);
    uint64_t down_ms = now_ms;
    touch(NH_TOUCH_UP, 180, 180);
    glass_flushes = 0;
    assert_int_equal(turn_at(down_ms + 99), down_ms + 100);
    assert_int_equal(glass_flushes, 0);
    assert_int_equal(turn_at(down_ms + 100), NH_NEVER);
    assert_true(glass_flushes > 0);
    assert_string_equal(fake_macros.told, "+0.8 -0.8 ");
}

static void test_a_screen_that_goes_lets_its_button_go(void **state)
{
    struct nh_display_config cfg = config();
    (void)state;
    make(&cfg);
    touch(NH_TOUCH_DOWN, 180, 180);
    show("macro2");
    assert_string_equal(fake_macros.told, "+0.8 -0.8 ");
    touch(NH_TOUCH_UP, 180, 180); // not of the screen that it did not come down on
    assert_string_equal(fake_macros.told, "+0.8 -0.8 ");
    show("macro1");
    touch(NH_TOUCH_DOWN, 2, 2); // beside all buttons
    touch(NH_TOUCH_UP, 2, 2);
    assert_string_equal(fake_macros.told, "+0.8 -0.8 ");
}

static void test_only_what_changed_of_a_document(void **state)
{
    struct nh_display_config cfg = config();
    struct nh_macro__cell c;
    (void)state;
    make(&cfg);
    settle();
    fake_macros.revision++;
    nh_display_macros_changed(d);
    turn_at(now_ms + 1);
    assert_int_equal(glass_flushes, 0); // another screen's button
    strcpy(fake_macros.buttons[0][4].label, "new");
    fake_macros.revision++;
    nh_display_macros_changed(d);
    turn_at(now_ms + 1);
    assert_true(nh_macro__cell_of(NH_MACRO_RING_9, 4, GLASS_W, GLASS_H, &c));
    assert_true(glass_flushes > 0);
    assert_int_equal(nh_rect_area(nh_rect_join(glass_flushed, c.bounds)), nh_rect_area(c.bounds));
}

// Whatever a part cuts through: shapes, icons, the lower ends of letters.
static void check_few_lines(enum nh_macro_template layout)
{
    static uint16_t want[GLASS_W * GLASS_H];
    struct nh_display_config cfg = config();
    fake_macros.screens[0].layout = layout;
    for (cfg.draw_lines = 1; cfg.draw_lines <= 64; cfg.draw_lines += 21) {
        make(&cfg);
        turn_at(now_ms + 1);
        int other = 0;
        for (int i = 0; i < GLASS_W * GLASS_H && cfg.draw_lines > 1; i++)
            other += abs((glass[i] >> 5 & 63) - (want[i] >> 5 & 63)) > 4;
        if (other)
            fail_msg("template %d, %u lines: %d pixels", layout, (unsigned)cfg.draw_lines, other);
        assert_int_equal(snapshot().draw_buffer_bytes, GLASS_W * 2 * cfg.draw_lines);
        memcpy(want, glass, sizeof want);
        nh_display_destroy(d);
        d = NULL;
    }
}

static void test_few_lines_paint_the_same(void **state)
{
    (void)state;
    for (unsigned slot = 0; slot < 9; slot++) {
        struct nh_macro_button *b = &fake_macros.buttons[0][slot];
        strcpy(b->label, slot % 2 ? "gjpqy" : "glad pony");
        b->has_icon = slot % 3 != 0;
        strcpy(b->icon_id, "mask");
    }
    for (int t = NH_MACRO_RING_9; t <= NH_MACRO_SPLIT_SIDES_4; t++)
        check_few_lines((enum nh_macro_template)t);
}

// ---- sleep -------------------------------------------------------------------------------------

static void test_sleep_swallows_touches(void **state)
{
    struct nh_display_config cfg = config();
    (void)state;
    make(&cfg);
    assert_int_equal(nh_display_sleep(d), 0);
    turn_at(now_ms + 1);
    assert_int_equal(snapshot().saver, NH_SAVER_FADING_OUT);
    turn_at(now_ms + 400);
    assert_int_equal(glass_pct, 50);
    assert_int_equal(turn_at(now_ms + 400), NH_NEVER);
    assert_int_equal(glass_pct, 0);
    touch(NH_TOUCH_DOWN, 180, 180);
    assert_string_equal(fake_macros.told, "");
    assert_int_equal(snapshot().saver, NH_SAVER_FADING_IN);
    assert_int_equal(snapshot().touch_swallowed_count, 1);
    turn_at(now_ms + 2000);
    assert_int_equal(glass_pct, 100);
    touch(NH_TOUCH_UP, 180, 180); // of the finger that woke it
    assert_string_equal(fake_macros.told, "");
    touch(NH_TOUCH_DOWN, 180, 180);
    assert_string_equal(fake_macros.told, "+0.8 ");
}

static void test_what_counts_as_activity(void **state)
{
    struct nh_display_config cfg = config();
    (void)state;
    cfg.settings.has_saver = true;
    cfg.settings.saver_timeout_s = 10;
    make(&cfg);
    assert_int_equal(turn_at(5000), 11000);
    nh_display_activity(d, false);
    assert_int_equal(turn_at(6000), 16000);
    nh_display_brightness(d, 250);
    assert_int_equal(turn_at(7000), 17000);
    assert_int_equal(snapshot().target_pct, 100);
    show("macro4");
    assert_int_equal(turn_at(7500), 17001);
    turn_at(17001);
    turn_at(17801);
    assert_int_equal(snapshot().saver, NH_SAVER_ASLEEP);
    nh_display_activity(d, false);
    turn_at(17802);
    assert_int_equal(snapshot().saver, NH_SAVER_ASLEEP);
    show("macro5"); // a new screen wants to be seen
    assert_int_equal(snapshot().saver, NH_SAVER_FADING_IN);
    cfg.settings.has_saver = false;
    cfg.settings.brightness_pct = 40;
    nh_display_settings_set(d, &cfg.settings);
    turn_at(20000);
    assert_int_equal(glass_pct, 40);
    assert_int_equal(turn_at(20001), NH_NEVER);
}

// ---- limits and faults -------------------------------------------------------------------------

static void test_queue_is_bounded(void **state)
{
    struct nh_display_config cfg = config();
    const struct nh_touch t = {NH_TOUCH_DOWN, 1, 1}, move = {NH_TOUCH_MOVE, 2, 2};
    (void)state;
    cfg.queue_max = 4;
    make(&cfg);
    for (int i = 0; i < 4; i++)
        assert_int_equal(nh_display_touch(d, &t), 0);
    assert_int_equal(nh_display_touch(d, &t), NH_ERR_FULL);
    assert_int_equal(nh_display_touch(d, &move), 0); // left out, as many are
    assert_int_equal(nh_display_show(d, "info"), 0); // has a place of its own
    turn_at(now_ms + 1);
    assert_string_equal(snapshot().screen, "info");
    assert_int_equal(snapshot().queue_full_count, 1);
}

static void test_config_limits(void **state)
{
    static const struct {
        uint16_t width, height;
        uint32_t lines;
        const char *font;
        int want;
    } rows[] = {
        {63, 360, 16, GLASS_FONT, NH_ERR_RANGE},
        {360, 801, 16, GLASS_FONT, NH_ERR_RANGE},
        {360, 360, 65, GLASS_FONT, NH_ERR_RANGE},
        {360, 360, 16, "/none", NH_ERR_NOT_FOUND},
        {64, 64, 1, GLASS_FONT, 0},
        {241, 135, 7, GLASS_FONT, 0},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_display_config cfg = config();
        cfg.panel.width = rows[i].width;
        cfg.panel.height = rows[i].height;
        cfg.draw_lines = rows[i].lines;
        cfg.fonts[0] = rows[i].font;
        assert_int_equal(nh_display__make(&cfg, now_ms, &d), rows[i].want);
        for (size_t k = 0; d && k < 12; k++) {
            struct nh_display_screen_info info;
            assert_true(nh_display_screen_at(d, k, &info));
            show(info.id);
        }
        nh_display_destroy(d);
        d = NULL;
    }
}

static void test_no_memory(void **state)
{
    struct nh_display_config cfg = config();
    uint64_t n = 1;
    (void)state;
    for (bool is_done = false; !is_done; n++) {
        nh_mem_fault_set(fx.sys, &(struct nh_mem_fault){.fail_nth = n});
        int err = nh_display__make(&cfg, now_ms, &d);
        assert_true(err == 0 || err == NH_ERR_NOMEM || err == NH_ERR_NOT_FOUND);
        if (err == 0) {
            assert_int_equal(nh_display_show(d, "info"), 0);
            turn_at(now_ms + 1);
            bool is_there = strcmp(snapshot().screen, "info") == 0;
            assert_true(is_there || snapshot().screen_failures == 1); // what was shown stays
            is_done = nh_mem_fault_hits(fx.sys) == 0;
            nh_mem_fault_set(fx.sys, NULL);
            show("info");
            assert_string_equal(snapshot().screen, "info"); // the next try works
        }
        nh_mem_fault_set(fx.sys, NULL);
        nh_display_destroy(d);
        d = NULL;
    }
    assert_true(n > 15);
}

// ---- images ------------------------------------------------------------------------------------

static nh_loop_t *loop;

// One job as the loop's task hands it over; what became of it.
static int show_image(const struct jpeg_kind *k, struct nh_display__job job)
{
    unsigned char *file;
    unsigned long len;
    jpeg_make(k, &file, &len);
    job.bytes = file;
    job.len = len;
    nh_display__image_show(&d->images, &job);
    turn_at(now_ms + 1);
    int err = d->images.job.err;
    d->images.job.is_strip = false; // the strips' state is the requests'
    PUMP(loop, 3);
    assert_int_equal(d->images.state, NH_DISPLAY__IMAGE_IDLE);
    free(file);
    return err;
}

static struct nh_display__job whole(uint64_t show_ms)
{
    return (struct nh_display__job){
        .at = {0, 0, GLASS_W, GLASS_H}, .show_ms = show_ms, .is_first = true, .is_last = true};
}

static const struct jpeg_kind photo = {GLASS_W, GLASS_H, 3, 2, 2, false, false, 0, 80};

static struct nh_display_config image_config(void)
{
    struct nh_display_config cfg = config();
    assert_int_equal(nh_loop_create(fx.mem, &loop), 0);
    cfg.loop = loop;
    return cfg;
}

static void end_images(void)
{
    nh_display_destroy(d);
    d = NULL;
    nh_loop_destroy(loop);
}

static void test_image_for_a_while(void **state)
{
    struct nh_display_config cfg = image_config();
    static uint16_t before[GLASS_W * GLASS_H];
    (void)state;
    make(&cfg);
    show("info");
    memcpy(before, glass, sizeof before);
    glass_tags[0] = 0;
    assert_int_equal(show_image(&photo, whole(5000)), 0);
    assert_string_equal(snapshot().screen, "direct_image");
    assert_string_equal(glass_tags, "img_pre_decode lvgl_switch_pre_info "
                                    "lvgl_switch_post_direct_image img_post_decode ");
    assert_memory_not_equal(glass, before, sizeof before);
    assert_in_range(glass[GLASS_W * 180 + 300] >> 11, 25, 28); // red grows to the right
    uint64_t shown_ms = now_ms;
    assert_int_equal(turn_at(shown_ms + 4999), shown_ms + 5000);
    turn_at(shown_ms + 5000);
    assert_string_equal(snapshot().screen, "info");
    assert_memory_equal(glass, before, sizeof before);
    assert_int_equal(show_image(&photo, whole(0)), 0);
    assert_int_equal(turn_at(now_ms + 100000000), NH_NEVER); // it stays
    touch(NH_TOUCH_DOWN, 5, 5);
    touch(NH_TOUCH_UP, 5, 5); // until it is tapped
    assert_string_equal(snapshot().screen, "info");
    end_images();
}

static void test_image_without_memory(void **state)
{
    struct nh_display_config cfg = image_config();
    (void)state;
    for (int kept = 0; kept < 2; kept++) {
        make(&cfg);
        show(kept ? "lvgl_image" : "macro2");
        uint64_t n = 1;
        for (int err = NH_ERR_NOMEM; err != 0; n++) {
            nh_mem_fault_set(fx.sys, &(struct nh_mem_fault){.fail_nth = n, .only_owner = mem});
            err = show_image(&photo, whole(0));
            nh_mem_fault_set(fx.sys, NULL);
            assert_true(err == 0 || err == NH_ERR_NOMEM);
            if (err < 0)
                assert_string_equal(snapshot().screen, kept ? "lvgl_image" : "macro2");
            if (kept) // a smaller one is tried before it is given up
                break;
        }
        nh_display_destroy(d);
        d = NULL;
    }
    nh_loop_destroy(loop);
}

static void test_image_damaged(void **state)
{
    const struct jpeg_kind other = {GLASS_W + 8, GLASS_H, 3, 2, 2};
    struct nh_display_config cfg = image_config();
    struct nh_display__job strip = whole(3000);
    (void)state;
    make(&cfg);
    assert_int_equal(show_image(&other, whole(0)), NH_ERR_RANGE);
    assert_string_equal(snapshot().screen, "macro1");
    strip.is_strip = true;
    strip.is_first = strip.is_last = false;
    assert_int_equal(show_image(&photo, strip), NH_ERR_CANCELLED); // the first one is not there
    assert_string_equal(snapshot().screen, "macro1");
    assert_non_null(strstr(glass_tags, "strip_decode_fail"));
    end_images();
}

static void test_screenshots_at_once(void **state)
{
    struct nh_display_config cfg = config();
    struct route_play play[3];
    static char reply[4096];
    (void)state;
    cfg.has_mirror = true;
    make(&cfg);
    const struct nh_route_table routes = nh_display_routes(d);
    for (size_t i = 0; i < 3; i++)
        route_begin(&play[i], &routes, mem, "GET", "/api/display/screenshot", NULL);
    assert_int_equal(route_finish(&play[0]), 200);
    assert_int_equal(route_finish(&play[1]), 200);
    assert_int_equal(route_finish(&play[2]), 503);
    for (size_t i = 0; i < 3; i++)
        route_end(&play[i]);
    assert_int_equal(
        route_ask(&routes, mem, "GET", "/api/display", NULL, NULL, reply, sizeof reply), 200);
    assert_non_null(strstr(reply, "\"screenshots_refused\":1"));
    nh_display_destroy(d);
    d = NULL;
}

// What README.md says of memory.
static void test_memory_contract(void **state)
{
    struct nh_display_config cfg = config();
    struct nh_mem_owner_info info;
    (void)state;
    make(&cfg);
    for (size_t i = 0; i < 12; i++) {
        struct nh_display_screen_info screen;
        assert_true(nh_display_screen_at(d, i, &screen));
        show(screen.id);
    }
    assert_int_equal(nh_mem_owner_info(fx.sys, 2, &info), 0);
    assert_int_equal(nh_mem_tier_of(mem, d->draw_buffer), NH_MEM_PSRAM);
    assert_true(info.tier[NH_MEM_INTERNAL].current_bytes <= NH_KIB(1));
    assert_true(info.tier[NH_MEM_PSRAM].current_bytes <= NH_KIB(320));
}

static void test_with_its_task(void **state)
{
    struct nh_display_config cfg = config();
    (void)state;
    cfg.facts = NULL;
    assert_int_equal(nh_display_create(&cfg, &d), 0);
    for (int round = 0; round < 20; round++) {
        const char *id = round % 2 ? "macro2" : "info";
        assert_int_equal(nh_display_show(d, id), 0);
        for (long turns = 0; strcmp(snapshot().screen, id) != 0; turns++) {
            assert_true(turns < 50000000);
            sched_yield();
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_starts_with_the_splash),
        TEST(test_which_can_be_chosen),
        TEST(test_last_one_wins_and_back),
        TEST(test_taps_lead_on),
        TEST(test_made_when_shown_first),
        TEST(test_idle_costs_nothing),
        TEST(test_a_row_that_changes),
        TEST(test_a_press_paints_its_button),
        TEST(test_a_short_tap_is_seen),
        TEST(test_a_screen_that_goes_lets_its_button_go),
        TEST(test_only_what_changed_of_a_document),
        TEST(test_few_lines_paint_the_same),
        TEST(test_sleep_swallows_touches),
        TEST(test_what_counts_as_activity),
        TEST(test_queue_is_bounded),
        TEST(test_config_limits),
        TEST(test_no_memory),
        TEST(test_image_for_a_while),
        TEST(test_image_without_memory),
        TEST(test_image_damaged),
        TEST(test_screenshots_at_once),
        TEST(test_memory_contract),
        TEST(test_with_its_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
