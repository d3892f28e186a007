// audio_wav.h - where the samples of a WAV file lie: a walk over its chunks. Sans-IO: bytes are
// asked for by offset.

#ifndef NH_AUDIO_WAV_H
#define NH_AUDIO_WAV_H

#include "platform/audio.h"

#define NH_AUDIO__CHUNK_MAX_COUNT 256 // walked over before the samples must have come

// Reads up to `cap` bytes at `offset`; 0: past the end; < 0: an error.
typedef int (*nh_audio__bytes_fn)(void *ctx, uint64_t offset, void *out, size_t cap);

// Plain samples only: integers of 8 to 32 bits, floating point of 32 or 64, up to 8 channels. A
// length of 0 or 0xFFFFFFFF, which a recorder leaves that was cut off, and one beyond the file
// mean: to its end. NH_ERR_UNSUPPORTED: another kind of file, or compressed samples;
// NH_ERR_CORRUPT: a WAV file with a head that makes no sense; an error of `bytes`.
NH_MUST_USE int nh_audio__wav_find(nh_audio__bytes_fn bytes, void *ctx, uint64_t size_bytes,
                                   struct nh_audio_pcm *out);

#endif
