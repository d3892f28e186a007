// audio_mix.h - two channels into one: volume, fades, ducking, soft edges, a limit on the sum.
// Sans-IO: frames in, frames out; time is counted in frames.
//
//   background: frames x edge x level(fader) x duck --+
//                                                      +--> x master(fader) --> limiter --> 16 bits
//   effect:     frames x edge x level(fader) ---------+
//
// An *edge* is a straight ramp of 5 ms between silence and sound. It stands wherever a sound starts
// or stops, for whatever reason, so that none of them clicks. A *fader* moves the number of a
// volume (0 to 100), which the curve turns into a gain: so a fade sounds even from one end to the
// other.

#ifndef NH_AUDIO_MIX_H
#define NH_AUDIO_MIX_H

#include "components/audio/audio.h"

#define NH_AUDIO__BLOCK_FRAMES 256 // at most, of one nh_audio__mix_run()
#define NH_AUDIO__GAIN_FRAMES 32   // between two looks at the curve; straight in between

struct nh_audio__fader {
    float now, target; // 0 to 100
    float step;        // for each frame; 0: it stands
};

struct nh_audio__strip { // one channel
    struct nh_audio__fader level;
    float edge;      // 0 to 1
    bool is_open;    // where the edge is going
    bool is_starved; // it closed because its frames ran out before their end
    float gain;      // of the last frame: level and duck
};

struct nh_audio__mix {
    uint32_t rate_hz;
    struct nh_audio__strip strip[NH_AUDIO_CHANNEL_COUNT];
    struct nh_audio__fader master;
    float master_gain;
    float duck, duck_gain; // now, and where it goes while an effect sounds
    float limit;           // gain of the limiter; 1: it does nothing
    float sum[NH_AUDIO__BLOCK_FRAMES * 2];
};

// What a channel has for this block.
struct nh_audio__feed {
    const int16_t *frames;
    size_t count; // of `frames`
    size_t left;  // in all, `count` included, as far as is known
    bool is_last; // none comes after `left`
};

// `duck_db`: how far the background goes down while an effect sounds.
void nh_audio__mix_init(struct nh_audio__mix *m, uint32_t rate_hz, uint32_t duck_db,
                        uint32_t volume);

// The gain of a volume of 0 to 100: half a decibel for each step, silence at 0.
float nh_audio__curve(float volume);

// Moves a volume within `fade_ms`; never faster than an edge.
void nh_audio__fader_move(const struct nh_audio__mix *m, struct nh_audio__fader *f, float target,
                          uint32_t fade_ms);
void nh_audio__fader_set(struct nh_audio__fader *f, float now); // at once; for what is not heard

void nh_audio__strip_open(struct nh_audio__strip *s);  // to be heard from the next frame on
void nh_audio__strip_close(struct nh_audio__strip *s); // to be silent after an edge
bool nh_audio__strip_is_silent(const struct nh_audio__strip *s); // closed, and at the end of it

// Mixes `count` frames (at most NH_AUDIO__BLOCK_FRAMES) into `out`. `used[i]` says how many frames
// of feed[i] were taken: a silent channel takes none.
void nh_audio__mix_run(struct nh_audio__mix *m,
                       const struct nh_audio__feed feed[NH_AUDIO_CHANNEL_COUNT], int16_t *out,
                       size_t count, size_t used[NH_AUDIO_CHANNEL_COUNT]);

#endif
