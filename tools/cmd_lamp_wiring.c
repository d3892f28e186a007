// cmd_lamp_wiring.c - nuthatch lamp wiring, nuthatch lamp pixel: for who solders. No hub is needed.

#include "core/base/log.h"
#include "hub/cli_memory.h"
#include "hub/commands.h"
#include "hub/hub_lamp_hw.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SETTLE_MS 50 // from power to the first pulse
#define SECONDS_MAX 86400
#define COLUMNS_MAX 160 // of a terminal that is wide; what is wider is left to --json

static const char help_text[] =
    "Usage: nuthatch lamp wiring|pixel [OPTIONS]\n"
    "\n"
    "wiring: which LED of the chain lights which pixel, as the lamp hangs. pixel: lights one LED\n"
    "and nothing else, by one frame, and is then silent: what flickers now is the wiring or the\n"
    "supply. The switch of the panels, if there is one, goes on before and off at the end. Stop\n"
    "the hub first: both would send.\n"
    "\n"
    "  --config FILE   the hub's configuration: sections lamp and lamp_hardware\n"
    "  --json          wiring: all numbers, rows from the bottom\n"
    "  --at X,Y        pixel: this one; 0,0 is at the bottom left, and the default\n"
    "  --led N         pixel: or the N-th of the chain, from 0\n"
    "  --color RRGGBB  pixel: default FFFFFF\n"
    "  --level N       pixel: of 255, default 32\n"
    "  --seconds N     pixel: ends then; default: with Ctrl-C\n"
    "  --help          this text\n"
    "\n"
    "Examples:\n"
    "  nuthatch lamp wiring --config hub.yaml\n"
    "  nuthatch lamp pixel --config hub.yaml --led 256 --color 00FF00\n";

struct options {
    const char *config_file;
    bool as_json, has_led, has_at, has_seconds; // no seconds: until a signal
    unsigned long x, y, led, color, level, seconds;
};

// ---- options -----------------------------------------------------------------------------------

static bool take_number(const char *arg, int base, unsigned long high, unsigned long *out)
{
    char *rest;
    if (*arg == '-' || *arg == '+' || *arg == ' ')
        return false;
    *out = strtoul(arg, &rest, base);
    return rest != arg && *rest == 0 && *out <= high;
}

static bool take_place(const char *arg, struct options *o)
{
    char x[8];
    const char *comma = strchr(arg, ',');
    size_t len = comma ? (size_t)(comma - arg) : sizeof x;
    if (len >= sizeof x)
        return false;
    memcpy(x, arg, len);
    x[len] = 0;
    return take_number(x, 10, NH_FX_SIDE_MAX - 1, &o->x) &&
           take_number(comma + 1, 10, NH_FX_SIDE_MAX - 1, &o->y);
}

static bool take_option(struct options *o, int option, const char *arg)
{
    const char *want = NULL;
    switch (option) {
    case 'c':
        o->config_file = arg;
        break;
    case 'j':
        o->as_json = true;
        break;
    case 'a':
        o->has_at = true;
        want = take_place(arg, o) ? NULL : "--at %s is not X,Y, each 0 to 127";
        break;
    case 'l':
        o->has_led = true;
        want = take_number(arg, 10, 16383, &o->led) ? NULL : "--led %s is not 0 to 16383";
        break;
    case 'C':
        want = strlen(arg) == 6 && take_number(arg, 16, 0xFFFFFF, &o->color)
                   ? NULL
                   : "--color %s is not RRGGBB";
        break;
    case 'v':
        want = take_number(arg, 10, 255, &o->level) ? NULL : "--level %s is not 0 to 255";
        break;
    case 's':
        o->has_seconds = true;
        want = take_number(arg, 10, SECONDS_MAX, &o->seconds) ? NULL
                                                              : "--seconds %s is not 0 to 86400";
        break;
    default:
        return false; // getopt has told
    }
    if (want) {
        fprintf(stderr, "nuthatch lamp: ");
        fprintf(stderr, want, arg);
        fprintf(stderr, "\n");
    }
    return !want;
}

// ---- the configuration -------------------------------------------------------------------------

static void log_line(void *ctx, enum nh_log_level level, const char *module, const char *message)
{
    (void)ctx;
    (void)level;
    (void)module;
    fprintf(stderr, "nuthatch lamp: %s\n", message);
}

static bool read_config(const char *file, struct nh_hub_config *out)
{
    nh_hub_config_defaults(out);
    if (!file)
        return true;
    int err = nh_hub_config_read_file(out, file, nh_command_print_finding, (void *)file);
    if (err == NH_OK)
        err = nh_hub_config_validate(out, nh_command_print_finding, (void *)file);
    if (err < 0 && err != NH_ERR_INVAL) // the others were told
        fprintf(stderr, "nuthatch lamp: %s: %s\n", file, nh_err_text(err));
    return err == NH_OK;
}

// ---- wiring ------------------------------------------------------------------------------------

static void print_json(const nh_lamp_map_t *m)
{
    const uint16_t *to_chain = nh_lamp_map_to_chain(m);
    uint32_t width = nh_lamp_map_width(m);
    printf("{\"width\":%u,\"height\":%u,\"leds\":[", (unsigned)width,
           (unsigned)nh_lamp_map_height(m));
    for (uint32_t i = 0; i < nh_lamp_map_count(m); i++)
        printf("%s%u", i ? "," : "", to_chain[i]);
    printf("]}\n");
}

static int print_wiring(const nh_lamp_map_t *m)
{
    const uint16_t *to_chain = nh_lamp_map_to_chain(m);
    uint32_t width = nh_lamp_map_width(m), count = nh_lamp_map_count(m);
    int digits = snprintf(NULL, 0, "%u", (unsigned)(count - 1));
    if (width * (uint32_t)(digits + 1) > COLUMNS_MAX) {
        fprintf(stderr, "nuthatch lamp: %u columns are too wide for a terminal; use --json\n",
                (unsigned)width);
        return 1;
    }
    for (uint32_t y = nh_lamp_map_height(m); y-- > 0;)
        for (uint32_t x = 0; x < width; x++)
            printf("%*u%s", digits, to_chain[y * width + x], x + 1 < width ? " " : "\n");
    return 0;
}

// ---- pixel -------------------------------------------------------------------------------------

static int32_t led_of(const struct options *o, const nh_lamp_map_t *m)
{
    if (o->has_led && o->led < nh_lamp_map_count(m))
        return (int32_t)o->led;
    if (!o->has_led && o->x < nh_lamp_map_width(m) && o->y < nh_lamp_map_height(m))
        return (int32_t)nh_lamp_map_index(m, (int32_t)o->x, (int32_t)o->y);
    fprintf(stderr, "nuthatch lamp: the lamp has %u x %u pixels\n", (unsigned)nh_lamp_map_width(m),
            (unsigned)nh_lamp_map_height(m));
    return -1;
}

static void wait_ms(uint64_t ms)
{
    struct timespec left = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0)
        continue;
}

static void wait_for_end(const struct options *o, const sigset_t *signals)
{
    const struct timespec time_out = {.tv_sec = (time_t)o->seconds};
    if (o->has_seconds)
        (void)sigtimedwait(signals, NULL, &time_out); // either will do
    else
        (void)sigwaitinfo(signals, NULL);
}

// The power sequence on, up to the driver. What failed is undone by switch_off().
static int switch_on(struct nh_pixels *px, uint32_t count)
{
    int err = px->data_low ? px->data_low(px->ctx) : NH_OK;
    if (err == NH_OK && px->power)
        err = px->power(px->ctx, true);
    if (err < 0)
        return err;
    wait_ms(SETTLE_MS);
    return px->open(px->ctx, count);
}

static void switch_off(struct nh_pixels *px)
{
    px->close(px->ctx);
    if (px->data_low)
        (void)px->data_low(px->ctx);
    if (px->power && px->power(px->ctx, false) < 0)
        fprintf(stderr, "nuthatch lamp: the panels are still on: their switch failed\n");
}

static int light(const struct options *o, const nh_lamp_map_t *m, struct nh_pixels *px,
                 uint8_t *rgb, const sigset_t *signals)
{
    uint32_t count = nh_lamp_map_count(m);
    int32_t led = led_of(o, m);
    if (led < 0)
        return 2;
    int err = switch_on(px, count);
    if (err == NH_OK)
        err = px->show(px->ctx, rgb, count); // dark, so that all of them are known
    for (int c = 0; c < 3; c++)
        rgb[led * 3 + c] = (uint8_t)((o->color >> (16 - 8 * c) & 0xFF) * o->level / 255);
    if (err == NH_OK)
        err = px->show(px->ctx, rgb, count);
    if (err == NH_OK) {
        printf("LED %d of %u at %s%s\n", (int)led, (unsigned)count, px->name,
               o->has_seconds ? "" : ", until Ctrl-C");
        fflush(stdout);
        wait_for_end(o, signals);
    } else {
        fprintf(stderr, "nuthatch lamp: %s: %s\n", px->name, nh_err_text(err));
    }
    switch_off(px);
    return err == NH_OK ? 0 : 1;
}

static int pixel(const struct options *o, const struct nh_hub_config *cfg, nh_mem_t *mem,
                 const nh_lamp_map_t *m)
{
    struct nh_pixels px;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL); // the panels are switched off in any case
    nh_log_set(log_line, NULL, NH_LOG_WARN);
    if (nh_hub__lamp_pixels(cfg, mem, &px) < 0)
        return 1;
    if (!px.show) {
        fprintf(stderr, "nuthatch lamp: lamp_hardware.output is none: there are no LEDs\n");
        return 1;
    }
    uint8_t *rgb = nh_mem_alloc_zero(mem, (size_t)nh_lamp_map_count(m) * 3, NH_MEM_BULK);
    int status = rgb ? light(o, m, &px, rgb, &signals) : 1;
    nh_mem_free(mem, rgb);
    px.destroy(px.ctx);
    return status;
}

// ---- the verbs ---------------------------------------------------------------------------------

static int run(const char *verb, const struct options *o, nh_mem_t *mem)
{
    struct nh_hub_config cfg; // not static: that would be memory of the hub
    struct nh_lamp_map_config map;
    nh_lamp_map_t *m;
    if (!read_config(o->config_file, &cfg))
        return 2;
    nh_hub__lamp_map(&cfg, &map);
    map.mem = mem;
    int err = nh_lamp_map_create(&map, NULL, &m);
    if (err < 0) {
        fprintf(stderr, "nuthatch lamp: %s\n", nh_err_text(err));
        return 1;
    }
    int status = 0;
    if (strcmp(verb, "pixel") == 0)
        status = pixel(o, &cfg, mem, m);
    else if (o->as_json)
        print_json(m);
    else
        status = print_wiring(m);
    nh_lamp_map_destroy(m);
    return status;
}

bool nh_command_is_lamp_wiring(const char *verb)
{
    return strcmp(verb, "wiring") == 0 || strcmp(verb, "pixel") == 0;
}

int nh_command_lamp_wiring(int argc, char **argv)
{
    static const struct option long_options[] = {{"config", required_argument, NULL, 'c'},
                                                 {"json", no_argument, NULL, 'j'},
                                                 {"at", required_argument, NULL, 'a'},
                                                 {"led", required_argument, NULL, 'l'},
                                                 {"color", required_argument, NULL, 'C'},
                                                 {"level", required_argument, NULL, 'v'},
                                                 {"seconds", required_argument, NULL, 's'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {NULL, 0, NULL, 0}};
    struct options o = {.color = 0xFFFFFF, .level = 32};
    struct nh_cli_memory m;
    int c;
    while ((c = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        if (c == 'h') {
            fputs(help_text, stdout);
            return 0;
        }
        if (!take_option(&o, c, optarg))
            return 2;
    }
    if (optind + 1 != argc || (o.has_led && o.has_at)) {
        fputs(help_text, stderr);
        return 2;
    }
    if (!nh_cli_memory_open(&m))
        return 1;
    int status = run(argv[optind], &o, m.mem);
    nh_cli_memory_close(&m);
    return status;
}
