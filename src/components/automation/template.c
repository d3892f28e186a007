#include "components/automation/template_private.h"

#include <string.h>

static const struct nh_template__type *const types[] = {
    [NH_TEMPLATE_UID_VALIDATOR] = &nh_template__uid,
    [NH_TEMPLATE_SIGNAL_HOLD] = &nh_template__hold,
    [NH_TEMPLATE_ON_MQTT_EVENT] = &nh_template__mqtt,
    [NH_TEMPLATE_ON_FLAG] = &nh_template__flag_rules,
    [NH_TEMPLATE_IF_CONDITION] = &nh_template__condition,
    [NH_TEMPLATE_INTERVAL_TASK] = &nh_template__interval,
    [NH_TEMPLATE_SEQUENCE_LOCK] = &nh_template__sequence,
};
_Static_assert(NH_ARRAY_LEN(types) == NH_TEMPLATE_TYPE_COUNT, "a machine for each type");

// ---- what the machines share --------------------------------------------------------------------

bool nh_template__is_same(nh_span_t a, nh_span_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

bool nh_template__is_same_word(nh_span_t a, nh_span_t b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

bool nh_template__payload_fits(nh_rec_t rule, nh_span_t payload)
{
    nh_span_t want = nh_rec_text(rule, NH_FIELD_PAYLOAD);
    return !nh_rec_bool(rule, NH_FIELD_PAYLOAD_REQUIRED, want.len > 0) ||
           nh_template__is_same(want, payload);
}

static void publish_of(nh_template_t *t, nh_rec_t rec, enum nh_field topic, enum nh_field payload)
{
    nh_span_t text = nh_rec_text(rec, topic);
    if (text.len > 0)
        t->host->publish(t->ctx, text, nh_rec_text(rec, payload));
}

void nh_template__publish(nh_template_t *t, enum nh_field topic, enum nh_field payload)
{
    publish_of(t, t->rec, topic, payload);
}

uint32_t nh_template__play(nh_template_t *t, nh_span_t track)
{
    return track.len ? t->host->play(t->ctx, NH_CHANNEL_EFFECT, track, false) : 0;
}

void nh_template__start_scenario(nh_template_t *t, nh_span_t id)
{
    if (id.len > 0 && nh_device_set_find_scenario(t->set, t->device, id) >= 0)
        t->host->start(t->ctx, id);
}

void nh_template__stop(nh_template_t *t, uint32_t *instance)
{
    if (*instance)
        t->host->stop(t->ctx, *instance);
    *instance = 0;
}

void nh_template__visit(nh_span_t filter, void (*visit)(void *ctx, nh_span_t filter), void *ctx)
{
    if (filter.len > 0)
        visit(ctx, filter);
}

void nh_template__write_text(nh_json_writer_t *w, const char *key, nh_span_t text)
{
    nh_json_key(w, key);
    nh_json_string_n(w, (const char *)text.ptr, text.len);
}

// ---- life ---------------------------------------------------------------------------------------

static nh_rec_t template_of(const nh_device_set_t *set, uint32_t device)
{
    return nh_rec_object(nh_device_set_device(set, device), NH_FIELD_TEMPLATE);
}

static const struct nh_template__type *type_of(const nh_template_t *t)
{
    return types[t->type];
}

static nh_rec_t data_of(nh_rec_t template, const struct nh_template__type **type)
{
    *type = types[nh_rec_enum(template, NH_FIELD_TYPE, 0)];
    return nh_rec_object(template, (*type)->data);
}

size_t nh_template_bytes(const nh_device_set_t *set, uint32_t device)
{
    const struct nh_template__type *type;
    nh_rec_t template = template_of(set, device);
    nh_rec_t data = data_of(template, &type);
    if (!template.at)
        return 0;
    return sizeof(struct nh_template) +
           type->tail_bytes * (type->tail_bytes ? nh_rec_count(data, type->tail_list) : 0);
}

int nh_template_create(nh_mem_t *mem, const nh_device_set_t *set, uint32_t device,
                       const struct nh_template_host *host, void *ctx, nh_template_t **out)
{
    size_t bytes = nh_template_bytes(set, device);
    *out = NULL;
    if (bytes == 0)
        return NH_ERR_NOT_FOUND;
    nh_template_t *t = nh_mem_alloc_zero(mem, bytes, NH_MEM_BULK);
    if (!t)
        return NH_ERR_NOMEM;
    t->mem = mem;
    t->host = host;
    t->ctx = ctx;
    t->type = (uint8_t)nh_rec_enum(template_of(set, device), NH_FIELD_TYPE, 0);
    nh_template_rebind(t, set, device);
    *out = t;
    return NH_OK;
}

void nh_template_destroy(nh_template_t *t)
{
    if (t)
        nh_mem_free(t->mem, t);
}

void nh_template_rebind(nh_template_t *t, const nh_device_set_t *set, uint32_t device)
{
    const struct nh_template__type *type;
    t->set = set;
    t->device = device;
    t->rec = data_of(template_of(set, device), &type);
}

// ---- what comes in ------------------------------------------------------------------------------

void nh_template_start(nh_template_t *t, uint64_t now_ms)
{
    t->is_begun = true;
    if (type_of(t)->start)
        type_of(t)->start(t, now_ms);
}

void nh_template_message(nh_template_t *t, nh_span_t topic, nh_span_t payload, uint64_t now_ms)
{
    if (t->is_begun && type_of(t)->message)
        type_of(t)->message(t, topic, payload, now_ms);
}

void nh_template_flag(nh_template_t *t, nh_span_t name, bool state, uint64_t now_ms)
{
    (void)now_ms;
    if (t->is_begun && type_of(t)->flag)
        type_of(t)->flag(t, name, state);
}

void nh_template_audio_finished(nh_template_t *t, uint32_t instance, uint64_t now_ms)
{
    (void)now_ms;
    if (t->is_begun && instance && type_of(t)->audio_finished)
        type_of(t)->audio_finished(t, instance);
}

void nh_template_tick(nh_template_t *t, uint64_t now_ms)
{
    if (t->is_begun && type_of(t)->tick)
        type_of(t)->tick(t, now_ms);
}

uint64_t nh_template_next_deadline(const nh_template_t *t)
{
    return t->is_begun && type_of(t)->next_deadline ? type_of(t)->next_deadline(t) : NH_NEVER;
}

void nh_template_reset(nh_template_t *t, uint64_t now_ms)
{
    if (t->is_begun && type_of(t)->reset)
        type_of(t)->reset(t, now_ms);
}

void nh_template_filters_each(const nh_device_set_t *set, uint32_t device,
                              void (*visit)(void *ctx, nh_span_t filter), void *ctx)
{
    const struct nh_template__type *type;
    nh_rec_t data = data_of(template_of(set, device), &type);
    if (data.at && type->filters)
        type->filters(data, visit, ctx);
}

// ---- what it shows ------------------------------------------------------------------------------

enum nh_template_type nh_template_type(const nh_template_t *t)
{
    return (enum nh_template_type)t->type;
}

const char *nh_template_state(const nh_template_t *t)
{
    return type_of(t)->state ? type_of(t)->state(t) : "active";
}

void nh_template_monitor_write(const nh_template_t *t, nh_json_writer_t *w, uint64_t now_ms)
{
    nh_json_kv_string(w, "state", nh_template_state(t));
    if (type_of(t)->monitor)
        type_of(t)->monitor(t, w, now_ms);
}
