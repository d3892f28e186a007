// main.c - the command: finds the verb and runs it.

#include "hub/commands.h"

#include <stdio.h>
#include <string.h>

static const struct nh_command commands[] = {
    {"run", nh_command_run, "start the hub"},
    {"mqtt", nh_command_mqtt, "run the broker alone, from a mosquitto.conf"},
    {"check", nh_command_check, "check a configuration, or the syntax of a JSON file"},
    {"sim", nh_command_sim, "play a simulated home, quest room or battery board"},
    {"harness", nh_command_harness, "measure a device's memory in a scenario"},
    {"battery", nh_command_battery, "settings of the battery's board: export, compare, apply"},
    {"lamp", nh_command_lamp, "play or record the lamp's effects without a lamp"},
    {"acl", nh_command_acl, "tell what a user of the broker may do, and by which rule"},
    {"ota", nh_command_ota, "sign a program for hubs that update themselves, and send it"},
    {"remote", nh_command_remote, "control a lamp by its radio, from the terminal or a script"},
    {"passwd", nh_command_passwd, "make users and the hashes of their passwords"},
};

static void help(FILE *out)
{
    fprintf(out, "nuthatch %s: a device hub in one small program\n\nUsage: nuthatch VERB [...]\n\n",
            NH_VERSION);
    for (size_t i = 0; i < NH_ARRAY_LEN(commands); i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].text);
    fprintf(out, "\nEach verb has --help with examples.\n");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        help(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("nuthatch %s\n", NH_VERSION);
        return 0;
    }
    for (size_t i = 0; i < NH_ARRAY_LEN(commands); i++) {
        char name[32]; // getopt begins its lines with it
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        snprintf(name, sizeof name, "nuthatch %s", commands[i].name);
        argv[1] = name;
        return commands[i].run(argc - 1, argv + 1);
    }
    fprintf(stderr, "nuthatch: no verb \"%s\"; nuthatch --help lists them\n", argv[1]);
    return 2;
}
