// cmd_remote.c - nuthatch remote: which lamp, by which air, and what is wanted.

#include "cmd_remote.h"

#include "hub/commands.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help_text[] =
    "Usage: nuthatch remote [OPTIONS]                   a remote control in the terminal\n"
    "       nuthatch remote [OPTIONS] --set KEY=VALUE...  changes something and ends\n"
    "       nuthatch remote [OPTIONS] status|list|ota|pair|lamps\n"
    "       nuthatch remote [OPTIONS] ping [COUNT]\n"
    "       nuthatch remote [OPTIONS] add ADDRESS [NODE]\n"
    "       nuthatch remote [OPTIONS] forget NAME|ADDRESS\n"
    "\n"
    "Controls a lamp by its radio: on this machine a multicast group on loopback. A lamp has to\n"
    "be paired once: open its window (portal, page Lamp; or POST /api/lamp/radio/pair), then\n"
    "nuthatch remote pair. Both show six digits; they have to be the same.\n"
    "Exit codes: 0: done. 1: no answer, or refused. 2: wrong usage.\n"
    "\n"
    "  --set                 power=on|off effect=NAME brightness=0..255 speed=10..300\n"
    "                        pause=on|off intensity=0..255 palette=NUMBER|auto overlay=on|off\n"
    "                        overlay_mode=idle|listen|speak overlay_blend=alpha|add|max\n"
    "                        volume=0..100; one after the other, each answered by the lamp\n"
    "  --json                one JSON object instead of text\n"
    "  --lamp NAME|ADDRESS   of several paired ones; default: the one used last\n"
    "  --timeout SECONDS     how long an answer is waited for; default 10\n"
    "  --seconds N           pair: how long a lamp is looked for; default 60\n"
    "  --yes                 pair: the digits are compared at the lamp; ota: do not ask\n"
    "  --name NAME           pair: what the lamp calls this remote; default: the host's name\n"
    "  --state DIR           lamps and lists; default $XDG_STATE_HOME/nuthatch/remote\n"
    "  --channel N           where the lamp is looked for first\n"
    "  --group ADDR, --port N, --interface ADDR   the air; defaults 239.255.76.76, 37676,\n"
    "                        127.0.0.1, as in section lamp_radio of hub.yaml\n"
    "  --loss-pct N, --delay-ms N, --duplicate-pct N   how bad the air is for this remote\n"
    "  --help                this text\n"
    "\n"
    "Examples:\n"
    "  nuthatch remote pair\n"
    "  nuthatch remote --set effect=FIRE brightness=120\n"
    "  nuthatch remote status --json\n";

// ---- options -----------------------------------------------------------------------------------

static bool set_number(const char *option, const char *text, long min, long max, long *out)
{
    char *rest;
    *out = strtol(text, &rest, 10);
    if (text[0] && *rest == 0 && *out >= min && *out <= max)
        return true;
    fprintf(stderr, "nuthatch remote: --%s %s is not a number from %ld to %ld\n", option, text, min,
            max);
    return false;
}

static bool set_dir(struct nh_remote_options *o, const char *dir)
{
    if (snprintf(o->state_dir, sizeof o->state_dir, "%s", dir) < (int)sizeof o->state_dir && dir[0])
        return true;
    fprintf(stderr, "nuthatch remote: --state has 1 to %zu bytes\n", sizeof o->state_dir - 1);
    return false;
}

static bool take_number(struct nh_remote_options *o, int option, const char *name)
{
    static const struct {
        int option;
        long min, max;
    } ranges[] = {{'P', 1, 65535}, {'c', 1, NH_RADIO_CHANNEL_MAX},
                  {'L', 0, 100},   {'D', 0, 1000},
                  {'U', 0, 100},   {'t', 1, 3600},
                  {'S', 1, 300}};
    long n = 0;
    for (size_t i = 0; i < NH_ARRAY_LEN(ranges); i++)
        if (ranges[i].option == option &&
            !set_number(name, optarg, ranges[i].min, ranges[i].max, &n))
            return false;
    switch (option) {
    case 'P':
        o->port = (uint16_t)n;
        break;
    case 'c':
        o->channel = (uint8_t)n;
        break;
    case 'L':
        o->loss_pct = (uint32_t)n;
        break;
    case 'D':
        o->delay_ms = (uint32_t)n;
        break;
    case 'U':
        o->duplicate_pct = (uint32_t)n;
        break;
    case 't':
        o->timeout_s = (uint32_t)n;
        break;
    default:
        o->seconds = (uint32_t)n;
    }
    return true;
}

static bool take_option(struct nh_remote_options *o, int option, const char *name, bool *is_set)
{
    switch (option) {
    case 's':
        *is_set = true;
        break;
    case 'j':
        o->as_json = true;
        break;
    case 'y':
        o->says_yes = true;
        break;
    case 'l':
        o->lamp = optarg;
        break;
    case 'n':
        o->name = optarg;
        break;
    case 'g':
        o->group = optarg;
        break;
    case 'i':
        o->interface = optarg;
        break;
    case 'd':
        return set_dir(o, optarg);
    case '?':
        return false;
    default:
        return take_number(o, option, name);
    }
    return true;
}

static void set_defaults(struct nh_remote_options *o)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    *o = (struct nh_remote_options){.timeout_s = 10, .seconds = 60};
    if (state && state[0] == '/')
        snprintf(o->state_dir, sizeof o->state_dir, "%s/nuthatch/remote", state);
    else
        snprintf(o->state_dir, sizeof o->state_dir, "%s/.local/state/nuthatch/remote",
                 home ? home : "");
}

// ---- verbs -------------------------------------------------------------------------------------

static int wrong_usage(void)
{
    fputs(help_text, stderr);
    return 2;
}

static int run_verb(const struct nh_remote_options *o, char **words, int count)
{
    static const struct {
        const char *name;
        int (*run)(const struct nh_remote_options *o);
    } verbs[] = {{"status", nh_remote_status},
                 {"list", nh_remote_list},
                 {"ota", nh_remote_ota},
                 {"pair", nh_remote_pair},
                 {"lamps", nh_remote_lamps}};
    for (size_t i = 0; i < NH_ARRAY_LEN(verbs); i++)
        if (count == 1 && strcmp(words[0], verbs[i].name) == 0)
            return verbs[i].run(o);
    if (strcmp(words[0], "ping") == 0 && count <= 2)
        return nh_remote_ping(o, count == 2 ? words[1] : NULL);
    if (strcmp(words[0], "add") == 0 && (count == 2 || count == 3))
        return nh_remote_add(o, words[1], count == 3 ? words[2] : NULL);
    if (strcmp(words[0], "forget") == 0 && count == 2)
        return nh_remote_forget(o, words[1]);
    return wrong_usage();
}

int nh_command_remote(int argc, char **argv)
{
    static const struct option options[] = {{"set", no_argument, NULL, 's'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"yes", no_argument, NULL, 'y'},
                                            {"lamp", required_argument, NULL, 'l'},
                                            {"name", required_argument, NULL, 'n'},
                                            {"group", required_argument, NULL, 'g'},
                                            {"interface", required_argument, NULL, 'i'},
                                            {"state", required_argument, NULL, 'd'},
                                            {"port", required_argument, NULL, 'P'},
                                            {"channel", required_argument, NULL, 'c'},
                                            {"loss-pct", required_argument, NULL, 'L'},
                                            {"delay-ms", required_argument, NULL, 'D'},
                                            {"duplicate-pct", required_argument, NULL, 'U'},
                                            {"timeout", required_argument, NULL, 't'},
                                            {"seconds", required_argument, NULL, 'S'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct nh_remote_options o;
    bool is_set = false;
    int c, index = 0;
    set_defaults(&o);
    while ((c = getopt_long(argc, argv, "h", options, &index)) != -1) {
        if (c == 'h') {
            fputs(help_text, stdout);
            return 0;
        }
        if (!take_option(&o, c, options[index].name, &is_set))
            return 2;
    }
    if (is_set)
        return optind < argc ? nh_remote_set(&o, argv + optind, argc - optind) : wrong_usage();
    return optind < argc ? run_verb(&o, argv + optind, argc - optind) : nh_remote_screen(&o);
}
