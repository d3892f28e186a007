// automation_api.h - what the route files of this folder share.

#ifndef NH_AUTOMATION_API_H
#define NH_AUTOMATION_API_H

#include "components/automation/automation_state.h"

struct nh_automation_body { // of a POST; what was not given is empty or as said
    nh_span_t device, scenario, name, text, team;
    int64_t instance, ms, index; // -1: not given
    bool is_all, is_enabled, has_value, has_ms;
    struct nh_value value;
    struct nh_automation_parameter parameters[NH_PARAMETER_MAX_COUNT];
    size_t parameter_count;
};
// Reads the body. False: return `*rc`; the reply that says what is wrong is set.
bool nh_automation_api__body(nh_request_t *req, struct nh_automation_body *out, int *rc);

nh_automation_t *nh_automation_api__of(nh_request_t *req);
int nh_automation_api__status(nh_request_t *req, const char *status); // {"status": ...}
// The reply that refuses: `what` is called `value`, and stands in `field` of the body.
int nh_automation_api__refused(nh_request_t *req, int err, const char *what, const char *field,
                               nh_span_t value);
int nh_automation_api__refused_number(nh_request_t *req, int err, const char *what,
                                      const char *field, int64_t value);
int nh_automation_api__refused_scenario(nh_request_t *req, int err, nh_span_t device,
                                        nh_span_t scenario);
const char *nh_automation_api__refusal(int err); // the code that such a reply has

// A list that is written piece by piece; `next` writes one row and goes on, false: there is none.
struct nh_automation_list {
    nh_automation_t *a;
    bool (*next)(struct nh_automation_list *l, nh_json_writer_t *w);
    // What stands before the rows, and behind them; may be NULL: "[" and "]".
    void (*head)(struct nh_automation_list *l, struct nh_json_buf *b);
    const char *tail;
    uint64_t cursor;
    char last[256]; // the last name
    bool has_last;
    uint8_t state; // 0: nothing is written yet, 1: the rows, 2: the end
    bool has_row;
    uint8_t *bytes; // owned: a copy that is listed
    uint32_t len;
    int64_t base_ms;
};
struct nh_automation_list *nh_automation_api__list(nh_request_t *req,
                                                   bool (*next)(struct nh_automation_list *l,
                                                                nh_json_writer_t *w));
int nh_automation_api__send(nh_request_t *req);
void nh_automation_api__kv_span(nh_json_writer_t *w, const char *key, nh_span_t text);
void nh_automation_api__put(struct nh_json_buf *b, const char *text); // its callers leave room
// Adds one part of a place in the configuration, such as "/steps/3". Returns the new length.
size_t nh_automation_api__add_place(char *out, size_t cap, size_t len, unsigned list,
                                    unsigned index);

// automation_lists_api.c
int nh_automation_api__get_automation(nh_request_t *req);
int nh_automation_api__get_flags(nh_request_t *req);
int nh_automation_api__get_variables(nh_request_t *req);
int nh_automation_api__get_monitors(nh_request_t *req);
void nh_automation_api__write_instance(const nh_automation_t *a, const struct nh_run *r,
                                       nh_json_writer_t *w);
const struct nh_run *nh_automation_api__run_after(const nh_automation_t *a, uint64_t id);
// The monitor of a device; false: it has nothing to show.
bool nh_automation_api__write_monitor(const nh_automation_t *a, uint32_t device,
                                      nh_json_writer_t *w);
void nh_automation_api__write_game(const nh_automation_t *a, nh_json_writer_t *w);

// automation_traces_api.c
int nh_automation_api__get_traces(nh_request_t *req);
int nh_automation_api__post_dry_run(nh_request_t *req);

// actions_api.c
int nh_automation_api__get_actions(nh_request_t *req);
int nh_automation_api__get_hints(nh_request_t *req);
// Whether there is such a scenario, by id or name as run() finds it, and it has no button.
bool nh_automation_api__lacks_button(const nh_automation_t *a, nh_span_t device,
                                     nh_span_t scenario);

// game_api.c
extern const nh_route_t nh_automation_api__game_routes[];

#endif
