// Frames out of packets: what is shown is of one frame, whatever the network does to the packets.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "components/lamp_live/lamp_live_set.h"
#include "support/rng.h"

#define MS 1000
#define PACKET_MAX 40
#define FRAME_US (25 * MS)

// A made-up lamp: one number for each packet's place, that of the frame that it shows.
struct lamp {
    uint32_t buffer[NH_LAMP__SET_MAX_COUNT];
    uint32_t shown, torn, incomplete, late, newest;
    uint32_t place_count;
};

static void show(struct lamp *l)
{
    l->shown++;
    for (uint32_t i = 1; i < l->place_count; i++)
        if (l->buffer[i] != l->buffer[0]) {
            l->torn++;
            return;
        }
    l->newest = l->buffer[0];
}

static void does(struct lamp *l, unsigned what, uint32_t place, uint32_t frame)
{
    l->incomplete += (what & NH_LAMP__LIVE_INCOMPLETE) != 0;
    l->late += (what & NH_LAMP__LIVE_LATE) != 0;
    if (what & NH_LAMP__LIVE_SHOW_BEFORE)
        show(l);
    if (!(what & NH_LAMP__LIVE_LATE) && place < l->place_count)
        l->buffer[place] = frame;
    if (what & NH_LAMP__LIVE_SHOW)
        show(l);
}

// A packet on its way.
struct flying {
    uint32_t place, frame;
    uint8_t sequence;
    bool is_push;
    uint64_t at_us;
};

// Loses, doubles and swaps neighbours; returns how many there are then.
static uint32_t network(struct rng *rng, uint32_t loss_pct, uint32_t other_pct, struct flying *f,
                        uint32_t count)
{
    struct flying out[2 * PACKET_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (rng_below(rng, 100) < loss_pct)
            continue;
        out[n++] = f[i];
        if (rng_below(rng, 100) < other_pct)
            out[n++] = f[i];
        if (n > 1 && rng_below(rng, 100) < other_pct) {
            struct flying t = out[n - 1];
            out[n - 1] = out[n - 2];
            out[n - 2] = t;
        }
    }
    memcpy(f, out, n * sizeof *f);
    return n;
}

// ---- packets with offsets
// ---------------------------------------------------------------------------------------

enum numbers { NUMBERS_NONE, NUMBERS_PACKETS, NUMBERS_FRAMES };
struct range_case {
    const char *name;
    enum numbers numbers;
    bool pushes;
    uint32_t packets, loss_pct, other_pct;
    uint32_t shown_min_pct; // of the frames
};

static void range_play(const struct range_case *c, uint32_t seed, struct lamp *l, uint32_t frames)
{
    struct nh_lamp__range r = {0};
    struct rng rng = {seed};
    uint8_t number = 0;
    uint64_t now_us = 0;
    *l = (struct lamp){.place_count = c->packets};
    for (uint32_t frame = 1; frame <= frames; frame++) {
        struct flying f[2 * PACKET_MAX];
        for (uint32_t i = 0; i < c->packets; i++) {
            if (c->numbers == NUMBERS_PACKETS || (c->numbers == NUMBERS_FRAMES && i == 0))
                number = (uint8_t)(number % 15 + 1);
            f[i] = (struct flying){i, frame, number, c->pushes && i == c->packets - 1, 0};
        }
        // The first frame comes as it was sent.
        uint32_t n =
            frame == 1 ? c->packets : network(&rng, c->loss_pct, c->other_pct, f, c->packets);
        for (uint32_t i = 0; i < n; i++) {
            const struct nh_lamp__range_packet p = {f[i].sequence, f[i].is_push,
                                                    (uint64_t)f[i].place * 1440, 1440};
            does(l, nh_lamp__range_input(&r, &p, now_us + i * 100), f[i].place, f[i].frame);
        }
        now_us += FRAME_US;
        does(l, nh_lamp__range_tick(&r, now_us, 15 * MS), UINT32_MAX, 0);
    }
}

static void test_range_never_torn(void **state)
{
    (void)state;
    static const struct range_case cases[] = {
        {"two packets, clean", NUMBERS_PACKETS, true, 2, 0, 0, 100},
        {"two packets, frames numbered", NUMBERS_FRAMES, true, 2, 0, 0, 100},
        {"two packets, not numbered", NUMBERS_NONE, true, 2, 0, 0, 100},
        {"never pushes", NUMBERS_NONE, false, 2, 0, 0, 99},
        {"never pushes, numbered", NUMBERS_PACKETS, false, 3, 0, 0, 99},
        {"one packet", NUMBERS_PACKETS, true, 1, 0, 0, 100},
        {"one packet, never pushes", NUMBERS_NONE, false, 1, 0, 0, 100},
        {"35 packets", NUMBERS_PACKETS, true, 35, 0, 0, 100},
        {"loss", NUMBERS_PACKETS, true, 2, 10, 0, 75},
        {"heavy loss", NUMBERS_PACKETS, true, 2, 40, 0, 25},
        {"loss, frames numbered", NUMBERS_FRAMES, true, 2, 10, 0, 75},
        {"loss, not numbered", NUMBERS_NONE, true, 2, 10, 0, 75},
        {"loss, never pushes", NUMBERS_NONE, false, 2, 10, 0, 75},
        {"loss of three", NUMBERS_PACKETS, true, 3, 10, 0, 65},
        {"loss of 35", NUMBERS_PACKETS, true, 35, 1, 0, 60},
        {"doubled and swapped", NUMBERS_PACKETS, true, 3, 0, 5, 80},
        {"all of it", NUMBERS_PACKETS, true, 3, 5, 5, 60},
        {"all of it, frames numbered", NUMBERS_FRAMES, true, 3, 5, 5, 60},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(cases); i++)
        for (uint32_t seed = 1; seed <= 20; seed++) {
            struct lamp l;
            range_play(&cases[i], seed, &l, 500);
            if (l.torn > 0 || l.shown < 5 * cases[i].shown_min_pct)
                fail_msg("%s, seed %u: %u torn, %u shown, %u incomplete, %u late", cases[i].name,
                         seed, l.torn, l.shown, l.incomplete, l.late);
        }
}

// ---- universes
// ---------------------------------------------------------------------------------------

struct set_case {
    const char *name;
    enum numbers numbers; // PACKETS: one counter for all universes; FRAMES: one for each
    uint16_t mod;
    uint32_t packets, lamp, loss_pct, other_pct;
    uint32_t shown_min_pct;
};

static void set_play(const struct set_case *c, uint32_t seed, struct lamp *l, uint32_t frames)
{
    struct nh_lamp__set s = {0};
    struct rng rng = {seed};
    uint32_t number = rng_below(&rng, 256);
    uint64_t now_us = 0;
    *l = (struct lamp){.place_count = c->packets};
    for (uint32_t frame = 1; frame <= frames; frame++) {
        struct flying f[2 * PACKET_MAX];
        for (uint32_t i = 0; i < c->packets; i++) {
            if (c->numbers == NUMBERS_PACKETS || i == 0)
                number++;
            uint8_t sequence = (uint8_t)(c->mod == 255 ? number % 255 + 1 : number);
            f[i] = (struct flying){i, frame, sequence, false, 0};
        }
        // The same lost in both of the first two would be a sender who never sends it.
        uint32_t n =
            frame == 2 ? c->packets : network(&rng, c->loss_pct, c->other_pct, f, c->packets);
        for (uint32_t i = 0; i < n; i++) {
            const struct nh_lamp__set_packet p = {.index = (uint16_t)f[i].place,
                                                  .count = (uint16_t)c->lamp,
                                                  .has_sequence = c->numbers != NUMBERS_NONE,
                                                  .sequence = f[i].sequence,
                                                  .sequence_mod = c->mod};
            does(l, nh_lamp__set_input(&s, &p, now_us + i * 100), f[i].place, f[i].frame);
        }
        now_us += FRAME_US;
        does(l, nh_lamp__set_tick(&s, now_us, FRAME_US), UINT32_MAX, 0);
    }
}

static void test_set_never_torn(void **state)
{
    (void)state;
    static const struct set_case cases[] = {
        {"five universes, clean", NUMBERS_FRAMES, 256, 5, 5, 0, 0, 100},
        {"five of a larger lamp", NUMBERS_FRAMES, 256, 5, 8, 0, 0, 99},
        {"Art-Net, one counter", NUMBERS_PACKETS, 255, 5, 5, 0, 0, 100},
        {"Art-Net, a counter each", NUMBERS_FRAMES, 255, 5, 5, 0, 0, 100},
        {"Art-Net, not numbered", NUMBERS_NONE, 255, 5, 5, 0, 0, 100},
        {"one universe", NUMBERS_FRAMES, 256, 1, 1, 0, 0, 100},
        {"loss", NUMBERS_FRAMES, 256, 5, 5, 5, 0, 65},
        {"loss, of a larger lamp", NUMBERS_FRAMES, 256, 5, 8, 5, 0, 65},
        {"heavy loss", NUMBERS_FRAMES, 256, 5, 5, 20, 0, 25},
        {"Art-Net loss, one counter", NUMBERS_PACKETS, 255, 5, 5, 5, 0, 65},
        {"Art-Net loss, a counter each", NUMBERS_FRAMES, 255, 5, 5, 5, 0, 65},
        {"Art-Net loss, not numbered", NUMBERS_NONE, 255, 5, 5, 5, 0, 65},
        {"doubled and swapped", NUMBERS_FRAMES, 256, 5, 5, 0, 5, 95},
        {"all of it", NUMBERS_FRAMES, 256, 5, 5, 5, 5, 60},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(cases); i++)
        for (uint32_t seed = 1; seed <= 20; seed++) {
            struct lamp l;
            set_play(&cases[i], seed, &l, 500);
            if (l.torn > 0 || l.shown < 5 * cases[i].shown_min_pct)
                fail_msg("%s, seed %u: %u torn, %u shown, %u incomplete, %u late", cases[i].name,
                         seed, l.torn, l.shown, l.incomplete, l.late);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_range_never_torn),
        cmocka_unit_test(test_set_never_torn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
