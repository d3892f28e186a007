// mosquitto.conf: every option known, every kind of fault with its place, and what it comes to.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/mem/mem.h"
#include "hub/config_print.h"
#include "hub/mosquitto_conf.h"
#include "platform/tls.h"

static struct nh_mosquitto_conf conf;
static nh_mosquitto_reader_t reader;

struct found {
    unsigned errors, warnings;
    struct nh_finding first; // an error before warnings
    char file[256], included[256];
    char all[4096];
};

static void note(void *ctx, const char *file, const struct nh_finding *f)
{
    struct found *found = ctx;
    size_t at = strlen(found->all);
    bool is_first = found->errors == 0 && (!f->is_warning || found->warnings == 0);
    if (is_first) {
        found->first = *f;
        snprintf(found->file, sizeof found->file, "%s", file);
    }
    found->errors += !f->is_warning;
    found->warnings += f->is_warning;
    snprintf(found->all + at, sizeof found->all - at, "%s:%u: %s%s %s\n", file, (unsigned)f->line,
             f->is_warning ? "warning: " : "", f->pointer, f->text);
}

// Each line in a block of its exact size.
static int read_with(struct nh_mosquitto_config *cfg, const char *text, struct found *found)
{
    char folder[NH_MOSQUITTO_PATH_MAX];
    memset(found, 0, sizeof *found);
    cfg->fault = note;
    cfg->ctx = found;
    nh_mosquitto_init(&reader, cfg, &conf);
    assert_int_equal(nh_mosquitto_file_begin(&reader, "m.conf"), NH_OK);
    for (uint32_t number = 1; *text; number++) {
        size_t len = strcspn(text, "\n");
        uint8_t *line = malloc(len ? len : 1);
        memcpy(line, text, len);
        nh_mosquitto_line(&reader, number, (nh_span_t){line, len}, folder);
        free(line);
        if (folder[0])
            snprintf(found->included, sizeof found->included, "%s", folder);
        text += len + (text[len] == '\n');
    }
    nh_mosquitto_file_end(&reader);
    return nh_mosquitto_end(&reader);
}

static int read_text(const char *text, struct found *found)
{
    struct nh_mosquitto_config cfg = {.host_name = "attic"};
    int rc = read_with(&cfg, text, found);
    assert_int_equal(rc, found->errors ? NH_ERR_INVAL : NH_OK);
    return rc;
}

static void read_good(const char *text, struct found *found)
{
    if (read_text(text, found) != NH_OK || found->warnings)
        fail_msg("%s: %s", text, found->all);
}

// ---- the table ----------------------------------------------------------------------------------

static void test_table(void **state)
{
    (void)state;
    assert_null(nh_mosquitto_options_check());
}

// mosquitto.conf(5) of 2.0, and what its source knows beside that.
static const char *const names[] = {
    "acl_file", "allow_anonymous", "allow_duplicate_messages", "allow_zero_length_clientid",
    "auth_opt_x", "auth_plugin", "auth_plugin_deny_special_chars", "auto_id_prefix",
    "autosave_interval", "autosave_on_changes", "check_retain_source", "clientid_prefixes",
    "connection_messages", "include_dir", "log_dest", "log_facility", "log_timestamp",
    "log_timestamp_format", "log_type", "max_inflight_bytes", "max_inflight_messages",
    "max_keepalive", "max_packet_size", "max_queued_bytes", "max_queued_messages", "memory_limit",
    "message_size_limit", "password_file", "per_listener_settings", "persistence",
    "persistence_file", "persistence_location", "persistent_client_expiration", "pid_file",
    "psk_file", "queue_qos0_messages", "retain_available", "set_tcp_nodelay", "sys_interval",
    "upgrade_outgoing_qos", "user", "bind_address", "bind_interface", "http_dir", "listener",
    "max_connections", "max_qos", "max_topic_alias", "mount_point", "port", "protocol",
    "socket_domain", "use_username_as_clientid", "websockets_log_level", "websockets_headers_size",
    "cafile", "capath", "certfile", "ciphers", "ciphers_tls1.3", "crlfile", "dhparamfile",
    "keyfile", "require_certificate", "tls_engine", "tls_engine_kpass_sha1", "tls_keyform",
    "tls_version", "use_identity_as_username", "use_subject_as_username", "psk_hint", "address",
    "addresses", "bridge_attempt_unsubscribe", "bridge_bind_address", "bridge_max_packet_size",
    "bridge_outgoing_retain", "bridge_protocol_version", "cleansession", "local_cleansession",
    "connection", "keepalive_interval", "idle_timeout", "local_clientid", "local_password",
    "local_username", "notifications", "notifications_local_only", "notification_topic",
    "remote_clientid", "remote_password", "remote_username", "restart_timeout", "round_robin",
    "start_type", "threshold", "topic", "try_private", "bridge_alpn", "bridge_cafile",
    "bridge_capath", "bridge_certfile", "bridge_identity", "bridge_insecure", "bridge_keyfile",
    "bridge_psk", "bridge_require_ocsp", "bridge_tls_version",
    // Not in the page.
    "clientid", "username", "password", "maximum_qos", "retained_persistence", "retry_interval",
    "plugin", "plugin_opt_x"};

static void test_every_option_is_known(void **state)
{
    struct found found;
    char text[128];
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(names); i++) {
        snprintf(text, sizeof text, "%s", names[i]); // without a value: a fault, but a known one
        read_text(text, &found);
        if (strstr(found.all, "is no option"))
            fail_msg("%s", found.all);
    }
    read_text("listenr 1883", &found);
    assert_string_equal(found.first.text, "is no option of mosquitto.conf");
}

// ---- faults -------------------------------------------------------------------------------------

struct row {
    const char *name, *text;
    char kind; // 'E' error, 'W' warning, ' ' neither
    uint32_t line;
    const char *option, *says;
};

#define UP "connection up\naddress h\n"

static const struct row rows[] = {
    {"unknown", "# c\n\nfoo 1", 'E', 3, "foo", "is no option"},
    {"as there: a tab parts nothing", "port\t1883", 'E', 1, "port?1883", "is no option"},
    {"as there: a comment begins the line", "  # x", 'E', 1, "#", "is no option"},
    {"no value", "max_keepalive", 'E', 1, "max_keepalive", "has no value"},
    {"no text", "password_file  ", 'E', 1, "password_file", "has no value"},
    {"no number", "max_keepalive 1x", 'E', 1, "max_keepalive", "no whole number"},
    {"a huge number", "max_queued_bytes 99999999999", 'E', 1, "max_queued_bytes", "no whole"},
    {"range", "max_keepalive 65536", 'E', 1, "max_keepalive", "out of range"},
    {"packet of 19", "max_packet_size 19", 'E', 1, "max_packet_size", "out of range"},
    {"no bool", "persistence yes", 'E', 1, "persistence", "neither true nor false"},
    {"twice", "pid_file a\npid_file b", 'E', 2, "pid_file", "a second time"},
    {"UTF-8", "pid_file \xff", 'E', 1, "pid_file", "UTF-8"},
    {"control character", UP "topic #\nremote_username a\x7f", 'E', 4, "remote_username",
     "has a control character"},
    {"control character of two bytes", "pid_file a\xc2\x85", 'E', 1, "pid_file", "control"},
    {"a letter of two bytes", "pid_file a\xc2\xa0", ' ', 0, "", ""},
    {"no character", "pid_file \xef\xbf\xbf", 'E', 1, "pid_file", "control"},
    {"refused", "auth_plugin /x.so", 'E', 1, "auth_plugin", "is refused: there are no plugins"},
    {"refused with a prefix", "auth_opt_db /x", 'E', 1, "auth_opt_", "is refused"},
    {"refused true", "upgrade_outgoing_qos true", 'E', 1, "upgrade_outgoing_qos", "refused"},
    {"harmless false", "upgrade_outgoing_qos false", ' ', 0, "", ""},
    {"harmless true", "set_tcp_nodelay true", ' ', 0, "", ""},
    {"no effect", "set_tcp_nodelay false", 'W', 1, "set_tcp_nodelay", "has no effect: it is"},
    {"no effect, bad value", "set_tcp_nodelay 2", 'E', 1, "set_tcp_nodelay", "neither"},
    {"no effect, number", "max_inflight_bytes 100", 'W', 1, "max_inflight_bytes", "no effect"},
    {"no effect, nothing asked", "max_inflight_bytes 0", ' ', 0, "", ""},
    {"user", "user mosquitto", 'W', 1, "user", "has no effect"},
    {"syslog", "log_dest syslog", 'W', 1, "log_dest", "has no effect"},
    {"two places", "log_dest stdout\nlog_dest file /l", 'W', 2, "log_dest", "one place"},
    {"two files", "log_dest file a\nlog_dest file b", 'E', 2, "log_dest", "a second time"},
    {"no file", "log_dest file", 'E', 1, "log_dest", "names no file"},
    {"no place", "log_dest moon", 'E', 1, "log_dest", "no place"},
    {"no kind", "log_type loud", 'E', 1, "log_type", "no kind"},
    {"no duration", "persistent_client_expiration 5", 'E', 1, "persistent_client_expiration",
     "no duration"},
    {"no duration: unit", "persistent_client_expiration h", 'E', 1, "persistent_client_expiration",
     "no duration"},
    {"no duration: zero", "persistent_client_expiration 0d", 'E', 1, "persistent_client_expiration",
     "no duration"},
    {"$SYS off", "sys_interval 0", 'W', 1, "sys_interval", "never off"},
    {"payload", "message_size_limit 100", 'W', 1, "message_size_limit", "of the packet"},

    {"port", "listener x", 'E', 1, "listener", "is no port"},
    {"port over", "listener 65536", 'E', 1, "listener", "is no port"},
    {"port 0", "listener 0", 'E', 1, "listener", "path of a Unix socket"},
    {"port of the default", "port 0", 'E', 1, "port", "is no port"},
    {"a name", "listener 1883 example.org", 'E', 1, "listener", "is a name"},
    {"bind a name", "bind_address example.org", 'E', 1, "bind_address", "is a name"},
    {"nobody", "listener 1883", 'W', 1, "allow_anonymous", "nobody can come in"},
    {"nobody, said", "listener 1883\nallow_anonymous false", 'W', 2, "allow_anonymous", "nobody"},
    {"interface", "bind_interface eth0", 'E', 1, "bind_interface", "is refused"},
    {"mount point", "listener 1\nmount_point a/", 'E', 2, "mount_point", "is refused"},
    {"protocol", "listener 1\nprotocol ftp", 'E', 2, "protocol", "is no such value"},
    {"QUIC", "listener 1\nprotocol quic", 'E', 2, "protocol", "is refused"},
    {"domain", "listener 1\nsocket_domain ipv5", 'E', 2, "socket_domain", "no such"},
    {"only IPv6", "allow_anonymous true\nlistener 1\nsocket_domain ipv6", 'E', 3, "socket_domain",
     "IPv4 as well"},
    {"IPv6 of IPv4", "listener 1 127.0.0.1\nsocket_domain ipv6", 'E', 2, "socket_domain", "kind"},
    {"a key alone", "listener 1\nkeyfile k", 'E', 2, "keyfile", "needs certfile and keyfile"},
    {"a certificate alone", "listener 1\ncertfile k", 'E', 2, "certfile", "needs certfile"},
    {"cafile alone", "listener 1\ncafile k", 'E', 2, "cafile", "no TLS"},
    {"require", "listener 1\nrequire_certificate true", 'E', 2, "require_certificate",
     "cannot be judged"},
    {"identity", "listener 1\nuse_identity_as_username true", 'E', 2, "use_identity_as_username",
     "lets nobody in"},
    {"subject", "listener 1\nuse_subject_as_username true", 'E', 2, "use_subject_as_username",
     "refused"},
    {"TLS 1.3 alone", "listener 1\ntls_version tlsv1.3", 'E', 2, "tls_version", "1.2 would be"},
    {"TLS 1.1", "listener 1\ntls_version tlsv1.1\nallow_anonymous true", 'W', 2, "tls_version",
     "nothing older"},
    {"TLS 9", "listener 1\ntls_version tlsv9", 'E', 2, "tls_version", "no version"},
    {"ciphers", "listener 1\nciphers A", 'E', 2, "ciphers", "refused"},
    {"engine", "listener 1\ntls_keyform engine", 'E', 2, "tls_keyform", "refused"},
    {"psk", "listener 1\npsk_hint h", 'E', 2, "psk_hint", "pre-shared"},
    {"crl", "listener 1\ncrlfile h", 'E', 2, "crlfile", "revoked"},
    {"TLS above every listener", "certfile c\nkeyfile k", 'E', 1, "certfile", "before any line"},
    {"a default beside", "max_connections 10\nlistener 1\nallow_anonymous true\nmax_connections 5",
     'W', 1, "max_connections", "port 1883 because of it"},
    {"QoS of two", "listener 1\nmax_qos 1\nlistener 2", 'E', 3, "max_qos", "another one"},
    {"one without a limit", "allow_anonymous true\nlistener 1\nmax_connections 5\nlistener 2", 'W',
     3, "max_connections", "another listener has no limit"},

    {"per listener, late", "allow_anonymous true\nper_listener_settings true", 'E', 2,
     "per_listener_settings", "must stand before"},
    {"per listener, different",
     "per_listener_settings true\nlistener 1\nallow_anonymous true\nlistener 2", 'E', 4,
     "allow_anonymous", "another one"},
    {"per listener, passwords",
     "per_listener_settings true\nlistener 1\npassword_file a\nlistener 2\npassword_file b", 'E', 5,
     "password_file", "another one"},
    {"per listener, rules",
     "per_listener_settings true\nlistener 1\npassword_file a\nacl_file a\nlistener "
     "2\npassword_file a",
     'E', 5, "acl_file", "another one"},
    {"per listener, no bool", "per_listener_settings x", 'E', 1, "per_listener_settings",
     "neither"},
    {"rules of users that nobody is", "listener 1\nallow_anonymous true\nacl_file a", 'W', 3,
     "acl_file", "has no users"},

    {"no bridge", "address h", 'E', 1, "address", "before any line"},
    {"bridge without a name", "connection\naddress h\ntopic #", 'E', 1, "connection", "no value"},
    {"two of a name", UP "topic #\n" UP "topic #", 'E', 4, "connection", "another bridge's"},
    {"a name of two levels", "connection a/b\naddress h\ntopic #", 'E', 1, "connection",
     "name is no level"},
    {"nothing carried", UP, 'E', 1, "connection", "rules are missing"},
    {"nowhere", "connection up\ntopic #", 'E', 1, "connection", "address is no address"},
    {"two addresses", "connection up\naddress h i\ntopic #", 'W', 2, "address", "first address"},
    {"port of a bridge", "connection up\naddress h:x\ntopic #", 'E', 1, "connection", "address"},
    {"direction", UP "topic # up", 'E', 3, "topic", "no such direction"},
    {"QoS", UP "topic # out 3", 'E', 3, "topic", "no such QoS"},
    {"a filter that is none", UP "topic a/#/b", 'E', 3, "topic", "no topic filter"},
    {"same topics", UP "topic a/#\ntopic a/b", 'W', 4, "topic", "takes topics of a rule before"},
    {"renames", UP "topic \"\" out 0 a b", 'E', 3, "topic", "ends otherwise"},
    {"3.1", UP "topic #\nbridge_protocol_version mqttv31", 'E', 4, "bridge_protocol_version",
     "3.1 is not"},
    {"lazy", UP "topic #\nstart_type lazy", 'E', 4, "start_type", "refused"},
    {"restart", UP "topic #\nrestart_timeout 9 5", 'E', 4, "restart_timeout", "is less"},
    {"restart x", UP "topic #\nrestart_timeout x", 'E', 4, "restart_timeout", "no time"},
    {"a certificate without TLS", UP "topic #\nbridge_certfile c\nbridge_keyfile k", 'E', 4,
     "bridge_certfile", "there is no TLS"},
    {"a folder", UP "topic #\nbridge_capath /x", 'E', 4, "bridge_capath", "one file"},
    {"no RETAIN", UP "topic #\nbridge_outgoing_retain false", 'E', 4, "bridge_outgoing_retain",
     "refused"},
    {"a password alone", UP "topic #\nremote_password p", 'E', 1, "connection", "user is missing"},
    {"local user", UP "topic #\nlocal_username u", 'W', 4, "local_username", "no effect"},
};

static void test_faults(void **state)
{
    struct found found;
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        const struct row *row = &rows[i];
        read_text(row->text, &found);
        bool is_right = row->kind == 'E'   ? found.errors > 0
                        : row->kind == 'W' ? found.errors == 0 && found.warnings > 0
                                           : found.errors + found.warnings == 0;
        if (row->kind != ' ')
            is_right = is_right && found.first.line == row->line &&
                       strcmp(found.first.pointer, row->option) == 0 &&
                       strstr(found.first.text, row->says) && strcmp(found.file, "m.conf") == 0;
        if (!is_right)
            fail_msg("%s: has\n%s", row->name, found.all);
    }
}

static void test_secrets_are_not_told(void **state)
{
    static const char *const texts[] = {UP "topic #\nremote_password hush\nremote_password hush",
                                        "auth_opt_password hush", "tls_engine_kpass_sha1 hush",
                                        UP "topic #\nlocal_password hush",
                                        UP "topic #\nbridge_psk hush"};
    struct found found;
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(texts); i++) {
        read_text(texts[i], &found);
        assert_true(found.errors + found.warnings > 0);
        assert_string_equal(found.first.value, "(hidden)");
    }
}

static void test_long_lines_and_bytes(void **state)
{
    struct found found;
    char folder[NH_MOSQUITTO_PATH_MAX], text[400];
    struct nh_mosquitto_config cfg = {.fault = note, .ctx = &found};
    (void)state;
    memset(&found, 0, sizeof found);
    nh_mosquitto_init(&reader, &cfg, &conf);
    assert_int_equal(nh_mosquitto_file_begin(&reader, "m.conf"), NH_OK);
    nh_mosquitto_line(&reader, 1, (nh_span_t){NULL, 0}, folder);
    assert_string_equal(found.first.text, "this line is too long");
    nh_mosquitto_line(&reader, 2, (nh_span_t){(const uint8_t *)"user\0x", 6}, folder);
    assert_int_equal(found.errors, 2);
    nh_mosquitto_line(&reader, 3, (nh_span_t){(const uint8_t *)"set_tcp_nodelay true\r\n", 22},
                      folder);
    assert_int_equal(found.errors + found.warnings, 2);
    memset(text, 'x', sizeof text);
    memcpy(text, "pid_file ", 9);
    text[9 + 255] = '\0';
    read_good(text, &found);
    text[9 + 255] = 'x';
    text[9 + 256] = '\0';
    read_text(text, &found);
    assert_string_equal(found.first.limit, "at most 255 bytes");
}

// ---- values -------------------------------------------------------------------------------------

static void test_nothing_said(void **state)
{
    struct found found;
    (void)state;
    read_good("", &found);
    const struct nh_hub_config *c = &conf.hub;
    assert_string_equal(c->mqtt.listen, "127.0.0.1:1883");
    assert_int_equal(c->mqtt.anonymous, NH_HUB_ANONYMOUS_ALWAYS);
    assert_string_equal(c->board, "linux");
    assert_string_equal(c->http.listen, "");
    assert_string_equal(c->console, "stderr");
    assert_int_equal(c->mqtt.inflight_max, 20);
    assert_int_equal(c->mqtt.queue_max_messages, 1000);
    assert_int_equal(c->mqtt.queue_max_bytes, 1073741824);
    assert_int_equal(c->mqtt.packet_max_bytes, 268435455);
    assert_int_equal(c->mqtt.topic_alias_max, 10);
    assert_int_equal(c->mqtt.sys_interval_ms, 10000);
    assert_int_equal(c->mqtt.keepalive_max_s, 0);
    assert_int_equal(c->mqtt.session_expiry_max_s, 0);
    assert_int_equal(c->mqtt.acl_subscribe, NH_HUB_ACL_ANY);
    assert_true(conf.is_log_timed && !conf.has_conn_limit && conf.bridges.count == 0);
    assert_int_equal(nh_hub_config_validate(c, NULL, NULL), NH_OK);
}

static const char many[] = "listener 1884 127.0.0.2\n"
                           "allow_anonymous false\n"
                           "password_file /etc/mosquitto/pass word\n"
                           "acl_file /a\n"
                           "max_connections 50\n"
                           "max_inflight_messages 0\n"
                           "max_queued_messages 7\n"
                           "max_queued_bytes 4096\n"
                           "max_packet_size 2000\n"
                           "max_keepalive 60 # said twice\n"
                           "max_qos 1\n"
                           "max_topic_alias 5000\n"
                           "retain_available false\n"
                           "persistent_client_expiration 2w\n"
                           "sys_interval 60\n"
                           "websockets_headers_size 2048\n"
                           "log_dest stdout\n"
                           "log_type warning\n"
                           "log_type error\n"
                           "log_timestamp false\n"
                           "connection_messages false\n"
                           "pid_file /run/m.pid\n";

static void test_values_arrive(void **state)
{
    struct found found;
    (void)state;
    read_good(many, &found);
    const struct nh_hub_config *c = &conf.hub;
    assert_string_equal(c->mqtt.listen, "127.0.0.2:1884");
    assert_int_equal(c->mqtt.anonymous, NH_HUB_ANONYMOUS_NEVER);
    assert_string_equal(c->mqtt.password_file, "/etc/mosquitto/pass word");
    assert_string_equal(c->mqtt.acl_file, "/a");
    assert_int_equal(c->mqtt.conn_max_count, 50);
    assert_int_equal(c->mqtt.inflight_max, 65534);
    assert_int_equal(c->mqtt.queue_max_messages, 7);
    assert_int_equal(c->mqtt.queue_max_bytes, 4096);
    assert_int_equal(c->mqtt.packet_max_bytes, 2000);
    assert_int_equal(c->mqtt.keepalive_max_s, 60);
    assert_int_equal(c->mqtt.qos_max, 1);
    assert_int_equal(c->mqtt.topic_alias_max, 1000);
    assert_false(c->mqtt.retain_available);
    assert_int_equal(c->mqtt.session_expiry_max_s, 14 * 86400);
    assert_int_equal(c->mqtt.sys_interval_ms, 60000);
    assert_int_equal(c->http.head_max_bytes, 2048);
    assert_string_equal(c->console, "stdout");
    assert_int_equal(c->log.level, NH_LOG_WARN);
    assert_false(c->log.connections);
    assert_false(conf.is_log_timed);
    assert_true(conf.has_conn_limit);
    assert_string_equal(conf.pid_file, "/run/m.pid");
}

struct address {
    const char *text, *listen;
};

static void test_addresses(void **state)
{
    static const struct address addresses[] = {
        {"listener 1883", "[::]:1883"},
        {"listener 1883 # all", "[::]:1883"},
        {"listener 1883\nsocket_domain ipv4", "0.0.0.0:1883"},
        {"listener 1883 localhost", "127.0.0.1:1883"},
        {"listener 1883 localhost\nsocket_domain ipv6", "[::1]:1883"},
        {"listener 1883 ::1", "[::1]:1883"},
        {"port 1885", "[::]:1885"},
        {"bind_address 127.0.0.3", "127.0.0.3:1883"},
        {"bind_address localhost\nport 9", "127.0.0.1:9"},
        {"max_connections 3", "127.0.0.1:1883"},
    };
    struct found found;
    char text[200];
    struct nh_mosquitto_config cfg = {.has_no_ipv6 = true};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(addresses); i++) {
        snprintf(text, sizeof text, "allow_anonymous true\n%s", addresses[i].text);
        read_good(text, &found);
        assert_string_equal(conf.hub.mqtt.listen, addresses[i].listen);
    }
    assert_int_equal(read_with(&cfg, "port 5\nallow_anonymous true", &found), NH_OK);
    assert_string_equal(conf.hub.mqtt.listen, "0.0.0.0:5");
}

// Each listener with its layers; the first plain one is mqtt.listen, wherever it stands.
static void test_listeners(void **state)
{
    static const char text[] = "allow_anonymous true\n"
                               "listener 8883\n"
                               "certfile /c\n"
                               "keyfile /k\n"
                               "cafile /a\n"
                               "listener 1883 127.0.0.1\n"
                               "listener 8884 ::1\n"
                               "certfile /c\n"
                               "keyfile /k\n"
                               "cafile /a\n"
                               "require_certificate true\n"
                               "use_identity_as_username true\n"
                               "listener 9001\n"
                               "protocol websockets\n"
                               "listener 9002\n"
                               "protocol websockets\n"
                               "websockets_origin http://a\n"
                               "websockets_origin http://b:1\n"
                               "listener 0 /run/m.sock\n"
                               "listener 1884 localhost\n";
    struct found found;
    (void)state;
    read_good(text, &found);
    const struct nh_hub_config *c = &conf.hub;
    const struct nh_hub_listener *l = c->mqtt.listeners;
    assert_string_equal(c->mqtt.listen, "127.0.0.1:1883");
    assert_int_equal(c->mqtt.listener_count, 6);
    assert_string_equal(l[0].listen, "[::]:8883");
    assert_string_equal(l[0].tls_cert_file, "/c");
    assert_string_equal(l[0].tls_key_file, "/k");
    assert_string_equal(l[0].tls_ca_file, ""); // nobody is asked for a certificate
    assert_int_equal(l[0].client_cert, NH_TLS_CERT_NONE);
    assert_string_equal(l[1].listen, "[::1]:8884");
    assert_string_equal(l[1].tls_ca_file, "/a");
    assert_int_equal(l[1].client_cert, NH_TLS_CERT_REQUIRED);
    assert_int_equal(l[1].identity_as_user, NH_HUB_IDENTITY_CN);
    assert_int_equal(l[2].protocol, NH_HUB_WEBSOCKET);
    assert_string_equal(l[2].ws_origins, "*");
    assert_string_equal(l[3].ws_origins, "http://a, http://b:1");
    assert_string_equal(l[4].listen, "unix:/run/m.sock");
    assert_int_equal(l[4].protocol, NH_HUB_MQTT);
    assert_string_equal(l[4].ws_origins, "");
    assert_string_equal(l[5].listen, "127.0.0.1:1884");
    assert_int_equal(nh_hub_config_validate(c, NULL, NULL), NH_OK);
    read_text("listener 1 127.0.0.1\nlistener 0 run/m\n", &found);
    assert_int_equal(found.first.line, 2);
    assert_string_equal(found.first.text, "is no absolute path");
    read_text(
        "password_file p\nlistener 1\ncertfile c\nkeyfile k\ncafile a\nrequire_certificate 1\n"
        "use_identity_as_username 1",
        &found);
    assert_true(found.errors == 0 && found.first.line == 7);
    assert_string_equal(found.first.text, "takes the names that password_file has, and no others");
}

static void test_persistence(void **state)
{
    static const struct {
        const char *text, *data;
        int durability;
    } stores[] = {
        {"", ".", NH_HUB_MEMORY},
        {"persistence true", ".", NH_HUB_DURABLE},
        {"retained_persistence 1\npersistence_location /var/lib/mosquitto/", "/var/lib/mosquitto/",
         NH_HUB_DURABLE},
        {"persistence true\npersistence false", ".", NH_HUB_MEMORY},
        {"autosave_interval 60", ".", NH_HUB_MEMORY},
    };
    struct found found;
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(stores); i++) {
        read_good(stores[i].text, &found);
        assert_string_equal(conf.hub.data, stores[i].data);
        assert_int_equal(conf.hub.mqtt.durability, stores[i].durability);
    }
    read_text("persistence true\nautosave_interval 60", &found);
    assert_true(found.warnings == 1 && found.first.line == 2);
    assert_int_equal(conf.hub.mqtt.durability, NH_HUB_INTERVAL);
    assert_int_equal(conf.hub.mqtt.durability_interval_ms, 1000);
}

static void test_log(void **state)
{
    static const struct {
        const char *text, *console;
        int level;
    } logs[] = {
        {"log_dest none", "none", NH_LOG_INFO},
        {"log_dest file /var/log/m q.log", "file:/var/log/m q.log", NH_LOG_INFO},
        {"log_dest stderr", "stderr", NH_LOG_INFO},
        {"log_type none", "none", NH_LOG_ERROR},
        {"log_type all", "stderr", NH_LOG_DEBUG},
        {"log_type error", "stderr", NH_LOG_ERROR},
        {"log_type error\nlog_type notice", "stderr", NH_LOG_INFO},
        {"log_type debug\nlog_type none\nlog_type warning", "stderr", NH_LOG_WARN},
    };
    struct found found;
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(logs); i++) {
        read_good(logs[i].text, &found);
        assert_string_equal(conf.hub.console, logs[i].console);
        assert_int_equal(conf.hub.log.level, logs[i].level);
    }
    read_good("log_timestamp_format %H:%M", &found);
    assert_string_equal(conf.log_time_format, "%H:%M");
}

static const char bridge_text[] = "connection up\n"
                                  "address broker.example:8883\n"
                                  "topic temp/# out 1 home/ hub-1/\n"
                                  "topic cmd/+ in 2 \"\" hub-1/\n"
                                  "topic scene BOTH\n"
                                  "topic \"\" in 0 here/x there/y/x\n"
                                  "topic plain\n"
                                  "remote_username u\n"
                                  "remote_password p w\n"
                                  "bridge_cafile /ca\n"
                                  "bridge_certfile /c\n"
                                  "bridge_keyfile /k\n"
                                  "bridge_insecure true\n"
                                  "bridge_protocol_version mqttv50\n"
                                  "cleansession true\n"
                                  "keepalive_interval 3\n"
                                  "restart_timeout 10 30\n"
                                  "notification_topic state/up\n"
                                  "bridge_max_packet_size 1000\n"
                                  "connection side\n"
                                  "address ::1:1884\n"
                                  "remote_clientid me\n"
                                  "restart_timeout 20\n"
                                  "notifications false\n"
                                  "topic #\n"
                                  "connection third\n"
                                  "address h # there\n"
                                  "bridge_capath /etc/ssl/certs\n"
                                  "topic #\n";

static void test_bridges(void **state)
{
    struct found found;
    (void)state;
    read_good(bridge_text, &found);
    assert_int_equal(conf.bridges.count, 3);
    const struct nh_hub_bridge *b = &conf.bridges.bridge[0];
    assert_string_equal(b->name, "up");
    assert_string_equal(b->address, "broker.example:8883");
    assert_string_equal(b->client_id, "attic.up");
    assert_true(b->version == 0 && b->tls && b->tls_any_name && b->clean);
    assert_string_equal(b->user, "u");
    assert_string_equal(b->password, "p w");
    assert_string_equal(b->tls_ca_file, "/ca");
    assert_string_equal(b->status_topic, "state/up");
    assert_int_equal(b->keepalive_s, 5);
    assert_true(b->backoff_min_ms == 10000 && b->backoff_max_ms == 30000);
    assert_int_equal(b->packet_max_bytes, 1000);
    assert_int_equal(b->rule_count, 5);
    assert_string_equal(b->rules[0].local_prefix, "home/");
    assert_string_equal(b->rules[0].remote_prefix, "hub-1/");
    assert_true(b->rules[0].direction == 0 && b->rules[0].qos == 1);
    assert_true(b->rules[1].direction == 1 && b->rules[1].qos == 2);
    assert_string_equal(b->rules[1].local_prefix, "");
    assert_true(b->rules[2].direction == 2 && b->rules[2].qos == 0);
    assert_string_equal(b->rules[3].local_prefix, "here");
    assert_string_equal(b->rules[3].filter, "/x");
    assert_string_equal(b->rules[3].remote_prefix, "there/y");
    assert_int_equal(b->rules[4].direction, 0);
    b = &conf.bridges.bridge[1];
    assert_string_equal(b->address, "[::1]:1884");
    assert_string_equal(b->client_id, "me");
    assert_string_equal(b->status_topic, "");
    assert_true(b->version == 1 && !b->tls && !b->clean && b->bridge_bit);
    assert_true(b->backoff_min_ms == 20000 && b->backoff_max_ms == 20000);
    assert_int_equal(b->packet_max_bytes, 268435455);
    b = &conf.bridges.bridge[2];
    assert_string_equal(b->address, "h:1883");
    assert_true(b->tls && !b->tls_ca_file[0]);
    assert_true(b->backoff_min_ms == 5000 && b->backoff_max_ms == 30000);
    assert_string_equal(b->status_topic, "$SYS/broker/connection/attic.third/state");
}

// One too many of each is told, and the others stay.
static void test_limits(void **state)
{
    struct found found;
    char text[4096] = "allow_anonymous true\n";
    (void)state;
    for (int i = 0; i < 10; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "listener %d 127.0.0.1\n", i + 1);
    read_text(text, &found);
    assert_non_null(strstr(found.all, "m.conf:10: listener is one too many"));
    text[0] = '\0';
    for (int i = 0; i < 5; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text),
                 "connection c%d\naddress h\ntopic #\n", i);
    read_text(text, &found);
    assert_int_equal(found.errors, 1);
    assert_int_equal(found.first.line, 13);
    snprintf(text, sizeof text, "%s", UP);
    for (int i = 0; i < 25; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "topic t%d\n", i);
    read_text(text, &found);
    assert_int_equal(found.errors, 1);
    assert_int_equal(found.first.line, 27);
}

static void test_per_listener_the_same(void **state)
{
    struct found found;
    (void)state;
    read_good("per_listener_settings true\nlistener 1 127.0.0.1\npassword_file p\nacl_file a\n"
              "per_listener_settings false\n",
              &found);
    assert_string_equal(conf.hub.mqtt.password_file, "p");
    assert_string_equal(conf.hub.mqtt.acl_file, "a");
    assert_int_equal(conf.hub.mqtt.anonymous, NH_HUB_ANONYMOUS_NEVER);
    read_text("include_dir /etc/mosquitto/conf.d \n", &found);
    assert_string_equal(found.included, "/etc/mosquitto/conf.d");
}

// ---- as hub.yaml --------------------------------------------------------------------------------

struct printed {
    char text[16384];
    size_t len;
};

static int to_text(void *ctx, const char *bytes, size_t len)
{
    struct printed *p = ctx;
    if (p->len + len >= sizeof p->text)
        return NH_ERR_FULL;
    memcpy(p->text + p->len, bytes, len);
    p->text[p->len += len] = '\0';
    return NH_OK;
}

static int fail_sink(void *ctx, const char *bytes, size_t len)
{
    (void)ctx;
    (void)bytes;
    (void)len;
    return NH_ERR_IO;
}

// What is printed reads back to the same.
static void test_printed_reads_back(void **state)
{
    static const char *const texts[] = {
        "", many, bridge_text,
        "allow_anonymous true\nlistener 1\nlistener 2\nprotocol websockets\nlistener 0 /s\n"
        "listener 3\ncertfile c\nkeyfile k\ncafile a\nrequire_certificate true\n"};
    static struct printed p, again;
    static struct nh_hub_config c;
    static struct nh_hub_bridges bridges;
    struct found found;
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(texts); i++) {
        read_good(texts[i], &found);
        p.len = again.len = 0;
        assert_int_equal(nh_hub_config_print(&conf.hub, &conf.bridges, to_text, &p), NH_OK);
        nh_hub_config_defaults(&c);
        assert_int_equal(nh_hub_config_read_yaml(&c, p.text, p.len, NULL, NULL), NH_OK);
        assert_int_equal(nh_hub_bridges_read_yaml(p.text, p.len, &bridges, NULL, NULL), NH_OK);
        assert_int_equal(nh_hub_config_print(&c, &bridges, to_text, &again), NH_OK);
        assert_string_equal(p.text, again.text);
        assert_int_equal(bridges.count, conf.bridges.count);
    }
    assert_int_equal(nh_hub_config_print(&c, NULL, fail_sink, NULL), NH_ERR_IO);
}

// ---- files --------------------------------------------------------------------------------------

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int read_file(nh_mem_t *mem, const char *folder, struct found *found)
{
    char path[200];
    snprintf(path, sizeof path, "%s/m.conf", folder);
    memset(found, 0, sizeof *found);
    return nh_mosquitto_read_file(mem, path, &conf, note, found);
}

static void remove_all(const char *folder)
{
    static const char *const files[] = {"m.conf",     "d/A.conf", "d/a.conf", "d/b.conf",
                                        "d/skip.cnf", "d",        ""};
    char path[200];
    for (size_t i = 0; i < NH_ARRAY_LEN(files); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        remove(path);
    }
}

static void test_files(void **state)
{
    static _Alignas(16) uint8_t internal[16 * 1024], psram[512 * 1024];
    const struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    char folder[] = "/tmp/nuthatch-test-XXXXXX", text[300], sub[200];
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    struct found found;
    (void)state;
    assert_int_equal(nh_mem_system_create(&cfg, &sys), NH_OK);
    assert_int_equal(nh_mem_owner_add(sys, "test", NULL, &mem), NH_OK);
    assert_non_null(mkdtemp(folder));
    snprintf(sub, sizeof sub, "%s/d", folder);
    assert_int_equal(mkdir(sub, 0700), 0);
    snprintf(text, sizeof text,
             "listener 1885 127.0.0.1\nallow_anonymous true\ninclude_dir %s\n"
             "max_qos 1\n",
             sub);
    write_file(folder, "m.conf", text);
    write_file(folder, "d/b.conf", "max_keepalive 30\n");
    write_file(folder, "d/A.conf", "max_keepalive 10\nsys_interval 20\n");
    write_file(folder, "d/a.conf", "max_keepalive 20\nsys_interval 30\ninclude_dir /nowhere\n");
    write_file(folder, "d/skip.cnf", "nonsense\n");
    assert_int_equal(read_file(mem, folder, &found), NH_OK);
    assert_int_equal(conf.hub.mqtt.keepalive_max_s, 30); // b after a after A
    assert_int_equal(conf.hub.mqtt.sys_interval_ms, 30000);
    assert_int_equal(conf.hub.mqtt.qos_max, 1); // still of the listener above
    assert_int_equal(found.warnings, 1);
    assert_non_null(strstr(found.all, "d/a.conf:3: warning: include_dir"));
    write_file(folder, "d/b.conf", "\nx\n");
    assert_int_equal(read_file(mem, folder, &found), NH_ERR_INVAL);
    assert_non_null(strstr(found.all, "d/b.conf:2: x is no option"));
    write_file(folder, "m.conf", "include_dir /nowhere\n");
    assert_int_equal(read_file(mem, folder, &found), NH_ERR_INVAL);
    assert_non_null(strstr(found.all, "m.conf:1: include_dir cannot be read"));
    remove_all(folder);
    assert_int_equal(read_file(mem, folder, &found), NH_ERR_INVAL);
    assert_string_equal(found.first.text, "there is no such file");
    // Without memory nothing is read, and the next try works.
    write_file("/tmp", folder + 5, "");
    nh_mem_fault_set(sys, &(struct nh_mem_fault){.fail_nth = 1});
    assert_int_equal(nh_mosquitto_read_file(mem, folder, &conf, note, &found), NH_ERR_NOMEM);
    nh_mem_fault_set(sys, NULL);
    assert_int_equal(nh_mosquitto_read_file(mem, folder, &conf, note, &found), NH_OK);
    remove(folder);
    assert_int_equal(nh_mem_system_destroy(sys, NULL, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_every_option_is_known),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_secrets_are_not_told),
        cmocka_unit_test(test_long_lines_and_bytes),
        cmocka_unit_test(test_nothing_said),
        cmocka_unit_test(test_values_arrive),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_listeners),
        cmocka_unit_test(test_persistence),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_bridges),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_per_listener_the_same),
        cmocka_unit_test(test_printed_reads_back),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
