// wire.c - the line: how long bytes take on it, and what goes wrong there.

#include "board.h"

#include <string.h>

uint16_t nh_sim_board__crc(const uint8_t *bytes, size_t len)
{
    uint16_t crc = 0xFFFF;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1);
    }
    return crc;
}

static uint64_t wire_us(const struct nh_sim_board *b, size_t bytes)
{
    return b->cfg.baud ? (uint64_t)bytes * 10000000u / b->cfg.baud : 0;
}

// ---- in -----------------------------------------------------------------------------------------

static uint8_t flipped(struct nh_sim_board *b, uint8_t byte)
{
    b->counters.flipped++;
    return (uint8_t)(byte ^ 1u << (nh_sim_random_next(&b->random) & 7));
}

void nh_sim_board__receive(struct nh_sim_board *b, const uint8_t *bytes, size_t len)
{
    uint64_t from = b->heard_us > b->now_us ? b->heard_us : b->now_us;
    for (size_t i = 0; i < len; i++) {
        b->counters.bytes_in++;
        b->heard_us = from + wire_us(b, i + 1);
        if (nh_sim_random_happens(&b->random, b->faults.lose_ppm))
            b->counters.lost++;
        else if (nh_sim_random_happens(&b->random, b->faults.flip_ppm))
            nh_sim_board__hear(b, flipped(b, bytes[i]));
        else
            nh_sim_board__hear(b, bytes[i]);
    }
}

// ---- out ----------------------------------------------------------------------------------------

static struct nh_sim_out *frame_at(struct nh_sim_board *b, uint32_t index)
{
    return &b->out[(b->out_first + index) % NH_SIM_OUT_MAX_COUNT];
}

static uint64_t end_us(const struct nh_sim_board *b, const struct nh_sim_out *f)
{
    return f->begin_us + f->gap_us + wire_us(b, f->len);
}

void nh_sim_board__queue(struct nh_sim_board *b, const uint8_t *bytes, size_t len,
                         uint64_t begin_us)
{
    if (b->out_count == NH_SIM_OUT_MAX_COUNT || len > NH_SIM_FRAME_MAX_BYTES) {
        b->counters.overflowed++;
        return;
    }
    if (b->out_count > 0) {
        uint64_t after = end_us(b, frame_at(b, b->out_count - 1));
        begin_us = begin_us > after ? begin_us : after;
    }
    struct nh_sim_out *f = frame_at(b, b->out_count++);
    *f = (struct nh_sim_out){.begin_us = begin_us, .len = (uint16_t)len};
    memcpy(f->bytes, bytes, len);
}

static bool is_turn(const struct nh_sim_board *b, uint32_t every)
{
    return every && b->counters.answers % every == 0;
}

// Faults that are in the frame itself.
static void spoil(struct nh_sim_board *b)
{
    struct nh_sim_out *f = frame_at(b, b->out_count - 1);
    if (is_turn(b, b->faults.flip_every)) {
        uint32_t at = nh_sim_random_next(&b->random) % f->len;
        f->bytes[at] = flipped(b, f->bytes[at]);
    }
    if (is_turn(b, b->faults.split_every)) {
        f->gap_at = f->len / 2;
        f->gap_us = b->faults.split_ms * 1000;
        b->counters.split++;
    }
}

static uint64_t begin_of(struct nh_sim_board *b)
{
    uint64_t begin = b->heard_us + b->cfg.turnaround_us;
    if (nh_sim_random_happens(&b->random, b->faults.late_ppm)) {
        b->counters.late++;
        begin += b->faults.late_ms * 1000ull;
    }
    return begin;
}

void nh_sim_board__send(struct nh_sim_board *b, const uint8_t *bytes, size_t len)
{
    uint8_t frame[NH_SIM_FRAME_MAX_BYTES];
    uint16_t crc = nh_sim_board__crc(bytes, len);
    memcpy(frame, bytes, len);
    frame[len++] = (uint8_t)crc;
    frame[len++] = (uint8_t)(crc >> 8);
    b->counters.answers++;
    uint64_t begin = begin_of(b);
    if (is_turn(b, b->faults.stray_every) && b->stray_len) {
        nh_sim_board__queue(b, b->stray, b->stray_len, begin);
        b->counters.stray++;
    }
    if (is_turn(b, b->faults.text_every))
        nh_sim_board__text(b);
    memcpy(b->stray, frame, len);
    b->stray_len = (uint16_t)len;
    if (is_turn(b, b->faults.drop_every)) {
        b->counters.dropped++;
        return;
    }
    uint64_t overflowed = b->counters.overflowed;
    nh_sim_board__queue(b, frame, len, begin);
    if (b->counters.overflowed == overflowed)
        spoil(b);
}

// When byte `at` of a frame has come: with the portion it belongs to.
static uint64_t byte_us(const struct nh_sim_board *b, const struct nh_sim_out *f, size_t at)
{
    size_t portion = (at / b->cfg.portion_bytes + 1) * b->cfg.portion_bytes;
    if (f->gap_us && at < f->gap_at && portion > f->gap_at)
        portion = f->gap_at;
    if (portion > f->len)
        portion = f->len;
    return f->begin_us + wire_us(b, portion) + (f->gap_us && at >= f->gap_at ? f->gap_us : 0);
}

uint64_t nh_sim_board__due_us(const struct nh_sim_board *b)
{
    const struct nh_sim_out *f = &b->out[b->out_first];
    return b->out_count ? byte_us(b, f, f->sent) : NH_NEVER;
}

size_t nh_sim_board__due(struct nh_sim_board *b, uint8_t *out, size_t cap)
{
    size_t count = 0;
    while (count < cap && nh_sim_board__due_us(b) <= b->now_us) {
        struct nh_sim_out *f = frame_at(b, 0);
        uint8_t byte = f->bytes[f->sent++];
        if (f->sent == f->len) {
            b->out_first = (b->out_first + 1) % NH_SIM_OUT_MAX_COUNT;
            b->out_count--;
        }
        if (nh_sim_random_happens(&b->random, b->faults.lose_ppm))
            b->counters.lost++;
        else if (nh_sim_random_happens(&b->random, b->faults.flip_ppm))
            out[count++] = flipped(b, byte);
        else
            out[count++] = byte;
    }
    b->counters.bytes_out += count;
    return count;
}
