// hub_parts.h - the parts of a running hub, shared by the files of this folder.

#ifndef NH_HUB_PARTS_H
#define NH_HUB_PARTS_H

#include "components/audio/audio.h"
#include "components/automation/automation.h"
#include "components/battery/battery.h"
#include "components/battery_bridge/battery_bridge.h"
#include "components/battery_publish/battery_publish.h"
#include "components/battery_remote/battery_remote.h"
#include "components/devices/devices.h"
#include "components/display/display.h"
#include "components/health/health.h"
#include "components/homeassistant/homeassistant.h"
#include "components/lamp/lamp.h"
#include "components/lamp_mqtt/lamp_mqtt.h"
#include "components/lamp_radio/lamp_radio.h"
#include "components/macropad/macropad.h"
#include "components/ota/ota.h"
#include "components/wled/wled.h"
#include "core/bus/bus.h"
#include "core/sched/sched.h"
#include "core/store/store.h"
#include "hub/accounts_api.h"
#include "hub/automation_journal.h"
#include "hub/device_config.h"
#include "hub/hub.h"
#include "hub/mqtt_access.h"
#include "hub/mqtt_listener.h"
#include "hub/mqtt_store.h"
#include "hub/settings.h"
#include "platform/http_client.h"
#include "platform/keyboard.h"
#include "platform/linux/regions.h"
#include "platform/tls.h"
#include "portal/mqtt_api.h"
#include "portal/portal.h"

// One of mqtt.listeners, as it was at the start. nh_listener_user() of its connections.
struct nh_hub_door {
    struct nh_hub_listener cfg;
    nh_listener_t *listener;
    nh_tls_t *tls; // NULL: plain
    struct nh_ws_rules ws;
    char address[sizeof((struct nh_hub_listener *)0)->listen]; // with the port that it got
};

struct nh_hub {
    struct nh_hub_config cfg; // in force; of the loop's task
    struct nh_hub_options options;
    const struct nh_mem_board *board;
    struct nh_regions regions;
    nh_lock_t mem_lock, bus_lock, health_lock, store_lock;
    nh_mem_system_t *sys;
    nh_console_t *console;
    nh_loop_t *loop;
    nh_bus_t *bus;
    nh_sched_t *sched;
    nh_health_t *health;
    nh_files_t *files;
    nh_store_t *store;
    nh_settings_t *settings;
    nh_devices_t *devices; // NULL: off
    nh_mem_t *devices_mem;
    nh_files_t *card; // the folder of its configurations; NULL: it is not there
    uint64_t card_device, card_inode;
    nh_login_task_t *login;
    nh_accounts_t *accounts; // of the portal
    nh_accounts_api_t *accounts_api;
    nh_mqtt_access_t *mqtt_access;
    nh_mqtt_store_t *mqtt_store; // NULL: in memory only
    nh_mqtt_broker_t *broker;
    struct nh_mqtt_broker_config broker_cfg;
    nh_mqtt_listener_t mqtt;
    struct nh_hub_door *doors; // of mqtt.listeners
    nh_mem_t *doors_mem;
    uint32_t door_count;
    const char *host_names[2]; // of this hub, for pages that open a WebSocket
    nh_mqtt_api_t *mqtt_api;
    nh_audio_t *audio;                 // NULL: not enabled
    nh_homeassistant_t *homeassistant; // NULL: not enabled
    struct nh_hub_link *link;          // its connection to another broker; NULL: the own one
    nh_macropad_t *macropad;           // NULL: not enabled
    nh_lock_t macropad_lock;
    nh_loop_post_t macropad_post;
    struct nh_macro_view macro_view;
    nh_keyboard_t *keyboard;     // NULL: what the pad types is shown only
    nh_display_t *display;       // NULL: not enabled
    nh_loop_post_t display_post; // it has changed
    nh_loop_post_t window_post;  // somebody closed the window
    nh_tls_t *display_tls;
    nh_http_client_t *display_http;         // NULL: no image was fetched yet
    struct nh_hub_lamp_button *lamp_button; // NULL: as the lamp
    nh_lamp_t *lamp;                        // NULL: not enabled
    nh_wled_t *wled;                        // NULL: not enabled
    nh_lamp_radio_t *lamp_radio;            // NULL: not enabled, or no lamp
    struct nh_hub_live *live;               // hub_lamp_live.h; NULL: no live data
    struct nh_hub_send *lamp_send;          // likewise; NULL: no other controllers
    nh_lamp_mqtt_t *lamp_mqtt;              // NULL: there is no lamp
    nh_mqtt_local_t *lamp_ears[8];          // of its topics
    bool lamp_is_heard;
    nh_battery_t *battery;                          // NULL: not enabled
    nh_store_t *battery_backups;                    // NULL: in `store`
    struct nh_hub_battery_publish *battery_publish; // NULL: no receivers, or no battery
    struct nh_hub_battery_remote *battery_remote;   // NULL: there is no battery
    struct nh_hub_battery_bridge *battery_bridge;   // NULL: there is no battery
    struct nh_hub_mdns_part *mdns;                  // NULL: the network does not find it
    nh_automation_t *automation;                    // NULL: as devices
    nh_automation_journal_t *automation_journal;    // NULL: nothing outlives a restart
    nh_mem_t *automation_mem;
    bool automation_subscribes; // the broker is telling what it has retained
    nh_bus_sub_t *automation_sub;
    nh_loop_post_t automation_post;
    struct nh_loop_deadline automation_deadline;
    nh_timer_t automation_wall;
    nh_ota_t *ota; // NULL: the host updates the hub
    nh_store_t *ota_store;
    nh_portal_t *portal;
    char http_address[72], https_address[72], mqtt_address[72];
    nh_device_t *device;
    struct {
        uint64_t frame_count, read_ms;
        int per_s; // -1: not known yet
    } frames;
    char ip[64]; // of the portal, "": it is off
    // The ports that the life before this one gave out for "any port"; 0: there was none.
    uint16_t given_http_port, given_https_port, given_mqtt_port;
    uint16_t given_door_ports[NH_HUB_LISTENER_MAX_COUNT], door_ports[NH_HUB_LISTENER_MAX_COUNT];
    struct nh_host_info host; // read at most once a second
    uint64_t host_read_ms;
    uint64_t started_ms;
    nh_timer_t restart;
    struct {
        nh_timer_t end; // of a second with lines
        uint32_t told, left_out;
    } refused;                           // clients, in the log
    bool wants_restart, is_told_to_stop; // who is told to stop does not start anew
    bool wants_other;                    // the next life is that of another program, see hub_ota.c
};

// The memory an owner is given; its budget is the configuration's, else the built-in one.
NH_MUST_USE int nh_hub__owner(struct nh_hub *hub, const char *name, nh_mem_t **out);

// A listener of the hub: the address as configured, with the port that the life before a restart
// gave out where the configuration says "any", so that who knows the address finds the hub again.
NH_MUST_USE int nh_hub__listen(const char *text, uint16_t given_port, char *host, size_t cap,
                               uint16_t *port);
// "127.0.0.1:8080", with brackets around IPv6.
void nh_hub__address(char *out, size_t cap, const char *host, uint16_t port);

// hub_console.c: a line for the console, any task; the first lines of a start; the portal's
// address, once it listens; and a request there. `ctx`: the hub.
void nh_hub__console_line(void *ctx, const char *line);
void nh_hub__tell_boot(struct nh_hub *hub);
void nh_hub__tell_address(struct nh_hub *hub);
void nh_hub__asked(void *ctx, const char *path);

// hub_api.c: ends this life after the reply that is being made; the next begins.
NH_MUST_USE int nh_hub__restart_soon(struct nh_hub *hub);

// hub_compat.c: routes of the older macro pad firmware, its fields in /api/info, and its form of
// an answer that says no.
struct nh_route_table nh_hub__compat_routes(struct nh_hub *hub);
void nh_hub__write_old_info(struct nh_hub *hub, nh_json_writer_t *w);
int nh_hub__reply_old(nh_request_t *req, int status, const char *fmt, ...) NH_PRINTF(3, 4);
int nh_hub__reply_old_ok(nh_request_t *req, const char *message); // NULL: none
NH_MUST_USE int nh_hub__start_device(struct nh_hub *hub);

// hub_firmware.c: what runs here, and that its host updates it.
struct nh_route_table nh_hub__firmware_routes(struct nh_hub *hub);
void nh_hub__note_version(struct nh_hub *hub);

// hub_ota.c: updates of the hub by itself.
NH_MUST_USE int nh_hub__start_ota(struct nh_hub *hub);
void nh_hub__stop_ota(struct nh_hub *hub);

// hub_accounts.c: who may use the portal. set_file_account(): as the configuration has it now.
NH_MUST_USE int nh_hub__start_accounts(struct nh_hub *hub);
void nh_hub__set_file_account(struct nh_hub *hub);
void nh_hub__fill_auth(struct nh_hub *hub, struct nh_auth_config *out);

// Who may use the broker, part of its start; fills in the callbacks of hub->broker_cfg.
NH_MUST_USE int nh_hub__start_access(struct nh_hub *hub, nh_mem_t *mem);
// The rules as `cfg` and the files have them now; faults go to the log. Then puts them in force;
// they are taken in any case.
NH_MUST_USE int nh_hub__load_rules(struct nh_hub *hub, const struct nh_hub_config *cfg,
                                   nh_mqtt_rules_t **out);
NH_MUST_USE int nh_hub__set_rules(struct nh_hub *hub, nh_mqtt_rules_t *rules);

// Has the log say who was refused or is at fault, a few a second; the rest is counted there.
void nh_hub__tell_refused(struct nh_hub *hub, const struct nh_mqtt_event *e);

// Whether a client of this machine may use the broker without a password of any kind.
bool nh_hub__lets_anybody_in(const struct nh_hub *hub);

// Steps of the start, each in the file of its name; what they made is undone by nh_hub__stop().
NH_MUST_USE int nh_hub__start_memory(struct nh_hub *hub);
NH_MUST_USE int nh_hub__start_core(struct nh_hub *hub);
NH_MUST_USE int nh_hub__start_store(struct nh_hub *hub);
NH_MUST_USE int nh_hub__start_mqtt(struct nh_hub *hub);
NH_MUST_USE int nh_hub__start_bridges(struct nh_hub *hub);
NH_MUST_USE int nh_hub__start_audio(struct nh_hub *hub);
// hub_homeassistant.c: stop() before the broker and the portal, end() after them. What health tells
// of it.
NH_MUST_USE int nh_hub__start_homeassistant(struct nh_hub *hub);
void nh_hub__stop_homeassistant(struct nh_hub *hub);
void nh_hub__display_facts(struct nh_hub *hub, struct nh_health_facts *out);
void nh_hub__homeassistant_facts(const struct nh_hub *hub, struct nh_health_facts *out);
NH_MUST_USE int nh_hub__start_macropad(struct nh_hub *hub);
void nh_hub__stop_macropad(struct nh_hub *hub);
// hub_macro_view.c: what the macro screens paint from, NULL: nothing; and where buttons lead.
const struct nh_macro_view *nh_hub__macro_view(struct nh_hub *hub);
struct nh_macropad_screens nh_hub__macro_screens(struct nh_hub *hub);
NH_MUST_USE int nh_hub__start_display(struct nh_hub *hub);
void nh_hub__stop_display(struct nh_hub *hub);
void nh_hub__display_names(struct nh_hub *hub); // what it is called, and where the portal is
// What may change while it runs, before `cfg` takes the place of hub->cfg.
void nh_hub__display_apply(struct nh_hub *hub, const struct nh_hub_config *cfg);
// hub_lamp_button.c: after the lamp was made, and before it goes.
NH_MUST_USE int nh_hub__start_lamp_button(struct nh_hub *hub, nh_mem_t *mem);
void nh_hub__stop_lamp_button(struct nh_hub *hub);
struct nh_route_table nh_hub__lamp_button_routes(struct nh_hub *hub);
NH_MUST_USE int nh_hub__start_lamp(struct nh_hub *hub);
void nh_hub__stop_lamp(struct nh_hub *hub);
void nh_hub__lamp_facts(const struct nh_hub *hub, struct nh_health_facts *out);
// hub_lamp_wled.c: stop() after the lamp has gone.
NH_MUST_USE int nh_hub__start_lamp_wled(struct nh_hub *hub);
void nh_hub__stop_lamp_wled(struct nh_hub *hub);
NH_MUST_USE int nh_hub__start_lamp_radio(struct nh_hub *hub);
void nh_hub__stop_lamp_radio(struct nh_hub *hub); // behind the lamp
// A command as POST /api/lamp takes it, of a scenario or a button. NH_ERR_UNSUPPORTED: no lamp.
int nh_hub__lamp_command(struct nh_hub *hub, nh_span_t json, enum nh_origin origin);
// Lit with the effect of that name. NH_ERR_NOT_FOUND: there is none.
int nh_hub__lamp_effect(struct nh_hub *hub, nh_span_t name, enum nh_origin origin);
// hub_lamp_live.c, after the lamp; hub_lamp_send.c, within its start and after its end.
NH_MUST_USE int nh_hub__start_lamp_live(struct nh_hub *hub);
void nh_hub__stop_lamp_live(struct nh_hub *hub);
struct nh_route_table nh_hub__lamp_live_routes(struct nh_hub *hub);
void nh_hub__start_lamp_send(struct nh_hub *hub);
void nh_hub__stop_lamp_send(struct nh_hub *hub);
// hub_lamp_mqtt.c: start() before Home Assistant, stop() after it and before the lamp.
NH_MUST_USE int nh_hub__start_lamp_mqtt(struct nh_hub *hub);
void nh_hub__stop_lamp_mqtt(struct nh_hub *hub);
NH_MUST_USE int nh_hub__start_battery(struct nh_hub *hub);
void nh_hub__stop_battery(struct nh_hub *hub); // behind the portal
// hub_battery_publish.c: start() behind the battery and the broker, stop() before them.
NH_MUST_USE int nh_hub__start_battery_publish(struct nh_hub *hub);
void nh_hub__stop_battery_publish(struct nh_hub *hub);
nh_battery_publish_t *nh_hub__battery_publish(const struct nh_hub *hub); // NULL: it is off
// hub_battery_remote.c: start() behind the battery, stop() before it and behind the portal.
NH_MUST_USE int nh_hub__start_battery_remote(struct nh_hub *hub);
void nh_hub__stop_battery_remote(struct nh_hub *hub);
nh_battery_remote_t *nh_hub__battery_remote(const struct nh_hub *hub); // NULL: there is none
// The portal's places where others find this hub as their gateway; returns how many.
size_t nh_hub__battery_places(struct nh_hub *hub,
                              struct nh_ws_place out[NH_BATTERY_GATEWAY_PLACE_COUNT]);
// hub_battery_bridge.c: start() after the battery and before Home Assistant, stop() before the
// battery's, end() after it, both after Home Assistant's. part(): false, there is none.
NH_MUST_USE int nh_hub__start_battery_bridge(struct nh_hub *hub);
void nh_hub__stop_battery_bridge(struct nh_hub *hub);
void nh_hub__end_battery_bridge(struct nh_hub *hub);
void nh_hub__battery_bridge_changed(struct nh_hub *hub, uint32_t dirty);
bool nh_hub__battery_part(struct nh_hub *hub, struct nh_homeassistant_part *out);
struct nh_route_table nh_hub__battery_bridge_routes(struct nh_hub *hub);
// hub_mdns.c: start() after the portal. The number by which clients know the hub again: the
// machine's, else one that goes with the hub's name.
NH_MUST_USE int nh_hub__start_mdns(struct nh_hub *hub);
void nh_hub__stop_mdns(struct nh_hub *hub);
void nh_hub__mac(const struct nh_hub *hub, char out[13]);
NH_MUST_USE int nh_hub__start_portal(struct nh_hub *hub);
NH_MUST_USE int nh_hub__start_automation(struct nh_hub *hub);
void nh_hub__stop_automation(struct nh_hub *hub);
// What the devices ask of it; `ctx`: the hub.
int nh_hub__devices_fit(void *ctx, const nh_device_set_t *set, nh_device_finding_fn finding,
                        void *finding_ctx);
int nh_hub__devices_prepare(void *ctx, nh_device_set_t *set, nh_device_finding_fn finding,
                            void *finding_ctx);
void nh_hub__devices_drop(void *ctx);
void nh_hub__devices_in_force(void *ctx, nh_device_set_t *set, bool cancel);
void nh_hub__devices_running(void *ctx, nh_json_writer_t *w);
bool nh_hub__has_track(void *ctx, nh_span_t track); // on the card, as a step names it
bool nh_hub__has_devices(const struct nh_hub *hub); // and scenarios
NH_MUST_USE int nh_hub__start_devices(struct nh_hub *hub);
void nh_hub__stop_devices(struct nh_hub *hub);
// hub_listeners.c: all of the broker's listeners. What went wrong is told on standard error.
NH_MUST_USE int nh_hub__start_listeners(struct nh_hub *hub, nh_mem_t *mem);
void nh_hub__stop_listeners(struct nh_hub *hub);
void nh_hub__guard_listeners(
    struct nh_hub *hub); // by the rules of who may come in, as they are now
// What is spoken there, as URLs begin: "mqtts://".
const char *nh_hub__scheme(const struct nh_hub_door *d);
void nh_hub__reload_certificates(struct nh_hub *hub); // those that connect from now on see them
void nh_hub__write_listeners(const struct nh_hub *hub, nh_json_writer_t *w); // a JSON array
// Where in that array a connection of the broker came in; `ctx`: the hub.
void nh_hub__listener_of(void *ctx, const void *user, struct nh_mqtt_api_way *out);
// Stops everything in the reverse order. Returns the number of leaked blocks.
size_t nh_hub__stop(struct nh_hub *hub);

// Reads the file and the settings again and applies what may change while running. `ctx`: the hub,
// here and below.
void nh_hub__reload(void *ctx);
// Puts a validated configuration in force; what needs a restart waits for one.
void nh_hub__apply(void *ctx, const struct nh_hub_config *cfg);
// Tells a fault of the configuration in the log; `ctx`: the hub.
void nh_hub__print_finding(void *ctx, const struct nh_finding *f);

// The log's sink: health keeps the lines; `ctx`: the hub.
void nh_hub__log(void *ctx, enum nh_log_level level, const char *module, const char *message);
// A line of the log as Mosquitto has them, with the time or without.
void nh_hub__log_line(struct nh_hub *hub, enum nh_log_level level, const char *module,
                      const char *message);
// The mosquitto.conf as it is now; faults go to the log.
NH_MUST_USE int nh_hub__read_mosquitto(struct nh_hub *hub, struct nh_hub_config *c);

// The hub's own routes: /api/info, /api/reboot.
struct nh_route_table nh_hub__routes(struct nh_hub *hub);
// hub_legacy.c: routes of older firmwares.
struct nh_route_table nh_hub__legacy_routes(struct nh_hub *hub);
// /api/mqtt/bridges.
struct nh_route_table nh_hub__bridge_routes(struct nh_hub *hub);

#endif
