#include "components/audio/audio_deck.h"

#include <string.h>

// ---- what is asked for -------------------------------------------------------------------------

static void forget_wishes(struct nh_audio__deck *d)
{
    d->wants_stop = d->stops_at_zero = d->wants_pause = d->wants_seek = false;
}

void nh_audio__deck_play(struct nh_audio__deck *d, const struct nh_audio__track *t)
{
    // One that was waiting for the first to fall silent is overtaken: it was never heard.
    if (d->next.instance)
        d->finished(d->ctx, d, &d->next, NH_AUDIO_STOPPED, 0, t->origin);
    d->next = *t;
    d->stop_origin = t->origin;
    forget_wishes(d);
}

void nh_audio__deck_stop(struct nh_audio__deck *d, uint32_t fade_ms, uint16_t origin)
{
    d->stop_origin = origin;
    if (d->next.instance) {
        d->finished(d->ctx, d, &d->next, NH_AUDIO_STOPPED, 0, origin);
        d->next.instance = 0;
        d->wants_stop = true; // the one before it was to go anyway
        return;
    }
    d->stops_at_zero = d->state == NH_AUDIO_PLAYING && fade_ms > 0;
    d->wants_stop = !d->stops_at_zero;
    if (d->stops_at_zero)
        nh_audio__fader_move(d->mix, &d->strip->level, 0, fade_ms);
}

void nh_audio__deck_pause(struct nh_audio__deck *d, bool on)
{
    d->wants_pause = on;
}

void nh_audio__deck_seek(struct nh_audio__deck *d, uint32_t pos_ms)
{
    if (d->next.instance)
        d->next.pos_ms = pos_ms;
    d->wants_seek = !d->next.instance;
    d->seek_ms = pos_ms;
}

void nh_audio__deck_volume(struct nh_audio__deck *d, uint32_t volume, uint32_t fade_ms)
{
    if (d->next.instance) {
        d->next.volume = (uint8_t)volume;
        return;
    }
    d->stops_at_zero = false;
    d->track.volume = (uint8_t)volume;
    nh_audio__fader_move(d->mix, &d->strip->level, (float)volume, fade_ms);
}

// ---- how it gets there -------------------------------------------------------------------------

static void ask(struct nh_audio__deck *d, uint32_t instance, uint32_t pos_ms)
{
    struct nh_audio__request r = {
        .instance = instance, .pos_ms = pos_ms, .is_looped = d->track.is_looped};
    memcpy(r.path, d->track.path, sizeof r.path);
    nh_audio__pipe_ask(d->pipe, &r);
    d->start_ms = pos_ms;
    d->played_frames = 0;
}

static void finish(struct nh_audio__deck *d, enum nh_audio_reason reason, int err)
{
    d->state = NH_AUDIO_IDLE;
    d->err = err;
    forget_wishes(d);
    nh_audio__strip_close(d->strip);
    ask(d, 0, 0); // let go of the file
    d->finished(d->ctx, d, &d->track, reason, err,
                reason == NH_AUDIO_STOPPED ? d->stop_origin : d->track.origin);
}

static void load(struct nh_audio__deck *d)
{
    bool wants_pause = d->wants_pause;
    forget_wishes(d);
    d->wants_pause = wants_pause;
    d->track = d->next;
    d->next.instance = 0;
    d->state = NH_AUDIO_LOADING;
    d->has_info = false;
    d->err = 0;
    nh_audio__fader_set(&d->strip->level, d->track.fade_ms ? 0 : (float)d->track.volume);
    ask(d, d->track.instance, d->track.pos_ms);
}

// A loaded track is heard from here on; its fade begins now and not when it was asked for.
static void sound(struct nh_audio__deck *d)
{
    d->state = NH_AUDIO_PLAYING;
    nh_audio__strip_open(d->strip);
    if (d->track.fade_ms)
        nh_audio__fader_move(d->mix, &d->strip->level, d->track.volume, d->track.fade_ms);
    d->track.fade_ms = 0;
}

// In silence: what was asked for is done. True: the reader has a new request.
static bool change(struct nh_audio__deck *d)
{
    bool is_new = false;
    if (d->state != NH_AUDIO_IDLE && (d->wants_stop || d->next.instance)) {
        finish(d, NH_AUDIO_STOPPED, 0);
        is_new = true;
    }
    if (d->next.instance) {
        load(d);
        is_new = true;
    }
    if (d->state != NH_AUDIO_IDLE && d->wants_seek) {
        d->wants_seek = false;
        d->state = NH_AUDIO_LOADING;
        ask(d, d->track.instance, d->seek_ms);
        is_new = true;
    }
    d->wants_stop = d->wants_seek = false;
    return is_new;
}

// What the reader has said since. True: it has a new request.
static bool follow(struct nh_audio__deck *d)
{
    struct nh_audio__answer a;
    size_t frames;
    nh_audio__pipe_answer(d->pipe, &a, &frames);
    if (a.is_ready) {
        d->info = a.info;
        d->has_info = true;
    }
    if (a.is_last && frames == 0) {
        finish(d, a.err < 0 ? NH_AUDIO_ERROR : NH_AUDIO_ENDED, a.err);
        return true;
    }
    if (d->state == NH_AUDIO_PLAYING) {
        if (d->strip->is_starved)
            d->underrun_count++;
        d->state = d->wants_pause ? NH_AUDIO_PAUSED : NH_AUDIO_LOADING;
        d->strip->is_starved = false;
    }
    size_t half = d->pipe->ring.cap / NH_AUDIO__FRAME_BYTES / 2;
    bool is_filled = a.is_last || frames >= (d->prefill_frames < half ? d->prefill_frames : half);
    if (d->wants_pause)
        d->state = NH_AUDIO_PAUSED;
    else if (is_filled)
        sound(d);
    else
        d->state = NH_AUDIO_LOADING;
    return false;
}

bool nh_audio__deck_tick(struct nh_audio__deck *d)
{
    bool wants_silence = d->wants_stop || d->next.instance || d->wants_seek || d->wants_pause;
    if (d->stops_at_zero && d->strip->level.now <= 0)
        d->wants_stop = wants_silence = true;
    if (wants_silence)
        nh_audio__strip_close(d->strip);
    if (!nh_audio__strip_is_silent(d->strip))
        return false;
    bool is_new = change(d);
    return d->state != NH_AUDIO_IDLE && follow(d) ? true : is_new;
}

void nh_audio__deck_played(struct nh_audio__deck *d, size_t frames)
{
    d->played_frames += frames;
}

// ---- what can be told --------------------------------------------------------------------------

bool nh_audio__deck_is_active(const struct nh_audio__deck *d)
{
    return d->next.instance || d->state == NH_AUDIO_LOADING || d->state == NH_AUDIO_PLAYING ||
           (d->state == NH_AUDIO_PAUSED && (!d->wants_pause || d->wants_stop || d->wants_seek));
}

uint32_t nh_audio__deck_dur_ms(const struct nh_audio__deck *d)
{
    return d->has_info ? (uint32_t)(d->info.frame_count * 1000 / d->info.rate_hz) : 0;
}

uint32_t nh_audio__deck_pos_ms(const struct nh_audio__deck *d)
{
    uint64_t pos_ms = d->start_ms + d->played_frames * 1000 / d->mix->rate_hz;
    uint32_t dur_ms = nh_audio__deck_dur_ms(d);
    if (dur_ms == 0)
        return (uint32_t)pos_ms;
    if (d->track.is_looped)
        return (uint32_t)(pos_ms % dur_ms);
    return pos_ms < dur_ms ? (uint32_t)pos_ms : dur_ms;
}
