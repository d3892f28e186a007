// The lamp as a part of the hub.

#include "core/base/log.h"
#include "hub/hub_lamp_hw.h"
#include "hub/hub_parts.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void changed(void *ctx)
{
    struct nh_hub *hub = ctx;
    if (hub->portal)
        nh_portal_feed_changed(hub->portal, "lamp");
    if (hub->wled)
        nh_wled_lamp_changed(hub->wled);
    if (hub->lamp_radio)
        nh_lamp_radio_state_changed(hub->lamp_radio);
    if (hub->lamp_mqtt)
        nh_lamp_mqtt_changed(hub->lamp_mqtt);
}

// Of the machine's time zone; any task.
static int64_t local_unix_s(void *ctx)
{
    time_t now = (time_t)(nh_clock_unix_ms() / 1000);
    struct tm tm;
    (void)ctx;
    return localtime_r(&now, &tm) ? (int64_t)now + tm.tm_gmtoff : (int64_t)now;
}

// ---- commands of scenarios and buttons

struct fault {
    bool is_there;
    char *why;
    size_t cap;
};

static void keep_fault(void *ctx, const struct nh_finding *f)
{
    struct fault *first = ctx;
    if (first->is_there || strncmp(f->pointer, "/palette", 8) == 0)
        return;
    first->is_there = true;
    snprintf(first->why, first->cap, "%s%s%s%s: %s", f->pointer[0] ? f->pointer + 1 : "the command",
             f->value[0] ? " \"" : "", f->value, f->value[0] ? "\"" : "", f->text);
}

int nh_hub_lamp_check(nh_span_t json, char *why, size_t cap)
{
    struct fault first = {.why = why, .cap = cap};
    struct nh_lamp_command c;
    int32_t angle_deg;
    int err = nh_lamp_command_read(NULL, (const char *)json.ptr, json.len, &c, &angle_deg,
                                   keep_fault, &first);
    return first.is_there ? err : NH_OK;
}

int nh_hub__lamp_command(struct nh_hub *hub, nh_span_t json, enum nh_origin origin)
{
    struct nh_lamp_command c;
    int32_t angle_deg;
    if (!hub->lamp)
        return NH_ERR_UNSUPPORTED;
    int err = nh_lamp_command_read(hub->lamp, (const char *)json.ptr, json.len, &c, &angle_deg,
                                   NULL, NULL);
    c.origin = origin;
    if (err == 0)
        err = nh_lamp_post(hub->lamp, &c);
    if (err == 0 && angle_deg >= 0)
        nh_lamp_direction(hub->lamp, (uint32_t)angle_deg);
    return err;
}

int nh_hub__lamp_effect(struct nh_hub *hub, nh_span_t name, enum nh_origin origin)
{
    char text[NH_FX_NAME_MAX_BYTES];
    struct nh_lamp_command c = {.mask = NH_LAMP_F_POWER | NH_LAMP_F_EFFECT,
                                .set = {.power = true},
                                .transition_ms = hub->cfg.lamp.transition_ms,
                                .origin = origin};
    int n = snprintf(text, sizeof text, "%.*s", (int)name.len, (const char *)name.ptr);
    const struct nh_fx_effect *e = (size_t)n < sizeof text ? nh_fx_find_name(text) : NULL;
    if (!e)
        return NH_ERR_NOT_FOUND;
    c.set.effect_id = e->id;
    return nh_lamp_post(hub->lamp, &c);
}

// ---- life

static struct nh_lamp_config config_of(struct nh_hub *hub)
{
    const struct nh_hub_config *c = &hub->cfg;
    struct nh_lamp_config cfg = {
        .sys = hub->sys,
        .loop = hub->loop,
        .bus = hub->bus,
        .store = hub->store,
        .width = (uint16_t)c->lamp.width,
        .height = (uint16_t)c->lamp.height,
        .fps = c->lamp.fps,
        .queue_max = c->lamp.queue_max,
        .transition_ms = c->lamp.transition_ms,
        .save_delay_ms = c->lamp.save_delay_ms,
        .save_deadline_ms = c->lamp.save_deadline_ms,
        .ctx = hub,
        .changed = changed,
        .local_unix_s = local_unix_s,
    };
    nh_hub__lamp_map(c, &cfg.map);
    nh_hub__lamp_pipeline(c, &cfg.pipeline);
    nh_hub__lamp_overlay(c, &cfg.overlay);
    return cfg;
}

// A broker alone has none. A hub that cannot have one runs on without it.
int nh_hub__start_lamp(struct nh_hub *hub)
{
    if (!hub->cfg.lamp.enabled || hub->options.mosquitto)
        return NH_OK;
    struct nh_lamp_config cfg = config_of(hub);
    int err = nh_hub__owner(hub, "lamp", &cfg.mem);
    if (err == 0 && nh_hub__lamp_pixels(&hub->cfg, cfg.mem, &cfg.pixels) < 0)
        NH_LOG_E("lamp", "the lamp runs without its LEDs");
    if (err == 0)
        err = nh_lamp_create(&cfg, &hub->lamp);
    if (err < 0 && cfg.pixels.destroy)
        cfg.pixels.destroy(cfg.pixels.ctx);
    if (err == 0)
        nh_hub__start_lamp_send(hub);
    if (err == 0)
        err = nh_lamp_start(hub->lamp);
    if (err == 0)
        err = nh_hub__start_lamp_button(hub, cfg.mem);
    if (err == 0)
        return NH_OK;
    NH_LOG_E("lamp", "the lamp cannot be started: %s; there is none", nh_err_text(err));
    nh_hub__stop_lamp(hub);
    return NH_OK;
}

void nh_hub__stop_lamp(struct nh_hub *hub)
{
    nh_hub__stop_lamp_button(hub);
    nh_lamp_destroy(hub->lamp);
    hub->lamp = NULL;
    nh_hub__stop_lamp_send(hub);
}

void nh_hub__lamp_facts(const struct nh_hub *hub, struct nh_health_facts *out)
{
    struct nh_lamp_info i;
    if (!hub->lamp)
        return;
    nh_lamp_info(hub->lamp, &i);
    out->lamp_fps = (i.fps_x10 + 5) / 10;
    out->lamp_ma = i.estimate_ma;
    out->lamp_late_count = (int64_t)i.late_count;
    out->lamp_refused_count = (int64_t)i.queue_full_count;
    out->lamp_show_failures = (int64_t)i.show_failures;
}
