// Messages, flags, operators, applies, crashes, a store that is slow or refuses, and time, over a
// room. A play has to be quick: the memory system and a library of small random configurations are
// made once; the limits are low, so that they are met and no act takes long.

#include <stdint.h>
#include <stdlib.h>

#include "support/automation_play.h"
#include "support/rng.h"

#define INTERNAL_BYTES NH_KIB(16)
#define PSRAM_BYTES NH_KIB(128)
#define SETS_BYTES NH_KIB(512)
#define LEN_MAX 256u // what is behind has no part in it
#define SET_COUNT 64
#define SCENARIO_COUNT 4
#define DICE_MAX_BYTES 64 // of a configuration: what they do not say has no steps

static const struct nh_automation_limits limits = {.instance_max_count = PLAY_INSTANCE_MAX,
                                                   .flag_max_count = 8,
                                                   .variable_max_count = 4,
                                                   .value_max_bytes = 128,
                                                   .local_max_bytes = 256,
                                                   .text_max_bytes = PLAY_VALUE_MAX,
                                                   .turn_max_steps = 8,
                                                   .call_max_turns = 8,
                                                   .publish_max_per_s = 50,
                                                   .flood_max_count = 20,
                                                   .on_stop_max_steps = 8,
                                                   .filter_max_count = 16,
                                                   .inbox_max_bytes = 1024,
                                                   .trace_bytes = 256,
                                                   .trace_total_bytes = 1024,
                                                   .log_max_count = 8,
                                                   .journal_max_count = 16};

static nh_mem_system_t *sys;
static nh_mem_t *mem;
static struct play p;
static nh_device_set_t *sets[SET_COUNT];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void make_sets(void)
{
    uint8_t dice[DICE_MAX_BYTES];
    uint32_t count = 0;
    for (uint64_t seed = 1; count < SET_COUNT; seed++) {
        struct rng rng = {seed};
        rng_bytes(&rng, dice, sizeof dice);
        play_init(&p, mem);
        p.scenario_count = SCENARIO_COUNT;
        p.bytes = dice;
        p.len = DICE_MAX_BYTES / 2 + seed % (DICE_MAX_BYTES / 2);
        sets[count] = play_set(&p);
        count += sets[count] != NULL;
    }
}

static nh_mem_system_t *make_system(void *internal, void *psram, size_t psram_bytes, nh_mem_t **out)
{
    const struct nh_mem_system_config cfg = {
        .region = {{internal, INTERNAL_BYTES}, {psram, psram_bytes}}};
    nh_mem_system_t *made;
    if (nh_mem_system_create(&cfg, &made) < 0 || nh_mem_owner_add(made, "fuzz", NULL, out) < 0)
        abort();
    return made;
}

// Two systems: a play's is empty after it, and so quick to check.
static void make_all(void)
{
    static _Alignas(16) uint8_t memory[2][INTERNAL_BYTES], psram[PSRAM_BYTES], of_sets[SETS_BYTES];
    (void)make_system(memory[0], of_sets, sizeof of_sets, &mem);
    make_sets();
    sys = make_system(memory[1], psram, sizeof psram, &mem);
}

static size_t blocks_in_use(void)
{
    struct nh_mem_owner_info i;
    if (nh_mem_owner_info(sys, 1, &i) < 0 || strcmp(i.name, "fuzz") != 0)
        abort();
    return i.tier[NH_MEM_INTERNAL].current_blocks + i.tier[NH_MEM_PSRAM].current_blocks;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (!sys)
        make_all();
    play_init(&p, mem);
    p.scenario_count = SCENARIO_COUNT;
    p.library = sets;
    p.library_count = SET_COUNT;
    p.limits = &limits;
    p.act_count = 32;
    p.big_count = 4;
    p.tick_max = 32;
    p.go_max_ms = 24;
    play_all(&p, data, len < LEN_MAX ? len : LEN_MAX);
    if (blocks_in_use() != 0 || nh_mem_check(sys) < 0)
        abort();
    return 0;
}
