// audio_reader.h - the task that may wait for the card: it opens, seeks and decodes what the pipes
// ask for, and writes the volume. It owns the files; the player owns all else.

#ifndef NH_AUDIO_READER_H
#define NH_AUDIO_READER_H

#include "components/audio/audio_pipe.h"
#include "core/store/write_behind.h"

#define NH_AUDIO__VOLUME_DELAY_MS 1000

typedef struct nh_audio__reader nh_audio__reader_t;
struct nh_audio__reader_config {
    nh_mem_t *mem;
    struct nh_mem_system *sys;
    const char *root; // borrowed for the reader's life
    uint32_t rate_hz;
    nh_store_t *store;           // NULL: the volume is not kept
    struct nh_audio__pipe *pipe; // NH_AUDIO_CHANNEL_COUNT of them, borrowed
};
// NH_ERR_NOMEM, NH_ERR_FULL: nothing was started. In `*volume` what was kept, else the default.
NH_MUST_USE int nh_audio__reader_start(const struct nh_audio__reader_config *cfg, uint32_t *volume,
                                       nh_audio__reader_t **out);
// Writes the volume if need be, closes the files and frees. NULL: nothing.
void nh_audio__reader_stop(nh_audio__reader_t *r);

void nh_audio__reader_wake(nh_audio__reader_t *r);                    // any task
void nh_audio__reader_volume(nh_audio__reader_t *r, uint32_t volume); // any task

// Opens a file of the card for playing, or, `rate_hz` 0, to look at it. Any task. NH_ERR_CLOSED:
// the card is missing; else as nh_audio_source_open() and the file system say.
NH_MUST_USE int nh_audio__open(struct nh_fs fs, nh_mem_t *mem, const char *path, uint32_t rate_hz,
                               bool is_looped, nh_audio_source_t **out);

// What is kept: {"volume":70}. For tests too.
NH_MUST_USE int nh_audio__volume_load(nh_store_t *store, uint32_t *volume);
NH_MUST_USE int nh_audio__volume_save(nh_store_t *store, uint32_t volume);

#endif
