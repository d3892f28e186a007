#include "hub/cli_memory.h"
#include "hub/commands.h"
#include "hub/hub.h"
#include "hub/mqtt_rules.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help_text[] =
    "Usage: nuthatch acl check [OPTION...] USER publish|receive|subscribe TOPIC\n"
    "\n"
    "Tells whether USER of the broker may do that, and which rule decides. USER - is a client\n"
    "without a user; for subscribe TOPIC is a filter. Nothing is asked of a running hub: the "
    "files\n"
    "are read as they are now.\n"
    "Exit code 0: it may, 1: it may not, 2: wrong usage or a fault in a file.\n"
    "\n"
    "  --config FILE      the hub's configuration, with what it names\n"
    "  --acl-file FILE    an acl_file alone, in Mosquitto's format; every user counts as known\n"
    "  --client-id ID     what %c stands for\n"
    "  --subscribe-any    any filter is granted, as with mqtt.acl_subscribe: any\n"
    "  --json             one JSON object\n"
    "  --help             this text\n"
    "\n"
    "Examples:\n"
    "  nuthatch acl check --config hub.yaml garden publish garden/bed-1/moisture\n"
    "  nuthatch acl check --acl-file /etc/mosquitto/acl --client-id c1 - subscribe 'news/#'\n";

struct query {
    const char *config_file, *acl_file, *client_id;
    bool as_json, subscribes_any;
    const char *user, *action_name, *topic; // user "": anonymous
    enum nh_mqtt_action action;
    char named_acl[128]; // the acl_file that the configuration names
};

struct answer {
    bool may;
    const char *why;
    struct nh_mqtt_acl_reason reason;
};

// ---- options ------------------------------------------------------------------------------------

static bool find_action(struct query *q)
{
    static const char *const names[] = {[NH_MQTT_MAY_PUBLISH] = "publish",
                                        [NH_MQTT_MAY_RECEIVE] = "receive",
                                        [NH_MQTT_MAY_SUBSCRIBE] = "subscribe"};
    for (size_t i = 0; i < NH_ARRAY_LEN(names); i++) {
        if (strcmp(names[i], q->action_name) != 0)
            continue;
        q->action = (enum nh_mqtt_action)i;
        return true;
    }
    fprintf(stderr, "nuthatch acl: \"%s\" is not publish, receive or subscribe\n", q->action_name);
    return false;
}

static bool is_topic(const struct query *q)
{
    nh_span_t topic = {(const uint8_t *)q->topic, strlen(q->topic)};
    bool is_filter = q->action == NH_MQTT_MAY_SUBSCRIBE;
    if (is_filter ? nh_mqtt_acl_is_filter(topic) : nh_mqtt_acl_is_topic(topic))
        return true;
    fprintf(stderr, "nuthatch acl: \"%s\" is no topic%s\n", q->topic, is_filter ? " filter" : "");
    return false;
}

// 0: go on, 1: help was asked for, -1: wrong.
static int parse(int argc, char **argv, struct query *q)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"acl-file", required_argument, NULL, 'a'},
                                            {"client-id", required_argument, NULL, 'i'},
                                            {"subscribe-any", no_argument, NULL, 's'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int c;
    *q = (struct query){.client_id = ""};
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            q->config_file = optarg;
            break;
        case 'a':
            q->acl_file = optarg;
            break;
        case 'i':
            q->client_id = optarg;
            break;
        case 's':
            q->subscribes_any = true;
            break;
        case 'j':
            q->as_json = true;
            break;
        case 'h':
            fputs(help_text, stdout);
            return 1;
        default:
            return -1;
        }
    }
    bool is_check = optind < argc && strcmp(argv[optind], "check") == 0;
    if (!is_check || argc - optind != 4 || !q->config_file == !q->acl_file) {
        fputs(help_text, stderr);
        return -1;
    }
    q->user = strcmp(argv[optind + 1], "-") == 0 ? "" : argv[optind + 1];
    q->action_name = argv[optind + 2];
    q->topic = argv[optind + 3];
    return find_action(q) && is_topic(q) ? 0 : -1;
}

// ---- asking -------------------------------------------------------------------------------------

void nh_command_print_rules_fault(void *ctx, const char *file, const struct nh_finding *f)
{
    (void)ctx;
    nh_command_print_finding((void *)(uintptr_t)file, f);
}

static int read_rules(struct query *q, nh_mem_t *mem, nh_mqtt_rules_t *rules)
{
    rules->subscribes_any = q->subscribes_any;
    if (q->acl_file)
        return nh_mqtt_rules_read_acl(rules, q->acl_file, nh_command_print_rules_fault, NULL);
    const struct nh_hub_options o = {.config_file = q->config_file};
    struct nh_hub_config *cfg = nh_mem_alloc_zero(mem, sizeof *cfg, NH_MEM_BULK);
    int err = cfg ? nh_hub_config_load(&o, cfg, nh_command_print_finding,
                                       (void *)(uintptr_t)q->config_file)
                  : NH_ERR_NOMEM;
    if (err == 0) {
        snprintf(q->named_acl, sizeof q->named_acl, "%s", cfg->mqtt.acl_file);
        err = nh_mqtt_rules_load(rules, cfg, q->config_file, nh_command_print_rules_fault, NULL);
    }
    rules->subscribes_any |= q->subscribes_any;
    nh_mem_free(mem, cfg);
    return err;
}

static struct answer ask(const struct query *q, const nh_mqtt_rules_t *rules)
{
    struct answer a = {0};
    struct nh_mqtt_grant grant;
    nh_span_t user = {(const uint8_t *)q->user, strlen(q->user)};
    nh_span_t client_id = {(const uint8_t *)q->client_id, strlen(q->client_id)};
    bool is_known = nh_mqtt_rules_grant(rules, user, &grant);
    if (!is_known && q->config_file)
        return (struct answer){.why = "there is no such user"};
    if (!nh_mqtt_acl_stands_for(rules->acl, user, client_id))
        return (struct answer){.why = "no rule can stand for such a name, so it is not let in"};
    if (grant.may_all)
        return (struct answer){true, rules->has_acl ? "it may do all" : "there is no rule", {0}};
    if (q->action == NH_MQTT_MAY_SUBSCRIBE && rules->subscribes_any)
        return (struct answer){true, "any filter is granted; only what may be read is given", {0}};
    const struct nh_mqtt_who who = {nh_mqtt_acl_own(rules->acl, user), user, client_id};
    nh_span_t topic = {(const uint8_t *)q->topic, strlen(q->topic)};
    a.may = nh_mqtt_rules_may(rules, &who, q->action, topic, &a.reason);
    a.why = a.reason.rule ? NULL : a.may ? "several rules cover it together" : "no rule allows it";
    return a;
}

// ---- telling ------------------------------------------------------------------------------------

static const char *actions_of(const struct nh_mqtt_acl_rule *r)
{
    return r->actions == NH_MQTT_ACL_BOTH      ? "both"
           : r->actions == NH_MQTT_ACL_PUBLISH ? "publish"
                                               : "subscribe";
}

static void subject_of(const struct nh_mqtt_acl_rule *r, char *out, size_t cap)
{
    if (r->subject == NH_MQTT_ACL_USER)
        snprintf(out, cap, "%.*s", (int)r->user.len, (const char *)r->user.ptr);
    else
        snprintf(out, cap, "%s", r->subject == NH_MQTT_ACL_ANONYMOUS ? "-" : "*");
}

static void print_text(const struct query *q, const struct answer *a, const char *file)
{
    const struct nh_mqtt_acl_rule *r = a->reason.rule;
    char user[300];
    printf("%s: ", a->may ? "allowed" : "denied");
    if (r) {
        subject_of(r, user, sizeof user);
        printf("%s:%u: {user: %s, %s: %s, filter: %.*s}\n", file, (unsigned)r->line, user,
               r->is_deny ? "deny" : "allow", actions_of(r), (int)r->filter.len,
               (const char *)r->filter.ptr);
    } else if (a->reason.level_count && q->action == NH_MQTT_MAY_SUBSCRIBE) {
        printf("%s, where a topic has %u level%s\n", a->why, (unsigned)a->reason.level_count,
               a->reason.level_count == 1 ? "" : "s");
    } else {
        printf("%s\n", a->why);
    }
}

static int stdout_sink(void *ctx, const char *bytes, size_t len)
{
    (void)ctx;
    return fwrite(bytes, 1, len, stdout) == len ? 0 : NH_ERR_IO;
}

static void print_json(const struct query *q, const struct answer *a, const char *file)
{
    const struct nh_mqtt_acl_rule *r = a->reason.rule;
    char user[300];
    nh_json_writer_t w;
    nh_json_writer_init(&w, stdout_sink, NULL);
    nh_json_object_begin(&w);
    nh_json_kv_bool(&w, "allowed", a->may);
    nh_json_kv_string(&w, "user", q->user[0] ? q->user : NULL);
    nh_json_kv_string(&w, "action", q->action_name);
    nh_json_kv_string(&w, "topic", q->topic);
    nh_json_kv_string(&w, "why", a->why);
    if (a->reason.level_count)
        nh_json_kv_uint(&w, "level_count", a->reason.level_count);
    if (r) {
        subject_of(r, user, sizeof user);
        nh_json_key(&w, "rule");
        nh_json_object_begin(&w);
        nh_json_kv_string(&w, "file", file);
        nh_json_kv_uint(&w, "line", r->line);
        nh_json_kv_string(&w, "user", user);
        nh_json_kv_string(&w, r->is_deny ? "deny" : "allow", actions_of(r));
        nh_json_key(&w, "filter");
        nh_json_string_n(&w, (const char *)r->filter.ptr, r->filter.len);
        nh_json_object_end(&w);
    }
    nh_json_object_end(&w);
    (void)nh_json_writer_end(&w);
    putchar('\n');
}

// The file that a rule of `source` stands in.
static const char *file_of(const struct query *q, const struct answer *a)
{
    if (!a->reason.rule || a->reason.rule->source == NH_RULE_OF_CONFIG)
        return q->config_file;
    return q->acl_file ? q->acl_file : q->named_acl;
}

static int check(struct query *q, nh_mem_t *mem)
{
    nh_mqtt_rules_t *rules;
    if (nh_mqtt_rules_create(mem, &rules) < 0)
        return 2;
    int err = read_rules(q, mem, rules);
    int code = 2;
    if (err == 0) {
        struct answer a = ask(q, rules);
        const char *file = file_of(q, &a);
        if (q->as_json)
            print_json(q, &a, file);
        else
            print_text(q, &a, file);
        code = a.may ? 0 : 1;
    }
    nh_mqtt_rules_destroy(rules);
    return code;
}

int nh_command_acl(int argc, char **argv)
{
    struct query q;
    struct nh_cli_memory m;
    int stop = parse(argc, argv, &q);
    if (stop != 0)
        return stop > 0 ? 0 : 2;
    if (!nh_cli_memory_open(&m))
        return 2;
    int code = check(&q, m.mem);
    nh_cli_memory_close(&m);
    return code;
}
