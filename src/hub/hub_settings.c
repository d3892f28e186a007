// hub_settings.c - the configuration in force, from file, settings and command line, and its store.

#include "core/bus/events.h"
#include "hub/config_told.h"
#include "hub/hub_parts.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

void nh_hub__print_finding(void *ctx, const struct nh_finding *f)
{
    const struct nh_hub *hub = ctx;
    char text[NH_LOG_LINE_MAX_BYTES];
    nh_hub_finding_text(hub->options.config_file, f, text, sizeof text);
    NH_LOG_W("config", "%s", text);
}

static int config_base(void *ctx, struct nh_hub_config *c)
{
    struct nh_hub *hub = ctx;
    if (hub->options.mosquitto)
        return nh_hub__read_mosquitto(hub, c);
    nh_hub_config_defaults(c);
    if (!hub->options.config_file)
        return 0;
    return nh_hub_config_read_file(c, hub->options.config_file, nh_hub__print_finding, hub);
}

static int config_options(void *ctx, struct nh_hub_config *c)
{
    struct nh_hub *hub = ctx;
    return nh_hub_options_apply(&hub->options, c);
}

static const struct nh_hub_config *config_current(void *ctx)
{
    struct nh_hub *hub = ctx;
    return &hub->cfg;
}

void nh_hub__apply(void *ctx, const struct nh_hub_config *cfg)
{
    struct nh_hub *hub = ctx;
    nh_hub__display_apply(hub, cfg);
    hub->cfg = *cfg;
    nh_log_level_set((enum nh_log_level)cfg->log.level); // others log meanwhile: the sink stays
    nh_hub__set_file_account(hub);
    nh_health_tripwire_set(hub->health, cfg->health.tripwire_bytes);
    nh_health_hotspot_tags_set(hub->health, cfg->health.hotspot_tags);
    // The value was validated by the same range.
    NH_IGNORE(nh_health_heartbeat_set(hub->health, cfg->health.heartbeat_ms));
    const struct nh_event_config_changed data = {
        .generation = hub->settings ? nh_settings_generation(hub->settings) : 0};
    struct nh_event e = {
        .id = NH_EVENT_CONFIG_CHANGED, .data_len = sizeof data, .time_ms = nh_clock_ms()};
    memcpy(e.data, &data, sizeof data);
    (void)nh_bus_post(hub->bus, &e); // full queues are counted by the bus
}

// The configuration as file, settings and command line have it now.
static int read_config(struct nh_hub *hub, struct nh_hub_config *fresh)
{
    int err = config_base(hub, fresh);
    if (err == 0 && hub->settings)
        return nh_settings_overlay(hub->settings, fresh, nh_hub__print_finding, hub);
    if (err == 0)
        err = nh_hub_options_apply(&hub->options, fresh);
    return err < 0 ? err : nh_hub_config_validate(fresh, nh_hub__print_finding, hub);
}

// A configuration is large for the stack of the loop's task.
static struct nh_hub_config *config_new(struct nh_hub *hub, nh_mem_t **mem)
{
    if (nh_hub__owner(hub, "hub", mem) < 0)
        return NULL;
    return nh_mem_alloc(*mem, sizeof(struct nh_hub_config), NH_MEM_BULK);
}

static int reload_into(struct nh_hub *hub, struct nh_hub_config *fresh)
{
    if (!fresh)
        return NH_ERR_NOMEM;
    nh_mqtt_rules_t *rules = NULL;
    int err = read_config(hub, fresh);
    if (err == 0)
        err = nh_hub__load_rules(hub, fresh, &rules);
    return err < 0 ? err : nh_hub__set_rules(hub, rules);
}

void nh_hub__reload(void *ctx)
{
    struct nh_hub *hub = ctx;
    nh_mem_t *mem = NULL;
    nh_host_notify("RELOADING=1");
    if (nh_console_reopen(hub->console) < 0)
        NH_LOG_W("config", "%s cannot be opened anew; the old one stays", hub->cfg.console);
    struct nh_hub_config *fresh = config_new(hub, &mem);
    int err = reload_into(hub, fresh);
    if (err == 0) {
        nh_hub__apply(hub, fresh);
        nh_hub__reload_certificates(hub);
        NH_LOG_I("config", "read again; what needs a restart waits for one");
    } else if (err == NH_ERR_NOMEM) {
        NH_LOG_W("config", "not taken: %s; the old configuration stays", nh_err_text(err));
    } else {
        NH_LOG_W("config", "not taken: the old configuration stays"); // the faults were told
    }
    if (fresh)
        nh_mem_free(mem, fresh);
    nh_host_notify("READY=1");
}

static int start_settings(struct nh_hub *hub)
{
    struct nh_settings_config cfg = {
        .store = hub->store,
        .file = hub->options.config_file,
        .ctx = hub,
        .base = config_base,
        .options = config_options,
        .current = config_current,
        .apply = nh_hub__apply,
    };
    int err = nh_hub__owner(hub, "hub", &cfg.mem);
    if (err == 0)
        err = nh_settings_create(&cfg, &hub->settings);
    if (err < 0)
        return err;
    // Kept settings that no longer hold (a limit changed with a new version) do not keep the hub
    // down: it starts with the file and says so.
    struct nh_hub_config *fresh = config_new(hub, &cfg.mem);
    if (!fresh)
        return NH_ERR_NOMEM;
    *fresh = hub->cfg;
    err = nh_settings_overlay(hub->settings, fresh, nh_hub__print_finding, hub);
    nh_settings_started(hub->settings, err == 0 ? fresh : &hub->cfg);
    if (err == 0)
        nh_hub__apply(hub, fresh);
    else if (err != NH_ERR_NOMEM) // that says nothing of the settings, and passes
        NH_LOG_W("config", "the kept settings do not hold (%s); started without them",
                 nh_err_text(err));
    nh_mem_free(cfg.mem, fresh);
    return err == NH_ERR_NOMEM ? err : 0;
}

static void store_written(void *ctx, const char *name, uint32_t generation, uint64_t size_bytes)
{
    struct nh_hub *hub = ctx;
    struct nh_event_store_written data = {
        .generation = generation,
        .size_bytes = size_bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)size_bytes};
    struct nh_event e = {
        .id = NH_EVENT_STORE_WRITTEN, .data_len = sizeof data, .time_ms = nh_clock_ms()};
    snprintf(data.name, sizeof data.name, "%s", name);
    memcpy(e.data, &data, sizeof data);
    (void)nh_bus_post(hub->bus, &e); // full queues are counted by the bus
}

static bool is_no_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

int nh_hub__start_store(struct nh_hub *hub)
{
    nh_mem_t *mem;
    if (hub->options.mosquitto && hub->cfg.mqtt.durability == NH_HUB_MEMORY)
        return NH_OK; // nothing is kept, not even a folder
    int err = nh_hub__owner(hub, "store", &mem);
    if (err == 0)
        err = nh_files_open(mem, hub->cfg.data, &hub->files);
    if (err < 0)
        fprintf(stderr, "nuthatch: data %s: %s\n", hub->cfg.data,
                is_no_folder(hub->cfg.data) ? "is a file, not a folder" : nh_err_text(err));
    if (err == 0)
        err = nh_lock_create(&hub->store_lock);
    if (err < 0 || hub->options.mosquitto)
        return err; // it has no settings but its file
    const struct nh_store_config cfg = {.mem = mem,
                                        .fs = nh_files_fs(hub->files),
                                        .dir = "config",
                                        .lock = hub->store_lock,
                                        .written = store_written,
                                        .ctx = hub};
    err = nh_store_create(&cfg, &hub->store);
    return err < 0 ? err : start_settings(hub);
}
