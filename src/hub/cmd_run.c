#include "hub/commands.h"
#include "hub/hub.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help_text[] =
    "Usage: nuthatch run [options]\n"
    "\n"
    "Starts the hub: MQTT broker, web portal, telemetry. Stops on Ctrl+C.\n"
    "\n"
    "  --config FILE        configuration (hub.yaml); default: built-in values\n"
    "  --http ADDR:PORT     portal; default 127.0.0.1:8080, port 0: a free one\n"
    "  --mqtt ADDR:PORT     broker; default 127.0.0.1:1883, port 0: a free one\n"
    "  --data DIR           folder of what the hub keeps; default ./data\n"
    "  --board NAME         esp32, esp32-s3 (default), esp32-p4 or linux\n"
    "  --console WHERE      telemetry lines: stdout (default), stderr, pty, pty:LINK, file:PATH\n"
    "                       or none\n"
    "  --window             the panel in a window of the desktop too (needs libsdl2-2.0-0);\n"
    "                       closing it stops the hub\n"
    "  --ready-json         one line of JSON on stdout once everything listens\n"
    "  --help               this text\n"
    "\n"
    "Options win over the file. SIGHUP reads the file again.\n"
    "\n"
    "Examples:\n"
    "  nuthatch run --config examples/home/hub.yaml\n"
    "  nuthatch run --board esp32 --http 127.0.0.1:0 --mqtt 127.0.0.1:0 --ready-json\n"
    "  nuthatch run --console pty:/tmp/nuthatch-console\n";

static int parse(int argc, char **argv, struct nh_hub_options *o)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"http", required_argument, NULL, 'H'},
        {"mqtt", required_argument, NULL, 'm'},   {"data", required_argument, NULL, 'd'},
        {"board", required_argument, NULL, 'b'},  {"console", required_argument, NULL, 'o'},
        {"window", no_argument, NULL, 'w'},       {"ready-json", no_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            o->config_file = optarg;
            break;
        case 'H':
            o->http = optarg;
            break;
        case 'm':
            o->mqtt = optarg;
            break;
        case 'd':
            o->data = optarg;
            break;
        case 'b':
            o->board = optarg;
            break;
        case 'o':
            o->console = optarg;
            break;
        case 'w':
            o->window = true;
            break;
        case 'r':
            o->ready_json = true;
            break;
        case 'h':
            fputs(help_text, stdout);
            return 1;
        default:
            fprintf(stderr, "nuthatch run --help shows the options\n");
            return -1;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "nuthatch run: \"%s\" is not an option; --help shows them\n", argv[optind]);
        return -1;
    }
    return 0;
}

static void hear_nothing(void *ctx, const struct nh_finding *f)
{
    (void)ctx;
    (void)f;
}

int nh_command_run(int argc, char **argv)
{
    struct nh_hub_config cfg;
    struct nh_hub_options o = {0};
    int stop = parse(argc, argv, &o);
    if (stop != 0)
        return stop > 0 ? 0 : 2;
    const char *name = o.config_file ? o.config_file : "command line";
    // What a program is started with again: its name and the verb stand before the options.
    char **whole = argv - 1, verb[] = "run";
    argv[0] = verb;
    // An updated program may know fields that this one does not: it judges the configuration.
    int err = nh_hub_config_load(&o, &cfg, hear_nothing, NULL);
    if (err == 0 || err == NH_ERR_INVAL)
        nh_hub_launch(&cfg, whole, false);
    if (nh_hub_config_load(&o, &cfg, nh_command_print_finding, (void *)(uintptr_t)name) < 0) {
        fprintf(stderr, "nuthatch: not started; mend the configuration first\n");
        return 2;
    }
    int code = nh_hub_run(&cfg, &o);
    if (code != NH_HUB_RUN_OTHER)
        return code;
    nh_hub_launch(&cfg, whole, true);
    return 1; // it said why the other program cannot be started
}
