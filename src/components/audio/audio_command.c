// The calls that any task may make: they judge what they can at once, and post the rest.

#include "components/audio/audio_path.h"
#include "components/audio/audio_state.h"

#include <string.h>

static int post(nh_audio_t *a, const struct nh_audio__item *item)
{
    int err = nh_queue_put(a->queue, item);
    if (err == NH_ERR_FULL) {
        nh_lock_acquire(&a->lock);
        a->full_count++;
        nh_lock_release(&a->lock);
    }
    return err;
}

int nh_audio__card(nh_audio_t *a, nh_files_t **out)
{
    int err = nh_files_open_existing(a->cfg.mem, a->root, out);
    return err < 0 && err != NH_ERR_NOMEM ? NH_ERR_CLOSED : err;
}

static int check_file(nh_audio_t *a, const char *path)
{
    struct nh_file_info info;
    nh_files_t *files;
    int err = nh_audio__card(a, &files);
    if (err < 0)
        return err;
    struct nh_fs fs = nh_files_fs(files);
    err = fs.ops->stat(fs.ctx, path, &info);
    nh_files_close(files);
    if (err == NH_ERR_DENIED) // a link on the way
        return NH_ERR_INVAL;
    return err < 0 ? err : info.is_dir ? NH_ERR_TYPE : 0;
}

static int post_track(nh_audio_t *a, enum nh_audio_channel c, struct nh_audio__track *track)
{
    const struct nh_audio__item item = {
        .kind = NH_AUDIO__DO_PLAY, .channel_mask = (uint8_t)(1u << c), .track = track};
    // Under the lock, so that numbers rise in the order of the queue.
    nh_lock_acquire(&a->lock);
    track->instance = a->last_instance % INT32_MAX + 1;
    uint32_t instance = track->instance, before = a->playing[c];
    a->playing[c] = instance; // before the task may say that it has finished
    int err = nh_queue_put(a->queue, &item);
    if (err == 0)
        a->last_instance = instance;
    else
        a->playing[c] = before;
    a->full_count += err == NH_ERR_FULL;
    nh_lock_release(&a->lock);
    if (err < 0)
        nh_mem_free(a->cfg.mem, track);
    return err < 0 ? err : (int)instance;
}

// Two tones say that the card is missing, unless they would cut off what plays.
static void beep(nh_audio_t *a)
{
    nh_lock_acquire(&a->lock);
    bool is_free = a->playing[NH_AUDIO_EFFECT] == 0;
    nh_lock_release(&a->lock);
    struct nh_audio__track *track =
        is_free ? nh_mem_alloc_zero(a->cfg.mem, sizeof *track, NH_MEM_BULK) : NULL;
    if (!track)
        return;
    track->volume = 100;
    (void)post_track(a, NH_AUDIO_EFFECT, track); // a full queue was counted; it is a hint only
}

int nh_audio_find(nh_audio_t *a, const char *path)
{
    char on_card[NH_AUDIO__ON_CARD_MAX_BYTES];
    int err = nh_audio__path(path, on_card);
    return err < 0 ? err : check_file(a, on_card);
}

int nh_audio_play(nh_audio_t *a, const struct nh_audio_play *p)
{
    char path[NH_AUDIO__ON_CARD_MAX_BYTES];
    if (p->volume > 100 || p->fade_ms > NH_AUDIO_FADE_MAX_MS ||
        (unsigned)p->channel >= NH_AUDIO_CHANNEL_COUNT)
        return NH_ERR_RANGE;
    int err = nh_audio__path(p->path, path);
    if (err == 0)
        err = check_file(a, path);
    if (err == NH_ERR_CLOSED)
        beep(a);
    if (err < 0)
        return err;
    struct nh_audio__track *track = nh_mem_alloc_zero(a->cfg.mem, sizeof *track, NH_MEM_BULK);
    if (!track)
        return NH_ERR_NOMEM;
    track->origin = p->origin;
    track->volume = p->volume;
    track->is_looped = p->is_looped;
    track->fade_ms = p->fade_ms;
    track->pos_ms = p->seek_ms;
    memcpy(track->path, path, sizeof path);
    return post_track(a, p->channel, track);
}

// Whom a target means now. 0: nobody.
static uint8_t resolve(nh_audio_t *a, struct nh_audio_target t)
{
    uint8_t mask = 0;
    nh_lock_acquire(&a->lock);
    for (size_t c = 0; c < NH_AUDIO_CHANNEL_COUNT; c++) {
        bool is_meant = t.kind == NH_AUDIO_ALL ||
                        (t.kind == NH_AUDIO_ONE_CHANNEL && t.channel == c) ||
                        (t.kind == NH_AUDIO_INSTANCE && t.instance == a->playing[c]);
        if (is_meant && a->playing[c])
            mask |= (uint8_t)(1u << c);
    }
    nh_lock_release(&a->lock);
    return mask;
}

static int command(nh_audio_t *a, struct nh_audio_target t, struct nh_audio__item item)
{
    if (t.kind == NH_AUDIO_ONE_CHANNEL && (unsigned)t.channel >= NH_AUDIO_CHANNEL_COUNT)
        return NH_ERR_RANGE;
    item.channel_mask = resolve(a, t);
    item.instance = t.kind == NH_AUDIO_INSTANCE ? t.instance : 0;
    return item.channel_mask ? post(a, &item) : NH_ERR_NOT_FOUND;
}

int nh_audio_stop(nh_audio_t *a, struct nh_audio_target t, uint32_t fade_ms, uint16_t origin)
{
    if (fade_ms > NH_AUDIO_FADE_MAX_MS)
        return NH_ERR_RANGE;
    int err = command(
        a, t,
        (struct nh_audio__item){.kind = NH_AUDIO__DO_STOP, .fade_ms = fade_ms, .origin = origin});
    return err == NH_ERR_NOT_FOUND && t.kind != NH_AUDIO_INSTANCE ? 0 : err;
}

static int pause_or_resume(nh_audio_t *a, struct nh_audio_target t, bool on)
{
    int err = command(a, t, (struct nh_audio__item){.kind = NH_AUDIO__DO_PAUSE, .value = on});
    return err == NH_ERR_NOT_FOUND && t.kind == NH_AUDIO_ALL ? 0 : err;
}

int nh_audio_pause(nh_audio_t *a, struct nh_audio_target t)
{
    return pause_or_resume(a, t, true);
}

int nh_audio_resume(nh_audio_t *a, struct nh_audio_target t)
{
    return pause_or_resume(a, t, false);
}

int nh_audio_seek(nh_audio_t *a, struct nh_audio_target t, uint32_t pos_ms)
{
    uint32_t dur_ms = 0;
    uint8_t mask = resolve(a, t);
    if (t.kind == NH_AUDIO_ALL || mask == 0)
        return t.kind == NH_AUDIO_ALL ? NH_ERR_RANGE : NH_ERR_NOT_FOUND;
    size_t c = mask == 1u << NH_AUDIO_EFFECT ? NH_AUDIO_EFFECT : NH_AUDIO_BACKGROUND;
    nh_lock_acquire(&a->lock);
    if (a->shown.channel[c].instance == a->playing[c])
        dur_ms = a->shown.channel[c].dur_ms;
    nh_lock_release(&a->lock);
    if (dur_ms == 0)
        return NH_ERR_UNSUPPORTED;
    if (pos_ms >= dur_ms)
        return NH_ERR_RANGE;
    return command(a, t, (struct nh_audio__item){.kind = NH_AUDIO__DO_SEEK, .value = pos_ms});
}

int nh_audio_volume(nh_audio_t *a, struct nh_audio_target t, uint32_t volume, uint32_t fade_ms)
{
    struct nh_audio__item item = {.kind = NH_AUDIO__DO_VOLUME, .value = volume, .fade_ms = fade_ms};
    if (volume > 100 || fade_ms > NH_AUDIO_FADE_MAX_MS)
        return NH_ERR_RANGE;
    if (t.kind != NH_AUDIO_ALL)
        return command(a, t, item);
    item.kind = NH_AUDIO__DO_MASTER;
    item.channel_mask = 1u << NH_AUDIO_BACKGROUND; // once
    return post(a, &item);
}
