// The devices as a part of the hub: their limits, and the card that their configurations stand on.

#include "hub/hub_parts.h"
#include "platform/yaml.h"

#include <stdio.h>
#include <sys/stat.h>

struct nh_device_limits nh_hub_device_limits(const struct nh_hub_config *c)
{
    return (struct nh_device_limits){.device_max_count = c->devices.device_max_count,
                                     .scenario_max_count = c->devices.scenario_max_count,
                                     .step_max_count = c->devices.step_max_count,
                                     .item_max_count = c->devices.item_max_count,
                                     .depth_max = c->devices.depth_max,
                                     .id_max_bytes = c->devices.id_max_bytes,
                                     .name_max_bytes = c->devices.name_max_bytes,
                                     .topic_max_bytes = c->devices.topic_max_bytes,
                                     .payload_max_bytes = c->devices.payload_max_bytes,
                                     .flag_max_bytes = c->devices.flag_max_bytes,
                                     .track_max_bytes = c->devices.track_max_bytes,
                                     .expression_max_bytes = c->devices.expression_max_bytes,
                                     .document_max_bytes = c->devices.document_max_bytes,
                                     .compiled_max_bytes = c->devices.compiled_max_bytes};
}

static void card_path(const struct nh_hub *hub, char *out, size_t cap)
{
    if (hub->cfg.devices.dir[0])
        snprintf(out, cap, "%s", hub->cfg.devices.dir);
    else
        snprintf(out, cap, "%s/devices", hub->cfg.data);
}

static void card_close(struct nh_hub *hub)
{
    nh_files_close(hub->card);
    hub->card = NULL;
}

// A card that was taken out and put in again is another folder under the same name.
static int card(void *ctx, struct nh_fs *out)
{
    struct nh_hub *hub = ctx;
    char path[sizeof hub->cfg.data + sizeof "/devices"];
    struct stat st;
    card_path(hub, path, sizeof path);
    bool is_there = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    if (hub->card && (!is_there || st.st_dev != hub->card_device || st.st_ino != hub->card_inode))
        card_close(hub);
    if (!is_there)
        return NH_ERR_NOT_FOUND;
    if (!hub->card) {
        int err = nh_files_open(hub->devices_mem, path, &hub->card);
        if (err < 0)
            return err;
        hub->card_device = st.st_dev;
        hub->card_inode = st.st_ino;
    }
    *out = nh_files_fs(hub->card);
    return NH_OK;
}

// ---- the first configuration --------------------------------------------------------------------

static void tell(void *ctx, const struct nh_device_finding *f)
{
    const struct nh_hub *hub = ctx;
    if (!f->is_warning)
        NH_LOG_W("devices", "%s:%u:%u: %s: %s", hub->cfg.devices.start_file, (unsigned)f->line,
                 (unsigned)f->column, f->pointer, f->text);
}

// JSON is YAML too, as far as configurations go.
static int compile_file(struct nh_hub *hub, const struct nh_device_limits *limits,
                        nh_device_set_t **out)
{
    const struct nh_device_compiler_config cfg = {.mem = hub->devices_mem,
                                                  .limits = limits,
                                                  .expression = nh_expr_check,
                                                  .lamp = nh_hub_lamp_check,
                                                  .finding = tell,
                                                  .ctx = hub};
    struct nh_yaml_error e = {.line = 1, .column = 1};
    nh_device_compiler_t *c;
    int err = nh_device_compiler_create(&cfg, &c);
    if (err < 0)
        return err;
    err = nh_yaml_read_file(hub->cfg.devices.start_file, nh_device_compiler_yaml, c, &e);
    if (err == NH_ERR_SYNTAX)
        nh_device_compiler_broken(c, &(struct nh_json_pos){0, e.line, e.column}, e.text);
    if (err == 0)
        err = nh_device_compiler_end(c, out);
    nh_device_compiler_destroy(c);
    return err;
}

// A hub that has no devices yet, and never had, begins with those of a file. A faulty file is told
// in the log and stops nothing.
static void begin_with_file(struct nh_hub *hub, const struct nh_device_limits *limits)
{
    const struct nh_devices_apply how = {0};
    struct nh_devices_info info;
    nh_device_set_t *set = NULL;
    nh_devices_info(hub->devices, &info);
    if (!hub->cfg.devices.start_file[0] || info.source != NH_DEVICES_EMPTY || info.degraded)
        return;
    int err = compile_file(hub, limits, &set);
    if (err == 0)
        err = nh_devices_apply(hub->devices, set, &how);
    if (err < 0) {
        nh_device_set_unref(set);
        NH_LOG_W("devices", "%s: %s; there are no devices", hub->cfg.devices.start_file,
                 nh_err_text(err));
    } else {
        NH_LOG_I("devices", "begun with %s", hub->cfg.devices.start_file);
    }
}

// ---- life ---------------------------------------------------------------------------------------

// A broker alone has none. Without PSRAM they would take what the portal needs.
bool nh_hub__has_devices(const struct nh_hub *hub)
{
    return hub->cfg.devices.enabled && !hub->options.mosquitto && hub->board->psram_bytes > 0;
}

int nh_hub__start_devices(struct nh_hub *hub)
{
    struct nh_devices_config cfg = {
        .bus = hub->bus,
        .sched = hub->sched,
        .store = hub->store,
        .limits = nh_hub_device_limits(&hub->cfg),
        .backup_count = hub->cfg.devices.backup_count,
        .profile_max_count = hub->cfg.devices.profile_max_count,
        .compile_max_count = hub->cfg.devices.compile_max_count,
        .card_poll_ms = hub->cfg.devices.card_poll_ms,
        .ctx = hub,
        .clock_ms = nh_clock_ms,
        .clock_unix_ms = nh_clock_unix_ms,
        .card = card,
        .has_track = nh_hub__has_track,
        .expression = nh_expr_check,
        .lamp = nh_hub_lamp_check,
        .fits = nh_hub__devices_fit,
        .prepare = nh_hub__devices_prepare,
        .drop = nh_hub__devices_drop,
        .in_force = nh_hub__devices_in_force,
        .running = nh_hub__devices_running,
    };
    if (!nh_hub__has_devices(hub)) {
        if (hub->cfg.devices.enabled && !hub->options.mosquitto)
            NH_LOG_W("devices", "off: board %s has no PSRAM", hub->board->name);
        return NH_OK;
    }
    // The folder in the data is the hub's own; another one is a card, which is there or is not.
    if (!hub->cfg.devices.dir[0]) {
        struct nh_fs fs = nh_files_fs(hub->files);
        int err = fs.ops->mkdir(fs.ctx, "devices");
        if (err < 0 && err != NH_ERR_EXISTS)
            return err;
    }
    int err = nh_hub__owner(hub, "devices", &hub->devices_mem);
    cfg.mem = hub->devices_mem;
    if (err == 0)
        err = nh_devices_create(&cfg, &hub->devices);
    if (err == 0)
        err = nh_devices_start(hub->devices);
    if (err == 0)
        begin_with_file(hub, &cfg.limits);
    return err;
}

void nh_hub__stop_devices(struct nh_hub *hub)
{
    nh_devices_destroy(hub->devices);
    hub->devices = NULL;
    card_close(hub);
}
