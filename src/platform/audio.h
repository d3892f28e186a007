// audio.h - sound in files and sound out: what decodes, and what plays.
//
// A source is used by one task, an output by one; not the same task need use both. Samples are 16
// bits, two of them a frame (left, right), whatever the file has: one channel is doubled, of more
// than two the first two are taken.

#ifndef NH_PLATFORM_AUDIO_H
#define NH_PLATFORM_AUDIO_H

#include "platform/platform.h"

// ---- source: a file, decoded
// ---------------------------------------------------------------------

enum nh_audio_format {
    NH_AUDIO_UNKNOWN,
    NH_AUDIO_WAV,
    NH_AUDIO_MP3,
    NH_AUDIO_OGG,
    NH_AUDIO_FLAC,
};

// Where in a file plain samples lie, for one whose head the caller has read. Little-endian; 8 bits
// are unsigned.
struct nh_audio_pcm {
    uint32_t rate_hz;
    uint16_t channels;
    uint16_t bits; // 8, 16, 24, 32; 32 or 64 with is_float
    bool is_float;
    uint64_t offset, bytes;
};

typedef struct nh_audio_source nh_audio_source_t;
struct nh_audio_source_config {
    struct nh_mem *mem;
    struct nh_fs fs;
    const char *path;               // beneath `fs`
    uint32_t rate_hz;               // of what read() gives; 0: that of the file
    const struct nh_audio_pcm *pcm; // borrowed for the call; NULL: the file's own head says it
    bool is_looped;                 // begins again at its end, without a gap
};
// NH_ERR_UNSUPPORTED: no format that is known here, over 8 channels, or a rate beyond 1 to 1/250 of
// the output's. NH_ERR_NOMEM; an error of the file system. `*out` is NULL then.
NH_MUST_USE int nh_audio_source_open(const struct nh_audio_source_config *cfg,
                                     nh_audio_source_t **out);
struct nh_audio_source_info {
    enum nh_audio_format format;
    uint32_t rate_hz, channels; // of the file
    uint64_t frame_count;       // of the file, at its own rate; 0: not known
    uint64_t size_bytes;
};
void nh_audio_source_info(const nh_audio_source_t *s, struct nh_audio_source_info *out);
// Up to `max` frames. Returns how many; 0: the end. NH_ERR_IO, NH_ERR_CORRUPT: no more will come.
NH_MUST_USE int nh_audio_source_read(nh_audio_source_t *s, int16_t *frames, size_t max);
// Goes on at a frame of the file (at its own rate). NH_ERR_RANGE: past the end. NH_ERR_UNSUPPORTED:
// the file cannot be sought in. After these it goes on where it was. NH_ERR_IO: no more will come.
NH_MUST_USE int nh_audio_source_seek(nh_audio_source_t *s, uint64_t frame);
void nh_audio_source_close(nh_audio_source_t *s);

// ---- output: a device that plays
// -----------------------------------------------------------------

typedef struct nh_audio_output nh_audio_output_t;
struct nh_audio_output_config {
    struct nh_mem *mem;
    // A device of the system ("default", "null"); "file:PATH.wav": gathered there, behind what an
    // earlier output left, in real time; "none": nothing is heard, and time goes on.
    const char *device;
    uint32_t rate_hz;
    uint32_t latency_ms; // how much the device holds
};
// May take as long as the system's sound server lets it. On an error `why` says what is wrong, for
// people. NH_ERR_NOT_FOUND, NH_ERR_BUSY, NH_ERR_DENIED, NH_ERR_UNSUPPORTED, NH_ERR_IO,
// NH_ERR_NOMEM.
NH_MUST_USE int nh_audio_output_open(const struct nh_audio_output_config *cfg, char *why,
                                     size_t cap, nh_audio_output_t **out);
// How many frames it takes now without waiting. After an interruption (counted) it is started
// anew. NH_ERR_IO, NH_ERR_CLOSED: it is gone, and wants to be closed.
NH_MUST_USE int nh_audio_output_space(nh_audio_output_t *o);
// At most as many frames as space() said. Errors likewise.
NH_MUST_USE int nh_audio_output_write(nh_audio_output_t *o, const int16_t *frames, size_t count);
struct nh_audio_output_info {
    uint32_t buffer_frames; // what it holds
    uint64_t interruption_count;
};
void nh_audio_output_info(const nh_audio_output_t *o, struct nh_audio_output_info *out);
// What it still holds is not played. NULL: nothing.
void nh_audio_output_close(nh_audio_output_t *o);

#endif
