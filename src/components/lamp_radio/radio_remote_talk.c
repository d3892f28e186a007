// One thing asked at a time, again and again until it is answered; and where the lamp is.

#include "components/lamp_radio/radio_remote_state.h"

#include <string.h>

#define LIST_TRY_MS 200
#define BUSY_WAIT_MS 30
#define BUSY_MAX_COUNT 20
#define LOST_WAIT_MS 500 // between two walks over the channels

static const uint16_t command_try_ms[NH_RADIO__TRY_COUNT] = {80, 80, 160};

// ---- tries -------------------------------------------------------------------------------------

static int send_ask(nh_radio_remote_t *r)
{
    const struct nh_radio__exchange *x = &r->exchange;
    struct nh_radio_frame f = {.head = {.type = NH_RADIO_HELLO, .seq = x->seq}};
    if (x->ask == NH_RADIO__COMMAND) {
        f.head.type = NH_RADIO_CTRL;
        f.u.ctrl = (struct nh_radio_ctrl){x->command.cmd, x->command.value};
    } else if (x->ask == NH_RADIO__META) {
        f.u.hello.sub = NH_RADIO_META_REQ;
    } else {
        f.u.hello.sub = NH_RADIO_CHUNK_REQ;
        f.u.hello.start = r->sync.next;
    }
    return nh_radio_remote__send(r, &r->lamps[0], &f);
}

static void finish(nh_radio_remote_t *r, int err, const struct nh_radio_state *state)
{
    struct nh_radio__exchange x = r->exchange;
    r->exchange.ask = NH_RADIO__NOTHING;
    r->hop.is_on = false;
    if (x.ask != NH_RADIO__COMMAND) {
        if (err < 0)
            nh_radio_remote__sync_end(r, err);
        return;
    }
    const struct nh_radio_remote_event e = {.kind = NH_RADIO_REMOTE_ANSWER,
                                            .err = err,
                                            .cmd = x.command.cmd,
                                            .value = x.command.value,
                                            .state = state};
    r->info.answered_count += err == 0;
    r->info.failed_count += err < 0;
    nh_radio_remote__event(r, &e);
}

static void send_try(nh_radio_remote_t *r, uint64_t now_ms)
{
    struct nh_radio__exchange *x = &r->exchange;
    uint32_t wait_ms =
        x->ask == NH_RADIO__COMMAND ? command_try_ms[x->try_count] : (uint32_t)LIST_TRY_MS;
    r->info.repeat_count += x->try_count > 0;
    x->try_count++;
    x->next_ms = nh_ms_after(now_ms, wait_ms);
    int err = send_ask(r);
    if (err < 0)
        finish(r, err, NULL);
}

static void note_try(nh_radio_remote_t *r, bool is_lost)
{
    r->loss_bits = r->loss_bits << 1 | is_lost;
    r->try_count++;
}

void nh_radio_remote__answered(nh_radio_remote_t *r)
{
    note_try(r, false);
}

// A number that this lamp has not had: it rises with every frame, over restarts too.
static uint32_t new_seq(nh_radio_remote_t *r)
{
    nh_radio_guard_t *g = &r->lamps[0].guard;
    if ((uint32_t)g->next == 0) // a push has that one
        nh_radio_guard_skip(g, g->next);
    return (uint32_t)g->next;
}

void nh_radio_remote__ask(nh_radio_remote_t *r, enum nh_radio__ask ask, uint64_t now_ms)
{
    struct nh_radio__exchange *x = &r->exchange;
    x->ask = ask;
    x->seq = new_seq(r);
    x->try_count = 0;
    x->busy_count = 0;
    x->first_us = r->cfg.clock_us(r->cfg.ctx);
    x->end_ms = nh_ms_after(now_ms, r->cfg.command_timeout_ms);
    send_try(r, now_ms);
}

// ---- where the lamp is -------------------------------------------------------------------------

// The walk comes home after every third channel: what is more likely is asked more often.
static uint8_t channel_of(const struct nh_radio__hop *h)
{
    if (h->step % 4 == 0)
        return h->home;
    uint32_t other = h->step - h->step / 4 - 1; // 0 to 11: the channels but home
    return (uint8_t)(other + 1 < h->home ? other + 1 : other + 2);
}
#define WALK_STEPS 16 // 12 others and 4 times home

static void hop_step(nh_radio_remote_t *r, uint64_t now_ms)
{
    struct nh_radio_frame f = {.head = {.type = NH_RADIO_HELLO, .seq = new_seq(r)},
                               .u.hello = {.sub = NH_RADIO_META_REQ}};
    nh_radio_remote__channel(r, channel_of(&r->hop));
    r->hop.step++;
    r->hop.next_ms = nh_ms_after(now_ms, r->cfg.hop_ms);
    NH_IGNORE(nh_radio_remote__send(r, &r->lamps[0], &f)); // the next step tries again
}

static void hop_begin(nh_radio_remote_t *r, uint64_t now_ms)
{
    r->hop = (struct nh_radio__hop){.is_on = true, .home = r->channel};
    r->exchange.next_ms = NH_NEVER;
    r->info.hop_count++;
    hop_step(r, now_ms);
}

static void link_set(nh_radio_remote_t *r, bool is_up)
{
    const struct nh_radio_remote_event e = {.kind = NH_RADIO_REMOTE_LINK, .is_up = is_up};
    if (r->info.is_up == is_up)
        return;
    r->info.is_up = is_up;
    nh_radio_remote__event(r, &e);
}

static void hop_tick(nh_radio_remote_t *r, uint64_t now_ms)
{
    if (now_ms < r->hop.next_ms)
        return;
    if (r->hop.step < WALK_STEPS) {
        hop_step(r, now_ms);
        return;
    }
    r->hop.is_on = false; // nowhere: once more from home, until the time is up
    nh_radio_remote__channel(r, r->hop.home);
    r->exchange.try_count = 0;
    r->exchange.next_ms = nh_ms_after(now_ms, LOST_WAIT_MS);
    link_set(r, false);
}

void nh_radio_remote__heard(nh_radio_remote_t *r, uint64_t now_ms)
{
    if (r->cfg.poll_ms)
        r->poll_ms = nh_ms_after(now_ms, r->cfg.poll_ms);
    link_set(r, true);
    if (!r->hop.is_on)
        return;
    r->hop.is_on = false;
    if (r->channel != r->lamps[0].record.channel)
        NH_IGNORE(nh_radio_remote__keep(r)); // else it is looked for again after a restart
    if (r->exchange.ask == NH_RADIO__NOTHING)
        return;
    r->exchange.try_count = 0;
    r->exchange.next_ms = now_ms; // the next tick: what was heard may be its answer
}

// ---- answers -----------------------------------------------------------------------------------

static void note_answer(nh_radio_remote_t *r)
{
    uint64_t us = r->cfg.clock_us(r->cfg.ctx) - r->exchange.first_us;
    r->answer_us[r->answer_count++ % NH_RADIO__ANSWER_COUNT] =
        us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
    note_try(r, false);
}

void nh_radio_remote__acked(nh_radio_remote_t *r, const struct nh_radio_frame *f, uint64_t now_ms)
{
    struct nh_radio__exchange *x = &r->exchange;
    const struct nh_radio_remote_event told = {.kind = NH_RADIO_REMOTE_STATE, .state = &f->u.ack};
    bool is_push = f->head.seq == 0;
    bool is_mine = x->ask == NH_RADIO__COMMAND && f->head.seq == x->seq;
    if (!is_push && !is_mine) {
        r->info.late_count++;
        return;
    }
    r->info.state = f->u.ack;
    r->info.has_state = true;
    if (is_mine)
        note_answer(r);
    nh_radio_remote__event(r, &told);
    if (!is_mine)
        return;
    if (f->u.ack.result == NH_RADIO_BUSY && x->busy_count < BUSY_MAX_COUNT) {
        x->busy_count++; // nothing was done: the same, as a new one
        x->seq = new_seq(r);
        x->try_count = 0;
        x->next_ms = nh_ms_after(now_ms, BUSY_WAIT_MS);
        return;
    }
    finish(r, 0, &f->u.ack);
}

// ---- what waits --------------------------------------------------------------------------------

// What the later one does not say stays as the earlier one has it.
static uint16_t overlay_both(uint16_t earlier, uint16_t later)
{
    uint16_t bits =
        (uint16_t)((later & NH_RADIO_OVERLAY_HAS_SHOWN ? 1u : 0u) |
                   (later & NH_RADIO_OVERLAY_HAS_MODE ? 3u : 0u) << NH_RADIO_OVERLAY_SHIFT_MODE |
                   (later & NH_RADIO_OVERLAY_HAS_BLEND ? 3u : 0u) << NH_RADIO_OVERLAY_SHIFT_BLEND);
    return (uint16_t)((earlier & ~bits) | later);
}

int nh_radio_remote_command(nh_radio_remote_t *r, uint8_t cmd, uint16_t value, uint64_t now_ms)
{
    if (r->lamp_count == 0)
        return NH_ERR_NOT_FOUND;
    if (r->pair.phase != NH_RADIO__PAIR_OFF)
        return NH_ERR_BUSY;
    size_t i = 0;
    while (i < r->queue_count && r->queue[i].cmd != cmd)
        i++;
    if (i == NH_RADIO_REMOTE_QUEUE_MAX_COUNT)
        return NH_ERR_FULL;
    bool is_more = i < r->queue_count && cmd == NH_RADIO_SET_OVERLAY;
    r->queue[i] =
        (struct nh_radio__command){cmd, is_more ? overlay_both(r->queue[i].value, value) : value};
    r->queue_count += i == r->queue_count;
    r->info.command_count++;
    nh_radio_remote__go_on(r, now_ms);
    return 0;
}

bool nh_radio_remote_is_idle(const nh_radio_remote_t *r)
{
    return r->exchange.ask == NH_RADIO__NOTHING && r->queue_count == 0 && !r->sync.is_on &&
           r->pair.phase == NH_RADIO__PAIR_OFF;
}

// Commands go before the list.
void nh_radio_remote__go_on(nh_radio_remote_t *r, uint64_t now_ms)
{
    if (r->exchange.ask != NH_RADIO__NOTHING || r->pair.phase != NH_RADIO__PAIR_OFF)
        return;
    if (r->queue_count > 0) {
        r->exchange.command = r->queue[0];
        r->queue_count--;
        memmove(r->queue, r->queue + 1, r->queue_count * sizeof r->queue[0]);
        nh_radio_remote__ask(r, NH_RADIO__COMMAND, now_ms);
    } else if (r->sync.is_on) {
        bool knows = r->sync.next < r->sync.count;
        nh_radio_remote__ask(r, knows ? NH_RADIO__CHUNK : NH_RADIO__META, now_ms);
    }
}

void nh_radio_remote__cancel(nh_radio_remote_t *r)
{
    if (r->exchange.ask != NH_RADIO__NOTHING)
        finish(r, NH_ERR_CANCELLED, NULL);
    while (r->queue_count > 0) {
        const struct nh_radio__command c = r->queue[--r->queue_count];
        const struct nh_radio_remote_event e = {.kind = NH_RADIO_REMOTE_ANSWER,
                                                .err = NH_ERR_CANCELLED,
                                                .cmd = c.cmd,
                                                .value = c.value};
        r->info.failed_count++;
        nh_radio_remote__event(r, &e);
    }
    if (r->sync.is_on)
        nh_radio_remote__sync_end(r, NH_ERR_CANCELLED);
}

void nh_radio_remote__talk_tick(nh_radio_remote_t *r, uint64_t now_ms)
{
    struct nh_radio__exchange *x = &r->exchange;
    if (x->ask == NH_RADIO__NOTHING)
        return;
    if (now_ms >= x->end_ms) {
        if (r->hop.is_on)
            nh_radio_remote__channel(r, r->hop.home);
        link_set(r, false);
        finish(r, NH_ERR_TIMEOUT, NULL);
        return;
    }
    if (r->hop.is_on) {
        hop_tick(r, now_ms);
        return;
    }
    if (now_ms < x->next_ms)
        return;
    if (x->try_count > 0)
        note_try(r, true);
    if (x->try_count < NH_RADIO__TRY_COUNT)
        send_try(r, now_ms);
    else
        hop_begin(r, now_ms);
}
