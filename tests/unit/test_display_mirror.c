// What a watcher is told, put together again, is what the panel shows: at any size, from any point
// on, however much changes meanwhile.

#include "linux_fixture.h"

#include "components/display/display_mirror.h"

#define W 100
#define H 70
#define PIXELS (W * H)

static struct linux_fixture fx;
static nh_display__mirror_t *m;
static uint16_t want[PIXELS];
static uint32_t seed;

static int setup(void **state)
{
    (void)state;
    fixture_start(&fx);
    assert_int_equal(nh_display__mirror_create(fx.mem, W, H, &m), 0);
    memset(want, 0, sizeof want);
    seed = 1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_display__mirror_destroy(m);
    fixture_stop(&fx);
    return 0;
}

static uint32_t rnd(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % below;
}

static unsigned u16(const uint8_t *p)
{
    return p[0] | (unsigned)p[1] << 8;
}

// A client's side, from the description of the format alone.
static unsigned unpack(const uint8_t *in, size_t len, uint16_t *frame)
{
    unsigned tiles = 0;
    assert_int_equal(in[0], 1);
    assert_int_equal(u16(in + 1), W);
    assert_int_equal(u16(in + 3), H);
    size_t at = 5;
    for (; at < len; tiles++) {
        unsigned x = u16(in + at), y = u16(in + at + 2), w = in[at + 4], h = in[at + 5], n = 0;
        size_t end = at + 8 + u16(in + at + 6);
        assert_true(end <= len && x + w <= W && y + h <= H);
        for (at += 8; at < end;) {
            unsigned b = in[at++], count = b < 128 ? b + 1 : b - 126;
            for (unsigned i = 0; i < count; i++, n++) {
                assert_true(n < w * h);
                frame[(y + n / w) * W + x + n % w] = (uint16_t)u16(in + at);
                at += b < 128 ? 2 : 0;
            }
            at += b < 128 ? 0 : 2;
        }
        assert_int_equal(at, end);
        assert_int_equal(n, w * h);
    }
    assert_int_equal(at, len);
    return tiles;
}

static bool paint(struct nh_rect at, bool is_noise)
{
    static uint16_t part[(W + 3) * H];
    uint16_t color = (uint16_t)rnd(65536);
    bool differs = false;
    for (int y = 0; y < at.h; y++)
        for (int x = 0; x < at.w; x++) {
            uint16_t v = is_noise ? (uint16_t)rnd(65536) : color;
            size_t i = (size_t)(at.y + y) * W + (size_t)(at.x + x);
            part[y * (at.w + 3) + x] = v;
            differs |= want[i] != v;
            want[i] = v;
        }
    bool told = nh_display__mirror_put(m, at, part, (size_t)at.w + 3);
    assert_int_equal(told, differs);
    return told;
}

static void test_watchers_see_it(void **state)
{
    static uint16_t seen[3][PIXELS];
    uint64_t since[3] = {0, 0, 0};
    static const size_t caps[3] = {NH_DISPLAY__MESSAGE_MIN_BYTES, 4095, 20000};
    (void)state;
    memset(seen, 0xEE, sizeof seen);
    for (int round = 0; round < 3000; round++) {
        int x = (int)rnd(W), y = (int)rnd(H);
        struct nh_rect at = nh_rect_of(x, y, x + 1 + (int)rnd((uint32_t)(W - x)),
                                       y + 1 + (int)rnd((uint32_t)(H - y)) / 4);
        at = nh_rect_meet(at, (struct nh_rect){0, 0, W, H});
        paint(at, round % 3 == 0);
        for (size_t k = 0; k < 3; k++) { // the first is asked seldom, the last often
            static uint8_t message[20000];
            uint64_t version = since[k];
            if (rnd(4) > k + 1)
                continue;
            size_t len = nh_display__mirror_write(m, since[k], message, caps[k], &version);
            assert_true(len <= caps[k]);
            assert_int_equal(len > 0, since[k] != nh_display__mirror_version(m));
            if (len)
                assert_true(unpack(message, len, seen[k]) > 0 && version > since[k]);
            since[k] = version;
        }
    }
    for (size_t k = 0; k < 3; k++) {
        static uint8_t message[20000];
        while (nh_display__mirror_version(m) != since[k]) {
            size_t len = nh_display__mirror_write(m, since[k], message, caps[k], &since[k]);
            unpack(message, len, seen[k]);
        }
        assert_memory_equal(seen[k], want, sizeof want);
    }
}

static void test_only_what_changed(void **state)
{
    static uint8_t message[20000];
    static uint16_t seen[PIXELS];
    uint64_t version;
    (void)state;
    paint((struct nh_rect){0, 0, W, H}, true);
    uint64_t since = nh_display__mirror_version(m);
    assert_int_equal(nh_display__mirror_write(m, since, message, sizeof message, &version), 0);
    assert_false(nh_display__mirror_put(m, (struct nh_rect){0, 0, W, H}, want, W)); // the same
    assert_int_equal(nh_display__mirror_version(m), since);
    nh_display__mirror_copy(m, seen);
    assert_memory_equal(seen, want, sizeof want);
    paint((struct nh_rect){33, 33, 4, 4}, false);
    size_t len = nh_display__mirror_write(m, since, message, sizeof message, &version);
    assert_int_equal(unpack(message, len, seen), 1);
    assert_memory_equal(seen, want, sizeof want);
    assert_false(nh_display__mirror_put(m, (struct nh_rect){5, 5, 0, 3}, want, W));
}

static void test_flat_is_small(void **state)
{
    static uint8_t message[20000];
    uint64_t version;
    (void)state;
    paint((struct nh_rect){0, 0, W, H}, false);
    size_t len = nh_display__mirror_write(m, 0, message, sizeof message, &version);
    assert_true(len < 600); // of 14 KB
}

static void test_no_memory(void **state)
{
    nh_display__mirror_t *other;
    (void)state;
    nh_mem_fault_set(fx.sys, &(struct nh_mem_fault){.fail_nth = 1});
    assert_int_equal(nh_display__mirror_create(fx.mem, W, H, &other), NH_ERR_NOMEM);
    assert_null(other);
    nh_mem_fault_set(fx.sys, NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_watchers_see_it),
        TEST(test_only_what_changed),
        TEST(test_flat_is_small),
        TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
