// audio_wave.h - tones made and measured: for the tests of the audio player. Include after
// <cmocka.h>.

#ifndef NH_TEST_AUDIO_WAVE_H
#define NH_TEST_AUDIO_WAVE_H

#include "core/base/base.h"

#include <math.h>
#include <stdlib.h>

#define WAVE_PI 3.14159265358979323846

// Frame `at` of a tone, both channels.
static inline int16_t wave_sample(double hz, uint32_t rate_hz, double amplitude, uint64_t at)
{
    double turns = fmod((double)at * hz / rate_hz, 1.0);
    return (int16_t)lrint(amplitude * sin(2 * WAVE_PI * turns));
}

static inline void wave_fill(int16_t *frames, size_t count, double hz, uint32_t rate_hz,
                             double amplitude, uint64_t at)
{
    for (size_t i = 0; i < count; i++)
        frames[2 * i] = frames[2 * i + 1] = wave_sample(hz, rate_hz, amplitude, at + i);
}

// What a part of a recording is like; `channel` 0 or 1.
static inline double wave_rms(const int16_t *frames, size_t count, int channel)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)frames[2 * i + (size_t)channel] * frames[2 * i + (size_t)channel];
    return count ? sqrt(sum / (double)count) : 0;
}

static inline double wave_db(double a, double b)
{
    return 20 * log10(a / b);
}

static inline int wave_peak(const int16_t *frames, size_t count)
{
    int peak = 0;
    for (size_t i = 0; i < 2 * count; i++)
        peak = abs(frames[i]) > peak ? abs(frames[i]) : peak;
    return peak;
}

// The largest step between neighbours of one channel.
static inline int wave_step(const int16_t *frames, size_t count)
{
    int step = 0;
    for (size_t i = 2; i < 2 * count; i++) {
        int d = abs(frames[i] - frames[i - 2]);
        step = d > step ? d : step;
    }
    return step;
}

// The most that a tone of this peak has between neighbours; with room for an edge of 5 ms, which
// adds at most 1 / edge_frames of the peak at right angles, and for rounding.
static inline int wave_step_max(double peak, double hz, uint32_t rate_hz)
{
    double tone = 2 * peak * sin(WAVE_PI * hz / rate_hz), edge = peak * 1000 / (5.0 * rate_hz);
    return (int)(sqrt(tone * tone + edge * edge) + 2.5);
}

// The amplitude of one frequency in a part of a recording (a single bin of a Fourier transform).
static inline double wave_amplitude(const int16_t *frames, size_t count, int channel, double hz,
                                    uint32_t rate_hz)
{
    double re = 0, im = 0;
    for (size_t i = 0; i < count; i++) {
        double turn = 2 * WAVE_PI * fmod((double)i * hz / rate_hz, 1.0);
        re += frames[2 * i + (size_t)channel] * cos(turn);
        im += frames[2 * i + (size_t)channel] * sin(turn);
    }
    return count ? 2 * sqrt(re * re + im * im) / (double)count : 0;
}

#endif
