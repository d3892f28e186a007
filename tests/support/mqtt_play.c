// What the clients of a play say and hear: connections, packets, turns.

#include "support/mqtt_play.h"

#include "support/mqtt_play_bytes.h"
#include "support/mqtt_play_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void play__fail(struct play *p, const char *what)
{
    p->cfg.fail(what, p->doing);
}

void play__require(struct play *p, bool holds, const char *what)
{
    if (!holds)
        play__fail(p, what);
}

uint32_t play__choose(struct play *p, uint32_t n)
{
    return p->cfg.choose(p->cfg.ctx, n);
}

void play__trace(struct play *p, const char *fmt, ...)
{
    char line[160];
    va_list args;
    if (!p->cfg.trace)
        return;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    p->cfg.trace(line);
}

// ---- connections --------------------------------------------------------------------------------

static void forget_slot(struct play_slot *s)
{
    s->conn = NULL;
    s->is_dirty = s->is_stalled = s->was_stalled = s->is_lazy = s->is_taken_over = false;
    s->rx_len = s->answer_count = s->ack_count = 0;
    memset(s->aliases_in, 0, sizeof s->aliases_in);
    memset(s->aliases_out, 0, sizeof s->aliases_out);
}

void play__close_slot(struct play_slot *s)
{
    nh_mqtt_broker_close(s->play->broker, s->conn, s->play->now_ms);
    forget_slot(s);
}

static void owe_ack(struct play_slot *s, unsigned type, uint16_t packet_id)
{
    struct play *p = s->play;
    // One in eight messages is refused, where the version can say so.
    bool is_refusal = s->is_v5 && type != PLAY_PUBCOMP && play__choose(p, 8) == 7;
    play__require(p, s->ack_count < PLAY_OWED, "a client owes too many acknowledgements");
    s->acks[s->ack_count++] = (struct play_ack){(uint8_t)type, packet_id, is_refusal};
}

void play__expect_answer(struct play_slot *s, struct play_answer a)
{
    play__require(s->play, s->answer_count < PLAY_OWED, "the broker owes too many answers");
    s->answers[s->answer_count++] = a;
}

// ---- hearing ------------------------------------------------------------------------------------

static void hear_publish(struct play_slot *s, struct play_packet *k)
{
    struct play *p = s->play;
    uint8_t *alias = k->alias < 4 ? &s->aliases_out[k->alias] : NULL;
    if (k->alias) {
        play__require(p, s->is_v5 && alias, "a topic alias over the maximum");
        play__require(p, k->has_topic || *alias, "a topic alias that was not set");
        if (k->has_topic)
            *alias = (uint8_t)(k->heard.topic + 1);
        else
            k->heard.topic = (uint8_t)(*alias - 1);
    }
    play__require(p, k->has_topic || k->alias, "a PUBLISH without topic");
    play__trace(p, "  %u hears %u on %s q%u #%u%s%s expiry %u sids %u", s->client,
                (unsigned)k->heard.number, model_topics[k->heard.topic], k->heard.qos,
                k->heard.packet_id, k->heard.dup ? " dup" : "", k->heard.retain ? " retain" : "",
                (unsigned)k->heard.expiry_s, (unsigned)k->heard.sids);
    k->heard.is_late = s->was_stalled || p->is_time_going;
    play__require(p, !k->is_foreign || p->cfg.is_rough, "bytes that nobody published");
    const char *fault = p->cfg.is_rough ? NULL : model_heard(&p->model, s->client, &k->heard);
    if (fault)
        play__fail(p, fault);
    if (k->heard.qos)
        owe_ack(s, k->heard.qos == 1 ? PLAY_PUBACK : PLAY_PUBREC, k->heard.packet_id);
}

static bool is_answer(const struct play_answer *a, const struct play_packet *k)
{
    if (a->type != k->type || a->packet_id != k->heard.packet_id || a->code_count != k->code_count)
        return false;
    return memcmp(a->codes, k->codes, a->code_count) == 0;
}

static void hear_answer(struct play_slot *s, const struct play_packet *k)
{
    struct play *p = s->play;
    play__trace(p, "  %u hears type %u #%u", s->client, k->type, k->heard.packet_id);
    if (p->cfg.is_rough)
        return;
    if (k->type == PLAY_DISCONNECT) {
        play__require(p, s->is_taken_over && s->is_v5, "DISCONNECT without reason");
        return;
    }
    play__require(p, s->answer_count && is_answer(&s->answers[0], k),
                  "another answer than the next one");
    memmove(s->answers, s->answers + 1, --s->answer_count * sizeof s->answers[0]);
}

static void hear_packet(struct play_slot *s, struct play_packet *k)
{
    struct play *p = s->play;
    if (k->type == PLAY_PUBLISH) {
        hear_publish(s, k);
    } else if (k->type == PLAY_PUBREL) {
        uint16_t id = k->heard.packet_id;
        play__trace(p, "  %u hears pubrel #%u", s->client, id);
        const char *fault = p->cfg.is_rough ? NULL : model_heard_pubrel(&p->model, s->client, id);
        if (fault)
            play__fail(p, fault);
        owe_ack(s, PLAY_PUBCOMP, id);
    } else {
        hear_answer(s, k);
    }
}

static void hear_all(struct play_slot *s)
{
    size_t at = 0;
    for (;;) {
        struct play_packet k;
        int len = play_decode(s->rx + at, s->rx_len - at, s->is_v5, &k);
        play__require(s->play, len >= 0, "a packet that is malformed");
        if (len <= 0)
            break;
        hear_packet(s, &k);
        at += (size_t)len;
    }
    memmove(s->rx, s->rx + at, s->rx_len - at);
    s->rx_len -= at;
}

static void drain(struct play_slot *s)
{
    struct nh_mqtt_span spans[3];
    size_t n;
    s->is_dirty = false;
    while ((n = nh_mqtt_broker_output(s->play->broker, s->conn, spans, 3)) > 0) {
        size_t sent = 0;
        for (size_t i = 0; i < n && s->rx_len < sizeof s->rx; i++) {
            size_t room = sizeof s->rx - s->rx_len;
            size_t len = spans[i].len < room ? spans[i].len : room;
            memcpy(s->rx + s->rx_len, spans[i].ptr, len);
            s->rx_len += len;
            sent += len;
            if (len < spans[i].len)
                break;
        }
        nh_mqtt_broker_sent(s->play->broker, s->conn, sent, s->play->now_ms);
        hear_all(s);
    }
    s->was_stalled = false;
}

// ---- a turn -------------------------------------------------------------------------------------

void play__turn_end(struct play *p)
{
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < PLAY_SLOTS; i++) {
            struct play_slot *s = &p->slots[i];
            if (!s->conn || !s->is_dirty || s->is_stalled)
                continue;
            drain(s);
            again |= s->is_dirty;
        }
    }
    nh_mqtt_broker_turn_end(p->broker);
    for (size_t i = 0; i < PLAY_SLOTS; i++) {
        struct play_slot *s = &p->slots[i];
        if (!s->conn || !nh_mqtt_conn_wants_close(s->conn))
            continue;
        play__require(p, s->is_taken_over || p->cfg.is_rough, "the broker closed a connection");
        play__close_slot(s);
    }
}

static void input(struct play_slot *s, const uint8_t *bytes, size_t len)
{
    static uint8_t turn[PLAY_BYTES_MAX];
    if (!s->conn)
        return;
    memcpy(turn, bytes, len);
    (void)!nh_mqtt_broker_input(s->play->broker, s->conn, turn, len, s->play->now_ms);
    play__turn_end(s->play);
    memset(turn, 0xDD, len);
}

void play__send(struct play_slot *s, struct play_bytes *b)
{
    struct play *p = s->play;
    if (p->cfg.is_rough && play__choose(p, 32) == 31) {
        size_t at = play__choose(p, 256) % b->len;
        if (at > 9 || b->bytes[0] != PLAY_CONNECT << 4) // its version stays what it is
            b->bytes[at] = (uint8_t)play__choose(p, 256);
    }
    size_t cut = play__choose(p, 4) == 3 ? play__choose(p, 256) % b->len : 0;
    if (cut)
        input(s, b->bytes, cut);
    input(s, b->bytes + cut, b->len - cut);
}

void play__send_ack(struct play_slot *s)
{
    struct play *p = s->play;
    struct play_ack a = s->acks[0];
    struct play_bytes b;
    memmove(s->acks, s->acks + 1, --s->ack_count * sizeof a);
    play__trace(p, "%u acks type %u #%u%s", s->client, a.type, a.packet_id,
                a.is_refusal ? " refused" : "");
    if (a.type == PLAY_PUBREC && !a.is_refusal)
        model_received(&p->model, s->client, a.packet_id);
    else
        model_done(&p->model, s->client, a.packet_id);
    play_put_ack(&b, a.type, a.packet_id, a.is_refusal ? 0x80 : 0);
    play__send(s, &b);
}

// Until nothing moves any more: those who read and acknowledge at once have done so.
void play__settle(struct play *p)
{
    play__turn_end(p);
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < PLAY_SLOTS; i++) {
            struct play_slot *s = &p->slots[i];
            while (s->conn && s->ack_count && (!s->is_lazy || s->ack_count > 20)) {
                play__send_ack(s);
                again = true;
            }
        }
        while (nh_mqtt_broker_next_deadline(p->broker) <= p->now_ms) {
            nh_mqtt_broker_tick(p->broker, p->now_ms);
            play__turn_end(p);
            again = true;
        }
    }
    play__require(p, nh_mqtt_broker_check(p->broker) == NH_OK, "the structures do not hold");
    if (p->cfg.is_rough)
        return;
    unsigned listening = 0;
    for (size_t i = 0; i < PLAY_SLOTS; i++) {
        const struct play_slot *s = &p->slots[i];
        if (!s->conn || s->is_stalled)
            continue;
        listening |= 1u << s->client;
        play__require(p, s->answer_count == 0, "an answer is missing");
    }
    const char *fault = model_settle(&p->model, listening);
    if (fault)
        play__fail(p, fault);
}
