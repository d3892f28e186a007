// steps_flow.c - the steps that lead elsewhere: choices, repetitions, branches, other scenarios.

#include "components/automation/automation_state.h"

// ---- choices ------------------------------------------------------------------------------------

static int enter(nh_automation_t *a, struct nh_branch *b, nh_rec_t owner, enum nh_field field,
                 unsigned list, const char *what)
{
    NH_NOTE(a, "%s", what);
    nh_trace__step(a, b, NH_TRACE_STEP, 0, nh_span_of(a->why));
    int err = nh_turn__push(a, b, owner, field, list);
    if (err < 0)
        return err;
    return NH_OUTCOME_MOVED;
}

int nh_step__if(nh_automation_t *a, struct nh_branch *b, nh_rec_t step)
{
    struct nh_context c = nh_texts__of(a, b);
    bool holds = nh_condition__all(&c, step, NH_FIELD_CONDITIONS);
    return holds ? enter(a, b, step, NH_FIELD_THEN, NH_LIST_THEN, "then")
                 : enter(a, b, step, NH_FIELD_ELSE, NH_LIST_ELSE, "else");
}

int nh_step__choose(nh_automation_t *a, struct nh_branch *b, nh_rec_t step)
{
    struct nh_context c = nh_texts__of(a, b);
    uint32_t count = nh_rec_count(step, NH_FIELD_BRANCHES);
    for (uint32_t i = 0; i < count; i++) {
        nh_rec_t branch = nh_rec_element(step, NH_FIELD_BRANCHES, i);
        if (nh_condition__all(&c, branch, NH_FIELD_CONDITIONS))
            return enter(a, b, branch, NH_FIELD_STEPS, NH_LIST_BRANCH + i, "a branch");
    }
    return enter(a, b, step, NH_FIELD_DEFAULT, NH_LIST_DEFAULT, "default");
}

// ---- repetitions --------------------------------------------------------------------------------

static bool begins(nh_automation_t *a, const struct nh_branch *b, nh_rec_t step, uint32_t iteration)
{
    struct nh_context c = nh_texts__of(a, b);
    if (nh_rec_has(step, NH_FIELD_COUNT))
        return iteration < (uint64_t)nh_rec_int(step, NH_FIELD_COUNT, 0);
    if (nh_rec_has(step, NH_FIELD_EACH))
        return iteration < nh_rec_count(step, NH_FIELD_EACH);
    if (nh_rec_has(step, NH_FIELD_WHILE))
        return nh_condition__all(&c, step, NH_FIELD_WHILE);
    return iteration == 0 || !nh_condition__all(&c, step, NH_FIELD_UNTIL);
}

bool nh_step__repeats(nh_automation_t *a, const struct nh_branch *b, nh_rec_t step,
                      uint32_t iteration)
{
    return begins(a, b, step, iteration);
}

int nh_step__repeat(nh_automation_t *a, struct nh_branch *b, nh_rec_t step)
{
    if (!begins(a, b, step, 0)) {
        NH_NOTE(a, "0 times");
        return NH_OUTCOME_DONE;
    }
    int err = nh_turn__push(a, b, step, NH_FIELD_STEPS, NH_LIST_STEPS);
    return err < 0 ? err : NH_OUTCOME_MOVED;
}

// A counter a step, which begins anew when it has run out.
int nh_step__loop(nh_automation_t *a, struct nh_branch *b, nh_rec_t step)
{
    nh_rec_t loop = nh_rec_object(step, NH_FIELD_LOOP);
    int64_t max = nh_rec_int(loop, NH_FIELD_MAX_ITERATIONS, 0);
    struct nh_local *counter = NULL;
    if (max > 0) {
        counter = nh_local__loop(a, b->run, nh_rec_place(step));
        if (!counter)
            return NH_ERR_NOMEM;
        if (counter->count++ >= max) {
            nh_local__remove(a, b->run, counter);
            NH_NOTE(a, "%lld times", (long long)max);
            return NH_OUTCOME_DONE;
        }
    }
    nh_turn__jump(b, (uint32_t)nh_rec_int(loop, NH_FIELD_TARGET_STEP, 0));
    return NH_OUTCOME_MOVED;
}

// ---- branches -----------------------------------------------------------------------------------

// In `on_stop`, where nothing waits, they are done one after the other.
int nh_step__parallel(nh_automation_t *a, struct nh_branch *b, nh_rec_t step)
{
    uint32_t count = nh_rec_count(step, NH_FIELD_BRANCHES);
    if (b->run->state == NH_RUN_STOPPING)
        return enter(a, b, nh_rec_element(step, NH_FIELD_BRANCHES, 0), NH_FIELD_STEPS,
                     NH_LIST_BRANCH, "branches");
    b->on.child_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        int err = nh_turn__fork(a, b, nh_rec_element(step, NH_FIELD_BRANCHES, i), i);
        if (err < 0) {
            nh_turn__free_children(a, b);
            return err;
        }
        b->on.child_count++;
    }
    return nh_wait__begin(a, b, NH_WAIT_BRANCHES, 0);
}

// ---- other scenarios ----------------------------------------------------------------------------

static struct nh_scenario *scenario_of(nh_automation_t *a, const struct nh_branch *b, nh_rec_t step)
{
    nh_span_t device = nh_rec_text(step, NH_FIELD_DEVICE);
    nh_span_t own = nh_scenario__device(b->run->scenario);
    return nh_scenario__find(a, device.len ? device : own, nh_rec_text(step, NH_FIELD_SCENARIO));
}

static int not_there(nh_automation_t *a, nh_rec_t step)
{
    nh_span_t id = nh_rec_text(step, NH_FIELD_SCENARIO);
    return nh_automation__fail(a, NH_ERR_NOT_FOUND, "there is no scenario %.*s", NH_TEXT(id));
}

int nh_step__run(nh_automation_t *a, struct nh_branch *b, nh_rec_t step)
{
    struct nh_automation_parameter parameters[NH_PARAMETER_MAX_COUNT];
    struct nh_scenario *s = scenario_of(a, b, step);
    bool waits = nh_rec_bool(step, NH_FIELD_AWAIT, false) && b->run->state != NH_RUN_STOPPING;
    if (!s)
        return not_there(a, step);
    int count = nh_step__parameters(a, b, step, parameters);
    if (count < 0)
        return count;
    const struct nh_start start = {.scenario = s,
                                   .origin = NH_ORIGIN_AUTOMATION,
                                   .parameters = parameters,
                                   .parameter_count = (size_t)count,
                                   .caller = waits ? b : NULL,
                                   .is_unfrozen = (b->run->flags & NH_RUN_UNFROZEN) != 0,
                                   .depth = waits ? (uint8_t)(b->run->depth + 1) : 0};
    int id = nh_run__start(a, &start);
    if (id < 0)
        return a->why[0] ? id
                         : nh_automation__fail(a, id, "%.*s: %s", NH_TEXT(nh_scenario__id(s)),
                                               id == NH_ERR_BUSY    ? "it runs, or is suspended"
                                               : id == NH_ERR_AGAIN ? "its conditions do not hold"
                                                                    : nh_err_text(id));
    NH_NOTE(a, "instance %d", id);
    if (!waits)
        return NH_OUTCOME_DONE;
    b->on.callee = NH_CONTAINER_OF(s->runs.prev, struct nh_run, link); // the newest stands last
    return nh_wait__begin(a, b, NH_WAIT_RUN, 0);
}

int nh_step__stop_scenario(nh_automation_t *a, struct nh_branch *b, nh_rec_t step)
{
    struct nh_scenario *s = scenario_of(a, b, step);
    if (!s)
        return not_there(a, step);
    int count = nh_run__stop_all(a, s, "stopped by another scenario");
    NH_NOTE(a, "%d instances", count);
    return NH_OUTCOME_DONE;
}
