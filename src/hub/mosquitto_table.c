// Every option of mosquitto.conf(5) as of 2.0, and those that Mosquitto's later versions added:
// what it comes to here. docs/mosquitto-conf.md has the same table, made from this one.

#include "hub/mosquitto_conf.h"

#include <stdio.h>
#include <string.h>

// A row: an option without words, with words, of each scope. `h`: the value that needs no word.
#define IN(s, f) .offset = offsetof(struct s, f), .size = sizeof(((struct s *)0)->f)
#define G(f) .scope = NH_MOSQUITTO_GLOBAL, IN(nh_mosquitto__globals, f)
#define S(f) .scope = NH_MOSQUITTO_SECURITY, IN(nh_mosquitto__security, f)
#define L(f) .scope = NH_MOSQUITTO_LISTENER, IN(nh_mosquitto__listener, f)
#define B(f) .scope = NH_MOSQUITTO_BRIDGE, IN(nh_mosquitto__bridge, f)

#define BOOL(n, where, t)                                                                          \
    {                                                                                              \
        .name = (n), .type = NH_MOSQUITTO_BOOL, where, .text = (t)                                 \
    }
#define INT(n, where, lo, hi, t)                                                                   \
    {                                                                                              \
        .name = (n), .type = NH_MOSQUITTO_INT, where, .min = (lo), .max = (hi), .text = (t)        \
    }
#define TEXT(n, where, t)                                                                          \
    {                                                                                              \
        .name = (n), .type = NH_MOSQUITTO_TEXT, where, .text = (t)                                 \
    }
#define SECRET(n, where, t)                                                                        \
    {                                                                                              \
        .name = (n), .type = NH_MOSQUITTO_TEXT, where, .is_secret = true, .text = (t)              \
    }
#define WORDS(n, s, f, t)                                                                          \
    {                                                                                              \
        .name = (n), .type = NH_MOSQUITTO_WORDS, .scope = (s), .take = (f), .text = (t)            \
    }
// Known, and not kept.
#define BOOL_NOT(n, s, why, h, t)                                                                  \
    {                                                                                              \
        .name = (n), .type = NH_MOSQUITTO_BOOL, .scope = (s), .support = (why), .harmless = (h),   \
        .text = (t)                                                                                \
    }
#define INT_NOT(n, s, why, h, t)                                                                   \
    {                                                                                              \
        .name = (n), .type = NH_MOSQUITTO_INT, .scope = (s), .support = (why), .harmless = (h),    \
        .min = INT32_MIN + 1, .max = INT32_MAX, .text = (t)                                        \
    }
#define TEXT_NOT(n, s, why, t)                                                                     \
    {                                                                                              \
        .name = (n), .type = NH_MOSQUITTO_TEXT, .scope = (s), .support = (why), .text = (t)        \
    }

#define GLOBAL NH_MOSQUITTO_GLOBAL
#define SECURITY NH_MOSQUITTO_SECURITY
#define LISTENER NH_MOSQUITTO_LISTENER
#define BRIDGE NH_MOSQUITTO_BRIDGE
#define NO_EFFECT NH_MOSQUITTO_NO_EFFECT
#define REFUSED NH_MOSQUITTO_REFUSED
#define ALWAYS NH_MOSQUITTO_NOTHING

static const char plugins[] =
    "there are no plugins here; see docs/mqtt-access.md for users and rules";
static const char psk[] = "there is no TLS with pre-shared keys; use certificates";
static const char ciphers[] = "the TLS library's own choice for 1.2 and 1.3 is taken";
static const char engines[] = "keys are files in PEM";

const nh_mosquitto__option_t nh_mosquitto__options[] = {
    TEXT("acl_file", S(acl_file), "mqtt.acl_file, with mqtt.acl_subscribe: any"),
    BOOL("allow_anonymous", S(allow_anonymous), "mqtt.anonymous: always or never"),
    BOOL_NOT("allow_duplicate_messages", GLOBAL, NO_EFFECT, 0,
             "a message comes once, whatever filters of a client take it"),
    BOOL_NOT("allow_zero_length_clientid", SECURITY, REFUSED, 1,
             "clients without a client id are let in and given one"),
    {.name = "auth_opt_",
     .is_prefix = true,
     .type = NH_MOSQUITTO_TEXT,
     .scope = SECURITY,
     .support = REFUSED,
     .is_secret = true,
     .text = plugins},
    TEXT_NOT("auth_plugin", SECURITY, REFUSED, plugins),
    BOOL_NOT("auth_plugin_deny_special_chars", SECURITY, REFUSED, ALWAYS, plugins),
    TEXT_NOT("auto_id_prefix", SECURITY, NO_EFFECT, "client ids that are given begin with auto-"),
    INT("autosave_interval", G(autosave_interval), INT32_MIN + 1, INT32_MAX,
        "mqtt.durability: interval, written each second; without it durable"),
    BOOL_NOT("autosave_on_changes", GLOBAL, NO_EFFECT, 0, "what changed is written each second"),
    BOOL_NOT("check_retain_source", GLOBAL, NO_EFFECT, 0,
             "who reads a retained message is asked about, not who wrote it"),
    TEXT_NOT("clientid_prefixes", GLOBAL, REFUSED,
             "client ids are restricted user by user: client_id_prefix of mqtt.users"),
    BOOL("connection_messages", G(connection_messages), "log.connections"),
    {.name = "include_dir",
     .type = NH_MOSQUITTO_TEXT,
     .text = "its files that end in .conf are read, in Mosquitto's order"},
    WORDS("log_dest", GLOBAL, nh_mosquitto__take_log_dest,
          "console: stderr, stdout, file:PATH, none; nothing else"),
    INT_NOT("log_facility", GLOBAL, NO_EFFECT, ALWAYS, "there is no log to syslog"),
    BOOL("log_timestamp", G(log_timestamp), "each line of the log begins with the time"),
    TEXT("log_timestamp_format", G(log_timestamp_format), "how the time is written"),
    WORDS("log_type", GLOBAL, nh_mosquitto__take_log_type,
          "log.level: the one that tells what is asked for"),
    INT_NOT("max_inflight_bytes", GLOBAL, NO_EFFECT, 0,
            "messages in flight are bounded by their number"),
    INT("max_inflight_messages", G(max_inflight_messages), INT32_MIN + 1, 65535,
        "mqtt.inflight_max; 0: 65534"),
    INT("max_keepalive", G(max_keepalive), 0, 65535, "mqtt.keepalive_max_s"),
    INT("max_packet_size", G(max_packet_size), 20, INT32_MAX, "mqtt.packet_max_bytes"),
    INT("max_queued_bytes", G(max_queued_bytes), INT32_MIN + 1, INT32_MAX,
        "mqtt.queue_max_bytes; 0: 1 GiB"),
    INT("max_queued_messages", G(max_queued_messages), INT32_MIN + 1, INT32_MAX,
        "mqtt.queue_max_messages; 0: 1000000"),
    INT_NOT("memory_limit", GLOBAL, NO_EFFECT, 0, "--board says how much memory there is"),
    INT("message_size_limit", G(message_size_limit), 0, 268435455,
        "mqtt.packet_max_bytes, 1 KiB more; a larger one closes its connection"),
    TEXT("password_file", S(password_file), "mqtt.password_file"),
    WORDS("per_listener_settings", GLOBAL, nh_mosquitto__take_per_listener,
          "as long as all listeners have the same settings"),
    BOOL("persistence", G(persistence), "mqtt.durability: durable, or memory"),
    BOOL("retained_persistence", G(persistence), "as persistence"),
    TEXT_NOT("persistence_file", GLOBAL, NO_EFFECT,
             "the store is the folder mqtt in persistence_location"),
    TEXT("persistence_location", G(persistence_location), "data"),
    WORDS("persistent_client_expiration", GLOBAL, nh_mosquitto__take_expiration,
          "mqtt.session_expiry_max_s"),
    TEXT("pid_file", G(pid_file), "the process id is written there, and taken away at the end"),
    {.name = "plugin_opt_",
     .is_prefix = true,
     .type = NH_MOSQUITTO_TEXT,
     .scope = SECURITY,
     .support = REFUSED,
     .is_secret = true,
     .text = plugins},
    TEXT_NOT("plugin", SECURITY, REFUSED, plugins),
    TEXT_NOT("global_plugin", GLOBAL, REFUSED, plugins),
    TEXT_NOT("plugin_load", GLOBAL, REFUSED, plugins),
    TEXT_NOT("plugin_use", SECURITY, REFUSED, plugins),
    TEXT_NOT("psk_file", SECURITY, REFUSED, psk),
    BOOL_NOT("queue_qos0_messages", GLOBAL, NO_EFFECT, 0,
             "QoS 0 is not kept for who is away; publish at QoS 1 for that"),
    BOOL("retain_available", G(retain_available), "mqtt.retain_available"),
    TEXT_NOT("retry_interval", GLOBAL, NO_EFFECT, "nothing is sent again but at a new connection"),
    BOOL_NOT("set_tcp_nodelay", GLOBAL, NO_EFFECT, 1, "it is always on"),
    INT("sys_interval", G(sys_interval), 0, 65535, "mqtt.sys_interval_ms; 0 is not to be had"),
    BOOL_NOT("upgrade_outgoing_qos", GLOBAL, REFUSED, 0,
             "a message goes out at the lower QoS of its own and the subscription's"),
    TEXT_NOT("user", GLOBAL, NO_EFFECT,
             "it stays who starts it: say so there (User= of systemd, setpriv)"),
    INT_NOT("global_max_clients", GLOBAL, REFUSED, -1, "it is mqtt.session_max_count of hub.yaml"),
    INT("global_max_connections", G(global_max_connections), INT32_MIN + 1, INT32_MAX,
        "mqtt.conn_max_count"),
    BOOL_NOT("enable_control_api", GLOBAL, NO_EFFECT, 0, "there is no $CONTROL"),
    INT("websockets_headers_size", G(websockets_headers_size), 0, 65535,
        "http.head_max_bytes, 1024 to 16384"),
    INT_NOT("websockets_log_level", GLOBAL, NO_EFFECT, 0, "there is one log, see log_type"),

    // Listeners.
    WORDS("listener", GLOBAL, nh_mosquitto__take_listener,
          "mqtt.listen, mqtt.listeners: an address, or unix:/PATH"),
    WORDS("port", GLOBAL, nh_mosquitto__take_port, "mqtt.listen"),
    WORDS("bind_address", GLOBAL, nh_mosquitto__take_bind, "mqtt.listen: an address or localhost"),
    TEXT_NOT("bind_interface", LISTENER, REFUSED,
             "it would listen at all interfaces; name an address in the listener's line"),
    TEXT_NOT("http_dir", LISTENER, NO_EFFECT, "no files are served beside WebSockets"),
    INT("max_connections", L(max_connections), INT32_MIN + 1, INT32_MAX,
        "mqtt.conn_max_count, those of all listeners together"),
    INT("max_qos", L(max_qos), 0, 2, "mqtt.qos_max, the same for all listeners"),
    INT("maximum_qos", L(max_qos), 0, 2, "as max_qos"),
    INT("max_topic_alias", L(max_topic_alias), 0, 65535,
        "mqtt.topic_alias_max, 1 to 1000, the largest of all listeners"),
    INT_NOT("max_topic_alias_broker", LISTENER, NO_EFFECT, ALWAYS,
            "max_topic_alias is for both ways"),
    TEXT_NOT("mount_point", LISTENER, REFUSED,
             "its clients would see all topics; use acl_file with pattern lines"),
    WORDS("protocol", LISTENER, nh_mosquitto__take_choice, "protocol: mqtt or websocket"),
    WORDS("socket_domain", LISTENER, nh_mosquitto__take_choice, "0.0.0.0 or [::] in the address"),
    BOOL_NOT("use_username_as_clientid", LISTENER, REFUSED, 0,
             "restrict client ids by client_id_prefix of mqtt.users"),
    WORDS("websockets_origin", LISTENER, nh_mosquitto__take_origin,
          "ws_origins; without it \"*\", as Mosquitto has it"),
    TEXT_NOT("accept_protocol_versions", LISTENER, REFUSED,
             "3.1.1 and 5.0 are taken at every listener, 3.1 at none"),

    // TLS of listeners.
    TEXT("cafile", L(cafile), "tls_ca_file, with require_certificate"),
    TEXT_NOT("capath", LISTENER, NO_EFFECT, "a folder is not read; put them into one file: cafile"),
    TEXT("certfile", L(certfile), "tls_cert_file"),
    TEXT("keyfile", L(keyfile), "tls_key_file"),
    TEXT_NOT("ciphers", LISTENER, REFUSED, ciphers),
    TEXT_NOT("ciphers_tls1.3", LISTENER, REFUSED, ciphers),
    TEXT_NOT("crlfile", LISTENER, REFUSED,
             "revoked certificates would be let in; use short-lived ones, or another cafile"),
    TEXT_NOT("dhparamfile", LISTENER, NO_EFFECT, "keys are agreed on by elliptic curves"),
    BOOL_NOT("disable_client_cert_date_checks", LISTENER, REFUSED, 0,
             "certificates out of their time are refused"),
    BOOL("require_certificate", L(require_certificate), "client_cert: required"),
    TEXT_NOT("tls_engine", LISTENER, REFUSED, engines),
    {.name = "tls_engine_kpass_sha1",
     .type = NH_MOSQUITTO_TEXT,
     .scope = LISTENER,
     .support = REFUSED,
     .is_secret = true,
     .text = engines},
    WORDS("tls_keyform", LISTENER, nh_mosquitto__take_choice, "pem; engine is refused"),
    WORDS("tls_version", LISTENER, nh_mosquitto__take_tls_version,
          "tlsv1.2 is what there is: 1.2 and 1.3; tlsv1.3 alone is refused"),
    BOOL("use_identity_as_username", L(use_identity_as_username),
         "identity_as_user: cn, with require_certificate"),
    BOOL_NOT("use_subject_as_username", LISTENER, REFUSED, 0,
             "a name is taken from the common name alone: use_identity_as_username"),
    TEXT_NOT("psk_hint", LISTENER, REFUSED, psk),

    // Bridges.
    WORDS("connection", GLOBAL, nh_mosquitto__take_connection, "mqtt.bridges, name"),
    WORDS("address", BRIDGE, nh_mosquitto__take_address, "address, the first one"),
    WORDS("addresses", BRIDGE, nh_mosquitto__take_address, "as address"),
    WORDS("topic", BRIDGE, nh_mosquitto__take_topic, "rules"),
    BOOL_NOT("bridge_attempt_unsubscribe", BRIDGE, NO_EFFECT, 1,
             "the other broker keeps subscriptions that no rule names any more"),
    TEXT_NOT("bridge_bind_address", BRIDGE, REFUSED, "the system chooses the address"),
    INT("bridge_max_packet_size", B(max_packet_size), INT32_MIN + 1, INT32_MAX, "packet_max_bytes"),
    INT_NOT("bridge_max_topic_alias", BRIDGE, NO_EFFECT, ALWAYS, "bridges use no topic aliases"),
    BOOL_NOT("bridge_outgoing_retain", BRIDGE, REFUSED, 1,
             "RETAIN goes along, and the other broker would refuse it"),
    WORDS("bridge_protocol_version", BRIDGE, nh_mosquitto__take_bridge_version,
          "version: 3.1.1 or 5.0"),
    INT_NOT("bridge_receive_maximum", BRIDGE, NO_EFFECT, ALWAYS, "it is inflight_max of hub.yaml"),
    WORDS("bridge_reload_type", BRIDGE, nh_mosquitto__take_choice,
          "bridges change at a restart, not at SIGHUP"),
    INT_NOT("bridge_session_expiry_interval", BRIDGE, NO_EFFECT, ALWAYS,
            "the session there is asked to be kept without an end"),
    TEXT_NOT("bridge_tcp_keepalive", BRIDGE, NO_EFFECT, "keepalive_interval finds a dead broker"),
    INT_NOT("bridge_tcp_user_timeout", BRIDGE, NO_EFFECT, ALWAYS,
            "keepalive_interval finds a dead broker"),
    BOOL("cleansession", B(hub.clean), "clean"),
    BOOL_NOT("local_cleansession", BRIDGE, NO_EFFECT, ALWAYS,
             "what waits for the other broker is always kept"),
    INT_NOT("idle_timeout", BRIDGE, NO_EFFECT, ALWAYS, "it is for start_type lazy"),
    INT("keepalive_interval", B(hub.keepalive_s), INT32_MIN + 1, 65535, "keepalive_s"),
    TEXT_NOT("local_clientid", BRIDGE, NO_EFFECT, "it is $bridge/NAME here"),
    {.name = "local_password",
     .type = NH_MOSQUITTO_TEXT,
     .scope = BRIDGE,
     .support = NO_EFFECT,
     .is_secret = true,
     .text = "a bridge is part of the broker and may do what its topics say"},
    TEXT_NOT("local_username", BRIDGE, NO_EFFECT,
             "a bridge is part of the broker and may do what its topics say"),
    BOOL("notifications", B(notifications), "status_topic, there; here always"),
    BOOL("notifications_local_only", B(notifications_local_only), "no status_topic"),
    TEXT("notification_topic", B(notification_topic), "status_topic"),
    TEXT("remote_clientid", B(hub.client_id), "client_id; without it HOSTNAME.NAME"),
    TEXT("clientid", B(hub.client_id), "as remote_clientid"),
    SECRET("remote_password", B(hub.password), "password"),
    SECRET("password", B(hub.password), "as remote_password"),
    TEXT("remote_username", B(hub.user), "user"),
    TEXT("username", B(hub.user), "as remote_username"),
    WORDS("restart_timeout", BRIDGE, nh_mosquitto__take_restart, "backoff_min_ms, backoff_max_ms"),
    BOOL_NOT("round_robin", BRIDGE, NO_EFFECT, 0, "the first address is the one"),
    WORDS("start_type", BRIDGE, nh_mosquitto__take_choice, "automatic; lazy and once are refused"),
    INT_NOT("threshold", BRIDGE, NO_EFFECT, ALWAYS, "it is for start_type lazy"),
    BOOL("try_private", B(hub.bridge_bit), "bridge_bit"),
    TEXT_NOT("bridge_alpn", BRIDGE, REFUSED, "no protocol is named in TLS"),
    TEXT("bridge_cafile", B(hub.tls_ca_file), "tls: true, tls_ca_file"),
    TEXT("bridge_capath", B(capath),
         "tls: true; of folders only /etc/ssl/certs, the machine's own"),
    TEXT("bridge_certfile", B(hub.tls_cert_file), "tls_cert_file"),
    TEXT_NOT("bridge_ciphers", BRIDGE, REFUSED, ciphers),
    TEXT_NOT("bridge_ciphers_tls1.3", BRIDGE, REFUSED, ciphers),
    TEXT_NOT("bridge_identity", BRIDGE, REFUSED, psk),
    BOOL("bridge_insecure", B(hub.tls_any_name), "tls_any_name"),
    TEXT("bridge_keyfile", B(hub.tls_key_file), "tls_key_file"),
    {.name = "bridge_psk",
     .type = NH_MOSQUITTO_TEXT,
     .scope = BRIDGE,
     .support = REFUSED,
     .is_secret = true,
     .text = psk},
    BOOL_NOT("bridge_require_ocsp", BRIDGE, REFUSED, 0, "OCSP is not asked"),
    WORDS("bridge_tls_version", BRIDGE, nh_mosquitto__take_tls_version,
          "1.2 and 1.3 are offered, the higher wins"),
};

const size_t nh_mosquitto__option_count = NH_ARRAY_LEN(nh_mosquitto__options);
_Static_assert(NH_ARRAY_LEN(nh_mosquitto__options) <= NH_MOSQUITTO_OPTION_MAX_COUNT,
               "a place for each option");

const nh_mosquitto__option_t *nh_mosquitto__find(const char *name)
{
    for (size_t i = 0; i < nh_mosquitto__option_count; i++) {
        const nh_mosquitto__option_t *o = &nh_mosquitto__options[i];
        if (o->is_prefix ? strncmp(name, o->name, strlen(o->name)) == 0
                         : strcmp(name, o->name) == 0)
            return o;
    }
    return NULL;
}

void nh_mosquitto_options_each(void (*row)(void *ctx, const char *name, const char *support,
                                           const char *text),
                               void *ctx)
{
    static const char *const names[] = {"supported", "no effect", "refused"};
    for (size_t i = 0; i < nh_mosquitto__option_count; i++) {
        const nh_mosquitto__option_t *o = &nh_mosquitto__options[i];
        char support[40];
        bool has_harmless = o->support != NH_MOSQUITTO_SUPPORTED && o->type < NH_MOSQUITTO_TEXT &&
                            o->harmless != NH_MOSQUITTO_NOTHING;
        int len = snprintf(support, sizeof support, "%s", names[o->support]);
        if (has_harmless && o->type == NH_MOSQUITTO_BOOL)
            snprintf(support + len, sizeof support - (size_t)len, " unless %s",
                     o->harmless ? "true" : "false");
        else if (has_harmless)
            snprintf(support + len, sizeof support - (size_t)len, " unless %d", (int)o->harmless);
        row(ctx, o->name, support, o->text);
    }
}

static bool is_right(const nh_mosquitto__option_t *o)
{
    static const size_t sizes[] = {
        [NH_MOSQUITTO_BOOL] = sizeof(bool), [NH_MOSQUITTO_INT] = sizeof(int32_t)};
    if (!o->text || strlen(o->text) > 80 || nh_mosquitto__find(o->name) != o)
        return false;
    if (o->type == NH_MOSQUITTO_WORDS)
        return o->take && o->support == NH_MOSQUITTO_SUPPORTED;
    if (o->take)
        return false;
    if (o->support != NH_MOSQUITTO_SUPPORTED || strcmp(o->name, "include_dir") == 0)
        return o->size == 0;
    return o->type == NH_MOSQUITTO_TEXT ? o->size > 1 : o->size == sizes[o->type];
}

const char *nh_mosquitto_options_check(void)
{
    for (size_t i = 0; i < nh_mosquitto__option_count; i++)
        if (!is_right(&nh_mosquitto__options[i]))
            return nh_mosquitto__options[i].name;
    return NULL;
}
