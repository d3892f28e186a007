// The exchange that is on the line: sent, answered, repeated or given up.

#include "components/battery/battery_client_private.h"

#include <string.h>

#define WAKE_FIRST_US 100000 // the board looks for a byte, then is up
#define WAKE_AGAIN_US 250000
#define SETTLE_US 100000  // a cycle of the board: then a written value can be read back
#define RESTART_US 600000 // it is silent for 500 ms
#define DEBT_US 1000000   // so late an answer may still come
#define DEBT_SHORT_US 200000
#define PAUSES_MAX 8 // within one answer
#define NO_COMMAND 0 // a command that is none: whole frames are strays

// ---- who waits

static bool has_receiver(const nh_battery_client_t *c)
{
    for (uint32_t i = 0; i < c->slot_count; i++)
        if (c->slots[i].state == NH_BATTERY__ON_LINE)
            return true;
    return false;
}

// The one receiver of what is no block.
static struct nh_battery__slot *receiver(nh_battery_client_t *c)
{
    for (uint32_t i = 0; i < c->slot_count; i++)
        if (c->slots[i].state == NH_BATTERY__ON_LINE)
            return &c->slots[i];
    return NULL;
}

static void pause_slot(struct nh_battery__slot *s, uint64_t ready_us)
{
    s->state = NH_BATTERY__PAUSED;
    s->ready_us = ready_us;
}

// ---- writes, read back

static bool is_flagged(uint16_t address, uint8_t flag)
{
    const struct nh_tinybms_register *r = nh_tinybms_register_of(address);
    return r && (r->flags & flag);
}

static uint64_t settle_us(const struct nh_battery_request *r)
{
    for (uint16_t i = 0; i < r->count; i++)
        if (is_flagged(r->addresses[i], NH_TINYBMS_RESTARTS))
            return RESTART_US;
    return SETTLE_US;
}

static void verify_soon(struct nh_battery__slot *s, uint64_t now_us)
{
    s->is_verifying = true;
    pause_slot(s, now_us + settle_us(&s->request));
}

static void on_write_acknowledged(struct nh_battery__slot *s, uint8_t chunk, uint64_t now_us)
{
    s->sent_count = (uint8_t)(s->sent_count + chunk);
    s->has_ack = true;
    if (s->sent_count < s->request.count)
        s->state = NH_BATTERY__WAITING;
    else
        verify_soon(s, now_us);
}

// The last value given for an address counts.
static bool is_taken(const struct nh_battery_request *r, uint16_t i, uint16_t found)
{
    for (uint16_t k = (uint16_t)(i + 1); k < r->count; k++)
        if (r->addresses[k] == r->addresses[i])
            return true;
    return found == r->values[i] ||
           (found == 0xFFFF && is_flagged(r->addresses[i], NH_TINYBMS_READS_FFFF));
}

static void on_read_back(nh_battery_client_t *c, struct nh_battery__slot *s, uint64_t now_us)
{
    const struct nh_battery_request *r = &s->request;
    for (uint16_t i = 0; i < r->count; i++) {
        uint16_t found = c->words[r->addresses[i] - c->x.first];
        if (is_taken(r, i, found))
            continue;
        // It may never have come there: then it is written once more.
        if (!s->has_ack && s->tries <= c->cfg.retry_count) {
            s->is_verifying = false;
            s->sent_count = 0;
            c->stats.retries++;
            nh_battery__requeue(c, s);
            return;
        }
        c->reply.address = r->addresses[i];
        c->reply.count = 1;
        c->reply.words[0] = found;
        nh_battery__answer(c, s, s->has_ack ? NH_BATTERY_NOT_TAKEN : NH_BATTERY_LOST, now_us);
        return;
    }
    c->reply.address = r->addresses[0];
    c->reply.count = r->count;
    for (uint16_t i = 0; i < r->count; i++)
        c->reply.words[i] = c->words[r->addresses[i] - c->x.first];
    nh_battery__answer(c, s, NH_BATTERY_DONE, now_us);
}

// ---- good answers

static void tell_words(nh_battery_client_t *c, bool is_written)
{
    if (c->cfg.words)
        c->cfg.words(c->cfg.ctx, c->x.first, c->x.count, c->words, c->x.begun_us, is_written);
}

static void answer_block(nh_battery_client_t *c, struct nh_battery__slot *s, uint64_t now_us)
{
    const struct nh_battery_request *r = &s->request;
    if (s->is_verifying) {
        on_read_back(c, s, now_us);
        return;
    }
    c->reply.address = r->address;
    c->reply.count = r->count;
    memcpy(c->reply.words, c->words + (r->address - c->x.first), r->count * sizeof c->words[0]);
    nh_battery__answer(c, s, NH_BATTERY_DONE, now_us);
}

static bool take_block(nh_battery_client_t *c, const struct nh_tinybms_frame *f, uint64_t now_us)
{
    int n = nh_tinybms_decode_words(f, c->words, NH_ARRAY_LEN(c->words));
    if (f->answer != NH_TINYBMS_DATA || n != c->x.count + c->x.extra)
        return false;
    const struct nh_battery__slot *first = receiver(c);
    tell_words(c, first && first->is_verifying);
    for (uint32_t i = 0; i < c->slot_count; i++)
        if (c->slots[i].state == NH_BATTERY__ON_LINE)
            answer_block(c, &c->slots[i], now_us);
    return true;
}

static void pack(nh_battery_client_t *c, nh_span_t payload)
{
    struct nh_battery_reply *r = &c->reply;
    r->bytes = (uint16_t)payload.len;
    r->count = (uint16_t)((payload.len + 1) / 2);
    for (uint16_t i = 0; i < r->count; i++) {
        size_t at = 2u * i;
        uint16_t high = at + 1 < payload.len ? payload.ptr[at + 1] : 0;
        r->words[i] = (uint16_t)(payload.ptr[at] | high << 8);
    }
}

static void after_command(nh_battery_client_t *c, const struct nh_battery_request *r,
                          uint64_t now_us)
{
    bool is_restart = r->kind == NH_BATTERY_RESTART ||
                      (r->kind == NH_BATTERY_RAW && r->option == NH_TINYBMS_RESET &&
                       r->address == NH_TINYBMS_RESTART);
    if (is_restart)
        c->quiet_until_us = now_us + RESTART_US;
    if (is_restart || r->kind == NH_BATTERY_CLEAR_STATISTICS)
        c->poll_due_us[NH_BATTERY__STATISTICS] =
            c->quiet_until_us > now_us ? c->quiet_until_us : now_us;
}

static void answer_other(nh_battery_client_t *c, struct nh_battery__slot *s,
                         const struct nh_tinybms_frame *f, uint64_t now_us)
{
    const struct nh_battery_request *r = &s->request;
    if (r->kind == NH_BATTERY_RANGES) {
        int n = nh_tinybms_decode_words(f, c->reply.words, NH_ARRAY_LEN(c->reply.words));
        c->reply.address = NH_TINYBMS_SETTINGS_FIRST;
        c->reply.count = n > 0 ? r->count : 0;
    } else if (f->answer == NH_TINYBMS_DATA) {
        pack(c, f->payload);
    }
    after_command(c, r, now_us);
    nh_battery__answer(c, s, NH_BATTERY_DONE, now_us);
}

static bool take_other(nh_battery_client_t *c, const struct nh_tinybms_frame *f, uint64_t now_us)
{
    struct nh_battery__slot *s = receiver(c);
    if (c->x.payload_bytes && f->payload.len != c->x.payload_bytes)
        return false;
    if (!s)
        return true; // whose it was has been answered
    if (s->request.kind == NH_BATTERY_WRITE)
        on_write_acknowledged(s, c->x.chunk, now_us);
    else
        answer_other(c, s, f, now_us);
    return true;
}

// ---- bad answers

static bool may_repeat(const nh_battery_client_t *c, const struct nh_battery__slot *s)
{
    uint8_t k = s->request.kind;
    return k != NH_BATTERY_RESTART && k != NH_BATTERY_RAW && s->tries <= c->cfg.retry_count;
}

// A repeat goes behind those who wait, so that nobody stands behind another's time-outs.
static void fail_slot(nh_battery_client_t *c, struct nh_battery__slot *s, bool is_absent,
                      uint64_t now_us)
{
    bool is_write = s->request.kind == NH_BATTERY_WRITE;
    if (is_write && !s->is_verifying) {
        s->tries++;
        verify_soon(s, now_us); // it may have been done
        return;
    }
    uint8_t *tries = is_write ? &s->verify_tries : &s->tries;
    ++*tries;
    bool is_over = is_write ? *tries > c->cfg.retry_count : !may_repeat(c, s);
    if (is_absent || is_over) {
        nh_battery__answer(c, s, NH_BATTERY_LOST, now_us);
        return;
    }
    c->stats.retries++;
    nh_battery__requeue(c, s);
}

static void fail(nh_battery_client_t *c, bool is_absent, uint64_t now_us)
{
    c->x.state = NH_BATTERY__QUIET;
    c->failed_count++;
    for (uint32_t i = 0; i < c->slot_count; i++)
        if (c->slots[i].state == NH_BATTERY__ON_LINE)
            fail_slot(c, &c->slots[i], is_absent, now_us);
}

static size_t receiver_count(const nh_battery_client_t *c)
{
    size_t n = 0;
    for (uint32_t i = 0; i < c->slot_count; i++)
        n += c->slots[i].state == NH_BATTERY__ON_LINE;
    return n;
}

// Which part of a shared block was refused is not said: each asks for itself then.
static void refuse(nh_battery_client_t *c, uint8_t code, uint64_t now_us)
{
    bool is_shared = receiver_count(c) > 1;
    for (uint32_t i = 0; i < c->slot_count; i++) {
        struct nh_battery__slot *s = &c->slots[i];
        if (s->state != NH_BATTERY__ON_LINE)
            continue;
        if (is_shared) {
            s->is_alone = true;
            s->state = NH_BATTERY__WAITING;
            continue;
        }
        c->reply.code = code;
        nh_battery__answer(c, s, NH_BATTERY_REFUSED, now_us);
    }
}

// True: the exchange is over.
static bool take_nack(nh_battery_client_t *c, uint8_t code, uint64_t now_us)
{
    c->stats.nacks[code < 2 ? code : 2]++;
    if (nh_battery__is_owed(c, now_us)) {
        c->stats.stray++;
        c->x.has_nack = true;
        return false;
    }
    if (code == 1)
        fail(c, false, now_us); // it was damaged on its way there
    else
        refuse(c, code, now_us);
    return true;
}

// ---- bytes

// True: the exchange is over.
static bool take(nh_battery_client_t *c, const struct nh_tinybms_frame *f, uint64_t now_us)
{
    if (f->answer == NH_TINYBMS_NACK) {
        if (!take_nack(c, f->code, now_us))
            return false;
    } else {
        bool is_late = !has_receiver(c);
        bool is_it = c->x.is_block ? take_block(c, f, now_us) : take_other(c, f, now_us);
        if (!is_it) {
            c->stats.stray++;
            return false;
        }
        c->stats.late += is_late;
        c->failed_count = 0;
        if (c->x.payload_bytes)
            nh_battery__expect_echo(c);
    }
    c->x.state = NH_BATTERY__QUIET;
    if (c->x.sends > 1) // the answers to the frames before this one
        nh_battery__owe(c, now_us + DEBT_US);
    return true;
}

static void note_frames(nh_battery_client_t *c, uint64_t frames_before, uint64_t now_us)
{
    if (c->parser.frames == frames_before)
        return;
    c->last_frame_us = now_us;
    nh_battery__link(c, true, now_us);
}

static uint8_t awaited(const nh_battery_client_t *c)
{
    return c->x.state == NH_BATTERY__SENT ? c->x.command : NO_COMMAND;
}

static void look(nh_battery_client_t *c, uint64_t now_us)
{
    struct nh_tinybms_frame f;
    uint64_t frames = c->parser.frames;
    while (nh_tinybms_parser_next(&c->parser, awaited(c), &f))
        if (c->x.state != NH_BATTERY__SENT)
            c->stats.stray++;
        else
            (void)take(c, &f, now_us);
    note_frames(c, frames, now_us);
}

// Until when an answer can be there that began in time: the longest frame, with some pauses in it.
static uint64_t answer_end_us(const nh_battery_client_t *c)
{
    uint64_t wire_us = NH_TINYBMS_FRAME_MAX_BYTES * UINT64_C(10000000) / c->cfg.baud;
    return c->x.begun_us + (c->cfg.first_byte_ms + PAUSES_MAX * (uint64_t)c->cfg.inside_ms) * 1000 +
           wire_us;
}

// Within a frame, and behind a damaged one, a short silence ends it. A line that babbles is never
// silent: then the time is over all the same.
static void wait_for_more(nh_battery_client_t *c, uint64_t now_us)
{
    bool is_damaged = c->parser.crc_errors != c->x.crc_errors;
    uint64_t end_us = answer_end_us(c);
    c->x.has_bytes = true;
    if (nh_tinybms_parser_is_inside(&c->parser) || is_damaged)
        c->x.wait_us = now_us + (uint64_t)c->cfg.inside_ms * 1000;
    else
        c->x.wait_us = c->x.begun_us + (uint64_t)c->cfg.first_byte_ms * 1000;
    if (c->x.wait_us > end_us)
        c->x.wait_us = end_us;
}

void nh_battery_client_input(nh_battery_client_t *c, const uint8_t *bytes, size_t len,
                             uint64_t now_us)
{
    c->stats.bytes_in += len;
    while (len) {
        size_t n = nh_tinybms_parser_feed(&c->parser, bytes, len);
        bytes += n;
        len -= n;
        look(c, now_us);
    }
    if (c->x.state == NH_BATTERY__SENT)
        wait_for_more(c, now_us);
}

size_t nh_battery_client_output(nh_battery_client_t *c, const uint8_t **bytes, uint64_t now_us)
{
    if (!c->is_open || c->x.state == NH_BATTERY__SENT)
        return 0;
    if (c->x.state == NH_BATTERY__QUIET &&
        (now_us < c->quiet_until_us || !nh_battery__begin(c, now_us)))
        return 0;
    *bytes = c->x.frame;
    return c->x.len;
}

void nh_battery_client_sent(nh_battery_client_t *c, uint64_t now_us)
{
    struct nh_battery__exchange *x = &c->x;
    uint64_t wire_us = (uint64_t)x->len * 10 * 1000000 / c->cfg.baud;
    c->stats.bytes_out += x->len;
    c->stats.exchanges += x->sends == 0;
    nh_tinybms_parser_reset(&c->parser); // half a frame from before is no answer
    x->crc_errors = c->parser.crc_errors;
    x->has_bytes = false;
    x->state = NH_BATTERY__SENT;
    x->begun_us = now_us + wire_us;
    x->wait_us = x->begun_us + (!x->is_waking   ? (uint64_t)c->cfg.first_byte_ms * 1000
                                : x->sends == 0 ? WAKE_FIRST_US
                                                : WAKE_AGAIN_US);
    x->sends++;
}

// ---- silence

// The first frame to a board that sleeps is lost: it is sent again, and that is no time-out.
static bool wake_again(nh_battery_client_t *c, uint64_t now_us)
{
    if (!c->x.is_waking || c->x.has_bytes || now_us >= c->x.wake_end_us || !has_receiver(c))
        return false;
    c->stats.wakeups++;
    c->x.state = NH_BATTERY__READY;
    return true;
}

static void give_up(nh_battery_client_t *c, uint64_t now_us)
{
    bool is_damaged = c->parser.crc_errors != c->x.crc_errors;
    c->stats.timeouts += !is_damaged;
    nh_battery__owe(c, now_us + (is_damaged ? DEBT_SHORT_US : DEBT_US));
    fail(c, c->x.is_waking && !c->x.has_bytes, now_us);
}

void nh_battery__line_tick(nh_battery_client_t *c, uint64_t now_us)
{
    struct nh_tinybms_frame f;
    uint64_t frames = c->parser.frames;
    if (c->x.state != NH_BATTERY__SENT || now_us < c->x.wait_us)
        return;
    while (c->x.state == NH_BATTERY__SENT && nh_tinybms_parser_finish(&c->parser, c->x.command, &f))
        (void)take(c, &f, now_us);
    note_frames(c, frames, now_us);
    if (c->x.state == NH_BATTERY__SENT && !wake_again(c, now_us))
        give_up(c, now_us);
}
