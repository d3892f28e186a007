// Fields of the lamp's live data, and of the controllers that its frames go out to.
#include "components/lamp_live/lamp_live.h"
#include "hub/config_fields.h"
#include "hub/config_private.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const char *const orders[] = {"chain", "rows", NULL};
static const char *const modes[] = {"rgb", "rgbw", "packed", NULL}; // enum nh_lamp_live_mode

#define ENUM(n, f, v, t)                                                                           \
    {                                                                                              \
        .name = (n), .type = NH_JSON_T_ENUM, AT(f), .names = (v), .text = (t)                      \
    }

const nh_json_field_t nh_hub__lamp_live_fields[] = {
    BOOL("enabled", lamp_live.enabled, "Whether the lamp takes live data over UDP"),
    STRING("listen", lamp_live.listen, "Address of all its ports; 0.0.0.0: every one of IPv4"),
    UINT("timeout_ms", lamp_live.timeout_ms, 100, 3600000, "ms",
         "No data for so long: the effect comes back, and another sender may begin"),
    UINT("frame_ms", lamp_live.frame_ms, 5, 1000, "ms",
         "How long universes of a frame are waited for"),
    UINT("idle_ms", lamp_live.idle_ms, 5, 1000, "ms",
         "A pause that ends the frame of a sender that never says so"),
    ENUM("pixel_order", lamp_live.pixel_order, orders,
         "How pixels are numbered: as they are wired, or row after row from the top left"),
    BOOL("ddp", lamp_live.ddp, "Take DDP"),
    UINT("ddp_port", lamp_live.ddp_port, 0, 65535, NULL, "0: a free one"),
    BOOL("e131", lamp_live.e131, "Take E1.31 (sACN)"),
    UINT("e131_port", lamp_live.e131_port, 0, 65535, NULL, "0: a free one"),
    UINT("e131_universe", lamp_live.e131_universe, 1, 63999, NULL, "The first one"),
    ENUM("e131_mode", lamp_live.e131_mode, modes,
         "170 pixels a universe; 128 with white; 512 channels one after the other"),
    BOOL("e131_multicast", lamp_live.e131_multicast,
         "Also join the groups of the universes; listen has to be 0.0.0.0"),
    STRING("e131_interface", lamp_live.e131_interface,
           "Address of the interface that they are joined by; empty: the machine's choice"),
    BOOL("artnet", lamp_live.artnet, "Take Art-Net"),
    UINT("artnet_port", lamp_live.artnet_port, 0, 65535, NULL, "0: a free one"),
    UINT("artnet_universe", lamp_live.artnet_universe, 0, 32767, NULL, "The first one"),
    ENUM("artnet_mode", lamp_live.artnet_mode, modes, "As e131_mode"),
    BOOL("wled", lamp_live.wled, "Take WLED's real-time data, and sync"),
    UINT("wled_port", lamp_live.wled_port, 0, 65535, NULL, "0: a free one"),
    BOOL("hyperion", lamp_live.hyperion, "Take raw RGB"),
    UINT("hyperion_port", lamp_live.hyperion_port, 0, 65535, NULL, "0: a free one"),
    BOOL("nodes", lamp_live.nodes, "Take TPM2.NET, and hear other WLED devices"),
    UINT("nodes_port", lamp_live.nodes_port, 0, 65535, NULL, "0: a free one"),
    UINT("sync_receive", lamp_live.sync_receive, 0, 255, NULL,
         "Groups of WLED sync that are followed, a bit each; 0: none"),
    UINT("sync_send", lamp_live.sync_send, 0, 255, NULL,
         "Groups that are told of changes, a bit each; 0: none"),
    BOOL("sync_effects", lamp_live.sync_effects,
         "Follow effect, speed, intensity and palette, not brightness and colours alone"),
    STRING("sync_address", lamp_live.sync_address, "Whom sync and beacon are sent to"),
    UINT("sync_port", lamp_live.sync_port, 1, 65535, NULL, "Port that sync is sent to"),
    BOOL("beacon", lamp_live.beacon, "Tell WLED devices that this one is there"),
    {0},
};

#define SEND(f) NH_JSON_AT(struct nh_hub_lamp_send, f)
static const nh_json_field_t send_fields[] = {
    {.name = "protocol",
     .type = NH_JSON_T_ENUM,
     .names = nh_lamp_send_protocol_names,
     SEND(protocol),
     .text = "What the controller takes"},
    {.name = "address",
     .type = NH_JSON_T_STRING,
     SEND(address),
     .text = "Its address, numeric; empty with e131: the group of each universe"},
    {.name = "port",
     .type = NH_JSON_T_INT,
     SEND(port),
     .min = 0,
     .max = 65535,
     .text = "0: the protocol's"},
    {.name = "start",
     .type = NH_JSON_T_INT,
     SEND(start),
     .min = 0,
     .max = NH_FX_SIDE_MAX * NH_FX_SIDE_MAX - 1,
     .text = "Its first pixel, of the lamp's chain"},
    {.name = "count",
     .type = NH_JSON_T_INT,
     SEND(count),
     .min = 0,
     .max = NH_FX_SIDE_MAX * NH_FX_SIDE_MAX,
     .text = "Its pixels; 0: all from there on"},
    {.name = "universe",
     .type = NH_JSON_T_INT,
     SEND(universe),
     .min = 0,
     .max = 63999,
     .text = "The first one; of e131 0 is 1"},
    {.name = "fps_max",
     .type = NH_JSON_T_INT,
     SEND(fps_max),
     .min = 0,
     .max = 120,
     .unit = "1/s",
     .text = "Frames a second; 0: each one"},
    {.name = "priority",
     .type = NH_JSON_T_INT,
     SEND(priority),
     .min = 0,
     .max = 200,
     .text = "Of e131; left out: 100"},
    {0},
};

const struct nh_hub_lamp_send nh_hub__lamp_send_default = {.priority = 100};
const nh_json_field_t nh_hub__lamp_send_element = {
    .type = NH_JSON_T_OBJECT, .fields = send_fields, .size = sizeof(struct nh_hub_lamp_send)};

void nh_hub__lamp_live_defaults(struct nh_hub_config *c)
{
    c->lamp_live.enabled = c->lamp_live.ddp = c->lamp_live.e131 = c->lamp_live.artnet = true;
    c->lamp_live.wled = c->lamp_live.hyperion = c->lamp_live.nodes = true;
    snprintf(c->lamp_live.listen, sizeof c->lamp_live.listen, "127.0.0.1");
    c->lamp_live.timeout_ms = NH_LAMP_LIVE_TIMEOUT_MS;
    c->lamp_live.frame_ms = NH_LAMP_LIVE_FRAME_MS;
    c->lamp_live.idle_ms = NH_LAMP_LIVE_IDLE_MS;
    c->lamp_live.ddp_port = nh_lamp_live_port_numbers[NH_LAMP_LIVE_PORT_DDP];
    c->lamp_live.e131_port = nh_lamp_live_port_numbers[NH_LAMP_LIVE_PORT_E131];
    c->lamp_live.artnet_port = nh_lamp_live_port_numbers[NH_LAMP_LIVE_PORT_ARTNET];
    c->lamp_live.wled_port = nh_lamp_live_port_numbers[NH_LAMP_LIVE_PORT_WLED];
    c->lamp_live.hyperion_port = nh_lamp_live_port_numbers[NH_LAMP_LIVE_PORT_HYPERION];
    c->lamp_live.nodes_port = nh_lamp_live_port_numbers[NH_LAMP_LIVE_PORT_NODES];
    c->lamp_live.e131_universe = 1;
    c->lamp_live.sync_effects = true;
    c->lamp_live.sync_port = nh_lamp_live_port_numbers[NH_LAMP_LIVE_PORT_WLED];
    snprintf(c->lamp_live.sync_address, sizeof c->lamp_live.sync_address, "255.255.255.255");
}

// ---- what the table cannot say
// ---------------------------------------------------------------------------------------

static bool is_numeric(const char *address)
{
    uint8_t bytes[16];
    return inet_pton(AF_INET, address, bytes) == 1 || inet_pton(AF_INET6, address, bytes) == 1;
}

static void check_address(struct nh_hub_counting *c, const char *pointer, const char *address)
{
    if (!is_numeric(address))
        nh_hub_config__report(c, pointer, address, "a numeric address of IPv4 or IPv6",
                              "is no address");
}

static void check_universes(struct nh_hub_counting *c, const char *pointer, uint32_t first,
                            uint32_t count, uint32_t max)
{
    char value[48], limit[32];
    if (first + count - 1 <= max)
        return;
    snprintf(value, sizeof value, "%u, and %u more", (unsigned)first, (unsigned)count - 1);
    snprintf(limit, sizeof limit, "at most %u", (unsigned)max);
    nh_hub_config__report(c, pointer, value, limit, "is too high for a lamp of this size");
}

static void check_targets(struct nh_hub_counting *c, const struct nh_hub_config *cfg)
{
    uint32_t pixels = cfg->lamp.width * cfg->lamp.height;
    char pointer[40], value[16], limit[32];
    for (uint32_t i = 0; i < cfg->lamp_send_count; i++) {
        const struct nh_hub_lamp_send *t = &cfg->lamp_send[i];
        bool is_group = t->protocol == NH_LAMP_SEND_E131 && !t->address[0];
        snprintf(pointer, sizeof pointer, "/lamp_send/%u/address", (unsigned)i);
        if (!is_group)
            check_address(c, pointer, t->address);
        snprintf(pointer, sizeof pointer, "/lamp_send/%u/start", (unsigned)i);
        snprintf(value, sizeof value, "%u", (unsigned)t->start);
        snprintf(limit, sizeof limit, "0 to %u", (unsigned)pixels - 1);
        if (t->start >= pixels)
            nh_hub_config__report(c, pointer, value, limit, "is past the end of the lamp");
        snprintf(pointer, sizeof pointer, "/lamp_send/%u/universe", (unsigned)i);
        uint32_t count = t->count && t->count < pixels ? t->count : pixels;
        if (t->protocol != NH_LAMP_SEND_DDP)
            check_universes(c, pointer, t->universe,
                            nh_lamp_live_universe_count(count, NH_LAMP_LIVE_RGB),
                            t->protocol == NH_LAMP_SEND_E131 ? 63999 : 32767);
    }
}

// From a socket of this machine alone nothing goes out to a network, and no group comes in.
static void check_reach(struct nh_hub_counting *c, const struct nh_hub_config *cfg)
{
    bool is_told = cfg->lamp_live.sync_send || cfg->lamp_live.beacon;
    if (!nh_hub_address_is_loopback(cfg->lamp_live.listen))
        return;
    if (cfg->lamp_live.e131_multicast)
        nh_hub_config__report(c, "/lamp_live/e131_multicast", "true",
                              "lamp_live.listen 0.0.0.0, and a password",
                              "hears of no group at this address");
    if (is_told && !nh_hub_address_is_loopback(cfg->lamp_live.sync_address))
        nh_hub_config__report(c, "/lamp_live/sync_address", cfg->lamp_live.sync_address,
                              "lamp_live.listen 0.0.0.0, and a password",
                              "cannot be reached from 127.0.0.1");
}

void nh_hub_config__check_lamp_live(struct nh_hub_counting *c, const struct nh_hub_config *cfg)
{
    uint32_t pixels = cfg->lamp.width * cfg->lamp.height;
    const char *listen = cfg->lamp_live.listen;
    check_address(c, "/lamp_live/listen", listen);
    check_address(c, "/lamp_live/sync_address", cfg->lamp_live.sync_address);
    if (cfg->lamp_live.e131_interface[0])
        check_address(c, "/lamp_live/e131_interface", cfg->lamp_live.e131_interface);
    if (is_numeric(listen) && !nh_hub_address_is_loopback(listen) && !cfg->access.password_hash[0])
        nh_hub_config__report(
            c, "/lamp_live/listen", listen, "127.0.0.1 without a password",
            "is open to the network, so access.password_hash must be set (nuthatch passwd)");
    check_universes(c, "/lamp_live/e131_universe", cfg->lamp_live.e131_universe,
                    nh_lamp_live_universe_count(pixels, cfg->lamp_live.e131_mode), 63999);
    check_universes(c, "/lamp_live/artnet_universe", cfg->lamp_live.artnet_universe,
                    nh_lamp_live_universe_count(pixels, cfg->lamp_live.artnet_mode), 32767);
    check_reach(c, cfg);
    check_targets(c, cfg);
}
