// audio_pipe.h - between the reader, which waits for the card and decodes, and the player, which
// must never wait: one request that way, decoded frames and what is known of the file this way.
//
//   player                        pipe                         reader
//   nh_audio__pipe_ask() ------>  request, its number  ------>  nh_audio__pipe_request()
//   nh_audio__pipe_peek() <-----  ring of frames       <------  nh_audio__pipe_put()
//
// A new request empties the ring, and what the reader gives for an older one is dropped: so nothing
// of a track is heard after the next was asked for. The lock is held for copying alone.

#ifndef NH_AUDIO_PIPE_H
#define NH_AUDIO_PIPE_H

#include "components/audio/audio_path.h"
#include "core/base/ring.h"
#include "platform/audio.h"

#define NH_AUDIO__FRAME_BYTES 4
#define NH_AUDIO__CHUNK_FRAMES 512 // that the reader makes at once

struct nh_audio__request {
    uint32_t number;
    uint32_t instance; // 0: nothing is wanted, let go of the file
    uint32_t pos_ms;
    bool is_looped;
    char path[NH_AUDIO__ON_CARD_MAX_BYTES]; // on the card; "": two beeps
};

// What the reader has said since the request.
struct nh_audio__answer {
    bool is_ready; // the file is open, `info` is filled in
    bool is_last;  // no frame comes after those in the ring
    int err;       // < 0: why not, or why no more; then is_last
    struct nh_audio_source_info info;
};

struct nh_audio__pipe {
    nh_lock_t lock;
    struct nh_audio__request request;
    struct nh_audio__answer answer;
    nh_ring_t ring;
};

// `memory` of `cap` bytes (a multiple of NH_AUDIO__FRAME_BYTES) is borrowed for the pipe's life.
void nh_audio__pipe_init(struct nh_audio__pipe *p, const nh_lock_t *lock, void *memory, size_t cap);

// ---- the player's side

// `r->number` is set here.
void nh_audio__pipe_ask(struct nh_audio__pipe *p, const struct nh_audio__request *r);
void nh_audio__pipe_answer(const struct nh_audio__pipe *p, struct nh_audio__answer *out,
                           size_t *frames);
// Copies up to `max` of the next frames and leaves them there. Returns how many; in `*left` all
// that there are.
size_t nh_audio__pipe_peek(const struct nh_audio__pipe *p, int16_t *out, size_t max, size_t *left,
                           bool *is_last);
// Takes frames away. True: there is room enough again for the reader to go on.
bool nh_audio__pipe_skip(struct nh_audio__pipe *p, size_t frames);

// ---- the reader's side

// True, and a copy: there is another request than number `known`.
bool nh_audio__pipe_request(const struct nh_audio__pipe *p, uint32_t known,
                            struct nh_audio__request *out);
size_t nh_audio__pipe_space(const struct nh_audio__pipe *p); // frames
// For request `number`; false: there is a newer one, and nothing was done.
bool nh_audio__pipe_ready(struct nh_audio__pipe *p, uint32_t number,
                          const struct nh_audio_source_info *info);
bool nh_audio__pipe_put(struct nh_audio__pipe *p, uint32_t number, const int16_t *frames,
                        size_t count);
bool nh_audio__pipe_end(struct nh_audio__pipe *p, uint32_t number, int err);

#endif
