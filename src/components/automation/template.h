// template.h - what a device is: seven small machines that turn messages, flags and time into
// messages, tracks and scenarios. Sans-IO; one block of memory each, made once.
//
//   uid_validator  readers, and the cards each of them wants
//   signal_hold    something that must be held for a while
//   on_mqtt_event  messages that start scenarios
//   on_flag        flags that start scenarios
//   if_condition   flags together that start scenarios
//   interval_task  a scenario again and again
//   sequence_lock  messages in an order
//
// One task makes every call. Times are ms of one monotonic clock that may stand still (a paused
// game). docs/templates.md tells the rules of each machine.

#ifndef NH_AUTOMATION_TEMPLATE_H
#define NH_AUTOMATION_TEMPLATE_H

#include "components/devices/devices.h"

#define NH_TEMPLATE_LAST_VALUE_MAX_BYTES 64 // of a reader's last card, for people; longer is cut

// What a template does to the world; all functions are needed. None may call back into the
// template: what follows from a publish or a start is to wait until the call has returned.
struct nh_template_host {
    void (*publish)(void *ctx, nh_span_t topic, nh_span_t payload);
    // Returns the number of the audio instance; 0: it does not play.
    uint32_t (*play)(void *ctx, enum nh_step_channel channel, nh_span_t track, bool is_repeated);
    // Of an instance that may have ended meanwhile. A paused one keeps its position.
    void (*pause)(void *ctx, uint32_t instance);
    void (*resume)(void *ctx, uint32_t instance);
    void (*stop)(void *ctx, uint32_t instance);
    void (*start)(void *ctx, nh_span_t scenario); // of the template's device; it is there
    bool (*is_running)(void *ctx, nh_span_t scenario);
    bool (*flag)(void *ctx, nh_span_t name); // one that is not known is false
    // For triggers: uid "success", "fail"; signal "active", "paused", "completed", "reset";
    // sequence "step", "success", "fail", "timeout"; condition "true", "false". After all it does.
    void (*outcome)(void *ctx, const char *word);
};

typedef struct nh_template nh_template_t;

// The template of a device of `set`; the set outlives it, or nh_template_rebind() gives it another.
// `host` is borrowed for its life. NH_ERR_NOT_FOUND: the device has none; NH_ERR_NOMEM.
NH_MUST_USE int nh_template_create(nh_mem_t *mem, const nh_device_set_t *set, uint32_t device,
                                   const struct nh_template_host *host, void *ctx,
                                   nh_template_t **out);
void nh_template_destroy(nh_template_t *t); // stops nothing; NULL: nothing

// The bytes of memory that the template of a device takes: at most 192, and 66 a reader or 1 a rule
// of flags. 0: it has none.
size_t nh_template_bytes(const nh_device_set_t *set, uint32_t device);

// Goes on with what it has counted, on a device of another set whose template record says the same
// (nh_rec_equal).
void nh_template_rebind(nh_template_t *t, const nh_device_set_t *set, uint32_t device);

// Begins: looks at the flags, sets the timers. Once, after which the others may be called.
void nh_template_start(nh_template_t *t, uint64_t now_ms);

void nh_template_message(nh_template_t *t, nh_span_t topic, nh_span_t payload, uint64_t now_ms);
void nh_template_flag(nh_template_t *t, nh_span_t name, bool state, uint64_t now_ms);
// An audio instance has ended, of whoever.
void nh_template_audio_finished(nh_template_t *t, uint32_t instance, uint64_t now_ms);
void nh_template_tick(nh_template_t *t, uint64_t now_ms);
// When tick() has something to do; NH_NEVER.
uint64_t nh_template_next_deadline(const nh_template_t *t);
// Back to the beginning, as an operator wants it. Its own tracks are stopped, no others.
void nh_template_reset(nh_template_t *t, uint64_t now_ms);

// Calls `visit` with each topic or filter that nh_template_message() wants, some maybe twice.
void nh_template_filters_each(const nh_device_set_t *set, uint32_t device,
                              void (*visit)(void *ctx, nh_span_t filter), void *ctx);

enum nh_template_type nh_template_type(const nh_template_t *t);

// For conditions `template_state` and for people: uid "idle", "active", "success", "fail"; signal
// "idle", "active", "paused", "completed"; sequence "idle", "active", "completed", "failed",
// "timeout"; condition "true", "false"; the others "active". Static.
const char *nh_template_state(const nh_template_t *t);

// Writes the members of an object that is open: "state" and what the machine has to show.
void nh_template_monitor_write(const nh_template_t *t, nh_json_writer_t *w, uint64_t now_ms);

#endif
