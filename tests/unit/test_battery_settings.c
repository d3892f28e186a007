// Settings of the board: checks, order of writes, backups, tokens, and every way that a write ends.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "components/battery/battery.h"
#include "components/battery/battery_backup.h"
#include "components/battery/battery_settings.h"
#include "support/fake_board.h"
#include "support/fake_disk.h"
#include "support/mem_fixture.h"
#include "support/rng.h"

static struct mem_fixture fx;
static struct fake_disk disk;
static nh_store_t *store;
static nh_battery__settings_t *s;

static int open_store(void)
{
    return nh_store_create(
        &(struct nh_store_config){.mem = fx.mem, .fs = fake_disk_fs(&disk), .dir = "d"}, &store);
}

static const struct nh_battery__settings_config *config(void)
{
    static struct nh_battery__settings_config cfg;
    cfg = (struct nh_battery__settings_config){.mem = fx.mem,
                                               .store = store,
                                               .post = board_post,
                                               .clock_ms = board_clock,
                                               .unix_ms = board_unix,
                                               .random = board_random};
    return &cfg;
}

static int setup(void **state)
{
    (void)state;
    mem_fixture_init(&fx, NULL);
    fake_disk_init(&disk);
    fake_board_init();
    board_now_ms = 1000;
    assert_int_equal(open_store(), 0);
    assert_int_equal(nh_battery__settings_create(config(), &s), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_battery__settings_destroy(s);
    nh_store_destroy(store);
    mem_fixture_deinit(&fx);
    return 0;
}

// ---- a job and what became of it ----------------------------------------------------------------

static struct {
    int count;
    nh_battery__job_t job; // as it was at its end
} ended;

static void done(void *ctx, const nh_battery__job_t *j)
{
    (void)ctx;
    ended.count++;
    ended.job = *j;
}

static const struct nh_tinybms_register *reg(const char *key)
{
    const struct nh_tinybms_register *r =
        nh_tinybms_register_find((nh_span_t){(const uint8_t *)key, strlen(key)});
    assert_non_null(r);
    return r;
}

static nh_battery__job_t *make(uint8_t kind)
{
    nh_battery__job_t *j = nh_battery__job_create(s);
    assert_non_null(j);
    j->kind = kind;
    j->done = done;
    ended.count = 0;
    return j;
}

static void wish(nh_battery__job_t *j, const char *key, double value)
{
    j->wishes[j->wish_count++] = (struct nh_battery__wish){.r = reg(key), .value = value};
}

static const nh_battery__job_t *run(nh_battery__job_t *j)
{
    assert_int_equal(nh_battery__job_submit(s, j), 0);
    assert_int_equal(ended.count, 0);
    fake_board_run();
    assert_int_equal(ended.count, 1);
    return &ended.job;
}

// One change; with a token if it is asked for.
static const nh_battery__job_t *change(const char *key, double value)
{
    nh_battery__job_t *j = make(NH_BATTERY__APPLY);
    wish(j, key, value);
    const nh_battery__job_t *e = run(j);
    if (e->end != NH_BATTERY__JOB_NEEDS_TOKEN)
        return e;
    j = make(NH_BATTERY__APPLY);
    wish(j, key, value);
    memcpy(j->token, e->token, sizeof j->token);
    return run(j);
}

static uint8_t outcome(const char *key)
{
    uint8_t code;
    for (uint32_t i = 0; i < ended.job.wish_count; i++)
        if (ended.job.wishes[i].r == reg(key))
            return nh_battery__wish_outcome(&ended.job, &ended.job.wishes[i], &code);
    fail_msg("no wish %s", key);
    return 0;
}

// ---- reading ------------------------------------------------------------------------------------

static void test_refresh(void **state)
{
    struct nh_battery__settings_info i;
    (void)state;
    nh_battery__settings_info(s, &i);
    assert_true(i.age_ms == NH_NEVER);
    board.has_ranges = true;
    assert_int_equal(run(make(NH_BATTERY__REFRESH))->end, NH_BATTERY__JOB_DONE);
    board_now_ms += 500;
    nh_battery__settings_info(s, &i);
    assert_int_equal(i.age_ms, 500);
    assert_memory_equal(i.image.now, board.words + 300, sizeof i.image.now);
    assert_true(i.has_version && i.image.has_range[0] && i.image.has_range[2]);
    assert_int_equal(i.version[4], 0x1234);
    assert_int_equal(board.read_count, 2);
    assert_int_equal(board.range_count, 3);
    run(make(NH_BATTERY__REFRESH)); // what does not change is asked for once
    assert_int_equal(board.read_count, 3);
    assert_int_equal(board.range_count, 3);
    nh_battery__settings_link(s, false); // it may be another board now
    run(make(NH_BATTERY__REFRESH));
    assert_int_equal(board.range_count, 6);
}

static void test_no_board(void **state)
{
    (void)state;
    board.fails_reads = true;
    const nh_battery__job_t *e = run(make(NH_BATTERY__REFRESH));
    assert_int_equal(e->end, NH_BATTERY__JOB_FAILED);
    assert_int_equal(e->outcome, NH_BATTERY_LOST);
    assert_int_equal(e->err, NH_ERR_TIMEOUT);
    board.post_err = NH_ERR_CLOSED;
    assert_int_equal(nh_battery__job_submit(s, make(NH_BATTERY__REFRESH)), NH_ERR_CLOSED);
    assert_int_equal(ended.count, 0);
}

static void test_words_of_the_poll(void **state)
{
    struct nh_battery__settings_info i;
    (void)state;
    board.words[310] = 33;
    nh_battery__settings_words(s, 0, 56, board.words);
    nh_battery__settings_words(s, 305, 10, board.words + 305);
    nh_battery__settings_info(s, &i);
    assert_true(i.age_ms == NH_NEVER);
    assert_int_equal(i.image.now[10], 33);
    nh_battery__settings_words(s, 290, 100, board.words + 290);
    nh_battery__settings_words(s, 500, 10, board.words + 500);
    nh_battery__settings_info(s, &i);
    assert_int_equal(i.age_ms, 0);
    assert_true(i.has_version);
    assert_memory_equal(i.image.now, board.words + 300, sizeof i.image.now);
}

// ---- checks -------------------------------------------------------------------------------------

static void test_limits(void **state)
{
    static const struct {
        const char *key;
        double value;
        const char *limit; // NULL: it is allowed
    } rows[] = {
        {"charger_startup_delay_s", 60, NULL},
        {"charger_startup_delay_s", 61, "5 to 60 s"},
        {"charger_startup_delay_s", 4, "5 to 60 s"},
        {"battery_capacity_ah", 655.01, "0.10 to 655.00 Ah"},
        {"low_temp_charge_cutoff_c", -41, "-40 to 10 °C"},
        {"precharge_pin", 1, "0 to 16"},
        {"charge_finished_current_ma", NAN, "100 to 2000 mA (this board's)"},
        {"charge_finished_current_ma", 2001, "100 to 2000 mA (this board's)"},
        {"charge_finished_current_ma", 2000, NULL},
        {"soc_pct", 50, ""},
        {"charge_overcurrent_count", 1, ""},
        {"serial_6", 1, ""},
    };
    (void)state;
    board.has_ranges = true;
    board.maximum[4] = 2000;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint32_t writes = board.write_count;
        const nh_battery__job_t *e = change(rows[i].key, rows[i].value);
        if (!rows[i].limit) {
            assert_int_equal(e->end, NH_BATTERY__JOB_DONE);
            continue;
        }
        assert_int_equal(e->end, NH_BATTERY__JOB_INVALID);
        assert_int_equal(e->plan.finding_count, 1);
        assert_string_equal(e->plan.findings[0].field, rows[i].key);
        assert_string_equal(e->plan.findings[0].limit, rows[i].limit);
        assert_int_equal(board.write_count, writes);
    }
    assert_int_equal(nh_store_generations(store, NH_BATTERY_BACKUP_DOC, NULL, 0), 0);
}

// Ranges that make no sense, or that are of a word with several settings, narrow nothing.
static void test_odd_ranges(void **state)
{
    (void)state;
    board.has_ranges = true;
    board.minimum[10] = 50;
    board.maximum[10] = 5;
    board.minimum[11] = 61;
    board.maximum[11] = 99;
    board.minimum[30] = 0;
    board.maximum[30] = 1;
    assert_int_equal(change("charger_startup_delay_s", 20)->end, NH_BATTERY__JOB_DONE);
    assert_int_equal(change("charger_disable_delay_s", 20)->end, NH_BATTERY__JOB_DONE);
    assert_int_equal(change("discharge_overcurrent_delay_s", 9)->end, NH_BATTERY__JOB_DONE);
    assert_int_equal(board.words[330], 0x0901);
}

static void test_rules(void **state)
{
    static const struct {
        const char *key;
        double value;
        const char *limit; // NULL: it is allowed
    } rows[] = {
        {"fully_charged_voltage_mv", 3790, NULL},
        {"fully_charged_voltage_mv", 3791, "at most 3790 mV, by overvoltage_cutoff_mv"},
        {"overvoltage_cutoff_mv", 3799, "at least 3800 mV, by fully_charged_voltage_mv"},
        {"fully_discharged_voltage_mv", 2809, "at least 2810 mV, by undervoltage_cutoff_mv"},
        {"undervoltage_cutoff_mv", 3241, "at most 3240 mV, by fully_discharged_voltage_mv"},
        {"discharge_overcurrent_a", 70, "at most 69 A, by peak_discharge_current_a"},
        {"discharge_overcurrent_a", 69, NULL},
        {"peak_discharge_current_a", 69, "at least 70 A, by discharge_overcurrent_a"},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        const nh_battery__job_t *e = change(rows[i].key, rows[i].value);
        if (!rows[i].limit && e->end != NH_BATTERY__JOB_DONE)
            fail_msg("%s: %s", rows[i].key, e->plan.findings[0].limit);
        if (!rows[i].limit)
            continue;
        assert_int_equal(e->end, NH_BATTERY__JOB_INVALID);
        assert_string_equal(e->plan.findings[0].field, rows[i].key);
        assert_string_equal(e->plan.findings[0].limit, rows[i].limit);
    }
}

// What stands wrong already and is not touched is no reason to refuse something else.
static void test_rules_that_are_broken_already(void **state)
{
    (void)state;
    board.words[316] = 3400;
    assert_int_equal(change("charger_startup_delay_s", 30)->end, NH_BATTERY__JOB_DONE);
    assert_int_equal(change("overvoltage_cutoff_mv", 3900)->end, NH_BATTERY__JOB_DONE);
    assert_int_equal(change("undervoltage_cutoff_mv", 3300)->end, NH_BATTERY__JOB_INVALID);
    assert_int_equal(change("undervoltage_cutoff_mv", 2900)->end, NH_BATTERY__JOB_DONE);
}

static void test_named_twice(void **state)
{
    (void)state;
    nh_battery__job_t *j = make(NH_BATTERY__APPLY);
    wish(j, "charger_startup_delay_s", 30);
    wish(j, "charger_startup_delay_s", 40);
    assert_int_equal(run(j)->end, NH_BATTERY__JOB_INVALID);
    assert_string_equal(ended.job.plan.findings[0].text, "it is named twice");
    assert_int_equal(board.write_count, 0);
}

// ---- the order of writes ------------------------------------------------------------------------

static uint32_t broken_count;

static void wrote(struct fake_board *b)
{
    broken_count += !nh_battery__rules_hold(b->words + 300, NULL, NULL);
}

// Random voltages and currents that hold the rules, into others that do: after each single word
// that is written they hold too.
static void test_order_keeps_the_rules(void **state)
{
    static const uint16_t chain[] = {316, 301, 300, 315};
    struct rng r = {7};
    (void)state;
    board.wrote = wrote;
    broken_count = 0;
    for (int turn = 0; turn < 500; turn++) {
        nh_battery__job_t *j = make(NH_BATTERY__APPLY);
        char token[NH_BATTERY_TOKEN_TEXT_BYTES];
        for (int again = 0; again < 2; again++) {
            static uint16_t v[6];
            if (again == 0) {
                uint32_t low = 1000 + rng_below(&r, 1000);
                for (int i = 0; i < 4; i++) {
                    v[i] = (uint16_t)low;
                    low += 10 + rng_below(&r, 3) * rng_below(&r, 250);
                }
                v[2] = v[2] < 1200 ? 1200 : v[2];
                v[3] = v[3] < v[2] + 10 ? (uint16_t)(v[2] + 10) : v[3];
                v[4] = (uint16_t)(1 + rng_below(&r, 700));
                v[5] = (uint16_t)(v[4] + 1 + rng_below(&r, 20));
            }
            for (int i = 0; i < 4; i++)
                j->wishes[j->wish_count++] =
                    (struct nh_battery__wish){.r = nh_tinybms_register_of(chain[i]), .value = v[i]};
            wish(j, "discharge_overcurrent_a", v[4]);
            wish(j, "peak_discharge_current_a", v[5]);
            wish(j, "charger_startup_delay_s", 5 + turn % 50);
            if (again)
                memcpy(j->token, token, sizeof token);
            const nh_battery__job_t *e = run(j);
            if (e->end == NH_BATTERY__JOB_DONE)
                break;
            if (e->end != NH_BATTERY__JOB_NEEDS_TOKEN)
                fail_msg("%s: %s", e->plan.findings[0].field, e->plan.findings[0].limit);
            assert_int_equal(again, 0);
            memcpy(token, e->token, sizeof token);
            j = make(NH_BATTERY__APPLY);
        }
        assert_int_equal(broken_count, 0);
    }
    assert_true(board.write_count > 400);
}

// Everything at once: requests of at most 15 words, two words of one setting together, what tells
// the board something or restarts it alone and last.
static void test_all_at_once(void **state)
{
    static struct nh_battery__plan p;
    static struct nh_battery__wish wishes[NH_BATTERY_WISH_MAX_COUNT];
    struct nh_battery__settings_image image = {.has_now = true};
    uint32_t n = 0;
    (void)state;
    memcpy(image.now, board.words + 300, sizeof image.now);
    for (size_t i = 0; i < nh_tinybms_register_count(); i++) {
        const struct nh_tinybms_register *r = nh_tinybms_register_at(i);
        if (!(r->flags & NH_TINYBMS_WRITABLE))
            continue;
        int64_t now = nh_tinybms_raw(r, image.now + (r->address - 300));
        int64_t next = r->choices          ? (now == r->min ? r->max : r->min)
                       : now + 3 <= r->max ? now + 3
                                           : now - 3;
        wishes[n++] = (struct nh_battery__wish){.r = r, .value = (double)next / r->divisor};
    }
    nh_battery__plan_make(&image, wishes, n, &p);
    if (p.finding_count)
        fail_msg("%s: %s", p.findings[0].field, p.findings[0].limit);
    uint32_t at = 0, chunks = 0;
    while (at < p.pair_count) {
        uint32_t to = nh_battery__plan_chunk(&p, at);
        assert_true(to > at && to - at <= NH_TINYBMS_LIST_MAX_COUNT);
        assert_non_null(nh_tinybms_register_of(p.pairs[at].address));
        for (uint32_t i = at; i < to; i++)
            assert_true(to - at == 1 || !p.pairs[i].is_alone);
        at = to;
        chunks++;
    }
    assert_int_equal(p.pairs[p.pair_count - 1].address, 340);
    assert_true(p.pairs[p.pair_count - 2].is_alone && p.pairs[p.pair_count - 3].is_alone);
    assert_true(chunks >= 5 && p.pair_count >= 38);
}

// ---- shared words -------------------------------------------------------------------------------

static void test_shared_word_keeps_its_neighbour(void **state)
{
    (void)state;
    assert_int_equal(change("charger_type", 0)->outcome, NH_BATTERY_DONE);
    assert_int_equal(board.words[330], 0x0500);
    assert_int_equal(change("discharge_overcurrent_delay_s", 7)->outcome, NH_BATTERY_DONE);
    assert_int_equal(board.words[330], 0x0700);
    nh_battery__job_t *j = make(NH_BATTERY__APPLY);
    board.words[329] = 0x8000;
    wish(j, "charge_restart_level_on", 1);
    assert_int_equal(run(j)->outcome, NH_BATTERY_DONE);
    assert_int_equal(board.words[329], 0x8004);
}

// ---- tokens -------------------------------------------------------------------------------------

static void test_token(void **state)
{
    char token[NH_BATTERY_TOKEN_TEXT_BYTES];
    (void)state;
    nh_battery__job_t *j = make(NH_BATTERY__APPLY);
    wish(j, "overvoltage_cutoff_mv", 3900);
    wish(j, "charger_startup_delay_s", 30);
    assert_int_equal(run(j)->end, NH_BATTERY__JOB_NEEDS_TOKEN);
    assert_int_equal(ended.job.wishes[0].old_raw, 3800);
    assert_int_equal(ended.job.wishes[0].new_raw, 3900);
    assert_int_equal(board.write_count, 0);
    memcpy(token, ended.job.token, sizeof token);
    assert_int_equal(strlen(token), 16);

    // For another value it is not good, and is gone.
    for (int i = 0; i < 2; i++) {
        j = make(NH_BATTERY__APPLY);
        wish(j, "overvoltage_cutoff_mv", i ? 3900 : 3950);
        memcpy(j->token, token, sizeof token);
        assert_int_equal(run(j)->end, NH_BATTERY__JOB_NEEDS_TOKEN);
    }
    memcpy(token, ended.job.token, sizeof token);
    j = make(NH_BATTERY__APPLY);
    wish(j, "overvoltage_cutoff_mv", 3900);
    memcpy(j->token, token, sizeof token);
    assert_int_equal(run(j)->end, NH_BATTERY__JOB_DONE);
    assert_int_equal(board.words[315], 3900);

    // It is good once; what changes nothing needs none.
    j = make(NH_BATTERY__APPLY);
    wish(j, "overvoltage_cutoff_mv", 3900);
    memcpy(j->token, token, sizeof token);
    assert_int_equal(run(j)->end, NH_BATTERY__JOB_DONE);
    board.words[315] = 3800;
    j = make(NH_BATTERY__APPLY);
    wish(j, "overvoltage_cutoff_mv", 3900);
    memcpy(j->token, token, sizeof token);
    assert_int_equal(run(j)->end, NH_BATTERY__JOB_NEEDS_TOKEN);
}

static void test_token_runs_out(void **state)
{
    (void)state;
    for (int late = 0; late < 2; late++) {
        nh_battery__job_t *j = make(NH_BATTERY__APPLY);
        wish(j, "overvoltage_cutoff_mv", 3900);
        assert_int_equal(run(j)->end, NH_BATTERY__JOB_NEEDS_TOKEN);
        board_now_ms += late ? 59999 : 60000;
        j = make(NH_BATTERY__APPLY);
        wish(j, "overvoltage_cutoff_mv", 3900);
        memcpy(j->token, ended.job.token, sizeof j->token);
        assert_int_equal(run(j)->end, late ? NH_BATTERY__JOB_DONE : NH_BATTERY__JOB_NEEDS_TOKEN);
    }
}

// Somebody else changed the setting in between: what was shown is not what would happen.
static void test_token_is_for_the_old_value_too(void **state)
{
    (void)state;
    nh_battery__job_t *j = make(NH_BATTERY__APPLY);
    wish(j, "overvoltage_cutoff_mv", 3900);
    run(j);
    board.words[315] = 3850;
    j = make(NH_BATTERY__APPLY);
    wish(j, "overvoltage_cutoff_mv", 3900);
    memcpy(j->token, ended.job.token, sizeof j->token);
    assert_int_equal(run(j)->end, NH_BATTERY__JOB_NEEDS_TOKEN);
    assert_int_equal(board.words[315], 3850);
}

static void test_command_tokens(void **state)
{
    char token[NH_BATTERY_TOKEN_TEXT_BYTES], other[NH_BATTERY_TOKEN_TEXT_BYTES];
    (void)state;
    assert_false(nh_battery__command_token(s, NH_BATTERY_RESTART, "", token));
    assert_false(nh_battery__command_token(s, NH_BATTERY_CLEAR_EVENTS, token, other));
    assert_true(nh_battery__command_token(s, NH_BATTERY_CLEAR_EVENTS, other, NULL));
    assert_false(nh_battery__command_token(s, NH_BATTERY_RESTART, token, token));
    assert_true(nh_battery__command_token(s, NH_BATTERY_RESTART, token, NULL));
    assert_false(nh_battery__command_token(s, NH_BATTERY_RESTART, token, NULL));
    // The oldest of too many is forgotten.
    assert_false(nh_battery__command_token(s, NH_BATTERY_RESTART, "", token));
    for (int i = 0; i < NH_BATTERY_TOKEN_MAX_COUNT; i++)
        assert_false(nh_battery__command_token(s, NH_BATTERY_RESTART, "", other));
    assert_false(nh_battery__command_token(s, NH_BATTERY_RESTART, token, NULL));
    assert_true(nh_battery__command_token(s, NH_BATTERY_RESTART, other, NULL));
}

static void test_commands(void **state)
{
    (void)state;
    nh_battery__job_t *j = make(NH_BATTERY__COMMAND);
    j->request_kind = NH_BATTERY_RESTART;
    assert_int_equal(run(j)->end, NH_BATTERY__JOB_DONE);
    assert_int_equal(board.command_count, 1);
    assert_int_equal(board.last_command, NH_BATTERY_RESTART);
}

// ---- how a write ends ---------------------------------------------------------------------------

static void test_write_ends(void **state)
{
    static const struct {
        const char *name;
        uint8_t outcome;
        bool does_it;
        uint8_t want;
        uint16_t left;
    } rows[] = {
        {"refused", NH_BATTERY_REFUSED, false, NH_BATTERY_REFUSED, 20},
        {"lost", NH_BATTERY_LOST, false, NH_BATTERY_LOST, 20},
        {"done, the answer was lost", NH_BATTERY_LOST, true, NH_BATTERY_DONE, 30},
        {"expired", NH_BATTERY_EXPIRED, false, NH_BATTERY_EXPIRED, 20},
        {"the line went", NH_BATTERY_CANCELLED, false, NH_BATTERY_CANCELLED, 20},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        board.words[310] = 20;
        board.fail_write = 1;
        board.outcome = rows[i].outcome;
        board.code = 5;
        board.does_it = rows[i].does_it;
        const nh_battery__job_t *e = change("charger_startup_delay_s", 30);
        assert_int_equal(e->end, NH_BATTERY__JOB_DONE);
        if (outcome("charger_startup_delay_s") != rows[i].want || e->outcome != rows[i].want)
            fail_msg("%s: %d, %d", rows[i].name, outcome("charger_startup_delay_s"), e->outcome);
        assert_int_equal(board.words[310], rows[i].left);
        assert_int_equal(e->code, 5);
    }
    board.sticky = 310;
    board.words[310] = 20;
    change("charger_startup_delay_s", 30);
    assert_int_equal(outcome("charger_startup_delay_s"), NH_BATTERY_NOT_TAKEN);
    assert_int_equal(ended.job.plan.pairs[0].found, 20);
    struct nh_battery__settings_info info;
    nh_battery__settings_info(s, &info);
    assert_int_equal(info.done_count, 1);
    assert_int_equal(info.refused_count, 1);
    assert_int_equal(info.failed_count, 4);
}

// Half of a request was done: what the board has now decides, and what comes after is not sent.
static void test_half_a_write(void **state)
{
    (void)state;
    nh_battery__job_t *j = make(NH_BATTERY__APPLY);
    wish(j, "charger_startup_delay_s", 30);
    wish(j, "charger_disable_delay_s", 30);
    wish(j, "state_of_charge_permille", 50);
    board.fail_write = 1;
    board.outcome = NH_BATTERY_LOST;
    board.does_half = true;
    assert_int_equal(run(j)->end, NH_BATTERY__JOB_DONE);
    assert_int_equal(outcome("charger_startup_delay_s"), NH_BATTERY_DONE);
    assert_int_equal(outcome("charger_disable_delay_s"), NH_BATTERY_LOST);
    assert_int_equal(outcome("state_of_charge_permille"), NH_BATTERY_NOT_SENT);
    assert_int_equal(board.write_count, 1);
}

static void wrote_and_queue_full(struct fake_board *b)
{
    b->post_err = NH_ERR_FULL;
}

// The first request was done, the second finds no place in the queue: that is no success.
static void test_second_request_is_not_taken(void **state)
{
    struct nh_battery__settings_info info;
    (void)state;
    nh_battery__job_t *j = make(NH_BATTERY__APPLY);
    wish(j, "charger_startup_delay_s", 30);
    wish(j, "state_of_charge_permille", 50);
    board.wrote = wrote_and_queue_full;
    assert_int_equal(run(j)->end, NH_BATTERY__JOB_DONE);
    assert_int_equal(outcome("charger_startup_delay_s"), NH_BATTERY_DONE);
    assert_int_equal(outcome("state_of_charge_permille"), NH_BATTERY_NOT_SENT);
    assert_int_equal(ended.job.outcome, NH_BATTERY_NOT_SENT);
    nh_battery__settings_info(s, &info);
    assert_int_equal(info.done_count, 0);
    assert_int_equal(info.failed_count, 1);
}

// Health reads 0xFFFF once the board has it; charge is told even if it reads the same.
static void test_told_values(void **state)
{
    (void)state;
    nh_battery__job_t *j = make(NH_BATTERY__APPLY);
    wish(j, "state_of_health_permille", 99);
    wish(j, "state_of_charge_permille", 50);
    board.words[328] = 25000;
    assert_int_equal(run(j)->outcome, NH_BATTERY_DONE);
    assert_int_equal(board.words[323], 0xFFFF);
    assert_int_equal(board.write_count, 2);
    assert_int_equal(outcome("state_of_health_permille"), NH_BATTERY_DONE);
}

static void test_mode_restarts_the_board_last(void **state)
{
    (void)state;
    nh_battery__job_t *j = make(NH_BATTERY__APPLY);
    wish(j, "operation_mode", 1);
    wish(j, "broadcast_interval", 4);
    run(j);
    j = make(NH_BATTERY__APPLY);
    memcpy(j->token, ended.job.token, sizeof j->token);
    wish(j, "operation_mode", 1);
    wish(j, "broadcast_interval", 4);
    assert_int_equal(run(j)->outcome, NH_BATTERY_DONE);
    assert_int_equal(ended.job.plan.pairs[1].address, 340);
    assert_int_equal(board.write_count, 2);
}

// ---- backups ------------------------------------------------------------------------------------

static void test_backup_before_a_write(void **state)
{
    struct nh_battery__backup b;
    (void)state;
    for (uint16_t i = 0; i < 5; i++)
        assert_int_equal(change("charger_startup_delay_s", 30 + i)->outcome, NH_BATTERY_DONE);
    uint32_t g[8];
    int n = nh_store_generations(store, NH_BATTERY_BACKUP_DOC, g, 8);
    assert_int_equal(n, 3);
    for (int i = 0; i < n; i++) {
        assert_int_equal(nh_battery__backup_read(store, g[i], &b), 0);
        assert_int_equal(b.words[10], 33 - i);
        assert_int_equal(b.version[4], 0x1234);
        assert_true(b.unix_ms == 1700000000000);
    }
    assert_int_equal(nh_battery__backup_read(store, 999, &b), NH_ERR_NOT_FOUND);
}

// What cannot be kept is not changed.
static void test_no_write_without_backup(void **state)
{
    (void)state;
    fake_disk_fault_set(
        &disk, &(struct fake_disk_fault){.kind = FAKE_DISK_FAIL, .call = 1, .err = NH_ERR_NOSPC});
    const nh_battery__job_t *e = change("charger_startup_delay_s", 30);
    assert_int_equal(e->end, NH_BATTERY__JOB_FAILED);
    assert_int_equal(e->err, NH_ERR_NOSPC);
    assert_int_equal(board.write_count, 0);
    assert_int_equal(change("charger_startup_delay_s", 30)->outcome, NH_BATTERY_DONE);
}

// The power goes at each call to the disk: after it the newest backup is whole, and it is the state
// before the last change that went to the board, or an older one if none did.
static void test_power_cut_at_each_call(void **state)
{
    struct nh_battery__backup b;
    (void)state;
    assert_int_equal(change("charger_startup_delay_s", 30)->outcome, NH_BATTERY_DONE);
    bool was_struck = true;
    for (uint32_t call = 1; was_struck; call++) {
        assert_true(call < 40);
        for (int fate = FAKE_DISK_LOSE; fate <= FAKE_DISK_RANDOM; fate++) {
            uint16_t before = board.words[310], next = before == 40 ? 41 : 40;
            uint32_t writes = board.write_count;
            fake_disk_fault_set(
                &disk, &(struct fake_disk_fault){.kind = FAKE_DISK_CUT_BEFORE, .call = call});
            change("charger_startup_delay_s", next);
            was_struck = disk.is_struck;
            bool wrote_it = board.write_count > writes;
            nh_battery__settings_destroy(s);
            nh_store_destroy(store);
            fake_disk_power_cycle(&disk, (enum fake_disk_fate)fate, call);
            assert_int_equal(open_store(), 0);
            assert_int_equal(nh_battery__settings_create(config(), &s), 0);
            assert_int_equal(nh_battery__backup_read(store, 0, &b), 0);
            if (wrote_it)
                assert_int_equal(b.words[10], before);
            else
                assert_int_equal(board.words[310], before);
        }
    }
}

static void test_backup_bytes(void **state)
{
    uint8_t bytes[NH_BATTERY_BACKUP_BYTES + 1] = {0};
    struct nh_battery__backup b = {.unix_ms = 0x0102030405060708, .version = {5}, .words = {3650}},
                              back = {0};
    (void)state;
    nh_battery__backup_encode(&b, bytes);
    assert_memory_equal(bytes, "NHBB\1\0\x2c\0\x08\x07\x06\x05\x04\x03\x02\x01\x05\0", 18);
    assert_int_equal(bytes[36], 0x42);
    assert_int_equal(nh_battery__backup_decode(bytes, NH_BATTERY_BACKUP_BYTES, &back), 0);
    assert_memory_equal(&b, &back, sizeof b);
    for (size_t len = 0; len <= sizeof bytes; len++)
        if (len != NH_BATTERY_BACKUP_BYTES)
            assert_int_equal(nh_battery__backup_decode(bytes, len, &back), NH_ERR_CORRUPT);
    bytes[4] = 2;
    assert_int_equal(nh_battery__backup_decode(bytes, NH_BATTERY_BACKUP_BYTES, &back),
                     NH_ERR_UNSUPPORTED);
    bytes[4] = 1;
    bytes[6] = 43;
    assert_int_equal(nh_battery__backup_decode(bytes, NH_BATTERY_BACKUP_BYTES, &back),
                     NH_ERR_CORRUPT);
}

// ---- one setting --------------------------------------------------------------------------------

static struct nh_battery_setting_result told;
static int told_count;

static void tell(void *ctx, const struct nh_battery_setting_result *res)
{
    assert_ptr_equal(ctx, &told);
    told = *res;
    told_count++;
}

static int write_one(const char *key, double value)
{
    told_count = 0;
    int err = nh_battery__setting_write(s, reg(key), value, tell, &told);
    if (err < 0)
        return err;
    assert_int_equal(told_count, 0);
    fake_board_run();
    assert_int_equal(told_count, 1);
    return told.err;
}

static void test_one_setting(void **state)
{
    (void)state;
    assert_int_equal(write_one("charger_startup_delay_s", 30), NH_OK);
    assert_true(told.value == 30);
    assert_int_equal(board.words[310], 30);
    assert_int_equal(write_one("charger_startup_delay_s", 61), NH_ERR_RANGE);
    assert_string_equal(told.text, "it is out of range; allowed: 5 to 60 s");
    assert_int_equal(write_one("overvoltage_cutoff_mv", 3900), NH_ERR_DENIED);
    assert_int_equal(write_one("soc_pct", 50), NH_ERR_DENIED);
    board.fail_write = 1;
    board.outcome = NH_BATTERY_REFUSED;
    board.code = 3;
    assert_int_equal(write_one("charger_startup_delay_s", 20), NH_ERR_DENIED);
    assert_int_equal(told.code, 3);
    assert_true(told.value == 30);
    board.sticky = 310;
    assert_int_equal(write_one("charger_startup_delay_s", 20), NH_ERR_CONFLICT);
    board.fails_reads = true;
    assert_int_equal(write_one("charger_startup_delay_s", 20), NH_ERR_TIMEOUT);
    board.post_err = NH_ERR_CLOSED;
    assert_int_equal(write_one("charger_startup_delay_s", 20), NH_ERR_CLOSED);
}

// ---- several at once ----------------------------------------------------------------------------

static int order[8], order_count;

static void note(void *ctx, const nh_battery__job_t *j)
{
    (void)j;
    order[order_count++] = (int)(intptr_t)ctx;
}

static void test_jobs_wait_in_line(void **state)
{
    nh_battery__job_t *jobs[NH_BATTERY_JOB_MAX_COUNT];
    (void)state;
    order_count = 0;
    for (int i = 0; i < NH_BATTERY_JOB_MAX_COUNT; i++) {
        jobs[i] = make(NH_BATTERY__REFRESH);
        jobs[i]->done = note;
        jobs[i]->ctx = (void *)(intptr_t)i;
    }
    assert_null(nh_battery__job_create(s));
    for (int i = 0; i < NH_BATTERY_JOB_MAX_COUNT; i++)
        assert_int_equal(nh_battery__job_submit(s, jobs[i]), 0);
    nh_battery__job_forget(s, jobs[0]); // under way: goes on unheard
    nh_battery__job_forget(s, jobs[2]); // waits: is gone
    fake_board_run();
    assert_int_equal(order_count, 2);
    assert_int_equal(order[0], 1);
    assert_int_equal(order[1], 3);
    nh_battery__job_drop(s, make(NH_BATTERY__REFRESH));
}

// One that cannot even begin is told so, and the next one begins.
static void test_job_that_cannot_begin(void **state)
{
    (void)state;
    nh_battery__job_t *first = make(NH_BATTERY__REFRESH), *second = make(NH_BATTERY__REFRESH);
    first->done = NULL;
    assert_int_equal(nh_battery__job_submit(s, first), 0);
    assert_int_equal(nh_battery__job_submit(s, second), 0);
    board.fails_reads = true;
    board.post_err = NH_ERR_FULL;
    fake_board_run();
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.job.end, NH_BATTERY__JOB_FAILED);
    assert_int_equal(ended.job.err, NH_ERR_FULL);
}

static void test_destroyed_with_jobs(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(nh_battery__job_submit(s, make(NH_BATTERY__REFRESH)), 0);
    board.is_waiting = false;
}

static void test_allocations_fail(void **state)
{
    nh_battery__settings_t *other = NULL;
    (void)state;
    mem_fixture_fail_nth(&fx, 1);
    assert_int_equal(nh_battery__settings_create(config(), &other), NH_ERR_NOMEM);
    assert_null(other);
    mem_fixture_fail_nth(&fx, 1);
    assert_null(nh_battery__job_create(s));
    for (uint64_t n = 1; n < 10; n++) {
        nh_battery__job_t *j = make(NH_BATTERY__APPLY);
        wish(j, "charger_startup_delay_s", 20 + (double)n);
        mem_fixture_fail_nth(&fx, n);
        const nh_battery__job_t *e = run(j);
        nh_mem_fault_set(fx.sys, NULL);
        if (e->end == NH_BATTERY__JOB_DONE)
            assert_int_equal(board.words[310], 20 + n);
        else
            assert_int_equal(e->err, NH_ERR_NOMEM);
    }
    assert_int_equal(run(make(NH_BATTERY__REFRESH))->end, NH_BATTERY__JOB_DONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_refresh),
        TEST(test_no_board),
        TEST(test_words_of_the_poll),
        TEST(test_limits),
        TEST(test_odd_ranges),
        TEST(test_rules),
        TEST(test_rules_that_are_broken_already),
        TEST(test_named_twice),
        TEST(test_order_keeps_the_rules),
        TEST(test_all_at_once),
        TEST(test_shared_word_keeps_its_neighbour),
        TEST(test_token),
        TEST(test_token_runs_out),
        TEST(test_token_is_for_the_old_value_too),
        TEST(test_command_tokens),
        TEST(test_commands),
        TEST(test_write_ends),
        TEST(test_half_a_write),
        TEST(test_second_request_is_not_taken),
        TEST(test_told_values),
        TEST(test_mode_restarts_the_board_last),
        TEST(test_backup_before_a_write),
        TEST(test_no_write_without_backup),
        TEST(test_power_cut_at_each_call),
        TEST(test_backup_bytes),
        TEST(test_one_setting),
        TEST(test_jobs_wait_in_line),
        TEST(test_job_that_cannot_begin),
        TEST(test_destroyed_with_jobs),
        TEST(test_allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
