#include "sim_room.h"

#include "components/automation/value.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEAT_MS 250
#define MOVE_MS 1500
#define CHARACTER_MS 60 // of what the robot says
#define SAY_MIN_MS 500
#define HOLD_MAX_MS 3600000

const char *const nh_sim_prop_names[NH_SIM_PROP_COUNT] = {"reader1", "reader2", "beam",
                                                          "door",    "robot",   "desk"};
static const char *const right_cards[] = {"04A1B2C3", "04D4E5F6"};
static const char wrong_card[] = "04BADBAD";

const char nh_sim_room_help[] =
    "touch reader1|reader2 [CARD]  a card; without one the right card\n"
    "hold beam [3s]                for that long; without it until release\n"
    "release beam\n"
    "push door                     opens or closes it by hand\n"
    "fail door                     its next command fails\n"
    "press desk reset|start        the operator's buttons: the room as before, a new game\n"
    "off PROP, on PROP             without power, and back\n"
    "auto                          plays a round\n"
    "state\n"
    "keys: 1 2 right cards, 3 4 wrong cards, b beam, d door, f fail door, r reset, n new game,\n"
    "      a auto, s state, h help, : a line, q quit\n";

NH_PRINTF(2, 3)
static void tell(struct nh_sim_room *r, const char *fmt, ...)
{
    char line[NH_SIM_TEXT_MAX_BYTES + 64];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    r->out.tell(r->out.ctx, line);
}

static void publish(struct nh_sim_room *r, enum nh_sim_prop prop, const char *what,
                    const char *payload, bool retain)
{
    char topic[64];
    if (r->is_off[prop])
        return;
    snprintf(topic, sizeof topic, "room/%s/%s", nh_sim_prop_names[prop], what);
    r->out.publish(r->out.ctx, prop, topic, nh_span_of(payload), retain);
}

void nh_sim_room_init(struct nh_sim_room *r, const struct nh_sim_room_out *out)
{
    *r = (struct nh_sim_room){.out = *out};
}

// ---- answers ------------------------------------------------------------------------------------

static void answer(struct nh_sim_room *r, enum nh_sim_prop prop, const struct nh_sim_id *id,
                   const char *word)
{
    char text[NH_SIM_ID_MAX_BYTES + 16];
    if (!id->text[0])
        return;
    snprintf(text, sizeof text, "%s %s", id->text, word);
    publish(r, prop, "result", text, false);
}

static void finish(struct nh_sim_room *r, enum nh_sim_prop prop, const struct nh_sim_id *id,
                   bool has_failed)
{
    uint32_t at = r->done_next[prop];
    answer(r, prop, id, has_failed ? "failed" : "done");
    if (!id->text[0])
        return;
    r->done[prop][at] = *id;
    r->has_failed[prop][at] = has_failed;
    r->done_next[prop] = (at + 1) % NH_SIM_ID_MAX_COUNT;
}

// Whether a command came before; then it is answered again, or will be.
static bool is_known(struct nh_sim_room *r, enum nh_sim_prop prop, const struct nh_sim_id *id)
{
    if (!id->text[0])
        return false;
    for (uint32_t i = 0; i < NH_SIM_ID_MAX_COUNT; i++) {
        if (strcmp(r->done[prop][i].text, id->text) != 0)
            continue;
        answer(r, prop, id, r->has_failed[prop][i] ? "failed" : "done");
        return true;
    }
    if (prop == NH_SIM_DOOR)
        return r->moved_ms && strcmp(r->door_id.text, id->text) == 0;
    for (uint32_t i = 0; i < r->say_count; i++)
        if (strcmp(r->say[i].id.text, id->text) == 0)
            return true;
    return false;
}

// ---- the door -----------------------------------------------------------------------------------

static void door_state(struct nh_sim_room *r)
{
    const char *word = r->moved_ms ? "moving" : r->is_open ? "open" : "closed";
    publish(r, NH_SIM_DOOR, "state", word, true);
    if (!r->is_off[NH_SIM_DOOR])
        tell(r, "door: %s", word);
}

static void door_move(struct nh_sim_room *r, const struct nh_sim_id *id, bool opens, int64_t now_ms)
{
    struct nh_sim_id before = r->door_id;
    bool was_moving = r->moved_ms != 0;
    r->door_id = *id;
    r->opens = opens;
    r->moved_ms = now_ms + MOVE_MS;
    if (was_moving)
        finish(r, NH_SIM_DOOR, &before, true);
    answer(r, NH_SIM_DOOR, id, "accepted");
    door_state(r);
}

static void door_arrive(struct nh_sim_room *r)
{
    struct nh_sim_id id = r->door_id;
    bool has_failed = r->fails;
    r->moved_ms = 0;
    r->fails = false;
    r->is_open = has_failed ? r->is_open : r->opens;
    door_state(r);
    finish(r, NH_SIM_DOOR, &id, has_failed);
}

// ---- the robot ----------------------------------------------------------------------------------

static void robot_begin(struct nh_sim_room *r, int64_t now_ms)
{
    size_t len = strlen(r->say[0].text);
    int64_t ms = (int64_t)len * CHARACTER_MS;
    r->said_ms = now_ms + (ms > SAY_MIN_MS ? ms : SAY_MIN_MS);
    publish(r, NH_SIM_ROBOT, "state", "speaking", true);
    publish(r, NH_SIM_ROBOT, "said", r->say[0].text, false);
    tell(r, "robot: %s", r->say[0].text);
}

static void robot_say(struct nh_sim_room *r, const struct nh_sim_id *id, nh_span_t text,
                      int64_t now_ms)
{
    if (r->say_count == NH_SIM_SAY_MAX_COUNT) {
        finish(r, NH_SIM_ROBOT, id, true);
        return;
    }
    uint32_t at = r->say_count++;
    r->say[at].id = *id;
    snprintf(r->say[at].text, sizeof r->say[at].text, "%.*s", (int)text.len,
             (const char *)text.ptr);
    answer(r, NH_SIM_ROBOT, id, "accepted");
    if (at == 0)
        robot_begin(r, now_ms);
}

static void robot_end(struct nh_sim_room *r, int64_t now_ms)
{
    struct nh_sim_id id = r->say[0].id;
    r->say_count--;
    memmove(&r->say[0], &r->say[1], r->say_count * sizeof r->say[0]);
    if (r->say_count == 0)
        publish(r, NH_SIM_ROBOT, "state", "silent", true);
    finish(r, NH_SIM_ROBOT, &id, false);
    if (r->say_count > 0)
        robot_begin(r, now_ms);
}

// ---- commands -----------------------------------------------------------------------------------

static bool is_text(nh_span_t t, const char *word)
{
    return t.len == strlen(word) && memcmp(t.ptr, word, t.len) == 0;
}

// A member of the command; false: it has none, or one that is too long.
static bool member(nh_span_t json, const char *pointer, char *buf, size_t cap, nh_span_t *out)
{
    struct nh_value v;
    char number[NH_VALUE_TEXT_MAX_BYTES];
    if (nh_value_from_json(json, nh_span_of(pointer), buf, cap, &v) < 0)
        return false;
    *out = nh_value_text(&v, number);
    if (v.kind == NH_VALUE_NUMBER) { // an id may be one
        memcpy(buf, number, out->len);
        out->ptr = (const uint8_t *)buf;
    }
    return out->len < cap;
}

void nh_sim_room_command(struct nh_sim_room *r, enum nh_sim_prop prop, nh_span_t payload,
                         int64_t now_ms)
{
    char buf[3][NH_SIM_TEXT_MAX_BYTES];
    struct nh_sim_id id = {""};
    nh_span_t what, text;
    if (r->is_off[prop])
        return;
    if (member(payload, "/id", buf[0], sizeof id.text, &text))
        snprintf(id.text, sizeof id.text, "%.*s", (int)text.len, (const char *)text.ptr);
    if (is_known(r, prop, &id))
        return;
    if (!member(payload, "/do", buf[1], sizeof buf[1], &what))
        what = nh_span_of("");
    if (prop == NH_SIM_DOOR && (is_text(what, "open") || is_text(what, "close")))
        door_move(r, &id, is_text(what, "open"), now_ms);
    else if (prop == NH_SIM_ROBOT && is_text(what, "say") &&
             member(payload, "/text", buf[2], sizeof buf[2], &text))
        robot_say(r, &id, text, now_ms);
    else
        finish(r, prop, &id, true);
}

// ---- what people do -----------------------------------------------------------------------------

static bool touch(struct nh_sim_room *r, enum nh_sim_prop prop, const char *card, int64_t now_ms)
{
    (void)now_ms;
    if (prop != NH_SIM_READER1 && prop != NH_SIM_READER2)
        return false;
    if (!*card)
        card = right_cards[prop - NH_SIM_READER1];
    tell(r, "%s: card %s%s", nh_sim_prop_names[prop], card,
         r->is_off[prop] ? ", but no power" : "");
    publish(r, prop, "card", card, false);
    return true;
}

// "3s", "500ms", "3"; empty: for ever. Negative: it is none.
static int64_t duration_ms(const char *text)
{
    char *unit;
    if (!*text)
        return HOLD_MAX_MS;
    double n = strtod(text, &unit);
    double ms = strcmp(unit, "ms") == 0 ? n : n * 1000;
    bool is_one = unit != text && (!*unit || !strcmp(unit, "s") || !strcmp(unit, "ms"));
    return is_one && ms > 0 && ms <= HOLD_MAX_MS ? (int64_t)ms : -1;
}

static bool hold(struct nh_sim_room *r, enum nh_sim_prop prop, const char *time, int64_t now_ms)
{
    int64_t ms = duration_ms(time);
    if (prop != NH_SIM_BEAM || ms < 0)
        return false;
    if (!r->held_until_ms)
        r->beat_ms = now_ms;
    r->held_until_ms = now_ms + ms;
    tell(r, "beam: held%s%s", *time ? " for " : "", time);
    return true;
}

static bool release(struct nh_sim_room *r, enum nh_sim_prop prop, const char *rest, int64_t now_ms)
{
    (void)rest;
    (void)now_ms;
    if (prop != NH_SIM_BEAM)
        return false;
    r->held_until_ms = 0;
    tell(r, "beam: released");
    return true;
}

static bool push(struct nh_sim_room *r, enum nh_sim_prop prop, const char *rest, int64_t now_ms)
{
    (void)rest;
    (void)now_ms;
    if (prop != NH_SIM_DOOR)
        return false;
    r->is_open = !r->is_open;
    door_state(r);
    return true;
}

static bool press(struct nh_sim_room *r, enum nh_sim_prop prop, const char *button, int64_t now_ms)
{
    (void)now_ms;
    if (prop != NH_SIM_DESK || (strcmp(button, "reset") != 0 && strcmp(button, "start") != 0))
        return false;
    tell(r, "desk: %s", button);
    publish(r, prop, "button", button, false);
    return true;
}

static bool fail_next(struct nh_sim_room *r, enum nh_sim_prop prop, const char *rest,
                      int64_t now_ms)
{
    (void)rest;
    (void)now_ms;
    if (prop != NH_SIM_DOOR)
        return false;
    r->fails = true;
    tell(r, "door: will jam");
    return true;
}

static void set_power(struct nh_sim_room *r, enum nh_sim_prop prop, bool is_on)
{
    if (r->is_off[prop] != is_on)
        return;
    r->is_off[prop] = !is_on;
    tell(r, "%s: power %s", nh_sim_prop_names[prop], is_on ? "on" : "off");
    r->out.power(r->out.ctx, prop, is_on);
}

static bool power_off(struct nh_sim_room *r, enum nh_sim_prop prop, const char *rest,
                      int64_t now_ms)
{
    (void)rest;
    (void)now_ms;
    set_power(r, prop, false);
    return true;
}

static bool power_on(struct nh_sim_room *r, enum nh_sim_prop prop, const char *rest, int64_t now_ms)
{
    (void)rest;
    (void)now_ms;
    set_power(r, prop, true);
    return true;
}

static const struct {
    const char *word;
    bool (*act)(struct nh_sim_room *r, enum nh_sim_prop prop, const char *rest, int64_t now_ms);
} verbs[] = {{"touch", touch},    {"hold", hold},     {"release", release}, {"push", push},
             {"fail", fail_next}, {"off", power_off}, {"on", power_on},     {"press", press}};

static void tell_state(struct nh_sim_room *r)
{
    tell(r, "beam: %s; door: %s; robot: %s", r->held_until_ms ? "held" : "free",
         r->moved_ms  ? "moving"
         : r->is_open ? "open"
                      : "closed",
         r->say_count ? r->say[0].text : "silent");
}

static bool do_verb(struct nh_sim_room *r, const char *verb, const char *name, const char *rest,
                    int64_t now_ms)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(verbs); i++) {
        if (strcmp(verb, verbs[i].word) != 0)
            continue;
        for (int p = 0; p < NH_SIM_PROP_COUNT; p++)
            if (strcmp(name, nh_sim_prop_names[p]) == 0)
                return verbs[i].act(r, (enum nh_sim_prop)p, rest, now_ms);
    }
    return false;
}

bool nh_sim_room_line(struct nh_sim_room *r, const char *line, int64_t now_ms)
{
    char verb[16] = "", name[16] = "", rest[NH_SIM_ID_MAX_BYTES] = "";
    int count = sscanf(line, "%15s %15s %63s", verb, name, rest);
    if (count < 1)
        return true;
    if (strcmp(verb, "help") == 0)
        r->out.tell(r->out.ctx, nh_sim_room_help);
    else if (strcmp(verb, "state") == 0)
        tell_state(r);
    else if (strcmp(verb, "auto") == 0)
        nh_sim_room_auto(r, false, now_ms);
    else if (!do_verb(r, verb, name, rest, now_ms)) {
        tell(r, "\"%.60s\" is nothing to do here; help lists what is", line);
        return false;
    }
    return true;
}

const char *nh_sim_room_key(const struct nh_sim_room *r, char key)
{
    static char line[40];
    switch (key) {
    case '1':
        return "touch reader1";
    case '2':
        return "touch reader2";
    case '3':
    case '4':
        snprintf(line, sizeof line, "touch reader%c %s", key - 2, wrong_card);
        return line;
    case 'b':
        return r->held_until_ms ? "release beam" : "hold beam";
    case 'd':
        return "push door";
    case 'f':
        return "fail door";
    case 'r':
        return "press desk reset";
    case 'n':
        return "press desk start";
    case 'a':
        return "auto";
    case 's':
        return "state";
    case 'h':
    case '?':
        return "help";
    default:
        return NULL;
    }
}

void nh_sim_room_control(struct nh_sim_room *r, const char *topic, nh_span_t payload,
                         int64_t now_ms)
{
    char line[128], name[16] = "", verb[16] = "", end;
    int len = (int)(payload.len < 80 ? payload.len : 80);
    if (strcmp(topic, "line") == 0)
        snprintf(line, sizeof line, "%.*s", len, (const char *)payload.ptr);
    else if (sscanf(topic, "%15[^/]/%15[^/]%c", name, verb, &end) == 2)
        snprintf(line, sizeof line, "%s %s %.*s", verb, name, len, (const char *)payload.ptr);
    else
        snprintf(line, sizeof line, "%.80s", topic);
    nh_sim_room_line(r, line, now_ms);
}

// ---- a round that plays itself ------------------------------------------------------------------

static const struct {
    uint32_t after_ms;
    const char *line;
} round_steps[] = {
    // What is solved stays so until the room is reset.
    {3000, "press desk reset"}, {3000, "press desk start"},
    {6000, "touch reader1"},    {2500, "touch reader2 04BADBAD"},
    {4500, "touch reader1"},    {2000, "touch reader2"},
    {6000, "hold beam 2s"},     {5000, "hold beam 6s"},
    {30000, "release beam"}, // a pause, until the next round
};

void nh_sim_room_auto(struct nh_sim_room *r, bool is_endless, int64_t now_ms)
{
    r->auto_next = 0;
    r->auto_ms = now_ms + round_steps[0].after_ms;
    r->is_endless = is_endless || r->is_endless;
}

static void auto_step(struct nh_sim_room *r, int64_t now_ms)
{
    nh_sim_room_line(r, round_steps[r->auto_next].line, now_ms);
    if (++r->auto_next < NH_ARRAY_LEN(round_steps))
        r->auto_ms = now_ms + round_steps[r->auto_next].after_ms;
    else if (r->is_endless)
        nh_sim_room_auto(r, true, now_ms);
    else
        r->auto_ms = 0;
}

// ---- time, connections --------------------------------------------------------------------------

void nh_sim_room_connected(struct nh_sim_room *r, enum nh_sim_prop prop)
{
    if (prop == NH_SIM_DOOR)
        door_state(r);
    if (prop == NH_SIM_ROBOT)
        publish(r, prop, "state", r->say_count ? "speaking" : "silent", true);
}

static void beam_tick(struct nh_sim_room *r, int64_t now_ms)
{
    if (!r->held_until_ms)
        return;
    if (now_ms >= r->held_until_ms) {
        release(r, NH_SIM_BEAM, "", now_ms);
    } else if (now_ms >= r->beat_ms) {
        publish(r, NH_SIM_BEAM, "held", "1", false);
        r->beat_ms = now_ms + BEAT_MS;
    }
}

void nh_sim_room_tick(struct nh_sim_room *r, int64_t now_ms)
{
    beam_tick(r, now_ms);
    if (r->moved_ms && now_ms >= r->moved_ms)
        door_arrive(r);
    if (r->say_count && now_ms >= r->said_ms)
        robot_end(r, now_ms);
    if (r->auto_ms && now_ms >= r->auto_ms)
        auto_step(r, now_ms);
}

int64_t nh_sim_room_next_deadline(const struct nh_sim_room *r)
{
    int64_t next = INT64_MAX;
    const int64_t due[] = {r->held_until_ms, r->held_until_ms ? r->beat_ms : 0, r->moved_ms,
                           r->say_count ? r->said_ms : 0, r->auto_ms};
    for (size_t i = 0; i < NH_ARRAY_LEN(due); i++)
        if (due[i] && due[i] < next)
            next = due[i];
    return next;
}
