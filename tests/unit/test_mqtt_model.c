// Random clients of a live broker, held against a model of what it owes them.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/mqtt_play.h"
#include "support/rng.h"
#include "support/test_memory.h"

static struct play play;
static struct rng rng;
static uint64_t seed;

static uint32_t choose(void *ctx, uint32_t n)
{
    (void)ctx;
    return rng_below(&rng, n);
}

static void failed(const char *what, const char *where)
{
    fail_msg("seed %u: %s (%s)", (unsigned)seed, what, where);
}

static void play_one(uint64_t of, bool has_v5, bool is_rough, unsigned steps)
{
    struct play_config cfg = {
        .is_rough = is_rough, .has_v5 = has_v5, .choose = choose, .fail = failed};
    for (int tier = 0; tier < NH_MEM_TIER_COUNT; tier++)
        cfg.region[tier] = nh_test_region(tier, &cfg.region_bytes[tier]);
    seed = of;
    rng.state = of;
    play_begin(&play, &cfg);
    for (unsigned i = 0; i < steps; i++)
        play_step(&play);
    play_end(&play);
}

static void test_against_model(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 10; i++)
        play_one(i, true, false, 1000);
}

static void test_against_model_v4(void **state)
{
    (void)state;
    for (uint64_t i = 101; i <= 105; i++)
        play_one(i, false, false, 1000);
}

static void test_rough(void **state)
{
    (void)state;
    for (uint64_t i = 201; i <= 210; i++)
        play_one(i, true, true, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_model),
        cmocka_unit_test(test_against_model_v4),
        cmocka_unit_test(test_rough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
