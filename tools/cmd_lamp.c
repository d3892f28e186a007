// cmd_lamp.c - nuthatch lamp: effects without a lamp, on a terminal or in a file.

#include "core/base/base64.h"
#include "hub/cli_memory.h"
#include "hub/commands.h"
#include "lamp/lamp_tool.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help_text[] =
    "Usage: nuthatch lamp preview|record|list [OPTIONS]\n"
    "       nuthatch lamp wiring|pixel [OPTIONS]   for LEDs; see nuthatch lamp wiring --help\n"
    "\n"
    "The lamp's effects without a lamp: preview plays one on this terminal, record writes one to\n"
    "a file, list names effects and palettes. No hub is needed; a frame is the one that the lamp\n"
    "shows at the same time of the animation.\n"
    "\n"
    "  --effect NAME      or its number; default FIRE. - and _ stand for a space: plasma, "
    "lava-lamp\n"
    "  --palette NAME     default AUTO, the effect's own\n"
    "  --size WxH         default 16x48; 1 to 128 each\n"
    "  --speed PCT        10 to 300, default 100\n"
    "  --intensity N      0 to 255, default 128\n"
    "  --seed N           another course of the same effect, default 1\n"
    "  --colors A,B,C     one to three of RRGGBB, for effects that take colours\n"
    "  --text TEXT        for TEXT and TEXT WAVE; default nuthatch\n"
    "  --clock HH:MM[:SS] what the clock shows at first, default 10:09:30\n"
    "  --fps N            1 to 100, default 30; record: 20\n"
    "  --start SECONDS    begins so far in the animation\n"
    "  --seconds N        preview: ends then; record: how much, default 3\n"
    "\n"
    "preview: n and p change the effect, space pauses, + and - change the speed, q ends.\n"
    "  --once             prints one frame and ends; so it does when its output is no terminal\n"
    "  --depth HOW        true (24 bits), 256, or plain (letters); default: what the terminal "
    "says\n"
    "  --list             as nuthatch lamp list\n"
    "  --url http://HOST:PORT  follows the lamp of a running hub instead; q ends\n"
    "  --user NAME --password-file FILE  signs in there, with the first line of the file\n"
    "\n"
    "record:\n"
    "  -o FILE            lamp.gif; lamp.png: one frame, at --start; lamp-%04d.png: one a frame\n"
    "  --scale N          pixels of the picture a pixel of the lamp, 1 to 16, default 8\n"
    "  --gap N            of these so many dark, as between LEDs; default 0\n"
    "  --max-colors N     of a .gif, 2 to 255, default 255\n"
    "\n"
    "list:\n"
    "  --json             for programs\n"
    "\n"
    "Examples:\n"
    "  nuthatch lamp preview --effect aurora --size 48x16\n"
    "  nuthatch lamp preview --effect text --text \"Hello\" --size 32x8 --once\n"
    "  nuthatch lamp preview --url http://127.0.0.1:8080\n"
    "  nuthatch lamp record --effect lava-lamp --seconds 4 -o lava.gif\n"
    "  nuthatch lamp record --effect plasma --palette ocean --start 2 --scale 10 --gap 2 -o p.png\n"
    "  nuthatch lamp list\n";

struct lamp_options {
    struct nh_preview_options preview;
    struct nh_record_options record;
    struct nh_stage_options stage;
    double seconds, start_s;
    const char *user;
    char password[128], basic[512];
    bool has_seconds, has_fps, has_depth, is_once, is_list, as_json;
};

static bool take_seconds(const char *arg, double low, double *out)
{
    char *rest;
    *out = strtod(arg, &rest);
    return rest != arg && *rest == 0 && *out >= low && *out <= 3600;
}

static bool take_count(const char *arg, long low, long high, uint16_t *out)
{
    char *rest;
    long v = strtol(arg, &rest, 10);
    *out = (uint16_t)v;
    return rest != arg && *rest == 0 && v >= low && v <= high;
}

static bool take_depth(struct lamp_options *o, const char *arg)
{
    static const char *const names[] = {"plain", "256", "true"};
    for (size_t i = 0; i < NH_ARRAY_LEN(names); i++)
        if (strcmp(arg, names[i]) == 0) {
            o->preview.colors = (enum nh_term_colors)i;
            return o->has_depth = true;
        }
    return false;
}

// The first line of a file, without its end.
static bool take_password(struct lamp_options *o, const char *path)
{
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    bool is_read = fgets(o->password, sizeof o->password, f) != NULL;
    fclose(f);
    size_t len = is_read ? strcspn(o->password, "\r\n") : 0;
    bool fits = is_read && len < sizeof o->password - 1;
    o->password[len] = 0;
    return fits;
}

// Takes one option's argument. False: it was told what is wrong with it.
static bool take_option(struct lamp_options *o, int option, const char *verb)
{
    char fault[256] = "";
    if (option == 'n')
        o->has_seconds = true;
    if (option == 'f')
        o->has_fps = true;
    if (option == 'n' && !take_seconds(optarg, 0.01, &o->seconds))
        snprintf(fault, sizeof fault, "--seconds %s is not a number from 0.01 to 3600", optarg);
    else if (option == 'b' && !take_seconds(optarg, 0, &o->start_s))
        snprintf(fault, sizeof fault, "--start %s is not a number from 0 to 3600", optarg);
    else if (option == 'x' && !take_count(optarg, 1, NH_RECORD_SCALE_MAX, &o->record.scale))
        snprintf(fault, sizeof fault, "--scale %s is not a number from 1 to %d", optarg,
                 NH_RECORD_SCALE_MAX);
    else if (option == 'G' && !take_count(optarg, 0, NH_RECORD_SCALE_MAX - 1, &o->record.gap))
        snprintf(fault, sizeof fault, "--gap %s is not a number from 0 to %d", optarg,
                 NH_RECORD_SCALE_MAX - 1);
    else if (option == 'C' && !take_count(optarg, 2, 255, &o->record.color_count))
        snprintf(fault, sizeof fault, "--max-colors %s is not a number from 2 to 255", optarg);
    else if (option == 'd' && !take_depth(o, optarg))
        snprintf(fault, sizeof fault, "--depth %s is none of true, 256, plain", optarg);
    else if (option == 'w' && !take_password(o, optarg))
        snprintf(fault, sizeof fault,
                 "--password-file %s: no first line of at most %zu bytes to read", optarg,
                 sizeof o->password - 2);
    else if (strchr("epgsfiSctk", option))
        nh_stage_option(&o->stage, option, optarg, fault, sizeof fault);
    if (option == 'o')
        o->record.file = optarg;
    if (option == 'U')
        o->preview.url = optarg;
    if (option == 'u')
        o->user = optarg;
    o->is_once |= option == 'O';
    o->is_list |= option == 'L';
    o->as_json |= option == 'j';
    if (*fault)
        fprintf(stderr, "nuthatch lamp %s: %s\n", verb, fault);
    return !*fault && option != '?'; // that one getopt has told
}

// ---- list

static const char *const kinds[] = {"noise", "particles", "geometry", "sound", "text"};
static const struct {
    uint8_t flag;
    const char *name;
} uses[] = {{NH_FX_USES_PALETTE, "palette"},     {NH_FX_USES_COLORS, "colors"},
            {NH_FX_USES_INTENSITY, "intensity"}, {NH_FX_USES_AUDIO, "audio"},
            {NH_FX_USES_TEXT, "text"},           {NH_FX_USES_CLOCK, "clock"}};

static void list_uses(uint8_t flags, const char *between, const char *quote)
{
    const char *sep = "";
    for (size_t i = 0; i < NH_ARRAY_LEN(uses); i++) {
        if (!(flags & uses[i].flag))
            continue;
        printf("%s%s%s%s", sep, quote, uses[i].name, quote);
        sep = between;
    }
}

static int list(void)
{
    printf("%-16s %-6s  %-9s  %-12s  %s\n", "effect", "number", "kind", "palette", "looks at");
    for (uint16_t i = 0; i < nh_fx_visible_count(); i++) {
        const struct nh_fx_effect *e = nh_fx_visible(i);
        printf("%-16s 0x%04X  %-9s  %-12s  ", e->name, e->id, kinds[e->kind],
               nh_fx_palettes[e->palette].name);
        list_uses(e->uses, ", ", "");
        printf("\n");
    }
    printf("\npalettes:");
    for (uint16_t i = 0; i < nh_fx_palette_count; i++)
        printf("%s%s", i == 0 ? " " : ", ", nh_fx_palettes[i].name);
    printf("\n");
    return 0;
}

static int list_json(void)
{
    printf("{\"effects\":[");
    for (uint16_t i = 0; i < nh_fx_visible_count(); i++) {
        const struct nh_fx_effect *e = nh_fx_visible(i);
        printf("%s{\"id\":%u,\"name\":\"%s\",\"kind\":\"%s\",\"palette\":\"%s\",\"uses\":[",
               i ? "," : "", e->id, e->name, kinds[e->kind], nh_fx_palettes[e->palette].name);
        list_uses(e->uses, ",", "\"");
        printf("]}");
    }
    printf("],\"palettes\":[");
    for (uint16_t i = 0; i < nh_fx_palette_count; i++)
        printf("%s\"%s\"", i ? "," : "", nh_fx_palettes[i].name);
    printf("]}\n");
    return 0;
}

// ---- the verbs

// user:password in Base64, when there is a user.
static bool sign_in(struct lamp_options *o)
{
    char both[sizeof o->password + 130];
    if (!o->user)
        return true;
    if (strlen(o->user) > 128) {
        fprintf(stderr, "nuthatch lamp preview: --user has over 128 bytes\n");
        return false;
    }
    int len = snprintf(both, sizeof both, "%s:%s", o->user, o->password);
    o->preview.basic = o->basic;
    return nh_base64_encode(both, (size_t)len, o->basic, sizeof o->basic) >= 0;
}

static int preview(struct lamp_options *o, nh_mem_t *mem)
{
    bool is_terminal = isatty(STDOUT_FILENO);
    o->preview.stage = o->stage;
    o->preview.seconds = o->has_seconds ? o->seconds : 0;
    o->preview.start_s = o->start_s;
    o->preview.is_once = o->is_once || !is_terminal;
    if (!o->has_depth)
        o->preview.colors =
            is_terminal ? nh_term_colors_of(getenv("COLORTERM"), getenv("TERM"), getenv("NO_COLOR"))
                        : NH_TERM_PLAIN;
    if (!o->preview.url)
        return nh_lamp_preview(&o->preview, mem);
    return sign_in(o) ? nh_lamp_follow(&o->preview, mem) : 2;
}

static int record(struct lamp_options *o, nh_mem_t *mem)
{
    o->record.stage = o->stage;
    o->record.stage.fps = o->has_fps ? o->stage.fps : 20;
    o->record.seconds = o->has_seconds ? o->seconds : 3;
    o->record.start_s = o->start_s;
    const char *fault = nh_lamp_record_fault(&o->record);
    if (fault) {
        fprintf(stderr, "nuthatch lamp record: %s\n", fault);
        return 2;
    }
    return nh_lamp_record(&o->record, mem);
}

static int with_memory(struct lamp_options *o, int (*run)(struct lamp_options *, nh_mem_t *))
{
    struct nh_cli_memory m;
    if (!nh_cli_memory_open(&m))
        return 1;
    int status = run(o, m.mem);
    nh_cli_memory_close(&m);
    return status;
}

static const struct option long_options[] = {{"effect", required_argument, NULL, 'e'},
                                             {"palette", required_argument, NULL, 'p'},
                                             {"size", required_argument, NULL, 'g'},
                                             {"speed", required_argument, NULL, 's'},
                                             {"fps", required_argument, NULL, 'f'},
                                             {"intensity", required_argument, NULL, 'i'},
                                             {"seed", required_argument, NULL, 'S'},
                                             {"colors", required_argument, NULL, 'c'},
                                             {"text", required_argument, NULL, 't'},
                                             {"clock", required_argument, NULL, 'k'},
                                             {"seconds", required_argument, NULL, 'n'},
                                             {"start", required_argument, NULL, 'b'},
                                             {"output", required_argument, NULL, 'o'},
                                             {"scale", required_argument, NULL, 'x'},
                                             {"gap", required_argument, NULL, 'G'},
                                             {"max-colors", required_argument, NULL, 'C'},
                                             {"url", required_argument, NULL, 'U'},
                                             {"user", required_argument, NULL, 'u'},
                                             {"password-file", required_argument, NULL, 'w'},
                                             {"depth", required_argument, NULL, 'd'},
                                             {"once", no_argument, NULL, 'O'},
                                             {"list", no_argument, NULL, 'L'},
                                             {"json", no_argument, NULL, 'j'},
                                             {"help", no_argument, NULL, 'h'},
                                             {NULL, 0, NULL, 0}};

int nh_command_lamp(int argc, char **argv)
{
    struct lamp_options o = {.stage = nh_stage_defaults(),
                             .record = {.scale = 8, .color_count = 255}};
    const char *verb = argc > 1 ? argv[1] : "";
    int c;
    if (nh_command_is_lamp_wiring(verb))
        return nh_command_lamp_wiring(argc, argv);
    while ((c = getopt_long(argc, argv, "ho:", long_options, NULL)) != -1) {
        if (c == 'h') {
            fputs(help_text, stdout);
            return 0;
        }
        if (!take_option(&o, c, verb))
            return 2;
    }
    verb = optind + 1 == argc ? argv[optind] : "";
    if (strcmp(verb, "list") == 0 || (strcmp(verb, "preview") == 0 && o.is_list))
        return o.as_json ? list_json() : list();
    if (strcmp(verb, "preview") == 0)
        return with_memory(&o, preview);
    if (strcmp(verb, "record") == 0)
        return with_memory(&o, record);
    fputs(help_text, stderr);
    return 2;
}
