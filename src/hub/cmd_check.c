#include "core/json/decode.h"
#include "hub/cli_memory.h"
#include "hub/commands.h"
#include "hub/config_bridge.h"
#include "hub/config_told.h"
#include "hub/hub.h"
#include "hub/mqtt_rules.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help_text[] =
    "Usage: nuthatch check [--json-only] [--json] [--config HUB] FILE\n"
    "       nuthatch check --fields | --device-fields\n"
    "\n"
    "Checks a configuration, of the hub or of its devices, or a document of a macro pad,\n"
    "and tells every fault with file, line and column.\n"
    "Exit code 0: good, 1: faults, 2: wrong usage.\n"
    "\n"
    "  --json-only   check only that FILE is well-formed JSON (RFC 8259); - is standard input\n"
    "  --json        tell the faults as one JSON object\n"
    "  --config HUB  of devices: by the limits (devices.*) of this configuration of the hub,\n"
    "                else by the standard ones; of macros: by its keyboard layout\n"
    "  --fields      list every field with its default and limit, as a Markdown table\n"
    "  --device-fields  list every field of a device configuration, as Markdown\n"
    "  --help        this text\n"
    "\n"
    "Examples:\n"
    "  nuthatch check examples/home/hub.yaml\n"
    "  nuthatch check devices.yaml\n"
    "  nuthatch check examples/home/macros.json\n"
    "  nuthatch check --json-only backup.json\n";

void nh_command_print_finding(void *ctx, const struct nh_finding *f)
{
    char text[4096 + sizeof *f]; // a path, and what is said of it
    nh_hub_finding_text(ctx, f, text, sizeof text);
    fprintf(stderr, "%s\n", text);
}

static int file_sink(void *ctx, const char *bytes, size_t len)
{
    return fwrite(bytes, 1, len, ctx) == len ? 0 : NH_ERR_IO;
}

struct json_findings {
    nh_json_writer_t w;
    size_t count;
    const char *file;
};

static void json_finding(void *ctx, const struct nh_finding *f)
{
    struct json_findings *j = ctx;
    nh_json_object_begin(&j->w);
    nh_json_kv_string(&j->w, "file", j->file);
    nh_json_kv_string(&j->w, "severity", f->is_warning ? "warning" : "error");
    nh_json_kv_string(&j->w, "code", nh_err_name(f->code));
    nh_json_kv_uint(&j->w, "line", f->line);
    nh_json_kv_uint(&j->w, "column", f->column);
    nh_json_kv_string(&j->w, "field", f->pointer);
    nh_json_kv_string(&j->w, "value", f->value);
    nh_json_kv_string(&j->w, "limit", f->limit);
    nh_json_kv_string(&j->w, "text", f->text);
    nh_json_object_end(&j->w);
    j->count++;
}

// The findings of a configuration and of the files that it names.
struct checking {
    struct nh_hub_told told;
    const char *file, *config_file; // of the finding; of all
    const char *layout;             // not NULL: it is a macro pad's document
    struct json_findings *json;     // NULL: lines on standard error
};

static void print(void *ctx, const struct nh_finding *f)
{
    struct checking *k = ctx;
    if (!k->json) {
        nh_command_print_finding((void *)(uintptr_t)k->file, f);
        return;
    }
    k->json->file = k->file;
    json_finding(k->json, f);
}

static void take_rules_fault(void *ctx, const char *file, const struct nh_finding *f)
{
    struct checking *k = ctx;
    k->file = file;
    nh_hub_told_take(&k->told, f);
    k->file = k->config_file;
}

// Users and rules, and the files that the configuration names for them.
static int check_rules(const struct nh_hub_config *cfg, struct checking *k)
{
    struct nh_cli_memory m;
    nh_mqtt_rules_t *rules;
    if (!nh_cli_memory_open(&m))
        return NH_ERR_NOMEM;
    int err = nh_mqtt_rules_create(m.mem, &rules);
    if (err == 0)
        err = nh_mqtt_rules_load(rules, cfg, k->config_file, take_rules_fault, k);
    nh_mqtt_rules_destroy(rules);
    nh_cli_memory_close(&m);
    return err;
}

// Every stage, whatever those before it found, unless the file is broken.
static int check_stages(struct checking *k)
{
    if (k->layout) {
        int found = nh_command_check_macros(k->file, k->layout, nh_hub_told_take, &k->told);
        nh_hub_told_stage(&k->told);
        return found;
    }
    struct nh_hub_config cfg;
    struct nh_hub_options o = {.config_file = k->config_file};
    int err = nh_hub_config_load(&o, &cfg, nh_hub_told_take, &k->told);
    if (err < 0 && err != NH_ERR_INVAL)
        return err;
    nh_hub_told_stage(&k->told);
    int tls = nh_hub_config_check_tls(&cfg, nh_hub_told_take, &k->told);
    int secrets = nh_hub_config_check_secrets(&cfg, nh_hub_told_take, &k->told);
    int rules = check_rules(&cfg, k);
    return err < 0 ? err : tls < 0 ? tls : secrets < 0 ? secrets : rules;
}

static int check_config(const char *file, const char *layout, bool as_json)
{
    struct json_findings j = {.file = file};
    struct checking k = {.told = {.finding = print, .ctx = &k},
                         .file = file,
                         .config_file = file,
                         .layout = layout,
                         .json = as_json ? &j : NULL};
    if (!as_json) {
        int err = check_stages(&k);
        if (err == 0)
            printf("%s: good\n", file);
        return err < 0 ? 1 : 0;
    }
    nh_json_writer_init(&j.w, file_sink, stdout);
    nh_json_object_begin(&j.w);
    nh_json_kv_string(&j.w, "file", file);
    nh_json_key(&j.w, "findings");
    nh_json_array_begin(&j.w);
    int err = check_stages(&k);
    nh_json_array_end(&j.w);
    nh_json_kv_bool(&j.w, "good", err == 0);
    nh_json_object_end(&j.w);
    (void)nh_json_writer_end(&j.w);
    putchar('\n');
    return err < 0 ? 1 : 0;
}

// Reads in pieces: the file may be of any size, and each of its strings too, since only syntax is
// asked for and a long text is cut.
static int check_json_stream(FILE *f, const char *name)
{
    char text[256], chunk[4096];
    nh_json_reader_t r;
    const struct nh_json_reader_config cfg = {
        .text = text, .text_max_bytes = sizeof text, .cut_long = true};
    nh_json_reader_init(&r, &cfg);
    int ev;
    for (;;) {
        ev = nh_json_next(&r);
        if (ev == NH_ERR_AGAIN) {
            size_t n = fread(chunk, 1, sizeof chunk, f);
            nh_json_feed(&r, chunk, n, n < sizeof chunk);
        } else if (ev < 0 || ev == NH_JSON_DONE) {
            break;
        }
    }
    if (ferror(f)) {
        fprintf(stderr, "%s: cannot be read\n", name);
        return 1;
    }
    if (ev == NH_JSON_DONE)
        return 0;
    struct nh_json_error e;
    nh_json_error(&r, &e);
    fprintf(stderr, "%s:%u:%u: %s%s%s\n", name, e.pos.line, e.pos.column, e.pointer,
            e.pointer[0] ? " " : "", e.text);
    return 1;
}

static int check_json(const char *file)
{
    if (strcmp(file, "-") == 0)
        return check_json_stream(stdin, "standard input");
    FILE *f = fopen(file, "rb");
    if (!f) {
        fprintf(stderr, "%s: cannot be opened\n", file);
        return 1;
    }
    int code = check_json_stream(f, file);
    fclose(f);
    return code;
}

// One row of the reference of all fields, docs/configuration.md.
static int print_field(void *ctx, const char *pointer, const nh_json_field_t *f, size_t offset)
{
    char limit[128], name[NH_JSON_POINTER_MAX];
    if (f->type == NH_JSON_T_OBJECT || f->type == NH_JSON_T_ARRAY)
        return 0;
    snprintf(name, sizeof name, "%s", pointer + 1);
    for (char *p = name; *p; p++)
        if (*p == '/')
            *p = '.';
    nh_json_field_limit(f, limit, sizeof limit);
    printf("| `%s` | ", name);
    nh_json_writer_t w;
    nh_json_writer_init(&w, file_sink, stdout);
    if (!strchr(pointer, '*'))
        nh_json_encode_field(&w, f, (const uint8_t *)ctx + offset, 0);
    printf(" | %s%s%s | %s |\n", limit, f->unit ? " " : "", f->unit ? f->unit : "", f->text);
    return 0;
}

static int print_fields(void)
{
    struct nh_hub_config standard;
    nh_hub_config_defaults(&standard);
    puts("| field | default | limit | what it is |\n|---|---|---|---|");
    int err = nh_json_field_each(nh_hub_config_fields, print_field, &standard);
    // All their fields are in an array, and have no default.
    return err < 0 ? err : nh_json_field_each(nh_hub_bridge_fields, print_field, NULL);
}

// The hub's configuration that another file is judged by; false: it is faulty, and told.
static bool load_config(const char *config, struct nh_hub_config *cfg)
{
    struct nh_hub_options o = {.config_file = config};
    int err = nh_hub_config_load(&o, cfg, nh_command_print_finding, (void *)(uintptr_t)config);
    if (err < 0)
        fprintf(stderr, "%s: not taken: %s\n", config, nh_err_text(err));
    return err == 0;
}

// Of what the hub's configuration says, the limits alone matter here.
static int check_devices(const char *file, const char *config, bool as_json)
{
    struct nh_hub_config cfg;
    if (!load_config(config, &cfg))
        return 1;
    const struct nh_device_limits limits = nh_hub_device_limits(&cfg);
    return nh_command_check_devices(file, &limits, as_json);
}

// And here the layout of the keyboard.
static int check_macros(const char *file, const char *config, bool as_json)
{
    struct nh_hub_config cfg;
    return load_config(config, &cfg) ? check_config(file, cfg.macropad.layout, as_json) : 1;
}

int nh_command_check(int argc, char **argv)
{
    static const struct option options[] = {{"json-only", no_argument, NULL, 'j'},
                                            {"json", no_argument, NULL, 'J'},
                                            {"fields", no_argument, NULL, 'f'},
                                            {"device-fields", no_argument, NULL, 'd'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"config", required_argument, NULL, 'c'},
                                            {NULL, 0, NULL, 0}};
    bool json_only = false, as_json = false;
    const char *config = NULL;
    int c;
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 'h') {
            fputs(help_text, stdout);
            return 0;
        }
        if (c == 'f')
            return print_fields();
        if (c == 'd')
            return nh_command_print_device_fields();
        if (c == '?') {
            fprintf(stderr, "nuthatch check --help shows the options\n");
            return 2;
        }
        if (c == 'c')
            config = optarg;
        json_only |= c == 'j';
        as_json |= c == 'J';
    }
    if (optind + 1 != argc) {
        fprintf(stderr, "nuthatch check: %s; --help shows the usage\n",
                optind < argc ? "one FILE at a time" : "the FILE is missing");
        return 2;
    }
    if (json_only)
        return check_json(argv[optind]);
    if (nh_command_is_macro_file(argv[optind]))
        return check_macros(argv[optind], config, as_json);
    return nh_command_is_device_file(argv[optind]) ? check_devices(argv[optind], config, as_json)
                                                   : check_config(argv[optind], NULL, as_json);
}
