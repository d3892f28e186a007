// The routes of the player and its part of the feed: thin, no state.

#include "components/audio/audio_state.h"
#include "core/http/text.h"

#include <stdlib.h>
#include <string.h>

// ---- what is told ------------------------------------------------------------------------------

static const char *const state_names[] = {"idle", "loading", "playing", "paused"};
static const char *const output_names[] = {"closed", "open", "failed"};
static const char *const format_names[] = {"unknown", "wav", "mp3", "ogg", "flac"};

static uint32_t progress(const struct nh_audio_channel_info *c)
{
    return c->dur_ms ? (uint32_t)((uint64_t)c->pos_ms * 100 / c->dur_ms) : 0;
}

static bool is_playing(const struct nh_audio_channel_info *c)
{
    return c->state == NH_AUDIO_PLAYING || c->state == NH_AUDIO_LOADING;
}

static void write_channel(nh_json_writer_t *w, size_t at, const struct nh_audio_channel_info *c)
{
    nh_json_object_begin(w);
    nh_json_kv_string(w, "channel", nh_audio_channel_name((enum nh_audio_channel)at));
    nh_json_kv_string(w, "state", state_names[c->state]);
    nh_json_kv_bool(w, "playing", is_playing(c));
    nh_json_kv_bool(w, "paused", c->state == NH_AUDIO_PAUSED);
    nh_json_kv_uint(w, "instance", c->instance);
    nh_json_kv_string(w, "path", c->path);
    nh_json_kv_string(w, "fmt", format_names[c->format]);
    nh_json_kv_uint(w, "pos_ms", c->pos_ms);
    nh_json_kv_uint(w, "dur_ms", c->dur_ms);
    nh_json_kv_uint(w, "progress", progress(c));
    nh_json_kv_uint(w, "bitrate_kbps", c->bitrate_kbps);
    nh_json_kv_uint(w, "volume", c->volume);
    nh_json_kv_bool(w, "loop", c->is_looped);
    nh_json_kv_string(w, "message", c->message);
    nh_json_object_end(w);
}

static void write_output(nh_audio_t *a, nh_json_writer_t *w, const struct nh_audio_snapshot *s)
{
    nh_json_key(w, "output");
    nh_json_object_begin(w);
    nh_json_kv_string(w, "device", a->device);
    nh_json_kv_string(w, "state", output_names[s->output]);
    nh_json_kv_string(w, "message", s->output_message);
    nh_json_kv_uint(w, "retry_in_ms", s->retry_in_ms);
    nh_json_kv_uint(w, "rate_hz", a->cfg.rate_hz);
    nh_json_object_end(w);
}

static uint64_t write_status(nh_audio_t *a, nh_json_writer_t *w)
{
    struct nh_audio_snapshot s;
    nh_audio_snapshot(a, &s);
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "volume", s.volume);
    write_output(a, w, &s);
    nh_json_kv_uint(w, "underruns", s.underrun_count);
    nh_json_kv_uint(w, "interruptions", s.interruption_count);
    nh_json_kv_uint(w, "output_failures", s.output_failure_count);
    nh_json_kv_uint(w, "queue_full", s.queue_full_count);
    nh_json_key(w, "channels");
    nh_json_array_begin(w);
    for (size_t c = 0; c < NH_AUDIO_CHANNEL_COUNT; c++)
        write_channel(w, c, &s.channel[c]);
    nh_json_array_end(w);
    nh_json_object_end(w);
    return s.version;
}

void nh_audio_write_legacy_status(nh_audio_t *a, nh_json_writer_t *w)
{
    struct nh_audio_snapshot s;
    nh_audio_snapshot(a, &s);
    bool has_effect = s.channel[NH_AUDIO_EFFECT].state != NH_AUDIO_IDLE;
    const struct nh_audio_channel_info *c =
        &s.channel[has_effect ? NH_AUDIO_EFFECT : NH_AUDIO_BACKGROUND];
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "volume", s.volume);
    nh_json_kv_bool(w, "playing", is_playing(c));
    nh_json_kv_bool(w, "paused", c->state == NH_AUDIO_PAUSED);
    nh_json_kv_uint(w, "progress", progress(c));
    nh_json_kv_uint(w, "pos_ms", c->pos_ms);
    nh_json_kv_uint(w, "dur_ms", c->dur_ms);
    nh_json_kv_uint(w, "bitrate", c->bitrate_kbps);
    nh_json_kv_string(w, "path", c->path);
    nh_json_kv_string(w, "message", s.output_message[0] ? s.output_message : c->message);
    nh_json_kv_uint(w, "fmt", c->format);
    nh_json_object_end(w);
}

static int get_status(nh_request_t *req)
{
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    write_status(req->ctx, w);
    return nh_reply_json_end(req);
}

// ---- what is answered --------------------------------------------------------------------------

int nh_audio__reply_path(nh_request_t *req, const char *path, int err)
{
    nh_audio_t *a = req->ctx;
    switch (err) {
    case NH_ERR_INVAL:
    case NH_ERR_DENIED:
        return nh_reply_error(req, 400, "bad_path",
                              "bad path: it is below /sdcard, and has no .., \\ or link in it.");
    case NH_ERR_TOO_LONG:
        return nh_reply_error(req, 400, "bad_path", "bad path: over %d bytes.",
                              NH_AUDIO_PATH_MAX_BYTES - 1);
    case NH_ERR_CLOSED:
        return nh_reply_error(req, 409, "no_card", "sd not mounted: the card %.120s is missing.",
                              a->root);
    case NH_ERR_NOT_FOUND:
        return nh_reply_error(req, 404, NULL, "There is no %.199s.", path);
    case NH_ERR_TYPE:
        return nh_reply_error(req, 400, "bad_path", "%.199s is a folder.", path);
    default:
        return err;
    }
}

static int reply_ok(nh_request_t *req)
{
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "ok", true);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

// What came of a command that names no path.
static int reply_command(nh_request_t *req, int err)
{
    nh_audio_t *a = req->ctx;
    switch (err) {
    case NH_ERR_NOT_FOUND:
        return nh_reply_error(req, 404, NULL, "That does not play (any more).");
    case NH_ERR_RANGE:
        return nh_reply_error(req, 400, "bad_value", "seek failed: pos_ms is past the end.");
    case NH_ERR_UNSUPPORTED:
        return nh_reply_error(req, 409, "conflict",
                              "seek failed: the duration is not known (yet).");
    case NH_ERR_FULL:
        return nh_reply_error(req, 503, NULL, "%u commands wait already. Nothing was done.",
                              (unsigned)a->cfg.queue_max);
    default:
        return err < 0 ? err : reply_ok(req);
    }
}

// ---- bodies ------------------------------------------------------------------------------------

static const char *const channel_choice[] = {"background", "effect", NULL};
#define NOBODY (-1)

struct body {
    int channel; // enum nh_audio_channel, or NOBODY
    uint32_t instance;
    bool all;
    char path[NH_AUDIO_PATH_MAX_BYTES];
    uint32_t volume, fade_ms, seek_ms, pos_ms;
    bool loop;
};

#define CHANNEL                                                                                    \
    {                                                                                              \
        .name = "channel", .type = NH_JSON_T_ENUM, NH_JSON_AT(struct body, channel),               \
        .names = channel_choice                                                                    \
    }
#define UINT(n, lim)                                                                               \
    {                                                                                              \
        .name = #n, .type = NH_JSON_T_INT, NH_JSON_AT(struct body, n), .max = (lim)                \
    }
#define BOOL(n)                                                                                    \
    {                                                                                              \
        .name = #n, .type = NH_JSON_T_BOOL, NH_JSON_AT(struct body, n)                             \
    }
#define NEEDED(n, lim)                                                                             \
    {                                                                                              \
        .name = #n, .type = NH_JSON_T_INT, .required = true, NH_JSON_AT(struct body, n),           \
        .max = (lim)                                                                               \
    }
#define DAY_MS 86400000

static const nh_json_field_t play_fields[] = {
    CHANNEL,
    {.name = "path", .type = NH_JSON_T_STRING, .required = true, NH_JSON_AT(struct body, path)},
    UINT(volume, 100),
    BOOL(loop),
    UINT(fade_ms, NH_AUDIO_FADE_MAX_MS),
    UINT(seek_ms, DAY_MS),
    NH_JSON_FIELDS_END,
};
static const nh_json_field_t stop_fields[] = {CHANNEL, UINT(instance, INT32_MAX), BOOL(all),
                                              UINT(fade_ms, NH_AUDIO_FADE_MAX_MS),
                                              NH_JSON_FIELDS_END};
static const nh_json_field_t target_fields[] = {CHANNEL, UINT(instance, INT32_MAX), BOOL(all),
                                                NH_JSON_FIELDS_END};
static const nh_json_field_t seek_fields[] = {CHANNEL, UINT(instance, INT32_MAX),
                                              NEEDED(pos_ms, DAY_MS), NH_JSON_FIELDS_END};
static const nh_json_field_t volume_fields[] = {
    CHANNEL, UINT(instance, INT32_MAX), NEEDED(volume, 100), UINT(fade_ms, NH_AUDIO_FADE_MAX_MS),
    NH_JSON_FIELDS_END};

static int decode(nh_request_t *req, const nh_json_field_t *fields, struct body *b, bool *ok)
{
    *b = (struct body){.channel = NOBODY, .volume = 100};
    return nh_request_decode(req, fields, b, "Nothing was done.", ok);
}

static struct nh_audio_target target_of(const struct body *b)
{
    if (b->instance)
        return (struct nh_audio_target){.kind = NH_AUDIO_INSTANCE, .instance = b->instance};
    if (b->channel != NOBODY)
        return (struct nh_audio_target){.kind = NH_AUDIO_ONE_CHANNEL,
                                        .channel = (enum nh_audio_channel)b->channel};
    return (struct nh_audio_target){.kind = NH_AUDIO_ALL};
}

// A body whose target is one of several; `*ok` as with nh_request_decode().
static int decode_target(nh_request_t *req, const nh_json_field_t *fields, struct body *b, bool *ok)
{
    int err = decode(req, fields, b, ok);
    if (!*ok)
        return err;
    *ok = (b->channel != NOBODY) + (b->instance != 0) + b->all == 1;
    return *ok ? 0
               : nh_reply_error(req, 400, "bad_value",
                                "Say whom it is for: one of channel, instance%s. "
                                "Nothing was done.",
                                fields == seek_fields ? "" : ", all: true");
}

// ---- commands ----------------------------------------------------------------------------------

static int play(nh_request_t *req, const struct nh_audio_play *p)
{
    int instance = nh_audio_play(req->ctx, p);
    if (instance == NH_ERR_FULL)
        return reply_command(req, instance);
    if (instance < 0)
        return nh_audio__reply_path(req, p->path, instance);
    nh_json_writer_t *w = nh_reply_json(req, 202);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_int(w, "instance", instance);
    nh_json_kv_string(w, "channel", nh_audio_channel_name(p->channel));
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static int post_play(nh_request_t *req)
{
    struct body b;
    bool ok;
    int err = decode(req, play_fields, &b, &ok);
    if (!ok)
        return err;
    const struct nh_audio_play p = {
        .channel = b.channel == NOBODY ? NH_AUDIO_EFFECT : (enum nh_audio_channel)b.channel,
        .origin = NH_ORIGIN_HTTP,
        .path = b.path,
        .volume = (uint8_t)b.volume,
        .is_looped = b.loop,
        .fade_ms = b.fade_ms,
        .seek_ms = b.seek_ms,
    };
    return play(req, &p);
}

static int post_stop(nh_request_t *req)
{
    struct body b;
    bool ok;
    int err = decode_target(req, stop_fields, &b, &ok);
    return ok ? reply_command(req,
                              nh_audio_stop(req->ctx, target_of(&b), b.fade_ms, NH_ORIGIN_HTTP))
              : err;
}

static int post_pause(nh_request_t *req)
{
    struct body b;
    bool ok;
    int err = decode_target(req, target_fields, &b, &ok);
    return ok ? reply_command(req, nh_audio_pause(req->ctx, target_of(&b))) : err;
}

static int post_resume(nh_request_t *req)
{
    struct body b;
    bool ok;
    int err = decode_target(req, target_fields, &b, &ok);
    return ok ? reply_command(req, nh_audio_resume(req->ctx, target_of(&b))) : err;
}

static int post_seek(nh_request_t *req)
{
    struct body b;
    bool ok;
    int err = decode_target(req, seek_fields, &b, &ok);
    return ok ? reply_command(req, nh_audio_seek(req->ctx, target_of(&b), b.pos_ms)) : err;
}

static int post_volume(nh_request_t *req)
{
    struct body b;
    bool ok;
    int err = decode(req, volume_fields, &b, &ok); // no target: the player's own volume
    return ok ? reply_command(req, nh_audio_volume(req->ctx, target_of(&b), b.volume, b.fade_ms))
              : err;
}

// ---- the older form: GET with a query, behind compat.get_changes -------------------------------

const char *nh_audio__param(nh_request_t *req, const char *name, bool *is_bad)
{
    nh_span_t raw;
    *is_bad = false;
    if (!nh_http_query_find(req->query, name, &raw))
        return NULL;
    const char *text = nh_request_param(req, name);
    *is_bad = !text; // a broken escape, or one of a NUL
    return text;
}

static bool number(const char *text, uint32_t max, uint32_t *out)
{
    char *end;
    if (!text || *text < '0' || *text > '9')
        return false;
    unsigned long v = strtoul(text, &end, 10);
    *out = (uint32_t)v;
    return v <= max && !*end;
}

static int reply_text(nh_request_t *req, int err)
{
    if (err < 0)
        return reply_command(req, err);
    return nh_reply_bytes(req, 200, "text/plain", "ok", 2);
}

static const struct nh_audio_target everybody = {.kind = NH_AUDIO_ALL};

static int get_play(nh_request_t *req)
{
    bool is_bad;
    uint32_t volume;
    struct nh_audio_play p = {.channel = NH_AUDIO_EFFECT, .origin = NH_ORIGIN_HTTP, .volume = 100};
    p.path = nh_audio__param(req, "path", &is_bad);
    if (is_bad)
        return nh_audio__reply_path(req, "", NH_ERR_INVAL);
    if (!p.path || !*p.path)
        return nh_reply_error(req, 400, NULL, "path required");
    const char *text = nh_request_param(req, "volume");
    if (text && !number(text, 100, &volume))
        return nh_reply_error(req, 400, "bad_value", "volume is 0 to 100.");
    int err = nh_audio_play(req->ctx, &p);
    if (err > 0 && text)
        err = nh_audio_volume(req->ctx, everybody, volume, 0);
    return err < 0 && err != NH_ERR_FULL ? nh_audio__reply_path(req, p.path, err)
                                         : reply_text(req, err);
}

static int get_stop(nh_request_t *req)
{
    return reply_text(req, nh_audio_stop(req->ctx, everybody, 0, NH_ORIGIN_HTTP));
}

static int get_pause(nh_request_t *req)
{
    return reply_text(req, nh_audio_pause(req->ctx, everybody));
}

static int get_resume(nh_request_t *req)
{
    return reply_text(req, nh_audio_resume(req->ctx, everybody));
}

static int get_volume(nh_request_t *req)
{
    uint32_t volume;
    if (!number(nh_request_param(req, "val"), 100, &volume))
        return nh_reply_error(req, 400, "bad_value", "val is 0 to 100.");
    return reply_text(req, nh_audio_volume(req->ctx, everybody, volume, 0));
}

static int get_seek(nh_request_t *req)
{
    uint32_t pos_ms;
    struct nh_audio_snapshot s;
    const char *text = nh_request_param(req, "pos");
    if (!text)
        return nh_reply_error(req, 400, NULL, "pos required");
    nh_audio_snapshot(req->ctx, &s);
    bool has_effect = s.channel[NH_AUDIO_EFFECT].state != NH_AUDIO_IDLE;
    const struct nh_audio_target t = {.kind = NH_AUDIO_ONE_CHANNEL,
                                      .channel =
                                          has_effect ? NH_AUDIO_EFFECT : NH_AUDIO_BACKGROUND};
    if (!number(text, DAY_MS, &pos_ms) || nh_audio_seek(req->ctx, t, pos_ms) < 0)
        return nh_reply_error(req, 400, NULL, "seek failed");
    return reply_text(req, 0);
}

// ---- tables ------------------------------------------------------------------------------------

#define GET_COUNT 6 // the first rows are those of the older form
#define POST(p, f, t)                                                                              \
    {                                                                                              \
        .method = "POST", .path = "/api/audio/" p, .body_max_bytes = 1024, .handle = (f),          \
        .text = (t)                                                                                \
    }
#define GET(p, f, t)                                                                               \
    {                                                                                              \
        .method = "GET", .path = "/api/" p, .handle = (f), .text = (t)                             \
    }

static const nh_route_t routes[] = {
    GET("audio/play", get_play, "The older form of POST"),
    GET("audio/stop", get_stop, "The older form of POST"),
    GET("audio/pause", get_pause, "The older form of POST"),
    GET("audio/resume", get_resume, "The older form of POST"),
    GET("audio/volume", get_volume, "The older form of POST"),
    GET("audio/seek", get_seek, "The older form of POST"),
    GET("audio", get_status, "What the player does"),
    POST("play", post_play, "Play a track"),
    POST("stop", post_stop, "Stop a channel, an instance or all"),
    POST("pause", post_pause, "Pause a channel, an instance or all"),
    POST("resume", post_resume, "Go on after a pause"),
    POST("seek", post_seek, "Go to a place in a track"),
    POST("volume", post_volume, "Set the player's volume, or a channel's"),
    GET("files", nh_audio__get_files, "Tracks and folders of the card (?path=)"),
    GET("files/meta", nh_audio__get_meta, "Duration and format of a track (?path=)"),
    {0},
};

struct nh_route_table nh_audio_routes(nh_audio_t *a)
{
    return (struct nh_route_table){
        .routes = routes + (a->cfg.has_get_changes ? 0 : GET_COUNT), .ctx = a, .name = "audio"};
}

// ---- the feed ----------------------------------------------------------------------------------

static uint64_t feed_version(void *ctx)
{
    struct nh_audio_snapshot s;
    nh_audio_snapshot(ctx, &s);
    return s.version;
}

static uint64_t feed_write(void *ctx, nh_json_writer_t *w, uint64_t since)
{
    (void)since; // it is small, and always told whole
    return write_status(ctx, w);
}

void nh_audio_feed_parts(nh_audio_t *a, nh_feed_part_t out[NH_AUDIO_FEED_COUNT])
{
    out[0] = (nh_feed_part_t){"audio", 250, feed_version, feed_write, a};
}
