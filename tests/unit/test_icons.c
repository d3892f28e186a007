// The pad's icons: the built-in set, the form of a file, the folder over power cuts, what is held
// in memory, and the routes.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "components/macropad/macropad.h"
#include "support/fake_disk.h"
#include "support/macro_docs.h"
#include "support/rng.h"
#include "support/route_play.h"

static struct macro_memory memory;
static struct fake_disk disk;
static nh_macropad_t *pad;
static uint64_t now_ms;
static unsigned wakes, changes;
static char reply[32768];

// ---- the set -----------------------------------------------------------------------------------

static void test_set(void **state)
{
    static const char *const needed[] = {"volume_up", "mic_off",       "chevron_left",
                                         "play",      "chevron_right", "lock",
                                         "home",      "lightbulb",     "wifi"};
    (void)state;
    assert_true(nh_icon_set_count >= 102);
    for (size_t i = 0; i < nh_icon_set_count; i++) {
        uint8_t mask[NH_ICON_MASK_BYTES + 1];
        size_t covered = 0;
        assert_true(nh_icon_id_is_valid(nh_icon_set[i].id));
        if (i > 0)
            assert_true(strcmp(nh_icon_set[i - 1].id, nh_icon_set[i].id) < 0);
        assert_ptr_equal(nh_icon_set_find(nh_icon_set[i].id), &nh_icon_set[i]);
        mask[NH_ICON_MASK_BYTES] = 0x5A;
        nh_icon_unpack(&nh_icon_set[i], mask);
        assert_int_equal(mask[NH_ICON_MASK_BYTES], 0x5A);
        for (size_t k = 0; k < NH_ICON_MASK_BYTES; k++)
            covered += mask[k] > 127;
        if (covered < 100 || covered > 3000)
            fail_msg("%s covers %u pixels", nh_icon_set[i].id, (unsigned)covered);
    }
    for (size_t i = 0; i < NH_ARRAY_LEN(needed); i++)
        assert_non_null(nh_icon_set_find(needed[i]));
    assert_null(nh_icon_set_find(""));
    assert_null(nh_icon_set_find("zzz"));
    assert_null(nh_icon_set_find("volume"));
}

static void test_unpack(void **state)
{
    static const struct {
        uint8_t packed[4], len;
        uint8_t first, second, last_of_run;
    } rows[] = {
        {{0x00, 0x80}, 2, 0, 255, 0},
        {{0xC1, 0x5A}, 2, 0x55, 0xAA, 0},
        {{0xC2, 0x5A}, 2, 0, 0, 0}, // cut off
        {{0}, 0, 0, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint8_t mask[NH_ICON_MASK_BYTES];
        // In a block of its own, so that a step beyond it is found.
        uint8_t *packed = malloc(rows[i].len ? rows[i].len : 1);
        memcpy(packed, rows[i].packed, rows[i].len);
        nh_icon_unpack(&(struct nh_icon_builtin){"x", packed, rows[i].len}, mask);
        free(packed);
        assert_int_equal(mask[0], rows[i].first);
        assert_int_equal(mask[1], rows[i].second);
        assert_int_equal(mask[NH_ICON_MASK_BYTES - 1], 0);
    }
}

// ---- the form of a file ------------------------------------------------------------------------

static uint8_t blob[NH_ICON_FILE_MAX_BYTES + 64];

// An icon of that size, all pixels of one value. Returns its length.
static size_t make_icon(uint16_t width, uint16_t height, uint8_t value)
{
    uint32_t bytes = (uint32_t)width * height * 3;
    nh_icon_head_write(blob, width, height, NH_ICON_COLOR, bytes);
    memset(blob + NH_ICON_HEAD_BYTES, value, bytes);
    return NH_ICON_HEAD_BYTES + bytes;
}

static enum nh_icon_fault judge(size_t len, size_t piece)
{
    struct nh_icon_reading r;
    enum nh_icon_fault f = NH_ICON_OK;
    nh_icon_reading_init(&r);
    for (size_t at = 0; at < len && f == NH_ICON_OK; at += piece)
        f = nh_icon_reading_take(&r, blob + at, piece < len - at ? piece : len - at);
    return f ? f : nh_icon_reading_end(&r);
}

static void test_file(void **state)
{
    static const struct {
        const char *name;
        uint16_t width, height;
        int at; // changed to `value`; -1: nothing
        uint8_t value;
        int extra; // bytes more than there should be
        enum nh_icon_fault want;
    } rows[] = {
        {"good", 3, 2, -1, 0, 0, NH_ICON_OK},
        {"one pixel", 1, 1, -1, 0, 0, NH_ICON_OK},
        {"wide", 256, 1, -1, 0, 0, NH_ICON_OK},
        {"largest", 256, 256, -1, 0, 0, NH_ICON_OK},
        {"magic", 3, 2, 0, 'X', 0, NH_ICON_BAD_MAGIC},
        {"form 0", 3, 2, 8, 0, 0, NH_ICON_UNSUPPORTED_FORMAT},
        {"form 2", 3, 2, 8, 2, 0, NH_ICON_UNSUPPORTED_FORMAT},
        {"no width", 3, 2, 4, 0, 0, NH_ICON_INVALID_DIMENSIONS},
        {"257 wide", 1, 2, 5, 1, 0, NH_ICON_INVALID_DIMENSIONS},
        {"no height", 3, 2, 6, 0, 0, NH_ICON_INVALID_DIMENSIONS},
        {"length", 3, 2, 12, 19, 0, NH_ICON_UNEXPECTED_SIZE},
        {"huge length", 3, 2, 15, 1, 0, NH_ICON_UNEXPECTED_SIZE},
        {"one byte more", 3, 2, -1, 0, 1, NH_ICON_LENGTH_MISMATCH},
        {"one byte less", 3, 2, -1, 0, -1, NH_ICON_LENGTH_MISMATCH},
        {"no pixels", 3, 2, -1, 0, -18, NH_ICON_LENGTH_MISMATCH},
        {"half a head", 3, 2, -1, 0, -19, NH_ICON_INVALID_BLOB},
        {"nothing", 3, 2, -1, 0, -34, NH_ICON_INVALID_BLOB},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        size_t len = make_icon(rows[i].width, rows[i].height, 7);
        if (rows[i].at >= 0)
            blob[rows[i].at] = rows[i].value;
        len = (size_t)((long)len + rows[i].extra);
        for (size_t piece = 1; piece < 40; piece += 6)
            if (judge(len, piece) != rows[i].want)
                fail_msg("%s in pieces of %u: %s", rows[i].name, (unsigned)piece,
                         nh_icon_fault_text(judge(len, piece)));
        assert_int_equal(judge(len, sizeof blob), rows[i].want);
    }
}

static void test_ids(void **state)
{
    static const struct {
        const char *id;
        bool want;
    } rows[] = {
        {"a", true},
        {"emoji_u1f600", true},
        {"0123456789012345678901234567890", true},
        {"01234567890123456789012345678901", false},
        {"", false},
        {"A", false},
        {"a-b", false},
        {"a.b", false},
        {"../a", false},
        {"a/b", false},
        {"\xc3\xa9", false},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        assert_int_equal(nh_icon_id_is_valid(rows[i].id), rows[i].want);
}

// ---- what is held in memory --------------------------------------------------------------------

static struct nh_icon_cache cache;

static void cache_begin(size_t budget_bytes)
{
    macro_memory_init(&memory);
    memset(&cache, 0, sizeof cache);
    cache.mem = memory.mem;
    cache.budget_bytes = budget_bytes;
    now_ms = 1000;
}

static void cache_end(void)
{
    assert_int_equal(nh_icon_cache_check(&cache), 0);
    nh_icon_cache_deinit(&cache);
    macro_memory_deinit(&memory);
}

static struct nh_icon_cache_entry *get(const char *id)
{
    bool is_wanted;
    struct nh_icon_cache_entry *e = nh_icon_cache_get(&cache, id, now_ms++, &is_wanted);
    assert_int_equal(nh_icon_cache_check(&cache), 0);
    return e;
}

static bool put_color(const char *id, uint16_t side)
{
    uint8_t *pixels = nh_mem_alloc(memory.mem, (size_t)side * side * 3, NH_MEM_BULK);
    assert_non_null(pixels);
    bool is_in = nh_icon_cache_put(&cache, id, side, side, 3, pixels, now_ms++);
    if (!is_in)
        nh_mem_free(memory.mem, pixels);
    assert_int_equal(nh_icon_cache_check(&cache), 0);
    return is_in;
}

// Every icon that there is, again and again: the cache never holds more than its budget, and what
// it held before is freed. (A cache that never gave anything up once took all memory.)
static void test_cache_does_not_grow(void **state)
{
    (void)state;
    cache_begin(NH_KIB(20));
    for (unsigned turn = 0; turn < 5; turn++)
        for (size_t i = 0; i < nh_icon_set_count; i++) {
            struct nh_icon_cache_entry *e = get(nh_icon_set[i].id);
            assert_non_null(e);
            nh_icon_cache_release(&cache, e);
            assert_true(cache.info.bytes <= NH_KIB(20));
        }
    assert_int_equal(cache.info.count, 5);
    assert_int_equal(cache.info.evicted, 5 * nh_icon_set_count - 5);
    assert_true(macro_memory_peak(&memory, NH_MEM_PSRAM) < NH_KIB(22));
    assert_int_equal(macro_memory_peak(&memory, NH_MEM_INTERNAL), 0);
    cache_end();
}

static void test_cache_order(void **state)
{
    (void)state;
    cache_begin(2 * NH_ICON_MASK_BYTES);
    struct nh_icon_cache_entry *play = get("play"), *stop;
    assert_non_null(play);
    nh_icon_cache_release(&cache, play);
    stop = get("stop");
    nh_icon_cache_release(&cache, stop);
    nh_icon_cache_release(&cache, get("play")); // stop is the oldest now
    nh_icon_cache_release(&cache, get("lock"));
    assert_int_equal(cache.info.hits, 1);
    nh_icon_cache_release(&cache, get("play"));
    assert_int_equal(cache.info.hits, 2);
    nh_icon_cache_release(&cache, get("stop"));
    assert_int_equal(cache.info.hits, 2);
    cache_end();
}

// What is held stays where it is, whatever else is asked for.
static void test_cache_held(void **state)
{
    (void)state;
    cache_begin(2 * NH_ICON_MASK_BYTES);
    struct nh_icon_cache_entry *play = get("play"), *stop = get("stop");
    const uint8_t *pixels = play->pixels;
    uint8_t copy[NH_ICON_MASK_BYTES];
    memcpy(copy, pixels, sizeof copy);
    assert_null(get("lock"));
    assert_int_equal(cache.info.full, 1);
    assert_ptr_equal(get("play"), play); // twice
    nh_icon_cache_release(&cache, play);
    assert_null(get("lock"));
    nh_icon_cache_release(&cache, stop);
    struct nh_icon_cache_entry *lock = get("lock");
    assert_non_null(lock);
    assert_memory_equal(pixels, copy, sizeof copy);
    nh_icon_cache_release(&cache, play);
    nh_icon_cache_release(&cache, lock);
    cache_end();
}

// Another icon of the same name: whoever paints the old one keeps it, everybody else gets the new.
static void test_cache_replaced(void **state)
{
    (void)state;
    cache_begin(NH_KIB(8));
    assert_true(put_color("user_a", 8));
    struct nh_icon_cache_entry *old = get("user_a");
    assert_int_equal(old->width, 8);
    nh_icon_cache_forget(&cache, "user_a");
    assert_null(get("user_a"));
    assert_true(put_color("user_a", 4));
    struct nh_icon_cache_entry *new = get("user_a");
    assert_int_equal(new->width, 4);
    assert_int_equal(old->width, 8);
    nh_icon_cache_release(&cache, old);
    assert_int_equal(cache.info.count, 1);
    nh_icon_cache_release(&cache, new);
    nh_icon_cache_put_missing(&cache, "user_b", now_ms);
    bool is_wanted = true;
    assert_null(nh_icon_cache_get(&cache, "user_b", now_ms, &is_wanted));
    assert_false(is_wanted);
    nh_icon_cache_forget(&cache, NULL);
    assert_int_equal(cache.info.count, 0);
    assert_null(nh_icon_cache_get(&cache, "user_b", now_ms, &is_wanted));
    assert_true(is_wanted);
    assert_null(nh_icon_cache_get(&cache, "", now_ms, &is_wanted));
    assert_false(is_wanted);
    cache_end();
}

// Icons that do not fit on a screen together do not push each other out at every frame.
static void test_cache_rest(void **state)
{
    (void)state;
    cache_begin(NH_ICON_MASK_BYTES);
    cache.rest_ms = 300;
    nh_icon_cache_release(&cache, get("play"));
    assert_null(get("stop"));
    now_ms += 300;
    struct nh_icon_cache_entry *stop = get("stop");
    assert_non_null(stop);
    nh_icon_cache_release(&cache, stop);
    assert_false(put_color("user_big", 100)); // more than all of it
    cache_end();
}

static void test_cache_random(void **state)
{
    struct nh_icon_cache_entry *held[8] = {NULL};
    struct rng rng = {57};
    (void)state;
    cache_begin(NH_KIB(30));
    for (unsigned n = 0; n < 20000; n++) {
        uint32_t what = rng_below(&rng, 8), slot = rng_below(&rng, 8);
        char id[16];
        snprintf(id, sizeof id, "user_%u", (unsigned)rng_below(&rng, 70));
        if (held[slot]) {
            nh_icon_cache_release(&cache, held[slot]);
            held[slot] = NULL;
        } else if (what < 3) {
            held[slot] = get(nh_icon_set[rng_below(&rng, (uint32_t)nh_icon_set_count)].id);
        } else if (what < 5) {
            held[slot] = get(id);
        } else if (what == 5) {
            put_color(id, (uint16_t)(1 + rng_below(&rng, 40)));
        } else if (what == 6) {
            nh_icon_cache_put_missing(&cache, id, now_ms);
        } else {
            nh_icon_cache_forget(&cache, rng_below(&rng, 50) ? id : NULL);
        }
        assert_int_equal(nh_icon_cache_check(&cache), 0);
    }
    for (size_t i = 0; i < NH_ARRAY_LEN(held); i++)
        if (held[i])
            nh_icon_cache_release(&cache, held[i]);
    cache_end();
}

static void test_cache_no_memory(void **state)
{
    (void)state;
    cache_begin(NH_KIB(30));
    nh_mem_fault_set(memory.sys, &(struct nh_mem_fault){.fail_nth = 1});
    assert_null(get("play"));
    nh_mem_fault_set(memory.sys, NULL);
    assert_int_equal(cache.info.no_memory, 1);
    struct nh_icon_cache_entry *e = get("play");
    assert_non_null(e);
    nh_icon_cache_release(&cache, e);
    cache_end();
}

// ---- the pad -----------------------------------------------------------------------------------

static uint64_t clock_ms(void)
{
    return now_ms;
}

static void wake(void *ctx)
{
    (void)ctx;
    wakes++;
}

static void changed(void *ctx)
{
    (void)ctx;
    changes++;
}

static uint64_t icon_max_bytes; // 0: the default

static void open_pad(bool has_files)
{
    struct nh_macropad_config cfg = {.mem = memory.mem,
                                     .icon_dir = "icons",
                                     .icon_max_count = 4,
                                     .icon_max_bytes = icon_max_bytes,
                                     .icon_cache_bytes = NH_KIB(16),
                                     .upload_timeout_ms = 5000,
                                     .clock_ms = clock_ms,
                                     .screens = {.changed = changed},
                                     .out = {.wake = wake}};
    if (has_files)
        cfg.fs = fake_disk_fs(&disk);
    assert_int_equal(nh_macropad_create(&cfg, &pad), 0);
    assert_int_equal(nh_macropad_start(pad), 0);
}

static int setup(void **state)
{
    (void)state;
    macro_memory_init(&memory);
    fake_disk_init(&disk);
    now_ms = 1000;
    wakes = changes = 0;
    open_pad(true);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_macropad_destroy(pad);
    macro_memory_deinit(&memory);
    assert_int_equal(fake_disk_open_count(&disk), 0);
    return 0;
}

static int ask(const char *method, const char *path, const char *query)
{
    struct nh_route_table t = nh_macropad_routes(pad);
    return route_ask(&t, memory.mem, method, path, query, NULL, reply, sizeof reply);
}

// Sends what is in `blob` in pieces. Returns the status.
static int install_pieces(const char *query, size_t len, size_t piece)
{
    struct nh_route_table t = nh_macropad_routes(pad);
    struct route_play p;
    route_begin(&p, &t, memory.mem, "POST", "/api/icons/install", query);
    for (size_t at = 0; at < len; at += piece)
        route_piece(&p, blob + at, piece < len - at ? piece : len - at);
    int status = route_finish(&p);
    route_read(&p, reply, sizeof reply, 600);
    route_end(&p);
    return status;
}

static int install(const char *id, uint16_t side, uint8_t value)
{
    char query[64];
    snprintf(query, sizeof query, "id=%s", id);
    return install_pieces(query, make_icon(side, side, value), 100);
}

static void assert_message(int status, int want, const char *message)
{
    char text[160];
    snprintf(text, sizeof text, "{\"success\":false,\"message\":\"%s\",", message);
    if (status != want || strncmp(reply, text, strlen(text)) != 0)
        fail_msg("%d instead of %d: %s", status, want, reply);
}

static void test_install_and_show(void **state)
{
    struct nh_macropad_icon icon;
    (void)state;
    assert_int_equal(install("user_a", 8, 7), 200);
    assert_string_equal(reply, "{\"success\":true}\n");
    uint32_t revision = nh_macropad_revision(pad);
    assert_int_equal(changes, 1);
    // It is not in memory yet: the owner reads it, then it is there.
    assert_false(nh_macropad_icon(pad, "user_a", &icon));
    assert_false(nh_macropad_icon(pad, "user_a", &icon));
    assert_int_equal(wakes, 1);
    nh_macropad_drain(pad);
    assert_int_not_equal(nh_macropad_revision(pad), revision);
    assert_int_equal(changes, 2);
    assert_true(nh_macropad_icon(pad, "user_a", &icon));
    assert_int_equal(icon.width * 1000 + icon.height, 8008);
    assert_false(icon.is_mask);
    assert_int_equal(icon.pixels[0], 7);
    assert_int_equal(icon.pixels[8 * 8 * 3 - 1], 7);
    // Another one of that name is shown at once, not after the next start; who holds the old one
    // keeps it.
    assert_int_equal(install("user_a", 4, 9), 200);
    assert_int_equal(icon.pixels[8 * 8 * 3 - 1], 7);
    struct nh_macropad_icon fresh;
    assert_false(nh_macropad_icon(pad, "user_a", &fresh));
    nh_macropad_drain(pad);
    assert_true(nh_macropad_icon(pad, "user_a", &fresh));
    assert_int_equal(fresh.pixels[0], 9);
    nh_macropad_icon_release(pad, &icon);
    nh_macropad_icon_release(pad, &fresh);
    // One that is not there is looked for once.
    assert_false(nh_macropad_icon(pad, "user_none", &icon));
    nh_macropad_drain(pad);
    wakes = 0;
    assert_false(nh_macropad_icon(pad, "user_none", &icon));
    assert_int_equal(wakes, 0);
    assert_int_equal(install("user_none", 4, 1), 200);
    assert_false(nh_macropad_icon(pad, "user_none", &icon));
    assert_int_equal(wakes, 1);
    nh_macropad_drain(pad);
    assert_true(nh_macropad_icon(pad, "play", &icon));
    assert_true(icon.is_mask);
    nh_macropad_icon_release(pad, &icon);
    assert_false(nh_macropad_icon(pad, "an_id_that_is_longer_than_any_may_be", &icon));
}

static void test_install_refusals(void **state)
{
    (void)state;
    size_t len = make_icon(4, 4, 1);
    assert_message(install_pieces(NULL, len, 10), 400, "Missing id");
    assert_message(install_pieces("id=", len, 10), 400, "Missing id");
    assert_message(install_pieces("id=../x", len, 10), 400,
                   "Invalid icon id (expected [a-z0-9_]+)");
    assert_message(install_pieces("id=A", len, 10), 400, "Invalid icon id (expected [a-z0-9_]+)");
    assert_message(install_pieces("id=a", 0, 10), 400, "Invalid body size");
    assert_message(install_pieces("id=a", 5, 2), 400, "Invalid blob");
    assert_message(install_pieces("id=a", len - 1, 10), 400, "Blob length mismatch");
    assert_message(install_pieces("id=a", len + 1, 10), 400, "Blob length mismatch");
    blob[8] = 9;
    assert_message(install_pieces("id=a", len, 10), 400, "Unsupported format");
    blob[0] = 0;
    assert_message(install_pieces("id=a", len, 10), 400, "Bad magic");
    assert_int_equal(fake_disk_file_count(&disk), 0); // nothing is left of any
    make_icon(256, 256, 1);
    assert_message(install_pieces("id=a", NH_ICON_FILE_MAX_BYTES + 1, 4096), 400,
                   "Short write"); // this disk is small
    for (unsigned i = 0; i < 4; i++) {
        char id[4] = {'a', (char)('0' + i), '\0'};
        assert_int_equal(install(id, 2, 1), 200);
    }
    assert_message(install("b", 2, 1), 507,
                   "So many icons, or bytes of them, are installed already");
    assert_int_equal(install("a0", 3, 1), 200); // one that is replaced takes no more room
    nh_macropad_destroy(pad);
    open_pad(false);
    assert_message(install("a", 2, 1), 400, "Icons not supported on this target");
    assert_message(ask("POST", "/api/icons/gc", NULL), 400, "Icons not supported on this target");
    assert_int_equal(ask("GET", "/api/icons/installed", NULL), 200);
    assert_string_equal(reply, "{\"success\":true,\"source\":\"ffat\",\"icons\":[]}");
}

// An icon of 2 x 2 has 28 bytes: the last one counts with its own.
static void test_install_bytes(void **state)
{
    static const struct {
        uint64_t max_bytes;
        int status;
    } rows[] = {{84, 200}, {83, 507}, {57, 507}};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        nh_macropad_destroy(pad);
        icon_max_bytes = rows[i].max_bytes;
        open_pad(true);
        icon_max_bytes = 0;
        assert_int_equal(install("a", 2, 1), 200);
        assert_int_equal(install("b", 2, 1), 200);
        assert_int_equal(install("c", 2, 1), rows[i].status);
        assert_int_equal(install("b", 2, 2), 200); // in the place of the one before
        assert_int_equal(ask("DELETE", "/api/icons/installed", "id=a"), 200);
        assert_int_equal(ask("DELETE", "/api/icons/installed", "id=b"), 200);
        if (rows[i].status == 200)
            assert_int_equal(ask("DELETE", "/api/icons/installed", "id=c"), 200);
    }
}

static void test_install_lock(void **state)
{
    struct nh_route_table t = nh_macropad_routes(pad);
    struct route_play slow;
    (void)state;
    size_t len = make_icon(4, 4, 1);
    route_begin(&slow, &t, memory.mem, "POST", "/api/icons/install", "id=slow");
    route_piece(&slow, blob, 20);
    assert_message(install("b", 4, 2), 409, "Another icon install is in progress");
    route_end(&slow); // gone
    assert_int_equal(install("b", 4, 2), 200);
    make_icon(4, 4, 1);
    route_begin(&slow, &t, memory.mem, "POST", "/api/icons/install", "id=slow");
    route_piece(&slow, blob, 20);
    now_ms += 4999;
    assert_int_equal(install("b", 4, 2), 409);
    now_ms += 1;
    assert_int_equal(install("b", 4, 2), 200);
    route_piece(&slow, blob + 20, len - 20);
    assert_int_equal(route_finish(&slow), 409);
    route_end(&slow);
    assert_int_equal(fake_disk_file_count(&disk), 1);
    struct nh_macropad_info info;
    nh_macropad_info(pad, &info);
    assert_int_equal(info.icons_busy, 3);
    assert_int_equal(info.icons_abandoned, 1);
}

// To the very end, a byte at a time: a stream that does not end was once a fault here.
static void test_lists_end(void **state)
{
    static const char *const paths[] = {"/api/icons", "/api/icons/installed"};
    struct nh_route_table t = nh_macropad_routes(pad);
    struct route_play p;
    (void)state;
    assert_int_equal(install("user_a", 2, 1), 200);
    assert_int_equal(install("emoji_b", 2, 1), 200);
    for (size_t i = 0; i < NH_ARRAY_LEN(paths); i++) {
        static char bytewise[sizeof reply];
        assert_int_equal(ask("GET", paths[i], NULL), 200);
        route_begin(&p, &t, memory.mem, "GET", paths[i], NULL);
        assert_int_equal(route_finish(&p), 200);
        route_read(&p, bytewise, sizeof bytewise, 1);
        bool last = false;
        char more;
        assert_int_equal(nh_exchange_read(&p.x, &more, 1, &last), 0);
        assert_true(last);
        route_end(&p);
        assert_string_equal(bytewise, reply);
    }
    assert_non_null(strstr(reply, "{\"id\":\"user_a\",\"kind\":\"color\"}"));
    assert_int_equal(ask("GET", "/api/icons", NULL), 200);
    static const char first[] = "{\"icons\":[{\"id\":\"add\",\"kind\":\"mask\"},";
    static const char last_one[] = ",{\"id\":\"zoom_out\",\"kind\":\"mask\"}]}";
    assert_memory_equal(reply, first, sizeof first - 1);
    assert_string_equal(reply + strlen(reply) - (sizeof last_one - 1), last_one);
}

static void test_data(void **state)
{
    struct nh_route_table t = nh_macropad_routes(pad);
    struct route_play p;
    (void)state;
    size_t len = make_icon(16, 16, 3);
    assert_int_equal(install_pieces("id=user_a", len, 100), 200);
    route_begin(&p, &t, memory.mem, "GET", "/api/icons/data", "id=user_a");
    assert_int_equal(route_finish(&p), 200);
    assert_int_equal(route_read(&p, reply, sizeof reply, 100), len);
    route_end(&p);
    assert_memory_equal(reply, blob, len);
    route_begin(&p, &t, memory.mem, "GET", "/api/icons/data", "id=play");
    assert_int_equal(route_finish(&p), 200);
    assert_int_equal(route_read(&p, reply, sizeof reply, 1000), 16 + NH_ICON_MASK_BYTES);
    route_end(&p);
    assert_int_equal(reply[8], NH_ICON_MASK);
    assert_int_equal(ask("GET", "/api/icons/data", "id=nobody"), 404);
    assert_int_equal(ask("GET", "/api/icons/data", "id=..%2Fx"), 404);
    assert_int_equal(ask("GET", "/api/icons/data", NULL), 400);
}

// Puts a button with this icon on every screen's last slot.
static void use_icon(const char *type, const char *id)
{
    static struct macro_doc doc;
    nh_macro_decoder_t d;
    nh_macro_set_t *set;
    char button[128];
    snprintf(button, sizeof button,
             "{\"action\":\"go_back\",\"icon\":{\"type\":\"%s\",\"id\":\"%s\"}}", type, id);
    macro_doc_of(&doc, button);
    assert_int_equal(macro_doc_decode(&memory, &d, doc.text, doc.len, 0, &set), 0);
    assert_int_equal(nh_macropad_apply(pad, set, 0), 0);
    nh_macro_set_unref(set);
}

static void test_sweep(void **state)
{
    (void)state;
    assert_int_equal(install("user_a", 2, 1), 200);
    assert_int_equal(install("emoji_b", 2, 1), 200);
    assert_int_equal(install("kept", 2, 1), 200); // of another name: nobody's to sweep
    use_icon("asset", " User-A ");
    assert_int_equal(ask("POST", "/api/icons/gc", NULL), 200);
    assert_string_equal(reply, "{\"success\":true,\"deleted\":1,\"bytes_freed\":28}\n");
    use_icon("builtin", "user_a"); // not as an asset
    assert_int_equal(ask("POST", "/api/icons/gc", NULL), 200);
    assert_string_equal(reply, "{\"success\":true,\"deleted\":1,\"bytes_freed\":28}\n");
    assert_int_equal(ask("POST", "/api/icons/gc", NULL), 200);
    assert_string_equal(reply, "{\"success\":true,\"deleted\":0,\"bytes_freed\":0}\n");
    assert_int_equal(ask("DELETE", "/api/icons/installed", "id=kept"), 200);
    assert_int_equal(ask("DELETE", "/api/icons/installed", "id=kept"), 404);
    assert_int_equal(ask("DELETE", "/api/icons/installed", NULL), 400);
    assert_int_equal(fake_disk_file_count(&disk), 0);
}

// ---- power cuts --------------------------------------------------------------------------------

static void assert_whole(const char *id, uint8_t old, uint8_t new)
{
    struct nh_macropad_icon icon;
    if (!nh_macropad_icon(pad, id, &icon)) {
        nh_macropad_drain(pad);
        assert_true(nh_macropad_icon(pad, id, &icon));
    }
    uint8_t value = icon.pixels[0];
    assert_true(value == old || value == new);
    for (size_t i = 0; i < (size_t)icon.width * icon.height * 3; i++)
        assert_int_equal(icon.pixels[i], value);
    nh_macropad_icon_release(pad, &icon);
}

static void test_power_cut(void **state)
{
    static struct fake_disk before;
    (void)state;
    assert_int_equal(install("user_a", 16, 1), 200);
    fake_disk_copy(&before, &disk);
    fake_disk_fault_set(&disk, NULL);
    assert_int_equal(install("user_a", 18, 2), 200);
    uint32_t calls = disk.call_count;
    assert_true(calls > 8);
    for (uint32_t n = 0; n < calls * 8; n++) {
        const struct fake_disk_fault fault = {.kind = n / calls % 2 ? FAKE_DISK_CUT_AFTER
                                                                    : FAKE_DISK_CUT_BEFORE,
                                              .call = n % calls + 1};
        static const enum fake_disk_fate fates[] = {FAKE_DISK_LOSE, FAKE_DISK_KEEP,
                                                    FAKE_DISK_PREFIX, FAKE_DISK_RANDOM};
        fake_disk_copy(&disk, &before);
        fake_disk_fault_set(&disk, &fault);
        int status = install("user_a", 18, 2);
        nh_macropad_destroy(pad);
        fake_disk_power_cycle(&disk, fates[n / calls / 2], n);
        fake_disk_fault_set(&disk, NULL);
        open_pad(true);
        assert_whole("user_a", status == 200 ? 2 : 1, 2);
        assert_int_equal(fake_disk_file_count(&disk), 1); // nothing that was on its way is left
    }
}

static void test_disk_refuses(void **state)
{
    (void)state;
    assert_int_equal(install("user_a", 16, 1), 200);
    fake_disk_fault_set(&disk, NULL);
    assert_int_equal(install("user_a", 16, 1), 200);
    uint32_t calls = disk.call_count;
    for (uint32_t call = 1; call <= calls; call++) {
        fake_disk_fault_set(&disk, &(struct fake_disk_fault){
                                       .kind = FAKE_DISK_FAIL, .call = call, .err = NH_ERR_NOSPC});
        int status = install("user_a", 18, 2);
        fake_disk_fault_set(&disk, NULL);
        assert_whole("user_a", 1, 2);
        assert_true(status == 200 || status == 400);
        assert_int_equal(install("user_a", 16, 1), 200);
        assert_int_equal(fake_disk_file_count(&disk), 1);
    }
}

static void test_each_allocation_fails(void **state)
{
    struct nh_macropad_icon icon;
    (void)state;
    for (uint64_t n = 1;; n++) {
        nh_mem_fault_set(memory.sys, &(struct nh_mem_fault){.fail_nth = n});
        int status = install("user_a", 8, 1);
        bool is_there = nh_macropad_icon(pad, "user_a", &icon);
        if (!is_there) {
            nh_macropad_drain(pad);
            is_there = nh_macropad_icon(pad, "user_a", &icon);
        }
        nh_mem_fault_set(memory.sys, NULL);
        if (is_there)
            nh_macropad_icon_release(pad, &icon);
        if (status == 200 && is_there && n > 3)
            return;
        assert_true(n < 40);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_unpack),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_cache_does_not_grow),
        cmocka_unit_test(test_cache_order),
        cmocka_unit_test(test_cache_held),
        cmocka_unit_test(test_cache_replaced),
        cmocka_unit_test(test_cache_rest),
        cmocka_unit_test(test_cache_random),
        cmocka_unit_test(test_cache_no_memory),
        cmocka_unit_test_setup_teardown(test_install_and_show, setup, teardown),
        cmocka_unit_test_setup_teardown(test_install_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_install_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_install_lock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lists_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_data, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sweep, setup, teardown),
        cmocka_unit_test_setup_teardown(test_power_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_disk_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_allocation_fails, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
