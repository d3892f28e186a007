// The lamp as a whole: power with its real render task, the queue, live data, what is kept, memory.
// Rows 1, 2, 3, 4, 7 and 8 of the check-list (docs/lamp.md).

#include "linux_fixture.h"

#include "lamp_fixture.h"

#include "core/bus/events.h"
#include "support/fake_disk.h"

#include <dirent.h>

static struct linux_fixture fx;
static nh_mem_t *mem;
static nh_lamp_t *l;
static uint64_t clock_ms; // of turns that a test makes

static int setup(void **state)
{
    (void)state;
    fixture_start(&fx);
    assert_int_equal(nh_mem_owner_add(fx.sys, "lamp", NULL, &mem), 0);
    clock_ms = 100000;
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

static struct nh_lamp_config config(void)
{
    return (struct nh_lamp_config){.mem = mem,
                                   .sys = fx.sys,
                                   .pixels = panels_fresh(),
                                   .width = 16,
                                   .height = 48,
                                   .map = {.leds = {.is_serpentine = true}},
                                   .fps = 120,
                                   .seed = 1};
}

static void make(const struct nh_lamp_config *cfg)
{
    assert_int_equal(nh_lamp__make(cfg, &l), 0);
}

static void turn(void)
{
    (void)nh_lamp__turn(l, clock_ms);
}

// Turns at what is due until the power sequence has come to its end.
static void settle(enum nh_lamp_power state)
{
    struct nh_lamp_snapshot s;
    long turns = 0;
    do {
        turn();
        uint64_t due = nh_lamp__power_deadline(&l->power);
        // Time passes in steps; while the render task has still to end, it stands.
        if (due != NH_NEVER && l->power.step != NH_LAMP__OFF_WAIT)
            clock_ms = due > clock_ms ? due : clock_ms;
        sched_yield();
        nh_lamp_snapshot(l, &s);
        if (++turns > 100000000)
            fail_msg("it stays in state %d", (int)s.power);
    } while (s.power != state);
}

static struct nh_lamp_snapshot snapshot(void)
{
    struct nh_lamp_snapshot s;
    nh_lamp_snapshot(l, &s);
    return s;
}

static struct nh_lamp_info info(void)
{
    struct nh_lamp_info i;
    nh_lamp_info(l, &i);
    return i;
}

static void post(struct nh_lamp_command c)
{
    assert_int_equal(nh_lamp_post(l, &c), 0);
}

static void set_power(bool on)
{
    post((struct nh_lamp_command){.mask = NH_LAMP_F_POWER, .set = {.power = on}});
    turn();
}

static void light(void)
{
    set_power(true);
    settle(NH_LAMP_ON);
    SPIN_UNTIL(panels_shown() > 0);
}

// ---- row 1 -------------------------------------------------------------------------------------

static void test_row1_show_has_one_caller(void **state)
{
    struct nh_lamp_config cfg = config();
    (void)state;
    make(&cfg);
    for (uint32_t life = 1; life <= 3; life++) {
        light();
        SPIN_UNTIL(panels_shown() > 5);
        for (int i = 0; i < 10; i++) {
            post((struct nh_lamp_command){.kind = NH_LAMP_NEXT_EFFECT});
            post((struct nh_lamp_command){.kind = NH_LAMP_FLASH, .flash_ms = 5});
            turn();
        }
        SPIN_UNTIL(panels_shown() > 8);
        set_power(false);
        settle(NH_LAMP_OFF);
        assert_int_equal(panels.caller_count, life);
        assert_false(pthread_equal(panels.caller, pthread_self()));
    }
    assert_int_equal(panels.wrong_count, 0);
}

// And one place calls it: whoever writes another one has to write this test anew.
static void test_row1_show_has_one_call_site(void **state)
{
    static const char folder[] = "src/components/lamp";
    static char text[256 * 1024];
    DIR *dir = opendir(folder);
    size_t sites = 0;
    (void)state;
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        char path[512];
        size_t len = strlen(e->d_name);
        if (len < 3 || strcmp(e->d_name + len - 2, ".c") != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        FILE *f = fopen(path, "r");
        assert_non_null(f);
        text[fread(text, 1, sizeof text - 1, f)] = '\0';
        fclose(f);
        bool knows_pixels = strstr(text, "struct nh_pixels") || strstr(text, "cfg.pixels");
        for (const char *at = text; knows_pixels && (at = strstr(at, "show(")); at++)
            sites += at[-1] == '.' || at[-1] == '>';
    }
    closedir(dir);
    assert_int_equal(sites, 1);
}

// ---- row 2 -------------------------------------------------------------------------------------

static void test_row2_order_of_the_real_thing(void **state)
{
    struct nh_lamp_config cfg = config();
    (void)state;
    make(&cfg);
    light();
    SPIN_UNTIL(panels_shown() > 3);
    assert_true(panels.was_black); // the chain's first frame
    assert_string_equal(panels.trace, "low on open ");
    set_power(false);
    settle(NH_LAMP_OFF);
    uint32_t shown = panels_shown();
    assert_string_equal(panels.trace, "low on open close low off ");
    for (int i = 0; i < 1000; i++) { // nothing moves while they are unpowered
        post((struct nh_lamp_command){.kind = NH_LAMP_NEXT_EFFECT});
        clock_ms += 1000;
        turn();
    }
    assert_int_equal(panels_shown(), shown);
    assert_string_equal(panels.trace, "low on open close low off ");
    assert_int_equal(panels.wrong_count, 0);
}

static void test_row2_switch_that_fails(void **state)
{
    struct nh_lamp_config cfg = config();
    (void)state;
    make(&cfg);
    panels.power_err = NH_ERR_IO;
    set_power(true);
    settle(NH_LAMP_FAILED);
    assert_true(snapshot().state.power); // wanted still
    assert_int_equal(panels_shown(), 0);
    assert_int_equal(panels.open_count, 0);
    assert_true(panels.is_low);
    uint32_t seq = snapshot().state.seq;
    panels.power_err = 0;
    light(); // no change of the state, and it tries again
    assert_int_equal(snapshot().state.seq, seq);
}

// The loop's own time: at least 50 ms from the switch to the first show().
static void test_row2_first_show_waits(void **state)
{
    struct nh_lamp_config cfg = config();
    nh_loop_t *loop;
    (void)state;
    assert_int_equal(nh_loop_create(fx.mem, &loop), 0);
    cfg.loop = loop;
    assert_int_equal(nh_lamp_create(&cfg, &l), 0);
    assert_int_equal(nh_lamp_start(l), 0);
    PUMP_UNTIL(loop, panels_shown() > 2);
    assert_true(panels.shown_ms >= panels.powered_ms + 50);
    nh_lamp_destroy(l);
    l = NULL;
    assert_string_equal(panels.trace, "low on open close low off ");
    assert_int_equal(panels.destroy_count, 1);
    assert_int_equal(panels.wrong_count, 0);
    nh_loop_destroy(loop);
}

// ---- row 3 -------------------------------------------------------------------------------------

static void totals(size_t out[4])
{
    struct nh_mem_snapshot s;
    nh_mem_figures(fx.sys, &s);
    out[0] = s.tier[NH_MEM_INTERNAL].used_blocks;
    out[1] = s.tier[NH_MEM_PSRAM].used_blocks;
    out[2] = s.tier[NH_MEM_INTERNAL].free_bytes;
    out[3] = s.tier[NH_MEM_PSRAM].free_bytes;
}

static void test_row3_thousand_cycles_leave_nothing(void **state)
{
    struct nh_lamp_config cfg = config();
    size_t before[4], after[4], tasks = nh_mem_task_count(fx.sys);
    (void)state;
    cfg.width = 4;
    cfg.height = 4;
    make(&cfg);
    light();
    set_power(false);
    settle(NH_LAMP_OFF);
    totals(before);
    for (int i = 0; i < 1000; i++) {
        light();
        assert_int_equal(nh_mem_task_count(fx.sys), tasks + 1);
        set_power(false);
        settle(NH_LAMP_OFF);
        assert_int_equal(nh_mem_task_count(fx.sys), tasks);
        assert_null(l->task);
        panels.trace[0] = '\0';
    }
    totals(after);
    assert_memory_equal(before, after, sizeof before);
    assert_int_equal(panels.open_count, 1001);
    assert_int_equal(panels.close_count, 1001);
    assert_int_equal(panels.wrong_count, 0);
}

// The frame that does not come to its end keeps its power: nothing is killed, nothing is cut.
static void test_row3_join_that_fails_refuses_to_switch(void **state)
{
    struct nh_lamp_config cfg = config();
    (void)state;
    make(&cfg);
    light();
    nh_atomic_store_u32(&panels.holds, 1);
    SPIN_UNTIL(nh_atomic_load_u32(&panels.holds) == 2);
    set_power(false);
    clock_ms += 999;
    turn();
    assert_int_equal(snapshot().power, NH_LAMP_SWITCHING_OFF);
    clock_ms += 1;
    turn();
    assert_int_equal(snapshot().power, NH_LAMP_FAILED);
    assert_true(panels.is_powered && panels.is_open);
    assert_string_equal(panels.trace, "low on open ");
    nh_atomic_store_u32(&panels.holds, 0);
    uint32_t shown = panels_shown();
    SPIN_UNTIL(panels_shown() > shown + 2); // it goes on, lit
    set_power(false);
    settle(NH_LAMP_OFF);
    assert_string_equal(panels.trace, "low on open close low off ");
    assert_int_equal(panels.wrong_count, 0);
}

static void *toggle_often(void *arg)
{
    for (int i = 0; i < 200; i++) {
        struct nh_lamp_command c = {.mask = NH_LAMP_F_POWER, .set = {.power = arg != NULL}};
        while (nh_lamp_post(l, &c) == NH_ERR_FULL)
            sched_yield();
    }
    return NULL;
}

static void test_row3_two_callers(void **state)
{
    struct nh_lamp_config cfg = config();
    pthread_t other[2];
    (void)state;
    make(&cfg);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&other[i], NULL, toggle_often, i ? &other : NULL), 0);
    while (snapshot().handled_count < 400) {
        turn();
        clock_ms += 10;
        sched_yield();
    }
    for (size_t i = 0; i < 2; i++)
        pthread_join(other[i], NULL);
    set_power(false);
    settle(NH_LAMP_OFF);
    set_power(false); // not on: nothing
    turn();
    assert_int_equal(panels.open_count, panels.close_count);
    assert_int_equal(panels.wrong_count, 0);
}

// ---- row 4 -------------------------------------------------------------------------------------

struct answers {
    int err[8];
    uint32_t seq[8];
    size_t count;
};

static void take_answer(void *ctx, int err, const struct nh_lamp_snapshot *after)
{
    struct answers *a = ctx;
    a->err[a->count] = err;
    a->seq[a->count++] = after->state.seq;
}

static void test_row4_answer_is_the_state_after(void **state)
{
    struct nh_lamp_config cfg = config();
    struct answers a = {0};
    struct nh_lamp_command c = {.mask = NH_LAMP_F_BRIGHTNESS,
                                .set = {.brightness = 10},
                                .origin = NH_ORIGIN_RADIO,
                                .who = "remote",
                                .done = take_answer,
                                .ctx = &a};
    (void)state;
    make(&cfg);
    post(c);
    post(c); // no change
    c.mask = NH_LAMP_F_EFFECT;
    c.set.effect_id = 1;
    post(c); // refused
    c.kind = NH_LAMP_ADJUST_BRIGHTNESS;
    c.delta = 1;
    post(c);
    assert_int_equal(a.count, 0); // never from inside of post()
    turn();
    assert_int_equal(a.count, 4);
    static const int errs[] = {0, 0, NH_ERR_NOT_FOUND, 0};
    static const uint32_t seqs[] = {1, 1, 1, 2};
    assert_memory_equal(a.err, errs, sizeof errs);
    assert_memory_equal(a.seq, seqs, sizeof seqs);
    assert_int_equal(snapshot().state.brightness, 11);
    assert_int_equal(snapshot().changed_by, NH_ORIGIN_RADIO);
    assert_string_equal(snapshot().changed_who, "remote");
    assert_int_equal(snapshot().handled_count, 4);
}

static void post_again(void *ctx, int err, const struct nh_lamp_snapshot *after)
{
    struct nh_lamp_command c = {.kind = NH_LAMP_ADJUST_BRIGHTNESS, .delta = -1};
    (void)err;
    (void)after;
    c.done = take_answer;
    c.ctx = ctx;
    post(c);
}

static void test_row4_queue_is_bounded(void **state)
{
    struct nh_lamp_config cfg = config();
    struct answers a = {0};
    (void)state;
    cfg.queue_max = 4;
    make(&cfg);
    struct nh_lamp_command c = {.kind = NH_LAMP_ADJUST_BRIGHTNESS, .delta = 1};
    for (int i = 0; i < 4; i++)
        post(c);
    assert_int_equal(nh_lamp_post(l, &c), NH_ERR_FULL);
    assert_int_equal(info().queue_full_count, 1);
    assert_int_equal(info().queue_depth, 4);
    turn();
    assert_int_equal(info().queue_depth, 0);
    assert_int_equal(info().queue_depth_max, 4);
    assert_int_equal(snapshot().state.brightness, 106);
    // An answer may post: it is done in a later turn, so a turn comes to an end.
    c.done = post_again;
    c.ctx = &a;
    post(c);
    turn();
    turn();
    assert_int_equal(a.count, 1);
    // Who waits when it ends is told so.
    c.done = take_answer;
    post(c);
    nh_lamp_destroy(l);
    l = NULL;
    assert_int_equal(a.err[1], NH_ERR_CANCELLED);
}

// ---- events ------------------------------------------------------------------------------------

static struct {
    unsigned count;
    struct nh_event last;
} heard;

static void hear(void *ctx, const struct nh_event *e)
{
    (void)ctx;
    heard.count++;
    heard.last = *e;
}

static unsigned changes;
static void count_change(void *ctx)
{
    (void)ctx;
    changes++;
}

static void test_events_and_changes_are_told(void **state)
{
    struct nh_lamp_config cfg = config();
    const struct nh_bus_config bus_cfg = {.mem = fx.mem, .event_count = NH_EVENT_COUNT};
    static const nh_event_id_t ids[] = {NH_EVENT_LAMP_CHANGED, NH_EVENT_LAMP_OTA_START};
    const struct nh_bus_sub_config sub = {
        .name = "test", .ids = ids, .id_count = NH_ARRAY_LEN(ids), .handle = hear};
    nh_bus_sub_t *s;
    nh_bus_t *bus;
    (void)state;
    assert_int_equal(nh_bus_create(&bus_cfg, &bus), 0);
    assert_int_equal(nh_bus_subscribe(bus, &sub, &s), 0);
    cfg.bus = bus;
    cfg.changed = count_change;
    make(&cfg);
    turn();
    changes = heard.count = 0;
    post((struct nh_lamp_command){
        .mask = NH_LAMP_F_SPEED, .set = {.speed_pct = 200}, .origin = NH_ORIGIN_VOICE});
    post((struct nh_lamp_command){.mask = NH_LAMP_F_SPEED, .set = {.speed_pct = 200}});
    turn();
    const struct nh_event_lamp_changed *e = (const void *)heard.last.data;
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.last.origin, NH_ORIGIN_VOICE);
    assert_int_equal(e->mask, NH_LAMP_F_SPEED);
    assert_int_equal(e->seq, 1);
    assert_int_equal(changes, 1); // once a turn, however many commands
    post((struct nh_lamp_command){.kind = NH_LAMP_START_OTA, .origin = NH_ORIGIN_RADIO});
    turn();
    assert_int_equal(heard.last.id, NH_EVENT_LAMP_OTA_START);
    assert_int_equal(heard.last.origin, NH_ORIGIN_RADIO);
    turn();
    assert_int_equal(heard.count, 2);
    nh_lamp_destroy(l);
    l = NULL;
    nh_bus_unsubscribe(bus, s);
    nh_bus_destroy(bus);
}

// ---- frames on a clock of the test's -----------------------------------------------------------

static uint64_t frame_us;

static void begin_frames(struct nh_lamp_config *cfg)
{
    cfg->sys = NULL; // no clock but this
    make(cfg);
    panels.is_powered = panels.is_open = true;
    frame_us = 10000000;
    nh_lamp__draw_begin(l, frame_us);
    (void)nh_lamp__frame(l, frame_us); // the black one
}

static uint32_t frames(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        frame_us += 25000;
        (void)nh_lamp__frame(l, frame_us);
    }
    return info().frame_crc;
}

static void end_frames(void)
{
    panels.is_powered = panels.is_open = false;
    nh_lamp_destroy(l);
    l = NULL;
}

static void do_now(struct nh_lamp_command c)
{
    post(c);
    turn();
}

// ---- row 8 -------------------------------------------------------------------------------------

static void test_row8_paused_frame_stands_still(void **state)
{
    struct nh_lamp_config cfg = config();
    uint8_t bright[768 * 3];
    (void)state;
    cfg.fps = 40;
    begin_frames(&cfg);
    for (uint16_t n = 0; n < nh_fx_visible_count(); n++) {
        const struct nh_fx_effect *e = nh_fx_visible(n);
        do_now((struct nh_lamp_command){.mask = NH_LAMP_F_EFFECT | NH_LAMP_F_PAUSED |
                                                NH_LAMP_F_BRIGHTNESS,
                                        .set = {.effect_id = e->id, .brightness = 255}});
        uint8_t band[NH_FX_BAND_COUNT] = {200, 100, 50, 200, 100};
        nh_lamp_audio(l, 180, band);
        frames(60);
        do_now((struct nh_lamp_command){.kind = NH_LAMP_TOGGLE_PAUSE});
        uint32_t crc = frames(1);
        memcpy(bright, panels.rgb, sizeof bright);
        nh_lamp_audio(l, 20, NULL); // what is heard meanwhile does not move it
        nh_lamp_direction(l, 77);
        if (frames(200) != crc)
            fail_msg("%s moves while it is paused", e->name);
        assert_memory_equal(bright, panels.rgb, sizeof bright);
        do_now((struct nh_lamp_command){.mask = NH_LAMP_F_BRIGHTNESS, .set = {.brightness = 128}});
        if (frames(1) != crc)
            fail_msg("%s moves with the brightness", e->name);
        uint32_t sum[2] = {0};
        for (size_t i = 0; i < sizeof bright; i++) {
            sum[0] += bright[i];
            sum[1] += panels.rgb[i];
        }
        if (sum[0] > 0 && (sum[1] >= sum[0] || sum[1] == 0))
            fail_msg("%s: the brightness is not seen: %u, %u", e->name, sum[0], sum[1]);
        do_now((struct nh_lamp_command){.kind = NH_LAMP_TOGGLE_PAUSE});
        frames(2); // and goes on
    }
    end_frames();
}

// The face goes on over a paused effect and leaves nothing behind.
static void test_row8_overlay_over_a_paused_effect(void **state)
{
    struct nh_lamp_config cfg = config();
    uint32_t others = 0;
    (void)state;
    begin_frames(&cfg);
    frames(100);
    do_now((struct nh_lamp_command){.kind = NH_LAMP_TOGGLE_PAUSE});
    uint32_t crc = frames(1);
    for (int blend = 0; blend <= NH_LAMP_BLEND_MAX; blend++) {
        do_now((struct nh_lamp_command){.mask = NH_LAMP_F_OVERLAY | NH_LAMP_F_OVERLAY_BLEND |
                                                NH_LAMP_F_OVERLAY_MODE,
                                        .set = {.overlay = true,
                                                .overlay_blend = (uint8_t)blend,
                                                .overlay_mode = NH_LAMP_OVERLAY_SPEAK}});
        for (uint32_t last = 0, i = 0; i < 100; i++, last = info().frame_crc)
            others += frames(1) != last;
        assert_true(info().frame_crc != crc);
        do_now((struct nh_lamp_command){.mask = NH_LAMP_F_OVERLAY});
        assert_int_equal(frames(100), crc);
    }
    assert_true(others > 200); // its mouth moves
    end_frames();
}

// The same state, seed and clock make the same frames: a CRC that a test may hold.
static void test_row8_frames_are_repeatable(void **state)
{
    uint32_t crc[2][8];
    (void)state;
    for (int round = 0; round < 2; round++) {
        struct nh_lamp_config cfg = config();
        begin_frames(&cfg);
        for (int i = 0; i < 8; i++) {
            do_now((struct nh_lamp_command){.kind = NH_LAMP_NEXT_EFFECT});
            crc[round][i] = frames(20);
        }
        end_frames();
    }
    assert_memory_equal(crc[0], crc[1], sizeof crc[0]);
}

static void test_speed_is_of_the_animation(void **state)
{
    uint32_t crc[2];
    (void)state;
    for (int round = 0; round < 2; round++) {
        struct nh_lamp_config cfg = config();
        begin_frames(&cfg);
        do_now((struct nh_lamp_command){
            .mask = NH_LAMP_F_EFFECT | NH_LAMP_F_SPEED,
            .set = {.effect_id = 0xEA03, .speed_pct = (uint16_t)(round ? 300 : 100)}});
        crc[round] = frames(round ? 20 : 60);
        end_frames();
    }
    assert_int_equal(crc[0], crc[1]);
}

// A task that was not let run for long does not jump: 120 ms of animation at most.
static void test_animation_does_not_jump(void **state)
{
    struct nh_lamp_config cfg = config();
    (void)state;
    begin_frames(&cfg);
    do_now((struct nh_lamp_command){.mask = NH_LAMP_F_EFFECT, .set = {.effect_id = 0xEA03}});
    frames(1);
    uint64_t before = l->draw.animation_us;
    frame_us += 60000000;
    frames(1);
    assert_int_equal(l->draw.animation_us, before + 120000);
    end_frames();
}

static void test_transition_and_flash(void **state)
{
    struct nh_lamp_config cfg = config();
    (void)state;
    begin_frames(&cfg);
    do_now((struct nh_lamp_command){.mask = NH_LAMP_F_EFFECT | NH_LAMP_F_PAUSED,
                                    .set = {.effect_id = 0xEA03, .paused = true}});
    frames(1);
    do_now((struct nh_lamp_command){
        .mask = NH_LAMP_F_BRIGHTNESS, .set = {.brightness = 202}, .transition_ms = 1000});
    frames(21);
    assert_int_equal(l->draw.fade.brightness_q8, (102 + 50) << 8);
    frames(20);
    assert_int_equal(l->draw.fade.brightness_q8, 202 << 8);
    uint32_t crc = frames(1), others = 0;
    clock_ms = frame_us / 1000;
    do_now((struct nh_lamp_command){.kind = NH_LAMP_FLASH, .flash_ms = 1000});
    bool has_white = false, has_black = false;
    for (int i = 0; i < 39; i++) {
        others += frames(1) != crc;
        has_white |= l->draw.canvas.px[0] == 0xFFFFFF;
        has_black |= l->draw.canvas.px[0] == 0;
    }
    assert_true(has_white && has_black && others == 39);
    assert_int_equal(frames(2), crc); // as before, bit for bit
    end_frames();
}

static void test_frames_allocate_nothing(void **state)
{
    struct nh_lamp_config cfg = config();
    struct nh_mem_owner_info before, after;
    (void)state;
    begin_frames(&cfg);
    for (uint16_t n = 0; n < nh_fx_visible_count(); n++) {
        do_now((struct nh_lamp_command){.kind = NH_LAMP_NEXT_EFFECT});
        assert_int_equal(nh_mem_owner_info(fx.sys, 2, &before), 0);
        assert_string_equal(before.name, "lamp");
        frames(50);
        do_now((struct nh_lamp_command){
            .mask = NH_LAMP_F_PALETTE, .set = {.palette = (uint8_t)n}, .transition_ms = 200});
        frames(20);
        assert_int_equal(nh_mem_owner_info(fx.sys, 2, &after), 0);
        for (int t = 0; t < NH_MEM_TIER_COUNT; t++)
            assert_int_equal(after.tier[t].alloc_count, before.tier[t].alloc_count);
    }
    end_frames();
}

// ---- live data ---------------------------------------------------------------------------------

static struct nh_fx_canvas back;

static int begin_live(const char *from, uint8_t priority)
{
    struct nh_lamp_live_source s = {.protocol = "DDP", .priority = priority, .timeout_ms = 2500};
    snprintf(s.from, sizeof s.from, "%s", from);
    return nh_lamp_live_begin(l, &s, clock_ms, &back);
}

static void test_live_takes_the_canvas(void **state)
{
    struct nh_lamp_config cfg = config();
    (void)state;
    begin_frames(&cfg);
    do_now((struct nh_lamp_command){.kind = NH_LAMP_TOGGLE_PAUSE});
    uint32_t crc = frames(1);
    assert_int_equal(begin_live("a", 100), 0);
    for (uint32_t i = 0; i < 768; i++)
        back.px[i] = 0x102030;
    assert_int_equal(frames(1), crc); // no part of a frame is ever seen
    nh_lamp_live_commit(l, clock_ms);
    assert_true(frames(1) != crc);
    assert_int_equal(l->draw.canvas.px[767], 0x102030);
    assert_string_equal(info().live_protocol, "DDP");
    assert_string_equal(info().live_from, "a");
    back.px[0] = 0xFFFFFF; // the next frame, not committed; the rest of it is as before
    frames(1);
    assert_int_equal(l->draw.canvas.px[0], 0x102030);
    assert_int_equal(back.px[5], 0x102030);
    // Another sender.
    assert_int_equal(begin_live("b", 100), NH_ERR_BUSY);
    assert_int_equal(begin_live("b", 101), 0);
    assert_int_equal(back.px[5], 0); // nothing of the one before
    assert_int_equal(begin_live("a", 100), NH_ERR_BUSY);
    nh_lamp_live_commit(l, clock_ms);
    clock_ms += 2499;
    turn();
    frames(1);
    assert_int_equal(l->draw.canvas.px[0], 0);
    assert_non_null(info().live_protocol);
    clock_ms += 1;
    turn();
    assert_int_equal(frames(1), crc); // the effect again
    assert_null(info().live_protocol);
    assert_int_equal(begin_live("a", 100), 0);
    nh_lamp_live_commit(l, clock_ms);
    nh_lamp_live_end(l);
    nh_lamp_live_end(l);
    nh_lamp_live_commit(l, clock_ms); // nobody is live
    assert_int_equal(frames(1), crc);
    end_frames();
}

static void test_live_that_never_commits_blocks_nobody(void **state)
{
    struct nh_lamp_config cfg = config();
    (void)state;
    make(&cfg);
    assert_int_equal(begin_live("a", 100), 0);
    assert_null(info().live_protocol);
    clock_ms += 2500;
    assert_int_equal(begin_live("b", 100), 0);
    assert_int_equal(nh_lamp_chain_to_canvas(l, 0), 0);
    assert_int_equal(nh_lamp_chain_to_canvas(l, 16), 31);
    assert_int_equal(nh_lamp_chain_to_canvas(l, 768), UINT32_MAX);
}

// ---- outputs -----------------------------------------------------------------------------------

static struct {
    unsigned count;
    uint8_t rgb[768 * 3];
} sent;

static void take_frame(void *ctx, const uint8_t *rgb, uint32_t count)
{
    (void)ctx;
    assert_int_equal(count, 768);
    sent.count++;
    memcpy(sent.rgb, rgb, sizeof sent.rgb);
}

static void test_outputs_get_what_is_shown(void **state)
{
    struct nh_lamp_config cfg = config();
    const struct nh_lamp_output o = {.frame = take_frame};
    (void)state;
    begin_frames(&cfg);
    sent.count = 0;
    for (int i = 0; i < 4; i++)
        assert_int_equal(nh_lamp_output_add(l, &o), 0);
    assert_int_equal(nh_lamp_output_add(l, &o), NH_ERR_FULL);
    panels.show_err = NH_ERR_IO;
    frames(3);
    assert_int_equal(sent.count, 12);
    assert_memory_equal(sent.rgb, panels.rgb, sizeof sent.rgb);
    assert_int_equal(info().show_failures, 3);
    end_frames();
}

// ---- what is kept ------------------------------------------------------------------------------

static struct fake_disk disk, wreck;

static nh_store_t *open_store(void)
{
    nh_store_t *s;
    const struct nh_store_config cfg = {
        .mem = fx.mem, .fs = fake_disk_fs(&disk), .dir = "store", .keep_count = 2};
    assert_int_equal(nh_store_create(&cfg, &s), 0);
    return s;
}

static const struct nh_fx_palette sunset = {
    .name = "MINE", .stop_count = 2, .stops = {{0, 0xFF0000}, {255, 0x0000FF}}};

static void change_much(void)
{
    post((struct nh_lamp_command){
        .mask = NH_LAMP_F_BRIGHTNESS | NH_LAMP_F_SPEED | NH_LAMP_F_COLORS | NH_LAMP_F_TEXT |
                NH_LAMP_F_OVERLAY | NH_LAMP_F_EFFECT | NH_LAMP_F_POWER | NH_LAMP_F_OVERLAY_BLEND,
        .set = {.brightness = 7,
                .speed_pct = 42,
                .color = {1, 2, 3},
                .text = "na\xC3\xAFve \"quoted\"",
                .overlay = true,
                .overlay_blend = NH_LAMP_BLEND_MAX,
                .effect_id = 0xEA03}});
    turn();
}

static void test_state_is_kept(void **state)
{
    struct nh_lamp_config cfg = config();
    nh_store_t *store;
    (void)state;
    fake_disk_init(&disk);
    store = cfg.store = open_store();
    make(&cfg);
    assert_int_equal(nh_lamp_palette_set(l, nh_lamp_palette_count(l), &sunset), 0);
    change_much();
    do_now((struct nh_lamp_command){.mask = NH_LAMP_F_PALETTE,
                                    .set = {.palette = (uint8_t)nh_fx_palette_count}});
    struct nh_lamp_state before = snapshot().state;
    nh_lamp_destroy(l); // writes what waits
    cfg = config();
    cfg.store = store;
    make(&cfg);
    struct nh_lamp_state after = snapshot().state;
    assert_int_equal(after.seq, 0);
    before.seq = 0;
    assert_memory_equal(&before, &after, sizeof after);
    assert_memory_equal(nh_lamp_palette_at(l, nh_fx_palette_count), &sunset, sizeof sunset);
    nh_lamp_destroy(l);
    l = NULL;
    nh_store_destroy(store);
}

static void test_writes_are_behind(void **state)
{
    struct nh_lamp_config cfg = config();
    struct nh_store_info s;
    (void)state;
    fake_disk_init(&disk);
    cfg.store = open_store();
    make(&cfg);
    for (int i = 0; i < 100; i++) { // somebody turns a knob
        do_now((struct nh_lamp_command){.kind = NH_LAMP_ADJUST_BRIGHTNESS, .delta = 1});
        clock_ms += 20;
    }
    nh_store_info(cfg.store, &s);
    assert_int_equal(s.writes_made, 0);
    assert_int_equal(nh_lamp__turn(l, clock_ms), clock_ms - 20 + 2000);
    clock_ms += 1980;
    turn();
    nh_store_info(cfg.store, &s);
    assert_int_equal(s.writes_made, 1);
    assert_int_equal(nh_lamp__turn(l, clock_ms), NH_NEVER); // and then it sleeps
    nh_lamp_destroy(l);
    l = NULL;
    nh_store_info(cfg.store, &s);
    assert_int_equal(s.writes_made, 1);
    nh_store_destroy(cfg.store);
}

static const char *const broken[] = {
    "",
    "{",
    "[]",
    "{\"version\":2,\"brightness\":3}",
    "{\"version\":1,\"brightness\":3000}",
    "{\"version\":1,\"brightness\":3",
    "{\"version\":1,\"palettes\":[{\"name\":7}]}",
};

static void test_broken_documents_are_defaults(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(broken); i++) {
        struct nh_lamp_config cfg = config();
        struct nh_lamp_state s;
        nh_lamp__state_default(&s);
        fake_disk_init(&disk);
        cfg.store = open_store();
        assert_true(nh_store_put(cfg.store, "lamp", broken[i], strlen(broken[i])) > 0);
        make(&cfg);
        if (snapshot().state.brightness != s.brightness)
            fail_msg("%s", broken[i]);
        assert_int_equal(nh_lamp_palette_count(l), nh_fx_palette_count);
        nh_lamp_destroy(l);
        l = NULL;
        nh_store_destroy(cfg.store);
    }
}

static void test_odd_documents_are_clamped(void **state)
{
    static const char odd[] =
        "{\"version\":1,\"effect_id\":1,\"speed_pct\":9999,\"palette\":\"GONE\",\"overlay_mode\":9,"
        "\"later\":{\"x\":[1]},\"palettes\":[{\"name\":\"\",\"stops\":[]},{\"name\":\"A\","
        "\"stops\":"
        "[{\"at\":9,\"color\":1},{\"at\":9,\"color\":2}]},{\"name\":\"B\",\"stops\":[{\"at\":0,"
        "\"color\":5}]}]}";
    struct nh_lamp_config cfg = config();
    (void)state;
    fake_disk_init(&disk);
    cfg.store = open_store();
    assert_true(nh_store_put(cfg.store, "lamp", odd, strlen(odd)) > 0);
    make(&cfg);
    struct nh_lamp_state s = snapshot().state;
    assert_non_null(nh_fx_find(s.effect_id));
    assert_int_equal(s.speed_pct, 300);
    assert_int_equal(s.palette, NH_LAMP_PALETTE_AUTO);
    assert_int_equal(s.overlay_mode, 0);
    assert_int_equal(nh_lamp_palette_count(l), nh_fx_palette_count + 1);
    assert_string_equal(nh_lamp_palette_at(l, nh_fx_palette_count)->name, "B");
    nh_lamp_destroy(l);
    l = NULL;
    nh_store_destroy(cfg.store);
}

// One change on a copy of `base`, cut at a call; then the disk meets a fate and is read. Whether
// the power went at all.
static bool cut_once(const struct fake_disk *base, const struct fake_disk_fault *fault,
                     enum fake_disk_fate fate)
{
    struct nh_lamp_config cfg = config();
    nh_store_t *store;
    fake_disk_copy(&disk, base);
    store = cfg.store = open_store();
    make(&cfg);
    change_much();
    fake_disk_fault_set(&disk, fault);
    nh_lamp_destroy(l);
    nh_store_destroy(store);
    bool is_struck = disk.is_struck;
    fake_disk_copy(&wreck, &disk);
    fake_disk_power_cycle(&wreck, fate, fault->call * 31 + fault->bytes);
    fake_disk_copy(&disk, &wreck);
    cfg = config();
    store = cfg.store = open_store();
    make(&cfg);
    struct nh_lamp_state s = snapshot().state;
    bool is_old = s.brightness == 33 && s.speed_pct == 100 && !s.overlay;
    bool is_new = s.brightness == 7 && s.speed_pct == 42 && s.overlay;
    if (is_struck ? !is_old && !is_new : !is_new)
        fail_msg("call %u, byte %u, fate %d: brightness %u", fault->call, fault->bytes, (int)fate,
                 s.brightness);
    nh_lamp_destroy(l);
    l = NULL;
    nh_store_destroy(store);
    return is_struck;
}

// The power goes at each call of the disk and at bytes of each write: afterwards the state is the
// old one or the new one, never another.
static void test_power_cut_at_each_write(void **state)
{
    static struct fake_disk base;
    struct nh_lamp_config cfg = config();
    uint32_t cuts = 0;
    bool is_struck = true;
    (void)state;
    fake_disk_init(&disk);
    nh_store_t *store = cfg.store = open_store();
    make(&cfg);
    do_now((struct nh_lamp_command){.mask = NH_LAMP_F_BRIGHTNESS, .set = {.brightness = 33}});
    nh_lamp_destroy(l);
    l = NULL;
    nh_store_destroy(store);
    fake_disk_copy(&base, &disk);
    for (uint32_t call = 1; is_struck; call++)
        for (uint32_t bytes = 0; bytes < 20; bytes += 5)
            for (int fate = FAKE_DISK_LOSE; fate <= FAKE_DISK_RANDOM; fate++) {
                const struct fake_disk_fault fault = {
                    .kind = FAKE_DISK_CUT_BEFORE, .call = call, .bytes = bytes};
                is_struck = cut_once(&base, &fault, (enum fake_disk_fate)fate);
                cuts += is_struck;
            }
    print_message("%u cuts\n", (unsigned)cuts);
    assert_true(cuts > 500);
}

// ---- palettes ----------------------------------------------------------------------------------

static void test_own_palettes(void **state)
{
    struct nh_lamp_config cfg = config();
    struct nh_fx_palette p = sunset;
    uint16_t first = nh_fx_palette_count;
    (void)state;
    make(&cfg);
    assert_int_equal(nh_lamp_palette_set(l, 0, &p), NH_ERR_RANGE);
    assert_int_equal(nh_lamp_palette_set(l, (uint16_t)(first + 1), &p), NH_ERR_RANGE);
    for (uint16_t i = 0; i < NH_LAMP_PALETTE_OWN_MAX_COUNT; i++) {
        snprintf(p.name, sizeof p.name, "MINE %u", (unsigned)i);
        assert_int_equal(nh_lamp_palette_set(l, (uint16_t)(first + i), &p), 0);
    }
    snprintf(p.name, sizeof p.name, "ONE MORE");
    assert_int_equal(nh_lamp_palette_set(l, nh_lamp_palette_count(l), &p), NH_ERR_FULL);
    snprintf(p.name, sizeof p.name, "mine 2");
    assert_int_equal(nh_lamp_palette_set(l, first, &p), NH_ERR_EXISTS);
    assert_int_equal(nh_lamp_palette_set(l, (uint16_t)(first + 2), &p), 0);
    snprintf(p.name, sizeof p.name, "auto");
    assert_int_equal(nh_lamp_palette_set(l, first, &p), NH_ERR_EXISTS);
    p.name[0] = '\0';
    assert_int_equal(nh_lamp_palette_set(l, first, &p), NH_ERR_INVAL);
    p = sunset;
    p.stops[1].at = 0;
    assert_int_equal(nh_lamp_palette_set(l, first, &p), NH_ERR_INVAL);
    p.stop_count = 0;
    assert_int_equal(nh_lamp_palette_set(l, first, &p), NH_ERR_INVAL);
    // The shown one moves up with those behind a removed one, and is the effect's own when it goes.
    do_now((struct nh_lamp_command){.mask = NH_LAMP_F_PALETTE,
                                    .set = {.palette = (uint8_t)(first + 5)}});
    uint32_t version = snapshot().version;
    assert_int_equal(nh_lamp_palette_remove(l, (uint16_t)(first + 3)), 0);
    assert_int_equal(snapshot().state.palette, first + 4);
    assert_true(snapshot().version > version);
    assert_string_equal(nh_lamp_palette_at(l, (uint16_t)(first + 4))->name, "MINE 5");
    assert_int_equal(nh_lamp_palette_remove(l, (uint16_t)(first + 4)), 0);
    assert_int_equal(snapshot().state.palette, NH_LAMP_PALETTE_AUTO);
    assert_int_equal(nh_lamp_palette_remove(l, (uint16_t)(first - 1)), NH_ERR_RANGE);
    assert_int_equal(nh_lamp_palette_remove(l, (uint16_t)(first + 6)), NH_ERR_RANGE);
    assert_null(nh_lamp_palette_at(l, (uint16_t)(first + 6)));
}

// ---- limits and memory -------------------------------------------------------------------------

static void test_config_limits(void **state)
{
    static const struct {
        uint16_t width, height;
        uint32_t fps;
        int err;
    } cfgs[] = {{129, 1, 40, NH_ERR_RANGE},
                {1, 129, 40, NH_ERR_RANGE},
                {1, 1, 9, NH_ERR_RANGE},
                {1, 1, 121, NH_ERR_RANGE},
                {1, 1, 10, 0},
                {128, 128, 120, 0},
                {0, 0, 0, 0}};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(cfgs); i++) {
        struct nh_lamp_config cfg = config();
        cfg.width = cfgs[i].width;
        cfg.height = cfgs[i].height;
        cfg.fps = cfgs[i].fps;
        assert_int_equal(nh_lamp_create(&cfg, &l), cfgs[i].err);
        assert_int_equal(l == NULL, cfgs[i].err < 0);
        nh_lamp_destroy(l);
        assert_int_equal(panels.destroy_count, cfgs[i].err == 0);
        l = NULL;
    }
}

static void test_no_memory(void **state)
{
    int err = NH_ERR_NOMEM;
    (void)state;
    for (uint64_t n = 1; err < 0; n++) {
        struct nh_lamp_config cfg = config();
        fake_disk_init(&disk);
        cfg.store = open_store();
        nh_mem_fault_set(fx.sys, &(struct nh_mem_fault){.fail_nth = n, .only_owner = mem});
        err = nh_lamp_create(&cfg, &l);
        nh_mem_fault_set(fx.sys, NULL);
        assert_true(err == 0 || err == NH_ERR_NOMEM);
        assert_int_equal(l == NULL, err < 0);
        assert_int_equal(panels.destroy_count, 0); // not taken
        nh_lamp_destroy(l);
        l = NULL;
        nh_store_destroy(cfg.store);
        if (n > 100)
            fail();
    }
}

// A render task that there is no memory for is a failure of the power, told and tried again.
static void test_no_memory_for_the_task(void **state)
{
    struct nh_lamp_config cfg = config();
    (void)state;
    make(&cfg);
    nh_mem_fault_set(fx.sys, &(struct nh_mem_fault){.fail_per_million = 1000000});
    set_power(true);
    settle(NH_LAMP_FAILED);
    nh_mem_fault_set(fx.sys, NULL);
    assert_string_equal(panels.trace, "low on open close low off ");
    light();
}

// What README.md says of memory.
static void test_memory_contract(void **state)
{
    static const struct {
        uint16_t width, height;
        size_t internal_kib, psram_kib;
    } sizes[] = {{16, 48, 4, 44}, {48, 16, 4, 44}, {128, 128, 4, 600}};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(sizes); i++) {
        struct nh_lamp_config cfg = config();
        struct nh_mem_owner_info o;
        cfg.width = sizes[i].width;
        cfg.height = sizes[i].height;
        make(&cfg);
        assert_int_equal(nh_mem_owner_info(fx.sys, 2, &o), 0);
        print_message("%u x %u: internal %zu, psram %zu bytes\n", cfg.width, cfg.height,
                      o.tier[0].current_bytes, o.tier[1].current_bytes);
        assert_true(o.tier[NH_MEM_INTERNAL].current_bytes <= NH_KIB(sizes[i].internal_kib));
        assert_true(o.tier[NH_MEM_PSRAM].current_bytes <= NH_KIB(sizes[i].psram_kib));
        nh_lamp_destroy(l);
        l = NULL;
    }
}

// ---- with everything that runs -----------------------------------------------------------------

static void *pester(void *arg)
{
    (void)arg;
    for (int i = 0; i < 300; i++) {
        struct nh_lamp_command c = {.kind = i % 3 ? NH_LAMP_ADJUST_BRIGHTNESS : NH_LAMP_NEXT_EFFECT,
                                    .delta = 3};
        struct nh_lamp_snapshot s;
        struct nh_lamp_info in;
        NH_IGNORE(nh_lamp_post(l, &c)); // full: fine here
        nh_lamp_direction(l, (uint32_t)i);
        nh_lamp_audio(l, (uint8_t)i, NULL);
        nh_lamp_snapshot(l, &s);
        nh_lamp_info(l, &in);
        sched_yield();
    }
    return NULL;
}

static void test_with_loop_and_others(void **state)
{
    struct nh_lamp_config cfg = config();
    nh_feed_part_t parts[NH_LAMP_FEED_COUNT];
    static uint8_t message[NH_FEED_BYTES_MIN];
    pthread_t other[3];
    nh_loop_t *loop;
    (void)state;
    assert_int_equal(nh_loop_create(fx.mem, &loop), 0);
    cfg.loop = loop;
    assert_int_equal(nh_lamp_create(&cfg, &l), 0);
    nh_lamp_feed_parts(l, parts);
    assert_int_equal(nh_lamp_start(l), 0);
    for (size_t i = 0; i < NH_ARRAY_LEN(other); i++)
        assert_int_equal(pthread_create(&other[i], NULL, pester, NULL), 0);
    for (uint64_t n = 0, seen = 0; n < 20; n++) {
        PUMP_UNTIL(loop, parts[1].version(l) != seen);
        assert_true(parts[1].write_bytes(l, message, sizeof message, seen, &seen) > 0);
        struct nh_lamp_live_source s = {.protocol = "DDP", .priority = 1, .timeout_ms = 5};
        if (nh_lamp_live_begin(l, &s, nh_clock_ms(), &back) == 0) {
            back.px[n] = (nh_px_t)n;
            nh_lamp_live_commit(l, nh_clock_ms());
        }
    }
    for (size_t i = 0; i < NH_ARRAY_LEN(other); i++)
        pthread_join(other[i], NULL);
    nh_lamp_destroy(l);
    l = NULL;
    assert_int_equal(panels.wrong_count, 0);
    nh_loop_destroy(loop);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_row1_show_has_one_caller),
        TEST(test_row1_show_has_one_call_site),
        TEST(test_row2_order_of_the_real_thing),
        TEST(test_row2_switch_that_fails),
        TEST(test_row2_first_show_waits),
        TEST(test_row3_thousand_cycles_leave_nothing),
        TEST(test_row3_join_that_fails_refuses_to_switch),
        TEST(test_row3_two_callers),
        TEST(test_row4_answer_is_the_state_after),
        TEST(test_row4_queue_is_bounded),
        TEST(test_events_and_changes_are_told),
        TEST(test_row8_paused_frame_stands_still),
        TEST(test_row8_overlay_over_a_paused_effect),
        TEST(test_row8_frames_are_repeatable),
        TEST(test_speed_is_of_the_animation),
        TEST(test_animation_does_not_jump),
        TEST(test_transition_and_flash),
        TEST(test_frames_allocate_nothing),
        TEST(test_live_takes_the_canvas),
        TEST(test_live_that_never_commits_blocks_nobody),
        TEST(test_outputs_get_what_is_shown),
        TEST(test_state_is_kept),
        TEST(test_writes_are_behind),
        TEST(test_broken_documents_are_defaults),
        TEST(test_odd_documents_are_clamped),
        TEST(test_power_cut_at_each_write),
        TEST(test_own_palettes),
        TEST(test_config_limits),
        TEST(test_no_memory),
        TEST(test_no_memory_for_the_task),
        TEST(test_memory_contract),
        TEST(test_with_loop_and_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
