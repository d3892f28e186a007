// The broker's listeners in the configuration: their table, and what the table cannot say.

#include "hub/config_private.h"
#include "platform/tls.h"

#include <stdio.h>
#include <string.h>

static const char *const protocols[] = {"mqtt", "websocket", NULL};
static const char *const client_certs[] = {"none", "optional", "required", NULL};
static const char *const identities[] = {"none", "cn", "san", NULL};
static const char *const proxies[] = {"off", "required", NULL};

#define AT(f)                                                                                      \
    .offset = offsetof(struct nh_hub_listener, f), .size = sizeof(((struct nh_hub_listener *)0)->f)
#define STRING(f, t)                                                                               \
    {                                                                                              \
        .name = #f, .type = NH_JSON_T_STRING, AT(f), .text = (t)                                   \
    }
#define ENUM(f, n, t)                                                                              \
    {                                                                                              \
        .name = #f, .type = NH_JSON_T_ENUM, AT(f), .names = (n), .text = (t)                       \
    }

static const nh_json_field_t fields[] = {
    {.name = "listen",
     .type = NH_JSON_T_STRING,
     .required = true,
     AT(listen),
     .text = "ADDRESS:PORT, [::]:PORT (IPv4 as well), or unix:/PATH"},
    ENUM(protocol, protocols, "What is spoken there"),
    STRING(tls_cert_file, "Certificate chain in PEM; with it TLS is spoken"),
    STRING(tls_key_file, "Private key in PEM"),
    STRING(tls_ca_file, "Whose client certificates are believed, in PEM"),
    ENUM(client_cert, client_certs, "Whether a client must show a certificate"),
    ENUM(identity_as_user, identities, "The certificate's name is the user's: common name, or SAN"),
    ENUM(proxy_protocol, proxies, "A PROXY header of version 2 comes first"),
    STRING(mode, "Permissions of a Unix socket, octal; empty: 0660"),
    STRING(ws_path, "Path of a WebSocket's request; empty: any"),
    STRING(ws_origins, "Pages that may connect: *, or a list; empty: those of this host"),
    {0},
};

const nh_json_field_t nh_hub_config__listener_element = {
    .type = NH_JSON_T_OBJECT, .fields = fields, .size = sizeof(struct nh_hub_listener)};

_Static_assert(NH_TLS_CERT_NONE == 0 && NH_TLS_CERT_OPTIONAL == 1 && NH_TLS_CERT_REQUIRED == 2,
               "the names stand in this order");

const char *nh_hub_unix_path(const char *listen)
{
    return strncmp(listen, "unix:", 5) == 0 ? listen + 5 : NULL;
}

bool nh_hub_mode_parse(const char *text, uint32_t *mode)
{
    size_t len = strlen(text);
    if (len < 3 || len > 4 || strspn(text, "01234567") != len || (len == 4 && text[0] != '0'))
        return false;
    *mode = 0;
    for (; *text; text++)
        *mode = *mode << 3 | (uint32_t)(*text - '0');
    return true;
}

// One listener being checked, and where it stands.
struct checking {
    struct nh_hub_counting *c;
    const struct nh_hub_config *cfg;
    const struct nh_hub_listener *l;
    uint32_t index;
};

static void report(const struct checking *k, const char *field, const char *value,
                   const char *limit, const char *text)
{
    char pointer[64];
    snprintf(pointer, sizeof pointer, "/mqtt/listeners/%u/%s", (unsigned)k->index, field);
    nh_hub_config__report(k->c, pointer, value, limit, text);
}

// Paths and addresses are told on the console, where a line break would forge a line.
static void check_text(const struct checking *k)
{
    for (const nh_json_field_t *f = fields; f->name; f++) {
        const char *p = (const char *)k->l + f->offset;
        while (f->type == NH_JSON_T_STRING && (unsigned char)*p >= 0x20 && *p != 0x7f)
            p++;
        if (f->type == NH_JSON_T_STRING && *p)
            report(k, f->name, "", "no control characters", "has a control character");
    }
}

static void check_listen(const struct checking *k)
{
    const struct nh_hub_listener *l = k->l;
    const char *path = nh_hub_unix_path(l->listen);
    uint32_t mode;
    char pointer[64];
    snprintf(pointer, sizeof pointer, "/mqtt/listeners/%u/listen", (unsigned)k->index);
    if (!path && l->client_cert == NH_TLS_CERT_REQUIRED) // strangers do not get in
        (void)nh_hub_config__is_open(k->c, pointer, l->listen);
    else if (!path)
        nh_hub_config__check_mqtt_address(k->c, k->cfg, pointer, l->listen);
    else if (path[0] != '/')
        report(k, "listen", l->listen, "unix:/PATH", "names no absolute path");
    if (l->mode[0] && !path)
        report(k, "mode", l->mode, "a listener at unix:/PATH", "is for a Unix socket");
    else if (l->mode[0] && !nh_hub_mode_parse(l->mode, &mode))
        report(k, "mode", l->mode, "octal, 0000 to 0777", "is no permission of a file");
}

static void check_tls(const struct checking *k)
{
    const struct nh_hub_listener *l = k->l;
    bool has_tls = l->tls_cert_file[0] && l->tls_key_file[0];
    if (!l->tls_cert_file[0] != !l->tls_key_file[0])
        report(k, l->tls_cert_file[0] ? "tls_cert_file" : "tls_key_file",
               l->tls_cert_file[0] ? l->tls_cert_file : l->tls_key_file, "both files",
               "needs both tls_cert_file and tls_key_file");
    else if (l->tls_ca_file[0] && !has_tls)
        report(k, "tls_ca_file", l->tls_ca_file, "a listener with TLS",
               "has no use without tls_cert_file");
    if (l->client_cert != NH_TLS_CERT_NONE && !(has_tls && l->tls_ca_file[0]))
        report(k, "client_cert", client_certs[l->client_cert], "a listener with tls_ca_file",
               "cannot be judged without tls_cert_file, tls_key_file and tls_ca_file");
    // A proxy that ends TLS may pass on whom it has verified.
    bool is_told = l->client_cert != NH_TLS_CERT_NONE ||
                   (l->proxy_protocol && l->identity_as_user == NH_HUB_IDENTITY_CN);
    if (l->identity_as_user != NH_HUB_IDENTITY_NONE && !is_told)
        report(k, "identity_as_user", identities[l->identity_as_user],
               "a listener with client_cert, or cn with proxy_protocol",
               "has no certificate to take a name from");
}

static void check_websocket(const struct checking *k)
{
    const struct nh_hub_listener *l = k->l;
    bool is_ws = l->protocol == NH_HUB_WEBSOCKET;
    if (l->ws_path[0] && (!is_ws || l->ws_path[0] != '/'))
        report(k, "ws_path", l->ws_path, "/PATH of a WebSocket",
               is_ws ? "does not begin with /" : "is for protocol: websocket");
    if (l->ws_origins[0] && !is_ws)
        report(k, "ws_origins", l->ws_origins, "a WebSocket", "is for protocol: websocket");
}

// Whether the two cannot both be had; port 0 gives each its own.
static bool collide(const char *a, const char *b)
{
    char host[2][64];
    uint16_t port[2];
    if (nh_hub_unix_path(a) || nh_hub_unix_path(b))
        return strcmp(a, b) == 0;
    return nh_hub_address_split(a, host[0], sizeof host[0], &port[0]) == 0 &&
           nh_hub_address_split(b, host[1], sizeof host[1], &port[1]) == 0 && port[0] != 0 &&
           port[0] == port[1] && strcmp(host[0], host[1]) == 0;
}

static void check_apart(const struct checking *k)
{
    const char *listen = k->l->listen;
    for (uint32_t i = 0; i < k->index; i++)
        if (collide(k->cfg->mqtt.listeners[i].listen, listen))
            report(k, "listen", listen, "another address", "is that of a listener before it");
    if (collide(k->cfg->mqtt.listen, listen))
        report(k, "listen", listen, "another address", "is mqtt.listen too");
    if (collide(k->cfg->http.listen, listen) || collide(k->cfg->http.tls_listen, listen))
        report(k, "listen", listen, "another address", "is the portal's address too");
}

void nh_hub_config__check_listeners(struct nh_hub_counting *c, const struct nh_hub_config *cfg)
{
    if (collide(cfg->http.listen, cfg->mqtt.listen) ||
        collide(cfg->http.tls_listen, cfg->mqtt.listen))
        nh_hub_config__report(c, "/mqtt/listen", cfg->mqtt.listen, "another port",
                              "is the portal's address too");
    for (uint32_t i = 0; i < cfg->mqtt.listener_count; i++) {
        const struct checking k = {.c = c, .cfg = cfg, .l = &cfg->mqtt.listeners[i], .index = i};
        check_text(&k);
        check_listen(&k);
        check_tls(&k);
        check_websocket(&k);
        check_apart(&k);
    }
}
