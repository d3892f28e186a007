// line_board.h - a board on a line in memory, with a clock of its own: it answers 0x02, 0x03, 0x07,
// 0x0D, 0x10, 0x1D and 0x1F as the document says, or is late, mute, asleep, deaf or damaged when
// told.
//
// Only for tests of the client; the board that people play with is `nuthatch sim battery`.

#ifndef NH_TEST_LINE_BOARD_H
#define NH_TEST_LINE_BOARD_H

#include "components/battery/tinybms.h"
#include "support/rng.h"

#include <string.h>

#define LINE_BOARD_BYTE_US 87
#define LINE_BOARD_OUT_MAX 32

struct line_board_answer {
    uint64_t due_us;
    size_t len;
    uint8_t bytes[NH_TINYBMS_FRAME_MAX_BYTES];
};

struct line_board {
    uint16_t regs[NH_TINYBMS_ADDRESS_COUNT];
    uint32_t turn_us; // from the last byte of a request to the first of the answer
    // Knobs; those that count go down.
    bool is_mute, is_asleep;
    uint32_t lose_requests, lose_answers, lose_acks, late_answers, damage_answers;
    uint32_t late_us;
    bool is_echoing;       // the answer before comes once more in front of each
    uint16_t nack_address; // a read that touches it, or a write; 0: none
    uint8_t nack_code;
    bool ignores_writes;
    uint32_t noise_per_10000; // bytes damaged or lost, both ways
    struct rng rng;
    // What it saw.
    uint32_t read_count, write_count, reset_count, frame_count;
    uint8_t last_option;
    uint8_t in[512];
    size_t in_len;
    uint64_t in_us;
    struct line_board_answer out[LINE_BOARD_OUT_MAX];
    size_t out_count;
    struct line_board_answer before;
};

static inline uint16_t line_board_pattern(uint16_t address)
{
    return (uint16_t)(address * 37u + 1000u);
}

static inline void line_board_init(struct line_board *b)
{
    memset(b, 0, sizeof *b);
    for (uint16_t i = 0; i < NH_TINYBMS_ADDRESS_COUNT; i++)
        b->regs[i] = line_board_pattern(i);
    b->turn_us = 2000;
    b->rng.state = 1;
}

static inline size_t line_board_noise(struct line_board *b, uint8_t *bytes, size_t len)
{
    size_t kept = 0;
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = bytes[i];
        if (b->noise_per_10000 && rng_below(&b->rng, 10000) < b->noise_per_10000) {
            if (rng_below(&b->rng, 4) == 0)
                continue;
            byte ^= (uint8_t)(1u << rng_below(&b->rng, 8));
        }
        bytes[kept++] = byte;
    }
    return kept;
}

static inline void line_board_echo(struct line_board *b, uint64_t now_us)
{
    if (!b->is_echoing || !b->before.len || b->out_count == LINE_BOARD_OUT_MAX)
        return;
    struct line_board_answer *a = &b->out[b->out_count++];
    *a = b->before;
    a->due_us = now_us + b->turn_us;
}

static inline void line_board_answer(struct line_board *b, const uint8_t *body, size_t len,
                                     uint64_t now_us)
{
    if (b->lose_answers) {
        b->lose_answers--;
        return;
    }
    if (b->out_count >= LINE_BOARD_OUT_MAX - 1)
        return;
    line_board_echo(b, now_us);
    struct line_board_answer *a = &b->out[b->out_count++];
    memcpy(a->bytes, body, len);
    uint16_t crc = nh_tinybms_crc(body, len);
    a->bytes[len] = (uint8_t)crc;
    a->bytes[len + 1] = (uint8_t)(crc >> 8);
    if (b->damage_answers) {
        b->damage_answers--;
        a->bytes[len / 2] ^= 0x10;
    }
    a->due_us = now_us + b->turn_us + (len + 2) * LINE_BOARD_BYTE_US;
    if (b->late_answers) {
        b->late_answers--;
        a->due_us += b->late_us;
    }
    a->len = line_board_noise(b, a->bytes, len + 2);
    b->before = *a;
}

static inline void line_board_nack(struct line_board *b, uint8_t command, uint8_t code,
                                   uint64_t now_us)
{
    const uint8_t body[] = {0xAA, 0x00, command, code};
    line_board_answer(b, body, sizeof body, now_us);
}

static inline void line_board_ack(struct line_board *b, uint8_t command, uint64_t now_us)
{
    const uint8_t body[] = {0xAA, 0x01, command};
    if (b->lose_acks) {
        b->lose_acks--;
        return;
    }
    line_board_answer(b, body, sizeof body, now_us);
}

static inline bool line_board_is_refused(const struct line_board *b, uint32_t first, uint32_t count)
{
    return b->nack_address && b->nack_address >= first && b->nack_address < first + count;
}

static inline void line_board_read(struct line_board *b, const uint8_t *f, uint64_t now_us)
{
    uint8_t body[NH_TINYBMS_FRAME_MAX_BYTES] = {0xAA, 0x03};
    uint32_t first = (uint32_t)f[2] << 8 | f[3], count = f[5];
    b->read_count++;
    if (count == 0 || count > 127 || first + count > NH_TINYBMS_ADDRESS_COUNT ||
        line_board_is_refused(b, first, count)) {
        line_board_nack(b, 0x03, b->nack_code, now_us);
        return;
    }
    body[2] = (uint8_t)(2 * count);
    for (uint32_t i = 0; i < count; i++) {
        body[3 + 2 * i] = (uint8_t)(b->regs[first + i] >> 8);
        body[4 + 2 * i] = (uint8_t)b->regs[first + i];
    }
    line_board_answer(b, body, 3 + 2 * count, now_us);
}

static inline bool line_board_put(struct line_board *b, uint32_t address, uint16_t value)
{
    if (address < 300 || address > 399 || line_board_is_refused(b, address, 1))
        return false;
    if (!b->ignores_writes)
        b->regs[address] = value;
    return true;
}

static inline void line_board_write_list(struct line_board *b, const uint8_t *f, uint64_t now_us)
{
    b->write_count++;
    for (size_t i = 0; i < f[2]; i += 4)
        if (!line_board_put(b, f[3 + i] | (uint32_t)f[4 + i] << 8,
                            (uint16_t)(f[5 + i] | f[6 + i] << 8))) {
            line_board_nack(b, 0x0D, b->nack_code, now_us);
            return;
        }
    line_board_ack(b, 0x0D, now_us);
}

static inline void line_board_write_block(struct line_board *b, const uint8_t *f, uint64_t now_us)
{
    uint8_t body[6] = {0xAA, 0x10, f[2], f[3], f[4], f[5]};
    uint32_t first = (uint32_t)f[2] << 8 | f[3];
    b->write_count++;
    for (uint32_t i = 0; i < f[5]; i++)
        if (!line_board_put(b, first + i, (uint16_t)(f[7 + 2 * i] << 8 | f[8 + 2 * i]))) {
            line_board_nack(b, 0x10, b->nack_code, now_us);
            return;
        }
    if (b->lose_acks)
        b->lose_acks--;
    else
        line_board_answer(b, body, sizeof body, now_us);
}

static inline void line_board_other(struct line_board *b, const uint8_t *f, uint64_t now_us)
{
    const uint8_t version[] = {0xAA, 0x1F, 7, 5, 0, 0x0A, 0xD2, 0x04, 3, 6};
    uint8_t body[NH_TINYBMS_FRAME_MAX_BYTES] = {0xAA, 0x1D};
    switch (f[1]) {
    case 0x02:
        b->reset_count++;
        b->last_option = f[2];
        line_board_ack(b, 0x02, now_us);
        break;
    case 0x07:
        body[1] = 0x07;
        body[2] = (uint8_t)(2 * f[2]);
        for (size_t i = 0; i < f[2]; i++) {
            uint16_t word = b->regs[(f[3] | (size_t)f[4] << 8) + i];
            body[3 + 2 * i] = (uint8_t)word;
            body[4 + 2 * i] = (uint8_t)(word >> 8);
        }
        line_board_answer(b, body, 3 + 2u * f[2], now_us);
        break;
    case 0x1D:
        body[2] = (uint8_t)(2 * f[4]);
        for (size_t i = 0; i < f[4]; i++) {
            body[3 + 2 * i] = (uint8_t)b->regs[300 + i];
            body[4 + 2 * i] = (uint8_t)(b->regs[300 + i] >> 8);
        }
        line_board_answer(b, body, 3 + 2u * f[4], now_us);
        break;
    case 0x1F:
        line_board_answer(b, version, sizeof version, now_us);
        break;
    default:
        line_board_nack(b, f[1], 0, now_us);
        break;
    }
}

static inline size_t line_board_request_bytes(const uint8_t *f, size_t len)
{
    switch (f[1]) {
    case 0x02:
        return 5;
    case 0x03:
        return 8;
    case 0x0D:
        return len < 3 ? 3 : f[2] + 5u;
    case 0x10:
        return len < 7 ? 7 : f[6] + 9u;
    case 0x07:
    case 0x1D:
        return 7;
    case 0x1F:
        return 4;
    default:
        return 1; // not understood
    }
}

static inline void line_board_frame(struct line_board *b, const uint8_t *f, size_t len,
                                    uint64_t now_us)
{
    b->frame_count++;
    if (b->is_mute)
        return;
    if (b->is_asleep) {
        b->is_asleep = false;
        return;
    }
    if (b->lose_requests) {
        b->lose_requests--;
        return;
    }
    if (nh_tinybms_crc(f, len) != 0)
        line_board_nack(b, f[1], 1, now_us);
    else if (f[1] == 0x03)
        line_board_read(b, f, now_us);
    else if (f[1] == 0x0D)
        line_board_write_list(b, f, now_us);
    else if (f[1] == 0x10)
        line_board_write_block(b, f, now_us);
    else
        line_board_other(b, f, now_us);
}

// Bytes that have come to it by `now_us`. Half a frame is dropped after 20 ms.
static inline void line_board_feed(struct line_board *b, const uint8_t *bytes, size_t len,
                                   uint64_t now_us)
{
    if (now_us - b->in_us > 20000)
        b->in_len = 0;
    b->in_us = now_us;
    if (b->in_len + len > sizeof b->in)
        b->in_len = 0;
    memcpy(b->in + b->in_len, bytes, len);
    b->in_len = b->in_len + line_board_noise(b, b->in + b->in_len, len);
    while (b->in_len >= 2) {
        size_t n = b->in[0] != 0xAA ? 1 : line_board_request_bytes(b->in, b->in_len);
        if (n > b->in_len)
            break;
        if (n > 1)
            line_board_frame(b, b->in, n, now_us);
        b->in_len -= n;
        memmove(b->in, b->in + n, b->in_len);
    }
}

static inline uint64_t line_board_next_us(const struct line_board *b)
{
    uint64_t next = NH_NEVER;
    for (size_t i = 0; i < b->out_count; i++)
        if (b->out[i].due_us < next)
            next = b->out[i].due_us;
    return next;
}

// The next answer that is due, taken out; 0: none.
static inline size_t line_board_take(struct line_board *b, uint64_t now_us, uint8_t *out)
{
    for (size_t i = 0; i < b->out_count; i++) {
        if (b->out[i].due_us > now_us)
            continue;
        size_t len = b->out[i].len;
        memcpy(out, b->out[i].bytes, len);
        b->out_count--;
        memmove(&b->out[i], &b->out[i + 1], (b->out_count - i) * sizeof b->out[0]);
        return len;
    }
    return 0;
}

#endif
