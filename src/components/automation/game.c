// game.c - the game against the clock, the pause that freezes the room, and the operator's log.

#include "components/automation/automation_state.h"
#include "components/automation/templates_use.h"

#include "core/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// ---- the operator's log -------------------------------------------------------------------------

const char *nh_origin__name(int origin)
{
    static const char *const names[NH_ORIGIN_COUNT] = {
        "boot", "button", "http", "mqtt", "wled", "radio", "automation", "voice", "cli", "sched"};
    return origin >= 0 && origin < NH_ORIGIN_COUNT ? names[origin] : "";
}

void nh_log__add(nh_automation_t *a, enum nh_origin origin, const char *action, const char *fmt,
                 ...)
{
    va_list args;
    if (a->is_dry)
        return;
    a->info.log_forgotten += a->log_seq >= a->limits.log_max_count;
    struct nh_log_entry *e = &a->log[a->log_seq % a->limits.log_max_count];
    *e = (struct nh_log_entry){
        .unix_ms = nh_automation__unix_ms(a), .seq = ++a->log_seq, .origin = (uint8_t)origin};
    snprintf(e->action, sizeof e->action, "%s", action);
    if (origin == NH_ORIGIN_HTTP)
        snprintf(e->user, sizeof e->user, "%s", a->user);
    va_start(args, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, args);
    va_end(args);
    nh_automation__changed(a, NH_AUTOMATION_GAME);
}

void nh_automation_user_set(nh_automation_t *a, const char *user)
{
    size_t len = user ? nh_utf8_valid_len(user, strnlen(user, sizeof a->user - 1), false) : 0;
    memcpy(a->user, user ? user : "", len);
    a->user[len] = '\0';
}

const struct nh_log_entry *nh_log__at(const nh_automation_t *a, uint64_t seq)
{
    if (seq == 0 || seq > a->log_seq || a->log_seq - seq >= a->limits.log_max_count)
        return NULL;
    return &a->log[(seq - 1) % a->limits.log_max_count];
}

// ---- the clock ----------------------------------------------------------------------------------

static nh_rec_t game_of(const nh_automation_t *a)
{
    nh_rec_t none = {NULL, NULL};
    return a->plan.set ? nh_rec_object(nh_device_set_root(a->plan.set), NH_FIELD_GAME) : none;
}

static uint64_t elapsed_ms(const nh_automation_t *a)
{
    switch (a->game.state) {
    case NH_GAME_RUNNING:
        return nh_automation__room_ms(a) - a->game.started_ms;
    case NH_GAME_ENDED:
        return a->game.ended_ms - a->game.started_ms;
    default:
        return 0;
    }
}

// How long the game is, with what was added; 0: it has no end.
static uint64_t length_ms(const nh_automation_t *a)
{
    int64_t ms = nh_rec_int(game_of(a), NH_FIELD_DURATION_MS, 0);
    if (ms == 0)
        return 0;
    ms += a->game.added_ms;
    return ms > 0 ? (uint64_t)ms : 1;
}

void nh_automation_game_info(const nh_automation_t *a, struct nh_game_info *out)
{
    uint64_t length = length_ms(a);
    nh_rec_t game = game_of(a);
    *out = (struct nh_game_info){
        .state = (enum nh_game_state)a->game.state,
        .is_paused = a->game.is_paused,
        .is_timed = length > 0,
        .duration_ms = (uint32_t)nh_rec_int(game, NH_FIELD_DURATION_MS, 0),
        .added_ms = a->game.added_ms,
        .elapsed_ms = elapsed_ms(a),
        .hint_count = nh_rec_count(game, NH_FIELD_HINTS),
        .hints_sent = a->game.hints_sent,
    };
    out->left_ms = length > out->elapsed_ms ? length - out->elapsed_ms : 0;
    memcpy(out->team, a->game.team, sizeof out->team);
}

static void arm(nh_automation_t *a)
{
    uint64_t length = length_ms(a);
    if (a->game.state != NH_GAME_RUNNING || length == 0)
        nh_wake__cancel(&a->room, &a->game.timer);
    else
        nh_wake__arm(&a->room, &a->game.timer, nh_ms_after(a->game.started_ms, length));
}

void nh_game__plan_changed(nh_automation_t *a)
{
    arm(a);
}

static void run_reference(nh_automation_t *a, enum nh_field f)
{
    nh_rec_t r = nh_rec_object(game_of(a), f);
    if (!r.at)
        return;
    const struct nh_start s = {
        .scenario = nh_scenario__find(a, nh_rec_text(r, NH_FIELD_DEVICE),
                                      nh_rec_text(r, NH_FIELD_SCENARIO)),
        .origin = NH_ORIGIN_AUTOMATION,
        .is_operator = true,
    };
    int id = s.scenario ? nh_run__start(a, &s) : NH_ERR_NOT_FOUND;
    if (id < 0)
        nh_log__add(a, NH_ORIGIN_AUTOMATION, nh_field_name(f), "did not start: %s",
                    nh_err_text(id));
}

static void resume(nh_automation_t *a)
{
    if (!a->game.is_paused)
        return;
    a->frozen_ms += a->now_ms - a->paused_ms;
    a->game.is_paused = false;
    nh_list_splice(&a->ready, &a->held);
}

static void end(nh_automation_t *a)
{
    a->game.ended_ms = nh_automation__room_ms(a);
    a->game.state = NH_GAME_ENDED;
    arm(a);
}

void nh_game__time(nh_automation_t *a)
{
    end(a);
    nh_log__add(a, NH_ORIGIN_SCHED, "game_end", "time is up");
    run_reference(a, NH_FIELD_ON_END);
}

static void stop_all(nh_automation_t *a, const char *why)
{
    nh_scenario__walk_begin(a);
    NH_NAMES_EACH(&a->scenarios, e)
    (void)nh_run__stop_all(a, (struct nh_scenario *)e, why);
    nh_scenario__walk_end(a);
}

static int start(nh_automation_t *a)
{
    if (a->game.state == NH_GAME_RUNNING)
        return NH_ERR_CONFLICT;
    resume(a);
    a->game.state = NH_GAME_RUNNING;
    a->game.started_ms = nh_automation__room_ms(a);
    a->game.added_ms = 0;
    a->game.hints_sent = 0;
    arm(a);
    run_reference(a, NH_FIELD_ON_START);
    return NH_OK;
}

static int stop(nh_automation_t *a, enum nh_clock_action action)
{
    if (action == NH_CLOCK_STOP && a->game.state != NH_GAME_RUNNING)
        return NH_ERR_CONFLICT;
    resume(a);
    end(a);
    a->after_stop |= NH_AFTER_SAFE_OFF | (action == NH_CLOCK_RESET ? NH_AFTER_RESET : 0);
    stop_all(a, action == NH_CLOCK_RESET ? "reset" : "the game was stopped");
    return NH_OK;
}

static int add(nh_automation_t *a, int64_t ms)
{
    if (a->game.state != NH_GAME_RUNNING)
        return NH_ERR_CONFLICT;
    if (ms < -NH_GAME_ADD_MAX_MS || ms > NH_GAME_ADD_MAX_MS ||
        a->game.added_ms + ms < -NH_GAME_ADD_MAX_MS || a->game.added_ms + ms > NH_GAME_ADD_MAX_MS)
        return NH_ERR_RANGE;
    a->game.added_ms += ms;
    arm(a);
    return NH_OK;
}

static int act(nh_automation_t *a, enum nh_clock_action action, int64_t add_ms)
{
    switch (action) {
    case NH_CLOCK_START:
        return start(a);
    case NH_CLOCK_PAUSE:
        if (!a->game.is_paused)
            a->paused_ms = a->now_ms;
        a->game.is_paused = true;
        return NH_OK;
    case NH_CLOCK_RESUME:
        resume(a);
        return NH_OK;
    case NH_CLOCK_ADD:
        return add(a, add_ms);
    default:
        return stop(a, action);
    }
}

int nh_game__do(nh_automation_t *a, enum nh_clock_action action, int64_t add_ms,
                enum nh_origin origin)
{
    static const char *const names[] = {"start", "pause", "resume", "stop", "reset", "add"};
    int err = act(a, action, add_ms);
    if (err < 0)
        return nh_automation__fail(a, err, "the game cannot \"%s\" now", names[action]);
    if (action == NH_CLOCK_ADD)
        nh_log__add(a, origin, "add", "%+lld ms", (long long)add_ms);
    else
        nh_log__add(a, origin, names[action], "%s", a->game.team);
    nh_automation__changed(a, NH_AUTOMATION_GAME);
    nh_automation__changed(a, NH_AUTOMATION_INSTANCES);
    return NH_OK;
}

// Everything has stopped and is off: the room as it was at the start.
void nh_game__reset_now(nh_automation_t *a)
{
    a->game.state = NH_GAME_IDLE;
    a->game.added_ms = 0;
    a->game.hints_sent = 0;
    a->game.team[0] = '\0'; // the next ones are others
    nh_state__reset(a);
    if (!a->is_dry)
        nh_templates__reset(a);
    run_reference(a, NH_FIELD_ON_RESET);
    nh_automation__changed(a, NH_AUTOMATION_GAME);
}

// ---- for the operator ---------------------------------------------------------------------------

int nh_automation_game(nh_automation_t *a, enum nh_clock_action action, int64_t add_ms,
                       enum nh_origin origin, uint64_t now_ms)
{
    if (!nh_automation__enter(a, now_ms))
        return NH_ERR_BUSY;
    int err = nh_game__do(a, action, add_ms, origin);
    nh_automation__leave(a);
    return err;
}

int nh_automation_game_start(nh_automation_t *a, nh_span_t team, enum nh_origin origin,
                             uint64_t now_ms)
{
    char before[NH_TEAM_MAX_BYTES];
    if (team.len >= NH_TEAM_MAX_BYTES)
        return NH_ERR_TOO_LONG;
    if (!nh_automation__enter(a, now_ms))
        return NH_ERR_BUSY;
    memcpy(before, a->game.team, sizeof before);
    memcpy(a->game.team, team.ptr ? (const char *)team.ptr : "", team.len);
    a->game.team[team.len] = '\0'; // in place before the scenario of the start runs
    int err = nh_game__do(a, NH_CLOCK_START, 0, origin);
    if (err < 0)
        memcpy(a->game.team, before, sizeof before);
    nh_automation__leave(a);
    return err;
}

static int send_hint(nh_automation_t *a, int index, nh_span_t text, enum nh_origin origin)
{
    nh_rec_t game = game_of(a);
    nh_rec_t hint = nh_rec_element(game, NH_FIELD_HINTS, index < 0 ? 0 : (uint32_t)index);
    nh_span_t topic = nh_rec_text(hint, NH_FIELD_TOPIC);
    nh_span_t track = index < 0 ? (nh_span_t){NULL, 0} : nh_rec_text(hint, NH_FIELD_TRACK);
    if (index >= 0 && !hint.at)
        return NH_ERR_NOT_FOUND;
    if (index >= 0)
        text = nh_rec_text(hint, NH_FIELD_TEXT);
    int err = topic.len ? nh_step__publish(a, topic, text, 0, false) : NH_OK;
    if (err >= 0 && track.len) {
        const struct nh_automation_play p = {.track = track, .volume = -1};
        err = a->out.play ? a->out.play(a->out.ctx, &p) : NH_ERR_UNSUPPORTED;
    }
    if (err < 0)
        return err;
    a->game.hints_sent++;
    nh_log__add(a, origin, "hint", "%.*s", NH_TEXT(text));
    return NH_OK;
}

// A text of the operator's own goes where the first hint goes.
int nh_automation_hint(nh_automation_t *a, int index, nh_span_t text, enum nh_origin origin,
                       uint64_t now_ms)
{
    if (!nh_automation__enter(a, now_ms))
        return NH_ERR_BUSY;
    int err = send_hint(a, index, text, origin);
    nh_automation__leave(a);
    return err;
}
