#include "components/automation/templates_use.h"

// ---- what a template does -----------------------------------------------------------------------

static void host_publish(void *ctx, nh_span_t topic, nh_span_t payload)
{
    struct nh_template_use *u = ctx;
    nh_publish__post(u->a, topic, payload);
}

static uint32_t host_play(void *ctx, enum nh_step_channel channel, nh_span_t track,
                          bool is_repeated)
{
    nh_automation_t *a = ((struct nh_template_use *)ctx)->a;
    const struct nh_automation_play p = {
        .channel = channel, .track = track, .is_repeated = is_repeated, .volume = -1};
    int rc = a->out.play ? a->out.play(a->out.ctx, &p) : NH_ERR_UNSUPPORTED;
    if (rc < 0)
        nh_log__add(a, NH_ORIGIN_AUTOMATION, "template", "not played: %.*s: %s", NH_TEXT(track),
                    nh_err_text(rc));
    return rc < 0 ? 0 : (uint32_t)rc;
}

// It may have ended meanwhile, so an error says nothing.
static void audio(void *ctx, enum nh_automation_audio_verb verb, uint32_t instance)
{
    nh_automation_t *a = ((struct nh_template_use *)ctx)->a;
    const struct nh_automation_audio c = {.verb = verb, .instance = instance};
    if (a->out.audio)
        (void)a->out.audio(a->out.ctx, &c);
}

static void host_pause(void *ctx, uint32_t instance)
{
    audio(ctx, NH_AUTOMATION_AUDIO_PAUSE, instance);
}

static void host_resume(void *ctx, uint32_t instance)
{
    audio(ctx, NH_AUTOMATION_AUDIO_RESUME, instance);
}

static void host_stop(void *ctx, uint32_t instance)
{
    audio(ctx, NH_AUTOMATION_AUDIO_STOP, instance);
}

static struct nh_scenario *scenario_of(const struct nh_template_use *u, nh_span_t id)
{
    int s = nh_device_set_find_scenario(u->a->plan.set, u->device, id);
    return s < 0 ? NULL : u->a->plan.scenarios[s];
}

static void host_start(void *ctx, nh_span_t scenario)
{
    struct nh_template_use *u = ctx;
    const struct nh_start s = {.scenario = scenario_of(u, scenario),
                               .origin = NH_ORIGIN_AUTOMATION};
    if (!s.scenario || u->is_ended)
        return;
    u->a->info.triggered++;
    NH_IGNORE(nh_run__start(u->a, &s)); // why it did not start stands in its trace
}

static bool host_is_running(void *ctx, nh_span_t scenario)
{
    const struct nh_scenario *s = scenario_of(ctx, scenario);
    return s && s->active_count > 0;
}

static bool host_flag(void *ctx, nh_span_t name)
{
    return nh_flag__is(((struct nh_template_use *)ctx)->a, name);
}

static void host_outcome(void *ctx, const char *word)
{
    struct nh_template_use *u = ctx;
    if (u->is_ended)
        return;
    nh_trigger__template(u->a, u->device, nh_span_of(word));
    nh_automation__changed(u->a, NH_AUTOMATION_MONITORS);
}

static const struct nh_template_host host = {
    .publish = host_publish,
    .play = host_play,
    .pause = host_pause,
    .resume = host_resume,
    .stop = host_stop,
    .start = host_start,
    .is_running = host_is_running,
    .flag = host_flag,
    .outcome = host_outcome,
};

// ---- which there are ----------------------------------------------------------------------------

static nh_rec_t record_of(const nh_device_set_t *set, uint32_t device)
{
    return nh_rec_object(nh_device_set_device(set, device), NH_FIELD_TEMPLATE);
}

// The device of the plan in force that has the same id and template; -1: none.
static int same_device(const nh_automation_t *a, const struct nh_plan *old,
                       const nh_device_set_t *set, uint32_t device)
{
    nh_span_t id = nh_rec_text(nh_device_set_device(set, device), NH_FIELD_ID);
    int at = old->set ? nh_device_set_find_device(old->set, id) : -1;
    (void)a;
    if (at < 0 || !old->uses[at] ||
        !nh_rec_equal(record_of(old->set, (uint32_t)at), record_of(set, device)))
        return -1;
    return at;
}

struct listen {
    nh_automation_t *a;
    uint32_t count, given; // filters seen; of them with a reference
    int err;
};

static void listen_on(void *ctx, nh_span_t filter)
{
    struct listen *l = ctx;
    struct nh_topic *t;
    l->count++;
    if (l->err < 0)
        return;
    l->err = nh_topic__get(l->a, filter, &t);
    if (l->err < 0)
        return;
    t->template_refs++;
    l->given++;
}

static int make_use(nh_automation_t *a, struct nh_plan *fresh, uint32_t device)
{
    struct nh_template_use *u = nh_mem_alloc(a->mem, sizeof *u, NH_MEM_BULK);
    if (!u)
        return NH_ERR_NOMEM;
    *u = (struct nh_template_use){.a = a, .device = device};
    int err = nh_template_create(a->mem, fresh->set, device, &host, u, &u->template);
    if (err < 0) {
        nh_mem_free(a->mem, u);
        return err;
    }
    fresh->uses[device] = u;
    return NH_OK;
}

int nh_templates__prepare(nh_automation_t *a, struct nh_plan *fresh)
{
    struct listen l = {.a = a};
    for (uint32_t i = 0; i < fresh->device_count && l.err == 0; i++) {
        if (!record_of(fresh->set, i).at)
            continue;
        nh_template_filters_each(fresh->set, i, listen_on, &l);
        fresh->template_topic_count = l.given;
        if (l.err == 0 && same_device(a, &a->plan, fresh->set, i) < 0)
            l.err = make_use(a, fresh, i);
    }
    return l.err;
}

void nh_templates__end(nh_automation_t *a, const struct nh_plan *fresh)
{
    struct nh_plan *old = &a->plan;
    for (uint32_t i = 0; i < fresh->device_count; i++) {
        int at = fresh->uses[i] || !record_of(fresh->set, i).at
                     ? -1
                     : same_device(a, old, fresh->set, i);
        if (at >= 0)
            old->uses[at]->goes_on = true;
    }
    for (uint32_t i = 0; i < old->device_count; i++) {
        struct nh_template_use *u = old->uses[i];
        if (u && !u->goes_on) {
            u->is_ended = true;
            nh_template_reset(u->template, nh_automation__room_ms(a));
        } else if (u) {
            u->goes_on = false; // for the next time
        }
    }
}

void nh_templates__begin(nh_automation_t *a, struct nh_plan *old)
{
    struct nh_plan *p = &a->plan;
    for (uint32_t i = 0; i < p->device_count; i++) {
        int at = p->uses[i] || !record_of(p->set, i).at ? -1 : same_device(a, old, p->set, i);
        if (at < 0)
            continue;
        p->uses[i] = old->uses[at];
        old->uses[at] = NULL;
        p->uses[i]->device = i;
        nh_template_rebind(p->uses[i]->template, p->set, i);
    }
    for (uint32_t i = 0; i < p->device_count; i++)
        if (p->uses[i] && !p->uses[i]->is_begun) {
            p->uses[i]->is_begun = true;
            nh_template_start(p->uses[i]->template, nh_automation__room_ms(a));
        }
}

static void listen_no_more(void *ctx, nh_span_t filter)
{
    struct listen *l = ctx;
    if (l->count++ >= l->given)
        return;
    struct nh_topic *t = (struct nh_topic *)nh_names__find(&l->a->topics, filter);
    t->template_refs--;
    nh_topic__put(l->a, t);
}

void nh_templates__free(nh_automation_t *a, struct nh_plan *p)
{
    struct listen l = {.a = a, .given = p->template_topic_count};
    for (uint32_t i = 0; i < p->device_count; i++) {
        if (p->uses[i]) {
            nh_template_destroy(p->uses[i]->template);
            nh_mem_free(a->mem, p->uses[i]);
        }
        if (record_of(p->set, i).at)
            nh_template_filters_each(p->set, i, listen_no_more, &l);
    }
}

// ---- what comes in ------------------------------------------------------------------------------

#define EACH_USE(a, u)                                                                             \
    for (uint32_t u##_at = 0; u##_at < (a)->plan.device_count; u##_at++)                           \
        for (struct nh_template_use *u = (a)->plan.uses[u##_at]; u; u = NULL)

void nh_templates__message(nh_automation_t *a, nh_span_t topic, nh_span_t payload)
{
    EACH_USE(a, u)
    nh_template_message(u->template, topic, payload, nh_automation__room_ms(a));
    nh_automation__changed(a, NH_AUTOMATION_MONITORS);
}

void nh_templates__flag(nh_automation_t *a, nh_span_t name, bool value)
{
    EACH_USE(a, u)
    nh_template_flag(u->template, name, value, nh_automation__room_ms(a));
}

void nh_templates__audio(nh_automation_t *a, uint32_t instance)
{
    EACH_USE(a, u)
    nh_template_audio_finished(u->template, instance, nh_automation__room_ms(a));
}

void nh_templates__tick(nh_automation_t *a)
{
    uint64_t room_ms = nh_automation__room_ms(a);
    EACH_USE(a, u)
    if (nh_template_next_deadline(u->template) <= room_ms) {
        nh_template_tick(u->template, room_ms);
        nh_automation__changed(a, NH_AUTOMATION_MONITORS);
    }
}

uint64_t nh_templates__next(const nh_automation_t *a)
{
    uint64_t next_ms = NH_NEVER;
    EACH_USE(a, u)
    if (nh_template_next_deadline(u->template) < next_ms)
        next_ms = nh_template_next_deadline(u->template);
    return next_ms;
}

void nh_templates__reset(nh_automation_t *a)
{
    EACH_USE(a, u)
    nh_template_reset(u->template, nh_automation__room_ms(a));
    nh_automation__changed(a, NH_AUTOMATION_MONITORS);
}

bool nh_templates__is(const nh_automation_t *a, nh_span_t device, nh_span_t outcome)
{
    const struct nh_device *d = nh_device__find(a, device);
    const struct nh_template_use *u = d ? a->plan.uses[d->index] : NULL;
    return u && nh_span__equal(nh_span_of(nh_template_state(u->template)), outcome);
}

int nh_automation_template_reset(nh_automation_t *a, nh_span_t device, enum nh_template_type type,
                                 enum nh_origin origin, uint64_t now_ms)
{
    if (!nh_automation__enter(a, now_ms))
        return NH_ERR_BUSY;
    const struct nh_device *d = nh_device__find(a, device);
    const struct nh_template_use *u = d ? a->plan.uses[d->index] : NULL;
    bool is_there = u && nh_template_type(u->template) == type;
    if (is_there) {
        nh_template_reset(u->template, nh_automation__room_ms(a));
        nh_log__add(a, origin, "reset", "%.*s", NH_TEXT(device));
        nh_automation__changed(a, NH_AUTOMATION_MONITORS);
    }
    nh_automation__leave(a);
    return is_there ? NH_OK : NH_ERR_NOT_FOUND;
}
