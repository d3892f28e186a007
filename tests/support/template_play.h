// template_play.h - a template on a made-up stage: what it does is a line of text, and a play is a
// line of text too. Include after <cmocka.h>.
//
// A play is commands, each behind a ';':
//   m TOPIC [PAYLOAD]  a message; the payload is the rest, blanks and all
//   f NAME 0|1         a flag changes
//   e N                audio instance N has ended
//   r                  a reset
//   b SCENARIO 0|1     whether a scenario runs
//   +MS                time passes, with a tick at each deadline
//   ~MS                time passes, and the timer is late
//   t                  a tick now
//   = TEXT             all that was done since the last one
//   s STATE            the state word
// What is done: topic=payload, play1:track, loop1:track, bg1:track, pause1, resume1, stop1,
// run:scenario, >outcome; a blank between.

#ifndef NH_TEST_TEMPLATE_PLAY_H
#define NH_TEST_TEMPLATE_PLAY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "components/automation/template.h"

struct stage {
    nh_template_t *template;
    uint64_t now_ms;
    uint32_t instance_count;
    uint32_t command_count;
    char done[1024];
    char flags[8][16]; // that are set
    char running[8][16];
};

static inline void stage_say(void *ctx, const char *fmt, ...) NH_PRINTF(2, 3);
static inline void stage_say(void *ctx, const char *fmt, ...)
{
    struct stage *s = ctx;
    size_t len = strlen(s->done);
    va_list args;
    if (len > 0 && len < sizeof s->done - 1)
        s->done[len++] = ' ';
    va_start(args, fmt);
    vsnprintf(s->done + len, sizeof s->done - len, fmt, args);
    va_end(args);
}

static inline void stage_publish(void *ctx, nh_span_t topic, nh_span_t payload)
{
    stage_say(ctx, "%.*s=%.*s", (int)topic.len, (const char *)topic.ptr, (int)payload.len,
              (const char *)payload.ptr);
}

static inline uint32_t stage_play(void *ctx, enum nh_step_channel channel, nh_span_t track,
                                  bool is_repeated)
{
    struct stage *s = ctx;
    if (memcmp(track.ptr, "missing", track.len < 7 ? track.len : 7) == 0) {
        stage_say(ctx, "missing");
        return 0;
    }
    stage_say(ctx, "%s%u:%.*s",
              channel == NH_CHANNEL_BACKGROUND ? "bg"
              : is_repeated                    ? "loop"
                                               : "play",
              ++s->instance_count, (int)track.len, (const char *)track.ptr);
    return s->instance_count;
}

static inline void stage_pause(void *ctx, uint32_t instance)
{
    stage_say(ctx, "pause%u", instance);
}

static inline void stage_resume(void *ctx, uint32_t instance)
{
    stage_say(ctx, "resume%u", instance);
}

static inline void stage_stop(void *ctx, uint32_t instance)
{
    stage_say(ctx, "stop%u", instance);
}

static inline void stage_start(void *ctx, nh_span_t scenario)
{
    stage_say(ctx, "run:%.*s", (int)scenario.len, (const char *)scenario.ptr);
}

static inline char *stage_entry(char list[8][16], nh_span_t name)
{
    for (int i = 0; i < 8; i++)
        if (strlen(list[i]) == name.len &&
            strncasecmp(list[i], (const char *)name.ptr, name.len) == 0)
            return list[i];
    return NULL;
}

static inline bool stage_is_running(void *ctx, nh_span_t scenario)
{
    struct stage *s = ctx;
    return stage_entry(s->running, scenario) != NULL;
}

static inline bool stage_flag(void *ctx, nh_span_t name)
{
    struct stage *s = ctx;
    return stage_entry(s->flags, name) != NULL;
}

static inline void stage_outcome(void *ctx, const char *word)
{
    stage_say(ctx, ">%s", word);
}

static const struct nh_template_host stage_host = {
    .publish = stage_publish,
    .play = stage_play,
    .pause = stage_pause,
    .resume = stage_resume,
    .stop = stage_stop,
    .start = stage_start,
    .flag = stage_flag,
    .is_running = stage_is_running,
    .outcome = stage_outcome,
};

static inline void stage_set(char list[8][16], const char *name, bool is_set)
{
    char *at = stage_entry(list, (nh_span_t){(const uint8_t *)name, strlen(name)});
    if (is_set && !at) {
        at = stage_entry(list, (nh_span_t){(const uint8_t *)"", 0});
        assert_non_null(at);
        assert_true(strlen(name) < 16);
        memcpy(at, name, strlen(name) + 1);
    } else if (!is_set && at) {
        at[0] = '\0';
    }
}

// Time passes with a tick at each deadline; a deadline that does not move on is a fault.
static inline void stage_pass(struct stage *s, uint64_t ms)
{
    uint64_t end_ms = s->now_ms + ms;
    for (uint32_t i = 0; nh_template_next_deadline(s->template) <= end_ms; i++) {
        uint64_t due_ms = nh_template_next_deadline(s->template);
        s->now_ms = due_ms > s->now_ms ? due_ms : s->now_ms;
        nh_template_tick(s->template, s->now_ms);
        if (i > 100000 || nh_template_next_deadline(s->template) <= s->now_ms)
            fail_msg("the deadline %llu stays", (unsigned long long)due_ms);
    }
    s->now_ms = end_ms;
}

static inline nh_span_t stage_span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

static inline void stage_pair(struct stage *s, char *text)
{
    char *rest = strchr(text + 2, ' ');
    const char *second = rest ? rest + 1 : "";
    if (rest)
        *rest = '\0';
    if (text[0] == 'm') {
        nh_template_message(s->template, stage_span(text + 2), stage_span(second), s->now_ms);
        return;
    }
    stage_set(text[0] == 'b' ? s->running : s->flags, text + 2, second[0] == '1');
    if (text[0] == 'f')
        nh_template_flag(s->template, stage_span(text + 2), second[0] == '1', s->now_ms);
}

static inline void stage_command(struct stage *s, char *text, const char *name)
{
    switch (text[0]) {
    case 'm':
    case 'f':
    case 'b':
        stage_pair(s, text);
        return;
    case 'e':
        nh_template_audio_finished(s->template, (uint32_t)atoi(text + 2), s->now_ms);
        return;
    case 'r':
        nh_template_reset(s->template, s->now_ms);
        return;
    case 't':
        nh_template_tick(s->template, s->now_ms);
        return;
    case '+':
        stage_pass(s, (uint64_t)atoll(text + 1));
        return;
    case '~':
        s->now_ms += (uint64_t)atoll(text + 1);
        return;
    case '=':
        if (strcmp(text[1] ? text + 2 : "", s->done) != 0)
            fail_msg("%s, command %u: \"%s\" was done, not \"%s\"", name, s->command_count, s->done,
                     text[1] ? text + 2 : "");
        s->done[0] = '\0';
        return;
    case 's':
        if (strcmp(text + 2, nh_template_state(s->template)) != 0)
            fail_msg("%s, command %u: the state is %s, not %s", name, s->command_count,
                     nh_template_state(s->template), text + 2);
        return;
    default:
        fail_msg("%s: what is \"%s\"?", name, text);
    }
}

// Plays to the end, at which nothing may have been done that was not expected.
static inline void stage_play_all(struct stage *s, const char *play, const char *name)
{
    char text[256];
    while (*play) {
        size_t len = strcspn(play, ";");
        assert_true(len < sizeof text);
        while (*play == ' ' && len > 0) {
            play++;
            len--;
        }
        memcpy(text, play, len);
        text[len] = '\0';
        play += len + (play[len] == ';');
        s->command_count++;
        if (text[0])
            stage_command(s, text, name);
    }
    if (s->done[0])
        fail_msg("%s: at the end \"%s\" was done too", name, s->done);
}

#endif
