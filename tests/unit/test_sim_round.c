// The simulated room against its example, on a clock that is a variable: a round is won, and the
// next one too.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../tools/sim_room.h"
#include "support/automation_room.h"

#define STEP_MS 50
#define ROUND_MS 65000 // and a little: all that `auto` does, with the pause at its end

static _Alignas(16) uint8_t internal[64 * 1024], psram[4 * 1024 * 1024];
static struct nh_sim_room props;
static unsigned won, lit;

static void publish(void *ctx, enum nh_sim_prop prop, const char *topic, nh_span_t payload,
                    bool retain)
{
    char text[NH_SIM_TEXT_MAX_BYTES];
    (void)ctx;
    (void)prop;
    snprintf(text, sizeof text, "%.*s", (int)payload.len, (const char *)payload.ptr);
    room_msg(topic, text, retain);
}

static void power(void *ctx, enum nh_sim_prop prop, bool is_on)
{
    (void)ctx;
    (void)prop;
    (void)is_on;
}

static void tell(void *ctx, const char *line)
{
    (void)ctx;
    (void)line;
}

// One line of what the hub published: to the prop that it is for.
static void take(const char *line, size_t len)
{
    static const char door[] = "room/door/command=", robot[] = "room/robot/command=";
    bool is_door = strncmp(line, door, sizeof door - 1) == 0;
    size_t skip = is_door ? sizeof door - 1 : sizeof robot - 1;
    won += len > 0 && memmem(line, len, "Farewell", 8) != NULL;
    lit += strncmp(line, "room/beam/light=on", 18) == 0;
    if (!is_door && strncmp(line, robot, sizeof robot - 1) != 0)
        return;
    while (len > skip && line[len - 1] != '}') // " q1"
        len--;
    nh_sim_room_command(&props, is_door ? NH_SIM_DOOR : NH_SIM_ROBOT,
                        (nh_span_t){(const uint8_t *)line + skip, len - skip},
                        (int64_t)room.now_ms);
}

static void pass(uint64_t ms)
{
    static char said[sizeof room.said];
    for (uint64_t t = 0; t < ms; t += STEP_MS) {
        room_go(STEP_MS);
        nh_sim_room_tick(&props, (int64_t)room.now_ms);
        for (int i = 0; room.said_len > 0 && i < 100; i++) { // an answer may make it say more
            memcpy(said, room.said, room.said_len);
            said[room.said_len] = '\0';
            room.said_len = 0;
            for (char *line = said, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
                take(line, (size_t)(end - line));
        }
    }
}

static void test_every_round_is_won(void **state)
{
    static const struct nh_sim_room_out out = {publish, power, tell, NULL};
    static char yaml[65536];
    (void)state;
    FILE *f = fopen("examples/devices/room.yaml", "rb");
    assert_non_null(f);
    yaml[fread(yaml, 1, sizeof yaml - 1, f)] = '\0';
    fclose(f);
    room_init(internal, sizeof internal, psram, sizeof psram);
    room_create();
    assert_int_equal(room_apply(yaml, NH_AUTOMATION_KEEP), NH_OK);
    nh_sim_room_init(&props, &out);
    nh_sim_room_auto(&props, true, (int64_t)room.now_ms);
    for (unsigned round = 1; round <= 3; round++) {
        pass(ROUND_MS);
        assert_int_equal(won, round);
        assert_int_equal(lit, round);
    }
    room_deinit();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_round_is_won)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
