// Routes of the older macro pad firmware and its fields in /api/info, so that its programs, pages
// and test harness find here what they found there. What answers and what differs: docs/compat.md.

#include "hub/hub_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define HEALTH_POLL_MS 5000 // what its pages are told to ask at
#define HEALTH_HISTORY_S 300

// ---- answers ------------------------------------------------------------------------------------

static int reply_old(nh_request_t *req, int status, const char *message)
{
    nh_json_writer_t *w = nh_reply_json(req, status);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "success", status < 300);
    if (message)
        nh_json_kv_string(w, "message", message);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

int nh_hub__reply_old(nh_request_t *req, int status, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return reply_old(req, status, text);
}

int nh_hub__reply_old_ok(nh_request_t *req, const char *message)
{
    return reply_old(req, 200, message);
}

// ---- GET /api/mode ------------------------------------------------------------------------------

// "core" was the firmware's own access point, for its first set-up: a host has its network.
static int get_mode(nh_request_t *req)
{
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_string(w, "mode", "full");
    nh_json_kv_bool(w, "ap_active", false);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

// ---- /api/info ----------------------------------------------------------------------------------

static void write_build(const struct nh_hub *hub, nh_json_writer_t *w)
{
    char date[24] = "", clock[24] = "";
    time_t t = (time_t)hub->host.program_unix_s;
    struct tm tm;
    if (t > 0 && gmtime_r(&t, &tm)) {
        strftime(date, sizeof date, "%b %d %Y", &tm);
        strftime(clock, sizeof clock, "%H:%M:%S", &tm);
    }
    nh_json_kv_string(w, "build_date", date);
    nh_json_kv_string(w, "build_time", clock);
}

static void write_chip(const struct nh_hub *hub, nh_json_writer_t *w)
{
    struct nh_mem_snapshot s;
    uint64_t used = 0, total = 0;
    uint64_t program = hub->host.program_bytes > 0 ? (uint64_t)hub->host.program_bytes : 0;
    bool is_known = hub->files && nh_files_space(hub->files, &used, &total) == 0;
    nh_mem_figures(hub->sys, &s);
    nh_json_kv_string(w, "chip_model", hub->board->name);
    nh_json_kv_uint(w, "chip_revision", 0);
    nh_json_kv_int(w, "chip_cores", hub->host.cpu_count > 0 ? hub->host.cpu_count : 1);
    nh_json_kv_int(w, "cpu_freq", hub->host.cpu_freq_mhz > 0 ? hub->host.cpu_freq_mhz : 0);
    nh_json_kv_uint(w, "flash_chip_size", program + (is_known ? total : 0));
    nh_json_kv_uint(w, "psram_size", hub->board->psram_bytes);
    nh_json_kv_uint(w, "free_heap", s.tier[NH_MEM_INTERNAL].free_bytes);
    nh_json_kv_uint(w, "sketch_size", program);
    nh_json_kv_uint(w, "free_sketch_space", is_known ? total - used : 0);
}

static void write_names(const struct nh_hub *hub, nh_json_writer_t *w)
{
    char name[NH_DEVICE_NAME_MAX_BYTES], mdns[NH_DEVICE_NAME_MAX_BYTES + 6];
    struct nh_host_net net;
    nh_device_name_sanitize(nh_device_get(hub->device)->device_name, name);
    snprintf(mdns, sizeof mdns, "%s.local", name);
    nh_host_net_get(&net);
    nh_json_kv_string(w, "mac_address", net.mac);
    nh_json_kv_string(w, "wifi_hostname", name);
    nh_json_kv_string(w, "mdns_name", mdns);
    nh_json_kv_string(w, "project_name", "nuthatch");
    nh_json_kv_string(w, "project_display_name", "nuthatch");
    nh_json_kv_string(w, "board_name", hub->board->name);
}

void nh_hub__write_old_info(struct nh_hub *hub, nh_json_writer_t *w)
{
    write_build(hub, w);
    write_names(hub, w);
    write_chip(hub, w);
    nh_json_kv_uint(w, "health_poll_interval_ms", HEALTH_POLL_MS);
    nh_json_kv_uint(w, "health_history_seconds", HEALTH_HISTORY_S);
    nh_json_kv_bool(w, "github_updates_enabled", false);
    nh_json_kv_bool(w, "has_mqtt", true);
    nh_json_kv_bool(w, "has_backlight", hub->display != NULL);
    nh_json_kv_bool(w, "has_display", hub->display != NULL);
    nh_json_kv_bool(w, "has_lamp", hub->lamp != NULL); // this hub's own
    if (hub->display)
        nh_display_write_info(hub->display, w);
}

// ---- /api/config --------------------------------------------------------------------------------

// What the accounts have of the three fields that are theirs.
static void show_access(const struct nh_hub *hub, struct nh_device_config *c)
{
    const struct nh_account *a = nh_accounts_at(hub->accounts, 0);
    c->basic_auth_enabled = nh_accounts_is_required(hub->accounts);
    snprintf(c->basic_auth_username, sizeof c->basic_auth_username, "%s", a ? a->name : "");
    c->basic_auth_password[0] = '\0';
}

// What the hub's settings have of the panel's fields.
static void show_display(const struct nh_hub *hub, struct nh_device_config *c)
{
    c->backlight_brightness = (uint8_t)hub->cfg.display.brightness_pct;
    c->screen_saver_enabled = hub->cfg.display.saver;
    c->screen_saver_timeout_seconds = (uint16_t)hub->cfg.display.saver_timeout_s;
    c->screen_saver_fade_out_ms = (uint16_t)hub->cfg.display.fade_out_ms;
    c->screen_saver_fade_in_ms = (uint16_t)hub->cfg.display.fade_in_ms;
    c->screen_saver_wake_on_touch = hub->cfg.display.wake_on_touch;
}

static struct nh_device_config *copy_config(nh_request_t *req)
{
    const struct nh_hub *hub = req->ctx;
    struct nh_device_config *c = nh_arena_alloc(req->arena, sizeof *c);
    if (!c)
        return NULL;
    *c = *nh_device_get(hub->device);
    show_access(hub, c);
    show_display(hub, c);
    return c;
}

static int get_config(nh_request_t *req)
{
    char name[NH_DEVICE_NAME_MAX_BYTES];
    const struct nh_device_config *c = copy_config(req);
    nh_json_writer_t *w = c ? nh_reply_json(req, 200) : NULL;
    if (!w)
        return NH_ERR_NOMEM;
    nh_device_name_sanitize(c->device_name, name);
    nh_json_object_begin(w);
    nh_device_write(w, c);
    nh_battery_gateway_config_write(nh_hub__battery_remote(req->ctx), w);
    nh_json_kv_string(w, "device_name_sanitized", name);
    nh_json_kv_bool(w, "basic_auth_password_set", c->basic_auth_enabled);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static bool changes_access(const struct nh_hub *hub, const struct nh_device_config *c)
{
    struct nh_device_config now = {0};
    show_access(hub, &now);
    // A name alone means nothing while nobody has to sign in: the old pages send what they have.
    return c->basic_auth_enabled != now.basic_auth_enabled || c->basic_auth_password[0] ||
           (now.basic_auth_enabled && strcmp(c->basic_auth_username, now.basic_auth_username) != 0);
}

static int reply_fault(nh_request_t *req, int err, const struct nh_finding *f)
{
    if (err == NH_ERR_SYNTAX)
        return nh_hub__reply_old(req, 400, "Invalid JSON");
    return nh_hub__reply_old(req, 400, "Invalid configuration: %s %s%s%s%s%s",
                             f->pointer[0] ? f->pointer + 1 : "a field", f->value,
                             f->text[0] ? " " : "", f->text, f->limit[0] ? "; limit: " : "",
                             f->limit);
}

// NULL: it holds together.
static const char *fault_of(const struct nh_device_config *c)
{
    char name[NH_DEVICE_NAME_MAX_BYTES];
    nh_device_name_sanitize(c->device_name, name);
    if (!c->wifi_ssid[0])
        return "Invalid configuration: wifi_ssid is empty";
    if (!name[0])
        return "Invalid configuration: device_name has no letter a to z and no digit";
    return NULL;
}

#define DISPLAY_TEXT_BYTES 320 // six pointers and their values

static void number_if_new(nh_json_writer_t *w, const char *pointer, uint32_t value, uint32_t now)
{
    if (value != now)
        nh_json_kv_uint(w, pointer, value);
}

static void switch_if_new(nh_json_writer_t *w, const char *pointer, bool value, bool now)
{
    if (value != now)
        nh_json_kv_bool(w, pointer, value);
}

// Changes the settings of the panel that are new.
static int set_display(nh_request_t *req, const struct nh_device_config *c,
                       struct nh_finding *fault)
{
    struct nh_hub *hub = req->ctx;
    struct nh_device_config now;
    char text[DISPLAY_TEXT_BYTES];
    struct nh_json_buf buf = {.ptr = text, .cap = sizeof text};
    nh_json_writer_t w;
    show_display(hub, &now);
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_json_object_begin(&w);
    number_if_new(&w, "/display/brightness_pct", c->backlight_brightness, now.backlight_brightness);
    switch_if_new(&w, "/display/saver", c->screen_saver_enabled, now.screen_saver_enabled);
    number_if_new(&w, "/display/saver_timeout_s", c->screen_saver_timeout_seconds,
                  now.screen_saver_timeout_seconds);
    number_if_new(&w, "/display/fade_out_ms", c->screen_saver_fade_out_ms,
                  now.screen_saver_fade_out_ms);
    number_if_new(&w, "/display/fade_in_ms", c->screen_saver_fade_in_ms,
                  now.screen_saver_fade_in_ms);
    switch_if_new(&w, "/display/wake_on_touch", c->screen_saver_wake_on_touch,
                  now.screen_saver_wake_on_touch);
    nh_json_object_end(&w);
    int err = nh_json_writer_end(&w);
    if (err < 0 || buf.len == 2) // {}
        return err;
    return nh_settings_change(hub->settings, req->arena, text, buf.len, fault);
}

static int reset_display(nh_request_t *req)
{
    static const char values[] = "{\"/display/brightness_pct\":null,\"/display/saver\":null,"
                                 "\"/display/saver_timeout_s\":null,\"/display/fade_out_ms\":null,"
                                 "\"/display/fade_in_ms\":null,\"/display/wake_on_touch\":null}";
    struct nh_hub *hub = req->ctx;
    struct nh_finding fault;
    return nh_settings_change(hub->settings, req->arena, values, sizeof values - 1, &fault);
}

static int saved(nh_request_t *req, int err, const char *done, const char *failed)
{
    struct nh_hub *hub = req->ctx;
    if (err == NH_ERR_NOMEM)
        return nh_hub__reply_old(req, 503, "Out of memory");
    if (err < 0) {
        NH_LOG_E("config", "the device's settings cannot be kept: %s", nh_err_text(err));
        return nh_hub__reply_old(req, 500, "%s", failed);
    }
    err = nh_request_param(req, "no_reboot") ? 0 : nh_hub__restart_soon(hub);
    return err < 0 ? err : nh_hub__reply_old_ok(req, done);
}

static int post_config(nh_request_t *req)
{
    struct nh_hub *hub = req->ctx;
    struct nh_finding fault;
    struct nh_device_config *c = copy_config(req);
    if (!c)
        return NH_ERR_NOMEM;
    int err = nh_device_read(req->body ? req->body : "", req->body_len, c, &fault);
    if (err < 0)
        return reply_fault(req, err, &fault);
    const char *wrong = fault_of(c);
    if (wrong)
        return nh_hub__reply_old(req, 400, "%s", wrong);
    if (changes_access(hub, c))
        return nh_hub__reply_old(req, 403,
                                 "Basic Auth settings cannot be changed here: accounts are "
                                 "made and changed by /api/users");
    // Two documents: what can be refused comes first. Behind it only the disk can fail.
    err = set_display(req, c, &fault);
    if (err == NH_ERR_INVAL)
        return reply_fault(req, err, &fault);
    if (err >= 0)
        err = nh_device_set(hub->device, c);
    return saved(req, err, "Configuration saved", "Failed to save");
}

static int delete_config(nh_request_t *req)
{
    struct nh_hub *hub = req->ctx;
    int err = reset_display(req);
    if (err >= 0)
        err = nh_device_reset(hub->device);
    return saved(req, err, "Configuration reset", "Failed to reset");
}

static const nh_route_t routes[] = {
    {"GET", "/api/mode", .flags = NH_ROUTE_OPERATOR, .handle = get_mode,
     .text = "full: it is on a network"},
    {"GET", "/api/config", .handle = get_config,
     .text = "The device's settings, without passwords"},
    {"POST", "/api/config", .body_max_bytes = NH_DEVICE_BODY_MAX_BYTES, .flags = NH_ROUTE_SECRETS,
     .handle = post_config,
     .text = "Changes the fields that are given, then starts anew; ?no_reboot=1: not"},
    {"DELETE", "/api/config", .handle = delete_config,
     .text = "Forgets the device's settings and starts anew"},
    {NULL},
};

struct nh_route_table nh_hub__compat_routes(struct nh_hub *hub)
{
    return (struct nh_route_table){.routes = routes, .ctx = hub, .name = "compat"};
}

// ---- start --------------------------------------------------------------------------------------

int nh_hub__start_device(struct nh_hub *hub)
{
    nh_mem_t *mem;
    if (hub->options.mosquitto) // a broker alone is no device
        return NH_OK;
    int err = nh_hub__owner(hub, "hub", &mem);
    if (err == 0)
        err = nh_device_create(mem, hub->store, hub->cfg.name, &hub->device);
    if (err == 0)
        nh_hub__note_version(hub);
    return err;
}
