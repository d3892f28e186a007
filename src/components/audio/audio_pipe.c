#include "components/audio/audio_pipe.h"

#include <string.h>

void nh_audio__pipe_init(struct nh_audio__pipe *p, const nh_lock_t *lock, void *memory, size_t cap)
{
    *p = (struct nh_audio__pipe){.lock = *lock};
    nh_ring_init(&p->ring, memory, cap);
}

// ---- the player's side -------------------------------------------------------------------------

void nh_audio__pipe_ask(struct nh_audio__pipe *p, const struct nh_audio__request *r)
{
    nh_lock_acquire(&p->lock);
    uint32_t number = p->request.number + 1;
    p->request = *r;
    p->request.number = number;
    p->answer = (struct nh_audio__answer){0};
    nh_ring_clear(&p->ring);
    nh_lock_release(&p->lock);
}

void nh_audio__pipe_answer(const struct nh_audio__pipe *p, struct nh_audio__answer *out,
                           size_t *frames)
{
    nh_lock_acquire(&p->lock);
    *out = p->answer;
    *frames = nh_ring_len(&p->ring) / NH_AUDIO__FRAME_BYTES;
    nh_lock_release(&p->lock);
}

size_t nh_audio__pipe_peek(const struct nh_audio__pipe *p, int16_t *out, size_t max, size_t *left,
                           bool *is_last)
{
    nh_lock_acquire(&p->lock);
    nh_ring_t look = p->ring; // a copy, which moves on instead of the ring
    size_t bytes = nh_ring_read(&look, out, max * NH_AUDIO__FRAME_BYTES);
    *left = nh_ring_len(&p->ring) / NH_AUDIO__FRAME_BYTES;
    *is_last = p->answer.is_last;
    nh_lock_release(&p->lock);
    return bytes / NH_AUDIO__FRAME_BYTES;
}

bool nh_audio__pipe_skip(struct nh_audio__pipe *p, size_t frames)
{
    nh_lock_acquire(&p->lock);
    bool was_short = nh_ring_space(&p->ring) < p->ring.cap / 4;
    nh_ring_skip(&p->ring, frames * NH_AUDIO__FRAME_BYTES);
    bool has_room = nh_ring_space(&p->ring) >= p->ring.cap / 4;
    nh_lock_release(&p->lock);
    return was_short && has_room;
}

// ---- the reader's side -------------------------------------------------------------------------

bool nh_audio__pipe_request(const struct nh_audio__pipe *p, uint32_t known,
                            struct nh_audio__request *out)
{
    nh_lock_acquire(&p->lock);
    bool is_new = p->request.number != known;
    if (is_new)
        *out = p->request;
    nh_lock_release(&p->lock);
    return is_new;
}

size_t nh_audio__pipe_space(const struct nh_audio__pipe *p)
{
    nh_lock_acquire(&p->lock);
    size_t bytes = nh_ring_space(&p->ring);
    nh_lock_release(&p->lock);
    return bytes / NH_AUDIO__FRAME_BYTES;
}

bool nh_audio__pipe_ready(struct nh_audio__pipe *p, uint32_t number,
                          const struct nh_audio_source_info *info)
{
    nh_lock_acquire(&p->lock);
    bool is_mine = p->request.number == number;
    if (is_mine) {
        p->answer.is_ready = true;
        p->answer.info = *info;
    }
    nh_lock_release(&p->lock);
    return is_mine;
}

bool nh_audio__pipe_put(struct nh_audio__pipe *p, uint32_t number, const int16_t *frames,
                        size_t count)
{
    nh_lock_acquire(&p->lock);
    bool is_mine = p->request.number == number;
    if (is_mine) // one task writes, and it has asked for the space
        nh_ring_write(&p->ring, frames, count * NH_AUDIO__FRAME_BYTES);
    nh_lock_release(&p->lock);
    return is_mine;
}

bool nh_audio__pipe_end(struct nh_audio__pipe *p, uint32_t number, int err)
{
    nh_lock_acquire(&p->lock);
    bool is_mine = p->request.number == number;
    if (is_mine) {
        p->answer.is_last = true;
        p->answer.err = err;
    }
    nh_lock_release(&p->lock);
    return is_mine;
}
