// cmd_harness.c - nuthatch harness: what to run against which device, and what to do with it.

#include "harness/run.h"
#include "harness/summary.h"
#include "hub/cli_memory.h"
#include "hub/commands.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REPEAT_MAX_COUNT 100

static const char help_text[] =
    "Usage: nuthatch harness [SCENARIO] [ADDRESS[:PORT]] [options]\n"
    "       nuthatch harness report DIR\n"
    "       nuthatch harness --compare A B [--svg FILE]\n"
    "\n"
    "Plays a scenario against a device, reads its serial line, and says how much memory was left.\n"
    "The device is a nuthatch, or any firmware that prints the lines of docs/harness-firmware.md.\n"
    "Without a scenario: lists them.\n"
    "\n"
    "  --port PATH           serial line or pty; auto (default): /dev/ttyACM0, /dev/ttyUSB0;\n"
    "                        none: figures come from /api/health alone\n"
    "  --baud N              9600 to 921600; default 115200\n"
    "  --out DIR             default artifacts/memory-tests; a run is DIR/<time>_<scenario>\n"
    "  --no-reboot           the device is taken as it runs\n"
    "  --auth USER:PASSWORD  sent with every request\n"
    "  --timeout S           for reboot, address and readiness; default 45\n"
    "  --pause LIST          stop for Enter at serial_connected, after_reboot, after_ip,\n"
    "                        after_get_/, after_get_/network.html, after_get_/firmware.html; all\n"
    "  --non-interactive     never wait for Enter\n"
    "  --no-health           no requests to /api/health\n"
    "  --no-pages            s2 without its pages\n"
    "  --browser-parallel N  s6: requests at a time, 1 to 32; default 6\n"
    "  --browser-health-count N  s6: health requests in a burst; default 2\n"
    "  --images N            s3: rounds; default 5\n"
    "  --echo-serial         the device's lines on standard output\n"
    "\n"
    "  --limit NAME=VALUE    fail beyond it: hin_min, hm_min, pf_min, pm_min, stack_min (bytes, "
    "at\n"
    "                        least), frag_max, frag_hb_max (percent, at most); may be repeated\n"
    "  --expect LIST         tags that must come, instead of those of the scenario; none\n"
    "  --repeat N            N runs and their spread\n"
    "  --json                summary.json on standard output\n"
    "  --junit FILE          the verdict as JUnit XML\n"
    "  --svg FILE            with --compare: a picture\n"
    "\n"
    "Exit status: 0 passed; 1 failed, with the reasons; 2 it could not begin.\n"
    "\n"
    "Examples:\n"
    "  nuthatch harness s6 192.168.1.118 --limit hin_min=102400 --limit frag_hb_max=39\n"
    "  nuthatch harness s1 127.0.0.1:8080 --port /tmp/nuthatch-console\n"
    "  nuthatch harness s2 192.168.1.118 --port none --repeat 3\n"
    "  nuthatch harness --compare artifacts/memory-tests/20260109_120000_s6 \\\n"
    "      artifacts/memory-tests/20260110_120000_s6 --svg compare.svg\n";

enum {
    OPT_PORT = 256,
    OPT_BAUD,
    OPT_OUT,
    OPT_NO_REBOOT,
    OPT_AUTH,
    OPT_TIMEOUT,
    OPT_PAUSE,
    OPT_NON_INTERACTIVE,
    OPT_NO_HEALTH,
    OPT_NO_PAGES,
    OPT_PARALLEL,
    OPT_HEALTH_COUNT,
    OPT_IMAGES,
    OPT_ECHO,
    OPT_LIMIT,
    OPT_EXPECT,
    OPT_REPEAT,
    OPT_JSON,
    OPT_JUNIT,
    OPT_SVG,
    OPT_COMPARE,
};

static const struct option options[] = {
    {"port", required_argument, NULL, OPT_PORT},
    {"baud", required_argument, NULL, OPT_BAUD},
    {"out", required_argument, NULL, OPT_OUT},
    {"no-reboot", no_argument, NULL, OPT_NO_REBOOT},
    {"auth", required_argument, NULL, OPT_AUTH},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"pause", required_argument, NULL, OPT_PAUSE},
    {"non-interactive", no_argument, NULL, OPT_NON_INTERACTIVE},
    {"no-health", no_argument, NULL, OPT_NO_HEALTH},
    {"no-pages", no_argument, NULL, OPT_NO_PAGES},
    {"browser-parallel", required_argument, NULL, OPT_PARALLEL},
    {"browser-health-count", required_argument, NULL, OPT_HEALTH_COUNT},
    {"images", required_argument, NULL, OPT_IMAGES},
    {"echo-serial", no_argument, NULL, OPT_ECHO},
    {"limit", required_argument, NULL, OPT_LIMIT},
    {"expect", required_argument, NULL, OPT_EXPECT},
    {"repeat", required_argument, NULL, OPT_REPEAT},
    {"json", no_argument, NULL, OPT_JSON},
    {"junit", required_argument, NULL, OPT_JUNIT},
    {"svg", required_argument, NULL, OPT_SVG},
    {"compare", required_argument, NULL, OPT_COMPARE},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct asked {
    struct nh_harness_options o;
    const char *compare_a, *compare_b, *svg;
};

// ---- values ------------------------------------------------------------------------------------

static bool take_number(const char *name, const char *text, uint32_t min, uint32_t max,
                        uint32_t *out)
{
    char *rest;
    unsigned long n = strtoul(text, &rest, 10);
    if (text[0] < '0' || text[0] > '9' || *rest || n < min || n > max) {
        fprintf(stderr, "nuthatch harness: --%s %s is not a number from %u to %u\n", name, text,
                (unsigned)min, (unsigned)max);
        return false;
    }
    *out = (uint32_t)n;
    return true;
}

static bool take_limit(struct nh_harness_options *o, const char *text)
{
    const size_t len = strcspn(text, "=");
    char *rest;
    for (size_t i = 0; nh_harness_limit_names[i]; i++) {
        const char *name = nh_harness_limit_names[i];
        if (strlen(name) != len || memcmp(name, text, len) != 0 || text[len] != '=')
            continue;
        const unsigned long long value = strtoull(text + len + 1, &rest, 10);
        if (text[len + 1] < '0' || text[len + 1] > '9' || *rest ||
            o->limit_count == NH_HARNESS_LIMITS_MAX_COUNT)
            break;
        o->limits[o->limit_count++] = (struct nh_harness_limit){name, value};
        return true;
    }
    fprintf(stderr, "nuthatch harness: --limit %s is not NAME=VALUE with a name of", text);
    for (size_t i = 0; nh_harness_limit_names[i]; i++)
        fprintf(stderr, " %s", nh_harness_limit_names[i]);
    fprintf(stderr, ", at most %d of them\n", NH_HARNESS_LIMITS_MAX_COUNT);
    return false;
}

// "192.168.1.118" or "192.168.1.118:8080".
static bool take_address(struct nh_harness_options *o, const char *text)
{
    const char *colon = strrchr(text, ':');
    const size_t len = colon ? (size_t)(colon - text) : strlen(text);
    uint32_t port = 80;
    if (len == 0 || len >= sizeof o->host ||
        (colon && !take_number("port of the address", colon + 1, 1, 65535, &port))) {
        fprintf(stderr, "nuthatch harness: %s is not ADDRESS or ADDRESS:PORT\n", text);
        return false;
    }
    memcpy(o->host, text, len);
    o->host[len] = 0;
    o->http_port = (uint16_t)port;
    return true;
}

static bool take_baud(const char *text, uint32_t *out)
{
    static const uint32_t known[] = {9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600};
    if (!take_number("baud", text, 9600, 921600, out))
        return false;
    for (size_t i = 0; i < NH_ARRAY_LEN(known); i++)
        if (known[i] == *out)
            return true;
    fprintf(stderr, "nuthatch harness: --baud %s is no rate of a serial line\n", text);
    return false;
}

static bool take_auth(struct nh_harness_options *o, const char *text)
{
    o->auth = text;
    if (strchr(text, ':') && strlen(text) < 200)
        return true;
    fprintf(stderr, "nuthatch harness: --auth wants USER:PASSWORD, under 200 bytes\n");
    return false;
}

static bool take_flag(struct nh_harness_options *o, int option)
{
    bool *const flag = option == OPT_NO_REBOOT         ? &o->no_reboot
                       : option == OPT_NON_INTERACTIVE ? &o->non_interactive
                       : option == OPT_NO_HEALTH       ? &o->no_health
                       : option == OPT_NO_PAGES        ? &o->no_pages
                       : option == OPT_ECHO            ? &o->echo_serial
                       : option == OPT_JSON            ? &o->json
                                                       : NULL;
    if (flag)
        *flag = true;
    return flag != NULL;
}

static bool take_text(struct asked *a, int option)
{
    const char **const text = option == OPT_PORT     ? &a->o.serial
                              : option == OPT_OUT    ? &a->o.out
                              : option == OPT_PAUSE  ? &a->o.pause
                              : option == OPT_EXPECT ? &a->o.expect
                              : option == OPT_JUNIT  ? &a->o.junit
                              : option == OPT_SVG    ? &a->svg
                                                     : NULL;
    if (text)
        *text = optarg;
    return text != NULL;
}

// Takes one option. False: it was told what is wrong with it.
static bool take_option(struct asked *a, int option, int argc, char **argv)
{
    struct nh_harness_options *o = &a->o;
    if (take_flag(o, option) || take_text(a, option))
        return true;
    switch (option) {
    case OPT_BAUD:
        return take_baud(optarg, &o->baud);
    case OPT_AUTH:
        return take_auth(o, optarg);
    case OPT_TIMEOUT:
        return take_number("timeout", optarg, 1, 3600, &o->timeout_s);
    case OPT_PARALLEL:
        return take_number("browser-parallel", optarg, 1, NH_HARNESS_REQUESTS_MAX_COUNT,
                           &o->browser_parallel);
    case OPT_HEALTH_COUNT:
        return take_number("browser-health-count", optarg, 0, 16, &o->browser_health_count);
    case OPT_IMAGES:
        return take_number("images", optarg, 1, 1000, &o->image_count);
    case OPT_LIMIT:
        return take_limit(o, optarg);
    case OPT_REPEAT:
        return take_number("repeat", optarg, 1, REPEAT_MAX_COUNT, &o->repeat_count);
    case OPT_COMPARE:
        a->compare_a = optarg;
        a->compare_b = optind < argc ? argv[optind++] : NULL;
        return a->compare_b != NULL;
    default:
        return false; // getopt has told
    }
}

// ---- runs --------------------------------------------------------------------------------------

static void list_scenarios(FILE *out)
{
    fprintf(out, "Scenarios:\n");
    for (size_t i = 0; i < nh_harness_scenario_count; i++) {
        const struct nh_harness_scenario *s = &nh_harness_scenarios[i];
        fprintf(out, "  %-7s %-8s %s: %s\n", s->key, s->alias, s->title, s->text);
    }
    fprintf(out, "nuthatch harness --help tells the options.\n");
}

static const struct nh_harness_scenario *find_scenario(const char *name)
{
    for (size_t i = 0; i < nh_harness_scenario_count; i++) {
        const struct nh_harness_scenario *s = &nh_harness_scenarios[i];
        if (!strcasecmp(name, s->key) || !strcasecmp(name, s->name) || !strcasecmp(name, s->alias))
            return s;
    }
    return NULL;
}

static void print_spread(const struct nh_harness_run *const *runs, size_t count)
{
    printf("\n%zu runs          least         mean        most\n", count);
    for (size_t i = 0; nh_harness_limit_names[i]; i++) {
        uint64_t least = UINT64_MAX, most = 0, value;
        double sum = 0;
        size_t n = 0;
        for (size_t k = 0; k < count; k++) {
            if (!nh_harness_limit_figure(runs[k], nh_harness_limit_names[i], &value))
                continue;
            least = value < least ? value : least;
            most = value > most ? value : most;
            sum += (double)value;
            n++;
        }
        if (n > 0)
            printf("  %-11s %11" PRIu64 " %12.1f %11" PRIu64 "\n", nh_harness_limit_names[i], least,
                   sum / (double)n, most);
    }
}

static int finish(const struct nh_harness_options *o, struct nh_harness_run *const *runs,
                  size_t count, int status)
{
    const struct nh_harness_run *const *all = (const struct nh_harness_run *const *)runs;
    if (count > 1 && !o->json)
        print_spread(all, count);
    if (o->junit && count > 0 && nh_harness_junit_write(all, count, o->junit) != NH_OK) {
        fprintf(stderr, "nuthatch harness: cannot write %s\n", o->junit);
        status = status ? status : 1;
    }
    return status;
}

static int run_all(const struct nh_harness_options *o, const struct nh_harness_scenario *scenario,
                   struct nh_cli_memory *m)
{
    struct nh_harness_run *runs[REPEAT_MAX_COUNT];
    size_t count = 0;
    int status = 0;
    const bool is_list = o->json && o->repeat_count > 1;
    nh_harness_interrupt_watch();
    fputs(is_list ? "[" : "", stdout);
    while (count < o->repeat_count && status < 2 && !nh_harness_is_interrupted()) {
        struct nh_harness_run *r = nh_mem_alloc_zero(m->mem, sizeof *r, NH_MEM_BULK);
        if (!r)
            break;
        r->o = o;
        r->scenario = scenario;
        r->sys = m->sys;
        r->mem = m->mem;
        fputs(is_list && count ? "," : "", stdout);
        runs[count++] = r;
        const int one = nh_harness_run_one(r, o->json ? stdout : NULL);
        status = one > status ? one : status;
    }
    fputs(is_list ? "]\n" : "", stdout);
    if (status < 2)
        status = finish(o, runs, count, status);
    while (count > 0) {
        nh_harness_run_free(runs[--count]);
        nh_mem_free(m->mem, runs[count]);
    }
    return status;
}

static int act(struct asked *a, int argc, char **argv, struct nh_cli_memory *m)
{
    const int words = argc - optind;
    if (a->compare_a)
        return nh_harness_compare(m->mem, a->compare_a, a->compare_b, a->svg);
    if (words == 2 && strcmp(argv[optind], "report") == 0)
        return nh_harness_report(m->mem, argv[optind + 1]);
    const struct nh_harness_scenario *scenario = find_scenario(argv[optind]);
    if (!scenario) {
        fprintf(stderr, "nuthatch harness: no scenario \"%s\"\n", argv[optind]);
        list_scenarios(stderr);
        return 2;
    }
    a->o.scenario = argv[optind];
    if (words > 2 || (words == 2 && !take_address(&a->o, argv[optind + 1]))) {
        if (words > 2)
            fprintf(stderr, "nuthatch harness: what is \"%s\"?\n", argv[optind + 2]);
        return 2;
    }
    return run_all(&a->o, scenario, m);
}

int nh_command_harness(int argc, char **argv)
{
    struct asked a = {.o = {.serial = "auto",
                            .baud = 115200,
                            .http_port = 80,
                            .out = "artifacts/memory-tests",
                            .timeout_s = 45,
                            .pause = "",
                            .browser_parallel = 6,
                            .browser_health_count = 2,
                            .image_count = 5,
                            .repeat_count = 1}};
    struct nh_cli_memory m;
    int c;
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 'h') {
            fputs(help_text, stdout);
            return 0;
        }
        if (!take_option(&a, c, argc, argv)) {
            if (c == OPT_COMPARE)
                fprintf(stderr, "nuthatch harness: --compare wants two directories\n");
            return 2;
        }
    }
    if (optind == argc && !a.compare_a) {
        list_scenarios(stdout);
        return 0;
    }
    if (!nh_cli_memory_open(&m))
        return 2;
    const int status = act(&a, argc, argv, &m);
    nh_cli_memory_close(&m);
    return status;
}
