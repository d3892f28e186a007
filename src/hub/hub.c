#include "core/bus/events.h"
#include "hub/config_told.h"
#include "hub/hub_parts.h"
#include "platform/tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// ---- configuration from file and command line ---------------------------------------------------

static int take_option(char *out, size_t cap, const char *value)
{
    if (!value)
        return 0;
    if (strlen(value) >= cap)
        return NH_ERR_TOO_LONG;
    memcpy(out, value, strlen(value) + 1);
    return 0;
}

int nh_hub_options_apply(const struct nh_hub_options *o, struct nh_hub_config *c)
{
    int err = take_option(c->http.listen, sizeof c->http.listen, o->http);
    if (err == 0)
        err = take_option(c->mqtt.listen, sizeof c->mqtt.listen, o->mqtt);
    if (err == 0)
        err = take_option(c->data, sizeof c->data, o->data);
    if (err == 0)
        err = take_option(c->board, sizeof c->board, o->board);
    if (err == 0)
        err = take_option(c->console, sizeof c->console, o->console);
    return err;
}

// Looks for faults only: who starts the bridges reads them again.
static int check_bridges(const char *path, nh_finding_fn finding, void *ctx)
{
    struct nh_hub_bridges bridges; // not static: that would be charged to the internal tier
    return nh_hub_bridges_read_file(path, &bridges, finding, ctx);
}

// Who may sign in was given, if wrongly: an open address is not blamed for it.
static void assume_password(const struct nh_hub_told *told, struct nh_hub_config *c)
{
    bool is_meant = nh_hub_told_has(told, "/access") || nh_hub_told_has(told, "/mqtt/users") ||
                    nh_hub_told_has(told, "/mqtt/password_file");
    if (is_meant && !c->access.password_hash[0])
        snprintf(c->access.password_hash, sizeof c->access.password_hash, "$argon2id$");
}

int nh_hub_config_load(const struct nh_hub_options *o, struct nh_hub_config *c,
                       nh_finding_fn finding, void *ctx)
{
    struct nh_hub_told told = {.finding = finding, .ctx = ctx};
    nh_hub_config_defaults(c);
    int read = o->config_file ? nh_hub_config_read_file(c, o->config_file, nh_hub_told_take, &told)
                              : NH_OK;
    if (read < 0 && read != NH_ERR_INVAL)
        return read;
    int err = nh_hub_options_apply(o, c);
    if (err < 0)
        return err;
    nh_hub_told_stage(&told);
    assume_password(&told, c);
    err = nh_hub_config_validate(c, nh_hub_told_take, &told);
    nh_hub_told_stage(&told);
    int bridges = o->config_file ? check_bridges(o->config_file, nh_hub_told_take, &told) : NH_OK;
    return told.errors > 0 ? NH_ERR_INVAL : err < 0 ? err : bridges;
}

// ---- what the parts ask of the hub --------------------------------------------------------------

void nh_hub__log(void *ctx, enum nh_log_level level, const char *module, const char *message)
{
    struct nh_hub *hub = ctx;
    if (hub->options.mosquitto)
        nh_hub__log_line(hub, level, module, message);
    else if (hub->health)
        nh_health_log(hub->health, level, module, message);
    else
        fprintf(stderr, "nuthatch: %s: %s\n", module, message);
}

#define HOST_FACTS_MS 1000

static void facts(void *ctx, struct nh_health_facts *out)
{
    struct nh_hub *hub = ctx;
    uint64_t now_ms = nh_clock_ms(), used, total;
    // Reading the machine's figures costs a file or two: at most once a second.
    if (hub->host_read_ms == 0 || now_ms - hub->host_read_ms >= HOST_FACTS_MS) {
        nh_host_info_get(&hub->host);
        hub->host_read_ms = now_ms;
    }
    out->rss_bytes = hub->host.rss_bytes;
    out->private_bytes = hub->host.private_bytes;
    out->host_libc_bytes = hub->host.host_libc_bytes;
    out->host_tls_bytes = hub->host.host_tls_bytes;
    out->program_bytes = hub->host.program_bytes;
    out->cpu_usage_pct = hub->host.cpu_usage_pct;
    out->cpu_temperature_c = hub->host.cpu_temperature_c;
    out->cpu_freq_mhz = hub->host.cpu_freq_mhz;
    out->reset_reason = hub->host.reset_reason;
    out->hostname = hub->cfg.name;
    out->address = hub->ip[0] ? hub->ip : NULL;
    out->is_published = hub->cfg.health.publish;
    nh_hub__homeassistant_facts(hub, out);
    nh_hub__display_facts(hub, out);
    nh_hub__lamp_facts(hub, out);
    if (hub->files && nh_files_space(hub->files, &used, &total) == 0) {
        out->fs_used_bytes = (int64_t)used;
        out->fs_total_bytes = (int64_t)total;
    }
    if (hub->broker) {
        struct nh_mqtt_info info;
        nh_mqtt_broker_info(hub->broker, &info);
        out->mqtt_clients = info.conn_count;
        out->mqtt_store_commits = (int64_t)info.store_commits;
        out->mqtt_store_errors = (int64_t)info.store_errors;
        out->mqtt_store_bytes = (int64_t)info.store_bytes;
        out->mqtt_paged_messages = (int64_t)info.paged_messages;
    }
    if (hub->console)
        out->console_dropped = nh_console_dropped(hub->console);
}

static bool publish(void *ctx, const char *suffix, const char *json, size_t len)
{
    struct nh_hub *hub = ctx;
    char topic[80];
    if (!hub->broker || !hub->cfg.health.publish)
        return false;
    int n = snprintf(topic, sizeof topic, "nuthatch/%s/%s", hub->cfg.name, suffix);
    struct nh_mqtt_message m = {.topic = {(const uint8_t *)topic, (size_t)n},
                                .payload = {(const uint8_t *)json, len}};
    // What does not fit the broker's own limits (topic_max_bytes 16, say) is not published; the
    // validation sees to it that the name makes a topic.
    return nh_mqtt_broker_publish(hub->broker, &m, nh_clock_ms()) == 0;
}

// ---- start --------------------------------------------------------------------------------------

int nh_hub__listen(const char *text, uint16_t given_port, char *host, size_t cap, uint16_t *port)
{
    int err = nh_hub_address_split(text, host, cap, port);
    if (err == 0 && *port == 0)
        *port = given_port;
    return err;
}

void nh_hub__address(char *out, size_t cap, const char *host, uint16_t port)
{
    snprintf(out, cap, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, (unsigned)port);
}

static uint64_t sched_next(void *ctx)
{
    struct nh_hub *hub = ctx;
    return nh_sched_next_deadline(hub->sched);
}

static void sched_fire(void *ctx, uint64_t now_ms)
{
    struct nh_hub *hub = ctx;
    nh_sched_run(hub->sched, now_ms);
}

// Lines that a slow reader of the console did not take wait for the next line; while there are any,
// the loop looks again soon.
#define CONSOLE_FLUSH_MS 100

static uint64_t console_next(void *ctx)
{
    struct nh_hub *hub = ctx;
    return nh_console_flush(hub->console) ? NH_NEVER : nh_clock_ms() + CONSOLE_FLUSH_MS;
}

static void console_fire(void *ctx, uint64_t now_ms)
{
    (void)ctx; // the next look before the next sleep does it
    (void)now_ms;
}

static int start_health(struct nh_hub *hub)
{
    struct nh_health_config cfg = {
        .lock = hub->health_lock,
        .bus = hub->bus,
        .sched = hub->sched,
        .board = hub->board,
        .heartbeat_ms = hub->cfg.health.heartbeat_ms,
        .tripwire_bytes = hub->cfg.health.tripwire_bytes,
        .hotspot_tags = hub->cfg.health.hotspot_tags,
        .ctx = hub,
        .clock_ms = nh_clock_ms,
        .clock_unix_ms = nh_clock_unix_ms,
        .line = nh_hub__console_line,
        .facts = facts,
        .publish = publish,
    };
    int err = nh_hub__owner(hub, "health", &cfg.mem);
    return err < 0 ? err : nh_health_create(&cfg, &hub->health);
}

int nh_hub__start_core(struct nh_hub *hub)
{
    nh_mem_t *loop_mem, *uv_mem, *bus_mem, *hub_mem;
    int err = nh_hub__owner(hub, "loop", &loop_mem);
    if (err == 0)
        err = nh_hub__owner(hub, "libuv", &uv_mem); // the loop's library finds it by name
    if (err == 0)
        err = nh_hub__owner(hub, "bus", &bus_mem);
    if (err == 0)
        err = nh_hub__owner(hub, "hub", &hub_mem);
    if (err == 0)
        err = nh_loop_create(loop_mem, &hub->loop);
    if (err == 0)
        err = nh_lock_create(&hub->bus_lock);
    if (err == 0)
        err = nh_lock_create(&hub->health_lock);
    if (err < 0)
        return err;
    const struct nh_bus_config bus = {
        .mem = bus_mem, .lock = hub->bus_lock, .event_count = NH_EVENT_COUNT};
    const struct nh_sched_config sched = {.mem = hub_mem};
    const struct nh_loop_deadline deadline = {.next = sched_next, .fire = sched_fire, .ctx = hub};
    const struct nh_loop_deadline console = {
        .next = console_next, .fire = console_fire, .ctx = hub};
    err = nh_bus_create(&bus, &hub->bus);
    if (err == 0)
        err = nh_sched_create(&sched, &hub->sched);
    if (err == 0)
        err = nh_loop_deadline_add(hub->loop, &deadline);
    if (err == 0)
        err = nh_loop_deadline_add(hub->loop, &console);
    if (err == 0)
        err = start_health(hub);
    return err;
}

// ---- life --------------------------------------------------------------------------------------

static int stdout_sink(void *ctx, const char *bytes, size_t len)
{
    (void)ctx;
    return fwrite(bytes, 1, len, stdout) == len ? 0 : NH_ERR_IO;
}

static void print_ready(const struct nh_hub *hub)
{
    nh_json_writer_t w;
    nh_json_writer_init(&w, stdout_sink, NULL);
    nh_json_object_begin(&w);
    nh_json_kv_string(&w, "http", hub->http_address[0] ? hub->http_address : NULL);
    nh_json_kv_string(&w, "https", hub->https_address[0] ? hub->https_address : NULL);
    nh_json_kv_string(&w, "mqtt", hub->mqtt_address[0] ? hub->mqtt_address : NULL);
    nh_json_key(&w, "mqtt_listeners");
    nh_hub__write_listeners(hub, &w);
    nh_json_kv_string(&w, "console", nh_console_path(hub->console));
    nh_json_kv_int(&w, "pid", getpid());
    nh_json_object_end(&w);
    NH_IGNORE(nh_json_writer_end(&w)); // who closed standard output does not wait for it
    putchar('\n');
    fflush(stdout);
}

static void ready(struct nh_hub *hub)
{
    nh_hub__tell_address(hub);
    nh_hub__console_line(hub, "[Main] Setup complete (0ms)");
    nh_health_snapshot(hub->health, "setup", NULL);
    nh_host_notify("READY=1");
    nh_host_info_get(&hub->host); // from here on the CPU's time is told
    bool has_https = hub->https_address[0], has_mqtt = hub->mqtt_address[0];
    NH_LOG_I("hub", "portal %s%s%s%s, %s%s%sboard %s", hub->portal ? "http://" : "off",
             hub->http_address, has_https ? " and https://" : "", hub->https_address,
             has_mqtt ? "broker mqtt://" : "", hub->mqtt_address, has_mqtt ? ", " : "",
             hub->board->name);
    for (uint32_t i = 0; i < hub->door_count; i++)
        NH_LOG_I("hub", "broker %sat %s%s%s", has_mqtt || i > 0 ? "also " : "",
                 nh_hub__scheme(&hub->doors[i]), hub->doors[i].address,
                 hub->doors[i].cfg.proxy_protocol ? ", behind a proxy" : "");
    if (hub->options.ready_json)
        print_ready(hub);
}

static void on_stop_signal(void *ctx)
{
    struct nh_hub *hub = ctx;
    hub->is_told_to_stop = true;
    hub->wants_restart = false;
    NH_LOG_I("hub", "stopping");
    nh_host_notify("STOPPING=1");
    nh_loop_stop(hub->loop);
}

static int start_loop(struct nh_hub *hub)
{
    int err = nh_loop_signals(hub->loop, on_stop_signal, nh_hub__reload, hub);
    return err < 0 ? err : nh_health_start(hub->health);
}

struct step {
    const char *what;
    int (*start)(struct nh_hub *hub);
};

static int start_all(struct nh_hub *hub)
{
    static const struct step steps[] = {
        {"memory", nh_hub__start_memory},
        {"core", nh_hub__start_core},
        {"store", nh_hub__start_store},
        {"device", nh_hub__start_device},
        {"accounts", nh_hub__start_accounts},
        {"broker", nh_hub__start_mqtt},
        {"bridges", nh_hub__start_bridges},
        {"lamp", nh_hub__start_lamp},
        {"audio player", nh_hub__start_audio},
        {"WLED interface", nh_hub__start_lamp_wled},
        {"lamp's radio", nh_hub__start_lamp_radio},
        {"live data", nh_hub__start_lamp_live},
        {"lamp's topics", nh_hub__start_lamp_mqtt},
        {"battery", nh_hub__start_battery},
        {"battery's points", nh_hub__start_battery_publish},
        {"battery's network side", nh_hub__start_battery_remote},
        {"battery's neighbours", nh_hub__start_battery_bridge},
        {"automation", nh_hub__start_automation},
        {"devices", nh_hub__start_devices},
        {"Home Assistant", nh_hub__start_homeassistant},
        {"macro pad", nh_hub__start_macropad},
        {"display", nh_hub__start_display},
        {"updates", nh_hub__start_ota},
        {"portal", nh_hub__start_portal},
        {"multicast DNS", nh_hub__start_mdns},
        {"loop", start_loop},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(steps); i++) {
        int err = steps[i].start(hub);
        if (err < 0) {
            // What is not valid, in use or not there was told by who knows which one it is.
            bool is_told = err == NH_ERR_INVAL || err == NH_ERR_BUSY || err == NH_ERR_NOT_FOUND;
            fprintf(stderr, "nuthatch: cannot start the %s%s%s\n", steps[i].what,
                    is_told ? "" : ": ", is_told ? "" : nh_err_text(err));
            return err;
        }
        if (steps[i].start == nh_hub__start_core) {
            nh_log_set(nh_hub__log, hub, (enum nh_log_level)hub->cfg.log.level);
            nh_health_snapshot(hub->health, "boot", NULL);
        }
    }
    return 0;
}

// ---- stop ---------------------------------------------------------------------------------------

static void leak(void *ctx, const char *owner, enum nh_mem_tier tier, size_t bytes, size_t blocks)
{
    (void)ctx;
    fprintf(stderr, "nuthatch: owner %s still holds %zu bytes in %zu blocks of %s\n", owner, bytes,
            blocks, tier == NH_MEM_INTERNAL ? "internal" : "psram");
}

size_t nh_hub__stop(struct nh_hub *hub)
{
    size_t leaked = 0;
    nh_login_task_destroy(hub->login); // no password is checked any more: who waits is not told
    nh_hub__stop_mdns(hub);
    nh_portal_destroy(hub->portal);
    hub->portal = NULL; // whoever stops now has nobody to tell
    nh_hub__stop_ota(hub);
    nh_hub__stop_homeassistant(hub);
    nh_hub__stop_display(hub); // asks the macro pad for what it shows
    nh_hub__stop_macropad(hub);
    nh_hub__stop_devices(hub);
    nh_hub__stop_automation(hub);
    nh_hub__stop_battery_publish(hub);
    nh_hub__stop_battery_remote(hub);
    nh_hub__stop_battery_bridge(hub);
    nh_hub__stop_battery(hub);
    nh_hub__end_battery_bridge(hub);
    nh_audio_destroy(hub->audio); // tells the lamp how loud it is
    nh_hub__stop_lamp_live(hub);
    nh_hub__stop_lamp_mqtt(hub);
    nh_hub__stop_lamp(hub);
    nh_hub__stop_lamp_wled(hub);
    nh_hub__stop_lamp_radio(hub);
    nh_accounts_api_destroy(hub->accounts_api);
    nh_accounts_destroy(hub->accounts);
    nh_bridges_stop(hub->mqtt.bridges);
    nh_hub__stop_listeners(hub);
    nh_bridges_destroy(hub->mqtt.bridges);
    hub->mqtt.bridges = NULL;
    nh_mqtt_store_flush(hub->mqtt_store, 10000);
    nh_mqtt_api_destroy(hub->mqtt_api);
    hub->mqtt_api = NULL;
    nh_mqtt_store_stop(hub->mqtt_store); // before the broker, whose batch it may still be writing
    hub->mqtt_store = NULL;
    nh_mqtt_broker_destroy(hub->broker);
    hub->broker = NULL;
    nh_mqtt_access_destroy(hub->mqtt_access);
    hub->mqtt_access = NULL;
    nh_device_destroy(hub->device);
    nh_settings_destroy(hub->settings);
    nh_store_destroy(hub->store);
    nh_files_close(hub->files);
    hub->files = NULL;
    nh_log_set(NULL, NULL, NH_LOG_ERROR);
    nh_health_destroy(hub->health);
    hub->health = NULL;
    nh_sched_destroy(hub->sched);
    nh_bus_destroy(hub->bus);
    nh_loop_destroy(hub->loop);
    if (hub->sys)
        leaked = nh_mem_system_destroy(hub->sys, leak, NULL);
    nh_lock_destroy(&hub->store_lock);
    nh_lock_destroy(&hub->health_lock);
    nh_lock_destroy(&hub->bus_lock);
    nh_lock_destroy(&hub->mem_lock);
    nh_regions_unmap(&hub->regions);
    return leaked;
}

// One life of the hub, from the first line to the last. The console outlives it.
static int run_once(struct nh_hub *hub)
{
    hub->started_ms = nh_clock_ms();
    hub->board = nh_mem_board_find(hub->cfg.board);
    nh_hub__tell_boot(hub);
    int err = start_all(hub);
    if (err == 0) {
        ready(hub);
        nh_loop_run(hub->loop);
    }
    return nh_hub__stop(hub) == 0 && err == 0 ? 0 : 1;
}

static uint16_t port_of(const char *address)
{
    char host[64];
    uint16_t port;
    return nh_hub_address_split(address, host, sizeof host, &port) == 0 ? port : 0;
}

// Makes the next life of the hub from the one that ended.
static void renew(struct nh_hub *hub, struct nh_hub_config *cfg)
{
    struct nh_hub next = {.options = hub->options,
                          .console = hub->console,
                          .given_http_port = port_of(hub->http_address),
                          .given_https_port = port_of(hub->https_address),
                          .given_mqtt_port = port_of(hub->mqtt_address)};
    memcpy(next.given_door_ports, hub->door_ports, sizeof next.given_door_ports);
    *hub = next;
    nh_log_set(nh_hub__log, hub, NH_LOG_WARN); // on standard error, until health keeps the log
    // A file that was broken meanwhile does not keep the hub down: the last good one stays.
    if (nh_hub_config_load(&hub->options, &hub->cfg, nh_hub__print_finding, hub) == 0)
        *cfg = hub->cfg;
    hub->cfg = *cfg;
}

int nh_hub_run(const struct nh_hub_config *cfg, const struct nh_hub_options *o)
{
    static struct nh_hub hub;  // one hub a process; too large for a stack
    struct nh_hub_config good; // below it the stack of the loop's task begins
    nh_tls_memory_watch();
    int code, err = nh_console_open(cfg->console, &hub.console);
    if (err < 0) {
        fprintf(stderr, "nuthatch: cannot open the console %s: %s\n", cfg->console,
                nh_err_text(err));
        return 1;
    }
    if (nh_console_path(hub.console) && !o->ready_json) {
        printf("telemetry on %s\n", nh_console_path(hub.console));
        fflush(stdout);
    }
    good = hub.cfg = *cfg;
    hub.options = *o;
    // To the end: a signal at the start, between two lives or a second one at the end would by its
    // default end the process in the middle.
    nh_loop_signals_hold();
    while ((code = run_once(&hub)) == 0 && hub.wants_restart && !hub.wants_other) {
        renew(&hub, &good);
        nh_host_reset_reason_set("Software");
    }
    nh_console_close(hub.console);
    return code == 0 && hub.wants_restart ? NH_HUB_RUN_OTHER : code;
}
