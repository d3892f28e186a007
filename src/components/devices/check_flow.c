// check_flow.c - who sets what others wait for, and who starts whom. Warnings only.

#include "components/devices/check.h"
#include "mqtt/topic.h"

#include <string.h>

// More comparisons than this are not made, some tens of milliseconds: warnings are not worth more
// of the loop's time.
#define WORK_MAX_COUNT 500000u

static bool is_same(nh_span_t a, nh_span_t b)
{
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

// ---- every step ---------------------------------------------------------------------------------

typedef bool (*step_fn)(void *ctx, nh_rec_t step); // false: enough

static bool each_step(nh_rec_t owner, enum nh_field list, step_fn visit, void *ctx)
{
    static const enum nh_field inner[] = {NH_FIELD_THEN, NH_FIELD_ELSE, NH_FIELD_DEFAULT,
                                          NH_FIELD_STEPS};
    uint32_t count = nh_rec_count(owner, list);
    nh_rec_t step = nh_rec_first(owner, list);
    for (uint32_t i = 0; i < count; i++, step = nh_rec_next(step)) {
        if (!visit(ctx, step))
            return false;
        for (size_t f = 0; f < NH_ARRAY_LEN(inner); f++)
            if (!each_step(step, inner[f], visit, ctx))
                return false;
        uint32_t branches = nh_rec_count(step, NH_FIELD_BRANCHES);
        nh_rec_t b = nh_rec_first(step, NH_FIELD_BRANCHES);
        for (uint32_t n = 0; n < branches; n++, b = nh_rec_next(b))
            if (!each_step(b, NH_FIELD_STEPS, visit, ctx))
                return false;
    }
    return true;
}

// ---- flags --------------------------------------------------------------------------------------

// The flags that some scenario sets, found by their name: each use is then looked up once, however
// many scenarios there are. Open addressing, half empty at least.
static uint32_t slot_of(const struct nh_check_flags *f, nh_span_t flag)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < flag.len; i++)
        h = (h ^ nh_words__lower(flag.ptr[i])) * 16777619u;
    uint32_t at = (h ^ h >> 15) & (f->cap - 1);
    while (f->slot[at].ptr && !nh_words__equal_word(f->slot[at], flag))
        at = (at + 1) & (f->cap - 1);
    return at;
}

static bool count_set(void *ctx, nh_rec_t step)
{
    struct nh_check_flags *f = ctx;
    f->count += nh_rec_enum(step, NH_FIELD_TYPE, 0) == NH_STEP_SET_FLAG;
    return true;
}

static bool add_set(void *ctx, nh_rec_t step)
{
    struct nh_check_flags *f = ctx;
    if (nh_rec_enum(step, NH_FIELD_TYPE, 0) == NH_STEP_SET_FLAG) {
        nh_span_t flag = nh_rec_text(step, NH_FIELD_FLAG);
        f->slot[slot_of(f, flag)] = flag;
    }
    return true;
}

static void each_step_of_all(const nh_device_set_t *set, step_fn visit, void *ctx)
{
    for (uint32_t i = 0; i < set->scenario_count; i++) {
        nh_rec_t s = nh_device_set_scenario(set, i);
        each_step(s, NH_FIELD_STEPS, visit, ctx);
        each_step(s, NH_FIELD_ON_STOP, visit, ctx);
    }
}

void nh_check__flags_begin(struct nh_check *k)
{
    struct nh_check_flags *f = &k->flags;
    each_step_of_all(k->set, count_set, f);
    for (f->cap = 16; f->cap < 2 * f->count; f->cap *= 2)
        ;
    f->slot = nh_mem_alloc_zero(k->set->mem, f->cap * sizeof *f->slot, NH_MEM_BULK);
    if (f->slot)
        each_step_of_all(k->set, add_set, f);
}

void nh_check__flags_end(struct nh_check *k)
{
    nh_mem_free(k->set->mem, k->flags.slot);
    k->flags.slot = NULL;
}

// Without memory for the table nothing is told: it is a warning.
void nh_check__flag_used(const struct nh_check *k, const struct nh_pointer *at, nh_span_t flag)
{
    const struct nh_check_flags *f = &k->flags;
    if (f->slot && !f->slot[slot_of(f, flag)].ptr)
        nh_check__tell(k, at, NH_FIELD_FLAG, "flag_never_set", true,
                       "no scenario sets the flag \"%.*s\"", (int)flag.len, (const char *)flag.ptr);
}

// ---- topics that start something
// -----------------------------------------------------------------

struct start {
    nh_span_t filter;
    uint32_t device, scenario; // scenario UINT32_MAX: none that is known
    struct nh_pointer at;
};
typedef bool (*start_fn)(void *ctx, const struct start *s); // false: enough

static uint32_t scenario_named(const nh_device_set_t *set, uint32_t device, nh_span_t name)
{
    int at = nh_device_set_find_scenario(set, device, name);
    return at < 0 ? UINT32_MAX : (uint32_t)at;
}

static bool each_in(const struct nh_check *k, struct start *s, const struct nh_pointer *owner_at,
                    nh_rec_t owner, enum nh_field list, enum nh_field name, start_fn visit,
                    void *ctx)
{
    uint32_t count = nh_rec_count(owner, list);
    nh_rec_t r = nh_rec_first(owner, list);
    for (uint32_t i = 0; i < count; i++, r = nh_rec_next(r)) {
        s->filter = nh_rec_text(r, NH_FIELD_TOPIC);
        s->at = nh_check__element(owner_at, list, i);
        if (name != NH_FIELD_NONE)
            s->scenario = scenario_named(k->set, s->device, nh_rec_text(r, name));
        if (s->filter.len > 0 && !visit(ctx, s))
            return false;
    }
    return true;
}

static bool each_start_of(const struct nh_check *k, uint32_t device, start_fn visit, void *ctx)
{
    struct nh_pointer root;
    nh_pointer__init(&root);
    struct nh_pointer at = nh_check__element(&root, NH_FIELD_DEVICES, device);
    struct nh_pointer data_at = at;
    struct start s = {.device = device};
    nh_rec_t d = nh_device_set_device(k->set, device);
    nh_rec_t mqtt = nh_rec_object(nh_rec_object(d, NH_FIELD_TEMPLATE), NH_FIELD_MQTT);
    uint32_t count;
    uint32_t first = nh_device_set_scenarios_of(k->set, device, &count);
    nh_pointer__name(&data_at, nh_field_name(NH_FIELD_TEMPLATE), SIZE_MAX);
    nh_pointer__name(&data_at, nh_field_name(NH_FIELD_MQTT), SIZE_MAX);
    if (!each_in(k, &s, &at, d, NH_FIELD_TOPICS, NH_FIELD_NAME, visit, ctx) ||
        !each_in(k, &s, &data_at, mqtt, NH_FIELD_RULES, NH_FIELD_SCENARIO, visit, ctx))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct nh_pointer p = nh_check__element(&at, NH_FIELD_SCENARIOS, i);
        s.scenario = first + i;
        if (!each_in(k, &s, &p, nh_device_set_scenario(k->set, s.scenario), NH_FIELD_TRIGGERS,
                     NH_FIELD_NONE, visit, ctx))
            return false;
    }
    return true;
}

static void each_start(const struct nh_check *k, uint32_t device_end, start_fn visit, void *ctx)
{
    for (uint32_t d = 0; d < device_end; d++)
        if (!each_start_of(k, d, visit, ctx))
            return;
}

// The first device whose topic it is; others after it are told.
struct shared {
    const struct nh_check *k;
    const struct start *own;
    uint32_t work;
    int other;
};

static bool is_own_topic(void *ctx, const struct start *s)
{
    struct shared *h = ctx;
    if (h->own->device == s->device || !is_same(h->own->filter, s->filter))
        return ++h->work < WORK_MAX_COUNT;
    h->other = (int)s->device;
    return false;
}

static bool tell_shared(void *ctx, const struct start *s)
{
    struct shared *h = ctx;
    h->own = s;
    h->other = -1;
    each_start(h->k, s->device, is_own_topic, h);
    if (h->other < 0)
        return h->work < WORK_MAX_COUNT;
    nh_span_t id = nh_rec_text(nh_device_set_device(h->k->set, (uint32_t)h->other), NH_FIELD_ID);
    nh_check__tell(h->k, &s->at, NH_FIELD_TOPIC, "shared_topic", true,
                   "the device \"%.*s\" is started by this topic too", (int)id.len,
                   (const char *)id.ptr);
    return true;
}

// ---- scenarios that start themselves
// --------------------------------------------------------------

// A topic and the scenario that it starts.
struct edge {
    nh_span_t filter;
    uint32_t scenario;
};

struct reach {
    const struct nh_check *k;
    uint32_t work, from;
    uint8_t *is_reached; // a byte a scenario: 1 reached, 2 looked at
    struct edge *edge;
    uint32_t edge_count, edge_cap;
};

static bool count_edge(void *ctx, const struct start *s)
{
    struct reach *r = ctx;
    r->edge_cap += s->scenario != UINT32_MAX;
    return true;
}

static bool add_edge(void *ctx, const struct start *s)
{
    struct reach *r = ctx;
    if (s->scenario != UINT32_MAX && r->edge_count < r->edge_cap)
        r->edge[r->edge_count++] = (struct edge){s->filter, s->scenario};
    return true;
}

static void reach_by(struct reach *r, nh_span_t topic)
{
    for (uint32_t i = 0; i < r->edge_count; i++)
        if (!r->is_reached[r->edge[i].scenario] && nh_mqtt_topic_match(r->edge[i].filter, topic))
            r->is_reached[r->edge[i].scenario] = 1;
    r->work += r->edge_count;
}

static bool follow(void *ctx, nh_rec_t step)
{
    struct reach *r = ctx;
    int type = nh_rec_enum(step, NH_FIELD_TYPE, 0);
    if (type == NH_STEP_PUBLISH) {
        reach_by(r, nh_rec_text(step, NH_FIELD_TOPIC));
    } else if (type == NH_STEP_RUN) {
        nh_span_t id = nh_rec_text(step, NH_FIELD_DEVICE);
        int device = id.len ? nh_device_set_find_device(r->k->set, id)
                            : (int)nh_device_set_scenario_device(r->k->set, r->from);
        uint32_t s = device < 0 ? UINT32_MAX
                                : scenario_named(r->k->set, (uint32_t)device,
                                                 nh_rec_text(step, NH_FIELD_SCENARIO));
        if (s != UINT32_MAX && !r->is_reached[s])
            r->is_reached[s] = 1;
    }
    return ++r->work < WORK_MAX_COUNT;
}

// Whether a scenario comes back to itself through topics and `run`.
static bool starts_itself(struct reach *r, uint32_t scenario)
{
    uint32_t count = r->k->set->scenario_count;
    bool is_new = true;
    memset(r->is_reached, 0, count);
    r->from = scenario;
    each_step(nh_device_set_scenario(r->k->set, scenario), NH_FIELD_STEPS, follow, r);
    while (is_new && !r->is_reached[scenario]) {
        is_new = false;
        for (uint32_t i = 0; i < count; i++) {
            if (r->is_reached[i] != 1)
                continue;
            r->is_reached[i] = 2;
            r->from = i;
            is_new = true;
            each_step(nh_device_set_scenario(r->k->set, i), NH_FIELD_STEPS, follow, r);
        }
    }
    return r->is_reached[scenario];
}

static void check_loops(const struct nh_check *k)
{
    struct reach r = {.k = k};
    const nh_device_set_t *set = k->set;
    each_start(k, set->device_count, count_edge, &r);
    r.is_reached = nh_mem_alloc(set->mem, set->scenario_count + 1u, NH_MEM_BULK);
    r.edge = nh_mem_alloc(set->mem, (r.edge_cap + 1u) * sizeof *r.edge, NH_MEM_BULK);
    if (r.edge)
        each_start(k, set->device_count, add_edge, &r);
    for (uint32_t i = 0; r.is_reached && r.edge && i < set->scenario_count; i++) {
        uint32_t device = nh_device_set_scenario_device(set, i);
        if (r.work >= WORK_MAX_COUNT)
            break;
        if (!starts_itself(&r, i) || r.work >= WORK_MAX_COUNT)
            continue;
        struct nh_pointer root;
        nh_pointer__init(&root);
        struct nh_pointer d = nh_check__element(&root, NH_FIELD_DEVICES, device);
        struct nh_pointer p =
            nh_check__element(&d, NH_FIELD_SCENARIOS, i - set->devices[device].scenario_first);
        nh_check__tell(k, &p, NH_FIELD_STEPS, "starts_itself", true,
                       "what it publishes or runs starts it again");
    }
    nh_mem_free(set->mem, r.edge);
    nh_mem_free(set->mem, r.is_reached);
}

void nh_check__flow(const struct nh_check *k, const struct nh_pointer *root)
{
    struct shared h = {.k = k};
    (void)root;
    each_start(k, k->set->device_count, tell_shared, &h);
    check_loops(k);
}
