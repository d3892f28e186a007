// automation.h - the executor of scenarios: messages, flags, time and operators in; messages, audio
// and deadlines out.
//
// One task owns an automation and makes every call below. No step blocks and no call waits: a
// scenario that has to wait is a small block of memory that a timer, a flag or a message wakes.
// Callbacks of `struct nh_automation_out` must not call back in, with one exception:
// nh_automation_message(), so that what a scenario publishes may reach its own triggers.
//
// Two clocks, both monotonic: `now_ms` of each call, and the time of the room, which stands still
// while the game is paused. Waits, triggers and templates live by the second.

#ifndef NH_AUTOMATION_H
#define NH_AUTOMATION_H

#include "components/automation/expr.h"
#include "components/automation/value.h"
#include "core/bus/events.h"
#include "core/http/http.h"

typedef struct nh_automation nh_automation_t;

// Of the configuration `automation.*`. 0: the number of nh_automation_limits_standard. What happens
// at a limit is said here, how often it did is in struct nh_automation_info.
struct nh_automation_limits {
    uint32_t instance_max_count; // running, waiting and queued; one more does not start
    uint32_t flag_max_count;     // one more cannot be set
    uint32_t variable_max_count; // of all scenarios; likewise
    uint32_t value_max_bytes;    // of a variable's text, and of a payload kept for {{ }}
    uint32_t local_max_bytes;    // of the variables of one instance; its step fails
    uint32_t text_max_bytes;     // of a text with its {{ }} put in; its step fails
    uint32_t turn_max_steps;     // one after the other; then others have their turn
    uint32_t call_max_turns;     // in one call; the rest is done in the next tick()
    uint32_t run_depth_max;      // scenarios that run each other; the step fails
    uint32_t publish_max_per_s;  // of all; a step waits until it may, templates have the outbox
    uint32_t flood_max_count;    // triggerings of a scenario in flood_window_ms; then it is
    uint32_t flood_window_ms;    // suspended for cooloff_ms
    uint32_t cooloff_ms;         //
    uint32_t on_stop_max_steps;  // of an instance; the rest is left out
    uint32_t filter_max_count;   // topics that are listened on; a wait on one more fails
    uint32_t inbox_max_bytes;    // own messages that come back; more are dropped
    uint32_t outbox_max_bytes;   // messages of templates that wait to be sent; more are dropped
    uint32_t trace_bytes;        // of each scenario; the oldest is forgotten
    uint32_t trace_total_bytes;  // of all; scenarios that run later have no trace
    uint32_t log_max_count;      // entries of the operator's log; the oldest is forgotten
    uint32_t journal_max_count;  // keys that are in the store, or to be; more are not kept
};
extern const struct nh_automation_limits nh_automation_limits_standard;

// ---- what comes out -----------------------------------------------------------------------------

// A topic filter that the automation listens on. `user` is for whoever subscribes.
struct nh_automation_filter {
    nh_span_t text; // a NUL follows it
    void *user;
};

struct nh_automation_publish {
    nh_span_t topic, payload; // borrowed for the call
    uint8_t qos;
    bool retain;
};
struct nh_automation_play {
    nh_span_t track;
    enum nh_step_channel channel; // EFFECT or BACKGROUND
    int volume;                   // -1: not said
    bool is_repeated;
    uint32_t fade_ms, position_ms;
};
enum nh_automation_audio_verb {
    NH_AUTOMATION_AUDIO_STOP,
    NH_AUTOMATION_AUDIO_PAUSE,
    NH_AUTOMATION_AUDIO_RESUME,
    NH_AUTOMATION_AUDIO_SEEK,   // `value`: ms
    NH_AUTOMATION_AUDIO_VOLUME, // `value`: percent, of the player
};
struct nh_automation_audio {
    enum nh_automation_audio_verb verb;
    enum nh_step_channel channel;
    uint32_t instance; // not 0: of that instance alone, whatever the channel
    uint32_t value, fade_ms;
};

enum nh_automation_part { // what has changed, for those who show it
    NH_AUTOMATION_INSTANCES,
    NH_AUTOMATION_FLAGS,
    NH_AUTOMATION_VARIABLES,
    NH_AUTOMATION_GAME,
    NH_AUTOMATION_MONITORS,
    NH_AUTOMATION_PART_COUNT,
};

// What must outlive a restart: small values under short keys (letters, digits, '/', '_', '.', '-').
//
// The automation knows of each key whether the store differs from what it should hold, and gives
// what differs, as it is then, to commit(): one batch at a time, so that changes meanwhile become
// one write. A batch that failed is given again, after 1 s, then twice that, up to a minute; so no
// value and no removal is lost while the automation lives, however long the store refuses.
#define NH_AUTOMATION_KEY_MAX_BYTES 48   // with the NUL
#define NH_AUTOMATION_BATCH_MAX_COUNT 32 // of at most `text_max_bytes` in all
struct nh_automation_write {
    const char *key;
    const void *value; // NULL: remove; what is not there is no error
    size_t len;
};
struct nh_automation_store {
    // Makes the writes durable, all or none; they are borrowed for the call. 0: they are. 1: that
    // has begun, and nh_automation_stored() is to be told, in a later call, how it ended. < 0: none
    // is, or it is not known.
    int (*commit)(void *ctx, const struct nh_automation_write *writes, size_t count);
    // How a commit that has begun ended, which nh_automation_stored() is then not told: waits for
    // it, at the end of the automation. NULL: commit() never gives 1.
    int (*wait)(void *ctx);
    // Visits every key that begins with `prefix`; the visitor does not write.
    int (*each)(void *ctx, const char *prefix,
                void (*visit)(void *visit_ctx, const char *key, const void *value, size_t len),
                void *visit_ctx);
};

// Any may be NULL: then nothing is done and a step that wants it fails, but for log, notify,
// post_event, changed and store, which are then left out. < 0: the step fails with that error.
struct nh_automation_out {
    int (*publish)(void *ctx, const struct nh_automation_publish *m);
    int (*play)(void *ctx, const struct nh_automation_play *p); // > 0: the number of the instance
    int (*audio)(void *ctx, const struct nh_automation_audio *c);
    // A command of the lamp as POST /api/lamp takes it, borrowed for the call.
    int (*lamp)(void *ctx, nh_span_t json);
    // What is left of an instance that plays, in ms. NH_ERR_NOT_FOUND: it does not play any more;
    // NH_ERR_AGAIN: it is paused; NH_ERR_UNSUPPORTED: not known.
    int (*audio_left_ms)(void *ctx, uint32_t instance);
    void (*post_event)(void *ctx, enum nh_step_event event, nh_span_t topic, nh_span_t payload);
    void (*log)(void *ctx, enum nh_step_level level, nh_span_t text);
    void (*notify)(void *ctx, enum nh_step_level level, nh_span_t text);
    void (*changed)(void *ctx, enum nh_automation_part part);
    // The filters to listen on, each once, as they come and go. `f` lives until it is removed.
    int (*filter_add)(void *ctx, struct nh_automation_filter *f);
    void (*filter_remove)(void *ctx, struct nh_automation_filter *f);
    const struct nh_automation_store *store;
    void *ctx;
};

// ---- life ---------------------------------------------------------------------------------------

struct nh_automation_config {
    nh_mem_t *mem;                             // borrowed, for its life; all of it bulk memory
    const struct nh_automation_limits *limits; // copied; NULL: the standard
    struct nh_automation_out out;              // copied
    uint32_t seed;                             // random: of random delays and request ids
    uint64_t now_ms;
    int64_t unix_ms;    // wall clock
    int utc_offset_min; // of local time
};
// Reads what an earlier life left in the store. NH_ERR_NOMEM, NH_ERR_RANGE: nothing was made.
NH_MUST_USE int nh_automation_create(const struct nh_automation_config *cfg, nh_automation_t **out);
// Drops everything that runs without its `on_stop`, removes all filters. What was persistent goes
// on in the next life. NULL: nothing.
void nh_automation_destroy(nh_automation_t *a);

enum nh_automation_apply { NH_AUTOMATION_KEEP, NH_AUTOMATION_CANCEL };
// An instance that still runs on the set before, for the answer to who applied the new one.
typedef void (*nh_automation_running_fn)(void *ctx, uint32_t instance, nh_span_t device,
                                         nh_span_t scenario);
// Whether a set is within the limits; each one that it is over is told. It says the same of a set
// whatever has been running. NH_ERR_FULL, NH_ERR_NOMEM.
NH_MUST_USE int nh_automation_devices_check(const nh_automation_t *a, const nh_device_set_t *set,
                                            nh_device_finding_fn finding, void *ctx);
// Makes all ready that a set needs (it takes a reference), beside the one in force, which goes on.
// Then either commit() or drop(), with no other call between: what was ready before is dropped.
// After an error nothing is ready and all is as it was. NH_ERR_FULL: over a limit, and any other
// but NH_ERR_NOMEM and NH_ERR_BUSY (from within a callback): it was told to `finding`, may be NULL.
NH_MUST_USE int nh_automation_devices_prepare(nh_automation_t *a, nh_device_set_t *set,
                                              nh_device_finding_fn finding, void *ctx,
                                              uint64_t now_ms);
void nh_automation_devices_drop(nh_automation_t *a, uint64_t now_ms);
// Puts in force what is ready; this cannot fail. Instances that run end on their set (KEEP, each
// told to `running`, may be NULL) or are cancelled. What a trigger or template has counted stays if
// its own record says the same. Flags and variables that neither this
// set names nor the one before it, which may be put back, go.
void nh_automation_devices_commit(nh_automation_t *a, enum nh_automation_apply how, uint64_t now_ms,
                                  nh_automation_running_fn running, void *ctx);
// Both of them at once.
NH_MUST_USE int nh_automation_devices_set(nh_automation_t *a, nh_device_set_t *set,
                                          enum nh_automation_apply how, uint64_t now_ms,
                                          nh_automation_running_fn running, void *ctx);

// Does what is due.
void nh_automation_tick(nh_automation_t *a, uint64_t now_ms);
// When to call tick() next; at or before `now_ms`: at once. NH_NEVER: nothing waits for time.
uint64_t nh_automation_next_deadline(const nh_automation_t *a);
// How a commit of the store ended that had begun: 0, or < 0 and it is tried again.
void nh_automation_stored(nh_automation_t *a, int err, uint64_t now_ms);
// The wall clock, at least once an hour and whenever it was set.
void nh_automation_wall_set(nh_automation_t *a, int64_t unix_ms, int utc_offset_min,
                            uint64_t now_ms);

// ---- what comes in ------------------------------------------------------------------------------

struct nh_automation_message {
    nh_span_t topic, payload; // borrowed for the call
    // Told because of a new subscription: it says how things are, not that something happened, so
    // it tells whether a device is online and starts nothing.
    bool is_retained;
    // The filter that it was given for, when each filter is given it: it is then taken once. NULL:
    // it comes only once.
    const struct nh_automation_filter *filter;
};
void nh_automation_message(nh_automation_t *a, const struct nh_automation_message *m,
                           uint64_t now_ms);

// Calls every filter that is listened on.
void nh_automation_filters_each(nh_automation_t *a,
                                void (*visit)(void *ctx, struct nh_automation_filter *f),
                                void *ctx);

// The end of an audio instance; `reason`: "ended", "stopped", "error".
void nh_automation_audio_finished(nh_automation_t *a, uint32_t instance, nh_span_t track,
                                  const char *reason, uint64_t now_ms);

// NH_ERR_FULL: limit; NH_ERR_NOMEM; NH_ERR_INVAL: no name; NH_ERR_TOO_LONG.
NH_MUST_USE int nh_automation_flag_set(nh_automation_t *a, nh_span_t name, bool value,
                                       enum nh_origin origin, uint64_t now_ms);
NH_MUST_USE int nh_automation_variable_set(nh_automation_t *a, nh_span_t name,
                                           const struct nh_value *value, enum nh_origin origin,
                                           uint64_t now_ms);
bool nh_automation_flag(const nh_automation_t *a, nh_span_t name);
bool nh_automation_variable(const nh_automation_t *a, nh_span_t name, struct nh_value *out);

struct nh_automation_parameter {
    nh_span_t name;
    struct nh_value value;
};
struct nh_automation_run {
    nh_span_t device, scenario; // an id, of a scenario also a name
    const struct nh_automation_parameter *parameters;
    size_t parameter_count;
    enum nh_origin origin;
};
// Starts a scenario for an operator. Returns the number of the instance. NH_ERR_NOT_FOUND;
// NH_ERR_BUSY: it runs, and its mode does not allow another; NH_ERR_FULL: over its `max` or
// instance_max_count; NH_ERR_DENIED: disabled, or all automation is; NH_ERR_AGAIN: its conditions
// do not hold; NH_ERR_NOMEM.
NH_MUST_USE int nh_automation_run(nh_automation_t *a, const struct nh_automation_run *r,
                                  uint64_t now_ms);
// Triggers "button" and "http" of that name. Returns how many scenarios have started.
// NH_ERR_NOT_FOUND: no trigger has the name.
NH_MUST_USE int nh_automation_button(nh_automation_t *a, nh_span_t name, enum nh_origin origin,
                                     uint64_t now_ms);
NH_MUST_USE int nh_automation_call(nh_automation_t *a, nh_span_t name,
                                   const struct nh_automation_parameter *parameters, size_t count,
                                   uint64_t now_ms);

// Cancels an instance, or all of a device; with their `on_stop`. Returns how many.
// NH_ERR_NOT_FOUND: no such instance, no such device.
NH_MUST_USE int nh_automation_cancel(nh_automation_t *a, uint32_t instance, enum nh_origin origin,
                                     uint64_t now_ms);
NH_MUST_USE int nh_automation_cancel_device(nh_automation_t *a, nh_span_t device,
                                            enum nh_origin origin, uint64_t now_ms);
// All; then what the devices have for `safe_off` is sent.
int nh_automation_cancel_all(nh_automation_t *a, enum nh_origin origin, uint64_t now_ms);

// Ends the wait of an instance: skipped, it goes on as if nothing had come; forced, as if it had.
// NH_ERR_NOT_FOUND; NH_ERR_CONFLICT: it does not wait.
NH_MUST_USE int nh_automation_skip(nh_automation_t *a, uint32_t instance, enum nh_origin origin,
                                   uint64_t now_ms);
NH_MUST_USE int nh_automation_force(nh_automation_t *a, uint32_t instance, enum nh_origin origin,
                                    uint64_t now_ms);

// After three starts in a row that ended within a minute, nothing starts by itself until this.
void nh_automation_enable(nh_automation_t *a, bool is_enabled, enum nh_origin origin,
                          uint64_t now_ms);
// Back to its start, as an operator's reset of one template. NH_ERR_NOT_FOUND.
NH_MUST_USE int nh_automation_template_reset(nh_automation_t *a, nh_span_t device,
                                             enum nh_template_type type, enum nh_origin origin,
                                             uint64_t now_ms);

// ---- the game -----------------------------------------------------------------------------------

enum nh_game_state { NH_GAME_IDLE, NH_GAME_RUNNING, NH_GAME_ENDED };
struct nh_game_info {
    enum nh_game_state state;
    bool is_paused; // also without a game: then waits stand still alone
    bool is_timed;  // the configuration has a game with a duration
    uint32_t duration_ms;
    int64_t added_ms;
    uint64_t elapsed_ms, left_ms;
    uint32_t hint_count, hints_sent;
    char team[64];
};
void nh_automation_game_info(const nh_automation_t *a, struct nh_game_info *out);
// `add_ms` with ADD. NH_ERR_CONFLICT: not from the state it is in; NH_ERR_RANGE: add_ms.
NH_MUST_USE int nh_automation_game(nh_automation_t *a, enum nh_clock_action action, int64_t add_ms,
                                   enum nh_origin origin, uint64_t now_ms);
// Starts a game for a team, whose name (copied) holds until the room is reset. As above;
// NH_ERR_TOO_LONG: over 63 bytes. After an error the team is as before.
NH_MUST_USE int nh_automation_game_start(nh_automation_t *a, nh_span_t team, enum nh_origin origin,
                                         uint64_t now_ms);
// Who asks next over HTTP, for the operator's log; copied. NULL: nobody is signed in.
void nh_automation_user_set(nh_automation_t *a, const char *user);
// Sends hint `index` of the configuration, or a text of the operator's (index < 0).
NH_MUST_USE int nh_automation_hint(nh_automation_t *a, int index, nh_span_t text,
                                   enum nh_origin origin, uint64_t now_ms);

// Writes the monitor of a device as GET /api/automation/monitors has it; not `is_whole`: without
// what only its template knows, which may be some KiB. False: the device has no template of this
// enum nh_template_type, and nothing was written.
bool nh_automation_monitor_write(const nh_automation_t *a, uint32_t device, int type, bool is_whole,
                                 nh_json_writer_t *w);
uint32_t nh_automation_device_count(const nh_automation_t *a); // of those in force

// ---- figures ------------------------------------------------------------------------------------

struct nh_automation_info {
    bool is_enabled; // false: after starts that crashed, or by an operator
    uint32_t instance_count, instance_peak, running_count, waiting_count, queued_count;
    uint32_t flag_count, variable_count, filter_count, trigger_count, suspended_count;
    uint32_t trace_bytes, inbox_bytes, outbox_bytes;
    uint64_t started, done, failed, cancelled;
    uint64_t triggered, messages, steps, published;
    uint64_t ignored;        // mode single, or conditions that did not hold
    uint64_t refused;        // over a scenario's `max`
    uint64_t instances_full; // over instance_max_count
    uint64_t flags_full, variables_full, filters_full, values_too_long, texts_too_long;
    uint64_t locals_full;     // over local_max_bytes
    uint64_t suspensions;     // over flood_max_count
    uint64_t flooded;         // triggerings of suspended scenarios
    uint64_t yields;          // over turn_max_steps
    uint64_t calls_cut;       // over call_max_turns
    uint64_t publish_delayed; // over publish_max_per_s
    uint64_t on_stop_cut;     // over on_stop_max_steps
    uint64_t depth_refused;   // over run_depth_max
    uint64_t inbox_dropped;   // over inbox_max_bytes
    uint64_t outbox_dropped;  // over outbox_max_bytes, or before safe_off
    uint64_t traces_cut;      // over trace_bytes: the older half was forgotten
    uint64_t traces_missing;  // over trace_total_bytes
    uint64_t log_forgotten;   // over log_max_count
    uint64_t sets_refused;    // needed more than a limit, or could not be made ready
    uint64_t no_memory;
    uint64_t store_failed;   // commits that the store refused
    uint64_t journal_full;   // over journal_max_count, or a value over text_max_bytes
    uint32_t journal_count;  // keys in the store, or to be
    uint32_t journal_dirty;  // of which the store differs
    uint32_t store_retry_ms; // between two tries; 0: there is nothing to try again
    uint32_t cut_short;      // instances that a restart ended
    uint32_t resumed;        // and those that went on
};
void nh_automation_info(const nh_automation_t *a, struct nh_automation_info *out);

// 0, or NH_ERR_CORRUPT: something is in two places, or in none (tests).
NH_MUST_USE int nh_automation_check(const nh_automation_t *a);

// ---- HTTP ---------------------------------------------------------------------------------------

// Routes of /api/automation and /api/game, and of /api/devices what runs.
#define NH_AUTOMATION_TABLE_COUNT 2
// `has_get_changes`: also the older GET /api/devices/run.
void nh_automation_routes(nh_automation_t *a, bool has_get_changes,
                          struct nh_route_table out[NH_AUTOMATION_TABLE_COUNT]);
// What runs on a set that is not in force any more, as a JSON array of at most 1 KiB: the oldest
// that fit.
void nh_automation_write_running(nh_automation_t *a, nh_json_writer_t *w);
// "automation", "game", "monitors".
#define NH_AUTOMATION_FEED_COUNT 3
void nh_automation_feed_parts(nh_automation_t *a, nh_feed_part_t out[NH_AUTOMATION_FEED_COUNT]);

#endif
