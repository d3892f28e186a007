// templates_use.h - the templates of the devices in force, as the automation uses them. Shared in
// this folder only.

#ifndef NH_AUTOMATION_TEMPLATES_USE_H
#define NH_AUTOMATION_TEMPLATES_USE_H

#include "components/automation/automation_state.h"
#include "components/automation/template.h"

struct nh_template_use {
    nh_automation_t *a;
    nh_template_t *template;
    uint32_t device; // in the set in force
    bool is_begun;
    bool goes_on;  // in the set that comes into force
    bool is_ended; // it starts nothing any more
};

// Makes those of a plan that is not in force yet and have none that says the same.
// NH_ERR_NOMEM, NH_ERR_FULL: what was made belongs to the plan.
NH_MUST_USE int nh_templates__prepare(nh_automation_t *a, struct nh_plan *fresh);
// The plan in force ends: what does not go on in the fresh one is reset, so that no track of its
// own plays on and no signal stays on.
void nh_templates__end(nh_automation_t *a, const struct nh_plan *fresh);
// The plan is in force now: what says the same as before goes on where it was.
void nh_templates__begin(nh_automation_t *a, struct nh_plan *old);
void nh_templates__free(nh_automation_t *a, struct nh_plan *p);

void nh_templates__message(nh_automation_t *a, nh_span_t topic, nh_span_t payload);
void nh_templates__flag(nh_automation_t *a, nh_span_t name, bool value);
void nh_templates__audio(nh_automation_t *a, uint32_t instance);
void nh_templates__tick(nh_automation_t *a);
uint64_t nh_templates__next(const nh_automation_t *a); // on the room's clock
void nh_templates__reset(nh_automation_t *a);          // all
bool nh_templates__is(const nh_automation_t *a, nh_span_t device, nh_span_t outcome);

#endif
