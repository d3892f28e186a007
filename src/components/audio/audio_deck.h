// audio_deck.h - one channel of the player: what it plays, what it is asked for, and how it gets
// there without a click. Sans-IO: it moves when it is ticked.
//
// What is asked for is only noted. The tick closes the strip's edge where something has to change
// in what sounds, and does it once there is silence: 5 ms later, or at once when it was silent.

#ifndef NH_AUDIO_DECK_H
#define NH_AUDIO_DECK_H

#include "components/audio/audio_mix.h"
#include "components/audio/audio_pipe.h"

struct nh_audio__track {
    uint32_t instance; // 0: none
    uint16_t origin;
    uint8_t volume;
    bool is_looped;
    uint32_t fade_ms, pos_ms;
    char path[NH_AUDIO__ON_CARD_MAX_BYTES]; // on the card; "": two beeps
};

struct nh_audio__deck {
    // Borrowed.
    struct nh_audio__mix *mix;
    struct nh_audio__strip *strip; // of the mix
    struct nh_audio__pipe *pipe;
    size_t prefill_frames; // read ahead before a sound begins, or goes on; half a ring is enough
    // A track's life ends here. `err` with NH_AUDIO_ERROR; `origin` is who caused it.
    void (*finished)(void *ctx, struct nh_audio__deck *d, const struct nh_audio__track *t,
                     enum nh_audio_reason reason, int err, uint16_t origin);
    void *ctx;

    enum nh_audio_state state;
    struct nh_audio__track track; // idle: the last one
    struct nh_audio_source_info info;
    bool has_info;
    uint64_t played_frames; // since `start_ms`, at the rate of the mix
    uint32_t start_ms;      // where the file was begun or sought
    uint32_t underrun_count;
    int err; // of the last track that failed; cleared by the next
    // What is asked for.
    struct nh_audio__track next; // instance 0: none
    bool wants_stop, stops_at_zero, wants_pause, wants_seek;
    uint16_t stop_origin;
    uint32_t seek_ms;
};

// mix, strip, pipe, prefill_frames, finished and ctx are set by the caller in a zeroed struct. `t`
// is copied.
void nh_audio__deck_play(struct nh_audio__deck *d, const struct nh_audio__track *t);
void nh_audio__deck_stop(struct nh_audio__deck *d, uint32_t fade_ms, uint16_t origin);
void nh_audio__deck_pause(struct nh_audio__deck *d, bool on);
void nh_audio__deck_seek(struct nh_audio__deck *d, uint32_t pos_ms);
void nh_audio__deck_volume(struct nh_audio__deck *d, uint32_t volume, uint32_t fade_ms);

// Looks at the pipe and does what can be done now. True: the reader has a new request.
bool nh_audio__deck_tick(struct nh_audio__deck *d);

// Frames of it have been mixed.
void nh_audio__deck_played(struct nh_audio__deck *d, size_t frames);

// Whether it sounds, or is about to, so that an output is wanted.
bool nh_audio__deck_is_active(const struct nh_audio__deck *d);
uint32_t nh_audio__deck_pos_ms(const struct nh_audio__deck *d);
uint32_t nh_audio__deck_dur_ms(const struct nh_audio__deck *d); // 0: not known

#endif
