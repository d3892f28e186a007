// cmd_battery.c - nuthatch battery: the options and the verbs.

#include "cmd_battery.h"

#include "hub/commands.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help_text[] =
    "Usage: nuthatch battery settings export [FILE] [--backup N] [--hub URL]\n"
    "       nuthatch battery settings compare FILE [--hub URL]\n"
    "       nuthatch battery settings apply FILE [--yes] [--hub URL]\n"
    "       nuthatch battery settings set KEY=VALUE... [--yes] [--hub URL]\n"
    "       nuthatch battery settings backups [--hub URL]\n"
    "       nuthatch battery registers [--markdown]\n"
    "\n"
    "Settings of the battery's board, by the hub that it is connected to.\n"
    "\n"
    "  export      writes all settings to FILE (or standard output)\n"
    "  compare     shows what differs between FILE and the board; exit code 1 if anything does,\n"
    "              or if FILE has names or values that no setting has, or no settings at all\n"
    "  apply       shows it, asks, and writes what differs; each value is read back. Of a FILE\n"
    "              that compare finds fault with nothing is written\n"
    "  set         the same for single settings\n"
    "  backups     lists what the hub kept before each change\n"
    "  registers   lists every register of the board with unit, range and rights\n"
    "\n"
    "Before a change the hub keeps the settings as they were; to go back, export such a backup "
    "and\n"
    "apply it. See docs/battery-settings.md.\n"
    "\n"
    "  --hub URL             default http://127.0.0.1:8080\n"
    "  --user NAME, --password-file FILE   for a hub with a password\n"
    "  --backup N            export: not the board's settings, but those of backup N\n"
    "  --yes                 asks nothing, also where a setting is dangerous\n"
    "  --json                compare: the hub's reply as it is\n"
    "  --markdown            registers: as the tables of docs/battery-registers.md\n"
    "  --help                this text\n"
    "\n"
    "Examples:\n"
    "  nuthatch battery settings export pack.json\n"
    "  nuthatch battery settings export --backup 3 before.json\n"
    "  nuthatch battery settings compare pack.json --hub http://192.168.1.20:8080\n"
    "  nuthatch battery settings set fully_charged_voltage_mv=3600 broadcast_interval=off\n";

int battery_complain(const char *what, const char *which)
{
    fprintf(stderr, "nuthatch battery: %s: %s\n", which, what);
    return 1;
}

static int parse(int argc, char **argv, struct battery_options *o)
{
    static const struct option options[] = {
        {"hub", required_argument, NULL, 'H'},
        {"user", required_argument, NULL, 'u'},
        {"password-file", required_argument, NULL, 'p'},
        {"backup", required_argument, NULL, 'b'},
        {"yes", no_argument, NULL, 'y'},
        {"json", no_argument, NULL, 'j'},
        {"markdown", no_argument, NULL, 'm'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "yh", options, NULL)) != -1) {
        switch (c) {
        case 'H':
            o->hub = optarg;
            break;
        case 'u':
            o->user = optarg;
            break;
        case 'p':
            o->password_file = optarg;
            break;
        case 'b':
            o->backup = optarg;
            break;
        case 'y':
            o->is_sure = true;
            break;
        case 'j':
            o->as_json = true;
            break;
        case 'm':
            o->as_markdown = true;
            break;
        case 'h':
            fputs(help_text, stdout);
            return 1;
        default:
            fprintf(stderr, "nuthatch battery --help shows the options\n");
            return -1;
        }
    }
    o->args = argv + optind;
    o->arg_count = argc - optind;
    return 0;
}

int nh_command_battery(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const struct battery_options *o);
    } verbs[] = {{"settings", battery_settings}, {"registers", battery_registers}};
    struct battery_options o = {.hub = "http://127.0.0.1:8080"};
    int stop = parse(argc, argv, &o);
    if (stop != 0)
        return stop > 0 ? 0 : 2;
    for (size_t i = 0; o.arg_count > 0 && i < NH_ARRAY_LEN(verbs); i++)
        if (strcmp(o.args[0], verbs[i].name) == 0) {
            o.args++;
            o.arg_count--;
            return verbs[i].run(&o);
        }
    fprintf(stderr, "nuthatch battery: settings or registers? See --help\n");
    return 2;
}
