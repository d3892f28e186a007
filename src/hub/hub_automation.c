// The automation as a part of the hub: the broker's messages, the audio player, the journal.

#include "core/base/log.h"
#include "core/bus/events.h"
#include "hub/hub_parts.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define WALL_MS 60000 // how often the wall clock is looked at
#define FINISHED_QUEUE_MAX 32

// ---- messages -----------------------------------------------------------------------------------

struct subscription {
    struct nh_hub *hub;
    struct nh_automation_filter *filter;
    nh_mqtt_local_t *local;
};

// What the broker tells while it is being subscribed to is what it has retained.
static void on_message(void *ctx, const struct nh_mqtt_message *m)
{
    const struct subscription *s = ctx;
    const struct nh_automation_message in = {.topic = m->topic,
                                             .payload = m->payload,
                                             .is_retained = s->hub->automation_subscribes,
                                             .filter = s->filter};
    nh_automation_message(s->hub->automation, &in, nh_clock_ms());
}

static int filter_add(void *ctx, struct nh_automation_filter *f)
{
    struct nh_hub *hub = ctx;
    struct subscription *s = nh_mem_alloc_zero(hub->automation_mem, sizeof *s, NH_MEM_BULK);
    if (!s)
        return NH_ERR_NOMEM;
    s->hub = hub;
    s->filter = f;
    hub->automation_subscribes = true;
    int err =
        nh_mqtt_local_subscribe(hub->broker, (const char *)f->text.ptr, on_message, s, &s->local);
    hub->automation_subscribes = false;
    if (err < 0) {
        nh_mem_free(hub->automation_mem, s);
        return err;
    }
    f->user = s;
    return NH_OK;
}

static void filter_remove(void *ctx, struct nh_automation_filter *f)
{
    struct nh_hub *hub = ctx;
    struct subscription *s = f->user;
    nh_mqtt_local_unsubscribe(hub->broker, s->local);
    nh_mem_free(hub->automation_mem, s);
}

static int publish(void *ctx, const struct nh_automation_publish *p)
{
    struct nh_hub *hub = ctx;
    const struct nh_mqtt_message m = {
        .topic = p->topic, .payload = p->payload, .qos = p->qos, .retain = p->retain};
    return nh_mqtt_broker_publish(hub->broker, &m, nh_clock_ms());
}

// ---- audio --------------------------------------------------------------------------------------

// A track is named from the root, or from the card.
static int path_of(nh_span_t track, char out[NH_AUDIO_PATH_MAX_BYTES])
{
    bool is_whole = track.len > 0 && track.ptr[0] == '/';
    int n = snprintf(out, NH_AUDIO_PATH_MAX_BYTES, "%s%.*s", is_whole ? "" : "/sdcard/",
                     (int)track.len, (const char *)track.ptr);
    return n < NH_AUDIO_PATH_MAX_BYTES ? NH_OK : NH_ERR_TOO_LONG;
}

// Of a card that is out, and without a player, nobody can tell.
bool nh_hub__has_track(void *ctx, nh_span_t track)
{
    struct nh_hub *hub = ctx;
    char path[NH_AUDIO_PATH_MAX_BYTES];
    int err = hub->audio ? path_of(track, path) : NH_OK;
    if (hub->audio && err == NH_OK)
        err = nh_audio_find(hub->audio, path);
    return err == NH_OK || err == NH_ERR_CLOSED || err == NH_ERR_NOMEM;
}

static int play(void *ctx, const struct nh_automation_play *p)
{
    struct nh_hub *hub = ctx;
    char path[NH_AUDIO_PATH_MAX_BYTES];
    if (!hub->audio)
        return NH_ERR_UNSUPPORTED;
    int err = path_of(p->track, path);
    if (err < 0)
        return err;
    const struct nh_audio_play command = {
        .channel = p->channel == NH_CHANNEL_BACKGROUND ? NH_AUDIO_BACKGROUND : NH_AUDIO_EFFECT,
        .origin = NH_ORIGIN_AUTOMATION,
        .path = path,
        .volume = p->volume < 0 ? 100 : (uint8_t)p->volume,
        .is_looped = p->is_repeated,
        .fade_ms = p->fade_ms < NH_AUDIO_FADE_MAX_MS ? p->fade_ms : NH_AUDIO_FADE_MAX_MS,
        .seek_ms = p->position_ms,
    };
    return nh_audio_play(hub->audio, &command);
}

static struct nh_audio_target target_of(const struct nh_automation_audio *c)
{
    if (c->instance)
        return (struct nh_audio_target){.kind = NH_AUDIO_INSTANCE, .instance = c->instance};
    if (c->channel == NH_CHANNEL_ALL)
        return (struct nh_audio_target){.kind = NH_AUDIO_ALL};
    return (struct nh_audio_target){
        .kind = NH_AUDIO_ONE_CHANNEL,
        .channel = c->channel == NH_CHANNEL_BACKGROUND ? NH_AUDIO_BACKGROUND : NH_AUDIO_EFFECT};
}

static int audio(void *ctx, const struct nh_automation_audio *c)
{
    struct nh_hub *hub = ctx;
    struct nh_audio_target t = target_of(c);
    uint32_t fade_ms = c->fade_ms < NH_AUDIO_FADE_MAX_MS ? c->fade_ms : NH_AUDIO_FADE_MAX_MS;
    if (!hub->audio)
        return NH_ERR_UNSUPPORTED;
    switch (c->verb) {
    case NH_AUTOMATION_AUDIO_STOP:
        return nh_audio_stop(hub->audio, t, fade_ms, NH_ORIGIN_AUTOMATION);
    case NH_AUTOMATION_AUDIO_PAUSE:
        return nh_audio_pause(hub->audio, t);
    case NH_AUTOMATION_AUDIO_RESUME:
        return nh_audio_resume(hub->audio, t);
    case NH_AUTOMATION_AUDIO_SEEK:
        return nh_audio_seek(hub->audio, t, c->value);
    default:
        return nh_audio_volume(hub->audio, t, c->value, fade_ms);
    }
}

static int lamp(void *ctx, nh_span_t json)
{
    return nh_hub__lamp_command(ctx, json, NH_ORIGIN_AUTOMATION);
}

static int audio_left_ms(void *ctx, uint32_t instance)
{
    struct nh_hub *hub = ctx;
    struct nh_audio_snapshot s;
    if (!hub->audio)
        return NH_ERR_NOT_FOUND;
    nh_audio_snapshot(hub->audio, &s);
    for (int c = 0; c < NH_AUDIO_CHANNEL_COUNT; c++) {
        const struct nh_audio_channel_info *i = &s.channel[c];
        if (i->instance != instance || i->state == NH_AUDIO_IDLE)
            continue;
        if (i->state != NH_AUDIO_PLAYING || i->is_looped)
            return NH_ERR_AGAIN;
        if (i->dur_ms == 0)
            return NH_ERR_UNSUPPORTED;
        return i->dur_ms > i->pos_ms ? (int)(i->dur_ms - i->pos_ms) : 0;
    }
    return NH_ERR_NOT_FOUND;
}

static void on_finished(void *ctx, const struct nh_event *e)
{
    static const char *const reasons[] = {"ended", "stopped", "error"};
    struct nh_hub *hub = ctx;
    struct nh_event_audio_finished f;
    memcpy(&f, e->data, sizeof f);
    nh_span_t path = {(const uint8_t *)f.path, strlen(f.path)};
    if (f.is_cut && e->blob)
        path = (nh_span_t){nh_blob_bytes(e->blob), nh_blob_len(e->blob)};
    nh_automation_audio_finished(hub->automation, f.instance, path, reasons[f.reason],
                                 nh_clock_ms());
}

static void drain(void *ctx)
{
    struct nh_hub *hub = ctx;
    nh_bus_drain(hub->automation_sub, 0);
}

static void wake(void *ctx) // any task
{
    struct nh_hub *hub = ctx;
    nh_loop_post(hub->loop, &hub->automation_post);
}

static int hear_audio(struct nh_hub *hub)
{
    static const nh_event_id_t ids[] = {NH_EVENT_AUDIO_FINISHED};
    const struct nh_bus_sub_config cfg = {.name = "automation",
                                          .ids = ids,
                                          .id_count = NH_ARRAY_LEN(ids),
                                          .queue_max = FINISHED_QUEUE_MAX,
                                          .handle = on_finished,
                                          .wake = wake,
                                          .ctx = hub};
    hub->automation_post = (nh_loop_post_t){.fn = drain, .ctx = hub};
    return nh_bus_subscribe(hub->bus, &cfg, &hub->automation_sub);
}

// ---- what people see ----------------------------------------------------------------------------

static void log_text(void *ctx, enum nh_step_level level, nh_span_t text)
{
    static const enum nh_log_level levels[] = {NH_LOG_INFO, NH_LOG_WARN, NH_LOG_ERROR};
    (void)ctx;
    nh_log_write(levels[level], "automation", "%.*s", (int)text.len, (const char *)text.ptr);
}

// In the log, and for whoever listens: a phone, a display.
static void notify(void *ctx, enum nh_step_level level, nh_span_t text)
{
    static const char *const names[] = {"info", "warning", "error"};
    struct nh_hub *hub = ctx;
    char topic[80];
    log_text(ctx, level, text);
    int n = snprintf(topic, sizeof topic, "nuthatch/%s/notify/%s", hub->cfg.name, names[level]);
    const struct nh_mqtt_message m = {.topic = {(const uint8_t *)topic, (size_t)n},
                                      .payload = text};
    if (nh_mqtt_broker_publish(hub->broker, &m, nh_clock_ms()) < 0)
        NH_LOG_W("automation", "that could not be published");
}

static void changed(void *ctx, enum nh_automation_part part)
{
    static const char *const parts[NH_AUTOMATION_PART_COUNT] = {
        [NH_AUTOMATION_INSTANCES] = "automation",
        [NH_AUTOMATION_FLAGS] = "automation",
        [NH_AUTOMATION_VARIABLES] = "automation",
        [NH_AUTOMATION_GAME] = "game",
        [NH_AUTOMATION_MONITORS] = "monitors"};
    struct nh_hub *hub = ctx;
    if (hub->portal)
        nh_portal_feed_changed(hub->portal, parts[part]);
}

// ---- the journal --------------------------------------------------------------------------------

static int store_commit(void *ctx, const struct nh_automation_write *writes, size_t count)
{
    return nh_automation_journal_commit(((struct nh_hub *)ctx)->automation_journal, writes, count);
}

static int store_wait(void *ctx)
{
    return nh_automation_journal_wait(((struct nh_hub *)ctx)->automation_journal);
}

static void on_stored(void *ctx, int err)
{
    struct nh_hub *hub = ctx;
    if (hub->automation)
        nh_automation_stored(hub->automation, err, nh_clock_ms());
}

static int store_each(void *ctx, const char *prefix,
                      void (*visit)(void *visit_ctx, const char *key, const void *value,
                                    size_t len),
                      void *visit_ctx)
{
    return nh_automation_journal_each(((struct nh_hub *)ctx)->automation_journal, prefix, visit,
                                      visit_ctx);
}

static const struct nh_automation_store store = {store_commit, store_wait, store_each};

// Without one, everything works but going on after a restart.
static void start_journal(struct nh_hub *hub)
{
    char dir[sizeof hub->cfg.data + sizeof "/automation"];
    const struct nh_automation_journal_config cfg = {.sys = hub->sys,
                                                     .mem = hub->automation_mem,
                                                     .loop = hub->loop,
                                                     .dir = dir,
                                                     .batch_bytes =
                                                         hub->cfg.automation.text_max_bytes,
                                                     .stored = on_stored,
                                                     .ctx = hub};
    snprintf(dir, sizeof dir, "%s/automation", hub->cfg.data);
    if (!hub->cfg.automation.journal)
        return;
    int err = nh_automation_journal_start(&cfg, &hub->automation_journal);
    if (err < 0)
        NH_LOG_E("automation", "%s: %s; a restart will cut short what runs", dir, nh_err_text(err));
}

// ---- time ---------------------------------------------------------------------------------------

static int utc_offset_min(int64_t unix_ms)
{
    time_t now = (time_t)(unix_ms / 1000);
    struct tm local;
    return localtime_r(&now, &local) ? (int)(local.tm_gmtoff / 60) : 0;
}

static void on_wall(void *ctx, struct nh_timer *t, uint64_t now_ms)
{
    struct nh_hub *hub = ctx;
    int64_t unix_ms = nh_clock_unix_ms();
    (void)t;
    nh_automation_wall_set(hub->automation, unix_ms, utc_offset_min(unix_ms), now_ms);
}

static uint64_t next_deadline(void *ctx)
{
    return nh_automation_next_deadline(((struct nh_hub *)ctx)->automation);
}

static void tick(void *ctx, uint64_t now_ms)
{
    nh_automation_tick(((struct nh_hub *)ctx)->automation, now_ms);
}

static int start_time(struct nh_hub *hub)
{
    hub->automation_deadline =
        (struct nh_loop_deadline){.next = next_deadline, .fire = tick, .ctx = hub};
    hub->automation_wall = (nh_timer_t){.fire = on_wall, .ctx = hub, .name = "automation wall"};
    int err = nh_loop_deadline_add(hub->loop, &hub->automation_deadline);
    return err < 0
               ? err
               : nh_timer_arm_aligned(hub->sched, &hub->automation_wall, nh_clock_ms(), WALL_MS, 0);
}

// ---- devices ------------------------------------------------------------------------------------

int nh_hub__devices_fit(void *ctx, const nh_device_set_t *set, nh_device_finding_fn finding,
                        void *finding_ctx)
{
    return nh_automation_devices_check(((struct nh_hub *)ctx)->automation, set, finding,
                                       finding_ctx);
}

int nh_hub__devices_prepare(void *ctx, nh_device_set_t *set, nh_device_finding_fn finding,
                            void *finding_ctx)
{
    return nh_automation_devices_prepare(((struct nh_hub *)ctx)->automation, set, finding,
                                         finding_ctx, nh_clock_ms());
}

void nh_hub__devices_drop(void *ctx)
{
    nh_automation_devices_drop(((struct nh_hub *)ctx)->automation, nh_clock_ms());
}

void nh_hub__devices_in_force(void *ctx, nh_device_set_t *set, bool cancel)
{
    (void)set; // it is the one that was prepared
    nh_automation_devices_commit(((struct nh_hub *)ctx)->automation,
                                 cancel ? NH_AUTOMATION_CANCEL : NH_AUTOMATION_KEEP, nh_clock_ms(),
                                 NULL, NULL);
}

void nh_hub__devices_running(void *ctx, nh_json_writer_t *w)
{
    nh_automation_write_running(((struct nh_hub *)ctx)->automation, w);
}

// ---- life ---------------------------------------------------------------------------------------

static struct nh_automation_limits limits_of(const struct nh_hub_config *c)
{
    return (struct nh_automation_limits){.instance_max_count = c->automation.instance_max_count,
                                         .flag_max_count = c->automation.flag_max_count,
                                         .variable_max_count = c->automation.variable_max_count,
                                         .value_max_bytes = c->automation.value_max_bytes,
                                         .local_max_bytes = c->automation.local_max_bytes,
                                         .text_max_bytes = c->automation.text_max_bytes,
                                         .turn_max_steps = c->automation.turn_max_steps,
                                         .call_max_turns = c->automation.call_max_turns,
                                         .run_depth_max = c->automation.run_depth_max,
                                         .publish_max_per_s = c->automation.publish_max_per_s,
                                         .flood_max_count = c->automation.flood_max_count,
                                         .flood_window_ms = c->automation.flood_window_ms,
                                         .cooloff_ms = c->automation.cooloff_ms,
                                         .on_stop_max_steps = c->automation.on_stop_max_steps,
                                         .filter_max_count = c->automation.filter_max_count,
                                         .inbox_max_bytes = c->automation.inbox_max_bytes,
                                         .outbox_max_bytes = c->automation.outbox_max_bytes,
                                         .trace_bytes = c->automation.trace_bytes,
                                         .trace_total_bytes = c->automation.trace_total_bytes,
                                         .log_max_count = c->automation.log_max_count,
                                         .journal_max_count = c->automation.journal_max_count};
}

static int create(struct nh_hub *hub)
{
    const struct nh_automation_limits limits = limits_of(&hub->cfg);
    const int64_t unix_ms = nh_clock_unix_ms();
    const struct nh_automation_config cfg = {
        .mem = hub->automation_mem,
        .limits = &limits,
        .out = {.publish = publish,
                .play = play,
                .audio = audio,
                .lamp = lamp,
                .audio_left_ms = audio_left_ms,
                .log = log_text,
                .notify = notify,
                .changed = changed,
                .filter_add = filter_add,
                .filter_remove = filter_remove,
                .store = hub->automation_journal ? &store : NULL,
                .ctx = hub},
        .seed = nh_random_u32(),
        .now_ms = nh_clock_ms(),
        .unix_ms = unix_ms,
        .utc_offset_min = utc_offset_min(unix_ms),
    };
    return nh_automation_create(&cfg, &hub->automation);
}

// Before the devices, which give it their set; a broker alone has neither.
int nh_hub__start_automation(struct nh_hub *hub)
{
    struct nh_automation_info info;
    if (!nh_hub__has_devices(hub))
        return NH_OK;
    int err = nh_hub__owner(hub, "automation", &hub->automation_mem);
    if (err < 0)
        return err;
    start_journal(hub);
    err = create(hub);
    if (err == 0)
        err = hear_audio(hub);
    if (err == 0)
        err = start_time(hub);
    if (err < 0)
        return err;
    nh_automation_info(hub->automation, &info);
    if (!info.is_enabled)
        NH_LOG_E("automation", "OFF: three starts in a row ended within a minute; see POST "
                               "/api/automation/enable");
    return NH_OK;
}

void nh_hub__stop_automation(struct nh_hub *hub)
{
    if (hub->automation_deadline.next)
        nh_loop_deadline_remove(hub->loop, &hub->automation_deadline);
    if (hub->sched)
        nh_timer_cancel(hub->sched, &hub->automation_wall);
    if (hub->automation_sub)
        nh_bus_unsubscribe(hub->bus, hub->automation_sub);
    hub->automation_sub = NULL;
    if (hub->automation_post.fn)
        nh_loop_post_cancel(hub->loop, &hub->automation_post);
    nh_automation_destroy(hub->automation);
    hub->automation = NULL;
    nh_automation_journal_stop(hub->automation_journal);
    hub->automation_journal = NULL;
}
