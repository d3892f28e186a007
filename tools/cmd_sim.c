// cmd_sim.c - nuthatch sim: which simulator, and where its broker is.

#include "battery/run.h"
#include "hub/commands.h"
#include "sim_mqtt.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECONDS_MAX 31536000

static const char help_text[] =
    "Usage: nuthatch sim home|room [--mqtt ADDR:PORT] [--user NAME --password-file FILE]\n"
    "                              [--seconds N] [--with-parent] [--auto]\n"
    "       nuthatch sim battery [--link PATH] [options]\n"
    "\n"
    "home: a small home against a broker: sensors that report, a phone and a robot that come and\n"
    "go. room: a quest room with two card readers, a beam, a door and a robot, played by keys, by\n"
    "lines on the input, or by messages on sim/room/...; its configuration:\n"
    "examples/devices/room.yaml. For the demo; a real device replaces one of these by using its\n"
    "topic. battery: a board of a battery on a serial line; its options: nuthatch sim battery\n"
    "--help.\n"
    "\n"
    "  --mqtt ADDR:PORT      broker; default 127.0.0.1:1883\n"
    "  --user NAME           sign in as this user\n"
    "  --password-file FILE  with the first line of this file\n"
    "  --seconds N           stop after N seconds; default: on Ctrl+C\n"
    "  --with-parent         stop when the program that started this one ends\n"
    "  --auto                room: plays a round by itself, again and again\n"
    "\n"
    "Examples:\n"
    "  nuthatch sim home --mqtt 127.0.0.1:1883\n"
    "  nuthatch sim room\n"
    "  echo 'touch reader1 04A1B2C3' | nuthatch sim room --seconds 2\n"
    "  nuthatch sim battery --link battery.tty --profile day\n";

static bool set_broker(struct nh_sim *sim, const char *address)
{
    char host[32];
    const char *colon = strrchr(address, ':');
    if (!colon || (size_t)(colon - address) >= sizeof host)
        return false;
    memcpy(host, address, (size_t)(colon - address));
    host[colon - address] = 0;
    int port = atoi(colon + 1);
    sim->broker.sin_port = htons((uint16_t)port);
    return port > 0 && port < 65536 && inet_pton(AF_INET, host, &sim->broker.sin_addr) == 1;
}

static bool set_end(struct nh_sim *sim, const char *seconds)
{
    char *rest;
    long n = strtol(seconds, &rest, 10);
    sim->end_ms = nh_sim_now_ms() + (int64_t)n * 1000;
    return n > 0 && n <= SECONDS_MAX && *rest == 0;
}

// The first line of a file, without its end; what is longer than `password` holds is an error.
static bool read_password(struct nh_sim *sim, const char *path)
{
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    bool is_read = fgets(sim->password, sizeof sim->password, f) != NULL;
    fclose(f);
    size_t len = is_read ? strcspn(sim->password, "\r\n") : 0;
    bool fits = len < sizeof sim->password - 1;
    sim->password[len] = 0;
    return is_read && fits;
}

// Takes one option's argument. False: it was told what is wrong with it.
static bool take_option(struct nh_sim *sim, int option)
{
    if (option == 'm' && !set_broker(sim, optarg))
        fprintf(stderr, "nuthatch sim: --mqtt %s is not an IPv4 address with a port\n", optarg);
    else if (option == 's' && !set_end(sim, optarg))
        fprintf(stderr, "nuthatch sim: --seconds %s is not a number from 1 to %d\n", optarg,
                SECONDS_MAX);
    else if (option == 'u' &&
             snprintf(sim->user, sizeof sim->user, "%s", optarg) >= (int)sizeof sim->user)
        fprintf(stderr, "nuthatch sim: --user has over %zu bytes\n", sizeof sim->user - 1);
    else if (option == 'p' && !read_password(sim, optarg))
        fprintf(stderr,
                "nuthatch sim: --password-file %s: no first line of at most %zu bytes to read\n",
                optarg, sizeof sim->password - 2);
    else
        return option != '?'; // that one getopt has told
    return false;
}

int nh_command_sim(int argc, char **argv)
{
    static const struct option options[] = {
        {"mqtt", required_argument, NULL, 'm'},  {"seconds", required_argument, NULL, 's'},
        {"user", required_argument, NULL, 'u'},  {"password-file", required_argument, NULL, 'p'},
        {"with-parent", no_argument, NULL, 'w'}, {"auto", no_argument, NULL, 'a'},
        {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0}};
    static struct nh_sim sim = {.broker = {.sin_family = AF_INET}, .end_ms = INT64_MAX};
    int c;
    if (argc > 1 && strcmp(argv[1], "battery") == 0) {
        char name[] = "nuthatch sim battery"; // what getopt tells faults as
        argv[1] = name;
        return nh_sim_battery(argc - 1, argv + 1);
    }
    set_broker(&sim, "127.0.0.1:1883");
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 'h') {
            fputs(help_text, stdout);
            return 0;
        }
        if (!take_option(&sim, c))
            return 2;
        if (c == 'w')
            sim.parent = getppid();
        if (c == 'a')
            sim.is_auto = true;
    }
    const char *name = optind + 1 == argc ? argv[optind] : "";
    bool is_room = strcmp(name, "room") == 0;
    if ((!is_room && strcmp(name, "home") != 0) || (sim.is_auto && !is_room)) {
        fputs(help_text, stderr);
        return 2;
    }
    nh_sim_signals();
    return is_room ? nh_sim_room_run(&sim) : nh_sim_home(&sim);
}
