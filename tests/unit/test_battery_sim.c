#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../tools/battery/board.h"

#define MS 1000u

static struct nh_sim_board board;
static uint64_t now;
static char told[2048];

static void tell(void *ctx, const char *text)
{
    (void)ctx;
    snprintf(told, sizeof told, "%s", text);
}

static void line(const char *text)
{
    told[0] = 0;
    if (!nh_sim_board_line(&board, text, tell, NULL))
        fail_msg("%s: %s", text, told);
}

static void begin(struct nh_sim_board_config cfg)
{
    cfg.faults.nack_address = -1;
    cfg.pack.seed = 7;
    cfg.pack.ambient_c = 22;
    cfg.text_format = 1;
    now = 5000000;
    nh_sim_board_init(&board, &cfg, now);
}

static int setup(void **state)
{
    (void)state;
    begin((struct nh_sim_board_config){.pack = {.external_sensors = 2, .soc_pct = 73.25}});
    return 0;
}

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t len = 0;
    for (; *hex; hex += hex[2] ? 3 : 2)
        out[len++] = (uint8_t)strtoul((char[]){hex[0], hex[1], 0}, NULL, 16);
    return len;
}

static void to_hex(const uint8_t *bytes, size_t len, char *out)
{
    *out = 0;
    for (size_t i = 0; i < len; i++, out += strlen(out))
        snprintf(out, 4, "%s%02X", i ? " " : "", bytes[i]);
}

static uint8_t answer[600];
static size_t answer_len;

// All that comes within `us`.
static void listen(uint64_t us)
{
    uint64_t end = now + us;
    answer_len = nh_sim_board_output(&board, answer, sizeof answer, now);
    for (int i = 0; i < 1000000; i++) {
        uint64_t next = nh_sim_board_next_deadline(&board);
        assert_true(next > now);
        now = next < end ? next : end;
        answer_len +=
            nh_sim_board_output(&board, answer + answer_len, sizeof answer - answer_len, now);
        if (now == end)
            return;
    }
    fail();
}

static const char *ask_hex(const char *request)
{
    static char text[2000];
    uint8_t bytes[300];
    size_t len = from_hex(request, bytes);
    nh_sim_board_input(&board, bytes, len, now);
    answer_len = nh_sim_board_output(&board, answer, sizeof answer, now);
    if (answer_len == 0)
        listen(50 * MS);
    to_hex(answer, answer_len, text);
    return text;
}

// Registers by the Modbus form.
static const uint16_t *read_registers(uint16_t first, uint16_t count)
{
    static uint16_t words[128];
    uint8_t request[8] = {0xAA, 3, (uint8_t)(first >> 8), (uint8_t)first, 0, (uint8_t)count};
    uint16_t crc = nh_sim_board__crc(request, 6);
    request[6] = (uint8_t)crc;
    request[7] = (uint8_t)(crc >> 8);
    nh_sim_board_input(&board, request, 8, now);
    listen(50 * MS);
    assert_int_equal(answer_len, count * 2 + 5);
    for (size_t i = 0; i < count; i++)
        words[i] = (uint16_t)(answer[3 + 2 * i] << 8 | answer[4 + 2 * i]);
    return words;
}

static void set(uint16_t address, uint16_t value)
{
    char text[64];
    snprintf(text, sizeof text, "set %u %u", address, value);
    line(text);
}

// ---- the published examples ---------------------------------------------------------------------

static void test_published_exchanges(void **state)
{
    static const struct {
        const char *request, *answer;
    } rows[] = {
        {"AA 02 01 91 40", "AA 01 02 D1 B1"},
        {"AA 02 02 D1 41", "AA 01 02 D1 B1"},
        {"AA 03 00 05 00 05 8C 13", "AA 03 0A 97 40 97 40 97 2C 97 2C 97 2C 3E C7"},
        {"AA 03 00 24 00 04 1D D9", "AA 03 08 CC CD 42 4C 00 00 C1 48 ED 72"},
        {"AA 03 00 2E 00 02 BD D9", "AA 03 04 B4 D0 04 5D 05 C9"},
        {"AA 07 01 2C 01 B1 AC", "AA 07 02 42 0E 2D C8"},
        {"AA 09 02 2C 01 43 44", "AA 09 04 2C 01 42 0E 08 67"},
        {"AA 10 01 3B 00 02 04 10 68 09 C4 19 61", "AA 10 01 3B 00 02 28 22"},
        {"AA 10 01 3B 00 01 02 0E 42 BD 7D", "AA 10 01 3B 00 01 68 23"},
        {"AA 0B 04 2C 01 42 0E B2 0C B3 56", "AA 01 0B 11 B7"},
        {"AA 0D 04 2C 01 42 0E 09 E3", "AA 01 0D 91 B5"},
        {"AA 14 7F 1F", "AA 14 CD CC 4C 42 62 70"},
        {"AA 15 BE DF", "AA 15 00 00 48 C1 E2 42"},
        {"AA 16 FE DE", "AA 16 11 0D 0D AD"},
        {"AA 17 3F 1E", "AA 17 03 0D 50 CD"},
        {"AA 18 7F 1A", "AA 18 93 00 CD 0B"},
        {"AA 19 BE DA", "AA 19 40 42 0F 00 B5 F7"},
        {"AA 1A FE DB", "AA 1A D0 B4 5D 04 00 66"},
        {"AA 1B 3F 1B", "AA 1B 06 16 01 14 01 16 01 0E 4E"},
        {"AA 1E FF 18", "AA 1E 05 05 00 0A D2 04 85 39"},
        {"AA 1F 3E D8", "AA 1F 07 05 00 0A D2 04 03 06 AE 39"},
        {"AA 20 7E C8", "AA 20 00 00 00 00 00 00 00 00 00 00 00 00 7E CB"},
        {"AA 06 01 3B 0E 42 64 71", "AA 00 06 00 22 5C"},    // Modbus function 6
        {"AA 0D 04 3B 01 68 10 93 3E", "AA 00 0D 01 E4 AC"}, // wrong CRC
        {"AA 02 05 90 83", "AA 01 02 D1 B1"},                // last: now it is silent
    };
    static const uint16_t words[][2] = {
        {5, 38720},   {6, 38720},   {7, 38700},   {8, 38700},   {9, 38700},
        {36, 0xCCCD}, {37, 0x424C}, {38, 0},      {39, 0xC148}, {41, 3345},
        {40, 3331},   {50, 0x93},   {32, 0x4240}, {33, 0x0F},   {48, 278},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(words); i++)
        set(words[i][0], words[i][1]);
    line("set 300 3650");
    board.pack.ext1_dc = 276;
    board.pack.ext2_dc = 278;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        const char *got = ask_hex(rows[i].request);
        if (strcmp(got, rows[i].answer) != 0)
            fail_msg("%s: %s, not %s", rows[i].request, got, rows[i].answer);
        if (i == 2)
            line("set 5 auto");
    }
    assert_string_equal(ask_hex("AA 14 7F 1F"), "");
    now += 500 * MS;
    assert_string_not_equal(ask_hex("AA 14 7F 1F"), "");
}

// ---- requests -----------------------------------------------------------------------------------

// A request without its CRC.
static const char *ask(const char *request)
{
    uint8_t bytes[300] = {0};
    char text[900];
    size_t len = from_hex(request, bytes);
    uint16_t crc = nh_sim_board__crc(bytes, len);
    bytes[len++] = (uint8_t)crc;
    bytes[len++] = (uint8_t)(crc >> 8);
    to_hex(bytes, len, text);
    return ask_hex(text);
}

static void test_refused(void **state)
{
    static const char *const rows[] = {
        "AA 02 00",
        "AA 02 03",
        "AA 02 06",
        "AA 03 00 00 00 00",
        "AA 03 00 00 00 80",
        "AA 03 00 00 01 01", // none, 128, 257
        "AA 03 02 58 00 01",
        "AA 03 02 57 00 02",
        "AA 03 FF FF 00 01", // beyond 599
        "AA 07 00 00 00",
        "AA 07 20 00 00",
        "AA 07 81 00 00", // none, 32, packets
        "AA 07 01 58 02",
        "AA 09 00",
        "AA 09 01 00",
        "AA 09 02 58 02",
        "AA 0D 00",
        "AA 0D 02 2C 01",
        "AA 0D 04 2B 01 42 0E",             // 299
        "AA 0D 04 90 01 42 0E",             // 400
        "AA 0D 04 2C 01 AF 04",             // 300 = 1199
        "AA 0D 04 2C 01 95 11",             // 300 = 4501
        "AA 0D 04 40 01 D7 FF",             // 320 = -41
        "AA 0D 04 51 01 0A 00",             // 337 = 10, which the list leaves out
        "AA 0D 04 4A 01 01 1F",             // 330, high byte 31
        "AA 10 01 2C 00 01 04 0E 42 0E 42", // its count does not fit its length
        "AA 10 01 2C 00 00 00",
        "AA 10 01 2B 00 02 04 0E 42 0E 42", // 299 and 300
        "AA 1D 00 00 64",
        "AA 1D 05 00 64",
        "AA 1D 04 00 00",
        "AA 1D 04 00 65",
        "AA 1D 04 01 64",
        "AA 05 01 2C FF 00",
        "AA 21",
        "AA 13",
        "AA 2B 0E 01 00",
    };
    char wanted[8];
    (void)state;
    uint16_t before[NH_SIM_SETTING_COUNT];
    memcpy(before, board.pack.settings, sizeof before);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        const char *got = ask(rows[i]);
        snprintf(wanted, sizeof wanted, "%.2s", rows[i] + 3);
        if (answer_len != 6 || answer[1] != 0 || answer[3] != 0 || memcmp(got + 6, wanted, 2) != 0)
            fail_msg("%s: %s", rows[i], got);
    }
    assert_memory_equal(before, board.pack.settings, sizeof before);
    // A good one and a wrong one: none is written.
    ask("AA 0D 08 2C 01 43 0E 2D 01 00 00");
    assert_int_equal(answer[1], 0);
    assert_int_equal(nh_sim_board_register(&board, 300), before[0]);
}

static void test_all_ways_read_the_same(void **state)
{
    uint16_t words[100];
    (void)state;
    memcpy(words, read_registers(300, 44), 88);
    ask("AA 1D 04 00 2C");
    for (size_t i = 0; i < 44; i++)
        assert_int_equal(answer[3 + 2 * i] | answer[4 + 2 * i] << 8, words[i]);
    ask("AA 07 1F 2C 01");
    assert_int_equal(answer[2], 62);
    for (size_t i = 0; i < 31; i++)
        assert_int_equal(answer[3 + 2 * i] | answer[4 + 2 * i] << 8, words[i]);
    assert_string_equal(ask("AA 09 04 3B 01 33 01"),
                        "AA 09 08 3B 01 D8 0E 33 01 0D 00 E1 BB"); // 315 = 3800, 307 = 13
    memcpy(words, read_registers(0, 16), 32);
    ask("AA 1C");
    assert_int_equal(answer[2], 26);
    for (size_t i = 0; i < 13; i++) // measured anew, with the converter's noise
        assert_in_range(answer[3 + 2 * i] | answer[4 + 2 * i] << 8, words[i] - 5u, words[i] + 5u);
    assert_int_equal(words[13] | words[14] | words[15], 0);
    read_registers(0, 127);
    read_registers(473, 127);
}

static void test_limits_of_settings(void **state)
{
    static const uint16_t rows[][4] = {
        {300, 1200, 4500, 3650}, {307, 4, 16, 16}, {320, (uint16_t)-40, 10, 0},
        {302, 0, 0, 0},          {343, 0, 2, 1},
    };
    (void)state;
    for (uint8_t option = 1; option <= 3; option++) {
        char text[32];
        snprintf(text, sizeof text, "AA 1D %02X 00 64", option);
        ask(text);
        assert_int_equal(answer[2], 200);
        for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
            const uint8_t *at = answer + 3 + 2 * (rows[i][0] - 300);
            assert_int_equal(at[0] | at[1] << 8, rows[i][option]);
        }
    }
}

static void test_writes(void **state)
{
    (void)state;
    // Both readings of the length of 0x0B.
    assert_string_equal(ask("AA 0B 04 2C 01 44 0E B3 0C"), "AA 01 0B 11 B7");
    assert_int_equal(nh_sim_board_register(&board, 300), 0x0E44);
    assert_int_equal(nh_sim_board_register(&board, 301), 0x0CB3);
    assert_string_equal(ask("AA 0B 06 2C 01 45 0E B4 0C"), "AA 01 0B 11 B7");
    assert_int_equal(nh_sim_board_register(&board, 300), 0x0E45);
    assert_int_equal(nh_sim_board_register(&board, 301), 0x0CB4);
    ask("AA 0D 04 2E 01 34 12"); // 302 is reserved: taken, ignored
    assert_int_equal(answer[1], 1);
    assert_int_equal(nh_sim_board_register(&board, 302), 0);
    ask("AA 0D 04 43 01 50 C3"); // 323 = 50000
    assert_int_equal(nh_sim_board_register(&board, 323), 0xFFFF);
    assert_int_equal(nh_sim_board_register(&board, 45), 50000);
    ask("AA 0D 04 48 01 A8 61"); // 328 = 25000, that is 50 %
    assert_int_equal(nh_sim_board_register(&board, 46) | nh_sim_board_register(&board, 47) << 16,
                     50000000);
    ask("AA 0D 04 32 01 20 4E"); // 306 = 200 Ah: the percentage stays
    assert_int_equal(nh_sim_board_register(&board, 328), 25000);
    ask("AA 10 01 2C 00 02 04 0E 42 0C B2");
    assert_int_equal(nh_sim_board_register(&board, 301), 3250);
}

static void test_a_change_of_mode_restarts(void **state)
{
    (void)state;
    uint32_t events = board.pack.event_count;
    ask("AA 0D 04 54 01 00 00"); // 340 as it is
    assert_int_equal(board.pack.event_count, events);
    assert_string_equal(ask("AA 0D 04 54 01 01 00"), "AA 01 0D 91 B5");
    assert_int_equal(nh_sim_pack_event(&board.pack, 0)->id, 0x61);
    assert_int_equal(nh_sim_pack_event(&board.pack, 1)->id, 0x67);
    assert_string_equal(ask("AA 18"), "");
    listen(500 * MS);
    assert_string_not_equal(ask("AA 18"), "");
    assert_int_equal(nh_sim_board_register(&board, 114) & 0xFF, 4);
}

static void test_events(void **state)
{
    (void)state;
    board.pack.time_ms = 1000000000;
    board.pack.events[0] = (struct nh_sim_event){0x62, 999990};
    board.pack.events[1] = (struct nh_sim_event){0x61, 999999};
    board.pack.event_count = 2;
    board.pack.event_told = 0;
    assert_string_equal(ask("AA 12"), "AA 12 0C 40 42 0F 00 3F 42 0F 61 36 42 0F 62 B1 8A");
    assert_string_equal(ask("AA 11"), "AA 11 0C 40 42 0F 00 3F 42 0F 61 36 42 0F 62 B2 89");
    assert_string_equal(ask("AA 11"), "AA 11 08 40 42 0F 00 3F 42 0F 61 1C 7D"); // at least one
    assert_int_equal(nh_sim_board_register(&board, 200), 999990 & 0xFFFF);
    assert_int_equal(nh_sim_board_register(&board, 201), 999990 >> 16 | 0x62 << 8);
    for (int i = 0; i < 60; i++)
        nh_sim_pack_log(&board.pack, 0x64);
    ask("AA 12");
    assert_int_equal(answer[2], 4 + 4 * 49);
    ask("AA 02 01");
    assert_string_equal(ask("AA 11"), "AA 11 04 40 42 0F 00 53 AF");
    assert_int_equal(nh_sim_board_register(&board, 201), 0);
}

// ---- framing ------------------------------------------------------------------------------------

static void give(const char *hex)
{
    uint8_t bytes[300];
    nh_sim_board_input(&board, bytes, from_hex(hex, bytes), now);
}

static void test_requests_in_pieces(void **state)
{
    const char *request = "AA 0D 04 2F 01 AA 0A 46 64"; // 303 = 0x0AAA: the first byte as data
    uint8_t bytes[16];
    size_t len = from_hex(request, bytes);
    (void)state;
    for (size_t cut = 1; cut < len; cut++) {
        nh_sim_board_input(&board, bytes, cut, now);
        listen(19 * MS);
        assert_int_equal(answer_len, 0);
        nh_sim_board_input(&board, bytes + cut, len - cut, now);
        listen(50 * MS);
        assert_int_equal(answer_len, 5);
        assert_int_equal(answer[1], 1);
        nh_sim_board_input(&board, bytes, cut, now); // and what never goes on is forgotten
        listen(25 * MS);
        assert_int_equal(board.counters.unfinished, cut);
    }
    assert_int_equal(nh_sim_board_register(&board, 303), 0x0AAA);
}

static void test_noise_around_requests(void **state)
{
    (void)state;
    give("00 FF 12 18 7F AA 18 7F 1A AA 17 3F 1E 55"); // two requests at once
    listen(50 * MS);
    assert_int_equal(answer_len, 12);
    assert_int_equal(answer[1], 0x18);
    assert_int_equal(answer[7], 0x17);
    give("AA AA 18 7F 1A"); // an unknown command 0xAA: it swallows what follows, until a pause
    listen(50 * MS);
    assert_string_not_equal(ask_hex("AA 18 7F 1A"), "");
}

static uint32_t chance = 12345;

static uint8_t any(void)
{
    chance = chance * 1664525u + 1013904223u;
    return (uint8_t)(chance >> 24);
}

static void test_any_bytes(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint8_t bytes[40];
        size_t len = any() % sizeof bytes;
        for (size_t k = 0; k < len; k++)
            bytes[k] = any() % 4 ? any() : (uint8_t[]){0xAA, 0x03, 0x09, 0x10}[any() % 4];
        nh_sim_board_input(&board, bytes, len, now);
        now += any() * 100u;
        answer_len = nh_sim_board_output(&board, answer, sizeof answer, now);
        assert_true(board.in_len <= sizeof board.in && board.out_count <= NH_SIM_OUT_MAX_COUNT);
    }
    listen(2000 * MS);
    assert_string_not_equal(ask("AA 18"), "");
}

// ---- time ---------------------------------------------------------------------------------------

static void test_bytes_take_their_time(void **state)
{
    (void)state;
    begin((struct nh_sim_board_config){.baud = 115200, .turnaround_us = 2000});
    give("AA 03 00 00 00 38 5D C3");
    listen(12500); // 125 bytes both ways and the turn-around: 12.85 ms
    assert_in_range(answer_len, 90, 112);
    listen(360);
    assert_int_equal(answer_len, 5); // the last portion
    listen(50 * MS);
    assert_int_equal(answer_len, 0);
}

static void test_the_pack_is_faster_than_the_line(void **state)
{
    (void)state;
    begin((struct nh_sim_board_config){.factor = 60, .pack = {.soc_pct = 50}});
    line("load 10");
    uint32_t from = nh_sim_pack_time_s(&board.pack);
    listen(60 * 1000 * MS);
    assert_in_range(nh_sim_pack_time_s(&board.pack) - from, 3599, 3601);
    assert_in_range(nh_sim_board_register(&board, 328), 19900, 20100); // 10 Ah of 100: 40 %
}

static void test_sleep(void **state)
{
    (void)state;
    begin((struct nh_sim_board_config){.may_sleep = true, .pack = {.soc_pct = 50}});
    listen(9900 * MS);
    assert_false(board.is_asleep);
    listen(200 * MS);
    assert_true(board.is_asleep);
    assert_string_equal(ask("AA 18"), ""); // 50 ms: it only wakes up
    assert_string_not_equal(ask("AA 18"), "");
    assert_int_equal(nh_sim_board_register(&board, 114) >> 8, 3);
    line("sleep now");
    line("load 5");
    listen(200 * MS);
    assert_false(board.is_asleep);
    assert_int_equal(nh_sim_board_register(&board, 114) >> 8, 2);
    line("load 0");
    line("charger on 1");
    listen(30000 * MS);
    assert_false(board.is_asleep);
    line("charger off");
    listen(40000 * MS);
    assert_true(board.is_asleep);
    ask("AA 18");
    ask("AA 0D 04 4E 01 02 00"); // 334 = 2: ignition at AIDO2
    line("load 5");              // it is off without ignition, and does not wake the board
    listen(12000 * MS);
    assert_true(board.is_asleep);
    line("ignition on");
    listen(30000 * MS);
    assert_false(board.is_asleep);
    assert_int_equal(nh_sim_board_register(&board, 114) >> 8, 1);
}

static void test_broadcast(void **state)
{
    (void)state;
    line("text 1 5"); // every two seconds
    listen(4100 * MS);
    answer[answer_len] = 0;
    assert_int_equal(board.counters.texts, 2);
    assert_non_null(strstr((char *)answer, "BPV:"));
    assert_non_null(strstr((char *)answer, "\tSOC:73.25\t"));
    assert_non_null(strstr((char *)answer, "\tOS:151\tCB:0000000000000000\tLST:0\tLSS:1\t"));
    line("text 0 5");
    listen(2000 * MS);
    answer[answer_len] = 0;
    int tabs = 0;
    for (size_t i = 0; i < answer_len; i++)
        tabs += answer[i] == '\t';
    assert_int_equal(tabs, 12);
    assert_string_equal((char *)answer + answer_len - 2, "\r\n");
    line("text 2 5");
    listen(2000 * MS);
    assert_memory_equal(answer, "##############------\r\n", 22);
    line("text 2 0");
    listen(10000 * MS);
    assert_int_equal(answer_len, 0);
}

// ---- faults of the line -------------------------------------------------------------------------

static size_t answered(int requests)
{
    size_t bytes = 0;
    for (int i = 0; i < requests; i++) {
        ask("AA 18");
        bytes += answer_len;
        listen(50 * MS);
        bytes += answer_len;
    }
    return bytes;
}

static void test_faults_by_turn(void **state)
{
    (void)state;
    line("drop 3");
    assert_int_equal(answered(9), 36);
    line("clean");
    line("bits 2");
    answered(10);
    assert_int_equal(board.counters.flipped, 5);
    line("clean");
    line("stray 2");
    assert_int_equal(answered(4), 36);
    line("clean");
    line("texts 4");
    assert_true(answered(4) > 100);
    line("clean");
    line("split 1 15");
    give("AA 18 7F 1A");
    listen(1);
    assert_int_equal(answer_len, 3);
    listen(14 * MS);
    assert_int_equal(answer_len, 0);
    listen(1 * MS);
    assert_int_equal(answer_len, 3);
}

static void test_faults_by_chance(void **state)
{
    (void)state;
    line("lose 10");
    size_t bytes = answered(2000);
    // An answer needs its four bytes of request, 0.6561, and loses a tenth of its own six.
    assert_in_range(bytes, 6400, 7700);
    line("clean");
    line("flip 1");
    uint64_t before = board.counters.crc_errors;
    answered(5000);
    assert_in_range(board.counters.flipped, 350, 650);
    assert_in_range(board.counters.crc_errors - before, 60, 160);
    line("clean");
    line("late 50 30");
    int late = 0;
    for (int i = 0; i < 100; i++) {
        give("AA 18 7F 1A");
        listen(29 * MS);
        late += answer_len == 0;
        listen(29 * MS);
    }
    assert_in_range(late, 35, 65);
}

static void test_refuses_and_is_silent_by_order(void **state)
{
    (void)state;
    line("nack 315 2");
    ask("AA 0D 08 2C 01 45 0E 3B 01 D8 0E"); // 300 and 315: none is written
    assert_int_equal(answer[3], 2);
    assert_int_not_equal(nh_sim_board_register(&board, 300), 0x0E45);
    ask("AA 03 01 2C 00 64");
    assert_int_equal(answer[3], 2);
    line("nack none");
    ask("AA 03 01 2C 00 64");
    assert_int_equal(answer[1], 3);
    line("silence 0.5");
    assert_string_equal(ask("AA 18"), "");
    listen(500 * MS);
    assert_string_not_equal(ask("AA 18"), "");
}

static void test_restart_within_an_answer(void **state)
{
    (void)state;
    begin((struct nh_sim_board_config){.baud = 115200, .turnaround_us = 2000});
    give("AA 03 00 00 00 38 5D C3");
    listen(6 * MS);
    assert_true(answer_len > 16);
    line("restart");
    listen(50 * MS);
    assert_int_equal(answer_len, 0);
    listen(500 * MS);
    assert_string_not_equal(ask("AA 18"), "");
}

// ---- lines --------------------------------------------------------------------------------------

static void test_lines_that_are_wrong(void **state)
{
    static const struct {
        const char *line, *told;
    } rows[] = {
        {"jump", "\"jump\" is no line that the board knows; help shows them"},
        {"load", "load: (nothing) is not a number from 0 to 2000"},
        {"load -1", "load: -1 is not a number from 0 to 2000"},
        {"load 5x", "load: 5x is not a number from 0 to 2000"},
        {"wire 14 open", "wire: 14 is not a number from 1 to 13"},
        {"wire 5 loose", "wire: not like this; help shows how"},
        {"profile night", "profile: idle, charge, discharge or day"},
        {"flip 101", "flip: 101 is not a number from 0 to 100"},
        {"set 600 1", "set: 600 is not a number from 0 to 599"},
        {"factor 0", "factor: 0 is not a number from 1 to 3600"},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        told[0] = 0;
        assert_false(nh_sim_board_line(&board, rows[i].line, tell, NULL));
        assert_string_equal(told, rows[i].told);
    }
    for (int i = 0; i < NH_SIM_SET_MAX_COUNT; i++)
        set((uint16_t)i, 7);
    assert_false(nh_sim_board_line(&board, "set 100 1", tell, NULL));
    assert_string_equal(told, "set: 16 registers are set already");
    line("set 3 auto");
    line("set 100 1");
    line("");
    line("state");
    assert_non_null(strstr(told, "73.25 %"));
    line("counters");
    assert_non_null(strstr(told, "requests 0"));
    line("help");
    assert_non_null(strstr(told, "wire CELL"));
}

static void test_registers_of_cells(void **state)
{
    (void)state;
    line("wire 5 open");
    line("wire 6 high");
    listen(200 * MS);
    assert_int_equal(nh_sim_board_register(&board, 4), 0);
    assert_int_equal(nh_sim_board_register(&board, 5), 0xFFFF);
    line("wire 5 ok");
    line("wire 6 ok");
    listen(200 * MS);
    assert_in_range(nh_sim_board_register(&board, 4), 32000, 34000);
    begin((struct nh_sim_board_config){.is_descending = true, .pack = {.cell_count = 6}});
    assert_int_equal(nh_sim_board_register(&board, 53), 6);
    assert_int_equal(nh_sim_board_register(&board, 9), 0);
    for (uint16_t i = 0; i < 6; i++)
        assert_int_equal(nh_sim_board_register(&board, 15 - i), board.pack.cells[i].dmv);
    ask("AA 1C");
    assert_int_equal(answer[3] | answer[4] << 8, board.pack.cells[5].dmv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_published_exchanges, setup),
        cmocka_unit_test_setup(test_refused, setup),
        cmocka_unit_test_setup(test_all_ways_read_the_same, setup),
        cmocka_unit_test_setup(test_limits_of_settings, setup),
        cmocka_unit_test_setup(test_writes, setup),
        cmocka_unit_test_setup(test_a_change_of_mode_restarts, setup),
        cmocka_unit_test_setup(test_events, setup),
        cmocka_unit_test_setup(test_requests_in_pieces, setup),
        cmocka_unit_test_setup(test_noise_around_requests, setup),
        cmocka_unit_test_setup(test_any_bytes, setup),
        cmocka_unit_test_setup(test_bytes_take_their_time, setup),
        cmocka_unit_test_setup(test_the_pack_is_faster_than_the_line, setup),
        cmocka_unit_test_setup(test_sleep, setup),
        cmocka_unit_test_setup(test_broadcast, setup),
        cmocka_unit_test_setup(test_faults_by_turn, setup),
        cmocka_unit_test_setup(test_faults_by_chance, setup),
        cmocka_unit_test_setup(test_refuses_and_is_silent_by_order, setup),
        cmocka_unit_test_setup(test_restart_within_an_answer, setup),
        cmocka_unit_test_setup(test_lines_that_are_wrong, setup),
        cmocka_unit_test_setup(test_registers_of_cells, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
