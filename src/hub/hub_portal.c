// The portal as a part of the hub: tables, feed parts, sign-in, listener.

#include "hub/hub_parts.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern const struct nh_asset nh_web_assets[]; // made from web/dist by the build
extern const size_t nh_web_asset_count;

static bool stream_is_open(void *ctx)
{
    return nh_hub__lets_anybody_in(ctx);
}

static int start_server(struct nh_hub *hub, struct nh_portal_config *cfg)
{
    int err = nh_portal_create(cfg, &hub->portal);
    nh_accounts_api_portal_set(hub->accounts_api, hub->portal);
    if (err == 0)
        err = nh_portal_start(hub->portal);
    if (err < 0)
        fprintf(stderr, "nuthatch: http.listen %s: %s\n", hub->cfg.http.listen, nh_err_text(err));
    return err;
}

static void fill_server(const struct nh_hub *hub, struct nh_http_server_config *s, nh_mem_t *mem)
{
    s->mem = mem;
    s->conn_max_count = hub->cfg.http.conn_max_count;
    s->head_max_bytes = hub->cfg.http.head_max_bytes;
    s->head_timeout_ms = hub->cfg.http.head_timeout_ms;
    s->idle_timeout_ms = hub->cfg.http.idle_timeout_ms;
}

static bool is_readable(const char *field, const char *path)
{
    if (access(path, R_OK) == 0)
        return true;
    fprintf(stderr, "nuthatch: http.%s %s: cannot be read\n", field, path);
    return false;
}

static int fill_tls(const struct nh_hub *hub, struct nh_http_server_config *s, char *host,
                    size_t cap)
{
    if (!hub->cfg.http.tls_listen[0])
        return 0;
    if (!is_readable("tls_cert_file", hub->cfg.http.tls_cert_file) ||
        !is_readable("tls_key_file", hub->cfg.http.tls_key_file))
        return NH_ERR_IO;
    s->tls_address = host;
    s->tls_cert_file = hub->cfg.http.tls_cert_file;
    s->tls_key_file = hub->cfg.http.tls_key_file;
    return nh_hub__listen(hub->cfg.http.tls_listen, hub->given_https_port, host, cap, &s->tls_port);
}

static size_t fill_parts(struct nh_hub *hub, nh_feed_part_t *parts)
{
    nh_health_feed_parts(hub->health, parts);
    size_t count = NH_HEALTH_FEED_COUNT;
    nh_mqtt_api_feed_parts(hub->mqtt_api, parts + count);
    count += NH_MQTT_API_FEED_COUNT;
    if (hub->devices)
        nh_devices_feed_part(hub->devices, &parts[count++]);
    if (hub->audio) {
        nh_audio_feed_parts(hub->audio, parts + count);
        count += NH_AUDIO_FEED_COUNT;
    }
    if (hub->macropad) {
        nh_macropad_feed_parts(hub->macropad, parts + count);
        count += NH_MACROPAD_FEED_COUNT;
    }
    if (hub->display) {
        nh_display_feed_parts(hub->display, parts + count);
        count += NH_DISPLAY_FEED_COUNT;
    }
    if (hub->lamp) {
        nh_lamp_feed_parts(hub->lamp, parts + count);
        count += NH_LAMP_FEED_COUNT;
    }
    if (hub->lamp_radio)
        nh_lamp_radio_feed_part(hub->lamp_radio, &parts[count++]);
    if (hub->battery)
        nh_battery_feed_part(hub->battery, &parts[count++]);
    if (hub->automation) {
        nh_automation_feed_parts(hub->automation, parts + count);
        count += NH_AUTOMATION_FEED_COUNT;
    }
    return count;
}

static const nh_route_t no_routes[] = {{0}}; // of a part that is not enabled

#define TABLE_MAX_COUNT 32

static size_t fill_tables(struct nh_hub *hub, struct nh_route_table out[TABLE_MAX_COUNT])
{
    struct nh_route_table automation[NH_AUTOMATION_TABLE_COUNT] = {{no_routes, hub, "automation"},
                                                                   {no_routes, hub, "game"}};
    if (hub->automation)
        nh_automation_routes(hub->automation, hub->cfg.compat.get_changes, automation);
    const struct nh_route_table tables[] = {
        hub->audio ? nh_audio_routes(hub->audio) : (struct nh_route_table){no_routes, hub, "audio"},
        hub->display ? nh_display_routes(hub->display)
                     : (struct nh_route_table){no_routes, hub, "display"},
        hub->display ? nh_display_image_routes(hub->display)
                     : (struct nh_route_table){no_routes, hub, "display-image"},
        hub->devices ? nh_devices_routes(hub->devices)
                     : (struct nh_route_table){no_routes, hub, "devices"},
        hub->homeassistant ? nh_homeassistant_routes(hub->homeassistant)
                           : (struct nh_route_table){no_routes, hub, "homeassistant"},
        hub->lamp ? nh_lamp_routes(hub->lamp) : (struct nh_route_table){no_routes, hub, "lamp"},
        nh_hub__lamp_button_routes(hub),
        hub->wled ? nh_wled_routes(hub->wled) : (struct nh_route_table){no_routes, hub, "wled"},
        hub->lamp_radio ? nh_lamp_radio_routes(hub->lamp_radio)
                        : (struct nh_route_table){no_routes, hub, "lamp_radio"},
        nh_hub__lamp_live_routes(hub),
        hub->battery ? nh_battery_routes(hub->battery)
                     : (struct nh_route_table){no_routes, hub, "battery"},
        nh_hub__battery_publish(hub) ? nh_battery_publish_routes(nh_hub__battery_publish(hub))
                                     : (struct nh_route_table){no_routes, hub, "battery_publish"},
        nh_hub__battery_remote(hub) ? nh_battery_remote_routes(nh_hub__battery_remote(hub))
                                    : (struct nh_route_table){no_routes, hub, "battery_remote"},
        nh_battery_gateway_routes(nh_hub__battery_remote(hub)),
        nh_hub__battery_bridge_routes(hub),
        hub->macropad ? nh_macropad_routes(hub->macropad)
                      : (struct nh_route_table){no_routes, hub, "macropad"},
        automation[0],
        automation[1],
        nh_hub__legacy_routes(hub),
        nh_hub__routes(hub),
        nh_hub__compat_routes(hub),
        nh_hub__firmware_routes(hub),
        hub->ota ? nh_ota_routes(hub->ota) : (struct nh_route_table){no_routes, hub, "ota"},
        nh_hub__bridge_routes(hub),
        nh_settings_routes(hub->settings),
        nh_accounts_api_routes(hub->accounts_api),
        nh_health_routes(hub->health),
        nh_mqtt_api_routes(hub->mqtt_api),
    };
    _Static_assert(NH_ARRAY_LEN(tables) <= TABLE_MAX_COUNT, "room for all");
    memcpy(out, tables, sizeof tables);
    return NH_ARRAY_LEN(tables);
}

static int start_portal(struct nh_hub *hub)
{
    static char host[64], tls_host[64]; // borrowed by the server for its life
    static const char *names[2];
    nh_feed_part_t parts[NH_HEALTH_FEED_COUNT + NH_MQTT_API_FEED_COUNT + 1 + NH_AUDIO_FEED_COUNT +
                         NH_MACROPAD_FEED_COUNT + NH_DISPLAY_FEED_COUNT + NH_LAMP_FEED_COUNT + 2 +
                         NH_AUTOMATION_FEED_COUNT]; // 2: radio, battery
    _Static_assert(NH_ARRAY_LEN(parts) <= NH_FEED_PART_MAX_COUNT, "room for all");
    struct nh_route_table tables[TABLE_MAX_COUNT];
    struct nh_ws_place places[NH_BATTERY_GATEWAY_PLACE_COUNT];
    struct nh_portal_config cfg = {
        .loop = hub->loop,
        .tables = tables,
        .table_count = fill_tables(hub, tables),
        .parts = parts,
        .part_count = fill_parts(hub, parts),
        .assets = nh_web_assets,
        .asset_count = nh_web_asset_count,
        .guest = hub->wled ? nh_wled_guest(hub->wled) : (struct nh_ws_guest){NULL},
        .places = places,
        .place_count = nh_hub__battery_places(hub, places),
        .stream_is_open = stream_is_open,
        .asked = nh_hub__asked,
        .asked_ctx = hub,
        .host_names = names,
        .stream = nh_mqtt_listener_http(&hub->mqtt, "/mqtt", hub->cfg.mqtt.ws_frame_max_bytes),
        .fs = nh_files_fs(hub->files),
        .ws_max_count = hub->cfg.http.ws_max_count,
    };
    nh_mem_t *http_mem = NULL;
    names[0] = hub->cfg.name;
    nh_hub__fill_auth(hub, &cfg.auth);
    int err = nh_hub__owner(hub, "portal", &cfg.mem);
    if (err == 0)
        err = nh_hub__owner(hub, "http", &http_mem);
    if (err == 0)
        err = nh_hub__listen(hub->cfg.http.listen, hub->given_http_port, host, sizeof host,
                             &cfg.server.port);
    if (err == 0)
        err = fill_tls(hub, &cfg.server, tls_host, sizeof tls_host);
    if (err < 0)
        return err;
    cfg.server.address = host;
    fill_server(hub, &cfg.server, http_mem);
    err = start_server(hub, &cfg);
    if (err < 0)
        return err;
    nh_hub__address(hub->http_address, sizeof hub->http_address, host, nh_portal_port(hub->portal));
    if (nh_portal_tls_port(hub->portal))
        nh_hub__address(hub->https_address, sizeof hub->https_address, tls_host,
                        nh_portal_tls_port(hub->portal));
    nh_hub__display_names(hub);
    return 0;
}

int nh_hub__start_portal(struct nh_hub *hub)
{
    return hub->cfg.http.listen[0] ? start_portal(hub) : NH_OK;
}
