// Fields of the panel, the macro pad and Home Assistant.
#include "hub/config_fields.h"

static const char *const shape_names[] = {"round", "square", NULL};

const nh_json_field_t nh_hub__display_fields[] = {
    BOOL("enabled", display.enabled, "Whether there is a panel; never without PSRAM"),
    UINT("width", display.width, 64, 800, "pixels", "Width of the panel"),
    UINT("height", display.height, 64, 800, "pixels", "Height of the panel"),
    {.name = "shape",
     .type = NH_JSON_T_ENUM,
     AT(display.shape),
     .names = shape_names,
     .text = "What of the panel is seen"},
    STRING("font", display.font, "Font file that is asked first; empty: DejaVu Sans"),
    UINT("draw_lines", display.draw_lines, 1, 64, "lines", "Size of the draw buffer"),
    UINT("glyph_cache_bytes", display.glyph_cache_bytes, 8192, 1048576, "bytes",
         "Pictures of characters that are kept"),
    BOOL("mirror", display.mirror,
         "Keep what the panel shows, for the portal's live picture and screenshots"),
    UINT("splash_ms", display.splash_ms, 0, 10000, "ms", "How long the first screen stays"),
    UINT("queue_max", display.queue_max, 4, 256, NULL, "Touches and commands that wait"),
    UINT("brightness_pct", display.brightness_pct, 0, 100, "%", "Light behind the panel"),
    BOOL("saver", display.saver, "Whether the panel goes dark by itself"),
    UINT("saver_timeout_s", display.saver_timeout_s, 1, 65535, "s",
         "Time without a touch until then"),
    UINT("fade_out_ms", display.fade_out_ms, 0, 65535, "ms", "How long it takes to go dark"),
    UINT("fade_in_ms", display.fade_in_ms, 0, 65535, "ms", "How long it takes to come back"),
    BOOL("wake_on_touch", display.wake_on_touch, "Whether a touch wakes it"),
    UINT("image_max_bytes", display.image_max_bytes, 1024, 1048576, "bytes",
         "Largest file of an image; a larger one is refused"),
    UINT("image_headroom_bytes", display.image_headroom_bytes, 0, 1048576, "bytes",
         "Internal memory that has to be free for an image"),
    UINT("image_work_bytes", display.image_work_bytes, 16384, 1048576, "bytes",
         "What decoding may take"),
    UINT("upload_timeout_ms", display.upload_timeout_ms, 100, 600000, "ms",
         "Time for the upload of an image; then another one may begin"),
    UINT("strip_timeout_ms", display.strip_timeout_ms, 100, 60000, "ms",
         "How long the next strip of an image is waited for"),
    {0},
};

static const char *const keyboards[] = {"auto", "uinput", "feed", "off", NULL};
static const char *const unicodes[] = {"auto", "off", "linux", "windows", "mac", NULL};

const nh_json_field_t nh_hub__homeassistant_fields[] = {
    BOOL("enabled", homeassistant.enabled,
         "Whether Home Assistant hears of this hub; also with mqtt_host of /api/config"),
    STRING("broker", homeassistant.broker, "HOST:PORT of another broker; empty: the hub's own"),
    STRING("user", homeassistant.user, "User name there"),
    STRING("password_file", homeassistant.password_file, "File whose first line is the password"),
    BOOL("tls", homeassistant.tls, "By TLS"),
    STRING("tls_ca_file", homeassistant.tls_ca_file,
           "Certificates in PEM that are believed; empty: those of the machine"),
    BOOL("tls_any_name", homeassistant.tls_any_name, "The certificate may be of another name"),
    STRING("prefix", homeassistant.prefix, "Of the discovery topics"),
    UINT("interval_s", homeassistant.interval_s, 0, 86400, "s",
         "Between health messages; 0: one after each connect"),
    UINT("keepalive_s", homeassistant.keepalive_s, 5, 3600, "s", "Of the other broker"),
    UINT("backoff_min_ms", homeassistant.backoff_min_ms, 100, 3600000, "ms",
         "Before the second attempt, doubled by each further one"),
    UINT("backoff_max_ms", homeassistant.backoff_max_ms, 100, 3600000, "ms",
         "Longest wait before an attempt"),
    {0},
};

const nh_json_field_t nh_hub__macropad_fields[] = {
    BOOL("enabled", macropad.enabled, "Whether there is a macro pad; never without PSRAM"),
    UINT("document_max_bytes", macropad.document_max_bytes, 16384, 4194304, "bytes",
         "Longest document of macros, as it is sent"),
    UINT("upload_timeout_ms", macropad.upload_timeout_ms, 1000, 600000, "ms",
         "A document on its way that stands still so long makes room for another one"),
    {.name = "keyboard",
     .type = NH_JSON_T_ENUM,
     AT(macropad.keyboard),
     .names = keyboards,
     .text = "Where send_keys types: uinput (this computer), feed (shown only), auto: uinput if "
             "allowed"},
    STRING("keyboard_device", macropad.keyboard_device, "Device of uinput; empty: /dev/uinput"),
    STRING("layout", macropad.layout, "Layout that the computer has: us, de, gb, fr"),
    {.name = "unicode",
     .type = NH_JSON_T_ENUM,
     AT(macropad.unicode),
     .names = unicodes,
     .text = "How what the layout lacks is typed: off, or by its number as an input method takes "
             "it; auto: linux with uinput, else off"},
    UINT("key_ms", macropad.key_ms, 1, 1000, "ms", "A key is down so long, and up before the next"),
    UINT("script_queue_max", macropad.script_queue_max, 1, 64, NULL,
         "Key scripts that wait or are typed; more are refused"),
    STRING(
        "lamp_topic", macropad.lamp_topic,
        "Topic that lamp_effect publishes objects to (of a WLED lamp wled/NAME/api); empty: they "
        "are for the own lamp"),
    UINT("icon_max_count", macropad.icon_max_count, 1, 4096, NULL,
         "Icons that are installed; one more is refused"),
    UINT("icon_max_bytes", macropad.icon_max_bytes, 65536, 1073741824, "bytes",
         "All installed icons together; then more are refused"),
    UINT("icon_cache_bytes", macropad.icon_cache_bytes, 4096, 4194304, "bytes",
         "Pixels of icons in memory; what was not shown for the longest time goes first"),
    STRING("start_file", macropad.start_file,
           "Document that a new pad begins with; empty: it is empty"),
    {0},
};
