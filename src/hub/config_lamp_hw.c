// Fields of the lamp's hardware and of its button, and what they come to.
#include "hub/config_fields.h"
#include "hub/config_private.h"
#include "hub/hub_lamp_hw.h"

#include <stdio.h>
#include <string.h>

static const char *const corners[] = {"bottom_left", "bottom_right", "top_left", "top_right", NULL};
static const char *const lines[] = {"rows", "columns", NULL};
static const char *const chips[] = {"ws2812", "sk6812", "sk6812_rgbw", NULL};
static const char *const orders[] = {"grb", "rgb", "brg", "rbg", "gbr", "bgr", NULL};
static const char *const pulls[] = {"none", "up", "down", NULL};
const char *const nh_hub__lamp_actions[NH_HUB_LAMP_ACTION_COUNT + 1] = {
    "none", "pause", "next", "previous", "power", "brighter", "darker", "overlay", NULL};

#define ENUM(n, f, list, t)                                                                        \
    {                                                                                              \
        .name = (n), .type = NH_JSON_T_ENUM, AT(f), .names = (list), .text = (t)                   \
    }

const nh_json_field_t nh_hub__lamp_hw_fields[] = {
    STRING("output", lamp_hardware.output,
           "Where the LEDs are: spi:DEVICE, such as spi:/dev/spidev0.0; none: shown in the portal "
           "and sent by the network only"),
    ENUM("chip", lamp_hardware.chip, chips, "LEDs of the SPI output"),
    ENUM("order", lamp_hardware.order, orders, "Order of the colours on their wire"),
    STRING("power_chip", lamp_hardware.power_chip,
           "GPIO chip with the switch of the panels, such as /dev/gpiochip0; empty: always on"),
    UINT("power_line", lamp_hardware.power_line, 0, 1023, NULL, "Line of it"),
    BOOL("power_active_low", lamp_hardware.power_active_low, "Whether low is on"),
    UINT("panel_columns", lamp_hardware.panel_columns, 1, 128, NULL, "Panels side by side"),
    UINT("panel_rows", lamp_hardware.panel_rows, 1, 128, NULL, "Panels above each other"),
    ENUM("panel_start", lamp_hardware.panel_start, corners, "Corner with the first panel"),
    ENUM("panel_lines", lamp_hardware.panel_lines, lines, "How the chain goes on over the panels"),
    BOOL("panel_serpentine", lamp_hardware.panel_serpentine,
         "Whether every second line of panels goes back"),
    BOOL("panel_turned", lamp_hardware.panel_turned,
         "Whether the panels of every second line are mounted upside down"),
    ENUM("led_start", lamp_hardware.led_start, corners, "Corner of a panel with its first LED"),
    ENUM("led_lines", lamp_hardware.led_lines, lines, "How the chain goes on over a panel"),
    BOOL("led_serpentine", lamp_hardware.led_serpentine, "Whether every second line goes back"),
    UINT("rotation_deg", lamp_hardware.rotation_deg, 0, 270, "degrees",
         "The picture is turned clockwise: 0, 90, 180 or 270"),
    UINT("gamma_pct", lamp_hardware.gamma_pct, 100, NH_LAMP_GAMMA_MAX_PCT, "%",
         "100 times the exponent: 220 is 2.2; 100: none"),
    UINT("dither_bits", lamp_hardware.dither_bits, 0, NH_LAMP_DITHER_MAX_BITS, "bits",
         "Steps between two values of an LED that are shown over time; 0: none"),
    UINT("white_red", lamp_hardware.white[0], 1, 255, NULL, "How much red there is in white"),
    UINT("white_green", lamp_hardware.white[1], 1, 255, NULL, "Likewise green"),
    UINT("white_blue", lamp_hardware.white[2], 1, 255, NULL, "Likewise blue"),
    UINT("led_ma", lamp_hardware.led_ma, 1, NH_LAMP_LED_MAX_MA, "mA", "An LED in full white takes"),
    UINT("led_idle_ua", lamp_hardware.led_idle_ua, 1, 65535, "uA", "A dark LED takes"),
    UINT("board_ma", lamp_hardware.board_ma, 1, 65535, "mA", "What else the supply feeds"),
    UINT("limit_ma", lamp_hardware.limit_ma, 0, NH_LAMP_LIMIT_MAX_MA, "mA",
         "What takes more is made darker; 0: no limit"),
    {0},
};

const nh_json_field_t nh_hub__lamp_button_fields[] = {
    STRING("chip", lamp_button.chip,
           "GPIO chip with the button, such as /dev/gpiochip0; empty: the portal's alone"),
    UINT("line", lamp_button.line, 0, 1023, NULL, "Line of it"),
    BOOL("active_low", lamp_button.active_low, "Whether low is pressed"),
    ENUM("pull", lamp_button.pull, pulls, "Resistor of the chip at that line"),
    UINT("debounce_ms", lamp_button.debounce_ms, 1, 1000, "ms",
         "A level counts once it stood so long"),
    UINT("click_gap_ms", lamp_button.click_gap_ms, 1, 10000, "ms",
         "From a release until the clicks before it are told"),
    UINT("long_ms", lamp_button.long_ms, 1, 60000, "ms", "Held so long is a long press"),
    UINT("rate_ms", lamp_button.rate_ms, 1, 10000, "ms",
         "A gesture that follows another one sooner is dropped"),
    ENUM("short", lamp_button.action[0], nh_hub__lamp_actions, "What a click does"),
    ENUM("double", lamp_button.action[1], nh_hub__lamp_actions, "What two clicks do"),
    ENUM("triple", lamp_button.action[2], nh_hub__lamp_actions, "What three clicks and more do"),
    ENUM("long", lamp_button.action[3], nh_hub__lamp_actions, "What a long press does"),
    {0},
};

void nh_hub__lamp_hw_defaults(struct nh_hub_config *c)
{
    snprintf(c->lamp_hardware.output, sizeof c->lamp_hardware.output, "none");
    c->lamp_hardware.panel_columns = c->lamp_hardware.panel_rows = 1;
    c->lamp_hardware.led_serpentine = true;
    c->lamp_hardware.gamma_pct = 100;
    c->lamp_hardware.white[0] = c->lamp_hardware.white[1] = c->lamp_hardware.white[2] = 255;
    c->lamp_hardware.led_ma = 55;
    c->lamp_hardware.led_idle_ua = 1000;
    c->lamp_hardware.board_ma = 100;
    c->lamp_hardware.limit_ma = 4000;
    c->lamp_button.pull = NH_HUB_PULL_DOWN;
    c->lamp_button.debounce_ms = 30;
    c->lamp_button.click_gap_ms = 450;
    c->lamp_button.long_ms = 3000;
    c->lamp_button.rate_ms = 150;
    c->lamp_button.action[0] = NH_HUB_LAMP_PAUSE;
    c->lamp_button.action[1] = NH_HUB_LAMP_NEXT;
    c->lamp_button.action[2] = NH_HUB_LAMP_PREVIOUS;
    c->lamp_button.action[3] = NH_HUB_LAMP_POWER;
}

// ---- what the fields come to -------------------------------------------------------------------

void nh_hub__lamp_map(const struct nh_hub_config *c, struct nh_lamp_map_config *out)
{
    *out = (struct nh_lamp_map_config){
        .width = (uint16_t)c->lamp.width,
        .height = (uint16_t)c->lamp.height,
        .panel_columns = (uint16_t)c->lamp_hardware.panel_columns,
        .panel_rows = (uint16_t)c->lamp_hardware.panel_rows,
        .panels = {(enum nh_lamp_corner)c->lamp_hardware.panel_start,
                   c->lamp_hardware.panel_lines != 0, c->lamp_hardware.panel_serpentine},
        .leds = {(enum nh_lamp_corner)c->lamp_hardware.led_start, c->lamp_hardware.led_lines != 0,
                 c->lamp_hardware.led_serpentine},
        .turns_panels = c->lamp_hardware.panel_turned,
        .rotation_deg = (uint16_t)c->lamp_hardware.rotation_deg,
    };
}

void nh_hub__lamp_pipeline(const struct nh_hub_config *c, struct nh_lamp_pipeline_config *out)
{
    *out = (struct nh_lamp_pipeline_config){
        .gamma_pct = (uint16_t)c->lamp_hardware.gamma_pct,
        .dither_bits = (uint8_t)c->lamp_hardware.dither_bits,
        .led_ma = (uint16_t)c->lamp_hardware.led_ma,
        .led_idle_ua = (uint16_t)c->lamp_hardware.led_idle_ua,
        .board_ma = (uint16_t)c->lamp_hardware.board_ma,
        .limit_ma = c->lamp_hardware.limit_ma,
    };
    for (int i = 0; i < 3; i++)
        out->white[i] = (uint8_t)c->lamp_hardware.white[i];
}

const char *nh_hub__lamp_spi(const struct nh_hub_config *c)
{
    const char *output = c->lamp_hardware.output;
    return strncmp(output, "spi:/", 5) == 0 ? output + 4 : NULL;
}

// ---- what the tables cannot say ----------------------------------------------------------------

static void report_fault(struct nh_hub_counting *c, const struct nh_lamp_fault *fault)
{
    char pointer[48], value[16], limit[16];
    bool is_size = strcmp(fault->field, "width") == 0 || strcmp(fault->field, "height") == 0;
    snprintf(pointer, sizeof pointer, "/%s/%s", is_size ? "lamp" : "lamp_hardware", fault->field);
    snprintf(value, sizeof value, "%u", (unsigned)fault->value);
    snprintf(limit, sizeof limit, "%u", (unsigned)fault->limit);
    nh_hub_config__report(c, pointer, value, limit, fault->text);
}

// Of a lamp that is not enabled as well: who switches it on shall not be surprised.
void nh_hub_config__check_lamp_hw(struct nh_hub_counting *c, const struct nh_hub_config *cfg)
{
    struct nh_lamp_map_config map;
    struct nh_lamp_pipeline_config pipeline;
    struct nh_lamp_fault fault;
    nh_hub__lamp_map(cfg, &map);
    nh_hub__lamp_pipeline(cfg, &pipeline);
    if (nh_lamp_map_check(&map, &fault) < 0)
        report_fault(c, &fault);
    if (nh_lamp_pipeline_check(&pipeline, cfg->lamp.width * cfg->lamp.height, &fault) < 0)
        report_fault(c, &fault);
    if (strcmp(cfg->lamp_hardware.output, "none") != 0 && !nh_hub__lamp_spi(cfg))
        nh_hub_config__report(c, "/lamp_hardware/output", cfg->lamp_hardware.output,
                              "none, or spi:/dev/...", "is no output");
}
