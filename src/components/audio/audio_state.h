// audio_state.h - what the parts of the audio component share: the owner's state.

#ifndef NH_AUDIO_STATE_H
#define NH_AUDIO_STATE_H

#include "components/audio/audio_deck.h"
#include "components/audio/audio_level.h"
#include "components/audio/audio_reader.h"
#include "components/audio/audio_sink.h"

#define NH_AUDIO__ROOT_MAX_BYTES 288
#define NH_AUDIO__DEVICE_MAX_BYTES 256

struct nh_audio__item { // of the queue
    enum {
        NH_AUDIO__DO_NOTHING, // a wake-up
        NH_AUDIO__DO_PLAY,
        NH_AUDIO__DO_STOP,
        NH_AUDIO__DO_PAUSE, // value: on
        NH_AUDIO__DO_SEEK,  // value: ms
        NH_AUDIO__DO_VOLUME,
        NH_AUDIO__DO_MASTER,
    } kind;
    uint8_t channel_mask;
    uint32_t instance; // 0: whatever plays there
    uint16_t origin;   // of a stop
    uint32_t value, fade_ms;
    struct nh_audio__track *track; // of a play; the task frees it
};

// Durations of files looked at before; of the task that answers requests.
#define NH_AUDIO__META_COUNT 64
struct nh_audio__meta {
    uint32_t key[2]; // two hashes of path, size and time of change; both 0: free
    uint32_t rate_hz, dur_ms;
    uint8_t format, channels;
};

struct nh_audio {
    struct nh_audio_config cfg;
    char root[NH_AUDIO__ROOT_MAX_BYTES], device[NH_AUDIO__DEVICE_MAX_BYTES];
    nh_queue_t *queue;
    nh_task_t *task;
    nh_audio__reader_t *reader;
    nh_lock_t pipe_lock[NH_AUDIO_CHANNEL_COUNT];
    struct nh_audio__pipe pipe[NH_AUDIO_CHANNEL_COUNT];
    void *ring[NH_AUDIO_CHANNEL_COUNT];

    nh_lock_t lock; // guards what follows, up to the task's own
    bool wants_stop;
    uint32_t last_instance;
    uint32_t playing[NH_AUDIO_CHANNEL_COUNT]; // the last instance asked for that has not finished
    uint64_t full_count;
    struct nh_audio_snapshot shown;

    // The task's own.
    struct nh_audio__mix mix;
    struct nh_audio__level level;
    bool is_loud; // the last level told was not 0
    struct nh_audio__deck deck[NH_AUDIO_CHANNEL_COUNT];
    struct nh_audio__sink sink;
    uint64_t silent_since_ms;
    struct nh_audio_snapshot fresh; // made beside `shown`, so that the lock is held for a copy
    int16_t in[NH_AUDIO_CHANNEL_COUNT][NH_AUDIO__BLOCK_FRAMES * 2];
    int16_t out[NH_AUDIO__BLOCK_FRAMES * 2];

    // Of the task that answers requests.
    struct nh_audio__meta meta[NH_AUDIO__META_COUNT];
    uint32_t meta_next;
};

// Opens the card. NH_ERR_CLOSED: it is missing; NH_ERR_NOMEM. Free with nh_files_close().
NH_MUST_USE int nh_audio__card(nh_audio_t *a, nh_files_t **out);

// ---- HTTP: audio_files_api.c
int nh_audio__get_files(nh_request_t *req);
int nh_audio__get_meta(nh_request_t *req);
// audio_api.c: the reply to a path that is none, or has nothing at its end.
int nh_audio__reply_path(nh_request_t *req, const char *path, int err);
// A parameter of the query, also one that is no text: NULL with `*is_bad`.
const char *nh_audio__param(nh_request_t *req, const char *name, bool *is_bad);

#endif
