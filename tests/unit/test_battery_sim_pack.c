#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../tools/battery/board.h"

static struct nh_sim_board board;
static struct nh_sim_pack *const pack = &board.pack;

static void tell(void *ctx, const char *text)
{
    (void)ctx;
    print_message("%s\n", text);
}

static void line(const char *text)
{
    assert_true(nh_sim_board_line(&board, text, tell, NULL));
}

static void begin(struct nh_sim_pack_config cfg)
{
    cfg.seed = cfg.seed ? cfg.seed : 3;
    cfg.ambient_c = 22;
    const struct nh_sim_board_config all = {.pack = cfg, .faults = {.nack_address = -1}};
    nh_sim_board_init(&board, &all, 0);
}

static void pass_s(double s)
{
    for (int i = 0; i < (int)(s * 10 + 0.5); i++)
        nh_sim_pack_cycle(pack);
}

static void put(uint16_t address, uint16_t value)
{
    *nh_sim_pack_setting(pack, address) = value;
}

// The log since event `from`, oldest first, as "64 62".
static const char *log_since(uint32_t from)
{
    static char text[3 * NH_SIM_EVENT_COUNT + 1];
    size_t len = 0;
    text[0] = 0;
    for (uint32_t i = pack->event_count - from; i-- > 0;)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%02X", len ? " " : "",
                                nh_sim_pack_event(pack, i)->id);
    return text;
}

// ---- the gauge ----------------------------------------------------------------------------------

static void test_counts_ampere_hours(void **state)
{
    (void)state;
    begin((struct nh_sim_pack_config){.soc_pct = 80});
    put(322, 322); // rated cycles
    line("load 30");
    pass_s(3600);
    assert_in_range((uint64_t)(nh_sim_pack_soc_pct(pack) * 100), 4998, 5002);
    assert_int_equal(pack->status, 0x93);
    assert_in_range(nh_sim_pack_time_left_s(pack), 5990, 6010);
    assert_in_range((uint64_t)((1 - pack->health) * 1e6), 925, 938); // 0.3 of a cycle of 322
    line("load 0");
    line("charger on 10");
    pass_s(3600);
    assert_in_range((uint64_t)(nh_sim_pack_soc_pct(pack) * 100), 5995, 6005);
    assert_int_equal(pack->status, 0x91);
    assert_int_equal(nh_sim_pack_time_left_s(pack), 0);
}

static void test_cells_and_pack_agree(void **state)
{
    static const enum nh_sim_chemistry kinds[] = {NH_SIM_LFP, NH_SIM_NMC};
    (void)state;
    for (size_t k = 0; k < NH_ARRAY_LEN(kinds); k++) {
        for (uint8_t cells = 4; cells <= 16; cells++) {
            begin((struct nh_sim_pack_config){
                .cell_count = cells, .soc_pct = 55, .chemistry = kinds[k]});
            double sum = 0;
            for (size_t i = 0; i < cells; i++)
                sum += pack->cells[i].dmv / 10000.0;
            assert_true(sum - pack->voltage_v < 0.01 && pack->voltage_v - sum < 0.01);
            line("load 25");
            pass_s(60);
            sum = 0;
            for (size_t i = 0; i < cells; i++)
                sum += pack->cells[i].dmv / 10000.0;
            assert_true(sum - pack->voltage_v < 0.01 && pack->voltage_v - sum < 0.01);
            assert_true(pack->low_mv > 3000 && pack->high_mv < 4200);
        }
    }
}

// By the setting of rated cycles: 5,000 of them unless somebody writes another number.
static void test_health_falls_by_the_rated_cycles(void **state)
{
    (void)state;
    begin((struct nh_sim_pack_config){.soc_pct = 80});
    line("load 30");
    pass_s(3600);
    assert_in_range((uint64_t)((1 - pack->health) * 1e7), 595, 605); // 0.3 of a cycle of 5,000
    put(322, 50);
    double before = pack->health;
    pass_s(3600);
    assert_in_range((uint64_t)((before - pack->health) * 1e6), 5950, 6050);
}

static void test_same_seed_same_pack(void **state)
{
    uint16_t dmv[3];
    (void)state;
    for (uint64_t i = 0; i < 3; i++) {
        begin((struct nh_sim_pack_config){
            .soc_pct = 50, .profile = NH_SIM_DAY, .seed = i == 2 ? 9 : 5});
        pass_s(500);
        dmv[i] = pack->cells[3].dmv;
    }
    assert_int_equal(dmv[0], dmv[1]);
    assert_int_not_equal(dmv[0], dmv[2]);
}

// ---- charging -----------------------------------------------------------------------------------

static void test_a_full_charge(void **state)
{
    uint16_t seen = 0;
    (void)state;
    begin((struct nh_sim_pack_config){.soc_pct = 90, .profile = NH_SIM_CHARGING});
    put(NH_SIM_SPREAD_MV, 15);
    line("charger on 20");
    for (int i = 0; i < 200000 && !pack->is_charge_done; i++) {
        uint16_t active = pack->balance_active;
        nh_sim_pack_cycle(pack);
        assert_int_equal(active & active << 1, 0); // never neighbours
        assert_int_equal(active & active << 2, 0); // every third at most
        assert_int_equal(active & ~pack->balance_wanted & ~seen, 0);
        seen |= pack->balance_wanted;
        assert_true(pack->high_mv < 3650);
    }
    assert_true(seen);
    assert_string_equal(log_since(0), "61 64 62 63");
    pass_s(1);
    assert_int_equal(pack->status, 0x92);
    assert_int_equal((int)nh_sim_pack_soc_pct(pack), 100);
    assert_int_equal(pack->stats.full_charges, 1);
    assert_int_equal(pack->stats.chargings, 1);
    assert_true(pack->low_mv > 3580);
    // It stays full until the charger is plugged in again.
    pass_s(600);
    assert_string_equal(log_since(0), "61 64 62 63");
    line("charger off");
    line("load 20");
    pass_s(600);
    line("charger on 40");
    pass_s(3);
    assert_string_equal(log_since(4), "65 64 62");
}

static void test_begins_again_by_level(void **state)
{
    (void)state;
    begin((struct nh_sim_pack_config){.soc_pct = 85});
    put(NH_SIM_FLAGS, 4);
    line("charger on 10");
    pack->is_charger_seen = pack->is_charge_done = true;
    line("load 50");
    pass_s(200);
    assert_true(pack->is_charge_done);
    pass_s(600); // under 80 %
    assert_false(pack->is_charge_done);
}

static void test_wrong_voltage_of_a_charger(void **state)
{
    (void)state;
    begin((struct nh_sim_pack_config){.soc_pct = 99, .profile = NH_SIM_CHARGING});
    pack->charger_v = 13 * 3.75;
    put(NH_SIM_SPREAD_MV, 100);
    pass_s(3600);
    assert_string_equal(log_since(0), "61 64 62 38");
    assert_true(nh_sim_pack_soc_pct(pack) < 100);
    begin((struct nh_sim_pack_config){.soc_pct = 50, .profile = NH_SIM_CHARGING});
    put(NH_SIM_CHARGER_SOURCE, 2);
    pack->charger_v = 13 * 3.33;
    pass_s(3600 * 6);
    assert_string_equal(log_since(0), "61 64 62 39");
    assert_int_equal(pack->status, 0x92);
}

static void test_a_charger_goes(void **state)
{
    (void)state;
    begin((struct nh_sim_pack_config){.soc_pct = 50});
    line("charger on 10");
    pass_s(5);
    line("charger off");
    pass_s(1.8);
    assert_string_equal(log_since(0), "61 64 62");
    pass_s(0.4);
    assert_string_equal(log_since(0), "61 64 62 65"); // 2 s after its current
    line("charger on 0");
    pass_s(19); // it never gives anything
    assert_true(pack->is_charger_on);
    pass_s(5);
    assert_false(pack->is_charger_on); // after register 310, 20 s
    pass_s(60);
    assert_true(pack->is_charger_on); // tried again
    line("charger off");
    pass_s(19);
    assert_string_equal(log_since(4), "64");
    pass_s(2);
    assert_string_equal(log_since(4), "64 65");
}

// ---- protections --------------------------------------------------------------------------------

static const struct protection_row {
    const char *name, *before, *cause, *end;
    const char *log; // from the cause on
    uint16_t status;
    bool load, charger;
    const char *recovered;
    size_t counter; // offset in the statistics; 0: none
} protection_rows[] = {
    {"hot", "charger on 5", "ext1 50", "ext1 0", "04", 0x9B, false, false, "73",
     offsetof(struct nh_sim_statistics, hot)},
    {"hot, second sensor", "charger on 5", "ext2 50", "ext2 0", "04", 0x9B, false, false, "73",
     offsetof(struct nh_sim_statistics, hot)},
    {"cold while charging", "charger on 5", "air -3", "air 5", "37", 0x97, true, false, "74", 0},
    {"cold without a charger", "load 5", "air -3", "air 5", "", 0x93, true, false, "", 0},
    {"very cold", "load 5", "air -45", "air 5", "37 0A", 0x9B, false, false, "74 75", 0},
    {"a cell too high", "charger on 5", "wire 3 high", "wire 3 ok", "03", 0x9B, true, false, "79",
     offsetof(struct nh_sim_statistics, over)},
    {"a cell too low", "load 5", "wire 3 open", "wire 3 ok", "31 02", 0x9B, false, false, "7A",
     offsetof(struct nh_sim_statistics, under)},
    {"charge over-current", "charger on 5", "charger on 95", "charger on 5", "06", 0x9B, true,
     false, "76", offsetof(struct nh_sim_statistics, charge_over)},
    {"peak of discharge", "load 5", "load 120", "load 5", "05", 0x9B, false, false, "77",
     offsetof(struct nh_sim_statistics, discharge_over)},
    {"current sensor", "load 5", "sensor lost", "sensor found", "0E", 0x9B, false, false, "7C", 0},
};

static void test_protections(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(protection_rows); i++) {
        const struct protection_row *r = &protection_rows[i];
        begin((struct nh_sim_pack_config){.soc_pct = 50, .external_sensors = 2});
        line(r->before);
        pass_s(5);
        uint32_t events = pack->event_count;
        line(r->cause);
        pass_s(2);
        bool is_same = strcmp(log_since(events), r->log) == 0 && pack->status == r->status &&
                       pack->is_load_on == r->load && pack->is_charger_on == r->charger;
        if (!is_same)
            fail_msg("%s: log %s, status %02X, load %d, charger %d", r->name, log_since(events),
                     pack->status, pack->is_load_on, pack->is_charger_on);
        if (r->counter)
            assert_int_equal(*(uint16_t *)(void *)((char *)&pack->stats + r->counter), 1);
        events = pack->event_count;
        line(r->end);
        pass_s(4);
        const char *early = log_since(events);
        if (r->counter != offsetof(struct nh_sim_statistics, charge_over) &&
            r->counter != offsetof(struct nh_sim_statistics, discharge_over) && early[0])
            fail_msg("%s: %s before its time", r->name, early);
        pass_s(3); // register 332: 5 s
        if (strcmp(log_since(events), r->recovered) != 0)
            fail_msg("%s: recovered by %s", r->name, log_since(events));
    }
}

static void test_discharge_over_current_may_last(void **state)
{
    (void)state;
    begin((struct nh_sim_pack_config){.soc_pct = 50});
    put(NH_SIM_CHARGER_TYPE, 1 | 3 << 8);
    line("load 70"); // over 65, under the peak of 80
    pass_s(2.9);
    assert_true(pack->is_load_on);
    line("load 60");
    pass_s(1);
    line("load 70");
    pass_s(3.2);
    assert_false(pack->is_load_on);
    assert_string_equal(log_since(1), "05");
}

static void test_under_voltage_needs_a_charger(void **state)
{
    (void)state;
    begin((struct nh_sim_pack_config){.soc_pct = 50});
    line("wire 2 open");
    pass_s(2);
    line("wire 2 ok");
    pass_s(600);
    assert_int_equal(pack->status, 0x9B);
    line("charger on 5");
    pass_s(2);
    assert_string_equal(log_since(1), "31 02 7A 64 7B 62");
    assert_int_equal(pack->status, 0x91);
    assert_true(pack->is_load_on);
}

static void test_recovery_by_hand(void **state)
{
    (void)state;
    begin((struct nh_sim_pack_config){.soc_pct = 50, .external_sensors = 1});
    put(NH_SIM_RECOVERY_S, 0);
    line("ext1 60");
    pass_s(1);
    line("ext1 0");
    pass_s(600);
    assert_int_equal(pack->status, 0x9B);
    line("charger on 5");
    pass_s(2);
    assert_int_equal(pack->status, 0x91);
    line("ext1 60");
    pass_s(1);
    line("ext1 0");
    nh_sim_board_restart(&board);
    pass_s(1);
    assert_int_equal(pack->status, 0x91);
}

static void test_ignition(void **state)
{
    (void)state;
    begin((struct nh_sim_pack_config){.soc_pct = 50, .external_sensors = 1});
    line("load 20");
    line("ignition off"); // no input is set for it
    pass_s(1);
    assert_true(pack->is_load_on);
    put(NH_SIM_IGNITION_SOURCE, 3);
    pass_s(1);
    assert_false(pack->is_load_on);
    assert_int_equal(pack->status, 0x97);
    line("ignition on");
    pass_s(1);
    assert_int_equal(pack->status, 0x93);
    put(NH_SIM_RECOVERY_S, 0);
    line("ext1 60");
    pass_s(1);
    line("ext1 0");
    pass_s(60);
    assert_int_equal(pack->status, 0x9B);
    line("ignition off");
    line("ignition on");
    pass_s(1);
    assert_int_equal(pack->status, 0x93);
    line("load 0");
    line("wire 2 open");
    pass_s(1);
    line("wire 2 ok");
    line("ignition off");
    line("ignition on");
    pass_s(1);
    assert_int_equal(pack->status, 0x9B); // under-voltage needs a charger
}

static void test_a_switch_that_sticks(void **state)
{
    (void)state;
    begin((struct nh_sim_pack_config){.soc_pct = 50, .external_sensors = 1});
    line("load 10");
    line("stuck load");
    pass_s(1);
    assert_string_equal(log_since(1), "");
    line("ext1 60");
    pass_s(1);
    assert_string_equal(log_since(1), "04 0C"); // it is off, and current flows
    assert_true(pack->current_a < -5);
    begin((struct nh_sim_pack_config){.soc_pct = 50, .external_sensors = 1});
    put(NH_SIM_SINGLE_PORT, 1);
    line("charger on 10");
    pass_s(1);
    line("stuck charger");
    line("ext1 60");
    pass_s(1);
    assert_string_equal(log_since(1), "64 62 04 0D");
}

static void test_without_sensors_the_boards_own_counts(void **state)
{
    (void)state;
    begin((struct nh_sim_pack_config){.soc_pct = 50});
    assert_int_equal(pack->ext1_dc, -32768);
    line("air 55");
    pass_s(1);
    assert_string_equal(log_since(1), "");
    line("air 58"); // and 3 of its own: over 60
    pass_s(1);
    assert_string_equal(log_since(1), "04");
}

// ---- statistics ---------------------------------------------------------------------------------

static void test_statistics(void **state)
{
    (void)state;
    begin((struct nh_sim_pack_config){.soc_pct = 50, .external_sensors = 2});
    line("load 40");
    pass_s(10);
    line("load 0");
    line("charger on 12");
    line("air 31");
    pass_s(10);
    assert_int_equal(nh_sim_board_register(&board, 102), 400);
    assert_int_equal(nh_sim_board_register(&board, 103), 120);
    assert_int_equal(nh_sim_board_register(&board, 111), 1);
    assert_int_equal(nh_sim_board_register(&board, 113), 22 | 31 << 8);
    assert_int_equal(nh_sim_board_register(&board, 114) & 0xFF, 5);
    nh_sim_pack_clear_statistics(pack);
    assert_int_equal(nh_sim_board_register(&board, 102), 0);
    assert_int_equal(nh_sim_board_register(&board, 113), 31 | 31 << 8);
    assert_int_equal(nh_sim_board_register(&board, 116) | nh_sim_board_register(&board, 117) << 16,
                     nh_sim_pack_time_s(pack));
}

static void test_a_day(void **state)
{
    (void)state;
    begin((struct nh_sim_pack_config){.soc_pct = 60, .profile = NH_SIM_DAY});
    double least = 100, most = 0;
    for (int i = 0; i < 24 * 3600 * 10; i++) {
        nh_sim_pack_cycle(pack);
        double soc = nh_sim_pack_soc_pct(pack);
        least = soc < least ? soc : least;
        most = soc > most ? soc : most;
        assert_int_not_equal(pack->status, 0x9B);
        assert_true(pack->low_mv <= pack->high_mv);
    }
    assert_true(least > 10 && most > 85); // it lives from its sun
    assert_in_range(pack->stats.chargings, 1, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_ampere_hours),
        cmocka_unit_test(test_cells_and_pack_agree),
        cmocka_unit_test(test_health_falls_by_the_rated_cycles),
        cmocka_unit_test(test_same_seed_same_pack),
        cmocka_unit_test(test_a_full_charge),
        cmocka_unit_test(test_begins_again_by_level),
        cmocka_unit_test(test_wrong_voltage_of_a_charger),
        cmocka_unit_test(test_a_charger_goes),
        cmocka_unit_test(test_protections),
        cmocka_unit_test(test_discharge_over_current_may_last),
        cmocka_unit_test(test_under_voltage_needs_a_charger),
        cmocka_unit_test(test_recovery_by_hand),
        cmocka_unit_test(test_ignition),
        cmocka_unit_test(test_a_switch_that_sticks),
        cmocka_unit_test(test_without_sensors_the_boards_own_counts),
        cmocka_unit_test(test_statistics),
        cmocka_unit_test(test_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
