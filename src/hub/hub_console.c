// What the console shows of a start, and the marks of requests there: the lines and their order are
// those that a harness on a serial port waits for (docs/compat.md).

#include "hub/hub_parts.h"

#include <stdio.h>
#include <string.h>

void nh_hub__console_line(void *ctx, const char *line)
{
    struct nh_hub *hub = ctx;
    if (hub->console && !hub->options.mosquitto) // a broker alone has a log, and no telemetry
        nh_console_line(hub->console, line);
}

static void kib_line(struct nh_hub *hub)
{
    char line[NH_HEALTH_LINE_MAX_BYTES];
    snprintf(line, sizeof line, "  Chip: %s, %zu KiB internal, %zu KiB PSRAM", hub->board->name,
             hub->board->internal_bytes / 1024, hub->board->psram_bytes / 1024);
    nh_hub__console_line(hub, line);
}

static void host_lines(struct nh_hub *hub)
{
    char line[NH_HEALTH_LINE_MAX_BYTES];
    struct nh_host_info host;
    nh_host_info_get(&host);
    if (host.cpu_freq_mhz > 0) {
        snprintf(line, sizeof line, "  CPU: %d MHz", host.cpu_freq_mhz);
        nh_hub__console_line(hub, line);
    }
    if (host.program_bytes > 0) {
        snprintf(line, sizeof line, "  Flash: %lld bytes used", (long long)host.program_bytes);
        nh_hub__console_line(hub, line);
    }
}

void nh_hub__tell_boot(struct nh_hub *hub)
{
    // On a serial port a start begins with what the chip's ROM says; by that a harness knows that
    // one has begun. On a terminal it would only puzzle people.
    if (hub->console && nh_console_path(hub->console))
        nh_hub__console_line(hub, "ESP-ROM:esp32-nuthatch");
    nh_hub__console_line(hub, "[System Boot] Starting...");
    nh_hub__console_line(hub, "  Firmware: v" NH_VERSION);
    kib_line(hub);
    host_lines(hub);
    nh_hub__console_line(hub, "Done (0ms)");
}

// A harness sends its requests to this address, to the chip's port 80. So another port is not told.
void nh_hub__tell_address(struct nh_hub *hub)
{
    char line[NH_HEALTH_LINE_MAX_BYTES];
    uint16_t port;
    if (nh_hub_address_split(hub->http_address, hub->ip, sizeof hub->ip, &port) != 0) {
        hub->ip[0] = '\0';
        return;
    }
    if (strcmp(hub->ip, "0.0.0.0") == 0 || strcmp(hub->ip, "::") == 0) {
        struct nh_host_net net; // it listens everywhere: this is where others find it
        nh_host_net_get(&net);
        snprintf(hub->ip, sizeof hub->ip, "%s", net.address);
    }
    if (port != 80)
        return;
    snprintf(line, sizeof line, "[WiFi] Got IP: %s (0ms)", hub->ip);
    nh_hub__console_line(hub, line);
}

// The portal was asked for `path`.
void nh_hub__asked(void *ctx, const char *path)
{
    static const struct {
        const char *path, *tag;
    } pages[] = {
        {"/", "http_root"}, {"/network.html", "http_network"}, {"/firmware.html", "http_firmware"}};
    struct nh_hub *hub = ctx;
    if (strcmp(path, "/portal.css") == 0 || strcmp(path, "/portal.js") == 0)
        return; // everybody may have them, and a page has asked before
    nh_health_server_watermark(hub->health, "loop");
    for (size_t i = 0; i < NH_ARRAY_LEN(pages); i++)
        if (strcmp(path, pages[i].path) == 0)
            nh_health_hotspot_once(hub->health, pages[i].tag);
}
