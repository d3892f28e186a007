// cmd_sim_battery.c - nuthatch sim battery: the options of a simulated battery board.

#include "battery/run.h"
#include "sim_mqtt.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECONDS_MAX 31536000

static const char help_text[] =
    "Usage: nuthatch sim battery [--link PATH] [options]\n"
    "\n"
    "A battery board (Tiny BMS) with its cells on a pseudo terminal, whose path is the first line\n"
    "that is printed. What happens to it comes by lines on the input: \"charger on\", \"load "
    "40\",\n"
    "\"wire 5 open\", \"silence 3\", \"unplug 5\"; \"help\" lists them.\n"
    "\n"
    "  --link PATH          also a symbolic link to the terminal, for a configuration; one\n"
    "                       simulator at a time has it\n"
    "  --cells N            4 to 16; default 13\n"
    "  --capacity AH        1 to 650; default 100\n"
    "  --chemistry NAME     lfp (default) or nmc\n"
    "  --soc PERCENT        at the start; default 60\n"
    "  --profile NAME       charge, discharge, day or idle (default)\n"
    "  --charge-a A         of the charger, and --load-a A; default: a fifth of the capacity\n"
    "  --hour H             of the day, for the profile day; default 10\n"
    "  --factor N           the pack's time runs 1 to 3600 times as fast\n"
    "  --air C              around the pack; default 22\n"
    "  --sensors N          external temperature sensors, 0 to 2 (default)\n"
    "  --low-power          the small board: activity begins at 80 mA, not at 800\n"
    "  --descending         the first cell stands in register 15\n"
    "  --sleep              goes to sleep after 10 s with nothing to do\n"
    "  --broadcast F:I      text by itself: format 0 to 2, interval 1 to 7\n"
    "  --flip PERCENT       of bytes, either way, have one bit wrong; --lose PERCENT: are lost\n"
    "  --late PERCENT[:MS]  of answers come later, by 500 ms\n"
    "  --drop-every N       each Nth answer is not sent\n"
    "  --nack REG[:CODE]    who asks for this register is refused\n"
    "  --turnaround MS      from a request to its answer; default 2\n"
    "  --no-pace            bytes take no time; default: as at 115,200 baud\n"
    "  --portion BYTES      comes at once, 1 to 272; default: an answer as a whole\n"
    "  --line TEXT          a line as on the input, at the start; may be repeated\n"
    "  --seed N             of chance; default 1\n"
    "  --seconds N          stop after N seconds; default: on Ctrl+C\n"
    "  --with-parent        stop when the program that started this one ends\n"
    "\n"
    "Examples:\n"
    "  nuthatch sim battery --link battery.tty --profile day --factor 60\n"
    "  mbpoll -m rtu -a 170 -b 115200 -P none -t 4 -0 -r 0 -c 16 -1 battery.tty\n"
    "  echo 'unplug 5' | nuthatch sim battery --link battery.tty --seconds 60\n";

enum option_id {
    FIRST = 256,
    LINK,
    CHEMISTRY,
    SECONDS,
    LINE,
    SLEEP,
    LOW_POWER,
    DESCENDING,
    NO_PACE,
    WITH_PARENT,
    HELP,
    NUMBERS, // from here on in the table below
};

// Options that are one number of the configuration.
static const struct number {
    const char *name;
    double least, most;
} numbers[] = {
    {"cells", 4, 16},        {"capacity", 1, 650},     {"soc", 0, 100},
    {"charge-a", 0.1, 1000}, {"load-a", 0.1, 2000},    {"hour", 0, 24},
    {"sensors", 0, 2},       {"turnaround", 0, 10000}, {"portion", 1, NH_SIM_FRAME_MAX_BYTES},
    {"seed", 0, 4294967295},
};
// Options that are a line of the board's. A ':' in their argument is a blank there.
static const struct word {
    const char *name, *verb;
} words[] = {
    {"profile", "profile"}, {"factor", "factor"},   {"air", "air"},
    {"broadcast", "text"},  {"flip", "flip"},       {"lose", "lose"},
    {"late", "late"},       {"drop-every", "drop"}, {"nack", "nack"},
};

#define OPTION_COUNT (10 + NH_ARRAY_LEN(numbers) + NH_ARRAY_LEN(words) + 1)

static void list_options(struct option *out)
{
    static const struct option plain[] = {
        {"link", required_argument, NULL, LINK},
        {"chemistry", required_argument, NULL, CHEMISTRY},
        {"seconds", required_argument, NULL, SECONDS},
        {"line", required_argument, NULL, LINE},
        {"sleep", no_argument, NULL, SLEEP},
        {"low-power", no_argument, NULL, LOW_POWER},
        {"descending", no_argument, NULL, DESCENDING},
        {"no-pace", no_argument, NULL, NO_PACE},
        {"with-parent", no_argument, NULL, WITH_PARENT},
        {"help", no_argument, NULL, HELP},
    };
    _Static_assert(NH_ARRAY_LEN(plain) == 10, "OPTION_COUNT");
    memcpy(out, plain, sizeof plain);
    out += NH_ARRAY_LEN(plain);
    for (size_t i = 0; i < NH_ARRAY_LEN(numbers); i++)
        *out++ = (struct option){numbers[i].name, required_argument, NULL, NUMBERS + (int)i};
    for (size_t i = 0; i < NH_ARRAY_LEN(words); i++)
        *out++ = (struct option){words[i].name, required_argument, NULL,
                                 NUMBERS + (int)(NH_ARRAY_LEN(numbers) + i)};
    *out = (struct option){0};
}

static bool add_line(struct nh_sim_battery_options *o, const char *verb, const char *text)
{
    if (o->first_count == NH_SIM_FIRST_LINE_MAX_COUNT) {
        fprintf(stderr, "nuthatch sim battery: over %d lines\n", NH_SIM_FIRST_LINE_MAX_COUNT);
        return false;
    }
    char *line = o->first[o->first_count++];
    int len = snprintf(line, sizeof o->first[0], "%s%s%s", verb, *verb ? " " : "", text);
    for (char *at = line; *verb && *at; at++)
        if (*at == ':')
            *at = ' ';
    if (len < (int)sizeof o->first[0])
        return true;
    fprintf(stderr, "nuthatch sim battery: \"%s\" is over %zu bytes long\n", text,
            sizeof o->first[0] - 1);
    return false;
}

static bool take_number(struct nh_sim_board_config *c, size_t which, const char *text)
{
    char *rest;
    double n = strtod(text, &rest);
    if (rest == text || *rest || !(n >= numbers[which].least && n <= numbers[which].most)) {
        fprintf(stderr, "nuthatch sim battery: --%s %s is not a number from %.10g to %.10g\n",
                numbers[which].name, text, numbers[which].least, numbers[which].most);
        return false;
    }
    const char *name = numbers[which].name;
    if (strcmp(name, "cells") == 0)
        c->pack.cell_count = (uint8_t)n;
    else if (strcmp(name, "capacity") == 0)
        c->pack.capacity_ah = n;
    else if (strcmp(name, "soc") == 0)
        c->pack.soc_pct = n;
    else if (strcmp(name, "charge-a") == 0)
        c->pack.charge_a = n;
    else if (strcmp(name, "load-a") == 0)
        c->pack.load_a = n;
    else if (strcmp(name, "hour") == 0)
        c->pack.day_start_s = (uint32_t)lround(n * 3600);
    else if (strcmp(name, "sensors") == 0)
        c->pack.external_sensors = (uint8_t)n;
    else if (strcmp(name, "portion") == 0)
        c->portion_bytes = (uint32_t)n;
    else if (strcmp(name, "turnaround") == 0)
        c->turnaround_us = (uint32_t)lround(n * 1000);
    else
        c->pack.seed = (uint64_t)n;
    return true;
}

static bool take_chemistry(struct nh_sim_board_config *c, const char *name)
{
    bool is_nmc = strcmp(name, "nmc") == 0;
    c->pack.chemistry = is_nmc ? NH_SIM_NMC : NH_SIM_LFP;
    if (is_nmc || strcmp(name, "lfp") == 0)
        return true;
    fprintf(stderr, "nuthatch sim battery: --chemistry %s is neither lfp nor nmc\n", name);
    return false;
}

static bool take_seconds(struct nh_sim_battery_options *o, const char *text)
{
    char *rest;
    long n = strtol(text, &rest, 10);
    o->end_ms = nh_sim_now_ms() + (int64_t)n * 1000;
    if (n > 0 && n <= SECONDS_MAX && *rest == 0)
        return true;
    fprintf(stderr, "nuthatch sim battery: --seconds %s is not a number from 1 to %d\n", text,
            SECONDS_MAX);
    return false;
}

static void take_flag(struct nh_sim_battery_options *o, int id)
{
    switch (id) {
    case SLEEP:
        o->board.may_sleep = true;
        break;
    case LOW_POWER:
        o->board.pack.is_low_power = true;
        break;
    case DESCENDING:
        o->board.is_descending = true;
        break;
    case NO_PACE:
        o->board.baud = 0;
        break;
    default:
        o->parent = getppid();
    }
}

// False: it was told what is wrong with it.
static bool take_option(struct nh_sim_battery_options *o, int id)
{
    if (id == '?')
        return false; // that one getopt has told
    if (id == LINK)
        o->link = optarg;
    else if (id == CHEMISTRY)
        return take_chemistry(&o->board, optarg);
    else if (id == SECONDS)
        return take_seconds(o, optarg);
    else if (id == LINE)
        return add_line(o, "", optarg);
    else if (id < NUMBERS)
        take_flag(o, id);
    else if (id < NUMBERS + (int)NH_ARRAY_LEN(numbers))
        return take_number(&o->board, (size_t)(id - NUMBERS), optarg);
    else
        return add_line(o, words[(size_t)(id - NUMBERS) - NH_ARRAY_LEN(numbers)].verb, optarg);
    return true;
}

int nh_sim_battery(int argc, char **argv)
{
    struct option options[OPTION_COUNT];
    struct nh_sim_battery_options o = {.end_ms = INT64_MAX,
                                       .board = {.pack = {.soc_pct = -1,
                                                          .ambient_c = 22,
                                                          .external_sensors = 2,
                                                          .day_start_s = 10 * 3600,
                                                          .seed = 1},
                                                 .faults = {.nack_address = -1},
                                                 .baud = 115200,
                                                 .portion_bytes = NH_SIM_FRAME_MAX_BYTES,
                                                 .turnaround_us = 2000,
                                                 .text_format = 1}};
    int id;
    list_options(options);
    while ((id = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (id == HELP) {
            fputs(help_text, stdout);
            return 0;
        }
        if (!take_option(&o, id))
            return 2;
    }
    if (optind != argc) {
        fprintf(stderr, "nuthatch sim battery: \"%s\" is no option\n", argv[optind]);
        return 2;
    }
    return nh_sim_battery_run(&o);
}
