// Listeners of mosquitto.conf, and who may come in by them: what they come to.

#include "hub/mosquitto_conf.h"
#include "platform/tls.h"

#include <stdio.h>
#include <string.h>

#define PORT_DEFAULT 1883
#define CONN_MAX_COUNT 100000 // where there is no limit there
#define CONN_ALL_MAX_COUNT 1000000

// Those that are there in the end.
struct active {
    uint32_t count;
    const struct nh_mosquitto__listener *listener[NH_MOSQUITTO_LISTENER_MAX_COUNT];
};

void nh_mosquitto__listener_init(struct nh_mosquitto__listener *l)
{
    memset(l, 0, sizeof *l);
    l->max_connections = -1;
    l->max_qos = 2;
    l->max_topic_alias = 10;
}

// ---- which there are ----------------------------------------------------------------------------

static const char *const tls_options[] = {
    "certfile", "keyfile", "cafile", "require_certificate", "use_identity_as_username", "protocol"};

// Options above the first listener are those of one at port 1883, which is there because of them.
static bool has_default(const nh_mosquitto_reader_t *r)
{
    const struct nh_mosquitto__listener *l = &r->v.listener[0];
    return l->port || l->host[0] || l->cafile[0] || l->certfile[0] || l->keyfile[0] ||
           l->require_certificate || l->use_identity_as_username || l->max_connections != -1 ||
           l->max_qos != 2 || l->protocol != NH_MOSQUITTO_MQTT || l->domain ||
           l->security.password_file[0];
}

static nh_mosquitto__place_t first_place(const struct nh_mosquitto__listener *l,
                                         const char **option)
{
    nh_mosquitto__place_t first = 0;
    for (size_t i = 0; i < nh_mosquitto__option_count; i++) {
        if (!l->place[i] || (first && l->place[i] > first))
            continue;
        first = l->place[i];
        *option = nh_mosquitto__options[i].name;
    }
    return first;
}

static void find_active(nh_mosquitto_reader_t *r, struct active *a)
{
    struct nh_mosquitto__values *v = &r->v;
    const char *option = "";
    for (uint32_t i = 1; i < v->listener_count; i++)
        a->listener[a->count++] = &v->listener[i];
    if (v->has_listener_line && !has_default(r))
        return;
    const struct nh_mosquitto__listener *l = &v->listener[0];
    nh_mosquitto__place_t at = first_place(l, &option);
    for (size_t i = 0; i < NH_ARRAY_LEN(tls_options) && !v->has_listener_line; i++)
        if (nh_mosquitto__given(l->place, tls_options[i]))
            nh_mosquitto__tell(r, nh_mosquitto__given(l->place, tls_options[i]), false,
                               tls_options[i], "", "", "stands before any line \"listener PORT\"");
    if (v->has_listener_line && a->count && at && !l->port && !l->host[0])
        nh_mosquitto__tell(r, at, true, option, "", "",
                           "stands before any listener: there is one at port 1883 because of it");
    if (a->count < NH_MOSQUITTO_LISTENER_MAX_COUNT)
        a->listener[a->count++] = l;
}

// ---- who may come in ----------------------------------------------------------------------------

static void differ(nh_mosquitto_reader_t *r, const struct nh_mosquitto__listener *l,
                   const char *option, const char *value)
{
    nh_mosquitto__place_t at = nh_mosquitto__given(l->place, option);
    nh_mosquitto__tell(r, at ? at : l->begin, false, option, value, "one for all",
                       "is refused: it is another one than that of the first listener");
}

static const struct nh_mosquitto__security *security_of(nh_mosquitto_reader_t *r,
                                                        const struct active *a)
{
    if (!r->v.globals.per_listener_settings)
        return &r->v.globals.security;
    const struct nh_mosquitto__security *first = &a->listener[0]->security;
    for (uint32_t i = 1; i < a->count; i++) {
        const struct nh_mosquitto__security *s = &a->listener[i]->security;
        if (s->allow_anonymous != first->allow_anonymous)
            differ(r, a->listener[i], "allow_anonymous", s->allow_anonymous ? "true" : "false");
        if (strcmp(s->password_file, first->password_file) != 0)
            differ(r, a->listener[i], "password_file", s->password_file);
        if (strcmp(s->acl_file, first->acl_file) != 0)
            differ(r, a->listener[i], "acl_file", s->acl_file);
    }
    return first;
}

static bool takes_certificates(const struct active *a)
{
    for (uint32_t i = 0; i < a->count; i++)
        if (a->listener[i]->use_identity_as_username)
            return true;
    return false;
}

static void end_security(nh_mosquitto_reader_t *r, const struct active *a)
{
    struct nh_hub_config *c = &r->out->hub;
    const struct nh_mosquitto__security *s = security_of(r, a);
    const nh_mosquitto__place_t *place =
        r->v.globals.per_listener_settings ? a->listener[0]->place : r->v.globals.place;
    nh_mosquitto__place_t anonymous = nh_mosquitto__given(place, "allow_anonymous");
    // Without a word it is for whom the listeners are for: this machine, or the network.
    bool lets_in = anonymous ? s->allow_anonymous : !r->v.has_listener_line;
    c->mqtt.anonymous = lets_in ? NH_HUB_ANONYMOUS_ALWAYS : NH_HUB_ANONYMOUS_NEVER;
    c->mqtt.acl_subscribe = NH_HUB_ACL_ANY;
    memcpy(c->mqtt.password_file, s->password_file, sizeof c->mqtt.password_file);
    memcpy(c->mqtt.acl_file, s->acl_file, sizeof c->mqtt.acl_file);
    if (!lets_in && !s->password_file[0] && !takes_certificates(a))
        nh_mosquitto__tell(r, anonymous ? anonymous : a->listener[0]->begin, true,
                           "allow_anonymous", "false", "",
                           "and no password_file: nobody can come in");
    for (uint32_t i = 0; i < a->count && s->password_file[0]; i++)
        if (a->listener[i]->use_identity_as_username)
            nh_mosquitto__tell(
                r, nh_mosquitto__given(a->listener[i]->place, "use_identity_as_username"), true,
                "use_identity_as_username", "true", "",
                "takes the names that password_file has, and no others");
    if (lets_in && s->acl_file[0] && !s->password_file[0] && !takes_certificates(a))
        nh_mosquitto__tell(r, nh_mosquitto__given(place, "acl_file"), true, "acl_file", "", "",
                           "has no users without password_file: all are anonymous clients");
}

// ---- limits -------------------------------------------------------------------------------------

static void end_connections(nh_mosquitto_reader_t *r, const struct active *a)
{
    int64_t sum = 0;
    bool is_unlimited = false;
    int32_t global = r->v.globals.global_max_connections;
    for (uint32_t i = 0; i < a->count; i++) {
        is_unlimited |= a->listener[i]->max_connections < 0;
        sum += a->listener[i]->max_connections > 0 ? a->listener[i]->max_connections : 0;
    }
    for (uint32_t i = 0; i < a->count && a->count > 1; i++)
        if (a->listener[i]->max_connections >= 0)
            nh_mosquitto__tell(r, nh_mosquitto__given(a->listener[i]->place, "max_connections"),
                               true, "max_connections", "", "",
                               is_unlimited ? "has no effect: another listener has no limit"
                                            : "counts all listeners together, up to their sum");
    r->out->has_conn_limit = !is_unlimited || global >= 0;
    sum = is_unlimited ? CONN_MAX_COUNT : sum;
    sum = global >= 0 && global < sum ? global : sum;
    sum = sum < 1 ? 1 : sum;
    r->out->hub.mqtt.conn_max_count =
        (uint32_t)(sum > CONN_ALL_MAX_COUNT ? CONN_ALL_MAX_COUNT : sum);
}

static void end_limits(nh_mosquitto_reader_t *r, const struct active *a)
{
    struct nh_hub_config *c = &r->out->hub;
    char value[16];
    int32_t aliases = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct nh_mosquitto__listener *l = a->listener[i];
        snprintf(value, sizeof value, "%d", (int)l->max_qos);
        if (l->max_qos != a->listener[0]->max_qos)
            differ(r, l, nh_mosquitto__given(l->place, "maximum_qos") ? "maximum_qos" : "max_qos",
                   value);
        aliases = l->max_topic_alias > aliases ? l->max_topic_alias : aliases;
    }
    c->mqtt.qos_max = (uint32_t)a->listener[0]->max_qos;
    c->mqtt.topic_alias_max = (uint32_t)(aliases < 1 ? 1 : aliases > 1000 ? 1000 : aliases);
    end_connections(r, a);
}

// ---- addresses ----------------------------------------------------------------------------------

static void tell_listener(nh_mosquitto_reader_t *r, const struct nh_mosquitto__listener *l,
                          const char *option, const char *value, const char *limit,
                          const char *text)
{
    nh_mosquitto__place_t at = nh_mosquitto__given(l->place, option);
    if (!at && !l->begin)
        at = nh_mosquitto__given(r->v.globals.place, l->host[0] ? "bind_address" : "port");
    const char *other;
    if (!at && !l->begin)
        at = first_place(l, &other);
    nh_mosquitto__tell(r, at ? at : l->begin, false, option, value, limit, text);
}

static const char *any_address(nh_mosquitto_reader_t *r, const struct nh_mosquitto__listener *l)
{
    if (!r->v.has_listener_line)
        return "127.0.0.1";
    if (l->domain == NH_MOSQUITTO_IPV6)
        tell_listener(r, l, "socket_domain", "ipv6", "an address in the listener's line",
                      "is refused: [::] takes IPv4 as well");
    return l->domain == NH_MOSQUITTO_IPV4 || r->cfg.has_no_ipv6 ? "0.0.0.0" : "[::]";
}

static void write_address(nh_mosquitto_reader_t *r, const struct nh_mosquitto__listener *l,
                          char *out, size_t cap)
{
    unsigned port = l->port ? (unsigned)l->port : PORT_DEFAULT;
    bool is_ipv6 = strchr(l->host, ':') != NULL;
    bool is_ipv4 = l->host[0] && l->host[strspn(l->host, "0123456789.")] == '\0';
    const char *option = l->begin ? "listener" : "bind_address";
    if (l->begin && !l->port) {
        if (l->host[0] != '/')
            tell_listener(r, l, "listener", l->host, "/PATH", "is no absolute path");
        snprintf(out, cap, "unix:%s", l->host);
        return;
    }
    if (!l->host[0])
        snprintf(out, cap, "%s:%u", any_address(r, l), port);
    else if (strcmp(l->host, "localhost") == 0)
        snprintf(out, cap, "%s:%u", l->domain == NH_MOSQUITTO_IPV6 ? "[::1]" : "127.0.0.1", port);
    else
        snprintf(out, cap, is_ipv6 ? "[%.45s]:%u" : "%.45s:%u", l->host, port);
    if (l->host[0] && !is_ipv4 && !is_ipv6 && strcmp(l->host, "localhost") != 0)
        tell_listener(r, l, option, l->host, "an address, or localhost",
                      "is a name, and names are not looked up");
    if ((is_ipv4 && l->domain == NH_MOSQUITTO_IPV6) || (is_ipv6 && l->domain == NH_MOSQUITTO_IPV4))
        tell_listener(r, l, "socket_domain", l->host, "", "is not of the address's kind");
}

static void check_tls(nh_mosquitto_reader_t *r, const struct nh_mosquitto__listener *l)
{
    if (!l->certfile[0] != !l->keyfile[0])
        tell_listener(r, l, l->certfile[0] ? "certfile" : "keyfile", "", "both files",
                      "needs certfile and keyfile");
    if (!l->certfile[0] && l->cafile[0])
        tell_listener(r, l, "cafile", l->cafile, "certfile and keyfile",
                      "would have no use: without certfile there is no TLS");
    if (l->require_certificate && !(l->certfile[0] && l->cafile[0]))
        tell_listener(r, l, "require_certificate", "true", "certfile, keyfile and cafile",
                      "cannot be judged without them");
    if (l->use_identity_as_username && !l->require_certificate)
        tell_listener(r, l, "use_identity_as_username", "true", "require_certificate true",
                      "lets nobody in without require_certificate");
}

// The first plain one is mqtt.listen.
static void put(nh_mosquitto_reader_t *r, const struct nh_mosquitto__listener *l)
{
    struct nh_hub_config *c = &r->out->hub;
    char address[128];
    write_address(r, l, address, sizeof address);
    check_tls(r, l);
    bool is_plain = !l->certfile[0] && l->protocol == NH_MOSQUITTO_MQTT && (l->port || !l->begin);
    if (is_plain && !c->mqtt.listen[0]) {
        snprintf(c->mqtt.listen, sizeof c->mqtt.listen, "%.63s", address);
        return;
    }
    if (c->mqtt.listener_count == NH_HUB_LISTENER_MAX_COUNT) {
        tell_listener(r, l, l->begin ? "listener" : "port", address, "8 beside a plain one",
                      "is one too many");
        return;
    }
    struct nh_hub_listener *out = &c->mqtt.listeners[c->mqtt.listener_count++];
    memset(out, 0, sizeof *out);
    snprintf(out->listen, sizeof out->listen, "%.111s", address);
    out->protocol = l->protocol == NH_MOSQUITTO_WEBSOCKETS ? NH_HUB_WEBSOCKET : NH_HUB_MQTT;
    memcpy(out->tls_cert_file, l->certfile, sizeof out->tls_cert_file);
    memcpy(out->tls_key_file, l->keyfile, sizeof out->tls_key_file);
    if (l->require_certificate) { // else nobody is asked for one, as there
        memcpy(out->tls_ca_file, l->cafile, sizeof out->tls_ca_file);
        out->client_cert = NH_TLS_CERT_REQUIRED;
        out->identity_as_user =
            l->use_identity_as_username ? NH_HUB_IDENTITY_CN : NH_HUB_IDENTITY_NONE;
    }
    if (out->protocol == NH_HUB_WEBSOCKET)
        snprintf(out->ws_origins, sizeof out->ws_origins, "%s",
                 l->websockets_origin[0] ? l->websockets_origin : "*");
}

void nh_mosquitto__end_listeners(nh_mosquitto_reader_t *r)
{
    struct active a = {0};
    find_active(r, &a);
    r->out->hub.mqtt.listen[0] = '\0';
    for (uint32_t i = 0; i < a.count; i++)
        put(r, a.listener[i]);
    if (a.count == 0)
        return; // there were faults
    end_security(r, &a);
    end_limits(r, &a);
}
