#include "components/audio/audio_sink.h"

#include "core/base/log.h"

#include <stdio.h>

void nh_audio__sink_close(struct nh_audio__sink *s)
{
    s->interruption_count = nh_audio__sink_interruptions(s);
    nh_audio_output_close(s->output);
    s->output = NULL;
    s->state = NH_AUDIO_OUTPUT_CLOSED;
    s->message[0] = 0;
}

// A clock in its place. Without the memory for it time stands still until the next try.
static void stand_in(struct nh_audio__sink *s)
{
    char why[NH_AUDIO_MESSAGE_MAX_BYTES];
    struct nh_audio_output_config cfg = s->cfg;
    cfg.device = "none";
    NH_IGNORE(nh_audio_output_open(&cfg, why, sizeof why, &s->output)); // then it is NULL
}

static void fail(struct nh_audio__sink *s, const char *why, uint64_t now_ms)
{
    nh_audio__sink_close(s);
    s->state = NH_AUDIO_OUTPUT_FAILED;
    s->failure_count++;
    s->retry_ms = s->retry_ms == 0                           ? NH_AUDIO__RETRY_MIN_MS
                  : s->retry_ms < NH_AUDIO__RETRY_MAX_MS / 2 ? 2 * s->retry_ms
                                                             : NH_AUDIO__RETRY_MAX_MS;
    s->retry_at_ms = now_ms + s->retry_ms;
    snprintf(s->message, sizeof s->message, "audio output failed: %s: %s", s->cfg.device, why);
    NH_LOG_W("audio", "%s; tried again in %u s, what plays meanwhile is not heard", s->message,
             (unsigned)(s->retry_ms / 1000));
    stand_in(s);
}

static void open_output(struct nh_audio__sink *s, uint64_t now_ms)
{
    char why[NH_AUDIO_MESSAGE_MAX_BYTES];
    nh_audio_output_t *output;
    if (nh_audio_output_open(&s->cfg, why, sizeof why, &output) < 0) {
        fail(s, why, now_ms);
        return;
    }
    bool was_lost = s->state == NH_AUDIO_OUTPUT_FAILED;
    nh_audio__sink_close(s);
    s->output = output;
    s->state = NH_AUDIO_OUTPUT_OPEN;
    s->retry_ms = 0;
    if (was_lost)
        NH_LOG_I("audio", "output %s is back", s->cfg.device);
}

void nh_audio__sink_run(struct nh_audio__sink *s, bool is_active, uint64_t now_ms)
{
    if (is_active)
        s->active_ms = now_ms;
    else if (s->output && now_ms - s->active_ms >= s->idle_close_ms)
        nh_audio__sink_close(s);
    bool is_due = s->state == NH_AUDIO_OUTPUT_FAILED ? now_ms >= s->retry_at_ms
                                                     : s->state == NH_AUDIO_OUTPUT_CLOSED;
    if (is_active && is_due)
        open_output(s, now_ms);
}

size_t nh_audio__sink_space(struct nh_audio__sink *s, uint64_t now_ms)
{
    int n = s->output ? nh_audio_output_space(s->output) : 0;
    if (n >= 0)
        return (size_t)n;
    fail(s, "it is gone", now_ms);
    return 0;
}

void nh_audio__sink_write(struct nh_audio__sink *s, const int16_t *frames, size_t count,
                          uint64_t now_ms)
{
    int err = nh_audio_output_write(s->output, frames, count);
    if (err < 0)
        fail(s, err == NH_ERR_CLOSED ? "it is gone" : nh_err_text(err), now_ms);
}

uint64_t nh_audio__sink_next_ms(const struct nh_audio__sink *s, uint64_t now_ms)
{
    if (s->state == NH_AUDIO_OUTPUT_CLOSED)
        return NH_NEVER;
    if (!s->output)
        return s->retry_at_ms;
    return now_ms + (s->cfg.latency_ms + 1) / 2; // half of it is free again then
}

uint64_t nh_audio__sink_interruptions(const struct nh_audio__sink *s)
{
    struct nh_audio_output_info info = {0};
    if (s->output)
        nh_audio_output_info(s->output, &info);
    return s->interruption_count + info.interruption_count;
}
