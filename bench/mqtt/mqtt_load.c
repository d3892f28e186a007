// mqtt_load - a load for any broker that speaks MQTT 3.1.1 or 5.0: one process, one epoll.

#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define PEERS_MAX 1024

static const struct mode {
    const char *name;
    uint64_t (*run)(void);
} modes[] = {{"flow", load_flow},
             {"idle", load_idle},
             {"connect", load_connect},
             {"retained", load_retained}};

static const char help_text[] =
    "Usage: mqtt_load [options]\n"
    "Loads an MQTT broker on a loopback address and prints JSON, one line.\n\n"
    "  --mode flow          messages (default)\n"
    "         idle          connections with a subscription each, held until stdin ends\n"
    "         connect       connections that come and go\n"
    "         retained      retained messages stored; after a line on stdin, replayed\n"
    "  --host ADDR --port N broker; default 127.0.0.1:1883\n"
    "  --unix PATH          the broker's Unix socket instead; keep --parallel under its backlog\n"
    "  --version 4|5        MQTT 3.1.1 (default) or 5.0\n"
    "flow: --publishers N --subscribers N    default 10 and 10; each subscriber gets all\n"
    "      --qos 0|1|2  --seconds S\n"
    "      --payload BYTES  24 to 60000, default 64\n"
    "      --window N     messages on their way in all, default 1000\n"
    "      --inflight N   unacknowledged ones of a publisher, default 60\n"
    "      --rate N       publish N messages a second in all; default: as fast as it goes\n"
    "others: --connections N   or retained messages; default 1000\n"
    "      --parallel N   connections on their way in, default 64\n"
    "      --replays N    the median is told, default 5\n\n"
    "Exit codes: 0 all right, 1 messages lost, repeated, out of order or damaged,\n"
    "2 wrong usage, 3 the broker or the machine failed.\n\n"
    "Example: mqtt_load --port 1883 --publishers 10 --subscribers 10 --qos 0 --seconds 3\n";

#define NUMBER(name, field, lo, hi)                                                                \
    {                                                                                              \
        name, &load_opt.field, lo, hi                                                              \
    }

static const struct number {
    const char *name;
    int *value;
    int min, max;
} numbers[] = {
    NUMBER("port", port, 1, 65535),
    NUMBER("version", version, 4, 5),
    NUMBER("publishers", publishers, 1, PEERS_MAX),
    NUMBER("subscribers", subscribers, 0, PEERS_MAX),
    NUMBER("qos", qos, 0, 2),
    NUMBER("payload", payload, LOAD_STAMP_BYTES, LOAD_PAYLOAD_MAX),
    NUMBER("window", window, 1, 1000000),
    NUMBER("inflight", inflight, 1, 60000),
    NUMBER("rate", rate, 0, 1000000),
    NUMBER("connections", connections, 1, 1000000),
    NUMBER("parallel", parallel, 1, 10000),
    NUMBER("replays", replays, 1, 1000),
};

static _Noreturn void usage(const char *what, const char *value)
{
    fprintf(stderr, "mqtt_load: %s %s; --help shows the options\n", what, value);
    exit(2);
}

static void set_number(const char *name, const char *text)
{
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const struct number *n = &numbers[i];
        char *end;
        if (strcmp(name, n->name) != 0)
            continue;
        long value = strtol(text, &end, 10);
        if (*end || end == text || value < n->min || value > n->max)
            usage(n->name, text);
        *n->value = (int)value;
        return;
    }
    usage("no option", name);
}

static void set_option(const char *name, const char *value)
{
    char *end;
    if (strcmp(name, "mode") == 0)
        load_opt.mode = value;
    else if (strcmp(name, "host") == 0)
        load_opt.host = value;
    else if (strcmp(name, "unix") == 0)
        load_opt.unix_path = value;
    else if (strcmp(name, "seconds") != 0)
        set_number(name, value);
    else if (load_opt.seconds = strtod(value, &end), *end || !(load_opt.seconds > 0))
        usage(name, value);
}

static void parse(int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help_text, stdout);
            exit(0);
        }
        if (strncmp(argv[i], "--", 2) != 0 || i + 1 == argc)
            usage("not an option with a value:", argv[i]);
        set_option(argv[i] + 2, argv[i + 1]);
    }
    if (strncmp(load_opt.host, "127.", 4) != 0)
        usage("not a loopback address:", load_opt.host);
}

int main(int argc, char **argv)
{
    struct rlimit files;
    parse(argc, argv);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strcmp(modes[i].name, load_opt.mode) == 0)
            return modes[i].run() ? 1 : 0;
    usage("no mode", load_opt.mode);
}
