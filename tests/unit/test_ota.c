// Updates: what is taken and refused, what runs after a power cut at any moment, and that memory
// that fails leaves all as it was.

#include "linux_fixture.h"

#include "components/ota/ota.h"
#include "support/fake_disk.h"

#define IMAGE_MAX_BYTES 1000
#define PAYLOAD_BYTES 700

static struct linux_fixture fix;
static struct fake_disk disk, before;
static nh_store_t *store;
static nh_sched_t *sched;
static nh_ota_t *ota;
static uint8_t key[NH_SIGN_KEY_BYTES], secret[NH_SIGN_SECRET_BYTES];
static uint64_t now_ms;
static unsigned restarts;
static bool is_well;

static uint64_t clock_ms(void)
{
    return now_ms;
}

static bool well(void *ctx)
{
    (void)ctx;
    return is_well;
}

static void restart(void *ctx)
{
    (void)ctx;
    restarts++;
}

static int open_store(void)
{
    const struct nh_store_config cfg = {
        .mem = fix.mem, .fs = fake_disk_fs(&disk), .dir = NH_OTA_DIR, .keep_count = 2};
    return nh_store_create(&cfg, &store);
}

static int start(enum nh_ota_place running)
{
    const struct nh_sched_config sc = {.mem = fix.mem};
    int err = open_store();
    if (err == 0)
        err = nh_sched_create(&sc, &sched);
    if (err < 0)
        return err;
    struct nh_ota_config cfg = {
        .mem = fix.mem,
        .fs = fake_disk_fs(&disk),
        .store = store,
        .sched = sched,
        .running = running,
        .version = "1.0",
        .image_max_bytes = IMAGE_MAX_BYTES,
        .clock_ms = clock_ms,
        .is_well = well,
        .restart = restart,
    };
    memcpy(cfg.key, key, sizeof key);
    return nh_ota_create(&cfg, &ota);
}

static void stop(void)
{
    nh_ota_destroy(ota);
    nh_sched_destroy(sched);
    nh_store_destroy(store);
    ota = NULL;
    sched = NULL;
    store = NULL;
}

static int setup(void **state)
{
    (void)state;
    fixture_start(&fix);
    fake_disk_init(&disk);
    nh_sign_keypair(key, secret);
    now_ms = 1000;
    restarts = 0;
    is_well = true;
    return start(NH_OTA_PROGRAM);
}

static int teardown(void **state)
{
    (void)state;
    stop();
    fixture_stop(&fix);
    return 0;
}

// What a launcher does: asks, on a store of its own, what to start.
static enum nh_ota_place boot(void)
{
    assert_int_equal(open_store(), 0);
    enum nh_ota_place p = nh_ota_slots_boot(store, fake_disk_fs(&disk));
    nh_store_destroy(store);
    store = NULL;
    return p;
}

// A life ends, the next begins.
static enum nh_ota_place reboot(void)
{
    stop();
    enum nh_ota_place p = boot();
    assert_int_equal(start(p), 0);
    return p;
}

static struct nh_ota_snapshot look(void)
{
    struct nh_ota_snapshot s;
    nh_ota_snapshot(ota, &s);
    return s;
}

// ---- images -------------------------------------------------------------------------------------

struct image {
    uint8_t bytes[NH_OTA_HEAD_BYTES + IMAGE_MAX_BYTES + 64];
    size_t len;
};

static void make_image(struct image *m, const char *version, size_t payload)
{
    struct nh_ota_head h = {.payload_bytes = payload};
    nh_sha256_t hash;
    snprintf(h.version, sizeof h.version, "%s", version);
    snprintf(h.target, sizeof h.target, "%s", nh_ota_target());
    for (size_t i = 0; i < payload; i++)
        m->bytes[NH_OTA_HEAD_BYTES + i] = (uint8_t)(i * 7 + (uint8_t)version[0]);
    nh_sha256_init(&hash);
    nh_sha256_update(&hash, m->bytes + NH_OTA_HEAD_BYTES, payload);
    nh_sha256_end(&hash, h.sha256);
    nh_ota_head_encode(&h, secret, m->bytes);
    m->len = NH_OTA_HEAD_BYTES + payload;
}

static int send_image(const struct image *m, size_t len, size_t piece)
{
    int err = nh_ota_begin(ota, len, now_ms);
    for (size_t at = 0; at < len && err == 0; at += piece)
        err = nh_ota_feed(ota, m->bytes + at, piece < len - at ? piece : len - at, now_ms);
    return err < 0 ? err : nh_ota_end(ota);
}

static int update(const char *version)
{
    struct image m;
    make_image(&m, version, PAYLOAD_BYTES);
    return send_image(&m, m.len, 100);
}

// What is in a slot is what was sent.
static void assert_slot(enum nh_ota_place p, const char *version)
{
    struct image m;
    const uint8_t *bytes;
    make_image(&m, version, PAYLOAD_BYTES);
    assert_int_equal(fake_disk_file_get(&disk, nh_ota_place_file(p), &bytes), PAYLOAD_BYTES);
    assert_memory_equal(bytes, m.bytes + NH_OTA_HEAD_BYTES, PAYLOAD_BYTES);
}

static void pass(uint64_t ms)
{
    now_ms += ms;
    nh_sched_run(sched, now_ms);
}

// ---- tests --------------------------------------------------------------------------------------

static void test_update_is_confirmed(void **state)
{
    (void)state;
    assert_int_equal(update("2.0"), 0);
    assert_int_equal(restarts, 1);
    assert_int_equal(reboot(), NH_OTA_SLOT_A);
    assert_slot(NH_OTA_SLOT_A, "2.0");
    assert_true(look().record.is_pending);
    pass(4999);
    assert_true(look().record.is_pending);
    pass(1);
    assert_false(look().record.is_pending);
    assert_int_equal(reboot(), NH_OTA_SLOT_A);
    assert_int_equal(reboot(), NH_OTA_SLOT_A);
}

static void test_slots_alternate(void **state)
{
    (void)state;
    static const enum nh_ota_place want[] = {NH_OTA_SLOT_A, NH_OTA_SLOT_B, NH_OTA_SLOT_A};
    static const char *const versions[] = {"2", "3", "4"};
    for (size_t i = 0; i < NH_ARRAY_LEN(want); i++) {
        assert_int_equal(update(versions[i]), 0);
        assert_int_equal(reboot(), want[i]);
        assert_slot(want[i], versions[i]);
        pass(5000);
    }
    assert_int_equal(look().record.fallback, NH_OTA_SLOT_B);
}

// It died before it was confirmed: the one before comes back, and people are told.
static void test_taken_back(void **state)
{
    (void)state;
    assert_int_equal(update("2.0"), 0);
    assert_int_equal(reboot(), NH_OTA_SLOT_A);
    assert_int_equal(reboot(), NH_OTA_PROGRAM);
    assert_string_equal(look().record.taken_back, "2.0");
    assert_int_equal(reboot(), NH_OTA_PROGRAM);
    assert_int_equal(update("2.1"), 0);
    assert_string_equal(look().record.taken_back, "");
}

static void test_not_well(void **state)
{
    (void)state;
    assert_int_equal(update("2.0"), 0);
    assert_int_equal(reboot(), NH_OTA_SLOT_A);
    is_well = false;
    restarts = 0;
    for (int s = 0; s < 119; s++)
        pass(1000);
    assert_int_equal(restarts, 0);
    pass(1000);
    assert_int_equal(restarts, 1);
    assert_int_equal(reboot(), NH_OTA_PROGRAM);
}

static void test_back_by_hand(void **state)
{
    (void)state;
    assert_int_equal(nh_ota_take_back(ota), NH_ERR_NOT_FOUND);
    assert_int_equal(update("2.0"), 0);
    assert_int_equal(reboot(), NH_OTA_SLOT_A);
    pass(5000);
    assert_int_equal(nh_ota_take_back(ota), 0);
    assert_int_equal(reboot(), NH_OTA_PROGRAM);
}

// Acceptance, updates: too large, empty, truncated, damaged, of a stranger, for another machine.
// All is as before, and the next good one is taken.
static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int err;
        size_t len;     // 0: whole
        size_t payload; // 0: PAYLOAD_BYTES
        size_t flip;    // a byte that is changed; 0: none
    } rows[] = {
        {"too large", NH_ERR_TOO_LONG, 0, IMAGE_MAX_BYTES + 1, 0},
        {"half a head", NH_ERR_INVAL, 128, 0, 0},
        {"a head alone", NH_ERR_INVAL, NH_OTA_HEAD_BYTES, 0, 0},
        {"truncated", NH_ERR_INVAL, NH_OTA_HEAD_BYTES + 300, 0, 0},
        {"one byte short", NH_ERR_INVAL, NH_OTA_HEAD_BYTES + PAYLOAD_BYTES - 1, 0, 0},
        {"damaged", NH_ERR_CORRUPT, 0, 0, NH_OTA_HEAD_BYTES + 500},
        {"no image", NH_ERR_SYNTAX, 0, 0, 3},
        {"its version forged", NH_ERR_DENIED, 0, 0, 57},
        {"its signature forged", NH_ERR_DENIED, 0, 0, 250},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct image m;
        make_image(&m, "2.0", rows[i].payload ? rows[i].payload : PAYLOAD_BYTES);
        if (rows[i].flip)
            m.bytes[rows[i].flip] ^= 1;
        int err = send_image(&m, rows[i].len ? rows[i].len : m.len, 97);
        if (err != rows[i].err)
            fail_msg("%s: %s", rows[i].what, nh_err_name(err));
        assert_int_equal(restarts, 0);
        assert_int_equal(look().record.active, NH_OTA_PROGRAM);
        assert_int_equal(fake_disk_open_count(&disk), 0);
    }
    assert_int_equal(nh_ota_begin(ota, 0, now_ms), NH_ERR_INVAL);
    assert_int_equal(update("2.0"), 0);
}

static void test_other_machine(void **state)
{
    (void)state;
    struct image m;
    make_image(&m, "2.0", PAYLOAD_BYTES);
    struct nh_ota_head h;
    assert_int_equal(nh_ota_head_decode(m.bytes, &h), 0);
    snprintf(h.target, sizeof h.target, "linux-pdp11");
    nh_ota_head_encode(&h, secret, m.bytes);
    assert_int_equal(send_image(&m, m.len, 50), NH_ERR_TYPE);
}

static void test_more_than_announced(void **state)
{
    (void)state;
    struct image m;
    make_image(&m, "2.0", PAYLOAD_BYTES);
    assert_int_equal(nh_ota_begin(ota, m.len, now_ms), 0);
    assert_int_equal(nh_ota_feed(ota, m.bytes, m.len + 1, now_ms), NH_ERR_TOO_LONG);
    assert_int_equal(nh_ota_end(ota), NH_ERR_TIMEOUT);
}

static void test_second_uploader(void **state)
{
    (void)state;
    struct image m;
    make_image(&m, "2.0", PAYLOAD_BYTES);
    assert_int_equal(nh_ota_begin(ota, m.len, now_ms), 0);
    assert_int_equal(nh_ota_begin(ota, m.len, now_ms), NH_ERR_BUSY);
    assert_int_equal(nh_ota_take_back(ota), NH_ERR_BUSY);
    assert_int_equal(nh_ota_feed(ota, m.bytes, m.len, now_ms), 0);
    assert_int_equal(nh_ota_end(ota), 0);
    assert_int_equal(nh_ota_begin(ota, m.len, now_ms), NH_ERR_CONFLICT); // it restarts
    assert_int_equal(look().refused_count, 2);
}

// Who stands still makes room; a byte in time keeps it alive.
static void test_stalled(void **state)
{
    (void)state;
    struct image m;
    make_image(&m, "2.0", PAYLOAD_BYTES);
    assert_int_equal(nh_ota_begin(ota, m.len, now_ms), 0);
    assert_int_equal(nh_ota_feed(ota, m.bytes, 300, now_ms), 0);
    pass(14999);
    assert_int_equal(nh_ota_feed(ota, m.bytes + 300, 1, now_ms), 0);
    pass(14999);
    assert_int_equal(look().phase, NH_OTA_RECEIVING);
    pass(1);
    assert_int_equal(look().phase, NH_OTA_FAILED);
    assert_int_equal(look().err, NH_ERR_TIMEOUT);
    assert_int_equal(nh_ota_feed(ota, m.bytes + 301, 1, now_ms), NH_ERR_TIMEOUT);
    assert_int_equal(update("2.0"), 0);
}

static void test_pieces(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 3, 255, 256, 257, 956};
    for (size_t i = 0; i < NH_ARRAY_LEN(pieces); i++) {
        struct image m;
        make_image(&m, "2.0", PAYLOAD_BYTES);
        assert_int_equal(send_image(&m, m.len, pieces[i]), 0);
        reboot();
        pass(5000);
        assert_slot(look().running, "2.0");
    }
}

// A slot whose file is not there, or has another length, is not started.
static void test_file_is_gone(void **state)
{
    (void)state;
    assert_int_equal(update("2.0"), 0);
    assert_int_equal(reboot(), NH_OTA_SLOT_A);
    pass(5000);
    fake_disk_file_remove(&disk, nh_ota_place_file(NH_OTA_SLOT_A));
    assert_int_equal(reboot(), NH_OTA_PROGRAM);
}

static void test_record_is_damaged(void **state)
{
    (void)state;
    assert_int_equal(nh_store_put(store, "slots", "{\"active\":7}", 12), 1);
    assert_int_equal(reboot(), NH_OTA_PROGRAM);
    assert_int_equal(update("2.0"), 0);
    assert_int_equal(reboot(), NH_OTA_SLOT_A);
}

// A disk that takes nothing any more must not start a pending version again and again.
static void test_try_cannot_be_noted(void **state)
{
    (void)state;
    assert_int_equal(update("2.0"), 0);
    stop();
    assert_int_equal(open_store(), 0);
    for (uint32_t call = 1; call < 30; call++) {
        const struct fake_disk_fault fault = {FAKE_DISK_FAIL, call, 0, NH_ERR_NOSPC};
        fake_disk_fault_set(&disk, &fault);
        enum nh_ota_place p = nh_ota_slots_boot(store, fake_disk_fs(&disk));
        if (p == NH_OTA_SLOT_A)
            break; // from here on it was noted
        assert_int_equal(p, NH_OTA_PROGRAM);
    }
    fake_disk_fault_set(&disk, NULL);
    nh_store_destroy(store);
    store = NULL;
    assert_int_equal(start(NH_OTA_SLOT_A), 0);
}

// ---- power cuts ---------------------------------------------------------------------------------

// From here on whatever is started is whole; and a pending one is started once.
static void assert_bootable(const char *from, const char *to)
{
    enum nh_ota_place first = boot();
    if (first != NH_OTA_PROGRAM) {
        const uint8_t *bytes;
        int len = fake_disk_file_get(&disk, nh_ota_place_file(first), &bytes);
        assert_int_equal(len, PAYLOAD_BYTES);
        assert_slot(first, bytes[0] == (uint8_t)to[0] ? to : from);
    }
    enum nh_ota_place second = boot();
    enum nh_ota_place third = boot();
    assert_int_equal(second, third);
}

// Power goes at each call of an update from a confirmed version 2 to 3, with every fate of what
// was not durable.
static void test_power_cut(void **state)
{
    (void)state;
    assert_int_equal(update("2"), 0);
    assert_int_equal(reboot(), NH_OTA_SLOT_A);
    pass(5000);
    stop();
    fake_disk_copy(&before, &disk);
    uint32_t calls = 0;
    for (uint32_t call = 1; calls == 0; call++) {
        for (int kind = FAKE_DISK_CUT_BEFORE; kind <= FAKE_DISK_CUT_AFTER; kind++)
            for (int fate = FAKE_DISK_LOSE; fate <= FAKE_DISK_RANDOM; fate++) {
                fake_disk_copy(&disk, &before);
                assert_int_equal(start(NH_OTA_SLOT_A), 0);
                const struct fake_disk_fault fault = {(enum fake_disk_fault_kind)kind, call, 10, 0};
                fake_disk_fault_set(&disk, &fault);
                int err = update("3");
                bool is_struck = disk.is_struck;
                stop();
                fake_disk_power_cycle(&disk, (enum fake_disk_fate)fate, call);
                assert_bootable("2", "3");
                if (!is_struck) {
                    assert_int_equal(err, 0);
                    calls = call;
                }
            }
    }
    assert_true(calls > 10);
    fake_disk_copy(&disk, &before);
    assert_int_equal(start(NH_OTA_SLOT_A), 0);
}

// Each allocation of start and update fails in turn.
static void test_no_memory(void **state)
{
    (void)state;
    stop();
    int err = NH_ERR_NOMEM;
    for (uint32_t n = 1; err < 0; n++) {
        fake_disk_init(&disk);
        const struct nh_mem_fault fault = {.fail_nth = n};
        nh_mem_fault_set(fix.sys, &fault);
        err = start(NH_OTA_PROGRAM);
        if (err == 0)
            err = update("2.0");
        nh_mem_fault_set(fix.sys, NULL);
        assert_true(err == 0 || err == NH_ERR_NOMEM);
        if (err < 0)
            stop();
        assert_true(n < 50);
    }
    assert_int_equal(reboot(), NH_OTA_SLOT_A);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_update_is_confirmed),
        TEST(test_slots_alternate),
        TEST(test_taken_back),
        TEST(test_not_well),
        TEST(test_back_by_hand),
        TEST(test_refused),
        TEST(test_other_machine),
        TEST(test_more_than_announced),
        TEST(test_second_uploader),
        TEST(test_stalled),
        TEST(test_pieces),
        TEST(test_file_is_gone),
        TEST(test_record_is_damaged),
        TEST(test_try_cannot_be_noted),
        TEST(test_power_cut),
        TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
