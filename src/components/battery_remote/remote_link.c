#include "components/battery_remote/remote_link.h"

#include "core/base/base64.h"
#include "core/base/log.h"
#include "core/http/url.h"

#include <stdio.h>
#include <string.h>

#define BACKOFF_MIN_MS 500
#define BACKOFF_DEFAULT_MS 30000
#define REQUEST_MS 5000
#define URL_MAX_BYTES 192
#define BODY_MAX_BYTES 1024 // the longest change, each of its characters escaped

// What a round does, in this order.
enum step {
    STEP_POST_CONFIG,
    STEP_POST_MQTT,
    STEP_CONFIG,
    STEP_TELEMETRY,
    STEP_EVENTS,
    STEP_ALERTS,
    STEP_MQTT,
    STEP_HISTORY,
    STEP_READY,
    STEP_WAIT, // for the next round
};

struct nh_remote_link {
    struct nh_remote_link_config cfg;
    struct nh_remote_link_info info;
    enum step step;
    bool is_started;
    bool has_changes; // made since the round's POST
    bool has_lost;    // a socket beside telemetry: asked for again by another round
    uint32_t backoff_ms, backoff_min_ms;
    nh_timer_t timer;
    nh_ws_client_t *socket[NH_REMOTE_SOCKET_COUNT];
    nh_http_request_t *request;
    struct nh_http_header headers[2];
    size_t header_count, reply_bytes, body_bytes;
    int status;
    uint32_t posted; // bits of settings that the POST under way has
    struct nh_remote_settings known, pending, sent;
    struct nh_remote_alert alerts[NH_REMOTE_ALERT_COUNT];
    struct nh_remote_event events[NH_REMOTE_EVENT_COUNT];
    size_t alert_count, event_count;
    struct nh_remote_frame frame;
    char base[URL_MAX_BYTES]; // "http://host:port", without a slash at its end
    char authorization[256];  // "": none
    char body[BODY_MAX_BYTES];
    char reply[NH_REMOTE_REPLY_MAX_BYTES];
};

static void go_on(nh_remote_link_t *l);
static void do_step(nh_remote_link_t *l);

// ---- the end of a round ------------------------------------------------------------------------

static void tell_up(nh_remote_link_t *l, bool is_up)
{
    if (l->info.is_up == is_up)
        return;
    l->info.is_up = is_up;
    l->cfg.up(l->cfg.ctx, is_up);
}

static void arm(nh_remote_link_t *l, uint32_t wait_ms)
{
    l->info.next_try_ms = nh_clock_ms() + wait_ms;
    if (nh_timer_arm(l->cfg.sched, &l->timer, l->info.next_try_ms, 0) < 0)
        NH_LOG_E("battery", "the gateway is not asked again: too many timers");
}

static void close_all(nh_remote_link_t *l)
{
    if (l->request)
        nh_http_request_cancel(l->request);
    l->request = NULL;
    for (size_t i = 0; i < NH_REMOTE_SOCKET_COUNT; i++) {
        nh_ws_client_close(l->socket[i]);
        l->info.open[i] = false;
    }
}

static void end_round(nh_remote_link_t *l, const char *what, const char *reason)
{
    char text[sizeof l->info.reason];
    if (l->step == STEP_WAIT)
        return;
    snprintf(text, sizeof text, "%s: %s", what, reason);
    if (strcmp(text, l->info.reason) != 0) // once for each reason, not for each try
        NH_LOG_W("battery", "gateway %s: %s", l->base, text);
    memcpy(l->info.reason, text, sizeof text);
    l->info.reconnects += l->info.is_up;
    l->step = STEP_WAIT;
    close_all(l);
    tell_up(l, false);
    // A little by chance, so that those who lost one gateway do not come back as one.
    arm(l, l->backoff_ms + nh_random_u32() % (l->backoff_ms / 4 + 1));
    l->backoff_ms =
        l->backoff_ms > l->cfg.backoff_max_ms / 2 ? l->cfg.backoff_max_ms : l->backoff_ms * 2;
}

// ---- requests ----------------------------------------------------------------------------------

static const char *path_of(enum step step)
{
    switch (step) {
    case STEP_POST_CONFIG:
    case STEP_CONFIG:
        return "/api/config";
    case STEP_POST_MQTT:
    case STEP_MQTT:
        return "/api/mqtt/config";
    default:
        return "/api/alerts/history";
    }
}

static int on_head(void *ctx, nh_http_request_t *r, const struct nh_http_reply_head *head)
{
    nh_remote_link_t *l = ctx;
    (void)r;
    l->status = head->status;
    return 0;
}

// Alerts may be more than there is room for: the newest come first.
static int on_body(void *ctx, nh_http_request_t *r, const uint8_t *bytes, size_t len)
{
    nh_remote_link_t *l = ctx;
    (void)r;
    size_t room = sizeof l->reply - l->reply_bytes;
    size_t n = len < room ? len : room;
    memcpy(l->reply + l->reply_bytes, bytes, n);
    l->reply_bytes += n;
    return n < len ? 1 : 0;
}

// An older gateway tells its password too: it is not for us to keep, or to show.
static void forget_password(nh_remote_link_t *l)
{
    l->known.known &= ~(1u << NH_REMOTE_WIFI_PASSWORD);
    memset(l->known.wifi_password, 0, sizeof l->known.wifi_password);
    memset(l->reply, 0, l->reply_bytes);
}

static void take_settings(nh_remote_link_t *l)
{
    uint32_t seen;
    int err = nh_remote_settings_read(l->reply, l->reply_bytes, &l->known, &seen);
    forget_password(l);
    if (err < 0)
        l->info.bad_messages++;
    else if (seen && l->cfg.settings)
        l->cfg.settings(l->cfg.ctx);
}

static void take_alerts(nh_remote_link_t *l, const char *text, size_t len)
{
    int n = nh_remote_alerts_read(text, len, l->alerts, NH_REMOTE_ALERT_COUNT);
    if (n < 0)
        l->info.bad_messages++;
    else
        l->alert_count = (size_t)n;
}

// What was posted waits no more, unless it was changed meanwhile.
static void settle(nh_remote_link_t *l)
{
    for (uint32_t bit = 1; bit < 1u << NH_REMOTE_SETTING_COUNT; bit <<= 1)
        if ((l->posted & bit) && nh_remote_settings_are_same(&l->pending, &l->sent, bit))
            l->pending.known &= ~bit;
    if (!(l->pending.known & 1u << NH_REMOTE_WIFI_PASSWORD))
        memset(l->pending.wifi_password, 0, sizeof l->pending.wifi_password);
    if (l->cfg.settings)
        l->cfg.settings(l->cfg.ctx);
}

static bool is_final(int status)
{
    return status >= 400 && status < 500 && status != 401 && status != 408 && status != 429;
}

static void refuse(nh_remote_link_t *l)
{
    if (l->info.refused != l->posted || l->info.refused_status != l->status) // not for each round
        NH_LOG_W("battery", "the gateway did not take its configuration: POST %s: %d%s",
                 path_of(l->step), l->status, is_final(l->status) ? "; it is given up" : "");
    l->info.refused = l->posted;
    l->info.refused_status = l->status;
    l->info.refused_ms = nh_clock_ms();
    l->info.is_given_up = is_final(l->status);
    if (l->info.is_given_up)
        settle(l);
}

static void take_answer(nh_remote_link_t *l)
{
    if (l->status >= 200 && l->status < 300) {
        l->info.refused &= ~l->posted;
        settle(l);
    } else if (l->posted & l->pending.known) { // it was not taken back meanwhile
        refuse(l);
    }
    memset(&l->sent, 0, sizeof l->sent);
    memset(l->body, 0, sizeof l->body);
}

static bool is_post(enum step step)
{
    return step == STEP_POST_CONFIG || step == STEP_POST_MQTT;
}

static void take_reply(nh_remote_link_t *l)
{
    if (is_post(l->step)) {
        take_answer(l);
    } else if (l->status < 200 || l->status >= 300) {
        return; // a gateway without this route
    } else if (l->step == STEP_HISTORY) {
        take_alerts(l, l->reply, l->reply_bytes);
    } else {
        take_settings(l);
    }
}

static void on_end(void *ctx, nh_http_request_t *r, int err)
{
    nh_remote_link_t *l = ctx;
    l->request = NULL;
    if (err < 0) {
        end_round(l, path_of(l->step), nh_http_request_reason(r));
        return;
    }
    // Who may look may not change all the same: a change alone that is forbidden ends no round.
    if (l->status == 401 || (l->status == 403 && !is_post(l->step))) {
        end_round(l, path_of(l->step), "user and password are asked for, or are others");
        return;
    }
    take_reply(l);
    go_on(l);
}

static int write_body(nh_remote_link_t *l, uint32_t mask)
{
    struct nh_json_buf buf = {l->body, sizeof l->body, 0};
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_json_object_begin(&w);
    nh_remote_settings_write(&w, &l->pending, mask);
    nh_json_object_end(&w);
    l->posted = mask;
    l->sent = l->pending;
    l->body_bytes = buf.len;
    return nh_json_writer_end(&w);
}

static void ask(nh_remote_link_t *l, bool has_body)
{
    char url[URL_MAX_BYTES + 32];
    snprintf(url, sizeof url, "%s%s", l->base, path_of(l->step));
    const struct nh_http_request_config cfg = {.method = has_body ? "POST" : "GET",
                                               .url = url,
                                               .headers = l->headers,
                                               .header_count = l->header_count,
                                               .body = has_body ? l->body : NULL,
                                               .body_bytes = has_body ? l->body_bytes : 0,
                                               .connect_ms = REQUEST_MS,
                                               .total_ms = REQUEST_MS,
                                               .handler = {l, on_head, on_body, on_end}};
    l->reply_bytes = 0;
    l->status = 0;
    int err = nh_http_request_start(l->cfg.http, &cfg, &l->request);
    if (err < 0)
        end_round(l, path_of(l->step), nh_err_text(err));
}

static void post(nh_remote_link_t *l, uint32_t mask)
{
    mask &= l->pending.known;
    if (mask == 0) {
        go_on(l);
        return;
    }
    int err = write_body(l, mask);
    if (err < 0)
        end_round(l, path_of(l->step), nh_err_text(err));
    else
        ask(l, true);
}

// ---- sockets -----------------------------------------------------------------------------------

static const char *const socket_paths[NH_REMOTE_SOCKET_COUNT] = {"/ws/telemetry", "/ws/events",
                                                                 "/ws/alerts"};

static int index_of(const nh_remote_link_t *l, const nh_ws_client_t *c)
{
    for (int i = 0; i < NH_REMOTE_SOCKET_COUNT; i++)
        if (l->socket[i] == c)
            return i;
    return 0;
}

// What was lost comes with another round, in which what is open stays. Not at once: a gateway may
// let nobody stay there.
static void ask_again(nh_remote_link_t *l)
{
    l->has_lost = true;
    if (l->step == STEP_READY)
        arm(l, l->cfg.backoff_max_ms);
}

static void on_open(void *ctx, nh_ws_client_t *c)
{
    nh_remote_link_t *l = ctx;
    int i = index_of(l, c);
    l->info.open[i] = true;
    if (i == NH_REMOTE_TELEMETRY) {
        NH_LOG_I("battery", "gateway %s: telemetry comes in", l->base);
        l->info.reason[0] = 0;
        tell_up(l, true);
    }
    go_on(l);
}

static void on_frame(nh_remote_link_t *l, nh_span_t text)
{
    l->info.frames++;
    l->info.last_frame_ms = nh_clock_ms();
    l->backoff_ms = l->backoff_min_ms;
    if (nh_remote_frame_read((const char *)text.ptr, text.len, &l->frame) < 0) {
        l->info.bad_frames++;
        return;
    }
    l->info.bad_values += l->frame.bad_count;
    l->cfg.frame(l->cfg.ctx, &l->frame);
}

static void on_event(nh_remote_link_t *l, nh_span_t text)
{
    struct nh_remote_event e;
    l->info.events++;
    if (nh_remote_event_read((const char *)text.ptr, text.len, &e) < 0) {
        l->info.bad_messages++;
        return;
    }
    memmove(l->events + 1, l->events, sizeof l->events - sizeof l->events[0]);
    l->events[0] = e;
    l->event_count += l->event_count < NH_REMOTE_EVENT_COUNT;
}

static void on_message(void *ctx, nh_ws_client_t *c, nh_span_t text)
{
    nh_remote_link_t *l = ctx;
    int i = index_of(l, c);
    if (i == NH_REMOTE_TELEMETRY)
        on_frame(l, text);
    else if (i == NH_REMOTE_EVENTS)
        on_event(l, text);
    else
        take_alerts(l, (const char *)text.ptr, text.len);
}

static void on_closed(void *ctx, nh_ws_client_t *c, int err, const char *reason)
{
    nh_remote_link_t *l = ctx;
    int i = index_of(l, c);
    bool was_open = l->info.open[i];
    l->info.open[i] = false;
    (void)err;
    if (i == NH_REMOTE_TELEMETRY)
        end_round(l, socket_paths[i], reason);
    else if (!was_open)
        go_on(l); // a gateway without this socket
    else
        ask_again(l);
}

static void open_socket(nh_remote_link_t *l, enum nh_remote_socket i)
{
    char url[URL_MAX_BYTES + 32];
    if (l->info.open[i]) {
        go_on(l);
        return;
    }
    snprintf(url, sizeof url, "ws%s%s", l->base + 4, socket_paths[i]); // behind "http"
    int err =
        nh_ws_client_connect(l->socket[i], url, l->authorization[0] ? l->authorization : NULL);
    if (err < 0 && i == NH_REMOTE_TELEMETRY)
        end_round(l, socket_paths[i], nh_err_text(err));
    else if (err < 0)
        go_on(l);
}

// ---- a round -----------------------------------------------------------------------------------

static void do_step(nh_remote_link_t *l)
{
    switch (l->step) {
    case STEP_POST_CONFIG:
        l->has_changes = false;
        post(l, ~NH_REMOTE_MQTT_SETTINGS);
        break;
    case STEP_POST_MQTT:
        post(l, NH_REMOTE_MQTT_SETTINGS);
        break;
    case STEP_CONFIG:
    case STEP_MQTT:
    case STEP_HISTORY:
        ask(l, false);
        break;
    case STEP_TELEMETRY:
    case STEP_EVENTS:
    case STEP_ALERTS:
        open_socket(l, (enum nh_remote_socket)(l->step - STEP_TELEMETRY));
        break;
    default:
        break;
    }
}

static void go_on(nh_remote_link_t *l)
{
    if (l->step >= STEP_READY)
        return;
    l->step++;
    if (l->step == STEP_READY && l->has_changes)
        l->step = STEP_POST_CONFIG;
    if (l->step == STEP_READY && l->has_lost)
        arm(l, l->cfg.backoff_max_ms);
    do_step(l);
}

static void on_timer(void *ctx, nh_timer_t *t, uint64_t now_ms)
{
    nh_remote_link_t *l = ctx;
    (void)t;
    (void)now_ms;
    l->info.next_try_ms = NH_NEVER;
    if (l->step < STEP_READY)
        return; // a change began a round meanwhile: at its end
    l->info.rounds++;
    l->has_lost = false;
    l->step = STEP_POST_CONFIG;
    do_step(l);
}

void nh_remote_link_start(nh_remote_link_t *l)
{
    if (l->is_started)
        return;
    l->is_started = true;
    l->backoff_ms = l->backoff_min_ms;
    arm(l, 0);
}

void nh_remote_link_stop(nh_remote_link_t *l)
{
    if (!l->is_started)
        return;
    l->is_started = false;
    nh_timer_cancel(l->cfg.sched, &l->timer);
    l->info.next_try_ms = NH_NEVER;
    l->step = STEP_WAIT;
    close_all(l);
    tell_up(l, false);
}

// ---- what others see ---------------------------------------------------------------------------

void nh_remote_link_info(const nh_remote_link_t *l, struct nh_remote_link_info *out)
{
    *out = l->info;
}

const struct nh_remote_settings *nh_remote_link_settings(const nh_remote_link_t *l)
{
    return &l->known;
}

const struct nh_remote_settings *nh_remote_link_pending(const nh_remote_link_t *l)
{
    return &l->pending;
}

void nh_remote_link_load(nh_remote_link_t *l, const struct nh_remote_settings *known,
                         const struct nh_remote_settings *pending)
{
    l->known = *known;
    l->pending = *pending;
    forget_password(l); // of an older document
}

void nh_remote_link_change(nh_remote_link_t *l, const struct nh_remote_settings *s, uint32_t mask)
{
    nh_remote_settings_merge(&l->pending, s, mask);
    l->info.refused &= ~mask;
    if (l->cfg.settings)
        l->cfg.settings(l->cfg.ctx);
    l->has_changes = true;
    if (l->step != STEP_READY)
        return; // at the end of this round, or with the next one
    l->step = STEP_POST_CONFIG;
    do_step(l);
}

void nh_remote_link_withdraw(nh_remote_link_t *l)
{
    memset(&l->pending, 0, sizeof l->pending);
    l->info.refused = 0;
    if (l->cfg.settings)
        l->cfg.settings(l->cfg.ctx);
}

size_t nh_remote_link_alerts(const nh_remote_link_t *l, const struct nh_remote_alert **out)
{
    *out = l->alerts;
    return l->alert_count;
}

size_t nh_remote_link_events(const nh_remote_link_t *l, const struct nh_remote_event **out)
{
    *out = l->events;
    return l->event_count;
}

// ---- life --------------------------------------------------------------------------------------

static int take_address(nh_remote_link_t *l, const char *gateway)
{
    struct nh_http_url u;
    int err = nh_http_url_parse(gateway, &u);
    if (err < 0)
        return err;
    if (u.target.len > 1)
        return NH_ERR_SYNTAX; // a path: ours are below the root
    if (u.is_tls && !l->cfg.tls)
        return NH_ERR_UNSUPPORTED;
    int n = snprintf(l->base, sizeof l->base, "http%s://%s%s%s:%u", u.is_tls ? "s" : "",
                     u.is_v6 ? "[" : "", u.host, u.is_v6 ? "]" : "", (unsigned)u.port);
    return n < 0 || (size_t)n >= sizeof l->base ? NH_ERR_TOO_LONG : NH_OK;
}

static int take_user(nh_remote_link_t *l, const char *user, const char *password)
{
    char both[128];
    l->headers[l->header_count++] = (struct nh_http_header){"Content-Type", "application/json"};
    if (!user || !user[0])
        return NH_OK;
    int n = snprintf(both, sizeof both, "%s:%s", user, password ? password : "");
    if (n < 0 || (size_t)n >= sizeof both)
        return NH_ERR_TOO_LONG;
    memcpy(l->authorization, "Basic ", 6);
    int err = nh_base64_encode(both, (size_t)n, l->authorization + 6, sizeof l->authorization - 6);
    memset(both, 0, sizeof both);
    l->headers[l->header_count++] = (struct nh_http_header){"Authorization", l->authorization};
    return err < 0 ? err : NH_OK;
}

static int make_sockets(nh_remote_link_t *l)
{
    const struct nh_ws_client_config cfg = {.loop = l->cfg.loop,
                                            .mem = l->cfg.mem,
                                            .tls = l->cfg.tls,
                                            .message_max_bytes = NH_REMOTE_MESSAGE_MAX_BYTES,
                                            .connect_ms = REQUEST_MS,
                                            .ctx = l,
                                            .open = on_open,
                                            .message = on_message,
                                            .closed = on_closed};
    int err = NH_OK;
    for (size_t i = 0; err == NH_OK && i < NH_REMOTE_SOCKET_COUNT; i++)
        err = nh_ws_client_create(&cfg, &l->socket[i]);
    return err;
}

int nh_remote_link_create(const struct nh_remote_link_config *cfg, nh_remote_link_t **out)
{
    *out = NULL;
    nh_remote_link_t *l = nh_mem_alloc_zero(cfg->mem, sizeof *l, NH_MEM_BULK);
    if (!l)
        return NH_ERR_NOMEM;
    l->cfg = *cfg;
    l->cfg.backoff_max_ms = cfg->backoff_max_ms ? cfg->backoff_max_ms : BACKOFF_DEFAULT_MS;
    l->backoff_min_ms =
        l->cfg.backoff_max_ms < BACKOFF_MIN_MS ? l->cfg.backoff_max_ms : BACKOFF_MIN_MS;
    l->step = STEP_WAIT;
    l->info.next_try_ms = NH_NEVER;
    l->timer = (nh_timer_t){.fire = on_timer, .ctx = l, .name = "gateway"};
    int err = take_address(l, cfg->gateway);
    if (err == NH_OK)
        err = take_user(l, cfg->user, cfg->password);
    if (err == NH_OK)
        err = make_sockets(l);
    if (err < 0) {
        nh_remote_link_destroy(l);
        return err;
    }
    *out = l;
    return NH_OK;
}

void nh_remote_link_destroy(nh_remote_link_t *l)
{
    if (!l)
        return;
    if (l->is_started)
        nh_remote_link_stop(l);
    for (size_t i = 0; i < NH_REMOTE_SOCKET_COUNT; i++)
        nh_ws_client_destroy(l->socket[i]);
    memset(l->authorization, 0, sizeof l->authorization);
    nh_mem_free(l->cfg.mem, l);
}
