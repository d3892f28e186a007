// The owner: the board's line and what is known of the pack, brought together on the loop's task.

#include "components/battery/battery.h"

#include "components/battery/battery_private.h"
#include "components/battery/battery_settings.h"
#include "core/base/atomic.h"
#include "core/base/log.h"

#include <stdio.h>
#include <string.h>

#define LOG_EVERY_MS 60000

static struct nh_battery__time time_now(void)
{
    return (struct nh_battery__time){.now_ms = nh_clock_ms(), .unix_ms = nh_clock_unix_ms()};
}

nh_battery__pack_t *nh_battery__pack_of(const nh_battery_t *b)
{
    return b->pack;
}

nh_battery__settings_t *nh_battery__settings_of(const nh_battery_t *b)
{
    return b->board_settings;
}

// ---- requests

// To wake a task takes a call of the system, longer than all the rest of a post. The loop's task
// may go on first with what it is at: the answer comes to it anyway. A place of each task names it.
static _Thread_local char this_task;

static void kick_soon(nh_battery_t *b)
{
    bool is_loop = b->loop_id == &this_task;
    if (is_loop && nh_timer_is_armed(&b->kick))
        return;
    if (!is_loop || nh_timer_arm(b->cfg.sched, &b->kick, nh_clock_ms(), 0) < 0)
        nh_battery_worker_kick(b->worker);
}

static void on_kick(void *ctx, nh_timer_t *t, uint64_t now_ms)
{
    const nh_battery_t *b = ctx;
    (void)t;
    (void)now_ms;
    nh_battery_worker_kick(b->worker);
}

int nh_battery_post(nh_battery_t *b, const struct nh_battery_request *r, uint32_t *ticket)
{
    int err = b->worker ? nh_battery_worker_post_quietly(b->worker, r, ticket) : NH_ERR_CLOSED;
    if (err == 0)
        kick_soon(b);
    return err;
}

int nh_battery_ask(nh_battery_t *b, const struct nh_battery_request *r, uint32_t wait_ms,
                   struct nh_battery_reply *out)
{
    return b->worker ? nh_battery_worker_ask(b->worker, r, wait_ms, out) : NH_ERR_CLOSED;
}

int nh_battery_cached(nh_battery_t *b, uint16_t address, uint16_t count, uint32_t max_age_ms,
                      uint16_t *out)
{
    uint64_t now_ms = nh_clock_ms();
    if (!b->worker)
        return NH_ERR_NOT_FOUND;
    return nh_battery_worker_cached(b->worker, address, count,
                                    now_ms > max_age_ms ? now_ms - max_age_ms : 0, out);
}

void nh_battery_statistics(nh_battery_t *b, struct nh_battery_statistics *out)
{
    *out = (struct nh_battery_statistics){0};
    if (b->worker)
        nh_battery_worker_statistics(b->worker, out);
    out->implausible = nh_atomic_load_u32(&b->implausible);
}

// ---- the board's log

static void on_log(void *ctx, const struct nh_battery_reply *r)
{
    nh_battery_t *b = ctx;
    uint16_t clock[2];
    b->is_log_asked = false;
    if (r->outcome != NH_BATTERY_DONE || nh_battery_cached(b, 32, 2, UINT32_MAX, clock) < 0)
        return;
    nh_battery__pack_board_log(b->pack, r->words, (uint32_t)clock[1] << 16 | clock[0], time_now());
}

static void ask_log(nh_battery_t *b)
{
    const struct nh_battery_request r = {
        .kind = NH_BATTERY_EVENTS, .priority = NH_BATTERY_PRIO_EVENTS, .done = on_log, .ctx = b};
    if (b->is_log_asked)
        return;
    b->is_log_asked = nh_battery_post(b, &r, NULL) == 0;
    if (b->is_log_asked)
        b->log_at_ms = nh_clock_ms() + LOG_EVERY_MS;
}

// ---- what the line brings

// The pack has begun anew, with nothing: all is read again, also what is read but once a minute.
// True: all is asked for. What finds no place in the queue is tried again with the next news.
static bool ask_all(nh_battery_t *b)
{
    static const uint16_t parts[][2] = {
        {NH_TINYBMS_LIVE_FIRST, NH_TINYBMS_LIVE_COUNT},
        {NH_TINYBMS_STATISTICS_FIRST, NH_TINYBMS_STATISTICS_COUNT},
        {NH_TINYBMS_SETTINGS_FIRST, NH_TINYBMS_SETTINGS_COUNT},
        {NH_TINYBMS_VERSION_FIRST, NH_TINYBMS_VERSION_COUNT},
    };
    int err = NH_OK;
    for (size_t i = 0; i < NH_ARRAY_LEN(parts) && err == NH_OK; i++)
        err = nh_battery_post(b,
                              &(struct nh_battery_request){.kind = NH_BATTERY_READ,
                                                           .priority = NH_BATTERY_PRIO_USER,
                                                           .address = parts[i][0],
                                                           .count = parts[i][1]},
                              NULL);
    return err == NH_OK;
}

static void offer(nh_battery_t *b, struct nh_battery_candidate *c, uint64_t asked_ms)
{
    c->source = NH_BATTERY_FROM_LOCAL;
    c->generation = b->generation;
    c->time_ms = asked_ms;
    int n = nh_battery__pack_offer(b->pack, c, time_now());
    if (n > 0)
        nh_atomic_add_u32(&b->implausible, (uint32_t)n);
    else if (n == NH_ERR_CONFLICT)
        b->wants_all = true;
}

static void tell_order(nh_battery_t *b, const uint16_t *words)
{
    if (b->is_order_told || !nh_battery__is_other_order(words, b->cfg.is_descending))
        return;
    b->is_order_told = true;
    NH_LOG_W("battery", "cells stand in the other registers: set battery.descending to %s",
             b->cfg.is_descending ? "false" : "true");
}

static void on_live(nh_battery_t *b, uint64_t asked_ms)
{
    uint16_t words[NH_TINYBMS_LIVE_COUNT];
    struct nh_battery_candidate c = {0};
    nh_battery_worker_live(b->worker, words);
    nh_battery__decode_live(words, b->cfg.is_descending, &c);
    tell_order(b, words);
    offer(b, &c, asked_ms);
    if (words[50] != b->log_status || nh_clock_ms() >= b->log_at_ms) {
        b->log_status = words[50];
        ask_log(b);
    }
}

// A register that was read by itself may be the only one of its part that is known.
static bool are_known(const uint64_t *times, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (times[i] == 0)
            return false;
    return true;
}

static void on_statistics(nh_battery_t *b)
{
    uint16_t words[NH_TINYBMS_STATISTICS_COUNT];
    uint64_t times[NH_TINYBMS_STATISTICS_COUNT];
    struct nh_battery_candidate c = {0};
    nh_battery_worker_words(b->worker, NH_TINYBMS_STATISTICS_FIRST, NH_TINYBMS_STATISTICS_COUNT,
                            words, times);
    if (!are_known(times, NH_TINYBMS_STATISTICS_COUNT))
        return;
    nh_battery__decode_statistics(words, &c);
    offer(b, &c, times[0]);
    if (memcmp(words + 5, b->log_counters, sizeof b->log_counters) != 0) {
        memcpy(b->log_counters, words + 5, sizeof b->log_counters);
        ask_log(b);
    }
}

static void on_version(nh_battery_t *b)
{
    uint16_t words[NH_TINYBMS_VERSION_COUNT];
    uint64_t times[NH_TINYBMS_VERSION_COUNT];
    struct nh_battery_candidate c = {0};
    nh_battery_worker_words(b->worker, NH_TINYBMS_VERSION_FIRST, NH_TINYBMS_VERSION_COUNT, words,
                            times);
    if (!are_known(times, NH_TINYBMS_VERSION_COUNT))
        return;
    nh_battery__settings_words(b->board_settings, NH_TINYBMS_VERSION_FIRST,
                               NH_TINYBMS_VERSION_COUNT, words);
    nh_battery__decode_version(words, &c);
    offer(b, &c, times[0]);
}

// ---- settings

static void post_register(nh_battery_t *b, uint16_t address, uint16_t raw, bool is_written)
{
    const struct nh_tinybms_register *r = nh_tinybms_register_of(address);
    struct nh_event e = {.id = NH_EVENT_BATTERY_REGISTER,
                         .data_len = sizeof(struct nh_event_battery_register),
                         .time_ms = nh_clock_ms()};
    struct nh_event_battery_register data = {
        .address = address, .raw = raw, .is_written = is_written};
    if (!b->cfg.bus)
        return;
    if (r && nh_tinybms_register_words(r) == 1)
        data.value = (float)nh_tinybms_value(r, &raw);
    else
        data.value = raw;
    if (r)
        snprintf(data.key, sizeof data.key, "%s", r->key);
    memcpy(e.data, &data, sizeof data);
    (void)nh_bus_post(b->cfg.bus, &e); // full queues are counted by the bus
}

static void tell_setting(nh_battery_t *b, size_t i, uint16_t raw, bool is_written)
{
    bool is_other = b->is_setting_known[i] && b->settings[i] != raw;
    b->settings[i] = raw;
    b->is_setting_known[i] = true;
    if (is_other || is_written)
        post_register(b, (uint16_t)(NH_TINYBMS_SETTINGS_FIRST + i), raw, is_written);
}

// What is known of them, run by run.
static void tell_runs(nh_battery_t *b, const uint16_t *words, const uint64_t *times)
{
    for (size_t i = 0, end; i < NH_BATTERY__SETTING_COUNT; i = end + 1) {
        for (end = i; end < NH_BATTERY__SETTING_COUNT && times[end];)
            end++;
        if (end > i)
            nh_battery__settings_words(b->board_settings, (uint16_t)(NH_TINYBMS_SETTINGS_FIRST + i),
                                       (uint16_t)(end - i), words + i);
    }
}

static void on_settings(nh_battery_t *b, const struct nh_battery_worker_news *news)
{
    uint16_t words[NH_BATTERY__SETTING_COUNT];
    uint64_t times[NH_BATTERY__SETTING_COUNT], oldest = NH_NEVER;
    struct nh_battery_candidate c = {0};
    nh_battery_worker_words(b->worker, NH_TINYBMS_SETTINGS_FIRST, NH_BATTERY__SETTING_COUNT, words,
                            times);
    for (size_t i = 0; i < NH_BATTERY__SETTING_COUNT; i++) {
        if (times[i])
            tell_setting(b, i, words[i], news->written[i / 8] & 1u << i % 8);
        if (i < NH_TINYBMS_SETTINGS_COUNT && times[i] < oldest)
            oldest = times[i];
    }
    tell_runs(b, words, times);
    if (oldest == 0)
        return; // not all are known
    nh_battery__settings_read_at(b->board_settings, oldest);
    nh_battery__decode_settings(words, &c);
    offer(b, &c, oldest);
}

// ---- news

static void on_news(void *ctx)
{
    nh_battery_t *b = ctx;
    struct nh_battery_worker_news news;
    nh_battery_worker_drain(b->worker, &news);
    if (!b->is_started)
        return; // that the line is closed at the end is no news
    if (news.what & NH_BATTERY_NEWS_LINK) {
        nh_battery__settings_link(b->board_settings, news.is_connected);
        nh_battery__pack_link(b->pack, NH_BATTERY_FROM_LOCAL, news.is_connected, time_now());
    }
    if (news.what & NH_BATTERY_NEWS_SETTINGS)
        on_settings(b, &news);
    if (news.what & NH_BATTERY_NEWS_VERSION)
        on_version(b);
    if (news.what & NH_BATTERY_NEWS_LIVE)
        on_live(b, news.live_ms);
    if (news.what & NH_BATTERY_NEWS_STATISTICS)
        on_statistics(b);
    // News of nothing that the pack has are told no conflict: the pack is asked.
    if (b->generation != nh_battery__pack_generation(b->pack))
        b->wants_all = true;
    b->generation = nh_battery__pack_generation(b->pack);
    if (b->wants_all)
        b->wants_all = !ask_all(b);
}

static void wake(void *ctx)
{
    nh_battery_t *b = ctx;
    nh_loop_post(b->cfg.loop, &b->news_post);
}

// ---- figures, once a second

static uint32_t low(uint64_t n)
{
    return (uint32_t)n; // counts on over the edge, as counters do
}

static void post_statistics(nh_battery_t *b, const struct nh_battery_statistics *s)
{
    struct nh_event e = {.id = NH_EVENT_BATTERY_STATISTICS,
                         .data_len = sizeof(struct nh_event_battery_statistics),
                         .time_ms = nh_clock_ms()};
    const struct nh_event_battery_statistics data = {
        .ok = low(s->reads_ok + s->writes_ok),
        .failed = low(s->reads_failed + s->writes_failed),
        .retries = low(s->retries),
        .timeouts = low(s->timeouts),
        .crc_errors = low(s->crc_errors),
        .nacks = low(s->nacks[0] + s->nacks[1] + s->nacks[2]),
        .queue_depth = s->queue_depth,
        .queue_depth_max = s->queue_depth_max,
        .rejected = low(s->rejected),
        .avg_latency_us = s->avg_latency_us,
        .p99_latency_us = s->p99_latency_us,
        .dropped_bytes = low(s->dropped_bytes),
    };
    memcpy(e.data, &data, sizeof data);
    (void)nh_bus_post(b->cfg.bus, &e);
}

static void on_second(void *ctx, nh_timer_t *t, uint64_t now_ms)
{
    nh_battery_t *b = ctx;
    struct nh_battery_statistics s;
    (void)t;
    (void)now_ms;
    nh_battery_statistics(b, &s);
    if (!b->cfg.bus || memcmp(&s, &b->told, sizeof s) == 0)
        return;
    b->told = s;
    post_statistics(b, &s);
}

// ---- life

static void fill(nh_battery_t *b, const struct nh_battery_config *cfg)
{
    struct nh_battery_config *c = &b->cfg;
    *c = *cfg;
    c->baud = cfg->baud ? cfg->baud : 115200;
    c->poll_ms = cfg->poll_ms ? cfg->poll_ms : 500;
    c->slow_ms = cfg->slow_ms ? cfg->slow_ms : 60000;
    c->queue_max = cfg->queue_max ? cfg->queue_max : 16;
    c->first_byte_ms = cfg->first_byte_ms ? cfg->first_byte_ms : 150;
    c->inside_ms = cfg->inside_ms ? cfg->inside_ms : 20;
    c->deadline_ms = cfg->deadline_ms ? cfg->deadline_ms : 2000;
    c->retry_count = cfg->retry_count ? cfg->retry_count : 2;
    c->stale_ms = cfg->stale_ms ? cfg->stale_ms : 2000;
    c->history_count = cfg->history_count ? cfg->history_count : 2048;
    b->news_post = (nh_loop_post_t){.fn = on_news, .ctx = b};
    b->kick = (nh_timer_t){.fire = on_kick, .ctx = b, .name = "battery kick"};
    b->loop_id = &this_task;
    b->second = (nh_timer_t){.fire = on_second, .ctx = b, .name = "battery"};
}

static int make_worker(nh_battery_t *b)
{
    const struct nh_battery_config *c = &b->cfg;
    const struct nh_battery_worker_config cfg = {.mem = c->mem,
                                                 .sys = c->sys,
                                                 .path = c->path,
                                                 .client = {.queue_max = c->queue_max,
                                                            .first_byte_ms = c->first_byte_ms,
                                                            .inside_ms = c->inside_ms,
                                                            .deadline_ms = c->deadline_ms,
                                                            .retry_count = c->retry_count,
                                                            .baud = c->baud,
                                                            .poll_ms = c->poll_ms,
                                                            .slow_ms = c->slow_ms},
                                                 .ctx = b,
                                                 .wake = wake};
    return c->path && c->path[0] ? nh_battery_worker_create(&cfg, &b->worker) : NH_OK;
}

static int post_for_settings(void *ctx, const struct nh_battery_request *r, uint32_t *ticket)
{
    return nh_battery_post(ctx, r, ticket);
}

static int make_settings(nh_battery_t *b)
{
    const struct nh_battery__settings_config cfg = {.mem = b->cfg.mem,
                                                    .store = b->cfg.backups ? b->cfg.backups
                                                                            : b->cfg.store,
                                                    .ctx = b,
                                                    .post = post_for_settings,
                                                    .clock_ms = nh_clock_ms,
                                                    .unix_ms = nh_clock_unix_ms,
                                                    .random = nh_random_bytes};
    return nh_battery__settings_create(&cfg, &b->board_settings);
}

int nh_battery_create(const struct nh_battery_config *cfg, nh_battery_t **out)
{
    *out = NULL;
    nh_battery_t *b = nh_mem_alloc_zero(cfg->mem, sizeof *b, NH_MEM_BULK);
    if (!b)
        return NH_ERR_NOMEM;
    fill(b, cfg);
    int err = nh_battery__pack_create(&b->cfg, time_now(), &b->pack);
    if (err == 0)
        err = make_settings(b);
    if (err == 0)
        err = make_worker(b);
    if (err < 0) {
        nh_battery_destroy(b);
        return err;
    }
    b->generation = nh_battery__pack_generation(b->pack);
    *out = b;
    return NH_OK;
}

int nh_battery_start(nh_battery_t *b)
{
    b->is_started = true;
    int err = nh_battery__pack_start(b->pack, time_now());
    if (err == 0 && b->worker)
        err = nh_timer_arm(b->cfg.sched, &b->second, nh_clock_ms() + 1000, 1000);
    if (err == 0 && b->worker)
        err = nh_battery_worker_start(b->worker);
    if (err < 0)
        nh_battery_stop(b);
    return err;
}

void nh_battery_stop(nh_battery_t *b)
{
    if (!b || !b->is_started)
        return;
    b->is_started = false;
    nh_timer_cancel(b->cfg.sched, &b->second);
    nh_timer_cancel(b->cfg.sched, &b->kick);
    if (b->worker) {
        nh_battery_worker_stop(b->worker);
        nh_loop_post_cancel(b->cfg.loop, &b->news_post);
        on_news(b); // answers as cancelled
    }
    nh_battery__pack_stop(b->pack, time_now());
}

void nh_battery_destroy(nh_battery_t *b)
{
    if (!b)
        return;
    nh_battery_stop(b);
    nh_battery_worker_destroy(b->worker);
    nh_battery__settings_destroy(b->board_settings);
    nh_battery__pack_destroy(b->pack);
    nh_mem_free(b->cfg.mem, b);
}
