#include "hub/cli_memory.h"
#include "hub/commands.h"
#include "hub/config_print.h"
#include "hub/hub.h"
#include "hub/mosquitto_conf.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help_text[] =
    "Usage: nuthatch mqtt --mosquitto-conf FILE [options]\n"
    "       nuthatch mqtt --mosquitto-conf FILE --check | --print\n"
    "       nuthatch mqtt --options\n"
    "\n"
    "Runs the broker alone, in the foreground, from a mosquitto.conf. What has no effect here is\n"
    "told in a line each; what would be unsafe to leave out is an error. Stops on Ctrl+C; SIGHUP\n"
    "reads users, rules and certificates again.\n"
    "\n"
    "  -c, --mosquitto-conf FILE  a mosquitto.conf of Mosquitto 2\n"
    "  --board NAME               memory to live within: linux (default), esp32, esp32-s3, "
    "esp32-p4\n"
    "  --data DIR                 instead of persistence_location\n"
    "  --check                    tell what is in the file, and start nothing\n"
    "  --print                    print it as hub.yaml, for nuthatch run\n"
    "  --options                  list what becomes of each option, as a Markdown table\n"
    "  --ready-json               one line of JSON on stdout once everything listens\n"
    "  --help                     this text\n"
    "\n"
    "Exit codes: 0 done, or good; 1 a fault, or it failed; 2 wrong usage.\n"
    "\n"
    "Examples:\n"
    "  nuthatch mqtt --mosquitto-conf /etc/mosquitto/mosquitto.conf --check\n"
    "  nuthatch mqtt --mosquitto-conf /etc/mosquitto/mosquitto.conf\n"
    "  nuthatch mqtt --mosquitto-conf mosquitto.conf --print > hub.yaml\n";

struct request {
    struct nh_hub_options hub;
    bool is_check, is_print, is_options;
};

// Returns 0; 1: there is nothing more to do; -1: wrong usage.
static int parse(int argc, char **argv, struct request *q)
{
    static const struct option options[] = {
        {"mosquitto-conf", required_argument, NULL, 'c'},
        {"board", required_argument, NULL, 'b'},
        {"data", required_argument, NULL, 'd'},
        {"check", no_argument, NULL, 'C'},
        {"print", no_argument, NULL, 'p'},
        {"options", no_argument, NULL, 'o'},
        {"ready-json", no_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (c == 'h') {
            fputs(help_text, stdout);
            return 1;
        }
        if (c == '?') {
            fprintf(stderr, "nuthatch mqtt --help shows the options\n");
            return -1;
        }
        if (c == 'c')
            q->hub.config_file = optarg;
        if (c == 'b')
            q->hub.board = optarg;
        if (c == 'd')
            q->hub.data = optarg;
        q->is_check |= c == 'C';
        q->is_print |= c == 'p';
        q->is_options |= c == 'o';
        q->hub.ready_json |= c == 'r';
    }
    if (optind == argc && (q->hub.config_file || q->is_options))
        return 0;
    fputs(help_text, stderr);
    return -1;
}

// ---- reading ------------------------------------------------------------------------------------

#define WAITING_MAX_COUNT 200

// A finding that waits to be told in its turn.
struct waiting {
    char file[256];
    struct nh_finding f;
};

struct findings {
    const char *file;
    size_t errors, warnings;
    struct waiting *waiting; // by file, and within one by line; NULL: none waits
    size_t count;
};

static void tell_all(struct findings *n)
{
    for (size_t i = 0; i < n->count; i++)
        nh_command_print_rules_fault(NULL, n->waiting[i].file, &n->waiting[i].f);
    n->count = 0;
}

// What is of no line comes last.
static uint32_t rank(const struct nh_finding *f)
{
    return f->line ? f->line : UINT32_MAX;
}

// Where a finding belongs: behind those of its file and of its line or one before.
static size_t turn_of(const struct findings *n, const char *file, const struct nh_finding *f)
{
    size_t end = n->count;
    while (end > 0 && strcmp(n->waiting[end - 1].file, file) != 0)
        end--;
    if (end == 0)
        return n->count;
    while (end > 0 && strcmp(n->waiting[end - 1].file, file) == 0 &&
           rank(&n->waiting[end - 1].f) > rank(f))
        end--;
    return end;
}

static void take_fault(void *ctx, const char *file, const struct nh_finding *f)
{
    struct findings *n = ctx;
    n->errors += !f->is_warning;
    n->warnings += f->is_warning;
    if (!n->waiting || strlen(file) >= sizeof n->waiting->file) {
        nh_command_print_rules_fault(NULL, file, f);
        return;
    }
    if (n->count == WAITING_MAX_COUNT)
        tell_all(n);
    size_t at = turn_of(n, file, f);
    memmove(n->waiting + at + 1, n->waiting + at, (n->count - at) * sizeof *n->waiting);
    snprintf(n->waiting[at].file, sizeof n->waiting[at].file, "%s", file);
    n->waiting[at].f = *f;
    n->count++;
}

static void take_finding(void *ctx, const struct nh_finding *f)
{
    struct findings *n = ctx;
    take_fault(n, n->file, f);
}

// The users and rules that the file names, so that their faults are told before the start.
static int check_rules(nh_mem_t *mem, const struct nh_hub_config *cfg, struct findings *n)
{
    nh_mqtt_rules_t *rules;
    int err = nh_mqtt_rules_create(mem, &rules);
    if (err == 0)
        err = nh_mqtt_rules_load(rules, cfg, NULL, take_fault, n);
    nh_mqtt_rules_destroy(rules);
    return err;
}

static int read_all(const struct request *q, struct nh_mosquitto_conf *conf, struct findings *n)
{
    struct nh_cli_memory m;
    if (!nh_cli_memory_open(&m))
        return NH_ERR_NOMEM;
    n->waiting = nh_mem_alloc(m.mem, WAITING_MAX_COUNT * sizeof *n->waiting, NH_MEM_BULK);
    int err = nh_mosquitto_read_file(m.mem, q->hub.config_file, conf, take_fault, n);
    if (err == 0)
        err = nh_hub_options_apply(&q->hub, &conf->hub);
    if (err == 0)
        err = nh_hub_config_validate(&conf->hub, take_finding, n);
    if (err == 0)
        err = check_rules(m.mem, &conf->hub, n);
    tell_all(n);
    nh_mem_free(m.mem, n->waiting);
    n->waiting = NULL;
    nh_cli_memory_close(&m);
    return err;
}

// ---- what is asked for --------------------------------------------------------------------------

static void print_option(void *ctx, const char *name, const char *support, const char *text)
{
    (void)ctx;
    bool is_prefix = name[strlen(name) - 1] == '_';
    printf("| `%s%s` | %s | %s |\n", name, is_prefix ? "*" : "", support, text);
}

static int print_options(void)
{
    puts("| option | here | what it comes to, or why not |\n|---|---|---|");
    nh_mosquitto_options_each(print_option, NULL);
    return 0;
}

static int to_stdout(void *ctx, const char *bytes, size_t len)
{
    (void)ctx;
    return fwrite(bytes, 1, len, stdout) == len ? 0 : NH_ERR_IO;
}

static int print_yaml(const char *file, const struct nh_mosquitto_conf *conf)
{
    printf("# From %s. Paths are as they were there: relative ones, to where it is started.\n",
           file);
    int err = nh_hub_config_print(&conf->hub, &conf->bridges, to_stdout, NULL);
    return err < 0 || fflush(stdout) != 0;
}

static bool write_pid(const char *path)
{
    FILE *f = fopen(path, "w");
    bool is_written = f && fprintf(f, "%ld", (long)getpid()) > 0;
    if (f && fclose(f) != 0)
        is_written = false;
    if (!is_written)
        fprintf(stderr, "nuthatch: pid_file %s: cannot be written\n", path);
    return is_written;
}

// Mosquitto's own store, where there is none of ours yet.
static void tell_old_store(const struct nh_hub_config *cfg)
{
    char path[sizeof cfg->data + 16];
    snprintf(path, sizeof path, "%s/mqtt", cfg->data);
    if (cfg->mqtt.durability == NH_HUB_MEMORY || access(path, F_OK) == 0)
        return;
    snprintf(path, sizeof path, "%s/mosquitto.db", cfg->data);
    if (access(path, F_OK) == 0)
        fprintf(stderr,
                "%s: warning: is not read; docs/mosquitto-conf.md tells how to bring along "
                "what it holds\n",
                path);
}

static int run(struct request *q, const struct nh_mosquitto_conf *conf)
{
    q->hub.mosquitto = conf;
    if (conf->pid_file[0] && !write_pid(conf->pid_file))
        return 1;
    int code = nh_hub_run(&conf->hub, &q->hub);
    if (conf->pid_file[0])
        unlink(conf->pid_file);
    return code;
}

int nh_command_mqtt(int argc, char **argv)
{
    struct nh_mosquitto_conf conf; // not static: that would be charged to the internal tier
    struct request q = {0};
    int stop = parse(argc, argv, &q);
    struct findings n = {.file = q.hub.config_file};
    if (stop != 0)
        return stop > 0 ? 0 : 2;
    if (q.is_options)
        return print_options();
    int err = read_all(&q, &conf, &n);
    if (err < 0 && n.errors == 0)
        fprintf(stderr, "nuthatch: %s\n", nh_err_text(err));
    if (err == 0 && !q.is_print)
        tell_old_store(&conf.hub);
    if (q.is_check && err == 0)
        printf("%s: good%s\n", q.hub.config_file, n.warnings ? ", but for the above" : "");
    if (err < 0 && !q.is_check)
        fprintf(stderr, "nuthatch: not started; mend the configuration first\n");
    if (err < 0 || q.is_check)
        return err < 0 ? 1 : 0;
    return q.is_print ? print_yaml(q.hub.config_file, &conf) : run(&q, &conf);
}
