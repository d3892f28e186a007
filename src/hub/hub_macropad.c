// The macro pad as a part of the hub: its keyboard, the broker, the scenarios.

#include "core/base/log.h"
#include "hub/hub_parts.h"

#include <stdio.h>
#include <string.h>

// ---- what its buttons do ------------------------------------------------------------------------

static int publish(void *ctx, nh_span_t topic, nh_span_t payload)
{
    struct nh_hub *hub = ctx;
    const struct nh_mqtt_message m = {.topic = topic, .payload = payload};
    // Where there is a broker elsewhere, a button means that one: Home Assistant listens there.
    if (hub->link)
        return nh_homeassistant_publish(hub->homeassistant, topic, payload, false);
    return nh_mqtt_broker_publish(hub->broker, &m, nh_clock_ms());
}

static void pressed(void *ctx, unsigned screen, unsigned slot, nh_span_t label)
{
    struct nh_hub *hub = ctx;
    nh_homeassistant_press(hub->homeassistant, screen, slot, label, false);
}

// "device/scenario", or the name of a trigger of type button.
static int run_scenario(void *ctx, nh_span_t text)
{
    struct nh_hub *hub = ctx;
    if (!hub->automation)
        return NH_ERR_UNSUPPORTED;
    const uint8_t *slash = text.len ? memchr(text.ptr, '/', text.len) : NULL;
    if (!slash)
        return nh_automation_button(hub->automation, text, NH_ORIGIN_BUTTON, nh_clock_ms());
    size_t len = (size_t)(slash - text.ptr);
    const struct nh_automation_run run = {.device = {text.ptr, len},
                                          .scenario = {slash + 1, text.len - len - 1},
                                          .origin = NH_ORIGIN_BUTTON};
    return nh_automation_run(hub->automation, &run, nh_clock_ms());
}

// An effect's name is for the hub's own lamp. An object is too, unless there is a topic: then it is
// for the lamp there, in that one's words.
static int lamp_effect(void *ctx, nh_span_t effect)
{
    struct nh_hub *hub = ctx;
    const char *topic = hub->cfg.macropad.lamp_topic;
    bool is_object = effect.len > 0 && effect.ptr[0] == '{';
    if (hub->lamp && is_object && !topic[0])
        return nh_hub__lamp_command(hub, effect, NH_ORIGIN_BUTTON);
    int err = hub->lamp && !is_object ? nh_hub__lamp_effect(hub, effect, NH_ORIGIN_BUTTON)
                                      : NH_ERR_NOT_FOUND;
    if (err != NH_ERR_NOT_FOUND || !topic[0])
        return err;
    return publish(hub, (nh_span_t){(const uint8_t *)topic, strlen(topic)}, effect);
}

static int report(void *ctx, const uint8_t *bytes, size_t len)
{
    struct nh_hub *hub = ctx;
    // Without a device what is typed is seen in the feed alone.
    return hub->keyboard ? nh_keyboard_report(hub->keyboard, bytes, len) : NH_OK;
}

static void hotspot(void *ctx, const char *tag)
{
    struct nh_hub *hub = ctx;
    nh_health_hotspot(hub->health, tag);
}

static void wake(void *ctx)
{
    struct nh_hub *hub = ctx;
    nh_loop_post(hub->loop, &hub->macropad_post);
}

static void feed_changed(void *ctx)
{
    struct nh_hub *hub = ctx;
    if (hub->portal)
        nh_portal_feed_changed(hub->portal, "typed");
}

// ---- life ---------------------------------------------------------------------------------------

static uint64_t next(void *ctx)
{
    struct nh_hub *hub = ctx;
    return nh_macropad_next_deadline(hub->macropad);
}

static void fire(void *ctx, uint64_t now_ms)
{
    struct nh_hub *hub = ctx;
    nh_macropad_tick(hub->macropad, now_ms);
}

static void drain(void *ctx)
{
    struct nh_hub *hub = ctx;
    nh_macropad_drain(hub->macropad);
}

static struct nh_loop_deadline deadline(struct nh_hub *hub)
{
    return (struct nh_loop_deadline){.next = next, .fire = fire, .ctx = hub};
}

// Gives the name of what there is: "uinput", "feed", "off".
static const char *open_keyboard(struct nh_hub *hub, nh_mem_t *mem)
{
    const struct nh_keyboard_config cfg = {.path = hub->cfg.macropad.keyboard_device,
                                           .name = hub->cfg.name};
    int want = hub->cfg.macropad.keyboard;
    if (want == NH_HUB_KEYBOARD_OFF)
        return "off";
    if (want == NH_HUB_KEYBOARD_FEED)
        return "feed";
    int err = nh_keyboard_open(mem, &cfg, &hub->keyboard);
    if (err == 0)
        return "uinput";
    if (want == NH_HUB_KEYBOARD_AUTO) {
        NH_LOG_I("macropad", "no keyboard of this computer (%s): what is typed is shown only",
                 nh_err_text(err));
        return "feed";
    }
    NH_LOG_E("macropad", "no keyboard of this computer: %s; nothing is typed", nh_err_text(err));
    return "off";
}

static enum nh_typist_unicode unicode(const struct nh_hub *hub)
{
    if (hub->cfg.macropad.unicode > 0)
        return (enum nh_typist_unicode)(hub->cfg.macropad.unicode - 1);
    return hub->keyboard ? NH_TYPIST_UNICODE_LINUX : NH_TYPIST_UNICODE_OFF;
}

static void fill_out(struct nh_hub *hub, struct nh_macropad_config *cfg)
{
    cfg->out = (struct nh_macropad_out){.ctx = hub,
                                        .publish = publish,
                                        .run_scenario = run_scenario,
                                        .hotspot = hotspot,
                                        .pressed = pressed,
                                        .wake = wake,
                                        .feed_changed = feed_changed};
    if (hub->cfg.macropad.lamp_topic[0] || hub->lamp)
        cfg->out.lamp_effect = lamp_effect;
    if (strcmp(cfg->keyboard, "off") != 0)
        cfg->out.report = report;
}

static int read_file(void *ctx, void *out, size_t cap)
{
    size_t n = fread(out, 1, cap, ctx);
    return n == 0 && ferror(ctx) ? NH_ERR_IO : (int)n;
}

// Without PSRAM the portal needs what a whole screen of icons would take.
static uint32_t icon_cache_bytes(const struct nh_hub *hub)
{
    uint32_t bytes = hub->cfg.macropad.icon_cache_bytes;
    return hub->board->psram_bytes == 0 && bytes > NH_KIB(12) ? (uint32_t)NH_KIB(12) : bytes;
}

// A pad that never had a document begins with that of a file. A faulty one is told in the log and
// stops nothing.
static void begin_with_file(struct nh_hub *hub)
{
    const char *path = hub->cfg.macropad.start_file;
    struct nh_macropad_info info;
    nh_macropad_info(hub->macropad, &info);
    if (!path[0] || info.generation > 0)
        return;
    FILE *f = fopen(path, "r");
    int err = f ? nh_macropad_begin_with(hub->macropad, read_file, f) : NH_ERR_NOT_FOUND;
    if (f)
        fclose(f);
    if (err < 0)
        NH_LOG_W("macropad", "%s: %s; the pad is empty", path, nh_err_text(err));
    else
        NH_LOG_I("macropad", "begun with %s", path);
}

static int start(struct nh_hub *hub)
{
    struct nh_macropad_config cfg = {
        .store = hub->store,
        .document_max_bytes = hub->cfg.macropad.document_max_bytes,
        .upload_timeout_ms = hub->cfg.macropad.upload_timeout_ms,
        .layout = hub->cfg.macropad.layout,
        .key_ms = hub->cfg.macropad.key_ms,
        .script_queue_max = hub->cfg.macropad.script_queue_max,
        .fs = nh_files_fs(hub->files),
        .icon_dir = "icons",
        .icon_max_count = hub->cfg.macropad.icon_max_count,
        .icon_max_bytes = hub->cfg.macropad.icon_max_bytes,
        .icon_cache_bytes = icon_cache_bytes(hub),
        .clock_ms = nh_clock_ms,
        .screens = nh_hub__macro_screens(hub),
    };
    int err = nh_lock_create(&hub->macropad_lock);
    cfg.lock = hub->macropad_lock;
    if (err == 0)
        err = nh_hub__owner(hub, "macropad", &cfg.mem);
    if (err < 0)
        return err;
    cfg.keyboard = open_keyboard(hub, cfg.mem);
    cfg.unicode = unicode(hub);
    fill_out(hub, &cfg);
    hub->macropad_post = (nh_loop_post_t){.fn = drain, .ctx = hub};
    err = nh_macropad_create(&cfg, &hub->macropad);
    if (err == 0)
        err = nh_macropad_start(hub->macropad);
    if (err == 0)
        begin_with_file(hub);
    const struct nh_loop_deadline d = deadline(hub);
    return err < 0 ? err : nh_loop_deadline_add(hub->loop, &d);
}

// A broker alone has none. A hub that cannot have one runs on without it.
int nh_hub__start_macropad(struct nh_hub *hub)
{
    if (!hub->cfg.macropad.enabled || hub->options.mosquitto)
        return NH_OK;
    if (hub->board->psram_bytes == 0) {
        NH_LOG_W("macropad", "off: board %s has no PSRAM", hub->board->name);
        return NH_OK;
    }
    int err = start(hub);
    if (err == 0)
        return NH_OK;
    NH_LOG_E("macropad", "the macro pad cannot be started: %s; there is none", nh_err_text(err));
    nh_hub__stop_macropad(hub);
    return NH_OK;
}

void nh_hub__stop_macropad(struct nh_hub *hub)
{
    if (hub->macropad) {
        const struct nh_loop_deadline d = deadline(hub);
        nh_loop_deadline_remove(hub->loop, &d);
        nh_loop_post_cancel(hub->loop, &hub->macropad_post);
    }
    nh_macropad_destroy(hub->macropad); // every key comes up
    hub->macropad = NULL;
    nh_keyboard_close(hub->keyboard);
    hub->keyboard = NULL;
    nh_lock_destroy(&hub->macropad_lock);
}
