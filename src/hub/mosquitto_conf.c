#include "hub/mosquitto_conf.h"

#include "hub/line_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    struct nh_mosquitto_conf *conf;
    struct nh_mosquitto_listener first; // what stands before the first "listener": port 1883
    bool has_first, has_anonymous;
    uint32_t line;
    bool has_error;
    const char *option;
    nh_mosquitto_told_fn told;
    void *ctx;
};

static void tell(struct reading *r, bool is_warning, const char *text)
{
    r->has_error |= !is_warning;
    if (r->told)
        r->told(r->ctx, r->line, is_warning, r->option, text);
}

static void bad(struct reading *r, const char *text)
{
    tell(r, false, text);
}

// The listener that a line is about.
static struct nh_mosquitto_listener *at_hand(struct reading *r)
{
    uint32_t count = r->conf->listener_count;
    return count ? &r->conf->listeners[count - 1] : &r->first;
}

// ---- values -------------------------------------------------------------------------------------

static bool take_bool(struct reading *r, const char *value, bool *out)
{
    bool is_true = strcmp(value, "true") == 0, is_false = strcmp(value, "false") == 0;
    if (!is_true && !is_false)
        bad(r, "is true or false");
    *out = is_true;
    return is_true || is_false;
}

static bool take_number(struct reading *r, const char *value, uint64_t max, uint64_t *out)
{
    char *end;
    *out = strtoull(value, &end, 10);
    bool is_right = value[0] >= '0' && value[0] <= '9' && *end == '\0' && *out <= max;
    if (!is_right)
        bad(r, "is a number in its range");
    return is_right;
}

static void take_text(struct reading *r, const char *value, char *out, size_t cap)
{
    if (snprintf(out, cap, "%s", value) >= (int)cap)
        bad(r, "is too long");
}

// A limit where 0 stands for none.
static void take_limit(struct reading *r, const char *value, uint32_t max, uint32_t *out)
{
    uint64_t n;
    if (take_number(r, value, UINT32_MAX, &n))
        *out = n == 0 || n > max ? max : (uint32_t)n;
}

// ---- options ------------------------------------------------------------------------------------

static void take_port(struct reading *r, const char *value, uint16_t *out)
{
    uint64_t n;
    if (!take_number(r, value, 65535, &n))
        return;
    if (n == 0)
        bad(r, "port 0, a Unix socket, is not supported");
    *out = (uint16_t)n;
}

static void on_listener(struct reading *r, const char *value)
{
    char port[16] = "";
    struct nh_mosquitto_conf *c = r->conf;
    size_t len = strcspn(value, " \t");
    if (c->listener_count == NH_MOSQUITTO_LISTENER_MAX_COUNT) {
        bad(r, "one listener too many: at most 8");
        return;
    }
    struct nh_mosquitto_listener *l = &c->listeners[c->listener_count++];
    *l = (struct nh_mosquitto_listener){.line = r->line};
    snprintf(port, sizeof port, "%.*s", (int)(len < sizeof port ? len : sizeof port - 1), value);
    take_port(r, port, &l->port);
    value += len + strspn(value + len, " \t");
    take_text(r, value, l->address, sizeof l->address);
    if (strcmp(l->address, "localhost") == 0)
        snprintf(l->address, sizeof l->address, "127.0.0.1");
}

static void on_port(struct reading *r, const char *value)
{
    take_port(r, value, &r->first.port);
    r->first.line = r->line;
    r->has_first = true;
}

static void on_bind_address(struct reading *r, const char *value)
{
    take_text(r, value, r->first.address, sizeof r->first.address);
    r->first.line = r->line;
    r->has_first = true;
}

static void on_socket_domain(struct reading *r, const char *value)
{
    struct nh_mosquitto_listener *l = at_hand(r);
    bool is_v6 = strcmp(value, "ipv6") == 0;
    if (!is_v6 && strcmp(value, "ipv4") != 0)
        bad(r, "is ipv4 or ipv6");
    else if (!l->address[0])
        snprintf(l->address, sizeof l->address, "%s", is_v6 ? "::" : "0.0.0.0");
}

static void on_protocol(struct reading *r, const char *value)
{
    if (strcmp(value, "mqtt") != 0)
        bad(r, "only mqtt is supported here; for WebSockets run the hub");
}

static void on_allow_anonymous(struct reading *r, const char *value)
{
    r->has_anonymous |= take_bool(r, value, &r->conf->allow_anonymous);
}

static void on_password_file(struct reading *r, const char *value)
{
    take_text(r, value, r->conf->password_file, sizeof r->conf->password_file);
}

static void on_acl_file(struct reading *r, const char *value)
{
    take_text(r, value, r->conf->acl_file, sizeof r->conf->acl_file);
}

static void on_cafile(struct reading *r, const char *value)
{
    take_text(r, value, at_hand(r)->ca_file, NH_MOSQUITTO_PATH_MAX_BYTES);
}

static void on_certfile(struct reading *r, const char *value)
{
    take_text(r, value, at_hand(r)->cert_file, NH_MOSQUITTO_PATH_MAX_BYTES);
}

static void on_keyfile(struct reading *r, const char *value)
{
    take_text(r, value, at_hand(r)->key_file, NH_MOSQUITTO_PATH_MAX_BYTES);
}

static void on_require_certificate(struct reading *r, const char *value)
{
    NH_IGNORE(take_bool(r, value, &at_hand(r)->wants_certificate)); // told
}

static void on_identity(struct reading *r, const char *value)
{
    NH_IGNORE(take_bool(r, value, &at_hand(r)->takes_identity)); // told
}

static void on_per_listener(struct reading *r, const char *value)
{
    bool yes;
    if (take_bool(r, value, &yes) && yes)
        bad(r, "users and rules are the same for all listeners here");
}

static void on_persistence(struct reading *r, const char *value)
{
    bool yes;
    if (take_bool(r, value, &yes) && yes)
        tell(r, true, "sessions and retained messages are kept in memory only in this mode");
}

static void on_max_connections(struct reading *r, const char *value)
{
    if (strcmp(value, "-1") != 0)
        take_limit(r, value, 1000000, &r->conf->limits.conn_max_count);
}

static void on_max_inflight(struct reading *r, const char *value)
{
    take_limit(r, value, 65534, &r->conf->limits.inflight_max);
}

static void on_max_queued_messages(struct reading *r, const char *value)
{
    take_limit(r, value, 1000000, &r->conf->limits.queue_max_messages);
}

static void on_max_queued_bytes(struct reading *r, const char *value)
{
    take_limit(r, value, 1073741824, &r->conf->limits.queue_max_bytes);
}

static void on_max_packet_size(struct reading *r, const char *value)
{
    uint64_t n;
    if (take_number(r, value, 268435455, &n) && n < 20)
        bad(r, "is at least 20");
    else if (n >= 20)
        r->conf->limits.packet_max_bytes = (uint32_t)n;
}

// Of the payload; what stands before it takes a little more.
static void on_message_size(struct reading *r, const char *value)
{
    uint64_t n;
    if (!take_number(r, value, 268435455, &n) || n == 0)
        return;
    n += 65535 + 16; // the longest topic
    r->conf->limits.packet_max_bytes = n > 268435455 ? 268435455 : (uint32_t)n;
}

static void on_max_keepalive(struct reading *r, const char *value)
{
    uint64_t n;
    if (take_number(r, value, 65535, &n))
        r->conf->limits.keepalive_max_s = (uint32_t)n;
}

static void on_sys_interval(struct reading *r, const char *value)
{
    uint64_t n;
    if (!take_number(r, value, 65535, &n))
        return;
    if (n == 0)
        tell(r, true, "$SYS cannot be switched off; it costs nothing while nobody listens");
    else
        r->conf->limits.sys_interval_ms = (uint32_t)n * 1000;
}

static void on_max_qos(struct reading *r, const char *value)
{
    uint64_t n;
    if (take_number(r, value, 2, &n))
        r->conf->limits.qos_refused = (uint8_t)(n < 2 ? n + 1 : 0);
}

static void on_retain_available(struct reading *r, const char *value)
{
    bool yes;
    if (take_bool(r, value, &yes))
        r->conf->limits.retain_refused = !yes;
}

// "2h", "14d", "8w", "6m", "1y".
static void on_expiration(struct reading *r, const char *value)
{
    static const struct {
        char unit;
        uint32_t seconds;
    } units[] = {{'h', 3600}, {'d', 86400}, {'w', 604800}, {'m', 2592000}, {'y', 31536000}};
    char *end;
    unsigned long n = strtoul(value, &end, 10);
    for (size_t i = 0; i < NH_ARRAY_LEN(units); i++) {
        if (n == 0 || n > 1000 || *end != units[i].unit || end[1])
            continue;
        uint64_t seconds = (uint64_t)n * units[i].seconds;
        r->conf->limits.session_expiry_max_s = seconds < UINT32_MAX ? (uint32_t)seconds : 0;
        return;
    }
    bad(r, "is a number and one of h, d, w, m, y");
}

static void on_log_type(struct reading *r, const char *value)
{
    static const struct {
        const char *name;
        enum nh_log_level level;
    } types[] = {{"none", NH_LOG_ERROR},      {"error", NH_LOG_ERROR},
                 {"warning", NH_LOG_WARN},    {"notice", NH_LOG_INFO},
                 {"information", NH_LOG_INFO}, {"all", NH_LOG_DEBUG},
                 {"debug", NH_LOG_DEBUG},     {"subscribe", NH_LOG_INFO},
                 {"unsubscribe", NH_LOG_INFO}, {"websockets", NH_LOG_INFO}};
    for (size_t i = 0; i < NH_ARRAY_LEN(types); i++) {
        if (strcmp(types[i].name, value) != 0)
            continue;
        if (types[i].level > r->conf->log_level)
            r->conf->log_level = types[i].level;
        return;
    }
    bad(r, "is no type of log line");
}

static void on_log_dest(struct reading *r, const char *value)
{
    if (strcmp(value, "stderr") != 0 && strcmp(value, "none") != 0)
        tell(r, true, "the log goes to standard error");
}

// What becomes of an option.
struct option {
    const char *name;
    void (*take)(struct reading *r, const char *value); // NULL: see `text`
    const char *text;                                   // NULL: it changes nothing here
    bool is_error; // going on without it would do something else than the file says
};

static const struct option options[] = {
    {"listener", on_listener, NULL, false},
    {"port", on_port, NULL, false},
    {"bind_address", on_bind_address, NULL, false},
    {"socket_domain", on_socket_domain, NULL, false},
    {"protocol", on_protocol, NULL, false},
    {"allow_anonymous", on_allow_anonymous, NULL, false},
    {"password_file", on_password_file, NULL, false},
    {"acl_file", on_acl_file, NULL, false},
    {"cafile", on_cafile, NULL, false},
    {"certfile", on_certfile, NULL, false},
    {"keyfile", on_keyfile, NULL, false},
    {"require_certificate", on_require_certificate, NULL, false},
    {"use_identity_as_username", on_identity, NULL, false},
    {"per_listener_settings", on_per_listener, NULL, false},
    {"persistence", on_persistence, NULL, false},
    {"max_connections", on_max_connections, NULL, false},
    {"max_inflight_messages", on_max_inflight, NULL, false},
    {"max_queued_messages", on_max_queued_messages, NULL, false},
    {"max_queued_bytes", on_max_queued_bytes, NULL, false},
    {"max_packet_size", on_max_packet_size, NULL, false},
    {"message_size_limit", on_message_size, NULL, false},
    {"max_keepalive", on_max_keepalive, NULL, false},
    {"sys_interval", on_sys_interval, NULL, false},
    {"max_qos", on_max_qos, NULL, false},
    {"retain_available", on_retain_available, NULL, false},
    {"persistent_client_expiration", on_expiration, NULL, false},
    {"log_type", on_log_type, NULL, false},
    {"log_dest", on_log_dest, NULL, false},
    // They change nothing here.
    {"autosave_interval", NULL, NULL, false},
    {"autosave_on_changes", NULL, NULL, false},
    {"persistence_file", NULL, NULL, false},
    {"persistence_location", NULL, NULL, false},
    {"connection_messages", NULL, NULL, false},
    {"log_timestamp", NULL, NULL, false},
    {"log_timestamp_format", NULL, NULL, false},
    {"set_tcp_nodelay", NULL, NULL, false},
    {"allow_duplicate_messages", NULL, NULL, false},
    // Something is missing, but nothing is open that should be closed.
    {"user", NULL, "the broker runs as who started it", false},
    {"pid_file", NULL, "no such file is written", false},
    {"queue_qos0_messages", NULL, "QoS 0 is not kept for who is away", false},
    {"upgrade_outgoing_qos", NULL, "a message is delivered at the lower QoS of the two", false},
    {"max_topic_alias", NULL, "a client may have 16", false},
    {"memory_limit", NULL, "the broker lives within 1 GiB", false},
    {"retained_persistence", NULL, "see persistence", false},
    {"tls_version", NULL, "TLS 1.2 and 1.3 are offered", false},
    {"ciphers", NULL, "the TLS library's own are offered", false},
    {"ciphers_tls1.3", NULL, "the TLS library's own are offered", false},
    {"dhparamfile", NULL, "the TLS library's own are offered", false},
    {"http_dir", NULL, "no files are served", false},
    {"max_log_entries", NULL, "there is no such limit", false},
    {"websockets_log_level", NULL, "see log_type", false},
    {"websockets_headers_size", NULL, "there are no WebSockets in this mode", false},
    // Who may come in would be another question without them.
    {"allow_zero_length_clientid", NULL, "clients without an id are given one", true},
    {"auto_id_prefix", NULL, "the ids that are given begin with \"auto-\"", true},
    {"check_retain_source", NULL, "retained messages are kept whatever becomes of the sender", true},
    {"clientid_prefixes", NULL, "not supported; users of the hub have client_id_prefix", true},
    {"use_username_as_clientid", NULL, "not supported", true},
    {"use_subject_as_username", NULL, "not supported; use_identity_as_username is", true},
    {"crlfile", NULL, "not supported", true},
    {"capath", NULL, "not supported; cafile is", true},
    {"psk_file", NULL, "not supported", true},
    {"psk_hint", NULL, "not supported", true},
    {"plugin", NULL, "not supported", true},
    {"auth_plugin", NULL, "not supported", true},
    {"auth_plugin_deny_special_chars", NULL, "not supported", true},
    {"bind_interface", NULL, "not supported; give the listener an address", true},
    {"mount_point", NULL, "not supported", true},
    {"tls_engine", NULL, "not supported", true},
    {"tls_keyform", NULL, "not supported", true},
    {"tls_engine_kpass_sha1", NULL, "not supported", true},
    {"include_dir", NULL, "not supported; put everything into one file", true},
    {"connection", NULL, "bridges are the hub's: mqtt.bridges of hub.yaml", true},
};

// ---- lines --------------------------------------------------------------------------------------

static const struct option *find_option(const char *name)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(options); i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

static void take_line(struct reading *r, char *text)
{
    char *end = text + strlen(text);
    while (end > text && strchr(" \t\r", end[-1]))
        *--end = '\0';
    text += strspn(text, " \t");
    if (text[0] == '\0' || text[0] == '#')
        return;
    char *value = text + strcspn(text, " \t");
    if (*value)
        *value++ = '\0';
    value += strspn(value, " \t");
    r->option = text;
    const struct option *o = find_option(text);
    if (!o)
        bad(r, "is no option of mosquitto.conf that is known here");
    else if (!o->take && o->text)
        tell(r, !o->is_error, o->text);
    else if (o->take && !*value)
        bad(r, "has no value");
    else if (o->take)
        o->take(r, value);
}

static int on_line(void *ctx, uint32_t number, nh_span_t text)
{
    struct reading *r = ctx;
    char copy[NH_LINE_MAX_BYTES + 1];
    r->line = number;
    r->option = "";
    if (!text.ptr || memchr(text.ptr, 0, text.len)) {
        bad(r, "this line is too long, or no text");
        return NH_OK;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    take_line(r, copy);
    return NH_OK;
}

// ---- the whole ----------------------------------------------------------------------------------

static void check_tls(struct reading *r, const struct nh_mosquitto_listener *l)
{
    bool has_cert = l->cert_file[0], has_key = l->key_file[0], has_ca = l->ca_file[0];
    r->line = l->line;
    r->option = "listener";
    if (has_cert != has_key)
        bad(r, "certfile and keyfile belong together");
    if (has_ca && !has_cert)
        bad(r, "cafile without certfile and keyfile would leave it without TLS");
    if (l->wants_certificate && (!has_ca || !has_cert))
        bad(r, "require_certificate needs cafile, certfile and keyfile");
    if (l->takes_identity && !l->wants_certificate)
        bad(r, "use_identity_as_username needs require_certificate");
}

// The listener that the lines before the first "listener" make. Without any, the broker is for this
// machine alone and lets everybody in, as Mosquitto does.
static void add_first(struct reading *r)
{
    struct nh_mosquitto_conf *c = r->conf;
    bool is_alone = c->listener_count == 0 && !r->has_first;
    if (c->listener_count && !r->has_first)
        return;
    if (is_alone)
        snprintf(r->first.address, sizeof r->first.address, "127.0.0.1");
    if (is_alone && !r->has_anonymous)
        c->allow_anonymous = true;
    if (c->listener_count == NH_MOSQUITTO_LISTENER_MAX_COUNT)
        bad(r, "one listener too many: at most 8");
    else
        c->listeners[c->listener_count++] = r->first;
}

int nh_mosquitto_conf_read(const char *path, struct nh_mosquitto_conf *out,
                           nh_mosquitto_told_fn told, void *ctx)
{
    struct reading r = {.conf = out, .first.port = 1883, .told = told, .ctx = ctx};
    *out = (struct nh_mosquitto_conf){
        .log_level = NH_LOG_ERROR,
        .limits = {.packet_max_bytes = 268435455,
                   .conn_max_count = 100000,
                   .session_max_count = 1000000,
                   .subscription_max_count = 65535,
                   .topic_max_bytes = 65535,
                   .topic_level_max = 128,
                   .queue_max_bytes = 1073741824,
                   .queue_max_messages = 1000,
                   .inflight_max = 20,
                   .retained_max_bytes = 536870912,
                   .retained_max_count = 10000000,
                   .keepalive_max_s = 65535}};
    int rc = nh_line_file_read(path, on_line, &r);
    if (rc < 0)
        return rc;
    r.option = "listener";
    add_first(&r);
    for (uint32_t i = 0; i < out->listener_count; i++)
        check_tls(&r, &out->listeners[i]);
    if (out->log_level == NH_LOG_ERROR)
        out->log_level = NH_LOG_INFO; // Mosquitto's default: error, warning, notice, information
    return r.has_error ? NH_ERR_INVAL : NH_OK;
}
