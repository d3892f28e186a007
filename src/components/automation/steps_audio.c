// steps_audio.c - the steps of the audio player.

#include "components/automation/automation_state.h"

#define AUDIO_GRACE_MS 5000

static int play(nh_automation_t *a, struct nh_branch *b, nh_rec_t step)
{
    struct nh_context c = nh_texts__of(a, b);
    struct nh_automation_play p = {
        .channel = nh_rec_enum(step, NH_FIELD_CHANNEL, NH_CHANNEL_EFFECT) == NH_CHANNEL_BACKGROUND
                       ? NH_CHANNEL_BACKGROUND
                       : NH_CHANNEL_EFFECT,
        .volume = (int)nh_rec_int(step, NH_FIELD_VOLUME, -1),
        .is_repeated = nh_rec_bool(step, NH_FIELD_REPEAT_TRACK, false),
        .fade_ms = (uint32_t)nh_rec_int(step, NH_FIELD_FADE_MS, 0),
        .position_ms = (uint32_t)nh_rec_int(step, NH_FIELD_POSITION_MS, 0),
    };
    int err = nh_texts__fill(&c, nh_rec_text(step, NH_FIELD_TRACK), 0, &p.track);
    if (err < 0)
        return err;
    int instance = a->out.play ? a->out.play(a->out.ctx, &p) : NH_ERR_UNSUPPORTED;
    if (instance < 0)
        return nh_automation__fail(a, instance, "%.*s: %s", NH_TEXT(p.track),
                                   nh_err_text(instance));
    NH_NOTE(a, "%.*s", NH_TEXT(p.track));
    if (!nh_rec_bool(step, NH_FIELD_BLOCKING, false) || b->run->state == NH_RUN_STOPPING)
        return NH_OUTCOME_DONE;
    b->on.audio.instance = (uint32_t)instance;
    b->on.audio.left_ms = UINT32_MAX;
    nh_list_push_back(&a->audio_waiters, &b->link);
    return nh_wait__begin(a, b, NH_WAIT_AUDIO, AUDIO_GRACE_MS);
}

int nh_step__audio(nh_automation_t *a, struct nh_branch *b, nh_rec_t step)
{
    static const enum nh_automation_audio_verb verbs[NH_STEP_TYPE_COUNT] = {
        [NH_STEP_AUDIO_STOP] = NH_AUTOMATION_AUDIO_STOP,
        [NH_STEP_AUDIO_PAUSE] = NH_AUTOMATION_AUDIO_PAUSE,
        [NH_STEP_AUDIO_RESUME] = NH_AUTOMATION_AUDIO_RESUME,
        [NH_STEP_AUDIO_SEEK] = NH_AUTOMATION_AUDIO_SEEK,
        [NH_STEP_AUDIO_VOLUME] = NH_AUTOMATION_AUDIO_VOLUME,
    };
    int type = nh_rec_enum(step, NH_FIELD_TYPE, 0);
    if (type == NH_STEP_AUDIO_PLAY)
        return play(a, b, step);
    bool is_all = type == NH_STEP_AUDIO_STOP || type == NH_STEP_AUDIO_VOLUME;
    const struct nh_automation_audio command = {
        .verb = verbs[type],
        .channel = (enum nh_step_channel)nh_rec_enum(step, NH_FIELD_CHANNEL,
                                                     is_all ? NH_CHANNEL_ALL : NH_CHANNEL_EFFECT),
        .value = (uint32_t)(type == NH_STEP_AUDIO_SEEK ? nh_rec_int(step, NH_FIELD_POSITION_MS, 0)
                                                       : nh_rec_int(step, NH_FIELD_VOLUME, 0)),
        .fade_ms = (uint32_t)nh_rec_int(step, NH_FIELD_FADE_MS, 0),
    };
    int err = a->out.audio ? a->out.audio(a->out.ctx, &command) : NH_ERR_UNSUPPORTED;
    return err < 0 ? err : NH_OUTCOME_DONE;
}
