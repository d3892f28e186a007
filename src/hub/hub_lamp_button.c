// The lamp's button as a part of the hub: from a GPIO line, from the portal, from a trace that is
// played; and what its gestures do. docs/lamp-hardware.md, "Button".
//
// Two buttons, the line's and the portal's, so that one that is held does not hide the other.

#include "core/base/log.h"
#include "hub/hub_lamp_hw.h"
#include "hub/hub_parts.h"

#include <stdio.h>
#include <string.h>

#define BODY_MAX_BYTES 512
#define SPAN_MAX_COUNT 32
#define SPAN_MAX_MS 10000
#define BRIGHTNESS_STEP 26 // a tenth
#define RELEASE_MS 2000u   // after a long press the portal's button comes up by itself

struct source {
    struct nh_hub *hub;
    const char *name;
    nh_lamp_button_t button;
    nh_timer_t timer;
};

struct nh_hub_lamp_button {
    nh_mem_t *mem;
    nh_timer_t release; // of the portal's, whose page may have gone while it was down
    nh_gpio_in_t *line; // NULL: none
    struct source gpio, portal;
    struct {
        uint32_t count, next;
        uint32_t spans_ms[SPAN_MAX_COUNT];
        nh_timer_t timer;
        bool is_on;      // one is played
        uint64_t due_ms; // its next edge
    } trace;
    struct {
        enum nh_lamp_click click;
        const char *source;
        uint64_t at_ms;
        bool is_done; // false: the lamp was off or its queue full, and no scenario started
    } last;
    uint32_t ignored_count;
};

// ---- what a gesture does -----------------------------------------------------------------------

static void command_of(enum nh_hub_lamp_action a, const struct nh_lamp_state *now,
                       struct nh_lamp_command *c)
{
    switch (a) {
    case NH_HUB_LAMP_PAUSE:
        c->kind = NH_LAMP_TOGGLE_PAUSE;
        break;
    case NH_HUB_LAMP_NEXT:
        c->kind = NH_LAMP_NEXT_EFFECT;
        break;
    case NH_HUB_LAMP_PREVIOUS:
        c->kind = NH_LAMP_PREVIOUS_EFFECT;
        break;
    case NH_HUB_LAMP_BRIGHTER:
    case NH_HUB_LAMP_DARKER:
        c->kind = NH_LAMP_ADJUST_BRIGHTNESS;
        c->delta = a == NH_HUB_LAMP_BRIGHTER ? BRIGHTNESS_STEP : -BRIGHTNESS_STEP;
        break;
    case NH_HUB_LAMP_OVERLAY:
        c->kind = NH_LAMP_SET;
        c->mask = NH_LAMP_F_OVERLAY;
        c->set.overlay = !now->overlay;
        break;
    default:
        c->kind = NH_LAMP_TOGGLE_POWER;
        break;
    }
}

static bool act(struct nh_hub *hub, enum nh_lamp_click click, const char *source)
{
    int action = hub->cfg.lamp_button.action[click - NH_LAMP_CLICK_SHORT];
    struct nh_lamp_command c = {.origin = NH_ORIGIN_BUTTON};
    struct nh_lamp_snapshot s;
    nh_lamp_snapshot(hub->lamp, &s);
    if (action == NH_HUB_LAMP_NOTHING || (action != NH_HUB_LAMP_POWER && !s.state.power))
        return false;
    command_of((enum nh_hub_lamp_action)action, &s.state, &c);
    snprintf(c.who, sizeof c.who, "%s", source);
    int err = nh_lamp_post(hub->lamp, &c);
    if (err < 0)
        NH_LOG_W("lamp", "button: %s", nh_err_text(err));
    return err >= 0;
}

// Scenarios with a trigger of type button and the gesture's name: "lamp_short". Whether there are.
static bool start_scenarios(struct nh_hub *hub, enum nh_lamp_click click)
{
    char name[24];
    int len = snprintf(name, sizeof name, "lamp_%s", nh_lamp_click_name(click));
    if (!hub->automation)
        return false;
    const nh_span_t span = {(const uint8_t *)name, (size_t)len};
    return nh_automation_button(hub->automation, span, NH_ORIGIN_BUTTON, nh_clock_ms()) > 0;
}

static void told(struct nh_hub *hub, enum nh_lamp_click click, const char *source)
{
    struct nh_hub_lamp_button *b = hub->lamp_button;
    if (click == NH_LAMP_CLICK_NONE)
        return;
    bool has_acted = act(hub, click, source);
    b->last.is_done = start_scenarios(hub, click) || has_acted;
    b->last.click = click;
    b->last.source = source;
    b->last.at_ms = nh_clock_ms();
    b->ignored_count += !b->last.is_done;
    NH_LOG_D("lamp", "button: %s (%s)", nh_lamp_click_name(click), source);
}

// ---- levels and time ---------------------------------------------------------------------------

static void arm(struct source *s)
{
    uint64_t next_ms = nh_lamp_button_next(&s->button);
    nh_timer_cancel(s->hub->sched, &s->timer);
    if (next_ms != NH_NEVER && nh_timer_arm(s->hub->sched, &s->timer, next_ms, 0) < 0)
        NH_LOG_W("lamp", "button: no timer is left; a gesture waits for the next change");
}

static void level(struct source *s, bool is_down, uint64_t at_ms)
{
    told(s->hub, nh_lamp_button_input(&s->button, is_down, at_ms), s->name);
    arm(s);
}

// Down with the first span, up with the second; up behind the last. Edges come at their own times,
// however late the hub is: what is played is what was sent.
static void play_until(struct nh_hub *hub, uint64_t now_ms)
{
    struct nh_hub_lamp_button *b = hub->lamp_button;
    while (b->trace.is_on && b->trace.due_ms <= now_ms) {
        uint64_t at_ms = b->trace.due_ms;
        bool is_down = b->trace.next < b->trace.count && b->trace.next % 2 == 0;
        b->trace.is_on = b->trace.next < b->trace.count;
        if (b->trace.is_on)
            b->trace.due_ms = at_ms + b->trace.spans_ms[b->trace.next++];
        level(&b->portal, is_down, at_ms);
    }
}

// Edges that wait are older than this moment: a hub that was busy counts them as they were.
static void on_timer(void *ctx, nh_timer_t *t, uint64_t now_ms)
{
    struct source *s = ctx;
    struct nh_hub_lamp_button *b = s->hub->lamp_button;
    (void)t;
    if (s == &b->gpio && b->line)
        nh_gpio_in_poll(b->line);
    if (s == &b->portal)
        play_until(s->hub, now_ms);
    told(s->hub, nh_lamp_button_tick(&s->button, now_ms), s->name);
    arm(s);
}

static void on_line(void *ctx, bool is_down, uint64_t at_ms)
{
    struct source *s = ctx;
    level(s, is_down, at_ms);
}

static void on_trace(void *ctx, nh_timer_t *t, uint64_t now_ms)
{
    struct nh_hub *hub = ctx;
    struct nh_hub_lamp_button *b = hub->lamp_button;
    play_until(hub, now_ms);
    if (b->trace.is_on && nh_timer_arm(hub->sched, t, b->trace.due_ms, 0) < 0) {
        b->trace.is_on = false; // no timer is left: it ends here
        level(&b->portal, false, now_ms);
    }
}

static void on_release(void *ctx, nh_timer_t *t, uint64_t now_ms)
{
    struct nh_hub *hub = ctx;
    (void)t;
    level(&hub->lamp_button->portal, false, now_ms);
}

static void portal_level(struct nh_hub *hub, bool is_down, uint64_t now_ms)
{
    struct nh_hub_lamp_button *b = hub->lamp_button;
    uint64_t end_ms = now_ms + hub->cfg.lamp_button.long_ms + RELEASE_MS;
    nh_timer_cancel(hub->sched, &b->release);
    // Without a timer it is as with a sensor that hangs: no more than one long press.
    if (is_down)
        NH_IGNORE(nh_timer_arm(hub->sched, &b->release, end_ms, 0));
    level(&b->portal, is_down, now_ms);
}

// ---- routes ------------------------------------------------------------------------------------

static void write_source(nh_json_writer_t *w, const struct source *s)
{
    nh_json_key(w, s->name);
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "down", s->button.pressed);
    nh_json_kv_uint(w, "gestures", s->button.event_count);
    nh_json_kv_uint(w, "bounces", s->button.bounce_count);
    nh_json_kv_uint(w, "too_soon", s->button.dropped_count);
    nh_json_object_end(w);
}

static void write_last(nh_json_writer_t *w, const struct nh_hub_lamp_button *b)
{
    nh_json_key(w, "last");
    if (!b->last.source) {
        nh_json_null(w);
        return;
    }
    nh_json_object_begin(w);
    nh_json_kv_string(w, "click", nh_lamp_click_name(b->last.click));
    nh_json_kv_string(w, "from", b->last.source);
    nh_json_kv_bool(w, "done", b->last.is_done);
    nh_json_kv_uint(w, "ago_ms", nh_clock_ms() - b->last.at_ms);
    nh_json_object_end(w);
}

static int get_button(nh_request_t *req)
{
    const struct nh_hub *hub = req->ctx;
    const struct nh_hub_lamp_button *b = hub->lamp_button;
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_key(w, "actions");
    nh_json_object_begin(w);
    for (int i = NH_LAMP_CLICK_SHORT; i < NH_LAMP_CLICK_COUNT; i++)
        nh_json_kv_string(w, nh_lamp_click_name((enum nh_lamp_click)i),
                          nh_hub__lamp_actions[hub->cfg.lamp_button.action[i - 1]]);
    nh_json_object_end(w);
    nh_json_kv_bool(w, "has_line", b->line != NULL);
    if (b->line)
        write_source(w, &b->gpio);
    write_source(w, &b->portal);
    nh_json_kv_bool(w, "playing", b->trace.is_on);
    nh_json_kv_uint(w, "ignored", b->ignored_count);
    write_last(w, b);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

struct body {
    bool level;
    int click; // enum nh_lamp_click
    uint32_t span_count;
    uint32_t trace[SPAN_MAX_COUNT];
};
static const char *const click_names[] = {"none", "short", "double", "triple", "long", NULL};
static const nh_json_field_t span_element = {
    .type = NH_JSON_T_INT, .size = sizeof(uint32_t), .min = 1, .max = SPAN_MAX_MS};
static const nh_json_field_t body_fields[] = {
    {.name = "level", .type = NH_JSON_T_BOOL, NH_JSON_AT(struct body, level)},
    {.name = "click", .type = NH_JSON_T_ENUM, NH_JSON_AT(struct body, click), .names = click_names},
    {.name = "trace",
     .type = NH_JSON_T_ARRAY,
     .element = &span_element,
     .offset = offsetof(struct body, trace),
     .count_offset = offsetof(struct body, span_count),
     .count_max = SPAN_MAX_COUNT},
    NH_JSON_FIELDS_END};

static void play(struct nh_hub *hub, const struct body *body, uint64_t now_ms)
{
    struct nh_hub_lamp_button *b = hub->lamp_button;
    memcpy(b->trace.spans_ms, body->trace, sizeof b->trace.spans_ms);
    b->trace.count = body->span_count;
    b->trace.next = 0;
    b->trace.is_on = true;
    b->trace.due_ms = now_ms;
    on_trace(hub, &b->trace.timer, now_ms);
}

// Reads the body; `*has_level` whether it says one. A table leaves alone what is not there, so that
// is what two readings over different values agree on.
static int read_body(nh_request_t *req, struct body *body, bool *has_level, bool *ok)
{
    struct body over = {.level = true};
    *body = (struct body){0};
    int err = nh_request_decode(req, body_fields, &over, "Nothing was changed.", ok);
    if (*ok)
        err = nh_request_decode(req, body_fields, body, "Nothing was changed.", ok);
    *has_level = over.level == body->level;
    return err;
}

static int post_button(nh_request_t *req)
{
    struct nh_hub *hub = req->ctx;
    struct nh_hub_lamp_button *b = hub->lamp_button;
    struct body body;
    bool ok, has_level;
    int err = read_body(req, &body, &has_level, &ok);
    if (!ok)
        return err;
    if (has_level + (body.click != 0) + (body.span_count != 0) != 1)
        return nh_reply_error(req, 400, "bad_value",
                              "One of level, click and trace. Nothing was changed.");
    if (body.click == 0 && b->trace.is_on)
        return nh_reply_error(req, 409, "busy", "A trace is being played. Nothing was changed.");
    if (body.click)
        told(hub, (enum nh_lamp_click)body.click, b->portal.name);
    else if (has_level)
        portal_level(hub, body.level, nh_clock_ms());
    else
        play(hub, &body, nh_clock_ms());
    return get_button(req);
}

static const nh_route_t routes[] = {
    {.method = "GET",
     .path = "/api/lamp/button",
     .flags = NH_ROUTE_OPERATOR,
     .handle = get_button,
     .text = "The lamp's button: what it does, what it was told"},
    {.method = "POST",
     .path = "/api/lamp/button",
     .body_max_bytes = BODY_MAX_BYTES,
     .flags = NH_ROUTE_OPERATOR,
     .handle = post_button,
     .text = "Press the lamp's button: a level, a click, or a trace that is played"},
    {0},
};

struct nh_route_table nh_hub__lamp_button_routes(struct nh_hub *hub)
{
    static const nh_route_t none[] = {{0}};
    return (struct nh_route_table){
        .routes = hub->lamp_button ? routes : none, .ctx = hub, .name = "lamp-button"};
}

// ---- life --------------------------------------------------------------------------------------

static void source_init(struct source *s, struct nh_hub *hub, const char *name, bool is_down)
{
    const struct nh_lamp_button_config cfg = {
        .debounce_ms = hub->cfg.lamp_button.debounce_ms,
        .click_gap_ms = hub->cfg.lamp_button.click_gap_ms,
        .long_ms = hub->cfg.lamp_button.long_ms,
        .rate_ms = hub->cfg.lamp_button.rate_ms,
    };
    *s = (struct source){.hub = hub, .name = name};
    s->timer = (nh_timer_t){.fire = on_timer, .ctx = s, .name = "lamp button"};
    nh_lamp_button_init(&s->button, &cfg, is_down, nh_clock_ms());
}

// A hub whose button cannot be had runs on without it.
static void open_line(struct nh_hub *hub)
{
    struct nh_hub_lamp_button *b = hub->lamp_button;
    const struct nh_gpio_in_config cfg = {
        .loop = hub->loop,
        .mem = b->mem,
        .chip = hub->cfg.lamp_button.chip,
        .line = hub->cfg.lamp_button.line,
        .is_active_low = hub->cfg.lamp_button.active_low,
        .pull_up = hub->cfg.lamp_button.pull == NH_HUB_PULL_UP,
        .pull_down = hub->cfg.lamp_button.pull == NH_HUB_PULL_DOWN,
        .ctx = &b->gpio,
        .changed = on_line,
    };
    if (!cfg.chip[0])
        return;
    int err = nh_gpio_in_open(&cfg, &b->line);
    if (err < 0) {
        NH_LOG_E("lamp", "the button, %s line %u: %s; there is none but the portal's", cfg.chip,
                 (unsigned)cfg.line, nh_err_text(err));
        return;
    }
    source_init(&b->gpio, hub, "line", nh_gpio_in_level(b->line));
}

int nh_hub__start_lamp_button(struct nh_hub *hub, nh_mem_t *mem)
{
    struct nh_hub_lamp_button *b = nh_mem_alloc_zero(mem, sizeof *b, NH_MEM_BULK);
    if (!b)
        return NH_ERR_NOMEM;
    hub->lamp_button = b;
    b->mem = mem;
    source_init(&b->gpio, hub, "line", false);
    source_init(&b->portal, hub, "portal", false);
    b->release = (nh_timer_t){.fire = on_release, .ctx = hub, .name = "lamp button release"};
    b->trace.timer = (nh_timer_t){.fire = on_trace, .ctx = hub, .name = "lamp button trace"};
    open_line(hub);
    return NH_OK;
}

void nh_hub__stop_lamp_button(struct nh_hub *hub)
{
    struct nh_hub_lamp_button *b = hub->lamp_button;
    if (!b)
        return;
    nh_gpio_in_close(b->line);
    nh_timer_cancel(hub->sched, &b->gpio.timer);
    nh_timer_cancel(hub->sched, &b->portal.timer);
    nh_timer_cancel(hub->sched, &b->trace.timer);
    nh_timer_cancel(hub->sched, &b->release);
    nh_mem_free(b->mem, b);
    hub->lamp_button = NULL;
}
