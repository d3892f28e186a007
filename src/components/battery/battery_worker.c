#include "components/battery/battery_worker.h"
#include "core/base/log.h"

#include <stdio.h>
#include <string.h>

#define CHIP_STACK_BYTES NH_KIB(3)
#define REOPEN_MS 1000
#define WRITE_MS 200
#define PATH_MAX_BYTES 128
#define TIME_UNKNOWN 0

struct inbox_item {
    struct nh_battery_request request;
    uint32_t ticket;
    uint64_t posted_us;
};
struct outbox_item {
    void (*done)(void *ctx, const struct nh_battery_reply *r);
    void *ctx;
    struct nh_battery_reply reply;
};
enum ask_state { ASK_FREE, ASK_WAITING, ASK_ANSWERED, ASK_LEFT };
struct ask {
    nh_battery_worker_t *w;
    uint8_t state;
    nh_notify_t *notify;
    struct nh_battery_reply reply;
};
struct image {
    uint16_t words[NH_TINYBMS_ADDRESS_COUNT];
    uint64_t times_ms[NH_TINYBMS_ADDRESS_COUNT];
    uint16_t live[NH_TINYBMS_LIVE_COUNT]; // as one answer brought them: of one moment
};

struct nh_battery_worker {
    struct nh_battery_worker_config cfg;
    char path[PATH_MAX_BYTES];
    nh_task_t *task;
    nh_battery_client_t *client; // the task's alone, as `bytes` and the figures below
    uint8_t bytes[256];
    int open_err; // that was told last
    uint64_t opened_count;

    // Under the lock. A request counts as pending from the post to its `done`; queue_max of them
    // are the bound of both rings, so neither overflows.
    nh_lock_t lock;
    nh_notify_t *notify; // for the task while it has no line
    nh_serial_t *serial; // written by the task alone
    bool is_waiting, wants_stop, is_running;
    uint32_t ticket, pending, pending_max;
    uint64_t rejected, late;
    struct inbox_item *inbox;
    struct outbox_item *outbox;
    uint32_t in_first, in_count, out_first, out_count;
    struct ask *asks;
    struct image *image;
    struct nh_battery_worker_news news;
    struct nh_battery_statistics stats;
};

// ---- posting

// Whoever finds the task asleep wakes it; the rest is seen anyhow before it sleeps again.
static void wake_locked(nh_battery_worker_t *w)
{
    if (!w->is_waiting)
        return;
    w->is_waiting = false;
    if (w->serial)
        nh_serial_wake(w->serial);
    else
        nh_notify_post(w->notify);
}

static void forget_locked(nh_battery_worker_t *w, uint16_t address, uint16_t count)
{
    for (uint32_t i = address; i < (uint32_t)address + count && i < NH_TINYBMS_ADDRESS_COUNT; i++)
        w->image->times_ms[i] = TIME_UNKNOWN;
}

static int post_locked(nh_battery_worker_t *w, const struct nh_battery_request *r, uint64_t now_us,
                       uint32_t *ticket)
{
    if (!w->is_running || w->wants_stop)
        return NH_ERR_CLOSED;
    if (w->pending == w->cfg.client.queue_max) {
        w->rejected++;
        return NH_ERR_FULL;
    }
    if (++w->pending > w->pending_max)
        w->pending_max = w->pending;
    struct inbox_item *item = &w->inbox[(w->in_first + w->in_count++) % w->cfg.client.queue_max];
    if (++w->ticket == 0)
        w->ticket = 1;
    item->request = *r;
    item->ticket = w->ticket;
    item->posted_us = now_us;
    if (r->kind == NH_BATTERY_WRITE)
        for (uint16_t i = 0; i < r->count; i++)
            forget_locked(w, r->addresses[i], 1);
    if (ticket)
        *ticket = w->ticket;
    return NH_OK;
}

int nh_battery_worker_post_quietly(nh_battery_worker_t *w, const struct nh_battery_request *r,
                                   uint32_t *ticket)
{
    int err = nh_battery_request_check(r);
    if (err < 0)
        return err;
    uint64_t now_us = nh_clock_us();
    nh_lock_acquire(&w->lock);
    err = post_locked(w, r, now_us, ticket);
    nh_lock_release(&w->lock);
    return err;
}

void nh_battery_worker_kick(nh_battery_worker_t *w)
{
    nh_lock_acquire(&w->lock);
    wake_locked(w);
    nh_lock_release(&w->lock);
}

int nh_battery_worker_post(nh_battery_worker_t *w, const struct nh_battery_request *r,
                           uint32_t *ticket)
{
    int err = nh_battery_worker_post_quietly(w, r, ticket);
    if (err == 0)
        nh_battery_worker_kick(w);
    return err;
}

// ---- asking

static void on_asked(void *ctx, const struct nh_battery_reply *r)
{
    struct ask *a = ctx;
    nh_battery_worker_t *w = a->w;
    nh_lock_acquire(&w->lock);
    w->pending--;
    if (a->state == ASK_LEFT) {
        w->late++;
        a->state = ASK_FREE;
    } else {
        a->reply = *r;
        a->state = ASK_ANSWERED;
        nh_notify_post(a->notify);
    }
    nh_lock_release(&w->lock);
}

static struct ask *take_ask_locked(nh_battery_worker_t *w)
{
    for (size_t i = 0; i < NH_BATTERY_ASK_MAX_COUNT; i++)
        if (w->asks[i].state == ASK_FREE)
            return &w->asks[i];
    w->rejected++;
    return NULL;
}

static int begin_ask(nh_battery_worker_t *w, const struct nh_battery_request *r, struct ask **out)
{
    struct nh_battery_request mine = *r;
    uint64_t now_us = nh_clock_us();
    int err = NH_ERR_FULL;
    nh_lock_acquire(&w->lock);
    struct ask *a = *out = take_ask_locked(w);
    if (a) {
        mine.done = on_asked;
        mine.ctx = a;
        err = post_locked(w, &mine, now_us, NULL);
    }
    if (err == 0) {
        a->state = ASK_WAITING;
        wake_locked(w);
    }
    nh_lock_release(&w->lock);
    return err;
}

// True: it was answered, or left for good.
static bool end_ask(nh_battery_worker_t *w, struct ask *a, bool is_over,
                    struct nh_battery_reply *out, int *err)
{
    nh_lock_acquire(&w->lock);
    bool is_answered = a->state == ASK_ANSWERED;
    if (is_answered) {
        *out = a->reply;
        *err = NH_OK;
        a->state = ASK_FREE;
    } else if (is_over) {
        *err = NH_ERR_TIMEOUT;
        a->state = ASK_LEFT;
    }
    nh_lock_release(&w->lock);
    return is_answered || is_over;
}

int nh_battery_worker_ask(nh_battery_worker_t *w, const struct nh_battery_request *r,
                          uint32_t wait_ms, struct nh_battery_reply *out)
{
    struct ask *a = NULL;
    int err = nh_battery_request_check(r);
    if (err == 0)
        err = begin_ask(w, r, &a);
    if (err < 0 || !a)
        return err;
    // A wake-up may be left over from who waited here before.
    uint64_t until_us = nh_clock_us() + (uint64_t)wait_ms * 1000;
    bool is_over = false;
    while (!end_ask(w, a, is_over, out, &err)) {
        NH_IGNORE(nh_notify_wait_until(a->notify, until_us)); // what came is looked at
        is_over = nh_clock_us() >= until_us;
    }
    return err;
}

// ---- the image

int nh_battery_worker_cached(nh_battery_worker_t *w, uint16_t address, uint16_t count,
                             uint64_t oldest_ms, uint16_t *out)
{
    int err = NH_OK;
    if (count < 1 || (uint32_t)address + count > NH_TINYBMS_ADDRESS_COUNT)
        return NH_ERR_RANGE;
    nh_lock_acquire(&w->lock);
    for (uint16_t i = 0; i < count; i++) {
        uint64_t at = w->image->times_ms[address + i];
        if (at == TIME_UNKNOWN)
            err = NH_ERR_NOT_FOUND;
        else if (at < oldest_ms && err == NH_OK)
            err = NH_ERR_AGAIN;
    }
    if (err == NH_OK)
        memcpy(out, &w->image->words[address], count * sizeof *out);
    nh_lock_release(&w->lock);
    return err;
}

void nh_battery_worker_words(nh_battery_worker_t *w, uint16_t first, uint16_t count,
                             uint16_t *words, uint64_t *times_ms)
{
    nh_lock_acquire(&w->lock);
    memcpy(words, &w->image->words[first], count * sizeof *words);
    if (times_ms)
        memcpy(times_ms, &w->image->times_ms[first], count * sizeof *times_ms);
    nh_lock_release(&w->lock);
}

void nh_battery_worker_live(nh_battery_worker_t *w, uint16_t words[NH_TINYBMS_LIVE_COUNT])
{
    nh_lock_acquire(&w->lock);
    memcpy(words, w->image->live, sizeof w->image->live);
    nh_lock_release(&w->lock);
}

void nh_battery_worker_statistics(nh_battery_worker_t *w, struct nh_battery_statistics *out)
{
    nh_lock_acquire(&w->lock);
    *out = w->stats;
    out->rejected += w->rejected;
    out->late += w->late;
    out->queue_depth = w->pending;
    out->queue_depth_max = w->pending_max;
    out->queue_max = w->cfg.client.queue_max;
    nh_lock_release(&w->lock);
}

// ---- what the engine tells: the task

static void on_answered(void *ctx, const struct nh_battery_request *q,
                        const struct nh_battery_reply *r)
{
    nh_battery_worker_t *w = ctx;
    if (q->done == on_asked) {
        on_asked(q->ctx, r);
        return;
    }
    nh_lock_acquire(&w->lock);
    struct outbox_item *item =
        &w->outbox[(w->out_first + w->out_count++) % w->cfg.client.queue_max];
    item->done = q->done;
    item->ctx = q->ctx;
    item->reply = *r;
    nh_lock_release(&w->lock);
    w->cfg.wake(w->cfg.ctx);
}

static bool is_within(uint16_t first, uint16_t count, uint16_t address, uint16_t address_count)
{
    return first < address + address_count && address < first + count;
}

static uint32_t news_of(uint16_t address, uint16_t count)
{
    uint32_t what = 0;
    // Of the live image only a whole one is news: parts of it are of another moment.
    if (address == 0 && count >= NH_TINYBMS_LIVE_COUNT)
        what |= NH_BATTERY_NEWS_LIVE;
    if (is_within(NH_TINYBMS_STATISTICS_FIRST, NH_TINYBMS_STATISTICS_COUNT, address, count))
        what |= NH_BATTERY_NEWS_STATISTICS;
    if (is_within(NH_TINYBMS_SETTINGS_FIRST, 100, address, count))
        what |= NH_BATTERY_NEWS_SETTINGS;
    if (is_within(NH_TINYBMS_VERSION_FIRST, NH_TINYBMS_VERSION_COUNT, address, count))
        what |= NH_BATTERY_NEWS_VERSION;
    return what;
}

static void on_words(void *ctx, uint16_t address, uint16_t count, const uint16_t *words,
                     uint64_t asked_us, bool is_written)
{
    nh_battery_worker_t *w = ctx;
    uint64_t at_ms = asked_us / 1000;
    nh_lock_acquire(&w->lock);
    memcpy(&w->image->words[address], words, count * sizeof *words);
    for (uint16_t i = 0; i < count; i++) {
        uint32_t bit = (uint32_t)(address + i) - NH_TINYBMS_SETTINGS_FIRST;
        w->image->times_ms[address + i] = at_ms ? at_ms : 1;
        if (is_written && bit < 100)
            w->news.written[bit / 8] |= (uint8_t)(1u << bit % 8);
    }
    w->news.what |= news_of(address, count);
    if (news_of(address, count) & NH_BATTERY_NEWS_LIVE) {
        memcpy(w->image->live, words, sizeof w->image->live);
        w->news.live_ms = at_ms;
    }
    nh_lock_release(&w->lock);
    w->cfg.wake(w->cfg.ctx);
}

static void on_forget(void *ctx, uint16_t address, uint16_t count)
{
    nh_battery_worker_t *w = ctx;
    nh_lock_acquire(&w->lock);
    forget_locked(w, address, count);
    nh_lock_release(&w->lock);
}

static void on_link(void *ctx, bool is_up)
{
    nh_battery_worker_t *w = ctx;
    NH_LOG_I("battery", "the board at %s %s", w->path, is_up ? "answers" : "is silent");
    nh_lock_acquire(&w->lock);
    w->news.is_connected = is_up;
    w->news.what |= NH_BATTERY_NEWS_LINK;
    nh_lock_release(&w->lock);
    w->cfg.wake(w->cfg.ctx);
}

void nh_battery_worker_drain(nh_battery_worker_t *w, struct nh_battery_worker_news *out)
{
    nh_lock_acquire(&w->lock);
    *out = w->news;
    w->news.what = 0;
    memset(w->news.written, 0, sizeof w->news.written);
    while (w->out_count) {
        struct outbox_item item = w->outbox[w->out_first];
        w->out_first = (w->out_first + 1) % w->cfg.client.queue_max;
        w->out_count--;
        w->pending--;
        nh_lock_release(&w->lock);
        if (item.done)
            item.done(item.ctx, &item.reply);
        nh_lock_acquire(&w->lock);
    }
    nh_lock_release(&w->lock);
}

// ---- the task

static void set_serial(nh_battery_worker_t *w, nh_serial_t *s)
{
    nh_lock_acquire(&w->lock);
    w->serial = s;
    nh_lock_release(&w->lock);
}

static void open_line(nh_battery_worker_t *w)
{
    nh_serial_t *s;
    const struct nh_serial_config cfg = {.path = w->path, .baud = w->cfg.client.baud};
    int err = nh_serial_open(w->cfg.mem, &cfg, &s);
    if (err < 0) {
        if (err != w->open_err)
            NH_LOG_W("battery", "%s cannot be opened: %s; it is looked for each second", w->path,
                     nh_err_text(err));
        w->open_err = err;
        return;
    }
    NH_LOG_I("battery", "%s is open", w->path);
    w->open_err = 0;
    w->opened_count++;
    set_serial(w, s);
    nh_battery_client_open(w->client, nh_clock_us());
}

static void close_line(nh_battery_worker_t *w, int err)
{
    nh_serial_t *s = w->serial;
    if (!s)
        return;
    if (err < 0)
        NH_LOG_W("battery", "%s went away: %s", w->path, nh_err_text(err));
    set_serial(w, NULL);
    nh_serial_close(s);
    nh_battery_client_close(w->client, nh_clock_us());
}

// Into the engine, which has room: what is pending is in there, in the inbox or in the outbox.
static void take_inbox(nh_battery_worker_t *w)
{
    nh_lock_acquire(&w->lock);
    while (w->in_count) {
        const struct inbox_item *item = &w->inbox[w->in_first];
        int err = nh_battery_client_post(w->client, &item->request, item->ticket, item->posted_us);
        NH_ASSERT(err == NH_OK);
        w->in_first = (w->in_first + 1) % w->cfg.client.queue_max;
        w->in_count--;
    }
    nh_lock_release(&w->lock);
}

static void send(nh_battery_worker_t *w)
{
    const uint8_t *bytes;
    size_t n = nh_battery_client_output(w->client, &bytes, nh_clock_us());
    if (n == 0)
        return;
    int err = nh_serial_write(w->serial, bytes, n, WRITE_MS);
    if (err < 0)
        close_line(w, err);
    else
        nh_battery_client_sent(w->client, nh_clock_us());
}

static void publish_statistics(nh_battery_worker_t *w)
{
    struct nh_battery_statistics st;
    nh_battery_client_statistics(w->client, &st);
    st.reconnects = w->opened_count > 1 ? w->opened_count - 1 : 0;
    nh_lock_acquire(&w->lock);
    w->stats = st;
    nh_lock_release(&w->lock);
}

static uint64_t wait_ms(const nh_battery_worker_t *w)
{
    uint64_t now_us = nh_clock_us(), next_us = nh_battery_client_next_us(w->client);
    uint64_t ms = next_us == NH_NEVER ? NH_NEVER
                  : next_us > now_us  ? (next_us - now_us + 999) / 1000
                                      : 0;
    return !w->serial && ms > REOPEN_MS ? REOPEN_MS : ms;
}

// False: told to stop. `may_sleep`: from here on who posts wakes the task, even before it sleeps.
static bool sleep_begins(nh_battery_worker_t *w, bool *may_sleep)
{
    nh_lock_acquire(&w->lock);
    bool stop = w->wants_stop;
    *may_sleep = w->is_waiting = !stop && w->in_count == 0;
    nh_lock_release(&w->lock);
    return !stop;
}

static void sleep_ended(nh_battery_worker_t *w)
{
    nh_lock_acquire(&w->lock);
    w->is_waiting = false;
    nh_lock_release(&w->lock);
}

// Until bytes come, a deadline does, or somebody posts.
static void wait(nh_battery_worker_t *w, bool may_sleep)
{
    uint64_t ms = may_sleep ? wait_ms(w) : 0;
    if (!w->serial) {
        NH_IGNORE(nh_notify_wait(w->notify, ms)); // either way the clock is looked at
        sleep_ended(w);
        return;
    }
    int n = nh_serial_read(w->serial, w->bytes, sizeof w->bytes, ms);
    sleep_ended(w);
    if (n > 0)
        nh_battery_client_input(w->client, w->bytes, (size_t)n, nh_clock_us());
    else if (n != NH_ERR_TIMEOUT && n != NH_ERR_AGAIN)
        close_line(w, n);
}

static void run(void *ctx)
{
    nh_battery_worker_t *w = ctx;
    uint64_t open_ms = 0;
    bool may_sleep;
    while (sleep_begins(w, &may_sleep)) {
        if (w->serial || open_ms)
            wait(w, may_sleep);
        take_inbox(w);
        if (!w->serial && nh_clock_ms() >= open_ms) {
            open_line(w);
            open_ms = nh_clock_ms() + REOPEN_MS;
        }
        nh_battery_client_tick(w->client, nh_clock_us());
        if (w->serial)
            send(w);
        publish_statistics(w);
    }
    take_inbox(w);
    close_line(w, 0);
    nh_battery_client_tick(w->client, nh_clock_us()); // all that is left is cancelled
    publish_statistics(w);
}

// ---- life

static int make_rings(nh_battery_worker_t *w)
{
    nh_mem_t *mem = w->cfg.mem;
    size_t n = w->cfg.client.queue_max;
    w->inbox = nh_mem_alloc_zero(mem, n * sizeof *w->inbox, NH_MEM_BULK);
    w->outbox = nh_mem_alloc_zero(mem, n * sizeof *w->outbox, NH_MEM_BULK);
    w->asks = nh_mem_alloc_zero(mem, NH_BATTERY_ASK_MAX_COUNT * sizeof *w->asks, NH_MEM_BULK);
    w->image = nh_mem_alloc_zero(mem, sizeof *w->image, NH_MEM_BULK);
    if (!w->inbox || !w->outbox || !w->asks || !w->image)
        return NH_ERR_NOMEM;
    for (size_t i = 0; i < NH_BATTERY_ASK_MAX_COUNT; i++) {
        w->asks[i].w = w;
        int err = nh_notify_create(mem, &w->asks[i].notify);
        if (err < 0)
            return err;
    }
    return NH_OK;
}

static int make_parts(nh_battery_worker_t *w)
{
    struct nh_battery_client_config *c = &w->cfg.client;
    c->mem = w->cfg.mem;
    c->ctx = w;
    c->answered = on_answered;
    c->words = on_words;
    c->forget = on_forget;
    c->link = on_link;
    int err = nh_lock_create(&w->lock);
    if (err == 0)
        err = nh_notify_create(w->cfg.mem, &w->notify);
    if (err == 0)
        err = make_rings(w);
    if (err == 0)
        err = nh_battery_client_create(c, &w->client);
    return err;
}

int nh_battery_worker_create(const struct nh_battery_worker_config *cfg, nh_battery_worker_t **out)
{
    *out = NULL;
    if (strlen(cfg->path) >= PATH_MAX_BYTES)
        return NH_ERR_TOO_LONG;
    nh_battery_worker_t *w = nh_mem_alloc_zero(cfg->mem, sizeof *w, NH_MEM_BULK);
    if (!w)
        return NH_ERR_NOMEM;
    w->cfg = *cfg;
    if (!w->cfg.client.queue_max)
        w->cfg.client.queue_max = 16;
    if (!w->cfg.client.baud)
        w->cfg.client.baud = 115200;
    snprintf(w->path, sizeof w->path, "%s", cfg->path);
    int err = make_parts(w);
    if (err < 0) {
        nh_battery_worker_destroy(w);
        return err;
    }
    *out = w;
    return NH_OK;
}

int nh_battery_worker_start(nh_battery_worker_t *w)
{
    const struct nh_task_config task = {.name = "serial",
                                        .priority = 6,
                                        .chip_stack_bytes = CHIP_STACK_BYTES,
                                        .run = run,
                                        .ctx = w};
    w->is_running = true;
    int err = nh_task_start(w->cfg.sys, &task, &w->task);
    w->is_running = err == 0;
    return err;
}

void nh_battery_worker_stop(nh_battery_worker_t *w)
{
    if (!w || !w->task)
        return;
    nh_lock_acquire(&w->lock);
    w->wants_stop = true;
    wake_locked(w);
    nh_lock_release(&w->lock);
    NH_IGNORE(nh_task_join(w->task, NH_NEVER)); // it ends: it waits for nothing but time and bytes
    w->task = NULL;
}

void nh_battery_worker_destroy(nh_battery_worker_t *w)
{
    if (!w)
        return;
    nh_battery_worker_stop(w);
    nh_mem_t *mem = w->cfg.mem;
    nh_battery_client_destroy(w->client);
    for (size_t i = 0; w->asks && i < NH_BATTERY_ASK_MAX_COUNT; i++)
        nh_notify_destroy(w->asks[i].notify);
    nh_mem_free(mem, w->inbox);
    nh_mem_free(mem, w->outbox);
    nh_mem_free(mem, w->asks);
    nh_mem_free(mem, w->image);
    nh_notify_destroy(w->notify);
    nh_lock_destroy(&w->lock);
    nh_mem_free(mem, w);
}
