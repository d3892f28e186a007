// audio_sink.h - the output with its moods: opened when something is to be heard, closed after a
// silence, tried again when it fails. While it fails a clock stands in for it, so that tracks go on
// and end in their time, unheard.

#ifndef NH_AUDIO_SINK_H
#define NH_AUDIO_SINK_H

#include "components/audio/audio.h"
#include "platform/audio.h"

#define NH_AUDIO__RETRY_MIN_MS 1000
#define NH_AUDIO__RETRY_MAX_MS 60000

struct nh_audio__sink {
    struct nh_audio_output_config cfg; // set by the caller, and the next one; the rest is zeroed
    uint32_t idle_close_ms;
    nh_audio_output_t *output; // NULL: closed
    enum nh_audio_output_state state;
    char message[NH_AUDIO_MESSAGE_MAX_BYTES + 32];
    uint64_t active_ms; // when something was last to be heard
    uint64_t retry_at_ms;
    uint32_t retry_ms; // the wait before that; 0: none yet
    uint32_t failure_count;
    uint64_t interruption_count; // of outputs that are closed
};

// Opens or closes it as `is_active` wants.
void nh_audio__sink_run(struct nh_audio__sink *s, bool is_active, uint64_t now_ms);
// How many frames can be written; 0 when it is closed or has just failed.
size_t nh_audio__sink_space(struct nh_audio__sink *s, uint64_t now_ms);
void nh_audio__sink_write(struct nh_audio__sink *s, const int16_t *frames, size_t count,
                          uint64_t now_ms);
// When to come back; NH_NEVER when it is closed.
uint64_t nh_audio__sink_next_ms(const struct nh_audio__sink *s, uint64_t now_ms);
uint64_t nh_audio__sink_interruptions(const struct nh_audio__sink *s);
void nh_audio__sink_close(struct nh_audio__sink *s);

#endif
