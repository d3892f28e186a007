#include "components/homeassistant/homeassistant.h"

#include "components/homeassistant/homeassistant_state.h"
#include "core/base/log.h"
#include "core/base/utf8.h"

#include <stdio.h>
#include <string.h>

static void mark(nh_homeassistant_t *ha, const char *tag)
{
    if (ha->cfg.hotspot_once)
        ha->cfg.hotspot_once(ha->cfg.ctx, tag);
}

// ---- saying -------------------------------------------------------------------------------------

static nh_span_t span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

static int publish_here(nh_homeassistant_t *ha, const struct nh_mqtt_message *m)
{
    int err = nh_mqtt_broker_publish(ha->cfg.broker, m, ha->cfg.clock_ms());
    if (err < 0)
        return err;
    ha->own_messages++;
    ha->own_bytes += m->topic.len + m->payload.len;
    return NH_OK;
}

int nh_homeassistant_publish(nh_homeassistant_t *ha, nh_span_t topic, nh_span_t payload,
                             bool retain)
{
    const struct nh_mqtt_message m = {.topic = topic, .payload = payload, .retain = retain};
    if (!ha->is_online)
        return NH_ERR_CLOSED;
    if (!ha->publisher)
        return publish_here(ha, &m);
    return nh_mqtt_publisher_publish(ha->publisher, topic, payload, retain, ha->cfg.clock_ms());
}

int nh_homeassistant__say(nh_homeassistant_t *ha, const char *suffix, nh_span_t payload,
                          bool retain)
{
    char topic[NH_HOMEASSISTANT__TOPIC_MAX_BYTES];
    snprintf(topic, sizeof topic, "devices/%s/%s", ha->name, suffix);
    mark(ha, "mqtt_first_publish");
    int err = nh_homeassistant_publish(ha, span(topic), payload, retain);
    ha->dropped_long += err == NH_ERR_TOO_LONG;
    return err;
}

static int say_availability(nh_homeassistant_t *ha, const char *word)
{
    char topic[NH_HOMEASSISTANT__TOPIC_MAX_BYTES];
    snprintf(topic, sizeof topic, "devices/%s/availability", ha->name);
    return nh_homeassistant_publish(ha, span(topic), span(word), true);
}

static struct nh_json_buf begin(nh_homeassistant_t *ha)
{
    return (struct nh_json_buf){.ptr = ha->payload, .cap = sizeof ha->payload};
}

static nh_span_t written(const nh_homeassistant_t *ha, const struct nh_json_buf *buf)
{
    return (nh_span_t){(const uint8_t *)ha->payload, buf->len};
}

// The topic and the document of an entity; empty: it is gone. False: there is nothing to say.
static bool write_entity(nh_homeassistant_t *ha, size_t at, char *topic, size_t cap,
                         nh_json_writer_t *w)
{
    struct nh_homeassistant_entity e;
    if (at < nh_homeassistant__entity_count(&ha->device)) {
        nh_homeassistant__entity_topic(&ha->device, at, topic, cap);
        nh_homeassistant__entity_write(&ha->device, at, w);
        return true;
    }
    const struct nh_homeassistant_part *part = nh_homeassistant__part_of(ha, &at);
    part->entity(part->ctx, at, &e);
    if (!e.component)
        return false;
    nh_homeassistant__part_topic(&ha->device, &e, topic, cap);
    if (!e.is_gone)
        nh_homeassistant__part_write(&ha->device, part, &e, at, w);
    return true;
}

static int say_entity(nh_homeassistant_t *ha, size_t at)
{
    char topic[NH_HOMEASSISTANT__TOPIC_MAX_BYTES];
    struct nh_json_buf buf = begin(ha);
    nh_json_writer_t w;
    int err = NH_OK;
    if (at == 0)
        mark(ha, "mqtt_discovery_pre");
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    if (write_entity(ha, at, topic, sizeof topic, &w)) {
        mark(ha, "mqtt_first_publish");
        if (w.written_bytes && nh_json_writer_end(&w) < 0)
            err = NH_ERR_TOO_LONG;
        if (err == 0)
            err = nh_homeassistant_publish(ha, span(topic), written(ha, &buf), true);
    }
    ha->dropped_long += err == NH_ERR_TOO_LONG;
    if (at + 1 == nh_homeassistant__entities(ha) && err != NH_ERR_FULL)
        mark(ha, "mqtt_discovery_post");
    return err;
}

static int say_state(nh_homeassistant_t *ha)
{
    struct nh_json_buf buf = begin(ha);
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    ha->cfg.health(ha->cfg.ctx, &w);
    if (nh_json_writer_end(&w) < 0) {
        ha->dropped_long++;
        return NH_ERR_TOO_LONG;
    }
    int err = nh_homeassistant__say(ha, "health/state", written(ha, &buf), true);
    if (err == 0)
        ha->last_state_ms = ha->cfg.clock_ms();
    return err;
}

static int say_event(nh_homeassistant_t *ha, const struct nh_homeassistant__event *e)
{
    struct nh_json_buf buf = begin(ha);
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_json_object_begin(&w);
    nh_json_kv_string(&w, "event_type", e->is_hold ? "hold" : "press");
    nh_json_kv_uint(&w, "page", e->page);
    nh_json_kv_uint(&w, "slot", e->slot);
    nh_json_kv_string(&w, "label", e->label);
    nh_json_object_end(&w);
    int err = nh_json_writer_end(&w);
    if (err == 0)
        err = nh_homeassistant__say(ha, "event", written(ha, &buf), false);
    ha->said_events += err == 0;
    return err;
}

// room() comes again. What fails for another reason than room is told by its counter and does not
// hold up the rest.
void nh_homeassistant__pump(nh_homeassistant_t *ha)
{
    while (ha->is_online) {
        if (ha->wants_availability) {
            if (say_availability(ha, "online") == NH_ERR_FULL)
                return;
            ha->wants_availability = false;
        } else if (ha->entity_next < nh_homeassistant__entities(ha)) {
            if (say_entity(ha, ha->entity_next) == NH_ERR_FULL)
                return;
            ha->entity_next++;
        } else if (nh_homeassistant__part_states_wait(ha)) {
            if (nh_homeassistant__part_states_say(ha) == NH_ERR_FULL)
                return;
        } else if (ha->wants_state) {
            if (say_state(ha) == NH_ERR_FULL)
                return;
            ha->wants_state = false;
        } else if (ha->event_count) {
            if (say_event(ha, &ha->events[ha->event_at]) == NH_ERR_FULL)
                return;
            ha->event_at = (ha->event_at + 1) % NH_HOMEASSISTANT_EVENT_MAX_COUNT;
            ha->event_count--;
        } else {
            return;
        }
    }
}

void nh_homeassistant_press(nh_homeassistant_t *ha, uint32_t page, uint32_t slot, nh_span_t label,
                            bool is_hold)
{
    if (!ha)
        return;
    if (!ha->is_online || ha->event_count == NH_HOMEASSISTANT_EVENT_MAX_COUNT) {
        ha->dropped_events++;
        return;
    }
    struct nh_homeassistant__event *e =
        &ha->events[(ha->event_at + ha->event_count++) % NH_HOMEASSISTANT_EVENT_MAX_COUNT];
    *e = (struct nh_homeassistant__event){.page = page, .slot = slot, .is_hold = is_hold};
    size_t len = label.len;
    if (len >= sizeof e->label)
        len = nh_utf8_valid_len((const char *)label.ptr, sizeof e->label - 1, true);
    if (len)
        memcpy(e->label, label.ptr, len);
    nh_homeassistant__pump(ha);
}

// ---- the broker is there, or away ---------------------------------------------------------------

static void want_all(nh_homeassistant_t *ha)
{
    ha->wants_availability = ha->wants_state = true;
    ha->entity_next = 0;
    nh_homeassistant__part_states_want(ha);
}

static void on_online(void *ctx)
{
    nh_homeassistant_t *ha = ctx;
    mark(ha, "mqtt_connected");
    ha->is_online = true;
    want_all(ha);
    if (ha->publisher)
        NH_LOG_I("homeassistant", "connected to %s as %s", ha->address, ha->name);
    nh_homeassistant__pump(ha);
}

static void on_room(void *ctx)
{
    nh_homeassistant__pump(ctx);
}

static void on_offline(void *ctx, const char *reason, uint32_t wait_ms)
{
    nh_homeassistant_t *ha = ctx;
    ha->is_online = false;
    ha->dropped_events += ha->event_count;
    ha->event_count = 0;
    if (wait_ms && ha->started_ms) // it is not stopping
        NH_LOG_W("homeassistant", "%s: %s; next attempt in %u ms", ha->address, reason,
                 (unsigned)wait_ms);
}

static void on_dial(void *ctx)
{
    nh_homeassistant_t *ha = ctx;
    mark(ha, "mqtt_connect_attempt");
    ha->cfg.dial(ha->cfg.ctx);
}

static void on_hang_up(void *ctx)
{
    nh_homeassistant_t *ha = ctx;
    ha->is_online = false;
    ha->cfg.hang_up(ha->cfg.ctx);
}

static void on_dirty(void *ctx)
{
    nh_homeassistant_t *ha = ctx;
    ha->cfg.dirty(ha->cfg.ctx);
}

// ---- hearing ------------------------------------------------------------------------------------

static bool is_text(nh_span_t s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0;
}

static void hear(nh_homeassistant_t *ha, nh_span_t topic, nh_span_t payload, bool retain)
{
    // A retained "online" comes with the subscription, when all has just been said; a retained
    // command is one of another day.
    if (!ha->is_online || retain)
        return;
    if (is_text(topic, ha->filter[0])) {
        if (is_text(payload, "online")) {
            want_all(ha);
            nh_homeassistant__pump(ha);
        }
    } else if (nh_homeassistant__part_hear(ha, topic, payload)) {
        ha->commands++;
    }
}

static void on_message(void *ctx, nh_span_t topic, nh_span_t payload, bool retain)
{
    hear(ctx, topic, payload, retain);
}

static void on_own_message(void *ctx, const struct nh_mqtt_message *m)
{
    hear(ctx, m->topic, m->payload, false); // what is kept came before it was online
}

static void listen(nh_homeassistant_t *ha)
{
    for (size_t i = 0; ha->filters[i]; i++) {
        int err = nh_mqtt_local_subscribe(ha->cfg.broker, ha->filters[i], on_own_message, ha,
                                          &ha->ears[i]);
        if (err < 0)
            NH_LOG_W("homeassistant", "%s is not heard: %s", ha->filters[i], nh_err_text(err));
    }
}

static void leave(nh_homeassistant_t *ha)
{
    for (size_t i = 0; i < NH_HOMEASSISTANT__FILTER_COUNT; i++) {
        if (ha->ears[i])
            nh_mqtt_local_unsubscribe(ha->cfg.broker, ha->ears[i]);
        ha->ears[i] = NULL;
    }
}

static void on_timer(void *ctx, struct nh_timer *t, uint64_t now_ms)
{
    nh_homeassistant_t *ha = ctx;
    (void)t;
    (void)now_ms;
    if (!ha->is_online && !ha->publisher) {
        mark(ha, "mqtt_connect_attempt"); // the own broker is always there
        listen(ha);
        on_online(ha);
        return;
    }
    ha->wants_state = true;
    nh_homeassistant__part_states_want(ha);
    nh_homeassistant__pump(ha);
}

uint64_t nh_homeassistant_next_deadline(const nh_homeassistant_t *ha)
{
    return ha->publisher && ha->started_ms ? nh_mqtt_publisher_next_deadline(ha->publisher)
                                           : NH_NEVER;
}

void nh_homeassistant_tick(nh_homeassistant_t *ha, uint64_t now_ms)
{
    if (ha->publisher && ha->started_ms)
        nh_mqtt_publisher_tick(ha->publisher, now_ms);
}

nh_mqtt_publisher_t *nh_homeassistant_publisher(nh_homeassistant_t *ha)
{
    return ha->publisher;
}

// ---- life ---------------------------------------------------------------------------------------

static int copy(char *out, size_t cap, const char *text)
{
    return snprintf(out, cap, "%s", text ? text : "") < (int)cap ? NH_OK : NH_ERR_TOO_LONG;
}

static int copy_texts(nh_homeassistant_t *ha, const struct nh_homeassistant_config *cfg)
{
    int err = copy(ha->name, sizeof ha->name, cfg->name);
    if (err == 0)
        err = copy(ha->prefix, sizeof ha->prefix, cfg->prefix ? cfg->prefix : "homeassistant");
    if (err == 0)
        err = copy(ha->device_name, sizeof ha->device_name, cfg->device_name);
    if (err == 0)
        err = copy(ha->model, sizeof ha->model, cfg->model);
    if (err == 0)
        err = copy(ha->version, sizeof ha->version, cfg->version);
    if (err == 0)
        err = copy(ha->address, sizeof ha->address, cfg->address);
    ha->device = (struct nh_homeassistant__device){.prefix = ha->prefix,
                                                   .name = ha->name,
                                                   .device_name = ha->device_name,
                                                   .model = ha->model,
                                                   .version = ha->version,
                                                   .has_buttons = cfg->has_buttons};
    return err == 0 && !ha->name[0] ? NH_ERR_INVAL : err;
}

static int make_publisher(nh_homeassistant_t *ha, const struct nh_homeassistant_config *cfg)
{
    char will_topic[NH_HOMEASSISTANT__TOPIC_MAX_BYTES];
    snprintf(will_topic, sizeof will_topic, "devices/%s/availability", ha->name);
    const struct nh_mqtt_publisher_config p = {
        .mem = cfg->mem,
        .client_id = ha->name,
        .user = cfg->user,
        .password = cfg->password,
        .will_topic = will_topic,
        .will_payload = "offline",
        .keepalive_s = cfg->keepalive_s ? cfg->keepalive_s : 15,
        .output_max_bytes = NH_HOMEASSISTANT__OUTPUT_MAX_BYTES,
        .backoff_min_ms = cfg->backoff_min_ms,
        .backoff_max_ms = cfg->backoff_max_ms,
        .seed = cfg->seed,
        .filters = ha->filters,
        .input_max_bytes = NH_HOMEASSISTANT__INPUT_MAX_BYTES,
        .message = on_message,
        .ctx = ha,
        .dial = on_dial,
        .hang_up = on_hang_up,
        .dirty = on_dirty,
        .online = on_online,
        .room = on_room,
        .offline = on_offline,
    };
    return nh_mqtt_publisher_create(&p, &ha->publisher);
}

int nh_homeassistant_create(const struct nh_homeassistant_config *cfg, nh_homeassistant_t **out)
{
    *out = NULL;
    nh_homeassistant_t *ha = nh_mem_alloc_zero(cfg->mem, sizeof *ha, NH_MEM_BULK);
    if (!ha)
        return NH_ERR_NOMEM;
    ha->cfg = *cfg;
    ha->timer.fire = on_timer;
    ha->timer.ctx = ha;
    ha->timer.name = "homeassistant";
    ha->cfg.parts = NULL;
    int err = copy_texts(ha, cfg);
    if (err == 0)
        err = nh_homeassistant__parts_take(ha, cfg);
    if (err == 0 && cfg->address)
        err = make_publisher(ha, cfg);
    if (err < 0) {
        nh_homeassistant_destroy(ha);
        return err;
    }
    ha->cfg.user = ha->cfg.password = NULL; // borrowed for the call; the publisher has its own
    *out = ha;
    return NH_OK;
}

int nh_homeassistant_start(nh_homeassistant_t *ha)
{
    uint64_t now_ms = ha->cfg.clock_ms(), every_ms = (uint64_t)ha->cfg.interval_s * 1000;
    ha->started_ms = now_ms ? now_ms : 1;
    if (ha->publisher && !every_ms)
        return NH_OK;
    return nh_timer_arm(ha->cfg.sched, &ha->timer, ha->publisher ? now_ms + every_ms : now_ms,
                        every_ms);
}

static void disarm(nh_homeassistant_t *ha)
{
    if (nh_timer_is_armed(&ha->timer))
        nh_timer_cancel(ha->cfg.sched, &ha->timer);
}

void nh_homeassistant_stop(nh_homeassistant_t *ha)
{
    if (!ha)
        return;
    disarm(ha);
    leave(ha);
    bool is_said = ha->is_online && say_availability(ha, "offline") == 0;
    ha->is_online = false;
    ha->dropped_events += ha->event_count;
    ha->event_count = 0;
    if (!ha->publisher || !ha->started_ms)
        return;
    if (is_said)
        nh_mqtt_publisher_stop(ha->publisher, ha->cfg.clock_ms());
    else
        ha->cfg.hang_up(ha->cfg.ctx); // without a good-bye, so that the broker sends the will
    ha->started_ms = 0;
}

void nh_homeassistant_destroy(nh_homeassistant_t *ha)
{
    if (!ha)
        return;
    disarm(ha);
    leave(ha);
    nh_mqtt_publisher_destroy(ha->publisher);
    nh_mem_free(ha->cfg.mem, ha);
}

// ---- what it is like ----------------------------------------------------------------------------

static void publisher_info(const nh_homeassistant_t *ha, struct nh_homeassistant_info *out)
{
    static const char *const states[] = {[NH_MQTT_PUBLISHER_WAITING] = "waiting",
                                         [NH_MQTT_PUBLISHER_DIALING] = "dialing",
                                         [NH_MQTT_PUBLISHER_GREETING] = "greeting",
                                         [NH_MQTT_PUBLISHER_ONLINE] = "online",
                                         [NH_MQTT_PUBLISHER_LEAVING] = "leaving"};
    struct nh_mqtt_publisher_info p;
    nh_mqtt_publisher_info(ha->publisher, &p);
    out->state = states[p.state];
    out->reason = p.reason;
    out->since_ms = p.since_ms;
    out->next_ms = p.state == NH_MQTT_PUBLISHER_WAITING ? p.next_ms : NH_NEVER;
    out->connects = p.connects;
    out->failures = p.failures;
    out->messages = p.messages;
    out->bytes_out = p.bytes_out;
}

void nh_homeassistant_info(const nh_homeassistant_t *ha, struct nh_homeassistant_info *out)
{
    *out = (struct nh_homeassistant_info){.is_own_broker = !ha->publisher,
                                          .is_online = ha->is_online,
                                          .has_interval = ha->cfg.interval_s > 0,
                                          .last_state_ms = ha->last_state_ms,
                                          .events = ha->said_events,
                                          .dropped_events = ha->dropped_events,
                                          .dropped_long = ha->dropped_long,
                                          .commands = ha->commands};
    if (ha->publisher) {
        publisher_info(ha, out);
        return;
    }
    out->state = ha->is_online ? "online" : "waiting";
    out->reason = ha->is_online ? "the hub's own broker" : "not started yet";
    out->since_ms = ha->started_ms;
    out->next_ms = NH_NEVER;
    out->connects = ha->is_online;
    out->messages = ha->own_messages;
    out->bytes_out = ha->own_bytes;
}
