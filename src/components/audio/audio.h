// audio.h - the audio player: two channels mixed, a background and effects over it.
//
// The task `audio` owns the player. Calls marked *any task* post a command to its bounded queue and
// return at once; what became of it is told by NH_EVENT_AUDIO_FINISHED and by the snapshot. All
// else is for the task that made the player.
//
// Paths are those of the API: "/sdcard/..." stands for the folder `root`. README.md: what it does,
// its memory, its limits.

#ifndef NH_AUDIO_H
#define NH_AUDIO_H

#include "core/bus/events.h"
#include "core/http/http.h"
#include "core/store/store.h"

typedef struct nh_audio nh_audio_t;

#define NH_AUDIO_PATH_MAX_BYTES 200 // of the API, with the NUL
#define NH_AUDIO_MESSAGE_MAX_BYTES 96
#define NH_AUDIO_FADE_MAX_MS 60000
#define NH_AUDIO_VOLUME_DEFAULT 70

enum nh_audio_channel {
    NH_AUDIO_BACKGROUND,
    NH_AUDIO_EFFECT, // while it sounds, the background is ducked
    NH_AUDIO_CHANNEL_COUNT,
};
const char *nh_audio_channel_name(enum nh_audio_channel c); // "background", "effect"

struct nh_audio_config {
    nh_mem_t *mem;             // borrowed, owner `audio`
    struct nh_mem_system *sys; // where its two tasks are registered
    nh_bus_t *bus;             // NULL: nobody is told
    nh_store_t *store;         // keeps the volume; NULL: it is not kept
    const char *root;          // copied; the folder that is the card, made if it is missing
    const char *output;        // copied; see struct nh_audio_output_config, `device`
    uint32_t rate_hz;          // 0: 44100
    uint32_t latency_ms;       // 0: 80, or 40 without PSRAM; what the device holds
    uint32_t buffer_ms; // 0: 500 with PSRAM; read ahead of each channel; at least twice latency_ms
    uint32_t duck_db;   // 0: no ducking
    uint32_t idle_close_s; // 0: 10; the device is closed after so long a silence
    uint32_t queue_max;    // 0: 16 commands
    bool has_get_changes;  // the older routes that change something by GET
    // How loud what is played is, and in 16 bands from 60 Hz to 10 kHz, each half an octave: 255 is
    // full scale, 0 is 60 dB below it and under. Every 25 ms while something is played,
    // `latency_ms` before it is heard, and once with nothing but 0. By the task `audio`. NULL:
    // nobody listens, and it is not worked out.
    void (*level)(void *ctx, uint8_t level, const uint8_t band[16]);
    void *ctx;
};
// Starts both tasks; the device is opened when there is something to play. NH_ERR_NOMEM,
// NH_ERR_RANGE, NH_ERR_TOO_LONG: nothing was made. A missing card is no error.
NH_MUST_USE int nh_audio_create(const struct nh_audio_config *cfg, nh_audio_t **out);
// Ends what plays softly, keeps the volume, frees. NULL: nothing.
void nh_audio_destroy(nh_audio_t *a);

// ---- commands: any task. NH_ERR_FULL: the queue (counted); NH_ERR_NOMEM. Nothing was done then.

struct nh_audio_play {
    enum nh_audio_channel channel; // what plays there is stopped first
    uint16_t origin;               // enum nh_origin
    const char *path;              // borrowed for the call
    uint8_t volume;                // 0 to 100, of this track, on top of the player's own
    bool is_looped;
    uint32_t fade_ms; // from silence; 0: at once (softly, within 5 ms)
    uint32_t seek_ms; // where to begin
};
// Returns the number of this instance (1 and more, each only once until 2^31 - 1 have been). The
// path is judged at once: NH_ERR_INVAL: not below "/sdcard", or a way out of it; NH_ERR_TOO_LONG;
// NH_ERR_CLOSED: the card is missing; NH_ERR_NOT_FOUND: no such file; NH_ERR_TYPE: a folder;
// NH_ERR_RANGE: volume, fade_ms or channel.
NH_MUST_USE int nh_audio_play(nh_audio_t *a, const struct nh_audio_play *p);

// Whether play() would find a track there: NH_OK, or what it says of the path. Nothing is heard.
NH_MUST_USE int nh_audio_find(nh_audio_t *a, const char *path);

// Whom a command is for: one instance, or what plays on one channel, or on all.
enum nh_audio_target_kind { NH_AUDIO_ONE_CHANNEL, NH_AUDIO_INSTANCE, NH_AUDIO_ALL };
struct nh_audio_target {
    enum nh_audio_target_kind kind;
    enum nh_audio_channel channel;
    uint32_t instance;
};
// NH_ERR_NOT_FOUND: no such instance plays (any more). Where nothing plays, stop() has nothing to
// do, and pause() and resume() on a channel give NH_ERR_NOT_FOUND.
NH_MUST_USE int nh_audio_stop(nh_audio_t *a, struct nh_audio_target t, uint32_t fade_ms,
                              uint16_t origin);
NH_MUST_USE int nh_audio_pause(nh_audio_t *a, struct nh_audio_target t);
NH_MUST_USE int nh_audio_resume(nh_audio_t *a, struct nh_audio_target t);
// Of one channel or instance. NH_ERR_RANGE: past the end; NH_ERR_UNSUPPORTED: the duration is not
// known (yet).
NH_MUST_USE int nh_audio_seek(nh_audio_t *a, struct nh_audio_target t, uint32_t pos_ms);
// Of the player (kept over a restart, NH_AUDIO_ALL), or of what plays now on a channel.
NH_MUST_USE int nh_audio_volume(nh_audio_t *a, struct nh_audio_target t, uint32_t volume,
                                uint32_t fade_ms);

// ---- snapshot: any task

enum nh_audio_state { NH_AUDIO_IDLE, NH_AUDIO_LOADING, NH_AUDIO_PLAYING, NH_AUDIO_PAUSED };
struct nh_audio_channel_info {
    enum nh_audio_state state;
    uint32_t instance; // that plays; idle: that played last; 0: none yet
    uint16_t origin;
    uint8_t volume;
    bool is_looped;
    uint8_t format; // enum nh_audio_format (platform/audio.h)
    uint32_t pos_ms, dur_ms, bitrate_kbps;
    char path[NH_AUDIO_PATH_MAX_BYTES];
    char message[NH_AUDIO_MESSAGE_MAX_BYTES]; // why it failed; else ""
};
enum nh_audio_output_state {
    NH_AUDIO_OUTPUT_CLOSED, // nothing to play
    NH_AUDIO_OUTPUT_OPEN,
    NH_AUDIO_OUTPUT_FAILED, // tried again later; time goes on, unheard
};
struct nh_audio_snapshot {
    uint64_t version; // rises with each change; once in half a second while something plays
    uint32_t volume;
    enum nh_audio_output_state output;
    char output_message[NH_AUDIO_MESSAGE_MAX_BYTES + 32]; // "audio output failed: ..."; else ""
    uint32_t retry_in_ms;                                 // while it has failed
    // The card was too slow; the device was; the device could not be opened or was lost.
    uint32_t underrun_count, interruption_count, output_failure_count;
    uint64_t queue_full_count;
    struct nh_audio_channel_info channel[NH_AUDIO_CHANNEL_COUNT];
};
void nh_audio_snapshot(nh_audio_t *a, struct nh_audio_snapshot *out);

// ---- HTTP

// Routes; `ctx` is the player. The part of the feed is called "audio".
struct nh_route_table nh_audio_routes(nh_audio_t *a);
#define NH_AUDIO_FEED_COUNT 1
void nh_audio_feed_parts(nh_audio_t *a, nh_feed_part_t out[NH_AUDIO_FEED_COUNT]);
// The value of "audio" in the older /api/status, an object: the effect while there is one, else the
// background.
void nh_audio_write_legacy_status(nh_audio_t *a, nh_json_writer_t *w);

#endif
