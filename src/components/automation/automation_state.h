// automation_state.h - what the files of this folder share: the things an automation is made of.
//
//   plan ------- scenarios[] --- runs (instances), oldest first
//    |               |             `- branch: frames, what it waits for, a timer
//    |               `- trace
//    |- triggers[] -- hang on topics, flags, variables, devices
//    `- devices[]
//
// Topics, flags, variables, devices and scenarios are found by name and outlive a plan; a run holds
// the set it began with, and knows steps by their place in it.
//
// Nothing calls out while it walks a list of its own. A call from outside marks what is ready and
// then settles: it lets each ready branch have a turn, until nothing is ready or it has done
// enough.

#ifndef NH_AUTOMATION_STATE_H
#define NH_AUTOMATION_STATE_H

#include "components/automation/automation.h"
#include "components/automation/expr.h"
#include "components/automation/names.h"
#include "components/automation/wake.h"
#include "core/base/list.h"

#define NH_FRAME_INLINE_COUNT 2 // deeper ones are taken when they are needed
#define NH_FRAME_MAX_COUNT (NH_DEVICE_DEPTH_MAX + 1)
#define NH_ITERATION_MAX 0xFFFFFFu

enum nh_timer_kind {
    NH_TIMER_BRANCH,
    NH_TIMER_TRIGGER,
    NH_TIMER_DEVICE,
    NH_TIMER_GAME,
    NH_TIMER_OUTBOX,
    NH_TIMER_BOOT,    // the start did not crash
    NH_TIMER_JOURNAL, // a store that refused is tried again
};

// ---- branches and runs --------------------------------------------------------------------------

// Which list of steps a frame is in: of `branches` it is NH_LIST_BRANCH and the branch's number.
enum nh_step_list {
    NH_LIST_STEPS, // of a scenario, or of `repeat`
    NH_LIST_ON_STOP,
    NH_LIST_THEN,
    NH_LIST_ELSE,
    NH_LIST_DEFAULT,
    NH_LIST_BRANCH = 16,
};

struct nh_frame {
    uint32_t first, step; // places; 0: the list is empty, or at its end
    uint16_t index, count;
    uint32_t iteration : 24; // of `repeat`, from 0
    uint32_t list : 8;       // enum nh_step_list
};
_Static_assert(sizeof(struct nh_frame) == 16, "two stand in each instance");

enum nh_wait {
    NH_WAIT_NONE,
    NH_WAIT_BEFORE, // delay_ms of a step that is not `delay`
    NH_WAIT_DELAY,
    NH_WAIT_FLAGS,
    NH_WAIT_EVENT,
    NH_WAIT_OPERATOR,
    NH_WAIT_AUDIO,
    NH_WAIT_RUN,
    NH_WAIT_COMMAND,
    NH_WAIT_BRANCHES,
    NH_WAIT_RATE, // publish_max_per_s
    NH_WAIT_KIND_COUNT,
};

enum nh_woken {
    NH_WOKEN_NOT,
    NH_WOKEN_TIME,
    NH_WOKEN_MET,
    NH_WOKEN_SKIPPED,
    NH_WOKEN_FORCED,
    NH_WOKEN_FAILED, // what was waited for failed
};

enum nh_branch_flag {
    NH_BRANCH_DELAYED = 1,    // delay_ms of the step at hand is over
    NH_BRANCH_HAS_RESULT = 2, // `wait.completed` is known
    NH_BRANCH_COMPLETED = 4,
    NH_BRANCH_WAS_PAUSED = 8, // audio: paused when it was looked at
};

struct nh_run;
struct nh_topic;

// One of several flags that a branch waits for; in the list of the first it stands itself.
struct nh_watch {
    nh_list_t link;
    struct nh_branch *branch;
    struct nh_watch *next;
};

struct nh_branch {
    struct nh_run *run;
    nh_list_t link; // among the ready or the stopping, or those who wait for one thing
    struct nh_wake_timer timer;
    struct nh_frame frames[NH_FRAME_INLINE_COUNT];
    struct nh_frame *more;        // deeper ones
    union {                       // by `wait`
        struct nh_watch *watches; // FLAGS, but for the first
        struct nh_topic *topic;   // EVENT, COMMAND
        struct nh_run *callee;    // RUN
        uint32_t child_count;     // BRANCHES
        struct {
            uint32_t instance, left_ms;
        } audio; // AUDIO
    } on;
    uint32_t waits_since_ms; // of the room, cut to 32 bits: for the trace
    uint8_t depth;           // frames in use
    uint8_t more_count;      // frames that `more` has room for
    uint8_t wait : 4;        // enum nh_wait
    uint8_t woken : 4;       // enum nh_woken
    uint8_t flags;
};
_Static_assert(NH_WAIT_KIND_COUNT <= 16, "it has four bits");

// A branch of `parallel`.
struct nh_child {
    struct nh_branch branch;
    struct nh_branch *parent;
    struct nh_child *next;
    struct nh_local *locals; // its own: what its waits brought, the id of its last command
};

struct nh_local { // a variable of a run, or the counter of a `loop` step
    struct nh_local *next;
    double number;
    uint32_t place; // not 0: the loop
    uint32_t count; // of the loop; of a variable the length of its text
    uint8_t kind;   // enum nh_value_kind
    uint8_t name_len;
    char bytes[]; // name, text
};

// What started a run, shared by all that it started.
struct nh_cause {
    uint32_t refs;
    uint32_t topic_len, payload_len;
    uint32_t lost_bytes; // of a payload over value_max_bytes, which is not kept; else 0
    bool has_topic, has_payload;
    uint8_t bytes[]; // topic, payload
};

enum nh_run_state {
    NH_RUN_QUEUED,
    NH_RUN_ACTIVE,
    NH_RUN_STOPPING, // does its on_stop
};
enum nh_run_end { NH_RUN_DONE, NH_RUN_FAILED, NH_RUN_CANCELLED };
enum nh_run_flag {
    NH_RUN_UNFROZEN = 1, // an operator started it during a pause: it lives by the second clock
    NH_RUN_DOOMED = 2,   // is to be cancelled when the step at hand returns
    NH_RUN_PERSIST = 4,
    NH_RUN_OLD = 8, // on a set that is not in force any more
};

struct nh_run {
    struct nh_branch main;
    struct nh_scenario *scenario;
    nh_device_set_t *set;
    nh_list_t link; // scenario->runs
    struct nh_branch *caller;
    struct nh_local *locals;
    struct nh_cause *cause;
    struct nh_child *children;
    struct nh_kept *kept; // NULL: the journal knows nothing of it
    uint64_t started_ms;
    uint32_t id, place; // of the scenario in its set
    uint32_t trigger;   // place; 0: none
    uint16_t stop_steps;
    uint16_t local_bytes;
    uint8_t state, end, origin, depth; // end: what is to become of it while STOPPING
    uint8_t flags;
};

// ---- what is found by name ----------------------------------------------------------------------

#define NH_TRACE_TEXT_MAX_BYTES 120 // the rest of a longer text is left out
struct nh_trace {
    uint32_t cap, used;
    uint32_t failed_run, failed_len;
    uint8_t *failed; // records of the last run that failed
    uint8_t bytes[];
};

struct nh_scenario {
    struct nh_name name; // "device\0scenario"
    nh_list_t runs;      // oldest first
    struct nh_trace *trace;
    uint64_t window_ms, suspended_until_ms;
    uint32_t window_count;
    uint32_t active_count, queued_count; // active: also those that stop
    uint32_t index;                      // in the set in force
    uint32_t mark;                       // of the plan that has it; another: it has gone
    uint32_t device_len;
    uint32_t done, failed, cancelled, ignored;
    uint16_t pins;        // not 0: it stays
    int16_t last_ignored; // why, if that is the newest in the trace; else 0
};

struct nh_topic {
    struct nh_name name;
    struct nh_automation_filter filter;
    struct nh_trigger *triggers;
    nh_list_t waiters;         // branches
    struct nh_device *devices; // whose status it tells
    struct nh_topic *next_wild;
    uint32_t refs, template_refs, status_refs;
    bool is_wild, is_told; // told: filter_add() took it
};

struct nh_flag {
    struct nh_name name;
    nh_list_t waiters, watches; // branches that wait for it first, or among others
    struct nh_trigger *triggers;
    uint64_t changed_ms;   // on the room's clock
    uint32_t refs;         // how often plans name it
    bool value, is_known;  // known: it was set
    bool is_mentioned : 1; // while names are swept
    bool is_stale : 1;     // only the set before names it
    bool is_fresh : 1;     // it was made for a set that is not in force yet
};

struct nh_variable {
    struct nh_name name;
    struct nh_trigger *triggers;
    struct nh_kept *kept; // NULL: the journal knows nothing of it
    char *text;
    double number;
    uint32_t len;
    uint32_t refs;     // how often plans name it
    uint8_t kind;      // enum nh_value_kind; NONE: only asked for
    bool is_kept;      // over a restart
    bool is_missed;    // it has changed, and the journal had no room for it
    bool is_declared;  // in the set in force
    bool has_first;    // and it has a value there
    bool is_initial;   // its first value came with the set that is just coming into force
    bool is_mentioned; // while names are swept
    bool is_stale;     // only the set before names it
    bool is_fresh;     // it was made for a set that is not in force yet
};

enum nh_device_status { NH_DEVICE_UNKNOWN, NH_DEVICE_ONLINE, NH_DEVICE_OFFLINE };
struct nh_device {
    struct nh_name name;
    struct nh_wake_timer timer; // of its silence
    struct nh_device *next;     // of the topic
    struct nh_trigger *triggers;
    uint64_t changed_ms; // on the second clock
    uint32_t index, mark;
    uint8_t status;
};

// ---- the plan: a set, made ready ----------------------------------------------------------------

struct nh_trigger {
    struct nh_wake_timer timer; // of the room, but for TIME
    struct nh_trigger *next;    // of what it hangs on
    struct nh_scenario *scenario;
    struct nh_cause *cause; // while `for_ms` runs
    union {
        struct nh_topic *topic;
        struct nh_flag *flag;
        struct nh_variable *variable;
        struct nh_device *device;
    } on;
    uint64_t ready_ms;              // of the room: cool-down
    int64_t last_local, next_local; // TIME: the second that it fired for, and that it is armed for
    uint32_t place;                 // 0: an older binding of a topic
    uint32_t fired;
    uint8_t type; // enum nh_trigger_type
    bool is_true; // what it looks for holds
};

struct nh_template_use;

struct nh_plan {
    nh_device_set_t *set;
    uint32_t scenario_count, device_count, trigger_count;
    uint32_t mark;
    struct nh_scenario **scenarios; // as in the set
    struct nh_device **devices;     // as in the set
    struct nh_topic **status;       // of each device; NULL: it tells none
    struct nh_template_use **uses;  // of each device; NULL: no template, or it goes on from before
    uint32_t template_topic_count;  // how many references templates have been given
    uint32_t name_count;            // how many references flags and variables have been given
    uint32_t text_count;
    char **texts; // of the first values of its variables, as in the set; NULL: none
    struct nh_trigger *triggers;
};

// ---- the automation -----------------------------------------------------------------------------

struct nh_inbox { // of the outbox as well
    struct nh_inbox *next;
    uint32_t topic_len, payload_len;
    bool is_retained;
    uint8_t bytes[];
};

enum nh_after_stop { NH_AFTER_SAFE_OFF = 1, NH_AFTER_RESET = 2 };

struct nh_log_entry {
    int64_t unix_ms;
    uint64_t seq;
    uint8_t origin;
    char action[15];
    char user[32]; // of NH_ORIGIN_HTTP: who was signed in; "": nobody
    char text[64];
};

#define NH_TEAM_MAX_BYTES 64
#define NH_GAME_ADD_MAX_MS 86400000 // what is added in all, or taken away
struct nh_game {
    struct nh_wake_timer timer;
    uint8_t state; // enum nh_game_state
    bool is_paused;
    uint64_t started_ms, ended_ms; // of the room
    int64_t added_ms;
    uint32_t hints_sent;
    char team[NH_TEAM_MAX_BYTES];
};

// What the journal knows of a key. It is *dirty* when the store may differ from what it should
// hold: what its owner is now, or nothing when there is no owner any more. What is to be written is
// made when it is written; so a key costs this much however often it changes, and removing needs no
// memory.
struct nh_kept {
    nh_list_t link; // among the dirty or the flying; clean: in none
    union {
        struct nh_run *run;
        struct nh_variable *variable;
        void *owner; // NULL: to be removed
    } of;
    uint64_t digest;  // of a run's scenario; 0: not known yet
    uint8_t kind;     // enum nh_kept_kind
    bool may_exist;   // in the store: it was there, or was given to commit()
    bool is_flying;   // in the batch that is being written
    bool is_removal;  // what was given last
    bool is_changed;  // since the batch was given
    bool is_branches; // what was given last: inside `parallel`
    char key[];
};
enum nh_kept_kind { NH_KEPT_RUN, NH_KEPT_VARIABLE, NH_KEPT_BOOT };

struct nh_journal {
    nh_list_t dirty, flying; // flying: a batch has been given and its end is not known
    struct nh_wake_timer timer;
    struct nh_kept *boot;
    uint32_t count;    // of struct nh_kept
    uint32_t retry_ms; // after a batch that was refused; 0: all is well
    uint32_t gap_ms;   // until what has gaps is looked at again
    uint8_t crashes;   // starts in a row that have not lasted a minute
    bool has_gaps;     // a run or a variable could not be given a struct nh_kept
    bool is_closed;
};

#define NH_CUT_SHORT_MAX_COUNT 16
struct nh_cut_short {  // by a restart
    char scenario[80]; // "device/scenario"
    uint32_t id;
    const char *why; // it did not go on; NULL: it did
};

struct nh_automation {
    nh_mem_t *mem;
    struct nh_automation_limits limits;
    uint32_t walk_count; // walks over the scenarios; none is freed meanwhile
    struct nh_automation_out out;
    struct nh_wake room, second;           // waits; what does not stand still in a pause
    uint64_t now_ms, frozen_ms, paused_ms; // frozen: all pauses until now; paused: since when
    int64_t wall_ms;                       // unix time when now_ms was 0
    int utc_offset_min;
    uint32_t seed, random, next_id, next_request, next_mark;
    // Branches. Yielded: their next turn is in the next tick, a millisecond later, so that a loop
    // without an end does not take all of the processor; held: after the pause.
    nh_list_t ready, stopping, yielded, held;
    uint64_t yielded_ms;       // when the first of the yielded did
    struct nh_branch *current; // whose step is done right now
    struct nh_inbox *inbox, **inbox_end;
    struct nh_inbox *outbox, **outbox_end; // what templates send, over publish_max_per_s
    struct nh_wake_timer outbox_timer;     // of the second clock
    bool is_outbox_over;                   // it was told that something was dropped
    struct nh_names scenarios, topics, flags, variables, devices;
    struct nh_topic *wild_topics;
    nh_list_t audio_waiters;
    struct nh_plan plan, fresh; // fresh: made ready, to come into force or to be dropped
    uint64_t publish_window_ms;
    uint32_t publish_count;
    bool is_busy, is_dry, has_booted, is_boot_ok;
    bool takes_status;  // a topic is being listened on that tells who is online
    uint8_t after_stop; // enum nh_after_stop
    struct nh_game game;
    struct nh_wake_timer boot_timer;
    struct nh_journal journal;
    struct nh_log_entry *log; // a ring
    uint64_t log_seq;
    char user[32]; // who asks over HTTP, for the log
    struct nh_cut_short cut_short[NH_CUT_SHORT_MAX_COUNT];
    struct nh_automation_info info; // counters; the rest is filled in when asked
    uint64_t version[NH_AUTOMATION_PART_COUNT];
    struct nh_dry *dry;      // where a dry run tells
    char *scratch, *text[3]; // of text_max_bytes + 1 each
    int lookup_err;          // of a name that has a value, which could not be kept
    char why[160];           // of the failure at hand, or what the step was about
};

// What a step comes to; < 0: it failed, and a->why may say more.
enum nh_step_outcome {
    NH_OUTCOME_DONE,
    NH_OUTCOME_WAITS,
    NH_OUTCOME_MOVED, // the frames say where it goes on
    NH_OUTCOME_ENDED, // the run has ended, or stops: nothing of it may be touched
};

// ---- automation.c -------------------------------------------------------------------------------

bool nh_automation__enter(nh_automation_t *a, uint64_t now_ms); // false: from within a callback
void nh_automation__leave(nh_automation_t *a);                  // settles
void nh_automation__changed(nh_automation_t *a, enum nh_automation_part part);
uint64_t nh_automation__room_ms(const nh_automation_t *a);
int64_t nh_automation__unix_ms(const nh_automation_t *a);
// Puts a text in a->why, for the trace, and gives `err`.
int nh_automation__fail(nh_automation_t *a, int err, const char *fmt, ...) NH_PRINTF(3, 4);
#define NH_NOTE(a, ...) (void)nh_automation__fail(a, 0, __VA_ARGS__)
#define NH_TEXT(span) (int)(span).len, (const char *)(span).ptr

static inline bool nh_span__equal(nh_span_t a, nh_span_t b)
{
    return a.len == b.len && (a.len == 0 || __builtin_memcmp(a.ptr, b.ptr, a.len) == 0);
}
static inline nh_span_t nh_name__span(const struct nh_name *n)
{
    return (nh_span_t){(const uint8_t *)n->text, n->len};
}

// ---- topics.c -----------------------------------------------------------------------------------

// The topic of a filter, with one more reference. NH_ERR_FULL, NH_ERR_NOMEM, or what the
// subscription came to.
NH_MUST_USE int nh_topic__get(nh_automation_t *a, nh_span_t filter, struct nh_topic **out);
NH_MUST_USE int nh_topic__get_status(nh_automation_t *a, nh_span_t topic, struct nh_topic **out);
void nh_topic__put(nh_automation_t *a, struct nh_topic *t); // one reference less; NULL: nothing
// Each topic that takes it.
void nh_topic__match(nh_automation_t *a, nh_span_t topic,
                     void (*visit)(nh_automation_t *a, struct nh_topic *t, void *ctx), void *ctx);
bool nh_topic__is_first(const nh_automation_t *a, const struct nh_automation_filter *f,
                        nh_span_t topic);
// Handles a message now: triggers, templates, who waits, status.
void nh_topic__message(nh_automation_t *a, nh_span_t topic, nh_span_t payload);
bool nh_topic__is_status(const nh_automation_t *a, nh_span_t topic);
bool nh_topic__is_heard(const nh_automation_t *a, nh_span_t topic); // by any filter
void nh_topic__status(nh_automation_t *a, nh_span_t topic, nh_span_t payload);

// ---- state.c: flags, variables, devices ---------------------------------------------------------

NH_MUST_USE int nh_flag__get(nh_automation_t *a, nh_span_t name, struct nh_flag **out);
NH_MUST_USE int nh_flag__set(nh_automation_t *a, nh_span_t name, bool value);
bool nh_flag__is(const nh_automation_t *a, nh_span_t name);
NH_MUST_USE int nh_variable__get(nh_automation_t *a, nh_span_t name, struct nh_variable **out);
NH_MUST_USE int nh_variable__set(nh_automation_t *a, nh_span_t name, const struct nh_value *v);
struct nh_value nh_variable__value(const struct nh_variable *v);
struct nh_device *nh_device__find(const nh_automation_t *a, nh_span_t id);
void nh_device__message(nh_automation_t *a, struct nh_device *d, nh_span_t payload);
void nh_device__silent(nh_automation_t *a, struct nh_device *d); // its timer
void nh_state__reset(nh_automation_t *a);                        // flags and variables
void nh_state__destroy(nh_automation_t *a);
// Takes the value that a set has for it, if it has none yet; nobody is told. `text` is the copy of
// a text, which is taken then (true).
bool nh_variable__begin(struct nh_variable *v, const struct nh_value *value, char *text);
void nh_state__flag_forget(nh_automation_t *a, struct nh_flag *f);
void nh_state__variable_forget(nh_automation_t *a, struct nh_variable *v);

// ---- texts.c: {{ }}, expressions, variables of a run --------------------------------------------

struct nh_context { // who asks: NULL where there is none
    nh_automation_t *a;
    const struct nh_branch *branch;
    const struct nh_cause *cause;
    uint32_t trigger;                                 // place in the branch's set, or the plan's
    const struct nh_automation_parameter *parameters; // before all other names
    size_t parameter_count;
};
// The text with its {{ }} put in, in a->text[buffer] with a NUL. < 0: nh_step_outcome.
NH_MUST_USE int nh_texts__fill(const struct nh_context *c, nh_span_t text, int buffer,
                               nh_span_t *out);
NH_MUST_USE int nh_texts__eval(const struct nh_context *c, nh_span_t text, struct nh_value *out);
bool nh_texts__lookup(const struct nh_context *c, nh_span_t name, struct nh_value *out);
struct nh_context nh_texts__of(nh_automation_t *a, const struct nh_branch *b);
NH_MUST_USE int nh_local__set(nh_automation_t *a, struct nh_run *r, nh_span_t name,
                              const struct nh_value *v);
struct nh_local *nh_local__find(const struct nh_run *r, nh_span_t name);
// Of a branch alone; of the main one they are the run's. Found from the branches off it, too.
NH_MUST_USE int nh_local__set_own(nh_automation_t *a, struct nh_branch *b, nh_span_t name,
                                  const struct nh_value *v);
void nh_local__remove_own(nh_automation_t *a, struct nh_branch *b, nh_span_t name);
void nh_local__hand_up(nh_automation_t *a,
                       struct nh_branch *b); // as the branch ends, to its parent
void nh_local__free_own(nh_automation_t *a, struct nh_branch *b);
// The counter of the `loop` at `place`. NULL: no memory.
struct nh_local *nh_local__loop(nh_automation_t *a, struct nh_run *r, uint32_t place);
void nh_local__remove(nh_automation_t *a, struct nh_run *r, struct nh_local *l);
void nh_local__free(nh_automation_t *a, struct nh_run *r);
struct nh_value nh_local__value(const struct nh_local *l);
struct nh_cause *nh_cause__make(nh_automation_t *a, nh_span_t topic, nh_span_t payload);
struct nh_cause *nh_cause__ref(struct nh_cause *c); // NULL: NULL
void nh_cause__unref(nh_automation_t *a, struct nh_cause *c);

// ---- conditions.c -------------------------------------------------------------------------------

// Whether all of a list hold.
bool nh_condition__all(const struct nh_context *c, nh_rec_t owner, enum nh_field list);
bool nh_condition__requirements(const nh_automation_t *a, nh_rec_t wait);
bool nh_condition__day(const nh_automation_t *a, nh_rec_t r, int64_t local_s);
int64_t nh_condition__local_s(const nh_automation_t *a);

// ---- runs.c -------------------------------------------------------------------------------------

struct nh_start {
    struct nh_scenario *scenario;
    struct nh_cause *cause;
    uint32_t trigger;
    enum nh_origin origin;
    const struct nh_automation_parameter *parameters;
    size_t parameter_count;
    struct nh_branch *caller; // that waits for its end; NULL: nobody
    uint8_t depth;
    bool is_operator; // neither counted as a flood nor held in a pause
    bool is_unfrozen; // not held in a pause: one that is not held runs it
};
// The id of the instance. Errors as nh_automation_run().
NH_MUST_USE int nh_run__start(nh_automation_t *a, const struct nh_start *s);
void nh_run__stop(nh_automation_t *a, struct nh_run *r, enum nh_run_end end, const char *why);
void nh_run__finish(nh_automation_t *a, struct nh_run *r); // done
void nh_run__drop(nh_automation_t *a, struct nh_run *r);   // at the end of the automation
int nh_run__stop_all(nh_automation_t *a, struct nh_scenario *s, const char *why);
struct nh_run *nh_run__find(const nh_automation_t *a, uint32_t id);
struct nh_wake *nh_run__wake(nh_automation_t *a, const struct nh_run *r);
uint64_t nh_run__now(const nh_automation_t *a, const struct nh_run *r);
int nh_run__make(nh_automation_t *a, struct nh_scenario *s, bool is_unfrozen, struct nh_run **out);
nh_span_t nh_scenario__device(const struct nh_scenario *s);
nh_span_t nh_scenario__id(const struct nh_scenario *s);
struct nh_scenario *nh_scenario__find(const nh_automation_t *a, nh_span_t device, nh_span_t id);
void nh_scenario__sweep(nh_automation_t *a, struct nh_scenario *s); // frees one that has gone
// Around a walk over all scenarios in which runs end: a run that ends may end those of others.
void nh_scenario__walk_begin(nh_automation_t *a);
void nh_scenario__walk_end(nh_automation_t *a);

// ---- turns.c: from step to step -----------------------------------------------------------------

void nh_turn__take(nh_automation_t *a, struct nh_branch *b);
struct nh_frame *nh_turn__frame(const struct nh_branch *b, unsigned depth);
struct nh_frame *nh_turn__top(const struct nh_branch *b);
nh_rec_t nh_turn__step(const struct nh_branch *b); // of the frame on top
NH_MUST_USE int nh_turn__push(nh_automation_t *a, struct nh_branch *b, nh_rec_t owner,
                              enum nh_field field, unsigned list);
void nh_turn__advance(struct nh_branch *b); // to the next step of the list
void nh_turn__jump(struct nh_branch *b, uint32_t index);
void nh_turn__free_frames(nh_automation_t *a, struct nh_branch *b);
struct nh_child *nh_turn__child(const struct nh_branch *b);   // that it is; not the main one
struct nh_branch *nh_turn__parent(const struct nh_branch *b); // of a branch of `parallel`
void nh_turn__free_children(nh_automation_t *a, struct nh_branch *parent); // and theirs
void nh_turn__ready(nh_automation_t *a, struct nh_branch *b);
NH_MUST_USE int nh_turn__fork(nh_automation_t *a, struct nh_branch *parent, nh_rec_t branch,
                              unsigned which); // a branch of `parallel`, made ready

// ---- waits.c ------------------------------------------------------------------------------------

// Registers a wait of `ms` (0: for ever) and gives WAITS.
int nh_wait__begin(nh_automation_t *a, struct nh_branch *b, enum nh_wait wait, uint64_t ms);
int nh_wait__flags(nh_automation_t *a, struct nh_branch *b, nh_rec_t wait);
int nh_wait__flags_for(nh_automation_t *a, struct nh_branch *b, nh_rec_t wait, uint64_t ms);
int nh_wait__topic(nh_automation_t *a, struct nh_branch *b, enum nh_wait wait, nh_span_t filter,
                   uint64_t ms);
void nh_wait__leave(nh_automation_t *a, struct nh_branch *b); // takes it out of every list
void nh_wait__wake(nh_automation_t *a, struct nh_branch *b, enum nh_woken how);
// The branch of a run that an operator would go on with; NULL: none waits.
struct nh_branch *nh_wait__of_run(struct nh_run *r);
void nh_wait__time(nh_automation_t *a, struct nh_branch *b); // its timer
// What the step at hand comes to, now that its wait is over.
int nh_wait__over(nh_automation_t *a, struct nh_branch *b);
void nh_wait__flag(nh_automation_t *a, struct nh_flag *f);
void nh_wait__message(nh_automation_t *a, struct nh_topic *t, nh_span_t topic, nh_span_t payload);
void nh_wait__audio(nh_automation_t *a, uint32_t instance, bool is_error);
const char *nh_wait__name(enum nh_wait wait);

// ---- steps.c, steps_flow.c, steps_audio.c -------------------------------------------------------

int nh_step__do(nh_automation_t *a, struct nh_branch *b, nh_rec_t step);
const char *nh_step__name(int type);
#define NH_PARAMETER_MAX_COUNT 16 // of a step; the schema's
// The parameters of a step with their {{ }} put in; their texts stand in a->text[2].
int nh_step__parameters(nh_automation_t *a, struct nh_branch *b, nh_rec_t step,
                        struct nh_automation_parameter out[NH_PARAMETER_MAX_COUNT]);
nh_rec_t nh_step__command(const struct nh_run *r, nh_rec_t step); // `at` NULL: none
int nh_step__if(nh_automation_t *a, struct nh_branch *b, nh_rec_t step);
int nh_step__choose(nh_automation_t *a, struct nh_branch *b, nh_rec_t step);
int nh_step__repeat(nh_automation_t *a, struct nh_branch *b, nh_rec_t step);
int nh_step__parallel(nh_automation_t *a, struct nh_branch *b, nh_rec_t step);
int nh_step__loop(nh_automation_t *a, struct nh_branch *b, nh_rec_t step);
int nh_step__run(nh_automation_t *a, struct nh_branch *b, nh_rec_t step);
int nh_step__stop_scenario(nh_automation_t *a, struct nh_branch *b, nh_rec_t step);
int nh_step__audio(nh_automation_t *a, struct nh_branch *b, nh_rec_t step);
int nh_step__lamp(nh_automation_t *a, struct nh_branch *b, nh_rec_t step);
// Whether `repeat`, whose body has ended, begins it again.
bool nh_step__repeats(nh_automation_t *a, const struct nh_branch *b, nh_rec_t step,
                      uint32_t iteration);
// Sends it now, and counts it.
int nh_step__publish(nh_automation_t *a, nh_span_t topic, nh_span_t payload, uint8_t qos,
                     bool retain);
void nh_step__safe_off(nh_automation_t *a);

// ---- publish.c ----------------------------------------------------------------------------------

// How long a step of this run has to wait before it may publish; 0: it may. Counted.
uint64_t nh_publish__wait_ms(nh_automation_t *a, const struct nh_run *r);
void nh_publish__count(nh_automation_t *a); // one went out
// The output of a template, now or in a later second.
void nh_publish__post(nh_automation_t *a, nh_span_t topic, nh_span_t payload);
void nh_publish__time(nh_automation_t *a); // its timer
void nh_publish__drop(nh_automation_t *a); // what waits in the outbox

// ---- triggers.c, plan.c -------------------------------------------------------------------------

void nh_trigger__message(nh_automation_t *a, struct nh_topic *t, nh_span_t payload,
                         struct nh_cause *cause);
void nh_trigger__flag(nh_automation_t *a, struct nh_flag *f);
void nh_trigger__variable(nh_automation_t *a, struct nh_variable *v);
void nh_trigger__device(nh_automation_t *a, struct nh_device *d);
void nh_trigger__audio(nh_automation_t *a, nh_span_t track, nh_span_t reason);
void nh_trigger__template(nh_automation_t *a, uint32_t device, nh_span_t outcome);
int nh_trigger__named(nh_automation_t *a, enum nh_trigger_type type, nh_span_t name,
                      enum nh_origin origin, const struct nh_automation_parameter *parameters,
                      size_t count);
void nh_trigger__boot(nh_automation_t *a);
void nh_trigger__time(nh_automation_t *a, struct nh_trigger *t); // its timer
void nh_trigger__arm_time(nh_automation_t *a, struct nh_trigger *t);
void nh_trigger__begin(nh_automation_t *a, struct nh_trigger *t); // newly in force
bool nh_trigger__is_timed(const nh_automation_t *a, const struct nh_trigger *t);
struct nh_wake *nh_trigger__wake(nh_automation_t *a, const struct nh_trigger *t);
nh_rec_t nh_trigger__rec(const nh_automation_t *a, const struct nh_trigger *t);

void nh_trigger__look(nh_automation_t *a, struct nh_trigger *t); // whether it holds, told to nobody

void nh_plan__free(nh_automation_t *a, struct nh_plan *p);

// ---- needs.c: what a set names ------------------------------------------------------------------

enum nh_need { NH_NEED_FLAG, NH_NEED_VARIABLE, NH_NEED_TOPIC, NH_NEED_COUNT };
// Flags and variables that its triggers hang on, that its steps set or wait for, and topics that it
// listens on all the time; in one order, each time that it names them. < 0 of `need` ends it.
typedef int (*nh_need_fn)(void *ctx, enum nh_need kind, nh_span_t name);
int nh_needs__each(const nh_device_set_t *set, nh_need_fn need, void *ctx);
// A place for each flag and variable that a plan names. NH_ERR_NOMEM: nh_needs__release().
NH_MUST_USE int nh_needs__claim(nh_automation_t *a, struct nh_plan *p);
void nh_needs__release(nh_automation_t *a, struct nh_plan *p);
// Frees the flags and variables that nothing names any more: not the set in force, not even in a
// text, nor one that a run still holds. What only the set before it names, which may be put back,
// is *stale*: it stays until the next apply, or until its place is needed.
void nh_needs__sweep(nh_automation_t *a, const nh_device_set_t *before);
void nh_needs__sweep_stale(nh_automation_t *a);
void nh_needs__keep_fresh(nh_automation_t *a); // the set that they were made for is in force
void nh_needs__drop_fresh(nh_automation_t *a); // or it is not to be

// ---- game.c -------------------------------------------------------------------------------------

void nh_game__time(nh_automation_t *a); // its timer
void nh_game__plan_changed(nh_automation_t *a);
int nh_game__do(nh_automation_t *a, enum nh_clock_action action, int64_t add_ms,
                enum nh_origin origin);
void nh_game__reset_now(nh_automation_t *a); // all has stopped
void nh_log__add(nh_automation_t *a, enum nh_origin origin, const char *action, const char *fmt,
                 ...) NH_PRINTF(4, 5);
// Entry `back` before the newest; NULL: none is so old.
const struct nh_log_entry *nh_log__at(const nh_automation_t *a, uint64_t seq);
const char *nh_origin__name(int origin);

// ---- trace.c ------------------------------------------------------------------------------------

enum nh_trace_kind {
    NH_TRACE_BEGIN,   // of a run: its origin in `result`, its trigger's id as text
    NH_TRACE_STEP,    // done: its error or 0 in `result`, and what it was about
    NH_TRACE_WAIT,    // begins to wait: enum nh_wait
    NH_TRACE_ON_STOP, // the steps from here on are of `on_stop`
    NH_TRACE_END,     // enum nh_run_end
    NH_TRACE_IGNORED, // did not start: an error
    NH_TRACE_RESUMED,
};
struct nh_trace_record {
    uint8_t kind, step; // step: its type
    int16_t result;
    uint32_t run;
    uint64_t time_ms;
    uint8_t depth;
    struct {
        uint8_t list;
        uint16_t index;
    } path[NH_FRAME_MAX_COUNT];
    nh_span_t text;
};
void nh_trace__add(nh_automation_t *a, struct nh_scenario *s, struct nh_trace_record *r);
void nh_trace__run(nh_automation_t *a, const struct nh_run *r, enum nh_trace_kind kind, int result,
                   nh_span_t text);
void nh_trace__step(nh_automation_t *a, const struct nh_branch *b, enum nh_trace_kind kind,
                    int result, nh_span_t text);
void nh_trace__keep_failed(nh_automation_t *a, struct nh_scenario *s, uint32_t run);
void nh_trace__free(nh_automation_t *a, struct nh_scenario *s);
// The record at `*at` of `bytes`, and `*at` behind it; false: the end.
bool nh_trace__next(const uint8_t *bytes, uint32_t len, uint32_t *at, struct nh_trace_record *out);
// Calls each record, oldest first.
void nh_trace__each(const struct nh_trace *t,
                    bool (*visit)(void *ctx, const struct nh_trace_record *r), void *ctx);

// ---- journal_set.c: what differs from the store -------------------------------------------------

NH_MUST_USE int nh_journal__init(nh_automation_t *a);
void nh_journal__wait(nh_automation_t *a, struct nh_run *r); // it waits: what a restart would need
void nh_journal__end(nh_automation_t *a, struct nh_run *r);
void nh_journal__variable(nh_automation_t *a, struct nh_variable *v); // it has another value
void nh_journal__boot(nh_automation_t *a, uint8_t crashes);           // likewise
// A key that is in the store. NULL: no memory, or over the limit.
struct nh_kept *nh_journal__found(nh_automation_t *a, const char *key, enum nh_kept_kind kind);
void nh_journal__drop(nh_automation_t *a, struct nh_kept *k);   // its owner has gone: removes it
void nh_journal__forget(nh_automation_t *a, struct nh_kept *k); // the store stays as it is
void nh_journal__flush(nh_automation_t *a);                     // at the end of each call
void nh_journal__retry(nh_automation_t *a);                     // its timer
void nh_journal__close(nh_automation_t *a); // writes all that is dirty, for the last time
void nh_journal__info(const nh_automation_t *a, struct nh_automation_info *out);
bool nh_journal__check(const nh_automation_t *a);

// ---- journal.c: what is written, and what is made of it at a start ------------------------------

// What stands for it in the store; its length, at most `cap`. 0: nothing should. NH_ERR_TOO_LONG.
NH_MUST_USE int nh_journal__write_run(nh_automation_t *a, const struct nh_run *r, void *out,
                                      size_t cap);
NH_MUST_USE int nh_journal__write_variable(const struct nh_variable *v, void *out, size_t cap);
NH_MUST_USE int nh_journal__read(nh_automation_t *a); // at the start: variables, crashes
void nh_journal__resume(nh_automation_t *a);          // with the first set
void nh_journal__boot_ok(nh_automation_t *a);

#endif
