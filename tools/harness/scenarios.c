#include "harness/run.h"

#include <string.h>

#define SCREEN_PAUSE_MS 500
#define PAGE_TIMEOUT_MS 5000
#define MQTT_WAIT_MS 30000

// ---- steps that several have -------------------------------------------------------------------

static void put_screen(struct nh_harness_run *r, const char *id)
{
    char body[64];
    struct nh_harness_request q = {.method = "PUT",
                                   .path = "/api/display/screen",
                                   .content_type = "application/json",
                                   .body = body,
                                   .timeout_ms = PAGE_TIMEOUT_MS};
    q.body_bytes = (size_t)snprintf(body, sizeof body, "{\"screen\": \"%s\"}", id);
    nh_harness_say(r, "screen %s", id);
    nh_harness_request(r, &q);
    nh_harness_sleep(r, SCREEN_PAUSE_MS);
}

static void put_screens(struct nh_harness_run *r)
{
    put_screen(r, "test");
    put_screen(r, "info");
}

// Its body is not read: a browser that is closed while the page loads.
static void get_page(struct nh_harness_run *r, const char *path)
{
    char point[64];
    struct nh_harness_request q = {.path = path, .timeout_ms = PAGE_TIMEOUT_MS, .head_only = true};
    nh_harness_say(r, "page %s", path);
    nh_harness_request(r, &q);
    snprintf(point, sizeof point, "after_get_%s", path);
    nh_harness_pause(r, point);
    nh_harness_sleep(r, 1000);
}

// ---- scenarios ---------------------------------------------------------------------------------

static int run_boot(struct nh_harness_run *r)
{
    nh_harness_quiet_health(r, "s1_after_ip");
    nh_harness_heartbeat(r);
    nh_harness_quiet_health(r, "s1_after_hb");
    return 0;
}

static int run_portal(struct nh_harness_run *r)
{
    static const char *const pages[] = {"/", "/network.html", "/firmware.html"};
    if (!nh_harness_has_host(r))
        return 1;
    nh_harness_quiet_health(r, "s2_before");
    for (size_t i = 0; i < NH_ARRAY_LEN(pages) && !r->o->no_pages; i++)
        get_page(r, pages[i]);
    nh_harness_sleep(r, 2000);
    nh_harness_heartbeat(r);
    nh_harness_quiet_health(r, "s2_after");
    return 0;
}

static int run_macros(struct nh_harness_run *r)
{
    if (!nh_harness_has_host(r))
        return 1;
    nh_harness_quiet_health(r, "s4_before");
    if (!nh_harness_macros_round(r, 10000, 15000))
        return 1;
    put_screens(r);
    nh_harness_heartbeat(r);
    nh_harness_quiet_health(r, "s4_after");
    return 0;
}

static int run_mqtt(struct nh_harness_run *r)
{
    if (!nh_harness_has_host(r))
        return 1;
    nh_harness_quiet_health(r, "s5_before");
    nh_harness_config_look(r);
    put_screens(r);
    nh_harness_say(r, "waiting for MQTT");
    if (r->serial_task && !nh_harness_wait(r, NH_MARK_MQTT, MQTT_WAIT_MS) &&
        !nh_harness_is_interrupted())
        nh_harness_note(r, "no mqtt_* snapshot within %d s", MQTT_WAIT_MS / 1000);
    nh_harness_heartbeat(r);
    nh_harness_quiet_health(r, "s5_after");
    return 0;
}

static int run_prompt(struct nh_harness_run *r)
{
    nh_harness_say(r, "recording: do with the device what you like, then press Enter");
    while (!nh_harness_is_interrupted() && !nh_harness_enter(r))
        continue;
    return 0;
}

#define TAGS(...)                                                                                  \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#define MACROS_TAGS                                                                                \
    "http_macros_post_begin", "http_macros_post_parsed", "http_macros_post_saved",                 \
        "http_macros_post_applied"
#define SCREEN_TAGS "lvgl_switch_post_test", "lvgl_switch_post_info"
#define IMAGE_TAGS                                                                                 \
    "img_pre_decode", "img_post_decode", "img_dismiss", "strip_pre_decode", "strip_post_decode"

const struct nh_harness_scenario nh_harness_scenarios[] = {
    {"s1", "s1_boot_idle", "boot", "Boot and idle",
     "from the reboot to a heartbeat at rest: what the start costs", run_boot, NULL, NULL},
    {"s2", "s2_portal_load", "portal", "Portal load",
     "three pages one after another, left before they are read", run_portal, NULL,
     TAGS("http_root", "http_network", "http_firmware")},
    {"s3", "s3_images", "images", "Image stress",
     "worst-case JPEGs whole and in strips, dismissed and sent again, with damaged files",
     nh_harness_images, TAGS(IMAGE_TAGS), NULL},
    {"s4", "s4_macros", "macros", "Macros round trip",
     "all macros read and posted back, then two screens", run_macros,
     TAGS(MACROS_TAGS, SCREEN_TAGS), NULL},
    {"s5", "s5_mqtt", "mqtt", "MQTT and screens",
     "the connection to the broker with its discovery, and two screens", run_mqtt,
     TAGS(SCREEN_TAGS),
     TAGS("mqtt_connect_attempt", "mqtt_connected", "mqtt_discovery_pre", "mqtt_discovery_post")},
    {"s6", "s6_browser", "browser", "A browser",
     "what a browser asks for when it opens, edits, saves and changes pages, six at a time",
     nh_harness_browser, TAGS(MACROS_TAGS), TAGS("http_root", "http_network")},
    {"prompt", "prompt", "manual", "By hand", "records until Enter is pressed", run_prompt, NULL,
     NULL},
};
const size_t nh_harness_scenario_count = NH_ARRAY_LEN(nh_harness_scenarios);
