// homeassistant_parts.c - other parts of the hub: their entities, their states, their commands.

#include "components/homeassistant/homeassistant_state.h"

#include <stdio.h>
#include <string.h>

// ---- entities -----------------------------------------------------------------------------------

size_t nh_homeassistant__entities(const nh_homeassistant_t *ha)
{
    size_t count = nh_homeassistant__entity_count(&ha->device);
    for (size_t i = 0; i < ha->part_count; i++)
        count += ha->parts[i].p.entity_count;
    return count;
}

const struct nh_homeassistant_part *nh_homeassistant__part_of(const nh_homeassistant_t *ha,
                                                              size_t *at)
{
    size_t i = 0;
    *at -= nh_homeassistant__entity_count(&ha->device);
    while (*at >= ha->parts[i].p.entity_count)
        *at -= ha->parts[i++].p.entity_count;
    return &ha->parts[i].p;
}

// NULL: there is none.
static struct nh_homeassistant__part *find(nh_homeassistant_t *ha, const char *name)
{
    for (size_t i = 0; ha && i < ha->part_count; i++)
        if (strcmp(ha->parts[i].p.name, name) == 0)
            return &ha->parts[i];
    return NULL;
}

void nh_homeassistant_part_announce(nh_homeassistant_t *ha, const char *part)
{
    const struct nh_homeassistant__part *p = find(ha, part);
    if (!p)
        return;
    size_t first = nh_homeassistant__entity_count(&ha->device);
    for (const struct nh_homeassistant__part *q = ha->parts; q < p; q++)
        first += q->p.entity_count;
    if (ha->entity_next > first)
        ha->entity_next = first;
    nh_homeassistant__pump(ha);
}

// ---- states -------------------------------------------------------------------------------------

void nh_homeassistant__part_states_want(nh_homeassistant_t *ha)
{
    for (size_t i = 0; i < ha->part_count; i++)
        ha->parts[i].states = (1u << ha->parts[i].p.state_count) - 1;
}

bool nh_homeassistant__part_states_wait(const nh_homeassistant_t *ha)
{
    uint32_t any = 0;
    for (size_t i = 0; i < ha->part_count; i++)
        any |= ha->parts[i].states;
    return any != 0;
}

static int say_state(nh_homeassistant_t *ha, const struct nh_homeassistant_part *part, size_t at)
{
    char suffix[64];
    struct nh_json_buf buf = {.ptr = ha->payload, .cap = sizeof ha->payload};
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    const char *last = part->state_write(part->ctx, at, &w);
    if (!last)
        return NH_OK;
    snprintf(suffix, sizeof suffix, "%s/%s", part->name, last);
    if (nh_json_writer_end(&w) < 0) {
        ha->dropped_long++;
        return NH_ERR_TOO_LONG;
    }
    const nh_span_t payload = {(const uint8_t *)ha->payload, buf.len};
    return nh_homeassistant__say(ha, suffix, payload, true);
}

static int say_states(nh_homeassistant_t *ha, struct nh_homeassistant__part *part)
{
    for (size_t at = 0; at < part->p.state_count; at++) {
        if (!(part->states & 1u << at))
            continue;
        if (say_state(ha, &part->p, at) == NH_ERR_FULL)
            return NH_ERR_FULL;
        part->states &= ~(1u << at);
    }
    return NH_OK;
}

int nh_homeassistant__part_states_say(nh_homeassistant_t *ha)
{
    for (size_t i = 0; i < ha->part_count; i++)
        if (say_states(ha, &ha->parts[i]) == NH_ERR_FULL)
            return NH_ERR_FULL;
    return NH_OK;
}

void nh_homeassistant_part_changed(nh_homeassistant_t *ha, const char *part, size_t at)
{
    struct nh_homeassistant__part *p = find(ha, part);
    if (!p || at >= p->p.state_count)
        return;
    p->states |= 1u << at;
    nh_homeassistant__pump(ha);
}

// ---- commands -----------------------------------------------------------------------------------

// What of "devices/<name>/<part>/<what>/set", or ".../set": `what`. False: it is another topic.
static bool is_command(const nh_homeassistant_t *ha, const struct nh_homeassistant_part *part,
                       nh_span_t topic, nh_span_t *what)
{
    char head[NH_HOMEASSISTANT__TOPIC_MAX_BYTES];
    size_t len = (size_t)snprintf(head, sizeof head, "devices/%s/%s/", ha->name, part->name);
    if (topic.len < len + 3 || memcmp(topic.ptr, head, len) != 0 ||
        memcmp(topic.ptr + topic.len - 3, "set", 3) != 0)
        return false;
    *what = (nh_span_t){topic.ptr + len, topic.len - len - 3};
    if (what->len)
        what->len--; // the slash
    return true;
}

bool nh_homeassistant__part_hear(nh_homeassistant_t *ha, nh_span_t topic, nh_span_t payload)
{
    nh_span_t what;
    for (size_t i = 0; i < ha->part_count; i++) {
        const struct nh_homeassistant_part *part = &ha->parts[i].p;
        if (!part->command || !is_command(ha, part, topic, &what))
            continue;
        part->command(part->ctx, what, payload);
        return true;
    }
    return false;
}

// ---- life ---------------------------------------------------------------------------------------

static void make_filters(nh_homeassistant_t *ha)
{
    size_t n = 0, cap = sizeof ha->filter[0];
    snprintf(ha->filter[n++], cap, "%s/status", ha->prefix);
    for (size_t i = 0; i < ha->part_count; i++) {
        const struct nh_homeassistant_part *part = &ha->parts[i].p;
        if (!part->command)
            continue;
        snprintf(ha->filter[n++], cap, "devices/%s/%s/set", ha->name, part->name);
        snprintf(ha->filter[n++], cap, "devices/%s/%s/+/set", ha->name, part->name);
    }
    for (size_t i = 0; i < n; i++)
        ha->filters[i] = ha->filter[i];
}

int nh_homeassistant__parts_take(nh_homeassistant_t *ha, const struct nh_homeassistant_config *cfg)
{
    if (cfg->part_count > NH_HOMEASSISTANT_PART_MAX_COUNT)
        return NH_ERR_INVAL;
    for (size_t i = 0; i < cfg->part_count; i++) {
        if (cfg->parts[i].state_count > NH_HOMEASSISTANT_PART_STATE_MAX_COUNT)
            return NH_ERR_INVAL;
        ha->parts[i].p = cfg->parts[i];
    }
    ha->part_count = cfg->part_count;
    make_filters(ha);
    return NH_OK;
}
