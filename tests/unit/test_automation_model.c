// Random configurations, random plays: the invariants hold after each act, and at the end nothing
// is left.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/automation_play.h"
#include "support/rng.h"

#define ROUNDS 400
#define BYTES 1500

static _Alignas(16) uint8_t internal[64 * 1024], psram[2 * 1024 * 1024];

static void leak(void *ctx, const char *owner, enum nh_mem_tier tier, size_t bytes, size_t blocks)
{
    (void)ctx;
    fail_msg("%s holds %zu bytes in %zu blocks of tier %d", owner, bytes, blocks, (int)tier);
}

static void test_plays(void **state)
{
    static struct play p;
    static uint8_t bytes[BYTES];
    (void)state;
    uint64_t started = 0, resumed = 0, steps = 0, sets = 0;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        const struct nh_mem_system_config cfg = {
            .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
        struct rng rng = {seed};
        nh_mem_system_t *sys;
        nh_mem_t *mem;
        assert_int_equal(nh_mem_system_create(&cfg, &sys), NH_OK);
        assert_int_equal(nh_mem_owner_add(sys, "automation", NULL, &mem), NH_OK);
        rng_bytes(&rng, bytes, sizeof bytes);
        play_init(&p, mem);
        play_all(&p, bytes, sizeof bytes);
        started += p.started;
        resumed += p.resumed;
        steps += p.steps;
        sets += p.set_count;
        assert_int_equal(nh_mem_check(sys), NH_OK);
        if (nh_mem_system_destroy(sys, leak, NULL) != 0)
            fail_msg("seed %llu", (unsigned long long)seed);
    }
    // They do play.
    print_message("%u rounds: %u sets, %u instances, %u steps, %u resumed\n", ROUNDS,
                  (unsigned)sets, (unsigned)started, (unsigned)steps, (unsigned)resumed);
    assert_true(sets > ROUNDS && started > 50 * ROUNDS && steps > 100 * ROUNDS && resumed > ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
