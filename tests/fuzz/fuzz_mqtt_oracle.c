// A few clients of both versions whom the input tells what to do, held against a model of what the
// broker owes them (tests/support/mqtt_play.h, mqtt_model.h): every delivery, its QoS, RETAIN, DUP
// and packet id, session present, wills, shares, expiry.
//
// The first byte chooses: 1: rough (limits, no memory, spoiled bytes; only that all holds
// together). Each further byte is one choice of the play. NH_TRACE=1 in the environment prints what
// happens.

#include "support/mqtt_play.h"

#include <stdio.h>
#include <stdlib.h>

#define STEPS_MAX 2000

static struct play play;
static struct input {
    const uint8_t *ptr, *end;
} input;
static _Alignas(16) uint8_t internal[24 * 1024];
static _Alignas(16) uint8_t psram[256 * 1024];

static uint32_t choose(void *ctx, uint32_t n)
{
    struct input *in = ctx;
    return in->ptr < in->end ? *in->ptr++ % n : 0;
}

static void failed(const char *what, const char *where)
{
    fprintf(stderr, "model: %s (%s)\n", what, where);
    abort();
}

static void trace(const char *line)
{
    fprintf(stderr, "%s\n", line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct play_config cfg = {.region = {internal, psram},
                              .region_bytes = {sizeof internal, sizeof psram},
                              .is_rough = data[0] & 1,
                              .has_v5 = !(data[0] & 2),
                              .choose = choose,
                              .ctx = &input,
                              .fail = failed,
                              .trace = getenv("NH_TRACE") ? trace : NULL};
    input = (struct input){data + 1, data + size};
    play_begin(&play, &cfg);
    for (unsigned i = 0; input.ptr < input.end && i < STEPS_MAX; i++)
        play_step(&play);
    play_end(&play);
    return 0;
}
