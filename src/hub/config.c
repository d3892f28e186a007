#include "hub/config_private.h"

#include "core/base/log.h"
#include "hub/config_bridge.h"
#include "hub/config_fields.h"
#include "hub/config_lists.h"
#include "platform/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const durabilities[] = {"durable", "interval", "memory", NULL};
static const char *const log_levels[] = {"error", "warn", "info", "debug", NULL};

#define SECTION(n, table, t)                                                                       \
    {                                                                                              \
        .name = (n), .type = NH_JSON_T_OBJECT, .fields = (table), .text = (t)                      \
    }

static const nh_json_field_t http_fields[] = {
    STRING("listen", http.listen,
           "Address and port of the portal; port 0: a free one; empty: none"),
    STRING("tls_listen", http.tls_listen, "Address and port of HTTPS and HTTP/2; empty: off"),
    STRING("tls_cert_file", http.tls_cert_file, "Certificate chain in PEM"),
    STRING("tls_key_file", http.tls_key_file, "Private key in PEM"),
    UINT("conn_max_count", http.conn_max_count, 4, 1000, NULL, "Connections at once; more get 503"),
    UINT("head_max_bytes", http.head_max_bytes, 1024, 16384, "bytes", "Size of a request's head"),
    UINT("head_timeout_ms", http.head_timeout_ms, 100, 120000, "ms", "Time to send a head"),
    UINT("idle_timeout_ms", http.idle_timeout_ms, 100, 600000, "ms", "Idle or stalled connection"),
    UINT("ws_max_count", http.ws_max_count, 1, 32, NULL, "Live pages at once"),
    {0},
};

static const char *const anonymous_names[] = {"auto", "never", "loopback", "always", NULL};
static const char *const acl_subscribe_names[] = {"covered", "any", NULL};

static const nh_json_field_t mqtt_fields[] = {
    STRING("listen", mqtt.listen, "Address and port of the broker; port 0: a free one; empty: off"),
    {.name = "listeners",
     .type = NH_JSON_T_ARRAY,
     .element = &nh_hub_config__listener_element,
     .offset = offsetof(struct nh_hub_config, mqtt.listeners),
     .count_offset = offsetof(struct nh_hub_config, mqtt.listener_count),
     .count_max = NH_HUB_LISTENER_MAX_COUNT,
     .text = "Further listeners: TLS, WebSocket, Unix socket"},
    UINT("handshake_max_count", mqtt.handshake_max_count, 1, 10000, NULL,
         "Handshakes at once, of TLS, WebSocket and PROXY; the next wait"),
    UINT("handshake_timeout_ms", mqtt.handshake_timeout_ms, 100, 120000, "ms",
         "Time for a handshake"),
    UINT("ws_frame_max_bytes", mqtt.ws_frame_max_bytes, 1024, 268435455, "bytes",
         "Longest frame of a WebSocket; a longer one closes its connection"),
    UINT("conn_max_count", mqtt.conn_max_count, 1, 1000000, NULL, "Clients at once"),
    UINT("session_max_count", mqtt.session_max_count, 1, 1000000, NULL, "Sessions kept"),
    UINT("subscription_max_count", mqtt.subscription_max_count, 1, 10000, NULL,
         "Subscriptions of one client"),
    UINT("packet_max_bytes", mqtt.packet_max_bytes, 256, 268435455, "bytes",
         "Largest packet; a larger one closes its connection"),
    UINT("topic_max_bytes", mqtt.topic_max_bytes, 16, 65535, "bytes", "Longest topic"),
    UINT("topic_level_max", mqtt.topic_level_max, 1, 128, NULL, "Levels of a topic"),
    UINT("queue_max_bytes", mqtt.queue_max_bytes, 1024, 1073741824, "bytes",
         "Waiting and in flight, for each session"),
    UINT("queue_max_messages", mqtt.queue_max_messages, 1, 1000000, NULL,
         "Messages waiting, for each session"),
    UINT("inflight_max", mqtt.inflight_max, 1, 65534, NULL, "Unacknowledged messages of a session"),
    UINT("retained_max_bytes", mqtt.retained_max_bytes, 0, 1073741824, "bytes",
         "All retained topics and payloads"),
    UINT("retained_max_count", mqtt.retained_max_count, 0, 10000000, NULL, "Retained messages"),
    {.name = "durability",
     .type = NH_JSON_T_ENUM,
     AT(mqtt.durability),
     .names = durabilities,
     .text = "Kept sessions and retained messages: on disk first, soon, or in memory only"},
    UINT("durability_interval_ms", mqtt.durability_interval_ms, 10, 600000, "ms",
         "Between writes when durability is interval"),
    UINT("store_max_bytes", mqtt.store_max_bytes, 1048576, UINT32_MAX, "bytes",
         "The broker's store on disk; over it publishers wait"),
    UINT("store_batch_max_bytes", mqtt.store_batch_max_bytes, 4096, 67108864, "bytes",
         "Changes not yet on disk; over it publishers wait"),
    UINT("queue_memory_max_bytes", mqtt.queue_memory_max_bytes, 1024, 67108864, "bytes",
         "Of a kept session's queue in memory; the rest is on disk only"),
    UINT("connect_timeout_ms", mqtt.connect_timeout_ms, 100, 120000, "ms",
         "From the connection to CONNECT"),
    UINT("sys_interval_ms", mqtt.sys_interval_ms, 1000, 3600000, "ms", "Interval of $SYS topics"),
    UINT("connect_rate_max", mqtt.connect_rate_max, 0, 1000000, "1/s",
         "CONNECTs a second; 0: no limit. More are refused"),
    UINT("publish_rate_max", mqtt.publish_rate_max, 0, 1000000, "1/s",
         "Messages a second of one client; 0: no limit. More wait"),
    {.name = "anonymous",
     .type = NH_JSON_T_ENUM,
     AT(mqtt.anonymous),
     .names = anonymous_names,
     .text = "Clients without a user; auto: on loopback while there is no user"},
    {.name = "users",
     .type = NH_JSON_T_ARRAY,
     .element = &nh_hub__user_element,
     .is_streamed = true,
     .count_offset = offsetof(struct nh_hub_config, mqtt.user_count),
     .count_max = NH_HUB_LIST_MAX_COUNT,
     .text = "Users of the broker"},
    STRING("password_file", mqtt.password_file, "Users besides, a file of mosquitto_passwd"),
    {.name = "acl",
     .type = NH_JSON_T_ARRAY,
     .element = &nh_hub__rule_element,
     .element_default = &nh_hub__rule_default,
     .is_streamed = true,
     .count_offset = offsetof(struct nh_hub_config, mqtt.acl_count),
     .count_max = NH_HUB_LIST_MAX_COUNT,
     .text =
         "Who may publish and subscribe to what; without a rule everybody who is let in may all"},
    STRING("acl_file", mqtt.acl_file, "Rules besides, a file as Mosquitto's acl_file"),
    {.name = "acl_subscribe",
     .type = NH_JSON_T_ENUM,
     AT(mqtt.acl_subscribe),
     .names = acl_subscribe_names,
     .text = "covered: refuse a filter that takes more than may be read; any: give what may be"},
    UINT("login_queue_max", mqtt.login_queue_max, 1, 10000, NULL,
         "Clients that wait for their password to be checked; more are refused"),
    UINT("keepalive_max_s", mqtt.keepalive_max_s, 0, 65535, "s",
         "Longest keep-alive, told to 5.0 clients; 0: no limit"),
    UINT("session_expiry_max_s", mqtt.session_expiry_max_s, 0, UINT32_MAX, "s",
         "Longest that a session is kept for who is away; 0: no limit"),
    UINT("message_expiry_max_s", mqtt.message_expiry_max_s, 0, UINT32_MAX, "s",
         "Longest that a message waits or is retained; 0: no limit"),
    UINT("topic_alias_max", mqtt.topic_alias_max, 1, 1000, NULL,
         "Topic aliases of a 5.0 client, each way"),
    UINT("receive_max", mqtt.receive_max, 1, 65535, NULL,
         "Messages of a client at QoS 2 that are under way"),
    UINT("qos_max", mqtt.qos_max, 0, 2, NULL, "Highest QoS that clients may publish at"),
    BOOL("retain_available", mqtt.retain_available, "Whether messages can be retained"),
    BOOL("wildcard_available", mqtt.wildcard_available, "Whether filters may have wildcards"),
    BOOL("shared_available", mqtt.shared_available, "Whether there are shared subscriptions"),
    BOOL("subscription_id_available", mqtt.subscription_id_available,
         "Whether there are subscription identifiers"),
    STRING("server_reference", mqtt.server_reference,
           "Another broker, told to who is one too many and at the end"),
    BOOL("server_moved", mqtt.server_moved, "Send everybody to server_reference"),
    STRING("response_information", mqtt.response_information,
           "Told to 5.0 clients that ask: where replies may go"),
    {0},
};

static const nh_json_field_t access_fields[] = {
    STRING("user", access.user, "Admin of the portal, and a user of the broker"),
    {.name = "password_hash",
     .type = NH_JSON_T_STRING,
     AT(access.password_hash),
     .is_secret = true,
     .text = "Argon2id hash, from nuthatch passwd"},
    UINT("account_max_count", access.account_max_count, 1, NH_HUB_ACCOUNT_MAX_COUNT, NULL,
         "Accounts of the portal besides"),
    UINT("session_ms", access.session_ms, 60000, 2592000000, "ms",
         "Life of a session, from its last request"),
    UINT("session_max_count", access.session_max_count, 1, 64, NULL,
         "Sessions at once; the one unused for longest makes room"),
    UINT("login_queue_max", access.login_queue_max, 1, 64, NULL,
         "Passwords of the portal checked at once; more get 503"),
    UINT("login_delay_min_ms", access.login_delay_min_ms, 100, 60000, "ms",
         "Wait after the first wrong password, doubled by each further one"),
    UINT("login_delay_max_ms", access.login_delay_max_ms, 100, 3600000, "ms",
         "Longest wait after a wrong password"),
    UINT("login_delay_max_count", access.login_delay_max_count, 8, 1024, NULL,
         "Addresses and accounts whose wrong passwords are remembered"),
    {0},
};

static const nh_json_field_t health_fields[] = {
    UINT("heartbeat_ms", health.heartbeat_ms, 1000, 3600000, "ms", "Interval of snapshots"),
    UINT("tripwire_bytes", health.tripwire_bytes, 0, 268435456, "bytes",
         "Internal low water that dumps the tasks once; 0: off"),
    BOOL("publish", health.publish, "Figures on MQTT at each heartbeat"),
    BOOL("hotspot_tags", health.hotspot_tags,
         "Snapshots also at the places that take most memory, for a harness"),
    {0},
};

static const nh_json_field_t audio_fields[] = {
    BOOL("enabled", audio.enabled, "Whether there is an audio player; never without PSRAM"),
    STRING("root", audio.root, "Folder that is /sdcard; empty: sdcard in the data folder"),
    STRING("output", audio.output,
           "ALSA device (default, null, hw:0 ...), file:PATH.wav, or none: time goes on, unheard"),
    UINT("rate_hz", audio.rate_hz, 8000, 192000, "Hz", "Sample rate of the output"),
    UINT("latency_ms", audio.latency_ms, 0, 500, "ms", "How much the device holds; 0: 80"),
    UINT("buffer_ms", audio.buffer_ms, 0, 2000, "ms",
         "Read ahead of each channel; 0: 500; at least twice latency_ms"),
    UINT("duck_db", audio.duck_db, 0, 60, "dB",
         "How far the background goes down under an effect; 0: not"),
    UINT("idle_close_s", audio.idle_close_s, 1, 3600, "s", "Silence until the device is closed"),
    UINT("queue_max", audio.queue_max, 2, 256, NULL, "Commands that wait; more are refused"),
    {0},
};

static const nh_json_field_t compat_fields[] = {
    BOOL("get_changes", compat.get_changes,
         "Also take the older routes that change something by GET"),
    {0},
};

static const nh_json_field_t device_fields[] = {
    BOOL("enabled", devices.enabled,
         "Whether there are devices and scenarios; never without PSRAM"),
    STRING("dir", devices.dir,
           "Folder of the configurations, may be on a card; empty: devices in the data folder"),
    STRING("start_file", devices.start_file,
           "Configuration, YAML or JSON, that a hub without any begins with"),
    UINT("backup_count", devices.backup_count, 1, 16, NULL, "Older generations kept"),
    UINT("profile_max_count", devices.profile_max_count, 1, 25, NULL, "Profiles"),
    UINT("compile_max_count", devices.compile_max_count, 1, 8, NULL,
         "Configurations that are read at once; more get 503"),
    UINT("card_poll_ms", devices.card_poll_ms, 100, 60000, "ms",
         "How often it is looked whether the card is there"),
    UINT("device_max_count", devices.device_max_count, 1, 1000, NULL, "Devices"),
    UINT("scenario_max_count", devices.scenario_max_count, 1, 1000, NULL, "Scenarios of a device"),
    UINT("step_max_count", devices.step_max_count, 1, 10000, NULL, "Steps of one list"),
    UINT("item_max_count", devices.item_max_count, 1, 1000, NULL, "Elements of any other list"),
    UINT("depth_max", devices.depth_max, 1, 4, NULL, "Nesting of steps, and of conditions"),
    UINT("id_max_bytes", devices.id_max_bytes, 1, 255, "bytes", "An id"),
    UINT("name_max_bytes", devices.name_max_bytes, 1, 255, "bytes", "A name"),
    UINT("topic_max_bytes", devices.topic_max_bytes, 1, 1024, "bytes", "A topic"),
    UINT("payload_max_bytes", devices.payload_max_bytes, 1, 4096, "bytes", "A payload or text"),
    UINT("flag_max_bytes", devices.flag_max_bytes, 1, 255, "bytes", "Name of a flag or variable"),
    UINT("track_max_bytes", devices.track_max_bytes, 1, 255, "bytes", "Path of a track"),
    UINT("expression_max_bytes", devices.expression_max_bytes, 1, 1024, "bytes", "An expression"),
    UINT("document_max_bytes", devices.document_max_bytes, 1024, 4194304, "bytes",
         "A configuration as text"),
    UINT("compiled_max_bytes", devices.compiled_max_bytes, 1024, 4194304, "bytes",
         "A configuration in memory"),
    {0},
};

static const nh_json_field_t automation_fields[] = {
    BOOL("journal", automation.journal,
         "Whether waits of persistent scenarios and variables outlive a restart"),
    UINT("journal_max_count", automation.journal_max_count, 16, 65536, NULL,
         "Keys in the journal, or on their way out of it; what is more is not kept"),
    UINT("instance_max_count", automation.instance_max_count, 1, 100000, NULL,
         "Scenarios that run, wait or are queued"),
    UINT("flag_max_count", automation.flag_max_count, 1, 65536, NULL, "Flags"),
    UINT("variable_max_count", automation.variable_max_count, 1, 65536, NULL,
         "Variables of all scenarios"),
    UINT("value_max_bytes", automation.value_max_bytes, 16, 32768, "bytes",
         "Text of a variable, and a payload that is kept for {{ }}"),
    UINT("local_max_bytes", automation.local_max_bytes, 64, 65535, "bytes",
         "Variables of one instance"),
    UINT("text_max_bytes", automation.text_max_bytes, 1024, 65536, "bytes",
         "A text with its {{ }} put in"),
    UINT("turn_max_steps", automation.turn_max_steps, 1, 10000, NULL,
         "Steps of one instance before others have their turn"),
    UINT("call_max_turns", automation.call_max_turns, 1, 100000, NULL,
         "Turns before the hub looks after its connections"),
    UINT("run_depth_max", automation.run_depth_max, 1, 32, NULL,
         "Scenarios that wait for each other in a row"),
    UINT("on_stop_max_steps", automation.on_stop_max_steps, 1, 10000, NULL, "Steps of an on_stop"),
    UINT("publish_max_per_s", automation.publish_max_per_s, 1, 1000000, NULL,
         "Messages of all scenarios in a second; more wait"),
    UINT("flood_max_count", automation.flood_max_count, 1, 1000000, NULL,
         "Triggerings of a scenario in flood_window_ms; more suspend it"),
    UINT("flood_window_ms", automation.flood_window_ms, 100, 3600000, "ms",
         "Over which they are counted"),
    UINT("cooloff_ms", automation.cooloff_ms, 100, 3600000, "ms",
         "How long a scenario is suspended then"),
    UINT("filter_max_count", automation.filter_max_count, 1, 65536, NULL,
         "Topics that are listened on"),
    UINT("inbox_max_bytes", automation.inbox_max_bytes, 1024, 16777216, "bytes",
         "Own messages on their way back to triggers; more are dropped"),
    UINT("outbox_max_bytes", automation.outbox_max_bytes, 1024, 16777216, "bytes",
         "Messages of templates over publish_max_per_s, until the next second; more are dropped"),
    UINT("trace_bytes", automation.trace_bytes, 256, 65536, "bytes", "Trace of a scenario"),
    UINT("trace_total_bytes", automation.trace_total_bytes, 256, 16777216, "bytes",
         "Traces of all; later ones have none"),
    UINT("log_max_count", automation.log_max_count, 1, 10000, NULL,
         "Entries of the operator's log"),
    {0},
};

static const nh_json_field_t log_fields[] = {
    {.name = "level",
     .type = NH_JSON_T_ENUM,
     AT(log.level),
     .names = log_levels,
     .text = "Least important level shown"},
    BOOL("connections", log.connections, "Whether clients that come and go are told"),
    {0},
};

static const nh_json_field_t budget_fields[] = {
    {.name = "owner",
     .type = NH_JSON_T_STRING,
     .required = true,
     .offset = offsetof(struct nh_hub_budget, owner),
     .size = NH_MEM_NAME_MAX_BYTES,
     .text = "Owner of memory"},
    {.name = "internal_bytes",
     .type = NH_JSON_T_INT,
     .offset = offsetof(struct nh_hub_budget, internal_bytes),
     .size = sizeof(uint32_t),
     .unit = "bytes",
     .text = "Budget in internal RAM; 0: none"},
    {.name = "psram_bytes",
     .type = NH_JSON_T_INT,
     .offset = offsetof(struct nh_hub_budget, psram_bytes),
     .size = sizeof(uint32_t),
     .unit = "bytes",
     .text = "Budget in PSRAM; 0: none"},
    {0},
};

static const nh_json_field_t budget_element = {
    .type = NH_JSON_T_OBJECT, .fields = budget_fields, .size = sizeof(struct nh_hub_budget)};

static const nh_json_field_t fault_fields[] = {
    UINT("fail_nth", faults.fail_nth, 0, UINT32_MAX, NULL, "Fail the n-th allocation; 0: off"),
    UINT("fail_per_million", faults.fail_per_million, 0, 1000000, NULL,
         "Allocations failed in a million; 0: off"),
    UINT("seed", faults.seed, 0, UINT32_MAX, NULL, "Seed of the probability"),
    STRING("owner", faults.owner, "Only this owner; empty: all"),
    {0},
};

const nh_json_field_t nh_hub_config_fields[] = {
    STRING("name", name, "Name of this hub, also in its topics: no / + #"),
    STRING("board", board, "Board profile: the memory to live within"),
    STRING("data", data, "Folder of everything the hub keeps"),
    STRING("console", console,
           "Log and telemetry lines: stdout, stderr, pty, pty:LINK, file:PATH or none"),
    SECTION("http", http_fields, "Portal"),
    SECTION("mqtt", mqtt_fields, "Broker"),
    SECTION("access", access_fields, "Sign-in"),
    SECTION("health", health_fields, "Telemetry"),
    SECTION("audio", audio_fields, "Audio player"),
    SECTION("macropad", nh_hub__macropad_fields, "Macro pad"),
    SECTION("homeassistant", nh_hub__homeassistant_fields, "Home Assistant"),
    SECTION("display", nh_hub__display_fields, "Panel and its screens"),
    SECTION("lamp", nh_hub__lamp_fields, "LED matrix"),
    SECTION("lamp_hardware", nh_hub__lamp_hw_fields, "Its LEDs"),
    SECTION("lamp_button", nh_hub__lamp_button_fields, "Its button"),
    SECTION("lamp_overlay", nh_hub__lamp_overlay_fields, "The genie over its effects"),
    SECTION("lamp_wled", nh_hub__lamp_wled_fields, "The lamp for WLED's clients"),
    SECTION("lamp_radio", nh_hub__lamp_radio_fields, "Remotes of the lamp"),
    SECTION("lamp_live", nh_hub__lamp_live_fields, "Live data for the LED matrix over UDP"),
    {.name = "lamp_send",
     .type = NH_JSON_T_ARRAY,
     .element = &nh_hub__lamp_send_element,
     .element_default = &nh_hub__lamp_send_default,
     .offset = offsetof(struct nh_hub_config, lamp_send),
     .count_offset = offsetof(struct nh_hub_config, lamp_send_count),
     .count_max = NH_HUB_LAMP_SEND_MAX_COUNT,
     .text = "Controllers that the frames of the LED matrix go out to"},
    SECTION("lamp_mqtt", nh_hub__lamp_mqtt_fields, "The lamp by MQTT"),
    SECTION("battery", nh_hub__battery_fields, "Pack of cells behind a Tiny BMS"),
    SECTION("battery_publish", nh_hub__battery_publish_fields,
            "Points of the pack to other machines"),
    SECTION("battery_remote", nh_hub__battery_remote_fields,
            "The pack over the network, both ends"),
    SECTION("battery_bridge", nh_hub__battery_bridge_fields,
            "The pack for inverters, MQTT and Home Assistant"),
    SECTION("mdns", nh_hub__mdns_fields, "Found by name on the network"),
    SECTION("compat", compat_fields, "For clients of older firmware"),
    SECTION("devices", device_fields, "Devices and scenarios"),
    SECTION("automation", automation_fields, "Scenarios"),
    SECTION("ota", nh_hub__ota_fields, "Updates of the hub by itself"),
    SECTION("log", log_fields, "Log"),
    {.name = "budgets",
     .type = NH_JSON_T_ARRAY,
     .element = &budget_element,
     .offset = offsetof(struct nh_hub_config, budgets),
     .count_offset = offsetof(struct nh_hub_config, budget_count),
     .count_max = NH_HUB_BUDGET_MAX_COUNT,
     .text = "Budgets of owners, instead of the built-in ones"},
    SECTION("faults", fault_fields, "Fault injection, for tests"),
    {0},
};

// ---- reading ------------------------------------------------------------------------------------

void nh_hub_config__count(void *ctx, const struct nh_finding *f)
{
    struct nh_hub_counting *c = ctx;
    if (!f->is_warning)
        c->errors++;
    if (c->finding)
        c->finding(c->ctx, f);
}

// The decoder, and where texts and elements of lists stand: the validator comes later and has
// faults to tell that no table knows.
struct yaml_reading {
    nh_decoder_t d;
    struct nh_hub_places *places;
    struct nh_hub_bridge_path bridges; // which are read apart
    const struct nh_hub_lists *lists;  // NULL: nobody wants the elements
    struct nh_hub_path path;
    union { // an element at hand
        struct nh_hub_mqtt_user user;
        struct nh_hub_mqtt_rule rule;
    } element;
};

// Texts of the sections and of listeners, and where the elements of a list begin that is kept.
static bool is_place(const struct nh_hub_path *p, const struct nh_yaml_event *e)
{
    bool is_listener = p->depth > 2 && strcmp(p->step[1].key, "listeners") == 0;
    if (p->depth == 0 || p->depth > (is_listener ? NH_HUB_PATH_MAX_DEPTH : 2))
        return false;
    bool in_list = p->step[p->depth - 1].is_list;
    return e->kind == NH_YAML_SCALAR ? !in_list : e->kind == NH_YAML_MAP_BEGIN && in_list;
}

static void take_element(void *ctx, const nh_json_field_t *array, uint32_t index,
                         const void *element, const struct nh_json_pos *pos)
{
    const struct nh_hub_lists *lists = ((struct yaml_reading *)ctx)->lists;
    if (!lists)
        return;
    if (array->element == &nh_hub__user_element)
        lists->user(lists->ctx, index, element, pos);
    else
        lists->rule(lists->ctx, index, element, pos);
}

static int yaml_event(void *ctx, const struct nh_yaml_event *e)
{
    struct yaml_reading *r = ctx;
    static const enum nh_json_event kind[] = {
        [NH_YAML_MAP_BEGIN] = NH_JSON_OBJECT_BEGIN,
        [NH_YAML_MAP_END] = NH_JSON_OBJECT_END,
        [NH_YAML_LIST_BEGIN] = NH_JSON_ARRAY_BEGIN,
        [NH_YAML_LIST_END] = NH_JSON_ARRAY_END,
        [NH_YAML_KEY] = NH_JSON_KEY,
        [NH_YAML_SCALAR] = NH_JSON_STRING,
    };
    struct nh_json_pos pos = {.line = e->line, .column = e->column};
    if (nh_hub_bridge_path_takes(&r->bridges, e))
        return 0;
    if (r->places->count < NH_HUB_PLACE_MAX_COUNT && is_place(&r->path, e))
        r->places->place[r->places->count++] = nh_hub_path__place(&r->path, "", e);
    nh_hub_path__walk(&r->path, e);
    nh_decoder_event(&r->d, kind[e->kind], e->text, e->len, &pos,
                     e->is_plain ? NH_DECODE_TEXT_PLAIN : 0);
    return 0;
}

// A reader of YAML: from memory or from a file.
struct yaml_source {
    const char *text, *path;
    size_t len;
    const struct nh_hub_lists *lists;
};

static int ignore_event(void *ctx, const struct nh_yaml_event *e)
{
    (void)ctx;
    (void)e;
    return 0;
}

// Whether the text is broken: then that alone is told, and no fault of its beginning, which may
// come of it. What can be read only once is not looked through.
static int look_through(const struct yaml_source *source, struct nh_yaml_error *error)
{
    struct stat st;
    if (!source->path)
        return nh_yaml_read(source->text, source->len, ignore_event, NULL, error);
    if (stat(source->path, &st) != 0 || !S_ISREG(st.st_mode))
        return 0;
    return nh_yaml_read_file(source->path, ignore_event, NULL, error);
}

static const char *broken_text(const struct yaml_source *source, int err,
                               struct nh_yaml_error *error)
{
    struct stat st;
    if (source->path && stat(source->path, &st) == 0 && S_ISDIR(st.st_mode)) {
        *error = (struct nh_yaml_error){0}; // there is no line to show
        return "is a folder, not a file";
    }
    if (error->text[0])
        return error->text;
    return err == NH_ERR_NOT_FOUND ? "there is no such file"
           : err == NH_ERR_DENIED  ? "may not be read"
                                   : "cannot be read";
}

static int read_yaml(struct nh_hub_config *c, const struct yaml_source *source,
                     nh_finding_fn finding, void *ctx)
{
    struct nh_hub_counting counting = {.finding = finding, .ctx = ctx};
    struct yaml_reading r = {.places = &c->places, .lists = source->lists};
    const struct nh_decode_elements elements = {&r, &r.element, sizeof r.element, take_element};
    struct nh_yaml_error error;
    c->places.count = 0;
    nh_decoder_init(&r.d, nh_hub_config_fields, c, nh_hub_config__count, &counting,
                    NH_DECODE_UNKNOWN_IS_ERROR);
    nh_decoder_elements(&r.d, &elements);
    int err = look_through(source, &error);
    if (err == 0)
        err = source->path ? nh_yaml_read_file(source->path, yaml_event, &r, &error)
                           : nh_yaml_read(source->text, source->len, yaml_event, &r, &error);
    if (err < 0) {
        struct nh_finding f = {.code = err};
        snprintf(f.text, sizeof f.text, "%.95s", broken_text(source, err, &error));
        f.line = error.line;
        f.column = error.column;
        nh_hub_config__count(&counting, &f);
        return err;
    }
    if (r.d.depth > 0 || r.d.is_done || r.d.error_count > 0) {
        NH_IGNORE(nh_decoder_end(&r.d)); // its findings are counted; an empty file has none
    }
    return counting.errors > 0 ? NH_ERR_INVAL : 0;
}

int nh_hub_config_read_yaml(struct nh_hub_config *c, const char *text, size_t len,
                            nh_finding_fn finding, void *ctx)
{
    const struct yaml_source source = {.text = text, .len = len};
    return read_yaml(c, &source, finding, ctx);
}

int nh_hub_config_read_file(struct nh_hub_config *c, const char *path, nh_finding_fn finding,
                            void *ctx)
{
    const struct yaml_source source = {.path = path};
    return read_yaml(c, &source, finding, ctx);
}

int nh_hub_config_read_lists(struct nh_hub_config *scratch, const char *path,
                             const struct nh_hub_lists *lists, nh_finding_fn finding, void *ctx)
{
    const struct yaml_source source = {.path = path, .lists = lists};
    nh_hub_config_defaults(scratch);
    return read_yaml(scratch, &source, finding, ctx);
}

int nh_hub_config_read_json(struct nh_hub_config *c, const char *text, size_t len,
                            nh_finding_fn finding, void *ctx)
{
    struct nh_hub_counting counting = {.finding = finding, .ctx = ctx};
    NH_IGNORE(nh_json_decode(text, len, nh_hub_config_fields, c, nh_hub_config__count, &counting,
                             NH_DECODE_UNKNOWN_IS_ERROR));
    return counting.errors > 0 ? NH_ERR_INVAL : 0;
}
