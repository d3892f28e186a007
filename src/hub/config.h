// config.h - hub.yaml: the struct, its defaults, its table, and reading it with every finding.

#ifndef NH_HUB_CONFIG_H
#define NH_HUB_CONFIG_H

#include "core/json/decode.h"
#include "core/mem/mem.h"

#define NH_HUB_BUDGET_MAX_COUNT 16
#define NH_HUB_ACCOUNT_MAX_COUNT 64

struct nh_hub_budget {
    char owner[NH_MEM_NAME_MAX_BYTES];
    uint32_t internal_bytes, psram_bytes;
};

enum nh_hub_keyboard {
    NH_HUB_KEYBOARD_AUTO, // uinput where this user may, else the feed
    NH_HUB_KEYBOARD_UINPUT,
    NH_HUB_KEYBOARD_FEED, // nothing is typed but shown
    NH_HUB_KEYBOARD_OFF,
};

enum nh_hub_mdns { NH_HUB_MDNS_AUTO, NH_HUB_MDNS_ON, NH_HUB_MDNS_OFF };

enum nh_hub_durability { NH_HUB_DURABLE, NH_HUB_INTERVAL, NH_HUB_MEMORY };

// A listener of the broker beside mqtt.listen.
#define NH_HUB_LISTENER_MAX_COUNT 8
enum nh_hub_protocol { NH_HUB_MQTT, NH_HUB_WEBSOCKET };
enum nh_hub_identity { NH_HUB_IDENTITY_NONE, NH_HUB_IDENTITY_CN, NH_HUB_IDENTITY_SAN };
struct nh_hub_listener {
    char listen[112]; // an address with a port, or unix:/PATH
    char tls_cert_file[160], tls_key_file[160], tls_ca_file[160];
    int protocol;         // enum nh_hub_protocol
    int client_cert;      // enum nh_tls_client_cert
    int identity_as_user; // enum nh_hub_identity
    int proxy_protocol;   // 0: off, 1: required
    char mode[5];         // of a Unix socket, octal
    char ws_path[32], ws_origins[128];
};

// Where the texts and numbers of the file stand, for findings of the validator.
#define NH_HUB_PLACE_MAX_COUNT 128
struct nh_hub_places {
    uint32_t count;
    struct nh_hub_place {
        uint32_t pointer_hash; // of the field's JSON pointer: a row takes 8 bytes
        uint16_t line, column; // 65535: or further
    } place[NH_HUB_PLACE_MAX_COUNT];
};

enum nh_hub_anonymous {
    NH_HUB_ANONYMOUS_AUTO, // on loopback while there is no user
    NH_HUB_ANONYMOUS_NEVER,
    NH_HUB_ANONYMOUS_LOOPBACK,
    NH_HUB_ANONYMOUS_ALWAYS,
};
enum nh_hub_acl_subscribe {
    NH_HUB_ACL_COVERED, // to filters that take nothing but what may be read
    NH_HUB_ACL_ANY,     // to every filter; only what may be read is given
};
enum nh_hub_acl_actions { // as enum nh_mqtt_acl_actions
    NH_HUB_ACL_NONE,
    NH_HUB_ACL_PUBLISH,
    NH_HUB_ACL_SUBSCRIBE,
    NH_HUB_ACL_BOTH,
};

// Elements of mqtt.users and mqtt.acl: they are given out as they are read, and not kept.
#define NH_HUB_LIST_MAX_COUNT 1000
struct nh_hub_mqtt_user {
    char name[129], password_hash[240], client_id_prefix[65];
    uint32_t conn_max_count, subscription_max_count, queue_max_bytes, queue_max_messages;
    uint32_t publish_rate_max;
};
struct nh_hub_mqtt_rule {
    char user[129];  // "*": everybody; "-": anonymous clients
    int allow, deny; // enum nh_hub_acl_actions; one of them is NONE
    char filter[256];
};
struct nh_hub_lists {
    void *ctx;
    // An element without a fault of its own; `pos` is where it begins.
    void (*user)(void *ctx, uint32_t index, const struct nh_hub_mqtt_user *u,
                 const struct nh_json_pos *pos);
    void (*rule)(void *ctx, uint32_t index, const struct nh_hub_mqtt_rule *r,
                 const struct nh_json_pos *pos);
};

// A controller that the lamp's frames go out to.
#define NH_HUB_LAMP_SEND_MAX_COUNT 8
struct nh_hub_lamp_send {
    int protocol;     // as enum nh_lamp_send_protocol (components/lamp/lamp_send.h)
    char address[46]; // "": the multicast groups of E1.31
    uint32_t port, start, count, universe, fps_max, priority; // 0: see the fields' texts
};

struct nh_hub_config {
    struct nh_hub_places places;
    char name[33];
    char board[17];
    char data[256];
    char console[256]; // stdout, stderr, pty, pty:LINK, file:PATH, none
    struct {
        char listen[64], tls_listen[64]; // "": no portal; no TLS
        char tls_cert_file[256], tls_key_file[256];
        uint32_t conn_max_count, head_max_bytes, head_timeout_ms, idle_timeout_ms, ws_max_count;
    } http;
    struct {
        char listen[64]; // "": none
        uint32_t listener_count;
        struct nh_hub_listener listeners[NH_HUB_LISTENER_MAX_COUNT];
        uint32_t handshake_max_count, handshake_timeout_ms, ws_frame_max_bytes;
        uint32_t conn_max_count, session_max_count, subscription_max_count;
        uint32_t packet_max_bytes, topic_max_bytes, topic_level_max;
        uint32_t queue_max_bytes, queue_max_messages, inflight_max;
        uint32_t retained_max_bytes, retained_max_count;
        int durability; // enum nh_hub_durability
        uint32_t durability_interval_ms, store_max_bytes, store_batch_max_bytes;
        uint32_t queue_memory_max_bytes;
        uint32_t connect_timeout_ms, sys_interval_ms;
        uint32_t connect_rate_max, publish_rate_max;
        int anonymous, acl_subscribe; // enum nh_hub_anonymous, _acl_subscribe
        uint32_t login_queue_max;
        char password_file[128], acl_file[128];
        uint32_t user_count, acl_count; // elements of the lists, which are not kept here
        uint32_t keepalive_max_s, session_expiry_max_s, message_expiry_max_s;
        uint32_t topic_alias_max, receive_max, qos_max;
        bool retain_available, wildcard_available, shared_available, subscription_id_available;
        bool server_moved;
        char server_reference[129], response_information[129]; // "": none
    } mqtt;
    struct {
        char user[33];
        char password_hash[160]; // "$argon2id$...", made by `nuthatch passwd`; "": no password
        uint32_t account_max_count, session_ms, session_max_count;
        uint32_t login_queue_max, login_delay_min_ms, login_delay_max_ms, login_delay_max_count;
    } access;
    struct {
        uint32_t heartbeat_ms, tripwire_bytes;
        bool publish, hotspot_tags;
    } health;
    struct {
        bool enabled;
        char root[256];   // "": DATA/sdcard
        char output[256]; // a device of ALSA, file:PATH.wav, none
        uint32_t rate_hz, latency_ms, buffer_ms, duck_db, idle_close_s, queue_max;
    } audio;
    struct {
        bool enabled;
        uint32_t document_max_bytes, upload_timeout_ms;
        int keyboard; // enum nh_hub_keyboard
        char keyboard_device[128];
        char layout[8];
        int unicode; // 0: auto; else one more than enum nh_typist_unicode
        uint32_t key_ms, script_queue_max;
        char lamp_topic[128]; // "": there is no lamp
        uint32_t icon_max_count, icon_max_bytes, icon_cache_bytes;
        char start_file[256]; // "": a new pad is empty
    } macropad;
    struct {
        bool enabled, tls, tls_any_name;
        char broker[128]; // HOST:PORT; "": the hub's own
        char user[65], password_file[160], tls_ca_file[160];
        char prefix[33];
        uint32_t interval_s, keepalive_s, backoff_min_ms, backoff_max_ms;
    } homeassistant;
    struct {
        bool enabled, mirror;
        uint32_t width, height;
        int shape;      // enum nh_hub_shape
        char font[256]; // "": DejaVu Sans, where Debian puts it
        uint32_t draw_lines, glyph_cache_bytes, splash_ms, queue_max;
        uint32_t brightness_pct, saver_timeout_s, fade_out_ms, fade_in_ms;
        bool saver, wake_on_touch;
        uint32_t image_max_bytes, image_headroom_bytes, image_work_bytes;
        uint32_t upload_timeout_ms, strip_timeout_ms;
    } display;
    struct {
        bool enabled;
        uint32_t width, height, fps, queue_max, transition_ms, save_delay_ms, save_deadline_ms;
    } lamp;
    struct {
        char output[128];    // "none", "spi:/dev/spidev0.0"
        int chip, order;     // enum nh_pixels_chip, _order
        char power_chip[64]; // "": no switch
        uint32_t power_line;
        uint32_t panel_columns, panel_rows;
        int panel_start, led_start; // enum nh_lamp_corner
        int panel_lines, led_lines; // 0: rows, 1: columns
        bool power_active_low, panel_serpentine, panel_turned, led_serpentine;
        uint32_t rotation_deg, gamma_pct, dither_bits, white[3];
        uint32_t led_ma, led_idle_ua, board_ma, limit_ma;
    } lamp_hardware;
    struct {
        char chip[64]; // "": no line
        uint32_t line;
        bool active_low;
        int pull; // enum nh_hub_pull
        uint32_t debounce_ms, click_gap_ms, long_ms, rate_ms;
        int action[4]; // enum nh_hub_lamp_action, of short, double, triple and long
    } lamp_button;
    struct { // as struct nh_lamp_overlay_config (components/lamp/lamp_overlay_config.h)
        uint32_t deadband_deg, follow_ms, return_ms, hold_ms, front_deg, step_max_deg, heard_max_ms;
        uint32_t fade_ms, blink_min_ms, blink_max_ms, blink_ms, base_pct, size_pct;
    } lamp_overlay;
    struct {
        bool enabled, open;
        uint32_t preset_max_count;
    } lamp_wled;
    struct {
        bool enabled, allow_v1;
        uint32_t node, channel, port, peer_max_count, pairing_s;
        char address[18]; // "": made at the first start
        char group[16], interface[16];
        uint32_t loss_pct, delay_ms, duplicate_pct;
    } lamp_radio;
    struct {
        bool enabled, ddp, e131, e131_multicast, artnet, wled, hyperion, nodes;
        char listen[46], e131_interface[46];
        uint32_t timeout_ms, frame_ms, idle_ms;
        int pixel_order;            // enum nh_hub_pixel_order
        int e131_mode, artnet_mode; // enum nh_lamp_live_mode (components/lamp/lamp_receiver.h)
        uint32_t ddp_port, e131_port, artnet_port, wled_port, hyperion_port, nodes_port;
        uint32_t e131_universe, artnet_universe;
        uint32_t sync_receive, sync_send; // groups, a bit each
        bool sync_effects, beacon;
        char sync_address[46];
        uint32_t sync_port;
    } lamp_live;
    uint32_t lamp_send_count;
    struct nh_hub_lamp_send lamp_send[NH_HUB_LAMP_SEND_MAX_COUNT];
    struct {
        bool enabled;
    } lamp_mqtt;
    struct {
        bool enabled, is_descending;
        char path[108]; // of the serial device; "": no local board
        uint32_t baud;
        int mode; // enum nh_battery_mode (components/battery/battery_model.h)
        uint32_t poll_ms, slow_ms, queue_max, first_byte_ms, inside_ms, deadline_ms, retry_count;
        uint32_t stale_ms, history_count, backup_count;
    } battery;
    struct {
        char gateway[128]; // "": this hub asks nobody
        char user[65], password_file[108], tls_ca_file[108];
        bool serve;
        uint32_t frame_ms, save_delay_ms, save_deadline_ms, delta_mv, backoff_max_ms;
    } battery_remote;
    struct {
        bool enabled, flash;
        uint32_t period_ms, ring_count, flush_per_s, backoff_max_ms, flash_count, flash_ms;
        char http[128], http_user[65], http_token_file[108];
        bool mqtt, mqtt_tls, mqtt_tls_any_name;
        char mqtt_topic[64];
        char mqtt_broker[128]; // HOST:PORT; "": the hub's own
        char mqtt_user[65], mqtt_password_file[108], tls_ca_file[108];
        uint32_t status_ms; // between reports
        char influx[128], influx_token_file[108];
    } battery_publish;
    struct {
        bool mqtt, victron, homeassistant;
        uint32_t state_ms, cells_ms; // between messages
        char can[64];                // interface; "": none
        int can_dialect;             // enum nh_battery_can_dialect
        bool can_control;            // charge limits follow the state, else the board's own
        uint32_t can_charge_max_a, can_discharge_max_a; // 0: the board's
        uint32_t can_hold_ms, can_zero_ms, can_alive_ms;
    } battery_bridge;
    struct {
        int enabled; // enum nh_hub_mdns
        char address[46];
    } mdns;
    struct {
        bool get_changes;
    } compat;
    struct {
        bool enabled;
        char key[65]; // 64 digits of hexadecimal; "": none
        uint32_t image_max_bytes, idle_timeout_ms, confirm_after_ms, confirm_before_ms;
    } ota;
    struct {
        bool enabled;
        char dir[256];        // "": devices in the data folder
        char start_file[256]; // "": a new hub has no devices
        uint32_t backup_count, profile_max_count, compile_max_count, card_poll_ms;
        uint32_t device_max_count, scenario_max_count, step_max_count, item_max_count, depth_max;
        uint32_t id_max_bytes, name_max_bytes, topic_max_bytes, payload_max_bytes, flag_max_bytes;
        uint32_t track_max_bytes, expression_max_bytes, document_max_bytes, compiled_max_bytes;
    } devices;
    struct {
        bool journal;
        uint32_t journal_max_count;
        uint32_t instance_max_count, flag_max_count, variable_max_count;
        uint32_t value_max_bytes, local_max_bytes, text_max_bytes;
        uint32_t turn_max_steps, call_max_turns, run_depth_max, on_stop_max_steps;
        uint32_t publish_max_per_s, flood_max_count, flood_window_ms, cooloff_ms;
        uint32_t filter_max_count, inbox_max_bytes, outbox_max_bytes, trace_bytes,
            trace_total_bytes, log_max_count;
    } automation;
    struct {
        int level; // enum nh_log_level
        bool connections;
    } log;
    uint32_t budget_count;
    struct nh_hub_budget budgets[NH_HUB_BUDGET_MAX_COUNT];
    struct {
        uint32_t fail_nth, fail_per_million, seed;
        char owner[NH_MEM_NAME_MAX_BYTES];
    } faults;
};

enum nh_hub_pixel_order {
    NH_HUB_CHAIN, // as the LEDs are wired
    NH_HUB_ROWS,  // row after row from the top, each from the left
};
enum nh_hub_shape { NH_HUB_ROUND, NH_HUB_SQUARE };

// The table of every field; ends with a zeroed row.
extern const nh_json_field_t nh_hub_config_fields[];

void nh_hub_config_defaults(struct nh_hub_config *c);

// Decodes YAML over what `*c` holds (the defaults). Calls `finding` for each fault, in the order of
// the text. NH_ERR_INVAL when there was at least one error; then `*c` is good for looking for
// further faults only. Another error, that of nh_yaml_read(): the text is broken, and nothing of it
// can be judged.
NH_MUST_USE int nh_hub_config_read_yaml(struct nh_hub_config *c, const char *text, size_t len,
                                        nh_finding_fn finding, void *ctx);

// The lists of a file, its elements given to `lists`. The rest is decoded and thrown away;
// `scratch` is where. Findings as above.
NH_MUST_USE int nh_hub_config_read_lists(struct nh_hub_config *scratch, const char *path,
                                         const struct nh_hub_lists *lists, nh_finding_fn finding,
                                         void *ctx);

// The same from a file.
NH_MUST_USE int nh_hub_config_read_file(struct nh_hub_config *c, const char *path,
                                        nh_finding_fn finding, void *ctx);

// The same for JSON with the same fields: the settings kept by the portal.
NH_MUST_USE int nh_hub_config_read_json(struct nh_hub_config *c, const char *text, size_t len,
                                        nh_finding_fn finding, void *ctx);

// The bytes of ota.key; false: it is not 64 digits of hexadecimal.
bool nh_hub_config_ota_key(const struct nh_hub_config *c, uint8_t out[32]);

// What the table cannot say: known board, addresses, a password where it is needed, files in pairs.
NH_MUST_USE int nh_hub_config_validate(const struct nh_hub_config *c, nh_finding_fn finding,
                                       void *ctx);

// Reads the certificates and keys that the listeners and the portal name, as the hub will at its
// start. Findings as above.
NH_MUST_USE int nh_hub_config_check_tls(const struct nh_hub_config *c, nh_finding_fn finding,
                                        void *ctx);
// The same of the files with passwords and tokens that the battery's parts have.
#define NH_HUB_GATEWAY_PASSWORD_BYTES 64 // with its zero, as the next
#define NH_HUB_BROKER_PASSWORD_BYTES 129
NH_MUST_USE int nh_hub_config_check_secrets(const struct nh_hub_config *c, nh_finding_fn finding,
                                            void *ctx);

// Whether anybody has to sign in: a password for the portal and the broker, or users of the broker.
bool nh_hub_config_has_users(const struct nh_hub_config *c);

// Splits "127.0.0.1:8080", "[::1]:80", ":80" or "80" into a host (default 127.0.0.1) and a port.
NH_MUST_USE int nh_hub_address_split(const char *text, char *host, size_t cap, uint16_t *port);
bool nh_hub_address_is_loopback(const char *host);
// The path of "unix:/PATH"; NULL: it is no Unix socket.
const char *nh_hub_unix_path(const char *listen);
// "0660" and "660" to 0660; false: no mode of a file.
bool nh_hub_mode_parse(const char *text, uint32_t *mode);

// Whether a part of the hub owns memory by this name, so that a budget for it means something.
bool nh_hub_is_owner(const char *name);

// Whether the change of the field at `pointer` takes effect at once, or only at the next start.
bool nh_hub_config_needs_restart(const char *pointer);

#endif
