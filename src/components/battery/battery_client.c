// The engine of requests: the queue, its deadlines, the polls and the figures.

#include "components/battery/battery_client_private.h"

#include <string.h>

#define DISCONNECT_US 3000000u
#define PROBE_US 1000000u

// ---- requests

static int check_counted(const struct nh_battery_request *r, uint32_t count_max, uint32_t end)
{
    if (r->count < 1 || r->count > count_max || (uint32_t)r->address + r->count > end)
        return NH_ERR_RANGE;
    return NH_OK;
}

static int check_encoded(const struct nh_tinybms_request *r)
{
    uint8_t frame[NH_TINYBMS_FRAME_MAX_BYTES];
    int n = nh_tinybms_encode(r, frame, sizeof frame);
    return n < 0 ? NH_ERR_RANGE : NH_OK;
}

static int check_write(const struct nh_battery_request *r)
{
    if (r->count < 1 || r->count > NH_BATTERY_REQUEST_VALUES_MAX)
        return NH_ERR_RANGE;
    for (uint16_t i = 0; i < r->count; i++)
        if (r->addresses[i] < 300 || r->addresses[i] > 399)
            return NH_ERR_RANGE;
    return NH_OK;
}

static int check_raw(const struct nh_battery_request *r)
{
    if (r->count > NH_BATTERY_REQUEST_VALUES_MAX && r->option != NH_TINYBMS_READ_MODBUS &&
        r->option != NH_TINYBMS_SETTINGS)
        return NH_ERR_RANGE;
    return check_encoded(&(struct nh_tinybms_request){.command = r->option,
                                                      .option = (uint8_t)r->address,
                                                      .address = r->address,
                                                      .count = r->count,
                                                      .addresses = r->addresses,
                                                      .values = r->values});
}

int nh_battery_request_check(const struct nh_battery_request *r)
{
    if (r->priority >= NH_BATTERY_PRIO_COUNT)
        return NH_ERR_RANGE;
    switch (r->kind) {
    case NH_BATTERY_READ:
        return check_counted(r, NH_TINYBMS_READ_MAX_COUNT, NH_TINYBMS_ADDRESS_COUNT);
    case NH_BATTERY_WRITE:
        return check_write(r);
    case NH_BATTERY_RANGES:
        return check_encoded(&(struct nh_tinybms_request){
            .command = NH_TINYBMS_SETTINGS, .option = r->option, .count = r->count});
    case NH_BATTERY_RAW:
        return check_raw(r);
    case NH_BATTERY_EVENTS:
    case NH_BATTERY_NEW_EVENTS:
    case NH_BATTERY_RESTART:
    case NH_BATTERY_CLEAR_EVENTS:
    case NH_BATTERY_CLEAR_STATISTICS:
    case NH_BATTERY_VERSION:
        return NH_OK;
    default:
        return NH_ERR_RANGE;
    }
}

void nh_battery__requeue(nh_battery_client_t *c, struct nh_battery__slot *s)
{
    s->state = NH_BATTERY__WAITING;
    s->turn = ++c->turn;
}

int nh_battery_client_post(nh_battery_client_t *c, const struct nh_battery_request *r,
                           uint32_t ticket, uint64_t posted_us)
{
    struct nh_battery__slot *s = NULL;
    for (uint32_t i = 0; i < c->cfg.queue_max && !s; i++)
        if (c->slots[i].state == NH_BATTERY__FREE)
            s = &c->slots[i];
    if (!s) {
        c->stats.rejected++;
        return NH_ERR_FULL;
    }
    uint64_t ms = r->deadline_ms ? r->deadline_ms : c->cfg.deadline_ms;
    *s = (struct nh_battery__slot){.ticket = ticket,
                                   .posted_us = posted_us,
                                   .deadline_us = posted_us + ms * 1000,
                                   .request = *r};
    if (r->kind == NH_BATTERY_EVENTS) {
        s->request.address = NH_TINYBMS_EVENTS_FIRST;
        s->request.count = NH_TINYBMS_EVENTS_COUNT;
    }
    nh_battery__requeue(c, s);
    if (++c->stats.queue_depth > c->stats.queue_depth_max)
        c->stats.queue_depth_max = c->stats.queue_depth;
    return NH_OK;
}

// ---- answers

// 8 steps an octave: within an eighth of the truth.
static size_t bucket_of(uint64_t us)
{
    size_t octave = 0;
    uint64_t top = us;
    while (top >= 16) {
        top >>= 1;
        octave++;
    }
    size_t b = octave * 8 + (size_t)top; // below 16: as it is
    return b < NH_BATTERY__LATENCY_COUNT ? b : NH_BATTERY__LATENCY_COUNT - 1;
}

static uint32_t bucket_end_us(size_t b)
{
    if (b < 16)
        return (uint32_t)b;
    size_t octave = (b - 8) / 8;
    return (uint32_t)(((b - octave * 8 + 1) << octave) - 1);
}

static size_t step_of(uint32_t us)
{
    static const uint32_t ends[] = NH_BATTERY_LATENCY_STEPS;
    _Static_assert(NH_ARRAY_LEN(ends) == NH_BATTERY_LATENCY_STEP_COUNT, "as the header says");
    size_t i = 0;
    while (i < NH_ARRAY_LEN(ends) && us > ends[i])
        i++;
    return i;
}

static void note_latency(nh_battery_client_t *c, uint32_t us)
{
    struct nh_battery_statistics *st = &c->stats;
    c->latency[bucket_of(us)]++;
    st->latency_counts[step_of(us)]++;
    st->latency_sum_us += us;
    st->avg_latency_us =
        c->latency_count++ ? (uint32_t)(((uint64_t)st->avg_latency_us * 7 + us) / 8) : us;
    if (us > st->max_latency_us)
        st->max_latency_us = us;
}

static bool is_a_write(const struct nh_battery__slot *s)
{
    return s->request.kind == NH_BATTERY_WRITE || s->request.kind == NH_BATTERY_RESTART ||
           s->request.kind == NH_BATTERY_CLEAR_EVENTS ||
           s->request.kind == NH_BATTERY_CLEAR_STATISTICS;
}

static void count_answer(nh_battery_client_t *c, const struct nh_battery__slot *s,
                         enum nh_battery_outcome outcome)
{
    struct nh_battery_statistics *st = &c->stats;
    uint64_t *rows[2][2] = {{&st->reads_failed, &st->reads_ok},
                            {&st->writes_failed, &st->writes_ok}};
    ++*rows[is_a_write(s)][outcome == NH_BATTERY_DONE];
    st->expired += outcome == NH_BATTERY_EXPIRED;
}

static int err_of(enum nh_battery_outcome outcome)
{
    static const int errs[] = {[NH_BATTERY_DONE] = NH_OK,
                               [NH_BATTERY_REFUSED] = NH_ERR_DENIED,
                               [NH_BATTERY_NOT_TAKEN] = NH_ERR_CONFLICT,
                               [NH_BATTERY_LOST] = NH_ERR_TIMEOUT,
                               [NH_BATTERY_EXPIRED] = NH_ERR_TIMEOUT,
                               [NH_BATTERY_CANCELLED] = NH_ERR_CLOSED};
    return errs[outcome];
}

void nh_battery__answer(nh_battery_client_t *c, struct nh_battery__slot *s,
                        enum nh_battery_outcome outcome, uint64_t now_us)
{
    struct nh_battery_reply *r = &c->reply;
    count_answer(c, s, outcome);
    r->ticket = s->ticket;
    r->outcome = (uint8_t)outcome;
    r->err = err_of(outcome);
    r->latency_us = (uint32_t)(now_us - s->posted_us);
    if (outcome != NH_BATTERY_CANCELLED)
        note_latency(c, r->latency_us);
    s->state = NH_BATTERY__FREE;
    if (!s->is_poll) {
        c->stats.queue_depth--;
        c->cfg.answered(c->cfg.ctx, &s->request, r);
    }
    // What is not said of the next answer is nothing.
    r->code = 0;
    r->address = r->count = r->bytes = 0;
}

// ---- polls

static const struct {
    uint16_t first, count;
    uint8_t priority;
} polls[NH_BATTERY__POLL_COUNT] = {
    [NH_BATTERY__LIVE] = {NH_TINYBMS_LIVE_FIRST, NH_TINYBMS_LIVE_COUNT, NH_BATTERY_PRIO_POLL},
    [NH_BATTERY__STATISTICS] = {NH_TINYBMS_STATISTICS_FIRST, NH_TINYBMS_STATISTICS_COUNT,
                                NH_BATTERY_PRIO_SETTINGS},
    [NH_BATTERY__SETTINGS] = {NH_TINYBMS_SETTINGS_FIRST, NH_TINYBMS_SETTINGS_COUNT,
                              NH_BATTERY_PRIO_SETTINGS},
    [NH_BATTERY__VERSION] = {NH_TINYBMS_VERSION_FIRST, NH_TINYBMS_VERSION_COUNT,
                             NH_BATTERY_PRIO_SETTINGS},
};

static struct nh_battery__slot *poll_slot(nh_battery_client_t *c, int poll)
{
    return &c->slots[c->cfg.queue_max + (uint32_t)poll];
}

static uint64_t poll_period_us(const nh_battery_client_t *c, int poll)
{
    uint32_t ms = poll == NH_BATTERY__LIVE ? c->cfg.poll_ms : c->cfg.slow_ms;
    // A board that does not answer is looked for each second.
    if (poll == NH_BATTERY__LIVE && ms && !c->is_connected)
        return PROBE_US;
    return (uint64_t)ms * 1000;
}

// In its cadence; where that was missed, from now on.
static void post_poll(nh_battery_client_t *c, int poll, uint64_t now_us)
{
    struct nh_battery__slot *s = poll_slot(c, poll);
    uint64_t period_us = poll_period_us(c, poll);
    c->poll_due_us[poll] += period_us;
    if (c->poll_due_us[poll] <= now_us || !c->is_connected)
        c->poll_due_us[poll] = now_us + period_us;
    if (s->state != NH_BATTERY__FREE)
        return; // it is asked for already
    *s = (struct nh_battery__slot){.is_poll = true,
                                   .posted_us = now_us,
                                   .deadline_us = NH_NEVER,
                                   .request = {.kind = NH_BATTERY_READ,
                                               .priority = polls[poll].priority,
                                               .address = polls[poll].first,
                                               .count = polls[poll].count}};
    nh_battery__requeue(c, s);
}

static bool is_polled(const nh_battery_client_t *c, int poll)
{
    return c->is_open && poll_period_us(c, poll) && (c->is_connected || poll == NH_BATTERY__LIVE);
}

// ---- the line comes and goes

void nh_battery__link(nh_battery_client_t *c, bool is_up, uint64_t now_us)
{
    if (c->is_connected == is_up)
        return;
    c->is_connected = is_up;
    if (is_up) {
        for (int p = NH_BATTERY__LIVE + 1; p < NH_BATTERY__POLL_COUNT; p++)
            c->poll_due_us[p] = now_us;
        c->poll_due_us[NH_BATTERY__LIVE] = now_us + poll_period_us(c, NH_BATTERY__LIVE);
    }
    if (c->cfg.link)
        c->cfg.link(c->cfg.ctx, is_up);
}

void nh_battery_client_open(nh_battery_client_t *c, uint64_t now_us)
{
    c->is_open = true;
    c->opened_us = now_us;
    c->quiet_until_us = 0;
    for (int p = 0; p < NH_BATTERY__POLL_COUNT; p++)
        c->poll_due_us[p] = now_us;
    memset(c->debts, 0, sizeof c->debts); // of another device, or one that was away
    c->echo.command = 0;
    c->x.state = NH_BATTERY__QUIET;
}

static void cancel_all(nh_battery_client_t *c, uint64_t now_us)
{
    for (uint32_t i = 0; i < c->slot_count; i++) {
        if (c->slots[i].is_poll)
            c->slots[i].state = NH_BATTERY__FREE;
        if (c->slots[i].state != NH_BATTERY__FREE)
            nh_battery__answer(c, &c->slots[i], NH_BATTERY_CANCELLED, now_us);
    }
}

void nh_battery_client_close(nh_battery_client_t *c, uint64_t now_us)
{
    c->is_open = false;
    c->x.state = NH_BATTERY__QUIET;
    nh_tinybms_parser_reset(&c->parser);
    nh_battery__link(c, false, now_us);
    cancel_all(c, now_us);
}

// ---- time

static void tick_slot(nh_battery_client_t *c, struct nh_battery__slot *s, uint64_t now_us)
{
    if (s->state != NH_BATTERY__FREE && now_us >= s->deadline_us)
        nh_battery__answer(c, s, NH_BATTERY_EXPIRED, now_us);
    else if (s->state == NH_BATTERY__PAUSED && now_us >= s->ready_us)
        s->state = NH_BATTERY__WAITING; // its turn is as before
}

static uint64_t link_end_us(const nh_battery_client_t *c)
{
    return c->is_connected && c->failed_count ? c->last_frame_us + DISCONNECT_US : NH_NEVER;
}

void nh_battery_client_tick(nh_battery_client_t *c, uint64_t now_us)
{
    if (!c->is_open) {
        cancel_all(c, now_us);
        return;
    }
    for (uint32_t i = 0; i < c->slot_count; i++)
        tick_slot(c, &c->slots[i], now_us);
    nh_battery__line_tick(c, now_us);
    if (now_us >= link_end_us(c))
        nh_battery__link(c, false, now_us);
    for (int p = 0; p < NH_BATTERY__POLL_COUNT; p++)
        if (is_polled(c, p) && now_us >= c->poll_due_us[p])
            post_poll(c, p, now_us);
}

static uint64_t slot_next_us(const nh_battery_client_t *c, const struct nh_battery__slot *s)
{
    uint64_t at = s->deadline_us;
    if (s->state == NH_BATTERY__FREE)
        return NH_NEVER;
    if (!c->is_open)
        return 0;
    if (s->state == NH_BATTERY__PAUSED && s->ready_us < at)
        at = s->ready_us;
    if (s->state == NH_BATTERY__WAITING && c->x.state == NH_BATTERY__QUIET)
        at = c->quiet_until_us < at ? c->quiet_until_us : at;
    return at;
}

uint64_t nh_battery_client_next_us(const nh_battery_client_t *c)
{
    uint64_t next = link_end_us(c);
    if (c->x.state == NH_BATTERY__READY)
        return 0;
    if (c->x.state == NH_BATTERY__SENT && c->x.wait_us < next)
        next = c->x.wait_us;
    for (uint32_t i = 0; i < c->slot_count; i++) {
        uint64_t at = slot_next_us(c, &c->slots[i]);
        next = at < next ? at : next;
    }
    for (int p = 0; p < NH_BATTERY__POLL_COUNT; p++)
        if (is_polled(c, p) && c->poll_due_us[p] < next)
            next = c->poll_due_us[p];
    return next;
}

// ---- figures

static uint32_t latency_of_pct(const nh_battery_client_t *c, uint32_t pct)
{
    uint64_t want = (c->latency_count * pct + 99) / 100, seen = 0;
    for (size_t b = 0; b < NH_BATTERY__LATENCY_COUNT && want; b++) {
        seen += c->latency[b];
        if (seen >= want)
            return bucket_end_us(b) < c->stats.max_latency_us ? bucket_end_us(b)
                                                              : c->stats.max_latency_us;
    }
    return 0;
}

void nh_battery_client_statistics(const nh_battery_client_t *c, struct nh_battery_statistics *out)
{
    *out = c->stats;
    out->crc_errors = c->parser.crc_errors;
    out->stray += c->parser.strays;
    out->dropped_bytes = c->parser.dropped_bytes;
    out->queue_max = c->cfg.queue_max;
    out->p99_latency_us = latency_of_pct(c, 99);
    out->last_frame_ms = c->last_frame_us / 1000;
}

bool nh_battery_client_is_connected(const nh_battery_client_t *c)
{
    return c->is_connected;
}

// ---- life

static void take_config(nh_battery_client_t *c, const struct nh_battery_client_config *cfg)
{
    c->cfg = *cfg;
    if (!cfg->queue_max)
        c->cfg.queue_max = 16;
    if (!cfg->first_byte_ms)
        c->cfg.first_byte_ms = 150;
    if (!cfg->inside_ms)
        c->cfg.inside_ms = 20;
    if (!cfg->deadline_ms)
        c->cfg.deadline_ms = 2000;
    c->cfg.retry_count = cfg->retry_count == UINT32_MAX ? 0
                         : cfg->retry_count             ? cfg->retry_count
                                                        : 2;
    if (!cfg->baud)
        c->cfg.baud = 115200;
    c->slot_count = c->cfg.queue_max + NH_BATTERY__POLL_COUNT;
}

int nh_battery_client_create(const struct nh_battery_client_config *cfg, nh_battery_client_t **out)
{
    nh_battery_client_t *c = *out = nh_mem_alloc_zero(cfg->mem, sizeof *c, NH_MEM_BULK);
    if (!c)
        return NH_ERR_NOMEM;
    take_config(c, cfg);
    c->slots = nh_mem_alloc_zero(cfg->mem, c->slot_count * sizeof *c->slots, NH_MEM_BULK);
    if (!c->slots) {
        nh_battery_client_destroy(c);
        *out = NULL;
        return NH_ERR_NOMEM;
    }
    return NH_OK;
}

void nh_battery_client_destroy(nh_battery_client_t *c)
{
    if (!c)
        return;
    nh_mem_free(c->cfg.mem, c->slots);
    nh_mem_free(c->cfg.mem, c);
}
