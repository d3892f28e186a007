#include "components/devices/schema.h"

#include <stddef.h>

static const char *const field_names[] = {[NH_FIELD_NONE] = "",
#define FIELD_NAME(id, name, kind) [NH_FIELD_##id] = name,
                                          NH_FIELD_LIST(FIELD_NAME)
#undef FIELD_NAME
};

static const uint8_t field_kinds[] = {[NH_FIELD_NONE] = NH_KIND_BOOL,
#define FIELD_KIND(id, name, kind) [NH_FIELD_##id] = NH_KIND_##kind,
                                      NH_FIELD_LIST(FIELD_KIND)
#undef FIELD_KIND
};

const char *nh_field_name(enum nh_field f)
{
    return field_names[f];
}

enum nh_field_kind nh_field_kind(enum nh_field f)
{
    return (enum nh_field_kind)field_kinds[f];
}

const struct nh_field_row *nh_schema_row(const struct nh_field_object *o, enum nh_field f)
{
    for (const struct nh_field_row *r = o->rows; r->field; r++)
        if (r->field == f)
            return r;
    return NULL;
}

// ---- words --------------------------------------------------------------------------------------

static const char *const tab_words[] = {"audio", "pictures", "laser", "robot", "custom", NULL};
static const char *const step_words[] = {
    "nop",          "delay",         "mqtt_publish", "audio_play", "audio_stop",    "audio_pause",
    "audio_resume", "audio_seek",    "audio_volume", "set_flag",   "set",           "wait_flags",
    "wait_event",   "wait_operator", "loop",         "event",      "laser_trigger", "if",
    "choose",       "repeat",        "parallel",     "run",        "stop_scenario", "command",
    "stop",         "log",           "notify",       "clock",      "lamp",          NULL};
_Static_assert(NH_ARRAY_LEN(step_words) == NH_STEP_TYPE_COUNT + 1, "a word for each step type");
static const char *const trigger_words[] = {
    "topic",          "flag",           "variable", "interval", "time", "boot", "device_online",
    "device_offline", "audio_finished", "template", "button",   "http", NULL};
_Static_assert(NH_ARRAY_LEN(trigger_words) == NH_TRIGGER_TYPE_COUNT + 1, "one for each trigger");
static const char *const condition_words[] = {
    "flag", "variable", "expression", "device_online", "template_state", "time", "running", "and",
    "or",   "not",      NULL};
_Static_assert(NH_ARRAY_LEN(condition_words) == NH_CONDITION_TYPE_COUNT + 1, "one for each");
static const char *const template_words[] = {
    "uid_validator", "signal_hold",   "on_mqtt_event", "on_flag",
    "if_condition",  "interval_task", "sequence_lock", NULL};
_Static_assert(NH_ARRAY_LEN(template_words) == NH_TEMPLATE_TYPE_COUNT + 1, "one for each");
static const char *const mode_words[] = {"single", "restart", "queued", "parallel", NULL};
static const char *const all_any_words[] = {"all", "any", NULL};
static const char *const match_words[] = {"any",    "equal",      "not_equal", "contains",
                                          "less",   "less_equal", "greater",   "greater_equal",
                                          "exists", NULL};
static const char *const channel_words[] = {"effect", "background", "all", NULL};
static const char *const timeout_words[] = {"continue", "fail", "goto", NULL};
static const char *const event_words[] = {
    "card_ok",       "card_bad",    "relay_cmd",     "audio_play",
    "volume_set",    "web_command", "system_status", "device_config_changed",
    "laser_trigger", NULL};
static const char *const result_words[] = {"ok", "failed", NULL};
static const char *const level_words[] = {"info", "warning", "error", NULL};
static const char *const action_words[] = {"start", "pause", "resume", "stop",
                                           "reset", "add",   NULL};
static const char *const face_words[] = {"idle", "listen", "speak", NULL};
static const char *const blend_words[] = {"alpha", "add", "max", NULL};
static const char *const hold_words[] = {"cumulative", "continuous", NULL};

// ---- rows ---------------------------------------------------------------------------------------

#define MS_MAX 4294967295LL // 49 days
#define ANY UINT32_MAX
#define T(type) (1u << (type))

#define ROW(f, ...)                                                                                \
    {                                                                                              \
        .field = NH_FIELD_##f, __VA_ARGS__                                                         \
    }
#define BOOL(f, t, ...) ROW(f, .text = t, ##__VA_ARGS__)
#define INT(f, lo, hi, t, ...) ROW(f, .min = (lo), .max = (hi), .text = t, ##__VA_ARGS__)
#define ENUM(f, w, t, ...) ROW(f, .words = (w), .text = t, ##__VA_ARGS__)
#define TEXT(f, c, t, ...) ROW(f, .text_class = NH_TEXT_##c, .text = t, ##__VA_ARGS__)
#define OBJECT(f, o, t, ...) ROW(f, .object = &(o), .text = t, ##__VA_ARGS__)
#define LIST(f, o, n, t, ...) ROW(f, .object = &(o), .max = (n), .text = t, ##__VA_ARGS__)
#define USES(mask) .uses = (mask)
#define NEEDED .needs = ANY
#define NEEDED_BY(mask) .needs = (mask)
#define END                                                                                        \
    {                                                                                              \
        .field = NH_FIELD_NONE                                                                     \
    }
#define DEFINE(id, title, typed, ...)                                                              \
    static const struct nh_field_row id##_rows[] = {__VA_ARGS__, END};                             \
    static const struct nh_field_object id = {title, id##_rows, typed}

DEFINE(requirement_object, "requirement", false, TEXT(FLAG, FLAG, "Name of the flag", NEEDED),
       BOOL(STATE, "What it must be; standard true"));

DEFINE(wait_object, "wait", false,
       ENUM(MODE, all_any_words, "Whether all requirements must hold, or any; standard all"),
       INT(TIMEOUT_MS, 0, MS_MAX, "How long at most; 0: for ever"),
       LIST(REQUIREMENTS, requirement_object, 0, "Flags that are waited for", NEEDED),
       ENUM(ON_TIMEOUT, timeout_words, "What happens when time is up; standard continue"),
       INT(TARGET_STEP, 0, 9999, "With goto: the step, counted from 0"));

DEFINE(loop_object, "loop", false,
       INT(TARGET_STEP, 0, 9999, "The step to go back to, counted from 0", NEEDED),
       INT(MAX_ITERATIONS, 0, 1000000, "How often at most; 0: for ever"));

// Of the lamp, as POST /api/lamp has them.
DEFINE(overlay_object, "overlay", false, BOOL(ENABLED, "Whether the face is shown"),
       ENUM(MODE, face_words, "What it does"), ENUM(BLEND, blend_words, "How it is laid over"),
       INT(ANGLE_DEG, 0, 360, "Where it looks"));

DEFINE(match_object, "match", false, ENUM(OP, match_words, "How it is compared; standard equal"),
       ROW(VALUE, .text_class = NH_TEXT_PAYLOAD, .text = "What it is compared with"),
       TEXT(JSON, POINTER, "Where in a JSON payload it stands; empty: the whole payload"));

DEFINE(parameter_object, "parameter", false, TEXT(NAME, VARIABLE, "Name of the variable", NEEDED),
       ROW(VALUE, .text_class = NH_TEXT_PAYLOAD, .text = "Its value; {{ }} is put in", NEEDED));

#define C(type) T(NH_CONDITION_##type)
static const struct nh_field_object condition_object;
static const struct nh_field_row condition_rows[] = {
    ENUM(TYPE, condition_words, "What is looked at", NEEDED),
    TEXT(FLAG, FLAG, "Name of the flag", USES(C(FLAG)), NEEDED_BY(C(FLAG))),
    BOOL(STATE, "What the flag must be; standard true", USES(C(FLAG))),
    TEXT(VARIABLE, VARIABLE, "Name of the variable", USES(C(VARIABLE)), NEEDED_BY(C(VARIABLE))),
    ENUM(OP, match_words, "How it is compared; standard equal", USES(C(VARIABLE))),
    ROW(VALUE, .text_class = NH_TEXT_PAYLOAD, .text = "What it is compared with",
        .uses = C(VARIABLE)),
    TEXT(EXPRESSION, EXPRESSION, "True when this is", USES(C(EXPRESSION)),
         NEEDED_BY(C(EXPRESSION))),
    TEXT(DEVICE, ID, "The device", USES(C(DEVICE_ONLINE) | C(TEMPLATE_STATE) | C(RUNNING)),
         NEEDED_BY(C(DEVICE_ONLINE) | C(TEMPLATE_STATE))),
    TEXT(OUTCOME, NAME, "The state of its template: active, completed, ...",
         USES(C(TEMPLATE_STATE)), NEEDED_BY(C(TEMPLATE_STATE))),
    TEXT(AFTER, TIME, "Not before this time of day", USES(C(TIME))),
    TEXT(BEFORE, TIME, "Before this time of day", USES(C(TIME))),
    ROW(DAYS, .text_class = NH_TEXT_ID, .max = 7,
        .text = "mon, tue, wed, thu, fri, sat, sun; none: every day", .uses = C(TIME)),
    TEXT(SCENARIO, ID, "The scenario", USES(C(RUNNING)), NEEDED_BY(C(RUNNING))),
    LIST(CONDITIONS, condition_object, 0, "What is joined", USES(C(AND) | C(OR) | C(NOT)),
         NEEDED_BY(C(AND) | C(OR) | C(NOT)), .is_recursive = true),
    INT(FOR_MS, 0, MS_MAX, "It must have held for this long", USES(C(FLAG) | C(DEVICE_ONLINE))),
    END};
static const struct nh_field_object condition_object = {"condition", condition_rows, true};
#undef C

#define R(type) T(NH_TRIGGER_##type)
#define HOLDS (R(FLAG) | R(VARIABLE) | R(DEVICE_ONLINE) | R(DEVICE_OFFLINE) | R(TOPIC))
DEFINE(trigger_object, "trigger", true,
       ENUM(TYPE, trigger_words, "What starts the scenario", NEEDED),
       TEXT(ID, ID, "Its name within the scenario: {{ trigger.id }}"),
       BOOL(ENABLED, "Standard true"),
       INT(FOR_MS, 0, MS_MAX, "It must hold for this long first", USES(HOLDS)),
       INT(COOLDOWN_MS, 0, MS_MAX, "Not again before this has passed"),
       INT(MAX_COUNT, 0, 1000000, "How often at most; 0: any number"),
       TEXT(TOPIC, FILTER, "MQTT topic; + and # allowed", USES(R(TOPIC)), NEEDED_BY(R(TOPIC))),
       OBJECT(MATCH, match_object, "What the payload, or the variable, must be; standard any",
              USES(R(TOPIC) | R(VARIABLE))),
       TEXT(FLAG, FLAG, "Name of the flag", USES(R(FLAG)), NEEDED_BY(R(FLAG))),
       BOOL(STATE, "What it becomes; standard true", USES(R(FLAG))),
       TEXT(VARIABLE, VARIABLE, "Name of the variable", USES(R(VARIABLE)), NEEDED_BY(R(VARIABLE))),
       INT(INTERVAL_MS, 10, MS_MAX, "How often", USES(R(INTERVAL)), NEEDED_BY(R(INTERVAL))),
       BOOL(RUN_IMMEDIATELY, "Also at the start; standard false", USES(R(INTERVAL))),
       TEXT(AT, TIME, "Time of day, as 18:30 or 18:30:15", USES(R(TIME)), NEEDED_BY(R(TIME))),
       ROW(DAYS, .text_class = NH_TEXT_ID, .max = 7,
           .text = "mon, tue, wed, thu, fri, sat, sun; none: every day", .uses = R(TIME)),
       TEXT(DEVICE, ID, "The device", USES(R(DEVICE_ONLINE) | R(DEVICE_OFFLINE) | R(TEMPLATE)),
            NEEDED_BY(R(DEVICE_ONLINE) | R(DEVICE_OFFLINE) | R(TEMPLATE))),
       TEXT(OUTCOME, NAME, "What the template comes to: success, fail, completed, ...",
            USES(R(TEMPLATE))),
       TEXT(TRACK, TRACK, "The track; empty: any", USES(R(AUDIO_FINISHED))),
       TEXT(REASON, ID, "ended, stopped or error; empty: ended", USES(R(AUDIO_FINISHED))),
       TEXT(NAME, ID, "Name of the button or call: POST /api/automation/call",
            USES(R(BUTTON) | R(HTTP)), NEEDED_BY(R(BUTTON) | R(HTTP))));
#undef R
#undef HOLDS

static const struct nh_field_object branch_object;

#define S(type) T(NH_STEP_##type)
#define CONTEXT_WAITS (S(WAIT_EVENT) | S(WAIT_OPERATOR) | S(COMMAND))
static const struct nh_field_row step_rows[] = {
    ENUM(TYPE, step_words, "What the step does", NEEDED),
    INT(DELAY_MS, 0, MS_MAX, "Waits this long first"),
    INT(DELAY_MAX_MS, 0, MS_MAX, "Waits a random time from delay_ms to this", USES(S(DELAY))),
    BOOL(ENABLED, "Standard true; a disabled step is passed over"),
    TEXT(NAME, NAME, "For people"),
    BOOL(CONTINUE_ON_ERROR, "A failure of this step does not end the scenario; standard false"),
    TEXT(TOPIC, FILTER, "MQTT topic; to wait for also with + and #",
         USES(S(PUBLISH) | S(EVENT) | S(WAIT_EVENT)), NEEDED_BY(S(PUBLISH))),
    TEXT(PAYLOAD, PAYLOAD, "The message", USES(S(PUBLISH) | S(EVENT))),
    INT(QOS, 0, 2, "Quality of service; standard 0", USES(S(PUBLISH))),
    BOOL(RETAIN, "Kept by the broker; standard false", USES(S(PUBLISH))),
    TEXT(TRACK, TRACK, "File on the card", USES(S(AUDIO_PLAY)), NEEDED_BY(S(AUDIO_PLAY))),
    BOOL(BLOCKING, "Goes on when the track has ended; standard false", USES(S(AUDIO_PLAY))),
    ENUM(CHANNEL, channel_words, "effect, background or all; standard effect, to stop: all",
         USES(S(AUDIO_PLAY) | S(AUDIO_STOP) | S(AUDIO_PAUSE) | S(AUDIO_RESUME) | S(AUDIO_SEEK))),
    INT(VOLUME, 0, 100, "Loudness", USES(S(AUDIO_PLAY) | S(AUDIO_VOLUME)),
        NEEDED_BY(S(AUDIO_VOLUME))),
    BOOL(REPEAT_TRACK, "Again and again; standard false", USES(S(AUDIO_PLAY))),
    INT(FADE_MS, 0, 600000, "Fades this long",
        USES(S(AUDIO_PLAY) | S(AUDIO_STOP) | S(AUDIO_VOLUME))),
    INT(POSITION_MS, 0, MS_MAX, "From here", USES(S(AUDIO_PLAY) | S(AUDIO_SEEK)),
        NEEDED_BY(S(AUDIO_SEEK))),
    TEXT(FLAG, FLAG, "Name of the flag", USES(S(SET_FLAG)), NEEDED_BY(S(SET_FLAG))),
    ROW(VALUE, .text_class = NH_TEXT_PAYLOAD, .text = "The value; of a flag true or false",
        .uses = S(SET_FLAG) | S(SET)),
    TEXT(VARIABLE, VARIABLE, "Name of the variable", USES(S(SET)), NEEDED_BY(S(SET))),
    TEXT(EXPRESSION, EXPRESSION, "Instead of a value: what it comes to", USES(S(SET))),
    OBJECT(WAIT, wait_object, "What is waited for", USES(S(WAIT_FLAGS)), NEEDED_BY(S(WAIT_FLAGS))),
    OBJECT(LOOP, loop_object, "Where it goes on", USES(S(LOOP)), NEEDED_BY(S(LOOP))),
    ENUM(EVENT, event_words, "The event", USES(S(EVENT)), NEEDED_BY(S(EVENT))),
    OBJECT(MATCH, match_object, "What the payload must be; standard any", USES(S(WAIT_EVENT))),
    INT(TIMEOUT_MS, 0, MS_MAX, "How long at most; 0: for ever", USES(CONTEXT_WAITS)),
    ENUM(ON_TIMEOUT, timeout_words, "When time is up; standard continue, of a command fail",
         USES(CONTEXT_WAITS)),
    INT(TARGET_STEP, 0, 9999, "With goto: the step, counted from 0", USES(CONTEXT_WAITS)),
    TEXT(TEXT, PAYLOAD, "The text; {{ }} is put in",
         USES(S(WAIT_OPERATOR) | S(LOG) | S(NOTIFY) | S(LAMP)),
         NEEDED_BY(S(WAIT_OPERATOR) | S(LOG) | S(NOTIFY))),
    LIST(CONDITIONS, condition_object, 0, "All of them must hold", USES(S(IF)), NEEDED_BY(S(IF)),
         .is_recursive = true),
    LIST(THEN, nh_schema_step, 0, "What is done if they hold", USES(S(IF)), .is_recursive = true),
    LIST(ELSE, nh_schema_step, 0, "What is done if not", USES(S(IF)), .is_recursive = true),
    LIST(BRANCHES, branch_object, 0, "The first whose conditions hold, or all at once",
         USES(S(CHOOSE) | S(PARALLEL)), NEEDED_BY(S(CHOOSE) | S(PARALLEL))),
    LIST(DEFAULT, nh_schema_step, 0, "What is done if no branch fits", USES(S(CHOOSE)),
         .is_recursive = true),
    INT(COUNT, 0, 1000000, "How often", USES(S(REPEAT))),
    LIST(WHILE, condition_object, 0, "As long as they hold, asked before", USES(S(REPEAT)),
         .is_recursive = true),
    LIST(UNTIL, condition_object, 0, "Until they hold, asked after", USES(S(REPEAT)),
         .is_recursive = true),
    ROW(EACH, .text_class = NH_TEXT_PAYLOAD, .text = "Once for each of these texts",
        .uses = S(REPEAT)),
    TEXT(AS, VARIABLE, "The variable that has the text at hand; standard item", USES(S(REPEAT))),
    LIST(STEPS, nh_schema_step, 0, "What is repeated", USES(S(REPEAT)), NEEDED_BY(S(REPEAT)),
         .is_recursive = true),
    TEXT(DEVICE, ID, "The device; empty: this one", USES(S(RUN) | S(STOP_SCENARIO) | S(COMMAND))),
    TEXT(SCENARIO, ID, "The scenario", USES(S(RUN) | S(STOP_SCENARIO)),
         NEEDED_BY(S(RUN) | S(STOP_SCENARIO))),
    LIST(PARAMETERS, parameter_object, 16, "Variables that it gets", USES(S(RUN) | S(COMMAND))),
    BOOL(AWAIT, "Goes on when it has ended; standard: a scenario no, a command yes",
         USES(S(RUN) | S(COMMAND))),
    TEXT(COMMAND, ID, "The command of the device; of the lamp: next, previous, toggle, ...",
         USES(S(COMMAND) | S(LAMP)), NEEDED_BY(S(COMMAND))),
    ENUM(RESULT, result_words, "How the scenario ends; standard ok", USES(S(STOP))),
    TEXT(REASON, NAME, "Why", USES(S(STOP))),
    ENUM(LEVEL, level_words, "Standard info", USES(S(LOG) | S(NOTIFY))),
    ENUM(ACTION, action_words, "What the game clock does", USES(S(CLOCK)), NEEDED_BY(S(CLOCK))),
    INT(TIME_MS, -86400000, 86400000, "With add: how much", USES(S(CLOCK))),
    BOOL(POWER, "On or off", USES(S(LAMP))),
    TEXT(EFFECT, NAME, "Name of the effect", USES(S(LAMP))),
    INT(BRIGHTNESS, 0, 255, "0 is dark, not off", USES(S(LAMP))),
    INT(SPEED_PCT, 10, 300, "100: natural", USES(S(LAMP))),
    INT(INTENSITY, 0, 255, "128: natural", USES(S(LAMP))),
    TEXT(PALETTE, NAME, "Name of the palette, or auto", USES(S(LAMP))),
    BOOL(PAUSED, "Whether the effect stands still", USES(S(LAMP))),
    ROW(COLORS, .text_class = NH_TEXT_NAME, .text = "One to three as #rrggbb", .uses = S(LAMP)),
    OBJECT(OVERLAY, overlay_object, "The face over the effect", USES(S(LAMP))),
    INT(TRANSITION_MS, 0, 60000, "Goes to the new values this long", USES(S(LAMP))),
    INT(DELTA, -1000, 1000, "With adjust_brightness, adjust_speed, adjust_intensity: by how much",
        USES(S(LAMP))),
    INT(FLASH_MS, 0, 60000, "With flash: how long", USES(S(LAMP))),
    END};
const struct nh_field_object nh_schema_step = {"step", step_rows, true};
#undef S
#undef CONTEXT_WAITS

static const struct nh_field_row branch_rows[] = {
    LIST(CONDITIONS, condition_object, 0, "All of them must hold", .is_recursive = true),
    LIST(STEPS, nh_schema_step, 0, "What is done", NEEDED, .is_recursive = true), END};
static const struct nh_field_object branch_object = {"branch", branch_rows, false};

DEFINE(scenario_object, "scenario", false, TEXT(ID, ID, "Unique within the device", NEEDED),
       TEXT(NAME, NAME, "For people"), BOOL(ENABLED, "Standard true"),
       BOOL(BUTTON_ENABLED, "Has a button for the operator; standard false"),
       TEXT(BUTTON_LABEL, NAME, "On the button; empty: the name"),
       ENUM(MODE, mode_words,
            "Started while it runs: single ignores, restart begins anew, queued waits, "
            "parallel runs beside; standard single"),
       INT(RUN_MAX, 1, 1000, "With queued and parallel: how many; standard 10"),
       BOOL(PERSIST, "Waits go on after a restart of the hub; standard false"),
       LIST(TRIGGERS, trigger_object, 0, "What starts it"),
       LIST(CONDITIONS, condition_object, 0, "All must hold, or it does not start"),
       LIST(STEPS, nh_schema_step, 0, "What it does"),
       LIST(ON_STOP, nh_schema_step, 0,
            "What is done when it is cancelled or fails; nothing that waits"));

DEFINE(tab_object, "tab", false, ENUM(TYPE, tab_words, "Which page it is", NEEDED),
       TEXT(LABEL, NAME, "For people"),
       TEXT(EXTRA, PAYLOAD, "What the page needs besides", .alias = "extra_payload"));

DEFINE(binding_object, "topic", false,
       TEXT(NAME, NAME, "Id or name of the scenario to run", NEEDED),
       TEXT(TOPIC, TOPIC, "A message on it starts the scenario", NEEDED));

DEFINE(status_object, "status", false,
       TEXT(TOPIC, TOPIC, "Where the device says that it is there", NEEDED),
       TEXT(ONLINE_PAYLOAD, PAYLOAD, "What it says; empty: anything but the other"),
       TEXT(OFFLINE_PAYLOAD, PAYLOAD, "What is said when it has gone"),
       INT(TIMEOUT_MS, 0, MS_MAX, "Silent for this long, it is offline; 0: it may be silent"));

DEFINE(command_object, "command", false, TEXT(ID, ID, "Unique within the device", NEEDED),
       TEXT(TOPIC, TOPIC, "Where it is sent", NEEDED),
       TEXT(PAYLOAD, PAYLOAD, "What is sent; {{ request_id }} and parameters are put in"),
       INT(QOS, 0, 2, "Quality of service; standard 0"),
       TEXT(RESULT_TOPIC, TOPIC, "Where the device answers; empty: it does not"),
       TEXT(DONE_PAYLOAD, PAYLOAD, "The answer that it is done; empty: any other than the next"),
       TEXT(FAILED_PAYLOAD, PAYLOAD, "The answer that it failed"),
       INT(TIMEOUT_MS, 0, MS_MAX, "How long an answer may take; standard 5000"));

DEFINE(message_object, "message", false, TEXT(TOPIC, TOPIC, "MQTT topic", NEEDED),
       TEXT(PAYLOAD, PAYLOAD, "The message"), INT(QOS, 0, 2, "Quality of service; standard 0"),
       BOOL(RETAIN, "Kept by the broker; standard false"));

// ---- templates ----------------------------------------------------------------------------------

DEFINE(slot_object, "slot", false, TEXT(SOURCE_ID, TOPIC, "Topic of the reader", NEEDED),
       TEXT(LABEL, NAME, "For people"),
       ROW(VALUES, .text_class = NH_TEXT_NAME, .text = "Cards that are right", .needs = ANY),
       TEXT(LAST_VALUE, PAYLOAD, "The last card; not read"));

#define OUTCOME_ROWS(X, what)                                                                      \
    TEXT(X##_TOPIC, TOPIC, "MQTT topic told of " what), TEXT(X##_PAYLOAD, PAYLOAD, "And what"),    \
        TEXT(X##_AUDIO_TRACK, TRACK, "Track played"), TEXT(X##_SCENARIO, ID, "Scenario started")
#define SIGNAL_ROWS(X)                                                                             \
    TEXT(X##_SIGNAL_TOPIC, TOPIC, "A second topic that is told"),                                  \
        TEXT(X##_SIGNAL_PAYLOAD, PAYLOAD, "And what")

DEFINE(uid_object, "uid validator", false, LIST(SLOTS, slot_object, 0, "The readers", NEEDED),
       TEXT(START_TOPIC, TOPIC, "A message here begins a round; without one the first card does"),
       TEXT(START_PAYLOAD, PAYLOAD, "What it must say; empty: anything"),
       TEXT(BROADCAST_TOPIC, TOPIC, "Told that a round begins"),
       TEXT(BROADCAST_PAYLOAD, PAYLOAD, "And what"), TEXT(BG_TRACK, TRACK, "Background track"),
       TEXT(BG_START_TOPIC, TOPIC, "A message here plays it"),
       TEXT(CHECK_TOPIC, TOPIC, "A message here ends the round: a reader without a card fails"),
       OUTCOME_ROWS(SUCCESS, "success"), SIGNAL_ROWS(SUCCESS), OUTCOME_ROWS(FAIL, "failure"),
       SIGNAL_ROWS(FAIL),
       INT(ROUND_TIMEOUT_MS, 0, MS_MAX, "A round not whole by then fails; 0: it waits"),
       BOOL(LATE_CORRECTION, "A right card repairs a wrong one; standard false"));

DEFINE(signal_object, "signal hold", false,
       TEXT(SIGNAL_TOPIC, TOPIC, "Told when it is held long enough", NEEDED),
       TEXT(SIGNAL_PAYLOAD_ON, PAYLOAD, "What it is told"),
       TEXT(SIGNAL_PAYLOAD_OFF, PAYLOAD, "And after signal_on_ms"),
       INT(SIGNAL_ON_MS, 0, MS_MAX, "How long it stays on"),
       TEXT(HEARTBEAT_TOPIC, TOPIC, "Messages here say that it is held", NEEDED),
       TEXT(RESET_TOPIC, TOPIC, "A message here begins anew"),
       INT(REQUIRED_HOLD_MS, 1, MS_MAX, "How long it must be held", NEEDED),
       INT(HEARTBEAT_TIMEOUT_MS, 1, MS_MAX, "Silent for this long, it is let go; standard 1000"),
       TEXT(HOLD_TRACK, TRACK, "Played while it is held"), BOOL(HOLD_TRACK_LOOP, "Again and again"),
       TEXT(COMPLETE_TRACK, TRACK, "Played at the end"),
       ENUM(HOLD_MODE, hold_words, "cumulative adds up, continuous begins anew after a gap"));

DEFINE(mqtt_rule_object, "mqtt rule", false, TEXT(NAME, NAME, "For people"),
       TEXT(TOPIC, FILTER, "MQTT topic; + and # allowed", NEEDED),
       TEXT(PAYLOAD, PAYLOAD, "The message"),
       BOOL(PAYLOAD_REQUIRED, "Only that message; standard true when there is one"),
       TEXT(SCENARIO, ID, "Scenario started"));
DEFINE(mqtt_object, "mqtt event trigger", false,
       LIST(RULES, mqtt_rule_object, 0, "The first that fits", NEEDED));

DEFINE(flag_rule_object, "flag rule", false, TEXT(NAME, NAME, "For people"),
       TEXT(FLAG, FLAG, "Name of the flag", NEEDED), BOOL(STATE, "What it becomes; standard true"),
       TEXT(SCENARIO, ID, "Scenario started"));
DEFINE(flag_object, "flag trigger", false,
       LIST(RULES, flag_rule_object, 0, "Each that fits", NEEDED),
       BOOL(INITIAL, "What it is at the start counts as a change; standard false"));

DEFINE(condition_template_object, "conditional scenario", false,
       ENUM(MODE, all_any_words, "Whether all rules must hold, or any; standard all"),
       LIST(RULES, requirement_object, 0, "Flags", NEEDED),
       TEXT(TRUE_SCENARIO, ID, "Started when they come to hold", NEEDED),
       TEXT(FALSE_SCENARIO, ID, "And when they no longer do"),
       BOOL(INITIAL, "The first result counts as a change; standard false"));

DEFINE(interval_object, "interval task", false,
       INT(INTERVAL_MS, 10, MS_MAX, "How often; standard 1000"),
       TEXT(SCENARIO, ID, "Scenario started"),
       BOOL(RUN_IMMEDIATELY, "Also at the start; standard false"));

DEFINE(sequence_step_object, "sequence step", false, TEXT(TOPIC, TOPIC, "MQTT topic", NEEDED),
       TEXT(PAYLOAD, PAYLOAD, "The message"),
       BOOL(PAYLOAD_REQUIRED, "Only that message; standard true when there is one"),
       TEXT(HINT_TOPIC, TOPIC, "Told when the step is done"),
       TEXT(HINT_PAYLOAD, PAYLOAD, "And what"), TEXT(HINT_AUDIO_TRACK, TRACK, "Track played"));
DEFINE(sequence_object, "sequence lock", false,
       LIST(STEPS, sequence_step_object, 0, "In this order", NEEDED),
       INT(TIMEOUT_MS, 0, MS_MAX, "From one step to the next at most; 0: any time"),
       BOOL(RESET_ON_ERROR, "A wrong step fails; standard true"),
       BOOL(WRONG_PAYLOAD_IS_ERROR, "So does a wrong message on the right topic; standard false"),
       OUTCOME_ROWS(SUCCESS, "success"), OUTCOME_ROWS(FAIL, "failure"));

#define P(type) USES(T(NH_TEMPLATE_##type)), NEEDED_BY(T(NH_TEMPLATE_##type))
DEFINE(template_object, "template", true, ENUM(TYPE, template_words, "What the device is", NEEDED),
       OBJECT(UID, uid_object, "Readers and their cards", P(UID_VALIDATOR)),
       OBJECT(SIGNAL, signal_object, "Something that is held", P(SIGNAL_HOLD)),
       OBJECT(MQTT, mqtt_object, "Messages that start scenarios", P(ON_MQTT_EVENT)),
       OBJECT(FLAG_RULES, flag_object, "Flags that start scenarios", P(ON_FLAG)),
       OBJECT(CONDITION, condition_template_object, "Flags together", P(IF_CONDITION)),
       OBJECT(INTERVAL, interval_object, "Again and again", P(INTERVAL_TASK)),
       OBJECT(SEQUENCE, sequence_object, "Steps in an order", P(SEQUENCE_LOCK)));
#undef P

// ---- the whole ----------------------------------------------------------------------------------

DEFINE(device_object, "device", false, TEXT(ID, ID, "Unique", NEEDED),
       TEXT(DISPLAY_NAME, NAME, "For people; empty: the id", .alias = "name"),
       LIST(TABS, tab_object, 12, "Pages of the device"),
       LIST(TOPICS, binding_object, 0, "Topics that start scenarios"),
       OBJECT(STATUS, status_object, "How it is known whether the device is there"),
       LIST(COMMANDS, command_object, 0, "What the device can be told"),
       LIST(SAFE_OFF, message_object, 0, "Sent when everything is to stop"),
       OBJECT(TEMPLATE, template_object, "What the device is"),
       LIST(SCENARIOS, scenario_object, 0, "What it can do"));

DEFINE(reference_object, "reference", false, TEXT(DEVICE, ID, "The device", NEEDED),
       TEXT(SCENARIO, ID, "Its scenario", NEEDED));
DEFINE(hint_object, "hint", false, TEXT(TEXT, PAYLOAD, "For the players", NEEDED),
       TEXT(TOPIC, TOPIC, "Where it is sent"), TEXT(TRACK, TRACK, "Track played"));
DEFINE(game_object, "game", false, INT(DURATION_MS, 1000, 86400000, "How long a game is", NEEDED),
       OBJECT(ON_START, reference_object, "Run when the clock starts"),
       OBJECT(ON_END, reference_object, "Run when time is up"),
       OBJECT(ON_RESET, reference_object, "Run after a reset"),
       LIST(HINTS, hint_object, 0, "For the operator to send"));
DEFINE(variable_object, "variable", false, TEXT(NAME, VARIABLE, "Unique", NEEDED),
       ROW(VALUE, .text_class = NH_TEXT_PAYLOAD, .text = "At the start", .needs = ANY),
       BOOL(PERSIST, "Kept over a restart of the hub; standard false"));
DEFINE(profile_object, "profile", false, TEXT(ID, ID, "Unique", NEEDED),
       TEXT(NAME, NAME, "For people"), INT(DEVICE_COUNT, 0, MS_MAX, "For people; not read"),
       BOOL(ACTIVE, "Whether it is in force; not read"));

static const struct nh_field_row root_rows[] = {
    INT(SCHEMA, 1, 2, "Of this format: 2; the two older ones have 1", NEEDED),
    INT(GENERATION, 0, MS_MAX, "Counts up with each change; the hub sets it"),
    TEXT(NAME, NAME, "Of the profile, for people"),
    INT(TAB_LIMIT, 1, 12, "How many tabs a device may have"),
    TEXT(ACTIVE_PROFILE, ID, "Which profile this is"),
    LIST(PROFILES, profile_object, 0, "All profiles; written, not read"),
    LIST(VARIABLES, variable_object, 0, "Variables of all scenarios"),
    OBJECT(GAME, game_object, "A game against the clock"),
    LIST(DEVICES, device_object, 0, "The devices", NEEDED),
    END};
const struct nh_field_object nh_schema_root = {"configuration", root_rows, false};
