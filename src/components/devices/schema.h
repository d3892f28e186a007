// schema.h - the words of a device configuration: every field, and what each object may have.
//
// One table serves the reader, the validator, the writer, the reference page and the editor. A
// field has one kind wherever it stands, so compiled data can be walked without the table.

#ifndef NH_DEVICES_SCHEMA_H
#define NH_DEVICES_SCHEMA_H

#include "core/base/base.h"

enum nh_field_kind {
    NH_KIND_BOOL,   // one byte
    NH_KIND_INT,    // a whole number, of at most 53 bits
    NH_KIND_ENUM,   // one of a list of words: its index
    NH_KIND_TEXT,   //
    NH_KIND_SCALAR, // true, false, a number or a text
    NH_KIND_OBJECT,
    NH_KIND_LIST,  // of objects
    NH_KIND_TEXTS, // of texts
};

// What a text is: its limit and the characters it may have.
enum nh_text_class {
    NH_TEXT_ID,         // letters, digits, '_', '-', '.'
    NH_TEXT_NAME,       // of a thing, for people
    NH_TEXT_TOPIC,      // to publish on: no wildcards
    NH_TEXT_FILTER,     // to listen on: may have wildcards
    NH_TEXT_PAYLOAD,    //
    NH_TEXT_FLAG,       // name of a flag
    NH_TEXT_VARIABLE,   // of a variable: letters, digits, '_' and '.', no digit first
    NH_TEXT_TRACK,      // a file of the card
    NH_TEXT_EXPRESSION, //
    NH_TEXT_TIME,       // "18:30" or "18:30:15"
    NH_TEXT_POINTER,    // a JSON pointer
    NH_TEXT_CLASS_COUNT,
};

// X(id, name, kind). Two fields may have one name, in different objects.
#define NH_FIELD_LIST(X)                                                                           \
    X(SCHEMA, "schema", INT)                                                                       \
    X(GENERATION, "generation", INT)                                                               \
    X(TAB_LIMIT, "tab_limit", INT)                                                                 \
    X(ACTIVE_PROFILE, "active_profile", TEXT)                                                      \
    X(PROFILES, "profiles", LIST)                                                                  \
    X(VARIABLES, "variables", LIST)                                                                \
    X(GAME, "game", OBJECT)                                                                        \
    X(DEVICES, "devices", LIST)                                                                    \
    X(ID, "id", TEXT)                                                                              \
    X(NAME, "name", TEXT)                                                                          \
    X(DISPLAY_NAME, "display_name", TEXT)                                                          \
    X(DEVICE_COUNT, "device_count", INT)                                                           \
    X(ACTIVE, "active", BOOL)                                                                      \
    X(TABS, "tabs", LIST)                                                                          \
    X(TOPICS, "topics", LIST)                                                                      \
    X(SCENARIOS, "scenarios", LIST)                                                                \
    X(TEMPLATE, "template", OBJECT)                                                                \
    X(STATUS, "status", OBJECT)                                                                    \
    X(COMMANDS, "commands", LIST)                                                                  \
    X(SAFE_OFF, "safe_off", LIST)                                                                  \
    X(TYPE, "type", ENUM)                                                                          \
    X(LABEL, "label", TEXT)                                                                        \
    X(EXTRA, "extra", TEXT)                                                                        \
    X(TOPIC, "topic", TEXT)                                                                        \
    X(PAYLOAD, "payload", TEXT)                                                                    \
    X(QOS, "qos", INT)                                                                             \
    X(RETAIN, "retain", BOOL)                                                                      \
    X(ONLINE_PAYLOAD, "online_payload", TEXT)                                                      \
    X(OFFLINE_PAYLOAD, "offline_payload", TEXT)                                                    \
    X(TIMEOUT_MS, "timeout_ms", INT)                                                               \
    X(RESULT_TOPIC, "result_topic", TEXT)                                                          \
    X(DONE_PAYLOAD, "done_payload", TEXT)                                                          \
    X(FAILED_PAYLOAD, "failed_payload", TEXT)                                                      \
    X(BUTTON_ENABLED, "button_enabled", BOOL)                                                      \
    X(BUTTON_LABEL, "button_label", TEXT)                                                          \
    X(ENABLED, "enabled", BOOL)                                                                    \
    X(MODE, "mode", ENUM)                                                                          \
    X(RUN_MAX, "max", INT)                                                                         \
    X(PERSIST, "persist", BOOL)                                                                    \
    X(TRIGGERS, "triggers", LIST)                                                                  \
    X(CONDITIONS, "conditions", LIST)                                                              \
    X(STEPS, "steps", LIST)                                                                        \
    X(ON_STOP, "on_stop", LIST)                                                                    \
    X(FOR_MS, "for_ms", INT)                                                                       \
    X(COOLDOWN_MS, "cooldown_ms", INT)                                                             \
    X(MAX_COUNT, "max_count", INT)                                                                 \
    X(MATCH, "match", OBJECT)                                                                      \
    X(OP, "op", ENUM)                                                                              \
    X(VALUE, "value", SCALAR)                                                                      \
    X(JSON, "json", TEXT)                                                                          \
    X(FLAG, "flag", TEXT)                                                                          \
    X(STATE, "state", BOOL)                                                                        \
    X(VARIABLE, "variable", TEXT)                                                                  \
    X(EXPRESSION, "expression", TEXT)                                                              \
    X(INTERVAL_MS, "interval_ms", INT)                                                             \
    X(RUN_IMMEDIATELY, "run_immediately", BOOL)                                                    \
    X(AT, "at", TEXT)                                                                              \
    X(AFTER, "after", TEXT)                                                                        \
    X(BEFORE, "before", TEXT)                                                                      \
    X(DAYS, "days", TEXTS)                                                                         \
    X(DEVICE, "device", TEXT)                                                                      \
    X(SCENARIO, "scenario", TEXT)                                                                  \
    X(OUTCOME, "outcome", TEXT)                                                                    \
    X(TRACK, "track", TEXT)                                                                        \
    X(REASON, "reason", TEXT)                                                                      \
    X(DELAY_MS, "delay_ms", INT)                                                                   \
    X(DELAY_MAX_MS, "delay_max_ms", INT)                                                           \
    X(CONTINUE_ON_ERROR, "continue_on_error", BOOL)                                                \
    X(BLOCKING, "blocking", BOOL)                                                                  \
    X(CHANNEL, "channel", ENUM)                                                                    \
    X(VOLUME, "volume", INT)                                                                       \
    X(REPEAT_TRACK, "repeat_track", BOOL)                                                          \
    X(FADE_MS, "fade_ms", INT)                                                                     \
    X(POSITION_MS, "position_ms", INT)                                                             \
    X(WAIT, "wait", OBJECT)                                                                        \
    X(REQUIREMENTS, "requirements", LIST)                                                          \
    X(ON_TIMEOUT, "on_timeout", ENUM)                                                              \
    X(TARGET_STEP, "target_step", INT)                                                             \
    X(LOOP, "loop", OBJECT)                                                                        \
    X(MAX_ITERATIONS, "max_iterations", INT)                                                       \
    X(EVENT, "event", ENUM)                                                                        \
    X(TEXT, "text", TEXT)                                                                          \
    X(THEN, "then", LIST)                                                                          \
    X(ELSE, "else", LIST)                                                                          \
    X(BRANCHES, "branches", LIST)                                                                  \
    X(DEFAULT, "default", LIST)                                                                    \
    X(COUNT, "count", INT)                                                                         \
    X(WHILE, "while", LIST)                                                                        \
    X(UNTIL, "until", LIST)                                                                        \
    X(EACH, "each", TEXTS)                                                                         \
    X(AS, "as", TEXT)                                                                              \
    X(PARAMETERS, "parameters", LIST)                                                              \
    X(AWAIT, "await", BOOL)                                                                        \
    X(COMMAND, "command", TEXT)                                                                    \
    X(RESULT, "result", ENUM)                                                                      \
    X(LEVEL, "level", ENUM)                                                                        \
    X(ACTION, "action", ENUM)                                                                      \
    X(TIME_MS, "ms", INT)                                                                          \
    X(UID, "uid", OBJECT)                                                                          \
    X(SIGNAL, "signal", OBJECT)                                                                    \
    X(MQTT, "mqtt", OBJECT)                                                                        \
    X(FLAG_RULES, "flag", OBJECT)                                                                  \
    X(CONDITION, "condition", OBJECT)                                                              \
    X(INTERVAL, "interval", OBJECT)                                                                \
    X(SEQUENCE, "sequence", OBJECT)                                                                \
    X(SLOTS, "slots", LIST)                                                                        \
    X(SOURCE_ID, "source_id", TEXT)                                                                \
    X(VALUES, "values", TEXTS)                                                                     \
    X(LAST_VALUE, "last_value", TEXT)                                                              \
    X(START_TOPIC, "start_topic", TEXT)                                                            \
    X(START_PAYLOAD, "start_payload", TEXT)                                                        \
    X(BROADCAST_TOPIC, "broadcast_topic", TEXT)                                                    \
    X(BROADCAST_PAYLOAD, "broadcast_payload", TEXT)                                                \
    X(BG_TRACK, "bg_track", TEXT)                                                                  \
    X(BG_START_TOPIC, "bg_start_topic", TEXT)                                                      \
    X(CHECK_TOPIC, "check_topic", TEXT)                                                            \
    X(SUCCESS_TOPIC, "success_topic", TEXT)                                                        \
    X(SUCCESS_PAYLOAD, "success_payload", TEXT)                                                    \
    X(SUCCESS_AUDIO_TRACK, "success_audio_track", TEXT)                                            \
    X(SUCCESS_SIGNAL_TOPIC, "success_signal_topic", TEXT)                                          \
    X(SUCCESS_SIGNAL_PAYLOAD, "success_signal_payload", TEXT)                                      \
    X(SUCCESS_SCENARIO, "success_scenario", TEXT)                                                  \
    X(FAIL_TOPIC, "fail_topic", TEXT)                                                              \
    X(FAIL_PAYLOAD, "fail_payload", TEXT)                                                          \
    X(FAIL_AUDIO_TRACK, "fail_audio_track", TEXT)                                                  \
    X(FAIL_SIGNAL_TOPIC, "fail_signal_topic", TEXT)                                                \
    X(FAIL_SIGNAL_PAYLOAD, "fail_signal_payload", TEXT)                                            \
    X(FAIL_SCENARIO, "fail_scenario", TEXT)                                                        \
    X(ROUND_TIMEOUT_MS, "round_timeout_ms", INT)                                                   \
    X(LATE_CORRECTION, "late_correction", BOOL)                                                    \
    X(SIGNAL_TOPIC, "signal_topic", TEXT)                                                          \
    X(SIGNAL_PAYLOAD_ON, "signal_payload_on", TEXT)                                                \
    X(SIGNAL_PAYLOAD_OFF, "signal_payload_off", TEXT)                                              \
    X(SIGNAL_ON_MS, "signal_on_ms", INT)                                                           \
    X(HEARTBEAT_TOPIC, "heartbeat_topic", TEXT)                                                    \
    X(RESET_TOPIC, "reset_topic", TEXT)                                                            \
    X(REQUIRED_HOLD_MS, "required_hold_ms", INT)                                                   \
    X(HEARTBEAT_TIMEOUT_MS, "heartbeat_timeout_ms", INT)                                           \
    X(HOLD_TRACK, "hold_track", TEXT)                                                              \
    X(HOLD_TRACK_LOOP, "hold_track_loop", BOOL)                                                    \
    X(COMPLETE_TRACK, "complete_track", TEXT)                                                      \
    X(HOLD_MODE, "hold_mode", ENUM)                                                                \
    X(RULES, "rules", LIST)                                                                        \
    X(PAYLOAD_REQUIRED, "payload_required", BOOL)                                                  \
    X(INITIAL, "initial", BOOL)                                                                    \
    X(TRUE_SCENARIO, "true_scenario", TEXT)                                                        \
    X(FALSE_SCENARIO, "false_scenario", TEXT)                                                      \
    X(HINT_TOPIC, "hint_topic", TEXT)                                                              \
    X(HINT_PAYLOAD, "hint_payload", TEXT)                                                          \
    X(HINT_AUDIO_TRACK, "hint_audio_track", TEXT)                                                  \
    X(RESET_ON_ERROR, "reset_on_error", BOOL)                                                      \
    X(WRONG_PAYLOAD_IS_ERROR, "wrong_payload_is_error", BOOL)                                      \
    X(DURATION_MS, "duration_ms", INT)                                                             \
    X(ON_START, "on_start", OBJECT)                                                                \
    X(ON_END, "on_end", OBJECT)                                                                    \
    X(ON_RESET, "on_reset", OBJECT)                                                                \
    X(HINTS, "hints", LIST)                                                                        \
    X(EFFECT, "effect", TEXT)                                                                      \
    X(POWER, "power", BOOL)                                                                        \
    X(BRIGHTNESS, "brightness", INT)                                                               \
    X(SPEED_PCT, "speed_pct", INT)                                                                 \
    X(INTENSITY, "intensity", INT)                                                                 \
    X(PALETTE, "palette", TEXT)                                                                    \
    X(PAUSED, "paused", BOOL)                                                                      \
    X(COLORS, "colors", TEXTS)                                                                     \
    X(OVERLAY, "overlay", OBJECT)                                                                  \
    X(BLEND, "blend", ENUM)                                                                        \
    X(ANGLE_DEG, "angle_deg", INT)                                                                 \
    X(TRANSITION_MS, "transition_ms", INT)                                                         \
    X(DELTA, "delta", INT)                                                                         \
    X(FLASH_MS, "flash_ms", INT)

enum nh_field {
    NH_FIELD_NONE, // ends an object in compiled data
#define NH_FIELD_ENUM(id, name, kind) NH_FIELD_##id,
    NH_FIELD_LIST(NH_FIELD_ENUM)
#undef NH_FIELD_ENUM
        NH_FIELD_ID_COUNT,
};
_Static_assert(NH_FIELD_ID_COUNT <= 256, "a field is one byte in compiled data");

const char *nh_field_name(enum nh_field f);
enum nh_field_kind nh_field_kind(enum nh_field f);

// ---- the words of the enums, in the order of their names in schema.c ----------------------------

enum nh_tab_type { NH_TAB_AUDIO, NH_TAB_PICTURES, NH_TAB_LASER, NH_TAB_ROBOT, NH_TAB_CUSTOM };

enum nh_step_type {
    NH_STEP_NOP,
    NH_STEP_DELAY,
    NH_STEP_PUBLISH, // "mqtt_publish"
    NH_STEP_AUDIO_PLAY,
    NH_STEP_AUDIO_STOP,
    NH_STEP_AUDIO_PAUSE,
    NH_STEP_AUDIO_RESUME,
    NH_STEP_AUDIO_SEEK,
    NH_STEP_AUDIO_VOLUME,
    NH_STEP_SET_FLAG,
    NH_STEP_SET,
    NH_STEP_WAIT_FLAGS,
    NH_STEP_WAIT_EVENT,
    NH_STEP_WAIT_OPERATOR,
    NH_STEP_LOOP,
    NH_STEP_EVENT,
    NH_STEP_LASER_TRIGGER,
    NH_STEP_IF,
    NH_STEP_CHOOSE,
    NH_STEP_REPEAT,
    NH_STEP_PARALLEL,
    NH_STEP_RUN,
    NH_STEP_STOP_SCENARIO,
    NH_STEP_COMMAND,
    NH_STEP_STOP,
    NH_STEP_LOG,
    NH_STEP_NOTIFY,
    NH_STEP_CLOCK,
    NH_STEP_LAMP,
    NH_STEP_TYPE_COUNT,
};

enum nh_trigger_type {
    NH_TRIGGER_TOPIC,
    NH_TRIGGER_FLAG,
    NH_TRIGGER_VARIABLE,
    NH_TRIGGER_INTERVAL,
    NH_TRIGGER_TIME,
    NH_TRIGGER_BOOT,
    NH_TRIGGER_DEVICE_ONLINE,
    NH_TRIGGER_DEVICE_OFFLINE,
    NH_TRIGGER_AUDIO_FINISHED,
    NH_TRIGGER_TEMPLATE,
    NH_TRIGGER_BUTTON,
    NH_TRIGGER_HTTP,
    NH_TRIGGER_TYPE_COUNT,
};

enum nh_condition_type {
    NH_CONDITION_FLAG,
    NH_CONDITION_VARIABLE,
    NH_CONDITION_EXPRESSION,
    NH_CONDITION_DEVICE_ONLINE,
    NH_CONDITION_TEMPLATE_STATE,
    NH_CONDITION_TIME,
    NH_CONDITION_RUNNING,
    NH_CONDITION_AND,
    NH_CONDITION_OR,
    NH_CONDITION_NOT,
    NH_CONDITION_TYPE_COUNT,
};

enum nh_template_type {
    NH_TEMPLATE_UID_VALIDATOR,
    NH_TEMPLATE_SIGNAL_HOLD,
    NH_TEMPLATE_ON_MQTT_EVENT,
    NH_TEMPLATE_ON_FLAG,
    NH_TEMPLATE_IF_CONDITION,
    NH_TEMPLATE_INTERVAL_TASK,
    NH_TEMPLATE_SEQUENCE_LOCK,
    NH_TEMPLATE_TYPE_COUNT,
};

enum nh_run_mode { NH_MODE_SINGLE, NH_MODE_RESTART, NH_MODE_QUEUED, NH_MODE_PARALLEL };
enum nh_all_any { NH_MODE_ALL, NH_MODE_ANY };
enum nh_match_op {
    NH_MATCH_ANY,
    NH_MATCH_EQUAL,
    NH_MATCH_NOT_EQUAL,
    NH_MATCH_CONTAINS,
    NH_MATCH_LESS,
    NH_MATCH_LESS_EQUAL,
    NH_MATCH_GREATER,
    NH_MATCH_GREATER_EQUAL,
    NH_MATCH_EXISTS,
};
enum nh_step_channel { NH_CHANNEL_EFFECT, NH_CHANNEL_BACKGROUND, NH_CHANNEL_ALL }; // of `channel`
enum nh_on_timeout { NH_TIMEOUT_CONTINUE, NH_TIMEOUT_FAIL, NH_TIMEOUT_GOTO };
enum nh_step_event {
    NH_STEP_EVENT_CARD_OK,
    NH_STEP_EVENT_CARD_BAD,
    NH_STEP_EVENT_RELAY_CMD,
    NH_STEP_EVENT_AUDIO_PLAY,
    NH_STEP_EVENT_VOLUME_SET,
    NH_STEP_EVENT_WEB_COMMAND,
    NH_STEP_EVENT_SYSTEM_STATUS,
    NH_STEP_EVENT_DEVICE_CONFIG_CHANGED,
    NH_STEP_EVENT_LASER_TRIGGER,
};
enum nh_step_result { NH_RESULT_OK, NH_RESULT_FAILED };
enum nh_step_level { NH_LEVEL_INFO, NH_LEVEL_WARNING, NH_LEVEL_ERROR };
enum nh_clock_action {
    NH_CLOCK_START,
    NH_CLOCK_PAUSE,
    NH_CLOCK_RESUME,
    NH_CLOCK_STOP,
    NH_CLOCK_RESET,
    NH_CLOCK_ADD,
};
enum nh_hold_mode { NH_HOLD_CUMULATIVE, NH_HOLD_CONTINUOUS };

// ---- objects ------------------------------------------------------------------------------------

// A field of an object. `uses`, `needs`: bit n is the object's type n, bit 0 where it has none.
struct nh_field_row {
    uint8_t field;      // enum nh_field
    uint8_t text_class; // TEXT, TEXTS
    bool is_recursive;  // LIST: one nesting of steps, or of conditions
    int64_t min, max;   // INT; LIST and TEXTS: the most elements in `max`, 0: the limits' number
    const char *const *words;             // ENUM
    const struct nh_field_object *object; // OBJECT, LIST
    uint32_t uses;                        // by which types it may be had; 0: all
    uint32_t needs;                       // which must have it
    const char *alias;                    // another name that is read, never written
    const char *text;                     // for people: what it is
};

struct nh_field_object {
    const char *name;                // "step", for messages
    const struct nh_field_row *rows; // ends with field NH_FIELD_NONE
    bool has_type;                   // row 0 is its type, and says which rows it may have
};

extern const struct nh_field_object nh_schema_root;
extern const struct nh_field_object nh_schema_step;

// The row of a field in an object; NULL: it has none.
const struct nh_field_row *nh_schema_row(const struct nh_field_object *o, enum nh_field f);

#endif
