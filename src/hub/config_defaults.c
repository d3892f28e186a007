// What holds where hub.yaml says nothing. docs/configuration.md shows these values in its table.
#include "hub/config.h"
#include "hub/config_fields.h"

#include "core/base/log.h"

#include <stdio.h>

static void device_defaults(struct nh_hub_config *c)
{
    c->devices.enabled = true;
    c->devices.backup_count = 5;
    c->devices.profile_max_count = 25;
    c->devices.compile_max_count = 2;
    c->devices.card_poll_ms = 5000;
    c->devices.device_max_count = 64;
    c->devices.scenario_max_count = 64;
    c->devices.step_max_count = 128;
    c->devices.item_max_count = 64;
    c->devices.depth_max = 4;
    c->devices.id_max_bytes = 31;
    c->devices.name_max_bytes = 63;
    c->devices.topic_max_bytes = 255;
    c->devices.payload_max_bytes = 1023;
    c->devices.flag_max_bytes = 31;
    c->devices.track_max_bytes = 127;
    c->devices.expression_max_bytes = 255;
    c->devices.document_max_bytes = 1048576;
    c->devices.compiled_max_bytes = 524288;
}

static void automation_defaults(struct nh_hub_config *c)
{
    c->automation.journal = true;
    c->automation.journal_max_count = 1024;
    c->automation.instance_max_count = 256;
    c->automation.flag_max_count = 256;
    c->automation.variable_max_count = 128;
    c->automation.value_max_bytes = 1024;
    c->automation.local_max_bytes = 4096;
    c->automation.text_max_bytes = 4096;
    c->automation.turn_max_steps = 64;
    c->automation.call_max_turns = 256;
    c->automation.run_depth_max = 4;
    c->automation.on_stop_max_steps = 64;
    c->automation.publish_max_per_s = 200;
    c->automation.flood_max_count = 60;
    c->automation.flood_window_ms = 10000;
    c->automation.cooloff_ms = 10000;
    c->automation.filter_max_count = 512;
    c->automation.inbox_max_bytes = 65536;
    c->automation.outbox_max_bytes = 65536;
    c->automation.trace_bytes = 2048;
    c->automation.trace_total_bytes = 262144;
    c->automation.log_max_count = 128;
}

static void pad_defaults(struct nh_hub_config *c)
{
    snprintf(c->homeassistant.prefix, sizeof c->homeassistant.prefix, "homeassistant");
    c->homeassistant.interval_s = 60;
    c->homeassistant.keepalive_s = 15;
    c->homeassistant.backoff_min_ms = 1000;
    c->homeassistant.backoff_max_ms = 60000;
    c->macropad.enabled = true;
    c->macropad.document_max_bytes = 524288;
    c->macropad.upload_timeout_ms = 10000;
    snprintf(c->macropad.layout, sizeof c->macropad.layout, "us");
    c->macropad.key_ms = 8;
    c->macropad.script_queue_max = 8;
    c->macropad.icon_max_count = 256;
    c->macropad.icon_max_bytes = 8388608;
    c->macropad.icon_cache_bytes = 393216;
    c->display.enabled = true;
    c->display.mirror = true;
    c->display.width = 360;
    c->display.height = 360;
    c->display.draw_lines = 16;
    c->display.glyph_cache_bytes = 65536;
    c->display.splash_ms = 2000;
    c->display.queue_max = 32;
    c->display.brightness_pct = 100;
    c->display.saver_timeout_s = 300;
    c->display.fade_out_ms = 800;
    c->display.fade_in_ms = 400;
    c->display.wake_on_touch = true;
    c->display.image_max_bytes = 307200;
    c->display.image_headroom_bytes = 51200;
    c->display.image_work_bytes = 65536;
    c->display.upload_timeout_ms = 30000;
    c->display.strip_timeout_ms = 3000;
}

static void lamp_defaults(struct nh_hub_config *c)
{
    c->lamp.width = 16;
    c->lamp.height = 48;
    c->lamp.fps = 40;
    c->lamp.queue_max = 16;
    c->lamp.transition_ms = 300;
    c->lamp.save_delay_ms = 2000;
    c->lamp.save_deadline_ms = 60000;
    c->lamp_wled.enabled = true;
    c->lamp_wled.preset_max_count = 32;
    c->lamp_radio.node = 111;
    c->lamp_radio.channel = 1;
    c->lamp_radio.peer_max_count = 8;
    c->lamp_radio.pairing_s = 30;
    c->lamp_radio.port = 37676;
    snprintf(c->lamp_radio.group, sizeof c->lamp_radio.group, "239.255.76.76");
    snprintf(c->lamp_radio.interface, sizeof c->lamp_radio.interface, "127.0.0.1");
    nh_hub__lamp_live_defaults(c);
    nh_hub__battery_defaults(c);
    nh_hub__battery_publish_defaults(c);
    nh_hub__battery_remote_defaults(c);
    nh_hub__battery_bridge_defaults(c);
    c->lamp_mqtt.enabled = true;
}

void nh_hub_config_defaults(struct nh_hub_config *c)
{
    *c = (struct nh_hub_config){
        .name = "nuthatch",
        .board = NH_MEM_BOARD_DEFAULT,
        .data = "data",
        .console = "stdout",
        .http = {.listen = "127.0.0.1:8080",
                 .conn_max_count = 32,
                 .head_max_bytes = 4096,
                 .head_timeout_ms = 10000,
                 .idle_timeout_ms = 30000,
                 .ws_max_count = 8},
        .mqtt = {.listen = "127.0.0.1:1883",
                 .handshake_max_count = 256,
                 .handshake_timeout_ms = 10000,
                 .ws_frame_max_bytes = 1048576,
                 .conn_max_count = 1000,
                 .session_max_count = 1000,
                 .subscription_max_count = 64,
                 .packet_max_bytes = 65536,
                 .topic_max_bytes = 512,
                 .topic_level_max = 32,
                 .queue_max_bytes = 262144,
                 .queue_max_messages = 5000,
                 .inflight_max = 64,
                 .retained_max_bytes = 1048576,
                 .retained_max_count = 10000,
                 .durability_interval_ms = 1000,
                 .store_max_bytes = 1073741824,
                 .store_batch_max_bytes = 1048576,
                 .queue_memory_max_bytes = 65536,
                 .connect_timeout_ms = 10000,
                 .sys_interval_ms = 10000,
                 .login_queue_max = 100,
                 .topic_alias_max = 16,
                 .receive_max = 1024,
                 .qos_max = 2,
                 .retain_available = true,
                 .wildcard_available = true,
                 .shared_available = true,
                 .subscription_id_available = true},
        .access = {.user = "admin",
                   .account_max_count = 16,
                   .session_ms = 43200000,
                   .session_max_count = 16,
                   .login_queue_max = 8,
                   .login_delay_min_ms = 1000,
                   .login_delay_max_ms = 300000,
                   .login_delay_max_count = 64},
        .health = {.heartbeat_ms = 60000, .tripwire_bytes = 30720, .publish = true},
        .audio = {.enabled = true,
                  .output = "default",
                  .rate_hz = 44100,
                  .duck_db = 12,
                  .idle_close_s = 10,
                  .queue_max = 16},
        .log = {.level = NH_LOG_INFO, .connections = true},
    };
    device_defaults(c);
    automation_defaults(c);
    pad_defaults(c);
    lamp_defaults(c);
    nh_hub__lamp_hw_defaults(c);
    nh_hub__lamp_overlay_defaults(c);
    nh_hub__ota_defaults(c);
}
