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
    answer_len = 0;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_published_exchanges, setup),
    };
    (void)read_registers;
    (void)begin;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
