#include "hub/config_bridge.h"

#include "hub/config_private.h"
#include "hub/config_told.h"

#include <stdio.h>
#include <string.h>

static const char *const version_names[] = {"5.0", "3.1.1", NULL};
static const char *const direction_names[] = {"out", "in", "both", NULL};

// The rows of a table, short: a field of a bridge, of a rule.
#define AT(s, f) .offset = offsetof(struct s, f), .size = sizeof(((struct s *)0)->f)
#define STRING(s, f, t)                                                                            \
    {                                                                                              \
        .name = #f, .type = NH_JSON_T_STRING, AT(s, f), .text = (t)                                \
    }
#define NEEDED(s, f, t)                                                                            \
    {                                                                                              \
        .name = #f, .type = NH_JSON_T_STRING, .required = true, AT(s, f), .text = (t)              \
    }
#define BOOL(s, f, t)                                                                              \
    {                                                                                              \
        .name = #f, .type = NH_JSON_T_BOOL, AT(s, f), .text = (t)                                  \
    }
#define UINT(s, f, lo, hi, u, t)                                                                   \
    {                                                                                              \
        .name = #f, .type = NH_JSON_T_INT, AT(s, f), .min = (lo), .max = (hi), .unit = (u),        \
        .text = (t)                                                                                \
    }

static const nh_json_field_t rule_fields[] = {
    NEEDED(nh_hub_bridge_rule, filter, "Topic filter, without the prefixes"),
    {.name = "direction",
     .type = NH_JSON_T_ENUM,
     .required = true,
     AT(nh_hub_bridge_rule, direction),
     .names = direction_names,
     .text = "To the other broker, from it, or both"},
    UINT(nh_hub_bridge_rule, qos, 0, 2, NULL, "Highest QoS"),
    STRING(nh_hub_bridge_rule, local_prefix, "What stands before it here"),
    STRING(nh_hub_bridge_rule, remote_prefix, "What stands before it there"),
    {0},
};

static const nh_json_field_t rule_element = {
    .type = NH_JSON_T_OBJECT, .fields = rule_fields, .size = sizeof(struct nh_hub_bridge_rule)};

static const nh_json_field_t bridge_fields[] = {
    NEEDED(nh_hub_bridge, name, "Of the bridge, also in its topic: no / + #"),
    NEEDED(nh_hub_bridge, address, "HOST:PORT of the other broker"),
    {.name = "version",
     .type = NH_JSON_T_ENUM,
     AT(nh_hub_bridge, version),
     .names = version_names,
     .text = "Of MQTT, to the other broker"},
    STRING(nh_hub_bridge, client_id, "There; empty: nuthatch- and the name"),
    STRING(nh_hub_bridge, user, "User name there"),
    {.name = "password",
     .type = NH_JSON_T_STRING,
     AT(nh_hub_bridge, password),
     .is_secret = true,
     .text = "Password there"},
    STRING(nh_hub_bridge, password_file, "File whose first line is the password"),
    BOOL(nh_hub_bridge, tls, "Over TLS; the server's certificate is checked"),
    STRING(nh_hub_bridge, tls_ca_file, "Certificates to believe in PEM; empty: the machine's"),
    STRING(nh_hub_bridge, tls_cert_file, "Own certificate chain in PEM, if one is asked for"),
    STRING(nh_hub_bridge, tls_key_file, "Its private key in PEM"),
    BOOL(nh_hub_bridge, tls_any_name, "Take a certificate of another name"),
    STRING(nh_hub_bridge, status_topic, "Retained there: 1 while connected, else 0; empty: none"),
    BOOL(nh_hub_bridge, clean, "Keep no session there: nothing comes in for the time away"),
    BOOL(nh_hub_bridge, bridge_bit, "3.1.1: say that it is a bridge, as Mosquitto's do"),
    BOOL(nh_hub_bridge, unmarked, "5.0: without the mark that ends loops over several bridges"),
    UINT(nh_hub_bridge, keepalive_s, 1, 65535, "s", "A ping after that much silence; standard 60"),
    UINT(nh_hub_bridge, inflight_max, 1, 65535, NULL,
         "Unacknowledged each way; standard 64, with 3.1.1 16"),
    UINT(nh_hub_bridge, packet_max_bytes, 256, 268435455, "bytes",
         "Larger packets are not carried; standard 1 MiB"),
    UINT(nh_hub_bridge, queue_max_bytes, 1024, 1073741824, "bytes",
         "Waiting for the other broker; standard mqtt.queue_max_bytes"),
    UINT(nh_hub_bridge, queue_max_messages, 1, 1000000, NULL,
         "Waiting for the other broker; standard mqtt.queue_max_messages"),
    UINT(nh_hub_bridge, backoff_min_ms, 10, 3600000, "ms",
         "Before a second attempt; standard 1000"),
    UINT(nh_hub_bridge, backoff_max_ms, 10, 3600000, "ms", "Between attempts; standard 60000"),
    {.name = "rules",
     .type = NH_JSON_T_ARRAY,
     .element = &rule_element,
     .offset = offsetof(struct nh_hub_bridge, rules),
     .count_offset = offsetof(struct nh_hub_bridge, rule_count),
     .count_max = NH_HUB_BRIDGE_RULE_MAX_COUNT,
     .text = "Which topics; the first rule that takes a topic decides"},
    {0},
};

static const nh_json_field_t bridge_element = {
    .type = NH_JSON_T_OBJECT, .fields = bridge_fields, .size = sizeof(struct nh_hub_bridge)};

static const nh_json_field_t bridges_fields[] = {
    {.name = "bridges",
     .type = NH_JSON_T_ARRAY,
     .element = &bridge_element,
     .offset = offsetof(struct nh_hub_bridges, bridge),
     .count_offset = offsetof(struct nh_hub_bridges, count),
     .count_max = NH_HUB_BRIDGE_MAX_COUNT,
     .text = "Bridges to other brokers"},
    {0},
};

const nh_json_field_t nh_hub_bridge_fields[] = {
    {.name = "mqtt", .type = NH_JSON_T_OBJECT, .fields = bridges_fields, .text = "Broker"},
    {0},
};

// ---- validation ---------------------------------------------------------------------------------

// A bridge, its fields and where its rules begin; of these no fields.
#define PLACE_MAX_COUNT (NH_HUB_BRIDGE_MAX_COUNT * (26 + NH_HUB_BRIDGE_RULE_MAX_COUNT))

struct report {
    struct nh_hub_told told;
    uint32_t place_count; // of the file's bridges; 0: there is no file
    struct nh_hub_place place[PLACE_MAX_COUNT];
};

static void tell(struct report *r, bool is_warning, const char *pointer, const char *value,
                 const char *limit, const char *text)
{
    struct nh_finding f = {.code = NH_ERR_INVAL, .is_warning = is_warning};
    snprintf(f.pointer, sizeof f.pointer, "%s", pointer);
    snprintf(f.value, sizeof f.value, "%.44s", value);
    snprintf(f.limit, sizeof f.limit, "%s", limit);
    snprintf(f.text, sizeof f.text, "%s", text);
    const struct nh_hub_place *p = nh_hub_place__find(r->place, r->place_count, pointer);
    if (p) {
        f.line = p->line;
        f.column = p->column;
    }
    nh_hub_told_take(&r->told, &f);
}

struct nh_mqtt_bridge_rule nh_hub_bridge_rule_of(const struct nh_hub_bridge_rule *r)
{
    static const uint8_t directions[] = {NH_MQTT_BRIDGE_OUT, NH_MQTT_BRIDGE_IN,
                                         NH_MQTT_BRIDGE_BOTH};
    return (struct nh_mqtt_bridge_rule){.filter = r->filter,
                                        .local_prefix = r->local_prefix,
                                        .remote_prefix = r->remote_prefix,
                                        .direction = directions[r->direction],
                                        .qos = (uint8_t)r->qos};
}

uint8_t nh_hub_bridge_version(const struct nh_hub_bridge *b)
{
    return b->version == 0 ? 5 : 4;
}

static void check_rules(struct report *r, const struct nh_hub_bridge *b, unsigned at)
{
    char pointer[64];
    for (uint32_t i = 0; i < b->rule_count; i++) {
        const struct nh_mqtt_bridge_rule rule = nh_hub_bridge_rule_of(&b->rules[i]);
        const char *fault = nh_mqtt_bridge_rule_fault(&rule);
        snprintf(pointer, sizeof pointer, "/mqtt/bridges/%u/rules/%u", at, (unsigned)i);
        if (fault)
            tell(r, false, pointer, b->rules[i].filter, "a topic filter on both sides", fault);
        for (uint32_t k = 0; k < i && !fault; k++) {
            const struct nh_mqtt_bridge_rule other = nh_hub_bridge_rule_of(&b->rules[k]);
            if (!nh_mqtt_bridge_rule_fault(&other) && nh_mqtt_bridge_rules_overlap(&rule, &other))
                tell(r, true, pointer, b->rules[i].filter, "no topic of a rule before it",
                     "takes topics of a rule before it, which decides for them; brokers may send "
                     "such messages twice");
        }
    }
    if (b->rule_count == 0) {
        snprintf(pointer, sizeof pointer, "/mqtt/bridges/%u/rules", at);
        tell(r, false, pointer, "", "at least one", "are missing: nothing would be carried");
    }
}

static void check_names(struct report *r, const struct nh_hub_bridges *all, unsigned at)
{
    char pointer[64];
    const char *name = all->bridge[at].name;
    snprintf(pointer, sizeof pointer, "/mqtt/bridges/%u/name", at);
    if (!name[0] || strpbrk(name, "/+#"))
        tell(r, false, pointer, name, "1 to 32 bytes without / + #", "is no level of a topic");
    for (unsigned i = 0; i < at; i++)
        if (strcmp(all->bridge[i].name, name) == 0)
            tell(r, false, pointer, name, "a name of its own", "is another bridge's");
}

static void check_bridge(struct report *r, const struct nh_hub_bridge *b, unsigned at)
{
    char pointer[64], host[256];
    uint16_t port;
#define POINTER(field)                                                                             \
    (snprintf(pointer, sizeof pointer, "/mqtt/bridges/%u/" field, at), (const char *)pointer)
    if (nh_hub_bridge_address_split(b->address, host, sizeof host, &port) < 0)
        tell(r, false, POINTER("address"), b->address, "HOST:PORT, port 1 to 65535",
             "is no address with a port");
    if (b->password[0] && b->password_file[0])
        tell(r, false, POINTER("password_file"), b->password_file, "one of the two",
             "and password are both given");
    if ((b->password[0] || b->password_file[0]) && !b->user[0] && b->version == 1)
        tell(r, false, POINTER("user"), "", "a user name",
             "is missing: 3.1.1 has no password alone");
    if (!b->tls_cert_file[0] != !b->tls_key_file[0])
        tell(r, false, POINTER("tls_key_file"), b->tls_key_file, "both files",
             "and tls_cert_file belong together");
    if (!b->tls && (b->tls_ca_file[0] || b->tls_cert_file[0] || b->tls_any_name))
        tell(r, false, POINTER("tls"), "false", "true", "is off, but its options are given");
    if (strpbrk(b->status_topic, "+#"))
        tell(r, false, POINTER("status_topic"), b->status_topic, "no + #", "is no topic");
    if (b->backoff_max_ms && b->backoff_max_ms < b->backoff_min_ms)
        tell(r, false, POINTER("backoff_max_ms"), "", "at least backoff_min_ms", "is less");
#undef POINTER
}

static void validate(struct report *r, const struct nh_hub_bridges *all)
{
    for (uint32_t i = 0; i < all->count; i++) {
        check_names(r, all, (unsigned)i);
        check_bridge(r, &all->bridge[i], (unsigned)i);
        check_rules(r, &all->bridge[i], (unsigned)i);
    }
}

int nh_hub_bridges_validate(const struct nh_hub_bridges *all, nh_finding_fn finding, void *ctx)
{
    struct report report = {.told = {.finding = finding, .ctx = ctx}};
    validate(&report, all);
    return report.told.errors > 0 ? NH_ERR_INVAL : NH_OK;
}

int nh_hub_bridge_address_split(const char *text, char *host, size_t cap, uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    uint32_t value = 0;
    if (!colon || colon == text || !colon[1] || strlen(colon) > 6)
        return NH_ERR_INVAL;
    for (const char *p = colon + 1; *p; p++) {
        if (*p < '0' || *p > '9')
            return NH_ERR_INVAL;
        value = value * 10 + (uint32_t)(*p - '0');
    }
    size_t len = (size_t)(colon - text);
    bool is_bracketed = len > 2 && text[0] == '[' && text[len - 1] == ']';
    if (value == 0 || value > 65535 ||
        (!is_bracketed && (text[0] == '[' || memchr(text, ':', len))))
        return NH_ERR_INVAL;
    text += is_bracketed;
    len -= is_bracketed ? 2 : 0;
    if (len >= cap)
        return NH_ERR_TOO_LONG;
    memcpy(host, text, len);
    host[len] = '\0';
    *port = (uint16_t)value;
    return NH_OK;
}

// ---- reading ------------------------------------------------------------------------------------

bool nh_hub_bridge_path_takes(struct nh_hub_bridge_path *p, const struct nh_yaml_event *e)
{
    bool begins = e->kind == NH_YAML_MAP_BEGIN || e->kind == NH_YAML_LIST_BEGIN;
    bool ends = e->kind == NH_YAML_MAP_END || e->kind == NH_YAML_LIST_END;
    if (p->is_value) {
        p->inner += begins;
        p->inner -= ends;
        p->is_value = p->inner > 0;
        return true;
    }
    p->depth += begins;
    p->depth -= ends;
    if (e->kind == NH_YAML_KEY && p->depth == 1)
        p->is_mqtt = strcmp(e->text, "mqtt") == 0;
    p->is_value =
        e->kind == NH_YAML_KEY && p->depth == 2 && p->is_mqtt && strcmp(e->text, "bridges") == 0;
    return p->is_value;
}

struct reading {
    nh_decoder_t d;
    struct nh_hub_bridge_path path;
    struct nh_hub_path below; // within mqtt.bridges
    struct report *report;
    struct nh_json_pos pos; // of the last event
    bool is_begun;
};

static void synthetic(struct reading *r, enum nh_json_event event, const char *text)
{
    nh_decoder_event(&r->d, event, text, text ? strlen(text) : 0, &r->pos, 0);
}

static void note_place(struct reading *r, const struct nh_yaml_event *e)
{
    struct report *report = r->report;
    if (e->kind != NH_YAML_KEY && e->kind != NH_YAML_MAP_END && e->kind != NH_YAML_LIST_END &&
        r->below.depth <= 3 && report->place_count < PLACE_MAX_COUNT)
        report->place[report->place_count++] = nh_hub_path__place(&r->below, "/mqtt/bridges", e);
    if (e->kind != NH_YAML_KEY || r->below.depth > 0) // else it is "bridges" itself
        nh_hub_path__walk(&r->below, e);
}

static int yaml_event(void *ctx, const struct nh_yaml_event *e)
{
    struct reading *r = ctx;
    static const enum nh_json_event kind[] = {
        [NH_YAML_MAP_BEGIN] = NH_JSON_OBJECT_BEGIN,
        [NH_YAML_MAP_END] = NH_JSON_OBJECT_END,
        [NH_YAML_LIST_BEGIN] = NH_JSON_ARRAY_BEGIN,
        [NH_YAML_LIST_END] = NH_JSON_ARRAY_END,
        [NH_YAML_KEY] = NH_JSON_KEY,
        [NH_YAML_SCALAR] = NH_JSON_STRING,
    };
    r->pos = (struct nh_json_pos){.line = e->line, .column = e->column};
    if (!nh_hub_bridge_path_takes(&r->path, e))
        return 0;
    if (!r->is_begun) { // what stands around it, and is not looked at
        synthetic(r, NH_JSON_OBJECT_BEGIN, NULL);
        synthetic(r, NH_JSON_KEY, "mqtt");
        synthetic(r, NH_JSON_OBJECT_BEGIN, NULL);
        r->is_begun = true;
    }
    note_place(r, e);
    nh_decoder_event(&r->d, kind[e->kind], e->text, e->len, &r->pos,
                     e->is_plain ? NH_DECODE_TEXT_PLAIN : 0);
    return 0;
}

static void broken(struct report *report, int err, const struct nh_yaml_error *error)
{
    struct nh_finding f = {.code = err, .line = error->line, .column = error->column};
    snprintf(f.text, sizeof f.text, "%.95s",
             error->text[0] ? error->text : "the file cannot be read");
    nh_hub_told_take(&report->told, &f);
}

static int read_yaml(const char *path, const char *text, size_t len, struct nh_hub_bridges *out,
                     nh_finding_fn finding, void *ctx)
{
    struct report report = {.told = {.finding = finding, .ctx = ctx}};
    struct reading r = {.report = &report};
    struct nh_yaml_error error;
    memset(out, 0, sizeof *out);
    nh_decoder_init(&r.d, nh_hub_bridge_fields, out, nh_hub_told_take, &report.told,
                    NH_DECODE_UNKNOWN_IS_ERROR);
    int err = path ? nh_yaml_read_file(path, yaml_event, &r, &error)
                   : nh_yaml_read(text, len, yaml_event, &r, &error);
    if (err < 0) {
        broken(&report, err, &error);
        return err;
    }
    if (r.is_begun) {
        synthetic(&r, NH_JSON_OBJECT_END, NULL);
        synthetic(&r, NH_JSON_OBJECT_END, NULL);
        NH_IGNORE(nh_decoder_end(&r.d)); // its findings are counted
    }
    nh_hub_told_stage(&report.told);
    validate(&report, out);
    return report.told.errors > 0 ? NH_ERR_INVAL : NH_OK;
}

int nh_hub_bridges_read_file(const char *path, struct nh_hub_bridges *out, nh_finding_fn finding,
                             void *ctx)
{
    return read_yaml(path, NULL, 0, out, finding, ctx);
}

int nh_hub_bridges_read_yaml(const char *text, size_t len, struct nh_hub_bridges *out,
                             nh_finding_fn finding, void *ctx)
{
    return read_yaml(NULL, text, len, out, finding, ctx);
}
