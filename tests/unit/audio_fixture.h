// audio_fixture.h - files with tones, made by libsndfile's own encoders. After linux_fixture.h.

#ifndef NH_TEST_AUDIO_FIXTURE_H
#define NH_TEST_AUDIO_FIXTURE_H

#include "audio_wave.h"

#include <sndfile.h>

struct tone {
    int format; // of libsndfile
    int rate_hz, channels;
    double hz, amplitude; // of 1
    double seconds;
};

// Left has the tone; right the same upside down, so that swapped channels are seen. Of one channel
// there is the tone alone; a third and further ones are loud noise that must not be heard.
static inline void tone_make(const char *path, const struct tone *t)
{
    SF_INFO info = {.samplerate = t->rate_hz, .channels = t->channels, .format = t->format};
    SNDFILE *f = sf_open(path, SFM_WRITE, &info);
    if (!f)
        fail_msg("%s: %s", path, sf_strerror(NULL));
    long frames = lrint(t->seconds * t->rate_hz);
    for (long i = 0; i < frames; i++) {
        float frame[8];
        double turns = fmod((double)i * t->hz / t->rate_hz, 1.0);
        frame[0] = (float)(t->amplitude * sin(2 * WAVE_PI * turns));
        for (int c = 1; c < t->channels; c++)
            frame[c] = c == 1 ? -frame[0] : (float)(i % 2 ? 0.9 : -0.9);
        assert_int_equal(sf_writef_float(f, frame, 1), 1);
    }
    assert_int_equal(sf_close(f), 0);
}

#define TONE_WAV (SF_FORMAT_WAV | SF_FORMAT_PCM_16)
#define TONE_MP3 (SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III)
#define TONE_OGG (SF_FORMAT_OGG | SF_FORMAT_VORBIS)
#define TONE_OPUS (SF_FORMAT_OGG | SF_FORMAT_OPUS)
#define TONE_FLAC (SF_FORMAT_FLAC | SF_FORMAT_PCM_16)

#endif
