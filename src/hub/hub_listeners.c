// The broker's listeners as the configuration has them: addresses, TLS, WebSocket, Unix sockets.

#include "hub/hub_parts.h"
#include "platform/tls.h"

#include <stdio.h>
#include <string.h>

#define WHY_MAX_BYTES 300

static int fail(uint32_t index, const struct nh_hub_door *d, const char *why)
{
    fprintf(stderr, "nuthatch: mqtt.listeners.%u %s: %s\n", (unsigned)index, d->cfg.listen, why);
    return NH_ERR_INVAL;
}

static const char *or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static int door_tls(struct nh_hub_door *d, uint32_t index, nh_mem_t *mem)
{
    char why[WHY_MAX_BYTES];
    const struct nh_tls_config cfg = {
        .mem = mem,
        .cert_file = d->cfg.tls_cert_file,
        .key_file = d->cfg.tls_key_file,
        .ca_file = or_null(d->cfg.tls_ca_file),
        .client_cert = (enum nh_tls_client_cert)d->cfg.client_cert,
    };
    if (!d->cfg.tls_cert_file[0])
        return 0;
    return nh_tls_create(&cfg, why, sizeof why, &d->tls) < 0 ? fail(index, d, why) : 0;
}

// The names by which a page may call the hub: those only that no stranger can point at it, unless
// everybody has to say who it is.
static const char *const *page_names(const struct nh_hub *hub)
{
    bool is_open = !nh_accounts_is_required(hub->accounts) || nh_hub__lets_anybody_in(hub);
    return is_open ? hub->host_names : NULL;
}

void nh_hub__guard_listeners(struct nh_hub *hub)
{
    for (uint32_t i = 0; i < hub->door_count; i++)
        hub->doors[i].ws.host_names = page_names(hub);
}

static const struct nh_ws_rules *door_rules(const struct nh_hub *hub, struct nh_hub_door *d)
{
    d->ws = (struct nh_ws_rules){
        .protocol = "mqtt", // [MQTT-6.0.0-3] [MQTT-6.0.0-4]
        .path = or_null(d->cfg.ws_path),
        .head_max_bytes = hub->cfg.http.head_max_bytes,
        .frame_max_bytes = hub->cfg.mqtt.ws_frame_max_bytes,
        .origins = or_null(d->cfg.ws_origins),
        .host_names = page_names(hub),
    };
    return d->cfg.protocol == NH_HUB_WEBSOCKET ? &d->ws : NULL;
}

static int door_open(struct nh_hub *hub, struct nh_hub_door *d, uint32_t index, nh_mem_t *mem)
{
    const char *path = nh_hub_unix_path(d->cfg.listen);
    char host[64] = "";
    struct nh_listener_config cfg = {.address = path ? path : host,
                                     .proxy_protocol = d->cfg.proxy_protocol,
                                     .ws = door_rules(hub, d),
                                     .user = d};
    int err = door_tls(d, index, mem);
    cfg.tls = d->tls;
    if (err == 0 && !path)
        err = nh_hub__listen(d->cfg.listen, hub->given_door_ports[index], host, sizeof host,
                             &cfg.port);
    if (err < 0)
        return err;
    if (d->cfg.mode[0])
        NH_IGNORE(nh_hub_mode_parse(d->cfg.mode, &cfg.unix_mode)); // the validator saw to it
    err = nh_mqtt_listener_add(&hub->mqtt, &cfg, &d->listener);
    if (err < 0)
        return fail(index, d, nh_err_text(err));
    hub->door_ports[index] = nh_listener_port(d->listener);
    if (path)
        snprintf(d->address, sizeof d->address, "%s", d->cfg.listen);
    else
        nh_hub__address(d->address, sizeof d->address, host, hub->door_ports[index]);
    return 0;
}

// mqtt.listen: plain, without anything.
static int open_first(struct nh_hub *hub)
{
    char host[64];
    nh_listener_t *listener = NULL;
    struct nh_listener_config cfg = {.address = host};
    if (!hub->cfg.mqtt.listen[0])
        return 0;
    int err =
        nh_hub__listen(hub->cfg.mqtt.listen, hub->given_mqtt_port, host, sizeof host, &cfg.port);
    if (err == 0)
        err = nh_mqtt_listener_add(&hub->mqtt, &cfg, &listener);
    if (err < 0) {
        fprintf(stderr, "nuthatch: mqtt.listen %s: %s\n", hub->cfg.mqtt.listen, nh_err_text(err));
        return err;
    }
    nh_hub__address(hub->mqtt_address, sizeof hub->mqtt_address, host, nh_listener_port(listener));
    return 0;
}

// What one read may bring. Without PSRAM it is internal memory, a fifth of all at the usual size.
#define READ_BUFFER_WITHOUT_PSRAM_BYTES 8192

int nh_hub__start_listeners(struct nh_hub *hub, nh_mem_t *mem)
{
    const struct nh_mqtt_listener_config cfg = {
        .broker = hub->broker,
        .loop = hub->loop,
        .mem = mem,
        .conn_max_count = hub->cfg.mqtt.conn_max_count,
        .handshake_max_count = hub->cfg.mqtt.handshake_max_count,
        .handshake_timeout_ms = hub->cfg.mqtt.handshake_timeout_ms,
        .read_buffer_bytes = hub->board->psram_bytes ? 0 : READ_BUFFER_WITHOUT_PSRAM_BYTES,
    };
    uint32_t count = hub->cfg.mqtt.listener_count;
    hub->host_names[0] = hub->cfg.name;
    int err = nh_mqtt_listener_start(&hub->mqtt, &cfg);
    if (err == 0)
        err = open_first(hub);
    if (err < 0 || count == 0)
        return err;
    hub->doors = nh_mem_alloc_zero(mem, count * sizeof *hub->doors, NH_MEM_BULK);
    if (!hub->doors)
        return NH_ERR_NOMEM;
    hub->doors_mem = mem;
    for (; err == 0 && hub->door_count < count; hub->door_count++) {
        struct nh_hub_door *d = &hub->doors[hub->door_count];
        d->cfg = hub->cfg.mqtt.listeners[hub->door_count];
        err = door_open(hub, d, hub->door_count, mem);
    }
    return err;
}

void nh_hub__stop_listeners(struct nh_hub *hub)
{
    nh_mqtt_listener_stop(&hub->mqtt);
    for (uint32_t i = 0; i < hub->door_count; i++)
        nh_tls_destroy(hub->doors[i].tls);
    if (hub->doors)
        nh_mem_free(hub->doors_mem, hub->doors);
    hub->doors = NULL;
    hub->door_count = 0;
}

void nh_hub__reload_certificates(struct nh_hub *hub)
{
    char why[WHY_MAX_BYTES];
    for (uint32_t i = 0; i < hub->door_count; i++) {
        const struct nh_hub_door *d = &hub->doors[i];
        if (!d->tls)
            continue;
        if (nh_tls_reload(d->tls, why, sizeof why) == 0)
            NH_LOG_I("mqtt", "listener %s: certificates read again", d->address);
        else
            NH_LOG_W("mqtt", "listener %s: the old certificates stay: %s", d->address, why);
    }
}

const char *nh_hub__scheme(const struct nh_hub_door *d)
{
    if (d->cfg.protocol == NH_HUB_WEBSOCKET)
        return d->tls ? "wss://" : "ws://";
    if (d->tls)
        return "mqtts://";
    return nh_hub_unix_path(d->cfg.listen) ? "" : "mqtt://"; // that one says unix: itself
}

static const char *protocol_of(const struct nh_hub_door *d)
{
    return d->cfg.protocol == NH_HUB_WEBSOCKET ? "websocket" : "mqtt";
}

static void write_one(nh_json_writer_t *w, const char *address, const char *protocol, bool has_tls)
{
    nh_json_object_begin(w);
    nh_json_kv_string(w, "listen", address);
    nh_json_kv_string(w, "protocol", protocol);
    nh_json_kv_bool(w, "tls", has_tls);
    nh_json_object_end(w);
}

void nh_hub__write_listeners(const struct nh_hub *hub, nh_json_writer_t *w)
{
    nh_json_array_begin(w);
    if (hub->mqtt_address[0])
        write_one(w, hub->mqtt_address, "mqtt", false);
    for (uint32_t i = 0; i < hub->door_count; i++) {
        const struct nh_hub_door *d = &hub->doors[i];
        write_one(w, d->address, protocol_of(d), d->tls != NULL);
    }
    nh_json_array_end(w);
}

void nh_hub__listener_of(void *ctx, const void *user, struct nh_mqtt_api_way *out)
{
    const struct nh_hub *hub = ctx;
    const struct nh_hub_door *d = nh_mqtt_user_listener(user);
    *out = (struct nh_mqtt_api_way){.listener = -1, .protocol = "websocket"};
    if (nh_mqtt_user_is_http(user, &out->has_tls))
        return;
    out->listener = (d ? (int)(d - hub->doors) + (hub->mqtt_address[0] != 0) : 0);
    out->protocol = d ? protocol_of(d) : "mqtt";
    out->has_tls = d && d->tls;
}
