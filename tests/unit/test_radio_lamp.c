// The lamp's end: who is heard, version 1's rules, pairing, and what is kept over power cuts.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/bytes.h"
#include "core/store/store.h"
#include "support/fake_disk.h"
#include "support/radio_air.h"

static struct air a;

static int setup(void **state)
{
    (void)state;
    air_init(&a, 1);
    air_lamp_start(&a, true);
    air_remote_start(&a);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    air_deinit(&a);
    return 0;
}

static struct nh_radio_lamp_info info(void)
{
    struct nh_radio_lamp_info i;
    nh_radio_lamp_info(a.lamp, a.now_ms, &i);
    return i;
}

// ---- version 1 by hand -------------------------------------------------------------------------

static uint8_t answers[16][NH_RADIO_FRAME_MAX_BYTES]; // what the lamp sent since the last say()
static size_t answer_len[16], answer_count;

static void note(void *ctx, const nh_radio_address_t *to, const uint8_t *bytes, size_t len)
{
    (void)ctx;
    (void)to;
    if (answer_count < NH_ARRAY_LEN(answers)) {
        memcpy(answers[answer_count], bytes, len);
        answer_len[answer_count++] = len;
    }
}

// A lamp whose answers are looked at; it knows one remote of version 1.
static void start_plain(void)
{
    struct nh_radio_lamp_config cfg = air_lamp_config(&a);
    air_lamp_stop(&a);
    cfg.allow_v1 = true;
    cfg.send = note;
    assert_int_equal(nh_radio_lamp_create(&cfg, &a.lamp), 0);
    nh_radio_lamp_pair(a.lamp, 30, false, a.now_ms);
    static const uint8_t hello[] = {0x4E, 0x4A, 1, 3, 2, 0, 0xFF, 0xFF, 0, 0, 0, 0, 1};
    nh_radio_lamp_input(a.lamp, &air_remote, -1, hello, sizeof hello, a.now_ms);
    nh_radio_lamp_pair(a.lamp, 0, false, a.now_ms);
    assert_int_equal(info().peer_count, 1);
}

static void say_to(uint16_t dst, uint32_t seq, uint8_t cmd, uint16_t value)
{
    uint8_t b[20] = {0x4E, 0x4A, 1, 1, 2, 0};
    nh_put_le16(b + 6, dst);
    nh_put_le32(b + 8, seq);
    b[12] = cmd;
    nh_put_le16(b + 14, value);
    answer_count = 0;
    nh_radio_lamp_input(a.lamp, &air_remote, -44, b, sizeof b, a.now_ms);
    air_run(&a, 3); // the lamp's queue
}

static void say(uint32_t seq, uint8_t cmd, uint16_t value)
{
    say_to(NH_RADIO_NODE_ANY, seq, cmd, value);
}

static void test_every_command_is_answered(void **state)
{
    (void)state;
    start_plain();
    for (uint32_t cmd = 0; cmd < 256; cmd++) {
        say(cmd + 1, (uint8_t)cmd, 1);
        assert_true(answer_count >= 1);
        const uint8_t *ack = answers[answer_count - 1]; // the last: RSP and info come before it
        assert_int_equal(answer_len[answer_count - 1], 24);
        assert_int_equal(ack[2], 1);
        assert_int_equal(ack[3], NH_RADIO_ACK);
        assert_int_equal(nh_get_le16(ack + 4), 111);
        assert_int_equal(nh_get_le16(ack + 6), 0);
        assert_int_equal(nh_get_le32(ack + 8), cmd + 1);
        bool is_known = cmd >= NH_RADIO_POWER && cmd <= NH_RADIO_GET_AUDIO_STATE;
        bool is_no_effect = cmd == NH_RADIO_SET_ANIM;
        assert_int_equal(ack[22], is_known && !is_no_effect ? 1 : 3);
        assert_int_equal(ack[23], is_no_effect ? NH_RADIO_UNKNOWN_VALUE
                                  : is_known   ? NH_RADIO_OK
                                               : NH_RADIO_UNKNOWN_COMMAND);
        assert_int_equal(answer_count, cmd == NH_RADIO_OTA_START                     ? 4
                                       : cmd == 7 || cmd == NH_RADIO_GET_AUDIO_STATE ? 2
                                                                                     : 1);
    }
}

static void test_destination(void **state)
{
    (void)state;
    start_plain();
    say_to(111, 1, NH_RADIO_SET_BRIGHT, 1);
    assert_int_equal(a.applied_count, 1);
    say_to(112, 2, NH_RADIO_SET_BRIGHT, 2);
    assert_int_equal(a.applied_count, 1);
    assert_int_equal(answer_count, 0);
    assert_int_equal(info().foreign_count, 1);
    uint8_t meta[13] = {0x4E, 0x4A, 1, 3, 2, 0, 112, 0, 9, 0, 0, 0, 1};
    answer_count = 0;
    nh_radio_lamp_input(a.lamp, &air_remote, -1, meta, sizeof meta, a.now_ms);
    assert_int_equal(answer_count, 0);
    meta[6] = 111;
    nh_radio_lamp_input(a.lamp, &air_remote, -1, meta, sizeof meta, a.now_ms);
    assert_int_equal(answer_count, 1);
    assert_int_equal(answer_len[0], 20);
}

// A repeat is not applied and gets the same answer, byte for byte, also when more came since.
static void test_repeats(void **state)
{
    uint8_t first[24];
    (void)state;
    start_plain();
    say(1, NH_RADIO_SET_BRIGHT, 50);
    memcpy(first, answers[0], sizeof first);
    say(2, NH_RADIO_SET_BRIGHT, 60);
    say(1, NH_RADIO_SET_BRIGHT, 50);
    assert_int_equal(answer_count, 1);
    assert_memory_equal(answers[0], first, sizeof first);
    assert_int_equal(a.state.state.brightness, 60);
    assert_int_equal(a.applied_count, 2);
    for (uint32_t seq = 3; seq <= 20; seq++)
        say(seq, NH_RADIO_SET_BRIGHT, (uint16_t)seq);
    say(13, NH_RADIO_SET_BRIGHT, 13); // the eighth last
    assert_int_equal(answers[0][22], 1);
    say(12, NH_RADIO_SET_BRIGHT, 12); // the ninth last is older than what is remembered
    assert_int_equal(answers[0][22], 3);
    assert_int_equal(answers[0][23], NH_RADIO_STALE);
    assert_int_equal(a.state.state.brightness, 20);
    assert_int_equal(info().repeat_count, 2);
}

// While the lamp has it, a repeat waits for the one answer.
static void test_repeat_while_pending(void **state)
{
    (void)state;
    start_plain();
    a.lamp_max_ms = 0;
    uint8_t b[20] = {0x4E, 0x4A, 1, 1, 2, 0, 0xFF, 0xFF, 5, 0, 0, 0, 4, 0, 77};
    answer_count = 0;
    nh_radio_lamp_input(a.lamp, &air_remote, -44, b, sizeof b, a.now_ms);
    nh_radio_lamp_input(a.lamp, &air_remote, -44, b, sizeof b, a.now_ms);
    assert_int_equal(answer_count, 0); // not before it was applied
    air_run(&a, 3);
    assert_int_equal(answer_count, 1);
    assert_int_equal(answers[0][14], 77);
    assert_int_equal(a.applied_count, 1);
}

// A remote that was started anew counts from 1.
static void test_restarted_sender(void **state)
{
    (void)state;
    start_plain();
    for (uint32_t seq = 1; seq <= 64; seq++)
        say(seq, NH_RADIO_SET_BRIGHT, (uint16_t)seq);
    say(1, NH_RADIO_SET_BRIGHT, 200); // not more than 64: an old one
    assert_int_equal(answers[0][23], NH_RADIO_STALE);
    say(65, NH_RADIO_SET_BRIGHT, 65);
    say(5, NH_RADIO_SET_BRIGHT, 201); // not one of the first four
    assert_int_equal(answers[0][23], NH_RADIO_STALE);
    say(4, NH_RADIO_SET_BRIGHT, 202);
    assert_int_equal(a.state.state.brightness, 202);
    say(5, NH_RADIO_SET_BRIGHT, 203);
    assert_int_equal(a.state.state.brightness, 203);
    say(3, NH_RADIO_SET_BRIGHT, 204);
    assert_int_equal(answers[0][23], NH_RADIO_STALE);
    a.now_ms += 1990;
    say(2, NH_RADIO_SET_BRIGHT, 205); // 2000 ms of silence are not enough
    assert_int_equal(answers[0][23], NH_RADIO_STALE);
    a.now_ms += 2001;
    say(2, NH_RADIO_SET_BRIGHT, 206);
    assert_int_equal(a.state.state.brightness, 206);
    a.now_ms += 2001; // the same number and the same wish as the last: a new one all the same
    say(2, NH_RADIO_SET_BRIGHT, 206);
    assert_int_equal(answers[0][23], NH_RADIO_OK);
    assert_int_equal(info().applied_count, a.applied_count);
}

static void test_chunks(void **state)
{
    uint8_t b[16] = {0x4E, 0x4A, 1, 3, 2, 0, 0xFF, 0xFF, 7, 0, 0, 0, 3};
    (void)state;
    start_plain();
    static const struct {
        uint16_t start;
        uint8_t count;
    } rows[] = {{0, 10}, {10, 10}, {30, 7}, {36, 1}, {37, 0}, {65535, 0}};
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        nh_put_le16(b + 14, rows[i].start);
        answer_count = 0;
        nh_radio_lamp_input(a.lamp, &air_remote, -1, b, sizeof b, a.now_ms);
        assert_int_equal(answer_count, 1);
        assert_int_equal(answer_len[0], 20 + 18 * rows[i].count);
        assert_int_equal(answers[0][13], rows[i].count);
        assert_int_equal(nh_get_le16(answers[0] + 14), rows[i].start);
        assert_int_equal(nh_get_le32(answers[0] + 16), info().effect_crc);
    }
}

// Nobody is heard that is not paired; version 1 only where it is allowed, and learnt only by an
// open window that asks for no digits.
static void test_plain_is_learnt(void **state)
{
    (void)state;
    say(1, NH_RADIO_SET_BRIGHT, 1);
    assert_int_equal(info().unknown_count, 1);
    nh_radio_lamp_pair(a.lamp, 30, true, a.now_ms);
    say(2, NH_RADIO_SET_BRIGHT, 2);
    assert_int_equal(info().peer_count, 0);
    nh_radio_lamp_pair(a.lamp, 30, false, a.now_ms);
    say(3, NH_RADIO_SET_BRIGHT, 3);
    assert_int_equal(info().peer_count, 1);
    assert_int_equal(a.applied_count, 1);
    nh_radio_lamp_pair(a.lamp, 0, false, a.now_ms);
    air_lamp_stop(&a);
    air_lamp_start(&a, false); // and is not heard where the configuration takes it back
    assert_int_equal(info().peer_count, 1);
    say(4, NH_RADIO_SET_BRIGHT, 4);
    assert_int_equal(a.applied_count, 1);
    assert_int_equal(info().plain_refused_count, 1);
}

static void test_garbage(void **state)
{
    uint8_t bytes[NH_RADIO_FRAME_MAX_BYTES + 8];
    struct rng rng = {11};
    (void)state;
    start_plain();
    answer_count = 0;
    for (int i = 0; i < 50000; i++) {
        size_t len = rng_below(&rng, sizeof bytes);
        rng_bytes(&rng, bytes, len);
        if (len > 3 && rng_below(&rng, 2)) { // ours, as it seems
            nh_put_le16(bytes, 0x4A4E);
            bytes[2] = (uint8_t)(1 + rng_below(&rng, 2));
            bytes[3] = (uint8_t)(2 + rng_below(&rng, 2)); // no command
        }
        nh_radio_lamp_input(a.lamp, &air_remote, -1, bytes, len, a.now_ms);
    }
    assert_int_equal(a.applied_count, 0);
    assert_true(info().garbage_count > 20000);
}

// ---- pairing -----------------------------------------------------------------------------------

static void open_window(bool needs_code)
{
    nh_radio_lamp_pair(a.lamp, 30, needs_code, a.now_ms);
    nh_radio_remote_pair(a.remote, 25, a.now_ms);
}

static void test_pairing(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 25; seed++) { // by a cruel air
        air_deinit(&a);
        air_init(&a, seed);
        a.loss_pct = 30;
        a.duplicate_pct = 20;
        a.delay_max_ms = 25;
        a.lamp_channel = (uint8_t)(1 + seed % 13);
        air_lamp_start(&a, false);
        air_remote_start(&a);
        air_pair(&a);
        assert_int_equal(a.event_count[NH_RADIO_REMOTE_PAIRED], 1);
        assert_string_equal(nh_radio_remote_lamp_at(a.remote, 0)->name, "Lamp");
        assert_int_equal(info().peer_count, 1);
        assert_int_equal(info().pair_left_s, 0); // closed behind it
        assert_int_equal(nh_radio_remote_command(a.remote, NH_RADIO_SET_BRIGHT, 5, a.now_ms), 0);
        assert_true(air_settle(&a, 11000));
        assert_int_equal(a.state.state.brightness, 5);
    }
}

static void test_pairing_without_digits(void **state)
{
    (void)state;
    open_window(false);
    air_run(&a, 100);
    assert_int_equal(a.event_count[NH_RADIO_REMOTE_CODE], 1);
    assert_int_equal(info().peer_count, 0); // not before the remote's person agreed
    nh_radio_remote_pair_agree(a.remote, true, a.now_ms);
    air_run(&a, 100);
    assert_int_equal(a.event_count[NH_RADIO_REMOTE_PAIRED], 1);
}

static void test_other_digits(void **state)
{
    (void)state;
    open_window(true);
    air_run(&a, 100);
    assert_true(info().pair_has_code);
    assert_string_equal(info().pair_name, "Sofa");
    uint32_t code = info().pair_code;
    assert_int_equal(code, a.last[NH_RADIO_REMOTE_CODE].code);
    assert_int_equal(nh_radio_lamp_pair_accept(a.lamp, (code + 1) % 1000000, a.now_ms),
                     NH_ERR_DENIED);
    nh_radio_remote_pair_agree(a.remote, true, a.now_ms);
    air_run(&a, 500);
    assert_int_equal(a.last[NH_RADIO_REMOTE_UNPAIRED].err, NH_ERR_DENIED);
    assert_int_equal(nh_radio_lamp_pair_accept(a.lamp, code, a.now_ms), NH_ERR_NOT_FOUND);
    assert_int_equal(info().peer_count, 0);
    nh_radio_remote_pair(a.remote, 20, a.now_ms); // and the person at the remote says no
    air_run(&a, 100);
    nh_radio_remote_pair_agree(a.remote, false, a.now_ms);
    assert_int_equal(a.last[NH_RADIO_REMOTE_UNPAIRED].err, NH_ERR_DENIED);
    air_run(&a, 40000);
    assert_int_equal(info().pair_left_s, 0);
}

static void test_window(void **state)
{
    (void)state;
    nh_radio_remote_pair(a.remote, 5, a.now_ms); // it is closed
    air_run(&a, 6000);
    assert_int_equal(a.last[NH_RADIO_REMOTE_UNPAIRED].err, NH_ERR_TIMEOUT);
    assert_int_equal(a.event_count[NH_RADIO_REMOTE_CODE], 0);
    a.remote_channel = a.lamp_channel; // it had looked elsewhere
    air_remote_stop(&a);
    air_remote_start(&a);
    nh_radio_lamp_pair(a.lamp, 300, true, a.now_ms);
    for (unsigned i = 0; i < NH_RADIO_PAIR_TRY_MAX_COUNT; i++) { // guesses are counted
        nh_radio_remote_pair(a.remote, 5, a.now_ms);
        air_run(&a, 100);
        assert_int_equal(a.event_count[NH_RADIO_REMOTE_CODE], i + 1);
        nh_radio_remote_pair_agree(a.remote, false, a.now_ms);
    }
    nh_radio_remote_pair(a.remote, 5, a.now_ms);
    air_run(&a, 100);
    assert_int_equal(a.event_count[NH_RADIO_REMOTE_CODE], NH_RADIO_PAIR_TRY_MAX_COUNT);
    assert_true(info().pair_refused_count >= 1);
}

// Who told numbers before them cannot tell others after.
static void test_commitment_is_checked(void **state)
{
    (void)state;
    open_window(true);
    while (a.event_count[NH_RADIO_REMOTE_CODE] == 0 && a.now_ms < 3000) {
        for (size_t i = 0; i < AIR_FRAME_MAX; i++) {
            struct air_frame *f = &a.frames[i];
            if (f->due_ms && f->to_lamp && f->bytes[12] == NH_RADIO_PAIR_REVEAL)
                f->bytes[20] ^= 1;
        }
        air_step(&a);
    }
    assert_int_equal(a.event_count[NH_RADIO_REMOTE_CODE], 0);
    assert_true(info().pair_refused_count >= 1);
    assert_false(info().pair_has_code);
}

static void fill_table(void)
{
    nh_radio_address_t from = air_remote;
    for (uint8_t n = 10; n < 18; n++) {
        static const uint8_t hello[] = {0x4E, 0x4A, 1, 3, 10, 0, 0xFF, 0xFF, 0, 0, 0, 0, 1};
        from.mac[5] = n;
        nh_radio_lamp_pair(a.lamp, 30, false, a.now_ms);
        nh_radio_lamp_input(a.lamp, &from, -1, hello, sizeof hello, a.now_ms);
    }
}

static void test_full(void **state)
{
    nh_radio_address_t first = air_remote, second = air_remote;
    struct nh_radio_lamp_peer p;
    (void)state;
    first.mac[5] = 10;
    second.mac[5] = 11;
    fill_table();
    assert_int_equal(info().peer_count, 8);
    open_window(true);
    air_run(&a, 100);
    assert_int_equal(a.last[NH_RADIO_REMOTE_UNPAIRED].err, NH_ERR_FULL);
    assert_true(info().full_count >= 1);
    assert_int_equal(nh_radio_lamp_remove(a.lamp, &air_lamp), NH_ERR_NOT_FOUND);
    assert_int_equal(nh_radio_lamp_remove(a.lamp, &first), 0);
    assert_int_equal(info().peer_count, 7);
    a.lamp_keep_err = NH_ERR_IO; // what cannot be kept is as before
    assert_int_equal(nh_radio_lamp_remove(a.lamp, &second), NH_ERR_IO);
    assert_int_equal(info().peer_count, 7);
    a.lamp_keep_err = 0;
    assert_true(nh_radio_lamp_peer_at(a.lamp, 6, &p));
    assert_false(nh_radio_lamp_peer_at(a.lamp, 7, &p));
    assert_int_equal(p.record.kind, NH_RADIO_PEER_PLAIN);
}

// A remote that was paired under two nodes is forgotten under both: no key of it is left.
static void test_remove_is_of_all_nodes(void **state)
{
    static const uint8_t hello[] = {0x4E, 0x4A, 1, 3, 77, 0, 0xFF, 0xFF, 0, 0, 0, 0, 1};
    (void)state;
    nh_radio_lamp_pair(a.lamp, 30, false, a.now_ms);
    nh_radio_lamp_input(a.lamp, &air_remote, -1, hello, sizeof hello, a.now_ms);
    air_pair(&a);
    assert_int_equal(info().peer_count, 2);
    a.lamp_keep_err = NH_ERR_IO;
    assert_int_equal(nh_radio_lamp_remove(a.lamp, &air_remote), NH_ERR_IO);
    assert_int_equal(info().peer_count, 2);
    a.lamp_keep_err = 0;
    assert_int_equal(nh_radio_lamp_remove(a.lamp, &air_remote), 0);
    assert_int_equal(info().peer_count, 0);
}

// At the remote's end: a lamp that cannot be forgotten is still known, and still listens.
static void test_remote_forgets_a_lamp(void **state)
{
    (void)state;
    air_pair(&a);
    a.remote_keep_err = NH_ERR_IO;
    assert_int_equal(nh_radio_remote_remove(a.remote, 0), NH_ERR_IO);
    assert_int_equal(nh_radio_remote_lamp_count(a.remote), 1);
    a.remote_keep_err = 0;
    assert_int_equal(nh_radio_remote_command(a.remote, NH_RADIO_SET_BRIGHT, 5, a.now_ms), 0);
    assert_true(air_settle(&a, 1000));
    assert_int_equal(a.state.state.brightness, 5);
    assert_int_equal(nh_radio_remote_remove(a.remote, 1), NH_ERR_NOT_FOUND);
    assert_int_equal(nh_radio_remote_remove(a.remote, 0), 0);
    assert_int_equal(nh_radio_remote_lamp_count(a.remote), 0);
}

// A remote that was paired before pairs anew: one peer, with the new key.
static void test_pair_again(void **state)
{
    struct nh_radio_lamp_peer p;
    (void)state;
    air_pair(&a);
    air_run(&a, 1000);
    air_pair(&a);
    assert_int_equal(info().peer_count, 1);
    assert_int_equal(nh_radio_remote_lamp_count(a.remote), 1);
    assert_int_equal(nh_radio_remote_command(a.remote, NH_RADIO_SET_BRIGHT, 5, a.now_ms), 0);
    assert_true(air_settle(&a, 1000));
    assert_int_equal(a.state.state.brightness, 5);
    assert_true(nh_radio_lamp_peer_at(a.lamp, 0, &p));
    assert_int_equal(p.rssi_dbm, -50);
    assert_int_equal(p.command_count, 1);
    for (size_t i = 0; i < sizeof p.record.key; i++)
        assert_int_equal(p.record.key[i], 0); // it is not shown
    assert_int_equal(nh_radio_lamp_remove(a.lamp, &air_remote), 0);
    assert_int_equal(nh_radio_remote_command(a.remote, NH_RADIO_SET_BRIGHT, 6, a.now_ms), 0);
    air_run(&a, 500);
    assert_int_equal(a.state.state.brightness, 5); // not heard any more
}

// ---- the store ---------------------------------------------------------------------------------

static struct fake_disk disk;
static nh_store_t *store;

static int keep_in_store(void *ctx, const uint8_t *bytes, size_t len)
{
    (void)ctx;
    int err = nh_store_put(store, "lamp_radio", bytes, len);
    return err < 0 ? err : 0;
}

static void open_all(void)
{
    uint8_t bytes[AIR_KEPT_BYTES];
    const struct nh_store_config cfg = {
        .mem = a.mem, .fs = fake_disk_fs(&disk), .dir = "store", .keep_count = 2};
    struct nh_radio_lamp_config lamp = air_lamp_config(&a);
    lamp.keep = keep_in_store;
    assert_int_equal(nh_store_create(&cfg, &store), 0);
    assert_int_equal(nh_radio_lamp_create(&lamp, &a.lamp), 0);
    int len = nh_store_read(store, "lamp_radio", 0, 0, bytes, sizeof bytes);
    if (len > 0)
        assert_int_equal(nh_radio_lamp_load(a.lamp, bytes, (size_t)len), 0);
}

static void close_store(void)
{
    air_lamp_stop(&a);
    nh_store_destroy(store);
}

// The power goes at each call of a write that a command makes. Afterwards the remote is paired
// still, nothing old is taken, and its next command is.
static void cut_at(uint32_t call, enum fake_disk_fault_kind kind, enum fake_disk_fate fate)
{
    close_store();
    open_all(); // the next frame is the first: it is kept before it counts
    a.heard_count = 0;
    fake_disk_fault_set(&disk, &(struct fake_disk_fault){.kind = kind, .call = call});
    assert_int_equal(nh_radio_remote_command(a.remote, NH_RADIO_SET_BRIGHT, 1, a.now_ms), 0);
    air_run(&a, 60);
    close_store();
    fake_disk_power_cycle(&disk, fate, call);
    fake_disk_fault_set(&disk, NULL);
    open_all();
    size_t applied = a.applied_count;
    for (size_t i = 0; i < a.heard_count; i++) // what the air had is played again
        nh_radio_lamp_input(a.lamp, &air_remote, 0, a.heard[i].bytes, a.heard[i].len, a.now_ms);
    air_run(&a, 5);
    assert_int_equal(info().peer_count, 1);
    assert_int_equal(nh_radio_remote_command(a.remote, NH_RADIO_SET_SPEED_PCT, 50, a.now_ms), 0);
    assert_true(air_settle(&a, 20000));
    assert_true(a.applied_count >= applied + 1);
    assert_int_equal(a.last[NH_RADIO_REMOTE_ANSWER].err, 0);
}

static void test_power_cut(void **state)
{
    static const enum fake_disk_fate fates[] = {FAKE_DISK_LOSE, FAKE_DISK_KEEP, FAKE_DISK_PREFIX,
                                                FAKE_DISK_RANDOM};
    (void)state;
    air_lamp_stop(&a);
    fake_disk_init(&disk);
    open_all();
    air_pair(&a);
    close_store();
    open_all();
    fake_disk_fault_set(&disk, NULL);
    assert_int_equal(nh_radio_remote_command(a.remote, NH_RADIO_SET_BRIGHT, 1, a.now_ms), 0);
    assert_true(air_settle(&a, 1000));
    uint32_t calls = disk.call_count;
    assert_in_range(calls, 9, 100);
    for (uint32_t call = 1; call <= calls; call++)
        for (size_t fate = 0; fate < NH_ARRAY_LEN(fates); fate++) {
            cut_at(call, FAKE_DISK_CUT_BEFORE, fates[fate]);
            cut_at(call, FAKE_DISK_CUT_AFTER, fates[fate]);
        }
    close_store();
}

// The power goes while a remote is being paired: it is paired, or it is not and can be.
static void test_power_cut_while_pairing(void **state)
{
    (void)state;
    for (uint32_t call = 1; call < 40; call++) {
        air_deinit(&a);
        air_init(&a, call);
        air_remote_start(&a);
        fake_disk_init(&disk);
        open_all();
        nh_radio_lamp_pair(a.lamp, 60, false, a.now_ms);
        nh_radio_remote_pair(a.remote, 60, a.now_ms);
        air_run(&a, 50);
        fake_disk_fault_set(&disk,
                            &(struct fake_disk_fault){.kind = FAKE_DISK_CUT_BEFORE, .call = call});
        nh_radio_remote_pair_agree(a.remote, true, a.now_ms);
        air_run(&a, 50);
        bool is_done = a.event_count[NH_RADIO_REMOTE_PAIRED] > 0;
        close_store();
        fake_disk_power_cycle(&disk, FAKE_DISK_RANDOM, call);
        fake_disk_fault_set(&disk, NULL);
        open_all();
        if (is_done) // what the remote was told holds
            assert_int_equal(info().peer_count, 1);
        a.event_count[NH_RADIO_REMOTE_UNPAIRED] = 0;
        if (!is_done)
            air_pair(&a);
        close_store();
    }
}

#define LAMP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAMP(test_every_command_is_answered),
        LAMP(test_destination),
        LAMP(test_repeats),
        LAMP(test_repeat_while_pending),
        LAMP(test_restarted_sender),
        LAMP(test_chunks),
        LAMP(test_plain_is_learnt),
        LAMP(test_garbage),
        LAMP(test_pairing),
        LAMP(test_pairing_without_digits),
        LAMP(test_other_digits),
        LAMP(test_window),
        LAMP(test_commitment_is_checked),
        LAMP(test_full),
        LAMP(test_remove_is_of_all_nodes),
        LAMP(test_remote_forgets_a_lamp),
        LAMP(test_pair_again),
        LAMP(test_power_cut),
        LAMP(test_power_cut_while_pairing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
