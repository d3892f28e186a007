// What RAM each part of the battery takes on the chip, as the owner's figures say after its
// creation; and what the model's work costs there, in instructions. Prints its tables:
// docs/battery-memory.md.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "components/battery/battery_alarms.h"
#include "components/battery/battery_client_private.h"
#include "components/battery/battery_history.h"
#include "components/battery/battery_model_state.h"
#include "components/battery/tinybms.h"
#include "platform/bare/board.h"
#include "support/mem_fixture.h"
#include "unit/battery_values.h"

#include <stdio.h>
#include <string.h>

#define HISTORY_COUNT 2048
#define QUEUE_COUNT 16

static struct mem_fixture fx;

static void row(const char *part, const char *what, size_t bytes)
{
    print_message("| %s | %s | %u |\n", part, what, (unsigned)bytes);
}

static void bytes_of_each_part(void **state)
{
    (void)state;
    print_message("| part | what | bytes |\n|---|---|---:|\n");
    row("protocol", "parser, with the longest frame", sizeof(nh_tinybms_parser_t));
    row("client", "engine, parser and statistics included", sizeof(struct nh_battery_client));
    row("client", "16 requests and the polls",
        (QUEUE_COUNT + NH_BATTERY__POLL_COUNT) * sizeof(struct nh_battery__slot));
    row("model", "images, references, meters", sizeof(nh_battery_model_t));
    row("model", "six snapshots for readers", sizeof(nh_battery__box_t));
    row("model", "a snapshot, as a reader has it", sizeof(struct nh_battery_snapshot));
    row("alarms", "rules, seen events",
        sizeof(nh_battery__alarms_t) -
            NH_BATTERY_ALARM_HISTORY_COUNT * sizeof(struct nh_battery_alarm));
    row("alarms", "100 alarms", NH_BATTERY_ALARM_HISTORY_COUNT * sizeof(struct nh_battery_alarm));
    row("history", "hours, days, sums", sizeof(nh_battery__history_t));
    row("history", "2048 samples", HISTORY_COUNT * sizeof(struct nh_battery__point));
}

static size_t held_bytes(void)
{
    struct nh_mem_owner_info info;
    size_t bytes = 0;
    for (size_t i = 0; nh_mem_owner_info(fx.sys, i, &info) == 0; i++)
        if (strcmp(info.name, "test") == 0)
            bytes =
                info.tier[NH_MEM_INTERNAL].current_bytes + info.tier[NH_MEM_PSRAM].current_bytes;
    return bytes;
}

static void answered(void *ctx, const struct nh_battery_request *q,
                     const struct nh_battery_reply *r)
{
    (void)ctx;
    (void)q;
    (void)r;
}

// What is allocated is what the table says, and a little for the heap's heads.
static void the_model_takes_no_more(void **state)
{
    nh_battery_model_t *m;
    (void)state;
    mem_fixture_init(&fx, NULL);
    assert_int_equal(nh_battery_model_create(&(struct nh_battery_model_config){.mem = fx.mem}, &m),
                     0);
    assert_true(held_bytes() <= sizeof *m + sizeof *m->box + 64);
    nh_battery_model_destroy(m);
    mem_fixture_deinit(&fx);
}

static void the_client_takes_no_more(void **state)
{
    nh_battery_client_t *c;
    (void)state;
    mem_fixture_init(&fx, NULL);
    assert_int_equal(
        nh_battery_client_create(
            &(struct nh_battery_client_config){.mem = fx.mem, .answered = answered}, &c),
        0);
    assert_true(held_bytes() <=
                sizeof *c +
                    (QUEUE_COUNT + NH_BATTERY__POLL_COUNT) * sizeof(struct nh_battery__slot) + 64);
    nh_battery_client_destroy(c);
    mem_fixture_deinit(&fx);
}

static void instructions_of_the_work(void **state)
{
    nh_battery_model_t *m;
    struct nh_battery_snapshot s;
    static nh_battery__alarms_t alarms;
    (void)state;
    mem_fixture_init(&fx, NULL);
    assert_int_equal(nh_battery_model_create(&(struct nh_battery_model_config){.mem = fx.mem}, &m),
                     0);
    nh_battery__alarms_init(&alarms, &(struct nh_battery__alarms_config){NULL, NULL});
    struct nh_battery_candidate c = pack_candidate(NH_BATTERY_FROM_LOCAL, 1, 1000);
    uint64_t start = nh_board_instructions();
    assert_int_equal(nh_battery_model_offer(m, &c, 1000), 0);
    uint64_t offer = nh_board_instructions() - start;
    start = nh_board_instructions();
    nh_battery_model_read(m, &s);
    uint64_t read = nh_board_instructions() - start;
    start = nh_board_instructions();
    nh_battery__alarms_judge(&alarms, &s, 1000, 0);
    uint64_t judge = nh_board_instructions() - start;
    print_message("| offer | %u |\n| read | %u |\n| judge the alarms | %u |\n", (unsigned)offer,
                  (unsigned)read, (unsigned)judge);
    assert_true(read < 2000);
    nh_battery_model_destroy(m);
    mem_fixture_deinit(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_of_each_part),
        cmocka_unit_test(the_model_takes_no_more),
        cmocka_unit_test(the_client_takes_no_more),
        cmocka_unit_test(instructions_of_the_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
