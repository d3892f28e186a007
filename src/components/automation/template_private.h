// template_private.h - how templates stand in memory, and what they share. This folder only.

#ifndef NH_AUTOMATION_TEMPLATE_PRIVATE_H
#define NH_AUTOMATION_TEMPLATE_PRIVATE_H

#include "components/automation/template.h"

enum nh_uid__state { NH_UID__IDLE, NH_UID__ACTIVE, NH_UID__SUCCESS, NH_UID__FAIL };
enum nh_hold__state { NH_HOLD__IDLE, NH_HOLD__ACTIVE, NH_HOLD__PAUSED, NH_HOLD__COMPLETED };
enum nh_sequence__state {
    NH_SEQUENCE__IDLE,
    NH_SEQUENCE__ACTIVE,
    NH_SEQUENCE__COMPLETED,
    NH_SEQUENCE__FAILED,
    NH_SEQUENCE__TIMEOUT,
};

struct nh_uid__slot {
    bool is_seen, is_ok;
    uint8_t last_len;
    char last[NH_TEMPLATE_LAST_VALUE_MAX_BYTES - 1];
};

struct nh_uid__machine {
    uint8_t state;         // enum nh_uid__state
    bool is_invalid;       // the round
    uint8_t last_outcome;  // SUCCESS or FAIL; IDLE: none yet
    uint64_t outcome_ms;   // of it
    uint64_t start_ms;     // when the last round was started by a message; NH_NEVER: never
    uint64_t bg_start_ms;  // likewise the background
    uint64_t round_end_ms; // when the round fails; NH_NEVER: it does not
    uint32_t bg;           // instance of the background that plays or is paused; 0: none
    uint32_t fail;         // and of the track it is paused for; 0: it is not
    uint64_t give_up_ms;   // when that wait ends
};

struct nh_hold__machine {
    uint8_t state;           // enum nh_hold__state
    uint32_t hold, complete; // instances; 0: none
    uint64_t accumulated_ms;
    uint64_t last_beat_ms; // while ACTIVE
    uint64_t off_ms;       // when OFF is due; NH_NEVER: never
    bool is_on;            // ON was told, OFF not yet
};

struct nh_condition__machine {
    bool is_true;
};

struct nh_interval__machine {
    uint64_t next_ms;
    uint32_t skipped_count;
};

struct nh_sequence__machine {
    uint8_t state;   // enum nh_sequence__state
    uint32_t index;  // of the step that is expected
    uint64_t end_ms; // when it times out, while ACTIVE; NH_NEVER: not
};

struct nh_template {
    nh_mem_t *mem;
    const struct nh_template_host *host;
    void *ctx;
    const nh_device_set_t *set;
    uint32_t device;
    uint8_t type;  // enum nh_template_type
    bool is_begun; // nh_template_start() was called
    nh_rec_t rec;  // the object of its type: `uid`, `signal`, ...
    union {
        struct nh_uid__machine uid;
        struct nh_hold__machine hold;
        struct nh_condition__machine condition;
        struct nh_interval__machine interval;
        struct nh_sequence__machine sequence;
    } u;
    uint8_t tail[]; // uid: struct nh_uid__slot, one a reader; flag: the state of each rule's flag
};
_Static_assert(sizeof(struct nh_template) <= 192, "as template.h says");
_Static_assert(sizeof(struct nh_uid__slot) == 66, "as template.h says");
_Static_assert(_Alignof(struct nh_uid__slot) == 1, "it stands in a row of bytes");

struct nh_template__type {
    enum nh_field data;      // where its record is in `template`
    size_t tail_bytes;       // for each element
    enum nh_field tail_list; // of this list
    void (*start)(nh_template_t *t, uint64_t now_ms);
    void (*message)(nh_template_t *t, nh_span_t topic, nh_span_t payload, uint64_t now_ms);
    void (*flag)(nh_template_t *t, nh_span_t name, bool state);
    void (*audio_finished)(nh_template_t *t, uint32_t instance);
    void (*tick)(nh_template_t *t, uint64_t now_ms);
    uint64_t (*next_deadline)(const nh_template_t *t);
    void (*reset)(nh_template_t *t, uint64_t now_ms);
    void (*filters)(nh_rec_t rec, void (*visit)(void *ctx, nh_span_t filter), void *ctx);
    const char *(*state)(const nh_template_t *t);
    void (*monitor)(const nh_template_t *t, nh_json_writer_t *w, uint64_t now_ms);
};
extern const struct nh_template__type nh_template__uid, nh_template__hold, nh_template__mqtt,
    nh_template__flag_rules, nh_template__condition, nh_template__interval, nh_template__sequence;

bool nh_template__is_same(nh_span_t a, nh_span_t b);
bool nh_template__is_same_word(nh_span_t a, nh_span_t b); // ignoring the case of A to Z

// Whether a message is what a rule or step wants, its topic apart.
bool nh_template__payload_fits(nh_rec_t rule, nh_span_t payload);

// What a record names, if it does.
void nh_template__publish(nh_template_t *t, enum nh_field topic, enum nh_field payload);
uint32_t nh_template__play(nh_template_t *t, nh_span_t track); // as an effect; 0: it does not play
void nh_template__start_scenario(nh_template_t *t, nh_span_t id); // empty: none
void nh_template__stop(nh_template_t *t, uint32_t *instance);     // and forgets it
void nh_template__visit(nh_span_t filter, void (*visit)(void *ctx, nh_span_t filter), void *ctx);
void nh_template__write_text(nh_json_writer_t *w, const char *key, nh_span_t text);

#endif
