#include "components/automation/dry_run.h"

#define STEP_MAX_COUNT 20000u
#define IDLE_MAX_COUNT 16u // a repeat without anything in it would go on for ever
#define INSTANCE_MAX_COUNT 64u

// ---- a world that does nothing ------------------------------------------------------------------

static int publish(void *ctx, const struct nh_automation_publish *m)
{
    (void)ctx;
    (void)m;
    return NH_OK;
}

static int play(void *ctx, const struct nh_automation_play *p)
{
    struct nh_dry *d = ctx;
    (void)p;
    return (int)++d->next_instance;
}

static int audio(void *ctx, const struct nh_automation_audio *c)
{
    (void)ctx;
    (void)c;
    return NH_OK;
}

static int lamp(void *ctx, nh_span_t json)
{
    (void)ctx;
    (void)json;
    return NH_OK;
}

// ---- telling ------------------------------------------------------------------------------------

void nh_dry__tell(nh_automation_t *a, const struct nh_scenario *s, const struct nh_trace_record *r)
{
    struct nh_dry *d = a->dry;
    if (d->line_count >= NH_DRY_LINE_MAX_COUNT) {
        d->is_cut = true;
        return;
    }
    d->line_count++;
    const struct nh_dry_line line = {.at_ms = a->now_ms - d->started_ms,
                                     .device = nh_scenario__device(s),
                                     .scenario = nh_scenario__id(s),
                                     .record = r};
    d->line(d->ctx, &line);
}

bool nh_dry__assumes(nh_automation_t *a, const struct nh_branch *b, enum nh_wait wait)
{
    (void)a;
    (void)b;
    return wait == NH_WAIT_FLAGS || wait == NH_WAIT_EVENT || wait == NH_WAIT_OPERATOR ||
           wait == NH_WAIT_AUDIO || wait == NH_WAIT_COMMAND;
}

// ---- life ---------------------------------------------------------------------------------------

static int copy_state(const nh_automation_t *from, nh_automation_t *to)
{
    NH_NAMES_EACH(&from->flags, f)
    {
        int err = ((struct nh_flag *)f)->value ? nh_flag__set(to, nh_name__span(f), true) : NH_OK;
        if (err < 0)
            return err;
    }
    NH_NAMES_EACH(&from->variables, v)
    {
        struct nh_value value = nh_variable__value((struct nh_variable *)v);
        int err =
            value.kind == NH_VALUE_NONE ? NH_OK : nh_variable__set(to, nh_name__span(v), &value);
        if (err < 0)
            return err;
    }
    return NH_OK;
}

static void copy_status(const nh_automation_t *from, nh_automation_t *to)
{
    for (uint32_t i = 0; i < to->plan.device_count; i++) {
        to->plan.devices[i]->status = from->plan.devices[i]->status;
        to->plan.devices[i]->changed_ms = from->plan.devices[i]->changed_ms;
    }
}

static int make(nh_automation_t *a, struct nh_dry *d)
{
    struct nh_automation_limits limits = a->limits;
    limits.instance_max_count = INSTANCE_MAX_COUNT;
    limits.publish_max_per_s = UINT32_MAX;
    // What is there is copied, also what only the set before names.
    limits.flag_max_count = limits.variable_max_count = UINT32_MAX;
    limits.log_max_count = 1;
    const struct nh_automation_config cfg = {
        .mem = a->mem,
        .limits = &limits,
        .out = {.publish = publish, .play = play, .audio = audio, .lamp = lamp, .ctx = d},
        .seed = a->seed,
        .now_ms = a->now_ms,
        .unix_ms = nh_automation__unix_ms(a),
        .utc_offset_min = a->utc_offset_min,
    };
    int err = nh_automation_create(&cfg, &d->engine);
    if (err < 0)
        return err;
    d->engine->is_dry = true;
    d->engine->dry = d;
    err = copy_state(a, d->engine);
    return err < 0 ? err
                   : nh_automation_devices_set(d->engine, a->plan.set, NH_AUTOMATION_KEEP,
                                               a->now_ms, NULL, NULL);
}

int nh_dry__begin(nh_automation_t *a, const struct nh_automation_run *r, nh_dry_fn line, void *ctx,
                  struct nh_dry *out)
{
    *out = (struct nh_dry){.line = line, .ctx = ctx, .started_ms = a->now_ms};
    if (!a->plan.set)
        return NH_ERR_NOT_FOUND;
    int err = make(a, out);
    if (err == NH_OK) {
        copy_status(a, out->engine);
        err = nh_automation_run(out->engine, r, a->now_ms);
    }
    if (err < 0)
        nh_dry__end(out);
    return err < 0 ? err : NH_OK;
}

bool nh_dry__next(struct nh_dry *d)
{
    nh_automation_t *a = d->engine;
    uint64_t due_ms = nh_automation_next_deadline(a);
    if (a->info.instance_count == 0 || due_ms == NH_NEVER || d->is_cut ||
        a->info.steps > STEP_MAX_COUNT || d->idle_count > IDLE_MAX_COUNT)
        return false;
    uint64_t steps = a->info.steps, now_ms = a->now_ms;
    nh_automation_tick(a, due_ms > a->now_ms ? due_ms : a->now_ms);
    d->idle_count = a->info.steps == steps && a->now_ms == now_ms ? d->idle_count + 1 : 0;
    return true;
}

void nh_dry__end(struct nh_dry *d)
{
    nh_automation_destroy(d->engine);
    d->engine = NULL;
}
