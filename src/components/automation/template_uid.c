// template_uid.c - readers and their cards. A round ends when each reader has seen a card: all of
// them right, or not.

#include "components/automation/template_private.h"
#include "core/base/utf8.h"

#include <string.h>

#define START_AGAIN_MS 300   // a start within this of the last one is the same start
#define OUTCOME_AGAIN_MS 200 // likewise an outcome
#define BACKGROUND_GIVE_UP_MS 60000

static struct nh_uid__slot *slot_at(const nh_template_t *t, uint32_t index)
{
    return (struct nh_uid__slot *)(uintptr_t)t->tail + index;
}

static uint32_t slot_count(const nh_template_t *t)
{
    return nh_rec_count(t->rec, NH_FIELD_SLOTS);
}

static void clear_round(nh_template_t *t)
{
    for (uint32_t i = 0; i < slot_count(t); i++) {
        slot_at(t, i)->is_seen = false;
        slot_at(t, i)->is_ok = false;
    }
    t->u.uid.is_invalid = false;
    t->u.uid.round_end_ms = NH_NEVER;
}

static void begin_round(nh_template_t *t, uint64_t now_ms)
{
    uint64_t limit_ms = (uint64_t)nh_rec_int(t->rec, NH_FIELD_ROUND_TIMEOUT_MS, 0);
    t->u.uid.state = NH_UID__ACTIVE;
    t->u.uid.round_end_ms = limit_ms ? nh_ms_after(now_ms, limit_ms) : NH_NEVER;
}

static void start(nh_template_t *t, uint64_t now_ms)
{
    (void)now_ms;
    t->u.uid = (struct nh_uid__machine){.start_ms = NH_NEVER,
                                        .bg_start_ms = NH_NEVER,
                                        .round_end_ms = NH_NEVER,
                                        .give_up_ms = NH_NEVER};
}

// ---- outcomes -----------------------------------------------------------------------------------

struct outcome_fields {
    enum nh_field topic, payload, signal_topic, signal_payload, track, scenario;
};
static const struct outcome_fields on_success = {
    NH_FIELD_SUCCESS_TOPIC,          NH_FIELD_SUCCESS_PAYLOAD,     NH_FIELD_SUCCESS_SIGNAL_TOPIC,
    NH_FIELD_SUCCESS_SIGNAL_PAYLOAD, NH_FIELD_SUCCESS_AUDIO_TRACK, NH_FIELD_SUCCESS_SCENARIO};
static const struct outcome_fields on_fail = {
    NH_FIELD_FAIL_TOPIC,          NH_FIELD_FAIL_PAYLOAD,     NH_FIELD_FAIL_SIGNAL_TOPIC,
    NH_FIELD_FAIL_SIGNAL_PAYLOAD, NH_FIELD_FAIL_AUDIO_TRACK, NH_FIELD_FAIL_SCENARIO};

// The track of a failure interrupts the background; that goes on where it was when the track ends.
static void play_fail(nh_template_t *t, uint32_t instance, uint64_t now_ms)
{
    struct nh_uid__machine *m = &t->u.uid;
    if (!m->bg || !instance)
        return;
    if (!m->fail)
        t->host->pause(t->ctx, m->bg);
    m->fail = instance;
    m->give_up_ms = nh_ms_after(now_ms, BACKGROUND_GIVE_UP_MS);
}

static void tell(nh_template_t *t, enum nh_uid__state outcome, uint64_t now_ms)
{
    bool is_success = outcome == NH_UID__SUCCESS;
    const struct outcome_fields *f = is_success ? &on_success : &on_fail;
    nh_template__publish(t, f->topic, f->payload);
    nh_template__publish(t, f->signal_topic, f->signal_payload);
    uint32_t instance = nh_template__play(t, nh_rec_text(t->rec, f->track));
    if (!is_success)
        play_fail(t, instance, now_ms);
    nh_template__start_scenario(t, nh_rec_text(t->rec, f->scenario));
    t->host->outcome(t->ctx, is_success ? "success" : "fail");
}

static void end_round(nh_template_t *t, bool is_success, uint64_t now_ms)
{
    struct nh_uid__machine *m = &t->u.uid;
    enum nh_uid__state outcome = is_success ? NH_UID__SUCCESS : NH_UID__FAIL;
    bool is_again = m->last_outcome == outcome && now_ms - m->outcome_ms < OUTCOME_AGAIN_MS;
    clear_round(t);
    m->state = (uint8_t)outcome;
    if (is_again)
        return;
    m->last_outcome = (uint8_t)outcome;
    m->outcome_ms = now_ms;
    tell(t, outcome, now_ms);
}

// ---- cards --------------------------------------------------------------------------------------

static nh_span_t trim(nh_span_t s)
{
    while (s.len > 0 && strchr(" \t\r\n", s.ptr[0]) && s.ptr[0])
        s = (nh_span_t){s.ptr + 1, s.len - 1};
    while (s.len > 0 && strchr(" \t\r\n", s.ptr[s.len - 1]) && s.ptr[s.len - 1])
        s.len--;
    return s;
}

static void keep_last(struct nh_uid__slot *s, nh_span_t card)
{
    size_t len = card.len;
    if (len > sizeof s->last)
        len = nh_utf8_valid_len(card.ptr, sizeof s->last, true);
    s->last_len = (uint8_t)len;
    if (len)
        memcpy(s->last, card.ptr, len);
}

static bool is_right(nh_rec_t slot, nh_span_t card)
{
    for (uint32_t i = 0; i < nh_rec_count(slot, NH_FIELD_VALUES); i++)
        if (nh_template__is_same_word(nh_rec_text_element(slot, NH_FIELD_VALUES, i), card))
            return true;
    return false;
}

// A wrong card spoils the round for good, or with late_correction until a right one comes.
static void take_card(nh_template_t *t, struct nh_uid__slot *s, nh_rec_t slot, nh_span_t card)
{
    bool is_ok = is_right(slot, card);
    keep_last(s, card);
    s->is_seen = true;
    if (is_ok)
        s->is_ok = true;
    else if (nh_rec_bool(t->rec, NH_FIELD_LATE_CORRECTION, false))
        s->is_ok = false;
    else
        t->u.uid.is_invalid = true;
}

// Whether each reader has seen a card; and whether all of them were right.
static bool is_whole(const nh_template_t *t, bool *is_success)
{
    bool is_seen = true;
    *is_success = !t->u.uid.is_invalid;
    for (uint32_t i = 0; i < slot_count(t); i++) {
        is_seen = is_seen && slot_at(t, i)->is_seen;
        *is_success = *is_success && slot_at(t, i)->is_ok;
    }
    return is_seen;
}

static void cards(nh_template_t *t, nh_span_t topic, nh_span_t payload, uint64_t now_ms)
{
    bool is_card = false, is_success;
    nh_rec_t slot = nh_rec_first(t->rec, NH_FIELD_SLOTS);
    for (uint32_t i = 0; i < slot_count(t); i++, slot = nh_rec_next(slot)) {
        if (!nh_template__is_same(nh_rec_text(slot, NH_FIELD_SOURCE_ID), topic))
            continue;
        if (t->u.uid.state != NH_UID__ACTIVE)
            begin_round(t, now_ms);
        take_card(t, slot_at(t, i), slot, trim(payload));
        is_card = true;
    }
    if (is_card && is_whole(t, &is_success))
        end_round(t, is_success, now_ms);
}

// ---- messages, time -----------------------------------------------------------------------------

// Whether a message comes soon after the one before; if not, it is the last one now.
static bool is_again(uint64_t *last_ms, uint64_t now_ms)
{
    if (*last_ms != NH_NEVER && now_ms - *last_ms < START_AGAIN_MS)
        return true;
    *last_ms = now_ms;
    return false;
}

static void on_start_message(nh_template_t *t, nh_span_t payload, uint64_t now_ms)
{
    nh_span_t want = nh_rec_text(t->rec, NH_FIELD_START_PAYLOAD);
    if ((want.len > 0 && !nh_template__is_same(want, payload)) ||
        is_again(&t->u.uid.start_ms, now_ms))
        return;
    clear_round(t);
    begin_round(t, now_ms);
    nh_template__publish(t, NH_FIELD_BROADCAST_TOPIC, NH_FIELD_BROADCAST_PAYLOAD);
}

static void on_background_message(nh_template_t *t, uint64_t now_ms)
{
    struct nh_uid__machine *m = &t->u.uid;
    nh_span_t track = nh_rec_text(t->rec, NH_FIELD_BG_TRACK);
    if (track.len == 0 || is_again(&m->bg_start_ms, now_ms))
        return;
    m->bg = t->host->play(t->ctx, NH_CHANNEL_BACKGROUND, track, false);
    m->fail = 0;
    m->give_up_ms = NH_NEVER;
}

// The round ends as it is, also one that has not begun.
static void on_check_message(nh_template_t *t, uint64_t now_ms)
{
    bool is_success;
    NH_IGNORE(is_whole(t, &is_success)); // a reader without a card is not right either
    end_round(t, is_success, now_ms);
}

static bool is_field(const nh_template_t *t, enum nh_field f, nh_span_t topic)
{
    nh_span_t want = nh_rec_text(t->rec, f);
    return want.len > 0 && nh_template__is_same(want, topic);
}

static void message(nh_template_t *t, nh_span_t topic, nh_span_t payload, uint64_t now_ms)
{
    if (now_ms >= t->u.uid.round_end_ms) // before the timer ran
        end_round(t, false, now_ms);
    if (is_field(t, NH_FIELD_START_TOPIC, topic))
        on_start_message(t, payload, now_ms);
    if (is_field(t, NH_FIELD_BG_START_TOPIC, topic))
        on_background_message(t, now_ms);
    cards(t, topic, payload, now_ms);
    if (is_field(t, NH_FIELD_CHECK_TOPIC, topic))
        on_check_message(t, now_ms);
}

static void audio_finished(nh_template_t *t, uint32_t instance)
{
    struct nh_uid__machine *m = &t->u.uid;
    if (instance == m->bg) { // it ended, or somebody else stopped it: nothing is to go on
        m->bg = 0;
        m->fail = 0;
    } else if (instance == m->fail) {
        t->host->resume(t->ctx, m->bg);
        m->fail = 0;
    }
    if (!m->fail)
        m->give_up_ms = NH_NEVER;
}

static void tick(nh_template_t *t, uint64_t now_ms)
{
    struct nh_uid__machine *m = &t->u.uid;
    if (now_ms >= m->give_up_ms) {
        nh_template__stop(t, &m->bg);
        m->fail = 0;
        m->give_up_ms = NH_NEVER;
    }
    if (now_ms >= m->round_end_ms)
        end_round(t, false, now_ms);
}

static uint64_t next_deadline(const nh_template_t *t)
{
    const struct nh_uid__machine *m = &t->u.uid;
    return m->give_up_ms < m->round_end_ms ? m->give_up_ms : m->round_end_ms;
}

static void reset(nh_template_t *t, uint64_t now_ms)
{
    nh_template__stop(t, &t->u.uid.bg);
    memset(t->tail, 0, slot_count(t) * sizeof(struct nh_uid__slot));
    start(t, now_ms);
}

// ---- outside ------------------------------------------------------------------------------------

static void filters(nh_rec_t rec, void (*visit)(void *ctx, nh_span_t filter), void *ctx)
{
    nh_template__visit(nh_rec_text(rec, NH_FIELD_START_TOPIC), visit, ctx);
    nh_template__visit(nh_rec_text(rec, NH_FIELD_BG_START_TOPIC), visit, ctx);
    nh_template__visit(nh_rec_text(rec, NH_FIELD_CHECK_TOPIC), visit, ctx);
    nh_rec_t slot = nh_rec_first(rec, NH_FIELD_SLOTS);
    for (uint32_t i = 0; i < nh_rec_count(rec, NH_FIELD_SLOTS); i++, slot = nh_rec_next(slot))
        nh_template__visit(nh_rec_text(slot, NH_FIELD_SOURCE_ID), visit, ctx);
}

static const char *state(const nh_template_t *t)
{
    static const char *const words[] = {"idle", "active", "success", "fail"};
    return words[t->u.uid.state];
}

static void monitor(const nh_template_t *t, nh_json_writer_t *w, uint64_t now_ms)
{
    uint64_t end_ms = t->u.uid.round_end_ms;
    nh_json_kv_bool(w, "active", t->u.uid.state == NH_UID__ACTIVE);
    if (end_ms != NH_NEVER)
        nh_json_kv_uint(w, "time_left_ms", end_ms > now_ms ? end_ms - now_ms : 0);
    nh_json_key(w, "slots");
    nh_json_array_begin(w);
    nh_rec_t slot = nh_rec_first(t->rec, NH_FIELD_SLOTS);
    for (uint32_t i = 0; i < slot_count(t); i++, slot = nh_rec_next(slot)) {
        const struct nh_uid__slot *s = slot_at(t, i);
        nh_json_object_begin(w);
        nh_json_kv_uint(w, "index", i);
        nh_template__write_text(w, "source", nh_rec_text(slot, NH_FIELD_SOURCE_ID));
        nh_template__write_text(w, "label", nh_rec_text(slot, NH_FIELD_LABEL));
        nh_template__write_text(w, "last_value",
                                (nh_span_t){(const uint8_t *)s->last, s->last_len});
        nh_json_kv_bool(w, "seen", s->is_seen);
        nh_json_kv_bool(w, "ok", s->is_ok);
        nh_json_object_end(w);
    }
    nh_json_array_end(w);
}

const struct nh_template__type nh_template__uid = {.data = NH_FIELD_UID,
                                                   .tail_bytes = sizeof(struct nh_uid__slot),
                                                   .tail_list = NH_FIELD_SLOTS,
                                                   .start = start,
                                                   .message = message,
                                                   .audio_finished = audio_finished,
                                                   .tick = tick,
                                                   .next_deadline = next_deadline,
                                                   .reset = reset,
                                                   .filters = filters,
                                                   .state = state,
                                                   .monitor = monitor};
