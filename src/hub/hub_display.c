// The panel and its screens as a part of the hub.

#include "core/base/log.h"
#include "hub/hub_parts.h"
#include "platform/linux/window/window.h"

#include <stdio.h>

// Where Debian puts them; one that is missing leaves out its characters.
#define FONT_FIRST "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
#define FONT_CJK "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"
#define FONT_SYMBOLS "/usr/share/fonts/truetype/ancient-scripts/Symbola_hint.ttf"

static void tag(void *ctx, const char *name, bool is_hotspot)
{
    struct nh_hub *hub = ctx;
    if (is_hotspot)
        nh_health_hotspot(hub->health, name);
    else
        nh_health_snapshot(hub->health, name, NULL);
}

// By the task `ui`: figures that are whole for any task.
static void facts(void *ctx, struct nh_display_facts *out)
{
    struct nh_hub *hub = ctx;
    struct nh_mem_snapshot s;
    nh_mem_figures(hub->sys, &s);
    snprintf(out->version, sizeof out->version, "%s", NH_VERSION);
    out->uptime_s = (nh_clock_ms() - hub->started_ms) / 1000;
    out->internal_free_bytes = s.tier[NH_MEM_INTERNAL].free_bytes;
    out->internal_min_bytes = s.tier[NH_MEM_INTERNAL].min_free_bytes;
    out->internal_bytes = s.tier[NH_MEM_INTERNAL].size_bytes;
    out->internal_frag_pct = s.tier[NH_MEM_INTERNAL].frag_pct;
    out->psram_free_bytes = s.tier[NH_MEM_PSRAM].free_bytes;
    out->psram_bytes = s.tier[NH_MEM_PSRAM].size_bytes;
}

// By the loop's task, once for however many changes.
static void on_changed(void *ctx)
{
    struct nh_hub *hub = ctx;
    if (!hub->portal)
        return;
    nh_portal_feed_changed(hub->portal, "display");
    nh_portal_feed_changed(hub->portal, "mirror");
}

static void changed(void *ctx)
{
    struct nh_hub *hub = ctx;
    nh_loop_post(hub->loop, &hub->display_post);
}

// Made with the first image from an address: it reads whom the machine believes.
static nh_http_client_t *http(void *ctx)
{
    struct nh_hub *hub = ctx;
    struct nh_http_client_config cfg = {.loop = hub->loop, .request_max_count = 1};
    char why[128] = "";
    if (hub->display_http)
        return hub->display_http;
    int err = nh_hub__owner(hub, "display", &cfg.mem);
    const struct nh_tls_config tls = {.mem = cfg.mem, .is_client = true};
    if (err == 0 && !hub->display_tls)
        err = nh_tls_create(&tls, why, sizeof why, &hub->display_tls);
    cfg.tls = hub->display_tls;
    if (err == 0)
        err = nh_http_client_create(&cfg, &hub->display_http);
    if (err < 0)
        NH_LOG_W("display", "no images from addresses: %s", why[0] ? why : nh_err_text(err));
    return hub->display_http;
}

static struct nh_display_settings settings_of(const struct nh_hub_config *c)
{
    return (struct nh_display_settings){.brightness_pct = c->display.brightness_pct,
                                        .has_saver = c->display.saver,
                                        .saver_timeout_s = c->display.saver_timeout_s,
                                        .fade_out_ms = c->display.fade_out_ms,
                                        .fade_in_ms = c->display.fade_in_ms,
                                        .wakes_on_touch = c->display.wake_on_touch};
}

static struct nh_display_config config_of(struct nh_hub *hub)
{
    const struct nh_hub_config *c = &hub->cfg;
    return (struct nh_display_config){
        .sys = hub->sys,
        .loop = hub->loop,
        .panel = {.width = (uint16_t)c->display.width,
                  .height = (uint16_t)c->display.height,
                  .is_round = c->display.shape == NH_HUB_ROUND},
        .fonts = {c->display.font[0] ? c->display.font : FONT_FIRST, FONT_CJK, FONT_SYMBOLS,
                  c->display.font[0] ? FONT_FIRST : NULL},
        .glyph_cache_bytes = c->display.glyph_cache_bytes,
        .draw_lines = c->display.draw_lines,
        .splash_ms = c->display.splash_ms,
        .has_mirror = c->display.mirror,
        .queue_max = c->display.queue_max,
        .image_max_bytes = c->display.image_max_bytes,
        .image_headroom_bytes = c->display.image_headroom_bytes,
        .image_work_bytes = c->display.image_work_bytes,
        .upload_ms = c->display.upload_timeout_ms,
        .strip_wait_ms = c->display.strip_timeout_ms,
        .settings = settings_of(c),
        .macros = nh_hub__macro_view(hub),
        .ctx = hub,
        .tag = tag,
        .facts = facts,
        .changed = changed,
        .http = http,
    };
}

static void stop_hub(void *ctx)
{
    struct nh_hub *hub = ctx;
    hub->is_told_to_stop = true;
    NH_LOG_I("hub", "stopping: the window was closed");
    nh_loop_stop(hub->loop);
}

static void window_closed(void *ctx)
{
    struct nh_hub *hub = ctx;
    nh_loop_post(hub->loop, &hub->window_post);
}

// Who asked for a window and cannot have it does not want a hub without one.
static int open_window(struct nh_hub *hub, struct nh_display_config *cfg)
{
    char why[160] = "";
    const struct nh_window_config window = {.mem = cfg->mem,
                                            .sys = hub->sys,
                                            .title = hub->cfg.name,
                                            .width = cfg->panel.width,
                                            .height = cfg->panel.height,
                                            .is_round = cfg->panel.is_round,
                                            .closed = window_closed,
                                            .ctx = hub};
    hub->window_post = (nh_loop_post_t){.fn = stop_hub, .ctx = hub};
    int err = nh_window_open(&window, &cfg->panel, why, sizeof why);
    if (err < 0)
        fprintf(stderr, "nuthatch: --window: %s\n", why);
    return err;
}

static int make_display(struct nh_hub *hub, struct nh_display_config *cfg)
{
    int err = nh_display_create(cfg, &hub->display);
    if (err < 0 && cfg->panel.close)
        cfg->panel.close(cfg->panel.ctx);
    return err;
}

// A broker alone has none. A hub that cannot have one runs on without it.
int nh_hub__start_display(struct nh_hub *hub)
{
    if (!hub->cfg.display.enabled || hub->options.mosquitto)
        return NH_OK;
    // Its stack and pixels would take what the portal needs there.
    if (hub->board->psram_bytes == 0) {
        NH_LOG_W("display", "off: board %s has no PSRAM", hub->board->name);
        return NH_OK;
    }
    struct nh_display_config cfg = config_of(hub);
    hub->display_post = (nh_loop_post_t){.fn = on_changed, .ctx = hub};
    int err = nh_hub__owner(hub, "display", &cfg.mem);
    if (err == 0 && hub->options.window && open_window(hub, &cfg) < 0)
        return NH_ERR_UNSUPPORTED;
    if (err == 0)
        err = make_display(hub, &cfg);
    if (err == NH_ERR_NOT_FOUND)
        NH_LOG_E("display", "no font: neither %s nor another can be read; there is no panel",
                 cfg.fonts[0]);
    else if (err < 0)
        NH_LOG_E("display", "the panel cannot be started: %s; there is none", nh_err_text(err));
    return NH_OK;
}

void nh_hub__stop_display(struct nh_hub *hub)
{
    if (!hub->display)
        return;
    nh_display_destroy(hub->display);
    hub->display = NULL;
    nh_http_client_destroy(hub->display_http);
    nh_tls_destroy(hub->display_tls);
    hub->display_http = NULL;
    hub->display_tls = NULL;
    nh_loop_post_cancel(hub->loop, &hub->display_post);
    nh_loop_post_cancel(hub->loop, &hub->window_post);
}

static void set_names(struct nh_hub *hub, const char *name)
{
    char address[sizeof hub->http_address + sizeof "http://"];
    snprintf(address, sizeof address, "http://%s", hub->http_address);
    nh_display_names_set(hub->display, name, hub->http_address[0] ? address : "");
}

void nh_hub__display_names(struct nh_hub *hub)
{
    if (hub->display)
        set_names(hub, hub->cfg.name);
}

void nh_hub__display_apply(struct nh_hub *hub, const struct nh_hub_config *cfg)
{
    struct nh_display_settings s = settings_of(cfg), before = settings_of(&hub->cfg);
    bool is_other = s.brightness_pct != before.brightness_pct || s.has_saver != before.has_saver ||
                    s.saver_timeout_s != before.saver_timeout_s ||
                    s.fade_out_ms != before.fade_out_ms || s.fade_in_ms != before.fade_in_ms ||
                    s.wakes_on_touch != before.wakes_on_touch;
    if (!hub->display)
        return;
    if (is_other) // else a brightness that was set for the time being stays
        nh_display_settings_set(hub->display, &s);
    set_names(hub, cfg->name);
}

#define FRAMES_SPAN_MS 1000

// Frames a second since the last look, which was a second ago or longer.
void nh_hub__display_facts(struct nh_hub *hub, struct nh_health_facts *out)
{
    struct nh_display_snapshot s;
    uint64_t now_ms = nh_clock_ms();
    if (!hub->display)
        return;
    nh_display_snapshot(hub->display, &s);
    uint64_t span_ms = now_ms - hub->frames.read_ms;
    if (hub->frames.read_ms == 0 || span_ms >= FRAMES_SPAN_MS) {
        hub->frames.per_s = hub->frames.read_ms == 0
                                ? -1
                                : (int)((s.frame_count - hub->frames.frame_count) * 1000 / span_ms);
        hub->frames.frame_count = s.frame_count;
        hub->frames.read_ms = now_ms;
    }
    out->display_fps = hub->frames.per_s;
    out->display_pass_us = (int)s.frame_us;
}
